# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# bash completion for ctctl(8)

_ctctl() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	local prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands="list flush events count stats help"
	local options="-4 -6 -j -o -y -h --ipv4 --ipv6 --json --output --yes
		--help"
	local protocols="tcp udp icmp icmpv6 udplite sctp dccp gre"
	local filter="ipv4 ipv6 $protocols proto state status src dst sport
		dport reply-src reply-dst reply-sport reply-dport mark zone id"
	local command="" word i words

	# bash makes a word of the = in --output=json.
	[[ $prev != = ]] || prev=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $cur != = ]] || cur=

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-o | --output)
			((i++))
			[[ ${COMP_WORDS[i]} != = ]] || ((i++))
			;;
		-*)
			;;
		*)
			command=$word
			break
			;;
		esac
	done

	case $prev in
	-o | --output)
		words="table line json conntrack"
		;;
	proto)
		words=$protocols
		;;
	state)
		words="none syn_sent syn_recv established fin_wait close_wait
			last_ack time_wait close syn_sent2 closed cookie_wait
			cookie_echoed shutdown_sent shutdown_recd
			shutdown_ack_sent heartbeat_sent heartbeat_acked
			request respond partopen open closereq closing timewait"
		;;
	status)
		words="expected seen_reply assured confirmed src_nat dst_nat
			seq_adjust src_nat_done dst_nat_done dying
			fixed_timeout template helper offload hw_offload
			unreplied unassured"
		;;
	src | dst | sport | dport | reply-src | reply-dst | reply-sport | \
		reply-dport | mark | zone | id)
		return
		;;
	*)
		case $command in
		"") words="$commands $options" ;;
		list | flush) words="$filter $options" ;;
		events) words="new update destroy $filter $options" ;;
		help) words=$commands ;;
		*) words="-j -h" ;;
		esac
		[[ $cur == -* || -z $command ]] || words=${words%% -4 -6*}
		;;
	esac

	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _ctctl ctctl

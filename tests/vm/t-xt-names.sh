#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# By which names of iptables' world ct comes, and when the kernel's own does;
# what programs look for below /sys/module/nf_conntrack.
# seconds: 120
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
ours || { skip "names" "is about ct"; DONE=1; exit 0; }

NAMES='xt_CONNSECMARK xt_CT xt_cluster xt_connbytes xt_connlabel xt_connlimit
	xt_connmark xt_conntrack xt_helper xt_state'
NAT_NAMES='xt_MASQUERADE xt_NETMAP xt_REDIRECT xt_nat'
# Of netlink and nftables: by whom they come.
OTHERS='nf_conntrack_netlink:ct nf_nat:ct_nat nft_ct:ct_nft nft_connlimit:ct_nft
	nft_chain_nat:ct_nft_nat nft_nat:ct_nft_nat nft_masq:ct_nft_nat
	nft_redir:ct_nft_nat'
# shellcheck disable=SC2086 # each is a word
OTHER_NAMES=$(printf '%s\n' $OTHERS | sed 's/:.*//')
ALL="$NAMES $NAT_NAMES iptable_nat ip6table_nat $OTHER_NAMES"

# some WORD...: all of them; every fifth when it has to be quick, others with another
# kernel.
some()
{
	local n=0 word

	[ "$(uname -r | cut -d . -f 1-2)" = 6.1 ] || n=2
	for word; do
		n=$((n + 1))
		[ -n "${CT_QUICK:-}" ] && [ $((n % 5)) -ne 0 ] || echo "$word"
	done
}

# stock NAME: has this kernel such a module of its own?
stock()
{
	modinfo -k "$(uname -r)" "$1" >"$TMP/modinfo" 2>&1
}

gone()
{
	local module

	for module in ct_iptable_nat ct_ip6table_nat ct_nft_nat ct_xt_nat \
		ct_nat ct_nft ct_xt ct; do
		[ ! -e "/sys/module/$module" ] || rmmod $module || return
	done
}

stock_gone()
{
	local name

	for name in iptable_nat ip6table_nat $NAT_NAMES $NAMES; do
		! loaded "$name" || rmmod "$name"
	done
	# shellcheck disable=SC2086
	modprobe -r -q $OTHER_NAMES nf_conntrack
	! loaded nf_conntrack
}

# comes NAME MODULE: modprobe says nothing and is content, nor does the kernel.
comes()
{
	dmesg -C
	modprobe "$1" >"$TMP/said" 2>&1
	is "$1: modprobe is content" "$?" 0
	is "$1: and says nothing" "$(cat "$TMP/said")" ""
	check "$1: $2 came" loaded "$2"
	is "$1: the log has nothing" "$(dmesg | grep -v "taint\|evm: ")" ""
}

# --- with nothing there: each name brings ct's module ---

check_fails "ct is not there" loaded ct
for name in $NAMES; do
	comes "$name" ct_xt
	gone
done
for name in $NAT_NAMES; do
	comes "$name" ct_xt_nat
	gone
done
comes iptable_nat ct_iptable_nat
gone
comes ip6table_nat ct_ip6table_nat
gone
for name in $OTHERS; do
	comes "${name%:*}" "${name#*:}"
	gone
done

# As x_tables and nf_tables ask.
not_ours()
{
	local name alias

	for name in $NAMES $NAT_NAMES; do
		stock "$name" || continue
		for alias in $(modinfo -F alias "$name"); do
			[ "$(modprobe -R "$alias")" = "ct_or_$name" ] ||
				echo "$alias"
		done
	done
}
is "the kernel's names for all of them are the same" "$(not_ours)" ""

# --- while ct is there ---

modprobe ct
for name in $NAMES; do
	comes "$name" ct_xt
done
for name in $NAT_NAMES; do
	comes "$name" ct_xt_nat
done
comes iptable_nat ct_iptable_nat
comes ip6table_nat ct_ip6table_nat
for name in nf_conntrack:ct $OTHERS; do
	comes "${name%:*}" "${name#*:}"
done
for program in iptables-legacy iptables-nft ip6tables-legacy ip6tables-nft; do
	check "$program: a rule" $program -A INPUT -m conntrack \
		--ctstate NEW -m connlimit --connlimit-upto 5
	check "$program: and another" $program -t nat -A POSTROUTING \
		-o nosuch -j MASQUERADE
done
for name in $ALL nf_conntrack; do
	check_fails "$name is not there" loaded "$name"
done
check "nf_conntrack, which is not there, can go" modprobe -r nf_conntrack
for program in iptables-legacy iptables-nft ip6tables-legacy ip6tables-nft; do
	$program -F
	$program -t nat -F
done
for family in ip ip6; do
	nft "delete table $family nat; delete table $family filter"
done

# What ct does not have.
for name in ipt_SYNPROXY:ct_xt ip6t_SYNPROXY:ct_xt xt_ipvs:ct_xt \
	nft_flow_offload:ct_nft nft_synproxy:ct_nft; do
	comes "${name%:*}" "${name#*:}"
done
# needy: all other modules that need nf_conntrack.
needy()
{
	awk -F : '$2 ~ /\/nf_conntrack\.ko/ { print $1 }' \
		"/lib/modules/$(uname -r)/modules.dep" |
		sed 's,.*/,,; s/\.ko.*//' |
		grep -vxF "$(# shellcheck disable=SC2086
			printf '%s\n' $ALL ipt_SYNPROXY \
			ip6t_SYNPROXY xt_ipvs nft_flow_offload nft_synproxy)"
}
if stock nf_conntrack; then
	needed=$(needy)
	check "others need nf_conntrack" test "$(wc -w <<<"$needed")" -gt 30
	dmesg -C
	# shellcheck disable=SC2046,SC2086 # each is a word
	for name in $(some $needed $(modinfo -F alias $needed)); do
		modprobe "$name" >"$TMP/said" 2>&1
		is "$name is refused, and it is said why" \
			"$? $(grep -c ': ct, which is there, does not have it$' \
				"$TMP/said")" "1 1"
	done
	is "the kernel has tried none of them" "$(dmesg)" ""
fi

# --- what programs look for ---

HASHSIZE=/sys/module/nf_conntrack/parameters/hashsize
check "hashsize is there" test -e $HASHSIZE
is "for root" "$(stat -c '%a %U' $HASHSIZE)" "600 root"
# A bucket has the memory of eight of nf_conntrack's.
is "and is the size of the table" "$(cat $HASHSIZE)" \
	$((8 * $(sysctl -n net.netfilter.nf_conntrack_buckets)))
check "it may be set" sh -c "echo 16000 >$HASHSIZE"
is "to a power of two" "$(cat $HASHSIZE)" 16384
is "which is the table's" "$(sysctl -n net.netfilter.nf_conntrack_buckets)" 2048
# Two who want something else: each has what he wanted, one after the other.
sizes()
{
	for _ in $(seq 20); do
		echo "$1" >$HASHSIZE || echo "$1 failed"
	done
}
sizes 65536 >"$TMP/sizes" 2>&1 & one=$!
sizes 16384 >>"$TMP/sizes" 2>&1
wait $one
is "two may set it at once" "$(cat "$TMP/sizes")" ""
echo 16384 >$HASHSIZE
conntrack -F >"$TMP/flush" 2>&1
is "and stays" "$(cat $HASHSIZE)" 16384
for value in 0 -1 x "" 4294967296; do
	check_fails "not to '$value'" sh -c "echo $value >$HASHSIZE"
done
check_fails "nor to more than a table may have" \
	sh -c "echo 4294967295 >$HASHSIZE"
is "which changes nothing" "$(cat $HASHSIZE)" 16384
ip netns add n0
check_fails "nor in another namespace" \
	ip netns exec n0 sh -c "echo 64 >$HASHSIZE"
check "to less" sh -c "echo 1 >$HASHSIZE"
check "as far as it goes" test "$(cat $HASHSIZE)" -lt 16384
exec 5<$HASHSIZE
check "all goes, though it is open" until_true gone
exec 5<&-
check_fails "and that, too" test -e /sys/module/nf_conntrack

# --- nf_conntrack is there: so are the kernel's own ---

modprobe nf_conntrack
check "nf_conntrack loads then" loaded nf_conntrack
check "with a hashsize of its own" test -e $HASHSIZE
dmesg -C
for name in $ALL; do
	stock "$name" || continue
	modprobe "$name" >"$TMP/said" 2>&1
	is "$name: beside nf_conntrack the kernel's own comes" \
		"$? $(loaded "$name" && echo there)" "0 there"
done
for module in ct ct_xt ct_xt_nat ct_iptable_nat; do
	check_fails "$module did not" loaded $module
done
is "nobody tried" "$(dmesg | grep -w ct:)" ""
check_fails "ct refuses" modprobe ct
check "hashsize is there all the same" test -e $HASHSIZE
check "modprobe -r finds the kernel's own" modprobe -r xt_state
check_fails "which is gone" loaded xt_state
check "all go" until_true stock_gone
modprobe ct
check "ct has its own again" test -e $HASHSIZE
gone

# --- ct's modules are not there, or one of them is not ---

MODULES=/lib/modules/$(uname -r)
OURS=$MODULES/updates/ct
# few: of the kernel's modules only those which this is about, and what these need,
# since depmod reads each one that is there.
few()
{
	mkdir "$TMP/few"
	(
		cd "$MODULES" || return
		cp -r modules.{builtin*,order} updates "$TMP/few"
		grep -E '^kernel/net/(sched|(ipv[46]/)?netfilter)/' modules.dep |
			tr -s ': ' '\n' | sort -u |
			xargs cp --parents -t "$TMP/few"
	)
	mount --bind "$TMP/few" "$MODULES"
}
# without MODULE...: as if they had not been built.
without()
{
	local file

	mv "$OURS" "$TMP/ours"
	mkdir "$OURS"
	for file in "$TMP"/ours/*.ko; do
		case " $* " in
		*" $(basename "$file" .ko) "*) ;;
		*) ln -s "$file" "$OURS" ;;
		esac
	done
	depmod
}
with_all()
{
	rm -r "$OURS"
	mv "$TMP/ours" "$OURS"
	depmod
}
# missing MODULE...: without these $names, which they would come for, bring the kernel's.
missing()
{
	local name

	without "$@"
	dmesg -C
	# shellcheck disable=SC2086
	for name in $(some $names); do
		stock "$name" || continue
		modprobe "$name" >"$TMP/said" 2>&1
		is "without $*: $name is the kernel's own" \
			"$? $(loaded "$name" && echo there)" "0 there"
		until_true stock_gone
	done
	if stock xt_conntrack; then
		check "without $*: a rule finds one" iptables-legacy -A INPUT \
			-m conntrack --ctstate NEW
		check "without $*: of nf_conntrack" loaded nf_conntrack
		iptables-legacy -F INPUT
		until_true stock_gone
	fi
	if ! stock nf_conntrack; then
		with_all
		return
	fi
	# Who brings a configuration along, which is asked for again and again.
	modprobe -C /etc/modprobe.d xt_state >"$TMP/said" 2>&1
	is "without $*: with -C, too" \
		"$? $(cat "$TMP/said") $(loaded xt_state && echo there)" \
		"0  there"
	until_true stock_gone
	# An administrator's word about the tracker holds.
	echo 'install nf_conntrack /bin/false' \
		>'/etc/modprobe.d/t-xt names.conf'
	# shellcheck disable=SC2086
	for name in $(some $names) nf_conntrack; do
		check_fails "without $*: not $name, if nf_conntrack may not" \
			modprobe -q "$name"
	done
	check_fails "without $*: which did not come" loaded nf_conntrack
	echo 'options nf_conntrack hashsize=4096' \
		>'/etc/modprobe.d/t-xt names.conf'
	modprobe xt_state
	is "without $*: its options hold" "$(cat $HASHSIZE)" 4096
	until_true stock_gone
	rm '/etc/modprobe.d/t-xt names.conf'
	with_all
}
if stock nf_conntrack; then
	few
fi
names=$ALL
missing ct ct_nft ct_nat ct_nft_nat ct_xt ct_xt_nat ct_iptable_nat \
	ct_ip6table_nat
names="$NAMES $NAT_NAMES iptable_nat ip6table_nat"
missing ct_xt ct_xt_nat ct_iptable_nat ct_ip6table_nat
check "with them there it is ct's again" modprobe xt_conntrack
check "indeed" loaded ct_xt
gone
if [ -d "$TMP/few" ]; then
	umount "$MODULES"
fi

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rulesets of nftables and iptables as programs write them, with ct and with the
# kernel's own modules: each packet, and whatever answers it, fares the same
# (probe.py). Besides one that is here, those in the directory CT_RULESETS, by default
# the shared one beside the checkout.
# seconds: 100
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
ours || { skip "rulesets" "is about ct, and the others beside it"; DONE=1; exit 0; }
# shellcheck source=tests/vm/rulesets.sh
. "$HERE/rulesets.sh"
COUNT=200
# Quick: some of them, others with another kernel.
EVERY=1 n=0
if [ -n "${CT_QUICK:-}" ]; then
	COUNT=60 EVERY=16
	[ "$(uname -r | cut -d . -f 1-2)" = 6.1 ] || n=8
fi

modprobe tun
mkdir "$TMP/rulesets"
cat >"$TMP/rulesets/gateway.nft" <<-'END'
	table inet gateway {
		chain prerouting {
			type nat hook prerouting priority -100
			iifname "wan0" tcp dport 8080 dnat ip to 192.168.7.2:80
		}
		chain postrouting {
			type nat hook postrouting priority 100
			oifname "wan0" ip saddr 192.168.7.0/24 masquerade
		}
		chain forward {
			type filter hook forward priority 0; policy drop
			ct state established,related accept
			ct status dnat accept
			iifname "lan0" oifname "wan0" ip saddr 192.168.7.0/24 accept
			iifname "lan0" reject with icmpx admin-prohibited
		}
		chain input {
			type filter hook input priority 0; policy drop
			ct state established,related accept
			iifname "lan0" tcp dport { 22, 53 } accept
			udp dport 53 ct state new accept
			tcp dport 22 reject with tcp reset
		}
	}
END
if [ -d "$CT_RULESETS" ]; then
	for file in "$CT_RULESETS"/*.{nft,iptables,rules,restore}; do
		n=$((n + 1))
		[ ! -e "$file" ] || [ $((n % EVERY)) -ne 0 ] ||
			ruleset "$file" >"$TMP/rulesets/${file##*/}"
	done
else
	skip "others' rulesets" "no $CT_RULESETS"
fi

# record DIR: what comes of each, and why it is not loaded, in DIR/NAME.why.
record()
{
	local file name load

	mkdir "$1"
	for file in "$TMP"/rulesets/*; do
		name=$1/${file##*/} families='4 6'
		case $file in
		*.nft) load=(nft -f -) ;;
		*6.rules) load=(ip6tables-nft-restore) families=6 ;;
		*) load=(iptables-legacy-restore) families=4 ;;
		esac
		namespace r
		ip netns exec r sysctl -q net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.conf.default.rp_filter=0
		FAMILIES=$families ip netns exec r python3 "$HERE/probe.py" "$file" \
			$COUNT "${load[@]}" >"$name" 2>"$name.why"
		iptables_flush r 2>"$TMP/err"
		ip netns exec r nft flush ruleset
		ip netns del r
	done
}

HOOKS=demand must_load
record "$TMP/ct"
unload
modprobe nf_conntrack
record "$TMP/stock"
waiting='' passed=0
for file in "$TMP"/stock/*; do
	name=${file##*/}
	case $name in
	*.why) continue ;;
	esac
	if ! grep -qx 'status 0' "$file"; then
		is "$name: not loaded, by either" "$(head -n 1 "$TMP/ct/$name")" \
			"$(head -n 1 "$file")"
		echo "# $name: $(head -n 1 "$file.why")"
	elif grep -qx 'status 1' "$TMP/ct/$name" &&
		grep -q 'ct helper\|flowtable' "$TMP/rulesets/$name"; then
		waiting+=" $name"
	else
		is "$name: packets fare as with nf_conntrack" \
			"$(diff "$file" "$TMP/ct/$name" | head -n 6)" ""
		passed=$((passed + $(grep -c 'goes on' "$file")))
	fi
done
echo "# these wait for helpers or flow tables:$waiting"
check "packets passed, and were answered" test $passed -ge 3
"$HERE/guest" --sweep

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rulesets of iptables as programs write them: each loads and is saved the same
# with ct and with the kernel's own modules, legacy and nft. Besides two that are
# here, those in the directory CT_RULESETS, by default the shared one beside the
# checkout: *.iptables, *.rules, *.restore.
# seconds: 40
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
ours || { skip "rulesets" "is about ct, and the others beside it"; DONE=1; exit 0; }
# shellcheck source=tests/vm/rulesets.sh
. "$HERE/rulesets.sh"

mkdir "$TMP/rulesets"
cat >"$TMP/rulesets/containers.iptables" <<-'END'
	*nat
	:PREROUTING ACCEPT [0:0]
	:POSTROUTING ACCEPT [0:0]
	:PUBLISHED - [0:0]
	-A PREROUTING -p tcp -m tcp --dport 8080 -j PUBLISHED
	-A OUTPUT ! -d 127.0.0.0/8 -p tcp -m tcp --dport 8080 -j PUBLISHED
	-A PUBLISHED -p tcp -j DNAT --to-destination 172.30.0.2:80
	-A POSTROUTING -s 172.30.0.0/16 ! -o br0 -j MASQUERADE
	COMMIT
	*filter
	:FORWARD DROP [0:0]
	-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	-A FORWARD -m conntrack --ctstate DNAT -p tcp -m tcp --dport 80 -j ACCEPT
	-A FORWARD -i br0 ! -o br0 -j ACCEPT
	COMMIT
END
cat >"$TMP/rulesets/zones6.rules" <<-'END'
	*raw
	-A PREROUTING -i veth3 -j CT --zone 3
	-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
	-A OUTPUT -o veth3 -j CT --zone 3 --ctevents new,destroy
	COMMIT
	*mangle
	-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
	-A POSTROUTING -m connmark ! --mark 0x1/0xff -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff
	COMMIT
	*filter
	-A INPUT -p tcp -m tcp --dport 22 -m state --state NEW -m connlimit --connlimit-above 3 --connlimit-mask 64 --connlimit-saddr -j DROP
	-A INPUT -m connbytes --connbytes 1000000 --connbytes-mode bytes --connbytes-dir both -j DROP
	COMMIT
END
if [ -d "$CT_RULESETS" ]; then
	for file in "$CT_RULESETS"/*.{iptables,rules,restore}; do
		ruleset "$file" >"$TMP/rulesets/${file##*/}"
	done
else
	skip "others' rulesets" "no $CT_RULESETS"
fi

# programs_of FILE: of programs(), those of its family.
programs_of()
{
	local program family=iptables

	case $1 in
	*6.rules | *6.iptables | *6.restore) family=ip6tables ;;
	esac
	for program in $(programs); do
		[ "${program%-*}" != $family ] || echo "$program"
	done
}

# record DIR: what becomes of each, as text; and why, in DIR/NAME.why.
record()
{
	local file name program

	mkdir "$1"
	for file in "$TMP"/rulesets/*; do
		for program in $(programs_of "$file"); do
			name=$1/$(basename "$file").$program
			ip netns add r
			ip netns exec r "$program-restore" -n <"$file" \
				2>"$name.why"
			echo "status $?" >"$name"
			saved >>"$name"
			if [ "${2-}" = again ] && [ -z "${CT_QUICK:-}" ]; then
				saved >"$TMP/once"
				ip netns exec r "$program-restore" <"$TMP/once" \
					2>"$TMP/err"
				is "${name##*/}: what is saved restores the same" \
					"$(saved | diff "$TMP/once" -)" ""
			fi
			iptables_flush r 2>"$TMP/err"
			ip netns exec r nft flush ruleset
			ip netns del r
		done
	done
}

# saved: of r, without times and counters.
saved()
{
	ip netns exec r "$program-save" 2>"$TMP/err" |
		sed '/^#/d; s/ \[[0-9:]*\]$//'
}

HOOKS=demand must_load
record "$TMP/ct" again
check "ct did it" loaded ct_xt
check "and its NAT" loaded ct_xt_nat
unload
modprobe nf_conntrack
record "$TMP/stock"
unloaded=0
check "some are recorded" test "$(find "$TMP/ct" -type f | wc -l)" -ge 4
for file in "$TMP"/ct/*; do
	name=${file##*/}
	case $name in
	*.why) continue ;;
	esac
	if ! grep -qx 'status 0' "$TMP/stock/$name"; then
		is "$name: not loaded, by either" "$(head -n 1 "$file")" \
			"$(head -n 1 "$TMP/stock/$name")"
		unloaded=$((unloaded + 1))
		echo "# $name: $(head -n 1 "$TMP/stock/$name.why")"
		continue
	fi
	is "$name: loads as with nf_conntrack" \
		"$(diff "$file" "$TMP/stock/$name") $(
			sed "/^# Warn/d" "$file.why")" " "
done
check "nf_conntrack did that" loaded nf_conntrack
check "most do load" test $unloaded -le 2
"$HERE/guest" --sweep

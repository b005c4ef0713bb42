#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's log: lines that strangers can cause are bounded, what is not
# printed is counted, and nobody silences the first namespace. (Invalid packets:
# t-invalid; dropped at the limit: t-limit.)
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
ours || { skip "the log" "is about ct"; DONE=1; exit 0; }

# lines REGEX
lines()
{
	dmesg | grep -Ec -- "$1"
}

# counted REGEX: the sum of the numbers before "not logged" and "of namespaces".
counted()
{
	dmesg | grep -E -- "$1" |
		grep -Eo '[0-9]+ (more not logged|not logged of|of namespaces)' |
		awk '{ n += $1 } END { print n + 0 }'
}

# bounded LINES SECONDS: no more in each five seconds of so many that passed.
bounded()
{
	[ "$1" -le $(("$2" * ((SECONDS - start) / 5 + 2))) ]
}

# Neither ct nor nf_conntrack loads beside the other.
modprobe nf_conntrack
dmesg -C
start=$SECONDS
for _ in $(seq 40); do
	modprobe -q ct
done
check "\"not loaded\" is bounded" bounded "$(lines '\] ct: not loaded')" 10
# The kernel's own count: ours does not outlive the module.
sleep 6
modprobe -q ct
is "what was not said is counted" $(($(lines '\] ct: not loaded') +
	$(dmesg | sed -n 's/.*net_ratelimit: \([0-9]*\) callbacks.*/\1/p' |
		awk '{ n += $1 } END { print n + 0 }'))) 41
modprobe -r -q nf_conntrack
load_ct demand
dmesg -C
start=$SECONDS
for _ in $(seq 40); do
	modprobe -q nf_conntrack-2
done
check "\"nf_conntrack refused\" is bounded" \
	bounded "$(lines 'ct: nf_conntrack refused')" 10
sleep 6
modprobe -q nf_conntrack-2
is "what was not said is counted, too" \
	$(($(lines 'ct: nf_conntrack refused') + $(counted refused))) 41

# What rules ask for in vain, 15 times in one batch.
modprobe ct_nft
for i in $(seq 15); do
	echo "add table ip t$i"
	echo "add synproxy ip t$i s { mss 1460; wscale 7; }"
done >"$TMP/many"
head -n 2 "$TMP/many" >"$TMP/one"
refused='ct_nft: synproxy: ct does not have it'
namespace made

dmesg -C
start=$SECONDS
for _ in $(seq 8); do
	unshare -Urn nft -f "$TMP/many" 2>"$TMP/err"
done
check "user namespaces share a bound" bounded "$(lines "$refused")" 30
untold=$((8 * 15 - $(lines "$refused") - $(counted "$refused")))
dmesg -C
ip netns exec made nft -f "$TMP/many" 2>"$TMP/err"
is "an administrator's has a share of its own" "$(lines "$refused")" 10
nft -f "$TMP/many" 2>"$TMP/err"
is "and so has the first one" "$(lines "$refused")" 20
check "each line names the namespace" test "$(lines \
	"in namespace $(stat -L -c %i /proc/self/ns/net)\$")" -eq 10
sleep 6
nft -f "$TMP/one" 2>"$TMP/err"
is "the next line counts what was left out" "$(counted "$refused")" 5
ip netns exec made nft -f "$TMP/one" 2>"$TMP/err"
is "in the other one, too" "$(counted "$refused")" 10

# Namespaces that go leave their count to the next one.
dmesg -C
for _ in $(seq 8); do
	unshare -Urn nft -f "$TMP/many" 2>"$TMP/err"
done
asked=$((untold + 8 * 15))
all_told()
{
	unshare -Urn nft -f "$TMP/one" 2>"$TMP/err"
	asked=$((asked + 1))
	[ $(($(lines "$refused") + $(counted "$refused"))) -eq $asked ]
}
sleep 6
check "what namespaces did not tell is counted when they are gone" \
	until_true all_told

check "unload" unload

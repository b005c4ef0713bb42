#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rules that come and go while connections stay, what ct count remembers of
# those that went, sets with it, and what a bridge shows:
#
#          n4 ── p4 ┐            ┌ p5 ── n5
#                   └─ br0 in n3 ┘
# seconds: 50
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# Tracking is on by rules only: they are there before namespaces are.
HOOKS=demand must_load
topology

# fresh RULE...: in the chain forward, each with a counter; nothing else.
fresh()
{
	local rule

	n0 nft flush ruleset
	n0 nft -f - <<-END
		table inet t {
			set s { type ipv4_addr; flags dynamic; }
			chain forward { type filter hook forward priority 0; }
		}
	END
	for rule; do
		n0 nft add rule inet t forward "$rule" ||
			not_ok "the rule '$rule'"
	done
}

# hits N: packets that the counter of the Nth rule saw.
hits()
{
	n0 nft list chain inet t forward |
		sed -n 's/.*counter packets \([0-9]*\) .*/\1/p' | sed -n "$1p"
}

# --- a gap ---

# The client says a number: so many times 16 KiB go there and back.
echo_server n2 7
fresh 'ct state established counter'
mkfifo "$TMP/say"
n1 python3 -u -c '
import socket, sys
s = socket.create_connection(("10.0.2.1", 7))
for line in sys.stdin:
    for _ in range(int(line)):
        s.sendall(bytes(16384))
        left = 16384
        while left:
            left -= len(s.recv(left))
    print("done", line)' <"$TMP/say" >"$TMP/said" &
client=$!
exec 8>"$TMP/say"
talk()
{
	echo "$1" >&8
	until_true grep -q "^done $1\$" "$TMP/said"
}
check "a connection is used" talk 3
check "and followed" test "$(hits 1)" -gt 0
n0 nft flush ruleset
check "without rules it goes on" talk 200
fresh 'ct state invalid counter' 'ct state established counter'
check "with rules, too" talk 5
is "nothing of it is invalid" "$(hits 1)" 0
check "all of it is established" test "$(hits 2)" -gt 0
seen "it is the entry that was there" 'tcp .*ESTABLISHED .*dport=7 .*ASSURED'
exec 8>&-
wait $client

# --- ct count ---

# send SOURCE PORT FIRST N: a datagram from each of N ports.
send()
{
	n1 python3 -c '
import socket, sys
source, port, first, n = sys.argv[1], *map(int, sys.argv[2:])
for sport in range(first, first + n):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((source, sport))
    s.sendto(b"x", ("10.0.2.1", port))' "$@"
}

fresh 'udp dport { 9, 10 } ct count over 1 counter'
flush
send 10.0.1.1 10 2000 70
is "70 connections: all but the first are over 1" "$(hits 1)" 69
send 10.0.1.1 9 3000 1
is "so is another" "$(hits 1)" 70
n0 conntrack -D -p udp --dport 10 >"$TMP/deleted" 2>&1
is "70 of them end" "$(grep -c dport=10 "$TMP/deleted")" 70
send 10.0.1.1 9 3000 1
before=$(hits 1)
send 10.0.1.1 9 3000 1
if ours; then
	is "what is left is one" "$(hits 1)" "$before"
else
	# Known, and of nf_conntrack: one that is behind 64 dead counts twice.
	echo "# of what is left, $(($(hits 1) - before)) is over 1"
fi

ip -n n1 addr add 10.0.1.2/24 dev veth
fresh 'udp dport 9 add @s { ip saddr ct count over 1 } counter'
flush
send 10.0.1.1 9 2000 3
is "two of three of one source are too many" "$(hits 1)" 2
send 10.0.1.2 9 2000 1
is "the first one of another is not" "$(hits 1)" 2
n0 nft list set inet t s >"$TMP/set"
is "each has its element" "$(grep -o '10\.0\.1\.[12] ct count over 1' "$TMP/set" |
	sort | tr '\n' ' ')" "10.0.1.1 ct count over 1 10.0.1.2 ct count over 1 "
flush
no_elements()
{
	! n0 nft list set inet t s | grep -q elements
}
check "without connections elements go" until_true no_elements
send 10.0.1.1 9 2000 1
is "and one may come again" "$(hits 1)" 2

# --- a bridge ---

if ours; then
	for ns in n3 n4 n5; do
		namespace $ns
	done
	link n4 veth n3 p4
	link n5 veth n3 p5
	address n4 veth 10.0.5.1/24
	address n5 veth 10.0.5.2/24
	modprobe br_netfilter
	ip -n n3 link add br0 type bridge
	ip -n n3 link set p4 master br0
	ip -n n3 link set p5 master br0
	ip -n n3 link set br0 up
	n3() { ip netns exec n3 "$@"; }
	n4() { ip netns exec n4 "$@"; }
	# by_state SYSCTL: packets of a ping that are invalid before
	# br_netfilter, then invalid and not in forward.
	by_state()
	{
		n3 sysctl -q "net.bridge.bridge-nf-call-iptables=$1"
		n3 nft -f - <<-END
			flush ruleset
			table bridge t {
				chain early {
					type filter hook prerouting priority filter
					ether type ip ct state invalid counter
				}
				chain forward {
					type filter hook forward priority filter
					ether type ip ct state invalid counter
					ether type ip ct state new,established counter
				}
			}
		END
		n4 ping -q -c 1 10.0.5.2 >"$TMP/ping"
		n3 nft list ruleset | sed -n 's/.* packets \([0-9]*\) .*/\1/p' |
			tr '\n' ' '
	}
	until_true n4 ping -q -c 1 -W 1 10.0.5.2
	is "on a bridge all is invalid" "$(by_state 0)" "2 2 0 "
	is "behind br_netfilter nothing is" "$(by_state 1)" "2 0 2 "
	n3 nft flush ruleset
fi

# --- the end of a namespace ---

send 10.0.1.1 9 2000 3
is "before the end there are elements" \
	"$(n0 nft list set inet t s | grep -c 'ct count over 1')" 1
jobs -p | xargs -r kill
for ns in n0 n1 n2; do
	ip netns pids $ns | xargs -r kill -9
	ip netns del $ns
done
if ours; then
	check "rules and elements go with their namespace" until_true rmmod ct_nft
	check "and ct" rmmod ct
else
	check "rules and elements go with their namespace" \
		until_true modprobe -r nft_connlimit nft_ct
fi

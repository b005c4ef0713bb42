#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Three rulesets as people have them, for a workstation, a server with limits,
# and a router with two customers who have the same addresses: each under a port
# scan, a flood of SYNs and what it is there for, all at once. What the counters
# are to show is told here, and is the same with nf_conntrack.
# seconds: 150
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# Ten SYNs of each host, in less time than a half-open connection is kept.
HOSTS=$((200 / ${CT_SLOW:-1}))
SCANNED=300 FLOOD=$((10 * HOSTS)) STRANGE=100 ASKED=15

topology
must_load
# The scanner is another one than the customer, and those who flood are nobody:
# what is answered to them goes nowhere.
address n1 veth 10.0.1.66/24
ip -n n1 route add blackhole 198.51.100.0/24
ip -n n0 route add 198.51.100.0/24 via 10.0.1.1
echo_server n2 7

# counted NS NAME: packets that the rule with this comment saw.
counted()
{
	ip netns exec "$1" nft list ruleset |
		sed -n "s|.* packets \([0-9]*\) .*comment \"$2\"\$|\1|p"
}

# send NS TO <<PROGRAM: raw packets: send(packet) of raw.py's.
send()
{
	ip netns exec "$1" python3 -c '
import socket, sys
from raw import *
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
to = sys.argv[1]
hosts, scanned, flood, strange = map(int, sys.argv[2:])
host = bytes(map(int, to.split(".")))
def send(packet):
    s.sendto(packet, (to, 0))
def address(n):
    return "198.51.100.%d" % (1 + n % hosts)
exec(compile(sys.stdin.read(), "send", "exec"))' \
		"$2" $HOSTS $SCANNED $FLOOD $STRANGE || not_ok "packets from $1 to $2"
}

# load_of NS TO: a scan of closed ports, flags that no end sends, and a flood.
load_of()
{
	send "$1" "$2" <<-END
		for n in range(max(flood, scanned, strange)):
		    if n < flood:
		        send(tcp_packet(address(n), to, 1024 + n, 7, "S", 1000))
		    if n < scanned:
		        send(tcp_packet("$3", to, 40000, 2001 + n, "S", 1000))
		    if n < strange:
		        send(tcp_packet("$3", to, 40001, 7, "FSPU", 1000))
	END
}

# served NS TO: how many of \$ASKED connections, one after the other, answer.
served()
{
	local good=0

	for _ in $(seq $ASKED); do
		[ "$(ask_tcp "$1" "$2" 7)" != hello ] || good=$((good + 1))
	done
	echo $good
}

# long_talk NS TO: a connection that stays, and says a word when it is told to.
long_talk()
{
	(
		until [ -e "$TMP/speak.$1" ]; do
			sleep 0.2
		done
		echo "still here"
		sleep 3
	) | ip netns exec "$1" socat - "TCP:$2:7" >"$TMP/said.$1" &
}

speaks()
{
	touch "$TMP/speak.$1"
	check "an open connection goes on" until_true \
		grep -q "still here" "$TMP/said.$1"
	rm "$TMP/speak.$1"
}

# A workstation: what it asked for, a service, ping in moderation.
n2 nft -f - <<-'END'
	table inet firewall {
		chain inbound_ipv4 {
			icmp type echo-request limit rate 5/second burst 5 packets accept
		}
		chain inbound_ipv6 {
			icmpv6 type { nd-neighbor-solicit, nd-router-advert, nd-neighbor-advert } accept
			icmpv6 type echo-request limit rate 5/second burst 5 packets accept
		}
		chain inbound {
			type filter hook input priority filter; policy drop;
			ct state vmap { established : accept, related : accept, invalid : jump bad }
			iifname lo accept
			meta protocol vmap { ip : jump inbound_ipv4, ip6 : jump inbound_ipv6 }
			tcp dport 7 ct state new counter accept comment "service"
			tcp dport 2001-2300 counter comment "scan"
			meta l4proto { tcp, udp } counter drop comment "rest"
		}
		chain bad {
			counter drop comment "invalid"
		}
		chain forward {
			type filter hook forward priority filter; policy drop;
		}
	}
END
long_talk n1 10.0.2.1
until_true has_entry 'ESTABLISHED.*dport=7'
load_of n1 10.0.2.1 10.0.1.66 &
busy=$!
is "a workstation serves all the while" "$(served n1 10.0.2.1)" $ASKED
check "and may ask others itself" n2 ping -q -c 2 10.0.1.1
speaks n1
check_fails "what it does not serve is closed" \
	n1 socat -u OPEN:/dev/null TCP:10.0.2.1:2001,connect-timeout=2
is "UDP as well" "$(ask_udp n1 10.0.2.1 7)" ""
wait $busy
check "it answers ping" n1 ping -q -c 3 10.0.2.1
is "the service saw the flood, and who was served" \
	"$(counted n2 service)" $((FLOOD + ASKED + 1))
check "the scan met closed ports" test "$(counted n2 scan)" -gt $SCANNED
is "strange flags are invalid" "$(counted n2 invalid)" $STRANGE
n2 nft delete table inet firewall
n2 conntrack -F >"$TMP/flush" 2>&1
flush

# A server: so many connections at once from each address, so many new ones.
n2 nft -f - <<-'END'
	table inet server {
		set busy {
			type ipv4_addr
			flags dynamic
			size 4096
		}
		chain input {
			type filter hook input priority filter; policy drop;
			ct state invalid counter drop comment "invalid"
			ct state established,related accept
			icmp type echo-request accept
			icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
			tcp dport 7 ct state new add @busy { ip saddr ct count over 4 } counter drop comment "too many"
			tcp dport 7 ct state new counter accept comment "service"
			udp dport 7 ct state new meter often { ip saddr limit rate over 1/minute burst 5 packets } counter drop comment "too often"
			udp dport 7 ct state new counter accept comment "answered"
			meta l4proto tcp counter comment "rest"
		}
	}
END
load_of n1 10.0.2.1 10.0.1.66 &
busy=$!
is "a server serves all the while" "$(served n1 10.0.2.1)" $ASKED
wait $busy
is "of each address, four connections" "$(counted n2 service)" \
	$((HOSTS * 4 + ASKED))
is "and no more" "$(counted n2 "too many")" $((HOSTS * 6))
is "the scan met closed ports" "$(counted n2 rest)" $SCANNED
is "strange flags are invalid" "$(counted n2 invalid)" $STRANGE
send n1 10.0.2.1 <<-'END'
	for n in range(10):
	    for source in range(hosts):
	        send(udp_packet(address(source), to, 3000 + n, 7, b"x"))
END
is "five datagrams of each address" "$(counted n2 answered)" $((HOSTS * 5))
is "the others too often" "$(counted n2 "too often")" $((HOSTS * 5))
# open_are N: so many connections are open.
open_are()
{
	[ "$(n1 ss -Hnt state established 'dport = :7' | wc -l)" = "$1" ]
}
for n in 1 2 3 4; do
	sleep $((30 * ${CT_SLOW:-1})) |
		ip netns exec n1 socat - TCP:10.0.2.1:7 >"$TMP/held" &
	held=$!
	until_true open_are "$n"
done
check_fails "a fifth connection at once is dropped" \
	n1 socat -u OPEN:/dev/null TCP:10.0.2.1:7,connect-timeout=2
kill "$held"
check "when one has gone another may come" until_true \
	n1 socat -u OPEN:/dev/null TCP:10.0.2.1:7,connect-timeout=3
# elements REGEX: of the set.
elements()
{
	n2 nft list set inet server busy | grep -o "$1" | wc -l
}
check "an element for each address" test "$(elements 198.51)" = $HOSTS
no_elements()
{
	[ "$(elements 198.51)" = 0 ]
}
n2 conntrack -F >"$TMP/flush" 2>&1
check "which go with their connections" until_true no_elements
n2 nft delete table inet server
# Who is half open would repeat its SYN,ACK for a minute, by way of a router that
# has forgotten it.
ip netns pids n1 | xargs -r kill
ip netns pids n2 | xargs -r kill
flush

# A router: two customers with the same addresses, each with a server that has
# the same address, too. n3 and n4 are the customers, n5 and n6 their servers.
for host in 3 4 5 6; do
	namespace n$host
	link n$host veth n0 veth$host
	n0 sysctl -q net.ipv4.conf.veth$host.rp_filter=0
done
n0 sysctl -q net.ipv4.conf.all.rp_filter=0
for host in 3 4; do
	server=$((host + 2))
	address n$host veth 10.7.0.1/24
	ip -n n$host route add default via 10.7.0.254
	address n$server veth 10.8.0.1/24
	ip -n n$server route add default via 10.8.0.254
	ip -n n0 addr add 10.7.0.254/32 dev veth$host
	ip -n n0 addr add 10.8.0.254/32 dev veth$server
	ip -n n0 route add 10.7.0.0/24 dev veth$host table $host
	ip -n n0 route add 198.51.100.0/24 via 10.7.0.1 dev veth$host onlink \
		table $host
	ip -n n0 route add 10.8.0.0/24 dev veth$server table $host
	ip -n n0 rule add iif veth$host lookup $host
	ip -n n0 rule add iif veth$server lookup $host
	ip -n n$host route add blackhole 198.51.100.0/24
	echo_server n$server 7
done
# Zones of customers are set before anything is tracked.
n0 nft -f - <<-'END'
	table inet router {
		chain early {
			type filter hook prerouting priority raw; policy accept;
			ct zone set iifname map { "veth3" : 3, "veth5" : 3, "veth4" : 4, "veth6" : 4 }
		}
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established,related counter accept comment "going on"
			ct state invalid counter drop comment "invalid"
			ct zone 3 tcp dport 7 ct state new counter accept comment "new of 3"
			ct zone 4 tcp dport 7 ct state new counter accept comment "new of 4"
			iifname { "veth3", "veth4" } meta l4proto tcp counter reject with tcp reset comment "scan"
			counter drop comment "rest"
		}
	}
END
# From the same port, at the same time: as equal as they can be.
for host in 3 4; do
	long_talk n$host "10.8.0.1"
done
load_of n3 10.8.0.1 10.7.0.66 &
busy=$!
is "a router serves the customer who is quiet" "$(served n4 10.8.0.1)" $ASKED
is "and the one with the flood" "$(served n3 10.8.0.1)" $ASKED
wait $busy
for host in 3 4; do
	speaks n$host
done
is "the flood is one customer's" "$(counted n0 "new of 3")" \
	$((FLOOD + ASKED + 1))
is "and not the other's" "$(counted n0 "new of 4")" $((ASKED + 1))
is "so are its strange flags" "$(counted n0 invalid)" $STRANGE
is "and its scan" "$(counted n0 scan)" $SCANNED
same()
{
	ip netns exec "$1" socat -t 3 - \
		TCP:10.8.0.1:7,sourceport=5555,reuseaddr <<<"$1"
}
is "one of them" "$(same n3)" n3
is "the other, with the same tuple" "$(same n4)" n4
for zone in 3 4; do
	seen "an entry in zone $zone" "tcp .*sport=5555 .*zone=$zone"
done
check_fails "a server does not open connections to its customer" \
	ip netns exec n5 socat -u OPEN:/dev/null \
	TCP:10.7.0.1:7,connect-timeout=2
check_fails "nor does one customer reach another's" \
	ip netns exec n3 ping -q -c 1 -W 1 10.0.2.1

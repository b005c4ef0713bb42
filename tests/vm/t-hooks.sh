#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the rest of the kernel asks the tracker for: each member of nf_ct_hook
# has a user here. Rejecting, queueing, cake, a bridge.
#
#          br0 in n3, with br_netfilter
#   ┌────────────┐   ┌─────────┐   ┌────────────┐
#   │ n4         ├───┤ n3  br0 ├───┤ n5         │
#   │ 10.0.5.1   │   │10.0.5.3 │   │ 10.0.5.2   │
#   └────────────┘   └─────────┘   └────────────┘
# seconds: 50
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

n3() { ip netns exec n3 "$@"; }
n4() { ip netns exec n4 "$@"; }

topology
for ns in n3 n4 n5; do
	namespace $ns
done
link n4 veth n3 port4
link n5 veth n3 port5
address n4 veth 10.0.5.1/24 fd00:5::1/64
address n5 veth 10.0.5.2/24 fd00:5::2/64
must_load
echo_server n2 7

# attach and set_closing: a reset that the router makes up.
n0 nft -f - <<-END
	table inet refuse {
		chain forward {
			type filter hook forward priority 0
			tcp dport 81 reject with tcp reset
			udp dport 81 reject
			udp dport 82 reject with icmpx type admin-prohibited
		}
		chain input {
			type filter hook input priority 0
			tcp dport 83 reject with tcp reset
		}
		chain output {
			type filter hook output priority 0
			tcp flags rst ct state related counter
			tcp flags rst ct state != related counter
		}
	}
END
for host in 10.0.2.1 '[fd00:2::1]' 10.0.1.254 '[fd00:1::fe]'; do
	port=81
	case $host in *254 | *fe]) port=83 ;; esac
	start=$SECONDS
	check_fails "reset to $host" n1 socat - "TCP:$host:$port" </dev/null
	# Without it, socat goes on for two minutes.
	check "at once" test $((SECONDS - start)) -lt 20
done
is "each reset is related to what it answers" "$(n0 nft list table inet refuse |
	grep -o 'packets [0-9]*' | tr '\n' ' ')" "packets 4 packets 0 "
unseen "a rejected connection is not confirmed as open" \
	'ESTABLISHED .*dport=8[13]'
is "UDP is rejected" "$(ask_udp n1 10.0.2.1 81 2>&1 | grep -c refused)" 1
is "UDP over IPv6, too" "$(ask_udp n1 '[fd00:2::1]' 81 2>&1 |
	grep -c refused)" 1
for host in 10.0.2.1 '[fd00:2::1]'; do
	is "prohibited: no answer from $host" \
		"$(ask_udp n1 "$host" 82 2>&1 | grep -c hello)" 0
done
check "what is not rejected passes" ask_tcp n1 10.0.2.1 7

# A connection that is open when the rule comes: the entry is told to close, with
# the timeout of that.
n0 sysctl -q net.netfilter.nf_conntrack_tcp_timeout_close=60
(echo one; until [ -e "$TMP/rule" ]; do sleep 0.1; done; echo two; sleep 1) |
	n1 socat - TCP:10.0.2.1:7,sourceport=5000 >"$TMP/out" 2>&1 &
seen "an open connection" 'ESTABLISHED .*sport=5000'
n0 nft insert rule inet refuse forward tcp sport 5000 reject with tcp reset
: >"$TMP/rule"
wait $!
seen "rejected in the middle, its entry closes" \
	'^tcp +6 [0-9]{1,2} CLOSE .*sport=5000'
n0 sysctl -q net.netfilter.nf_conntrack_tcp_timeout_close=10
n0 nft delete table inet refuse

# update and get_tuple: a verdict from user space. What one consumer said is not for
# the next one to be taken for ready.
n0 nft -f - <<-END
	table inet hold {
		chain forward {
			type filter hook forward priority 0
			meta l4proto { tcp, udp, icmp, ipv6-icmp } queue num 3
		}
	}
END
for conntrack in 0 1; do
	: >"$TMP/queue"
	ip netns exec n0 python3 - $conntrack <<-'END' >"$TMP/queue" &
		import sys
		from raw import *
		conntrack = sys.argv[1] == "1"
		queue = Queue(3, conntrack)
		print("ready", flush=True)
		while True:
		    held = queue.receive(1000)
		    print(",".join(map(str, sorted(held[1]))), flush=True)
		    queue.verdict(held[0], mark=77 if conntrack else None)
	END
	consumer=$!
	until_true grep -q ready "$TMP/queue"
	with="with a verdict, conntrack flag $conntrack"
	is "TCP $with" "$(ask_tcp n1 10.0.2.1 7)" hello
	is "TCP, IPv6 $with" "$(ask_tcp n1 '[fd00:2::1]' 7)" hello
	is "UDP $with" "$(ask_udp n1 10.0.2.1 7)" hello
	check "ping $with" n1 ping -q -c 2 -i 0.2 10.0.2.1
	check "large ping $with" n1 ping -q -c 1 -s 4000 10.0.2.1
	check "ping, IPv6 $with" n1 ping -q -c 2 -i 0.2 fd00:2::1
	seen "tracked $with" 'tcp .* src=10.0.1.1 dst=10.0.2.1 .*dport=7 '
	check "packets went through the queue" \
		test "$(wc -l <"$TMP/queue")" -gt 10
	# NFQA_CT and NFQA_CT_INFO
	is "each with its connection: $conntrack" \
		"$(grep -c ',11,12' "$TMP/queue")" \
		$((conntrack ? $(wc -l <"$TMP/queue") - 1 : 0))
	seen "with mark $((conntrack * 77)) $with" \
		"tcp .* src=10.0.1.1 .*dport=7 .*mark=$((conntrack * 77)) "
	kill $consumer
	wait $consumer
	flush
done

# Programs give back with each verdict what they were given.
: >"$TMP/queue"
ip netns exec n0 python3 - <<-'END' >"$TMP/queue" &
	from raw import *
	queue = Queue(3, True)
	print("ready", flush=True)
	while True:
	    queue.verdict(queue.receive(1000)[0], labels=b"\1" + bytes(15))
END
consumer=$!
ip netns exec n0 stdbuf -oL conntrack -E -p icmp >"$TMP/events" \
	2>"$TMP/err" &
listener=$!
until_true grep -q ready "$TMP/queue"
sleep 1
check "ping with labels" n1 ping -q -c 5 -i 0.2 10.0.2.1
check "its reply is told" until_true grep -q UPDATE "$TMP/events"
is "labels that stay the same are not" "$(grep -c UPDATE "$TMP/events")" 1
kill $listener $consumer
wait $consumer
flush
# No one at the queue: packets are dropped, and nothing is left behind.
check_fails "nobody gives a verdict" n1 ping -q -c 1 -W 1 10.0.2.1
n0 nft delete table inet hold
check "the rule is gone" n1 ping -q -c 1 10.0.2.1

# Two first packets of one connection, held at once: each has an entry of its own,
# and the second one joins that of the first. (6.12's nf_conntrack drops it.)
modprobe tun
modprobe -a -q sctp
raw <<'END'
import subprocess
wire = Wire()
run("nft", "add table inet hold2")
run("nft", "add chain inet hold2 forward "
    "{ type filter hook forward priority -10; }")
run("nft", "add rule inet hold2 forward iifname tun-a meta l4proto "
    "{ tcp, sctp, dccp } queue num 5")
joins = ours() or os.uname().release.startswith("6.1.")


def hold(packets):
    """The queue, and the packets' ids in it."""
    queue = Queue(5)
    while wire.b.receive():
        pass
    for packet in packets:
        wire.a.send(packet)
    held = [queue.receive() for _ in packets]
    check("all are held", None not in held, held)
    return queue, [h[0] for h in held]


def arrived():
    out = []
    while packet := wire.b.receive(1):
        out.append(packet)
    return out


def dccp_request(src, dst, sport):
    head = struct.pack("!HHBBHBBHI", sport, 80, 7, 0, 0, 1, 0, 0, 1000)
    return ip(src, dst, 33, with_checksum(src, dst, 33, head + bytes(8), 6))


for six in (False, True):
    talk = Talk(wire, 6000, six=six)
    before = stat("invalid"), stat("drop"), stat("clash_resolve")
    queue, held = hold([talk.packet("a", "S", seq=1000),
                        talk.packet("a", "S", seq=1000)])
    check("neither is confirmed", talk.line() is None)
    for packet in held:
        queue.verdict(packet)
    out = arrived()
    queue.socket.close()
    equal("SYN and SYN again arrive", len(out), 2 if joins else 1)
    equal("one entry for both", talk.state(), "SYN_SENT")
    if ours():
        equal("nothing invalid or dropped, one joined the other",
              (stat("invalid"), stat("drop"), stat("clash_resolve")),
              (before[0], before[1], before[2] + 1))
    talk.next["a"] = 1001
    talk.step("b", "SA")
    equal("and it goes on", talk.state(), "SYN_RECV")

# The second one is given back when the first was answered.
talk = Talk(wire, 6001)
queue, held = hold([talk.packet("a", "S", seq=1000),
                    talk.packet("a", "S", seq=1000)])
queue.verdict(held[0])
check("the first arrives", len(arrived()) == 1)
talk.next["a"] = 1001
talk.step("b", "SA")
queue.verdict(held[1])
equal("the second one, late", len(arrived()), 1 if joins else 0)
equal("changes nothing", talk.state(), "SYN_RECV")
queue.socket.close()

# Who joins is judged as any other: this SYN's number is the one that counts.
talk = Talk(wire, 6007)
queue, held = hold([talk.packet("a", "S", seq=1000),
                    talk.packet("a", "S", seq=900000)])
for packet in held:
    queue.verdict(packet)
arrived()
queue.socket.close()
talk.next["a"] = 900001
talk.step("b", "SA")
if ours():
    equal("an answer to the second SYN", talk.state(), "SYN_RECV")

# Who holds it may write into it: a data offset past the end, another protocol.
# Nothing but dropping is right for ct, and nothing else may come of it.
def rewritten(second):
    queue, held = hold([talk.packet("a", "S", seq=1000),
                        talk.packet("a", "S", seq=1000)])
    queue.verdict(held[0])
    out = len(arrived())
    queue.message(queue.VERDICT, 1, queue.attribute(
        2, struct.pack("!II", 1, held[1])), queue.attribute(10, second))
    out += len(arrived())
    queue.socket.close()
    return out


talk = Talk(wire, 6002)
syn = talk.packet("a", "S", seq=1000)
if ours():
    equal("rewritten: a data offset past the end",
          rewritten(syn[:32] + b"\xf0" + syn[33:]), 1)
    talk = Talk(wire, 6003)
    equal("rewritten: cut off", rewritten(syn[:30]), 1)
    talk = Talk(wire, 6004)
    equal("rewritten: another protocol",
          rewritten(ip4(A4, B4, UDP, udp(A4, B4, 6004, 80, b"x"))), 1)
    talk = Talk(wire, 6005)
    equal("rewritten: flags that nobody sends",
          rewritten(syn[:33] + b"\x03" + syn[34:]), 1)

# The same addresses, but not the same zone back, or there: an answer would be looked
# for in the zone of one of them alone, or be both's, so they are two connections, of
# which the second one has no room.
run("nft", "add chain inet hold2 zones "
    "{ type filter hook prerouting priority -300; }")
zones = {b"x": "ct zone set 5", b"xy": "ct original zone set 5",
         b"xyz": "ct original zone set 6"}
for payload, zone in zones.items():
    run("nft", "add rule inet hold2 zones udp length %d %s" %
        (8 + len(payload), zone))
run("nft", "add rule inet hold2 forward udp length 9-11 queue num 5")
for first, second, arrive in ((b"x", b"xy", 1), (b"xy", b"x", 1),
                              (b"xy", b"xyz", 1), (b"x", b"x", 2),
                              (b"xy", b"xy", 2)) if ours() else ():
    flush()
    before = stat("clash_resolve"), stat("insert_failed")
    queue, held = hold([udp_packet(A4, B4, 6010, 53, payload)
                        for payload in (first, second)])
    for packet in held:
        queue.verdict(packet)
    equal("%s, and %s" % (zones[first], zones[second]), len(arrived()), arrive)
    equal("joined, or refused", (stat("clash_resolve") - before[0],
                                 stat("insert_failed") - before[1]),
          (arrive - 1, 2 - arrive))
    queue.socket.close()
run("nft", "delete chain inet hold2 zones")

# What is not tracked goes through the same hook.
run("nft", "add chain inet hold2 raw "
    "{ type filter hook prerouting priority -300; }")
run("nft", "add rule inet hold2 raw tcp dport 81 notrack")
talk = Talk(wire, 6006, 81)
queue, held = hold([talk.packet("a", "S", seq=1000) for _ in range(2)])
for packet in held:
    queue.verdict(packet)
equal("untracked", len(arrived()), 2)
queue.socket.close()

# Other handshakes.
if ours():
    association = Association(wire, 6100)
    queue, held = hold([association.packet("a", association.INIT)] * 2)
    for packet in held:
        queue.verdict(packet)
    equal("INIT and INIT again arrive", len(arrived()), 2)
    equal("one association", association.state(), "CLOSED")
    queue.socket.close()
    queue, held = hold([dccp_request(A4, B4, 6200)] * 2)
    for packet in held:
        queue.verdict(packet)
    equal("Request and Request again arrive", len(arrived()), 2)
    queue.socket.close()
run("nft", "delete table inet hold2")
END
flush

# get_tuple_skb: cake looks behind NAT for the host.
check "cake" n0 tc qdisc replace dev veth2 root cake bandwidth 1gbit \
	nat dual-srchost
n0 tc qdisc replace dev veth1 root cake bandwidth 1gbit nat dual-dsthost
is "TCP through cake" "$(ask_tcp n1 10.0.2.1 7)" hello
is "UDP through cake" "$(ask_udp n1 10.0.2.1 7)" hello
check "ping through cake" n1 ping -q -c 3 -i 0.2 fd00:2::1
check "cake saw packets" sh -c \
	'ip netns exec n0 tc -s qdisc show dev veth2 | grep -q "Sent [1-9]"'
n0 tc qdisc del dev veth1 root
n0 tc qdisc del dev veth2 root

# A bridge that hands its packets to the IP hooks.
modprobe br_netfilter
ip -n n3 link add br0 type bridge
ip -n n3 link set port4 master br0
ip -n n3 link set port5 master br0
ip -n n3 link set br0 up
ip -n n3 addr add 10.0.5.3/24 dev br0
n3 sysctl -q net.bridge.bridge-nf-call-iptables=1 \
	net.bridge.bridge-nf-call-ip6tables=1
echo_server n5 7
bridged()
{
	n3 conntrack -L 2>"$TMP/err" | grep -Eq -- "$1"
}
check "ping over a bridge" n4 ping -q -c 2 -i 0.2 10.0.5.2
check "seen on the bridge" until_true bridged \
	'icmp .* src=10.0.5.1 dst=10.0.5.2 type=8'
is "TCP over a bridge" "$(ask_tcp n4 10.0.5.2 7)" hello
check "seen on the bridge" until_true bridged \
	'tcp .* src=10.0.5.1 dst=10.0.5.2 .*dport=7 .*ASSURED'
is "TCP, IPv6 over a bridge" "$(ask_tcp n4 '[fd00:5::2]' 7)" hello
is "UDP over a bridge" "$(ask_udp n4 10.0.5.2 7)" hello
check "large ping over a bridge" n4 ping -q -c 2 -i 0.2 -s 4000 10.0.5.2
# Each port gets a clone, and so does the bridge itself.
n4 python3 - <<-END
	import socket
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
	for i in range(50):
	    s.sendto(b"all", ("10.0.5.255", 1234))
END
check "broadcast is one entry" until_true bridged \
	'udp .* src=10.0.5.1 dst=10.0.5.255 .*dport=1234'
# A packet that is held until another one has confirmed its connection, then
# flooded: no clone goes on with an entry that nobody confirms.
ip -n n3 link add port6 type dummy
ip -n n3 link set port6 master br0 up
n3 nft -f - <<-END
	table ip hold {
		chain prerouting {
			type filter hook prerouting priority -100
			udp dport 4321 udp length 20 queue num 4
		}
	}
END
clashes()
{
	n3 conntrack -S | grep -o 'clash_resolve=[0-9]*' |
		awk -F = '{ n += $2 } END { print n }'
}
before=$(clashes)
: >"$TMP/queue"
ip netns exec n3 python3 - "$TMP" <<-'END' >"$TMP/queue" &
	import sys
	from raw import *
	queue = Queue(4)
	print("ready", flush=True)
	held = queue.receive(1000)
	print("held", flush=True)
	while not os.path.exists(sys.argv[1] + "/confirmed"):
	    time.sleep(0.1)
	queue.verdict(held[0])
	print("given", flush=True)
	time.sleep(1000)
END
consumer=$!
until_true grep -q ready "$TMP/queue"
send_all()
{
	n4 python3 - "$1" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
		s.bind(("10.0.5.1", 4321))
		s.sendto(b"x" * int(sys.argv[1]), ("10.0.5.255", 4321))
	END
}
send_all 12
check "one is held" until_true grep -q held "$TMP/queue"
send_all 1
check "another has the entry" until_true bridged 'udp .* dport=4321'
: >"$TMP/confirmed"
check "it is given back" until_true grep -q given "$TMP/queue"
joined()
{
	[ $(($(clashes) - before)) -ge "$1" ]
}
# Two ports, and the bridge itself.
check "each of its clones joins that" until_true joined 3
kill $consumer
wait $consumer
n3 nft delete table ip hold
# The bridge queues too: held before the clones are made.
n3 nft -f - <<-END
	table ip hold {
		chain forward {
			type filter hook forward priority 0
			icmp type { echo-request, echo-reply } queue num 4
		}
	}
END
: >"$TMP/queue"
ip netns exec n3 python3 - <<-'END' >"$TMP/queue" &
	from raw import *
	queue = Queue(4, True)
	print("ready", flush=True)
	while True:
	    queue.verdict(queue.receive(1000)[0])
END
consumer=$!
until_true grep -q ready "$TMP/queue"
check "a verdict on a bridge" n4 ping -q -c 3 -i 0.2 10.0.5.2
kill $consumer
wait $consumer
n3 nft flush ruleset

for ns in n3 n4 n5; do
	ip netns pids $ns | xargs -r kill
	ip netns del $ns
done
check "unload after all that" unload
if ours; then
	is "no entry is left" "$(slab)" ""
fi

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# SCTP, DCCP, UDP-Lite and GRE: the kernel's own, through a router; then what is
# wrong with them, by exact packets.
# seconds: 60
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
modprobe sctp
modprobe -a dccp_ipv4 dccp_ipv6
modprobe -a ip_gre ip6_gre
topology
must_load

# serve NS KIND PROTOCOL: an echo server on port 7, both families. KIND is 1
# (SOCK_STREAM), 2 (SOCK_DGRAM) or 6 (SOCK_DCCP).
serve()
{
	ip netns exec "$1" python3 - "$2" "$3" >"$TMP/serve" 2>&1 <<-'END' &
		import socket, sys
		kind, proto = int(sys.argv[1]), int(sys.argv[2])
		s = socket.socket(socket.AF_INET6, kind, proto)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		s.bind(("::", 7))
		if kind != socket.SOCK_DGRAM:
		    s.listen(5)
		print("ready", flush=True)
		while True:
		    if kind != socket.SOCK_DGRAM:
		        c, _ = s.accept()
		        while data := c.recv(1000):
		            c.send(data)
		        c.close()
		    else:
		        data, peer = s.recvfrom(1000)
		        s.sendto(data, peer)
	END
	until_true grep -q ready "$TMP/serve"
	: >"$TMP/serve"
}

# talk ADDRESS KIND PROTOCOL PORT SECONDS: two questions, some time apart.
talk()
{
	n1 python3 - "$@" <<-'END'
		import socket, struct, sys, time
		host, kind, proto, port, pause = sys.argv[1:]
		family = socket.AF_INET6 if ":" in host else socket.AF_INET
		s = socket.socket(family, int(kind), int(proto))
		s.settimeout(10)
		# Who is killed says so once, and not again and again.
		s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
		             struct.pack("ii", float(pause) > 60, 0))
		s.bind(("::" if ":" in host else "0.0.0.0", int(port)))
		s.connect((host, 7))
		for n in range(2):
		    s.send(b"hello")
		    print(s.recv(100).decode(), end="", flush=True)
		    time.sleep(float(pause))
	END
}

serve n2 1 132
for host in 10.0.2.1 fd00:2::1; do
	is "SCTP to $host" "$(talk $host 1 132 4000 0)" hellohello
	seen "its end is seen" \
		"^sctp +132 [0-9]+ CLOSED src=.* dst=$host sport=4000 dport=7 .*\[ASSURED\]"
	talk $host 1 132 4001 $((2 * ${CT_SLOW:-1})) >"$TMP/out" &
	seen "an association to $host" \
		"^sctp +132 [0-9]+ ESTABLISHED src=.* dst=$host sport=4001 dport=7 .*\[ASSURED\]"
	wait $!
done

sum_invalid()
{
	n0 conntrack -S | grep -Eo '\binvalid=[0-9]+' |
		awk -F = '{ n += $2 } END { print n }'
}

# A client that is gone without a word, and comes back from the same port.
talk 10.0.2.1 1 132 4002 1000 >"$TMP/out" 2>"$TMP/killed" &
seen "an association whose client crashes" \
	"^sctp +132 [0-9]+ ESTABLISHED src=.* sport=4002 dport=7 .*\[ASSURED\]"
n1 nft -f - <<-END
	table ip silence {
		chain output {
			type filter hook output priority 0
			meta l4proto sctp drop
		}
	}
END
ip netns pids n1 | xargs kill -KILL
wait $!
n1 nft delete table ip silence
before=$(sum_invalid)
is "it restarts" "$(talk 10.0.2.1 1 132 4002 0)" hellohello
is "and no packet is invalid" "$(($(sum_invalid) - before))" 0

# A client's port is taken for minutes, in both families.
serve n2 6 33
port=4500
for host in 10.0.2.1 fd00:2::1; do
	is "DCCP to $host" "$(talk $host 6 33 $port 0)" hellohello
	seen "its end is seen" \
		"^dccp +33 [0-9]+ TIMEWAIT src=.* dst=$host sport=$port dport=7 .*\[ASSURED\]"
	talk $host 6 33 $((port + 1)) $((2 * ${CT_SLOW:-1})) >"$TMP/out" &
	seen "a connection to $host" \
		"^dccp +33 4[0-9]+ OPEN src=.* dst=$host sport=$((port + 1)) dport=7 .*\[ASSURED\]"
	! ours || is "ctctl finds it by its state" "$(n0 ctctl -o conntrack \
		list dccp state open dst "$host" | grep -c OPEN)" 1
	wait $!
	check_fails "nobody listens on port 9" n1 python3 -c "
import socket
s = socket.socket(socket.AF_INET6 if ':' in '$host' else socket.AF_INET, 6, 33)
s.connect(('$host', 9))"
	unseen "and nothing is left of that" "^dccp .*dst=$host .*dport=9 "
	port=$((port + 2))
done

serve n2 2 136
for host in 10.0.2.1 fd00:2::1; do
	is "UDP-Lite to $host" "$(talk $host 2 136 5000 0)" hellohello
	# nf_conntrack takes UDP's number for the sum, and finds them all wrong.
	! ours || seen "is a stream" \
		"^udplite +136 1[0-9]+ src=.* dst=$host sport=5000 dport=7 .*\[ASSURED\]"
done

ip -n n1 link add tunnel type gre local 10.0.1.1 remote 10.0.2.1
ip -n n2 link add tunnel type gre local 10.0.2.1 remote 10.0.1.1
ip -n n1 link add tunnel6 type ip6gre local fd00:1::1 remote fd00:2::1
ip -n n2 link add tunnel6 type ip6gre local fd00:2::1 remote fd00:1::1
for n in 1 2; do
	ip -n n$n link set tunnel up
	ip -n n$n link set tunnel6 up
	address n$n tunnel 10.77.0.$n/24
	address n$n tunnel6 fd00:77::$n/64
done
check "ping through a GRE tunnel" n1 ping -q -c 3 -i 0.2 -W 2 10.77.0.2
seen "which is a connection" \
	'^gre +47 1[0-9]+ src=10.0.1.1 dst=10.0.2.1 srckey=0x0 dstkey=0x0 src=10.0.2.1 dst=10.0.1.1 srckey=0x0 dstkey=0x0 \[ASSURED\]'
check "ping through one over IPv6" n1 ping -q -c 3 -i 0.2 -W 2 fd00:77::2
seen "which is a connection, too" \
	'^gre +47 1[0-9]+ src=fd00:1::1 dst=fd00:2::1 srckey=0x0 .*\[ASSURED\]'

raw <<'END'
wire = Wire()

judged = wire.judged
# However slow this is.
for name in ("closed", "cookie_wait", "cookie_echoed", "established",
             "shutdown_sent", "shutdown_recd", "shutdown_ack_sent"):
    sysctl("sctp_timeout_" + name, 300)

port = 0
def fresh(opened=True):
    """The ends want packets with 12 (a) and 7 (b)."""
    global port
    port += 1
    talk = Association(wire, port)
    if opened:
        talk.open()
    return talk

def says(name, talk, valid, side, *chunks, state=None, **more):
    judged(name, valid, side, talk.packet(side, *chunks, **more))
    if state:
        equal(name + ": the state", talk.state(), state)

globals().update({k: v for k, v in vars(Association).items() if k.isupper()})

talk = fresh(False)
says("INIT", talk, True, "a", INIT, state="CLOSED")
says("INIT ACK, wrong tag", talk, False, "b", INITACK, tag=5)
says("INIT ACK", talk, True, "b", INITACK, state="COOKIE_WAIT")
says("COOKIE ECHO, wrong tag", talk, False, "a", COOKIEECHO, tag=8)
says("COOKIE ECHO", talk, True, "a", COOKIEECHO, state="COOKIE_ECHOED")
says("COOKIE ACK", talk, True, "b", COOKIEACK, state="ESTABLISHED")
says("a bad checksum", talk, False, "a", HEARTBEAT, bad=True)
says("data, wrong tag", talk, False, "a", DATA, tag=8)
says("ABORT, wrong tag", talk, False, "b", ABORT, tag=9, state="ESTABLISHED")
says("ABORT", talk, True, "b", ABORT, state="CLOSED")
talk = fresh(False)
says("INIT with another chunk", talk, False, "a", INIT, HEARTBEAT)
says("no chunk", talk, False, "a", tag=7)
says("a chunk without a length", talk, False, "a",
     struct.pack("!BBH", HEARTBEAT, 0, 0))

# The beginning was not seen.
for kind in DATA, INITACK, ABORT, SHUTDOWN, ERROR, COOKIEECHO, COOKIEACK:
    says("chunk %d of no association" % kind, fresh(False), False, "a", kind)
    if ours():
        says("without a tag", fresh(False), False, "a", kind, tag=0)
says("SHUTDOWN ACK of no association", fresh(False), True, "a", SHUTDOWNACK,
     state="SHUTDOWN_ACK_SENT")
says("a path", fresh(False), True, "a", HEARTBEAT, state="HEARTBEAT_SENT")
says("the answer of one", fresh(False), True, "a", HEARTBEATACK,
     state="CLOSED")

# A restart: other tags, once a cookie with them came back.
def restarts(name, one, two):
    talk = fresh()
    says("%s restarts" % name, talk, True, one, INIT, names=77,
         state="ESTABLISHED")
    if ours():
        says("data meanwhile", talk, True, one, DATA)
        says("and the other way", talk, True, two, DATA)
    says("it is answered", talk, True, two, INITACK, tag=77, names=88)
    if ours():
        says("data meanwhile, still", talk, True, one, DATA)
    says("a wrong cookie", talk, False, one, COOKIEECHO, tag=89)
    says("the cookie", talk, True, one, COOKIEECHO, tag=88)
    says("is taken", talk, True, two, COOKIEACK, tag=77, state="ESTABLISHED")
    says("new data", talk, True, two, DATA, tag=77)
    says("and back", talk, True, one, DATA, tag=88)
    says("old data", talk, False, two, DATA)

restarts("the client", "a", "b")
restarts("the server", "b", "a")

if ours():
    # Somebody sends in the client's name, and does not see the answers.
    talk = fresh()
    says("a forged INIT", talk, True, "a", INIT, names=66)
    says("the server goes on", talk, True, "b", DATA)
    says("the client as well", talk, True, "a", DATA)
    says("a forged cookie", talk, False, "a", COOKIEECHO, tag=66)
    says("a forged COOKIE ACK", talk, False, "b", COOKIEACK, tag=66)
    says("forged data", talk, False, "b", DATA, tag=66, state="ESTABLISHED")
    says("a restart that is refused", talk, True, "b", ABORT, tag=66,
         state="ESTABLISHED")
    # Chunks answer for themselves.
    says("SHUTDOWN behind a HEARTBEAT, wrong tag", talk, False, "b",
         HEARTBEAT, SHUTDOWN, tag=9, state="ESTABLISHED")
    says("data with SHUTDOWN ACK, wrong tag", talk, False, "b", DATA,
         SHUTDOWNACK, tag=9)
    says("I-DATA with a HEARTBEAT, wrong tag", talk, False, "b", HEARTBEAT,
         IDATA, tag=9)
    talk.step("a", SHUTDOWN)
    says("SHUTDOWN ACK, wrong tag", talk, False, "b", SHUTDOWNACK, tag=9,
         state="SHUTDOWN_SENT")
    says("SHUTDOWN ACK", talk, True, "b", SHUTDOWNACK,
         state="SHUTDOWN_ACK_SENT")
    # Both sent INIT, and one answer was enough.
    talk = fresh(False)
    for side, kind in (("a", INIT), ("b", INIT), ("a", INITACK),
                       ("b", COOKIEECHO), ("a", COOKIEACK)):
        talk.step(side, kind)
    says("one answer of two", talk, True, "a", DATA, state="ESTABLISHED")

def udplite(coverage, **more):
    return udplite_packet(A4, B4, 6000, 80, b"words", coverage, **more)

if ours():
    judged("UDP-Lite, all covered", True, "a", udplite(0))
    judged("a part covered", True, "a", udplite(10))
    judged("damaged behind that", True, "a", udplite(10, flip=11))
judged("damaged within that", False, "a", udplite(10, flip=9))
judged("no checksum", False, "a", udplite(0, no_sum=True))
judged("less than the header covered", False, "a", udplite(7))
judged("more than there is covered", False, "a", udplite(14))

flush()
judged("a call of PPTP", True, "a", gre(A4, B4, "3001880b00001234" "00000001"))
line = one_entry("gre", A4, B4)
equal("has its number", line and line.get("dstkey"), "0x1234")
judged("enhanced GRE of another protocol", False, "a",
       gre(A4, B4, "3001080000001234" "00000001"))
if ours():
    judged("less than four octets", False, "a", gre(A4, B4, "000008"))
    judged("a call without all of its number", False, "a",
           gre(A4, B4, "3001880b000012"))
equal("neither is a tunnel", len(entries("gre")), 1)
tunnel = gre(A4, B4, "00000800" "4500002c00000000")
judged("a tunnel", True, "a", tunnel)
quoted = wire.pass_on("a", tunnel)[:28]
judged("an ICMP error about it, with eight octets", True, "b",
       ip(B4, A4, ICMP, icmp(3, 1, b"\0\0\0\0" + quoted)))
END

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# SCTP, DCCP, UDP-Lite and GRE: the kernel's own, through a router; then what is
# wrong with them, by exact packets.
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
		import socket, sys, time
		host, kind, proto, port, pause = sys.argv[1:]
		family = socket.AF_INET6 if ":" in host else socket.AF_INET
		s = socket.socket(family, int(kind), int(proto))
		s.settimeout(10)
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

SCTP, DCCP, UDPLITE, GRE = 132, 33, 136, 47

def chunk(kind, body=b"", flags=0):
    return struct.pack("!BBH", kind, flags, 4 + len(body)) + body

def init(kind, tag):
    return chunk(kind, struct.pack("!IIHHI", tag, 65536, 1, 1, 1))

def sctp(side, port, tag, chunks, bad=False):
    src, dst = (A4, B4) if side == "a" else (B4, A4)
    ports = (port, 80) if side == "a" else (80, port)
    head = struct.pack("!HHI", *ports, tag)
    crc = crc32c(head + b"\0\0\0\0" + chunks) ^ (1 if bad else 0)
    return ip4(src, dst, SCTP, head + struct.pack("<I", crc) + chunks)

def judged(name, valid, side, packet):
    before = stat("invalid")
    passed = wire.pass_on(side, packet) is not None
    got = not stat("invalid") - before
    check(name, passed and got == valid, "passed %s, valid %s" % (passed, got))

def state(port, proto="sctp"):
    line = one_entry(proto, A4, B4, port)
    return line.state if line else None

# However slow this is.
for name in "closed", "cookie_wait", "cookie_echoed", "established":
    sysctl("sctp_timeout_" + name, 300)

INIT, INITACK, HB, ABORT, ECHO, COOKACK = 1, 2, 4, 6, 10, 11
judged("INIT", True, "a", sctp("a", 1, 0, init(INIT, 12)))
equal("opens", state(1), "CLOSED")
judged("INIT ACK, wrong tag", False, "b", sctp("b", 1, 5, init(INITACK, 7)))
judged("INIT ACK", True, "b", sctp("b", 1, 12, init(INITACK, 7)))
equal("is noted", state(1), "COOKIE_WAIT")
judged("COOKIE ECHO, wrong tag", False, "a", sctp("a", 1, 8, chunk(ECHO)))
judged("COOKIE ECHO", True, "a", sctp("a", 1, 7, chunk(ECHO)))
equal("comes next", state(1), "COOKIE_ECHOED")
judged("COOKIE ACK", True, "b", sctp("b", 1, 12, chunk(COOKACK)))
equal("makes an association", state(1), "ESTABLISHED")
judged("a bad checksum", False, "a", sctp("a", 1, 7, chunk(HB), True))
judged("ABORT, wrong tag", False, "b", sctp("b", 1, 9, chunk(ABORT)))
equal("aborts nothing", state(1), "ESTABLISHED")
judged("ABORT", True, "b", sctp("b", 1, 12, chunk(ABORT)))
equal("does", state(1), "CLOSED")
judged("data of no association", False, "a", sctp("a", 2, 7, chunk(0, b"abcd")))
judged("INIT with another chunk", False, "a",
       sctp("a", 3, 0, init(INIT, 12) + chunk(HB)))
judged("no chunk", False, "a", sctp("a", 4, 0, b""))
judged("a chunk without a length", False, "a",
       sctp("a", 5, 0, struct.pack("!BBH", HB, 0, 0)))

(REQUEST, RESPONSE, DATA, ACK, DATAACK, CLOSEREQ, CLOSE, RESET, SYNC,
 SYNCACK) = range(10)

def dccp(side, port, kind, seq=1, ack=0, data=b"", long=True, doff=None,
         cscov=0, bad=False, cut=None):
    src, dst = (A4, B4) if side == "a" else (B4, A4)
    ports = (port, 80) if side == "a" else (80, port)
    if long:
        body = struct.pack("!BBHI", kind << 1 | 1, 0, seq >> 32,
                           seq & 0xffffffff)
        if kind not in (REQUEST, DATA):
            body += struct.pack("!HHI", 0, ack >> 32, ack & 0xffffffff)
    else:
        body = struct.pack("!BBH", kind << 1, seq >> 16 & 0xff, seq & 0xffff)
        if kind in (ACK, DATAACK):
            body += struct.pack("!I", ack & 0xffffff)
    if kind in (REQUEST, RESPONSE, RESET):
        body += b"code"
    words = 2 + len(body) // 4 if doff is None else doff
    segment = struct.pack("!HHBBH", *ports, words, cscov, 0) + body + data
    segment = segment[:cut]
    covered = 4 * (words + cscov - 1) if cscov else len(segment)
    pseudo = pack(src) + pack(dst) + struct.pack("!II", len(segment), DCCP)
    value = checksum(pseudo + segment[:covered]) ^ (0x5555 if bad else 0)
    return ip4(src, dst, DCCP,
               segment[:6] + struct.pack("!H", value) + segment[8:])

def line(port):
    return one_entry("dccp", A4, B4, port)

def phase(port):
    return state(port, "dccp")

for name in "closereq", "closing":
    sysctl("dccp_timeout_" + name, 300)

# The numbers are 48 bits long, and wrong ones differ in the highest.
C, S = 0xfedcba987654, 0x123456789abc
judged("Request", True, "a", dccp("a", 10, REQUEST, C))
equal("opens", phase(10), "REQUEST")
judged("the client's Data before an answer", False, "a", dccp("a", 10, DATA))
judged("Response", True, "b", dccp("b", 10, RESPONSE, S, C))
equal("is noted", phase(10), "RESPOND")
judged("the server's Ack before the client's", False, "b", dccp("b", 10, ACK))
judged("Ack", True, "a", dccp("a", 10, ACK, C + 1, S))
equal("comes next", phase(10), "PARTOPEN")
check("and assures", line(10).assured, line(10))
judged("Data before it is open", False, "a", dccp("a", 10, DATA, C + 2))
judged("the server's Data", True, "b", dccp("b", 10, DATA, S + 1))
equal("makes it open", phase(10), "OPEN")
judged("Data", True, "a", dccp("a", 10, DATA, C + 2, data=b"words"))
judged("of 24 bits", True, "a", dccp("a", 10, DATA, 5, long=False))
judged("Sync", True, "b", dccp("b", 10, SYNC, S, C))
judged("the client's CloseReq", False, "a", dccp("a", 10, CLOSEREQ, C + 3, S))
judged("the server's", True, "b", dccp("b", 10, CLOSEREQ, S + 2, C))
equal("is noted, too", phase(10), "CLOSEREQ")
judged("Close", True, "a", dccp("a", 10, CLOSE, C + 3, S))
equal("closes", phase(10), "CLOSING")
if ours():
    judged("Close again", True, "a", dccp("a", 10, CLOSE, C + 4, S))
judged("Reset", True, "b", dccp("b", 10, RESET, S + 3, C))
equal("ends it", phase(10), "TIMEWAIT")
judged("Data after that", False, "a", dccp("a", 10, DATA, C + 5))
judged("a Request of the server", True, "b", dccp("b", 10, REQUEST, S + 9))
equal("opens it again", phase(10), "REQUEST")
judged("answered by its server", True, "b", dccp("b", 10, RESPONSE, S, C))
equal("which is no answer", phase(10), "REQUEST")
judged("answered by its client", True, "a", dccp("a", 10, RESPONSE, S, C))
equal("which is the server now", phase(10), "RESPOND")

judged("a Request", True, "a", dccp("a", 11, REQUEST, C))
judged("its Response", True, "b", dccp("b", 11, RESPONSE, S, C))
judged("an Ack of another number", True, "a",
       dccp("a", 11, ACK, C, S ^ 1 << 47))
check("does not assure", not line(11).assured, line(11))
judged("a Request in the middle", True, "a", dccp("a", 11, REQUEST, 7))
equal("changes nothing", phase(11), "PARTOPEN")
judged("until it is answered", True, "b", dccp("b", 11, RESPONSE, 8, 7))
equal("then all begins anew", phase(11), "RESPOND")

judged("a Request that is refused", True, "a", dccp("a", 12, REQUEST, C))
judged("by a Reset", True, "b", dccp("b", 12, RESET, 0, C))
equal("leaves nothing", phase(12), None)

# dccp_loose is there, and does nothing.
for loose in 1, 0:
    sysctl("dccp_loose", loose)
    for kind in range(1, 10):
        judged("type %d of no connection, loose %d" % (kind, loose), False,
               "a", dccp("a", 13, kind, C, S))
judged("a Request, not loose", True, "a", dccp("a", 13, REQUEST, C))
sysctl("dccp_loose", 1)
sysctl("dccp_timeout_request", 7000)
sysctl("dccp_timeout_respond", 8000)
judged("a Request, with another timeout", True, "a", dccp("a", 14, REQUEST))
check("has it", 6000 < line(14).timeout <= 7000, line(14))
judged("and so has", True, "b", dccp("b", 14, RESPONSE))
check("its Response", 7000 < line(14).timeout <= 8000, line(14))

judged("DCCP with a bad checksum", False, "a",
       dccp("a", 15, REQUEST, bad=True))
judged("a data offset of 2", False, "a", dccp("a", 15, REQUEST, doff=2))
judged("one past the end", False, "a", dccp("a", 15, REQUEST, doff=6))
judged("a type that does not exist", False, "a", dccp("a", 15, 10))
judged("a short Request", False, "a", dccp("a", 15, REQUEST, long=False))
judged("more covered than there is", False, "a",
       dccp("a", 15, REQUEST, cscov=3, data=b"data"))
equal("none of them opens", phase(15), None)
if ours():
    # Which nf_conntrack of 6.1 drops.
    judged("a part of a Request", False, "a",
           dccp("a", 15, REQUEST, doff=3, cut=19))
    for cscov in 1, 2:
        judged("%d words covered" % (cscov - 1), True, "a", dccp(
            "a", 15 + cscov, REQUEST, cscov=cscov, data=b"data"))
    damaged = dccp("a", 18, REQUEST, cscov=1, data=b"data")
    judged("damaged behind that", True, "a", damaged[:-1] + b"x")
    judged("damaged in that", False, "a", damaged[:-5] + b"xdata")
    # An acknowledgment number of 24 bits, and nothing behind it.
    judged("a Response", True, "b", dccp("b", 13, RESPONSE))
    judged("a short Ack", True, "a", dccp("a", 13, ACK, long=False))
    equal("is one", phase(13), "PARTOPEN")

def udplite(coverage, payload=b"words", no_sum=False, flip=None):
    total = 8 + len(payload)
    data = struct.pack("!HHHH", 6000, 80, coverage, 0) + payload
    pseudo = pack(A4) + pack(B4) + struct.pack("!II", total, UDPLITE)
    value = checksum(pseudo + data[:coverage or total])
    data = data[:6] + struct.pack("!H", 0 if no_sum else value) + data[8:]
    if flip:
        data = data[:flip] + bytes([data[flip] ^ 1]) + data[flip + 1:]
    return ip4(A4, B4, UDPLITE, data)

if ours():
    judged("UDP-Lite, all covered", True, "a", udplite(0))
    judged("a part covered", True, "a", udplite(10))
    judged("damaged behind that", True, "a", udplite(10, flip=11))
judged("damaged within that", False, "a", udplite(10, flip=9))
judged("no checksum", False, "a", udplite(0, no_sum=True))
judged("less than the header covered", False, "a", udplite(7))
judged("more than there is covered", False, "a", udplite(14))

def gre(words):
    return ip4(A4, B4, GRE, bytes.fromhex(words))

judged("a call of PPTP", True, "a", gre("3001880b00001234" "00000001"))
call = one_entry("gre", A4, B4)
equal("has its number", call and call.get("dstkey"), "0x1234")
judged("enhanced GRE of another protocol", False, "a",
       gre("3001080000001234" "00000001"))
END

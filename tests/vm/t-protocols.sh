#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# SCTP, UDP-Lite and GRE: the kernel's own, through a router; then what is
# wrong with them, by exact packets.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
modprobe sctp
modprobe -a ip_gre ip6_gre
topology
must_load

# serve NS KIND PROTOCOL: an echo server on port 7, both families.
serve()
{
	ip netns exec "$1" python3 - "$2" "$3" >"$TMP/serve" 2>&1 <<-'END' &
		import socket, sys
		kind, proto = int(sys.argv[1]), int(sys.argv[2])
		s = socket.socket(socket.AF_INET6, kind, proto)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		s.bind(("::", 7))
		if kind == socket.SOCK_STREAM:
		    s.listen(5)
		print("ready", flush=True)
		while True:
		    if kind == socket.SOCK_STREAM:
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

SCTP, UDPLITE, GRE = 132, 136, 47

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

def state(port):
    line = one_entry("sctp", A4, B4, port)
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
line = one_entry("gre", A4, B4)
equal("has its number", line and line.get("dstkey"), "0x1234")
judged("enhanced GRE of another protocol", False, "a",
       gre("3001080000001234" "00000001"))
END

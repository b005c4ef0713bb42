#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IPv6: extension headers in front of the transport, and fragments.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load

raw <<'END'
wire = Wire()
sysctl("acct", 1)

HOP, ROUTING, DSTOPTS, NONE = 0, 43, 60, 59
chains = {
    "none": (),
    "hop-by-hop": (HOP,),
    "destination options": (DSTOPTS,),
    "routing": (ROUTING,),
    "two destination options": (DSTOPTS, DSTOPTS),
    "hop-by-hop, destination, routing": (HOP, DSTOPTS, ROUTING),
    "all four": (HOP, DSTOPTS, ROUTING, DSTOPTS),
}

def chained(chain, proto, payload):
    following = proto
    for header in reversed(chain):
        payload = extension(header, following) + payload
        following = header
    return ip6(A6, B6, following, payload)

port = 1000
for name, chain in chains.items():
    for proto, word, make in ((UDP, "udp", lambda p: udp(A6, B6, p, 53, b"q")),
                              (TCP, "tcp", lambda p: tcp(A6, B6, p, 53, "S"))):
        port += 1
        wire.pass_on("a", chained(chain, proto, make(port)))
        e = one_entry(word, A6, B6, port, 53)
        check("%s behind %s" % (word, name), e, entries())

flush()
wire.pass_on("a", ip6(A6, B6, HOP, extension(HOP, ICMPV6) +
                      query6(A6, B6, 128, 7)))
check("echo behind hop-by-hop", [e for e in entries("icmpv6")
                                 if e.get("id") == "7"], entries())

flush()
wire.pass_on("a", ip6(A6, B6, NONE, b""), 0.5)
check("no next header: no ports, no crash", not entries("udp") and
      not entries("tcp"), entries())
cut = chained((DSTOPTS, DSTOPTS), UDP, udp(A6, B6, 1, 2, b"q"))
wire.pass_on("a", ip6(A6, B6, DSTOPTS, cut[40:50]), 0.5)
long = bytes([UDP, 200]) + b"\1\4\0\0\0\0"
wire.pass_on("a", ip6(A6, B6, DSTOPTS, long + udp(A6, B6, 3, 4)), 0.5)
check("a chain that is cut off makes no UDP entry", not entries("udp"),
      entries())

# Fragments: one datagram of 3008 bytes in pieces, each order.
datagram = udp(A6, B6, 2000, 53, bytes(3000))
def pieces(payload, ident, size=1200):
    return [fragment6(A6, B6, UDP, ident, at, at + size < len(payload),
                      payload[at:at + size])
            for at in range(0, len(payload), size)]

for n, order in enumerate(((0, 1, 2), (2, 1, 0), (1, 0, 2))):
    flush()
    parts = pieces(datagram, 100 + n)
    while wire.b.receive():
        pass
    for i, part in enumerate(order):
        wire.a.send(parts[part])
        if i == 1:
            time.sleep(0.2)
            check("no entry before the last fragment, order %d" % n,
                  not entries("udp"), entries())
    out = []
    while (packet := wire.b.receive(1.0)):
        out.append(packet)
    e = one_entry("udp", A6, B6, 2000, 53)
    check("fragments make one entry, order %d" % n, e, entries())
    check("counted as one packet, order %d" % n,
          e and e.get("packets") == "1", e)
    equal("all three go on, order %d" % n, len(out), 3)
    check("as fragments of at most 1280 bytes, order %d" % n,
          all(p[6] == 44 and len(p) <= 1280 for p in out), out)

# An atomic fragment: a fragment header, and nothing missing.
flush()
wire.pass_on("a", fragment6(A6, B6, UDP, 7, 0, False,
                            udp(A6, B6, 2001, 53, b"q")))
check("an atomic fragment", one_entry("udp", A6, B6, 2001, 53), entries())

# A first fragment that never gets company.
flush()
check("a lone fragment waits",
      wire.pass_on("a", pieces(datagram, 200)[0], 0.5) is None and
      not entries("udp"), entries())
END

is "ping with large packets" "$(n1 ping -q -c 1 -s 4000 fd00:2::1 |
	grep -c ' 0% packet loss')" 1
seen "is one entry" '^icmpv6 .* src=fd00:1::1 dst=fd00:2::1 type=128'
echo_server n2 7
is "TCP" "$(ask_tcp n1 '[fd00:2::1]' 7)" hello
is "UDP" "$(ask_udp n1 '[fd00:2::1]' 7)" hello
seen "a TCP entry" '^tcp .* src=fd00:1::1 dst=fd00:2::1 .*dport=7 .*src=fd00:2::1 dst=fd00:1::1 sport=7 '
seen "a UDP entry" '^udp .* src=fd00:1::1 dst=fd00:2::1 .*dport=7 '

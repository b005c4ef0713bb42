#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ICMP and ICMPv6: queries, errors about connections, neighbour discovery.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load
flush

check "ping" n1 ping -q -c 2 -i 0.2 10.0.2.1
seen "echo" '^icmp .* src=10.0.1.1 dst=10.0.2.1 type=8 code=0 id=([0-9]+) src=10.0.2.1 dst=10.0.1.1 type=0 code=0 id=\1'
check "ping over IPv6" n1 ping -q -c 2 -i 0.2 fd00:2::1
seen "ICMPv6 echo" '^icmpv6 .* src=fd00:1::1 dst=fd00:2::1 type=128 code=0 id=([0-9]+) src=fd00:2::1 dst=fd00:1::1 type=129 code=0 id=\1'
unseen "answered" 'icmp.*UNREPLIED'

# The neighbours are asked again: none of it is tracked.
n0 ip neigh flush all
n1 ip neigh flush all
check "neighbours are found again" n1 ping -q -c 1 fd00:2::1
unseen "neighbour discovery is untracked" 'type=13[3-7]'

raw <<'END'
wire = Wire()
flush()

def pings(src, dst, proto, request, answer, name):
    """A query and its answer, and the entry of both."""
    make = query if proto == ICMP else None
    ident = 4711
    if proto == ICMP:
        out = ip(src, dst, proto, query(request, ident))
        back = ip(dst, src, proto, query(answer, ident))
    else:
        out = ip(src, dst, proto, query6(src, dst, request, ident))
        back = ip(dst, src, proto, query6(dst, src, answer, ident))
    check("%s passes" % name, wire.pass_on("a", out))
    found = [e for e in entries() if e.get("type") == str(request)]
    check("%s is unreplied" % name, len(found) == 1 and not found[0].replied,
          entries())
    check("%s: the answer passes" % name, wire.pass_on("b", back))
    found = [e for e in entries() if e.get("type") == str(request)]
    check("%s is replied" % name, len(found) == 1 and found[0].replied and
          found[0].get("type", 1) == str(answer) and
          found[0].timeout <= 30, entries())

pings(A4, B4, ICMP, 8, 0, "echo")
pings(A4, B4, ICMP, 13, 14, "timestamp")
pings(A4, B4, ICMP, 17, 18, "address mask")
pings(A4, B4, ICMP, 15, 16, "information")
pings(A6, B6, ICMPV6, 128, 129, "ICMPv6 echo")
pings(A6, B6, ICMPV6, 139, 140, "node information")

# An answer that nobody asked for.
flush()
before = stat("invalid", "error")
check("a lone answer passes", wire.pass_on("b", ip(B4, A4, ICMP,
                                                   query(0, 99))))
equal("a lone answer makes no entry", entries("icmp"), [])
wire.pass_on("b", ip(B6, A6, ICMPV6, query6(B6, A6, 129, 99)))
equal("nor does one of ICMPv6", entries("icmpv6"), [])
check("both are invalid", stat("invalid", "error") - before >= 2,
      stat("invalid", "error") - before)

# Errors: the first packet of a connection, and a router or the host itself
# answers with what it got.
def errors4():
    for kind, code, name in ((3, 1, "host unreachable"),
                             (3, 3, "port unreachable"),
                             (3, 4, "fragmentation needed"),
                             (4, 0, "source quench"),
                             (11, 0, "time exceeded"),
                             (12, 0, "parameter problem")):
        for sender in (B4, "10.9.0.77"):
            yield name, sender, lambda sender, inner: ip(
                sender, A4, ICMP, icmp(kind, code, struct.pack("!I", 1400) +
                                       inner[:28]))

def errors6():
    for kind, code, name in ((1, 0, "no route"), (1, 4, "port unreachable"),
                             (2, 0, "packet too big"), (3, 0, "time exceeded"),
                             (4, 0, "parameter problem")):
        for sender in (B6, "fd00:9::77"):
            yield name, sender, lambda sender, inner: ip(
                sender, A6, ICMPV6,
                icmp6(sender, A6, kind, code, struct.pack("!I", 1400) + inner))

for a, b, errors in ((A4, B4, errors4), (A6, B6, errors6)):
    for name, sender, make in errors():
        flush()
        before = stat("invalid", "error")
        got = wire.pass_on("a", udp_packet(a, b, 2000, 53, b"question"))
        passed = wire.pass_on("b", make(sender, got))
        found = entries()
        check("%s from %s is related" % (name, sender),
              passed and len(found) == 1 and not found[0].replied and
              stat("invalid", "error") == before, found)

# ... about a connection that is established, and one about an answer.
talk = Talk(wire, 2100)
talk.open()
before = stat("invalid", "error")
got = wire.pass_on("a", talk.packet("a", "PA", b"data"))
wire.pass_on("b", ip(B4, A4, ICMP, icmp(3, 1, b"\0\0\0\0" + got[:28])))
got = wire.pass_on("b", talk.packet("b", "PA", b"data"))
wire.pass_on("a", ip(A4, B4, ICMP, icmp(3, 1, b"\0\0\0\0" + got[:28])))
equal("errors about TCP in both directions", stat("invalid", "error"), before)
equal("which goes on", talk.state(), "ESTABLISHED")

# ... about a ping
flush()
got = wire.pass_on("a", ip(A4, B4, ICMP, query(8, 5)))
before = stat("invalid", "error")
wire.pass_on("b", ip(B4, A4, ICMP, icmp(11, 0, b"\0\0\0\0" + got[:28])))
equal("an error about a ping", stat("invalid", "error"), before)

# Errors that belong to nothing.
wrong = {
    "of an unknown connection": ip(B4, A4, ICMP, icmp(
        3, 1, b"\0\0\0\0" + udp_packet(A4, B4, 9, 9, b"never sent"))),
    "cut off in the inner header": ip(B4, A4, ICMP, icmp(
        3, 1, b"\0\0\0\0" + udp_packet(A4, B4, 9, 9)[:16])),
    "with a bad checksum": ip(B4, A4, ICMP, icmp(
        3, 1, b"\0\0\0\0" + udp_packet(A4, B4, 9, 9), bad=True)),
    "of an unknown connection, ICMPv6": ip(B6, A6, ICMPV6, icmp6(
        B6, A6, 1, 0, b"\0\0\0\0" + udp_packet(A6, B6, 9, 9, b"never"))),
    "with a bad checksum, ICMPv6": ip(B6, A6, ICMPV6, icmp6(
        B6, A6, 1, 0, b"\0\0\0\0" + udp_packet(A6, B6, 9, 9), bad=True)),
}
for name, packet in wrong.items():
    flush()
    before = stat("invalid", "error")
    wire.pass_on("b", packet, 0.5)
    check("an error %s is invalid" % name,
          stat("invalid", "error") == before + 1 and not entries(),
          (before, stat("invalid", "error"), entries()))
END

# The real thing: a closed port, and a hop limit that runs out.
flush
ask_udp n1 10.0.2.1 999
is "a closed UDP port leaves its one entry" \
	"$(entries | grep -c 'dport=999')" 1
flush
check_fails "time exceeded" n1 ping -q -c 1 -t 1 10.0.2.1
unseen "an error has no entry" 'type=(3|11) '

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IPv4 fragments are put together before anything is tracked.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load

raw <<'END'
wire = Wire()
sysctl("acct", 1)

def pieces(payload, ident, size=1200, proto=UDP):
    return [ip4(A4, B4, proto, payload[at:at + size], ident=ident, offset=at,
                more=at + size < len(payload))
            for at in range(0, len(payload), size)]

def through(parts):
    while wire.b.receive():
        pass
    for part in parts:
        wire.a.send(part)
    out = []
    while (packet := wire.b.receive(0.5)):
        out.append(packet)
    return out

datagram = udp(A4, B4, 2000, 53, bytes(3000))
for n, order in enumerate(((0, 1, 2), (2, 1, 0), (1, 2, 0))):
    flush()
    parts = pieces(datagram, 100 + n)
    early = through([parts[order[0]], parts[order[1]]])
    check("two of three fragments: nothing yet, order %d" % n,
          not early and not entries("udp"), (early, entries()))
    out = through([parts[order[2]]])
    e = one_entry("udp", A4, B4, 2000, 53)
    check("the third makes one entry, order %d" % n, e, entries())
    equal("one packet of 3028 bytes, order %d" % n,
          e and (e.get("packets"), e.get("bytes")), ("1", "3028"))
    check("fragments go on, order %d" % n, len(out) >= 2 and
          sum(len(p) - 20 for p in out) == 3008, [len(p) for p in out])

flush()
out = through(pieces(tcp(A4, B4, 2001, 80, "S", payload=bytes(100)), 200, 48,
                     TCP))
check("a TCP header in two fragments", one_entry("tcp", A4, B4, 2001, 80),
      entries())
flush()
out = through(pieces(query(8, 77, payload=bytes(2000)), 201, proto=ICMP))
check("a ping in fragments", entries("icmp"), entries())

flush()
twice = pieces(datagram, 202)
through([twice[0], twice[0], twice[1], twice[2]])
check("a fragment that came twice is no second packet",
      one_entry("udp", A4, B4, 2000, 53), entries())

flush()
before = stat("invalid", "error")
damaged = bytearray(datagram)
damaged[2000] ^= 0xff
through(pieces(bytes(damaged), 203))
check("the checksum is that of the whole", not entries("udp") and
      stat("invalid", "error") == before + 1, entries())

flush()
check("a later fragment alone makes nothing",
      not through(pieces(datagram, 204)[1:]) and not entries(), entries())
END

is "ping with large packets" "$(n1 ping -q -c 1 -s 4000 10.0.2.1 |
	grep -c ' 0% packet loss')" 1
seen "is one entry" '^icmp .* src=10.0.1.1 dst=10.0.2.1 type=8'

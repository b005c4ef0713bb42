#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NAT, octet by octet. A packet goes in as one end knows the connection, and has to
# come out as the other end does: the one that is wanted is made here, with all of
# its checksums, from the addresses and ports that the rules say.
# seconds: 25
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
modprobe sctp
topology
must_load

nat <<'END'
wire = Wire()

def dont_fragment(packet):
    return patched(packet, 6, 0x40) if packet[0] >> 4 == 4 else packet

def dccp_packet(src, dst, sport, dport, kind, ack=b"", code=b""):
    body = struct.pack("!BBHI", kind << 1 | 1, 0, 0, 1) + ack + code
    segment = struct.pack("!HHBBH", sport, dport, 2 + len(body) // 4, 0, 0)
    return ip(src, dst, DCCP, with_checksum(src, dst, DCCP, segment + body, 6))

def echo(src, dst, sport, dport, answer=False, size=9, ident=77):
    if is6(src):
        return ip(src, dst, ICMPV6, query6(src, dst, 128 + answer, ident,
                                           payload=bytes(size)))
    return ip(src, dst, ICMP, query(0 if answer else 8, ident,
                                    payload=bytes(size)))

def gre_packet(src, dst, sport, dport, words):
    return gre(src, dst, words)

def steps(make, *each):
    """Packets of a conversation, as (side, a function of its ends)."""
    return [(side, lambda *ends, more=more: make(*ends, *more))
            for side, *more in each]

def both_ways(make, *more):
    return steps(make, ("a", *more), ("b", *more))

def no_sum(*ends):
    return udp_packet(*ends, b"question", no_sum=True)

INSIDE = "4500001c000000004001000001010101020202020800"
CONVERSATIONS = {
    "TCP": steps(tcp_packet, ("a", "S", 1000), ("b", "SA", 9000, 1001),
                 ("a", "A", 1001, 9001), ("a", "PA", 1001, 9001, b"odd"),
                 ("b", "PA", 9001, 1004, b"answer")),
    "UDP": both_ways(udp_packet, b"question"),
    "UDP without data": both_ways(udp_packet),
    "UDP without a checksum": both_ways(no_sum),
    "UDP-Lite": both_ways(udplite_packet, b"question"),
    "UDP-Lite, a part covered": both_ways(udplite_packet, b"question", 11),
    "SCTP": steps(sctp_packet, ("a", 0, init(1, 7)), ("b", 7, init(2, 12)),
                  ("a", 12, chunk(10, b"cookie")), ("b", 7, chunk(11)),
                  ("a", 12, chunk(0, b"12345678words")), ("b", 7, chunk(3))),
    "DCCP": steps(dccp_packet, ("a", 0, b"", b"code"),
                  ("b", 1, bytes(7) + b"\1", b"code"),
                  ("a", 3, bytes(7) + b"\1")),
    "ICMP echo": steps(echo, ("a",), ("b", True)),
    "GRE": both_ways(gre_packet, "00000800" + INSIDE),
    "GRE with a key": both_ways(gre_packet, "20000800" "00001234" + INSIDE),
    "a call of PPTP": steps(gre_packet, ("a", "3001880b" "00001234" "00000001")),
    "a protocol without ports": both_ways(
        lambda s, d, *ports: ip(s, d, 253, b"whatever")),
}

def crossing(make, side, here, there):
    """Nothing, or what was wrong."""
    return unlike(wire.pass_on(side, make(*ends(here, side))),
                  aged(make(*ends(there, side))))

def converse(conversation, near, far):
    """Up to the first packet that is wrong; nothing, or how it is."""
    for n, (side, make) in enumerate(conversation):
        wrong = crossing(make, side, *((near, far) if side == "a" else
                                       (far, near)))
        if wrong:
            return "packet %d: %s" % (n, wrong)

fresh()
for f in FAMILIES:
    for name, conversation in CONVERSATIONS.items():
        # nf_conntrack takes it for UDP, and finds the sum wrong.
        if not ours():
            sysctl("checksum", int("Lite" not in name))
        for kind, views in f.kinds.items():
            wrong = converse(conversation, *views)
            check("%s, %s%s" % (name, kind, f.words), not wrong, wrong)

    # Of UDP a sum of 0 is sent as 0xffff; there is one payload for each side.
    fresh()
    near, far = f.kinds["both"]
    for side, view in ("near", near), ("far", far):
        payload = struct.pack("!H", struct.unpack(
            "!H", udp(*view, b"\0\0")[6:8])[0])
        equal("the sum is zero on the %s side%s" % (side, f.words),
              udp(*view, payload)[6:8], b"\xff\xff")
        wrong = converse(both_ways(udp_packet, payload), near, far)
        check("a sum that is zero there%s" % f.words, not wrong, wrong)

    # The identifier of a ping is kept if it can be, and else another one.
    host = f.near
    index = 44 if f.six else 24
    wire.pass_on("a", echo(f.A, f.B, 0, 0))
    got = wire.pass_on("a", echo(host, f.B, 0, 0))
    ident = struct.unpack_from("!H", got, index)[0]
    check("two ask with one identifier%s" % f.words, ident != 77, ident)
    wrong = unlike(got, aged(echo(f.P, f.B, 0, 0, ident=ident)))
    check("all else is as it was" + f.words, not wrong, wrong)
    for to, number in (f.A, 77), (host, ident):
        wrong = unlike(wire.pass_on("b", echo(f.B, f.P, 0, 0, True,
                                              ident=number)),
                       aged(echo(f.B, to, 0, 0, True)))
        check("who asked is answered: %s" % to, not wrong, wrong)

# --- errors: what is quoted is what was sent ---

def error(src, dst, kind, code, word, quoted):
    rest = struct.pack("!I", word) + quoted
    if is6(src):
        return ip(src, dst, ICMPV6, icmp6(src, dst, kind, code, rest))
    return ip(src, dst, ICMP, icmp(kind, code, rest))

ERRORS = {False: ((3, 1, 0), (3, 4, 1400), (11, 0, 0), (12, 0, 0)),
          True: ((1, 0, 0), (2, 0, 1400), (3, 0, 0), (4, 0, 40))}

def errors(f, sizes, make, side, here, there):
    """Sends by @side, and has errors about that from where it came out."""
    src, _, *_ = ends(here, side)
    _, dst, *_ = ends(there, side)
    back, known = "b" if side == "a" else "a", ends(here, side)[1]
    for size in sizes:
        for sender in dst, (f.far if side == "a" else f.near):
            for kind in ERRORS[f.six]:
                sent = make(*ends(here, side))
                got = wire.pass_on(side, sent)
                if got is None:
                    return "it did not pass"
                # A router there is not to be known, if his host is not.
                seen = known if known != dst else sender
                wrong = unlike(
                    wire.pass_on(back, error(sender, ends(there, side)[0],
                                             *kind, got[:size])),
                    aged(error(seen, src, *kind, aged(sent)[:size])))
                if wrong:
                    return "%s by %s about %d: %s" % (kind, sender, size,
                                                      wrong)

for f in FAMILIES:
    for name in ("TCP", "UDP", "UDP without a checksum", "UDP-Lite", "SCTP",
                 "DCCP", "ICMP echo", "GRE", "a protocol without ports"):
        if not ours():
            sysctl("checksum", int("Lite" not in name))
        (_, asks), (_, answers) = CONVERSATIONS[name][:2]
        sizes = (48 if f.six else 28), 1000
        if name == "DCCP" and not ours():
            # There is a checksum in these eight octets, which it leaves.
            sizes = sizes[1:]
        for kind, (near, far) in f.kinds.items():
            fresh()
            wrong = errors(f, sizes, asks, "a", near, far)
            check("errors about what is asked by %s, %s%s" %
                  (name, kind, f.words), not wrong, wrong)
            wrong = errors(f, sizes, answers, "b", far, near)
            check("errors about what is answered by %s, %s%s" %
                  (name, kind, f.words), not wrong, wrong)

# --- errors of the router's own: too large, too far ---

def own_error(f, side, here, there, packet, kind, code, word):
    fresh()
    if side == "b":
        wire.pass_on("a", udp_packet(*there))
    source = wire.a if side == "a" else wire.b
    while source.receive():
        pass
    source.send(packet)
    got = source.receive(2)
    if got is None:
        return "no error came"
    quoted = got[48:] if f.six else got[28:]
    src, dst, *_ = ends(here, side)
    said = str(ipaddress.ip_address(got[8:24] if f.six else got[12:16]))
    mine = ("fd00:8::fe", "fd00:9::fe", "10.8.0.254", "10.9.0.254", dst)
    want = error(said, src, kind, code, word, packet[:len(quoted)])
    if said not in mine:
        return "by " + said
    if f.six:
        return unlike(got[4:], want[4:])
    # What is not compared is the kernel's to choose: the label; identifier and
    # type of service.
    return "a header's sum is wrong" if checksum(got[:20]) else \
        unlike(got[12:], want[12:])

for tun in "tun-a", "tun-b":
    run("ip", "link", "set", tun, "mtu", "1280")
for f in FAMILIES:
    for kind, (near, far) in f.kinds.items():
        # What was translated half way when the error came up is not found.
        if kind == "both" and not ours():
            continue
        for side, here, there in ("a", near, far), ("b", far, near):
            large = dont_fragment(udp_packet(*ends(here, side), bytes(1300)))
            wrong = own_error(f, side, here, there, large,
                              *((2, 0) if f.six else (3, 4)), 1280)
            check("too large for the router, by %s, %s%s" %
                  (side, kind, f.words), not wrong, wrong)
            old = patched(udp_packet(*ends(here, side), b"old"),
                          7 if f.six else 8, 1)
            wrong = own_error(f, side, here, there, old,
                              *((3, 0) if f.six else (11, 0)), 0)
            check("its hops are used up, by %s, %s%s" % (side, kind, f.words),
                  not wrong, wrong)
for tun in "tun-a", "tun-b":
    run("ip", "link", "set", tun, "mtu", "1500")
END

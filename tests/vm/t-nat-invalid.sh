#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets that are of a translated connection, but invalid: rules find them to be
# so, and who lets them through does not show a private address. nf_nat lets them
# out as they came in.
# seconds: 30
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load
# A VM's time may leap by more than ten seconds while a program is read.
n0 sysctl -q net.netfilter.nf_conntrack_tcp_timeout_close=100

nat <<'END'
wire = Wire()

def judged(name, talk, by, flags, *more, **numbers):
    """Is invalid to rules, and translated nevertheless."""
    before = counter("invalid")
    wrong = talk.step(by, flags, *more, **numbers)
    equal(name + ": invalid to rules", counter("invalid") - before, 1)
    if ours():
        check(name + ": translated", not wrong, wrong)

COUNT = filters("prerouting", 'ct state invalid counter comment "invalid"')
for f in FAMILIES:
    for kind, views in f.kinds.items():
        words = ", %s%s" % (kind, f.words)
        fresh()
        nft(COUNT)
        talk = Through(wire, views)
        wrong = talk.open()
        check("a connection opens" + words, not wrong, wrong)
        a, b = talk.next["a"], talk.next["b"]
        for by, mine, others in ("a", a, b), ("b", b, a):
            judged("far behind the window, by %s%s" % (by, words), talk, by,
                   "PA", b"data", seq=mine + 10 ** 6)
            judged("an acknowledgment of what was not sent, by %s%s" %
                   (by, words), talk, by, "A", ack=others + 10 ** 6)
            judged("a RST from before, by %s%s" % (by, words), talk, by, "R",
                   seq=mine - 10)
        wrong = talk.step("a", "PA", b"data") or talk.step("b", "A")
        check("the connection goes on" + words, not wrong, wrong)
        wrong = talk.step("b", "R")
        check("and is reset" + words, not wrong, wrong)
        judged("late data" + words, talk, "a", "PA", b"data", seq=a + 10 ** 6)

        # No packet of it passes where rules drop it.
        fresh()
        nft(filters("forward", "ct state invalid drop"))
        talk = Through(wire, views)
        wrong = talk.open()
        while wire.b.receive():
            pass
        wire.a.send(talk.made("a", "a", "PA", b"data", a + 10 ** 6, b))
        wrong = wrong or talk.step("a", "PA", b"data")
        check("an invalid one is dropped, if rules say so" + words, not wrong,
              wrong)

# SCTP: another association's tag.
if ours():
    for f in FAMILIES:
        fresh()
        nft(COUNT)
        near, far = f.kinds["both"]
        for by, tag, chunks in (("a", 0, init(1, 7)), ("b", 7, init(2, 12)),
                                ("a", 12, chunk(10)), ("b", 7, chunk(11))):
            wire.pass_on(by, sctp_packet(
                *ends(near if by == "a" else far, by), tag, chunks))
        for by, to, view, other in ("a", "b", near, far), ("b", "a", far, near):
            wrong = unlike(
                wire.pass_on(by, sctp_packet(*ends(view, by), 99, chunk(0))),
                aged(sctp_packet(*ends(other, by), 99, chunk(0))))
            check("SCTP with a wrong tag, by %s: translated%s" % (by, f.words),
                  not wrong, wrong)
        equal("both are invalid" + f.words, counter("invalid"), 2)
END

# Rules may refuse what is invalid, with a reset or an error: who sent it is told
# by whom he asked, of what he sent. nf_nat shows him the other side.
nat <<'END'
wire = Wire()

def reset(f, view, by, seq):
    """The router's, to who sent a segment with this acknowledgment."""
    src, dst, sport, dport = ends(view, by)
    packet = tcp_packet(dst, src, dport, sport, "R", seq, 0, window=0)
    return packet if f.six else patched(packet, 6, 0x40)

def unlike_error(f, got, src, dst, kind, code, packet):
    """Is it about that packet? All but what makes no difference."""
    if got is None:
        return "nothing came"
    rest = bytes(4) + packet
    want = (icmp6(src, dst, kind, code, rest) if f.six else
            icmp(kind, code, rest))
    hosts, start = (slice(8, 40), 40) if f.six else (slice(12, 20), 20)
    return (not intact(got) and "its checksum" or
            unlike(got[hosts] + got[start:], pack(src) + pack(dst) + want))

def answered(by, packet):
    """What who sends it gets."""
    side = wire.a if by == "a" else wire.b
    while side.receive():
        pass
    side.send(packet)
    return side.receive(2)

# Where rules refuse it, and how it looks there.
PLACES = (("forward", 0, "where it is forwarded"),
          ("prerouting", -50, "behind dstnat"),
          ("prerouting", -150, "before dstnat"))
for f in FAMILIES if ours() else ():
    for kind, views in f.kinds.items():
        for by in "a", "b":
            view, other = views if by == "a" else views[::-1]
            router = dict(a=("fd00:8::fe" if f.six else "10.8.0.254"),
                          b=("fd00:9::fe" if f.six else "10.9.0.254"))[by]
            me, peer = ends(view, by)[:2]
            # As for valid packets: it is as if who was asked had said so.
            source = router if ends(other, by)[1] == peer else peer
            for hook, priority, where in PLACES:
                words = ", %s, by %s, %s%s" % (kind, by, where, f.words)
                fresh()
                talk = Through(wire, views)
                wrong = talk.open()
                # Whatever it resets, the reset fits no window.
                bad = talk.made(by, by, "PA", b"data", talk.next[by] + 10 ** 6,
                                talk.next["b" if by == "a" else "a"] + 10 ** 6)
                ack = talk.next["b" if by == "a" else "a"] + 10 ** 6
                nft(filters(hook, "ct state invalid reject with tcp reset",
                            priority=priority))
                wrong = wrong or unlike(answered(by, bad),
                                        reset(f, view, by, ack))
                check("a reset is by who was asked" + words, not wrong, wrong)

                nft("delete table inet filter")
                nft(filters(hook, "ct state invalid reject with icmpx "
                            "admin-prohibited", priority=priority))
                wrong = unlike_error(
                    f, answered(by, bad), router if priority == -150 else
                    source, me, *((1, 1) if f.six else (3, 13)),
                    bad if hook == "prerouting" else aged(bad))
                check("an error is of what was sent" + words, not wrong, wrong)

            # The router's own: it has been on its way for too long.
            nft("delete table inet filter")
            old = patched(bad, 7 if f.six else 8, 1)
            wrong = unlike_error(f, answered(by, old), source, me,
                                 *((3, 0) if f.six else (11, 0)), old)
            check("too long on its way, %s, by %s%s" % (kind, by, f.words),
                  not wrong, wrong)
            wrong = talk.step("a", "PA", b"data") or talk.step("b", "A")
            check("and the connection goes on, %s, by %s%s" %
                  (kind, by, f.words), not wrong, wrong)
END

# A real client, and a published service whose server sends what is far out of
# the window: if that comes from an address which the client never asked, he
# resets the connection of whoever has that, which is the server.
nat <<'END'
wire = Wire()
for f in FAMILIES:
    rules(table(f.six, chain("prerouting", "%s daddr %s meta l4proto tcp dnat "
                             "to %s" % ("ip6" if f.six else "ip", f.V,
                                        at(f.W, 8080)))))
    client = "fd00:1::1" if f.six else "10.0.1.1"
    s = open_socket("n1", TCP_KIND, client, 6000)
    # When it is closed it is gone with all that it may want to send.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.setblocking(False)
    while wire.b.receive():
        pass
    s.connect_ex((f.V, 80))
    start = 40 if f.six else 20
    syn = wire.b.receive(5)
    if syn is None:
        not_ok("a client asks a published service" + f.words, "nothing came")
        continue
    number = struct.unpack_from("!I", syn, start + 4)[0]

    def server(flags, seq, payload=b""):
        wire.b.send(tcp_packet(f.W, client, 8080, 6000, flags, seq, number + 1,
                               payload))

    server("SA", 9000)
    answer = wire.b.receive(5)
    equal("a client connects to a published service" + f.words,
          answer and answer[start + 13], FLAGS["A"])
    server("PA", 9001 + 10 ** 6, b"far away")
    server("PA", 9001, b"here")
    s.setblocking(True)
    s.settimeout(10)
    try:
        data = s.recv(100)
    except OSError as error:
        data = error
    equal("data arrives, though some was out of the window" + f.words, data,
          b"here")
    found = []
    while (packet := wire.b.receive(0.5)):
        found.append(packet[start + 13])
    # The first one says that something else was awaited.
    if ours():
        equal("both are acknowledged, nothing is reset" + f.words, found,
              [FLAGS["A"]] * 2)
    s.close()
END

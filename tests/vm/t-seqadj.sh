#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# CTA_SEQ_ADJ_*: sequence numbers of TCP that are changed on their way, as a helper
# or somebody who synchronizes connections wants it: what is listed, each number in
# each packet, and real programs.
# seconds: 60
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load

nat <<'END'
import nl
from nl import attr, be16, be32, nest, u8, ports, addresses

wire = Wire()
sock = nl.Socket()
POS, BEFORE, AFTER = 1, 2, 3
SEQ_ADJUST, FLAG_SACK, LIBERAL = 64, 2, 8
M = 2 ** 32

class Way:
    """What is added to the numbers of one end: up to a segment, and behind."""
    def __init__(self, pos, before, after):
        self.numbers = pos % M, before % M, after % M
        self.pos, self.before, self.after = pos, before, after

    def behind(self, seq):
        return 0 < (seq - self.pos) % M < M // 2

    def seq(self, n):
        return (n + (self.after if self.behind(n) else self.before)) % M

    def ack(self, n):
        return (n - (self.after if self.behind(n - self.before) else
                     self.before)) % M

    def attrs(self, kind):
        return nest(kind, *(be32(n + 1, v)
                            for n, v in enumerate(self.numbers)))

NONE = Way(0, 0, 0)

def inverted(view):
    return view[1], view[0], view[3], view[2]

def request(f, view, *more, flags=0, proto=TCP):
    src, dst, sport, dport = view
    return sock.ask(nl.NEW, nl.tuples(src, dst, proto, sport, dport) +
                    b"".join(more), nl.ACK | flags, family=10 if f.six else 2)

def made(f, view, *more, state=3, flags=LIBERAL | FLAG_SACK, proto=TCP):
    both = bytes([flags, flags])
    info = nest(nl.PROTOINFO, nest(1, u8(1, state), attr(4, both),
                                   attr(5, both)))
    flush()
    return request(f, view, be32(nl.TIMEOUT, 1000),
                   be32(nl.STATUS, nl.CONFIRMED | nl.ASSURED | nl.SEEN_REPLY),
                   info if proto == TCP else b"", *more,
                   flags=nl.CREATE | nl.EXCL, proto=proto)

def kept(f):
    """The status bit, and both ways' numbers, as they are listed."""
    found = []
    for m in sock.dump(family=10 if f.six else 2):
        ways = []
        for kind in nl.SEQ_ORIG, nl.SEQ_REPLY:
            inside = dict(nl.parse(m.get(kind) or b""))
            ways.append(tuple(int.from_bytes(inside[k], "big")
                              for k in (POS, BEFORE, AFTER))
                        if inside else None)
        found.append((bool(m.number(nl.STATUS) & SEQ_ADJUST), *ways))
    return found

# --- what is kept, and listed ---

for f in FAMILIES:
    view = (f.A, f.B, 5000, 80)
    one, two = Way(1000, 7, M - 5), Way(M - 1, 0, 123456)
    # nf_conntrack tells of connections that somebody listened to from the beginning.
    listener = nl.Socket(nl.GROUP_UPDATE)
    equal("made with both ways" + f.words, made(
        f, view, one.attrs(nl.SEQ_ORIG), two.attrs(nl.SEQ_REPLY)).error, 0)
    equal("both are listed" + f.words, kept(f),
          [(True, one.numbers, two.numbers)])
    equal("one is changed" + f.words,
          request(f, view, two.attrs(nl.SEQ_ORIG)).error, 0)
    equal("that one is another" + f.words, kept(f),
          [(True, two.numbers, two.numbers)])
    told = [m for m in listener.events() if m.get(nl.SEQ_ORIG)]
    check("who listens is told" + f.words, told and nl.kinds(
        told[0].get(nl.SEQ_ORIG)) == [1, 2, 3], told)
    listener.s.close()
    made(f, view, one.attrs(nl.SEQ_REPLY))
    equal("made with one way" + f.words, kept(f),
          [(True, (0, 0, 0), one.numbers)])
    made(f, view)
    equal("made with none" + f.words, kept(f), [(False, None, None)])
    family = 10 if f.six else 2
    for words, error, inside in (
            ("no position", "EINVAL", be32(BEFORE, 1) + be32(AFTER, 1)),
            ("nothing before", "EINVAL", be32(POS, 1) + be32(AFTER, 1)),
            ("nothing behind", "EINVAL", be32(POS, 1) + be32(BEFORE, 1)),
            ("a number of two bytes", "ERANGE",
             be16(POS, 1) + be32(BEFORE, 1) + be32(AFTER, 1))):
        for kind in nl.SEQ_ORIG, nl.SEQ_REPLY:
            nl.refuses("%s in attribute %d%s" % (words, kind, f.words), sock,
                       getattr(nl.errno, error), nl.NEW,
                       nl.tuples(*view[:2], TCP, *view[2:]) +
                       nest(kind, inside), family=family)
    equal("and nothing was changed" + f.words, kept(f), [(False, None, None)])

# --- each number ---

def sack(edges, lead):
    blocks = b"".join(struct.pack("!I", e % M) for e in edges)
    options = lead + bytes([5, 2 + len(blocks)]) + blocks
    return options + bytes(-len(options) % 4)

def passes(name, f, near, far, ways, side, flags, seq, ack, edges=(),
           lead=b"\1\1", payload=b"some data"):
    """@near, @far: as A's and B's sides see it."""
    views = {"a": near, "b": far}
    other = "b" if side == "a" else "a"
    mine, others = ways if side == "a" else ways[::-1]
    def packet(view, seq, ack, edges):
        return tcp_packet(*ends(view, side), flags, seq, ack, payload,
                          options=sack(edges, lead) if edges else b"")
    got = wire.pass_on(side, packet(views[side], seq, ack, edges))
    want = aged(packet(views[other], mine.seq(seq),
                       others.ack(ack) if "A" in flags else ack,
                       [others.ack(e % M) for e in edges] if "A" in flags
                       else edges))
    wrong = unlike(got, want)
    check(name, not wrong, wrong)

PAIRS = (("longer and shorter", Way(1000, 0, 20), Way(500000, 0, -7)),
         ("changed before", Way(1000, 20, 35), Way(500000, -7, -20)),
         ("around zero", Way(M - 3, 3, 70000), Way(2, -5, -90000)),
         ("one way", Way(1000, 0, 100), NONE))
for f in FAMILIES:
    view = (f.A, f.B, 5000, 80)
    rules()
    for words, one, two in PAIRS:
        words = ", %s%s" % (words, f.words)
        ways = one, two
        made(f, view, one.attrs(nl.SEQ_ORIG),
             *([] if two is NONE else [two.attrs(nl.SEQ_REPLY)]))
        for side, (mine, others) in (("a", ways), ("b", ways[::-1])):
            for by in -100, -1, 0, 1, 2, 100:
                seq = (mine.pos + by) % M
                for back in -50, 0, 1, 60:
                    passes("%d and %d off, by %s%s" % (by, back, side, words),
                           f, view, view, ways, side, "A", seq,
                           (others.seq(others.pos) + back) % M)
            seq, ack = mine.pos + 5, others.seq(others.pos)
            edges = [others.pos + d for d in (-100, -50, 10, 200, 300, 400)]
            passes("blocks, by %s%s" % (side, words), f, view, view, ways,
                   side, "A", seq, ack, edges)
            passes("one block behind a timestamp, by %s%s" % (side, words), f,
                   view, view, ways, side, "A", seq, ack, edges[2:4],
                   b"\1\1\x08\x0a" + bytes(range(8)) + b"\1\1")
            # nf_nat sums them up as if they were in the other place.
            if ours():
                passes("blocks at odd places, by %s%s" % (side, words), f,
                       view, view, ways, side, "A", seq, ack, edges, b"\1")
            passes("a FIN, by %s%s" % (side, words), f, view, view, ways,
                   side, "FA", seq, ack, payload=b"")
            made(f, view, one.attrs(nl.SEQ_ORIG),
                 *([] if two is NONE else [two.attrs(nl.SEQ_REPLY)]))
        passes("a RST without an acknowledgment" + words, f, view, view, ways,
               "a", "R", one.pos + 50, 77, payload=b"")

    # Damaged stays damaged.
    sysctl("checksum", 0)
    one, two = PAIRS[0][1:]
    made(f, view, one.attrs(nl.SEQ_ORIG), two.attrs(nl.SEQ_REPLY))
    got = wire.pass_on("a", tcp_packet(*view, "A", 5000, 600000, b"data",
                                       bad=True))
    check("what is damaged stays so" + f.words, got and not intact(got) and
          struct.unpack_from("!II", got, 44 if f.six else 24) ==
          (one.seq(5000), two.ack(600000)), got)
    sysctl("checksum", 1)

    # With addresses translated, too.
    near, far = f.kinds["both"]
    rules(table(f.six, chain("prerouting"), chain("postrouting")))
    kinds = (4,) if f.six else (1,)
    def to(kind, address, port):
        return nest(kind, attr(kinds[0], pack(address)),
                    nest(3, be16(1, port)))
    equal("made with a translation" + f.words, made(
        f, near, to(nl.NAT_SRC, f.P, 7000), to(nl.NAT_DST, f.W, 8080),
        one.attrs(nl.SEQ_ORIG), two.attrs(nl.SEQ_REPLY)).error, 0)
    for side in "a", "b":
        passes("translated, too, by " + side + f.words, f, near, far,
               (one, two), side, "A", 500100 if side == "b" else 1100,
               2000 if side == "b" else 600000, [700000, 700100]
               if side == "a" else [3000, 3010])
    rules()

    # Of UDP it is kept, and no packet is changed by it.
    made(f, view, one.attrs(nl.SEQ_ORIG), proto=UDP)
    equal("kept of UDP" + f.words, kept(f)[0][:2], (True, one.numbers))
    if ours():
        packet = udp_packet(*view, bytes(range(60)))
        wrong = unlike(wire.pass_on("a", packet), aged(packet))
        check("whose packets stay as they are" + f.words, not wrong, wrong)

# --- windows ---

for f in FAMILIES:
    view = (f.A, f.B, 5000, 80)
    for by in 10 ** 6, -10 ** 6:
        words = ", by %d%s" % (by, f.words)
        way = Way(0, by, by)
        # Only what is acknowledged was sent.
        made(f, view, way.attrs(nl.SEQ_ORIG), state=1, flags=0)
        def judged(name, valid, side, flags, seq, ack=0, payload=b""):
            wire.judged(name + words, valid, side, tcp_packet(
                *ends(view, side), flags, seq % M, ack % M, payload))
        judged("a SYN", True, "a", "S", 2 * 10 ** 6)
        judged("its answer", True, "b", "SA", 9000, 2 * 10 ** 6 + 1 + by)
        judged("and the third", True, "a", "A", 2 * 10 ** 6 + 1, 9001)
        judged("data", True, "a", "PA", 2 * 10 ** 6 + 1, 9001, b"data")
        judged("which is acknowledged", True, "b", "A", 9001,
               2 * 10 ** 6 + 5 + by)
        if by < 0:
            judged("but not as it was sent", False, "b", "A", 9001,
                   2 * 10 ** 6 + 5)
        judged("not what was never sent", False, "b", "A", 9001,
               2 * 10 ** 6 + 6 + by)
        judged("a reset out of the window", False, "b", "R", 9000 - 10)
        judged("and the end", True, "a", "FA", 2 * 10 ** 6 + 5, 9001)
        judged("is acknowledged", True, "b", "FA", 9001, 2 * 10 ** 6 + 6 + by)

# --- real programs ---

def numbers_of(tap, port):
    """Sequence number of the SYN, and what its answer acknowledges."""
    seq = ack = None
    while select.select([tap], [], [], 0)[0]:
        packet = tap.recv(65536)
        start = 40 if packet[0] >> 4 == 6 else 20
        if packet[6 if start == 40 else 9] != TCP:
            continue
        if port not in struct.unpack_from("!HH", packet, start):
            continue
        s, a, _, flags = struct.unpack_from("!IIBB", packet, start + 4)
        if flags == FLAGS["S"] and seq is None:
            seq = s
        if flags == FLAGS["S"] | FLAGS["A"] and ack is None:
            ack = a
    return seq, ack

def taps(ns):
    with within(ns):
        return socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                             socket.ntohs(3))

def receive_all(listener, got):
    peer = listener.accept()[0]
    data = b""
    while (part := peer.recv(65536)):
        data += part
    got.append(data)
    peer.sendall(data)
    peer.close()

def exchange(client, listener, data):
    """What the server got, and what it sent back."""
    got, back = [], b""
    thread = threading.Thread(target=receive_all, args=(listener, got))
    thread.start()
    client.sendall(data)
    client.shutdown(socket.SHUT_WR)
    while (part := client.recv(65536)):
        back += part
    thread.join()
    return got[0], back

port = 6000
for ns in "n1", "n2":
    run("ip", "netns", "exec", ns, "tc", "qdisc", "add", "dev", "veth", "root",
        "netem", "limit", "10000", "loss", "1%")
for f in FAMILIES:
    c, s, r = (("fd00:1::1", "fd00:2::1", "fd00:2::fe") if f.six else
               ("10.0.1.1", "10.0.2.1", "10.0.2.254"))
    for name, here, there, src, dst in (
            ("through the router", "n1", "n2", c, s),
            ("to the router", "n1", "n0", c, r),
            ("from the router", "n0", "n2", r, s),
            ("to itself", "n0", "n0", r, r)):
        port += 1
        one, two = Way(0, 70000, 70000), Way(0, -90000, -90000)
        listener = open_socket(there, TCP_KIND, dst, 7000)
        listener.listen()
        made(f, (src, dst, port, 7000), one.attrs(nl.SEQ_ORIG),
             two.attrs(nl.SEQ_REPLY), state=1, flags=0)
        before = stat("invalid")
        tap = [taps(here), taps(there)]
        client = open_socket(here, TCP_KIND, src, port)
        client.settimeout(20 * SLOW)
        client.connect((dst, 7000))
        seen = [numbers_of(t, port) for t in tap]
        data = bytes(n * 7 % 251 for n in range(300000))
        got, back = exchange(client, listener, data)
        check("all of it arrives, %s%s" % (name, f.words), got == data,
              (len(got), len(data)))
        check("and comes back, %s%s" % (name, f.words), back == data,
              (len(back), len(data)))
        equal("none is invalid, %s%s" % (name, f.words),
              stat("invalid") - before, 0)
        # The router sees its own as they are on the wire.
        if name == "through the router":
            equal("and the numbers are others, %s%s" % (name, f.words),
                  [(a - b) % M for a, b in zip(seen[1], seen[0])],
                  [70000] * 2)
        for x in client, listener, *tap:
            x.close()
END

if ours; then
	n0 conntrack -I -p tcp -s 10.0.1.1 -d 10.0.2.1 --sport 1 --dport 2 \
		--state ESTABLISHED -t 1000 >"$TMP/made" 2>&1
	check "and ct unloads" unload
fi

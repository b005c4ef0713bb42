#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: netlink.py SEED COUNT FILE [harm]

COUNT messages to nfnetlink's conntrack subsystems, for send.c: in cases of a
few that begin with an empty table. They are made whole, as trees of attributes,
and most are then broken somewhere. With harm: to what only ct has, too, and to
nf_tables, where nobody compares what comes of it.
"""
import random
import struct
import sys

NESTED, NET_ORDER = 0x8000, 0x4000
REQUEST, ACK, ECHO = 1, 4, 8
ROOT, MATCH, EXCL, CREATE, APPEND = 0x100, 0x200, 0x200, 0x400, 0x800
CT, EXP = 1, 2
NEW, GET, DELETE, CTRZERO, STATS_CPU, STATS, DYING, UNCONFIRMED = range(8)
(TUPLE_ORIG, TUPLE_REPLY, STATUS, PROTOINFO, HELP, NAT_SRC, TIMEOUT, MARK,
 COUNTERS_ORIG, COUNTERS_REPLY, USE, ID, NAT_DST, TUPLE_MASTER, SEQ_ORIG,
 SEQ_REPLY, SECMARK, ZONE, SECCTX, TIMESTAMP, MARK_MASK, LABELS, LABELS_MASK,
 SYNPROXY, FILTER, STATUS_MASK) = range(1, 27)
TCP, UDP, SCTP, DCCP, ICMP, ICMPV6, GRE, UDPLITE = (6, 17, 132, 33, 1, 58, 47,
                                                    136)
# What send.c puts its own in the place of.
ID_HERE, FAMILY_HERE = 0xfeedf00d, 0x7f7f
# Timeouts are told apart by so many seconds.
QUANTUM = 10000
V4 = [b"\x0a\0\0\1", b"\x0a\0\0\2"]
V6 = [b"\xfd" + bytes(14) + b"\1", b"\xfd" + bytes(14) + b"\2"]


class Attr:
    """An attribute: bytes, or a list of attributes."""
    def __init__(self, kind, body=b"", flags=0):
        self.kind, self.body, self.flags = kind, body, flags
        self.length = None

    def pack(self):
        body = self.body
        if isinstance(body, list):
            body = pack(body)
        length = 4 + len(body) if self.length is None else self.length
        return (struct.pack("=HH", length & 0xffff,
                            self.kind & 0x3fff | self.flags) + body +
                bytes(-len(body) % 4))


def pack(attrs):
    return b"".join(a.pack() for a in attrs)


def nest(kind, *inside):
    return Attr(kind, list(inside), NESTED)


def u8(kind, value):
    return Attr(kind, bytes([value & 255]))


def be16(kind, value):
    return Attr(kind, struct.pack("!H", value & 0xffff))


def be32(kind, value):
    return Attr(kind, struct.pack("!I", value & 0xffffffff))


def u32(kind, value):
    return Attr(kind, struct.pack("=I", value & 0xffffffff))


class Maker:
    def __init__(self, seed, harm):
        self.r = random.Random(seed)
        self.harm = harm

    def chance(self, percent):
        return self.r.random() * 100 < percent

    def one(self, *of):
        return self.r.choice(of)

    # Tuples: few, so that they are met again.

    def connection(self):
        """(family, protocol, source, destination, ports or ICMP's id)"""
        family = self.one(2, 2, 2, 10)
        proto = self.one(TCP, TCP, TCP, UDP, UDP, SCTP, DCCP, GRE, UDPLITE, 89,
                         ICMPV6 if family == 10 else ICMP)
        return (family, proto, self.r.randrange(2), self.r.randrange(2),
                self.one(1, 2))

    def tuple(self, kind, c, reply=False):
        family, proto, a, b, n = c
        src, dst = (b, a) if reply else (a, b)
        pool = V4 if family == 2 else V6
        first = 1 if family == 2 else 3
        if self.chance(0.5):
            proto = self.r.randrange(256)
        inside = [u8(1, proto)]
        if proto in (ICMP, ICMPV6):
            at = 4 if proto == ICMP else 7
            kinds = (8, 0) if proto == ICMP else (128, 129)
            if self.chance(4):
                kinds = (self.r.randrange(256), self.r.randrange(256))
            inside += [be16(at, n), u8(at + 1, kinds[reply]), u8(at + 2, 0)]
        elif proto != 89 or self.chance(10):
            inside += [be16(2, 80 if reply else n), be16(3, n if reply else 80)]
        t = nest(kind, nest(1, Attr(first, pool[src]),
                            Attr(first + 1, pool[dst])), nest(2, *inside))
        if self.chance(3):
            t.body.append(be16(3, self.one(0, 5, 7)))
        return t

    def tuples(self, c):
        return [self.tuple(TUPLE_ORIG, c), self.tuple(TUPLE_REPLY, c, True)]

    # What is changed

    def timeout(self):
        seconds = self.r.randrange(1, 800) * QUANTUM + QUANTUM // 2
        if self.chance(10):
            seconds = self.one(0, 0x7fffffff, 0xffffffff, 8_589_934, 20_000_000)
        return be32(TIMEOUT, seconds)

    def status(self):
        value = 8
        for _ in range(self.r.randrange(4)):
            value |= 1 << self.one(1, 1, 2, 2, 10, 13, self.r.randrange(18))
        if self.chance(8):
            value ^= 8
        return be32(STATUS, value)

    def tcp(self):
        inside = []
        if self.chance(80):
            inside.append(u8(1, self.r.randrange(11) if self.chance(95) else
                             self.r.randrange(256)))
        for kind in (2, 3):
            if self.chance(30):
                inside.append(u8(kind, self.r.randrange(16)))
        for kind in (4, 5):
            if self.chance(30):
                inside.append(Attr(kind, bytes([self.one(1, 3, 0xb, 255),
                                                self.one(1, 3, 0xb, 255)])))
        return nest(1, *inside)

    def dccp(self):
        inside = [u8(1, self.r.randrange(10)), u8(2, self.r.randrange(3))]
        if self.chance(50):
            inside.append(Attr(3, self.r.randrange(1 << self.one(
                48, 48, 64)).to_bytes(8, "big")))
        return nest(2, *inside)

    def sctp(self):
        return nest(3, u8(1, self.r.randrange(10)), be32(2, 0x11),
                    be32(3, 0x22))

    def protoinfo(self, proto):
        made = {TCP: self.tcp, DCCP: self.dccp, SCTP: self.sctp}
        if proto not in made or self.chance(15):
            proto = self.one(*made)
        inside = [made[proto]()]
        if self.chance(5):
            inside.append(made[self.one(*made)]())
        return nest(PROTOINFO, *inside)

    def labels(self):
        length = self.one(0, 4, 8, 16, 16, 16, 6, 20)
        attrs = [Attr(LABELS, self.r.randbytes(length))]
        if self.chance(40):
            if self.chance(20):
                length = self.one(0, 4, 16)
            attrs.append(Attr(LABELS_MASK, self.r.randbytes(length)))
        return attrs

    def changes(self, c):
        attrs = []
        if self.chance(30):
            attrs.append(self.status())
        if self.chance(35):
            attrs.append(self.protoinfo(c[1]))
        if self.chance(30):
            attrs.append(be32(MARK, self.one(0, 1, 5, 0xf0)))
            if self.chance(30):
                attrs.append(be32(MARK_MASK, self.one(0, 1, 0xff)))
        if self.chance(20):
            attrs += self.labels()
        if self.chance(5):
            attrs.append(be16(ZONE, self.one(0, 5, 7)))
        if self.chance(4):
            attrs.append(nest(HELP, Attr(1, self.one(
                b"\0", b"none-such\0", b"none", b"far-too-long-for-it\0"))))
        if self.chance(3):
            attrs.append(nest(self.one(NAT_SRC, NAT_DST), be32(1, 0x0a000009)))
        if self.chance(3):
            attrs.append(nest(self.one(SEQ_ORIG, SEQ_REPLY), be32(1, 1),
                              be32(2, 2), be32(3, 3)))
        if self.chance(3):
            attrs.append(nest(SYNPROXY, be32(1, 1), be32(2, 2), be32(3, 3)))
        if self.chance(3):
            attrs.append(self.tuple(TUPLE_MASTER, self.connection()))
        if self.chance(4):
            attrs.append(self.id())
        return attrs

    def id(self):
        if self.chance(50):
            return u32(ID, ID_HERE)
        return be32(ID, self.r.randrange(1 << 32))

    # Requests: (subsystem, type, flags, family, version, attributes)

    def create(self, known):
        c = self.connection()
        known.append(c)
        attrs = self.tuples(c) + self.changes(c)
        if self.chance(96):
            attrs.append(self.timeout())
        return (CT, NEW, CREATE | self.one(0, EXCL, EXCL), c[0], 0, attrs)

    def update(self, known):
        c = self.one(*known)
        attrs = self.tuples(c) + self.changes(c)
        if self.chance(30):
            attrs.append(self.timeout())
        if self.chance(40):
            del attrs[self.r.randrange(2)]
        return (CT, NEW, self.one(0, 0, 0, EXCL, CREATE), c[0], 0, attrs)

    def get(self, known):
        c = self.one(*known)
        attrs = [self.one(*self.tuples(c))]
        if self.chance(20):
            attrs.append(be16(ZONE, self.one(0, 5, 7)))
        if self.chance(10):
            attrs.append(self.id())
        return (CT, self.one(GET, GET, GET, CTRZERO), 0, c[0], 0, attrs)

    def delete(self, known):
        _, _, _, family, _, attrs = self.get(known)
        if self.chance(30):
            attrs.append(self.id())
        return (CT, DELETE, 0, family, self.one(0, 0, 1), attrs)

    def filters(self, known):
        c = self.one(*known)
        attrs = []
        if self.chance(25):
            attrs.append(be32(MARK, self.one(0, 1, 5)))
        if self.chance(15):
            attrs.append(be32(MARK_MASK, self.one(0, 1, 255)))
        if self.chance(20):
            attrs.append(self.status())
        if self.chance(10):
            attrs.append(be32(STATUS_MASK, self.one(0, 2, 6)))
        if self.chance(20):
            attrs.append(be16(ZONE, self.one(0, 5, 7)))
        if self.chance(30):
            attrs += self.tuples(c)
            flags = [u32(kind, self.one(1, 2, 3, 8, 0x38, 0x3c0, 0xfff, 4,
                                        self.r.randrange(1 << 13)))
                     for kind in (1, 2) if self.chance(60)]
            attrs.append(nest(FILTER, *flags))
        return (self.one(0, c[0], c[0], c[0], self.r.randrange(256)), attrs)

    def dump(self, known):
        family, attrs = self.filters(known)
        return (CT, self.one(GET, GET, GET, CTRZERO),
                self.one(ROOT | MATCH, ROOT | MATCH, ROOT, MATCH), family, 0,
                attrs)

    def flush(self, known):
        family, attrs = self.filters(known)
        return (CT, DELETE, 0, family, self.one(0, 1), attrs)

    def stats(self, known):
        return (CT, self.one(STATS_CPU, STATS, DYING, UNCONFIRMED),
                self.one(0, ROOT | MATCH), self.one(0, 2), 0, [])

    def expect(self, known):
        c, d = self.one(*known), self.connection()
        attrs = []
        for kind, of in ((1, c), (2, d), (3, d)):
            if self.chance(75):
                attrs.append(self.tuple(kind, of))
        if self.chance(60):
            attrs.append(be32(4, 100))
        if self.chance(10):
            attrs.append(be32(5, self.r.randrange(1 << 32)))
        if self.chance(10):
            attrs.append(Attr(6, self.one(b"none-such\0", b"x",
                                          bytes(20))))
        if self.chance(10):
            attrs.append(be16(7, self.one(0, 5, 7)))
        if self.chance(10):
            attrs.append(be32(8, self.r.randrange(16)))
        if self.chance(10):
            attrs.append(be32(9, self.r.randrange(3)))
        return (EXP, self.r.randrange(4), self.one(
            0, ROOT | MATCH, CREATE, CREATE | EXCL), self.one(c[0], 0), 0,
            attrs)

    # What is broken in them

    def places(self, attrs):
        """(list, index) of each attribute, however deep."""
        found = []
        for i, a in enumerate(attrs):
            found.append((attrs, i))
            if isinstance(a.body, list):
                found += self.places(a.body)
        return found

    def break_one(self, attrs):
        places = self.places(attrs)
        if not places:
            return
        where, i = self.one(*places)
        a = where[i]
        how = self.r.randrange(11)
        if how == 0:
            del where[i]
        elif how == 1:
            where.insert(self.r.randrange(len(where) + 1), a)
        elif how == 2:
            a.kind = self.one(a.kind + 1, a.kind - 1, 0, self.r.randrange(40),
                              self.r.randrange(0x4000))
        elif how == 3:
            a.flags ^= self.one(NESTED, NESTED, NET_ORDER)
        elif how == 4:
            a.length = self.one(0, 1, 3, 4, 5, 6, 8, 12, 0xffff,
                                self.r.randrange(64))
        elif how == 5 and isinstance(a.body, bytes):
            a.body = a.body[:self.r.randrange(len(a.body) + 1)]
        elif how == 6 and isinstance(a.body, bytes):
            a.body += self.r.randbytes(self.r.randrange(1, 9))
        elif how == 7:
            a.body = self.r.randbytes(self.r.randrange(20))
        elif how == 8 and isinstance(a.body, bytes) and a.kind != TIMEOUT:
            a.body = self.r.randbytes(len(a.body))
        elif how == 9:
            self.r.shuffle(where)
        else:
            where.append(Attr(self.r.randrange(30),
                              self.r.randbytes(self.r.randrange(20))))

    def message(self, known, seq):
        make = self.r.choices(
            (self.create, self.update, self.get, self.delete, self.dump,
             self.flush, self.stats, self.expect),
            (30, 26, 9, 6, 12, 4, 4, 9))[0]
        subsys, kind, flags, family, version, attrs = make(known)
        if self.chance(40):
            for _ in range(self.one(1, 1, 1, 2, 4)):
                self.break_one(attrs)
        if self.chance(2):
            family = self.one(0, 2, 10, 7, self.r.randrange(256))
        if self.chance(1):
            kind = self.r.randrange(10)
        if self.chance(1):
            version = self.r.randrange(256)
        if self.chance(2):
            flags ^= self.one(ROOT, MATCH, CREATE, APPEND, ECHO)
        return self.whole(subsys << 8 | kind, flags, seq, struct.pack(
            "=BBH", family, version, 0) + pack(attrs))

    def whole(self, kind, flags, seq, body):
        if self.chance(0.5):
            body = body[:self.r.randrange(len(body) + 1)]
        length = 16 + len(body)
        if self.chance(0.5):
            length = self.one(0, 15, 16, 19, 20, length - 1, length + 4)
        return struct.pack("=IHHII", length, kind, REQUEST | ACK | flags, seq,
                           0) + body + bytes(-len(body) % 4)

    def case(self):
        """Datagrams, and how many messages they are."""
        known, datagrams, count = [], [], 0
        for _ in range(2):
            subsys, kind, flags, family, version, attrs = self.create(known)
            datagrams.append(struct.pack(
                "=IHHIIBBH", 20 + len(pack(attrs)), subsys << 8 | kind,
                REQUEST | ACK | flags, 1, 0, family, version, 0) + pack(attrs))
        count = len(datagrams)
        for _ in range(self.r.randrange(3, 9)):
            messages = 1 if self.chance(92) else self.r.randrange(2, 6)
            datagrams.append(b"".join(self.message(known, n + 1)
                                      for n in range(messages)))
            count += messages
        return datagrams, count


def main():
    seed, count, name = sys.argv[1:4]
    harm = sys.argv[4:] == ["harm"]
    if harm:
        from harm import Harm
        maker = Harm(seed, True)
    else:
        maker = Maker(seed, False)
    left = int(count)
    with open(name, "wb") as f:
        while left > 0:
            datagrams, messages = maker.case()
            left -= messages
            f.write(struct.pack("=I", 0))
            for data in datagrams:
                f.write(struct.pack("=I", len(data)) + data)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-2.0
"""Requests that nobody else answers, so that nobody compares: of the generic
netlink family "ct", and of nf_tables, with expressions and objects of ct_nft.
"""
import struct

from netlink import (ACK, CREATE, EXCL, FAMILY_HERE, MATCH, REQUEST, ROOT, Attr,
                     Maker, be16, be32, nest, pack, u8)

NFTABLES = 10
BATCH_BEGIN, BATCH_END = 0x10, 0x11
(NEWTABLE, GETTABLE, DELTABLE, NEWCHAIN, GETCHAIN, DELCHAIN, NEWRULE, GETRULE,
 DELRULE) = range(9)
NEWOBJ, GETOBJ, DELOBJ, GETOBJ_RESET = 18, 19, 20, 21
HELPER, CONNLIMIT, CT_TIMEOUT, EXPECT = 3, 5, 7, 9
INET = 1


def text(kind, value):
    return Attr(kind, value.encode() + b"\0")


class Harm(Maker):
    def inside(self, kind, *attrs):
        """What is for ct_nft, broken now and then; nf_tables sees to the rest,
        and most of what is wrong there it refuses by itself.
        """
        attrs = list(attrs)
        if self.chance(30):
            self.break_one(attrs)
        return nest(kind, *attrs)

    def expression(self, name, *attrs):
        return nest(1, text(1, name), self.inside(2, *attrs))

    def ct(self):
        key = self.r.randrange(30)
        register = self.one(1, 2, 3, 4, 8, 12, 20, 23, self.r.randrange(30))
        attrs = [be32(self.one(1, 1, 4), register), be32(2, key)]
        if self.chance(40):
            attrs.append(u8(3, self.one(0, 1, 1, 2)))
        return [self.expression("ct", *attrs)]

    def set(self):
        """A value into a register, and from there into the connection."""
        value = self.r.randbytes(self.one(1, 2, 4, 4, 4, 16))
        attrs = [be32(4, 1), be32(2, self.r.randrange(30))]
        if self.chance(30):
            attrs.append(u8(3, self.r.randrange(3)))
        return [self.expression("immediate", be32(1, 1),
                                nest(2, Attr(1, value))),
                self.expression("ct", *attrs)]

    def limit(self):
        attrs = [be32(1, self.r.randrange(1 << 32))]
        if self.chance(70):
            attrs.append(be32(2, self.r.randrange(3)))
        return [self.expression("connlimit", *attrs)]

    def refer(self):
        kind = self.one(HELPER, CONNLIMIT, CT_TIMEOUT, EXPECT,
                        self.r.randrange(12))
        return [self.expression("objref", be32(1, kind),
                                text(2, self.one("o0", "o1", "o2")))]

    def notrack(self):
        return [self.expression("notrack")]

    def rule(self):
        expressions = []
        for _ in range(self.one(1, 1, 2, 3)):
            expressions += self.one(self.ct, self.ct, self.set, self.limit,
                                    self.refer, self.notrack)()
        return (NEWRULE, CREATE | 0x800, [text(1, "t"), text(2, "c"),
                                          nest(4, *expressions)])

    def object(self):
        kind = self.one(HELPER, CONNLIMIT, CT_TIMEOUT, CT_TIMEOUT, CT_TIMEOUT,
                        EXPECT)
        l3 = be16(1, self.one(2, 2, 10, 0, 7))
        l4 = u8(2, self.one(6, 17, 132, 33, 1, 58, 47, 136, 89))
        data = {
            HELPER: lambda: [text(1, "ftp"), be16(2, 2), u8(3, 6)],
            CONNLIMIT: lambda: [be32(1, 5), be32(2, self.r.randrange(3))],
            CT_TIMEOUT: lambda: [l3, l4, nest(3, *[
                be32(self.r.randrange(16), self.one(
                    0, 1, 60, 0x7fffffff, 0xffffffff, self.r.randrange(1 << 32)))
                for _ in range(self.r.randrange(6))])],
            EXPECT: lambda: [l3, l4, be16(3, 80), Attr(4, bytes(4)),
                             u8(5, 3)],
        }[kind]()
        return (NEWOBJ, CREATE | self.one(0, EXCL),
                [text(1, "t"), text(2, self.one("o0", "o1", "o2")),
                 be32(3, kind), self.inside(4, *data)])

    def ask(self):
        kind = self.one(GETRULE, GETOBJ, GETOBJ_RESET, DELRULE, DELOBJ)
        attrs = [text(1, "t")]
        if self.chance(50):
            attrs.append(text(2, self.one("c", "o0", "o1")))
        if self.chance(50):
            attrs.append(be32(3, self.one(3, 5, 7, 9)))
        return kind, self.one(0, ROOT | MATCH), attrs

    def chain(self):
        hook = nest(4, be32(1, self.r.randrange(6)),
                    be32(2, self.r.randrange(-300, 300)))
        return (NEWCHAIN, CREATE, [text(1, "t"), text(3, "c"), hook,
                                   text(7, "filter")])

    def nft(self, kind, flags, family, attrs):
        return self.whole(NFTABLES << 8 | kind, flags, 1, struct.pack(
            "!BBH", family, 0, 0) + pack(attrs))

    def batch(self, messages):
        ends = [struct.pack("=IHHII", 20, kind, REQUEST, 1, 0) +
                struct.pack("!BBH", 0, 0, NFTABLES)
                for kind in (BATCH_BEGIN, BATCH_END)]
        return ends[0] + b"".join(messages) + ends[1]

    def generic(self):
        attrs = []
        for _ in range(self.r.randrange(3)):
            attrs.append(Attr(self.r.randrange(20), self.r.randbytes(
                self.r.randrange(12)), self.one(0, 0, 0x8000)))
        body = bytes([self.r.randrange(4), self.r.randrange(3), 0, 0])
        return self.whole(FAMILY_HERE, ACK | self.one(0, 0, ROOT | MATCH), 1,
                          body + pack(attrs))

    def case(self):
        if self.chance(20):
            return super().case()
        datagrams = [self.batch([self.nft(DELTABLE, 0, INET, [text(1, "t")])]),
                     self.batch([
                         self.nft(NEWTABLE, CREATE, INET, [text(1, "t")]),
                         self.nft(*self.chain()[:2], INET, self.chain()[2])])]
        for _ in range(self.r.randrange(2, 8)):
            if self.chance(10):
                datagrams.append(self.generic())
                continue
            kind, flags, attrs = self.one(self.rule, self.rule, self.object,
                                          self.ask)()
            if self.chance(30):
                for _ in range(self.one(1, 1, 2)):
                    self.break_one(attrs)
            message = self.nft(kind, flags, self.one(INET, INET, INET, 2, 10, 7),
                               attrs)
            datagrams.append(message if kind in (
                GETRULE, GETOBJ, GETOBJ_RESET) else self.batch([message]))
        return datagrams, len(datagrams)

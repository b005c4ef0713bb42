# SPDX-License-Identifier: GPL-2.0
"""Matches and targets of iptables as nothing sends them: raw, over nf_tables'
interface for them, which checks a rule as iptables-legacy's does.
"""
import struct

from nft import (APPEND, CREATE, DELRULE, FAMILIES, GETRULE, IP, IP6, NEWCHAIN,
                 NEWRULE, NEWTABLE, SUBSYS, Tables, expression, name_of,
                 of_expression, text)
from nl import attr, be32, equal, finish, nest, not_ok, ok, ours, parse


def extension(kind, name, revision, info):
    """@kind: match or target. Padded as iptables does."""
    info += bytes(-len(info) % 8)
    return kind, text(1, name) + be32(2, revision) + attr(3, info)


def match(name, revision, info):
    return extension("match", name, revision, info)


def target(name, revision, info):
    return extension("target", name, revision, info)


COUNTER = ("counter", b"")


class Rules(Tables):
    def make(self, table):
        for family in IP, IP6:
            equal("a table %s of family %s" % (table, FAMILIES[family]),
                  name_of(self.batch(
                      (NEWTABLE, CREATE, family, text(1, table)),
                      (NEWCHAIN, CREATE, family,
                       text(1, table) + text(3, "c")))), "ok")

    def rule(self, family, table, exprs, proto=None, inverted=False):
        attrs = (text(1, table) + text(2, "c") +
                 nest(4, *(expression(1, e) for e in exprs)))
        if proto is not None:
            attrs += nest(5, be32(1, proto), be32(2, 2 if inverted else 0))
        return NEWRULE, CREATE | APPEND, family, attrs

    def says(self, family, table, *exprs, **more):
        """The error of a rule, which does not stay."""
        error = self.batch(self.rule(family, table, exprs, **more))
        if not error:
            error = self.batch((DELRULE, 0, family,
                                text(1, table) + text(2, "c")))
            if error:
                not_ok("what a case made is deleted", name_of(error))
        return name_of(error)

    def add(self, family, table, *exprs, **more):
        equal("a rule", name_of(self.batch(
            self.rule(family, table, exprs, **more))), "ok")


# Structures of the kernel's headers, by their names

def conntrack(revision, state=0, status=0, flags=0, invert=0, proto=0,
              ports=((0, 0),) * 4, expires=(0, 0), addresses=bytes(128)):
    """@ports: (low, high) of origsrc, origdst, replsrc, repldst."""
    order = "=4H" if revision == 3 else "!4H"
    data = (addresses + struct.pack("=2IH", *expires, proto) +
            struct.pack(order, *(p[0] for p in ports)) +
            struct.pack("=2H", flags, invert) +
            struct.pack("=2B" if revision == 1 else "=2H", state, status))
    if revision == 3:
        data += struct.pack("=4H", *(p[1] for p in ports))
    return match("conntrack", revision, data + bytes(-len(data) % 4))


def connbytes(what, direction):
    return match("connbytes", 0, struct.pack("=2Q2B6x", 0, 0, what, direction))


def connlabel(bit, options):
    return match("connlabel", 0, struct.pack("=2H", bit, options))


def cluster(nodes, mask):
    return match("cluster", 0, struct.pack("=4I", nodes, mask, 0, 0))


def connmark_2(shift_dir, shift_bits, mode=0):
    return target("CONNMARK", 2, struct.pack("=3I3Bx", 0, 0, 0, shift_dir,
                                             shift_bits, mode))


def connsecmark(mode):
    return target("CONNSECMARK", 0, struct.pack("=B", mode))


def ct(revision, flags=0, zone=0, ct_events=0, exp_events=0, helper=b"",
       timeout=b"", pointer=0x4141414141414141):
    """What user space says of the pointer must not matter."""
    data = struct.pack("=2H2I16s", flags, zone, ct_events, exp_events, helper)
    if revision:
        data += timeout.ljust(32, b"\0")
    data += bytes(-len(data) % 8) + struct.pack("=Q", pointer)
    return target("CT", revision, data)


def old_range(flags=0, n=1):
    """nf_nat_ipv4_multi_range_compat"""
    return struct.pack("=2I4s4s4s", n, flags, bytes(4), bytes(4), bytes(4))


def new_range(revision, flags=0):
    """nf_nat_range, or nf_nat_range2"""
    return struct.pack("=I", flags) + bytes(40 if revision == 2 else 36)

# SPDX-License-Identifier: GPL-2.0
"""Raw batches to nf_tables: rules, sets and objects with the expressions that
are about connections; the error of each, and the bytes of how it is dumped.

There is a table "t" with a chain "c", which has no hook, in every family.
"""
import errno
import os
import struct

from nl import (ACK, CREATE, DUMP, REQUEST, Socket, attr, be16, be32, check,
                equal, explain, Answer, finish, nest, not_ok, ok, ours, parse,
                u8)

SUBSYS = 10
BEGIN, END = 16, 17
APPEND = 0x800
(NEWTABLE, NEWCHAIN, NEWRULE, GETRULE, DELRULE, NEWSET, GETSET, DELSET,
 NEWSETELEM, GETSETELEM, NEWOBJ, GETOBJ, DELOBJ,
 NEWFLOWTABLE) = 0, 3, 6, 7, 8, 9, 10, 11, 12, 13, 18, 19, 20, 22

INET, IP, ARP, NETDEV, BRIDGE, IP6 = 1, 2, 3, 5, 7, 10
FAMILIES = {INET: "inet", IP: "ip", ARP: "arp", NETDEV: "netdev",
            BRIDGE: "bridge", IP6: "ip6"}

# enum nft_ct_keys
(STATE, DIRECTION, STATUS, MARK, SECMARK, EXPIRATION, HELPER, L3PROTOCOL, SRC,
 DST, PROTOCOL, PROTO_SRC, PROTO_DST, LABELS, PKTS, BYTES, AVGPKT, ZONE,
 EVENTMASK, SRC_IP, DST_IP, SRC_IP6, DST_IP6, ID) = range(24)

OBJ_HELPER, OBJ_CONNLIMIT, OBJ_TIMEOUT, OBJ_EXPECT, OBJ_SYNPROXY = 3, 5, 7, 9, 10

# enum nft_set_flags
INTERVAL, TIMEOUTS, EVAL = 4, 16, 32

# Before 6.12 the kernel does not know what a rule has stored.
OLD = tuple(int(n) for n in os.uname().release.split(".")[:2]) < (6, 12)


def name_of(error):
    if error == errno.EOPNOTSUPP:       # on Linux ENOTSUP is the same
        return "EOPNOTSUPP"
    return errno.errorcode.get(error, str(error)) if error else "ok"


# Expressions, as (name, data); data None: no such attribute

def dreg(n):
    return be32(1, n)


def key(n):
    return be32(2, n)


def direction(n):
    return u8(3, n)


def sreg(n):
    return be32(4, n)


def ct(*attrs):
    return "ct", b"".join(attrs)


def get(number, *more, reg=1):
    return ct(dreg(reg), key(number), *more)


def put(number, *more, reg=1):
    return ct(sreg(reg), key(number), *more)


def load(size, reg=1):
    """immediate: so many bytes into a register."""
    return "immediate", be32(1, reg) + nest(2, attr(1, bytes(size)))


def connlimit(*attrs):
    return "connlimit", b"".join(attrs)


def expression(kind, expr):
    name, data = expr
    return nest(kind, attr(1, name.encode() + b"\0"),
                b"" if data is None else nest(2, data))


def text(kind, value):
    return attr(kind, value.encode() + b"\0")


# Messages of a batch: (kind, flags, family, attributes)

def rule(family, *exprs):
    return (NEWRULE, CREATE | APPEND, family, text(1, "t") + text(2, "c") +
            nest(4, *(expression(1, e) for e in exprs)))


def obj(family, name, kind, data):
    return (NEWOBJ, CREATE, family, text(1, "t") + text(2, name) +
            be32(3, kind) + nest(4, data))


def a_set(family, name, flags, *exprs, size=0, timeout=0):
    """Of IPv4 addresses, each with @exprs."""
    return (NEWSET, CREATE, family, text(1, "t") + text(2, name) +
            be32(3, flags) + be32(4, 7) + be32(5, 4) +
            be32(10, 1) + (nest(9, be32(1, size)) if size else b"") +
            (attr(11, struct.pack("!Q", timeout)) if timeout else b"") +
            b"".join(expression(17, e) for e in exprs))


def element(family, name, address, *exprs):
    return (NEWSETELEM, CREATE, family, text(1, "t") + text(2, name) +
            nest(3, nest(1, nest(1, attr(1, address)),
                         *(expression(7, e) for e in exprs))))


def delete(kind, family, name="c", more=b""):
    """@name "c": of that chain, all rules."""
    return kind, 0, family, text(1, "t") + text(2, name) + more


class Tables(Socket):
    def message(self, kind, flags, family, attrs, subsys=SUBSYS, res_id=0):
        self.seq += 1
        body = struct.pack("!BBH", family, 0, res_id) + attrs
        return struct.pack("=IHHII", 16 + len(body), subsys << 8 | kind,
                           REQUEST | flags, self.seq, 0) + body

    def batch(self, *messages):
        """All or none of them. Return: the first error, 0 without one."""
        first = self.seq + 2
        data = self.message(BEGIN, 0, 0, b"", 0, SUBSYS)
        for kind, flags, family, attrs in messages:
            data += self.message(kind, ACK | flags, family, attrs)
        last = self.seq
        data += self.message(END, 0, 0, b"", 0, SUBSYS)
        self.s.send(data)
        errors = {}
        while len(errors) <= last - first:
            for m in self.read(60):
                answer = Answer()
                explain(m, answer)
                errors[m.seq] = answer.error
                if m.seq < first:
                    return answer.error
        return next((e for _, e in sorted(errors.items()) if e), 0)

    def prepare(self):
        for family in FAMILIES:
            equal("a table of family " + FAMILIES[family], name_of(self.batch(
                (NEWTABLE, CREATE, family, text(1, "t")),
                (NEWCHAIN, CREATE, family, text(1, "t") + text(3, "c")))),
                "ok")

    def show(self, kind, family, name=None):
        """What is there of that kind in the table."""
        attrs = text(1, "t") + (text(2, name) if name else b"")
        return self.dump(attrs, kind, family=family, subsys=SUBSYS)

    def last_expr(self, family):
        """Name and data of the last expression of the last rule."""
        rules = self.show(GETRULE, family, "c")
        _, last = parse(rules[-1].get(4))[-1]
        return of_expression(last)

    def forget(self, *what, kind=DELRULE):
        error = self.batch(delete(kind, *what))
        if error:
            not_ok("what a case made is deleted", name_of(error))

    def rule_says(self, family, *exprs):
        """The error of a rule, which does not stay."""
        error = self.batch(rule(family, *exprs))
        if not error:
            self.forget(family)
        return name_of(error)

    def rule_shown(self, family, *exprs):
        """How the last expression of a rule is dumped, or the error."""
        error = self.batch(rule(family, *exprs))
        if error:
            return name_of(error)
        found = self.last_expr(family)
        self.forget(family)
        return found

    def obj_says(self, family, kind, data):
        error = self.batch(obj(family, "o", kind, data))
        if not error:
            self.forget(family, "o", be32(3, kind), kind=DELOBJ)
        return name_of(error)

    def obj_shown(self, family, kind, data):
        """The type on the wire of its data, and these."""
        error = self.batch(obj(family, "o", kind, data))
        if error:
            return name_of(error)
        found = [v for m in self.show(GETOBJ, family)
                 for k, v in parse(m.attrs) if k & 0x3fff == 4]
        self.forget(family, "o", be32(3, kind), kind=DELOBJ)
        return found[-1]

    def set_says(self, family, flags, *exprs, **more):
        error = self.batch(a_set(family, "s", flags, *exprs, **more))
        if not error:
            self.forget(family, "s", kind=DELSET)
        return name_of(error)


def of_expression(nested):
    found = dict(parse(nested))
    return found[1].rstrip(b"\0").decode(), found.get(2)

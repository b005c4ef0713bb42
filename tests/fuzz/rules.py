# SPDX-License-Identifier: GPL-2.0
"""Where ct answers a request in another way, on purpose: the rules of
differences.md, as code. A rule says of a request, and of all that is known of its
datagram, whether it explains the difference.
"""
import errno
import struct

from netlink import (CREATE, CT, CTRZERO, DELETE, DCCP, EXP, FILTER, GET, HELP,
                     ICMP, ICMPV6, MARK, MARK_MASK, NAT_DST, NAT_SRC, NEW,
                     PROTOINFO, SEQ_ORIG, SEQ_REPLY, STATUS, STATUS_MASK,
                     SYNPROXY, TCP, TUPLE_MASTER, TUPLE_ORIG, TUPLE_REPLY,
                     UNCONFIRMED, ZONE)

DUMP = 0x300


def attributes(data):
    """As nla_parse() sees them: the last of each kind."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4 or length > len(data):
            break
        found[kind & 0x3fff] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


class Request:
    def __init__(self, length, kind, flags, seq, data):
        self.subsys, self.kind = kind >> 8, kind & 0xff
        self.length, self.flags, self.seq = length, flags, seq
        self.family, self.version, self.attrs = 0, 0, {}
        if len(data) >= 20:
            self.family, self.version = data[16:18]
            self.attrs = attributes(data[20:])

    def __str__(self):
        return "%d: subsystem %d type %d flags %x family %d version %d %s" % (
            self.seq, self.subsys, self.kind, self.flags, self.family,
            self.version, " ".join("%d=%s" % (k, v.hex())
                                   for k, v in self.attrs.items()))

    def ours(self):
        """It is the tracker that answers, not nfnetlink."""
        last = UNCONFIRMED if self.subsys == CT else 3
        return (self.subsys in (CT, EXP) and self.kind <= last and
                self.length >= 20)

    def dump(self):
        return self.kind in (GET, CTRZERO) and self.flags & DUMP

    def filtered(self):
        """A dump or a flush."""
        return self.subsys == CT and (self.dump() or (
            self.kind == DELETE and
            (FILTER in self.attrs or not (TUPLE_ORIG in self.attrs or
                                          TUPLE_REPLY in self.attrs))))

    def protocol(self, kind=TUPLE_ORIG):
        number = self.inside(kind, 2).get(1, b"")
        return number[0] if number else None

    def inside(self, *path):
        found = self.attrs
        for kind in path:
            found = attributes(found.get(kind, b""))
        return found


def requests(data):
    found = []
    while len(data) >= 16:
        length, kind, flags, seq = struct.unpack_from("=IHHI", data)
        if length < 16 or length > len(data):
            break
        found.append(Request(length, kind, flags, seq, data[:length]))
        data = data[(length + 3) & ~3:]
    return found


def nat(r, e):
    """Only nf_conntrack translates."""
    return (r.subsys == CT and r.kind == NEW and
            (NAT_SRC in r.attrs or NAT_DST in r.attrs) and
            e.new_errors.get(r.seq) == errno.EOPNOTSUPP)


def adjustment(r, e):
    return (r.subsys == CT and r.kind == NEW and
            (SEQ_ORIG in r.attrs or SEQ_REPLY in r.attrs or
             SYNPROXY in r.attrs) and
            e.new_errors.get(r.seq) == errno.EOPNOTSUPP)


def no_family(r, e):
    return (r.subsys == CT and r.family == 0 and not r.filtered() and
            e.old_errors.get(r.seq) == errno.EOPNOTSUPP and
            e.new_errors.get(r.seq) != errno.EOPNOTSUPP)


def half_done(r, e):
    """Refused by both; only nf_conntrack changed something all the same."""
    return (r.subsys == CT and r.kind == NEW and
            e.new_errors.get(r.seq, 0) != 0 and
            e.old_errors == e.new_errors and e.new_table == e.before)


def mask_alone(r, e):
    return (r.filtered() and e.new_errors.get(r.seq) == errno.EINVAL and
            e.old_errors.get(r.seq) == 0 and
            (MARK_MASK in r.attrs and MARK not in r.attrs or
             STATUS_MASK in r.attrs and STATUS not in r.attrs))


def other_icmp(r, e):
    return any((r.family, r.protocol(kind)) in ((2, ICMPV6), (10, ICMP),
                                                (0, ICMP), (0, ICMPV6))
               for kind in (TUPLE_ORIG, TUPLE_REPLY, TUPLE_MASTER))


def zone_of_tuple(r, e):
    return (r.filtered() and FILTER in r.attrs and
            any(3 in r.inside(kind) for kind in (TUPLE_ORIG, TUPLE_REPLY)) and
            e.old_errors == e.new_errors)


def dccp_number(r, e):
    number = r.inside(PROTOINFO, 2).get(3, b"")
    return (r.kind == NEW and r.protocol() == DCCP and
            e.new_errors.get(r.seq) == errno.EINVAL and any(number[:2]))


def old_filters(r, e):
    """What 6.1's nf_conntrack does not filter by."""
    return e.kernel.startswith("6.1.") and r.filtered() and (
        ZONE in r.attrs or FILTER in r.attrs)


RULES = [nat, adjustment, no_family, half_done, mask_alone, other_icmp,
         zone_of_tuple, dccp_number, old_filters]


def explain(event):
    """The name of the rule by which the difference is as it should be."""
    wrong = [r for r in event.requests if event.old_errors.get(r.seq) !=
             event.new_errors.get(r.seq)]
    for request in (wrong[:1] or event.requests):
        for rule in RULES:
            if rule(request, event):
                return rule.__name__.replace("_", "-")
    return None

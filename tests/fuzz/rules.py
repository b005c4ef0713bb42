# SPDX-License-Identifier: GPL-2.0
"""Where ct answers a request in another way, on purpose: the rules of
differences.md, as code. A rule says of a request, and of all that is known of its
datagram, whether it explains the difference.
"""
import errno
import re
import struct

from netlink import (CREATE, CT, CTRZERO, DELETE, DCCP, EXP, FILTER, GET, HELP,
                     ICMP, ICMPV6, LABELS, MARK, MARK_MASK, NAT_DST, NAT_SRC,
                     NEW, PROTOINFO, SEQ_ORIG, SEQ_REPLY, STATUS, STATUS_MASK,
                     SYNPROXY, TCP, TIMEOUT, TUPLE_MASTER, TUPLE_ORIG,
                     TUPLE_REPLY, UDP, UNCONFIRMED, ZONE)

DUMP = 0x300
EXPECT_TUPLE = 2


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

    def lists(self):
        """A dump of anything."""
        return self.kind not in (NEW, DELETE) and self.flags & DUMP

    def filtered(self):
        """A dump or a flush."""
        return self.subsys == CT and (self.dump() or (
            self.kind == DELETE and
            (FILTER in self.attrs or not (TUPLE_ORIG in self.attrs or
                                          TUPLE_REPLY in self.attrs))))

    def protocol(self, kind):
        number = self.inside(kind, 2).get(1, b"")
        return number[0] if number else None

    def inside(self, *path):
        found = self.attrs
        for kind in path:
            found = attributes(found.get(kind, b""))
        return found


    def given(self, *kinds):
        return any(kind in self.attrs for kind in kinds)

    def tuples(self):
        return [kind for kind in (TUPLE_ORIG, TUPLE_REPLY)
                if kind in self.attrs]

    def filter_flags(self, kind):
        """Of CTA_FILTER, about CTA_TUPLE_ORIG or CTA_TUPLE_REPLY."""
        value = self.inside(FILTER).get(kind, b"")[:4]
        return int.from_bytes(value, "little")


def requests(data):
    found = []
    while len(data) >= 16:
        length, kind, flags, seq = struct.unpack_from("=IHHI", data)
        if length < 16 or length > len(data):
            break
        found.append(Request(length, kind, flags, seq, data[:length]))
        data = data[(length + 3) & ~3:]
    return found


# Tables, as send.c writes them.

class Row:
    """A connection: key, by which it is known, and all that is told of it."""
    def __init__(self, text):
        head, *attrs = text.split()
        self.family = int(head.split("/")[2])
        self.attrs = {}
        for attr in attrs:
            if attr.startswith("t"):
                self.attrs[TIMEOUT] = attr
                continue
            data = bytes.fromhex(attr)
            self.attrs[struct.unpack_from("=H", data, 2)[0] & 0x3fff] = data[4:]
        self.key = (self.family,) + tuple(
            self.attrs.get(kind) for kind in (TUPLE_ORIG, TUPLE_REPLY, ZONE))


def table(text):
    rows = (Row(line) for line in text.split("|") if line)
    return {row.key: row for row in rows}


def members(tuple_):
    """Of a tuple: addresses and protocol, each by its type."""
    nests = attributes(tuple_)
    return attributes(nests.get(1, b"")), attributes(nests.get(2, b""))


def names(r, row):
    """That is the connection a request is about."""
    if not r.tuples():
        return False
    asked = members(r.attrs[r.tuples()[0]])
    return any(
        all(got.get(kind, b"")[:len(value)] == value
            for nest, got in zip(members(row.attrs[way]), asked)
            for kind, value in nest.items())
        for way in (TUPLE_ORIG, TUPLE_REPLY))


def differing(one, other):
    """The kinds of what is told otherwise of a connection."""
    return {kind for kind in one.attrs.keys() | other.attrs.keys()
            if one.attrs.get(kind) != other.attrs.get(kind)}


# Rules

# What nf_conntrack may find wrong in what it looks at.
MALFORMED = (errno.EINVAL, errno.ERANGE)


def creates(r, e):
    """A new connection, and nothing is wrong up to address translation."""
    return (r.subsys == CT and r.kind == NEW and r.flags & CREATE and
            len(r.tuples()) == 2 and TIMEOUT in r.attrs and
            HELP not in r.attrs)


def broken(r, *kinds):
    """One of these is not what the program meant: address translation has an
    address, the others have three numbers.
    """
    for kind in kinds:
        numbers = [1] if kind in (NAT_SRC, NAT_DST) else [1, 2, 3]
        found = r.inside(kind)
        if kind in r.attrs and (
                sorted(found) != numbers or
                any(len(value) != 4 for value in found.values())):
            return True
    return False


def later_errors(r, own, *kinds):
    """What may be wrong in attributes that are refused, in those that are
    looked at later, and with all of it.
    """
    errors = {0, errno.EEXIST}
    if broken(r, *own) or r.given(*kinds):
        errors.update(MALFORMED)
    if TUPLE_MASTER in r.attrs:
        errors.update(MALFORMED, (errno.ENOENT,))
    return errors


def nat(r, e):
    """Only nf_conntrack translates, and only what is new."""
    errors = later_errors(r, (NAT_SRC, NAT_DST, SEQ_ORIG, SEQ_REPLY, SYNPROXY),
                          PROTOINFO)
    if STATUS in r.attrs:
        errors.add(errno.EBUSY)
    # No address or port is left to translate to.
    errors.add(errno.ENOMEM)
    return (creates(r, e) and r.given(NAT_SRC, NAT_DST) and
            e.new_errors.get(r.seq) == errno.EOPNOTSUPP and
            e.old_errors.get(r.seq) in errors)


def synproxy(r, e):
    if not (r.subsys == CT and r.kind == NEW and r.given(SYNPROXY) and
            not r.given(NAT_SRC, NAT_DST) and
            e.new_errors.get(r.seq) == errno.EOPNOTSUPP):
        return False
    # Of what is new the protocol's state, of what is there already the labels
    # are looked at later.
    if creates(r, e):
        later = PROTOINFO
    elif r.tuples() and TUPLE_MASTER not in r.attrs:
        later = LABELS
    else:
        return False
    errors = later_errors(r, (SYNPROXY,), later, LABELS)
    return e.old_errors.get(r.seq) in errors


def no_family(r, e):
    """The first tuple that is there has one, by its source address."""
    if not (r.subsys == CT and r.family == 0 and not r.filtered() and
            r.tuples()):
        return False
    addresses = r.inside(r.tuples()[0], 1)
    return ((1 in addresses) != (3 in addresses) and
            e.old_errors.get(r.seq) == errno.EOPNOTSUPP)


def half_changed(r, e):
    """The kinds that nf_conntrack may have changed before it refused r."""
    error = e.new_errors.get(r.seq)
    if not (r.subsys == CT and r.kind == NEW and error and
            e.old_errors.get(r.seq) == error):
        return set()
    kinds = {TIMEOUT, STATUS, PROTOINFO, MARK} & r.attrs.keys()
    if error == errno.EBUSY:
        # It is the status that was refused.
        return kinds & {TIMEOUT}
    if r.given(SEQ_ORIG, SEQ_REPLY):
        kinds |= {STATUS, SEQ_ORIG, SEQ_REPLY}
    return kinds


def half_done(r, e):
    """Refused by both; only nf_conntrack changed something all the same: of
    this connection, and what it looks at before what is wrong. Of that, more
    may come in the rest of the datagram.
    """
    causes = {q: half_changed(q, e) for q in e.requests if half_changed(q, e)}
    wrong = [q for q in e.requests
             if e.old_errors.get(q.seq) != e.new_errors.get(q.seq)]
    if r not in causes or e.old_table == e.new_table or (
            len(e.requests) == 1 and (e.new_table != e.before or
                                      not e.same_answers())):
        return False
    old, new = table(e.old_table), table(e.new_table)
    for q in wrong:
        if not any(names(q, row) and any(names(c, row) for c in causes)
                   for row in new.values()):
            return False
    for key in old.keys() | new.keys():
        if key not in new:
            return False
        row = new[key]
        may = set().union(
            *(kinds for q, kinds in causes.items() if names(q, row)),
            *(q.attrs.keys() for q in wrong if names(q, row)))
        if key not in old:
            # Its time was up at once.
            if not any(TIMEOUT in kinds and names(q, row) and
                       not any(q.attrs[TIMEOUT])
                       for q, kinds in causes.items()):
                return False
        elif not differing(old[key], row) <= may:
            return False
    return True


def tcp_flags(r, e):
    """All is the same but for the flags that are the tracker's own."""
    def masked(text):
        return re.sub(
            "(300004802c000180(?:05000[123]00..000000){3}"
            "06000400).(.00000006000500).(.000000)", r"\g<1>0\g<2>0\3", text)

    return (r.subsys == CT and r.kind == NEW and PROTOINFO in r.attrs and
            e.old_errors == e.new_errors and
            masked(e.old_table) == e.new_table and
            masked(e.old_answers) == e.new_answers)


def mask_alone(r, e):
    return (r.filtered() and e.new_errors.get(r.seq) == errno.EINVAL and
            e.old_errors.get(r.seq) == 0 and
            (MARK_MASK in r.attrs and MARK not in r.attrs or
             STATUS_MASK in r.attrs and STATUS not in r.attrs))


def other_icmp(r, e):
    old, new = e.old_errors.get(r.seq), e.new_errors.get(r.seq)
    return ((old == errno.EINVAL and new != errno.EINVAL or
             e.old_errors == e.new_errors) and
            any((r.family, r.protocol(kind)) in ((2, ICMPV6), (10, ICMP))
                for kind in (TUPLE_ORIG, TUPLE_REPLY, TUPLE_MASTER)))


def has_consequences(r, e):
    """Both did it, and not alike: the rest of the datagram met another table,
    or a dump that is over or is not.
    """
    return (len(e.requests) > 1 and not e.old_errors.get(r.seq) and
            not e.new_errors.get(r.seq))


def fewer(r, e):
    """A dump shows, or a flush takes, no others than in nf_conntrack."""
    def shown(answers):
        # Whether they are told that there is a filter is another matter.
        return {row.replace("/22/", "/2/") for row in answers.split("|")}

    if e.old_errors != e.new_errors:
        return False
    if r.dump():
        return (e.old_table == e.new_table and
                shown(e.new_answers) <= shown(e.old_answers) | {""})
    return (e.same_answers() and
            table(e.old_table).keys() < table(e.new_table).keys())


def zone_of_tuple(r, e):
    return (r.filtered() and
            (e.old_errors == e.new_errors or has_consequences(r, e)) and
            any(r.filter_flags(kind) & 4 and 3 in r.inside(kind)
                for kind in (TUPLE_ORIG, TUPLE_REPLY)))


def filter_ports(r, e):
    return (r.filtered() and (fewer(r, e) or has_consequences(r, e)) and
            any(r.filter_flags(kind) & 0x30 and
                r.protocol(kind) not in (TCP, UDP)
                for kind in (TUPLE_ORIG, TUPLE_REPLY)))


def dccp_number(r, e):
    number = r.inside(PROTOINFO, 2).get(3, b"")
    return (r.subsys == CT and r.kind == NEW and any(number[:2]) and
            DCCP in map(r.protocol, r.tuples()) and
            e.new_errors.get(r.seq) == errno.EINVAL and
            e.old_errors.get(r.seq) in (0, errno.ENOENT, errno.EEXIST))


def old_filters(r, e):
    """What 6.1's nf_conntrack does not filter by, and what comes of that in
    the rest of the datagram.
    """
    if not (e.kernel.startswith("6.1.") and r.filtered()):
        return False
    if FILTER in r.attrs and r.kind == DELETE:
        return e.new_errors.get(r.seq) in (0, errno.EOPNOTSUPP, *MALFORMED)
    if r.family == 10 and any(r.filter_flags(kind) & 3
                              for kind in (TUPLE_ORIG, TUPLE_REPLY)):
        return e.old_errors == e.new_errors or has_consequences(r, e)
    return ZONE in r.attrs and (fewer(r, e) or has_consequences(r, e))


def no_helper(r, e):
    """A master without a helper may expect, and what follows of that."""
    old, new = e.old_errors.get(r.seq), e.new_errors.get(r.seq)
    if r.subsys != EXP or e.old_table != e.new_table:
        return False
    if r.kind == NEW:
        return ((old == errno.EOPNOTSUPP and r.flags & CREATE and
                 new in (0, errno.EBUSY, errno.EMFILE, *MALFORMED)) or
                (old in (errno.EOPNOTSUPP, errno.ENOENT) and
                 new in (0, errno.EEXIST)))
    if r.lists() or (r.kind == DELETE and EXPECT_TUPLE not in r.attrs):
        # There are more to be listed, or to be deleted.
        return not old and not new
    return old == errno.ENOENT and new == 0


RULES = [nat, synproxy, no_family, half_done, tcp_flags, mask_alone,
         other_icmp, zone_of_tuple, filter_ports, dccp_number, old_filters,
         no_helper]


def explain(event):
    """The name of the rule by which the difference is as it should be."""
    rest = list(event.requests)
    while rest:
        request = rest.pop(0)
        for rule in RULES:
            if rule(request, event):
                return rule.__name__.replace("_", "-")
        # What comes later cannot be the reason.
        if (event.old_errors.get(request.seq) !=
                event.new_errors.get(request.seq)):
            break
    return None

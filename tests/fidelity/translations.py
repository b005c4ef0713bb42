# SPDX-License-Identifier: GPL-2.0
"""What came out of a translation, and in which ways the two may differ."""
import collections
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vm"))
import raw         # noqa: E402
import ruleset     # noqa: E402
from rules import (DCCP, Flows, GRE, ICMP, ICMPV6, Packet, SCTP, TCP, UDPLITE,
                   explain, invalid, is_new)     # noqa: E402

UDP = 17
CHECK_AT = {TCP: 16, UDP: 6, UDPLITE: 6, DCCP: 6, ICMP: 2, ICMPV6: 2}
QUERIES = {ICMP: {0, 8, 13, 14, 15, 16, 17, 18}, ICMPV6: {128, 129}}
# TTL of what the kernel sends itself; what it passes on has one less.
OWN_TTL = 64
# An option of IPv4, into which routers write the time.
TIMESTAMP = 0x44
# A type of ICMP, in which machines do.
TIMESTAMP_REPLY = 14

# Of so many ports, those of one parity may be used up.
FEW = 100

# Who talks to whom, one way.
Tuple = collections.namedtuple("Tuple", "proto src sid dst did")


def invert(t):
    return Tuple(t.proto, t.dst, t.did, t.src, t.sid)


def total(data):
    """Sum of 16-bit words, of which 0 and 0xffff are the same."""
    return (raw.checksum(data) ^ 0xffff) % 0xffff


class Seen:
    """A packet taken apart into who talks to whom, checksums, the rest, and what
    an error quotes."""

    def __init__(self, data, quoted=False, came_out=False, timed=False):
        self.tuple = self.inner = None
        self.checks, self.side, self.pieces = [], None, None
        self.own = self.piece = False
        self.rest = rest = bytearray(data)
        self.data = data
        p = Packet(data)
        if p.src is None:
            return
        at = len(data) - len(p.data)
        self.piece = p.whole is not None
        if len(p.src) == 4:
            head = (data[0] & 15) * 4
            self.own = came_out and data[8] == OWN_TTL
            has_time = TIMESTAMP in data[20:head]
            self.checks.append("time" if timed and has_time else
                               total(data[:head]))
            rest[10:20] = bytes(10)
            if has_time and (timed or not quoted):
                rest[20:head] = bytes(head - 20)
            if self.own:           # its identifier is any
                rest[4:6] = b"\0\0"
        else:
            self.own = came_out and data[7] == OWN_TTL
            rest[8:40] = bytes(32)
            if p.ident_left:
                left = p.ident_left
                rest[-left:len(rest) - left + 4] = bytes(4)
        sid, did = self.take_ids(p, at)
        self.tuple = Tuple(p.proto, p.src, sid, p.dst, did)
        if p.offset:
            return
        self.inner = self.take_inner(p, at, quoted)
        self.take_checks(p, at, quoted)

    def take_ids(self, p, at):
        if p.proto in ruleset.WITH_PORTS and p.ports():
            self.rest[at:at + 4] = bytes(4)
            return p.ports()
        if p.proto in QUERIES and len(p.data) >= 8 and not p.offset and \
                p.data[0] in QUERIES[p.proto]:
            ident = struct.unpack("!H", p.data[4:6])[0]
            self.rest[at + 4:at + 6] = b"\0\0"
            return ident, ident
        return 0, 0

    def take_inner(self, p, at, quoted):
        if quoted or p.proto not in (ICMP, ICMPV6) or len(p.data) < 28:
            return None
        if not (p.data[0] in (3, 4, 5, 11, 12) if p.proto == ICMP else
                p.data[0] < 128 or p.data[0] == 137):
            return None
        # Who tells has written the time into what he quotes.
        inner = Seen(p.data[8:], True, timed=self.own)
        if inner.tuple is None or len(inner.tuple.src) != len(p.src):
            return None
        self.rest[at + 8:] = inner.rest
        return inner

    def take_checks(self, p, at, quoted):
        """Of each, what may not change with a translation."""
        pseudo = p.src + p.dst if p.proto != ICMP else b""
        check = CHECK_AT.get(p.proto)
        if p.proto == SCTP and len(p.data) >= 12:
            self.rest[at + 8:at + 12] = bytes(4)
            # What is behind the end of a quotation is not known.
            if not quoted:
                crc = raw.crc32c(p.data[:8] + bytes(4) + p.data[12:])
                self.checks.append(crc ^ struct.unpack(
                    "<I", p.data[8:12])[0])
        if check is None or len(p.data) < check + 2:
            return
        value = p.data[check:check + 2]
        self.rest[at + check:at + check + 2] = b"\0\0"
        if self.own and p.proto == ICMP and p.data[0] == TIMESTAMP_REPLY:
            self.rest[at + 8:at + 20] = bytes(12)
        if p.proto == UDP and value == b"\0\0":
            self.checks.append("none")
        elif self.own and p.whole is None:
            length = struct.pack("!II", len(p.data), p.proto)
            self.checks.append(total((pseudo and pseudo + length) + p.data))
        elif self.inner:
            self.checks.append(total(pseudo + p.data))
        else:
            ids = struct.pack("!H", self.tuple.sid)
            if p.proto in ruleset.WITH_PORTS:
                ids += struct.pack("!H", self.tuple.did)
            self.checks.append(total(pseudo + ids + value))


def put_together(out):
    """What came out, with fragments put together, which may be several packets'."""
    found, pieces = [], []
    for side, data in out:
        p = Packet(data)
        if p.whole is None:
            found.append(Seen(data, came_out=True))
            found[-1].side = side
        else:
            pieces.append((p.offset, p.more, p, data, side))
    pieces.sort(key=lambda piece: piece[0])
    if pieces:
        _, _, first, data, side = pieces[0]
        whole = Seen(first.head + b"".join(p.piece for _, _, p, _, _ in
                                           pieces) if not first.offset
                     else data, came_out=True)
        if len(first.src) == 4:
            whole.checks[0] = [total(d[:(d[0] & 15) * 4])
                               for _, _, _, d, _ in pieces]
            whole.own = data[8] == OWN_TTL
        whole.side = side
        whole.pieces = [(p.offset, p.more, len(p.piece))
                        for _, _, p, _, _ in pieces]
        found.append(whole)
    return found


def show_tuple(t):
    family = socket.AF_INET if len(t.src) == 4 else socket.AF_INET6
    return "%d %s:%d > %s:%d" % (
        t.proto, socket.inet_ntop(family, t.src), t.sid,
        socket.inet_ntop(family, t.dst), t.did)


def show_seen(s):
    if s.tuple is None:
        return "no IP"
    text = "%s:%s checks %s %s" % ("ab"[s.side] if s.side is not None else "",
                                   show_tuple(s.tuple), s.checks,
                                   s.pieces or "")
    if s.inner:
        text += " about (%s)" % show_seen(s.inner)
    return text


def differ_at(a, b):
    """Where that is, and what there is."""
    first = ([x == y for x, y in zip(a, b)] + [False]).index(False)
    return "from %d of %d and %d on: %s, %s" % (
        first, len(a), len(b), a[first:first + 8].hex(),
        b[first:first + 8].hex())


def show(sent, out):
    s = Seen(sent[1])
    s.side = sent[0]
    return "%s becomes %s" % (show_seen(s), ", ".join(
        show_seen(o) for o in out) or "nothing")


# Tuples of netlink

def get_tuple(nest):
    ips, ids = nest[1], nest[2]
    src, dst = (bytes.fromhex(ips[k]) for k in ((1, 2) if 1 in ips else
                                                (3, 4)))
    proto = int(ids[1], 16)
    if proto in ruleset.WITH_PORTS:
        return Tuple(proto, src, int(ids[2], 16), dst, int(ids[3], 16))
    if proto in QUERIES:
        ident = int(ids.get(4, ids.get(7, "0")), 16)
        if int(ids.get(5, ids.get(8, "0")), 16) not in QUERIES[proto]:
            ident = 0
        return Tuple(proto, src, ident, dst, ident)
    return Tuple(proto, src, 0, dst, 0)


def put_tuple(nest, t):
    ips, ids = dict(nest[1]), dict(nest[2])
    for key, value in zip((1, 2) if 1 in ips else (3, 4), (t.src, t.dst)):
        ips[key] = value.hex()
    if t.proto in ruleset.WITH_PORTS:
        ids[2], ids[3] = "%04x" % t.sid, "%04x" % t.did
    elif t.proto in QUERIES and t.sid:
        ids[4 if 4 in ids else 7] = "%04x" % t.sid
    return {**nest, 1: ips, 2: ids}


def tuple_of(packet):
    """Of one in the file, or put together of fragments from there."""
    if packet.src is None:
        return None
    ids = packet.ports() if packet.proto in ruleset.WITH_PORTS else None
    if packet.proto in QUERIES and len(packet.data) >= 8 and \
            packet.data[0] in QUERIES[packet.proto]:
        ids = struct.unpack("!H", packet.data[4:6]) * 2
    sid, did = ids or (0, 0)
    return Tuple(packet.proto, packet.src, sid, packet.dst, did)


class World:
    """What one tracker made of connections, as they came out."""

    def __init__(self):
        self.out = {}          # by who sent it, what it became
        self.inside = {}       # by what came out, who sent it last
        self.mapped = {}       # by source, what it became towards anybody

    def note(self, sent, out):
        self.out[sent] = out
        self.out[invert(out)] = invert(sent)
        self.inside[out] = sent
        self.mapped.setdefault((sent.proto, sent.src, sent.sid), set()).add(
            (out.src, out.sid))

    def is_taken(self, sent, out):
        """May another connection have been that?"""
        return (self.inside.get(out, sent) != sent or
                invert(out) in self.inside or invert(out) in self.out)

    def is_mapped(self, sent, out):
        """Was its source that already, towards another end?"""
        return (out.src, out.sid) in self.mapped.get(
            (sent.proto, sent.src, sent.sid), ())


def in_span(value, span):
    return span[0] <= value <= span[1]


def default_ports(port):
    if port < 512:
        return 1, 511
    return (600, 1023) if port < 1024 else (1024, 65535)


def is_allowed(sent, out):
    """May it be that, by the rules, and by what ct takes upon itself?"""
    target = ruleset.allowed_target(sent.proto, sent.dst)
    query = sent.proto in QUERIES
    if not target:
        if out.dst != sent.dst or (out.did != sent.did and not query):
            return False
    elif not in_span(ruleset.number_of(out.dst), target.addresses):
        return False
    elif not query and not (in_span(out.did, target.ports) if target.ports
                            else out.did == sent.did):
        return False
    source = ruleset.allowed_source(sent.proto, sent.src, out.dst)
    if out.src == sent.src and out.sid == sent.sid:
        return True
    if not (in_span(ruleset.number_of(out.src), source.addresses) if source
            else out.src == sent.src):
        return False
    if query:
        return True
    if source and source.ports:
        return in_span(out.sid, source.ports)
    if out.sid == sent.sid:
        return not source or not source.random
    return (in_span(out.sid, default_ports(sent.sid)) and
            not in_span(out.sid, ruleset.RESERVED))


def keeps_parity(sent, out, source):
    """RTP and RTCP have an even port and an odd one."""
    if sent.proto != UDP or (source and (source.random or source.ports and
                                         source.ports[1] - source.ports[0] <
                                         FEW)):
        return True
    # At an end of the range there may be no other one beside it.
    return (not (out.sid ^ sent.sid) & 1 or not in_span(
        out.sid ^ 1, source and source.ports or default_ports(sent.sid)))


class Translations:
    """Which tuples of nf_conntrack's world are which ones of ct's."""

    def __init__(self):
        self.names = {}
        self.old, self.new = World(), World()
        self.translated = 0
        self.rules = []

    def take_rules(self):
        rules, self.rules = self.rules, []
        return rules

    def name(self, t):
        return self.names.get(t, t)

    def as_new(self, ct):
        """An entry or answer of nf_conntrack, as it would be in ct's world."""
        found = dict(ct)
        for n in 1, 2:
            if n in found:
                t = get_tuple(found[n])
                if t in self.names:
                    found[n] = put_tuple(found[n], self.names[t])
        return found

    @staticmethod
    def show_entry(ct):
        return ", ".join(show_tuple(get_tuple(ct[n])) for n in (1, 2)
                         if n in ct)

    def begin(self, packet, old_sent, new_sent, old, new):
        """Called with the answers, before they are compared: at that point only
        destinations were translated."""
        if len(old) != 1 or len(new) != 1 or not is_new(old) or \
                not is_new(new):
            return
        (_, old_ct), (_, new_ct) = old[0], new[0]
        sent, sent2 = get_tuple(old_ct[1]), get_tuple(new_ct[1])
        if self.name(sent) != sent2:
            return
        a, b = (invert(get_tuple(ct[2])) for ct in (old_ct, new_ct))
        if self.name(a) != b:
            self.pair(sent, sent2, a, b)

    def why_differ(self, old_sent, sent, a, b):
        """The rule that allows for @a and @b, or None."""
        if not is_allowed(sent, b):
            return None
        source = ruleset.allowed_source(sent.proto, sent.src, b.dst)
        target = ruleset.allowed_target(sent.proto, sent.dst)
        if (target and target.chosen and a.dst != b.dst or
                source and source.chosen and a.src != b.src):
            return "range-address"
        if a.src != b.src or a.dst != b.dst:
            return None
        if a.did != b.did and target and target.ports and \
                in_span(a.did, target.ports):
            return "range-port"
        if (a.did != old_sent.did or b.did != sent.did) and a.did != b.did \
                and sent.proto not in QUERIES:
            return None
        kept = b._replace(sid=sent.sid)
        if (a.sid == old_sent.sid) == (b.sid == sent.sid):
            return "chosen-port" if keeps_parity(sent, b, source) else None
        if b.sid == sent.sid and self.old.is_mapped(sent, a):
            return "source-mapping"
        if b.sid == sent.sid and self.old.is_taken(sent, kept) and \
                not self.new.is_taken(sent, kept):
            return "taken-elsewhere"
        return None

    def pair(self, old_sent, sent, a, b):
        """What was @old_sent and @sent became @a and @b, from now on the same.
        Return: may it be?"""
        if a == b:
            for t in a, invert(a):
                self.names.pop(t, None)
            return True
        rule = self.why_differ(old_sent, sent, a, b)
        if not rule:
            return False
        self.names[a], self.names[invert(a)] = b, invert(b)
        self.rules.append(rule)
        return True

    def compare(self, old_sent, new_sent, old_out, new_out, old_valid,
                new_valid, whole):
        """What is wrong with what came out, or None. @old_valid, @new_valid: it
        was valid to that tracker. @whole: of fragments, what they are of, if that
        is known."""
        if [(s.side, s.pieces) for s in old_out] != [
                (s.side, s.pieces) for s in new_out]:
            return "it came out otherwise"
        old_seen, new_seen = Seen(old_sent[1]), Seen(new_sent[1])
        if whole:
            old_seen.tuple = new_seen.tuple = whole
        for a, b in zip(old_out, new_out):
            if a.rest != b.rest:
                return "the octets differ, %s" % differ_at(a.rest, b.rest)
            if a.tuple is None or b.tuple is None:
                continue
            if not a.own and not b.own:
                self.note(old_seen, new_seen, a, b, old_valid, new_valid)
            if self.name(a.tuple) != b.tuple:
                return "who talks to whom"
            if a.inner and b.inner and self.name(a.inner.tuple) != \
                    b.inner.tuple:
                return "who it is about"
            if a.checks != b.checks:
                return "checksums differ"
            if a.inner and b.inner and a.inner.checks != b.inner.checks:
                return "quoted checksums differ"
            if not b.own and not new_seen.piece and \
                    b.tuple.proto == new_seen.tuple.proto and \
                    b.checks != new_seen.checks:
                return "a checksum is another one"
        return None

    def note(self, old_sent, new_sent, a, b, old_valid, new_valid):
        if new_valid and b.tuple != new_sent.tuple:
            self.translated += 1
        if a.inner or not new_sent.tuple:
            return
        old, new = old_sent.tuple, new_sent.tuple
        if old_valid and new_valid and (
                self.name(old) == new and self.name(a.tuple) != b.tuple or
                a.tuple == b.tuple and a.tuple in self.names):
            self.pair(old, new, a.tuple, b.tuple)
        if old_valid:
            self.old.note(old, a.tuple)
        if new_valid:
            self.new.note(new, b.tuple)


class NatFlows(Flows):
    """A connection is known by how its first packet was, one way: from the other
    side, without being translated, another one may come that looks the same."""

    @staticmethod
    def key_of(ct):
        return get_tuple(ct[1])

    @staticmethod
    def both_ways(packet):
        """What a packet may be of, as the file has it."""
        t = tuple_of(packet.inner() or packet)
        return {t, invert(t)} if t else set()

    def keys(self, packet, old, new):
        found = {self.key_of(ct) for _, ct in old + new if 1 in ct}
        return found or self.both_ways(packet)

    def lose(self, packet):
        if packet.proto in (TCP, SCTP, DCCP) and packet.whole is None:
            for key in self.both_ways(packet):
                self.lost.setdefault(key, []).append(packet)

    def begin(self, packet, old, new, rule):
        """Only one of the two has the connection, from now on."""
        for key in self.keys(packet, old, new):
            self.why[key] = rule

    def explains(self, packet, old, new):
        keys = self.keys(packet, old, new)
        for key in keys | self.both_ways(packet):
            if key in self.why:
                for other in keys:
                    self.why.setdefault(other, self.why[key])
                return self.why[key]
        return None


def invalid_translated(nat, new_sent, old, new, old_out, new_out):
    """An invalid packet of a translated connection: ct translates it, too."""
    if not (invalid(old) or not old) or not (invalid(new) or not new):
        return False
    sent = Seen(new_sent[1])
    if not sent.tuple:
        return False
    if not new_out:
        # To this machine, which drops it.
        return is_redirected(sent.tuple)
    out = new_out[0]
    if out.own and out.inner and len(old_out) == 1 and old_out[0].inner:
        # Its options are wrong, and by whom that is said is translated, too.
        return (old_out[0].own and out.tuple.src == sent.tuple.dst and
                out.tuple.dst == sent.tuple.src and
                nat.name(old_out[0].inner.tuple) == out.inner.tuple)
    if sent.piece and len(old_out) == 1 and old_out[0].tuple:
        # As nf_conntrack let it out.
        was, checks = nat.name(old_out[0].tuple), old_out[0].checks
    else:
        was, checks = sent.tuple, sent.checks
    return (len(new_out) == 1 and out.checks == checks and
            nat.new.out.get(was) == out.tuple)


def invalid_cut(packet, old, new):
    """Of a translated connection, and too short to be translated: dropped."""
    return (packet.proto == DCCP and 4 <= len(packet.data) < 12 and
            packet.whole is None and invalid(old) and not new)


def is_redirected(t):
    place = ruleset.place(t.dst)
    return (place is not None and place[1] == ruleset.SERVICES and
            place[2] - 1 < len(ruleset.TARGETS) and
            ruleset.TARGETS[place[2] - 1].address == "redirect")


def quoted_little(packet, new):
    """An error that quotes the ports, and less than 8 octets."""
    about = packet.inner()
    return (about is not None and about.proto in ruleset.WITH_PORTS and
            4 <= len(about.data) < 8 and bool(new) and not invalid(new))


def quoted_checksum(new_sent, old_out, new_out):
    """An error quotes a checksum, which is translated only by ct."""
    if len(old_out) != 1 or len(new_out) != 1:
        return False
    sent, old, new = Seen(new_sent[1]), old_out[0], new_out[0]
    return (sent.inner and old.inner and new.inner and
            new.inner.checks == sent.inner.checks != old.inner.checks and
            new.checks == sent.checks == old.checks)


def gre_little(packet, new):
    """GRE in less than eight octets, or an error about such."""
    about = packet.inner() or packet
    return (about.proto == GRE and 4 <= len(about.data) < 8 and bool(new) and
            not invalid(new))


def another_address(packet, new_sent, old, new, new_out):
    """What has no ports may have one of several addresses, and the first one is
    taken."""
    if packet.proto in ruleset.WITH_PORTS or packet.proto in QUERIES or \
            len(new_out) != 1 or not is_new(old) or not is_new(new):
        return False
    sent, out = Seen(new_sent[1]).tuple, new_out[0].tuple
    source = ruleset.allowed_source(sent.proto, sent.src, out.dst)
    return bool(source and source.chosen) and is_allowed(sent, out)


def taken_elsewhere(flows, packet, old, new, new_out):
    """What has no ports, and is another's only in nf_nat's world: the rule by
    which that one is there."""
    if packet.proto in ruleset.WITH_PORTS or len(new_out) != 1 or \
            not is_new(old) or not is_new(new):
        return None
    return flows.why.get(invert(new_out[0].tuple))


def explain_answers(flows, packet, old, new):
    """The rule that explains what was said of a packet, or None."""
    if not old and quoted_little(packet, new):
        return "quoted-little"
    if not old and gre_little(packet, new):
        return "gre-little"
    if invalid_cut(packet, old, new):
        return "invalid-cut"
    return explain(flows, packet, old, new)


def explain_out(flows, nat, packet, new_sent, old, new, old_out, new_out):
    """The rule that explains what came out, or None."""
    if invalid_translated(nat, new_sent, old, new, old_out, new_out):
        return "invalid-translated"
    if not old_out and quoted_little(packet, new):
        return "quoted-little"
    if quoted_checksum(new_sent, old_out, new_out):
        return "quoted-checksum"
    if not old_out:
        rule = ("gre-little" if gre_little(packet, new) else
                "another-address" if another_address(
                    packet, new_sent, old, new, new_out) else
                taken_elsewhere(flows, packet, old, new, new_out))
        if rule:
            if is_new(new):
                flows.begin(packet, old, new, rule)
            return rule
    if old != new:
        return explain_answers(flows, packet, old, new)
    return flows.explains(packet, old, new)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: generate.py SEED[-LAST] COUNT FILE [nat]

Write COUNT packets to FILE (pcap, raw IP): conversations between hosts of two
networks, 10.8.0.0/24 and 10.9.0.0/24 (fd00:8::/64 and fd00:9::/64), well-formed
at first, many at a time, then mutated. The same SEED gives the same packets;
of several seeds, each gives its part.

With "nat", hosts and ports are those that the rules of ruleset.py translate, and all
packets of a conversation are as who began it sees them: replay.c makes of the
others' what they are on their side.
"""
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vm"))
import raw         # noqa: E402
import ruleset     # noqa: E402

TCP, UDP, ICMP, ICMPV6, GRE = 6, 17, 1, 58, 47
ESP, SCTP, UDPLITE, DCCP = 50, 132, 136, 33
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << n for n in range(8))
MASK = 0xffffffff
# Conversations at a time. Each is a generator of (side, packet).
AT_ONCE = 24
# Time passes in steps of so many seconds, with so many packets in between at
# most: a slow machine takes well below a second for them.
STEP, MOST_AT_ONCE = 7, 1500
# Hosts and ports that the rules translate?
TRANSLATED = False


# Packets taken apart and put together again

def other(side):
    return "b" if side == "a" else "a"


def is4(packet):
    return packet[0] >> 4 == 4


def split(packet):
    """IP header, protocol, payload; of IPv6 without extension headers."""
    if is4(packet):
        length = (packet[0] & 15) * 4
        return packet[:length], packet[9], packet[length:]
    return packet[:40], packet[6], packet[40:]


def join(head, payload):
    """The header again, with the length of another payload."""
    if is4(head):
        head = (head[:2] + struct.pack("!H", len(head) + len(payload)) +
                head[4:10] + b"\0\0" + head[12:])
        return (head[:10] + struct.pack("!H", raw.checksum(head)) +
                head[12:] + payload)
    return head[:4] + struct.pack("!H", len(payload)) + head[6:] + payload


def addresses(head):
    return ((head[12:16], head[16:20]) if is4(head)
            else (head[8:24], head[24:40]))


# Where the checksum is, by protocol
SUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2, UDPLITE: 6, DCCP: 6}


def resum(packet):
    """Make the checksum of the transport right again, if it has one."""
    head, proto, data = split(packet)
    if proto == SCTP and len(data) >= 12:
        crc = raw.crc32c(data[:8] + b"\0\0\0\0" + data[12:])
        return join(head, data[:8] + struct.pack("<I", crc) + data[12:])
    at = SUM_AT.get(proto)
    if at is None or len(data) < at + 2:
        return join(head, data)
    data = data[:at] + b"\0\0" + data[at + 2:]
    pseudo = b""
    if proto != ICMP:
        src, dst = addresses(head)
        pseudo = src + dst + struct.pack("!II", len(data), proto)
    covered = data
    if proto == DCCP and data[5] & 15:     # the header and some words more
        covered = data[:4 * (data[4] + (data[5] & 15) - 1)]
    value = raw.checksum(pseudo + covered)
    if proto == UDP and not value:
        value = 0xffff
    return join(head, data[:at] + struct.pack("!H", value) + data[at + 2:])


class Pair:
    """Two hosts that talk, and the packets between them."""

    def __init__(self, rnd, six=None):
        self.rnd = rnd
        self.six = rnd.random() < 0.3 if six is None else six
        if TRANSLATED:
            self.choose_translated()
        else:
            self.choose()
        self.ident = rnd.randrange(65536)

    def choose(self):
        rnd = self.rnd
        a, b = rnd.randrange(1, 30), rnd.randrange(1, 30)
        self.host = ({"a": "fd00:8::%x" % a, "b": "fd00:9::%x" % b}
                     if self.six else
                     {"a": "10.8.0.%d" % a, "b": "10.9.0.%d" % b})
        self.first = "a" if rnd.random() < 0.7 else "b"
        self.port = {self.first: rnd.randrange(1024, 65536),
                     other(self.first): rnd.choice((7, 53, 80, 443, 5000))}

    def choose_translated(self):
        """Few ports, so that some become the same by translation."""
        rnd = self.rnd
        self.first = "a" if rnd.random() < 0.7 else "b"
        here, there = (8, 9) if self.first == "a" else (9, 8)
        subnet, last = rnd.choices(((0, 8), (1, len(ruleset.TARGETS)),
                                    (ruleset.MAPPED, 8)), (45, 45, 10))[0]
        self.host = {
            self.first: ruleset.address(self.six, here, 0, rnd.randrange(
                1, ruleset.LAST_SOURCE + 1)),
            other(self.first): ruleset.address(self.six, there, subnet,
                                               rnd.randrange(1, last + 1))}
        base, size = rnd.choices(((2000, 200), (500, 8), (900, 8)),
                                 (90, 5, 5))[0]
        self.port = {self.first: base + rnd.randrange(size),
                     other(self.first): rnd.choice((7, 53, 80, 443, 5000))}

    def identifier(self):
        """Of ICMP queries."""
        return self.rnd.randrange(300 if TRANSLATED else 65536)

    def ip(self, side, proto, payload):
        src, dst = self.host[side], self.host[other(side)]
        if self.six:
            return raw.ip6(src, dst, proto, payload)
        self.ident = (self.ident + 1) & 0xffff
        return raw.ip4(src, dst, proto, payload, ident=self.ident)

    def send(self, side, proto, payload):
        return side, resum(self.ip(side, proto, payload))


# TCP: two ends that know what they do

class End:
    def __init__(self, rnd):
        self.next = rnd.choice((rnd.randrange(1 << 32),
                                (1 << 32) - rnd.randrange(1, 5000)))
        self.acked = 0         # of the other's numbers
        self.scale = rnd.choice((None, 0, 1, 7, 14))
        self.window = rnd.choice((0, 512, 8192, 29200, 65535))
        self.sack = rnd.random() < 0.6
        self.stamps = rnd.random() < 0.4


class Tcp(Pair):
    def __init__(self, rnd):
        super().__init__(rnd)
        self.end = {"a": End(rnd), "b": End(rnd)}

    def options(self, side, syn, blocks):
        end, peer = self.end[side], self.end[other(side)]
        out = b""
        if syn:
            out += b"\2\4\5\xb4"
            if end.scale is not None:
                out += b"\1\3\3" + bytes([end.scale])
            if end.sack:
                out += b"\1\1\4\2"
        if end.stamps and peer.stamps:
            out += b"\1\1\x08\x0a" + struct.pack(
                "!II", self.rnd.randrange(1 << 32), 0)
        if blocks and end.sack and peer.sack:
            out += b"\1\1\5" + bytes([2 + 8 * len(blocks)])
            for left, right in blocks:
                out += struct.pack("!II", left & MASK, right & MASK)
        return out

    def segment(self, side, flags, data=b"", seq=None, ack=None, blocks=()):
        end, peer = self.end[side], self.end[other(side)]
        options = self.options(side, flags & SYN, blocks)
        advance = len(data) + bool(flags & SYN) + bool(flags & FIN)
        if seq is None:
            seq = end.next
            end.next = (end.next + advance) & MASK
        if ack is None:
            ack = peer.next if flags & ACK else 0
        window = end.window
        head = struct.pack("!HHIIBBHHH", self.port[side],
                           self.port[other(side)], seq & MASK, ack & MASK,
                           (5 + len(options) // 4) << 4, flags, window, 0, 0)
        return self.send(side, TCP, head + options + data)


def payload(rnd, most=300):
    return bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, most)))


def tcp_open(t, rnd):
    one, two = t.first, other(t.first)
    how = rnd.random()
    if how < 0.06:                 # simultaneous
        yield t.segment(one, SYN)
        yield t.segment(two, SYN)
        end = t.end[one]
        yield t.segment(one, SYN | ACK, seq=end.next - 1)
        end = t.end[two]
        yield t.segment(two, SYN | ACK, seq=end.next - 1)
        yield t.segment(one, ACK)
        return
    if how < 0.12:                 # its beginning was not seen
        return
    syn = t.segment(one, SYN, payload(rnd) if rnd.random() < 0.1 else b"")
    yield syn
    while rnd.random() < 0.1:
        yield syn
    if how < 0.2:                  # refused
        yield t.segment(two, RST | ACK, seq=0)
        return
    answer = t.segment(two, SYN | ACK)
    yield answer
    while rnd.random() < 0.1:
        yield answer
    if rnd.random() < 0.9:
        yield t.segment(one, ACK)


def tcp_talk(t, rnd):
    for _ in range(rnd.choice((0, 1, 3, 10, 30))):
        side = rnd.choice("ab")
        end, peer = t.end[side], t.end[other(side)]
        what = rnd.random()
        if what < 0.45:
            segment = t.segment(side, ACK | PSH, payload(rnd))
            yield segment
            if rnd.random() < 0.08:
                for _ in range(rnd.randrange(1, 6)):
                    yield segment
        elif what < 0.75:
            yield t.segment(side, ACK)
        elif what < 0.8:           # keepalive and its answer
            yield t.segment(side, ACK, b"\0" * rnd.randrange(2),
                            seq=end.next - 1)
            yield t.segment(other(side), ACK)
        elif what < 0.87:          # a hole, and SACK
            gap = rnd.randrange(1, 400)
            lost = end.next
            end.next = (end.next + gap) & MASK
            start = end.next
            yield t.segment(side, ACK | PSH, payload(rnd))
            yield t.segment(other(side), ACK, ack=lost,
                            blocks=[(start, end.next)])
            yield t.segment(side, ACK | PSH, bytes(gap), seq=lost)
            yield t.segment(other(side), ACK)
        elif what < 0.92:          # a window that closes and opens
            was, end.window = end.window, 0
            yield t.segment(side, ACK)
            yield t.segment(other(side), ACK, b"p", seq=peer.next)
            end.window = was or 1000
            yield t.segment(side, ACK)
        elif what < 0.95:
            end.window = rnd.choice((0, 1, 512, 8192, 65535))
        elif what < 0.97:          # the same ports once more
            end.next = rnd.randrange(1 << 32)
            yield t.segment(t.first, SYN)
            yield t.segment(other(t.first), rnd.choice((ACK, SYN | ACK)))
        else:                      # an old acknowledgment
            yield t.segment(side, ACK, ack=peer.next - rnd.choice(
                (1, 500, 70000, 1 << 20)))


def tcp_close(t, rnd):
    one = rnd.choice("ab")
    two = other(one)
    how = rnd.random()
    if how < 0.35:
        yield t.segment(one, FIN | ACK)
        if rnd.random() < 0.5:
            yield t.segment(two, ACK)
        if rnd.random() < 0.3:
            yield t.segment(two, ACK | PSH, payload(rnd))
        last = t.segment(two, FIN | ACK)
        yield last
        if rnd.random() < 0.2:
            yield last
        yield t.segment(one, ACK)
        if rnd.random() < 0.2:     # again, at once
            t.end[one].next = rnd.randrange(1 << 32)
            yield t.segment(one, SYN)
    elif how < 0.5:                # both at once
        a, b = t.end["a"].next, t.end["b"].next
        yield t.segment("a", FIN | ACK, ack=b)
        yield t.segment("b", FIN | ACK, ack=a)
        yield t.segment("a", ACK)
        yield t.segment("b", ACK)
    elif how < 0.8:
        end = t.end[one]
        off = rnd.choice((0, 0, 0, 1, -1, 100, -100, 100000, -100000))
        yield t.segment(one, rnd.choice((RST, RST | ACK)),
                        seq=end.next + off)
        if rnd.random() < 0.4:
            yield t.segment(two, ACK | PSH, payload(rnd))
        if rnd.random() < 0.4:
            yield t.segment(two, ACK)


def tcp_conversation(rnd):
    t = Tcp(rnd)
    # Direct server return: what the server says takes another way.
    unseen = other(t.first) if rnd.random() < 0.04 else None
    for part in tcp_open, tcp_talk, tcp_close:
        for side, packet in part(t, rnd):
            if side != unseen:
                yield side, packet


# The others

def udp_conversation(rnd, proto=UDP):
    t = Pair(rnd)
    for _ in range(rnd.choice((1, 2, 4, 10))):
        side = t.first if rnd.random() < 0.6 else other(t.first)
        data = payload(rnd)
        length = 8 + len(data)
        if proto == UDPLITE:
            # All of it: of a part, resum() knows nothing.
            length = rnd.choice((0, length))
        head = struct.pack("!HHHH", t.port[side], t.port[other(side)],
                           length, 0)
        if rnd.random() < 0.05:    # no checksum
            yield side, t.ip(side, proto, head + data)
        else:
            yield t.send(side, proto, head + data)


def udplite_conversation(rnd):
    yield from udp_conversation(rnd, UDPLITE)


def icmp_conversation(rnd):
    t = Pair(rnd)
    ask, answer = (128, 129) if t.six else rnd.choice(
        ((8, 0), (8, 0), (13, 14), (15, 16), (17, 18)))
    ident = t.identifier()
    proto = ICMPV6 if t.six else ICMP
    for seq in range(rnd.randrange(1, 5)):
        rest = struct.pack("!HH", ident, seq) + payload(rnd, 60)
        yield t.send(t.first, proto, struct.pack("!BBH", ask, 0, 0) + rest)
        if rnd.random() < 0.8:
            yield t.send(other(t.first), proto,
                         struct.pack("!BBH", answer, 0, 0) + rest)


def icmp_any(rnd):
    """Queries without answers, answers without queries, and the rest."""
    t = Pair(rnd)
    for _ in range(rnd.randrange(1, 4)):
        kind = rnd.choice((rnd.randrange(256), 0, 3, 4, 5, 9, 10, 11, 12, 18,
                           128, 129, 130, 131, 133, 134, 135, 136, 137, 139,
                           140, 143))
        yield t.send(rnd.choice("ab"), ICMPV6 if t.six else ICMP,
                     bytes([kind, rnd.randrange(3), 0, 0]) + payload(rnd, 60))


def gre_conversation(rnd):
    t = Pair(rnd)
    call = rnd.random() < 0.5
    for _ in range(rnd.randrange(1, 6)):
        side = rnd.choice("ab")
        if call:
            head = struct.pack("!HHHH", 0x3001, rnd.choice(
                (0x880b,) * 5 + (0x0800,)), 4, rnd.randrange(3)) + bytes(4)
        else:
            head = struct.pack("!HH", rnd.choice((0, 0x2000)), 0x0800) + \
                bytes(8)
        yield t.send(side, GRE, head + b"abcd")


def generic_conversation(rnd):
    t = Pair(rnd)
    for _ in range(rnd.randrange(1, 5)):
        yield t.send(rnd.choice("ab"), ESP, payload(rnd, 60))


def sctp_conversation(rnd):
    t = Pair(rnd)
    one, two = t.first, other(t.first)
    tag = {one: rnd.randrange(1, 1 << 32), two: rnd.randrange(1, 1 << 32)}

    def chunk(kind, body=b"", flags=0):
        out = struct.pack("!BBH", kind, flags, 4 + len(body)) + body
        return out + bytes(-len(out) % 4)

    def packet(side, *chunks, vtag=None):
        head = struct.pack("!HHII", t.port[side], t.port[other(side)],
                           tag[other(side)] if vtag is None else vtag, 0)
        return t.send(side, SCTP, head + b"".join(chunks))

    def init(side, kind):
        return chunk(kind, struct.pack("!IIHHI", tag[side], 65536, 1, 1, 1))

    def opening(side):
        """From that side, with its tags, old or new."""
        yield packet(side, init(side, 1), vtag=0)
        yield packet(other(side), init(other(side), 2))
        yield packet(side, chunk(10, b"cookie"))
        yield packet(other(side), chunk(11))

    def restart(side):
        """Other tags; or nobody answers, for it was forged."""
        was = dict(tag)
        tag[side], tag[other(side)] = (rnd.randrange(1, 1 << 32)
                                       for _ in range(2))
        for n, item in enumerate(opening(side)):
            yield item
            if n < 2 and rnd.random() < 0.4:
                end = rnd.choice("ab")
                yield packet(end, data(), vtag=was[other(end)])
            if n == 0 and rnd.random() < 0.4:
                tag.update(was)
                return

    def data():
        return chunk(0, bytes(12) + payload(rnd, 100), 3)

    how = rnd.random()
    if how < 0.15:                 # a second path
        yield packet(one, chunk(4, b"beat"))
        yield packet(two, chunk(5, b"beat"))
    elif how < 0.9:
        yield packet(one, init(one, 1), vtag=0)
        if how < 0.25:
            yield packet(two, init(two, 1), vtag=0)
            yield packet(one, init(one, 2))
        yield packet(two, init(two, 2))
        yield packet(one, chunk(10, b"cookie"), *(
            [data()] if rnd.random() < 0.3 else []))
        yield packet(two, chunk(11))
    for _ in range(rnd.randrange(6)):
        side = rnd.choice("ab")
        what = rnd.random()
        if what < 0.6:
            yield packet(side, data())
        elif what < 0.75:
            yield packet(side, chunk(3, bytes(12)))
        elif what < 0.8:           # of an association before
            yield packet(side, *rnd.choices((
                chunk(4, b"beat"), chunk(7, bytes(4)), chunk(8), data(),
                chunk(64, bytes(16)), chunk(3, bytes(12))),
                k=rnd.randrange(1, 3)), vtag=rnd.randrange(1 << 32))
        elif what < 0.85:
            yield from restart(side)
        else:
            yield packet(side, chunk(4, b"beat"))
            yield packet(other(side), chunk(5, b"beat"))
    how = rnd.random()
    if how < 0.5:
        yield packet(one, chunk(7, bytes(4)))
        yield packet(two, chunk(8))
        yield packet(one, chunk(14))
    elif how < 0.7:
        yield packet(one, chunk(6))
    elif how < 0.8:                # the other end's tag, and it says so
        yield packet(two, chunk(6, flags=1), vtag=tag[two])
    if rnd.random() < 0.2:
        yield from opening(rnd.choice("ab"))


def dccp_conversation(rnd):
    (request, response, data, ack, dataack, closereq, close, reset, sync,
     syncack) = range(10)
    t = Pair(rnd)
    one, two = t.first, other(t.first)
    number = {one: rnd.randrange(1 << 48), two: rnd.randrange(1 << 48)}
    brief = rnd.random() < 0.15        # numbers of 24 bits where they may be
    partial = rnd.random() < 0.05      # checksums, of some packets

    def packet(side, kind, body=b"", acked=None):
        number[side] = (number[side] + 1) & ((1 << 48) - 1)
        seq = number[side]
        if acked is None:
            acked = number[other(side)]
        if brief and kind in (data, ack, dataack):
            rest = struct.pack("!I", kind << 25 | seq & 0xffffff)
            if kind != data:
                rest += struct.pack("!I", acked & 0xffffff)
        else:
            rest = struct.pack("!BBHI", kind << 1 | 1, 0, seq >> 32,
                               seq & MASK)
            if kind not in (request, data):
                rest += struct.pack("!HHI", 0, acked >> 32, acked & MASK)
        if kind in (request, response, reset):
            rest += b"code"
        options = bytes(rnd.choice((0, 0, 4)))
        offset = 2 + (len(rest) + len(options)) // 4
        coverage = (rnd.randrange(1, 2 + len(body) // 4)
                    if partial and rnd.random() < 0.5 else 0)
        head = struct.pack("!HHBBH", t.port[side], t.port[other(side)],
                           offset, coverage, 0)
        return t.send(side, DCCP, head + rest + options + body)

    def words():
        return bytes(4) + payload(rnd, 100)

    def shake(client, server):
        yield packet(client, request)
        while rnd.random() < 0.1:
            yield packet(client, request)
        yield packet(server, response)
        first = number[server]
        while rnd.random() < 0.1:
            yield packet(server, response)
        acked = rnd.choice((None, first, number[server] ^ 1 << 40)
                           if rnd.random() < 0.2 else (None,))
        if rnd.random() < 0.8:
            yield packet(client, ack, acked=acked)
        else:
            yield packet(client, dataack, words(), acked)

    how = rnd.random()
    if how < 0.08:
        yield packet(one, request)
        yield packet(rnd.choice("ab"), reset)
        return
    if how < 0.14:                 # both ask
        yield packet(one, request)
        yield packet(two, request)
        yield packet(rnd.choice("ab"), response)
        yield packet(rnd.choice("ab"), ack)
    elif how < 0.94:               # else, its beginning was not seen
        yield from shake(one, two)
    for _ in range(rnd.choice((0, 1, 3, 8))):
        side = rnd.choice("ab")
        what = rnd.random()
        if what < 0.35:
            yield packet(side, data, words())
        elif what < 0.55:
            yield packet(side, ack)
        elif what < 0.7:
            yield packet(side, dataack, words())
        elif what < 0.8:
            yield packet(side, sync)
            yield packet(other(side), syncack)
        elif what < 0.88:          # one of them has forgotten it
            yield from shake(side, other(side))
        else:                      # what does not belong here
            yield packet(side, rnd.randrange(10))
    how = rnd.random()
    if how < 0.3:
        if rnd.random() < 0.5:
            yield packet(two, closereq)
        yield packet(one, close)
        while rnd.random() < 0.15:
            yield packet(rnd.choice("ab"), rnd.choice((close, data, ack)))
        yield packet(two, reset)
    elif how < 0.5:
        yield packet(two, close)
        while rnd.random() < 0.2:
            yield packet(two, rnd.choice((close, closereq)))
        yield packet(one, reset)
    elif how < 0.7:
        yield packet(rnd.choice("ab"), reset)
    if how < 0.7 and rnd.random() < 0.5:
        yield packet(rnd.choice("ab"), rnd.randrange(1, 10))
        side = rnd.choice("ab")    # again, at once
        yield from shake(side, other(side))
        yield packet(other(side), data, words())


KINDS = ((tcp_conversation, 60), (udp_conversation, 12),
         (icmp_conversation, 8), (icmp_any, 2), (sctp_conversation, 10),
         (gre_conversation, 4), (generic_conversation, 3),
         (udplite_conversation, 3), (dccp_conversation, 6))


# Mutations: of one packet to a list of (side, packet)

def change_tcp(rnd, side, packet):
    head, proto, data = split(packet)
    if proto != TCP or len(data) < 20:
        return [(side, packet)]
    what = rnd.randrange(6)
    if what == 0:
        data = data[:13] + bytes([rnd.randrange(256)]) + data[14:]
    elif what in (1, 2):
        at = 4 * what
        value = struct.unpack("!I", data[at:at + 4])[0]
        value += rnd.choice((1, -1, 100, -100, 66000, -66000, 1 << 20,
                             -(1 << 20), 1 << 31, rnd.randrange(1 << 32)))
        data = data[:at] + struct.pack("!I", value & MASK) + data[at + 4:]
    elif what == 5:                # any options
        options = bytes(rnd.choice((0, 1, 2, 3, 4, 5, 8, 10, 34, 30,
                                    rnd.randrange(256)))
                        for _ in range(4 * rnd.randrange(1, 11)))
        data = data[:12] + bytes([(5 + len(options) // 4) << 4]) + \
            data[13:20] + options + data[(data[12] >> 4) * 4:]
    elif what == 3:
        data = data[:14] + struct.pack("!H", rnd.choice(
            (0, 1, 65535, rnd.randrange(65536)))) + data[16:]
    else:
        data = data[:12] + bytes([rnd.randrange(16) << 4]) + data[13:]
    return [(side, resum(join(head, data)))]


def flip(rnd, side, packet):
    head, proto, data = split(packet)
    if not data:
        return [(side, packet)]
    at = rnd.randrange(min(len(data), 40))
    data = data[:at] + bytes([data[at] ^ 1 << rnd.randrange(8)]) + \
        data[at + 1:]
    packet = join(head, data)
    return [(side, resum(packet) if rnd.random() < 0.6 else packet)]


def truncate(rnd, side, packet):
    head, proto, data = split(packet)
    packet = join(head, data[:rnd.randrange(len(data) + 1)])
    return [(side, resum(packet) if rnd.random() < 0.6 else packet)]


def extend4(rnd, packet):
    """IPv4 options (RFC 791 3.1, RFC 2113), good and bad."""
    head, _, data = split(packet)
    room = 40 - (len(head) - 20)
    options = rnd.choice((
        b"\1\1\1\1", b"\x94\4\0\0", b"\1\7\7\4\0\0\0\0",
        b"\x44\x08\5\0\0\0\0\0", b"\0\0\0\0", b"\x94\5\0\0",
        b"\7\0\0\0", bytes(rnd.randrange(256) for _ in range(8))))
    options = options[:room]
    head = bytes([0x40 | (len(head) + len(options)) // 4]) + head[1:] + options
    return join(head, data)


# Extension headers (RFC 8200 4, RFC 4302, RFC 6275, RFC 7401, RFC 5533)
HOP_BY_HOP, ROUTING, FRAGMENT, AH, NONE, OPTIONS = 0, 43, 44, 51, 59, 60
EXTENSIONS = (HOP_BY_HOP, ROUTING, FRAGMENT, AH, OPTIONS, OPTIONS, 135, 139,
              140)


def extend6(rnd, packet):
    """Extension headers in any order, most of them with padding only."""
    head, proto, data = split(packet)
    chain = [rnd.choice(EXTENSIONS) for _ in range(rnd.choice((1, 1, 2, 4)))]
    if rnd.random() < 0.7:         # where routers expect it
        chain.sort(key=lambda kind: kind != HOP_BY_HOP)
    if rnd.random() < 0.1:
        proto = NONE
    for kind in reversed(chain):
        more = rnd.choice((0, 0, 1, 3))
        if kind == FRAGMENT:
            body = struct.pack("!BBHI", proto, 0, 0, rnd.randrange(1 << 32))
        elif kind == AH:
            body = struct.pack("!BB", proto, 2 + 2 * more) + \
                bytes(14 + 8 * more)
        elif kind == ROUTING:
            body = bytes([proto, more, 253, 0]) + bytes(4 + 8 * more)
        elif kind == HOP_BY_HOP and rnd.random() < 0.2:
            # Router alert, or a jumbogram (RFC 2675) that is none
            body = bytes([proto, 0]) + rnd.choice((
                b"\5\2\0\0\1\0", b"\xc2\4\0\1\0\0",
                b"\xc2\4" + struct.pack("!I", len(data))))
        else:
            fill = 4 + 8 * more
            body = bytes([proto, more, 1, fill]) + bytes(fill)
        if rnd.random() < 0.05:    # a length that is wrong
            body = body[:1] + bytes([rnd.randrange(256)]) + body[2:]
        data, proto = body + data, kind
    packet = join(head[:6] + bytes([proto]) + head[7:], data)
    if rnd.random() < 0.02:        # as jumbograms say it
        packet = packet[:4] + b"\0\0" + packet[6:]
    return packet


def extend(rnd, packet):
    return extend4(rnd, packet) if is4(packet) else extend6(rnd, packet)


def pieces_of(rnd, data):
    """(offset, octets, more to come) of fragments."""
    if rnd.random() < 0.6:
        cut = rnd.randrange(8, len(data) - 1) & ~7 or 8
        return [(0, data[:cut], True), (cut, data[cut:], False)]
    # Some, of which one may lie over another, or go past the end.
    cuts = sorted({rnd.randrange(8, len(data)) & ~7 or 8
                   for _ in range(rnd.randrange(1, 4))})
    out = []
    for start, end in zip([0] + cuts, cuts + [len(data)]):
        if rnd.random() < 0.15 and start >= 8:
            start -= 8
        if rnd.random() < 0.1:
            end = min(len(data), end + 8)
        out.append((start, data[start:end], end < len(data)))
    if rnd.random() < 0.1:
        out.append((len(data) + 7 & ~7, b"more", False))
    return out


def fragment(rnd, side, packet):
    head, proto, data = split(packet)
    # Of a piece, replay.c cannot make the CRC right again.
    if len(data) < 17 or (TRANSLATED and proto == SCTP):
        return [(side, packet)]
    out = []
    ident = rnd.randrange(1 << 16)
    for offset, piece, more in pieces_of(rnd, data):
        if is4(packet):
            h = head[:4] + struct.pack("!HH", ident, (0x2000 if more else 0) |
                                       offset // 8) + head[8:]
            out.append((side, join(h, piece)))
        else:
            h = head[:6] + bytes([44]) + head[7:]
            out.append((side, join(h, struct.pack(
                "!BBHI", proto, 0, offset | more, ident) + piece)))
    if rnd.random() < 0.3:
        out.reverse()
    if rnd.random() < 0.1:
        out.insert(0, rnd.choice(out))
    if rnd.random() < 0.1:
        out.pop()
    return out


ERRORS4 = ((3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (4, 0), (5, 1), (11, 0),
           (12, 0))
ERRORS6 = ((1, 0), (1, 4), (2, 0), (3, 0), (4, 1), (137, 0))


def error(rnd, side, packet):
    """An ICMP error about it comes back, from where it went or a router."""
    head, proto, data = split(packet)
    if proto in (ICMP, ICMPV6) and rnd.random() < 0.5:
        return [(side, packet)]
    src, dst = addresses(head)
    four = is4(packet)
    inner = packet[:len(head) + rnd.choice((0, 4, 7, 8, 8, 8, 20, 60, 200))]
    if rnd.random() < 0.2:
        at = rnd.randrange(len(inner))
        inner = inner[:at] + bytes([rnd.randrange(256)]) + inner[at + 1:]
    kind, code = rnd.choice(ERRORS4 if four else ERRORS6)
    body = struct.pack("!BBHHH", kind, code, 0, 0, 1400) + inner
    router = dst if rnd.random() < 0.5 else dst[:-1] + b"\xc8"
    to = src if rnd.random() < 0.9 else src[:-1] + b"\x1d"
    if four:
        outer = b"\x45" + b"\0" * 7 + bytes([64, ICMP, 0, 0]) + router + to
    else:
        outer = struct.pack("!IHBB", 6 << 28, 0, ICMPV6, 64) + router + to
    out = [(side, packet), (other(side), resum(join(outer, body)))]
    return out[::-1] if rnd.random() < 0.2 else out


MUTATIONS = ((change_tcp, 10), (flip, 4), (truncate, 2), (fragment, 2),
             (error, 4))


def pick(rnd, table):
    return rnd.choices([t[0] for t in table], [t[1] for t in table])[0]


# Everything together

def stream(rnd):
    """(side, packet) without end."""
    talks, late = [], []
    # To nf_conntrack nearly all of UDP-Lite is invalid (differences.md), and so not
    # translated.
    kinds = [kind for kind in KINDS
             if not TRANSLATED or kind[0] is not udplite_conversation]
    while True:
        while len(talks) < AT_ONCE:
            # A half of them in order, so that they get far.
            talks.append((pick(rnd, kinds)(rnd), rnd.random() < 0.5))
        index = rnd.randrange(len(talks))
        talk, tame = talks[index]
        try:
            side, packet = next(talk)
        except StopIteration:
            talks.pop(index)
            continue
        if rnd.random() < 0.04:
            packet = extend(rnd, packet)
        chance = 2.0 if tame else rnd.random()
        if chance < 0.03:
            continue
        elif chance < 0.06:
            late.append((rnd.randrange(1, 30), side, packet))
            continue
        elif chance < 0.10:
            out = [(side, packet)] * 2
        elif chance < 0.30:
            out = pick(rnd, MUTATIONS)(rnd, side, packet)
        else:
            out = [(side, packet)]
        for item in out:
            yield item
        late = [(n - 1, s, p) for n, s, p in late]
        for n, s, p in late:
            if n <= 0:
                yield s, p
        late = [x for x in late if x[0] > 0]


class Clock:
    """When a packet comes: at once, or after a time in which connections end.

    The guest's timeouts are in the middle between two steps.
    """

    def __init__(self, rnd, now):
        self.rnd = rnd
        self.now, self.since = now, 0

    def next(self):
        self.since += 1
        self.now += 0.0001
        if self.since > MOST_AT_ONCE or self.rnd.random() < 1 / 300:
            steps = self.rnd.choice((1,) * 6 + (2,) * 4 + (3, 5, 8, 20, 40))
            self.now = (self.now // STEP + steps) * STEP
            self.since = 0
        return self.now


def packets(seeds, count):
    """Time and packet, for each of count packets in all."""
    now = 0.0
    for n, seed in enumerate(seeds):
        rnd = random.Random(seed)
        conversations = stream(rnd)
        clock = Clock(rnd, now)
        for _ in range(count * (n + 1) // len(seeds) -
                       count * n // len(seeds)):
            now = clock.next()
            yield now, next(conversations)[1]
        # Whatever is left of these ends before the next ones begin.
        now = (now // STEP + 100) * STEP


def main():
    global TRANSLATED
    TRANSLATED = sys.argv[4:] == ["nat"]
    first, _, last = sys.argv[1].partition("-")
    seeds = range(int(first), int(last or first) + 1)
    if not seeds:
        sys.exit(f"{sys.argv[1]}: the last seed is before the first")
    with open(sys.argv[3], "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for now, packet in packets(seeds, int(sys.argv[2])):
            f.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6),
                                len(packet), len(packet)))
            f.write(packet)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-2.0
"""Raw requests to nfnetlink's conntrack subsystems, right and wrong ones."""
import errno
import ipaddress
import os
import select
import socket
import struct

from raw import check, equal, ok, not_ok, finish, ours, run

NETLINK_NETFILTER = 12
SOL_NETLINK = 270
ADD_MEMBERSHIP, BROADCAST_ERROR, NO_ENOBUFS, EXT_ACK = 1, 4, 5, 11
REQUEST, MULTI, ACK, ECHO = 1, 2, 4, 8
DUMP, EXCL, CREATE = 0x300, 0x200, 0x400
ERROR, DONE = 2, 3
NESTED = 0x8000

CT, EXP = 1, 2
NEW, GET, DELETE, CTRZERO, STATS_CPU, STATS, DYING, UNCONFIRMED = range(8)
GROUP_NEW, GROUP_UPDATE, GROUP_DESTROY = 1, 2, 3

(TUPLE_ORIG, TUPLE_REPLY, STATUS, PROTOINFO, HELP, NAT_SRC, TIMEOUT, MARK,
 COUNTERS_ORIG, COUNTERS_REPLY, USE, ID, NAT_DST, TUPLE_MASTER, SEQ_ORIG,
 SEQ_REPLY, SECMARK, ZONE, SECCTX, TIMESTAMP, MARK_MASK, LABELS, LABELS_MASK,
 SYNPROXY, FILTER, STATUS_MASK) = range(1, 27)
CONFIRMED, ASSURED, SEEN_REPLY = 8, 4, 2


# Attributes

def attr(kind, data=b""):
    data = bytes(data)
    return (struct.pack("=HH", 4 + len(data), kind) + data +
            bytes(-len(data) % 4))


def nest(kind, *inside):
    return attr(kind | NESTED, b"".join(inside))


def be16(kind, value):
    return attr(kind, struct.pack("!H", value))


def be32(kind, value):
    return attr(kind, struct.pack("!I", value))


def u8(kind, value):
    return attr(kind, bytes([value]))


def u32(kind, value):
    return attr(kind, struct.pack("=I", value))


def addresses(src, dst):
    first = 3 if ":" in src else 1
    return nest(1, attr(first, ipaddress.ip_address(src).packed),
                attr(first + 1, ipaddress.ip_address(dst).packed))


def ports(proto, sport, dport):
    return nest(2, u8(1, proto), be16(2, sport), be16(3, dport))


def tuples(src, dst, proto, sport, dport):
    return (nest(TUPLE_ORIG, addresses(src, dst),
                 ports(proto, sport, dport)) +
            nest(TUPLE_REPLY, addresses(dst, src),
                 ports(proto, dport, sport)))


def numbered(n, proto=17):
    """Tuples of connection number n of many."""
    return tuples("10.%d.%d.1" % (1 + n // 60000, n // 250 % 240), "10.0.2.1",
                  proto, 1024 + n % 60000, 53)


def parse(data):
    found = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found.append((kind, data[4:length]))
        data = data[(length + 3) & ~3:]
    return found


def kinds(data):
    return [kind & 0x3fff for kind, _ in parse(data)]


def tree(data, nested):
    """Attributes as (type, length) or (type, [...]), in their order."""
    out = []
    for kind, value in parse(data):
        kind &= 0x3fff
        if kind in nested:
            out.append((kind, tree(value, nested[kind])))
        else:
            out.append((kind, len(value)))
    return out


class Message:
    def __init__(self, data):
        (length, kind, self.flags, self.seq,
         self.pid) = struct.unpack_from("=IHHII", data)
        self.subsys, self.kind = kind >> 8, kind & 0xff
        self.control = kind if kind < 16 else 0
        self.body = data[16:length]
        self.family, self.version, self.res_id = 0, 0, 0
        if not self.control and len(self.body) >= 4:
            self.family, self.version, self.res_id = struct.unpack_from(
                "!BBH", self.body)
        self.attrs = self.body[4:]

    def get(self, kind):
        return dict((k & 0x3fff, v) for k, v in parse(self.attrs)).get(kind)

    def number(self, kind):
        value = self.get(kind)
        return None if value is None else int.from_bytes(value, "big")

    def key(self):
        return self.get(TUPLE_ORIG)


class Answer:
    def __init__(self):
        self.error, self.text, self.offset, self.missing = 0, None, None, None
        self.messages = []
        self.echoes = []


class Socket:
    def __init__(self, *groups):
        self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                               NETLINK_NETFILTER)
        self.s.bind((0, 0))
        self.option(EXT_ACK, 1)
        for group in groups:
            self.option(ADD_MEMBERSHIP, group)
        self.port = self.s.getsockname()[0]
        self.seq = 0

    def option(self, name, value):
        self.s.setsockopt(SOL_NETLINK, name, value)

    def send(self, kind, attrs=b"", flags=0, family=2, subsys=CT, version=0,
             cut=0):
        self.seq += 1
        body = struct.pack("!BBH", family, version, 0) + attrs
        if cut:
            body = body[:-cut]
        self.s.send(struct.pack("=IHHII", 16 + len(body), subsys << 8 | kind,
                                REQUEST | flags, self.seq, 0) + body)

    def read(self, timeout=2.0, size=65536):
        """What one datagram holds."""
        if not select.select([self.s], [], [], timeout)[0]:
            return []
        data = self.s.recv(size)
        found = []
        while len(data) >= 16:
            length = struct.unpack_from("=I", data)[0]
            found.append(Message(data[:length]))
            data = data[(length + 3) & ~3:]
        return found

    def ask(self, kind, attrs=b"", flags=ACK, **more):
        """A request, and all of its answer."""
        self.send(kind, attrs, flags, **more)
        answer = Answer()
        while True:
            for m in self.read(20):
                if m.seq != self.seq:
                    answer.echoes.append(m)
                    continue
                if m.control == DONE:
                    return answer
                if m.control == ERROR:
                    explain(m, answer)
                    return answer
                answer.messages.append(m)

    def dump(self, attrs=b"", kind=GET, **more):
        return self.ask(kind, attrs, DUMP, **more).messages

    def events(self, timeout=1.0):
        found = []
        while True:
            batch = self.read(timeout)
            if not batch:
                return found
            found += batch


def explain(m, answer):
    """The error of an acknowledgement, and what its attributes say."""
    answer.error = -struct.unpack_from("=i", m.body)[0]
    if not m.flags & 0x200:
        return
    length = struct.unpack_from("=I", m.body, 4)[0]
    if m.flags & 0x100:
        length = 16
    for kind, value in parse(m.body[4 + ((length + 3) & ~3):]):
        kind &= 0x3fff
        if kind == 1:
            answer.text = value.rstrip(b"\0").decode()
        elif kind == 2:
            answer.offset = struct.unpack("=I", value)[0]
        elif kind == 5:
            answer.missing = struct.unpack("=I", value)[0]


def refuses(name, sock, error, kind, attrs=b"", flags=ACK, **more):
    """The request fails with that error, and ct says what is wrong."""
    a = sock.ask(kind, attrs, flags, **more)
    got = errno.errorcode.get(a.error, "success")
    equal(name, got, errno.errorcode[error])
    if ours() and error not in (errno.ENOENT, errno.EEXIST):
        check(name + ": it says why", a.text is not None and
              (a.offset is not None or a.missing is not None or
               error == errno.EBUSY),
              "text %r, offset %r, missing %r" % (a.text, a.offset, a.missing))

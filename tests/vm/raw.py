# SPDX-License-Identifier: GPL-2.0
"""Exact packets through a router, and what the tracker made of them.

Two TUN devices are both ends of the wire; the kernel between them forwards,
and has no part in the conversation:

      A side, 10.8.0.1           kernel            B side, 10.9.0.1
      fd00:8::1                                    fd00:9::1
                    ── tun-a ──  forwards  ── tun-b ──
"""
import ctypes
import fcntl
import ipaddress
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time

A4, B4 = "10.8.0.1", "10.9.0.1"
A6, B6 = "fd00:8::1", "fd00:9::1"
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
GRE, SCTP, UDPLITE = 47, 132, 136
failed = 0


# What a test says

def ok(name):
    print("ok", name, flush=True)


def not_ok(name, why):
    global failed
    failed += 1
    print("not ok", name, "-", why, flush=True)


def check(name, condition, why="it did not hold"):
    ok(name) if condition else not_ok(name, why)


def equal(name, got, want):
    check(name, got == want, "got %r, wanted %r" % (got, want))


def finish():
    sys.exit(1 if failed else 0)


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


def ours():
    return os.environ.get("CT_TRACKER", "ct") == "ct"


# Packets

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


CRC = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
    CRC.append(n)


def crc32c(data):
    """SCTP's checksum (RFC 9260, appendix A)."""
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def pack(address):
    return ipaddress.ip_address(address).packed


def is6(address):
    return ":" in address


def ip4(src, dst, proto, payload, ident=0, offset=0, more=False, ttl=64,
        options=b"", total=None):
    words = 5 + len(options) // 4
    if total is None:
        total = words * 4 + len(payload)
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, total, ident,
                       (0x2000 if more else 0) | offset // 8, ttl, proto, 0,
                       pack(src), pack(dst)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(src, dst, proto, payload, hops=64, total=None):
    length = len(payload) if total is None else total
    return struct.pack("!IHBB16s16s", 6 << 28, length, proto, hops,
                       pack(src), pack(dst)) + payload


def ip(src, dst, proto, payload, **more):
    return (ip6 if is6(src) else ip4)(src, dst, proto, payload, **more)


def extension(proto, following):
    """An IPv6 options or routing header of 8 bytes, padding only."""
    if proto == 43:        # routing, type 2^8-1 with no segments left
        return bytes([following, 0, 253, 0, 0, 0, 0, 0])
    return bytes([following, 0, 1, 4, 0, 0, 0, 0])


def fragment6(src, dst, proto, ident, offset, more, payload):
    head = struct.pack("!BBHI", proto, 0, offset | (1 if more else 0), ident)
    return ip6(src, dst, 44, head + payload)


def with_checksum(src, dst, proto, segment, at, bad=False):
    """Put the sum of a segment with a pseudo header into it."""
    pseudo = pack(src) + pack(dst) + struct.pack("!II", len(segment), proto)
    value = checksum(pseudo + segment)
    if proto == UDP and value == 0:
        value = 0xffff
    if bad:
        value = value ^ 0x5555
    return segment[:at] + struct.pack("!H", value) + segment[at + 2:]


FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}


def tcp(src, dst, sport, dport, flags, seq=0, ack=0, payload=b"", bad=False,
        words=5, window=65000, options=b""):
    words += len(options) // 4
    segment = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff,
                          ack & 0xffffffff, words << 4,
                          sum(FLAGS[f] for f in flags), window, 0, 0)
    segment += options + payload
    return with_checksum(src, dst, TCP, segment, 16, bad)


def udp(src, dst, sport, dport, payload=b"", bad=False, length=None,
        no_sum=False):
    if length is None:
        length = 8 + len(payload)
    segment = struct.pack("!HHHH", sport, dport, length, 0) + payload
    if no_sum:
        return segment
    return with_checksum(src, dst, UDP, segment, 6, bad)


def icmp(kind, code, rest, bad=False):
    message = struct.pack("!BBH", kind, code, 0) + rest
    value = checksum(message) ^ (0x5555 if bad else 0)
    return message[:2] + struct.pack("!H", value) + message[4:]


def icmp6(src, dst, kind, code, rest, bad=False):
    message = struct.pack("!BBH", kind, code, 0) + rest
    return with_checksum(src, dst, ICMPV6, message, 2, bad)


def query(kind, ident, seq=1, payload=b""):
    return icmp(kind, 0, struct.pack("!HH", ident, seq) + payload)


def query6(src, dst, kind, ident, seq=1, payload=b""):
    return icmp6(src, dst, kind, 0, struct.pack("!HH", ident, seq) + payload)


def tcp_packet(src, dst, *args, **more):
    return ip(src, dst, TCP, tcp(src, dst, *args, **more))


def udp_packet(src, dst, *args, **more):
    return ip(src, dst, UDP, udp(src, dst, *args, **more))


def gre(src, dst, words):
    """@words in hexadecimal."""
    return ip(src, dst, GRE, bytes.fromhex(words))


def udplite_packet(src, dst, sport, dport, payload=b"", coverage=0,
                   no_sum=False, flip=None):
    """@flip: the octet to be damaged afterwards."""
    total = 8 + len(payload)
    data = struct.pack("!HHHH", sport, dport, coverage, 0) + payload
    pseudo = pack(src) + pack(dst) + struct.pack("!II", total, UDPLITE)
    value = checksum(pseudo + data[:coverage or total])
    data = data[:6] + struct.pack("!H", 0 if no_sum else value) + data[8:]
    if flip:
        data = data[:flip] + bytes([data[flip] ^ 1]) + data[flip + 1:]
    return ip(src, dst, UDPLITE, data)


def chunk(kind, body=b"", flags=0):
    out = struct.pack("!BBH", kind, flags, 4 + len(body)) + body
    return out + bytes(-len(out) % 4)


def init(kind, tag):
    """INIT (1) or INIT ACK (2)."""
    return chunk(kind, struct.pack("!IIHHI", tag, 65536, 1, 1, 1))


def sctp_packet(src, dst, sport, dport, tag, chunks, bad=False):
    head = struct.pack("!HHI", sport, dport, tag)
    crc = crc32c(head + b"\0\0\0\0" + chunks) ^ (1 if bad else 0)
    return ip(src, dst, SCTP, head + struct.pack("<I", crc) + chunks)


# The wire

class Tun:
    def __init__(self, name, net4, net6, mtu=1500):
        self.name = name
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        # TUNSETIFF with IFF_TUN | IFF_NO_PI
        fcntl.ioctl(self.fd, 0x400454ca,
                    struct.pack("16sH", name.encode(), 0x1001))
        with open("/proc/sys/net/ipv6/conf/%s/addr_gen_mode" % name,
                  "w") as f:
            f.write("1")
        for command in (("link", "set", name, "mtu", str(mtu), "up"),
                        ("addr", "add", net4, "dev", name),
                        ("addr", "add", net6, "dev", name, "nodad")):
            subprocess.run(("ip",) + command, check=True)

    def send(self, packet):
        os.write(self.fd, packet)

    def receive(self, wait=0.0):
        """The next packet that is not the kernel's own; None if none."""
        end = time.monotonic() + wait
        while True:
            left = max(0, end - time.monotonic())
            if not select.select([self.fd], [], [], left)[0]:
                return None
            packet = os.read(self.fd, 65536)
            multicast = (packet[16] >= 224 if packet[0] >> 4 == 4
                         else packet[24] == 255)
            if not multicast:
                return packet


class Wire:
    def __init__(self):
        for conf in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
            with open("/proc/sys/" + conf, "w") as f:
                f.write("1")
        self.a = Tun("tun-a", "10.8.0.254/24", "fd00:8::fe/64")
        self.b = Tun("tun-b", "10.9.0.254/24", "fd00:9::fe/64")

    def pass_on(self, side, packet, wait=2.0):
        """Send at one side; what came out at the other, or None."""
        here, there = (self.a, self.b) if side == "a" else (self.b, self.a)
        while there.receive():
            pass
        here.send(packet)
        return there.receive(wait)

    def judged(self, name, valid, side, packet):
        """Is it invalid? It passes in either case."""
        before = stat("invalid")
        passed = self.pass_on(side, packet) is not None
        got = not stat("invalid") - before
        check(name, passed and got == valid,
              "passed %s, valid %s" % (passed, got))


class Talk:
    """A TCP conversation between A:sport and B:dport, one step at a time."""

    def __init__(self, wire, sport, dport=80, six=False):
        self.wire = wire
        self.host = {"a": A6 if six else A4, "b": B6 if six else B4}
        self.port = {"a": sport, "b": dport}
        self.next = {"a": 1000, "b": 500000}

    def packet(self, side, flags, payload=b"", seq=None, ack=None, **more):
        other = "b" if side == "a" else "a"
        packet = tcp_packet(
            self.host[side], self.host[other], self.port[side],
            self.port[other], flags,
            self.next[side] if seq is None else seq,
            (self.next[other] if "A" in flags else 0) if ack is None else ack,
            payload, **more)
        if seq is None:
            self.next[side] += len(payload) + ("S" in flags) + ("F" in flags)
        return packet

    def step(self, side, flags, payload=b"", **more):
        """Send; True when it came out at the other side."""
        packet = self.packet(side, flags, payload, **more)
        return self.wire.pass_on(side, packet) is not None

    def open(self):
        return (self.step("a", "S") and self.step("b", "SA") and
                self.step("a", "A"))

    def state(self):
        """The tracker's state, None when there is no entry."""
        found = self.line()
        return found.state if found else None

    def line(self):
        return one_entry("tcp", self.host["a"], self.host["b"],
                         self.port["a"], self.port["b"])


class Association:
    """SCTP between A:sport and B:80, one packet at a time."""
    (DATA, INIT, INITACK, SACK, HEARTBEAT, HEARTBEATACK, ABORT, SHUTDOWN,
     SHUTDOWNACK, ERROR, COOKIEECHO, COOKIEACK) = range(12)
    COMPLETE, IDATA = 14, 64

    def __init__(self, wire, sport, six=False):
        self.wire = wire
        self.host = {"a": A6 if six else A4, "b": B6 if six else B4}
        self.port = {"a": sport, "b": 80}
        # Of packets to that side.
        self.tag = {"a": 12, "b": 7}

    def body(self, side, kind, names):
        if isinstance(kind, bytes):
            return kind
        if kind in (self.INIT, self.INITACK):
            return init(kind, self.tag[side] if names is None else names)
        return chunk(kind, b"12345678" if kind in (self.DATA, self.IDATA)
                     else b"")

    def packet(self, side, *chunks, tag=None, names=None, bad=False):
        """@chunks: kinds, or bytes. @tag: if not as it should be; @names: the
        tag within INIT or INIT ACK."""
        other = "b" if side == "a" else "a"
        if tag is None:
            tag = 0 if chunks[:1] == (self.INIT,) else self.tag[other]
        return sctp_packet(self.host[side], self.host[other], self.port[side],
                           self.port[other], tag,
                           b"".join(self.body(side, c, names)
                                    for c in chunks), bad)

    def step(self, side, *chunks, **more):
        """Send; True when it came out at the other side."""
        packet = self.packet(side, *chunks, **more)
        return self.wire.pass_on(side, packet) is not None

    def open(self):
        return (self.step("a", self.INIT) and self.step("b", self.INITACK) and
                self.step("a", self.COOKIEECHO) and
                self.step("b", self.COOKIEACK))

    def line(self):
        return one_entry("sctp", self.host["a"], self.host["b"],
                         self.port["a"], self.port["b"])

    def state(self):
        found = self.line()
        return found.state if found else None


# The table

class Entry:
    """One line of conntrack -L."""

    def __init__(self, line):
        self.line = line
        self.proto = line.split()[0]
        self.timeout = int(line.split()[2])
        word = line.split()[3]
        self.state = None if "=" in word or "[" in word else word
        self.replied = "[UNREPLIED]" not in line
        self.assured = "[ASSURED]" in line
        self.pairs = re.findall(r"(\w+)=(\S+)", line)

    def get(self, key, index=0):
        values = [v for k, v in self.pairs if k == key]
        return values[index] if index < len(values) else None

    def __repr__(self):
        return self.line


def entries(proto=None):
    found = []
    for family in ("ipv4", "ipv6"):
        out = run("conntrack", "-L", "-f", family).stdout
        found += [Entry(line) for line in out.splitlines()
                  if re.match(r"\S+\s+\d+ \d+ ", line)]
    return [e for e in found if proto in (None, e.proto)]


def one_entry(proto, src, dst, sport=None, dport=None):
    """The only entry of that original direction, None without one."""
    found = [e for e in entries(proto)
             if e.get("src") == str(ipaddress.ip_address(src)) and
             e.get("dst") == str(ipaddress.ip_address(dst)) and
             sport in (None, int(e.get("sport") or -1)) and
             dport in (None, int(e.get("dport") or -1))]
    if len(found) > 1:
        not_ok("one entry for one connection", found)
    return found[0] if found else None


def flush():
    run("conntrack", "-F")


def count():
    with open("/proc/sys/net/netfilter/nf_conntrack_count") as f:
        return int(f.read())


def sysctl(name, value=None):
    path = "/proc/sys/net/netfilter/nf_conntrack_" + name
    with open(path, "r" if value is None else "w") as f:
        return f.read().strip() if value is None else f.write(str(value))


def stat(*names):
    """Sum of per-CPU counters of conntrack -S."""
    out = run("conntrack", "-S").stdout
    return sum(int(v) for n in names
               for v in re.findall(r"\b%s=(\d+)" % n, out))


# enum ct_invalid of linux/ct.h
REASONS = """ok ip_short ip_header ip_fragment exthdr l4_short tcp_header
    tcp_checksum tcp_flags tcp_state tcp_not_syn udp_length udp_checksum
    icmp_checksum icmp_type icmp_reply icmp_inner icmp_unknown icmp_mismatch
    clash full nomem tcp_seq tcp_ack tcp_rst udplite_coverage
    udplite_checksum gre_protocol sctp_checksum sctp_chunk sctp_tag sctp_state
    sctp_new dccp_header dccp_coverage dccp_checksum dccp_type dccp_short
    dccp_state dccp_new nat_full""".split()


def reasons():
    """ctctl's counters of invalid packets, reason -> packets."""
    found = json.loads(run("ctctl", "-j", "stats").stdout)
    return {REASONS[r["code"]]: r["count"] for r in found["invalid"]}


# NFQUEUE, by hand: linux/netfilter/nfnetlink_queue.h

class Queue:
    """Packets of one queue, each held until its verdict."""
    PACKET, VERDICT, CONFIG = 0x300, 0x301, 0x302

    def __init__(self, number, conntrack=False):
        self.number = number
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.socket.bind((0, 0))
        self.config(1, struct.pack("!BxH", 1, socket.AF_INET))   # bind
        self.config(2, struct.pack("!IB", 0xffff, 2))            # copy packet
        self.config(3, struct.pack("!I", 65536))                 # length
        if conntrack:
            self.config(5, struct.pack("!I", 2), 2)              # flags

    @staticmethod
    def attribute(kind, value):
        pad = -len(value) % 4
        return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * pad

    def message(self, kind, flags, *attributes):
        body = struct.pack("!BBH", 0, 0, self.number) + b"".join(attributes)
        self.socket.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1,
                                     0) + body)

    def config(self, kind, value, mask=None):
        more = () if mask is None else (
            self.attribute(4, struct.pack("!I", mask)),)
        self.message(self.CONFIG, 5, self.attribute(kind, value), *more)
        answer = self.socket.recv(65536)
        error = struct.unpack_from("=i", answer, 16)[0]
        if error:
            raise OSError(-error, "NFQUEUE configuration %d" % kind)

    def receive(self, wait=2.0):
        """(packet id, attributes by number) or None."""
        if not select.select([self.socket], [], [], wait)[0]:
            return None
        data = self.socket.recv(65536)
        found, at = {}, 20
        while at + 4 <= len(data):
            length, kind = struct.unpack_from("=HH", data, at)
            found[kind & 0x3fff] = data[at + 4:at + length]
            at += (length + 3) & ~3
        return struct.unpack_from("!I", found[1])[0], found

    def verdict(self, packet, value=1, mark=None, labels=None):
        """@mark and @labels are for its connection."""
        change = b""
        if mark is not None:
            change += self.attribute(8, struct.pack("!I", mark))
        if labels is not None:
            change += self.attribute(22, labels)
        more = (self.attribute(11 | 0x8000, change),) if change else ()
        self.message(self.VERDICT, 1, self.attribute(
            2, struct.pack("!II", value, packet)), *more)


# Many packets with few system calls

class SendMany:
    """sendmmsg(2) of small UDP datagrams from one socket."""

    def __init__(self, sock, batch=512, payload=b"x"):
        self.sock, self.batch = sock, batch
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.names = ctypes.create_string_buffer(16 * batch)
        self.data = ctypes.create_string_buffer(payload, len(payload))
        self.vector = ctypes.create_string_buffer(
            struct.pack("@PN", ctypes.addressof(self.data), len(payload)), 16)
        base = ctypes.addressof(self.names)
        self.messages = ctypes.create_string_buffer(b"".join(
            struct.pack("@PIxxxxPNPNiIIxxxx", base + 16 * i, 16,
                        ctypes.addressof(self.vector), 1, 0, 0, 0, 0, 0)
            for i in range(batch)), 64 * batch)

    def send(self, addresses):
        """addresses: packed struct sockaddr_in, back to back."""
        total = len(addresses) // 16
        for first in range(0, total, self.batch):
            n = min(self.batch, total - first)
            ctypes.memmove(self.names,
                           addresses[16 * first:16 * (first + n)], 16 * n)
            sent = 0
            while sent < n:
                done = self.libc.sendmmsg(
                    self.sock.fileno(),
                    ctypes.byref(self.messages, 64 * sent), n - sent, 0)
                if done < 0:
                    error = ctypes.get_errno()
                    if error in (11, 105, 1, 111):
                        done = 1
                    else:
                        raise OSError(error, os.strerror(error))
                sent += done

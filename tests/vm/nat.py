# SPDX-License-Identifier: GPL-2.0
"""Rules of the router, and real sockets in the namespaces around it.

Who is asked says who he is and by whom he was asked, as he sees it:

    serve("n2", 7, "10.0.2.1")
    rules("table ip nat { ... masquerade ... }")
    ask("n1", "10.0.2.1", 7)        Told("n2", "10.0.2.254", 40000)
"""
import collections
import contextlib
import selectors
import threading

import nl
from raw import *

libc = ctypes.CDLL(None, use_errno=True)
SLOW = int(os.environ.get("CT_SLOW", 1))
UDP_KIND = ("udp", socket.SOCK_DGRAM, 0)
TCP_KIND = ("tcp", socket.SOCK_STREAM, 0)


# Rules

def nft(text):
    done = subprocess.run(("nft", "-f", "-"), input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise ValueError("%s\nof %s" % (done.stderr, text))


NAMES = ("ip nat", "ip6 nat", "inet nat", "inet filter")


def rules(text=""):
    """Of the tables of NAMES there are these, and no connection is left."""
    nft("".join("table %s { }\ndelete table %s\n" % (n, n) for n in NAMES) +
        text)
    flush()


HOOKS = {"prerouting": -100, "output": -100, "postrouting": 100, "input": 100}


def chain(hook, *lines, name=None, priority=None):
    return "chain %s { type nat hook %s priority %s;\n%s\n}\n" % (
        name or hook, hook, priority or HOOKS[hook], "\n".join(lines))


def table(six, *chains):
    return "table %s nat {\n%s}\n" % ("ip6" if six else "ip", "".join(chains))


def filters(hook, *lines, priority=0):
    return ("table inet filter {\nchain %s { type filter hook %s priority %s;\n"
            "%s\n}\n}\n" % (hook, hook, priority, "\n".join(lines)))


def at(address, port):
    """As it stands in a rule."""
    return ("[%s]:%s" if is6(address) else "%s:%s") % (address, port)


def until(condition):
    """What it gave at last: something true, if that came in time."""
    end = time.monotonic() + 10 * SLOW
    while not (got := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return got


def counter(comment):
    """Packets that the rule with this comment saw."""
    out = run("nft", "list", "ruleset").stdout
    return int(re.search(r'packets (\d+) .*comment "%s"' % comment,
                         out).group(1))


def assure(protos=("tcp", "udp")):
    """None of the connections that are there goes for another one."""
    sock = nl.Socket()
    for e in entries():
        if e.proto not in protos or e.assured:
            continue
        src, dst = e.get("src"), e.get("dst")
        six = is6(src)
        wrong = sock.ask(
            nl.NEW, nl.nest(
                nl.TUPLE_ORIG, nl.addresses(src, dst),
                nl.ports(TCP if e.proto == "tcp" else UDP,
                         int(e.get("sport")), int(e.get("dport")))) +
            nl.be32(nl.STATUS, nl.CONFIRMED | nl.ASSURED |
                    (nl.SEEN_REPLY if e.replied else 0)),
            family=10 if six else 2).error
        if wrong:
            raise OSError(wrong, "%s is not assured" % e)


# Packets, as either end sees them

DCCP = 33
PORTS = "{ tcp, udp, udplite, sctp, dccp }"


class Family:
    """A talks as P, another host as itself; who talks to V talks to W."""
    def __init__(self, six):
        self.six, self.words = six, " over IPv6" if six else ""
        self.A, self.B = (A6, B6) if six else (A4, B4)
        self.P, self.V, self.W, self.other, self.near, self.far = (
            ("2001:db8:1::9", "2001:db8:2::7", "fd00:9::2", "fd00:8::2",
             "fd00:8::77", "fd00:9::77") if six else
            ("198.51.100.9", "203.0.113.7", "10.9.0.2", "10.8.0.2",
             "10.8.0.77", "10.9.0.77"))
        # How A's side sees who talks to whom, and how B's does.
        self.kinds = {
            "SNAT": ((self.A, self.B, 5000, 8080),
                     (self.P, self.B, 7000, 8080)),
            "DNAT": ((self.other, self.V, 5000, 80),
                     (self.other, self.W, 5000, 8080)),
            "both": ((self.A, self.V, 5000, 80),
                     (self.P, self.W, 7000, 8080))}

    def table(self):
        name = "ip6" if self.six else "ip"
        return table(
            self.six,
            chain("prerouting", f"{name} daddr {self.V} meta l4proto {PORTS} "
                  f"dnat to {at(self.W, 8080)}",
                  f"{name} daddr {self.V} dnat to {self.W}"),
            chain("postrouting", f"{name} saddr {self.A} oifname tun-b "
                  f"meta l4proto {PORTS} snat to {at(self.P, 7000)}",
                  f"{name} saddr != {self.other} oifname tun-b "
                  f"snat to {self.P}"))


FAMILIES = Family(False), Family(True)


def fresh():
    rules("".join(f.table() for f in FAMILIES))


def patched(packet, index, value):
    """With another octet in the header."""
    packet = packet[:index] + bytes([value]) + packet[index + 1:]
    if packet[0] >> 4 == 4:
        head = packet[:10] + b"\0\0" + packet[12:20]
        packet = head[:10] + struct.pack("!H", checksum(head)) + packet[12:]
    return packet


def aged(packet):
    index = 8 if packet[0] >> 4 == 4 else 7
    return patched(packet, index, packet[index] - 1)


def ends(view, side):
    """@view: as side a talks."""
    a, b, aport, bport = view
    return view if side == "a" else (b, a, bport, aport)


def unlike(got, want):
    """How they differ, nothing if they do not."""
    if got is None or got == want:
        return got is None and "nothing came"
    first = ([g == w for g, w in zip(got, want)] + [False]).index(False)
    here = slice(first, first + 8)
    return "from octet %d on it is %s, and not %s" % (
        here.start, got[here].hex(), want[here].hex())


class Through:
    """A TCP conversation, each side as it sees it."""

    def __init__(self, wire, views, seq=1000):
        self.wire = wire
        self.views = {"a": views[0], "b": views[1]}
        self.next = {"a": seq, "b": 500000}

    def made(self, by, view, flags, payload, seq, ack):
        return tcp_packet(*ends(self.views[view], by), flags, seq, ack, payload)

    def step(self, by, flags, payload=b"", seq=None, ack=None):
        """Sends; nothing, or how what came out is wrong."""
        other = "b" if by == "a" else "a"
        if ack is None:
            ack = self.next[other] if "A" in flags else 0
        args = flags, payload, self.next[by] if seq is None else seq, ack
        if seq is None:
            self.next[by] += len(payload) + ("S" in flags) + ("F" in flags)
        return unlike(self.wire.pass_on(by, self.made(by, by, *args)),
                      aged(self.made(by, other, *args)))

    def open(self):
        return (self.step("a", "S") or self.step("b", "SA") or
                self.step("a", "A"))

    def close(self):
        return (self.step("a", "FA") or self.step("b", "FA") or
                self.step("a", "A"))


def intact(packet):
    """Are all checksums right?"""
    if packet[0] >> 4 == 4:
        proto, start, hosts = packet[9], (packet[0] & 15) * 4, packet[12:20]
        if checksum(packet[:start]):
            return False
    else:
        proto, start, hosts = packet[6], 40, packet[8:40]
    data = packet[start:]
    if proto == SCTP:
        return data[8:12] == struct.pack("<I", crc32c(data[:8] + bytes(4) +
                                                      data[12:]))
    if proto != ICMP:
        data = hosts + struct.pack("!II", len(data), proto) + data
    return not checksum(data)


# Sockets

@contextlib.contextmanager
def within(ns):
    """What is opened in here is in that namespace. n0 is where we are."""
    def enter(path):
        fd = os.open(path, os.O_RDONLY)
        if libc.setns(fd, 0x40000000):
            raise OSError(ctypes.get_errno(), path)
        os.close(fd)

    enter("/run/netns/" + ns)
    try:
        yield
    finally:
        enter("/run/netns/n0")


def open_socket(ns, kind, address, port):
    with within(ns):
        s = socket.socket(socket.AF_INET6 if is6(address) else socket.AF_INET,
                          kind[1], kind[2])
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    return s


class Told(collections.namedtuple("Told", "who host port")):
    """What was told; false if nothing was."""
    def __bool__(self):
        return self.who is not None


NOTHING = Told(None, None, None)
served = selectors.DefaultSelector()


def told(ns, peer):
    return ("%s %s %d" % (ns, ipaddress.ip_address(peer[0]), peer[1])).encode()


def serve(ns, port, *addresses, kinds=(UDP_KIND, TCP_KIND)):
    for address in addresses:
        for kind in kinds:
            s = open_socket(ns, kind, address, port)
            if kind[1] != socket.SOCK_DGRAM:
                s.listen(100)
            served.register(s, selectors.EVENT_READ, (ns, kind))


def answer(s, ns, kind):
    if kind[1] == socket.SOCK_DGRAM:
        _, peer = s.recvfrom(2000)
        s.sendto(told(ns, peer), peer)
    elif kind == "accepted":
        if s.recv(65536):
            s.send(told(ns, s.getpeername()))
        else:
            served.unregister(s)
            s.close()
    else:
        served.register(s.accept()[0], selectors.EVENT_READ,
                        (ns, ("accepted",) * 2))


def serving():
    while True:
        for key, _ in served.select(0.2):
            ns, kind = key.data
            try:
                answer(key.fileobj, ns,
                       kind if len(kind) == 3 else kind[0])
            except OSError:
                if len(kind) != 3:
                    served.unregister(key.fileobj)
                    key.fileobj.close()


threading.Thread(target=serving, daemon=True).start()


class Asker:
    """A socket that asks, and may ask again."""

    def __init__(self, ns, to, port, kind=UDP_KIND, source=None, sport=0,
                 wait=5):
        self.socket = open_socket(
            ns, kind, source or ("::" if is6(to) else "0.0.0.0"), sport)
        self.socket.settimeout(wait * SLOW)
        self.error = None
        try:
            self.socket.connect((to, port))
        except OSError as error:
            self.error = error
        self.host, self.port = self.socket.getsockname()[:2]

    def ask(self):
        """Told, or NOTHING."""
        try:
            self.socket.send(b"who?")
            who, host, port = self.socket.recv(2000).decode().split()
            return Told(who, host, int(port))
        except (OSError, ValueError) as error:
            self.error = self.error or error
            return NOTHING

    def close(self):
        # No TIME_WAIT: the port may be asked from again.
        if self.socket.type == socket.SOCK_STREAM:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.socket.close()


def ask(ns, to, port, *args, **more):
    asker = Asker(ns, to, port, *args, **more)
    got = asker.ask()
    asker.close()
    return got

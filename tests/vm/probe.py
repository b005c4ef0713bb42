# SPDX-License-Identifier: GPL-2.0
"""What a ruleset does to packets, whoever tracks.

usage: probe.py RULESET COUNT COMMAND...: in an empty namespace, with the interfaces
and the networks that RULESET is about, COMMAND loads it from standard input. Then
come COUNT packets, made from what is in its text, with answers to those that pass and
what follows; a line each says what came out where. Ports that a translation has
chosen are "?", since nobody promises the same ones.
"""
import random
import zlib

from raw import *

INSIDE, OUTSIDE = "in0", "out0"
MOST = 6                # interfaces
MOST_NETWORKS = 16
STRANGERS = {4: ("198.51.100.7", "203.0.113.5"),
             6: ("2001:db8:7::7", "2001:db8:5::5")}
NOT_NAMES = re.compile(r'comment "[^"]*"|prefix "[^"]*"|type "[^"]*"|'
                       r'--comment ("[^"]*"|\S+)|--log-prefix ("[^"]*"|\S+)|#.*')
ADDRESS = re.compile(r"(?<![\w.:])((?:\d{1,3}\.){3}\d{1,3}|"
                     r"(?=[0-9a-fA-F:]*::?[0-9a-fA-F:]*:)[0-9a-fA-F:]{3,39})"
                     r"(/\d{1,3})?(?![\w.:])")
PORTS = re.compile(r"(?:dports? (?:!= )?|--dports? |to-ports? |"
                   r"ports? )(\{[^}]*\}|[\d,:-]+)")


def interfaces_of(line):
    found = re.findall(r"(?<!\S)-[io] (\S+)", line)
    if re.search("ifname|elements|devices", line):
        found += re.findall(r'"([A-Za-z][\w.+*-]{0,14})"', line)
        found += re.findall(r"ifname (?:!= )?([A-Za-z][\w.+-]{0,14})", line)
    return [re.sub(r"[*+]$", "0", n) for n in found if n not in ("lo", "vmap")]


def networks_of(line):
    for text, length in ADDRESS.findall(line):
        try:
            net = ipaddress.ip_network(text + length, strict=False)
        except ValueError:
            continue
        if not (net.is_loopback or net.is_multicast or net.is_link_local or
                net.prefixlen < 8 or net.is_unspecified or
                str(net).startswith(("255.", "ff"))):
            yield net


# What goes in and out, and whether it is just that that does not.
WAYS = re.compile(r'(! )?-([io]) (\S+)|([io])ifname (!= )?"?([\w.+-]+)')
SOURCE = re.compile(r"(?:saddr |-s )(?:!= )?(\S+)")


def pairs_of(line):
    """Networks, and where they are: who comes in comes from there, who goes out goes
    there. Who does not go out to his own is there, too (docker's masquerading)."""
    ways = {}
    for no, way, name, way2, no2, name2 in WAYS.findall(line):
        ways[(way or way2) + ("!" if no or no2 else "")] = re.sub(
            r"[*+]$", "0", name or name2)
    sources = [str(n) for text in SOURCE.findall(line)
               for n in networks_of(text)]
    for net in networks_of(line):
        here = (ways.get("i") or ways.get("o!") if str(net) in sources else
                ways.get("o") or ways.get("i!"))
        if here:
            yield net, here


class Place:
    """An interface, and who is behind it."""
    def __init__(self, name, number):
        self.name = name
        self.tun = Tun(name, "10.200.%d.254/24" % number,
                       "fd00:200:%d::fe/64" % number)
        self.own = {4: ["10.200.%d.254" % number],
                    6: ["fd00:200:%d::fe" % number]}
        self.peers = {4: ["10.200.%d.1" % number],
                      6: ["fd00:200:%d::1" % number]}

    def add(self, net):
        kind = net.version
        if net.num_addresses > 3:
            hosts = net.hosts()
            own, peer = str(next(hosts)), str(next(hosts))
            run("ip", "addr", "add", "%s/%d" % (own, net.prefixlen), "dev",
                self.name, *(("nodad",) if kind == 6 else ()))
            self.own[kind].append(own)
        else:
            peer = str(net.network_address)
            run("ip", "route", "replace", peer, "dev", self.name)
        if peer not in self.peers[kind]:
            self.peers[kind].append(peer)


class World:
    def __init__(self, text):
        lines = [NOT_NAMES.sub("", line) for line in text.splitlines()]
        self.ports = self.ports_of(lines)
        names = list(dict.fromkeys(n for line in lines
                                   for n in interfaces_of(line)))[:MOST]
        self.places = [Place(n, i + 1) for i, n in
                       enumerate(dict.fromkeys(names + [INSIDE, OUTSIDE]))]
        by_name = {p.name: p for p in self.places}
        at = {}
        for line in lines:
            for net, name in pairs_of(line):
                if name in by_name:
                    at.setdefault(net, by_name[name])
        every = dict.fromkeys(n for line in lines for n in networks_of(line))
        for net in sorted(list(every)[:MOST_NETWORKS], key=lambda n: (n.version, n.prefixlen, n)):
            around = [n for n in at if n.version == net.version and
                      net.subnet_of(n)]
            place = (at.get(net) or at[around[0]] if around else
                     self.places[zlib.crc32(str(net).encode()) %
                                 len(self.places)])
            at[net] = place
            place.add(net)
        outside = by_name[OUTSIDE]
        for kind in 4, 6:
            run("ip", "-%d" % kind, "route", "add", "default", "dev", OUTSIDE)
            outside.peers[kind].append(STRANGERS[kind][0])

    @staticmethod
    def ports_of(lines):
        found = []
        for line in lines:
            for text in PORTS.findall(line):
                found += [int(n) for n in re.findall(r"\d+", text)]
        return [p for p in dict.fromkeys(found) if 0 < p < 65536][:12] + [9999]

    def came(self):
        """What has come out: the interface, and the packet."""
        found = []
        for place in self.places:
            while (packet := place.tun.receive()):
                # Of redirects, some a second are sent.
                if not View(packet).is_redirect():
                    found.append((place, packet))
        return found


class View:
    """A packet, as far as it is to be compared."""
    def __init__(self, packet):
        six = packet[0] >> 4 == 6
        self.kind = 6 if six else 4
        start = 40 if six else (packet[0] & 15) * 4
        at = 8 if six else 12
        size = 16 if six else 4
        self.hops = packet[7] if six else packet[8]
        self.proto = packet[6] if six else packet[9]
        self.src, self.dst = (
            str(ipaddress.ip_address(packet[at + i * size:at + (i + 1) * size]))
            for i in (0, 1))
        self.data = packet[start:]
        self.sport = self.dport = None
        if self.proto in (TCP, UDP):
            self.sport, self.dport = struct.unpack_from("!HH", self.data)
        elif self.is_ping():
            self.sport = self.dport = struct.unpack_from("!H", self.data, 4)[0]

    def is_ping(self):
        return (self.proto, self.data[0]) in ((ICMP, 8), (ICMP, 0),
                                              (ICMPV6, 128), (ICMPV6, 129))

    def is_error(self):
        return self.proto in (ICMP, ICMPV6) and not self.is_ping()

    def is_redirect(self):
        return (self.proto, self.data[0]) in ((ICMP, 5), (ICMPV6, 137))

    def text(self, known):
        """@known: ports that nobody has chosen."""
        port = lambda p: "" if p is None else ":%s" % (p if p in known else "?")
        words = ["%d %s%s > %s%s ttl %d" % (
            self.proto, self.src, port(self.sport), self.dst, port(self.dport),
            self.hops)]
        if self.proto == TCP:
            words.append("flags %x" % self.data[13])
        elif self.is_error():
            words.append("type %d code %d" % (self.data[0], self.data[1]))
            if len(self.data) >= 36:
                words.append("about (%s)" % View(self.data[8:]).text(known))
        return " ".join(words)


def made(kind, src, dst, proto, sport, dport, flags="", seq=0, ack=0, answer=0):
    if proto == TCP:
        return tcp_packet(src, dst, sport, dport, flags, seq, ack)
    if proto == UDP:
        return udp_packet(src, dst, sport, dport, b"probe")
    if kind == 6:
        return ip6(src, dst, ICMPV6, query6(src, dst, 129 if answer else 128,
                                            sport))
    return ip4(src, dst, ICMP, query(0 if answer else 8, sport))


class Prober:
    def __init__(self, world, seed):
        self.world, self.rnd = world, random.Random(seed)
        self.sport = 20000

    def show(self, what, came, known):
        print("  %s: %s" % (what, " | ".join(sorted(
            "%s %s" % (place.name, View(packet).text(known))
            for place, packet in came)) or "nothing"))

    def targets(self, kind, place):
        for other in self.world.places:
            yield from other.own[kind]
            if other is not place:
                yield from other.peers[kind]
        yield STRANGERS[kind][1]

    def one(self, kind):
        rnd = self.rnd
        place = rnd.choice(self.world.places)
        src = rnd.choice(place.peers[kind])
        dst = rnd.choice(list(self.targets(kind, place)))
        if rnd.random() < 0.3:
            dst = STRANGERS[kind][1]
        proto = rnd.choice((TCP, TCP, TCP, UDP, UDP, ICMP))
        flags = rnd.choice(("S",) * 12 + ("SA", "A", "R", "", "FPU"))
        dport = rnd.choice(self.world.ports)
        self.sport += 1
        sport = dport if proto == ICMP and self.sport % 2 else self.sport
        if proto == ICMP:
            dport = sport = self.sport
        print("%s %d %s:%d > %s:%d %s" % (place.name, proto, src, sport, dst,
                                          dport, flags))
        known = {sport, dport, *self.world.ports}
        self.world.came()
        place.tun.send(made(kind, src, dst, proto, sport, dport, flags, 1000,
                            5000 if "A" in flags else 0))
        came = self.world.came()
        self.show("came", came, known)
        passed = [(p, View(packet)) for p, packet in came]
        passed = [(p, v) for p, v in passed
                  if not v.is_error() and (p is not place or v.src != dst)]
        if not passed or proto == TCP and flags != "S":
            return
        there, v = passed[0]
        there.tun.send(made(kind, v.dst, v.src, proto, v.dport, v.sport, "SA",
                            5000, 1001, 1))
        self.show("answer", self.world.came(), known)
        place.tun.send(made(kind, src, dst, proto, sport, dport, "A", 1001,
                            5001))
        self.show("goes on", self.world.came(), known)
        # Somebody else who was asked nothing.
        there.tun.send(made(kind, v.dst, v.src, proto, v.dport ^ 1, v.sport,
                            "SA", 5000, 1001, 1))
        self.show("another's", self.world.came(), known)

    def local(self, kind):
        """One from here."""
        family = socket.AF_INET6 if kind == 6 else socket.AF_INET
        dst = self.rnd.choice(list(self.targets(kind, None)))
        dport = self.rnd.choice(self.world.ports)
        self.sport += 1
        print("here 17 :%d > %s:%d" % (self.sport, dst, dport))
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.bind(("", self.sport))
            try:
                s.sendto(b"probe", (dst, dport))
            except OSError as error:
                print("  error %d" % error.errno)
            self.show("came", self.world.came(),
                      {self.sport, dport, *self.world.ports})


def main():
    path, count, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    with open(path) as f:
        text = f.read()
    world = World(text)
    done = subprocess.run(command, input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print("status %d" % done.returncode)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        return
    six = os.environ.get("FAMILIES", "4 6").split()
    prober = Prober(world, zlib.crc32(text.encode()))
    for n in range(count):
        prober.one(int(six[n % len(six)]))
        if n % 10 == 0:
            prober.local(int(six[n // 10 % len(six)]))


main()

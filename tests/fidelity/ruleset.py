# SPDX-License-Identifier: GPL-2.0
"""The rules that translate, as text and as what they allow.

    10.8.S.H   fd00:8:S::H     behind tun-a
    10.9.S.H   fd00:9:S::H     behind tun-b

S is 0 for hosts, the last of which is the router's, 1 for addresses of SERVICES and
MAPPED for a network that stands for that of the hosts. POOL and OUTSIDE are what
sources become. What a host's source becomes towards the other side is in SOURCES,
by its number. All of it is there for both sides and both versions of IP.
"""
import collections
import ipaddress

ROUTER, POOL, OUTSIDE, SERVICES, MAPPED = 254, 2, 3, 1, 4
PORTS = "{ tcp, udp, udplite, sctp, dccp }"
WITH_PORTS = {6, 17, 33, 132, 136}
# A host that is reached from its own side by way of a service.
NEIGHBOUR = 28
# Not taken for a port that no rule names.
RESERVED = 45000, 45999
LAST_SOURCE = 26

# hosts: from, to. address: "masquerade", "map", None, or numbers (from, to) in POOL.
# ports: (from, to), if its protocol has them. flags: as nft has them
Source = collections.namedtuple("Source", "hosts address ports flags")
SOURCES = (
    Source((4, 8), "masquerade", None, ""),
    Source((9, 12), (1, 1), None, ""),
    Source((13, 15), (10, 13), None, ""),
    Source((16, 18), (2, 2), (20000, 20999), ""),
    Source((19, 20), "map", None, ""),
    Source((21, 21), (3, 3), None, "fully-random"),
    Source((22, 22), (4, 4), (30000, 30003), ""),
    Source((23, 23), "masquerade", (40000, 40999), ""),
    Source((24, 24), (20, 23), None, "persistent"),
    Source((25, 25), (5, 5), (2000, 2199), ""),
)

# The service of number 1, 2, ... What it is: "redirect", "neighbour", or hosts
# (from, to)
Target = collections.namedtuple("Target", "address ports")
TARGETS = (
    Target((1, 1), None),
    Target((2, 2), (8080, 8080)),
    Target((4, 7), None),
    Target((3, 3), (9000, 9002)),
    Target("redirect", None),
    Target("redirect", (7777, 7777)),
    Target("neighbour", None),
)


def address(six, net, subnet, host):
    return ("fd00:%x:%x::%x" if six else "10.%d.%d.%d") % (net, subnet, host)


def span(six, net, subnet, hosts):
    return "-".join(address(six, net, subnet, h) for h in sorted(set(hosts)))


def with_ports(six, where, ports):
    if ports is None:
        return where
    return "%s:%s" % ("-".join("[%s]" % a for a in where.split("-"))
                      if six and where else where,
                      "-".join(str(p) for p in sorted(set(ports))))


def lines_of(match, kind, where, ports, flags, six):
    """One rule, or two: what has no ports is translated all the same."""
    if kind in ("masquerade", "redirect"):
        plain, named = kind, "%s to %s" % (kind, with_ports(six, "", ports))
    else:
        plain, named = ("%s to %s" % (kind, with_ports(six, where, p))
                        for p in (None, ports))
    if ports:
        yield "%s meta l4proto %s %s %s" % (match, PORTS, named, flags)
    yield "%s %s %s" % (match, plain, flags)


def source_lines(six, net):
    """Of hosts in @net."""
    ip, there = ("ip6" if six else "ip"), 17 - net
    out = "oifname tun-%s" % ("b" if net == 8 else "a")
    for source in SOURCES:
        match = "%s %s saddr %s" % (out, ip, span(six, net, 0, source.hosts))
        if source.address == "map":
            yield "%s snat %s prefix to %s saddr map { %s : %s }" % (
                match, ip, ip, network(six, net, 0),
                network(six, there, OUTSIDE))
        elif source.address == "masquerade":
            yield from lines_of(match, "masquerade", None, source.ports,
                                source.flags, six)
        else:
            yield from lines_of(match, "snat", span(
                six, there, POOL, source.address), source.ports,
                source.flags, six)
    # Back to where it came from, as to itself.
    yield "oifname tun-%s %s saddr %s masquerade" % (
        "a" if net == 8 else "b", ip, span(six, net, 0, (15, LAST_SOURCE)))


def network(six, net, subnet):
    return "%s/%d" % (address(six, net, subnet, 0), 120 if six else 24)


def target_lines(six, net):
    """Of services in @net."""
    ip = "ip6" if six else "ip"
    for number, target in enumerate(TARGETS, 1):
        match = "%s daddr %s" % (ip, address(six, net, SERVICES, number))
        if target.address == "redirect":
            yield from lines_of(match, "redirect", None, target.ports, "", six)
        elif target.address == "neighbour":
            yield "%s dnat to %s" % (match, address(six, 17 - net, 0,
                                                    NEIGHBOUR))
        else:
            yield from lines_of(match, "dnat", span(
                six, net, 0, target.address), target.ports, "", six)
    yield "dnat %s prefix to %s daddr map { %s : %s }" % (
        ip, ip, network(six, net, MAPPED), network(six, net, 0))


def text():
    out = []
    for six, name in (False, "ip"), (True, "ip6"):
        chains = (
            ("prerouting", -100, [line for net in (8, 9)
                                  for line in target_lines(six, net)]),
            ("postrouting", 100, [line for net in (8, 9)
                                  for line in source_lines(six, net)]),
            # Local answers have to find their way back, too.
            ("output", -100, []),
            ("input", 100, ["%s saddr %s snat to %s" % (
                name, address(six, 8, 0, 12), address(six, 8, POOL, 99))]))
        out.append("table %s nat {\n%s}\n" % (name, "".join(
            "chain %s { type nat hook %s priority %d\n%s\n}\n" % (
                hook, hook, priority, "\n".join(lines))
            for hook, priority, lines in chains)))
    return "".join(out)


# What a rule allows

# addresses: from, to, as numbers. ports: from, to. chosen: the address is one of
# several. random: the port is never kept
Allowed = collections.namedtuple("Allowed", "addresses ports chosen random")


def number_of(packed):
    return int.from_bytes(packed, "big")


def place(packed):
    """(net, subnet, host) of an address, or None."""
    if len(packed) == 4:
        return tuple(packed[1:]) if packed[0] == 10 else None
    words = [number_of(packed[i:i + 2]) for i in range(0, 16, 2)]
    return (words[1], words[2], words[7])


def pack(six, *where):
    return ipaddress.ip_address(address(six, *where)).packed


def make(six, first, last, ports, random=False):
    low, high = pack(six, *first), pack(six, *last)
    return Allowed((number_of(low), number_of(high)), ports, low != high,
                   random)


def allowed_target(proto, dst):
    """What a destination may become; None: what it is."""
    six = len(dst) == 16
    net, subnet, host = place(dst) or (0, 0, 0)
    if net not in (8, 9):
        return None
    if subnet == MAPPED:
        return make(six, (net, 0, host), (net, 0, host), None)
    if subnet != SERVICES or not 1 <= host <= len(TARGETS):
        return None
    target = TARGETS[host - 1]
    ports = target.ports if proto in WITH_PORTS else None
    if target.address == "redirect":
        hosts = ROUTER, ROUTER
        net = 17 - net
    elif target.address == "neighbour":
        hosts = NEIGHBOUR, NEIGHBOUR
        net = 17 - net
    else:
        hosts = target.address
    return make(six, (net, 0, hosts[0]), (net, 0, hosts[1]), ports)


def allowed_source(proto, src, dst):
    """What the source may become of a packet whose destination was translated."""
    six = len(src) == 16
    here, there = place(src), place(dst)
    if not here or not there or here[0] not in (8, 9) or here[1]:
        return None
    net, _, host = here
    if there[0] == net:
        if 15 <= host <= LAST_SOURCE:
            return make(six, (net, 0, ROUTER), (net, 0, ROUTER), None)
        return None
    for source in SOURCES:
        if not source.hosts[0] <= host <= source.hosts[1]:
            continue
        ports = source.ports if proto in WITH_PORTS else None
        if source.address == "masquerade":
            where = (there[0], 0, ROUTER),
        elif source.address == "map":
            where = (there[0], OUTSIDE, host),
        else:
            where = tuple((there[0], POOL, n) for n in source.address)
        return make(six, where[0], where[-1], ports,
                    "random" in source.flags)
    return None


if __name__ == "__main__":
    print(text())

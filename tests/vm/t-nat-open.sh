#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# net.netfilter.nf_conntrack_nat_mapping: one address and port outside for each
# source of UDP, whoever its peers are, and the way in to it from outside (RFC
# 4787, 4.1, 5 and 6).
# seconds: 30
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
ours || { skip "mappings" "nf_nat has none"; DONE=1; exit 0; }

modprobe tun
topology
must_load
n0 nft 'table ip t { chain c { type nat hook prerouting priority 0; }; }'

nat <<'END'
wire = Wire()
OFF, CONE, OPEN = range(3)
for f in FAMILIES:
    f.name = "ip6" if f.six else "ip"
    f.home = "fd00:8::/64" if f.six else "10.8.0.0/24"
    f.hosts = ["fd00:8::1:%x" % n if f.six else "10.8.0.%d" % (20 + n)
               for n in range(20)]
    f.peers = [(host, port) for host in (f.B, f.W) for port in range(53, 63)]
    for a in f.P, f.W:
        run("ip", "route", "replace", a, "dev", "tun-b")

def snat(f, to, mapping):
    flush()
    sysctl("nat_mapping", mapping)
    rules(table(f.six, chain("postrouting", f"{f.name} saddr {f.home} "
                             f"meta l4proto {{ tcp, udp }} snat to {to}"),
                chain("prerouting", "udp dport 99 dnat to " + f.A)))

def ends_of(packet):
    """Source and destination, address and port each."""
    six = packet[0] >> 4 == 6
    addresses = (packet[8:24], packet[24:40]) if six else (packet[12:16],
                                                           packet[16:20])
    return tuple((str(ipaddress.ip_address(a)), port) for a, port in zip(
        addresses, struct.unpack_from("!HH", packet, 40 if six else 20)))

def outside(src, sport, peer, make=udp_packet, more=(b"question",)):
    """As what a source is seen, if the packet is right."""
    got = wire.pass_on("a", make(src, peer[0], sport, peer[1], *more))
    if not got or not intact(got) or ends_of(got)[1] != peer:
        return None
    return ends_of(got)[0]

def comes_in(peer, to):
    """Who gets, inside, what a peer sends there."""
    got = wire.pass_on("b", udp_packet(peer[0], to[0], peer[1], to[1],
                                       b"hello"), 0.3)
    return got and intact(got) and ends_of(got)[0] == peer and ends_of(got)[1]

# Two insides have the same port: the second one's cannot be kept.
RANGES = {"all ports": "", "a range of ports": ":6000-6063",
          "random ports": " random", "random ones of a range":
          ":6000-6999 fully-random"}

for f in FAMILIES:
    first, second = f.hosts[:2]
    stranger = f.W, 9999
    for name, to in RANGES.items():
        words = ", " + name + f.words
        to = ("[%s]" if f.six and to[:1] == ":" else "%s") % f.P + to
        snat(f, to, CONE)
        one = {outside(first, 5000, peer) for peer in f.peers}
        two = {outside(second, 5000, peer) for peer in f.peers}
        three = outside(first, 5001, f.peers[0])
        check("one address and port towards all peers" + words,
              len(one) == 1 and None not in one, one)
        check("for another one, too" + words, len(two) == 1 and
              None not in two, two)
        check("another one than the first's" + words, not one & two, (one, two))
        check("for another port, too" + words, three and
              three not in one | two, three)
        equal("nobody else comes in" + words,
              comes_in(stranger, min(one)), None)
        equal("but who was asked" + words,
              comes_in(f.peers[3], min(two)), (second, 5000))
        # The one that was first goes, and the port that it had is free.
        run("conntrack", "-D", "-p", "udp", "-s", first, "-f",
            "ipv6" if f.six else "ipv4")
        equal("it stays though another would do by now" + words,
              {outside(second, 5000, (f.B, port)) for port in range(70, 75)},
              two)

    # Up to the last one: ports of insides never meet, whoever they talk to.
    snat(f, at(f.P, "6000-6007"), CONE)
    seen = [outside(host, 5000, f.peers[n])
            for n, host in enumerate(f.hosts[:8])]
    equal("eight insides have a port each" + f.words, sorted(
        s and s[1] for s in seen), list(range(6000, 6008)))
    equal("a ninth has none, towards none" + f.words,
          [outside(f.hosts[8], 5000, peer) for peer in f.peers[8:10]],
          [None] * 2)
    run("conntrack", "-D", "-p", "udp", "-s", f.hosts[3], "-f",
        "ipv6" if f.six else "ipv4")
    equal("until the connections of one are gone" + f.words,
          outside(f.hosts[8], 5000, f.peers[8]), seen[3])
    check("of TCP there are more" + f.words, all(
        outside(host, 5000, f.peers[n], tcp_packet, ("S", 1000))
        for n, host in enumerate(f.hosts[:16])))

    # The router talks for itself, too, from a port that is an inside's outside.
    own = "fd00:9::fe" if f.six else "10.9.0.254"
    snat(f, own, CONE)
    nft(f"add rule {f.name} nat postrouting oifname tun-b udp sport 5000 "
        f"snat to {own}")
    equal("an inside has the router's address" + f.words,
          outside(first, 5000, f.peers[0]), (own, 5000))
    router = open_socket("n0", UDP_KIND, own, 5000)
    def from_router(peer):
        while wire.b.receive():
            pass
        router.sendto(b"question", peer)
        got = wire.b.receive(2)
        return got and ends_of(got)[0]
    seen = {from_router(peer) for peer in f.peers}
    check("the router is seen as one, and as another one" + f.words,
          len(seen) == 1 and not seen & {None, (own, 5000)}, seen)
    run("conntrack", "-D", "-p", "udp", "-s", first, "-f",
        "ipv6" if f.six else "ipv4")
    equal("and stays that when it could be itself" + f.words,
          from_router((f.B, 70)), min(seen, key=str))
    router.close()

    # --- open to all ---

    snat(f, f.P, OPEN)
    port = outside(first, 5000, f.peers[0])
    other = outside(second, 5000, f.peers[1])
    equal("a stranger comes in" + f.words, comes_in(stranger, port),
          (first, 5000))
    equal("to the other one, too" + f.words, comes_in(stranger, other),
          (second, 5000))
    equal("the answer comes from where he wrote to" + f.words,
          outside(first, 5000, stranger), port)
    check("another stranger" + f.words,
          comes_in((f.B, 9998), other) == (second, 5000) and
          outside(second, 5000, (f.B, 9998)) == other)
    equal("not to a port that nobody has" + f.words,
          comes_in(stranger, (f.P, 4999)), None)
    equal("nor by TCP" + f.words, wire.pass_on("b", tcp_packet(
        stranger[0], port[0], 9999, port[1], "S", 1000), 0.3), None)
    equal("rules are for what they say" + f.words,
          comes_in(stranger, (f.P, 99)), (f.A, 99))
    # Both sides of it are inside: the other one is seen as from outside.
    while wire.a.receive():
        pass
    wire.a.send(udp_packet(second, port[0], 5000, port[1], b"hairpin"))
    got = wire.a.receive(2)
    equal("hairpin" + f.words, got and intact(got) and ends_of(got),
          (other, (first, 5000)))
    wire.a.send(udp_packet(first, other[0], 5000, other[1], b"hairpin"))
    got = wire.a.receive(2)
    equal("and back" + f.words, got and intact(got) and ends_of(got),
          (port, (second, 5000)))
    flush()
    equal("it goes with its connections" + f.words, comes_in(stranger, port),
          None)

    # The router has an address as its outside, and a service.
    own, lan = ("fd00:9::fe", "fd00:8::fe") if f.six else ("10.9.0.254",
                                                          "10.8.0.254")
    snat(f, own, OPEN)
    def service(address, port):
        s = open_socket("n0", UDP_KIND, address, port)
        s.settimeout(0.3 * SLOW)
        return s
    def got_by(s, peer, to=own):
        """What a peer sends to that port of the router's: who gets it?"""
        while wire.a.receive():
            pass
        wire.b.send(udp_packet(peer[0], to, peer[1], 5000, b"hello"))
        try:
            return "router", s.recvfrom(100)[1][:2]
        except OSError:
            got = wire.a.receive(0.3)
            return got and ends_of(got)[1]
    equal("an inside has the port of a service" + f.words,
          outside(first, 5000, f.peers[0]), (own, 5000))
    for address in own, "::" if f.six else "0.0.0.0":
        s = service(address, 5000)
        equal("which comes before it, at %s%s" % (address, f.words),
              got_by(s, stranger), ("router", stranger))
        equal("but not of who was asked, at %s%s" % (address, f.words),
              got_by(s, f.peers[0]), (first, 5000))
        s.close()
        flush()
        outside(first, 5000, f.peers[0])
    s = service(lan, 5000)
    equal("one of another address does not" + f.words, got_by(s, stranger),
          (first, 5000))
    s.close()
    flush()
    outside(first, 5000, f.peers[0])
    s = service(own, 5000)
    s.connect((f.B, 9998))
    equal("nor one that is another peer's" + f.words, got_by(s, stranger),
          (first, 5000))
    equal("as long as it is not his" + f.words, got_by(s, (f.B, 9998)),
          ("router", (f.B, 9998)))
    s.close()
    snat(f, f.P, OPEN)
    outside(first, 5000, f.peers[0])
    s = service("::" if f.six else "0.0.0.0", 5000)
    equal("nor where the address is not the router's" + f.words,
          got_by(s, stranger, f.P), (first, 5000))
    s.close()

    # --- off ---

    snat(f, f.P, OFF)
    two = [outside(host, 5000, f.peers[0]) for host in f.hosts[:2]]
    check("off: a port for each" + f.words, None not in two and
          len(set(two)) == 2, two)
    equal("off: nobody comes in" + f.words,
          [comes_in(stranger, p) for p in two], [None] * 2)
    wire.a.send(udp_packet(second, f.P, 5000, two[0][1], b"hairpin"))
    equal("off: no hairpin" + f.words, wire.a.receive(0.3), None)
    flush()
    equal("off: towards two peers, one" + f.words,
          [outside(host, 5000, f.peers[n])
           for n, host in enumerate(f.hosts[:2])], [(f.P, 5000)] * 2)

# --- the setting itself ---

def put(name, value):
    try:
        sysctl(name, value)
        return sysctl(name)
    except OSError:
        return "refused"

for name, most in ("nat_mapping", 2), ("nat_revalidate", 1):
    equal("%s may be" % name, [put(name, n) for n in range(most + 1)],
          [str(n) for n in range(most + 1)])
    equal("%s may not be" % name,
          [put(name, n) for n in (most + 1, -1, 256, "x")], ["refused"] * 4)
    equal("%s stays what it was" % name, sysctl(name), str(most))
    with within("n1"):
        path = "/proc/sys/net/netfilter/nf_conntrack_" + name
        other = run("ip", "netns", "exec", "n1", "cat", path).stdout
    equal("%s of another namespace" % name, other, "0\n")
END

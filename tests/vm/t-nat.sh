#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NAT by rules of nftables, with real programs: who is asked, and whom he sees
# asking, for each kind of translation at each hook.
# seconds: 30
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

topology
must_load
address n2 veth 10.0.2.2/24 fd00:2::2/64

nat <<'END'
V4 = dict(family="ip", A="10.0.1.1", S="10.0.2.1", S2="10.0.2.2",
          R1="10.0.1.254", R2="10.0.2.254", lo="127.0.0.1", nobody="10.0.1.77",
          other="10.3.0.9", net="10.3.0.0/24", mapped="10.3.0.1", home="10.0.1.0/24",
          inside="10.0.2.0/24", mapped2="10.3.0.2")
V6 = dict(family="ip6", A="fd00:1::1", S="fd00:2::1", S2="fd00:2::2",
          R1="fd00:1::fe", R2="fd00:2::fe", lo="::1", nobody="fd00:1::77",
          other="fd00:3::9", net="fd00:3::/64", mapped="fd00:3::1", home="fd00:1::/64",
          inside="fd00:2::/64", mapped2="fd00:3::2")
serve("n2", 7, *[v[k] for v in (V4, V6) for k in ("S", "S2")])
serve("n0", 7, *[v[k] for v in (V4, V6) for k in ("R1", "R2", "lo")])
serve("n1", 7, V4["A"], V6["A"])
port = 5000

def tuples(e):
    """Both directions of an entry."""
    return [(e.get("src", n), e.get("sport", n), e.get("dst", n),
             e.get("dport", n)) for n in (0, 1)]

for v in V4, V6:
    globals().update(v)
    six = v is V6
    words = " over IPv6" if six else ""

    def case(name, who, host, ns, to, dport, reply):
        """Asks by TCP and UDP; @reply: the tuple of the answer, ports without."""
        global port
        for kind in TCP_KIND, UDP_KIND:
            port += 1
            what = "%s, %s%s" % (name, kind[0].upper(), words)
            got = ask(ns, to, dport, kind, sport=port)
            equal(what, got, Told(who, host, port))
            found = [e for e in entries(kind[0]) if e.get("sport") == str(port)]
            equal(what + ": both tuples",
                  [(e.get("dst"), e.get("dport"), e.get("src", 1),
                    e.get("dst", 1), e.get("sport", 1), e.get("dport", 1))
                   for e in found],
                  [(to, str(dport)) + reply + ("7", str(port))])

    rules(table(six, chain("postrouting", f"oifname veth2 snat to {R2}")))
    case("SNAT", "n2", R2, "n1", S, 7, (S, R2))
    rules(table(six, chain("prerouting",
                           f"meta l4proto {{ tcp, udp }} {family} daddr {R1} "
                           f"th dport 80 dnat to {at(S, 7)}")))
    case("DNAT", "n2", A, "n1", R1, 80, (S, A))
    rules(table(six, chain("postrouting", "oifname veth2 masquerade")))
    case("masquerade", "n2", R2, "n1", S, 7, (S, R2))
    rules(table(six, chain("prerouting", "meta l4proto { tcp, udp } "
                           "th dport 80 redirect to :7")))
    case("redirect", "n0", A, "n1", S, 80, (R1, A))
    rules(table(six, chain("prerouting", "meta l4proto { tcp, udp } "
                           f"th dport 80 dnat to {at(S, 7)}"),
                chain("postrouting", "oifname veth2 masquerade")))
    case("both", "n2", R2, "n1", R1, 80, (S, R2))
    rules(table(six, chain("prerouting", f"{family} daddr {R2} "
                           f"meta l4proto {{ tcp, udp }} dnat to {at(A, 7)}"),
                chain("postrouting", f"{family} daddr {A} snat to {R1}")))
    case("hairpin", "n1", R1, "n1", R2, 80, (A, R1))
    # The address is of one interface, and where it goes is behind another.
    rules(table(six, chain("output", f"{family} daddr {nobody} "
                           f"meta l4proto {{ tcp, udp }} dnat to {at(S, 7)}"),
                chain("postrouting", "oifname veth2 masquerade")) +
          filters("postrouting", f"oifname veth1 {family} daddr {S} drop",
                  priority=300))
    case("DNAT in OUTPUT to another interface", "n2", R2, "n0", nobody, 80,
         (S, R2))
    rules(table(six, chain("output", f"{family} daddr {{ {nobody}, {lo} }} "
                           "meta l4proto { tcp, udp } th dport 80 "
                           "redirect to :7")))
    case("redirect in OUTPUT", "n0", R1, "n0", nobody, 80, (lo, R1))
    case("redirect in OUTPUT, on the loopback interface", "n0", lo, "n0", lo, 80,
         (lo, lo))
    rules(table(six, chain("output", f"{family} daddr {nobody} "
                           f"meta l4proto {{ tcp, udp }} dnat to {at(R2, 7)}")))
    case("DNAT in OUTPUT to this machine", "n0", R1, "n0", nobody, 80, (R2, R1))
    rules(table(six, chain("input", f"{family} saddr {A} snat to {nobody}")))
    case("SNAT in INPUT", "n0", nobody, "n1", R1, 7, (R1, nobody))
    rules("table inet nat {\n" +
          chain("postrouting", f"oifname veth2 snat {family} to {R2}") + "}\n")
    case("SNAT by a table inet", "n2", R2, "n1", S, 7, (S, R2))
    rules(table(six, chain("prerouting", "dnat %s prefix to %s daddr map "
                           "{ %s : %s }" % (family, family, net, inside)),
                chain("postrouting", "snat %s prefix to %s saddr map "
                      "{ %s : %s }" % (family, family, home, net))))
    port += 1
    equal("netmap" + words, ask("n1", mapped, 7, sport=port),
          Told("n2", mapped, port))
    check("netmap, another host" + words, ask("n1", mapped2, 7))
    equal("is the one of that number" + words,
          [e.get("src", 1) for e in entries("udp") if e.get("dst") == mapped2],
          [S2])

    # --- several chains ---

    def who_decides(first, second):
        rules(table(six,
                    chain("postrouting", first, priority="100", name="first"),
                    chain("postrouting", second, priority="101",
                          name="second")))
        return ask("n1", S, 7).host

    one, two = f"oifname veth2 snat to {other}", f"oifname veth2 snat to {R2}"
    equal("of two chains the first decides" + words, who_decides(one, two),
          other)
    equal("whichever it is" + words, who_decides(two, one), R2)
    equal("if it decides anything" + words,
          who_decides("oifname veth1 " + one.split(" ", 2)[2], two), R2)
    rules(table(six, chain("postrouting", 'counter comment "asked"',
                           "oifname veth2 masquerade")))
    asker = Asker("n1", S, 7)
    check("each packet is answered" + words,
          all([asker.ask() for _ in range(3)]))
    equal("and the rules were asked once" + words, counter("asked"), 1)
    nft("flush table %s nat\n" % family)
    equal("what was translated stays translated" + words,
          asker.ask().host, R2)
    asker.close()

    # --- who would collide ---

    port += 1
    for order in ("n0", "n1"), ("n1", "n0"):
        for kind in TCP_KIND, UDP_KIND:
            rules(table(six, chain("postrouting", f"{family} saddr {A} "
                                   f"oifname veth2 snat to {R2}")))
            both = [Asker(ns, S, 7, kind, sport=port) for ns in order]
            said = [a.ask() for a in both] + [a.ask() for a in both]
            name = "%s first, then %s, %s%s: " % (*order, kind[0], words)
            equal(name + "both work",
                  [(s.who, s.host) for s in said], [("n2", R2)] * 4)
            check(name + "with a port each, that they keep",
                  said[0].port == port == said[2].port and
                  said[1].port == said[3].port != port, said)
            for a in both:
                a.close()

    # A client talks from the number of a port of the router's, so that who answers
    # there is taken for who is answered. Rules can prevent that in two ways.
    for name, *lines in (
            ("another port is chosen", table(six, chain(
                "postrouting", "iifname veth1 udp sport < 1024 "
                "masquerade to :1024-65535 random",
                "oifname veth2 masquerade"))),
            ("the service is not tracked", table(six, chain(
                "postrouting", "oifname veth2 masquerade")),
             filters("prerouting", "iifname veth2 udp dport 7 notrack",
                     priority=-300),
             filters("output", "oifname veth2 udp sport 7 notrack",
                     priority=-300))):
        rules("".join(lines))
        ask("n1", S2, 41404, sport=7)
        equal("a service of the router's is not shadowed, %s%s" % (name, words),
              ask("n2", R2, 7, source=S2, sport=41404).who, "n0")
END

nat <<'END'
A, S, R2 = "10.0.1.1", "10.0.2.1", "10.0.2.254"
for n in range(16):
    serve("n2", 100 + n, S)
serve("n2", 7, S)

def snat(to, *more):
    rules(table(False, chain("postrouting", "oifname veth2 meta l4proto udp "
                             "snat to " + to, *more)))

def seen(sport=5000, count=16):
    return [ask("n1", S, 100 + n, sport=sport) for n in range(count)]

# --- ranges ---

snat("10.3.0.9:6000-6003")
equal("a port out of the range is moved into it",
      {t.host for t in seen()} | {6000 <= t.port <= 6003 for t in seen()},
      {"10.3.0.9", True})
snat("10.3.0.9:6000-6003")
equal("one within is kept", {t.port for t in seen(6002)}, {6002})
snat("10.3.0.9:6100")
equal("a range of one", {t.port for t in seen()}, {6100})
snat("10.3.0.16-10.3.0.31")
equal("addresses of a range, and the port is kept",
      {t.host in ["10.3.0.%d" % n for n in range(16, 32)] and t.port
       for t in seen()}, {5000})
snat("10.3.0.16-10.3.0.31 persistent")
equal("persistent: one for a client, whom ever he asks",
      len({t.host for t in seen()}), 1)
for flag in "random", "fully-random":
    snat("10.3.0.9 " + flag)
    ports = {t.port for t in seen()}
    check(flag + ": not the client's port", len(ports) > 2 and
          ports != {5000}, ports)
rules(table(False, chain("prerouting", "udp dport 80 dnat to %s:100-103" % S)))
equal("a destination's port of a range", ask("n1", "10.0.1.254", 80).who, "n2")
dport = int(entries("udp")[0].get("sport", 1))
check("is one of these", 100 <= dport <= 103, dport)
rules(table(False, chain("prerouting", "dnat ip to udp dport map "
                         "{ 80 : %s . 100, 81 : %s . 101 }" % (S, S))))
equal("addresses and ports of a map",
      [ask("n1", "10.0.1.254", 80 + n).who for n in (0, 1)], ["n2"] * 2)
equal("each its own", sorted(e.get("sport", 1) for e in entries("udp")),
      ["100", "101"])

# --- who is left alone ---

masquerade = table(False, chain("postrouting", "oifname veth2 masquerade"))
rules(masquerade + filters("prerouting", "udp dport 100 notrack",
                           "udp sport 100 notrack", priority=-300))
equal("notrack: not translated, nor known",
      [ask("n1", S, 100).host, len(entries("udp"))], [A, 0])
equal("others are", ask("n1", S, 101).host, R2)
rules(table(False, chain(
          "postrouting", "meta mark 5 ct mark 6 snat to 10.3.0.9",
          "oifname veth2 ct mark set 8 snat to 10.3.0.8")) +
      filters("prerouting", "udp dport 100 meta mark set 5 ct mark set 6",
              priority=-150))
equal("translated by mark", [ask("n1", S, 100).host, ask("n1", S, 101).host],
      ["10.3.0.9", "10.3.0.8"])
equal("marked by a rule of NAT",
      [e.get("mark") for e in entries("udp")
       if e.get("dst", 1) == "10.3.0.8"], ["8"])

# --- what conntrack lists ---

rules(table(False, chain("prerouting", "udp dport { 80, 81 } dnat to %s:7" % S),
            chain("postrouting", "udp sport { 6000, 6001 } masquerade")))
kinds = {"none": (S, 7, 5001), "source": (S, 7, 6000),
         "destination": ("10.0.1.254", 80, 5002),
         "both": ("10.0.1.254", 81, 6001)}
for to, dport, sport in kinds.values():
    ask("n1", to, dport, sport=sport)
def listed(*options):
    out = run("conntrack", "-L", "-p", "udp", *options).stdout
    sports = [Entry(line).get("sport") for line in out.splitlines()]
    return " ".join(k for k, v in kinds.items() if str(v[2]) in sports)
for options, want in {
        "": "none source destination both", "--src-nat": "source both",
        "-n": "source both", "--dst-nat": "destination both",
        "-g": "destination both", "-j": "source destination both",
        "-n " + R2: "source both", "-n 10.0.0.99": "",
        "-g " + S: "destination both"}.items():
    equal("conntrack -L " + options, listed(*options.split()), want)
END

# A second customer, who has the first one's addresses; each has a zone, and what
# is answered goes by the mark of the connection.
namespace n3
link n3 veth n0 veth3
address n3 veth 10.0.1.1/24 fd00:1::1/64
address n0 veth3 10.0.1.254/24 fd00:1::fe/64
ip -n n3 route add default via 10.0.1.254
ip -n n3 route add default via fd00:1::fe
for v in 4 6; do
	ip -n n0 -$v rule add fwmark 3 table 3
done
ip -n n0 route add 10.0.1.0/24 dev veth3 table 3
ip -n n0 route add fd00:1::/64 dev veth3 table 3
nat <<'END'
for six in False, True:
    S, R2 = ("fd00:2::1", "fd00:2::fe") if six else ("10.0.2.1", "10.0.2.254")
    words = " over IPv6" if six else ""
    serve("n2", 8, S)

    def zones(which):
        rules(table(six, chain("postrouting", "oifname veth2 snat to " + R2)) +
              filters("prerouting", which + " set iifname map "
                      "{ veth1 : 1, veth3 : 3 }", priority=-350))
        nft("""table inet filter {
            chain answers { type filter hook prerouting priority -340; }
            chain marks { type filter hook prerouting priority -150;
                iifname veth3 ct mark set 3
                iifname veth2 meta mark set ct mark
            }
        }""")

    # Answers are told apart in zone 0, by the port.
    zones("ct original zone")
    for kind in TCP_KIND, UDP_KIND:
        both = [Asker(ns, S, 8, kind, sport=5000) for ns in ("n1", "n3")]
        said = [a.ask() for a in both] + [a.ask() for a in both]
        name = "one tuple in two zones, %s%s: " % (kind[0], words)
        equal(name + "both are answered",
              [s.host for s in said], [R2] * 4)
        check(name + "with a port each", said[0].port != said[1].port, said)
        equal(name + "in its zone", sorted(
            re.search(r"zone-orig=(\d)", e.line).group(1)
            for e in entries(kind[0])), ["1", "3"])
        for a in both:
            a.close()

    # A zone that answers are in as well has all ports of its own. Which one that
    # is they cannot tell; here it is the one of who asks.
    zones("ct zone")
    for ns, zone in ("n1", 1), ("n3", 3):
        nft(f"""flush chain inet filter answers
            add rule inet filter answers iifname veth2 ct zone set {zone}""")
        equal("the port is kept in zone %d%s" % (zone, words),
              ask(ns, S, 8, sport=5001), Told("n2", R2, 5001))
    equal("though it is in use in the other" + words,
          sorted((e.get("zone"), e.get("dport", 1)) for e in entries("udp")),
          [("1", "5001"), ("3", "5001")])
END

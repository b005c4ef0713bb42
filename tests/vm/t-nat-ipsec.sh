#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IPsec policies and NAT: what goes out is looked up once more by its translated
# addresses and ports; what comes in is judged by those that it came with.
#
#	n1 ── n0 ══ ESP ══ n2
# seconds: 60
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

if ! modprobe -q esp4 || ! modprobe -q esp6 || ! modprobe -q xfrm_user; then
	skip "IPsec" "this kernel has none"
	DONE=1
	exit 0
fi
topology
must_load

nat <<'END'
V4 = dict(family="ip", C="10.0.1.1", S="10.0.2.1", G="10.0.2.254", P="10.0.3.9",
          V="10.0.9.9")
V6 = dict(family="ip6", C="fd00:1::1", S="fd00:2::1", G="fd00:2::fe",
          P="fd00:3::9", V="fd00:9::9")
run("ip", "addr", "add", V4["P"] + "/32", "dev", "lo")
run("ip", "addr", "add", V6["P"] + "/128", "dev", "lo", "nodad")
for v in V4, V6:
    serve("n2", 7, v["S"])
    run("ip", "route", "add", v["V"], "dev", "veth2")
OUT, IN = "0x100", "0x200"
BOTH = "meta l4proto { tcp, udp }"

def xfrm(ns, *words):
    done = run("ip", "-n", ns, "xfrm", *words)
    if done.returncode:
        raise ValueError("ip xfrm %s: %s" % (" ".join(words), done.stderr))
    return done.stdout

def states(mode):
    """Both ways between the router and the server, at both."""
    for ns in "n0", "n2":
        xfrm(ns, "state", "flush")
        for src, dst, spi in (G, S, OUT), (S, G, IN):
            xfrm(ns, "state", "add", "src", src, "dst", dst, "proto", "esp",
                 "spi", spi, "mode", mode, "reqid", "7", "auth",
                 "hmac(sha256)", "0x" + "ab" * 32, "enc", "ecb(cipher_null)",
                 "", "sel", "src", "::/0" if six else "0.0.0.0/0", "dst",
                 "::/0" if six else "0.0.0.0/0")

def selector(src, dst, *more):
    return "src", src, "dst", dst, *more

def policy(ns, way, selector, src, dst, mode):
    xfrm(ns, "policy", "add", "dir", way, *selector, "priority", "10", "tmpl", "src", src, "dst",
         dst, "proto", "esp", "reqid", "7", "mode", mode)

def block(way, selector):
    xfrm("n0", "policy", "add", "dir", way, *selector, "action", "block",
         "priority", "1")

def policies(there, back, mode):
    """To the server, and what it answers, at both ends."""
    policy("n0", "out", there, G, S, mode)
    policy("n2", "in", there, G, S, mode)
    policy("n2", "out", back, S, G, mode)
    for way in "in", "fwd":
        policy("n0", way, back, S, G, mode)

def forget():
    for ns in "n0", "n2":
        xfrm(ns, "policy", "flush")

def packets(spi):
    ends = (G, S) if spi == OUT else (S, G)
    out = run("ip", "-n", "n0", "-s", "xfrm", "state", "get", "src", ends[0],
              "dst", ends[1], "proto", "esp", "spi", spi).stdout
    return int(re.search(r"(\d+)\(packets\)", out).group(1))

def case(name, who, to, port, want, encrypted, chains, sport=5000):
    words = ", %s, %s%s" % (mode, kind[0].upper(),
                            " over IPv6" if six else "")
    rules(table(six, *chains))
    before = [packets(spi) for spi in (OUT, IN)]
    asker = Asker(who, to, port, kind, sport=sport, wait=5 if want else 1)
    got = [asker.ask() for _ in range(2)] if not asker.error else []
    asker.close()
    if want:
        equal(name + words, got, [Told("n2", *want)] * 2)
    else:
        check(name + words, not any(got), got)
    moved = [packets(spi) > b for spi, b in zip((OUT, IN), before)]
    equal(name + words + ": encrypted, both ways", moved, [encrypted] * 2)

for v in V4, V6:
    globals().update(v)
    six = v is V6
    for mode in "tunnel", "transport":
        states(mode)
        for kind in UDP_KIND, TCP_KIND:
            proto = "proto", kind[0]
            forget()
            case("without a policy", "n1", S, 7, (P, 5000), False,
                 [chain("postrouting", f"{family} saddr {C} snat to {P}")])
            if mode == "tunnel":
                # A source behind the router, and the one that it becomes.
                policies(selector(P, S), selector(S, P), mode)
                case("a policy for the source that was translated", "n1", S, 7,
                     (P, 5000), True,
                     [chain("postrouting", f"{family} saddr {C} snat to {P}")])
                # As it came, it is for the address that is not there any more.
                block("fwd", selector(S, C))
                case("the answer is judged as it came", "n1", S, 7, (P, 5000),
                     True,
                     [chain("postrouting", f"{family} saddr {C} snat to {P}")])
                forget()
                policies(selector(P, S), selector(S, P), mode)
                block("fwd", selector(S, P, *proto, "sport", "7", "dport",
                                      "6000"))
                case("by its port, too", "n1", S, 7, (P, 5000), True,
                     [chain("postrouting", f"{family} saddr {C} {BOTH} "
                            f"snat to {at(P, 5000)}")], sport=6000)
                forget()

                # What it was before says nothing.
                policy("n0", "out", selector(C, S), G, S, mode)
                case("a policy for the source that it was", "n1", S, 7,
                     (P, 5000), False,
                     [chain("postrouting", f"{family} saddr {C} snat to {P}")])
                forget()
                block("out", selector(P, S))
                case("a policy that forbids what it becomes", "n1", S, 7, None,
                     False,
                     [chain("postrouting", f"{family} saddr {C} snat to {P}")])
                forget()

                policies(selector(C, S), selector(S, C), mode)
                case("a policy for the destination that was translated", "n1",
                     V, 80, (C, 5000), True,
                     [chain("prerouting", f"{family} daddr {V} {BOTH} "
                            f"dnat to {at(S, 7)}")])
                forget()
                policies(selector(P, S), selector(S, P), mode)
                block("fwd", selector(V, C))
                case("both ends", "n1", V, 80, (P, 5000), True,
                     [chain("prerouting", f"{family} daddr {V} {BOTH} "
                            f"dnat to {at(S, 7)}"),
                      chain("postrouting", f"{family} saddr {C} snat to {P}")])
                forget()

            # The router's own.
            policies(selector(G, S, *proto), selector(S, G, *proto), mode)
            case("of our own, to a destination that is translated", "n0", V,
                 80, (G, 5000), True,
                 [chain("output", f"{family} daddr {V} {BOTH} "
                        f"dnat to {at(S, 7)}")])
            forget()
            policies(selector(G, S, *proto, "dport", "7"),
                     selector(S, G, *proto, "sport", "7"), mode)
            case("by the port that it becomes", "n0", S, 80, (G, 5000), True,
                 [chain("output", f"{BOTH} th dport 80 dnat to :7")])
            forget()
            policies(selector(G, S, *proto, "sport", "6000"),
                     selector(S, G, *proto, "dport", "6000"), mode)
            case("by the port of the source", "n0", S, 7, (G, 6000), True,
                 [chain("postrouting", f"{BOTH} masquerade to :6000")])
            case("and not by another", "n0", S, 7, (G, 6001), False,
                 [chain("postrouting", f"{BOTH} masquerade to :6001")])
            forget()
            policies(selector(G, S, *proto), selector(S, G, *proto), mode)
            block("in", selector(S, G, *proto, "sport", "7",
                                 "dport", "5000"))
            case("the answer is judged as it came, here, too", "n0", S, 7,
                 (G, 6000), True,
                 [chain("postrouting", f"{BOTH} masquerade to :6000")])
            forget()
END

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NAT by iptables, by each of the four programs, with real programs: who is asked,
# and whom he sees asking; the table nat of iptables-legacy; what is refused.
# seconds: 60
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

topology
must_load
address n2 veth 10.0.2.2/24 fd00:2::2/64
PROGRAMS=$(programs)
export PROGRAMS

nat <<'END'
V4 = dict(A="10.0.1.1", S="10.0.2.1", S2="10.0.2.2", R1="10.0.1.254",
          R2="10.0.2.254", lo="127.0.0.1", nobody="10.0.1.77",
          other="10.3.0.9", last="10.3.0.12", net="10.3.0.0/24",
          mapped="10.3.0.1", mapped2="10.3.0.2", inside="10.0.2.0/24",
          home="10.0.1.0/24", home_mapped="10.3.0.1", second="10.0.1.2")
V6 = dict(A="fd00:1::1", S="fd00:2::1", S2="fd00:2::2", R1="fd00:1::fe",
          R2="fd00:2::fe", lo="::1", nobody="fd00:1::77",
          other="fd00:3::9", last="fd00:3::c", net="fd00:3::/64",
          mapped="fd00:3::1", mapped2="fd00:3::2", inside="fd00:2::/64",
          home="fd00:1::/64", home_mapped="fd00:3::1", second="fd00:1::2")
serve("n2", 7, *[v[k] for v in (V4, V6) for k in ("S", "S2")])
serve("n0", 7, *[v[k] for v in (V4, V6) for k in ("R1", "R2", "lo")])
serve("n1", 7, V4["A"], V6["A"])
for n in range(16):
    serve("n2", 100 + n, V4["S"], V6["S"], kinds=(UDP_KIND,))
port = 5000


def restore(program, text):
    done = subprocess.run((program + "-restore",), input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise ValueError("%s\nof %s" % (done.stderr, text))


def program_rules(program, *lines, policy=""):
    """The table nat has these, and no connection is left."""
    restore(program, "*nat\n%s%s\nCOMMIT\n" % (policy, "\n".join(lines)))
    flush()


def listed(program):
    return [line for line in run(program + "-save", "-t", "nat",
                                 ).stdout.splitlines() if line[:2] == "-A"]


def ipt(*args):
    return run(*args).returncode


for program in os.environ["PROGRAMS"].split():
    six = program.startswith("ip6")
    globals().update(V6 if six else V4)
    words = ", " + program

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

    def nat_rules(*lines, **more):
        program_rules(program, *lines, **more)

    snat = f"-A POSTROUTING -o veth2 -j SNAT --to-source "
    nat_rules(snat + R2)
    case("SNAT", "n2", R2, "n1", S, 7, (S, R2))
    nat_rules(*[f"-A PREROUTING -d {R1} -p {p} --dport 80 "
                f"-j DNAT --to-destination {at(S, 7)}" for p in ("tcp", "udp")])
    case("DNAT", "n2", A, "n1", R1, 80, (S, A))
    nat_rules("-A POSTROUTING -o veth2 -j MASQUERADE")
    case("MASQUERADE", "n2", R2, "n1", S, 7, (S, R2))
    nat_rules(*[f"-A PREROUTING -p {p} --dport 80 -j REDIRECT --to-ports 7"
                for p in ("tcp", "udp")])
    case("REDIRECT", "n0", A, "n1", S, 80, (R1, A))
    nat_rules(*[f"-A PREROUTING -p {p} --dport 80 -j DNAT "
                f"--to-destination {at(S, 7)}" for p in ("tcp", "udp")],
              "-A POSTROUTING -o veth2 -j MASQUERADE")
    case("both", "n2", R2, "n1", R1, 80, (S, R2))
    nat_rules(*[f"-A PREROUTING -d {R2} -p {p} -j DNAT "
                f"--to-destination {at(A, 7)}" for p in ("tcp", "udp")],
              f"-A POSTROUTING -d {A} -j SNAT --to-source {R1}")
    case("hairpin", "n1", R1, "n1", R2, 80, (A, R1))
    nat_rules(*[f"-A OUTPUT -d {nobody} -p {p} -j DNAT --to-destination "
                f"{at(S, 7)}" for p in ("tcp", "udp")],
              "-A POSTROUTING -o veth2 -j MASQUERADE")
    case("DNAT in OUTPUT", "n2", R2, "n0", nobody, 80, (S, R2))
    nat_rules(*[f"-A OUTPUT -d {nobody} -p {p} --dport 80 -j REDIRECT "
                "--to-ports 7" for p in ("tcp", "udp")])
    case("REDIRECT in OUTPUT", "n0", R1, "n0", nobody, 80, (lo, R1))
    nat_rules(f"-A INPUT -s {A} -j SNAT --to-source {nobody}")
    case("SNAT in INPUT", "n0", nobody, "n1", R1, 7, (R1, nobody))
    nat_rules(f"-A PREROUTING -d {net} -j NETMAP --to {inside}",
              f"-A POSTROUTING -s {home} -j NETMAP --to {net}")
    case("NETMAP, twice", "n2", home_mapped, "n1", mapped, 7, (S, home_mapped))
    port += 1
    check("NETMAP, another host" + words, ask("n1", mapped2, 7, sport=port))
    equal("is the one of that number" + words,
          [e.get("src", 1) for e in entries("udp") if e.get("dst") == mapped2],
          [S2])
    nat_rules(f"-A OUTPUT -d {home} -j NETMAP --to {inside}")
    case("NETMAP in OUTPUT", "n2", R1, "n0", second, 7, (S2, R1))

    # --- ports and ranges ---

    def seen(sport=5000, count=16):
        return [ask("n1", S, 100 + n, sport=sport) for n in range(count)]

    def to(address, ports):
        return ("[%s]:%s" if six else "%s:%s") % (address, ports)

    udp = "-A POSTROUTING -p udp -o veth2 -j "
    nat_rules(udp + "SNAT --to-source " + to(other, "6000-6003"))
    equal("a port out of the range is moved into it" + words,
          {(t.host, 6000 <= t.port <= 6003) for t in seen(count=4)},
          {(other, True)})
    nat_rules(udp + "MASQUERADE --to-ports 6100")
    equal("MASQUERADE with a port" + words,
          {(t.host, t.port) for t in seen(count=4)}, {(R2, 6100)})
    nat_rules(udp + f"SNAT --to-source {other}-{last}")
    hosts = {t.host for t in seen(count=4)}
    check("an address of a range" + words, all(
        ipaddress.ip_address(other) <= ipaddress.ip_address(h) <=
        ipaddress.ip_address(last) for h in hosts), hosts)
    nat_rules(udp + f"SNAT --to-source {other}-{last} --persistent")
    equal("--persistent: one of them" + words,
          len({t.host for t in seen(count=4)}), 1)
    for flag in "--random", "--random-fully":
        nat_rules(udp + f"MASQUERADE {flag}")
        ports = {t.port for t in seen()}
        check("MASQUERADE %s%s" % (flag, words), len(ports) > 2 and
              ports != {5000}, ports)
    nat_rules(udp + f"SNAT --to-source {other} --random-fully")
    ports = {t.port for t in seen()}
    check("SNAT --random-fully" + words, len(ports) > 2 and
          ports != {5000}, ports)
    nat_rules("-A PREROUTING -p udp --dport 80 -j DNAT --to-destination " +
              to(S, "100-103"))
    equal("a destination's port of a range" + words, ask("n1", R1, 80).who, "n2")
    dport = int(entries("udp")[0].get("sport", 1))
    check("is one of these" + words, 100 <= dport <= 103, dport)
    nat_rules("-A PREROUTING -p udp --dport 1000:1010 -j DNAT "
              "--to-destination " + to(S, "100-110/1000"))
    check("a shifted range" + words, ask("n1", R1, 1003))
    equal("has the port of that number" + words,
          [e.get("sport", 1) for e in entries("udp")], ["103"])
    nat_rules("-A PREROUTING -p udp --dport 100 -j REDIRECT --to-ports 7",
              "-A PREROUTING -p udp --dport 101 -j REDIRECT --to-ports 7-9 --random",
              "-A PREROUTING -p udp --dport 7 -j REDIRECT")
    equal("REDIRECT, to a port or the same" + words,
          [ask("n1", S, p).who for p in (100, 7)], ["n0"] * 2)

    # --- rules and connections ---

    nat_rules("-A POSTROUTING", "-A POSTROUTING -o veth2 -j MASQUERADE")
    asker = Asker("n1", S, 7)
    check("each packet is answered" + words,
          all([asker.ask() for _ in range(3)]))
    out = run(program, "-t", "nat", "-nvxL", "POSTROUTING").stdout
    equal("and the rules were asked once" + words,
          [line.split()[0] for line in out.splitlines()[2:4]], ["1", "1"])
    ipt(program, "-t", "nat", "-F")
    equal("what was translated stays translated" + words, asker.ask().host, R2)
    asker.close()
    nat_rules("-A POSTROUTING -d %s -j ACCEPT" % S, snat + R2)
    equal("who is accepted is left alone" + words,
          (ask("n1", S, 7).host, ask("n1", S2, 7).host), (A, R2))
    nat_rules("-A PREROUTING -j more", "-A more -p udp -j RETURN",
              "-A more -p tcp --dport 7 -j DNAT --to-destination " + S2,
              policy=":more - [0:0]\n")
    ask("n1", S, 7, TCP_KIND)
    ask("n1", S, 7)
    equal("a chain of its own" + words,
          {e.line.split()[0]: e.get("src", 1) for e in entries()},
          {"tcp": S2, "udp": S})
    nat_rules(policy=":POSTROUTING DROP [0:0]\n")
    check("a policy of DROP" + words, not ask("n1", S, 7, wait=1))
    nat_rules(policy=":POSTROUTING ACCEPT [0:0]\n")
    check("and of ACCEPT" + words, ask("n1", S, 7))
    restore(program, "*raw\n-A PREROUTING -p udp --dport 7 -j CT --notrack\n"
            "COMMIT\n")
    nat_rules(snat + R2)
    equal("what is not tracked is not translated" + words,
          ask("n1", S, 7).host, A)
    restore(program, "*raw\nCOMMIT\n")

    # --- they come back as they were ---

    p = "[%s]" if six else "%s"
    put = [f"-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination {to(S, 7)}",
           f"-A PREROUTING -j DNAT --to-destination {other}-{last}",
           f"-A PREROUTING -j DNAT --to-destination {S} --random --persistent",
           f"-A PREROUTING -p udp -j DNAT --to-destination {to(S, '100-110')}",
           f"-A PREROUTING -p udp -j DNAT --to-destination {to(S, '100-110/1000')}",
           "-A PREROUTING -j REDIRECT",
           "-A PREROUTING -p tcp -j REDIRECT --to-ports 7-9 --random",
           f"-A PREROUTING -j NETMAP --to {net}",
           f"-A INPUT -j SNAT --to-source {other}",
           f"-A OUTPUT -j DNAT --to-destination {other}",
           "-A OUTPUT -p tcp -j REDIRECT --to-ports 7",
           f"-A POSTROUTING -j SNAT --to-source {other}-{last}",
           f"-A POSTROUTING -j SNAT --to-source {other} --random --persistent",
           f"-A POSTROUTING -j SNAT --to-source {other} --random-fully",
           f"-A POSTROUTING -p tcp -j SNAT --to-source {to(other, '1024-65535')}",
           "-A POSTROUTING -j MASQUERADE",
           "-A POSTROUTING -j MASQUERADE --random",
           "-A POSTROUTING -j MASQUERADE --random-fully",
           "-A POSTROUTING -p udp -j MASQUERADE --to-ports 1024-2047"]
    nat_rules(*put)
    equal("all rules are saved as they were put in" + words, listed(program),
          put)
    check("-C finds one" + words, not ipt(program, "-t", "nat", *put[4].replace(
        "-A", "-C").split()))
    check("-D deletes it" + words, not ipt(program, "-t", "nat", *put[4].replace(
        "-A", "-D").split()))
    equal("and no other" + words, listed(program), put[:4] + put[5:])
    for place, rule in (("PREROUTING", snat.split(" ", 4)[4] + R2),
                        ("POSTROUTING", "-j DNAT --to-destination " + S),
                        ("INPUT", "-j MASQUERADE"), ("INPUT", "-j REDIRECT"),
                        ("POSTROUTING", "-j REDIRECT")):
        check("%s at %s is refused%s" % (rule.split()[1], place, words),
              ipt(program, "-t", "nat", "-A", place, *rule.split()))
        check("in another table, too" + words,
              ipt(program, "-A", "FORWARD", *rule.split()))
    nat_rules()

# --- beside chains of nftables ---

globals().update(V4)
program_rules("iptables-legacy", f"-A POSTROUTING -o veth2 -j SNAT --to-source {other}")
for priority, host in (99, R2), (101, other):
    rules(table(False, chain("postrouting", f"oifname veth2 snat to {R2}",
                             priority=str(priority))))
    equal("a chain of nftables at %d, and the table of iptables at 100" %
          priority, ask("n1", S, 7).host, host)
rules()
program_rules("iptables-legacy")
END

# --- the table of iptables-legacy ---

namespace n3
has_table()
{
	ip netns exec n3 grep -qx nat "/proc/net/$1_tables_names"
}
for v in ip ip6; do
	check_fails "$v: no namespace has a table nat from the beginning" \
		has_table $v
	# It is asked in four places; in the last but one there is no room.
	ip netns exec n3 nft "add table $v many"
	for n in $(seq 1024); do
		echo "add chain $v many c$n" \
			'{ type nat hook postrouting priority 50; }'
	done | ip netns exec n3 nft -f -
	check_fails "$v: nor is it there where 1024 chains are asked" ip netns exec n3 \
		${v}tables-legacy -t nat -nL
	check_fails "$v: indeed" has_table $v
	ip netns exec n3 nft "delete table $v many"
	check "$v: it is there when somebody looks" until_true ip netns exec n3 \
		${v}tables-legacy -t nat -nL
	check "$v: then" has_table $v
	ip netns exec n3 ${v}tables-legacy -t nat -A POSTROUTING -j MASQUERADE
done
if ours; then
	for module in ct_iptable_nat ct_ip6table_nat; do
		check_fails "$module stays while there are rules" rmmod $module
	done
fi
check "a namespace with rules goes" ip netns del n3

# --- what no program sends ---

program xt <<'END'
t = Rules()
for table in "t", "nat":
    t.make(table)
MAP_IPS = 1
for family in IP, IP6:
    six = family == IP6
    words = " of " + FAMILIES[family]
    old = "ENOENT" if six else "ok"
    for name in "SNAT", "DNAT":
        for what, table, extension, want in (
                ("0", "nat", target(name, 0, old_range(MAP_IPS)), old),
                ("0, two ranges", "nat", target(name, 0, old_range(MAP_IPS, 2)),
                 "ENOENT" if six else "EINVAL"),
                ("0, no range", "nat", target(name, 0, old_range(MAP_IPS, 0)),
                 "ENOENT" if six else "EINVAL"),
                ("1", "nat", target(name, 1, new_range(1, 0xffffffff)), "ok"),
                ("2", "nat", target(name, 2, new_range(2, 0xffffffff)), "ok"),
                ("3", "nat", target(name, 3, new_range(2)), "ENOENT"),
                ("2, too short", "nat", target(name, 2, new_range(1)),
                 "EINVAL"),
                ("2 in another table", "t", target(name, 2, new_range(2)),
                 "EINVAL")):
            equal(name + " " + what + words, t.says(family, table, extension),
                  want)
    for name in "MASQUERADE", "REDIRECT", "NETMAP":
        wrong = 0 if name == "NETMAP" else MAP_IPS
        right = MAP_IPS ^ wrong
        some = new_range(1, right) if six else old_range(right)
        none = new_range(1, wrong) if six else old_range(wrong)
        for what, table, info, want in (
                ("", "nat", some, "ok"),
                (", addresses where none belong, or none", "nat", none,
                 "EINVAL"),
                (", too short", "nat", some[:16], "EINVAL"),
                (" in another table", "t", some, "EINVAL")):
            equal(name + what + words,
                  t.says(family, table, target(name, 0, info)), want)
        if not six:
            equal(name + ", two ranges" + words, t.says(
                family, "nat", target(name, 0, old_range(right, 2))), "EINVAL")
        equal(name + " 1" + words,
              t.says(family, "nat", target(name, 1, some)), "ENOENT")
END

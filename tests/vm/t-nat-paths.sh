#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Translated packets on ways of their own: errors that this machine sends, two
# connections that become the same one, copies of a packet that leave through
# several interfaces, and a VRF.
#
#	n1 ── veth1 ┐    ┌ veth2 ── n2
#	            └ n0 ┴ veth3 ── n3, a second network for copies
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

topology
namespace n3
link n3 veth n0 veth3
address n3 veth 10.0.3.1/24
address n0 veth3 10.0.3.254/24
ip -n n3 route add default via 10.0.3.254
must_load
dmesg -C

nat <<'END'
V4 = dict(family="ip", A="10.0.1.1", S="10.0.2.1", R1="10.0.1.254",
          R2="10.0.2.254", nobody="10.0.1.77", away="10.0.2.77")
V6 = dict(family="ip6", A="fd00:1::1", S="fd00:2::1", R1="fd00:1::fe",
          R2="fd00:2::fe", nobody="fd00:1::77", away="fd00:2::77")
serve("n2", 7, V4["S"], V6["S"])
serve("n0", 7, *[v[k] for v in (V4, V6) for k in ("R1", "R2")])
PROTO = "meta l4proto { tcp, udp }"

for v in V4, V6:
    globals().update(v)
    six = v is V6
    words = " over IPv6" if six else ""

    # --- errors of this machine's ---

    def refused(name, ns, to, port, *chains):
        """Nobody listens at port 99, and who asks is told so."""
        rules(table(six, *chains))
        asker = Asker(ns, to, port, wait=3)
        asker.ask()
        check(name + words, isinstance(asker.error, ConnectionRefusedError),
              asker.error)
        asker.close()

    at99 = f"udp dport 80 dnat to {at(R2, 99)}"
    refused("an error about a target that is translated", "n1", R1, 80,
            chain("prerouting", at99))
    refused("of our own connections", "n0", nobody, 80,
            chain("output", f"{family} daddr {nobody} {at99}"))
    refused("of another's", "n0", nobody, 80, chain(
        "output", f"{family} daddr {nobody} udp dport 80 dnat to {at(S, 99)}"))
    # It is made out to the source as it became, which is behind another
    # interface.
    refused("about a source that is translated", "n1", R1, 99,
            chain("input", f"{family} saddr {A} snat to {away}"))
    refused("about both", "n1", R1, 80, chain("prerouting", at99),
            chain("input", f"{family} saddr {A} snat to {away}"))

    # --- two that become the same ---

    # nf_nat of 6.1 has the second one's SYN find the socket of the first one.
    ports = 5000
    for kind in (TCP_KIND, UDP_KIND) if ours() else (UDP_KIND,):
        for name, first, second in (("the translated one comes second", R1, R2),
                                    ("first", R2, R1)):
            rules(table(six, chain("prerouting", f"{family} daddr {R2} {PROTO} "
                                   f"dnat to {R1}")))
            ports += 1
            both = [Asker("n1", to, 7, kind, sport=ports)
                    for to in (first, second)]
            said = [a.ask() for a in both] + [a.ask() for a in both]
            what = ", %s, %s%s" % (kind[0].upper(), name, words)
            equal("two become the same: both work" + what,
                  [t[:2] for t in said], [("n0", A)] * 4)
            check("the second has a port of its own" + what,
                  said[0].port == ports == said[2].port and
                  said[1].port == said[3].port != ports, said)
            equal("two entries" + what, len(entries(kind[0])), 2)
            for a in both:
                a.close()

# --- copies ---

MRT_INIT, MRT_ADD_VIF, MRT_ADD_MFC = 200, 202, 204
GROUP, A = "239.1.1.1", "10.0.1.1"
router = socket.socket(socket.AF_INET, socket.SOCK_RAW, 2)
try:
    router.setsockopt(socket.IPPROTO_IP, MRT_INIT, 1)
except OSError:
    print("ok copies # SKIP no multicast routing in this kernel")
    router = None

def listener(ns, host):
    s = open_socket(ns, UDP_KIND, GROUP, 53)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 pack(GROUP) + pack(host))
    s.settimeout(1 * SLOW)
    return s

def heard(s):
    """The source that is seen, None if nothing comes."""
    try:
        return s.recvfrom(100)[1]
    except OSError:
        return None

if router:
    for n, host in enumerate(("10.0.1.254", "10.0.2.254", "10.0.3.254")):
        # struct vifctl
        router.setsockopt(socket.IPPROTO_IP, MRT_ADD_VIF, struct.pack(
            "=HBBI4s4s", n, 0, 1, 0, pack(host), bytes(4)))
    # struct mfcctl: from the first to the other two
    router.setsockopt(socket.IPPROTO_IP, MRT_ADD_MFC, struct.pack(
        "=4s4sH32sxxIIIi", pack(A), pack(GROUP), 0,
        bytes((0, 1, 1)) + bytes(29), 0, 0, 0, 0))
    ears = listener("n2", "10.0.2.1"), listener("n3", "10.0.3.1")
    mouth = open_socket("n1", UDP_KIND, A, 5000)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, pack(A))

    def copies(rule, *more):
        rules(table(False, chain("postrouting", "ip daddr %s udp dport 53 %s" %
                                 (GROUP, rule))) + "".join(more))
        mouth.sendto(b"all", (GROUP, 53))
        return [heard(s) for s in ears]

    equal("two copies", copies("accept"), [(A, 5000)] * 2)
    equal("two copies, translated",
          copies("snat to 10.0.9.9:7000"), [("10.0.9.9", 7000)] * 2)
    # One connection cannot have the addresses of two interfaces.
    got = copies("masquerade")
    check("masqueraded, by one interface or by both",
          set(got) <= {("10.0.2.254", 5000), ("10.0.3.254", 5000), None} and
          got != [None] * 2, got)
    # nf_nat takes it out of a table in which it is not, and the kernel dies.
    for dev in ("veth2", "veth3") if ours() else ():
        got = copies("masquerade", filters(
            "postrouting", "oifname %s ip daddr %s drop" % (dev, GROUP),
            priority=300))
        check("nor if what would have gone out through %s is dropped" % dev,
              len([1 for g in got if g]) <= 1, got)
    equal("it works on", ask("n1", "10.0.2.1", 7).who, "n2")
    router.close()
equal("the kernel has nothing to say of it",
      [line for line in run("dmesg").stdout.splitlines()
       if "WARNING" in line or "BUG" in line], [])
END

# --- a VRF ---

# veth2 is in it, and routes lead from one table to the other: into the VRF by its
# own interface, and back by that of the client.
if ! modprobe -q vrf; then
	skip "a VRF" "this kernel has none"
	exit 0
fi
check "a VRF" n0 ip link add red type vrf table 10
n0 ip link set red up
n0 ip link set veth2 master red
address n0 veth2 fd00:2::fe/64
n0 ip route replace 10.0.1.0/24 dev veth1 table 10
n0 ip -6 route replace fd00:1::/64 dev veth1 table 10
nat <<'END'
S4, S6, R4, R6 = "10.0.2.1", "fd00:2::1", "10.0.2.254", "fd00:2::fe"
serve("n2", 7, S4, S6)
for family, dev in ((f, d) for f in ("ip", "ip6") for d in ("red", "veth2")):
    six = family == "ip6"
    S, R, net = (S6, R6, "fd00:2::/64") if six else (S4, R4, "10.0.2.0/24")
    run("ip", "route", "replace", net, "dev", dev)
    for kind in UDP_KIND, TCP_KIND:
        words = ", routed to %s, %s%s" % (dev, kind[0].upper(),
                                         " over IPv6" if six else "")
        rules(table(six, chain("postrouting", "oifname veth2 counter "
                               'masquerade comment "asked"')))
        asker = Asker("n1", S, 7, kind, sport=5000)
        equal("into a VRF" + words, [asker.ask() for _ in range(3)],
              [Told("n2", R, 5000)] * 3)
        equal("decided once" + words, counter("asked"), 1)
        found = entries(kind[0])
        equal("and one connection" + words,
              [(e.get("dst"), e.get("dst", 1), e.replied) for e in found],
              [(S, R, True)])
        asker.close()
END

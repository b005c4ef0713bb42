#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NAT of what is only bridged, where br_netfilter shows it to the rules of IPv4 and
# IPv6: what a packet becomes, and which port of the bridge it then leaves by.
#
#	n1 ── p1 ┐
#	n2 ── p2 ┼ br0 in n0, 10.0.5.254, fd00:5::fe
#	n3 ── p3 ┘
# seconds: 30
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

if ! modprobe -q br_netfilter; then
	skip "bridges" "this kernel has no br_netfilter"
	DONE=1
	exit 0
fi
for ns in n0 n1 n2 n3; do
	namespace $ns
done
ip -n n0 link add br0 type bridge forward_delay 0 mcast_snooping 0
ip -n n0 link set br0 up
address n0 br0 10.0.5.254/24 fd00:5::fe/64
for i in 1 2 3; do
	link n$i veth n0 p$i
	ip -n n0 link set p$i master br0
	address n$i veth 10.0.5.$i/24 fd00:5::$i/64
done
n0 sysctl -q net.bridge.bridge-nf-call-iptables=1 \
	net.bridge.bridge-nf-call-ip6tables=1
must_load
# A VM's time may leap by half a minute while a program is read.
n0 sysctl -q net.netfilter.nf_conntrack_udp_timeout=1000 \
	net.netfilter.nf_conntrack_udp_timeout_stream=1000
for i in 2 3; do
	until_true n1 ping -q -c 1 -W 1 10.0.5.$i
	until_true n1 ping -q -c 1 -W 1 fd00:5::$i
done

nat <<'END'
V4 = dict(family="ip", me="10.0.5.1", two="10.0.5.2", three="10.0.5.3",
          bridge="10.0.5.254")
V6 = dict(family="ip6", me="fd00:5::1", two="fd00:5::2", three="fd00:5::3",
          bridge="fd00:5::fe")
for n, name in ("n2", "two"), ("n3", "three"), ("n0", "bridge"):
    serve(n, 7, V4[name], V6[name])
BOTH = "meta l4proto { tcp, udp }"

def entry(kind, src, dst, dport, back, backport, seen=None):
    """That one, and no other: who asked whom at which port, who answers."""
    return [(e.get("src"), e.get("dst"), e.get("dport"), e.get("src", 1),
             e.get("sport", 1), e.get("dst", 1)) for e in entries(kind[0])] == [
        (src, dst, str(dport), back, str(backport), seen or src)]

for v in V4, V6:
    globals().update(v)
    six = v is V6
    for kind in UDP_KIND, TCP_KIND:
        words = ", %s%s" % (kind[0].upper(), " over IPv6" if six else "")

        def told_by(name, to, port, *chains, want, other):
            rules(table(six, *chains))
            asker = Asker("n1", to, port, kind, sport=5000)
            equal(name + words, [asker.ask() for _ in range(3)], [want] * 3)
            check(name + words + ": listed", entry(kind, me, to, port, *other),
                  entries(kind[0]))
            asker.close()

        told_by("bridged", two, 7, chain("prerouting"), chain("postrouting"),
                want=Told("n2", me, 5000), other=(two, 7))
        told_by("dnat to a host at another port of the bridge", two, 80,
                chain("prerouting", f"{family} daddr {two} {BOTH} th dport 80 "
                      f"dnat to {at(three, 7)}"),
                want=Told("n3", me, 5000), other=(three, 7))
        told_by("dnat to another port of the same host", two, 80,
                chain("prerouting", f"{BOTH} th dport 80 dnat to :7"),
                want=Told("n2", me, 5000), other=(two, 7))
        told_by("dnat to the bridge itself", two, 80,
                chain("prerouting", f"{BOTH} th dport 80 "
                      f"dnat to {at(bridge, 7)}"),
                want=Told("n0", me, 5000), other=(bridge, 7))
        told_by("redirect", two, 80,
                chain("prerouting", f"{BOTH} th dport 80 redirect to :7"),
                want=Told("n0", me, 5000), other=(bridge, 7))
        told_by("snat to the bridge's address", two, 7,
                chain("postrouting", f"{family} daddr {two} {BOTH} "
                      f"snat to {at(bridge, 6000)}"),
                want=Told("n2", bridge, 6000), other=(two, 7, bridge))
        told_by("masquerade", two, 7,
                chain("postrouting", f"oifname br0 {BOTH} masquerade"),
                want=Told("n2", bridge, 5000), other=(two, 7, bridge))
        told_by("masquerade to a port", two, 7,
                chain("postrouting", f"oifname br0 {BOTH} masquerade to :6001"),
                want=Told("n2", bridge, 6001), other=(two, 7, bridge))
        told_by("both", two, 80,
                chain("prerouting", f"{family} daddr {two} {BOTH} th dport 80 "
                      f"dnat to {at(three, 7)}"),
                chain("postrouting", f"{family} daddr {three} {BOTH} masquerade"),
                want=Told("n3", bridge, 5000), other=(three, 7, bridge))
        told_by("both, and back to who asked by the same port", bridge, 80,
                chain("prerouting", f"{family} daddr {bridge} {BOTH} "
                      f"th dport 80 dnat to {at(two, 7)}"),
                want=Told("n2", me, 5000), other=(two, 7))

# --- a flood: a clone for each port, and one for the bridge ---

globals().update(V4)
group = "10.0.5.255"
rules(table(False, chain("postrouting", f"ip daddr {group} udp dport 53 snat "
                         f"to 10.0.5.99:6000-6999")))
ears = [open_socket(ns, UDP_KIND, group, 53) for ns in ("n2", "n3")]
mouth = open_socket("n1", UDP_KIND, me, 5000)
mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
heard = []
for _ in range(3):
    mouth.sendto(b"all", (group, 53))
    for s in ears:
        s.settimeout(2 * SLOW)
        try:
            heard.append(s.recvfrom(100)[1])
        except OSError as error:
            heard.append(error)
check("all clones are translated, and to the same", len(set(heard)) == 1 and
      heard[0][0] == "10.0.5.99" and 6000 <= heard[0][1] <= 6999, heard)
equal("and one connection", len(entries("udp")), 1)
for s in (mouth, *ears):
    s.close()

# --- off ---

for name in "iptables", "ip6tables":
    with open("/proc/sys/net/bridge/bridge-nf-call-" + name, "w") as f:
        f.write("0")
for v in V4, V6:
    globals().update(v)
    rules(table(v is V6, chain("prerouting", f"{BOTH} th dport 7 dnat to "
                               f"{at(three, 7)}"),
                chain("postrouting", "masquerade")))
    equal("switched off, nothing is translated" +
          (" over IPv6" if v is V6 else ""), ask("n1", two, 7, sport=5000),
          Told("n2", me, 5000))
END

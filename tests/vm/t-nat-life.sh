#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What connections and their translation live through: connections that are made by
# request, rules that come and go, modules that do, under traffic, and namespaces.
# CT_QUICK=1 does fewer rounds.
# seconds: 100
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load

# Made by request, with a translation, before anybody has a rule.
check "made by request, and translated" n0 conntrack -I -p udp -s 10.8.0.1 \
	-d 203.0.113.7 --sport 4000 --dport 80 -t 100 --dst-nat 10.9.0.2:8080
if ours; then
	check "ct_nat is there, then" loaded ct_nat
	check_fails "and no more than that" loaded ct_nft_nat
fi
seen "by that" "sport=4000 dport=80 .*src=10.9.0.2 dst=10.8.0.1 sport=8080 dport=4000"

nat <<'END'
import nl
from nl import attr, be16, be32, nest

wire = Wire()
sock = nl.Socket()
for f in FAMILIES:
    # Who is not translated goes to the same place.
    for a in f.V, f.W:
        run("ip", "route", "replace", a, "dev", "tun-b")

MAKE = {"udp": (lambda *ends: udp_packet(*ends, b"question"), ()),
        "tcp": (lambda *ends: tcp_packet(*ends, "S", 1000),
                ("--state", "SYN_SENT"))}

def passes(name, near, far, proto="udp", side="a"):
    """A packet as one end has it comes out as the other one has it."""
    make, other = MAKE[proto][0], "b" if side == "a" else "a"
    views = {"a": near, "b": far}
    got = wire.pass_on(side, make(*ends(views[side], side)))
    wrong = unlike(got, aged(make(*ends(views[other], side))))
    check(name, not wrong, wrong)

def insert(f, proto, view, *more):
    src, dst, sport, dport = view
    return run("conntrack", "-I", "-p", proto, "-s", src, "-d", dst, "--sport",
               str(sport), "--dport", str(dport), "-t", "100",
               *MAKE[proto][1], *more).returncode

def listed(proto="udp"):
    """Both tuples of all entries, and whether they were answered."""
    return [tuple(e.get(k, n) for n in (0, 1)
                  for k in ("src", "dst", "sport", "dport")) + (e.replied,)
            for e in entries(proto)]

def both(near, far, replied):
    return tuple(str(n) for n in (near[0], near[1], *near[2:], far[1], far[0],
                                  far[3], far[2])) + (replied,)

# --- made by request, and then its packets come through rules ---

for f in FAMILIES:
    near, far = f.kinds["both"]
    for proto in MAKE:
        words = ", %s%s" % (proto.upper(), f.words)
        fresh()
        equal("made by request" + words, insert(f, proto, near), 0)
        for n in range(3):
            passes("packet %d of it stays as it is%s" % (n + 1, words), near,
                   near, proto)
        equal("so does the connection" + words, listed(proto),
              [both(near, near, False)])
        if proto == "udp":
            passes("and its answer" + words, near, near, side="b")
            equal("which is one" + words, listed(), [both(near, near, True)])
        run("conntrack", "-D", "-p", proto, "-f",
            "ipv6" if f.six else "ipv4", "-s", near[0])
        passes("the next one is translated" + words, near, far, proto)

# --- made by request with a translation ---

def numbers(f, first, last=None):
    """CTA_NAT_V4_MINIP and _MAXIP, or those of IPv6."""
    kinds = (4, 5) if f.six else (1, 2)
    return b"".join(attr(k, ipaddress.ip_address(a).packed)
                    for k, a in zip(kinds, (first, last)) if a)

def ports(*range):
    return nest(3, *(be16(n + 1, port) for n, port in enumerate(range)))

def request(f, view, *more, flags=nl.CREATE | nl.EXCL):
    src, dst, sport, dport = view
    return sock.ask(nl.NEW, nl.tuples(src, dst, UDP, sport, dport) +
                    be32(nl.TIMEOUT, 100) + b"".join(more), nl.ACK | flags,
                    family=10 if f.six else 2)

for f in FAMILIES:
    near, far = f.kinds["both"]
    # Chains turn translation on, what is in them does not matter.
    rules(table(f.six, chain("prerouting")))
    for name, *more in (
            ("source and destination", nest(nl.NAT_SRC, numbers(f, f.P),
                                            ports(7000)),
             nest(nl.NAT_DST, numbers(f, f.W), ports(8080))),
            ("ranges of one", nest(nl.NAT_SRC, numbers(f, f.P, f.P),
                                   ports(7000, 7000)),
             nest(nl.NAT_DST, numbers(f, f.W, f.W), ports(8080, 8080)))):
        words = ", " + name + f.words
        flush()
        equal("made" + words, request(f, near, *more).error, 0)
        equal("with both tuples" + words, listed(), [both(near, far, False)])
        passes("its packets are translated" + words, near, far)
        passes("and their answers" + words, near, far, side="b")
        equal("by the same connection" + words, listed(),
              [both(near, far, True)])
        nl.refuses("that does not change" + words, sock,
                   nl.errno.EOPNOTSUPP, nl.NEW,
                   nl.tuples(*near[:2], UDP, *near[2:]) + more[0],
                   family=10 if f.six else 2)
    words = f.words
    for name, end, want in (
            ("source", (nl.NAT_SRC, f.P), (f.P, near[1], *near[2:])),
            ("destination", (nl.NAT_DST, f.W), (near[0], f.W, *near[2:]))):
        flush()
        request(f, near, nest(end[0], numbers(f, end[1])))
        passes("%s alone, and no port%s" % (name, words), near, want)
    flush()
    small = nest(nl.NAT_SRC, numbers(f, f.P), ports(7000, 7003))
    errors = [request(f, (f.A, f.B, 5000 + n, 53), small).error
              for n in range(4)]
    equal("a range of four ports is for four" + words, errors, [0] * 4)
    equal("with one each" + words, sorted(e.get("dport", 1) for e in entries()),
          ["7000", "7001", "7002", "7003"])
    fifth = request(f, (f.A, f.B, 5004, 53), small)
    check("and for no fifth" + words, fifth.error, "it was made")
    equal("of which nothing is left" + words, len(entries()), 4)
    if ours():
        equal("why" + words, (nl.errno.errorcode[fifth.error], fifth.text),
              ("ENOMEM",
               "nothing is free of what that may be translated to"))
    equal("another peer has room for it" + words,
          request(f, (f.A, f.B, 5004, 54), small).error, 0)

# --- rules that change ---

OTHER = ("table %s other { chain c { type nat hook input priority 0; }; }\n"
         "delete table %s nat")
for f in FAMILIES:
    near, far = f.kinds["both"]
    name = "ip6" if f.six else "ip"
    fresh()
    passes("translated by rules" + f.words, near, far)
    nft(OTHER % (name, name))
    passes("they are gone, and it still is" + f.words, near, far)
    passes("as its answers are" + f.words, near, far, side="b")
    equal("it is the same connection" + f.words, listed(),
          [both(near, far, True)])
    passes("what is new is not" + f.words, (near[0], near[1], 5001, 80),
           (near[0], near[1], 5001, 80))
    nft("delete table %s other" % name)

    # What was there before the rule, with answers and without.
    def lives(words, replied, zone=False):
        rules(table(f.six, chain("prerouting"), chain("postrouting")) +
              (filters("prerouting", "ct zone set 5", priority=-300)
               if zone else ""))
        near = f.A, f.V, 5000, 80
        passes("before the rule" + words, near, near)
        if replied:
            passes("an answer" + words, near, near, side="b")
        # The age of connections is told in sixteenths of a second.
        time.sleep(0.3)
        nft("add rule %s nat prerouting %s daddr %s udp dport 80 dnat to %s" %
            (name, name, f.V, at(f.W, 8080)))
        return near

    moved = f.A, f.W, 5000, 8080
    near = lives(f.words, False)
    for n in range(3):
        passes("a rule is not for what was there%s" % f.words, near, near)
        time.sleep(0.1)
    if not ours():
        continue
    sysctl("nat_revalidate", 1)
    for zone in False, True:
        words = ", begun anew%s%s" % (", in a zone" if zone else "", f.words)
        near = lives(words, False, zone)
        passes("a rule is for what was there" + words, near, moved)
        passes("and was answered by nobody" + words, near, moved, side="b")
        equal("there is one connection" + words, listed(),
              [both(near, moved, True)])
        equal("where it was" + words,
              [e.get("zone") for e in entries("udp")], ["5" if zone else None])
        near = lives(words, True, zone)
        passes("not for who has an answer" + words, near, near)
        # One that is as young as the rule.
        fresh()
        for n in range(2):
            passes("packet %d of one that is younger%s" % (n + 1, words),
                   *f.kinds["both"])
    sysctl("nat_revalidate", 0)
    near = lives(f.words, False)
    passes("not when it is switched off again" + f.words, near, near)
rules()
END
ours || exit 0

# --- modules that go, under traffic ---

rounds=20
if [ -n "${CT_QUICK:-}" ] || [ "${CT_SLOW:-1}" -gt 1 ]; then
	rounds=5
fi
n2 python3 - >"$TMP/sink" 2>&1 <<-'END' &
	import socket
	s = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in (7, 8)]
	for n, port in enumerate((7, 8)):
	    s[n].bind(("::", port))
	while True:
	    data, peer = s[0].recvfrom(100)
	    s[0].sendto(data, peer)
END
# New connections to port 7 all the time, one of a few to port 8.
n1 python3 - >"$TMP/traffic" 2>&1 <<-'END' &
	import itertools, socket, time
	stay = [socket.socket(f, socket.SOCK_DGRAM)
	        for f in (socket.AF_INET, socket.AF_INET6)]
	for n in itertools.count():
	    for s, host in zip(stay, ("10.0.2.1", "fd00:2::1")):
	        with socket.socket(s.family, socket.SOCK_DGRAM) as new:
	            for to, port in (new, 7), (s, 8):
	                try:
	                    to.sendto(b"x" * 100, (host, port))
	                except OSError:
	                    pass
	    time.sleep(0.05)
END
traffic=$!
n0 sysctl -q net.netfilter.nf_conntrack_udp_timeout=5
until_true listening n2 udp 7
n0 stdbuf -oL conntrack -E -e DESTROY >"$TMP/ended" 2>&1 &

rules()
{
	n0 nft -f - <<-END
		table inet nat {
			chain c {
				type nat hook postrouting priority 100
				udp dport 7 oifname veth2 masquerade random
			}
		}
	END
}

# Of port 8, of both families.
untranslated()
{
	entries | grep -c "dport=8 "
}

translates()
{
	has_entry "dport=7 .* dst=10.0.2.254" &&
		has_entry "dport=7 .* dst=fd00:2::fe"
}

refused=0 gone=0 left=0 stayed=0 told=0
for _ in $(seq $rounds); do
	rules
	until_true translates
	until_true has_entry "dport=8 "
	rmmod ct_nft_nat 2>"$TMP/rmmod" || rmmod ct_nat 2>>"$TMP/rmmod" ||
		refused=$((refused + 1))
	: >"$TMP/ended"
	n0 nft flush ruleset
	until_true rmmod ct_nft_nat
	until_true rmmod ct_nat && gone=$((gone + 1))
	! has_entry "dst=(10.0.2.254|fd00:2::fe) " || left=$((left + 1))
	[ "$(untranslated)" -ne 2 ] || stayed=$((stayed + 1))
	until_true grep -q "dst=fd00:2::fe" "$TMP/ended" &&
		grep -q "dst=10.0.2.254" "$TMP/ended" &&
		! grep -q "dport=8 " "$TMP/ended" && told=$((told + 1))
done
is "modules with rules are refused, each time" $refused $rounds
is "and go without" $gone $rounds
is "translated connections end" $left 0
is "of which is told, of these only" $told $rounds
is "others stay" $stayed $rounds
check "the traffic goes on" kill -0 $traffic
rules
check "and is translated once more" until_true translates
n0 nft flush ruleset
kill $traffic

# A namespace with all there is of it.
made=0
for _ in 1 2 3; do
	namespace n4
	ip -n n4 link add dummy type dummy
	ip -n n4 link set dummy up
	address n4 dummy 10.0.4.1/24
	ip -n n4 route add default dev dummy
	ip netns exec n4 nft -f - <<-END
		table ip nat {
			chain c {
				type nat hook output priority -100
				udp dport 9 dnat to 10.0.4.2:10
			}
			chain d {
				type nat hook postrouting priority 100
				udp dport 7 masquerade to :2000-2031
			}
		}
	END
	ip netns exec n4 sysctl -q net.netfilter.nf_conntrack_nat_mapping=2
	ip netns exec n4 python3 - <<-'END'
		import socket
		sockets = []
		for n in range(80):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    sockets.append(s)
		    for port in 7, 9:
		        try:
		            s.sendto(b"x", ("10.0.5.1", port))
		        except OSError:
		            pass
	END
	made=$((made + $(ip netns exec n4 conntrack -C)))
	ip netns del n4
done
# Of the 80 to port 7 there is room for 32.
is "connections of namespaces that go" $made $((3 * (80 + 32)))
check "a namespace goes with its rules" until_true rmmod ct_nft_nat
check "its mappings and bitmaps" until_true rmmod ct_nat
check "and connections" unload

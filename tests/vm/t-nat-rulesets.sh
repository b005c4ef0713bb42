#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rulesets with NAT as people have them: a host of containers, a carrier whose
# customers have the same addresses, the home gateway of Documentation/nat.md. What
# they do and count is told here, and is the same with nf_nat. And those of others
# (CT_RULESETS, default shared/rulesets beside the checkout) are listed alike.
#
#	n1 ── veth1 ┐    ┌ cni0 ══ c1, c2: containers, 10.88.0.0/16
#	n2 ── veth2 ┤ n0 ┼ a0, b0 ── ca, cb: customers, 192.168.0.2 both
#	w ─── wan0  ┘    └ lan0 ══ h1, h2: at home, 192.168.1.0/24
# seconds: 60
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

topology
for ns in c1 c2 ca cb h1 h2 w; do
	namespace $ns
done
for bridge in cni0 lan0; do
	ip -n n0 link add $bridge type bridge forward_delay 0 mcast_snooping 0
	ip -n n0 link set $bridge up
done
address n0 cni0 10.88.0.1/16
address n0 lan0 192.168.1.1/24 fd00:1:1::1/64
host=0
for at in c1:cni0:10.88.0.2/16:10.88.0.1 c2:cni0:10.88.0.3/16:10.88.0.1 \
	h1:lan0:192.168.1.5/24:192.168.1.1 h2:lan0:192.168.1.10/24:192.168.1.1; do
	IFS=: read -r ns bridge addr gateway <<<"$at"
	host=$((host + 1))
	link "$ns" eth0 n0 "port$host"
	ip -n n0 link set "port$host" master "$bridge"
	address "$ns" eth0 "$addr"
	ip -n "$ns" route add default via "$gateway"
done
for at in ca:a0 cb:b0; do
	link ${at%:*} eth0 n0 ${at#*:}
	address ${at%:*} eth0 192.168.0.2/24
	address n0 ${at#*:} 192.168.0.1/24
	ip -n ${at%:*} route add default via 192.168.0.1
done
link w eth0 n0 wan0
address w eth0 198.51.100.1/24 2001:db8::1/64
address n0 wan0 198.51.100.9/24 2001:db8::9/64
address h1 eth0 fd00:1:1::5/64
ip -n h1 route add default via fd00:1:1::1
ip -n w route add fd00:1:1::/64 via 2001:db8::9
must_load
# A VM's time may leap by half a minute while a program is read.
n0 sysctl -q net.netfilter.nf_conntrack_udp_timeout=1000 \
	net.netfilter.nf_conntrack_udp_timeout_stream=1000

# A kernel without it is told the addresses.
LOCAL='fib daddr type local'
n0 nft -c "add table t; add chain t c; add rule t c $LOCAL" 2>"$TMP/fib" ||
	LOCAL='ip daddr { 10.0.1.254, 10.0.2.254, 10.88.0.1, 192.168.1.1, 198.51.100.9 }'
export LOCAL DOC=$HERE/../../Documentation/nat.md

nat <<'END'
def ruleset(text):
    nft("flush ruleset\n" + text)
    flush()

def counters():
    """By comment: what each rule has counted."""
    out = run("nft", "list", "ruleset").stdout
    return {name: int(n) for n, name in re.findall(
        r'packets (\d+) .*comment "([^"]*)"', out)}

def listed(*protocols):
    """Both tuples of all entries, as src>dst:port src>dst, and zones."""
    return sorted("%s>%s:%s %s>%s%s" % (
        e.get("src"), e.get("dst"), e.get("dport"), e.get("src", 1),
        e.get("dst", 1), "".join(" zone-orig=" + z for z in
                                 re.findall(r"zone-orig=(\d+)", e.line)))
        for p in protocols for e in entries(p))

LOCAL = os.environ["LOCAL"]

# --- a host of containers ---

serve("c1", 80, "10.88.0.2")
serve("c2", 53, "10.88.0.3")
serve("n2", 7, "10.0.2.1")
ruleset(f"""
table ip nat {{
	map published {{
		type inet_proto . inet_service : ipv4_addr . inet_service
		elements = {{ tcp . 8080 : 10.88.0.2 . 80, udp . 5353 : 10.88.0.3 . 53 }}
	}}
	chain prerouting {{
		type nat hook prerouting priority dstnat;
		{LOCAL} counter jump services comment "to us"
	}}
	chain output {{
		type nat hook output priority -100;
		ip daddr != 127.0.0.0/8 {LOCAL} counter jump services comment "from us to us"
	}}
	chain services {{
		counter dnat to meta l4proto . th dport map @published
		counter comment "unpublished"
	}}
	chain postrouting {{
		type nat hook postrouting priority srcnat;
		ip saddr 10.88.0.0/16 oifname != "cni0" counter masquerade comment "out"
		ip saddr 10.88.0.0/16 oifname "cni0" ct status dnat counter masquerade comment "hairpin"
	}}
}}
table inet filter {{
	chain forward {{
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		ct state invalid counter drop comment "invalid"
		iifname "cni0" counter accept comment "containers"
		oifname "cni0" ct status dnat counter accept comment "published"
		counter comment "refused"
	}}
}}
""")
for kind, port, who in (TCP_KIND, 8080, "c1"), (UDP_KIND, 5353, "c2"):
    word = ", " + kind[0].upper()
    for name, ns, host, seen in (
            ("from outside", "n1", "10.0.1.254", "10.0.1.1"),
            ("by another address of the host", "n2", "10.0.1.254", "10.0.2.1"),
            ("from another container", "c2" if who == "c1" else "c1",
             "10.0.2.254", "10.88.0.1"),
            ("from the container itself", who, "10.0.2.254", "10.88.0.1"),
            ("from the host", "n0", "10.0.2.254", "10.0.2.254")):
        got = ask(ns, host, port, kind)
        equal("a published port, " + name + word, got[:2], (who, seen))
    asked = [Asker(c, "10.0.2.1", 7, kind, sport=5000) for c in ("c1", "c2")]
    got = [a.ask() for a in asked] + [a.ask() for a in asked]
    equal("two containers from the same port" + word, [g[:2] for g in got],
          [("n2", "10.0.2.254")] * 4)
    check("as two ports" + word, got[0] == got[2] and got[1] == got[3] and
          got[0].port == 5000 and 1024 <= got[1].port != 5000, got)
    for a in asked:
        a.close()
    equal("what is not published is not there" + word,
          ask("n2", "10.0.1.254", 81, kind, wait=0.3), NOTHING)
    run("ip", "-n", "n2", "route", "replace", "10.88.0.0/16", "via",
        "10.0.2.254")
    equal("nor by the container's address" + word,
          ask("n2", "10.88.0.2", 80, kind, wait=0.3), NOTHING)
found = counters()
check("invalid: none", not found.pop("invalid"), found)
# Of TCP a SYN is repeated, or not, while one waits.
repeated = {name: found.pop(name) for name in ("refused", "unpublished", "to us")}
equal("each rule has counted", found, {
    "from us to us": 2, "out": 4, "hairpin": 4, "containers": 8,
    "published": 4})
check("also what was refused", repeated["refused"] >= 2 and
      repeated["unpublished"] >= 2 and repeated["to us"] >= 10, repeated)
equal("all is listed", listed("udp"), sorted([
    "10.0.1.1>10.0.1.254:5353 10.88.0.3>10.0.1.1",
    "10.0.2.1>10.0.1.254:5353 10.88.0.3>10.0.2.1",
    "10.88.0.2>10.0.2.254:5353 10.88.0.3>10.88.0.1",
    "10.88.0.3>10.0.2.254:5353 10.88.0.3>10.88.0.1",
    "10.0.2.254>10.0.2.254:5353 10.88.0.3>10.0.2.254",
    "10.88.0.2>10.0.2.1:7 10.0.2.1>10.0.2.254",
    "10.88.0.3>10.0.2.1:7 10.0.2.1>10.0.2.254",
    "10.0.2.1>10.0.1.254:81 10.0.1.254>10.0.2.1"]))

# --- a carrier: who has which address is known by where he is ---

for mark, dev in (1, "a0"), (2, "b0"):
    run("ip", "rule", "add", "fwmark", str(mark), "lookup", str(100 + mark))
    run("ip", "route", "add", "192.168.0.0/24", "dev", dev, "table",
        str(100 + mark))
for name in "all", "a0", "b0":
    with open("/proc/sys/net/ipv4/conf/%s/rp_filter" % name, "w") as f:
        f.write("0")
def carrier(low, high):
    ruleset(f"""
table ip carrier {{
	map zones {{
		type ifname : mark
		elements = {{ "a0" : 1, "b0" : 2 }}
	}}
	chain raw {{
		type filter hook prerouting priority raw;
		iifname "a0" ct original zone set 1
		iifname "b0" ct original zone set 2
	}}
	chain mangle {{
		type filter hook prerouting priority mangle;
		iifname {{ "a0", "b0" }} ct state new ct mark set iifname map @zones
		meta mark set ct mark
	}}
	chain postrouting {{
		type nat hook postrouting priority srcnat;
		oifname "veth2" meta mark 1 meta l4proto {{ tcp, udp }} counter snat to 10.0.2.254:1{low}-1{high} comment "a"
		oifname "veth2" meta mark 2 meta l4proto {{ tcp, udp }} counter snat to 10.0.2.254:2{low}-2{high} comment "b"
		oifname "veth2" counter snat to 10.0.2.254 comment "others"
	}}
}}
""")

for kind in UDP_KIND, TCP_KIND:
    word = ", " + kind[0].upper()
    carrier("0000", "0999")
    asked = [Asker(ns, "10.0.2.1", 7, kind, sport=5000 + n)
             for n in range(10) for ns in ("ca", "cb")]
    got = [[a.ask() for a in asked] for _ in range(2)]
    equal("all customers are answered" + word,
          {g[:2] for g in got[0]}, {("n2", "10.0.2.254")})
    equal("and again, by the same ports" + word, got[1], got[0])
    ports = [g.port for g in got[0] if g]
    check("each has ports of his own" + word, len(set(ports)) == 20 and
          all(10000 <= p <= 10999 for p in ports[::2]) and
          all(20000 <= p <= 20999 for p in ports[1::2]), ports)
    equal("one rule for each" + word, counters(), {"a": 10, "b": 10,
                                                  "others": 0})
    equal("each in his zone" + word, listed(kind[0]), sorted(
        "192.168.0.2>10.0.2.1:7 10.0.2.1>10.0.2.254 zone-orig=%d" % z
        for z in (1, 2) for _ in range(10)))
    for a in asked:
        a.close()

    carrier("0000", "0007")
    asked = [Asker("ca", "10.0.2.1", 7, kind, sport=5000 + n)
             for n in range(8)]
    equal("eight ports are eight connections" + word,
          sorted(a.ask().port or 0 for a in asked), list(range(10000, 10008)))
    equal("a ninth has none" + word, ask("ca", "10.0.2.1", 7, kind, wait=0.3),
          NOTHING)
    equal("the other customer has his" + word,
          ask("cb", "10.0.2.1", 7, kind)[:2], ("n2", "10.0.2.254"))
    for a in asked:
        a.close()
for ns in "ca", "cb":
    done = run("ip", "netns", "exec", ns, "ping", "-q", "-c", "2", "-i", "0.2",
               "10.0.2.1")
    check("ping, by " + ns, done.returncode == 0, done.stdout)

# --- the gateway of the documentation ---

with open(os.environ["DOC"]) as f:
    text = f.read().split("    flush ruleset\n", 1)[1].split("\n| line |")[0]
ruleset(text.replace("fib daddr type local", LOCAL))
serve("h2", 443, "192.168.1.10")
serve("w", 7, "198.51.100.1", "2001:db8::1")
with open("/proc/sys/net/ipv4/conf/wan0/rp_filter", "w") as f:
    f.write("0")
for kind in UDP_KIND, TCP_KIND:
    word = ", " + kind[0].upper()
    asked = [Asker(ns, "198.51.100.1", 7, kind, sport=5000)
             for ns in ("h1", "h2")]
    got = [a.ask() for a in asked]
    equal("two at home ask outside" + word, [g[:2] for g in got],
          [("w", "198.51.100.9")] * 2)
    check("by a port each" + word, got[0].port == 5000 != got[1].port, got)
    for a in asked:
        a.close()
    equal("over IPv6 as they are" + word,
          ask("h1", "2001:db8::1", 7, kind, sport=5000),
          Told("w", "fd00:1:1::5", 5000))
equal("who asks outside is answered by the server",
      ask("w", "198.51.100.9", 443, TCP_KIND)[:2], ("h2", "198.51.100.1"))
equal("who asks from inside by way of the gateway",
      ask("h1", "198.51.100.9", 443, TCP_KIND)[:2], ("h2", "192.168.1.1"))
equal("no other port", ask("w", "198.51.100.9", 444, TCP_KIND, wait=0.3),
      NOTHING)
serve("h1", 22, "fd00:1:1::5")
equal("nobody comes in over IPv6",
      ask("w", "fd00:1:1::5", 22, TCP_KIND, wait=0.3), NOTHING)
ruleset("")
END

# --- the rulesets of others, with both trackers ---

# shellcheck source=tests/vm/rulesets.sh
. "$HERE/rulesets.sh"
if ! ours || [ ! -d "$CT_RULESETS" ]; then
	skip "the rulesets of others" "there are none, or it is not ct"
	exit 0
fi
# lists NAME: of each file with a chain of type nat what is listed once it is loaded,
# without what it includes.
lists()
{
	local file

	mkdir "$TMP/$1"
	for file in "$CT_RULESETS"/*.nft; do
		grep -q 'type nat' "$file" || continue
		n0 nft flush ruleset
		ruleset "$file" >"$TMP/ruleset"
		if n0 nft -f "$TMP/ruleset" 2>"$TMP/$1/${file##*/}.error"; then
			n0 nft -s list ruleset >"$TMP/$1/${file##*/}"
		else
			n0 nft list ruleset >"$TMP/left"
			[ ! -s "$TMP/left" ] || not_ok "$file leaves nothing"
		fi
	done
	n0 nft flush ruleset
}
lists ct
check "unload" unload
CT_TRACKER=nf_conntrack
check "the kernel's own" modprobe nf_conntrack
lists nf_nat
compared=0 refused=0
for listed in "$TMP"/nf_nat/*.nft; do
	name=${listed##*/}
	if [ -e "$TMP/ct/$name" ]; then
		cmp -s "$listed" "$TMP/ct/$name" ||
			not_ok "$name is listed alike" \
				"$(diff "$listed" "$TMP/ct/$name" | head -n 3 | tr '\n' '|')"
		compared=$((compared + 1))
	elif grep -q 'ct helper\|flowtable' "$CT_RULESETS/$name"; then
		refused=$((refused + 1))
	else
		not_ok "$name loads" "$(head -n 1 "$TMP/ct/$name.error")"
	fi
done
if [ $FAILED -eq 0 ]; then
	ok "all are listed alike: $compared of them; $refused with helpers or flow tables are refused"
fi
check "some were compared" test $compared -gt 0
for name in "$TMP"/ct/*.nft; do
	[ -e "$TMP/nf_nat/${name##*/}" ] || not_ok "${name##*/} loads with ct alone"
done

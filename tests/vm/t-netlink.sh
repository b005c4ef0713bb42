#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Netlink: Debian's conntrack against the tracker, then raw requests, well and
# malformed, and events in order. All but what says so holds for nf_conntrack.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

topology
must_load
sysctl -qw net.netfilter.nf_conntrack_max=100000
ours && n0 sysctl -qw net.netfilter.nf_conntrack_max=100000

ct() { n0 conntrack "$@"; }

# insert PROTO SPORT DPORT [ARG...]: an entry that no packet made.
insert()
{
	local args=(-p "$1" --sport "$2" --dport "$3")

	case $1 in
	tcp) args+=(--state ESTABLISHED -u "SEEN_REPLY,ASSURED") ;;
	esac
	shift 3
	ct -I -s 10.0.1.9 -d 10.0.2.9 "${args[@]}" -t 1000 "$@" \
		>"$TMP/insert" 2>&1
}

# rows ARG...: how many entries conntrack -L ARG... shows.
rows() { ct -L "$@" 2>"$TMP/rows" | wc -l; }

# --- conntrack, the program ---

flush
n1 ping -q -c 1 10.0.2.1 >"$TMP/ping"
n1 ping -q -c 1 fd00:2::1 >"$TMP/ping"
seen "an ICMP connection" \
	"^icmp .*src=10.0.1.1 dst=10.0.2.1 type=8 code=0 id=[0-9]* src=10.0.2.1 dst=10.0.1.1 type=0 .*mark=0 use=1$"
seen "an ICMPv6 connection" \
	"^icmpv6 .*src=fd00:1::1 dst=fd00:2::1 type=128 .*type=129 "

flush
is "-F leaves nothing" "$(entries | wc -l)" 0
insert tcp 1000 80 && insert tcp 1001 443 -m 7 && insert udp 1002 53
is "-I inserts" "$(entries | wc -l)" 3
is "-L -p tcp" "$(rows -p tcp)" 2
is "-L -p tcp --dport 443" "$(rows -p tcp --dport 443)" 1
is "-L -p tcp --dport 444" "$(rows -p tcp --dport 444)" 0
is "-L -s" "$(rows -s 10.0.1.9)" 3
is "-L of another source" "$(rows -s 10.0.1.8)" 0
is "-L -f ipv6" "$(rows -f ipv6)" 0
is "-L -m 7" "$(rows -m 7)" 1
is "-L -m 0/1" "$(rows -m 0/1)" 2
is "-L -u ASSURED" "$(rows -u ASSURED)" 2
is "-L -w 5" "$(rows -w 5)" 0
is "-C" "$(ct -C)" 3
is "-S has a line for each CPU" "$(ct -S | grep -c '^cpu=.*found=')" \
	"$(nproc)"
check "-G by tuple" ct -G -p tcp -s 10.0.1.9 -d 10.0.2.9 --sport 1001 \
	--dport 443
is "-G shows it" "$(grep -c "ESTABLISHED.*dport=443.*\[ASSURED\] mark=7" \
	"$TMP/check")" 1
check_fails "-G of what is not there" ct -G -p tcp -s 10.0.1.9 -d 10.0.2.9 \
	--sport 1 --dport 443
check_fails "-I of what is there" insert tcp 1001 443
check_fails "-I without a timeout" ct -I -p udp -s 1.1.1.1 -d 2.2.2.2 \
	--sport 1 --dport 2
check "-U of the mark" ct -U -f ipv4 -p tcp --dport 443 -m 9
is "-U changed it" "$(rows -m 9)" 1
check "-U of the timeout" ct -U -f ipv4 -p udp --dport 53 -t 50
left=$(ct -L -p udp 2>"$TMP/rows" | awk '{ print $3 }')
check "-U changed that" test "${left:-0}" -gt 40 -a "${left:-0}" -le 50
# conntrack of Debian 12 changes each entry by a request without a family.
if ours; then
	check "-U without a family" ct -U -p tcp -m 10
	is "-U changed all of those" "$(rows -p tcp -m 10)" 2
	check "-U without a family, of an address" ct -U -s 10.0.1.9 -m 9
	is "-U changed these" "$(rows -m 9)" 3
	check "-U of the others" ct -U -f ipv4 -p udp -m 0
	check "-U of another" ct -U -f ipv4 -p tcp --dport 80 -m 0
fi
check "-D by mark" ct -D -m 9
is "-D deleted that and no other" "$(rows -p tcp --dport 443).$(rows)" 0.2
check "-D by tuple" ct -D -p udp -s 10.0.1.9 -d 10.0.2.9 --sport 1002 \
	--dport 53
check_fails "-D of what is not there" ct -D -p udp --dport 53
is "one is left" "$(rows)" 1
check "-I in a zone" insert udp 1003 53 -w 5
check "-I in a zone of one direction" insert udp 1004 53 --orig-zone 6
is "-L -w 5 shows it" "$(rows -w 5)" 1
is "zones are shown" "$(ct -L -p udp 2>"$TMP/rows" |
	grep -c ' zone=5 \| zone-orig=6 ')" 2
check "-D -w 5" ct -D -w 5

# left PORT: seconds that an entry has.
left() { ct -L -p udp --dport "$1" 2>"$TMP/rows" | awk '{ print $3 }'; }

# 2^31 ticks of 1/250 s; an hour less, which a wheel may be late.
longest=8589934
! ours || longest=$((longest - 3600))
insert udp 1005 1 -t 4294967295
insert udp 1006 2 -t "$longest"
check "-U of the timeout" ct -U -f ipv4 -p udp --dport 2 -t 4294967295
for port in 1 2; do
	seconds=$(left $port)
	check "the longest timeout, $port" test "${seconds:-0}" -le $longest -a \
		"${seconds:-0}" -gt $((longest - 1000))
done
check "-D -p udp" ct -D -p udp -s 10.0.1.9 --dport 1
check "-D -p udp" ct -D -p udp -s 10.0.1.9 --dport 2

for what in expect dying unconfirmed; do
	check "-L $what" ct -L $what
done
check "-F expect" ct -F expect
check_fails "-G expect" ct -G expect -p tcp -s 10.0.1.9 -d 10.0.2.9 \
	--sport 1 --dport 2

# Counters are for packets to see.
n0 sysctl -qw net.netfilter.nf_conntrack_acct=1
flush
n1 ping -q -c 3 -i 0.2 10.0.2.1 >"$TMP/ping"
seen "counters" "packets=3 bytes=252 src=10.0.2.1 .*packets=3 bytes=252 "
check "-L -z" ct -L -z
unseen "-z zeroed them" "packets=3"
n0 sysctl -qw net.netfilter.nf_conntrack_acct=0

# --- Events ---

ip netns exec n0 stdbuf -oL conntrack -E >"$TMP/events" 2>"$TMP/events.err" &
sleep 1
flush
echo_server n2 7
ask_tcp n1 10.0.2.1 7 >"$TMP/answer"
until_true grep -q 'TIME_WAIT.*dport=7 ' "$TMP/events"
flush
until_true grep -q 'DESTROY.*dport=7 ' "$TMP/events"
is "a TCP connection's life in events" "$(grep 'dport=7 ' "$TMP/events" |
	grep -Eo '\[(NEW|DESTROY)\]|SYN_[A-Z]*|ESTABLISHED|[A-Z]*_WAIT|LAST_ACK' |
	sed -n '1,/DESTROY/p' | grep -v CLOSE_WAIT | tr '\n' ' ')" \
	"[NEW] SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT LAST_ACK TIME_WAIT [DESTROY] "
is "TIME_WAIT ends it" \
	"$(grep -c 'DESTROY.* TIME_WAIT .*dport=7 ' "$TMP/events")" \
	"$(grep -c 'DESTROY.*dport=7 ' "$TMP/events")"

# --- Who may ask ---

check_fails "not without CAP_NET_ADMIN" setpriv --reuid 65534 --clear-groups \
	--inh-caps -all conntrack -L
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

# In a chroot nobody gets a user namespace.
if nobody unshare -U true 2>"$TMP/unshare"; then
	insert tcp 5 5
	check_fails "not from a user namespace that does not own the network" \
		nobody unshare -Ur conntrack -L
	check "one's own network, from an unprivileged user namespace" \
		nobody unshare -Urn conntrack -L
	is "shows nothing of others" "$(nobody unshare -Urn conntrack -L \
		2>"$TMP/rows" | wc -l)" 0
else
	skip "user namespaces" "$(cat "$TMP/unshare")"
fi

# --- Raw requests: what they look like to the byte ---

flush
nl <<'END'
S = Socket()
TUPLE = {1: {}, 2: {}}
NESTS = {TUPLE_ORIG: TUPLE, TUPLE_REPLY: TUPLE, PROTOINFO: {1: {}},
         COUNTERS_ORIG: {}, COUNTERS_REPLY: {}, TIMESTAMP: {}}
V4 = [(1, [(1, 4), (2, 4)]), (2, [(1, 1), (2, 2), (3, 2)])]
TCPINFO = (PROTOINFO, [(1, [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)])])
HEAD = [(TUPLE_ORIG, V4), (TUPLE_REPLY, V4)]
DUMPED = HEAD + [(STATUS, 4), (MARK, 4), (ID, 4), (USE, 4), (TIMEOUT, 4)]

E = Socket(GROUP_NEW, GROUP_UPDATE, GROUP_DESTROY)
one = tuples("10.0.1.9", "10.0.2.9", 6, 1000, 80)
fresh = (one + be32(TIMEOUT, 100) + be32(STATUS, CONFIRMED | SEEN_REPLY) +
         nest(PROTOINFO, nest(1, u8(1, 3))))
a = S.ask(NEW, fresh, ACK | CREATE | EXCL)
equal("create", a.error, 0)
(m,) = E.events(0.5) or [None]
check("NEW is one message", m is not None)
equal("NEW: type", (m.subsys, m.kind, m.flags), (CT, NEW, CREATE | EXCL))
equal("NEW: family, version, resource", (m.family, m.version, m.res_id),
      (2, 0, 0))
equal("NEW: who asked, and no sequence", (m.pid, m.seq), (S.port, 0))
equal("NEW: attributes", tree(m.attrs, NESTS),
      HEAD + [(ID, 4), (STATUS, 4), (TIMEOUT, 4), TCPINFO, (MARK, 4)])
equal("NEW: status", m.number(STATUS), CONFIRMED | SEEN_REPLY)

(m,) = S.dump(family=0)
equal("dump: flags", m.flags, MULTI)
equal("dump: attributes", tree(m.attrs, NESTS), DUMPED + [TCPINFO])
check("dump: timeout in seconds", 95 <= m.number(TIMEOUT) <= 100)
ident = m.number(ID)
(m,) = S.dump(be32(MARK, 0))
equal("filtered dump: flags", m.flags, MULTI | 0x20)

S.send(GET, one)
(m,) = S.read()
equal("get: flags", m.flags, MULTI)
equal("get: attributes", tree(m.attrs, NESTS), DUMPED + [TCPINFO])
reply = nest(TUPLE_REPLY, addresses("10.0.2.9", "10.0.1.9"), ports(6, 80, 1000))
S.send(GET, reply)
(m,) = S.read()
equal("get by the reply's tuple", m.number(ID), ident)
S.send(GET, one + be32(ID, ident ^ 1))
(m,) = S.read()
equal("get does not look at the id", m.number(ID), ident)

a = S.ask(NEW, one + be32(MARK, 5), ACK)
equal("update", a.error, 0)
(m,) = E.events(0.5)
equal("UPDATE: type", (m.kind, m.flags, m.number(MARK)), (NEW, 0, 5))
equal("UPDATE: attributes", tree(m.attrs, NESTS),
      HEAD + [(ID, 4), (STATUS, 4), (TIMEOUT, 4), TCPINFO, (MARK, 4)])
a = S.ask(NEW, one + be32(MARK, 0x50) + be32(MARK_MASK, 0xf0), ACK)
equal("part of the mark", E.events(0.5)[0].number(MARK), 0x55)
a = S.ask(NEW, one + be32(MARK, 6), ACK | ECHO)
equal("an echo comes to who asked", [m.number(MARK) for m in a.echoes], [6])
equal("and to who listens", [m.number(MARK) for m in E.events(0.5)], [6])

refuses("delete with another id", S, errno.ENOENT, DELETE,
        one + be32(ID, ident ^ 1))
a = S.ask(DELETE, one + be32(ID, ident))
equal("delete", a.error, 0)
(m,) = E.events(0.5)
equal("DESTROY: type", (m.kind, m.flags, m.pid), (DELETE, 0, S.port))
equal("DESTROY: attributes", tree(m.attrs, NESTS),
      HEAD + [(ID, 4), (STATUS, 4), (TIMEOUT, 4),
              (PROTOINFO, [(1, [(1, 1)])]), (MARK, 4)])
check("DESTROY: dying", m.number(STATUS) & 0x200)

# DCCP: what is given is what is shown; a change changes what it names.
two = tuples("10.0.1.9", "10.0.2.9", 33, 1000, 80)
DCCPINFO = [(2, [(1, 1), (2, 1), (3, 8)])]

def dccp(state, role, number=b""):
    return nest(PROTOINFO, nest(2, u8(1, state), u8(2, role), number))

def info():
    (m,) = S.dump()
    return bytes(v for _, nested in parse(m.get(PROTOINFO))
                 for _, value in parse(nested) for v in value).hex()

equal("create with DCCP's state", S.ask(
    NEW, two + be32(TIMEOUT, 100) + dccp(
        4, 1, attr(3, (0xfedcba987654).to_bytes(8, "big"))),
    ACK | CREATE | EXCL).error, 0)
(m,) = E.events(0.5)
equal("NEW of DCCP", tree(m.get(PROTOINFO), {2: {}}), DCCPINFO)
(m,) = S.dump()
equal("dump of DCCP", tree(m.get(PROTOINFO), {2: {}}), DCCPINFO)
equal("state, role and number", info(), "04" "01" "0000fedcba987654")
equal("another state", S.ask(NEW, two + dccp(6, 0), ACK).error, 0)
equal("leaves the number", info(), "06" "00" "0000fedcba987654")
E.events(0.5)
S.ask(DELETE, two)
(m,) = E.events(0.5)
equal("DESTROY of DCCP", tree(m.get(PROTOINFO), {2: {}}), [(2, [(1, 1)])])
equal("create without", S.ask(NEW, two + be32(TIMEOUT, 100),
                              ACK | CREATE | EXCL).error, 0)
equal("has no state", info(), "00" "00" "0000000000000000")
S.ask(DELETE, two)

(m,) = S.ask(STATS).messages
equal("stats: type", (m.kind, m.flags & MULTI), (STATS, MULTI))
equal("stats: attributes", kinds(m.attrs), [1, 2])
rows = S.dump(kind=STATS_CPU)
equal("stats: CPUs", [m.res_id for m in rows], list(range(len(rows))))
equal("stats: attributes of a CPU", kinds(rows[0].attrs),
      [2, 4, 8, 9, 10, 11, 12, 13, 14, 15])
rows = S.dump(kind=3, subsys=EXP)
equal("stats: expectations", kinds(rows[0].attrs), [1, 2, 3])
# As it has always been: not of the subsystem that was asked.
equal("stats: expectations, type", (rows[0].subsys, rows[0].kind), (CT, 3))
equal("dump of nothing", S.dump(), [])

# A tuple that is the same both ways: with a zone in one direction it is that of
# the other direction, too, where no zone is.
same = nest(TUPLE_ORIG, addresses("10.0.0.1", "10.0.0.1"), nest(2, u8(1, 89)))
back = nest(TUPLE_REPLY, addresses("10.0.0.1", "10.0.0.1"), nest(2, u8(1, 89)))
zoned = bytes.fromhex(
    "2c000180" "14000180" "080001000a000001" "080002000a000001"
    "0c000280" "0500010059000000" "0600030000050000")
equal("create what returns as it went", S.ask(
    NEW, same + back + be32(TIMEOUT, 100), ACK | CREATE).error, 0)
S.send(GET, zoned)
(m,) = S.read()
equal("get it by a zone of the other direction", m.kind, NEW)
equal("delete it by that", S.ask(DELETE, zoned).error, 0)
equal("deleted it", S.dump(), [])
END

# --- Raw requests: malformed ones ---

nl <<'END'
S = Socket()
udp = tuples("10.0.1.9", "10.0.2.9", 17, 7, 7)
made = udp + be32(TIMEOUT, 100)
short = nest(TUPLE_ORIG, addresses("10.0.1.9", "10.0.2.9"))
E = errno
refuses("no attributes", S, E.EINVAL, GET)
refuses("no protocol", S, E.EINVAL, GET, short)
refuses("no addresses", S, E.EINVAL, GET,
        nest(TUPLE_ORIG, ports(17, 7, 7)))
refuses("no source port", S, E.EINVAL, GET,
        nest(TUPLE_ORIG, addresses("1.1.1.1", "2.2.2.2"),
             nest(2, u8(1, 17), be16(3, 7))))
refuses("addresses of the other family", S, E.EINVAL, GET, udp, family=10)
refuses("no family", S, E.ENOENT if ours() else E.EOPNOTSUPP, GET, udp,
        family=0)
refuses("family of bridges", S, E.EOPNOTSUPP, GET, udp, family=7)
for kind, name in ((DYING, "dying"), (UNCONFIRMED, "unconfirmed")):
    a = S.ask(kind)
    equal("one that is " + name, a.error, E.EOPNOTSUPP)
    if ours():
        check("one that is %s: it says why" % name, a.text)
refuses("status of 1 byte", S, E.ERANGE, GET, udp + u8(STATUS, 1))
refuses("address of 3 bytes", S, E.ERANGE, GET,
        nest(TUPLE_ORIG, nest(1, attr(1, b"123"), attr(2, b"1234")),
             ports(17, 7, 7)))
refuses("port of 1 byte", S, E.ERANGE, GET,
        nest(TUPLE_ORIG, addresses("1.1.1.1", "2.2.2.2"),
             nest(2, u8(1, 17), u8(2, 7), be16(3, 7))))
refuses("zone of 1 byte", S, E.ERANGE, GET, udp + u8(ZONE, 1))
refuses("zone twice", S, E.EINVAL, GET, be16(ZONE, 3) +
        nest(TUPLE_ORIG, addresses("1.1.1.1", "2.2.2.2"), ports(17, 7, 7),
             be16(3, 4)))
refuses("ICMP error", S, E.EINVAL, GET,
        nest(TUPLE_ORIG, addresses("1.1.1.1", "2.2.2.2"),
             nest(2, u8(1, 1), be16(4, 7), u8(5, 3), u8(6, 0))))
refuses("nothing there", S, E.ENOENT, GET, udp)
refuses("nothing to delete", S, E.ENOENT, DELETE, udp)
refuses("nothing to update", S, E.ENOENT, NEW, udp + be32(MARK, 1))
refuses("create without timeout", S, E.EINVAL, NEW, udp, ACK | CREATE)
refuses("create without reply", S, E.EINVAL, NEW,
        nest(TUPLE_ORIG, addresses("1.1.1.1", "2.2.2.2"), ports(17, 7, 7)) +
        be32(TIMEOUT, 9), ACK | CREATE)
refuses("create, unconfirmed", S, E.EBUSY, NEW, made + be32(STATUS, 0),
        ACK | CREATE)
refuses("create, no such helper", S, E.EOPNOTSUPP, NEW,
        made + nest(HELP, attr(1, b"none-such\0")), ACK | CREATE)
refuses("create, no such master", S, E.ENOENT, NEW,
        made + nest(TUPLE_MASTER, addresses("1.1.1.1", "2.2.2.2"),
                    ports(6, 1, 1)), ACK | CREATE)
equal("none was left behind", S.dump(), [])
equal("create", S.ask(NEW, made, ACK | CREATE | EXCL).error, 0)
refuses("create again", S, E.EEXIST, NEW, made, ACK | CREATE | EXCL)
refuses("update to dying", S, E.EBUSY, NEW,
        udp + be32(STATUS, CONFIRMED | 0x200))
refuses("update to unconfirmed", S, E.EBUSY, NEW, udp + be32(STATUS, 0))
refuses("update of the translation", S, E.EOPNOTSUPP, NEW,
        udp + nest(NAT_SRC, be32(1, 1)))
if ours():
    v6 = nest(TUPLE_REPLY, addresses("fd00::1", "fd00::2"), ports(17, 7, 7))
    refuses("tuples of two families", S, E.EINVAL, NEW,
            nest(TUPLE_ORIG, addresses("1.1.1.1", "2.2.2.2"),
                 ports(17, 7, 7)) + v6 + be32(TIMEOUT, 9), ACK | CREATE,
            family=0)
    equal("update without a family", S.ask(NEW, udp + be32(MARK, 3), ACK,
                                           family=0).error, 0)
    equal("changed the mark", S.dump()[0].number(MARK), 3)
refuses("create without a tuple", S, E.EINVAL, NEW, be32(TIMEOUT, 9),
        ACK | CREATE)
refuses("update without a tuple", S, E.ENOENT, NEW, be32(TIMEOUT, 9))
refuses("update by one tuple, the other is wrong", S, E.EINVAL, NEW,
        nest(TUPLE_ORIG, addresses("10.0.1.9", "10.0.2.9"),
             ports(17, 7, 7)) + nest(TUPLE_REPLY))
refuses("expected, by its status", S, E.EBUSY, NEW,
        tuples("10.0.1.9", "10.0.2.9", 17, 8, 8) + be32(TIMEOUT, 9) +
        be32(STATUS, CONFIRMED | 1), ACK | CREATE)
equal("create with labels of 6 bytes", S.ask(
    NEW, tuples("10.0.1.9", "10.0.2.9", 17, 8, 8) + be32(TIMEOUT, 9) +
    attr(LABELS, b"labels"), ACK | CREATE).error, 0)
S.ask(DELETE, tuples("10.0.1.9", "10.0.2.9", 17, 8, 8))
# Of two things that are wrong, the one that nf_conntrack looks at first.
refuses("status before labels", S, E.EBUSY, NEW,
        udp + attr(LABELS, b"labels") + be32(STATUS, 0))
refuses("helper before the status", S, E.EOPNOTSUPP, NEW,
        udp + be32(STATUS, 0) + nest(HELP, attr(1, b"none-such\0")))
refuses("no timeout before the helper", S, E.EINVAL, NEW,
        tuples("10.0.1.9", "10.0.2.9", 17, 8, 8) +
        nest(HELP, attr(1, b"none-such\0")), ACK | CREATE)
refuses("labels of 6 bytes", S, E.EINVAL, NEW, udp + attr(LABELS, b"labels"))
refuses("labels of 20 bytes", S, E.ERANGE, NEW, udp + attr(LABELS, bytes(20)))
refuses("labels with a mask of another length", S, E.EINVAL, NEW,
        udp + attr(LABELS, bytes(16)) + attr(LABELS_MASK, bytes(8)))
refuses("update of the master", S, E.EOPNOTSUPP, NEW,
        udp + nest(TUPLE_MASTER, addresses("1.1.1.1", "2.2.2.2"),
                   ports(6, 1, 1)))
# A chain of masters, kept alive by the last one only: freed without recursion. Eight
# are enough.
def link(n):
    return "10.%d.%d.1" % (n >> 8, n & 255), "10.0.2.9"
for n in range(3000):
    request = tuples(*link(n), 17, 7, 7)
    if n:
        request += nest(TUPLE_MASTER, addresses(*link(n - 1)), ports(17, 7, 7))
    error = S.ask(NEW, request + be32(TIMEOUT, 100), ACK | CREATE | EXCL).error
    if error:
        break
    # Who ends stays in memory, as the next one's master.
    if n > 1:
        S.ask(DELETE, tuples(*link(n - 2), 17, 7, 7), ACK)
equal("so many masters of masters, and no more", (n, error),
      (9, errno.ELOOP) if ours() else (2999, 0))
for n in range(n + 1):
    S.ask(DELETE, tuples(*link(n), 17, 7, 7), ACK)
equal("a chain of masters is made and freed", len(S.dump()), 1)
tcp = tuples("10.0.1.9", "10.0.2.9", 6, 7, 7) + be32(TIMEOUT, 9)
refuses("TCP state 99", S, E.ERANGE, NEW,
        tcp + nest(PROTOINFO, nest(1, u8(1, 99))), ACK | CREATE)
refuses("window scale 15", S, E.ERANGE, NEW,
        tcp + nest(PROTOINFO, nest(1, u8(2, 15))), ACK | CREATE)
dccp = tuples("10.0.1.9", "10.0.2.9", 33, 7, 7)
def info(*inside):
    return dccp + be32(TIMEOUT, 9) + nest(PROTOINFO, nest(2, *inside))
STATE, ROLE = u8(1, 4), u8(2, 0)
def number(n):
    return attr(3, n.to_bytes(8, "big"))
refuses("DCCP state IGNORE", S, E.EINVAL, NEW, info(u8(1, 8), ROLE),
        ACK | CREATE)
refuses("DCCP role 2", S, E.EINVAL, NEW, info(STATE, u8(2, 2)), ACK | CREATE)
refuses("DCCP state without role", S, E.EINVAL, NEW, info(STATE),
        ACK | CREATE)
refuses("DCCP role without state", S, E.EINVAL, NEW, info(ROLE), ACK | CREATE)
refuses("DCCP number of 4 bytes", S, E.ERANGE, NEW,
        info(STATE, ROLE, be32(3, 1)), ACK | CREATE)
if ours():
    refuses("DCCP number of 49 bits", S, E.EINVAL, NEW,
            info(STATE, ROLE, number(1 << 48)), ACK | CREATE)
equal("DCCP's state, of TCP", S.ask(NEW, tcp + nest(
    PROTOINFO, nest(2, u8(1, 99))), ACK | CREATE).error, 0)
S.ask(DELETE, tcp)
if ours():
    refuses("mask without a status", S, E.EINVAL, GET, be32(STATUS_MASK, 1),
            DUMP)
    refuses("flush by a mask without status", S, E.EINVAL, DELETE,
            be32(STATUS_MASK, 1))
refuses("status that compares nothing", S, E.EINVAL, GET, be32(STATUS, 0),
        DUMP)
refuses("filter without a tuple", S, E.EINVAL, GET, nest(FILTER, u32(1, 1)),
        DUMP)
refuses("filter flags that do not exist", S, E.EINVAL, GET,
        udp + nest(FILTER, u32(1, 1 << 20)), DUMP)
refuses("filter by port without protocol", S, E.EINVAL, GET,
        udp + nest(FILTER, u32(1, 1 << 5)), DUMP)
equal("and the entry is still there", len(S.dump()), 1)
refuses("expectations of what is not there", S, E.ENOENT, GET,
        nest(1, addresses("1.1.1.1", "2.2.2.2"), ports(6, 1, 1)), DUMP,
        subsys=EXP)
refuses("expectation flags that do not exist", S, E.EINVAL, GET,
        nest(2, addresses("1.1.1.1", "2.2.2.2"), ports(6, 1, 1)) +
        be32(8, 64), subsys=EXP)
refuses("get an expectation", S, E.ENOENT, GET,
        nest(2, addresses("1.1.1.1", "2.2.2.2"), ports(6, 1, 1)), subsys=EXP)
a = S.ask(NEW, nest(2) + nest(1) + nest(3), ACK | CREATE, subsys=EXP)
check("an expectation cannot be made of nothing", a.error != 0)

# Nothing of any length or type may do harm: the kernel must not complain.
import random
rnd = random.Random(1)
good = [udp + be32(MARK, 1), made, udp + nest(FILTER, u32(1, 0xfff)),
        tcp + nest(PROTOINFO, nest(1, u8(1, 3)))]
for turn in range(2000):
    data = bytearray(rnd.choice(good))
    for _ in range(rnd.randrange(1, 4)):
        data[rnd.randrange(len(data))] = rnd.choice([0, 1, 4, 5, 8, 255,
                                                     rnd.randrange(256)])
    S.ask(rnd.choice([NEW, GET, GET, CTRZERO]), bytes(data),
          ACK | rnd.choice([0, CREATE]), family=rnd.choice([2, 2, 10, 0]),
          subsys=rnd.choice([CT, CT, CT, EXP]))
ok("2000 mangled requests")
S.ask(DELETE)
equal("flush", S.dump(), [])
END

# --- Filters in the kernel ---

nl <<'END'
S = Socket()
for n in range(40):
    S.ask(NEW, tuples("10.0.1.%d" % (n % 4 + 1), "10.0.2.1", 6 if n % 2 else 17,
                      1000 + n, 80 + n % 8) + be32(TIMEOUT, 100) +
          be32(MARK, n), ACK | CREATE)
S.ask(NEW, tuples("fd00::1", "fd00::2", 17, 1, 2) + be32(TIMEOUT, 100),
      ACK | CREATE, family=10)


def shown(attrs, **more):
    return len(S.dump(attrs, **more))


def by(flags, *inside):
    return nest(TUPLE_ORIG, *inside) + nest(FILTER, u32(1, flags))


SRC, PROTO, DPORT = 1, 8, 32
equal("all", shown(b"", family=0), 41)
equal("by family", shown(b"", family=10), 1)
equal("by mark", shown(be32(MARK, 7)), 1)
equal("by masked mark", shown(be32(MARK, 3) + be32(MARK_MASK, 7)), 5)
equal("by status", shown(be32(STATUS, ASSURED)), 0)
equal("by source", shown(by(SRC, addresses("10.0.1.2", "0.0.0.0"))), 10)
equal("by protocol", shown(by(PROTO, nest(2, u8(1, 6)))), 20)
equal("by port", shown(by(PROTO | DPORT, nest(2, u8(1, 6), be16(3, 81)))), 5)
equal("by source and port", shown(by(SRC | PROTO | DPORT,
      addresses("10.0.1.2", "0.0.0.0"), nest(2, u8(1, 6), be16(3, 81)))), 5)
if ours():
    equal("by zone", (shown(be16(ZONE, 0)), shown(be16(ZONE, 4))), (40, 0))
    v6 = nest(TUPLE_ORIG, addresses("fd00::1", "::")) + nest(FILTER, u32(1, SRC))
    equal("by IPv6 source", shown(v6, family=10), 1)
    def zoned(n, orig, reply):
        return (nest(TUPLE_ORIG, addresses("10.0.3.1", "10.0.2.9"),
                     ports(17, n, 53), *orig) +
                nest(TUPLE_REPLY, addresses("10.0.2.9", "10.0.3.1"),
                     ports(17, 53, n), *reply) + be32(TIMEOUT, 100))

    for n, (orig, reply) in enumerate((([be16(3, 8)], []), ([], [be16(3, 9)]))):
        S.ask(NEW, zoned(n, orig, reply), ACK | CREATE)
    equal("by a zone of one direction", [shown(be16(ZONE, zone))
                                         for zone in (0, 8, 9)], [40, 1, 1])
    S.ask(DELETE, be16(ZONE, 8))
    equal("flush by a zone", [shown(be16(ZONE, zone))
                              for zone in (0, 8, 9)], [40, 0, 1])
    S.ask(DELETE, be16(ZONE, 9))
    equal("flush by filter", S.ask(DELETE, by(PROTO, nest(2, u8(1, 6)))).error,
          0)
    equal("flushed those and no other", shown(b"", family=0), 21)
equal("flush by mark", S.ask(DELETE, be32(MARK, 0) +
      be32(MARK_MASK, 2)).error, 0)
equal("flushed those", shown(be32(MARK, 0) + be32(MARK_MASK, 2)), 0)
equal("flush of a family", S.ask(DELETE, family=10, version=1).error, 0)
equal("leaves the other", (shown(b"", family=10),
      shown(b"", family=2) > 0), (0, True))
S.ask(DELETE)
END

# --- Many: each exactly once, while the table changes and is resized ---

nl <<'END'
S, D = Socket(), Socket()
STAY, COME = 2000, 6000


def create(first, last):
    for n in range(first, last):
        a = S.ask(NEW, numbered(n) + be32(TIMEOUT, 600), ACK | CREATE | EXCL)
        if a.error:
            raise OSError(a.error, "entry %d" % n)


create(0, STAY)
stay = set(m.key() for m in S.dump())
equal("as many as were made", len(stay), STAY)
got, done, n = [], False, STAY
D.send(GET, flags=DUMP)
while not done:
    for m in D.read(20, 8192):
        done = done or m.control == DONE
        if not m.control:
            got.append(m.key())
    if n < COME:
        create(n, n + 200)
        n += 200
if ours():
    equal("none twice", len(got), len(set(got)))
    check("none left out", stay <= set(got), "%d missing" %
          len(stay - set(got)))
create(n, COME)
equal("stats count them", S.ask(STATS).messages[0].number(1), COME)
S.ask(DELETE)
equal("flush of all", S.dump(), [])
END

# --- At the limit, all of it established connections ---

limit()
{
	sysctl -qw net.netfilter.nf_conntrack_max="$1"
	! ours || n0 sysctl -qw net.netfilter.nf_conntrack_max="$1"
}

limit 20
nl <<'END'
S = Socket()
for n in range(40):
    a = S.ask(NEW, numbered(n, 6) + be32(TIMEOUT, 600) +
              be32(STATUS, CONFIRMED | SEEN_REPLY | ASSURED) +
              nest(PROTOINFO, nest(1, u8(1, 3))), ACK | CREATE)
    if a.error:
        break
equal("a full table", errno.errorcode.get(a.error), "ENOMEM")
check("about as many as the limit", 15 <= n <= 25, n)
if ours():
    check("it says why", a.text and "limit" in a.text, a.text)
S.ask(DELETE)
END
limit 100000

# --- Events: all, in order, to one who insists ---

nl <<'END'
S = Socket()
E = Socket(GROUP_NEW, GROUP_UPDATE, GROUP_DESTROY)
E.s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)      # SO_RCVBUFFORCE
N = 500
for n in range(N):
    S.ask(NEW, numbered(n) + be32(TIMEOUT, 600), ACK | CREATE)
    S.ask(NEW, numbered(n) + be32(MARK, 1), ACK)
S.ask(DELETE)
for n in range(N):      # the same tuples again
    S.ask(NEW, numbered(n) + be32(TIMEOUT, 600), ACK | CREATE)
S.ask(DELETE)
life = {}
for m in E.events():
    what = "D" if m.kind == DELETE else "N" if m.flags & CREATE else "U"
    life.setdefault(m.key(), []).append(what)
equal("lives of entries that follow on each other",
      set("".join(l) for l in life.values()), {"NUDND"})
equal("of all of them", len(life), N)

E = Socket(GROUP_NEW, GROUP_DESTROY)
E.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
E.option(BROADCAST_ERROR, 1)
E.option(NO_ENOBUFS, 1)
N = 1000
for n in range(N):
    S.ask(NEW, numbered(n) + be32(TIMEOUT, 600), ACK | CREATE)
life = {}
if ours():
    for m in E.events():
        life.setdefault(m.key(), []).append(m.kind)
    equal("a slow listener who asked for errors gets every NEW",
          (len(life), set(map(tuple, life.values()))), (N, {(NEW,)}))
    S.ask(DELETE)
    gone = [m.key() for m in E.events() if m.kind == DELETE]
    equal("and every DESTROY", (len(gone), set(gone) == set(life)), (N, True))
S.ask(DELETE)
END

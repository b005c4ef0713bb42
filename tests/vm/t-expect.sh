#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Expectations: made by netlink, listed, met by packets, which are RELATED then; how
# they end; by nftables' object. nf_conntrack takes them for connections that have a
# helper only, so with that those have one.
# seconds: 60
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe -q tun
namespace n0
must_load
ours || modprobe -a nf_conntrack_irc nf_conntrack_ftp

# RELATED and NEW are counted as they come in, zone 5 is that of packets to 5055.
cat >"$TMP/expect.py" <<'END'
import errno as E
import time

from raw import *
from nl import *

MASTER, TUPLE, MASK, EXP_TIMEOUT, EXP_ID, HELP_NAME, EXP_ZONE, FLAGS, CLASS, \
    NAT, FN = range(1, 12)
PERMANENT, INACTIVE, USERSPACE = 1, 2, 4
EXP_NEW, EXP_DESTROY = 4, 6
EXPECTED = 1
S = Socket()


def nft(text):
    done = subprocess.run(("nft", "-f", "-"), input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise ValueError("%s\nof %s" % (done.stdout, text))


def tuple_of(kind, src, sport, dst, dport, proto=6):
    return nest(kind, addresses(src, dst), ports(proto, sport, dport))


def family(address):
    return 10 if ":" in address else 2


# A client's connection to a server: A:4000 to B:21, as if it were established.
def make_master(sport=4000, a=A4, b=B4, zone=None, mark=None):
    more = b""
    if not ours():
        more += nest(HELP, attr(1, b"ftp\0" if ":" in a else b"irc\0"))
    if mark is not None:
        more += be32(MARK, mark)
    if zone is not None:
        more += be16(ZONE, zone)
    return S.ask(NEW, tuples(a, b, 6, sport, 21) + be32(TIMEOUT, 500) +
                 be32(STATUS, CONFIRMED | ASSURED | SEEN_REPLY) + more,
                 ACK | CREATE | EXCL, family=family(a)).error


def master(sport=4000, a=A4, b=B4):
    return tuple_of(MASTER, a, sport, b, 21)


# What the server is expected to open: B, any port, to A:dport.
def expectation(dport, sport=0, mask=("255.255.255.255", 0), proto=6,
                src=B4, dst=A4, timeout=100, by=None):
    whole = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" if ":" in src else \
        "255.255.255.255"
    return (tuple_of(TUPLE, src, sport, dst, dport, proto) +
            tuple_of(MASK, mask[0], mask[1], whole, 0xffff, proto) +
            (master() if by is None else by) +
            (be32(EXP_TIMEOUT, timeout) if timeout is not None else b""))


def expect(dport, more=b"", flags=ACK | CREATE | EXCL, **what):
    six = ":" in what.get("src", B4)
    return S.ask(NEW, expectation(dport, **what) + more, flags, subsys=EXP,
                 family=10 if six else 2)


def listed(**more):
    return S.dump(subsys=EXP, family=0, **more)


def dport_of(value):
    inside = dict((k & 0x3fff, v) for k, v in parse(value))
    return int.from_bytes(dict(parse(inside[2]))[3], "big")


def expect_ports():
    return sorted(dport_of(m.get(TUPLE)) for m in listed())


def flush_expect():
    S.ask(DELETE, subsys=EXP)


def entry(src, sport, dst, dport, proto=6):
    """Of netlink, by its original tuple."""
    a = S.ask(GET, tuple_of(TUPLE_ORIG, src, sport, dst, dport, proto),
              family=family(src))
    return a.messages[0] if a.messages else None


RULES = """
table inet t
delete table inet t
table inet t {
    %s
    chain prerouting {
        type filter hook prerouting priority raw
        tcp dport 5055 ct zone set 5
    }
    chain forward {
        type filter hook forward priority 0
        ct state related counter comment "related"
        ct state new counter comment "new"
        %s
    }
}
"""


def rules(objects="", more=""):
    nft(RULES % (objects, more))


def counted(name):
    out = run("nft", "list", "table", "inet", "t").stdout
    return int(re.search(r'packets (\d+) .*comment "%s"' % name,
                         out).group(1))


def comes(packet, side="b"):
    """What rules say of it: related, new, or else."""
    before = counted("related"), counted("new")
    if wire.pass_on(side, packet) is None:
        return "lost"
    after = counted("related"), counted("new")
    return {(1, 0): "related", (0, 1): "new", (0, 0): "neither"}[
        after[0] - before[0], after[1] - before[1]]


def syn(sport, dport, src=B4, dst=A4):
    return tcp_packet(src, dst, sport, dport, "S", 100)


def until_gone(*modules):
    """They can be unloaded, some time after their last rule has gone."""
    for _ in range(100):
        if all(run("rmmod", m).returncode == 0 for m in modules
               if os.path.exists("/sys/module/%s/initstate" % m)):
            return True
        time.sleep(0.1)
    return False


def fresh():
    """Nothing is there but the first master."""
    flush()
    flush_expect()
    equal_quietly("a master", make_master(), 0)


def equal_quietly(name, got, want):
    if got != want:
        not_ok(name, "got %r, wanted %r" % (got, want))


wire = Wire()
rules()
END

expect()
{
	nl <<-END
		exec(compile(open("$TMP/expect.py").read(), "expect.py", "exec"))
		$(cat)
	END
}

# --- requests ---

expect <<'END'
fresh()
equal("nothing is expected", listed(), [])
equal("an expectation that cannot be made: it is not there",
      expect(5000, flags=ACK).error, E.ENOENT)
equal("an expectation", expect(5000).error, 0)
equal("it is there already", expect(5000).error, E.EEXIST)
equal("its time is changed", expect(5000, timeout=300, flags=ACK).error, 0)
row = listed()
equal("one is listed", len(row), 1)
m = row[0]
equal("its type, family, subsystem", (m.kind, m.family, m.subsys),
      (NEW, 2, EXP))
six = [(1, 4), (2, 4)]
tcp = [(1, 1), (2, 2), (3, 2)]
nested = {TUPLE: {1: {}, 2: {}}, MASK: {1: {}, 2: {}}, MASTER: {1: {}, 2: {}}}
want = [(k, [(1, six), (2, tcp)]) for k in (TUPLE, MASK, MASTER)] + [
    (EXP_TIMEOUT, 4), (EXP_ID, 4), (FLAGS, 4), (CLASS, 4)]
if not ours():
    want.append((HELP_NAME, 4))
equal("its attributes", tree(m.attrs, nested), want)
equal("its tuple", m.get(TUPLE),
      tuple_of(TUPLE, B4, 0, A4, 5000)[4:])
equal("its mask", m.get(MASK),
      tuple_of(MASK, "255.255.255.255", 0, "255.255.255.255", 0xffff)[4:])
equal("its master", m.get(MASTER), master()[4:])
check("its time", 295 <= m.number(EXP_TIMEOUT) <= 300, m.number(EXP_TIMEOUT))
equal("its class", m.number(CLASS), 0)
equal("its flags", m.number(FLAGS), USERSPACE if ours() else 0)

named = tuple_of(TUPLE, B4, 77, A4, 5000)
got = S.ask(GET, named, subsys=EXP)
without_time = lambda m: [
    (k, v) for k, v in parse(m.attrs) if k != EXP_TIMEOUT]
equal("get the one that a packet would meet",
      [without_time(g) for g in got.messages], [without_time(m)])
right, wrong = attr(EXP_ID, m.get(EXP_ID)), be32(EXP_ID, 12345)
equal("by its id", len(S.ask(GET, named + right, subsys=EXP).messages), 1)
refuses("by another id", S, E.ENOENT, GET, named + wrong, subsys=EXP)
refuses("not its own master's", S, E.ENOENT, GET,
        tuple_of(TUPLE, A4, 77, B4, 5000), subsys=EXP)
refuses("of no tuple", S, E.EINVAL, GET, subsys=EXP)
refuses("delete by another id", S, E.ENOENT, DELETE, named + wrong,
        subsys=EXP)
equal("delete by its id", S.ask(DELETE, named + right, subsys=EXP).error, 0)
refuses("it is gone", S, E.ENOENT, DELETE, named, subsys=EXP)

for what in (TUPLE, MASK, MASTER):
    whole = {TUPLE: tuple_of(TUPLE, B4, 0, A4, 1),
             MASK: tuple_of(MASK, B4, 0, A4, 1), MASTER: master()}
    del whole[what]
    refuses("attribute %d is missing" % what, S, E.EINVAL, NEW,
            b"".join(whole.values()), ACK | CREATE, subsys=EXP)
refuses("a master that does not exist", S, E.ENOENT, NEW,
        expectation(1, by=master(9)), ACK | CREATE, subsys=EXP)
refuses("a class that does not exist", S, E.EINVAL, NEW,
        expectation(1) + be32(CLASS, 9), ACK | CREATE, subsys=EXP)
refuses("a function that does not exist", S, E.EINVAL, NEW,
        expectation(1) + attr(FN, b"none\0"), ACK | CREATE, subsys=EXP)
refuses("a translation without a direction", S, E.EINVAL, NEW,
        expectation(1) + nest(NAT, tuple_of(2, A4, 1, B4, 2)), ACK | CREATE,
        subsys=EXP)
refuses("a direction that does not exist", S, E.ERANGE, NEW,
        expectation(1) + nest(NAT, be32(1, 2), tuple_of(2, A4, 1, B4, 2)),
        ACK | CREATE, subsys=EXP)
refuses("flags that do not exist", S, E.EINVAL, NEW,
        expectation(1) + be32(FLAGS, 8), ACK | CREATE, subsys=EXP)
if ours():
    refuses("no time", S, E.EINVAL, NEW, expectation(1, timeout=None),
            ACK | CREATE, subsys=EXP)
equal("none of these was made", listed(), [])

equal("for who translates", expect(5001, nest(
    NAT, be32(1, 1), tuple_of(2, "1.2.3.4", 99, B4, 2))).error, 0)
equal("what was said of it", listed()[0].get(NAT),
      (be32(1, 1) + tuple_of(2, "1.2.3.4", 99, "0.0.0.0", 0)))
flush_expect()
equal("all are deleted", listed(), [])

# The same for two, and what a packet could meet both of.
make_master(4001)
equal("one", expect(5000, sport=20, mask=("255.255.255.255", 0xffff)).error, 0)
equal("one that is a part of that", expect(5000).error, E.EBUSY)
equal("the same of another master", expect(
    5000, sport=20, mask=("255.255.255.255", 0xffff),
    by=master(4001)).error, E.EEXIST)
equal("of another source", expect(
    5000, sport=21, mask=("255.255.255.255", 0xffff)).error, 0)
equal("of another target", expect(5001, by=master(4001)).error, 0)
equal("there are three", expect_ports(), [5000, 5000, 5001])
got = S.ask(GET, master(4001), DUMP, subsys=EXP)
equal("one is the second master's", [dport_of(m.get(TUPLE))
                                     for m in got.messages], [5001])
equal("none is of IPv6", S.dump(subsys=EXP, family=10), [])
equal("delete those of a helper", S.ask(DELETE, attr(
    HELP_NAME, b"none\0"), subsys=EXP).error, 0)
equal("that has none", len(listed()), 3)
S.ask(DELETE, tuples(A4, B4, 6, 4000, 21))
equal("they end with their master", expect_ports(), [5001])
flush()
equal("all of them", listed(), [])
END

# --- packets ---

expect <<'END'
fresh()
S.ask(NEW, tuples(A4, B4, 6, 4000, 21) + be32(MARK, 7), ACK)
expect(5000)
equal("who is not expected is new", comes(syn(20, 4999)), "new")
equal("nor the other way round", comes(syn(5000, 30, A4, B4), "a"), "new")
equal("who is expected is related", comes(syn(20, 5000)), "related")
equal("once more, it is still that", comes(syn(20, 5000)), "related")
equal("the next one is new", comes(syn(21, 5000)), "new")
equal("nothing is expected any more", listed(), [])
e = entry(B4, 20, A4, 5000)
equal("the status says so", e.number(STATUS) & EXPECTED, EXPECTED)
equal("the master is told", e.get(TUPLE_MASTER), master()[4:])
equal("the mark is the master's", e.number(MARK), 7)
equal("of the other one nothing", entry(B4, 21, A4, 5000).get(TUPLE_MASTER),
      None)
answer = tcp_packet(A4, B4, 5000, 20, "SA", 900, 101)
equal("its answer is neither", comes(answer, "a"), "neither")
S.ask(DELETE, tuples(A4, B4, 6, 4000, 21))
equal("it stays when its master goes",
      comes(tcp_packet(B4, A4, 20, 5000, "A", 101, 901)), "neither")
equal("which it still tells", entry(B4, 20, A4, 5000).get(TUPLE_MASTER),
      master()[4:])

fresh()
expect(5000, be32(FLAGS, PERMANENT))
equal("who is always expected", [comes(syn(n, 5000)) for n in (1, 2, 3)],
      ["related"] * 3)
equal("still is", expect_ports(), [5000])
expect(5002, be32(FLAGS, INACTIVE))
equal("who is not yet", comes(syn(1, 5002)), "new")
equal("the flags", [m.number(FLAGS) & 3 for m in listed()
                    if dport_of(m.get(TUPLE)) == 5002], [INACTIVE])

fresh()
expect(5003, src="10.9.0.0", mask=("255.255.255.0", 0))
equal("from a network", comes(syn(1, 5003, "10.9.0.77")), "related")
expect(5003, src="10.9.1.0", mask=("255.255.255.0", 0))
equal("not from another one", comes(syn(2, 5003, "10.9.0.77")), "new")
flush_expect()
expect(5004, sport=20, mask=("255.255.255.255", 0xffff))
equal("from another port", comes(syn(21, 5004)), "new")
equal("from that port", comes(syn(20, 5004)), "related")
expect(5005, proto=17)
equal("by another protocol", comes(syn(20, 5005)), "new")
equal("by UDP", comes(udp_packet(B4, A4, 20, 5005, b"x")), "related")
equal("UDP once more", comes(udp_packet(B4, A4, 20, 5005, b"x")), "related")
equal("which is answered", comes(udp_packet(A4, B4, 5005, 20, b"x"), "a"),
      "neither")
equal("and then is not related any more",
      comes(udp_packet(B4, A4, 20, 5005, b"x")), "neither")
expect(5006)
if ours():
    equal("a packet that begins nothing", comes(
        tcp_packet(B4, A4, 20, 5006, "R", 5)), "neither")
    equal("does not use it up", expect_ports(), [5006])

# IPv6
equal("a master of IPv6", make_master(4006, A6, B6), 0)
equal("by IPv6", expect(
    5000, src=B6, dst=A6, mask=("ffff:" * 7 + "ffff", 0),
    by=master(4006, A6, B6)).error, 0)
equal("one is of IPv6", len(S.dump(subsys=EXP, family=10)), 1)
equal("related by IPv6", comes(syn(20, 5000, B6, A6)), "related")

# By who was handed a packet, with his verdict: NFQA_EXP
nft("add rule inet t forward tcp dport 21 queue num 3")
fresh()
q = Queue(3)
wire.a.send(tcp_packet(A4, B4, 4010, 21, "S", 100))
held = q.receive(10)
q.message(q.VERDICT, 1, q.attribute(2, struct.pack("!II", 1, held[0])),
          q.attribute(11 | 0x8000, q.attribute(8, struct.pack("!I", 9))),
          q.attribute(15 | 0x8000, expectation(5077, by=b"", timeout=60)))
check("the packet goes on", wire.b.receive(2))
if ours():
    equal("its connection expects", [(dport_of(m.get(TUPLE)), m.get(MASTER))
                                     for m in listed()],
          [(5077, tuple_of(MASTER, A4, 4010, B4, 21)[4:])])
    equal("who is related", comes(syn(20, 5077)), "related")
q.socket.close()
rules()

# A function of ct_nat's: to another port of the client
nft("""table ip nat {
    chain pre { type nat hook prerouting priority -100; }
    chain post { type nat hook postrouting priority 100; }
}""".replace("; }", "\n}"))
fresh()
equal("who is translated", expect(5078, attr(FN, b"nat-follow-master\0") + nest(
    NAT, be32(1, 1), tuple_of(2, A4, 6078, B4, 21))).error, 0)
equal("by whom is listed", listed()[0].get(FN), b"nat-follow-master\0")
wire.b.send(syn(20, 5078))
out = wire.a.receive(2)
equal("comes to the saved port", out and out[20:24],
      struct.pack("!HH", 20, 6078))
equal("its answers come from where it went to", wire.pass_on("a", tcp_packet(
    A4, B4, 6078, 20, "SA", 900, 101))[20:24], struct.pack("!HH", 5078, 20))
expect(5079, attr(FN, b"nat-follow-master\0"))
nft("delete table ip nat")
if ours():
    check("ct_nat goes", until_gone("ct_nft_nat", "ct_nat"))
    equal("and what it was to translate", listed(), [])
    refuses("then there is no such function", S, E.EINVAL, NEW,
            expectation(1) + attr(FN, b"nat-follow-master\0"),
            ACK | CREATE, subsys=EXP)

# Zones
fresh()
make_master(4005, zone=5)
equal("in a zone", expect(5055, be16(EXP_ZONE, 5), by=master(4005)).error, 0)
equal("in the other zone", expect(5054).error, 0)
equal("related in its zone", comes(syn(20, 5055)), "related")
expect(5055)
equal("not in another one", comes(syn(21, 5055)), "new")
equal("related in the other zone", comes(syn(20, 5054)), "related")
END

# --- events ---

expect <<'END'
L = Socket(EXP_NEW, 5, EXP_DESTROY, GROUP_NEW, GROUP_DESTROY)
fresh()
L.events(0.5)


def heard(wait=0.5):
    return [(m.subsys, m.kind, m.flags & 0x600) for m in L.events(wait)]

begun = (EXP, NEW, 0x600)
ended = (EXP, DELETE, 0)
expect(5000)
equal("an expectation is told", heard(), [begun])
comes(syn(20, 5000))
first = [m for m in L.events(0.5)]
equal("its end, and the connection that met it",
      [(m.subsys, m.kind, m.flags & 0x600) for m in first],
      [ended, (CT, NEW, 0x600)])
equal("whose master is told", first[1].get(TUPLE_MASTER), master()[4:])
expect(5001)
L.events(0.5)
a = S.ask(DELETE, tuple_of(TUPLE, B4, 0, A4, 5001), ACK | ECHO, subsys=EXP)
equal("one that is deleted", heard(), [ended])
equal("who asked for an echo gets one", len(S.events(0.5)) + len(a.echoes) +
      len(a.messages), 1)
expect(5002)
expect(5003)
L.events(0.5)
S.ask(DELETE, tuples(A4, B4, 6, 4000, 21))
equal("those of a master, behind it", heard(),
      [(CT, DELETE, 0), ended, ended])
if ours():
    make_master()
    L.events(0.5)
    expect(5004, timeout=1)
    equal("one that is not met in time", heard(3), [begun, ended])
    equal("is gone", listed(), [])

# A rule says which events of what a connection expects are told.
def chosen(sport, words):
    """Of one that is expected and deleted, and of one that ends with its master."""
    rule = ["raw", "-A", "PREROUTING", "-p", "tcp", "--sport", str(sport),
            "-j", "CT"] + words.split()
    done = run("iptables-legacy", "-t", *rule)
    equal_quietly("the rule", (done.returncode, done.stderr), (0, ""))
    wire.pass_on("a", syn(sport, 21, A4, B4))
    L.events(0.5)
    equal_quietly("expected", [expect(n, by=master(sport)).error
                               for n in (5005, 5006)], [0, 0])
    S.ask(DELETE, tuple_of(TUPLE, B4, 0, A4, 5005), subsys=EXP)
    S.ask(DELETE, tuples(A4, B4, 6, sport, 21))
    return heard()


gone = (CT, DELETE, 0)
if ours():
    equal("events: new", chosen(4020, "--expevents new"), [begun, begun])
    equal("events: new, and others of the master",
          chosen(4021, "--expevents new --ctevents destroy"),
          [begun, begun, gone])
    equal("events: others of the master", chosen(4023, "--ctevents destroy"),
          [gone])
    equal("events: all", chosen(4024, "--zone 0"),
          [begun, begun, ended, gone, ended])
    run("iptables-legacy", "-t", "raw", "-F")
END

# --- numbers ---

expect <<'END'
fresh()
before = S.dump(kind=3, subsys=EXP)
def sums(rows):
    return [sum(r.number(k) for r in rows) for k in (1, 2, 3)]
then = sums(before)
equal("the type of what tells the numbers", {(m.subsys, m.kind)
                                             for m in before}, {(CT, 3)})
for n in range(3):
    expect(5000 + n)
comes(syn(20, 5001))
flush_expect()
now = sums(S.dump(kind=3, subsys=EXP))
equal("met, made, ended", [b - a for a, b in zip(then, now)], [1, 3, 3])

with open("/proc/sys/net/netfilter/nf_conntrack_expect_max") as f:
    limit = f.read()
check("there is a limit", int(limit) > 0)
END

# The sysctl is the first namespace's, and holds for each by itself.
is "the limit cannot be written elsewhere" \
	"$(n0 stat -c %a /proc/sys/net/netfilter/nf_conntrack_expect_max)" 444
max=$(sysctl -n net.netfilter.nf_conntrack_expect_max)
check_fails "no limit is none" sysctl -w net.netfilter.nf_conntrack_expect_max=0
sysctl -q net.netfilter.nf_conntrack_expect_max=5
expect <<'END'
fresh()
equal("as many as may be", [expect(n).error for n in range(1, 8)],
      [0] * 5 + [E.EMFILE] * 2)
END
sysctl -q net.netfilter.nf_conntrack_expect_max=5000
if ours; then
	expect <<'END'
fresh()
for n in range(1, 301):
    expect(n)
equal("of one connection no more than 255", expect_ports(),
      list(range(46, 301)))
for n in range(1, 5):
    make_master(6000 + n)
    for p in range(250):
        equal_quietly("made", expect(1000 * n + p, by=master(6000 + n)).error,
                      0)
want = list(range(46, 301)) + [1000 * n + p for n in range(1, 5)
                               for p in range(250)]
equal("each is listed once", expect_ports(), want)
got = S.ask(GET, master(6002), DUMP, subsys=EXP).messages
equal("each of one master", sorted(dport_of(m.get(TUPLE)) for m in got),
      list(range(2000, 2250)))
flush_expect()
S.ask(DELETE, tuples(A4, B4, 6, 6001, 21))
S.ask(NEW, tuples(A4, B4, 6, 6001, 21) + be32(TIMEOUT, 500) +
      be32(STATUS, CONFIRMED), ACK | CREATE)
equal("there is room for more of one target", [expect(
    9, src="10.9.0.%d" % n, by=master(6001 if n in (7, 8) else 6002)).error
    for n in range(70)], [0] * 70)
def host_of(value):
    inside = dict((k & 0x3fff, v) for k, v in parse(value))
    return dict(parse(inside[1]))[1][3]
equal("64 of it stay: first those go whose master has no answer, then the oldest",
      sorted(host_of(m.get(TUPLE)) for m in listed()),
      [4, 5, 6] + list(range(9, 70)))
flush()
equal("nothing is left", listed(), [])
END
fi
sysctl -q "net.netfilter.nf_conntrack_expect_max=$max"

# --- the tool ---

ct_expect()
{
	n0 timeout 10 conntrack "$@" 2>"$TMP/err"
}
ip netns exec n0 conntrack -E expect >"$TMP/events" 2>"$TMP/err" &
tool=$!
options="--orig-src 10.8.0.1 --orig-dst 10.9.0.1 -p tcp --orig-port-src 4000
	--orig-port-dst 21 --tuple-src 10.9.0.1 --tuple-dst 10.8.0.1
	--tuple-port-src 0 --tuple-port-dst 5000 --mask-src 255.255.255.255
	--mask-dst 255.255.255.255 --mask-port-src 0 --mask-port-dst 65535"
# It takes a while until it listens, and then a master is told of.
listening_tool()
{
	n0 ss -f netlink -n | grep -q ctnl || n0 cat /proc/net/netlink |
		awk '$2 == 12 && $4 ~ /8$/' | grep -q .
}
check "conntrack -E expect" until_true listening_tool
expect <<'END'
fresh()
END
insert_and_flush()
{
	# shellcheck disable=SC2086
	ct_expect -I expect $options -t 100 && ct_expect -F expect &&
		grep -q NEW "$TMP/events" && grep -q DESTROY "$TMP/events"
}
check "conntrack -E expect sees what -I and -F do" until_true insert_and_flush
kill $tool
wait $tool
check "NEW, too" grep -q 'NEW.*master-src=10.8.0.1' "$TMP/events"
# shellcheck disable=SC2086
check "conntrack -I expect" ct_expect -I expect $options -t 100
check "conntrack -L expect" eval 'ct_expect -L expect |
	grep -q "src=10.9.0.1 dst=10.8.0.1 mask-src=255.255.255.255 mask-dst=255.255.255.255 master-src=10.8.0.1 master-dst=10.9.0.1 sport=4000 dport=21"'
check "conntrack -F expect" ct_expect -F expect
is "nothing is left" "$(ct_expect -L expect)" ""

# --- nftables ---

expect <<'END'
fresh()
rules("""ct expectation data {
        protocol udp
        dport 6000
        timeout 1m
        size 2
        l3proto ip
    }""", 'tcp dport 21 ct expectation set "data"')
equal("a client", comes(syn(5000, 21, A4, B4), "a"), "new")
equal("by its first packet its server is expected", expect_ports(), [6000])
m = listed()[0]
equal("from any port", m.get(TUPLE), tuple_of(TUPLE, B4, 0, A4, 6000, 17)[4:])
equal("the mask", m.get(MASK), tuple_of(
    MASK, "255.255.255.255", 0, "255.255.255.255", 0xffff, 17)[4:])
equal("by it", m.get(MASTER), tuple_of(MASTER, A4, 5000, B4, 21)[4:])
equal("the flags", m.number(FLAGS), 0)
equal("no more by the next packet", (comes(tcp_packet(
    B4, A4, 21, 5000, "SA", 900, 101)), comes(tcp_packet(
        A4, B4, 5000, 21, "A", 101, 901), "a"), expect_ports()),
    ("neither", "neither", [6000]))
equal("the server comes", comes(udp_packet(B4, A4, 20, 6000, b"x")),
      "related")
equal("another one comes", comes(udp_packet("10.9.0.9", A4, 20, 6000, b"x")),
      "new")
def data(name, port, size):
    return """ct expectation %s {
        protocol udp
        dport %d
        timeout 1m
        size %d
        l3proto ip
    }
    """ % (name, port, size)


SET = 'tcp dport 21 ct expectation set "%s"\n'
flush()
rules(data("one", 6001, 1) + data("two", 6002, 1) + data("three", 6003, 2),
      SET % "one" + SET % "two" + SET % "three")
equal("a client of three objects", comes(syn(5001, 21, A4, B4), "a"), "new")
equal("of which the second has no room", expect_ports(), [6001, 6003])
equal("a client of IPv6, which they are not for",
      comes(syn(5001, 21, A6, B6), "a"), "new")
if ours():
    equal("expects nothing", expect_ports(), [6001, 6003])
rules()
flush()
equal("the object goes", "expectation" in run(
    "nft", "list", "ruleset").stdout, False)

TEXT = """table inet t {
	ct expectation a {
		protocol tcp
		dport 5000
		timeout 1h
		size 12
		l3proto ip
	}

	ct expectation b {
		protocol udp
		dport 65535
		timeout 10s
		size 255
		l3proto ip6
	}

	chain c {
		ct expectation set "a"
	}
}
"""
nft("table inet t\ndelete table inet t\n" + TEXT)
equal("listed as it was put", run("nft", "list", "table", "inet", "t").stdout,
      TEXT)
rules()
END

# Who spoofs clients takes no room from others, nor keeps anybody from beginning.
if ours; then
	cat >"$TMP/many.py" <<'END'
fresh()
rules("""ct expectation one {
        protocol udp
        dport 6001
        timeout 1m
        size 1
        l3proto ip
    }""", 'tcp dport 21 ct expectation set "one"')


def servers_reached(n):
    return [wire.pass_on("a", syn(5002, 21, A4, "10.9.0.%d" % (i + 1)))
            is not None for i in range(n)]
END
	expect <<-END
		exec(open("$TMP/many.py").read())
		equal("a client reaches 70 servers", servers_reached(70), [True] * 70)
		equal("64 are expected to answer by UDP", expect_ports(), [6001] * 64)
		flush()
	END
	sysctl -q net.netfilter.nf_conntrack_expect_max=3
	expect <<-END
		exec(open("$TMP/many.py").read())
		equal("where no more may be expected it reaches them, too",
		      servers_reached(5), [True] * 5)
		equal("so it is", expect_ports(), [6001] * 3)
		flush()
	END
	sysctl -q "net.netfilter.nf_conntrack_expect_max=$max"
fi

# --- at once, and in namespaces that go ---

cat >"$TMP/load.py" <<'END'
import random
rnd = random.Random(SEED)
end = time.monotonic() + 4
errors = set()
while time.monotonic() < end:
    n = rnd.randrange(8)
    what = rnd.randrange(10)
    if what < 5:
        errors.add(expect(rnd.randrange(5000, 5016), be32(
            FLAGS, rnd.choice((0, 0, 0, PERMANENT))), timeout=rnd.choice(
                (0, 1, 100)), by=master(7000 + n)).error)
    elif what == 5:
        S.ask(DELETE, tuples(A4, B4, 6, 7000 + n, 21))
    elif what == 6:
        make_master(7000 + n)
    elif what == 7:
        listed()
    elif what == 8:
        S.ask(DELETE, tuple_of(TUPLE, B4, 0, A4, rnd.randrange(5000, 5016)),
              subsys=EXP)
    else:
        flush_expect()
finish() if {0} <= errors <= {0, E.EEXIST, E.EBUSY, E.ENOENT, E.ESHUTDOWN,
                       E.EALREADY} else sys.exit(str(errors))
END
at_once()
{
	expect <<-END
		for n in range(8):
		    make_master(7000 + n)
		setup = open("$TMP/expect.py").read().rpartition("wire = Wire()")[0]
		code = setup + open("$TMP/load.py").read()
		loads = [subprocess.Popen(["python3", "-c", "SEED = %d\n" % n + code])
		         for n in range(3)]
		n = 0
		while any(p.poll() is None for p in loads):
		    n += 1
		    wire.b.send(syn(n % 60000 + 1, 5000 + n % 16))
		    if n % 50 == 0:
		        time.sleep(0.01)
		equal("who expects has had no trouble", [p.returncode for p in loads],
		      [0] * 3)
		check("some were met, some were not", counted("related") and
		      counted("new"), counted("related"))
		flush()
		equal("nothing is left afterwards", listed(), [])
	END
}
at_once

# With packets on their way the namespace goes, and the module.
traffic()
{
	expect <<-'END' >"$TMP/traffic" 2>&1 &
		fresh()
		for n in range(8):
		    expect(n + 1, be32(FLAGS, PERMANENT if n % 2 else 0))
		print("begun", len(listed()), flush=True)
		n = 0
		while True:
		    n += 1
		    wire.b.send(syn(n % 60000 + 1, n % 16 + 1))
	END
	check "packets come, some are expected" until_true grep -q '^begun 8' \
		"$TMP/traffic"
	sleep 0.5
}
stop_traffic()
{
	ip netns pids n0 | xargs -r kill -KILL
	wait
}
traffic
stop_traffic
ip netns del n0
namespace n0
ours || n0 nft 'add table inet x'
traffic
n0 nft flush ruleset
if ours; then
	check "the tracker goes" unload
	is "no entry is left" "$(slab)" ""
fi
stop_traffic

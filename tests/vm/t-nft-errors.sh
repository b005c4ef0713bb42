#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What nft never sends: rules, sets and objects as raw messages to nf_tables,
# the error of each, and the bytes of how each expression is dumped.
# Where nf_conntrack differs, that is stated: only(ct, nf_conntrack).
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# Tracking is on by rules only, so that what a wrong one leaves can be seen.
HOOKS=demand must_load
namespace n0

# nft: a program for nft.py on standard input, run in n0.
nft_py()
{
	local out=$TMP/nft.$RANDOM

	n0 python3 -c '
import sys
from nft import *
exec(compile(sys.stdin.read(), "test", "exec"))
finish()' | tee "$out"
	[ "${PIPESTATUS[0]}" -eq 0 ] || FAILED=$((FAILED + 1))
	DONE=$((DONE + $(grep -c '^ok\|^not ok' "$out")))
}

nft_py <<'END'
t = Tables()
t.prepare()


def acct():
    with open("/proc/sys/net/netfilter/nf_conntrack_acct") as f:
        return f.read().strip()


# --- what each key takes ---

NO, NEEDS, MAY, FORGETS = range(4)
DIRECTIONS = {
    NO: "ok EINVAL EINVAL EINVAL EINVAL",
    NEEDS: "EINVAL ok ok EINVAL EINVAL",
    MAY: "ok ok ok EINVAL EINVAL",
    FORGETS: "ok ok ok EINVAL EINVAL",
}


def with_directions(make):
    """The errors without a direction, and with these."""
    return " ".join(t.rule_says(IP, *make(*more)) for more in
                    [()] + [(direction(n),) for n in (0, 1, 2, 255)])


def last_register(size):
    return 24 - (size + 3) // 4


# As it is dumped: 16 bytes at 20 are the register that used to be 4.
def shown_register(n):
    return n if n % 4 else n // 4 - 1


READ = [
    # key, name, direction, bytes
    (STATE, "state", NO, 4),
    (DIRECTION, "direction", NO, 1),
    (STATUS, "status", NO, 4),
    (MARK, "mark", NO, 4),
    (SECMARK, "secmark", NO, 4),
    (EXPIRATION, "expiration", NO, 4),
    (HELPER, "helper", NO, 16),
    (L3PROTOCOL, "l3proto", FORGETS, 1),
    (SRC, "saddr", NEEDS, 4),
    (DST, "daddr", NEEDS, 4),
    (PROTOCOL, "protocol", FORGETS, 1),
    (PROTO_SRC, "proto-src", NEEDS, 2),
    (PROTO_DST, "proto-dst", NEEDS, 2),
    (LABELS, "label", NO, 16),
    (ZONE, "zone", MAY, 2),
    (SRC_IP, "ip saddr", NEEDS, 4),
    (DST_IP, "ip daddr", NEEDS, 4),
    (SRC_IP6, "ip6 saddr", NEEDS, 16),
    (DST_IP6, "ip6 daddr", NEEDS, 16),
    (ID, "id", NO, 4),
    # These turn accounting on.
    (PKTS, "packets", MAY, 8),
    (BYTES, "bytes", MAY, 8),
    (AVGPKT, "avgpkt", MAY, 8),
]
for number, name, how, size in READ:
    if number == PKTS:
        equal("reading what does not count leaves accounting", acct(), "0")
    last = last_register(size)
    more = (direction(1),) if how == NEEDS else ()
    equal("%s: directions" % name,
          with_directions(lambda *d: [get(number, *d)]), DIRECTIONS[how])
    equal("%s: the last register for %d bytes" % (name, size),
          t.rule_shown(IP, get(number, *more, reg=last)),
          get(number, *more, reg=shown_register(last)))
    equal("%s: not the next one" % name,
          t.rule_says(IP, get(number, *more, reg=last + 1)), "ERANGE")
    if how != NO:
        equal("%s: dumped %s direction" %
              (name, "without" if how == FORGETS else "with"),
              t.rule_shown(IP, get(number, direction(1))),
              get(number) if how == FORGETS else get(number, direction(1)))
equal("reading counters turns accounting on", acct(), "1")

WRITE = [
    (MARK, "mark set", NO, 4),
    (SECMARK, "secmark set", NO, 4),
    (EVENTMASK, "event set", NO, 4),
    (ZONE, "zone set", MAY, 2),
    (LABELS, "label set", NO, 16),
]
for number, name, how, size in WRITE:
    last = last_register(size)
    equal("%s: directions" % name,
          with_directions(lambda *d: [load(size), put(number, *d)]),
          DIRECTIONS[how])
    equal("%s: the last register for %d bytes" % (name, size),
          t.rule_shown(IP, load(size, last), put(number, reg=last)),
          put(number, reg=shown_register(last)))
    equal("%s: not the next one" % name,
          t.rule_says(IP, put(number, reg=last + 1)), "ERANGE")
    equal("%s: not the verdict" % name,
          t.rule_says(IP, put(number, reg=0)), "EINVAL")
    equal("%s: from a register that nothing was loaded to" % name,
          t.rule_says(IP, put(number)), "ok" if OLD else "ENODATA")
    if how == MAY:
        equal("%s: dumped with direction" % name,
              t.rule_shown(IP, load(size), put(number, direction(0))),
              put(number, direction(0)))
equal("label set: from a register half loaded",
      t.rule_says(IP, load(4), put(LABELS)), "ok" if OLD else "ENODATA")

for what, make, numbers in (
        ("read", get, (EVENTMASK, 24, 100, 255)),
        ("set", lambda n: put(n, reg=1),
         (STATE, DIRECTION, STATUS, EXPIRATION, HELPER, L3PROTOCOL, SRC,
          PROTO_SRC, PKTS, SRC_IP, ID, 24, 255))):
    for number in numbers:
        equal("key %d cannot be %s" % (number, what),
              t.rule_says(IP, load(16), make(number)), "EOPNOTSUPP")


# --- messages that are wrong ---

def only(ct, stock):
    return ct if ours() else stock


WRONG = [
    ("no data", [("ct", None)], "EINVAL"),
    ("empty data", [ct()], "EINVAL"),
    ("no key", [ct(dreg(1))], "EINVAL"),
    ("no register", [ct(key(STATE))], "EINVAL"),
    ("both registers", [ct(dreg(1), key(MARK), sreg(1))], "EINVAL"),
    ("no register, unknown key", [ct(key(99))], "EINVAL"),
    ("key 256", [get(256)], only("ERANGE", "ok" if OLD else "ERANGE")),
    ("key 2^32-1", [get(0xffffffff)],
     only("ERANGE", "EOPNOTSUPP" if OLD else "ERANGE")),
    ("key of two bytes", [ct(dreg(1), attr(2, bytes(2)))], "ERANGE"),
    ("register of two bytes", [ct(attr(1, bytes(2)), key(STATE))], "ERANGE"),
    ("direction of no byte", [get(SRC, attr(3))], "ERANGE"),
    ("attributes in another order", [ct(u8(3, 1), key(SRC), dreg(1))], "ok"),
    ("an attribute nobody knows", [get(STATE, be32(5, 9))], "ok"),
    ("into the verdict", [get(STATE, reg=0)], "EINVAL"),
    ("into register 5", [get(STATE, reg=5)], "ERANGE"),
    ("into register 7", [get(STATE, reg=7)], "ERANGE"),
    ("into register 2^32-1", [get(STATE, reg=0xffffffff)], "ERANGE"),
    ("set from register 6", [put(MARK, reg=6)], "ERANGE"),
    ("unknown key with direction", [get(24, direction(0))], "EOPNOTSUPP"),
    ("an expression nobody has", [("nonesuch", b"")], "ENOENT"),
    ("a good one, then a wrong one", [get(STATE), get(EVENTMASK)],
     "EOPNOTSUPP"),
    ("a wrong one, then a good one", [get(SRC), get(STATE)], "EINVAL"),
    ("ct count: no data", [("connlimit", None)], "EINVAL"),
    ("ct count: empty data", [connlimit()], "EINVAL"),
    ("ct count: no number", [connlimit(be32(2, 1))], "EINVAL"),
    ("ct count: a number of two bytes", [connlimit(be16(1, 5))], "ERANGE"),
    ("ct count: flag 2", [connlimit(be32(1, 5), be32(2, 2))], "EOPNOTSUPP"),
    ("ct count: flags 3", [connlimit(be32(1, 5), be32(2, 3))], "EOPNOTSUPP"),
    ("ct count: 0", [connlimit(be32(1, 0))], "ok"),
    ("ct count: 2^32-1", [connlimit(be32(1, 0xffffffff))], "ok"),
    ("notrack with data", [("notrack", be32(1, 5))], "ok"),
    ("flow add, no name", [("flow_offload", b"")],
     only("EOPNOTSUPP", "EINVAL")),
    ("flow add, no such flowtable", [("flow_offload", text(1, "f"))],
     only("EOPNOTSUPP", "ENOENT")),
    ("synproxy", [("synproxy", be16(1, 1460) + u8(2, 7))],
     only("EOPNOTSUPP", "ok")),
]
for name, exprs, want in WRONG:
    equal(name, t.rule_says(IP, *exprs), want)

SHOWN = [
    ("ct count", connlimit(be32(1, 5))),
    ("ct count over", connlimit(be32(1, 5), be32(2, 1))),
    ("notrack", ("notrack", None)),
]
for name, expr in SHOWN:
    equal("%s: dumped" % name, t.rule_shown(IP, expr), expr)
equal("ct count: no flags are none", t.rule_shown(
    IP, connlimit(be32(1, 5), be32(2, 0))), connlimit(be32(1, 5)))
equal("notrack: its data is not dumped",
      t.rule_shown(IP, ("notrack", be32(1, 5))), ("notrack", None))

# Around an expression: no flag of a nest, and nothing else.
t.batch(rule(IP, get(SRC_IP, direction(0))))
around = t.show(GETRULE, IP, "c")[-1].get(4)
equal("the whole of it, byte by byte", around.hex(), attr(1, attr(
    1, b"ct\0") + attr(2, dreg(1) + key(SRC_IP) + direction(0))).hex())
t.forget(IP)


# --- families ---

EVERYWHERE, ADDRESS, NOWHERE = "ok", "EAFNOSUPPORT", "EPROTO"
BY_FAMILY = [
    ("ct state", [get(STATE)], {}),
    ("ct ip6 saddr", [get(SRC_IP6, direction(0))], {}),
    ("ct saddr", [get(SRC, direction(0))],
     {ARP: ADDRESS, NETDEV: ADDRESS, BRIDGE: ADDRESS}),
    ("ct saddr without direction", [get(SRC)],
     dict.fromkeys(FAMILIES, "EINVAL")),
    ("ct packets", [get(PKTS)], {}),
    ("ct mark set", [load(4), put(MARK)], {}),
    ("ct zone set", [load(2), put(ZONE)], {}),
    ("ct label set", [load(16), put(LABELS)], {}),
    ("ct count", [connlimit(be32(1, 1))], {}),
    ("notrack", [("notrack", None)], {ARP: "ok", NETDEV: "ok"}),
]
for name, exprs, other in BY_FAMILY:
    for family in FAMILIES:
        want = other.get(family, NOWHERE if family in (ARP, NETDEV)
                         else EVERYWHERE)
        equal("%s in family %s" % (name, FAMILIES[family]),
              t.rule_says(family, *exprs), want)
for name, family, reg, want in (
        ("16 bytes in ip6", IP6, 20, "ok"),
        ("more is too much", IP6, 21, "ERANGE"),
        ("16 bytes in inet, too", INET, 20, "ok"),
        ("more is too much", INET, 21, "ERANGE")):
    equal("ct saddr: " + name, t.rule_says(family, get(
        SRC, direction(0), reg=reg)), want)

# What is wrong in the message comes before what is wrong with the family.
for name, exprs, want in (
        ("ct state with direction", [get(STATE, direction(0))], "EINVAL"),
        ("ct state into the verdict", [get(STATE, reg=0)], "EINVAL"),
        ("ct zone, direction 2", [get(ZONE, direction(2))], "EINVAL"),
        ("ct zone set, direction 2", [load(2), put(ZONE, direction(2))],
         "EINVAL"),
        ("key 24", [get(24)], "EOPNOTSUPP"),
        ("ct count, flag 2", [connlimit(be32(1, 5), be32(2, 2))],
         "EOPNOTSUPP"),
        # But the family before the direction and the register.
        ("ct saddr, direction 2", [get(SRC, direction(2))], ADDRESS),
        ("ct saddr into register 5", [get(SRC, direction(0), reg=5)],
         ADDRESS)):
    equal("in family arp, " + name, t.rule_says(ARP, *exprs), want)


# --- objects ---

def helper(*attrs):
    return OBJ_HELPER, b"".join(attrs)


def expect(l4=6, dport=True, timeout=True, size=True, l3=None):
    return OBJ_EXPECT, ((be16(1, l3) if l3 else b"") +
                        (u8(2, l4) if l4 else b"") +
                        (be16(3, 3) if dport else b"") +
                        (attr(4, bytes(4)) if timeout else b"") +
                        (u8(5, 1) if size else b""))


def limit(*attrs):
    return OBJ_CONNLIMIT, b"".join(attrs)


OBJECTS = [
    ("ct helper: no name", IP, helper(u8(3, 6)), "EINVAL"),
    ("ct helper: no protocol", IP, helper(text(1, "ftp")), "EINVAL"),
    ("ct helper: protocol 0", IP, helper(text(1, "ftp"), u8(3, 0)), "ENOENT"),
    ("ct helper: 15 letters", IP, helper(text(1, "z" * 15), u8(3, 6)),
     only("EOPNOTSUPP", "ENOENT")),
    ("ct helper: 16 letters", IP, helper(text(1, "z" * 16), u8(3, 6)),
     "ERANGE"),
    ("ct helper", IP, helper(text(1, "ftp"), u8(3, 6)),
     only("EOPNOTSUPP", "ok")),
    ("ct expectation: no protocol", IP, expect(l4=None), "EINVAL"),
    ("ct expectation: no port", IP, expect(dport=False), "EINVAL"),
    ("ct expectation: no timeout", IP, expect(timeout=False), "EINVAL"),
    ("ct expectation: no size", IP, expect(size=False), "EINVAL"),
    ("ct expectation: ICMP", IP, expect(l4=1), "EOPNOTSUPP"),
    ("ct expectation", IP, expect(), "ok"),
    ("ct expectation in inet, of no family", INET, expect(), "EAFNOSUPPORT"),
    ("ct expectation in inet", INET, expect(l3=10), "ok"),
    ("ct expectation of another family", IP, expect(l3=10), "EINVAL"),
    ("ct expectation of no family there is", IP, expect(l3=3),
     "EAFNOSUPPORT"),
    ("ct expectation in arp", ARP, expect(l3=2), "EINVAL"),
    ("an object of synproxy", IP, (OBJ_SYNPROXY, be16(1, 1460) + u8(2, 7)),
     only("EOPNOTSUPP", "ok")),
    ("an object of ct count: no number", IP, limit(), "EINVAL"),
    ("an object of ct count: flag 2", IP, limit(be32(1, 5), be32(2, 2)),
     "EOPNOTSUPP"),
    ("an object of ct count", IP6, limit(be32(1, 5)), "ok"),
    ("an object of ct count in arp", ARP, limit(be32(1, 5)), "EPROTO"),
    ("an object nobody has", IP, (99, b""), "ENOENT"),
]
for name, family, (kind, data), want in OBJECTS:
    equal(name, t.obj_says(family, kind, data), want)
for l4 in 6, 17, 33, 132, 136:
    said = be16(1, 10) + u8(2, l4) + be16(3, 7) + attr(
        4, b"\1\2\3\4") + u8(5, 9)
    equal("ct expectation of protocol %d: dumped" % l4, t.obj_shown(
        INET, OBJ_EXPECT, said), said)
equal("an object of ct count: dumped", t.obj_shown(
    INET, *limit(be32(1, 5), be32(2, 1))), be32(1, 5) + be32(2, 1))

# In use by a rule.
mine = obj(INET, "o", *limit(be32(1, 5)))
named = ("objref", be32(1, OBJ_CONNLIMIT) + text(2, "o"))
equal("an object and a rule with it",
      name_of(t.batch(mine, rule(INET, named))), "ok")
equal("added again",
      name_of(t.batch(obj(INET, "o", *limit(be32(1, 9))))), "ok")
equal("it is what it was", [m.get(4) for m in t.show(GETOBJ, INET)],
      [be32(1, 5)])
equal("created again", name_of(t.batch(
    (mine[0], mine[1] | 0x200) + mine[2:])), "EEXIST")
gone = delete(DELOBJ, INET, "o", be32(3, OBJ_CONNLIMIT))
equal("deleted while it is in use", name_of(t.batch(gone)), "EBUSY")
t.forget(INET)
equal("deleted without", name_of(t.batch(gone)), "ok")


# --- timeout objects ---

def timeouts(l4, *values, l3=None):
    return OBJ_TIMEOUT, ((be16(1, l3) if l3 else b"") +
                         (u8(2, l4) if l4 is not None else b"") +
                         nest(3, *values))


def policy(l3, l4, *values):
    """As it is dumped: every value there is."""
    return u8(2, l4) + be16(1, l3) + nest(3, *(
        be32(n, v) for n, v in enumerate(values, 1)))


for name, family, (kind, data), want in (
        ("no protocol", IP, timeouts(None), "EINVAL"),
        ("no data", IP, (OBJ_TIMEOUT, u8(2, 6)), "EINVAL"),
        ("empty data", IP, timeouts(6), "ok"),
        ("protocol 99", IP, timeouts(99), "EOPNOTSUPP"),
        ("protocol 0", IP, timeouts(0), "EOPNOTSUPP"),
        ("any protocol", IP, timeouts(255, be32(1, 5)), "ok"),
        ("a value of one byte", IP, timeouts(6, u8(1, 1)), "ERANGE"),
        ("layer 3 protocol 77", IP, timeouts(6, l3=77), "ok"),
        ("in bridge", BRIDGE, timeouts(17), "ok"),
        ("in arp", ARP, timeouts(17), "EPROTO"),
        ("in netdev", NETDEV, timeouts(17), "EPROTO"),
        ("protocol 99 in arp", ARP, timeouts(99), "EOPNOTSUPP")):
    equal("ct timeout: " + name, t.obj_says(family, kind, data), want)
for name, family, (kind, data), want in (
        ("TCP", IP, timeouts(6, be32(8, 3)),
         policy(2, 6, 120, 60, 432000, 120, 60, 30, 120, 3, 120, 300, 300)),
        ("UDP", INET, timeouts(17, be32(1, 7)), policy(1, 17, 7, 120)),
        ("ICMP", IP, timeouts(1, be32(1, 9)), policy(2, 1, 9)),
        ("ICMPv6", IP6, timeouts(58), policy(10, 58, 30)),
        ("UDP-Lite", IP6, timeouts(136, be32(2, 9)), policy(10, 136, 30, 9)),
        ("GRE", INET, timeouts(47), policy(1, 47, 30, 180)),
        ("any protocol", IP, timeouts(255), policy(2, 255, 600)),
        ("of another family", IP, timeouts(17, l3=10),
         policy(10, 17, 30, 120))):
    equal("ct timeout: dumped, " + name, t.obj_shown(family, kind, data), want)


# --- ct count in sets ---

five = connlimit(be32(1, 5))
counter = ("counter", b"")


def dynset(expr):
    return "dynset", (text(1, "s") + be32(3, 0) + be32(4, 1) +
                      expression(7, expr))


for name, family, flags, exprs, more, want in (
        ("a dynamic set", INET, EVAL, [five], {}, "ok"),
        ("a set of any size", INET, 0, [five], {}, "ok"),
        ("a set of one size", INET, 0, [five], {"size": 8}, "EOPNOTSUPP"),
        ("a dynamic set of one size", INET, EVAL, [five], {"size": 8}, "ok"),
        ("a set with timeouts", INET, EVAL | TIMEOUTS, [five],
         {"timeout": 60000}, "EOPNOTSUPP"),
        ("a set of intervals", INET, INTERVAL, [five], {},
         "EOPNOTSUPP" if OLD else "ok"),
        ("a set in arp", ARP, EVAL, [five], {}, "EPROTO"),
        ("a set, without a number", INET, EVAL, [connlimit()], {}, "EINVAL"),
        ("a set with ct state", INET, EVAL, [get(STATE)], {}, "EOPNOTSUPP"),
        ("a set with notrack", INET, EVAL, [("notrack", None)], {},
         "EOPNOTSUPP")):
    equal("ct count: " + name, t.set_says(family, flags, *exprs, **more),
          want)

A, B, C = (bytes((10, 0, 0, n)) for n in (1, 2, 3))
over = connlimit(be32(1, 7), be32(2, 1))
equal("a set and two elements", name_of(t.batch(
    a_set(INET, "s", EVAL, five), element(INET, "s", A),
    element(INET, "s", B, over))), "ok")
equal("the set is dumped with it",
      of_expression(t.show(GETSET, INET)[-1].get(17)), five)
shown = {}
for m in t.show(GETSETELEM, INET, "s"):
    for _, e in parse(m.get(3) or b""):
        found = {k & 0x3fff: v for k, v in parse(e)}
        shown[parse(found[1])[0][1]] = of_expression(found[7])
equal("an element has the set's", shown.get(A), five)
equal("or its own", shown.get(B), over)
for name, expr, want in (
        ("a counter instead", counter, "EOPNOTSUPP"),
        ("without a number", connlimit(), "EINVAL"),
        ("with flag 2", connlimit(be32(1, 5), be32(2, 2)), "EOPNOTSUPP")):
    equal("an element, " + name,
          name_of(t.batch(element(INET, "s", C, expr))), want)
equal("a rule that adds to it", t.rule_says(INET, load(4), dynset(over)), "ok")
equal("a rule that adds a counter",
      t.rule_says(INET, load(4), dynset(counter)), "EOPNOTSUPP")
t.forget(INET, "s", kind=DELSET)
equal("a set that is not dynamic",
      name_of(t.batch(a_set(INET, "s", 0))), "ok")
equal("a rule cannot add to it", t.rule_says(INET, load(4), dynset(five)),
      "EINVAL")
t.forget(INET, "s", kind=DELSET)
if ours():
    equal("a flowtable", name_of(t.batch((
        NEWFLOWTABLE, CREATE, INET, text(1, "t") + text(2, "f") +
        nest(3, be32(1, 0), be32(2, 0))))), "EOPNOTSUPP")
END

# What failed has left nothing, what was deleted neither.
untracked()
{
	flush
	n0 ping -q -c 1 127.0.0.1 && [ -z "$(entries)" ]
}
check "nothing that is left tracks" until_true untracked
n0 nft add table ip u '{ chain c { type filter hook input priority 0; ct state new; }; }'
tracked()
{
	! untracked
}
check "as a rule does" tracked
n0 nft flush ruleset
if ours; then
	check "nothing holds ct_nft" until_true rmmod ct_nft
	check "nor ct" rmmod ct
	for what in "flow add" synproxy "ct helper"; do
		check "the log tells of $what" \
			eval "dmesg | grep -q 'ct_nft: $what: ct does not'"
	done
else
	modprobe -r -q nft_flow_offload nft_synproxy nf_conntrack_ftp \
		nf_conntrack_bridge nft_connlimit
fi

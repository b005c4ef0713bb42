#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Timeout policies (ct timeout): whose timeouts a connection goes by, and what
# the object says of itself, byte by byte for each protocol.
# seconds: 35
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# connections PROTOCOL: those to port 7.
connections()
{
	n0 conntrack -L -p "$1" --dport 7 2>"$TMP/err"
}

# left PROTOCOL LEAST MOST: a connection has so many seconds left.
left()
{
	local seconds

	seconds=$(connections "$1" | awk '{ print $3 }')
	echo "$seconds seconds are left"
	[ "${seconds:-0}" -ge "$2" ] && [ "$seconds" -le "$3" ]
}

# hold: open a connection that says what is written to descriptor 5.
held=
hold()
{
	local pipe=$TMP/in.$RANDOM

	mkfifo "$pipe"
	exec 5<>"$pipe"
	ip netns exec n1 socat - TCP:10.0.2.1:7 <"$pipe" >"$TMP/out" &
	held=$!
	until_true eval 'connections tcp | grep -q ESTABLISHED'
}

# No packet of it is to come afterwards, and be taken for a new connection.
release()
{
	[ -z "$held" ] || kill "$held" 2>"$TMP/kill"
	held=
	sleep 1
	flush
}

# rules RULES: these, and nothing else.
rules()
{
	release
	n0 nft -f - <<-END
		table inet t
		delete table inet t
		table inet t {
			ct timeout slow {
				protocol tcp;
				policy = { established: 5000, close: 33 };
			}
			ct timeout fast {
				protocol tcp; policy = { established: 5 };
			}
			ct timeout talk {
				protocol udp;
				policy = { unreplied: 500, replied: 600 };
			}
			ct timeout other {
				protocol udp; policy = { unreplied: 900 };
			}
			chain forward {
				type filter hook forward priority 0
				$1
			}
		}
	END
}

topology
must_load
echo_server n2 7

# --- by rules ---

rules 'ct timeout set "talk"
	ct timeout set "other"
	ct timeout set "slow"'
check "a question and an answer" ask_udp n1 10.0.2.1 7
check "go by the first policy of their protocol" left udp 400 500
hold
check "a connection goes by its own" left tcp 4500 5000
check_fails "a policy in use cannot be deleted" \
	n0 nft delete ct timeout inet t slow
check_fails "nor created again" n0 nft \
	'create ct timeout inet t slow { protocol tcp; policy = { close: 3 }; }'
check "added again" n0 nft \
	'add ct timeout inet t slow { protocol tcp; policy = { close: 3 }; }'
check "it stays as it was" eval 'n0 nft list ct timeout inet t slow |
	grep -q "policy = { established : 5000, close : 33 }"'

# A rule that comes later changes nothing, and one that resets closes.
check "another policy for it" n0 nft insert rule inet t forward \
	ct timeout set '"fast"'
echo more >&5
check "it answers" until_true grep -q more "$TMP/out"
check "by the policy that it had" left tcp 4500 5000
n0 nft insert rule inet t forward tcp dport 7 ct state established \
	reject with tcp reset
echo more >&5
check "a reset by a rule closes it" until_true \
	eval 'connections tcp | grep -q CLOSE'
check "by its policy" left tcp 15 33

# The policy goes, the connection stays.
rules 'ct timeout set "slow"'
hold
check "another connection" left tcp 4500 5000
n0 nft flush chain inet t forward
check "a policy that is not in use can be deleted" \
	until_true n0 nft delete ct timeout inet t slow
echo yet >&5
check "the connection goes on" until_true grep -q yet "$TMP/out"
check "by the namespace's timeouts" until_true left tcp 430000 432000

rules 'ct timeout set "fast"'
hold
check "what is idle for 5 seconds" left tcp 0 5
no_connection()
{
	[ -z "$(connections tcp)" ]
}
check "is gone" until_true no_connection
rules 'ct state established ct timeout set "slow"'
hold
check "what has begun gets none" left tcp 430000 432000
release

# --- listing ---

cat >"$TMP/put" <<-'END'
	table inet t {
		ct timeout a {
			protocol tcp
			l3proto ip
			policy = { established : 120, close : 20 }
		}

		ct timeout b {
			protocol udp
			l3proto inet
			policy = { replied : 10 }
		}

		chain c {
			type filter hook prerouting priority filter; policy accept;
			ct timeout set "a"
			ct timeout set ip saddr map { 1.2.3.4 : "b" }
		}
	}
END
n0 nft delete table inet t
check "a ruleset with policies" n0 nft -f "$TMP/put"
n0 nft list table inet t | sed 's/^\t*//' >"$TMP/got"
check "is listed as it was" diff "$TMP/put" "$TMP/got"
n0 nft delete table inet t

# --- netlink: nft knows only TCP and UDP ---

n0 sysctl -qw net.netfilter.nf_conntrack_sctp_timeout_established=4321
n0 nft add table ip t
cat >"$TMP/nl" <<'END'
from nl import *
from raw import GRE, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE
import errno as E
NFT, BEGIN, COMMIT, NEWOBJ, GETOBJ, DELOBJ = 10, 16, 17, 18, 19, 20
S = Socket()
# Two names have one number.
errors = {**E.errorcode, E.EOPNOTSUPP: "EOPNOTSUPP"}


def batch(kind, attrs, flags=CREATE):
    """One request of nf_tables, as a transaction: its error."""
    out = b""
    for n, k, f, a in ((1, BEGIN, 0, b""), (2, kind, flags | ACK, attrs),
                       (3, COMMIT, 0, b"")):
        where = (0, 0, NFT) if k in (BEGIN, COMMIT) else (2, 0, 0)
        body = struct.pack("!BBH", *where) + a
        k |= 0 if k in (BEGIN, COMMIT) else NFT << 8
        out += struct.pack("=IHHII", 16 + len(body), k, REQUEST | f, n,
                           0) + body
    S.s.send(out)
    answer = Answer()
    for m in S.read(20):
        if m.control == ERROR:
            explain(m, answer)
    return errors.get(answer.error, "success")


def named(name):
    return (attr(1, b"t\0") + attr(2, name.encode() + b"\0") + be32(3, 7))


def add(name, data):
    return batch(NEWOBJ, named(name) + attr(4, data))


def values(numbers, first=1):
    return nest(3, *(be32(first + i, n) for i, n in enumerate(numbers)))


def get(name):
    a = S.ask(GETOBJ, named(name), subsys=NFT)
    return a.messages[0].get(4) if a.messages else None


for name, l4, n in (("tcp", TCP, 11), ("udp", UDP, 2), ("gre", GRE, 2),
                    ("udplite", UDPLITE, 2), ("icmp", ICMP, 1),
                    ("icmpv6", ICMPV6, 1), ("sctp", SCTP, 9), ("dccp", 33, 7),
                    ("generic", 255, 1)):
    data = values(range(101, 101 + n))
    equal(name, add(name, u8(2, l4) + data), "success")
    equal(name + " comes back, byte by byte", get(name),
          u8(2, l4) + be16(1, 2) + data)
    equal(name + " is deleted", batch(DELOBJ, named(name), 0), "success")

equal("another family, another number", add("l3", u8(2, TCP) + be16(1, 77) +
                                            nest(3)), "success")
equal("is kept", dict(parse(get("l3")))[1], b"\0\x4d")
equal("no value", add("none", u8(2, SCTP) + nest(3)), "success")
equal("is the namespace's", get("none"), u8(2, SCTP) + be16(1, 2) + values(
    (10, 3, 3, 4321, 3, 3, 3, 30, 0)))
equal("some values", add("some", u8(2, SCTP) + values((9,), 4)), "success")
equal("leave the others", get("some"), u8(2, SCTP) + be16(1, 2) + values(
    (10, 3, 3, 9, 3, 3, 3, 30, 0)))
equal("an attribute too many", add("many", u8(2, ICMP) + values((9, 8, 7))),
      "success")
equal("is skipped", get("many"), u8(2, ICMP) + be16(1, 2) + values((9,)))
if ours():
    equal("for ever", add("ever", u8(2, ICMP) + values((0xffffffff,))),
          "success")
    longest = [u8(2, ICMP) + be16(1, 2) +
               values((((1 << 31) - 1 - 3600 * hz) // hz,))
               for hz in (100, 250, 300, 1000)]
    equal("is as long as it can be", get("ever") in longest, True)
for name, error, data in (
        ("no protocol", "EINVAL", nest(3)),
        ("no values", "EINVAL", u8(2, TCP)),
        ("no tracker", "EOPNOTSUPP", u8(2, 99) + nest(3)),
        ("protocol 0", "EOPNOTSUPP", u8(2, 0) + nest(3)),
        ("a short value", "ERANGE", u8(2, TCP) + nest(3, u8(1, 1))),
        ("a short protocol", "ERANGE", attr(2) + nest(3)),
        ("no tracker, a short value", "EOPNOTSUPP",
         u8(2, 99) + nest(3, u8(1, 1)))):
    equal(name + " is refused", add("bad", data), error)
equal("none was left behind", get("bad"), None)
finish()
END
n0 python3 "$TMP/nl" | tee "$TMP/nl.out"
[ "${PIPESTATUS[0]}" -eq 0 ] || FAILED=$((FAILED + 1))
DONE=$((DONE + $(grep -c '^ok\|^not ok' "$TMP/nl.out")))
n0 nft delete table ip t
check_fails "no such object in family arp" n0 nft -f - <<-'END'
	table arp t {
		ct timeout a { protocol tcp; policy = { close: 3 }; }
	}
END

# --- the end: connections keep what their policy was made of ---

if ours; then
	rules 'ct timeout set "slow"'
	hold
	n0 nft delete table inet t
	check "ct_nft goes before the connection" until_true rmmod ct_nft
	check "which stays" left tcp 4000 5000
	rules 'ct timeout set "slow"'
	hold
	ip netns pids n0 | xargs -r kill -9
	ip netns del n0
	check "a policy goes with its namespace" until_true rmmod ct_nft
	check "and ct" rmmod ct
fi

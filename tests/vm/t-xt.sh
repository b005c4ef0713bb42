#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Matches of iptables that are about connections, by each of the four programs:
# which packets they match, how they are saved, which rules are refused; and who is
# tracked, by rules alone.
# seconds: 80
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/xt.sh
. "$HERE/xt.sh"

# nodes SEED NODES...: which of a cluster A's connections are for: jhash of the first
# word of their source.
nodes()
{
	python3 - "$A" "$@" <<-'END'
		import ipaddress, struct, sys
		M = 0xffffffff
		rol = lambda x, n: (x << n | x >> 32 - n) & M
		def final(a, b, c):
		    c = (c ^ b) - rol(b, 14) & M
		    a = (a ^ c) - rol(c, 11) & M
		    b = (b ^ a) - rol(a, 25) & M
		    c = (c ^ b) - rol(b, 16) & M
		    a = (a ^ c) - rol(c, 4) & M
		    b = (b ^ a) - rol(a, 14) & M
		    return (c ^ b) - rol(b, 24) & M
		word, = struct.unpack("=I", ipaddress.ip_address(sys.argv[1]).packed[:4])
		for seed, nodes in zip(sys.argv[2::2], sys.argv[3::2]):
		    a = b = c = 0xdeadbeef + 4 + int(seed, 0) & M
		    h = final(a + word & M, b, c)
		    print(1 + (h * int(nodes) >> 32), end=" ")
		print()
	END
}

# --- matches: what must be seen of a connection by TCP, and what must not ---
# Each in the words in which iptables-save has it.

yes()
{
	cat <<-END
		-m conntrack --ctstate NEW
		-m conntrack --ctstate RELATED,ESTABLISHED
		-m conntrack ! --ctstate INVALID,UNTRACKED
		-m conntrack ! --ctstate SNAT,DNAT
		-m conntrack --ctproto 6
		-m conntrack ! --ctproto 17
		-m conntrack --ctorigsrc $A
		-m conntrack --ctorigsrc $NET
		-m conntrack ! --ctorigsrc $S
		-m conntrack --ctorigdst $S
		-m conntrack --ctreplsrc $S
		-m conntrack --ctrepldst $A
		-m conntrack --ctorigdstport 7
		-m conntrack --ctorigdstport 1:10
		-m conntrack ! --ctorigdstport 8
		-m conntrack --ctorigsrcport 1024:65535
		-m conntrack --ctreplsrcport 7
		-m conntrack --ctrepldstport 1024:65535
		-m conntrack --ctstatus ASSURED
		-m conntrack --ctstatus SEEN_REPLY
		-m conntrack --ctstatus CONFIRMED
		-m conntrack ! --ctstatus EXPECTED
		-m conntrack ! --ctstatus NONE
		-m conntrack --ctexpire 100:4294967295
		-m conntrack ! --ctexpire 0:9
		-m conntrack --ctdir ORIGINAL
		-m conntrack --ctdir REPLY
		-m conntrack --ctstate ESTABLISHED --ctproto 6 --ctorigdstport 7 --ctstatus SEEN_REPLY --ctdir REPLY
		-m state --state NEW
		-m state --state ESTABLISHED
		-m state ! --state INVALID
		-m connmark --mark 0x0
		-m connmark --mark 0x0/0xff
		-m connmark ! --mark 0x1
		-m connbytes --connbytes 2 --connbytes-mode packets --connbytes-dir both
		-m connbytes --connbytes 1:1 --connbytes-mode packets --connbytes-dir original
		-m connbytes --connbytes 90 --connbytes-mode bytes --connbytes-dir reply
		-m connbytes --connbytes 40:200 --connbytes-mode avgpkt --connbytes-dir both
		-m connbytes ! --connbytes 1000:2000 --connbytes-mode packets --connbytes-dir both
		-m connlabel ! --label one
		-m helper ! --helper ftp
		-m connlimit --connlimit-upto 1 --connlimit-mask $BITS --connlimit-saddr
		-m connlimit --connlimit-above 0 --connlimit-mask $BITS --connlimit-daddr
		-m cluster --cluster-total-nodes 7 --cluster-local-node $node7 --cluster-hash-seed 0xfeedcafe
		-m cluster --cluster-total-nodes 32 --cluster-local-node $node32 --cluster-hash-seed 0x7
	END
}

no()
{
	cat <<-END
		-m conntrack --ctstate INVALID
		-m conntrack --ctstate UNTRACKED
		-m conntrack --ctstate SNAT
		-m conntrack --ctstate DNAT
		-m conntrack --ctstate RELATED
		-m conntrack ! --ctstate NEW,ESTABLISHED
		-m conntrack --ctproto 17
		-m conntrack ! --ctproto 6
		-m conntrack --ctorigsrc $S
		-m conntrack ! --ctorigsrc $NET
		-m conntrack --ctorigdst $A
		-m conntrack --ctreplsrc $A
		-m conntrack --ctrepldst $S
		-m conntrack --ctorigdstport 8
		-m conntrack --ctorigdstport 8:65535
		-m conntrack ! --ctorigdstport 1:10
		-m conntrack --ctorigsrcport 7
		-m conntrack --ctreplsrcport 8
		-m conntrack --ctrepldstport 7
		-m conntrack --ctstatus EXPECTED
		-m conntrack --ctstatus NONE
		-m conntrack --ctexpire 4294967295
		-m conntrack --ctstate NEW --ctdir REPLY
		-m conntrack --ctstate ESTABLISHED --ctproto 6 --ctorigdstport 8
		-m state --state INVALID
		-m state --state UNTRACKED
		-m state --state RELATED
		-m connmark --mark 0x1
		-m connmark ! --mark 0x0
		-m connbytes --connbytes 1000 --connbytes-mode packets --connbytes-dir both
		-m connbytes --connbytes 100000 --connbytes-mode bytes --connbytes-dir both
		-m connbytes --connbytes 300 --connbytes-mode avgpkt --connbytes-dir original
		-m connbytes ! --connbytes 0:2000 --connbytes-mode packets --connbytes-dir both
		-m connlabel --label one
		-m helper --helper ftp
		-m connlimit --connlimit-above 1 --connlimit-mask $BITS --connlimit-saddr
		-m cluster --cluster-total-nodes 7 --cluster-local-node $((node7 % 7 + 1)) --cluster-hash-seed 0xfeedcafe
		-m cluster --cluster-total-nodes 7 ! --cluster-local-node $node7 --cluster-hash-seed 0xfeedcafe
	END
}

matches()
{
	local n=0 rule node7 node32 hits

	fresh
	read -r node7 node32 < <(nodes 0xfeedcafe 7 0x7 32)
	yes >"$TMP/yes"
	no >"$TMP/no"
	{
		echo '*filter'
		sed 's/^/-A FORWARD -p tcp /' "$TMP/yes" "$TMP/no"
		echo COMMIT
	} >"$TMP/rules"
	check "$P: rules with each match" restore <"$TMP/rules"
	check "$P: a connection goes through" talk
	read -ra hits < <(all_hits FORWARD)
	while read -r rule; do
		if [ "${hits[n]-0}" -gt 0 ]; then
			ok "$P: '$rule' matches"
		else
			not_ok "$P: '$rule' matches" "${hits[n]-no such rule}"
		fi
		n=$((n + 1))
	done <"$TMP/yes"
	while read -r rule; do
		is "$P: '$rule' does not" "${hits[n]-no such rule}" 0
		n=$((n + 1))
	done <"$TMP/no"
	is "$P: all rules were looked at" "${#hits[@]}" $n

	# The same rules come back, in their own words. (That of a cluster's node is a
	# bit of a mask, and iptables does not take any.)
	saved filter | sed /cluster/d >"$TMP/first"
	(echo '*filter'; cat "$TMP/first"; echo COMMIT) | restore
	is "$P: what is saved can be restored" "$(saved filter)" \
		"$(cat "$TMP/first")"
	sed -n 's/^-A FORWARD -p tcp //p' "$TMP/first" >"$TMP/words"
	is "$P: in the same words" "$(diff <(sed 's/^-m tcp //; s/"//g' \
		"$TMP/words") <(cat "$TMP/yes" "$TMP/no" | sed /cluster/d))" ""

	# What is invalid, what is not tracked.
	fresh
	restore <<-END
		*raw
		-A PREROUTING -p udp --dport 7 -j CT --notrack
		-A PREROUTING -p udp --sport 7 -j NOTRACK
		COMMIT
		*filter
		-A FORWARD -p udp -m conntrack --ctstate UNTRACKED
		-A FORWARD -p udp -m state --state UNTRACKED
		-A FORWARD -p udp -m conntrack --ctstate NEW
		-A FORWARD -p udp -m conntrack --ctproto 17
		-A FORWARD -p udp -m conntrack --ctstate UNTRACKED --ctproto 6
		-A FORWARD -p udp -m connmark --mark 0
		-A FORWARD -p udp -m connmark ! --mark 0
		-A FORWARD -p udp -m connlabel ! --label one
		-A FORWARD -p udp -m connbytes --connbytes 0: --connbytes-mode packets --connbytes-dir both
		-A FORWARD -p udp -m connlimit --connlimit-upto 9
		-A FORWARD -p tcp --sport 4000 -m conntrack --ctstate INVALID
		-A FORWARD -p tcp --sport 4000 -m state --state INVALID
		-A FORWARD -p tcp --sport 4000 -m conntrack --ctstate INVALID --ctstatus ASSURED
		-A FORWARD -p tcp --sport 4000 -m conntrack --ctstatus ASSURED
		COMMIT
	END
	is "$P: what is not tracked passes" "$(talk_udp 4100)" 4100
	unseen "$P: and has no entry" 'udp .*sport=4100'
	n1 python3 -c '
from raw import *
six = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                  socket.IPPROTO_RAW)
s.sendto(tcp_packet(sys.argv[1], sys.argv[2], 4000, 7, "SF"), (sys.argv[2], 0))
' "$A" "$S"
	read -ra hits < <(all_hits FORWARD)
	is "$P: of both packets: untracked, by -m state as well, not new, no protocol of a connection" \
		"${hits[*]:0:5}" "2 2 0 0 2"
	is "$P: no mark, no label, no counters, but a place among others" \
		"${hits[*]:5:5}" "0 0 2 0 2"
	is "$P: of one that is invalid: that, by both, whatever else is asked for with it, and nothing else" \
		"${hits[*]:10:4}" "1 1 1 0"
}

# --- wrong rules ---

# refused NAME WANTED ARG...: by the program, with these words
refused()
{
	local name=$1 wanted=$2

	shift 2
	n0 "$P" "$@" >"$TMP/said" 2>&1
	check "$P: $name is refused" grep -q "$wanted" "$TMP/said"
}

wrong()
{
	refused "a label without a place" "Numerical result out of range" \
		-A FORWARD -m connlabel --label 128
	refused "CONNSECMARK in another table" "Invalid argument" \
		-A FORWARD -j CONNSECMARK --save
	refused "CT in another table" "Invalid argument" \
		-A FORWARD -j CT --notrack
	refused "a policy that is not there" "No such file\|by that name" \
		-t raw -A PREROUTING -p tcp -j CT --timeout nosuch
	refused "a helper without a protocol" "No such file\|by that name" \
		-t raw -A PREROUTING -j CT --helper ftp
	ours || return
	refused "a helper" "Operation not supported" \
		-t raw -A PREROUTING -p tcp -j CT --helper ftp
	refused "SYNPROXY" "Operation not supported" \
		-A FORWARD -p tcp -j SYNPROXY --mss 1460
	refused "ipvs" "Operation not supported" -A FORWARD -m ipvs --ipvs
}

each_program matches wrong

# --- what no program sends ---

program xt <<'END'
t = Rules()
for table in "t", "raw", "mangle":
    t.make(table)

STATE, PROTO, ALL = 1, 2, 0x1fff
NOTRACK, ALIAS, ORIG, REPL, MARK = (1 << n for n in range(5))
HELPER = b"ftp".ljust(16, b"\0")


def only(ct, stock):
    return ct if ours() else stock


for family in IP, IP6:
    words = " of " + FAMILIES[family]
    for name, table, extension, want in (
            ("conntrack 0", "t", match("conntrack", 0, bytes(152)), "ENOENT"),
            ("conntrack 1", "t", conntrack(1, flags=ALL), "ok"),
            ("conntrack 2", "t", conntrack(2, flags=ALL), "ok"),
            ("conntrack 3", "t", conntrack(3, flags=0xffff, invert=0xffff),
             "ok"),
            ("conntrack 4", "t", match("conntrack", 4, bytes(168)), "ENOENT"),
            ("conntrack 3, too short", "t", match("conntrack", 3, bytes(152)),
             "EINVAL"),
            ("conntrack 1, too long", "t", match("conntrack", 1, bytes(168)),
             "EINVAL"),
            ("state", "t", match("state", 0, b"\xff" * 4), "ok"),
            ("state 1", "t", match("state", 1, bytes(4)), "ENOENT"),
            ("connmark 0", "t", match("connmark", 0, bytes(24)), "ENOENT"),
            ("connmark 1", "t", match("connmark", 1, b"\xff" * 12), "ok"),
            ("connbytes", "t", connbytes(2, 2), "ok"),
            ("connbytes of nothing", "t", connbytes(3, 2), "EINVAL"),
            ("connbytes of no direction", "t", connbytes(2, 3), "EINVAL"),
            ("connlabel 127", "t", connlabel(127, 3), "ok"),
            ("connlabel 128", "t", connlabel(128, 0), "ERANGE"),
            ("connlabel 65535", "t", connlabel(65535, 2), "ERANGE"),
            ("connlabel, unknown options", "t", connlabel(1, 4), "EINVAL"),
            ("connlimit 0", "t", match("connlimit", 0, bytes(32)), "ENOENT"),
            ("connlimit 1", "t", match("connlimit", 1, b"\xff" * 32), "ok"),
            ("helper", "t", match("helper", 0, b"\xff" * 34), "ok"),
            ("cluster", "t", cluster(32, 0xffffffff), "ok"),
            ("cluster of nobody", "t", cluster(0, 0), "ok"),
            ("cluster of 33", "t", cluster(33, 1), "EINVAL"),
            ("cluster of 2^32-1", "t", cluster(0xffffffff, 1), "EINVAL"),
            ("a third one of two", "t", cluster(2, 4), "EDOM"),
            ("one of none", "t", cluster(0, 1), "EDOM"),
            ("CONNMARK 0", "t", target("CONNMARK", 0, bytes(24)), "ENOENT"),
            ("CONNMARK 1", "t", target("CONNMARK", 1, b"\xff" * 16), "ok"),
            ("CONNMARK 2", "t", connmark_2(1, 31, 255), "ok"),
            ("CONNMARK, shifted too far", "t", connmark_2(1, 32), "EINVAL"),
            ("CONNMARK, shifted aside", "t", connmark_2(2, 1), "EINVAL"),
            ("CONNSECMARK", "mangle", connsecmark(1), "ok"),
            ("CONNSECMARK in another table", "t", connsecmark(1), "EINVAL"),
            ("CONNSECMARK 0", "mangle", connsecmark(0), "EINVAL"),
            ("CONNSECMARK 3", "mangle", connsecmark(3), "EINVAL"),
            ("NOTRACK", "raw", target("NOTRACK", 0, b""), "ok"),
            ("NOTRACK in another table", "t", target("NOTRACK", 0, b""),
             "EINVAL"),
            ("CT 0", "raw", ct(0, zone=65535, ct_events=0xffffffff), "ok"),
            ("CT 0, notrack", "raw", ct(0, NOTRACK), "ok"),
            ("CT 0, another flag", "raw", ct(0, ALIAS), "EINVAL"),
            ("CT 1", "raw", ct(1), "ok"),
            ("CT 1, another flag", "raw", ct(1, ORIG), "EINVAL"),
            ("CT 2", "raw", ct(2, ORIG | REPL | MARK | ALIAS), "ok"),
            ("CT 2, notrack and all else", "raw",
             ct(2, NOTRACK | ALIAS | ORIG, 5, 1, 1, b"x" * 16, b"x" * 32), "ok"),
            ("CT 2, an unknown flag", "raw", ct(2, 32), "EINVAL"),
            ("CT 3", "raw", target("CT", 3, bytes(72)), "ENOENT"),
            ("CT in another table", "t", ct(2), "EINVAL"),
            ("a helper without an end", "raw", ct(2, helper=b"x" * 16),
             "ENAMETOOLONG"),
            ("a helper for any protocol", "raw", ct(2, helper=HELPER),
             "ENOENT"),
            ("a policy without an end", "raw", ct(2, timeout=b"x" * 32),
             "ENAMETOOLONG"),
            ("a policy for any protocol", "raw", ct(1, timeout=b"x"),
             "EINVAL")):
        equal(name + words, t.says(family, table, extension), want)
    for name, extension, inverted, want in (
            ("a helper that is not there", ct(2, helper=b"nosuch".ljust(16, b"\0")),
             False, only("EOPNOTSUPP", "ENOENT")),
            ("a helper for all other protocols", ct(0, helper=HELPER), True,
             "ENOENT"),
            ("a policy that is not there", ct(2, timeout=b"nosuch"), False,
             "ENOENT"),
            ("a policy for all other protocols", ct(2, timeout=b"nosuch"),
             True, "EINVAL")):
        equal(name + words, t.says(family, "raw", extension, proto=6,
                                   inverted=inverted), want)
    if ours():
        for name, extension in (
                ("SYNPROXY", target("SYNPROXY", 0, bytes(8))),
                ("ipvs", match("ipvs", 0, bytes(40)))):
            equal(name + words, t.says(family, "t", extension, proto=6),
                  "EOPNOTSUPP")

# What is kept in a rule is for nobody to see, and all else comes back.
for extension, shown in (
        (ct(2, 0, 5, 1, 0, pointer=0), 64), (ct(0, NOTRACK), 32),
        (match("connlimit", 1, b"\xff" * 32), 24)):
    kind, attrs = extension
    table = "raw" if kind == "target" else "t"
    t.add(IP, table, extension)
    rules = t.dump(text(1, table) + text(2, "c"), GETRULE, family=IP,
                   subsys=SUBSYS)
    _, last = parse(rules[-1].get(4))[-1]
    info = dict(parse(of_expression(last)[1]))[3]
    given = dict(parse(attrs))[3]
    equal("a rule of %d octets comes back" % len(given),
          (info[:shown], info[shown:]),
          (given[:shown], bytes(len(given) - shown)))
    t.batch((DELRULE, 0, IP, text(1, table) + text(2, "c")))
END

# Old revisions do what the new ones do.
n0 nft -f - <<-'END'
	table ip t { chain f { type filter hook forward priority 0; jump c; }; }
END
program xt <<'END'
import socket
from raw import run
t = Rules()
ESTABLISHED, NEW = 2, 8
STATE, PROTO, STATUS, ORIGDST_PORT = 1, 2, 1 << 6, 1 << 9
for revision in 1, 2, 3:
    for state, port, low in ((ESTABLISHED, 7, 7), (NEW, 7, 7), (NEW, 8, 8)):
        t.add(IP, "t", conntrack(
            revision, state=state, status=8, proto=17,
            flags=STATE | PROTO | ORIGDST_PORT,
            ports=((0, 0), (low, port), (0, 0), (0, 0))), COUNTER)
END
echo | n1 socat -t 2 - UDP:10.0.2.1:7 >"$TMP/out"
is "each revision of conntrack sees a datagram and its answer" \
	"$(n0 nft list chain ip t c | sed -n 's/.* packets \([0-9]*\) .*/\1/p' |
		xargs)" "1 1 0 1 1 0 1 1 0"

# --- who is tracked, by rules alone ---

ours || exit 0
echo demand >/sys/module/ct/parameters/hooks
namespace n3
n3() { ip netns exec n3 "$@"; }
tracked()
{
	local host=127.0.0.1

	n3 conntrack -F >"$TMP/flush" 2>&1
	case $1 in
	ip6*) host=::1 ;;
	esac
	n3 ping -q -c 1 $host >"$TMP/ping" || return
	[ "$(n3 sysctl -n net.netfilter.nf_conntrack_count)" -gt 0 ]
}
untracked()
{
	! tracked "$1"
}
users()
{
	grep "^namespace $(n3 stat -L -c %i /proc/self/ns/net) " \
		/sys/module/ct/parameters/users
}
for P in $(programs); do
	while read -r table rule; do
		check_fails "$P: nothing is tracked before '$rule'" tracked "$P"
		# shellcheck disable=SC2086 # several words
		n3 "$P" -t "$table" -A $rule
		check "$P: with it the namespace is" tracked "$P"
		check "$P: and is shown as one who uses ct" users
		module=ct_xt
		[ "$table" != nat ] || module=ct_xt_nat
		check_fails "$P: which stays" rmmod $module
		# shellcheck disable=SC2086
		n3 "$P" -t "$table" -D $rule
		check "$P: not after it" until_true untracked "$P"
		check_fails "$P: nor is it shown" users
	done <<-END
		filter INPUT -m state --state INVALID
		filter INPUT -m connlimit --connlimit-upto 5
		mangle INPUT -j CONNMARK --set-mark 1
		raw PREROUTING -i nosuch -j CT --zone 5
		nat POSTROUTING -o nosuch -j MASQUERADE
	END
	n3 "$P" -t raw -A PREROUTING -j CT --notrack
	check_fails "$P: CT --notrack alone asks for nothing" tracked "$P"
	check "$P: but is one who uses ct" users
	n3 "$P" -t raw -F
done
for ns in n0 n3; do
	ip netns exec $ns nft flush ruleset
done
check "the module goes with the rules" until_true rmmod ct_xt

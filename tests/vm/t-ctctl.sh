#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ctctl: what it prints, filters, deletes and follows, and how it ends.
# seconds: 50
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load
echo_server n2 7777
# The test takes its time.
n0 sysctl -q net.netfilter.nf_conntrack_udp_timeout=600 \
	net.netfilter.nf_conntrack_udp_timeout_stream=600 \
	net.netfilter.nf_conntrack_tcp_timeout_close=600 \
	net.netfilter.nf_conntrack_icmp_timeout=600 \
	net.netfilter.nf_conntrack_icmpv6_timeout=600

c() { n0 ctctl "$@"; }
lines() { wc -l <"$1"; }

# status NAME WANTED COMMAND...: its exit status; its words are in $TMP/said.
status()
{
	local name=$1 wanted=$2 got

	shift 2
	"$@" >"$TMP/out" 2>"$TMP/said"
	got=$?
	is "$name" "$got" "$wanted"
}

# says NAME REGEX: what the last status() put on standard error.
says()
{
	if grep -Eq -- "$2" "$TMP/said"; then
		ok "$1"
	else
		not_ok "$1" "no '$2' in: $(tr '\n' '|' <"$TMP/said")"
	fi
}

is_json() { python3 -m json.tool "$1"; }

# json EXPRESSION FILE: prints what Python makes of it; d is the content.
json()
{
	python3 -c '
import json, sys
d = json.load(open(sys.argv[2]))
print(eval(sys.argv[1]))' "$1" "$2"
}

# One connection of each kind that stays for a while.
traffic()
{
	n1 socat -u EXEC:"sleep 3000" TCP:10.0.2.1:7777 &
	n1 socat -u EXEC:"sleep 3000" "TCP:[fd00:2::1]:7777" &
	ask_tcp n1 10.0.2.1 7777
	ask_udp n1 10.0.2.1 7777
	ask_udp n1 '[fd00:2::1]' 7777
	n1 ping -q -c 1 10.0.2.1
	n1 ping -q -c 1 fd00:2::1
	# Nobody is there to answer.
	echo | n1 socat -u - UDP:10.0.2.99:4000
	n1 timeout 1 socat - TCP:10.0.2.99:4001
	until_true has_entry 'tcp .*ESTABLISHED src=10.0.1.1 .*ASSURED'
	until_true has_entry 'tcp .*ESTABLISHED src=fd00:1::1 .*ASSURED'
}

# --- list

traffic >"$TMP/traffic" 2>&1
c list >"$TMP/lines"
c list -j >"$TMP/list.json"
check "list -j is JSON" is_json "$TMP/list.json"
is "as many objects as lines" "$(json 'len(d)' "$TMP/list.json")" \
	"$(lines "$TMP/lines")"
check "a line an entry, key=value throughout" \
	grep -Eq '^(family=ipv4) proto=tcp state=established( [a-z-]+=[^ ]+)+$' \
	"$TMP/lines"

# Seconds pass between the two: what counts them is left out.
timeless()
{
	sed -E 's/^([a-z0-9]+ +[0-9]+) [0-9]+ /\1 SECONDS /
		s/ delta-time=[0-9]+ / delta-time=SECONDS /'
}

same_as_conntrack()
{
	n0 conntrack -L 2>"$TMP/summary" | timeless >"$TMP/theirs"
	c list -o conntrack | timeless >"$TMP/ours"
	diff "$TMP/theirs" "$TMP/ours"
}
same()
{
	if until_true same_as_conntrack; then
		ok "$1"
	else
		not_ok "$1" "$(diff "$TMP/theirs" "$TMP/ours" | tr '\n' '|')"
	fi
}
same "-o conntrack is what conntrack -L prints"
n0 sysctl -q net.netfilter.nf_conntrack_acct=1
n0 sysctl -q net.netfilter.nf_conntrack_timestamp=1 2>"$TMP/sysctl"
ask_udp n1 10.0.2.1 7777 >"$TMP/answer"
n1 ping -q -c 3 -i 0.2 10.0.2.1 >"$TMP/answer"
same "with counters, too"
check "with counters: the counters are there" \
	grep -q 'packets=[1-9].* bytes=[1-9]' "$TMP/ours"

n0 script -qec "ctctl list" "$TMP/typescript" >"$TMP/table" </dev/null
check "a table on a terminal" \
	grep -Eq '^PROTO +STATE +EXPIRES +SOURCE +DESTINATION' "$TMP/table"
is "a header and a line an entry" "$(lines "$TMP/table")" \
	"$(($(c list | wc -l) + 1))"

# --- filters: ctctl's choice against one made of the whole list

cat >"$TMP/filters.py" <<'END'
import json, subprocess

def ctctl(*words):
    return json.loads(subprocess.run(("ctctl", "list", "-j") + words,
                                     check=True, capture_output=True).stdout)

def state(*states):
    return lambda e: e.get("state") in states

def proto(*protos):
    return lambda e: e["proto"] in protos

def end(direction, key, *values):
    return lambda e: e[direction].get(key) in values

def both(*tests):
    return lambda e: all(test(e) for test in tests)

four = lambda e: e["family"] == "ipv4"
six = lambda e: e["family"] == "ipv6"
replied = lambda e: "seen_reply" in e["status"]
tcp, udp = proto("tcp"), proto("udp")
some_id = [e["id"] for e in ctctl("udp")][0]

cases = {
    "tcp": tcp,
    "udp icmp": proto("udp", "icmp"),
    "icmpv6": proto("icmpv6"),
    "proto 17": udp,
    "ipv4": four,
    "-6": six,
    "-6 tcp dport 7777": both(six, tcp),
    "state established": state("established"),
    "state SYN-SENT state established": state("syn_sent", "established"),
    "status assured": lambda e: "assured" in e["status"],
    "status unreplied": lambda e: not replied(e),
    "tcp status seen_reply status confirmed": both(tcp, replied),
    "src 10.0.1.1": end("orig", "src", "10.0.1.1"),
    "src 10.0.0.0/15 udp": both(udp, four),
    "dst 10.0.2.96/27": end("orig", "dst", "10.0.2.99"),
    "dst fd00:2::1": end("orig", "dst", "fd00:2::1"),
    "dst fd00:2::/64 tcp": both(six, tcp),
    "reply-dst 10.0.1.1": end("reply", "dst", "10.0.1.1"),
    "reply-src fd00:2::1 udp": both(six, udp),
    "dport 7777": end("orig", "dport", 7777),
    "udp dport 4000-7777": both(udp, end("orig", "dport", 4000, 7777)),
    "reply-sport 7777 tcp": both(tcp, end("reply", "sport", 7777)),
    "mark 0": lambda e: e.get("mark", 0) == 0,
    "mark 0/0xff udp": udp,
    "zone 0 tcp": tcp,
    "tcp state established src 10.0.0.0/8 dport 7777":
        both(tcp, four, state("established")),
    "id %u" % some_id: lambda e: e["id"] == some_id,
}
for words, test in cases.items():
    got = sorted(e["id"] for e in ctctl(*words.split()))
    wanted = sorted(e["id"] for e in ctctl() if test(e))
    check("filter " + words.replace(str(some_id), "N"),
          got == wanted and wanted, (got, wanted))
END
raw <"$TMP/filters.py"
is "nothing matches, nothing is printed" "$(c list zone 77)" ""
c list -j mark 0x12345 >"$TMP/none.json"
is "an empty list is an empty array" "$(json d "$TMP/none.json")" "[]"

# --- count and stats

close_count()
{
	local a b

	a=$(c count) && b=$(n0 conntrack -C) && [ "$a" = "$b" ]
}
check "count is what conntrack -C says" until_true close_count
c count -j >"$TMP/count.json"
check "count -j" test "$(json 'd["entries"] > 0 and d["limit"] > 0' \
	"$TMP/count.json")" = True
status "stats" 0 c stats
cp "$TMP/said" "$TMP/note"
check "stats: each counter of conntrack -S" grep -q '^clash_resolve ' "$TMP/out"
status "stats -j" 0 c stats -j
check "stats -j is JSON" is_json "$TMP/out"
is "stats: a column for each CPU" "$(json 'len(d["cpus"])' "$TMP/out")" \
	"$(nproc)"
if ours; then
	check "stats of ct: buckets and reasons" test "$(json \
		'd["buckets"] > 0 and type(d["invalid"]) == list' \
		"$TMP/out")" = True
	is "stats of ct: lost events" "$(json 'd["events_lost"]' "$TMP/out")" 0
	is "stats of ct: nothing on standard error" "$(cat "$TMP/note")" ""
	raw <<-'END'
	wire = Wire()
	wire.pass_on("a", tcp_packet(A4, B4, 5000, 81, "SFRA"), 0.5)
	END
	status "stats after a packet with nonsense flags" 0 c stats -j
	check "its reason is counted" test "$(json 'any("flag" in
		r["text"].lower() and r["count"] for r in d["invalid"])' \
		"$TMP/out")" = True
	status "stats for people" 0 c stats
	check "the reason in words" grep -Eqi '^ +[1-9][0-9]*  .*flag' "$TMP/out"
else
	check "stats without ct: a note" grep -q 'note: ' "$TMP/note"
fi

# --- events

# start FILE WORDS...: ctctl events in the background, its PID in $follower.
start()
{
	local out=$1

	shift
	ip netns exec n0 ctctl events "$@" >"$out" 2>"$TMP/events.err" &
	follower=$!
	sleep 1
}

# stop NAME SIGNAL
stop()
{
	sleep 1
	kill "-$2" $follower
	wait $follower
	is "$1" $? 0
}

# A stream: each line is whole and an object of its own.
cat >"$TMP/stream.py" <<'END'
import json, sys
wanted = sys.argv[2:]
events = [json.loads(line) for line in open(sys.argv[1])]
names = ["%s %s" % (e["event"], e["proto"]) for e in events]
missing = [w for w in wanted if w not in names]
sys.exit("missing: %s of %s" % (missing, names) if missing else 0)
END

flush
start "$TMP/events.json" -j
start "$TMP/destroy" destroy udp -o conntrack
udp_follower=$follower
start "$TMP/events.table" -o table
ask_tcp n1 10.0.2.1 7777 >"$TMP/answer"
ask_udp n1 10.0.2.1 7777 >"$TMP/answer"
n1 ping -q -c 1 fd00:2::1 >"$TMP/answer"
check "events are written at once" until_true grep -q '^new  *udp' \
	"$TMP/events.table"
c flush -y >"$TMP/flushed"
stop "events end at TERM with 0" TERM
follower=$udp_follower
stop "events of a filter end with 0" TERM
is "nothing to complain" "$(cat "$TMP/events.err")" ""
check "only UDP, only its end" grep -Eqx \
	'\[DESTROY\] udp      17 .*dport=7777 .*' "$TMP/destroy"
check_fails "nothing else" grep -Ev '^\[DESTROY\] udp ' "$TMP/destroy"
# The first one is still there.
pkill -INT -f -x "ctctl events -j"
until_true test -z "$(pgrep -f -x 'ctctl events -j')"
check "events -j: an object a line" python3 "$TMP/stream.py" \
	"$TMP/events.json" "new tcp" "update tcp" "destroy tcp" "new udp" \
	"destroy udp" "new icmpv6" "destroy icmpv6"
start "$TMP/events.json" -j new
stop "events end at INT with 0" INT

# --- flush

traffic >"$TMP/traffic" 2>&1
before=$(c list udp | wc -l)
is "flush FILTER says how many" "$(c flush udp)" \
	"$before connections deleted"
is "they are gone" "$(c list udp)" ""
check "the others are not" test "$(c list tcp | wc -l)" -ge 3
c list -j -6 tcp dport 7777 >"$TMP/one.json"
is "flush of one" "$(c flush tcp id "$(json 'd[0]["id"]' "$TMP/one.json")")" \
	"1 connection deleted"
is "flush -j" "$(c flush -j zone 9)" '{"deleted":0}'
status "flush asks on a terminal; no is no" 1 \
	sh -c 'echo n | ip netns exec n0 script -qec "ctctl flush" /dev/null'
check "it asked" grep -q 'Delete all [0-9]* connections?' "$TMP/out"
check "nothing was deleted" test "$(c count)" -gt 0
status "flush without a terminal" 0 c flush </dev/null
is "the table is empty" "$(c list)" ""

# Many at once: more than a batch, a message, and a dump's buffer.
many()
{
	n1 python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(20000, 23000):
    s.sendto(b"x", ("10.0.2.99", port))'
	[ "$(c list udp dport 20000-22999 | wc -l)" = 3000 ]
}
check "three thousand connections are listed" many
c list -j >"$TMP/many.json"
is "each exactly once" "$(json 'len({e["orig"]["dport"] for e in d
	if e["orig"].get("dport", 0) >= 20000})' "$TMP/many.json")" 3000
is "flush of half of them" "$(c flush udp dport 20000-21499)" \
	"1500 connections deleted"
is "the other half is there" "$(c list udp dport 20000-22999 | wc -l)" 1500

# --- errors

status "an unknown command" 2 c lst
says "it is named, with a guess" "'lst' is not a command; did you mean 'list'"
status "no command" 2 c
status "an unknown filter word" 2 c list tpc
says "with a guess, too" "'tpc' .*did you mean 'tcp'"
says "and what was possible" 'state status src'
status "an unknown state" 2 c list tcp state establish
says "the state is named" "'establish' is not a state; did you mean 'establ"
status "a missing word" 2 c list tcp state
says "a word is missing" 'missing'
status "an address that is none" 2 c list src 10.0.0.256
says "the address is named" "'10.0.0.256' is not an address"
status "a prefix that is too long" 2 c list src 10.0.0.0/33
status "a port out of range" 2 c list dport 65536
status "an empty range" 2 c list dport 20-10
status "a mark outside its mask" 2 c list mark 2/1
status "two families" 2 c list ipv4 src ::1
says "contradiction" "'::1' contradicts"
status "a word after count" 2 c count tcp
status "an unknown option" 2 c list --jso=1
status "an unknown format" 2 c list -o xml
says "the formats are named" 'table line json conntrack'
status "nothing is flushed for a wrong word" 2 c flush udq
status "help" 0 c help
check "help lists the commands" grep -q '^  events ' "$TMP/out"
status "help of a command" 0 c help flush
status "help of two" 2 c help list flush
status "no likeness but dashes" 2 c --version
says "is no reason to guess" "'--version' is not an option$"
status "without privileges" 1 n0 setpriv --reuid=65534 --regid=65534 \
	--clear-groups ctctl list
says "it says what it takes" 'CAP_NET_ADMIN'
status "so does JSON" 1 n0 setpriv --reuid=65534 --regid=65534 \
	--clear-groups ctctl list -j
is "that is not an empty list" "$(cat "$TMP/out")" ""
status "a full disk" 1 n0 sh -c 'ctctl help >/dev/full'
says "it says so" 'cannot write'

flush
jobs -p | xargs -r kill 2>"$TMP/kill"
unload
if ! loaded nf_conntrack && ! loaded ct; then
	# Kept away, or asking loads the stock one by name.
	mkdir -p /run/modprobe.d
	cat >/run/modprobe.d/t-ctctl.conf <<-END
	install nf_conntrack_netlink /bin/false
	install nf_conntrack /bin/false
	install ct /bin/false
	END
	status "without a tracker" 1 c list
	says "it says what to do" 'modprobe ct'
	status "events without a tracker" 1 c events
	rm -f /run/modprobe.d/t-ctctl.conf
fi

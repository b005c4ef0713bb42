#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# /proc/net/nf_conntrack, nf_conntrack_expect and stat/nf_conntrack: each line as it
# has always been, and each connection once, however it is read.
# seconds: 40
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

topology
must_load
max=$(sysctl -n net.netfilter.nf_conntrack_expect_max)
sysctl -q net.netfilter.nf_conntrack_expect_max=1000
n0 sysctl -q net.netfilter.nf_conntrack_acct=0

proc()
{
	n0 cat /proc/net/nf_conntrack
}

# line NAME REGEX: one line is that, from its beginning to its end.
line()
{
	if until_true eval "proc | grep -Eq '^$2\$'"; then
		ok "$1"
	else
		not_ok "$1" "no '$2' among: $(proc | head -n 4 | tr '\n' '|')"
	fi
}

# --- lines ---

flush
echo_server n2 7
ask_udp n1 10.0.2.1 7,sourceport=4001 >"$TMP/out"
line "UDP" 'ipv4     2 udp      17 [0-9]+ src=10.0.1.1 dst=10.0.2.1 sport=4001 dport=7 src=10.0.2.1 dst=10.0.1.1 sport=7 dport=4001 mark=0 zone=0 use=2'
n1 bash -c 'echo x >/dev/udp/10.0.2.1/9999'
line "UDP, not answered" 'ipv4     2 udp      17 [0-9]+ src=10.0.1.1 dst=10.0.2.1 sport=[0-9]+ dport=9999 \[UNREPLIED\] src=10.0.2.1 dst=10.0.1.1 sport=9999 dport=[0-9]+ mark=0 zone=0 use=2'
n1 ping -q -c 1 10.0.2.1 >"$TMP/ping"
line "ICMP" 'ipv4     2 icmp     1 [0-9]+ src=10.0.1.1 dst=10.0.2.1 type=8 code=0 id=([0-9]+) src=10.0.2.1 dst=10.0.1.1 type=0 code=0 id=\1 mark=0 zone=0 use=2'
n1 ping -q -c 1 fd00:2::1 >"$TMP/ping"
line "ICMPv6" 'ipv6     10 icmpv6   58 [0-9]+ src=fd00:0001:0000:0000:0000:0000:0000:0001 dst=fd00:0002:0000:0000:0000:0000:0000:0001 type=128 code=0 id=([0-9]+) src=fd00:0002:0000:0000:0000:0000:0000:0001 dst=fd00:0001:0000:0000:0000:0000:0000:0001 type=129 code=0 id=\1 mark=0 zone=0 use=2'
mkfifo "$TMP/in"
exec 5<>"$TMP/in"
ip netns exec n1 socat - TCP:10.0.2.1:7,sourceport=4002 <"$TMP/in" >"$TMP/out" &
line "TCP" 'ipv4     2 tcp      6 43[0-9]+ ESTABLISHED src=10.0.1.1 dst=10.0.2.1 sport=4002 dport=7 src=10.0.2.1 dst=10.0.1.1 sport=7 dport=4002 \[ASSURED\] mark=0 zone=0 use=2'
n0 conntrack -U -f ipv4 -p tcp --dport 7 -m 5 >"$TMP/out" 2>&1
line "its mark" 'ipv4 .* sport=4002 .* mark=5 zone=0 use=2'
flush
n0 sysctl -q net.netfilter.nf_conntrack_acct=1 \
	net.netfilter.nf_conntrack_timestamp=1
n0 conntrack -I -s 10.0.1.9 -d 10.0.2.9 -p 99 -t 100 -u SEEN_REPLY \
	-r 10.0.2.9 -q 10.0.1.9 >"$TMP/out" 2>&1
n1 ping -q -c 3 -i 0.2 10.0.2.1 >"$TMP/ping"
line "counters, and its age" 'ipv4     2 icmp     1 [0-9]+ src=10.0.1.1 dst=10.0.2.1 type=8 code=0 id=[0-9]+ packets=3 bytes=252 src=10.0.2.1 dst=10.0.1.1 type=0 code=0 id=[0-9]+ packets=3 bytes=252 mark=0 zone=0 delta-time=[0-9]+ use=2'
line "what nobody knows" 'ipv4     2 unknown  99 [0-9]+ src=10.0.1.9 dst=10.0.2.9 packets=0 bytes=0 src=10.0.2.9 dst=10.0.1.9 packets=0 bytes=0 mark=0 zone=0 (delta-time=[0-9]+ )?use=2'
n0 conntrack -I -s 10.0.1.9 -d 10.0.2.9 -p udp --sport 1 --dport 2 -t 100 \
	-w 5 >"$TMP/out" 2>&1
line "a zone" 'ipv4     2 udp      17 [0-9]+ src=10.0.1.9 .*mark=0 zone=5 .*use=2'
n0 sysctl -q net.netfilter.nf_conntrack_acct=0 \
	net.netfilter.nf_conntrack_timestamp=0

# --- who may read ---

for file in nf_conntrack nf_conntrack_expect; do
	is "$file is for root" "$(stat -c '%a %u' /proc/net/$file)" "440 0"
done
is "the counters are for all" \
	"$(stat -c '%a %u' /proc/net/stat/nf_conntrack)" "444 0"
user=(setpriv --reuid 1000 --clear-groups unshare -Urn)
# Not in user-mode Linux, whose root directory is a changed one.
if "${user[@]}" true 2>"$TMP/err"; then
	check "root of another user's namespace reads his own" \
		"${user[@]}" cat /proc/net/nf_conntrack
else
	skip "root of another user's namespace" "$(cat "$TMP/err")"
fi

# --- each once ---

nl <<'END'
import subprocess
from raw import flush

S = Socket()
PATH = "/proc/net/nf_conntrack"


def make(n):
    return S.ask(NEW, numbered(n) + be32(TIMEOUT, 1000), ACK | CREATE).error


def ports(text):
    return sorted(int(line.split("sport=")[1].split()[0])
                  for line in text.splitlines() if "dport=53 " in line)


flush()
for n in range(700):
    make(n)
want = list(range(1024, 1724))
with open(PATH) as f:
    found = ports(f.read())
# nf_conntrack leaves some out.
equal("each once", found, want if ours() else sorted(set(found)))
with open(PATH, "rb", buffering=0) as f:
    out = b""
    while data := f.read(300):
        out += data
if ours():
    equal("in small pieces", ports(out.decode()), want)
with open(PATH, "rb", buffering=0) as f:
    first = f.read(4096)
    f.seek(0)
    again = f.read(4096)
    f.seek(1000)
    later = f.read(2000)
equal("from the beginning once more", first, again)
equal("from the middle", first[1000:3000], later)

# Others come, and go; the table grows.
with open(PATH, "rb", buffering=0) as f:
    out, n = b"", 700
    while data := f.read(2000):
        out += data
        if n < 1500:
            for _ in range(40):
                make(n)
                n += 1
            S.ask(DELETE, numbered(n - 20))
found = ports(out.decode())
if ours():
    equal("each that was there throughout", sorted(set(want) - set(found)), [])
    check("and none twice", len(set(found)) == len(found))
flush()
END

# --- expectations ---

if ours; then
	n0 conntrack -I -s 10.0.1.9 -d 10.0.2.9 -p tcp --sport 4000 --dport 21 \
		-t 1000 --state ESTABLISHED -u ASSURED,SEEN_REPLY \
		>"$TMP/out" 2>&1
	nl <<'END'
S = Socket()


def tuple_of(kind, src, sport, dst, dport):
    return nest(kind, addresses(src, dst), ports(6, sport, dport))


errors = [S.ask(
    NEW, tuple_of(1, "10.0.1.9", 4000, "10.0.2.9", 21) +
    tuple_of(2, "10.0.2.9", 0, "10.0.1.9", 5000 + n) +
    tuple_of(3, "255.255.255.255", 0, "255.255.255.255", 65535) +
    be32(4, 100) + be32(8, n % 4), ACK | CREATE, subsys=EXP).error
    for n in range(100)]
equal("a hundred are made", set(errors), {0})
with open("/proc/net/nf_conntrack_expect", "rb", buffering=0) as f:
    out = b""
    while data := f.read(200):
        out += data
lines = out.decode().splitlines()
FLAGS = ["", "PERMANENT,", "INACTIVE,", "PERMANENT,INACTIVE,"]
equal("each expectation once", sorted(
    line.partition(" ")[2] for line in lines), sorted(
    "l3proto = 2 proto=6 src=10.0.2.9 dst=10.0.1.9 sport=0 dport=%d %sUSERSPACE"
    % (5000 + n, FLAGS[n % 4]) for n in range(100)))
END
fi

# --- counters ---

stats()
{
	n0 cat /proc/net/stat/nf_conntrack
}
is "their names" "$(stats | head -n 1)" "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart"
is "a line for each CPU" "$(stats | wc -l)" \
	"$((1 + $(grep -c ^processor /proc/cpuinfo)))"
check "numbers as they are printed" eval "stats | tail -n +2 |
	grep -Eqx '[0-9a-f]{8}  ([0-9a-f]{8} ){11}[0-9a-f]{8}  ([0-9a-f]{8} ){3}[0-9a-f]{8}'"
is "how many connections" "$((0x$(stats | awk 'NR == 2 { print $1 }')))" \
	"$(n0 sysctl -n net.netfilter.nf_conntrack_count)"
column()
{
	stats | awk -v n="$1" 'NR > 1 { print $n }'
}
sum()
{
	local hex total=0

	for hex in $(column "$1"); do
		total=$((total + 0x$hex))
	done
	echo $total
}
if ours; then
	is "how many expectations were made" "$(sum 15)" 100
fi
sysctl -q "net.netfilter.nf_conntrack_expect_max=$max"
unload_here()
{
	ours || return 0
	unload
	! [ -e /proc/net/nf_conntrack ] && ! [ -e /proc/net/stat/nf_conntrack ]
}
check "they go with the tracker" unload_here

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A million entries: created, listed exactly once each, flushed.
# CT_QUICK=1 takes a hundred thousand.
# cpus: 2
# seconds: 60
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

hosts=100
[ -z "${CT_QUICK:-}" ] || hosts=10
wanted=$((hosts * 10000))

# Datagrams to 10.7.0.1 and up, 10,000 ports each, that end in a dummy device.
namespace n0
ip -n n0 link add sink type dummy
ip -n n0 link set sink up
ip -n n0 addr add 10.7.255.254/16 dev sink
must_load
if ours; then
	sysctl -q net.netfilter.nf_conntrack_max=2000000
else
	sysctl -q net.netfilter.nf_conntrack_max=2000000 \
		net.netfilter.nf_conntrack_buckets=262144
fi
n0 sysctl -q net.netfilter.nf_conntrack_udp_timeout=3600

start=$(date +%s.%N)
took()
{
	local now

	now=$(date +%s.%N)
	awk -v a="$start" -v b="$now" 'BEGIN { printf "%.1f s", b - a }'
	start=$now
}

n0 python3 - "$hosts" <<-'END'
	import sys
	from raw import *
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("10.7.255.254", 4000))
	many = SendMany(s)
	ports = [struct.pack("=H", 2) + struct.pack("!H", p)
	         for p in range(10000, 20000)]
	for h in range(int(sys.argv[1])):
	    tail = socket.inet_aton("10.7.0.%d" % (h + 1)) + bytes(8)
	    many.send(b"".join(p + tail for p in ports))
END
count=$(n0 cat /proc/sys/net/netfilter/nf_conntrack_count)
echo "# $wanted datagrams sent in $(took)"
check "$wanted entries ($count)" test "$count" -ge "$wanted"

# exactly_once: reads a listing, says what is missing and what comes twice.
exactly_once()
{
	awk -v hosts="$hosts" '
	match($0, /dst=10\.7\.0\.[0-9]+/) {
		host = substr($0, RSTART + 11, RLENGTH - 11)
		match($0, /dport=[0-9]+/)
		seen[host * 100000 + substr($0, RSTART + 6, RLENGTH - 6)]++
		lines++
	}
	END {
		for (host = 1; host <= hosts; host++)
			for (port = 10000; port < 20000; port++) {
				n = seen[host * 100000 + port]
				missing += !n
				twice += n > 1
			}
		printf "%d listed, %d missing, %d twice\n", lines, missing,
			twice
	}'
}

is "each is listed exactly once" \
	"$(n0 conntrack -L -p udp 2>"$TMP/err" | exactly_once)" \
	"$wanted listed, 0 missing, 0 twice"
echo "# listed by conntrack in $(took)"
if ours; then
	is "by ctctl, too" \
		"$(n0 ctctl -o conntrack list udp 2>"$TMP/err" | exactly_once)" \
		"$wanted listed, 0 missing, 0 twice"
	echo "# listed by ctctl in $(took)"

	# While others come and go, so that the table is resized meanwhile.
	n0 python3 - <<-'END' &
		from raw import *
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("10.7.255.254", 4001))
		many = SendMany(s)
		tail = socket.inet_aton("10.7.1.1") + bytes(8)
		for first in range(1000, 61000, 1000):
		    many.send(b"".join(struct.pack("=H", 2) +
		                       struct.pack("!H", p) + tail
		                       for p in range(first, first + 1000)))
	END
	churn=$!
	is "each is listed exactly once while others come" \
		"$(n0 conntrack -L -p udp 2>"$TMP/err" | exactly_once)" \
		"$wanted listed, 0 missing, 0 twice"
	wait $churn
	echo "# listed with others coming in $(took)"
fi
is "one is found among them" "$(n0 conntrack -G -p udp -s 10.7.255.254 \
	-d 10.7.0.5 --sport 4000 --dport 12345 2>"$TMP/err" |
	grep -c dport=12345)" 1
took >"$TMP/took"
check "flush" n0 conntrack -F
echo "# flushed in $(took)"
is "nothing is left" "$(n0 conntrack -L 2>"$TMP/err" | wc -l)" 0
empty()
{
	[ "$(n0 cat /proc/sys/net/netfilter/nf_conntrack_count)" -le 5 ]
}
check "count" until_true empty
check "unload" unload
if ours; then
	is "no entry is left" "$(slab)" ""
fi

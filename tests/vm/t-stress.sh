#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Everything at once, on two CPUs: four flows of iperf3, a storm of short
# connections, dumps, flushes, listeners, and a table that grows and shrinks.
# cpus: 2
# seconds: 90
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=60
[ -z "${CT_QUICK:-}" ] || seconds=30
seconds=$((seconds * (1 + ${CT_SLOW:-1} / 4)))

topology
must_load
echo_server n2 7
n2 iperf3 -s >"$TMP/server" 2>&1 &
n2 python3 - <<-'END' &
	import socket, threading
	server = socket.create_server(("10.0.2.1", 8), backlog=1024)
	while True:
	    c, _ = server.accept()
	    c.close()
END
until_true listening n2 tcp 5201
until_true listening n2 tcp 8
sysctl -q net.netfilter.nf_conntrack_max=200000
n0 sysctl -q net.netfilter.nf_conntrack_max=200000 2>"$TMP/err"

# again COMMAND...: until time is up; how often goes to a file of its own.
end=$((SECONDS + seconds))
again()
{
	local n=0

	while [ $SECONDS -lt $end ]; do
		"$@" || true
		n=$((n + 1))
	done >"$TMP/again.$1" 2>&1
	echo $n >"$TMP/times.$1"
}

dump()
{
	n0 conntrack -L
	n0 conntrack -L -f ipv6
}

small_flush()
{
	sleep 0.7
	n0 conntrack -F
}

delete()
{
	n0 conntrack -D -p udp --dport 9
}

statistics()
{
	n0 conntrack -S
	n0 conntrack -C
	ours && n0 ctctl stats
	sleep 0.2
}

sysctls()
{
	n0 sysctl -q net.netfilter.nf_conntrack_udp_timeout=$((RANDOM % 3 + 1))
	ours || sysctl -q net.netfilter.nf_conntrack_buckets=$((4096 << RANDOM % 4))
	sleep 0.3
}

n1 iperf3 -c 10.0.2.1 -P 4 -b 20M -t "$seconds" -J >"$TMP/iperf" 2>&1 &
iperf=$!
n0 timeout "$seconds" conntrack -E >"$TMP/events" 2>&1 &
n1 timeout "$seconds" python3 - >"$TMP/storm" 2>&1 <<-'END' &
	import socket
	done = 0
	try:
	    while True:
	        try:
	            socket.create_connection(("10.0.2.1", 8), 1).close()
	            done += 1
	            if done % 10 == 0:
	                print(done, flush=True)
	        except OSError:
	            pass
	except KeyboardInterrupt:
	    pass
END
# Twenty thousand entries that come, time out, and are flushed.
n1 timeout "$seconds" python3 - >"$TMP/grow" 2>&1 <<-'END' &
	import time
	from raw import *
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("10.0.1.1", 0))
	many = SendMany(s)
	host = socket.inet_aton("10.0.2.1")
	while True:
	    many.send(b"".join(struct.pack("=H", 2) +
	                       struct.pack("!H", 9 + 64 * (port & 1) + port) +
	                       host + bytes(8) for port in range(1000, 21000)))
	    time.sleep(2)
END
for work in dump small_flush delete statistics sysctls; do
	again $work &
done
sleep "$seconds"
wait $iperf
# iperf3 and the loops end by themselves, the servers with the script.
until_true test -s "$TMP/times.sysctls"
until_true test -s "$TMP/times.dump"
until_true test -s "$TMP/times.small_flush"

rate=$(python3 -c '
import json, sys
end = json.load(open(sys.argv[1]))["end"]
print(int(end["sum_received"]["bits_per_second"]))' "$TMP/iperf" 2>"$TMP/err")
check "iperf3's four flows moved data (${rate:-none} bit/s)" \
	test "${rate:-0}" -gt $((1000000 / ${CT_SLOW:-1}))
check "the storm went on ($(tail -n 1 "$TMP/storm") connections)" \
	test "0$(tail -n 1 "$TMP/storm")" -ge 10
for work in dump small_flush delete statistics sysctls; do
	times=$(cat "$TMP/times.$work")
	check "$work ran ${times:-no} times" test "${times:-0}" -ge 2
done
check "events came" test "$(wc -l <"$TMP/events")" -gt $((100 / ${CT_SLOW:-1}))
check "connections still open" ask_tcp n1 10.0.2.1 7
seen "and are seen" 'tcp .*dport=7 '

# What is counted is there.
n0 sysctl -q net.netfilter.nf_conntrack_udp_timeout=1
flush
settled()
{
	[ "$(entries | wc -l)" -eq \
		"$(n0 cat /proc/sys/net/netfilter/nf_conntrack_count)" ]
}
check "count and table agree in the end" until_true settled
check "unload" unload
if ours; then
	is "no entry is left" "$(slab)" ""
fi

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The sysctls have nf_conntrack's names and defaults, refuse nonsense, and
# belong to their namespace. nf_conntrack itself says what its defaults are.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

names="max count buckets checksum acct timestamp events log_invalid
	generic_timeout icmp_timeout icmpv6_timeout udp_timeout
	udp_timeout_stream tcp_timeout_syn_sent tcp_timeout_syn_recv
	tcp_timeout_established tcp_timeout_fin_wait tcp_timeout_close_wait
	tcp_timeout_last_ack tcp_timeout_time_wait tcp_timeout_close
	tcp_timeout_max_retrans tcp_timeout_unacknowledged tcp_loose
	tcp_be_liberal tcp_ignore_invalid_rst tcp_max_retrans gre_timeout
	gre_timeout_stream sctp_timeout_closed sctp_timeout_cookie_wait
	sctp_timeout_cookie_echoed sctp_timeout_established
	sctp_timeout_shutdown_sent sctp_timeout_shutdown_recd
	sctp_timeout_shutdown_ack_sent sctp_timeout_heartbeat_sent
	dccp_timeout_request dccp_timeout_respond dccp_timeout_partopen
	dccp_timeout_open dccp_timeout_closereq dccp_timeout_closing
	dccp_timeout_timewait dccp_loose"
dir=/proc/sys/net/netfilter

namespace n0
namespace n1

CT_WAS=$CT_TRACKER CT_TRACKER=nf_conntrack
load
declare -A stock
for name in $names; do
	stock[$name]=$(cat "$dir/nf_conntrack_$name")
done
unload
CT_TRACKER=$CT_WAS
must_load

for name in $names; do
	case $name in
	count) continue ;;
	buckets)
		# A table that grows by itself starts small.
		check "$name is a number" \
			test "$(cat $dir/nf_conntrack_buckets)" -gt 0
		continue
		;;
	esac
	is "nf_conntrack_$name has its default" \
		"$(cat "$dir/nf_conntrack_$name")" "${stock[$name]}"
	ours || continue
	is "in a new namespace" "$(n0 cat "$dir/nf_conntrack_$name")" \
		"${stock[$name]}"
done
is "net.nf_conntrack_max is the same" \
	"$(sysctl -n net.nf_conntrack_max)" "${stock[max]}"

# set NAME VALUE, in n0
set_()
{
	n0 sh -c "echo $2 >$dir/nf_conntrack_$1" 2>"$TMP/set"
}

for name in $names; do
	case $name in
	count | buckets | max) continue ;;
	esac
	check "$name can be set" set_ "$name" 1
	is "$name reads back" "$(n0 cat "$dir/nf_conntrack_$name")" 1
	is "$name of another namespace stays" \
		"$(n1 cat "$dir/nf_conntrack_$name")" "${stock[$name]}"
	check_fails "$name is no word" set_ "$name" word
	check_fails "$name is no x1" set_ "$name" "x1"
	ours && check_fails "$name is not negative" set_ "$name" -1
	is "$name is unchanged" "$(n0 cat "$dir/nf_conntrack_$name")" 1
	set_ "$name" "${stock[$name]}"
done
for pair in checksum:2 acct:2 timestamp:2 events:3 log_invalid:256 \
	tcp_loose:2 tcp_be_liberal:2 tcp_ignore_invalid_rst:2 \
	tcp_max_retrans:256 dccp_loose:2; do
	check_fails "${pair%:*} is not ${pair#*:}" \
		set_ "${pair%:*}" "${pair#*:}"
	set_ "${pair%:*}" "${pair#*:}"
	check "with EINVAL" grep -q 'Invalid argument\|I/O error' "$TMP/set"
done
check_fails "count is read-only" set_ count 5
if ours; then
	check "each namespace has its limit" set_ max 12345
	is "max reads back" "$(n0 cat $dir/nf_conntrack_max)" 12345
	is "max of another namespace stays" "$(n1 cat $dir/nf_conntrack_max)" \
		"${stock[max]}"
	check_fails "a limit is not negative" set_ max -1
	check "no limit" set_ max 0
	is "but that of the first namespace" "$(n0 cat $dir/nf_conntrack_max)" \
		"${stock[max]}"

	# limits: of the first namespace, of n0, of n1, of a user's
	limits()
	{
		echo "$(cat $dir/nf_conntrack_max)" \
			"$(n0 cat $dir/nf_conntrack_max)" \
			"$(n1 cat $dir/nf_conntrack_max)" \
			"$(unshare -Urn cat $dir/nf_conntrack_max)"
	}
	for row in \
		"300000 500000: 300000 300000 300000 300000" \
		"900000 500000: 900000 500000 900000 900000" \
		"1000 500000: 1000 1000 1000 1000" \
		"900000 0: 900000 900000 900000 900000" \
		"0 500000: 0 500000 0 0" \
		"0 0: 0 0 0 0"; do
		read -r first other <<<"${row%:*}"
		echo "$first" >$dir/nf_conntrack_max
		set_ max "$other"
		is "limits of $first and $other" "$(limits)" "${row#*: }"
		# The other way round.
		set_ max 77
		set_ max "$other"
		echo 78 >/proc/sys/net/nf_conntrack_max
		echo "$first" >/proc/sys/net/nf_conntrack_max
		is "limits of $other and $first" "$(limits)" "${row#*: }"
	done
	echo "${stock[max]}" >$dir/nf_conntrack_max
	check_fails "a user does not raise his own" \
		unshare -Urn sh -c "echo 500000 >$dir/nf_conntrack_max"
fi

# Values take effect. Of those that are not here, see Documentation/testing.md.
delta_times()
{
	n0 conntrack -L -o ktimestamp 2>"$TMP/err" | grep -c delta-time=
}

is "count counts none" "$(n0 cat $dir/nf_conntrack_count)" 0
n0 sysctl -q net.netfilter.nf_conntrack_acct=1 \
	net.netfilter.nf_conntrack_timestamp=1
n0 ping -q -c 1 127.0.0.1 >"$TMP/ping"
seen "acct=1 counts packets" '^icmp .* packets=1 bytes=84 .* packets=1 bytes=84 '
is "timestamp=1 tells the time" "$(delta_times)" 1
is "count counts" "$(n0 cat $dir/nf_conntrack_count)" 1
flush
is "and counts down" "$(n0 cat $dir/nf_conntrack_count)" 0
n0 sysctl -q net.netfilter.nf_conntrack_acct=0 \
	net.netfilter.nf_conntrack_timestamp=0
n0 ping -q -c 1 127.0.0.1 >"$TMP/ping"
seen "a connection without both" '^icmp '
unseen "acct=0 does not count" 'packets='
is "timestamp=0 tells nothing" "$(delta_times)" 0

# told: the events of one ping and its end, in the order they came.
told()
{
	: >"$TMP/events"
	ip netns exec n0 stdbuf -oL conntrack -E >"$TMP/events" 2>"$TMP/err" &
	until_true listener
	n0 ping -q -c 1 127.0.0.1 >"$TMP/ping"
	flush
	# Until what comes last, if anything does.
	set_ events 2
	n0 ping -q -c 1 -I 127.0.0.2 127.0.0.2 >"$TMP/ping"
	until_true grep -q 'NEW.*src=127.0.0.2' "$TMP/events"
	kill $!
	wait $!
	grep 'src=127.0.0.1 ' "$TMP/events" | grep -Eo '\[(NEW|UPDATE|DESTROY)\]' | tr -d '\n'
	flush
}

# listener: conntrack is in the groups of its events.
listener()
{
	n0 cat /proc/net/netlink |
		awk '$2 == 12 && $4 != "00000000" { n++ } END { exit !n }'
}

for events in 1 2 0; do
	flush
	set_ events $events
	case $events in
	0) want='' ;;
	*) want='[NEW][UPDATE][DESTROY]' ;;
	esac
	is "events=$events" "$(told)" "$want"
done
# With 1, also of what began when nobody listened.
set_ events 1
n0 ping -q -c 1 127.0.0.1 >"$TMP/ping"
ip netns exec n0 stdbuf -oL conntrack -E >"$TMP/events" 2>"$TMP/err" &
until_true listener
flush
check "events=1: a beginning unheard, an end heard" \
	until_true grep -q 'DESTROY.*src=127.0.0.1 ' "$TMP/events"

if ours; then
	buckets()
	{
		n0 cat $dir/nf_conntrack_buckets
	}
	grown()
	{
		[ "$(buckets)" -gt "$before" ]
	}
	before=$(buckets)
	set_ buckets 99999
	is "buckets: a value written has no effect" "$(buckets)" "$before"
	n0 python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1, 3000):
    s.sendto(b"x", ("127.0.0.1", port))'
	check "buckets: a fuller table has more" \
		until_true grown
fi

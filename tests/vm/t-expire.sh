#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A hundred thousand entries whose time is up at once: how long the timer keeps a
# CPU from packets, and that all of them are gone soon. Where time counts
# instructions (scripts/vm -i, one CPU) the bound is that of the code; elsewhere
# the machine may have been busy with something else.
# clock: virtual
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

TRACING=/sys/kernel/tracing
wanted=100000 limit=100
[ "$(nproc)" -eq 1 ] || limit=$((20000 * ${CT_SLOW:-1}))

namespace n0
ip -n n0 link add sink type dummy
ip -n n0 link set sink up
ip -n n0 addr add 10.7.255.254/16 dev sink
must_load
sysctl -q net.netfilter.nf_conntrack_max=2000000
! ours || n0 sysctl -q net.netfilter.nf_conntrack_max=2000000
n0 sysctl -q net.netfilter.nf_conntrack_udp_timeout=5

mountpoint -q $TRACING || mount -t tracefs none $TRACING
echo 16384 >$TRACING/buffer_size_kb
function=wheel_turn
ours || function=nothing
for event in timer_expire_entry timer_expire_exit; do
	echo 1 >$TRACING/events/timer/$event/enable
done

n0 python3 - $((wanted / 10000)) <<-'END'
	import sys
	from raw import *
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("10.7.255.254", 4000))
	many = SendMany(s)
	ports = [struct.pack("=H", 2) + struct.pack("!H", p)
	         for p in range(10000, 20000)]
	batches = [b"".join(p + socket.inet_aton("10.7.0.%d" % (h + 1)) + bytes(8)
	                    for p in ports) for h in range(int(sys.argv[1]))]
	start = time.monotonic()
	for batch in batches:
	    many.send(batch)
	print("# sent in %.2f s" % (time.monotonic() - start))
END
count=$(n0 cat /proc/sys/net/netfilter/nf_conntrack_count)
check "there are $wanted entries ($count)" test "$count" -ge $((wanted * 9 / 10))
all_gone()
{
	[ "$(n0 cat /proc/sys/net/netfilter/nf_conntrack_count)" -lt 100 ]
}
sleep 5
started=$(date +%s%N)
CT_SLOW=$((6 * ${CT_SLOW:-1})) check "they are gone in time" until_true all_gone
echo "# $((($(date +%s%N) - started) / 1000000)) ms later all are gone"

# How long each turn took, in microseconds: the address names the timer.
if ours; then
	longest=$(awk -v name=$function '
	/timer_expire_entry/ && $0 ~ "function=" name {
		for (i = 1; i <= NF; i++)
			if ($i ~ /^[0-9]+\.[0-9]+:$/)
				begun[$2] = $i + 0
	}
	/timer_expire_exit/ && $2 in begun {
		for (i = 1; i <= NF; i++)
			if ($i ~ /^[0-9]+\.[0-9]+:$/)
				took = ($i - begun[$2]) * 1000000
		delete begun[$2]
		turns++
		if (took > longest)
			longest = took
	}
	END { printf "%d %d", longest, turns }' $TRACING/trace)
	echo "# longest turn ${longest% *} us, of ${longest#* }"
	check "the timer was seen" test "${longest#* }" -gt 10
	check "no turn takes longer than $limit us (${longest% *})" \
		test "${longest% *}" -le "$limit"
fi
for event in timer_expire_entry timer_expire_exit; do
	echo 0 >$TRACING/events/timer/$event/enable
done

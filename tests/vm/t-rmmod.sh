#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unloading under traffic, many times over, with packets held by others.
# CT_QUICK=1 does fewer rounds.
# cpus: 2
# seconds: 200
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
ours || { skip "rmmod" "is about ct"; DONE=1; exit 0; }

rounds=100
[ -z "${CT_QUICK:-}" ] || rounds=12
flood=(-f) band=50M pause=0
if [ "${CT_SLOW:-1}" -gt 1 ]; then
	# A kernel full of checks drowns in a flood before it gets to rmmod.
	rounds=8 flood=(-i 0.02) band=1M pause=0.05
fi

topology
echo_server n2 7
n2 iperf3 -s >"$TMP/server" 2>&1 &
until_true listening n2 tcp 5201

# Streams, and a storm of short connections, that go on whatever happens.
ip netns exec n1 iperf3 -c 10.0.2.1 -t 0 -P 2 -b "$band" >"$TMP/iperf" 2>&1 &
ip netns exec n1 ping -q "${flood[@]}" 10.0.2.1 >"$TMP/ping" 2>&1 &
ip netns exec n1 ping -q "${flood[@]}" fd00:2::1 >"$TMP/ping6" 2>&1 &
ip netns exec n1 python3 - "$pause" >"$TMP/storm" 2>&1 <<-'END' &
	import socket, sys, time
	while True:
	    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
	        s = socket.socket(socket.AF_INET, kind)
	        s.settimeout(0.5)
	        try:
	            s.connect(("10.0.2.1", 7))
	            s.send(b"x")
	        except OSError:
	            pass
	        s.close()
	        time.sleep(float(sys.argv[1]))
END
traffic=$(jobs -p | tail -n 4)

# One is never read: what comes in hangs in its queue, entries and all.
n2 python3 - >"$TMP/unread" 2>&1 <<-'END' &
	import signal, socket
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("10.0.2.1", 99))
	signal.pause()
END
until_true listening n2 udp 99

# Ten packets wait for a verdict that does not come. The empty chains keep a
# hook of each kind: coming and going, the first and last of a kind patch the
# kernel's code, which QEMU's TCG does not survive under traffic.
n0 nft -f - <<-END
	table inet hold {
		chain prerouting { type filter hook prerouting priority 500; }
		chain input { type filter hook input priority 500; }
		chain output { type filter hook output priority 500; }
		chain postrouting { type filter hook postrouting priority 500; }
		chain forward {
			type filter hook forward priority 0
			udp dport 98 queue num 8
		}
	}
END
n0 python3 - >"$TMP/queue" 2>&1 <<-'END' &
	import signal
	from raw import *
	queue = Queue(8, True)
	print("ready", flush=True)
	signal.pause()
END
# A queue that wants connections asks for a tracker, and waits for it, which takes
# its time under traffic. Not with our parameters.
for _ in 1 2 3 4 5; do
	! until_true grep -q ready "$TMP/queue" || break
done
! loaded ct || rmmod ct

# At any one moment, a queue full of the flood's may have let nothing through.
tracks()
{
	[ "$(n0 cat /proc/sys/net/netfilter/nf_conntrack_count)" -gt 0 ]
}

dmesg -C
failed=0 left=0 tracked=0 slow=0
for i in $(seq $rounds); do
	load_ct always || { failed=$((failed + 1)); continue; }
	n1 python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in [98] * 10 + [99] * 3:
    s.sendto(b"held", ("10.0.2.1", port))'
	[ $((i % 10)) -ne 0 ] || conntrack -L >"$TMP/list" 2>&1
	sleep "0.$((RANDOM % 3))"
	if until_true tracks; then
		tracked=$((tracked + 1))
	else
		echo "# round $i: hooks=$(cat /sys/module/ct/parameters/hooks)," \
			"entries $(for ns in n0 n1 n2; do
				ip netns exec $ns conntrack -C
			done | tr '\n' ' ')," \
			"queue $(n0 cat /proc/net/netfilter/nfnetlink_queue)," \
			"$(n0 cat /proc/net/softnet_stat | cut -c 1-26 |
				tr '\n' ' ')," \
			"$(n0 cat /proc/net/dev | awk '/veth/ { print $1, $3 }' |
				tr '\n' ' ')"
	fi
	start=$SECONDS
	rmmod ct || failed=$((failed + 1))
	[ $((SECONDS - start)) -le $((10 * ${CT_SLOW:-1})) ] || slow=$((slow + 1))
	[ -z "$(slab)" ] || left=$((left + 1))
done
is "$rounds times loaded and unloaded under traffic" $failed 0
is "tracking each time" $tracked "$rounds"
is "never slow" $slow 0
is "each time the slab of entries was empty and went" $left 0
is "nothing in the log about objects left" \
	"$(dmesg | grep -Ec 'Objects remaining|still has objects|BUG')" 0
alive=0
for pid in $traffic; do
	kill -0 "$pid" && alive=$((alive + 1))
done
check "the traffic went on all the while" test $alive -ge 3
# Any one packet may find a queue full of the flood's.
check "and packets still pass" until_true n1 ping -q -c 1 -W 1 10.0.2.1

# In use by a dump, a listener: they do not keep the module, nor crash.
load_ct always
ip netns exec n0 conntrack -E >"$TMP/events" 2>&1 &
listener=$!
sleep 0.5
check "unloaded under a listener" rmmod ct
kill $listener
unloaded=0
for _ in 1 2 3 4 5; do
	load_ct always
	sleep 0.3
	(n0 conntrack -L; n0 conntrack -L -f ipv6) >"$TMP/list" 2>&1 &
	dump=$!
	! until_true rmmod ct || unloaded=$((unloaded + 1))
	# A dump that starts late asks for its module, and ct is loaded again;
	# or, when ct goes between the two that modprobe tries, nf_conntrack.
	wait "$dump"
	! loaded ct || rmmod ct
	! loaded nf_conntrack || modprobe -r nf_conntrack_netlink
done
is "unloaded under dumps" $unloaded 5
# The cache goes after a grace period, in a worker.
no_slab()
{
	[ -z "$(slab)" ]
}
check "with nothing left" until_true no_slab

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Namespaces: each has its own table, comes and goes under traffic, and leaves
# nothing behind. Which of them are tracked is said by hooks=.
# seconds: 60
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=40
[ -z "${CT_QUICK:-}" ] || rounds=10

# tracked [NS]: does a ping make an entry there?
tracked()
{
	local in=${1:+ip netns exec $1}

	$in conntrack -F 2>"$TMP/err"
	$in ping -q -c 1 127.0.0.1 >"$TMP/ping"
	$in conntrack -L -p icmp 2>"$TMP/err" | grep -q 127.0.0.1
}

if ours; then
	ip link set lo up
	namespace n0
	for row in "init yes no" "demand no no" "always yes yes"; do
		read -r hooks first other <<<"$row"
		modprobe ct hooks="$hooks"
		namespace late
		tracked && got=yes || got=no
		is "hooks=$hooks: the first namespace" "$got" "$first"
		tracked n0 && got=yes || got=no
		is "hooks=$hooks: one that was there" "$got" "$other"
		tracked late && got=yes || got=no
		is "hooks=$hooks: one that came later" "$got" "$other"
		ip netns del late
		rmmod ct
	done

	# Changed under way, there and back. A rule asks for itself.
	load_ct demand
	namespace late
	ip netns exec late nft -f - <<-END
		table inet t {
			chain c { type filter hook input priority 0; ct state new; }
		}
	END
	for row in "init yes no" "always yes yes" "init yes no" "always yes yes" \
		"demand no no" "always yes yes" "demand no no" "init yes no"; do
		read -r hooks first other <<<"$row"
		echo "$hooks" >/sys/module/ct/parameters/hooks
		tracked && got=yes || got=no
		is "changed to $hooks: the first namespace" "$got" "$first"
		tracked n0 && got=yes || got=no
		is "changed to $hooks: another one" "$got" "$other"
		check "changed to $hooks: one with a rule" tracked late
	done
	ip netns del late
	until_true rmmod ct_nft

	# One has no room for more hooks: nothing changes in any.
	load_ct init
	namespace full
	for n in $(seq 1024); do
		echo "add chain ip t c$n { type filter hook prerouting priority 0; }"
	done | sed '1i add table ip t' | ip netns exec full nft -f -
	check_fails "where there are too many hooks, always cannot be had" \
		sh -c 'echo always >/sys/module/ct/parameters/hooks'
	is "so nothing changes" "$(cat /sys/module/ct/parameters/hooks)" init
	check_fails "in no namespace" tracked n0
	check "the first one is tracked as before" tracked
	namespace late
	check_fails "nor later" tracked late
	ip netns del late
	ip netns del full

	# Who listens asks for nothing: the kernel does not tell where he is.
	load_ct demand
	ip netns exec n0 conntrack -E >"$TMP/events" 2>"$TMP/err" &
	listener=$!
	until_true sh -c "ip netns exec n0 cat /proc/net/netlink |
		awk '\$2 == 12 && \$4 != \"00000000\" { n++ } END { exit !n }'"
	check_fails "a listener has nothing tracked" tracked n0
	check_fails "not the first namespace" tracked
	kill $listener
	wait $listener
	load_ct init

	# Changed while namespaces come and go.
	(
		while :; do
			for hooks in always demand; do
				echo "$hooks" >/sys/module/ct/parameters/hooks
			done
		done
	) &
	changing=$!
	for _ in $(seq $rounds); do
		unshare -n ping -q -c 1 127.0.0.1 >"$TMP/ping" 2>&1
	done
	kill $changing
	wait $changing
	check "ct goes after all these changes" rmmod ct
	ip netns pids n0 | xargs -r kill
	ip netns del n0
fi

topology
must_load
echo_server n2 7

# The same tuples in two namespaces are two connections.
namespace n3
namespace n4
link n3 veth n4 veth
address n3 veth 10.0.1.1/24
address n4 veth 10.0.1.254/24
ip -n n3 route add default via 10.0.1.254
ip -n n4 addr add 10.0.2.1/32 dev lo
ours || for ns in n3 n4; do
	ip netns exec $ns nft -f - <<-END
		table inet tracker {
			chain prerouting {
				type filter hook prerouting priority 0
				ct state new
			}
		}
	END
done
echo_server n4 7
for ns in n1 n3; do
	(echo one; sleep 1000) | ip netns exec $ns \
		socat - TCP:10.0.2.1:7,sourceport=7000 >"$TMP/$ns" &
done
for ns in n0 n4; do
	until_true sh -c "ip netns exec $ns conntrack -L | grep -q sport=7000"
	is "the connection is in $ns" "$(ip netns exec $ns conntrack -L \
		2>"$TMP/err" | grep -c 'ESTABLISHED .*sport=7000')" 1
done
ip netns exec n4 conntrack -F 2>"$TMP/err"
is "flushed in one" "$(ip netns exec n4 conntrack -L 2>"$TMP/err" |
	grep -c sport=7000)" 0
is "it stays in the other" "$(entries | grep -c sport=7000)" 1
for ns in n3 n4; do
	ip netns pids $ns | xargs -r kill
	ip netns del $ns
done

# They come and go, with connections open, and traffic elsewhere.
ip netns exec n1 ping -q -f 10.0.2.1 >"$TMP/ping" 2>&1 &
namespaces()
{
	awk '$1 == "net_namespace" { print $2 }' /proc/slabinfo
}
before=$(namespaces)
failed=0
for i in $(seq $rounds); do
	namespace "c$i"
	link "c$i" veth n2 "c$i"
	address "c$i" veth 10.1.0.1/24
	address n2 "c$i" 10.1.0.2/24
	ip netns exec "c$i" python3 - <<-'END' || failed=$((failed + 1))
		import socket
		for port in range(1, 200):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    s.sendto(b"x", ("10.1.0.2", port))
		s = socket.create_connection(("10.1.0.2", 7))
		s.send(b"hello")
		assert s.recv(5) == b"hello"
	END
	ip netns exec "c$i" conntrack -L >"$TMP/list" 2>&1
	grep -q 'dport=7 ' "$TMP/list" || ! ours || failed=$((failed + 1))
	# In one of three somebody still listens to its events.
	[ $((i % 3)) -ne 0 ] ||
		ip netns exec "c$i" timeout 1 conntrack -E >"$TMP/e" 2>&1 &
	ip netns del "c$i"
done
is "$rounds namespaces came, worked, and went" $failed 0
fewer()
{
	[ "$(namespaces)" -le $((before + 2)) ]
}
check "none is left behind" until_true fewer
if ours; then
	n1 conntrack -F 2>"$TMP/err"
	n2 conntrack -F 2>"$TMP/err"
	flush
	few()
	{
		slab && [ "$(slab)" -le 600 ]
	}
	check "nor are their entries" until_true few
fi

# One that dies while a packet of its own waits in a queue.
namespace held
ip netns exec held nft -f - <<-END
	table inet hold {
		chain output {
			type filter hook output priority 0
			udp dport 9 queue num 1
		}
	}
END
ip netns exec held python3 - >"$TMP/held" <<-'END' &
	import signal
	from raw import *
	queue = Queue(1)
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	for i in range(10):
	    s.sendto(b"x", ("127.0.0.1", 9))
	print("ready", flush=True)
	signal.pause()
END
pid=$!
until_true grep -q ready "$TMP/held"
ip netns pids held | xargs -r kill
wait $pid
ip netns del held
check "a namespace goes with packets queued" until_true fewer

check "unload" unload
if ours; then
	is "no entry is left" "$(slab)" ""
fi

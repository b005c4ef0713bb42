#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# conntrackd, unmodified, between two routers: what one knows the other has after a
# commit, and a transfer goes on when the other one takes over. Each mode; filters; the
# statistics.
#
#	         ┌── n0 (active) ──┐
#	n1 ── sw │      sync       │ sw ── n2
#	         └── n3 (backup) ──┘
# seconds: 100
# packages: conntrackd
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

unpacked "$@"
if ! command -v conntrackd >"$TMP/which"; then
	skip "conntrackd" "is not installed"
	DONE=1
	exit 0
fi
for ns in n0 n1 n2 n3 sw; do
	namespace $ns
done
n3() { ip netns exec n3 "$@"; }
for side in cl sv; do
	ip -n sw link add br$side type bridge forward_delay 0 mcast_snooping 0
	ip -n sw link set br$side up
	for ns in n0 n3; do
		link $ns $side sw $side$ns
		ip -n sw link set $side$ns master br$side
		# Who takes over is found where the other one was.
		ip -n $ns link set $side down
		ip -n $ns link set $side address 02:00:00:00:00:01
	done
done
link n1 veth sw cln1
ip -n sw link set cln1 master brcl
link n2 veth sw svn2
ip -n sw link set svn2 master brsv
address n1 veth 10.7.0.1/24
address n2 veth 10.8.0.1/24
link n0 sync n3 sync
address n0 sync 192.168.9.1/24
address n3 sync 192.168.9.2/24
for ns in n0 n3; do
	address $ns cl 10.7.0.254/24
	address $ns sv 10.8.0.254/24
done

# active NS OTHER: it is the router from now on.
active()
{
	ip -n "$2" link set cl down
	ip -n "$2" link set sv down
	ip -n "$1" link set cl up
	ip -n "$1" link set sv up
	ip -n n1 route replace default via 10.7.0.254
	ip -n n2 route replace default via 10.8.0.254
}

must_load
# Of the transfer: each has another, as what is left of one comes again and again.
PORT=4000
# Nothing is known, and only what is known passes, or is new.
afresh()
{
	local ns

	for ns in n0 n3; do
		ip netns exec $ns nft -f - <<-END
			table ip t
			delete table ip t
			table ip t {
				chain forward {
					type filter hook forward priority 0
					policy drop
					ct state established,related accept
					ct state new tcp sport $PORT counter accept
					ct state new iifname cl tcp dport 7 accept
					ct state new iifname cl udp dport 7 accept
				}
			}
		END
		ip netns exec $ns conntrack -F 2>>"$TMP/err"
	done
}

# config NS MODE: of the sync, what else on standard input.
config()
{
	local me=1 other=2

	[ "$1" = n0 ] || { me=2; other=1; }
	cat >"$TMP/$1.conf" <<-END
		Sync {
			Mode $2 {
			}
			UDP {
				IPv4_address 192.168.9.$me
				IPv4_Destination_Address 192.168.9.$other
				Port 3780
				Interface sync
				SndSocketBuffer 1249280
				RcvSocketBuffer 1249280
				Checksum on
			}
		}
		General {
			HashSize 8192
			HashLimit 131072
			LogFile $TMP/$1.log
			LockFile $TMP/$1.lock
			UNIX {
				Path $TMP/$1.ctl
			}
			NetlinkBufferSize 2097152
			NetlinkBufferSizeMaxGrowth 8388608
			$(cat)
		}
	END
}

FILTER='Filter From Kernelspace {
	Protocol Accept {
		TCP
		UDP
	}
	Address Ignore {
		IPv4_address 127.0.0.1
		IPv4_address 192.168.9.0/24
	}
}'

# d NS OPTION...: ask its daemon.
d()
{
	ip netns exec "$1" conntrackd -C "$TMP/$1.conf" "${@:2}" 2>>"$TMP/err"
}

# The daemon goes to the background by itself.
daemon()
{
	rm -f "$TMP/$1.lock" "$TMP/$1.ctl"
	ip netns exec "$1" conntrackd -d -C "$TMP/$1.conf" \
		>"$TMP/$1.out" 2>&1 </dev/null
}

answers() { d "$1" -s >"$TMP/stats"; }
has() { d "$1" "$2" | grep -q "$3"; }
has_not() { ! has "$@"; }
knows() { ip netns exec "$1" conntrack -L 2>>"$TMP/err" | grep -q "$2"; }

ip netns exec n2 socat TCP-LISTEN:7,fork,reuseaddr EXEC:cat \
	2>"$TMP/socat" &
ip netns exec n2 socat UDP-LISTEN:7,fork,reuseaddr EXEC:cat \
	2>"$TMP/socat" &

# A transfer that tells how far it has come.
cat >"$TMP/transfer.py" <<'END'
import socket, sys, time
s = socket.create_connection(("10.8.0.1", 7), 60, ("10.7.0.1", int(sys.argv[2])))
s.settimeout(60)
n = 0
while True:
    s.sendall(b"%09d\n" % n)
    got = b""
    while len(got) < 10:
        got += s.recv(10 - len(got))
    assert int(got) == n
    n += 1
    with open(sys.argv[1], "w") as f:
        f.write(str(n))
    time.sleep(0.05)
END
far() { cat "$TMP/far" 2>>"$TMP/err"; }
farther() { [ "$(far)" -gt "$1" ] 2>>"$TMP/err"; }

one_mode()
{
	local mode=$1 before transfer tcp

	PORT=$((PORT + 1))
	tcp="tcp .*sport=$PORT .*ASSURED"
	active n0 n3
	afresh
	for ns in n0 n3; do
		config $ns "$mode" <<<"$FILTER"
		check "$mode: the daemon of $ns starts" daemon $ns
		check "$mode: and answers" until_true answers $ns
	done
	echo 0 >"$TMP/far"
	n1 python3 "$TMP/transfer.py" "$TMP/far" $PORT 2>"$TMP/transfer" &
	transfer=$!
	check "$mode: a transfer begins" until_true farther 2
	check "$mode: one knows it" until_true has n0 -i "$tcp"
	# What is told after a while: ALARM's refresh, NOTRACK's and FTFW's resync.
	check "$mode: the other one, too" until_true has n3 -e "$tcp"
	check "$mode: -n asks for all again" d n3 -n
	check_fails "$mode: but its kernel does not" knows n3 "tcp .*sport=$PORT "
	check "$mode: a commit" d n3 -c
	check "$mode: puts it there" until_true knows n3 "$tcp"
	before=$(far)
	active n3 n0
	check "$mode: the transfer goes on by the other router" \
		until_true farther $((before + 5))
	is "$mode: as no new connection there" "$(n3 nft list chain ip t forward |
		sed -n 's/.*counter packets \([0-9]*\) .*/\1/p')" 0
	check "$mode: which knows it now by itself" until_true has n3 -i "$tcp"
	kill $transfer
	wait $transfer
	check "$mode: -f empties what it has" d n3 -f
	check "$mode: -B sends all" d n3 -B
	check "$mode: -s shows" grep -q 'cache internal' <(d n3 -s)
	for ns in n0 n3; do
		check "$mode: -k ends it" d $ns -k
		until_true test ! -e "$TMP/$ns.ctl"
		# It takes a while to see that its commit has ended.
		is "$mode: nothing was wrong" "$(grep -iE 'error|failed|can.t' \
			"$TMP/$ns.log" | grep -v 'commit still in progress')" ""
		rm "$TMP/$ns.log"
	done
}

# When it has to be quick, some with one kernel, some with the other.
case ${CT_QUICK:+quick}$(uname -r) in
quick6.1.*) modes="FTFW ALARM" ;;
quick*) modes=NOTRACK ;;
*) modes="FTFW NOTRACK ALARM" ;;
esac
for mode in $modes; do
	one_mode "$mode"
done

# --- what it asks the kernel to leave out, and what it leaves out itself ---

config n0 FTFW <<-'END'
	Filter From Kernelspace {
		Protocol Accept {
			UDP
			TCP
		}
		Address Ignore {
			IPv4_address 192.168.9.0/24
			IPv4_address 10.8.0.1
		}
		State Accept {
			ESTABLISHED CLOSED TIME_WAIT CLOSE_WAIT for TCP
		}
	}
END
active n0 n3
afresh
check "a daemon with filters" daemon n0
check "answers" until_true answers n0
n0 ping -q -c 1 192.168.9.2 >"$TMP/ping"
ask_udp n1 10.8.0.1 7 >"$TMP/udp" 2>"$TMP/err"
n0 conntrack -I -p tcp -s 10.7.0.1 -d 10.9.9.9 --sport 4001 --dport 4002 \
	--state SYN_SENT -t 300 2>>"$TMP/err"
n0 conntrack -I -p tcp -s 10.7.0.1 -d 10.9.9.9 --sport 4003 --dport 4004 \
	--state ESTABLISHED -t 300 2>>"$TMP/err"
check "has what is to be had" until_true has n0 -i 'dport=4004'
check_fails "nothing of an address that is not" has n0 -i 'dst=10.8.0.1'
check_fails "nor of a state" has n0 -i 'dport=4002'
check_fails "nor of another protocol" has n0 -i 'icmp'
n0 conntrack -D -p tcp --dport 4004 >"$TMP/deleted" 2>&1
check "what ends is forgotten" until_true has_not n0 -i 'dport=4004'

# --- many ---

MANY=50000
[ -z "${CT_QUICK:-}" ] || MANY=1000
config n0 FTFW <<<"$FILTER"
d n0 -k
until_true test ! -e "$TMP/n0.ctl"
afresh
nl <<-END
	from nl import *
	S = Socket()
	for n in range($MANY):
	    S.ask(NEW, tuples("10.10.%d.%d" % (n >> 8, n & 255), "10.9.0.1", 17, 1, 2) +
	          be32(TIMEOUT, 3000), ACK | CREATE)
	check("many connections", len(S.dump()) >= $MANY)
END
config n3 FTFW <<<"$FILTER"
check "the daemon that finds them" daemon n0
check "the other one" daemon n3
check "both answer" until_true eval 'answers n0 && answers n3'
# all_there NS OPTION: as many as that.
all_there()
{
	[ "$(d "$1" "$2" | grep -c 'dst=10.9.0.1')" -eq $MANY ]
}
check "it has all" until_true all_there n0 -i
check "and sends all" d n0 -B
check "they arrive" until_true all_there n3 -e
check "are committed" d n3 -c
committed() { [ "$(n3 conntrack -C)" -ge $MANY ]; }
check "and are in the other kernel" until_true committed
for ns in n0 n3; do
	d $ns -k
	until_true test ! -e "$TMP/$ns.ctl"
done

# --- statistics ---

cat >"$TMP/n0.conf" <<-END
	General {
		HashSize 8192
		HashLimit 65535
		LogFile $TMP/n0.log
		LockFile $TMP/n0.lock
		UNIX {
			Path $TMP/n0.ctl
		}
		NetlinkBufferSize 262142
		NetlinkBufferSizeMaxGrowth 655355
	}
	Stats {
		LogFile $TMP/n0.stats
	}
END
afresh
check "statistics: the daemon starts" daemon n0
check "statistics: and answers" until_true answers n0
ask_udp n1 10.8.0.1 7 >"$TMP/udp" 2>"$TMP/err"
check "statistics: it knows a connection" until_true has n0 -i 'udp .*dport=7'
n0 conntrack -D -p udp --dport 7 >"$TMP/deleted" 2>&1
check "statistics: tells of its end" until_true grep -q 'udp .*dport=7' \
	"$TMP/n0.stats"
check "statistics: -s shows" grep -q 'active connections' <(d n0 -s)
d n0 -k
check "statistics: it ends" until_true test ! -e "$TMP/n0.ctl"

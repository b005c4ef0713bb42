# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests in the VM have in common: sourced first, by each t-*.sh.
#
# topology() makes three namespaces in a row; what is looked at is n0:
#
#   ┌──────────────┐     ┌───────────────────────────┐     ┌──────────────┐
#   │ n1: client   │     │ n0: router                │     │ n2: server   │
#   │              │     │                           │     │              │
#   │         veth ├─────┤ veth1               veth2 ├─────┤ veth         │
#   │ 10.0.1.1/24  │     │ 10.0.1.254     10.0.2.254 │     │ 10.0.2.1/24  │
#   │ fd00:1::1/64 │     │ fd00:1::fe     fd00:2::fe │     │ fd00:2::1/64 │
#   └──────────────┘     └───────────────────────────┘     └──────────────┘
#
# CT_TRACKER=nf_conntrack runs a test against the kernel's own tracker: what
# holds for both shows that the test is right.
set -u

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
CT_TRACKER=${CT_TRACKER:-ct}
FAILED=0
DONE=0
LATE=
TMP=$(mktemp -d)
export PYTHONPATH=$HERE PYTHONDONTWRITEBYTECODE=1

ok()
{
	LATE=
	echo "ok $1"
	DONE=$((DONE + 1))
}

# not_ok NAME [WHY]: if what it waited for did not come in time, whoever runs the
# test is told so, beside what is printed.
not_ok()
{
	[ -z "$LATE" ] || echo "$1" >>"${CT_LATE:-/dev/null}"
	LATE=
	echo "not ok $1 - ${2:-failed}"
	DONE=$((DONE + 1))
	FAILED=$((FAILED + 1))
}

skip()
{
	echo "ok $1 # SKIP $2"
}

# is NAME GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', wanted '$3'"
	fi
}

# check NAME COMMAND...: succeeds.
check()
{
	local name=$1

	shift
	if "$@" >"$TMP/check" 2>&1; then
		ok "$name"
	else
		not_ok "$name" "status $? of '$*': $(tail -n 3 "$TMP/check" | tr '\n' '|')"
	fi
}

# check_fails NAME COMMAND...
check_fails()
{
	local name=$1

	shift
	if "$@" >"$TMP/check" 2>&1; then
		not_ok "$name" "'$*' succeeded"
	else
		ok "$name"
	fi
}

# until_true COMMAND...: within ten seconds, more on a slow kernel. If not, the
# next case fails by being late, if it fails.
until_true()
{
	local end=$((SECONDS + 10 * ${CT_SLOW:-1}))

	LATE=
	until "$@" >"$TMP/until" 2>&1; do
		if [ $SECONDS -ge $end ]; then
			cat "$TMP/until"
			LATE=1
			return 1
		fi
		sleep 0.1
	done
}

ours()
{
	[ "$CT_TRACKER" = ct ]
}

# iptables_flush NS: no rule is left in the tables of iptables-legacy.
iptables_flush()
{
	local v t

	for v in ip ip6; do
		while read -r t; do
			ip netns exec "$1" ${v}tables-legacy -t "$t" -F
			ip netns exec "$1" ${v}tables-legacy -t "$t" -X
		done < <(ip netns exec "$1" cat /proc/net/${v}_tables_names 2>&1 |
			grep -v ' ')
	done
}

# Without job control what runs in the background ignores INT, so TERM.
cleanup()
{
	local status=$? ns

	trap - EXIT
	jobs -p | xargs -r kill 2>"$TMP/kill"
	wait
	for ns in $(ip netns list | cut -d ' ' -f 1); do
		ip netns pids "$ns" | xargs -r kill -9
		# Sockets that are closed keep it for minutes, and its rules.
		ip netns exec "$ns" nft flush ruleset
		iptables_flush "$ns"
		ip netns del "$ns"
	done
	rm -rf "$TMP"
	[ $FAILED -eq 0 ] && [ $DONE -eq 0 ] && [ $status -eq 0 ] && status=1
	[ $FAILED -eq 0 ] || status=1
	exit $status
}
trap cleanup EXIT

n0() { ip netns exec n0 "$@"; }
n1() { ip netns exec n1 "$@"; }
n2() { ip netns exec n2 "$@"; }

# namespace NAME: with loopback up, forwarding, no wait for addresses, and errors by
# ICMP for whatever deserves one: only some a second are sent else.
namespace()
{
	ip netns add "$1"
	ip -n "$1" link set lo up
	ip netns exec "$1" sysctl -q net.ipv6.conf.all.accept_dad=0 \
		net.ipv6.conf.default.accept_dad=0 net.ipv4.ip_forward=1 \
		net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratemask=0 \
		net.ipv6.icmp.ratemask=255
}

# link NS DEV NS DEV
link()
{
	ip -n "$1" link add "$2" type veth peer name "$4" netns "$3"
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}

# address NS DEV ADDRESS...
address()
{
	local ns=$1 dev=$2 a

	shift 2
	for a; do
		case $a in
		*:*) ip -n "$ns" addr add "$a" dev "$dev" nodad ;;
		*) ip -n "$ns" addr add "$a" dev "$dev" ;;
		esac
	done
}

topology()
{
	local ns

	for ns in n0 n1 n2; do
		namespace $ns
	done
	link n1 veth n0 veth1
	link n2 veth n0 veth2
	address n1 veth 10.0.1.1/24 fd00:1::1/64
	address n2 veth 10.0.2.1/24 fd00:2::1/64
	address n0 veth1 10.0.1.254/24 fd00:1::fe/64
	address n0 veth2 10.0.2.254/24 fd00:2::fe/64
	ip -n n1 route add default via 10.0.1.254
	ip -n n1 route add default via fd00:1::fe
	ip -n n2 route add default via 10.0.2.254
	ip -n n2 route add default via fd00:2::fe
	until_true n1 ping -q -c 1 -W 1 10.0.2.1
	until_true n1 ping -q -c 1 -W 1 fd00:2::1
}

# load_ct HOOKS: with these; if somebody's request for a tracker was faster, ct is
# there with others, and modprobe says nothing.
load_ct()
{
	modprobe ct "hooks=$1" && echo "$1" >/sys/module/ct/parameters/hooks
}

# load: the tracker, in all namespaces there are; ct with hooks=$HOOKS.
load()
{
	local ns

	if ours; then
		load_ct "${HOOKS:-always}"
		return
	fi
	modprobe nf_conntrack && modprobe nf_conntrack_netlink || return
	for ns in $(ip netns list | cut -d ' ' -f 1); do
		ip netns exec "$ns" nft -f - <<-END
			table inet tracker {
				chain prerouting {
					type filter hook prerouting priority 0
					ct state new
				}
			}
		END
	done
}

unload()
{
	local ns module

	if ours; then
		# Rules that are deleted go a moment later.
		for module in ct_iptable_nat ct_ip6table_nat ct_nft_nat \
			ct_xt_nat ct_nat ct_nft ct_xt; do
			! loaded $module || until_true rmmod $module
		done
		rmmod ct
		return
	fi
	for ns in $(ip netns list | cut -d ' ' -f 1); do
		ip netns exec "$ns" nft delete table inet tracker
	done
	modprobe -r -q nf_conntrack_netlink nft_ct nf_conntrack
}

# Of nf_conntrack ct has a directory, too.
loaded()
{
	[ -e "/sys/module/$1/initstate" ]
}

# unpacked "$@": begin the test anew where its packages are laid over /usr, for it alone,
# if they are there. Names of network namespaces are its own then, too.
unpacked()
{
	local packages

	packages=$(realpath -m "$(dirname "$0")/../../build/packages")
	[ -d "$packages/usr" ] && [ -z "${CT_UNPACKED:-}" ] || return 0
	mkdir -p /run/usr
	rm -rf "$TMP"
	# shellcheck disable=SC2016
	CT_UNPACKED=1 exec unshare -m sh -c '
		mount -t tmpfs usr /run/usr && mkdir /run/usr/upper /run/usr/work &&
		mount -t overlay -o "lowerdir=$1/usr:/usr,upperdir=/run/usr/upper,workdir=/run/usr/work" overlay /usr &&
		shift && exec "$@"' sh "$packages" "$0" "$@"
}

# programs: of iptables. When it has to be quick two of the four, and the other two
# with the other kernel.
programs()
{
	if [ -z "${CT_QUICK:-}" ]; then
		echo iptables-legacy iptables-nft ip6tables-legacy ip6tables-nft
		return
	fi
	case $(uname -r) in
	6.1.*) echo iptables-legacy ip6tables-nft ;;
	*) echo iptables-nft ip6tables-legacy ;;
	esac
}

# must_load: nothing can be tested without.
must_load()
{
	load && return
	not_ok "load $CT_TRACKER" "$(dmesg | tail -n 3 | tr '\n' '|')"
	exit 1
}

# entries: the table of n0 as conntrack prints it, both families.
entries()
{
	n0 conntrack -L -f ipv4 2>"$TMP/entries"
	n0 conntrack -L -f ipv6 2>>"$TMP/entries"
}

# has_entry REGEX: as "tcp .* ESTABLISHED src=10.0.1.1 .*ASSURED"
has_entry()
{
	entries | grep -Eq -- "$1"
}

# seen NAME REGEX: an entry like that is there, or comes soon.
seen()
{
	if until_true has_entry "$2"; then
		ok "$1"
	else
		not_ok "$1" "no '$2' among: $(entries | head -n 5 | tr '\n' '|')"
	fi
}

# unseen NAME REGEX
unseen()
{
	if has_entry "$2"; then
		not_ok "$1" "$(entries | grep -E -- "$2" | head -n 1)"
	else
		ok "$1"
	fi
}

flush()
{
	n0 conntrack -F >"$TMP/flush" 2>&1
}

# slab: objects of the entries' cache, nothing when there is no such cache.
slab()
{
	awk '$1 == "ct_entry" { print $2 }' /proc/slabinfo
}

# listening NS tcp|udp PORT
listening()
{
	ip netns exec "$1" ss -Hln "--$2" "sport = :$3" | grep -q .
}

# echo_server NS PORT: TCP and UDP, both families, until the end.
echo_server()
{
	ip netns exec "$1" socat \
		"TCP6-LISTEN:$2,fork,reuseaddr,ipv6only=0,backlog=512" PIPE &
	ip netns exec "$1" socat "UDP6-RECVFROM:$2,fork,ipv6only=0" PIPE &
	until_true listening "$1" tcp "$2" &&
		until_true listening "$1" udp "$2"
}

# ask_tcp NS HOST PORT: sends a word, prints what comes back.
ask_tcp()
{
	echo "hello" | ip netns exec "$1" socat -t 5 - "TCP:$2:$3"
}

ask_udp()
{
	echo "hello" | ip netns exec "$1" socat -t 2 - "UDP:$2:$3"
}

# program MODULE: one on standard input, run in n0 with all of that module of
# Python. Its ok and not ok lines count.
program()
{
	local out=$TMP/program.$RANDOM

	n0 python3 -c "
import sys
from $1 import *
exec(compile(sys.stdin.read(), 'test', 'exec'))
finish()" | tee "$out"
	[ "${PIPESTATUS[0]}" -eq 0 ] || FAILED=$((FAILED + 1))
	DONE=$((DONE + $(grep -c '^ok\|^not ok' "$out")))
}

# For raw.py, for nl.py, and for nat.py.
raw() { program raw; }
nl() { program nl; }
nat() { program nat; }

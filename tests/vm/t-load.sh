#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Who owns tracking: ct and nf_conntrack exclude each other, whichever comes
# first, and what is missing falls back to what the kernel has.
# cpus: 2
# seconds: 40
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
ours || { skip "load" "is about ct"; DONE=1; exit 0; }

said()
{
	dmesg | grep -q -- "$1"
}

stock_gone()
{
	modprobe -r -q nf_conntrack_netlink nft_ct nf_conntrack
	! loaded nf_conntrack
}

# nf_conntrack first.
modprobe nf_conntrack
dmesg -C
check_fails "ct refuses to load beside nf_conntrack" modprobe ct
check_fails "and is not there" loaded ct
check "and says why" said '] ct: .*nf_conntrack'
modprobe ct 2>"$TMP/why"
check "with EBUSY" grep -qi 'busy' "$TMP/why"
check "nf_conntrack works on" test -e /proc/sys/net/netfilter/nf_conntrack_count
check "nf_conntrack can go" stock_gone

# ct first.
dmesg -C
check "ct loads" modprobe ct
check "who asks for nf_conntrack has it in ct" modprobe nf_conntrack
check_fails "which is not there" loaded nf_conntrack
is "and nobody tried" "$(dmesg | grep '] ct: .*refused')" ""
# By a name that is its own alone.
check_fails "nf_conntrack does not load beside ct" modprobe nf_conntrack-2
check_fails "and is not there" loaded nf_conntrack
check "the log says why" said '] ct: .*nf_conntrack'
check "who asks for what depends on it has it in ct's" modprobe nft_ct
check_fails "the kernel's is not there" loaded nft_ct
check "which goes" rmmod ct_nft
check "ct's rules are those of ct_nft" nft -f - <<-END
	table inet t {
		chain c { type filter hook input priority 0; ct state new; }
	}
END
check "which loads for them" loaded ct_nft
check_fails "and the kernel's does not" loaded nft_ct
check_fails "it stays while there are rules" rmmod ct_nft
check_fails "and ct with it" rmmod ct
check_fails "what ct does not have is refused, not ignored" nft -f - <<-END
	table ip t2 {
		chain c { type filter hook input priority 0; synproxy; }
	}
END
check "other rules are not" nft -f - <<-END
	table inet t {
		chain c { type filter hook input priority 0; udp dport 9 drop; }
	}
END
check "address translation is that of ct_nft_nat" nft -f - <<-END
	table ip t2 {
		chain c { type nat hook postrouting priority 100; masquerade; }
	}
END
check "which loads for it" loaded ct_nft_nat
check "with ct_nat" loaded ct_nat
check_fails "and the kernel's does not" loaded nf_nat
check_fails "it stays while there are rules" rmmod ct_nft_nat
nft delete table ip t2
nft delete table inet t
check "without rules it goes" until_true rmmod ct_nft_nat
check "and ct_nat" rmmod ct_nat
check "ct_nft, too" until_true rmmod ct_nft
# At most ten lines in five seconds.
dmesg -C
start=$SECONDS
for _ in $(seq 60); do
	modprobe -q nf_conntrack-2
done
lines=$(dmesg | grep -c 'ct: .*nf_conntrack')
check "the log is not flooded" \
	test "$lines" -le $((10 * ((SECONDS - start) / 5 + 2)))
check "ct tracks all the while" test -e /proc/sys/net/nf_conntrack_max
is "its sysctls are its own" \
	"$(sysctl -n net.nf_conntrack_max)" \
	"$(sysctl -n net.netfilter.nf_conntrack_max)"
check "ct goes" rmmod ct
check_fails "and its sysctls" test -e /proc/sys/net/nf_conntrack_max
check "then nf_conntrack loads" modprobe nf_conntrack
check "and goes" stock_gone

# Both at once: exactly one stays, and it works.
both=0 none=0 ct=0
rounds=${CT_QUICK:+10}
for _ in $(seq "${rounds:-60}"); do
	modprobe -q ct & one=$!
	modprobe -q nf_conntrack-2 & two=$!
	wait $one $two
	if loaded ct && loaded nf_conntrack; then
		both=$((both + 1))
	elif loaded ct; then
		ct=$((ct + 1))
	elif ! loaded nf_conntrack; then
		none=$((none + 1))
	fi
	loaded ct && rmmod ct
	loaded nf_conntrack && modprobe -r -q nf_conntrack
done
is "loading both at once never gives both" $both 0
is "nor none" $none 0
# A sysctl registered twice would take all others with it, on 6.1.
check "the other sysctls are all there" \
	sysctl net.ipv4.ip_forward net.core.somaxconn net.netfilter
echo "# ct won $ct of ${rounds:-60} times"

# Parameters.
for hooks in init demand always; do
	check "hooks=$hooks" modprobe ct hooks=$hooks
	rmmod ct
done
check_fails "hooks=sometimes is refused" modprobe ct hooks=sometimes
check_fails "and ct is not there" loaded ct

# Who loads it says what is tracked; what is loaded on somebody's behalf tracks
# what was asked for.
hooks()
{
	cat /sys/module/ct/parameters/hooks
}

counts()
{
	ping -q -c 1 127.0.0.1
	[ "$(cat /proc/sys/net/netfilter/nf_conntrack_count)" -gt 0 ]
}

insmod "$(modinfo -n ct)"
is "insmod alone" "$(hooks)" init
check "tracks the first namespace" counts
is "for nobody's rules" "$(cat /sys/module/ct/parameters/users)" ""
rmmod ct
conntrack -L >"$TMP/list" 2>&1
check "conntrack -L loads ct" loaded ct
is "which tracks on demand" "$(hooks)" demand
check_fails "so nothing yet" counts
check_fails "hooks are not sometimes" \
	sh -c 'echo sometimes >/sys/module/ct/parameters/hooks'
is "and stay what they were" "$(hooks)" demand
echo init >/sys/module/ct/parameters/hooks
check "until an administrator says so" counts
rmmod ct

# asks_generic NAME: a request for that family, by nobody
asks_generic()
{
	setpriv --reuid=65534 --regid=65534 --clear-groups python3 - "$1" <<-END
		import socket, struct, sys
		name = sys.argv[1].encode() + b"\\0"
		name = struct.pack("=HH", 4 + len(name), 2) + name
		name += bytes(-len(name) % 4)
		s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
		s.send(struct.pack("=IHHIIBBH", 20 + len(name), 16, 5, 1, 0, 3, 1, 0) +
		       name)
		s.recv(65536)
	END
}

check "a name of generic netlink" asks_generic ct
check_fails "loads nothing" loaded ct
rules='table inet t { chain c { type filter hook input priority 0; ct state new; notrack; }; }'
setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urn \
	bash -c "nft '$rules' && exec sleep 1000" &
user=$!
check "a rule of somebody's own namespace loads ct_nft" until_true loaded ct_nft
check "which has a user" until_true grep -q . /sys/module/ct/parameters/users
is "the others are not tracked for it" "$(hooks)" demand
check_fails "not the first one" counts
check_fails "ct_nft cannot go" rmmod ct_nft
is "whose rules they are is shown" "$(cat /sys/module/ct/parameters/users)" \
	"namespace $(stat -L -c %i "/proc/$user/ns/net") of user 65534: 2"
check_fails "not to everybody" setpriv --reuid=65534 --regid=65534 --clear-groups \
	cat /sys/module/ct/parameters/users
kill $user
wait $user
check "without it, all goes" until_true rmmod ct_nft
is "nobody uses it" "$(cat /sys/module/ct/parameters/users)" ""
check "and ct, too" rmmod ct

# Loading by name: ct's modules come first, the kernel's are behind them.
not_ours_first()
{
	local module alias

	for module in nft_ct nft_connlimit nft_chain_nat nft_nat nft_masq \
		nft_redir; do
		for alias in $(modinfo -F alias $module); do
			case $(modprobe -R "$alias" | tr '\n' ' ') in
			"ct_nft $module " | "ct_nft_nat $module ") ;;
			*) echo "$alias" ;;
			esac
		done
	done
}
is "by no name of nftables comes the kernel's first" "$(not_ours_first)" ""
modprobe ct
modprobe -q nft-expr-ct
check "while ct is there, nft's ct is ct_nft" loaded ct_nft
check_fails "and only that" loaded nft_ct
rmmod ct_nft
rmmod ct
check "without ct, nft's ct loads it" nft -f - <<-END
	table inet t {
		chain c { type filter hook input priority 0; ct state new; }
	}
END
check "and ct does the work" loaded ct
check_fails "without nf_conntrack" loaded nf_conntrack
nft delete table inet t
check "both go" until_true rmmod ct_nft
rmmod ct
modprobe nf_conntrack
check "beside nf_conntrack nft's ct is the kernel's" nft -f - <<-END
	table inet t {
		chain c { type filter hook input priority 0; ct state new; }
	}
END
check "which then is there" loaded nft_ct
check_fails "and ct_nft is not" loaded ct_nft
nft delete table inet t
check "those go" until_true stock_gone
check "then ct loads again" modprobe ct
check "and answers conntrack" conntrack -L
check_fails "without nf_conntrack" loaded nf_conntrack
check "nothing else holds it" rmmod ct

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # some are for the tests that source it
#
# What the tests of iptables have in common: sourced behind lib.sh.

topology
must_load
echo_server n2 7
address n1 veth 10.0.1.2/24 10.0.1.66/24 fd00:1::2/64 fd00:1::66/64
mkdir -p /etc/xtables
printf '%s\n' '1 one' '2 two' '127 last' >/etc/xtables/connlabel.conf

# restore <<RULES: in n0, and nothing else in the tables that these name.
restore()
{
	n0 "$P-restore"
}

# saved TABLE: its rules, without counters.
saved()
{
	n0 "$P-save" -t "$1" 2>"$TMP/err" | grep '^-A'
}

fresh()
{
	local t

	for t in raw mangle filter; do
		printf '*%s\nCOMMIT\n' $t
	done | restore
	flush
}

# hits CHAIN N [TABLE]: packets that its Nth rule saw.
hits()
{
	n0 "$P" -t "${3:-filter}" -nvxL "$1" "$2" 2>"$TMP/err" |
		awk '{ print $1 }'
}

# A word from A to S, and back.
talk()
{
	ask_tcp n1 "$TO" "7,bind=$FROM"
}

# talk_udp PORT [SOURCE]: from that port, to which nobody else goes.
talk_udp()
{
	echo hello | n1 socat -t 2 - "UDP:$TO:7,bind=${2:-$FROM},sourceport=$1"
}

# each_program PART...: with each of programs() as $P, and addresses as it takes them.
each_program()
{
	local part

	for P in $(programs); do
		case $P in
		iptables-*)
			A=10.0.1.1 S=10.0.2.1 NET=10.0.1.0/24 BITS=32 LESS=24
			FROM=10.0.1.1 FROM2=10.0.1.2 FROM3=10.0.1.66 TO=$S
			FAMILY=ipv4
			;;
		*)
			A=fd00:1::1 S=fd00:2::1 NET=fd00:1::/64 BITS=128 LESS=64
			FROM='[fd00:1::1]' FROM2='[fd00:1::2]' FROM3='[fd00:1::66]'
			TO="[$S]" FAMILY=ipv6
			;;
		esac
		for part; do
			$part
		done
		fresh
	done
}

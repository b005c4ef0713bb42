# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # some are for the tests that source it
#
# What the tests of iptables have in common: sourced behind lib.sh.

topology
must_load
# socat's own for UDP is not up to datagrams that come one right after the other.
n2 socat TCP6-LISTEN:7,fork,reuseaddr,ipv6only=0,backlog=512 PIPE &
n2 python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 7))
while True:
    s.sendto(*s.recvfrom(100))' &
until_true listening n2 tcp 7
until_true listening n2 udp 7
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

# talk_udp PORT...: a word from each of A's ports to S, and back. Prints the ports
# that were answered.
talk_udp()
{
	n1 python3 -c '
import socket, sys
client, server = sys.argv[1:3]
for port in sys.argv[3:]:
    s = socket.socket(socket.AF_INET6 if ":" in client else socket.AF_INET,
                      socket.SOCK_DGRAM)
    s.settimeout(2)
    s.bind((client, int(port)))
    s.sendto(b"hello", (server, 7))
    try:
        if s.recv(100) == b"hello":
            print(port)
    except OSError:
        pass' "$A" "$S" "$@"
}

# all_hits CHAIN [TABLE]: packets that each of its rules saw, on a line.
all_hits()
{
	n0 "$P" -t "${2:-filter}" -nvxL "$1" 2>"$TMP/err" |
		awk 'NR > 2 { printf sep $1; sep = " " }'
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

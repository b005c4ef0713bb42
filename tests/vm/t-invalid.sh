#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is wrong with a packet is said: a counter for each reason, a log line.
# An invalid packet passes; rules may drop it.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load

raw <<'END'
wire = Wire()
flush()

def bad_icmp6():
    return ip(A6, B6, ICMPV6, icmp6(A6, B6, 128, 0, b"\0\1\0\1", bad=True))

short = udp(A4, B4, 1, 2)
icmp_inner = udp_packet(A4, B4, 9, 9)

# name, reason of ctctl stats, packet
packets = [
    ("TCP checksum", "tcp_checksum",
     tcp_packet(A4, B4, 1, 80, "S", bad=True)),
    ("TCP checksum, IPv6", "tcp_checksum",
     tcp_packet(A6, B6, 1, 80, "S", bad=True)),
    ("UDP checksum", "udp_checksum", udp_packet(A4, B4, 1, 53, bad=True)),
    ("UDP checksum, IPv6", "udp_checksum",
     udp_packet(A6, B6, 1, 53, bad=True)),
    ("ICMP checksum", "icmp_checksum",
     ip(A4, B4, ICMP, icmp(8, 0, b"\0\1\0\1", bad=True))),
    ("ICMPv6 checksum", "icmp_checksum", bad_icmp6()),
    ("TCP data offset 4", "tcp_header",
     tcp_packet(A4, B4, 2, 80, "S", words=4)),
    ("TCP data offset past the end", "tcp_header",
     tcp_packet(A4, B4, 3, 80, "S", words=15)),
    ("half a TCP header", "l4_short",
     ip(A4, B4, TCP, tcp(A4, B4, 4, 80, "S")[:12])),
    ("SYN and FIN", "tcp_flags", tcp_packet(A4, B4, 5, 80, "SF")),
    ("no flags", "tcp_flags", tcp_packet(A6, B6, 6, 80, "")),
    ("RST of nothing", "tcp_not_syn", tcp_packet(A4, B4, 7, 80, "R")),
    ("SYN/ACK of nothing", "tcp_not_syn", tcp_packet(A4, B4, 8, 80, "SA")),
    ("half a UDP header", "l4_short", ip(A4, B4, UDP, short[:6])),
    ("UDP length past the end", "udp_length",
     udp_packet(A4, B4, 9, 53, b"abc", length=100)),
    ("UDP length below 8", "udp_length",
     udp_packet(A4, B4, 10, 53, b"abc", length=7)),
    ("ICMP type 200", "icmp_type", ip(A4, B4, ICMP, query(200, 1))),
    ("ICMP answer to nothing", "icmp_reply", ip(A4, B4, ICMP, query(0, 1))),
    ("ICMPv6 answer to nothing", "icmp_reply",
     ip(A6, B6, ICMPV6, query6(A6, B6, 129, 1))),
    ("ICMP error without a packet inside", "icmp_inner",
     ip(A4, B4, ICMP, icmp(3, 1, b"\0\0\0\0" + icmp_inner[:10]))),
    ("ICMP error about nothing we know", "icmp_unknown",
     ip(B4, A4, ICMP, icmp(3, 1, b"\0\0\0\0" + icmp_inner))),
]

if not ours():
    run("nft", "add rule inet tracker prerouting ct state invalid counter")
for name, reason, packet in packets:
    flush()
    before = stat("invalid", "error")
    why = reasons() if ours() else {}
    wire.pass_on("b" if packet[12:16] == pack(B4) else "a", packet, 0.5)
    got = stat("invalid", "error") - before
    check("%s: invalid" % name, got == 1, "counted %d times" % got)
    check("%s: no entry" % name, not entries(), entries())
    if ours():
        now = reasons()
        new = [k for k in now if now[k] != why.get(k, 0)]
        equal("%s: the reason is given" % name, new, [reason])

# An error sent to somebody who did not send what is inside.
flush()
got = wire.pass_on("a", udp_packet(A4, B4, 20, 53, b"question"))
before = stat("invalid", "error")
wire.pass_on("b", ip(B4, "10.8.0.99", ICMP,
                     icmp(3, 1, b"\0\0\0\0" + got[:28])), 0.5)
equal("an error to a bystander", stat("invalid", "error"), before + 1)
if ours():
    check("has its reason", reasons().get("icmp_mismatch"), reasons())

# Checksums can be somebody else's business.
flush()
sysctl("checksum", 0)
before = stat("invalid")
for n, packet in enumerate((udp_packet(A4, B4, 30, 53, b"x", bad=True),
                            tcp_packet(A4, B4, 31, 80, "S", bad=True),
                            tcp_packet(A6, B6, 32, 80, "S", bad=True))):
    check("nf_conntrack_checksum=0 lets %d through" % n,
          wire.pass_on("a", packet))
equal("counts none", stat("invalid"), before)
equal("and tracks all", len(entries()), 3)
sysctl("checksum", 1)

# Random bytes behind valid headers: nothing but counters moves.
import random
random.seed(1)
for n in range(2000):
    proto = random.choice((TCP, UDP, ICMP, ICMPV6, 47, 132, 33, 136, 50, 0))
    data = random.randbytes(random.choice((0, 1, 4, 7, 8, 12, 20, 40, 200)))
    if random.random() < 0.5:
        wire.a.send(ip4(A4, B4, proto, data, options=random.choice(
            (b"", b"\1" * 4, b"\1" * 40))))
    else:
        wire.a.send(ip6(A6, B6, random.choice((proto, 0, 43, 44, 60)), data))
flush()
check("still there after 2000 packets of noise",
      wire.pass_on("a", udp_packet(A4, B4, 40, 53, b"x")) and entries("udp"))
END

# The log, for one protocol and for all.
modprobe nf_log_syslog
sysctl -q net.netfilter.nf_log_all_netns=1
logged()
{
	dmesg -C
	n0 sysctl -q "net.netfilter.nf_conntrack_log_invalid=$1"
	raw <<-END
		wire = Wire()
		wire.pass_on("a", $2, 0.5)
	END
	dmesg | grep -c "PROTO=$3"
}
bad_udp='udp_packet(A4, B4, 50, 53, b"x", bad=True)'
is "log_invalid=17 logs UDP" "$(logged 17 "$bad_udp" UDP)" 1
is "log_invalid=6 does not" "$(logged 6 "$bad_udp" UDP)" 0
is "log_invalid=255 logs all" "$(logged 255 "$bad_udp" UDP)" 1
is "log_invalid=0 logs none" "$(logged 0 "$bad_udp" UDP)" 0

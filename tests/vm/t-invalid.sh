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
damaged = [
    ("UDP", udp_packet(A4, B4, 30, 53, b"x", bad=True)),
    ("TCP", tcp_packet(A4, B4, 31, 80, "S", bad=True)),
    ("TCP over IPv6", tcp_packet(A6, B6, 32, 80, "S", bad=True)),
    ("ICMP", ip(A4, B4, ICMP, icmp(8, 0, b"\0\1\0\1", bad=True))),
    ("ICMPv6", bad_icmp6()),
    ("UDP-Lite", udplite_packet(A4, B4, 33, 53, b"x", flip=8)),
    ("SCTP", sctp_packet(A4, B4, 34, 80, 0, init(1, 12), bad=True)),
]
for name, packet in damaged:
    check("nf_conntrack_checksum=0 lets %s through" % name,
          wire.pass_on("a", packet))
equal("counts none", stat("invalid"), before)
equal("and tracks all", len(entries()), len(damaged))
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

# The log, for one protocol and for all. There are ten lines in five seconds.
modprobe nf_log_syslog
sysctl -q net.netfilter.nf_log_all_netns=1
raw <<'END'
wire = Wire()

# name, number, what is logged of the protocol, packet, ct's reason
packets = [
    ("TCP", 6, "TCP", tcp_packet(A4, B4, 50, 80, "S", bad=True),
     "wrong TCP checksum"),
    ("TCP over IPv6", 6, "TCP", tcp_packet(A6, B6, 50, 80, "SF"),
     "impossible combination of TCP flags"),
    ("UDP", 17, "UDP", udp_packet(A4, B4, 50, 53, b"x", bad=True),
     "wrong UDP checksum"),
    ("UDP-Lite", 136, "UDPLITE",
     udplite_packet(A4, B4, 50, 53, b"x", no_sum=True),
     "missing or wrong UDP-Lite checksum"),
    ("ICMP", 1, "ICMP", ip(A4, B4, ICMP, icmp(8, 0, b"\0\1\0\1", bad=True)),
     "wrong ICMP checksum"),
    ("ICMPv6", 58, "ICMPv6",
     ip(A6, B6, ICMPV6, icmp6(A6, B6, 128, 0, b"\0\1\0\1", bad=True)),
     "wrong ICMP checksum"),
    ("SCTP", 132, "132",
     sctp_packet(A4, B4, 50, 80, 0, init(1, 12), bad=True),
     "wrong SCTP checksum"),
]
if ours():
    packets.append(("GRE", 47, "47",
                    gre(A4, B4, "3001080000001234" "00000001"),
                    "enhanced GRE without PPP"))

def logged(setting, packet):
    run("dmesg", "-C")
    sysctl("log_invalid", setting)
    wire.pass_on("a", packet, 0.5)
    return [line for line in run("dmesg").stdout.splitlines()
            if "nf_ct_proto_" in line]

for name, number, word, packet, reason in packets:
    lines = logged(number, packet)
    start = "nf_ct_proto_%d: %s" % (number, reason + " IN=" if ours() else "")
    check("log_invalid=%d logs %s" % (number, name), len(lines) == 1 and
          start in lines[0] and "PROTO=%s " % word in lines[0] + " ", lines)
    other = 17 if number == 6 else 6
    equal("log_invalid=%d does not" % other, logged(other, packet), [])
name, number, word, packet, reason = packets[0]
equal("log_invalid=255 logs all", len(logged(255, packet)), 1)
equal("log_invalid=0 logs none", logged(0, packet), [])

# Bounded, and what is not logged is counted in the next line.
if ours():
    time.sleep(6)
    sysctl("log_invalid", 255)
    for n in range(30):
        wire.a.send(packet)
    time.sleep(6)
    lines = logged(255, packet)
    check("what was not logged is counted", len(lines) == 1 and
          re.search(r"checksum \(\d+ more not logged\) IN=", lines[0]), lines)
END

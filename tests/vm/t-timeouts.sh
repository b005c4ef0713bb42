#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each timeout is what its sysctl says: an entry in each state of each protocol,
# made by exact packets, and how long it is to live; some are seen to end.
# Documentation/testing.md tells where the other sysctls are shown.
# seconds: 40
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
namespace n0
must_load

raw <<'END'
wire = Wire()

# A sysctl, a protocol, packets: the side that sends, and which. "open" is how a
# connection is opened, "again" the last packet once more, "2s" a pause.
# Unacknowledged segments shorten what is longer, so they come near the end.
TABLE = """
generic_timeout                 esp     a
generic_timeout                 esp     a b a
icmp_timeout                    icmp    a
icmp_timeout                    icmp    a b
icmpv6_timeout                  icmpv6  a
icmpv6_timeout                  icmpv6  a b
udp_timeout                     udp     a
udp_timeout                     udp     a b
udp_timeout_stream              udp     a b 2s a
udp_timeout                     udplite a
udp_timeout_stream              udplite a b a
gre_timeout                     gre     a
gre_timeout_stream              gre     a b a
sctp_timeout_closed             sctp    aINIT
sctp_timeout_closed             sctp    open bABORT
sctp_timeout_cookie_wait        sctp    aINIT bINITACK
sctp_timeout_cookie_echoed      sctp    aINIT bINITACK aCOOKIEECHO
sctp_timeout_established        sctp    open
sctp_timeout_established        sctp    aHEARTBEAT bHEARTBEATACK
sctp_timeout_shutdown_sent      sctp    open aSHUTDOWN
sctp_timeout_shutdown_recd      sctp    open bSHUTDOWN
sctp_timeout_shutdown_ack_sent  sctp    open aSHUTDOWN bSHUTDOWNACK
sctp_timeout_heartbeat_sent     sctp    aHEARTBEAT
tcp_timeout_syn_sent            tcp     aS
tcp_timeout_syn_recv            tcp     aS bSA
tcp_timeout_fin_wait            tcp     open aFA
tcp_timeout_close_wait          tcp     open aFA bA
tcp_timeout_last_ack            tcp     open aFA bFA
tcp_timeout_time_wait           tcp     open aFA bFA aA
tcp_timeout_close               tcp     open bRA
tcp_timeout_unacknowledged      tcp     open aPA
tcp_timeout_max_retrans         tcp     open aPA again again again
tcp_timeout_established         tcp     open
tcp_timeout_established         tcp     open aPA bA
"""

# Who makes the packets of a conversation: a function of the side and the rest
# of the word.

def addresses(side, six):
    ends = (A6, B6) if six else (A4, B4)
    return ends if side == "a" else ends[::-1]

def ports(side):
    return (1000, 53) if side == "a" else (53, 1000)

def esp(six):
    return lambda side, _: ip(*addresses(side, six), 50, b"12345678")

def icmp_echo(six):
    if six:
        return None
    return lambda side, _: ip(*addresses(side, six), ICMP,
                              query(8 if side == "a" else 0, 1))

def icmpv6_echo(six):
    if not six:
        return None
    return lambda side, _: ip(*addresses(side, six), ICMPV6, query6(
        *addresses(side, six), 128 if side == "a" else 129, 1))

def udp_talk(six):
    return lambda side, _: udp_packet(*addresses(side, six), *ports(side),
                                      b"word")

def udplite_talk(six):
    # nf_conntrack finds all of its checksums wrong.
    if not ours():
        return None
    return lambda side, _: udplite_packet(*addresses(side, six), *ports(side),
                                          b"word")

def tunnel(six):
    return lambda side, _: gre(*addresses(side, six), "00000800" "12345678")

def tcp_talk(six):
    talk = Talk(wire, 1000, six=six)
    return lambda side, flags: talk.packet(
        side, flags, b"word" if "P" in flags else b"")

def sctp_talk(six):
    talk = Association(wire, 1000, six=six)
    return lambda side, kind: talk.packet(side, getattr(Association, kind))

TALKS = {"esp": esp, "icmp": icmp_echo, "icmpv6": icmpv6_echo,
         "udp": udp_talk, "udplite": udplite_talk, "gre": tunnel,
         "tcp": tcp_talk, "sctp": sctp_talk}
OPEN = {"tcp": "aS bSA aA", "sctp": "aINIT bINITACK aCOOKIEECHO bCOOKIEACK"}

def converse(proto, words, six):
    """False if there is no such conversation."""
    make = TALKS[proto](six)
    if not make:
        return False
    for word in words.replace("open", OPEN.get(proto, "")).split():
        if word == "2s":
            time.sleep(2.5)
            continue
        if word != "again":
            side, packet = word[0], make(word[0], word[1:])
        if wire.pass_on(side, packet) is None:
            not_ok("%s, %s" % (proto, words), "%s did not pass" % word)
    return True

def entry(six):
    return one_entry(None, *addresses("a", six))

lines = [line.split(None, 2) for line in TABLE.strip().splitlines()]
names = list(dict.fromkeys(line[0] for line in lines))

# Of DCCP, and of fragments (which are nf_defrag_ipv6's), others tell.
there = [n[len("nf_conntrack_"):] for n in
         os.listdir("/proc/sys/net/netfilter") if "timeout" in n and
         n.startswith("nf_conntrack_") and "frag6" not in n and
         "dccp" not in n]
equal("each timeout is in the table", sorted(names), sorted(there))

# Far enough from each other for a slow kernel.
seconds = {name: 1000 + 100 * n for n, name in enumerate(names)}
for name in names:
    sysctl(name, seconds[name])
for name, proto, words in lines:
    for six in False, True:
        flush()
        if converse(proto, words, six):
            found, most = entry(six), seconds[name]
            check("%s: %s%s, %s" % (name, proto, " over IPv6" if six else "",
                                    words),
                  found and most - 90 < found.timeout <= most,
                  "%s, wanted %d" % (found, most))

# What nobody uses ends then, and not before; what is used does not.
short = 4 * int(os.environ.get("CT_SLOW", "1"))
for name, proto, words in lines:
    if len(words.split()) > 1 or proto == "udplite":
        continue
    six = proto == "icmpv6"
    flush()
    sysctl(name, short)
    before = time.monotonic()
    converse(proto, words, six)
    after = seen = time.monotonic()
    there = left = entry(six)
    while left and seen < after + 4 * short:
        time.sleep(0.1)
        look = time.monotonic()
        left = entry(six)
        if left:
            seen = look
    # However long a look takes: none that began later may see it.
    check("%s: %s, %s ends" % (name, proto, words),
          there and not left and time.monotonic() - before > short - 0.1 and
          seen < after + short + 1,
          "%s, seen after %.1f of %d seconds" % (there, seen - after, short))
flush()
converse("udp", "a", False)
start, there = time.monotonic(), True
while there and time.monotonic() < start + 2 * short:
    time.sleep(short / 6)
    there = entry(False)
    converse("udp", "a", False)
check("a packet in time puts it off", there)
END

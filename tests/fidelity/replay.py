#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: replay.py FILE.pcap ANSWERS REPLAY [WIRE.pcap]

Two TUN devices, a ruleset that forwards between them by way of a queue, and
REPLAY (replay.c) to send the packets. What the ruleset sees of a packet's
connection is in the packet's mark. With WIRE.pcap, the rules of ruleset.py
translate, and what came out is written there.
"""
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vm"))
import raw         # noqa: E402
import ruleset     # noqa: E402

QUEUE = 7
# Bits of the mark: the state as nftables numbers it, the direction, the status.
SEEN = {
    "state": {"invalid": 1, "established": 2, "related": 4, "new": 8,
              "untracked": 0x40},
    "direction": {"reply": 0x80},
    "status": {"expected": 0x100, "seen-reply": 0x200, "assured": 0x400,
               "confirmed": 0x800, "snat": 0x1000, "dnat": 0x2000,
               "dying": 0x20000},
}


def packets(name):
    """(time, packet) of a pcap file; replay.c looked whether it is one."""
    with open(name, "rb") as f:
        head = f.read(24)
        order = ">" if head[:4] == b"\xa1\xb2\xc3\xd4" else "<"
        while len(head := f.read(16)) == 16:
            seconds, micros, length, _ = struct.unpack(order + "IIII", head)
            packet = f.read(length)
            if len(packet) < length:
                return
            yield seconds + micros / 1e6, packet


def put(name, value):
    with open("/proc/sys/" + name, "w") as f:
        f.write(str(value))


def wanted_rules(nat):
    rules = "\n".join("ct %s %s meta mark set meta mark or %#x" %
                      (key, value, bit)
                      for key, bits in SEEN.items()
                      for value, bit in bits.items())
    # What is for this machine as well, to which some is redirected. It does not
    # answer to what is invalid.
    hooks = ("forward", "input") if nat else ("forward",)
    return """
        table inet fidelity {
            %s
        }
        %s""" % ("\n".join("""
            chain %s {
                type filter hook %s priority 0
                %s
                queue num %d
            }""" % (hook, hook, rules, QUEUE) for hook in hooks), """
        table inet late {
            chain input {
                type filter hook input priority 10
                ct state invalid drop
            }
        }
        """ + ruleset.text() if nat else "")


def prepare_translation():
    """Routes to what stands for something else, and a machine that answers
    each time, and always the same."""
    for tun, net in ("tun-a", 8), ("tun-b", 9):
        for where in "10.%d.0.0/16" % net, "fd00:%d::/32" % net:
            subprocess.run(["ip", "route", "add", where, "dev", tun],
                           check=True)
        put("net/ipv4/conf/%s/send_redirects" % tun, 0)
    put("net/ipv4/conf/all/send_redirects", 0)
    put("net/ipv4/icmp_ratelimit", 0)
    put("net/ipv4/icmp_msgs_per_sec", 1000000)
    put("net/ipv4/icmp_msgs_burst", 1000000)
    put("net/ipv6/icmp/ratelimit", 0)
    put("net/ipv6/auto_flowlabels", 0)
    put("net/ipv4/ip_local_reserved_ports", "%d-%d" % ruleset.RESERVED)


def main():
    name, out, program = sys.argv[1:4]
    wire_file = sys.argv[4:]
    subprocess.run(["nft", "-f", "-"], check=True, text=True,
                   input=wanted_rules(wire_file))
    wire = raw.Wire()
    for tun in (wire.a, wire.b):
        put("net/ipv4/conf/%s/rp_filter" % tun.name, 0)
        if not wire_file:
            # What comes out is of no interest; it may be lost.
            subprocess.run(["ip", "link", "set", tun.name, "txqueuelen", "1"],
                           check=True)
    if wire_file:
        prepare_translation()
    fds = wire.a.fd, wire.b.fd
    subprocess.run([program, name, out] + [str(n) for n in (*fds, QUEUE)] +
                   wire_file, check=True, pass_fds=fds)
    subprocess.run(["nft", "flush ruleset"] if wire_file else
                   ["nft", "delete table inet fidelity"], check=True)


if __name__ == "__main__":
    main()

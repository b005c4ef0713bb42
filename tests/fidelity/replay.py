#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: replay.py FILE.pcap ANSWERS REPLAY

Two TUN devices, a ruleset that forwards between them by way of a queue, and
REPLAY (replay.c) to send the packets. What the ruleset sees of a packet's
connection is in the packet's mark.
"""
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vm"))
import raw     # noqa: E402

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


def main():
    name, out, program = sys.argv[1:]
    rules = "\n".join("ct %s %s meta mark set meta mark or %#x" %
                      (key, value, bit)
                      for key, bits in SEEN.items()
                      for value, bit in bits.items())
    subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""
        table inet fidelity {
            chain forward {
                type filter hook forward priority 0
                %s
                queue num %d
            }
        }""" % (rules, QUEUE))
    wire = raw.Wire()
    for tun in (wire.a, wire.b):
        with open("/proc/sys/net/ipv4/conf/%s/rp_filter" % tun.name,
                  "w") as f:
            f.write("0")
        # What comes out is of no interest; it may be lost.
        subprocess.run(["ip", "link", "set", tun.name, "txqueuelen", "1"],
                       check=True)
    fds = wire.a.fd, wire.b.fd
    subprocess.run([program, name, out] + [str(n) for n in (*fds, QUEUE)],
                   check=True, pass_fds=fds)
    subprocess.run(["nft", "delete table inet fidelity"], check=True)


if __name__ == "__main__":
    main()

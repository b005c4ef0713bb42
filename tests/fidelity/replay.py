#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: replay.py FILE.pcap ANSWERS REPLAY

Two TUN devices, a ruleset that forwards between them by way of a queue, and
REPLAY (replay.c) to send the packets.
"""
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vm"))
import raw     # noqa: E402

QUEUE = 7


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
    subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""
        table inet fidelity {
            chain forward {
                type filter hook forward priority 0
                queue num %d
            }
        }""" % QUEUE)
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

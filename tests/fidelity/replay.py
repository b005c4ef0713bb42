#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: replay.py FILE.pcap ANSWERS

Feed packets into the tracker that is loaded, and write down what it says of
each, a line a packet: in a queue of the forward hook, the kernel tells a
packet's connection, and how the packet relates to it. Nothing to tell: invalid.

Writing to a TUN device does all the work before it returns, so nobody waits.
Time passes as the timestamps say, when that is more than a second.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vm"))
import raw     # noqa: E402

QUEUE = 7
PACKET_HDR, CT, CT_INFO = 1, 11, 12
# Of a connection: attributes that are the same by chance only.
SKIP = {11, 12, 20}            # CTA_USE, CTA_ID, CTA_TIMESTAMP
TIMEOUT = 7


def attributes(data):
    """Nested attributes as {number: bytes or dict}."""
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        value = data[at + 4:at + length]
        found[kind & 0x3fff] = (attributes(value) if kind & 0x8000
                                else value.hex())
        at += (length + 3) & ~3
    return found


class Wires:
    def __init__(self):
        self.wire = raw.Wire()
        for tun in (self.wire.a, self.wire.b):
            with open("/proc/sys/net/ipv4/conf/%s/rp_filter" % tun.name,
                      "w") as f:
                f.write("0")
            # What comes out is of no interest; it may be lost.
            subprocess.run(["ip", "link", "set", tun.name, "txqueuelen", "1"],
                           check=True)
        self.fd = {8: self.wire.a.fd, 9: self.wire.b.fd}

    def send(self, packet):
        # The network of the source, or of the destination, tells the side.
        net = packet[13] if packet[0] >> 4 == 4 else packet[11]
        fd = self.fd.get(net)
        if fd is None:
            return
        try:
            os.write(fd, packet)
        except OSError:
            pass                # not even the beginning of a packet


class Answers(raw.Queue):
    def __init__(self):
        super().__init__(QUEUE, True)
        self.config(3, struct.pack("!I", 1024))
        # No copies of packets, they are known.
        self.config(2, struct.pack("!IB", 0, 1))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)
        self.socket.setblocking(False)

    def next(self):
        """What is known of the next packet, which goes on; None: no packet."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return None
        found = {}
        at = 20
        while at + 4 <= len(data):
            length, kind = struct.unpack_from("=HH", data, at)
            found[kind & 0x3fff] = data[at + 4:at + length]
            at += (length + 3) & ~3
        self.verdict(struct.unpack_from("!I", found[PACKET_HDR])[0])
        if CT not in found:
            return None, {}
        ct = {k: v for k, v in attributes(found[CT]).items() if k not in SKIP}
        return struct.unpack("!I", found[CT_INFO])[0], ct


def packets(name):
    with open(name, "rb") as f:
        head = f.read(24)
        order = {0xa1b2c3d4: "<", 0xd4c3b2a1: ">"}.get(
            struct.unpack("<I", head[:4])[0])
        if not order or struct.unpack(order + "I", head[20:])[0] not in (
                12, 101, 228):
            sys.exit("%s: not a pcap file of raw IP (LINKTYPE_RAW)" % name)
        while head := f.read(16):
            seconds, micros, length, _ = struct.unpack(order + "IIII", head)
            yield seconds + micros / 1e6, f.read(length)


def main():
    name, out = sys.argv[1:]
    subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""
        table inet fidelity {
            chain forward {
                type filter hook forward priority 0
                queue num %d
            }
        }""" % QUEUE)
    wires, answers = Wires(), Answers()
    last = None
    with open(out, "w") as f:
        for stamp, packet in packets(name):
            if last is not None and stamp - last > 1:
                time.sleep(stamp - last)
            last = stamp
            wires.send(packet)
            said = []
            while (answer := answers.next()) is not None:
                said.append(answer)
            f.write(json.dumps(said) + "\n")
    subprocess.run(["nft", "delete table inet fidelity"], check=True)


if __name__ == "__main__":
    main()

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NAT of packets that are not in one piece, or not finished: fragments, and what
# real sockets leave for a device to do, which is to segment it and to compute its
# checksum. The device is a TUN, and has the kernel do both.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
modprobe sctp
topology
must_load

nat <<'END'
wire = Wire()
fresh()

# --- fragments ---

def pieces(src, dst, proto, payload, ident, size):
    for start in range(0, len(payload), size):
        part, more = payload[start:start + size], start + size < len(payload)
        yield (fragment6(src, dst, proto, ident, start, more, part)
               if is6(src) else
               ip4(src, dst, proto, part, ident=ident, offset=start, more=more))

def whole(tun):
    """Put together, as ip() would have made it; and in how many pieces it was."""
    parts, total, packet = {}, None, None
    while total is None or sum(map(len, parts.values())) < total:
        packet = tun.receive(2)
        if packet is None:
            return None, len(parts)
        if packet[0] >> 4 == 6:
            proto, field = packet[40], struct.unpack_from("!H", packet, 42)[0]
            start, more, data = field & 0xfff8, field & 1, packet[48:]
            src, dst, ttl = packet[8:24], packet[24:40], packet[7]
        else:
            if checksum(packet[:20]):
                return None, "a header's sum is wrong"
            proto, field = packet[9], struct.unpack_from("!H", packet, 6)[0]
            start, more, data = field % 0x2000 * 8, field & 0x2000, packet[20:]
            src, dst, ttl = packet[12:16], packet[16:20], packet[8]
        parts[start] = data
        if not more:
            total = start + len(data)
    made = ip(*(str(ipaddress.ip_address(a)) for a in (src, dst)), proto,
              b"".join(parts[k] for k in sorted(parts)))
    return patched(made, 7 if made[0] >> 4 == 6 else 8, ttl), len(parts)

def echo_request(src, dst, *ports):
    if is6(src):
        return ICMPV6, query6(src, dst, 128, 7, payload=bytes(3000))
    return ICMP, query(8, 7, payload=bytes(3000))

LARGE = {
    "a datagram": (1200, lambda *ends: (UDP, udp(*ends, bytes(3000)))),
    "a ping": (1200, echo_request),
    "a TCP header in two pieces":
        (16, lambda *ends: (TCP, tcp(*ends, "S", payload=bytes(20)))),
}

ident = 0
for f in FAMILIES:
    for kind, (near, far) in f.kinds.items():
        for name, (size, make) in LARGE.items():
            if f.six and size < 20:
                continue    # RFC 7112 forbids it
            ident += 1
            proto, payload = make(*near)
            for part in pieces(*near[:2], proto, payload, ident, size):
                wire.a.send(part)
            got, count = whole(wire.b)
            want = aged(ip(*far[:2], *make(*far)))
            wrong = unlike(got, want)
            check("%s in fragments, %s%s" % (name, kind, f.words), not wrong,
                  (wrong, count))
        # The answer, last piece first.
        here, there = ends(far, "b"), ends(near, "b")
        for part in list(pieces(*here[:2], UDP, udp(*here, bytes(3000)), ident,
                                1200))[::-1]:
            wire.b.send(part)
        got, count = whole(wire.a)
        wrong = unlike(got, aged(udp_packet(*there, bytes(3000))))
        check("an answer in fragments, %s%s" % (kind, f.words),
              not wrong and count > 1, (wrong, count))

# --- what sockets send ---

SCTP_KIND = ("sctp", socket.SOCK_STREAM, SCTP)
MSS = bytes.fromhex("020405b4")
NAMES = {False: ("ip", "10.0.1.1", "10.0.2.254"),
         True: ("ip6", "fd00:1::1", "fd00:2::fe")}

def receive():
    """Its source and destination with ports, and all of the packet."""
    packet = wire.b.receive(5)
    if packet is None:
        return None, b""
    start = 40 if packet[0] >> 4 == 6 else 20
    src, dst = ((packet[8:24], packet[24:40]) if start == 40 else
                (packet[12:16], packet[16:20]))
    return (str(ipaddress.ip_address(src)), str(ipaddress.ip_address(dst)),
            *struct.unpack_from("!HH", packet, start)), packet

def all_of(count, want, header):
    """So many octets of what comes, if all of it is as it should be."""
    data = b""
    while len(data) < count:
        view, packet = receive()
        if not view or view != want or not intact(packet):
            return "%s, intact: %s" % (view, view and intact(packet))
        data += packet[header:]
    return data

def transfer(s, view, header, data):
    """From its SYN, which was seen, to the last octet; what arrived."""
    number, seen, out = s[1], 0, b""
    back = view[1], view[0], view[3], view[2]
    def reply(flags, seq, **more):
        wire.b.send(tcp_packet(*back, flags, seq, number + 1 + seen, **more))
    reply("SA", 9000, options=MSS)
    receive()
    s[0].setblocking(True)
    s[0].settimeout(10)
    s[0].send(data)
    while len(out) < len(data):
        got, packet = receive()
        if not got or got != view or not intact(packet):
            return "%s, intact: %s" % (got, got and intact(packet))
        out += packet[header + packet[header + 12] // 16 * 4:]
        seen = len(out)
        reply("A", 9001)
    return out

port = 5100
for f in FAMILIES:
    name, client, router = NAMES[f.six]
    run("ip", "route", "add", f.V, "dev", "veth2")
    rules(table(f.six,
                *(chain(hook, f"{name} daddr {f.V} meta l4proto {PORTS} "
                        f"dnat to {at(f.W, 8080)}")
                  for hook in ("prerouting", "output")),
                chain("postrouting", f"oifname tun-b snat to {f.P}")))
    for ns, address in ("n1", client), ("n0", router):
        for kind in UDP_KIND, TCP_KIND, SCTP_KIND:
            what = "%s from %s%s" % (kind[0], ns, f.words)
            while wire.b.receive():
                pass
            port += 1
            s = open_socket(ns, kind, address, port)
            s.setblocking(False)
            s.connect_ex((f.V, 80))
            if kind is UDP_KIND:
                s.send(b"question")
            view, packet = receive()
            equal(what + ": both ends", view, (f.P, f.W, port, 8080))
            check(what + ": all sums", view and intact(packet), packet.hex())
            header = 40 if f.six else 20
            data = bytes(n % 251 for n in range(20000))
            if kind is TCP_KIND and view:
                number = struct.unpack_from("!I", packet, header + 4)[0]
                equal(what + ": segments that the kernel makes",
                      transfer((s, number), view, header, data) == data, True)
            if kind is UDP_KIND:
                # SOL_UDP, UDP_SEGMENT
                s.setsockopt(17, 103, 500)
                s.send(data[:1900])
                equal(what + ": datagrams that the kernel makes",
                      all_of(1900, view, header + 8), data[:1900])
            s.close()
END

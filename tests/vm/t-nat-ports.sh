#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Which port a source gets: the one it has, or one like it; each up to the last one,
# and then none; that of a connection which is over. And two that choose at once.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load
dmesg -C

nat <<'END'
wire = Wire()
MAKE = {"TCP": lambda *ends: tcp_packet(*ends, "S", 1000),
        "UDP": lambda *ends: udp_packet(*ends, b"question")}

def translated(packet):
    """The source port of what came out."""
    return packet and struct.unpack_from(
        "!H", packet, 40 if packet[0] >> 4 == 6 else 20)[0]

def send(proto, src, dst, sport, dport, wait=2.0):
    return translated(wire.pass_on("a", MAKE[proto](src, dst, sport, dport),
                                   wait))

def snat(f, to):
    rules(table(f.six, chain("postrouting", "oifname tun-b meta l4proto "
                             "{ tcp, udp } " + to)))

# --- up to the last one ---

for f in FAMILIES:
    for proto in MAKE:
        words = ", %s%s" % (proto, f.words)
        snat(f, "snat to " + at(f.P, "6000-6007"))
        ports = [send(proto, f.A, f.B, n, 53) for n in range(2000, 2008)]
        equal("eight connections and eight ports" + words, sorted(
            p or 0 for p in ports), list(range(6000, 6008)))
        assure()
        before = stat("drop", "insert_failed")
        equal("the ninth is dropped" + words,
              send(proto, f.A, f.B, 2008, 53, 0.2), None)
        check("and counted" + words, stat("drop", "insert_failed") > before)
        equal("nothing of it is left" + words,
              one_entry(proto.lower(), f.A, f.B, 2008), None)
        equal("who has a port keeps it" + words,
              send(proto, f.A, f.B, 2003, 53), ports[3])
        check("to another port of that host it is free" + words,
              send(proto, f.A, f.B, 2008, 54) in ports)
        check("and to another host" + words,
              send(proto, f.A, f.W, 2008, 53) in ports)
        run("conntrack", "-D", "-f", "ipv6" if f.six else "ipv4", "-p",
            proto.lower(), "--sport", "2005", "--dport", "53")
        equal("and again when its connection is gone" + words,
              send(proto, f.A, f.B, 2009, 53), ports[5])
        assure()
        if ours():
            dropped = range(3000, 3100)
            for n in dropped:
                wire.a.send(MAKE[proto](f.A, f.B, n, 53))
    if ours():
        def told():
            return [line for line in run("dmesg").stdout.splitlines()
                    if "ct_nat: " in line and f.P in line and f.B in line]
        # What is written is bounded, over some seconds and whoever it is about.
        def asked_again():
            wire.a.send(udp_packet(f.A, f.B, 3000, 53))
            return told()
        until(asked_again)
        check("the log says so, and not each time%s" % f.words,
              0 < len(told()) < 20, told())

# Of many a search finds the last ones only if it is not for luck.
if ours():
    f = FAMILIES[0]
    snat(f, "snat to " + at(f.P, "2000-4999"))
    ports = []
    for n in range(0, 3000, 100):
        for m in range(n, n + 100):
            wire.a.send(udp_packet(f.A, f.B, 10000 + m, 53, no_sum=True))
        while (packet := wire.b.receive()):
            ports.append(translated(packet))
    equal("three thousand connections, none of which fails", len(ports), 3000)
    equal("and as many ports", len(set(ports) & set(range(2000, 5000))), 3000)
    assure()
    equal("one more is dropped", send("UDP", f.A, f.B, 14000, 53, 0.2), None)
    free = {ports[n] for n in range(0, 3000, 100)}
    for port in free:
        run("conntrack", "-D", "-p", "udp", "--reply-port-dst", str(port))
    equal("ports of connections that end are found at once", {
        send("UDP", f.A, f.B, 15000 + n, 53) for n in range(30)}, free)

    # Of what is in use there is a bitmap for a remote end, for 64 of them: the one
    # that was not asked for longest goes for another.
    snat(f, "snat to " + at(f.P, "2000-2031"))

    def fill(ends, first=0, wait=2.0):
        """How many of 32 connections get through to each end."""
        return sum(bool(send("UDP", f.A, f.B, 10000 + n, port, wait))
                   for port in ends for n in range(first, first + 32))

    equal("many ends, each port towards each", fill(range(100, 190)), 90 * 32)
    assure()
    equal("no more", fill(range(100, 190, 30), 32, 0.05), 0)
    run("conntrack", "-D", "-p", "udp", "--orig-port-src", "10007")
    equal("one has ended, towards each", sum(
        bool(send("UDP", f.A, f.B, 11000, port)) for port in range(100, 190)),
        90)

# --- which one ---

def hosts(f, count):
    return ["fd00:8::1:%x" % n if f.six else "10.8.0.%d" % (20 + n)
            for n in range(count)]

for f in FAMILIES:
    snat(f, "snat to " + f.P)
    # Of each kind the lowest, and one more.
    for sport, low, high in ((100, 1, 511), (700, 512, 1023),
                             (5000, 1024, 65535)):
        ports = [send("UDP", host, f.B, sport, 53) for host in hosts(f, 20)]
        equal("%d is kept, by the first%s" % (sport, f.words), ports[0], sport)
        check("others get one each, from %d to %d%s" % (low, high, f.words),
              None not in ports and len(set(ports)) == 20 and
              all(low <= p <= high for p in ports), ports)
    if ours():
        for sport in 6000, 6001:
            ports = [send("UDP", host, f.B, sport, 53)
                     for host in hosts(f, 20)]
            equal("%d stays odd or even%s" % (sport, f.words),
                  [p and p % 2 for p in ports], [sport % 2] * 20)
        with open("/proc/sys/net/ipv4/ip_local_reserved_ports", "w") as file:
            file.write("1024-32767")
        snat(f, "masquerade")
        ports = [send("UDP", host, f.B, 40000, 53) for host in hosts(f, 20)]
        check("a reserved one is not chosen" + f.words,
              all(p and p > 32767 for p in ports), ports)
        with open("/proc/sys/net/ipv4/ip_local_reserved_ports", "w") as file:
            file.write("\n")

# --- that of a connection which is over ---

release = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])
for f in FAMILIES:
    fresh()
    near, far = f.kinds["SNAT"]
    first = Through(wire, (near, far))
    wrong = first.open()
    check("a connection has the only port" + f.words, not wrong, wrong)
    again = (*near[:2], 5001, 8080), far
    wire.a.send(MAKE["TCP"](*again[0]))
    wrong = first.step("a", "PA", b"data") or first.close()
    check("nobody takes it, as long as it is open" + f.words, not wrong, wrong)
    second = Through(wire, again, seq=10 ** 6)
    # nf_nat can do that since 6.7 or so.
    if ours() or release > (6, 6):
        wrong = second.open() or second.step("b", "PA", b"data")
        check("in TIME_WAIT a new one takes it" + f.words, not wrong, wrong)
        wire.a.send(first.made("a", "a", "PA", b"late", first.next["a"], 0))
        wrong = second.step("b", "PA", b"more")
        check("and keeps it" + f.words, not wrong, wrong)

# --- two at once: held in a queue before they are confirmed ---

def both_held(queue, *packets):
    while wire.b.receive():
        pass
    for packet in packets:
        wire.a.send(packet)
    held = [queue.receive() for _ in packets]
    for packet in filter(None, held):
        queue.verdict(packet[0])
    return [wire.b.receive(1) for _ in packets]

for f in FAMILIES:
    snat(f, "snat to " + f.P)
    nft(filters("postrouting", "oifname tun-b udp dport 53 queue num 5",
                priority=200))
    queue = Queue(5)
    before = stat("insert_failed")
    made = [udp_packet(host, f.B, 5000, 53, b"question")
            for host in hosts(f, 2)]
    out = both_held(queue, *made)
    equal("the first one keeps its port" + f.words, translated(out[0]), 5000)
    if ours():
        port = translated(out[1])
        check("who chose the same at the same time gets another" + f.words,
              port not in (None, 5000), out)
        wrong = unlike(out[1], port and aged(udp_packet(
            f.P, f.B, port, 53, b"question")))
        check("in his first packet" + f.words, not wrong, wrong)
        equal("nothing failed" + f.words, stat("insert_failed"), before)
        wrong = unlike(
            wire.pass_on("b", udp_packet(f.B, f.P, 53, port or 0, b"answer")),
            aged(udp_packet(f.B, hosts(f, 2)[1], 53, 5000, b"answer")))
        check("and is answered" + f.words, not wrong, wrong)
    queue.socket.close()

    # Two questions of one socket to one of two servers.
    name = "ip6" if f.six else "ip"
    rules(table(f.six, chain(
              "prerouting", f"{name} daddr {f.V} dnat to numgen inc mod 2 map "
              f"{{ 0 : {f.B}, 1 : {f.W} }}")) +
          filters("forward", "udp dport 53 queue num 5"))
    queue = Queue(5)
    out = both_held(queue, *(udp_packet(f.A, f.V, 5000, 53, word)
                             for word in (b"A?", b"AAAA?")))
    check("two questions to one of two servers: both arrive" + f.words,
          None not in out, out)
    equal("one entry for both" + f.words, len(entries("udp")), 1)
    start = slice(24, 40) if f.six else slice(16, 20)
    for n, packet in enumerate(out):
        server = str(ipaddress.ip_address(packet[start])) if packet else f.B
        wrong = unlike(wire.pass_on("b", udp_packet(server, f.A, 53, 5000,
                                                    b"answer")),
                       aged(udp_packet(f.V, f.A, 53, 5000, b"answer")))
        check("answer %d of whoever was asked arrives%s" % (n + 1, f.words),
              not wrong, wrong)
    queue.socket.close()
END

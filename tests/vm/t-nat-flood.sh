#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Floods through masquerade, at the limit of entries and at the limit of ports: who is
# connected stays so, and others get through; which is more than nf_nat does.
# seconds: 50
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load
dmesg -C
flush
sysctl -q net.netfilter.nf_conntrack_max=400

nat <<'END'
wire = Wire()
OUT = "10.9.0.254"                  # what all of them are masqueraded to
SERVER, OTHER = B4, "10.9.0.2"
BAD = "10.8.0.66"
LOW, HIGH = 20000, 20099
# Who comes late is told so by the router itself.
run("ip", "route", "replace", "10.8.0.0/16", "dev", "tun-a")


def host(n):
    return "10.8.%d.%d" % (1 + n // 250, 1 + n % 250)


class Client:
    """One of TCP, whose port outside is the one that it came with."""

    def __init__(self, src, sport, dport=80, dst=SERVER, seq=1000):
        self.near = src, dst, sport, dport
        self.seq, self.talk = seq, None

    def syn(self):
        """Did it come out? Then its port outside is known."""
        got = wire.pass_on("a", tcp_packet(*self.near, "S", self.seq), 0.05)
        if not got:
            return False
        self.port = struct.unpack_from("!H", got, 20)[0]
        self.talk = Through(wire, (self.near, (OUT, self.near[1], self.port,
                                               self.near[3])), self.seq)
        self.talk.next["a"] += 1
        return not unlike(got, aged(self.talk.made(
            "a", "b", "S", b"", self.seq, 0)))

    def answered(self):
        return not (self.talk.step("b", "SA") or self.talk.step("a", "A"))

    def open(self):
        return self.syn() and self.answered() and self.talks()

    def talks(self):
        """Data both ways."""
        return not (self.talk.step("a", "PA", b"question") or
                    self.talk.step("b", "PA", b"answer") or
                    self.talk.step("a", "A"))


def push(*packets):
    """Of a flood: nobody looks if it comes out."""
    for packet in packets:
        wire.a.send(packet)


def syns(src, first, count, dst=SERVER, dport=80):
    for n in range(first, first + count):
        push(tcp_packet(src, dst, 1024 + n % 64512, dport, "S", 7))


def how_many(clients, does):
    return sum(bool(getattr(c, does)()) for c in clients)


def limit(most):
    """Also of the first namespace, which others do not exceed."""
    run("nsenter", "--net=/proc/1/ns/net", "sysctl", "-q",
        "net.netfilter.nf_conntrack_max=%d" % most)
    if ours():
        sysctl("max", most)


def masquerade(to=""):
    rules(table(False, chain("postrouting",
                             "oifname tun-b meta l4proto { tcp, udp } masquerade " + to)))


# --- the limit of entries ---

masquerade()
old = [Client(host(n), 5000 + n) for n in range(50)]
equal("connections open", how_many(old, "open"), 50)
for n in range(30):
    syns(BAD, 100 * n, 100)
    if ours():
        late = Client(host(100 + n), 6000)
        check("entries: one more opens", late.open()) if not n % 10 else None
equal("entries: who was connected talks", how_many(old, "talks"), 50)
if ours():
    check("entries: the count stays at the limit", count() <= 400, count())
    late = [Client(host(200 + n), 6000) for n in range(20)]
    opened = 0
    for c in late:
        syns(BAD, 7000, 20)
        opened += bool(c.open())
    equal("entries: others get through while it goes on", opened, 20)

# --- the limit of ports, towards one end ---

def flooded():
    """All ports, but for those of 20 connections, are of a flood."""
    flush()
    old = [Client(host(n), 5000 + n) for n in range(20)]
    equal("connections in a small range", how_many(old, "open"), 20)
    return old


limit(20000)
masquerade("to :%d-%d" % (LOW, HIGH))
old = flooded()
before = reasons().get("nat_full", 0) if ours() else 0
syns(BAD, 0, 1000)
equal("ports: who was connected talks", how_many(old, "talks"), 20)
equal("ports: to another port of that host there are some", how_many(
    [Client(host(n), 5000, 81) for n in range(20, 40)], "open"), 20)
equal("ports: and to another host", how_many(
    [Client(host(n), 5000, 80, OTHER) for n in range(20, 40)], "open"), 20)
check("ports: none has two", len(entries("tcp")) == 140, len(entries("tcp")))

if not ours():
    # Until somebody's time is up.
    equal("ports: nobody else gets one", Client(host(50), 5000).syn(), False)
    run("conntrack", "-D", "-p", "tcp", "-s", BAD, "--reply-port-dst",
        str(next(e.get("dport", 1) for e in entries("tcp")
                 if e.get("src") == BAD)))
    check("ports: as soon as one is free he does",
          until(Client(host(51), 5000).open))
else:
    equal("ports: nothing of the flood was dropped", reasons().get(
        "nat_full", 0) - before, 0)
    opened = 0
    for n in range(40, 60):
        syns(BAD, 1000 + 30 * n, 30)
        opened += bool(Client(host(n), 5000).open())
    equal("ports: others get one while it goes on", opened, 20)
    # Their SYNs are under way, and so is the flood.
    waiting = [Client(host(n), 5000) for n in range(60, 70)]
    equal("ports: and those who wait", how_many(waiting, "syn"), 10)
    syns(BAD, 3000, 200)
    equal("ports: are answered", how_many(waiting, "answered"), 10)
    equal("ports: who was connected still talks", how_many(old, "talks"), 20)

    # From each neighbour's address one, or from anybody's.
    old, opened = flooded(), 0
    for n in range(1000):
        push(tcp_packet("10.8.0.%d" % (1 + n % 250), SERVER, 1024 + n, 80, "S"))
        if n % 50 == 49:
            opened += bool(Client(host(100 + n // 50), 5000).open())
    equal("ports, by many: others get one", opened, 20)
    equal("ports, by many: who was connected talks", how_many(old, "talks"), 20)

    # Answered, but never acknowledged.
    old, opened = flooded(), 0
    for n in range(400):
        bad = Client(BAD, 1024 + n)
        if bad.syn():
            bad.talk.step("b", "SA")
        if n % 20 == 19:
            opened += bool(Client(host(200 + n // 20), 5000).open())
    equal("ports, answered: others get one", opened, 20)
    equal("ports, answered: who was connected talks", how_many(old, "talks"), 20)

    # UDP: questions that are answered at once hold a port for long, and need it
    # no more.
    masquerade("to :%d-%d" % (LOW, HIGH))
    told = 0
    for n in range(300):
        near = host(n), SERVER, 5000, 53
        got = wire.pass_on("a", udp_packet(*near, b"question"))
        port = got and struct.unpack_from("!H", got, 20)[0]
        told += not unlike(
            wire.pass_on("b", udp_packet(SERVER, OUT, 53, port or 0, b"answer")),
            aged(udp_packet(SERVER, host(n), 53, 5000, b"answer")))
    equal("as many questions as there are ports, three times", told, 300)

    # All of them connected: nobody goes, and it is told.
    masquerade("to :%d-%d" % (LOW, HIGH))
    old = [Client(BAD, 1024 + n) for n in range(100)]
    equal("one has all ports, and talks", how_many(old, "open"), 100)
    before, evicted = reasons().get("nat_full", 0), stat("early_drop")
    for n in range(1000):
        push(tcp_packet(host(n), SERVER, 5000, 80, "S"))
    equal("nobody gets one then", Client(host(50), 5000).syn(), False)
    equal("each is counted", reasons().get("nat_full", 0) - before, 1001)
    equal("nobody went", stat("early_drop") - evicted, 0)
    equal("to another end there are some",
          Client(host(50), 5000, 81).open(), True)
    equal("he talks on", how_many(old, "talks"), 100)
    lines = [line for line in run("dmesg").stdout.splitlines()
             if "ct_nat: %s has nothing free towards %s port 80, protocol 6" %
             (OUT, SERVER) in line]
    check("the log says which address, and towards whom", lines)
    check("not each time", len(lines) <= 20, len(lines))
    check("and how often", any("more not logged" in line for line in lines) or
          len(lines) <= 10, lines[-1:])
    old[7].talk.step("a", "R", ack=0)
    check("the port of one that was reset is the next one's, soon", until(
        Client(host(51), 5000, seq=10 ** 6).open))
    run("conntrack", "-D", "-p", "tcp", "-s", BAD, "--sport", "1030")
    check("and that of one that is deleted", Client(host(52), 5000).open())

    # All there are.
    limit(100000)
    masquerade()
    flush()
    old = [Client(host(n), 5000 + n) for n in range(20)]
    equal("connections in the whole range", how_many(old, "open"), 20)
    packet = bytearray(udp_packet(BAD, SERVER, 0, 53, b"", no_sum=True))
    for port in range(1024, 65536):
        struct.pack_into("!H", packet, 20, port)
        wire.a.send(packet)
    equal("one has the whole range", count(), 64512 + 20)
    opened = 0
    for n in range(50):
        while wire.b.receive():
            pass
        opened += wire.pass_on("a", udp_packet(host(n), SERVER, 5000, 53,
                                               b"question"), 0.05) is not None
    equal("others have it all the same", opened, 50)
    equal("his went for it", count(), 64512 + 20)
    equal("the whole range: who was connected talks", how_many(old, "talks"), 20)
END

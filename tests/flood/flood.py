#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A flood through a router at its limit, and what becomes of everybody else.

usage: flood.py KIND one|many LIMIT SECONDS TIMES SEED

In SECONDS come TIMES * LIMIT connections of a KIND (see FLOODS), from hosts of
one /24 or from anywhere; what is answered is answered at once. Meanwhile,
connections that were open before say nothing, and others are opened, ten a
second, by hosts of other networks, with a round trip of 40 ms: a TCP connection
with a question, an answer and an end, and a question by UDP. A firewall drops
what is invalid, and what comes from the server and is new.

Prints one line: KIND, sources, flood connections, those open before and how many
of them still pass, honest ones and how many had all their packets pass, the
largest number of entries seen, evictions, and packets dropped at the limit.
"""
import heapq
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vm"))
from raw import *  # noqa: E402,F403

OPEN_BEFORE = 50
HONEST_A_SECOND = 10
TRIP = 0.04


class Clock:
    """What is due when; the time is real, or a virtual machine's."""

    def __init__(self):
        self.queue, self.n = [], 0
        self.start = time.monotonic()

    def now(self):
        return time.monotonic() - self.start

    def at(self, when, what):
        self.n += 1
        heapq.heappush(self.queue, (when, self.n, what))

    def after(self, delay, what):
        self.at(self.now() + delay, what)

    def run(self):
        self.start = time.monotonic()
        while self.queue:
            when, _, what = heapq.heappop(self.queue)
            wait = when - self.now()
            if wait > 0:
                time.sleep(wait)
            what()


class Router:
    def __init__(self):
        self.wire = Wire()

    def drain(self):
        for side in (self.wire.a, self.wire.b):
            while side.receive():
                pass

    def push(self, side, packet):
        """Nobody looks if it comes out."""
        (self.wire.a if side == "a" else self.wire.b).send(packet)

    def passes(self, side, packet):
        # Forwarded before send() returns: whoever waits holds up the flood.
        self.drain()
        return self.wire.pass_on(side, packet, 0.002) is not None


class Connection:
    """TCP from src:sport to B4:dport, a packet at a time."""

    def __init__(self, src, sport, dport=80):
        self.a, self.sport, self.dport = src, sport, dport
        self.next = {"a": 1000, "b": 9000}

    def packet(self, side, flags, payload=b""):
        other = "b" if side == "a" else "a"
        ends = ((self.a, B4, self.sport, self.dport) if side == "a" else
                (B4, self.a, self.dport, self.sport))
        packet = tcp_packet(*ends, flags, self.next[side],
                            self.next[other] if "A" in flags else 0, payload)
        self.next[side] += len(payload) + ("S" in flags) + ("F" in flags)
        return packet


# What an attacker sends, and what comes back at once.

def syn(router, src, port):
    router.push("a", Connection(src, port).packet("a", "S"))


def answered_syn(router, src, port):
    c = Connection(src, port)
    router.push("a", c.packet("a", "S"))
    router.push("b", c.packet("b", "SA"))


def ping(router, src, port):
    router.push("a", ip(src, B4, ICMP, query(8, port)))
    router.push("b", ip(B4, src, ICMP, query(0, port)))


def dns(router, src, port):
    router.push("a", udp_packet(src, B4, port, 53, b"question"))
    router.push("b", udp_packet(B4, src, 53, port, b"answer"))


def short(router, src, port):
    c = Connection(src, port)
    for side, flags in (("a", "S"), ("b", "SA"), ("a", "A"), ("a", "FA"),
                        ("b", "FA"), ("a", "A")):
        router.push(side, c.packet(side, flags))


FLOODS = {
    "syn": syn,
    "answered-syn": answered_syn,
    "ping": ping,
    "dns": dns,
    "short": short,
}


class Honest:
    """Each of its packets has to pass, the first time."""

    def __init__(self, clock, router):
        self.clock, self.router = clock, router
        self.begun = self.done = 0

    def go(self, steps):
        """steps: (delay before it, side, packet maker)"""
        self.begun += 1
        self.step(list(steps))

    def step(self, steps):
        if not steps:
            self.done += 1
            return
        side, make, delay = steps[0]
        if self.router.passes(side, make()):
            self.clock.after(delay, lambda: self.step(steps[1:]))

    def tcp(self, src, port):
        c = Connection(src, port, 443)
        # A round trip between what is sent and what comes back.
        self.go([
            ("a", lambda: c.packet("a", "S"), TRIP),
            ("b", lambda: c.packet("b", "SA"), 0),
            ("a", lambda: c.packet("a", "A"), 0),
            ("a", lambda: c.packet("a", "PA", b"question"), TRIP),
            ("b", lambda: c.packet("b", "PA", b"answer"), 0),
            ("a", lambda: c.packet("a", "FA"), TRIP),
            ("b", lambda: c.packet("b", "FA"), 0),
            ("a", lambda: c.packet("a", "A"), 0)])

    def udp(self, src, port):
        self.go([
            ("a", lambda: udp_packet(src, B4, port, 53, b"question"), TRIP),
            ("b", lambda: udp_packet(B4, src, 53, port, b"answer"), 0)])


def peak(clock, end, most):
    most[0] = max(most[0], count())
    if clock.now() < end:
        clock.after(0.5, lambda: peak(clock, end, most))


def main():
    kind, sources, limit, seconds, times, seed = sys.argv[1:]
    limit, seconds, times = int(limit), float(seconds), float(times)
    rand = random.Random("%s %s %s" % (kind, sources, seed))
    router, clock = Router(), Clock()
    honest, most = Honest(clock, router), [0]
    # What is answered to anybody goes back where it came from.
    for net in ("64.0.0.0/2", "10.64.0.0/10"):
        run("ip", "route", "add", net, "dev", "tun-a")

    def anybody():
        if sources == "one":
            return "66.66.66.%d" % rand.randrange(1, 255)
        return "%d.%d.%d.%d" % (rand.randrange(64, 127), rand.randrange(256),
                                rand.randrange(256), rand.randrange(1, 255))

    before = [Connection("10.65.%d.1" % n, 5000) for n in range(OPEN_BEFORE)]
    for c in before:
        for side, flags in (("a", "S"), ("b", "SA"), ("a", "A")):
            router.passes(side, c.packet(side, flags))

    def flood():
        FLOODS[kind](router, anybody(), rand.randrange(1024, 65536))
        router.drain()

    # The honest ones come when the table is full.
    n = int(limit * times)
    for i in range(n):
        clock.at(seconds * i / n, flood)
    begin = min(seconds / 3, 1.5 * seconds / times)
    for i in range(int((seconds - begin) * HONEST_A_SECOND)):
        src = "10.%d.%d.1" % (66 + i // 256, i % 256)
        clock.at(begin + i / HONEST_A_SECOND,
                 lambda i=i, src=src: (honest.udp if i % 2 else honest.tcp)(
                     src, 2000 + i))
    clock.at(0, lambda: peak(clock, seconds, most))
    dropped = stat("drop"), stat("early_drop")
    clock.run()

    survived = sum(router.passes("b", c.packet("b", "PA", b"still there?")) and
                   router.passes("a", c.packet("a", "A")) for c in before)
    print("flood", kind, sources, n, len(before), survived, honest.begun,
          honest.done, most[0], stat("early_drop") - dropped[1],
          stat("drop") - dropped[0], flush=True)


main()

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# At the limit: what is established stays, what is new gets in, what was never
# answered goes, oldest first; then what was answered, but is not assured, and what
# is closing. The last part of the limit is the host's own.
# seconds: 35
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load
echo_server n2 7
echo_server n0 7
flush

max=400
if ours; then
	n0 sysctl -q net.netfilter.nf_conntrack_max=$max
else
	sysctl -q net.netfilter.nf_conntrack_max=$max
fi

# A real connection, open all the while.
mkfifo "$TMP/in"
n1 socat - TCP:10.0.2.1:7,sourceport=6000 <"$TMP/in" >"$TMP/out" &
exec 3>"$TMP/in"
echo before >&3
until_true grep -q before "$TMP/out"

raw <<'END'
wire = Wire()
limit = 400

established = []
for n in range(100):
    talk = Talk(wire, 10000 + n)
    talk.open()
    established.append(talk)
streams = range(20000, 20050)
for port in streams:
    wire.pass_on("a", udp_packet(A4, B4, port, 53, b"x"))
    wire.pass_on("b", udp_packet(B4, A4, 53, port, b"x"))
before = count()
check("below the limit nothing is evicted", before >= 150, before)

# The flood: never answered.
for n in range(3000):
    if n % 2:
        wire.a.send(udp_packet(A4, B4, 30000 + n, 9, b"flood"))
    else:
        wire.a.send(tcp_packet(A4, B4, 30000 + n, 9, "S"))
    if n % 50 == 49:
        time.sleep(0.01)
time.sleep(0.5)
check("the count stays at the limit", limit * 0.9 <= count() <= limit, count())
check("the table agrees", len(entries()) == count(), (len(entries()), count()))

table = {(e.proto, int(e.get("sport"))): e for e in entries()
         if e.get("sport")}
equal("established TCP stays", sum(
    ("tcp", t.port["a"]) in table and
    table["tcp", t.port["a"]].state == "ESTABLISHED"
    for t in established), 100)
if ours():
    equal("answered UDP stays",
          sum(("udp", port) in table for port in streams), 50)
    flood = sorted(p for (_, p) in table if 30000 <= p < 33000)
    check("of the flood the newest stay", len(flood) > 100 and
          min(flood) >= 33000 - len(flood) - 20,
          (len(flood), flood and flood[0]))
    equal("and the very last one", flood[-1:], [32999])
    check("evictions are counted", stat("early_drop") > 2000,
          stat("early_drop"))

    # New connections get in while the flood goes on.
    opened = 0
    for n in range(50):
        for m in range(20):
            wire.a.send(udp_packet(A4, B4, 40000 + 20 * n + m, 9, b"flood"))
        talk = Talk(wire, 15000 + n)
        opened += talk.open() and talk.state() == "ESTABLISHED"
    equal("new connections open in the flood", opened, 50)
    equal("established TCP still stays", sum(
        t.state() == "ESTABLISHED" for t in established[::10]), 10)

    # Nothing that may be evicted: a new one is refused, and counted.
    flush()
    sysctl("max", 40)
    for n in range(40):
        Talk(wire, 16000 + n).open()
    dropped = stat("drop", "insert_failed", "early_drop")
    talk = Talk(wire, 17000)
    passed = talk.step("a", "S")
    check("full of established ones: a new one is dropped", not passed and
          talk.state() is None,
          (talk.state(), count(), len(entries()), sysctl("max")))
    check("the count does not exceed the limit", count() <= 40, count())
    check("the host's own traffic has room", subprocess.run(
        ["ping", "-q", "-c", "1", "-W", "2", "127.0.0.1"],
        stdout=subprocess.DEVNULL).returncode == 0)
    check("that is counted", reasons().get("full", 0) > 0 or
          stat("drop") > 0, reasons())
    sysctl("max", 400)

    # A flood that opens nothing makes nobody go, though many may.
    sysctl("max", 400)
    flush()
    for n in range(400):
        wire.a.send(udp_packet(A4, B4, 30000 + n, 9, b"x"))
    before = stat("early_drop")
    for n in range(500):
        wire.a.send(tcp_packet(A4, B4, 20000 + n, 80,
                               ("SA", "R", "FA")[n % 3]))
        wire.a.send(ip(A4, B4, ICMP, query(0, n)))
    equal("what opens no connection evicts nobody",
          stat("early_drop") - before, 0)
    check("there is room again", talk.step("a", "S") and
          talk.state() == "SYN_SENT", talk.state())

    # A limit set below what is there evicts nobody by itself.
    flush()
    for n in range(30):
        Talk(wire, 18000 + n).open()
    sysctl("max", 10)
    equal("a lower limit kills nothing established", count() >= 30, True)
    sysctl("max", 400)

    # What is answered at once may go as well, and the honest ones get in.
    flush()
    for talk in established[:20]:
        talk.open()
    answered = {
        "pings": lambda n: (
            wire.pass_on("a", ip(A4, B4, ICMP, query(8, n))),
            wire.pass_on("b", ip(B4, A4, ICMP, query(0, n)))),
        "half-open connections": lambda n: (
            Talk(wire, 30000 + n).step("a", "S"),
            wire.pass_on("b", tcp_packet(B4, A4, 80, 30000 + n, "SA", 9,
                                         1001))),
        "DNS": lambda n: (
            wire.pass_on("a", udp_packet(A4, B4, 30000 + n, 53, b"q")),
            wire.pass_on("b", udp_packet(B4, A4, 53, 30000 + n, b"a"))),
    }

    def short(n):
        talk = Talk(wire, 40000 + n)
        talk.open() and talk.step("a", "FA") and talk.step("b", "FA") and \
            talk.step("a", "A")

    answered["short connections"] = short
    for name, one in answered.items():
        refused = reasons().get("full", 0)
        opened = 0
        for n in range(600):
            one(n)
            if n % 20 == 19:
                talk = Talk(wire, 18000 + n)
                opened += talk.open() and talk.state() == "ESTABLISHED"
                talk.step("a", "R", ack=0)
        equal("%s: new connections open" % name, opened, 30)
        equal("%s: nothing is refused" % name,
              reasons().get("full", 0) - refused, 0)
        equal("%s: established ones stay" % name, sum(
            t.state() == "ESTABLISHED" for t in established[:20]), 20)
    check("the count stays there", count() <= 400, count())

    # Full of established ones; pings to the router itself, by the thousand.
    flush()
    for n in range(400):
        Talk(wire, 10000 + n).open()
    sysctl("max", 400)
    full = count()
    for n in range(1500):
        wire.a.send(ip(A4, "10.8.0.254", ICMP, query(8, n)))
    pings = [e for e in entries() if e.proto == "icmp"]
    equal("of the host's own share a source gets a part", len(pings), 1)
    check("which leaves some", count() < 400, (full, count()))
END

! ours || check "a stranger logs in to the router" \
	n1 socat -u OPEN:/dev/null TCP:10.0.1.254:7,connect-timeout=3

if ours; then
	is "the log says so once, and whose packets they were" "$(dmesg |
		grep -c 'ct: table full, .* limit of 40 .* dropped, most from 10\.8\.0\.1$')" 1
fi

echo after >&3
ours || check "a real connection lives through it" \
	until_true grep -q after "$TMP/out"
exec 3>&-

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# UDP: unreplied, replied, a stream; and two first packets at once.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load

raw <<'END'
wire = Wire()

def send(side, port, payload=b"x", six=False, **more):
    a, b = (A6, B6) if six else (A4, B4)
    if side == "a":
        packet = udp_packet(a, b, port, 53, payload, **more)
    else:
        packet = udp_packet(b, a, 53, port, payload, **more)
    return wire.pass_on(side, packet) is not None

def entry(port, six=False):
    return one_entry("udp", *((A6, B6) if six else (A4, B4)), port, 53)

for six in (False, True):
    v = " over IPv6" if six else ""
    check("a first packet passes" + v, send("a", 1000, six=six))
    e = entry(1000, six)
    check("it makes an unreplied entry" + v, e and not e.replied, e)
    check("for thirty seconds" + v, e and 25 <= e.timeout <= 30, e)
    check("more of the same do not change it" + v,
          send("a", 1000, six=six) and not entry(1000, six).replied)
    check("an answer passes" + v, send("b", 1000, six=six))
    e = entry(1000, six)
    check("it is a reply, not yet a stream" + v,
          e and e.replied and not e.assured and e.timeout <= 30, e)
    time.sleep(2.5)
    send("a", 1000, six=six)
    send("b", 1000, six=six)
    e = entry(1000, six)
    check("a stream after two seconds, assured" + v,
          e and e.assured and 100 <= e.timeout <= 120, e)

send("b", 1001)
e = one_entry("udp", B4, A4, 53, 1001)
check("the other direction opens one of its own", e and not e.replied, e)
check("whose answer is a reply",
      send("a", 1001) and one_entry("udp", B4, A4, 53, 1001).replied)
check("and no second entry", entry(1001) is None)

check("no checksum is no error", send("a", 1002, no_sum=True) and entry(1002))
check("an empty datagram", send("a", 1003, b"") and entry(1003))
check("port 0", send("a", 0) and entry(0))

sysctl("udp_timeout", 2)
send("a", 1004)
check("udp_timeout", entry(1004) and entry(1004).timeout <= 2, entry(1004))
time.sleep(4)
check("an entry ends with its time", entry(1004) is None, entry(1004))
sysctl("udp_timeout", 30)

sysctl("acct", 1)
for side in "aab":
    send(side, 1005, b"12345678")
e = entry(1005)
equal("packets and bytes by direction",
      [(k, v) for k, v in e.pairs if k in ("packets", "bytes")],
      [("packets", "2"), ("bytes", "72"), ("packets", "1"), ("bytes", "36")])
sysctl("acct", 0)

# Two packets of one socket at once: both are held in a queue before they are
# confirmed, so each carries an entry of its own; then both go on.
run("nft", "add table inet hold")
run("nft", "add chain inet hold forward "
    "{ type filter hook forward priority 0; }")
run("nft", "add rule inet hold forward udp dport 53 queue num 5")
for six in (False, True):
    queue = Queue(5)
    src, dst = (A6, B6) if six else (A4, B4)
    while wire.b.receive():
        pass
    for word in (b"A?", b"AAAA?"):
        wire.a.send(udp_packet(src, dst, 1010, 53, word))
    held = [queue.receive(), queue.receive()]
    check("two first packets are held", None not in held, held)
    check("neither is confirmed", entry(1010, six) is None)
    for packet in held:
        queue.verdict(packet[0])
    out = [wire.b.receive(2), wire.b.receive(2)]
    check("both arrive", None not in out, out)
    check("one entry for both", entry(1010, six), entries("udp"))
    queue.socket.close()

# Both ends speak first: who comes second has answered, and is told of and counted.
if ours():
    sysctl("acct", 1)
    run("nft", "add rule inet hold forward udp sport 53 queue num 5")
    events = subprocess.Popen(["stdbuf", "-oL", "conntrack", "-E", "-p", "udp"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True)
    time.sleep(1)
    queue = Queue(5)
    wire.a.send(udp_packet(A4, B4, 1011, 53, b"12345678"))
    wire.b.send(udp_packet(B4, A4, 53, 1011, b"1234"))
    held = [queue.receive(), queue.receive()]
    check("a packet of each end is held", None not in held, held)
    for packet in held:
        queue.verdict(packet[0])
    check("the answer arrives", wire.a.receive(2) is not None)
    e = entry(1011)
    check("in the entry of the question", e and e.replied, entries("udp"))
    equal("each in its direction",
          e and [v for k, v in e.pairs if k in ("packets", "bytes")],
          ["1", "36", "1", "32"])
    check("and no other", one_entry("udp", B4, A4, 53, 1011) is None)
    time.sleep(1)
    events.terminate()
    equal("it is told of", re.findall(r"\[(\w+)\]", events.stdout.read()),
          ["NEW", "UNREPLIED", "UPDATE"])
    queue.socket.close()
    sysctl("acct", 0)
run("nft", "delete table inet hold")
END

echo_server n2 53
is "a question is answered" "$(ask_udp n1 10.0.2.1 53)" hello
seen "seen" '^udp .* src=10.0.1.1 dst=10.0.2.1 sport=[0-9]+ dport=53 src=10.0.2.1 dst=10.0.1.1 sport=53 '
is "one over IPv6" "$(ask_udp n1 '[fd00:2::1]' 53)" hello
seen "seen in IPv6" '^udp .* src=fd00:1::1 dst=fd00:2::1 .*dport=53 '
unseen "neither is unreplied" 'dport=53 .*UNREPLIED.*dst=10.0.1.1'

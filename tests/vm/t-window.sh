#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# TCP: sequence numbers and windows, and the sysctls about them, by exact
# packets through a router; then by real programs over a bad network.
# seconds: 25
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load

raw <<'END'
wire = Wire()
port = 5000

def fresh(options=b""):
    """An open connection: a is at 1001, b at 500001."""
    global port
    port += 1
    talk = Talk(wire, port)
    talk.step("a", "S", options=options)
    talk.step("b", "SA", options=options)
    talk.step("a", "A")
    return talk

def judged(name, talk, valid, side, flags, payload=b"", **more):
    wire.judged(name, valid, side, talk.packet(side, flags, payload, **more))

WINDOW = 65000
talk = fresh()
a, b = talk.next["a"], talk.next["b"]
judged("data in order", talk, True, "a", "PA", b"x")
judged("and acknowledged", talk, True, "b", "A")
judged("data behind a gap", talk, True, "a", "PA", b"x", seq=a + 30000)
judged("data at the right edge", talk, True, "a", "PA", b"x", seq=a + WINDOW)
judged("a little behind it", talk, True, "a", "PA", b"x", seq=a + WINDOW + 9)
judged("far behind it", talk, False, "a", "PA", b"x", seq=a + 3 * WINDOW)
judged("the other side's, far behind", talk, False, "b", "PA", b"x",
       seq=b + 3 * WINDOW)
judged("data from long ago", talk, True, "a", "PA", b"x", seq=a - 100000)
judged("an acknowledgment of what was not sent", talk, False, "a", "A",
       ack=b + 1)
judged("one from ages ago", talk, True, "a", "A", ack=b - 100000)
equal("all the while it is open", talk.state(), "ESTABLISHED")

talk = fresh()
a, b = talk.next["a"], talk.next["b"]
judged("a FIN from long ago passes", talk, True, "b", "FA", seq=b - 100000)
equal("and closes nothing", talk.state(), "ESTABLISHED")
judged("a RST from before", talk, False, "b", "R", seq=b - 1)
equal("closes nothing", talk.state(), "ESTABLISHED")
judged("a RST far behind the window", talk, False, "b", "R", seq=b + 10 ** 6)
equal("closes nothing, either", talk.state(), "ESTABLISHED")
judged("a RST within the window", talk, True, "b", "R", seq=b + 5)
line = talk.line()
equal("keeps it, for a challenge ACK", line.state, "ESTABLISHED")
if ours():
    check("for five minutes", 200 < line.timeout <= 300, line)
judged("a RST with the number", talk, True, "b", "R", seq=b)
equal("resets it", talk.state(), "CLOSE")

# Window scale 7, both sides; 65000 << 7 once the handshake is over.
talk = fresh(bytes.fromhex("01030307"))
a = talk.next["a"]
talk.step("b", "A")
judged("in a scaled window", talk, True, "a", "PA", b"x",
       seq=a + (WINDOW << 7))
judged("far behind a scaled window", talk, False, "a", "PA", b"x",
       seq=a + 3 * (WINDOW << 7))

# A SACK of what was sent, and of what was not.
talk = fresh(bytes.fromhex("01010402"))
a, b = talk.next["a"], talk.next["b"]
def sack(left, right):
    return bytes.fromhex("0101050a") + struct.pack("!II", left, right)
talk.step("a", "PA", b"x" * 100, seq=a + 100)
judged("a SACK", talk, True, "b", "A", ack=a, options=sack(a + 100, a + 200))
judged("a SACK of what was not sent", talk, False, "b", "A", ack=a,
       options=sack(a + 100, a + 201))

# Another SYN on a connection, answered by who forgot it: new numbers.
talk = fresh()
old = dict(talk.next)
talk.next["a"], talk.next["b"] = old["a"] + 10 ** 8, old["b"] + 10 ** 8
judged("another SYN", talk, True, "a", "S")
judged("its SYN/ACK", talk, True, "b", "SA")
judged("and ACK", talk, True, "a", "A")
judged("data of the old connection", talk, True, "b", "PA", b"x",
       seq=old["b"], ack=old["a"])
judged("data of the new one", talk, True, "b", "PA", b"x")

# nf_conntrack_tcp_be_liberal, nf_conntrack_tcp_ignore_invalid_rst
talk = fresh()
a, b = talk.next["a"], talk.next["b"]
sysctl("tcp_be_liberal", 1)
judged("liberal: far behind the window", talk, True, "a", "PA", b"x",
       seq=a + 10 ** 6)
judged("liberal: what was not sent", talk, True, "a", "A", ack=b + 10 ** 6)
judged("liberal: a RST from before", talk, False, "b", "R", seq=b - 1)
sysctl("tcp_be_liberal", 0)
judged("liberal no more", talk, False, "a", "PA", b"x", seq=a + 10 ** 6)
sysctl("tcp_ignore_invalid_rst", 1)
judged("a RST from before, ignored", talk, True, "b", "R", seq=b - 1)
equal("it does nothing", talk.state(), "ESTABLISHED")
sysctl("tcp_ignore_invalid_rst", 0)

# The timeouts of trouble.
def lives(name, talk, low, high):
    line = talk.line()
    check(name, line and low < line.timeout <= high, line)

sysctl("tcp_timeout_unacknowledged", 200)
sysctl("tcp_timeout_max_retrans", 100)
talk = fresh()
lives("an open connection lives for days", talk, 400000, 432000)
talk.step("a", "PA", b"some words")
lives("with unacknowledged data for minutes", talk, 100, 200)
talk.step("b", "A")
lives("acknowledged, for days again", talk, 400000, 432000)
a = talk.next["a"]
for n in range(3):
    talk.step("a", "PA", b"again", seq=a)
lives("data repeated twice", talk, 100, 200)
talk.step("a", "PA", b"again", seq=a)
lives("three times: tcp_timeout_max_retrans", talk, 50, 100)
talk.step("b", "A", ack=a + 5)
lives("acknowledged at last", talk, 400000, 432000)
sysctl("tcp_max_retrans", 1)
talk.next["a"] = a + 5
for n in range(2):
    talk.step("a", "PA", b"again", seq=a + 5)
lives("with tcp_max_retrans=1 once is enough", talk, 50, 100)
sysctl("tcp_max_retrans", 3)
talk = fresh()
talk.step("b", "A", window=0)
lives("a closed window", talk, 50, 100)
talk.step("b", "A")
lives("that opens", talk, 400000, 432000)
talk.step("a", "FA", seq=talk.next["a"] + 10 ** 6)
lives("a FIN out of the window", talk, 400000, 432000)
talk.step("b", "FA", seq=talk.next["b"] + 10 ** 6)
lives("one from both sides: they know better", talk, 100, 200)
END

# Real programs, and a network that loses, repeats and reorders.
for ns in n1 n2; do
	ip netns exec $ns tc qdisc add dev veth root netem limit 10000 \
		delay 10ms 5ms reorder 25% 50% loss 2% duplicate 2%
done
n2 iperf3 -s >"$TMP/server" 2>&1 &
until_true listening n2 tcp 5201
sum_invalid()
{
	n0 conntrack -S | grep -Eo '\binvalid=[0-9]+' |
		awk -F = '{ n += $2 } END { print n }'
}
before=$(sum_invalid)
for direction in --reverse --bidir; do
	check "iperf3 $direction over a bad network" \
		n1 iperf3 -c 10.0.2.1 $direction -P 2 -b 4M -t 4
done
check "iperf3 over IPv6" n1 iperf3 -c fd00:2::1 -P 2 -b 4M -t 4
is "not one segment is invalid" "$(($(sum_invalid) - before))" 0
seen "and the connections are assured" 'dport=5201 .*\[ASSURED\]'

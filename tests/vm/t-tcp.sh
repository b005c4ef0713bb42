#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# TCP: each way that a connection opens and ends (RFC 9293, 3.5 and 3.6), by
# exact packets through a router; then by real programs.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load

raw <<'END'
wire = Wire()

# name: (side, flags, state after it)
opening = [("a", "S", "SYN_SENT"), ("b", "SA", "SYN_RECV"),
           ("a", "A", "ESTABLISHED")]
conversations = {
    "open": opening,
    "data both ways": opening + [
        ("a", "PA", "ESTABLISHED"), ("b", "A", "ESTABLISHED"),
        ("b", "PA", "ESTABLISHED"), ("a", "A", "ESTABLISHED")],
    "SYN again": [("a", "S", "SYN_SENT"), ("a", "S", "SYN_SENT"),
                  ("b", "SA", "SYN_RECV"), ("b", "SA", "SYN_RECV"),
                  ("a", "A", "ESTABLISHED")],
    "client closes first": opening + [
        ("a", "FA", "FIN_WAIT"), ("b", "A", "CLOSE_WAIT"),
        ("b", "FA", "LAST_ACK"), ("a", "A", "TIME_WAIT")],
    "server closes first": opening + [
        ("b", "FA", "FIN_WAIT"), ("a", "A", "CLOSE_WAIT"),
        ("a", "FA", "LAST_ACK"), ("b", "A", "TIME_WAIT")],
    "data after the first FIN": opening + [
        ("a", "FA", "FIN_WAIT"), ("b", "A", "CLOSE_WAIT"),
        ("b", "PA", "CLOSE_WAIT"), ("a", "A", "CLOSE_WAIT"),
        ("b", "FA", "LAST_ACK"), ("a", "A", "TIME_WAIT")],
    "FIN answers FIN": opening + [
        ("a", "FA", "FIN_WAIT"), ("b", "FA", "LAST_ACK"),
        ("a", "A", "TIME_WAIT")],
    "FIN before the last ACK of opening": opening[:2] + [
        ("a", "FA", "FIN_WAIT")],
    "client resets": opening + [("a", "RA", "CLOSE")],
    "server resets": opening + [("b", "RA", "CLOSE")],
    "reset while closing": opening + [
        ("a", "FA", "FIN_WAIT"), ("b", "RA", "CLOSE")],
    "refused": [("a", "S", "SYN_SENT"), ("b", "RA", None)],
    "client gives up": opening[:2] + [("a", "R", "CLOSE")],
    "simultaneous open": [
        ("a", "S", "SYN_SENT"), ("b", "S", "SYN_SENT2"),
        ("a", "SA", "SYN_RECV"), ("b", "SA", "SYN_RECV"),
        ("a", "A", "ESTABLISHED")],
}

def converse(name, steps, six):
    converse.port += 1
    talk = Talk(wire, converse.port, six=six)
    for n, (side, flags, want) in enumerate(steps):
        again = n and steps[n - 1][:2] == (side, flags) and "S" in flags
        if again:
            talk.next[side] -= 1
        payload = b"some words" if "P" in flags else b""
        if name.startswith("simultaneous open") and "S" in flags and n >= 2:
            talk.next[side] -= 1
        passed = talk.step(side, flags, payload)
        got = talk.state()
        if not passed or got != want:
            return not_ok(name, "step %d (%s %s): passed %s, state %s not %s" %
                          (n + 1, side, flags, passed, got, want))
    ok(name)

converse.port = 2000
for name, steps in conversations.items():
    converse(name, steps, False)
    converse(name + ", IPv6", steps, True)

# Simultaneous closing: both FINs cross, so neither acknowledges the other.
talk = Talk(wire, 3000)
talk.open()
a, b = talk.next["a"], talk.next["b"]
talk.step("a", "FA", ack=b)
talk.step("b", "FA", ack=a)
talk.step("a", "A")
talk.step("b", "A")
equal("FINs that cross", talk.state(), "TIME_WAIT")

# The status bits, and the timeouts: sysctls in seconds.
flush()
talk = Talk(wire, 3001)
talk.step("a", "S")
line = talk.line()
check("a SYN alone is unreplied", line and not line.replied, line)
check("a SYN's timeout", 110 <= line.timeout <= 120, line)
talk.step("b", "SA")
line = talk.line()
check("a SYN/ACK is a reply", line.replied and not line.assured, line)
check("SYN_RECV's timeout", 50 <= line.timeout <= 60, line)
talk.step("a", "A")
line = talk.line()
check("an open connection is assured", line.assured, line)
check("it lives for five days", 431990 <= line.timeout <= 432000, line)
equal("one entry, and counted", (len(entries()), count()), (1, 1))
talk.step("a", "RA")
line = talk.line()
check("a reset leaves ten seconds", line and line.timeout <= 10, line)

# A tuple used again.
def reopens(talk, name, strict=True):
    talk.next["a"] += 100000
    passed = talk.step("a", "S")
    line = talk.line()
    if strict:
        check("a SYN on a connection that %s starts a new one" % name,
              passed and line and line.state == "SYN_SENT" and
              not line.replied, line)
    talk.next["b"] += 300000
    talk.step("b", "SA")
    talk.step("a", "A")
    equal("one that %s is opened again" % name, talk.state(), "ESTABLISHED")

talk = Talk(wire, 3010)
talk.open()
talk.step("a", "RA")
reopens(talk, "the client reset")
talk = Talk(wire, 3011)
talk.open()
for side, flags in (("a", "FA"), ("b", "FA"), ("a", "A")):
    talk.step(side, flags)
reopens(talk, "was closed")
talk = Talk(wire, 3012)
talk.open()
talk.step("b", "RA")
reopens(talk, "the server reset", ours())

# The middle of a connection that nobody saw open.
flush()
talk = Talk(wire, 3020)
talk.step("a", "A")
equal("picked up in the middle", talk.state(), "ESTABLISHED")
sysctl("tcp_loose", 0)
talk = Talk(wire, 3021)
passed = talk.step("a", "A")
equal("tcp_loose=0: it passes, untracked", (passed, talk.state()), (True, None))
sysctl("tcp_loose", 1)
for flags in ("R", "RA", "F", "SA"):
    talk = Talk(wire, 3022)
    passed = talk.step("a", flags)
    equal("%s opens nothing" % flags, (passed, talk.state()), (True, None))

# Direct server return: the server's answers take another way. What an ACK out of
# nowhere may, one after a SYN may, too: it is new, and nothing more.
flush()
subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""
    table ip way {
        chain forward {
            type filter hook forward priority 0
            ct state new counter
            ct state established counter
            ct state invalid counter
        }
    }""")


def counted():
    out = run("nft", "list", "table", "ip", "way").stdout
    return [int(n) for n in re.findall(r"packets (\d+)", out)]


def one_way(talk):
    talk.next["b"] = 500001
    talk.step("a", "A")
    talk.step("a", "PA", b"x" * 100)
    talk.next["b"] += 1000000
    talk.step("a", "A", seq=talk.next["a"] - 100)
    talk.step("a", "FA")


sysctl("tcp_timeout_syn_sent", 30)
talk = Talk(wire, 3025)
talk.step("a", "S")
time.sleep(3)
one_way(talk)
if ours():
    equal("one way: all of it is new", counted(), [5, 0, 0])
    line = talk.line()
    check("unreplied, not assured, for as long as a SYN",
          line and line.state == "SYN_SENT" and not line.replied and
          not line.assured and 28 <= line.timeout <= 30, line)
    talk.step("a", "A", seq=talk.next["a"] + (1 << 25))
    equal("not what is far from it", counted(), [5, 0, 1])
    talk.step("a", "RA", seq=talk.next["a"] + (1 << 25))
    equal("nor a reset", (counted(), talk.state()), ([5, 0, 2], "SYN_SENT"))
    talk.step("a", "RA")
    equal("its reset ends it", (counted(), talk.state()), ([6, 0, 2], None))
    sysctl("tcp_loose", 0)
    talk = Talk(wire, 3026)
    talk.step("a", "S")
    one_way(talk)
    equal("tcp_loose=0: a handshake is asked for", counted(), [7, 0, 6])
    sysctl("tcp_loose", 1)
    # The answer is seen after all: windows are kept as if nothing had been.
    talk = Talk(wire, 3027)
    talk.step("a", "S")
    talk.step("a", "A", ack=500001)
    talk.step("b", "SA")
    talk.step("a", "A")
    line = talk.line()
    check("an answer after all opens it",
          line.state == "ESTABLISHED" and line.assured, line)
    before = stat("invalid")
    talk.step("a", "PA", b"x", seq=talk.next["a"] + 200000)
    talk.step("b", "PA", b"x", seq=talk.next["b"] + 200000)
    equal("and it is not liberal", stat("invalid") - before, 2)
else:
    equal("one way: invalid after the SYN", counted(), [1, 0, 4])
sysctl("tcp_timeout_syn_sent", 120)
run("nft", "delete", "table", "ip", "way")

# Flags that no peer may send.
before = stat("invalid")
wrong = ("", "SF", "SR", "SFA", "FR", "SRA", "FPU", "SFUPA")
for flags in wrong:
    talk = Talk(wire, 3030)
    talk.step("a", flags)
    equal("flags '%s' are invalid" % flags, talk.state(), None)
check("each is counted", stat("invalid") - before >= len(wrong),
      stat("invalid") - before)

# Options, ECN: a SYN with everything that a Linux of today sends.
talk = Talk(wire, 3040)
talk.step("a", "SEC", options=bytes.fromhex(
    "020405b40402080a0000000100000000" "01030307"))
equal("a SYN with options and ECN", talk.state(), "SYN_SENT")
END

# A socket that is connected to itself, and one that somebody makes up outside.
flush
n0 nft -f - <<-'END'
	table inet self {
		chain in {
			type filter hook input priority 0
			ct state invalid counter
			ct state new tcp flags & (syn | ack) != syn counter
		}
		chain out {
			type filter hook output priority 0
			ct state invalid counter
			ct state new udp length 9 counter
		}
	}
END
ip netns exec n0 python3 - <<-'END' >"$TMP/self"
	import socket, time
	for family, address in ((socket.AF_INET, "127.0.0.1"),
	                        (socket.AF_INET6, "::1")):
	    for again in range(2):
	        s = socket.socket(family, socket.SOCK_STREAM)
	        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	        s.settimeout(5)
	        s.bind((address, 5555))
	        s.connect((address, 5555))
	        got = b""
	        for _ in range(50):
	            s.sendall(b"x" * 4000)
	            got += s.recv(65536)
	        s.shutdown(socket.SHUT_WR)
	        while data := s.recv(65536):
	            got += data
	        s.close()
	        print(len(got))
	        # The kernel's own TIME_WAIT takes the port back then.
	        time.sleep(3)
	    u = socket.socket(family, socket.SOCK_DGRAM)
	    u.settimeout(5)
	    u.bind((address, 5556))
	    u.connect((address, 5556))
	    for word in (b"1", b"2", b"3"):
	        u.send(word)
	        print(u.recv(9).decode())
END
is "self-connected sockets hear what they say" \
	"$(tr '\n' ' ' <"$TMP/self")" "200000 200000 1 2 3 200000 200000 1 2 3 "
if ours; then
	is "of which nothing is invalid, and one packet of each is new" \
		"$(n0 nft list table inet self | grep -o 'packets [0-9]*' |
			tr -d '\n')" "packets 0packets 0packets 0packets 2"
	for address in 127.0.0.1 ::1; do
		seen "TCP of $address to itself was open, and is closed" \
			"^tcp .* TIME_WAIT src=$address dst=$address .*ASSURED"
		seen "UDP of $address to itself is answered" \
			"^udp .* src=$address dst=$address sport=5556 dport=5556 src"
	done
fi
n0 nft delete table inet self

raw <<'END'
wire = Wire()
flush()
for conf in ("all", "tun-a"):
    with open("/proc/sys/net/ipv4/conf/%s/rp_filter" % conf, "w") as f:
        f.write("0")
# Both ends made up by one, who can say what he likes: it never was answered.
talk = Talk(wire, 80)
talk.host["a"] = B4
talk.next["b"] = 1000
for flags in ("S", "SA", "A", "PA"):
    talk.step("a", flags, seq=1000 + ("S" not in flags), ack=1001)
found = [e for e in entries("tcp") if e.get("src") == B4]
check("source and destination the same, from outside: not open",
      len(found) == 1 and not found[0].assured and not found[0].replied
      if ours() else True, found)
for _ in range(3):
    wire.pass_on("a", udp_packet(B4, B4, 53, 53, b"x"), wait=0.5)
found = [e for e in entries("udp") if e.get("src") == B4]
check("nor of UDP", len(found) == 1 and not found[0].replied
      if ours() else True, found)
END

# Real programs.
echo_server n2 7
is "a connection carries data" "$(ask_tcp n1 10.0.2.1 7)" hello
seen "closed by the client: TIME_WAIT" \
	'^tcp .* TIME_WAIT src=10.0.1.1 dst=10.0.2.1 sport=[0-9]+ dport=7 src=10.0.2.1 dst=10.0.1.1 sport=7 .*\[ASSURED\]'
is "a connection over IPv6" "$(ask_tcp n1 '[fd00:2::1]' 7)" hello
seen "seen in IPv6" \
	'^tcp .* TIME_WAIT src=fd00:1::1 dst=fd00:2::1 .*dport=7 .*\[ASSURED\]'

sleep 1000 | n1 socat - TCP:10.0.2.1:7,sourceport=4000 &
seen "an open connection" '^tcp .* ESTABLISHED .*sport=4000 dport=7 '
flush
unseen "flushed" 'sport=4000'

check_fails "a closed port refuses" \
	n1 socat - TCP:10.0.2.1:9,sourceport=4001 </dev/null
unseen "and leaves no entry" 'sport=4001'

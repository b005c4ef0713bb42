#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tracepoints: who came, changed and went, and why a packet was invalid, with
# the numbers that it was compared with.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

ours || { skip "trace" "is about ct"; DONE=1; exit 0; }

modprobe tun
topology
must_load
mkdir "$TMP/tracing"
mount -t tracefs none "$TMP/tracing"
TRACING=$TMP/tracing
export TRACING
echo 1 >"$TRACING/events/ct/enable"

raw <<'END'
TRACING = os.environ["TRACING"]
wire = Wire()
flush()


def events(act):
    """What act() brings about: (name, {word: value}) each."""
    with open(TRACING + "/trace", "w"):
        pass
    act()
    found = []
    with open(TRACING + "/trace") as f:
        for line in f:
            at = re.search(r": (new|update|destroy|evict|invalid): (.*)", line)
            if at:
                found.append((at[1], dict(re.findall(r"(\w+)=(\S+)", at[2]),
                                          line=at[2])))
    return found


def one(name, found):
    """The event of that name; {} and a failure unless there is just one."""
    them = [fields for kind, fields in found if kind == name]
    equal("one %s" % name, len(them), 1)
    return them[0] if len(them) == 1 else {}


def subset(name, fields, **wanted):
    equal(name, {k: fields.get(k) for k in wanted},
          {k: str(v) for k, v in wanted.items()})


talk = Talk(wire, 1234)
found = events(lambda: talk.step("a", "S"))
subset("who came", one("new", found), protocol=6,
       src="10.8.0.1:1234", dst="10.9.0.1:80", reply_src="10.9.0.1:80",
       reply_dst="10.8.0.1:1234", state=1, zone=0)
equal("nothing else", [kind for kind, _ in found], ["new"])

found = events(lambda: talk.step("b", "SA"))
last = [fields for kind, fields in found if kind == "update"][-1:]
check("an update, in state SYN_RECV", last and last[0]["state"] == "2",
      found)
talk.step("a", "A")
talk.step("a", "AP", b"x" * 10)
talk.step("b", "A")

# The server offered 65000, and has acknowledged 1011.
far = events(lambda: talk.step("a", "AP", b"x", seq=1011 + 200000))
fields = one("invalid", far)
subset("data past the window, its numbers and their bounds", fields,
       protocol=6, src="10.8.0.1:1234", dst="10.9.0.1:80", state=3,
       reason=22, seq=201011, end=201012,
       seq_high=1011 + 65000, ack=talk.next["b"], ack_high=talk.next["b"])
check("the reason in words",
      "data past the receiver's window" in fields.get("line", ""), fields)
check("its connection", fields.get("entry") not in ("0000000000000000", None,
                                                    "(null)"), fields)

unseen = events(lambda: talk.step("a", "A", ack=talk.next["b"] + 500))
subset("an acknowledgment of what was not sent",
       one("invalid", unseen), reason=23, ack=talk.next["b"] + 500,
       ack_high=talk.next["b"])

found = events(lambda: run("conntrack", "-D", "-p", "tcp"))
subset("who went", one("destroy", found), protocol=6,
       src="10.8.0.1:1234", state=3)

found = events(lambda: wire.pass_on(
    "a", udp_packet(A6, B6, 53, 5353, b"x", bad=True)))
subset("IPv6, without a connection", one("invalid", found), protocol=17,
       src="[fd00:8::1]:53", dst="[fd00:9::1]:5353", seq=0, reason=12)

short = ip(A4, B4, TCP, tcp(A4, B4, 4, 80, "S")[:3])
found = events(lambda: wire.pass_on("a", short))
subset("less than ports", one("invalid", found), protocol=6,
       src="10.8.0.1:0", reason=5)

# Destination options, longer than the packet: what comes after them is not known.
found = events(lambda: wire.pass_on(
    "a", ip(A6, B6, 60, b"\x06\xff" + bytes(6))))
subset("no transport header", one("invalid", found), protocol=255, reason=4)


def sctp(vtag, chunk):
    data = struct.pack("!HHII", 5000, 80, vtag, 0) + chunk
    return ip(A4, B4, 132, data[:8] + struct.pack("<I", crc32c(data)) +
              data[12:])


def init(tag):
    return struct.pack("!BBHIIHHI", 1, 0, 20, tag, 65536, 1, 1, 1)


wire.pass_on("a", sctp(0, init(77)))
found = events(lambda: wire.pass_on(
    "a", sctp(0xabcd, struct.pack("!BBH", 6, 0, 4))))
subset("a verification tag", one("invalid", found), protocol=132,
       tag="0xabcd", tag_wanted="0x0", reason=30)

# One zone a packet in the original direction, but the same answer: the second
# one is told apart only where it is confirmed, at INPUT or POSTROUTING.
flush()
run("nft", "add table ip zones")
run("nft", "add chain ip zones raw "
    "{ type filter hook prerouting priority -300; }")
for length, zone in ((9, 1), (10, 2)):
    run("nft", "add rule ip zones raw udp length %d ct original zone set %d" %
        (length, zone))
for name, host, hook in (("forwarded", B4, 4), ("to the host", "10.8.0.254", 1)):
    wire.pass_on("a", udp_packet(A4, host, 4000, 9, b"x"), wait=0.5)
    found = events(lambda: wire.pass_on(
        "a", udp_packet(A4, host, 4000, 9, b"xy"), wait=0.5))
    subset("a clash, %s" % name, one("invalid", found), protocol=17,
           src="10.8.0.1:4000", reason=19, hook=hook)
run("nft", "delete table ip zones")

flush()
with open("/proc/sys/net/netfilter/nf_conntrack_max", "w") as f:
    f.write("10")


def flood():
    for n in range(15):
        wire.pass_on("a", udp_packet(A4, B4, 2000 + n, 9, b"x"))


found = events(flood)
evicted = [f["src"] for kind, f in found if kind == "evict"]
equal("the oldest makes room", evicted[:2],
      ["10.8.0.1:2000", "10.8.0.1:2001"])
equal("for each one new", len(evicted), 5)
finish()
END
umount "$TRACING"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# DCCP by exact packets: who may send what when, and what is malformed. How the
# kernel's own DCCP talks is in t-protocols.
# seconds: 25
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe tun
topology
must_load

raw <<'END'
wire = Wire()
judged = wire.judged
DCCP = 33

(REQUEST, RESPONSE, DATA, ACK, DATAACK, CLOSEREQ, CLOSE, RESET, SYNC,
 SYNCACK) = range(10)

def dccp(side, port, kind, seq=1, ack=0, data=b"", long=True, doff=None,
         cscov=0, bad=False, cut=None):
    src, dst = (A4, B4) if side == "a" else (B4, A4)
    ports = (port, 80) if side == "a" else (80, port)
    if long:
        body = struct.pack("!BBHI", kind << 1 | 1, 0, seq >> 32,
                           seq & 0xffffffff)
        if kind not in (REQUEST, DATA):
            body += struct.pack("!HHI", 0, ack >> 32, ack & 0xffffffff)
    else:
        body = struct.pack("!BBH", kind << 1, seq >> 16 & 0xff, seq & 0xffff)
        if kind in (ACK, DATAACK):
            body += struct.pack("!I", ack & 0xffffff)
    if kind in (REQUEST, RESPONSE, RESET):
        body += b"code"
    words = 2 + len(body) // 4 if doff is None else doff
    segment = struct.pack("!HHBBH", *ports, words, cscov, 0) + body + data
    segment = segment[:cut]
    covered = 4 * (words + cscov - 1) if cscov else len(segment)
    pseudo = pack(src) + pack(dst) + struct.pack("!II", len(segment), DCCP)
    value = checksum(pseudo + segment[:covered]) ^ (0x5555 if bad else 0)
    return ip4(src, dst, DCCP,
               segment[:6] + struct.pack("!H", value) + segment[8:])

def line(port):
    return one_entry("dccp", A4, B4, port)

def phase(port):
    found = line(port)
    return found.state if found else None

STATES = "request respond partopen open closereq closing timewait".split()
for n, name in enumerate(STATES):
    sysctl("dccp_timeout_" + name, 1000 * (n + 7))

def reached(name, state, port=10):
    """That state, and its timeout."""
    found = line(port)
    equal(name, found and found.state, state)
    most = 1000 * (STATES.index(state.lower()) + 7)
    check("and its timeout is that of " + state,
          found and most - 900 < found.timeout <= most, found)

# The numbers are 48 bits long, and wrong ones differ in the highest.
C, S = 0xfedcba987654, 0x123456789abc
judged("Request", True, "a", dccp("a", 10, REQUEST, C))
reached("opens", "REQUEST")
judged("the client's Data before an answer", False, "a", dccp("a", 10, DATA))
judged("Response", True, "b", dccp("b", 10, RESPONSE, S, C))
reached("is noted", "RESPOND")
judged("the server's Ack before the client's", False, "b", dccp("b", 10, ACK))
judged("Ack", True, "a", dccp("a", 10, ACK, C + 1, S))
reached("comes next", "PARTOPEN")
check("and assures", line(10).assured, line(10))
judged("Data before it is open", False, "a", dccp("a", 10, DATA, C + 2))
judged("the server's Data", True, "b", dccp("b", 10, DATA, S + 1))
reached("makes it open", "OPEN")
judged("Data", True, "a", dccp("a", 10, DATA, C + 2, data=b"words"))
judged("of 24 bits", True, "a", dccp("a", 10, DATA, 5, long=False))
judged("Sync", True, "b", dccp("b", 10, SYNC, S, C))
judged("the client's CloseReq", False, "a", dccp("a", 10, CLOSEREQ, C + 3, S))
judged("the server's", True, "b", dccp("b", 10, CLOSEREQ, S + 2, C))
reached("is noted, too", "CLOSEREQ")
judged("Close", True, "a", dccp("a", 10, CLOSE, C + 3, S))
reached("closes", "CLOSING")
if ours():
    judged("Close again", True, "a", dccp("a", 10, CLOSE, C + 4, S))
judged("Reset", True, "b", dccp("b", 10, RESET, S + 3, C))
reached("ends it", "TIMEWAIT")
judged("Data after that", False, "a", dccp("a", 10, DATA, C + 5))
judged("a Request of the server", True, "b", dccp("b", 10, REQUEST, S + 9))
reached("opens it again", "REQUEST")
judged("answered by its server", True, "b", dccp("b", 10, RESPONSE, S, C))
reached("which is no answer", "REQUEST")
judged("answered by its client", True, "a", dccp("a", 10, RESPONSE, S, C))
reached("which is the server now", "RESPOND")

judged("a Request", True, "a", dccp("a", 11, REQUEST, C))
judged("its Response", True, "b", dccp("b", 11, RESPONSE, S, C))
judged("an Ack of another number", True, "a",
       dccp("a", 11, ACK, C, S ^ 1 << 47))
check("does not assure", not line(11).assured, line(11))
judged("a Request in the middle", True, "a", dccp("a", 11, REQUEST, 7))
equal("changes nothing", phase(11), "PARTOPEN")
judged("until it is answered", True, "b", dccp("b", 11, RESPONSE, 8, 7))
equal("then all begins anew", phase(11), "RESPOND")

judged("a Request that is refused", True, "a", dccp("a", 12, REQUEST, C))
judged("by a Reset", True, "b", dccp("b", 12, RESET, 0, C))
equal("leaves nothing", phase(12), None)

# dccp_loose is there, and does nothing.
for loose in 1, 0:
    sysctl("dccp_loose", loose)
    for kind in range(1, 10):
        judged("type %d of no connection, loose %d" % (kind, loose), False,
               "a", dccp("a", 13, kind, C, S))
judged("a Request, not loose", True, "a", dccp("a", 13, REQUEST, C))
sysctl("dccp_loose", 1)
judged("DCCP with a bad checksum", False, "a",
       dccp("a", 15, REQUEST, bad=True))
judged("a data offset of 2", False, "a", dccp("a", 15, REQUEST, doff=2))
judged("one past the end", False, "a", dccp("a", 15, REQUEST, doff=6))
judged("a type that does not exist", False, "a", dccp("a", 15, 10))
judged("a short Request", False, "a", dccp("a", 15, REQUEST, long=False))
judged("more covered than there is", False, "a",
       dccp("a", 15, REQUEST, cscov=3, data=b"data"))
equal("none of them opens", phase(15), None)
if ours():
    # Which nf_conntrack of 6.1 drops.
    judged("a part of a Request", False, "a",
           dccp("a", 15, REQUEST, doff=3, cut=19))
    for cscov in 1, 2:
        judged("%d words covered" % (cscov - 1), True, "a", dccp(
            "a", 15 + cscov, REQUEST, cscov=cscov, data=b"data"))
    damaged = dccp("a", 18, REQUEST, cscov=1, data=b"data")
    judged("damaged behind that", True, "a", damaged[:-1] + b"x")
    judged("damaged in that", False, "a", damaged[:-5] + b"xdata")
    # An acknowledgment number of 24 bits, and nothing behind it.
    judged("a Response", True, "b", dccp("b", 13, RESPONSE))
    judged("a short Ack", True, "a", dccp("a", 13, ACK, long=False))
    equal("is one", phase(13), "PARTOPEN")
finish()
END

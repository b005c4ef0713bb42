# SPDX-License-Identifier: GPL-2.0
"""Where ct differs on purpose: the rules of differences.md, as code.

A rule says of a packet, of what is known of its connection, and of both
answers, whether it explains the difference.
"""
import socket
import struct

INFO = {0: "ESTABLISHED", 1: "RELATED", 2: "NEW", 3: "ESTABLISHED reply",
        4: "RELATED reply", 7: "UNTRACKED"}
TCP_STATES = ("NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT "
              "LAST_ACK TIME_WAIT CLOSE SYN_SENT2").split()
SCTP_STATES = ("NONE CLOSED COOKIE_WAIT COOKIE_ECHOED ESTABLISHED "
               "SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT "
               "HEARTBEAT_SENT").split()
DCCP_STATES = ("NONE REQUEST RESPOND PARTOPEN OPEN CLOSEREQ CLOSING "
               "TIMEWAIT").split()
STATUS, PROTOINFO, TIMEOUT = 3, 4, 7
# In the place of what relates a packet to its connection.
UNTRACKED = 7
ICMP, TCP, DCCP, GRE, ICMPV6, SCTP, UDPLITE = 1, 6, 33, 47, 58, 132, 136
LIBERAL, MAXACK = 0x08, 0x20
SYN, RST = 2, 4
FRAGMENT, AH = 44, 51
EXTENSIONS = {0, 43, FRAGMENT, AH, 60}
DCCP_ACK, DCCP_DATAACK, DCCP_CLOSE = 3, 4, 6
# Chunks of SCTP
INIT, INIT_ACK, HEARTBEAT, SHUTDOWN, ERROR, COOKIE_ECHO = 1, 2, 4, 7, 9, 10
SHUTDOWN_ACK, SHUTDOWN_COMPLETE = 8, 14
# tcp_timeout_close, as the guest sets it: the shortest of all; and
# tcp_timeout_unacknowledged.
CLOSE_TIMEOUT, UNACK_TIMEOUT = 1, 9
# Bits of the status
SEEN_REPLY, CONFIRMED = 2, 8


def parse(line):
    """A line of answers: a list of (ctinfo or None, attributes by number)."""
    answers = []
    for part in line.split("|"):
        info, _, nest = part.strip().partition(" ")
        if info == "-":
            answers.append((None, {}))
        elif info == "u":
            answers.append((UNTRACKED, {}))
        elif info:
            answers.append((int(info), attributes(nest, 0)[0]))
    return answers


def attributes(nest, at):
    """1=HEX,2{...},... from there on; and where it ends."""
    found = {}
    while at < len(nest) and nest[at] != "}":
        if nest[at] == ",":
            at += 1
        end = at
        while nest[end].isdigit():
            end += 1
        number = int(nest[at:end])
        if nest[end] == "{":
            found[number], at = attributes(nest, end + 1)
            continue
        at = end + 1
        while end < len(nest) and nest[end] not in ",}":
            end += 1
        found[number] = nest[at:end]
        at = end
    return found, at + 1


def text(answers):
    """What was said, for people."""
    if not answers:
        return "dropped"
    out = []
    for info, ct in answers:
        if info is None:
            out.append("INVALID")
            continue
        words = [INFO.get(info, str(info))]
        for proto, nest in ct.get(PROTOINFO, {}).items():
            state = int(nest[1], 16)
            if proto == 1:
                words += [TCP_STATES[state], "scale %s/%s" % (
                    nest.get(2), nest.get(3)), "flags %s/%s" % (
                    nest.get(4, "")[:2], nest.get(5, "")[:2])]
            elif proto == 2:
                words += [DCCP_STATES[state], "role %s number %s" % (
                    nest.get(2), nest.get(3))]
            elif proto == 3:
                words += [SCTP_STATES[state], "tags %s/%s" % (
                    nest.get(2), nest.get(3))]
        words.append("status %#x" % int(ct.get(STATUS, "0"), 16))
        if TIMEOUT in ct:
            words.append("timeout %s" % ct[TIMEOUT])
        out.append(" ".join(words))
    return " | ".join(out)


class Packet:
    """What a rule wants to know of the bytes."""

    def __init__(self, data):
        self.src = self.dst = self.proto = None
        self.data = b""
        # Of a fragment: what it is one of, what that begins with, its place.
        self.whole, self.head, self.piece = None, b"", b""
        self.offset, self.more = 0, False
        # Of the only fragment of a packet: how far its number is from the end.
        self.ident_left = 0
        self.past_the_end = False
        # Of the same connection, see Flows.lose().
        self.lost = []
        if len(data) >= 20 and data[0] >> 4 == 4:
            length = (data[0] & 15) * 4
            self.src, self.dst, self.proto = data[12:16], data[16:20], data[9]
            self.data = data[length:]
            field = struct.unpack("!H", data[6:8])[0]
            self.is_piece(data[4:6], field << 3, field & 0x2000,
                          data[:6] + b"\0\0" + data[8:length], self.data)
        elif len(data) >= 40 and data[0] >> 4 == 6:
            self.src, self.dst, self.proto = data[8:24], data[24:40], data[6]
            self.data = data[40:]
            self.skip_extensions(data[:40])

    def is_piece(self, ident, offset, more, head, piece):
        if (offset & 0xfff8 or more) and self.whole is None:
            self.offset, self.more = offset & 0xfff8, bool(more)
            self.whole = self.src, self.dst, ident, self.proto
            self.head, self.piece = head, piece

    def skip_extensions(self, head):
        while self.proto in EXTENSIONS and len(self.data) >= (
                8 if self.proto == FRAGMENT else 2):
            kind, words = self.data[:2]
            if self.proto == FRAGMENT:
                field = struct.unpack("!H", self.data[2:4])[0]
                length = 8
                if not field & 0xfff9:
                    self.ident_left = len(self.data) - 4
                self.is_piece(self.data[4:8], field, field & 1,
                              head[:6] + bytes([kind]) + head[7:],
                              self.data[8:])
            elif self.proto == AH:
                length = 4 * words + 8
            else:
                length = 8 * words + 8
            self.past_the_end = length > len(self.data)
            self.proto, self.data = kind, self.data[length:]
            if self.offset:
                break
        if self.proto == FRAGMENT:
            self.past_the_end = True

    def ports(self):
        if len(self.data) < 4 or self.offset:
            return None
        return struct.unpack("!HH", self.data[:4])

    def flags(self):
        """TCP's, none of what is no TCP."""
        if self.proto != TCP or not self.ports() or len(self.data) < 14:
            return 0
        return self.data[13]

    def dccp(self):
        """DCCP's type and X bit, or None."""
        if self.proto != DCCP or not self.ports() or len(self.data) < 12:
            return None
        return self.data[8] >> 1 & 15, self.data[8] & 1

    def coverage(self):
        """DCCP's CsCov, 0 of what is no DCCP. A first fragment has it."""
        if self.proto != DCCP or not self.ports() or len(self.data) < 8:
            return 0
        return self.data[5] & 15

    def chunks(self):
        """SCTP's, by type; none of what is no SCTP."""
        found, at = [], 12
        while self.proto == SCTP and at + 4 <= len(self.data):
            kind, _, length = struct.unpack("!BBH", self.data[at:at + 4])
            if length < 4:
                break
            found.append(kind)
            at += (length + 3) & ~3
        return found

    def may_have(self, kind):
        """That chunk: of a fragment nobody knows."""
        return self.whole is not None or kind in self.chunks()

    def tag(self):
        return self.data[4:8].hex()

    def inner(self):
        """The packet that an ICMP error is about."""
        if self.proto in (ICMP, ICMPV6) and len(self.data) >= 28:
            return Packet(self.data[8:])
        return None

    def key(self):
        ports = self.ports() or (0, 0)
        ends = sorted([(self.src, ports[0]), (self.dst, ports[1])])
        return self.proto, tuple(ends)

    def __str__(self):
        if self.src is None:
            return "no IP"
        family = socket.AF_INET if len(self.src) == 4 else socket.AF_INET6
        words = ["protocol %s" % self.proto,
                 socket.inet_ntop(family, self.src), "->",
                 socket.inet_ntop(family, self.dst)]
        if self.ports():
            words.append("ports %d %d" % self.ports())
        if self.proto == TCP and len(self.data) >= 16:
            seq, ack, flags, window = struct.unpack("!IIxBH",
                                                    self.data[4:16])
            names = "".join(n for i, n in enumerate("FSRPAUEC")
                            if flags >> i & 1)
            words.append("%s seq %u ack %u win %u, %d octets" % (
                names or "-", seq, ack, window, len(self.data)))
        elif self.dccp():
            words.append("type %d X %d CsCov %d, %d octets" % (
                *self.dccp(), self.coverage(), len(self.data)))
        elif self.inner():
            words.append("type %d code %d about (%s)" % (
                self.data[0], self.data[1], self.inner()))
        return " ".join(words)


def flags(ct):
    """TCP's flags of both directions, or None."""
    nest = ct.get(PROTOINFO, {}).get(1)
    if not nest or 4 not in nest:
        return None
    return int(nest[4][:2], 16), int(nest[5][:2], 16)


def tuple_key(ct):
    """The connection of an answer, as Packet.key() has it."""
    ips, ports = ct[1][1], ct[1][2]
    src, dst = (ips[k] for k in ((1, 2) if 1 in ips else (3, 4)))
    ends = sorted([(bytes.fromhex(src), int(ports.get(2, "0"), 16)),
                   (bytes.fromhex(dst), int(ports.get(3, "0"), 16))])
    return int(ports[1], 16), tuple(ends)


def state(ct):
    """TCP's state, or None."""
    nest = ct.get(PROTOINFO, {}).get(1)
    return TCP_STATES[int(nest[1], 16)] if nest else None


def dccp_state(ct):
    nest = ct.get(PROTOINFO, {}).get(2)
    return DCCP_STATES[int(nest[1], 16)] if nest else None


def is_new(answers):
    """The first packet of a connection."""
    return any(info == 2 and not int(ct.get(STATUS, "0"), 16) & CONFIRMED
               for info, ct in answers)


def is_new_again(answers):
    """Another packet of a connection that saw no answer."""
    return len(answers) == 1 and answers[0][0] == 2 and not is_new(answers)


class Flows:
    """What was seen of each connection so far.

    A rule about a packet may leave the two trackers with different ideas of
    its connection: why[key] is that rule's name, and it explains what
    differs later, until both begin anew with the same packet. lost[key] are
    packets of it that were dropped behind the tracker: what was made of one
    shows later.
    """

    def __init__(self):
        self.why = {}
        self.lost = {}
        self.pieces = {}

    def put_together(self, packet):
        """The packet, or what its fragment is the last one of.

        A first fragment without all headers is not taken (RFC 8200, 4.5).
        """
        if packet.whole is None or packet.past_the_end:
            return packet
        pieces = self.pieces.setdefault(packet.whole, {})
        pieces[packet.offset] = packet
        data = b""
        while len(data) in pieces:
            piece = pieces[len(data)]
            data += piece.piece
            if not piece.piece or not piece.more:
                break
        else:
            return packet
        del self.pieces[packet.whole]
        return Packet(pieces[0].head + data)

    @staticmethod
    def key_of(ct):
        """Of an entry, as in @why and @lost."""
        return tuple_key(ct)

    def keys(self, packet, old, new):
        found = {self.key_of(ct) for _, ct in old + new if 1 in ct}
        if not found and packet.src is not None:
            found = {(packet.inner() or packet).key()}
        return found

    def lose(self, packet):
        """Of this packet, nothing came out with either tracker."""
        if packet.proto in (TCP, SCTP, DCCP) and packet.whole is None:
            self.lost.setdefault(packet.key(), []).append(packet)

    def note(self, packet, old, new):
        """Called before answers are compared."""
        keys = self.keys(packet, old, new)
        if is_new(old) and is_new(new):
            for key in keys:
                self.why.pop(key, None)
                self.lost.pop(key, None)
        packet.lost = [p for key in keys for p in self.lost.get(key, [])]
        for name, rule in ROOTS.items():
            if rule(packet, old, new):
                for key in keys:
                    self.why.setdefault(key, name)

    def explains(self, packet, old, new):
        for key in self.keys(packet, old, new):
            if key in self.why:
                return self.why[key]
        return None


def picked_up_near_zero(packet, old, new):
    """Both take up a connection in the middle; only nf_conntrack learns."""
    if not is_new(old) or not is_new(new):
        return False
    both = [flags(ct) for _, ct in old + new]
    if len(both) != 2 or None in both:
        return False
    if not all(f & LIBERAL for pair in both for f in pair):
        return False
    if not both[0][0] & MAXACK or both[1][0] & MAXACK:
        return False
    if len(packet.data) < 12 or not packet.ports():    # a fragment
        return True
    ack = struct.unpack("!I", packet.data[8:12])[0]
    return (-ack & 0xffffffff) <= 66000


def reset_then_syn(packet, old, new):
    """A SYN on a connection that was reset opens another one for ct."""
    return is_new(new) and not is_new(old) and any(
        state(ct) == "CLOSE" for _, ct in old)


def nothing_learned(packet, old, new):
    """An answer to a SYN that both call invalid, or let pass."""
    if not packet.flags() & SYN:
        return False
    return (all(info is None for info, _ in old + new) or
            any(state(ct) == "SYN_SENT" for _, ct in old + new))


def one_way(packet, old, new):
    """The client goes on, but no answer was seen."""
    if not is_new_again(new) or packet.flags() & (SYN | RST):
        return False
    return invalid(old) and state(new[0][1]) == "SYN_SENT"


def reset_in_doubt(packet, old, new):
    """A RST that awaits a challenge ACK: on 6.1, little time is left."""
    if not packet.flags() & RST or len(old) != 1 or len(new) != 1:
        return False
    if any(state(ct) != "ESTABLISHED" for _, ct in old + new):
        return False
    left = [int(ct[TIMEOUT]) for _, ct in old + new]
    return left[0] <= CLOSE_TIMEOUT < left[1]


def lost_reset(lost, name, ct):
    """The same, of a RST that was dropped behind the tracker."""
    most = CLOSE_TIMEOUT if name == "nf_conntrack" else UNACK_TIMEOUT
    return (state(ct) == "ESTABLISHED" and int(ct[TIMEOUT]) <= most and
            any(p.flags() & RST for p in lost))


def lost_one_way(lost, ct):
    """As one_way(), of a packet that was dropped behind the tracker."""
    return (state(ct) == "SYN_SENT" and
            not int(ct.get(STATUS, "0"), 16) & SEEN_REPLY and
            any(not p.flags() & SYN for p in lost))


def exthdr_past_the_end(packet, old, new):
    """An IPv6 extension header that is longer than the packet."""
    return packet.past_the_end and refused_by_new(new)


def refused_by_old(old, new):
    """Only nf_conntrack calls it invalid; or it waits for more fragments."""
    return (all(info is None for info, _ in old) and
            not any(info is None for info, _ in new))


def refused_by_new(new):
    """ct calls it invalid."""
    return bool(new) and all(info is None for info, _ in new)


def dccp_coverage(packet, old, new):
    """A checksum of a part: nf_conntrack takes another part."""
    words = packet.coverage() - 1
    if words < 0:
        return False
    return (refused_by_old(old, new) or
            (packet.data[4] + words) * 4 > len(packet.data) and
            refused_by_new(new))


def is_short_ack(packet):
    found = packet.dccp()
    return bool(found and found[0] in (DCCP_ACK, DCCP_DATAACK) and
                not found[1] and len(packet.data) < 20)


def dccp_short_ack(packet, old, new):
    """nf_conntrack reads 48 bits where there are 24, past the end."""
    if any(is_short_ack(p) for p in packet.lost) and old and new:
        return dccp_state(old[0][1]) != dccp_state(new[0][1])
    return is_short_ack(packet) and refused_by_old(old, new)


def dccp_close_again(packet, old, new):
    found = packet.dccp()
    return bool(found and found[0] == DCCP_CLOSE and new and
                refused_by_old(old, new) and
                all(dccp_state(ct) == "CLOSING" for _, ct in new))


def sctp(answers):
    """How a packet relates to an association, the state of that, and its tags
    by direction; of no association None."""
    if len(answers) != 1 or 3 not in answers[0][1].get(PROTOINFO, {}):
        return None
    nest = answers[0][1][PROTOINFO][3]
    return (answers[0][0], SCTP_STATES[int(nest[1], 16)],
            (nest.get(2), nest.get(3)))


def invalid(answers):
    return bool(answers) and all(info is None for info, _ in answers)


def sctp_offer(packet, old, new):
    """An INIT names another tag than the association has."""
    a, b = sctp(old), sctp(new)
    if not b or b[1] in ("NONE", "CLOSED", "HEARTBEAT_SENT"):
        return False
    if any(INIT in p.chunks() for p in packet.lost) and invalid(old):
        return packet.tag() == b[2][b[0] == 3]
    return (a is not None and a[1:] != b[1:] and
            any(p.may_have(INIT) for p in [packet] + packet.lost))


def sctp_late_answer(packet, old, new):
    """A second answer to an INIT, when the first one's cookie is echoed."""
    a = sctp(old)
    return (a is not None and invalid(new) and a[1] == "COOKIE_ECHOED" and
            packet.may_have(INIT_ACK))


def sctp_new_answer(packet, old, new):
    """An answer to an INIT that was sent again, with a tag of its own."""
    b = sctp(new)
    return (b is not None and invalid(old) and b[1] == "COOKIE_WAIT" and
            packet.may_have(INIT_ACK))


def sctp_old_shutdown(packet, old, new):
    """A SHUTDOWN ACK of an association before renews nothing of the next."""
    a, b = sctp(old), sctp(new)
    if not a or a != b or not packet.may_have(SHUTDOWN_ACK):
        return False
    left = [int(ct[TIMEOUT]) for _, ct in old + new if TIMEOUT in ct]
    return (len(left) == 2 and left[0] > left[1] and
            (packet.whole is not None or packet.tag() != a[2][a[0] == 3]))


def sctp_tag(packet, old, new):
    """Another tag than the association's, which one chunk may have, and another
    may not; or it has none, until a HEARTBEAT comes behind that."""
    a = sctp(old)
    if not a or not invalid(new) or INIT in packet.chunks():
        return False
    if HEARTBEAT in packet.chunks()[1:] and packet.chunks()[0] != HEARTBEAT:
        return True
    return packet.whole is not None or packet.tag() != a[2][a[0] == 3]


def lost_sctp_tag(lost, ct):
    """The same, of one that was dropped behind the tracker."""
    a = sctp([(0, ct)])
    return bool(a) and any(p.proto == SCTP and INIT not in p.chunks() and
                           p.tag() not in a[2] for p in lost)


def sctp_no_tag(packet, old, new):
    """A tag of zero, which is INIT's alone."""
    return (sctp(old) is not None and invalid(new) and
            INIT not in packet.chunks() and packet.tag() == "00000000")


def sctp_first(packet, old, new):
    """What no association begins with, in front of a HEARTBEAT."""
    return (sctp(old) is not None and is_new(old) and invalid(new) and
            packet.chunks()[:1] in ([INIT_ACK], [SHUTDOWN], [ERROR],
                                    [COOKIE_ECHO]))


def sctp_reverse_answer(packet, old, new):
    """An answer to who sent INIT in the reply direction; or, if that was
    dropped behind the tracker, the cookie that comes back."""
    a, b = sctp(old), sctp(new)
    if not a or not b or a[0] != b[0] or a[1] != "CLOSED":
        return False
    return ((packet.may_have(INIT_ACK) and a[0] != 3 and
             b[1] == "COOKIE_WAIT") or
            (a[2] == b[2] and b[1] == "COOKIE_WAIT" and
             any(INIT_ACK in p.chunks() for p in packet.lost)) or
            (packet.may_have(COOKIE_ECHO) and a[2] == b[2] and
             b[1] == "COOKIE_ECHOED"))


def lost_reverse_answer(lost, name, ct):
    """The same, of an answer that was dropped behind the tracker."""
    a = sctp([(0, ct)])
    return bool(a) and a[1] == ("CLOSED" if name == "nf_conntrack" else
                                "COOKIE_WAIT") and any(
        INIT_ACK in p.chunks() for p in lost)


def sctp_short_chunk(packet, old, new):
    """A chunk that is shorter than its own header."""
    at = 12
    while packet.proto == SCTP and at + 4 <= len(packet.data):
        length = struct.unpack("!H", packet.data[at + 2:at + 4])[0]
        if length < 4:
            return invalid(new) and not invalid(old)
        at += (length + 3) & ~3
    return False


def sctp_complete(packet, old, new):
    """SHUTDOWN COMPLETE with the tag of what it answers."""
    return (packet.may_have(SHUTDOWN_COMPLETE) and invalid(old) and
            bool(new) and not invalid(new))


def short_gre(packet):
    return packet.proto == GRE and packet.whole is None and (
        len(packet.data) < 4 or packet.data[1] & 7 == 1 and
        len(packet.data) < 8)


def gre_short(packet, old, new):
    """Too short for GRE."""
    return short_gre(packet) and invalid(new) and not invalid(old)


# What a difference may come from.
ROOTS = {
    "exthdr-past-the-end": exthdr_past_the_end,
    "sctp-late-answer": sctp_late_answer,
    "sctp-no-tag": sctp_no_tag,
    "sctp-first": sctp_first,
    "sctp-new-answer": sctp_new_answer,
    "sctp-old-shutdown": sctp_old_shutdown,
    "sctp-tag": sctp_tag,
    "sctp-reverse-answer": sctp_reverse_answer,
    "sctp-short-chunk": sctp_short_chunk,
    "sctp-complete": sctp_complete,
    "sctp-offer": sctp_offer,
    "gre-short": gre_short,
    "reset-in-doubt": reset_in_doubt,
    "one-way": one_way,
    "picked-up-near-zero": picked_up_near_zero,
    "reset-then-syn": reset_then_syn,
    "nothing-learned": nothing_learned,
    "dccp-coverage": dccp_coverage,
    "dccp-short-ack": dccp_short_ack,
    "dccp-close-again": dccp_close_again,
}


def udplite_checksum(packet, old, new):
    about = (packet.inner() or packet).proto
    return about == UDPLITE and all(info is None for info, _ in old)


def icmp_quotes_other_version(packet, old, new):
    """An error that quotes what is no packet of its own network protocol."""
    if packet.proto not in (ICMP, ICMPV6) or len(packet.data) < 28:
        return False
    version = 4 if packet.proto == ICMP else 6
    return packet.data[8] >> 4 != version and all(
        info is None for info, _ in new)


def router_discovery(packet, old, new):
    """Multicast routers are looked for: 6.1's nf_conntrack does not know that."""
    return (packet.proto == ICMPV6 and packet.data[:1] in (b"\x97", b"\x98") and
            invalid(old) and bool(new) and not invalid(new) and
            not any(ct for _, ct in new))


def dccp_cut_off(packet, old, new):
    """6.1's nf_conntrack drops what is too short for its type."""
    return (packet.proto == DCCP and not old and bool(new) and
            all(info is None for info, _ in new))


def explain(flows, packet, old, new):
    """The rule that explains a difference, or None."""
    if icmp_quotes_other_version(packet, old, new):
        return "icmp-quotes-other-version"
    if dccp_cut_off(packet, old, new):
        return "dccp-cut-off"
    if router_discovery(packet, old, new):
        return "router-discovery"
    if udplite_checksum(packet, old, new):
        return "udplite-checksum"
    about = packet.inner()
    if about and short_gre(about) and invalid(new):
        return "gre-short"
    if about and about.past_the_end and invalid(new):
        return "exthdr-past-the-end"
    return flows.explains(packet, old, new)


def explain_entry(flows, name, ct):
    """The same, of an entry that only the table of @name has like this."""
    if tuple_key(ct)[0] == UDPLITE:
        return "udplite-checksum"
    key = flows.key_of(ct)
    if key not in flows.why and key in flows.lost:
        if lost_reset(flows.lost[key], name, ct):
            return "reset-in-doubt"
        if lost_one_way(flows.lost[key], ct):
            return "one-way"
        if lost_reverse_answer(flows.lost[key], name, ct):
            return "sctp-reverse-answer"
        if lost_sctp_tag(flows.lost[key], ct):
            return "sctp-tag"
    return flows.why.get(key)

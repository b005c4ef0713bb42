#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: compare_nat.py FILE.pcap DIRECTORY [-v]

As compare.py, of packets that were translated: DIRECTORY has for each of the two
trackers what it said, and in NAME.wire what was sent and what came out (replay.c).

Which port a tracker chose, or which address of several, need not be the same:
what one made of a connection is then a name for what the other made of it, if the
rules allow both (translations.py), and from then on wherever it appears, in the
tables, in answers, in packets that ICMP errors quote. All else is compared octet by
octet; and a checksum is as right, or as wrong, as in the packet that was sent.
"""
import struct
import sys

from compare import Report, VERBOSE
from replay import packets
from rules import Packet, explain_entry, invalid, is_new, parse, text
from translations import (NatFlows, Translations, explain_answers, explain_out,
                          get_tuple, put_together, show, tuple_of)


class Wire:
    """What was sent of each packet, and what came out."""

    def __init__(self, name):
        self.file = open(name, "rb")
        self.file.read(24)
        self.ahead = self.record()

    def record(self):
        head = self.file.read(16)
        if len(head) < 16:
            return None
        count, kind, length, _ = struct.unpack("<IIII", head)
        return count, kind, self.file.read(length)

    def of(self, count):
        """(side, packet) that was sent, and a list of such that came out."""
        _, side, sent = self.ahead
        out = []
        while (record := self.record()) and record[0] == count:
            out.append((record[1] - 2, record[2]))
        self.ahead = record
        return (side, sent), out


def freeze(ct):
    return tuple(sorted((k, freeze(v) if isinstance(v, dict) else v)
                        for k, v in ct.items()))


def compare_tables(flows, nat, report, count, line, line2):
    old, new = ({freeze(ct): ct for ct in entries} for entries in (
        [nat.as_new(parse("0 " + word)[0][1]) for word in line.split()[1:]],
        [parse("0 " + word)[0][1] for word in line2.split()[1:]]))
    for name, entries in (
            ("nf_conntrack", [ct for k, ct in old.items() if k not in new]),
            ("ct", [ct for k, ct in new.items() if k not in old])):
        for ct in entries:
            report.add(explain_entry(flows, name, ct),
                       "table after packet %d:" % count,
                       "%s alone: %s" % (name, nat.show_entry(ct)),
                       text([(0, ct)]))


def main():
    name, directory = sys.argv[1:3]
    nat = Translations()
    flows = NatFlows()
    report = Report(10 ** 9 if "-v" in sys.argv else VERBOSE)
    count = tables = 0
    stream = packets(name)
    old_wire = Wire(directory + "/nf_conntrack.wire")
    new_wire = Wire(directory + "/ct.wire")
    with open(directory + "/nf_conntrack") as old_file, \
            open(directory + "/ct") as new_file:
        for line, line2 in zip(old_file, new_file, strict=True):
            if line[0] == "T" and line2[0] == "T":
                tables += 1
                if line != line2:
                    compare_tables(flows, nat, report, count, line, line2)
                continue
            count += 1
            data = next(stream)[1]
            packet = flows.put_together(Packet(data))
            old_sent, old_out = old_wire.of(count)
            new_sent, new_out = new_wire.of(count)
            same = old_sent == new_sent and old_out == new_out
            if line == line2 == "\n":
                flows.lose(packet)
                if same:
                    continue
            old, new = parse(line), parse(line2)
            nat.begin(packet, old_sent, new_sent, old, new)
            told = [(info, nat.as_new(ct)) for info, ct in old]
            flows.note(packet, told, new)
            if told != new:
                report.add(explain_answers(flows, packet, told, new),
                           "packet %d: %s" % (count, packet),
                           "nf_conntrack: %s" % text(told),
                           "ct:           %s" % text(new),
                           *[nat.show_entry(ct) for _, ct in told + new if ct])
            old_out, new_out = put_together(old_out), put_together(new_out)
            valid = [bool(answers) and not invalid(answers)
                     for answers in (old, new)]
            whole = None
            if old_sent[1] == new_sent[1] == data and Packet(data).whole:
                whole = tuple_of(packet)
                if is_new(old) and is_new(new) and old[0][1][1] == new[0][1][1]:
                    whole = get_tuple(old[0][1][1])
            wrong = nat.compare(old_sent, new_sent, old_out, new_out, *valid,
                                whole)
            if wrong:
                report.add(explain_out(flows, nat, packet, new_sent, told, new,
                                       old_out, new_out),
                           "packet %d: %s: %s" % (count, wrong, packet),
                           "said:         %s / %s" % (text(told), text(new)),
                           "nf_conntrack: %s" % show(old_sent, old_out),
                           "ct:           %s" % show(new_sent, new_out))
            for rule in nat.take_rules():
                report.add(rule)
    missing = sum(1 for _ in stream)
    why = report.why
    unexplained = why.pop(None, 0)
    for rule, n in why.most_common():
        print("%7d by rule %s" % (n, rule))
    explained = sum(why.values())
    print("%d packets, %d translated, %d tables, %d differences: "
          "%d explained, %d not" %
          (count, nat.translated, tables, explained + unexplained, explained,
           unexplained))
    if missing:
        print("%d packets were not answered" % missing)
    sys.exit(1 if unexplained or missing or not nat.translated else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: compare.py FILE.pcap ANSWERS-OF-NF_CONNTRACK ANSWERS-OF-CT [-v]

Compare what two trackers said of the same packets (replay.c), and their tables
whenever time passed. Ends with a line "N packets, T tables, D differences: E
explained, U not"; status 1 if U is not 0.
"""
import collections
import sys

from replay import packets
from rules import SYN, Flows, Packet, explain, explain_entry, parse, text

VERBOSE = 20


class Report:
    def __init__(self, most):
        self.most = most
        self.why = collections.Counter()
        self.shown = 0

    def add(self, rule, *lines):
        self.why[rule] += 1
        if rule is None and self.shown < self.most:
            self.shown += 1
            print("\n  ".join(lines))


def compare_tables(flows, report, count, line, line2):
    """Whole tables, one of which has what the other has not."""
    old, new = set(line.split()), set(line2.split())
    for name, entries in (("nf_conntrack", old - new), ("ct", new - old)):
        for entry in sorted(entries):
            answers = parse("0 " + entry)
            report.add(explain_entry(flows, name, answers[0][1]),
                       "table after packet %d:" % count,
                       "%s alone: %s" % (name, entry),
                       text(answers))


def main():
    name, old_name, new_name = sys.argv[1:4]
    flows = Flows()
    report = Report(10 ** 9 if "-v" in sys.argv else VERBOSE)
    count = tables = 0
    stream = packets(name)
    with open(old_name) as old_file, open(new_name) as new_file:
        for line, line2 in zip(old_file, new_file, strict=True):
            if line[0] == "T" and line2[0] == "T":
                tables += 1
                if line != line2:
                    compare_tables(flows, report, count, line, line2)
                continue
            count += 1
            packet = flows.put_together(Packet(next(stream)[1]))
            if line == line2 == "\n":
                flows.lose(packet)
                continue
            # Nothing to be learned from most of them.
            if line == line2 and not packet.flags() & SYN and not (
                    flows.why and line.startswith("2 ")):
                continue
            old, new = parse(line), parse(line2)
            flows.note(packet, old, new)
            if line != line2:
                report.add(explain(flows, packet, old, new),
                           "packet %d: %s" % (count, packet),
                           "nf_conntrack: %s" % text(old),
                           "ct:           %s" % text(new))
    missing = sum(1 for _ in stream)
    why = report.why
    unexplained = why.pop(None, 0)
    for rule, n in why.most_common():
        print("%7d by rule %s" % (n, rule))
    explained = sum(why.values())
    print("%d packets, %d tables, %d differences: %d explained, %d not" %
          (count, tables, explained + unexplained, explained, unexplained))
    if missing:
        print("%d packets were not answered" % missing)
    sys.exit(1 if unexplained or missing or not count else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: compare.py CASES ANSWERS-OF-NF_CONNTRACK ANSWERS-OF-CT KERNEL [-v]

Compare what two trackers said of the same messages (netlink.py, send.c) and
their tables after each datagram. Ends with a line "N messages, D differences: E
explained, U not"; status 1 if U is not 0, or if ct refused a message without a
word of why.
"""
import collections
import errno
import os
import struct
import sys

import rules

SHOWN = 25
# Errors that say it all.
CLEAR = (errno.ENOENT, errno.EEXIST)


def datagrams(name):
    """Each datagram; b"" before those of a new case."""
    with open(name, "rb") as f:
        while head := f.read(4):
            yield f.read(struct.unpack("=I", head)[0])


def errors(line):
    """Errors by the number of the message, and who got no word of why."""
    found, silent = {}, set()
    for word in line.partition(" : ")[0].split("|"):
        seq, _, what = word.strip().partition("=")
        if what.endswith("?"):
            silent.add(int(seq))
            what = what[:-1]
        if seq:
            found[int(seq)] = 0 if what == "done" else int(what)
    return found, silent


def name_of(number):
    return errno.errorcode.get(number, str(number)) if number else "ok"


def undocumented():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "differences.md")) as f:
        told = {line[3:].strip() for line in f if line.startswith("## ")}
    return {rule.__name__.replace("_", "-") for rule in rules.RULES} ^ told


class Report:
    def __init__(self, most):
        self.most, self.count, self.silent = most, 0, 0
        self.why = collections.Counter()

    def show(self, *lines):
        if self.most > 0:
            self.most -= 1
            print("\n    ".join(lines))

    def differ(self, event, where):
        why = rules.explain(event)
        self.why[why] += 1
        if why is None:
            self.show("%s: no rule explains" % where, *event.lines())

    def wordless(self, event, where):
        for request in event.requests:
            error = event.new_errors.get(request.seq)
            # It is netlink that has one dump at a time.
            if error == errno.EBUSY and request.lists():
                continue
            if (request.seq in event.silent and request.ours() and
                    error not in CLEAR):
                self.silent += 1
                self.show("%s: %s, and not a word of why" % (
                    where, name_of(event.new_errors[request.seq])),
                    str(request))


class Event:
    """A datagram, what both said of it, and the tables before and after."""
    def __init__(self, data, before, old, new, kernel):
        self.requests = rules.requests(data)
        self.kernel, self.before = kernel, before
        self.old_errors = errors(old[0])[0]
        self.new_errors, self.silent = errors(new[0])
        self.old_answers = old[0].partition(" : ")[2]
        self.new_answers = new[0].partition(" : ")[2]
        self.old_table = before if old[1] == "=" else old[1]
        self.new_table = before if new[1] == "=" else new[1]

    def same_answers(self):
        return self.old_answers == self.new_answers

    def lines(self):
        out = [str(r) for r in self.requests]
        for who, errs, answers, table in (
                ("nf_conntrack", self.old_errors, self.old_answers,
                 self.old_table),
                ("ct", self.new_errors, self.new_answers, self.new_table)):
            out.append("%s: %s" % (who, ", ".join(
                "%d %s" % (s, name_of(e)) for s, e in errs.items())))
            if not self.same_answers():
                out.append("  answers " + answers)
            if self.old_table != self.new_table:
                out.append("  table " + table.replace("|", "\n          "))
        return out


def compare(cases, old_file, new_file, kernel, report):
    before, lost = "", False
    for number, data in enumerate(datagrams(cases)):
        if not data:
            before, lost = "", False
            if next(old_file) != "case\n" or next(new_file) != "case\n":
                sys.exit("answers to other cases")
            continue
        old = [next(old_file)[:-1], next(old_file)[:-1]]
        new = [next(new_file)[:-1], next(new_file)[:-1]]
        if lost:
            continue
        event = Event(data, before, old, new, kernel)
        report.count += len(event.requests)
        report.wordless(event, "datagram %d" % number)
        same = event.old_table == event.new_table
        if not (same and event.same_answers() and
                event.old_errors == event.new_errors):
            report.differ(event, "datagram %d" % number)
        # From two tables, nothing the same can come.
        lost = not same
        before = event.old_table


def main():
    cases, old_name, new_name, kernel = sys.argv[1:5]
    for rule in undocumented():
        sys.exit("%s: a rule, or in differences.md, but not both" % rule)
    report = Report(10 ** 9 if "-v" in sys.argv else SHOWN)
    with open(old_name) as old_file, open(new_name) as new_file:
        compare(cases, old_file, new_file, kernel, report)
    unexplained = report.why.pop(None, 0)
    explained = sum(report.why.values())
    for why, n in report.why.most_common():
        print("%7d by rule %s" % (n, why))
    if report.silent:
        print("%d refused without a word of why" % report.silent)
    print("%d messages, %d differences: %d explained, %d not" %
          (report.count, explained + unexplained, explained, unexplained))
    sys.exit(1 if unexplained or report.silent or not report.count else 0)


if __name__ == "__main__":
    main()

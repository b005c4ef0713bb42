#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: compare.py FILE.pcap ANSWERS-OF-NF_CONNTRACK ANSWERS-OF-CT [-v]

Compare what two trackers said of the same packets (replay.py). Ends with a
line "N packets, D differences: E explained, U not"; status 1 if U is not 0.
"""
import collections
import json
import sys

from replay import TIMEOUT, packets
from rules import Flows, Packet, explain, text

VERBOSE = 20


def said(line):
    return [(info, {int(k): v for k, v in ct.items()}) for info, ct in
            json.loads(line)]


# Of timeouts that the guest sets 10,000 s apart: what passes during a run.
SECONDS = 4000


def same(old, new):
    """Equal, but for the time at which they were asked."""
    if len(old) != len(new):
        return False
    for (info, a), (info2, b) in zip(old, new):
        a, b = dict(a), dict(b)
        ta, tb = a.pop(TIMEOUT, None), b.pop(TIMEOUT, None)
        if info != info2 or a != b or (ta is None) != (tb is None):
            return False
        if ta is not None and abs(int(ta, 16) - int(tb, 16)) > SECONDS:
            return False
    return True


def main():
    name, old_name, new_name = sys.argv[1:4]
    most = 10 ** 9 if "-v" in sys.argv else VERBOSE
    flows = Flows()
    count = different = shown = 0
    why = collections.Counter()
    with open(old_name) as old_file, open(new_name) as new_file:
        for (_, packet), line, line2 in zip(packets(name), old_file, new_file):
            count += 1
            old, new, packet = said(line), said(line2), Packet(packet)
            flows.note(packet, old, new)
            if same(old, new):
                continue
            different += 1
            rule = explain(flows, packet, old, new)
            why[rule] += 1
            if rule is None and shown < most:
                shown += 1
                print("packet %d: %s" % (count, packet))
                print("  nf_conntrack: %s" % text(old))
                print("  ct:           %s" % text(new))
    unexplained = why.pop(None, 0)
    for rule, n in why.most_common():
        print("%7d by rule %s" % (n, rule))
    print("%d packets, %d differences: %d explained, %d not" %
          (count, different, different - unexplained, unexplained))
    sys.exit(1 if unexplained or not count else 0)


if __name__ == "__main__":
    main()

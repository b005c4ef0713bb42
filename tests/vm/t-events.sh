#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Events, and who does not read them: nobody else waits, gets anything twice or
# misses anything; what one reads later is there, in order; what is lost is
# counted.
# seconds: 60
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

BURST=${BURST:-20000}
[ "${CT_QUICK:-0}" = 0 ] || BURST=8000
[ "${CT_SLOW:-1}" = 1 ] || BURST=2000

topology
must_load
sysctl -qw net.netfilter.nf_conntrack_max=300000
ours && n0 sysctl -qw net.netfilter.nf_conntrack_max=300000

cat >"$TMP/events.py" <<'END'
import collections, json, subprocess, threading, time

S = Socket()


class Listener(Socket):
    """Reads only when told to, and keeps what came."""

    def __init__(self, size, *groups, insists=False, all_nsid=False):
        super().__init__(*groups)
        self.s.setsockopt(socket.SOL_SOCKET, 33, size)  # SO_RCVBUFFORCE
        if insists:
            self.option(BROADCAST_ERROR, 1)
        if all_nsid:
            self.option(8, 1)
        self.got, self.told = [], 0

    def take(self, timeout=0.5, most=1 << 30):
        """Returns when nothing comes for so long."""
        while most > 0:
            try:
                found = self.read(timeout)
            except OSError as e:
                if e.errno != errno.ENOBUFS:
                    raise
                self.told += 1
                continue
            if not found:
                return
            self.got += found
            most -= 1

    def of(self, kind):
        return [m.key() for m in self.got
                if m.kind == kind and (kind != NEW or m.flags & CREATE)]


def make(first, last):
    """Entries, and their keys in order."""
    for n in range(first, last):
        a = S.ask(NEW, numbered(n) + be32(TIMEOUT, 600), ACK | CREATE | EXCL)
        if a.error:
            raise OSError(a.error, "entry %d" % n)
    return [parse(numbered(n))[0][1] for n in range(first, last)]


def stats():
    return json.loads(subprocess.run(["ctctl", "stats", "-j"],
                                     stdout=subprocess.PIPE).stdout)


def ends(l):
    l.s.close()
END

events()
{
	cat "$TMP/events.py" - | nl
}

# --- One that never reads ---

events <<'END'
reader = Listener(8 << 20, GROUP_NEW, GROUP_DESTROY)
stuck = Listener(2304, GROUP_NEW, GROUP_DESTROY, insists=True)
wanted = make(0, 300)
reader.take()
equal("beside one that never reads: every NEW once, in order",
      reader.of(NEW), wanted)
S.ask(DELETE)
reader.take()
equal("every DESTROY once", (len(reader.of(DELETE)),
      set(reader.of(DELETE)) == set(wanted)), (300, True))
if ours():
    lost = stats()["events_lost"]
    check("what waits for the other is shown", stats()["events_waiting"] > 0,
          stats())
    stuck.take()
    equal("it gets all when it reads at last", (stuck.of(NEW), lost),
          (wanted, 0))
    equal("nothing waits then", stats()["events_waiting"], 0)
equal("and the first one nothing more", len(reader.got), 600)
END

# --- Many, each at its own pace ---

events <<'END'
if ours():
    many = [Listener(4096 << n, GROUP_NEW, GROUP_DESTROY, insists=n % 2 == 0)
            for n in range(5)]
    stuck = Listener(2304, GROUP_NEW)
    wanted = []
    for turn in range(8):
        wanted += make(turn * 250, turn * 250 + 250)
        for n, l in enumerate(many):
            if turn % (n + 1) == 0:
                l.take(0.02, n + 1)
    S.ask(DELETE)
    for l in many:
        l.take()
    for n, l in enumerate(many):
        equal("listener %d: every NEW once, in order" % n, l.of(NEW), wanted)
        equal("listener %d: every DESTROY once" % n,
              (len(l.of(DELETE)), set(l.of(DELETE)) == set(wanted)),
              (2000, True))
        before = [m.kind for m in l.got]
        equal("listener %d: NEW before DESTROY" % n, before.index(DELETE),
              2000)
    equal("nobody of them was told of losses", sum(l.told for l in many), 0)
    stuck.s.close()
    time.sleep(0.2)
    equal("what waits for one that is closed goes with it",
          stats()["events_waiting"], 0)
END

# --- One that leaves while something waits for it ---

events <<'END'
if ours():
    l = Listener(2304, GROUP_NEW)
    make(0, 200)
    check("something waits", stats()["events_waiting"] > 0)
    l.option(2, GROUP_NEW)      # NETLINK_DROP_MEMBERSHIP
    l.take()
    check("no longer subscribed, it gets what was queued and no more",
          len(l.got) < 100, len(l.got))
    equal("nothing is held", stats()["events_waiting"], 0)
S.ask(DELETE)
END

# --- One whose filter lets nothing through ---

events <<'END'
if ours():
    import ctypes
    l = Listener(2304, GROUP_NEW)
    make(0, 100)
    nothing = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0))
    l.s.setsockopt(socket.SOL_SOCKET, 26,       # SO_ATTACH_FILTER
                   struct.pack("@HP", 1, ctypes.addressof(nothing)))
    lost = stats()["events_lost"]
    l.take()
    end = time.monotonic() + 600
    while stats()["events_waiting"] and time.monotonic() < end:
        time.sleep(0.1)
    equal("what its own filter refuses is not held for it, nor lost",
          (stats()["events_waiting"], stats()["events_lost"]), (0, lost))
    l.s.setsockopt(socket.SOL_SOCKET, 27, 0)    # SO_DETACH_FILTER
    l.got = []
    more = make(100, 150)
    l.take()
    equal("without the filter it gets all again", l.of(NEW), more)
S.ask(DELETE)
END

# --- One that has no port ---

events <<'END'
quiet = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
quiet.setsockopt(270, 1, GROUP_NEW)
other = Listener(8 << 20, GROUP_NEW)
a = S.ask(NEW, numbered(1) + be32(TIMEOUT, 600), ACK | CREATE | EXCL | 8)
other.take()
equal("an echo beside a listener without a port", (a.error, len(other.got)),
      (0, 1))
S.ask(DELETE)
END

# --- What is lost is told and counted ---

events <<'END'
if ours():
    before = stats()["events_lost"]
    stuck = Listener(2304, GROUP_NEW)
    reader = Listener(8 << 20, GROUP_NEW)
    wanted = make(0, 500)
    end = time.time() + 30
    while stats()["events_waiting"] and time.time() < end:
        time.sleep(0.5)
    wanted += make(500, 600)
    reader.take()
    equal("after ten seconds nothing is held for one that never reads",
          stats()["events_waiting"], 0)
    lost = stats()["events_lost"] - before
    stuck.take()
    equal("what it lost is counted", lost, 600 - len(stuck.got))
    check("some was", lost > 400, lost)
    equal("it was told", stuck.told, 1)
    equal("the other has all of it", reader.of(NEW), wanted)
    stuck.got = []
    more = make(600, 700)
    stuck.take()
    reader.take()
    equal("when it reads again it gets all again", stuck.of(NEW), more)
    equal("nothing more is counted", stats()["events_lost"] - before, lost)
S.ask(DELETE)
END

# --- Who listens in another namespace ---

if ours && ip netns set n0 7; then
	{
		cat "$TMP/events.py"
		cat <<-'END'
		foreign = Listener(8 << 20, GROUP_NEW, all_nsid=True)
		other = Listener(8 << 20, GROUP_NEW)
		print("ready", flush=True)
		sys.stdin2.readline()
		foreign.take()
		other.take()
		print(len(foreign.of(NEW)), len(other.of(NEW)),
		      len(set(foreign.of(NEW))))
		END
	} >"$TMP/foreign.py"
	mkfifo "$TMP/go"
	PYTHONPATH=$HERE python3 -c '
import sys
from nl import *
sys.stdin2 = sys.stdin
exec(compile(open(sys.argv[1]).read(), "test", "exec"))
' "$TMP/foreign.py" <"$TMP/go" >"$TMP/foreign" &
	exec 4>"$TMP/go"
	until_true grep -q ready "$TMP/foreign"
	events <<-'END'
	own = Listener(8 << 20, GROUP_NEW)
	wanted = make(0, 200)
	own.take()
	equal("beside one of another namespace", own.of(NEW), wanted)
	S.ask(DELETE)
	END
	echo go >&4
	exec 4>&-
	until_true grep -q '^[0-9]' "$TMP/foreign"
	is "who listens to all namespaces hears of it, another one does not" \
		"$(tail -n 1 "$TMP/foreign")" "200 0 200"
fi

# --- One whose end is not announced ---

# It has a port that another one is bound to, and so is not bound, but subscribed.
if ours; then
	ip netns add brief
	ip link add name inside netns brief type veth peer name outside
	ip netns exec brief nft -f - <<-'END'
	table ip t {
		chain c {
			type filter hook input priority 0
			ct state new
		}
	}
	END
	ip netns exec brief python3 - <<-'END' >"$TMP/brief"
	import os
	from nl import *
	S = Socket()
	first = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
	first.bind((7777, 0))
	second = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
	try:
	    second.bind((7777, 0))
	except OSError as e:
	    print(e.errno == errno.EADDRINUSE)
	second.setsockopt(270, 1, GROUP_NEW)
	print(S.ask(NEW, numbered(1) + be32(TIMEOUT, 600),
	            ACK | CREATE | EXCL).error)
	END
	ip netns del brief
	is "a listener that has another's port" "$(tr '\n' ' ' <"$TMP/brief")" \
		"True 0 "
	ticks=0
	while ip link show outside >"$TMP/link" 2>&1 && [ $ticks -lt 100 ]; do
		sleep 1
		ticks=$((ticks + 1))
	done
	check "does not keep its namespace" test $ticks -lt 100
fi

# --- A burst ---

flush
ip netns exec n0 timeout 300 stdbuf -oL conntrack -E -b 212992 -e NEW -p udp \
	>"$TMP/burst" 2>"$TMP/burst.err" &
sleep 1
n1 taskset 1 python3 - "$BURST" <<'END'
import socket, sys, time
u = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(1 + int(sys.argv[1]) // 60000)]
start = time.time()
for i in range(int(sys.argv[1])):
    try:
        u[i // 60000].sendto(b"x", ("10.0.2.1", 1024 + i % 60000))
    except OSError:
        pass
print("# %d datagrams in %.2f s" % (int(sys.argv[1]), time.time() - start))
END
last=
until [ "$last" = "$(wc -l <"$TMP/burst")" ]; do
	last=$(wc -l <"$TMP/burst")
	sleep 2
done
made=$(n0 conntrack -C)
echo "# of $made new connections conntrack -E got $last"
ours && n0 ctctl stats | sed -n 's/^events/# &/p'
if ours; then
	check "a burst: nearly all of it" test "$last" -ge $((made * 95 / 100))
	sed -n 's/.* sport=\([0-9]*\) dport=\([0-9]*\) \[UNR.*/\1 \2/p' \
		"$TMP/burst" >"$TMP/order"
	is "in order" "$(awk '$1 != s { s = $1; n++; p = 0 }
		$2 <= p { bad++ } { p = $2 } END { print bad + 0 }' "$TMP/order")" 0
	is "none twice" "$(sort "$TMP/order" | uniq -d | wc -l)" 0
fi

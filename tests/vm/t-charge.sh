#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the namespaces of a user hold is charged to his memory cgroup: entries
# that his packets make, sent or received, that he makes by netlink, and the table;
# also of a namespace that was there before ct, and no more than the cgroup may have.
# seconds: 70
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
ours || { skip "charging" "is about ct"; DONE=1; exit 0; }

cgroup=/sys/fs/cgroup
if ! echo +memory >$cgroup/cgroup.subtree_control; then
	skip "charging" "there is no memory controller"
	DONE=1
	exit 0
fi

# In namespaces of his own, nobody makes entries: in which way, how many; then says
# so and waits. With the name of a file, that is waited for when the namespaces are
# there: before there is ct.
cat >"$TMP/user.py" <<'END'
import ctypes, os, signal, socket, struct, subprocess, sys, time
import nft
way, many = sys.argv[1], int(sys.argv[2])
go = sys.argv[3] if len(sys.argv) > 3 else None

def run(*command):
    subprocess.run(command, check=True)

def written(path, text):
    with open(path, "w") as f:
        f.write(text)

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
libc = ctypes.CDLL(None)
if way != "host":
    assert libc.unshare(0x50000000) == 0
    libc.prctl(4, 1, 0, 0, 0)
    written("/proc/self/setgroups", "deny")
    written("/proc/self/uid_map", "0 65534 1")
    written("/proc/self/gid_map", "0 65534 1")
    run("ip", "link", "set", "lo", "up")

def made():
    """The namespaces are there, and whatever else comes before the entries."""
    if go:
        print("made", flush=True)
        while not os.path.exists(go):
            time.sleep(0.1)
    # However slow the machine is, none is gone before all are there.
    if way != "host":
        written("/proc/sys/net/netfilter/nf_conntrack_udp_timeout", "3600")

def sent():
    made()
    send_all()

def send_all():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for n in range(many):
        s.sendto(b"x", ("127.1.%d.%d" % (n >> 8, n & 255), 9))

def wire():
    run("ip", "link", "add", "veth1", "type", "veth", "peer", "name", "veth2")
    run("ip", "link", "set", "veth2", "address", "02:00:00:00:00:0b")
    run("ip", "addr", "add", "10.7.0.1/16", "dev", "veth2")
    run("ip", "link", "set", "veth1", "up")
    run("ip", "link", "set", "veth2", "up")
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("10.7.0.1", 9))
    mac = bytes([2, 0, 0, 0, 0, 11])
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("veth1", 0))
    return server, s, mac

def receive_all(server, s, mac):
    for n in range(many):
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 29, 0, 0, 64, 17, 0,
                           bytes([10, 7, 1 + (n >> 8), n & 255]),
                           bytes([10, 7, 0, 1]))
        check = sum(struct.unpack("!10H", head))
        check = ~((check & 0xffff) + (check >> 16)) & 0xffff
        head = head[:10] + struct.pack("!H", check) + head[12:]
        s.send(mac + bytes(6) + b"\x08\0" + head +
               struct.pack("!HHHH", 1000, 9, 9, 0) + b"x")

def received():
    there = wire()
    made()
    receive_all(*there)

# Of the namespace nobody knows who made it.

def asked():
    there = wire()
    made()
    run("nft", "table ip t { chain c { type filter hook input priority 0; "
        "ct state new; }; }")
    receive_all(*there)

def asked_from_outside():
    there = wire()
    tables = nft.Tables()
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    made()
    assert libc.unshare(0x40000000) == 0
    error = tables.batch(
        (nft.NEWTABLE, nft.CREATE, nft.IP, nft.text(1, "t")),
        (nft.NEWCHAIN, nft.CREATE, nft.IP, nft.text(1, "t") + nft.text(3, "c")),
        nft.rule(nft.IP, nft.get(nft.STATE)))
    assert not error, error
    receive_all(*there)
    assert libc.setns(here, 0) == 0

def opened():
    there = wire()
    made()
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
        b"x", ("127.0.0.1", 9))
    receive_all(*there)

def attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)

def ends(kind, source, to, sport, dport):
    return attr(kind | 0x8000,
                attr(0x8001, attr(1, source) + attr(2, to)) +
                attr(0x8002, attr(1, b"\x11") + attr(2, sport) + attr(3, dport)))

def by_netlink():
    made()
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    here = bytes([10, 255, 0, 1])
    for n in range(many):
        there = struct.pack("!I", 0x0a000000 + n)
        body = (struct.pack("!BBH", 2, 0, 0) +
                ends(1, there, here, b"\0\1", b"\0\2") +
                ends(2, here, there, b"\0\2", b"\0\1") +
                attr(3, struct.pack("!I", 14)) +
                attr(7, struct.pack("!I", 86400)) +
                attr(22, bytes([1] * 16)))
        s.send(struct.pack("=IHHII", 16 + len(body), 1 << 8, 0x605, n, 0) + body)
        # An answer has the error, 0 if there was none.
        assert struct.unpack_from("=i", s.recv(4096), 16)[0] == 0

{"sent": sent, "host": sent, "received": received, "netlink": by_netlink,
 "asked": asked, "outside": asked_from_outside, "opened": opened}[way]()
with open("/proc/sys/net/netfilter/nf_conntrack_count") as f:
    print("ready", f.read().strip(), flush=True)
signal.pause()
END
chmod 755 "$TMP"

# user WAY MANY [FILE]: the program, in a cgroup named after the way; $pid
user()
{
	[ -d "$cgroup/$1" ] || mkdir "$cgroup/$1"
	: >"$TMP/said"
	sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh \
		"$cgroup/$1" python3 "$TMP/user.py" "$@" \
		>"$TMP/said" 2>"$TMP/err" &
	pid=$!
}

# says WORD: wait until it does; fails if it ended.
says()
{
	until grep -q "$1" "$TMP/said"; do
		if ! kill -0 "$pid" 2>"$TMP/kill"; then
			cat "$TMP/err" >&2
			return 1
		fi
		sleep 0.2
	done
}

# Entries there are then.
count()
{
	awk '$1 == "ready" { print $2 }' "$TMP/said"
}

ended()
{
	kill "$pid"
	wait "$pid"
}

# charge WAY MANY [HOOKS]: bytes that the cgroup of a user pays for these, 0 if there
# are not that many; with hooks= if the namespace is to be there before ct.
charge()
{
	local pid before after n bytes=0

	# What it takes without any.
	for n in 1 "$2"; do
		rm -f "$TMP/go"
		user "$1" "$n" ${3:+"$TMP/go"}
		if [ -n "${3-}" ]; then
			says made || break
			load_ct "$3"
			: >"$TMP/go"
		fi
		says ready || break
		after=$(awk '$1 == "kernel" { print $2 }' "$cgroup/$1/memory.stat")
		[ "$n" -gt 1 ] || before=$after
		if [ "$(count)" -ge "$n" ]; then
			bytes=$((after - before))
		else
			echo "# of $n: $(count)" >&2
		fi
		ended
		[ -z "${3-}" ] || unload >&2
	done
	until_true rmdir "$cgroup/$1" >&2
	echo "$bytes"
}

modprobe veth
load_ct always
for way in sent received netlink; do
	bytes=$(charge $way 12000)
	echo "# $way: $((bytes / 12000)) bytes an entry"
	check "entries are charged: $way" \
		test "$bytes" -ge $((12000 * (256 + 16)))
	[ $way = netlink ] || without=$bytes
done
check "and their labels, which netlink sets" \
	test "$bytes" -ge $((without + 12000 * 48))
bytes=$(charge host 12000)
check "those of the first namespace are not" \
	test "$bytes" -lt $((12000 * 64))

# At the limit of the cgroup an entry is refused. He himself goes elsewhere, or he
# would be killed when he needs memory next.
user received 12000 "$TMP/limited"
check "namespaces with a limit" says made
echo $(($(cat $cgroup/received/memory.current) + (1 << 20))) \
	>$cgroup/received/memory.max
mkdir $cgroup/elsewhere
echo "$pid" >$cgroup/elsewhere/cgroup.procs
: >"$TMP/limited"
check "packets come in" says ready
echo "# of 12000 packets: $(count) entries in 1 MiB"
check "there is one for some of them" test "$(count)" -gt 500
check "and not for all" test "$(count)" -lt 6000
ended
until_true rmdir $cgroup/received $cgroup/elsewhere

check "unload" unload

# Of a namespace that was there before ct, whoever asks first pays: be it with a
# socket of it, from outside; or, if nobody asks, who makes the first entry.
for row in "asked demand" "outside demand" "opened always"; do
	read -r way hooks <<<"$row"
	bytes=$(charge "$way" 6000 "$hooks")
	echo "# $way: $((bytes / 6000)) bytes an entry"
	check "made before ct: $way" test "$bytes" -ge $((6000 * (256 + 16)))
done

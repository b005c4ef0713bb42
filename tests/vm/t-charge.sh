#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the namespaces of a user hold is charged to his memory cgroup: entries
# that his packets make, sent or received, that he makes by netlink, and the table.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
ours || { skip "charging" "is about ct"; DONE=1; exit 0; }

cgroup=/sys/fs/cgroup
if ! echo +memory >$cgroup/cgroup.subtree_control; then
	skip "charging" "there is no memory controller"
	DONE=1
	exit 0
fi

# In namespaces of his own, nobody makes entries: how many, in which way; then says
# so and waits.
cat >"$TMP/user.py" <<'END'
import ctypes, os, signal, socket, struct, subprocess, sys
way, many = sys.argv[1], int(sys.argv[2])

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
    # However slow the machine is, none is gone before all are there.
    written("/proc/sys/net/netfilter/nf_conntrack_udp_timeout", "3600")

def sent():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for n in range(many):
        s.sendto(b"x", ("127.1.%d.%d" % (n >> 8, n & 255), 9))

def received():
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
    for n in range(many):
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 29, 0, 0, 64, 17, 0,
                           bytes([10, 7, 1 + (n >> 8), n & 255]),
                           bytes([10, 7, 0, 1]))
        check = sum(struct.unpack("!10H", head))
        check = ~((check & 0xffff) + (check >> 16)) & 0xffff
        head = head[:10] + struct.pack("!H", check) + head[12:]
        s.send(mac + bytes(6) + b"\x08\0" + head +
               struct.pack("!HHHH", 1000, 9, 9, 0) + b"x")

def attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)

def ends(kind, source, to, sport, dport):
    return attr(kind | 0x8000,
                attr(0x8001, attr(1, source) + attr(2, to)) +
                attr(0x8002, attr(1, b"\x11") + attr(2, sport) + attr(3, dport)))

def by_netlink():
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

{"sent": sent, "host": sent, "received": received, "netlink": by_netlink}[way]()
with open("/proc/sys/net/netfilter/nf_conntrack_count") as f:
    print("ready", f.read().strip(), flush=True)
signal.pause()
END
chmod 755 "$TMP"

# charge WAY MANY: bytes that the cgroup of a user pays for these, 0 if there are
# not that many.
charge()
{
	local pid before after n bytes=0

	mkdir "$cgroup/$1"
	# What it takes without any.
	for n in 1 "$2"; do
		: >"$TMP/said"
		sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh \
			"$cgroup/$1" python3 "$TMP/user.py" "$1" "$n" \
			>"$TMP/said" 2>"$TMP/err" &
		pid=$!
		until grep -q ready "$TMP/said"; do
			if ! kill -0 $pid 2>"$TMP/kill"; then
				cat "$TMP/err" >&2
				echo 0
				return
			fi
			sleep 0.2
		done
		after=$(awk '$1 == "kernel" { print $2 }' "$cgroup/$1/memory.stat")
		[ "$n" -gt 1 ] || before=$after
		if [ "$(awk '{ print $2 }' "$TMP/said")" -ge "$n" ]; then
			bytes=$((after - before))
		else
			echo "# of $n: $(cat "$TMP/said")" >&2
		fi
		kill $pid
		wait $pid
	done
	until_true rmdir "$cgroup/$1" >&2
	echo "$bytes"
}

modprobe veth
load_ct always
for way in sent received netlink; do
	bytes=$(charge $way 12000)
	# With netlink's, labels too.
	echo "# $way: $((bytes / 12000)) bytes an entry"
	check "entries are charged: $way" \
		test "$bytes" -ge $((12000 * (256 + 16)))
done
bytes=$(charge host 12000)
check "those of the first namespace are not" \
	test "$bytes" -lt $((12000 * 64))
check "unload" unload

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The whole way once: load, track, list with both tools, flush, unload.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
ours || { skip "basic" "is about ct"; DONE=1; exit 0; }

check "ct loads" modprobe ct hooks=init
python3 -m http.server --bind 127.0.0.1 8000 >"$TMP/server" 2>&1 &
for _ in $(seq 100); do
	curl -s -o /dev/null http://127.0.0.1:8000/ && break
	sleep 0.3
done
python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"x", ("127.0.0.1", 9))'

check "ping" ping -q -c 1 -W 5 127.0.0.1
check "ping, IPv6" ping -q -c 1 -W 5 ::1

conntrack -L >"$TMP/list" 2>"$TMP/said"
check "conntrack -L has the ping" grep -q '^icmp .*type=8' "$TMP/list"
check "and the one over IPv6" \
	sh -c "conntrack -L -f ipv6 2>&1 | grep -q '^icmpv6 .*src=::1'"
check "and TCP" grep -q '^tcp .*dport=8000' "$TMP/list"
check "assured" grep -q 'dport=8000 .*ASSURED' "$TMP/list"
check "and UDP" grep -q '^udp .*dport=9 ' "$TMP/list"
check "conntrack -C counts" test "$(conntrack -C)" -ge 2
check "conntrack -L -p tcp --dport" \
	sh -c 'conntrack -L -p tcp --dport 8000 2>&1 | grep -q dport=8000'
check "conntrack -S" sh -c 'conntrack -S | grep -q cpu=0'
check "ctctl list" sh -c 'ctctl list tcp dport 8000 | grep -q proto=tcp'
check "ctctl list -j" sh -c 'ctctl list -j | python3 -m json.tool'
check "ctctl stats" sh -c 'ctctl stats | grep -q buckets'
check_fails "ctctl refuses a wrong word" ctctl list nonsense
check "conntrack -F" conntrack -F
check "the table is empty" \
	sh -c '! conntrack -L 2>&1 | grep -q dport=8000'
check_fails "nf_conntrack is refused" modprobe nf_conntrack-2
check "ct unloads" rmmod ct

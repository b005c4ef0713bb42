#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Targets of iptables that are about connections, and matches that change or count
# them, by each of the four programs; the commands that look for a rule; a thousand
# rules under traffic.
# seconds: 80
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/xt.sh
. "$HERE/xt.sh"

# --- marks ---

marks()
{
	fresh
	restore <<-END
		*mangle
		-A PREROUTING -i veth1 -p udp --sport 4201 -j CONNMARK --set-xmark 0x11/0xff
		-A PREROUTING -i veth1 -p udp --sport 4202 -j CONNMARK --set-mark 0x1f
		-A PREROUTING -i veth1 -p udp --sport 4202 -j CONNMARK --and-mark 0x7
		-A PREROUTING -i veth1 -p udp --sport 4202 -j CONNMARK --or-mark 0x100
		-A PREROUTING -i veth1 -p udp --sport 4202 -j CONNMARK --xor-mark 0x1000
		-A PREROUTING -i veth1 -p udp --sport 4203 -j MARK --set-xmark 0x12345678
		-A PREROUTING -i veth1 -p udp --sport 4203 -j CONNMARK --save-mark --nfmask 0xffff00 --ctmask 0xffff0000
		-A PREROUTING -i veth1 -p udp --sport 4204 -j CONNMARK --set-mark 0x5
		-A PREROUTING -i veth1 -p udp --sport 4204 -j CONNMARK --set-xmark 0x0/0x0 --left-shift-mark 4
		-A PREROUTING -i veth1 -p udp --sport 4205 -j MARK --set-xmark 0xf0
		-A PREROUTING -i veth1 -p udp --sport 4205 -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff --right-shift-mark 4
		-A PREROUTING -i veth2 -j MARK --set-xmark 0xff000000
		-A PREROUTING -i veth2 -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
		-A FORWARD -i veth2 -p udp --dport 4201 -m mark --mark 0xff000011
		-A FORWARD -i veth2 -p udp --dport 4201 -m connmark --mark 0x11
		-A FORWARD -i veth2 -p udp --dport 4201 -m connmark --mark 0x10/0x10
		-A FORWARD -i veth2 -p udp --dport 4201 -m connmark --mark 0x12
		COMMIT
	END
	ip netns exec n0 conntrack -E -e UPDATES,NEW >"$TMP/events" 2>"$TMP/err" &
	sleep 0.5
	talk_udp 4201 4202 4203 4204 4205 >"$TMP/out"
	seen "$P: a mark by a mask" 'udp .*sport=4201 .*mark=17 '
	seen "$P: and, or, xor" 'udp .*sport=4202 .*mark=4359 '
	seen "$P: saved by two masks" \
		"udp .*sport=4203 .*mark=$((0x12345678 & 0xffff00)) "
	seen "$P: shifted to the left" 'udp .*sport=4204 .*mark=80 '
	seen "$P: saved, and shifted to the right" 'udp .*sport=4205 .*mark=15 '
	is "$P: restored by two masks, and matched" \
		"$(all_hits FORWARD mangle)" "1 1 1 0"
	restore <<-END
		*mangle
		-A PREROUTING -i veth2 -p udp --dport 4201 -j CONNMARK --set-mark 0x77
		COMMIT
	END
	talk_udp 4201 >"$TMP/out"
	check "$P: a change is told" until_true \
		grep -q 'UPDATE.*sport=4201 .*mark=119' "$TMP/events"
	kill $!
	if grep -sq Y /sys/module/apparmor/parameters/enabled; then
		fresh
		restore <<-END
			*mangle
			-A FORWARD -j CONNSECMARK --save
			COMMIT
		END
		n0 nft -f - <<-'END'
			table inet s {
				secmark s { "unconfined"; }
				chain marks {
					type filter hook forward priority -200
					ct state new meta secmark set "s"
				}
			}
		END
		check "$P: with a security mark" talk
		seen "$P: it is listed by its name" 'tcp .*dport=7 .*secctx=unconfined'
		n0 nft delete table inet s
	fi
}

# --- CT ---

tracking()
{
	fresh
	# nf_conntrack takes no notice of --ctevents in a rule that comes before who
	# listens.
	ip netns exec n0 conntrack -E -e NEW,UPDATES,DESTROY >"$TMP/events" 2>"$TMP/err" &
	sleep 0.5
	restore <<-END
		*raw
		-A PREROUTING -i veth1 -p udp --sport 4300 -j CT --zone 5
		-A PREROUTING -i veth1 -p udp --sport 4300 -j CT --zone 6
		-A PREROUTING -i veth2 -p udp --dport 4300 -j CT --zone 5
		-A PREROUTING -p udp --sport 4301 -j CT --zone-orig 8
		-A PREROUTING -i veth1 -p udp --sport 4302 -j MARK --set-xmark 0x9
		-A PREROUTING -i veth1 -p udp --sport 4302 -j CT --zone mark
		-A PREROUTING -i veth2 -p udp --dport 4302 -j MARK --set-xmark 0x9
		-A PREROUTING -i veth2 -p udp --dport 4302 -j CT --zone mark
		-A PREROUTING -i veth2 -p udp --dport 4303 -j CT --zone-reply 7
		-A PREROUTING -i veth1 -p udp --sport 4303 -j CT --zone-reply 7
		-A PREROUTING -i veth1 -p udp --sport 4304 -j CT --notrack
		-A PREROUTING -i veth1 -p udp --sport 4304 -j CT --zone 5
		-A PREROUTING -i veth1 -p udp --sport 4305 -j CT --ctevents destroy
		-A PREROUTING -i veth1 -p udp --sport 4306 -j CT --ctevents new,mark
		-A PREROUTING -i veth1 -p udp --sport 4307 -j CT --expevents new
		-A PREROUTING -i veth1 -p udp --sport 4300 -m conntrack --ctstate NEW
		-A PREROUTING -i veth1 -p udp --sport 4300 -m conntrack --ctproto 17
		-A PREROUTING -i veth1 -p udp --sport 4300 -m connmark --mark 0x0
		COMMIT
	END
	saved raw >"$TMP/raw"
	is "$P: what is in a zone passes, and all else" \
		"$(talk_udp 430{0..7} | xargs)" "$(echo 430{0..7})"
	seen "$P: the first zone counts" 'udp .*sport=4300 .*zone=5'
	seen "$P: a zone of one direction" 'udp .*sport=4301 .*zone-orig=8'
	seen "$P: the mark's zone" 'udp .*sport=4302 .*zone=9'
	seen "$P: a zone of the other direction" 'udp .*sport=4303 .*zone-reply=7'
	unseen "$P: what is not to be tracked stays so" 'udp .*sport=4304 .*zone'
	is "$P: before tracking a packet with a zone is new, of no protocol, not marked" \
		"$(all_hits PREROUTING raw | cut -d ' ' -f 16-18)" "1 0 1"
	flush
	for port in 4305 4306 4300; do
		until_true grep -q "sport=$port" "$TMP/events"
	done
	check "$P: of destroy its end is told" grep -q 'DESTROY.*sport=4305' \
		"$TMP/events"
	check_fails "$P: and not its beginning" grep -q 'NEW.*sport=4305' \
		"$TMP/events"
	check "$P: of new its beginning" grep -q 'NEW.*sport=4306' "$TMP/events"
	check_fails "$P: and not its end" grep -q 'DESTROY.*sport=4306' \
		"$TMP/events"
	check_fails "$P: of expectations' events nothing" \
		grep -q 'sport=4307' "$TMP/events"
	kill $!
	is "$P: the rules are as before" "$(saved raw)" "$(cat "$TMP/raw")"
	is "$P: and as they were put in" \
		"$(sed -n 's/.*-j CT //p' "$TMP/raw" | xargs)" \
		"--zone 5 --zone 6 --zone 5 --zone-orig 8 --zone mark --zone mark --zone-reply 7 --zone-reply 7 --notrack --zone 5 --ctevents destroy --ctevents new,mark --expevents new"
}

# --- labels and limits ---

labels()
{
	fresh
	restore <<-END
		*filter
		-A FORWARD -i veth1 -p udp --sport 4400 -m connlabel --label one --set
		-A FORWARD -i veth2 -p udp --dport 4400 -m connlabel --label last --set
		-A FORWARD -i veth2 -p udp --dport 4400 -m connlabel --label one
		-A FORWARD -i veth2 -p udp --dport 4400 -m connlabel ! --label last
		-A FORWARD -i veth2 -p udp --dport 4400 -m connlabel ! --label two --set
		COMMIT
	END
	ip netns exec n0 conntrack -E -o labels >"$TMP/events" 2>"$TMP/err" &
	sleep 0.5
	talk_udp 4400 >"$TMP/out"
	is "$P: labels are set, and matched" \
		"$(all_hits FORWARD)" "1 1 1 0 0"
	is "$P: all of them are there" "$(n0 conntrack -L -f "$FAMILY" -p udp \
		--sport 4400 -o labels 2>"$TMP/err" |
		sed -n 's/.* labels=\([^ ]*\).*/\1/p')" one,two,last
	check "$P: and are told" until_true \
		grep -q 'UPDATE.*sport=4400 .*labels=one,two,last' "$TMP/events"
	kill $!
}

# open N [SOURCE]: so many connections at once, until close_all.
open()
{
	local n

	for n in $(seq "$1"); do
		sleep 60 | ip netns exec n1 \
			socat - "TCP:$TO:7,bind=${2:-$FROM}" >"$TMP/held" 2>&1 &
		held+=($!)
	done
}

opens()
{
	n1 socat -u OPEN:/dev/null "TCP:$TO:7,bind=${1:-$FROM},connect-timeout=3"
}

established()
{
	[ "$(entries | grep -c 'ESTABLISHED.*dport=7 ')" = "$1" ]
}

limits()
{
	held=()
	fresh
	restore <<-END
		*filter
		-A FORWARD -p tcp --syn --dport 7 -m connlimit --connlimit-above 2 -j REJECT --reject-with tcp-reset
		COMMIT
	END
	open 2
	check "$P: two connections of a source" until_true established 2
	check_fails "$P: the third connection of a source is refused" opens
	check "$P: another source's is not" opens "$FROM2"
	kill "${held[0]}"
	check "$P: when one has gone, another may come" until_true opens
	restore <<-END
		*filter
		-A FORWARD -p tcp --syn --dport 7 -m connlimit --connlimit-upto 2 --connlimit-mask $LESS -j ACCEPT
		-A FORWARD -p tcp --syn --dport 7 -j REJECT --reject-with tcp-reset
		COMMIT
	END
	kill "${held[@]}" 2>"$TMP/err"
	flush
	open 1
	open 1 "$FROM2"
	check "$P: two connections of a network" until_true established 2
	check_fails "$P: a network's third is refused" opens "$FROM3"
	restore <<-END
		*filter
		-A FORWARD -p tcp --syn --dport 7 -m connlimit --connlimit-above 1 --connlimit-daddr -j REJECT --reject-with tcp-reset
		COMMIT
	END
	kill "${held[@]}" 2>"$TMP/err"
	flush
	open 1
	check "$P: one connection to a host" until_true established 1
	check_fails "$P: a second one to the same host is refused" opens "$FROM2"
	kill "${held[@]}" 2>"$TMP/err"
	# One that was open before the rule counts, when it is seen first.
	fresh
	rm -f "$TMP/words"
	mkfifo "$TMP/words"
	n1 socat - "TCP:$TO:7,bind=$FROM" <>"$TMP/words" >"$TMP/held" 2>&1 &
	held=($!)
	check "$P: one connection, before there is a rule" until_true established 1
	restore <<-END
		*filter
		-A FORWARD -p tcp --dport 7 -m connlimit --connlimit-above 1 -j REJECT --reject-with tcp-reset
		-A FORWARD -p tcp --dport 7
		COMMIT
	END
	echo word >"$TMP/words"
	check "$P: it goes on" until_true grep -q word "$TMP/held"
	check_fails "$P: and a second one is refused" opens
	is "$P: by the rule" "$(hits FORWARD 1)" 1
	kill "${held[@]}" 2>"$TMP/err"
}

# --- counters, and the commands that look for a rule ---

commands()
{
	fresh
	restore <<-END
		*filter
		-A FORWARD -p udp -m conntrack --ctstate NEW -m connlimit --connlimit-upto 3 -j ACCEPT
		-A FORWARD -m connmark --mark 0x5 -j ACCEPT
		COMMIT
		*raw
		-A PREROUTING -j CT --zone 7 --ctevents new,destroy
		COMMIT
	END
	check "$P: -C finds a rule" n0 "$P" -C FORWARD -p udp -m conntrack \
		--ctstate NEW -m connlimit --connlimit-upto 3 -j ACCEPT
	# ip6tables-legacy finds whatever has the same extensions, whoever tracks.
	[ "$P" = ip6tables-legacy ] ||
		check_fails "$P: and not another" n0 "$P" -C FORWARD -p udp \
			-m conntrack --ctstate NEW \
			-m connlimit --connlimit-upto 4 -j ACCEPT
	check "$P: with something of the kernel's own in it" n0 "$P" -t raw -C \
		PREROUTING -j CT --zone 7 --ctevents new,destroy
	[ "$P" = ip6tables-legacy ] ||
		check_fails "$P: as little" n0 "$P" -t raw -C PREROUTING \
			-j CT --zone 8 --ctevents new,destroy
	check "$P: -D finds it, too" n0 "$P" -t raw -D PREROUTING -j CT --zone 7 \
		--ctevents new,destroy
	is "$P: and it is gone" "$(saved raw)" ""
	talk_udp 4500 >"$TMP/out"
	is "$P: a packet is counted" "$(hits FORWARD 1)" 1
	n0 "$P-save" -c -t filter >"$TMP/counters"
	check "$P: -Z" n0 "$P" -Z FORWARD
	is "$P: clears it" "$(hits FORWARD 1)" 0
	n0 "$P-restore" -c <"$TMP/counters"
	# ip6tables-nft does not, whoever tracks.
	[ "$P" = ip6tables-nft ] ||
		is "$P: it comes back with the rules" "$(hits FORWARD 1)" 1
}

# thousand N: a ruleset with so many rules.
thousand()
{
	local n

	printf '*filter\n:FORWARD ACCEPT\n'
	for n in $(seq "$1"); do
		echo "-A FORWARD -p udp --dport $((n + 2000))" \
			"-m conntrack --ctstate NEW -m connmark ! --mark $n -j ACCEPT"
	done
	echo "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT"
	echo "-A FORWARD -m connmark --mark 0 -m conntrack --ctstate NEW -j ACCEPT"
	echo "-A FORWARD -j DROP"
	echo COMMIT
}

under_traffic()
{
	local n ping rounds=3

	[ -z "${CT_QUICK:-}" ] || rounds=1
	fresh
	thousand 1000 >"$TMP/thousand"
	thousand 990 >"$TMP/fewer"
	restore <"$TMP/thousand"
	ip netns exec n1 ping -q -i 0.002 -w 60 "$S" >"$TMP/ping" &
	ping=$!
	for ((n = 0; n < rounds; n++)); do
		restore <"$TMP/fewer" && restore <"$TMP/thousand" ||
			echo failed
	done >"$TMP/out" 2>&1
	is "$P: a thousand rules are replaced under traffic" "$(cat "$TMP/out")" ""
	kill -INT $ping
	wait $ping
	check "$P: no packet is lost" grep -q ' 0% packet loss' "$TMP/ping"
	is "$P: all are there" "$(saved filter | wc -l)" 1003
	check "$P: and do their work" talk
}

each_program marks tracking labels limits commands under_traffic

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rules of nftables that look at connections, change them, or say that there is
# to be none; how they are listed; what is refused.
# seconds: 80
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# rule NAME RULE: in the chain forward, with a counter of that name.
rule()
{
	n0 nft "add rule inet t forward $2 counter comment \"$1\"" ||
		not_ok "the rule $2"
}

# hits NAME: packets that its counter saw.
hits()
{
	n0 nft list chain inet t forward |
		sed -n "s|.* packets \([0-9]*\) .*comment \"$1\"\$|\1|p"
}

fresh()
{
	n0 nft -f - <<-END
		table inet t
		delete table inet t
		table inet t {
			chain early {
				type filter hook prerouting priority raw
			}
			chain forward {
				type filter hook forward priority 0
			}
		}
	END
	flush
}

topology
must_load
echo_server n2 7

# Each keyword with what it must match, and what it must not.
fresh
while IFS='|' read -r yes no; do
	rule "$yes" "$yes"
	[ -z "$no" ] || rule "$no" "$no"
done >"$TMP/rules" 2>&1 <<-'END'
	ct state new|ct state invalid
	ct state established|ct state related
	ct state != new|ct state untracked
	ct direction original|
	ct direction reply|
	ct status seen-reply|ct status expected
	ct status confirmed|ct status snat
	ct status assured|ct status dying
	ct mark 0|ct mark 1
	ct expiration > 100h|ct expiration > 124h
	ct l3proto ipv4|ct l3proto ipv6
	ct protocol tcp|ct protocol udp
	ct original ip saddr 10.0.1.1|ct original ip saddr 10.0.2.1
	ct original ip daddr 10.0.2.1|ct original ip daddr 10.0.1.1
	ct reply ip saddr 10.0.2.1|ct reply ip saddr 10.0.1.1
	ct reply ip daddr 10.0.1.1|ct original ip6 saddr ::/0
	meta l4proto tcp ct original proto-dst 7|meta l4proto tcp ct original proto-dst 8
	meta l4proto tcp ct reply proto-src 7|meta l4proto tcp ct reply proto-src 8
	ct original packets > 1|ct original packets > 100
	ct bytes > 90|ct bytes > 100000
	ct avgpkt 40-200|ct reply avgpkt > 200
	ct zone 0|ct zone 1
	ct reply zone 0|ct label 1
END
is "every rule is taken" "$(grep -c '^not ok' "$TMP/rules")" 0
is "accounting is on for counters" \
	"$(n0 sysctl -n net.netfilter.nf_conntrack_acct)" 1
check "a connection goes through" ask_tcp n1 10.0.2.1 7
n0 nft list chain inet t forward >"$TMP/listed"
while read -r name; do
	case $name in
	*invalid | *related | *untracked | *expected | *snat | *dying | \
		"ct mark 1" | *124h | *"proto ipv6" | *"protocol udp" | \
		*"original ip saddr 10.0.2.1" | *"ip6 saddr"* | \
		*"original ip daddr 10.0.1.1" | *"reply ip saddr 10.0.1.1" | \
		*-dst\ 8 | *-src\ 8 | *"> 100" | *100000 | *"> 200" | \
		"ct zone 1" | "ct label 1")
		is "'$name' does not match" "$(hits "$name")" 0
		;;
	*)
		check "'$name' matches" test "$(hits "$name")" -gt 0
		;;
	esac
done < <(sed -n 's/.*comment "\(.*\)"$/\1/p' "$TMP/listed")

# By IPv6, and the number that conntrack shows.
fresh
rule v6 'ct reply ip6 saddr fd00:2::1'
rule v4 'ct original ip saddr 10.0.1.1'
check "over IPv6" ask_tcp n1 '[fd00:2::1]' 7
check "an IPv6 address matches" test "$(hits v6)" -gt 0
is "an IPv4 address does not" "$(hits v4)" 0
check "a ping" n1 ping -q -c 1 10.0.2.1
id=$(n0 conntrack -L -p icmp -o id 2>"$TMP/err" | sed -n 's/.* id=\([0-9]*\).*/\1/p')
rule id "ct id ${id:-0}"
icmp_id=$(entries | sed -n 's/^icmp.* id=\([0-9]*\).*/\1/p' | head -n 1)
n1 ping -q -e "${icmp_id:-1}" -c 1 10.0.2.1 >"$TMP/ping"
check "an entry by its id" test "$(hits id)" -gt 0

# Bad checksums are invalid, what is not tracked is untracked.
fresh
rule untracked 'ct state untracked'
rule new 'ct state new'
n0 nft add rule inet t early udp dport 7 notrack
n0 nft add rule inet t early udp sport 7 notrack
check "what is not tracked passes" ask_udp n1 10.0.2.1 7
is "and is untracked, both ways" "$(hits untracked)" 2
is "never new" "$(hits new)" 0
unseen "and has no entry" 'udp .*dport=7'

# Setting.
fresh
n0 conntrack -E -o id >"$TMP/events" 2>"$TMP/err" &
listener=$!
sleep 1
n0 nft add rule inet t forward ct mark set 0x11
n0 nft add rule inet t forward ct state established ct mark set ct mark or 0x100
check "with a mark" ask_tcp n1 10.0.2.1 7
seen "the mark is there" 'tcp .*dport=7 .*mark=(273|17)'
check "and was told" grep -Eq 'UPDATE.*mark=273' "$TMP/events"
fresh
: >"$TMP/events"
n0 nft add rule inet t forward ct event set destroy
check "with few events" ask_udp n1 10.0.2.1 7
flush
check "its end is told" until_true grep -q 'DESTROY.*dport=7' "$TMP/events"
check_fails "its beginning is not" grep -q 'NEW.*udp.*dport=7' "$TMP/events"
fresh
n0 nft add rule inet t forward ct event set assured
check "with an event that comes with another" ask_tcp n1 10.0.2.1 7
check "both are told" until_true \
	grep -q 'UPDATE.* ESTABLISHED .*dport=7 .*ASSURED' "$TMP/events"
fresh
check "the event of a mark" n0 nft add rule inet t forward ct event set 0x80
n0 nft add rule inet t forward ct state new ct mark set 0x12
check "with the mark of a first packet" ask_udp n1 10.0.2.1 7
check "the mark is told" until_true grep -q 'NEW.* mark=18' "$TMP/events"
kill $listener

# A security mark has a name, if a security module knows it.
if grep -q Y /sys/module/apparmor/parameters/enabled 2>"$TMP/err"; then
	fresh
	n0 nft -f - <<-END
		table inet t {
			secmark s { "unconfined"; }
			chain marks {
				type filter hook forward priority -10
				ct state new meta secmark set "s" \
					ct secmark set meta secmark
			}
		}
	END
	check "with a security mark" ask_tcp n1 10.0.2.1 7
	seen "it is listed by its name" 'tcp .*dport=7 .*secctx=unconfined'
fi

# Labels: rules add them and take none away. conntrack wants names for them.
mkdir -p /etc/xtables
printf '%s\n' '1 one' '2 two' '127 last' >/etc/xtables/connlabel.conf
labels()
{
	n0 conntrack -L -p tcp --dport 7 -o labels 2>"$TMP/err" |
		sed -n 's/.* labels=\([^ ]*\).*/\1/p' | sort -u
}
fresh
ip netns exec n0 stdbuf -oL conntrack -E -o labels >"$TMP/events" \
	2>"$TMP/err" &
listener=$!
sleep 1
n0 nft add rule inet t forward ct state new ct label set 1
n0 nft add rule inet t forward ct state established ct label set 127
rule one 'ct label 1'
rule last 'ct label 127'
rule two 'ct label 2'
check "with labels" ask_tcp n1 10.0.2.1 7
is "both labels are there" "$(labels)" one,last
check "the first is seen from the first packet on" test "$(hits one)" -gt 0
check "and the last" test "$(hits last)" -gt 0
is "and none that was not set" "$(hits two)" 0
check "NEW has the first" until_true \
	grep -q 'NEW.*dport=7 .*labels=one\( \|$\)' "$TMP/events"
check "UPDATE has both" until_true \
	grep -q 'UPDATE.*dport=7 .*labels=one,last' "$TMP/events"
kill $listener
check "-U adds one" n0 conntrack -U -f ipv4 -p tcp --dport 7 --label-add two
is "to the others" "$(labels)" one,two,last
if ours; then
	check "ctctl shows them" eval 'n0 ctctl list -o line |
		grep -q " labels=0x80000000000000000000000000000006"'
fi
check "-U takes one away" n0 conntrack -U -f ipv4 -p tcp --dport 7 --label-del one
is "and no other" "$(labels)" two,last
check "-D finds one by its label" n0 conntrack -D -p tcp --dport 7 -l two
is "and deletes it" "$(labels)" ''
check "-I with labels" n0 conntrack -I -p tcp -s 10.0.1.9 -d 10.0.2.9 \
	--sport 9 --dport 7 -t 100 --state ESTABLISHED --label-add last
is "has them" "$(labels)" last

# Zones: the first one counts, by direction or not, also after notrack.
fresh
n0 nft add rule inet t early ip saddr 10.0.1.1 udp dport 7 ct zone set 5
n0 nft add rule inet t early ip saddr 10.0.1.1 udp dport 7 ct zone set 6
n0 nft add rule inet t early udp sport 7 ct zone set 5
rule zone 'ct zone 5'
rule original 'ct original zone 5'
check "in a zone" ask_udp n1 10.0.2.1 7
seen "the entry is in the first zone" 'udp .*dport=7 .*zone=5'
unseen "and in no other" 'udp .*dport=7 .*zone=6'
is "both packets are in it" "$(hits zone)" 2
is "in each direction" "$(hits original)" 2
fresh
n0 nft add rule inet t early udp dport 7 notrack
n0 nft add rule inet t early udp dport 7 ct original zone set 8
check "in a zone of one direction" ask_udp n1 10.0.2.1 7
seen "a zone overrides notrack" 'udp .*dport=7 .*zone-orig=8'

# Counting: the third connection at once is one too many, then one goes.
fresh
n0 nft add rule inet t forward ct state new tcp dport 7 ct count over 2 drop
for _ in 1 2; do
	sleep 60 | ip netns exec n1 socat - TCP:10.0.2.1:7 >"$TMP/held" &
done
held=$!
two_open()
{
	[ "$(entries | grep -c 'ESTABLISHED.*dport=7')" = 2 ]
}
until_true two_open
check_fails "a third connection is dropped" \
	n1 socat - TCP:10.0.2.1:7,connect-timeout=3 </dev/null
kill $held
check "when one has gone, another may come" until_true \
	n1 socat -u OPEN:/dev/null TCP:10.0.2.1:7,connect-timeout=3

# The same addresses in another zone are another connection.
fresh
n0 sysctl -q net.netfilter.nf_conntrack_udp_timeout=600
rule over 'udp dport 9 ct count over 1'
in_zone()
{
	n0 nft "flush chain inet t early
		add rule inet t early udp dport 9 ct zone set $1"
	echo | n1 socat -u - UDP-SENDTO:10.0.2.1:9,sourceport=4444
}
in_zone 5
in_zone 5
is "a connection counts once" "$(hits over)" 0
in_zone 6
is "and once more in another zone" "$(hits over)" 1
check "deleted in one zone" n0 conntrack -D -p udp --dport 9 -w 5
sleep 0.1
in_zone 6
is "it counts in the other only" "$(hits over)" 1
n0 sysctl -q net.netfilter.nf_conntrack_udp_timeout=30

# A check changes nothing; who watches is told of rules as they are listed.
fresh
echo 'add rule inet t forward ct state new counter' >"$TMP/one"
check "a rule is checked" n0 nft -c -f "$TMP/one"
n0 nft list table inet t >"$TMP/listed"
check_fails "and not there" grep "ct state" "$TMP/listed"
ip netns exec n0 nft monitor >"$TMP/monitor" &
monitor=$!
told()
{
	n0 nft -f "$TMP/one"
	grep 'add rule inet t forward ct state new counter' "$TMP/monitor"
}
check "nft monitor tells of it when it is" until_true told
kill $monitor

# Rulesets that come in the place of others, under traffic that only they let
# through: nothing is lost.
replace()
{
	n0 nft -f - <<-END
		flush ruleset
		$(ours || echo "table inet tracker {
			chain c { type filter hook prerouting priority 0; ct state new; }
		}")
		table inet t {
			chain early {
				type filter hook prerouting priority raw
			}
			chain forward {
				type filter hook forward priority 0; policy drop
				ct state established accept
				ct state new ct mark set $1 accept
			}
		}
	END
}
replace 1
seq 1 "$((20000 / ${CT_SLOW:-1}))" >"$TMP/numbers"
n1 socat -t 20 - TCP:10.0.2.1:7 <"$TMP/numbers" >"$TMP/echoed" &
echoed=$!
n1 ping -q -i 0.01 -c "$((300 * ${CT_SLOW:-1}))" 10.0.2.1 >"$TMP/ping" &
pinged=$!
replaced=0
while kill -0 $pinged 2>"$TMP/err"; do
	replace $((replaced % 9 + 1)) && replaced=$((replaced + 1))
done
wait $echoed
check "many rulesets came" test $replaced -ge 5
check "no ping was lost" grep -q ' 0% packet loss' "$TMP/ping"
check "nothing that a connection sent" cmp "$TMP/numbers" "$TMP/echoed"

# Listing: what goes in comes out.
n0 nft delete table inet t
cat >"$TMP/put" <<-'END'
	table inet t {
		chain c {
			type filter hook prerouting priority filter; policy accept;
			ct state invalid,established,related,new,untracked
			ct state vmap { invalid : drop, new : accept }
			ct direction reply
			ct status seen-reply,dnat
			ct mark & 0x000000ff == 0x00000002
			ct expiration < 1h
			ct helper "ftp"
			ct l3proto ipv4
			ct protocol udp
			ct original ip saddr 1.2.3.4
			ct reply ip6 daddr fe80::1
			tcp dport 1 ct reply proto-dst 80
			ct label 5
			ct zone 7
			ct original zone 7
			ct bytes > 100
			ct original packets > 10
			ct reply avgpkt 100-200
			ct id 12345
			ct mark set 0x00000011
			ct mark set meta mark
			ct mark set ct mark | 0x00000100
			meta secmark set ct secmark
			ct secmark set meta secmark
			ct event set new,destroy
			ct zone set 5
			ct original zone set 5
			ct reply zone set 6
			ct count 5
			ct count over 5 drop
			notrack
		}
	}
END
check "a ruleset with all of it" n0 nft -f "$TMP/put"
n0 nft list table inet t | sed 's/^\t*//' >"$TMP/got"
check "is listed as it was" diff "$TMP/put" "$TMP/got"

# In use.
if ours; then
	check_fails "ct_nft stays while there are rules" rmmod ct_nft
fi
n0 nft delete table inet t

# refused FAMILY HOOK RULE: and in no family where it makes no sense.
refused()
{
	check_fails "'$3' is refused in family $1" n0 nft -f - <<-END
		table $1 t {
			chain c {
				type filter hook $2 priority 0
				$3
			}
		}
	END
}
refused arp input 'ct state new'
refused inet input 'ct saddr 10.0.0.1'
refused inet input 'ct event new'
refused inet input 'ct status set assured'
check "notrack goes with arp" n0 nft -f - <<-END
	table arp t {
		chain c { type filter hook input priority 0; notrack; }
	}
	delete table arp t
END
if ours; then
	refused inet input 'synproxy mss 1460'
	check_fails "a helper is refused" n0 nft -f - <<-END
		table inet t {
			ct helper ftp { type "ftp" protocol tcp; }
		}
	END
	check "and the log says why" eval 'dmesg | grep -q "ct_nft: ct helper"'
fi

# On demand: the first rule turns tracking on, the last one off.
unload
HOOKS=demand must_load
if ours; then
	n1 ping -q -c 1 10.0.2.1 >"$TMP/ping"
	is "without rules nothing is tracked" "$(entries | wc -l)" 0
	fresh
	n0 nft add rule inet t forward ct state new
	n1 ping -q -c 1 10.0.2.1 >"$TMP/ping"
	seen "with one it is" '^icmp '
	n0 nft delete table inet t
	flush
	sleep 1
	n1 ping -q -c 1 10.0.2.1 >"$TMP/ping"
	is "without it no more" "$(entries | wc -l)" 0
fi

# A TCP connection goes on while no rule is there: its numbers are not those
# that were seen last. One that nobody missed anything of is held to them.
if ours; then
	unload
	HOOKS=demand must_load
else
	n0 nft delete table inet tracker
fi
modprobe tun
raw <<-'END'
	wire = Wire()
	rules = """table inet w {
	    chain early { type filter hook prerouting priority raw; }
	    chain forward { type filter hook forward priority 0;
	                    ct state invalid drop; }
	}"""

	def on():
	    run("nft", rules)

	def off():
	    run("nft", "delete table inet w")
	    run("sleep", "1")

	def sent(talk, beyond):
	    packet = talk.packet("a", "PA", b"x", seq=talk.next["a"] + beyond)
	    return wire.pass_on("a", packet, 1.0) is not None

	for six in False, True:
	    over = "IPv6" if six else "IPv4"
	    on()
	    talk = Talk(wire, 6000, six=six)
	    talk.open()
	    half = Talk(wire, 6001, six=six)
	    half.step("a", "S")
	    check("far beyond the window, over " + over, not sent(talk, 10 ** 6))
	    off()
	    check("nobody looks", sent(talk, 10 ** 6))
	    on()
	    check("after that it may be anywhere", sent(talk, 10 ** 6 + 1))
	    equal("it is the same connection", talk.state(), "ESTABLISHED")
	    check("from there on, in its window", not sent(talk, 10 ** 7))
	    half.step("b", "SA")
	    half.step("a", "A")
	    equal("one that was not open opens", half.state(), "ESTABLISHED")
	    off()
END

if ours; then
	# A namespace that goes with its rules.
	fresh
	n0 nft add rule inet t forward ct state new ct zone set 1
	ip netns pids n0 | xargs -r kill -9
	ip netns del n0
	check "rules go with their namespace" until_true rmmod ct_nft
	check "and ct" rmmod ct
fi

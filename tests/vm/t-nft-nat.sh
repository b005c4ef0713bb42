#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rules that translate addresses, as rules: every form is listed as it was put in,
# what is wrong has its error, and the bytes of each expression are what they are.
# What they do to packets is not looked at.
# seconds: 80
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# Tracking is on by rules only, and what they need they find by themselves.
HOOKS=demand must_load
namespace n0

# --- every form, listed as it was put in ---

# listed FAMILY <<RULESET: as one table, and each line for itself.
listed()
{
	local line

	cat >"$TMP/put"
	check "a ruleset of family $1" n0 nft -f "$TMP/put"
	n0 nft list ruleset >"$TMP/got"
	while IFS= read -r line; do
		case $line in
		*nat\ * | *masquerade* | *redirect*)
			check "$1:${line//$'\t'/ }" grep -Fqx -- "$line" "$TMP/got"
			;;
		esac
	done <"$TMP/put"
	check "the whole of it, as it was" diff "$TMP/put" "$TMP/got"
	n0 nft flush ruleset
}

listed ip <<'END'
table ip t {
	map one {
		type ipv4_addr : ipv4_addr
		elements = { 10.0.1.1 : 10.0.2.1, 10.0.1.2 : 10.0.2.2 }
	}

	map two {
		type ipv4_addr . inet_service : ipv4_addr . inet_service
		elements = { 10.0.1.1 . 80 : 10.0.2.1 . 8080 }
	}

	map many {
		type ipv4_addr : interval ipv4_addr
		flags interval
		elements = { 10.0.1.0/24 : 10.0.2.0/24 }
	}

	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		dnat to 10.0.2.1
		dnat to 10.0.2.1-10.0.2.9
		tcp dport 80 dnat to 10.0.2.1:8080
		tcp dport 80 dnat to 10.0.2.1:8080-8090
		tcp dport 80 dnat to 10.0.2.1-10.0.2.9:8080
		tcp dport 80 dnat to 10.0.2.1-10.0.2.9:8080-8090
		udp dport 80 dnat to :8080
		udp dport 80 dnat to :8080-8090
		dnat to 10.0.2.1 random
		dnat to 10.0.2.1 fully-random
		dnat to 10.0.2.1 persistent
		dnat to 10.0.2.1 random,persistent
		dnat to 10.0.2.1 random,fully-random,persistent
		dnat to ip saddr map @one
		dnat to ip saddr map { 10.0.1.1 : 10.0.2.1, 10.0.1.2 : 10.0.2.2 }
		dnat ip to ip saddr . tcp dport map @two
		dnat ip to ip saddr map @many
		dnat ip prefix to ip daddr map @many
		dnat to numgen inc mod 2 map { 0 : 10.0.2.1, 1 : 10.0.2.2 }
		dnat to jhash ip saddr mod 2 map { 0 : 10.0.2.1, 1 : 10.0.2.2 } persistent
		redirect
		redirect random
		redirect fully-random,persistent
		tcp dport 80 redirect to :8080
		tcp dport 80 redirect to :8080-8090
		tcp dport 80 redirect to :8080-8090 random
		tcp dport 80 redirect to :tcp dport map { 80 : 8080, 81 : 8081 }
		ip saddr 10.0.1.1 counter packets 0 bytes 0 redirect
	}

	chain out {
		type nat hook output priority -100; policy accept;
		dnat to 127.0.0.1
		redirect
	}

	chain in {
		type nat hook input priority 100; policy accept;
		snat to 10.0.2.1
	}

	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		snat to 10.0.2.1
		snat to 10.0.2.1-10.0.2.9
		meta l4proto { tcp, udp } snat to 10.0.2.1:1024-65535
		meta l4proto udp snat to :1024-2047
		snat to 10.0.2.1-10.0.2.9 random
		snat to 10.0.2.1-10.0.2.9 fully-random
		snat to 10.0.2.1-10.0.2.9 persistent
		snat to ip saddr map @one persistent
		snat ip prefix to ip saddr map @many
		masquerade
		masquerade random
		masquerade fully-random
		masquerade persistent
		masquerade random,fully-random,persistent
		meta l4proto tcp masquerade to :1024
		meta l4proto tcp masquerade to :1024-2047
		meta l4proto tcp masquerade to :1024-2047 random
		oifname "lo" jump more
	}

	chain more {
		masquerade
		snat to 10.0.2.1
	}

	chain late {
		type nat hook postrouting priority srcnat + 10; policy accept;
		goto more
	}
}
END

listed ip6 <<'END'
table ip6 t {
	map many {
		type ipv6_addr : interval ipv6_addr
		flags interval
		elements = { fd00:1::/64 : fd00:2::/64 }
	}

	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		dnat to fd00:2::1
		dnat to fd00:2::1-fd00:2::9
		tcp dport 80 dnat to [fd00:2::1]:8080
		tcp dport 80 dnat to [fd00:2::1]-[fd00:2::9]:8080-8090
		tcp dport 80 dnat to :8080
		dnat to fd00:2::1 random,persistent
		dnat to ip6 saddr map { fd00:1::1 : fd00:2::1 }
		dnat ip6 to ip6 saddr . tcp dport map { fd00:1::1 . 80 : fd00:2::1 . 8080 }
		dnat ip6 prefix to ip6 daddr map @many
		redirect
		tcp dport 80 redirect to :8080-8090 fully-random
	}

	chain out {
		type nat hook output priority -100; policy accept;
		dnat to ::1
		redirect
	}

	chain in {
		type nat hook input priority 100; policy accept;
		snat to fd00:2::1
	}

	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		snat to fd00:2::1
		snat to fd00:2::1-fd00:2::9 fully-random
		meta l4proto udp snat to [fd00:2::1]:1024-65535
		snat ip6 prefix to ip6 saddr map @many
		masquerade
		meta l4proto udp masquerade to :1024-2047 random
	}
}
END

listed inet <<'END'
table inet t {
	map two {
		type ipv4_addr . inet_service : ipv4_addr . inet_service
		elements = { 10.0.1.1 . 80 : 10.0.2.1 . 8080 }
	}

	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		dnat ip to 10.0.2.1
		dnat ip to 10.0.2.1-10.0.2.9 persistent
		dnat ip6 to fd00:2::1
		tcp dport 80 dnat ip to 10.0.2.1:8080
		tcp dport 80 dnat ip6 to [fd00:2::1]:8080-8090
		tcp dport 80 dnat to :8080
		tcp dport 80 dnat to :8080-8090 random
		dnat ip to ip saddr map { 10.0.1.1 : 10.0.2.1 }
		dnat ip to ip saddr . tcp dport map @two
		dnat ip6 to ip6 saddr map { fd00:1::1 : fd00:2::1 }
		redirect
		tcp dport 80 redirect to :8080-8090 persistent
	}

	chain out {
		type nat hook output priority -100; policy accept;
		dnat ip to 127.0.0.1
		redirect
	}

	chain in {
		type nat hook input priority 100; policy accept;
		snat ip6 to fd00:2::1
	}

	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		snat ip to 10.0.2.1
		snat ip6 to fd00:2::1-fd00:2::9 random
		ip saddr 10.0.1.0/24 masquerade
		ip6 saddr fd00:1::/64 masquerade fully-random
		meta l4proto tcp masquerade to :1024-2047
	}
}
END
if ours; then
	check "ct_nft_nat came by itself" loaded ct_nft_nat
	check_fails "nft_chain_nat did not" loaded nft_chain_nat
	check_fails "nor nf_nat" loaded nf_nat
fi

# --- what nf_tables refuses, by what nft says of it ---

# says NAME WANTED <<RULESET: nft's error, "" without one; nothing of it stays.
says()
{
	is "$1" "$(n0 nft -f - 2>&1 | sed -n 's/.*Error: //p' | head -n 1)" "$2"
	n0 nft flush ruleset
}

NOT_SUPPORTED="Could not process rule: Operation not supported"

# in_chain WANTED FAMILY TYPE HOOK RULE
in_chain()
{
	says "$2: '$5' in a chain of type $3 in $4" "$1" <<-END
		table $2 t {
			chain c { type $3 hook $4 priority 10; $5; }
		}
	END
}

for family in ip ip6 inet; do
	case $family in
	ip) a='to 10.0.2.1' ;;
	ip6) a='to fd00:2::1' ;;
	inet) a='ip to 10.0.2.1' ;;
	esac
	for hook in prerouting output; do
		in_chain "" $family nat $hook "dnat $a"
		in_chain "" $family nat $hook redirect
		in_chain "$NOT_SUPPORTED" $family nat $hook "snat $a"
		in_chain "$NOT_SUPPORTED" $family nat $hook masquerade
		in_chain "$NOT_SUPPORTED" $family filter $hook "dnat $a"
		in_chain "$NOT_SUPPORTED" $family filter $hook redirect
	done
	for hook in input postrouting; do
		in_chain "" $family nat $hook "snat $a"
		in_chain "$NOT_SUPPORTED" $family nat $hook "dnat $a"
		in_chain "$NOT_SUPPORTED" $family nat $hook redirect
		in_chain "$NOT_SUPPORTED" $family filter $hook "snat $a"
	done
	in_chain "" $family nat postrouting masquerade
	in_chain "$NOT_SUPPORTED" $family nat input masquerade
	in_chain "$NOT_SUPPORTED" $family filter postrouting masquerade
	in_chain "$NOT_SUPPORTED" $family nat forward accept
	in_chain "$NOT_SUPPORTED" $family filter forward "snat $a"
done

# chain WANTED FAMILY TYPE HOOK PRIORITY
chain()
{
	says "$2: a chain of type $3 in $4 at $5" "$1" <<-END
		table $2 t {
			chain c { type $3 hook $4 priority $5; }
		}
	END
}
for family in ip ip6 inet; do
	chain "$NOT_SUPPORTED" $family nat prerouting -200
	chain "$NOT_SUPPORTED" $family nat postrouting -300
	chain "" $family nat prerouting -199
	chain "" $family nat postrouting 2147483647
done
chain "Could not process rule: No such file or directory" bridge nat prerouting 0
chain "Could not process rule: No such file or directory" arp nat input 0

says "a policy of drop" "" <<-'END'
	table ip t {
		chain c { type nat hook prerouting priority 0; policy drop; }
	}
END
says "two chains in one place" "" <<-'END'
	table ip t {
		chain c { type nat hook prerouting priority 0; redirect; }
		chain d { type nat hook prerouting priority 0; redirect; }
	}
END
says "tables of one name in three families" "" <<-'END'
	table ip t {
		chain c { type nat hook prerouting priority 0; redirect; }
	}
	table ip6 t {
		chain c { type nat hook prerouting priority 0; redirect; }
	}
	table inet t {
		chain c { type nat hook prerouting priority 0; redirect; }
	}
END
n0 nft -f - <<-'END'
	table ip t {
		flags dormant
		chain c { type nat hook prerouting priority 0; redirect; }
	}
END
check "a table that is dormant wakes" n0 nft add table ip t
check "and sleeps again" n0 nft 'add table ip t { flags dormant; }'
says "and goes" "" <<<'delete table ip t'

# A rule is judged by all chains that lead to it.
says "a jump from a chain of another type" "$NOT_SUPPORTED" <<-'END'
	table ip t {
		chain more { masquerade; }
		chain c { type filter hook postrouting priority 0; jump more; }
	}
END
says "a jump from the wrong hook" "$NOT_SUPPORTED" <<-'END'
	table ip t {
		chain more { masquerade; }
		chain c { type nat hook prerouting priority 0; jump more; }
	}
END
says "two jumps, one of them wrong" "$NOT_SUPPORTED" <<-'END'
	table ip t {
		chain more { snat to 10.0.2.1; }
		chain c { type nat hook postrouting priority 0; jump more; }
		chain d { type nat hook output priority 0; jump more; }
	}
END
says "a verdict map from a chain of another type" "$NOT_SUPPORTED" <<-'END'
	table ip t {
		chain more { redirect; }
		chain c {
			type filter hook prerouting priority 0
			ip saddr vmap { 10.0.1.1 : jump more }
		}
	}
END
says "a good jump of two steps" "" <<-'END'
	table ip t {
		chain most { redirect; }
		chain more { goto most; }
		chain c { type nat hook prerouting priority 0; jump more; }
	}
END
n0 nft -f - <<-'END'
	table ip t {
		map m { type ipv4_addr : verdict; }
		chain more { redirect; }
		chain c {
			type nat hook postrouting priority 0
			ip saddr vmap @m
		}
	}
END
says "an element that would be a wrong jump" "$NOT_SUPPORTED" <<-'END'
	add element ip t m { 10.0.1.1 : jump more }
END

# --- what nft never sends ---

program nft <<'END'
t = Tables()
t.prepare()

SNAT, DNAT = 0, 1
(MAP_IPS, SPECIFIED, RANDOM, PERSISTENT, FULLY, OFFSET, NETMAP,
 UNKNOWN) = (1 << n for n in range(8))
A, B, P, Q = 1, 2, 3, 4         # registers: of addresses, of ports


def only(ct, stock):
    return ct if ours() else stock


def kind(n):
    return be32(1, n)


def family(n):
    return be32(2, n)


def addr(first, last=None):
    return be32(3, first) + (be32(4, last) if last is not None else b"")


def ports(first, last=None, base=5):
    return (be32(base, first) +
            (be32(base + 1, last) if last is not None else b""))


def flags(n, attribute=7):
    return be32(attribute, n)


def nat(*attrs):
    return "nat", b"".join(attrs)


def masq(*attrs):
    return "masq", b"".join(attrs)


def redir(*attrs):
    return "redir", b"".join(attrs)


def masq_ports(*registers):
    return ports(*registers, base=2)


def redir_ports(*registers):
    return ports(*registers, base=1)


LOADED = [load(16, r) for r in (A, B, P, Q)]

# nat: attributes of a rule of family ip and IPv4 addresses, and its error
for name, attrs, want in (
        ("an address", [kind(SNAT), family(IP), addr(A)], "ok"),
        ("the same, another order", [addr(A), family(IP), kind(SNAT)], "ok"),
        ("no type", [family(IP), addr(A)], "EINVAL"),
        ("neither address nor port", [kind(SNAT), family(IP)], "EINVAL"),
        ("only the ends of both",
         [kind(SNAT), family(IP), be32(4, A), be32(6, P)], "EINVAL"),
        ("type 2", [kind(2), family(IP), addr(A)], "EOPNOTSUPP"),
        ("type 2^32-1", [kind(0xffffffff), family(IP), addr(A)],
         "EOPNOTSUPP"),
        ("type 2 and no family", [kind(2), addr(A)], "EOPNOTSUPP"),
        ("type 2 and no address", [kind(2), family(IP)], "EINVAL"),
        ("no family", [kind(DNAT), addr(A)], "EINVAL"),
        ("another family", [kind(DNAT), family(IP6), addr(A)], "EOPNOTSUPP"),
        ("family inet", [kind(DNAT), family(INET), addr(A)], "EOPNOTSUPP"),
        ("another family and register 5",
         [kind(DNAT), family(IP6), addr(5)], "EOPNOTSUPP"),
        ("family 258", [kind(DNAT), family(258), addr(A)],
         only("ERANGE", "EOPNOTSUPP")),
        ("addresses from register 5", [kind(DNAT), family(IP), addr(5)],
         "ERANGE"),
        ("addresses from the verdict", [kind(DNAT), family(IP), addr(0)],
         "EINVAL"),
        ("addresses to register 5", [kind(DNAT), family(IP), addr(A, 5)],
         "ERANGE"),
        ("addresses to the verdict", [kind(DNAT), family(IP), addr(A, 0)],
         "EINVAL"),
        ("the last register", [kind(DNAT), family(IP), addr(23)], "ok"),
        ("not the next one", [kind(DNAT), family(IP), addr(24)], "ERANGE"),
        ("ports", [kind(DNAT), family(IP), ports(P)], "ok"),
        ("ports from register 5", [kind(DNAT), family(IP), ports(5)],
         "ERANGE"),
        ("ports to register 5", [kind(DNAT), family(IP), ports(P, 5)],
         "ERANGE"),
        ("all flags", [kind(DNAT), family(IP), addr(A), flags(0x7f)], "ok"),
        ("an unknown flag", [kind(DNAT), family(IP), addr(A), flags(UNKNOWN)],
         only("EINVAL", "EOPNOTSUPP" if OLD else "EINVAL")),
        ("flag 2^31", [kind(DNAT), family(IP), addr(A), flags(1 << 31)],
         only("EINVAL", "ok" if OLD else "EINVAL")),
        ("flags of two bytes",
         [kind(DNAT), family(IP), addr(A), be16(7, 1)], "ERANGE"),
        ("a type of two bytes", [be16(1, SNAT), family(IP), addr(A)],
         "ERANGE"),
        ("an attribute nobody knows",
         [kind(DNAT), family(IP), addr(A), be32(9, 1)], "ok")):
    equal("nat: " + name, t.rule_says(IP, *LOADED, nat(*attrs)), want)
equal("nat: no data", t.rule_says(IP, ("nat", None)), "EINVAL")
for name, attrs in (("addresses", [addr(A, B)]), ("ports", [ports(A, B)])):
    for what, loads in ("first", [load(16, B)]), ("last", [load(16, A)]):
        equal("nat: %s, the %s from where nothing was loaded to" %
              (name, what), t.rule_says(
                  IP, *loads, nat(kind(DNAT), family(IP), *attrs)),
              "ok" if OLD else "ENODATA")

# 16 bytes of a register that is dumped as 1 to 4, and the one behind it
for name, family_of, attrs, shown in (
        ("an address is a range of one", IP, [kind(SNAT), family(IP), addr(A)],
         [kind(SNAT), family(IP), addr(A, A), flags(MAP_IPS)]),
        ("addresses and ports", IP,
         [kind(DNAT), family(IP), addr(A, B), ports(P, Q)],
         [kind(DNAT), family(IP), addr(A, B), ports(P, Q),
          flags(MAP_IPS | SPECIFIED)]),
        ("a port", IP6, [kind(DNAT), family(IP6), ports(P)],
         [kind(DNAT), family(IP6), ports(P, P), flags(SPECIFIED)]),
        ("flags are added", IP6,
         [kind(SNAT), family(IP6), addr(A), flags(RANDOM | NETMAP)],
         [kind(SNAT), family(IP6), addr(A, A),
          flags(MAP_IPS | RANDOM | NETMAP)]),
        ("all flags", IP,
         [kind(SNAT), family(IP), addr(A), flags(0x7f)],
         [kind(SNAT), family(IP), addr(A, A), flags(0x7f)]),
        ("an end without a beginning", IP,
         [kind(SNAT), family(IP), be32(4, B), ports(P)],
         [kind(SNAT), family(IP), ports(P, P), flags(SPECIFIED)]),
        ("of IPv4, in inet", INET, [kind(SNAT), family(IP), addr(A)],
         [kind(SNAT), family(IP), addr(A, A), flags(MAP_IPS)]),
        ("of any packet, in inet", INET, [kind(DNAT), family(INET), ports(P)],
         [kind(DNAT), family(INET), ports(P, P), flags(SPECIFIED)]),
        ("registers of four bytes", IP,
         [kind(SNAT), family(IP), addr(9, 10), ports(11)],
         [kind(SNAT), family(IP), addr(9, 10), ports(11, 11),
          flags(MAP_IPS | SPECIFIED)])):
    equal("nat: dumped, " + name, t.rule_shown(
        family_of, *LOADED, nat(*attrs)), nat(*shown))

# In which family, with which family of addresses
for name, where, attrs, want in (
        ("IPv6 in inet", INET, [family(IP6), addr(A)], "ok"),
        ("inet's addresses", INET, [family(INET), addr(A)], "EAFNOSUPPORT"),
        ("inet's addresses, register 5", INET, [family(INET), addr(5)],
         "EAFNOSUPPORT"),
        ("family 77 in inet", INET, [family(77), ports(P)], "EPROTO"),
        ("family 77's addresses", INET, [family(77), addr(A)],
         "EAFNOSUPPORT"),
        ("family 258 in inet", INET, [family(258), ports(P)],
         only("ERANGE", "ok")),
        ("family arp in inet", INET, [family(ARP), ports(P)], "EPROTO"),
        ("family bridge in inet", INET, [family(BRIDGE), ports(P)], "ok"),
        ("arp", ARP, [family(ARP), ports(P)], "EPROTO"),
        ("IPv4 in arp", ARP, [family(IP), addr(A)], "EOPNOTSUPP"),
        ("addresses in arp", ARP, [family(ARP), addr(A)], "EAFNOSUPPORT"),
        ("netdev", NETDEV, [family(NETDEV), ports(P)], "EPROTO"),
        ("bridge, in no hook", BRIDGE, [family(BRIDGE), ports(P)], "ok")):
    equal("nat: " + name, t.rule_says(
        where, *LOADED, nat(kind(DNAT), *attrs)), want)

for name, make, ports_of, where in (("masq", masq, masq_ports, 1),
                                    ("redir", redir, redir_ports, 3)):
    for what, attrs, want in (
            ("nothing", [], "ok"),
            ("a port", [ports_of(P)], "ok"),
            ("ports", [ports_of(P, Q)], "ok"),
            ("ports from register 5", [ports_of(5)], "ERANGE"),
            ("ports from the verdict", [ports_of(0)], "EINVAL"),
            ("ports to register 5", [ports_of(P, 5)], "ERANGE"),
            ("the last register", [ports_of(23)], "ok"),
            ("not the next one", [ports_of(24)], "ERANGE"),
            ("an unknown flag", [flags(UNKNOWN, where)], "EINVAL"),
            ("flag 2^31", [flags(1 << 31, where)],
             only("EINVAL", "ok" if OLD and name == "redir" else "EINVAL")),
            ("an unknown flag and register 5",
             [flags(UNKNOWN, where), ports_of(5)],
             only("EINVAL", "ERANGE" if OLD and name == "redir" else
                  "EINVAL")),
            ("a flag and register 5", [flags(1, where), ports_of(5)],
             "ERANGE"),
            ("flags of two bytes", [be16(where, 1)], "ERANGE"),
            ("an attribute nobody knows", [be32(9, 1)], "ok")):
        equal("%s: %s" % (name, what),
              t.rule_says(IP, *LOADED, make(*attrs)), want)
    equal(name + ": no data", t.rule_says(IP, (name, None)), "ok")
    equal(name + ": a port from where nothing was loaded to",
          t.rule_says(IP, make(ports_of(P))), "ok" if OLD else "ENODATA")
    for where in FAMILIES:
        equal("%s in family %s" % (name, FAMILIES[where]),
              t.rule_says(where, make()),
              "ok" if where in (IP, IP6, INET) else "ENOENT")

for name, expr, shown in (
        ("nothing", masq(), masq()),
        ("no flags", masq(flags(0, 1)), masq()),
        ("all flags", masq(flags(0x7f, 1)), masq(flags(0x7f, 1))),
        ("a port, without a flag", masq(masq_ports(P)), masq(masq_ports(P, P))),
        ("ports and flags", masq(masq_ports(P, Q), flags(SPECIFIED, 1)),
         masq(flags(SPECIFIED, 1), masq_ports(P, Q))),
        ("nothing", redir(), redir()),
        ("all flags", redir(flags(0x7f, 3)), redir(flags(0x7f, 3))),
        ("a port has a flag", redir(redir_ports(P)),
         redir(redir_ports(P, P), flags(SPECIFIED, 3))),
        ("but not if flags are given", redir(redir_ports(P, Q),
                                             flags(RANDOM, 3)),
         redir(redir_ports(P, Q), flags(RANDOM, 3))),
        ("nor if they are none", redir(redir_ports(P), flags(0, 3)),
         redir(redir_ports(P, P)))):
    for where in IP, IP6, INET:
        equal("%s: dumped in %s, %s" % (expr[0], FAMILIES[where], name),
              t.rule_shown(where, *LOADED, expr), shown)

# None of them can be part of a set.
for expr in nat(kind(DNAT), family(IP), ports(P)), masq(), redir():
    equal("a set with %s" % expr[0], t.set_says(IP, EVAL, expr), "EOPNOTSUPP")
END

# --- what is left ---

check "after all that, a chain and a rule" n0 nft -f - <<-'END'
	flush ruleset
	table inet t {
		chain c { type nat hook postrouting priority 0; masquerade; }
	}
END
if ours; then
	check_fails "a rule holds ct_nft_nat" rmmod ct_nft_nat
fi
n0 nft flush ruleset
untracked()
{
	flush
	n0 ping -q -c 1 127.0.0.1 && [ -z "$(entries)" ]
}
check "nothing that is left tracks" until_true untracked
n0 nft add table ip u '{ chain c { type nat hook postrouting priority 0; masquerade; }; }'
check_fails "as a rule does" untracked
n0 nft flush ruleset
n0 nft -f - <<-'END'
	table inet t {
		chain c { type nat hook postrouting priority 0; masquerade; }
		chain d { type nat hook prerouting priority 0; dnat ip to 10.0.2.1; }
	}
END
ip netns del n0
if ours; then
	check "rules go with their namespace" until_true rmmod ct_nft_nat
	check "then ct_nat" rmmod ct_nat
	check "and ct" rmmod ct
else
	check "rules go with their namespace" until_true modprobe -r nft_masq \
		nft_redir nft_nat nft_chain_nat nf_conntrack_bridge
fi

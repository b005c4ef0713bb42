// SPDX-License-Identifier: GPL-2.0
/* Addresses: ranges of both families, networks, and who has which. */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet.h>
#include <linux/jhash.h>
#include <linux/string.h>
#include "choose.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

static u8 parse(struct kunit *test, const char *text, union nf_inet_addr *addr)
{
	const bool v6 = strchr(text, ':');

	memset(addr, 0, sizeof(*addr));
	if (v6)
		KUNIT_EXPECT_EQ(test, in6_pton(text, -1, (u8 *)addr, -1, NULL),
				1);
	else
		KUNIT_EXPECT_EQ(test, in4_pton(text, -1, (u8 *)addr, -1, NULL),
				1);
	return v6 ? V6 : V4;
}

/* What is in a range, and whether that is one. */
struct range_case {
	const char *min, *max, *addr;
	bool upside_down;
	bool in;
};

static const struct range_case range_cases[] = {
	{ "10.0.0.1", "10.0.0.9", "10.0.0.1", .in = true },
	{ "10.0.0.1", "10.0.0.9", "10.0.0.9", .in = true },
	{ "10.0.0.1", "10.0.0.9", "10.0.0.0" },
	{ "10.0.0.1", "10.0.0.9", "10.0.0.10" },
	{ "10.0.0.255", "10.0.1.0", "10.0.0.255", .in = true },
	{ "10.0.0.255", "10.0.1.0", "10.0.1.1" },
	{ "0.0.0.0", "255.255.255.255", "128.0.0.0", .in = true },
	{ "127.255.255.255", "128.0.0.0", "128.0.0.0", .in = true },
	{ "10.0.0.9", "10.0.0.9", "10.0.0.9", .in = true },
	{ "10.0.0.9", "10.0.0.8", "10.0.0.9", .upside_down = true },
	{ "10.0.1.0", "10.0.0.255", "10.0.0.255", .upside_down = true },
	{ "fd00::1", "fd00::9", "fd00::9", .in = true },
	{ "fd00::1", "fd00::9", "fd00::a" },
	{ "fd00::1", "fd00::9", "fd00::" },
	{ "fd00::ffff", "fd00::1:0", "fd00::1:0", .in = true },
	{ "fd00::ffff:ffff:ffff:ffff", "fd00:0:0:1::", "fd00:0:0:1::",
	  .in = true },
	{ "fd00::ffff:ffff:ffff:ffff", "fd00:0:0:1::", "fd00:0:0:1::1" },
	{ "fd00::ffff:ffff:ffff:ffff", "fd00:0:0:1::",
	  "fd00::ffff:ffff:ffff:fffe" },
	{ "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1", .in = true },
	{ "fd00:0:0:1::", "fd00::ffff:ffff:ffff:ffff", "fd00:0:0:1::",
	  .upside_down = true },
	{ "fd00::2", "fd00::1", "fd00::1", .upside_down = true },
};

static void range_desc(const struct range_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s in %s-%s", c->addr, c->min,
		 c->max);
}

KUNIT_ARRAY_PARAM(range, range_cases, range_desc);

static void test_range(struct kunit *test)
{
	const struct range_case *c = test->param_value;
	struct nf_nat_range2 range = { .flags = NF_NAT_RANGE_MAP_IPS };
	union nf_inet_addr addr;
	u8 l3 = parse(test, c->addr, &addr);

	parse(test, c->min, &range.min_addr);
	parse(test, c->max, &range.max_addr);
	KUNIT_EXPECT_EQ(test, ct_nat_range_valid(&range, l3), !c->upside_down);
	if (!c->upside_down)
		KUNIT_EXPECT_EQ(test, ct_nat_address_in_range(&range, l3, &addr),
				c->in);
	/* A rule that names none. */
	range.flags = 0;
	KUNIT_EXPECT_TRUE(test, ct_nat_range_valid(&range, l3));
	KUNIT_EXPECT_TRUE(test, ct_nat_address_in_range(&range, l3, &addr));
}

/* From one network to another, as wide; and from that back again. */
struct netmap_case {
	const char *min, *max, *addr, *expect;
};

static const struct netmap_case netmap_cases[] = {
	{ "192.0.2.0", "192.0.2.255", "10.1.2.3", "192.0.2.3" },
	{ "192.0.2.0", "192.0.2.255", "10.1.2.0", "192.0.2.0" },
	{ "192.0.2.0", "192.0.2.255", "10.1.2.255", "192.0.2.255" },
	{ "192.0.2.128", "192.0.2.135", "10.1.2.254", "192.0.2.134" },
	{ "172.16.0.0", "172.31.255.255", "10.250.1.2", "172.26.1.2" },
	{ "192.0.2.7", "192.0.2.7", "10.1.2.3", "192.0.2.7" },
	{ "0.0.0.0", "255.255.255.255", "10.1.2.3", "10.1.2.3" },
	{ "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", "fd00:1:2:3:4:5:6:7",
	  "2001:db8::4:5:6:7" },
	{ "2001:db8:8000::", "2001:db8:80ff:ffff:ffff:ffff:ffff:ffff",
	  "fd00:1:2345:3::7", "2001:db8:8045:3::7" },
	{ "2001:db8::10", "2001:db8::1f", "fd00::abcd", "2001:db8::1d" },
	{ "2001:db8::1", "2001:db8::1", "fd00::abcd", "2001:db8::1" },
};

static void netmap_desc(const struct netmap_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s to %s-%s", c->addr, c->min,
		 c->max);
}

KUNIT_ARRAY_PARAM(netmap, netmap_cases, netmap_desc);

static bool never(void *ctx, const struct nf_conntrack_tuple *tuple,
		  bool reuse)
{
	return false;
}

static const struct ct_nat_table nobody = { .taken = never };

static void test_netmap(struct kunit *test)
{
	const struct netmap_case *c = test->param_value;
	struct nf_nat_range2 range = {
		.flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_NETMAP,
	};
	struct ct_nat_choice choice = { .range = &range, .table = &nobody };
	struct nf_conntrack_tuple orig = {}, tuple;
	union nf_inet_addr addr, expect;
	u8 l3 = parse(test, c->addr, &addr);

	parse(test, c->min, &range.min_addr);
	parse(test, c->max, &range.max_addr);
	parse(test, c->expect, &expect);
	orig.src.l3num = l3;
	orig.src.u3 = addr;
	orig.dst.u3 = addr;
	orig.dst.protonum = IPPROTO_TCP;

	ct_nat_netmap(&range, l3, &addr);
	KUNIT_EXPECT_TRUE(test, nf_inet_addr_cmp(&addr, &expect));

	choice.manip = NF_NAT_MANIP_SRC;
	KUNIT_EXPECT_EQ(test, ct_nat_choose(&choice, &orig, &tuple), 0);
	KUNIT_EXPECT_TRUE(test, nf_inet_addr_cmp(&tuple.src.u3, &expect));
	KUNIT_EXPECT_TRUE(test, nf_inet_addr_cmp(&tuple.dst.u3, &orig.dst.u3));
	KUNIT_EXPECT_PTR_EQ(test, choice.range,
			    (const struct nf_nat_range2 *)&range);
	choice.manip = NF_NAT_MANIP_DST;
	KUNIT_EXPECT_EQ(test, ct_nat_choose(&choice, &orig, &tuple), 0);
	KUNIT_EXPECT_TRUE(test, nf_inet_addr_cmp(&tuple.dst.u3, &expect));
	KUNIT_EXPECT_TRUE(test, nf_inet_addr_cmp(&tuple.src.u3, &orig.src.u3));
}

/*
 * How many different addresses 2,000 clients get out of a range: of those few
 * that there are all, and all as often.
 */
struct spread_case {
	const char *min, *max;
	unsigned int addresses;	/* 0: so many that hardly two have the same */
};

static const struct spread_case spread_cases[] = {
	{ "192.0.2.1", "192.0.2.1", 1 },
	{ "192.0.2.1", "192.0.2.2", 2 },
	{ "192.0.2.255", "192.0.3.3", 5 },
	{ "255.255.255.252", "255.255.255.255", 4 },
	{ "0.0.0.0", "255.255.255.255" },
	{ "0.0.0.1", "255.255.255.255" },
	{ "fd00::1", "fd00::1", 1 },
	{ "fd00::fffe", "fd00::1:3", 6 },
	{ "fd00::ffff:fffe", "fd00::1:0:1", 4 },
	{ "fd00::ffff:ffff:ffff:fffe", "fd00:0:0:1::1", 4 },
	{ "fd00::ffff:ffff:ffff:ffff", "fd00:0:0:1::1:0", 0 },
	{ "fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fd01::2", 4 },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffd",
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 3 },
	{ "fd00::", "fd00::ffff:ffff" },
	{ "fd00::", "fd00::1:0:0" },
	{ "fd00::", "fd00::ffff:ffff:ffff:ffff" },
	{ "fd00::5", "fd00:0:0:1::5" },
	{ "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "8000::", "ffff::" },
};

static void spread_desc(const struct spread_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s-%s", c->min, c->max);
}

KUNIT_ARRAY_PARAM(spread, spread_cases, spread_desc);

#define CLIENTS	2000

/* Which of those seen, a new one perhaps. */
static unsigned int seen(union nf_inet_addr *known, unsigned int *n,
			 const union nf_inet_addr *addr)
{
	unsigned int i;

	for (i = 0; i < *n && !nf_inet_addr_cmp(&known[i], addr); i++)
		;
	if (i == *n)
		known[(*n)++] = *addr;
	return i;
}

static void test_spread(struct kunit *test)
{
	const struct spread_case *c = test->param_value;
	struct nf_nat_range2 range = { .flags = NF_NAT_RANGE_MAP_IPS };
	struct ct_nat_choice choice = { .range = &range };
	struct nf_conntrack_tuple orig = {};
	union nf_inet_addr *known, addr;
	unsigned int i, n = 0, often[8] = {}, which;

	known = kunit_kcalloc(test, CLIENTS, sizeof(*known), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, known);
	orig.src.l3num = parse(test, c->min, &range.min_addr);
	parse(test, c->max, &range.max_addr);
	for (i = 0; i < CLIENTS; i++) {
		orig.src.u3.all[orig.src.l3num == V4 ? 0 : 3] =
			(__force u32)htonl(i + 1);
		ct_nat_choose_address(&choice, &orig, 0, &addr);
		KUNIT_ASSERT_TRUE(test, ct_nat_address_in_range
				  (&range, orig.src.l3num, &addr));
		which = seen(known, &n, &addr);
		if (which < ARRAY_SIZE(often))
			often[which]++;
	}
	if (!c->addresses) {
		KUNIT_EXPECT_GT(test, n, CLIENTS - 100U);
		return;
	}
	KUNIT_EXPECT_EQ(test, n, c->addresses);
	for (i = 0; i < min_t(unsigned int, n, ARRAY_SIZE(often)); i++) {
		KUNIT_EXPECT_GT(test, often[i],
				CLIENTS / c->addresses * 7 / 10);
		KUNIT_EXPECT_LE(test, often[i],
				CLIENTS / c->addresses * 13 / 10);
	}
}

/* All of a range come one after the other, whichever was the first. */
static void test_skip(struct kunit *test)
{
	const struct spread_case *c = test->param_value;
	struct nf_nat_range2 range = { .flags = NF_NAT_RANGE_MAP_IPS };
	struct ct_nat_choice choice = { .range = &range };
	struct nf_conntrack_tuple orig = {};
	union nf_inet_addr known[10], first, addr;
	unsigned int i, n = 0;

	orig.src.l3num = parse(test, c->min, &range.min_addr);
	parse(test, c->max, &range.max_addr);
	ct_nat_choose_address(&choice, &orig, 0, &first);
	for (i = 0; i < 10; i++) {
		ct_nat_choose_address(&choice, &orig, i, &addr);
		KUNIT_ASSERT_TRUE(test, ct_nat_address_in_range
				  (&range, orig.src.l3num, &addr));
		KUNIT_EXPECT_EQ(test, nf_inet_addr_cmp(&first, &addr),
				c->addresses ? i % c->addresses == 0 : i == 0);
		seen(known, &n, &addr);
	}
	KUNIT_EXPECT_EQ(test, n, c->addresses ?: 10U);
	for (i = U32_MAX; i > U32_MAX - 10; i--) {
		ct_nat_choose_address(&choice, &orig, i, &addr);
		KUNIT_ASSERT_TRUE(test, ct_nat_address_in_range
				  (&range, orig.src.l3num, &addr));
	}
}

static bool same(struct ct_nat_choice *c, struct nf_conntrack_tuple *t,
		 u32 server, u16 zone)
{
	union nf_inet_addr a, b;
	u16 was = c->zone;

	t->dst.u3.all[t->src.l3num == V4 ? 0 : 3] = (__force u32)htonl(1);
	ct_nat_choose_address(c, t, 0, &a);
	c->zone = zone;
	t->dst.u3.all[t->src.l3num == V4 ? 0 : 3] = (__force u32)htonl(server);
	ct_nat_choose_address(c, t, 0, &b);
	c->zone = was;
	return nf_inet_addr_cmp(&a, &b);
}

static void test_lasting(struct kunit *test)
{
	struct nf_nat_range2 range = { .flags = NF_NAT_RANGE_MAP_IPS };
	struct ct_nat_choice c = { .range = &range };
	struct nf_conntrack_tuple t = { .src.u3.ip = htonl(0x0a000001) };
	unsigned int server, v6, equal;

	for (v6 = 0; v6 < 2; v6++) {
		t.src.l3num = parse(test, v6 ? "fd00::" : "10.0.0.0",
				    &range.min_addr);
		parse(test, v6 ? "fd00::ffff" : "10.0.255.255",
		      &range.max_addr);
		range.flags = NF_NAT_RANGE_MAP_IPS;
		for (server = 2, equal = 0; server < 100; server++)
			equal += same(&c, &t, server, 0);
		KUNIT_EXPECT_LT(test, equal, 3U);
		KUNIT_EXPECT_TRUE(test, same(&c, &t, 1, 0));
		KUNIT_EXPECT_FALSE(test, same(&c, &t, 1, 7));
		/* Ports make no difference. */
		t.src.u.all = htons(v6 + 1);
		KUNIT_EXPECT_TRUE(test, same(&c, &t, 1, 0));

		range.flags |= NF_NAT_RANGE_PERSISTENT;
		for (server = 2; server < 100; server++)
			KUNIT_EXPECT_TRUE(test, same(&c, &t, server, 7));
	}
}

/* As it always was: a router that changes its tracker keeps its addresses. */
static void test_known(struct kunit *test)
{
	struct nf_nat_range2 range = { .flags = NF_NAT_RANGE_MAP_IPS };
	struct ct_nat_choice c = { .range = &range };
	struct nf_conntrack_tuple t = { .src.l3num = V4 };
	union nf_inet_addr addr;
	u32 hash, zone;

	parse(test, "10.0.0.1", &t.src.u3);
	parse(test, "198.51.100.2", &t.dst.u3);
	parse(test, "192.0.2.0", &range.min_addr);
	parse(test, "192.0.2.255", &range.max_addr);
	for (zone = 0; zone < 3; zone++) {
		c.zone = zone;
		hash = jhash2(t.src.u3.all, 4, t.dst.u3.all[0] ^ zone);
		ct_nat_choose_address(&c, &t, 0, &addr);
		KUNIT_EXPECT_EQ(test, ntohl(addr.ip), 0xc0000200 + (hash >> 24));
	}
	range.flags |= NF_NAT_RANGE_PERSISTENT;
	hash = jhash2(t.src.u3.all, 4, 0);
	ct_nat_choose_address(&c, &t, 0, &addr);
	KUNIT_EXPECT_EQ(test, ntohl(addr.ip), 0xc0000200 + (hash >> 24));
}

static struct kunit_case ct_nat_address_cases[] = {
	KUNIT_CASE_PARAM(test_range, range_gen_params),
	KUNIT_CASE_PARAM(test_netmap, netmap_gen_params),
	KUNIT_CASE_PARAM(test_spread, spread_gen_params),
	KUNIT_CASE_PARAM(test_skip, spread_gen_params),
	KUNIT_CASE(test_lasting),
	KUNIT_CASE(test_known),
	{}
};

static struct kunit_suite ct_nat_address_suite = {
	.name = "ct_nat_address",
	.test_cases = ct_nat_address_cases,
};

kunit_test_suites(&ct_nat_address_suite);

// SPDX-License-Identifier: GPL-2.0
/* Which port: at any occupancy, of any protocol, with all that a rule can say. */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/prandom.h>
#include "choose.h"

#define PORTS	65536U
#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6
#define SRC	NF_NAT_MANIP_SRC
#define DST	NF_NAT_MANIP_DST
#define RANDOM	NF_NAT_RANGE_PROTO_RANDOM
#define FULLY	NF_NAT_RANGE_PROTO_RANDOM_FULLY
#define OFFSET	NF_NAT_RANGE_PROTO_OFFSET
#define PERSISTENT NF_NAT_RANGE_PERSISTENT

/* 10.0.0.1 talks to 198.51.100.2. */
#define CLIENT	htonl(0x0a000001)
#define SERVER	htonl(0xc6336402)

/*
 * What a table would know of one remote end.
 * @taken: the ports in use, whatever the address, but for the one that is @free
 * @closing: those of them that @reuse sets free
 * @hint: what ->used() says, if @hinted
 * @asked: how often it was wanted
 * @copy: it is made then
 */
struct fake {
	enum nf_nat_manip_type manip;
	bool hinted;
	bool copy;
	unsigned int asked;
	unsigned int reused;
	__be32 free;
	unsigned long *taken;
	unsigned long *closing;
	unsigned long *hint;
};

static bool fake_taken(void *ctx, const struct nf_conntrack_tuple *tuple,
		       bool reuse)
{
	struct fake *f = ctx;
	const bool source = f->manip == SRC ||
			    tuple->dst.protonum == IPPROTO_ICMP;
	u16 port = ntohs(source ? tuple->src.u.all : tuple->dst.u.all);

	if (f->free && tuple->src.u3.ip == f->free)
		return false;
	if (reuse && test_and_clear_bit(port, f->closing)) {
		clear_bit(port, f->taken);
		f->reused++;
	}
	return test_bit(port, f->taken);
}

static unsigned long *fake_used(void *ctx,
				const struct nf_conntrack_tuple *tuple,
				bool want)
{
	struct fake *f = ctx;

	if (f->free && tuple->src.u3.ip == f->free)
		return NULL;
	if (want && !f->asked++ && f->copy) {
		bitmap_copy(f->hint, f->taken, PORTS);
		f->hinted = true;
	}
	return f->hinted ? f->hint : NULL;
}

static const struct ct_nat_table fake_table = {
	.taken = fake_taken,
	.used = fake_used,
};

/* A connection to be translated, and what by. */
struct setup {
	struct fake f;
	struct nf_nat_range2 range;
	struct nf_conntrack_tuple orig;
	struct nf_conntrack_tuple tuple;
	struct ct_nat_choice c;
};

static unsigned long *new_bitmap(struct kunit *test)
{
	unsigned long *map = kunit_kzalloc(test, PORTS / 8, GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, map);
	return map;
}

static struct setup *set_up(struct kunit *test, u8 l4,
			    enum nf_nat_manip_type manip, u16 was)
{
	struct setup *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s);
	s->f.manip = manip;
	s->f.taken = new_bitmap(test);
	s->f.closing = new_bitmap(test);
	s->f.hint = new_bitmap(test);
	s->orig.src.l3num = V4;
	s->orig.src.u3.ip = CLIENT;
	s->orig.dst.u3.ip = SERVER;
	s->orig.dst.protonum = l4;
	if (manip == SRC || l4 == IPPROTO_ICMP)
		s->orig.src.u.all = htons(was);
	else
		s->orig.dst.u.all = htons(was);
	s->c.range = &s->range;
	s->c.manip = manip;
	s->c.table = &fake_table;
	s->c.ctx = &s->f;
	s->c.seed = 1;
	return s;
}

static void set_ports(struct setup *s, u16 min, u16 max)
{
	s->range.flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	s->range.min_proto.all = htons(min);
	s->range.max_proto.all = htons(max);
}

static void set_addresses(struct setup *s, u32 min, u32 max)
{
	s->range.flags |= NF_NAT_RANGE_MAP_IPS;
	s->range.min_addr.ip = htonl(min);
	s->range.max_addr.ip = htonl(max);
}

/* Of a connection with the next seed. */
static int choose(struct setup *s)
{
	s->c.seed = s->c.seed * 6364136223846793005ULL + 1442695040888963407ULL;
	s->c.probes = 0;
	return ct_nat_choose(&s->c, &s->orig, &s->tuple);
}

static u16 chosen(const struct setup *s)
{
	if (s->c.manip == SRC || s->orig.dst.protonum == IPPROTO_ICMP)
		return ntohs(s->tuple.src.u.all);
	return ntohs(s->tuple.dst.u.all);
}

/* Ports of 1024 to 65535 that are taken: how many of a thousand, where. */
enum where { ANYWHERE, IN_A_ROW, ALL_BUT_ONE, ALL };

struct occupancy_case {
	const char *name;
	unsigned int permille;
	enum where where;
	bool hint;
	unsigned int mean;	/* of probes, a hundredth at most */
};

static const struct occupancy_case occupancy_cases[] = {
	{ "none", 0, ANYWHERE, false, 200 },
	{ "50 %", 500, ANYWHERE, false, 310 },
	{ "50 %, a bitmap", 500, ANYWHERE, true, 200 },
	{ "50 % in a row", 500, IN_A_ROW, false, 420 },
	{ "90 %", 900, ANYWHERE, false, 950 },
	{ "90 %, a bitmap", 900, ANYWHERE, true, 200 },
	{ "90 % in a row", 900, IN_A_ROW, false, 1000 },
	{ "90 % in a row, a bitmap", 900, IN_A_ROW, true, 200 },
	{ "98 %", 980, ANYWHERE, false, 1700 },
	{ "98 %, a bitmap", 980, ANYWHERE, true, 200 },
	{ "99 %", 990, ANYWHERE, false, 1700 },
	{ "99 %, a bitmap", 990, ANYWHERE, true, 200 },
	{ "99 % in a row, a bitmap", 990, IN_A_ROW, true, 200 },
	{ "99.9 %", 999, ANYWHERE, false, 1700 },
	{ "99.9 %, a bitmap", 999, ANYWHERE, true, 200 },
	{ "all but one", 0, ALL_BUT_ONE, false, 1700 },
	{ "all but one, a bitmap", 0, ALL_BUT_ONE, true, 200 },
	{ "all", 0, ALL, false, 1700 },
	{ "all, a bitmap", 0, ALL, true, 200 },
};

static void occupancy_desc(const struct occupancy_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(occupancy, occupancy_cases, occupancy_desc);

static void occupy(struct fake *f, const struct occupancy_case *c)
{
	struct rnd_state rnd;
	unsigned int port;

	prandom_seed_state(&rnd, 42);
	for (port = 1024; port < PORTS; port++) {
		bool taken = c->where >= ALL_BUT_ONE;

		if (c->where == ANYWHERE)
			taken = prandom_u32_state(&rnd) % 1000 < c->permille;
		else if (c->where == IN_A_ROW)
			taken = (port - 1024) * 1000ULL <
				(PORTS - 1024) * (u64)c->permille;
		if (taken)
			set_bit(port, f->taken);
	}
	if (c->where == ALL_BUT_ONE)
		clear_bit(33333, f->taken);
}

#define CHOICES	2000

static void test_occupancy(struct kunit *test)
{
	const struct occupancy_case *c = test->param_value;
	struct setup *s = set_up(test, IPPROTO_TCP, SRC, 1024);
	unsigned int i, probes = 0, most = 0, failed = 0;
	int err;

	occupy(&s->f, c);
	set_bit(1024, s->f.taken);
	s->f.hinted = c->hint;
	for (i = 0; i < CHOICES; i++) {
		bitmap_copy(s->f.hint, s->f.taken, PORTS);
		err = choose(s);
		probes += s->c.probes;
		most = max(most, s->c.probes);
		if (err) {
			failed++;
			KUNIT_ASSERT_EQ(test, err, c->hint ? -EADDRINUSE :
							     -EAGAIN);
			continue;
		}
		KUNIT_ASSERT_FALSE(test, test_bit(chosen(s), s->f.taken));
		KUNIT_ASSERT_GE(test, chosen(s), (u16)1024);
		/* What was chosen is written down, if there was a need to look. */
		if (c->hint && s->c.probes > 1)
			KUNIT_ASSERT_TRUE(test, test_bit(chosen(s),
							 s->f.hint));
	}
	kunit_info(test, "%s: %u.%02u probes, at most %u, %u of %u failed\n",
		   c->name, probes / CHOICES, probes * 100 / CHOICES % 100,
		   most, failed, CHOICES);
	KUNIT_EXPECT_LE(test, most, (unsigned int)CT_NAT_PROBES);
	KUNIT_EXPECT_LE(test, probes * 100 / CHOICES, c->mean);
	if (c->where == ALL)
		KUNIT_EXPECT_EQ(test, failed, (unsigned int)CHOICES);
	else if (c->hint || (c->where < ALL_BUT_ONE && c->permille <= 500))
		KUNIT_EXPECT_LE(test, failed, c->hint ? 0U : 1U);
	if (c->hint)
		KUNIT_EXPECT_LE(test, most, c->where == ALL ? 1U : 2U);
}

/* As many as there are ports, all from the same one, and then one more. */
static void test_last(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_UDP, SRC, 5000);
	unsigned int i, failed = 0, again = 0, most = 0;

	s->f.copy = true;
	for (i = 1024; i < PORTS; i++) {
		if (choose(s)) {
			failed++;
			continue;
		}
		most = max(most, s->c.probes);
		again += test_and_set_bit(chosen(s), s->f.taken);
	}
	KUNIT_EXPECT_EQ(test, failed, 0U);
	KUNIT_EXPECT_EQ(test, again, 0U);
	KUNIT_EXPECT_LE(test, most, (unsigned int)CT_NAT_PROBES);
	KUNIT_EXPECT_EQ(test, choose(s), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, s->c.probes, 0U);
	/* One is gone, and who keeps the bitmap says so. */
	clear_bit(40404, s->f.taken);
	clear_bit(40404, s->f.hint);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_EQ(test, chosen(s), (u16)40404);
}

/* A bitmap that knows of nothing learns what is in use from who looks. */
static void test_stale(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_TCP, SRC, 2000);
	unsigned int i, before;

	bitmap_set(s->f.taken, 1024, PORTS - 1024);
	clear_bit(50505, s->f.taken);
	bitmap_fill(s->f.hint, PORTS);
	bitmap_clear(s->f.hint, 50000, 1000);
	s->f.hinted = true;
	for (i = 0; i < 100; i++) {
		before = bitmap_weight(s->f.hint, PORTS);
		if (!choose(s))
			break;
		KUNIT_ASSERT_EQ(test, s->c.probes,
				(unsigned int)CT_NAT_PROBES);
		/* All were new: that its own is taken is known. */
		KUNIT_ASSERT_EQ(test, bitmap_weight(s->f.hint, PORTS),
				before + CT_NAT_PROBES);
	}
	KUNIT_EXPECT_EQ(test, chosen(s), (u16)50505);
	/* And one that believes all to be in use is believed. */
	bitmap_fill(s->f.hint, PORTS);
	KUNIT_EXPECT_EQ(test, choose(s), -EADDRINUSE);
}

/* Nobody is asked for a bitmap as long as ports are easily found. */
static void test_asked(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_TCP, SRC, 1024);
	unsigned int i;

	for (i = 0; i < CHOICES; i++)
		choose(s);
	KUNIT_EXPECT_EQ(test, s->f.asked, 0U);
	set_bit(1024, s->f.taken);
	for (i = 0; i < CHOICES; i++)
		choose(s);
	KUNIT_EXPECT_EQ(test, s->f.asked, 0U);
	bitmap_set(s->f.taken, 1024, PORTS - 1024);
	KUNIT_EXPECT_EQ(test, choose(s), -EAGAIN);
	KUNIT_EXPECT_EQ(test, s->f.asked, 1U);
}

/*
 * What becomes of one port: @min to @max are what the rule names (0: none), and
 * it ends up in @low to @high. @taken: so are all in that range but @high; and
 * what the port was.
 */
struct rule_case {
	const char *name;
	u8 l4;
	enum nf_nat_manip_type manip;
	u32 flags;
	u16 min, max, base;
	u16 was;
	bool taken;
	u16 low, high;
	int err;
	bool call;
	u8 l3;
	u8 type;
};

#define TCP	IPPROTO_TCP
#define UDP	IPPROTO_UDP

static const struct rule_case rule_cases[] = {
	{ "kept", TCP, SRC, .was = 5000, .low = 5000, .high = 5000 },
	{ "kept, UDP-Lite", IPPROTO_UDPLITE, SRC, .was = 5, .low = 5, .high = 5 },
	{ "kept in a range", TCP, SRC, 0, 4000, 6000, .was = 5000, .low = 5000,
	  .high = 5000 },
	{ "kept, the first of a range", TCP, SRC, 0, 4000, 6000, .was = 4000,
	  .low = 4000, .high = 4000 },
	{ "kept, the last of a range", TCP, SRC, 0, 4000, 6000, .was = 6000,
	  .low = 6000, .high = 6000 },
	{ "below a range", TCP, SRC, 0, 4000, 4002, .was = 3999, .low = 4000,
	  .high = 4002 },
	{ "above a range", TCP, SRC, 0, 4000, 4002, .was = 4003, .low = 4000,
	  .high = 4002 },
	{ "taken: 1 to 511", TCP, SRC, .was = 22, .taken = true, .low = 1,
	  .high = 511 },
	{ "taken: 600 to 1023", UDP, SRC, .was = 512, .taken = true,
	  .low = 600, .high = 1023 },
	{ "taken: 1024 and up", IPPROTO_SCTP, SRC, .was = 1024, .taken = true,
	  .low = 1024, .high = 65535 },
	{ "taken: the last port", UDP, SRC, .was = 65535, .taken = true,
	  .low = 1024, .high = 65534 },
	{ "port 0", TCP, SRC, .was = 0, .taken = true, .low = 1, .high = 511 },
	{ "random", TCP, SRC, RANDOM, .was = 1024, .low = 1025, .high = 65535 },
	{ "random, below 512", TCP, SRC, RANDOM, .was = 1, .low = 1,
	  .high = 511 },
	{ "fully random", UDP, SRC, FULLY, .was = 1024, .low = 1025,
	  .high = 65535 },
	{ "random in a range of one", TCP, SRC, RANDOM, 70, 70, .was = 1024,
	  .low = 70, .high = 70 },
	{ "a range of one", TCP, SRC, 0, 70, 70, .was = 1024, .low = 70,
	  .high = 70 },
	{ "a range of one, taken", TCP, SRC, 0, 70, 70, .was = 70,
	  .taken = true, .low = 70, .high = 69, .err = -EADDRINUSE },
	{ "the first of all to the last", TCP, SRC, RANDOM, 0, 65535, .was = 9,
	  .low = 0, .high = 65535 },
	{ "upside down", TCP, SRC, 0, 6000, 5997, .was = 6001, .low = 5997,
	  .high = 6000 },
	{ "upside down, of a destination", UDP, DST, 0, 2, 1, .was = 6000,
	  .low = 1, .high = 1 },
	{ "shifted", TCP, SRC, OFFSET, 5000, 5999, 1000, .was = 1234,
	  .low = 5234, .high = 5234 },
	{ "shifted round the end", TCP, DST, OFFSET, 5000, 5009, 1000,
	  .was = 1013, .low = 5003, .high = 5003 },
	/* 65526 modulo 7: the difference has 16 bits. */
	{ "shifted, below the base", TCP, DST, OFFSET, 5000, 5006, 1000,
	  .was = 990, .low = 5006, .high = 5006 },
	{ "shifted, in the range already", TCP, DST, OFFSET, 5000, 5009, 5000,
	  .was = 5001, .low = 5001, .high = 5001 },
	{ "shifted, taken", TCP, DST, OFFSET, 5000, 5009, 1000, .was = 1001,
	  .taken = true, .low = 5000, .high = 5009 },
	{ "a destination", TCP, DST, .was = 80, .low = 80, .high = 80 },
	{ "a destination, taken", TCP, DST, .was = 80, .taken = true, .low = 80,
	  .high = 79, .err = -EADDRINUSE },
	{ "a destination, random", TCP, DST, RANDOM, .was = 80, .low = 80,
	  .high = 80 },
	{ "a destination's port", TCP, DST, 0, 8080, 8080, .was = 80,
	  .low = 8080, .high = 8080 },
	{ "a destination's range: the first", TCP, DST, 0, 8080, 9999,
	  .was = 80, .low = 8080, .high = 8080 },
	{ "a destination's range: as it is", TCP, DST, 0, 8080, 9999,
	  .was = 9090, .low = 9090, .high = 9090 },
	{ "a destination's range: random", TCP, DST, RANDOM, 8080, 8090,
	  .was = 8080, .low = 8080, .high = 8090 },
	{ "an identifier", IPPROTO_ICMP, SRC, .was = 7, .low = 7, .high = 7 },
	{ "an identifier, taken", IPPROTO_ICMP, SRC, .was = 7, .taken = true,
	  .low = 0, .high = 65535 },
	{ "an identifier in a range", IPPROTO_ICMP, SRC, 0, 100, 110, .was = 7,
	  .low = 100, .high = 110 },
	{ "an identifier, to another server", IPPROTO_ICMP, DST, .was = 7,
	  .low = 7, .high = 7 },
	{ "an identifier, ICMPv6", IPPROTO_ICMPV6, SRC, .was = 7,
	  .taken = true, .low = 0, .high = 65535, .l3 = V6,
	  .type = ICMPV6_ECHO_REQUEST },
	{ "node information", IPPROTO_ICMPV6, SRC, .was = 7, .taken = true,
	  .low = 7, .high = 6, .err = -EADDRINUSE, .l3 = V6,
	  .type = ICMPV6_NI_QUERY },
	{ "GRE", IPPROTO_GRE, SRC, .was = 0, .low = 0, .high = 0 },
	{ "GRE, taken", IPPROTO_GRE, SRC, .was = 0, .taken = true, .low = 0,
	  .high = 0xffff, .err = -EADDRINUSE },
	{ "a call", IPPROTO_GRE, SRC, .was = 9, .low = 9, .high = 9,
	  .call = true },
	{ "a call, taken", IPPROTO_GRE, SRC, .was = 9, .taken = true, .low = 1,
	  .high = 65535, .call = true },
	{ "a call in a range", IPPROTO_GRE, DST, 0, 20, 29, .was = 9, .low = 20,
	  .high = 20, .call = true },
	{ "another protocol", IPPROTO_ESP, SRC, RANDOM, 20, 29, .was = 0,
	  .low = 0, .high = 0 },
	{ "another protocol, taken", IPPROTO_ESP, SRC, .was = 0,
	  .taken = true, .low = 0, .high = 0xffff, .err = -EADDRINUSE },
};

static void rule_desc(const struct rule_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(rule, rule_cases, rule_desc);

static struct setup *set_up_rule(struct kunit *test, const struct rule_case *c)
{
	struct setup *s = set_up(test, c->l4, c->manip, c->was);

	s->range.flags = c->flags;
	s->range.base_proto.all = htons(c->base);
	s->c.call = c->call;
	if (c->min || c->max)
		set_ports(s, c->min, c->max);
	if (c->l3)
		s->orig.src.l3num = c->l3;
	if (c->type)
		s->orig.dst.u.icmp.type = c->type;
	return s;
}

static void test_rule(struct kunit *test)
{
	const struct rule_case *c = test->param_value;
	struct setup *s = set_up_rule(test, c);
	unsigned int i;
	u16 port;

	s->f.copy = true;
	if (c->taken) {
		bitmap_set(s->f.taken, c->low, c->high - c->low + 1);
		set_bit(c->was, s->f.taken);
		clear_bit(c->high, s->f.taken);
	}
	for (i = 0; i < 100; i++) {
		KUNIT_ASSERT_EQ(test, choose(s), c->err);
		KUNIT_ASSERT_LE(test, s->c.probes,
				(unsigned int)CT_NAT_PROBES);
		port = chosen(s);
		if (c->err) {
			KUNIT_ASSERT_EQ(test, port, c->was);
		} else if (c->taken) {
			KUNIT_ASSERT_EQ(test, port, c->high);
			clear_bit(port, s->f.hint);
		} else {
			KUNIT_ASSERT_GE(test, port, c->low);
			KUNIT_ASSERT_LE(test, port, c->high);
		}
		/* Nothing else. */
		if (c->manip == SRC || c->l4 == IPPROTO_ICMP)
			s->tuple.src.u = s->orig.src.u;
		else
			s->tuple.dst.u.all = s->orig.dst.u.all;
		KUNIT_ASSERT_TRUE(test, ct_tuple_equal(&s->tuple, &s->orig));
	}
}

/* Of a few ports each is found if it is the last. */
static void test_few(struct kunit *test)
{
	struct setup *s;
	unsigned int size, free, i;

	for (size = 1; size <= 18; size++) {
		s = set_up(test, size & 1 ? IPPROTO_UDP : IPPROTO_TCP, SRC,
			   size);
		set_ports(s, 2001, 2000 + size);
		for (free = 2001; free <= 2000 + size; free++) {
			s->f.copy = size > 16;
			s->f.hinted = false;
			s->f.asked = 0;
			bitmap_set(s->f.taken, 2001, size);
			clear_bit(free, s->f.taken);
			for (i = 0; i < 10; i++) {
				KUNIT_ASSERT_EQ(test, choose(s), 0);
				KUNIT_ASSERT_EQ(test, chosen(s), (u16)free);
				KUNIT_ASSERT_LE(test, s->c.probes, 20U);
				clear_bit(free, s->f.hint);
			}
		}
		bitmap_set(s->f.taken, 2001, size);
		bitmap_set(s->f.hint, 2001, size);
		KUNIT_EXPECT_EQ(test, choose(s), -EADDRINUSE);
		if (size <= 16) {
			KUNIT_EXPECT_EQ(test, s->c.probes, size);
			KUNIT_EXPECT_EQ(test, s->f.asked, 0U);
		}
	}
}

#define MANY	64000

/* Every port is as likely as any other: of 16 parts none sticks out. */
static void expect_even(struct kunit *test, struct setup *s, u16 min,
			unsigned int size, unsigned int step)
{
	unsigned int part[16] = {}, i;

	for (i = 0; i < MANY; i++) {
		if (choose(s))
			continue;
		clear_bit(chosen(s), s->f.hint);
		part[(chosen(s) - min) * 16 / size]++;
		KUNIT_ASSERT_EQ(test, (chosen(s) - min) % step, 0U);
	}
	/* The expectation is 4,000, the standard deviation 61. */
	for (i = 0; i < 16; i++) {
		KUNIT_EXPECT_GT(test, part[i], MANY / 16 - 300U);
		KUNIT_EXPECT_LT(test, part[i], MANY / 16 + 300U);
	}
}

static void test_even(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_TCP, SRC, 1024);
	unsigned int port, i, odd = 0;

	set_bit(1024, s->f.taken);
	expect_even(test, s, 1024, PORTS - 1024, 1);
	set_ports(s, 3000, 3015);
	expect_even(test, s, 3000, 16, 1);
	set_ports(s, 3000, 3031);
	expect_even(test, s, 3000, 32, 1);

	/* One of eight is free, in a bitmap. */
	s->range.flags = 0;
	for (port = 1024; port < PORTS; port++)
		if (port & 7)
			set_bit(port, s->f.taken);
	s->f.copy = true;
	s->range.flags |= RANDOM;
	clear_bit(1024, s->f.taken);
	expect_even(test, s, 1024, PORTS - 1024, 8);

	/* Free ones in pairs: the second is not behind a long row. */
	for (port = 1024; port < PORTS; port += 16) {
		set_bit(port + 8, s->f.taken);
		clear_bit(port + 1, s->f.taken);
		set_bit(port + 8, s->f.hint);
		clear_bit(port + 1, s->f.hint);
	}
	for (i = 0; i < CHOICES; i++) {
		KUNIT_ASSERT_EQ(test, choose(s), 0);
		clear_bit(chosen(s), s->f.hint);
		odd += chosen(s) & 1;
	}
	KUNIT_EXPECT_GT(test, odd, CHOICES / 3U);
	KUNIT_EXPECT_LT(test, odd, CHOICES * 2 / 3U);
}

/* UDP: what is odd stays so, and what is even, while that costs nothing. */
static void test_parity(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_UDP, SRC, 5001);
	unsigned int i, odd, port;

	set_bit(5001, s->f.taken);
	for (i = 0; i < CHOICES; i++) {
		KUNIT_ASSERT_EQ(test, choose(s), 0);
		KUNIT_ASSERT_EQ(test, chosen(s) & 1, 1);
	}
	/* All odd ones are taken. */
	for (port = 1025; port < PORTS; port += 2)
		set_bit(port, s->f.taken);
	s->f.copy = true;
	for (i = 0; i < CHOICES; i++) {
		KUNIT_ASSERT_EQ(test, choose(s), 0);
		KUNIT_ASSERT_EQ(test, chosen(s) & 1, 0);
		clear_bit(chosen(s), s->f.hint);
	}
	/* A few: the one of the right parity, though the others are free. */
	bitmap_zero(s->f.taken, PORTS);
	s->f.hinted = false;
	set_ports(s, 7000, 7002);
	for (i = 0; i < 100; i++) {
		KUNIT_ASSERT_EQ(test, choose(s), 0);
		KUNIT_ASSERT_EQ(test, chosen(s), (u16)7001);
	}
	/* Who wants it random gets that. */
	s->range.flags = FULLY;
	for (i = 0, odd = 0; i < CHOICES; i++) {
		choose(s);
		odd += chosen(s) & 1;
	}
	KUNIT_EXPECT_GT(test, odd, CHOICES / 2 - 200U);
	KUNIT_EXPECT_LT(test, odd, CHOICES / 2 + 200U);
	/* At the ends of a range there may be no neighbour. */
	s->range.flags = 0;
	set_ports(s, 7001, 7101);
	for (i = 0; i < CHOICES; i++) {
		KUNIT_ASSERT_EQ(test, choose(s), 0);
		KUNIT_ASSERT_GE(test, chosen(s), (u16)7001);
		KUNIT_ASSERT_LE(test, chosen(s), (u16)7101);
	}
}

/* ip_local_reserved_ports. */
static void test_reserved(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_TCP, SRC, 3000);
	unsigned long *reserved = new_bitmap(test);
	unsigned int i;

	set_bit(3000, s->f.taken);
	bitmap_fill(reserved, PORTS);
	bitmap_clear(reserved, 20000, 2);
	s->c.reserved = reserved;
	for (i = 0; i < CHOICES; i++) {
		KUNIT_ASSERT_EQ(test, choose(s), 0);
		KUNIT_ASSERT_EQ(test, chosen(s) & ~1, 20000);
		KUNIT_ASSERT_EQ(test, s->c.probes, 2U);
	}
	/* Its own is kept, reserved or not. */
	clear_bit(3000, s->f.taken);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_EQ(test, chosen(s), (u16)3000);
	/* Also in a bitmap. */
	set_bit(3000, s->f.taken);
	set_bit(20000, s->f.taken);
	s->f.copy = true;
	for (i = 0; i < CHOICES; i++) {
		KUNIT_ASSERT_EQ(test, choose(s), 0);
		KUNIT_ASSERT_EQ(test, chosen(s), (u16)20001);
		clear_bit(20001, s->f.hint);
	}
	set_bit(20001, s->f.taken);
	set_bit(20001, s->f.hint);
	KUNIT_EXPECT_EQ(test, choose(s), -EADDRINUSE);
	set_bit(20001, reserved);
	set_bit(20000, reserved);
	KUNIT_EXPECT_EQ(test, choose(s), -EADDRINUSE);
	/* What the rule names is the rule's. */
	set_ports(s, 40000, 40009);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	/* Identifiers are no ports. */
	s->range.flags = 0;
	s->orig.dst.protonum = IPPROTO_ICMP;
	s->orig.src.u.icmp.id = htons(3000);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
}

/* Those that programs use are reserved, as they may well be. */
static void test_reserved_row(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_UDP, SRC, 3001);
	unsigned long *reserved = new_bitmap(test);
	unsigned int i, behind = 0;

	set_bit(3001, s->f.taken);
	bitmap_set(reserved, 32768, 28232);
	s->c.reserved = reserved;
	for (i = 0; i < CHOICES; i++) {
		KUNIT_ASSERT_EQ(test, choose(s), 0);
		KUNIT_ASSERT_FALSE(test, test_bit(chosen(s), reserved));
		KUNIT_ASSERT_EQ(test, chosen(s) & 1, 1);
		KUNIT_ASSERT_EQ(test, s->c.probes, 2U);
		behind += chosen(s) == 61000 || chosen(s) == 61001;
	}
	KUNIT_EXPECT_LT(test, behind, 20U);
}

/* One that only waits for late packets is taken for want of another. */
static void test_reuse(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_TCP, SRC, 3000);
	unsigned int i;

	bitmap_fill(s->f.closing, PORTS);
	set_bit(3000, s->f.taken);
	for (i = 0; i < CHOICES; i++) {
		KUNIT_ASSERT_EQ(test, choose(s), 0);
		KUNIT_ASSERT_EQ(test, s->f.reused, 0U);
	}
	bitmap_fill(s->f.taken, PORTS);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_EQ(test, s->f.reused, 1U);
	KUNIT_EXPECT_EQ(test, s->c.probes, 14U);
	/* A bitmap shows it as free. */
	bitmap_fill(s->f.taken, PORTS);
	bitmap_fill(s->f.hint, PORTS);
	clear_bit(44444, s->f.hint);
	s->f.hinted = true;
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_EQ(test, chosen(s), (u16)44444);
	/* And it makes room in a range of one. */
	set_ports(s, 55555, 55555);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
}

/* What a source is translated to already. */
static void test_mapped(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_UDP, SRC, 3000);
	struct nf_conntrack_man mapped = {
		.u3.ip = htonl(0xc0000205),
		.u.all = htons(4444),
		.l3num = V4,
	};

	set_addresses(s, 0xc0000201, 0xc0000209);
	s->c.mapped = &mapped;
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_TRUE(test, s->tuple.src.u3.ip == mapped.u3.ip);
	KUNIT_EXPECT_EQ(test, chosen(s), (u16)4444);
	KUNIT_EXPECT_EQ(test, s->c.probes, 1U);
	/* Not if it is taken towards this one, or the rule has others. */
	set_bit(4444, s->f.taken);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_EQ(test, chosen(s), (u16)3000);
	clear_bit(4444, s->f.taken);
	set_addresses(s, 0xc0000206, 0xc0000209);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_EQ(test, chosen(s), (u16)3000);
	set_addresses(s, 0xc0000201, 0xc0000209);
	set_ports(s, 4445, 4500);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_NE(test, chosen(s), (u16)4444);
	/* Nor if it is to be random. */
	set_ports(s, 4444, 4500);
	s->range.flags |= RANDOM;
	s->c.seed = 3;
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_NE(test, chosen(s), (u16)4444);
	/* A source that is in range as it is needs no mapping. */
	s->range.flags = 0;
	set_addresses(s, ntohl(CLIENT), ntohl(CLIENT));
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_TRUE(test, ct_tuple_equal(&s->tuple, &s->orig));
	/* Unless it is to be the same towards everybody, come what may. */
	set_addresses(s, 0, 0xffffffff);
	s->c.stick = true;
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_EQ(test, chosen(s), (u16)4444);
	s->range.flags |= RANDOM;
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_EQ(test, chosen(s), (u16)4444);
	/* It is taken, or there is none: then what else there is. */
	set_bit(4444, s->f.taken);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_NE(test, chosen(s), (u16)4444);
	s->range.flags &= ~RANDOM;
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_TRUE(test, ct_tuple_equal(&s->tuple, &s->orig));
	s->c.mapped = NULL;
	KUNIT_EXPECT_EQ(test, choose(s), 0);
	KUNIT_EXPECT_TRUE(test, ct_tuple_equal(&s->tuple, &s->orig));
}

/* One address has no port left: another one has. */
static void test_pool(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_TCP, SRC, 3000);
	unsigned int i, other = 0;

	set_addresses(s, 0xc0000200, 0xc0000201);
	bitmap_fill(s->f.taken, PORTS);
	bitmap_fill(s->f.hint, PORTS);
	s->f.hinted = true;
	for (i = 0; i < 100; i++) {
		s->f.free = htonl(0xc0000200 + (i & 1));
		KUNIT_ASSERT_EQ(test, choose(s), 0);
		KUNIT_ASSERT_TRUE(test, s->tuple.src.u3.ip == s->f.free);
		KUNIT_ASSERT_LE(test, s->c.probes, (unsigned int)CT_NAT_PROBES);
	}
	/* Of one that is to have a lasting address, that is wanted. */
	s->range.flags |= PERSISTENT;
	for (i = 0; i < 2; i++) {
		s->f.free = htonl(0xc0000200 + i);
		other += !!choose(s);
	}
	KUNIT_EXPECT_EQ(test, other, 1U);
	s->range.flags &= ~PERSISTENT;
	s->f.free = 0;
	KUNIT_EXPECT_EQ(test, choose(s), -EADDRINUSE);
	KUNIT_EXPECT_LE(test, s->c.probes, (unsigned int)CT_NAT_PROBES + 5);
	/* A protocol without ports has but this. */
	s->orig.dst.protonum = IPPROTO_ESP;
	s->f.free = htonl(0xc0000200);
	KUNIT_EXPECT_EQ(test, choose(s), 0);
}

/* A look at some of all, and at each of a few. */
static void test_some(struct kunit *test)
{
	static const u16 ends[][2] = {
		{ 7, 7 }, { 4000, 4015 }, { 4000, 4016 }, { 0, 65535 },
	};
	struct setup *s = set_up(test, IPPROTO_TCP, SRC, 3000);
	unsigned long *seen = new_bitmap(test);
	unsigned int i, j, n;

	s->tuple = s->orig;
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		set_ports(s, ends[i][0], ends[i][1]);
		bitmap_zero(seen, PORTS);
		for (n = 0; n < CT_NAT_SOME; n++) {
			if (!ct_nat_some_port(&s->c, &s->orig, n, &s->tuple))
				break;
			KUNIT_EXPECT_FALSE(test, test_and_set_bit(chosen(s),
								  seen));
			KUNIT_EXPECT_GE(test, chosen(s), ends[i][0]);
			KUNIT_EXPECT_LE(test, chosen(s), ends[i][1]);
		}
		KUNIT_EXPECT_EQ(test, n, min(ends[i][1] - ends[i][0] + 1,
					     CT_NAT_SOME));
	}
	/* Each may be among them; not those that nobody may have. */
	set_ports(s, 4000, 4099);
	for (i = 0; i < 2000; i++) {
		s->c.seed = i + 1;
		ct_nat_some_port(&s->c, &s->orig, i % CT_NAT_SOME, &s->tuple);
		set_bit(chosen(s), seen);
	}
	KUNIT_EXPECT_EQ(test, find_next_zero_bit(seen, PORTS, 4000), 4100UL);
	/* Where half of them are such, each is another one, too. */
	s->range.flags = 0;
	bitmap_zero(seen, PORTS);
	bitmap_set(s->f.hint, 1024, 31744);
	s->c.reserved = s->f.hint;
	for (j = 0; j < CT_NAT_SOME; j++) {
		KUNIT_EXPECT_TRUE(test, ct_nat_some_port(&s->c, &s->orig, j,
							 &s->tuple));
		KUNIT_EXPECT_FALSE(test, test_and_set_bit(chosen(s), seen));
		KUNIT_EXPECT_GE(test, chosen(s), 32768);
	}
	bitmap_fill(seen, PORTS);
	bitmap_clear(seen, 20000, 2);
	s->c.reserved = seen;
	for (j = 0; j < CT_NAT_SOME; j++) {
		KUNIT_EXPECT_TRUE(test, ct_nat_some_port(&s->c, &s->orig, j,
							 &s->tuple));
		KUNIT_EXPECT_EQ(test, chosen(s) & ~1, 20000);
	}
	bitmap_fill(seen, PORTS);
	KUNIT_EXPECT_FALSE(test, ct_nat_some_port(&s->c, &s->orig, 0, &s->tuple));
	s->orig.dst.protonum = IPPROTO_ESP;
	s->tuple = s->orig;
	KUNIT_EXPECT_FALSE(test, ct_nat_some_port(&s->c, &s->orig, 0, &s->tuple));
}

/* Whoever keeps his port has it in the bitmap, too, and asks that first. */
static void test_noted(struct kunit *test)
{
	struct setup *s = set_up(test, IPPROTO_TCP, SRC, 3000);
	unsigned int hope;

	KUNIT_EXPECT_EQ(test, choose(s), 0);
	s->f.hinted = true;
	for (hope = 0; hope < 2; hope++) {
		s->c.hope = hope;
		s->range.flags = 0;
		clear_bit(3000, s->f.hint);
		KUNIT_EXPECT_EQ(test, choose(s), 0);
		KUNIT_EXPECT_EQ(test, chosen(s), (u16)3000);
		KUNIT_EXPECT_TRUE(test, test_bit(3000, s->f.hint));
		set_addresses(s, 0xc0000201, 0xc0000201);
		clear_bit(3000, s->f.hint);
		KUNIT_EXPECT_EQ(test, choose(s), 0);
		KUNIT_EXPECT_EQ(test, chosen(s), (u16)3000);
		KUNIT_EXPECT_EQ(test, s->c.probes, hope ? 0U : 1U);
		KUNIT_EXPECT_TRUE(test, test_bit(3000, s->f.hint));
		KUNIT_EXPECT_EQ(test, bitmap_weight(s->f.hint, PORTS), 1);
		KUNIT_EXPECT_EQ(test, choose(s), 0);
		KUNIT_EXPECT_NE(test, chosen(s), (u16)3000);
		KUNIT_EXPECT_EQ(test, s->c.probes, 1U);
		clear_bit(chosen(s), s->f.hint);
	}
}

static struct kunit_case ct_nat_port_cases[] = {
	KUNIT_CASE_PARAM(test_occupancy, occupancy_gen_params),
	KUNIT_CASE_PARAM(test_rule, rule_gen_params),
	KUNIT_CASE(test_last),
	KUNIT_CASE(test_stale),
	KUNIT_CASE(test_asked),
	KUNIT_CASE(test_few),
	KUNIT_CASE(test_even),
	KUNIT_CASE(test_parity),
	KUNIT_CASE(test_reserved),
	KUNIT_CASE(test_reserved_row),
	KUNIT_CASE(test_reuse),
	KUNIT_CASE(test_mapped),
	KUNIT_CASE(test_pool),
	KUNIT_CASE(test_some),
	KUNIT_CASE(test_noted),
	{}
};

static struct kunit_suite ct_nat_port_suite = {
	.name = "ct_nat_port",
	.test_cases = ct_nat_port_cases,
};

kunit_test_suites(&ct_nat_port_suite);

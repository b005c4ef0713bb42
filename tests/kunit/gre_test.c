// SPDX-License-Identifier: GPL-2.0
/* GRE: tunnels, and the calls of PPTP. */
#include "packet.h"
#include "wheels.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6
#define SHORT	CT_INVALID_L4_SHORT

struct header_case {
	const char *name;
	u8 l3;
	u8 data[8];
	u8 len;
	u16 call;
	enum ct_invalid expect;
	u8 padding;	/* of the link, behind the packet */
};

static const struct header_case header_cases[] = {
	{ "plain (RFC 2784)", V4, { 0, 0, 0x08, 0 }, 8 },
	{ "plain over IPv6", V6, { 0, 0, 0x86, 0xdd }, 8 },
	{ "with a key (RFC 2890)", V4, { 0x20, 0, 0x08, 0, 1, 2, 3, 4 }, 8 },
	{ "nothing behind its first word", V4, { 0, 0, 0x08, 0 }, 4 },
	{ "cut within its first word", V4, { 0, 0, 0x08 }, 3, 0, SHORT },
	{ "cut within it, over IPv6", V6, { 0 }, 1, 0, SHORT },
	{ "nothing of it", V4, { 0 }, 0, 0, SHORT },
	{ "a call of PPTP", V4, { 0x30, 1, 0x88, 0x0b, 0, 9, 0x12, 0x34 }, 8,
	  0x1234 },
	{ "a call over IPv6", V6, { 0x30, 1, 0x88, 0x0b, 0, 9, 0xff, 1 }, 8,
	  0xff01 },
	{ "a call, cut off", V4, { 0x30, 1, 0x88, 0x0b, 0, 9, 0x12 }, 7, 0,
	  SHORT },
	{ "cut, and padded by the link", V4, { 0, 0, 0x08 }, 3, 0, SHORT, 9 },
	{ "a call, cut off and padded", V6, { 0x30, 1, 0x88, 0x0b, 0, 9 }, 6,
	  0, SHORT, 20 },
	{ "a call, and no more than its number", V4,
	  { 0x30, 1, 0x88, 0x0b, 0, 9 }, 6, 0, SHORT },
	{ "enhanced, but no PPP", V4, { 0x30, 1, 0x08, 0, 0, 9, 0, 1 }, 8, 0,
	  CT_INVALID_GRE_PROTOCOL },
	{ "a version that does not exist", V4,
	  { 0x30, 2, 0x88, 0x0b, 0, 9, 0x12, 0x34 }, 8 },
};

static void header_desc(const struct header_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(header, header_cases, header_desc);

static void test_header(struct kunit *test)
{
	const struct header_case *c = test->param_value;
	struct nf_conntrack_tuple tuple, inverse;
	struct ct_net *cn = test_net(test);
	struct test_packet t;
	struct ct_packet p;
	unsigned int linear;

	/* All in one piece, and but for the IP header in a page. */
	for (linear = 0; linear < 2; linear++) {
		test_start(&t, c->l3, IPPROTO_GRE);
		memcpy(test_put(&t, c->len), c->data, c->len);
		test_finish(&t);
		test_put(&t, c->padding);
		p = test_located(test, cn, test_skb(test, &t, linear ? t.len :
						    t.l4off), t.l3);
		KUNIT_EXPECT_EQ(test, (int)ct_packet_read(&p, 0, &tuple),
				(int)c->expect);
		kfree_skb(p.skb);
		if (c->expect)
			continue;
		KUNIT_EXPECT_EQ(test, ntohs(tuple.src.u.all), 0);
		KUNIT_EXPECT_EQ(test, ntohs(tuple.dst.u.all), c->call);
		KUNIT_EXPECT_TRUE(test, ct_tuple_invert(&inverse, &tuple));
		KUNIT_EXPECT_EQ(test, ntohs(inverse.src.u.all), c->call);
		KUNIT_EXPECT_EQ(test, ntohs(inverse.dst.u.all), 0);
	}
}

static void test_answered(struct kunit *test)
{
	const struct ct_proto *proto = ct_proto_find(V4, IPPROTO_GRE);
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	enum ct_invalid reason;
	struct test_packet t;
	struct ct_packet p;

	KUNIT_ASSERT_PTR_EQ(test, proto, &ct_proto_gre);
	test_start(&t, V4, IPPROTO_GRE);
	memset(test_put(&t, 4), 0, 4);
	test_finish(&t);
	p = test_located(test, cn, test_skb(test, &t, t.len), t.l3);
	KUNIT_EXPECT_EQ(test, (int)proto->new(e, &p), CT_OK);
	KUNIT_EXPECT_EQ(test, e->expires, cn->timeout[CT_TIMEOUT_GRE]);
	proto->packet(e, &p, IP_CT_NEW, &reason);
	KUNIT_EXPECT_EQ(test, e->expires, cn->timeout[CT_TIMEOUT_GRE]);
	KUNIT_EXPECT_FALSE(test, !!(ct_entry_hot(e) & IPS_ASSURED));

	ct_status_set(e, IPS_SEEN_REPLY_BIT);
	proto->packet(e, &p, IP_CT_ESTABLISHED, &reason);
	KUNIT_EXPECT_EQ(test, e->expires, cn->timeout[CT_TIMEOUT_GRE_STREAM]);
	KUNIT_EXPECT_TRUE(test, !!(ct_entry_hot(e) & IPS_ASSURED));
	kfree_skb(p.skb);
}

static struct kunit_case ct_gre_cases[] = {
	KUNIT_CASE_PARAM(test_header, header_gen_params),
	KUNIT_CASE(test_answered),
	{}
};

static struct kunit_suite ct_gre_suite = {
	.name = "ct_gre",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.test_cases = ct_gre_cases,
};

kunit_test_suites(&ct_gre_suite);

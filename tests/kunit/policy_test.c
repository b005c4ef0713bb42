// SPDX-License-Identifier: GPL-2.0
/*
 * Timeout policies: whose they are, and that what has no states goes by them.
 * The tests of TCP, SCTP and DCCP have a case of their own.
 */
#include <linux/err.h>
#include "proto/fast.h"
#include "packet.h"
#include "wheels.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

/* Which timeouts a protocol has. */
struct range_case {
	const char *name;
	u8 l4;
	u8 first;
	u8 n;
};

static const struct range_case range_cases[] = {
	{ "TCP", IPPROTO_TCP, CT_TIMEOUT_TCP + 1, 11 },
	{ "UDP", IPPROTO_UDP, CT_TIMEOUT_UDP, 2 },
	{ "UDP-Lite", IPPROTO_UDPLITE, CT_TIMEOUT_UDP, 2 },
	{ "GRE", IPPROTO_GRE, CT_TIMEOUT_GRE, 2 },
	{ "ICMP", IPPROTO_ICMP, CT_TIMEOUT_ICMP, 1 },
	{ "ICMPv6", IPPROTO_ICMPV6, CT_TIMEOUT_ICMPV6, 1 },
	{ "SCTP", IPPROTO_SCTP, CT_TIMEOUT_SCTP + 1, 9 },
	{ "DCCP", IPPROTO_DCCP, CT_TIMEOUT_DCCP + 1,
	  IS_ENABLED(CONFIG_NF_CT_PROTO_DCCP) ? 7 : 0 },
	{ "255, which is generic", IPPROTO_RAW, CT_TIMEOUT_GENERIC, 1 },
	{ "0", IPPROTO_IP },
	{ "ESP", IPPROTO_ESP },
	{ "99", 99 },
};

static void range_desc(const struct range_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(range, range_cases, range_desc);

static void policy_new(struct kunit *test)
{
	const struct range_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct ct_policy *policy = ct_policy_new(cn, c->l4);

	if (!c->n) {
		KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, PTR_ERR(policy));
		return;
	}
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, policy);
	KUNIT_EXPECT_EQ(test, policy->l4, c->l4);
	KUNIT_EXPECT_EQ(test, policy->first, c->first);
	KUNIT_EXPECT_EQ(test, policy->n, c->n);
	KUNIT_EXPECT_EQ(test, 0, memcmp(policy->timeout, cn->timeout,
					sizeof(cn->timeout)));
	ct_policy_put(policy);
}

/* Who gets a policy, with its first timeout, and who does not. */
struct attach_case {
	const char *name;
	u8 l4;
	u32 hot;
	bool attached;
	bool refreshed;
};

static const struct attach_case attach_cases[] = {
	{ "a new connection", IPPROTO_UDP, 0, true, true },
	{ "of another protocol", IPPROTO_TCP },
	{ "confirmed", IPPROTO_UDP, IPS_CONFIRMED | CT_HOT_CLAIMED },
	{ "confirmed by request", IPPROTO_UDP, IPS_CONFIRMED },
	{ "about to be confirmed", IPPROTO_UDP, CT_HOT_CLAIMED },
	{ "with a fixed timeout", IPPROTO_UDP, IPS_FIXED_TIMEOUT, true },
};

static void attach_desc(const struct attach_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(attach, attach_cases, attach_desc);

static void policy_attach(struct kunit *test)
{
	const struct attach_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	struct ct_policy *policy = ct_policy_new(cn, IPPROTO_UDP);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, policy);
	policy->timeout[CT_TIMEOUT_UDP] = 7;
	e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum = c->l4;
	e->expires = 5;
	atomic_set(&e->hot, c->hot);
	KUNIT_EXPECT_TRUE(test, ct_policy_attach(e, policy));
	KUNIT_EXPECT_EQ(test, e->expires, c->refreshed ? 7 : 5);
	KUNIT_EXPECT_EQ(test, c->hot | (c->attached ? CT_HOT_POLICY : 0),
			ct_entry_hot(e));
	KUNIT_EXPECT_PTR_EQ(test, ct_timeouts(e), c->attached ?
			    policy->timeout : cn->timeout);
	KUNIT_EXPECT_EQ(test, refcount_read(&policy->refs), 1 + c->attached);
	test_free_rare(e);
	ct_policy_put(policy);
}

/* The first policy stays, and the time begins anew with that. */
static void policy_second(struct kunit *test)
{
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	struct ct_policy *first = ct_policy_new(cn, IPPROTO_ICMP);
	struct ct_policy *second = ct_policy_new(cn, IPPROTO_ICMP);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum = IPPROTO_ICMP;
	first->timeout[CT_TIMEOUT_ICMP] = 7;
	second->timeout[CT_TIMEOUT_ICMP] = 9;
	KUNIT_EXPECT_TRUE(test, ct_policy_attach(e, first));
	e->expires = 5;
	KUNIT_EXPECT_TRUE(test, ct_policy_attach(e, second));
	KUNIT_EXPECT_EQ(test, e->expires, 7);
	KUNIT_EXPECT_PTR_EQ(test, ct_timeouts(e), &first->timeout[0]);
	KUNIT_EXPECT_EQ(test, refcount_read(&first->refs), 2);
	KUNIT_EXPECT_EQ(test, refcount_read(&second->refs), 1);
	test_free_rare(e);
	KUNIT_EXPECT_EQ(test, refcount_read(&first->refs), 1);
	ct_policy_put(first);
	ct_policy_put(second);
}

/* No timeout is longer than what the wheel can do. */
static void policy_longest(struct kunit *test)
{
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	struct ct_policy *policy = ct_policy_new(cn, IPPROTO_ICMP);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, policy);
	e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum = IPPROTO_ICMP;
	policy->timeout[CT_TIMEOUT_ICMP] = U32_MAX;
	KUNIT_EXPECT_TRUE(test, ct_policy_attach(e, policy));
	KUNIT_EXPECT_EQ(test, e->expires, CT_LONGEST);
	test_free_rare(e);
	ct_policy_put(policy);
}

/* A packet of a connection that has bits: by which timeout it goes then. */
struct packet_case {
	const char *name;
	u8 l3;
	u8 l4;
	u32 had;
	u8 timeout;
};

static const struct packet_case packet_cases[] = {
	{ "UDP", V4, IPPROTO_UDP, 0, CT_TIMEOUT_UDP },
	{ "UDP, answered", V4, IPPROTO_UDP, IPS_SEEN_REPLY, CT_TIMEOUT_UDP },
	{ "UDP, a stream", V6, IPPROTO_UDP, IPS_SEEN_REPLY | IPS_ASSURED,
	  CT_TIMEOUT_UDP_STREAM },
	{ "UDP-Lite", V4, IPPROTO_UDPLITE, 0, CT_TIMEOUT_UDP },
	{ "UDP-Lite, answered", V6, IPPROTO_UDPLITE, IPS_SEEN_REPLY,
	  CT_TIMEOUT_UDP_STREAM },
	{ "GRE", V4, IPPROTO_GRE, 0, CT_TIMEOUT_GRE },
	{ "GRE, answered", V4, IPPROTO_GRE, IPS_SEEN_REPLY,
	  CT_TIMEOUT_GRE_STREAM },
	{ "ICMP", V4, IPPROTO_ICMP, 0, CT_TIMEOUT_ICMP },
	{ "ICMP, answered", V4, IPPROTO_ICMP, IPS_SEEN_REPLY,
	  CT_TIMEOUT_ICMP },
	{ "ICMPv6", V6, IPPROTO_ICMPV6, 0, CT_TIMEOUT_ICMPV6 },
	{ "255", V4, IPPROTO_RAW, 0, CT_TIMEOUT_GENERIC },
};

static void packet_desc(const struct packet_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(packet, packet_cases, packet_desc);

static void put_packet(struct test_packet *t, const struct packet_case *c)
{
	test_start(t, c->l3, c->l4);
	if (c->l4 == IPPROTO_UDP || c->l4 == IPPROTO_UDPLITE)
		test_put_udp(t, 4);
	else if (c->l4 == IPPROTO_ICMP || c->l4 == IPPROTO_ICMPV6)
		test_put_icmp(t, c->l4 == IPPROTO_ICMP ? ICMP_ECHO :
							 ICMPV6_ECHO_REQUEST);
	else
		memset(test_put(t, 8), 0, 8);
	test_finish(t);
}

static void policy_packet(struct kunit *test)
{
	const struct packet_case *c = test->param_value;
	const struct ct_proto *proto = ct_proto_find(c->l3, c->l4);
	const unsigned int *timeouts;
	enum test_policy mode;
	enum ct_invalid reason;
	struct test_packet t;
	unsigned int bit;

	put_packet(&t, c);
	for (mode = 0; mode < TEST_POLICIES; mode++) {
		struct ct_net *cn = test_net(test);
		struct ct_entry *e = test_entry(test, cn);
		struct nf_conntrack_tuple *tuple;
		struct ct_packet p;

		tuple = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
		p = test_located(test, cn, test_skb(test, &t, t.len), t.l3);
		KUNIT_EXPECT_EQ(test, (int)ct_packet_read(&p, 0, tuple),
				CT_OK);
		KUNIT_EXPECT_EQ(test, (int)proto->new(e, &p), CT_OK);
		timeouts = test_policy(test, e, c->l4, mode);
		for (bit = 0; bit < 16; bit++)
			if (c->had & BIT(bit))
				ct_status_set(e, bit);
		if (mode == TEST_WITHDRAWN && c->l4 == IPPROTO_UDP)
			KUNIT_EXPECT_FALSE(test, ct_udp_steady(e));
		KUNIT_EXPECT_EQ(test, (int)proto->packet(e, &p, IP_CT_NEW,
							 &reason), CT_ACCEPT);
		KUNIT_EXPECT_EQ_MSG(test, e->expires, timeouts[c->timeout],
				    "mode %u", mode);
		if (c->l4 == IPPROTO_UDP)
			KUNIT_EXPECT_TRUE(test, ct_udp_steady(e));
		kfree_skb(p.skb);
		test_free_rare(e);
	}
}

static struct kunit_case ct_policy_cases[] = {
	KUNIT_CASE_PARAM(policy_new, range_gen_params),
	KUNIT_CASE_PARAM(policy_attach, attach_gen_params),
	KUNIT_CASE(policy_second),
	KUNIT_CASE(policy_longest),
	KUNIT_CASE_PARAM(policy_packet, packet_gen_params),
	{}
};

static struct kunit_suite ct_policy_suite = {
	.name = "ct_policy",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.test_cases = ct_policy_cases,
};

kunit_test_suites(&ct_policy_suite);

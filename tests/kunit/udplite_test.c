// SPDX-License-Identifier: GPL-2.0
/* UDP-Lite: what the checksum covers, and when a connection is a stream. */
#include "packet.h"
#include "wheels.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6
#define PAYLOAD	12
#define WHOLE	(sizeof(struct udphdr) + PAYLOAD)

/* @touch: the octet of the datagram that was damaged on the way, 0 for none. */
struct coverage_case {
	const char *name;
	u8 l3;
	u16 coverage;
	u8 touch;
	u8 cut;
	u8 linear;
	bool no_checksum;
	bool unchecked;
	u8 hook;
	enum ct_invalid expect;
};

static const struct coverage_case coverage_cases[] = {
	{ "all, said so", V4, WHOLE },
	{ "all, by a zero", V4, 0 },
	{ "all, IPv6", V6, 0 },
	{ "the header alone", V4, 8 },
	{ "a part, IPv6", V6, 11 },
	{ "a part, in a page", V4, 11, .linear = 20 },
	{ "damaged behind the part", V4, 11, .touch = 11 },
	{ "damaged behind the part, IPv6", V6, 11, .touch = 19 },
	{ "damaged within the part", V4, 11, .touch = 10,
	  .expect = CT_INVALID_UDPLITE_CHECKSUM },
	{ "damaged within the part, IPv6", V6, 11, .touch = 10,
	  .expect = CT_INVALID_UDPLITE_CHECKSUM },
	{ "damaged within all", V4, 0, .touch = 19,
	  .expect = CT_INVALID_UDPLITE_CHECKSUM },
	{ "damaged, switched off", V4, 0, .touch = 19, .unchecked = true },
	{ "damaged, on the way out", V4, 0, .touch = 19,
	  .hook = NF_INET_LOCAL_OUT },
	{ "no checksum", V4, 0, .no_checksum = true,
	  .expect = CT_INVALID_UDPLITE_CHECKSUM },
	{ "less than the header", V4, 7,
	  .expect = CT_INVALID_UDPLITE_COVERAGE },
	{ "one octet", V6, 1, .expect = CT_INVALID_UDPLITE_COVERAGE },
	{ "more than there is", V4, WHOLE + 1,
	  .expect = CT_INVALID_UDPLITE_COVERAGE },
	{ "7 octets", V4, 0, .cut = 7, .expect = CT_INVALID_L4_SHORT },
};

static void coverage_desc(const struct coverage_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(coverage, coverage_cases, coverage_desc);

/* The pseudo header has the protocol's own number (RFC 3828 3.2). */
static __sum16 sum(struct test_packet *t, unsigned int covered)
{
	const unsigned int len = t->len - t->l4off;
	__wsum csum = csum_partial(t->data + t->l4off, covered, 0);

	if (t->l3 == V4)
		return csum_tcpudp_magic(TEST_SRC, TEST_DST, len,
					 IPPROTO_UDPLITE, csum);
	return csum_ipv6_magic(&((struct ipv6hdr *)t->data)->saddr,
			       &((struct ipv6hdr *)t->data)->daddr, len,
			       IPPROTO_UDPLITE, csum);
}

static void test_coverage(struct kunit *test)
{
	const struct coverage_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct test_packet t;
	struct ct_packet p;
	struct udphdr *uh;

	test_start(&t, c->l3, IPPROTO_UDPLITE);
	uh = test_put_udp(&t, PAYLOAD);
	uh->len = htons(c->coverage);
	test_finish(&t);
	uh->check = sum(&t, min_t(u16, c->coverage ?: WHOLE, WHOLE));
	if (c->no_checksum)
		uh->check = 0;
	if (c->touch)
		t.data[t.l4off + c->touch] ^= 0x20;
	if (c->cut) {
		t.len = t.l4off + c->cut;
		test_finish(&t);
	}
	cn->checksum = !c->unchecked;
	p = test_located(test, cn, test_skb(test, &t, c->linear ?: t.len),
			 t.l3);
	p.hook = c->hook;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_udplite.check(&p),
			(int)c->expect);
	kfree_skb(p.skb);
}

/* One answer makes a stream: the next datagram assures it. */
static void test_answered(struct kunit *test)
{
	const struct ct_proto *proto = ct_proto_find(V6, IPPROTO_UDPLITE);
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	struct nf_conntrack_tuple tuple;
	enum ct_invalid reason;
	struct test_packet t;
	struct ct_packet p;

	KUNIT_ASSERT_PTR_EQ(test, proto, &ct_proto_udplite);
	test_start(&t, V6, IPPROTO_UDPLITE);
	test_put_udp(&t, 4);
	test_finish(&t);
	p = test_located(test, cn, test_skb(test, &t, t.len), t.l3);
	KUNIT_EXPECT_EQ(test, (int)ct_packet_read(&p, 0, &tuple), CT_OK);
	KUNIT_EXPECT_EQ(test, ntohs(tuple.src.u.all), ntohs(TEST_SPORT));
	KUNIT_EXPECT_EQ(test, ntohs(tuple.dst.u.all), ntohs(TEST_DPORT));

	KUNIT_EXPECT_EQ(test, (int)proto->new(e, &p), CT_OK);
	KUNIT_EXPECT_EQ(test, e->expires, cn->timeout[CT_TIMEOUT_UDP]);
	proto->packet(e, &p, IP_CT_NEW, &reason);
	KUNIT_EXPECT_EQ(test, e->expires, cn->timeout[CT_TIMEOUT_UDP]);
	KUNIT_EXPECT_FALSE(test, !!(ct_entry_hot(e) & IPS_ASSURED));

	ct_status_set(e, IPS_SEEN_REPLY_BIT);
	KUNIT_EXPECT_EQ(test, (int)proto->packet(e, &p, IP_CT_ESTABLISHED,
						 &reason), CT_ACCEPT);
	KUNIT_EXPECT_EQ(test, e->expires, cn->timeout[CT_TIMEOUT_UDP_STREAM]);
	KUNIT_EXPECT_TRUE(test, !!(ct_entry_hot(e) & IPS_ASSURED));
	kfree_skb(p.skb);
}

static struct kunit_case ct_udplite_cases[] = {
	KUNIT_CASE_PARAM(test_coverage, coverage_gen_params),
	KUNIT_CASE(test_answered),
	{}
};

static struct kunit_suite ct_udplite_suite = {
	.name = "ct_udplite",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.test_cases = ct_udplite_cases,
};

kunit_test_suites(&ct_udplite_suite);

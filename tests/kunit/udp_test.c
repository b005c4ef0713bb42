// SPDX-License-Identifier: GPL-2.0
/* UDP: headers, and when a connection becomes a stream. */
#include "packet.h"
#include "wheels.h"

/* A datagram, changed, and what check() says of it. */
struct check_case {
	const char *name;
	u8 l3;
	u16 length;
	bool no_checksum;
	bool corrupt;
	bool unchecked;
	u8 summed;
	u8 hook;
	u8 cut;
	u8 linear;
	enum ct_invalid expect;
};

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

static const struct check_case check_cases[] = {
	{ "IPv4, good", V4 },
	{ "IPv6, good", V6 },
	{ "header in a page", V4, .linear = 21 },
	{ "7 bytes", V4, .cut = 7, .expect = CT_INVALID_L4_SHORT },
	{ "length 0", V4, .length = 0xffff,
	  .expect = CT_INVALID_UDP_LENGTH },
	{ "length below the header", V6, .length = 7,
	  .expect = CT_INVALID_UDP_LENGTH },
	{ "length past the packet", V4, .length = 17,
	  .expect = CT_INVALID_UDP_LENGTH },
	{ "length past the packet, no checksum", V4, .length = 17,
	  .no_checksum = true, .expect = CT_INVALID_UDP_LENGTH },
	{ "IPv4, no checksum", V4, .no_checksum = true },
	{ "IPv6, no checksum", V6, .no_checksum = true },
	{ "IPv4, bad checksum", V4, .corrupt = true,
	  .expect = CT_INVALID_UDP_CHECKSUM },
	{ "IPv6, bad checksum", V6, .corrupt = true,
	  .expect = CT_INVALID_UDP_CHECKSUM },
	{ "bad checksum, switched off", V4, .corrupt = true,
	  .unchecked = true },
	{ "bad checksum, on the way out", V6, .corrupt = true,
	  .hook = NF_INET_LOCAL_OUT },
	{ "bad checksum, the card says good", V4, .corrupt = true,
	  .summed = CHECKSUM_UNNECESSARY },
};

static void check_desc(const struct check_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(check, check_cases, check_desc);

static void test_check(struct kunit *test)
{
	const struct check_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct test_packet t;
	struct ct_packet p;
	struct udphdr *uh;

	test_start(&t, c->l3, IPPROTO_UDP);
	uh = test_put_udp(&t, 8);
	if (c->cut)
		t.len = t.l4off + c->cut;
	if (c->length)
		uh->len = htons(c->length == 0xffff ? 0 : c->length);
	test_finish(&t);
	if (c->no_checksum)
		uh->check = 0;
	if (c->corrupt)
		t.data[t.len - 1] ^= 0x01;

	cn->checksum = !c->unchecked;
	p = test_located(test, cn, test_skb(test, &t, c->linear ?: t.len),
			 t.l3);
	p.skb->ip_summed = c->summed;
	p.hook = c->hook;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_udp.check(&p), (int)c->expect);
	kfree_skb(p.skb);
}

/*
 * A datagram of a connection of an age, in jiffies; what it lives by then.
 * The bits a connection already has: IPS_*.
 */
struct stream_case {
	const char *name;
	unsigned int age;
	u32 had;
	bool assured;
	unsigned int timeout;
};

static const struct stream_case stream_cases[] = {
	{ "the first", 0, 0, false, CT_TIMEOUT_UDP },
	{ "a minute, unanswered", 60 * HZ, 0, false, CT_TIMEOUT_UDP },
	{ "answered at once", 0, IPS_SEEN_REPLY, false, CT_TIMEOUT_UDP },
	{ "answered, 1.5 s", 3 * HZ / 2, IPS_SEEN_REPLY, false,
	  CT_TIMEOUT_UDP },
	{ "answered, 2.5 s", 5 * HZ / 2, IPS_SEEN_REPLY, true,
	  CT_TIMEOUT_UDP_STREAM },
	{ "answered, a day", 86400 * HZ, IPS_SEEN_REPLY, true,
	  CT_TIMEOUT_UDP_STREAM },
	{ "assured", 3 * HZ, IPS_SEEN_REPLY | IPS_ASSURED, true,
	  CT_TIMEOUT_UDP_STREAM },
	{ "assured by hand, young", 0, IPS_SEEN_REPLY | IPS_ASSURED, true,
	  CT_TIMEOUT_UDP_STREAM },
	{ "answered, fixed timeout", 3 * HZ,
	  IPS_SEEN_REPLY | IPS_FIXED_TIMEOUT, true, __CT_TIMEOUT_MAX },
};

static void stream_desc(const struct stream_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(stream, stream_cases, stream_desc);

static void test_stream(struct kunit *test)
{
	const struct stream_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	enum ct_invalid reason;
	struct test_packet t;
	struct ct_packet p;
	unsigned int bit;
	u32 want;

	test_start(&t, V4, IPPROTO_UDP);
	test_put_udp(&t, 4);
	test_finish(&t);
	p = test_located(test, cn, test_skb(test, &t, t.len), t.l3);

	KUNIT_EXPECT_EQ(test, (int)ct_proto_udp.new(e, &p), CT_OK);
	e->proto.udp.stream -= c->age;
	e->expires = 5 * HZ;
	for (bit = 0; bit < 16; bit++)
		if (c->had & BIT(bit))
			ct_status_set(e, bit);
	KUNIT_EXPECT_EQ(test, (int)ct_proto_udp.packet(e, &p, IP_CT_NEW,
						       &reason), CT_ACCEPT);
	KUNIT_EXPECT_EQ(test, !!(ct_entry_hot(e) & IPS_ASSURED), c->assured);
	want = c->timeout == __CT_TIMEOUT_MAX ? 5 * HZ :
						cn->timeout[c->timeout];
	KUNIT_EXPECT_EQ(test, e->expires, want);
	kfree_skb(p.skb);
}

/* What has no tracker of its own: one timeout, no ports, always accepted. */
static void test_generic(struct kunit *test)
{
	const struct ct_proto *proto = ct_proto_find(V4, IPPROTO_ESP);
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	struct nf_conntrack_tuple tuple;
	enum ct_invalid reason;
	struct test_packet t;
	struct ct_packet p;

	KUNIT_EXPECT_PTR_EQ(test, proto, &ct_proto_generic);
	test_start(&t, V4, IPPROTO_ESP);
	memset(test_put(&t, 8), 0x5a, 8);
	test_finish(&t);
	p = test_located(test, cn, test_skb(test, &t, t.len), t.l3);
	KUNIT_EXPECT_EQ(test, (int)ct_packet_read(&p, 0, &tuple), CT_OK);
	KUNIT_EXPECT_FALSE(test, tuple.src.u.all);
	KUNIT_EXPECT_FALSE(test, tuple.dst.u.all);
	KUNIT_EXPECT_EQ(test, (int)proto->new(e, &p), CT_OK);
	KUNIT_EXPECT_EQ(test, (int)proto->packet(e, &p, IP_CT_NEW, &reason),
			CT_ACCEPT);
	KUNIT_EXPECT_EQ(test, e->expires, cn->timeout[CT_TIMEOUT_GENERIC]);
	kfree_skb(p.skb);
}

static struct kunit_case ct_udp_cases[] = {
	KUNIT_CASE_PARAM(test_check, check_gen_params),
	KUNIT_CASE_PARAM(test_stream, stream_gen_params),
	KUNIT_CASE(test_generic),
	{}
};

static struct kunit_suite ct_udp_suite = {
	.name = "ct_udp",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.test_cases = ct_udp_cases,
};

kunit_test_suites(&ct_udp_suite);

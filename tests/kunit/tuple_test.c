// SPDX-License-Identifier: GPL-2.0
/* Headers, good and malformed, to tuples; inversion; the hash. */
#include "core.h"
#include "packet.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6
#define TCP	IPPROTO_TCP
#define UDP	IPPROTO_UDP

/* Stands for NEXTHDR_HOP, which is zero, in a list that a zero ends. */
#define HOP	255

/*
 * A packet of 4 bytes of payload, changed by up to three bytes and cut to a
 * length (0: whole), and what must come out.
 */
struct locate_case {
	const char *name;
	u8 l3;
	u8 l4;
	u8 ext[4];
	u8 options;
	struct {
		u16 at;
		u8 value;
	} patch[3];
	u16 cut;
	u16 linear;
	bool inner;
	enum ct_invalid expect;
	u16 l4off;
	u16 l4len;
};

static const struct locate_case locate_cases[] = {
	{ "IPv4 TCP", V4, TCP, .l4off = 20, .l4len = 24 },
	{ "IPv4 UDP", V4, UDP, .l4off = 20, .l4len = 12 },
	{ "IPv4 ICMP", V4, IPPROTO_ICMP, .l4off = 20, .l4len = 12 },
	{ "IPv4 ESP", V4, IPPROTO_ESP, .l4off = 20, .l4len = 4 },
	{ "IPv4 with options", V4, TCP, .options = 3, .l4off = 32,
	  .l4len = 24 },
	{ "IPv4 with the most options", V4, UDP, .options = 10, .l4off = 60,
	  .l4len = 12 },
	{ "IPv4 ports in a page", V4, TCP, .linear = 20, .l4off = 20,
	  .l4len = 24 },
	{ "IPv4 header in a page", V4, UDP, .linear = 2, .l4off = 20,
	  .l4len = 12 },
	{ "IPv4 first fragment", V4, UDP, .patch = { { 6, 0x20 } },
	  .l4off = 20, .l4len = 12 },
	{ "IPv4 padded by the link", V4, TCP, .patch = { { 3, 40 } },
	  .l4off = 20, .l4len = 20 },
	{ "IPv4 second fragment", V4, UDP, .patch = { { 7, 1 } },
	  .expect = CT_INVALID_IP_FRAGMENT },
	{ "IPv4 cut in the header", V4, TCP, .cut = 19,
	  .expect = CT_INVALID_IP_SHORT },
	{ "IPv4 nothing there", V4, TCP, .cut = 0xffff,
	  .expect = CT_INVALID_IP_SHORT },
	{ "IPv4 version 6", V4, TCP, .patch = { { 0, 0x65 } },
	  .expect = CT_INVALID_IP_HEADER },
	{ "IPv4 header length 4", V4, TCP, .patch = { { 0, 0x44 } },
	  .expect = CT_INVALID_IP_HEADER },
	{ "IPv4 header length 0", V4, TCP, .patch = { { 0, 0x40 } },
	  .expect = CT_INVALID_IP_HEADER },
	{ "IPv4 header longer than total", V4, UDP, .patch = { { 0, 0x4f } },
	  .expect = CT_INVALID_IP_HEADER },
	{ "IPv4 total below header", V4, TCP, .patch = { { 3, 19 } },
	  .expect = CT_INVALID_IP_HEADER },
	{ "IPv4 total past the packet", V4, TCP, .patch = { { 3, 45 } },
	  .expect = CT_INVALID_IP_HEADER },
	{ "IPv4 total zero", V4, TCP, .patch = { { 3, 0 } },
	  .expect = CT_INVALID_IP_HEADER },
	{ "IPv4 TCP cut in the ports", V4, TCP,
	  .patch = { { 3, 23 } }, .expect = CT_INVALID_L4_SHORT },
	{ "IPv4 UDP without header", V4, UDP,
	  .patch = { { 3, 20 } }, .expect = CT_INVALID_L4_SHORT },
	{ "IPv4 ICMP of 7 bytes", V4, IPPROTO_ICMP,
	  .patch = { { 3, 27 } }, .expect = CT_INVALID_L4_SHORT },
	{ "IPv4 quoted, cut after 8 bytes", V4, TCP, .cut = 28,
	  .inner = true, .l4off = 20, .l4len = 8 },
	{ "IPv4 quoted, garbled length", V4, TCP, .cut = 28,
	  .patch = { { 2, 0xff }, { 3, 1 } }, .inner = true, .l4off = 20,
	  .l4len = 8 },
	{ "IPv4 quoted, cut in the ports", V4, TCP, .cut = 22,
	  .inner = true, .expect = CT_INVALID_L4_SHORT },
	{ "IPv4 quoted, cut in the options", V4, TCP, .options = 2,
	  .cut = 24, .inner = true, .expect = CT_INVALID_IP_SHORT },
	{ "IPv4 quoted second fragment", V4, UDP, .patch = { { 6, 0x1f } },
	  .inner = true, .expect = CT_INVALID_IP_FRAGMENT },

	{ "IPv6 TCP", V6, TCP, .l4off = 40, .l4len = 24 },
	{ "IPv6 UDP", V6, UDP, .l4off = 40, .l4len = 12 },
	{ "IPv6 ICMPv6", V6, IPPROTO_ICMPV6, .l4off = 40, .l4len = 12 },
	{ "IPv6 GRE", V6, IPPROTO_GRE, .l4off = 40, .l4len = 4 },
	{ "IPv6 hop-by-hop", V6, TCP, { HOP }, .l4off = 48,
	  .l4len = 24 },
	{ "IPv6 hop-by-hop, destination, routing", V6, UDP,
	  { HOP, NEXTHDR_DEST, NEXTHDR_ROUTING }, .l4off = 64,
	  .l4len = 12 },
	{ "IPv6 authentication", V6, TCP, { NEXTHDR_AUTH }, .l4off = 48,
	  .l4len = 24 },
	{ "IPv6 atomic fragment", V6, UDP, { NEXTHDR_FRAGMENT }, .l4off = 48,
	  .l4len = 12 },
	{ "IPv6 first fragment", V6, UDP, { NEXTHDR_FRAGMENT },
	  .patch = { { 43, 1 } }, .l4off = 48, .l4len = 12 },
	{ "IPv6 headers in a page", V6, TCP, { HOP, NEXTHDR_DEST },
	  .linear = 41, .l4off = 56, .l4len = 24 },
	{ "IPv6 padded by the link", V6, TCP, .patch = { { 5, 20 } },
	  .l4off = 40, .l4len = 20 },
	{ "IPv6 second fragment", V6, UDP, { NEXTHDR_FRAGMENT },
	  .patch = { { 43, 8 } }, .expect = CT_INVALID_IP_FRAGMENT },
	{ "IPv6 cut in the header", V6, TCP, .cut = 39,
	  .expect = CT_INVALID_IP_SHORT },
	{ "IPv6 version 4", V6, TCP, .patch = { { 0, 0x40 } },
	  .expect = CT_INVALID_IP_HEADER },
	{ "IPv6 payload past the packet", V6, TCP, .patch = { { 5, 25 } },
	  .expect = CT_INVALID_IP_HEADER },
	{ "IPv6 no next header", V6, NEXTHDR_NONE,
	  .expect = CT_INVALID_EXTHDR },
	{ "IPv6 no next header after options", V6, NEXTHDR_NONE,
	  { NEXTHDR_DEST }, .expect = CT_INVALID_EXTHDR },
	{ "IPv6 options past the packet", V6, TCP, { HOP },
	  .patch = { { 41, 4 } }, .expect = CT_INVALID_EXTHDR },
	{ "IPv6 options past the payload", V6, UDP, { NEXTHDR_DEST },
	  .patch = { { 5, 7 } }, .expect = CT_INVALID_EXTHDR },
	{ "IPv6 authentication past the packet", V6, TCP, { NEXTHDR_AUTH },
	  .patch = { { 41, 255 } }, .expect = CT_INVALID_EXTHDR },
	{ "IPv6 quoted, cut in an extension header", V6, TCP,
	  { HOP, NEXTHDR_DEST }, .cut = 49, .inner = true,
	  .expect = CT_INVALID_EXTHDR },
	{ "IPv6 quoted, cut in the fragment header", V6, TCP,
	  { NEXTHDR_FRAGMENT }, .cut = 44, .inner = true,
	  .expect = CT_INVALID_EXTHDR },
	{ "IPv6 without payload", V6, UDP, .patch = { { 5, 0 } },
	  .expect = CT_INVALID_L4_SHORT },
	{ "IPv6 TCP cut in the ports", V6, TCP, .patch = { { 5, 3 } },
	  .expect = CT_INVALID_L4_SHORT },
	{ "IPv6 ICMPv6 of 7 bytes", V6, IPPROTO_ICMPV6,
	  .patch = { { 5, 7 } }, .expect = CT_INVALID_L4_SHORT },
	{ "IPv6 quoted, cut after 8 bytes", V6, UDP, { NEXTHDR_DEST },
	  .cut = 56, .inner = true, .l4off = 48, .l4len = 8 },
};

static void locate_desc(const struct locate_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(locate, locate_cases, locate_desc);

/* Each type stands in the header before. A zero ends the list. */
static void put_exthdrs(struct test_packet *t, const u8 *ext)
{
	u8 *next = &((struct ipv6hdr *)t->data)->nexthdr;

	for (; *ext; ext++) {
		u8 *eh = test_put(t, 8);

		eh[0] = *next;
		*next = *ext == HOP ? NEXTHDR_HOP : *ext;
		next = eh;
	}
	t->l4off = t->len;
}

static void build(struct test_packet *t, const struct locate_case *c)
{
	unsigned int i;

	test_start(t, c->l3, c->l4);
	if (c->options) {
		test_put(t, c->options * 4);
		((struct iphdr *)t->data)->ihl += c->options;
		t->l4off = t->len;
	}
	put_exthdrs(t, c->ext);

	switch (c->l4) {
	case IPPROTO_TCP:
		test_put_tcp(t);
		break;
	case IPPROTO_UDP:
		test_put_udp(t, 0);
		break;
	case IPPROTO_ICMP:
		test_put_icmp(t, ICMP_ECHO);
		break;
	case IPPROTO_ICMPV6:
		test_put_icmp(t, ICMPV6_ECHO_REQUEST);
		break;
	}
	test_put(t, 4);
	test_finish(t);
	for (i = 0; i < ARRAY_SIZE(c->patch); i++)
		if (c->patch[i].at || c->patch[i].value)
			t->data[c->patch[i].at] = c->patch[i].value;
	if (c->cut)
		t->len = c->cut == 0xffff ? 0 : c->cut;
}

static void expect_tuple(struct kunit *test, const struct locate_case *c,
			 const struct nf_conntrack_tuple *tuple)
{
	struct nf_conntrack_tuple want;

	memset(&want, 0, sizeof(want));
	want.src.l3num = c->l3;
	want.dst.protonum = c->l4;
	if (c->l3 == V4) {
		want.src.u3.ip = TEST_SRC;
		want.dst.u3.ip = TEST_DST;
	} else {
		test_addr6(&want.src.u3.in6, 1);
		test_addr6(&want.dst.u3.in6, 2);
	}
	switch (c->l4) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		want.src.u.all = TEST_SPORT;
		want.dst.u.all = TEST_DPORT;
		break;
	case IPPROTO_ICMP:
		want.dst.u.icmp.type = ICMP_ECHO;
		want.src.u.icmp.id = TEST_SPORT;
		break;
	case IPPROTO_ICMPV6:
		want.dst.u.icmp.type = ICMPV6_ECHO_REQUEST;
		want.src.u.icmp.id = TEST_SPORT;
		break;
	}
	KUNIT_EXPECT_EQ(test, memcmp(tuple, &want, sizeof(want)), 0);
}

static void test_locate(struct kunit *test)
{
	const struct locate_case *c = test->param_value;
	struct nf_conntrack_tuple tuple;
	struct ct_packet p = { .l3 = c->l3, .cn = test_net(test) };
	enum ct_invalid reason;
	struct test_packet t;

	build(&t, c);
	p.skb = test_skb(test, &t, c->linear ?: t.len);
	/* What a tuple leaves unset must be seen. */
	memset(&tuple, 0xff, sizeof(tuple));
	/* As if an error had quoted all of it, and nothing before. */
	p.l4len = t.len;
	reason = c->inner ? ct_packet_read_quoted(&p, 0, &tuple) :
			    ct_packet_read(&p, 0, &tuple);
	KUNIT_EXPECT_EQ(test, (int)reason, (int)c->expect);
	if (reason == CT_OK && c->expect == CT_OK) {
		if (!c->inner) {
			KUNIT_EXPECT_EQ(test, (int)p.l4, (int)c->l4);
			KUNIT_EXPECT_EQ(test, (int)p.l4off, (int)c->l4off);
			KUNIT_EXPECT_EQ(test, (int)p.l4len, (int)c->l4len);
		}
		expect_tuple(test, c, &tuple);
	}
	kfree_skb(p.skb);
}

struct invert_case {
	const char *name;
	u8 l3;
	u8 l4;
	u8 type;
	int answer;
};

static const struct invert_case invert_cases[] = {
	{ "TCP over IPv4", V4, TCP },
	{ "TCP over IPv6", V6, TCP },
	{ "UDP over IPv4", V4, UDP },
	{ "GRE over IPv6", V6, IPPROTO_GRE },
	{ "echo", V4, IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY },
	{ "timestamp", V4, IPPROTO_ICMP, ICMP_TIMESTAMP,
	  ICMP_TIMESTAMPREPLY },
	{ "information", V4, IPPROTO_ICMP, ICMP_INFO_REQUEST,
	  ICMP_INFO_REPLY },
	{ "address mask", V4, IPPROTO_ICMP, ICMP_ADDRESS, ICMP_ADDRESSREPLY },
	{ "unreachable", V4, IPPROTO_ICMP, ICMP_DEST_UNREACH, -1 },
	{ "router solicitation", V4, IPPROTO_ICMP, 10, -1 },
	{ "ICMP type 255", V4, IPPROTO_ICMP, 255, -1 },
	{ "echo over IPv6", V6, IPPROTO_ICMPV6, ICMPV6_ECHO_REQUEST,
	  ICMPV6_ECHO_REPLY },
	{ "node information", V6, IPPROTO_ICMPV6, ICMPV6_NI_QUERY,
	  ICMPV6_NI_REPLY },
	{ "packet too big", V6, IPPROTO_ICMPV6, ICMPV6_PKT_TOOBIG, -1 },
	{ "neighbour solicitation", V6, IPPROTO_ICMPV6, 135, -1 },
	{ "ICMP over IPv6", V6, IPPROTO_ICMP },
	{ "ICMPv6 over IPv4", V4, IPPROTO_ICMPV6 },
};

static void invert_desc(const struct invert_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(invert, invert_cases, invert_desc);

static void fill_tuple(struct nf_conntrack_tuple *tuple, u8 l3, u8 l4)
{
	memset(tuple, 0, sizeof(*tuple));
	tuple->src.l3num = l3;
	tuple->dst.protonum = l4;
	if (l3 == V4) {
		tuple->src.u3.ip = TEST_SRC;
		tuple->dst.u3.ip = TEST_DST;
	} else {
		test_addr6(&tuple->src.u3.in6, 1);
		test_addr6(&tuple->dst.u3.in6, 2);
	}
	tuple->src.u.all = TEST_SPORT;
	tuple->dst.u.all = TEST_DPORT;
}

static void test_invert(struct kunit *test)
{
	const struct invert_case *c = test->param_value;
	struct nf_conntrack_tuple tuple, inv, back;
	bool query = c->answer > 0 || c->type;

	fill_tuple(&tuple, c->l3, c->l4);
	if (query) {
		tuple.dst.u.icmp.type = c->type;
		tuple.dst.u.icmp.code = 3;
	}
	memset(&inv, 0xff, sizeof(inv));
	if (c->answer < 0) {
		KUNIT_EXPECT_FALSE(test, ct_tuple_invert(&inv, &tuple));
		return;
	}
	KUNIT_ASSERT_TRUE(test, ct_tuple_invert(&inv, &tuple));
	KUNIT_EXPECT_EQ(test, (int)inv.dst.dir, IP_CT_DIR_REPLY);
	KUNIT_EXPECT_EQ(test, (int)inv.src.l3num, (int)c->l3);
	KUNIT_EXPECT_EQ(test, (int)inv.dst.protonum, (int)c->l4);
	KUNIT_EXPECT_EQ(test, memcmp(&inv.src.u3, &tuple.dst.u3, 16), 0);
	KUNIT_EXPECT_EQ(test, memcmp(&inv.dst.u3, &tuple.src.u3, 16), 0);
	if (query) {
		KUNIT_EXPECT_EQ(test, (int)inv.dst.u.icmp.type, c->answer);
		KUNIT_EXPECT_EQ(test, (int)inv.dst.u.icmp.code, 3);
		KUNIT_EXPECT_TRUE(test, inv.src.u.icmp.id == TEST_SPORT);
	} else {
		KUNIT_EXPECT_TRUE(test, inv.src.u.all == TEST_DPORT);
		KUNIT_EXPECT_TRUE(test, inv.dst.u.all == TEST_SPORT);
	}

	memset(&back, 0xff, sizeof(back));
	KUNIT_ASSERT_TRUE(test, ct_tuple_invert(&back, &inv));
	KUNIT_EXPECT_EQ(test, memcmp(&back, &tuple, sizeof(tuple)), 0);
}

/* What is changed, and whether the hash must be another one. */
struct hash_case {
	const char *name;
	u8 l3;
	u8 xor_at;
	u16 zone;
	bool key;
	bool same;
};

#define AT(member)	offsetof(struct nf_conntrack_tuple, member)

static const struct hash_case hash_cases[] = {
	{ "IPv4 direction", V4, AT(dst.dir), .same = true },
	{ "IPv4 source address", V4, AT(src.u3.ip) },
	{ "IPv4 destination address", V4, AT(dst.u3.ip) + 3 },
	{ "IPv4 source port", V4, AT(src.u.all) },
	{ "IPv4 destination port", V4, AT(dst.u.all) + 1 },
	{ "IPv4 protocol", V4, AT(dst.protonum) },
	{ "IPv4 zone", V4, AT(dst.dir), .zone = 1 },
	{ "IPv4 key", V4, AT(dst.dir), .key = true },
	{ "IPv6 direction", V6, AT(dst.dir), .same = true },
	{ "IPv6 source address", V6, AT(src.u3.all[1]) },
	{ "IPv6 destination address", V6, AT(dst.u3.all[2]) },
	{ "IPv6 source port", V6, AT(src.u.all) + 1 },
	{ "IPv6 destination port", V6, AT(dst.u.all) },
	{ "IPv6 protocol", V6, AT(dst.protonum) },
	{ "IPv6 zone", V6, AT(dst.dir), .zone = 0x8000 },
	{ "IPv6 key", V6, AT(dst.dir), .key = true },
};

static void hash_desc(const struct hash_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(hash, hash_cases, hash_desc);

static void test_hash(struct kunit *test)
{
	const struct hash_case *c = test->param_value;
	struct nf_conntrack_tuple tuple;
	struct ct_net *cn = test_net(test);
	u32 before, after;

	/* A constant key: what a test says must not depend on luck. */
	cn->key.key[0] = 0x0706050403020100ULL;
	cn->key.key[1] = 0x0f0e0d0c0b0a0908ULL;
	fill_tuple(&tuple, c->l3, TCP);
	before = ct_tuple_hash(cn, &tuple, 0);
	((u8 *)&tuple)[c->xor_at] ^= 1;
	if (c->key)
		cn->key.key[0]++;
	after = ct_tuple_hash(cn, &tuple, c->zone);
	if (c->same)
		KUNIT_EXPECT_EQ(test, before, after);
	else
		KUNIT_EXPECT_NE(test, before, after);
}

/* The hash of the answer's tuple follows from that of the question's. */
static void test_hash_inverse(struct kunit *test)
{
	static const u8 families[] = { V4, V6 };
	struct nf_conntrack_tuple tuple, inv;
	struct ct_net *cn = test_net(test);
	unsigned int i, same = 0;
	u32 hash;

	for (i = 0; i < 2000; i++) {
		fill_tuple(&tuple, families[i & 1], i & 2 ? TCP : UDP);
		if (i & 4)
			tuple.dst.u3 = tuple.src.u3;
		else
			tuple.dst.u3.all[i % (i & 1 ? 4 : 1)] = i + 9;
		tuple.src.u.all = htons(i * 7);
		tuple.dst.u.all = i & 8 ? tuple.src.u.all : htons(i * 13);
		KUNIT_ASSERT_TRUE(test, ct_tuple_invert(&inv, &tuple));
		hash = ct_tuple_hash(cn, &tuple, i & 3);
		KUNIT_EXPECT_EQ(test, ct_tuple_hash(cn, &inv, i & 3),
				ct_hash_inverse(hash, &tuple));
		same += hash == ct_hash_inverse(hash, &tuple);
	}
	/* Those that talk to themselves, and hardly any other. */
	KUNIT_EXPECT_GE(test, same, 500U);
	KUNIT_EXPECT_LE(test, same, 502U);
}

/* Both halves of the hash must spread ports evenly: buckets and tags do. */
static void test_hash_spread(struct kunit *test)
{
	u16 *low = kunit_kzalloc(test, 512 * sizeof(u16), GFP_KERNEL);
	struct nf_conntrack_tuple tuple;
	struct ct_net *cn = test_net(test);
	unsigned int i, most = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, low);
	cn->key.key[1] = 1;
	fill_tuple(&tuple, V4, UDP);
	for (i = 0; i < 4096; i++) {
		u32 hash;

		tuple.src.u.all = htons(i);
		hash = ct_tuple_hash(cn, &tuple, 0);
		low[hash & 255]++;
		low[256 + (hash >> 24)]++;
	}
	for (i = 0; i < 512; i++)
		most = max_t(unsigned int, most, low[i]);
	/* 16 expected each; 48 is eight standard deviations away. */
	KUNIT_EXPECT_LT(test, most, 48u);
}

static struct kunit_case ct_tuple_cases[] = {
	KUNIT_CASE_PARAM(test_locate, locate_gen_params),
	KUNIT_CASE_PARAM(test_invert, invert_gen_params),
	KUNIT_CASE_PARAM(test_hash, hash_gen_params),
	KUNIT_CASE(test_hash_inverse),
	KUNIT_CASE(test_hash_spread),
	{}
};

static struct kunit_suite ct_tuple_suite = {
	.name = "ct_tuple",
	.test_cases = ct_tuple_cases,
};

kunit_test_suites(&ct_tuple_suite);

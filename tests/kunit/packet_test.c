// SPDX-License-Identifier: GPL-2.0
/*
 * A packet's byte is read once: whoever changes it afterwards, in a page that
 * the packet shares with user space, changes nothing; and no length that a
 * packet states leads out of what was read.
 */
#include <linux/ipv6.h>
#include <linux/sctp.h>
#include <net/ndisc.h>
#include "packet.h"
#include "segments.h"
#include "wheels.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

/* Transport headers that open a connection, and one that belongs to it. */
struct header_case {
	const char *name;
	u8 l3;
	u8 l4;
	u8 len;
	u8 first[40];
	u8 next[40];
};

/* Ports 1000 and 80, where there are ports. */
static const struct header_case header_cases[] = {
	{ "TCP", V4, IPPROTO_TCP, 20,
	  { 3, 232, 0, 80, 0, 0, 0, 99, 0, 0, 0, 0, 0x50, SYN, 4, 0 },
	  { 3, 232, 0, 80, 0, 0, 0, 100, 0, 0, 0, 0, 0x50, ACK, 4, 0 } },
	{ "TCP with options", V6, IPPROTO_TCP, 40,
	  { 3, 232, 0, 80, 0, 0, 0, 99, 0, 0, 0, 0, 0xa0, SYN, 4, 0, 0, 0, 0, 0,
	    2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7 },
	  { 3, 232, 0, 80, 0, 0, 0, 100, 0, 0, 0, 0, 0xa0, ACK, 4, 0, 0, 0, 0, 0,
	    1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1 } },
	{ "TCP with a timestamp", V4, IPPROTO_TCP, 32,
	  { 3, 232, 0, 80, 0, 0, 0, 99, 0, 0, 0, 0, 0x80, SYN, 4, 0, 0, 0, 0, 0,
	    1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0 },
	  { 3, 232, 0, 80, 0, 0, 0, 100, 0, 0, 0, 0, 0x80, ACK, 4, 0, 0, 0, 0, 0,
	    1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 0 } },
	{ "UDP", V4, IPPROTO_UDP, 8, { 3, 232, 0, 80, 0, 12 }, { 3, 232, 0, 80, 0, 12 } },
	{ "UDP-Lite", V6, IPPROTO_UDPLITE, 8,
	  { 3, 232, 0, 80, 0, 8, 1, 1 }, { 3, 232, 0, 80, 0, 8, 1, 1 } },
	/* The chunk behind it was not read by check(). */
	{ "SCTP", V4, IPPROTO_SCTP, 12, { 3, 232, 0, 80 }, { 3, 232, 0, 80, 0, 0, 0, 9 } },
	{ "DCCP", V4, IPPROTO_DCCP, 20,
	  { 3, 232, 0, 80, 5, 0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 42 },
	  { 3, 232, 0, 80, 5, 0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 42 } },
	{ "GRE", V4, IPPROTO_GRE, 8,
	  { 0x20, 1, 0x88, 0x0b, 0, 0, 0, 7 },
	  { 0x20, 1, 0x88, 0x0b, 0, 0, 0, 7 } },
	{ "ICMP", V4, IPPROTO_ICMP, 8,
	  { ICMP_ECHO, 0, 0, 0, 3, 0xe8 }, { ICMP_ECHO, 0, 0, 0, 3, 0xe8 } },
	{ "ICMPv6", V6, IPPROTO_ICMPV6, 8,
	  { ICMPV6_ECHO_REQUEST, 0, 0, 0, 3, 0xe8 },
	  { ICMPV6_ECHO_REQUEST, 0, 0, 0, 3, 0xe8 } },
};

static void header_desc(const struct header_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(header, header_cases, header_desc);

/* With an INIT behind it for SCTP, and four octets for all others. */
static void put_header(struct test_packet *t, const struct header_case *c,
		       const u8 *header)
{
	static const u8 rest[] = { 1, 0, 0, 20, 0, 0, 0, 9, 0, 1, 0, 0,
				   0, 1, 0, 1, 0, 0, 0, 1 };

	test_start(t, c->l3, c->l4);
	memcpy(test_put(t, c->len), header, c->len);
	memcpy(test_put(t, c->l4 == IPPROTO_SCTP ? sizeof(rest) : 4), rest,
	       c->l4 == IPPROTO_SCTP ? sizeof(rest) : 4);
	test_finish(t);
}

/* What was made of a packet. */
struct outcome {
	int check;
	int parse;
	int judged;
	struct ct_why why;
};

/*
 * A header in a page that changes after check(), to @poison in each octet; 0:
 * it does not. The first packet of @e if @verdict is not looked at.
 */
static void judge(struct kunit *test, struct ct_entry *e,
		  const struct header_case *c, const u8 *header, u8 poison,
		  struct outcome *o)
{
	const struct ct_proto *proto = ct_proto_find(c->l3, c->l4);
	struct nf_conntrack_tuple tuple = {};
	enum ct_invalid reason = CT_OK;
	struct test_packet t;
	struct ct_packet p;
	u8 *page;

	put_header(&t, c, header);
	p = test_located(test, e->cn, test_skb(test, &t, t.l4off), c->l3);
	o->check = proto->check ? proto->check(&p) : CT_OK;
	page = skb_frag_address(&skb_shinfo(p.skb)->frags[0]);
	if (poison)
		memset(page, poison, c->len);
	o->parse = proto->parse(&p, &tuple);
	if (header == c->first) {
		e->dir[IP_CT_DIR_ORIGINAL].tuple = tuple;
		o->judged = proto->new(e, &p);
	} else {
		o->judged = proto->packet(e, &p, IP_CT_NEW, &reason) |
			    reason << 8;
	}
	memset(&o->why, 0, sizeof(o->why));
	if (proto->why)
		proto->why(e, &p, IP_CT_DIR_ORIGINAL, &o->why);
	kfree_skb(p.skb);
}

static void test_changed(struct kunit *test)
{
	static const u8 poisons[] = { 0x00, 0x01, 0x10, 0x40, 0xf0, 0xff };
	const struct header_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct ct_entry *calm, *e;
	struct outcome want, got;
	unsigned int i;

	cn->checksum = 0;
	for (i = 1; i < ARRAY_SIZE(poisons); i++) {
		const u8 poison = poisons[i];

		calm = test_entry(test, cn);
		e = test_entry(test, cn);
		judge(test, calm, c, c->first, 0, &want);
		judge(test, e, c, c->first, poison, &got);
		KUNIT_EXPECT_EQ(test, want.check, CT_OK);
		KUNIT_EXPECT_EQ(test, want.judged, CT_OK);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(&want, &got, sizeof(got)), 0,
				    "first, %#x", poison);
		/* A tick may have passed between the two. */
		if (c->l4 == IPPROTO_UDP || c->l4 == IPPROTO_UDPLITE)
			e->proto.udp.stream = calm->proto.udp.stream;
		judge(test, calm, c, c->next, 0, &want);
		judge(test, e, c, c->next, poison, &got);
		KUNIT_EXPECT_EQ(test, want.check, CT_OK);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(&want, &got, sizeof(got)), 0,
				    "next, %#x", poison);
		KUNIT_EXPECT_EQ(test, memcmp(&calm->dir, &e->dir,
					     sizeof(e->dir)), 0);
		KUNIT_EXPECT_EQ(test, memcmp(&calm->proto, &e->proto,
					     sizeof(e->proto)), 0);
		KUNIT_EXPECT_EQ(test, memcmp(&calm->seen, &e->seen,
					     sizeof(e->seen)), 0);
	}
}

/* An ICMP error becomes a query, and the other way round, after check(). */
static void test_changed_kind(struct kunit *test)
{
	static const struct {
		u8 l3;
		u8 l4;
		u8 type;
		u8 later;
		enum ct_icmp_kind kind;
	} rows[] = {
		{ V4, IPPROTO_ICMP, ICMP_ECHO, ICMP_DEST_UNREACH,
		  CT_ICMP_QUERY },
		{ V4, IPPROTO_ICMP, ICMP_DEST_UNREACH, ICMP_ECHO,
		  CT_ICMP_ERROR },
		{ V6, IPPROTO_ICMPV6, ICMPV6_ECHO_REQUEST, ICMPV6_PKT_TOOBIG,
		  CT_ICMP_QUERY },
		{ V6, IPPROTO_ICMPV6, ICMPV6_PKT_TOOBIG, ICMPV6_ECHO_REQUEST,
		  CT_ICMP_ERROR },
		{ V6, IPPROTO_ICMPV6, NDISC_NEIGHBOUR_SOLICITATION,
		  ICMPV6_ECHO_REQUEST, CT_ICMP_UNTRACKED },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ct_proto *proto;
		struct nf_conntrack_tuple outer = {}, inner;
		enum ct_invalid reason;
		struct test_packet t;
		struct ct_packet p;

		proto = ct_proto_find(rows[i].l3, rows[i].l4);
		test_start(&t, rows[i].l3, rows[i].l4);
		test_put_icmp(&t, rows[i].type);
		test_put_ip(&t, rows[i].l3, IPPROTO_UDP);
		test_put_udp(&t, 0);
		test_finish(&t);
		p = test_located(test, test_net(test),
				 test_skb(test, &t, t.l4off), t.l3);
		KUNIT_EXPECT_EQ(test, (int)proto->check(&p), CT_OK);
		*(u8 *)skb_frag_address(&skb_shinfo(p.skb)->frags[0]) =
			rows[i].later;
		KUNIT_EXPECT_EQ_MSG(test, (int)
				    ct_icmp_classify(&p, &outer, &inner,
						     &reason),
				    (int)rows[i].kind, "row %u", i);
		kfree_skb(p.skb);
	}
}

/* A packet with something behind what it is to be read into. */
struct guarded {
	struct ct_packet p;
	u8 guard[64];
};

#define GUARD	0xa5

/*
 * Each protocol's header cut short at each length, with each value in the
 * octets that state lengths, in one piece and in a page: what was read is never
 * more than there is, nor than there is room for.
 */
static void cut_short(struct kunit *test, struct ct_net *cn,
		      const struct header_case *c, unsigned int len, u8 value,
		      bool linear)
{
	const struct ct_proto *proto = ct_proto_find(c->l3, c->l4);
	struct ct_entry *e = test_entry(test, cn);
	struct nf_conntrack_tuple tuple;
	struct test_packet t;
	enum ct_invalid reason = CT_OK;
	struct guarded g;

	memset(&g, GUARD, sizeof(g));
	put_header(&t, c, c->first);
	t.len = t.l4off + len;
	if (len > 4)
		t.data[t.l4off + 4] ^= value;	/* DCCP */
	if (len > 8)
		t.data[t.l4off + 8] ^= value;	/* DCCP */
	if (len > 12)
		t.data[t.l4off + 12] ^= value;	/* TCP */
	if (len > 15)
		t.data[t.l4off + 15] ^= value;	/* SCTP */
	if (len > 21)
		t.data[t.l4off + 21] ^= value;	/* an option of TCP */
	test_finish(&t);
	g.p = test_located(test, cn, test_skb(test, &t, linear ? t.len :
					      t.l4off), c->l3);
	memset(g.p.h.raw + g.p.hlen, GUARD, sizeof(g.p.h) - g.p.hlen);
	KUNIT_EXPECT_EQ(test, (int)g.p.hlen, min_t(int, len, proto->header));
	if (proto->check)
		reason = proto->check(&g.p);
	KUNIT_EXPECT_LE(test, (size_t)g.p.hlen, sizeof(g.p.h));
	KUNIT_EXPECT_LE(test, (unsigned int)g.p.hlen, len);
	KUNIT_EXPECT_EQ(test, memcmp(g.p.h.raw, t.data + t.l4off, g.p.hlen), 0);
	if (g.p.hlen < sizeof(g.p.h))
		KUNIT_EXPECT_TRUE(test, !memchr_inv(g.p.h.raw + g.p.hlen, GUARD,
						    sizeof(g.p.h) - g.p.hlen));
	KUNIT_EXPECT_TRUE(test, !memchr_inv(g.guard, GUARD, sizeof(g.guard)));
	if (!reason)
		reason = proto->parse(&g.p, &tuple);
	/* For KASAN to look at. */
	if (!reason && !proto->new(e, &g.p))
		proto->packet(e, &g.p, IP_CT_NEW, &reason);
	kfree_skb(g.p.skb);
}

static void test_bounds(struct kunit *test)
{
	const struct header_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	unsigned int len, value;

	cn->checksum = 0;
	for (len = 0; len <= c->len; len++)
		for (value = 0; value < 256; value += 15) {
			cut_short(test, cn, c, len, value, true);
			cut_short(test, cn, c, len, value, false);
		}
}

/* Whatever doff says after check(): not one option more than were read. */
static void test_options_kept(struct kunit *test)
{
	static const u8 options[] = { 1, 3, 3, 14 };
	struct ct_net *cn = test_net(test);
	struct test_packet t;
	struct tcphdr *th;
	unsigned int doff;

	for (doff = 5; doff < 16; doff++) {
		struct ct_entry *e = test_entry(test, cn);
		struct ct_packet p;
		unsigned int i;
		u8 *page;

		test_start(&t, V4, IPPROTO_TCP);
		th = test_put_tcp(&t);
		th->syn = 1;
		th->doff = doff;
		for (i = 5; i < doff; i++)
			memset(test_put(&t, 4), 1, 4);
		memcpy(test_put(&t, 4), options, 4);
		test_finish(&t);
		p = test_located(test, cn, test_skb(test, &t, t.l4off), V4);
		KUNIT_EXPECT_EQ(test, (int)ct_proto_tcp.check(&p), CT_OK);
		KUNIT_EXPECT_EQ(test, (unsigned int)p.hlen, doff * 4);
		page = skb_frag_address(&skb_shinfo(p.skb)->frags[0]);
		page[12] = 0xf0;
		memcpy(page + 20, options, 4);
		KUNIT_EXPECT_EQ(test, (int)ct_proto_tcp.new(e, &p), CT_OK);
		KUNIT_EXPECT_EQ(test, (int)e->proto.tcp.scale[0], 0);
		kfree_skb(p.skb);
	}
}

/*
 * What an error quotes ends with the error, though there may be more in the
 * buffer.
 */
static void test_quoted_end(struct kunit *test)
{
	const u8 families[] = { V4, V6 };
	unsigned int i, cut;

	for (i = 0; i < ARRAY_SIZE(families); i++)
		for (cut = 0; cut < 60; cut++) {
			const u8 l3 = families[i];
			struct nf_conntrack_tuple tuple;
			struct test_packet t;
			struct ct_packet p;
			unsigned int whole;
			int reason;

			test_start(&t, l3, l3 == V4 ? IPPROTO_ICMP :
						      IPPROTO_ICMPV6);
			test_put_icmp(&t, l3 == V4 ? ICMP_DEST_UNREACH :
						     ICMPV6_PKT_TOOBIG);
			test_put_ip(&t, l3, IPPROTO_UDP);
			test_put_udp(&t, 0);
			whole = t.len - t.l4off - 8;
			test_put(&t, 60);
			t.len -= 60 - cut;
			test_finish(&t);
			/* Behind the packet's own end. */
			t.len += 60 - cut;
			p = test_located(test, test_net(test),
					 test_skb(test, &t, t.len), l3);
			p.l4len = 8 + cut;
			reason = ct_packet_read_quoted(&p, p.l4off + 8,
						       &tuple);
			/* Of UDP's header, four octets are enough. */
			KUNIT_EXPECT_EQ_MSG(test, reason == CT_OK,
					    cut >= whole - 4, "%u octets", cut);
			kfree_skb(p.skb);
		}
}

/* Chunks that say something are kept, so many and no more. */
static void test_chunks_kept(struct kunit *test)
{
	static const u8 init[] = { 1, 0, 0, 20, 0, 0, 0, 9, 0, 1, 0, 0,
				   0, 1, 0, 1, 0, 0, 0, 1 };
	static const u8 beat[] = { 4, 0, 0, 4 }, sack[] = { 3, 0, 0, 4 };
	struct ct_net *cn = test_net(test);
	unsigned int beats, others;

	cn->checksum = 0;
	for (beats = 62; beats < 67; beats++)
		for (others = 0; others < 2; others++) {
			struct ct_entry *e = test_entry(test, cn);
			enum ct_invalid reason = CT_OK;
			struct test_packet t;
			struct sctphdr *sh;
			struct ct_packet p;
			unsigned int i;

			test_start(&t, V4, IPPROTO_SCTP);
			sh = test_put(&t, sizeof(*sh));
			memcpy(test_put(&t, sizeof(init)), init, sizeof(init));
			test_finish(&t);
			p = test_located(test, cn, test_skb(test, &t, t.len),
					 V4);
			KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.new(e, &p),
					CT_OK);
			kfree_skb(p.skb);

			test_start(&t, V4, IPPROTO_SCTP);
			sh = test_put(&t, sizeof(*sh));
			sh->vtag = htonl(1);
			for (i = 0; i < 4 * others; i++)
				memcpy(test_put(&t, 4), sack, 4);
			for (i = 0; i < beats; i++)
				memcpy(test_put(&t, 4), beat, 4);
			test_finish(&t);
			p = test_located(test, cn, test_skb(test, &t, t.len),
					 V4);
			ct_proto_sctp.packet(e, &p, IP_CT_NEW, &reason);
			KUNIT_EXPECT_EQ_MSG(test,
					    reason == CT_INVALID_SCTP_CHUNK,
					    beats + others > 64,
					    "%u beats, others %u", beats,
					    others);
			kfree_skb(p.skb);
		}
}

static struct kunit_case ct_packet_cases[] = {
	KUNIT_CASE_PARAM(test_changed, header_gen_params),
	KUNIT_CASE(test_changed_kind),
	KUNIT_CASE_PARAM(test_bounds, header_gen_params),
	KUNIT_CASE(test_options_kept),
	KUNIT_CASE(test_quoted_end),
	KUNIT_CASE(test_chunks_kept),
	{}
};

static struct kunit_suite ct_packet_suite = {
	.name = "ct_packet",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.test_cases = ct_packet_cases,
};

kunit_test_suites(&ct_packet_suite);

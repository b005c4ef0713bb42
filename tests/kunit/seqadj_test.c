// SPDX-License-Identifier: GPL-2.0
/* Sequence numbers that are changed: which by how much, and in packets of any make. */
#include <net/ct/seqadj.h>
#include <net/tcp.h>
#include "packet.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

/* A number, and what becomes of it. */
struct number_case {
	const char *name;
	struct ct_seqadj_way way;
	u32 number;
	u32 seq;	/* of who sends it */
	u32 ack;	/* as the acknowledgment of who gets his */
};

static const struct number_case number_cases[] = {
	{ "nothing", { 0, 0, 0 }, 77, 77, 77 },
	{ "long before", { 1000, 10, 30 }, 500, 510, 490 },
	{ "the segment itself", { 1000, 10, 30 }, 1000, 1010, 990 },
	{ "behind it", { 1000, 10, 30 }, 1001, 1031, 991 },
	{ "the last that is not behind", { 1000, 10, 30 }, 1010, 1040, 1000 },
	{ "the first that is", { 1000, 10, 30 }, 1011, 1041, 981 },
	{ "shorter", { 1000, 0, -20 }, 1100, 1080, 1120 },
	{ "around zero", { -5, 2, 10 }, -4, 6, -6 },
	{ "half around", { 0, 1, 2 }, 0x7fffffff, 0x80000001, 0x7ffffffd },
	{ "and more", { 0, 1, 2 }, 0x80000002, 0x80000003, 0x80000001 },
};

static void number_desc(const struct number_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(number, number_cases, number_desc);

static void seqadj_number(struct kunit *test)
{
	const struct number_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, ct_seqadj_seq(&c->way, c->number), c->seq);
	KUNIT_EXPECT_EQ(test, ct_seqadj_ack(&c->way, c->number), c->ack);
}

/* Of TCP, with both ways. The namespace has no hooks. */
static struct ct_entry *adjusted(struct kunit *test,
				 const struct ct_seqadj *adj)
{
	struct ct_entry *e = test_entry(test, test_net(test));
	struct ct_rare *rare = ct_entry_rare_add(e, GFP_KERNEL);
	struct ct_seqadj *mine = kunit_kzalloc(test, sizeof(*mine), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rare);
	KUNIT_ASSERT_NOT_NULL(test, mine);
	*mine = *adj;
	rare->seqadj = mine;
	e->cn->stats = alloc_percpu(struct ct_stats);
	KUNIT_ASSERT_TRUE(test, !!e->cn->stats);
	e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum = IPPROTO_TCP;
	ct_status_set(e, IPS_SEQ_ADJUST_BIT);
	return e;
}

static void forget(struct ct_entry *e)
{
	free_percpu(e->cn->stats);
	test_free_rare(e);
}

/* A segment that somebody changed, after one that he may have changed before. */
struct shift_case {
	const char *name;
	struct ct_seqadj_way was, is;
	u32 seq;
	s32 by;
};

static const struct shift_case shift_cases[] = {
	{ "the first", { 0, 0, 0 }, { 1000, 0, 7 }, 1000, 7 },
	{ "the next", { 1000, 0, 7 }, { 2000, 7, 2 }, 2000, -5 },
	{ "the same again", { 1000, 0, 7 }, { 1000, 0, 7 }, 1000, 7 },
	{ "one before", { 1000, 0, 7 }, { 1000, 0, 7 }, 900, 7 },
	{ "around zero", { -10, 0, 7 }, { 10, 7, 8 }, 10, 1 },
	{ "by nothing", { 1000, 0, 7 }, { 1000, 0, 7 }, 2000, 0 },
};

static void shift_desc(const struct shift_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(shift, shift_cases, shift_desc);

static void seqadj_shift(struct kunit *test)
{
	const struct shift_case *c = test->param_value;
	const struct ct_seqadj adj = { .way[IP_CT_DIR_REPLY] = c->was };
	struct ct_entry *e = adjusted(test, &adj);
	struct ct_seqadj now;

	ct_seqadj_shift(e, IP_CT_DIR_REPLY, c->seq, c->by);
	KUNIT_EXPECT_TRUE(test, ct_seqadj_get(e, &now));
	KUNIT_EXPECT_EQ(test, now.way[IP_CT_DIR_REPLY].pos, c->is.pos);
	KUNIT_EXPECT_EQ(test, now.way[IP_CT_DIR_REPLY].before, c->is.before);
	KUNIT_EXPECT_EQ(test, now.way[IP_CT_DIR_REPLY].after, c->is.after);
	KUNIT_EXPECT_EQ(test, now.way[IP_CT_DIR_ORIGINAL].after, 0U);
	forget(e);
}

/* Options, and two blocks of TCPOPT_SACK; the rest is the end of options. */
#define WITH_BLOCKS(...) { __VA_ARGS__, TCPOPT_SACK, 18,		\
	0, 0, 0x10, 0, 0, 0, 0x20, 0, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 5 }

/* A way in which a packet is made. */
struct packet_case {
	const char *name;
	u8 l3;
	u8 options[40];
	u8 len;		/* of those */
	int block;	/* where the first edge is among them; 0: nowhere */
	int linear;	/* bytes of the packet that are in no page; 0: all */
	u16 flags;	/* of TCP besides ACK */
	bool no_ack;
	bool partial;
};

static const struct packet_case packet_cases[] = {
	{ "plain", V4 },
	{ "IPv6", V6 },
	{ "an ACK that is none", V4, .no_ack = true, .flags = TCPHDR_RST },
	{ "blocks", V4, WITH_BLOCKS(1, 1), 20, 4 },
	{ "blocks at odd places", V4, WITH_BLOCKS(1), 20, 3 },
	{ "blocks at odd places, IPv6", V6, WITH_BLOCKS(1), 20, 3 },
	{ "behind a timestamp", V4,
	  WITH_BLOCKS(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1), 32, 16 },
	{ "behind the end", V4, WITH_BLOCKS(0, 1), 20 },
	{ "longer than the options", V4, { 1, 1, TCPOPT_SACK, 18, 1 }, 8 },
	{ "of no length", V4, { TCPOPT_SACK, 0, 1, 1 }, 4 },
	{ "of half a block", V4, { TCPOPT_SACK, 6, 1, 2, 3, 4, 1, 1 }, 8 },
	{ "only a kind", V4, { 1, 1, 1, TCPOPT_SACK }, 4 },
	{ "all in a page", V4, WITH_BLOCKS(1, 1), 20, 4, .linear = 20 },
	{ "half a header in a page", V4, WITH_BLOCKS(1), 20, 3,
	  .linear = 30 },
	{ "options in a page", V4, WITH_BLOCKS(1, 1), 20, 4, .linear = 40 },
	{ "all of IPv6 in a page", V6, WITH_BLOCKS(1, 1), 20, 4, .linear = 40 },
	{ "to be summed up by the device", V4, WITH_BLOCKS(1, 1), 20, 4,
	  .partial = true },
};

static void packet_desc(const struct packet_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(packet, packet_cases, packet_desc);

static const struct ct_seqadj both = {
	.way = { { 0x10000, 0x1111, 0x54321 }, { 0x1800, -9, 0x10203 } },
};

static void make(struct test_packet *t, const struct packet_case *c,
		 bool changed)
{
	const struct ct_seqadj_way *other = &both.way[IP_CT_DIR_REPLY];
	struct tcphdr *th;
	unsigned int i;
	u8 *options;

	test_start(t, c->l3, IPPROTO_TCP);
	th = test_put_tcp(t);
	options = test_put(t, c->len);
	memcpy(options, c->options, c->len);
	th->doff += c->len / 4;
	th->ack = !c->no_ack;
	th->rst = !!(c->flags & TCPHDR_RST);
	th->seq = htonl(0x20000);
	th->ack_seq = htonl(0x1f00);
	memset(test_put(t, 9), 0x77, 9);
	if (changed) {
		th->seq = htonl(0x20000 + 0x54321);
		if (!c->no_ack)
			th->ack_seq = htonl(0x1f00 - 0x10203);
		for (i = 0; c->block && i < 4; i++) {
			u8 *at = options + c->block + 4 * i;

			put_unaligned_be32(ct_seqadj_ack(other,
							 get_unaligned_be32(at)),
					   at);
		}
	}
	test_finish(t);
}

static unsigned int pass(struct ct_entry *e, struct sk_buff *skb, u8 l3,
			 enum ip_conntrack_info ctinfo)
{
	struct net_device *lo = init_net.loopback_dev;
	const struct nf_hook_state state = {
		.hook = NF_INET_POST_ROUTING,
		.pf = l3,
		.out = lo,
	};
	unsigned int verdict;

	skb_set_nfct(skb, (unsigned long)&e->ct_general | ctinfo);
	verdict = ct_seqadj_packet(NULL, skb, &state);
	skb_set_nfct(skb, 0);
	return verdict;
}

static void seqadj_packet(struct kunit *test)
{
	const struct packet_case *c = test->param_value;
	struct ct_entry *e = adjusted(test, &both);
	struct test_packet before, after, now;
	struct sk_buff *skb;
	struct tcphdr *th;

	make(&before, c, false);
	make(&after, c, true);
	skb = test_skb(test, &before, c->linear ?: before.len);
	if (c->partial) {
		th = (void *)after.data + after.l4off;
		th->check = ((struct tcphdr *)(before.data +
					       before.l4off))->check;
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_headroom(skb) + before.l4off;
		skb->csum_offset = offsetof(struct tcphdr, check);
	}
	KUNIT_EXPECT_EQ(test, pass(e, skb, c->l3, IP_CT_ESTABLISHED),
			(unsigned int)NF_ACCEPT);
	KUNIT_EXPECT_EQ(test, skb->len, after.len);
	KUNIT_EXPECT_EQ(test, skb_copy_bits(skb, 0, now.data, after.len), 0);
	KUNIT_EXPECT_EQ(test, memcmp(now.data, after.data, after.len), 0);
	kfree_skb(skb);
	forget(e);
}

/* A header that is cut off passes nowhere; what has no numbers is left alone. */
static void seqadj_broken(struct kunit *test)
{
	static const struct packet_case plain = { "plain", V4 };
	struct ct_entry *e = adjusted(test, &both);
	struct test_packet t, now;
	unsigned int doff;
	struct sk_buff *skb;

	for (doff = 0; doff < 16; doff++) {
		make(&t, &plain, false);
		((struct tcphdr *)(t.data + t.l4off))->doff = doff;
		skb = test_skb(test, &t, t.len);
		/* 29 bytes are there. */
		KUNIT_EXPECT_EQ(test, pass(e, skb, V4, IP_CT_ESTABLISHED),
				(unsigned int)(doff >= 5 && doff <= 7 ?
					       NF_ACCEPT : NF_DROP));
		kfree_skb(skb);
	}
	make(&t, &plain, false);
	skb = test_skb(test, &t, t.len);
	KUNIT_EXPECT_EQ(test, pass(e, skb, V4, IP_CT_RELATED),
			(unsigned int)NF_ACCEPT);
	KUNIT_EXPECT_EQ(test, pass(e, skb, V4, IP_CT_RELATED_REPLY),
			(unsigned int)NF_ACCEPT);
	e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum = IPPROTO_UDP;
	KUNIT_EXPECT_EQ(test, pass(e, skb, V4, IP_CT_ESTABLISHED),
			(unsigned int)NF_ACCEPT);
	KUNIT_EXPECT_EQ(test, skb_copy_bits(skb, 0, now.data, t.len), 0);
	KUNIT_EXPECT_EQ(test, memcmp(now.data, t.data, t.len), 0);
	kfree_skb(skb);
	forget(e);
}

static struct kunit_case ct_seqadj_cases[] = {
	KUNIT_CASE_PARAM(seqadj_number, number_gen_params),
	KUNIT_CASE_PARAM(seqadj_shift, shift_gen_params),
	KUNIT_CASE_PARAM(seqadj_packet, packet_gen_params),
	KUNIT_CASE(seqadj_broken),
	{}
};

static struct kunit_suite ct_seqadj_suite = {
	.name = "ct_seqadj",
	.test_cases = ct_seqadj_cases,
};

kunit_test_suites(&ct_seqadj_suite);

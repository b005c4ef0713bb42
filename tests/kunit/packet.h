/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_KUNIT_PACKET_H
#define _CT_KUNIT_PACKET_H

/* Packets made by hand, and what the trackers need around them. */

#include <kunit/test.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>
#include <net/ct/packet.h>
#include <net/ct/policy.h>
#include <net/ct/proto.h>
#include <net/ct/tuple.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>

/* 10.0.0.1 or fd00::1 sends to 10.0.0.2 or fd00::2. */
#define TEST_SRC	htonl(0x0a000001)
#define TEST_DST	htonl(0x0a000002)
#define TEST_SPORT	htons(1000)
#define TEST_DPORT	htons(80)

struct test_packet {
	u8 data[384];
	unsigned int len;
	unsigned int l4off;
	u8 l3;
	u8 l4;
};

static inline void *test_put(struct test_packet *t, unsigned int len)
{
	void *at = t->data + t->len;

	t->len += len;
	return at;
}

static inline void test_addr6(struct in6_addr *a, u8 last)
{
	memset(a, 0, sizeof(*a));
	a->s6_addr[0] = 0xfd;
	a->s6_addr[15] = last;
}

/* An IP header without length; may be called again for a packet inside. */
static inline void test_put_ip(struct test_packet *t, u8 l3, u8 l4)
{
	if (l3 == NFPROTO_IPV4) {
		struct iphdr *iph = test_put(t, sizeof(*iph));

		iph->version = 4;
		iph->ihl = 5;
		iph->ttl = 64;
		iph->protocol = l4;
		iph->saddr = TEST_SRC;
		iph->daddr = TEST_DST;
	} else {
		struct ipv6hdr *ip6 = test_put(t, sizeof(*ip6));

		ip6->version = 6;
		ip6->hop_limit = 255;
		ip6->nexthdr = l4;
		test_addr6(&ip6->saddr, 1);
		test_addr6(&ip6->daddr, 2);
	}
}

static inline void test_start(struct test_packet *t, u8 l3, u8 l4)
{
	memset(t, 0, sizeof(*t));
	t->l3 = l3;
	t->l4 = l4;
	test_put_ip(t, l3, l4);
	t->l4off = t->len;
}

static inline struct tcphdr *test_put_tcp(struct test_packet *t)
{
	struct tcphdr *th = test_put(t, sizeof(*th));

	th->source = TEST_SPORT;
	th->dest = TEST_DPORT;
	th->doff = 5;
	th->window = htons(1024);
	return th;
}

static inline struct udphdr *test_put_udp(struct test_packet *t,
					  unsigned int payload)
{
	struct udphdr *uh = test_put(t, sizeof(*uh));

	uh->source = TEST_SPORT;
	uh->dest = TEST_DPORT;
	uh->len = htons(sizeof(*uh) + payload);
	test_put(t, payload);
	return uh;
}

static inline struct icmphdr *test_put_icmp(struct test_packet *t, u8 type)
{
	struct icmphdr *ih = test_put(t, sizeof(*ih));

	ih->type = type;
	ih->un.echo.id = TEST_SPORT;
	return ih;
}

/* The lengths and checksums that are known when all is put. */
static inline void test_finish(struct test_packet *t)
{
	unsigned int len = t->len - t->l4off;
	u8 *l4 = t->data + t->l4off;
	unsigned int at;
	__wsum sum;
	__sum16 folded;

	if (t->l3 == NFPROTO_IPV4) {
		struct iphdr *iph = (struct iphdr *)t->data;

		iph->tot_len = htons(t->len);
		/* The kernel adds it in, and counts on a sum of zero. */
		ip_send_check(iph);
	} else {
		((struct ipv6hdr *)t->data)->payload_len =
			htons(t->len - sizeof(struct ipv6hdr));
	}

	switch (t->l4) {
	case IPPROTO_TCP:
		at = offsetof(struct tcphdr, check);
		break;
	case IPPROTO_UDP:
		at = offsetof(struct udphdr, check);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		at = offsetof(struct icmphdr, checksum);
		break;
	default:
		return;
	}
	memset(l4 + at, 0, sizeof(folded));
	sum = csum_partial(l4, len, 0);
	if (t->l4 == IPPROTO_ICMP)
		folded = csum_fold(sum);
	else if (t->l3 == NFPROTO_IPV4)
		folded = csum_tcpudp_magic(TEST_SRC, TEST_DST, len, t->l4,
					   sum);
	else
		folded = csum_ipv6_magic(&((struct ipv6hdr *)t->data)->saddr,
					 &((struct ipv6hdr *)t->data)->daddr,
					 len, t->l4, sum);
	memcpy(l4 + at, &folded, sizeof(folded));
}

/* The packet as an skb, all but the first @linear bytes in a page. */
static inline struct sk_buff *test_skb(struct kunit *test,
				       const struct test_packet *t,
				       unsigned int linear)
{
	struct sk_buff *skb = alloc_skb(sizeof(t->data), GFP_KERNEL);
	struct page *page;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
	linear = min(linear, t->len);
	skb_put_data(skb, t->data, linear);
	skb_reset_network_header(skb);
	skb->ip_summed = CHECKSUM_NONE;
	if (linear == t->len)
		return skb;

	page = alloc_page(GFP_KERNEL);
	if (!page) {
		kfree_skb(skb);
		KUNIT_ASSERT_NOT_NULL(test, page);
	}
	memcpy(page_address(page), t->data + linear, t->len - linear);
	skb_add_rx_frag(skb, 0, page, 0, t->len - linear, PAGE_SIZE);
	return skb;
}

/* A namespace in which each timeout is another, far from all others. */
static inline struct ct_net *test_net(struct kunit *test)
{
	struct ct_net *cn = kunit_kzalloc(test, sizeof(*cn), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cn);
	for (i = 0; i < __CT_TIMEOUT_MAX; i++)
		cn->timeout[i] = (i + 1) * 1000 * HZ;
	/* The long one of ESTABLISHED is to be cut short when unreplied. */
	cn->timeout[CT_TIMEOUT_TCP + 3] = 100000 * HZ;
	cn->checksum = 1;
	cn->tcp_loose = 1;
	cn->tcp_max_retrans = 3;
	return cn;
}

static inline void test_ends(struct nf_conntrack_tuple *t, __be32 src,
			     __be32 dst)
{
	t->src.u3.ip = src;
	t->src.l3num = NFPROTO_IPV4;
	t->dst.u3.ip = dst;
}

/* An entry that is in no table and no wheel, unconfirmed. */
static inline struct ct_entry *test_entry(struct kunit *test,
					  struct ct_net *cn)
{
	struct ct_entry *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e);
	e->cn = cn;
	test_ends(&e->dir[IP_CT_DIR_ORIGINAL].tuple, TEST_SRC, TEST_DST);
	test_ends(&e->dir[IP_CT_DIR_REPLY].tuple, TEST_DST, TEST_SRC);
	e->wheel_slot = CT_WHEEL_NONE;
	spin_lock_init(&e->lock);
	refcount_set(&e->ct_general.use, 1);
	return e;
}

/* What happens to a connection before the packets that are looked at. */
enum test_policy {
	TEST_NO_POLICY,
	TEST_POLICY,
	TEST_WITHDRAWN,
	TEST_POLICIES
};

/*
 * A policy, other by seconds than the namespace, to one that is new; or none,
 * or one that is gone again. The timeouts that it goes by then.
 */
static inline const unsigned int *test_policy(struct kunit *test,
					      struct ct_entry *e, u8 l4,
					      enum test_policy mode)
{
	struct ct_policy *policy;
	unsigned int i;

	if (mode == TEST_NO_POLICY)
		return e->cn->timeout;
	policy = ct_policy_new(e->cn, l4);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, policy);
	for (i = 0; i < __CT_TIMEOUT_MAX; i++)
		policy->timeout[i] += 7 * HZ;
	e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum = l4;
	KUNIT_EXPECT_TRUE(test, ct_policy_attach(e, policy));
	KUNIT_EXPECT_EQ(test, e->expires, policy->timeout[policy->first]);
	if (mode == TEST_WITHDRAWN) {
		ct_policy_withdraw(policy);
		return e->cn->timeout;
	}
	ct_policy_put(policy);
	return policy->timeout;
}

/* Of an entry made by hand. */
static inline void test_free_rare(struct ct_entry *e)
{
	if (e->ext)
		ct_policy_put(ct_entry_rare(e)->policy);
	kfree(e->ext);
}

/* The packet of an skb, as it comes in from outside, and its header read. */
static inline struct ct_packet test_located(struct kunit *test,
					    struct ct_net *cn,
					    struct sk_buff *skb, u8 l3)
{
	struct ct_packet p = {
		.skb = skb,
		.cn = cn,
		.hook = NF_INET_PRE_ROUTING,
		.l3 = l3,
	};
	struct nf_conntrack_tuple tuple;

	KUNIT_EXPECT_EQ(test, (int)ct_packet_begin(&p, 0, &tuple), CT_OK);
	ct_packet_header(&p);
	return p;
}

#endif /* _CT_KUNIT_PACKET_H */

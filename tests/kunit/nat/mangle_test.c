// SPDX-License-Identifier: GPL-2.0
/*
 * Rewriting packets: each is compared, octet by octet, with one that was made of
 * the new addresses and ports from the beginning. All sums are computed here, in
 * the plainest way there is.
 */
#include <linux/if_tunnel.h>
#include <linux/sctp.h>
#include <net/ndisc.h>
#include "../packet.h"
#include "mangle.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6
#define SRC	NF_NAT_MANIP_SRC
#define DST	NF_NAT_MANIP_DST
#define PAYLOAD	33

/* Who has a packet: numbers of addresses, ports, the identifier of a query. */
struct ends {
	u8 src;
	u8 dst;
	u16 sport;
	u16 dport;
	u16 id;
};

/*
 * A kind of packet.
 * @type: of ICMP and ICMPv6
 * @ext: octets of IPv4 options, or IPv6 extension headers by number
 * @frag: what IPv4 or IPv6 has of fragments, in host byte order
 * @cover: of UDP-Lite
 * @need: octets of the transport header that there have to be in an error; if
 *	that is 0 none are looked at
 * @whole: and in a packet
 * @check: where the checksum is, @checked octets; 0 if there is none
 */
struct kind {
	const char *name;
	u8 l3;
	u8 l4;
	u8 need;
	u8 whole;
	u8 check;
	u8 checked;
	u8 type;
	u8 ext[4];
	u16 frag;
	u8 cover;
	bool no_check;
	bool call;
};

#define K_TCP	.l4 = IPPROTO_TCP, .need = 4, .whole = 20, \
		.check = 16, .checked = 2
#define K_UDP	.l4 = IPPROTO_UDP, .need = 4, .whole = 8, \
		.check = 6, .checked = 2
#define K_LITE	.l4 = IPPROTO_UDPLITE, .need = 4, .whole = 8, \
		.check = 6, .checked = 2
#define K_DCCP	.l4 = IPPROTO_DCCP, .need = 4, .whole = 12, \
		.check = 6, .checked = 2
#define K_SCTP	.l4 = IPPROTO_SCTP, .need = 4, .whole = 12, \
		.check = 8, .checked = 4
#define K_ICMP	.l4 = IPPROTO_ICMP, .need = 8, .whole = 8, \
		.check = 2, .checked = 2
#define K_ICMP6	.l4 = IPPROTO_ICMPV6, .need = 8, .whole = 8, \
		.check = 2, .checked = 2
#define K_GRE	.l4 = IPPROTO_GRE, .need = 4, .whole = 4
#define K_CALL	.l4 = IPPROTO_GRE, .need = 8, .whole = 8, .call = true
#define K_ESP	.l4 = IPPROTO_ESP

static const struct kind kinds[] = {
	{ "TCP", V4, K_TCP },
	{ "TCP, v6", V6, K_TCP },
	{ "TCP behind options", V4, K_TCP, .ext = { 8 } },
	{ "TCP behind all options", V4, K_TCP, .ext = { 40 } },
	{ "TCP behind hop-by-hop options", V6, K_TCP, .ext = { NEXTHDR_HOP } },
	{ "TCP behind four headers", V6, K_TCP,
	  .ext = { NEXTHDR_HOP, NEXTHDR_DEST, NEXTHDR_ROUTING, NEXTHDR_AUTH } },
	{ "TCP in an atomic fragment", V6, K_TCP, .ext = { NEXTHDR_FRAGMENT } },
	{ "TCP in a first fragment", V4, K_TCP, .frag = IP_MF },
	{ "TCP in a first fragment, v6", V6, K_TCP,
	  .ext = { NEXTHDR_FRAGMENT }, .frag = IP6_MF },
	{ "a later fragment", V4, .l4 = IPPROTO_TCP, .frag = 100 },
	{ "a later fragment, v6", V6, IPPROTO_TCP,
	  .ext = { NEXTHDR_DEST, NEXTHDR_FRAGMENT }, .frag = 800 },
	{ "UDP", V4, K_UDP },
	{ "UDP, v6", V6, K_UDP },
	{ "UDP without checksum", V4, K_UDP, .no_check = true },
	{ "UDP without checksum, v6", V6, K_UDP, .no_check = true },
	{ "UDP-Lite", V4, K_LITE },
	{ "UDP-Lite, v6", V6, K_LITE },
	{ "UDP-Lite, header covered", V4, K_LITE, .cover = 8 },
	{ "UDP-Lite, a part covered", V6, K_LITE, .cover = 17 },
	{ "SCTP", V4, K_SCTP },
	{ "SCTP, v6", V6, K_SCTP },
	{ "SCTP behind options", V4, K_SCTP, .ext = { 12 } },
	{ "SCTP behind a header", V6, K_SCTP, .ext = { NEXTHDR_DEST } },
	{ "DCCP", V4, K_DCCP },
	{ "DCCP, v6", V6, K_DCCP },
	{ "ping", V4, K_ICMP, .type = ICMP_ECHO },
	{ "pong", V4, K_ICMP, .type = ICMP_ECHOREPLY },
	{ "ICMP timestamp", V4, K_ICMP, .type = ICMP_TIMESTAMP },
	{ "ICMP, no query", V4, K_ICMP, .type = 9 },
	{ "ping, v6", V6, K_ICMP6, .type = ICMPV6_ECHO_REQUEST },
	{ "pong, v6", V6, K_ICMP6, .type = ICMPV6_ECHO_REPLY },
	{ "node information", V6, K_ICMP6, .type = ICMPV6_NI_QUERY },
	{ "ICMPv6 over IPv4", V4, IPPROTO_ICMPV6, .type = 128 },
	{ "GRE", V4, K_GRE },
	{ "GRE, v6", V6, K_GRE },
	{ "a call", V4, K_CALL },
	{ "a call, v6", V6, K_CALL },
	{ "ESP", V4, K_ESP },
	{ "ESP, v6", V6, K_ESP },
};

static void kind_desc(const struct kind *k, char *desc)
{
	strscpy(desc, k->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, kinds, kind_desc);

/* 1 and 2 talk, 3 and 4 are what they are seen as; 5 is a router. */
static void number_addr(u8 l3, u8 n, union nf_inet_addr *addr)
{
	static const u8 v4[][4] = {
		{}, { 10, 0, 0, 1 }, { 10, 0, 255, 254 }, { 203, 0, 113, 77 },
		{ 198, 51, 100, 200 }, { 255, 255, 0, 5 },
	};
	static const u8 v6[][16] = {
		{}, { 0xfd, [15] = 1 }, { 0xfd, [14] = 0xff, [15] = 0xfe },
		{ 0x20, 1, 0xd, 0xb8, 0xff, 0xff, [15] = 77 },
		{ 0x26, 6, 0x28, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 200 },
		{ 0xfe, 0xc0, [7] = 5 },
	};

	memset(addr, 0, sizeof(*addr));
	if (l3 == V4)
		memcpy(addr, v4[n], sizeof(v4[n]));
	else
		memcpy(addr, v6[n], sizeof(v6[n]));
}

static void put16(u8 *at, u16 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static u16 get16(const u8 *at)
{
	return at[0] << 8 | at[1];
}

static u32 add_octets(u32 sum, const u8 *at, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? at[i] : at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static u32 plain_crc(const u8 *at, unsigned int len)
{
	u32 crc = ~0;
	int bit;

	while (len--) {
		crc ^= *at++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* The addresses as they stand in the header at @nh. */
static u32 pseudo(const struct kind *k, const u8 *nh, unsigned int len)
{
	const u8 rest[] = { len >> 8, len, 0, k->l4 };
	u32 sum = add_octets(0, rest, sizeof(rest));

	return k->l3 == V4 ? add_octets(sum, nh + 12, 8) :
			     add_octets(sum, nh + 8, 32);
}

static void put_sum(const struct kind *k, const u8 *nh, u8 *l4,
		    unsigned int len, bool partial)
{
	u32 sum = k->l4 == IPPROTO_ICMP ? 0 : pseudo(k, nh, len);
	u32 crc;

	if (!k->checked || k->no_check)
		return;
	memset(l4 + k->check, 0, k->checked);
	if (k->l4 == IPPROTO_SCTP) {
		crc = partial ? 0 : plain_crc(l4, len);
		l4[8] = crc;
		l4[9] = crc >> 8;
		l4[10] = crc >> 16;
		l4[11] = crc >> 24;
		return;
	}
	if (!partial)
		sum = ~add_octets(sum, l4, k->cover ?: len);
	if (!(u16)sum && (k->l4 == IPPROTO_UDP || k->l4 == IPPROTO_UDPLITE))
		sum = 0xffff;
	put16(l4 + k->check, sum);
}

static void put_transport(struct test_packet *t, const struct kind *k,
			  const struct ends *e, u16 word)
{
	const bool ports = k->need == 4 && k->checked;
	const unsigned int len = max_t(unsigned int, k->whole, 8) + PAYLOAD;
	u8 *l4 = test_put(t, len);
	unsigned int i;

	for (i = 0; i < len; i++)
		l4[i] = 0xa0 + 7 * i;
	if (k->whole)
		put16(l4 + k->whole, word);
	if (ports) {
		put16(l4, e->sport);
		put16(l4 + 2, e->dport);
	}
	switch (k->l4) {
	case IPPROTO_TCP:
		if (k->whole)
			put16(l4 + 12, 0x5010);
		break;
	case IPPROTO_UDP:
		put16(l4 + 4, len);
		if (k->no_check)
			put16(l4 + 6, 0);
		break;
	case IPPROTO_UDPLITE:
		put16(l4 + 4, k->cover);
		break;
	case IPPROTO_DCCP:
		put16(l4 + 4, 0x0400);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		l4[0] = k->type;
		if (k->checked && k->type != 9 && k->type != ICMPV6_NI_QUERY)
			put16(l4 + 4, e->id);
		break;
	case IPPROTO_GRE:
		put16(l4, k->call ? 0x3081 : 0x2000);
		put16(l4 + 2, k->call ? 0x880b : 0x0800);
		if (k->call)
			put16(l4 + 6, e->dport);
		break;
	}
}

static void put_exthdrs(struct test_packet *t, const struct kind *k, u8 *next)
{
	unsigned int i;
	u8 *h;

	for (i = 0; i < ARRAY_SIZE(k->ext) && k->ext[i]; i++) {
		*next = k->ext[i];
		h = test_put(t, k->ext[i] == NEXTHDR_DEST ? 24 : 8);
		memset(h, 0, 8);
		if (k->ext[i] == NEXTHDR_DEST)
			h[1] = 2;
		if (k->ext[i] == NEXTHDR_FRAGMENT)
			put16(h + 2, k->frag);
		next = h;
	}
	*next = k->l4;
}

/* One packet, at the end of @t. Returns where its transport header is. */
static unsigned int put_packet(struct test_packet *t, const struct kind *k,
			       const struct ends *e, u16 word, bool partial)
{
	const unsigned int start = t->len;
	unsigned int l4off;
	union nf_inet_addr src, dst;
	u8 *h = t->data + start;

	number_addr(k->l3, e->src, &src);
	number_addr(k->l3, e->dst, &dst);
	test_put_ip(t, k->l3, k->l4);
	if (k->l3 == V4) {
		h[0] += k->ext[0] / 4;
		put16(h + 6, k->frag);
		memcpy(h + 12, &src, 4);
		memcpy(h + 16, &dst, 4);
		memset(test_put(t, k->ext[0]), 1, k->ext[0]);
	} else {
		memcpy(h + 8, &src, 16);
		memcpy(h + 24, &dst, 16);
		put_exthdrs(t, k, h + 6);
	}
	l4off = t->len;
	put_transport(t, k, e, word);
	put_sum(k, h, t->data + l4off, t->len - l4off, partial);
	if (k->l3 == V4) {
		put16(h + 2, t->len - start);
		put16(h + 10, 0);
		put16(h + 10, ~add_octets(0, h, l4off - start));
	} else {
		put16(h + 4, t->len - start - 40);
	}
	return l4off;
}

static void build(struct test_packet *t, const struct kind *k,
		  const struct ends *e, u16 word, bool partial)
{
	memset(t, 0, sizeof(*t));
	t->l3 = k->l3;
	t->l4 = k->l4;
	t->l4off = put_packet(t, k, e, word, partial);
}

/* How a packet lies in memory. */
enum shape { LINEAR, CLONED, PAGES, SPLIT, LIST, SHAPES };

static struct sk_buff *piece(struct kunit *test, const u8 *data,
			     unsigned int len)
{
	struct sk_buff *skb = alloc_skb(len ?: 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
	skb_put_data(skb, data, len);
	return skb;
}

/* The first 13 octets, and twelve or less in each buffer of a list behind. */
static struct sk_buff *list_skb(struct kunit *test,
				const struct test_packet *t)
{
	unsigned int at = min(t->len, 13U), len;
	struct sk_buff *skb = piece(test, t->data, at), *next;
	struct sk_buff **last = &skb_shinfo(skb)->frag_list;

	for (; at < t->len; at += len) {
		len = min(t->len - at, 12U);
		next = piece(test, t->data + at, len);
		*last = next;
		last = &next->next;
		skb->len += len;
		skb->data_len += len;
		skb->truesize += next->truesize;
	}
	skb_reset_network_header(skb);
	skb->ip_summed = CHECKSUM_NONE;
	return skb;
}

static struct sk_buff *shaped(struct kunit *test, const struct test_packet *t,
			      enum shape shape)
{
	if (shape == LIST)
		return list_skb(test, t);
	if (shape == PAGES)
		return test_skb(test, t, 0);
	if (shape == SPLIT)
		return test_skb(test, t, t->l4off + 3);
	return test_skb(test, t, t->len);
}

static bool holds(struct kunit *test, struct sk_buff *skb,
		  const struct test_packet *t)
{
	u8 copy[sizeof(t->data)];

	if (skb->len != t->len ||
	    skb_copy_bits(skb, 0, copy, skb->len))
		return false;
	if (!memcmp(copy, t->data, t->len))
		return true;
	print_hex_dump(KERN_INFO, "is   ", DUMP_PREFIX_OFFSET, 16, 1, copy,
		       t->len, false);
	print_hex_dump(KERN_INFO, "want ", DUMP_PREFIX_OFFSET, 16, 1, t->data,
		       t->len, false);
	return false;
}

/* What a device would have summed up, 0xffff is 0. */
static bool csum_right(struct sk_buff *skb)
{
	u8 copy[sizeof_field(struct test_packet, data)];
	__sum16 sum = ~csum_fold(skb->csum);

	skb_copy_bits(skb, 0, copy, skb->len);
	return ntohs((__force __be16)sum) % 0xffff ==
	       add_octets(0, copy, skb->len) % 0xffff;
}

/* Who it is after an end was translated. */
static struct ends translated(const struct ends *e,
			      enum nf_nat_manip_type manip)
{
	struct ends to = *e;

	if (manip == SRC) {
		to.src = 3;
		to.sport = 4321;
	} else {
		to.dst = 4;
		to.dport = 54321;
	}
	to.id = 0xf00d;
	return to;
}

/* What is of no use is rubbish. */
static struct nf_conntrack_tuple tuple_of(const struct kind *k,
					  const struct ends *e,
					  enum nf_nat_manip_type manip)
{
	struct nf_conntrack_tuple t;
	const bool query = k->l4 == (k->l3 == V4 ? IPPROTO_ICMP :
						   IPPROTO_ICMPV6);

	memset(&t, 0xee, sizeof(t));
	t.src.l3num = k->l3;
	t.dst.protonum = k->l4;
	if (manip == SRC) {
		number_addr(k->l3, e->src, &t.src.u3);
		t.src.u.all = htons(e->sport);
	} else {
		number_addr(k->l3, e->dst, &t.dst.u3);
		t.dst.u.all = htons(e->dport);
	}
	if (query)
		t.src.u.icmp.id = htons(e->id);
	return t;
}

static const struct ends before = { 1, 2, 1000, 80, 0x1234 };

static void mangle_one(struct kunit *test, const struct kind *k,
		       enum nf_nat_manip_type manip, enum shape shape,
		       u8 summed)
{
	const struct ends after = translated(&before, manip);
	const struct nf_conntrack_tuple target = tuple_of(k, &after, manip);
	const bool partial = summed == CHECKSUM_PARTIAL;
	struct sk_buff *skb, *clone = NULL;
	struct test_packet was, want;

	build(&was, k, &before, 0x1357, partial);
	build(&want, k, &after, 0x1357, partial);
	skb = shaped(test, &was, shape);
	if (shape == CLONED)
		clone = skb_clone(skb, GFP_KERNEL);
	skb->ip_summed = summed;
	if (summed == CHECKSUM_COMPLETE)
		skb->csum = skb_checksum(skb, 0, skb->len, 0);
	if (partial) {
		skb->csum_start = skb_headroom(skb) + was.l4off;
		skb->csum_offset = k->check;
	}
	KUNIT_EXPECT_EQ(test, ct_nat_mangle(skb, 0, &target, manip), 0);
	KUNIT_EXPECT_TRUE_MSG(test, holds(test, skb, &want),
			      "%s %d %d %d", k->name, manip, shape, summed);
	KUNIT_EXPECT_EQ(test, (int)skb->ip_summed, (int)summed);
	if (summed == CHECKSUM_COMPLETE)
		KUNIT_EXPECT_TRUE_MSG(test, csum_right(skb), "%d %d", manip,
				      shape);
	if (partial)
		KUNIT_EXPECT_EQ(test, (int)skb_checksum_start_offset(skb),
				(int)was.l4off);
	/* Who has a share in it sees nothing of that. */
	if (clone)
		KUNIT_EXPECT_TRUE(test, holds(test, clone, &was));
	kfree_skb(clone);
	kfree_skb(skb);
}

static void test_mangle(struct kunit *test)
{
	static const u8 summed[] = { CHECKSUM_NONE, CHECKSUM_UNNECESSARY,
				     CHECKSUM_COMPLETE, CHECKSUM_PARTIAL };
	const struct kind *k = test->param_value;
	unsigned int manip, shape, i;

	if (k->l4 == IPPROTO_DCCP && !IS_ENABLED(CONFIG_NF_CT_PROTO_DCCP))
		kunit_skip(test, "no DCCP in this kernel");
	for (manip = SRC; manip <= DST; manip++)
		for (shape = 0; shape < SHAPES; shape++)
			for (i = 0; i < ARRAY_SIZE(summed); i++) {
				if (summed[i] == CHECKSUM_PARTIAL &&
				    (!k->checked || k->no_check || k->type))
					continue;
				mangle_one(test, k, manip, shape, summed[i]);
			}
}

/* There and back again it is what it was. */
static void test_back(struct kunit *test)
{
	const struct kind *k = test->param_value;
	struct nf_conntrack_tuple to, back;
	struct test_packet was;
	struct ends after;
	struct sk_buff *skb;
	unsigned int manip;

	if (k->l4 == IPPROTO_DCCP && !IS_ENABLED(CONFIG_NF_CT_PROTO_DCCP))
		kunit_skip(test, "no DCCP in this kernel");
	for (manip = SRC; manip <= DST; manip++) {
		after = translated(&before, manip);
		to = tuple_of(k, &after, manip);
		back = tuple_of(k, &before, manip);
		build(&was, k, &before, 1, false);
		/* One that was damaged stays so. */
		was.data[was.len - 1] ^= 0x40;
		skb = shaped(test, &was, SPLIT);
		KUNIT_EXPECT_EQ(test, ct_nat_mangle(skb, 0, &to, manip), 0);
		KUNIT_EXPECT_EQ(test, ct_nat_mangle(skb, 0, &back, manip), 0);
		KUNIT_EXPECT_TRUE(test, holds(test, skb, &was));
		kfree_skb(skb);
	}
}

/*
 * A checksum that comes to 0: for UDP that would be none, so it is 0xffff; TCP has
 * it as it is.
 */
static void test_zero(struct kunit *test)
{
	static const struct kind zero_kinds[] = {
		{ "UDP", V4, K_UDP }, { "UDP", V6, K_UDP },
		{ "UDP-Lite", V4, K_LITE }, { "TCP", V4, K_TCP },
		{ "TCP", V6, K_TCP },
	};
	struct nf_conntrack_tuple target;
	struct test_packet was, want;
	const struct kind *k;
	unsigned int i, manip;
	struct ends after;
	struct sk_buff *skb;
	u16 word;

	for (i = 0; i < 2 * ARRAY_SIZE(zero_kinds); i++) {
		k = &zero_kinds[i / 2];
		manip = i & 1 ? SRC : DST;
		after = translated(&before, manip);
		target = tuple_of(k, &after, manip);
		build(&want, k, &after, 0, false);
		word = get16(want.data + want.l4off + k->check);
		build(&want, k, &after, word, false);
		KUNIT_ASSERT_EQ(test, get16(want.data + want.l4off + k->check),
				k->l4 == IPPROTO_TCP ? 0 : 0xffff);
		build(&was, k, &before, word, false);
		skb = shaped(test, &was, LINEAR);
		KUNIT_EXPECT_EQ(test, ct_nat_mangle(skb, 0, &target, manip),
				0);
		KUNIT_EXPECT_TRUE(test, holds(test, skb, &want));
		/* And away from there. */
		target = tuple_of(k, &before, manip);
		KUNIT_EXPECT_EQ(test, ct_nat_mangle(skb, 0, &target, manip),
				0);
		KUNIT_EXPECT_TRUE(test, holds(test, skb, &was));
		kfree_skb(skb);
	}
}

/* The length that the network header says, which is @len in all. */
static void say_length(struct test_packet *t, unsigned int len)
{
	if (t->l3 == V6) {
		put16(t->data + 4, len - 40);
		return;
	}
	put16(t->data + 2, len);
	put16(t->data + 10, 0);
	put16(t->data + 10, ~add_octets(0, t->data, (t->data[0] & 15) * 4));
}

static void expect_refused(struct kunit *test, const struct test_packet *t,
			   const struct nf_conntrack_tuple *target,
			   enum nf_nat_manip_type manip, enum shape shape,
			   int err)
{
	struct sk_buff *skb = shaped(test, t, shape);

	KUNIT_EXPECT_EQ_MSG(test, ct_nat_mangle(skb, 0, target, manip), err,
			    "%u octets, %d", t->len, shape);
	if (err)
		KUNIT_EXPECT_TRUE(test, holds(test, skb, t));
	kfree_skb(skb);
}

/* Cut anywhere: refused and unchanged, until there is a whole header. */
static void test_short(struct kunit *test)
{
	const struct kind *k = test->param_value;
	struct nf_conntrack_tuple target;
	unsigned int cut, len, need, manip;
	struct test_packet t;
	struct ends after;
	enum shape shape;

	for (manip = SRC; manip <= DST; manip++) {
		after = translated(&before, manip);
		target = tuple_of(k, &after, manip);
		build(&t, k, &before, 1, false);
		need = t.l4off + k->whole;
		len = t.len;
		for (cut = 0; cut < len; cut++) {
			shape = cut % SHAPES;
			/* As it says. */
			build(&t, k, &before, 1, false);
			t.len = cut;
			expect_refused(test, &t, &target, manip, shape,
				       -EBADMSG);
			/* As if it had been made so. */
			if (cut < (k->l3 == V4 ? 20 : 40))
				continue;
			say_length(&t, cut);
			expect_refused(test, &t, &target, manip, shape,
				       cut < need ? -EBADMSG : 0);
			/* With the padding of a link. */
			memset(t.data + cut, 0, sizeof(t.data) - cut);
			t.len = cut + 30;
			expect_refused(test, &t, &target, manip, shape,
				       cut < need ? -EBADMSG : 0);
		}
	}
}

/* Not what was tracked, or nothing that could have been. */
static void test_other(struct kunit *test)
{
	static const struct kind tcp = { "", V4, K_TCP };
	static const struct kind tcp6 = { "", V6, K_TCP,
					  .ext = { NEXTHDR_DEST } };
	static const struct kind sctp = { "", V4, K_SCTP, .frag = IP_MF };
	struct nf_conntrack_tuple target = tuple_of(&tcp, &before, SRC);
	struct test_packet t;

	build(&t, &tcp, &before, 1, false);
	target.dst.protonum = IPPROTO_UDP;
	expect_refused(test, &t, &target, SRC, PAGES, -EBADMSG);
	target.dst.protonum = IPPROTO_TCP;
	t.data[0] = 0x65;
	expect_refused(test, &t, &target, SRC, LINEAR, -EBADMSG);
	t.data[0] = 0x44;
	expect_refused(test, &t, &target, SRC, LINEAR, -EBADMSG);
	t.data[0] = 0x45;
	say_length(&t, 19);
	expect_refused(test, &t, &target, SRC, LINEAR, -EBADMSG);

	target = tuple_of(&tcp6, &before, DST);
	build(&t, &tcp6, &before, 1, false);
	t.data[41] = 255;	/* 2 KB of options */
	expect_refused(test, &t, &target, DST, LIST, -EBADMSG);
	t.data[41] = 2;
	t.data[40] = NEXTHDR_NONE;
	expect_refused(test, &t, &target, DST, PAGES, -EBADMSG);
	t.data[40] = NEXTHDR_DEST;	/* its payload, taken for options */
	expect_refused(test, &t, &target, DST, PAGES, -EBADMSG);
	t.data[0] = 0x45;
	expect_refused(test, &t, &target, DST, PAGES, -EBADMSG);

	/* Who knows its CRC? */
	target = tuple_of(&sctp, &before, SRC);
	build(&t, &sctp, &before, 1, false);
	expect_refused(test, &t, &target, SRC, PAGES, -EBADMSG);
}

/* Segments to be, whose length no header says. */
static void test_gso(struct kunit *test)
{
	static const struct kind gso_kinds[] = {
		{ "TCP", V4, K_TCP }, { "TCP", V6, K_TCP }, { "UDP", V4, K_UDP },
	};
	struct nf_conntrack_tuple target;
	struct test_packet was, want;
	const struct kind *k;
	struct ends after;
	struct sk_buff *skb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gso_kinds); i++) {
		k = &gso_kinds[i];
		after = translated(&before, SRC);
		target = tuple_of(k, &after, SRC);
		build(&was, k, &before, 1, true);
		build(&want, k, &after, 1, true);
		say_length(&was, k->l3 == V4 ? 0 : 40);
		say_length(&want, k->l3 == V4 ? 0 : 40);
		skb = shaped(test, &was, PAGES);
		skb_shinfo(skb)->gso_size = 10;
		skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4;
		skb->ip_summed = CHECKSUM_PARTIAL;
		/* In a tunnel it is the inner one that the device completes. */
		skb->csum_start = skb_headroom(skb) + was.l4off +
				  (i == 2 ? 16 : 0);
		skb->csum_offset = k->check;
		KUNIT_EXPECT_EQ(test, ct_nat_mangle(skb, 0, &target, SRC), 0);
		KUNIT_EXPECT_TRUE(test, holds(test, skb, &want));
		kfree_skb(skb);
	}
}

/* The sum of a tunnel's UDP around one that is to be completed is whole. */
static void test_tunnel(struct kunit *test)
{
	static const struct kind udp = { "UDP", V4, K_UDP };
	const struct ends after = translated(&before, SRC);
	const struct nf_conntrack_tuple target = tuple_of(&udp, &after, SRC);
	struct test_packet was, want;
	struct sk_buff *skb;

	build(&was, &udp, &before, 1, false);
	build(&want, &udp, &after, 1, false);
	skb = shaped(test, &was, LINEAR);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) + was.l4off + 16;
	skb->csum_offset = 6;
	KUNIT_EXPECT_EQ(test, ct_nat_mangle(skb, 0, &target, SRC), 0);
	KUNIT_EXPECT_TRUE(test, holds(test, skb, &want));
	kfree_skb(skb);
}

/* The checksum of an error. */
static void sum_error(struct test_packet *t)
{
	const struct kind outer = {
		.l3 = t->l3, .l4 = t->l4, .check = 2, .checked = 2,
	};

	put_sum(&outer, t->data, t->data + t->l4off, t->len - t->l4off, false);
}

/*
 * An error of @type from @from to @to about @about, of which @cut octets are
 * quoted.
 */
static void build_error(struct test_packet *t, const struct kind *k, u8 type,
			u8 from, u8 to, const struct ends *about,
			unsigned int cut)
{
	union nf_inet_addr src, dst;
	unsigned int start;
	u8 *h = t->data;

	memset(t, 0, sizeof(*t));
	t->l3 = k->l3;
	t->l4 = k->l3 == V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	test_put_ip(t, k->l3, t->l4);
	number_addr(k->l3, from, &src);
	number_addr(k->l3, to, &dst);
	memcpy(h + (k->l3 == V4 ? 12 : 8), &src, k->l3 == V4 ? 4 : 16);
	memcpy(h + (k->l3 == V4 ? 16 : 24), &dst, k->l3 == V4 ? 4 : 16);
	t->l4off = t->len;
	h = test_put(t, 8);
	memset(h, 0, 8);
	h[0] = type;
	h[7] = 99;
	start = t->len;
	put_packet(t, k, about, 1, false);
	if (t->len - start > cut) {
		t->len = start + cut;
		memset(t->data + t->len, 0, sizeof(t->data) - t->len);
	}
	say_length(t, t->len);
	sum_error(t);
}

/* How many octets of the packet inside there have to be. */
static unsigned int least(const struct kind *k)
{
	struct test_packet t;

	build(&t, k, &before, 1, false);
	return t.l4off + k->need;
}

static u8 unreach(const struct kind *k)
{
	return k->l3 == V4 ? ICMP_DEST_UNREACH : ICMPV6_DEST_UNREACH;
}

/* @padding: octets of the link's behind it. */
static void error_one(struct kunit *test, const struct kind *k,
		      enum nf_nat_manip_type manip, enum shape shape,
		      unsigned int cut, u8 summed, unsigned int padding)
{
	/* What was sent, and what the router saw of it. */
	const struct ends sent = before;
	const struct ends saw = translated(&sent, manip == DST ? SRC : DST);
	const unsigned int need = least(k);
	struct nf_conntrack_tuple other;
	struct test_packet was, want;
	unsigned int check;
	struct sk_buff *skb;
	int err;

	other = tuple_of(k, &sent, manip == DST ? SRC : DST);
	build_error(&was, k, unreach(k), 5, saw.src, &saw, cut);
	build_error(&want, k, unreach(k), manip == DST ? 5 : 2, sent.src,
		    &sent, cut);

	/* Half a checksum is not touched. */
	check = want.l4off + 8 + need - k->need + k->check;
	if (k->checked && want.len > check && want.len < check + k->checked) {
		memcpy(want.data + check, was.data + check, want.len - check);
		sum_error(&want);
	}

	test_put(&was, padding);
	test_put(&want, padding);
	skb = shaped(test, &was, shape);
	skb->ip_summed = summed;
	if (summed == CHECKSUM_COMPLETE)
		skb->csum = skb_checksum(skb, 0, skb->len, 0);
	err = ct_nat_mangle_error(skb, 0, &other, manip);
	KUNIT_EXPECT_EQ_MSG(test, err, cut < need ? -EBADMSG : 0,
			    "%s %d %u", k->name, manip, cut);
	KUNIT_EXPECT_TRUE_MSG(test, holds(test, skb, err ? &was : &want),
			      "%s %d %u", k->name, manip, cut);
	if (summed == CHECKSUM_COMPLETE)
		KUNIT_EXPECT_TRUE(test, csum_right(skb));
	kfree_skb(skb);
}

static void test_error(struct kunit *test)
{
	const struct kind *k = test->param_value;
	struct test_packet t;
	unsigned int manip, cut;

	if (k->l4 == IPPROTO_DCCP && !IS_ENABLED(CONFIG_NF_CT_PROTO_DCCP))
		kunit_skip(test, "no DCCP in this kernel");
	build(&t, k, &before, 1, false);
	for (manip = SRC; manip <= DST; manip++)
		for (cut = 0; cut <= t.len; cut++) {
			error_one(test, k, manip, LINEAR, cut, CHECKSUM_NONE,
				  40);
			error_one(test, k, manip, cut % SHAPES, cut,
				  CHECKSUM_COMPLETE, 0);
		}
}

/* The checksum of an error that is to be completed: what is inside is whole. */
static void test_error_partial(struct kunit *test)
{
	static const struct kind error_kinds[] = {
		{ "UDP", V4, K_UDP }, { "UDP", V6, K_UDP },
	};
	const struct ends saw = translated(&before, SRC);
	struct nf_conntrack_tuple other;
	struct test_packet was, want;
	const struct kind *k;
	struct sk_buff *skb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(error_kinds); i++) {
		k = &error_kinds[i];
		other = tuple_of(k, &before, SRC);
		build_error(&was, k, unreach(k), 5, saw.src, &saw, 99);
		build_error(&want, k, unreach(k), 5, 1, &before, 99);
		put16(was.data + was.l4off + 2, 0);
		put16(want.data + was.l4off + 2, 0);
		if (k->l3 == V6) {
			const struct kind outer = {
				.l3 = V6, .l4 = was.l4, .check = 2, .checked = 2,
			};

			put_sum(&outer, was.data, was.data + was.l4off,
				was.len - was.l4off, true);
			put_sum(&outer, want.data, want.data + want.l4off,
				want.len - want.l4off, true);
		}
		skb = shaped(test, &was, LINEAR);
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_headroom(skb) + was.l4off;
		skb->csum_offset = 2;
		KUNIT_EXPECT_EQ(test, ct_nat_mangle_error(skb, 0, &other, DST),
				0);
		KUNIT_EXPECT_TRUE(test, holds(test, skb, &want));
		kfree_skb(skb);
	}
}

static int error_of(struct kunit *test, const struct kind *k, u8 type,
		    u16 frag)
{
	const struct nf_conntrack_tuple other = tuple_of(k, &before, SRC);
	struct test_packet t;
	struct sk_buff *skb;
	int err;

	build_error(&t, k, type, 5, 3, &before, 99);
	if (frag)
		put16(t.data + 6, frag);
	skb = shaped(test, &t, PAGES);
	err = ct_nat_mangle_error(skb, 0, &other, DST);
	if (err)
		KUNIT_EXPECT_TRUE(test, holds(test, skb, &t));
	kfree_skb(skb);
	return err;
}

/* Which messages are errors. */
static void test_types(struct kunit *test)
{
	static const struct kind v4 = { "", V4, K_UDP }, v6 = { "", V6, K_UDP };
	unsigned int type;

	for (type = 0; type < 256; type++) {
		int want = -EBADMSG;

		if (type == 3 || type == 4 || type == 11 || type == 12)
			want = 0;
		else if (type == 5)
			want = -EPERM;
		KUNIT_EXPECT_EQ_MSG(test, error_of(test, &v4, type, 0), want,
				    "type %u", type);
		want = type < 128 ? 0 : type == 137 ? -EPERM : -EBADMSG;
		KUNIT_EXPECT_EQ_MSG(test, error_of(test, &v6, type, 0), want,
				    "v6 type %u", type);
	}
	KUNIT_EXPECT_EQ(test, error_of(test, &v4, 3, IP_MF), -EBADMSG);
	KUNIT_EXPECT_EQ(test, error_of(test, &v4, 3, 5), -EBADMSG);
	KUNIT_EXPECT_EQ(test, error_of(test, &v4, 3, IP_DF), 0);
}

static struct kunit_case ct_nat_mangle_cases[] = {
	KUNIT_CASE_PARAM(test_mangle, kind_gen_params),
	KUNIT_CASE_PARAM(test_back, kind_gen_params),
	KUNIT_CASE_PARAM(test_short, kind_gen_params),
	KUNIT_CASE_PARAM(test_error, kind_gen_params),
	KUNIT_CASE(test_zero),
	KUNIT_CASE(test_other),
	KUNIT_CASE(test_gso),
	KUNIT_CASE(test_tunnel),
	KUNIT_CASE(test_error_partial),
	KUNIT_CASE(test_types),
	{}
};

static struct kunit_suite ct_nat_mangle_suite = {
	.name = "ct_nat_mangle",
	.test_cases = ct_nat_mangle_cases,
};

kunit_test_suites(&ct_nat_mangle_suite);

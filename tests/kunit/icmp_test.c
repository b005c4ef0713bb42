// SPDX-License-Identifier: GPL-2.0
/* ICMP and ICMPv6: queries, errors and the packets inside them. */
#include <net/ndisc.h>
#include "packet.h"
#include "wheels.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

/* What an error quotes. */
enum quote {
	QUOTE_NONE,
	QUOTE_TCP,
	QUOTE_UDP,
	QUOTE_ECHO,
	QUOTE_ERROR,
	QUOTE_ESP,
};

/*
 * A message, with the quoted packet cut after so many bytes (0: whole), one
 * of its bytes changed, and what becomes of it.
 */
struct kind_case {
	const char *name;
	u8 l3;
	u8 type;
	enum quote quote;
	u8 cut;
	struct {
		u8 at;
		u8 value;
	} patch;
	u8 linear;
	enum ct_icmp_kind kind;
	enum ct_invalid reason;
};

#define ERROR	.kind = CT_ICMP_ERROR
#define BAD(r)	.kind = CT_ICMP_BAD, .reason = CT_INVALID_ICMP_##r

static const struct kind_case kind_cases[] = {
	{ "echo", V4, ICMP_ECHO },
	{ "echo reply", V4, ICMP_ECHOREPLY },
	{ "timestamp", V4, ICMP_TIMESTAMP },
	{ "information reply", V4, ICMP_INFO_REPLY },
	{ "address mask", V4, ICMP_ADDRESS },
	{ "router advertisement", V4, 9, BAD(TYPE) },
	{ "router solicitation", V4, 10, BAD(TYPE) },
	{ "type 1", V4, 1, BAD(TYPE) },
	{ "unreachable, TCP", V4, ICMP_DEST_UNREACH, QUOTE_TCP, ERROR },
	{ "unreachable, UDP", V4, ICMP_DEST_UNREACH, QUOTE_UDP, ERROR },
	{ "unreachable, ESP", V4, ICMP_DEST_UNREACH, QUOTE_ESP, ERROR },
	{ "source quench, TCP", V4, ICMP_SOURCE_QUENCH, QUOTE_TCP, ERROR },
	{ "redirect, echo", V4, ICMP_REDIRECT, QUOTE_ECHO, ERROR },
	{ "time exceeded, echo", V4, ICMP_TIME_EXCEEDED, QUOTE_ECHO, ERROR },
	{ "parameter problem, UDP", V4, ICMP_PARAMETERPROB, QUOTE_UDP,
	  ERROR },
	{ "8 bytes of TCP", V4, ICMP_TIME_EXCEEDED, QUOTE_TCP, 28, ERROR },
	{ "8 bytes of echo", V4, ICMP_TIME_EXCEEDED, QUOTE_ECHO, 28, ERROR },
	{ "quoted in a page", V4, ICMP_DEST_UNREACH, QUOTE_TCP, .linear = 28,
	  ERROR },
	{ "nothing quoted", V4, ICMP_DEST_UNREACH, BAD(INNER) },
	{ "half an IP header", V4, ICMP_DEST_UNREACH, QUOTE_TCP, 12,
	  BAD(INNER) },
	{ "only an IP header", V4, ICMP_DEST_UNREACH, QUOTE_TCP, 20,
	  BAD(INNER) },
	{ "half the ports", V4, ICMP_DEST_UNREACH, QUOTE_UDP, 22,
	  BAD(INNER) },
	{ "half an echo", V4, ICMP_DEST_UNREACH, QUOTE_ECHO, 26, BAD(INNER) },
	{ "quoted version 6", V4, ICMP_DEST_UNREACH, QUOTE_TCP,
	  .patch = { 0, 0x65 }, BAD(INNER) },
	{ "quoted header length 4", V4, ICMP_DEST_UNREACH, QUOTE_TCP,
	  .patch = { 0, 0x44 }, BAD(INNER) },
	{ "quoted header past the end", V4, ICMP_DEST_UNREACH, QUOTE_UDP,
	  .patch = { 0, 0x4f }, BAD(INNER) },
	{ "quoted second fragment", V4, ICMP_DEST_UNREACH, QUOTE_UDP,
	  .patch = { 7, 8 }, BAD(INNER) },
	{ "quoted first fragment", V4, ICMP_TIME_EXCEEDED, QUOTE_UDP,
	  .patch = { 6, 0x20 }, ERROR },
	{ "error about an error", V4, ICMP_DEST_UNREACH, QUOTE_ERROR,
	  BAD(INNER) },

	{ "v6 echo", V6, ICMPV6_ECHO_REQUEST },
	{ "v6 echo reply", V6, ICMPV6_ECHO_REPLY },
	{ "v6 node information", V6, ICMPV6_NI_QUERY },
	{ "v6 node information reply", V6, ICMPV6_NI_REPLY },
	{ "v6 multicast query", V6, 130, .kind = CT_ICMP_UNTRACKED },
	{ "v6 multicast report", V6, 131, .kind = CT_ICMP_UNTRACKED },
	{ "v6 multicast done", V6, 132, .kind = CT_ICMP_UNTRACKED },
	{ "v6 router solicitation", V6, 133, .kind = CT_ICMP_UNTRACKED },
	{ "v6 router advertisement", V6, 134, .kind = CT_ICMP_UNTRACKED },
	{ "v6 neighbour solicitation", V6, 135, .kind = CT_ICMP_UNTRACKED },
	{ "v6 neighbour advertisement", V6, 136, .kind = CT_ICMP_UNTRACKED },
	{ "v6 MLDv2 report", V6, 143, .kind = CT_ICMP_UNTRACKED },
	{ "v6 multicast router", V6, 151, .kind = CT_ICMP_UNTRACKED },
	{ "v6 router renumbering", V6, 138, BAD(TYPE) },
	{ "v6 inverse discovery", V6, 141, BAD(TYPE) },
	{ "v6 type 255", V6, 255, BAD(TYPE) },
	{ "v6 unreachable, TCP", V6, ICMPV6_DEST_UNREACH, QUOTE_TCP, ERROR },
	{ "v6 too big, UDP", V6, ICMPV6_PKT_TOOBIG, QUOTE_UDP, ERROR },
	{ "v6 time exceeded, echo", V6, ICMPV6_TIME_EXCEED, QUOTE_ECHO,
	  ERROR },
	{ "v6 parameter problem, ESP", V6, ICMPV6_PARAMPROB, QUOTE_ESP,
	  ERROR },
	{ "v6 unknown error, TCP", V6, 100, QUOTE_TCP, ERROR },
	{ "v6 nothing quoted", V6, ICMPV6_DEST_UNREACH, BAD(INNER) },
	{ "v6 half an IP header", V6, ICMPV6_DEST_UNREACH, QUOTE_TCP, 30,
	  BAD(INNER) },
	{ "v6 only an IP header", V6, ICMPV6_DEST_UNREACH, QUOTE_TCP, 40,
	  BAD(INNER) },
	{ "v6 quoted no next header", V6, ICMPV6_DEST_UNREACH, QUOTE_TCP,
	  .patch = { 6, 59 }, BAD(INNER) },
	{ "v6 quoted endless options", V6, ICMPV6_DEST_UNREACH, QUOTE_TCP,
	  .patch = { 6, 60 }, BAD(INNER) },
	{ "v6 error about an error", V6, ICMPV6_DEST_UNREACH, QUOTE_ERROR,
	  BAD(INNER) },
};

static void kind_desc(const struct kind_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, kind_cases, kind_desc);

/* Returns the protocol of what was quoted. */
static u8 put_quote(struct test_packet *t, u8 l3, enum quote quote)
{
	u8 l4;

	switch (quote) {
	case QUOTE_NONE:
		return 0;
	case QUOTE_TCP:
		test_put_ip(t, l3, l4 = IPPROTO_TCP);
		test_put_tcp(t);
		break;
	case QUOTE_UDP:
		test_put_ip(t, l3, l4 = IPPROTO_UDP);
		test_put_udp(t, 8);
		break;
	case QUOTE_ECHO:
	case QUOTE_ERROR:
		l4 = l3 == V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		test_put_ip(t, l3, l4);
		if (quote == QUOTE_ECHO)
			test_put_icmp(t, l3 == V4 ? ICMP_ECHO :
						    ICMPV6_ECHO_REQUEST);
		else
			test_put_icmp(t, l3 == V4 ? ICMP_DEST_UNREACH :
						    ICMPV6_DEST_UNREACH);
		break;
	case QUOTE_ESP:
		test_put_ip(t, l3, l4 = IPPROTO_ESP);
		test_put(t, 8);
		break;
	default:
		return 0;
	}
	return l4;
}

static void expect_inner(struct kunit *test, u8 l3, u8 l4,
			 const struct nf_conntrack_tuple *inner)
{
	struct in6_addr src;

	KUNIT_EXPECT_EQ(test, (int)inner->src.l3num, (int)l3);
	KUNIT_EXPECT_EQ(test, (int)inner->dst.protonum, (int)l4);
	test_addr6(&src, 1);
	if (l3 == V4)
		KUNIT_EXPECT_TRUE(test, inner->src.u3.ip == TEST_SRC);
	else
		KUNIT_EXPECT_TRUE(test, ipv6_addr_equal(&inner->src.u3.in6,
							&src));
	switch (l4) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		KUNIT_EXPECT_TRUE(test, inner->dst.u.all == TEST_DPORT);
		fallthrough;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		KUNIT_EXPECT_TRUE(test, inner->src.u.all == TEST_SPORT);
	}
}

static void test_kind(struct kunit *test)
{
	const struct kind_case *c = test->param_value;
	enum ct_invalid reason = CT_OK;
	struct nf_conntrack_tuple outer, inner;
	enum ct_icmp_kind kind;
	struct test_packet t;
	unsigned int quoted;
	struct ct_packet p;
	u8 l4;

	test_start(&t, c->l3, c->l3 == V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	test_put_icmp(&t, c->type);
	quoted = t.len;
	l4 = put_quote(&t, c->l3, c->quote);
	if (c->patch.at || c->patch.value)
		t.data[quoted + c->patch.at] = c->patch.value;
	if (c->cut)
		t.len = quoted + c->cut;
	test_finish(&t);

	p = test_located(test, test_net(test),
			 test_skb(test, &t, c->linear ?: t.len), t.l3);
	KUNIT_EXPECT_EQ(test, (int)ct_packet_read(&p, 0, &outer), CT_OK);
	memset(&inner, 0xff, sizeof(inner));
	kind = ct_icmp_classify(&p, &outer, &inner, &reason);
	KUNIT_EXPECT_EQ(test, (int)kind, (int)c->kind);
	KUNIT_EXPECT_EQ(test, (int)reason, (int)c->reason);
	if (kind == CT_ICMP_ERROR && c->kind == CT_ICMP_ERROR)
		expect_inner(test, c->l3, l4, &inner);
	kfree_skb(p.skb);
}

/* A redirect of ICMPv6, changed, and what becomes of it. */
struct redirect_case {
	const char *name;
	u8 hop_limit;
	u8 source;
	u8 code;
	u8 option;
	u8 option_len;
	u8 cut;
	enum ct_icmp_kind kind;
	enum ct_invalid reason;
};

static const struct redirect_case redirect_cases[] = {
	{ "good", 255, 0xfe, 0, ND_OPT_REDIRECT_HDR, 9, ERROR },
	{ "from behind a router", 254, 0xfe, 0, ND_OPT_REDIRECT_HDR, 9,
	  BAD(TYPE) },
	{ "not from the link", 255, 0x20, 0, ND_OPT_REDIRECT_HDR, 9,
	  BAD(TYPE) },
	{ "code 1", 255, 0xfe, 1, ND_OPT_REDIRECT_HDR, 9, BAD(TYPE) },
	{ "another option", 255, 0xfe, 0, ND_OPT_TARGET_LL_ADDR, 1,
	  BAD(INNER) },
	{ "option of length 0", 255, 0xfe, 0, ND_OPT_REDIRECT_HDR, 0,
	  BAD(INNER) },
	{ "no option", 255, 0xfe, 0, 0, 0, 40, BAD(INNER) },
	{ "short", 255, 0xfe, 0, 0, 0, 39, .kind = CT_ICMP_BAD,
	  .reason = CT_INVALID_L4_SHORT },
	{ "nothing quoted", 255, 0xfe, 0, ND_OPT_REDIRECT_HDR, 1, 48,
	  BAD(INNER) },
};

static void redirect_desc(const struct redirect_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(redirect, redirect_cases, redirect_desc);

static void test_redirect(struct kunit *test)
{
	const struct redirect_case *c = test->param_value;
	enum ct_invalid reason = CT_OK;
	struct nf_conntrack_tuple outer, inner;
	enum ct_icmp_kind kind;
	struct test_packet t;
	struct ipv6hdr *ip6;
	struct icmphdr *ih;
	struct ct_packet p;
	u8 *option;

	test_start(&t, V6, IPPROTO_ICMPV6);
	ip6 = (struct ipv6hdr *)t.data;
	ip6->hop_limit = c->hop_limit;
	ip6->saddr.s6_addr[0] = c->source;
	ip6->saddr.s6_addr[1] = 0x80;
	ih = test_put_icmp(&t, NDISC_REDIRECT);
	ih->code = c->code;
	test_put(&t, 2 * sizeof(struct in6_addr));
	option = test_put(&t, 8);
	option[0] = c->option;
	option[1] = c->option_len;
	put_quote(&t, V6, QUOTE_UDP);
	if (c->cut)
		t.len = t.l4off + c->cut;
	test_finish(&t);

	p = test_located(test, test_net(test), test_skb(test, &t, t.len), V6);
	KUNIT_EXPECT_EQ(test, (int)ct_packet_read(&p, 0, &outer), CT_OK);
	kind = ct_icmp_classify(&p, &outer, &inner, &reason);
	KUNIT_EXPECT_EQ(test, (int)kind, (int)c->kind);
	KUNIT_EXPECT_EQ(test, (int)reason, (int)c->reason);
	if (kind == CT_ICMP_ERROR && c->kind == CT_ICMP_ERROR)
		expect_inner(test, V6, IPPROTO_UDP, &inner);
	kfree_skb(p.skb);
}

/* A message alone, what check() says of it, and may it open a connection? */
struct open_case {
	const char *name;
	u8 l3;
	u8 type;
	bool corrupt;
	bool unchecked;
	u8 summed;
	u8 cut;
	enum ct_invalid check;
	enum ct_invalid open;
};

static const struct open_case open_cases[] = {
	{ "echo", V4, ICMP_ECHO },
	{ "timestamp", V4, ICMP_TIMESTAMP },
	{ "information request", V4, ICMP_INFO_REQUEST },
	{ "address mask", V4, ICMP_ADDRESS },
	{ "echo reply", V4, ICMP_ECHOREPLY, .open = CT_INVALID_ICMP_REPLY },
	{ "timestamp reply", V4, ICMP_TIMESTAMPREPLY,
	  .open = CT_INVALID_ICMP_REPLY },
	{ "address mask reply", V4, ICMP_ADDRESSREPLY,
	  .open = CT_INVALID_ICMP_REPLY },
	{ "type 19", V4, 19, .check = CT_INVALID_ICMP_TYPE },
	{ "type 255", V4, 255, .check = CT_INVALID_ICMP_TYPE },
	{ "bad checksum", V4, ICMP_ECHO, .corrupt = true,
	  .check = CT_INVALID_ICMP_CHECKSUM },
	{ "bad checksum, switched off", V4, ICMP_ECHO, .corrupt = true,
	  .unchecked = true },
	{ "bad checksum, the card says good", V4, ICMP_ECHO, .corrupt = true,
	  .summed = CHECKSUM_UNNECESSARY },
	{ "7 bytes", V4, ICMP_ECHO, .cut = 7,
	  .check = CT_INVALID_L4_SHORT },
	{ "v6 echo", V6, ICMPV6_ECHO_REQUEST },
	{ "v6 node information", V6, ICMPV6_NI_QUERY },
	{ "v6 echo reply", V6, ICMPV6_ECHO_REPLY,
	  .open = CT_INVALID_ICMP_REPLY },
	{ "v6 bad checksum", V6, ICMPV6_ECHO_REQUEST, .corrupt = true,
	  .check = CT_INVALID_ICMP_CHECKSUM },
	{ "v6 bad checksum, neighbour solicitation", V6, 135, .corrupt = true,
	  .check = CT_INVALID_ICMP_CHECKSUM },
	{ "v6 7 bytes", V6, ICMPV6_ECHO_REQUEST, .cut = 7,
	  .check = CT_INVALID_L4_SHORT },
};

static void open_desc(const struct open_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(open, open_cases, open_desc);

static void test_open(struct kunit *test)
{
	const struct open_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	const struct ct_proto *proto;
	enum ct_invalid reason;
	struct test_packet t;
	struct ct_packet p;
	unsigned int which;

	which = c->l3 == V4 ? CT_TIMEOUT_ICMP : CT_TIMEOUT_ICMPV6;
	test_start(&t, c->l3, c->l3 == V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	test_put_icmp(&t, c->type);
	if (c->cut)
		t.len = t.l4off + c->cut;
	else
		test_put(&t, 3);
	test_finish(&t);
	if (c->corrupt)
		t.data[t.len - 1] ^= 0x80;
	cn->checksum = !c->unchecked;
	p = test_located(test, cn, test_skb(test, &t, t.len), t.l3);
	p.skb->ip_summed = c->summed;

	proto = ct_proto_find(p.l3, p.l4);
	KUNIT_EXPECT_EQ(test, (int)proto->check(&p), (int)c->check);
	if (c->check == CT_OK) {
		ct_packet_read(&p, 0, &e->dir[IP_CT_DIR_ORIGINAL].tuple);
		KUNIT_EXPECT_EQ(test, (int)proto->new(e, &p), (int)c->open);
	}
	if (c->check == CT_OK && c->open == CT_OK) {
		proto->packet(e, &p, IP_CT_NEW, &reason);
		KUNIT_EXPECT_EQ(test, e->expires, cn->timeout[which]);
	}
	kfree_skb(p.skb);
}

static struct kunit_case ct_icmp_cases[] = {
	KUNIT_CASE_PARAM(test_kind, kind_gen_params),
	KUNIT_CASE_PARAM(test_redirect, redirect_gen_params),
	KUNIT_CASE_PARAM(test_open, open_gen_params),
	{}
};

static struct kunit_suite ct_icmp_suite = {
	.name = "ct_icmp",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.test_cases = ct_icmp_cases,
};

kunit_test_suites(&ct_icmp_suite);

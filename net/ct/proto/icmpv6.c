// SPDX-License-Identifier: GPL-2.0
/*
 * ICMPv6 (RFC 4443, RFC 4620): queries, errors, and the messages by which
 * IPv6 itself works on a link, which are left alone.
 */
#include <linux/icmpv6.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv6.h>
#include <net/ndisc.h>
#include "common.h"

/* The types below are errors (RFC 4443 2.1). */
#define INFORMATIONAL	128

/* RFC 4286. Not all kernels' headers have both. */
#define ROUTER_DISCOVERY_ADVERT		151
#define ROUTER_DISCOVERY_SOLICIT	152

/* The other one of a query and its reply, or -1: neither. */
static int counterpart(u8 type)
{
	switch (type) {
	case ICMPV6_ECHO_REQUEST:
		return ICMPV6_ECHO_REPLY;
	case ICMPV6_ECHO_REPLY:
		return ICMPV6_ECHO_REQUEST;
	case ICMPV6_NI_QUERY:
		return ICMPV6_NI_REPLY;
	case ICMPV6_NI_REPLY:
		return ICMPV6_NI_QUERY;
	default:
		return -1;
	}
}

static bool icmpv6_invert(struct nf_conntrack_tuple *inv,
			  const struct nf_conntrack_tuple *tuple)
{
	int type = counterpart(tuple->dst.u.icmp.type);

	if (type < 0)
		return false;
	inv->dst.u.icmp.type = type;
	inv->dst.u.icmp.code = tuple->dst.u.icmp.code;
	inv->src.u.icmp.id = tuple->src.u.icmp.id;
	return true;
}

static enum ct_invalid icmpv6_check(struct ct_packet *p)
{
	if (p->hlen < sizeof(p->h.icmp))
		return CT_INVALID_L4_SHORT;
	if (ct_checksum_due(p) &&
	    nf_ip6_checksum(p->skb, p->hook, p->l4off, IPPROTO_ICMPV6))
		return CT_INVALID_ICMP_CHECKSUM;
	return CT_OK;
}

static enum ct_icmp_kind bad(enum ct_invalid *reason, enum ct_invalid why)
{
	*reason = why;
	return CT_ICMP_BAD;
}

/*
 * A redirect quotes a packet in an option (RFC 4861 4.5). Only a router on
 * the link may send one (8.1), which the hop limit and the address prove.
 */
static enum ct_icmp_kind redirect(const struct ct_packet *p,
				  const struct in6_addr *saddr,
				  struct nf_conntrack_tuple *inner,
				  enum ct_invalid *reason)
{
	unsigned int off = p->l4off + sizeof(struct rd_msg);
	struct nd_opt_hdr opt;
	u8 hop_limit;

	if (p->l4len < sizeof(struct rd_msg) ||
	    !ct_fetch(p->skb, skb_network_offset(p->skb) +
		      offsetof(struct ipv6hdr, hop_limit), &hop_limit))
		return bad(reason, CT_INVALID_L4_SHORT);
	if (p->h.icmp.code || hop_limit != 255 ||
	    (saddr->s6_addr32[0] & htonl(0xffc00000)) != htonl(0xfe800000))
		return bad(reason, CT_INVALID_ICMP_TYPE);

	if (p->l4len < sizeof(struct rd_msg) + sizeof(opt) ||
	    !ct_fetch(p->skb, off, &opt) || !opt.nd_opt_len ||
	    opt.nd_opt_type != ND_OPT_REDIRECT_HDR)
		return bad(reason, CT_INVALID_ICMP_INNER);
	/* Two bytes of option header, six reserved. */
	return ct_icmp_inner(p, off + 8, inner, reason);
}

enum ct_icmp_kind ct_icmpv6_classify(const struct ct_packet *p,
				     const struct nf_conntrack_tuple *outer,
				     struct nf_conntrack_tuple *inner,
				     enum ct_invalid *reason)
{
	const u8 type = p->h.icmp.type;

	if (type < INFORMATIONAL)
		return ct_icmp_inner(p, p->l4off + sizeof(struct icmp6hdr),
				     inner, reason);

	switch (type) {
	case ICMPV6_MGM_QUERY:
	case ICMPV6_MGM_REPORT:
	case ICMPV6_MGM_REDUCTION:
	case ICMPV6_MLD2_REPORT:
	case NDISC_ROUTER_SOLICITATION:
	case NDISC_ROUTER_ADVERTISEMENT:
	case NDISC_NEIGHBOUR_SOLICITATION:
	case NDISC_NEIGHBOUR_ADVERTISEMENT:
	case ROUTER_DISCOVERY_ADVERT:
	case ROUTER_DISCOVERY_SOLICIT:
		return CT_ICMP_UNTRACKED;
	case NDISC_REDIRECT:
		return redirect(p, &outer->src.u3.in6, inner, reason);
	}
	if (counterpart(type) >= 0)
		return CT_ICMP_QUERY;
	return bad(reason, CT_INVALID_ICMP_TYPE);
}

static enum ct_invalid icmpv6_new(struct ct_entry *e,
				  const struct ct_packet *p)
{
	u8 type = e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.u.icmp.type;

	e->proto.raw = 0;
	if (type != ICMPV6_ECHO_REQUEST && type != ICMPV6_NI_QUERY)
		return CT_INVALID_ICMP_REPLY;
	ct_refresh(e, ct_timeout(e, CT_TIMEOUT_ICMPV6));
	return CT_OK;
}

static enum ct_verdict icmpv6_packet(struct ct_entry *e,
				     const struct ct_packet *p,
				     enum ip_conntrack_info ctinfo,
				     enum ct_invalid *reason)
{
	ct_refresh(e, ct_timeout(e, CT_TIMEOUT_ICMPV6));
	return CT_ACCEPT;
}

const struct ct_proto ct_proto_icmpv6 = {
	.num = IPPROTO_ICMPV6,
	.header = sizeof(struct icmp6hdr),
	.timeout = CT_TIMEOUT_ICMPV6,
	.parse = ct_icmp_parse,
	.invert = icmpv6_invert,
	.check = icmpv6_check,
	.new = icmpv6_new,
	.packet = icmpv6_packet,
};

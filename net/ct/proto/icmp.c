// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP (RFC 792, RFC 950): queries and their replies are connections, errors
 * belong to the connection whose packet they quote.
 */
#include <linux/icmp.h>
#include <linux/netfilter_ipv4.h>
#include "common.h"

/* The other one of a query and its reply, or -1: neither. */
static int counterpart(u8 type)
{
	switch (type) {
	case ICMP_ECHO:
		return ICMP_ECHOREPLY;
	case ICMP_ECHOREPLY:
		return ICMP_ECHO;
	case ICMP_TIMESTAMP:
		return ICMP_TIMESTAMPREPLY;
	case ICMP_TIMESTAMPREPLY:
		return ICMP_TIMESTAMP;
	case ICMP_INFO_REQUEST:
		return ICMP_INFO_REPLY;
	case ICMP_INFO_REPLY:
		return ICMP_INFO_REQUEST;
	case ICMP_ADDRESS:
		return ICMP_ADDRESSREPLY;
	case ICMP_ADDRESSREPLY:
		return ICMP_ADDRESS;
	default:
		return -1;
	}
}

static bool is_query(u8 type)
{
	return type == ICMP_ECHO || type == ICMP_TIMESTAMP ||
	       type == ICMP_INFO_REQUEST || type == ICMP_ADDRESS;
}

static bool icmp_invert(struct nf_conntrack_tuple *inv,
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

static enum ct_invalid icmp_check(struct ct_packet *p)
{
	const struct icmphdr *ih = &p->h.icmp;

	if (p->hlen < sizeof(*ih))
		return CT_INVALID_L4_SHORT;
	if (ct_checksum_due(p) &&
	    nf_ip_checksum(p->skb, p->hook, p->l4off, IPPROTO_ICMP))
		return CT_INVALID_ICMP_CHECKSUM;
	/* RFC 1122 3.2.2: unknown types are discarded silently. */
	if (ih->type > NR_ICMP_TYPES)
		return CT_INVALID_ICMP_TYPE;
	return CT_OK;
}

enum ct_icmp_kind ct_icmpv4_classify(const struct ct_packet *p,
				     struct nf_conntrack_tuple *inner,
				     enum ct_invalid *reason)
{
	const struct icmphdr *ih = &p->h.icmp;

	switch (ih->type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return ct_icmp_inner(p, p->l4off + sizeof(*ih), inner, reason);
	}
	if (counterpart(ih->type) >= 0)
		return CT_ICMP_QUERY;
	/* Router discovery (RFC 1256) and types never assigned. */
	*reason = CT_INVALID_ICMP_TYPE;
	return CT_ICMP_BAD;
}

static enum ct_invalid icmp_new(struct ct_entry *e, const struct ct_packet *p)
{
	u8 type = e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.u.icmp.type;

	e->proto.raw = 0;
	if (!is_query(type))
		return CT_INVALID_ICMP_REPLY;
	ct_refresh(e, ct_timeout(e, CT_TIMEOUT_ICMP));
	return CT_OK;
}

/* Kept after the reply: there may be duplicates, and more with this id. */
static enum ct_verdict icmp_packet(struct ct_entry *e,
				   const struct ct_packet *p,
				   enum ip_conntrack_info ctinfo,
				   enum ct_invalid *reason)
{
	ct_refresh(e, ct_timeout(e, CT_TIMEOUT_ICMP));
	return CT_ACCEPT;
}

const struct ct_proto ct_proto_icmp = {
	.num = IPPROTO_ICMP,
	.header = sizeof(struct icmphdr),
	.timeout = CT_TIMEOUT_ICMP,
	.parse = ct_icmp_parse,
	.invert = icmp_invert,
	.check = icmp_check,
	.new = icmp_new,
	.packet = icmp_packet,
};

// SPDX-License-Identifier: GPL-2.0
/*
 * Which tracker a protocol has, and what ICMP and ICMPv6 have in common.
 */
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/netlink.h>
#include "common.h"

const struct ct_proto *ct_proto_find(u8 l3, u8 l4)
{
	switch (l4) {
	case IPPROTO_TCP:
		return &ct_proto_tcp;
	case IPPROTO_UDP:
		return &ct_proto_udp;
	case IPPROTO_SCTP:
		return &ct_proto_sctp;
	case IPPROTO_UDPLITE:
		return &ct_proto_udplite;
	case IPPROTO_DCCP:
		if (IS_ENABLED(CONFIG_NF_CT_PROTO_DCCP))
			return &ct_proto_dccp;
		break;
	case IPPROTO_GRE:
		return &ct_proto_gre;
	case IPPROTO_ICMP:
		if (l3 == NFPROTO_IPV4)
			return &ct_proto_icmp;
		break;
	case IPPROTO_ICMPV6:
		if (l3 == NFPROTO_IPV6)
			return &ct_proto_icmpv6;
		break;
	}
	return &ct_proto_generic;
}

int ct_put_protoinfo(struct sk_buff *skb, struct ct_entry *e, bool destroy,
		     int type, int (*put)(struct sk_buff *skb,
					  struct ct_entry *e, bool destroy))
{
	struct nlattr *info, *nest;

	info = nla_nest_start(skb, CTA_PROTOINFO);
	if (!info)
		return -EMSGSIZE;
	nest = nla_nest_start(skb, type);
	if (!nest || put(skb, e, destroy)) {
		nla_nest_cancel(skb, info);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	nla_nest_end(skb, info);
	return 0;
}

/*
 * Type, code and identifier stand in the same places in both (RFC 792,
 * RFC 4443 4.1). For a node information query the place of the identifier
 * holds the query's kind (RFC 4620 4), which its reply repeats.
 */
enum ct_invalid ct_icmp_parse(const struct ct_packet *p,
			      struct nf_conntrack_tuple *tuple)
{
	const struct icmphdr *ih = &p->h.icmp;

	if (p->hlen < sizeof(*ih))
		return CT_INVALID_L4_SHORT;
	tuple->src.u.icmp.id = ih->un.echo.id;
	tuple->dst.u.icmp.type = ih->type;
	tuple->dst.u.icmp.code = ih->code;
	return CT_OK;
}

/*
 * The packet that an error quotes, with at least 8 bytes of its transport
 * header (RFC 792; RFC 1812 4.3.2.3 wants more). One that has no answer, an
 * error about an error for example, is nobody's (RFC 1122 3.2.2).
 */
enum ct_icmp_kind ct_icmp_inner(const struct ct_packet *p, unsigned int nhoff,
				struct nf_conntrack_tuple *inner,
				enum ct_invalid *reason)
{
	struct nf_conntrack_tuple answer;

	if (ct_packet_read_quoted(p, nhoff, inner) == CT_OK &&
	    ct_tuple_invert(&answer, inner))
		return CT_ICMP_ERROR;
	*reason = CT_INVALID_ICMP_INNER;
	return CT_ICMP_BAD;
}

enum ct_icmp_kind ct_icmp_classify(const struct ct_packet *p,
				   const struct nf_conntrack_tuple *outer,
				   struct nf_conntrack_tuple *inner,
				   enum ct_invalid *reason)
{
	if (p->l3 == NFPROTO_IPV4)
		return ct_icmpv4_classify(p, inner, reason);
	return ct_icmpv6_classify(p, outer, inner, reason);
}

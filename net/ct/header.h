/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_HEADER_H
#define _CT_HEADER_H

/* Parts of tuple.c that are inlined into the packet path. */

#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/ct/tuple.h>
#include <net/ip.h>

/* What ct_packet_locate() does once it has the header. */
static inline enum ct_invalid
ct_locate_ipv4(struct ct_packet *p, const struct iphdr *iph,
	       unsigned int nhoff, bool inner)
{
	unsigned int hlen, total, avail = p->skb->len - nhoff;

	hlen = iph->ihl * 4;
	if (unlikely(iph->version != 4 || hlen < sizeof(*iph)))
		return CT_INVALID_IP_HEADER;
	if (unlikely(iph->frag_off & htons(IP_OFFSET)))
		return CT_INVALID_IP_FRAGMENT;

	total = ntohs(iph->tot_len);
	/*
	 * A quoted packet is cut off, and hosts are known that garble its
	 * length; a segment to be split may be longer than the field holds.
	 */
	if (inner || unlikely(!total && skb_is_gso(p->skb)))
		total = avail;
	else if (unlikely(total < hlen || total > avail))
		return CT_INVALID_IP_HEADER;
	if (unlikely(hlen > total))
		return CT_INVALID_IP_SHORT;

	p->l4 = iph->protocol;
	p->l4off = nhoff + hlen;
	p->l4len = total - hlen;
	return CT_OK;
}

/* All of the tuple of a located packet that is no protocol's affair. */
static inline void ct_begin_ipv4(const struct ct_packet *p,
				 const struct iphdr *iph,
				 struct nf_conntrack_tuple *tuple)
{
	tuple->src.u3 = (union nf_inet_addr){ .all = { } };
	tuple->src.u3.ip = iph->saddr;
	tuple->dst.u3 = (union nf_inet_addr){ .all = { } };
	tuple->dst.u3.ip = iph->daddr;
	tuple->src.u.all = 0;
	tuple->src.l3num = NFPROTO_IPV4;
	tuple->dst.u.all = 0;
	tuple->dst.protonum = p->l4;
	tuple->dst.dir = IP_CT_DIR_ORIGINAL;
}

/* All of an inverse that is no protocol's affair. */
static inline void ct_invert_addresses(struct nf_conntrack_tuple *inv,
				       const struct nf_conntrack_tuple *tuple)
{
	inv->src.u3 = tuple->dst.u3;
	inv->src.l3num = tuple->src.l3num;
	inv->dst.u3 = tuple->src.u3;
	inv->dst.protonum = tuple->dst.protonum;
	inv->dst.dir = !tuple->dst.dir;
}

#endif /* _CT_HEADER_H */

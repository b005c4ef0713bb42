/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_HEADER_H
#define _CT_HEADER_H

/* Parts of packet.c and tuple.c that are inlined into the packet path. */

#include <linux/ip.h>
#include <net/ct/packet.h>
#include <net/ct/proto.h>
#include <net/ct/tuple.h>
#include <net/ip.h>

/* No reason: the packet is not to be tracked. */
#define CT_PASS_BY	__CT_INVALID_MAX

/* A fragment. Return: why it is not for us, CT_OK: it is the first, quoted */
static inline enum ct_invalid ct_fragment(const struct ct_packet *p,
					  const struct iphdr *iph, bool quoted)
{
	/* From a socket with IP_NODEFRAG: it knows what it does. */
	if (p->hook == NF_INET_LOCAL_OUT && !quoted)
		return CT_PASS_BY;
	return iph->frag_off & htons(IP_OFFSET) ? CT_INVALID_IP_FRAGMENT :
						  CT_OK;
}

/*
 * What ct_packet_begin() does of IPv4. @end: where the packet ends that has the
 * header at @nhoff. @quoted: it is one inside an ICMP error.
 */
static __always_inline enum ct_invalid
ct_begin_ipv4(struct ct_packet *p, unsigned int nhoff, unsigned int end,
	      bool quoted, struct nf_conntrack_tuple *tuple)
{
	unsigned int hlen, total, avail = end - nhoff;
	struct iphdr iph __ct_uninit;
	enum ct_invalid reason;

	if (unlikely((quoted && (int)avail < (int)sizeof(iph)) ||
		     !ct_fetch(p->skb, nhoff, &iph))) {
		p->l4 = IPPROTO_RAW;
		return CT_INVALID_IP_SHORT;
	}
	p->l4 = iph.protocol;
	if (unlikely(ip_is_fragment(&iph))) {
		reason = ct_fragment(p, &iph, quoted);
		if (reason)
			return reason;
	}
	hlen = iph.ihl * 4;
	if (unlikely(iph.version != 4 || hlen < sizeof(iph)))
		return CT_INVALID_IP_HEADER;

	total = ntohs(iph.tot_len);
	/*
	 * A quoted packet is cut off, and hosts are known that garble its
	 * length; a segment to be split may be longer than the field holds.
	 */
	if (quoted || unlikely(!total && skb_is_gso(p->skb)))
		total = avail;
	else if (unlikely(total < hlen || total > avail))
		return CT_INVALID_IP_HEADER;
	if (unlikely(hlen > total))
		return CT_INVALID_IP_SHORT;

	p->l4off = nhoff + hlen;
	p->l4len = total - hlen;

	tuple->src.u3 = (union nf_inet_addr){ .all = { } };
	tuple->src.u3.ip = iph.saddr;
	tuple->dst.u3 = (union nf_inet_addr){ .all = { } };
	tuple->dst.u3.ip = iph.daddr;
	tuple->src.u.all = 0;
	tuple->src.l3num = NFPROTO_IPV4;
	tuple->dst.u.all = 0;
	tuple->dst.protonum = iph.protocol;
	tuple->dst.dir = IP_CT_DIR_ORIGINAL;
	return CT_OK;
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

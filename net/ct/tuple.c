// SPDX-License-Identifier: GPL-2.0
/*
 * Packets to tuples: where the transport header is, what identifies the
 * connection, what its answers look like, and a hash of all that.
 */
#include <linux/export.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/ct/net.h>
#include <net/ct/proto.h>
#include <net/ct/tuple.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include "core.h"
#include "header.h"
#include "proto/common.h"

/* Walk the extension headers (RFC 8200, 4); each is at least 8 bytes long. */
static enum ct_invalid skip_exthdrs(struct ct_packet *p, u8 type,
				    unsigned int off, unsigned int end)
{
	struct frag_hdr fbuf, *fh;
	struct ipv6_opt_hdr buf, *oh;
	unsigned int len;

	for (;;) {
		switch (type) {
		case NEXTHDR_HOP:
		case NEXTHDR_ROUTING:
		case NEXTHDR_DEST:
		case NEXTHDR_AUTH:
		case NEXTHDR_FRAGMENT:
			break;
		case NEXTHDR_NONE:
			return CT_INVALID_EXTHDR;
		default:
			p->l4 = type;
			p->l4off = off;
			p->l4len = end - off;
			return CT_OK;
		}

		oh = skb_header_pointer(p->skb, off, sizeof(buf), &buf);
		if (!oh)
			return CT_INVALID_EXTHDR;
		if (type == NEXTHDR_FRAGMENT) {
			fh = skb_header_pointer(p->skb, off, sizeof(fbuf),
						&fbuf);
			if (!fh)
				return CT_INVALID_EXTHDR;
			if (fh->frag_off & htons(IP6_OFFSET))
				return CT_INVALID_IP_FRAGMENT;
			len = sizeof(fbuf);
		} else if (type == NEXTHDR_AUTH) {
			len = ipv6_authlen(oh);
		} else {
			len = ipv6_optlen(oh);
		}
		type = oh->nexthdr;
		if (len > end - off)
			return CT_INVALID_EXTHDR;
		off += len;
	}
}

static inline enum ct_invalid
locate_ipv6(struct ct_packet *p, const struct ipv6hdr *ip6, unsigned int nhoff,
	    bool inner)
{
	unsigned int off = nhoff + sizeof(*ip6);
	unsigned int payload, avail = p->skb->len - off;

	if (unlikely(ip6->version != 6))
		return CT_INVALID_IP_HEADER;

	payload = ntohs(ip6->payload_len);
	/* Jumbograms say their length in an option (RFC 2675). */
	if (inner || unlikely(!payload && (ip6->nexthdr == NEXTHDR_HOP ||
					   skb_is_gso(p->skb))))
		payload = avail;
	else if (unlikely(payload > avail))
		return CT_INVALID_IP_HEADER;

	if (likely(ip6->nexthdr == IPPROTO_TCP ||
		   ip6->nexthdr == IPPROTO_UDP)) {
		p->l4 = ip6->nexthdr;
		p->l4off = off;
		p->l4len = payload;
		return CT_OK;
	}
	return skip_exthdrs(p, ip6->nexthdr, off, off + payload);
}

static inline void begin_ipv6(const struct ct_packet *p,
			      const struct ipv6hdr *ip6,
			      struct nf_conntrack_tuple *tuple)
{
	tuple->src.u3.in6 = ip6->saddr;
	tuple->dst.u3.in6 = ip6->daddr;
	tuple->src.u.all = 0;
	tuple->src.l3num = NFPROTO_IPV6;
	tuple->dst.u.all = 0;
	tuple->dst.protonum = p->l4;
	tuple->dst.dir = IP_CT_DIR_ORIGINAL;
}

/* Either of locating and beginning may be left out: it is a constant. */
static __always_inline enum ct_invalid
network_header(struct ct_packet *p, unsigned int nhoff, bool locate,
	       bool inner, struct nf_conntrack_tuple *tuple)
{
	enum ct_invalid reason = CT_OK;

	if (p->l3 == NFPROTO_IPV4) {
		struct iphdr buf __ct_uninit;
		const struct iphdr *iph;

		iph = skb_header_pointer(p->skb, nhoff, sizeof(buf), &buf);
		if (unlikely(!iph))
			return CT_INVALID_IP_SHORT;
		if (locate)
			reason = ct_locate_ipv4(p, iph, nhoff, inner);
		if (tuple)
			ct_begin_ipv4(p, iph, tuple);
	} else {
		struct ipv6hdr buf __ct_uninit;
		const struct ipv6hdr *ip6;

		ip6 = skb_header_pointer(p->skb, nhoff, sizeof(buf), &buf);
		if (unlikely(!ip6))
			return CT_INVALID_IP_SHORT;
		if (locate)
			reason = locate_ipv6(p, ip6, nhoff, inner);
		if (tuple)
			begin_ipv6(p, ip6, tuple);
	}
	return reason;
}

enum ct_invalid ct_packet_locate(struct ct_packet *p, unsigned int nhoff,
				 bool inner)
{
	return network_header(p, nhoff, true, inner, NULL);
}
EXPORT_SYMBOL_GPL(ct_packet_locate);

enum ct_invalid ct_packet_begin(struct ct_packet *p, unsigned int nhoff,
				struct nf_conntrack_tuple *tuple)
{
	return network_header(p, nhoff, true, false, tuple);
}

enum ct_invalid ct_packet_tuple(const struct ct_packet *p, unsigned int nhoff,
				struct nf_conntrack_tuple *tuple)
{
	enum ct_invalid reason;

	reason = network_header((struct ct_packet *)p, nhoff, false, false,
				tuple);
	if (unlikely(reason))
		return reason;
	return ct_proto_find(p->l3, p->l4)->parse(p, tuple);
}
EXPORT_SYMBOL_GPL(ct_packet_tuple);

bool ct_tuple_invert(struct nf_conntrack_tuple *inv,
		     const struct nf_conntrack_tuple *tuple)
{
	ct_invert_addresses(inv, tuple);
	return ct_proto_find(tuple->src.l3num, tuple->dst.protonum)->
	       invert(inv, tuple);
}

u32 ct_tuple_hash(const struct ct_net *cn,
		  const struct nf_conntrack_tuple *tuple, u16 zone)
{
	return ct_tuple_hash_fast(cn, tuple, zone);
}

u32 ct_tuple_hash_whole(const struct ct_net *cn,
			const struct nf_conntrack_tuple *tuple, u16 zone)
{
	struct nf_conntrack_tuple t __aligned(HSIPHASH_ALIGNMENT) __ct_uninit;
	int order;

	t = *tuple;
	t.src.l3num = zone;
	t.dst.dir = 0;
	order = memcmp(&t.src.u3, &t.dst.u3, sizeof(t.src.u3));
	if (!order)
		order = memcmp(&t.src.u.all, &t.dst.u.all,
			       sizeof(t.src.u.all));
	if (order > 0) {
		swap(t.src.u3, t.dst.u3);
		swap(t.src.u.all, t.dst.u.all);
	}
	return ct_hash_turn(hsiphash(&t, sizeof(t),
				     (const hsiphash_key_t *)&cn->key),
			    order > 0);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a packet, each byte once: where the transport header is, the headers'
 * copies, and what identifies the connection.
 */
#include <linux/export.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <net/ct/net.h>
#include <net/ct/packet.h>
#include <net/ct/proto.h>
#include <net/ct/tuple.h>
#include <net/ipv6.h>
#include "core.h"
#include "header.h"

/* The beginning of any extension header; each is at least this long. */
union exthdr {
	struct ipv6_opt_hdr opt;
	struct frag_hdr frag;
};

/* Walk the extension headers (RFC 8200, 4). */
static enum ct_invalid skip_exthdrs(struct ct_packet *p, u8 type,
				    unsigned int off, unsigned int end)
{
	union exthdr h;
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

		if (end - off < sizeof(h) || !ct_fetch(p->skb, off, &h))
			return CT_INVALID_EXTHDR;
		if (type == NEXTHDR_FRAGMENT) {
			if (h.frag.frag_off & htons(IP6_OFFSET))
				return CT_INVALID_IP_FRAGMENT;
			len = sizeof(h.frag);
		} else if (type == NEXTHDR_AUTH) {
			len = ipv6_authlen(&h.opt);
		} else {
			len = ipv6_optlen(&h.opt);
		}
		type = h.opt.nexthdr;
		if (len > end - off)
			return CT_INVALID_EXTHDR;
		off += len;
	}
}

/* As ct_begin_ipv4(). */
static __always_inline enum ct_invalid
begin_ipv6(struct ct_packet *p, unsigned int nhoff, unsigned int end,
	   bool quoted, struct nf_conntrack_tuple *tuple)
{
	unsigned int off = nhoff + sizeof(struct ipv6hdr);
	unsigned int payload, avail = end - off;
	struct ipv6hdr ip6 __ct_uninit;
	enum ct_invalid reason = CT_OK;

	p->l4 = IPPROTO_RAW;
	if (unlikely((quoted && (int)avail < 0) ||
		     !ct_fetch(p->skb, nhoff, &ip6)))
		return CT_INVALID_IP_SHORT;
	if (unlikely(ip6.version != 6))
		return CT_INVALID_IP_HEADER;

	payload = ntohs(ip6.payload_len);
	/* Jumbograms say their length in an option (RFC 2675). */
	if (quoted || unlikely(!payload && (ip6.nexthdr == NEXTHDR_HOP ||
					    skb_is_gso(p->skb))))
		payload = avail;
	else if (unlikely(payload > avail))
		return CT_INVALID_IP_HEADER;

	if (likely(ip6.nexthdr == IPPROTO_TCP || ip6.nexthdr == IPPROTO_UDP)) {
		p->l4 = ip6.nexthdr;
		p->l4off = off;
		p->l4len = payload;
	} else {
		reason = skip_exthdrs(p, ip6.nexthdr, off, off + payload);
	}
	tuple->src.u3.in6 = ip6.saddr;
	tuple->dst.u3.in6 = ip6.daddr;
	tuple->src.u.all = 0;
	tuple->src.l3num = NFPROTO_IPV6;
	tuple->dst.u.all = 0;
	tuple->dst.protonum = p->l4;
	tuple->dst.dir = IP_CT_DIR_ORIGINAL;
	return reason;
}

enum ct_invalid ct_packet_begin(struct ct_packet *p, unsigned int nhoff,
				struct nf_conntrack_tuple *tuple)
{
	if (p->l3 == NFPROTO_IPV4)
		return ct_begin_ipv4(p, nhoff, p->skb->len, false, tuple);
	return begin_ipv6(p, nhoff, p->skb->len, false, tuple);
}
EXPORT_SYMBOL_GPL(ct_packet_begin);

void ct_packet_header(struct ct_packet *p)
{
	const unsigned int want = ct_proto_find(p->l3, p->l4)->header;

	p->hlen = min(want, p->l4len);
	if (skb_copy_bits(p->skb, p->l4off, p->h.raw, p->hlen))
		p->hlen = 0;
}

bool ct_packet_more(struct ct_packet *p, unsigned int len)
{
	const unsigned int off = p->l4off + p->hlen;
	u8 *to = p->h.raw + p->hlen;

	if (len > sizeof(p->h) - p->hlen || len > p->l4len - p->hlen)
		return false;
	if (likely((int)(skb_headlen(p->skb) - off) >= (int)len)) {
		memcpy(to, p->skb->data + off, len);
		barrier_data(to);
	} else if (skb_copy_bits(p->skb, off, to, len)) {
		return false;
	}
	p->hlen += len;
	return true;
}

static enum ct_invalid read_located(struct ct_packet *p,
				    struct nf_conntrack_tuple *tuple)
{
	ct_packet_header(p);
	return ct_proto_find(p->l3, p->l4)->parse(p, tuple);
}

enum ct_invalid ct_packet_read(struct ct_packet *p, unsigned int nhoff,
			       struct nf_conntrack_tuple *tuple)
{
	enum ct_invalid reason = ct_packet_begin(p, nhoff, tuple);

	return reason ?: read_located(p, tuple);
}
EXPORT_SYMBOL_GPL(ct_packet_read);

enum ct_invalid ct_packet_read_quoted(const struct ct_packet *outer,
				      unsigned int nhoff,
				      struct nf_conntrack_tuple *tuple)
{
	const unsigned int end = outer->l4off + outer->l4len;
	struct ct_packet p = {
		.skb = outer->skb,
		.cn = outer->cn,
		.hook = outer->hook,
		.l3 = outer->l3,
	};
	enum ct_invalid reason;

	if (p.l3 == NFPROTO_IPV4)
		reason = ct_begin_ipv4(&p, nhoff, end, true, tuple);
	else
		reason = begin_ipv6(&p, nhoff, end, true, tuple);
	return reason ?: read_located(&p, tuple);
}
EXPORT_SYMBOL_GPL(ct_packet_read_quoted);

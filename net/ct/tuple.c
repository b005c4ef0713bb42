// SPDX-License-Identifier: GPL-2.0
/*
 * Packets to tuples: where the transport header is, what identifies the
 * connection, what its answers look like, and a hash of all that.
 */
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/siphash.h>
#include <net/ct/net.h>
#include <net/ct/proto.h>
#include <net/ct/tuple.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include "proto/common.h"

static enum ct_invalid locate_ipv4(struct ct_packet *p, unsigned int nhoff,
				   bool inner)
{
	unsigned int hlen, total, avail = p->skb->len - nhoff;
	const struct iphdr *iph;
	struct iphdr buf;

	iph = skb_header_pointer(p->skb, nhoff, sizeof(buf), &buf);
	if (unlikely(!iph))
		return CT_INVALID_IP_SHORT;
	hlen = iph->ihl * 4;
	if (unlikely(iph->version != 4 || hlen < sizeof(buf)))
		return CT_INVALID_IP_HEADER;
	if (unlikely(iph->frag_off & htons(IP_OFFSET)))
		return CT_INVALID_IP_FRAGMENT;

	total = ntohs(iph->tot_len);
	/*
	 * A quoted packet is cut off, and hosts are known that garble its
	 * length; a segment to be split may be longer than the field holds.
	 */
	if (inner || (!total && skb_is_gso(p->skb)))
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

static enum ct_invalid locate_ipv6(struct ct_packet *p, unsigned int nhoff,
				   bool inner)
{
	unsigned int off = nhoff + sizeof(struct ipv6hdr);
	unsigned int payload, avail = p->skb->len - off;
	const struct ipv6hdr *ip6;
	struct ipv6hdr buf;

	ip6 = skb_header_pointer(p->skb, nhoff, sizeof(buf), &buf);
	if (unlikely(!ip6))
		return CT_INVALID_IP_SHORT;
	if (unlikely(ip6->version != 6))
		return CT_INVALID_IP_HEADER;

	payload = ntohs(ip6->payload_len);
	/* Jumbograms say their length in an option (RFC 2675). */
	if (inner || (!payload && (ip6->nexthdr == NEXTHDR_HOP ||
				   skb_is_gso(p->skb))))
		payload = avail;
	else if (unlikely(payload > avail))
		return CT_INVALID_IP_HEADER;
	return skip_exthdrs(p, ip6->nexthdr, off, off + payload);
}

enum ct_invalid ct_packet_locate(struct ct_packet *p, unsigned int nhoff,
				 bool inner)
{
	if (p->l3 == NFPROTO_IPV4)
		return locate_ipv4(p, nhoff, inner);
	return locate_ipv6(p, nhoff, inner);
}

enum ct_invalid ct_packet_tuple(const struct ct_packet *p, unsigned int nhoff,
				struct nf_conntrack_tuple *tuple)
{
	if (p->l3 == NFPROTO_IPV4) {
		const struct iphdr *iph;
		struct iphdr buf;

		iph = skb_header_pointer(p->skb, nhoff, sizeof(buf), &buf);
		if (unlikely(!iph))
			return CT_INVALID_IP_SHORT;
		tuple->src.u3 = (union nf_inet_addr){ .all = { } };
		tuple->src.u3.ip = iph->saddr;
		tuple->dst.u3 = (union nf_inet_addr){ .all = { } };
		tuple->dst.u3.ip = iph->daddr;
	} else {
		const struct ipv6hdr *ip6;
		struct ipv6hdr buf;

		ip6 = skb_header_pointer(p->skb, nhoff, sizeof(buf), &buf);
		if (unlikely(!ip6))
			return CT_INVALID_IP_SHORT;
		tuple->src.u3.in6 = ip6->saddr;
		tuple->dst.u3.in6 = ip6->daddr;
	}
	tuple->src.u.all = 0;
	tuple->src.l3num = p->l3;
	tuple->dst.u.all = 0;
	tuple->dst.protonum = p->l4;
	tuple->dst.dir = IP_CT_DIR_ORIGINAL;

	if (likely(p->l4 == IPPROTO_TCP || p->l4 == IPPROTO_UDP))
		return ct_parse_ports(p, tuple);
	return ct_proto_find(p->l3, p->l4)->parse(p, tuple);
}

bool ct_tuple_invert(struct nf_conntrack_tuple *inv,
		     const struct nf_conntrack_tuple *tuple)
{
	u8 l4 = tuple->dst.protonum;

	inv->src.u3 = tuple->dst.u3;
	inv->src.l3num = tuple->src.l3num;
	inv->dst.u3 = tuple->src.u3;
	inv->dst.protonum = l4;
	inv->dst.dir = !tuple->dst.dir;

	if (likely(l4 == IPPROTO_TCP || l4 == IPPROTO_UDP))
		return ct_invert_ports(inv, tuple);
	return ct_proto_find(tuple->src.l3num, l4)->invert(inv, tuple);
}

/*
 * On 64 bits hsiphash is SipHash-1-3 with a 64-bit state. It never leaves the
 * kernel, which is what it is for (Documentation/security/siphash.rst), and
 * takes half the time of SipHash-2-4 over so few words.
 */
u32 ct_tuple_hash(const struct ct_net *cn,
		  const struct nf_conntrack_tuple *tuple, u16 zone)
{
	const hsiphash_key_t *key = (const hsiphash_key_t *)&cn->key;
	struct nf_conntrack_tuple t __aligned(HSIPHASH_ALIGNMENT);

	BUILD_BUG_ON(sizeof(*key) > sizeof(cn->key));
	if (likely(tuple->src.l3num == NFPROTO_IPV4))
		return hsiphash_4u32((__force u32)tuple->src.u3.ip,
				     (__force u32)tuple->dst.u3.ip,
				     (__force u32)tuple->src.u.all << 16 |
				     (__force u32)tuple->dst.u.all,
				     (u32)zone << 16 | tuple->dst.protonum,
				     key);
	t = *tuple;
	t.src.l3num = zone;
	t.dst.dir = 0;
	return hsiphash(&t, sizeof(t), key);
}

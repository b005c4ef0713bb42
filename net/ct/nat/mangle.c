// SPDX-License-Identifier: GPL-2.0
/*
 * Rewriting a packet: an address, what its protocol has beside it, and the
 * checksums over them.
 *
 * First all headers are found, made writable and checked, in the order in which
 * they stand; then all is written, which cannot fail.
 */
#include <linux/bits.h>
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_tunnel.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/minmax.h>
#include <linux/sctp.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ct/packet.h>
#include <net/gre.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ndisc.h>
#include <net/pptp.h>
#include "mangle.h"

#define NOWHERE	0xff

/* Types of ICMP that have an identifier. */
#define ICMP_QUERIES	(BIT(ICMP_ECHO) | BIT(ICMP_ECHOREPLY) | \
			 BIT(ICMP_TIMESTAMP) | BIT(ICMP_TIMESTAMPREPLY) | \
			 BIT(ICMP_INFO_REQUEST) | BIT(ICMP_INFO_REPLY) | \
			 BIT(ICMP_ADDRESS) | BIT(ICMP_ADDRESSREPLY))

/* RFC 4340 5.1. Not all kernels' headers have it. */
#define DCCP_HEADER	12
#define DCCP_CHECKSUM	6

/*
 * A transport header: what is where in it.
 * @size: bytes of it that a whole packet has
 * @least: bytes of it that have to be there of a packet inside an error
 * @id: what is translated beside the source, and the destination
 * @check: the checksum
 * @pseudo: it covers the addresses, too
 */
struct layout {
	u8 size;
	u8 least;
	u8 id[2];
	u8 check;
	bool pseudo;
};

static const struct layout tcp_layout = {
	sizeof(struct tcphdr), 4, { 0, 2 }, offsetof(struct tcphdr, check),
	true,
};

static const struct layout udp_layout = {
	sizeof(struct udphdr), 4, { 0, 2 }, offsetof(struct udphdr, check),
	true,
};

static const struct layout dccp_layout = {
	DCCP_HEADER, 4, { 0, 2 }, DCCP_CHECKSUM, true,
};

/* Its checksum is another one, see put_crc(). */
static const struct layout sctp_layout = {
	sizeof(struct sctphdr), 4, { 0, 2 }, NOWHERE, false,
};

static const struct layout icmp_layout = {
	sizeof(struct icmphdr), sizeof(struct icmphdr), { NOWHERE, NOWHERE },
	offsetof(struct icmphdr, checksum), false,
};

static const struct layout icmp_query_layout = {
	sizeof(struct icmphdr), sizeof(struct icmphdr),
	{ offsetof(struct icmphdr, un.echo.id),
	  offsetof(struct icmphdr, un.echo.id) },
	offsetof(struct icmphdr, checksum), false,
};

static const struct layout icmpv6_layout = {
	sizeof(struct icmp6hdr), sizeof(struct icmp6hdr), { NOWHERE, NOWHERE },
	offsetof(struct icmp6hdr, icmp6_cksum), true,
};

static const struct layout icmpv6_echo_layout = {
	sizeof(struct icmp6hdr), sizeof(struct icmp6hdr),
	{ offsetof(struct icmp6hdr, icmp6_identifier),
	  offsetof(struct icmp6hdr, icmp6_identifier) },
	offsetof(struct icmp6hdr, icmp6_cksum), true,
};

static const struct layout gre_layout = {
	sizeof(struct gre_base_hdr), sizeof(struct gre_base_hdr),
	{ NOWHERE, NOWHERE }, NOWHERE, false,
};

/* Who receives has numbered the call (RFC 2637 4.1). */
static const struct layout pptp_layout = {
	offsetofend(struct pptp_gre_header, call_id),
	offsetofend(struct pptp_gre_header, call_id),
	{ NOWHERE, offsetof(struct pptp_gre_header, call_id) }, NOWHERE, false,
};

static const struct layout other_layout = {
	0, 0, { NOWHERE, NOWHERE }, NOWHERE, false,
};

/*
 * A packet, or one inside an error.
 * @nhoff: offset of the network header from skb->data
 * @l4off: of the transport header
 * @l4len: bytes from there on that there are
 * @whole: bytes from there on that the packet had when it was sent; 0: unknown
 * @have: bytes of the transport header that are there and ours
 * @l3: NFPROTO_IPV4 or NFPROTO_IPV6
 * @l4: IPPROTO_*, if @layout is not NULL
 * @quoted: it is inside an error
 * @more: a fragment but the last one
 * @later: a fragment but the first one
 * @layout: of the transport header; NULL: @later, there is none
 */
struct place {
	unsigned int nhoff;
	unsigned int l4off;
	unsigned int l4len;
	unsigned int whole;
	unsigned int have;
	u8 l3;
	u8 l4;
	bool quoted;
	bool more;
	bool later;
	const struct layout *layout;
};

static int own(struct sk_buff *skb, unsigned int len)
{
	return skb_ensure_writable(skb, len) ? -ENOMEM : 0;
}

static const struct layout *layout_of(u8 l3, u8 l4)
{
	switch (l4) {
	case IPPROTO_TCP:
		return &tcp_layout;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return &udp_layout;
	case IPPROTO_SCTP:
		return &sctp_layout;
	case IPPROTO_DCCP:
		if (IS_ENABLED(CONFIG_NF_CT_PROTO_DCCP))
			return &dccp_layout;
		break;
	case IPPROTO_GRE:
		return &gre_layout;
	case IPPROTO_ICMP:
		if (l3 == NFPROTO_IPV4)
			return &icmp_layout;
		break;
	case IPPROTO_ICMPV6:
		if (l3 == NFPROTO_IPV6)
			return &icmpv6_layout;
		break;
	}
	return &other_layout;
}

/* What depends on the first bytes of a transport header, which are ours. */
static const struct layout *refined(const struct sk_buff *skb,
				    const struct place *at)
{
	const u8 *h = skb->data + at->l4off;
	const struct gre_base_hdr *gre = (const void *)h;

	if (at->layout == &gre_layout &&
	    (gre->flags & GRE_VERSION) == GRE_VERSION_1)
		return &pptp_layout;
	if (at->layout == &icmpv6_layout &&
	    (*h == ICMPV6_ECHO_REQUEST || *h == ICMPV6_ECHO_REPLY))
		return &icmpv6_echo_layout;
	if (at->layout == &icmp_layout && *h <= NR_ICMP_TYPES &&
	    BIT(*h) & ICMP_QUERIES)
		return &icmp_query_layout;
	return at->layout;
}

static int own_header(struct sk_buff *skb, struct place *at)
{
	const struct layout *l = at->layout;

	if (at->l4len < (at->quoted ? l->least : l->size))
		return -EBADMSG;
	at->have = min_t(unsigned int, l->size, at->l4len);
	return own(skb, at->l4off + at->have);
}

static int locate_header(struct sk_buff *skb, struct place *at)
{
	int err;

	at->layout = layout_of(at->l3, at->l4);
	err = own_header(skb, at);
	if (err)
		return err;
	at->layout = refined(skb, at);
	return own_header(skb, at);
}

static int locate_ipv4(struct sk_buff *skb, struct place *at,
		       unsigned int end)
{
	const unsigned int avail = end - at->nhoff;
	const struct iphdr *iph;
	unsigned int hlen, total;
	int err;

	if (avail < sizeof(*iph))
		return -EBADMSG;
	err = own(skb, at->nhoff + sizeof(*iph));
	if (err)
		return err;
	iph = (const void *)skb->data + at->nhoff;
	hlen = iph->ihl * 4;
	total = ntohs(iph->tot_len);
	if (iph->version != 4 || hlen < sizeof(*iph) || hlen > avail)
		return -EBADMSG;
	at->whole = total > hlen ? total - hlen : 0;
	/* As ct_packet_begin() has it. */
	if (at->quoted || (!total && skb_is_gso(skb)))
		total = avail;
	else if (total < hlen || total > avail)
		return -EBADMSG;

	at->l4 = iph->protocol;
	at->l4off = at->nhoff + hlen;
	at->l4len = total - hlen;
	at->more = iph->frag_off & htons(IP_MF);
	at->later = iph->frag_off & htons(IP_OFFSET);
	return 0;
}

/*
 * Walk the extension headers (RFC 8200, 4) that begin with one of @type at @off.
 * They may be in pages.
 */
static int skip_exthdrs(const struct sk_buff *skb, struct place *at, u8 type,
			unsigned int off, unsigned int end)
{
	union {
		struct ipv6_opt_hdr opt;
		struct frag_hdr frag;
	} h;
	unsigned int len;

	at->more = false;
	at->later = false;
	while (type == NEXTHDR_HOP || type == NEXTHDR_ROUTING ||
	       type == NEXTHDR_DEST || type == NEXTHDR_AUTH ||
	       type == NEXTHDR_FRAGMENT) {
		if (end - off < sizeof(h) || !ct_fetch(skb, off, &h))
			return -EBADMSG;
		if (type == NEXTHDR_FRAGMENT) {
			len = sizeof(h.frag);
			at->more = h.frag.frag_off & htons(IP6_MF);
			at->later = h.frag.frag_off & htons(IP6_OFFSET);
		} else if (type == NEXTHDR_AUTH) {
			len = ipv6_authlen(&h.opt);
		} else {
			len = ipv6_optlen(&h.opt);
		}
		if (len > end - off)
			return -EBADMSG;
		type = h.opt.nexthdr;
		off += len;
		if (at->later)
			break;
	}
	at->l4 = type;
	at->l4off = off;
	at->l4len = end - off;
	return 0;
}

static int locate_ipv6(struct sk_buff *skb, struct place *at,
		       unsigned int end)
{
	const unsigned int off = at->nhoff + sizeof(struct ipv6hdr);
	const unsigned int avail = end - off;
	const struct ipv6hdr *ip6;
	unsigned int payload;
	u8 type;
	int err;

	if (end < off)
		return -EBADMSG;
	err = own(skb, off);
	if (err)
		return err;
	ip6 = (const void *)skb->data + at->nhoff;
	if (ip6->version != 6)
		return -EBADMSG;
	type = ip6->nexthdr;
	payload = ntohs(ip6->payload_len);
	at->whole = payload;
	/* As ct_packet_begin() has it. */
	if (at->quoted || (!payload && (type == NEXTHDR_HOP ||
					skb_is_gso(skb))))
		payload = avail;
	else if (payload > avail)
		return -EBADMSG;

	err = skip_exthdrs(skb, at, type, off, off + payload);
	if (!err && at->l4off > skb_headlen(skb)) {
		const unsigned int was = at->l4off;

		/* What was read in pages may be something else by now. */
		err = own(skb, was) ?:
		      skip_exthdrs(skb, at, type, off, off + payload);
		if (!err && at->l4off > was)
			err = -EBADMSG;
	}
	at->whole -= min(at->whole, at->l4off - off);
	return err;
}

/*
 * Find the headers of the packet at @at->nhoff, which ends before @end, make
 * them ours, and look whether they are of protocol @l4.
 */
static int locate(struct sk_buff *skb, struct place *at, unsigned int end,
		  u8 l4)
{
	int err;

	if (at->l3 == NFPROTO_IPV4)
		err = locate_ipv4(skb, at, end);
	else
		err = locate_ipv6(skb, at, end);
	if (err || at->later)
		return err;
	if (at->l4 != l4)
		return -EBADMSG;
	if (at->more)
		at->whole = 0;
	else if (!at->quoted)
		at->whole = at->l4len;
	err = locate_header(skb, at);
	/* Its CRC cannot be changed without knowing where it ends. */
	if (!err && at->layout == &sctp_layout && !at->quoted && !at->whole)
		err = -EBADMSG;
	return err;
}

/* Is a checksum to be completed by the device, and holds only the addresses? */
static bool is_partial(const struct sk_buff *skb, const struct place *at,
		       unsigned int check)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return false;
	/* If not that, it is one around a tunnel, of which others know. */
	return skb_checksum_start_offset(skb) + skb->csum_offset ==
	       at->l4off + check || skb_is_gso(skb);
}

/* What a sum of 16-bit words becomes when one of them, or two, change. */
static __wsum changed(__wsum sum, __wsum from, __wsum to)
{
	return csum_add(csum_sub(sum, from), to);
}

/* The functions below return what they changed of such a sum. */

static __wsum put_ipv4(struct iphdr *iph, enum nf_nat_manip_type manip,
		       const union nf_inet_addr *addr)
{
	__be32 *at = manip == NF_NAT_MANIP_SRC ? &iph->saddr : &iph->daddr;
	__wsum diff = changed(0, (__force __wsum)*at, (__force __wsum)addr->ip);

	csum_replace4(&iph->check, *at, addr->ip);
	*at = addr->ip;
	return diff;
}

static __wsum put_ipv6(struct ipv6hdr *ip6, enum nf_nat_manip_type manip,
		       const union nf_inet_addr *addr)
{
	struct in6_addr *at = manip == NF_NAT_MANIP_SRC ? &ip6->saddr :
							  &ip6->daddr;
	__wsum diff = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		diff = changed(diff, (__force __wsum)at->s6_addr32[i],
			       (__force __wsum)addr->ip6[i]);
	*at = addr->in6;
	return diff;
}

static __wsum put_address(struct sk_buff *skb, const struct place *at,
			  enum nf_nat_manip_type manip,
			  const union nf_inet_addr *addr)
{
	void *h = skb->data + at->nhoff;

	return at->l3 == NFPROTO_IPV4 ? put_ipv4(h, manip, addr) :
					put_ipv6(h, manip, addr);
}

/*
 * The CRC32c of SCTP (RFC 9260 6.8): of one bit more or less it is another one by
 * so much, whatever the others are. So it is enough to know which bits of the
 * ports change, and how far it is from there to the end.
 */
static __wsum put_crc(struct sk_buff *skb, const struct place *at,
		      enum nf_nat_manip_type manip, __be16 diff)
{
	struct sctphdr *sh = (void *)skb->data + at->l4off;
	const unsigned int check = offsetof(struct sctphdr, checksum);
	__be16 ports[2] = {};
	__le32 was;
	u32 crc;

	if (!diff || at->have < sizeof(*sh) || at->whole < sizeof(*sh) ||
	    is_partial(skb, at, check))
		return 0;
	ports[manip == NF_NAT_MANIP_DST] = diff;
	crc = __crc32c_le(0, (const u8 *)ports, sizeof(ports));
	crc = __crc32c_le_shift(crc, at->whole - sizeof(ports));
	was = sh->checksum;
	sh->checksum ^= cpu_to_le32(crc);
	return changed(0, (__force __wsum)was, (__force __wsum)sh->checksum);
}

/* A port, an identifier, a call. */
static __wsum put_id(struct sk_buff *skb, const struct place *at,
		     enum nf_nat_manip_type manip, __be16 id)
{
	const u8 where = at->layout->id[manip];
	__be16 *port = (void *)skb->data + at->l4off + where;
	__be16 was;

	if (where == NOWHERE)
		return 0;
	was = *port;
	*port = id;
	if (at->layout == &sctp_layout)
		return changed(put_crc(skb, at, manip, was ^ id),
			       (__force __wsum)was, (__force __wsum)id);
	return changed(0, (__force __wsum)was, (__force __wsum)id);
}

/*
 * The checksum, after the addresses changed by @addr and by @rest what else it
 * covers.
 */
static __wsum put_check(struct sk_buff *skb, const struct place *at,
			__wsum addr, __wsum rest)
{
	const struct layout *l = at->layout;
	__sum16 *check = (void *)skb->data + at->l4off + l->check;
	__sum16 was;

	if (l->check == NOWHERE || at->have < l->check + sizeof(*check))
		return 0;
	was = *check;
	/* UDP without a checksum. */
	if (at->l4 == IPPROTO_UDP && !was)
		return 0;
	if (!l->pseudo)
		addr = 0;
	if (is_partial(skb, at, l->check))
		*check = ~csum_fold(csum_add(csum_unfold(was), addr));
	else
		*check = csum_fold(csum_add(csum_add(~csum_unfold(was), addr),
					    rest));
	if (l == &udp_layout && !*check)
		*check = CSUM_MANGLED_0;
	return changed(0, csum_unfold(was), csum_unfold(*check));
}

/*
 * Translate one end of a packet that was located. @id: NULL if that stays.
 * @inside: by how much what is behind its header was changed already.
 */
static __wsum put(struct sk_buff *skb, const struct place *at,
		  enum nf_nat_manip_type manip,
		  const union nf_inet_addr *addr, const __be16 *id,
		  __wsum inside)
{
	__wsum diff = put_address(skb, at, manip, addr);
	__wsum rest = inside;

	if (at->layout) {
		if (id)
			rest = csum_add(rest, put_id(skb, at, manip, *id));
		rest = csum_add(rest, put_check(skb, at, diff, rest));
	}
	/* IPv4 has a sum of its own that makes good for it. */
	return at->l3 == NFPROTO_IPV4 ? rest : csum_add(rest, diff);
}

/* The same, to what @target is. */
static __wsum put_tuple(struct sk_buff *skb, const struct place *at,
			const struct nf_conntrack_tuple *target,
			enum nf_nat_manip_type manip)
{
	const bool source = manip == NF_NAT_MANIP_SRC;
	const bool query = at->layout == &icmp_query_layout ||
			   at->layout == &icmpv6_echo_layout;

	return put(skb, at, manip, source ? &target->src.u3 : &target->dst.u3,
		   source || query ? &target->src.u.all : &target->dst.u.all,
		   0);
}

/* What the device summed up. */
static void adjust(struct sk_buff *skb, __wsum diff)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_add(skb->csum, diff);
}

/*
 * The header of most packets, IPv4 without options, in one piece, TCP or UDP, if
 * it and the next one are ours and lie in a row; else NULL: it may be another
 * kind, or none. Fields are read once, and stay what they are.
 */
static inline struct iphdr *plain_header(const struct sk_buff *skb,
					 unsigned int nhoff, u8 l4,
					 unsigned int size)
{
	const unsigned int end = nhoff + sizeof(struct iphdr) + size;
	struct iphdr *iph = (void *)skb->data + nhoff;
	unsigned int total;

	if (skb_headlen(skb) < end ||
	    (skb_cloned(skb) && !skb_clone_writable(skb, end)))
		return NULL;
	total = ntohs(iph->tot_len);
	if (*(u8 *)iph != (4 << 4 | sizeof(*iph) / 4) || iph->protocol != l4 ||
	    iph->frag_off & htons(IP_MF | IP_OFFSET) ||
	    total < sizeof(*iph) + size || total > skb->len - nhoff)
		return NULL;
	return iph;
}

static inline void replace(__sum16 *check, __wsum diff)
{
	*check = csum_fold(csum_add(~csum_unfold(*check), diff));
}

/* Return: false if it is not done, and nothing is changed */
static inline bool mangle_plain(struct sk_buff *skb, unsigned int nhoff,
				const struct nf_conntrack_tuple *target,
				enum nf_nat_manip_type manip)
{
	const bool source = manip == NF_NAT_MANIP_SRC;
	const u8 l4 = target->dst.protonum;
	const bool tcp = l4 == IPPROTO_TCP;
	struct iphdr *iph;
	__wsum addr, rest;
	__sum16 *check;
	__be16 *port;
	__be32 *at;

	iph = plain_header(skb, nhoff, l4, tcp ? sizeof(struct tcphdr) :
						 sizeof(struct udphdr));
	if (unlikely(!iph || skb->ip_summed == CHECKSUM_COMPLETE))
		return false;
	check = (void *)(iph + 1) + (tcp ? offsetof(struct tcphdr, check) :
					   offsetof(struct udphdr, check));
	/* Around a tunnel it would be another one. */
	if (skb->ip_summed == CHECKSUM_PARTIAL &&
	    skb_checksum_start(skb) + skb->csum_offset != (void *)check)
		return false;
	at = source ? &iph->saddr : &iph->daddr;
	port = (__be16 *)(iph + 1) + !source;

	addr = csum_sub((__force __wsum)(source ? target->src.u3.ip :
						  target->dst.u3.ip),
			(__force __wsum)*at);
	*at = source ? target->src.u3.ip : target->dst.u3.ip;
	replace(&iph->check, addr);
	rest = csum_sub((__force __wsum)(source ? target->src.u.all :
						  target->dst.u.all),
			(__force __wsum)*port);
	*port = source ? target->src.u.all : target->dst.u.all;

	/* UDP may have none. */
	if (!tcp && !*check)
		return true;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		*check = ~csum_fold(csum_add(csum_unfold(*check), addr));
	else
		replace(check, csum_add(addr, rest));
	if (!tcp && !*check)
		*check = CSUM_MANGLED_0;
	return true;
}

int ct_nat_mangle(struct sk_buff *skb, unsigned int nhoff,
		  const struct nf_conntrack_tuple *target,
		  enum nf_nat_manip_type manip)
{
	struct place at __ct_uninit;
	int err;

	if (likely(target->src.l3num == NFPROTO_IPV4 &&
		   (target->dst.protonum == IPPROTO_TCP ||
		    target->dst.protonum == IPPROTO_UDP)) &&
	    likely(mangle_plain(skb, nhoff, target, manip)))
		return 0;
	at = (struct place){ .nhoff = nhoff, .l3 = target->src.l3num };
	err = locate(skb, &at, skb->len, target->dst.protonum);
	if (err)
		return err;
	adjust(skb, put_tuple(skb, &at, target, manip));
	return 0;
}

/* Is it an error, of those that are translated? */
static int check_error(const struct sk_buff *skb, const struct place *at)
{
	const u8 type = skb->data[at->l4off];

	if (at->l3 == NFPROTO_IPV6) {
		if (type == NDISC_REDIRECT)
			return -EPERM;
		return type < ICMPV6_INFOMSG_MASK ? 0 : -EBADMSG;
	}
	switch (type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return 0;
	case ICMP_REDIRECT:
		return -EPERM;
	}
	return -EBADMSG;
}

int ct_nat_mangle_error(struct sk_buff *skb, unsigned int nhoff,
			const struct nf_conntrack_tuple *other,
			enum nf_nat_manip_type manip)
{
	const bool source = manip == NF_NAT_MANIP_SRC;
	struct place at = { .nhoff = nhoff, .l3 = other->src.l3num };
	struct place in = { .l3 = at.l3, .quoted = true };
	__wsum inside;
	int err;

	err = locate(skb, &at, skb->len, at.l3 == NFPROTO_IPV4 ?
		     IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (!err)
		err = at.later || at.more ? -EBADMSG : check_error(skb, &at);
	if (err)
		return err;
	in.nhoff = at.l4off + sizeof(struct icmphdr);
	err = locate(skb, &in, at.l4off + at.l4len, other->dst.protonum);
	if (err)
		return err;

	inside = put_tuple(skb, &in, other, source ? NF_NAT_MANIP_DST :
						     NF_NAT_MANIP_SRC);
	adjust(skb, put(skb, &at, manip, source ? &other->dst.u3 :
						  &other->src.u3,
			NULL, inside));
	return 0;
}

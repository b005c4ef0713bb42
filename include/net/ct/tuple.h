/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_TUPLE_H
#define _NET_CT_TUPLE_H

#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/netfilter/nf_conntrack_tuple.h>

struct ct_net;

/*
 * A variable on the stack that is written before it is read: kernels with
 * INIT_STACK_ALL_ZERO clear it otherwise, once a packet.
 */
#if __has_attribute(__uninitialized__)
#define __ct_uninit	__attribute__((__uninitialized__))
#else
#define __ct_uninit
#endif

/**
 * struct ct_packet - where the parts of a packet are
 * @skb: the packet
 * @cn: namespace
 * @hook: NF_INET_*
 * @l3: NFPROTO_IPV4 or NFPROTO_IPV6
 * @l4: IPPROTO_* of the transport header
 * @l4off: offset of the transport header from skb->data
 * @l4len: bytes from there to the end of the packet by the network header,
 *	never past the end of @skb
 * @events: where to add what happened, bits 1 << IPCT_*, to be reported when
 *	the packet was dealt with; NULL: report at once
 */
struct ct_packet {
	struct sk_buff *skb;
	struct ct_net *cn;
	u8 hook;
	u8 l3;
	u8 l4;
	unsigned int l4off;
	unsigned int l4len;
	u32 *events;
};

/**
 * ct_packet_locate() - find the transport header
 * @p: @skb, @l3 set; fills @l4, @l4off, @l4len
 * @nhoff: offset of the network header from skb->data (also of one inside
 *	an ICMP error)
 * @inner: the packet is the start of one inside an ICMP error: it may be cut
 *	short after the first 8 bytes of transport header
 *
 * IPv4 options and IPv6 extension headers are walked (RFC 8200, 4). Non-first
 * fragments are invalid.
 * Return: CT_OK or a reason
 */
enum ct_invalid ct_packet_locate(struct ct_packet *p, unsigned int nhoff,
				 bool inner);

/**
 * ct_packet_begin() - locate a packet and begin its tuple
 * @p: as for ct_packet_locate(), which this does first, for no inner packet
 * @nhoff: offset of the network header from skb->data
 * @tuple: filled but for what proto->parse() adds, which is 0
 * Return: CT_OK or a reason
 */
enum ct_invalid ct_packet_begin(struct ct_packet *p, unsigned int nhoff,
				struct nf_conntrack_tuple *tuple);

/**
 * ct_packet_tuple() - the tuple of a located packet
 * @p: the packet
 * @nhoff: offset of its network header
 * @tuple: filled whole: unused bytes are zero, dst.dir is IP_CT_DIR_ORIGINAL
 * Return: CT_OK or a reason (transport header truncated)
 */
enum ct_invalid ct_packet_tuple(const struct ct_packet *p, unsigned int nhoff,
				struct nf_conntrack_tuple *tuple);

/**
 * ct_tuple_invert() - the tuple of the answer
 * @inv: filled whole; dst.dir is the other direction
 * @tuple: any
 * Return: false if no answer exists (ICMP types without a reply)
 */
bool ct_tuple_invert(struct nf_conntrack_tuple *inv,
		     const struct nf_conntrack_tuple *tuple);

/**
 * ct_tuple_hash() - keyed hash of a tuple in a zone of a namespace
 * @cn: the namespace, whose key is used
 * @tuple: direction is not part of the key
 * @zone: zone id in this direction
 * Return: 32 well mixed bits
 */
u32 ct_tuple_hash(const struct ct_net *cn,
		  const struct nf_conntrack_tuple *tuple, u16 zone);

/**
 * ct_tuple_equal() - compare all but the direction
 * @a: one
 * @b: another
 * Return: true if they are the same. Both need their unused bytes zero
 */
static inline bool ct_tuple_equal(const struct nf_conntrack_tuple *a,
				  const struct nf_conntrack_tuple *b)
{
	u64 x[5] __ct_uninit, y[5] __ct_uninit, diff;

	BUILD_BUG_ON(sizeof(*a) != sizeof(x));
	BUILD_BUG_ON(offsetof(struct nf_conntrack_tuple, dst.dir) != 39);
	/* Loads that need no alignment. */
	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	diff = (x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]);
#ifdef __LITTLE_ENDIAN
	return !(diff | (x[4] ^ y[4]) << 8);
#else
	return !(diff | (x[4] ^ y[4]) >> 8);
#endif
}

#endif /* _NET_CT_TUPLE_H */

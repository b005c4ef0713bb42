/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_PACKET_H
#define _NET_CT_PACKET_H

/*
 * A packet's byte is read once. Its headers may lie in pages that somebody
 * still writes: user space, after sendfile() into a tunnel or through a packet
 * socket's ring, or another machine's memory. So what is looked at is copied
 * first, by what is here and by nothing else, and what was found valid is what
 * is used.
 *
 * Checksums are the exception: they are computed over the packet, all of it, and
 * so read again what was copied. Nothing else is decided by those bytes: a right
 * one says what was there at that moment, and what is used is the copy.
 */

#include <linux/icmp.h>
#include <linux/sctp.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ct/tuple.h>

struct ct_net;

/* The longest header of TCP: its data offset has four bits. */
#define CT_TCP_OPTIONS	(15 * 4 - sizeof(struct tcphdr))

/**
 * union ct_header - a copy of the beginning of a transport header
 * @port: where TCP and others have their ports
 * @tcp: TCP
 * @tcp_options: behind @tcp; see struct ct_packet.hlen for how many there are
 * @udp: UDP, and UDP-Lite
 * @icmp: ICMP, and ICMPv6, where the same fields are
 * @sctp: SCTP; its chunks are read one by one
 * @raw: any
 */
union ct_header {
	__be16 port[2];
	struct {
		struct tcphdr tcp;
		u8 tcp_options[CT_TCP_OPTIONS];
	};
	struct udphdr udp;
	struct icmphdr icmp;
	struct sctphdr sctp;
	u8 raw[sizeof(struct tcphdr) + CT_TCP_OPTIONS];
};

/**
 * struct ct_packet - a packet, and what was read of it
 * @skb: the packet
 * @cn: namespace
 * @hook: NF_INET_*
 * @l3: NFPROTO_IPV4 or NFPROTO_IPV6
 * @l4: IPPROTO_* of the transport header; IPPROTO_RAW if it was not found
 * @hlen: bytes of @h that were read
 * @l4off: offset of the transport header from skb->data
 * @l4len: bytes from there to the end of the packet by the network header,
 *	never past the end of @skb
 * @events: where to add what happened, bits 1 << IPCT_*, to be reported when
 *	the packet was dealt with; NULL: report at once
 * @h: the transport header
 */
struct ct_packet {
	struct sk_buff *skb;
	struct ct_net *cn;
	u8 hook;
	u8 l3;
	u8 l4;
	u8 hlen;
	unsigned int l4off;
	unsigned int l4len;
	u32 *events;
	union ct_header h;
};

/**
 * ct_fetch_linear() - copy an object out of a packet, if it is not in a page
 * @skb: the packet
 * @off: offset of the object from skb->data
 * @to: pointer to what becomes the copy; its type says how much
 * Return: true if it was copied
 *
 * The compiler has to believe that the copy is another one: it cannot read the
 * packet again for what it forgot.
 */
#define ct_fetch_linear(skb, off, to)					\
({									\
	const struct sk_buff *__skb = (skb);				\
	const unsigned int __off = (off);				\
	typeof(to) __to = (to);						\
	bool __linear = false;						\
									\
	if (likely((int)(skb_headlen(__skb) - __off) >=			\
		   (int)sizeof(*__to))) {				\
		memcpy(__to, __skb->data + __off, sizeof(*__to));	\
		asm("" : "+m" (*__to));					\
		__linear = true;					\
	}								\
	__linear;							\
})

/**
 * ct_fetch() - copy an object out of a packet, wherever it is
 * @skb: the packet
 * @off: offset of the object from skb->data
 * @to: pointer to what becomes the copy; its type says how much
 * Return: false if the packet ends before
 */
#define ct_fetch(skb, off, to)						\
({									\
	const struct sk_buff *_skb = (skb);				\
	const unsigned int _off = (off);				\
	typeof(to) _to = (to);						\
									\
	ct_fetch_linear(_skb, _off, _to) ||				\
		!skb_copy_bits(_skb, _off, _to, sizeof(*_to));		\
})

/**
 * ct_packet_begin() - find the transport header, and begin the tuple
 * @p: @skb, @cn, @hook and @l3 set; fills @l4, @l4off, @l4len
 * @nhoff: offset of the network header from skb->data
 * @tuple: filled but for what proto->parse() adds, which is 0
 *
 * IPv4 options and IPv6 extension headers are walked (RFC 8200, 4). Non-first
 * fragments are invalid.
 * Return: CT_OK or a reason, and then @tuple is not to be used
 */
enum ct_invalid ct_packet_begin(struct ct_packet *p, unsigned int nhoff,
				struct nf_conntrack_tuple *tuple);

/**
 * ct_packet_header() - read the transport header
 * @p: what ct_packet_begin() found; fills @h and @hlen
 *
 * As much of it as its tracker wants to see, and as there is: who looks at @h
 * has to look at @hlen first.
 */
void ct_packet_header(struct ct_packet *p);

/**
 * ct_packet_more() - read more of the transport header
 * @p: what ct_packet_header() read; adds to @h and @hlen
 * @len: bytes behind the first @hlen
 * Return: false if the packet has less, or @h no room
 */
bool ct_packet_more(struct ct_packet *p, unsigned int len);

/**
 * ct_packet_read() - read the headers of a packet, and its tuple
 * @p: as for ct_packet_begin()
 * @nhoff: offset of the network header from skb->data
 * @tuple: filled whole: unused bytes are zero, dst.dir is IP_CT_DIR_ORIGINAL
 *
 * Nothing of the transport header is checked but that what identifies the
 * connection is there.
 * Return: CT_OK or a reason, and then @tuple is not to be used
 */
enum ct_invalid ct_packet_read(struct ct_packet *p, unsigned int nhoff,
			       struct nf_conntrack_tuple *tuple);

/**
 * ct_packet_read_quoted() - the same of a packet inside an ICMP error
 * @outer: the error, located
 * @nhoff: offset of the network header of the packet inside
 * @tuple: as for ct_packet_read()
 *
 * It may be cut short after the first 8 bytes of transport header, and nothing
 * of @outer ends it but the end of @outer.
 * Return: CT_OK or a reason
 */
enum ct_invalid ct_packet_read_quoted(const struct ct_packet *outer,
				      unsigned int nhoff,
				      struct nf_conntrack_tuple *tuple);

#endif /* _NET_CT_PACKET_H */

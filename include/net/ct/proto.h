/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_PROTO_H
#define _NET_CT_PROTO_H

#include <linux/ct.h>
#include <linux/netfilter.h>
#include <net/ct/entry.h>
#include <net/ct/packet.h>
#include <net/ct/tuple.h>

struct nlattr;

/**
 * enum ct_verdict - what a state machine says about a packet
 * @CT_ACCEPT: part of the connection
 * @CT_RESTART: the packet opens a new connection in place of this one, which
 *	the caller kills before looking up again
 * @CT_INVALID: not part of it; the reason was stored
 * @CT_DROP_ENTRY: accepted, and the connection ends now
 */
enum ct_verdict {
	CT_ACCEPT,
	CT_RESTART,
	CT_INVALID,
	CT_DROP_ENTRY,
};

/**
 * struct ct_why - the numbers that made a packet invalid, for tracing
 * @seq: TCP: sequence number of its first octet
 * @end: after its last one
 * @ack: its acknowledgment number, or the highest edge that it acknowledges
 *	selectively, if that is agreed upon
 * @seq_low: TCP: @end must not be before this: the receiver has it all
 * @seq_high: @seq must not be after this, where the receiver's window ends
 * @ack_low: @ack must not be before this
 * @ack_high: @ack must not be after this, the last that was seen of the
 *	receiver
 * @tag: SCTP: its verification tag
 * @tag_wanted: the verification tag in its direction, 0 if that is not known
 *
 * In host byte order; what a protocol does not have is 0.
 */
struct ct_why {
	u32 seq;
	u32 end;
	u32 ack;
	u32 seq_low;
	u32 seq_high;
	u32 ack_low;
	u32 ack_high;
	u32 tag;
	u32 tag_wanted;
};

/**
 * struct ct_proto - a protocol tracker
 * @num: IPPROTO_*, 0 for generic
 * @timeout: index in cn->timeout[] of what an entry goes by that is not assured,
 *	or is @ending; to that its state is added if there are states
 * @ending: BIT() of each state in which a connection is closing or closed: an
 *	assured one may be evicted then
 * @header: how much of a transport header all others want to see: so many
 *	bytes, as far as they are there, are read into @p->h before
 * @parse: transport header to the port part of a tuple (src.u, dst.u);
 *	called for packets and for what is inside ICMP errors, where only
 *	8 bytes may be there. CT_OK or a reason
 * @invert: the port part of the answer's tuple; false: no answer exists
 * @check: header sanity and checksum of a packet to be tracked (not inner).
 *	@p->hook tells if checksums can be checked. May read more of the header
 *	into @p->h. CT_OK or a reason
 * @new: may this packet open a connection? Initialises @e->proto, and does
 *	for this packet what @packet would. No lock: the entry is nobody else's
 *	yet. CT_OK or a reason
 * @packet: advance the state machine, choose the timeout and call
 *	ct_refresh(), set ASSURED, SEEN_REPLY if it wants to, note events in
 *	@p->events. Takes @e->lock itself as needed; @reason set for CT_INVALID
 * @fill: CTA_PROTOINFO of a message, with @e->lock taken inside; @destroy:
 *	only what DESTROY events carry. NULL: none. -EMSGSIZE
 * @state: the state's number in netlink's enum of the protocol, read without a
 *	lock. NULL: there are no states
 * @why: fill in the numbers that a packet of direction @dir was compared with,
 *	after @packet called it invalid; takes @e->lock. NULL: there are none
 */
struct ct_proto {
	u8 num;
	u8 header;
	u8 timeout;
	u32 ending;
	enum ct_invalid (*parse)(const struct ct_packet *p,
				 struct nf_conntrack_tuple *tuple);
	bool (*invert)(struct nf_conntrack_tuple *inv,
		       const struct nf_conntrack_tuple *tuple);
	enum ct_invalid (*check)(struct ct_packet *p);
	enum ct_invalid (*new)(struct ct_entry *e, const struct ct_packet *p);
	enum ct_verdict (*packet)(struct ct_entry *e,
				  const struct ct_packet *p,
				  enum ip_conntrack_info ctinfo,
				  enum ct_invalid *reason);
	int (*fill)(struct sk_buff *skb, struct ct_entry *e, bool destroy);
	u8 (*state)(const struct ct_entry *e);
	void (*why)(struct ct_entry *e, const struct ct_packet *p,
		    unsigned int dir, struct ct_why *why);
};

extern const struct ct_proto ct_proto_tcp;
extern const struct ct_proto ct_proto_udp;
extern const struct ct_proto ct_proto_udplite;
extern const struct ct_proto ct_proto_gre;
extern const struct ct_proto ct_proto_sctp;
extern const struct ct_proto ct_proto_dccp;	/* CONFIG_NF_CT_PROTO_DCCP */
extern const struct ct_proto ct_proto_icmp;
extern const struct ct_proto ct_proto_icmpv6;
extern const struct ct_proto ct_proto_generic;

/**
 * ct_proto_find() - the tracker of a protocol
 * @l3: NFPROTO_IPV4 or NFPROTO_IPV6
 * @l4: IPPROTO_*
 * Return: never NULL: the generic one tracks what has no other. ICMP over
 * IPv6 and ICMPv6 over IPv4 are generic
 */
const struct ct_proto *ct_proto_find(u8 l3, u8 l4);

/**
 * enum ct_icmp_kind - what an ICMP or ICMPv6 packet is to the tracker
 * @CT_ICMP_QUERY: a query or its reply: tracked like any packet
 * @CT_ICMP_ERROR: related to the connection of the packet inside
 * @CT_ICMP_UNTRACKED: neighbour discovery and the like
 * @CT_ICMP_BAD: invalid
 */
enum ct_icmp_kind {
	CT_ICMP_QUERY,
	CT_ICMP_ERROR,
	CT_ICMP_UNTRACKED,
	CT_ICMP_BAD,
};

/**
 * ct_icmp_classify() - query, error, or neither?
 * @p: an ICMP or ICMPv6 packet that was checked
 * @outer: its addresses
 * @inner: for CT_ICMP_ERROR: the tuple of the packet inside, as it was sent
 * @reason: for CT_ICMP_BAD: why
 * Context: softirq. Return: see enum ct_icmp_kind
 */
enum ct_icmp_kind ct_icmp_classify(const struct ct_packet *p,
				   const struct nf_conntrack_tuple *outer,
				   struct nf_conntrack_tuple *inner,
				   enum ct_invalid *reason);

/**
 * enum ct_timeout - the timeouts of a namespace, index of cn->timeout[]
 * The TCP ones begin with a slot for TCP_CONNTRACK_NONE and follow
 * enum tcp_conntrack up to TCP_CONNTRACK_SYN_SENT2, then RETRANS and UNACK.
 * The SCTP ones follow enum sctp_conntrack, the DCCP ones enum ct_dccp_states
 * up to CT_DCCP_TIMEWAIT.
 */
enum ct_timeout {
	CT_TIMEOUT_TCP,
	CT_TIMEOUT_TCP_RETRANS = CT_TIMEOUT_TCP + 10,
	CT_TIMEOUT_TCP_UNACK,
	CT_TIMEOUT_TCP_MAX,
	CT_TIMEOUT_UDP = CT_TIMEOUT_TCP_MAX,
	CT_TIMEOUT_UDP_STREAM,
	CT_TIMEOUT_ICMP,
	CT_TIMEOUT_ICMPV6,
	CT_TIMEOUT_GENERIC,
	CT_TIMEOUT_GRE,
	CT_TIMEOUT_GRE_STREAM,
	CT_TIMEOUT_SCTP,
	CT_TIMEOUT_SCTP_MAX = CT_TIMEOUT_SCTP + 10,
	CT_TIMEOUT_DCCP = CT_TIMEOUT_SCTP_MAX,
	CT_TIMEOUT_DCCP_MAX = CT_TIMEOUT_DCCP + 8,
	__CT_TIMEOUT_MAX = CT_TIMEOUT_DCCP_MAX
};

#endif /* _NET_CT_PROTO_H */

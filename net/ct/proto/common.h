/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_PROTO_COMMON_H
#define _CT_PROTO_COMMON_H

/* What the protocol trackers share, and nobody else needs. */

#include <linux/skbuff.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>
#include <net/ct/packet.h>
#include <net/ct/policy.h>
#include <net/ct/proto.h>
#include <net/ct/tuple.h>

/* The ports that TCP and UDP begin with: all of a cut-off header we need. */
static inline enum ct_invalid ct_parse_ports(const struct ct_packet *p,
					     struct nf_conntrack_tuple *tuple)
{
	if (unlikely(p->hlen < sizeof(p->h.port)))
		return CT_INVALID_L4_SHORT;
	tuple->src.u.all = p->h.port[0];
	tuple->dst.u.all = p->h.port[1];
	return CT_OK;
}

static inline bool ct_invert_ports(struct nf_conntrack_tuple *inv,
				   const struct nf_conntrack_tuple *tuple)
{
	inv->src.u.all = tuple->dst.u.all;
	inv->dst.u.all = tuple->src.u.all;
	return true;
}

/*
 * Only what comes in from outside is worth a checksum: what this host sends
 * may not have one yet, and what it forwards was looked at on arrival.
 */
static inline bool ct_checksum_due(const struct ct_packet *p)
{
	u8 summed = p->skb->ip_summed;

	return p->hook == NF_INET_PRE_ROUTING && READ_ONCE(p->cn->checksum) &&
	       (summed == CHECKSUM_NONE || summed == CHECKSUM_COMPLETE);
}

static inline u32 ct_timeout(const struct ct_entry *e, unsigned int which)
{
	return READ_ONCE(ct_timeouts(e)[which]);
}

/*
 * Was the entry refreshed to @timeout so lately that nobody, who sees whole
 * seconds, could tell the difference if it were again?
 */
static inline bool ct_is_fresh(const struct ct_entry *e, u32 timeout)
{
	u32 slack = min_t(u32, timeout / 16, HZ);

	return timeout - ct_entry_left(e) <= slack;
}

/*
 * Count a packet of a connection whose every packet is counted under e->lock:
 * of TCP. Nobody else writes the counters then.
 */
static inline void ct_count_locked(struct ct_entry *e, unsigned int dir,
				   const struct sk_buff *skb)
{
	struct ct_dir *d = &e->dir[dir];

	if (!READ_ONCE(e->cn->acct))
		return;
	atomic64_set(&d->packets, atomic64_read(&d->packets) + 1);
	atomic64_set(&d->bytes, atomic64_read(&d->bytes) + skb->len);
}

/* Something happened to the connection of a packet; e->lock is not held. */
static inline void ct_note(struct ct_entry *e, const struct ct_packet *p,
			   u32 events)
{
	if (p->events)
		*p->events |= events;
	else
		ct_event(e, events);
}

/*
 * One timeout before there was an answer, another one after it, and then the
 * connection is assured: of what has no states.
 */
static inline enum ct_verdict ct_two_way(struct ct_entry *e,
					 const struct ct_packet *p,
					 unsigned int unreplied,
					 unsigned int replied)
{
	const bool both = ct_entry_hot(e) & IPS_SEEN_REPLY;
	const u32 timeout = ct_timeout(e, both ? replied : unreplied);

	if (!ct_is_fresh(e, timeout))
		ct_refresh(e, timeout);
	if (both && unlikely(!(ct_entry_hot(e) & IPS_ASSURED)) &&
	    !ct_status_set(e, IPS_ASSURED_BIT))
		ct_note(e, p, BIT(IPCT_ASSURED));
	return CT_ACCEPT;
}

/* CTA_PROTOINFO with a nest of @type, filled by @put. -EMSGSIZE */
int ct_put_protoinfo(struct sk_buff *skb, struct ct_entry *e, bool destroy,
		     int type, int (*put)(struct sk_buff *skb,
					  struct ct_entry *e, bool destroy));

enum ct_invalid ct_icmp_parse(const struct ct_packet *p,
			      struct nf_conntrack_tuple *tuple);
enum ct_icmp_kind ct_icmp_inner(const struct ct_packet *p, unsigned int nhoff,
				struct nf_conntrack_tuple *inner,
				enum ct_invalid *reason);
enum ct_icmp_kind ct_icmpv4_classify(const struct ct_packet *p,
				     struct nf_conntrack_tuple *inner,
				     enum ct_invalid *reason);
enum ct_icmp_kind ct_icmpv6_classify(const struct ct_packet *p,
				     const struct nf_conntrack_tuple *outer,
				     struct nf_conntrack_tuple *inner,
				     enum ct_invalid *reason);

#endif /* _CT_PROTO_COMMON_H */

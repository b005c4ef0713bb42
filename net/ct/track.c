// SPDX-License-Identifier: GPL-2.0
/*
 * Packet to entry to verdict: the one path that every packet takes, and the
 * confirmation of new entries at its end.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/expire.h>
#include <net/ct/hooks.h>
#include <net/ct/net.h>
#include <net/ct/proto.h>
#include <net/ct/table.h>
#include <net/ct/tuple.h>
#include "core.h"

static const struct nf_conntrack_zone zone_default = {
	.id = 0,
	.dir = BIT(IP_CT_DIR_ORIGINAL) | BIT(IP_CT_DIR_REPLY),
};

static void set_entry(struct sk_buff *skb, struct ct_entry *e,
		      enum ip_conntrack_info ctinfo)
{
	skb_set_nfct(skb, (unsigned long)&e->ct_general | ctinfo);
}

static void count_bytes(struct ct_entry *e, enum ip_conntrack_info ctinfo,
			const struct sk_buff *skb)
{
	struct ct_dir *d = &e->dir[CTINFO2DIR(ctinfo)];

	if (!READ_ONCE(e->cn->acct))
		return;
	atomic64_inc(&d->packets);
	atomic64_add(skb->len, &d->bytes);
}

static enum ip_conntrack_info ctinfo_of(const struct ct_entry *e,
					unsigned int dir)
{
	if (dir == IP_CT_DIR_REPLY)
		return IP_CT_ESTABLISHED_REPLY;
	if (ct_entry_hot(e) & IPS_SEEN_REPLY)
		return IP_CT_ESTABLISHED;
	if (unlikely(e->master))
		return IP_CT_RELATED;
	return IP_CT_NEW;
}

/* The zone of a packet: that of its template, if it has one. */
static const struct nf_conntrack_zone *
packet_zone(const struct ct_entry *tmpl, const struct sk_buff *skb,
	    struct nf_conntrack_zone *zone)
{
#ifdef CONFIG_NF_CONNTRACK_ZONES
	if (tmpl) {
		*zone = tmpl->zone;
		if (zone->flags & NF_CT_FLAG_MARK) {
			zone->id = skb->mark;
			zone->flags = 0;
		}
		return zone;
	}
#endif
	return &zone_default;
}

static struct ct_entry *lookup(struct ct_net *cn,
			       const struct nf_conntrack_tuple *tuple,
			       const struct nf_conntrack_zone *zone, u32 *hash,
			       unsigned int *dir)
{
	u16 orig = ct_zone_id(zone, IP_CT_DIR_ORIGINAL);
	u16 repl = ct_zone_id(zone, IP_CT_DIR_REPLY);
	struct ct_entry *e;

	*hash = ct_tuple_hash(cn, tuple, orig);
	e = ct_table_lookup(&cn->table, cn, tuple, orig, *hash, dir);
	if (unlikely(!e && orig != repl))
		/* A zone for one direction: it may be an answer's. */
		e = ct_table_lookup(&cn->table, cn, tuple, repl,
				    ct_tuple_hash(cn, tuple, repl), dir);
	return e;
}

static struct ct_entry *new_entry(const struct ct_packet *p,
				  const struct ct_proto *proto,
				  const struct nf_conntrack_tuple *tuple,
				  const struct nf_conntrack_zone *zone,
				  u32 hash, enum ct_invalid *reason)
{
	struct nf_conntrack_tuple repl;
	struct ct_entry *e;

	if (!ct_tuple_invert(&repl, tuple)) {
		*reason = CT_INVALID_ICMP_REPLY;
		return NULL;
	}
	e = ct_entry_new(p->cn, tuple, &repl, zone, GFP_ATOMIC);
	if (IS_ERR(e)) {
		*reason = PTR_ERR(e) == -ENOSPC ? CT_INVALID_FULL :
						  CT_INVALID_NOMEM;
		return e;
	}
	*reason = proto->new(e, p);
	if (*reason != CT_OK) {
		ct_entry_put(e);
		return NULL;
	}
	e->hash[IP_CT_DIR_ORIGINAL] = hash;
	return e;
}

static unsigned int invalid(struct ct_net *cn, enum ct_invalid reason)
{
	ct_invalid(cn, reason);
	return NF_ACCEPT;
}

static bool outer_daddr(const struct ct_packet *p, union nf_inet_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (p->l3 == NFPROTO_IPV4)
		addr->ip = ip_hdr(p->skb)->daddr;
	else
		addr->in6 = ipv6_hdr(p->skb)->daddr;
	return true;
}

/* An ICMP error: RELATED to the connection whose packet it talks about. */
static unsigned int track_error(const struct ct_packet *p,
				const struct nf_conntrack_tuple *inner,
				const struct nf_conntrack_zone *zone)
{
	struct nf_conntrack_tuple answer;
	enum ip_conntrack_info ctinfo;
	union nf_inet_addr daddr;
	struct ct_entry *e;
	unsigned int dir;
	u32 hash;

	/* The error travels the way an answer to the packet would. */
	if (!ct_tuple_invert(&answer, inner))
		return invalid(p->cn, CT_INVALID_ICMP_INNER);
	e = lookup(p->cn, &answer, zone, &hash, &dir);
	if (!e)
		return invalid(p->cn, CT_INVALID_ICMP_UNKNOWN);
	outer_daddr(p, &daddr);
	if (!nf_inet_addr_cmp(&daddr, &e->dir[dir].tuple.dst.u3)) {
		ct_entry_put(e);
		return invalid(p->cn, CT_INVALID_ICMP_MISMATCH);
	}
	ctinfo = dir == IP_CT_DIR_REPLY ? IP_CT_RELATED_REPLY : IP_CT_RELATED;
	set_entry(p->skb, e, ctinfo);
	return NF_ACCEPT;
}

/* Return: the event, if it is the first */
static u32 first_reply(struct ct_entry *e)
{
	if (ct_status_set(e, IPS_SEEN_REPLY_BIT))
		return 0;
	ct_expire_replied(e);
	return BIT(IPCT_REPLY);
}

static unsigned int track_entry(struct ct_packet *p,
				const struct ct_proto *proto,
				const struct nf_conntrack_tuple *tuple,
				const struct ct_entry *tmpl,
				const struct nf_conntrack_zone *zone)
{
	enum ip_conntrack_info ctinfo;
	enum ct_invalid reason = CT_OK;
	enum ct_verdict verdict;
	struct ct_entry *e;
	unsigned int dir;
	u32 events = 0;
	int tries = 3;
	u32 hash;

	p->events = &events;
again:
	e = lookup(p->cn, tuple, zone, &hash, &dir);
	if (e) {
		ctinfo = ctinfo_of(e, dir);
	} else {
		e = new_entry(p, proto, tuple, zone, hash, &reason);
		if (unlikely(IS_ERR_OR_NULL(e))) {
			invalid(p->cn, reason);
			if (!e)
				return NF_ACCEPT;
			ct_stat_inc(p->cn, base.drop);
			return NF_DROP;
		}
		if (unlikely(tmpl))
			e->timeout_policy = tmpl->timeout_policy;
		ctinfo = IP_CT_NEW;
	}

	verdict = proto->packet(e, p, ctinfo, &reason);
	if (unlikely(verdict != CT_ACCEPT)) {
		if (verdict == CT_RESTART && tries--) {
			if (ct_entry_hot(e) & IPS_CONFIRMED)
				ct_entry_kill(e, 0, 0);
			ct_entry_put(e);
			events = 0;
			goto again;
		}
		if (verdict != CT_DROP_ENTRY) {
			ct_entry_put(e);
			return invalid(p->cn, reason ?: CT_INVALID_CLASH);
		}
	}
	count_bytes(e, ctinfo, p->skb);
	set_entry(p->skb, e, ctinfo);
	if (unlikely(verdict == CT_DROP_ENTRY)) {
		if (ct_entry_hot(e) & IPS_CONFIRMED)
			ct_entry_kill(e, 0, 0);
		return NF_ACCEPT;
	}
	if (unlikely(ctinfo == IP_CT_ESTABLISHED_REPLY &&
		     !(ct_entry_hot(e) & IPS_SEEN_REPLY)))
		events |= first_reply(e);
	if (unlikely(events))
		ct_event(e, events);
	return NF_ACCEPT;
}

static unsigned int track_packet(struct ct_packet *p,
				 const struct ct_entry *tmpl)
{
	const struct nf_conntrack_zone *zone;
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone buf;
	const struct ct_proto *proto;
	enum ct_invalid reason;
	unsigned int nhoff = skb_network_offset(p->skb);

	reason = ct_packet_locate(p, nhoff, false);
	if (unlikely(reason))
		return invalid(p->cn, reason);
	proto = ct_proto_find(p->l3, p->l4);
	if (proto->check) {
		reason = proto->check(p);
		if (unlikely(reason))
			return invalid(p->cn, reason);
	}
	zone = packet_zone(tmpl, p->skb, &buf);

	if (proto == &ct_proto_icmp || proto == &ct_proto_icmpv6) {
		switch (ct_icmp_classify(p, &tuple, &reason)) {
		case CT_ICMP_QUERY:
			break;
		case CT_ICMP_ERROR:
			return track_error(p, &tuple, zone);
		case CT_ICMP_UNTRACKED:
			skb_set_nfct(p->skb, IP_CT_UNTRACKED);
			return NF_ACCEPT;
		case CT_ICMP_BAD:
			return invalid(p->cn, reason);
		}
	}

	reason = ct_packet_tuple(p, nhoff, &tuple);
	if (unlikely(reason))
		return invalid(p->cn, reason);
	return track_entry(p, proto, &tuple, tmpl, zone);
}

unsigned int ct_track(struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct ct_packet p = {
		.skb = skb,
		.cn = ct_net(state->net),
		.hook = state->hook,
		.l3 = state->pf,
	};
	enum ip_conntrack_info ctinfo;
	struct ct_entry *tmpl;
	unsigned int verdict;

	tmpl = ct_entry_get_skb(skb, &ctinfo);
	if (tmpl || ctinfo == IP_CT_UNTRACKED) {
		/* Seen before (loopback), or not to be tracked. */
		if (!tmpl || !(tmpl->status & IPS_TEMPLATE))
			return NF_ACCEPT;
		skb_set_nfct(skb, 0);
	}
	verdict = track_packet(&p, tmpl);
	if (tmpl)
		ct_entry_put(tmpl);
	return verdict;
}

/*
 * Somebody confirmed the same connection first: two packets of one socket on
 * two CPUs, or both ends spoke at once. Where the protocol has no handshake
 * that this could break, the packet joins the entry that won.
 */
static bool join_winner(struct sk_buff *skb, struct ct_entry *loser,
			struct ct_entry *winner)
{
	const struct nf_conntrack_tuple *orig, *repl;
	struct ct_packet p = {
		.skb = skb,
		.cn = loser->cn,
		.hook = NF_INET_POST_ROUTING,
	};
	enum ip_conntrack_info ctinfo;
	const struct ct_proto *proto;
	enum ct_invalid reason;
	unsigned int dir;

	orig = &loser->dir[IP_CT_DIR_ORIGINAL].tuple;
	repl = &loser->dir[IP_CT_DIR_REPLY].tuple;
	p.l3 = orig->src.l3num;
	proto = ct_proto_find(p.l3, orig->dst.protonum);
	if (!proto->share_on_clash)
		return false;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		if (ct_tuple_equal(orig, &winner->dir[dir].tuple) &&
		    ct_tuple_equal(repl, &winner->dir[!dir].tuple) &&
		    winner->zone_id[dir] == loser->zone_id[IP_CT_DIR_ORIGINAL])
			break;
	if (dir == IP_CT_DIR_MAX)
		return false;
	if (ct_packet_locate(&p, skb_network_offset(skb), false) != CT_OK)
		return false;

	ctinfo = ctinfo_of(winner, dir);
	if (proto->packet(winner, &p, ctinfo, &reason) != CT_ACCEPT)
		return false;
	count_bytes(winner, ctinfo, skb);
	if (dir == IP_CT_DIR_REPLY)
		ct_event(winner, first_reply(winner));
	ct_entry_get(winner);
	set_entry(skb, winner, ctinfo);
	ct_entry_put(loser);
	return true;
}

unsigned int ct_confirm(struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *clash = NULL;
	struct ct_entry *e;
	struct ct_net *cn;
	int err;

	e = ct_entry_get_skb(skb, &ctinfo);
	if (!e || CTINFO2DIR(ctinfo) != IP_CT_DIR_ORIGINAL)
		return NF_ACCEPT;
	/*
	 * Clones of one packet (a bridge that floods, a tee) carry the same
	 * entry and may come here on two CPUs: the first one confirms.
	 */
	if (ct_entry_hot(e) & (IPS_CONFIRMED | CT_HOT_CLAIMED))
		return NF_ACCEPT;
	if (e->status & (IPS_TEMPLATE | IPS_DYING))
		return e->status & IPS_DYING ? NF_DROP : NF_ACCEPT;
	if (atomic_fetch_or(CT_HOT_CLAIMED, &e->hot) & CT_HOT_CLAIMED)
		return NF_ACCEPT;

	/* Locally generated packets come here with bottom halves on. */
	local_bh_disable();
	cn = e->cn;
	err = ct_entry_publish(e, &clash);
	local_bh_enable();
	if (likely(!err)) {
		ct_event(e, BIT(e->master ? IPCT_RELATED : IPCT_NEW));
		return NF_ACCEPT;
	}
	if (clash) {
		if (join_winner(skb, e, clash)) {
			ct_stat_inc(cn, base.clash_resolve);
			ct_entry_put(clash);
			return NF_ACCEPT;
		}
		ct_entry_put(clash);
		ct_invalid(cn, CT_INVALID_CLASH);
	}
	ct_stat_inc(cn, base.insert_failed);
	ct_stat_inc(cn, base.drop);
	return NF_DROP;
}

bool ct_tuple_of_skb(struct nf_conntrack_tuple *tuple,
		     const struct sk_buff *skb)
{
	struct ct_packet p = { .skb = (struct sk_buff *)skb };
	enum ip_conntrack_info ctinfo;
	struct nf_conntrack_tuple key;
	struct ct_entry *e;
	unsigned int dir;
	u32 hash;

	e = ct_entry_get_skb(skb, &ctinfo);
	if (e) {
		*tuple = e->dir[CTINFO2DIR(ctinfo)].tuple;
		return true;
	}
	if (skb->protocol == htons(ETH_P_IP))
		p.l3 = NFPROTO_IPV4;
	else if (skb->protocol == htons(ETH_P_IPV6))
		p.l3 = NFPROTO_IPV6;
	else
		return false;
	if (!skb->dev)
		return false;
	p.cn = ct_net(dev_net(skb->dev));
	if (!p.cn || ct_packet_locate(&p, skb_network_offset(skb), false) ||
	    ct_packet_tuple(&p, skb_network_offset(skb), &key))
		return false;
	e = lookup(p.cn, &key, &zone_default, &hash, &dir);
	if (!e)
		return false;
	*tuple = e->dir[!dir].tuple;
	ct_entry_put(e);
	return true;
}

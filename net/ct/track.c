// SPDX-License-Identifier: GPL-2.0
/*
 * Packet to entry to verdict: the one path that every packet takes, and the
 * confirmation of new entries at its end.
 */
#include <linux/export.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/expect.h>
#include <net/ct/expire.h>
#include <net/ct/hooks.h>
#include <net/ct/nat.h>
#include <net/ct/net.h>
#include <net/ct/packet.h>
#include <net/ct/proto.h>
#include <net/ct/table.h>
#include <net/ct/tuple.h>
#include "core.h"
#include "header.h"
#include "proto/fast.h"
#include "table/lookup.h"

static const struct nf_conntrack_zone zone_default = {
	.id = 0,
	.dir = BIT(IP_CT_DIR_ORIGINAL) | BIT(IP_CT_DIR_REPLY),
};

static void set_entry(struct sk_buff *skb, struct ct_entry *e,
		      enum ip_conntrack_info ctinfo)
{
	skb_set_nfct(skb, (unsigned long)&e->ct_general | ctinfo);
}

static inline void count_bytes(struct ct_entry *e, unsigned int dir,
			       const struct sk_buff *skb)
{
	struct ct_dir *d = &e->dir[dir];

	if (!READ_ONCE(e->cn->acct))
		return;
	atomic64_inc(&d->packets);
	atomic64_add(skb->len, &d->bytes);
}

/* What ct_tcp_steady() did not count. */
static noinline void count_segment(struct ct_entry *e, unsigned int dir,
				   const struct sk_buff *skb)
{
	if (!READ_ONCE(e->cn->acct))
		return;
	spin_lock_bh(&e->lock);
	ct_count_locked(e, dir, skb);
	spin_unlock_bh(&e->lock);
}

/*
 * A socket of this host that is connected to itself: the answer looks as what
 * it answers. From outside, it would be somebody's who made up both.
 */
static bool answers_itself(const struct ct_entry *e, const struct ct_packet *p)
{
	return p->hook == NF_INET_LOCAL_OUT && ct_entry_is_loop(e);
}

static enum ip_conntrack_info ctinfo_of(const struct ct_entry *e,
					const struct ct_packet *p,
					unsigned int dir)
{
	if (dir == IP_CT_DIR_REPLY)
		return IP_CT_ESTABLISHED_REPLY;
	if (ct_entry_hot(e) & IPS_SEEN_REPLY)
		return IP_CT_ESTABLISHED;
	if (unlikely(answers_itself(e, p)))
		return IP_CT_ESTABLISHED_REPLY;
	if (unlikely(ct_entry_master(e)))
		return IP_CT_RELATED;
	return IP_CT_NEW;
}

/* The zone of a packet: that of its template, NULL if it has none. */
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
	return NULL;
}

static inline bool has_ports(const struct ct_packet *p)
{
	return likely(p->l4 == IPPROTO_TCP || p->l4 == IPPROTO_UDP);
}

static inline enum ct_verdict advance(struct ct_entry *e,
				      const struct ct_packet *p,
				      const struct ct_proto *proto,
				      enum ip_conntrack_info ctinfo,
				      enum ct_invalid *reason, bool *counted)
{
	if (likely(p->l4 == IPPROTO_TCP)) {
		*counted = ct_tcp_steady(e, p, CTINFO2DIR(ctinfo));
		if (likely(*counted))
			return CT_ACCEPT;
	} else if (likely(p->l4 == IPPROTO_UDP)) {
		if (likely(ct_udp_steady(e)))
			return CT_ACCEPT;
	}
	return proto->packet(e, p, ctinfo, reason);
}

/*
 * Nobody goes for a packet that opens no connection: its tracker is asked before,
 * with an entry that is none, and once more when there is room.
 */
static noinline struct ct_entry *
new_at_limit(const struct ct_packet *p, const struct ct_proto *proto,
	     const struct nf_conntrack_tuple *tuple,
	     const struct nf_conntrack_tuple *repl,
	     const struct nf_conntrack_zone *zone, enum ct_invalid *reason)
{
	struct ct_entry probe __ct_uninit;

	ct_entry_probe(&probe, p->cn, tuple, repl, zone);
	*reason = proto->new(&probe, p);
	if (*reason != CT_OK)
		return NULL;
	return ct_entry_new(p->cn, tuple, repl, zone, GFP_ATOMIC);
}

static noinline struct ct_entry *
new_entry(const struct ct_packet *p, const struct ct_proto *proto,
	  const struct nf_conntrack_tuple *tuple,
	  const struct nf_conntrack_zone *zone, u32 hash,
	  enum ct_invalid *reason)
{
	struct nf_conntrack_tuple repl __ct_uninit;
	struct ct_entry *e;

	if (has_ports(p)) {
		ct_invert_addresses(&repl, tuple);
		ct_invert_ports(&repl, tuple);
	} else if (!ct_tuple_invert(&repl, tuple)) {
		*reason = CT_INVALID_ICMP_REPLY;
		return NULL;
	}
	e = ct_entry_try(p->cn, tuple, &repl, zone ?: &zone_default,
			 GFP_ATOMIC);
	if (unlikely(e == ERR_PTR(-ENOSPC))) {
		e = new_at_limit(p, proto, tuple, &repl, zone ?: &zone_default,
				 reason);
		if (!e)
			return NULL;
	}
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
	e->hash[IP_CT_DIR_REPLY] = has_ports(p) && likely(!zone) ?
		ct_hash_inverse(hash, tuple) :
		ct_tuple_hash(p->cn, &repl, e->zone_id[IP_CT_DIR_REPLY]);
	return e;
}

static noinline unsigned int invalid(const struct ct_packet *p,
				     enum ct_invalid reason,
				     const struct nf_conntrack_tuple *tuple)
{
	ct_invalid(p, reason, tuple, NULL, 0);
	return NF_ACCEPT;
}

/*
 * One that seemed to be of a connection, and drops the reference to it. If rules
 * let it pass, it is not to show what that connection's translation hides.
 */
static noinline unsigned int invalid_of(const struct ct_packet *p,
					enum ct_invalid reason,
					struct ct_entry *e, unsigned int dir)
{
	ct_invalid(p, reason, &e->dir[dir].tuple, e, dir);
	if (ct_entry_hot(e) & IPS_NAT_MASK)
		ct_stray_note(p->skb, e, dir);
	ct_entry_put(e);
	return NF_ACCEPT;
}

/* One of which not even the transport header was found. */
static noinline unsigned int unread(struct ct_packet *p, enum ct_invalid reason)
{
	struct nf_conntrack_tuple none = {
		.src.l3num = p->l3,
		.dst.protonum = p->l4,
	};

	if (reason == CT_PASS_BY)
		return NF_ACCEPT;
	p->hlen = 0;
	return invalid(p, reason, &none);
}

/*
 * An ICMP error: RELATED to the connection whose packet it talks about.
 * Return: CT_OK or a reason
 */
static enum ct_invalid track_error(const struct ct_packet *p,
				   const struct nf_conntrack_tuple *outer,
				   const struct nf_conntrack_tuple *inner,
				   const struct nf_conntrack_zone *zone)
{
	struct nf_conntrack_tuple answer;
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e;
	unsigned int dir;

	/* The error travels the way an answer to the packet would. */
	if (!ct_tuple_invert(&answer, inner))
		return CT_INVALID_ICMP_INNER;
	e = ct_entry_find(p->cn, &answer, zone, &dir);
	if (!e)
		return CT_INVALID_ICMP_UNKNOWN;
	if (!nf_inet_addr_cmp(&outer->dst.u3, &e->dir[dir].tuple.dst.u3)) {
		ct_entry_put(e);
		return CT_INVALID_ICMP_MISMATCH;
	}
	ctinfo = dir == IP_CT_DIR_REPLY ? IP_CT_RELATED_REPLY : IP_CT_RELATED;
	set_entry(p->skb, e, ctinfo);
	return CT_OK;
}

/* Return: the event, if it is the first */
static u32 first_reply(struct ct_entry *e)
{
	if (ct_status_set(e, IPS_SEEN_REPLY_BIT))
		return 0;
	ct_expire_replied(e);
	return BIT(IPCT_REPLY);
}

static __always_inline unsigned int
track_entry(struct ct_packet *p, const struct ct_proto *proto,
	    const struct nf_conntrack_tuple *tuple,
	    const struct nf_conntrack_zone *zone)
{
	enum ct_invalid reason;
	unsigned int dir;
	u32 hash;
	enum ip_conntrack_info ctinfo;
	enum ct_verdict verdict;
	struct ct_entry *e;
	bool counted = false;
	u32 events = 0;
	int tries = 3;

	p->events = &events;
again:
	if (likely(!zone)) {
		hash = ct_tuple_hash_fast(p->cn, tuple, 0);
		e = ct_table_find(&p->cn->table, p->cn, tuple, 0, hash, &dir);
	} else {
		hash = ct_tuple_hash(p->cn, tuple,
				     ct_zone_id(zone, IP_CT_DIR_ORIGINAL));
		e = ct_entry_find(p->cn, tuple, zone, &dir);
	}
	if (unlikely(!e)) {
		reason = CT_OK;
		e = new_entry(p, proto, tuple, zone, hash, &reason);
		if (IS_ERR_OR_NULL(e)) {
			invalid(p, reason, tuple);
			if (!e)
				return NF_ACCEPT;
			ct_stat_inc(p->cn, base.drop);
			return NF_DROP;
		}
		/* Nobody else has it yet. */
		ct_count_locked(e, IP_CT_DIR_ORIGINAL, p->skb);
		set_entry(p->skb, e, IP_CT_NEW);
		if (unlikely(READ_ONCE(p->cn->expecting)) && ct_expect_meet(e))
			set_entry(p->skb, e, IP_CT_RELATED);
		return NF_ACCEPT;
	}
	ctinfo = ctinfo_of(e, p, dir);

	verdict = advance(e, p, proto, ctinfo, &reason, &counted);
	if (unlikely(verdict != CT_ACCEPT)) {
		if (verdict == CT_RESTART && tries--) {
			if (ct_entry_hot(e) & IPS_CONFIRMED)
				ct_entry_kill(e, 0, 0);
			ct_entry_put(e);
			events = 0;
			goto again;
		}
		if (verdict != CT_DROP_ENTRY)
			return invalid_of(p, verdict == CT_INVALID ? reason :
							CT_INVALID_CLASH,
					  e, dir);
	}
	if (p->l4 != IPPROTO_TCP)
		count_bytes(e, dir, p->skb);
	else if (unlikely(!counted))
		count_segment(e, dir, p->skb);
	set_entry(p->skb, e, ctinfo);
	if (unlikely(verdict == CT_DROP_ENTRY)) {
		if (ct_entry_hot(e) & IPS_CONFIRMED)
			ct_entry_kill(e, 0, 0);
		/* For the rules that still see this packet. */
		if (dir == IP_CT_DIR_REPLY)
			ct_status_set(e, IPS_SEEN_REPLY_BIT);
		return NF_ACCEPT;
	}
	if (unlikely(ctinfo == IP_CT_ESTABLISHED_REPLY &&
		     !(ct_entry_hot(e) & IPS_SEEN_REPLY)))
		events |= first_reply(e);
	if (unlikely(events))
		ct_event(e, events);
	return NF_ACCEPT;
}

/*
 * Of ICMP and ICMPv6, what is no query. Return: CT_OK: it is one; CT_PASS_BY:
 * that was dealt with; or a reason
 */
static enum ct_invalid track_icmp(const struct ct_packet *p,
				  const struct nf_conntrack_tuple *outer,
				  const struct nf_conntrack_zone *zone)
{
	struct nf_conntrack_tuple inner;
	enum ct_invalid reason;

	switch (ct_icmp_classify(p, outer, &inner, &reason)) {
	case CT_ICMP_QUERY:
		return CT_OK;
	case CT_ICMP_ERROR:
		return track_error(p, outer, &inner, zone ?: &zone_default) ?:
		       CT_PASS_BY;
	case CT_ICMP_UNTRACKED:
		skb_set_nfct(p->skb, IP_CT_UNTRACKED);
		return CT_PASS_BY;
	case CT_ICMP_BAD:
		break;
	}
	return reason;
}

/* The header of what is neither TCP nor UDP. Return: as track_icmp() */
static noinline enum ct_invalid
read_other(struct ct_packet *p, const struct ct_proto *proto,
	   struct nf_conntrack_tuple *tuple,
	   const struct nf_conntrack_zone *zone)
{
	enum ct_invalid reason = CT_OK;

	ct_packet_header(p);
	if (proto->check)
		reason = proto->check(p);
	if (!reason && (proto == &ct_proto_icmp || proto == &ct_proto_icmpv6))
		reason = track_icmp(p, tuple, zone);
	return reason ?: proto->parse(p, tuple);
}

/*
 * What ct_packet_header(), check() and parse() do for TCP and UDP, most of whose
 * headers are not in a page: into @h, a member of @p->h
 */
#define read_header(p, h)						\
do {									\
	if (likely((p)->l4len >= sizeof(*(h)) &&			\
		   ct_fetch_linear((p)->skb, (p)->l4off, h)))		\
		(p)->hlen = sizeof(*(h));				\
	else								\
		ct_packet_header(p);					\
} while (0)

static inline void take_ports(const struct ct_packet *p,
			      struct nf_conntrack_tuple *tuple)
{
	tuple->src.u.all = p->h.port[0];
	tuple->dst.u.all = p->h.port[1];
}

static __always_inline unsigned int track_packet(struct ct_packet *p,
						 const struct ct_entry *tmpl)
{
	const unsigned int nhoff = skb_network_offset(p->skb);
	struct nf_conntrack_tuple tuple __aligned(8) __ct_uninit;
	struct nf_conntrack_zone buf __ct_uninit;
	const struct nf_conntrack_zone *zone;
	const struct ct_proto *proto;
	enum ct_invalid reason;

	if (likely(p->l3 == NFPROTO_IPV4))
		reason = ct_begin_ipv4(p, nhoff, p->skb->len, false, &tuple);
	else
		reason = ct_packet_begin(p, nhoff, &tuple);
	if (unlikely(reason))
		return unread(p, reason);
	zone = packet_zone(tmpl, p->skb, &buf);

	if (likely(p->l4 == IPPROTO_TCP)) {
		proto = &ct_proto_tcp;
		read_header(p, &p->h.tcp);
		reason = ct_tcp_check(p);
		if (likely(!reason))
			take_ports(p, &tuple);
	} else if (likely(p->l4 == IPPROTO_UDP)) {
		proto = &ct_proto_udp;
		read_header(p, &p->h.udp);
		reason = ct_udp_check(p);
		if (likely(!reason))
			take_ports(p, &tuple);
	} else {
		proto = ct_proto_find(p->l3, p->l4);
		reason = read_other(p, proto, &tuple, zone);
	}
	if (unlikely(reason))
		return reason == CT_PASS_BY ? NF_ACCEPT :
					      invalid(p, reason, &tuple);
	return track_entry(p, proto, &tuple, zone);
}

/* What else a template says of a connection that its packet has opened. */
static noinline void inherit(const struct sk_buff *skb,
			     const struct ct_entry *tmpl)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e;

	if (READ_ONCE(tmpl->use_event) == U16_MAX)
		return;
	e = ct_entry_get_skb(skb, &ctinfo);
	if (e && (ctinfo == IP_CT_NEW || ctinfo == IP_CT_RELATED) &&
	    !(ct_entry_hot(e) & IPS_CONFIRMED))
		ct_event_choose(e, U16_MAX, tmpl->use_event);
}

unsigned int ct_track(struct ct_net *cn, struct sk_buff *skb,
		      const struct nf_hook_state *state)
{
	struct ct_packet p __ct_uninit;
	enum ip_conntrack_info ctinfo;
	struct ct_entry *tmpl;
	unsigned int verdict;

	tmpl = ct_entry_get_skb(skb, &ctinfo);
	if (unlikely(tmpl || ctinfo == IP_CT_UNTRACKED)) {
		/* Seen before (loopback), or not to be tracked. */
		if (!tmpl || !(tmpl->status & IPS_TEMPLATE))
			return NF_ACCEPT;
		skb_set_nfct(skb, 0);
	}
	p.skb = skb;
	p.cn = cn;
	p.hook = state->hook;
	p.l3 = state->pf;
	verdict = track_packet(&p, tmpl);
	if (unlikely(tmpl)) {
		inherit(skb, tmpl);
		ct_entry_put(tmpl);
	}
	return verdict;
}
EXPORT_SYMBOL_GPL(ct_track);

/* In which direction of the winner does the loser's first packet go? */
static unsigned int dir_of(const struct ct_entry *loser,
			   const struct ct_entry *winner)
{
	unsigned int dir;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		if (ct_tuple_equal(&loser->dir[IP_CT_DIR_ORIGINAL].tuple,
				   &winner->dir[dir].tuple) &&
		    winner->zone_id[dir] == loser->zone_id[IP_CT_DIR_ORIGINAL] &&
		    winner->zone_id[!dir] == loser->zone_id[IP_CT_DIR_REPLY])
			break;
	return dir;
}

enum joined { JOINED, JOIN_FAILED, NOT_THE_SAME };

/*
 * Somebody confirmed the same connection first: two packets of one socket on
 * two CPUs, a SYN and the next one out of a queue, or both ends spoke at once.
 * The packet joins the entry that won, as if it came in only now. The same: zones
 * and all. If the two are translated to different things, the packet becomes what
 * the winner's are.
 */
static enum joined join_winner(struct ct_packet *p, struct ct_entry *loser,
			       struct ct_entry *winner,
			       const struct nf_hook_state *state)
{
	const struct nf_conntrack_tuple *orig, *repl, *want;
	const unsigned int dir = dir_of(loser, winner);
	enum ip_conntrack_info ctinfo;
	struct nf_conntrack_tuple now, was;
	const struct ct_proto *proto;
	enum ct_invalid reason;

	if (dir == IP_CT_DIR_MAX)
		return NOT_THE_SAME;
	orig = &loser->dir[IP_CT_DIR_ORIGINAL].tuple;
	repl = &loser->dir[IP_CT_DIR_REPLY].tuple;
	want = &winner->dir[!dir].tuple;
	/*
	 * It was sound when it came in; who held it since may have written. So
	 * all of it is read and judged anew, as of one that comes only now.
	 */
	if (ct_packet_read(p, skb_network_offset(p->skb), &now) != CT_OK ||
	    p->l4 != orig->dst.protonum)
		return JOIN_FAILED;
	/* It may have been translated before another one's source was chosen. */
	if (unlikely(ct_entry_hot(loser) & CT_HOT_MOVED)) {
		if (!ct_tuple_invert(&was, &now))
			return JOIN_FAILED;
		repl = &was;
	}
	proto = ct_proto_find(p->l3, p->l4);
	if (proto->check && proto->check(p) != CT_OK)
		return JOIN_FAILED;

	ctinfo = ctinfo_of(winner, p, dir);
	if (proto->packet(winner, p, ctinfo, &reason) != CT_ACCEPT)
		return JOIN_FAILED;
	if (unlikely(!ct_tuple_equal(repl, want)) &&
	    !ct_nat_rewrite(p->skb, repl, want, state))
		return JOIN_FAILED;
	if (p->l4 == IPPROTO_TCP)
		count_segment(winner, dir, p->skb);
	else
		count_bytes(winner, dir, p->skb);
	if (dir == IP_CT_DIR_REPLY)
		ct_event(winner, first_reply(winner));
	ct_entry_get(winner);
	set_entry(p->skb, winner, ctinfo);
	ct_entry_put(loser);
	return JOINED;
}

/* Return: false if the entry was confirmed already, by a clone of the packet. */
static inline bool publish(struct ct_entry *e, struct ct_entry **clash,
			   int *err)
{
	bool mine;

	*err = 0;
	/* Who was to translate the next ones is gone, or on his way. */
	if (unlikely(ct_entry_hot(e) & IPS_NAT_MASK) && !ct_nat_is_there()) {
		*err = -ENOENT;
		return true;
	}
	/* Locally generated packets come here with bottom halves on. */
	local_bh_disable();
	mine = ct_entry_claim(e);
	if (likely(mine)) {
		*err = ct_entry_publish(e, clash);
		/* Whoever is next sees the entry as it was before. */
		if (unlikely(*err))
			ct_entry_unclaim(e);
		else
			ct_entry_claim_end(e);
	}
	local_bh_enable();
	return mine;
}

/* So often another translation is chosen for a packet, at most. */
#define AGAIN	4

/*
 * @clash: who has the tuple, with a reference that ends here; NULL: nobody.
 * @err: what publish() had to say; 0 when it is confirmed after all, by us
 */
static noinline unsigned int not_confirmed(struct sk_buff *skb,
					   struct ct_entry *e,
					   struct ct_entry *clash,
					   const struct nf_hook_state *state,
					   int *err)
{
	const struct nf_conntrack_tuple *tuple =
		&e->dir[IP_CT_DIR_ORIGINAL].tuple;
	struct ct_packet p = {
		.skb = skb,
		.cn = e->cn,
		.hook = state->hook,
		.l3 = tuple->src.l3num,
		.l4 = tuple->dst.protonum,
	};
	unsigned int tries = AGAIN;
	enum joined joined;
	int again;

	while (clash) {
		joined = join_winner(&p, e, clash, state);
		ct_entry_put(clash);
		clash = NULL;
		if (joined == JOINED) {
			ct_stat_inc(p.cn, base.clash_resolve);
			return NF_ACCEPT;
		}
		again = joined == JOIN_FAILED || !tries-- ? -EBUSY :
			ct_nat_again(e, skb, state);
		if (again == -EADDRINUSE)
			break;
		if (again) {
			ct_invalid(&p, CT_INVALID_CLASH, tuple, NULL, 0);
			break;
		}
		if (!publish(e, &clash, err)) {
			*err = -EALREADY;
			return NF_ACCEPT;
		}
	}
	if (!*err)
		return NF_ACCEPT;
	ct_stat_inc(p.cn, base.insert_failed);
	ct_stat_inc(p.cn, base.drop);
	return NF_DROP;
}

/*
 * A packet comes through POSTROUTING twice, with a VRF and with what is below,
 * where it is decided what it is translated to.
 */
static bool comes_again(const struct nf_hook_state *state)
{
	return state->hook == NF_INET_POST_ROUTING &&
	       netif_is_l3_master(state->out);
}

/*
 * The source of its connection was chosen again after a clone of a packet had been
 * translated, maybe this one. Return: a verdict
 */
static unsigned int catch_up(struct sk_buff *skb, struct ct_entry *e,
			     enum ip_conntrack_info ctinfo,
			     const struct nf_hook_state *state)
{
	const struct nf_conntrack_tuple *want = &e->dir[IP_CT_DIR_REPLY].tuple;
	struct ct_packet p = {
		.skb = skb,
		.cn = e->cn,
		.hook = state->hook,
		.l3 = want->src.l3num,
	};
	struct nf_conntrack_tuple now, was;

	/* An error about it is RELATED, too, and has no tuple. */
	if (ct_packet_read(&p, skb_network_offset(skb), &now) != CT_OK ||
	    !ct_tuple_invert(&was, &now))
		return ctinfo == IP_CT_RELATED &&
		       (p.l4 == IPPROTO_ICMP || p.l4 == IPPROTO_ICMPV6) ?
		       NF_ACCEPT : NF_DROP;
	if (ct_tuple_equal(&was, want))
		return NF_ACCEPT;
	return ct_nat_rewrite(skb, &was, want, state) ? NF_ACCEPT : NF_DROP;
}

static noinline unsigned int confirm(struct sk_buff *skb, struct ct_entry *e,
				     enum ip_conntrack_info ctinfo,
				     const struct nf_hook_state *state)
{
	struct ct_entry *clash = NULL;
	const unsigned long status = READ_ONCE(e->status);
	const u32 hot = ct_entry_hot(e);
	unsigned int verdict;
	bool mine;
	int err;

	/* The first packet of one that was expected is like that of a new one. */
	if (hot & IPS_CONFIRMED && ctinfo != IP_CT_NEW &&
	    !(ctinfo == IP_CT_RELATED && ct_entry_master(e)))
		return NF_ACCEPT;
	if (status & (IPS_TEMPLATE | IPS_DYING))
		return status & IPS_DYING ? NF_DROP : NF_ACCEPT;
	if (comes_again(state))
		return NF_ACCEPT;

	mine = publish(e, &clash, &err);
	if (unlikely(err)) {
		verdict = not_confirmed(skb, e, clash, state, &err);
		if (err && err != -EALREADY)
			return verdict;
		mine = !err;
	}
	if (likely(mine))
		ct_event(e, BIT(ct_entry_master(e) ? IPCT_RELATED : IPCT_NEW));
	if (likely(!(ct_entry_hot(e) & (CT_HOT_MOVED | CT_HOT_EXPECTS))))
		return NF_ACCEPT;
	if (ct_entry_hot(e) & CT_HOT_EXPECTS)
		ct_expect_master_ready(e);
	return ct_entry_hot(e) & CT_HOT_MOVED ?
	       catch_up(skb, e, ctinfo, state) : NF_ACCEPT;
}

unsigned int ct_confirm(void *priv, struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_get_skb(skb, &ctinfo);

	if (!e || CTINFO2DIR(ctinfo) != IP_CT_DIR_ORIGINAL ||
	    likely(ct_entry_hot(e) & CT_HOT_SETTLED))
		return NF_ACCEPT;
	return confirm(skb, e, ctinfo, state);
}

bool ct_tuple_of_skb(struct nf_conntrack_tuple *tuple,
		     const struct sk_buff *skb)
{
	struct ct_packet p = { .skb = (struct sk_buff *)skb };
	enum ip_conntrack_info ctinfo;
	struct nf_conntrack_tuple key;
	struct ct_entry *e;
	unsigned int dir;

	e = ct_entry_tracked(skb, &ctinfo);
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
	if (!p.cn || ct_packet_read(&p, skb_network_offset(skb), &key))
		return false;
	e = ct_entry_find(p.cn, &key, &zone_default, &dir);
	if (!e)
		return false;
	*tuple = e->dir[!dir].tuple;
	ct_entry_put(e);
	return true;
}

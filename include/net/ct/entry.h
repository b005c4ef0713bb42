/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_ENTRY_H
#define _NET_CT_ENTRY_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <net/netfilter/nf_conntrack_tuple.h>
#include <linux/netfilter/nf_conntrack_zones_common.h>
#include <linux/netfilter/xt_connlabel.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>

#if !IS_ENABLED(CONFIG_NF_NAT)
#error "struct nf_conn has no room for TCP's windows without CONFIG_NF_NAT"
#endif

struct ct_net;
struct ct_policy;
struct ct_seqadj;
struct nf_conn;
struct nf_ct_ext;

/**
 * struct ct_dir - one direction of a connection
 * @packets: packets seen in this direction; of TCP written under the entry's
 *	lock, of others under none
 * @bytes: their bytes, network header included
 * @tuple: the addresses and ports of a packet in this direction;
 *	immutable once the entry is confirmed
 */
struct ct_dir {
	atomic64_t packets;
	atomic64_t bytes;
	struct nf_conntrack_tuple tuple;
};

/**
 * struct ct_tcp - the TCP state of a connection, under the entry's lock
 * @state: enum tcp_conntrack
 * @last_index: kind of the last segment that mattered, private to the TCP
 *	tracker
 * @last_dir: its direction
 * @replied: @ct_seen.window of the reply direction is in use
 * @challenge: the answer to @syn_scale's SYN may be a challenge ACK
 * @simultaneous: both ends opened at once (RFC 9293 3.5, figure 7)
 * @flags: IP_CT_TCP_FLAG_* by direction
 * @scale: window scale by direction (RFC 7323 2.2)
 * @retrans: how often the last ACK was repeated
 * @syn_scale: window scale of the last SYN that was let through although the
 *	connection seemed to exist
 * @syn_flags: IP_CT_TCP_FLAG_WINDOW_SCALE and _SACK_PERM of that SYN
 */
struct ct_tcp {
	u8 state;
	u8 last_index : 4;
	u8 last_dir : 1;
	u8 replied : 1;
	u8 challenge : 1;
	u8 simultaneous : 1;
	u8 flags[2];
	u8 scale[2];
	u8 retrans;
	u8 syn_scale : 4;
	u8 syn_flags : 4;
};

/**
 * struct ct_window - what one end of a TCP connection sent, and may send
 *	(Rooij, "Real Stateful TCP Packet Filtering in IP Filter", 2001)
 * @end: sequence number after the last that it sent
 * @maxend: up to which it may send: what the other end acknowledged plus the
 *	window that this offered
 * @maxwin: the largest window that it offered, scaled; 0: nothing seen yet
 * @maxack: the highest acknowledgment number that it sent, valid with
 *	IP_CT_TCP_FLAG_MAXACK_SET. Of the original direction in SYN_SENT, when
 *	there is none: that of an ACK which came instead of a SYN,ACK
 */
struct ct_window {
	u32 end;
	u32 maxend;
	u32 maxwin;
	u32 maxack;
};

/**
 * union ct_seen - what was seen of both ends, and the link of who may be evicted
 * @window: by direction, under the entry's lock. Of what has seen no reply
 *	there is no second one, see @ct_tcp.replied
 * @original: the first of them
 * @offer: of SCTP, verification tags by direction that may come in place of the
 *	association's, see @ct_sctp.offered; under the entry's lock
 * @unreplied: link in the list of eviction candidates while @candidate is set,
 *	under the wheel's lock
 */
union ct_seen {
	struct ct_window window[2];
	struct {
		union {
			struct ct_window original;
			__be32 offer[IP_CT_DIR_MAX];
		};
		struct list_head unreplied;
	};
};

/**
 * struct ct_last - the last TCP segment that mattered, under the entry's lock
 * @end: sequence number after it
 * @win: its window as it stands in the header, host byte order
 * @hash: of its sequence and acknowledgment numbers, if it was an ACK
 */
struct ct_last {
	u32 end;
	u16 win;
	u16 hash;
};

/**
 * struct ct_sctp - the SCTP state of a connection, under the entry's lock
 * @state: enum sctp_conntrack
 * @init: BIT() of each direction whose INIT awaits its answer
 * @strange: a HEARTBEAT had a tag that is not the connection's
 * @strange_dir: its direction
 * @offered: BIT() of each direction whose INIT offers another tag than the
 *	connection has, in @ct_seen.offer
 * @old_dir: direction of the last SHUTDOWN ACK of an association before
 * @old_tag: its verification tag, 0 if there was none
 */
struct ct_sctp {
	u8 state;
	u8 init : 2;
	u8 strange : 1;
	u8 strange_dir : 1;
	u8 offered : 2;
	u8 old_dir : 1;
	__be32 old_tag;
};

/**
 * struct ct_dccp - the DCCP state of a connection, under the entry's lock
 * @state: enum ct_dccp_states, up to CT_DCCP_TIMEWAIT
 * @servers: BIT() of each direction whose sender is the server. One of them;
 *	none in an entry that was made by request, of which nothing is known
 * @last_type: enum dccp_pkt_type of the last packet that was not invalid
 * @last_dir: its direction
 * @handshake: sequence number of the Response that the client has to
 *	acknowledge
 */
struct ct_dccp {
	u64 state : 8;
	u64 servers : 2;
	u64 last_type : 5;
	u64 last_dir : 1;
	u64 handshake : 48;
};

/**
 * struct ct_udp - the UDP state of a connection, constant once confirmed
 * @stream: jiffies after which a replied connection is a stream
 */
struct ct_udp {
	unsigned long stream;
};

/**
 * struct ct_ports - which ports a source may be translated to
 * @min: the first
 * @max: the last
 * @base: what %NF_NAT_RANGE_PROTO_OFFSET counts from
 * @flags: NF_NAT_RANGE_*, but for addresses
 */
struct ct_ports {
	__be16 min;
	__be16 max;
	__be16 base;
	u16 flags;
};

/**
 * struct ct_entry - a tracked connection
 *
 * From @ct_general on it agrees with struct nf_conn in every member that the
 * rest of the kernel reads (asserted in entry.c); skb->_nfct points to
 * @ct_general. Everything before it, and every gap, is ours. Comes from a
 * SLAB_TYPESAFE_BY_RCU cache shared by all namespaces: an RCU reader may see
 * it freed and reused at any moment before it holds a reference.
 *
 * @cn: the namespace's state; the entry holds a reference to it. A template
 *	has none
 * @hash: keyed hash of each direction's tuple, zone and namespace
 * @expires: jiffies (low 32 bits) when the entry is dead, if not refreshed;
 *	before confirmation: the relative timeout in jiffies
 * @zone_id: the zone by direction, what lookups compare
 * @hot: mirror of the status bits %CT_HOT_BITS, for the packet path
 * @wheel_node: link in a slot of a timing wheel, under that wheel's lock
 * @ports: before confirmation, of who has a source translated: see ct_nat_setup()
 * @wheel_cpu: whose wheel it is in
 * @wheel_slot: slot it is in, %CT_WHEEL_NONE when in none; wheel's lock
 * @candidate: it may be evicted, and is in a list; wheel's lock
 * @proto: protocol state, under @lock
 * @ct_general: the reference count, as others see it
 * @lock: the protocol state machine
 * @use_event: event bits (1 << IPCT_*) that are wanted, all by default, and
 *	%CT_EVENT_LIVES; written under @lock
 * @born: when it was confirmed, see %CT_BORN_UNIT: the age of who saw no
 *	reply
 * @zone: as struct nf_conn has it
 * @dir: both directions
 * @status: IPS_*, atomic bit operations only; above them ct_entry_out()
 * @seen: TCP's windows, SCTP's other tags, the link of eviction candidates
 * @mark: ctmark
 * @secmark: security mark
 * @ext: NULL or an extension block as the flow dissector expects it, which
 *	holds a struct ct_rare; from NULL to a block once, which stays
 * @last: the last TCP segment
 * @vtag: the verification tag of SCTP packets in each direction, 0 if it is
 *	not known; under @lock
 */
struct ct_entry {
	struct ct_net *cn;
	u32 hash[IP_CT_DIR_MAX];
	u32 expires;
	u16 zone_id[IP_CT_DIR_MAX];
	atomic_t hot;
	u16 wheel_cpu;
	u16 wheel_slot : 15;
	u16 candidate : 1;
	union {
		struct hlist_node wheel_node;
		struct ct_ports ports;
	};
	union {
		struct ct_tcp tcp;
		struct ct_udp udp;
		struct ct_sctp sctp;
		struct ct_dccp dccp;
		u64 raw;
	} proto;

	struct nf_conntrack ct_general;
	spinlock_t lock;	/* of proto */
	u16 use_event;
	u16 born;
#ifdef CONFIG_NF_CONNTRACK_ZONES
	struct nf_conntrack_zone zone;
#endif
	struct ct_dir dir[IP_CT_DIR_MAX];
	unsigned long status;
	/* As many bytes as the namespace, NAT's node and the master take. */
	union ct_seen seen;
#ifdef CONFIG_NF_CONNTRACK_MARK
	u32 mark;
#endif
#ifdef CONFIG_NF_CONNTRACK_SECMARK
	u32 secmark;
#endif
	struct nf_ct_ext *ext;
	union {
		struct ct_last last;
		__be32 vtag[IP_CT_DIR_MAX];
	};
};

/* Labels of a connection, as words that change at once. */
#define CT_LABELS_WORDS	((XT_CONNLABEL_MAXBIT + 1) / 32)

/**
 * struct ct_rare - what few connections have, behind @ct_entry.ext
 * @start: ktime_get_real_ns() at confirmation, 0 when not recorded
 * @master: the connection that expected this one, or NULL; constant once
 *	confirmed
 * @labels: see ct_labels_get(); each word by cmpxchg() only
 * @policy: with %CT_HOT_POLICY the timeouts it goes by, with a reference; from
 *	NULL to one once, which stays
 * @seqadj: with %IPS_SEQ_ADJUST how TCP's numbers are changed; from NULL to one
 *	once, which stays, and what is in it under the entry's lock
 */
struct ct_rare {
	u64 start;
	struct ct_entry *master;
	u32 labels[CT_LABELS_WORDS] __aligned(8);
	struct ct_policy *policy;
	struct ct_seqadj *seqadj;
};

/* Status bits mirrored in the entry's first cache line. */
#define CT_HOT_BITS	(IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED | \
			 IPS_DYING | IPS_FIXED_TIMEOUT | IPS_TEMPLATE | \
			 IPS_NAT_MASK | IPS_NAT_DONE_MASK | IPS_SEQ_ADJUST)

/*
 * In @hot, none of IPS_*: somebody confirms the entry, or has; taken away again
 * if that failed.
 */
#define CT_HOT_CLAIMED	BIT(31)

/*
 * In @hot, none of IPS_*: the timeout goes up and down all the time. The
 * wheel looks at such an entry every CT_REVISIT seconds, so that nothing has to
 * be done about a timeout that moves to anywhere after that.
 */
#define CT_HOT_REVISIT	BIT(30)
#define CT_REVISIT	256U

/* In @hot, none of IPS_*: it has a policy, see ct_timeouts(). */
#define CT_HOT_POLICY	BIT(29)

/* In @hot, none of IPS_*: it is in the host's own share, see ct_room_take(). */
#define CT_HOT_KEPT	BIT(28)

/*
 * In @hot, none of IPS_*: ct_nat_freed() is to be called when it is freed, if who
 * wanted that is there still: it was in this era, see ct_nat_hold().
 */
#define CT_HOT_CONE	BIT(27)
#define CT_HOT_ERA	GENMASK(23, 16)

/* In @hot, none of IPS_*: it is masqueraded, see ct_entry_out(). */
#define CT_HOT_OUT	BIT(26)

/*
 * In @hot, none of IPS_*: its source was chosen again while there were other
 * packets of it, which may look as it was chosen first.
 */
#define CT_HOT_MOVED	BIT(25)

/* In @hot, none of IPS_*: confirmed, and not CT_HOT_MOVED. */
#define CT_HOT_SETTLED	BIT(24)

/* In @hot, none of IPS_*: it expects others, or did, see ct_expect_add(). */
#define CT_HOT_EXPECTS	BIT(15)

/*
 * The longest timeout. Below 2^31, so that a wheel that is late (an hour, in
 * a stopped virtual machine) still sees what is past and what is to come.
 */
#define CT_LONGEST	((u32)S32_MAX - 3600 * HZ)

/* @born is in units of this, and no more than so many of them ago. */
#define CT_BORN_UNIT	(HZ / 16 ?: 1)
#define CT_BORN_OLDEST	0x4000

/* wheel_slot of what is in no wheel. */
#define CT_WHEEL_NONE	0x7fff

/**
 * ct_entry_of() - the entry behind a pointer that the kernel holds
 * @nfct: what skb_nfct() gave, not NULL
 * Return: the entry
 */
static inline struct ct_entry *ct_entry_of(const struct nf_conntrack *nfct)
{
	return container_of((struct nf_conntrack *)nfct, struct ct_entry,
			    ct_general);
}

/**
 * ct_entry_conn() - the entry as the rest of the kernel sees it
 * @e: the entry
 * Return: the same memory, as struct nf_conn
 */
static inline struct nf_conn *ct_entry_conn(struct ct_entry *e)
{
	return (struct nf_conn *)&e->ct_general;
}

/**
 * ct_entry_get_skb() - the entry of a packet
 * @skb: the packet
 * @ctinfo: where to put its relation to the connection
 * Return: the entry (no reference taken: the packet holds one), or NULL
 */
static inline struct ct_entry *
ct_entry_get_skb(const struct sk_buff *skb, enum ip_conntrack_info *ctinfo)
{
	unsigned long nfct = skb_get_nfct(skb);

	*ctinfo = nfct & NFCT_INFOMASK;
	if (!(nfct & NFCT_PTRMASK))
		return NULL;
	return ct_entry_of((struct nf_conntrack *)(nfct & NFCT_PTRMASK));
}

/**
 * ct_entry_tracked() - the entry of a packet, if it is a connection's
 * @skb: the packet
 * @ctinfo: where to put its relation to the connection
 * Return: as ct_entry_get_skb(), but NULL for a template
 */
static inline struct ct_entry *
ct_entry_tracked(const struct sk_buff *skb, enum ip_conntrack_info *ctinfo)
{
	struct ct_entry *e = ct_entry_get_skb(skb, ctinfo);

	if (!e || unlikely(atomic_read(&e->hot) & IPS_TEMPLATE))
		return NULL;
	return e;
}

/**
 * ct_status_set() - set status bits, in @e->status and in its mirror
 * @e: the entry, referenced
 * @bit: number of the bit, IPS_*_BIT
 * Context: any. Return: true if the bit was set already
 */
static inline bool ct_status_set(struct ct_entry *e, int bit)
{
	if (test_and_set_bit(bit, &e->status))
		return true;
	if (BIT(bit) & CT_HOT_BITS)
		atomic_or(BIT(bit), &e->hot);
	return false;
}

/**
 * ct_entry_hot() - status bits from the first cache line
 * @e: the entry
 * Return: @e->status & CT_HOT_BITS, possibly an instant old
 */
static inline u32 ct_entry_hot(const struct ct_entry *e)
{
	return atomic_read(&e->hot);
}

/*
 * Above the IPS_* in @status, where nobody else looks: the index of the interface
 * whose address a connection has taken, see ct_entry_out(). Indexes are positive.
 */
#define CT_STATUS_OUT	(BITS_PER_LONG / 2)

/**
 * ct_entry_out() - the interface that a masqueraded connection goes out through
 * @e: the entry
 * Return: its index, 0 if it is not masqueraded
 */
static inline int ct_entry_out(const struct ct_entry *e)
{
	return READ_ONCE(e->status) >> CT_STATUS_OUT;
}

/**
 * ct_entry_out_set() - set that, once
 * @e: an entry that the caller has claimed, and that was not masqueraded before
 * @index: of the interface
 * Context: any. Others may set bits of the status at the same time
 */
static inline void ct_entry_out_set(struct ct_entry *e, int index)
{
	BUILD_BUG_ON(BITS_PER_LONG != 64);
	atomic_long_or((unsigned long)index << CT_STATUS_OUT,
		       (atomic_long_t *)&e->status);
	atomic_or(CT_HOT_OUT, &e->hot);
}

/**
 * ct_entry_mark() - the mark that rules and user space set
 * @e: the entry
 * Return: the mark, host byte order; 0 where the kernel has none
 */
static inline u32 ct_entry_mark(const struct ct_entry *e)
{
#ifdef CONFIG_NF_CONNTRACK_MARK
	return READ_ONCE(e->mark);
#else
	return 0;
#endif
}

/**
 * ct_entry_mark_set() - set the mark
 * @e: the entry
 * @mark: host byte order
 *
 * Reports nothing: that is the caller's, with %IPCT_MARK.
 * Context: any. Return: true if it was another one before
 */
static inline bool ct_entry_mark_set(struct ct_entry *e, u32 mark)
{
#ifdef CONFIG_NF_CONNTRACK_MARK
	if (READ_ONCE(e->mark) == mark)
		return false;
	WRITE_ONCE(e->mark, mark);
	return true;
#else
	return false;
#endif
}

/**
 * ct_entry_secmark() - the security mark
 * @e: the entry
 * Return: the mark, host byte order; 0 where the kernel has none
 */
static inline u32 ct_entry_secmark(const struct ct_entry *e)
{
#ifdef CONFIG_NF_CONNTRACK_SECMARK
	return READ_ONCE(e->secmark);
#else
	return 0;
#endif
}

/**
 * ct_entry_secmark_set() - set the security mark
 * @e: the entry
 * @mark: host byte order
 *
 * Reports nothing: that is the caller's, with %IPCT_SECMARK.
 * Context: any. Return: true if it was another one before
 */
static inline bool ct_entry_secmark_set(struct ct_entry *e, u32 mark)
{
#ifdef CONFIG_NF_CONNTRACK_SECMARK
	if (READ_ONCE(e->secmark) == mark)
		return false;
	WRITE_ONCE(e->secmark, mark);
	return true;
#else
	return false;
#endif
}

/**
 * ct_entry_zone_id() - the zone, whatever directions it is for
 * @e: the entry
 * Return: its number
 */
static inline u16 ct_entry_zone_id(const struct ct_entry *e)
{
#ifdef CONFIG_NF_CONNTRACK_ZONES
	return e->zone.id;
#else
	return 0;
#endif
}

/**
 * ct_entry_is_loop() - do both ends have the same address and port?
 * @e: the entry
 *
 * Then its two tuples are one, and which of them a packet is found by says
 * nothing: it is always the original one.
 * Return: true if so; translated, it is not
 */
static inline bool ct_entry_is_loop(const struct ct_entry *e)
{
	const struct nf_conntrack_tuple *a = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const struct nf_conntrack_tuple *b = &e->dir[IP_CT_DIR_REPLY].tuple;

	return a->src.u.all == b->src.u.all && a->dst.u.all == b->dst.u.all &&
	       nf_inet_addr_cmp(&a->src.u3, &b->src.u3) &&
	       nf_inet_addr_cmp(&a->dst.u3, &b->dst.u3);
}

/**
 * ct_entry_left() - time until an entry expires
 * @e: the entry
 * Return: jiffies, 0 if expired; the relative timeout if not confirmed
 */
static inline u32 ct_entry_left(const struct ct_entry *e)
{
	s32 left = READ_ONCE(e->expires);

	if (ct_entry_hot(e) & IPS_CONFIRMED)
		left -= (u32)jiffies;
	return left > 0 ? left : 0;
}

/**
 * ct_entry_dead() - whether an entry is to be treated as gone
 * @e: a confirmed entry
 * Return: true if it is dying or its time is up
 */
static inline bool ct_entry_dead(const struct ct_entry *e)
{
	return (ct_entry_hot(e) & IPS_DYING) || !ct_entry_left(e);
}

/**
 * ct_entry_get() - take another reference
 * @e: an entry that the caller holds a reference to
 */
static inline void ct_entry_get(struct ct_entry *e)
{
	refcount_inc(&e->ct_general.use);
}

/**
 * ct_entry_tryget() - take a reference to an entry that may be freed already
 * @e: an entry found under RCU
 *
 * After success the entry may still be another one than the reader looked
 * for: compare again.
 * Context: RCU read side. Return: false if it is freed
 */
static inline bool ct_entry_tryget(struct ct_entry *e)
{
	if (!refcount_inc_not_zero(&e->ct_general.use))
		return false;
	smp_acquire__after_ctrl_dep();
	return true;
}

/**
 * ct_entry_rare() - what few connections have
 * @e: the entry
 * Return: that, or NULL
 */
struct ct_rare *ct_entry_rare(const struct ct_entry *e);

/**
 * ct_entry_rare_add() - make room for it
 * @e: an entry, confirmed or not
 * @gfp: allocation flags
 *
 * Others may look at the same time, or make room, too.
 * Context: softirq or process. Return: as ct_entry_rare(), NULL without memory
 */
struct ct_rare *ct_entry_rare_add(struct ct_entry *e, gfp_t gfp);

/**
 * ct_entry_master() - the connection that expected another
 * @e: that other
 * Return: the connection, pinned by @e, or NULL
 */
static inline struct ct_entry *ct_entry_master(const struct ct_entry *e)
{
	return unlikely(READ_ONCE(e->ext)) ? ct_entry_rare(e)->master : NULL;
}

void ct_entry_free(struct ct_entry *e);

/**
 * ct_entry_put() - drop a reference, free the entry with the last one
 * @e: the entry or NULL
 * Context: any but hard interrupt
 */
static inline void ct_entry_put(struct ct_entry *e)
{
	if (e && refcount_dec_and_test(&e->ct_general.use))
		ct_entry_free(e);
}

/**
 * ct_entry_new() - allocate an unconfirmed entry
 * @cn: namespace; the entry takes a reference
 * @orig: tuple of the first packet
 * @repl: its inverse
 * @zone: zone, copied
 * @gfp: allocation flags
 *
 * Counts against the namespace's limit, evicting when at it (§9).
 * Context: softirq or process. Return: an entry with one reference, status 0,
 * ERR_PTR(-ENOMEM), or ERR_PTR(-ENOSPC) at the limit
 */
struct ct_entry *ct_entry_new(struct ct_net *cn,
			      const struct nf_conntrack_tuple *orig,
			      const struct nf_conntrack_tuple *repl,
			      const struct nf_conntrack_zone *zone, gfp_t gfp);

/**
 * ct_entry_try() - ct_entry_new() that evicts nobody
 * @cn: namespace; the entry takes a reference
 * @orig: tuple of the first packet
 * @repl: its inverse
 * @zone: zone, copied
 * @gfp: allocation flags
 *
 * Context: softirq or process. Return: as ct_entry_new(); ERR_PTR(-ENOSPC):
 * that may have an answer yet
 */
struct ct_entry *ct_entry_try(struct ct_net *cn,
			      const struct nf_conntrack_tuple *orig,
			      const struct nf_conntrack_tuple *repl,
			      const struct nf_conntrack_zone *zone, gfp_t gfp);

/**
 * ct_entry_probe() - an entry to ask a protocol about a packet with
 * @e: memory that is no entry's and becomes none
 * @cn: namespace; no reference is taken
 * @orig: tuple of the packet
 * @repl: its inverse
 * @zone: zone
 */
void ct_entry_probe(struct ct_entry *e, struct ct_net *cn,
		    const struct nf_conntrack_tuple *orig,
		    const struct nf_conntrack_tuple *repl,
		    const struct nf_conntrack_zone *zone);

/**
 * ct_template_new() - make a template: what a packet carries to tell in which
 *	zone it is to be tracked
 * @zone: that zone
 * @gfp: allocation flags
 *
 * To everybody else it is a confirmed connection without addresses: who
 * queues packets refuses one that is not confirmed and held by another.
 * It belongs to no namespace and counts against no limit, but ct unloads only
 * when it is freed.
 * Context: softirq or process.
 * Return: a template with one reference, NULL without memory
 */
struct ct_entry *ct_template_new(const struct nf_conntrack_zone *zone,
				 gfp_t gfp);

/**
 * ct_template_take() - give a template that is kept at hand to one packet
 * @t: a template that the caller holds the only reference to that lasts
 * @zone: for this packet
 *
 * Context: any.
 * Return: true, with a reference for the packet; false: another has it still
 */
bool ct_template_take(struct ct_entry *t, const struct nf_conntrack_zone *zone);

/**
 * ct_entry_find() - find a connection by tuple and zone
 * @cn: its namespace
 * @tuple: of either direction
 * @zone: compared with the entry's in the direction that is found
 * @dir: where to put that direction
 * Context: RCU read side. Return: the entry with a reference taken, or NULL
 */
struct ct_entry *ct_entry_find(struct ct_net *cn,
			       const struct nf_conntrack_tuple *tuple,
			       const struct nf_conntrack_zone *zone,
			       unsigned int *dir);

#ifdef CONFIG_DEBUG_LOCK_ALLOC
extern struct lockdep_map ct_claim_map;
#endif

/**
 * ct_entry_claim() - be the only one to change or confirm an unconfirmed entry
 * @e: the entry
 *
 * Clones of one packet (a bridge that floods, a tee) carry the same entry on
 * several CPUs. Who comes second spins, as under a lock.
 * Context: bottom halves off; no other lock held. Return: false if it is confirmed;
 * else ct_entry_unclaim() has to follow, or, when it is confirmed,
 * ct_entry_claim_end()
 */
static inline bool ct_entry_claim(struct ct_entry *e)
{
	u32 was;

	for (;;) {
		was = atomic_fetch_or(CT_HOT_CLAIMED, &e->hot);
		if (unlikely(was & IPS_CONFIRMED))
			return false;
		if (likely(!(was & CT_HOT_CLAIMED)))
			break;
		while (ct_entry_hot(e) & CT_HOT_CLAIMED) {
			if (ct_entry_hot(e) & IPS_CONFIRMED) {
				/* What it was confirmed with is read after. */
				smp_rmb();
				return false;
			}
			cpu_relax();
		}
	}
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	spin_acquire(&ct_claim_map, 0, 0, _RET_IP_);
#endif
	return true;
}

/**
 * ct_entry_claim_end() - what was claimed is confirmed
 * @e: the entry
 */
static inline void ct_entry_claim_end(struct ct_entry *e)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	spin_release(&ct_claim_map, _RET_IP_);
#endif
}

/**
 * ct_entry_unclaim() - undo ct_entry_claim()
 * @e: the entry; who claims it next sees what was changed
 */
static inline void ct_entry_unclaim(struct ct_entry *e)
{
	ct_entry_claim_end(e);
	atomic_fetch_andnot_release(CT_HOT_CLAIMED, &e->hot);
}

/**
 * ct_entry_set_reply() - set what the answers look like
 * @e: an entry that the caller has claimed, or that nobody else has
 * @tuple: the tuple
 * Context: any
 */
void ct_entry_set_reply(struct ct_entry *e,
			const struct nf_conntrack_tuple *tuple);

/**
 * ct_entry_taken() - do answers of that kind belong to another connection?
 * @e: for which that is to be known; it may have the tuple itself
 * @reply: the tuple of the answers, in @e's zone and namespace
 * @dir: where to put in which direction that has the tuple
 *
 * One with the same original tuple is no other: its first packets came side by
 * side, and what is confirmed second will join what was first.
 * Context: RCU read side. Return: that one, with a reference taken, or NULL
 */
struct ct_entry *ct_entry_taken(const struct ct_entry *e,
				const struct nf_conntrack_tuple *reply,
				unsigned int *dir);

/**
 * ct_entry_age() - for how long is a connection without an answer there?
 * @e: a confirmed entry without %IPS_SEEN_REPLY
 * Context: any. Return: jiffies; no more than %CT_BORN_OLDEST units, and a unit
 * too few or too many
 */
u32 ct_entry_age(const struct ct_entry *e);

/**
 * ct_entry_silent() - since when was there no packet of a connection?
 * @e: an answered entry, referenced by the caller
 * Context: any. Return: jiffies, as far as its timeout tells; 0 of one that is
 * assured and not about to end
 */
u32 ct_entry_silent(const struct ct_entry *e);

/**
 * ct_entry_insert() - confirm an entry that no packet carries (netlink, tests)
 * @e: unconfirmed entry; its @expires is the relative timeout in jiffies
 *
 * Takes a reference of its own for the table.
 * Context: softirq or process, no lock held. Return: 0, -EEXIST, -ENOMEM
 */
int ct_entry_insert(struct ct_entry *e);

/**
 * ct_entry_kill() - take a confirmed entry out of table, wheel and lists
 * @e: the entry, referenced by the caller
 * @portid: netlink port that asked for it, 0 if none
 * @report: whether that request wants its event echoed
 *
 * Reports DESTROY. Exactly one caller wins.
 * Context: softirq or process, no lock held. Return: true for the winner
 */
bool ct_entry_kill(struct ct_entry *e, u32 portid, int report);

/**
 * ct_entry_id() - a handle for user space that tells nothing of addresses
 * @e: the entry
 * Return: keyed hash of what is constant in the entry, network byte order
 */
__be32 ct_entry_id(const struct ct_entry *e);

int ct_entry_init(void);
void ct_entry_exit(void);

#endif /* _NET_CT_ENTRY_H */

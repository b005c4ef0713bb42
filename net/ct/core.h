/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_CORE_H
#define _CT_CORE_H

/* What the files of the core know of each other and nobody else does. */

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/netfilter.h>
#include <linux/siphash.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>
#include <net/ct/packet.h>
#include <net/ct/tuple.h>

/*
 * Entries that exist, unconfirmed ones and templates included. When nobody makes
 * any more it is never too low: at 0 there are none.
 */
int ct_entries(void);

extern struct kmem_cache *ct_entry_cache;

/*
 * The namespaces: ct_net_register() gives each its state, and tracks those that
 * hooks= names. ct_net_unregister() kills all entries, and ct_net_exit() waits
 * until the last state is freed.
 */
int ct_net_init(void);
int ct_net_register(void);
void ct_net_unregister(void);
void ct_net_exit(void);

/* All that have a state. */
extern struct mutex ct_nets_mutex;
extern struct list_head ct_nets;

/*
 * ct_hooks_get() for the sake of hooks=: nobody asks, so nobody is to pay for
 * it. ct_hooks_put() undoes it. Process.
 */
int ct_hooks_hold(struct ct_net *cn, u8 family);

/*
 * Which of them are tracked though no rule asks. Process. ct_tracked_join() is
 * called under ct_nets_mutex; 0, or what ct_hooks_hold() returns.
 * ct_tracked_leave() when the namespace is in the list no more.
 */
int ct_tracked_join(struct ct_net *cn);
void ct_tracked_leave(struct ct_net *cn);

/* Set what a namespace may hold; of the first one also what any may. Process. */
void ct_net_limit(struct ct_net *cn, unsigned int wanted);

/*
 * Files in /proc/net, as soon as ct_net() gives that of the namespace, and as long.
 * Process. 0 or -ENOMEM
 */
int ct_proc_net_init(struct ct_net *cn);
void ct_proc_net_exit(struct ct_net *cn);

/*
 * What of nf_conntrack's module parameters programs look for. Process; while the
 * first namespace has its state.
 */
void ct_hashsize_init(void);
void ct_hashsize_exit(void);

/* Of any tuple, whatever its family. */
u32 ct_tuple_hash_whole(const struct ct_net *cn,
			const struct nf_conntrack_tuple *tuple, u16 zone);

/*
 * The hash of a tuple whose ends are in order, and this for the other way
 * round: so one computation gives the hashes of both directions of what has no
 * address translation, and the two are as good as unrelated to the table, whose
 * tags and indexes come from opposite ends.
 */
static inline u32 ct_hash_turn(u32 hash, bool turned)
{
	return rol32(hash, turned ? 16 : 0);
}

/* The hash of the inverse of a tuple that ct_invert_ports() inverts. */
static inline u32 ct_hash_inverse(u32 hash,
				  const struct nf_conntrack_tuple *tuple)
{
	/* Who talks to himself from port to same port: it is the same tuple. */
	bool same = nf_inet_addr_cmp(&tuple->src.u3, &tuple->dst.u3) &&
		    tuple->src.u.all == tuple->dst.u.all;

	return ct_hash_turn(hash, !same);
}

/*
 * ct_tuple_hash(), for the packet path. On 64 bits hsiphash is SipHash-1-3 with
 * a 64-bit state. It never leaves the kernel, which is what it is for
 * (Documentation/security/siphash.rst), and takes half the time of SipHash-2-4
 * over so few words.
 */
static inline u32 ct_tuple_hash_fast(const struct ct_net *cn,
				     const struct nf_conntrack_tuple *tuple,
				     u16 zone)
{
	const hsiphash_key_t *key = (const hsiphash_key_t *)&cn->key;
	u64 a, b;
	u32 hash;

	BUILD_BUG_ON(sizeof(*key) > sizeof(cn->key));
	if (unlikely(tuple->src.l3num != NFPROTO_IPV4))
		return ct_tuple_hash_whole(cn, tuple, zone);
	/* No branches: which way it goes is not to be predicted. */
	a = (u64)(__force u32)tuple->src.u3.ip << 16 |
	    (__force u16)tuple->src.u.all;
	b = (u64)(__force u32)tuple->dst.u3.ip << 16 |
	    (__force u16)tuple->dst.u.all;
	hash = hsiphash_4u32(min(a, b) >> 16, max(a, b) >> 16,
			     (u32)(u16)min(a, b) << 16 | (u16)max(a, b),
			     (u32)zone << 16 | tuple->dst.protonum, key);
	return ct_hash_turn(hash, a > b);
}

static inline u16 ct_zone_id(const struct nf_conntrack_zone *zone,
			     enum ip_conntrack_dir dir)
{
	return zone->dir & BIT(dir) ? zone->id : 0;
}

/*
 * Put an unconfirmed entry whose hash[] is set into the table, with a
 * reference for it, and into the wheel. Bottom halves off, RCU read side.
 * 0; -EEXIST with *clash referenced (not if NULL); -ENOMEM; -ENOENT: the
 * namespace exits.
 */
int ct_entry_publish(struct ct_entry *e, struct ct_entry **clash);

/*
 * Count an invalid packet, trace it, and log it if that is wanted for its
 * protocol. @tuple is what was read of it so far. @e: NULL, or the entry that it
 * seemed to be of, in direction @dir. At a hook.
 */
void ct_invalid(const struct ct_packet *p, enum ct_invalid reason,
		const struct nf_conntrack_tuple *tuple,
		struct ct_entry *e, unsigned int dir);

/* What ct_invalid() does for the tracepoint, if that is enabled. */
void ct_trace_invalid(const struct ct_packet *p, enum ct_invalid reason,
		      const struct nf_conntrack_tuple *tuple,
		      struct ct_entry *e, unsigned int dir);

#endif /* _CT_CORE_H */

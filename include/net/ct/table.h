/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_TABLE_H
#define _NET_CT_TABLE_H

#include <linux/mutex.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct ct_entry;
struct ct_net;
struct ct_buckets;
struct ct_payer;
struct nf_conntrack_tuple;

/**
 * struct ct_table - the connections of one namespace, by tuple
 * @cur: the oldest array of buckets that may still be authoritative
 * @min_order: log2 of the fewest buckets it shrinks to; under @mutex
 * @roomy_order: log2 of the buckets up to which it has more than it needs
 * @resize: the worker that grows, shrinks and migrates
 * @mutex: one resize at a time
 * @floor_order: log2 of the buckets it began with; @min_order is not below
 * @nodes: tuples in the table (two for an entry)
 * @overflow: overflow buckets in use
 * @resizes: resizes completed
 * @payer: who pays for its memory; set before ct_table_init(), or NULL
 */
struct ct_table {
	struct ct_buckets __rcu *cur;
	unsigned int min_order;
	unsigned int roomy_order;
	/* A cache line between what lookups read and what insertions write. */
	struct work_struct resize;
	struct mutex mutex;	/* see above */
	unsigned int floor_order;
	atomic_t nodes;
	atomic_t overflow;
	atomic64_t resizes;
	const struct ct_payer *payer;
};

/**
 * struct ct_cursor - how far a walk has come
 * @hash: bit-reversed hash of the original tuple: all below it were emitted
 * @tie: address of the last entry emitted with just this hash, 0 for none
 * @done: every entry was emitted
 *
 * Knows nothing of table sizes; may be kept between system calls. Entries
 * with equal hashes are ordered by address. All zero starts a walk.
 */
struct ct_cursor {
	u32 hash;
	unsigned long tie;
	bool done;
};

/**
 * ct_table_init() - make an empty table
 * @t: the table
 * @order: log2 of the buckets to start with and never to shrink below
 * @roomy: log2 of the buckets up to which memory does not matter and resizes
 *	do: connections may come faster than the worker gets its turn
 * Context: process. Return: 0 or -ENOMEM
 */
int ct_table_init(struct ct_table *t, unsigned int order,
		  unsigned int roomy);

/**
 * ct_table_destroy() - stop resizing and free the buckets
 * @t: a table without entries that nobody can look into any more
 * Context: process, may sleep
 */
void ct_table_destroy(struct ct_table *t);

/**
 * ct_table_lookup() - find a connection by the tuple of one direction
 * @t: the table
 * @cn: the namespace that the entry must belong to
 * @tuple: what to look for
 * @zone: zone id in that direction
 * @hash: ct_tuple_hash() of these
 * @dir: where to put the direction found, enum ip_conntrack_dir
 *
 * Dying and unconfirmed entries are not found; expired ones are not either.
 * Context: RCU read side. Return: the entry with a reference taken, or NULL
 */
struct ct_entry *ct_table_lookup(struct ct_table *t, const struct ct_net *cn,
				 const struct nf_conntrack_tuple *tuple,
				 u16 zone, u32 hash, unsigned int *dir);

/**
 * ct_table_insert() - insert both tuples of an entry, or neither
 * @t: the table
 * @e: the entry; hash[], zone_id[] and tuples set. The table takes no
 *	reference: the caller's passes to it on success. IPS_CONFIRMED is set
 *	in it before it can be found.
 * @met: by direction, where to put, with a reference taken, who has that tuple
 *	already: on -EEXIST a live entry, one of the two pointers; on success
 *	those that are dying, or whose time is up, but not removed yet. NULL
 *	where there is nobody
 * Context: bottom halves off, RCU read side, no other bucket locked.
 * Return: 0, -EEXIST, -ENOMEM (no room for an overflow bucket; nobody in @met)
 */
int ct_table_insert(struct ct_table *t, struct ct_entry *e,
		    struct ct_entry *met[IP_CT_DIR_MAX]);

/**
 * ct_table_remove() - remove both tuples of an entry
 * @t: the table
 * @e: an entry in it; the caller won ct_status_set(e, IPS_DYING_BIT), and
 *	inherits the table's reference
 * Context: softirq or process, RCU read side, no bucket locked
 */
void ct_table_remove(struct ct_table *t, struct ct_entry *e);

/**
 * ct_table_walk() - visit entries, each that lives throughout exactly once
 * @t: the table
 * @c: where to begin; advanced past each entry for which @fn returned 0
 * @fn: called without locks, with a reference that the walk drops; returns
 *	non-zero to stop before this entry, which then comes first next time
 * @data: for @fn
 *
 * Context: process, not in an RCU read-side section (it may reschedule).
 * Return: what @fn returned, 0 at the end of the table
 */
int ct_table_walk(struct ct_table *t, struct ct_cursor *c,
		  int (*fn)(struct ct_entry *e, void *data), void *data);

/**
 * ct_table_peek() - what is in one bucket?
 * @t: the table
 * @at: which: any number; who counts it up comes through the whole table
 * @e: where to put the entries whose original tuple is there
 * @room: size of @e
 *
 * Nothing is locked and no reference taken: each may be freed and become another
 * connection, even of another namespace, at any moment; its memory stays memory
 * of entries for as long as the reader reads.
 * Context: RCU read side. Return: how many there are, at most @room
 */
unsigned int ct_table_peek(struct ct_table *t, u32 at, struct ct_entry **e,
			   unsigned int room);

/**
 * ct_table_buckets() - size of the newest array
 * @t: the table
 * Context: any. Return: number of buckets
 */
unsigned int ct_table_buckets(struct ct_table *t);

/**
 * ct_table_at_least() - have a table never shrink below a size
 * @t: the table
 * @buckets: at least so many, rounded up to a power of two; what it began with
 *	is the least
 * Context: process, may sleep; waits until it is resized.
 * Return: 0, -EINVAL for no buckets at all, -ENOMEM
 */
int ct_table_at_least(struct ct_table *t, unsigned int buckets);

#endif /* _NET_CT_TABLE_H */

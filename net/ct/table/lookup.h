/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_TABLE_LOOKUP_H
#define _CT_TABLE_LOOKUP_H

/* ct_table_lookup(), to be inlined into the packet path. */

#include <linux/jiffies.h>
#include <net/ct/tuple.h>
#include "buckets.h"

static inline bool ct_has_key(const struct ct_entry *e, unsigned int dir,
			      const struct ct_net *cn,
			      const struct nf_conntrack_tuple *tuple, u16 zone)
{
	return likely(ct_tuple_equal(&e->dir[dir].tuple, tuple)) &&
	       likely(READ_ONCE(e->zone_id[dir]) == zone) &&
	       likely(READ_ONCE(e->cn) == cn);
}

static inline bool ct_is_live(const struct ct_entry *e, u32 hot)
{
	return likely((hot & (IPS_CONFIRMED | IPS_DYING)) == IPS_CONFIRMED) &&
	       likely((s32)(READ_ONCE(e->expires) - (u32)jiffies) > 0);
}

/*
 * Is this the connection, in this direction, alive? A reference is held.
 *
 * Race: the slot was loaded, the entry was freed, and its memory became
 * another connection: of another tuple, zone or namespace, or not in a table
 * yet. Our reference pins what is there now, so compare everything again. An
 * entry's key is constant from before CONFIRMED is set (a full barrier there)
 * until it is freed: reading CONFIRMED first makes the comparison valid.
 */
static inline bool ct_entry_is(const struct ct_entry *e, unsigned int dir,
			       const struct ct_net *cn,
			       const struct nf_conntrack_tuple *tuple, u16 zone)
{
	u32 hot = ct_entry_hot(e);

	/* Pairs with smp_mb__before_atomic() in set_confirmed(). */
	smp_rmb();
	return likely(ct_has_key(e, dir, cn, tuple, zone)) &&
	       likely(ct_is_live(e, hot));
}

/*
 * Races of a reader with
 *  - insertion: the pointer is stored before the tag (release, acquire here),
 *    so a tag leads to its pointer. A reader too early for the tag ran beside
 *    the insertion and may miss it;
 *  - deletion, and reuse of the slot: the slot holds NULL, another entry, or
 *    the one looked for. Pointer and direction are one word, and ct_entry_is()
 *    judges what it leads to;
 *  - a seventh entry moving to an overflow bucket: see ct_bucket_next();
 *  - an overflow bucket that became empty and was unlinked: it is freed after
 *    a grace period, and keeps its own way onwards until then. Other entries
 *    never move while their bucket is authoritative;
 *  - migration: what is migrated is complete in the next array before the bit
 *    is set (release, acquire here). The bit comes with the tags, and is
 *    tested before any slot is used: old slots are never cleared, so long
 *    after the migration they point to memory that the slab gave back. When
 *    the bit was clear, entries in the slots were in the table at that moment,
 *    inside this read-side section: their memory stays memory of entries until
 *    its end. And whatever lives throughout was there at that moment and stays
 *    there, so that a miss needs no second look at the bit.
 */
static __always_inline struct ct_entry *
ct_table_find(struct ct_table *t, const struct ct_net *cn,
	      const struct nf_conntrack_tuple *tuple, u16 zone, u32 hash,
	      unsigned int *dir)
{
	const struct ct_buckets *bk = rcu_dereference(t->cur);
	const struct ct_bucket *b = ct_bucket_of(bk, hash);
	const unsigned long tag = ct_tag(hash);
	unsigned long head, match, slot;
	struct ct_entry *e;
	unsigned int d;

	head = atomic_long_read_acquire(&b->head);
	while (unlikely(head & CT_BUCKET_MIGRATED)) {
		bk = rcu_dereference(bk->next);
		b = ct_bucket_of(bk, hash);
		head = atomic_long_read_acquire(&b->head);
	}

	for (;;) {
		for (match = ct_match(head, tag); match; match &= match - 1) {
			slot = READ_ONCE(b->word[ct_match_first(match)]);
			if (unlikely(!slot || (slot & CT_SLOT_OVERFLOW)))
				continue;
			e = ct_slot_entry(slot);
			d = ct_slot_dir(slot);
			/* The count is in the other line, and serialises. */
			prefetch(&e->dir[d]);
			if (unlikely(READ_ONCE(e->hash[d]) != hash))
				continue;
			if (unlikely(!ct_entry_tryget(e)))
				continue;
			if (likely(ct_entry_is(e, d, cn, tuple, zone))) {
				*dir = d;
				return e;
			}
			ct_entry_put(e);
		}
		b = ct_bucket_next(b);
		if (likely(!b))
			return NULL;
		head = atomic_long_read_acquire(&b->head);
	}
}

#endif /* _CT_TABLE_LOOKUP_H */

// SPDX-License-Identifier: GPL-2.0
/* Looking at what is in a bucket, without a lock or a reference. */
#include "buckets.h"

/*
 * As in ct_table_find(): the migrated bit is tested before any slot is used,
 * and whatever the slots point to by then is memory of entries until the end of
 * the read-side section.
 */
unsigned int ct_table_peek(struct ct_table *t, u32 at, struct ct_entry **e,
			   unsigned int room)
{
	const struct ct_buckets *bk = rcu_dereference(t->cur);
	const struct ct_bucket *b = ct_bucket_of(bk, at);
	unsigned long head, used, slot;
	unsigned int n = 0;

	head = atomic_long_read_acquire(&b->head);
	while (unlikely(head & CT_BUCKET_MIGRATED)) {
		bk = rcu_dereference(bk->next);
		b = ct_bucket_of(bk, at);
		head = atomic_long_read_acquire(&b->head);
	}
	for (;;) {
		used = ~ct_match(head, 0) & CT_TAGS_80;
		for (; used; used &= used - 1) {
			slot = READ_ONCE(b->word[ct_match_first(used)]);
			if (!slot || slot & (CT_SLOT_OVERFLOW | CT_SLOT_REPLY))
				continue;
			if (n == room)
				return n;
			e[n] = ct_slot_entry(slot);
			prefetch(e[n]);
			prefetch(&e[n]->dir[IP_CT_DIR_ORIGINAL]);
			n++;
		}
		b = ct_bucket_next(b);
		if (likely(!b))
			return n;
		head = atomic_long_read_acquire(&b->head);
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Visiting all connections of a table, each exactly once, beside insertions,
 * removals and resizes, and over several calls.
 *
 * The order is that of the bit-reversed hash of the original tuple. Since the
 * index of a bucket is made of the lowest bits of the hash, a bucket of an
 * array of any size is an interval in this order, and a cursor in it means the
 * same in all of them.
 */
#include <linux/bitrev.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include "buckets.h"

/* Taken from a bucket in one go: what one holds, nearly always. */
#define BATCH	16

/**
 * struct batch - entries taken from a bucket, in the order of the walk
 * @e: the entries, each with a reference
 * @n: their number
 * @last: the last reversed hash of the interval they were taken from
 * @more: there was no room for all
 */
struct batch {
	struct ct_entry *e[BATCH];
	unsigned int n;
	u32 last;
	bool more;
};

static u32 position(const struct ct_entry *e)
{
	return bitrev32(e->hash[IP_CT_DIR_ORIGINAL]);
}

static bool comes_before(const struct ct_entry *a, const struct ct_entry *b)
{
	u32 x = position(a), y = position(b);

	return x != y ? x < y : (unsigned long)a < (unsigned long)b;
}

/* Is the entry still to be emitted, and from this bucket? */
static bool is_due(const struct ct_cursor *c, const struct batch *batch,
		   const struct ct_entry *e)
{
	u32 at = position(e);

	if (at < c->hash || at > batch->last)
		return false;
	if (at == c->hash && (unsigned long)e <= c->tie)
		return false;
	return !(ct_entry_hot(e) & IPS_DYING);
}

/* Sort in; what falls off the end is for the next batch. */
static void batch_add(struct batch *batch, struct ct_entry *e)
{
	unsigned int i = batch->n;

	if (i == BATCH) {
		batch->more = true;
		if (!comes_before(e, batch->e[--i]))
			return;
	} else {
		batch->n++;
	}
	for (; i && comes_before(e, batch->e[i - 1]); i--)
		batch->e[i] = batch->e[i - 1];
	batch->e[i] = e;
}

/*
 * Lock the authoritative bucket at the cursor; how far does it reach?
 *
 * Race: a resize is running. While a table shrinks, a new bucket is in use
 * when the first of the old ones that it takes in was migrated; the others
 * still hold what lies further on. So take from it no more than the interval
 * of the smallest bucket on the way to it: all of that is here. The rest of
 * what is here comes when the cursor is there.
 */
static struct ct_bucket *lock_at(struct ct_table *t, u32 position,
				 struct batch *batch)
{
	const u32 hash = bitrev32(position);
	struct ct_buckets *bk = rcu_dereference(t->cur);
	unsigned int order = bk->order;
	struct ct_bucket *b;

	for (;;) {
		b = ct_bucket_of(bk, hash);
		if (!(ct_bucket_lock(b, 0) & CT_BUCKET_MIGRATED))
			break;
		ct_bucket_unlock(b);
		bk = rcu_dereference(bk->next);
		order = max(order, bk->order);
	}
	batch->last = position | (U32_MAX >> order);
	return b;
}

/*
 * Race: the entry dies. Its table's reference cannot go while the bucket is
 * locked, so ours is taken there; what happens later is the visitor's affair.
 */
static void batch_fill(struct ct_table *t, const struct ct_cursor *c,
		       struct batch *batch)
{
	struct ct_bucket *b;
	unsigned long slot;
	struct ct_iter it;
	unsigned int i;

	batch->n = 0;
	batch->more = false;
	rcu_read_lock();
	local_bh_disable();
	b = lock_at(t, c->hash, batch);
	it = ct_iter_start(b);
	while ((slot = ct_iter_next(&it))) {
		if (ct_slot_dir(slot) == IP_CT_DIR_ORIGINAL &&
		    is_due(c, batch, ct_slot_entry(slot)))
			batch_add(batch, ct_slot_entry(slot));
	}
	for (i = 0; i < batch->n; i++)
		ct_entry_get(batch->e[i]);
	ct_bucket_unlock(b);
	local_bh_enable();
	rcu_read_unlock();
}

/* An entry that lives throughout is passed by the cursor exactly once. */
static int batch_emit(struct ct_cursor *c, struct batch *batch,
		      int (*fn)(struct ct_entry *e, void *data), void *data)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < batch->n; i++) {
		if (!err && position(batch->e[i]) != c->hash) {
			c->hash = position(batch->e[i]);
			c->tie = 0;
		}
		if (!err)
			err = fn(batch->e[i], data);
		if (!err)
			c->tie = (unsigned long)batch->e[i];
		ct_entry_put(batch->e[i]);
	}
	return err;
}

int ct_table_walk(struct ct_table *t, struct ct_cursor *c,
		  int (*fn)(struct ct_entry *e, void *data), void *data)
{
	struct batch batch;
	int err;

	while (!c->done) {
		batch_fill(t, c, &batch);
		err = batch_emit(c, &batch, fn, data);
		if (err)
			return err;
		if (!batch.more) {
			c->done = batch.last == U32_MAX;
			c->hash = batch.last + 1;
			c->tie = 0;
		}
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(ct_table_walk);

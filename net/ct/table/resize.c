// SPDX-License-Identifier: GPL-2.0
/*
 * Growing and shrinking of the table, bucket by bucket, beside readers and
 * writers. A worker allocates and goes through all buckets; an insertion
 * migrates what its own two need.
 */
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/ct/payer.h>
#include "buckets.h"

/* Tuples per bucket in which the table feels well: grow above, shrink below. */
#define MEAN_MAX	4
#define MEAN_MIN	1

/* A roomy table grows by this much more, and shrinks the later. */
#define ROOM		3

/*
 * Charged, but never refused, and nobody is killed for it: entries are refused,
 * and a table that could not grow with them would be slow for all.
 */
#define PAID	(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY | __GFP_HIGH)

/* A power of two of them: kmalloc and vmalloc align it to 64. */
static struct ct_bucket *array_alloc(const struct ct_payer *p, size_t n)
{
	struct mem_cgroup *outer;
	struct ct_bucket *b;

	if (!p || !p->account)
		return kvcalloc(n, sizeof(*b), GFP_KERNEL | __GFP_NOWARN);
	outer = ct_payer_enter(p);
	b = kvcalloc(n, sizeof(*b), PAID | p->account);
	ct_payer_leave(outer);
	return b;
}

/* @t->mutex, or nobody else has seen @bk. */
static void set_shrink(const struct ct_table *t, struct ct_buckets *bk)
{
	int at;

	if (bk->order <= t->min_order)
		at = INT_MIN;
	else if (bk->order <= t->roomy_order)
		at = (bk->mask + 1) >> (ROOM + 1);
	else
		at = (bk->mask + 1) * MEAN_MIN;
	WRITE_ONCE(bk->shrink_at, at);
}

struct ct_buckets *ct_buckets_alloc(struct ct_table *t, unsigned int order)
{
	size_t n = 1UL << order;
	struct ct_buckets *bk;

	bk = ct_payer_zalloc(t->payer, sizeof(*bk), PAID);
	if (!bk)
		return NULL;
	bk->b = array_alloc(t->payer, n);
	if (!bk->b) {
		kfree(bk);
		return NULL;
	}
	bk->mask = n - 1;
	bk->order = order;
	bk->grow_at = order < CT_ORDER_MAX ? n * MEAN_MAX : INT_MAX;
	set_shrink(t, bk);
	bk->retry = jiffies;
	return bk;
}

/* Free the overflow buckets behind @b, which nobody can be in any more. */
void ct_overflow_free_chain(struct ct_table *t, struct ct_bucket *b)
{
	struct ct_bucket *next;

	for (b = ct_bucket_next(b); b; b = next) {
		next = ct_bucket_next(b);
		atomic_dec(&t->overflow);
		kfree(container_of(b, struct ct_overflow, b));
	}
}

void ct_buckets_free(struct ct_table *t, struct ct_buckets *bk)
{
	u32 i;

	for (i = 0; i <= bk->mask; i++) {
		ct_overflow_free_chain(t, &bk->b[i]);
		if (!(i & 1023))
			cond_resched();
	}
	kvfree(bk->b);
	kfree(bk);
}

static u32 slot_hash(unsigned long slot)
{
	return ct_slot_entry(slot)->hash[ct_slot_dir(slot)];
}

/* Undo split(): nobody has looked into the new buckets. */
static void unsplit(struct ct_table *t, const struct ct_bucket *b,
		    const struct ct_buckets *new)
{
	struct ct_iter it = ct_iter_start(b);
	struct ct_bucket *to;
	unsigned long slot;

	while ((slot = ct_iter_next(&it))) {
		to = ct_bucket_of(new, slot_hash(slot));
		ct_overflow_free_chain(t, to);
		memset(to, 0, sizeof(*to));
	}
}

/*
 * Copy a bucket into the several new ones that it becomes. These have no other
 * source, and nobody looks into them before this bucket is marked: they need
 * no lock.
 */
static bool split(struct ct_table *t, const struct ct_bucket *b,
		  const struct ct_buckets *new)
{
	struct ct_iter it = ct_iter_start(b);
	struct ct_bucket *to;
	unsigned long slot;
	unsigned int i;
	u32 hash;

	while ((slot = ct_iter_next(&it))) {
		hash = slot_hash(slot);
		to = ct_bucket_of(new, hash);
		i = ct_bucket_free(to);
		if (likely(i)) {
			ct_slot_publish(to, i, slot, ct_tag(hash));
			continue;
		}
		if (unlikely(!ct_bucket_reserve(t, to, 1))) {
			unsplit(t, b, new);
			return false;
		}
		ct_bucket_place(to, slot, ct_tag(hash));
	}
	return true;
}

/*
 * Copy a bucket into the one that it shares with others. Those may have been
 * migrated already, so that it is in use: lock it, room for all first.
 */
static bool merge(struct ct_table *t, const struct ct_bucket *b,
		  struct ct_bucket *to)
{
	struct ct_iter it = ct_iter_start(b);
	unsigned long slot;
	unsigned int n = 0;
	bool ok;

	while (ct_iter_next(&it))
		n++;
	if (!n)
		return true;

	ct_bucket_lock(to, SINGLE_DEPTH_NESTING);
	ok = ct_bucket_reserve(t, to, n);
	if (likely(ok)) {
		it = ct_iter_start(b);
		while ((slot = ct_iter_next(&it)))
			ct_bucket_place(to, slot, ct_tag(slot_hash(slot)));
	}
	ct_bucket_unlock(to);
	return ok;
}

/**
 * ct_bucket_migrate() - move a bucket to the next array
 * @t: the table
 * @old: an array that has a next one
 * @index: which bucket
 *
 * Dying entries move too: their removal looks for them under the lock.
 *
 * Race: a reader or writer comes while the copy is made, or has the old bucket
 * already. The bucket's lock keeps writers out; they find the bit under it and
 * go on to the next array. Readers find everything in the old slots until the
 * bit is set, and also afterwards, as these are never cleared; who sees the bit
 * (acquire) sees the whole copy (release here).
 *
 * Race: the new bucket is being migrated further. It cannot be: the array that
 * is next has no next until all of @old is migrated.
 *
 * Context: softirq or process with bottom halves off, RCU read side, no bucket
 * locked. Return: true if it is migrated now, by whom ever; false if there was
 * no memory for an overflow bucket: it stays as it is
 */
bool ct_bucket_migrate(struct ct_table *t, struct ct_buckets *old, u32 index)
{
	struct ct_buckets *new = rcu_dereference(old->next);
	struct ct_bucket *b = &old->b[index];
	unsigned int i;
	bool ok;

	if (atomic_long_read_acquire(&b->head) & CT_BUCKET_MIGRATED)
		return true;
	/* The hashes are in the entries: fetch them all at once. */
	for (i = 1; i <= CT_SLOTS; i++)
		prefetch(ct_slot_entry(READ_ONCE(b->word[i])));

	if (unlikely(ct_bucket_lock(b, 0) & CT_BUCKET_MIGRATED)) {
		ct_bucket_unlock(b);
		return true;
	}
	if (new->order > old->order)
		ok = split(t, b, new);
	else
		ok = merge(t, b, &new->b[index & new->mask]);
	ct_bucket_unlock_set(b, ok ? CT_BUCKET_MIGRATED : 0);
	return ok;
}

/* The order that a table of this many tuples wants. */
static unsigned int best_order(const struct ct_table *t,
			       const struct ct_buckets *bk)
{
	long nodes = max(atomic_read(&t->nodes), 0);
	unsigned int order = t->min_order;

	if (bk->order >= t->min_order && nodes <= bk->grow_at &&
	    nodes >= bk->shrink_at)
		return bk->order;
	/* Somewhere in the middle, so that it is not the other way soon. */
	while (order < CT_ORDER_MAX && nodes * 4 > (9L << order))
		order++;
	if (order > t->min_order && order < t->roomy_order)
		order = min(order + ROOM, t->roomy_order);
	return order;
}

static void migrate_all(struct ct_table *t, struct ct_buckets *old)
{
	bool done;
	u32 i;

	for (i = 0; i <= old->mask; i++) {
		for (;;) {
			rcu_read_lock();
			local_bh_disable();
			done = ct_bucket_migrate(t, old, i);
			local_bh_enable();
			rcu_read_unlock();
			if (likely(done))
				break;
			/* No memory: the table works as it is meanwhile. */
			schedule_timeout_uninterruptible(HZ / 10);
		}
		cond_resched();
	}
}

/* Resize once if that is called for; true if it was done. */
static bool resize_once(struct ct_table *t)
{
	struct ct_buckets *old, *new;
	unsigned int order;

	old = rcu_dereference_protected(t->cur, lockdep_is_held(&t->mutex));
	order = best_order(t, old);
	if (order == old->order)
		return false;
	new = ct_buckets_alloc(t, order);
	if (!new) {
		/* Overflow buckets do until then. */
		WRITE_ONCE(old->retry, jiffies + HZ);
		return false;
	}
	new->age = old->age + 1;
	rcu_assign_pointer(old->next, new);
	migrate_all(t, old);
	rcu_assign_pointer(t->cur, new);
	atomic64_inc(&t->resizes);
	return true;
}

/*
 * Under a flood there is no waiting between one resize and the next: arrays
 * that were left are collected, in the chain that they are, and freed together.
 *
 * Race: readers and writers that hold an old array. All its buckets send them
 * on, to arrays that are freed with or after it; it stays until they are done.
 *
 * Race: an insertion or removal saw a resize running and asked for none. It is
 * done after the grace period, and counted when the loop looks again.
 */
void ct_table_resize(struct work_struct *work)
{
	struct ct_table *t = container_of(work, struct ct_table, resize);
	struct ct_buckets *old, *cur, *next;

	mutex_lock(&t->mutex);
	for (;;) {
		old = rcu_dereference_protected(t->cur,
						lockdep_is_held(&t->mutex));
		while (resize_once(t))
			;
		cur = rcu_dereference_protected(t->cur,
						lockdep_is_held(&t->mutex));
		if (old == cur)
			break;
		synchronize_rcu();
		for (; old != cur; old = next) {
			next = rcu_dereference_protected(old->next, true);
			ct_buckets_free(t, old);
		}
	}
	mutex_unlock(&t->mutex);
}

/* The worker comes back to the next array when it has made one of another size. */
static void set_min(struct ct_table *t, unsigned int order)
{
	struct ct_buckets *bk;

	mutex_lock(&t->mutex);
	t->min_order = order;
	bk = rcu_dereference_protected(t->cur, lockdep_is_held(&t->mutex));
	set_shrink(t, bk);
	mutex_unlock(&t->mutex);
	queue_work(system_unbound_wq, &t->resize);
	flush_work(&t->resize);
}

int ct_table_at_least(struct ct_table *t, unsigned int buckets)
{
	/* One after the other: each finds the size that it has set. */
	static DEFINE_MUTEX(one);
	unsigned int old;
	int err = 0;

	if (!buckets)
		return -EINVAL;
	if (buckets > 1U << CT_ORDER_MAX)
		return -ENOMEM;
	mutex_lock(&one);
	old = t->min_order;
	set_min(t, max_t(unsigned int, order_base_2(buckets), t->floor_order));
	if (ct_table_buckets(t) < buckets) {
		set_min(t, old);
		err = -ENOMEM;
	}
	mutex_unlock(&one);
	return err;
}

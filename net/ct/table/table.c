// SPDX-License-Identifier: GPL-2.0
/*
 * The connections of a namespace by tuple: a hash table of cache-line buckets
 * with tags, read without locks (ARCHITECTURE §4; the bucket is described in
 * buckets.h).
 */
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <net/ct/payer.h>
#include "buckets.h"
#include "lookup.h"

#ifdef CONFIG_DEBUG_LOCK_ALLOC
static struct lock_class_key bucket_key;
struct lockdep_map ct_bucket_map =
	STATIC_LOCKDEP_MAP_INIT("ct_bucket", &bucket_key);
#endif

int ct_table_init(struct ct_table *t, unsigned int order, unsigned int roomy)
{
	struct ct_buckets *bk;

	t->min_order = min_t(unsigned int, order, CT_ORDER_MAX);
	t->floor_order = t->min_order;
	t->roomy_order = min_t(unsigned int, roomy, CT_ORDER_MAX);
	atomic_set(&t->nodes, 0);
	atomic_set(&t->overflow, 0);
	atomic64_set(&t->resizes, 0);
	INIT_WORK(&t->resize, ct_table_resize);
	mutex_init(&t->mutex);
	bk = ct_buckets_alloc(t, t->min_order);
	if (!bk)
		return -ENOMEM;
	rcu_assign_pointer(t->cur, bk);
	return 0;
}

void ct_table_destroy(struct ct_table *t)
{
	struct ct_buckets *bk, *next;

	cancel_work_sync(&t->resize);
	mutex_destroy(&t->mutex);
	for (bk = rcu_dereference_protected(t->cur, true); bk; bk = next) {
		next = rcu_dereference_protected(bk->next, true);
		ct_buckets_free(t, bk);
	}
	RCU_INIT_POINTER(t->cur, NULL);
}

unsigned int ct_table_buckets(struct ct_table *t)
{
	struct ct_buckets *bk, *next;
	unsigned int n;

	rcu_read_lock();
	bk = rcu_dereference(t->cur);
	while ((next = rcu_dereference(bk->next)))
		bk = next;
	n = bk->mask + 1;
	rcu_read_unlock();
	return n;
}

struct ct_entry *ct_table_lookup(struct ct_table *t, const struct ct_net *cn,
				 const struct nf_conntrack_tuple *tuple,
				 u16 zone, u32 hash, unsigned int *dir)
{
	return ct_table_find(t, cn, tuple, zone, hash, dir);
}
EXPORT_SYMBOL_GPL(ct_table_lookup);

/* The bucket where a hash belongs now, not locked: test again under its lock */
static inline struct ct_bucket *locate(struct ct_table *t, u32 hash,
				       struct ct_buckets **where)
{
	struct ct_buckets *bk = rcu_dereference(t->cur);
	struct ct_bucket *b = ct_bucket_of(bk, hash);

	while (unlikely(atomic_long_read_acquire(&b->head) &
			CT_BUCKET_MIGRATED)) {
		bk = rcu_dereference(bk->next);
		b = ct_bucket_of(bk, hash);
	}
	*where = bk;
	return b;
}

/* The same, after what is there went to the newest array if it can. */
static inline struct ct_bucket *locate_newest(struct ct_table *t, u32 hash,
					      struct ct_buckets **where)
{
	struct ct_bucket *b = locate(t, hash, where);

	while (unlikely(rcu_access_pointer((*where)->next))) {
		if (!ct_bucket_migrate(t, *where, hash & (*where)->mask))
			break;
		b = locate(t, hash, where);
	}
	return b;
}

/*
 * Lock the authoritative bucket of a hash.
 *
 * Race: the bucket was migrated between looking and locking. The bit is only
 * ever set under the lock, so it is tested again there, and does not change
 * until the lock is dropped.
 */
static struct ct_bucket *lock_one(struct ct_table *t, u32 hash)
{
	struct ct_buckets *bk;
	struct ct_bucket *b;

	for (;;) {
		b = locate(t, hash, &bk);
		if (likely(!(ct_bucket_lock(b, 0) & CT_BUCKET_MIGRATED)))
			return b;
		ct_bucket_unlock(b);
	}
}

/*
 * Lock the authoritative buckets of both hashes, once if they are the same.
 *
 * Race: two insertions with the same buckets the other way round, or one
 * beside a migration, which locks the older array's bucket first: older array
 * first, then lower index, and everybody agrees.
 */
static void lock_both(struct ct_table *t, const u32 *hash,
		      struct ct_bucket **b)
{
	struct ct_buckets *bk[2];
	unsigned long control;
	bool swap;

	prefetchw(ct_bucket_of(rcu_dereference(t->cur), hash[1]));
	for (;;) {
		b[0] = locate_newest(t, hash[0], &bk[0]);
		b[1] = locate_newest(t, hash[1], &bk[1]);

		if (bk[0] == bk[1])
			swap = b[1] < b[0];
		else
			swap = (s32)(bk[1]->age - bk[0]->age) < 0;

		control = ct_bucket_lock(b[swap], 0);
		if (likely(b[0] != b[1]))
			control |= ct_bucket_lock(b[!swap], 1);
		if (likely(!(control & CT_BUCKET_MIGRATED)))
			return;
		if (b[0] != b[1])
			ct_bucket_unlock(b[!swap]);
		ct_bucket_unlock(b[swap]);
	}
}

static void unlock_both(struct ct_bucket **b)
{
	if (likely(b[0] != b[1]))
		ct_bucket_unlock(b[1]);
	ct_bucket_unlock(b[0]);
}

/*
 * Who has one of our tuples already? The bucket is locked: the table's
 * reference to what is in it cannot go away, so ours can be taken. At most one
 * that has the tuple is alive; if it is, others do not matter.
 */
static noinline bool find_clash(const struct ct_bucket *b,
				const struct ct_entry *e, unsigned int dir,
				struct ct_entry **met)
{
	const unsigned long tag = ct_tag(e->hash[dir]);
	unsigned long match, slot;
	struct ct_entry *x;
	bool live = false;
	unsigned int d;

	do {
		match = ct_match(ct_head(b), tag);
		for (; match && !live; match &= match - 1) {
			slot = READ_ONCE(b->word[ct_match_first(match)]);
			x = ct_slot_entry(slot);
			d = ct_slot_dir(slot);
			if (x->hash[d] != e->hash[dir] ||
			    !ct_has_key(x, d, e->cn, &e->dir[dir].tuple,
				     e->zone_id[dir]))
				continue;
			live = ct_is_live(x, ct_entry_hot(x));
			ct_entry_put(*met);
			ct_entry_get(x);
			*met = x;
		}
		b = ct_bucket_next(b);
	} while (unlikely(b) && !live);
	return live;
}

/* Is there anything to look at for that? A bucket that goes on: who knows. */
static inline bool may_clash(const struct ct_bucket *b, u32 hash)
{
	return ct_match(ct_head(b), ct_tag(hash)) ||
	       READ_ONCE(b->word[CT_SLOTS]) & CT_SLOT_OVERFLOW;
}

/* The same for both directions; @met holds the live one alone if there is. */
static bool find_clashes(struct ct_bucket **b, const struct ct_entry *e,
			 struct ct_entry **met)
{
	met[IP_CT_DIR_ORIGINAL] = NULL;
	met[IP_CT_DIR_REPLY] = NULL;
	if (unlikely(may_clash(b[0], e->hash[IP_CT_DIR_ORIGINAL]) &&
		     find_clash(b[0], e, IP_CT_DIR_ORIGINAL,
				&met[IP_CT_DIR_ORIGINAL])))
		return true;
	if (likely(!may_clash(b[1], e->hash[IP_CT_DIR_REPLY]) ||
		   !find_clash(b[1], e, IP_CT_DIR_REPLY,
			       &met[IP_CT_DIR_REPLY])))
		return false;
	ct_entry_put(met[IP_CT_DIR_ORIGINAL]);
	met[IP_CT_DIR_ORIGINAL] = NULL;
	return true;
}

static void forget(struct ct_entry **met)
{
	unsigned int dir;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		ct_entry_put(met[dir]);
		met[dir] = NULL;
	}
}

static struct ct_overflow *overflow_alloc(struct ct_table *t)
{
	struct ct_overflow *o = ct_payer_zalloc(t->payer, sizeof(*o),
						GFP_ATOMIC | __GFP_NOWARN);

	if (o)
		atomic_inc(&t->overflow);
	return o;
}

/* Put an overflow bucket behind @b, the last of its chain. */
static bool add_overflow(struct ct_table *t, struct ct_bucket *b)
{
	const unsigned long mask = 0xffUL << (8 * CT_SLOTS);
	struct ct_overflow *o = overflow_alloc(t);
	unsigned long head = ct_head(b);

	if (!o)
		return false;
	if (head & mask)
		ct_bucket_place(&o->b, b->word[CT_SLOTS],
				head >> (8 * CT_SLOTS));
	/* See ct_bucket_next(). */
	smp_store_release(&b->word[CT_SLOTS],
			  (unsigned long)o | CT_SLOT_OVERFLOW);
	atomic_long_set_release(&b->head, head & ~mask);
	return true;
}

/**
 * ct_bucket_reserve() - see that a bucket has free slots
 * @t: the table
 * @b: the bucket, locked, or not visible to anybody yet
 * @want: how many
 * Return: false if there is no memory for an overflow bucket
 */
bool ct_bucket_reserve(struct ct_table *t, struct ct_bucket *b,
		       unsigned int want)
{
	struct ct_bucket *next;
	unsigned int n = 0;

	for (;;) {
		n += hweight_long(ct_match(ct_head(b), 0));
		if (likely(n >= want && !(READ_ONCE(b->word[CT_SLOTS]) &
					  CT_SLOT_OVERFLOW)))
			return true;
		next = ct_bucket_next(b);
		if (!next) {
			/* A free seventh slot is one less now. */
			n -= !(ct_head(b) >> (8 * CT_SLOTS));
			if (!add_overflow(t, b))
				return false;
			next = ct_bucket_next(b);
		} else {
			/* It has no tag, but it is not free. */
			n--;
			if (n >= want)
				return true;
		}
		b = next;
	}
}

/**
 * ct_bucket_place() - publish an entry in the first free slot
 * @b: the bucket, locked, or not visible to anybody yet; reserved before
 * @slot: ct_slot_make()
 * @tag: ct_tag()
 *
 * First fit from the front: of two slots placed one after the other the first
 * is found first, so a packet to itself is always in the original direction.
 */
void ct_bucket_place(struct ct_bucket *b, unsigned long slot,
		     unsigned long tag)
{
	unsigned int i;

	while (unlikely(!(i = ct_bucket_free(b))))
		b = ct_bucket_next(b);
	ct_slot_publish(b, i, slot, tag);
}

/* Does the table want another size? Never both, rarely either. */
static inline void check_size(struct ct_table *t, int nodes)
{
	struct ct_buckets *bk = rcu_dereference(t->cur);

	if (likely(nodes <= bk->grow_at && nodes >= READ_ONCE(bk->shrink_at)))
		return;
	/* A running resize looks again when it is done. */
	if (rcu_access_pointer(bk->next) || work_pending(&t->resize) ||
	    time_before(jiffies, READ_ONCE(bk->retry)))
		return;
	queue_work(system_unbound_wq, &t->resize);
}

/*
 * Both or neither: nothing is published before both have room. Most buckets
 * have; @at says where, 0 for who has none or shares his bucket.
 */
static inline bool reserve_both(struct ct_table *t, struct ct_bucket **b,
				unsigned int *at)
{
	at[0] = 0;
	at[1] = 0;
	if (unlikely(b[0] == b[1]))
		return ct_bucket_reserve(t, b[0], 2);
	at[0] = ct_bucket_free(b[0]);
	at[1] = ct_bucket_free(b[1]);
	return (likely(at[0]) || ct_bucket_reserve(t, b[0], 1)) &&
	       (likely(at[1]) || ct_bucket_reserve(t, b[1], 1));
}

static inline void place(struct ct_bucket *b, unsigned int at,
			 const struct ct_entry *e, unsigned int dir)
{
	unsigned long slot = ct_slot_make(e, dir), tag = ct_tag(e->hash[dir]);

	if (likely(at))
		ct_slot_publish(b, at, slot, tag);
	else
		ct_bucket_place(b, slot, tag);
}

/* In the first line at once with what follows from it. */
static void set_confirmed(struct ct_entry *e)
{
	const bool moved = ct_entry_hot(e) & CT_HOT_MOVED;

	set_bit(IPS_CONFIRMED_BIT, &e->status);
	/* All of it is there before: see ct_entry_is(), ct_entry_claim(). */
	smp_mb__before_atomic();
	atomic_or(IPS_CONFIRMED | (moved ? 0 : CT_HOT_SETTLED), &e->hot);
}

int ct_table_insert(struct ct_table *t, struct ct_entry *e,
		    struct ct_entry *met[IP_CT_DIR_MAX])
{
	struct ct_bucket *b[IP_CT_DIR_MAX];
	unsigned int at[IP_CT_DIR_MAX];
	int err = 0;

	lock_both(t, e->hash, b);

	/*
	 * Race: another CPU inserts the same tuple. It needs the same bucket's
	 * lock; whoever comes second finds the first one's entry here.
	 */
	if (unlikely(find_clashes(b, e, met))) {
		err = -EEXIST;
		goto unlock;
	}
	if (unlikely(!reserve_both(t, b, at))) {
		err = -ENOMEM;
		goto unlock;
	}

	/*
	 * Race: a reader finds it by the first pointer at once. It is whole
	 * and confirmed by then; should the reader kill it, the removal waits
	 * for the locks that are held here.
	 */
	set_confirmed(e);
	place(b[IP_CT_DIR_ORIGINAL], at[0], e, IP_CT_DIR_ORIGINAL);
	place(b[IP_CT_DIR_REPLY], at[1], e, IP_CT_DIR_REPLY);
unlock:
	unlock_both(b);
	if (likely(!err))
		check_size(t, atomic_add_return(2, &t->nodes));
	else if (err == -ENOMEM)
		forget(met);
	return err;
}

/* Clear the slot of an entry; @base is locked. */
static void clear_slot(struct ct_table *t, struct ct_bucket *base,
		       unsigned long slot, unsigned long tag)
{
	struct ct_bucket *b = base, *parent = NULL;
	unsigned long match, head;
	struct ct_overflow *o;
	unsigned int i;

	for (;;) {
		head = ct_head(b);
		for (match = ct_match(head, tag); match; match &= match - 1) {
			i = ct_match_first(match);
			if (likely(READ_ONCE(b->word[i]) == slot))
				goto found;
		}
		parent = b;
		b = ct_bucket_next(b);
		if (WARN_ON_ONCE(!b))
			return;
	}
found:
	/* The tag first: a reader that comes now does not even look. */
	head &= ~(0xffUL << (8 * i));
	atomic_long_set(&b->head, head);
	/* Pairs with the acquire of the head: see ct_table_lookup(). */
	smp_wmb();
	WRITE_ONCE(b->word[i], 0);

	/*
	 * An empty overflow bucket goes, and what is behind it moves up. Its
	 * memory stays for readers that are in it, and so does its word 7.
	 */
	if (unlikely(parent) && !(head & ~CT_BUCKET_CONTROL)) {
		o = container_of(b, struct ct_overflow, b);
		/* Pairs with ct_bucket_next(). */
		smp_store_release(&parent->word[CT_SLOTS],
				  b->word[CT_SLOTS]);
		atomic_dec(&t->overflow);
		kfree_rcu(o, rcu);
	}
}

/*
 * One bucket at a time: a reader that finds one direction of a dying entry
 * ignores it, and an insertion that meets one does not mind.
 */
void ct_table_remove(struct ct_table *t, struct ct_entry *e)
{
	struct ct_bucket *b;
	unsigned int dir;

	local_bh_disable();
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		b = lock_one(t, e->hash[dir]);
		clear_slot(t, b, ct_slot_make(e, dir), ct_tag(e->hash[dir]));
		ct_bucket_unlock(b);
	}
	local_bh_enable();
	check_size(t, atomic_sub_return(2, &t->nodes));
}

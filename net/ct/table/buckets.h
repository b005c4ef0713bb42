/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the table share: buckets, their lock, their slots.
 *
 * A bucket is one cache line of eight words. Byte 0 of the first word is the
 * control byte; byte i of it (1 to 7) is the tag of word i, 0 if that slot is
 * free. A used slot is a pointer to an entry plus the direction (bit 1). Bit 0
 * of word 7 says that it points to an overflow bucket instead, whose control
 * byte is not used and whose own seventh word may go on in the same way.
 *
 * Who may do what:
 *  - only the holder of the bucket's lock stores to it or to its overflow
 *    buckets; all stores to the head word are of the whole word, so that they
 *    cannot be torn against another CPU's attempt to lock;
 *  - the slots and tags of a bucket with the migrated bit never change again;
 *  - readers load the head with acquire, once, then the words it points at.
 */
#ifndef _CT_TABLE_BUCKETS_H
#define _CT_TABLE_BUCKETS_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/lockdep.h>
#include <linux/prefetch.h>
#include <linux/rcupdate.h>
#include <net/ct/entry.h>
#include <net/ct/table.h>

/* A head holds eight bytes that are loaded at once. */
static_assert(sizeof(long) == 8);

#define CT_SLOTS		7

/* The control byte. */
#define CT_BUCKET_LOCKED	1UL
#define CT_BUCKET_MIGRATED	2UL
#define CT_BUCKET_CONTROL	0xffUL

/* A slot. */
#define CT_SLOT_OVERFLOW	1UL
#define CT_SLOT_REPLY		2UL
#define CT_SLOT_FLAGS		3UL

#define CT_BYTES_01		0x0101010101010101UL
#define CT_BYTES_7F		0x7f7f7f7f7f7f7f7fUL
/* The top bit of each tag, not of the control byte. */
#define CT_TAGS_80		0x8080808080808000UL

/* The tag is made of the hash's eight highest bits, the index of these. */
#define CT_ORDER_MAX		24

struct ct_bucket {
	union {
		atomic_long_t head;
		unsigned long word[1 + CT_SLOTS];
	};
} __aligned(64);

static_assert(sizeof(struct ct_bucket) == 64);

/**
 * struct ct_overflow - a bucket that continues a full one
 * @b: the bucket; must come first
 * @rcu: readers may be in it after it was unlinked
 */
struct ct_overflow {
	struct ct_bucket b;
	struct rcu_head rcu;
};

/* kmalloc aligns powers of two to their size. */
static_assert(sizeof(struct ct_overflow) == 128);

/**
 * struct ct_buckets - one array of buckets
 * @b: the buckets
 * @mask: their number less one
 * @order: log2 of their number
 * @age: larger in each array than in the one before: the order of locking
 * @grow_at: with more tuples than this the table should grow
 * @shrink_at: with fewer than this it should shrink; changes with the least size
 * @retry: jiffies before which no resize is attempted again
 * @next: where migrated buckets went, NULL before the first of them
 */
struct ct_buckets {
	struct ct_bucket *b;
	u32 mask;
	u32 order;
	u32 age;
	int grow_at;
	int shrink_at;
	unsigned long retry;
	struct ct_buckets __rcu *next;
};

#ifdef CONFIG_DEBUG_LOCK_ALLOC
extern struct lockdep_map ct_bucket_map;
#endif

/* The tag of a hash: 0 stands for a free slot, so 0 and 1 share one. */
static inline unsigned long ct_tag(u32 hash)
{
	unsigned long tag = hash >> 24;

	return tag + !tag;
}

static inline unsigned long ct_head(const struct ct_bucket *b)
{
	return atomic_long_read(&b->head);
}

/*
 * Which slots have this tag? Bit 8 * i + 7 of the result stands for word i.
 * Exact: (x & 0x7f) + 0x7f never carries into the next byte, and has its top
 * bit clear only where the low seven bits of x are zero.
 */
static inline unsigned long ct_match(unsigned long head, unsigned long tag)
{
	unsigned long x = head ^ (tag * CT_BYTES_01);

	return ~(((x & CT_BYTES_7F) + CT_BYTES_7F) | x) & CT_TAGS_80;
}

/* Word number of the first slot in a non-zero result of ct_match(). */
static inline unsigned int ct_match_first(unsigned long match)
{
	return __ffs(match) >> 3;
}

static inline struct ct_entry *ct_slot_entry(unsigned long slot)
{
	return (struct ct_entry *)(slot & ~CT_SLOT_FLAGS);
}

static inline unsigned int ct_slot_dir(unsigned long slot)
{
	return (slot & CT_SLOT_REPLY) >> 1;
}

static inline unsigned long ct_slot_make(const struct ct_entry *e,
					 unsigned int dir)
{
	return (unsigned long)e | ((unsigned long)dir << 1);
}

/*
 * The overflow bucket behind @b, or NULL; under RCU or the bucket's lock.
 *
 * Race: the bucket is full and its seventh entry moves out. The overflow
 * bucket is complete, that entry in it, before word 7 points to it (release
 * in add_overflow(), acquire here), and only then is the seventh tag cleared.
 * Whoever has seen the tag loads either the entry or the way to it; whoever
 * has not, has seen the tag cleared with acquire, and so loads the way to it.
 */
static inline struct ct_bucket *ct_bucket_next(const struct ct_bucket *b)
{
	unsigned long slot;

	/* Pairs with the release in add_overflow() and clear_slot(). */
	slot = smp_load_acquire(&b->word[CT_SLOTS]);
	if (likely(!(slot & CT_SLOT_OVERFLOW)))
		return NULL;
	return (struct ct_bucket *)(slot & ~CT_SLOT_FLAGS);
}

static inline struct ct_bucket *ct_bucket_of(const struct ct_buckets *bk,
					     u32 hash)
{
	return &bk->b[hash & bk->mask];
}

/**
 * struct ct_iter - position in the used slots of a locked bucket
 * @b: the bucket, or one of its overflow buckets
 * @used: slots still to come in @b, as from ct_match()
 */
struct ct_iter {
	const struct ct_bucket *b;
	unsigned long used;
};

static inline unsigned long ct_bucket_used(const struct ct_bucket *b)
{
	return ~ct_match(ct_head(b), 0) & CT_TAGS_80;
}

static inline struct ct_iter ct_iter_start(const struct ct_bucket *b)
{
	return (struct ct_iter){ .b = b, .used = ct_bucket_used(b) };
}

/* The next used slot, 0 after the last. */
static inline unsigned long ct_iter_next(struct ct_iter *it)
{
	unsigned int i;

	while (!it->used) {
		it->b = ct_bucket_next(it->b);
		if (!it->b)
			return 0;
		it->used = ct_bucket_used(it->b);
	}
	i = ct_match_first(it->used);
	it->used &= it->used - 1;
	return READ_ONCE(it->b->word[i]);
}

/*
 * The lock of a bucket is a bit. All of them are one class to lockdep; the
 * second bucket of two is nested, older array first, then lower index.
 * Bottom halves are off already. Returns the head, locked.
 */
static inline unsigned long ct_bucket_lock(struct ct_bucket *b, int nested)
{
	unsigned long head;

#ifdef CONFIG_DEBUG_LOCK_ALLOC
	spin_acquire(&ct_bucket_map, nested, 0, _RET_IP_);
#endif
	head = ct_head(b);
	for (;;) {
		if (unlikely(head & CT_BUCKET_LOCKED)) {
			cpu_relax();
			head = ct_head(b);
			continue;
		}
		if (likely(atomic_long_try_cmpxchg_acquire(&b->head,
							   (long *)&head,
							   head |
							   CT_BUCKET_LOCKED)))
			return head | CT_BUCKET_LOCKED;
	}
}

/* Unlock a bucket and set bits of its control byte. */
static inline void ct_bucket_unlock_set(struct ct_bucket *b,
					unsigned long control)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	spin_release(&ct_bucket_map, _RET_IP_);
#endif
	atomic_long_set_release(&b->head, (ct_head(b) | control) &
					  ~CT_BUCKET_LOCKED);
}

static inline void ct_bucket_unlock(struct ct_bucket *b)
{
	ct_bucket_unlock_set(b, 0);
}

/* Word number of the first free slot of @b, 0 if there is none. */
static inline unsigned int ct_bucket_free(const struct ct_bucket *b)
{
	unsigned long match = ct_match(ct_head(b), 0);

	/* The seventh has no tag either when it is the way onwards. */
	if (unlikely(READ_ONCE(b->word[CT_SLOTS]) & CT_SLOT_OVERFLOW))
		match &= ~(0x80UL << (8 * CT_SLOTS));
	return match ? ct_match_first(match) : 0;
}

/* Into a free slot of a locked bucket, or of one that nobody looks into yet. */
static inline void ct_slot_publish(struct ct_bucket *b, unsigned int i,
				   unsigned long slot, unsigned long tag)
{
	WRITE_ONCE(b->word[i], slot);
	/* Pairs with the reader's acquire: the pointer is there first. */
	atomic_long_set_release(&b->head, ct_head(b) | (tag << (8 * i)));
}

bool ct_bucket_reserve(struct ct_table *t, struct ct_bucket *b,
		       unsigned int want);
void ct_bucket_place(struct ct_bucket *b, unsigned long slot,
		     unsigned long tag);
void ct_overflow_free_chain(struct ct_table *t, struct ct_bucket *b);

bool ct_bucket_migrate(struct ct_table *t, struct ct_buckets *old, u32 index);
struct ct_buckets *ct_buckets_alloc(struct ct_table *t, unsigned int order);
void ct_buckets_free(struct ct_table *t, struct ct_buckets *bk);
void ct_table_resize(struct work_struct *work);

#endif /* _CT_TABLE_BUCKETS_H */

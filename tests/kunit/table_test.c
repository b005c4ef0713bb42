// SPDX-License-Identifier: GPL-2.0
/*
 * The table, with hashes chosen by the tests, so that buckets, tags and whole
 * hashes collide at will, and resizes stopped wherever a test wants to look.
 */
#include <kunit/test.h>
#include <linux/bitrev.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <net/ct/tuple.h>
#include "table/buckets.h"

#define ORDER	4

/* Namespaces are only compared here. */
static char namespaces[2];

static struct ct_net *some_net(unsigned int i)
{
	return (struct ct_net *)&namespaces[i];
}

/**
 * struct fix - what each test works on
 * @t: a table of 1 << ORDER buckets at least
 * @e: entries, each with a reference of the test's
 * @n: their number
 */
struct fix {
	struct ct_table t;
	struct ct_entry *e;
	unsigned int n;
};

/* What differs from one test entry to another, mixed: a hash. */
static u32 mix(u32 x)
{
	x = (x ^ (x >> 16)) * 0x7feb352d;
	x = (x ^ (x >> 15)) * 0x846ca68b;
	return x ^ (x >> 16);
}

static void entry_setup(struct ct_entry *e, u32 id, u32 orig, u32 repl)
{
	unsigned int dir;

	e->cn = some_net(0);
	e->hash[IP_CT_DIR_ORIGINAL] = orig;
	e->hash[IP_CT_DIR_REPLY] = repl;
	e->expires = (u32)jiffies + 3600 * HZ;
	e->status = 0;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		struct nf_conntrack_tuple *tuple = &e->dir[dir].tuple;

		e->zone_id[dir] = 0;
		memset(tuple, 0, sizeof(*tuple));
		tuple->src.u3.ip = (__force __be32)id;
		tuple->src.u.all = (__force __be16)(dir + 1);
		tuple->dst.protonum = 17;
		tuple->dst.dir = dir;
	}
	atomic_set(&e->hot, 0);
	/* As ct_entry_new() does. */
	smp_wmb();
	refcount_set(&e->ct_general.use, 1);
}

static struct fix *setup(struct kunit *test, unsigned int n)
{
	struct fix *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->e = kvcalloc(n, sizeof(*f->e), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->e);
	f->n = n;
	for (i = 0; i < n; i++)
		entry_setup(&f->e[i], i, mix(2 * i), mix(2 * i + 1));
	KUNIT_ASSERT_EQ(test, ct_table_init(&f->t, ORDER, 0), 0);
	return f;
}

static int insert_met(struct fix *f, struct ct_entry *e, struct ct_entry **met)
{
	int err;

	ct_entry_get(e);
	local_bh_disable();
	rcu_read_lock();
	err = ct_table_insert(&f->t, e, met);
	rcu_read_unlock();
	local_bh_enable();
	if (err)
		refcount_dec(&e->ct_general.use);
	return err;
}

/* Who is dead already is nobody's concern. */
static int insert(struct fix *f, struct ct_entry *e, struct ct_entry **clash)
{
	struct ct_entry *met[IP_CT_DIR_MAX];
	int err = insert_met(f, e, met);

	if (err == -EEXIST && clash)
		*clash = met[0] ?: met[1];
	else if (met[0] || met[1])
		ct_entry_put(met[0] ?: met[1]);
	if (err != -EEXIST && met[0] && met[1])
		ct_entry_put(met[1]);
	return err;
}

static void delete(struct fix *f, struct ct_entry *e)
{
	if (ct_status_set(e, IPS_DYING_BIT))
		return;
	rcu_read_lock();
	ct_table_remove(&f->t, e);
	rcu_read_unlock();
	refcount_dec(&e->ct_general.use);
}

static bool in_table(const struct ct_entry *e)
{
	return (ct_entry_hot(e) & (IPS_CONFIRMED | IPS_DYING)) ==
	       IPS_CONFIRMED;
}

/* Empties the table: nothing may be left of it. */
static void teardown(struct kunit *test, struct fix *f)
{
	unsigned int i;

	for (i = 0; i < f->n; i++)
		if (in_table(&f->e[i]))
			delete(f, &f->e[i]);
	flush_work(&f->t.resize);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->t.nodes), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->t.overflow), 0);
	KUNIT_EXPECT_EQ(test, ct_table_buckets(&f->t), 1U << ORDER);
	for (i = 0; i < f->n; i++)
		if (refcount_read(&f->e[i].ct_general.use) != 1)
			KUNIT_FAIL(test, "entry %u: %u references", i,
				   refcount_read(&f->e[i].ct_general.use));
	ct_table_destroy(&f->t);
	/* A reader in a freed bucket may still be looking. */
	synchronize_rcu();
	kvfree(f->e);
}

/* Look up what @e is in one direction; the direction found, or -1. */
static int find(struct fix *f, const struct ct_entry *e, unsigned int dir)
{
	const struct nf_conntrack_tuple tuple = e->dir[dir].tuple;
	unsigned int found = 2;
	struct ct_entry *x;

	rcu_read_lock();
	x = ct_table_lookup(&f->t, e->cn, &tuple, e->zone_id[dir],
			    e->hash[dir], &found);
	if (x)
		refcount_dec(&x->ct_general.use);
	rcu_read_unlock();
	return x == e ? (int)found : -1;
}

static bool found_both(struct fix *f, const struct ct_entry *e)
{
	return find(f, e, IP_CT_DIR_ORIGINAL) == IP_CT_DIR_ORIGINAL &&
	       find(f, e, IP_CT_DIR_REPLY) == IP_CT_DIR_REPLY;
}

static bool found_none(struct fix *f, const struct ct_entry *e)
{
	return find(f, e, IP_CT_DIR_ORIGINAL) == -1 &&
	       find(f, e, IP_CT_DIR_REPLY) == -1;
}

/* Every entry is found exactly if it should be. */
static void expect_found(struct kunit *test, struct fix *f)
{
	unsigned int i;

	for (i = 0; i < f->n; i++) {
		bool ok = in_table(&f->e[i]) ? found_both(f, &f->e[i]) :
					       found_none(f, &f->e[i]);

		if (!ok) {
			KUNIT_FAIL(test, "entry %u of %u, %s table", i, f->n,
				   in_table(&f->e[i]) ? "in" : "not in");
			return;
		}
	}
}

static void insert_all(struct kunit *test, struct fix *f)
{
	unsigned int i;

	for (i = 0; i < f->n; i++) {
		KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
		/* Let it grow meanwhile. */
		if (!(i % 64))
			cond_resched();
	}
}

/* Pausing a resize: what the worker does, step by step. */

static struct ct_buckets *resize_begin(struct kunit *test, struct fix *f,
				       unsigned int order)
{
	struct ct_buckets *old, *new;

	mutex_lock(&f->t.mutex);
	old = rcu_dereference_protected(f->t.cur, true);
	new = ct_buckets_alloc(&f->t, order);
	KUNIT_ASSERT_NOT_NULL(test, new);
	new->age = old->age + 1;
	rcu_assign_pointer(old->next, new);
	return old;
}

static bool resize_step(struct fix *f, struct ct_buckets *old, u32 i)
{
	bool ok;

	rcu_read_lock();
	local_bh_disable();
	ok = ct_bucket_migrate(&f->t, old, i);
	local_bh_enable();
	rcu_read_unlock();
	return ok;
}

static void resize_end(struct kunit *test, struct fix *f,
		       struct ct_buckets *old)
{
	u32 i;

	for (i = 0; i <= old->mask; i++)
		KUNIT_ASSERT_TRUE(test, resize_step(f, old, i));
	rcu_assign_pointer(f->t.cur, rcu_dereference_protected(old->next,
							       true));
	synchronize_rcu();
	ct_buckets_free(&f->t, old);
	mutex_unlock(&f->t.mutex);
}

/* Cases that are numbered, from 1: a row and what is combined with it. */
static const void *next_number(const void *prev, unsigned long last)
{
	unsigned long i = (unsigned long)prev;

	return i < last ? (const void *)(i + 1) : NULL;
}

static unsigned int case_number(struct kunit *test)
{
	return (unsigned long)test->param_value - 1;
}

/* The comparison of seven tags at once against one at a time. */
static void match_test(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned long head, tag, want;
	unsigned int n, i;

	prandom_seed_state(&rnd, 1);
	for (n = 0; n < 200000; n++) {
		head = ((u64)prandom_u32_state(&rnd) << 32) |
		       prandom_u32_state(&rnd);
		/* Neighbours of zero are where such tricks go wrong. */
		if (n & 1)
			head &= 0x8101010101810180UL;
		tag = n & 2 ? prandom_u32_state(&rnd) & 0xff : n & 1;
		want = 0;
		for (i = 1; i <= CT_SLOTS; i++)
			if (((head >> (8 * i)) & 0xff) == tag)
				want |= 0x80UL << (8 * i);
		if (ct_match(head, tag) != want)
			break;
	}
	KUNIT_EXPECT_EQ(test, n, 200000U);
}

/* Where the two tuples of one entry fall. */
struct place_row {
	const char *name;
	u32 orig, repl;
};

static const struct place_row place_rows[] = {
	{ "two buckets, two tags", 0x11000001, 0x22000002 },
	{ "two buckets, higher first", 0x11000002, 0x22000001 },
	{ "two buckets, one tag", 0x11000001, 0x11000002 },
	{ "one bucket, two tags", 0x11000003, 0x22000003 },
	{ "one bucket, one tag", 0x11000103, 0x11000203 },
	{ "one hash", 0x11000003, 0x11000003 },
	{ "tags 0 and 1", 0x00000005, 0x01000005 },
	{ "all bits", 0xffffffff, 0xffffffff },
	{ "no bits", 0, 0 },
};

static void row_name(const struct place_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(place, place_rows, row_name);

static void place_test(struct kunit *test)
{
	const struct place_row *row = test->param_value;
	struct fix *f = setup(test, 2);
	struct ct_entry *e = &f->e[0];

	entry_setup(e, 0, row->orig, row->repl);
	KUNIT_EXPECT_TRUE(test, found_none(f, e));
	KUNIT_EXPECT_EQ(test, insert(f, e, NULL), 0);
	KUNIT_EXPECT_TRUE(test, e->status & IPS_CONFIRMED);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->t.nodes), 2);
	KUNIT_EXPECT_EQ(test, refcount_read(&e->ct_general.use), 2U);
	KUNIT_EXPECT_TRUE(test, found_both(f, e));
	KUNIT_EXPECT_EQ(test, refcount_read(&e->ct_general.use), 2U);

	/* Same hashes, another connection. */
	entry_setup(&f->e[1], 1, row->orig, row->repl);
	KUNIT_EXPECT_TRUE(test, found_none(f, &f->e[1]));
	KUNIT_EXPECT_EQ(test, insert(f, &f->e[1], NULL), 0);
	KUNIT_EXPECT_TRUE(test, found_both(f, e));
	KUNIT_EXPECT_TRUE(test, found_both(f, &f->e[1]));

	delete(f, e);
	KUNIT_EXPECT_TRUE(test, found_none(f, e));
	KUNIT_EXPECT_TRUE(test, found_both(f, &f->e[1]));
	delete(f, &f->e[1]);
	KUNIT_EXPECT_TRUE(test, found_none(f, &f->e[1]));
	teardown(test, f);
}

/*
 * What a reader must not take for the connection that it looks for, though
 * the slot leads there: the entry changes behind the table's back, as when its
 * memory is used again.
 */
enum change {
	SRC, PORT, PROTO, ZONE, NET, HASH, UNCONFIRMED, DYING, EXPIRED, FREED,
	ZONE_OTHER_DIR, TUPLE_DIR_BYTE, __CHANGES
};

static const char * const change_names[] = {
	[SRC] = "another address", [PORT] = "another port",
	[PROTO] = "another protocol", [ZONE] = "another zone",
	[NET] = "another namespace", [HASH] = "another hash",
	[UNCONFIRMED] = "not confirmed", [DYING] = "dying",
	[EXPIRED] = "expired", [FREED] = "freed",
	[ZONE_OTHER_DIR] = "zone of the other direction (the same)",
	[TUPLE_DIR_BYTE] = "direction byte of the tuple (the same)",
};

static const void *change_gen_params(const void *prev, char *desc)
{
	const void *p = next_number(prev, IP_CT_DIR_MAX * __CHANGES);
	unsigned long i = (unsigned long)p - 1;

	if (p)
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s",
			 change_names[i / 2], i & 1 ? "reply" : "original");
	return p;
}

static void change_entry(struct ct_entry *e, enum change change,
			 unsigned int dir)
{
	struct nf_conntrack_tuple *tuple = &e->dir[dir].tuple;

	switch (change) {
	case SRC:
		tuple->src.u3.ip ^= (__force __be32)0x100;
		break;
	case PORT:
		tuple->dst.u.all ^= (__force __be16)0x100;
		break;
	case PROTO:
		tuple->dst.protonum ^= 1;
		break;
	case ZONE:
		e->zone_id[dir] ^= 1;
		break;
	case ZONE_OTHER_DIR:
		e->zone_id[!dir] ^= 1;
		break;
	case NET:
		e->cn = some_net(e->cn == some_net(0));
		break;
	case HASH:
		e->hash[dir] ^= 0x100;
		break;
	case UNCONFIRMED:
		atomic_xor(IPS_CONFIRMED, &e->hot);
		break;
	case DYING:
		atomic_xor(IPS_DYING, &e->hot);
		break;
	case FREED:
		atomic_xor(2, &e->ct_general.use.refs);
		break;
	case TUPLE_DIR_BYTE:
		tuple->dst.dir ^= 1;
		break;
	default:
		break;
	}
}

static void recycled_test(struct kunit *test)
{
	const enum change change = case_number(test) / 2;
	const unsigned int dir = case_number(test) & 1;
	const bool same = change >= ZONE_OTHER_DIR;
	struct nf_conntrack_tuple tuple;
	struct fix *f = setup(test, 1);
	struct ct_entry *e = f->e, *x;
	unsigned int found = 2, refs;
	u32 hash = e->hash[dir], expires;

	e->zone_id[dir] = 7;
	KUNIT_ASSERT_EQ(test, insert(f, e, NULL), 0);
	tuple = e->dir[dir].tuple;
	expires = e->expires;
	if (change == EXPIRED)
		e->expires = (u32)jiffies;
	else
		change_entry(e, change, dir);
	refs = refcount_read(&e->ct_general.use);

	rcu_read_lock();
	x = ct_table_lookup(&f->t, some_net(0), &tuple, 7, hash, &found);
	rcu_read_unlock();
	KUNIT_EXPECT_PTR_EQ(test, x, same ? e : NULL);
	if (x)
		refcount_dec(&x->ct_general.use);
	KUNIT_EXPECT_EQ(test, refcount_read(&e->ct_general.use), refs);

	/* It is that connection again, and found again. */
	if (change == EXPIRED)
		e->expires = expires;
	else
		change_entry(e, change, dir);
	KUNIT_EXPECT_TRUE(test, found_both(f, e));
	teardown(test, f);
}

/* An equal tuple in any direction of ours and theirs, and how it ends. */
struct clash_row {
	enum change change;	/* what makes it no clash; __CHANGES: it is */
	bool one_bucket;
};

static const struct clash_row clash_rows[] = {
	{ __CHANGES, false }, { __CHANGES, true }, { DYING, false },
	{ EXPIRED, false }, { ZONE, false }, { NET, false }, { SRC, true },
	{ PORT, true }, { PROTO, true },
};

static const void *clash_gen_params(const void *prev, char *desc)
{
	const void *p = next_number(prev, 4 * ARRAY_SIZE(clash_rows));
	unsigned long i = (unsigned long)p - 1;
	const struct clash_row *row;

	if (!p)
		return NULL;
	row = &clash_rows[i / 4];
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "our %s, their %s%s: %s",
		 i & 1 ? "reply" : "original", i & 2 ? "reply" : "original",
		 row->one_bucket ? ", one bucket" : "",
		 row->change == __CHANGES ? "clash" :
		 change_names[row->change]);
	return p;
}

static void clash_test(struct kunit *test)
{
	const struct clash_row *row = &clash_rows[case_number(test) / 4];
	const unsigned int ours = case_number(test) & 1;
	const unsigned int theirs = (case_number(test) & 2) >> 1;
	const bool clashes = row->change == __CHANGES;
	const bool same = clashes || row->change == DYING ||
			  row->change == EXPIRED;
	struct fix *f = setup(test, 2);
	struct ct_entry *old = &f->e[0], *new = &f->e[1], *x = NULL;
	struct ct_entry *met[IP_CT_DIR_MAX];

	if (row->one_bucket) {
		entry_setup(old, 0, 0x11000003, 0x22000003);
		entry_setup(new, 1, 0x33000003, 0x11100003);
	}
	KUNIT_ASSERT_EQ(test, insert(f, old, NULL), 0);
	new->hash[ours] = old->hash[theirs];
	new->dir[ours].tuple = old->dir[theirs].tuple;
	new->dir[ours].tuple.dst.dir = ours;
	if (row->change == DYING)
		change_entry(old, DYING, 0);
	else if (row->change == EXPIRED)
		old->expires = (u32)jiffies;
	else
		change_entry(new, row->change, ours);

	KUNIT_EXPECT_EQ(test, insert_met(f, new, met), clashes ? -EEXIST : 0);
	/* One that is dead is named too: its end is reported before our start. */
	KUNIT_EXPECT_PTR_EQ(test, met[ours], same ? old : NULL);
	KUNIT_EXPECT_PTR_EQ(test, met[!ours], NULL);
	x = clashes ? met[ours] : NULL;
	if (!clashes && met[ours])
		refcount_dec(&old->ct_general.use);
	if (x) {
		KUNIT_EXPECT_EQ(test, refcount_read(&x->ct_general.use), 3U);
		refcount_dec(&x->ct_general.use);
		/* Nothing of ours is left, and the winner is untouched. */
		KUNIT_EXPECT_FALSE(test, new->status & IPS_CONFIRMED);
		KUNIT_EXPECT_EQ(test, find(f, new, !ours), -1);
		KUNIT_EXPECT_TRUE(test, found_both(f, old));
		KUNIT_EXPECT_EQ(test, insert(f, new, NULL), -EEXIST);
		KUNIT_EXPECT_EQ(test, atomic_read(&f->t.nodes), 2);
		delete(f, old);
		KUNIT_EXPECT_EQ(test, insert(f, new, &x), 0);
	}
	KUNIT_EXPECT_TRUE(test, found_both(f, new));
	if (row->change == DYING)
		change_entry(old, DYING, 0);
	teardown(test, f);
}

/* A packet to itself has one tuple; it must be found as the original. */
static const unsigned int loop_rows[] = { 0, 1, 4, 5, 6, 7, 11, 12, 13, 14 };

static void loop_name(const unsigned int *n, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u slots used before", *n);
}

KUNIT_ARRAY_PARAM(loop, loop_rows, loop_name);

static void loop_test(struct kunit *test)
{
	const unsigned int before = *(const unsigned int *)test->param_value;
	struct fix *f = setup(test, before + 2);
	struct ct_entry *e = &f->e[before], *twin = e + 1, *x = NULL;
	struct ct_buckets *old;
	unsigned int i, order;

	for (i = 0; i < before; i++) {
		entry_setup(&f->e[i], i, 0x11000003, 0x22000000);
		KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
	}
	for (i = before; i < before + 2; i++) {
		entry_setup(&f->e[i], before, 0x11000003, 0x11000003);
		f->e[i].dir[IP_CT_DIR_REPLY].tuple =
			f->e[i].dir[IP_CT_DIR_ORIGINAL].tuple;
		f->e[i].dir[IP_CT_DIR_REPLY].tuple.dst.dir = IP_CT_DIR_REPLY;
	}
	KUNIT_EXPECT_EQ(test, insert(f, e, NULL), 0);
	KUNIT_EXPECT_EQ(test, insert(f, twin, &x), -EEXIST);
	KUNIT_EXPECT_PTR_EQ(test, x, e);
	if (x)
		refcount_dec(&x->ct_general.use);
	for (order = ORDER + 3; order >= ORDER; order -= 3) {
		KUNIT_EXPECT_EQ(test, find(f, e, 0), IP_CT_DIR_ORIGINAL);
		KUNIT_EXPECT_EQ(test, find(f, e, 1), IP_CT_DIR_ORIGINAL);
		old = resize_begin(test, f, order);
		resize_end(test, f, old);
	}
	KUNIT_EXPECT_EQ(test, find(f, e, 1), IP_CT_DIR_ORIGINAL);
	delete(f, e);
	KUNIT_EXPECT_EQ(test, find(f, e, 1), -1);
	teardown(test, f);
}

/* One bucket filled far beyond its seven slots, and drained again. */
enum drain { FORWARD, BACKWARD, EVEN_FIRST, MIXED };

static const unsigned int drain_sizes[] = { 3, 4, 7, 10, 50 };

static const void *drain_gen_params(const void *prev, char *desc)
{
	static const char * const names[] = {
		"forward", "backward", "even first", "mixed"
	};
	const void *p = next_number(prev, 4 * ARRAY_SIZE(drain_sizes));
	unsigned long i = (unsigned long)p - 1;

	if (p)
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u tuples, %s",
			 2 * drain_sizes[i / 4], names[i % 4]);
	return p;
}

static unsigned int drain_index(enum drain drain, unsigned int i,
				unsigned int n)
{
	switch (drain) {
	case FORWARD:
		return i;
	case BACKWARD:
		return n - 1 - i;
	case EVEN_FIRST:
		return i < (n + 1) / 2 ? 2 * i : 2 * (i - (n + 1) / 2) + 1;
	default:
		/* 3 is prime to all numbers in the rows but 3. */
		return n % 3 ? i * 3 % n : (i + 1) % n;
	}
}

static void overflow_test(struct kunit *test)
{
	const unsigned int n = drain_sizes[case_number(test) / 4];
	const enum drain drain = case_number(test) % 4;
	struct fix *f = setup(test, n);
	/* Each overflow bucket adds six: its way onwards takes a slot. */
	const int want = n * 2 <= 7 ? 0 : (n * 2 - 7 + 5) / 6;
	unsigned int i, round;

	for (i = 0; i < n; i++)
		entry_setup(&f->e[i], i, mix(i) << ORDER, mix(~i) << ORDER);
	mutex_lock(&f->t.mutex);	/* keeps it from growing */
	insert_all(test, f);
	for (round = 0; round < 2; round++) {
		KUNIT_EXPECT_EQ(test, atomic_read(&f->t.overflow), want);
		expect_found(test, f);

		/* Half out and in again: the free slots are used. */
		for (i = 0; i < n / 2; i++)
			delete(f, &f->e[drain_index(drain, i, n)]);
		expect_found(test, f);
		for (i = 0; i < n / 2; i++) {
			struct ct_entry *e;

			e = &f->e[drain_index(drain, i, n)];
			e->status = 0;
			atomic_set(&e->hot, 0);
			KUNIT_ASSERT_EQ(test, insert(f, e, NULL), 0);
		}
		KUNIT_EXPECT_EQ(test, atomic_read(&f->t.overflow), want);
	}
	for (i = 0; i < n; i++) {
		delete(f, &f->e[drain_index(drain, i, n)]);
		expect_found(test, f);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&f->t.overflow), 0);
	mutex_unlock(&f->t.mutex);
	teardown(test, f);
}

/* A tag that matches, a hash that does not; and a hash, but not the tuple. */
static void false_tag_test(struct kunit *test)
{
	struct fix *f = setup(test, 256);
	unsigned int i, dir;

	for (i = 0; i < 128; i++)
		entry_setup(&f->e[i], i, 0xab000003 | (i << 8),
			    0xab000003 | ((i + 128) << 8));
	/* In the second half: the hashes of the first, other tuples. */
	for (; i < 256; i++)
		entry_setup(&f->e[i], i, f->e[i - 128].hash[0],
			    f->e[i - 128].hash[1]);
	for (i = 0; i < 64; i++)
		KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
	expect_found(test, f);
	/* Looking did not leave references with those it passed by. */
	for (i = 0; i < 256; i++)
		KUNIT_EXPECT_EQ(test, refcount_read(&f->e[i].ct_general.use),
				1U + (i < 64));
	for (i = 128; i < 256; i++)
		KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
	for (i = 0; i < 256; i++)
		for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
			KUNIT_EXPECT_EQ(test, find(f, &f->e[i], dir),
					in_table(&f->e[i]) ? (int)dir : -1);
	teardown(test, f);
}

/* Zones by direction, and namespaces, keep equal tuples apart. */
static void zones_test(struct kunit *test)
{
	struct fix *f = setup(test, 8);
	unsigned int i;

	for (i = 0; i < 8; i++) {
		entry_setup(&f->e[i], 1, 0x11000003, 0x22000004);
		f->e[i].zone_id[IP_CT_DIR_ORIGINAL] = i & 3;
		f->e[i].zone_id[IP_CT_DIR_REPLY] = 3 - (i & 3);
		f->e[i].cn = some_net(i >> 2);
	}
	for (i = 0; i < 8; i++) {
		expect_found(test, f);
		KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
	}
	/* One direction in a zone of its own does not help the other. */
	delete(f, &f->e[0]);
	entry_setup(&f->e[0], 1, 0x11000003, 0x22000004);
	f->e[0].zone_id[IP_CT_DIR_ORIGINAL] = 9;
	f->e[0].zone_id[IP_CT_DIR_REPLY] = 2;
	KUNIT_EXPECT_EQ(test, insert(f, &f->e[0], NULL), -EEXIST);
	for (i = 1; i < 8; i++) {
		delete(f, &f->e[i]);
		KUNIT_EXPECT_TRUE(test, found_none(f, &f->e[i]));
	}
	teardown(test, f);
}

/**
 * struct visit - what a walk saw
 * @f: the fixture
 * @seen: how often, by entry
 * @n: entries seen in all
 * @stop: number of the visit that is refused, once; ~0 for none
 * @stopped: the entry that it was refused for
 * @wrong: another than @stopped came first after that
 * @step: called with each visit
 * @private: for @step
 */
struct visit {
	struct fix *f;
	u8 *seen;
	unsigned int n, stop;
	struct ct_entry *stopped;
	bool wrong;
	void (*step)(struct visit *v, struct ct_entry *e);
	void *private;
};

static int visit(struct ct_entry *e, void *data)
{
	struct visit *v = data;

	if (v->stopped && e != v->stopped)
		v->wrong = true;
	v->stopped = NULL;
	if (v->n == v->stop) {
		v->stop = ~0U;
		v->stopped = e;
		return 1;
	}
	v->seen[e - v->f->e]++;
	v->n++;
	if (v->step)
		v->step(v, e);
	return 0;
}

static void visit_init(struct kunit *test, struct visit *v, struct fix *f)
{
	memset(v, 0, sizeof(*v));
	v->f = f;
	v->stop = ~0U;
	v->seen = kvzalloc(f->n, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, v->seen);
}

static void visit_end(struct kunit *test, struct visit *v)
{
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, v->wrong);
	for (i = 0; i < v->f->n; i++)
		if (v->seen[i] != in_table(&v->f->e[i])) {
			KUNIT_FAIL(test, "entry %u seen %u times", i,
				   v->seen[i]);
			break;
		}
	kvfree(v->seen);
}

static void expect_walk(struct kunit *test, struct fix *f)
{
	struct ct_cursor c = {};
	struct visit v;

	visit_init(test, &v, f);
	KUNIT_EXPECT_EQ(test, ct_table_walk(&f->t, &c, visit, &v), 0);
	KUNIT_EXPECT_TRUE(test, c.done);
	/* A finished walk stays finished. */
	KUNIT_EXPECT_EQ(test, ct_table_walk(&f->t, &c, visit, &v), 0);
	visit_end(test, &v);
}

/* Which hashes the entries of a walk have. */
enum spread { RANDOM, ONE_BUCKET, ONE_HASH, ENDS };

static const enum spread spread_rows[] = { RANDOM, ONE_BUCKET, ONE_HASH, ENDS };

static void spread_name(const enum spread *spread, char *desc)
{
	static const char * const names[] = {
		"random hashes", "one bucket", "one hash", "first and last"
	};

	strscpy(desc, names[*spread], KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(spread, spread_rows, spread_name);

static struct fix *setup_spread(struct kunit *test, enum spread spread,
				unsigned int n)
{
	struct fix *f = setup(test, n);
	u32 i, hash;

	for (i = 0; i < n; i++) {
		hash = spread == RANDOM ? mix(i) :
		       spread == ONE_BUCKET ? mix(i) << 12 :
		       spread == ONE_HASH ? 0x12345678 : -(i & 1);
		entry_setup(&f->e[i], i, hash, mix(~i));
	}
	return f;
}

/* Stop a walk at each position, go on with the same cursor. */
static void resume_test(struct kunit *test)
{
	struct fix *f = setup_spread(test, *(enum spread *)test->param_value,
				     75);
	unsigned int stop;

	insert_all(test, f);
	flush_work(&f->t.resize);
	expect_walk(test, f);
	for (stop = 0; stop < f->n; stop++) {
		struct ct_cursor c = {};
		struct visit v;

		visit_init(test, &v, f);
		v.stop = stop;
		KUNIT_ASSERT_EQ(test, ct_table_walk(&f->t, &c, visit, &v), 1);
		KUNIT_EXPECT_EQ(test, v.n, stop);
		KUNIT_EXPECT_FALSE(test, c.done);
		KUNIT_ASSERT_EQ(test, ct_table_walk(&f->t, &c, visit, &v), 0);
		visit_end(test, &v);
	}
	teardown(test, f);
}

/* A walk whose visitor deletes what it sees: a flush. */
static void step_delete(struct visit *v, struct ct_entry *e)
{
	delete(v->f, e);
}

static void flush_test(struct kunit *test)
{
	struct fix *f = setup_spread(test, *(enum spread *)test->param_value,
				     500);
	struct ct_cursor c = {};
	struct visit v;

	insert_all(test, f);
	visit_init(test, &v, f);
	v.step = step_delete;
	KUNIT_EXPECT_EQ(test, ct_table_walk(&f->t, &c, visit, &v), 0);
	KUNIT_EXPECT_EQ(test, v.n, f->n);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->t.nodes), 0);
	kvfree(v.seen);
	teardown(test, f);
}

/**
 * struct paused - resizes driven by a walk, one bucket migrated a visit
 * @test: the test
 * @old: the array that is being left, NULL between resizes
 * @rnd: which bucket is next
 * @left: steps before this resize is finished in one go
 * @resizes: number done
 */
struct paused {
	struct kunit *test;
	struct ct_buckets *old;
	struct rnd_state rnd;
	unsigned int left, resizes;
};

static void step_resize(struct visit *v, struct ct_entry *e)
{
	struct paused *p = v->private;
	unsigned int order;

	if (!p->old) {
		/* From 2^2 to 2^9: smaller and larger, by several doublings. */
		do
			order = 2 + prandom_u32_state(&p->rnd) % 8;
		while (order == rcu_access_pointer(v->f->t.cur)->order);
		p->old = resize_begin(p->test, v->f, order);
		p->left = prandom_u32_state(&p->rnd) % 64;
	}
	resize_step(v->f, p->old, prandom_u32_state(&p->rnd) & p->old->mask);
	if (p->left--)
		return;
	resize_end(p->test, v->f, p->old);
	p->old = NULL;
	p->resizes++;
}

static void step_resize_finish(struct fix *f, struct paused *p)
{
	struct ct_buckets *old;

	if (p->old)
		resize_end(p->test, f, p->old);
	p->old = NULL;
	old = resize_begin(p->test, f, ORDER);
	resize_end(p->test, f, old);
}

/* Each entry once, whatever bucket went where while the walk was on. */
static void walk_resize_test(struct kunit *test)
{
	struct fix *f = setup_spread(test, *(enum spread *)test->param_value,
				     400);
	struct paused p = { .test = test };
	unsigned int round;

	prandom_seed_state(&p.rnd, 42);
	mutex_lock(&f->t.mutex);	/* keeps the worker away */
	insert_all(test, f);
	WRITE_ONCE(rcu_access_pointer(f->t.cur)->retry, jiffies + HZ * 3600);
	mutex_unlock(&f->t.mutex);
	flush_work(&f->t.resize);
	for (round = 0; round < 20; round++) {
		struct ct_cursor c = {};
		struct visit v;

		visit_init(test, &v, f);
		v.step = step_resize;
		v.private = &p;
		v.stop = prandom_u32_state(&p.rnd) % f->n;
		KUNIT_EXPECT_EQ(test, ct_table_walk(&f->t, &c, visit, &v), 1);
		KUNIT_EXPECT_EQ(test, ct_table_walk(&f->t, &c, visit, &v), 0);
		visit_end(test, &v);
	}
	KUNIT_EXPECT_GT(test, p.resizes, 20U);
	expect_found(test, f);
	step_resize_finish(f, &p);
	teardown(test, f);
}

/* A resize stopped half way: from, to, which buckets have gone. */
struct half_row {
	unsigned int from, to;
	u32 gone;
};

static const struct half_row half_rows[] = {
	{ 4, 5, 0x0000 }, { 4, 5, 0x5555 }, { 4, 5, 0xff00 }, { 4, 5, 0xffff },
	{ 4, 8, 0x0001 }, { 4, 8, 0xaaaa }, { 4, 8, 0x7fff }, { 4, 3, 0x0000 },
	{ 4, 3, 0x00ff }, { 4, 3, 0x0f0f }, { 4, 3, 0xff00 }, { 4, 0, 0x0101 },
	{ 4, 0, 0xfffe }, { 4, 0, 0xffff },
};

static void half_name(const struct half_row *row, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "2^%u to 2^%u, 0x%04x gone",
		 row->from, row->to, row->gone);
}

KUNIT_ARRAY_PARAM(half, half_rows, half_name);

static void half_way_test(struct kunit *test)
{
	const struct half_row *row = test->param_value;
	struct fix *f = setup(test, 200);
	struct ct_entry *x = NULL, *twin;
	struct ct_buckets *old;
	unsigned int i;
	u32 head;

	for (i = 0; i < 60; i++)
		KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
	flush_work(&f->t.resize);
	old = resize_begin(test, f, row->from);
	resize_end(test, f, old);
	old = resize_begin(test, f, row->to);
	for (i = 0; i <= old->mask; i++)
		if (row->gone & (1U << i))
			KUNIT_ASSERT_TRUE(test, resize_step(f, old, i));
	expect_found(test, f);
	expect_walk(test, f);

	/* A clash is a clash on either side; the twin's buckets move. */
	for (i = 0; i < 60; i++) {
		twin = &f->e[199];
		entry_setup(twin, i, f->e[i].hash[0], f->e[i].hash[1]);
		KUNIT_EXPECT_EQ(test, insert(f, twin, &x), -EEXIST);
		KUNIT_EXPECT_PTR_EQ(test, x, &f->e[i]);
		if (x)
			refcount_dec(&x->ct_general.use);
		head = ct_head(ct_bucket_of(old, twin->hash[0]));
		KUNIT_EXPECT_TRUE(test, head & CT_BUCKET_MIGRATED);
		if (i == 20)
			expect_walk(test, f);
	}
	entry_setup(&f->e[199], 199, mix(398), mix(399));

	for (i = 0; i < 30; i++)
		delete(f, &f->e[2 * i]);
	for (i = 60; i < 199; i++)
		KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
	expect_found(test, f);
	expect_walk(test, f);
	resize_end(test, f, old);
	expect_found(test, f);
	expect_walk(test, f);
	old = resize_begin(test, f, ORDER);
	resize_end(test, f, old);
	teardown(test, f);
}

/* By itself: up, down, with everything in its place. */
static const unsigned int size_rows[] = { 33, 1000, 20000, 100000 };

static void size_name(const unsigned int *n, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u entries", *n);
}

KUNIT_ARRAY_PARAM(size, size_rows, size_name);

static void grow_shrink_test(struct kunit *test)
{
	const unsigned int n = *(const unsigned int *)test->param_value;
	struct fix *f = setup(test, n);
	unsigned int i;

	insert_all(test, f);
	flush_work(&f->t.resize);
	KUNIT_EXPECT_GE(test, ct_table_buckets(&f->t) * 4, 2 * n);
	KUNIT_EXPECT_LE(test, ct_table_buckets(&f->t), 2 * n);
	KUNIT_EXPECT_GT(test, (int)atomic64_read(&f->t.resizes), 0);
	/* Overflow buckets stay rare: less than a tenth. */
	KUNIT_EXPECT_LE(test, (unsigned int)atomic_read(&f->t.overflow),
			ct_table_buckets(&f->t) / 10 + 1);
	expect_found(test, f);
	expect_walk(test, f);

	for (i = 0; i < n; i++)
		if (i % 16)
			delete(f, &f->e[i]);
	flush_work(&f->t.resize);
	KUNIT_EXPECT_LE(test, ct_table_buckets(&f->t),
			max(2 * (n / 16 + 1), 1U << ORDER));
	expect_found(test, f);
	expect_walk(test, f);
	teardown(test, f);
}

/* Roomy: in one step to where it need not grow again soon. */
static void roomy_test(struct kunit *test)
{
	struct fix *f = setup(test, 1000);
	unsigned int i;

	f->t.roomy_order = 10;
	for (i = 0; i < 33; i++)
		KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
	flush_work(&f->t.resize);
	KUNIT_EXPECT_EQ(test, ct_table_buckets(&f->t), 256U);
	for (; i < f->n; i++)
		KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
	flush_work(&f->t.resize);
	KUNIT_EXPECT_EQ(test, ct_table_buckets(&f->t), 1024U);
	KUNIT_EXPECT_EQ(test, (int)atomic64_read(&f->t.resizes), 2);
	expect_found(test, f);
	for (i = 20; i < f->n; i++)
		delete(f, &f->e[i]);
	flush_work(&f->t.resize);
	KUNIT_EXPECT_LT(test, ct_table_buckets(&f->t), 1024U);
	expect_found(test, f);
	teardown(test, f);
}

/* A worker that comes late makes up for it in one go. */
static void jump_test(struct kunit *test)
{
	struct fix *f = setup(test, 3000);

	mutex_lock(&f->t.mutex);
	insert_all(test, f);
	KUNIT_EXPECT_EQ(test, ct_table_buckets(&f->t), 1U << ORDER);
	KUNIT_EXPECT_GT(test, atomic_read(&f->t.overflow), 500);
	expect_found(test, f);
	expect_walk(test, f);
	mutex_unlock(&f->t.mutex);
	flush_work(&f->t.resize);
	KUNIT_EXPECT_EQ(test, (int)atomic64_read(&f->t.resizes), 1);
	KUNIT_EXPECT_EQ(test, ct_table_buckets(&f->t), 4096U);
	expect_found(test, f);
	expect_walk(test, f);
	teardown(test, f);
}

/*
 * All at once: readers and walkers that must find what stays, while entries
 * come and go, and are used again, so many that the table grows and shrinks.
 */
#define STAY	500
#define CHURN	6000

struct race {
	struct fix *f;
	atomic_t lost, twice, false_hits, rounds;
};

static int reader(void *data)
{
	struct race *r = data;
	unsigned int i, dir;

	while (!kthread_should_stop()) {
		for (i = 0; i < STAY; i++) {
			dir = i & 1;
			if (find(r->f, &r->f->e[i], dir) != (int)dir)
				atomic_inc(&r->lost);
			if (!(i % 64))
				cond_resched();
		}
		atomic_inc(&r->rounds);
		cond_resched();
	}
	return 0;
}

static int count_visit(struct ct_entry *e, void *data)
{
	struct visit *v = data;

	v->n++;
	v->seen[e - v->f->e]++;
	/* Be in the middle of things as often as possible. */
	if (!(v->n % 16))
		cond_resched();
	return 0;
}

static int walker(void *data)
{
	struct race *r = data;
	struct visit v = { .f = r->f };
	unsigned int i;

	v.seen = kvmalloc(r->f->n, GFP_KERNEL);
	while (v.seen && !kthread_should_stop()) {
		struct ct_cursor c = {};

		memset(v.seen, 0, r->f->n);
		ct_table_walk(&r->f->t, &c, count_visit, &v);
		for (i = 0; i < STAY; i++) {
			if (!v.seen[i])
				atomic_inc(&r->lost);
			if (v.seen[i] > 1)
				atomic_inc(&r->twice);
		}
		atomic_inc(&r->rounds);
		cond_resched();
	}
	kvfree(v.seen);
	return 0;
}

/* As a slab of entries does: another connection in the same memory. */
static void recycle(struct ct_entry *e, u32 id)
{
	while (!refcount_dec_if_one(&e->ct_general.use))
		cond_resched();
	entry_setup(e, id, mix(2 * id), mix(2 * id + 1));
}

static void race_test(struct kunit *test)
{
	int (* const threads[])(void *) = { reader, walker, reader, walker };
	struct fix *f = setup(test, STAY + CHURN);
	struct task_struct *task[ARRAY_SIZE(threads)];
	struct race r = { .f = f };
	unsigned int i, round;
	u32 id = STAY + CHURN;

	for (i = 0; i < STAY; i++)
		KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		task[i] = kthread_run(threads[i], &r, "ct_race/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task[i]));
	}
	for (round = 0; round < 12; round++) {
		for (i = STAY; i < f->n; i++) {
			KUNIT_ASSERT_EQ(test, insert(f, &f->e[i], NULL), 0);
			if (!(i % 32))
				cond_resched();
		}
		if (round & 1)
			flush_work(&f->t.resize);
		for (i = STAY; i < f->n; i++) {
			delete(f, &f->e[i]);
			recycle(&f->e[i], id++);
			if (!(i % 32))
				cond_resched();
		}
		if (round & 1)
			flush_work(&f->t.resize);
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		kthread_stop(task[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&r.lost), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&r.twice), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&r.rounds), 4);
	KUNIT_EXPECT_GT(test, (int)atomic64_read(&f->t.resizes), 4);
	teardown(test, f);
}

/* Many insert the same connection at once: one wins, all others meet it. */
struct contest {
	struct fix *f;
	unsigned int first;
	atomic_t won, lost, wrong;
};

static int contender(void *data)
{
	struct contest *c = data;
	unsigned int i, n = c->f->n / 4;
	static atomic_t turn = ATOMIC_INIT(0);
	unsigned int me = (unsigned int)atomic_inc_return(&turn) & 3;
	struct ct_entry *e, *x;

	for (i = 0; i < n; i++) {
		e = &c->f->e[me * n + i];
		x = NULL;
		switch (insert(c->f, e, &x)) {
		case 0:
			atomic_inc(&c->won);
			break;
		case -EEXIST:
			atomic_inc(&c->lost);
			if ((x - c->f->e) % n != i)
				atomic_inc(&c->wrong);
			refcount_dec(&x->ct_general.use);
			break;
		default:
			atomic_inc(&c->wrong);
		}
		if (!(i % 8))
			cond_resched();
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void contest_test(struct kunit *test)
{
	struct fix *f = setup(test, 4 * 5000);
	struct contest c = { .f = f };
	struct task_struct *task[4];
	unsigned int i;

	/* The reply of one is the original of another of the same contest. */
	for (i = 0; i < f->n; i++) {
		u32 id = i % 5000;
		bool turned = i / 5000 & 1;

		entry_setup(&f->e[i], id, mix(2 * id + turned),
			    mix(2 * id + !turned));
		if (turned)
			swap(f->e[i].dir[0].tuple.src.u.all,
			     f->e[i].dir[1].tuple.src.u.all);
	}
	for (i = 0; i < 4; i++) {
		task[i] = kthread_run(contender, &c, "ct_contest/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task[i]));
	}
	while (atomic_read(&c.won) + atomic_read(&c.lost) +
	       atomic_read(&c.wrong) < f->n)
		schedule_timeout_uninterruptible(1);
	for (i = 0; i < 4; i++)
		kthread_stop(task[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&c.won), 5000);
	KUNIT_EXPECT_EQ(test, atomic_read(&c.lost), 15000);
	KUNIT_EXPECT_EQ(test, atomic_read(&c.wrong), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->t.nodes), 10000);
	teardown(test, f);
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(match_test),
	KUNIT_CASE_PARAM(place_test, place_gen_params),
	KUNIT_CASE_PARAM(recycled_test, change_gen_params),
	KUNIT_CASE_PARAM(clash_test, clash_gen_params),
	KUNIT_CASE_PARAM(loop_test, loop_gen_params),
	KUNIT_CASE_PARAM(overflow_test, drain_gen_params),
	KUNIT_CASE(false_tag_test),
	KUNIT_CASE(zones_test),
	KUNIT_CASE_PARAM(resume_test, spread_gen_params),
	KUNIT_CASE_PARAM(flush_test, spread_gen_params),
	KUNIT_CASE_PARAM(walk_resize_test, spread_gen_params),
	KUNIT_CASE_PARAM(half_way_test, half_gen_params),
	KUNIT_CASE_PARAM(grow_shrink_test, size_gen_params),
	KUNIT_CASE(roomy_test),
	KUNIT_CASE(jump_test),
	KUNIT_CASE(race_test),
	KUNIT_CASE(contest_test),
	{}
};

static struct kunit_suite ct_table_suite = {
	.name = "ct_table",
	.test_cases = table_cases,
};

kunit_test_suites(&ct_table_suite);

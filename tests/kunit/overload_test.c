// SPDX-License-Identifier: GPL-2.0
/*
 * Who is evicted first, and what a new timeout does to an entry.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <net/ct/expire.h>
#include <net/ct/net.h>
#include "wheel.h"

#define SPACES	3
#define ENTRIES	300

/* Suites may run before the module's init function. */
static bool own_wheels;

struct fixture {
	struct ct_net cn[SPACES];
	struct ct_entry e[ENTRIES];
};

static int overload_suite_init(struct kunit_suite *suite)
{
	if (ct_wheels)
		return 0;
	own_wheels = true;
	return ct_expire_init();
}

static void overload_suite_exit(struct kunit_suite *suite)
{
	if (own_wheels)
		ct_expire_exit();
	own_wheels = false;
}

static void overload_exit(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	if (!f)
		return;
	for (i = 0; i < ENTRIES && ct_wheels; i++)
		ct_expire_del(&f->e[i]);
	for (i = 0; i < SPACES; i++)
		ct_candidates_exit(&f->cn[i]);
	kvfree(f);
	test->priv = NULL;
}

static int overload_init(struct kunit *test)
{
	struct fixture *f = kvzalloc(sizeof(*f), GFP_KERNEL);
	unsigned int i;

	test->priv = f;
	if (!f || !ct_wheels)
		return -ENOMEM;
	for (i = 0; i < ENTRIES; i++) {
		refcount_set(&f->e[i].ct_general.use, 1);
		f->e[i].cn = &f->cn[0];
		f->e[i].expires = (u32)jiffies + 1000 * HZ;
		f->e[i].wheel_slot = CT_WHEEL_NONE;
		f->e[i].wheel_cpu = cpumask_first(cpu_possible_mask);
		f->e[i].status = IPS_CONFIRMED;
		atomic_set(&f->e[i].hot, IPS_CONFIRMED);
	}
	for (i = 0; i < SPACES; i++)
		if (ct_candidates_init(&f->cn[i]))
			return -ENOMEM;
	return 0;
}

static void add(struct ct_entry *e)
{
	local_bh_disable();
	ct_expire_add(e);
	local_bh_enable();
}

/* Index of the entry that would be evicted, -1 for none. */
static int take(struct fixture *f, unsigned int space)
{
	struct ct_entry *e;

	e = ct_candidates_take(&f->cn[space], cpumask_first(cpu_possible_mask));
	if (!e)
		return -1;
	refcount_dec(&e->ct_general.use);
	return e - f->e;
}

static void evict_none(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, take(f, 0), -1);
	KUNIT_EXPECT_FALSE(test, ct_evict(&f->cn[0]));
}

static void evict_oldest_first(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	/* By when they came, not by when they would expire. */
	for (i = 0; i < ENTRIES; i++) {
		f->e[i].expires = (u32)jiffies + (1000 - i) * HZ;
		add(&f->e[i]);
	}
	for (i = 0; i < ENTRIES; i++)
		KUNIT_EXPECT_EQ(test, take(f, 0), i);
	KUNIT_EXPECT_EQ(test, take(f, 0), -1);
}

static void evict_never_replied(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		add(&f->e[i]);
	for (i = 0; i < ENTRIES; i++) {
		if (i % 10 == 9)
			continue;
		ct_status_set(&f->e[i], IPS_SEEN_REPLY_BIT);
		ct_expire_replied(&f->e[i]);
		/* A second time harms nothing. */
		ct_expire_replied(&f->e[i]);
	}
	for (i = 9; i < ENTRIES; i += 10)
		KUNIT_EXPECT_EQ(test, take(f, 0), i);
	KUNIT_EXPECT_EQ(test, take(f, 0), -1);
}

static void evict_refresh_keeps_order(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < 10; i++)
		add(&f->e[i]);
	/* Who repeats its unanswered packet is no better for it. */
	ct_refresh(&f->e[0], 5000 * HZ);
	ct_refresh(&f->e[1], 10 * HZ);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, take(f, 0), i);
}

static void evict_reply_before_add(struct kunit *test)
{
	struct fixture *f = test->priv;

	/* The reply came on another CPU before the wheel knew the entry. */
	ct_status_set(&f->e[0], IPS_SEEN_REPLY_BIT);
	ct_expire_replied(&f->e[0]);
	add(&f->e[0]);
	KUNIT_EXPECT_NE(test, (int)f->e[0].wheel_slot, CT_WHEEL_NONE);
	KUNIT_EXPECT_EQ(test, take(f, 0), -1);
}

static void evict_killed_before_add(struct kunit *test)
{
	struct fixture *f = test->priv;

	/* So did the one that killed it: it must stay out of everything. */
	ct_status_set(&f->e[0], IPS_DYING_BIT);
	ct_expire_del(&f->e[0]);
	add(&f->e[0]);
	KUNIT_EXPECT_EQ(test, (int)f->e[0].wheel_slot, CT_WHEEL_NONE);
	KUNIT_EXPECT_EQ(test, take(f, 0), -1);
}

static void evict_deleted(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		add(&f->e[i]);
	for (i = 0; i < ENTRIES; i += 2) {
		ct_expire_del(&f->e[i]);
		ct_expire_del(&f->e[i]);
		KUNIT_EXPECT_EQ(test, (int)f->e[i].wheel_slot, CT_WHEEL_NONE);
	}
	for (i = 1; i < ENTRIES; i += 2)
		KUNIT_EXPECT_EQ(test, take(f, 0), i);
	KUNIT_EXPECT_EQ(test, take(f, 0), -1);
}

/* Taken, but not killed: it stays in the wheel and expires in its time. */
static void evict_stays_in_wheel(struct kunit *test)
{
	struct fixture *f = test->priv;

	add(&f->e[0]);
	KUNIT_EXPECT_EQ(test, take(f, 0), 0);
	KUNIT_EXPECT_NE(test, (int)f->e[0].wheel_slot, CT_WHEEL_NONE);
	ct_expire_replied(&f->e[0]);
	KUNIT_EXPECT_EQ(test, take(f, 0), -1);
}

/* A reply that arrives between choice and kill saves the connection. */
static void evict_reply_saves(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		add(&f->e[i]);
		ct_status_set(&f->e[i], IPS_SEEN_REPLY_BIT);
	}
	KUNIT_EXPECT_FALSE(test, ct_evict(&f->cn[0]));
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_FALSE(test, ct_entry_dead(&f->e[i]));
		KUNIT_EXPECT_EQ(test, refcount_read(&f->e[i].ct_general.use),
				1);
	}
}

/* A flood in one namespace costs another one nothing. */
static void evict_own_namespace(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < ENTRIES; i++) {
		f->e[i].cn = &f->cn[i < 3 ? 1 : i % 10 == 5 ? 2 : 0];
		add(&f->e[i]);
	}
	for (i = 3; i < ENTRIES; i++)
		if (i % 10 != 5)
			KUNIT_EXPECT_EQ(test, take(f, 0), i);
	KUNIT_EXPECT_EQ(test, take(f, 0), -1);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, take(f, 1), i);
	KUNIT_EXPECT_EQ(test, take(f, 1), -1);
	for (i = 5; i < ENTRIES; i += 10)
		KUNIT_EXPECT_EQ(test, take(f, 2), i);
	KUNIT_EXPECT_EQ(test, take(f, 2), -1);
}

/* A candidate for hours does not come to look young again. */
static void evict_aged(struct kunit *test)
{
	struct fixture *f = test->priv;
	u16 born;

	add(&f->e[0]);
	born = f->e[0].born;
	ct_candidates_aged(&f->e[0]);
	KUNIT_EXPECT_EQ(test, f->e[0].born, born);
	f->e[0].born = born - CT_BORN_OLDEST - 999;
	ct_candidates_aged(&f->e[0]);
	KUNIT_EXPECT_LE(test, (u16)(born - CT_BORN_OLDEST - f->e[0].born), 4);
}

struct cpu_row {
	const char *name;
	unsigned int own;
	unsigned int other;
	/* Seconds that the other's are older by. */
	int older;
	bool from_other;
};

static const struct cpu_row cpu_rows[] = {
	{ "own alone", 5, 0, 0, false },
	{ "other alone", 0, 5, 0, true },
	{ "as old as the other", 7, 70, 0, false },
	{ "the other older", 70, 3, 5, true },
	{ "the other hardly older", 7, 7, 1, false },
	{ "the other younger", 2, 70, -5, false },
	{ "the other older by an hour", 5, 5, 3600, true },
};

static void cpu_desc(const struct cpu_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(cpu, cpu_rows, cpu_desc);

static void evict_which_cpu(struct kunit *test)
{
	const struct cpu_row *row = test->param_value;
	struct fixture *f = test->priv;
	unsigned int i, other;

	other = cpumask_next(f->e[0].wheel_cpu, cpu_possible_mask);
	if (other >= nr_cpu_ids)
		kunit_skip(test, "one CPU");
	for (i = 0; i < row->other + row->own; i++) {
		if (i >= row->own)
			f->e[i].wheel_cpu = other;
		add(&f->e[i]);
		if (i < row->own ? row->older < 0 : row->older > 0)
			f->e[i].born -= abs(row->older) * HZ / CT_BORN_UNIT;
	}
	for (i = 0; i < min(row->other, row->own); i++)
		KUNIT_EXPECT_EQ(test, take(f, 0),
				i + (row->from_other ? row->own : 0));
}

struct refresh_row {
	const char *name;
	unsigned long status;
	/* What was there, what is asked for, what is there then: relative. */
	u32 old, timeout, new;
	/* Level of the wheel that it is in then. */
	unsigned int level;
};

#define LIVE		IPS_CONFIRMED

static const struct refresh_row refresh_rows[] = {
	{ "unconfirmed stays relative", 0, 0, 30 * HZ, 30 * HZ },
	{ "unconfirmed, changed", 0, 30 * HZ, 3 * HZ, 3 * HZ },
	{ "unconfirmed, to nothing", 0, 30 * HZ, 0, 0 },
	{ "later", LIVE, 100 * HZ, 300 * HZ, 300 * HZ, 1 },
	{ "later by a jiffy", LIVE, 100 * HZ, 100 * HZ + 1, 100 * HZ, 1 },
	{ "later by a quarter", LIVE, 100 * HZ, 100 * HZ + HZ / 4,
	  100 * HZ + HZ / 4, 1 },
	{ "earlier, as for a reset", LIVE, 432000 * HZ, 10 * HZ, 10 * HZ, 0 },
	{ "earlier by a second", LIVE, 30 * HZ, 29 * HZ, 29 * HZ, 0 },
	{ "fixed, later", LIVE | IPS_FIXED_TIMEOUT, 90 * HZ, 900 * HZ,
	  90 * HZ, 1 },
	{ "fixed, earlier", LIVE | IPS_FIXED_TIMEOUT, 90 * HZ, HZ, 90 * HZ, 1 },
	{ "fixed before it is confirmed", IPS_FIXED_TIMEOUT, 9 * HZ, HZ,
	  9 * HZ },
	{ "beyond what can be", LIVE, 100 * HZ, U32_MAX, CT_LONGEST, 1 },
	{ "beyond, unconfirmed", 0, 0, U32_MAX, CT_LONGEST },
};

static void refresh_desc(const struct refresh_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(refresh, refresh_rows, refresh_desc);

static void refresh(struct kunit *test)
{
	const struct refresh_row *row = test->param_value;
	bool live = row->status & IPS_CONFIRMED;
	struct fixture *f = test->priv;
	struct ct_entry *e = &f->e[0];
	unsigned long before;

	e->status = row->status;
	atomic_set(&e->hot, row->status);
	do {
		ct_expire_del(e);
		before = jiffies;
		e->expires = row->old + (live ? (u32)before : 0);
		if (live)
			add(e);
		ct_refresh(e, row->timeout);
		KUNIT_EXPECT_EQ(test, ct_entry_left(e), row->new);
		/* Again, should the clock have moved in between. */
	} while (time_after(jiffies, before));
	if (live)
		KUNIT_EXPECT_EQ(test, (int)e->wheel_slot / CT_WHEEL_WIDTH,
				row->level);
	else
		KUNIT_EXPECT_EQ(test, (int)e->wheel_slot, CT_WHEEL_NONE);
}

/* Who sends more than a fifth is found among any number of others. */
static void drops_top(struct kunit *test)
{
	struct ct_drops *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	union nf_inet_addr src = {};
	unsigned int i, found = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, d);
	for (i = 0; i < 3000; i++) {
		src.ip = htonl(i % 3 == 0 ? 7 : i % 3 == 1 ? 9 : 1000 + i);
		ct_drops_note(d, &src, NFPROTO_IPV4);
	}
	KUNIT_EXPECT_EQ(test, d->count, 3000ULL);
	for (i = 0; i < CT_DROPS_TOP; i++) {
		u32 ip = ntohl(d->top[i].addr.ip);

		if (d->top[i].hits > 1 && (ip == 7 || ip == 9)) {
			KUNIT_EXPECT_LE(test, d->top[i].hits, 1000U);
			found++;
		}
	}
	KUNIT_EXPECT_EQ(test, found, 2U);

	/* The same bits of another family are somebody else. */
	memset(d, 0, sizeof(*d));
	ct_drops_note(d, &src, NFPROTO_IPV4);
	ct_drops_note(d, &src, NFPROTO_IPV6);
	for (i = 0; i < CT_DROPS_TOP; i++)
		KUNIT_EXPECT_LE(test, d->top[i].hits, 1U);
}

static struct kunit_case overload_cases[] = {
	KUNIT_CASE(evict_none),
	KUNIT_CASE(drops_top),
	KUNIT_CASE(evict_aged),
	KUNIT_CASE(evict_oldest_first),
	KUNIT_CASE(evict_never_replied),
	KUNIT_CASE(evict_refresh_keeps_order),
	KUNIT_CASE(evict_reply_before_add),
	KUNIT_CASE(evict_killed_before_add),
	KUNIT_CASE(evict_deleted),
	KUNIT_CASE(evict_stays_in_wheel),
	KUNIT_CASE(evict_reply_saves),
	KUNIT_CASE(evict_own_namespace),
	KUNIT_CASE_PARAM(evict_which_cpu, cpu_gen_params),
	KUNIT_CASE_PARAM(refresh, refresh_gen_params),
	{}
};

static struct kunit_suite overload_suite = {
	.name = "ct_overload",
	.suite_init = overload_suite_init,
	.suite_exit = overload_suite_exit,
	.init = overload_init,
	.exit = overload_exit,
	.test_cases = overload_cases,
};

kunit_test_suites(&overload_suite);

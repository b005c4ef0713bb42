// SPDX-License-Identifier: GPL-2.0
/*
 * The timing wheel under a clock of the test's own: nothing here waits.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include "wheel.h"

#define DAY	(86400U * HZ)
#define MILLION	1000000U

struct fixture {
	struct ct_wheel w;
	struct ct_entry *e;
	unsigned int entries;
	u32 now;
	unsigned int expired;
	unsigned int early;
	unsigned int late;
	u64 steps;
};

static int fixture_make(struct kunit *test, unsigned int entries, u32 start)
{
	struct fixture *f = test->priv;
	unsigned int i;

	f->e = kvcalloc(entries, sizeof(*f->e), GFP_KERNEL);
	if (!f->e)
		return -ENOMEM;
	f->entries = entries;
	for (i = 0; i < entries; i++) {
		refcount_set(&f->e[i].ct_general.use, 1);
		f->e[i].wheel_slot = CT_WHEEL_NONE;
	}
	f->now = start;
	ct_wheel_init(&f->w, start);
	return 0;
}

static int wheel_test_init(struct kunit *test)
{
	struct fixture *f = kvzalloc(sizeof(*f), GFP_KERNEL);

	test->priv = f;
	return f ? 0 : -ENOMEM;
}

static void wheel_test_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f)
		kvfree(f->e);
	kvfree(f);
}

static void link(struct fixture *f, unsigned int i, u32 timeout)
{
	f->e[i].expires = f->now + timeout;
	ct_wheel_link(&f->w, &f->e[i], f->now);
}

static void expired(struct fixture *f, struct ct_entry *e)
{
	s32 lateness = f->now - e->expires;

	if (lateness < 0)
		f->early++;
	if (lateness > CT_WHEEL_TICK)
		f->late++;
	f->expired++;
	refcount_dec(&e->ct_general.use);
}

/* Turn the wheel to the present in pieces of @room and @budget. */
static void turn(struct fixture *f, unsigned int room, unsigned int budget)
{
	unsigned int found, i, left;
	struct ct_entry *due[64];

	do {
		left = budget;
		found = ct_wheel_advance(&f->w, f->now, due, room, &left);
		f->steps += budget - left;
		for (i = 0; i < found; i++)
			expired(f, due[i]);
	} while (found == room || !left);
}

/* Let time pass, the wheel being turned each @step jiffies. */
static void pass(struct fixture *f, u64 time, u32 step)
{
	while (time) {
		u32 n = min_t(u64, time, step);

		f->now += n;
		time -= n;
		turn(f, 64, 256);
	}
}

struct due_row {
	const char *name;
	u32 timeout;
	u32 start;
	u32 tick;
};

/* Timeouts about the borders of levels; clocks and ticks about to wrap. */
static const struct due_row due_rows[] = {
	{ "now", 0, 0, 0 },
	{ "one jiffy", 1, 0, 0 },
	{ "just below a tick", HZ - 1, 0, 0 },
	{ "a tick", HZ, 0, 0 },
	{ "just above a tick", HZ + 1, 0, 0 },
	{ "last slot of level 0", 63 * HZ, 0, 0 },
	{ "level 0 to 1", 63 * HZ + 1, 0, 0 },
	{ "first slot of level 1", 64 * HZ, 0, 0 },
	{ "level 1 with a remainder", 127 * HZ + 3, 0, 0 },
	{ "last slot of level 1", 4095 * HZ, 0, 0 },
	{ "level 1 to 2", 4095 * HZ + 1, 0, 0 },
	{ "first slot of level 2", 4096 * HZ, 0, 0 },
	{ "level 2, cascades through all", 8191 * HZ + 7, 0, 0 },
	{ "last slot of level 2", 262143 * HZ, 0, 0 },
	{ "first slot of level 3", 262144 * HZ, 0, 0 },
	{ "five days", 5 * DAY, 0, 0 },
	{ "five days and a jiffy", 5 * DAY + 1, 0, 0 },
	{ "as long as can be", (u32)S32_MAX - 3600 * HZ, 0, 0 },
	{ "jiffies wrap within a tick", HZ, -(HZ / 2), 0 },
	{ "jiffies wrap in level 0", 30 * HZ, -10 * HZ, 0 },
	{ "jiffies wrap in level 1", 1000 * HZ, -500 * HZ - 1, 0 },
	{ "jiffies wrap in level 3", 5 * DAY, -2 * DAY, 0 },
	{ "jiffies change sign", 1000 * HZ, 0x7fffffff - 500 * HZ, 0 },
	{ "as long as can be, wrapping", (u32)S32_MAX - 3600 * HZ, -1, 0 },
	{ "around level 0", 63 * HZ, 0, 1 },
	{ "around level 1", 4095 * HZ, 0, 1 },
	{ "around level 1 at its last slot", 4095 * HZ, 0, 4095 },
	{ "around level 2", 262143 * HZ, 0, 4097 },
	{ "tick before a cascade of level 1", 100 * HZ, 0, 63 },
	{ "tick of a cascade of level 1", 100 * HZ, 0, 64 },
	{ "tick before a cascade of level 2", 100 * HZ, 0, 4095 },
	{ "tick before a cascade of level 3", 5000 * HZ, 0, 262143 },
	{ "tick before a cascade of level 4", 5000 * HZ, 0, 16777215 },
	{ "into level 1 of the next level 4", 70 * HZ, 0, 16777215 },
	{ "ticks wrap", 5000 * HZ, 0, -3 },
};

static void due_desc(const struct due_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(due, due_rows, due_desc);

static void wheel_due(struct kunit *test)
{
	const struct due_row *row = test->param_value;
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 1, row->start), 0);
	f->w.tick = row->tick;
	link(f, 0, row->timeout);

	/* Not a jiffy too early ... */
	if (row->timeout) {
		pass(f, row->timeout - 1, HZ);
		KUNIT_EXPECT_EQ(test, f->expired, 0);
	}
	/* ... and less than a tick too late. */
	pass(f, HZ + !!row->timeout, 1);
	KUNIT_EXPECT_EQ(test, f->expired, 1);
	KUNIT_EXPECT_EQ(test, f->early, 0);
	KUNIT_EXPECT_LE(test, f->now - f->e->expires, (u32)CT_WHEEL_TICK);
	KUNIT_EXPECT_EQ(test, f->w.count, 0);
	KUNIT_EXPECT_EQ(test, (int)f->e->wheel_slot, CT_WHEEL_NONE);
	KUNIT_EXPECT_EQ(test, refcount_read(&f->e->ct_general.use), 1);
}

struct move_row {
	const char *name;
	u32 timeout;
	u32 after;
	u32 again;
};

/* A new timeout some time after the first one. */
static const struct move_row move_rows[] = {
	{ "later within level 0", 10 * HZ, 5 * HZ, 10 * HZ },
	{ "later, 0 to 1", 10 * HZ, 9 * HZ, 300 * HZ },
	{ "later, 0 to 3", 10 * HZ, 10 * HZ - 1, 5 * DAY },
	{ "later within level 1", 120 * HZ, 119 * HZ, 120 * HZ },
	{ "later within level 3", 5 * DAY, DAY, 5 * DAY },
	{ "earlier, 3 to 0", 5 * DAY, 10 * HZ, 10 * HZ },
	{ "earlier, 3 to 1", 5 * DAY, 1, 120 * HZ },
	{ "earlier, 3 to 2", 5 * DAY, 4096 * HZ, 4097 * HZ },
	{ "earlier, 1 to 0", 120 * HZ, HZ / 2, 30 * HZ },
	{ "earlier within level 0", 20 * HZ, 3 * HZ, 5 * HZ },
	{ "earlier by one jiffy", 20 * HZ, HZ, 19 * HZ - 1 },
	{ "earlier, to at once", 5 * DAY, 7 * HZ + 1, 0 },
	{ "the same again", 432 * HZ, 0, 432 * HZ },
};

static void move_desc(const struct move_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(move, move_rows, move_desc);

static void wheel_move(struct kunit *test)
{
	const struct move_row *row = test->param_value;
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 1, -77), 0);
	link(f, 0, row->timeout);
	pass(f, row->after, HZ / 3);
	f->e->expires = f->now + row->again;
	/* Later is none of the wheel's business until it comes to the slot. */
	if (row->after + row->again < row->timeout)
		ct_wheel_move(&f->w, f->e, f->now);
	if (row->again)
		pass(f, row->again - 1, HZ);
	KUNIT_EXPECT_EQ(test, f->expired, 0);
	pass(f, HZ + 1, 1);
	KUNIT_EXPECT_EQ(test, f->expired, 1);
	KUNIT_EXPECT_EQ(test, f->early + f->late, 0);
}

/* No lock is worth it, and no relinking, when the slot comes in time anyway. */
static void wheel_move_needless(struct kunit *test)
{
	struct fixture *f = test->priv;
	u16 slot;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 1, 0), 0);
	link(f, 0, 5000 * HZ);
	slot = f->e->wheel_slot;
	KUNIT_EXPECT_EQ(test, slot / CT_WHEEL_WIDTH, 2);
	f->e->expires -= 800 * HZ;
	ct_wheel_move(&f->w, f->e, f->now);
	KUNIT_EXPECT_EQ(test, (int)f->e->wheel_slot, (int)slot);
	f->e->expires -= 200 * HZ;
	ct_wheel_move(&f->w, f->e, f->now);
	KUNIT_EXPECT_EQ(test, f->e->wheel_slot / CT_WHEEL_WIDTH, 1);
	ct_wheel_unlink(&f->w, f->e);
	ct_wheel_move(&f->w, f->e, f->now);
	KUNIT_EXPECT_EQ(test, (int)f->e->wheel_slot, CT_WHEEL_NONE);
	KUNIT_EXPECT_EQ(test, f->w.count, 0);
}

/*
 * What is looked at now and again may be moved to anywhere behind that without
 * a word to the wheel, earlier or later, and is on time all the same.
 */
static void wheel_revisit(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rnd_state rnd;
	unsigned int i;
	u32 r;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 1, -5000 * HZ), 0);
	prandom_seed_state(&rnd, 7);
	atomic_set(&f->e->hot, CT_HOT_REVISIT);
	for (i = 0; i < 100; i++) {
		link(f, 0, 5 * DAY);
		r = prandom_u32_state(&rnd);
		pass(f, r % (1000 * HZ), HZ / 2 + r % HZ);
		/* To the border, or near it. */
		r = CT_REVISIT * HZ + (i % 3 ? 0 : 40 * HZ);
		f->e->expires = f->now + r;
		pass(f, r - 1, HZ);
		KUNIT_ASSERT_EQ(test, f->expired, i);
		pass(f, HZ + 1, 1);
		KUNIT_ASSERT_EQ(test, f->expired, i + 1);
		KUNIT_ASSERT_EQ(test, f->early + f->late, 0);
	}
}

/* A wheel that stood still looks at it once, not for each interval it missed. */
static void wheel_revisit_late(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 1, 0), 0);
	atomic_set(&f->e->hot, CT_HOT_REVISIT);
	link(f, 0, 5 * DAY);
	f->now += DAY;
	f->steps = 0;
	turn(f, 64, 256);
	KUNIT_EXPECT_EQ(test, f->expired, 0);
	/* A step a second, and a few to link it again on the lower levels. */
	KUNIT_EXPECT_LE(test, f->steps, 86400ULL + 10);
}

/* Many steps of less than a tick must not add up to lateness. */
static void wheel_move_creeping(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;
	u32 end;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 1, 0), 0);
	link(f, 0, 500 * HZ);
	end = f->e->expires;
	for (i = 1; i <= 4 * 490; i++) {
		f->e->expires = end - i * HZ / 4;
		ct_wheel_move(&f->w, f->e, f->now);
	}
	pass(f, 11 * HZ + HZ / 2, HZ / 4);
	KUNIT_EXPECT_EQ(test, f->expired, 1);
	KUNIT_EXPECT_EQ(test, f->early + f->late, 0);
}

static void wheel_unlink(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 300, 0), 0);
	for (i = 0; i < 300; i++)
		link(f, i, i * i * HZ);
	for (i = 0; i < 300; i += 3) {
		ct_wheel_unlink(&f->w, &f->e[i]);
		ct_wheel_unlink(&f->w, &f->e[i]);
	}
	KUNIT_EXPECT_EQ(test, f->w.count, 200);
	pass(f, 90000 * HZ, HZ);
	KUNIT_EXPECT_EQ(test, f->expired, 200);
	KUNIT_EXPECT_EQ(test, f->early + f->late, 0);
	KUNIT_EXPECT_EQ(test, f->w.count, 0);
}

/* Half of a slot is taken out by others while it is worked through. */
static void wheel_unlink_during_expiry(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i, gone = 0, found, budget;
	struct ct_entry *due[10];

	KUNIT_ASSERT_EQ(test, fixture_make(test, 1000, 0), 0);
	for (i = 0; i < 1000; i++)
		link(f, i, 3 * HZ);
	f->now += 3 * HZ;
	do {
		budget = 100;
		found = ct_wheel_advance(&f->w, f->now, due, 10, &budget);
		for (i = 0; i < found; i++)
			expired(f, due[i]);
		for (i = 0; i < 1000 && found; i++) {
			if (f->e[i].wheel_slot == CT_WHEEL_NONE)
				continue;
			ct_wheel_unlink(&f->w, &f->e[i]);
			gone++;
			found--;
		}
	} while (f->w.count);
	KUNIT_EXPECT_EQ(test, gone + f->expired, 1000);
	KUNIT_EXPECT_EQ(test, f->expired, 500);
	for (i = 0; i < 1000; i++)
		KUNIT_EXPECT_EQ(test, refcount_read(&f->e[i].ct_general.use),
				1);
}

struct batch_row {
	const char *name;
	unsigned int room;
	unsigned int budget;
	u32 timeout;
};

static const struct batch_row batch_rows[] = {
	{ "one at a time", 1, 64, 2 * HZ },
	{ "seven at a time", 7, 64, 2 * HZ },
	{ "one step at a time", 64, 1, 2 * HZ },
	{ "few steps, level 1", 64, 5, 70 * HZ },
	{ "room and steps, level 2", 3, 3, 5000 * HZ },
	{ "one of each, level 3", 1, 1, 262150 * HZ },
};

static void batch_desc(const struct batch_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(batch, batch_rows, batch_desc);

/* However small the pieces, each expires once, in time, with a reference. */
static void wheel_batch(struct kunit *test)
{
	const struct batch_row *row = test->param_value;
	struct fixture *f = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 1000, 12345), 0);
	for (i = 0; i < 1000; i++)
		link(f, i, row->timeout + i % HZ);
	while (f->now - 12345 < row->timeout + 2 * HZ) {
		f->now += HZ;
		turn(f, row->room, row->budget);
	}
	KUNIT_EXPECT_EQ(test, f->expired, 1000);
	KUNIT_EXPECT_EQ(test, f->early + f->late, 0);
	KUNIT_EXPECT_EQ(test, f->w.count, 0);
}

/* What comes in while a tick is unfinished is neither lost nor taken early. */
static void wheel_link_during_backlog(struct kunit *test)
{
	static const u32 timeout[] = {
		0, 1, HZ, 63 * HZ, 64 * HZ, 65 * HZ, 4095 * HZ, 4096 * HZ,
	};
	struct fixture *f = test->priv;
	unsigned int i, budget = 1;
	struct ct_entry *due[1];

	KUNIT_ASSERT_EQ(test, fixture_make(test, 100 + ARRAY_SIZE(timeout), 0),
			0);
	f->w.tick = 4094;
	for (i = 0; i < 100; i++)
		link(f, i, 2 * HZ);
	f->now += 2 * HZ;
	KUNIT_EXPECT_EQ(test, ct_wheel_advance(&f->w, f->now, due, 1, &budget),
			0);
	budget = 10;
	KUNIT_EXPECT_EQ(test, ct_wheel_advance(&f->w, f->now, due, 1, &budget),
			1);
	KUNIT_EXPECT_TRUE(test, f->w.unfinished);
	expired(f, due[0]);
	for (i = 0; i < ARRAY_SIZE(timeout); i++)
		link(f, 100 + i, timeout[i]);
	turn(f, 8, 8);
	KUNIT_EXPECT_EQ(test, f->expired, 100);
	KUNIT_EXPECT_EQ(test, f->early, 0);
	KUNIT_EXPECT_EQ(test, f->late, 0);
	pass(f, 4098 * HZ, HZ / 2);
	KUNIT_EXPECT_EQ(test, f->expired, 100 + ARRAY_SIZE(timeout));
	KUNIT_EXPECT_EQ(test, f->early, 0);
	KUNIT_EXPECT_EQ(test, f->late, 0);
}

/* An empty wheel takes no step, however long, and starts afresh. */
static void wheel_idle(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 1, 5), 0);
	pass(f, 3ULL << 31, 1U << 30);
	KUNIT_EXPECT_EQ(test, f->steps, 0);
	link(f, 0, 100 * HZ);
	pass(f, 100 * HZ - 1, HZ);
	KUNIT_EXPECT_EQ(test, f->expired, 0);
	KUNIT_EXPECT_LE(test, f->steps, 102);
	pass(f, HZ, 1);
	KUNIT_EXPECT_EQ(test, f->expired, 1);
	KUNIT_EXPECT_EQ(test, f->late, 0);
}

/* The machine stood still for a day: everything due comes at once. */
static void wheel_stall(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 200, -DAY / 2), 0);
	for (i = 0; i < 200; i++)
		link(f, i, i * 700 * HZ);
	f->now += DAY;
	turn(f, 64, 256);
	KUNIT_EXPECT_EQ(test, f->expired, DAY / (700 * HZ) + 1);
	KUNIT_EXPECT_EQ(test, f->early, 0);
	f->late = 0;
	pass(f, DAY, HZ);
	KUNIT_EXPECT_EQ(test, f->expired, 200);
	KUNIT_EXPECT_EQ(test, f->early + f->late, 0);
}

/* A busy connection costs the wheel nearly nothing. */
static void wheel_busy_entry(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 1, 0), 0);
	link(f, 0, 120 * HZ);
	for (i = 0; i < 36000; i++) {
		pass(f, HZ / 5, HZ / 5);
		f->e->expires = f->now + 120 * HZ;
	}
	KUNIT_EXPECT_EQ(test, f->expired, 0);
	/* 7200 ticks, and a visit each 64 of them or so. */
	KUNIT_EXPECT_LE(test, f->steps, 7200 + 7200 / 50);
	pass(f, 121 * HZ, HZ / 5);
	KUNIT_EXPECT_EQ(test, f->expired, 1);
	KUNIT_EXPECT_EQ(test, f->early + f->late, 0);
}

/* All over five days: at most one visit for each level that it is in. */
static void wheel_million(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rnd_state rnd;
	unsigned int i;

	if (fixture_make(test, MILLION, -DAY))
		kunit_skip(test, "no memory for a million entries");
	prandom_seed_state(&rnd, 42);
	for (i = 0; i < MILLION; i++)
		link(f, i, prandom_u32_state(&rnd) % (5 * DAY));
	KUNIT_EXPECT_EQ(test, f->w.count, MILLION);
	pass(f, 5 * DAY + HZ, HZ);
	KUNIT_EXPECT_EQ(test, f->expired, MILLION);
	KUNIT_EXPECT_EQ(test, f->early + f->late, 0);
	KUNIT_EXPECT_LE(test, f->steps, 4ULL * MILLION + 432001);
	KUNIT_EXPECT_EQ(test, f->w.count, 0);
}

/* All in one slot, as a flood leaves them: no call takes more than its share */
static void wheel_million_at_once(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i, found, budget, calls = 0;
	struct ct_entry *due[64];

	if (fixture_make(test, MILLION, 0))
		kunit_skip(test, "no memory for a million entries");
	for (i = 0; i < MILLION; i++)
		link(f, i, 30 * HZ);
	f->now += 30 * HZ;
	do {
		budget = 100;
		found = ct_wheel_advance(&f->w, f->now, due, 64, &budget);
		KUNIT_ASSERT_LE(test, found, 64);
		for (i = 0; i < found; i++)
			expired(f, due[i]);
		calls++;
	} while (found == 64 || !budget);
	KUNIT_EXPECT_EQ(test, f->expired, MILLION);
	KUNIT_EXPECT_EQ(test, f->early + f->late, 0);
	KUNIT_EXPECT_LE(test, calls, MILLION / 64 + 30);
}

/* Anything in any order, against what each entry's own time says. */
static void wheel_random(struct kunit *test)
{
	static const u32 span[] = { 2, 60, 130, 5000, 300000 };
	struct fixture *f = test->priv;
	struct rnd_state rnd;
	unsigned int i, round, wrong = 0;

	KUNIT_ASSERT_EQ(test, fixture_make(test, 500, -20000 * HZ), 0);
	prandom_seed_state(&rnd, 7);
	for (round = 0; round < 200000; round++) {
		u32 r = prandom_u32_state(&rnd);
		struct ct_entry *e = &f->e[r % 500];
		u32 timeout = prandom_u32_state(&rnd) %
			(span[prandom_u32_state(&rnd) % 5] * HZ);
		u32 old = e->expires;

		switch (r >> 29) {
		case 0:
		case 1:
			if (e->wheel_slot == CT_WHEEL_NONE)
				link(f, e - f->e, timeout);
			break;
		case 2:
			ct_wheel_unlink(&f->w, e);
			break;
		case 3:
			e->expires = f->now + timeout;
			if ((s32)(e->expires - old) < 0)
				ct_wheel_move(&f->w, e, f->now);
			break;
		default:
			f->now += 1 + (r >> 10) % (HZ / 2);
			turn(f, 1 + (r >> 8) % 64, 1 + (r >> 16) % 256);
		}
		/* Nobody who should be gone by now is still in. */
		for (i = round % 50; i < 500; i += 50)
			if (f->e[i].wheel_slot != CT_WHEEL_NONE &&
			    (s32)(f->now - f->e[i].expires) > 2 * HZ)
				wrong++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, f->early, 0);
	KUNIT_EXPECT_GT(test, f->expired, 1000);
	pass(f, 300001ULL * HZ, HZ);
	KUNIT_EXPECT_EQ(test, f->w.count, 0);
	for (i = 0; i < CT_WHEEL_SLOTS; i++)
		KUNIT_EXPECT_TRUE(test, hlist_empty(&f->w.slot[i]));
}

static struct kunit_case wheel_cases[] = {
	KUNIT_CASE_PARAM(wheel_due, due_gen_params),
	KUNIT_CASE_PARAM(wheel_move, move_gen_params),
	KUNIT_CASE(wheel_move_needless),
	KUNIT_CASE(wheel_revisit),
	KUNIT_CASE(wheel_revisit_late),
	KUNIT_CASE(wheel_move_creeping),
	KUNIT_CASE(wheel_unlink),
	KUNIT_CASE(wheel_unlink_during_expiry),
	KUNIT_CASE_PARAM(wheel_batch, batch_gen_params),
	KUNIT_CASE(wheel_link_during_backlog),
	KUNIT_CASE(wheel_idle),
	KUNIT_CASE(wheel_stall),
	KUNIT_CASE(wheel_busy_entry),
	KUNIT_CASE(wheel_million),
	KUNIT_CASE(wheel_million_at_once),
	KUNIT_CASE(wheel_random),
	{}
};

static struct kunit_suite wheel_suite = {
	.name = "ct_wheel",
	.init = wheel_test_init,
	.exit = wheel_test_exit,
	.test_cases = wheel_cases,
};

kunit_test_suites(&wheel_suite);

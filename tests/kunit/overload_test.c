// SPDX-License-Identifier: GPL-2.0
/*
 * Who is evicted first, and what a new timeout does to an entry.
 */
#include <kunit/test.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/slab.h>
#include <net/ct/expire.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include <net/ct/proto.h>
#include <net/ct/table.h>
#include "overload.h"
#include "wheel.h"
#include "wheels.h"

#define SPACES	3
#define ENTRIES	300

struct fixture {
	struct ct_net cn[SPACES];
	struct ct_entry e[ENTRIES];
};

static void overload_exit(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	if (!f)
		return;
	for (i = 0; i < ENTRIES && ct_wheels; i++)
		if (f->e[i].hash[IP_CT_DIR_ORIGINAL])
			ct_entry_kill(&f->e[i], 0, 0);
		else
			ct_expire_del(&f->e[i]);
	for (i = 0; i < SPACES; i++) {
		ct_candidates_exit(&f->cn[i]);
		free_percpu(f->cn[i].stats);
		if (rcu_access_pointer(f->cn[i].table.cur))
			ct_table_destroy(&f->cn[i].table);
	}
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
		spin_lock_init(&f->e[i].lock);
		refcount_set(&f->e[i].ct_general.use, 1);
		f->e[i].cn = &f->cn[0];
		f->e[i].expires = (u32)jiffies + 1000 * HZ;
		f->e[i].wheel_slot = CT_WHEEL_NONE;
		f->e[i].wheel_cpu = cpumask_first(cpu_possible_mask);
		f->e[i].status = IPS_CONFIRMED;
		atomic_set(&f->e[i].hot, IPS_CONFIRMED);
	}
	for (i = 0; i < SPACES; i++) {
		f->cn[i].net = &init_net;
		ct_log_init(&f->cn[i]);
		f->cn[i].stats = alloc_percpu(struct ct_stats);
		if (!f->cn[i].stats || ct_candidates_init(&f->cn[i]) ||
		    ct_table_init(&f->cn[i].table, 6, 6))
			return -ENOMEM;
	}
	for (i = 0; i < __CT_TIMEOUT_MAX; i++)
		f->cn[0].timeout[i] = 1000 * HZ;
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
	struct ct_entry *e = NULL;
	unsigned int cpu;

	local_bh_disable();
	rcu_read_lock();
	cpu = ct_candidates_from(&f->cn[space],
				 cpumask_first(cpu_possible_mask));
	if (cpu < nr_cpu_ids)
		e = ct_candidates_take(&f->cn[space], cpu);
	rcu_read_unlock();
	local_bh_enable();
	if (!e)
		return -1;
	refcount_dec(&e->ct_general.use);
	return e - f->e;
}

static void evict_none(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, take(f, 0), -1);
	KUNIT_EXPECT_EQ(test, ct_evict(&f->cn[0], false), CT_ROOM_NONE);
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
	KUNIT_EXPECT_EQ(test, ct_evict(&f->cn[0], false), CT_ROOM_NONE);
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
	KUNIT_EXPECT_LE(test, (u16)(born - CT_BORN_OLDEST - f->e[0].born), 16);
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
	KUNIT_EXPECT_EQ(test, d->noted, 3000ULL);
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

/* What an entry is, for the choice of who goes. */
enum kind {
	UNREPLIED,
	REPLIED,
	HALF_OPEN,
	TIMEWAIT,
	SHUTDOWN,
	OPEN,
	STREAM,
};

static const struct {
	u8 l4;
	u8 state;
	u32 status;
} kinds[] = {
	[UNREPLIED] = { IPPROTO_UDP },
	[REPLIED] = { IPPROTO_UDP, 0, IPS_SEEN_REPLY },
	[HALF_OPEN] = { IPPROTO_TCP, TCP_CONNTRACK_SYN_RECV, IPS_SEEN_REPLY },
	[TIMEWAIT] = { IPPROTO_TCP, TCP_CONNTRACK_TIME_WAIT,
			IPS_SEEN_REPLY | IPS_ASSURED },
	[SHUTDOWN] = { IPPROTO_SCTP, SCTP_CONNTRACK_SHUTDOWN_SENT,
		       IPS_SEEN_REPLY | IPS_ASSURED },
	[OPEN] = { IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED,
		   IPS_SEEN_REPLY | IPS_ASSURED },
	[STREAM] = { IPPROTO_UDP, 0, IPS_SEEN_REPLY | IPS_ASSURED },
};

static void set_state(struct ct_entry *e, u8 l4, u8 state)
{
	if (l4 == IPPROTO_TCP)
		e->proto.tcp.state = state;
	else if (l4 == IPPROTO_SCTP)
		e->proto.sctp.state = state;
}

/* In table and wheel, with its last packet so many seconds ago. */
static void place(struct kunit *test, unsigned int i, enum kind kind, u32 src,
		  u32 age)
{
	struct fixture *f = test->priv;
	struct ct_entry *e = &f->e[i], *met[IP_CT_DIR_MAX];
	struct nf_conntrack_tuple *tuple = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	int err;

	tuple->src.l3num = NFPROTO_IPV4;
	tuple->src.u3.ip = htonl(src);
	tuple->src.u.all = htons(i);
	tuple->dst.protonum = kinds[kind].l4;
	e->dir[IP_CT_DIR_REPLY].tuple = *tuple;
	e->dir[IP_CT_DIR_REPLY].tuple.dst.dir = IP_CT_DIR_REPLY;
	e->hash[IP_CT_DIR_ORIGINAL] = (i + 1) * 0x9e3779b1;
	e->hash[IP_CT_DIR_REPLY] = (i + 1) * 0x85ebca77;
	e->expires = (u32)jiffies + (1000 - age) * HZ;
	e->status |= kinds[kind].status;
	atomic_or(kinds[kind].status, &e->hot);
	set_state(e, kinds[kind].l4, kinds[kind].state);
	ct_entry_get(e);
	local_bh_disable();
	rcu_read_lock();
	err = ct_table_insert(&e->cn->table, e, met);
	rcu_read_unlock();
	ct_expire_add(e);
	local_bh_enable();
	e->born -= age * HZ / CT_BORN_UNIT;
	KUNIT_ASSERT_EQ(test, err, 0);
}

static bool alive(const struct fixture *f, unsigned int i)
{
	return !(ct_entry_hot(&f->e[i]) & IPS_DYING);
}

static unsigned int living(const struct fixture *f, unsigned int from,
			   unsigned int to)
{
	unsigned int n = 0;

	for (; from < to; from++)
		n += alive(f, from);
	return n;
}

static unsigned int evict(const struct fixture *f, unsigned int n)
{
	unsigned int done = 0;

	while (n-- && ct_evict((struct ct_net *)&f->cn[0], false) !=
		      CT_ROOM_NONE)
		done++;
	return done;
}

/* Each from a network of its own. */
static u32 stranger(unsigned int i)
{
	return 0x0a000001 + (i << 8);
}

/* First who was never answered, then who closes, or is not assured yet. */
static void order_classes(struct kunit *test)
{
	static const enum kind second[] = { REPLIED, HALF_OPEN, TIMEWAIT,
					    SHUTDOWN };
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < 40; i++)
		place(test, i, UNREPLIED, stranger(i), 10);
	for (; i < 120; i++)
		place(test, i, second[i % 4], stranger(i), 500);
	for (; i < 200; i++)
		place(test, i, i % 2 ? OPEN : STREAM, stranger(i), 900);
	for (i = 0; i < 40; i++) {
		KUNIT_EXPECT_EQ(test, evict(f, 1), 1U);
		KUNIT_EXPECT_FALSE(test, alive(f, i));
	}
	KUNIT_EXPECT_EQ(test, living(f, 40, 200), 160U);
	/* The last ones are rare: it may take the long look of a later jiffy. */
	for (i = 0; i < 1000 && living(f, 40, 120); i++)
		if (!evict(f, 1))
			schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_EQ(test, living(f, 40, 120), 0U);
	KUNIT_EXPECT_EQ(test, evict(f, 1), 0U);
	KUNIT_EXPECT_EQ(test, living(f, 120, 200), 80U);
}

/* The oldest of who was answered, as far as a look at a few tells. */
static void order_oldest(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < 300; i++)
		place(test, i, i % 2 ? REPLIED : TIMEWAIT, stranger(i), i);
	KUNIT_EXPECT_EQ(test, evict(f, 150), 150U);
	KUNIT_EXPECT_GE(test, living(f, 0, 75), 74U);
	KUNIT_EXPECT_LE(test, living(f, 225, 300), 15U);
}

/* In a flood that is answered, whose answer is under way is not the flood. */
static void order_young(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < 10; i++)
		place(test, i, UNREPLIED, stranger(i), 0);
	for (; i < 300; i++)
		place(test, i, HALF_OPEN, stranger(i), 3);
	/* It has to have looked before it knows that they are few. */
	KUNIT_EXPECT_EQ(test, evict(f, 200), 200U);
	KUNIT_EXPECT_GE(test, living(f, 0, 10), 9U);
	/* After some seconds they are not waiting for an answer any more. */
	for (i = 0; i < 10; i++)
		f->e[i].born -= 3 * HZ / CT_BORN_UNIT;
	KUNIT_EXPECT_EQ(test, evict(f, 10), 10U);
	KUNIT_EXPECT_EQ(test, living(f, 0, 10), 0U);
}

/* But when they are many, they are the flood. */
static void order_young_flood(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < 200; i++)
		place(test, i, UNREPLIED, stranger(i), 0);
	for (; i < 250; i++)
		place(test, i, REPLIED, stranger(i), 20);
	for (i = 0; i < 150; i++) {
		KUNIT_EXPECT_EQ(test, evict(f, 1), 1U);
		KUNIT_EXPECT_FALSE(test, alive(f, i));
	}
	KUNIT_EXPECT_EQ(test, living(f, 200, 250), 50U);
}

struct source_row {
	const char *name;
	enum kind kind;
	u32 age;
};

static const struct source_row source_rows[] = {
	{ "answered", REPLIED, 5 },
	{ "half open", HALF_OPEN, 5 },
	{ "short connections", TIMEWAIT, 5 },
	{ "unreplied", UNREPLIED, 5 },
	{ "unreplied, at once", UNREPLIED, 0 },
};

static void source_desc(const struct source_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(source, source_rows, source_desc);

/* A flood from one network evicts itself, and nobody who was there before. */
static void order_source(struct kunit *test)
{
	const struct source_row *row = test->param_value;
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < 60; i++)
		place(test, i, row->kind, stranger(i), row->age + 50);
	for (; i < 300; i++)
		place(test, i, row->kind, 0xc0a80000 + i % 200, row->age);
	KUNIT_EXPECT_EQ(test, evict(f, 160), 160U);
	/* Some go before it is known who it is. */
	KUNIT_EXPECT_GE(test, living(f, 0, 60), 54U);
}

/* A connection of a stranger with the host itself. */
static struct nf_conntrack_tuple *with_host(struct fixture *f, unsigned int i)
{
	struct nf_conntrack_tuple *tuple = &f->e[i].dir[IP_CT_DIR_ORIGINAL].tuple;

	tuple->src.l3num = NFPROTO_IPV4;
	tuple->src.u3.ip = htonl(stranger(i));
	tuple->dst.u3.ip = htonl(INADDR_LOOPBACK);
	tuple->dst.protonum = IPPROTO_UDP;
	return tuple;
}

/* What is left of a limit of 64: the host's own share, of two entries. */
static struct ct_net *at_limit(struct fixture *f)
{
	struct ct_net *cn = &f->cn[0];

	cn->net = &init_net;
	cn->max = 64;
	atomic_set(&cn->held, 63);
	return cn;
}

/* Entries in the host's own share, counted by all and by source. */
static void expect_kept(struct kunit *test, const struct ct_net *cn, int wanted)
{
	unsigned int i;
	int sum = 0;

	for (i = 0; i < CT_KEPT_SLOTS; i++) {
		KUNIT_EXPECT_GE(test, atomic_read(&cn->kept.by[i]), 0);
		sum += atomic_read(&cn->kept.by[i]);
	}
	KUNIT_EXPECT_EQ(test, sum, wanted);
	KUNIT_EXPECT_EQ(test, atomic_read(&cn->kept.total), wanted);
}

/* What the host itself has is not for others to evict. */
static void order_kept(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ct_net *cn = at_limit(f);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, ct_room_take(cn, with_host(f, i)),
				CT_ROOM_KEPT);
		atomic_or(CT_HOT_KEPT, &f->e[i].hot);
		place(test, i, i % 2 ? REPLIED : UNREPLIED, stranger(i), 5);
	}
	expect_kept(test, cn, 2);
	KUNIT_EXPECT_EQ(test, ct_evict(cn, false), CT_ROOM_NONE);
	/* Not for who has his part already. */
	KUNIT_EXPECT_EQ(test, ct_room_take(cn, with_host(f, 1)), CT_ROOM_NONE);
	KUNIT_EXPECT_EQ(test, living(f, 0, 2), 2U);
	expect_kept(test, cn, 2);
	/* Somebody has a reference still: who makes it go gets in all the same. */
	for (i = 2; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, ct_room_take(cn, with_host(f, i)),
				CT_ROOM_KEPT);
		KUNIT_EXPECT_EQ(test, living(f, 0, 2), 3 - i);
		expect_kept(test, cn, 2);
	}
	KUNIT_EXPECT_EQ(test, ct_evict(cn, true), CT_ROOM_NONE);
}

/* Who is held by those it expected goes in vain, so it stays. */
static void evict_held(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < 2; i++)
		place(test, i, UNREPLIED, stranger(i), 5);
	atomic_or(CT_HOT_EXPECTS, &f->e[0].hot);
	KUNIT_EXPECT_EQ(test, ct_evict(&f->cn[0], false), CT_ROOM_FREE);
	KUNIT_EXPECT_TRUE(test, alive(f, 0));
	KUNIT_EXPECT_FALSE(test, alive(f, 1));
	KUNIT_EXPECT_EQ(test, ct_evict(&f->cn[0], false), CT_ROOM_NONE);
	KUNIT_EXPECT_TRUE(test, alive(f, 0));
	/* It is not freed with the others, which nobody expects. */
	atomic_andnot(CT_HOT_EXPECTS, &f->e[0].hot);
}

/* The share is full, and who goes for the host was not in it. */
static void evicted_beside_kept(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ct_net *cn = at_limit(f);
	struct ct_candidates *c;
	enum ct_room room;
	unsigned int i;

	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_EQ(test, ct_room_take(cn, with_host(f, i)),
				CT_ROOM_KEPT);
	place(test, 10, REPLIED, stranger(10), 5);
	local_bh_disable();
	c = this_cpu_ptr(cn->candidates);
	/* Nobody was there for others a moment ago. */
	c->until[false] = jiffies + 60 * HZ;
	room = ct_room_take(cn, with_host(f, 2));
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, room, alive(f, 10) ? CT_ROOM_NONE : CT_ROOM_FREE);
	KUNIT_EXPECT_FALSE(test, alive(f, 10));
	expect_kept(test, cn, 2);
}

/* That others looked for long this jiffy takes nothing from the host. */
static void deep_for_own(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ct_candidates *c;
	unsigned int i, n = 0;

	for (i = 20; i < ENTRIES; i++)
		place(test, i, OPEN, stranger(i), 900);
	for (i = 0; i < 20; i++) {
		atomic_or(CT_HOT_KEPT, &f->e[i].hot);
		atomic_inc(&f->cn[0].kept.by[0]);
		place(test, i, REPLIED, stranger(i), 5);
		local_bh_disable();
		c = this_cpu_ptr(f->cn[0].candidates);
		c->until[false] = jiffies;
		c->until[true] = jiffies;
		c->deep[true] = jiffies - 1;
		ct_evict(&f->cn[0], false);
		n += ct_evict(&f->cn[0], true) == CT_ROOM_KEPT;
		local_bh_enable();
	}
	KUNIT_EXPECT_EQ(test, n, 20U);
}

/* That nobody may go is not found out again for each packet. */
static void nobody_remembered(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ct_candidates *c;
	unsigned int i;
	unsigned long until;
	u32 before;

	for (i = 0; i < 100; i++)
		place(test, i, OPEN, stranger(i), 900);
	local_bh_disable();
	c = this_cpu_ptr(f->cn[0].candidates);
	c->deep[false] = jiffies - 1;
	until = jiffies;
	KUNIT_EXPECT_EQ(test, ct_evict(&f->cn[0], false), CT_ROOM_NONE);
	KUNIT_EXPECT_TRUE(test, time_after(c->until[false], until));
	/* On a busy machine that may be over by now. */
	c->until[false] = jiffies + 60 * HZ;
	before = c->cursor;
	for (i = 0; i < 1000; i++)
		KUNIT_EXPECT_EQ(test, ct_evict(&f->cn[0], false),
				CT_ROOM_NONE);
	KUNIT_EXPECT_EQ(test, c->cursor, before);
	c->until[false] = jiffies;
	local_bh_enable();
	place(test, 100, REPLIED, stranger(100), 5);
	for (i = 0; i < 10 && !evict(f, 1); i++)
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_FALSE(test, alive(f, 100));
}

/* However many there are, a packet that is refused looks at few of them. */
static void looks_bounded(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ct_candidates *c;
	unsigned int i, most = 0;
	u32 before;

	for (i = 0; i < ENTRIES; i++)
		place(test, i, OPEN, stranger(i), 900);
	local_bh_disable();
	c = this_cpu_ptr(f->cn[0].candidates);
	/* As if the jiffy's long look were over, however long this takes. */
	for (i = 0; i < 100; i++) {
		c->deep[false] = jiffies + 60 * HZ;
		c->until[false] = jiffies;
		before = c->cursor;
		KUNIT_EXPECT_EQ(test, ct_evict(&f->cn[0], false),
				CT_ROOM_NONE);
		most = max(most, c->cursor - before);
	}
	local_bh_enable();
	/* Buckets, of 300 entries in 64 of them: 64 entries. */
	KUNIT_EXPECT_LE(test, most, 40U);
}

/*
 * One with many whose time is up delays the others by little, though they come
 * last, and is not forgotten when it has been killed in between.
 */
static void expiry_is_fair(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ct_entry *due[4];
	unsigned int i, n, of_others = 0, before = 0;
	struct ct_candidates *c;
	struct ct_wheel *w;
	bool more;

	w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w);
	ct_wheel_init(w, 0);
	/* Those linked last are found first. */
	for (i = 0; i < ENTRIES; i++) {
		f->e[i].cn = &f->cn[i < 3 ? 1 : i < 6 ? 2 : 0];
		f->e[i].expires = HZ;
		ct_wheel_link(w, &f->e[i], 0);
	}
	do {
		more = ct_wheel_due(w, 5 * HZ, due, 4, &n);
		for (i = 0; i < n; i++) {
			if (due[i]->cn != &f->cn[0])
				of_others++;
			else if (of_others < 6)
				before++;
			KUNIT_EXPECT_EQ(test, (int)due[i]->wheel_slot,
					CT_WHEEL_NONE);
			refcount_dec(&due[i]->ct_general.use);
		}
		/* Somebody else kills one, or another, or the last one. */
		for (i = 200; i < ENTRIES; i++)
			if (f->e[i].wheel_slot == CT_WHEEL_LATE) {
				ct_wheel_unlink(w, &f->e[i]);
				break;
			}
		KUNIT_ASSERT_LE(test, n, 4U);
	} while (more);
	KUNIT_EXPECT_EQ(test, of_others, 6U);
	/* 300 are sorted in five steps, four of them go in each. */
	KUNIT_EXPECT_LE(test, before, 24U);
	KUNIT_EXPECT_EQ(test, w->count, 0U);
	KUNIT_EXPECT_TRUE(test, list_empty(&w->late));
	for (i = 0; i < ENTRIES; i++)
		KUNIT_EXPECT_EQ(test, refcount_read(&f->e[i].ct_general.use), 1);
	for (i = 0; i < SPACES; i++) {
		c = per_cpu_ptr(f->cn[i].candidates, f->e[0].wheel_cpu);
		KUNIT_EXPECT_TRUE(test, list_empty(&c->late_node));
	}
}

static void source_keys(struct kunit *test)
{
	struct nf_conntrack_tuple a = {}, b = {};

	a.src.l3num = NFPROTO_IPV4;
	a.src.u3.ip = htonl(0x0a010203);
	b = a;
	b.src.u3.ip = htonl(0x0a0102ff);
	KUNIT_EXPECT_EQ(test, ct_source_key(&a), ct_source_key(&b));
	b.src.u3.ip = htonl(0x0a010303);
	KUNIT_EXPECT_NE(test, ct_source_key(&a), ct_source_key(&b));
	b.src.l3num = NFPROTO_IPV6;
	KUNIT_EXPECT_NE(test, ct_source_key(&a), ct_source_key(&b));
	a.src.l3num = NFPROTO_IPV6;
	memset(&a.src.u3, 0, sizeof(a.src.u3));
	KUNIT_EXPECT_NE(test, ct_source_key(&a), 0ULL);
	a.src.u3.ip6[1] = htonl(5);
	b = a;
	b.src.u3.ip6[2] = htonl(7);
	KUNIT_EXPECT_EQ(test, ct_source_key(&a), ct_source_key(&b));
	b.src.u3.ip6[1] = htonl(6);
	KUNIT_EXPECT_NE(test, ct_source_key(&a), ct_source_key(&b));
}

static void sources(struct kunit *test)
{
	struct ct_sources *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s);
	KUNIT_EXPECT_EQ(test, ct_sources_heavy(s), 0ULL);
	/* One alone is not much. */
	ct_sources_note(s, 5);
	KUNIT_EXPECT_EQ(test, ct_sources_heavy(s), 0ULL);
	for (i = 0; i < 5000; i++)
		ct_sources_note(s, i % 5 < 2 ? 7 : 1000 + i);
	KUNIT_EXPECT_EQ(test, ct_sources_heavy(s), 7ULL);
	/* What was long ago is forgotten. */
	for (i = 0; i < 5000; i++)
		ct_sources_note(s, i % 2 ? 9 : 1000 + i);
	KUNIT_EXPECT_EQ(test, ct_sources_heavy(s), 9ULL);
	/* Many who have little each are nobody. */
	for (i = 0; i < 5000; i++)
		ct_sources_note(s, i % 50);
	KUNIT_EXPECT_EQ(test, ct_sources_heavy(s), 0ULL);
}

/* What no line told of is in the next one, and the first namespace has its own. */
static void refused_counted(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct nf_conntrack_tuple tuple = {};
	struct ct_net *cn = &f->cn[1];
	unsigned int i, told = 0;
	u64 refused = 0, untold;

	tuple.src.l3num = NFPROTO_IPV4;
	tuple.src.u3.ip = htonl(0xc0a80001);
	ct_refused(cn, &tuple);
	KUNIT_EXPECT_EQ(test, ct_drops_untold(cn), 0ULL);
	for (i = 0; i < 100; i++)
		ct_refused(cn, &tuple);
	KUNIT_EXPECT_EQ(test, ct_drops_untold(cn), 100ULL);
	/* Somebody looks at the sources: the count is right all the same. */
	cn->drops.busy = 1;
	ct_refused(cn, &tuple);
	cn->drops.busy = 0;
	KUNIT_EXPECT_EQ(test, ct_drops_untold(cn), 101ULL);

	/* More lines than it may write. */
	for (i = 0; i < 30; i++) {
		untold = ct_drops_untold(cn);
		cn->drops.next = jiffies;
		ct_refused(cn, &tuple);
		refused++;
		if (ct_drops_untold(cn))
			KUNIT_EXPECT_EQ(test, ct_drops_untold(cn), untold + 1);
		else
			told++;
	}
	KUNIT_EXPECT_GE(test, told, 1U);
	KUNIT_EXPECT_LE(test, told, 20U);
	untold = ct_drops_untold(cn);
	KUNIT_EXPECT_GT(test, untold, 0ULL);
	KUNIT_EXPECT_EQ(test, cn->drops.told + untold, 1 + 101 + refused);

	f->cn[2].net = &init_net;
	ct_refused(&f->cn[2], &tuple);
	KUNIT_EXPECT_EQ(test, ct_drops_untold(&f->cn[2]), 0ULL);
}

static struct kunit_case overload_cases[] = {
	KUNIT_CASE(order_classes),
	KUNIT_CASE(order_oldest),
	KUNIT_CASE(order_young),
	KUNIT_CASE(order_young_flood),
	KUNIT_CASE_PARAM(order_source, source_gen_params),
	KUNIT_CASE(order_kept),
	KUNIT_CASE(evicted_beside_kept),
	KUNIT_CASE(evict_held),
	KUNIT_CASE(deep_for_own),
	KUNIT_CASE(nobody_remembered),
	KUNIT_CASE(looks_bounded),
	KUNIT_CASE(expiry_is_fair),
	KUNIT_CASE(source_keys),
	KUNIT_CASE(sources),
	KUNIT_CASE(refused_counted),
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
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.init = overload_init,
	.exit = overload_exit,
	.test_cases = overload_cases,
};

kunit_test_suites(&overload_suite);

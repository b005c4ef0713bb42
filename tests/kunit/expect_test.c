// SPDX-License-Identifier: GPL-2.0
/* Expectations: who meets which, what may be expected, and how they end. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <net/ct/event.h>
#include <net/ct/expect.h>
#include "core.h"
#include "netlink/netlink.h"
#include "packet.h"

#define TCP		IPPROTO_TCP
#define UDP		IPPROTO_UDP
#define PERMANENT	NF_CT_EXPECT_PERMANENT
#define INACTIVE	NF_CT_EXPECT_INACTIVE

/* Every one who expects may have two of the first class, and eight of the other. */
static const struct ct_expect_helper helper = {
	.name = "test",
	.n = 2,
	.class = {
		{ .max = 2, .timeout = 100 * HZ, .name = "few" },
		{ .max = 8, .timeout = 200 * HZ, .name = "some" },
	},
};

/* One end, the other, the protocol: addresses are the last byte of 10.0.0.0. */
struct flow {
	u8 src;
	u16 sport;
	u8 dst;
	u16 dport;
	u8 proto;
	u16 zone;
};

/* Which bits of the source matter. */
struct mask {
	u32 addr;
	u16 port;
};

#define EXACT	{ 0xffffffff, 0xffff }
#define ANY	{ 0, 0 }
#define HOST	{ 0xffffffff, 0 }

static void tuple_of(const struct flow *f, struct nf_conntrack_tuple *t)
{
	memset(t, 0, sizeof(*t));
	test_ends(t, htonl(0x0a000000 + f->src), htonl(0x0a000000 + f->dst));
	t->src.u.all = htons(f->sport);
	t->dst.u.all = htons(f->dport);
	t->dst.protonum = f->proto;
}

/* Before the module has begun, it is 0. */
static unsigned int expect_max;

static int expect_init(struct kunit *test)
{
	struct ct_net *cn = test_net(test);

	get_random_bytes(&cn->key, sizeof(cn->key));
	cn->stats = alloc_percpu(struct ct_stats);
	if (!cn->stats)
		return -ENOMEM;
	expect_max = ct_expect_max;
	WRITE_ONCE(ct_expect_max, 10000);
	ct_expect_net_init(cn);
	test->priv = cn;
	return 0;
}

static void expect_exit(struct kunit *test)
{
	struct ct_net *cn = test->priv;

	if (!cn)
		return;
	ct_expect_net_exit(cn);
	KUNIT_EXPECT_EQ(test, cn->expects.count, 0);
	KUNIT_EXPECT_FALSE(test, cn->expecting);
	KUNIT_EXPECT_NULL(test, timerqueue_getnext(&cn->expects.due));
	synchronize_rcu();
	ct_expect_net_free(cn);
	free_percpu(cn->stats);
	WRITE_ONCE(ct_expect_max, expect_max);
}

static unsigned int stat(const struct ct_net *cn, unsigned int offset)
{
	unsigned int cpu, sum = 0;

	for_each_possible_cpu(cpu)
		sum += *(unsigned int *)((void *)per_cpu_ptr(cn->stats, cpu) +
					 offset);
	return sum;
}

#define STAT(cn, member)	stat(cn, offsetof(struct ct_stats, base.member))

/* Confirmed, and for long. */
static struct ct_entry *master_new(struct kunit *test, u8 src)
{
	struct ct_net *cn = test->priv;
	struct ct_entry *e = test_entry(test, cn);
	const struct flow f = { src, 1000, 2, 21, TCP };

	tuple_of(&f, &e->dir[IP_CT_DIR_ORIGINAL].tuple);
	e->hash[IP_CT_DIR_ORIGINAL] =
		ct_tuple_hash(cn, &e->dir[IP_CT_DIR_ORIGINAL].tuple, 0);
	e->use_event = U16_MAX;
	e->expires = (u32)jiffies + 1000 * HZ;
	ct_status_set(e, IPS_CONFIRMED_BIT);
	return e;
}

static struct ct_expect *fill(struct ct_entry *master, unsigned int class,
			      const struct flow *f, struct mask m)
{
	struct ct_expect *exp = ct_expect_new(master, &helper, class,
					      GFP_ATOMIC);

	if (!exp)
		return NULL;
	tuple_of(f, &exp->tuple);
	exp->mask.src.u3.ip = htonl(m.addr);
	exp->mask.src.u.all = htons(m.port);
	exp->zone = f->zone;
	return exp;
}

static int add_flags(struct ct_entry *master, unsigned int class,
		     const struct flow *f, struct mask m, u32 flags,
		     unsigned int how)
{
	struct ct_expect *exp = fill(master, class, f, m);
	int err;

	if (!exp)
		return -ENOMEM;
	exp->flags = flags;
	rcu_read_lock();
	err = ct_expect_add(exp, how, 0, 0);
	rcu_read_unlock();
	if (err)
		ct_expect_free(exp);
	return err;
}

static int add(struct ct_entry *master, unsigned int class,
	       const struct flow *f, struct mask m)
{
	return add_flags(master, class, f, m, 0, 0);
}

/* Does a packet of that kind find who expects it? Its master then. */
static struct ct_entry *meet(struct kunit *test, const struct flow *f)
{
	struct ct_entry *e = test_entry(test, test->priv), *master;
	bool met;

	tuple_of(f, &e->dir[IP_CT_DIR_ORIGINAL].tuple);
#ifdef CONFIG_NF_CONNTRACK_ZONES
	e->zone.id = f->zone;
#endif
	rcu_read_lock();
	met = ct_expect_meet(e);
	rcu_read_unlock();
	master = ct_entry_master(e);
	KUNIT_EXPECT_EQ(test, met, !!master);
	KUNIT_EXPECT_EQ(test, met, test_bit(IPS_EXPECTED_BIT, &e->status));
	if (master) {
		KUNIT_EXPECT_EQ(test, ct_entry_mark(e), ct_entry_mark(master));
		KUNIT_EXPECT_EQ(test, ct_entry_secmark(e),
				ct_entry_secmark(master));
		/* No last reference: it is no real entry. */
		refcount_dec(&master->ct_general.use);
	}
	kfree(e->ext);
	return master;
}

/* Who meets 10.0.0.2, port 20, to 10.0.0.1, port 5000, by TCP. */
static const struct meet_case {
	const char *name;
	struct mask mask;
	struct flow packet;
	bool met;
} meet_cases[] = {
	{ "just that", EXACT, { 2, 20, 1, 5000, TCP }, true },
	{ "another port", EXACT, { 2, 21, 1, 5000, TCP } },
	{ "another port, which does not matter", HOST,
	  { 2, 21, 1, 5000, TCP }, true },
	{ "another host", HOST, { 3, 20, 1, 5000, TCP } },
	{ "another host, which does not matter", ANY,
	  { 3, 99, 1, 5000, TCP }, true },
	{ "a host of a network", { 0xfffffffe, 0 }, { 3, 20, 1, 5000, TCP },
	  true },
	{ "a host of another one", { 0xfffffffe, 0 }, { 4, 20, 1, 5000, TCP } },
	{ "the bits of a port that matter", { 0, 0x0010 },
	  { 2, 0x7f10, 1, 5000, TCP }, true },
	{ "the bits of a port that do not", { 0, 0x0010 },
	  { 2, 0x7f00, 1, 5000, TCP } },
	{ "to another port", ANY, { 2, 20, 1, 5001, TCP } },
	{ "to another host", ANY, { 2, 20, 9, 5000, TCP } },
	{ "another protocol", ANY, { 2, 20, 1, 5000, UDP } },
	{ "another zone", ANY, { 2, 20, 1, 5000, TCP, 7 } },
	{ "the other way round", EXACT, { 1, 5000, 2, 20, TCP } },
};

static void meet_name(const struct meet_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(meet, meet_cases, meet_name);

static void expect_meet(struct kunit *test)
{
	static const struct flow f = { 2, 20, 1, 5000, TCP };
	const struct meet_case *c = test->param_value;
	struct ct_entry *master = master_new(test, 1);
	struct ct_net *cn = test->priv;

	ct_entry_mark_set(master, 5);
	ct_entry_secmark_set(master, 6);
	KUNIT_EXPECT_NULL(test, meet(test, &c->packet));
	KUNIT_ASSERT_EQ(test, add(master, 0, &f, c->mask), 0);
	KUNIT_EXPECT_TRUE(test, cn->expecting);
	KUNIT_EXPECT_PTR_EQ(test, meet(test, &c->packet),
			    c->met ? master : NULL);
	/* Once, and no more. */
	KUNIT_EXPECT_EQ(test, cn->expecting, !c->met);
	KUNIT_EXPECT_NULL(test, meet(test, &c->packet));
	KUNIT_EXPECT_EQ(test, STAT(cn, expect_create), 1);
	KUNIT_EXPECT_EQ(test, STAT(cn, expect_new), c->met);
	KUNIT_EXPECT_EQ(test, STAT(cn, expect_delete), c->met);
	KUNIT_EXPECT_EQ(test, refcount_read(&master->ct_general.use), 1);
}

/* In a zone, and of IPv6. */
static void expect_zone(struct kunit *test)
{
	static const struct flow f = { 2, 20, 1, 5000, TCP, 7 },
				 other = { 2, 20, 1, 5000, TCP };
	struct ct_entry *master = master_new(test, 1);

	if (!IS_ENABLED(CONFIG_NF_CONNTRACK_ZONES))
		kunit_skip(test, "this kernel has no zones");
	KUNIT_ASSERT_EQ(test, add(master, 0, &f, (struct mask)ANY), 0);
	KUNIT_ASSERT_EQ(test, add(master, 0, &other, (struct mask)ANY), 0);
	KUNIT_EXPECT_PTR_EQ(test, meet(test, &f), master);
	KUNIT_EXPECT_NULL(test, meet(test, &f));
	KUNIT_EXPECT_PTR_EQ(test, meet(test, &other), master);
}

static void expect_flags(struct kunit *test)
{
	static const struct flow f = { 2, 20, 1, 5000, TCP },
				 g = { 2, 20, 1, 5001, TCP };
	struct ct_entry *master = master_new(test, 1);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, add_flags(master, 0, &f, (struct mask)ANY,
					PERMANENT, 0), 0);
	KUNIT_ASSERT_EQ(test, add_flags(master, 0, &g, (struct mask)ANY,
					INACTIVE, 0), 0);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_PTR_EQ(test, meet(test, &f), master);
	KUNIT_EXPECT_NULL(test, meet(test, &g));
	KUNIT_EXPECT_EQ(test, ct_expect_count(master, 0), 2);
}

/* A master who cannot be one. */
static const struct master_case {
	const char *name;
	unsigned int clear;	/* status bits */
	unsigned int set;
	bool expired;
	bool freed;
	int err;
} master_cases[] = {
	{ "not confirmed", IPS_CONFIRMED, 0 },
	{ "dying", 0, IPS_DYING, .err = -ESHUTDOWN },
	{ "out of time", .expired = true },
	{ "about to be freed", .freed = true },
};

static void master_name(const struct master_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(master, master_cases, master_name);

static void expect_master(struct kunit *test)
{
	static const struct flow f = { 2, 20, 1, 5000, TCP },
				 g = { 2, 20, 1, 5001, TCP };
	const struct master_case *c = test->param_value;
	struct ct_entry *master = master_new(test, 1);

	KUNIT_ASSERT_EQ(test, add(master, 0, &f, (struct mask)ANY), 0);
	master->status = (master->status & ~c->clear) | c->set;
	atomic_set(&master->hot, (atomic_read(&master->hot) & ~c->clear) |
				 c->set);
	if (c->expired)
		master->expires = (u32)jiffies;
	KUNIT_EXPECT_EQ(test, add(master, 0, &g, (struct mask)ANY), c->err);
	if (c->freed)
		refcount_set(&master->ct_general.use, 0);
	KUNIT_EXPECT_NULL(test, meet(test, &f));
	refcount_set(&master->ct_general.use, 1);
}

/* One is expected; then another one. */
static const struct clash_case {
	const char *name;
	struct flow first, second;
	struct mask first_mask, second_mask;
	bool other_master;
	u8 class;
	unsigned int how;
	int err;
	unsigned int count;
} clash_cases[] = {
	{ "the same: it takes its place", { 2, 20, 1, 50, TCP },
	  { 2, 20, 1, 50, TCP }, EXACT, EXACT, .count = 1 },
	{ "of another class", { 2, 20, 1, 50, TCP }, { 2, 20, 1, 50, TCP },
	  EXACT, EXACT, .class = 1, .err = -EALREADY, .count = 1 },
	{ "of another master", { 2, 20, 1, 50, TCP }, { 2, 20, 1, 50, TCP },
	  EXACT, EXACT, true, .err = -EBUSY, .count = 1 },
	{ "of another master, which is told", { 2, 20, 1, 50, TCP },
	  { 2, 20, 1, 50, TCP }, EXACT, EXACT, true,
	  .how = CT_EXPECT_ANY_MASTER, .err = -EALREADY, .count = 1 },
	{ "a part of it", { 2, 20, 1, 50, TCP }, { 2, 20, 1, 50, TCP },
	  HOST, EXACT, .err = -EBUSY, .count = 1 },
	{ "it is a part", { 2, 20, 1, 50, TCP }, { 9, 9, 1, 50, TCP }, EXACT,
	  ANY, .err = -EBUSY, .count = 1 },
	{ "another source", { 2, 20, 1, 50, TCP }, { 3, 20, 1, 50, TCP },
	  EXACT, EXACT, .count = 2 },
	{ "of masks that have nothing in common", { 2, 20, 1, 50, TCP },
	  { 2, 20, 1, 50, TCP }, { 0xffffffff, 0 }, { 0, 0xffff },
	  .err = -EBUSY, .count = 1 },
	{ "another target", { 2, 20, 1, 50, TCP }, { 2, 20, 1, 51, TCP },
	  ANY, ANY, .count = 2 },
	{ "another zone", { 2, 20, 1, 50, TCP }, { 2, 20, 1, 50, TCP, 3 },
	  ANY, ANY, .count = 2 },
};

static void clash_name(const struct clash_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(clash, clash_cases, clash_name);

static void expect_clash(struct kunit *test)
{
	const struct clash_case *c = test->param_value;
	struct ct_entry *one = master_new(test, 1);
	struct ct_entry *two = c->other_master ? master_new(test, 3) : one;
	struct ct_net *cn = test->priv;

	KUNIT_ASSERT_EQ(test, add(one, 0, &c->first, c->first_mask), 0);
	KUNIT_EXPECT_EQ(test, add_flags(two, c->class, &c->second,
					c->second_mask, 0, c->how), c->err);
	KUNIT_EXPECT_EQ(test, cn->expects.count, c->count);
}

/* Of a class that is full the oldest goes. */
static void expect_class(struct kunit *test)
{
	struct flow f = { 2, 20, 1, 5000, TCP };
	struct ct_entry *master = master_new(test, 1);
	struct ct_entry *other = master_new(test, 3);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		f.dport = 5000 + i;
		KUNIT_ASSERT_EQ(test, add(master, 0, &f, (struct mask)ANY), 0);
		f.dport = 6000 + i;
		KUNIT_ASSERT_EQ(test, add(master, 1, &f, (struct mask)ANY), 0);
		f.dport = 7000 + i;
		KUNIT_ASSERT_EQ(test, add(other, 0, &f, (struct mask)ANY), 0);
	}
	KUNIT_EXPECT_EQ(test, ct_expect_count(master, 0), 2);
	KUNIT_EXPECT_EQ(test, ct_expect_count(master, 1), 8);
	KUNIT_EXPECT_EQ(test, ct_expect_count(other, 0), 2);
	for (i = 0; i < 10; i++) {
		f.dport = 5000 + i;
		KUNIT_EXPECT_PTR_EQ(test, meet(test, &f),
				    i < 8 ? NULL : master);
		f.dport = 6000 + i;
		KUNIT_EXPECT_PTR_EQ(test, meet(test, &f),
				    i < 2 ? NULL : master);
		f.dport = 7000 + i;
		KUNIT_EXPECT_PTR_EQ(test, meet(test, &f), i < 8 ? NULL : other);
	}
}

/* Without a helper there is a bound, too; it is no namespace's limit. */
static void expect_no_helper(struct kunit *test)
{
	struct flow f = { 2, 20, 1, 0, TCP };
	struct ct_entry *master = master_new(test, 1);
	struct ct_expect *exp;
	int err;

	for (f.dport = 1; f.dport <= CT_EXPECT_MOST + 10; f.dport++) {
		exp = ct_expect_new(master, NULL, 0, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, exp);
		exp->timeout = 100 * HZ;
		tuple_of(&f, &exp->tuple);
		rcu_read_lock();
		err = ct_expect_add(exp, 0, 0, 0);
		rcu_read_unlock();
		KUNIT_ASSERT_EQ(test, err, 0);
	}
	KUNIT_EXPECT_EQ(test, ct_expect_count(master, 0), CT_EXPECT_MOST);
	f.dport = 10;
	KUNIT_EXPECT_NULL(test, meet(test, &f));
	f.dport = 11;
	KUNIT_EXPECT_PTR_EQ(test, meet(test, &f), master);
}

static void expect_limit(struct kunit *test)
{
	struct flow f = { 2, 20, 1, 0, TCP };
	struct ct_entry *master = master_new(test, 1);
	struct ct_entry *other = master_new(test, 2);
	struct ct_net *cn = test->priv;

	ct_status_set(master, IPS_SEEN_REPLY_BIT);
	/* So that nothing is logged. */
	spin_lock_init(&cn->log.budget[CT_LOG_EXPECT].lock);
	cn->log.budget[CT_LOG_EXPECT].until = jiffies + 1000 * HZ;
	WRITE_ONCE(ct_expect_max, 5);
	for (f.dport = 1; f.dport <= 5; f.dport++)
		KUNIT_EXPECT_EQ(test, add(master, 1, &f, (struct mask)ANY), 0);
	KUNIT_EXPECT_EQ(test, add(master, 1, &f, (struct mask)ANY), -EMFILE);
	KUNIT_EXPECT_EQ(test, atomic64_read(&cn->log.budget[CT_LOG_EXPECT].missed),
			1);
	/* One that takes a place needs none. */
	f.dport = 3;
	KUNIT_EXPECT_EQ(test, add(master, 1, &f, (struct mask)ANY), 0);
	KUNIT_EXPECT_EQ(test, cn->expects.count, 5);
	/* As does the oldest of its class; nobody goes in vain. */
	f.dport = 10;
	KUNIT_EXPECT_EQ(test, add(master, 0, &f, (struct mask)ANY), -EMFILE);
	KUNIT_EXPECT_EQ(test, cn->expects.count, 5);
	KUNIT_EXPECT_EQ(test, ct_expect_count(master, 1), 5);
	WRITE_ONCE(ct_expect_max, 8);
	for (f.dport = 10; f.dport <= 13; f.dport++)
		KUNIT_EXPECT_EQ(test, add(master, 1, &f, (struct mask)ANY), 0);
	KUNIT_EXPECT_EQ(test, ct_expect_count(master, 1), 8);
	WRITE_ONCE(ct_expect_max, 7);
	f.dport = 14;
	KUNIT_EXPECT_EQ(test, add(master, 1, &f, (struct mask)ANY), 0);
	KUNIT_EXPECT_EQ(test, ct_expect_count(master, 1), 8);
	/* Nor is there room for those whose master has no answer. */
	WRITE_ONCE(ct_expect_max, 9);
	for (f.dport = 20; f.dport < 25; f.dport++)
		KUNIT_EXPECT_EQ(test, add(other, 0, &f, (struct mask)ANY), 0);
	KUNIT_EXPECT_EQ(test, ct_expect_count(other, 0), 1);
	f.dport = 30;
	KUNIT_EXPECT_EQ(test, add(master, 0, &f, (struct mask)ANY), 0);
	KUNIT_EXPECT_EQ(test, ct_expect_count(other, 0), 0);
	KUNIT_EXPECT_EQ(test, cn->expects.count, 9);
}

/*
 * Not too many of one target, as all packets to it would look at all of them: the
 * oldest goes of those whose master has no answer, then of those that are not assured.
 */
static void expect_same_target(struct kunit *test)
{
	struct flow f = { 0, 20, 1, 5000, TCP };
	struct ct_entry *master[CT_EXPECT_SAME];
	struct ct_net *cn = test->priv;
	unsigned int i;

	for (i = 0; i < CT_EXPECT_SAME; i++) {
		f.src = i;
		master[i] = master_new(test, i);
		if (i != 7 && i != 9)
			ct_status_set(master[i], IPS_SEEN_REPLY_BIT);
		if (i != 7 && i != 9 && i != 11)
			ct_status_set(master[i], IPS_ASSURED_BIT);
		KUNIT_EXPECT_EQ(test, add(master[i], 0, &f,
					  (struct mask)HOST), 0);
	}
	for (; i < CT_EXPECT_SAME + 4; i++) {
		struct ct_entry *e = master_new(test, i);

		f.src = i;
		ct_status_set(e, IPS_SEEN_REPLY_BIT);
		ct_status_set(e, IPS_ASSURED_BIT);
		KUNIT_EXPECT_EQ(test, add(e, 0, &f, (struct mask)HOST), 0);
	}
	KUNIT_EXPECT_EQ(test, cn->expects.count, CT_EXPECT_SAME);
	f.dport++;
	KUNIT_EXPECT_EQ(test, add(master[5], 0, &f, (struct mask)HOST), 0);
	f.dport--;
	for (i = 0; i < CT_EXPECT_SAME; i++) {
		f.src = i;
		KUNIT_EXPECT_PTR_EQ(test, meet(test, &f),
				    i == 0 || i == 7 || i == 9 || i == 11 ?
				    NULL : master[i]);
	}
}

/* A row of masters does not get longer and longer. */
static void expect_row(struct kunit *test)
{
	static const struct flow f = { 2, 20, 1, 5000, TCP };
	struct ct_entry *row[CT_EXPECT_ROW + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		row[i] = master_new(test, i);
		if (!i)
			continue;
		KUNIT_ASSERT_NOT_NULL(test, ct_entry_rare_add(row[i],
							      GFP_KERNEL));
		ct_entry_rare(row[i])->master = row[i - 1];
	}
	KUNIT_EXPECT_EQ(test, add(row[CT_EXPECT_ROW], 0, &f,
				  (struct mask)ANY), -ELOOP);
	KUNIT_EXPECT_EQ(test, add(row[CT_EXPECT_ROW - 1], 0, &f,
				  (struct mask)ANY), 0);
	KUNIT_EXPECT_TRUE(test, ct_expect_is_long_row(row[CT_EXPECT_ROW]));
	KUNIT_EXPECT_FALSE(test, ct_expect_is_long_row(row[CT_EXPECT_ROW - 1]));
	for (i = 0; i < ARRAY_SIZE(row); i++)
		kfree(row[i]->ext);
}

/* What a master expected goes with it, and nothing else. */
static void expect_master_gone(struct kunit *test)
{
	struct flow f = { 2, 20, 1, 0, TCP };
	struct ct_entry *gone = master_new(test, 1);
	struct ct_entry *stays = master_new(test, 3);

	/* In one chain. */
	stays->hash[IP_CT_DIR_ORIGINAL] = gone->hash[IP_CT_DIR_ORIGINAL];
	for (f.dport = 0; f.dport < 16; f.dport++)
		KUNIT_ASSERT_EQ(test, add(f.dport % 2 ? gone : stays, 1, &f,
					  (struct mask)ANY), 0);
	KUNIT_EXPECT_TRUE(test, ct_entry_hot(gone) & CT_HOT_EXPECTS);
	ct_expect_master_gone(gone);
	KUNIT_EXPECT_EQ(test, ct_expect_count(gone, 1), 0);
	KUNIT_EXPECT_EQ(test, ct_expect_count(stays, 1), 8);
	for (f.dport = 0; f.dport < 16; f.dport++)
		KUNIT_EXPECT_PTR_EQ(test, meet(test, &f),
				    f.dport % 2 ? NULL : stays);
}

static bool until_left(const struct ct_net *cn, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < 500 && READ_ONCE(cn->expects.count) != count; i++)
		msleep(20);
	return READ_ONCE(cn->expects.count) == count;
}

static unsigned int told[2];
static bool listening;

static bool told_wanted(const struct ct_net *cn, unsigned int group)
{
	return listening;
}

static void told_report(struct ct_entry *e, u32 events, u32 portid, int report)
{
}

static void told_expect(const struct ct_expect *exp, unsigned int group,
			u32 portid, int report)
{
	told[group == NFNLGRP_CONNTRACK_EXP_DESTROY]++;
}

/* Who listens is told of each, at once, if just that is wanted of the master. */
static void expect_told(struct kunit *test)
{
	static const struct ct_event_sink sink = {
		.wanted = told_wanted,
		.report = told_report,
		.expect = told_expect,
	};
	struct flow f = { 2, 20, 1, 0, TCP };
	struct ct_net *cn = test->priv;
	struct ct_entry *master;
	unsigned int how, i;

	cn->events = true;
	ct_event_sink_set(&sink);
	for (how = 0; how < 8; how++) {
		const u16 wanted = (how & 1 ? CT_EVENT_EXPECT(IPEXP_NEW) : 0) |
				   (how & 2 ? CT_EVENT_EXPECT(IPEXP_DESTROY) :
					      0);

		listening = how & 4;
		memset(told, 0, sizeof(told));
		master = master_new(test, how);
		spin_lock_init(&master->lock);
		ct_event_choose(master, CT_EVENT_EXPECTS, wanted);
		f.src = how;
		for (i = 0; i < 8; i++) {
			f.dport = i;
			KUNIT_ASSERT_EQ(test, add(master, 1, &f,
						  (struct mask)HOST), 0);
		}
		ct_expect_master_gone(master);
		KUNIT_EXPECT_EQ(test, told[0],
				listening && wanted & CT_EVENT_EXPECT(IPEXP_NEW) ?
				8 : 0);
		KUNIT_EXPECT_EQ(test, told[1], listening && how & 2 ? 8 : 0);
	}
	ct_event_sink_set(&ct_nl_sink);
}

/* Nobody is met for the sake of one who is not confirmed, or whose time is over. */
static void expect_not_ready(struct kunit *test)
{
	static const struct flow f = { 2, 20, 1, 5000, TCP };
	struct ct_entry *master = master_new(test, 1);

	atomic_andnot(IPS_CONFIRMED, &master->hot);
	KUNIT_ASSERT_EQ(test, add(master, 0, &f, (struct mask)ANY), 0);
	KUNIT_EXPECT_NULL(test, meet(test, &f));
	atomic_or(IPS_CONFIRMED, &master->hot);
	KUNIT_EXPECT_NULL(test, meet(test, &f));
	ct_expect_master_ready(master);
	master->expires = (u32)jiffies - 1;
	KUNIT_EXPECT_NULL(test, meet(test, &f));
	master->expires = (u32)jiffies + 1000 * HZ;
	KUNIT_EXPECT_PTR_EQ(test, meet(test, &f), master);
}

static int refresh(struct ct_expect *exp, void *data)
{
	ct_expect_refresh_locked(exp, *(u32 *)data);
	return 0;
}

/* They end when their time is up, also one that was changed, and many at once. */
static void expect_time(struct kunit *test)
{
	struct flow f = { 2, 20, 1, 0, TCP };
	struct ct_entry *master = master_new(test, 1);
	u32 soon = 1, late = 1000 * HZ;
	struct ct_net *cn = test->priv;
	struct nf_conntrack_tuple tuple;
	struct ct_expect *exp;

	for (f.dport = 0; f.dport < 200; f.dport++) {
		exp = ct_expect_new(master, NULL, 0, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, exp);
		exp->timeout = f.dport < 100 ? HZ / 10 : late;
		tuple_of(&f, &exp->tuple);
		rcu_read_lock();
		KUNIT_EXPECT_EQ(test, ct_expect_add(exp, 0, 0, 0), 0);
		rcu_read_unlock();
	}
	f.dport = 50;
	tuple_of(&f, &tuple);
	KUNIT_EXPECT_EQ(test, ct_expect_visit(cn, &tuple, 0, refresh, &late),
			0);
	f.dport = 150;
	tuple_of(&f, &tuple);
	KUNIT_EXPECT_EQ(test, ct_expect_visit(cn, &tuple, 0, refresh, &soon),
			0);
	KUNIT_EXPECT_TRUE(test, until_left(cn, 100));
	KUNIT_EXPECT_NULL(test, meet(test, &f));
	f.dport = 50;
	KUNIT_EXPECT_PTR_EQ(test, meet(test, &f), master);
	f.dport = 51;
	KUNIT_EXPECT_NULL(test, meet(test, &f));
}

/* No longer than the longest; at least a moment. */
static void expect_longest(struct kunit *test)
{
	struct flow f = { 2, 20, 1, 1, TCP };
	struct ct_entry *master = master_new(test, 1);
	struct ct_net *cn = test->priv;
	struct ct_expect *exp = fill(master, 0, &f, (struct mask)ANY);

	KUNIT_ASSERT_NOT_NULL(test, exp);
	exp->timeout = U32_MAX;
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, ct_expect_add(exp, 0, 0, 0), 0);
	KUNIT_EXPECT_LE(test, ct_expect_left(exp), CT_LONGEST);
	KUNIT_EXPECT_GT(test, ct_expect_left(exp), CT_LONGEST - 10 * HZ);
	rcu_read_unlock();
	f.dport = 2;
	exp = fill(master, 0, &f, (struct mask)ANY);
	KUNIT_ASSERT_NOT_NULL(test, exp);
	exp->timeout = 0;
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, ct_expect_add(exp, 0, 0, 0), 0);
	rcu_read_unlock();
	KUNIT_EXPECT_NULL(test, meet(test, &f));
	KUNIT_EXPECT_TRUE(test, until_left(cn, 1));
}

#define WALK	300

struct seen {
	u8 port[2 * WALK];
	unsigned int left;
};

static int see(struct ct_expect *exp, void *data)
{
	struct seen *s = data;

	if (!s->left)
		return -EMSGSIZE;
	s->left--;
	s->port[ntohs(exp->tuple.dst.u.all)]++;
	return 0;
}

static int remove_seen(struct ct_expect *exp, void *data)
{
	ct_expect_remove_locked(exp, 0, 0);
	return 0;
}

/* In pieces, while others come and go: who is there throughout comes once. */
static void expect_walk(struct kunit *test)
{
	struct seen *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct ct_expect_cursor c = {};
	struct ct_net *cn = test->priv;
	struct ct_entry *master[2] = { master_new(test, 1),
				       master_new(test, 3) };
	struct flow f = { 2, 20, 1, 0, TCP };
	struct nf_conntrack_tuple tuple;
	struct ct_expect *exp;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < 2 * WALK; i++) {
		if (i == WALK || i > WALK) {
			/* Between two pieces: one comes, and one goes. */
			s->left = 1;
			KUNIT_EXPECT_EQ(test, ct_expect_walk(cn, &c, see, s),
					-EMSGSIZE);
			f.dport = i - WALK;
			tuple_of(&f, &tuple);
			if (f.dport % 3 == 0)
				ct_expect_visit(cn, &tuple, 0, remove_seen,
						NULL);
			if (i > WALK + WALK / 2)
				break;
		}
		exp = ct_expect_new(master[i % 2], NULL, 0, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, exp);
		exp->timeout = 100 * HZ;
		f.dport = i;
		tuple_of(&f, &exp->tuple);
		rcu_read_lock();
		KUNIT_EXPECT_EQ(test, ct_expect_add(exp, 0, 0, 0), 0);
		rcu_read_unlock();
	}
	s->left = U32_MAX;
	KUNIT_EXPECT_EQ(test, ct_expect_walk(cn, &c, see, s), 0);
	for (i = 0; i < WALK; i++) {
		if (i <= WALK / 2 + 1 && i % 3 == 0)
			KUNIT_EXPECT_LE_MSG(test, s->port[i], 1, "%u", i);
		else
			KUNIT_EXPECT_EQ_MSG(test, s->port[i], 1, "%u", i);
	}
	for (; i < 2 * WALK; i++)
		KUNIT_EXPECT_LE(test, s->port[i], 1);
}

static const struct ct_expect *called_for;
static struct ct_entry *called_with;

static void call_me(struct ct_entry *e, const struct ct_expect *exp)
{
	called_with = e;
	called_for = exp;
}

static void expect_fn(struct kunit *test)
{
	static const struct flow f = { 2, 20, 1, 5000, TCP };
	struct ct_expect_fn fn = { .name = "call-me", .fn = call_me };
	struct ct_entry *master = master_new(test, 1);
	struct ct_expect *exp = fill(master, 0, &f, (struct mask)ANY);

	KUNIT_ASSERT_NOT_NULL(test, exp);
	ct_expect_fn_register(&fn);
	rcu_read_lock();
	KUNIT_EXPECT_NULL(test, ct_expect_fn_find("call"));
	KUNIT_EXPECT_NULL(test, ct_expect_fn_find(""));
	exp->fn = ct_expect_fn_find("call-me");
	KUNIT_EXPECT_PTR_EQ(test, exp->fn, (const struct ct_expect_fn *)&fn);
	KUNIT_EXPECT_EQ(test, ct_expect_add(exp, 0, 0, 0), 0);
	called_for = NULL;
	KUNIT_EXPECT_PTR_EQ(test, meet(test, &f), master);
	KUNIT_EXPECT_PTR_EQ(test, called_for, (const struct ct_expect *)exp);
	rcu_read_unlock();
	ct_expect_fn_unregister(&fn);
	rcu_read_lock();
	KUNIT_EXPECT_NULL(test, ct_expect_fn_find("call-me"));
	rcu_read_unlock();
}

/* Of a helper, or a function, that goes nothing is expected, in any namespace. */
static void expect_gone(struct kunit *test)
{
	struct flow f = { 2, 20, 1, 0, TCP };
	struct ct_expect_fn fn = { .name = "call-me", .fn = call_me };
	struct ct_entry *master = master_new(test, 1);
	struct ct_net *cn = test->priv;
	struct ct_expect *exp;
	unsigned int i;

	mutex_lock(&ct_nets_mutex);
	list_add(&cn->list, &ct_nets);
	mutex_unlock(&ct_nets_mutex);
	ct_expect_fn_register(&fn);
	for (i = 0; i < 6; i++) {
		f.dport = i;
		exp = fill(master, 1, &f, (struct mask)ANY);
		KUNIT_ASSERT_NOT_NULL(test, exp);
		if (i % 2)
			exp->fn = &fn;
		if (i < 2)
			exp->helper = NULL;
		rcu_read_lock();
		KUNIT_EXPECT_EQ(test, ct_expect_add(exp, 0, 0, 0), 0);
		rcu_read_unlock();
	}
	ct_expect_fn_unregister(&fn);
	KUNIT_EXPECT_EQ(test, cn->expects.count, 3);
	ct_expect_helper_gone(&helper);
	KUNIT_EXPECT_EQ(test, cn->expects.count, 1);
	f.dport = 0;
	KUNIT_EXPECT_PTR_EQ(test, meet(test, &f), master);
	mutex_lock(&ct_nets_mutex);
	list_del(&cn->list);
	mutex_unlock(&ct_nets_mutex);
}

/* What was added may be taken back, if it is there still, and if it is not. */
static void expect_remove(struct kunit *test)
{
	static const struct flow f = { 2, 20, 1, 5000, TCP };
	struct ct_entry *master = master_new(test, 1);
	struct ct_net *cn = test->priv;
	struct ct_expect *exp = fill(master, 0, &f, (struct mask)ANY);

	KUNIT_ASSERT_NOT_NULL(test, exp);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, ct_expect_add(exp, 0, 0, 0), 0);
	ct_expect_remove(exp);
	KUNIT_EXPECT_EQ(test, cn->expects.count, 0);
	ct_expect_remove(exp);
	KUNIT_EXPECT_EQ(test, STAT(cn, expect_delete), 1);
	rcu_read_unlock();
	KUNIT_EXPECT_NULL(test, meet(test, &f));
}

/* Nothing is expected of a namespace that exits. */
static void expect_net_exit(struct kunit *test)
{
	struct flow f = { 2, 20, 1, 1, TCP };
	struct ct_entry *master = master_new(test, 1);
	struct ct_net *cn = test->priv;

	for (f.dport = 1; f.dport <= 8; f.dport++)
		KUNIT_ASSERT_EQ(test, add(master, 1, &f, (struct mask)ANY), 0);
	ct_expect_net_exit(cn);
	KUNIT_EXPECT_EQ(test, cn->expects.count, 0);
	KUNIT_EXPECT_EQ(test, add(master, 1, &f, (struct mask)ANY),
			-ESHUTDOWN);
	f.dport = 3;
	KUNIT_EXPECT_NULL(test, meet(test, &f));
}

/* Several at once: who expects, who comes, who ends what another one expects. */
#define PORTS	64

struct race {
	struct ct_net *cn;
	struct ct_entry *master[4];
	atomic_t added, met;
};

static int race_add(void *data)
{
	struct race *r = data;
	u32 n = 0;

	while (!kthread_should_stop()) {
		const struct flow f = { n % 3, 0, 1, n * 7 % PORTS, TCP };

		if (!add_flags(r->master[n % 4], n % 2, &f, (struct mask)HOST,
			       n % 16 ? 0 : PERMANENT, 0))
			atomic_inc(&r->added);
		n++;
		cond_resched();
	}
	return 0;
}

static int race_meet(void *data)
{
	struct race *r = data;
	struct ct_entry e;
	u32 n = 0;

	while (!kthread_should_stop()) {
		const struct flow f = { n % 3, 5, 1, n % PORTS, TCP };

		memset(&e, 0, sizeof(e));
		e.cn = r->cn;
		tuple_of(&f, &e.dir[IP_CT_DIR_ORIGINAL].tuple);
		rcu_read_lock();
		if (ct_expect_meet(&e)) {
			atomic_inc(&r->met);
			refcount_dec(&ct_entry_master(&e)->ct_general.use);
		}
		rcu_read_unlock();
		kfree(e.ext);
		n++;
		cond_resched();
	}
	return 0;
}

static int race_end(void *data)
{
	struct race *r = data;
	struct seen *s = kzalloc(sizeof(*s), GFP_KERNEL);
	u32 n = 0;

	while (s && !kthread_should_stop()) {
		struct ct_expect_cursor c = {};
		struct flow f = { 0, 0, 1, n % PORTS, TCP };
		struct nf_conntrack_tuple tuple;

		ct_expect_master_gone(r->master[n % 4]);
		s->left = n % 40;
		ct_expect_walk(r->cn, &c, see, s);
		tuple_of(&f, &tuple);
		ct_expect_visit(r->cn, &tuple, 0, remove_seen, NULL);
		n++;
		cond_resched();
	}
	while (!kthread_should_stop())
		cond_resched();
	kfree(s);
	return 0;
}

static void expect_race(struct kunit *test)
{
	static int (* const threads[])(void *) = {
		race_add, race_add, race_meet, race_meet, race_end,
	};
	struct task_struct *task[ARRAY_SIZE(threads)];
	struct race r = { .cn = test->priv };
	struct ct_net *cn = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(r.master); i++)
		r.master[i] = master_new(test, i);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		task[i] = kthread_run(threads[i], &r, "ct_expect/%u", i);
	msleep(1000);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		if (!IS_ERR(task[i]))
			kthread_stop(task[i]);
	KUNIT_EXPECT_EQ(test, STAT(cn, expect_create), atomic_read(&r.added));
	KUNIT_EXPECT_EQ(test, STAT(cn, expect_new), atomic_read(&r.met));
	KUNIT_EXPECT_EQ(test, STAT(cn, expect_create) -
			      STAT(cn, expect_delete), cn->expects.count);
	KUNIT_EXPECT_GT(test, atomic_read(&r.met), 100);
	for (i = 0; i < ARRAY_SIZE(r.master); i++) {
		KUNIT_EXPECT_EQ(test, refcount_read(&r.master[i]->ct_general.use),
				1);
		ct_expect_master_gone(r.master[i]);
	}
	KUNIT_EXPECT_EQ(test, cn->expects.count, 0);
}

static struct kunit_case ct_expect_cases[] = {
	KUNIT_CASE_PARAM(expect_meet, meet_gen_params),
	KUNIT_CASE(expect_zone),
	KUNIT_CASE(expect_flags),
	KUNIT_CASE_PARAM(expect_master, master_gen_params),
	KUNIT_CASE_PARAM(expect_clash, clash_gen_params),
	KUNIT_CASE(expect_class),
	KUNIT_CASE(expect_no_helper),
	KUNIT_CASE(expect_limit),
	KUNIT_CASE(expect_same_target),
	KUNIT_CASE(expect_row),
	KUNIT_CASE(expect_master_gone),
	KUNIT_CASE(expect_told),
	KUNIT_CASE(expect_not_ready),
	KUNIT_CASE(expect_time),
	KUNIT_CASE(expect_longest),
	KUNIT_CASE(expect_walk),
	KUNIT_CASE(expect_fn),
	KUNIT_CASE(expect_gone),
	KUNIT_CASE(expect_remove),
	KUNIT_CASE(expect_net_exit),
	KUNIT_CASE(expect_race),
	{}
};

static struct kunit_suite ct_expect_suite = {
	.name = "ct_expect",
	.init = expect_init,
	.exit = expect_exit,
	.test_cases = ct_expect_cases,
};

kunit_test_suites(&ct_expect_suite);

// SPDX-License-Identifier: GPL-2.0
/* Lines in the log: how many, who shares a bound, and that none is forgotten. */
#include <kunit/test.h>
#include <linux/jiffies.h>
#include <linux/user_namespace.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include <net/net_namespace.h>

#define LINES	10
#define CROWD	(3 * LINES)

/* Whose namespace it is. */
enum owner { HOST, ADMIN, USER };

static struct ct_net *new_net(struct kunit *test, enum owner owner)
{
	struct ct_net *cn = kunit_kzalloc(test, sizeof(*cn), GFP_KERNEL);
	struct net *net = kunit_kzalloc(test, sizeof(*net), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cn);
	KUNIT_ASSERT_NOT_NULL(test, net);
	net->user_ns = owner == USER ?
		       kunit_kzalloc(test, sizeof(*net->user_ns), GFP_KERNEL) :
		       &init_user_ns;
	cn->net = owner == HOST ? &init_net : net;
	ct_log_init(cn);
	return cn;
}

/* As if the time of all its budgets were over. */
static void later(struct ct_net *cn)
{
	int kind;

	for (kind = 0; kind < __CT_LOG_MAX; kind++) {
		cn->log.budget[kind].until = jiffies;
		if (cn->log.crowd)
			cn->log.crowd->budget[kind].until = jiffies;
	}
}

/* How many of @tries lines may be printed. */
static int lines(struct ct_net *cn, enum ct_log_kind kind, int tries)
{
	struct ct_log_tail tail;
	int n = 0;

	while (tries--)
		n += ct_log_may(cn, kind, &tail);
	return n;
}

static void expect_tail(struct kunit *test, struct ct_net *cn, const char *text)
{
	struct ct_log_tail tail;

	KUNIT_EXPECT_TRUE(test, ct_log_may(cn, CT_LOG_INVALID, &tail));
	KUNIT_EXPECT_STREQ(test, tail.text, text);
}

static void log_one(struct kunit *test)
{
	struct ct_net *cn = new_net(test, HOST);

	expect_tail(test, cn, "");
	KUNIT_EXPECT_EQ(test, lines(cn, CT_LOG_INVALID, 30), LINES - 1);
	KUNIT_EXPECT_EQ(test, lines(cn, CT_LOG_FULL, 1), 1);
	later(cn);
	expect_tail(test, cn, " (21 more not logged)");
	expect_tail(test, cn, "");
}

static void log_caller_counts(struct kunit *test)
{
	struct ct_net *cn = new_net(test, HOST);
	int i;

	lines(cn, CT_LOG_INVALID, LINES);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_FALSE(test, ct_log_may(cn, CT_LOG_INVALID, NULL));
	later(cn);
	expect_tail(test, cn, "");
}

/* However many they are, the others have their lines. */
static void log_crowd(struct kunit *test)
{
	struct ct_net *host = new_net(test, HOST);
	struct ct_net *admin = new_net(test, ADMIN);
	struct ct_net *user = NULL;
	int i, sum = 0;

	for (i = 0; i < 20; i++) {
		user = new_net(test, USER);
		if (!i)
			later(user);
		sum += lines(user, CT_LOG_INVALID, 100);
	}
	KUNIT_EXPECT_EQ(test, sum, CROWD);
	KUNIT_EXPECT_EQ(test, lines(host, CT_LOG_INVALID, 100), LINES);
	later(admin);
	KUNIT_EXPECT_EQ(test, lines(admin, CT_LOG_INVALID, 100), LINES);
	later(user);
	expect_tail(test, user, " (100 more not logged)");
}

/* What one did not tell before it went, the next one does. */
static void log_gone(struct kunit *test)
{
	struct ct_net *one = new_net(test, USER);
	struct ct_net *two = new_net(test, USER);

	later(one);
	lines(one, CT_LOG_INVALID, LINES + 7);
	ct_log_exit(one);
	expect_tail(test, two, " (7 not logged of namespaces that are gone)");
	expect_tail(test, two, "");
	lines(one, CT_LOG_INVALID, 1);
	lines(two, CT_LOG_INVALID, LINES);
	ct_log_exit(one);
	later(two);
	expect_tail(test, two,
		    " (2 more not logged, 8 of namespaces that are gone)");
}

static void log_budget(struct kunit *test)
{
	static CT_LOG_BUDGET(b);
	struct ct_log_tail tail;
	int i, n = 0;

	for (i = 0; i < 15; i++)
		n += ct_log_spend(&b, &tail);
	KUNIT_EXPECT_EQ(test, n, LINES);
	b.until = jiffies;
	KUNIT_EXPECT_TRUE(test, ct_log_spend(&b, &tail));
	KUNIT_EXPECT_STREQ(test, tail.text, " (5 more not logged)");
}

static struct kunit_case log_cases[] = {
	KUNIT_CASE(log_one),
	KUNIT_CASE(log_caller_counts),
	KUNIT_CASE(log_crowd),
	KUNIT_CASE(log_gone),
	KUNIT_CASE(log_budget),
	{}
};

static struct kunit_suite log_suite = {
	.name = "ct_log",
	.test_cases = log_cases,
};

kunit_test_suites(&log_suite);

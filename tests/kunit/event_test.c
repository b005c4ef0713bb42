// SPDX-License-Identifier: GPL-2.0
/* Which events are told: those that were chosen, with all that comes along. */
#include <net/ct/event.h>
#include <net/ct/labels.h>
#include "netlink/netlink.h"
#include "packet.h"
#include "wheels.h"

#define NEW		BIT(IPCT_NEW)
#define DESTROY		BIT(IPCT_DESTROY)
#define PROTOINFO	BIT(IPCT_PROTOINFO)
#define ASSURED		BIT(IPCT_ASSURED)
#define MARK		BIT(IPCT_MARK)
#define SECMARK		BIT(IPCT_SECMARK)
#define LABEL		BIT(IPCT_LABEL)

static const struct event_case {
	const char *name;
	u16 chosen;
	u8 l4;
	u8 has;			/* a bit each: mark, label, secmark */
	u32 events, told;
} event_cases[] = {
	{ "all, as it is by default", U16_MAX, IPPROTO_UDP, 0, NEW, NEW },
	{ "one of two: both", ASSURED, IPPROTO_TCP, 0,
	  ASSURED | PROTOINFO, ASSURED | PROTOINFO },
	{ "none of two", MARK, IPPROTO_TCP, 0, ASSURED | PROTOINFO, 0 },
	{ "the end, chosen", DESTROY, IPPROTO_TCP, 0, DESTROY, DESTROY },
	{ "the end, not chosen", NEW, IPPROTO_TCP, 0, DESTROY, 0 },
	{ "no events at all", 0, IPPROTO_TCP, 7, NEW, 0 },
	{ "a state of TCP begins", PROTOINFO, IPPROTO_TCP, 0, NEW,
	  NEW | PROTOINFO },
	{ "UDP has no state", PROTOINFO, IPPROTO_UDP, 0, NEW, 0 },
	{ "a mark from the beginning", MARK, IPPROTO_UDP, 1, NEW, NEW | MARK },
	{ "no mark", MARK, IPPROTO_UDP, 2, NEW, 0 },
	{ "a label from the beginning", LABEL, IPPROTO_UDP, 2, NEW,
	  NEW | LABEL },
	{ "no label", LABEL, IPPROTO_UDP, 1, NEW, 0 },
	{ "a security mark from the beginning", SECMARK, IPPROTO_UDP, 4, NEW,
	  NEW | SECMARK },
	{ "later, a mark is nothing new", MARK, IPPROTO_UDP, 1, ASSURED, 0 },
};

/* Traffic has events, too. */
static const struct ct_entry *watched;
static u32 told;

static bool test_wanted(const struct ct_net *cn, unsigned int group)
{
	return true;
}

static void test_report(struct ct_entry *e, u32 events, u32 portid, int report)
{
	if (e == watched)
		told = events;
}

static const struct ct_event_sink test_sink = {
	.wanted = test_wanted,
	.report = test_report,
};

static int event_init(struct kunit *test)
{
	ct_event_sink_set(&test_sink);
	told = 0;
	return 0;
}

static void event_exit(struct kunit *test)
{
	ct_event_sink_set(&ct_nl_sink);
	watched = NULL;
}

static struct ct_entry *event_entry(struct kunit *test, u8 l4)
{
	struct ct_entry *e = test_entry(test, test_net(test));

	e->cn->events = 1;
	e->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num = NFPROTO_IPV4;
	e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum = l4;
	e->use_event = U16_MAX;
	ct_status_set(e, IPS_CONFIRMED_BIT);
	watched = e;
	return e;
}

static void event_chosen(struct kunit *test)
{
	static const u32 label[CT_LABELS_WORDS] = { 2 };
	const struct event_case *c = test->param_value;
	struct ct_entry *e = event_entry(test, c->l4);

	if (c->has & 1)
		ct_entry_mark_set(e, 5);
	if (c->has & 2)
		ct_labels_change(e, label, label);
	if (c->has & 4 && !ct_entry_secmark_set(e, 6))
		kunit_skip(test, "this kernel has no security marks");
	ct_event_choose(e, CT_EVENT_CONN, c->chosen);
	ct_event(e, c->events);
	KUNIT_EXPECT_EQ(test, told, c->told);
	kfree(e->ext);
}

static void event_name(const struct event_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(event, event_cases, event_name);

/* Nothing comes after the end, whatever is chosen then. */
static void event_after_end(struct kunit *test)
{
	struct ct_entry *e = event_entry(test, IPPROTO_TCP);

	ct_event_choose(e, CT_EVENT_CONN, MARK);
	ct_event(e, DESTROY);
	ct_event_choose(e, CT_EVENT_CONN, MARK | DESTROY);
	ct_event(e, MARK);
	ct_event(e, DESTROY);
	KUNIT_EXPECT_EQ(test, told, 0);
}

static struct kunit_case ct_event_cases[] = {
	KUNIT_CASE_PARAM(event_chosen, event_gen_params),
	KUNIT_CASE(event_after_end),
	{}
};

static struct kunit_suite ct_event_suite = {
	.name = "ct_event",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.init = event_init,
	.exit = event_exit,
	.test_cases = ct_event_cases,
};

kunit_test_suites(&ct_event_suite);

// SPDX-License-Identifier: GPL-2.0
/*
 * What other modules make and hold: templates, marks, policies, users of the
 * hooks.
 */
#include <kunit/test.h>
#include <linux/netfilter.h>
#include <net/ct/entry.h>
#include <net/ct/hooks.h>
#include <net/ct/net.h>
#include <net/ct/policy.h>
#include "core.h"

/* Suites may run before the module's init function. */
static bool own_cache;

static int template_suite_init(struct kunit_suite *suite)
{
	if (ct_entry_cache)
		return 0;
	own_cache = true;
	return ct_entry_init();
}

static void template_suite_exit(struct kunit_suite *suite)
{
	if (!own_cache)
		return;
	rcu_barrier();
	ct_entry_exit();
	ct_entry_cache = NULL;
	own_cache = false;
}

static const struct nf_conntrack_zone both = {
	.id = 7,
	.dir = BIT(IP_CT_DIR_ORIGINAL) | BIT(IP_CT_DIR_REPLY),
};

static const struct nf_conntrack_zone reply_only = {
	.id = 9,
	.dir = BIT(IP_CT_DIR_REPLY),
};

static void template_is_confirmed(struct kunit *test)
{
	int before = ct_entries();
	struct ct_entry *t = ct_template_new(&both, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_EXPECT_EQ(test, t->status, IPS_TEMPLATE | IPS_CONFIRMED);
	KUNIT_EXPECT_TRUE(test, ct_entry_hot(t) & IPS_TEMPLATE);
	KUNIT_EXPECT_TRUE(test, ct_entry_hot(t) & IPS_CONFIRMED);
	KUNIT_EXPECT_PTR_EQ(test, t->cn, NULL);
	KUNIT_EXPECT_EQ(test, ct_entries(), before + 1);
	ct_entry_put(t);
	KUNIT_EXPECT_EQ(test, ct_entries(), before);
}

static void template_for_one_packet(struct kunit *test)
{
	struct ct_entry *t = ct_template_new(&both, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_EXPECT_TRUE(test, ct_template_take(t, &reply_only));
	KUNIT_EXPECT_EQ(test, ct_entry_zone_id(t), 9);
	KUNIT_EXPECT_EQ(test, t->zone_id[IP_CT_DIR_ORIGINAL], 0);
	KUNIT_EXPECT_EQ(test, t->zone_id[IP_CT_DIR_REPLY], 9);

	/* The packet has it still: its zone stays. */
	KUNIT_EXPECT_FALSE(test, ct_template_take(t, &both));
	KUNIT_EXPECT_EQ(test, ct_entry_zone_id(t), 9);
	ct_entry_put(t);

	KUNIT_EXPECT_TRUE(test, ct_template_take(t, &both));
	KUNIT_EXPECT_EQ(test, t->zone_id[IP_CT_DIR_ORIGINAL], 7);
	KUNIT_EXPECT_EQ(test, t->zone_id[IP_CT_DIR_REPLY], 7);
	ct_entry_put(t);
	ct_entry_put(t);
}

static void template_is_no_connection(struct kunit *test)
{
	struct ct_entry *t = ct_template_new(&both, GFP_KERNEL);
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL);
	enum ip_conntrack_info ctinfo;

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_set_nfct(skb, (unsigned long)&t->ct_general | IP_CT_NEW);
	KUNIT_EXPECT_PTR_EQ(test, ct_entry_get_skb(skb, &ctinfo), t);
	KUNIT_EXPECT_PTR_EQ(test, ct_entry_tracked(skb, &ctinfo), NULL);
	KUNIT_EXPECT_EQ(test, (int)ctinfo, IP_CT_NEW);
	skb_set_nfct(skb, 0);
	kfree_skb(skb);
	ct_entry_put(t);
}

static void marks(struct kunit *test)
{
	struct ct_entry *t = ct_template_new(&both, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_EXPECT_FALSE(test, ct_entry_mark_set(t, 0));
	KUNIT_EXPECT_TRUE(test, ct_entry_mark_set(t, 5));
	KUNIT_EXPECT_FALSE(test, ct_entry_mark_set(t, 5));
	KUNIT_EXPECT_EQ(test, ct_entry_mark(t), 5);
#ifdef CONFIG_NF_CONNTRACK_SECMARK
	KUNIT_EXPECT_FALSE(test, ct_entry_secmark_set(t, 0));
	KUNIT_EXPECT_TRUE(test, ct_entry_secmark_set(t, 6));
	KUNIT_EXPECT_FALSE(test, ct_entry_secmark_set(t, 6));
	KUNIT_EXPECT_EQ(test, ct_entry_secmark(t), 6);
#endif
	ct_entry_put(t);
}

/* An entry gives its policy back when it is freed. */
static void policy_of_freed(struct kunit *test)
{
	struct ct_net *cn = kunit_kzalloc(test, sizeof(*cn), GFP_KERNEL);
	struct ct_entry *e = ct_template_new(&both, GFP_KERNEL);
	struct ct_policy *policy;
	struct ct_rare *rare;

	KUNIT_ASSERT_NOT_NULL(test, cn);
	KUNIT_ASSERT_NOT_NULL(test, e);
	policy = ct_policy_new(cn, IPPROTO_TCP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, policy);
	rare = ct_entry_rare_add(e, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rare);
	refcount_inc(&policy->refs);
	rare->policy = policy;
	ct_entry_put(e);
	KUNIT_EXPECT_EQ(test, refcount_read(&policy->refs), 1);
	ct_policy_put(policy);
}

/* A namespace whose hooks somebody else has turned on. */
static void hooks_by_family(struct kunit *test)
{
	static const struct {
		u8 family;
		int err;
		unsigned int v4, v6;
	} cases[] = {
		{ NFPROTO_IPV4, 0, 2, 1 },
		{ NFPROTO_IPV6, 0, 1, 2 },
		{ NFPROTO_INET, 0, 2, 2 },
		{ NFPROTO_BRIDGE, 0, 2, 2 },
		{ NFPROTO_UNSPEC, 0, 1, 1 },
		{ NFPROTO_ARP, -EPROTO, 1, 1 },
		{ NFPROTO_NETDEV, -EPROTO, 1, 1 },
		{ 255, -EPROTO, 1, 1 },
	};
	struct ct_net *cn = kunit_kzalloc(test, sizeof(*cn), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, cn);
	refcount_set(&cn->refs, 1);
	cn->hook_users[0] = 1;
	cn->hook_users[1] = 1;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int err = ct_hooks_get(cn, cases[i].family);

		KUNIT_EXPECT_EQ(test, err, cases[i].err);
		KUNIT_EXPECT_EQ(test, cn->hook_users[0], cases[i].v4);
		KUNIT_EXPECT_EQ(test, cn->hook_users[1], cases[i].v6);
		KUNIT_EXPECT_EQ(test, refcount_read(&cn->refs), err ? 1 : 2);
		KUNIT_EXPECT_EQ(test, cn->users, err ? 0 : 1);
		if (err)
			continue;
		ct_hooks_put(cn, cases[i].family);
		KUNIT_EXPECT_EQ(test, cn->hook_users[0], 1);
		KUNIT_EXPECT_EQ(test, cn->hook_users[1], 1);
		KUNIT_EXPECT_EQ(test, refcount_read(&cn->refs), 1);
	}
}

/* What counts entries also keeps the namespace's state, and is not off by one. */
static void entries_of_namespace(struct kunit *test)
{
	struct ct_net *cn = kunit_kzalloc(test, sizeof(*cn), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cn);
	refcount_set(&cn->refs, 2);
	atomic_set(&cn->held, 1);
	KUNIT_EXPECT_EQ(test, ct_net_count(cn), 0);
	KUNIT_EXPECT_EQ(test, ct_net_hold(cn), 1);
	KUNIT_EXPECT_EQ(test, ct_net_hold(cn), 2);
	ct_net_put(cn);
	KUNIT_EXPECT_EQ(test, ct_net_count(cn), 2);
	ct_net_drop(cn);
	ct_net_drop(cn);
	KUNIT_EXPECT_EQ(test, ct_net_count(cn), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&cn->held), 1);
}

static struct kunit_case template_cases[] = {
	KUNIT_CASE(entries_of_namespace),
	KUNIT_CASE(template_is_confirmed),
	KUNIT_CASE(template_for_one_packet),
	KUNIT_CASE(template_is_no_connection),
	KUNIT_CASE(marks),
	KUNIT_CASE(policy_of_freed),
	KUNIT_CASE(hooks_by_family),
	{}
};

static struct kunit_suite template_suite = {
	.name = "ct_template",
	.suite_init = template_suite_init,
	.suite_exit = template_suite_exit,
	.test_cases = template_cases,
};

kunit_test_suites(&template_suite);

// SPDX-License-Identifier: GPL-2.0
/* Labels: given and taken, and seen by who takes an entry for struct nf_conn. */
#include <linux/slab.h>
#include <net/ct/labels.h>
#include <net/netfilter/nf_conntrack_labels.h>
#include "packet.h"

#define ALL	{ ~0U, ~0U, ~0U, ~0U }

/* One change after the other, of the same entry. */
struct change {
	u32 value[CT_LABELS_WORDS];
	u32 mask[CT_LABELS_WORDS];
	int expect;
	u32 after[CT_LABELS_WORDS];
	bool block;		/* there is one afterwards */
};

static const struct change changes[] = {
	/* What has none and gets none needs no room for them. */
	{ { }, ALL, 0, { }, false },
	{ { 1 }, { 1 }, 1, { 1 }, true },
	{ { 1 }, { 1 }, 0, { 1 }, true },
	{ { 0, 0, 0, BIT(31) }, { 0, 0, 0, BIT(31) }, 1,
	  { 1, 0, 0, BIT(31) }, true },
	{ { 6 }, { 7 }, 1, { 6, 0, 0, BIT(31) }, true },
	{ { 0, 5, 5 }, ALL, 1, { 0, 5, 5 }, true },
	{ { }, { }, 0, { 0, 5, 5 }, true },
	{ { }, ALL, 1, { }, true },
};

static bool any(const u32 *labels)
{
	return memchr_inv(labels, 0, CT_LABELS_WORDS * sizeof(*labels));
}

static void labels_change(struct kunit *test)
{
	struct ct_entry *e = test_entry(test, test_net(test));
	u32 labels[CT_LABELS_WORDS];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		const struct change *c = &changes[i];

		KUNIT_EXPECT_EQ_MSG(test, ct_labels_change(e, c->value,
							   c->mask),
				    c->expect, "change %u", i);
		KUNIT_EXPECT_EQ_MSG(test, ct_labels_get(e, labels),
				    any(c->after), "change %u", i);
		KUNIT_EXPECT_EQ_MSG(test, 0, memcmp(labels, c->after,
						    sizeof(labels)),
				    "change %u", i);
		KUNIT_EXPECT_EQ_MSG(test, !!e->ext, c->block, "change %u", i);
	}
	kfree(e->ext);
}

/* The block that was made for something else stays, and what is in it. */
static void labels_beside_others(struct kunit *test)
{
	static const u32 label[CT_LABELS_WORDS] = { 0, 4 };
	struct ct_entry *e = test_entry(test, test_net(test));
	struct ct_rare *rare = ct_entry_rare_add(e, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rare);
	rare->start = 7;
	ct_status_set(e, IPS_CONFIRMED_BIT);
	KUNIT_EXPECT_EQ(test, ct_labels_change(e, label, label), 1);
	KUNIT_EXPECT_PTR_EQ(test, ct_entry_rare(e), rare);
	KUNIT_EXPECT_PTR_EQ(test, ct_entry_rare_add(e, GFP_KERNEL), rare);
	KUNIT_EXPECT_EQ(test, rare->start, 7);
	KUNIT_EXPECT_EQ(test, rare->labels[1], 4);
	KUNIT_EXPECT_NULL(test, ct_entry_master(e));
	kfree(e->ext);
}

/* The flow dissector finds them, and none where there are none. */
static void labels_seen_by_others(struct kunit *test)
{
	static const u32 label[CT_LABELS_WORDS] = { 0, 0, 0, BIT(31) };
	struct ct_entry *e = test_entry(test, test_net(test));
	const struct nf_conn *ct = ct_entry_conn(e);
	const struct nf_conn_labels *seen;

	if (!IS_ENABLED(CONFIG_NF_CONNTRACK_LABELS))
		kunit_skip(test, "this kernel has no labels");
	KUNIT_EXPECT_NULL(test, nf_ct_labels_find(ct));
	KUNIT_ASSERT_NOT_NULL(test, ct_entry_rare_add(e, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, nf_ct_labels_find(ct));
	KUNIT_EXPECT_EQ(test, ct_labels_change(e, label, label), 1);
	seen = nf_ct_labels_find(ct);
	KUNIT_ASSERT_NOT_NULL(test, seen);
	KUNIT_EXPECT_EQ(test, 0, memcmp(seen->bits, label, sizeof(label)));
	KUNIT_EXPECT_TRUE(test, test_bit(127, seen->bits));
	kfree(e->ext);
}

static struct kunit_case ct_labels_cases[] = {
	KUNIT_CASE(labels_change),
	KUNIT_CASE(labels_beside_others),
	KUNIT_CASE(labels_seen_by_others),
	{}
};

static struct kunit_suite ct_labels_suite = {
	.name = "ct_labels",
	.test_cases = ct_labels_cases,
};

kunit_test_suites(&ct_labels_suite);

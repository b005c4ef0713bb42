// SPDX-License-Identifier: GPL-2.0
/*
 * Labels: 128 bits that rules and user space give a connection. Few have any,
 * so they are with what is rare, and where the flow dissector looks for them.
 */
#include <linux/export.h>
#include <linux/string.h>
#include <net/ct/labels.h>
#include <net/netfilter/nf_conntrack_labels.h>

#define LABELS_OFFSET	(offsetof(struct nf_ct_ext, data) + \
			 offsetof(struct ct_rare, labels))

static_assert(sizeof_field(struct ct_rare, labels) == NF_CT_LABELS_MAX_SIZE);
static_assert(sizeof_field(struct ct_rare, labels) ==
	      sizeof(struct nf_conn_labels));
static_assert(LABELS_OFFSET % __alignof__(struct nf_conn_labels) == 0);
static_assert(LABELS_OFFSET <= U8_MAX);

bool ct_labels_get(const struct ct_entry *e, u32 labels[CT_LABELS_WORDS])
{
	const struct ct_rare *rare = ct_entry_rare(e);
	unsigned int i;
	u32 any = 0;

	for (i = 0; i < CT_LABELS_WORDS; i++) {
		labels[i] = rare ? READ_ONCE(rare->labels[i]) : 0;
		any |= labels[i];
	}
	return any;
}
EXPORT_SYMBOL_GPL(ct_labels_get);

/*
 * For the flow dissector, to which the place of the labels says that there are
 * some. The block was zeroed, so it is of no matter which it sees first.
 */
static void show(struct ct_entry *e)
{
#ifdef CONFIG_NF_CONNTRACK_LABELS
	WRITE_ONCE(e->ext->offset[NF_CT_EXT_LABELS], LABELS_OFFSET);
#endif
}

static bool change_word(u32 *word, u32 value, u32 mask)
{
	u32 old = READ_ONCE(*word), new;

	do {
		new = (old & ~mask) ^ value;
		if (new == old)
			return false;
	} while (!try_cmpxchg(word, &old, new));
	return true;
}

int ct_labels_change(struct ct_entry *e, const u32 value[CT_LABELS_WORDS],
		     const u32 mask[CT_LABELS_WORDS])
{
	struct ct_rare *rare = ct_entry_rare(e);
	bool changed = false;
	unsigned int i;

	if (!rare) {
		if (!memchr_inv(value, 0, sizeof(rare->labels)))
			return 0;
		rare = ct_entry_rare_add(e, GFP_ATOMIC);
		if (!rare)
			return -ENOMEM;
	}
	for (i = 0; i < CT_LABELS_WORDS; i++)
		changed |= change_word(&rare->labels[i], value[i], mask[i]);
	if (changed)
		show(e);
	return changed;
}
EXPORT_SYMBOL_GPL(ct_labels_change);

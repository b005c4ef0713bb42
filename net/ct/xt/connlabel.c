// SPDX-License-Identifier: GPL-2.0
/* -m connlabel: has a connection a label; or is it given one. */
#include <linux/bits.h>
#include <linux/module.h>
#include <linux/netfilter/xt_connlabel.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/labels.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include "xt.h"

static bool give(struct ct_entry *e, unsigned int bit)
{
	unsigned long labels[BITS_TO_LONGS(XT_CONNLABEL_MAXBIT + 1)] = {};
	const u32 *words = (const u32 *)labels;
	int changed;

	BUILD_BUG_ON(sizeof(labels) != CT_LABELS_WORDS * sizeof(u32));
	__set_bit(bit, labels);
	changed = ct_labels_change(e, words, words);
	if (changed > 0)
		ct_event(e, BIT(IPCT_LABEL));
	return changed >= 0;
}

static bool has(const struct ct_entry *e, unsigned int bit)
{
	unsigned long labels[BITS_TO_LONGS(XT_CONNLABEL_MAXBIT + 1)];

	return ct_labels_get(e, (u32 *)labels) && test_bit(bit, labels);
}

static bool match(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_connlabel_mtinfo *info = par->matchinfo;
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_tracked(skb, &ctinfo);
	bool is;

	is = e && (has(e, info->bit) ||
		   (info->options & XT_CONNLABEL_OP_SET && give(e, info->bit)));
	return is != !!(info->options & XT_CONNLABEL_OP_INVERT);
}

static int check(const struct xt_mtchk_param *par)
{
	const struct xt_connlabel_mtinfo *info = par->matchinfo;
	struct ct_net *cn = ct_net(par->net);
	int err;

	if (info->options & ~(XT_CONNLABEL_OP_INVERT | XT_CONNLABEL_OP_SET)) {
		ct_log_refuse(cn, "connlabel: unknown options in 0x%x",
			      info->options);
		return -EINVAL;
	}
	err = ct_xt_match_begin(par);
	if (!err && info->bit > XT_CONNLABEL_MAXBIT) {
		ct_log_refuse(cn, "connlabel: %u is more than %u", info->bit,
			      XT_CONNLABEL_MAXBIT);
		ct_xt_end(par->net, par->family);
		return -ERANGE;
	}
	return err;
}

struct xt_match ct_xt_connlabel[1] __read_mostly = { {
	.name		= "connlabel",
	.family		= NFPROTO_UNSPEC,
	.match		= match,
	.checkentry	= check,
	.destroy	= ct_xt_match_end,
	.matchsize	= sizeof(struct xt_connlabel_mtinfo),
	.me		= THIS_MODULE,
} };

// SPDX-License-Identifier: GPL-2.0
/* -m connmark: the mark of a packet's connection. A template's is 0. */
#include <linux/module.h>
#include <linux/netfilter/xt_connmark.h>
#include <net/ct/entry.h>
#include "xt.h"

static bool match(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_connmark_mtinfo1 *info = par->matchinfo;
	enum ip_conntrack_info ctinfo;
	const struct ct_entry *e = ct_entry_get_skb(skb, &ctinfo);

	return e && ((ct_entry_mark(e) & info->mask) == info->mark) !=
		    !!info->invert;
}

struct xt_match ct_xt_connmark[1] __read_mostly = { {
	.name		= "connmark",
	.revision	= 1,
	.family		= NFPROTO_UNSPEC,
	.match		= match,
	.checkentry	= ct_xt_match_begin,
	.destroy	= ct_xt_match_end,
	.matchsize	= sizeof(struct xt_connmark_mtinfo1),
	.me		= THIS_MODULE,
} };

// SPDX-License-Identifier: GPL-2.0
/* -m helper: did a helper expect this connection? There are none. */
#include <linux/module.h>
#include <linux/netfilter/xt_helper.h>
#include "xt.h"

static bool match(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_helper_info *info = par->matchinfo;

	return info->invert;
}

static int check(const struct xt_mtchk_param *par)
{
	struct xt_helper_info *info = par->matchinfo;
	int err = ct_xt_match_begin(par);

	if (!err)
		info->name[sizeof(info->name) - 1] = '\0';
	return err;
}

struct xt_match ct_xt_helper[1] __read_mostly = { {
	.name		= "helper",
	.family		= NFPROTO_UNSPEC,
	.match		= match,
	.checkentry	= check,
	.destroy	= ct_xt_match_end,
	.matchsize	= sizeof(struct xt_helper_info),
	.me		= THIS_MODULE,
} };

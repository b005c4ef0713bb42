// SPDX-License-Identifier: GPL-2.0
/* -m state: how a packet relates to a connection. A template's is new. */
#include <linux/module.h>
#include <linux/netfilter/xt_state.h>
#include <net/ct/entry.h>
#include "xt.h"

static bool match(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_state_info *info = par->matchinfo;
	enum ip_conntrack_info ctinfo;

	if (likely(ct_entry_get_skb(skb, &ctinfo)))
		return info->statemask & XT_STATE_BIT(ctinfo);
	return info->statemask & (ctinfo == IP_CT_UNTRACKED ?
				  XT_STATE_UNTRACKED : XT_STATE_INVALID);
}

struct xt_match ct_xt_state[1] __read_mostly = { {
	.name		= "state",
	.family		= NFPROTO_UNSPEC,
	.match		= match,
	.checkentry	= ct_xt_match_begin,
	.destroy	= ct_xt_match_end,
	.matchsize	= sizeof(struct xt_state_info),
	.me		= THIS_MODULE,
} };

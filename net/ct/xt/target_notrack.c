// SPDX-License-Identifier: GPL-2.0
/* -j NOTRACK, of old programs: the packet is not to be tracked. */
#include <linux/module.h>
#include <net/ct/entry.h>
#include "xt.h"

static unsigned int target(struct sk_buff *skb,
			   const struct xt_action_param *par)
{
	if (!skb_get_nfct(skb))
		skb_set_nfct(skb, IP_CT_UNTRACKED);
	return XT_CONTINUE;
}

/* It needs no hooks, but is one for whom the module has to stay. */
static int check(const struct xt_tgchk_param *par)
{
	return ct_xt_begin(par->net, NFPROTO_UNSPEC, par->target->name);
}

static void destroy(const struct xt_tgdtor_param *par)
{
	ct_xt_end(par->net, NFPROTO_UNSPEC);
}

#define NOTRACK(pf) {							\
	.name		= "NOTRACK",					\
	.family		= pf,						\
	.target		= target,					\
	.checkentry	= check,					\
	.destroy	= destroy,					\
	.table		= "raw",					\
	.me		= THIS_MODULE,					\
}

struct xt_target ct_xt_target_notrack[2] __read_mostly = {
	NOTRACK(NFPROTO_IPV4),
	NOTRACK(NFPROTO_IPV6),
};

// SPDX-License-Identifier: GPL-2.0
/* -j REDIRECT: the destination becomes this machine. */
#include <linux/module.h>
#include <net/ct/nat.h>
#include "nat.h"

static unsigned int target_v4(struct sk_buff *skb,
			      const struct xt_action_param *par)
{
	const struct nf_nat_range2 range = ct_xt_nat_range_0(par->targinfo);

	return ct_nat_redirect(skb, &range, par->state);
}

static unsigned int target_v6(struct sk_buff *skb,
			      const struct xt_action_param *par)
{
	const struct nf_nat_range2 range = ct_xt_nat_range_1(par->targinfo);

	return ct_nat_redirect(skb, &range, par->state);
}

static int check_v4(const struct xt_tgchk_param *par)
{
	return ct_xt_nat_begin_0(par, false);
}

static int check_v6(const struct xt_tgchk_param *par)
{
	return ct_xt_nat_begin_1(par, false);
}

#define REDIRECT(pf, suffix, layout) {					\
	.name		= "REDIRECT",					\
	.family		= pf,						\
	.target		= target_ ## suffix,				\
	.checkentry	= check_ ## suffix,				\
	.destroy	= ct_xt_nat_end,				\
	.targetsize	= sizeof(struct layout),			\
	.table		= "nat",					\
	.hooks		= BIT(NF_INET_PRE_ROUTING) |			\
			  BIT(NF_INET_LOCAL_OUT),			\
	.me		= THIS_MODULE,					\
}

struct xt_target ct_xt_nat_redirect[2] __read_mostly = {
	REDIRECT(NFPROTO_IPV4, v4, nf_nat_ipv4_multi_range_compat),
	REDIRECT(NFPROTO_IPV6, v6, nf_nat_range),
};

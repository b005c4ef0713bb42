// SPDX-License-Identifier: GPL-2.0
/* -j NETMAP: an end becomes the address of the same number in another network. */
#include <linux/module.h>
#include "nat.h"

static unsigned int work(struct sk_buff *skb, struct nf_nat_range2 range,
			 const struct xt_action_param *par)
{
	const unsigned int hook = xt_hooknum(par);

	range.flags |= NF_NAT_RANGE_NETMAP;
	return ct_xt_nat_setup(skb, range, HOOK2MANIP(hook));
}

static unsigned int target_v4(struct sk_buff *skb,
			      const struct xt_action_param *par)
{
	return work(skb, ct_xt_nat_range_0(par->targinfo), par);
}

static unsigned int target_v6(struct sk_buff *skb,
			      const struct xt_action_param *par)
{
	return work(skb, ct_xt_nat_range_1(par->targinfo), par);
}

static int check_v4(const struct xt_tgchk_param *par)
{
	return ct_xt_nat_begin_0(par, true);
}

static int check_v6(const struct xt_tgchk_param *par)
{
	return ct_xt_nat_begin_1(par, true);
}

#define NETMAP(pf, suffix, layout) {					\
	.name		= "NETMAP",					\
	.family		= pf,						\
	.target		= target_ ## suffix,				\
	.checkentry	= check_ ## suffix,				\
	.destroy	= ct_xt_nat_end,				\
	.targetsize	= sizeof(struct layout),			\
	.table		= "nat",					\
	.hooks		= BIT(NF_INET_PRE_ROUTING) |			\
			  BIT(NF_INET_LOCAL_OUT) |			\
			  BIT(NF_INET_POST_ROUTING) |			\
			  BIT(NF_INET_LOCAL_IN),			\
	.me		= THIS_MODULE,					\
}

struct xt_target ct_xt_nat_netmap[2] __read_mostly = {
	NETMAP(NFPROTO_IPV4, v4, nf_nat_ipv4_multi_range_compat),
	NETMAP(NFPROTO_IPV6, v6, nf_nat_range),
};

// SPDX-License-Identifier: GPL-2.0
/* -j SNAT and -j DNAT: an end becomes what the rule says. */
#include <linux/module.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include "nat.h"

/* That of NETMAP is for others. */
static unsigned int work(struct sk_buff *skb, struct nf_nat_range2 range,
			 enum nf_nat_manip_type manip)
{
	range.flags &= ~NF_NAT_RANGE_NETMAP;
	return ct_xt_nat_setup(skb, range, manip);
}

#define TARGETS(name, manip)						\
static unsigned int name ## _0(struct sk_buff *skb,			\
			       const struct xt_action_param *par)	\
{									\
	return work(skb, ct_xt_nat_range_0(par->targinfo), manip);	\
}									\
									\
static unsigned int name ## _1(struct sk_buff *skb,			\
			       const struct xt_action_param *par)	\
{									\
	return work(skb, ct_xt_nat_range_1(par->targinfo), manip);	\
}									\
									\
static unsigned int name ## _2(struct sk_buff *skb,			\
			       const struct xt_action_param *par)	\
{									\
	const struct nf_nat_range2 *range = par->targinfo;		\
									\
	return work(skb, *range, manip);				\
}

TARGETS(snat, NF_NAT_MANIP_SRC)
TARGETS(dnat, NF_NAT_MANIP_DST)

static int check_0(const struct xt_tgchk_param *par)
{
	return ct_xt_nat_check_one(par, par->targinfo) ?: ct_xt_nat_begin(par);
}

/* It stands for any family. */
static int check(const struct xt_tgchk_param *par)
{
	switch (par->family) {
	case NFPROTO_IPV4:
	case NFPROTO_IPV6:
	case NFPROTO_INET:
		return ct_xt_nat_begin(par);
	}
	ct_log_refuse(ct_net(par->net), "%s: nothing is translated in family %u",
		      par->target->name, par->family);
	return -EINVAL;
}

#define SOURCE	(BIT(NF_INET_POST_ROUTING) | BIT(NF_INET_LOCAL_IN))
#define TARGET	(BIT(NF_INET_PRE_ROUTING) | BIT(NF_INET_LOCAL_OUT))

#define NAT(which, number, layout, pf, checks, function, where) {	\
	.name		= which,					\
	.revision	= number,					\
	.family		= pf,						\
	.target		= function ## _ ## number,			\
	.checkentry	= checks,					\
	.destroy	= ct_xt_nat_end,				\
	.targetsize	= sizeof(struct layout),			\
	.table		= "nat",					\
	.hooks		= where,					\
	.me		= THIS_MODULE,					\
}

struct xt_target ct_xt_nat_snat_dnat[6] __read_mostly = {
	NAT("SNAT", 0, nf_nat_ipv4_multi_range_compat, NFPROTO_IPV4, check_0,
	    snat, SOURCE),
	NAT("SNAT", 1, nf_nat_range, NFPROTO_UNSPEC, check, snat, SOURCE),
	NAT("SNAT", 2, nf_nat_range2, NFPROTO_UNSPEC, check, snat, SOURCE),
	NAT("DNAT", 0, nf_nat_ipv4_multi_range_compat, NFPROTO_IPV4, check_0,
	    dnat, TARGET),
	NAT("DNAT", 1, nf_nat_range, NFPROTO_UNSPEC, check, dnat, TARGET),
	NAT("DNAT", 2, nf_nat_range2, NFPROTO_UNSPEC, check, dnat, TARGET),
};

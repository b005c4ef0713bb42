// SPDX-License-Identifier: GPL-2.0
/*
 * What rules may ask for and ct does not have. Without these iptables would say
 * that there is no such extension.
 */
#include <linux/module.h>
#include <linux/netfilter/xt_SYNPROXY.h>
#include <linux/netfilter/xt_ipvs.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include "xt.h"

static int refuse(struct net *net, const char *what)
{
	ct_log_refuse(ct_net(net), "%s: ct does not have it", what);
	return -EOPNOTSUPP;
}

static int refuse_match(const struct xt_mtchk_param *par)
{
	return refuse(par->net, par->match->name);
}

static int refuse_target(const struct xt_tgchk_param *par)
{
	return refuse(par->net, par->target->name);
}

/* There is no rule that could come here. */
static bool match(const struct sk_buff *skb, struct xt_action_param *par)
{
	return false;
}

static unsigned int target(struct sk_buff *skb,
			   const struct xt_action_param *par)
{
	return NF_DROP;
}

struct xt_match ct_xt_refused_match[1] __read_mostly = { {
	.name		= "ipvs",
	.family		= NFPROTO_UNSPEC,
	.match		= match,
	.checkentry	= refuse_match,
	.matchsize	= sizeof(struct xt_ipvs_mtinfo),
	.me		= THIS_MODULE,
} };

#define SYNPROXY(pf) {							\
	.name		= "SYNPROXY",					\
	.family		= pf,						\
	.target		= target,					\
	.checkentry	= refuse_target,				\
	.targetsize	= sizeof(struct xt_synproxy_info),		\
	.me		= THIS_MODULE,					\
}

struct xt_target ct_xt_refused_target[2] __read_mostly = {
	SYNPROXY(NFPROTO_IPV4),
	SYNPROXY(NFPROTO_IPV6),
};

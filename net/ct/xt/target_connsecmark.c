// SPDX-License-Identifier: GPL-2.0
/*
 * -j CONNSECMARK: the security mark is copied from a packet to its connection, or
 * back, to where there is none yet.
 */
#include <linux/module.h>
#include <linux/netfilter/xt_CONNSECMARK.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include "compat.h"
#include "xt.h"

static void save(const struct sk_buff *skb, struct ct_entry *e)
{
	const u32 secmark = ct_skb_secmark(skb);

	if (secmark && !ct_entry_secmark(e) && ct_entry_secmark_set(e, secmark))
		ct_event(e, BIT(IPCT_SECMARK));
}

static void restore(struct sk_buff *skb, const struct ct_entry *e)
{
	const u32 secmark = ct_entry_secmark(e);

	if (secmark && !ct_skb_secmark(skb))
		ct_skb_secmark_set(skb, secmark);
}

static unsigned int target(struct sk_buff *skb,
			   const struct xt_action_param *par)
{
	const struct xt_connsecmark_target_info *info = par->targinfo;
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_tracked(skb, &ctinfo);

	if (e && info->mode == CONNSECMARK_SAVE)
		save(skb, e);
	else if (e)
		restore(skb, e);
	return XT_CONTINUE;
}

static int check(const struct xt_tgchk_param *par)
{
	const struct xt_connsecmark_target_info *info = par->targinfo;
	struct ct_net *cn = ct_net(par->net);

	if (strcmp(par->table, "mangle") && strcmp(par->table, "security")) {
		ct_log_refuse(cn, "CONNSECMARK: in table %*pE, and not in mangle or security",
			      (int)strlen(par->table), par->table);
		return -EINVAL;
	}
	if (info->mode != CONNSECMARK_SAVE &&
	    info->mode != CONNSECMARK_RESTORE) {
		ct_log_refuse(cn, "CONNSECMARK: %u is not save or restore",
			      info->mode);
		return -EINVAL;
	}
	return ct_xt_target_begin(par);
}

#define CONNSECMARK(pf) {						\
	.name		= "CONNSECMARK",				\
	.family		= pf,						\
	.target		= target,					\
	.checkentry	= check,					\
	.destroy	= ct_xt_target_end,				\
	.targetsize	= sizeof(struct xt_connsecmark_target_info),	\
	.me		= THIS_MODULE,					\
}

struct xt_target ct_xt_target_connsecmark[2] __read_mostly = {
	CONNSECMARK(NFPROTO_IPV4),
	CONNSECMARK(NFPROTO_IPV6),
};

// SPDX-License-Identifier: GPL-2.0
/*
 * -j CONNMARK: the mark of a packet's connection is set, or copied from the
 * packet's or to it.
 */
#include <linux/module.h>
#include <linux/netfilter/xt_connmark.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include "xt.h"

static u32 shifted(const struct xt_connmark_tginfo2 *info, u32 mark)
{
	return info->shift_dir == D_SHIFT_RIGHT ? mark >> info->shift_bits :
						  mark << info->shift_bits;
}

static u32 new_mark(const struct xt_connmark_tginfo2 *info, u32 old, u32 nfmark)
{
	if (info->mode == XT_CONNMARK_SET)
		return shifted(info, (old & ~info->ctmask) ^ info->ctmark);
	return (old & ~info->ctmask) ^ shifted(info, nfmark & info->nfmask);
}

static void work(struct sk_buff *skb, const struct xt_connmark_tginfo2 *info)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_get_skb(skb, &ctinfo);

	if (!e)
		return;
	switch (info->mode) {
	case XT_CONNMARK_SET:
	case XT_CONNMARK_SAVE:
		/* A template is many packets', and none of their connection. */
		if (ct_entry_hot(e) & IPS_TEMPLATE)
			return;
		if (ct_entry_mark_set(e, new_mark(info, ct_entry_mark(e),
						  skb->mark)))
			ct_event(e, BIT(IPCT_MARK));
		break;
	case XT_CONNMARK_RESTORE:
		skb->mark = (skb->mark & ~info->nfmask) ^
			    shifted(info, ct_entry_mark(e) & info->ctmask);
		break;
	}
}

static unsigned int target_1(struct sk_buff *skb,
			     const struct xt_action_param *par)
{
	const struct xt_connmark_tginfo1 *info = par->targinfo;
	struct xt_connmark_tginfo2 unshifted = { .mode = info->mode };

	unshifted.ctmark = info->ctmark;
	unshifted.ctmask = info->ctmask;
	unshifted.nfmask = info->nfmask;
	work(skb, &unshifted);
	return XT_CONTINUE;
}

static unsigned int target_2(struct sk_buff *skb,
			     const struct xt_action_param *par)
{
	work(skb, par->targinfo);
	return XT_CONTINUE;
}

static int check_2(const struct xt_tgchk_param *par)
{
	const struct xt_connmark_tginfo2 *info = par->targinfo;

	if (info->shift_dir > D_SHIFT_RIGHT || info->shift_bits >= 32) {
		ct_log_refuse(ct_net(par->net),
			      "CONNMARK: a shift by %u in direction %u",
			      info->shift_bits, info->shift_dir);
		return -EINVAL;
	}
	return ct_xt_target_begin(par);
}

#define CONNMARK(pf, number, checks) {					\
	.name		= "CONNMARK",					\
	.revision	= number,					\
	.family		= pf,						\
	.target		= target_ ## number,				\
	.checkentry	= checks,					\
	.destroy	= ct_xt_target_end,				\
	.targetsize	= sizeof(struct xt_connmark_tginfo ## number),	\
	.me		= THIS_MODULE,					\
}

struct xt_target ct_xt_target_connmark[4] __read_mostly = {
	CONNMARK(NFPROTO_IPV4, 1, ct_xt_target_begin),
	CONNMARK(NFPROTO_IPV4, 2, check_2),
	CONNMARK(NFPROTO_IPV6, 1, ct_xt_target_begin),
	CONNMARK(NFPROTO_IPV6, 2, check_2),
};

// SPDX-License-Identifier: GPL-2.0
/* Generic netlink family "ct": what nfnetlink_conntrack.h cannot say. */
#include <linux/ct.h>
#include <linux/module.h>
#include <net/ct/stats.h>
#include <net/ct/table.h>
#include <net/genetlink.h>
#include <net/netlink.h>
#include "netlink.h"

static struct genl_family family;

static int put_reason(struct sk_buff *skb, enum ct_invalid reason, u64 count)
{
	struct nlattr *nest = nla_nest_start(skb, CT_A_REASON);

	if (!nest || nla_put_u32(skb, CT_REASON_A_CODE, reason) ||
	    nla_put_u64_64bit(skb, CT_REASON_A_COUNT, count, CT_REASON_A_PAD) ||
	    nla_put_string(skb, CT_REASON_A_TEXT, ct_invalid_text(reason)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_invalid(struct sk_buff *skb, const struct ct_net *cn)
{
	struct nlattr *nest = nla_nest_start(skb, CT_A_INVALID);
	unsigned int reason;

	if (!nest)
		return -EMSGSIZE;
	for (reason = CT_OK + 1; reason < __CT_INVALID_MAX; reason++) {
		u64 count = ct_stats_invalid(cn, reason);

		if (count && put_reason(skb, reason, count))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_stats(struct sk_buff *skb, struct ct_net *cn)
{
	struct ct_table *t = &cn->table;

	if (nla_put_u32(skb, CT_A_ENTRIES, ct_net_count(cn)) ||
	    nla_put_u32(skb, CT_A_LIMIT, READ_ONCE(cn->max)) ||
	    nla_put_u32(skb, CT_A_BUCKETS, ct_table_buckets(t)) ||
	    nla_put_u32(skb, CT_A_OVERFLOW, atomic_read(&t->overflow)) ||
	    nla_put_u64_64bit(skb, CT_A_RESIZES, atomic64_read(&t->resizes),
			      CT_A_PAD) ||
	    nla_put_u64_64bit(skb, CT_A_EVICTED, ct_stats_evicted(cn),
			      CT_A_PAD) ||
	    nla_put_u64_64bit(skb, CT_A_EVENTS_LOST,
			      atomic64_read(&cn->queue.lost), CT_A_PAD) ||
	    nla_put_u32(skb, CT_A_EVENTS_WAITING,
			READ_ONCE(cn->queue.waiting)))
		return -EMSGSIZE;
	return put_invalid(skb, cn);
}

static int get_stats(struct sk_buff *skb, struct genl_info *info)
{
	struct ct_net *cn = ct_net(genl_info_net(info));
	struct sk_buff *answer;
	void *hdr;
	int err;

	if (!cn) {
		NL_SET_ERR_MSG(info->extack,
			       "this network namespace tracks no connections");
		return -ENOENT;
	}
	answer = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	err = -EMSGSIZE;
	hdr = genlmsg_put_reply(answer, info, &family, 0, CT_CMD_GET_STATS);
	if (hdr)
		err = put_stats(answer, cn);
	if (err) {
		nlmsg_free(answer);
		return err;
	}
	genlmsg_end(answer, hdr);
	return genlmsg_reply(answer, info);
}

/* No request has attributes: each is refused by name. */
static const struct nla_policy policy[CT_A_MAX + 1] = {
	[CT_A_UNSPEC ... CT_A_MAX] = { .type = NLA_REJECT },
};

static const struct genl_small_ops ops[] = {
	{
		.cmd = CT_CMD_GET_STATS,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = get_stats,
	},
};

static struct genl_family family __ro_after_init = {
	.name = CT_GENL_NAME,
	.version = CT_GENL_VERSION,
	.maxattr = CT_A_MAX,
	.policy = policy,
	.netnsok = true,
	.parallel_ops = true,
	.small_ops = ops,
	.n_small_ops = ARRAY_SIZE(ops),
	.resv_start_op = __CT_CMD_MAX,
	.module = THIS_MODULE,
};

int __init ct_nl_genl_init(void)
{
	return genl_register_family(&family);
}

void ct_nl_genl_exit(void)
{
	genl_unregister_family(&family);
}

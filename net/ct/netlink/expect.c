// SPDX-License-Identifier: GPL-2.0
/*
 * The expectation subsystem of nfnetlink. Without helpers nothing expects a
 * connection: what lists and flushes them finds none.
 */
#include <net/netlink.h>
#include "netlink.h"

static const struct nla_policy expect_policy[CTA_EXPECT_MAX + 1] = {
	[CTA_EXPECT_MASTER]	= { .type = NLA_NESTED },
	[CTA_EXPECT_TUPLE]	= { .type = NLA_NESTED },
	[CTA_EXPECT_MASK]	= { .type = NLA_NESTED },
	[CTA_EXPECT_NAT]	= { .type = NLA_NESTED },
	[CTA_EXPECT_TIMEOUT]	= { .type = NLA_U32 },
	[CTA_EXPECT_ID]		= { .type = NLA_U32 },
	[CTA_EXPECT_CLASS]	= { .type = NLA_U32 },
	[CTA_EXPECT_FLAGS]	= { .type = NLA_U32 },
	[CTA_EXPECT_ZONE]	= { .type = NLA_U16 },
	[CTA_EXPECT_HELP_NAME]	= { .type = NLA_NUL_STRING, .len = 15 },
	[CTA_EXPECT_FN]		= { .type = NLA_NUL_STRING },
};

/* A well-formed request names something that is not there. */
static int check_name(const struct nfnl_info *info,
		      const struct nlattr * const cda[])
{
	int type = cda[CTA_EXPECT_TUPLE] ? CTA_EXPECT_TUPLE : CTA_EXPECT_MASTER;
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
	int err;

	if (!cda[type]) {
		NL_SET_ERR_MSG(info->extack, "a tuple is needed");
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, CTA_EXPECT_TUPLE);
		return -EINVAL;
	}
	err = ct_nl_parse_zone(cda[CTA_EXPECT_ZONE], &zone, info->extack);
	if (err)
		return err;
	err = ct_nl_parse_tuple(cda[type], info->nfmsg->nfgen_family,
				IP_CT_DIR_ORIGINAL, CT_F_ALL, &tuple, NULL,
				info->extack);
	return err ?: -ENOENT;
}

static int get_expect(struct sk_buff *skb, const struct nfnl_info *info,
		      const struct nlattr * const cda[])
{
	if (info->nlh->nlmsg_flags & NLM_F_DUMP)
		return ct_nl_dump_nothing(skb, info);
	return check_name(info, cda);
}

static int delete_expect(struct sk_buff *skb, const struct nfnl_info *info,
			 const struct nlattr * const cda[])
{
	return cda[CTA_EXPECT_TUPLE] ? check_name(info, cda) : 0;
}

static int new_expect(struct sk_buff *skb, const struct nfnl_info *info,
		      const struct nlattr * const cda[])
{
	NL_SET_ERR_MSG(info->extack, "ct does not expect connections yet");
	return -EOPNOTSUPP;
}

static int get_expect_stats(struct sk_buff *skb, const struct nfnl_info *info,
			    const struct nlattr * const cda[])
{
	if (info->nlh->nlmsg_flags & NLM_F_DUMP)
		return ct_nl_dump_expect_stats(skb, info);
	return 0;
}

#define WITH_ATTRS(fn) { \
	.call = (fn), \
	.type = NFNL_CB_MUTEX, \
	.attr_count = CTA_EXPECT_MAX, \
	.policy = expect_policy, \
}

static const struct nfnl_callback callbacks[IPCTNL_MSG_EXP_MAX] = {
	[IPCTNL_MSG_EXP_NEW]		= WITH_ATTRS(new_expect),
	[IPCTNL_MSG_EXP_GET]		= WITH_ATTRS(get_expect),
	[IPCTNL_MSG_EXP_DELETE]		= WITH_ATTRS(delete_expect),
	[IPCTNL_MSG_EXP_GET_STATS_CPU] = {
		.call = get_expect_stats,
		.type = NFNL_CB_MUTEX,
	},
};

const struct nfnetlink_subsystem ct_nl_expect = {
	.name = "conntrack_expect",
	.subsys_id = NFNL_SUBSYS_CTNETLINK_EXP,
	.cb_count = IPCTNL_MSG_EXP_MAX,
	.cb = callbacks,
};

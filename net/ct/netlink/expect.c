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
	[CTA_EXPECT_FLAGS]	= NLA_POLICY_MASK(NLA_BE32, NF_CT_EXPECT_MASK),
	[CTA_EXPECT_ZONE]	= { .type = NLA_U16 },
	[CTA_EXPECT_HELP_NAME]	= { .type = NLA_NUL_STRING, .len = 15 },
	[CTA_EXPECT_FN]		= { .type = NLA_NUL_STRING },
};

static int parse_tuple(const struct nfnl_info *info,
		       const struct nlattr * const cda[], int type,
		       struct nf_conntrack_tuple *tuple)
{
	return ct_nl_parse_tuple(cda[type], info->nfmsg->nfgen_family,
				 IP_CT_DIR_ORIGINAL, CT_F_ALL, tuple, NULL,
				 info->extack);
}

static int missing(const struct nfnl_info *info, int type)
{
	NL_SET_ERR_MSG(info->extack, "a tuple is needed");
	NL_SET_ERR_ATTR_MISS(info->extack, NULL, type);
	return -EINVAL;
}

/* A well-formed request names something that is not there. */
static int check_name(const struct nfnl_info *info,
		      const struct nlattr * const cda[])
{
	int type = cda[CTA_EXPECT_TUPLE] ? CTA_EXPECT_TUPLE : CTA_EXPECT_MASTER;
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;

	if (!cda[type])
		return missing(info, CTA_EXPECT_TUPLE);
	return ct_nl_parse_zone(cda[CTA_EXPECT_ZONE], &zone, info->extack) ?:
	       parse_tuple(info, cda, type, &tuple) ?: -ENOENT;
}

static bool exists(const struct nfnl_info *info,
		   const struct nf_conntrack_tuple *tuple,
		   const struct nf_conntrack_zone *zone)
{
	struct ct_net *cn = ct_net(info->net);
	struct ct_entry *e = cn ? ct_nl_find(cn, tuple, zone) : NULL;

	ct_entry_put(e);
	return e;
}

/* Of a connection, there are none. */
static int dump_of_master(const struct nfnl_info *info,
			  const struct nlattr * const cda[])
{
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
	int err;

	err = parse_tuple(info, cda, CTA_EXPECT_MASTER, &tuple) ?:
	      ct_nl_parse_zone(cda[CTA_EXPECT_ZONE], &zone, info->extack);
	if (err)
		return err;
	return exists(info, &tuple, &zone) ? 0 : -ENOENT;
}

static int get_expect(struct sk_buff *skb, const struct nfnl_info *info,
		      const struct nlattr * const cda[])
{
	if (!(info->nlh->nlmsg_flags & NLM_F_DUMP))
		return check_name(info, cda);
	if (cda[CTA_EXPECT_MASTER])
		return dump_of_master(info, cda);
	return ct_nl_dump_nothing(skb, info);
}

static int delete_expect(struct sk_buff *skb, const struct nfnl_info *info,
			 const struct nlattr * const cda[])
{
	return cda[CTA_EXPECT_TUPLE] ? check_name(info, cda) : 0;
}

static int new_expect(struct sk_buff *skb, const struct nfnl_info *info,
		      const struct nlattr * const cda[])
{
	static const u8 needed[] = {
		CTA_EXPECT_TUPLE, CTA_EXPECT_MASK, CTA_EXPECT_MASTER,
	};
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!cda[needed[i]])
			return missing(info, needed[i]);
	}
	err = ct_nl_parse_zone(cda[CTA_EXPECT_ZONE], &zone, info->extack) ?:
	      parse_tuple(info, cda, CTA_EXPECT_TUPLE, &tuple);
	if (err)
		return err;
	if (!(info->nlh->nlmsg_flags & NLM_F_CREATE))
		return -ENOENT;
	err = parse_tuple(info, cda, CTA_EXPECT_MASK, &tuple) ?:
	      parse_tuple(info, cda, CTA_EXPECT_MASTER, &tuple);
	if (err)
		return err;
	if (!exists(info, &tuple, &zone))
		return -ENOENT;
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

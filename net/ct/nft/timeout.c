// SPDX-License-Identifier: GPL-2.0
/*
 * ct timeout: an object that is a timeout policy, and gives it to connections
 * that begin.
 */
#include <linux/module.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <net/ct/hooks.h>
#include <net/ct/policy.h>
#include <net/netlink.h>
#include "nft.h"

struct timeout {
	struct ct_policy *policy;
	u16 l3;			/* as it was given: nothing goes by it */
};

/* Of no protocol are there more. */
static const struct nla_policy value_policy[CTA_TIMEOUT_TCP_MAX + 1] = {
	[1 ... CTA_TIMEOUT_TCP_MAX] = { .type = NLA_U32 },
};

static u32 from_seconds(u32 seconds)
{
	return min_t(u64, (u64)seconds * HZ, CT_LONGEST);
}

/* The protocol's own attributes begin with 1, in the order of its timeouts. */
static int parse_values(struct ct_policy *policy, const struct nlattr *data)
{
	struct nlattr *tb[ARRAY_SIZE(value_policy)];
	unsigned int i;
	int err;

	if (WARN_ON_ONCE(policy->n >= ARRAY_SIZE(tb)))
		return -EOPNOTSUPP;
	err = nla_parse_nested_deprecated(tb, policy->n, data, value_policy,
					  NULL);
	if (err)
		return err;
	for (i = 0; i < policy->n; i++)
		if (tb[i + 1])
			policy->timeout[policy->first + i] =
				from_seconds(ntohl(nla_get_be32(tb[i + 1])));
	return 0;
}

static int timeout_init(const struct nft_ctx *ctx,
			const struct nlattr * const tb[],
			struct nft_object *obj)
{
	struct timeout *priv = nft_obj_data(obj);
	struct ct_net *cn = ct_net(ctx->net);
	int err;

	if (!tb[NFTA_CT_TIMEOUT_L4PROTO] || !tb[NFTA_CT_TIMEOUT_DATA])
		return -EINVAL;
	priv->l3 = tb[NFTA_CT_TIMEOUT_L3PROTO] ?
		   ntohs(nla_get_be16(tb[NFTA_CT_TIMEOUT_L3PROTO])) :
		   ctx->family;
	priv->policy = ct_policy_new(cn,
				     nla_get_u8(tb[NFTA_CT_TIMEOUT_L4PROTO]));
	if (IS_ERR(priv->policy))
		return PTR_ERR(priv->policy);
	err = parse_values(priv->policy, tb[NFTA_CT_TIMEOUT_DATA]);
	if (!err)
		err = ct_hooks_get(cn, ctx->family);
	if (err)
		ct_policy_withdraw(priv->policy);
	return err;
}

/* No packet is in the object any more. */
static void timeout_destroy(const struct nft_ctx *ctx, struct nft_object *obj)
{
	struct timeout *priv = nft_obj_data(obj);

	ct_policy_withdraw(priv->policy);
	ct_hooks_put(ct_net(ctx->net), ctx->family);
}

static int timeout_dump(struct sk_buff *skb, struct nft_object *obj, bool reset)
{
	const struct timeout *priv = nft_obj_data(obj);
	const struct ct_policy *policy = priv->policy;
	struct nlattr *nest;
	unsigned int i;

	if (nla_put_u8(skb, NFTA_CT_TIMEOUT_L4PROTO, policy->l4) ||
	    nla_put_be16(skb, NFTA_CT_TIMEOUT_L3PROTO, htons(priv->l3)))
		return -1;
	nest = nla_nest_start(skb, NFTA_CT_TIMEOUT_DATA);
	if (!nest)
		return -1;
	for (i = 0; i < policy->n; i++)
		if (nla_put_be32(skb, i + 1,
				 htonl(policy->timeout[policy->first + i] /
				       HZ)))
			return -1;
	nla_nest_end(skb, nest);
	return 0;
}

static void timeout_eval(struct nft_object *obj, struct nft_regs *regs,
			 const struct nft_pktinfo *pkt)
{
	const struct timeout *priv = nft_obj_data(obj);
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_tracked(pkt->skb, &ctinfo);

	if (e && !ct_policy_attach(e, priv->policy))
		regs->verdict.code = NF_DROP;
}

static const struct nla_policy policy[NFTA_CT_TIMEOUT_MAX + 1] = {
	[NFTA_CT_TIMEOUT_L3PROTO] = { .type = NLA_U16 },
	[NFTA_CT_TIMEOUT_L4PROTO] = { .type = NLA_U8 },
	[NFTA_CT_TIMEOUT_DATA] = { .type = NLA_NESTED },
};

static const struct nft_object_ops timeout_ops = {
	.type		= &ct_nft_timeout_obj,
	.size		= sizeof(struct timeout),
	.eval		= timeout_eval,
	.init		= timeout_init,
	.destroy	= timeout_destroy,
	.dump		= timeout_dump,
};

struct nft_object_type ct_nft_timeout_obj __read_mostly = {
	.type		= NFT_OBJECT_CT_TIMEOUT,
	.ops		= &timeout_ops,
	.policy		= policy,
	.maxattr	= NFTA_CT_TIMEOUT_MAX,
	.owner		= THIS_MODULE,
};

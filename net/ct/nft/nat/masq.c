// SPDX-License-Identifier: GPL-2.0
/* masq: the source becomes the address of the interface it leaves by. */
#include <linux/module.h>
#include <net/netlink.h>
#include "../compat.h"
#include "nat.h"

static void masq_eval(const struct nft_expr *expr, struct nft_regs *regs,
		      const struct nft_pktinfo *pkt)
{
	const struct ct_nft_nat_local *priv = nft_expr_priv(expr);
	struct nf_nat_range2 range = { .flags = priv->flags };

	ct_nft_nat_ports(&range, regs, &priv->ports);
	regs->verdict.code = ct_nat_masquerade(pkt->skb, &range, pkt->state);
}

/* That ports are given is a flag of its own, which is up to who gives them. */
static int masq_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		     const struct nlattr * const tb[])
{
	struct ct_nft_nat_local *priv = nft_expr_priv(expr);
	int err;

	if (tb[NFTA_MASQ_FLAGS])
		priv->flags = ntohl(nla_get_be32(tb[NFTA_MASQ_FLAGS]));
	err = ct_nft_nat_parse(ctx, tb, NFTA_MASQ_REG_PROTO_MIN,
			       sizeof(__be16), &priv->ports);
	if (err)
		return err;
	return ct_nat_rule_begin(ctx->net, ctx->family);
}

static void masq_destroy(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	ct_nat_rule_end(ctx->net, ctx->family);
}

static int masq_validate(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	return ct_nft_nat_validate(ctx, BIT(NF_INET_POST_ROUTING));
}

CT_NFT_DUMP(masq_dump)
{
	const struct ct_nft_nat_local *priv = nft_expr_priv(expr);

	return ct_nft_nat_dump_flags(skb, NFTA_MASQ_FLAGS, priv->flags) ?:
	       ct_nft_nat_dump(skb, NFTA_MASQ_REG_PROTO_MIN, &priv->ports);
}

static const struct nft_expr_ops masq_ops = {
	.type		= &ct_nft_nat_masq_type,
	.size		= NFT_EXPR_SIZE(sizeof(struct ct_nft_nat_local)),
	.eval		= masq_eval,
	.init		= masq_init,
	.destroy	= masq_destroy,
	.validate	= masq_validate,
	.dump		= masq_dump,
};

/* In other families there is no such expression. */
static const struct nft_expr_ops *
select_ops(const struct nft_ctx *ctx, const struct nlattr * const tb[])
{
	return ct_nft_nat_family(ctx->family) ? &masq_ops : ERR_PTR(-ENOENT);
}

static const struct nla_policy policy[NFTA_MASQ_MAX + 1] = {
	[NFTA_MASQ_FLAGS] = NLA_POLICY_MASK(NLA_BE32, NF_NAT_RANGE_MASK),
	[NFTA_MASQ_REG_PROTO_MIN] = { .type = NLA_U32 },
	[NFTA_MASQ_REG_PROTO_MAX] = { .type = NLA_U32 },
};

struct nft_expr_type ct_nft_nat_masq_type __read_mostly = {
	.name		= "masq",
	.select_ops	= select_ops,
	.policy		= policy,
	.maxattr	= NFTA_MASQ_MAX,
	.owner		= THIS_MODULE,
};

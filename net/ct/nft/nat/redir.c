// SPDX-License-Identifier: GPL-2.0
/* redir: the destination becomes this machine. */
#include <linux/module.h>
#include <net/netlink.h>
#include "../compat.h"
#include "nat.h"

static void redir_eval(const struct nft_expr *expr, struct nft_regs *regs,
		       const struct nft_pktinfo *pkt)
{
	const struct ct_nft_nat_local *priv = nft_expr_priv(expr);
	struct nf_nat_range2 range = { .flags = priv->flags };

	ct_nft_nat_ports(&range, regs, &priv->ports);
	regs->verdict.code = ct_nat_redirect(pkt->skb, &range, pkt->state);
}

/* That ports are given is a flag, which goes without saying if no other is. */
static int redir_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		      const struct nlattr * const tb[])
{
	struct ct_nft_nat_local *priv = nft_expr_priv(expr);
	int err;

	err = ct_nft_nat_parse(ctx, tb, NFTA_REDIR_REG_PROTO_MIN,
			       sizeof(__be16), &priv->ports);
	if (err)
		return err;
	if (tb[NFTA_REDIR_FLAGS])
		priv->flags = ntohl(nla_get_be32(tb[NFTA_REDIR_FLAGS]));
	else if (priv->ports.min)
		priv->flags = NF_NAT_RANGE_PROTO_SPECIFIED;
	return ct_nat_rule_begin(ctx->net, ctx->family);
}

static void redir_destroy(const struct nft_ctx *ctx,
			  const struct nft_expr *expr)
{
	ct_nat_rule_end(ctx->net, ctx->family);
}

static int redir_validate(const struct nft_ctx *ctx,
			  const struct nft_expr *expr)
{
	return ct_nft_nat_validate(ctx, BIT(NF_INET_PRE_ROUTING) |
					BIT(NF_INET_LOCAL_OUT));
}

CT_NFT_DUMP(redir_dump)
{
	const struct ct_nft_nat_local *priv = nft_expr_priv(expr);

	return ct_nft_nat_dump(skb, NFTA_REDIR_REG_PROTO_MIN, &priv->ports) ?:
	       ct_nft_nat_dump_flags(skb, NFTA_REDIR_FLAGS, priv->flags);
}

static const struct nft_expr_ops redir_ops = {
	.type		= &ct_nft_nat_redir_type,
	.size		= NFT_EXPR_SIZE(sizeof(struct ct_nft_nat_local)),
	.eval		= redir_eval,
	.init		= redir_init,
	.destroy	= redir_destroy,
	.validate	= redir_validate,
	.dump		= redir_dump,
};

/* In other families there is no such expression. */
static const struct nft_expr_ops *
select_ops(const struct nft_ctx *ctx, const struct nlattr * const tb[])
{
	return ct_nft_nat_family(ctx->family) ? &redir_ops : ERR_PTR(-ENOENT);
}

static const struct nla_policy policy[NFTA_REDIR_MAX + 1] = {
	[NFTA_REDIR_REG_PROTO_MIN] = { .type = NLA_U32 },
	[NFTA_REDIR_REG_PROTO_MAX] = { .type = NLA_U32 },
	[NFTA_REDIR_FLAGS] = NLA_POLICY_MASK(NLA_BE32, NF_NAT_RANGE_MASK),
};

struct nft_expr_type ct_nft_nat_redir_type __read_mostly = {
	.name		= "redir",
	.select_ops	= select_ops,
	.policy		= policy,
	.maxattr	= NFTA_REDIR_MAX,
	.owner		= THIS_MODULE,
};

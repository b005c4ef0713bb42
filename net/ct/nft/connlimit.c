// SPDX-License-Identifier: GPL-2.0
/*
 * ct count: how many connections came by here. Each rule, each element of a
 * set and each object has a list of its own (count.c).
 */
#include <linux/module.h>
#include <net/ct/count.h>
#include <net/ct/hooks.h>
#include <net/netlink.h>
#include "compat.h"
#include "nft.h"

/* Rules are copied byte by byte: what changes is behind the pointer. */
struct connlimit {
	struct ct_count *list;
	u32 limit;
	bool over;
	bool hooked;		/* it has hooks: an element has its set's */
};

static void connlimit_eval(const struct connlimit *priv, struct nft_regs *regs,
			   const struct nft_pktinfo *pkt)
{
	unsigned int count;
	bool over;

	if (!ct_count_packet(priv->list, pkt->skb, false, &count)) {
		regs->verdict.code = NF_DROP;
		return;
	}
	over = count > priv->limit;
	if (over != priv->over)
		regs->verdict.code = NFT_BREAK;
}

static int connlimit_init(const struct nft_ctx *ctx,
			  const struct nlattr * const tb[],
			  struct connlimit *priv)
{
	struct ct_net *cn = ct_net(ctx->net);
	u32 flags = 0;
	int err;

	if (!tb[NFTA_CONNLIMIT_COUNT])
		return -EINVAL;
	if (tb[NFTA_CONNLIMIT_FLAGS])
		flags = ntohl(nla_get_be32(tb[NFTA_CONNLIMIT_FLAGS]));
	if (flags & ~NFT_CONNLIMIT_F_INV)
		return -EOPNOTSUPP;
	priv->limit = ntohl(nla_get_be32(tb[NFTA_CONNLIMIT_COUNT]));
	priv->over = flags & NFT_CONNLIMIT_F_INV;
	priv->list = ct_count_new(cn, GFP_KERNEL_ACCOUNT);
	if (!priv->list)
		return -ENOMEM;
	err = ct_hooks_get(cn, ctx->family);
	if (err)
		ct_count_free(priv->list);
	priv->hooked = !err;
	return err;
}

/* Older kernels destroy elements like this, too. */
static void connlimit_destroy(const struct nft_ctx *ctx,
			      struct connlimit *priv)
{
	if (priv->hooked)
		ct_hooks_put(ct_count_net(priv->list), ctx->family);
	ct_count_free(priv->list);
}

static int connlimit_dump(struct sk_buff *skb, const struct connlimit *priv)
{
	if (nla_put_be32(skb, NFTA_CONNLIMIT_COUNT, htonl(priv->limit)))
		return -1;
	if (priv->over && nla_put_be32(skb, NFTA_CONNLIMIT_FLAGS,
				       htonl(NFT_CONNLIMIT_F_INV)))
		return -1;
	return 0;
}

static const struct nla_policy policy[NFTA_CONNLIMIT_MAX + 1] = {
	[NFTA_CONNLIMIT_COUNT]	= { .type = NLA_U32 },
	[NFTA_CONNLIMIT_FLAGS]	= { .type = NLA_U32 },
};

/* The expression, in rules and in sets. */

static void expr_eval(const struct nft_expr *expr, struct nft_regs *regs,
		      const struct nft_pktinfo *pkt)
{
	connlimit_eval(nft_expr_priv(expr), regs, pkt);
}

static int expr_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		     const struct nlattr * const tb[])
{
	return connlimit_init(ctx, tb, nft_expr_priv(expr));
}

static void expr_destroy(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	connlimit_destroy(ctx, nft_expr_priv(expr));
}

CT_NFT_DUMP(expr_dump)
{
	return connlimit_dump(skb, nft_expr_priv(expr));
}

/* An element of a set: its own list, and no hooks, which the set has. */
static int expr_clone(struct nft_expr *dst, const struct nft_expr *src,
		      gfp_t gfp)
{
	const struct connlimit *from = nft_expr_priv(src);
	struct connlimit *priv = nft_expr_priv(dst);

	priv->list = ct_count_new(ct_count_net(from->list), gfp);
	if (!priv->list)
		return -ENOMEM;
	priv->limit = from->limit;
	priv->over = from->over;
	priv->hooked = false;
	return 0;
}

/* May be called back by RCU: no sleeping. */
static void expr_destroy_clone(const struct nft_ctx *ctx,
			       const struct nft_expr *expr)
{
	const struct connlimit *priv = nft_expr_priv(expr);

	ct_count_free(priv->list);
}

/*
 * RCU read side. Return: true if the element has nothing to count; one that was
 * made just now may have yet to
 */
static bool expr_gc(struct net *net, const struct nft_expr *expr)
{
	const struct connlimit *priv = nft_expr_priv(expr);

	return ct_count_clean(priv->list);
}

static const struct nft_expr_ops expr_ops = {
	.type		= &ct_nft_connlimit_type,
	.size		= NFT_EXPR_SIZE(sizeof(struct connlimit)),
	.eval		= expr_eval,
	.init		= expr_init,
	.destroy	= expr_destroy,
	.dump		= expr_dump,
	.clone		= expr_clone,
	.destroy_clone	= expr_destroy_clone,
	.gc		= expr_gc,
};

struct nft_expr_type ct_nft_connlimit_type __read_mostly = {
	.name		= "connlimit",
	.ops		= &expr_ops,
	.policy		= policy,
	.maxattr	= NFTA_CONNLIMIT_MAX,
	.flags		= NFT_EXPR_STATEFUL | NFT_EXPR_GC,
	.owner		= THIS_MODULE,
};

/* The same as an object, by name. */

static void obj_eval(struct nft_object *obj, struct nft_regs *regs,
		     const struct nft_pktinfo *pkt)
{
	connlimit_eval(nft_obj_data(obj), regs, pkt);
}

static int obj_init(const struct nft_ctx *ctx, const struct nlattr * const tb[],
		    struct nft_object *obj)
{
	return connlimit_init(ctx, tb, nft_obj_data(obj));
}

static void obj_destroy(const struct nft_ctx *ctx, struct nft_object *obj)
{
	connlimit_destroy(ctx, nft_obj_data(obj));
}

static int obj_dump(struct sk_buff *skb, struct nft_object *obj, bool reset)
{
	return connlimit_dump(skb, nft_obj_data(obj));
}

static const struct nft_object_ops obj_ops = {
	.type		= &ct_nft_connlimit_obj,
	.size		= sizeof(struct connlimit),
	.eval		= obj_eval,
	.init		= obj_init,
	.destroy	= obj_destroy,
	.dump		= obj_dump,
};

struct nft_object_type ct_nft_connlimit_obj __read_mostly = {
	.type		= NFT_OBJECT_CONNLIMIT,
	.ops		= &obj_ops,
	.policy		= policy,
	.maxattr	= NFTA_CONNLIMIT_MAX,
	.owner		= THIS_MODULE,
};

// SPDX-License-Identifier: GPL-2.0
/* notrack: the packet is not to be tracked. Of any family, at any hook. */
#include <linux/module.h>
#include <net/ct/hooks.h>
#include "nft.h"

static void notrack_eval(const struct nft_expr *expr, struct nft_regs *regs,
			 const struct nft_pktinfo *pkt)
{
	enum ip_conntrack_info ctinfo;

	if (!ct_entry_get_skb(pkt->skb, &ctinfo) && ctinfo != IP_CT_UNTRACKED)
		skb_set_nfct(pkt->skb, IP_CT_UNTRACKED);
}

/* It needs no hooks, but is one for whom the module has to stay. */
static int notrack_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
			const struct nlattr * const tb[])
{
	return ct_hooks_get(ct_net(ctx->net), NFPROTO_UNSPEC);
}

static void notrack_destroy(const struct nft_ctx *ctx,
			    const struct nft_expr *expr)
{
	ct_hooks_put(ct_net(ctx->net), NFPROTO_UNSPEC);
}

/* Nothing is told of it but its name. */
static const struct nft_expr_ops notrack_ops = {
	.type	= &ct_nft_notrack_type,
	.size	= NFT_EXPR_SIZE(0),
	.eval	= notrack_eval,
	.init	= notrack_init,
	.destroy = notrack_destroy,
};

struct nft_expr_type ct_nft_notrack_type __read_mostly = {
	.name	= "notrack",
	.ops	= &notrack_ops,
	.owner	= THIS_MODULE,
};

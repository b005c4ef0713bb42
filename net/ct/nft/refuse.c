// SPDX-License-Identifier: GPL-2.0
/*
 * What rules may ask for and ct does not have. Without these nf_tables would
 * try to load modules that need nf_conntrack, and nft would say that a file
 * is missing.
 */
#include <linux/module.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_flow_table.h>
#include <net/netlink.h>
#include "nft.h"

static int refuse(const struct net *net, const char *what)
{
	ct_log_refuse(ct_net(net), "%s: ct does not have it", what);
	return -EOPNOTSUPP;
}

static const struct nft_expr_ops *
select_flow(const struct nft_ctx *ctx, const struct nlattr * const tb[])
{
	return ERR_PTR(refuse(ctx->net, "flow add"));
}

static const struct nft_expr_ops *
select_synproxy(const struct nft_ctx *ctx, const struct nlattr * const tb[])
{
	return ERR_PTR(refuse(ctx->net, "synproxy"));
}

static struct nft_expr_type exprs[] __read_mostly = {
	{
		.name = "flow_offload",
		.select_ops = select_flow,
		.maxattr = NFTA_FLOW_MAX,
		.owner = THIS_MODULE,
	}, {
		.name = "synproxy",
		.select_ops = select_synproxy,
		.maxattr = NFTA_SYNPROXY_MAX,
		.owner = THIS_MODULE,
	},
};

static const struct nft_object_ops *
select_helper(const struct nft_ctx *ctx, const struct nlattr * const tb[])
{
	if (!tb[NFTA_CT_HELPER_NAME] || !tb[NFTA_CT_HELPER_L4PROTO])
		return ERR_PTR(-EINVAL);
	if (!nla_get_u8(tb[NFTA_CT_HELPER_L4PROTO]))
		return ERR_PTR(-ENOENT);
	return ERR_PTR(refuse(ctx->net, "ct helper"));
}

static const struct nla_policy helper_policy[NFTA_CT_HELPER_MAX + 1] = {
	[NFTA_CT_HELPER_NAME] = { .type = NLA_STRING,
				  .len = NF_CT_HELPER_NAME_LEN - 1 },
	[NFTA_CT_HELPER_L3PROTO] = { .type = NLA_U16 },
	[NFTA_CT_HELPER_L4PROTO] = { .type = NLA_U8 },
};

static const struct nft_object_ops *
select_synproxy_obj(const struct nft_ctx *ctx, const struct nlattr * const tb[])
{
	return ERR_PTR(refuse(ctx->net, "synproxy"));
}

static struct nft_object_type objs[] __read_mostly = {
	{
		.type = NFT_OBJECT_CT_HELPER,
		.select_ops = select_helper,
		.policy = helper_policy,
		.maxattr = NFTA_CT_HELPER_MAX,
		.owner = THIS_MODULE,
	}, {
		.type = NFT_OBJECT_SYNPROXY,
		.select_ops = select_synproxy_obj,
		.maxattr = NFTA_SYNPROXY_MAX,
		.owner = THIS_MODULE,
	},
};

/* Called before anything of the flowtable is registered. */
static int flowtable_init(struct nf_flowtable *ft)
{
	return refuse(read_pnet(&ft->net), "flowtable");
}

static struct nf_flowtable_type flowtables[] __read_mostly = {
	{ .family = NFPROTO_IPV4, .init = flowtable_init,
	  .owner = THIS_MODULE },
	{ .family = NFPROTO_IPV6, .init = flowtable_init,
	  .owner = THIS_MODULE },
	{ .family = NFPROTO_INET, .init = flowtable_init,
	  .owner = THIS_MODULE },
};

/* The first so many, which are registered. */
static void unregister(unsigned int n_exprs, unsigned int n_objs)
{
	while (n_objs)
		nft_unregister_obj(&objs[--n_objs]);
	while (n_exprs)
		nft_unregister_expr(&exprs[--n_exprs]);
}

int ct_nft_refuse_init(void)
{
	unsigned int n_exprs, n_objs, i;
	int err;

	for (n_exprs = 0; n_exprs < ARRAY_SIZE(exprs); n_exprs++) {
		err = nft_register_expr(&exprs[n_exprs]);
		if (err) {
			unregister(n_exprs, 0);
			return err;
		}
	}
	for (n_objs = 0; n_objs < ARRAY_SIZE(objs); n_objs++) {
		err = nft_register_obj(&objs[n_objs]);
		if (err) {
			unregister(n_exprs, n_objs);
			return err;
		}
	}
	for (i = 0; i < ARRAY_SIZE(flowtables); i++)
		nft_register_flowtable_type(&flowtables[i]);
	return 0;
}

void ct_nft_refuse_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flowtables); i++)
		nft_unregister_flowtable_type(&flowtables[i]);
	unregister(ARRAY_SIZE(exprs), ARRAY_SIZE(objs));
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The expression ct, which reads or sets; loading and unloading. The names by
 * which nf_tables asks for it are in modprobe.d/ct.conf, not here: depmod would
 * write them beside those of nft_ct.
 */
#include <linux/module.h>
#include <net/netlink.h>
#include "nft.h"

int ct_nft_parse_dir(const struct nlattr *attr, u8 *dir)
{
	*dir = IP_CT_DIR_MAX;
	if (!attr)
		return 0;
	*dir = nla_get_u8(attr);
	return *dir < IP_CT_DIR_MAX ? 0 : -EINVAL;
}

int ct_nft_dump(struct sk_buff *skb, int reg, const struct ct_nft *priv)
{
	if (nft_dump_register(skb, reg, priv->reg) ||
	    nla_put_be32(skb, NFTA_CT_KEY, htonl(priv->key)))
		return -1;
	if (ct_nft_has_dir(priv) &&
	    nla_put_u8(skb, NFTA_CT_DIRECTION, priv->dir))
		return -1;
	return 0;
}

static const struct nft_expr_ops *
select_ops(const struct nft_ctx *ctx, const struct nlattr * const tb[])
{
	const struct nft_expr_ops *ops;
	u32 key;

	/* One register: to write to, or to read from. */
	if (!tb[NFTA_CT_KEY] || !tb[NFTA_CT_DREG] == !tb[NFTA_CT_SREG])
		return ERR_PTR(-EINVAL);
	key = ntohl(nla_get_be32(tb[NFTA_CT_KEY]));
	ops = tb[NFTA_CT_DREG] ? ct_nft_get_ops(key) : ct_nft_set_ops(key);
	return ops ?: ERR_PTR(-EOPNOTSUPP);
}

static const struct nla_policy policy[NFTA_CT_MAX + 1] = {
	[NFTA_CT_DREG]		= { .type = NLA_U32 },
	[NFTA_CT_KEY]		= NLA_POLICY_MAX(NLA_BE32, 255),
	[NFTA_CT_DIRECTION]	= { .type = NLA_U8 },
	[NFTA_CT_SREG]		= { .type = NLA_U32 },
};

struct nft_expr_type ct_nft_type __read_mostly = {
	.name		= "ct",
	.select_ops	= select_ops,
	.policy		= policy,
	.maxattr	= NFTA_CT_MAX,
	.owner		= THIS_MODULE,
};

static int __init ct_nft_init(void)
{
	int err;

	err = nft_register_expr(&ct_nft_type);
	if (err)
		return err;
	err = nft_register_expr(&ct_nft_notrack_type);
	if (err)
		goto ct;
	err = nft_register_expr(&ct_nft_connlimit_type);
	if (err)
		goto notrack;
	err = nft_register_obj(&ct_nft_connlimit_obj);
	if (err)
		goto connlimit;
	err = nft_register_obj(&ct_nft_timeout_obj);
	if (err)
		goto object;
	err = nft_register_obj(&ct_nft_expect_obj);
	if (err)
		goto timeout;
	err = ct_nft_refuse_init();
	if (err)
		goto expect;
	return 0;
expect:
	nft_unregister_obj(&ct_nft_expect_obj);
timeout:
	nft_unregister_obj(&ct_nft_timeout_obj);
object:
	nft_unregister_obj(&ct_nft_connlimit_obj);
connlimit:
	nft_unregister_expr(&ct_nft_connlimit_type);
notrack:
	nft_unregister_expr(&ct_nft_notrack_type);
ct:
	nft_unregister_expr(&ct_nft_type);
	return err;
}

static void __exit ct_nft_exit(void)
{
	ct_nft_refuse_exit();
	nft_unregister_obj(&ct_nft_expect_obj);
	nft_unregister_obj(&ct_nft_timeout_obj);
	nft_unregister_obj(&ct_nft_connlimit_obj);
	nft_unregister_expr(&ct_nft_connlimit_type);
	nft_unregister_expr(&ct_nft_notrack_type);
	nft_unregister_expr(&ct_nft_type);
}

module_init(ct_nft_init);
module_exit(ct_nft_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("nftables expressions about connections that ct tracks");

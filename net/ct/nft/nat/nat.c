// SPDX-License-Identifier: GPL-2.0
/*
 * nat: snat and dnat, to what a rule names. It stands for any family, so that one
 * for which there is no translation is told so when the rule is validated.
 */
#include <linux/module.h>
#include <net/ct/entry.h>
#include <net/netlink.h>
#include "../compat.h"
#include "nat.h"

struct nat {
	struct ct_nft_nat_regs addr;
	struct ct_nft_nat_regs ports;
	u8 manip;		/* enum nf_nat_manip_type */
	u8 family;		/* of addresses; NFPROTO_INET: of any packet */
	u8 flags;		/* NF_NAT_RANGE_* */
};

/* Bytes of an address, 0 if the family has none. */
static u32 address_len(u8 family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return sizeof(struct in_addr);
	case NFPROTO_IPV6:
		return sizeof(struct in6_addr);
	}
	return 0;
}

/* An inet table has rules for one family, which others pass by. */
static void nat_eval(const struct nft_expr *expr, struct nft_regs *regs,
		     const struct nft_pktinfo *pkt)
{
	const struct nat *priv = nft_expr_priv(expr);
	struct nf_nat_range2 range = { .flags = priv->flags };
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e;
	u32 len;

	if (priv->family != NFPROTO_INET && priv->family != nft_pf(pkt))
		return;
	if (priv->addr.min) {
		len = address_len(priv->family);
		memcpy(&range.min_addr, &regs->data[priv->addr.min], len);
		memcpy(&range.max_addr, &regs->data[priv->addr.max], len);
	}
	ct_nft_nat_ports(&range, regs, &priv->ports);
	/* Without one no chain of type nat is asked: ct_nat_chain_add(). */
	e = ct_entry_tracked(pkt->skb, &ctinfo);
	regs->verdict.code = ct_nat_setup(e, &range, priv->manip);
}

static int parse_ranges(const struct nft_ctx *ctx, struct nat *priv,
			const struct nlattr * const tb[])
{
	u32 len = address_len(priv->family);
	int err;

	if (tb[NFTA_NAT_REG_ADDR_MIN] && !len)
		return -EAFNOSUPPORT;
	err = ct_nft_nat_parse(ctx, tb, NFTA_NAT_REG_ADDR_MIN, len,
			       &priv->addr) ?:
	      ct_nft_nat_parse(ctx, tb, NFTA_NAT_REG_PROTO_MIN, sizeof(__be16),
			       &priv->ports);
	if (err)
		return err;
	if (priv->addr.min)
		priv->flags |= NF_NAT_RANGE_MAP_IPS;
	if (priv->ports.min)
		priv->flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	if (tb[NFTA_NAT_FLAGS])
		priv->flags |= ntohl(nla_get_be32(tb[NFTA_NAT_FLAGS]));
	return 0;
}

static int nat_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		    const struct nlattr * const tb[])
{
	struct nat *priv = nft_expr_priv(expr);
	int err;

	if (!tb[NFTA_NAT_TYPE] ||
	    (!tb[NFTA_NAT_REG_ADDR_MIN] && !tb[NFTA_NAT_REG_PROTO_MIN]))
		return -EINVAL;
	switch (ntohl(nla_get_be32(tb[NFTA_NAT_TYPE]))) {
	case NFT_NAT_SNAT:
		priv->manip = NF_NAT_MANIP_SRC;
		break;
	case NFT_NAT_DNAT:
		priv->manip = NF_NAT_MANIP_DST;
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!tb[NFTA_NAT_FAMILY])
		return -EINVAL;
	priv->family = ntohl(nla_get_be32(tb[NFTA_NAT_FAMILY]));
	if (ctx->family != NFPROTO_INET && ctx->family != priv->family)
		return -EOPNOTSUPP;
	err = parse_ranges(ctx, priv, tb);
	if (err)
		return err;
	return ct_nat_rule_begin(ctx->net, priv->family);
}

static void nat_destroy(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	const struct nat *priv = nft_expr_priv(expr);

	ct_nat_rule_end(ctx->net, priv->family);
}

static int nat_validate(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	const struct nat *priv = nft_expr_priv(expr);

	if (!ct_nft_nat_family(ctx->family))
		return -EOPNOTSUPP;
	return ct_nft_nat_validate(ctx, priv->manip == NF_NAT_MANIP_SRC ?
				   BIT(NF_INET_POST_ROUTING) |
				   BIT(NF_INET_LOCAL_IN) :
				   BIT(NF_INET_PRE_ROUTING) |
				   BIT(NF_INET_LOCAL_OUT));
}

CT_NFT_DUMP(nat_dump)
{
	const struct nat *priv = nft_expr_priv(expr);
	u32 type = priv->manip == NF_NAT_MANIP_SRC ? NFT_NAT_SNAT :
						     NFT_NAT_DNAT;

	return nla_put_be32(skb, NFTA_NAT_TYPE, htonl(type)) ?:
	       nla_put_be32(skb, NFTA_NAT_FAMILY, htonl(priv->family)) ?:
	       ct_nft_nat_dump(skb, NFTA_NAT_REG_ADDR_MIN, &priv->addr) ?:
	       ct_nft_nat_dump(skb, NFTA_NAT_REG_PROTO_MIN, &priv->ports) ?:
	       ct_nft_nat_dump_flags(skb, NFTA_NAT_FLAGS, priv->flags);
}

static const struct nla_policy policy[NFTA_NAT_MAX + 1] = {
	[NFTA_NAT_TYPE]		 = { .type = NLA_U32 },
	[NFTA_NAT_FAMILY]	 = NLA_POLICY_MAX(NLA_BE32, 255),
	[NFTA_NAT_REG_ADDR_MIN]	 = { .type = NLA_U32 },
	[NFTA_NAT_REG_ADDR_MAX]	 = { .type = NLA_U32 },
	[NFTA_NAT_REG_PROTO_MIN] = { .type = NLA_U32 },
	[NFTA_NAT_REG_PROTO_MAX] = { .type = NLA_U32 },
	[NFTA_NAT_FLAGS] = NLA_POLICY_MASK(NLA_BE32, NF_NAT_RANGE_MASK),
};

static const struct nft_expr_ops nat_ops = {
	.type		= &ct_nft_nat_type,
	.size		= NFT_EXPR_SIZE(sizeof(struct nat)),
	.eval		= nat_eval,
	.init		= nat_init,
	.destroy	= nat_destroy,
	.validate	= nat_validate,
	.dump		= nat_dump,
};

struct nft_expr_type ct_nft_nat_type __read_mostly = {
	.name		= "nat",
	.ops		= &nat_ops,
	.policy		= policy,
	.maxattr	= NFTA_NAT_MAX,
	.owner		= THIS_MODULE,
};

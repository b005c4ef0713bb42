// SPDX-License-Identifier: GPL-2.0
/*
 * What a rule says of where to translate to: ranges of addresses and ports, each
 * from one register to another, and flags.
 */
#include <net/ct/nat.h>
#include <net/netlink.h>
#include "../compat.h"
#include "nat.h"

bool ct_nft_nat_family(u8 family)
{
	return family == NFPROTO_IPV4 || family == NFPROTO_IPV6 ||
	       family == NFPROTO_INET;
}

/* The last one has the attribute behind that of the first: @attr. */
int ct_nft_nat_parse(const struct nft_ctx *ctx, const struct nlattr * const tb[],
		     int attr, u32 len, struct ct_nft_nat_regs *range)
{
	int err;

	if (!tb[attr])
		return 0;
	err = CT_NFT_LOAD(ctx, tb[attr], &range->min, len);
	if (err)
		return err;
	range->max = range->min;
	return tb[attr + 1] ?
	       CT_NFT_LOAD(ctx, tb[attr + 1], &range->max, len) : 0;
}

/* Of a range that is one, its end is told as well. */
int ct_nft_nat_dump(struct sk_buff *skb, int attr,
		    const struct ct_nft_nat_regs *range)
{
	if (!range->min)
		return 0;
	return nft_dump_register(skb, attr, range->min) ?:
	       nft_dump_register(skb, attr + 1, range->max);
}

int ct_nft_nat_dump_flags(struct sk_buff *skb, int attr, u8 flags)
{
	return flags ? nla_put_be32(skb, attr, htonl(flags)) : 0;
}

void ct_nft_nat_ports(struct nf_nat_range2 *range, const struct nft_regs *regs,
		      const struct ct_nft_nat_regs *ports)
{
	if (!ports->min)
		return;
	range->min_proto.all = nft_reg_load_be16(&regs->data[ports->min]);
	range->max_proto.all = nft_reg_load_be16(&regs->data[ports->max]);
}

/* Whatever chain it is called from, a rule is of type nat and in these hooks. */
int ct_nft_nat_validate(const struct nft_ctx *ctx, unsigned int hooks)
{
	return nft_chain_validate_dependency(ctx->chain, NFT_CHAIN_T_NAT) ?:
	       nft_chain_validate_hooks(ctx->chain, hooks);
}

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NFT_NAT_H
#define _CT_NFT_NAT_H

/* What the files of ct_nft_nat.ko know of each other. */

#include <net/ct/nat.h>
#include <net/netfilter/nf_tables.h>

/* Registers with the first and the last of a range. No min: there is none. */
struct ct_nft_nat_regs {
	u8 min;
	u8 max;
};

/*
 * The expressions masq and redir. Nothing in it changes after init, as in
 * struct ct_nft; the same goes for that of nat.
 */
struct ct_nft_nat_local {
	struct ct_nft_nat_regs ports;
	u8 flags;		/* NF_NAT_RANGE_* */
};

/* range.c: what the three expressions have in common */
bool ct_nft_nat_family(u8 family);
int ct_nft_nat_parse(const struct nft_ctx *ctx, const struct nlattr * const tb[],
		     int attr, u32 len, struct ct_nft_nat_regs *range);
int ct_nft_nat_dump(struct sk_buff *skb, int attr,
		    const struct ct_nft_nat_regs *range);
int ct_nft_nat_dump_flags(struct sk_buff *skb, int attr, u8 flags);
void ct_nft_nat_ports(struct nf_nat_range2 *range, const struct nft_regs *regs,
		      const struct ct_nft_nat_regs *ports);
int ct_nft_nat_validate(const struct nft_ctx *ctx, unsigned int hooks);

/* nat.c, masq.c, redir.c */
extern struct nft_expr_type ct_nft_nat_type;
extern struct nft_expr_type ct_nft_nat_masq_type;
extern struct nft_expr_type ct_nft_nat_redir_type;

/* chain.c */
void ct_nft_nat_chain_init(void);
void ct_nft_nat_chain_exit(void);

#endif /* _CT_NFT_NAT_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NFT_COMPAT_H
#define _CT_NFT_COMPAT_H

/* What differs between kernels, as in ../compat.h. */

#include <net/netfilter/nf_tables_core.h>

/*
 * nf_tables has a function of its own for some keys, and calls it directly;
 * @own is ours for kernels without.
 */
#ifdef CT_HAVE_NFT_CT_FAST
#define CT_NFT_FAST(own)	(1 ? nft_ct_get_fast_eval : (own))
#else
#define CT_NFT_FAST(own)	(own)
#endif

#ifdef CT_HAVE_NFT_LOAD_CTX
#define CT_NFT_LOAD(ctx, attr, reg, len) \
	nft_parse_register_load(ctx, attr, reg, len)
#else
#define CT_NFT_LOAD(ctx, attr, reg, len) \
	nft_parse_register_load(attr, reg, len)
#endif

/* The head of what dumps an expression. */
#ifdef CT_HAVE_NFT_DUMP_RESET
#define CT_NFT_DUMP(name) \
	static int name(struct sk_buff *skb, const struct nft_expr *expr, \
			bool reset)
#else
#define CT_NFT_DUMP(name) \
	static int name(struct sk_buff *skb, const struct nft_expr *expr)
#endif

#endif /* _CT_NFT_COMPAT_H */

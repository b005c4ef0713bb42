/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NFT_H
#define _CT_NFT_H

/* What the files of ct_nft.ko know of each other. */

#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>
#include <net/netfilter/nf_tables.h>

/*
 * The expression ct. Nothing in it changes after init: rules are copied byte
 * by byte to where packets run through them. nf_tables' own reader takes it
 * for its struct nft_ct.
 */
struct ct_nft {
	u8 key;
	u8 dir;			/* IP_CT_DIR_MAX: none was given */
	u8 len;
	u8 reg;
};

static inline bool ct_nft_has_dir(const struct ct_nft *priv)
{
	return priv->dir != IP_CT_DIR_MAX;
}

/* main.c */
int ct_nft_parse_dir(const struct nlattr *attr, u8 *dir);
int ct_nft_dump(struct sk_buff *skb, int reg, const struct ct_nft *priv);

/* get.c */
const struct nft_expr_ops *ct_nft_get_ops(u32 key);

/* set.c */
const struct nft_expr_ops *ct_nft_set_ops(u32 key);

/* zone.c */
int ct_nft_zone_get(void);
void ct_nft_zone_put(void);
void ct_nft_zone_eval(const struct nft_expr *expr, struct nft_regs *regs,
		      const struct nft_pktinfo *pkt);

extern struct nft_expr_type ct_nft_type;

/* notrack.c */
extern struct nft_expr_type ct_nft_notrack_type;

/* connlimit.c */
extern struct nft_expr_type ct_nft_connlimit_type;
extern struct nft_object_type ct_nft_connlimit_obj;

/* timeout.c */
extern struct nft_object_type ct_nft_timeout_obj;

/* expect.c */
extern struct nft_object_type ct_nft_expect_obj;

/* refuse.c: what is not there yet, and says so */
int ct_nft_refuse_init(void);
void ct_nft_refuse_exit(void);

#endif /* _CT_NFT_H */

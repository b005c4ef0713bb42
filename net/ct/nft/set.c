// SPDX-License-Identifier: GPL-2.0
/*
 * ct with a source register: each key has a function of its own. A packet
 * without a connection is left alone, and the rule goes on.
 */
#include <net/ct/event.h>
#include <net/ct/hooks.h>
#include <net/ct/labels.h>
#include <net/netlink.h>
#include "compat.h"
#include "nft.h"

#define EVAL(name) \
	static void name(const struct nft_expr *expr, struct nft_regs *regs, \
			 const struct nft_pktinfo *pkt)

static inline const u32 *source_of(const struct nft_expr *expr,
				   const struct nft_regs *regs)
{
	const struct ct_nft *priv = nft_expr_priv(expr);

	return &regs->data[priv->reg];
}

/* An event of what is not confirmed yet is part of its NEW. */
EVAL(eval_mark)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_tracked(pkt->skb, &ctinfo);

	if (e && ct_entry_mark_set(e, *source_of(expr, regs)))
		ct_event(e, BIT(IPCT_MARK));
}

EVAL(eval_secmark)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_tracked(pkt->skb, &ctinfo);

	if (e && ct_entry_secmark_set(e, *source_of(expr, regs)))
		ct_event(e, BIT(IPCT_SECMARK));
}

/* Labels are given and not taken away. */
EVAL(eval_labels)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_tracked(pkt->skb, &ctinfo);
	const u32 *labels = source_of(expr, regs);

	if (e && ct_labels_change(e, labels, labels) > 0)
		ct_event(e, BIT(IPCT_LABEL));
}

EVAL(eval_eventmask)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_tracked(pkt->skb, &ctinfo);

	if (e)
		ct_event_choose(e, CT_EVENT_CONN, *source_of(expr, regs));
}

struct set_key {
	const struct nft_expr_ops ops;
	u8 bytes;		/* in registers */
	bool dir;		/* a direction may be given */
	int (*get)(void);	/* what it needs, if that is anything */
	void (*put)(void);
};

static int set_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		    const struct nlattr * const tb[]);
static void set_destroy(const struct nft_ctx *ctx, const struct nft_expr *expr);
CT_NFT_DUMP(set_dump);

#define KEY(function, len) {						\
	.ops = {							\
		.type = &ct_nft_type,					\
		.size = NFT_EXPR_SIZE(sizeof(struct ct_nft)),		\
		.eval = function,					\
		.init = set_init,					\
		.destroy = set_destroy,					\
		.dump = set_dump,					\
	},								\
	.bytes = len

static const struct set_key keys[] = {
	[NFT_CT_MARK] = KEY(eval_mark, 4) },
	[NFT_CT_SECMARK] = KEY(eval_secmark, 4) },
	[NFT_CT_LABELS] = KEY(eval_labels, CT_LABELS_WORDS * sizeof(u32)) },
	[NFT_CT_EVENTMASK] = KEY(eval_eventmask, 4) },
	[NFT_CT_ZONE] = KEY(ct_nft_zone_eval, 2), .dir = true,
		.get = ct_nft_zone_get, .put = ct_nft_zone_put },
};

const struct nft_expr_ops *ct_nft_set_ops(u32 key)
{
	if (key >= ARRAY_SIZE(keys) || !keys[key].ops.eval)
		return NULL;
	return &keys[key].ops;
}

static const struct set_key *key_of(const struct nft_expr *expr)
{
	return container_of(expr->ops, struct set_key, ops);
}

static int set_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		    const struct nlattr * const tb[])
{
	const struct set_key *key = key_of(expr);
	struct ct_nft *priv = nft_expr_priv(expr);
	int err;

	if (tb[NFTA_CT_DIRECTION] && !key->dir)
		return -EINVAL;
	err = ct_nft_parse_dir(tb[NFTA_CT_DIRECTION], &priv->dir);
	if (err)
		return err;
	priv->key = key - keys;
	priv->len = key->bytes;
	err = CT_NFT_LOAD(ctx, tb[NFTA_CT_SREG], &priv->reg, key->bytes);
	if (err)
		return err;
	err = key->get ? key->get() : 0;
	if (err)
		return err;
	err = ct_hooks_get(ct_net(ctx->net), ctx->family);
	if (err && key->put)
		key->put();
	return err;
}

static void set_destroy(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	const struct set_key *key = key_of(expr);

	ct_hooks_put(ct_net(ctx->net), ctx->family);
	if (key->put)
		key->put();
}

CT_NFT_DUMP(set_dump)
{
	return ct_nft_dump(skb, NFTA_CT_SREG, nft_expr_priv(expr));
}

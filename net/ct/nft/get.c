// SPDX-License-Identifier: GPL-2.0
/*
 * ct with a destination register: each key has a function of its own that puts
 * it there. Without a connection the rule ends, but for the state.
 */
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <net/ct/hooks.h>
#include <net/ct/labels.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netlink.h>
#include "compat.h"
#include "nft.h"

#ifdef CT_HAVE_NFT_CT_FAST
static_assert(sizeof(struct ct_nft) == sizeof(struct nft_ct) &&
	      offsetof(struct ct_nft, len) == offsetof(struct nft_ct, len) &&
	      offsetof(struct ct_nft, reg) == offsetof(struct nft_ct, dreg));
#endif

#define EVAL(name) \
	static void name(const struct nft_expr *expr, struct nft_regs *regs, \
			 const struct nft_pktinfo *pkt)

static inline u32 *dest_of(const struct nft_expr *expr, struct nft_regs *regs)
{
	const struct ct_nft *priv = nft_expr_priv(expr);

	return &regs->data[priv->reg];
}

/* The connection of a packet; NULL, and the rule ends. */
static inline struct ct_entry *entry_or_break(struct nft_regs *regs,
					      const struct nft_pktinfo *pkt,
					      enum ip_conntrack_info *ctinfo)
{
	struct ct_entry *e = ct_entry_tracked(pkt->skb, ctinfo);

	if (unlikely(!e))
		regs->verdict.code = NFT_BREAK;
	return e;
}

/* A template counts as a connection that is new. */
EVAL(eval_state)
{
	enum ip_conntrack_info ctinfo;
	u32 *dest = dest_of(expr, regs);

	if (likely(ct_entry_get_skb(pkt->skb, &ctinfo)))
		*dest = NF_CT_STATE_BIT(ctinfo);
	else if (ctinfo == IP_CT_UNTRACKED)
		*dest = NF_CT_STATE_UNTRACKED_BIT;
	else
		*dest = NF_CT_STATE_INVALID_BIT;
}

EVAL(eval_direction)
{
	enum ip_conntrack_info ctinfo;

	if (entry_or_break(regs, pkt, &ctinfo))
		nft_reg_store8(dest_of(expr, regs), CTINFO2DIR(ctinfo));
}

EVAL(eval_status)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);

	if (e)
		*dest_of(expr, regs) = READ_ONCE(e->status);
}

EVAL(eval_mark)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);

	if (e)
		*dest_of(expr, regs) = ct_entry_mark(e);
}

EVAL(eval_secmark)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);

	if (e)
		*dest_of(expr, regs) = ct_entry_secmark(e);
}

/* Milliseconds; what is more than 49 days is 49 days. */
EVAL(eval_expiration)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);
	u64 ms;

	if (!e)
		return;
	ms = div_u64((u64)ct_entry_left(e) * MSEC_PER_SEC, HZ);
	*dest_of(expr, regs) = min_t(u64, ms, U32_MAX);
}

/* No connection has a helper. */
EVAL(eval_helper)
{
	regs->verdict.code = NFT_BREAK;
}

EVAL(eval_labels)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);

	if (e)
		ct_labels_get(e, dest_of(expr, regs));
}

EVAL(eval_l3protocol)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);

	if (e)
		nft_reg_store8(dest_of(expr, regs),
			       e->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num);
}

EVAL(eval_protocol)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);

	if (e)
		nft_reg_store8(dest_of(expr, regs),
			       e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum);
}

/* The tuple in the direction of the rule, if it is of @l3 (or any). */
static const struct nf_conntrack_tuple *
tuple_or_break(const struct nft_expr *expr, struct nft_regs *regs,
	       const struct nft_pktinfo *pkt, u8 l3)
{
	const struct ct_nft *priv = nft_expr_priv(expr);
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);
	const struct nf_conntrack_tuple *tuple;

	if (!e)
		return NULL;
	tuple = &e->dir[priv->dir].tuple;
	if (l3 == NFPROTO_UNSPEC || tuple->src.l3num == l3)
		return tuple;
	regs->verdict.code = NFT_BREAK;
	return NULL;
}

static __always_inline void address(const struct nft_expr *expr,
				    struct nft_regs *regs,
				    const struct nft_pktinfo *pkt, u8 l3,
				    bool src)
{
	const struct ct_nft *priv = nft_expr_priv(expr);
	const struct nf_conntrack_tuple *tuple;

	tuple = tuple_or_break(expr, regs, pkt, l3);
	if (tuple)
		memcpy(dest_of(expr, regs),
		       src ? &tuple->src.u3 : &tuple->dst.u3, priv->len);
}

EVAL(eval_src)
{
	address(expr, regs, pkt, NFPROTO_UNSPEC, true);
}

EVAL(eval_dst)
{
	address(expr, regs, pkt, NFPROTO_UNSPEC, false);
}

EVAL(eval_src_ip)
{
	address(expr, regs, pkt, NFPROTO_IPV4, true);
}

EVAL(eval_dst_ip)
{
	address(expr, regs, pkt, NFPROTO_IPV4, false);
}

EVAL(eval_src_ip6)
{
	address(expr, regs, pkt, NFPROTO_IPV6, true);
}

EVAL(eval_dst_ip6)
{
	address(expr, regs, pkt, NFPROTO_IPV6, false);
}

EVAL(eval_proto_src)
{
	const struct nf_conntrack_tuple *tuple;

	tuple = tuple_or_break(expr, regs, pkt, NFPROTO_UNSPEC);
	if (tuple)
		nft_reg_store_be16(dest_of(expr, regs), tuple->src.u.all);
}

EVAL(eval_proto_dst)
{
	const struct nf_conntrack_tuple *tuple;

	tuple = tuple_or_break(expr, regs, pkt, NFPROTO_UNSPEC);
	if (tuple)
		nft_reg_store_be16(dest_of(expr, regs), tuple->dst.u.all);
}

enum counter { PACKETS, BYTES, AVERAGE };

/* In the direction of the rule, or in both if it has none. */
static __always_inline void counter(const struct nft_expr *expr,
				    struct nft_regs *regs,
				    const struct nft_pktinfo *pkt,
				    enum counter what)
{
	const struct ct_nft *priv = nft_expr_priv(expr);
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);
	u64 packets = 0, bytes = 0;
	unsigned int dir;

	if (!e)
		return;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		if (ct_nft_has_dir(priv) && priv->dir != dir)
			continue;
		packets += atomic64_read(&e->dir[dir].packets);
		bytes += atomic64_read(&e->dir[dir].bytes);
	}
	if (what == AVERAGE)
		bytes = packets ? div64_u64(bytes, packets) : 0;
	nft_reg_store64((u64 *)dest_of(expr, regs),
			what == PACKETS ? packets : bytes);
}

EVAL(eval_packets)
{
	counter(expr, regs, pkt, PACKETS);
}

EVAL(eval_bytes)
{
	counter(expr, regs, pkt, BYTES);
}

EVAL(eval_avgpkt)
{
	counter(expr, regs, pkt, AVERAGE);
}

EVAL(eval_zone)
{
	const struct ct_nft *priv = nft_expr_priv(expr);
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);

	if (e)
		nft_reg_store16(dest_of(expr, regs), ct_nft_has_dir(priv) ?
				e->zone_id[priv->dir] : ct_entry_zone_id(e));
}

/* nft compares it as what a netlink message has in CTA_ID. */
EVAL(eval_id)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = entry_or_break(regs, pkt, &ctinfo);

	if (e)
		*dest_of(expr, regs) = (__force u32)ct_entry_id(e);
}

/* What a key does with a direction. */
enum dir_rule {
	DIR_NONE,		/* must not be given */
	DIR_WANTED,		/* must be given */
	DIR_OPTIONAL,
	DIR_IGNORED,		/* may be given, and is forgotten */
};

struct get_key {
	const struct nft_expr_ops ops;
	u8 bytes;		/* in registers; 0: an address of the family */
	u8 rule;		/* enum dir_rule */
	bool counts;		/* needs accounting */
};

static int get_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		    const struct nlattr * const tb[]);
static void get_destroy(const struct nft_ctx *ctx, const struct nft_expr *expr);
CT_NFT_DUMP(get_dump);

#define KEY(function, len, how) {					\
	.ops = {							\
		.type = &ct_nft_type,					\
		.size = NFT_EXPR_SIZE(sizeof(struct ct_nft)),		\
		.eval = function,					\
		.init = get_init,					\
		.destroy = get_destroy,					\
		.dump = get_dump,					\
	},								\
	.bytes = len,							\
	.rule = how

static const struct get_key keys[] = {
	[NFT_CT_STATE] = KEY(CT_NFT_FAST(eval_state), 4, DIR_NONE) },
	[NFT_CT_DIRECTION] = KEY(CT_NFT_FAST(eval_direction), 1, DIR_NONE) },
	[NFT_CT_STATUS] = KEY(CT_NFT_FAST(eval_status), 4, DIR_NONE) },
	[NFT_CT_MARK] = KEY(CT_NFT_FAST(eval_mark), 4, DIR_NONE) },
	[NFT_CT_SECMARK] = KEY(CT_NFT_FAST(eval_secmark), 4, DIR_NONE) },
	[NFT_CT_EXPIRATION] = KEY(eval_expiration, 4, DIR_NONE) },
	[NFT_CT_HELPER] = KEY(eval_helper, NF_CT_HELPER_NAME_LEN, DIR_NONE) },
	[NFT_CT_L3PROTOCOL] = KEY(eval_l3protocol, 1, DIR_IGNORED) },
	[NFT_CT_SRC] = KEY(eval_src, 0, DIR_WANTED) },
	[NFT_CT_DST] = KEY(eval_dst, 0, DIR_WANTED) },
	[NFT_CT_PROTOCOL] = KEY(eval_protocol, 1, DIR_IGNORED) },
	[NFT_CT_PROTO_SRC] = KEY(eval_proto_src, 2, DIR_WANTED) },
	[NFT_CT_PROTO_DST] = KEY(eval_proto_dst, 2, DIR_WANTED) },
	[NFT_CT_LABELS] = KEY(eval_labels, CT_LABELS_WORDS * sizeof(u32), DIR_NONE) },
	[NFT_CT_PKTS] = KEY(eval_packets, 8, DIR_OPTIONAL), .counts = true },
	[NFT_CT_BYTES] = KEY(eval_bytes, 8, DIR_OPTIONAL), .counts = true },
	[NFT_CT_AVGPKT] = KEY(eval_avgpkt, 8, DIR_OPTIONAL), .counts = true },
	[NFT_CT_ZONE] = KEY(eval_zone, 2, DIR_OPTIONAL) },
	[NFT_CT_SRC_IP] = KEY(eval_src_ip, 4, DIR_WANTED) },
	[NFT_CT_DST_IP] = KEY(eval_dst_ip, 4, DIR_WANTED) },
	[NFT_CT_SRC_IP6] = KEY(eval_src_ip6, 16, DIR_WANTED) },
	[NFT_CT_DST_IP6] = KEY(eval_dst_ip6, 16, DIR_WANTED) },
	[NFT_CT_ID] = KEY(eval_id, 4, DIR_NONE) },
};

const struct nft_expr_ops *ct_nft_get_ops(u32 key)
{
	if (key >= ARRAY_SIZE(keys) || !keys[key].ops.eval)
		return NULL;
	return &keys[key].ops;
}

static const struct get_key *key_of(const struct nft_expr *expr)
{
	return container_of(expr->ops, struct get_key, ops);
}

/* In an inet table an IPv4 address takes 16 bytes, too, 12 of them zero. */
static int address_len(u8 family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return sizeof(struct in_addr);
	case NFPROTO_IPV6:
	case NFPROTO_INET:
		return sizeof(struct in6_addr);
	}
	return -EAFNOSUPPORT;
}

static int get_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		    const struct nlattr * const tb[])
{
	const struct get_key *key = key_of(expr);
	struct ct_nft *priv = nft_expr_priv(expr);
	struct ct_net *cn = ct_net(ctx->net);
	int len, err;

	if (key->rule == DIR_NONE && tb[NFTA_CT_DIRECTION])
		return -EINVAL;
	if (key->rule == DIR_WANTED && !tb[NFTA_CT_DIRECTION])
		return -EINVAL;
	len = key->bytes ?: address_len(ctx->family);
	if (len < 0)
		return len;
	err = ct_nft_parse_dir(tb[NFTA_CT_DIRECTION], &priv->dir);
	if (err)
		return err;
	if (key->rule == DIR_IGNORED)
		priv->dir = IP_CT_DIR_MAX;
	priv->key = key - keys;
	priv->len = len;
	err = nft_parse_register_store(ctx, tb[NFTA_CT_DREG], &priv->reg, NULL,
				       NFT_DATA_VALUE, len);
	if (err)
		return err;
	err = ct_hooks_get(cn, ctx->family);
	if (!err && key->counts)
		WRITE_ONCE(cn->acct, 1);
	return err;
}

static void get_destroy(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	ct_hooks_put(ct_net(ctx->net), ctx->family);
}

CT_NFT_DUMP(get_dump)
{
	return ct_nft_dump(skb, NFTA_CT_DREG, nft_expr_priv(expr));
}

// SPDX-License-Identifier: GPL-2.0
/*
 * ct expectation: an object that has a connection, which begins, expect others: from
 * its server to its client, at a port.
 */
#include <linux/in.h>
#include <linux/module.h>
#include <net/ct/expect.h>
#include <net/ct/hooks.h>
#include <net/netlink.h>
#include "nft.h"

struct expectation {
	u16 l3;
	u8 l4;
	u8 size;		/* so many of one connection at a time */
	__be16 port;
	u32 timeout;		/* as it was given: what is seconds here */
};

static int check_l3(u16 l3, u8 family)
{
	if (l3 != NFPROTO_IPV4 && l3 != NFPROTO_IPV6)
		return -EAFNOSUPPORT;
	return l3 == family || family == NFPROTO_INET ? 0 : -EINVAL;
}

static int check_l4(u8 l4)
{
	static const u8 with_ports[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP,
		IPPROTO_UDPLITE,
	};

	return memchr(with_ports, l4, sizeof(with_ports)) ? 0 : -EOPNOTSUPP;
}

static int expect_init(const struct nft_ctx *ctx,
		       const struct nlattr * const tb[], struct nft_object *obj)
{
	struct expectation *priv = nft_obj_data(obj);
	int err;

	if (!tb[NFTA_CT_EXPECT_L4PROTO] || !tb[NFTA_CT_EXPECT_DPORT] ||
	    !tb[NFTA_CT_EXPECT_TIMEOUT] || !tb[NFTA_CT_EXPECT_SIZE])
		return -EINVAL;
	priv->l3 = tb[NFTA_CT_EXPECT_L3PROTO] ?
		   ntohs(nla_get_be16(tb[NFTA_CT_EXPECT_L3PROTO])) :
		   ctx->family;
	priv->l4 = nla_get_u8(tb[NFTA_CT_EXPECT_L4PROTO]);
	err = check_l3(priv->l3, ctx->family) ?: check_l4(priv->l4);
	if (err)
		return err;
	priv->port = nla_get_be16(tb[NFTA_CT_EXPECT_DPORT]);
	priv->timeout = nla_get_u32(tb[NFTA_CT_EXPECT_TIMEOUT]);
	priv->size = nla_get_u8(tb[NFTA_CT_EXPECT_SIZE]);
	return ct_hooks_get(ct_net(ctx->net), ctx->family);
}

static void expect_destroy(const struct nft_ctx *ctx, struct nft_object *obj)
{
	ct_hooks_put(ct_net(ctx->net), ctx->family);
}

static int expect_dump(struct sk_buff *skb, struct nft_object *obj, bool reset)
{
	const struct expectation *priv = nft_obj_data(obj);

	if (nla_put_be16(skb, NFTA_CT_EXPECT_L3PROTO, htons(priv->l3)) ||
	    nla_put_u8(skb, NFTA_CT_EXPECT_L4PROTO, priv->l4) ||
	    nla_put_be16(skb, NFTA_CT_EXPECT_DPORT, priv->port) ||
	    nla_put_u32(skb, NFTA_CT_EXPECT_TIMEOUT, priv->timeout) ||
	    nla_put_u8(skb, NFTA_CT_EXPECT_SIZE, priv->size))
		return -1;
	return 0;
}

/* From any port of who answers, to where the answers go. */
static struct ct_expect *make(struct ct_entry *e, unsigned int dir,
			      const struct expectation *priv)
{
	const struct nf_conntrack_tuple *reply = &e->dir[!dir].tuple;
	struct ct_expect *exp = ct_expect_new(e, NULL, 0, GFP_ATOMIC);

	if (!exp)
		return NULL;
	exp->tuple.src.u3 = reply->src.u3;
	exp->tuple.src.l3num = priv->l3;
	exp->tuple.dst.u3 = reply->dst.u3;
	exp->tuple.dst.u.all = priv->port;
	exp->tuple.dst.protonum = priv->l4;
	memset(&exp->mask.src.u3, 0xff,
	       priv->l3 == NFPROTO_IPV4 ? sizeof(struct in_addr) :
					  sizeof(struct in6_addr));
	exp->timeout = min_t(u64, (u64)priv->timeout * HZ, CT_LONGEST);
	return exp;
}

/*
 * Who cannot have what it would expect, since another expects that, or since it is
 * gone, does not begin. Who finds no room for it, which others may have taken, does,
 * and the rule goes on.
 */
static int verdict_of(int err)
{
	switch (err) {
	case -EBUSY:
	case -EALREADY:
	case -ESHUTDOWN:
		return NF_DROP;
	}
	return NFT_CONTINUE;
}

/* Return: a verdict */
static int expect(struct ct_entry *e, unsigned int dir,
		  const struct expectation *priv)
{
	struct ct_expect *exp;
	int err;

	if (ct_expect_count(e, 0) >= priv->size)
		return NFT_BREAK;
	exp = make(e, dir, priv);
	if (!exp)
		return NFT_CONTINUE;
	err = ct_expect_add(exp, 0, 0, 0);
	if (err)
		ct_expect_free(exp);
	return verdict_of(err);
}

/* For who begins, and has addresses of that kind. */
static void expect_eval(struct nft_object *obj, struct nft_regs *regs,
			const struct nft_pktinfo *pkt)
{
	const struct expectation *priv = nft_obj_data(obj);
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_tracked(pkt->skb, &ctinfo);
	int verdict;

	if (!e || ct_entry_hot(e) & IPS_CONFIRMED ||
	    e->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num != priv->l3) {
		regs->verdict.code = NFT_BREAK;
		return;
	}
	verdict = expect(e, CTINFO2DIR(ctinfo), priv);
	if (verdict != NFT_CONTINUE)
		regs->verdict.code = verdict;
}

static const struct nla_policy policy[NFTA_CT_EXPECT_MAX + 1] = {
	[NFTA_CT_EXPECT_L3PROTO] = { .type = NLA_U16 },
	[NFTA_CT_EXPECT_L4PROTO] = { .type = NLA_U8 },
	[NFTA_CT_EXPECT_DPORT] = { .type = NLA_U16 },
	[NFTA_CT_EXPECT_TIMEOUT] = { .type = NLA_U32 },
	[NFTA_CT_EXPECT_SIZE] = { .type = NLA_U8 },
};

static const struct nft_object_ops expect_ops = {
	.type		= &ct_nft_expect_obj,
	.size		= sizeof(struct expectation),
	.eval		= expect_eval,
	.init		= expect_init,
	.destroy	= expect_destroy,
	.dump		= expect_dump,
};

struct nft_object_type ct_nft_expect_obj __read_mostly = {
	.type		= NFT_OBJECT_CT_EXPECT,
	.ops		= &expect_ops,
	.policy		= policy,
	.maxattr	= NFTA_CT_EXPECT_MAX,
	.owner		= THIS_MODULE,
};

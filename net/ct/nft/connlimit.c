// SPDX-License-Identifier: GPL-2.0
/*
 * ct count: how many connections came by here. Each rule, each element of a
 * set and each object has a list of its own of those it saw, and looks from
 * time to time which of them still live.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/slab.h>
#include <net/ct/hooks.h>
#include <net/ct/packet.h>
#include <net/ct/tuple.h>
#include <net/netlink.h>
#include "compat.h"
#include "nft.h"

/* Removed, or added, before something is done about the rest. */
#define BATCH	64

/* What tells one connection from another. */
struct conn_key {
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
};

struct member {
	struct list_head link;
	struct conn_key key;
	int cpu;			/* which added it, and when */
	u32 added;
};

/* @lock: of all but @cn, of which there is a reference */
struct counted {
	spinlock_t lock;		/* see above */
	bool busy;			/* somebody goes through it */
	struct list_head members;
	struct ct_net *cn;
	unsigned int count;
	unsigned int added;		/* since it was cleaned */
	u32 cleaned;			/* jiffies */
};

/* Rules are copied byte by byte: what changes is behind the pointer. */
struct connlimit {
	struct counted *list;
	u32 limit;
	bool over;
	bool hooked;		/* it has hooks: an element has its set's */
};

static struct counted *list_new(struct ct_net *cn, gfp_t gfp)
{
	struct counted *l = ct_payer_zalloc(&cn->payer, sizeof(*l), gfp);

	if (!l)
		return NULL;
	spin_lock_init(&l->lock);
	l->busy = false;
	INIT_LIST_HEAD(&l->members);
	ct_net_get(cn);
	l->cn = cn;
	l->count = 0;
	l->added = 0;
	l->cleaned = (u32)jiffies;
	return l;
}

static void remove(struct counted *l, struct member *m)
{
	list_del(&m->link);
	kfree(m);
	l->count--;
}

/* Nobody looks into it any more. Any context but hard interrupt. */
static void list_free(struct counted *l)
{
	struct member *m, *next;

	list_for_each_entry_safe(m, next, &l->members, link)
		remove(l, m);
	ct_net_put(l->cn);
	kfree(l);
}

static u16 original_zone(const struct conn_key *key)
{
	return key->zone.dir & BIT(IP_CT_DIR_ORIGINAL) ? key->zone.id : 0;
}

static bool same(const struct conn_key *a, const struct conn_key *b)
{
	return ct_tuple_equal(&a->tuple, &b->tuple) &&
	       original_zone(a) == original_zone(b);
}

/* Over, though its entry is there for a while. */
static bool ended(const struct ct_entry *e)
{
	u8 state;

	if (e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum != IPPROTO_TCP)
		return false;
	state = READ_ONCE(e->proto.tcp.state);
	return state == TCP_CONNTRACK_TIME_WAIT || state == TCP_CONNTRACK_CLOSE;
}

/*
 * A packet of it may be on its way to being confirmed, on another CPU: here, one
 * that was seen before has either been or will not be.
 */
static bool may_come(const struct member *m)
{
	return m->cpu != raw_smp_processor_id() &&
	       (u32)jiffies - m->added < 2;
}

/* @wanted: this is the connection that is looked for */
static bool alive(const struct counted *l, const struct member *m, bool wanted)
{
	struct ct_entry *e;
	unsigned int dir;
	bool lives;

	e = ct_entry_find(l->cn, &m->key.tuple, &m->key.zone, &dir);
	if (!e)
		return may_come(m);
	lives = wanted || !ended(e);
	ct_entry_put(e);
	return lives;
}

/*
 * Remove what is dead, so much and no more, up to a connection that is looked
 * for, if one is. RCU read side. Return: true if that is in the list
 */
static bool walk(struct counted *l, const struct conn_key *key)
	__must_hold(&l->lock)
{
	unsigned int removed = 0;
	struct member *m, *next;

	list_for_each_entry_safe(m, next, &l->members, link) {
		bool wanted = key && same(&m->key, key);

		if (removed == BATCH) {
			/* It may be behind the others, and counts once. */
			if (!key)
				break;
			if (!wanted)
				continue;
		}
		if (alive(l, m, wanted)) {
			if (wanted)
				return true;
			continue;
		}
		remove(l, m);
		removed++;
	}
	l->cleaned = (u32)jiffies;
	l->added = 0;
	return false;
}

static bool clean(struct counted *l, const struct conn_key *key)
	__must_hold(&l->lock)
{
	bool found;

	WRITE_ONCE(l->busy, true);
	found = walk(l, key);
	WRITE_ONCE(l->busy, false);
	return found;
}

static void clean_once(struct counted *l)
	__must_hold(&l->lock)
{
	if (l->cleaned != (u32)jiffies)
		clean(l, NULL);
}

static bool append(struct counted *l, const struct conn_key *key)
	__must_hold(&l->lock)
{
	struct member *m = ct_payer_zalloc(&l->cn->payer, sizeof(*m),
					   GFP_ATOMIC);

	if (!m)
		return false;
	m->key = *key;
	m->cpu = raw_smp_processor_id();
	m->added = (u32)jiffies;
	list_add_tail(&m->link, &l->members);
	l->count++;
	l->added++;
	return true;
}

/* @hot: status bits of its entry. Return: false without memory */
static bool add(struct counted *l, const struct conn_key *key, u32 hot)
{
	bool known = false, ok = true;

	/* One that is open was counted when it was not: nothing to wait for. */
	if (hot & IPS_CONFIRMED && hot & IPS_ASSURED) {
		if (!READ_ONCE(l->busy)) {
			spin_lock_bh(&l->lock);
			clean_once(l);
			spin_unlock_bh(&l->lock);
		}
		return true;
	}
	spin_lock_bh(&l->lock);
	if (hot & IPS_CONFIRMED || l->cleaned != (u32)jiffies ||
	    l->added >= BATCH)
		known = clean(l, key);
	if (!known)
		ok = append(l, key);
	spin_unlock_bh(&l->lock);
	return ok;
}

static bool parse(struct ct_net *cn, struct sk_buff *skb,
		  struct nf_conntrack_tuple *tuple)
{
	struct ct_packet p = { .skb = skb, .cn = cn };

	if (skb->protocol == htons(ETH_P_IP))
		p.l3 = NFPROTO_IPV4;
	else if (skb->protocol == htons(ETH_P_IPV6))
		p.l3 = NFPROTO_IPV6;
	else
		return false;
	return ct_packet_read(&p, skb_network_offset(skb), tuple) == CT_OK;
}

static void zone_of(const struct ct_entry *e, struct nf_conntrack_zone *zone)
{
	*zone = (struct nf_conntrack_zone){
		.dir = BIT(IP_CT_DIR_ORIGINAL) | BIT(IP_CT_DIR_REPLY),
	};
#ifdef CONFIG_NF_CONNTRACK_ZONES
	if (e)
		*zone = e->zone;
#endif
}

/* Which connection a packet is of, tracked or not. */
static bool key_of(struct ct_net *cn, struct sk_buff *skb, struct conn_key *key,
		   u32 *hot)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_get_skb(skb, &ctinfo);
	unsigned int dir;

	zone_of(e, &key->zone);
	*hot = e ? ct_entry_hot(e) : 0;
	if (e && !(*hot & IPS_TEMPLATE)) {
		key->tuple = e->dir[IP_CT_DIR_ORIGINAL].tuple;
		return true;
	}
	*hot = 0;
	if (!parse(cn, skb, &key->tuple))
		return false;
	e = ct_entry_find(cn, &key->tuple, &key->zone, &dir);
	if (e) {
		*hot = ct_entry_hot(e);
		ct_entry_put(e);
	}
	return true;
}

static void connlimit_eval(const struct connlimit *priv, struct nft_regs *regs,
			   const struct nft_pktinfo *pkt)
{
	struct counted *l = priv->list;
	struct conn_key key;
	u32 hot;

	if (!key_of(l->cn, pkt->skb, &key, &hot) || !add(l, &key, hot)) {
		regs->verdict.code = NF_DROP;
		return;
	}
	if ((READ_ONCE(l->count) > priv->limit) != priv->over)
		regs->verdict.code = NFT_BREAK;
}

static int connlimit_init(const struct nft_ctx *ctx,
			  const struct nlattr * const tb[],
			  struct connlimit *priv)
{
	struct ct_net *cn = ct_net(ctx->net);
	u32 flags = 0;
	int err;

	if (!tb[NFTA_CONNLIMIT_COUNT])
		return -EINVAL;
	if (tb[NFTA_CONNLIMIT_FLAGS])
		flags = ntohl(nla_get_be32(tb[NFTA_CONNLIMIT_FLAGS]));
	if (flags & ~NFT_CONNLIMIT_F_INV)
		return -EOPNOTSUPP;
	priv->limit = ntohl(nla_get_be32(tb[NFTA_CONNLIMIT_COUNT]));
	priv->over = flags & NFT_CONNLIMIT_F_INV;
	priv->list = list_new(cn, GFP_KERNEL_ACCOUNT);
	if (!priv->list)
		return -ENOMEM;
	err = ct_hooks_get(cn, ctx->family);
	if (err)
		list_free(priv->list);
	priv->hooked = !err;
	return err;
}

/* Older kernels destroy elements like this, too. */
static void connlimit_destroy(const struct nft_ctx *ctx,
			      struct connlimit *priv)
{
	if (priv->hooked)
		ct_hooks_put(priv->list->cn, ctx->family);
	list_free(priv->list);
}

static int connlimit_dump(struct sk_buff *skb, const struct connlimit *priv)
{
	if (nla_put_be32(skb, NFTA_CONNLIMIT_COUNT, htonl(priv->limit)))
		return -1;
	if (priv->over && nla_put_be32(skb, NFTA_CONNLIMIT_FLAGS,
				       htonl(NFT_CONNLIMIT_F_INV)))
		return -1;
	return 0;
}

static const struct nla_policy policy[NFTA_CONNLIMIT_MAX + 1] = {
	[NFTA_CONNLIMIT_COUNT]	= { .type = NLA_U32 },
	[NFTA_CONNLIMIT_FLAGS]	= { .type = NLA_U32 },
};

/* The expression, in rules and in sets. */

static void expr_eval(const struct nft_expr *expr, struct nft_regs *regs,
		      const struct nft_pktinfo *pkt)
{
	connlimit_eval(nft_expr_priv(expr), regs, pkt);
}

static int expr_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		     const struct nlattr * const tb[])
{
	return connlimit_init(ctx, tb, nft_expr_priv(expr));
}

static void expr_destroy(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	connlimit_destroy(ctx, nft_expr_priv(expr));
}

CT_NFT_DUMP(expr_dump)
{
	return connlimit_dump(skb, nft_expr_priv(expr));
}

/* An element of a set: its own list, and no hooks, which the set has. */
static int expr_clone(struct nft_expr *dst, const struct nft_expr *src,
		      gfp_t gfp)
{
	const struct connlimit *from = nft_expr_priv(src);
	struct connlimit *priv = nft_expr_priv(dst);

	priv->list = list_new(from->list->cn, gfp);
	if (!priv->list)
		return -ENOMEM;
	priv->limit = from->limit;
	priv->over = from->over;
	priv->hooked = false;
	return 0;
}

/* May be called back by RCU: no sleeping. */
static void expr_destroy_clone(const struct nft_ctx *ctx,
			       const struct nft_expr *expr)
{
	const struct connlimit *priv = nft_expr_priv(expr);

	list_free(priv->list);
}

/*
 * RCU read side. Return: true if the element has nothing to count; one that was
 * made just now may have yet to
 */
static bool expr_gc(struct net *net, const struct nft_expr *expr)
{
	const struct connlimit *priv = nft_expr_priv(expr);
	struct counted *l = priv->list;
	bool empty;

	if (READ_ONCE(l->busy) || READ_ONCE(l->cleaned) == (u32)jiffies)
		return false;
	spin_lock_bh(&l->lock);
	clean_once(l);
	empty = !l->count;
	spin_unlock_bh(&l->lock);
	return empty;
}

static const struct nft_expr_ops expr_ops = {
	.type		= &ct_nft_connlimit_type,
	.size		= NFT_EXPR_SIZE(sizeof(struct connlimit)),
	.eval		= expr_eval,
	.init		= expr_init,
	.destroy	= expr_destroy,
	.dump		= expr_dump,
	.clone		= expr_clone,
	.destroy_clone	= expr_destroy_clone,
	.gc		= expr_gc,
};

struct nft_expr_type ct_nft_connlimit_type __read_mostly = {
	.name		= "connlimit",
	.ops		= &expr_ops,
	.policy		= policy,
	.maxattr	= NFTA_CONNLIMIT_MAX,
	.flags		= NFT_EXPR_STATEFUL | NFT_EXPR_GC,
	.owner		= THIS_MODULE,
};

/* The same as an object, by name. */

static void obj_eval(struct nft_object *obj, struct nft_regs *regs,
		     const struct nft_pktinfo *pkt)
{
	connlimit_eval(nft_obj_data(obj), regs, pkt);
}

static int obj_init(const struct nft_ctx *ctx, const struct nlattr * const tb[],
		    struct nft_object *obj)
{
	return connlimit_init(ctx, tb, nft_obj_data(obj));
}

static void obj_destroy(const struct nft_ctx *ctx, struct nft_object *obj)
{
	connlimit_destroy(ctx, nft_obj_data(obj));
}

static int obj_dump(struct sk_buff *skb, struct nft_object *obj, bool reset)
{
	return connlimit_dump(skb, nft_obj_data(obj));
}

static const struct nft_object_ops obj_ops = {
	.type		= &ct_nft_connlimit_obj,
	.size		= sizeof(struct connlimit),
	.eval		= obj_eval,
	.init		= obj_init,
	.destroy	= obj_destroy,
	.dump		= obj_dump,
};

struct nft_object_type ct_nft_connlimit_obj __read_mostly = {
	.type		= NFT_OBJECT_CONNLIMIT,
	.ops		= &obj_ops,
	.policy		= policy,
	.maxattr	= NFTA_CONNLIMIT_MAX,
	.owner		= THIS_MODULE,
};

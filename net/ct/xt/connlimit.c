// SPDX-License-Identifier: GPL-2.0
/*
 * -m connlimit: how many connections a network has, of those that came by a rule.
 * Each network, as the rule's mask makes them, has a list (count.c), in a tree of
 * its kind. When one comes that is new, some others are looked at: those that have
 * none left go.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/random.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/ct/count.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>
#include <net/ct/packet.h>
#include "xt.h"

#define TREES		64

/* So many others are looked at when a network is added: more than one. */
#define LOOKS		4

/* In a zone. Unused bytes are zero. */
struct network {
	union nf_inet_addr addr;
	u32 zone;
};

struct member {
	struct rb_node link;
	struct list_head turn;		/* who is looked at next is first */
	struct network network;
	struct ct_count *count;
};

/* @lock: of what is below */
struct tree {
	spinlock_t lock;		/* see above */
	struct rb_root root;
	struct list_head turns;
};

struct limit {
	struct ct_net *cn;
	u32 seed;
	atomic_t turn;			/* which tree is looked at next */
	struct tree trees[TREES];
};

static struct limit *limit_new(struct ct_net *cn)
{
	struct limit *l = ct_payer_zalloc(&cn->payer, sizeof(*l),
					  GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!l)
		return NULL;
	l->cn = cn;
	l->seed = get_random_u32();
	for (i = 0; i < TREES; i++) {
		spin_lock_init(&l->trees[i].lock);
		l->trees[i].root = RB_ROOT;
		INIT_LIST_HEAD(&l->trees[i].turns);
	}
	return l;
}

static void member_free(struct tree *t, struct member *n)
{
	rb_erase(&n->link, &t->root);
	list_del(&n->turn);
	ct_count_free(n->count);
	kfree(n);
}

/* No packet is in the rule any more. */
static void limit_free(struct limit *l)
{
	struct member *n, *next;
	unsigned int i;

	for (i = 0; i < TREES; i++) {
		list_for_each_entry_safe(n, next, &l->trees[i].turns, turn)
			member_free(&l->trees[i], n);
		cond_resched();
	}
	kfree(l);
}

static struct member *find(struct tree *t, const struct network *network,
			   struct rb_node **parent, struct rb_node ***where)
	__must_hold(&t->lock)
{
	struct rb_node **link = &t->root.rb_node;
	struct member *n;
	int diff;

	*parent = NULL;
	while (*link) {
		n = rb_entry(*link, struct member, link);
		diff = memcmp(network, &n->network, sizeof(*network));
		if (!diff)
			return n;
		*parent = *link;
		link = diff < 0 ? &(*link)->rb_left : &(*link)->rb_right;
	}
	*where = link;
	return NULL;
}

static struct member *add(struct limit *l, struct tree *t,
			  const struct network *network, struct rb_node *parent,
			  struct rb_node **where)
	__must_hold(&t->lock)
{
	struct member *n = ct_payer_zalloc(&l->cn->payer, sizeof(*n), GFP_ATOMIC);

	if (!n)
		return NULL;
	n->count = ct_count_new(l->cn, GFP_ATOMIC);
	if (!n->count) {
		kfree(n);
		return NULL;
	}
	n->network = *network;
	rb_link_node(&n->link, parent, where);
	rb_insert_color(&n->link, &t->root);
	list_add_tail(&n->turn, &t->turns);
	return n;
}

static void look_at_others(struct limit *l)
{
	struct tree *t = &l->trees[(u32)atomic_inc_return(&l->turn) % TREES];
	unsigned int looks;
	struct member *n;

	spin_lock_bh(&t->lock);
	for (looks = 0; looks < LOOKS && !list_empty(&t->turns); looks++) {
		n = list_first_entry(&t->turns, struct member, turn);
		if (ct_count_clean(n->count))
			member_free(t, n);
		else
			list_move_tail(&n->turn, &t->turns);
	}
	spin_unlock_bh(&t->lock);
}

/* Return: false if it could not be counted */
static bool count(struct limit *l, const struct network *network,
		  struct sk_buff *skb, unsigned int *connections)
{
	u32 hash = jhash2((const u32 *)network, sizeof(*network) / sizeof(u32),
			  l->seed);
	struct tree *t = &l->trees[hash % TREES];
	struct rb_node *parent, **where;
	bool fresh = false, ok = false;
	struct member *n;

	spin_lock_bh(&t->lock);
	n = find(t, network, &parent, &where);
	if (!n) {
		fresh = true;
		n = add(l, t, network, parent, where);
	}
	if (n)
		/* Of a network that nobody knows all that is open counts. */
		ok = ct_count_packet(n->count, skb, fresh, connections);
	spin_unlock_bh(&t->lock);
	if (fresh)
		look_at_others(l);
	return ok;
}

static bool address_of(const struct sk_buff *skb, u8 pf, bool dest,
		       union nf_inet_addr *addr)
{
	const unsigned int nhoff = skb_network_offset(skb);

	if (pf == NFPROTO_IPV4)
		return ct_fetch(skb, nhoff + (dest ?
				offsetof(struct iphdr, daddr) :
				offsetof(struct iphdr, saddr)), &addr->ip);
	return ct_fetch(skb, nhoff + (dest ?
			offsetof(struct ipv6hdr, daddr) :
			offsetof(struct ipv6hdr, saddr)), &addr->in6);
}

static bool network_of(const struct sk_buff *skb,
		       const struct xt_connlimit_info *info, u8 pf,
		       struct network *network)
{
	enum ip_conntrack_info ctinfo;
	const struct ct_entry *e = ct_entry_get_skb(skb, &ctinfo);
	const unsigned int words = pf == NFPROTO_IPV4 ? 1 : 4;
	unsigned int i;

	memset(network, 0, sizeof(*network));
	if (!address_of(skb, pf, info->flags & XT_CONNLIMIT_DADDR,
			&network->addr))
		return false;
	for (i = 0; i < words; i++)
		network->addr.all[i] &= info->mask.all[i];
	if (e)
		network->zone = ct_entry_zone_id(e);
	return true;
}

static bool match(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_connlimit_info *info = par->matchinfo;
	unsigned int connections;
	struct network network;

	if (!network_of(skb, info, xt_family(par), &network) ||
	    !count((struct limit *)info->data, &network, (struct sk_buff *)skb,
		   &connections)) {
		par->hotdrop = true;
		return false;
	}
	return (connections > info->limit) !=
	       !!(info->flags & XT_CONNLIMIT_INVERT);
}

static int check(const struct xt_mtchk_param *par)
{
	struct xt_connlimit_info *info = par->matchinfo;
	struct limit *l;
	int err;

	err = ct_xt_match_begin(par);
	if (err)
		return err;
	l = limit_new(ct_net(par->net));
	if (!l) {
		ct_xt_end(par->net, par->family);
		return -ENOMEM;
	}
	info->data = (struct nf_conncount_data *)l;
	return 0;
}

static void destroy(const struct xt_mtdtor_param *par)
{
	const struct xt_connlimit_info *info = par->matchinfo;

	limit_free((struct limit *)info->data);
	ct_xt_match_end(par);
}

#define CONNLIMIT(pf) {							\
	.name		= "connlimit",					\
	.revision	= 1,						\
	.family		= pf,						\
	.match		= match,					\
	.checkentry	= check,					\
	.destroy	= destroy,					\
	.matchsize	= sizeof(struct xt_connlimit_info),		\
	.usersize	= offsetof(struct xt_connlimit_info, data),	\
	.me		= THIS_MODULE,					\
}

struct xt_match ct_xt_connlimit[2] __read_mostly = {
	CONNLIMIT(NFPROTO_IPV4),
	CONNLIMIT(NFPROTO_IPV6),
};

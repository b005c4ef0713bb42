// SPDX-License-Identifier: GPL-2.0
/*
 * Which ports of an address are in use towards a remote end. A few looks into the
 * table find a free one as long as there are many; when there are few, it takes a
 * bitmap. A worker makes it, for the ends where that was seen to be so.
 *
 * Bits may be wrong for a moment, and hints they are: one that is 0 is looked up
 * before it is believed. One that is 1 without reason would lose a port, so what
 * sets it looks again afterwards, and who ends a connection clears it after that
 * has left the table.
 */
#include <linux/bitmap.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>
#include <net/ct/payer.h>
#include <net/ct/table.h>
#include <net/ct/tuple.h>
#include "nat.h"
#include "used.h"

#define PORTS		(U16_MAX + 1)

/* So many of a namespace, of 8 KB each: the one that was not asked for longest goes. */
#define MOST		64

/* Not more often than that a bitmap is made anew. */
#define RENEW		HZ

/* So long a namespace waits for its next turn: each takes some milliseconds. */
#define TURN		(HZ / 4 ?: 1)

/**
 * struct used - the bitmap of one end
 * @node: in the namespace's table
 * @list: in its list
 * @tuple: towards that end; the source port is 0
 * @zone: of the answers
 * @asked: jiffies, when it was last asked for
 * @made: jiffies, when all ports were last looked up
 * @ready: they were looked up once
 * @stale: they are to be looked up
 * @rcu: frees it
 * @bits: one for each port, host byte order
 */
struct used {
	struct hlist_node node;
	struct list_head list;
	struct nf_conntrack_tuple tuple;
	u16 zone;
	unsigned long asked;
	unsigned long made;
	bool ready;
	bool stale;
	struct rcu_head rcu;
	unsigned long *bits;
};

/* One at a time, whoever it is for: all of them together keep one CPU busy. */
static struct workqueue_struct *used_wq;
static u32 seed __read_mostly;

static struct ct_nat_used *used_of(const struct ct_entry *e)
{
	return &ct_nat_net(e->cn->net)->used;
}

static struct hlist_head *bucket_of(struct ct_nat_used *n,
				    const struct nf_conntrack_tuple *t,
				    u16 zone)
{
	u32 hash;

	get_random_once(&seed, sizeof(seed));
	hash = jhash2(t->src.u3.all, 4, seed);
	hash = jhash2(t->dst.u3.all, 4, hash);
	hash = jhash_2words(hash, (u32)zone << 16 | (__force u16)t->dst.u.all,
			    t->dst.protonum);
	return &n->table[hash % CT_NAT_USED_BUCKETS];
}

static bool is_same(const struct nf_conntrack_tuple *a,
		    const struct nf_conntrack_tuple *b)
{
	return nf_inet_addr_cmp(&a->src.u3, &b->src.u3) &&
	       nf_inet_addr_cmp(&a->dst.u3, &b->dst.u3) &&
	       a->dst.u.all == b->dst.u.all &&
	       a->src.l3num == b->src.l3num &&
	       a->dst.protonum == b->dst.protonum;
}

static struct used *find(struct ct_nat_used *n,
			 const struct nf_conntrack_tuple *tuple, u16 zone)
{
	struct used *u;

	if (likely(!READ_ONCE(n->count)))
		return NULL;
	hlist_for_each_entry_rcu(u, bucket_of(n, tuple, zone), node,
				 lockdep_is_held(&n->lock))
		if (u->zone == zone && is_same(&u->tuple, tuple))
			return u;
	return NULL;
}

static void queue(struct ct_nat_used *n)
{
	queue_delayed_work(used_wq, &n->work, 0);
}

/* A worker is to make one; some time, for what is asked too often. */
static void wish(struct ct_nat_used *n, const struct nf_conntrack_tuple *tuple,
		 u16 zone)
{
	unsigned int i;

	/* Who comes too late asks again. */
	if (READ_ONCE(n->wish_count) == CT_NAT_USED_WISHES)
		return;
	spin_lock_bh(&n->lock);
	for (i = 0; i < n->wish_count; i++)
		if (n->wishes[i].zone == zone &&
		    is_same(&n->wishes[i].tuple, tuple))
			break;
	if (i == n->wish_count && i < CT_NAT_USED_WISHES && !n->dying) {
		n->wishes[i].tuple = *tuple;
		n->wishes[i].tuple.src.u.all = 0;
		n->wishes[i].zone = zone;
		WRITE_ONCE(n->wish_count, i + 1);
		queue(n);
	}
	spin_unlock_bh(&n->lock);
}

unsigned long *ct_nat_used(const struct ct_entry *e,
			   const struct nf_conntrack_tuple *tuple, bool want)
{
	const u16 zone = e->zone_id[IP_CT_DIR_REPLY];
	struct ct_nat_used *n = used_of(e);
	struct used *u = find(n, tuple, zone);
	const unsigned long now = jiffies;

	if (!u) {
		if (want)
			wish(n, tuple, zone);
		return NULL;
	}
	if (READ_ONCE(u->asked) != now)
		WRITE_ONCE(u->asked, now);
	/* Pairs with fill(): the bits are there. */
	return smp_load_acquire(&u->ready) ? u->bits : NULL;
}

void ct_nat_used_renew(const struct ct_entry *e,
		       const struct nf_conntrack_tuple *tuple)
{
	struct ct_nat_used *n = used_of(e);
	struct used *u = find(n, tuple, e->zone_id[IP_CT_DIR_REPLY]);

	if (!u || READ_ONCE(u->stale) ||
	    time_before(jiffies, READ_ONCE(u->made) + RENEW))
		return;
	spin_lock_bh(&n->lock);
	WRITE_ONCE(u->stale, true);
	if (!n->dying)
		queue(n);
	spin_unlock_bh(&n->lock);
}

void ct_nat_unused(const struct ct_entry *e)
{
	struct ct_nat_used *n = used_of(e);
	struct nf_conntrack_tuple tuple;
	struct used *u;

	if (likely(!READ_ONCE(n->count)) ||
	    !ct_tuple_invert(&tuple, &e->dir[IP_CT_DIR_REPLY].tuple))
		return;
	u = find(n, &tuple, e->zone_id[IP_CT_DIR_REPLY]);
	if (u)
		clear_bit(ntohs(tuple.src.u.all), u->bits);
}

/*
 * Does a connection have that port, that will not make room? One that waits for
 * late packets may.
 */
static bool is_used(struct ct_net *cn, const struct used *u,
		    const struct nf_conntrack_tuple *reply)
{
	struct ct_entry *e;
	unsigned int dir;
	u8 state;
	bool used;

	e = ct_table_lookup(&cn->table, cn, reply, u->zone,
			    ct_tuple_hash(cn, reply, u->zone), &dir);
	if (!e)
		return false;
	state = READ_ONCE(e->proto.tcp.state);
	used = reply->dst.protonum != IPPROTO_TCP ||
	       (state != TCP_CONNTRACK_TIME_WAIT &&
		state != TCP_CONNTRACK_CLOSE);
	ct_entry_put(e);
	return used;
}

/* Look up one port, and say so. */
static void look_up(struct ct_net *cn, struct used *u, unsigned int port)
{
	struct nf_conntrack_tuple tuple = u->tuple, reply;

	tuple.src.u.all = htons(port);
	if (!ct_tuple_invert(&reply, &tuple))
		return;
	rcu_read_lock();
	if (!is_used(cn, u, &reply)) {
		clear_bit(port, u->bits);
	} else if (!test_and_set_bit(port, u->bits) &&
		   !is_used(cn, u, &reply)) {
		/*
		 * Race: it ended between the look and the bit, and its end found
		 * nothing to clear. If it is there still, its end comes later.
		 */
		clear_bit(port, u->bits);
	}
	rcu_read_unlock();
}

static void fill(struct ct_nat_net *nn, struct used *u)
{
	struct ct_net *cn = ct_net(nn->net);
	unsigned int port;

	WRITE_ONCE(u->stale, false);
	for (port = 0; port < PORTS; port++) {
		look_up(cn, u, port);
		if (port % 256)
			continue;
		if (READ_ONCE(nn->used.dying))
			return;
		cond_resched();
	}
	WRITE_ONCE(u->made, jiffies);
	/* Pairs with ct_nat_used(). */
	smp_store_release(&u->ready, true);
}

static void free_bits(struct used *u)
{
	kfree(u->bits);
	kfree(u);
}

static void free_late(struct rcu_head *rcu)
{
	free_bits(container_of(rcu, struct used, rcu));
}

/* Take one out. The lock is held. */
static void take_out(struct ct_nat_used *n, struct used *u)
{
	hlist_del_rcu(&u->node);
	list_del(&u->list);
	WRITE_ONCE(n->count, n->count - 1);
	call_rcu(&u->rcu, free_late);
}

/* Room for one more: the one that was not asked for longest goes for it. */
static void make_room(struct ct_nat_used *n)
{
	struct used *u, *old = NULL;

	if (n->count < MOST)
		return;
	list_for_each_entry(u, &n->list, list)
		if (!old || time_before(u->asked, old->asked))
			old = u;
	take_out(n, old);
}

/* At the limit of who pays for it there is none, and nobody is to go for it. */
static struct used *alloc_used(struct ct_nat_net *nn)
{
	const struct ct_payer *payer = &ct_net(nn->net)->payer;
	const gfp_t gfp = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
	struct used *u;

	u = ct_payer_zalloc(payer, sizeof(*u), gfp);
	if (!u)
		return NULL;
	u->bits = ct_payer_zalloc(payer, PORTS / BITS_PER_BYTE, gfp);
	if (u->bits)
		return u;
	kfree(u);
	return NULL;
}

/* The first wish. Return: false: there is none */
static bool next_wish(struct ct_nat_used *n, struct ct_nat_wish *w)
{
	bool any;

	spin_lock_bh(&n->lock);
	any = n->wish_count;
	if (any) {
		*w = n->wishes[0];
		memmove(&n->wishes[0], &n->wishes[1],
			sizeof(n->wishes) - sizeof(n->wishes[0]));
		WRITE_ONCE(n->wish_count, n->wish_count - 1);
	}
	spin_unlock_bh(&n->lock);
	return any;
}

/* Return: what is to be filled, or NULL: it is there, or there is no memory */
static struct used *make(struct ct_nat_net *nn, const struct ct_nat_wish *w)
{
	struct ct_nat_used *n = &nn->used;
	struct used *u = alloc_used(nn);
	bool there;

	if (!u)
		return NULL;
	u->tuple = w->tuple;
	u->zone = w->zone;
	u->asked = jiffies;
	spin_lock_bh(&n->lock);
	there = find(n, &u->tuple, u->zone);
	if (!there) {
		make_room(n);
		list_add_tail(&u->list, &n->list);
		hlist_add_head_rcu(&u->node, bucket_of(n, &u->tuple, u->zone));
		WRITE_ONCE(n->count, n->count + 1);
	}
	spin_unlock_bh(&n->lock);
	if (!there)
		return u;
	free_bits(u);
	return NULL;
}

/* Only the worker changes the list while the namespace lives. */
static struct used *next_stale(struct ct_nat_used *n)
{
	struct used *u;

	list_for_each_entry(u, &n->list, list)
		if (READ_ONCE(u->stale))
			return u;
	return NULL;
}

/* One bitmap, and then it is another namespace's turn. */
static void work_on(struct work_struct *work)
{
	struct ct_nat_used *n = container_of(to_delayed_work(work),
					     struct ct_nat_used, work);
	struct ct_nat_net *nn = container_of(n, struct ct_nat_net, used);
	struct ct_nat_wish w;
	struct used *u;

	u = next_wish(n, &w) ? make(nn, &w) : next_stale(n);
	if (u)
		fill(nn, u);
	spin_lock_bh(&n->lock);
	if (!n->dying && (n->wish_count || next_stale(n)))
		queue_delayed_work(used_wq, &n->work, TURN);
	spin_unlock_bh(&n->lock);
}

void ct_nat_used_net_init(struct ct_nat_used *n)
{
	spin_lock_init(&n->lock);
	INIT_LIST_HEAD(&n->list);
	INIT_DELAYED_WORK(&n->work, work_on);
}

void ct_nat_used_net_exit(struct ct_nat_used *n)
{
	struct used *u, *next;

	spin_lock_bh(&n->lock);
	WRITE_ONCE(n->dying, true);
	spin_unlock_bh(&n->lock);
	cancel_delayed_work_sync(&n->work);
	spin_lock_bh(&n->lock);
	list_for_each_entry_safe(u, next, &n->list, list)
		take_out(n, u);
	spin_unlock_bh(&n->lock);
}

int __init ct_nat_used_init(void)
{
	used_wq = alloc_workqueue("ct_nat", WQ_UNBOUND, 1);
	return used_wq ? 0 : -ENOMEM;
}

void ct_nat_used_exit(void)
{
	destroy_workqueue(used_wq);
	/* What frees the last ones is code of ours. */
	rcu_barrier();
}

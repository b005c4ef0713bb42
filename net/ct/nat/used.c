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
#include <linux/mutex.h>
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
#include "used.h"

#define PORTS		(U16_MAX + 1)

/* So many of a namespace, of 8 KB each: the one that was not asked for longest goes. */
#define MOST		64

#define TABLE_BITS	8

/* Not more often than that a bitmap is made anew. */
#define RENEW		HZ

/**
 * struct used - the bitmap of one end
 * @node: in the hash table
 * @list: in @used_list
 * @cn: the namespace, with a reference
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
	struct ct_net *cn;
	struct nf_conntrack_tuple tuple;
	u16 zone;
	unsigned long asked;
	unsigned long made;
	bool ready;
	bool stale;
	struct rcu_head rcu;
	unsigned long *bits;
};

/* Written under the lock; of the list, those that are gone are gone from both. */
static struct hlist_head table[1 << TABLE_BITS];
static LIST_HEAD(used_list);
static DEFINE_SPINLOCK(used_lock);
static unsigned int used_count;
static u32 seed __read_mostly;

/*
 * Ends that nobody has a bitmap for yet, and somebody wants. Who finds them all
 * taken asks again.
 */
struct wish {
	struct ct_net *cn;
	struct nf_conntrack_tuple tuple;
	u16 zone;
};

#define WISHES		16

/* Those of one namespace. */
#define WISHES_EACH	4

static struct wish wishes[WISHES];
static unsigned int wish_count;		/* under used_lock */

static void work_on(struct work_struct *work);
static DECLARE_WORK(used_work, work_on);

static u32 hash_of(const struct ct_net *cn, const struct nf_conntrack_tuple *t,
		   u16 zone)
{
	u32 hash;

	get_random_once(&seed, sizeof(seed));
	hash = jhash2(t->src.u3.all, 4, seed ^ (u32)(unsigned long)cn);
	hash = jhash2(t->dst.u3.all, 4, hash);
	return jhash_2words(hash, (u32)zone << 16 | (__force u16)t->dst.u.all,
			    t->dst.protonum) >> (32 - TABLE_BITS);
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

bool ct_nat_used_any(void)
{
	return READ_ONCE(used_count);
}

static struct used *find(const struct ct_net *cn,
			 const struct nf_conntrack_tuple *tuple, u16 zone)
{
	struct used *u;

	if (likely(!READ_ONCE(used_count)))
		return NULL;
	hlist_for_each_entry_rcu(u, &table[hash_of(cn, tuple, zone)], node,
				 lockdep_is_held(&used_lock))
		if (u->cn == cn && u->zone == zone &&
		    is_same(&u->tuple, tuple))
			return u;
	return NULL;
}

/* A worker is to make one; some time, for what is asked too often. */
static void wish(struct ct_net *cn, const struct nf_conntrack_tuple *tuple,
		 u16 zone)
{
	unsigned int i, n = 0;
	struct wish *w;

	spin_lock_bh(&used_lock);
	for (i = 0; i < wish_count; i++) {
		w = &wishes[i];
		if (w->cn != cn)
			continue;
		if (w->zone == zone && is_same(&w->tuple, tuple))
			break;
		n++;
	}
	if (i == wish_count && i < WISHES && n < WISHES_EACH) {
		w = &wishes[wish_count++];
		ct_net_get(cn);
		w->cn = cn;
		w->tuple = *tuple;
		w->tuple.src.u.all = 0;
		w->zone = zone;
	}
	spin_unlock_bh(&used_lock);
	queue_work(system_unbound_wq, &used_work);
}

unsigned long *ct_nat_used(const struct ct_entry *e,
			   const struct nf_conntrack_tuple *tuple, bool want)
{
	const u16 zone = e->zone_id[IP_CT_DIR_REPLY];
	struct used *u = find(e->cn, tuple, zone);
	const unsigned long now = jiffies;

	if (!u) {
		if (want)
			wish(e->cn, tuple, zone);
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
	struct used *u = find(e->cn, tuple, e->zone_id[IP_CT_DIR_REPLY]);

	if (!u || READ_ONCE(u->stale) ||
	    time_before(jiffies, READ_ONCE(u->made) + RENEW))
		return;
	WRITE_ONCE(u->stale, true);
	queue_work(system_unbound_wq, &used_work);
}

void ct_nat_unused(const struct ct_entry *e)
{
	struct nf_conntrack_tuple tuple;
	struct used *u;

	if (likely(!READ_ONCE(used_count)) ||
	    !ct_tuple_invert(&tuple, &e->dir[IP_CT_DIR_REPLY].tuple))
		return;
	u = find(e->cn, &tuple, e->zone_id[IP_CT_DIR_REPLY]);
	if (u)
		clear_bit(ntohs(tuple.src.u.all), u->bits);
}

/*
 * Does a connection have that port, that will not make room? One that waits for
 * late packets may.
 */
static bool is_used(const struct used *u, const struct nf_conntrack_tuple *reply)
{
	struct ct_entry *e;
	unsigned int dir;
	u8 state;
	bool used;

	e = ct_table_lookup(&u->cn->table, u->cn, reply, u->zone,
			    ct_tuple_hash(u->cn, reply, u->zone), &dir);
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
static void look_up(struct used *u, unsigned int port)
{
	struct nf_conntrack_tuple tuple = u->tuple, reply;

	tuple.src.u.all = htons(port);
	if (!ct_tuple_invert(&reply, &tuple))
		return;
	rcu_read_lock();
	if (!is_used(u, &reply)) {
		clear_bit(port, u->bits);
	} else if (!test_and_set_bit(port, u->bits) && !is_used(u, &reply)) {
		/*
		 * Race: it ended between the look and the bit, and its end found
		 * nothing to clear. If it is there still, its end comes later.
		 */
		clear_bit(port, u->bits);
	}
	rcu_read_unlock();
}

static void fill(struct used *u)
{
	unsigned int port;

	WRITE_ONCE(u->stale, false);
	for (port = 0; port < PORTS; port++) {
		look_up(u, port);
		if (!(port % 256))
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

static void free_used(struct used *u)
{
	ct_net_put(u->cn);
	call_rcu(&u->rcu, free_late);
}

/* Take one out. The lock is held; the caller frees it. */
static void take_out(struct used *u)
{
	hlist_del_rcu(&u->node);
	list_del(&u->list);
	WRITE_ONCE(used_count, used_count - 1);
}

/* The one of a namespace that is to go for another one, or NULL: it has room. */
static struct used *oldest(const struct ct_net *cn)
{
	struct used *u, *old = NULL;
	unsigned int n = 0;

	list_for_each_entry(u, &used_list, list) {
		if (u->cn != cn)
			continue;
		n++;
		if (!old || time_before(u->asked, old->asked))
			old = u;
	}
	return n < MOST ? NULL : old;
}

static struct used *alloc_used(const struct wish *w)
{
	const struct ct_payer *payer = &w->cn->payer;
	struct used *u;

	u = ct_payer_zalloc(payer, sizeof(*u), GFP_KERNEL);
	if (!u)
		return NULL;
	u->bits = ct_payer_zalloc(payer, PORTS / BITS_PER_BYTE, GFP_KERNEL);
	if (!u->bits) {
		kfree(u);
		return NULL;
	}
	u->cn = w->cn;
	u->tuple = w->tuple;
	u->zone = w->zone;
	u->asked = jiffies;
	return u;
}

/*
 * @w: its reference passes. Return: what was made, or NULL: there is no memory, or
 * it is there. Under the mutex
 */
static struct used *make(const struct wish *w)
{
	struct used *u = alloc_used(w), *old = NULL;
	bool there;

	if (!u) {
		ct_net_put(w->cn);
		return NULL;
	}
	spin_lock_bh(&used_lock);
	there = find(u->cn, &u->tuple, u->zone);
	if (!there) {
		old = oldest(u->cn);
		if (old)
			take_out(old);
		list_add_tail(&u->list, &used_list);
		hlist_add_head_rcu(&u->node,
				   &table[hash_of(u->cn, &u->tuple, u->zone)]);
		WRITE_ONCE(used_count, used_count + 1);
	}
	spin_unlock_bh(&used_lock);
	if (old)
		free_used(old);
	if (!there)
		return u;
	ct_net_put(u->cn);
	free_bits(u);
	return NULL;
}

/* Of who makes them, renews them and takes them away. */
static DEFINE_MUTEX(used_mutex);

static bool next_wish(struct wish *w)
{
	bool any;

	spin_lock_bh(&used_lock);
	any = wish_count;
	if (any)
		*w = wishes[--wish_count];
	spin_unlock_bh(&used_lock);
	return any;
}

static void work_on(struct work_struct *work)
{
	struct used *u;
	struct wish w;

	mutex_lock(&used_mutex);
	while (next_wish(&w)) {
		u = make(&w);
		if (u)
			fill(u);
	}
	/* Only who holds the mutex changes the list. */
	list_for_each_entry(u, &used_list, list)
		if (READ_ONCE(u->stale))
			fill(u);
	mutex_unlock(&used_mutex);
}

/* The wishes of a namespace; NULL: all. The lock is held */
static void forget_wishes(const struct ct_net *cn)
{
	unsigned int i, n = 0;

	for (i = 0; i < wish_count; i++) {
		if (!cn || wishes[i].cn == cn)
			ct_net_put(wishes[i].cn);
		else
			wishes[n++] = wishes[i];
	}
	wish_count = n;
}

void ct_nat_used_forget(const struct ct_net *cn)
{
	struct used *u, *next;
	LIST_HEAD(gone);

	if (!cn)
		cancel_work_sync(&used_work);
	mutex_lock(&used_mutex);
	spin_lock_bh(&used_lock);
	forget_wishes(cn);
	list_for_each_entry_safe(u, next, &used_list, list) {
		if (cn && u->cn != cn)
			continue;
		take_out(u);
		list_add(&u->list, &gone);
	}
	spin_unlock_bh(&used_lock);
	list_for_each_entry_safe(u, next, &gone, list)
		free_used(u);
	mutex_unlock(&used_mutex);
	if (!cn)
		rcu_barrier();
}

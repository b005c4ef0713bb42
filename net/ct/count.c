// SPDX-License-Identifier: GPL-2.0
/*
 * How many connections came by a place: a list of those it saw, and from time to
 * time a look at which of them still live.
 */
#include <linux/export.h>
#include <linux/list.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/slab.h>
#include <net/ct/count.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>
#include <net/ct/packet.h>
#include <net/ct/tuple.h>

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
struct ct_count {
	spinlock_t lock;		/* see above */
	bool busy;			/* somebody goes through it */
	struct list_head members;
	struct ct_net *cn;
	unsigned int count;
	unsigned int added;		/* since it was cleaned */
	u32 cleaned;			/* jiffies */
};

struct ct_count *ct_count_new(struct ct_net *cn, gfp_t gfp)
{
	struct ct_count *l = ct_payer_zalloc(&cn->payer, sizeof(*l), gfp);

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
EXPORT_SYMBOL_GPL(ct_count_new);

static void remove(struct ct_count *l, struct member *m)
{
	list_del(&m->link);
	kfree(m);
	l->count--;
}

void ct_count_free(struct ct_count *l)
{
	struct member *m, *next;

	list_for_each_entry_safe(m, next, &l->members, link)
		remove(l, m);
	ct_net_put(l->cn);
	kfree(l);
}
EXPORT_SYMBOL_GPL(ct_count_free);

struct ct_net *ct_count_net(const struct ct_count *l)
{
	return l->cn;
}
EXPORT_SYMBOL_GPL(ct_count_net);

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
static bool alive(const struct ct_count *l, const struct member *m, bool wanted)
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
static bool walk(struct ct_count *l, const struct conn_key *key)
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

static bool clean(struct ct_count *l, const struct conn_key *key)
	__must_hold(&l->lock)
{
	bool found;

	WRITE_ONCE(l->busy, true);
	found = walk(l, key);
	WRITE_ONCE(l->busy, false);
	return found;
}

static void clean_once(struct ct_count *l)
	__must_hold(&l->lock)
{
	if (l->cleaned != (u32)jiffies)
		clean(l, NULL);
}

static bool append(struct ct_count *l, const struct conn_key *key)
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

/* @open, @hot: as for ct_count_packet(); of its entry. Return: false without memory */
static bool add(struct ct_count *l, const struct conn_key *key, bool open,
		u32 hot)
{
	bool known = false, ok = true;

	/* One that is open was counted when it was not: nothing to wait for. */
	if (!open && hot & IPS_CONFIRMED && hot & IPS_ASSURED) {
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

bool ct_count_packet(struct ct_count *l, struct sk_buff *skb, bool open,
		     unsigned int *n)
{
	struct conn_key key;
	u32 hot;

	if (!key_of(l->cn, skb, &key, &hot) || !add(l, &key, open, hot))
		return false;
	*n = READ_ONCE(l->count);
	return true;
}
EXPORT_SYMBOL_GPL(ct_count_packet);

bool ct_count_clean(struct ct_count *l)
{
	bool empty;

	if (READ_ONCE(l->busy) || READ_ONCE(l->cleaned) == (u32)jiffies)
		return false;
	spin_lock_bh(&l->lock);
	clean_once(l);
	empty = !l->count;
	spin_unlock_bh(&l->lock);
	return empty;
}
EXPORT_SYMBOL_GPL(ct_count_clean);

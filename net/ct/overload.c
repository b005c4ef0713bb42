// SPDX-License-Identifier: GPL-2.0
/*
 * At the limit (ARCHITECTURE §9): whom to evict, the oldest connection that saw
 * no reply, never one that did; and who gets in when nobody may be evicted.
 *
 * Each namespace has a list a CPU: a flood in one container finds nothing of
 * another's to evict, and a CPU's new connections contend for no lock but
 * that of its wheel, which they take anyway.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/ct/expire.h>
#include <net/ct/net.h>
#include <net/ct/tuple.h>
#include <net/route.h>
#include "trace.h"
#include "wheel.h"

/* One in 32 of the limit is for the host's own traffic. */
#define KEPT_SHIFT	5

/* At most one line in this time tells of what was dropped. */
#define LOG_INTERVAL	(10 * HZ)

/*
 * The oldest of all is sought among the heads of all CPUs' lists, this time in
 * so many. Younger by a second is as good: the list that was found, for the next
 * ones, and a CPU's own, else all in a flood would want the lock of one.
 */
#define LOOK_EVERY	16
#define AS_OLD		(HZ / CT_BORN_UNIT)

/* Candidates that another CPU is about to kill, passed over in one go. */
#define TRIES		8

int ct_candidates_init(struct ct_net *cn)
{
	struct ct_candidates *c;
	unsigned int cpu;

	cn->candidates = alloc_percpu(struct ct_candidates);
	if (!cn->candidates)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(cn->candidates, cpu);
		INIT_LIST_HEAD(&c->list);
		c->left = 0;
	}
	return 0;
}

void ct_candidates_exit(struct ct_net *cn)
{
	free_percpu(cn->candidates);
	cn->candidates = NULL;
}

static u16 now(void)
{
	/* Of all 64 bits: what is left of 32 would jump when they turn over. */
	return jiffies / CT_BORN_UNIT;
}

void ct_candidates_aged(struct ct_entry *e)
{
	if (e->candidate && (u16)(now() - e->born) > CT_BORN_OLDEST)
		WRITE_ONCE(e->born, now() - CT_BORN_OLDEST);
}

void ct_candidates_add(struct ct_entry *e)
{
	struct ct_candidates *c = per_cpu_ptr(e->cn->candidates, e->wheel_cpu);

	WRITE_ONCE(e->born, now());
	e->candidate = 1;
	list_add_tail(&e->seen.unreplied, &c->list);
}

void ct_candidates_del(struct ct_entry *e)
{
	if (!e->candidate)
		return;
	e->candidate = 0;
	list_del(&e->seen.unreplied);
}

/*
 * The age of the oldest in a list, -1 if that is empty. Nothing is locked: the
 * entry may be freed and used again, and the answer be wrong; its memory stays
 * memory of entries on the RCU read side.
 */
static int oldest_age(const struct ct_candidates *c)
{
	const struct list_head *head = READ_ONCE(c->list.next);
	const struct ct_entry *e;

	if (head == &c->list)
		return -1;
	e = list_entry(head, struct ct_entry, seen.unreplied);
	return (u16)(now() - READ_ONCE(e->born));
}

/* The list to evict from. Return: its CPU, or nr_cpu_ids if all are empty */
static unsigned int candidates_pick(struct ct_net *cn, unsigned int own)
{
	unsigned int cpu, best = nr_cpu_ids;
	int age, own_age, best_age = -1;

	rcu_read_lock();
	own_age = oldest_age(per_cpu_ptr(cn->candidates, own));
	for_each_possible_cpu(cpu) {
		age = oldest_age(per_cpu_ptr(cn->candidates, cpu));
		if (age > best_age) {
			best_age = age;
			best = cpu;
		}
	}
	rcu_read_unlock();
	if (own_age >= 0 && best_age - own_age <= AS_OLD)
		return own;
	return best;
}

/* The head of a CPU's list; with @like, if it is about as old as that. */
static struct ct_entry *take_from(struct ct_net *cn, unsigned int cpu,
				  const u16 *like)
{
	struct ct_candidates *c = per_cpu_ptr(cn->candidates, cpu);
	struct ct_wheel *w = per_cpu_ptr(ct_wheels, cpu);
	struct ct_entry *e = NULL;

	spin_lock_bh(&w->lock);
	if (!list_empty(&c->list)) {
		e = list_first_entry(&c->list, struct ct_entry,
				     seen.unreplied);
		if (like && (s16)(e->born - *like) > AS_OLD) {
			e = NULL;
		} else {
			ct_candidates_del(e);
			/* In the list it has the table's reference. */
			ct_entry_get(e);
		}
	}
	spin_unlock_bh(&w->lock);
	return e;
}

struct ct_entry *ct_candidates_take(struct ct_net *cn, unsigned int cpu)
{
	struct ct_candidates *own = per_cpu_ptr(cn->candidates, cpu);
	unsigned int left = READ_ONCE(own->left), tries, from;
	struct ct_entry *e;

	/* Whoever is preempted here and comes back elsewhere does no harm. */
	if (left) {
		u16 like = READ_ONCE(own->like);

		WRITE_ONCE(own->left, left - 1);
		e = take_from(cn, READ_ONCE(own->from), &like);
		if (e)
			return e;
	}
	for (tries = 0; tries < TRIES; tries++) {
		from = candidates_pick(cn, cpu);
		if (from >= nr_cpu_ids)
			return NULL;
		/* Or somebody else has just taken the last one there. */
		e = take_from(cn, from, NULL);
		if (e) {
			WRITE_ONCE(own->from, from);
			WRITE_ONCE(own->like, READ_ONCE(e->born));
			WRITE_ONCE(own->left, LOOK_EVERY - 1);
			return e;
		}
	}
	return NULL;
}

void ct_expire_replied(struct ct_entry *e)
{
	struct ct_wheel *w = ct_wheel_of(e);

	spin_lock_bh(&w->lock);
	ct_candidates_del(e);
	spin_unlock_bh(&w->lock);
}

bool ct_evict(struct ct_net *cn)
{
	unsigned int tries = TRIES;
	struct ct_entry *e;
	bool killed;

	while (tries--) {
		e = ct_candidates_take(cn, raw_smp_processor_id());
		if (!e)
			return false;
		/* Replied to a moment ago, and out of the list for it. */
		killed = !(ct_entry_hot(e) & (IPS_SEEN_REPLY | IPS_ASSURED)) &&
			 ct_entry_kill(e, 0, 0);
		if (killed)
			trace_evict(e, BIT(IPCT_DESTROY));
		ct_entry_put(e);
		if (killed) {
			ct_stat_inc(cn, base.early_drop);
			ct_stat_inc(cn, evicted);
			return true;
		}
	}
	return false;
}

static bool is_local(struct net *net, const union nf_inet_addr *addr, u8 l3)
{
	if (l3 == NFPROTO_IPV4)
		return inet_addr_type(net, addr->ip) == RTN_LOCAL;
#if IS_ENABLED(CONFIG_IPV6)
	/* With ipv6.disable=1 there is nothing to look in. */
	return ipv6_mod_enabled() && ipv6_chk_addr(net, &addr->in6, NULL, 0);
#else
	return false;
#endif
}

/* To or from the host itself: one must be able to log in, and it to ask. */
static bool is_own(const struct ct_net *cn,
		   const struct nf_conntrack_tuple *orig)
{
	u8 l3 = orig->src.l3num;

	return is_local(cn->net, &orig->dst.u3, l3) ||
	       is_local(cn->net, &orig->src.u3, l3);
}

void ct_drops_note(struct ct_drops *d, const union nf_inet_addr *src, u8 l3)
{
	struct ct_drops_source *s, *free = NULL;

	d->count++;
	for (s = d->top; s < d->top + CT_DROPS_TOP; s++) {
		if (!s->hits) {
			free = s;
		} else if (s->l3 == l3 && nf_inet_addr_cmp(&s->addr, src)) {
			s->hits++;
			return;
		}
	}
	if (free) {
		free->addr = *src;
		free->l3 = l3;
		free->hits = 1;
		return;
	}
	for (s = d->top; s < d->top + CT_DROPS_TOP; s++)
		s->hits--;
}

/* Who is in @d->top, as text: a comma before each. */
static void print_top(const struct ct_drops *d, char *text, size_t size)
{
	const struct ct_drops_source *s;
	int len = 0;

	text[0] = '\0';
	for (s = d->top; s < d->top + CT_DROPS_TOP; s++) {
		/* Bystanders in a flood of random addresses have one each. */
		if (s->hits <= d->count / 20)
			continue;
		if (s->l3 == NFPROTO_IPV4)
			len += scnprintf(text + len, size - len, ", %pI4",
					 &s->addr.ip);
		else
			len += scnprintf(text + len, size - len, ", %pI6c",
					 &s->addr.in6);
	}
}

static void log_drops(const struct ct_net *cn, const struct ct_drops *d)
{
	char top[CT_DROPS_TOP * 48];

	print_top(d, top, sizeof(top));
	/* The first words are those that people look for in their logs. */
	pr_warn_ratelimited("table full, dropping packet: limit of %u reached in namespace %u, none to evict, %llu dropped%s%s\n",
			    READ_ONCE(cn->max), cn->inum, d->count,
			    top[0] ? ", most from" : "", top + !!top[0]);
}

/* Of a flood on many CPUs a part is enough to know who it is. */
static void refused(struct ct_net *cn, const struct nf_conntrack_tuple *orig)
{
	struct ct_drops *d = &cn->drops, told = {};

	if (test_and_set_bit_lock(0, &d->busy))
		return;
	if (!d->count)
		d->since = d->since ?: jiffies - LOG_INTERVAL;
	ct_drops_note(d, &orig->src.u3, orig->src.l3num);
	if (time_after_eq(jiffies, d->since + LOG_INTERVAL)) {
		told.count = d->count;
		memcpy(told.top, d->top, sizeof(told.top));
		memset(d->top, 0, sizeof(d->top));
		d->count = 0;
		d->since = jiffies;
	}
	clear_bit_unlock(0, &d->busy);
	if (told.count)
		log_drops(cn, &told);
}

/*
 * Eviction comes first: only when there is nobody to evict does it matter
 * whose traffic it is, and is it worth two lookups of routes.
 */
static noinline bool make_room(struct ct_net *cn,
			       const struct nf_conntrack_tuple *orig,
			       unsigned int count, unsigned int max)
{
	if (ct_evict(cn) || (count <= max && is_own(cn, orig)))
		return true;
	ct_net_drop(cn);
	refused(cn, orig);
	return false;
}

bool ct_room_take(struct ct_net *cn, const struct nf_conntrack_tuple *orig)
{
	unsigned int max = READ_ONCE(cn->max);
	unsigned int count = ct_net_hold(cn);

	if (likely(!max || count <= max - (max >> KEPT_SHIFT)))
		return true;
	return make_room(cn, orig, count, max);
}

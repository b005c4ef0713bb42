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
#include "wheel.h"

/* One in 32 of the limit is for the host's own traffic. */
#define KEPT_SHIFT	5

/* At most one line in this time tells of what was dropped. */
#define LOG_INTERVAL	(10 * HZ)

/*
 * A list at least this long holds some that are old enough. The few in a
 * shorter one may have been opened just now, and deserve their reply: there
 * the longest list is sought.
 */
#define LOCAL_MIN	64

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
		c->count = 0;
	}
	return 0;
}

void ct_candidates_exit(struct ct_net *cn)
{
	free_percpu(cn->candidates);
	cn->candidates = NULL;
}

void ct_candidates_add(struct ct_entry *e)
{
	struct ct_candidates *c = per_cpu_ptr(e->cn->candidates, e->wheel_cpu);

	list_add_tail(&e->unreplied, &c->list);
	WRITE_ONCE(c->count, c->count + 1);
}

void ct_candidates_del(struct ct_entry *e)
{
	struct ct_candidates *c;

	if (list_empty(&e->unreplied))
		return;
	c = per_cpu_ptr(e->cn->candidates, e->wheel_cpu);
	list_del_init(&e->unreplied);
	WRITE_ONCE(c->count, c->count - 1);
}

/* The list to evict from. Return: its CPU, or nr_cpu_ids if all are empty */
static unsigned int candidates_pick(struct ct_net *cn, unsigned int local)
{
	unsigned int cpu, count, most, best = nr_cpu_ids;

	most = READ_ONCE(per_cpu_ptr(cn->candidates, local)->count);
	if (most >= LOCAL_MIN)
		return local;
	if (most)
		best = local;
	for_each_possible_cpu(cpu) {
		count = READ_ONCE(per_cpu_ptr(cn->candidates, cpu)->count);
		if (count > most) {
			most = count;
			best = cpu;
		}
	}
	return best;
}

struct ct_entry *ct_candidates_take(struct ct_net *cn, unsigned int cpu)
{
	struct ct_entry *e = NULL;
	struct ct_candidates *c;
	struct ct_wheel *w;

	cpu = candidates_pick(cn, cpu);
	if (cpu >= nr_cpu_ids)
		return NULL;

	c = per_cpu_ptr(cn->candidates, cpu);
	w = per_cpu_ptr(ct_wheels, cpu);
	spin_lock_bh(&w->lock);
	if (!list_empty(&c->list)) {
		e = list_first_entry(&c->list, struct ct_entry, unreplied);
		ct_candidates_del(e);
		/* In the list it has the table's reference. */
		ct_entry_get(e);
	}
	spin_unlock_bh(&w->lock);
	return e;
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
	return ipv6_chk_addr(net, &addr->in6, NULL, 0);
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
		if (!s->hits)
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
	pr_warn_ratelimited("limit of %u connections reached in namespace %u, none to evict: %llu packets dropped%s%s\n",
			    READ_ONCE(cn->max), cn->net->ns.inum, d->count,
			    top[0] ? ", most from" : "", top + !!top[0]);
}

/* Of a flood on many CPUs a part is enough to know who it is. */
static void refused(struct ct_net *cn, const struct nf_conntrack_tuple *orig)
{
	struct ct_drops *d = &cn->drops, told = {};

	local_bh_disable();
	if (spin_trylock(&d->lock)) {
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
		spin_unlock(&d->lock);
	}
	local_bh_enable();
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
	atomic_dec(&cn->count);
	refused(cn, orig);
	return false;
}

bool ct_room_take(struct ct_net *cn, const struct nf_conntrack_tuple *orig)
{
	unsigned int max = READ_ONCE(cn->max);
	unsigned int count = atomic_inc_return(&cn->count);

	if (likely(!max || count <= max - (max >> KEPT_SHIFT)))
		return true;
	return make_room(cn, orig, count, max);
}

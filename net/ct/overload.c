// SPDX-License-Identifier: GPL-2.0
/*
 * Whom to evict at the limit: the oldest connection that saw no reply
 * (ARCHITECTURE §9). What is established is never touched.
 *
 * Each namespace has a list a CPU: a flood in one container finds nothing of
 * another's to evict, and a CPU's new connections contend for no lock but
 * that of its wheel, which they take anyway.
 */
#include <net/ct/expire.h>
#include <net/ct/net.h>
#include "wheel.h"

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

// SPDX-License-Identifier: GPL-2.0
/*
 * What is refused at the limit is counted, and logged with the sources that sent
 * most of it: at most a line in ten seconds for each namespace, and within what
 * all of them may log (log.h). What is not told now is in the number that is told
 * next.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include "overload.h"

/* At most one line of a namespace in this time. */
#define INTERVAL	(10 * HZ)

static u64 refused_ever(const struct ct_net *cn)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(cn->candidates, cpu)->refused);
	return sum;
}

u64 ct_drops_untold(const struct ct_net *cn)
{
	return refused_ever(cn) - cn->drops.told;
}

void ct_drops_note(struct ct_drops *d, const union nf_inet_addr *src, u8 l3)
{
	struct ct_drops_source *s, *free = NULL;

	d->noted++;
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
		if (s->hits <= d->noted / 20)
			continue;
		if (s->l3 == NFPROTO_IPV4)
			len += scnprintf(text + len, size - len, ", %pI4",
					 &s->addr.ip);
		else
			len += scnprintf(text + len, size - len, ", %pI6c",
					 &s->addr.in6);
	}
}

/* @busy is ours. What is not told now is told with the next line. */
static void tell(struct ct_net *cn)
{
	char top[CT_DROPS_TOP * 48];
	struct ct_drops *d = &cn->drops;
	struct ct_log_tail tail;
	u64 untold;

	d->next = jiffies + INTERVAL;
	if (!ct_log_may(cn, CT_LOG_FULL, &tail))
		return;
	untold = ct_drops_untold(cn);
	print_top(d, top, sizeof(top));
	/* The first words are those that people look for in their logs. */
	pr_warn("table full, dropping packet: limit of %u reached in namespace %u, none to evict, %llu dropped%s%s%s\n",
		READ_ONCE(cn->max), cn->inum, untold,
		top[0] ? ", most from" : "", top + !!top[0], tail.text);
	d->told += untold;
	d->noted = 0;
	memset(d->top, 0, sizeof(d->top));
}

/* Of a flood on many CPUs a part is enough to know who it is. */
void ct_refused(struct ct_net *cn, const struct nf_conntrack_tuple *orig)
{
	struct ct_drops *d = &cn->drops;

	this_cpu_inc(cn->candidates->refused);
	if (test_and_set_bit_lock(0, &d->busy))
		return;
	if (!d->next)
		d->next = jiffies;
	ct_drops_note(d, &orig->src.u3, orig->src.l3num);
	if (time_after_eq(jiffies, d->next))
		tell(cn);
	clear_bit_unlock(0, &d->busy);
}

void ct_refused_exit(struct ct_net *cn)
{
	u64 untold = ct_drops_untold(cn);
	struct ct_log_tail tail;

	if (untold && ct_log_may(cn, CT_LOG_FULL, &tail))
		pr_warn("table full: %llu more dropped in namespace %u, which is gone%s\n",
			untold, cn->inum, tail.text);
}

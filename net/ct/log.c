// SPDX-License-Identifier: GPL-2.0
/* Lines in the log that strangers can cause: bounded, counted (log.h). */
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include <net/net_namespace.h>

/* As the kernel's own ratelimits: so many lines in this time. */
#define LINES		10
#define INTERVAL	(5 * HZ)

/* A crowd may print this many times as much as one of it. */
#define CROWD		3

#define BUDGET { .lock = __SPIN_LOCK_UNLOCKED(crowd_lock) }
#define BUDGETS { .budget = { [0 ... __CT_LOG_MAX - 1] = BUDGET } }

/* Those an administrator made, and those of user namespaces. */
static struct ct_log_crowd made = BUDGETS, users = BUDGETS;

/* In a flood nothing is written: the first test fails. */
static bool take(struct ct_log_budget *b, unsigned int lines)
{
	bool may;

	if (!READ_ONCE(b->left) && time_before(jiffies, READ_ONCE(b->until)))
		return false;
	spin_lock_bh(&b->lock);
	if (time_after_eq(jiffies, b->until)) {
		WRITE_ONCE(b->left, lines);
		WRITE_ONCE(b->until, jiffies + INTERVAL);
	}
	may = b->left;
	if (may)
		WRITE_ONCE(b->left, b->left - 1);
	spin_unlock_bh(&b->lock);
	return may;
}

static void tell(struct ct_log_tail *tail, u64 own, u64 gone)
{
	char *text = tail->text;
	size_t size = sizeof(tail->text);

	if (own && gone)
		scnprintf(text, size, " (%llu more not logged, %llu of namespaces that are gone)",
			  own, gone);
	else if (own)
		scnprintf(text, size, " (%llu more not logged)", own);
	else if (gone)
		scnprintf(text, size, " (%llu not logged of namespaces that are gone)",
			  gone);
	else
		text[0] = '\0';
}

bool ct_log_spend(struct ct_log_budget *b, struct ct_log_tail *tail)
{
	if (!take(b, LINES)) {
		atomic64_inc(&b->missed);
		return false;
	}
	tell(tail, atomic64_xchg(&b->missed, 0), 0);
	return true;
}

bool ct_log_may(struct ct_net *cn, enum ct_log_kind kind,
		struct ct_log_tail *tail)
{
	struct ct_log_budget *b = &cn->log.budget[kind];
	struct ct_log_crowd *crowd = cn->log.crowd;

	/* Its own first: in a flood of its own it does not get any further. */
	if (!take(b, LINES) ||
	    (crowd && !take(&crowd->budget[kind], CROWD * LINES))) {
		if (tail)
			atomic64_inc(&b->missed);
		return false;
	}
	if (tail)
		tell(tail, atomic64_xchg(&b->missed, 0),
		     crowd ? atomic64_xchg(&crowd->gone[kind], 0) : 0);
	return true;
}
EXPORT_SYMBOL_GPL(ct_log_may);

void __ct_log_refuse(struct ct_net *cn, const char *fmt, ...)
{
	struct ct_log_tail tail;
	struct va_format what;
	va_list args;

	if (!ct_log_may(cn, CT_LOG_REFUSED, &tail))
		return;
	va_start(args, fmt);
	what.fmt = fmt;
	what.va = &args;
	pr_info("%pV, asked for in namespace %u%s\n", &what, cn->inum,
		tail.text);
	va_end(args);
}
EXPORT_SYMBOL_GPL(__ct_log_refuse);

void ct_log_init(struct ct_net *cn)
{
	enum ct_log_kind kind;

	for (kind = 0; kind < __CT_LOG_MAX; kind++)
		spin_lock_init(&cn->log.budget[kind].lock);
	if (!net_eq(cn->net, &init_net))
		cn->log.crowd = cn->net->user_ns == &init_user_ns ?
				&made : &users;
}

void ct_log_exit(struct ct_net *cn)
{
	enum ct_log_kind kind;

	for (kind = 0; kind < __CT_LOG_MAX; kind++)
		if (cn->log.crowd)
			atomic64_add(atomic64_read(&cn->log.budget[kind].missed),
				     &cn->log.crowd->gone[kind]);
}

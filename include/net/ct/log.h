/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_LOG_H
#define _NET_CT_LOG_H

/*
 * Lines in the kernel's log that strangers can cause, at a bounded rate. What
 * was not printed is counted, and the next line of its kind tells how many.
 *
 * Who may silence whom: the first namespace has a budget of its own, and nobody
 * else spends it. Every other one has one, too, and all of them together have
 * what three of them have; those of user namespaces, which anybody makes, apart
 * from those that an administrator made. Kinds do not silence each other.
 */

#include <linux/atomic.h>
#include <linux/spinlock.h>

struct ct_net;

/**
 * enum ct_log_kind - what has a budget of its own
 * @CT_LOG_INVALID: invalid packets
 * @CT_LOG_FULL: packets dropped at the limit
 * @CT_LOG_REFUSED: what rules asked for in vain
 * @CT_LOG_SYSCTL: settings without effect
 * @CT_LOG_NAT: connections that could not be translated
 * @CT_LOG_EXPECT: connections that could not be expected
 */
enum ct_log_kind {
	CT_LOG_INVALID,
	CT_LOG_FULL,
	CT_LOG_REFUSED,
	CT_LOG_SYSCTL,
	CT_LOG_NAT,
	CT_LOG_EXPECT,
	__CT_LOG_MAX,
};

/**
 * struct ct_log_budget - lines that may still be printed
 * @lock: of @left and @until
 * @left: so many before @until
 * @until: jiffies, when there are as many as ever again
 * @missed: lines that were not printed since the last one that was
 */
struct ct_log_budget {
	spinlock_t lock;	/* of what says when and how many */
	unsigned int left;
	unsigned long until;
	atomic64_t missed;
};

#define CT_LOG_BUDGET(name)						\
	struct ct_log_budget name = {					\
		.lock = __SPIN_LOCK_UNLOCKED(name.lock),		\
	}

/**
 * struct ct_log_crowd - namespaces that share a bound
 * @budget: by kind, what all of them may print
 * @gone: by kind, lines that were not printed, of those that are gone
 */
struct ct_log_crowd {
	struct ct_log_budget budget[__CT_LOG_MAX];
	atomic64_t gone[__CT_LOG_MAX];
};

/**
 * struct ct_log - the budgets of a namespace
 * @budget: by kind
 * @crowd: whom it shares a bound with; NULL in the first namespace
 */
struct ct_log {
	struct ct_log_budget budget[__CT_LOG_MAX];
	struct ct_log_crowd *crowd;
};

/**
 * struct ct_log_tail - the end of a line
 * @text: how many of its kind were not printed, in parentheses behind a space;
 *	empty, if there were none
 */
struct ct_log_tail {
	char text[96];
};

/**
 * ct_log_may() - may a line be printed now?
 * @cn: the namespace that caused it, alive
 * @kind: what it is about
 * @tail: what has to follow in it, for "%s"; NULL if the caller counts himself
 *	what is not printed
 *
 * When it may not be printed, it is counted, but for @tail being NULL.
 * Context: softirq or process; takes spinlocks of its own
 * Return: true if it may, and then it has to be
 */
bool ct_log_may(struct ct_net *cn, enum ct_log_kind kind,
		struct ct_log_tail *tail);

/**
 * ct_log_spend() - the same, for what is no namespace's
 * @budget: a CT_LOG_BUDGET() of the caller
 * @tail: as with ct_log_may(), never NULL
 * Context: as ct_log_may()
 * Return: as ct_log_may()
 */
bool ct_log_spend(struct ct_log_budget *budget, struct ct_log_tail *tail);

/* Use ct_log_refuse(). */
__printf(2, 3)
void __ct_log_refuse(struct ct_net *cn, const char *fmt, ...);

/**
 * ct_log_refuse() - tell why a rule is refused, if that may be printed now
 * @cn: the namespace that asked for it, alive
 * @fmt: what was wrong: no more than the middle of a line
 * Context: as ct_log_may()
 */
#define ct_log_refuse(cn, fmt, ...)					\
	__ct_log_refuse(cn, KBUILD_MODNAME ": " fmt, ##__VA_ARGS__)

/**
 * ct_log_init() - give a namespace its budgets
 * @cn: whose @net is set, and nobody logs for it yet
 */
void ct_log_init(struct ct_net *cn);

/**
 * ct_log_exit() - hand over what a namespace did not tell
 * @cn: nobody logs for it any more
 *
 * The next line of another one it shared a bound with tells it.
 */
void ct_log_exit(struct ct_net *cn);

#endif /* _NET_CT_LOG_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_WHEEL_H
#define _CT_WHEEL_H

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>

struct ct_net;

/* Slots of 1 s, 64 s, 4096 s, ...: five levels reach past 2^31 jiffies. */
#define CT_WHEEL_BITS	6
#define CT_WHEEL_WIDTH	64U
#define CT_WHEEL_LEVELS	5
#define CT_WHEEL_SLOTS	(CT_WHEEL_LEVELS * CT_WHEEL_WIDTH)

/* A slot of level 0, in jiffies. */
#define CT_WHEEL_TICK	HZ

/**
 * struct ct_wheel - a hierarchical timing wheel
 * @lock: everything here, the links of the entries in it, and this CPU's
 *	lists of eviction candidates
 * @tick: seconds it has been turned by, a number that runs freely
 * @base: jiffies (low 32 bits) that @tick stands for
 * @unfinished: slots of @tick are not empty yet
 * @slow: to kill some took longer than all may take: one at a time is taken out
 * @count: entries in it
 * @slot: the slots of all levels
 * @late: namespaces (struct ct_candidates) that have entries here whose time is
 *	up, and who take turns
 * @timer: turns it while @count is not 0
 */
struct ct_wheel {
	spinlock_t lock; /* see above */
	u32 tick;
	u32 base;
	bool unfinished;
	bool slow;
	unsigned int count;
	struct hlist_head slot[CT_WHEEL_SLOTS];
	struct list_head late;
	struct timer_list timer;
};

/* wheel_slot of what was found to be due, in its namespace's list. */
#define CT_WHEEL_LATE	CT_WHEEL_SLOTS

extern struct ct_wheel __percpu *ct_wheels;

/**
 * ct_wheel_of() - the wheel that an entry is in, or comes into
 * @e: the entry; its wheel never changes once it can be found in the table
 */
static inline struct ct_wheel *ct_wheel_of(const struct ct_entry *e)
{
	return per_cpu_ptr(ct_wheels, e->wheel_cpu);
}

/**
 * ct_wheel_init() - make an empty wheel; its timer is the caller's
 * @w: the wheel
 * @now: jiffies
 */
void ct_wheel_init(struct ct_wheel *w, u32 now);

/**
 * ct_wheel_link() - put an entry where its time says
 * @w: the wheel, locked
 * @e: in no wheel
 * @now: jiffies
 */
void ct_wheel_link(struct ct_wheel *w, struct ct_entry *e, u32 now);

/**
 * ct_wheel_unlink() - take an entry out
 * @w: the wheel, locked
 * @e: may be in none
 */
void ct_wheel_unlink(struct ct_wheel *w, struct ct_entry *e);

/**
 * ct_wheel_move() - link an entry anew if its slot comes later than its time
 * @w: the wheel, locked
 * @e: may be in none, and stays so
 * @now: jiffies
 */
void ct_wheel_move(struct ct_wheel *w, struct ct_entry *e, u32 now);

/**
 * ct_wheel_advance() - turn the wheel up to the present, or a part of the way
 * @w: the wheel, locked
 * @now: jiffies
 * @due: where to put expired entries: unlinked, a reference taken
 * @room: size of @due
 * @budget: steps (entries looked at, seconds passed) that it may take; less
 *	those that it took
 *
 * It is up to date when it returns with less than @room found and some budget
 * left. Else call it again; nothing is lost in between.
 * Return: number of entries in @due
 */
unsigned int ct_wheel_advance(struct ct_wheel *w, u32 now,
			      struct ct_entry **due, unsigned int room,
			      unsigned int *budget);

/**
 * ct_wheel_due() - a step of expiry: find who is due, let some of them go
 * @w: the wheel, locked
 * @now: jiffies
 * @due: where to put expired entries: unlinked, a reference taken
 * @room: size of @due
 * @found: how many are there
 *
 * Who is due waits in a list of its namespace, and these take turns: so one with
 * a hundred thousand of them delays another's by the time that it takes to sort
 * them, not by what it takes to kill them. A step looks at no more than
 * %CT_WHEEL_SORT entries and seconds.
 * Return: true if there is more to be done now
 */
bool ct_wheel_due(struct ct_wheel *w, u32 now, struct ct_entry **due,
		  unsigned int room, unsigned int *found);

/* See ct_wheel_due(). */
#define CT_WHEEL_SORT	64U

#endif /* _CT_WHEEL_H */

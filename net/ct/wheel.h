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
 * @count: entries in it
 * @slot: the slots of all levels
 * @timer: turns it while @count is not 0
 */
struct ct_wheel {
	spinlock_t lock; /* see above */
	u32 tick;
	u32 base;
	bool unfinished;
	unsigned int count;
	struct hlist_head slot[CT_WHEEL_SLOTS];
	struct timer_list timer;
};

/**
 * struct ct_candidates - entries of a namespace that may be evicted, put
 *	there on one CPU
 * @list: oldest first, under the lock of that CPU's wheel
 * @from: from whose list this CPU evicts, for as long as @left says
 * @left: how many more it takes from there before it looks around again
 * @like: @born of the first that it took there
 */
struct ct_candidates {
	struct list_head list;
	unsigned int from;
	unsigned int left;
	u16 like;
};

/**
 * ct_drops_note() - a packet was dropped at the limit
 * @d: of its namespace; the caller has set @busy
 * @src: its source, as in a tuple
 * @l3: NFPROTO_IPV4 or NFPROTO_IPV6
 */
void ct_drops_note(struct ct_drops *d, const union nf_inet_addr *src, u8 l3);

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
 * ct_candidates_add() - an entry becomes the youngest candidate
 * @e: in no list; its wheel is locked
 */
void ct_candidates_add(struct ct_entry *e);

/**
 * ct_candidates_aged() - keep the age of a candidate from coming round
 * @e: its wheel, locked, has come to it
 */
void ct_candidates_aged(struct ct_entry *e);

/**
 * ct_candidates_del() - an entry is no candidate any more
 * @e: may be in no list; its wheel is locked
 */
void ct_candidates_del(struct ct_entry *e);

/**
 * ct_candidates_take() - choose whom to evict
 * @cn: the namespace
 * @cpu: whose list to prefer
 *
 * Context: softirq or process, no wheel locked.
 * Return: an entry, in no list any more, with a reference taken; or NULL
 */
struct ct_entry *ct_candidates_take(struct ct_net *cn, unsigned int cpu);

#endif /* _CT_WHEEL_H */

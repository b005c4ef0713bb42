// SPDX-License-Identifier: GPL-2.0
/*
 * Timeouts: a hierarchical timing wheel for each CPU (ARCHITECTURE §7).
 *
 * An entry links into the wheel of the CPU that confirmed it and stays there.
 * Who moves its timeout later only writes e->expires; the wheel finds out when
 * it comes to the slot, and links the entry where it belongs by then. So each
 * slot's time is at or before those of its entries, rounded up to a tick.
 *
 * The functions named ct_wheel_*() take the time as an argument and know no
 * clock; below them is what drives the wheels.
 */
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/sched/clock.h>
#include <net/ct/expire.h>
#include <net/ct/net.h>
#include "overload.h"
#include "wheel.h"

/* Expired entries that are killed between two steps. */
#define BATCH	4

/*
 * The timer stops when it has taken so long, in nanoseconds, and goes on in the
 * next jiffy: with what a step takes, that is less than 100 microseconds.
 */
#define TURN	75000

/*
 * A refresh by less than this is not worth a write. Whole seconds is what
 * users see, and the packet that did not refresh is about as old as that.
 */
#define SLACK	(HZ / 8)

struct ct_wheel __percpu *ct_wheels;

static unsigned int level_shift(unsigned int level)
{
	return level * CT_WHEEL_BITS;
}

/*
 * The first tick, after the current one, by which a time has come.
 * Not in 32 bits: far from an old base, a time would look past.
 */
static u32 ticks_until(const struct ct_wheel *w, u32 expires, u32 now)
{
	s64 delta = (s64)(s32)(now - w->base) + (s32)(expires - now);

	if (delta <= CT_WHEEL_TICK)
		return 1;
	return div_u64(delta + CT_WHEEL_TICK - 1, CT_WHEEL_TICK);
}

/* Ticks from the current one until a slot's turn comes. */
static u32 slot_distance(const struct ct_wheel *w, unsigned int slot)
{
	unsigned int shift = level_shift(slot / CT_WHEEL_WIDTH);
	u32 cur = w->tick >> shift;
	u32 turns = ((slot - cur - 1) % CT_WHEEL_WIDTH) + 1;

	return ((cur + turns) << shift) - w->tick;
}

void ct_wheel_init(struct ct_wheel *w, u32 now)
{
	unsigned int i;

	spin_lock_init(&w->lock);
	w->tick = 0;
	w->base = now;
	w->unfinished = false;
	w->count = 0;
	INIT_LIST_HEAD(&w->late);
	for (i = 0; i < CT_WHEEL_SLOTS; i++)
		INIT_HLIST_HEAD(&w->slot[i]);
}

void ct_wheel_link(struct ct_wheel *w, struct ct_entry *e, u32 now)
{
	unsigned int level = 0, slot;
	u32 delta;

	/* An empty wheel stands still; it need not catch up turn by turn. */
	if (!w->count++) {
		w->base = now;
		w->unfinished = false;
	}

	delta = ticks_until(w, READ_ONCE(e->expires), now);
	if (ct_entry_hot(e) & CT_HOT_REVISIT)
		delta = min(delta, (now - w->base) / CT_WHEEL_TICK +
				   CT_REVISIT);
	while (level < CT_WHEEL_LEVELS - 1 &&
	       delta >> level_shift(level + 1))
		level++;
	/*
	 * Never the slot that is being emptied: on level n that happens at
	 * multiples of 64^n ticks, when less than 64^(n+1) ahead is less than
	 * once around.
	 */
	slot = ((w->tick + delta) >> level_shift(level)) % CT_WHEEL_WIDTH;
	e->wheel_slot = level * CT_WHEEL_WIDTH + slot;
	hlist_add_head(&e->wheel_node, &w->slot[e->wheel_slot]);
}

static struct ct_candidates *late_of(const struct ct_entry *e)
{
	return per_cpu_ptr(e->cn->candidates, e->wheel_cpu);
}

void ct_wheel_unlink(struct ct_wheel *w, struct ct_entry *e)
{
	if (e->wheel_slot == CT_WHEEL_NONE)
		return;
	hlist_del_init(&e->wheel_node);
	if (e->wheel_slot == CT_WHEEL_LATE && hlist_empty(&late_of(e)->late))
		list_del_init(&late_of(e)->late_node);
	e->wheel_slot = CT_WHEEL_NONE;
	w->count--;
}

void ct_wheel_move(struct ct_wheel *w, struct ct_entry *e, u32 now)
{
	/* In no slot; who is late is looked at soon. */
	if (e->wheel_slot >= CT_WHEEL_SLOTS ||
	    slot_distance(w, e->wheel_slot) <=
	    ticks_until(w, READ_ONCE(e->expires), now))
		return;
	ct_wheel_unlink(w, e);
	ct_wheel_link(w, e, now);
}

/* Empty a slot whose turn has come. Return: false if it has to go on later */
static bool slot_drain(struct ct_wheel *w, unsigned int slot, u32 now,
		       struct ct_entry **due, unsigned int *found,
		       unsigned int room, unsigned int *budget)
{
	struct hlist_head *head = &w->slot[slot];
	struct ct_entry *e;

	while (!hlist_empty(head)) {
		if (*found == room || !*budget)
			return false;
		--*budget;
		e = hlist_entry(head->first, struct ct_entry, wheel_node);
		hlist_del_init(&e->wheel_node);
		if ((s32)(READ_ONCE(e->expires) - now) > 0) {
			ct_candidates_aged(e);
			/* Keeps the wheel from looking empty in between. */
			ct_wheel_link(w, e, now);
			w->count--;
			continue;
		}
		e->wheel_slot = CT_WHEEL_NONE;
		w->count--;
		/* Fails never: what is linked has the table's reference. */
		if (!WARN_ON_ONCE(!ct_entry_tryget(e)))
			due[(*found)++] = e;
	}
	return true;
}

unsigned int ct_wheel_advance(struct ct_wheel *w, u32 now,
			      struct ct_entry **due, unsigned int room,
			      unsigned int *budget)
{
	unsigned int found = 0, level, slot;

	while (w->count) {
		if (!w->unfinished) {
			if ((s32)(now - w->base) < CT_WHEEL_TICK || !*budget)
				break;
			--*budget;
			w->base += CT_WHEEL_TICK;
			w->tick++;
			w->unfinished = true;
		}
		for (level = 0; level < CT_WHEEL_LEVELS; level++) {
			if (w->tick & ((1U << level_shift(level)) - 1))
				break;
			slot = (w->tick >> level_shift(level)) % CT_WHEEL_WIDTH;
			if (!slot_drain(w, level * CT_WHEEL_WIDTH + slot, now,
					due, &found, room, budget))
				return found;
		}
		w->unfinished = false;
	}
	return found;
}

/* Its time is up: it waits for its namespace's turn. */
static void late_add(struct ct_wheel *w, struct ct_entry *e)
{
	struct ct_candidates *c = late_of(e);

	if (hlist_empty(&c->late))
		list_add_tail(&c->late_node, &w->late);
	hlist_add_head(&e->wheel_node, &c->late);
	e->wheel_slot = CT_WHEEL_LATE;
	w->count++;
	/* Linked, it has the table's reference. */
	refcount_dec(&e->ct_general.use);
}

/* One of the namespace whose turn it is. */
static struct ct_entry *late_take(struct ct_wheel *w)
{
	struct ct_candidates *c;
	struct ct_entry *e;

	c = list_first_entry(&w->late, struct ct_candidates, late_node);
	list_move_tail(&c->late_node, &w->late);
	e = hlist_entry(c->late.first, struct ct_entry, wheel_node);
	ct_entry_get(e);
	ct_wheel_unlink(w, e);
	return e;
}

bool ct_wheel_due(struct ct_wheel *w, u32 now, struct ct_entry **due,
		  unsigned int room, unsigned int *found)
{
	struct ct_entry *sorted[CT_WHEEL_SORT];
	unsigned int n, i, budget = CT_WHEEL_SORT;

	n = ct_wheel_advance(w, now, sorted, CT_WHEEL_SORT, &budget);
	for (i = 0; i < n; i++)
		late_add(w, sorted[i]);
	for (*found = 0; *found < room && !list_empty(&w->late); ++*found)
		due[*found] = late_take(w);
	return !budget || !list_empty(&w->late);
}

/* Let the timer come when the next tick is due, unless it comes anyway. */
static void wheel_start(struct ct_wheel *w)
	__must_hold(&w->lock)
{
	s32 left;

	if (timer_pending(&w->timer))
		return;
	left = w->base + CT_WHEEL_TICK - (u32)jiffies;
	mod_timer(&w->timer, jiffies + clamp_t(s32, left, 1, CT_WHEEL_TICK));
}

/* What the wheel took out, referenced, as expired. */
static void wheel_expire(struct ct_wheel *w, struct ct_entry *e)
{
	/* A packet may have come in just now. */
	if (ct_entry_left(e)) {
		spin_lock_bh(&w->lock);
		/*
		 * Who kills it sets this first and takes the lock after: it
		 * is seen here, or we are seen there.
		 */
		if (!test_bit(IPS_DYING_BIT, &e->status)) {
			ct_wheel_link(w, e, (u32)jiffies);
			wheel_start(w);
		}
		spin_unlock_bh(&w->lock);
	} else {
		ct_entry_kill(e, 0, 0);
	}
	ct_entry_put(e);
}

static void wheel_turn(struct timer_list *t)
{
	struct ct_wheel *w = container_of(t, struct ct_wheel, timer);
	u64 now = local_clock();
	const u64 end = now + TURN;
	struct ct_entry *due[BATCH];
	unsigned int found, i;
	bool more;
	u64 last;

	do {
		spin_lock_bh(&w->lock);
		more = ct_wheel_due(w, (u32)jiffies, due, w->slow ? 1 : BATCH,
				    &found);
		spin_unlock_bh(&w->lock);
		for (i = 0; i < found; i++)
			wheel_expire(w, due[i]);
		last = now;
		now = local_clock();
		/* Some expected others: each of those ends with it, and is told of. */
		w->slow = now - last > TURN;
	} while (more && now < end);

	spin_lock_bh(&w->lock);
	/* A backlog goes on in the next jiffy. */
	if (w->count && more)
		mod_timer(&w->timer, jiffies + 1);
	else if (w->count)
		wheel_start(w);
	spin_unlock_bh(&w->lock);
}

void ct_expire_add(struct ct_entry *e)
{
	struct ct_wheel *w = ct_wheel_of(e);
	struct ct_entry *late = NULL;

	spin_lock(&w->lock);
	/*
	 * It can be found already. Who killed it, or saw the reply, set the
	 * bit before taking this lock.
	 */
	if (!test_bit(IPS_DYING_BIT, &e->status)) {
		ct_wheel_link(w, e, (u32)jiffies);
		wheel_start(w);
		/*
		 * Not by the mirror of the status, which comes later: who finds
		 * the bit set counts on it that it is seen here. The host's own
		 * share is not for others to find.
		 */
		if (!(READ_ONCE(e->status) & (IPS_SEEN_REPLY | IPS_ASSURED)) &&
		    !(ct_entry_hot(e) & CT_HOT_KEPT))
			ct_candidates_add(e);
	}
	/* The timer has little time: with this, deaths keep up with births. */
	if (unlikely(!list_empty(&w->late)))
		late = late_take(w);
	spin_unlock(&w->lock);
	if (unlikely(late))
		wheel_expire(w, late);
}

void ct_expire_del(struct ct_entry *e)
{
	struct ct_wheel *w = ct_wheel_of(e);

	spin_lock_bh(&w->lock);
	ct_wheel_unlink(w, e);
	ct_candidates_del(e);
	spin_unlock_bh(&w->lock);
}

static void refresh_earlier(struct ct_entry *e)
{
	struct ct_wheel *w = ct_wheel_of(e);

	spin_lock_bh(&w->lock);
	ct_wheel_move(w, e, (u32)jiffies);
	spin_unlock_bh(&w->lock);
}

void ct_refresh(struct ct_entry *e, u32 timeout)
{
	u32 old = READ_ONCE(e->expires), new;
	u32 hot = ct_entry_hot(e);
	s32 diff;

	if (unlikely(hot & IPS_FIXED_TIMEOUT))
		return;
	timeout = min(timeout, CT_LONGEST);
	if (!(hot & IPS_CONFIRMED)) {
		WRITE_ONCE(e->expires, timeout);
		return;
	}

	new = (u32)jiffies + timeout;
	diff = new - old;
	if (diff >= 0 && diff < SLACK)
		return;
	WRITE_ONCE(e->expires, new);
	/* Later is found out in time. A slot is never later than @old. */
	if (likely(diff >= 0) ||
	    (hot & CT_HOT_REVISIT && timeout >= CT_REVISIT * HZ))
		return;
	refresh_earlier(e);
}

int ct_expire_init(void)
{
	struct ct_wheel *w;
	unsigned int cpu;

	BUILD_BUG_ON(CT_WHEEL_WIDTH >> CT_WHEEL_BITS != 1);
	BUILD_BUG_ON(CT_WHEEL_SLOTS >= CT_WHEEL_NONE);
	BUILD_BUG_ON(BIT_ULL(CT_WHEEL_BITS * CT_WHEEL_LEVELS) <=
		     (1ULL << 31) / CT_WHEEL_TICK + 1);

	ct_wheels = alloc_percpu(struct ct_wheel);
	if (!ct_wheels)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		w = per_cpu_ptr(ct_wheels, cpu);
		ct_wheel_init(w, (u32)jiffies);
		/*
		 * Neither pinned, for an idle CPU may leave it to another one,
		 * nor deferrable, for then it would be late.
		 */
		timer_setup(&w->timer, wheel_turn, 0);
	}
	return 0;
}

void ct_expire_exit(void)
{
	unsigned int cpu;

	if (!ct_wheels)
		return;
	for_each_possible_cpu(cpu)
		timer_shutdown_sync(&per_cpu_ptr(ct_wheels, cpu)->timer);
	free_percpu(ct_wheels);
	ct_wheels = NULL;
}

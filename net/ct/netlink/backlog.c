// SPDX-License-Identifier: GPL-2.0
/*
 * Batches that some listeners could not take yet, in the order in which they
 * were written. Each has a bit for every listener that it waits for, so it is
 * kept once for all of them, and goes when the last one has it. What a listener
 * is sent, it is sent in order.
 *
 * When there is no room for another batch, the oldest goes: those it waited for
 * are furthest behind, and they alone miss it.
 */
#include <linux/mm.h>
#include <net/ct/net.h>
#include <net/netlink.h>
#include "listeners.h"
#include "netlink.h"

/* Steps under the lock at once, each about a cache miss. */
#define DROP_MAX	256
#define STEP_MAX	64

/* Batches that may have to go for one. */
#define MAKE_ROOM_MAX	16

/*
 * Bytes, in all namespaces together. What users make of namespaces of their own
 * has to do with a part of it, so that it cannot use up the rest. Within its
 * part, a queue may be twice as long as there is room left: one may have two
 * thirds, two have two fifths each, and there is always room for another.
 */
static struct {
	atomic_long_t used;
	long max;
} pools[2] __read_mostly;

enum { HOST, USERS };

static unsigned int pool_of(const struct ct_event_queue *q)
{
	return ct_queue_net(q)->user_ns == &init_user_ns ? HOST : USERS;
}

void ct_backlog_init(void)
{
	unsigned long bytes = totalram_pages() << PAGE_SHIFT;

	pools[HOST].max = clamp(bytes / 32, 4UL << 20, 64UL << 20);
	pools[USERS].max = pools[HOST].max / 4;
}

gfp_t ct_backlog_gfp(const struct ct_event_queue *q)
{
	return pool_of(q) == USERS ? GFP_ATOMIC | __GFP_ACCOUNT : GFP_ATOMIC;
}

struct sk_buff *ct_backlog_alloc(const struct ct_event_queue *q)
{
	return alloc_skb(CT_BATCH_SIZE, ct_backlog_gfp(q));
}

static void charge(struct ct_event_queue *q, long bytes)
{
	q->held_bytes += bytes;
	atomic_long_add(bytes, &pools[pool_of(q)].used);
}

static bool fits(const struct ct_event_queue *q, long bytes)
{
	unsigned int pool = pool_of(q);
	long left = pools[pool].max - atomic_long_read(&pools[pool].used);

	return left >= bytes && q->held_bytes + bytes <= 2 * left;
}

/* Whoever has it as the next takes @other for that. */
static void replace(struct ct_event_queue *q, const struct sk_buff *skb,
		    struct sk_buff *other)
{
	struct ct_listener *l;

	for (l = q->listeners; l < q->listeners + CT_LISTENERS; l++)
		if (l->next == skb)
			l->next = other;
}

/* NULL: it is the last. */
static struct sk_buff *after(struct ct_event_queue *q, struct sk_buff *skb)
{
	return skb_queue_is_last(&q->held, skb) ? NULL :
	       skb_queue_next(&q->held, skb);
}

static bool is_for(const struct ct_event_queue *q, const struct ct_listener *l,
		   const struct sk_buff *skb)
{
	return ct_batch(skb)->waiting & BIT(l - q->listeners);
}

/* The next of what waits for a listener does not any more. */
static void done(struct ct_event_queue *q, struct ct_listener *l)
{
	struct sk_buff *skb = l->next;

	l->waiting--;
	l->next = l->waiting ? after(q, skb) : NULL;
	WRITE_ONCE(q->waiting, q->waiting - ct_batch(skb)->messages);
	ct_batch(skb)->waiting &= ~BIT(l - q->listeners);
	if (ct_batch(skb)->waiting)
		return;
	replace(q, skb, after(q, skb));
	__skb_unlink(skb, &q->held);
	charge(q, -(long)skb->truesize);
	consume_skb(skb);
}

static void lose(struct ct_event_queue *q, const struct sk_buff *skb)
{
	atomic64_add(ct_batch(skb)->messages, &q->lost);
}

static void tell(struct ct_event_queue *q, const struct sk_buff *skb)
{
	nfnetlink_set_err(ct_queue_net(q), 0, ct_batch(skb)->group, -ENOBUFS);
}

/* Its last chance. Who refuses is told by netlink. */
static void offer_or_lose(struct ct_event_queue *q, struct ct_listener *l,
			  struct sk_buff *skb)
{
	enum ct_took took = ct_listener_offer(q, l, skb);

	if (took == CT_LOST)
		tell(q, skb);
	if (took == CT_FULL || took == CT_LOST)
		lose(q, skb);
}

/* One that nothing waits for is not behind. */
static void caught_up(struct ct_event_queue *q, struct ct_listener *l)
{
	if (!l->waiting && !l->given_up && !l->congested)
		ct_listener_forget(q, l);
}

static void drop_oldest(struct ct_event_queue *q, u32 needed)
{
	struct sk_buff *skb = skb_peek(&q->held);
	unsigned long mask = ct_batch(skb)->waiting;
	unsigned int i;

	for_each_set_bit(i, &mask, CT_LISTENERS) {
		/* Who is given up has got newer ones. */
		if (q->listeners[i].given_up)
			lose(q, skb);
		else
			offer_or_lose(q, &q->listeners[i], skb);
		done(q, &q->listeners[i]);
		if (!(needed & BIT(i)))
			caught_up(q, &q->listeners[i]);
	}
}

static bool make_room(struct ct_event_queue *q, long bytes, u32 needed)
{
	unsigned int i;

	for (i = 0; i < MAKE_ROOM_MAX && !fits(q, bytes); i++) {
		if (skb_queue_empty(&q->held))
			return false;
		drop_oldest(q, needed);
	}
	return fits(q, bytes);
}

static bool same_fate(const struct sk_buff *a, const struct sk_buff *b,
		      u32 mask)
{
	return ct_batch(a)->waiting == mask &&
	       ct_batch(a)->group == ct_batch(b)->group &&
	       ct_batch(a)->except == ct_batch(b)->except &&
	       a->len + b->len <= CT_BATCH_SIZE;
}

/* The last one in a buffer of its own, with room. */
static struct sk_buff *roomy_tail(struct ct_event_queue *q,
				  struct sk_buff *tail)
{
	struct sk_buff *skb;

	if (tail->end - tail->tail + tail->len >= CT_BATCH_SIZE &&
	    !skb_cloned(tail))
		return tail;
	skb = ct_backlog_alloc(q);
	if (!skb)
		return NULL;
	skb_put_data(skb, tail->data, tail->len);
	*ct_batch(skb) = *ct_batch(tail);
	__skb_queue_tail(&q->held, skb);
	replace(q, tail, skb);
	__skb_unlink(tail, &q->held);
	charge(q, (long)skb->truesize - (long)tail->truesize);
	consume_skb(tail);
	return skb;
}

/* Small ones would waste memory, and the listener's. */
static bool merge(struct ct_event_queue *q, const struct sk_buff *more,
		  u32 mask)
{
	struct sk_buff *tail = skb_peek_tail(&q->held);

	if (!tail || !same_fate(tail, more, mask))
		return false;
	tail = roomy_tail(q, tail);
	if (!tail)
		return false;
	skb_put_data(tail, more->data, more->len);
	ct_batch(tail)->messages += ct_batch(more)->messages;
	return true;
}

/* As ct_backlog_push(); who has got everything is still remembered. */
static unsigned int push(struct ct_event_queue *q, struct ct_listener *l,
			 unsigned int max)
{
	unsigned int n = 0, steps;
	enum ct_took took;

	for (steps = 0; l->waiting && n < max && steps < STEP_MAX; steps++) {
		if (!is_for(q, l, l->next)) {
			l->next = after(q, l->next);
			continue;
		}
		if (!ct_listener_has_room(l, l->next))
			break;
		took = ct_listener_offer(q, l, l->next);
		if (took == CT_FULL || took == CT_LOST)
			break;
		done(q, l);
		n++;
	}
	return n ?: !!steps;
}

/* Others use up the memory. Who waits for older ones cannot get this before. */
static void pass_over(struct ct_event_queue *q, struct ct_listener *l,
		      struct sk_buff *skb)
{
	push(q, l, MAKE_ROOM_MAX);
	if (!l->waiting) {
		offer_or_lose(q, l, skb);
		return;
	}
	lose(q, skb);
	/* By refusing an older one it is told, and nobody else. */
	if (!is_for(q, l, l->next))
		tell(q, skb);
	else if (ct_listener_offer(q, l, l->next) == CT_TOOK)
		done(q, l);
}

static void hold_nothing(struct ct_event_queue *q, struct sk_buff *skb,
			 unsigned long mask)
{
	unsigned int i;

	for_each_set_bit(i, &mask, CT_LISTENERS) {
		pass_over(q, &q->listeners[i], skb);
		caught_up(q, &q->listeners[i]);
	}
	kfree_skb(skb);
}

static void wait_for(struct ct_event_queue *q, struct ct_listener *l,
		     struct sk_buff *skb)
{
	if (l->waiting++)
		return;
	l->next = skb;
	l->since = jiffies;
}

void ct_backlog_hold(struct ct_event_queue *q, struct sk_buff *skb, u32 mask)
{
	const unsigned int messages = hweight32(mask) * ct_batch(skb)->messages;
	const unsigned long bits = mask;
	unsigned int i;

	if (!make_room(q, skb->truesize, mask)) {
		hold_nothing(q, skb, mask);
		return;
	}
	WRITE_ONCE(q->waiting, q->waiting + messages);
	if (merge(q, skb, mask)) {
		consume_skb(skb);
		return;
	}
	ct_batch(skb)->waiting = mask;
	charge(q, skb->truesize);
	__skb_queue_tail(&q->held, skb);
	for_each_set_bit(i, &bits, CT_LISTENERS)
		wait_for(q, &q->listeners[i], skb);
}

unsigned int ct_backlog_push(struct ct_event_queue *q, struct ct_listener *l,
			     unsigned int max)
{
	unsigned int n = push(q, l, max);

	caught_up(q, l);
	return n;
}

bool ct_backlog_drop(struct ct_event_queue *q, struct ct_listener *l,
		     bool count)
{
	unsigned int steps;

	for (steps = 0; l->waiting && steps < DROP_MAX; steps++) {
		if (!is_for(q, l, l->next)) {
			l->next = after(q, l->next);
			continue;
		}
		if (count)
			lose(q, l->next);
		done(q, l);
	}
	return !l->waiting;
}

void ct_backlog_give_up(struct ct_event_queue *q, struct ct_listener *l)
{
	enum ct_took took;

	/* Another time, if it has yet to be looked for. */
	if (!is_for(q, l, l->next))
		return;
	took = ct_listener_offer(q, l, l->next);
	if (took == CT_LOST)
		return;
	if (took == CT_FULL) {
		l->given_up = true;
		lose(q, l->next);
	}
	done(q, l);
	caught_up(q, l);
}

void ct_backlog_purge(struct ct_event_queue *q)
{
	charge(q, -q->held_bytes);
	__skb_queue_purge(&q->held);
}

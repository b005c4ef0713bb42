// SPDX-License-Identifier: GPL-2.0
/*
 * Events to whoever listens. A message is written when the event happens,
 * into a batch for its group; batches leave in the order NEW, UPDATE, DESTROY,
 * so that a listener meets the life of each entry in order. One lock for a
 * namespace covers writing and sending: else a batch that fills up on one CPU
 * could overtake that of another.
 *
 * Two connections may have the same tuples one after the other. Before
 * anything is written about the second, the DESTROY of the first has to leave:
 * a bit in @gone for each pending DESTROY tells when. Nothing is reported of
 * an entry after its DESTROY.
 *
 * Of expectations there are few, or many of one master that goes: those of one group
 * that nothing comes between are one batch. It is behind all that connections have
 * reported before, and before what they report next.
 */
#include <net/ct/event.h>
#include <net/ct/expect.h>
#include <net/ct/netlink.h>
#include <net/netlink.h>
#include "listeners.h"
#include "netlink.h"

/* Batches that a listener is sent of what it waits for: before each new one,
 * and at once by the worker, which has the lock meanwhile.
 */
#define CATCH_UP	2
#define RETRY_BATCH	16
#define RETRY_TOTAL	64

/* Between two looks, jiffies: twice as long each time that nothing was taken. */
#define RETRY_MAX	(HZ / 10)

/* Between two looks for closed listeners. */
#define REAP		(60 * HZ)

enum { NEW, UPDATE, DESTROY, GROUPS };

static const unsigned int nl_group[GROUPS] = {
	[NEW] = NFNLGRP_CONNTRACK_NEW,
	[UPDATE] = NFNLGRP_CONNTRACK_UPDATE,
	[DESTROY] = NFNLGRP_CONNTRACK_DESTROY,
};

static struct ct_net *net_of(struct ct_event_queue *q)
{
	return container_of(q, struct ct_net, queue);
}

static unsigned int group_of(u32 events)
{
	if (events & BIT(IPCT_DESTROY))
		return DESTROY;
	if (events & (BIT(IPCT_NEW) | BIT(IPCT_RELATED)))
		return NEW;
	return UPDATE;
}

/* A message that was not written, of NFNLGRP_* */
static void lose(struct ct_event_queue *q, unsigned int group)
{
	atomic64_inc(&q->lost);
	nfnetlink_set_err(net_of(q)->net, 0, group, -ENOBUFS);
}

/* Netlink would do the same for each listener. */
static void trim(struct sk_buff *skb, gfp_t gfp)
{
	unsigned int room = skb_tailroom(skb);

	if (room * 2 >= skb->truesize)
		pskb_expand_head(skb, 0, -(int)room, gfp);
}

/* To all listeners that want it. */
static void send(struct ct_event_queue *q, struct sk_buff *skb)
{
	unsigned int i;
	u32 held;

	trim(skb, ct_backlog_gfp(q));
	for (i = 0; q->behind && i < CT_LISTENERS; i++)
		if (q->listeners[i].waiting && !q->listeners[i].given_up)
			ct_backlog_push(q, &q->listeners[i], CATCH_UP);
	held = ct_listeners_send(q, skb);
	if (held)
		ct_backlog_hold(q, skb, held);
	else
		consume_skb(skb);
	if (held && !q->delay) {
		q->delay = 1;
		mod_delayed_work(system_wq, &q->retry, q->delay);
	} else if (q->behind && !q->delay && !delayed_work_pending(&q->retry)) {
		schedule_delayed_work(&q->retry, round_jiffies_relative(REAP));
	}
}

static void send_batch(struct ct_event_queue *q, unsigned int group)
{
	struct sk_buff *skb = q->skb[group];

	if (!skb)
		return;
	q->skb[group] = NULL;
	if (group == DESTROY)
		bitmap_zero(q->gone, CT_EVENT_GONE_BITS);
	send(q, skb);
}

/* Those of @last, and those that have to go before. */
static void send_batches(struct ct_event_queue *q, unsigned int last)
{
	unsigned int group;

	for (group = NEW; group <= last; group++)
		send_batch(q, group);
}

static void send_expect(struct ct_event_queue *q)
{
	struct sk_buff *skb = q->expect;

	q->expect = NULL;
	if (skb)
		send(q, skb);
}

static void send_all(struct ct_event_queue *q)
{
	send_batches(q, DESTROY);
	send_expect(q);
}

static void queue_task(struct tasklet_struct *task)
{
	struct ct_event_queue *q = from_tasklet(q, task, task);

	spin_lock_bh(&q->lock);
	send_all(q);
	spin_unlock_bh(&q->lock);
}

/* Nothing taken, nothing read, for too long. */
static bool is_stuck(struct ct_listener *l)
{
	const int used = atomic_read(&l->sk->sk_rmem_alloc);

	if (used < l->used)
		l->since = jiffies;
	l->used = used;
	return time_after(jiffies, l->since + CT_LISTENER_PATIENCE);
}

/* How much was done for it: of RETRY_TOTAL. */
static unsigned int look_after(struct ct_event_queue *q, struct ct_listener *l)
{
	unsigned int n;

	if (!l->given_up) {
		n = ct_backlog_push(q, l, RETRY_BATCH);
		if (n || !l->waiting || !is_stuck(l))
			return n;
		ct_backlog_give_up(q, l);
		if (!l->given_up)
			return 1;
	}
	ct_backlog_drop(q, l, !sock_flag(l->sk, SOCK_DEAD));
	return RETRY_TOTAL;
}

static void queue_retry(struct work_struct *work)
{
	struct ct_event_queue *q = container_of(to_delayed_work(work),
						struct ct_event_queue, retry);
	unsigned int i, n, sum = 0;
	struct ct_listener *l;
	bool more;

	spin_lock_bh(&q->lock);
	more = !ct_listeners_reap(q);
	for (i = 0; i < CT_LISTENERS && sum < RETRY_TOTAL; i++) {
		/* Another one first each time. */
		l = &q->listeners[q->turn++ % CT_LISTENERS];
		if (!l->waiting)
			continue;
		n = look_after(q, l);
		more |= n >= RETRY_BATCH;
		sum += n;
	}
	if (skb_queue_empty(&q->held))
		q->delay = 0;
	else
		q->delay = sum ? 1 : min_t(unsigned int, q->delay * 2, RETRY_MAX);
	if (q->delay && !q->dead)
		mod_delayed_work(system_wq, &q->retry, more ? 0 : q->delay);
	else if (q->behind && !q->dead)
		mod_delayed_work(system_wq, &q->retry,
				 round_jiffies_relative(REAP));
	spin_unlock_bh(&q->lock);
}

/* The same for both directions: a connection may return the other way. */
static unsigned int gone_bit(const struct ct_entry *e)
{
	return (e->hash[IP_CT_DIR_ORIGINAL] ^ e->hash[IP_CT_DIR_REPLY]) %
	       CT_EVENT_GONE_BITS;
}

/* An empty one, with its first message written but not counted. */
static struct sk_buff *new_batch(struct ct_event_queue *q, unsigned int group,
				 struct ct_entry *e, u32 events, u32 portid)
{
	struct sk_buff *skb = ct_backlog_alloc(q);

	if (skb && !ct_nl_fill_event(skb, e, events, portid)) {
		ct_batch(skb)->group = nl_group[group];
		return skb;
	}
	kfree_skb(skb);
	lose(q, nl_group[group]);
	return NULL;
}

/* Append to the batch; if it is full, to an empty one. */
static void write_batched(struct ct_event_queue *q, struct ct_entry *e,
			  u32 events, u32 portid)
{
	unsigned int group = group_of(events);
	struct sk_buff *skb = q->skb[group];

	if (skb && !ct_nl_fill_event(skb, e, events, portid))
		goto written;
	send_batches(q, group);
	skb = new_batch(q, group, e, events, portid);
	if (!skb)
		return;
	q->skb[group] = skb;
	tasklet_schedule(&q->task);
written:
	ct_batch(skb)->messages++;
	if (group == DESTROY)
		__set_bit(gone_bit(e), q->gone);
}

/* A batch of one message, the echo of a request, goes to the requester by itself,
 * and to others in its turn.
 */
static void send_echo(struct ct_event_queue *q, struct sk_buff *skb, u32 portid)
{
	const unsigned int group = ct_batch(skb)->group;
	struct ct_listener *l;
	struct sk_buff *echo;

	/* What it has yet to get is older. */
	l = ct_listener_of(q, portid);
	if (l)
		ct_backlog_push(q, l, RETRY_TOTAL);
	ct_batch(skb)->messages = 1;
	ct_batch(skb)->except = portid;
	echo = skb_copy(skb, GFP_ATOMIC);
	send(q, skb);
	if (echo) {
		memset(echo->cb, 0, sizeof(echo->cb));
		NETLINK_CB(echo).dst_group = group;
	}
	if (!echo || nfnetlink_unicast(echo, net_of(q)->net, portid) < 0)
		atomic64_inc(&q->lost);
}

static void write_echo(struct ct_event_queue *q, struct ct_entry *e, u32 events,
		       u32 portid)
{
	struct sk_buff *skb;

	send_batches(q, DESTROY);
	skb = new_batch(q, group_of(events), e, events, portid);
	if (skb)
		send_echo(q, skb, portid);
}

static void write_event(struct ct_event_queue *q, struct ct_entry *e,
			u32 events, u32 portid, int report)
{
	/* Looked at again: DESTROY may have been reported meanwhile. */
	const bool wanted = events & READ_ONCE(e->use_event);

	if (events & BIT(IPCT_DESTROY))
		ct_event_end(e);
	if (!wanted || q->dead)
		return;
	if (unlikely(q->expect))
		send_expect(q);
	if (!(events & BIT(IPCT_DESTROY)) && test_bit(gone_bit(e), q->gone))
		send_batches(q, DESTROY);

	if (report) {
		write_echo(q, e, events, portid);
		return;
	}
	write_batched(q, e, events, portid);
}

static bool sink_wanted(const struct ct_net *cn, unsigned int group)
{
	return !READ_ONCE(cn->dying) && nfnetlink_has_listeners(cn->net, group);
}

static void sink_report(struct ct_entry *e, u32 events, u32 portid, int report)
{
	struct ct_event_queue *q = &e->cn->queue;

	spin_lock_bh(&q->lock);
	write_event(q, e, events, portid, report);
	spin_unlock_bh(&q->lock);
}

static void write_expect(struct ct_event_queue *q, const struct ct_expect *exp,
			 unsigned int group, u32 portid, int report)
{
	struct sk_buff *skb = q->expect;

	if (skb && !report && ct_batch(skb)->group == group &&
	    !ct_nl_fill_expect_event(skb, exp, group, portid)) {
		ct_batch(skb)->messages++;
		return;
	}
	send_all(q);
	skb = ct_backlog_alloc(q);
	if (!skb || ct_nl_fill_expect_event(skb, exp, group, portid)) {
		kfree_skb(skb);
		lose(q, group);
		return;
	}
	ct_batch(skb)->group = group;
	ct_batch(skb)->messages = 1;
	if (report) {
		send_echo(q, skb, portid);
		return;
	}
	q->expect = skb;
	tasklet_schedule(&q->task);
}

static void sink_expect(const struct ct_expect *exp, unsigned int group,
			u32 portid, int report)
{
	struct ct_event_queue *q = &exp->cn->queue;

	spin_lock_bh(&q->lock);
	if (!q->dead)
		write_expect(q, exp, group, portid, report);
	spin_unlock_bh(&q->lock);
}

const struct ct_event_sink ct_nl_sink = {
	.wanted = sink_wanted,
	.report = sink_report,
	.expect = sink_expect,
};

int ct_netlink_net_init(struct ct_net *cn)
{
	struct ct_event_queue *q = &cn->queue;

	spin_lock_init(&q->lock);
	tasklet_setup(&q->task, queue_task);
	__skb_queue_head_init(&q->held);
	INIT_DELAYED_WORK(&q->retry, queue_retry);
	return ct_listeners_net_init(q);
}

void ct_netlink_net_exit(struct ct_net *cn)
{
	struct ct_event_queue *q = &cn->queue;
	unsigned int group;

	spin_lock_bh(&q->lock);
	q->dead = true;
	send_all(q);
	spin_unlock_bh(&q->lock);
	tasklet_kill(&q->task);
	cancel_delayed_work_sync(&q->retry);
	for (group = NEW; group < GROUPS; group++)
		WARN_ON_ONCE(q->skb[group]);
	WARN_ON_ONCE(q->expect);
	ct_backlog_purge(q);
	ct_listeners_net_exit(q);
}

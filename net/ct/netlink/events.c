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
 */
#include <net/ct/event.h>
#include <net/ct/netlink.h>
#include <net/netlink.h>
#include "netlink.h"

/* What conntrack -E reads at once; with its overhead this is one page. */
#define BATCH_SIZE	SKB_WITH_OVERHEAD(4096)

/* Batches that wait for a listener who wants every one: a megabyte. Each offer
 * reaches the other listeners again, so the time between two grows from 20 ms
 * to 500 ms, and after some 15 seconds in vain all of them are lost.
 */
#define UNSENT_MAX	256
#define RETRY_MIN	(HZ / 50 ?: 1)
#define RETRY_MAX	(HZ / 2)
#define RETRIES		32

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

static unsigned int count_messages(const struct sk_buff *skb)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)skb->data;
	int left = skb->len;
	unsigned int n = 0;

	for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left))
		n++;
	return n;
}

static void lose(struct ct_event_queue *q, unsigned int group, unsigned int n)
{
	atomic64_add(n, &q->lost);
	nfnetlink_set_err(net_of(q)->net, 0, nl_group[group], -ENOBUFS);
}

/* Does a listener who asked to be told have no room? */
static bool refused(int err)
{
	return err == -ENOBUFS || err == -EAGAIN;
}

/* The group of a batch, while it waits. */
static unsigned int batch_group(const struct sk_buff *skb)
{
	return NETLINK_CB(skb).dst_group;
}

static bool offer(struct ct_event_queue *q, struct sk_buff *skb)
{
	unsigned int group = batch_group(skb);
	int err;

	skb_get(skb);
	err = nfnetlink_send(skb, net_of(q)->net, 0, nl_group[group], 0,
			     GFP_ATOMIC);
	NETLINK_CB(skb).dst_group = group;
	return !refused(err);
}

static void schedule_retry(struct ct_event_queue *q)
{
	schedule_delayed_work(&q->retry,
			      min_t(unsigned long, RETRY_MAX,
				    RETRY_MIN << min_t(u8, q->retries, 5)));
}

static void send_batch(struct ct_event_queue *q, unsigned int group)
{
	struct sk_buff *skb = q->skb[group];

	if (!skb)
		return;
	q->skb[group] = NULL;
	if (group == DESTROY)
		bitmap_zero(q->gone, CT_EVENT_GONE_BITS);
	NETLINK_CB(skb).dst_group = group;
	if (skb_queue_empty(&q->unsent)) {
		if (offer(q, skb)) {
			consume_skb(skb);
			return;
		}
		q->retries = 0;
		schedule_retry(q);
	}
	if (skb_queue_len(&q->unsent) < UNSENT_MAX) {
		__skb_queue_tail(&q->unsent, skb);
		return;
	}
	lose(q, group, count_messages(skb));
	kfree_skb(skb);
}

/* Those of @last, and those that have to go before. */
static void send_batches(struct ct_event_queue *q, unsigned int last)
{
	unsigned int group;

	for (group = NEW; group <= last; group++)
		send_batch(q, group);
}

static void queue_task(struct tasklet_struct *task)
{
	struct ct_event_queue *q = from_tasklet(q, task, task);

	spin_lock_bh(&q->lock);
	/* Behind others they had better be full. */
	if (skb_queue_empty(&q->unsent))
		send_batches(q, DESTROY);
	spin_unlock_bh(&q->lock);
}

static void lose_unsent(struct ct_event_queue *q)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&q->unsent))) {
		lose(q, batch_group(skb), count_messages(skb));
		kfree_skb(skb);
	}
}

/* True when none is left. */
static bool send_unsent(struct ct_event_queue *q)
{
	struct sk_buff *skb;

	while ((skb = skb_peek(&q->unsent))) {
		if (!offer(q, skb))
			return false;
		q->retries = 0;
		__skb_unlink(skb, &q->unsent);
		consume_skb(skb);
	}
	return true;
}

static void queue_retry(struct work_struct *work)
{
	struct ct_event_queue *q = container_of(to_delayed_work(work),
						struct ct_event_queue, retry);

	spin_lock_bh(&q->lock);
	if (send_unsent(q)) {
		send_batches(q, DESTROY);
	} else if (q->retries++ < RETRIES) {
		schedule_retry(q);
	} else {
		lose_unsent(q);
		send_batches(q, DESTROY);
	}
	spin_unlock_bh(&q->lock);
}

/* The same for both directions: a connection may return the other way. */
static unsigned int gone_bit(const struct ct_entry *e)
{
	return (e->hash[IP_CT_DIR_ORIGINAL] ^ e->hash[IP_CT_DIR_REPLY]) %
	       CT_EVENT_GONE_BITS;
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
	skb = alloc_skb(BATCH_SIZE, GFP_ATOMIC);
	if (!skb || ct_nl_fill_event(skb, e, events, portid)) {
		kfree_skb(skb);
		lose(q, group, 1);
		return;
	}
	q->skb[group] = skb;
	tasklet_schedule(&q->task);
written:
	if (group == DESTROY)
		__set_bit(gone_bit(e), q->gone);
}

/*
 * The echo of a request goes to the requester too, by itself. When others have
 * to wait for what comes before, only he gets it now.
 */
static void send_echo(struct ct_event_queue *q, struct ct_entry *e, u32 events,
		      u32 portid)
{
	unsigned int group = group_of(events);
	struct sk_buff *skb;

	if (skb_queue_empty(&q->unsent))
		send_batches(q, DESTROY);
	skb = alloc_skb(BATCH_SIZE, GFP_ATOMIC);
	if (!skb || ct_nl_fill_event(skb, e, events, portid)) {
		kfree_skb(skb);
		lose(q, group, 1);
		return;
	}
	if (!skb_queue_empty(&q->unsent)) {
		nfnetlink_unicast(skb, net_of(q)->net, portid);
		write_batched(q, e, events, portid);
		return;
	}
	if (refused(nfnetlink_send(skb, net_of(q)->net, portid,
				   nl_group[group], 1, GFP_ATOMIC)))
		atomic64_inc(&q->lost);
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
	if (!(events & BIT(IPCT_DESTROY)) && test_bit(gone_bit(e), q->gone))
		send_batches(q, DESTROY);

	if (report) {
		send_echo(q, e, events, portid);
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

const struct ct_event_sink ct_nl_sink = {
	.wanted = sink_wanted,
	.report = sink_report,
};

int ct_netlink_net_init(struct ct_net *cn)
{
	struct ct_event_queue *q = &cn->queue;

	spin_lock_init(&q->lock);
	tasklet_setup(&q->task, queue_task);
	__skb_queue_head_init(&q->unsent);
	INIT_DELAYED_WORK(&q->retry, queue_retry);
	return 0;
}

void ct_netlink_net_exit(struct ct_net *cn)
{
	struct ct_event_queue *q = &cn->queue;
	unsigned int group;

	spin_lock_bh(&q->lock);
	q->dead = true;
	send_batches(q, DESTROY);
	__skb_queue_purge(&q->unsent);
	spin_unlock_bh(&q->lock);
	tasklet_kill(&q->task);
	cancel_delayed_work_sync(&q->retry);
	for (group = NEW; group < GROUPS; group++)
		WARN_ON_ONCE(q->skb[group]);
}

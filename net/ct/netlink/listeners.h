/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_LISTENERS_H
#define _CT_LISTENERS_H

/* Who is behind, and what waits for them. All under the queue's lock. */

#include <linux/bits.h>
#include <linux/skbuff.h>
#include <net/ct/event.h>
#include <net/ct/net.h>

/* Of one namespace; the bits of a u32. */
#define CT_LISTENERS	32

/* One that takes nothing for so long is not waited for any more. */
#define CT_LISTENER_PATIENCE	(10 * HZ)

/* What conntrack -E reads at once; with its overhead this is one page. */
#define CT_BATCH_SIZE	SKB_WITH_OVERHEAD(4096)

/**
 * struct ct_listener - a socket that had no room for an event
 * @sk: the socket, of which a reference is held; NULL: nobody
 * @congested: it refused though there seemed to be room: it takes nothing
 *	until it has read everything
 * @given_up: took nothing for too long: nothing is held for it
 * @since: jiffies when it last took or read something, or was found full
 * @used: bytes of its buffer when that was looked at last
 * @waiting: batches that are held for it
 * @next: the first of these is this one, or comes after it
 */
struct ct_listener {
	struct sock *sk;
	bool congested;
	bool given_up;
	unsigned long since;
	int used;
	unsigned int waiting;
	struct sk_buff *next;
};

/**
 * struct ct_batch - the control block of a batch of messages, until it is sent
 * @waiting: bits of the listeners that it is held for
 * @except: the port that does not get it, or 0
 * @messages: how many
 * @group: NFNLGRP_*
 */
struct ct_batch {
	u32 waiting;
	u32 except;
	u16 messages;
	u16 group;
};

static inline struct ct_batch *ct_batch(const struct sk_buff *skb)
{
	return (struct ct_batch *)skb->cb;
}

static inline struct net *ct_queue_net(const struct ct_event_queue *q)
{
	return container_of(q, struct ct_net, queue)->net;
}

/* The socket took it; it refused, and was told; no memory; it does not get such
 * any more.
 */
enum ct_took { CT_TOOK, CT_FULL, CT_LOST, CT_GONE };

/* listeners.c */
int ct_listeners_init(void);
void ct_listeners_exit(void);
int ct_listeners_net_init(struct ct_event_queue *q);
void ct_listeners_net_exit(struct ct_event_queue *q);

/* Send a batch to all that want it and have room. Returned are bits of the others,
 * for whom it is to be held.
 */
u32 ct_listeners_send(struct ct_event_queue *q, struct sk_buff *skb);

/* Whom something waits for and who has this port, or NULL. */
struct ct_listener *ct_listener_of(struct ct_event_queue *q, u32 portid);

/* Send it to one of the others. */
enum ct_took ct_listener_offer(struct ct_event_queue *q, struct ct_listener *l,
			       struct sk_buff *skb);
bool ct_listener_has_room(const struct ct_listener *l,
			  const struct sk_buff *skb);
void ct_listener_forget(struct ct_event_queue *q, struct ct_listener *l);

/* Forget those that are closed; true when that is done. */
bool ct_listeners_reap(struct ct_event_queue *q);

/* backlog.c */
void ct_backlog_init(void);

/* Memory for batches is charged to whoever causes it, where that can be told. */
gfp_t ct_backlog_gfp(const struct ct_event_queue *q);

/* An empty batch, or NULL. */
struct sk_buff *ct_backlog_alloc(const struct ct_event_queue *q);

/* Keep a batch for whom its bits are in @mask; it takes the skb. */
void ct_backlog_hold(struct ct_event_queue *q, struct sk_buff *skb, u32 mask);

/* Send what waits, as long as it is taken, but no more than @max batches.
 * Returned is how many were; 0: it did not get any further.
 */
unsigned int ct_backlog_push(struct ct_event_queue *q, struct ct_listener *l,
			     unsigned int max);

/* It has taken nothing for too long: tell it so, by another offer. If it takes that,
 * it is not given up.
 */
void ct_backlog_give_up(struct ct_event_queue *q, struct ct_listener *l);

/* Drop some of what waits. True when nothing is left. */
bool ct_backlog_drop(struct ct_event_queue *q, struct ct_listener *l,
		     bool count);
void ct_backlog_purge(struct ct_event_queue *q);

#endif /* _CT_LISTENERS_H */

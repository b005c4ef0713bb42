/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_EVENT_H
#define _NET_CT_EVENT_H

#include <linux/interrupt.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct ct_entry;
struct ct_expect;
struct ct_listener;
struct ct_net;
struct socket;

/* Size of struct ct_event_queue's @gone. */
#define CT_EVENT_GONE_BITS	512

/* In use_event of an entry, none of the events: it has not ended, see
 * ct_event_end().
 */
#define CT_EVENT_LIVES	BIT(15)

/* Besides 1 << IPCT_* there is a bit for each event of what a connection expects. */
#define CT_EVENT_CONN		GENMASK(IPCT_SYNPROXY, 0)
#define CT_EVENT_EXPECT(event)	BIT(12 + (event))
#define CT_EVENT_EXPECTS	(CT_EVENT_EXPECT(IPEXP_NEW) | \
				 CT_EVENT_EXPECT(IPEXP_DESTROY))

/**
 * struct ct_event_queue - messages of a namespace not yet sent (§8)
 * @lock: everything here
 * @skb: one batch a group: NEW, UPDATE, DESTROY
 * @expect: one of expectations, of one group; then there is none in @skb
 * @gone: a bit for the tuples of each entry in the batch of DESTROY
 * @task: sends the batches soon after the first message
 * @listeners: sockets that are behind
 * @behind: how many
 * @sock: a socket of the namespace's, to find them by; or NULL
 * @held: batches, oldest first, that some of them had no room for
 * @held_bytes: the memory that these take
 * @retry: offers them again, and looks for listeners that are closed
 * @delay: until it offers them, jiffies; 0: nothing is held
 * @turn: who is served first then
 * @dead: the namespace exits, nothing is held any more
 * @waiting: messages in @held, each as often as there are listeners to get it
 * @lost: messages that a listener did not get, each as often as there were
 *	such; once, if that is not known
 */
struct ct_event_queue {
	spinlock_t lock;	/* of the whole queue */
	struct sk_buff *skb[3];
	struct sk_buff *expect;
	DECLARE_BITMAP(gone, CT_EVENT_GONE_BITS);
	struct tasklet_struct task;
	struct ct_listener *listeners;
	unsigned int behind;
	struct socket *sock;
	struct sk_buff_head held;
	long held_bytes;
	struct delayed_work retry;
	unsigned int delay;
	unsigned int turn;
	bool dead;
	unsigned int waiting;
	atomic64_t lost;
};

/**
 * struct ct_event_sink - who writes and sends messages about entries
 * @wanted: does anybody listen to this group? Cheap
 * @report: something happened
 * @expect: something happened to an expectation: of which group that is to be told
 *
 * Set once by the netlink layer, so that the core knows none of it.
 */
struct ct_event_sink {
	bool (*wanted)(const struct ct_net *cn, unsigned int group);
	void (*report)(struct ct_entry *e, u32 events, u32 portid, int report);
	void (*expect)(const struct ct_expect *exp, unsigned int group,
		       u32 portid, int report);
};

/**
 * ct_event_sink_set() - install or (NULL) remove the sink
 * @sink: static, or NULL, after which it waits until nobody calls the old one
 * Context: process
 */
void ct_event_sink_set(const struct ct_event_sink *sink);

/**
 * ct_event() - something happened to a connection
 * @e: the entry, referenced; not confirmed yet: nothing is reported
 * @events: bits 1 << IPCT_*
 *
 * Reported at once when somebody listens.
 * Context: softirq or process, no lock held
 */
void ct_event(struct ct_entry *e, u32 events);

/**
 * ct_event_report() - the same, caused by a netlink request
 * @e: the entry
 * @events: bits 1 << IPCT_*
 * @portid: who asked
 * @report: whether the request asked for an echo
 * Context: softirq or process, no lock held
 */
void ct_event_report(struct ct_entry *e, u32 events, u32 portid, int report);

/**
 * ct_event_expect() - something happened to an expectation
 * @exp: which one
 * @event: %IPEXP_NEW or %IPEXP_DESTROY
 * @portid: who asked, 0 if nobody did
 * @report: whether the request asked for an echo
 * Context: softirq or process; the lock of expectations is held
 */
void ct_event_expect(const struct ct_expect *exp,
		     enum ip_conntrack_expect_events event, u32 portid,
		     int report);

/**
 * ct_event_choose() - tell of some events of a connection only
 * @e: the entry, referenced
 * @which: about which bits that says something: %CT_EVENT_CONN and %CT_EVENT_EXPECTS
 * @events: those that are wanted. Something is told of a connection when one of
 *	them happens; of what it expects, just those, from the next one on
 *
 * Of no effect when its DESTROY has been told.
 * Context: softirq or process, no lock held
 */
void ct_event_choose(struct ct_entry *e, u16 which, u16 events);

/**
 * ct_event_end() - tell nothing of a connection any more
 * @e: the entry, whose DESTROY is told now, or is not wanted
 * Context: softirq or process; takes the entry's lock
 */
void ct_event_end(struct ct_entry *e);

#endif /* _NET_CT_EVENT_H */

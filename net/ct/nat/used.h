/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NAT_USED_H
#define _CT_NAT_USED_H

/*
 * Bitmaps of the ports that are in use towards a remote end, where that is most of
 * them: see struct ct_nat_table, whose ->used() this is.
 */

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <net/netfilter/nf_conntrack_tuple.h>

struct ct_entry;

#define CT_NAT_USED_BUCKETS	16

/* Ends that nobody has a bitmap for yet, and somebody wants one for. */
#define CT_NAT_USED_WISHES	4

/**
 * struct ct_nat_used - the bitmaps of a namespace
 * @table: by what they are for
 * @list: all of them
 * @lock: of both, and of the rest
 * @count: how many there are
 * @wish_count: how many are to be made
 * @wishes: for what, the first one first
 * @dying: nothing is to be made any more
 * @work: makes them, and renews them; it alone takes any away, until @dying
 */
struct ct_nat_used {
	struct hlist_head table[CT_NAT_USED_BUCKETS];
	struct list_head list;
	spinlock_t lock;	/* see above */
	unsigned int count;
	unsigned int wish_count;
	struct ct_nat_wish {
		struct nf_conntrack_tuple tuple;
		u16 zone;
	} wishes[CT_NAT_USED_WISHES];
	bool dying;
	struct delayed_work work;
};

/**
 * ct_nat_used() - the bitmap for a tuple
 * @e: the connection whose source is chosen
 * @tuple: what it may become; its source port does not count
 * @want: make one, if there is none
 * Context: softirq, RCU read side. Return: the bitmap, or NULL
 */
unsigned long *ct_nat_used(const struct ct_entry *e,
			   const struct nf_conntrack_tuple *tuple, bool want);

/**
 * ct_nat_used_renew() - all ports seem to be in use
 * @e: the connection
 * @tuple: as for ct_nat_used()
 *
 * Some of those may be of connections that never came to be: they are looked up
 * once more, if that was not done a moment ago.
 * Context: softirq, RCU read side
 */
void ct_nat_used_renew(const struct ct_entry *e,
		       const struct nf_conntrack_tuple *tuple);

/**
 * ct_nat_unused() - a connection has ended
 * @e: the connection, which is in the table no more
 * Context: softirq or process, RCU read side
 */
void ct_nat_unused(const struct ct_entry *e);

/* Process; when a namespace exits nobody asks for its any more. */
void ct_nat_used_net_init(struct ct_nat_used *n);
void ct_nat_used_net_exit(struct ct_nat_used *n);
int ct_nat_used_init(void);
void ct_nat_used_exit(void);

#endif /* _CT_NAT_USED_H */

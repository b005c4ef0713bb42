/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_EXPECT_H
#define _NET_CT_EXPECT_H

/*
 * Expectations: connections that another one, their master, announced. The first
 * packet that fits one opens a connection that is RELATED to the master.
 *
 * All that a namespace expects is under one lock, which is taken only where
 * something is expected. An expectation ends when its time is up, when a connection
 * has taken it (unless it is permanent), when it is deleted, and with its master.
 */

#include <linux/list.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/spinlock.h>
#include <linux/timerqueue.h>
#include <linux/workqueue.h>
#include <net/netfilter/nf_conntrack_tuple.h>

struct ct_entry;
struct ct_expect_index;
struct ct_net;

/* Classes of a helper, and what one connection may expect of each, at most. */
#define CT_EXPECT_CLASSES	4
#define CT_EXPECT_MOST		255

/* So many expectations of a namespace may be of the same address and port. */
#define CT_EXPECT_SAME		64

/* Masters of masters: so long a row expects no more. */
#define CT_EXPECT_ROW		8

/**
 * struct ct_expect_class - what of one kind a helper expects
 * @max: of one connection at a time; then the oldest goes. 0: %CT_EXPECT_MOST
 * @timeout: jiffies, of which an expectation is given that many
 * @name: shown to user space, may be empty
 */
struct ct_expect_class {
	unsigned int max;
	unsigned int timeout;
	char name[16];
};

/**
 * struct ct_expect_helper - who expects, as far as is to be known here
 * @name: shown to user space, of at most 15 characters
 * @n: how many classes it has, from 1 to %CT_EXPECT_CLASSES
 * @class: each
 *
 * Has to stay until ct_expect_helper_gone() has returned.
 */
struct ct_expect_helper {
	const char *name;
	unsigned int n;
	struct ct_expect_class class[CT_EXPECT_CLASSES];
};

struct ct_expect;

/**
 * struct ct_expect_fn - what is to be done with a connection that was expected
 * @list: of all that are registered
 * @name: by which user space asks for it
 * @fn: called with the new connection, nobody else's yet, and the expectation that
 *	it has met. In softirq, or process with bottom halves on; RCU read side; no
 *	lock held
 */
struct ct_expect_fn {
	struct list_head list;
	const char *name;
	void (*fn)(struct ct_entry *e, const struct ct_expect *exp);
};

/**
 * struct ct_expect - an expectation; constant once added, but for @due
 * @by_target: link among those of similar targets
 * @by_master: link among those of similar masters
 * @due: when it ends: 64-bit jiffies
 * @serial: a later one's is higher, of the namespace
 * @cn: its namespace's state
 * @master: who expects; it is not held, but is there as long as this is expected
 * @tuple: of the first packet
 * @mask: which bits of its source matter; of the target, all do
 * @zone: of the master, whatever directions that is for
 * @class: of @helper
 * @dir: for who translates: the direction of the master that the one with
 *	@saved_addr sends in
 * @use_event: the master's when this was added: %CT_EVENT_EXPECT bits of what is told
 * @added: it is expected
 * @ready: the master is confirmed: a packet may meet it
 * @flags: %NF_CT_EXPECT_PERMANENT: it stays when a connection has met it;
 *	%NF_CT_EXPECT_INACTIVE: none will; %NF_CT_EXPECT_USERSPACE
 * @timeout: how long it lives once it is added, jiffies
 * @helper: who expects, or NULL
 * @fn: what is done with who was expected, or NULL
 * @saved_addr: for who translates: the address before that
 * @saved_proto: the port, or what is in place of one
 * @rcu: frees it
 */
struct ct_expect {
	struct hlist_node by_target;
	struct hlist_node by_master;
	struct timerqueue_node due;
	u64 serial;
	struct ct_net *cn;
	struct ct_entry *master;
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_tuple_mask mask;
	u16 zone;
	u8 class;
	u8 dir;
	u16 use_event;
	bool added;
	bool ready;
	u32 flags;
	u32 timeout;
	const struct ct_expect_helper *helper;
	const struct ct_expect_fn *fn;
	union nf_inet_addr saved_addr;
	union nf_conntrack_man_proto saved_proto;
	struct rcu_head rcu;
};

/**
 * struct ct_expects - what a namespace expects
 * @lock: of all here
 * @dead: the namespace exits: nothing is expected any more
 * @count: how many
 * @serial: of the last one
 * @due: all of them, by when they end
 * @work: is done when the first of these does
 * @index: by target and by master; made with the first, and freed with the
 *	namespace's state
 */
struct ct_expects {
	spinlock_t lock;	/* see above */
	bool dead;
	unsigned int count;
	u64 serial;
	struct timerqueue_head due;
	struct delayed_work work;
	struct ct_expect_index *index[2];
};

/**
 * struct ct_expect_cursor - how far a walk has come
 * @bucket: where it is
 * @serial: of the last one that was shown there, 0 for none
 *
 * All zero starts a walk. May be kept between system calls.
 */
struct ct_expect_cursor {
	unsigned int bucket;
	u64 serial;
};

/* How many a namespace may have (net.netfilter.nf_conntrack_expect_max). */
extern unsigned int ct_expect_max;

/**
 * ct_expect_new() - an expectation to be filled in
 * @master: who expects
 * @helper: on whose behalf, or NULL
 * @class: of the helper; 0 without
 * @gfp: allocation flags
 *
 * @zone and @timeout are set, and everything else is 0. The tuple and the mask are
 * to be set: what is not used of an address is 0.
 * Context: as @gfp says; the master is held by the caller.
 * Return: for ct_expect_add() or ct_expect_free(); NULL without memory
 */
struct ct_expect *ct_expect_new(struct ct_entry *master,
				const struct ct_expect_helper *helper,
				unsigned int class, gfp_t gfp);

/**
 * ct_expect_free() - drop one that is not expected
 * @exp: what was not added, or NULL
 * Context: any
 */
void ct_expect_free(struct ct_expect *exp);

/* The same target from another master is no matter, unless it is just the same. */
#define CT_EXPECT_ANY_MASTER	BIT(0)

/**
 * ct_expect_add() - expect it from now on
 * @exp: what ct_expect_new() gave, filled in
 * @flags: %CT_EXPECT_ANY_MASTER: if another connection expects just that, too,
 *	it fails with -EALREADY, not with -EBUSY
 * @portid: netlink port that asked for it, 0 if none
 * @report: whether that request wants its event echoed
 *
 * Takes the place of the same one of the same master, of the oldest of its class if
 * there are as many as that may have, of one of its target, if there are too many, and
 * where no more may be expected of one that ends soon and whose master saw no reply.
 * Of a target the oldest goes whose master saw no reply, then one whose master is not
 * assured, then any. A master that is not confirmed
 * yet may expect, but nobody will be related to it before it is.
 * Context: softirq or process, RCU read side, no lock held; the master is held by
 * the caller.
 * Return: 0: @exp is not the caller's any more, and stays until the end of his RCU
 * read side, at least. Or it is, may be changed, and tried once more: -EBUSY: a
 * packet could meet another one as well; -EALREADY: the same one is there, of
 * another class or master; -EMFILE: there are too many;
 * -ELOOP: a master has a master and so on; -ESHUTDOWN: the master is gone; -ENOMEM
 */
int ct_expect_add(struct ct_expect *exp, unsigned int flags, u32 portid,
		  int report);

/**
 * ct_expect_is_long_row() - has a master a master, and so on, as many as may be?
 * @master: the first of them, held by the caller
 *
 * Each keeps the next one in memory, even when that has ended.
 * Context: any. Return: true if nobody may be expected by it
 */
bool ct_expect_is_long_row(const struct ct_entry *master);

/**
 * ct_expect_remove() - expect it no more
 * @exp: what was added in this RCU read side section, or found in it
 *
 * Nothing happens if it has ended.
 * Context: softirq or process, no lock held
 */
void ct_expect_remove(struct ct_expect *exp);

/**
 * ct_expect_count() - how many does a connection expect?
 * @master: that, held by the caller
 * @class: of this class
 * Context: softirq or process, no lock held. Return: the number
 */
unsigned int ct_expect_count(const struct ct_entry *master, unsigned int class);

/**
 * ct_expect_meet() - is a new connection expected? It becomes what that makes of it
 * @e: an entry that nobody else has, not confirmed
 *
 * With %IPS_EXPECTED, a master, and the master's marks, if so.
 * Context: softirq or process, RCU read side, no lock held. Return: true if so
 */
bool ct_expect_meet(struct ct_entry *e);

/**
 * ct_expect_master_ready() - from now on packets may meet what it expects
 * @e: an entry with %CT_HOT_EXPECTS, just confirmed
 * Context: softirq or process, no lock held but that of a claim
 */
void ct_expect_master_ready(struct ct_entry *e);

/**
 * ct_expect_master_gone() - expect no more what a connection did
 * @e: an entry with %CT_HOT_EXPECTS that is dying, or about to be freed
 * Context: softirq or process, no lock held
 */
void ct_expect_master_gone(struct ct_entry *e);

/**
 * ct_expect_visit() - look at the expectation that a packet would meet
 * @cn: of which namespace
 * @tuple: of that packet
 * @zone: its zone
 * @fn: called under the lock, with bottom halves off, also for one that is not
 *	active; it may call those below that end with _locked
 * @data: for @fn
 * Context: softirq or process, no lock held. Return: what @fn returned, or -ENOENT
 */
int ct_expect_visit(struct ct_net *cn, const struct nf_conntrack_tuple *tuple,
		    u16 zone, int (*fn)(struct ct_expect *exp, void *data),
		    void *data);

/**
 * ct_expect_remove_locked() - expect it no more
 * @exp: what a function that is called under the lock was given
 * @portid: netlink port that asked for it, 0 if none
 * @report: whether that request wants its event echoed
 */
void ct_expect_remove_locked(struct ct_expect *exp, u32 portid, int report);

/**
 * ct_expect_refresh_locked() - change when it ends
 * @exp: as above
 * @timeout: from now, jiffies
 */
void ct_expect_refresh_locked(struct ct_expect *exp, u32 timeout);

/**
 * ct_expect_walk() - look at all of them, each that lives throughout exactly once
 * @cn: of which namespace
 * @c: where to begin; advanced past each for which @fn returned 0
 * @fn: as for ct_expect_visit(); returns non-zero to stop before this one. Is also
 *	shown what is due, and not removed yet
 * @data: for @fn
 * Context: process, no lock held. Return: what @fn returned, 0 at the end
 */
int ct_expect_walk(struct ct_net *cn, struct ct_expect_cursor *c,
		   int (*fn)(struct ct_expect *exp, void *data), void *data);

/**
 * ct_expect_left() - how long will it live?
 * @exp: the expectation
 * Context: any. Return: jiffies; 0: it ends now
 */
u32 ct_expect_left(const struct ct_expect *exp);

/**
 * ct_expect_id() - a handle for user space that tells nothing of addresses
 * @exp: the expectation
 * Context: any. Return: network byte order
 */
__be32 ct_expect_id(const struct ct_expect *exp);

/**
 * ct_expect_fn_register() - user space may ask for it, too
 * @fn: of a name that no other has
 * Context: process
 */
void ct_expect_fn_register(struct ct_expect_fn *fn);

/**
 * ct_expect_fn_unregister() - undo that
 * @fn: what was registered
 *
 * Everything is removed that has it, in all namespaces; nobody is in it, and nobody
 * calls it any more when it returns.
 * Context: process, may sleep
 */
void ct_expect_fn_unregister(struct ct_expect_fn *fn);

/**
 * ct_expect_fn_find() - the one of that name
 * @name: of any length
 * Context: RCU read side, in which an expectation that gets it has to be added.
 * Return: that, or NULL
 */
const struct ct_expect_fn *ct_expect_fn_find(const char *name);

/**
 * ct_expect_helper_gone() - remove everything that a helper expects
 * @helper: that, which is called by no packet any more
 *
 * In all namespaces; nobody looks at it any more when it returns.
 * Context: process, may sleep
 */
void ct_expect_helper_gone(const struct ct_expect_helper *helper);

/**
 * ct_expect_net_init() - nothing is expected yet
 * @cn: a namespace's state, zeroed
 * Context: process
 */
void ct_expect_net_init(struct ct_net *cn);

/**
 * ct_expect_net_exit() - expect nothing, from now on
 * @cn: a namespace that exits, before it leaves the list of all
 * Context: process, may sleep
 */
void ct_expect_net_exit(struct ct_net *cn);

/**
 * ct_expect_net_free() - free what there is
 * @cn: a state that nobody reads, a grace period after ct_expect_net_exit()
 * Context: any
 */
void ct_expect_net_free(struct ct_net *cn);

#endif /* _NET_CT_EXPECT_H */

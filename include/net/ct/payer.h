/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_PAYER_H
#define _NET_CT_PAYER_H

#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

struct mem_cgroup;
struct net;

/**
 * struct ct_payer - whose memory cgroup is charged for what a namespace holds
 * @account: __GFP_ACCOUNT; 0 in the first namespace, whose memory is the
 *	machine's
 * @memcg: who pays when there is no process that could: packets that come in,
 *	a worker. NULL: nobody then. Referenced; from NULL to one once
 *
 * A process that makes an entry, by a packet that it sends or by netlink, pays
 * for it itself.
 *
 * @memcg is who made the namespace. Of one that was there before ct that is not
 * known: there it is who asks first for tracking, or makes an entry.
 */
struct ct_payer {
	gfp_t account;
	struct mem_cgroup *memcg;
};

/**
 * ct_payer_init() - find out who pays
 * @p: to be set
 * @net: the namespace
 * @made: the current process is making it
 * Context: process
 */
void ct_payer_init(struct ct_payer *p, const struct net *net, bool made);

/**
 * ct_payer_is_process() - can what is allocated now be charged to a process?
 * Context: any. Return: true if so, and then it is the current one
 */
static inline bool ct_payer_is_process(void)
{
	return in_task() && current->mm && !(current->flags & PF_KTHREAD);
}

/**
 * ct_payer_ask() - somebody wants connections of a namespace tracked
 * @p: of that namespace; if nobody pays yet, the current process does from now
 *	on, if there is one, be it in that namespace or not
 * Context: any
 */
void ct_payer_ask(struct ct_payer *p);

/**
 * ct_payer_exit() - drop what ct_payer_init() or ct_payer_ask() took
 * @p: in use by nobody
 */
void ct_payer_exit(struct ct_payer *p);

/**
 * ct_payer_zalloc() - kzalloc() that is charged
 * @p: who pays, or NULL: nobody
 * @size: bytes
 * @gfp: with __GFP_ACCOUNT it is charged in any case
 *
 * With __GFP_HIGH, so with GFP_ATOMIC, it is charged above every limit.
 * Context: as @gfp says. Return: what kfree() frees, or NULL
 */
void *ct_payer_zalloc(const struct ct_payer *p, size_t size, gfp_t gfp);

/**
 * ct_payer_enter() - begin to charge what is allocated with @p->account
 * @p: who pays
 * Context: any. Return: for ct_payer_leave()
 */
static inline struct mem_cgroup *ct_payer_enter(const struct ct_payer *p)
{
	return set_active_memcg(ct_payer_is_process() ?
				NULL : READ_ONCE(p->memcg));
}

/**
 * ct_payer_leave() - end of that
 * @outer: what ct_payer_enter() returned
 */
static inline void ct_payer_leave(struct mem_cgroup *outer)
{
	set_active_memcg(outer);
}

#endif /* _NET_CT_PAYER_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_EXPIRE_H
#define _NET_CT_EXPIRE_H

#include <linux/types.h>

struct ct_entry;
struct ct_net;
struct nf_conntrack_tuple;

/**
 * ct_expire_add() - put a confirmed entry into this CPU's wheel, and, if it
 *	has seen no reply, at the end of this CPU's list of eviction candidates
 * @e: the entry; @e->expires is absolute; the wheel borrows the table's
 *	reference: ct_expire_del() comes before that one is dropped
 * Context: bottom halves off, no bucket locked
 */
void ct_expire_add(struct ct_entry *e);

/**
 * ct_expire_del() - take an entry out of its wheel and candidate list
 * @e: an entry, referenced; may be in neither
 * Context: softirq or process; takes the lock of the entry's wheel
 */
void ct_expire_del(struct ct_entry *e);

/**
 * ct_expire_replied() - the entry saw a reply: no candidate for eviction now
 * @e: the entry, referenced, with SEEN_REPLY set; again does no harm
 * Context: softirq or process; @e->lock may be held
 */
void ct_expire_replied(struct ct_entry *e);

/**
 * ct_room_take() - count one more entry of a namespace, if the limit allows
 * @cn: the namespace
 * @orig: its tuple: the last part of the limit is for the host's own traffic
 *
 * Evicts when there is no room. What is refused is noted, to be logged.
 * Context: softirq or process, no lock held.
 * Return: false if there is no room; else ct_net_hold() was called
 */
bool ct_room_take(struct ct_net *cn, const struct nf_conntrack_tuple *orig);

/**
 * ct_evict() - make room in a namespace that is at its limit
 * @cn: the namespace
 *
 * Kills the oldest of its unreplied entries on this CPU's list, or on the
 * others'.
 * Context: softirq or process, RCU read side, no lock held.
 * Return: true if one was killed
 */
bool ct_evict(struct ct_net *cn);

/**
 * ct_candidates_init() - make a namespace's lists of eviction candidates
 * @cn: the namespace
 * Context: process. Return: 0 or -ENOMEM
 */
int ct_candidates_init(struct ct_net *cn);

/**
 * ct_candidates_exit() - free them
 * @cn: a namespace without entries, or one whose ct_candidates_init() failed
 * Context: any
 */
void ct_candidates_exit(struct ct_net *cn);

/**
 * ct_expire_init() - make the wheels
 * Context: process. Return: 0 or -ENOMEM
 */
int ct_expire_init(void);

/**
 * ct_expire_exit() - stop all wheels
 * Context: process; no entry is in a wheel any more
 */
void ct_expire_exit(void);

#endif /* _NET_CT_EXPIRE_H */

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
 * enum ct_room - whether there is room for one more entry
 * @CT_ROOM_NONE: no
 * @CT_ROOM_FREE: yes
 * @CT_ROOM_KEPT: in the host's own share: the entry gets %CT_HOT_KEPT, and
 *	ct_room_give() is called in the end
 */
enum ct_room {
	CT_ROOM_NONE,
	CT_ROOM_FREE,
	CT_ROOM_KEPT,
};

/**
 * ct_room_soft() - up to how many entries nobody is evicted
 * @max: the limit of the namespace, 0 for none
 * Return: all of it but the host's own share
 */
static inline unsigned int ct_room_soft(unsigned int max)
{
	/* One in 32 is for the host's own traffic. */
	return max - (max >> 5);
}

/**
 * ct_room_take() - count one more entry of a namespace, if the limit allows
 * @cn: the namespace
 * @orig: its tuple: the last part of the limit is for the host's own traffic
 *
 * Evicts when there is no room. What is refused is noted, to be logged.
 * Context: softirq or process, no lock held.
 * Return: unless there is none, ct_net_hold() was called
 */
enum ct_room ct_room_take(struct ct_net *cn,
			  const struct nf_conntrack_tuple *orig);

/**
 * ct_room_give() - give back what is in the host's own share
 * @cn: the namespace
 * @orig: the tuple that it was taken for
 */
void ct_room_give(struct ct_net *cn, const struct nf_conntrack_tuple *orig);

/**
 * ct_evict() - make room in a namespace that is at its limit
 * @cn: the namespace
 * @own: for the host itself: what is in its own share may go, too
 *
 * Kills an entry that saw no reply; or one that is not assured, or closing, or
 * closed; the oldest there, or of the source that holds most, as far as a
 * look at a bounded number of entries tells.
 * Context: softirq or process, no lock held.
 * Return: %CT_ROOM_NONE: nobody was killed; %CT_ROOM_FREE: somebody;
 * %CT_ROOM_KEPT: somebody in the host's own share, whose place there is the
 * caller's now, though not the part of it that a source may have
 */
enum ct_room ct_evict(struct ct_net *cn, bool own);

/**
 * ct_evict_this() - kill a connection that makes room, and count it
 * @e: the entry, referenced by the caller
 * Context: as ct_entry_kill(). Return: as ct_entry_kill()
 */
bool ct_evict_this(struct ct_entry *e);

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

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_OVERLOAD_H
#define _CT_OVERLOAD_H

/* At the limit: what overload.c, evict.c, sources.c and refuse.c share. */

#include <linux/list.h>
#include <linux/types.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>

/* How many sources are told apart. */
#define CT_SOURCES	8

/**
 * struct ct_sources - who holds most, in constant space (Misra and Gries,
 *	"Finding repeated elements", 1982)
 * @noted: entries noted; halved with all hits now and then, to forget
 * @top: a lower bound of how many of them each had; @hits 0: free
 */
struct ct_sources {
	u32 noted;
	struct {
		u64 key;
		u32 hits;
	} top[CT_SOURCES];
};

/**
 * struct ct_candidates - for eviction and expiry, of a namespace on one CPU
 * @list: who saw no reply and was confirmed here, oldest first, under the lock
 *	of that CPU's wheel
 * @from: from whose list this CPU evicts, for as long as @left says
 * @left: how many more times until it looks around again
 * @like: @born of the first in that list then
 * @empty: all lists were empty then
 * @cursor: where in the table it looks next
 * @seen: entries that it saw there and that may go, halved now and then
 * @unreplied: how many of them saw no reply
 * @deep: jiffies when it last searched for long; for anybody, and for the host
 *	itself, whose turn comes in the same jiffy
 * @until: jiffies until which it knows that nobody may go; by the same
 * @sources: who holds what may go
 * @refused: packets refused here
 * @late: whose time is up, in no slot of that CPU's wheel any more; under its lock
 * @late_node: link in the wheel's list while @late is not empty
 */
struct ct_candidates {
	struct list_head list;
	unsigned int from;
	unsigned int left;
	u16 like;
	bool empty;
	u32 cursor;
	u32 seen;
	u32 unreplied;
	unsigned long deep[2];
	unsigned long until[2];
	struct ct_sources sources;
	u64 refused;
	struct hlist_head late;
	struct list_head late_node;
};

/**
 * ct_source_key() - a source, as far as they are told apart: the /24 or /64
 * @orig: tuple of the original direction
 * Return: never 0
 */
u64 ct_source_key(const struct nf_conntrack_tuple *orig);

/**
 * ct_sources_note() - a source was seen once more
 * @s: nobody else writes to it
 * @key: ct_source_key()
 */
void ct_sources_note(struct ct_sources *s, u64 key);

/**
 * ct_sources_heavy() - who has more than a quarter of all
 * @s: what was noted
 * Return: the key of the source that has most of all if that is so, 0 if
 * not. Who has a quarter and a ninth more is found for sure
 */
u64 ct_sources_heavy(const struct ct_sources *s);

/**
 * ct_candidates_add() - an entry becomes the youngest candidate
 * @e: in no list; its wheel is locked
 */
void ct_candidates_add(struct ct_entry *e);

/**
 * ct_candidates_aged() - keep the age of a candidate from coming round
 * @e: its wheel, locked, has come to it
 */
void ct_candidates_aged(struct ct_entry *e);

/**
 * ct_candidates_del() - an entry is no candidate any more
 * @e: may be in no list; its wheel is locked
 */
void ct_candidates_del(struct ct_entry *e);

/**
 * ct_candidates_from() - the list to evict from, of those without a reply
 * @cn: the namespace
 * @own: this CPU
 *
 * As it was chosen some evictions ago, or anew; when all were empty, nothing but
 * the own one is looked at for as long.
 * Context: bottom halves off, RCU read side.
 * Return: its CPU, or nr_cpu_ids if all are empty
 */
unsigned int ct_candidates_from(struct ct_net *cn, unsigned int own);

/**
 * ct_candidates_take() - the first in a list
 * @cn: the namespace
 * @cpu: whose list
 *
 * Context: softirq or process, no wheel locked.
 * Return: an entry, in no list any more, with a reference taken; or NULL
 */
struct ct_entry *ct_candidates_take(struct ct_net *cn, unsigned int cpu);

/**
 * ct_room_part_give() - give back a source's part of the host's own share
 * @cn: the namespace
 * @orig: the tuple that it was taken for
 *
 * The place in the share is somebody else's from now on.
 */
void ct_room_part_give(struct ct_net *cn,
		       const struct nf_conntrack_tuple *orig);

/**
 * ct_born_now() - the time, for @ct_entry.born
 */
u16 ct_born_now(void);

/**
 * ct_drops_note() - a packet was dropped at the limit
 * @d: of its namespace; the caller has set @busy
 * @src: its source, as in a tuple
 * @l3: NFPROTO_IPV4 or NFPROTO_IPV6
 */
void ct_drops_note(struct ct_drops *d, const union nf_inet_addr *src, u8 l3);

/**
 * ct_drops_untold() - packets refused that no line in the log has told of
 * @cn: the namespace
 */
u64 ct_drops_untold(const struct ct_net *cn);

/**
 * ct_refused() - a connection was refused: count that, and log it in time
 * @cn: the namespace
 * @orig: the tuple of its first packet
 */
void ct_refused(struct ct_net *cn, const struct nf_conntrack_tuple *orig);

/**
 * ct_refused_exit() - the namespace goes, and what was not told of it
 * @cn: nobody is refused there any more
 */
void ct_refused_exit(struct ct_net *cn);

#endif /* _CT_OVERLOAD_H */

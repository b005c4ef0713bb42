/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_SEQADJ_H
#define _NET_CT_SEQADJ_H

/*
 * Sequence numbers of TCP that differ on both sides of this machine, since
 * somebody here changed how long the data is that one end sent. Windows are kept in
 * the numbers of who sends them.
 */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <net/ct/entry.h>

struct sk_buff;

/**
 * struct ct_seqadj_way - how the numbers of one end are changed
 * @pos: the sequence number of the segment whose length was changed last
 * @before: is added to the numbers up to that
 * @after: to those behind it. Modulo 2^32, as the numbers are
 */
struct ct_seqadj_way {
	u32 pos;
	u32 before;
	u32 after;
};

/**
 * struct ct_seqadj - the same of both ends
 * @way: by direction, under the entry's lock
 */
struct ct_seqadj {
	struct ct_seqadj_way way[IP_CT_DIR_MAX];
};

/* Is a number behind that segment's? */
static inline bool ct_seqadj_is_behind(const struct ct_seqadj_way *way, u32 seq)
{
	return (s32)(seq - way->pos) > 0;
}

/**
 * ct_seqadj_seq() - a sequence number as the other end has to see it
 * @way: of who sent it
 * @seq: as it was sent
 * Return: that
 */
static inline u32 ct_seqadj_seq(const struct ct_seqadj_way *way, u32 seq)
{
	return seq + (ct_seqadj_is_behind(way, seq) ? way->after : way->before);
}

/**
 * ct_seqadj_ack() - an acknowledgment as who is acknowledged has to see it
 * @way: of who is acknowledged
 * @ack: as it was sent, or an edge of a SACK block
 * Return: that
 */
static inline u32 ct_seqadj_ack(const struct ct_seqadj_way *way, u32 ack)
{
	return ack - (ct_seqadj_is_behind(way, ack - way->before) ?
		      way->after : way->before);
}

/**
 * ct_seqadj_get() - how the numbers of a connection are changed
 * @e: the entry
 * @adj: where to put that
 * Context: any, without the entry's lock.
 * Return: false: they are not, and nothing was put
 */
bool ct_seqadj_get(struct ct_entry *e, struct ct_seqadj *adj);

/**
 * ct_seqadj_set() - set how the numbers of one end are changed, from now on
 * @e: the entry
 * @dir: what that end sends is of this direction
 * @way: how
 *
 * Nothing is done to packets of other protocols than TCP. In the namespace each
 * packet of that family costs one more hook then, until it ends.
 * Context: process. Return: 0, -ENOMEM, or what registering hooks failed with
 */
int ct_seqadj_set(struct ct_entry *e, unsigned int dir,
		  const struct ct_seqadj_way *way);

/**
 * ct_seqadj_shift() - a segment became longer, or shorter
 * @e: its connection
 * @dir: its direction
 * @seq: its number
 * @by: by so many bytes
 *
 * Of a connection that ct_seqadj_set() was never called for nothing is changed. Nor
 * by a segment that is repeated: its change is known.
 * Context: softirq or process
 */
void ct_seqadj_shift(struct ct_entry *e, unsigned int dir, u32 seq, s32 by);

/**
 * ct_seqadj_locked() - for who keeps windows
 * @e: the entry, with %IPS_SEQ_ADJUST, locked
 * Return: how its numbers are changed, or NULL
 */
const struct ct_seqadj *ct_seqadj_locked(const struct ct_entry *e);

/**
 * ct_seqadj_packet() - change the numbers of a packet that is about to leave
 * @priv: not used
 * @skb: the packet at POSTROUTING, or at INPUT
 * @state: the hook
 * Context: softirq, or process with bottom halves on. Return: a verdict
 */
unsigned int ct_seqadj_packet(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state);

#endif /* _NET_CT_SEQADJ_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_PROTO_WINDOW_H
#define _CT_PROTO_WINDOW_H

/*
 * Does a segment fit into what both ends said so far? After Rooij, "Real
 * Stateful TCP Packet Filtering in IP Filter" (2001): somebody in the middle
 * knows what was sent, not what arrived, so a segment has to intersect the
 * window (RFC 9293 3.10.7.4 asks the same of the receiver), and an
 * acknowledgment may come late. Each under the entry's lock, or on copies.
 */

#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/tcp.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>
#include <net/ct/policy.h>
#include <net/ct/proto.h>
#include <net/tcp.h>

/**
 * struct ct_numbers - a segment in numbers, host byte order
 * @seq: of its first octet
 * @end: after its last one; SYN and FIN count (RFC 9293 3.4)
 * @ack: acknowledgment number, or what stands for it when there is none
 * @sack: the highest right edge that it selectively acknowledges, or @ack
 * @win: its window, scaled
 * @raw: its window as it stands in the header
 */
struct ct_numbers {
	u32 seq;
	u32 end;
	u32 ack;
	u32 sack;
	u32 win;
	u16 raw;
};

/* No window is larger (RFC 7323 2.3), so that numbers can be compared. */
#define CT_WINDOW_MAX	((u32)U16_MAX << TCP_MAX_WSCALE)

/*
 * So much may be on its way, or lost, to an end that is not seen and of whose
 * window nothing is known: more than hosts offer on long and fast paths.
 */
#define CT_UNSEEN_WINDOW	0x1000000U

/* An acknowledgment may be late by this, or by the largest window if larger. */
#define CT_ACK_SLACK	66000U

static inline u32 ct_seq_low(const struct ct_window *s,
			     const struct ct_window *r)
{
	return s->end - r->maxwin;
}

static inline u32 ct_ack_low(const struct ct_window *s,
			     const struct ct_window *r)
{
	return r->end - max(s->maxwin, CT_ACK_SLACK);
}

/*
 * The four bounds, of the sender @s and the receiver @r of the segment: data
 * not past what the receiver allowed, nor all of it long received; and an
 * acknowledgment of what was sent, and not of ages ago.
 */
static inline bool ct_window_fits(const struct ct_window *s,
				  const struct ct_window *r,
				  const struct ct_numbers *n)
{
	return likely(!after(n->seq, s->maxend)) &&
	       likely(!after(n->sack, r->end)) &&
	       likely(!r->maxwin || !before(n->end, ct_seq_low(s, r))) &&
	       likely(!before(n->sack, ct_ack_low(s, r)));
}

/* Learn from a segment that fits, of the end @from to the end @to. */
static inline void ct_window_learn(struct ct_tcp *tcp, struct ct_window *s,
				   struct ct_window *r, unsigned int from,
				   unsigned int to,
				   const struct ct_numbers *n, bool ack)
{
	u32 offered = min(n->win + (n->sack - n->ack), CT_WINDOW_MAX);

	if (s->maxwin < offered)
		s->maxwin = offered;
	if (after(n->end, s->end)) {
		s->end = n->end;
		tcp->flags[from] |= IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED;
	}
	if (ack && (!(tcp->flags[from] & IP_CT_TCP_FLAG_MAXACK_SET) ||
		    after(n->ack, s->maxack))) {
		s->maxack = n->ack;
		tcp->flags[from] |= IP_CT_TCP_FLAG_MAXACK_SET;
	}

	/* What it sent beyond its window, the receiver seems to allow. */
	if (r->maxwin && after(n->end, s->maxend))
		r->maxwin = min(r->maxwin + (n->end - s->maxend),
				CT_WINDOW_MAX);
	/* Into a closed window, a probe of one octet may go (3.8.6.1). */
	if (!before(n->sack + n->win, r->maxend))
		r->maxend = n->sack + n->win + !n->win;
	if (n->ack == r->end)
		tcp->flags[to] &= ~IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED;
}

/* Note an ACK that fits, and count how often it is repeated. */
static inline void ct_window_repeat(struct ct_tcp *tcp, struct ct_last *last,
				    unsigned int dir,
				    const struct ct_numbers *n)
{
	u16 hash = (n->seq * 0x9e3779b1 + n->ack * 0x85ebca77) >> 16;

	if (last->end == n->end && last->win == n->raw && last->hash == hash &&
	    tcp->last_dir == dir) {
		if (tcp->retrans < U8_MAX)
			tcp->retrans++;
		return;
	}
	tcp->last_dir = dir;
	tcp->retrans = 0;
	last->end = n->end;
	last->win = n->raw;
	last->hash = hash;
}

/*
 * How long a connection lives on by the timeouts @t: less than its state allows
 * when data is repeated in vain, waits for its acknowledgment, or for a window
 * to open.
 */
static inline u32 ct_tcp_timeout_by(const unsigned int *t,
				    const struct ct_entry *e,
				    const struct ct_tcp *tcp, u8 state)
{
	const u32 timeout = READ_ONCE(t[CT_TIMEOUT_TCP + state]);
	const u32 retrans = READ_ONCE(t[CT_TIMEOUT_TCP_RETRANS]);
	const u32 unack = READ_ONCE(t[CT_TIMEOUT_TCP_UNACK]);

	if (unlikely(tcp->retrans >= READ_ONCE(e->cn->tcp_max_retrans)) &&
	    timeout > retrans)
		return retrans;
	if ((tcp->flags[0] | tcp->flags[1]) &
	    IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED && timeout > unack)
		return unack;
	if (unlikely(!e->last.win) && timeout > retrans)
		return retrans;
	return timeout;
}

static inline u32 ct_tcp_timeout(const struct ct_entry *e,
				 const struct ct_tcp *tcp, u8 state)
{
	return ct_tcp_timeout_by(ct_timeouts(e), e, tcp, state);
}

#endif /* _CT_PROTO_WINDOW_H */

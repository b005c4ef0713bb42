/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_PROTO_FAST_H
#define _CT_PROTO_FAST_H

/*
 * What track.c does itself of TCP and UDP instead of calling their trackers,
 * because nearly every packet needs it: is the header sound, and does this
 * packet change anything at all?
 */

#include <linux/jiffies.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/tcp.h>
#include "common.h"
#include "window.h"

/* What a segment does to a connection. Zero: it did nothing yet. */
enum ct_segment {
	SEG_NONE,
	SEG_SYN,
	SEG_SYNACK,
	SEG_ACK,
	SEG_FIN,
	SEG_RST,
	__SEG_MAX
};

static inline enum ct_segment ct_tcp_segment(const struct tcphdr *th)
{
	if (th->rst)
		return SEG_RST;
	if (th->syn)
		return th->ack ? SEG_SYNACK : SEG_SYN;
	return th->fin ? SEG_FIN : SEG_ACK;
}

/*
 * A segment has a SYN, a RST, or an ACK (RFC 9293 3.10.7.4, fifth), a FIN only
 * with an ACK and without a SYN, and urgent data cannot come with a RST. Each
 * with and without PSH, which says nothing of the connection.
 */
#define FLAGS(f)	((BIT_ULL(0) | BIT_ULL(TCPHDR_PSH)) << (f))
#define FLAGS_VALID	(FLAGS(TCPHDR_SYN) | \
			 FLAGS(TCPHDR_SYN | TCPHDR_URG) | \
			 FLAGS(TCPHDR_SYN | TCPHDR_ACK) | \
			 FLAGS(TCPHDR_ACK) | \
			 FLAGS(TCPHDR_ACK | TCPHDR_URG) | \
			 FLAGS(TCPHDR_ACK | TCPHDR_FIN) | \
			 FLAGS(TCPHDR_ACK | TCPHDR_FIN | TCPHDR_URG) | \
			 FLAGS(TCPHDR_RST) | \
			 FLAGS(TCPHDR_RST | TCPHDR_ACK))

/* The options as RFC 7323, appendix A, would have them, which is what most do. */
union ct_timestamp {
	__be32 begin;
	u8 all[TCPOLEN_TSTAMP_ALIGNED];
};

#define TIMESTAMP	htonl(TCPOPT_NOP << 24 | TCPOPT_NOP << 16 | \
			      TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP)

/* Behind the header, with a data offset that was found to be right. */
static inline bool ct_tcp_read_options(struct ct_packet *p)
{
	const unsigned int off = p->l4off + sizeof(p->h.tcp);
	const unsigned int len = p->h.tcp.doff * 4 - sizeof(p->h.tcp);
	union ct_timestamp *ts = (union ct_timestamp *)p->h.tcp_options;

	p->hlen = sizeof(p->h.tcp);
	if (unlikely(len != sizeof(*ts) || !ct_fetch_linear(p->skb, off, ts)))
		return ct_packet_more(p, len);
	p->hlen += sizeof(*ts);
	return true;
}

static inline enum ct_invalid ct_tcp_check(struct ct_packet *p)
{
	const struct tcphdr *th = &p->h.tcp;

	if (unlikely(p->hlen < sizeof(*th)))
		return CT_INVALID_L4_SHORT;
	if (unlikely(th->doff * 4 < sizeof(*th) || th->doff * 4 > p->l4len))
		return CT_INVALID_TCP_HEADER;
	if (th->doff * 4 > sizeof(*th) && unlikely(!ct_tcp_read_options(p)))
		return CT_INVALID_L4_SHORT;
	if (ct_checksum_due(p) &&
	    nf_checksum(p->skb, p->hook, p->l4off, IPPROTO_TCP, p->l3))
		return CT_INVALID_TCP_CHECKSUM;
	if (unlikely(!(FLAGS_VALID >> (tcp_flag_byte(th) & 0x3f) & 1)))
		return CT_INVALID_TCP_FLAGS;
	return CT_OK;
}

static inline enum ct_invalid ct_udp_check(const struct ct_packet *p)
{
	const struct udphdr *uh = &p->h.udp;
	unsigned int len;

	if (unlikely(p->hlen < sizeof(*uh)))
		return CT_INVALID_L4_SHORT;

	len = ntohs(uh->len);
	if (unlikely(len < sizeof(*uh) || len > p->l4len))
		return CT_INVALID_UDP_LENGTH;

	/* None computed (RFC 768); over IPv6 for tunnels only (RFC 6935). */
	if (!uh->check)
		return CT_OK;
	if (ct_checksum_due(p) &&
	    nf_checksum(p->skb, p->hook, p->l4off, IPPROTO_UDP, p->l3))
		return CT_INVALID_UDP_CHECKSUM;
	return CT_OK;
}

/* No options, or a timestamp alone: nothing to read. */
static inline bool ct_tcp_plain(const struct ct_packet *p)
{
	const union ct_timestamp *ts = (const void *)p->h.tcp_options;

	return p->hlen == sizeof(p->h.tcp) ||
	       (p->hlen == sizeof(p->h.tcp) + sizeof(*ts) &&
		likely(ts->begin == TIMESTAMP));
}

/* What is left of it for a connection with a policy, or not yet confirmed. */
void ct_tcp_steady_rare(struct ct_entry *e);

/*
 * An ACK, with data or without, of an established connection and in its
 * windows: what the state machine would do, at once, and its bytes counted.
 * Return: false if it is something else, and nothing was done
 */
static inline bool ct_tcp_steady(struct ct_entry *e, const struct ct_packet *p,
				 unsigned int dir)
{
	const struct tcphdr *th = &p->h.tcp;
	struct ct_window *s = &e->seen.window[dir], *r = &e->seen.window[!dir];
	struct ct_tcp *tcp = &e->proto.tcp;
	struct ct_numbers n;
	u32 timeout, hot;
	bool steady, bh;

	if (unlikely(ct_tcp_segment(th) != SEG_ACK || !ct_tcp_plain(p)))
		return false;
	n.seq = ntohl(th->seq);
	n.end = n.seq + p->l4len - th->doff * 4;
	n.ack = ntohl(th->ack_seq);
	n.sack = n.ack;
	n.raw = ntohs(th->window);

	/* Bottom halves are off, but for what a process sends. */
	bh = !softirq_count();
	if (unlikely(bh))
		local_bh_disable();
	spin_lock(&e->lock);
	hot = ct_entry_hot(e);
	steady = likely(tcp->state == TCP_CONNTRACK_ESTABLISHED) &&
		 likely(tcp->replied) &&
		 likely((hot & (IPS_SEEN_REPLY | IPS_ASSURED |
				IPS_FIXED_TIMEOUT | IPS_SEQ_ADJUST)) ==
			(IPS_SEEN_REPLY | IPS_ASSURED)) &&
		 likely(s->maxwin) && likely(r->maxwin) &&
		 ct_window_fits(s, r, &n);
	if (likely(steady)) {
		n.win = (u32)n.raw << tcp->scale[dir];
		ct_window_learn(tcp, s, r, dir, !dir, &n, true);
		ct_window_repeat(tcp, &e->last, dir, &n);
		tcp->last_index = SEG_ACK;
		tcp->last_dir = dir;
		if (likely((hot & (IPS_CONFIRMED | CT_HOT_REVISIT |
				   CT_HOT_POLICY)) ==
			   (IPS_CONFIRMED | CT_HOT_REVISIT))) {
			timeout = ct_tcp_timeout_by(e->cn->timeout, e, tcp,
						    TCP_CONNTRACK_ESTABLISHED);
			/*
			 * The wheel looks soon enough: what ct_refresh() would
			 * do.
			 */
			if (likely(timeout >= CT_REVISIT * HZ &&
				   timeout <= CT_LONGEST))
				WRITE_ONCE(e->expires, (u32)jiffies + timeout);
			else
				ct_refresh(e, timeout);
		} else {
			ct_tcp_steady_rare(e);
		}
		ct_count_locked(e, dir, p->skb);
	}
	spin_unlock(&e->lock);
	if (unlikely(bh))
		local_bh_enable();
	return steady;
}

/* The timeout that a datagram gives a connection, and if it assures it. */
static inline u32 ct_udp_timeout(const struct ct_entry *e, bool *assure)
{
	u32 hot = ct_entry_hot(e);
	const unsigned int *timeout = ct_timeouts_by(e, hot);

	*assure = false;
	if (!(hot & IPS_ASSURED)) {
		if (!(hot & IPS_SEEN_REPLY) ||
		    !time_after(jiffies, e->proto.udp.stream))
			return READ_ONCE(timeout[CT_TIMEOUT_UDP]);
		*assure = true;
	}
	return READ_ONCE(timeout[CT_TIMEOUT_UDP_STREAM]);
}

static inline bool ct_udp_steady(const struct ct_entry *e)
{
	bool assure;
	u32 timeout = ct_udp_timeout(e, &assure);

	return !assure && ct_is_fresh(e, timeout);
}

#endif /* _CT_PROTO_FAST_H */

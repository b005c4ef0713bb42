// SPDX-License-Identifier: GPL-2.0
/*
 * TCP (RFC 9293), seen by somebody between the two ends. What one end sent
 * may never have reached the other, so the state is that of the end which is
 * behind, and a segment that may be right is rather let through than not.
 */
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/tcp.h>
#include <net/ct/expire.h>
#include <net/ct/seqadj.h>
#include <net/netlink.h>
#include <net/tcp.h>
#include "common.h"
#include "fast.h"
#include "tcp_steps.h"

/* The sequence number after the segment: SYN and FIN count (3.4). */
static u32 end_seq(const struct ct_packet *p)
{
	const struct tcphdr *th = &p->h.tcp;

	return ntohl(th->seq) + p->l4len - th->doff * 4 + th->syn + th->fin;
}

static enum ct_invalid tcp_check(struct ct_packet *p)
{
	return ct_tcp_check(p);
}

/* The options of a segment, which tcp_check() read; NULL: there are none. */
static const u8 *options_of(const struct ct_packet *p, unsigned int *len)
{
	if (p->hlen <= sizeof(p->h.tcp))
		return NULL;
	*len = min_t(unsigned int, p->hlen, sizeof(p->h)) - sizeof(p->h.tcp);
	return p->h.tcp_options;
}

/*
 * The next option of more than its kind: opt[1] is its length, all of which is
 * there. NULL at the end, or where it makes no sense any more.
 */
static const u8 *next_option(const u8 **at, unsigned int *left)
{
	const u8 *opt = *at;
	unsigned int n = *left;

	while (n && *opt == TCPOPT_NOP) {
		opt++;
		n--;
	}
	if (n < 2 || *opt == TCPOPT_EOL || opt[1] < 2 || opt[1] > n)
		return NULL;
	*at = opt + opt[1];
	*left = n - opt[1];
	return opt;
}

/* What a SYN says that its sender can do. */
struct options {
	u8 flags;
	u8 scale;
};

static void read_options(const struct ct_packet *p, struct options *o)
{
	unsigned int left;
	const u8 *at, *opt;

	o->flags = 0;
	o->scale = 0;
	at = options_of(p, &left);
	while (at && (opt = next_option(&at, &left))) {
		if (opt[0] == TCPOPT_SACK_PERM && opt[1] == TCPOLEN_SACK_PERM)
			o->flags |= IP_CT_TCP_FLAG_SACK_PERM;
		if (opt[0] == TCPOPT_WINDOW && opt[1] == TCPOLEN_WINDOW) {
			o->flags |= IP_CT_TCP_FLAG_WINDOW_SCALE;
			o->scale = min_t(u8, opt[2], TCP_MAX_WSCALE);
		}
	}
}

/* The highest right edge of the blocks of a SACK option, or @ack. */
static u32 highest_sack(const struct ct_packet *p, u32 ack)
{
	unsigned int left, block;
	const u8 *at, *opt;
	u32 edge;

	at = options_of(p, &left);
	while (at && (opt = next_option(&at, &left))) {
		if (opt[0] != TCPOPT_SACK || opt[1] == TCPOLEN_SACK_BASE ||
		    (opt[1] - TCPOLEN_SACK_BASE) % TCPOLEN_SACK_PERBLOCK)
			continue;
		for (block = TCPOLEN_SACK_BASE; block < opt[1];
		     block += TCPOLEN_SACK_PERBLOCK) {
			edge = get_unaligned_be32(opt + block + 4);
			if (after(edge, ack))
				ack = edge;
		}
		break;
	}
	return ack;
}

/* A segment, and copies of what it may change: an invalid one changes nothing. */
struct step {
	const struct ct_packet *p;
	enum ct_segment seg;
	unsigned int dir;
	/* Whose windows: one end's, if it is both ends. */
	unsigned int from;
	unsigned int to;
	u8 old;
	u8 new;
	bool replied;
	bool assured;
	struct ct_tcp tcp;
	struct ct_window win[IP_CT_DIR_MAX];
	struct ct_numbers n;
	/* How the numbers of the other end are changed; mostly NULL. */
	const struct ct_seqadj_way *way;
};

/* The other end's windows are in its own numbers. */
static u32 as_sent(const struct step *s, u32 ack)
{
	return unlikely(s->way) ? ct_seqadj_ack(s->way, ack) : ack;
}

/* What a segment acknowledges at most, if the other end's SYN allowed SACK. */
static u32 sacked(const struct step *s)
{
	if (!(s->tcp.flags[s->to] & IP_CT_TCP_FLAG_SACK_PERM))
		return s->n.ack;
	return as_sent(s, highest_sack(s->p, ntohl(s->p->h.tcp.ack_seq)));
}

static void begin(struct step *s, const struct ct_entry *e)
{
	const struct tcphdr *th = &s->p->h.tcp;
	const u32 hot = ct_entry_hot(e);
	const bool loop = unlikely(ct_entry_is_loop(e));

	s->from = loop ? IP_CT_DIR_ORIGINAL : s->dir;
	s->to = loop ? IP_CT_DIR_ORIGINAL : !s->dir;
	s->replied = hot & IPS_SEEN_REPLY;
	s->assured = hot & IPS_ASSURED;
	s->tcp = e->proto.tcp;
	s->old = s->tcp.state;
	s->new = steps[s->old][s->dir][s->seg];
	/* The FIN of one end is that of both. */
	if (loop && s->new == TCP_CONNTRACK_FIN_WAIT)
		s->new = TCP_CONNTRACK_LAST_ACK;
	s->win[IP_CT_DIR_ORIGINAL] = e->seen.original;
	if (s->tcp.replied)
		s->win[IP_CT_DIR_REPLY] = e->seen.window[IP_CT_DIR_REPLY];
	else
		memset(&s->win[IP_CT_DIR_REPLY], 0, sizeof(s->win[0]));
	s->n.seq = ntohl(th->seq);
	s->n.end = end_seq(s->p);
	s->way = NULL;
	if (unlikely(hot & IPS_SEQ_ADJUST) && ct_seqadj_locked(e))
		s->way = &ct_seqadj_locked(e)->way[!s->dir];
	s->n.ack = as_sent(s, ntohl(th->ack_seq));
	s->n.raw = ntohs(th->window);
}

/*
 * What the segment changed holds. The reply's window lies where the link of an
 * eviction candidate was: the entry is none any more. Return: events
 */
static u32 commit(const struct step *s, struct ct_entry *e)
{
	u32 events = 0;

	e->seen.original = s->win[IP_CT_DIR_ORIGINAL];
	if (s->dir == IP_CT_DIR_REPLY && !s->tcp.replied) {
		if (!ct_status_set(e, IPS_SEEN_REPLY_BIT))
			events = BIT(IPCT_REPLY);
		ct_expire_replied(e);
	}
	if (s->dir == IP_CT_DIR_REPLY || s->tcp.replied)
		e->seen.window[IP_CT_DIR_REPLY] = s->win[IP_CT_DIR_REPLY];
	e->proto.tcp = s->tcp;
	if (s->dir == IP_CT_DIR_REPLY)
		e->proto.tcp.replied = 1;
	return events;
}

/*
 * Let a segment through that does not fit, and remember it, since its answer
 * tells who was right.
 */
static void pass(const struct step *s, struct ct_entry *e)
{
	struct ct_tcp *tcp = &e->proto.tcp;
	struct options o;

	tcp->last_index = s->seg;
	tcp->last_dir = s->dir;
	e->last.end = s->n.end;
	e->last.win = s->n.raw;
	/* A reset of the half-open connection will have this as its number. */
	if (s->old == TCP_CONNTRACK_SYN_SENT && s->seg == SEG_ACK)
		e->seen.original.maxack = s->n.ack;
	if (s->seg != SEG_SYN)
		return;
	read_options(s->p, &o);
	tcp->syn_flags = o.flags;
	tcp->syn_scale = o.scale;
	tcp->simultaneous = 0;
	/* The challenge ACK must not be taken for that of the FIN. */
	tcp->challenge = s->old == TCP_CONNTRACK_LAST_ACK;
}

/* Did the client go on without an answer that was seen? */
static bool heard_one_way(const struct step *s)
{
	return s->old == TCP_CONNTRACK_SYN_SENT && !s->tcp.replied &&
	       s->tcp.last_dir == IP_CT_DIR_ORIGINAL &&
	       (s->tcp.last_index == SEG_ACK || s->tcp.last_index == SEG_FIN);
}

/*
 * A SYN,ACK that acknowledges the SYN which was let through before: both ends
 * agree on a new connection, and we are the one who was wrong.
 */
static bool resync(struct step *s, const struct ct_entry *e)
{
	const unsigned int other = s->to;

	if (s->seg != SEG_SYNACK || s->tcp.last_index != SEG_SYN ||
	    s->tcp.last_dir == s->dir || s->n.ack != e->last.end)
		return false;
	s->old = TCP_CONNTRACK_SYN_SENT;
	s->new = TCP_CONNTRACK_SYN_RECV;
	s->tcp.challenge = 0;
	s->tcp.flags[other] = s->tcp.syn_flags;
	s->tcp.scale[other] = s->tcp.syn_scale;
	s->win[other].end = e->last.end;
	s->win[other].maxend = e->last.end;
	s->win[other].maxwin = e->last.win ?: 1;
	s->tcp.flags[s->from] &= IP_CT_TCP_FLAG_BE_LIBERAL;
	s->tcp.scale[s->from] = 0;
	memset(&s->win[s->from], 0, sizeof(s->win[0]));
	return true;
}

/* Is it within reach of what was seen last of who gets no answer here? */
static bool is_near(const struct step *s, const struct ct_entry *e)
{
	const u32 at = heard_one_way(s) ? e->last.end :
					  s->win[IP_CT_DIR_ORIGINAL].end;

	return s->n.end - at + CT_UNSEEN_WINDOW <= 2 * CT_UNSEEN_WINDOW;
}

/*
 * The client goes on, and no SYN,ACK was seen: the server's answers do not come
 * along here (direct server return). An ACK out of nowhere would open a
 * connection, so this one may pass; who wants to see handshakes says so by
 * tcp_loose. Nothing of what the SYN said changes, for there may be an answer
 * after all: unreplied, with the timeout of SYN_SENT, and the first to be
 * evicted is the connection still.
 */
static enum ct_verdict pass_one_way(const struct step *s, struct ct_entry *e,
				    enum ct_invalid *reason)
{
	struct ct_tcp *tcp = &e->proto.tcp;

	if (s->tcp.replied || !READ_ONCE(e->cn->tcp_loose) || !is_near(s, e)) {
		*reason = CT_INVALID_TCP_STATE;
		return CT_INVALID;
	}
	tcp->last_index = s->seg;
	tcp->last_dir = s->dir;
	e->last.end = s->n.end;
	ct_refresh(e, min(ct_timeout(e, CT_TIMEOUT_TCP +
				     TCP_CONNTRACK_SYN_SENT),
			  ct_timeout(e, CT_TIMEOUT_TCP_UNACK)));
	return CT_ACCEPT;
}

static bool is_challenge_ack(const struct step *s)
{
	return s->old == TCP_CONNTRACK_LAST_ACK && s->seg == SEG_ACK &&
	       s->tcp.last_index == SEG_SYN && s->tcp.last_dir != s->dir &&
	       s->tcp.challenge;
}

/* What a RST may be, by its numbers. */
enum reset {
	RESET_CHECK,	/* to be checked by the window */
	RESET_TAKE,	/* to be believed without */
	RESET_BAD
};

/*
 * A RST is believed if its number is exactly what the other end expects (RFC
 * 5961 3.2): what that acknowledged last. One with another number, if it is in
 * the window, is answered by a challenge ACK, and the state stays.
 */
static enum reset judge_reset(struct step *s, const struct ct_entry *e)
{
	const struct ct_tcp *tcp = &s->tcp;
	const bool open = s->old == TCP_CONNTRACK_ESTABLISHED && s->assured;
	const u32 expected = s->win[s->to].maxack;

	/* Both ends may have forgotten the connection, and begun another. */
	if (s->old >= TCP_CONNTRACK_FIN_WAIT &&
	    s->old <= TCP_CONNTRACK_CLOSE)
		return RESET_TAKE;
	if (s->dir == IP_CT_DIR_ORIGINAL && heard_one_way(s) && is_near(s, e))
		return RESET_TAKE;

	/* After a SYN that was let through, the numbers may be old ones. */
	if (tcp->flags[s->to] & IP_CT_TCP_FLAG_MAXACK_SET &&
	    tcp->last_index != SEG_SYN) {
		/* An answer to such a SYN, when there was something since. */
		if (!s->n.seq && !open)
			return RESET_CHECK;
		if (before(s->n.seq, expected) &&
		    !READ_ONCE(e->cn->tcp_ignore_invalid_rst))
			return RESET_BAD;
		if (!open || s->n.seq == expected)
			return RESET_CHECK;
		/* Right behind the data that its sender sent just now. */
		if (tcp->last_index == SEG_ACK && tcp->last_dir == s->dir &&
		    s->n.seq == e->last.end)
			return RESET_CHECK;
		s->new = s->old;
	}

	/* It answers the SYN, or the ACK, that was let through before. */
	if (s->n.ack == e->last.end &&
	    ((s->replied && tcp->last_index == SEG_SYN &&
	      tcp->last_dir != s->dir) ||
	     (!s->assured && tcp->last_index == SEG_ACK)))
		return RESET_TAKE;
	/* It answers the ACK of a half-open connection (RFC 9293 3.5.1). */
	if (s->old == TCP_CONNTRACK_SYN_SENT && tcp->last_index == SEG_ACK &&
	    tcp->last_dir == IP_CT_DIR_REPLY &&
	    s->n.seq == e->seen.original.maxack)
		return RESET_TAKE;
	return RESET_CHECK;
}

/* The first SYN of a direction, or another one before it is open. */
static void init_sender(struct step *s)
{
	struct ct_window *sender = &s->win[s->from];
	struct options o;

	sender->end = s->n.end;
	sender->maxend = s->n.end;
	sender->maxwin = s->n.raw ?: 1;
	read_options(s->p, &o);
	s->tcp.flags[s->from] &= IP_CT_TCP_FLAG_BE_LIBERAL;
	s->tcp.flags[s->from] |= o.flags;
	s->tcp.scale[s->from] = o.scale;
	/* Scaled only if both ends said so (RFC 7323 2.2). */
	if (s->dir == IP_CT_DIR_REPLY &&
	    !(s->tcp.flags[s->from] & s->tcp.flags[s->to] &
	      IP_CT_TCP_FLAG_WINDOW_SCALE))
		memset(s->tcp.scale, 0, sizeof(s->tcp.scale));
}

/* In the middle of a connection whose beginning was not seen. */
static void pick_up_sender(struct step *s)
{
	struct ct_window *sender = &s->win[s->from];
	struct ct_window *receiver = &s->win[s->to];

	sender->end = s->n.end;
	sender->maxwin = ((u32)s->n.raw << s->tcp.scale[s->from]) ?: 1;
	sender->maxend = s->n.end + sender->maxwin;
	/* The answer to a keepalive, of an octet that we never saw. */
	if (receiver->maxwin && s->n.sack == receiver->end + 1)
		receiver->end++;
}

/* What the window check says. */
enum fit {
	FIT_ACCEPT,	/* part of the connection */
	FIT_PASS,	/* late, or early: it changes no state */
	FIT_INVALID
};

/* Out of one of the four bounds; which one? */
static enum fit misfit(struct step *s, const struct ct_entry *e, bool *overshot,
		       enum ct_invalid *reason)
{
	const struct ct_window *sender = &s->win[s->from];
	const struct ct_window *receiver = &s->win[s->to];
	const struct ct_numbers *n = &s->n;
	const bool fresh = !before(n->end, ct_seq_low(sender, receiver));
	const bool timely = !before(n->sack, ct_ack_low(sender, receiver));
	const bool known = !after(n->sack, receiver->end);
	const bool high = after(n->seq, sender->maxend);

	/*
	 * There are stacks that send more than the receiver allowed. If the
	 * ruleset lets it pass, its acknowledgment is not of unknown data.
	 */
	*overshot = high && receiver->maxwin && fresh && timely && known &&
		    n->end - sender->maxend + 1 <= receiver->maxwin;
	if (s->tcp.flags[s->from] & IP_CT_TCP_FLAG_BE_LIBERAL ||
	    READ_ONCE(e->cn->tcp_be_liberal))
		return FIT_ACCEPT;
	if (*overshot)
		return FIT_PASS;
	if (high) {
		*reason = CT_INVALID_TCP_SEQ;
		return FIT_INVALID;
	}
	if (!known) {
		*reason = CT_INVALID_TCP_ACK;
		return FIT_INVALID;
	}
	return FIT_PASS;
}

static enum fit check_window(struct step *s, struct ct_entry *e,
			     enum ct_invalid *reason)
{
	struct ct_window *sender = &s->win[s->from];
	struct ct_window *receiver = &s->win[s->to];
	const struct tcphdr *th = &s->p->h.tcp;
	bool overshot;
	enum fit fit;

	s->n.sack = sacked(s);

	if (!sender->maxwin) {
		if (th->syn)
			init_sender(s);
		else
			pick_up_sender(s);
		/* Simultaneous open: nothing to acknowledge, all is new. */
		if (th->syn && !th->ack)
			return FIT_ACCEPT;
	} else if (th->syn && after(s->n.end, sender->end) &&
		   (s->old == TCP_CONNTRACK_SYN_SENT ||
		    s->old == TCP_CONNTRACK_SYN_RECV)) {
		/* It began anew, from a higher number (3.4.3). */
		init_sender(s);
		if (s->dir == IP_CT_DIR_REPLY && !th->ack)
			return FIT_ACCEPT;
	}

	/*
	 * Made by netlink, and nothing is known of the other end: what it sent
	 * is what is acknowledged. What was picked up is liberal anyway.
	 */
	if (th->ack && !receiver->maxwin &&
	    !(s->tcp.flags[s->from] & IP_CT_TCP_FLAG_BE_LIBERAL)) {
		receiver->end = s->n.sack;
		receiver->maxend = s->n.sack;
	}
	/* No ACK: as if it were right. Some send a RST with one of zero. */
	if (!th->ack || (th->rst && !th->ack_seq)) {
		s->n.ack = receiver->end;
		s->n.sack = receiver->end;
	}
	/* A RST that answers a SYN has the number zero (3.10.7.1). */
	if (th->rst && !s->n.seq && s->old == TCP_CONNTRACK_SYN_SENT) {
		s->n.seq = sender->end;
		s->n.end = sender->end;
	}

	if (unlikely(!ct_window_fits(sender, receiver, &s->n))) {
		fit = misfit(s, e, &overshot, reason);
		if (overshot) {
			sender->end = s->n.end;
			s->tcp.flags[s->from] |=
				IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED;
			/* Its sender has a window: this is no first reply. */
			if (fit == FIT_PASS)
				commit(s, e);
		}
		return fit;
	}
	/* The window of a SYN is not scaled (RFC 7323 2.2). */
	s->n.win = s->n.raw;
	if (!th->syn)
		s->n.win <<= s->tcp.scale[s->from];
	ct_window_learn(&s->tcp, sender, receiver, s->from, s->to, &s->n,
			th->ack);
	if (s->seg == SEG_ACK)
		ct_window_repeat(&s->tcp, &e->last, s->dir, &s->n);
	return FIT_ACCEPT;
}

/*
 * A FIN or RST out of the window: it may be that we are out of step. When the
 * other end says the same, the connection need not live for days.
 */
static void doubt(const struct step *s, struct ct_entry *e)
{
	struct ct_tcp *tcp = &e->proto.tcp;
	u32 unack;

	if (!s->assured || (s->seg != SEG_FIN && s->seg != SEG_RST))
		return;
	if (tcp->last_dir == s->dir ||
	    (tcp->last_index != SEG_FIN && tcp->last_index != SEG_RST)) {
		tcp->last_dir = s->dir;
		tcp->last_index = s->seg;
		return;
	}
	unack = ct_timeout(e, CT_TIMEOUT_TCP_UNACK);
	if (ct_entry_left(e) >= 120 * HZ && ct_entry_left(e) > unack)
		ct_refresh(e, unack);
}

static enum ct_invalid tcp_new(struct ct_entry *e, const struct ct_packet *p)
{
	struct ct_window *sender = &e->seen.original;
	const struct tcphdr *th = &p->h.tcp;
	struct ct_tcp *tcp = &e->proto.tcp;
	struct options o;
	u32 timeout;

	e->proto.raw = 0;
	if (unlikely(p->hlen < sizeof(*th)))
		return CT_INVALID_L4_SHORT;

	sender->end = end_seq(p);
	sender->maxend = sender->end;
	sender->maxwin = ntohs(th->window) ?: 1;
	switch (ct_tcp_segment(th)) {
	case SEG_SYN:
		tcp->state = TCP_CONNTRACK_SYN_SENT;
		tcp->last_index = SEG_SYN;
		read_options(p, &o);
		tcp->flags[IP_CT_DIR_ORIGINAL] = o.flags;
		tcp->scale[IP_CT_DIR_ORIGINAL] = o.scale;
		break;
	case SEG_ACK:
		if (!READ_ONCE(p->cn->tcp_loose))
			return CT_INVALID_TCP_NOT_SYN;
		/* We know neither its window scale nor if it has SACK. */
		tcp->flags[IP_CT_DIR_ORIGINAL] =
		tcp->flags[IP_CT_DIR_REPLY] = IP_CT_TCP_FLAG_SACK_PERM |
					      IP_CT_TCP_FLAG_BE_LIBERAL;
		sender->maxend += sender->maxwin;
		tcp->state = TCP_CONNTRACK_ESTABLISHED;
		tcp->last_index = SEG_ACK;
		break;
	default:
		return CT_INVALID_TCP_NOT_SYN;
	}
	timeout = ct_tcp_timeout(e, tcp, tcp->state);
	/*
	 * Nobody answered yet, so this is not worth the long timeout: a
	 * connection picked up in the middle, or somebody who makes them up.
	 */
	if (tcp->state == TCP_CONNTRACK_ESTABLISHED)
		timeout = min(timeout, ct_timeout(e, CT_TIMEOUT_TCP_UNACK));
	ct_refresh(e, timeout);
	return CT_OK;
}

/* Nobody answered yet, or a challenge ACK is awaited: less than @timeout. */
static u32 until_answer(const struct step *s, const struct ct_entry *e,
			u32 timeout)
{
	const u32 unack = ct_timeout(e, CT_TIMEOUT_TCP_UNACK);

	/* A reset says nothing of a closed window. */
	if (s->seg == SEG_RST &&
	    s->tcp.retrans < READ_ONCE(e->cn->tcp_max_retrans))
		timeout = ct_timeout(e, CT_TIMEOUT_TCP + s->new);
	else if (s->replied)
		return timeout;
	return min(timeout, unack);
}

/* The segment is part of the connection: where it takes it. */
static enum ct_verdict arrive(struct step *s, struct ct_entry *e, u32 *events)
{
	u32 timeout;

	s->tcp.last_index = s->seg;
	s->tcp.last_dir = s->dir;
	s->tcp.state = s->new;
	if (s->new != s->old) {
		*events |= BIT(IPCT_PROTOINFO);
		if (s->new == TCP_CONNTRACK_FIN_WAIT)
			s->tcp.flags[s->from] |= IP_CT_TCP_FLAG_CLOSE_INIT;
	}

	/* Refused, or given up before there was an answer: nothing is left. */
	if (s->seg == SEG_RST && !s->replied) {
		/* But for the windows: one has no place yet. */
		e->proto.tcp = s->tcp;
		*events = 0;
		return CT_DROP_ENTRY;
	}
	*events |= commit(s, e);
	/*
	 * A SYN repeated without an answer does not hold the entry, or the
	 * ports would never be free for somebody else.
	 */
	if (s->seg == SEG_SYN && s->old == TCP_CONNTRACK_SYN_SENT &&
	    !s->replied && ct_entry_hot(e) & IPS_CONFIRMED)
		return CT_ACCEPT;

	timeout = ct_tcp_timeout(e, &s->tcp, s->new);
	if (s->new == TCP_CONNTRACK_ESTABLISHED)
		timeout = until_answer(s, e, timeout);
	if (s->replied && !s->assured &&
	    s->new == TCP_CONNTRACK_ESTABLISHED &&
	    (s->old == TCP_CONNTRACK_SYN_RECV || s->old == s->new) &&
	    !ct_status_set(e, IPS_ASSURED_BIT))
		*events |= BIT(IPCT_ASSURED);
	ct_refresh(e, timeout);
	return CT_ACCEPT;
}

/* Advance the state machine, e->lock held. */
static enum ct_verdict advance(struct step *s, struct ct_entry *e, u32 *events,
			       enum ct_invalid *reason)
{
	enum reset reset = RESET_CHECK;

	begin(s, e);
	switch (s->new) {
	case REJECT:
		*reason = CT_INVALID_TCP_STATE;
		return CT_INVALID;
	case REOPEN:
		return CT_RESTART;
	case ONE_WAY:
		return pass_one_way(s, e, reason);
	case PASS:
		if (!resync(s, e)) {
			/* Who went on is not half open, whoever says so. */
			if (!heard_one_way(s))
				pass(s, e);
			return CT_ACCEPT;
		}
		break;
	case TCP_CONNTRACK_TIME_WAIT:
		if (is_challenge_ack(s)) {
			e->proto.tcp.challenge = 0;
			return CT_ACCEPT;
		}
		break;
	case TCP_CONNTRACK_SYN_SENT2:
		s->tcp.simultaneous = 1;
		break;
	case TCP_CONNTRACK_SYN_RECV:
		/* Both ends wait for this, whoever is first (figure 7). */
		if (s->seg == SEG_ACK && s->tcp.simultaneous)
			s->new = TCP_CONNTRACK_ESTABLISHED;
		break;
	case TCP_CONNTRACK_CLOSE:
		if (s->seg == SEG_RST)
			reset = judge_reset(s, e);
		break;
	}

	if (reset == RESET_BAD) {
		*reason = CT_INVALID_TCP_RST;
		return CT_INVALID;
	}
	if (reset == RESET_CHECK) {
		switch (check_window(s, e, reason)) {
		case FIT_ACCEPT:
			break;
		case FIT_PASS:
			return CT_ACCEPT;
		case FIT_INVALID:
			doubt(s, e);
			return CT_INVALID;
		}
	}
	return arrive(s, e, events);
}

void ct_tcp_steady_rare(struct ct_entry *e)
{
	ct_refresh(e, ct_tcp_timeout(e, &e->proto.tcp,
				     TCP_CONNTRACK_ESTABLISHED));
}

static enum ct_verdict tcp_packet(struct ct_entry *e,
				  const struct ct_packet *p,
				  enum ip_conntrack_info ctinfo,
				  enum ct_invalid *reason)
{
	struct step s __ct_uninit;
	enum ct_verdict verdict;
	u32 events = 0;

	if (unlikely(p->hlen < sizeof(p->h.tcp))) {
		*reason = CT_INVALID_L4_SHORT;
		return CT_INVALID;
	}
	s.p = p;
	s.seg = ct_tcp_segment(&p->h.tcp);
	s.dir = CTINFO2DIR(ctinfo);
	spin_lock_bh(&e->lock);
	verdict = advance(&s, e, &events, reason);
	spin_unlock_bh(&e->lock);
	if (events)
		ct_note(e, p, events);
	return verdict;
}

static int put_state(struct sk_buff *skb, struct ct_entry *e, bool destroy)
{
	struct nf_ct_tcp_flags flags[IP_CT_DIR_MAX] = {};
	struct ct_tcp tcp;

	spin_lock_bh(&e->lock);
	tcp = e->proto.tcp;
	spin_unlock_bh(&e->lock);

	flags[IP_CT_DIR_ORIGINAL].flags = tcp.flags[IP_CT_DIR_ORIGINAL];
	flags[IP_CT_DIR_REPLY].flags = tcp.flags[IP_CT_DIR_REPLY];
	if (nla_put_u8(skb, CTA_PROTOINFO_TCP_STATE, tcp.state))
		return -EMSGSIZE;
	if (destroy)
		return 0;
	if (nla_put_u8(skb, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL,
		       tcp.scale[IP_CT_DIR_ORIGINAL]) ||
	    nla_put_u8(skb, CTA_PROTOINFO_TCP_WSCALE_REPLY,
		       tcp.scale[IP_CT_DIR_REPLY]) ||
	    nla_put(skb, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(flags[0]),
		    &flags[IP_CT_DIR_ORIGINAL]) ||
	    nla_put(skb, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(flags[0]),
		    &flags[IP_CT_DIR_REPLY]))
		return -EMSGSIZE;
	return 0;
}

static int tcp_fill(struct sk_buff *skb, struct ct_entry *e, bool destroy)
{
	return ct_put_protoinfo(skb, e, destroy, CTA_PROTOINFO_TCP, put_state);
}

static u8 tcp_state(const struct ct_entry *e)
{
	return READ_ONCE(e->proto.tcp.state);
}

static void tcp_why(struct ct_entry *e, const struct ct_packet *p,
		    unsigned int dir, struct ct_why *why)
{
	const struct ct_window *sender, *receiver;
	struct step s = { .p = p, .dir = dir };

	if (p->hlen < sizeof(p->h.tcp))
		return;
	s.seg = ct_tcp_segment(&p->h.tcp);
	spin_lock_bh(&e->lock);
	begin(&s, e);
	why->ack = sacked(&s);
	spin_unlock_bh(&e->lock);

	sender = &s.win[s.from];
	receiver = &s.win[s.to];
	why->seq = s.n.seq;
	why->end = s.n.end;
	why->seq_low = ct_seq_low(sender, receiver);
	why->seq_high = sender->maxend;
	why->ack_low = ct_ack_low(sender, receiver);
	why->ack_high = receiver->end;
}

const struct ct_proto ct_proto_tcp = {
	.num = IPPROTO_TCP,
	.header = sizeof(struct tcphdr),
	.timeout = CT_TIMEOUT_TCP,
	.ending = BIT(TCP_CONNTRACK_FIN_WAIT) | BIT(TCP_CONNTRACK_CLOSE_WAIT) |
		  BIT(TCP_CONNTRACK_LAST_ACK) | BIT(TCP_CONNTRACK_TIME_WAIT) |
		  BIT(TCP_CONNTRACK_CLOSE),
	.parse = ct_parse_ports,
	.invert = ct_invert_ports,
	.check = tcp_check,
	.new = tcp_new,
	.packet = tcp_packet,
	.fill = tcp_fill,
	.state = tcp_state,
	.why = tcp_why,
};

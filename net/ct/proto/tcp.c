// SPDX-License-Identifier: GPL-2.0
/*
 * TCP (RFC 9293), seen by somebody between the two ends. What one end sent
 * may never have reached the other, so the state is that of the end which is
 * behind, and a segment that may be right is rather let through than not.
 */
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/tcp.h>
#include <net/netlink.h>
#include <net/tcp.h>
#include "common.h"
#include "fast.h"

/*
 * What the table says other than a state to go to. REJECT, which no cell
 * below spells out, is TCP_CONNTRACK_NONE: nothing goes back there.
 */
#define REJECT	TCP_CONNTRACK_NONE
#define PASS	(TCP_CONNTRACK_MAX + 1)
#define REOPEN	(TCP_CONNTRACK_MAX + 2)
#define TO(s)	TCP_CONNTRACK_##s

/*
 * By state, direction and segment. What a row leaves out is invalid there.
 *
 * PASS means: it may be right, and we may be the one who is out of step (we
 * missed a RST, or came late). It goes through, nothing is concluded from it
 * but by the answer that it gets: see resync().
 */
static const u8 step[TCP_CONNTRACK_MAX][IP_CT_DIR_MAX][__SEG_MAX] = {
	/* Made by netlink, without a state: the first segment says. */
	[TCP_CONNTRACK_NONE] = {
		[IP_CT_DIR_ORIGINAL] = {
			[SEG_SYN] = TO(SYN_SENT),
			[SEG_ACK] = TO(ESTABLISHED),
		},
	},
	[TCP_CONNTRACK_SYN_SENT] = {
		[IP_CT_DIR_ORIGINAL] = {
			[SEG_SYN] = TO(SYN_SENT),
			[SEG_RST] = TO(CLOSE),
		},
		[IP_CT_DIR_REPLY] = {
			/* Simultaneous open (3.5, figure 7). */
			[SEG_SYN] = TO(SYN_SENT2),
			[SEG_SYNACK] = TO(SYN_RECV),
			/* From a half-open connection (3.5.1, figure 9). */
			[SEG_ACK] = PASS,
			[SEG_RST] = TO(CLOSE),
		},
	},
	[TCP_CONNTRACK_SYN_SENT2] = {
		[IP_CT_DIR_ORIGINAL] = {
			[SEG_SYN] = TO(SYN_SENT2),
			[SEG_SYNACK] = TO(SYN_RECV),
			[SEG_RST] = TO(CLOSE),
		},
		[IP_CT_DIR_REPLY] = {
			[SEG_SYN] = TO(SYN_SENT2),
			[SEG_SYNACK] = TO(SYN_RECV),
			[SEG_ACK] = PASS,
			[SEG_RST] = TO(CLOSE),
		},
	},
	[TCP_CONNTRACK_SYN_RECV] = {
		[IP_CT_DIR_ORIGINAL] = {
			/* The SYN,ACK got lost, or it is another SYN. */
			[SEG_SYN] = PASS,
			/* Again, in a simultaneous open. */
			[SEG_SYNACK] = TO(SYN_RECV),
			[SEG_ACK] = TO(ESTABLISHED),
			[SEG_FIN] = TO(FIN_WAIT),
			[SEG_RST] = TO(CLOSE),
		},
		[IP_CT_DIR_REPLY] = {
			[SEG_SYNACK] = PASS,
			/* Says nothing of what the other end received. */
			[SEG_ACK] = TO(SYN_RECV),
			/* Allowed in SYN-RECEIVED (3.10.4). */
			[SEG_FIN] = TO(FIN_WAIT),
			[SEG_RST] = TO(CLOSE),
		},
	},
	[TCP_CONNTRACK_ESTABLISHED] = {
		[IP_CT_DIR_ORIGINAL] = {
			/* Answered by a challenge ACK (3.10.7.4). */
			[SEG_SYN] = PASS,
			[SEG_ACK] = TO(ESTABLISHED),
			[SEG_FIN] = TO(FIN_WAIT),
			[SEG_RST] = TO(CLOSE),
		},
		[IP_CT_DIR_REPLY] = {
			/* The third step of the handshake may be lost. */
			[SEG_SYNACK] = PASS,
			[SEG_ACK] = TO(ESTABLISHED),
			[SEG_FIN] = TO(FIN_WAIT),
			[SEG_RST] = TO(CLOSE),
		},
	},
	/*
	 * One FIN seen, from here on by whom does not matter: the next ACK is
	 * taken for that of the FIN, the next FIN for the other's.
	 */
	[TCP_CONNTRACK_FIN_WAIT] = {
		[IP_CT_DIR_ORIGINAL] = {
			[SEG_SYN] = PASS,
			[SEG_ACK] = TO(CLOSE_WAIT),
			[SEG_FIN] = TO(LAST_ACK),
			[SEG_RST] = TO(CLOSE),
		},
		[IP_CT_DIR_REPLY] = {
			[SEG_SYNACK] = PASS,
			[SEG_ACK] = TO(CLOSE_WAIT),
			[SEG_FIN] = TO(LAST_ACK),
			[SEG_RST] = TO(CLOSE),
		},
	},
	[TCP_CONNTRACK_CLOSE_WAIT] = {
		[IP_CT_DIR_ORIGINAL] = {
			[SEG_SYN] = PASS,
			[SEG_ACK] = TO(CLOSE_WAIT),
			[SEG_FIN] = TO(LAST_ACK),
			[SEG_RST] = TO(CLOSE),
		},
		[IP_CT_DIR_REPLY] = {
			[SEG_SYNACK] = PASS,
			[SEG_ACK] = TO(CLOSE_WAIT),
			[SEG_FIN] = TO(LAST_ACK),
			[SEG_RST] = TO(CLOSE),
		},
	},
	[TCP_CONNTRACK_LAST_ACK] = {
		[IP_CT_DIR_ORIGINAL] = {
			/*
			 * Not closed yet: this end still gets a challenge ACK
			 * (3.10.7.4), or a SYN,ACK if it is closed after all.
			 */
			[SEG_SYN] = PASS,
			[SEG_ACK] = TO(TIME_WAIT),
			[SEG_FIN] = TO(LAST_ACK),
			[SEG_RST] = TO(CLOSE),
		},
		[IP_CT_DIR_REPLY] = {
			[SEG_SYNACK] = PASS,
			[SEG_ACK] = TO(TIME_WAIT),
			[SEG_FIN] = TO(LAST_ACK),
			[SEG_RST] = TO(CLOSE),
		},
	},
	[TCP_CONNTRACK_TIME_WAIT] = {
		[IP_CT_DIR_ORIGINAL] = {
			/* A SYN may open it again (3.6.1). */
			[SEG_SYN] = REOPEN,
			[SEG_ACK] = TO(TIME_WAIT),
			[SEG_FIN] = TO(TIME_WAIT),
			[SEG_RST] = TO(CLOSE),
		},
		[IP_CT_DIR_REPLY] = {
			/* Likewise, with the roles exchanged. */
			[SEG_SYN] = REOPEN,
			[SEG_SYNACK] = PASS,
			[SEG_ACK] = TO(TIME_WAIT),
			[SEG_FIN] = TO(TIME_WAIT),
			[SEG_RST] = TO(CLOSE),
		},
	},
	/* What was on its way when the RST came still arrives. */
	[TCP_CONNTRACK_CLOSE] = {
		[IP_CT_DIR_ORIGINAL] = {
			[SEG_SYN] = REOPEN,
			[SEG_ACK] = TO(CLOSE),
			[SEG_FIN] = TO(CLOSE),
			[SEG_RST] = TO(CLOSE),
		},
		[IP_CT_DIR_REPLY] = {
			[SEG_SYNACK] = PASS,
			[SEG_ACK] = TO(CLOSE),
			[SEG_FIN] = TO(CLOSE),
			[SEG_RST] = TO(CLOSE),
		},
	},
};

/* In cn->timeout[], after those of the states. */
#define TIMEOUT_UNACK	(CT_TIMEOUT_TCP_MAX - 1)

/* In flags[IP_CT_DIR_ORIGINAL], of the connection, not shown to anybody. */
#define FLAGS_PRIVATE	(IP_CT_EXP_CHALLENGE_ACK | IP_CT_TCP_SIMULTANEOUS_OPEN)

/* The sequence number after the segment: SYN and FIN count (3.4). */
static u32 end_seq(const struct ct_packet *p, const struct tcphdr *th)
{
	return ntohl(th->seq) + p->l4len - th->doff * 4 + th->syn + th->fin;
}

static enum ct_invalid tcp_check(const struct ct_packet *p)
{
	struct tcphdr buf __ct_uninit;

	return ct_tcp_check(p, skb_header_pointer(p->skb, p->l4off,
						  sizeof(buf), &buf));
}

static void wscale_set(struct ct_tcp *tcp, unsigned int dir, u8 scale)
{
	unsigned int shift = dir * 4;

	tcp->wscale &= ~(0xf << shift);
	tcp->wscale |= scale << shift;
}

static u8 wscale_get(const struct ct_tcp *tcp, unsigned int dir)
{
	return tcp->wscale >> (dir * 4) & 0xf;
}

/* Learn from the options of a SYN what its sender can do. */
static void learn_options(struct ct_tcp *tcp, const struct ct_packet *p,
			  const struct tcphdr *th, unsigned int dir)
{
	unsigned int len = th->doff * 4 - sizeof(*th), i, size;
	u8 buf[MAX_TCP_OPTION_SPACE] __ct_uninit;
	const u8 *opt;

	tcp->flags[dir] &= IP_CT_TCP_FLAG_BE_LIBERAL | FLAGS_PRIVATE;
	wscale_set(tcp, dir, 0);
	if (!len)
		return;
	opt = skb_header_pointer(p->skb, p->l4off + sizeof(*th), len, buf);
	if (!opt)
		return;

	for (i = 0; i < len && opt[i] != TCPOPT_EOL; i += size) {
		size = 1;
		if (opt[i] == TCPOPT_NOP)
			continue;
		if (len - i < 2)
			return;
		size = opt[i + 1];
		if (size < 2 || size > len - i)
			return;
		if (opt[i] == TCPOPT_SACK_PERM && size == TCPOLEN_SACK_PERM)
			tcp->flags[dir] |= IP_CT_TCP_FLAG_SACK_PERM;
		if (opt[i] == TCPOPT_WINDOW && size == TCPOLEN_WINDOW) {
			tcp->flags[dir] |= IP_CT_TCP_FLAG_WINDOW_SCALE;
			wscale_set(tcp, dir,
				   min_t(u8, opt[i + 2], TCP_MAX_WSCALE));
		}
	}
}

static void remember(struct ct_tcp *tcp, enum ct_segment seg, unsigned int dir)
{
	tcp->last_dir = dir;
	WRITE_ONCE(tcp->last_index, seg);
}

/*
 * Let a segment through that does not fit, and remember it, since its answer
 * tells who was right.
 */
static void pass(struct ct_tcp *tcp, const struct ct_packet *p,
		 const struct tcphdr *th, enum ct_segment seg, unsigned int dir)
{
	remember(tcp, seg, dir);
	if (seg != SEG_SYN)
		return;
	tcp->syn_end = end_seq(p, th);
	tcp->flags[IP_CT_DIR_ORIGINAL] &= ~FLAGS_PRIVATE;
	/* The challenge ACK must not be taken for that of the FIN. */
	if (tcp->state == TCP_CONNTRACK_LAST_ACK)
		tcp->flags[IP_CT_DIR_ORIGINAL] |= IP_CT_EXP_CHALLENGE_ACK;
}

/*
 * A SYN,ACK that acknowledges the SYN which was let through before: both ends
 * agree on a new connection, and we are the one who was wrong.
 */
static bool resync(struct ct_tcp *tcp, const struct tcphdr *th,
		   enum ct_segment seg, unsigned int dir)
{
	if (seg != SEG_SYNACK || tcp->last_index != SEG_SYN ||
	    (u16)ntohl(th->ack_seq) != tcp->syn_end)
		return false;
	tcp->flags[!dir] &= ~IP_CT_TCP_FLAG_CLOSE_INIT;
	return true;
}

static bool is_challenge_ack(struct ct_tcp *tcp, enum ct_segment seg,
			     unsigned int dir)
{
	if (tcp->state != TCP_CONNTRACK_LAST_ACK || seg != SEG_ACK ||
	    tcp->last_index != SEG_SYN || tcp->last_dir == dir ||
	    !(tcp->flags[IP_CT_DIR_ORIGINAL] & IP_CT_EXP_CHALLENGE_ACK))
		return false;
	tcp->flags[IP_CT_DIR_ORIGINAL] &= ~IP_CT_EXP_CHALLENGE_ACK;
	return true;
}

static void note_segment(struct ct_tcp *tcp, const struct ct_packet *p,
			 const struct tcphdr *th, enum ct_segment seg,
			 unsigned int dir)
{
	remember(tcp, seg, dir);
	if (!th->syn || seg == SEG_RST)
		return;
	learn_options(tcp, p, th, dir);
	/* Scaled only if both ends said so (RFC 7323 2.2). */
	if ((seg == SEG_SYNACK || dir == IP_CT_DIR_REPLY) &&
	    !(tcp->flags[0] & tcp->flags[1] & IP_CT_TCP_FLAG_WINDOW_SCALE))
		tcp->wscale = 0;
}

/*
 * Nobody answered yet, so this is not worth the long timeout: a connection
 * picked up in the middle, or somebody who makes them up.
 */
static u32 state_timeout(const struct ct_entry *e, u8 state, bool replied)
{
	u32 timeout = ct_timeout(e, CT_TIMEOUT_TCP + state);

	if (state == TCP_CONNTRACK_ESTABLISHED && !replied)
		timeout = min(timeout, ct_timeout(e, TIMEOUT_UNACK));
	return timeout;
}

static enum ct_invalid tcp_new(struct ct_entry *e, const struct ct_packet *p)
{
	struct tcphdr buf __ct_uninit;
	struct ct_tcp *tcp = &e->proto.tcp;
	const struct tcphdr *th;

	e->proto.raw = 0;
	th = skb_header_pointer(p->skb, p->l4off, sizeof(buf), &buf);
	if (unlikely(!th))
		return CT_INVALID_L4_SHORT;

	switch (ct_tcp_segment(th)) {
	case SEG_SYN:
		tcp->state = TCP_CONNTRACK_SYN_SENT;
		tcp->last_index = SEG_SYN;
		learn_options(tcp, p, th, IP_CT_DIR_ORIGINAL);
		break;
	case SEG_ACK:
		if (!READ_ONCE(p->cn->tcp_loose))
			return CT_INVALID_TCP_NOT_SYN;
		/* We know neither its window scale nor if it has SACK. */
		tcp->flags[IP_CT_DIR_ORIGINAL] =
		tcp->flags[IP_CT_DIR_REPLY] = IP_CT_TCP_FLAG_SACK_PERM |
					      IP_CT_TCP_FLAG_BE_LIBERAL;
		tcp->state = TCP_CONNTRACK_ESTABLISHED;
		tcp->last_index = SEG_ACK;
		break;
	default:
		return CT_INVALID_TCP_NOT_SYN;
	}
	ct_refresh(e, state_timeout(e, tcp->state, false));
	return CT_OK;
}

/* Advance the state machine, e->lock held. The window check goes here. */
static enum ct_verdict advance(struct ct_entry *e, const struct ct_packet *p,
			       const struct tcphdr *th, enum ct_segment seg,
			       unsigned int dir, u32 *events,
			       enum ct_invalid *reason)
{
	bool replied = ct_entry_hot(e) & IPS_SEEN_REPLY;
	struct ct_tcp *tcp = &e->proto.tcp;
	u8 old = tcp->state, new;

	new = step[old][dir][seg];
	switch (new) {
	case REJECT:
		*reason = CT_INVALID_TCP_STATE;
		return CT_INVALID;
	case REOPEN:
		return CT_RESTART;
	case PASS:
		if (!resync(tcp, th, seg, dir)) {
			pass(tcp, p, th, seg, dir);
			return CT_ACCEPT;
		}
		new = TCP_CONNTRACK_SYN_RECV;
		break;
	case TCP_CONNTRACK_TIME_WAIT:
		if (is_challenge_ack(tcp, seg, dir))
			return CT_ACCEPT;
		break;
	case TCP_CONNTRACK_SYN_SENT2:
		tcp->flags[IP_CT_DIR_ORIGINAL] |= IP_CT_TCP_SIMULTANEOUS_OPEN;
		break;
	case TCP_CONNTRACK_SYN_RECV:
		/* Both ends wait for this, whoever is first (figure 7). */
		if (seg == SEG_ACK && tcp->flags[IP_CT_DIR_ORIGINAL] &
				      IP_CT_TCP_SIMULTANEOUS_OPEN)
			new = TCP_CONNTRACK_ESTABLISHED;
		break;
	}

	note_segment(tcp, p, th, seg, dir);
	WRITE_ONCE(tcp->state, new);
	if (new != old) {
		*events |= BIT(IPCT_PROTOINFO);
		if (new == TCP_CONNTRACK_FIN_WAIT)
			tcp->flags[dir] |= IP_CT_TCP_FLAG_CLOSE_INIT;
	}

	/* Refused, or given up before there was an answer: nothing is left. */
	if (seg == SEG_RST && !replied) {
		*events = 0;
		return CT_DROP_ENTRY;
	}
	/*
	 * A SYN repeated without an answer does not hold the entry, or the
	 * ports would never be free for somebody else.
	 */
	if (seg == SEG_SYN && old == TCP_CONNTRACK_SYN_SENT && !replied &&
	    ct_entry_hot(e) & IPS_CONFIRMED)
		return CT_ACCEPT;
	if (replied && new == TCP_CONNTRACK_ESTABLISHED &&
	    (old == TCP_CONNTRACK_SYN_RECV || old == new) &&
	    !ct_status_set(e, IPS_ASSURED_BIT))
		*events |= BIT(IPCT_ASSURED);
	ct_refresh(e, state_timeout(e, new, replied));
	return CT_ACCEPT;
}

static enum ct_verdict tcp_packet(struct ct_entry *e,
				  const struct ct_packet *p,
				  enum ip_conntrack_info ctinfo,
				  enum ct_invalid *reason)
{
	const struct tcphdr *th;
	enum ct_verdict verdict;
	enum ct_segment seg;
	struct tcphdr buf __ct_uninit;
	u32 events = 0;

	th = skb_header_pointer(p->skb, p->l4off, sizeof(buf), &buf);
	if (unlikely(!th)) {
		*reason = CT_INVALID_L4_SHORT;
		return CT_INVALID;
	}
	seg = ct_tcp_segment(th);
	spin_lock_bh(&e->lock);
	verdict = advance(e, p, th, seg, CTINFO2DIR(ctinfo), &events, reason);
	spin_unlock_bh(&e->lock);
	if (events)
		ct_note(e, p, events);
	return verdict;
}

static int put_state(struct sk_buff *skb, const struct ct_tcp *tcp,
		     bool destroy)
{
	struct nf_ct_tcp_flags orig = {
		.flags = tcp->flags[IP_CT_DIR_ORIGINAL] & ~FLAGS_PRIVATE,
	};
	struct nf_ct_tcp_flags reply = {
		.flags = tcp->flags[IP_CT_DIR_REPLY],
	};

	if (nla_put_u8(skb, CTA_PROTOINFO_TCP_STATE, tcp->state))
		return -EMSGSIZE;
	if (destroy)
		return 0;
	if (nla_put_u8(skb, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL,
		       wscale_get(tcp, IP_CT_DIR_ORIGINAL)) ||
	    nla_put_u8(skb, CTA_PROTOINFO_TCP_WSCALE_REPLY,
		       wscale_get(tcp, IP_CT_DIR_REPLY)) ||
	    nla_put(skb, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(orig),
		    &orig) ||
	    nla_put(skb, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(reply), &reply))
		return -EMSGSIZE;
	return 0;
}

static int tcp_fill(struct sk_buff *skb, struct ct_entry *e, bool destroy)
{
	struct nlattr *info, *nest;
	struct ct_tcp tcp;

	spin_lock_bh(&e->lock);
	tcp = e->proto.tcp;
	spin_unlock_bh(&e->lock);

	info = nla_nest_start(skb, CTA_PROTOINFO);
	if (!info)
		return -EMSGSIZE;
	nest = nla_nest_start(skb, CTA_PROTOINFO_TCP);
	if (!nest || put_state(skb, &tcp, destroy)) {
		nla_nest_cancel(skb, info);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	nla_nest_end(skb, info);
	return 0;
}

const struct ct_proto ct_proto_tcp = {
	.num = IPPROTO_TCP,
	.parse = ct_parse_ports,
	.invert = ct_invert_ports,
	.check = tcp_check,
	.new = tcp_new,
	.packet = tcp_packet,
	.fill = tcp_fill,
};

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_KUNIT_SEGMENTS_H
#define _CT_KUNIT_SEGMENTS_H

/* Conversations of TCP, segment by segment. */

#include <linux/netfilter/nf_conntrack_tcp.h>
#include <net/tcp.h>
#include "proto/fast.h"
#include "packet.h"

#define O	IP_CT_DIR_ORIGINAL
#define R	IP_CT_DIR_REPLY
#define S(s)	TCP_CONNTRACK_##s

#define SYN	TCPHDR_SYN
#define SYNACK	(TCPHDR_SYN | TCPHDR_ACK)
#define ACK	TCPHDR_ACK
#define DATA	(TCPHDR_ACK | TCPHDR_PSH)
#define FIN	(TCPHDR_FIN | TCPHDR_ACK)
#define RST	TCPHDR_RST
#define RSTACK	(TCPHDR_RST | TCPHDR_ACK)

/* Indexes of struct ct_net.timeout[], as states are. */
#define RETRANS	(CT_TIMEOUT_TCP_RETRANS - CT_TIMEOUT_TCP)
#define UNACK	(CT_TIMEOUT_TCP_UNACK - CT_TIMEOUT_TCP)

/* struct segment.win of a window of zero; 0 means the usual 1024. */
#define CLOSED_WINDOW	-1

/* One segment of a script; payload in octets. */
struct segment {
	u8 flags;
	u32 seq;
	u32 ack;
	u16 payload;
	int win;
	u8 opt[12];	/* padded with the end of options */
	u8 optlen;
};

static inline struct ct_packet make(struct kunit *test, struct ct_net *cn,
				    const struct segment *seg)
{
	struct test_packet t;
	struct ct_packet p;
	struct tcphdr *th;

	test_start(&t, NFPROTO_IPV4, IPPROTO_TCP);
	th = test_put_tcp(&t);
	((u8 *)th)[13] = seg->flags;
	th->seq = htonl(seg->seq);
	th->ack_seq = htonl(seg->ack);
	if (seg->win)
		th->window = htons(max(seg->win, 0));
	th->doff += DIV_ROUND_UP(seg->optlen, 4);
	memcpy(test_put(&t, round_up(seg->optlen, 4)), seg->opt, seg->optlen);
	test_put(&t, seg->payload);
	test_finish(&t);
	p = test_located(test, cn, test_skb(test, &t, t.len), t.l3);
	/* It reads the options. What it says is not what is tested. */
	ct_proto_tcp.check(&p);
	return p;
}

/* Send a segment, and do afterwards what the caller of packet() does. */
static inline enum ct_verdict play(struct kunit *test, struct ct_entry *e,
				   unsigned int dir, const struct segment *seg,
				   enum ct_invalid *reason)
{
	struct ct_packet p = make(test, e->cn, seg);
	enum ip_conntrack_info ctinfo;
	enum ct_verdict verdict;

	ctinfo = dir == R ? IP_CT_ESTABLISHED_REPLY :
		 ct_entry_hot(e) & IPS_SEEN_REPLY ? IP_CT_ESTABLISHED :
						    IP_CT_NEW;
	*reason = ct_proto_tcp.check(&p);
	KUNIT_EXPECT_EQ(test, (int)*reason, CT_OK);
	verdict = CT_INVALID;
	if (!e->proto.tcp.state) {
		*reason = ct_proto_tcp.new(e, &p);
		verdict = *reason ? CT_INVALID : CT_ACCEPT;
	} else if (ct_tcp_steady(e, &p, dir)) {
		verdict = CT_ACCEPT;
	} else {
		verdict = ct_proto_tcp.packet(e, &p, ctinfo, reason);
	}
	if (verdict == CT_ACCEPT && dir == R)
		ct_status_set(e, IPS_SEEN_REPLY_BIT);
	kfree_skb(p.skb);
	return verdict;
}

struct script_step {
	u8 dir;
	struct segment seg;
	u8 state;
	enum ct_verdict verdict;
	enum ct_invalid reason;
};

/* How a connection is opened and, from the fourth on, closed. */
static const struct script_step prologue[] __maybe_unused = {
	{ O, { SYN, 100 }, S(SYN_SENT) },
	{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
	{ O, { ACK, 101, 501 }, S(ESTABLISHED) },
	{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
	{ R, { FIN, 501, 102 }, S(LAST_ACK) },
	{ O, { ACK, 102, 502 }, S(TIME_WAIT) },
};

#define OPEN	3
#define CLOSED	6

static inline void follow(struct kunit *test, struct ct_entry *e,
			  const struct script_step *steps, unsigned int n)
{
	enum ct_invalid reason;
	unsigned int i;

	for (i = 0; i < n && steps[i].state; i++) {
		const struct script_step *s = &steps[i];
		enum ct_verdict verdict;

		verdict = play(test, e, s->dir, &s->seg, &reason);
		KUNIT_EXPECT_EQ_MSG(test, (int)verdict, (int)
				    (s->reason ? CT_INVALID : s->verdict),
				    "segment %u", i + 1);
		KUNIT_EXPECT_EQ_MSG(test, (int)e->proto.tcp.state,
				    (int)s->state, "segment %u", i + 1);
		if (s->reason)
			KUNIT_EXPECT_EQ_MSG(test, (int)reason, (int)s->reason,
					    "segment %u", i + 1);
	}
}

#endif /* _CT_KUNIT_SEGMENTS_H */

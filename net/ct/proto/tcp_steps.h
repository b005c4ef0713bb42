/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_PROTO_TCP_STEPS_H
#define _CT_PROTO_TCP_STEPS_H

/* What each segment does in each state of a TCP connection (RFC 9293). */

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include "fast.h"

/*
 * What the table says other than a state to go to. REJECT, which no cell
 * below spells out, is TCP_CONNTRACK_NONE: nothing goes back there.
 */
#define REJECT	TCP_CONNTRACK_NONE
#define PASS	(TCP_CONNTRACK_MAX + 1)
#define REOPEN	(TCP_CONNTRACK_MAX + 2)
#define ONE_WAY	(TCP_CONNTRACK_MAX + 3)
#define TO(s)	TCP_CONNTRACK_##s

/*
 * By state, direction and segment. What a row leaves out is invalid there.
 *
 * PASS means: it may be right, and we may be the one who is out of step (we
 * missed a RST, or came late). It goes through, nothing is concluded from it
 * but by the answer that it gets: see resync().
 *
 * ONE_WAY means: the answers may take another way. See pass_one_way().
 */
static const u8 steps[TCP_CONNTRACK_MAX][IP_CT_DIR_MAX][__SEG_MAX] = {
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
			[SEG_ACK] = ONE_WAY,
			[SEG_FIN] = ONE_WAY,
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

#endif /* _CT_PROTO_TCP_STEPS_H */

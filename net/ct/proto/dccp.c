// SPDX-License-Identifier: GPL-2.0
/*
 * DCCP (RFC 4340), seen by somebody between the two ends: who sent the Request
 * is the client, the other the server, and what a packet does depends on which
 * of them sends it. Sequence numbers are not followed, but for the one by which
 * the client shows that it got the server's answer.
 */
#include <linux/dccp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/netlink.h>
#include "common.h"
#include "compat.h"

#define TO(s)	CT_DCCP_##s
#define REJECT	CT_DCCP_NONE

/*
 * The packet passes and changes nothing, for it means nothing (Sync, SyncAck),
 * or one end may know what we do not: that it forgot the connection and opens
 * another one. See resynchronized().
 */
#define IGNORE	CT_DCCP_IGNORE

/*
 * By who sends it, state and type. What is left out is invalid. Sync and SyncAck
 * may come at any time once there is a connection (7.5.4), and Reset ends any.
 */
static const u8 steps[][TO(TIMEWAIT) + 1][DCCP_NR_PKT_TYPES] = {
	[CT_DCCP_ROLE_CLIENT] = {
		[TO(NONE)] = {
			[DCCP_PKT_REQUEST] = TO(REQUEST),
		},
		[TO(REQUEST)] = {
			[DCCP_PKT_REQUEST] = TO(REQUEST),
			[DCCP_PKT_RESPONSE] = IGNORE,
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		/* It is repeated when the Response is lost behind us. */
		[TO(RESPOND)] = {
			[DCCP_PKT_REQUEST] = TO(RESPOND),
			[DCCP_PKT_RESPONSE] = IGNORE,
			[DCCP_PKT_ACK ... DCCP_PKT_DATAACK] = TO(PARTOPEN),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		/* Data goes with an acknowledgment until it is open (8.1.5). */
		[TO(PARTOPEN)] = {
			[DCCP_PKT_REQUEST ... DCCP_PKT_RESPONSE] = IGNORE,
			[DCCP_PKT_ACK ... DCCP_PKT_DATAACK] = TO(PARTOPEN),
			[DCCP_PKT_CLOSE] = TO(CLOSING),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		[TO(OPEN)] = {
			[DCCP_PKT_REQUEST ... DCCP_PKT_RESPONSE] = IGNORE,
			[DCCP_PKT_DATA ... DCCP_PKT_DATAACK] = TO(OPEN),
			[DCCP_PKT_CLOSE] = TO(CLOSING),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		/* What was sent before CloseReq arrived may be read (8.3). */
		[TO(CLOSEREQ)] = {
			[DCCP_PKT_REQUEST ... DCCP_PKT_RESPONSE] = IGNORE,
			[DCCP_PKT_DATA ... DCCP_PKT_DATAACK] = TO(CLOSEREQ),
			[DCCP_PKT_CLOSE] = TO(CLOSING),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		/*
		 * Close is repeated until a Reset comes (8.3). nf_conntrack
		 * takes only the server's.
		 */
		[TO(CLOSING)] = {
			[DCCP_PKT_REQUEST ... DCCP_PKT_RESPONSE] = IGNORE,
			[DCCP_PKT_DATA ... DCCP_PKT_DATAACK] = TO(CLOSING),
			[DCCP_PKT_CLOSE] = TO(CLOSING),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		/* Another connection between the same ports. */
		[TO(TIMEWAIT)] = {
			[DCCP_PKT_REQUEST] = TO(REQUEST),
			[DCCP_PKT_RESET] = IGNORE,
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
	},
	[CT_DCCP_ROLE_SERVER] = {
		[TO(REQUEST)] = {
			[DCCP_PKT_REQUEST] = IGNORE,
			[DCCP_PKT_RESPONSE] = TO(RESPOND),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		[TO(RESPOND)] = {
			[DCCP_PKT_REQUEST] = IGNORE,
			[DCCP_PKT_RESPONSE] = TO(RESPOND),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		/* Anything but a repeated Response shows that it is open. */
		[TO(PARTOPEN)] = {
			[DCCP_PKT_REQUEST ... DCCP_PKT_RESPONSE] = IGNORE,
			[DCCP_PKT_DATA ... DCCP_PKT_DATAACK] = TO(OPEN),
			[DCCP_PKT_CLOSEREQ] = TO(CLOSEREQ),
			[DCCP_PKT_CLOSE] = TO(CLOSING),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		[TO(OPEN)] = {
			[DCCP_PKT_REQUEST ... DCCP_PKT_RESPONSE] = IGNORE,
			[DCCP_PKT_DATA ... DCCP_PKT_DATAACK] = TO(OPEN),
			[DCCP_PKT_CLOSEREQ] = TO(CLOSEREQ),
			[DCCP_PKT_CLOSE] = TO(CLOSING),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		/* It leaves Close to the client, and has nothing more to say. */
		[TO(CLOSEREQ)] = {
			[DCCP_PKT_REQUEST ... DCCP_PKT_RESPONSE] = IGNORE,
			[DCCP_PKT_CLOSEREQ] = TO(CLOSEREQ),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		/* CloseReq and Close may cross; the client sends another. */
		[TO(CLOSING)] = {
			[DCCP_PKT_REQUEST ... DCCP_PKT_RESPONSE] = IGNORE,
			[DCCP_PKT_DATA ... DCCP_PKT_DATAACK] = TO(CLOSING),
			[DCCP_PKT_CLOSEREQ] = TO(CLOSEREQ),
			[DCCP_PKT_CLOSE] = TO(CLOSING),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
		/* The one that was the server may be the next client. */
		[TO(TIMEWAIT)] = {
			[DCCP_PKT_REQUEST] = TO(REQUEST),
			[DCCP_PKT_RESET] = TO(TIMEWAIT),
			[DCCP_PKT_SYNC ... DCCP_PKT_SYNCACK] = IGNORE,
		},
	},
};

static_assert(ARRAY_SIZE(steps[0]) <= CT_TIMEOUT_DCCP_MAX - CT_TIMEOUT_DCCP);

/* Types whose numbers may be 24 bits long (5.1). */
#define MAY_BE_SHORT	(BIT(DCCP_PKT_DATA) | BIT(DCCP_PKT_ACK) | \
			 BIT(DCCP_PKT_DATAACK))

/* The longest beginning of a header that is of interest (5.1, 5.3). */
struct long_header {
	struct dccp_hdr h;
	struct dccp_hdr_ext ext;
	struct dccp_hdr_ack_bits ack;
};

/* What was read out of it. */
struct numbers {
	u8 type;
	u64 seq;
	u64 ack;
};

/* No number of 48 bits. */
#define UNKNOWN	U64_MAX

static_assert(sizeof(struct long_header) <= sizeof(union ct_header));

/* Up to the options. With short numbers, acknowledgments are shorter, too. */
static unsigned int header_len(const struct dccp_hdr *dh)
{
	unsigned int rest = dccp_packet_hdr_len(dh->dccph_type);

	if (dh->dccph_x)
		return sizeof(*dh) + sizeof(struct dccp_hdr_ext) + rest;
	return sizeof(*dh) + (rest ? sizeof(__be32) : 0);
}

static const struct long_header *header(const struct ct_packet *p)
{
	return (const void *)p->h.raw;
}

/* Return: false if dccp_check() would not let it pass */
static bool read_header(const struct ct_packet *p, struct numbers *n)
{
	const struct long_header *lh = header(p);
	unsigned int len;

	if (p->hlen < sizeof(lh->h))
		return false;
	n->type = lh->h.dccph_type;
	n->seq = UNKNOWN;
	n->ack = UNKNOWN;
	if (n->type >= DCCP_NR_PKT_TYPES)
		return false;
	if (!lh->h.dccph_x)
		return MAY_BE_SHORT & BIT(n->type);

	len = min_t(unsigned int, header_len(&lh->h), sizeof(*lh));
	if (p->hlen < len)
		return false;
	n->seq = (u64)ntohs(lh->h.dccph_seq) << 32 |
		 ntohl(lh->ext.dccph_seq_low);
	if (len == sizeof(*lh))
		n->ack = (u64)ntohs(lh->ack.dccph_ack_nr_high) << 32 |
			 ntohl(lh->ack.dccph_ack_nr_low);
	return true;
}

/*
 * A Request that was ignored is answered: both ends have begun anew, and
 * we with them.
 */
static bool resynchronized(const struct ct_dccp *d, u8 type, unsigned int dir)
{
	return type == DCCP_PKT_RESPONSE &&
	       d->last_type == DCCP_PKT_REQUEST && d->last_dir != dir;
}

/* The entry is locked, or nobody else's. Return: why the packet is invalid */
static enum ct_invalid take_packet(struct ct_entry *e, const struct numbers *n,
				   unsigned int dir, u32 *events)
{
	struct ct_dccp *d = &e->proto.dccp;
	const bool server = d->servers & BIT(dir);
	const u8 was = d->state;
	u8 next;

	next = steps[server ? CT_DCCP_ROLE_SERVER : CT_DCCP_ROLE_CLIENT]
		    [was][n->type];
	if (next == REJECT)
		return CT_INVALID_DCCP_STATE;
	if (next == IGNORE && resynchronized(d, n->type, dir)) {
		d->servers = BIT(dir);
		next = TO(RESPOND);
		d->handshake = n->seq;
	} else if (next == TO(RESPOND) && was == TO(REQUEST)) {
		d->handshake = n->seq;
	} else if (next == TO(REQUEST) && server) {
		d->servers = BIT(!dir);
	}
	d->last_type = n->type;
	d->last_dir = dir;
	if (next == IGNORE)
		return CT_OK;

	if (next != was) {
		d->state = next;
		*events |= BIT(IPCT_PROTOINFO);
	}
	/* The client has the Response, or it could not know its number. */
	if (was == TO(RESPOND) && n->type == DCCP_PKT_ACK &&
	    n->ack == d->handshake && !ct_status_set(e, IPS_ASSURED_BIT))
		*events |= BIT(IPCT_ASSURED);
	ct_refresh(e, ct_timeout(e, CT_TIMEOUT_DCCP + next));
	return CT_OK;
}

/*
 * How much the checksum covers: all, or the header and some words of what
 * follows (9.2). nf_conntrack leaves out the header.
 */
static unsigned int coverage(const struct ct_packet *p,
			     const struct dccp_hdr *dh)
{
	if (!dh->dccph_cscov)
		return p->l4len;
	return (dh->dccph_doff + dh->dccph_cscov - 1) * 4;
}

/*
 * As 8.5 has it, step 1, but that the data offset need not be past the header of
 * the packet's type: its receiver sees to that.
 */
static enum ct_invalid dccp_check(struct ct_packet *p)
{
	const struct dccp_hdr *dh = &header(p)->h;

	if (p->hlen < sizeof(*dh))
		return CT_INVALID_L4_SHORT;
	if (dh->dccph_doff * 4 < sizeof(*dh) || dh->dccph_doff * 4 > p->l4len)
		return CT_INVALID_DCCP_HEADER;
	if (coverage(p, dh) > p->l4len)
		return CT_INVALID_DCCP_COVERAGE;
	if (ct_checksum_due(p) &&
	    nf_checksum_partial(p->skb, p->hook, p->l4off, coverage(p, dh),
				IPPROTO_DCCP, p->l3))
		return CT_INVALID_DCCP_CHECKSUM;
	if (dh->dccph_type >= DCCP_NR_PKT_TYPES)
		return CT_INVALID_DCCP_TYPE;
	if (!dh->dccph_x && !(MAY_BE_SHORT & BIT(dh->dccph_type)))
		return CT_INVALID_DCCP_SHORT;
	if (p->l4len < header_len(dh))
		return CT_INVALID_L4_SHORT;
	return CT_OK;
}

static enum ct_invalid dccp_new(struct ct_entry *e, const struct ct_packet *p)
{
	struct numbers n;
	u32 events = 0;

	e->proto.raw = 0;
	e->proto.dccp.servers = BIT(IP_CT_DIR_REPLY);
	if (!read_header(p, &n))
		return CT_INVALID_L4_SHORT;
	if (n.type != DCCP_PKT_REQUEST)
		return CT_INVALID_DCCP_NEW;
	return take_packet(e, &n, IP_CT_DIR_ORIGINAL, &events);
}

static enum ct_verdict dccp_packet(struct ct_entry *e,
				   const struct ct_packet *p,
				   enum ip_conntrack_info ctinfo,
				   enum ct_invalid *reason)
{
	struct numbers n;
	u32 events = 0;

	*reason = CT_INVALID_L4_SHORT;
	if (!read_header(p, &n))
		return CT_INVALID;
	*reason = CT_OK;
	/* Refused, or given up: there is nothing to remember. */
	if (n.type == DCCP_PKT_RESET && !(ct_entry_hot(e) & IPS_SEEN_REPLY))
		return CT_DROP_ENTRY;
	spin_lock_bh(&e->lock);
	*reason = take_packet(e, &n, CTINFO2DIR(ctinfo), &events);
	spin_unlock_bh(&e->lock);
	if (events)
		ct_note(e, p, events);
	return *reason ? CT_INVALID : CT_ACCEPT;
}

static int put_state(struct sk_buff *skb, struct ct_entry *e, bool destroy)
{
	struct ct_dccp d;
	u8 role;

	spin_lock_bh(&e->lock);
	d = e->proto.dccp;
	spin_unlock_bh(&e->lock);

	if (nla_put_u8(skb, CTA_PROTOINFO_DCCP_STATE, d.state))
		return -EMSGSIZE;
	if (destroy)
		return 0;
	role = d.servers & BIT(IP_CT_DIR_ORIGINAL) ? CT_DCCP_ROLE_SERVER :
						     CT_DCCP_ROLE_CLIENT;
	if (nla_put_u8(skb, CTA_PROTOINFO_DCCP_ROLE, role) ||
	    nla_put_be64(skb, CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ,
			 cpu_to_be64(d.handshake), CTA_PROTOINFO_DCCP_PAD))
		return -EMSGSIZE;
	return 0;
}

static int dccp_fill(struct sk_buff *skb, struct ct_entry *e, bool destroy)
{
	return ct_put_protoinfo(skb, e, destroy, CTA_PROTOINFO_DCCP,
				put_state);
}

static u8 dccp_state(const struct ct_entry *e)
{
	return e->proto.dccp.state;
}

const struct ct_proto ct_proto_dccp = {
	.num = IPPROTO_DCCP,
	.header = sizeof(struct long_header),
	.timeout = CT_TIMEOUT_DCCP,
	.ending = BIT(CT_DCCP_CLOSEREQ) | BIT(CT_DCCP_CLOSING) |
		  BIT(CT_DCCP_TIMEWAIT),
	.parse = ct_parse_ports,
	.invert = ct_invert_ports,
	.check = dccp_check,
	.new = dccp_new,
	.packet = dccp_packet,
	.fill = dccp_fill,
	.state = dccp_state,
};

// SPDX-License-Identifier: GPL-2.0
/* Entries made and changed by request: conntrack -I, -U, and conntrackd. */
#include <net/ct/event.h>
#include <net/ct/expire.h>
#include <net/ct/labels.h>
#include <net/ct/tuple.h>
#include <net/netlink.h>
#include "netlink.h"

/* Bits that come and go with what they stand for only. */
#define STATUS_FIXED	(IPS_EXPECTED | IPS_CONFIRMED | IPS_DYING)
/* Bits that can be set and not cleared. */
#define STATUS_STICKY	(IPS_SEEN_REPLY | IPS_ASSURED)

static int check_status(u32 now, u32 then, struct netlink_ext_ack *extack)
{
	if ((now ^ then) & STATUS_FIXED) {
		NL_SET_ERR_MSG(extack,
			       "EXPECTED, CONFIRMED and DYING cannot be changed");
		return -EBUSY;
	}
	if (now & ~then & STATUS_STICKY) {
		NL_SET_ERR_MSG(extack,
			       "SEEN_REPLY and ASSURED cannot be taken back");
		return -EBUSY;
	}
	return 0;
}

/* @confirmed: the entry is in the table and may be a candidate to evict. */
static void set_status(struct ct_entry *e, u32 status, bool confirmed)
{
	unsigned long bits = status & ~IPS_UNCHANGEABLE_MASK;
	unsigned int bit;

	for_each_set_bit(bit, &bits, __IPS_MAX_BIT) {
		if (!ct_status_set(e, bit) && bit == IPS_SEEN_REPLY_BIT &&
		    confirmed)
			ct_expire_replied(e);
	}
}

static void set_mark(struct ct_entry *e, const struct ct_nl_change *c)
{
	if (c->has_mark)
		ct_entry_mark_set(e, (ct_entry_mark(e) & c->mark_mask) ^
				     c->mark);
}

static int set_labels(struct ct_entry *e, const struct ct_nl_change *c,
		      struct netlink_ext_ack *extack)
{
	int err;

	if (!c->has_labels)
		return 0;
	err = ct_labels_change(e, c->labels, c->labels_mask);
	if (err < 0)
		NL_SET_ERR_MSG(extack, "there is no memory for the labels");
	return min(err, 0);
}

static void set_tcp(struct ct_entry *e, const struct ct_nl_change *c)
{
	struct ct_tcp *tcp = &e->proto.tcp;
	unsigned int dir;

	if (e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum != IPPROTO_TCP)
		return;
	spin_lock_bh(&e->lock);
	if (c->has_tcp_state) {
		tcp->state = c->tcp_state;
		/* See struct ct_window: it has another meaning there. */
		if (tcp->state == TCP_CONNTRACK_SYN_SENT)
			tcp->flags[IP_CT_DIR_ORIGINAL] &=
				~IP_CT_TCP_FLAG_MAXACK_SET;
	}
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		tcp->flags[dir] = (tcp->flags[dir] & ~c->tcp_mask[dir]) |
				  c->tcp_flags[dir];
	/* Scaled only if both ends said so (RFC 7323 2.2). */
	if (c->has_tcp_scale && tcp->flags[IP_CT_DIR_ORIGINAL] &
	    tcp->flags[IP_CT_DIR_REPLY] & IP_CT_TCP_FLAG_WINDOW_SCALE)
		memcpy(tcp->scale, c->tcp_scale, sizeof(tcp->scale));
	spin_unlock_bh(&e->lock);
}

/* Of another protocol, it does not matter. */
static int check_sctp(const struct nf_conntrack_tuple *tuple,
		      const struct ct_nl_change *c,
		      struct netlink_ext_ack *extack)
{
	if (!c->sctp_missing || tuple->dst.protonum != IPPROTO_SCTP)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, c->sctp_nest,
			    "SCTP's state and both verification tags come together");
	NL_SET_ERR_ATTR_MISS(extack, c->sctp_nest, c->sctp_missing);
	return -EINVAL;
}

static void set_sctp(struct ct_entry *e, const struct ct_nl_change *c)
{
	if (!c->has_sctp ||
	    e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum != IPPROTO_SCTP)
		return;
	spin_lock_bh(&e->lock);
	e->proto.sctp = (struct ct_sctp){ .state = c->sctp_state };
	memcpy(e->vtag, c->sctp_vtag, sizeof(e->vtag));
	spin_unlock_bh(&e->lock);
}

static int check_dccp(const struct nf_conntrack_tuple *tuple,
		      const struct ct_nl_change *c,
		      struct netlink_ext_ack *extack)
{
	if (tuple->dst.protonum != IPPROTO_DCCP)
		return 0;
	if (c->partial_dccp) {
		NL_SET_ERR_MSG_ATTR(extack, c->partial_dccp,
				    "DCCP's state and role come together");
		return -EINVAL;
	}
	if (c->wrong_dccp) {
		NL_SET_ERR_MSG_ATTR(extack, c->wrong_dccp,
				    "DCCP has states up to 7, roles up to 1, and numbers of 48 bits");
		return -EINVAL;
	}
	return 0;
}

static void set_dccp(struct ct_entry *e, const struct ct_nl_change *c)
{
	struct ct_dccp *dccp = &e->proto.dccp;

	if (!c->has_dccp ||
	    e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum != IPPROTO_DCCP)
		return;
	spin_lock_bh(&e->lock);
	dccp->state = c->dccp_state;
	dccp->servers = c->dccp_servers;
	if (c->has_dccp_number)
		dccp->handshake = c->dccp_number;
	spin_unlock_bh(&e->lock);
}

/* What only the protocol of @tuple can tell to be wrong. */
static int check_protoinfo(const struct nf_conntrack_tuple *tuple,
			   const struct ct_nl_change *c,
			   struct netlink_ext_ack *extack)
{
	return check_sctp(tuple, c, extack) ?: check_dccp(tuple, c, extack);
}

int ct_nl_change(struct ct_entry *e, const struct ct_nl_change *change,
		 struct netlink_ext_ack *extack)
{
	int err;

	err = check_protoinfo(&e->dir[IP_CT_DIR_ORIGINAL].tuple, change,
			      extack);
	if (err)
		return err;
	if (change->has_status) {
		err = check_status(READ_ONCE(e->status), change->status,
				   extack);
		if (err)
			return err;
	}
	if (change->has_timeout) {
		if (ct_entry_hot(e) & IPS_FIXED_TIMEOUT) {
			NL_SET_ERR_MSG(extack,
				       "the timeout of this connection is fixed");
			return -EPERM;
		}
		ct_refresh(e, change->timeout);
		if (ct_entry_hot(e) & IPS_DYING)
			return -ETIME;
	}
	if (change->has_status)
		set_status(e, change->status,
			   ct_entry_hot(e) & IPS_CONFIRMED);
	set_tcp(e, change);
	set_sctp(e, change);
	set_dccp(e, change);
	set_mark(e, change);
	return set_labels(e, change, extack);
}

static int check_new(const struct nf_conntrack_tuple *tuple,
		     const struct ct_nl_change *change, u32 status,
		     struct netlink_ext_ack *extack)
{
	int err;

	if (tuple[IP_CT_DIR_ORIGINAL].dst.protonum !=
	    tuple[IP_CT_DIR_REPLY].dst.protonum) {
		NL_SET_ERR_MSG(extack,
			       "both tuples must be of the same protocol");
		return -EINVAL;
	}
	err = check_protoinfo(&tuple[IP_CT_DIR_ORIGINAL], change, extack);
	if (err || !change->has_status)
		return err;
	return check_status(status, change->status | (status & IPS_EXPECTED),
			    extack);
}

/* @tuple: of both directions. @master: who expected it, or NULL; the reference
 * passes to the entry, also on failure.
 */
int ct_nl_create(struct ct_net *cn, const struct nf_conntrack_tuple *tuple,
		 const struct nf_conntrack_zone *zone,
		 const struct ct_nl_change *change, struct ct_entry *master,
		 const struct nfnl_info *info, u32 portid)
{
	u32 status = IPS_CONFIRMED | (master ? IPS_EXPECTED : 0);
	struct ct_entry *e;
	int err;

	err = check_new(tuple, change, status, info->extack);
	if (err)
		goto put_master;
	e = ct_entry_new(cn, &tuple[IP_CT_DIR_ORIGINAL],
			 &tuple[IP_CT_DIR_REPLY], zone, GFP_KERNEL);
	if (IS_ERR(e)) {
		err = PTR_ERR(e);
		if (err == -ENOSPC)
			NL_SET_ERR_MSG(info->extack,
				       "the limit of connections is reached");
		goto put_master;
	}
	if (master) {
		struct ct_rare *rare = ct_entry_rare_add(e, GFP_KERNEL);

		if (!rare) {
			ct_entry_put(e);
			err = -ENOMEM;
			goto put_master;
		}
		rare->master = master;
		ct_status_set(e, IPS_EXPECTED_BIT);
	}
	e->expires = change->timeout;
	if (change->has_status)
		set_status(e, change->status, false);
	set_tcp(e, change);
	set_sctp(e, change);
	set_dccp(e, change);
	set_mark(e, change);
	err = set_labels(e, change, info->extack);
	if (!err)
		err = ct_entry_insert(e);
	if (!err)
		ct_event_report(e, CT_NL_CHANGED | BIT(master ? IPCT_RELATED :
							  IPCT_NEW),
				portid, nlmsg_report(info->nlh));
	ct_entry_put(e);
	return err;
put_master:
	ct_entry_put(master);
	return err;
}

// SPDX-License-Identifier: GPL-2.0
/* Entries made and changed by request: conntrack -I, -U, and conntrackd. */
#include <net/ct/event.h>
#include <net/ct/expect.h>
#include <net/ct/expire.h>
#include <net/ct/labels.h>
#include <net/ct/tuple.h>
#include <net/netlink.h>
#include "netlink.h"

/* @confirmed: the entry is in the table and may be a candidate to evict. */
static void set_status(struct ct_entry *e, u32 status)
{
	unsigned long bits = status & ~IPS_UNCHANGEABLE_MASK;
	unsigned int bit;

	for_each_set_bit(bit, &bits, __IPS_MAX_BIT) {
		/* Confirmed meanwhile, by a clone of the packet? */
		if (!ct_status_set(e, bit) &&
		    (bit == IPS_SEEN_REPLY_BIT || bit == IPS_ASSURED_BIT) &&
		    ct_entry_hot(e) & IPS_CONFIRMED)
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

static int set_seqadj(struct ct_entry *e, const struct ct_nl_change *c,
		      struct netlink_ext_ack *extack)
{
	unsigned int dir;
	int err = 0;

	for (dir = 0; dir < IP_CT_DIR_MAX && !err; dir++)
		if (c->has_seqadj[dir])
			err = ct_seqadj_set(e, dir, &c->seqadj.way[dir]);
	if (err)
		NL_SET_ERR_MSG(extack, "sequence numbers cannot be adjusted");
	return err;
}

/* @change: parsed for @e. */
int ct_nl_change(struct ct_entry *e, const struct ct_nl_change *change,
		 struct netlink_ext_ack *extack)
{
	if (change->has_timeout) {
		ct_refresh(e, change->timeout);
		if (ct_entry_hot(e) & IPS_DYING)
			return -ETIME;
	}
	if (change->has_status)
		set_status(e, change->status);
	ct_nl_set_protoinfo(e, change);
	set_mark(e, change);
	return set_seqadj(e, change, extack) ?:
	       set_labels(e, change, extack);
}

/* @tuple: of both directions. @master: who expected it, or NULL; the reference
 * passes to the entry, also on failure.
 */
int ct_nl_create(struct ct_net *cn, const struct nf_conntrack_tuple *tuple,
		 const struct nf_conntrack_zone *zone,
		 const struct ct_nl_change *change, struct ct_entry *master,
		 const struct nfnl_info *info, u32 portid)
{
	struct ct_entry *e;
	int err;

	if (master && ct_expect_is_long_row(master)) {
		NL_SET_ERR_MSG(info->extack, "the row of masters is too long");
		err = -ELOOP;
		goto put_master;
	}
	e = ct_entry_new(cn, &tuple[IP_CT_DIR_ORIGINAL],
			 &tuple[IP_CT_DIR_REPLY], zone, GFP_KERNEL);
	if (IS_ERR(e)) {
		/* Programs know no other error of either kind. */
		err = -ENOMEM;
		if (PTR_ERR(e) == -ENOSPC)
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
		/* As far as others are concerned it has expected this one. */
		atomic_or(CT_HOT_EXPECTS, &master->hot);
		ct_status_set(e, IPS_EXPECTED_BIT);
	}
	e->expires = change->timeout;
	err = ct_nl_set_nat(e, change, info->extack);
	if (change->has_status)
		set_status(e, change->status);
	ct_nl_set_protoinfo(e, change);
	set_mark(e, change);
	if (!err)
		err = set_seqadj(e, change, info->extack);
	if (!err)
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

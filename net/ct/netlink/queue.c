// SPDX-License-Identifier: GPL-2.0
/*
 * What nfnetlink_queue and nfnetlink_log ask of the tracker: the entry of a
 * packet as attributes, and changes to it that come back with a verdict.
 */
#include <linux/netfilter.h>
#include <linux/security.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/expire.h>
#include <net/ct/labels.h>
#include <net/ct/packet.h>
#include <net/ct/seqadj.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netlink.h>
#include "netlink.h"

static struct ct_entry *entry_of(const struct nf_conn *ct)
{
	return ct_entry_of(&ct->ct_general);
}

static size_t secctx_size(const struct nf_conn *ct)
{
	const u32 mark = ct_entry_secmark(entry_of(ct));
	u32 len;

	if (!mark || security_secid_to_secctx(mark, NULL, &len))
		return 0;
	return nla_total_size(0) + nla_total_size(len + 1);
}

/* Room for any entry; the message is short-lived. */
static size_t queue_build_size(const struct nf_conn *ct)
{
	const size_t addresses = 2 * nla_total_size(sizeof(struct in6_addr));
	const size_t l4 = nla_total_size(sizeof(u8)) +
			  3 * nla_total_size(sizeof(u16));
	const size_t tuple = 3 * nla_total_size(0) + addresses + l4 +
			     nla_total_size(sizeof(u16));
	const size_t counters = nla_total_size(0) +
				2 * nla_total_size_64bit(sizeof(u64));
	/* CTA_PROTOINFO: two nests, at most five members */
	const size_t protoinfo = 2 * nla_total_size(0) +
				 5 * nla_total_size(sizeof(u64));

	const size_t seqadj = nla_total_size(0) +
			      3 * nla_total_size(sizeof(u32));

	/* ORIG, REPLY, MASTER; both counters and the timestamp; both ways of
	 * numbers; CTA_ZONE; ID, STATUS, TIMEOUT, MARK and the ctinfo; LABELS
	 */
	return nla_total_size(0) + 3 * tuple + 3 * counters + protoinfo +
	       2 * seqadj +
	       nla_total_size(sizeof(u16)) + 5 * nla_total_size(sizeof(u32)) +
	       nla_total_size(CT_LABELS_WORDS * sizeof(u32)) + secctx_size(ct);
}

/* A packet queued before it is tracked may have a template: no connection. */
static int queue_build(struct sk_buff *skb, struct nf_conn *ct,
		       enum ip_conntrack_info ctinfo, u16 ct_attr,
		       u16 ct_info_attr)
{
	if (ct->status & IPS_TEMPLATE)
		return 0;
	return ct_nl_fill_nested(skb, entry_of(ct), ctinfo, ct_attr,
				 ct_info_attr);
}

/* Told only if they are others now. */
static int change_labels(struct ct_entry *e, const struct ct_nl_change *change)
{
	int changed = ct_labels_change(e, change->labels, change->labels_mask);

	if (changed > 0)
		ct_event(e, BIT(IPCT_LABEL));
	return min(changed, 0);
}

/* Programs send back what they were given, and more: bits that cannot be
 * changed are left alone. SEEN_REPLY and ASSURED can only be set.
 */
static int queue_parse(const struct nlattr *attr, struct nf_conn *ct)
{
	struct ct_entry *e = entry_of(ct);
	const struct ct_nl_target target = {
		.request = CT_NL_VERDICT,
		.status = READ_ONCE(e->status),
	};
	struct nlattr *cda[CTA_MAX + 1];
	struct ct_nl_change change;
	bool labels;
	int err;

	if (ct->status & IPS_TEMPLATE)
		return 0;
	err = nla_parse_nested_deprecated(cda, CTA_MAX, attr, ct_nl_policy,
					  NULL);
	if (err)
		return err;
	err = ct_nl_parse_change((const struct nlattr * const *)cda, &target,
				 &change, NULL);
	if (err)
		return err;
	labels = change.has_labels;
	change.has_labels = false;
	err = ct_nl_change(e, &change, NULL);
	if (!err && labels)
		err = change_labels(e, &change);
	return err;
}

static int queue_attach_expect(const struct nlattr *attr, struct nf_conn *ct,
			       u32 portid, u32 report)
{
	if (ct->status & IPS_TEMPLATE)
		return -EOPNOTSUPP;
	return ct_nl_attach_expect(attr, entry_of(ct));
}

/* Who was handed a packet of a translated connection gave another one back. */
static void queue_seq_adjust(struct sk_buff *skb, struct nf_conn *ct,
			     enum ip_conntrack_info ctinfo, s32 off)
{
	struct ct_entry *e = entry_of(ct);
	const u8 l3 = e->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num;
	struct ct_packet p = { .skb = skb, .l3 = l3 };
	struct nf_conntrack_tuple tuple;
	struct tcphdr th;

	if (!(ct_entry_hot(e) & IPS_NAT_MASK) ||
	    ct_packet_begin(&p, skb_network_offset(skb), &tuple) != CT_OK ||
	    p.l4 != IPPROTO_TCP || !ct_fetch(skb, p.l4off, &th))
		return;
	ct_seqadj_shift(e, CTINFO2DIR(ctinfo), ntohl(th.seq), off);
}

static const struct nfnl_ct_hook queue_hook = {
	.build_size = queue_build_size,
	.build = queue_build,
	.parse = queue_parse,
	.attach_expect = queue_attach_expect,
	.seq_adjust = queue_seq_adjust,
};

void __init ct_nl_queue_init(void)
{
	rcu_assign_pointer(nfnl_ct_hook, &queue_hook);
}

void ct_nl_queue_exit(void)
{
	RCU_INIT_POINTER(nfnl_ct_hook, NULL);
	synchronize_rcu();
}

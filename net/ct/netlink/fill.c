// SPDX-License-Identifier: GPL-2.0
/*
 * An entry as attributes of nfnetlink_conntrack.h. The order of attributes is
 * the one that user space has seen ever since: dumps and events differ.
 */
#include <linux/ktime.h>
#include <linux/security.h>
#include <net/ct/labels.h>
#include <net/ct/proto.h>
#include <net/ct/seqadj.h>
#include <net/netlink.h>
#include "netlink.h"

struct counters {
	u64 packets[IP_CT_DIR_MAX];
	u64 bytes[IP_CT_DIR_MAX];
};

static bool put_u32(struct sk_buff *skb, int type, u32 value)
{
	return nla_put_be32(skb, type, htonl(value));
}

static bool put_u64(struct sk_buff *skb, int type, u64 value, int pad)
{
	return nla_put_be64(skb, type, cpu_to_be64(value), pad);
}

static bool put_addresses(struct sk_buff *skb,
			  const struct nf_conntrack_tuple *t)
{
	struct nlattr *nest = nla_nest_start(skb, CTA_TUPLE_IP);

	if (!nest)
		return true;
	if (t->src.l3num == NFPROTO_IPV4) {
		if (nla_put_in_addr(skb, CTA_IP_V4_SRC, t->src.u3.ip) ||
		    nla_put_in_addr(skb, CTA_IP_V4_DST, t->dst.u3.ip))
			return true;
	} else {
		if (nla_put_in6_addr(skb, CTA_IP_V6_SRC, &t->src.u3.in6) ||
		    nla_put_in6_addr(skb, CTA_IP_V6_DST, &t->dst.u3.in6))
			return true;
	}
	nla_nest_end(skb, nest);
	return false;
}

static bool put_l4(struct sk_buff *skb, const struct nf_conntrack_tuple *t)
{
	const struct ct_proto *p = ct_proto_find(t->src.l3num, t->dst.protonum);
	const bool v4 = p == &ct_proto_icmp;

	if (v4 || p == &ct_proto_icmpv6)
		return nla_put_be16(skb, v4 ? CTA_PROTO_ICMP_ID :
					      CTA_PROTO_ICMPV6_ID,
				    t->src.u.icmp.id) ||
		       nla_put_u8(skb, v4 ? CTA_PROTO_ICMP_TYPE :
					    CTA_PROTO_ICMPV6_TYPE,
				  t->dst.u.icmp.type) ||
		       nla_put_u8(skb, v4 ? CTA_PROTO_ICMP_CODE :
					    CTA_PROTO_ICMPV6_CODE,
				  t->dst.u.icmp.code);
	if (p == &ct_proto_generic)
		return false;
	return nla_put_be16(skb, CTA_PROTO_SRC_PORT, t->src.u.all) ||
	       nla_put_be16(skb, CTA_PROTO_DST_PORT, t->dst.u.all);
}

static bool put_protocol(struct sk_buff *skb,
			 const struct nf_conntrack_tuple *t)
{
	struct nlattr *nest = nla_nest_start(skb, CTA_TUPLE_PROTO);

	if (!nest || nla_put_u8(skb, CTA_PROTO_NUM, t->dst.protonum) ||
	    put_l4(skb, t))
		return true;
	nla_nest_end(skb, nest);
	return false;
}

static bool put_zone(struct sk_buff *skb, int type, const struct ct_entry *e,
		     u8 dir)
{
	u16 zone = e->zone_id[IP_CT_DIR_ORIGINAL] | e->zone_id[IP_CT_DIR_REPLY];

	if (zone == NF_CT_DEFAULT_ZONE_ID || ct_nl_zone_dir(e) != dir)
		return false;
	return nla_put_be16(skb, type, htons(zone));
}

/* Return: true if there is no room. */
bool ct_nl_put_tuple(struct sk_buff *skb, int type,
		     const struct nf_conntrack_tuple *t)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest || put_addresses(skb, t) || put_protocol(skb, t))
		return true;
	nla_nest_end(skb, nest);
	return false;
}

static bool put_tuple(struct sk_buff *skb, int type, const struct ct_entry *e,
		      unsigned int dir)
{
	const struct nf_conntrack_tuple *t = &e->dir[dir].tuple;
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest || put_addresses(skb, t) || put_protocol(skb, t) ||
	    put_zone(skb, CTA_TUPLE_ZONE, e, BIT(dir)))
		return true;
	nla_nest_end(skb, nest);
	return false;
}

/* What every message about an entry begins with. */
static bool put_tuples(struct sk_buff *skb, const struct ct_entry *e)
{
	return put_tuple(skb, CTA_TUPLE_ORIG, e, IP_CT_DIR_ORIGINAL) ||
	       put_tuple(skb, CTA_TUPLE_REPLY, e, IP_CT_DIR_REPLY) ||
	       put_zone(skb, CTA_ZONE, e, NF_CT_DEFAULT_ZONE_DIR);
}

static bool put_id(struct sk_buff *skb, const struct ct_entry *e)
{
	return nla_put_be32(skb, CTA_ID, ct_entry_id(e));
}

static bool put_status(struct sk_buff *skb, const struct ct_entry *e)
{
	return put_u32(skb, CTA_STATUS, READ_ONCE(e->status));
}

static bool put_timeout(struct sk_buff *skb, const struct ct_entry *e)
{
	return put_u32(skb, CTA_TIMEOUT, ct_entry_left(e) / HZ);
}

static bool put_mark(struct sk_buff *skb, const struct ct_entry *e, bool zero)
{
	u32 mark = ct_entry_mark(e);

	if (!IS_ENABLED(CONFIG_NF_CONNTRACK_MARK) || (!mark && !zero))
		return false;
	return put_u32(skb, CTA_MARK, mark);
}

static bool put_master(struct sk_buff *skb, const struct ct_entry *e)
{
	const struct ct_entry *master = ct_entry_master(e);

	return master && ct_nl_put_tuple(skb, CTA_TUPLE_MASTER,
					 &master->dir[IP_CT_DIR_ORIGINAL].tuple);
}

static bool put_protoinfo(struct sk_buff *skb, struct ct_entry *e, bool destroy)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const struct ct_proto *p = ct_proto_find(t->src.l3num, t->dst.protonum);

	return p->fill && p->fill(skb, e, destroy);
}

static u64 read_counter(atomic64_t *counter, bool take)
{
	return take ? atomic64_xchg(counter, 0) : atomic64_read(counter);
}

/* @seen: what was told; when @take is set, taken away from the entry. */
static bool put_counters(struct sk_buff *skb, struct ct_entry *e,
			 struct counters *seen, bool take)
{
	unsigned int dir;

	if (!READ_ONCE(e->cn->acct))
		return false;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		struct ct_dir *d = &e->dir[dir];
		struct nlattr *nest;

		nest = nla_nest_start(skb, CTA_COUNTERS_ORIG + dir);
		if (!nest)
			return true;
		/* Who counts TCP adds under this lock, without atomicity. */
		spin_lock_bh(&e->lock);
		seen->packets[dir] = read_counter(&d->packets, take);
		seen->bytes[dir] = read_counter(&d->bytes, take);
		spin_unlock_bh(&e->lock);
		if (put_u64(skb, CTA_COUNTERS_PACKETS, seen->packets[dir],
			    CTA_COUNTERS_PAD) ||
		    put_u64(skb, CTA_COUNTERS_BYTES, seen->bytes[dir],
			    CTA_COUNTERS_PAD))
			return true;
		nla_nest_end(skb, nest);
	}
	return false;
}

static bool put_timestamp(struct sk_buff *skb, const struct ct_entry *e,
			  u64 stop)
{
	const struct ct_rare *rare = ct_entry_rare(e);
	struct nlattr *nest;

	if (likely(!rare || !rare->start))
		return false;
	nest = nla_nest_start(skb, CTA_TIMESTAMP);
	if (!nest ||
	    put_u64(skb, CTA_TIMESTAMP_START, rare->start, CTA_TIMESTAMP_PAD) ||
	    (stop && put_u64(skb, CTA_TIMESTAMP_STOP, stop, CTA_TIMESTAMP_PAD)))
		return true;
	nla_nest_end(skb, nest);
	return false;
}

/* What a security module calls the mark; without one it is not told. */
static bool put_secctx(struct sk_buff *skb, const struct ct_entry *e)
{
	struct nlattr *nest;
	bool full = true;
	char *name;
	u32 len;

	if (!IS_ENABLED(CONFIG_NF_CONNTRACK_SECMARK))
		return false;
	/* AppArmor lends its names. */
	rcu_read_lock();
	if (security_secid_to_secctx(ct_entry_secmark(e), &name, &len)) {
		rcu_read_unlock();
		return false;
	}
	nest = nla_nest_start(skb, CTA_SECCTX);
	if (nest && !nla_put_string(skb, CTA_SECCTX_NAME, name)) {
		nla_nest_end(skb, nest);
		full = false;
	}
	security_release_secctx(name, len);
	rcu_read_unlock();
	return full;
}

static bool put_labels(struct sk_buff *skb, const struct ct_entry *e)
{
	u32 labels[CT_LABELS_WORDS];

	return ct_labels_get(e, labels) &&
	       nla_put(skb, CTA_LABELS, sizeof(labels), labels);
}

static bool put_seqadj(struct sk_buff *skb, struct ct_entry *e)
{
	const struct ct_seqadj_way *way;
	struct ct_seqadj adj;
	struct nlattr *nest;
	unsigned int dir;

	if (likely(!ct_seqadj_get(e, &adj)))
		return false;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		way = &adj.way[dir];
		nest = nla_nest_start(skb, CTA_SEQ_ADJ_ORIG + dir);
		if (!nest ||
		    put_u32(skb, CTA_SEQADJ_CORRECTION_POS, way->pos) ||
		    put_u32(skb, CTA_SEQADJ_OFFSET_BEFORE, way->before) ||
		    put_u32(skb, CTA_SEQADJ_OFFSET_AFTER, way->after))
			return true;
		nla_nest_end(skb, nest);
	}
	return false;
}

static bool put_info(struct sk_buff *skb, struct ct_entry *e, unsigned int held)
{
	const u32 use = refcount_read(&e->ct_general.use) - held;

	if (put_status(skb, e) || put_mark(skb, e, true) ||
	    put_secctx(skb, e) || put_id(skb, e) ||
	    put_u32(skb, CTA_USE, use) || put_master(skb, e))
		return true;
	/* An offloaded connection's state is not here. */
	if (test_bit(IPS_OFFLOAD_BIT, &e->status))
		return false;
	return put_timeout(skb, e) || put_protoinfo(skb, e, false);
}

/* Nobody was told after all. */
static void give_back(struct ct_entry *e, const struct counters *seen)
{
	unsigned int dir;

	spin_lock_bh(&e->lock);
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		atomic64_add(seen->packets[dir], &e->dir[dir].packets);
		atomic64_add(seen->bytes[dir], &e->dir[dir].bytes);
	}
	spin_unlock_bh(&e->lock);
}

/* For a dump or the answer to a request. */
int ct_nl_fill_entry(struct sk_buff *skb, struct ct_entry *e,
		     const struct ct_nl_reply *reply)
{
	struct counters seen = {};
	struct nlmsghdr *nlh;

	nlh = nfnl_msg_put(skb, reply->portid, reply->seq,
			   ct_nl_type(IPCTNL_MSG_CT_NEW), reply->flags,
			   e->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num,
			   NFNETLINK_V0, 0);
	if (!nlh)
		return -EMSGSIZE;
	if (put_tuples(skb, e) || put_info(skb, e, reply->held) ||
	    put_counters(skb, e, &seen, reply->zero_counters) ||
	    put_timestamp(skb, e, 0) || put_labels(skb, e) ||
	    put_seqadj(skb, e)) {
		if (reply->zero_counters)
			give_back(e, &seen);
		nlmsg_cancel(skb, nlh);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

static bool put_destroy(struct sk_buff *skb, struct ct_entry *e)
{
	struct counters seen;

	/* Killed before its time, it had some left. */
	if (ct_entry_left(e) >= HZ && put_timeout(skb, e))
		return true;
	return put_counters(skb, e, &seen, false) ||
	       put_timestamp(skb, e, ktime_get_real_ns()) ||
	       put_protoinfo(skb, e, true);
}

static bool put_changes(struct sk_buff *skb, struct ct_entry *e, u32 events)
{
	const u32 new = BIT(IPCT_NEW) | BIT(IPCT_RELATED);

	return put_timeout(skb, e) ||
	       ((events & (new | BIT(IPCT_PROTOINFO))) &&
		put_protoinfo(skb, e, false)) ||
	       (((events & BIT(IPCT_SECMARK)) || ct_entry_secmark(e)) &&
		put_secctx(skb, e)) ||
	       ((events & (new | BIT(IPCT_LABEL))) && put_labels(skb, e)) ||
	       ((events & BIT(IPCT_RELATED)) && put_master(skb, e)) ||
	       ((events & BIT(IPCT_SEQADJ)) && put_seqadj(skb, e));
}

/* For an event group; @events decides which, as ct_event_report() does. */
int ct_nl_fill_event(struct sk_buff *skb, struct ct_entry *e, u32 events,
		     u32 portid)
{
	const bool destroy = events & BIT(IPCT_DESTROY);
	const bool new = events & (BIT(IPCT_NEW) | BIT(IPCT_RELATED));
	struct nlmsghdr *nlh;

	nlh = nfnl_msg_put(skb, portid, 0,
			   ct_nl_type(destroy ? IPCTNL_MSG_CT_DELETE :
						IPCTNL_MSG_CT_NEW),
			   new && !destroy ? NLM_F_CREATE | NLM_F_EXCL : 0,
			   e->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num,
			   NFNETLINK_V0, 0);
	if (!nlh)
		return -EMSGSIZE;
	if (put_tuples(skb, e) || put_id(skb, e) || put_status(skb, e) ||
	    (destroy ? put_destroy(skb, e) : put_changes(skb, e, events)) ||
	    put_mark(skb, e, events & BIT(IPCT_MARK))) {
		nlmsg_cancel(skb, nlh);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

/* For the message about a packet of the entry. */
int ct_nl_fill_nested(struct sk_buff *skb, struct ct_entry *e,
		      enum ip_conntrack_info ctinfo, u16 attr, u16 info_attr)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	struct counters seen;

	if (!nest)
		return -EMSGSIZE;
	if (put_tuples(skb, e) || put_id(skb, e) || put_status(skb, e) ||
	    put_timeout(skb, e) || put_protoinfo(skb, e, false) ||
	    put_counters(skb, e, &seen, false) || put_timestamp(skb, e, 0) ||
	    (ct_entry_secmark(e) && put_secctx(skb, e)) ||
	    put_master(skb, e) || put_seqadj(skb, e) ||
	    put_mark(skb, e, true) ||
	    put_labels(skb, e)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return put_u32(skb, info_attr, ctinfo) ? -EMSGSIZE : 0;
}

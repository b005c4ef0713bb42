// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of the conntrack subsystem of nfnetlink, one callback for each
 * type of message. nfnetlink has checked CAP_NET_ADMIN in the user namespace
 * that owns the network namespace, and holds the subsystem's mutex.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <net/ct/event.h>
#include <net/ct/netlink.h>
#include <net/ct/table.h>
#include <net/ct/tuple.h>
#include <net/netlink.h>
#include "listeners.h"
#include "netlink.h"

struct flush {
	const struct ct_nl_filter *filter;
	u32 portid;
	int report;
};

static bool is_dump(const struct nfnl_info *info)
{
	return info->nlh->nlmsg_flags & NLM_F_DUMP;
}

struct ct_entry *ct_nl_find(struct ct_net *cn,
			    const struct nf_conntrack_tuple *tuple,
			    const struct nf_conntrack_zone *zone)
{
	struct ct_entry *e;
	unsigned int dir;

	rcu_read_lock();
	e = ct_entry_find(cn, tuple, zone, &dir);
	rcu_read_unlock();
	return e;
}

/* What a request names an entry by: at least one of the tuples is there. */
struct name {
	struct nf_conntrack_tuple tuple[IP_CT_DIR_MAX];
	struct nf_conntrack_zone zone;
	u8 family;
};

static int parse_tuple(const struct nfnl_info *info,
		       const struct nlattr * const cda[], unsigned int dir,
		       struct name *name)
{
	const struct nlattr *attr = cda[CTA_TUPLE_ORIG + dir];

	if (!attr)
		return 0;
	name->family = ct_nl_family(attr, name->family);
	return ct_nl_parse_tuple(attr, name->family, dir, CT_F_ALL,
				 &name->tuple[dir], &name->zone, info->extack);
}

/* @both: what is there of both; else the reply only for want of the other. */
static int parse_name(const struct nfnl_info *info,
		      const struct nlattr * const cda[], bool both,
		      struct name *name)
{
	int err;

	name->family = info->nfmsg->nfgen_family;
	err = ct_nl_parse_zone(cda[CTA_ZONE], &name->zone, info->extack);
	if (!err)
		err = parse_tuple(info, cda, IP_CT_DIR_ORIGINAL, name);
	if (!err && (both || !cda[CTA_TUPLE_ORIG]))
		err = parse_tuple(info, cda, IP_CT_DIR_REPLY, name);
	return err;
}

static void no_tuple(const struct nfnl_info *info)
{
	NL_SET_ERR_MSG(info->extack, "a tuple is needed");
	NL_SET_ERR_ATTR_MISS(info->extack, NULL, CTA_TUPLE_ORIG);
}

/* The entry of that name, or NULL. */
static struct ct_entry *find_named(const struct nfnl_info *info,
				   const struct nlattr * const cda[],
				   const struct name *name)
{
	unsigned int dir = cda[CTA_TUPLE_ORIG] ? IP_CT_DIR_ORIGINAL :
						 IP_CT_DIR_REPLY;
	struct ct_net *cn = ct_net(info->net);

	if (!cn || !cda[CTA_TUPLE_ORIG + dir])
		return NULL;
	return ct_nl_find(cn, &name->tuple[dir], &name->zone);
}

static struct ct_entry *get_named(const struct nfnl_info *info,
				  const struct nlattr * const cda[])
{
	struct name name;
	int err;

	if (!cda[CTA_TUPLE_ORIG] && !cda[CTA_TUPLE_REPLY]) {
		no_tuple(info);
		return ERR_PTR(-EINVAL);
	}
	err = parse_name(info, cda, false, &name);
	if (err)
		return ERR_PTR(err);
	return find_named(info, cda, &name) ?: ERR_PTR(-ENOENT);
}

static int get_entry(struct sk_buff *skb, const struct nfnl_info *info,
		     const struct nlattr * const cda[])
{
	const u32 portid = NETLINK_CB(skb).portid;
	const struct ct_nl_reply reply = {
		.portid = portid,
		.seq = info->nlh->nlmsg_seq,
		.flags = portid ? NLM_F_MULTI : 0,
		.zero_counters = NFNL_MSG_TYPE(info->nlh->nlmsg_type) ==
				 IPCTNL_MSG_CT_GET_CTRZERO,
	};
	struct sk_buff *answer;
	struct ct_entry *e;
	int err;

	if (is_dump(info))
		return ct_nl_dump(skb, info, cda);
	e = get_named(info, cda);
	if (IS_ERR(e))
		return PTR_ERR(e);
	err = -ENOMEM;
	answer = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!answer)
		goto put;
	err = ct_nl_fill_entry(answer, e, &reply);
	if (err)
		kfree_skb(answer);
	else
		err = nfnetlink_unicast(answer, info->net, portid);
put:
	ct_entry_put(e);
	return err;
}

static int flush_entry(struct ct_entry *e, void *data)
{
	const struct flush *f = data;

	if (!ct_entry_dead(e) && ct_nl_filter_match(f->filter, e))
		ct_entry_kill(e, f->portid, f->report);
	cond_resched();
	return 0;
}

/* Old programs fill in a family and mean all of them; those that mean it say
 * so by the version, or by a filter.
 */
static int flush(struct sk_buff *skb, const struct nfnl_info *info,
		 const struct nlattr * const cda[])
{
	u8 family = info->nfmsg->version || cda[CTA_FILTER] ?
		    info->nfmsg->nfgen_family : NFPROTO_UNSPEC;
	struct flush f = {
		.portid = NETLINK_CB(skb).portid,
		.report = nlmsg_report(info->nlh),
	};
	struct ct_net *cn = ct_net(info->net);
	struct ct_cursor cursor = {};
	struct ct_nl_filter filter;
	int err;

	if (ct_nl_filter_wanted(cda, family)) {
		err = ct_nl_filter_parse(cda, family, &filter, info->extack);
		if (err)
			return err;
		f.filter = &filter;
	}
	return cn ? ct_table_walk(&cn->table, &cursor, flush_entry, &f) : 0;
}

static int delete_entry(struct sk_buff *skb, const struct nfnl_info *info,
			const struct nlattr * const cda[])
{
	struct ct_entry *e;

	if (cda[CTA_FILTER] || !(cda[CTA_TUPLE_ORIG] || cda[CTA_TUPLE_REPLY]))
		return flush(skb, info, cda);
	e = get_named(info, cda);
	if (IS_ERR(e))
		return PTR_ERR(e);
	if (cda[CTA_ID] && nla_get_be32(cda[CTA_ID]) != ct_entry_id(e)) {
		NL_SET_ERR_MSG_ATTR(info->extack, cda[CTA_ID],
				    "the connection with this tuple is another");
		ct_entry_put(e);
		return -ENOENT;
	}
	ct_entry_kill(e, NETLINK_CB(skb).portid, nlmsg_report(info->nlh));
	ct_entry_put(e);
	return 0;
}

static int update(struct sk_buff *skb, const struct nfnl_info *info,
		  const struct nlattr * const cda[], struct ct_entry *e)
{
	const struct ct_nl_target target = {
		.request = CT_NL_UPDATE,
		.l4 = e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum,
		.status = READ_ONCE(e->status),
	};
	struct ct_nl_change change;
	int err;

	if (info->nlh->nlmsg_flags & NLM_F_EXCL)
		return -EEXIST;
	err = ct_nl_parse_change(cda, &target, &change, info->extack);
	if (!err)
		err = ct_nl_change(e, &change, info->extack);
	if (!err)
		ct_event_report(e, CT_NL_CHANGED, NETLINK_CB(skb).portid,
				nlmsg_report(info->nlh));
	return err;
}

static struct ct_entry *find_master(struct ct_net *cn,
				    const struct nfnl_info *info,
				    const struct nlattr * const cda[],
				    const struct name *name)
{
	struct nf_conntrack_tuple tuple;
	int err;

	err = ct_nl_parse_tuple(cda[CTA_TUPLE_MASTER], name->family,
				IP_CT_DIR_ORIGINAL, CT_F_ALL, &tuple, NULL,
				info->extack);
	if (err)
		return ERR_PTR(err);
	return ct_nl_find(cn, &tuple, &name->zone) ?: ERR_PTR(-ENOENT);
}

static int check_new(const struct nfnl_info *info,
		     const struct nlattr * const cda[], const struct name *name)
{
	unsigned int dir;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		if (!cda[CTA_TUPLE_ORIG + dir]) {
			NL_SET_ERR_MSG(info->extack,
				       "a new connection needs both tuples");
			NL_SET_ERR_ATTR_MISS(info->extack, NULL,
					     CTA_TUPLE_ORIG + dir);
			return -EINVAL;
		}
	}
	if (name->tuple[IP_CT_DIR_ORIGINAL].dst.protonum !=
	    name->tuple[IP_CT_DIR_REPLY].dst.protonum) {
		NL_SET_ERR_MSG_ATTR(info->extack, cda[CTA_TUPLE_REPLY],
				    "both tuples must be of the same protocol");
		return -EINVAL;
	}
	return 0;
}

/* Labels that are wrong do not keep a connection from being made. */
static int create(struct sk_buff *skb, const struct nfnl_info *info,
		  const struct nlattr * const cda[], const struct name *name)
{
	const struct ct_nl_target target = {
		.request = CT_NL_CREATE,
		.l3 = name->tuple[IP_CT_DIR_ORIGINAL].src.l3num,
		.l4 = name->tuple[IP_CT_DIR_ORIGINAL].dst.protonum,
		.status = IPS_CONFIRMED,
	};
	struct ct_net *cn = ct_net(info->net);
	struct ct_entry *master = NULL;
	struct ct_nl_change change;
	int err, labels;

	if (!cn) {
		NL_SET_ERR_MSG(info->extack,
			       "this network namespace tracks no connections");
		return -EOPNOTSUPP;
	}
	err = check_new(info, cda, name);
	if (!err)
		err = ct_nl_parse_change(cda, &target, &change, info->extack);
	if (!err)
		err = ct_nl_want_nat(&change);
	if (err)
		return err;
	if (cda[CTA_TUPLE_MASTER]) {
		master = find_master(cn, info, cda, name);
		if (IS_ERR(master))
			return PTR_ERR(master);
	}
	labels = ct_nl_parse_labels(cda, &change, NULL);
	err = ct_nl_create(cn, name->tuple, &name->zone, &change, master, info,
			   NETLINK_CB(skb).portid);
	if (!err && labels)
		NL_SET_ERR_MSG(info->extack,
			       "made without its labels, which come in words of 4 bytes, with a mask as long");
	return err;
}

static int new_entry(struct sk_buff *skb, const struct nfnl_info *info,
		     const struct nlattr * const cda[])
{
	struct ct_entry *e;
	struct name name = {};
	int err;

	err = parse_name(info, cda, true, &name);
	if (err)
		return err;
	e = find_named(info, cda, &name);
	if (e) {
		err = update(skb, info, cda, e);
		ct_entry_put(e);
		return err;
	}
	if (info->nlh->nlmsg_flags & NLM_F_CREATE)
		return create(skb, info, cda, &name);
	if (!cda[CTA_TUPLE_ORIG] && !cda[CTA_TUPLE_REPLY])
		no_tuple(info);
	return -ENOENT;
}

static int get_stats_cpu(struct sk_buff *skb, const struct nfnl_info *info,
			 const struct nlattr * const cda[])
{
	return is_dump(info) ? ct_nl_dump_stats(skb, info) : 0;
}

static int get_stats(struct sk_buff *skb, const struct nfnl_info *info,
		     const struct nlattr * const cda[])
{
	return ct_nl_get_stats(skb, info);
}

/* Entries in no table are in no list either: there is nothing to show. */
static int get_unlisted(struct sk_buff *skb, const struct nfnl_info *info,
			const struct nlattr * const cda[])
{
	if (is_dump(info))
		return ct_nl_dump_nothing(skb, info);
	NL_SET_ERR_MSG(info->extack,
		       "these connections can only be listed, by NLM_F_DUMP");
	return -EOPNOTSUPP;
}

#define WITH_ATTRS(fn) { \
	.call = (fn), \
	.type = NFNL_CB_MUTEX, \
	.attr_count = CTA_MAX, \
	.policy = ct_nl_policy, \
}

#define WITHOUT_ATTRS(fn) { .call = (fn), .type = NFNL_CB_MUTEX }

static const struct nfnl_callback callbacks[IPCTNL_MSG_MAX] = {
	[IPCTNL_MSG_CT_NEW]		= WITH_ATTRS(new_entry),
	[IPCTNL_MSG_CT_GET]		= WITH_ATTRS(get_entry),
	[IPCTNL_MSG_CT_DELETE]		= WITH_ATTRS(delete_entry),
	[IPCTNL_MSG_CT_GET_CTRZERO]	= WITH_ATTRS(get_entry),
	[IPCTNL_MSG_CT_GET_STATS_CPU]	= WITHOUT_ATTRS(get_stats_cpu),
	[IPCTNL_MSG_CT_GET_STATS]	= WITHOUT_ATTRS(get_stats),
	[IPCTNL_MSG_CT_GET_DYING]	= WITHOUT_ATTRS(get_unlisted),
	[IPCTNL_MSG_CT_GET_UNCONFIRMED]	= WITHOUT_ATTRS(get_unlisted),
};

static const struct nfnetlink_subsystem subsystem = {
	.name = "conntrack",
	.subsys_id = NFNL_SUBSYS_CTNETLINK,
	.cb_count = IPCTNL_MSG_MAX,
	.cb = callbacks,
};

MODULE_ALIAS_NFNL_SUBSYS(NFNL_SUBSYS_CTNETLINK);
MODULE_ALIAS_NFNL_SUBSYS(NFNL_SUBSYS_CTNETLINK_EXP);

int __init ct_netlink_init(void)
{
	int err;

	err = nfnetlink_subsys_register(&subsystem);
	if (err)
		return err;
	err = nfnetlink_subsys_register(&ct_nl_expect);
	if (err)
		goto subsys;
	err = ct_nl_genl_init();
	if (err)
		goto expect;
	ct_backlog_init();
	err = ct_listeners_init();
	if (err)
		goto genl;
	ct_event_sink_set(&ct_nl_sink);
	ct_nl_queue_init();
	return 0;
genl:
	ct_nl_genl_exit();
expect:
	nfnetlink_subsys_unregister(&ct_nl_expect);
subsys:
	nfnetlink_subsys_unregister(&subsystem);
	return err;
}

void ct_netlink_exit(void)
{
	ct_nl_queue_exit();
	ct_nl_genl_exit();
	nfnetlink_subsys_unregister(&ct_nl_expect);
	nfnetlink_subsys_unregister(&subsystem);
	/* The requests that these still answered had events to report. */
	ct_event_sink_set(NULL);
	ct_listeners_exit();
}

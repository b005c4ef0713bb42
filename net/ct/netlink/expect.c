// SPDX-License-Identifier: GPL-2.0
/*
 * The expectation subsystem of nfnetlink. Who makes an expectation by request needs
 * no helper for it: without one it is of class 0, has the flag of user space, and
 * says itself how long it lives.
 */
#include <net/ct/entry.h>
#include <net/ct/expect.h>
#include <net/ct/net.h>
#include <net/netlink.h>
#include "netlink.h"

static const struct nla_policy expect_policy[CTA_EXPECT_MAX + 1] = {
	[CTA_EXPECT_MASTER]	= { .type = NLA_NESTED },
	[CTA_EXPECT_TUPLE]	= { .type = NLA_NESTED },
	[CTA_EXPECT_MASK]	= { .type = NLA_NESTED },
	[CTA_EXPECT_NAT]	= { .type = NLA_NESTED },
	[CTA_EXPECT_TIMEOUT]	= { .type = NLA_U32 },
	[CTA_EXPECT_ID]		= { .type = NLA_U32 },
	[CTA_EXPECT_CLASS]	= { .type = NLA_U32 },
	[CTA_EXPECT_FLAGS]	= NLA_POLICY_MASK(NLA_BE32, NF_CT_EXPECT_MASK),
	[CTA_EXPECT_ZONE]	= { .type = NLA_U16 },
	[CTA_EXPECT_HELP_NAME]	= { .type = NLA_NUL_STRING, .len = 15 },
	[CTA_EXPECT_FN]		= { .type = NLA_NUL_STRING },
};

static const struct nla_policy nat_policy[CTA_EXPECT_NAT_MAX + 1] = {
	[CTA_EXPECT_NAT_DIR]	= NLA_POLICY_MAX(NLA_BE32, IP_CT_DIR_REPLY),
	[CTA_EXPECT_NAT_TUPLE]	= { .type = NLA_NESTED },
};

/* Of a message about an expectation. */
struct header {
	u32 portid;
	u32 seq;
	unsigned int flags;
	u8 type;		/* IPCTNL_MSG_EXP_* */
};

static bool put_mask(struct sk_buff *skb, const struct ct_expect *exp)
{
	struct nf_conntrack_tuple mask;

	/* What there is no mask of has to be the same. */
	memset(&mask, 0xff, sizeof(mask));
	mask.src.u3 = exp->mask.src.u3;
	mask.src.u.all = exp->mask.src.u.all;
	mask.src.l3num = exp->tuple.src.l3num;
	mask.dst.protonum = exp->tuple.dst.protonum;
	return ct_nl_put_tuple(skb, CTA_EXPECT_MASK, &mask);
}

static bool put_nat(struct sk_buff *skb, const struct ct_expect *exp)
{
	const struct nf_conntrack_tuple *master =
		&exp->master->dir[IP_CT_DIR_ORIGINAL].tuple;
	const struct nf_conntrack_tuple tuple = {
		.src.u3 = exp->saved_addr,
		.src.u = exp->saved_proto,
		.src.l3num = master->src.l3num,
		.dst.protonum = master->dst.protonum,
	};
	struct nlattr *nest;

	if (!memchr_inv(&exp->saved_addr, 0, sizeof(exp->saved_addr)) &&
	    !exp->saved_proto.all)
		return false;
	nest = nla_nest_start(skb, CTA_EXPECT_NAT);
	if (!nest ||
	    nla_put_be32(skb, CTA_EXPECT_NAT_DIR, htonl(exp->dir)) ||
	    ct_nl_put_tuple(skb, CTA_EXPECT_NAT_TUPLE, &tuple))
		return true;
	nla_nest_end(skb, nest);
	return false;
}

static bool put_expect(struct sk_buff *skb, const struct ct_expect *exp)
{
	return ct_nl_put_tuple(skb, CTA_EXPECT_TUPLE, &exp->tuple) ||
	       put_mask(skb, exp) ||
	       ct_nl_put_tuple(skb, CTA_EXPECT_MASTER,
			       &exp->master->dir[IP_CT_DIR_ORIGINAL].tuple) ||
	       put_nat(skb, exp) ||
	       nla_put_be32(skb, CTA_EXPECT_TIMEOUT,
			    htonl(ct_expect_left(exp) / HZ)) ||
	       nla_put_be32(skb, CTA_EXPECT_ID, ct_expect_id(exp)) ||
	       nla_put_be32(skb, CTA_EXPECT_FLAGS, htonl(exp->flags)) ||
	       nla_put_be32(skb, CTA_EXPECT_CLASS, htonl(exp->class)) ||
	       (exp->helper && nla_put_string(skb, CTA_EXPECT_HELP_NAME,
					      exp->helper->name)) ||
	       (exp->fn && nla_put_string(skb, CTA_EXPECT_FN, exp->fn->name));
}

static int fill(struct sk_buff *skb, const struct ct_expect *exp,
		const struct header *h)
{
	struct nlmsghdr *nlh;

	nlh = nfnl_msg_put(skb, h->portid, h->seq,
			   nfnl_msg_type(NFNL_SUBSYS_CTNETLINK_EXP, h->type),
			   h->flags, exp->tuple.src.l3num, NFNETLINK_V0, 0);
	if (!nlh)
		return -EMSGSIZE;
	if (put_expect(skb, exp)) {
		nlmsg_cancel(skb, nlh);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

int ct_nl_fill_expect_event(struct sk_buff *skb, const struct ct_expect *exp,
			    unsigned int group, u32 portid)
{
	const bool new = group == NFNLGRP_CONNTRACK_EXP_NEW;
	const struct header h = {
		.portid = portid,
		.type = new ? IPCTNL_MSG_EXP_NEW : IPCTNL_MSG_EXP_DELETE,
		.flags = new ? NLM_F_CREATE | NLM_F_EXCL : 0,
	};

	return fill(skb, exp, &h);
}

static int parse_tuple(const struct nfnl_info *info,
		       const struct nlattr * const cda[], int type,
		       struct nf_conntrack_tuple *tuple)
{
	return ct_nl_parse_tuple(cda[type], info->nfmsg->nfgen_family,
				 IP_CT_DIR_ORIGINAL, CT_F_ALL, tuple, NULL,
				 info->extack);
}

static int lacks(struct netlink_ext_ack *extack, int type)
{
	NL_SET_ERR_MSG(extack, "a required attribute is missing");
	NL_SET_ERR_ATTR_MISS(extack, NULL, type);
	return -EINVAL;
}

/* Listing. */

struct dump {
	struct ct_expect_cursor cursor;
	struct ct_entry *master;	/* whose; NULL for all */
};

struct walk {
	struct sk_buff *skb;
	const struct ct_entry *master;
	struct header header;
	u8 family;
};

static struct dump *dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct dump) > sizeof(cb->ctx));
	return (struct dump *)cb->ctx;
}

static int dump_start(struct netlink_callback *cb)
{
	struct ct_entry *master = cb->data;

	cb->data = NULL;
	if (master)
		ct_entry_get(master);
	dump_of(cb)->master = master;
	return 0;
}

static int dump_done(struct netlink_callback *cb)
{
	ct_entry_put(dump_of(cb)->master);
	return 0;
}

static int dump_one(struct ct_expect *exp, void *data)
{
	const struct walk *w = data;

	if (!ct_expect_left(exp) ||
	    (w->master && exp->master != w->master) ||
	    (w->family && exp->tuple.src.l3num != w->family))
		return 0;
	return fill(w->skb, exp, &w->header);
}

static int dump_expects(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct nfgenmsg *nfmsg = nlmsg_data(cb->nlh);
	const u32 portid = NETLINK_CB(cb->skb).portid;
	struct ct_net *cn = ct_net(sock_net(skb->sk));
	struct walk w = {
		.skb = skb,
		.master = dump_of(cb)->master,
		.family = nfmsg->nfgen_family,
		.header = {
			.portid = portid,
			.seq = cb->nlh->nlmsg_seq,
			.type = IPCTNL_MSG_EXP_NEW,
			.flags = NLM_F_MULTI,
		},
	};
	int err = 0;

	if (cn)
		err = ct_expect_walk(cn, &dump_of(cb)->cursor, dump_one, &w);
	/* What fits was written; the rest comes in the next message. */
	return skb->len || !err ? skb->len : err;
}

static int dump(struct sk_buff *skb, const struct nfnl_info *info,
		struct ct_entry *master)
{
	struct netlink_dump_control c = {
		.start = dump_start,
		.dump = dump_expects,
		.done = dump_done,
		.data = master,
	};

	return netlink_dump_start(info->sk, skb, info->nlh, &c);
}

/* Of one that never expected anything there is no list, not even an empty one. */
static int dump_of_master(struct sk_buff *skb, const struct nfnl_info *info,
			  const struct nlattr * const cda[])
{
	struct ct_net *cn = ct_net(info->net);
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
	struct ct_entry *master;
	int err;

	err = parse_tuple(info, cda, CTA_EXPECT_MASTER, &tuple) ?:
	      ct_nl_parse_zone(cda[CTA_EXPECT_ZONE], &zone, info->extack);
	if (err)
		return err;
	master = cn ? ct_nl_find(cn, &tuple, &zone) : NULL;
	if (!master)
		return -ENOENT;
	if (ct_entry_hot(master) & CT_HOT_EXPECTS)
		err = dump(skb, info, master);
	ct_entry_put(master);
	return err;
}

/* One that is named. */

struct wanted {
	const struct nfnl_info *info;
	const struct nlattr * const *cda;
	u32 portid;
	struct sk_buff *answer;		/* for get_one() */
};

/* The expectation that a packet of the named tuple would meet. */
static int visit(struct wanted *w, int type,
		 int (*fn)(struct ct_expect *exp, void *data))
{
	struct ct_net *cn = ct_net(w->info->net);
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
	int err;

	err = ct_nl_parse_zone(w->cda[CTA_EXPECT_ZONE], &zone,
			       w->info->extack) ?:
	      parse_tuple(w->info, w->cda, type, &tuple);
	if (err)
		return err;
	return cn ? ct_expect_visit(cn, &tuple, zone.id, fn, w) : -ENOENT;
}

static int check_id(const struct wanted *w, const struct ct_expect *exp)
{
	const struct nlattr *id = w->cda[CTA_EXPECT_ID];

	if (!id || nla_get_be32(id) == ct_expect_id(exp))
		return 0;
	NL_SET_ERR_MSG_ATTR(w->info->extack, id,
			    "the expectation with this tuple is another");
	return -ENOENT;
}

static int get_one(struct ct_expect *exp, void *data)
{
	const struct wanted *w = data;
	const struct header h = {
		.portid = w->portid,
		.seq = w->info->nlh->nlmsg_seq,
		.type = IPCTNL_MSG_EXP_NEW,
		.flags = w->portid ? NLM_F_MULTI : 0,
	};

	return check_id(w, exp) ?: fill(w->answer, exp, &h);
}

static int get_expect(struct sk_buff *skb, const struct nfnl_info *info,
		      const struct nlattr * const cda[])
{
	const int type = cda[CTA_EXPECT_TUPLE] ? CTA_EXPECT_TUPLE :
						 CTA_EXPECT_MASTER;
	struct wanted w = {
		.info = info,
		.cda = cda,
		.portid = NETLINK_CB(skb).portid,
	};
	int err;

	if (info->nlh->nlmsg_flags & NLM_F_DUMP)
		return cda[CTA_EXPECT_MASTER] ?
		       dump_of_master(skb, info, cda) : dump(skb, info, NULL);
	if (!cda[type])
		return lacks(info->extack, CTA_EXPECT_TUPLE);
	w.answer = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!w.answer)
		return -ENOMEM;
	err = visit(&w, type, get_one);
	if (err) {
		kfree_skb(w.answer);
		return err;
	}
	return nfnetlink_unicast(w.answer, info->net, w.portid);
}

static int delete_one(struct ct_expect *exp, void *data)
{
	const struct wanted *w = data;
	int err = check_id(w, exp);

	if (!err)
		ct_expect_remove_locked(exp, w->portid,
					nlmsg_report(w->info->nlh));
	return err;
}

/* Of the named helper, or all. */
static int delete_some(struct ct_expect *exp, void *data)
{
	const struct wanted *w = data;
	const struct nlattr *name = w->cda[CTA_EXPECT_HELP_NAME];

	if (!name || (exp->helper && !nla_strcmp(name, exp->helper->name)))
		ct_expect_remove_locked(exp, w->portid,
					nlmsg_report(w->info->nlh));
	return 0;
}

static int delete_expect(struct sk_buff *skb, const struct nfnl_info *info,
			 const struct nlattr * const cda[])
{
	struct ct_net *cn = ct_net(info->net);
	struct ct_expect_cursor cursor = {};
	struct wanted w = {
		.info = info,
		.cda = cda,
		.portid = NETLINK_CB(skb).portid,
	};

	if (cda[CTA_EXPECT_TUPLE])
		return visit(&w, CTA_EXPECT_TUPLE, delete_one);
	return cn ? ct_expect_walk(cn, &cursor, delete_some, &w) : 0;
}

/* A new one. */

static u32 jiffies_of(const struct nlattr *seconds)
{
	return min_t(u64, (u64)ntohl(nla_get_be32(seconds)) * HZ, CT_LONGEST);
}

static int parse_nat(const struct nlattr *attr, struct ct_expect *exp,
		     struct netlink_ext_ack *extack)
{
	const u8 family =
		exp->master->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num;
	struct nlattr *tb[CTA_EXPECT_NAT_MAX + 1];
	struct nf_conntrack_tuple tuple;
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_EXPECT_NAT_MAX, attr,
					  nat_policy, extack);
	if (err)
		return err;
	if (!tb[CTA_EXPECT_NAT_DIR] || !tb[CTA_EXPECT_NAT_TUPLE]) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a direction and a tuple come together");
		return -EINVAL;
	}
	err = ct_nl_parse_tuple(tb[CTA_EXPECT_NAT_TUPLE], family,
				IP_CT_DIR_ORIGINAL, CT_F_ALL, &tuple, NULL,
				extack);
	if (err)
		return err;
	exp->saved_addr = tuple.src.u3;
	exp->saved_proto = tuple.src.u;
	exp->dir = ntohl(nla_get_be32(tb[CTA_EXPECT_NAT_DIR]));
	return 0;
}

/* What there is besides tuples. RCU read side, in which it has to be added. */
static int parse_rest(const struct nlattr * const cda[], struct ct_expect *exp,
		      struct netlink_ext_ack *extack)
{
	if (cda[CTA_EXPECT_CLASS] &&
	    nla_get_be32(cda[CTA_EXPECT_CLASS])) {
		NL_SET_ERR_MSG_ATTR(extack, cda[CTA_EXPECT_CLASS],
				    "without a helper there is class 0 only");
		return -EINVAL;
	}
	if (!cda[CTA_EXPECT_TIMEOUT])
		return lacks(extack, CTA_EXPECT_TIMEOUT);
	exp->timeout = jiffies_of(cda[CTA_EXPECT_TIMEOUT]);
	exp->flags = NF_CT_EXPECT_USERSPACE;
	if (cda[CTA_EXPECT_FLAGS])
		exp->flags |= ntohl(nla_get_be32(cda[CTA_EXPECT_FLAGS]));
	if (cda[CTA_EXPECT_FN]) {
		exp->fn = ct_expect_fn_find(nla_data(cda[CTA_EXPECT_FN]));
		if (!exp->fn) {
			NL_SET_ERR_MSG_ATTR(extack, cda[CTA_EXPECT_FN],
					    "there is no such function");
			return -EINVAL;
		}
	}
	return cda[CTA_EXPECT_NAT] ?
	       parse_nat(cda[CTA_EXPECT_NAT], exp, extack) : 0;
}

static void explain(int err, struct netlink_ext_ack *extack)
{
	switch (err) {
	case -EBUSY:
	case -EALREADY:
		NL_SET_ERR_MSG(extack,
			       "packets could meet another expectation as well");
		break;
	case -EMFILE:
		NL_SET_ERR_MSG(extack, "as many are expected as may be");
		break;
	case -ELOOP:
		NL_SET_ERR_MSG(extack,
			       "the row of masters is too long");
		break;
	case -ESHUTDOWN:
		NL_SET_ERR_MSG(extack, "the master has ended");
		break;
	}
}

static int create(struct ct_entry *master, const struct nlattr * const cda[],
		  const struct nf_conntrack_tuple *tuple,
		  const struct nf_conntrack_tuple *mask, u32 portid, int report,
		  struct netlink_ext_ack *extack)
{
	struct ct_expect *exp;
	int err;

	exp = ct_expect_new(master, NULL, 0, GFP_ATOMIC);
	if (!exp)
		return -ENOMEM;
	exp->tuple = *tuple;
	exp->mask.src.u3 = mask->src.u3;
	exp->mask.src.u.all = mask->src.u.all;
	err = parse_rest(cda, exp, extack);
	if (!err) {
		err = ct_expect_add(exp, 0, portid, report);
		explain(err, extack);
	}
	if (err)
		ct_expect_free(exp);
	return err;
}

static int create_expect(struct sk_buff *skb, const struct nfnl_info *info,
			 const struct nlattr * const cda[])
{
	struct nf_conntrack_tuple tuple, mask, named;
	struct ct_net *cn = ct_net(info->net);
	struct nf_conntrack_zone zone;
	struct ct_entry *master;
	int err;

	err = parse_tuple(info, cda, CTA_EXPECT_TUPLE, &tuple) ?:
	      parse_tuple(info, cda, CTA_EXPECT_MASK, &mask) ?:
	      parse_tuple(info, cda, CTA_EXPECT_MASTER, &named) ?:
	      ct_nl_parse_zone(cda[CTA_EXPECT_ZONE], &zone, info->extack);
	if (err)
		return err;
	master = cn ? ct_nl_find(cn, &named, &zone) : NULL;
	if (!master)
		return -ENOENT;
	rcu_read_lock();
	err = create(master, cda, &tuple, &mask, NETLINK_CB(skb).portid,
		     nlmsg_report(info->nlh), info->extack);
	rcu_read_unlock();
	ct_entry_put(master);
	return err;
}

/* Nothing but its time can be changed. */
static int change_one(struct ct_expect *exp, void *data)
{
	const struct wanted *w = data;
	const struct nlattr *timeout = w->cda[CTA_EXPECT_TIMEOUT];

	if (w->info->nlh->nlmsg_flags & NLM_F_EXCL)
		return -EEXIST;
	if (timeout)
		ct_expect_refresh_locked(exp, jiffies_of(timeout));
	return 0;
}

static int new_expect(struct sk_buff *skb, const struct nfnl_info *info,
		      const struct nlattr * const cda[])
{
	static const u8 needed[] = {
		CTA_EXPECT_TUPLE, CTA_EXPECT_MASK, CTA_EXPECT_MASTER,
	};
	struct wanted w = { .info = info, .cda = cda };
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!cda[needed[i]])
			return lacks(info->extack, needed[i]);
	}
	err = visit(&w, CTA_EXPECT_TUPLE, change_one);
	if (err == -ENOENT && info->nlh->nlmsg_flags & NLM_F_CREATE)
		err = create_expect(skb, info, cda);
	return err;
}

/*
 * Who was handed a packet expects something on behalf of its connection. Whose port
 * that is nobody knows: nfnetlink_queue takes it from the packet.
 */
int ct_nl_attach_expect(const struct nlattr *attr, struct ct_entry *master)
{
	const u8 family = master->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num;
	struct nf_conntrack_tuple tuple, mask;
	struct nlattr *cda[CTA_EXPECT_MAX + 1];
	int err;

	err = nla_parse_nested_deprecated(cda, CTA_EXPECT_MAX, attr,
					  expect_policy, NULL);
	if (err)
		return err;
	if (!cda[CTA_EXPECT_TUPLE] || !cda[CTA_EXPECT_MASK])
		return -EINVAL;
	err = ct_nl_parse_tuple(cda[CTA_EXPECT_TUPLE], family,
				IP_CT_DIR_ORIGINAL, CT_F_ALL, &tuple, NULL,
				NULL) ?:
	      ct_nl_parse_tuple(cda[CTA_EXPECT_MASK], family,
				IP_CT_DIR_ORIGINAL, CT_F_ALL, &mask, NULL,
				NULL);
	if (err)
		return err;
	/* The helper of who is expected: there is none yet. */
	if (cda[CTA_EXPECT_HELP_NAME])
		return -EOPNOTSUPP;
	rcu_read_lock();
	err = create(master, (const struct nlattr * const *)cda, &tuple, &mask,
		     0, 0, NULL);
	rcu_read_unlock();
	return err;
}

static int get_expect_stats(struct sk_buff *skb, const struct nfnl_info *info,
			    const struct nlattr * const cda[])
{
	if (info->nlh->nlmsg_flags & NLM_F_DUMP)
		return ct_nl_dump_expect_stats(skb, info);
	return 0;
}

#define WITH_ATTRS(fn) { \
	.call = (fn), \
	.type = NFNL_CB_MUTEX, \
	.attr_count = CTA_EXPECT_MAX, \
	.policy = expect_policy, \
}

static const struct nfnl_callback callbacks[IPCTNL_MSG_EXP_MAX] = {
	[IPCTNL_MSG_EXP_NEW]		= WITH_ATTRS(new_expect),
	[IPCTNL_MSG_EXP_GET]		= WITH_ATTRS(get_expect),
	[IPCTNL_MSG_EXP_DELETE]		= WITH_ATTRS(delete_expect),
	[IPCTNL_MSG_EXP_GET_STATS_CPU] = {
		.call = get_expect_stats,
		.type = NFNL_CB_MUTEX,
	},
};

const struct nfnetlink_subsystem ct_nl_expect = {
	.name = "conntrack_expect",
	.subsys_id = NFNL_SUBSYS_CTNETLINK_EXP,
	.cb_count = IPCTNL_MSG_EXP_MAX,
	.cb = callbacks,
};

// SPDX-License-Identifier: GPL-2.0
/*
 * Answers of more than one message. A dump goes on in each recvmsg() of the
 * reader; between them only the cursor of the walk is kept, and the table may
 * change and be resized at will.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <net/ct/table.h>
#include <net/netlink.h>
#include <net/sock.h>
#include "netlink.h"

/* In cb->ctx. */
struct dump {
	struct ct_cursor cursor;
	struct ct_nl_filter *filter;
};

/* For dump_start(), which runs before the request is gone. */
struct request {
	const struct nlattr * const *cda;
	struct netlink_ext_ack *extack;
};

struct walk {
	struct sk_buff *skb;
	const struct ct_nl_filter *filter;
	struct ct_nl_reply reply;
};

static struct dump *dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct dump) > sizeof(cb->ctx));
	return (struct dump *)cb->ctx;
}

static int dump_start(struct netlink_callback *cb)
{
	const struct nfgenmsg *nfmsg = nlmsg_data(cb->nlh);
	const struct request *rq = cb->data;
	struct ct_nl_filter *filter;
	int err;

	cb->data = NULL;
	if (!ct_nl_filter_wanted(rq->cda, nfmsg->nfgen_family))
		return 0;
	filter = kmalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return -ENOMEM;
	err = ct_nl_filter_parse(rq->cda, nfmsg->nfgen_family, filter,
				 rq->extack);
	if (err) {
		kfree(filter);
		return err;
	}
	dump_of(cb)->filter = filter;
	cb->answer_flags = NLM_F_DUMP_FILTERED;
	return 0;
}

static int dump_done(struct netlink_callback *cb)
{
	kfree(dump_of(cb)->filter);
	return 0;
}

static int dump_entry(struct ct_entry *e, void *data)
{
	const struct walk *w = data;

	if (ct_entry_dead(e) || !ct_nl_filter_match(w->filter, e))
		return 0;
	return ct_nl_fill_entry(w->skb, e, &w->reply);
}

static int dump_table(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ct_net *cn = ct_net(sock_net(skb->sk));
	struct dump *d = dump_of(cb);
	struct walk w = {
		.skb = skb,
		.filter = d->filter,
		.reply = {
			.portid = NETLINK_CB(cb->skb).portid,
			.seq = cb->nlh->nlmsg_seq,
			.flags = NLM_F_MULTI | cb->answer_flags,
			.held = 1,	/* by the walk */
			.zero_counters = NFNL_MSG_TYPE(cb->nlh->nlmsg_type) ==
					 IPCTNL_MSG_CT_GET_CTRZERO,
		},
	};
	int err;

	if (!cn || d->cursor.done)
		return 0;
	err = ct_table_walk(&cn->table, &d->cursor, dump_entry, &w);
	/* What fits was written; the rest comes in the next message. */
	return skb->len || !err ? skb->len : err;
}

int ct_nl_dump(struct sk_buff *skb, const struct nfnl_info *info,
	       const struct nlattr * const cda[])
{
	struct request rq = { .cda = cda, .extack = info->extack };
	struct netlink_dump_control c = {
		.start = dump_start,
		.dump = dump_table,
		.done = dump_done,
		.data = &rq,
	};

	return netlink_dump_start(info->sk, skb, info->nlh, &c);
}

static int dump_empty(struct sk_buff *skb, struct netlink_callback *cb)
{
	return 0;
}

int ct_nl_dump_nothing(struct sk_buff *skb, const struct nfnl_info *info)
{
	struct netlink_dump_control c = { .dump = dump_empty };

	return netlink_dump_start(info->sk, skb, info->nlh, &c);
}

static struct nlmsghdr *put_header(struct sk_buff *skb,
				   const struct netlink_callback *cb,
				   int type, unsigned int cpu)
{
	return nfnl_msg_put(skb, NETLINK_CB(cb->skb).portid,
			    cb->nlh->nlmsg_seq, type, NLM_F_MULTI, AF_UNSPEC,
			    NFNETLINK_V0, htons(cpu));
}

static int fill_cpu(struct sk_buff *skb, const struct netlink_callback *cb,
		    const struct ip_conntrack_stat *st, unsigned int cpu)
{
	const struct {
		int type;
		unsigned int value;
	} counter[] = {
		{ CTA_STATS_FOUND, st->found },
		{ CTA_STATS_INVALID, st->invalid },
		{ CTA_STATS_INSERT, st->insert },
		{ CTA_STATS_INSERT_FAILED, st->insert_failed },
		{ CTA_STATS_DROP, st->drop },
		{ CTA_STATS_EARLY_DROP, st->early_drop },
		{ CTA_STATS_ERROR, st->error },
		{ CTA_STATS_SEARCH_RESTART, st->search_restart },
		{ CTA_STATS_CLASH_RESOLVE, st->clash_resolve },
		{ CTA_STATS_CHAIN_TOOLONG, st->chaintoolong },
	};
	struct nlmsghdr *nlh;
	unsigned int i;

	nlh = put_header(skb, cb, ct_nl_type(IPCTNL_MSG_CT_GET_STATS_CPU), cpu);
	if (!nlh)
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(counter); i++) {
		if (nla_put_be32(skb, counter[i].type,
				 htonl(counter[i].value))) {
			nlmsg_cancel(skb, nlh);
			return -EMSGSIZE;
		}
	}
	nlmsg_end(skb, nlh);
	return 0;
}

/* The answer has always been one of the conntrack subsystem. */
static int fill_expect_cpu(struct sk_buff *skb,
			   const struct netlink_callback *cb,
			   const struct ip_conntrack_stat *st, unsigned int cpu)
{
	const int type = ct_nl_type(IPCTNL_MSG_EXP_GET_STATS_CPU);
	struct nlmsghdr *nlh;

	nlh = put_header(skb, cb, type, cpu);
	if (!nlh)
		return -EMSGSIZE;
	if (nla_put_be32(skb, CTA_STATS_EXP_NEW, htonl(st->expect_new)) ||
	    nla_put_be32(skb, CTA_STATS_EXP_CREATE,
			 htonl(st->expect_create)) ||
	    nla_put_be32(skb, CTA_STATS_EXP_DELETE,
			 htonl(st->expect_delete))) {
		nlmsg_cancel(skb, nlh);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

static int dump_cpus(struct sk_buff *skb, struct netlink_callback *cb,
		     int (*fill)(struct sk_buff *skb,
				 const struct netlink_callback *cb,
				 const struct ip_conntrack_stat *st,
				 unsigned int cpu))
{
	struct ct_net *cn = ct_net(sock_net(skb->sk));
	unsigned int cpu;

	if (!cn)
		return 0;
	for (cpu = cb->args[0]; cpu < nr_cpu_ids; cpu++) {
		if (cpu_possible(cpu) &&
		    fill(skb, cb, &per_cpu_ptr(cn->stats, cpu)->base, cpu))
			break;
	}
	cb->args[0] = cpu;
	return skb->len;
}

static int dump_stats(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_cpus(skb, cb, fill_cpu);
}

static int dump_expect_stats(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_cpus(skb, cb, fill_expect_cpu);
}

int ct_nl_dump_stats(struct sk_buff *skb, const struct nfnl_info *info)
{
	struct netlink_dump_control c = { .dump = dump_stats };

	return netlink_dump_start(info->sk, skb, info->nlh, &c);
}

int ct_nl_dump_expect_stats(struct sk_buff *skb, const struct nfnl_info *info)
{
	struct netlink_dump_control c = { .dump = dump_expect_stats };

	return netlink_dump_start(info->sk, skb, info->nlh, &c);
}

/* The namespace's count and limit: one message. */
int ct_nl_get_stats(struct sk_buff *skb, const struct nfnl_info *info)
{
	const u32 portid = NETLINK_CB(skb).portid;
	struct ct_net *cn = ct_net(info->net);
	u32 count = cn ? ct_net_count(cn) : 0;
	u32 max = cn ? READ_ONCE(cn->max) : 0;
	struct nlmsghdr *nlh;
	struct sk_buff *answer;

	answer = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	nlh = nfnl_msg_put(answer, portid, info->nlh->nlmsg_seq,
			   ct_nl_type(IPCTNL_MSG_CT_GET_STATS),
			   portid ? NLM_F_MULTI : 0, AF_UNSPEC, NFNETLINK_V0,
			   0);
	if (!nlh ||
	    nla_put_be32(answer, CTA_STATS_GLOBAL_ENTRIES, htonl(count)) ||
	    nla_put_be32(answer, CTA_STATS_GLOBAL_MAX_ENTRIES, htonl(max))) {
		kfree_skb(answer);
		return -ENOMEM;
	}
	nlmsg_end(answer, nlh);
	return nfnetlink_unicast(answer, info->net, portid);
}

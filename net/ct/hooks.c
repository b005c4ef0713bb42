// SPDX-License-Identifier: GPL-2.0
/*
 * The netfilter hooks: PREROUTING and OUTPUT track, INPUT and POSTROUTING
 * confirm; turned on by namespace and family, for as long as somebody wants.
 */
#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ct/entry.h>
#include <net/ct/hooks.h>
#include <net/ct/net.h>
#include <net/ct/seqadj.h>
#include <net/ct/table.h>
#include <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>
#include "core.h"

static DEFINE_MUTEX(hooks_mutex);

static unsigned int hook_track(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	return ct_track(priv, skb, state);
}

#define HOOK(family, number, function, prio) {				\
	.hook = function, .pf = family, .hooknum = number, .priority = prio }

static const struct nf_hook_ops hooks[2][4] = {
	{
		HOOK(NFPROTO_IPV4, NF_INET_PRE_ROUTING, hook_track,
		     NF_IP_PRI_CONNTRACK),
		HOOK(NFPROTO_IPV4, NF_INET_LOCAL_OUT, hook_track,
		     NF_IP_PRI_CONNTRACK),
		HOOK(NFPROTO_IPV4, NF_INET_POST_ROUTING, ct_confirm,
		     NF_IP_PRI_CONNTRACK_CONFIRM),
		HOOK(NFPROTO_IPV4, NF_INET_LOCAL_IN, ct_confirm,
		     NF_IP_PRI_CONNTRACK_CONFIRM),
	}, {
		HOOK(NFPROTO_IPV6, NF_INET_PRE_ROUTING, hook_track,
		     NF_IP6_PRI_CONNTRACK),
		HOOK(NFPROTO_IPV6, NF_INET_LOCAL_OUT, hook_track,
		     NF_IP6_PRI_CONNTRACK),
		HOOK(NFPROTO_IPV6, NF_INET_POST_ROUTING, ct_confirm,
		     NF_IP6_PRI_LAST),
		HOOK(NFPROTO_IPV6, NF_INET_LOCAL_IN, ct_confirm,
		     NF_IP6_PRI_LAST),
	},
};

/* Behind all that looks into a packet, and before it is confirmed. */
static const struct nf_hook_ops adjusting[2][2] = {
	{
		HOOK(NFPROTO_IPV4, NF_INET_POST_ROUTING, ct_seqadj_packet,
		     NF_IP_PRI_CONNTRACK_CONFIRM - 1),
		HOOK(NFPROTO_IPV4, NF_INET_LOCAL_IN, ct_seqadj_packet,
		     NF_IP_PRI_CONNTRACK_CONFIRM - 1),
	}, {
		HOOK(NFPROTO_IPV6, NF_INET_POST_ROUTING, ct_seqadj_packet,
		     NF_IP6_PRI_LAST - 1),
		HOOK(NFPROTO_IPV6, NF_INET_LOCAL_IN, ct_seqadj_packet,
		     NF_IP6_PRI_LAST - 1),
	},
};

/* Nothing is known any more of what an end may send. @data: families */
static int forget_windows(struct ct_entry *e, void *data)
{
	const unsigned int *families = data;
	const struct nf_conntrack_tuple *tuple =
		&e->dir[IP_CT_DIR_ORIGINAL].tuple;

	if (tuple->dst.protonum != IPPROTO_TCP ||
	    !(*families & BIT(tuple->src.l3num == NFPROTO_IPV6)))
		return 0;
	spin_lock_bh(&e->lock);
	if (e->proto.tcp.state == TCP_CONNTRACK_ESTABLISHED) {
		e->seen.window[IP_CT_DIR_ORIGINAL].maxwin = 0;
		/* Before a reply there is something else in its place. */
		if (e->proto.tcp.replied)
			e->seen.window[IP_CT_DIR_REPLY].maxwin = 0;
	}
	spin_unlock_bh(&e->lock);
	return 0;
}

static void forget_all_windows(struct ct_net *cn, unsigned int families)
{
	struct ct_cursor cursor = {};

	if (ct_net_count(cn))
		ct_table_walk(&cn->table, &cursor, forget_windows, &families);
}

static int turn_on(struct ct_net *cn, bool v6)
{
	struct nf_hook_ops *ops = cn->hook_ops[v6];
	struct net *net = cn->net;
	unsigned int i;
	int err;

	err = v6 ? nf_defrag_ipv6_enable(net) : nf_defrag_ipv4_enable(net);
	if (err)
		return err;
	memcpy(ops, hooks[v6], sizeof(hooks[v6]));
	for (i = 0; i < ARRAY_SIZE(hooks[v6]); i++)
		ops[i].priv = cn;
	err = nf_register_net_hooks(net, ops, ARRAY_SIZE(hooks[v6]));
	if (err) {
		if (v6)
			nf_defrag_ipv6_disable(net);
		else
			nf_defrag_ipv4_disable(net);
	}
	return err;
}

static void turn_off(struct ct_net *cn, bool v6)
{
	nf_unregister_net_hooks(cn->net, cn->hook_ops[v6],
				ARRAY_SIZE(hooks[v6]));
	cn->forgotten &= ~BIT(v6);
	if (v6)
		nf_defrag_ipv6_disable(cn->net);
	else
		nf_defrag_ipv4_disable(cn->net);
}

/* Families whose hooks somebody needs: bit 0 is IPv4, bit 1 IPv6. */
static unsigned int wanted(u8 family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return BIT(0);
	case NFPROTO_IPV6:
		return BIT(1);
	case NFPROTO_INET:
	case NFPROTO_BRIDGE:
		return BIT(0) | BIT(1);
	}
	return 0;
}

static int get_one(struct ct_net *cn, bool v6)
{
	int err = 0;

	/* Of a namespace that exits hooks= may still be told. */
	if (!cn->hook_users[v6] && !cn->hooks_off)
		err = turn_on(cn, v6);
	if (!err)
		cn->hook_users[v6]++;
	return err;
}

static void put_one(struct ct_net *cn, bool v6)
{
	if (WARN_ON_ONCE(!cn->hook_users[v6]))
		return;
	if (!--cn->hook_users[v6] && !cn->hooks_off)
		turn_off(cn, v6);
}

/*
 * Connections went on while nobody looked, and that has to be noted before the
 * hooks are turned on. Not under the mutex, for which other namespaces wait. Who
 * turns them off meanwhile makes it due again.
 */
static void lock_and_forget(struct ct_net *cn, unsigned int families)
{
	unsigned int due;
	int v6;

	for (;;) {
		mutex_lock(&hooks_mutex);
		due = families & ~cn->forgotten;
		for (v6 = 0; v6 < 2; v6++)
			if (cn->hook_users[v6])
				due &= ~BIT(v6);
		if (!due)
			return;
		cn->forgotten |= due;
		mutex_unlock(&hooks_mutex);
		forget_all_windows(cn, due);
	}
}

int ct_hooks_hold(struct ct_net *cn, u8 family)
{
	unsigned int which = wanted(family);
	int err = 0;

	if (!which && family != NFPROTO_UNSPEC)
		return -EPROTO;
	lock_and_forget(cn, which);
	if (which & BIT(0))
		err = get_one(cn, false);
	if (!err && which & BIT(1)) {
		err = get_one(cn, true);
		if (err && which & BIT(0))
			put_one(cn, false);
	}
	if (!err)
		WRITE_ONCE(cn->users, cn->users + 1);
	mutex_unlock(&hooks_mutex);
	if (!err)
		ct_net_get(cn);
	return err;
}

int ct_hooks_get(struct ct_net *cn, u8 family)
{
	int err = ct_hooks_hold(cn, family);

	if (!err)
		ct_payer_ask(&cn->payer);
	return err;
}
EXPORT_SYMBOL_GPL(ct_hooks_get);

void ct_hooks_put(struct ct_net *cn, u8 family)
{
	unsigned int which = wanted(family);

	mutex_lock(&hooks_mutex);
	if (which & BIT(0))
		put_one(cn, false);
	if (which & BIT(1))
		put_one(cn, true);
	WRITE_ONCE(cn->users, cn->users - 1);
	mutex_unlock(&hooks_mutex);
	ct_net_put(cn);
}
EXPORT_SYMBOL_GPL(ct_hooks_put);

void ct_hooks_off(struct ct_net *cn)
{
	int v6;

	mutex_lock(&hooks_mutex);
	for (v6 = 0; v6 < 2; v6++) {
		if (cn->hook_users[v6] && !cn->hooks_off)
			turn_off(cn, v6);
		if (cn->adjusts & BIT(v6))
			nf_unregister_net_hooks(cn->net, cn->adjust_ops[v6],
						ARRAY_SIZE(adjusting[v6]));
	}
	cn->adjusts = 0;
	cn->hooks_off = true;
	mutex_unlock(&hooks_mutex);
}

int ct_hooks_adjust(struct ct_net *cn, u8 family)
{
	const bool v6 = family == NFPROTO_IPV6;
	struct nf_hook_ops *ops = cn->adjust_ops[v6];
	int err = 0;

	mutex_lock(&hooks_mutex);
	if (!(cn->adjusts & BIT(v6)) && !cn->hooks_off) {
		memcpy(ops, adjusting[v6], sizeof(adjusting[v6]));
		err = nf_register_net_hooks(cn->net, ops,
					    ARRAY_SIZE(adjusting[v6]));
		if (!err)
			cn->adjusts |= BIT(v6);
	}
	mutex_unlock(&hooks_mutex);
	return err;
}

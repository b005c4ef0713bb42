// SPDX-License-Identifier: GPL-2.0
/*
 * The table nat of iptables-legacy is asked as chains of type nat are: by ct_nat,
 * about a connection's first packet, in the order of priorities.
 */
#include <linux/export.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ct/nat.h>
#include "nat.h"

static const struct {
	unsigned int hook;
	int priority;
} places[] = {
	{ NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST },
	{ NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST },
	{ NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC },
	{ NF_INET_LOCAL_IN, NF_IP_PRI_NAT_SRC },
};

static_assert(ARRAY_SIZE(places) ==
	      ARRAY_SIZE(((struct ct_xt_nat_table *)NULL)->ops));
static_assert((int)NF_IP_PRI_NAT_DST == (int)NF_IP6_PRI_NAT_DST &&
	      (int)NF_IP_PRI_NAT_SRC == (int)NF_IP6_PRI_NAT_SRC);

/* The first so many, which were added. */
static void del(struct ct_xt_nat_table *t, struct net *net, unsigned int n)
{
	while (n--)
		ct_nat_chain_del(net, t->ops[n].pf, &t->ops[n]);
}

int ct_xt_nat_table_add(struct ct_xt_nat_table *t, struct net *net, u8 family,
			nf_hookfn *ask, void *table)
{
	unsigned int n;
	int err;

	for (n = 0; n < ARRAY_SIZE(places); n++) {
		t->ops[n] = (struct nf_hook_ops){
			.hook = ask,
			.priv = table,
			.pf = family,
			.hooknum = places[n].hook,
			.priority = places[n].priority,
		};
		err = ct_nat_chain_add(net, family, &t->ops[n]);
		if (err)
			goto fail;
	}
	t->asked = true;
	return 0;
fail:
	del(t, net, n);
	/* Packets may be in the table, which its owner frees next. */
	synchronize_rcu();
	return err;
}
EXPORT_SYMBOL_GPL(ct_xt_nat_table_add);

void ct_xt_nat_table_del(struct ct_xt_nat_table *t, struct net *net)
{
	if (t->asked)
		del(t, net, ARRAY_SIZE(places));
	t->asked = false;
}
EXPORT_SYMBOL_GPL(ct_xt_nat_table_del);

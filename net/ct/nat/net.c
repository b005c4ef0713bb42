// SPDX-License-Identifier: GPL-2.0
/* What a namespace has of translation: its settings, and how it changes. */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <net/ct/entry.h>
#include <net/ct/hooks.h>
#include <net/ct/nat.h>
#include <net/ct/net.h>
#include <net/netns/generic.h>
#include "compat.h"
#include "cone.h"
#include "nat.h"
#include "used.h"

static unsigned int ct_nat_net_id __read_mostly;

struct ct_nat_net *ct_nat_net(const struct net *net)
{
	return net_generic(net, ct_nat_net_id);
}

static void rules_changed(struct net *net)
{
	struct ct_nat_net *nn = ct_nat_net(net);

	WRITE_ONCE(nn->changed, jiffies);
	/* Pairs with ct_nat_is_outdated(). */
	smp_store_release(&nn->has_changed, true);
}

int ct_nat_rule_begin(struct net *net, u8 family)
{
	int err = ct_hooks_get(ct_net(net), family);

	if (!err)
		rules_changed(net);
	return err;
}
EXPORT_SYMBOL_GPL(ct_nat_rule_begin);

void ct_nat_rule_end(struct net *net, u8 family)
{
	rules_changed(net);
	ct_hooks_put(ct_net(net), family);
}
EXPORT_SYMBOL_GPL(ct_nat_rule_end);

/*
 * Longer ago than an entry's age is told, nobody knows which of the two was first.
 * And rules say that they come a moment before packets see them.
 */
bool ct_nat_is_outdated(const struct ct_nat_net *nn, const struct ct_entry *e)
{
	unsigned long since;

	/* Pairs with rules_changed(). */
	if (!smp_load_acquire(&nn->has_changed))
		return false;
	since = jiffies - READ_ONCE(nn->changed);
	return since < CT_BORN_OLDEST * CT_BORN_UNIT &&
	       ct_entry_age(e) + HZ > since;
}

static unsigned int most_open = CT_NAT_MAPPING_OPEN;

#define BYTE(name, member, limit) {					\
	.procname = "nf_conntrack_nat_" name,				\
	.data = (void *)offsetof(struct ct_nat_net, member),		\
	.maxlen = sizeof(u8), .mode = 0644,				\
	.proc_handler = proc_dou8vec_minmax,				\
	.extra1 = SYSCTL_ZERO, .extra2 = limit }

static const struct ctl_table template[] = {
	BYTE("mapping", mapping, &most_open),
	BYTE("revalidate", revalidate, SYSCTL_ONE),
};

static int __net_init nat_net_init(struct net *net)
{
	struct ct_nat_net *nn = ct_nat_net(net);
	struct ctl_table *table;
	unsigned int i;

	nn->net = net;
	INIT_WORK(&nn->gone, ct_nat_end_gone);
	ct_nat_used_net_init(&nn->used);
	nn->family[0].nn = nn;
	nn->family[1].nn = nn;
	/* And an empty one behind them. */
	table = kcalloc(ARRAY_SIZE(template) + 1, sizeof(*table),
			GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;
	memcpy(table, template, sizeof(template));
	for (i = 0; i < ARRAY_SIZE(template); i++)
		table[i].data = (void *)nn + (unsigned long)table[i].data;
	nn->sysctl = ct_register_net_sysctl(net, "net/netfilter", table,
					    ARRAY_SIZE(template));
	if (!nn->sysctl) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

static void __net_exit nat_net_exit(struct net *net)
{
	struct ct_nat_net *nn = ct_nat_net(net);
	const struct ctl_table *table = nn->sysctl->ctl_table_arg;

	cancel_work_sync(&nn->gone);
	unregister_net_sysctl_table(nn->sysctl);
	kfree(table);
	ct_nat_used_net_exit(&nn->used);
}

static struct pernet_operations nat_net_ops = {
	.init	= nat_net_init,
	.exit	= nat_net_exit,
	.id	= &ct_nat_net_id,
	.size	= sizeof(struct ct_nat_net),
};

int __init ct_nat_net_init(void)
{
	return register_pernet_subsys(&nat_net_ops);
}

void ct_nat_net_exit(void)
{
	unregister_pernet_subsys(&nat_net_ops);
}

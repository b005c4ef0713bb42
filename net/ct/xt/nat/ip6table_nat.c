// SPDX-License-Identifier: GPL-2.0
/*
 * The table nat of ip6tables-legacy. A namespace has it from when somebody looks
 * for it there.
 */
#include <linux/module.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <net/netns/generic.h>
#include "nat.h"

static unsigned int net_id __read_mostly;

static const struct xt_table table = {
	.name		= "nat",
	.valid_hooks	= BIT(NF_INET_PRE_ROUTING) | BIT(NF_INET_LOCAL_IN) |
			  BIT(NF_INET_LOCAL_OUT) | BIT(NF_INET_POST_ROUTING),
	.me		= THIS_MODULE,
	.af		= NFPROTO_IPV6,
};

static int ask(struct net *net)
{
	struct xt_table *t = xt_find_table(net, NFPROTO_IPV6, table.name);

	if (WARN_ON_ONCE(!t))
		return -ENOENT;
	return ct_xt_nat_table_add(net_generic(net, net_id), net, NFPROTO_IPV6,
				   ip6t_do_table, t);
}

static int make_table(struct net *net)
{
	struct ip6t_replace *empty = ip6t_alloc_initial_table(&table);
	int err;

	if (!empty)
		return -ENOMEM;
	err = ip6t_register_table(net, &table, empty, NULL);
	kfree(empty);
	if (err)
		return err;
	err = ask(net);
	if (err)
		ip6t_unregister_table_exit(net, table.name);
	return err;
}

static void __net_exit net_pre_exit(struct net *net)
{
	ct_xt_nat_table_del(net_generic(net, net_id), net);
}

static void __net_exit net_exit(struct net *net)
{
	ip6t_unregister_table_exit(net, table.name);
}

static struct pernet_operations net_ops = {
	.pre_exit	= net_pre_exit,
	.exit		= net_exit,
	.id		= &net_id,
	.size		= sizeof(struct ct_xt_nat_table),
};

static int __init ct_ip6table_nat_init(void)
{
	int err;

	err = register_pernet_subsys(&net_ops);
	if (err)
		return err;
	err = xt_register_template(&table, make_table);
	if (err)
		unregister_pernet_subsys(&net_ops);
	return err;
}

static void __exit ct_ip6table_nat_exit(void)
{
	xt_unregister_template(&table);
	unregister_pernet_subsys(&net_ops);
}

module_init(ct_ip6table_nat_init);
module_exit(ct_ip6table_nat_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("The table nat of ip6tables-legacy");

// SPDX-License-Identifier: GPL-2.0
/*
 * ct_nat.ko: loading, and unloading, which ends what is translated. It has
 * nf_nat_hook while it is loaded: nobody else can, without nf_conntrack.
 */
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <net/ct/entry.h>
#include <net/ct/expect.h>
#include <net/ct/nat.h>
#include <net/ct/net.h>
#include <net/ct/table.h>
#include <net/net_namespace.h>
#include "compat.h"
#include "cone.h"
#include "nat.h"
#include "used.h"

const struct ct_nat_ops ct_nat_ops = {
	.again = ct_nat_choose_again,
	.ended = ct_nat_unused,
	.freed = ct_nat_cone_leave,
	.setup = ct_nat_setup_request,
	.rewrite = ct_nat_rewrite_packet,
};

/* Nothing else is called by anybody but nf_conntrack. */
static const struct nf_nat_hook hook = {
	.decode_session = ct_nat_decode_session,
};

static void set_hooks(bool on)
{
	ct_nat_ops_set(on ? &ct_nat_ops : NULL);
	rcu_assign_pointer(nf_nat_hook, on ? &hook : NULL);
}

static int end_one(struct ct_entry *e, void *data)
{
	if (ct_entry_hot(e) & IPS_NAT_MASK)
		ct_entry_kill(e, 0, 0);
	return 0;
}

/* Their packets would go on as they are. */
static void end_translated(void)
{
	struct net *net;

	down_read(&net_rwsem);
	for_each_net(net) {
		struct ct_cursor cursor = {};

		/* What was translated and waits would be confirmed later. */
		nf_queue_nf_hook_drop(net);
		ct_table_walk(&ct_net(net)->table, &cursor, end_one, NULL);
	}
	up_read(&net_rwsem);
}

int __init ct_nat_state_init(void)
{
	int err;

	err = ct_nat_cone_init();
	if (err)
		return err;
	err = ct_nat_used_init();
	if (err)
		goto cone;
	err = ct_nat_net_init();
	if (err)
		goto used;
	return 0;
used:
	ct_nat_used_exit();
cone:
	ct_nat_cone_exit();
	return err;
}

void ct_nat_state_exit(void)
{
	ct_nat_net_exit();
	ct_nat_used_exit();
	ct_nat_cone_exit();
}

static int __init ct_nat_init(void)
{
	int err;

	err = ct_nat_state_init();
	if (err)
		return err;
	err = ct_nat_masquerade_init();
	if (err) {
		ct_nat_state_exit();
		return err;
	}
	set_hooks(true);
	ct_expect_fn_register(&ct_nat_follow);
	return 0;
}

/* There are no rules any more, so no hooks either. */
static void __exit ct_nat_exit(void)
{
	ct_expect_fn_unregister(&ct_nat_follow);
	set_hooks(false);
	ct_nat_masquerade_exit();
	/* Packets that were in the hooks, and whoever asked us something. */
	synchronize_net();
	end_translated();
	ct_nat_state_exit();
}

module_init(ct_nat_init);
module_exit(ct_nat_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Address translation of connections that ct tracks");

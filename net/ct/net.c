// SPDX-License-Identifier: GPL-2.0
/* The state of a network namespace, its life, and how much it may hold. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/expect.h>
#include <net/ct/expire.h>
#include <net/ct/hooks.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include <net/ct/netlink.h>
#include <net/ct/sysctl.h>
#include <net/netns/generic.h>
#include "compat.h"
#include "core.h"

/* One page of buckets; roomy up to 1 MiB, what nf_conntrack begins with. */
#define TABLE_ORDER	6
#define TABLE_ROOMY	14

/* Of the list, of which one is the first namespace's, and of limits. */
DEFINE_MUTEX(ct_nets_mutex);
LIST_HEAD(ct_nets);
static struct ct_net *first;

static unsigned int ct_net_id __read_mostly;
static struct workqueue_struct *free_wq;

/* Who loads ct: the namespaces that he comes to are not of his making. */
static const struct task_struct *loader;

struct ct_net *ct_net(const struct net *net)
{
	struct ct_net **cn = net_generic(net, ct_net_id);

	return *cn;
}
EXPORT_SYMBOL_GPL(ct_net);

static void free_work(struct work_struct *work)
{
	struct ct_net *cn = container_of(to_rcu_work(work), struct ct_net,
					 free);

	ct_table_destroy(&cn->table);
	ct_expect_net_free(cn);
	ct_candidates_exit(cn);
	ct_log_exit(cn);
	free_percpu(cn->stats);
	ct_payer_exit(&cn->payer);
	kfree(cn);
}

void ct_net_free(struct ct_net *cn)
{
	/* A reader of the table may still be in a grace period. */
	queue_rcu_work(free_wq, &cn->free);
}
EXPORT_SYMBOL_GPL(ct_net_free);

static int kill_one(struct ct_entry *e, void *data)
{
	ct_entry_kill(e, 0, 0);
	return 0;
}

static void kill_all(struct ct_net *cn)
{
	struct ct_cursor cursor = {};

	ct_table_walk(&cn->table, &cursor, kill_one, NULL);
}

/* As much as the first one may hold, if there is a limit to that; or less. */
static void update_max(struct ct_net *cn)
{
	unsigned int most = first ? first->max_wanted : 0;

	WRITE_ONCE(cn->max, min_not_zero(cn->max_wanted, most));
}

void ct_net_limit(struct ct_net *cn, unsigned int wanted)
{
	mutex_lock(&ct_nets_mutex);
	cn->max_wanted = wanted;
	update_max(cn);
	if (cn == first)
		list_for_each_entry(cn, &ct_nets, list)
			update_max(cn);
	mutex_unlock(&ct_nets_mutex);
}

static int join(struct ct_net *cn)
{
	int err;

	mutex_lock(&ct_nets_mutex);
	update_max(cn);
	err = ct_tracked_join(cn);
	if (!err) {
		list_add_tail(&cn->list, &ct_nets);
		if (net_eq(cn->net, &init_net))
			first = cn;
	}
	mutex_unlock(&ct_nets_mutex);
	return err;
}

static void leave(struct ct_net *cn)
{
	mutex_lock(&ct_nets_mutex);
	list_del(&cn->list);
	if (cn == first)
		first = NULL;
	mutex_unlock(&ct_nets_mutex);
	ct_tracked_leave(cn);
}

/* No packet is in the hooks any more, and no new entry confirmed. */
static void close_net(struct ct_net *cn)
{
	nf_queue_nf_hook_drop(cn->net);
	kill_all(cn);
	ct_netlink_net_exit(cn);
	ct_sysctl_net_exit(cn);
	ct_net_put(cn);
}

static int __net_init net_init(struct net *net)
{
	struct ct_net **slot = net_generic(net, ct_net_id);
	struct ct_payer payer;
	struct ct_net *cn;
	int err = -ENOMEM;

	ct_payer_init(&payer, net, current != READ_ONCE(loader));
	cn = kzalloc(sizeof(*cn), GFP_KERNEL | payer.account);
	if (!cn)
		goto payer;
	cn->payer = payer;
	cn->table.payer = &cn->payer;
	refcount_set(&cn->refs, 1);
	atomic_set(&cn->held, 1);
	cn->net = net;
	cn->inum = net->ns.inum;
	get_random_bytes(&cn->key, sizeof(cn->key));
	INIT_RCU_WORK(&cn->free, free_work);
	ct_log_init(cn);
	ct_expect_net_init(cn);
	cn->stats = alloc_percpu_gfp(struct ct_stats,
				     GFP_KERNEL | payer.account);
	if (!cn->stats)
		goto free;
	err = ct_candidates_init(cn);
	if (err)
		goto stats;
	err = ct_table_init(&cn->table, TABLE_ORDER, TABLE_ROOMY);
	if (err)
		goto overload;
	err = ct_sysctl_net_init(cn);
	if (err)
		goto table;
	err = ct_netlink_net_init(cn);
	if (err)
		goto sysctl;
	*slot = cn;
	err = ct_proc_net_init(cn);
	if (!err) {
		err = join(cn);
		if (err)
			ct_proc_net_exit(cn);
	}
	if (err) {
		/* One family's hooks may have seen packets. */
		WRITE_ONCE(cn->dying, true);
		synchronize_net();
		ct_expect_net_exit(cn);
		close_net(cn);
	}
	return err;
sysctl:
	ct_sysctl_net_exit(cn);
table:
	ct_table_destroy(&cn->table);
overload:
	ct_candidates_exit(cn);
stats:
	free_percpu(cn->stats);
free:
	kfree(cn);
payer:
	ct_payer_exit(&payer);
	return err;
}

static void __net_exit net_pre_exit(struct net *net)
{
	struct ct_net *cn = ct_net(net);

	ct_hooks_off(cn);
	/*
	 * What confirms and reports looks at this on the RCU read side, and a
	 * grace period comes before net_exit().
	 */
	WRITE_ONCE(cn->dying, true);
}

static void __net_exit net_exit(struct net *net)
{
	struct ct_net *cn = ct_net(net);

	ct_proc_net_exit(cn);
	/* While it is in the list: there everybody is looked for who expects. */
	ct_expect_net_exit(cn);
	leave(cn);
	close_net(cn);
}

static struct pernet_operations net_ops = {
	.init		= net_init,
	.pre_exit	= net_pre_exit,
	.exit		= net_exit,
	.id		= &ct_net_id,
	.size		= sizeof(struct ct_net *),
};

int __init ct_net_init(void)
{
	free_wq = alloc_workqueue("ct_free", WQ_UNBOUND, 0);
	return free_wq ? 0 : -ENOMEM;
}

int __init ct_net_register(void)
{
	int err;

	/* Somebody else may make one before it has returned. */
	WRITE_ONCE(loader, current);
	err = register_pernet_subsys(&net_ops);
	WRITE_ONCE(loader, NULL);
	return err;
}

void ct_net_unregister(void)
{
	unregister_pernet_subsys(&net_ops);
}

void ct_net_exit(void)
{
	/* Freed namespaces: their grace periods, then their work. */
	rcu_barrier();
	destroy_workqueue(free_wq);
}

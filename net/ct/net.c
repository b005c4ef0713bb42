// SPDX-License-Identifier: GPL-2.0
/*
 * The state of a network namespace: its life, and which namespaces are tracked
 * without being asked.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/user_namespace.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
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

enum hooks_mode { HOOKS_INIT, HOOKS_DEMAND, HOOKS_ALWAYS };

static const char * const mode_names[] = {
	[HOOKS_INIT] = "init",
	[HOOKS_DEMAND] = "demand",
	[HOOKS_ALWAYS] = "always",
};

/* Which namespaces are tracked unasked, and all that have a state. */
static DEFINE_MUTEX(nets_mutex);
static enum hooks_mode hooks_mode = HOOKS_INIT;
static LIST_HEAD(nets);
static struct ct_net *first;

static unsigned int ct_net_id __read_mostly;
static struct workqueue_struct *free_wq;
static bool registered;

struct ct_net *ct_net(const struct net *net)
{
	struct ct_net **cn = net_generic(net, ct_net_id);

	return *cn;
}
EXPORT_SYMBOL_GPL(ct_net);

/* What is shown is a page at most. */
#define USERS_LINE	64

/* Whose rules keep the modules from being unloaded. */
static int users_show(char *text, const struct kernel_param *kp)
{
	unsigned int users, more = 0;
	const struct ct_net *cn;
	int len = 0;

	mutex_lock(&nets_mutex);
	list_for_each_entry(cn, &nets, list) {
		users = READ_ONCE(cn->users) - cn->unasked;
		if (!users)
			continue;
		if (len > PAGE_SIZE - 2 * USERS_LINE)
			more++;
		else
			len += sysfs_emit_at(text, len, "namespace %u of user %u: %u\n",
					     cn->inum,
					     from_kuid(&init_user_ns,
						       cn->net->user_ns->owner),
					     users);
	}
	mutex_unlock(&nets_mutex);
	if (more)
		len += sysfs_emit_at(text, len, "and %u more namespaces\n",
				     more);
	return len;
}

static int users_set(const char *value, const struct kernel_param *kp)
{
	return -EPERM;
}

static const struct kernel_param_ops users_ops = {
	.set = users_set,
	.get = users_show,
};

module_param_cb(users, &users_ops, NULL, 0400);
MODULE_PARM_DESC(users, "read only: the namespaces whose rules use ct, their owners, and how many expressions and objects these are");

static void free_work(struct work_struct *work)
{
	struct ct_net *cn = container_of(to_rcu_work(work), struct ct_net,
					 free);

	ct_log_exit(cn);
	ct_table_destroy(&cn->table);
	ct_candidates_exit(cn);
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

static bool unasked(const struct ct_net *cn)
{
	return hooks_mode == HOOKS_ALWAYS ||
	       (hooks_mode == HOOKS_INIT && net_eq(cn->net, &init_net));
}

static int track_unasked(struct ct_net *cn)
{
	int err = 0;

	if (!cn->unasked) {
		err = ct_hooks_get(cn, NFPROTO_INET);
		cn->unasked = !err;
	}
	return err;
}

static void untrack_unasked(struct ct_net *cn)
{
	if (cn->unasked)
		ct_hooks_put(cn, NFPROTO_INET);
	cn->unasked = false;
}

/* As much as the first one may hold, if there is a limit to that; or less. */
static void update_max(struct ct_net *cn)
{
	unsigned int most = first ? first->max_wanted : 0;

	WRITE_ONCE(cn->max, min_not_zero(cn->max_wanted, most));
}

void ct_net_limit(struct ct_net *cn, unsigned int wanted)
{
	mutex_lock(&nets_mutex);
	cn->max_wanted = wanted;
	update_max(cn);
	if (cn == first)
		list_for_each_entry(cn, &nets, list)
			update_max(cn);
	mutex_unlock(&nets_mutex);
}

static int join(struct ct_net *cn)
{
	int err = 0;

	mutex_lock(&nets_mutex);
	if (net_eq(cn->net, &init_net))
		first = cn;
	update_max(cn);
	if (unasked(cn))
		err = track_unasked(cn);
	if (!err)
		list_add_tail(&cn->list, &nets);
	mutex_unlock(&nets_mutex);
	return err;
}

static void leave(struct ct_net *cn)
{
	mutex_lock(&nets_mutex);
	list_del(&cn->list);
	if (cn == first)
		first = NULL;
	untrack_unasked(cn);
	mutex_unlock(&nets_mutex);
}

/*
 * First those that come to it: if one fails, it is as it was before. Who waits
 * for the mutex meanwhile waits for an administrator, and for nobody else.
 */
static int change_mode(enum hooks_mode mode)
{
	enum hooks_mode old = hooks_mode;
	struct ct_net *cn;
	int err = 0;

	hooks_mode = mode;
	list_for_each_entry(cn, &nets, list) {
		if (unasked(cn))
			err = track_unasked(cn);
		if (err) {
			hooks_mode = old;
			break;
		}
	}
	list_for_each_entry(cn, &nets, list)
		if (!unasked(cn))
			untrack_unasked(cn);
	return err;
}

/* When the module is loaded, before there are any namespaces, or later. */
static int hooks_set(const char *value, const struct kernel_param *kp)
{
	int mode = sysfs_match_string(mode_names, value);

	if (mode < 0) {
		net_err_ratelimited("%s: hooks= must be init, demand or always\n",
				    KBUILD_MODNAME);
		return mode;
	}
	mutex_lock(&nets_mutex);
	mode = change_mode(mode);
	mutex_unlock(&nets_mutex);
	return mode;
}

static int hooks_show(char *text, const struct kernel_param *kp)
{
	return sysfs_emit(text, "%s\n", mode_names[READ_ONCE(hooks_mode)]);
}

static const struct kernel_param_ops hooks_ops = {
	.set = hooks_set,
	.get = hooks_show,
};

module_param_cb(hooks, &hooks_ops, NULL, 0644);
MODULE_PARM_DESC(hooks, "which namespaces are tracked: init (the first one, others on demand), demand (by rules), always");

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

	ct_payer_init(&payer, net, registered);
	cn = kzalloc(sizeof(*cn), GFP_KERNEL | payer.account);
	if (!cn)
		goto payer;
	cn->payer = payer;
	cn->table.payer = &cn->payer;
	refcount_set(&cn->refs, 1);
	cn->net = net;
	cn->inum = net->ns.inum;
	get_random_bytes(&cn->key, sizeof(cn->key));
	INIT_RCU_WORK(&cn->free, free_work);
	ct_log_init(cn);
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
	err = join(cn);
	if (err) {
		/* One family's hooks may have seen packets. */
		WRITE_ONCE(cn->dying, true);
		synchronize_net();
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
	int err = register_pernet_subsys(&net_ops);

	/* Who makes a namespace from now on does so in ct's time. */
	registered = !err;
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

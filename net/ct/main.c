// SPDX-License-Identifier: GPL-2.0
/*
 * Loading, unloading, and who owns tracking: the module that has the name
 * net.nf_conntrack_max may take nf_ct_hook (ARCHITECTURE C1, C4).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/rtnetlink.h>
#include <net/ct/entry.h>
#include <net/ct/expire.h>
#include <net/ct/hooks.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include <net/ct/netlink.h>
#include <net/ct/policy.h>
#include <net/ct/sysctl.h>
#include "compat.h"
#include "core.h"

/* What the rest of the kernel asks of the tracker. */

/*
 * A packet comes back from a queue. If another one was faster, it joins the
 * entry of that where it is confirmed: see join_winner(). Negative on 6.1,
 * NF_DROP on 6.12 would drop; this is right on both.
 */
static int hook_update(struct net *net, struct sk_buff *skb)
{
	return NF_ACCEPT;
}

static void hook_destroy(struct nf_conntrack *nfct)
{
	ct_entry_free(ct_entry_of(nfct));
}

/* Every namespace has its state: ct_net() may be called at any time. */
static bool ready;

static bool hook_get_tuple(struct nf_conntrack_tuple *tuple,
			   const struct sk_buff *skb)
{
	/* Called for untracked packets, too, whoever tracks. */
	return smp_load_acquire(&ready) && ct_tuple_of_skb(tuple, skb);
}

/* A reject or the like: @nskb answers @skb, and is related to it. */
static void hook_attach(struct sk_buff *nskb, const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_get_skb(skb, &ctinfo);

	if (!e)
		return;
	ctinfo = CTINFO2DIR(ctinfo) == IP_CT_DIR_ORIGINAL ?
		 IP_CT_RELATED_REPLY : IP_CT_RELATED;
	ct_entry_get(e);
	skb_set_nfct(nskb, (unsigned long)&e->ct_general | ctinfo);
}

/* A reset was sent for this connection by a rule. */
static void hook_set_closing(struct nf_conntrack *nfct)
{
	struct ct_entry *e;
	bool closed;

	if (!nfct)
		return;
	e = ct_entry_of(nfct);
	if (e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum != IPPROTO_TCP ||
	    !(ct_entry_hot(e) & IPS_CONFIRMED))
		return;
	if (ct_entry_hot(e) & IPS_FIXED_TIMEOUT)
		return;
	spin_lock_bh(&e->lock);
	closed = e->proto.tcp.state == TCP_CONNTRACK_CLOSE;
	WRITE_ONCE(e->proto.tcp.state, TCP_CONNTRACK_CLOSE);
	spin_unlock_bh(&e->lock);
	if (closed)
		return;
	ct_refresh(e, READ_ONCE(ct_timeouts(e)[CT_TIMEOUT_TCP +
					       TCP_CONNTRACK_CLOSE]));
	ct_event(e, BIT(IPCT_PROTOINFO));
}

/* Of a packet to the bridge itself, before the local stack makes clones. */
static int hook_confirm(struct sk_buff *skb)
{
	static const struct nf_hook_state state = { .hook = NF_INET_LOCAL_IN };

	return ct_confirm(NULL, skb, &state);
}

static const struct nf_ct_hook ct_hook = {
	.update		= hook_update,
	.destroy	= hook_destroy,
	.get_tuple_skb	= hook_get_tuple,
	.attach		= hook_attach,
	.set_closing	= hook_set_closing,
	.confirm	= hook_confirm,
};

static int module_event(struct notifier_block *nb, unsigned long state,
			void *data)
{
	static CT_LOG_BUDGET(budget);
	const struct module *mod = data;
	struct ct_log_tail tail;

	if (state != MODULE_STATE_COMING || strcmp(mod->name, "nf_conntrack"))
		return NOTIFY_DONE;
	if (ct_log_spend(&budget, &tail))
		pr_info("nf_conntrack refused: ct tracks connections; unload ct first%s\n",
			tail.text);
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block module_nb = { .notifier_call = module_event };

/*
 * Is nf_conntrack there, or on its way in or out? One that is on its way in
 * passed the notifiers before ours was there, and appears in sysfs only some
 * microseconds later, before its init function runs: wait for that.
 */
static bool other_tracker(void)
{
	struct kobject *other;

	if (rcu_access_pointer(nf_ct_hook))
		return true;
	msleep(50);
	other = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, "nf_conntrack");
	kobject_put(other);
	return other;
}

/*
 * Packets in flight hold entries: in queues, in sockets, on their way. Drop
 * what can be dropped and sleep until the last entry is free (C4).
 */
static void wait_for_entries(void)
{
	unsigned long report = jiffies + 10 * HZ;
	struct net *net;
	int left;

	while ((left = ct_entries())) {
		down_read(&net_rwsem);
		for_each_net(net)
			nf_queue_nf_hook_drop(net);
		up_read(&net_rwsem);
		if (time_after(jiffies, report)) {
			pr_info("unloading waits for packets that hold %d connections\n",
				left);
			report = jiffies + 10 * HZ;
		}
		msleep(20);
	}
}

static DEFINE_MUTEX(own_mutex);

static int __init take_hook(void)
{
	int err = 0;

	/* nf_ct_hook is written by who owns net.nf_conntrack_max only. */
	mutex_lock(&own_mutex);
	if (rcu_access_pointer(nf_ct_hook))
		err = -EBUSY;
	else
		rcu_assign_pointer(nf_ct_hook, &ct_hook);
	mutex_unlock(&own_mutex);
	return err;
}

static void drop_hook(void)
{
	RCU_INIT_POINTER(nf_ct_hook, NULL);
	/* Somebody may be in ct_entry_free(), called through the hook. */
	synchronize_rcu();
}

static int __init ct_init(void)
{
	int err;

	err = ct_net_init();
	if (err)
		return err;
	err = ct_entry_init();
	if (err)
		goto net;
	err = ct_expire_init();
	if (err)
		goto entry;
	err = register_module_notifier(&module_nb);
	if (err)
		goto expire;
	/*
	 * Look before claiming: on 6.1 a sysctl that exists already makes the
	 * kernel forget everything else in /proc/sys/net, until it is booted
	 * again.
	 */
	err = other_tracker() ? -EBUSY : ct_sysctl_claim();
	if (!err) {
		err = take_hook();
		if (err)
			ct_sysctl_release();
	}
	if (err) {
		/* A budget of ours would be gone with us until the next try. */
		net_err_ratelimited("not loaded: nf_conntrack tracks connections; unload it first\n");
		goto notifier;
	}
	err = ct_net_register();
	if (err)
		goto hook;
	/* Pairs with hook_get_tuple(): what was registered is there. */
	smp_store_release(&ready, true);
	err = ct_netlink_init();
	if (err)
		goto pernet;
	ct_hashsize_init();
	return 0;
pernet:
	WRITE_ONCE(ready, false);
	ct_net_unregister();
hook:
	/* Some namespaces may have been tracked before another one failed. */
	wait_for_entries();
	drop_hook();
	ct_sysctl_release();
notifier:
	unregister_module_notifier(&module_nb);
expire:
	ct_expire_exit();
entry:
	rcu_barrier();
	ct_entry_exit();
net:
	ct_net_exit();
	return err;
}

static void __exit ct_exit(void)
{
	struct net *net;

	ct_hashsize_exit();
	down_read(&net_rwsem);
	for_each_net(net)
		ct_hooks_off(ct_net(net));
	up_read(&net_rwsem);
	synchronize_net();

	ct_netlink_exit();
	/* Who still uses it is done when the namespaces are closed. */
	WRITE_ONCE(ready, false);
	/* Kills the entries of every namespace and drops what is queued. */
	ct_net_unregister();
	wait_for_entries();
	ct_expire_exit();
	drop_hook();
	ct_sysctl_release();
	ct_net_exit();
	ct_entry_exit();
	unregister_module_notifier(&module_nb);
}

module_init(ct_init);
module_exit(ct_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Connection tracking in place of nf_conntrack");

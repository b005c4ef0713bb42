// SPDX-License-Identifier: GPL-2.0
/*
 * A connection's source becomes the address of the interface where it goes out;
 * and when that address goes, the connection ends.
 *
 * Who takes an address away is not to wait for that, nor is anything to be kept of
 * what has gone, be it ever so much: a worker of the namespace looks which of its
 * connections have an address that is no more, once for all that went meanwhile.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/workqueue.h>
#include <net/addrconf.h>
#include <net/ct/entry.h>
#include <net/ct/log.h>
#include <net/ct/nat.h>
#include <net/ct/net.h>
#include <net/ct/table.h>
#include <net/ip_fib.h>
#include <net/route.h>
#include "nat.h"

static bool source_ipv4(const struct sk_buff *skb, const struct ct_entry *e,
			const struct net_device *out, union nf_inet_addr *addr)
{
	const __be32 to = e->dir[IP_CT_DIR_REPLY].tuple.src.u3.ip;

	addr->ip = inet_select_addr(out, rt_nexthop(skb_rtable(skb), to),
				    RT_SCOPE_UNIVERSE);
	return addr->ip;
}

static bool source_ipv6(const struct ct_entry *e, const struct net_device *out,
			union nf_inet_addr *addr)
{
	const struct in6_addr *to = &e->dir[IP_CT_DIR_REPLY].tuple.src.u3.in6;

	return IS_ENABLED(CONFIG_IPV6) &&
	       !ipv6_dev_get_saddr(e->cn->net, out, to, 0, &addr->in6);
}

static bool find_source(const struct sk_buff *skb, const struct ct_entry *e,
			const struct nf_hook_state *state,
			union nf_inet_addr *addr)
{
	struct ct_log_tail tail;

	if (state->pf == NFPROTO_IPV4 ? source_ipv4(skb, e, state->out, addr) :
					source_ipv6(e, state->out, addr))
		return true;
	if (ct_log_may(e->cn, CT_LOG_NAT, &tail))
		pr_info("%s has no address to masquerade with, in namespace %u%s\n",
			state->out->name, e->cn->inum, tail.text);
	return false;
}

/* Who has no address yet asks for one, and is to be left alone. */
static bool is_nobody(const struct ct_entry *e, u8 pf)
{
	return pf == NFPROTO_IPV4 &&
	       !e->dir[IP_CT_DIR_ORIGINAL].tuple.src.u3.ip;
}

unsigned int ct_nat_masquerade(struct sk_buff *skb,
			       const struct nf_nat_range2 *range,
			       const struct nf_hook_state *state)
{
	struct nf_nat_range2 here = *range;
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e;

	e = ct_entry_tracked(skb, &ctinfo);
	if (!e || is_nobody(e, state->pf) ||
	    ct_entry_hot(e) & (IPS_CONFIRMED | IPS_SRC_NAT_DONE))
		return NF_ACCEPT;
	memset(&here.min_addr, 0, sizeof(here.min_addr));
	if (!find_source(skb, e, state, &here.min_addr))
		return NF_DROP;
	here.max_addr = here.min_addr;
	here.flags |= NF_NAT_RANGE_MAP_IPS;
	return ct_nat_setup_out(e, &here, state->out->ifindex);
}
EXPORT_SYMBOL_GPL(ct_nat_masquerade);

/* What was found out last: one after another has the same address. */
struct known {
	struct net *net;
	int index;
	u8 l3;
	union nf_inet_addr addr;
	bool there;
};

static bool has_ipv4(const struct net_device *dev, __be32 addr)
{
	const struct in_device *in = __in_dev_get_rcu(dev);
	const struct in_ifaddr *ifa;

	if (in)
		in_dev_for_each_ifa_rcu(ifa, in)
			if (ifa->ifa_local == addr)
				return true;
	return false;
}

/*
 * Is the interface up, and the address its own? Or another one's: who has none may
 * have borrowed it.
 */
static bool is_there(struct net *net, int index, u8 l3,
		     const union nf_inet_addr *addr)
{
	struct net_device *dev;
	bool there;

	rcu_read_lock();
	dev = dev_get_by_index_rcu(net, index);
	there = dev && dev->flags & IFF_UP;
	if (there && l3 == NFPROTO_IPV4)
		there = has_ipv4(dev, addr->ip) ||
			inet_addr_type_dev_table(net, dev, addr->ip) == RTN_LOCAL;
	else if (there)
		there = IS_ENABLED(CONFIG_IPV6) &&
			ipv6_chk_addr(net, &addr->in6, NULL, 0);
	rcu_read_unlock();
	return there;
}

static int end_one(struct ct_entry *e, void *data)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_REPLY].tuple;
	struct known *k = data;

	if (!(ct_entry_hot(e) & CT_HOT_OUT))
		return 0;
	if (k->index != ct_entry_out(e) || k->l3 != t->src.l3num ||
	    !nf_inet_addr_cmp(&k->addr, &t->dst.u3)) {
		k->index = ct_entry_out(e);
		k->l3 = t->src.l3num;
		k->addr = t->dst.u3;
		k->there = is_there(k->net, k->index, k->l3, &k->addr);
	}
	if (!k->there)
		ct_entry_kill(e, 0, 0);
	return 0;
}

/* The namespace lives: it waits for its worker when it exits. */
void ct_nat_end_gone(struct work_struct *work)
{
	struct ct_nat_net *nn = container_of(work, struct ct_nat_net, gone);
	struct ct_cursor cursor = {};
	struct known known = { .net = nn->net };

	ct_table_walk(&ct_net(nn->net)->table, &cursor, end_one, &known);
}

static void note(const struct net_device *dev)
{
	struct net *net = dev_net(dev);

	/* Nobody is connected, so nobody has to be told. */
	if (ct_net_count(ct_net(net)))
		queue_work(system_unbound_wq, &ct_nat_net(net)->gone);
}

static int device_event(struct notifier_block *nb, unsigned long event,
			void *data)
{
	if (event == NETDEV_DOWN)
		note(netdev_notifier_info_to_dev(data));
	return NOTIFY_DONE;
}

static int ipv4_event(struct notifier_block *nb, unsigned long event,
		      void *data)
{
	const struct in_ifaddr *ifa = data;

	/* Of an interface that goes with all addresses there was an event. */
	if (event == NETDEV_DOWN && !ifa->ifa_dev->dead)
		note(ifa->ifa_dev->dev);
	return NOTIFY_DONE;
}

static int ipv6_event(struct notifier_block *nb, unsigned long event,
		      void *data)
{
	const struct inet6_ifaddr *ifa = data;

	if (event == NETDEV_DOWN)
		note(ifa->idev->dev);
	return NOTIFY_DONE;
}

static struct notifier_block device_nb = { .notifier_call = device_event };
static struct notifier_block ipv4_nb = { .notifier_call = ipv4_event };
static struct notifier_block ipv6_nb = { .notifier_call = ipv6_event };

/* What is queued is for the namespaces to wait for. */
int __init ct_nat_masquerade_init(void)
{
	int err;

	err = register_netdevice_notifier(&device_nb);
	if (err)
		return err;
	err = register_inetaddr_notifier(&ipv4_nb);
	if (err)
		goto device;
	err = IS_ENABLED(CONFIG_IPV6) ? register_inet6addr_notifier(&ipv6_nb) :
					0;
	if (err)
		goto ipv4;
	return 0;
ipv4:
	unregister_inetaddr_notifier(&ipv4_nb);
device:
	unregister_netdevice_notifier(&device_nb);
	return err;
}

void ct_nat_masquerade_exit(void)
{
	if (IS_ENABLED(CONFIG_IPV6))
		unregister_inet6addr_notifier(&ipv6_nb);
	unregister_inetaddr_notifier(&ipv4_nb);
	unregister_netdevice_notifier(&device_nb);
}

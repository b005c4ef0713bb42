// SPDX-License-Identifier: GPL-2.0
/* A connection to somebody else becomes one to this machine. */
#include <linux/export.h>
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/ct/entry.h>
#include <net/ct/nat.h>
#include "nat.h"

static bool first_ipv4(const struct net_device *dev, union nf_inet_addr *addr)
{
	const struct in_device *in = __in_dev_get_rcu(dev);
	const struct in_ifaddr *ifa = in ? rcu_dereference(in->ifa_list) : NULL;

	if (ifa)
		addr->ip = ifa->ifa_local;
	return addr->ip;
}

/* @scope: of the address that is asked for; 0: any */
static bool is_usable(const struct inet6_ifaddr *ifa, unsigned int scope)
{
	const unsigned int type = ipv6_addr_type(&ifa->addr);

	if (type & IPV6_ADDR_MAPPED)
		return false;
	/* Somebody else may have it. */
	if (ifa->flags & IFA_F_TENTATIVE && !(ifa->flags & IFA_F_OPTIMISTIC))
		return false;
	return !scope || scope & type & IPV6_ADDR_SCOPE_MASK;
}

static bool first_ipv6(const struct net_device *dev, unsigned int scope,
		       union nf_inet_addr *addr)
{
	struct inet6_dev *in = __in6_dev_get(dev);
	const struct inet6_ifaddr *ifa;
	bool found = false;

	if (!in)
		return false;
	read_lock_bh(&in->lock);
	list_for_each_entry(ifa, &in->addr_list, if_list) {
		found = is_usable(ifa, scope);
		if (found) {
			addr->in6 = ifa->addr;
			break;
		}
	}
	read_unlock_bh(&in->lock);
	return found;
}

static bool find_address(const struct sk_buff *skb, const struct ct_entry *e,
			 const struct nf_hook_state *state,
			 union nf_inet_addr *addr)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const bool v4 = state->pf == NFPROTO_IPV4;

	if (state->hook == NF_INET_LOCAL_OUT) {
		if (v4)
			addr->ip = htonl(INADDR_LOOPBACK);
		else
			addr->in6 = in6addr_loopback;
		return true;
	}
	return v4 ? first_ipv4(skb->dev, addr) :
		    first_ipv6(skb->dev, ipv6_addr_scope(&t->dst.u3.in6), addr);
}

unsigned int ct_nat_redirect(struct sk_buff *skb,
			     const struct nf_nat_range2 *range,
			     const struct nf_hook_state *state)
{
	struct nf_nat_range2 there = *range;
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e;

	e = ct_entry_tracked(skb, &ctinfo);
	if (!e)
		return NF_ACCEPT;
	memset(&there.min_addr, 0, sizeof(there.min_addr));
	if (!find_address(skb, e, state, &there.min_addr))
		return NF_DROP;
	there.max_addr = there.min_addr;
	there.flags |= NF_NAT_RANGE_MAP_IPS;
	return ct_nat_setup(e, &there, NF_NAT_MANIP_DST);
}
EXPORT_SYMBOL_GPL(ct_nat_redirect);

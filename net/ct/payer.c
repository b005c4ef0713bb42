// SPDX-License-Identifier: GPL-2.0
/*
 * Who pays for what a namespace holds: the memory cgroup of who made it, so that
 * one who may make namespaces cannot have more of the machine's memory by that.
 */
#include <linux/export.h>
#include <linux/memcontrol.h>
#include <linux/nsproxy.h>
#include <linux/slab.h>
#include <net/ct/payer.h>
#include <net/net_namespace.h>

static void take_current(struct ct_payer *p)
{
	if (current->mm)
		WRITE_ONCE(p->memcg, get_mem_cgroup_from_mm(current->mm));
}

void ct_payer_init(struct ct_payer *p, const struct net *net, bool made)
{
	p->account = net_eq(net, &init_net) ? 0 : __GFP_ACCOUNT;
	p->memcg = NULL;
	if (p->account && made)
		take_current(p);
}

void ct_payer_ask(struct ct_payer *p, const struct net *net)
{
	/* Not who loads modules, or sets hooks=, from outside. */
	if (p->account && !p->memcg && current->nsproxy &&
	    net_eq(current->nsproxy->net_ns, net))
		take_current(p);
}

void ct_payer_exit(struct ct_payer *p)
{
	mem_cgroup_put(p->memcg);
}

void *ct_payer_zalloc(const struct ct_payer *p, size_t size, gfp_t gfp)
{
	struct mem_cgroup *outer;
	void *mem;

	if (!p || !p->account)
		return kzalloc(size, gfp);
	outer = ct_payer_enter(p);
	mem = kzalloc(size, gfp | p->account);
	ct_payer_leave(outer);
	return mem;
}
EXPORT_SYMBOL_GPL(ct_payer_zalloc);

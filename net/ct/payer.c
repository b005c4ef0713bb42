// SPDX-License-Identifier: GPL-2.0
/*
 * Who pays for what a namespace holds: the memory cgroup of who made it, so that
 * one who may make namespaces cannot have more of the machine's memory by that.
 */
#include <linux/export.h>
#include <linux/memcontrol.h>
#include <linux/slab.h>
#include <net/ct/payer.h>
#include <net/net_namespace.h>

/* Two may want tracking at the same time: who comes first pays. */
static void take_current(struct ct_payer *p)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(current->mm);

	if (cmpxchg(&p->memcg, NULL, memcg))
		mem_cgroup_put(memcg);
}

void ct_payer_init(struct ct_payer *p, const struct net *net, bool made)
{
	p->account = net_eq(net, &init_net) ? 0 : __GFP_ACCOUNT;
	p->memcg = NULL;
	if (made)
		ct_payer_ask(p);
}

void ct_payer_ask(struct ct_payer *p)
{
	if (p->account && !READ_ONCE(p->memcg) && ct_payer_is_process())
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

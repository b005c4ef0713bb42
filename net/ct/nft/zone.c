// SPDX-License-Identifier: GPL-2.0
/*
 * ct zone set: the packet gets a template that tells the zone. It is gone when
 * the packet is tracked, so one for each CPU is kept at hand; a packet that is
 * queued to user space keeps it for long, and others then get one of their own.
 */
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "nft.h"

static DEFINE_MUTEX(zone_mutex);
static unsigned int zone_users;		/* rules, under zone_mutex */
static DEFINE_PER_CPU(struct ct_entry *, zone_template);

#define BOTH	(BIT(IP_CT_DIR_ORIGINAL) | BIT(IP_CT_DIR_REPLY))

/* A packet may have one still, which is then freed with that. */
static void drop_templates(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		ct_entry_put(per_cpu(zone_template, cpu));
		per_cpu(zone_template, cpu) = NULL;
	}
}

static int make_templates(void)
{
	static const struct nf_conntrack_zone zone = { .dir = BOTH };
	struct ct_entry *t;
	int cpu;

	for_each_possible_cpu(cpu) {
		t = ct_template_new(&zone, GFP_KERNEL);
		if (!t) {
			drop_templates();
			return -ENOMEM;
		}
		per_cpu(zone_template, cpu) = t;
	}
	return 0;
}

int ct_nft_zone_get(void)
{
	int err = 0;

	mutex_lock(&zone_mutex);
	if (!zone_users)
		err = make_templates();
	if (!err)
		zone_users++;
	mutex_unlock(&zone_mutex);
	return err;
}

/* No packet is in the rule any more. */
void ct_nft_zone_put(void)
{
	mutex_lock(&zone_mutex);
	if (!--zone_users)
		drop_templates();
	mutex_unlock(&zone_mutex);
}

/* The first zone that is set counts. What is untracked is tracked then. */
void ct_nft_zone_eval(const struct nft_expr *expr, struct nft_regs *regs,
		      const struct nft_pktinfo *pkt)
{
	const struct ct_nft *priv = nft_expr_priv(expr);
	struct nf_conntrack_zone zone = {
		.id = nft_reg_load16(&regs->data[priv->reg]),
		.dir = ct_nft_has_dir(priv) ? BIT(priv->dir) : BOTH,
	};
	enum ip_conntrack_info ctinfo;
	struct ct_entry *t;

	if (ct_entry_get_skb(pkt->skb, &ctinfo))
		return;
	/* Another CPU's would do as well, after a migration. */
	t = raw_cpu_read(zone_template);
	if (unlikely(!ct_template_take(t, &zone)))
		t = ct_template_new(&zone, GFP_ATOMIC);
	if (unlikely(!t)) {
		regs->verdict.code = NF_DROP;
		return;
	}
	skb_set_nfct(pkt->skb, (unsigned long)&t->ct_general | IP_CT_NEW);
}

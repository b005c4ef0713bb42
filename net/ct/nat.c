// SPDX-License-Identifier: GPL-2.0
/* What the core knows of address translation: whom to ask, and what he needs. */
#include <linux/bitfield.h>
#include <linux/export.h>
#include <linux/rcupdate.h>
#include <net/ct/entry.h>
#include <net/ct/nat.h>

static const struct ct_nat_ops __rcu *nat_ops;

/* How often there was somebody. */
static unsigned int era;

void ct_nat_ops_set(const struct ct_nat_ops *ops)
{
	if (ops) {
		WRITE_ONCE(era, era + 1);
		/* Who sees them sees that, too. */
		synchronize_rcu();
	}
	rcu_assign_pointer(nat_ops, ops);
}
EXPORT_SYMBOL_GPL(ct_nat_ops_set);

static u32 era_bits(void)
{
	return FIELD_PREP(CT_HOT_ERA, READ_ONCE(era) & FIELD_MAX(CT_HOT_ERA));
}

void ct_nat_hold(struct ct_entry *e)
{
	atomic_andnot(CT_HOT_ERA, &e->hot);
	atomic_or(CT_HOT_CONE | era_bits(), &e->hot);
}
EXPORT_SYMBOL_GPL(ct_nat_hold);

bool ct_nat_is_held(const struct ct_entry *e)
{
	return (ct_entry_hot(e) & (CT_HOT_CONE | CT_HOT_ERA)) ==
	       (CT_HOT_CONE | era_bits());
}
EXPORT_SYMBOL_GPL(ct_nat_is_held);

bool ct_nat_is_there(void)
{
	return rcu_access_pointer(nat_ops);
}

int ct_nat_request(struct ct_entry *e, const struct nf_nat_range2 *range,
		   enum nf_nat_manip_type manip)
{
	const struct ct_nat_ops *ops = rcu_dereference(nat_ops);

	if (!ops)
		return -EOPNOTSUPP;
	return ops->setup(e, range, manip) == NF_ACCEPT ? 0 : -ENOMEM;
}

void ct_nat_ended(const struct ct_entry *e)
{
	const struct ct_nat_ops *ops = rcu_dereference(nat_ops);

	if (ops)
		ops->ended(e);
}

void ct_nat_freed(const struct ct_entry *e)
{
	const struct ct_nat_ops *ops;

	rcu_read_lock();
	ops = rcu_dereference(nat_ops);
	if (ops && ct_nat_is_held(e))
		ops->freed(e);
	rcu_read_unlock();
}

int ct_nat_again(struct ct_entry *e, struct sk_buff *skb,
		 const struct nf_hook_state *state)
{
	const struct ct_nat_ops *ops = rcu_dereference(nat_ops);

	return ops ? ops->again(e, skb, state) : -EOPNOTSUPP;
}

bool ct_nat_rewrite(struct sk_buff *skb, const struct nf_conntrack_tuple *from,
		    const struct nf_conntrack_tuple *to,
		    const struct nf_hook_state *state)
{
	const struct ct_nat_ops *ops = rcu_dereference(nat_ops);

	return ops && ops->rewrite(skb, from, to, state);
}

DEFINE_PER_CPU(struct ct_stray, ct_stray);
EXPORT_PER_CPU_SYMBOL_GPL(ct_stray);

void ct_stray_note(const struct sk_buff *skb, const struct ct_entry *e,
		   unsigned int dir)
{
	struct ct_stray *s;
	unsigned int d;

	local_bh_disable();
	s = this_cpu_ptr(&ct_stray);
	s->skb = skb;
	s->cn = e->cn;
	s->hot = ct_entry_hot(e) & IPS_NAT_MASK;
	s->dir = dir;
	for (d = 0; d < IP_CT_DIR_MAX; d++)
		s->tuple[d] = e->dir[d].tuple;
	local_bh_enable();
}

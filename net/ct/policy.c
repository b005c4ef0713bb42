// SPDX-License-Identifier: GPL-2.0
/*
 * Timeout policies: what a rule gives a connection in place of the timeouts of
 * its namespace. Entries hold them, so they are freed here, not by the module
 * that made them.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/in.h>
#include <linux/slab.h>
#include <net/ct/policy.h>

/* Where a protocol's timeouts are, without the state that nothing is ever in. */
static const struct slots {
	u8 l4;
	u8 first;
	u8 n;
} slots[] = {
	{ IPPROTO_TCP, CT_TIMEOUT_TCP + 1,
	  CT_TIMEOUT_TCP_MAX - CT_TIMEOUT_TCP - 1 },
	{ IPPROTO_SCTP, CT_TIMEOUT_SCTP + 1,
	  CT_TIMEOUT_SCTP_MAX - CT_TIMEOUT_SCTP - 1 },
#ifdef CONFIG_NF_CT_PROTO_DCCP
	{ IPPROTO_DCCP, CT_TIMEOUT_DCCP + 1,
	  CT_TIMEOUT_DCCP_MAX - CT_TIMEOUT_DCCP - 1 },
#endif
	{ IPPROTO_UDP, CT_TIMEOUT_UDP, 2 },
	{ IPPROTO_UDPLITE, CT_TIMEOUT_UDP, 2 },
	{ IPPROTO_GRE, CT_TIMEOUT_GRE, 2 },
	{ IPPROTO_ICMP, CT_TIMEOUT_ICMP, 1 },
	{ IPPROTO_ICMPV6, CT_TIMEOUT_ICMPV6, 1 },
	{ IPPROTO_RAW, CT_TIMEOUT_GENERIC, 1 },
};

static const struct slots *find_slots(u8 l4)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slots); i++)
		if (slots[i].l4 == l4)
			return &slots[i];
	return NULL;
}

struct ct_policy *ct_policy_new(const struct ct_net *cn, u8 l4)
{
	const struct slots *found = find_slots(l4);
	struct ct_policy *policy;
	unsigned int i;

	if (!found)
		return ERR_PTR(-EOPNOTSUPP);
	policy = kmalloc(sizeof(*policy), GFP_KERNEL_ACCOUNT);
	if (!policy)
		return ERR_PTR(-ENOMEM);
	refcount_set(&policy->refs, 1);
	policy->withdrawn = false;
	policy->l4 = l4;
	policy->first = found->first;
	policy->n = found->n;
	for (i = 0; i < __CT_TIMEOUT_MAX; i++)
		policy->timeout[i] = READ_ONCE(cn->timeout[i]);
	return policy;
}
EXPORT_SYMBOL_GPL(ct_policy_new);

/* Who looks at a policy has an entry that has it: no grace period is due. */
void ct_policy_put(struct ct_policy *policy)
{
	if (policy && refcount_dec_and_test(&policy->refs))
		kfree(policy);
}

void ct_policy_withdraw(struct ct_policy *policy)
{
	WRITE_ONCE(policy->withdrawn, true);
	ct_policy_put(policy);
}
EXPORT_SYMBOL_GPL(ct_policy_withdraw);

const unsigned int *ct_policy_timeouts(const struct ct_entry *e)
{
	const struct ct_policy *policy;

	/* Pairs with give(): who sees the bit sees the policy. */
	smp_rmb();
	policy = READ_ONCE(ct_entry_rare(e)->policy);
	return READ_ONCE(policy->withdrawn) ? e->cn->timeout : policy->timeout;
}

static bool give(struct ct_entry *e, struct ct_policy *policy)
{
	struct ct_rare *rare = ct_entry_rare_add(e, GFP_ATOMIC);

	if (!rare)
		return false;
	refcount_inc(&policy->refs);
	/* A clone of the packet may be in another rule, on another CPU. */
	if (cmpxchg(&rare->policy, NULL, policy))
		ct_policy_put(policy);
	/* Pairs with ct_policy_timeouts(). */
	smp_mb__before_atomic();
	atomic_or(CT_HOT_POLICY, &e->hot);
	return true;
}

bool ct_policy_attach(struct ct_entry *e, struct ct_policy *policy)
{
	u32 old, new;

	if (e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum != policy->l4 ||
	    ct_entry_hot(e) & (CT_HOT_CLAIMED | IPS_CONFIRMED))
		return true;
	/*
	 * Relative until a clone of the packet is confirmed: read before that
	 * is tested, and replaced if it is still the same.
	 */
	old = smp_load_acquire(&e->expires);
	if (!give(e, policy))
		return false;
	if (ct_entry_hot(e) & (CT_HOT_CLAIMED | IPS_FIXED_TIMEOUT))
		return true;
	new = READ_ONCE(ct_timeouts(e)[policy->first]);
	cmpxchg(&e->expires, old, min(new, CT_LONGEST));
	return true;
}
EXPORT_SYMBOL_GPL(ct_policy_attach);

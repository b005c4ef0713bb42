/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_POLICY_H
#define _NET_CT_POLICY_H

#include <linux/refcount.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>
#include <net/ct/proto.h>

/**
 * struct ct_policy - timeouts for some connections of one protocol, in place
 *	of their namespace's
 * @refs: who made it, and each entry that has it
 * @withdrawn: who made it has dropped it: the namespace's count again
 * @l4: IPPROTO_*, 255 for what has no tracker of its own
 * @first: the protocol's first in @timeout: that of what was just opened
 * @n: how many it has, one after the other, in the order of their attributes
 *	in nfnetlink_cttimeout.h, which begin with 1
 * @timeout: by enum ct_timeout, jiffies; constant once it is attached
 */
struct ct_policy {
	refcount_t refs;
	bool withdrawn;
	u8 l4;
	u8 first;
	u8 n;
	unsigned int timeout[__CT_TIMEOUT_MAX];
};

/**
 * ct_policy_new() - make a policy
 * @cn: whose timeouts it begins with, as they are now
 * @l4: the protocol
 * Context: process.
 * Return: a policy with one reference, ERR_PTR(-ENOMEM), or
 * ERR_PTR(-EOPNOTSUPP): the protocol has no tracker
 */
struct ct_policy *ct_policy_new(const struct ct_net *cn, u8 l4);

/**
 * ct_policy_withdraw() - drop the reference of who made it
 * @policy: that; nobody attaches it any more
 *
 * From its next packet on a connection that has it goes by the timeouts of its
 * namespace again.
 * Context: process
 */
void ct_policy_withdraw(struct ct_policy *policy);

/**
 * ct_policy_attach() - give a policy to a connection
 * @e: the entry, referenced
 * @policy: which the caller keeps from being withdrawn
 *
 * Nothing happens to a connection of another protocol, or one that is
 * confirmed. The first policy stays. Its time begins anew.
 * Context: softirq or process. Return: false without memory
 */
bool ct_policy_attach(struct ct_entry *e, struct ct_policy *policy);

/**
 * ct_policy_put() - drop an entry's reference
 * @policy: freed with the last one; may be NULL
 * Context: any
 */
void ct_policy_put(struct ct_policy *policy);

/**
 * ct_policy_timeouts() - the timeouts of a connection with a policy
 * @e: the entry, with %CT_HOT_POLICY
 * Return: as ct_timeouts()
 */
const unsigned int *ct_policy_timeouts(const struct ct_entry *e);

/**
 * ct_timeouts_by() - ct_timeouts(), for who has read the status already
 * @e: the entry, referenced
 * @hot: ct_entry_hot() of it
 * Return: by enum ct_timeout, jiffies; each is to be read once
 */
static inline const unsigned int *ct_timeouts_by(const struct ct_entry *e,
						 u32 hot)
{
	if (unlikely(hot & CT_HOT_POLICY))
		return ct_policy_timeouts(e);
	return e->cn->timeout;
}

/**
 * ct_timeouts() - the timeouts that a connection goes by
 * @e: the entry, referenced
 * Return: as ct_timeouts_by()
 */
static inline const unsigned int *ct_timeouts(const struct ct_entry *e)
{
	return ct_timeouts_by(e, ct_entry_hot(e));
}

#endif /* _NET_CT_POLICY_H */

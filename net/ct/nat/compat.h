/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NAT_COMPAT_H
#define _CT_NAT_COMPAT_H

/* What differs between kernels; CT_HAVE_* is probed by Kbuild. */

#include <linux/netfilter.h>
#include <net/xfrm.h>
#include "../compat.h"

#ifdef CONFIG_XFRM
static inline int ct_xfrm_decode_session(struct net *net, struct sk_buff *skb,
					 struct flowi *fl, unsigned int family)
{
#ifdef CT_HAVE_DECODE_SESSION_NET
	return xfrm_decode_session(net, skb, fl, family);
#else
	return xfrm_decode_session(skb, fl, family);
#endif
}
#endif

/* Exported by netfilter, declared in a header that is not installed. */
int nf_hook_entries_insert_raw(struct nf_hook_entries __rcu **pp,
			       const struct nf_hook_ops *reg);
void nf_hook_entries_delete_raw(struct nf_hook_entries __rcu **pp,
				const struct nf_hook_ops *reg);

#endif /* _CT_NAT_COMPAT_H */

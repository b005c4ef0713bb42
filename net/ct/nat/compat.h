/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NAT_COMPAT_H
#define _CT_NAT_COMPAT_H

/* What differs between kernels; CT_HAVE_* is probed by Kbuild. */

#include <linux/netfilter.h>
#include <net/netfilter/nf_conntrack_tuple.h>
#include <net/udp.h>
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

#ifdef CT_HAVE_NET_UDP_TABLE
#define ct_udp_table(net)	((net)->ipv4.udp_table)
#else
#define ct_udp_table(net)	(&udp_table)
#endif

/* The socket that gets what is of this tuple, without a reference. RCU read side */
static inline struct sock *ct_udp_lookup(struct net *net,
					 const struct nf_conntrack_tuple *t,
					 int dif, int sdif)
{
	if (t->src.l3num == NFPROTO_IPV4)
		return __udp4_lib_lookup(net, t->src.u3.ip, t->src.u.udp.port,
					 t->dst.u3.ip, t->dst.u.udp.port, dif,
					 sdif, ct_udp_table(net), NULL);
#if IS_ENABLED(CONFIG_IPV6)
	return __udp6_lib_lookup(net, &t->src.u3.in6, t->src.u.udp.port,
				 &t->dst.u3.in6, t->dst.u.udp.port, dif, sdif,
				 ct_udp_table(net), NULL);
#else
	return NULL;
#endif
}

/* Exported by netfilter, declared in a header that is not installed. */
int nf_hook_entries_insert_raw(struct nf_hook_entries __rcu **pp,
			       const struct nf_hook_ops *reg);
void nf_hook_entries_delete_raw(struct nf_hook_entries __rcu **pp,
				const struct nf_hook_ops *reg);

#endif /* _CT_NAT_COMPAT_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * A packet of a connection becomes what its connection says; and where it goes
 * then is looked up anew.
 */
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/rtnetlink.h>
#include <net/ct/tuple.h>
#include <net/dst.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/xfrm.h>
#include "compat.h"
#include "mangle.h"
#include "nat.h"

/* Nearly all packets have ports: nobody has to be called for them. */
static inline void invert_ports(struct nf_conntrack_tuple *inv,
				const struct nf_conntrack_tuple *tuple)
{
	inv->src.u3 = tuple->dst.u3;
	inv->src.u.all = tuple->dst.u.all;
	inv->src.l3num = tuple->src.l3num;
	inv->dst.u3 = tuple->src.u3;
	inv->dst.u.all = tuple->src.u.all;
	inv->dst.protonum = tuple->dst.protonum;
	inv->dst.dir = !tuple->dst.dir;
}

unsigned int ct_nat_translate(struct sk_buff *skb,
			      const struct nf_conntrack_tuple *other,
			      enum nf_nat_manip_type manip)
{
	struct nf_conntrack_tuple target __ct_uninit;

	if (likely(other->dst.protonum == IPPROTO_TCP ||
		   other->dst.protonum == IPPROTO_UDP))
		invert_ports(&target, other);
	else if (!ct_tuple_invert(&target, other))
		return NF_DROP;
	return ct_nat_mangle(skb, skb_network_offset(skb), &target, manip) ?
	       NF_DROP : NF_ACCEPT;
}

int ct_nat_reroute(struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (state->pf == NFPROTO_IPV4)
		return ip_route_me_harder(state->net, state->sk, skb,
					  RTN_UNSPEC);
	return ip6_route_me_harder(state->net, state->sk, skb);
}

#ifdef CONFIG_XFRM
static bool has_policies(const struct net *net, const struct sock *sk)
{
	return net->xfrm.policy_count[XFRM_POLICY_OUT] ||
	       (sk && rcu_access_pointer(sk->sk_policy[XFRM_POLICY_OUT]));
}

static bool is_transformed(const struct sk_buff *skb, u8 pf)
{
	return pf == NFPROTO_IPV4 ?
	       IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED :
	       IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED;
}

/* The route stays, what is done to the packet on its way may be another. */
static int look_up_policy(struct sk_buff *skb, struct net *net,
			  struct sock *sk, u8 pf)
{
	struct dst_entry *dst = skb_dst(skb);
	unsigned int need;
	struct flowi fl;
	int err;

	err = ct_xfrm_decode_session(net, skb, &fl,
				     pf == NFPROTO_IPV4 ? AF_INET : AF_INET6);
	if (err < 0)
		return err;
	if (dst->xfrm)
		dst = ((struct xfrm_dst *)dst)->route;
	if (!dst_hold_safe(dst))
		return -EHOSTUNREACH;
	dst = xfrm_lookup(net, dst, &fl, sk, 0);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);

	need = dst->dev->hard_header_len;
	if (skb_headroom(skb) >= need)
		return 0;
	return pskb_expand_head(skb, need - skb_headroom(skb), 0, GFP_ATOMIC);
}

int ct_nat_policy(struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct sock *sk = sk_to_full_sk(skb->sk);

	if (sk && !net_eq(state->net, sock_net(sk)))
		sk = NULL;
	if (!has_policies(state->net, sk) || is_transformed(skb, state->pf))
		return 0;
	return look_up_policy(skb, state->net, sk, state->pf);
}
#else
int ct_nat_policy(struct sk_buff *skb, const struct nf_hook_state *state)
{
	return 0;
}
#endif

static bool ends_differ(const struct nf_conntrack_tuple *a,
			const struct nf_conntrack_tuple *b)
{
	return !nf_inet_addr_cmp(&a->src.u3, &b->src.u3) ||
	       a->src.u.all != b->src.u.all;
}

static bool targets_differ(const struct nf_conntrack_tuple *a,
			   const struct nf_conntrack_tuple *b)
{
	return !nf_inet_addr_cmp(&a->dst.u3, &b->dst.u3) ||
	       a->dst.u.all != b->dst.u.all;
}

bool ct_nat_rewrite_packet(struct sk_buff *skb,
			   const struct nf_conntrack_tuple *from,
			   const struct nf_conntrack_tuple *to,
			   const struct nf_hook_state *state)
{
	const unsigned int nhoff = skb_network_offset(skb);
	struct nf_conntrack_tuple was, target;
	bool goes_on;

	if (!ct_tuple_invert(&was, from) || !ct_tuple_invert(&target, to))
		return false;
	goes_on = nf_inet_addr_cmp(&was.dst.u3, &target.dst.u3);
	/*
	 * It is not for this machine any more, and on its way into it; or the
	 * bridge's, which knows only of one to where it came for.
	 */
	if (!goes_on && (state->hook != NF_INET_POST_ROUTING ||
			 nf_bridge_info_exists(skb)))
		return false;
	if (ends_differ(&was, &target) &&
	    ct_nat_mangle(skb, nhoff, &target, NF_NAT_MANIP_SRC))
		return false;
	if (targets_differ(&was, &target) &&
	    ct_nat_mangle(skb, nhoff, &target, NF_NAT_MANIP_DST))
		return false;
	if (state->hook != NF_INET_POST_ROUTING) {
		/* Its socket was found by what it was before. */
		if (skb->sk && !inet_sk_transparent(skb->sk))
			skb_orphan(skb);
		return true;
	}
	if (goes_on)
		return !ct_nat_policy(skb, state);
	if (ct_nat_reroute(skb, state))
		return false;
	skb->dev = skb_dst(skb)->dev;
	return true;
}

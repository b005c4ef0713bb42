// SPDX-License-Identifier: GPL-2.0
/*
 * -m cluster: is this the machine of a cluster that a connection is for? By its
 * source, and the same on all of them, whoever tracks there: so the hash is the
 * one that is known.
 */
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/netfilter/xt_cluster.h>
#include <net/ct/entry.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include <net/ct/packet.h>
#include <net/ipv6.h>
#include "xt.h"

/* Of an IPv6 address no more than the first word counts. */
static u32 node_of(const struct ct_entry *e,
		   const struct xt_cluster_match_info *info)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;

	return reciprocal_scale(jhash_1word(t->src.u3.all[0], info->hash_seed),
				info->total_nodes);
}

static bool is_multicast(const struct sk_buff *skb, u8 pf)
{
	const unsigned int nhoff = skb_network_offset(skb);
	struct in6_addr v6;
	__be32 v4;

	if (pf == NFPROTO_IPV4)
		return ct_fetch(skb, nhoff + offsetof(struct iphdr, daddr),
				&v4) && ipv4_is_multicast(v4);
	return ct_fetch(skb, nhoff + offsetof(struct ipv6hdr, daddr), &v6) &&
	       ipv6_addr_is_multicast(&v6);
}

/*
 * The machines share an address, and may share one of the link layer, that of a
 * group: what comes so is taken for one's own, here as there is no other place.
 */
static void take(struct sk_buff *skb, u8 pf)
{
	if (skb->pkt_type == PACKET_MULTICAST && !is_multicast(skb, pf))
		skb->pkt_type = PACKET_HOST;
}

static bool match(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_cluster_match_info *info = par->matchinfo;
	enum ip_conntrack_info ctinfo;
	const struct ct_entry *e;

	take((struct sk_buff *)skb, xt_family(par));
	e = ct_entry_tracked(skb, &ctinfo);
	if (!e)
		return false;
	return !!(BIT(node_of(ct_entry_master(e) ?: e, info)) &
		  info->node_mask) != !!(info->flags & XT_CLUSTER_F_INV);
}

static int check(const struct xt_mtchk_param *par)
{
	const struct xt_cluster_match_info *info = par->matchinfo;
	struct ct_net *cn = ct_net(par->net);

	if (info->total_nodes > XT_CLUSTER_NODES_MAX) {
		ct_log_refuse(cn, "cluster: %u nodes are more than %u",
			      info->total_nodes, XT_CLUSTER_NODES_MAX);
		return -EINVAL;
	}
	if (info->node_mask >= 1ULL << info->total_nodes) {
		ct_log_refuse(cn, "cluster: the mask 0x%x has more nodes than %u",
			      info->node_mask, info->total_nodes);
		return -EDOM;
	}
	return ct_xt_match_begin(par);
}

#define CLUSTER(pf) {							\
	.name		= "cluster",					\
	.family		= pf,						\
	.match		= match,					\
	.checkentry	= check,					\
	.destroy	= ct_xt_match_end,				\
	.matchsize	= sizeof(struct xt_cluster_match_info),		\
	.me		= THIS_MODULE,					\
}

struct xt_match ct_xt_cluster[2] __read_mostly = {
	CLUSTER(NFPROTO_IPV4),
	CLUSTER(NFPROTO_IPV6),
};

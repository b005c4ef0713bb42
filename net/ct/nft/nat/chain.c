// SPDX-License-Identifier: GPL-2.0
/*
 * Chains of type nat. Which of them is asked about which packet, and in what
 * order, is ct_nat's affair: nf_tables leaves their hooks to it.
 */
#include <linux/module.h>
#include <net/ct/nat.h>
#include <net/netfilter/nf_tables_ipv4.h>
#include <net/netfilter/nf_tables_ipv6.h>
#include "nat.h"

static unsigned int ask(void *chain, struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	struct nft_pktinfo pkt;

	nft_set_pktinfo(&pkt, skb, state);
	if (state->pf == NFPROTO_IPV4)
		nft_set_pktinfo_ipv4(&pkt);
	else
		nft_set_pktinfo_ipv6(&pkt);
	return nft_do_chain(&pkt, chain);
}

/* The family is that of the table. */
static int add(struct net *net, const struct nf_hook_ops *ops)
{
	return ct_nat_chain_add(net, ops->pf, ops);
}

static void del(struct net *net, const struct nf_hook_ops *ops)
{
	ct_nat_chain_del(net, ops->pf, ops);
}

#define TYPE(pf) {							\
	.name		= "nat",					\
	.type		= NFT_CHAIN_T_NAT,				\
	.family		= pf,						\
	.owner		= THIS_MODULE,					\
	.hook_mask	= BIT(NF_INET_PRE_ROUTING) |			\
			  BIT(NF_INET_LOCAL_IN) |			\
			  BIT(NF_INET_LOCAL_OUT) |			\
			  BIT(NF_INET_POST_ROUTING),			\
	.hooks		= {						\
		[NF_INET_PRE_ROUTING]	= ask,				\
		[NF_INET_LOCAL_IN]	= ask,				\
		[NF_INET_LOCAL_OUT]	= ask,				\
		[NF_INET_POST_ROUTING]	= ask,				\
	},								\
	.ops_register	= add,						\
	.ops_unregister	= del,						\
}

static const struct nft_chain_type types[] = {
	TYPE(NFPROTO_IPV4),
	TYPE(NFPROTO_IPV6),
	TYPE(NFPROTO_INET),
};

/*
 * That there are none of nft_chain_nat already, which nf_tables would not take
 * well, needs no test: it depends on nf_conntrack, and this module on ct.
 */
void ct_nft_nat_chain_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		nft_register_chain_type(&types[i]);
}

void ct_nft_nat_chain_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		nft_unregister_chain_type(&types[i]);
}

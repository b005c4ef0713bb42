/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NAT_MANGLE_H
#define _CT_NAT_MANGLE_H

/*
 * Rewriting a packet. It was judged by the tracker some time ago, and what lies
 * in pages may be another one since. So its headers are made ours first, and
 * looked at anew: they are refused if they are not what was tracked. A packet that
 * is refused is unchanged but for where its bytes are, and has to be dropped: it
 * may show what it was to hide.
 *
 * Checksums are changed by the difference, not computed: one that was wrong stays
 * wrong, and what is behind the headers is not read.
 */

#include <linux/skbuff.h>
#include <net/ct/tuple.h>
#include <net/netfilter/nf_nat.h>

/**
 * ct_nat_mangle() - translate an end of a packet
 * @skb: the packet
 * @nhoff: offset of the network header from skb->data, even
 * @target: what the packet becomes: the inverse of the tuple of the other
 *	direction
 * @manip: which end
 *
 * The address, and the port; the identifier of an ICMP query, which has but one
 * place, with either end; the call of PPTP's GRE with the destination. A fragment
 * but the first has only addresses.
 * Context: softirq. Return: 0; -EBADMSG: it is no packet of @target's protocol, or
 * cut short; -ENOMEM
 */
int ct_nat_mangle(struct sk_buff *skb, unsigned int nhoff,
		  const struct nf_conntrack_tuple *target,
		  enum nf_nat_manip_type manip);

/**
 * ct_nat_mangle_error() - translate an ICMP or ICMPv6 error, and what it quotes
 * @skb: the error
 * @nhoff: offset of its network header from skb->data, even
 * @other: the tuple of the other direction than the error goes in: that which
 *	the packet inside had before it was translated
 * @manip: which end of the error; of the packet inside it is the other end
 *
 * What is quoted may be cut short behind its ports. Its checksum is changed if it
 * is there.
 * Context: softirq. Return: 0; -EPERM: a redirect, which tells of the network
 * that it comes from and is of no use beyond it; -EBADMSG: it is no error, or the
 * packet inside is not one of @other's protocol, or cut too short; -ENOMEM
 */
int ct_nat_mangle_error(struct sk_buff *skb, unsigned int nhoff,
			const struct nf_conntrack_tuple *other,
			enum nf_nat_manip_type manip);

#endif /* _CT_NAT_MANGLE_H */

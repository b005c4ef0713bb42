/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_HOOKS_H
#define _NET_CT_HOOKS_H

#include <linux/types.h>

struct ct_net;
struct net;
struct nf_conntrack_tuple;
struct sk_buff;
struct nf_hook_state;

/**
 * ct_hooks_get() - turn tracking on in a namespace, or keep it on
 * @cn: a live namespace
 * @family: NFPROTO_IPV4, NFPROTO_IPV6, or, for both of them or neither,
 *	NFPROTO_INET and NFPROTO_BRIDGE: bridged packets are tracked where
 *	br_netfilter shows them to the hooks of IPv4 and IPv6. NFPROTO_UNSPEC:
 *	none, but the caller is counted as one who uses ct there
 *
 * Who succeeded holds a reference to @cn until ct_hooks_put(), so that
 * ct_net() of its namespace may be called until then, even while that exits. If
 * nobody pays for what @cn holds, the current process does: see struct ct_payer.
 * Context: process. Return: 0, -EPROTO for any other family, or what the
 * registration of hooks or of defragmentation failed with
 */
int ct_hooks_get(struct ct_net *cn, u8 family);

/**
 * ct_hooks_put() - undo one ct_hooks_get(); the last one turns tracking off
 * @cn: what that was called with; the namespace may be gone
 * @family: what that was called with
 * Context: process
 */
void ct_hooks_put(struct ct_net *cn, u8 family);

/**
 * ct_hooks_off() - turn tracking off for good, whoever wants it
 * @cn: a live namespace
 *
 * Later ct_hooks_put() calls only count. Packets that were on their way
 * through the hooks may still be until a grace period has passed.
 * Context: process
 */
void ct_hooks_off(struct ct_net *cn);

/**
 * ct_hooks_adjust() - have ct_seqadj_packet() called, until the namespace ends
 * @cn: a live namespace
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * Context: process. Return: 0, or what the registration of hooks failed with
 */
int ct_hooks_adjust(struct ct_net *cn, u8 family);

/**
 * ct_track() - find or make the connection of a packet
 * @cn: its namespace
 * @skb: a packet at PREROUTING or OUTPUT
 * @state: the hook
 * Context: softirq, or process with bottom halves on; RCU read side
 * Return: a netfilter verdict
 */
unsigned int ct_track(struct ct_net *cn, struct sk_buff *skb,
		      const struct nf_hook_state *state);

/**
 * ct_confirm() - the packet leaves the stack: put its new entry into the table
 * @priv: not used
 * @skb: a packet at INPUT or POSTROUTING
 * @state: the hook
 * Context: softirq, or process with bottom halves on; RCU read side
 * Return: a netfilter verdict
 */
unsigned int ct_confirm(void *priv, struct sk_buff *skb,
			const struct nf_hook_state *state);

/**
 * ct_tuple_of_skb() - the tuple of a packet, tracked or not
 * @tuple: where to put it
 * @skb: an IPv4 or IPv6 packet
 *
 * That of its entry in the packet's direction; without one, the inverse of
 * what answers it in the table of the packet's device's namespace.
 * Context: RCU read side. Return: false if there is none
 */
bool ct_tuple_of_skb(struct nf_conntrack_tuple *tuple,
		     const struct sk_buff *skb);

#endif /* _NET_CT_HOOKS_H */

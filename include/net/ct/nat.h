/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_NAT_H
#define _NET_CT_NAT_H

/* What the core asks of ct_nat.ko, and what it does for modules with rules. */

#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <net/netfilter/nf_conntrack_tuple.h>
#include <net/netfilter/nf_nat.h>

struct ct_entry;
struct ct_net;
struct net;
struct sk_buff;

/**
 * struct ct_nat_ops - what the core asks of address translation
 * @again: the source that was chosen for @e is another connection's by now.
 *	Choose another one, and rewrite the packet. 0: it is worth another try;
 *	-EADDRINUSE: there is none, and that was counted; or another error
 * @ended: @e, whose source it was decided about, has left the table
 * @freed: @e, which ct_nat_hold() was called for, is about to be freed
 * @setup: ct_nat_setup(), for an entry that is made by request
 * @rewrite: make a packet, whose answers would be of tuple @from, one whose
 *	answers are of @to. True: it is one
 *
 * Context: RCU read side. @again and @rewrite: at INPUT or POSTROUTING, when the
 * packet is to be confirmed; @e is not confirmed, nor claimed by the caller
 */
struct ct_nat_ops {
	int (*again)(struct ct_entry *e, struct sk_buff *skb,
		     const struct nf_hook_state *state);
	void (*ended)(const struct ct_entry *e);
	void (*freed)(const struct ct_entry *e);
	unsigned int (*setup)(struct ct_entry *e,
			      const struct nf_nat_range2 *range,
			      enum nf_nat_manip_type manip);
	bool (*rewrite)(struct sk_buff *skb,
			const struct nf_conntrack_tuple *from,
			const struct nf_conntrack_tuple *to,
			const struct nf_hook_state *state);
};

/**
 * ct_nat_ops_set() - have the core ask
 * @ops: what, or NULL: nobody any more. It may be called until a grace period
 *	has passed, which the next one to be asked has to wait for
 * Context: process
 */
void ct_nat_ops_set(const struct ct_nat_ops *ops);

/**
 * ct_nat_hold() - have @freed called for an entry
 * @e: an entry that the caller has claimed
 *
 * An entry that is not confirmed outlives those who translated it: a packet holds
 * it, and nobody knows where that is. So it notes in whose era it was (of the last
 * 256), and others are not told.
 * Context: softirq, RCU read side
 */
void ct_nat_hold(struct ct_entry *e);

/**
 * ct_nat_is_held() - was that called, and for who is there now?
 * @e: the entry
 * Context: softirq, RCU read side. Return: true if so
 */
bool ct_nat_is_held(const struct ct_entry *e);

/**
 * ct_nat_is_there() - is there anybody to ask?
 * Context: any. Return: true if so
 */
bool ct_nat_is_there(void);

/**
 * ct_nat_request() - decide for an entry that is made by request
 * @e: unconfirmed, and nobody else's
 * @range: as for ct_nat_setup()
 * @manip: source or destination
 * Context: RCU read side. Return: 0, -EOPNOTSUPP if nobody is there, -ENOMEM if
 * nothing in @range is free (programs know no other error)
 */
int ct_nat_request(struct ct_entry *e, const struct nf_nat_range2 *range,
		   enum nf_nat_manip_type manip);

/* Those of @ops; an error, false, or nothing without. RCU read side */
void ct_nat_ended(const struct ct_entry *e);
void ct_nat_freed(const struct ct_entry *e);
int ct_nat_again(struct ct_entry *e, struct sk_buff *skb,
		 const struct nf_hook_state *state);
bool ct_nat_rewrite(struct sk_buff *skb, const struct nf_conntrack_tuple *from,
		    const struct nf_conntrack_tuple *to,
		    const struct nf_hook_state *state);

/**
 * struct ct_stray - an invalid packet of a connection that is translated
 * @skb: the packet; an address, to compare, and no more
 * @cn: its namespace; the same
 * @hot: %IPS_NAT_MASK of the connection
 * @dir: the packet's direction in it
 * @tuple: the connection's, by direction
 *
 * To everybody it is a packet without a connection. It comes to the next hooks on
 * the same CPU, mostly: the last one of each is kept in mind.
 */
struct ct_stray {
	const struct sk_buff *skb;
	const struct ct_net *cn;
	u32 hot;
	u8 dir;
	struct nf_conntrack_tuple tuple[IP_CT_DIR_MAX];
};

DECLARE_PER_CPU(struct ct_stray, ct_stray);

/**
 * ct_stray_note() - keep an invalid packet in mind
 * @skb: the packet
 * @e: the connection that it would be of
 * @dir: in which direction
 * Context: softirq, or process with bottom halves on
 */
void ct_stray_note(const struct sk_buff *skb, const struct ct_entry *e,
		   unsigned int dir);

/**
 * ct_nat_chain_add() - have a chain of rules asked what to translate
 * @net: the namespace
 * @family: NFPROTO_IPV4, NFPROTO_IPV6, or NFPROTO_INET for both
 * @ops: hook number, priority among the chains of this hook, function and its
 *	private pointer; its family is not looked at. Has to stay until
 *	ct_nat_chain_del()
 *
 * The first chain of a family in a namespace turns translation on there, in all
 * four hooks, but not tracking: that is for the rules in it. Chains are asked in
 * the order of their priorities, of the first packets of a connection only, until
 * one has called ct_nat_setup().
 * A function is called as by nf_hook_slow(), with the state of the real hook.
 * Context: process. Return: 0, -EOPNOTSUPP for another family, -ENOMEM, or what
 * the registration of hooks failed with
 */
int ct_nat_chain_add(struct net *net, u8 family, const struct nf_hook_ops *ops);

/**
 * ct_nat_chain_del() - ask a chain no more
 * @net: as for ct_nat_chain_add()
 * @family: the same
 * @ops: the same
 *
 * What was translated stays translated as long as another chain of the family
 * is there, in any hook.
 * Context: process. A packet may be in the chain until a grace period has passed
 */
void ct_nat_chain_del(struct net *net, u8 family,
		      const struct nf_hook_ops *ops);

/**
 * ct_nat_rule_begin() - there is a rule that translates
 * @net: the namespace
 * @family: whose connections it needs; see ct_hooks_get(), which it calls
 *
 * Connections that saw no answer since before may begin anew: if that is switched
 * on (net.netfilter.nf_conntrack_nat_revalidate).
 * Context: process. Return: as ct_hooks_get()
 */
int ct_nat_rule_begin(struct net *net, u8 family);

/**
 * ct_nat_rule_end() - it is gone, and no packet in it any more
 * @net: as for ct_nat_rule_begin()
 * @family: the same
 * Context: process
 */
void ct_nat_rule_end(struct net *net, u8 family);

/**
 * ct_nat_setup() - decide what an end of a connection is translated to
 * @e: the connection of a packet, from ct_entry_tracked()
 * @range: what the rule says; see ct_nat_choose() for what its flags do
 * @manip: source or destination
 *
 * Nothing happens to a connection that is confirmed, or for whose end it was
 * decided. The packet is translated when its chains are done.
 * Context: softirq, or process with bottom halves on; RCU read side.
 * Return: NF_ACCEPT; NF_DROP if there is nothing free in @range
 */
unsigned int ct_nat_setup(struct ct_entry *e, const struct nf_nat_range2 *range,
			  enum nf_nat_manip_type manip);

/**
 * ct_nat_masquerade() - translate the source to the address of the interface
 * @skb: a packet at POSTROUTING that has a connection
 * @range: ports and flags; its addresses are not looked at
 * @state: the hook
 *
 * The connection ends when the interface or its address goes.
 * Context: as ct_nat_setup(). Return: NF_ACCEPT; NF_DROP if the interface has no
 * address, or nothing is free
 */
unsigned int ct_nat_masquerade(struct sk_buff *skb,
			       const struct nf_nat_range2 *range,
			       const struct nf_hook_state *state);

/**
 * ct_nat_redirect() - translate the destination to this machine
 * @skb: a packet at PREROUTING or OUTPUT that has a connection
 * @range: ports and flags; its addresses are not looked at
 * @state: the hook
 *
 * To the first address of the interface where it came in, or to that of the
 * loopback interface if it is our own.
 * Context: as ct_nat_setup(). Return: NF_ACCEPT; NF_DROP if the interface has no
 * address, or nothing is free
 */
unsigned int ct_nat_redirect(struct sk_buff *skb,
			     const struct nf_nat_range2 *range,
			     const struct nf_hook_state *state);

#endif /* _NET_CT_NAT_H */

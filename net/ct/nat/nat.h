/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NAT_NAT_H
#define _CT_NAT_NAT_H

/* What the files of ct_nat.ko know of each other. */

#include <linux/netfilter.h>
#include <linux/sysctl.h>
#include <linux/workqueue.h>
#include <net/ct/entry.h>
#include <net/ct/nat.h>
#include <net/netfilter/nf_nat.h>
#include "used.h"

/**
 * struct ct_nat_family - translation in one family of a namespace
 * @nn: of that namespace
 * @chains: by hook, to be asked; written under a mutex of hooks.c
 * @users: how many chains there are; under the same mutex
 * @ops: the hooks, while there are any
 */
struct ct_nat_family {
	struct ct_nat_net *nn;
	struct nf_hook_entries __rcu *chains[NF_INET_NUMHOOKS];
	unsigned int users;
	struct nf_hook_ops ops[4];
};

/**
 * struct ct_nat_net - translation in a namespace
 * @net: the namespace
 * @family: IPv4, IPv6
 * @mapping: enum ct_nat_mapping
 * @revalidate: who saw no answer since before @changed begins anew
 * @has_changed: rules came or went
 * @changed: jiffies, when that was
 * @doubt: so many of the next connections that may keep their port have it looked up
 * @gone: ends connections whose address has gone
 * @used: bitmaps of ports
 * @sysctl: the registered table
 */
struct ct_nat_net {
	struct net *net;
	struct ct_nat_family family[2];
	u8 mapping;
	u8 revalidate;
	bool has_changed;
	unsigned long changed;
	u8 doubt;
	struct work_struct gone;
	struct ct_nat_used used;
	struct ctl_table_header *sysctl;
};

/* net.c: that of a live namespace */
struct ct_nat_net *ct_nat_net(const struct net *net);

/* Does a connection that saw no answer stem from before the rules changed? */
bool ct_nat_is_outdated(const struct ct_nat_net *nn, const struct ct_entry *e);

/* Which end is translated at a hook. */
static inline enum nf_nat_manip_type ct_nat_manip(unsigned int hook)
{
	return hook == NF_INET_POST_ROUTING || hook == NF_INET_LOCAL_IN ?
	       NF_NAT_MANIP_SRC : NF_NAT_MANIP_DST;
}

/* The bit that says: it was decided what becomes of this end. */
static inline u32 ct_nat_done(enum nf_nat_manip_type manip)
{
	return manip == NF_NAT_MANIP_SRC ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE;
}

/*
 * The bit that says: this end of a packet in direction @dir changes. What is the
 * source of one direction is the destination of the other.
 */
static inline u32 ct_nat_bit(enum nf_nat_manip_type manip, unsigned int dir)
{
	return (manip == NF_NAT_MANIP_SRC) == (dir == IP_CT_DIR_ORIGINAL) ?
	       IPS_SRC_NAT : IPS_DST_NAT;
}

/*
 * Decide for a connection of which no rule said anything: it stays as it is. Return:
 * a verdict. RCU read side
 */
unsigned int ct_nat_leave_source(struct ct_entry *e);
unsigned int ct_nat_leave_target(const struct ct_nat_net *nn,
				 struct ct_entry *e,
				 const struct nf_hook_state *state);

/*
 * own.c: does the first packet of a connection, of UDP, go to a socket of this
 * machine? At PREROUTING. RCU read side
 */
bool ct_nat_is_own(const struct ct_entry *e, const struct nf_hook_state *state);

/* ct_nat_setup() of a source; @out: index of the interface whose address it gets */
unsigned int ct_nat_setup_out(struct ct_entry *e,
			      const struct nf_nat_range2 *range, int out);

/* ct_nat_setup() of an entry without a packet */
unsigned int ct_nat_setup_request(struct ct_entry *e,
				  const struct nf_nat_range2 *range,
				  enum nf_nat_manip_type manip);

/*
 * setup.c: has @old only waited for late packets of its own, and will those not be
 * taken for @e's, that is to have its place?
 */
bool ct_nat_may_go(struct ct_entry *old, const struct ct_entry *e);

struct ct_nat_choice;

/*
 * evict.c: no port was found for @e, though ct_nat_choose() looked, with what it left
 * in @c and @tuple. End a connection that has one. Return: true: @tuple has that now.
 * RCU read side
 */
bool ct_nat_evict(struct ct_nat_choice *c, const struct ct_entry *e,
		  const struct nf_conntrack_tuple *orig,
		  struct nf_conntrack_tuple *tuple);

/* main.c: all that is there before anybody asks, and after. Process */
int ct_nat_state_init(void);
void ct_nat_state_exit(void);

/* main.c: what the core calls */
extern const struct ct_nat_ops ct_nat_ops;

/* See struct ct_nat_ops. */
int ct_nat_choose_again(struct ct_entry *e, struct sk_buff *skb,
			const struct nf_hook_state *state);
bool ct_nat_rewrite_packet(struct sk_buff *skb,
			   const struct nf_conntrack_tuple *from,
			   const struct nf_conntrack_tuple *to,
			   const struct nf_hook_state *state);

/*
 * Translate a packet of a connection, or one that would be of it if it were not
 * invalid. @other: the tuple of the direction that it does not go in. Return: a
 * verdict
 */
unsigned int ct_nat_translate(struct sk_buff *skb,
			      const struct nf_conntrack_tuple *other,
			      enum nf_nat_manip_type manip);

/*
 * After a packet's destination or source was translated: to route it anew, and to
 * look anew for a policy of IPsec. Return: 0, or an error as of routing
 */
int ct_nat_reroute(struct sk_buff *skb, const struct nf_hook_state *state);
int ct_nat_policy(struct sk_buff *skb, const struct nf_hook_state *state);

/* net.c: the namespaces' */
int ct_nat_net_init(void);
void ct_nat_net_exit(void);

/* masquerade.c: who ends connections when addresses go. @nn->gone is its */
void ct_nat_end_gone(struct work_struct *work);
int ct_nat_masquerade_init(void);
void ct_nat_masquerade_exit(void);

/* follow.c: what becomes of who was expected */
extern struct ct_expect_fn ct_nat_follow;

/* session.c: for nf_nat_hook */
void ct_nat_decode_session(struct sk_buff *skb, struct flowi *fl);

#endif /* _CT_NAT_NAT_H */

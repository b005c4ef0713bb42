/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_XT_NAT_H
#define _CT_XT_NAT_H

/* What the files of ct_xt_nat.ko, and of those with tables, know of each other. */

#include <linux/netfilter/x_tables.h>
#include <net/netfilter/nf_nat.h>

/*
 * range.c: what a rule says of where to translate to, as ct_nat takes it. The old
 * form is of IPv4, and was of several ranges once.
 */
struct nf_nat_range2
ct_xt_nat_range_0(const struct nf_nat_ipv4_multi_range_compat *old);
struct nf_nat_range2 ct_xt_nat_range_1(const struct nf_nat_range *range);

/* Is it one range? Return: 0 or -EINVAL, and that is logged */
int ct_xt_nat_check_one(const struct xt_tgchk_param *par,
			const struct nf_nat_ipv4_multi_range_compat *old);

/* A rule begins, and ends. For .checkentry, if all else was checked. */
int ct_xt_nat_begin(const struct xt_tgchk_param *par);
void ct_xt_nat_end(const struct xt_tgdtor_param *par);

/*
 * The same of a rule with a range in the old form, or in the next, and nothing else to
 * be checked. @addresses: it has to have some, or may not.
 */
int ct_xt_nat_begin_0(const struct xt_tgchk_param *par, bool addresses);
int ct_xt_nat_begin_1(const struct xt_tgchk_param *par, bool addresses);

/* Decide for the packet's connection. Return: a verdict */
unsigned int ct_xt_nat_setup(struct sk_buff *skb, struct nf_nat_range2 range,
			     enum nf_nat_manip_type manip);

/* A file each: SNAT and DNAT with revisions 0 to 2; the others for two families */
extern struct xt_target ct_xt_nat_snat_dnat[6];
extern struct xt_target ct_xt_nat_masquerade[2];
extern struct xt_target ct_xt_nat_redirect[2];
extern struct xt_target ct_xt_nat_netmap[2];

/* What a namespace has of a table: its four hooks, as chains of ct_nat. */
struct ct_xt_nat_table {
	bool asked;
	struct nf_hook_ops ops[4];
};

/*
 * table.c: have a table asked what to translate, and no more. @ask: as a hook,
 * with @table as its private pointer. Return: as ct_nat_chain_add()
 */
int ct_xt_nat_table_add(struct ct_xt_nat_table *t, struct net *net, u8 family,
			nf_hookfn *ask, void *table);
void ct_xt_nat_table_del(struct ct_xt_nat_table *t, struct net *net);

#endif /* _CT_XT_NAT_H */

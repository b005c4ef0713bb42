/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NAT_USED_H
#define _CT_NAT_USED_H

/*
 * Bitmaps of the ports that are in use towards a remote end, where that is most of
 * them: see struct ct_nat_table, whose ->used() this is.
 */

#include <linux/types.h>

struct ct_entry;
struct nf_conntrack_tuple;

/**
 * ct_nat_used() - the bitmap for a tuple
 * @e: the connection whose source is chosen
 * @tuple: what it may become; its source port does not count
 * @want: make one, if there is none
 * Context: softirq, RCU read side. Return: the bitmap, or NULL
 */
unsigned long *ct_nat_used(const struct ct_entry *e,
			   const struct nf_conntrack_tuple *tuple, bool want);

/**
 * ct_nat_used_any() - is there any bitmap, of whatever?
 * Context: any. Return: true if so
 */
bool ct_nat_used_any(void);

/**
 * ct_nat_used_renew() - all ports seem to be in use
 * @e: the connection
 * @tuple: as for ct_nat_used()
 *
 * Some of those may be of connections that never came to be: they are looked up
 * once more, if that was not done a moment ago.
 * Context: softirq, RCU read side
 */
void ct_nat_used_renew(const struct ct_entry *e,
		       const struct nf_conntrack_tuple *tuple);

/**
 * ct_nat_unused() - a connection has ended
 * @e: the connection, which is in the table no more
 * Context: softirq or process, RCU read side
 */
void ct_nat_unused(const struct ct_entry *e);

/**
 * ct_nat_used_forget() - of a namespace that exits, or of all
 * @cn: the namespace; NULL: all
 * Context: process, may sleep. Nobody asks for those any more
 */
void ct_nat_used_forget(const struct ct_net *cn);

#endif /* _CT_NAT_USED_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_CORE_H
#define _CT_CORE_H

/* What the files of the core know of each other and nobody else does. */

#include <linux/atomic.h>
#include <net/ct/entry.h>

/* In ct_entry.hot, none of IPS_*: somebody confirms the entry, or has. */
#define CT_HOT_CLAIMED	BIT(31)

extern atomic_t ct_entries;

static inline u16 ct_zone_id(const struct nf_conntrack_zone *zone,
			     enum ip_conntrack_dir dir)
{
	return zone->dir & BIT(dir) ? zone->id : 0;
}

/*
 * Put an unconfirmed entry whose hash[ORIGINAL] is set into the table, with a
 * reference for it, and into the wheel. Bottom halves off, RCU read side.
 * 0; -EEXIST with *clash referenced; -ENOMEM; -ENOENT: the namespace exits.
 */
int ct_entry_publish(struct ct_entry *e, struct ct_entry **clash);

/* Count an invalid packet. */
void ct_invalid(struct ct_net *cn, enum ct_invalid reason);

#endif /* _CT_CORE_H */

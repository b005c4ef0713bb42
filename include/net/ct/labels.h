/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_LABELS_H
#define _NET_CT_LABELS_H

#include <net/ct/entry.h>

/**
 * ct_labels_get() - the labels of a connection
 * @e: the entry, referenced
 * @labels: where to put them: bit n of it as an array of long is label n
 * Context: any. Return: whether there is one at all
 */
bool ct_labels_get(const struct ct_entry *e, u32 labels[CT_LABELS_WORDS]);

/**
 * ct_labels_change() - change the labels of a connection
 * @e: the entry, referenced; confirmed or not
 * @value: bits to turn, of what @mask leaves; may be @mask, too, which sets
 *	these bits and leaves the others
 * @mask: bits to clear before
 *
 * What others change at the same time is not lost, word by word. Reports
 * nothing: that is the caller's, with %IPCT_LABEL.
 * Context: softirq or process.
 * Return: 1 if they were others before, else 0; -ENOMEM: there is no memory for
 * the first ones
 */
int ct_labels_change(struct ct_entry *e, const u32 value[CT_LABELS_WORDS],
		     const u32 mask[CT_LABELS_WORDS]);

#endif /* _NET_CT_LABELS_H */

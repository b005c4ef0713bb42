/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_STATS_H
#define _NET_CT_STATS_H

#include <linux/ct.h>
#include <net/ct/net.h>

/**
 * ct_invalid_text() - a reason in words
 * @reason: any value
 * Return: a short lower-case phrase, never NULL
 */
const char *ct_invalid_text(enum ct_invalid reason);

/**
 * ct_stats_invalid() - how many packets were invalid for a reason
 * @cn: the namespace
 * @reason: below __CT_INVALID_MAX
 * Context: any. Return: packets, all CPUs
 */
u64 ct_stats_invalid(const struct ct_net *cn, enum ct_invalid reason);

/**
 * ct_stats_evicted() - how many entries were evicted at the limit
 * @cn: the namespace
 * Context: any. Return: entries, all CPUs
 */
u64 ct_stats_evicted(const struct ct_net *cn);

#endif /* _NET_CT_STATS_H */

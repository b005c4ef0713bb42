/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_COUNT_H
#define _NET_CT_COUNT_H

#include <linux/types.h>

struct ct_count;
struct ct_net;
struct sk_buff;

/**
 * ct_count_new() - begin to count connections
 * @cn: of which namespace; a reference is held until ct_count_free()
 * @gfp: allocation flags
 * Context: as @gfp says. Return: an empty list, or NULL
 */
struct ct_count *ct_count_new(struct ct_net *cn, gfp_t gfp);

/**
 * ct_count_free() - forget all of them
 * @l: a list that nobody looks into any more
 * Context: any but hard interrupt
 */
void ct_count_free(struct ct_count *l);

/**
 * ct_count_net() - whose connections are counted
 * @l: the list
 * Return: what ct_count_new() was given
 */
struct ct_net *ct_count_net(const struct ct_count *l);

/**
 * ct_count_packet() - count the connection of a packet, once
 * @l: the list
 * @skb: a packet of IPv4 or IPv6, tracked or not
 * @open: count it even if it was open and answered before it came here first
 * @n: where to put how many live connections came by here, this one included
 * Context: softirq, or process with bottom halves on; RCU read side.
 * Return: false without memory, or if the packet is of no connection that could be
 */
bool ct_count_packet(struct ct_count *l, struct sk_buff *skb, bool open,
		     unsigned int *n);

/**
 * ct_count_clean() - forget those that ended
 * @l: the list
 * Context: softirq or process; RCU read side. Return: true if there are none left.
 * Of a list that was looked through just now that is not said: it may have one
 * still to come
 */
bool ct_count_clean(struct ct_count *l);

#endif /* _NET_CT_COUNT_H */

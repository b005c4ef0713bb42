/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_TUPLE_H
#define _NET_CT_TUPLE_H

#include <linux/types.h>
#include <linux/string.h>
#include <net/netfilter/nf_conntrack_tuple.h>

struct ct_net;

/*
 * A variable on the stack that is written before it is read: kernels with
 * INIT_STACK_ALL_ZERO clear it otherwise, once a packet.
 */
#if __has_attribute(__uninitialized__)
#define __ct_uninit	__attribute__((__uninitialized__))
#else
#define __ct_uninit
#endif

/**
 * ct_tuple_invert() - the tuple of the answer
 * @inv: filled whole; dst.dir is the other direction
 * @tuple: any
 * Return: false if no answer exists (ICMP types without a reply)
 */
bool ct_tuple_invert(struct nf_conntrack_tuple *inv,
		     const struct nf_conntrack_tuple *tuple);

/**
 * ct_tuple_hash() - keyed hash of a tuple in a zone of a namespace
 * @cn: the namespace, whose key is used
 * @tuple: direction is not part of the key
 * @zone: zone id in this direction
 * Return: 32 well mixed bits
 */
u32 ct_tuple_hash(const struct ct_net *cn,
		  const struct nf_conntrack_tuple *tuple, u16 zone);

/**
 * ct_tuple_equal() - compare all but the direction
 * @a: one
 * @b: another
 * Return: true if they are the same. Both need their unused bytes zero
 */
static inline bool ct_tuple_equal(const struct nf_conntrack_tuple *a,
				  const struct nf_conntrack_tuple *b)
{
	u64 x[5] __ct_uninit, y[5] __ct_uninit, diff;

	BUILD_BUG_ON(sizeof(*a) != sizeof(x));
	BUILD_BUG_ON(offsetof(struct nf_conntrack_tuple, dst.dir) != 39);
	/* Loads that need no alignment. */
	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	diff = (x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]);
#ifdef __LITTLE_ENDIAN
	return !(diff | (x[4] ^ y[4]) << 8);
#else
	return !(diff | (x[4] ^ y[4]) >> 8);
#endif
}

#endif /* _NET_CT_TUPLE_H */

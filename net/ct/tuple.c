// SPDX-License-Identifier: GPL-2.0
/*
 * What identifies a connection: what its answers look like, and a hash of it.
 */
#include <linux/export.h>
#include <net/ct/net.h>
#include <net/ct/proto.h>
#include <net/ct/tuple.h>
#include "core.h"
#include "header.h"

bool ct_tuple_invert(struct nf_conntrack_tuple *inv,
		     const struct nf_conntrack_tuple *tuple)
{
	ct_invert_addresses(inv, tuple);
	return ct_proto_find(tuple->src.l3num, tuple->dst.protonum)->
	       invert(inv, tuple);
}
EXPORT_SYMBOL_GPL(ct_tuple_invert);

u32 ct_tuple_hash(const struct ct_net *cn,
		  const struct nf_conntrack_tuple *tuple, u16 zone)
{
	return ct_tuple_hash_fast(cn, tuple, zone);
}
EXPORT_SYMBOL_GPL(ct_tuple_hash);

u32 ct_tuple_hash_whole(const struct ct_net *cn,
			const struct nf_conntrack_tuple *tuple, u16 zone)
{
	struct nf_conntrack_tuple t __aligned(HSIPHASH_ALIGNMENT) __ct_uninit;
	int order;

	t = *tuple;
	t.src.l3num = zone;
	t.dst.dir = 0;
	order = memcmp(&t.src.u3, &t.dst.u3, sizeof(t.src.u3));
	if (!order)
		order = memcmp(&t.src.u.all, &t.dst.u.all,
			       sizeof(t.src.u.all));
	if (order > 0) {
		swap(t.src.u3, t.dst.u3);
		swap(t.src.u.all, t.dst.u.all);
	}
	return ct_hash_turn(hsiphash(&t, sizeof(t),
				     (const hsiphash_key_t *)&cn->key),
			    order > 0);
}

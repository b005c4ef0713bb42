// SPDX-License-Identifier: GPL-2.0
/*
 * A connection that was expected of one that is translated: it goes to where its
 * master's answers go, at the port that was saved, and seems to come from where the
 * master goes to. User space knows that as "nat-follow-master".
 */
#include <net/ct/entry.h>
#include <net/ct/expect.h>
#include <net/ct/nat.h>
#include "nat.h"

/* The destination first, as for a packet. */
static void follow_master(struct ct_entry *e, const struct ct_expect *exp)
{
	const struct nf_conntrack_tuple *way =
		&exp->master->dir[!exp->dir].tuple;
	struct nf_nat_range2 range = {
		.flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED,
		.min_addr = way->src.u3,
		.max_addr = way->src.u3,
		.min_proto = exp->saved_proto,
		.max_proto = exp->saved_proto,
	};

	ct_nat_setup(e, &range, NF_NAT_MANIP_DST);
	memset(&range, 0, sizeof(range));
	range.flags = NF_NAT_RANGE_MAP_IPS;
	range.min_addr = way->dst.u3;
	range.max_addr = way->dst.u3;
	ct_nat_setup(e, &range, NF_NAT_MANIP_SRC);
}

struct ct_expect_fn ct_nat_follow = {
	.name = "nat-follow-master",
	.fn = follow_master,
};

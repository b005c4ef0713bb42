// SPDX-License-Identifier: GPL-2.0
/*
 * In which order is tried what a connection may be translated to: as it is, as
 * its source is already, and then an address of the range and a port.
 */
#include <linux/errno.h>
#include "choose.h"

/* So many addresses of a range are tried, when the ports of one are used up. */
#define ADDRESSES	5

static bool is_taken(struct ct_nat_choice *c,
		     const struct nf_conntrack_tuple *tuple)
{
	c->probes++;
	return c->table->taken(c->ctx, tuple, false);
}

static bool is_allowed(const struct ct_nat_choice *c,
		       const struct nf_conntrack_tuple *tuple)
{
	return ct_nat_address_in_range(c->range, tuple->src.l3num,
				       &tuple->src.u3) &&
	       ct_nat_port_in_range(c, tuple);
}

/* A source as others see it already. It is in @tuple then. */
static bool may_be_mapped(struct ct_nat_choice *c,
			  struct nf_conntrack_tuple *tuple)
{
	if (!c->mapped)
		return false;
	tuple->src.u3 = c->mapped->u3;
	tuple->src.u = c->mapped->u;
	return is_allowed(c, tuple) && !is_taken(c, tuple);
}

/* That, or as it is. */
static bool may_keep(struct ct_nat_choice *c,
		     const struct nf_conntrack_tuple *orig,
		     struct nf_conntrack_tuple *tuple)
{
	if (c->manip != NF_NAT_MANIP_SRC)
		return false;
	if (c->stick && may_be_mapped(c, tuple))
		return true;
	*tuple = *orig;
	if (c->range->flags & NF_NAT_RANGE_PROTO_RANDOM_ALL)
		return false;
	if (is_allowed(c, orig))
		return ct_nat_may_stay(c, orig);
	return !c->stick && may_be_mapped(c, tuple);
}

/* Is one address as good as another? A destination's stand for machines. */
static bool may_try_others(const struct ct_nat_choice *c)
{
	const u32 flags = c->range->flags;

	return c->manip == NF_NAT_MANIP_SRC && flags & NF_NAT_RANGE_MAP_IPS &&
	       !(flags & NF_NAT_RANGE_PERSISTENT);
}

static void put_address(const struct ct_nat_choice *c,
			const struct nf_conntrack_tuple *orig, u32 skip,
			struct nf_conntrack_tuple *tuple)
{
	*tuple = *orig;
	if (!(c->range->flags & NF_NAT_RANGE_MAP_IPS))
		return;
	ct_nat_choose_address(c, orig, skip, c->manip == NF_NAT_MANIP_SRC ?
			      &tuple->src.u3 : &tuple->dst.u3);
}

static int choose_in_range(struct ct_nat_choice *c,
			   const struct nf_conntrack_tuple *orig,
			   struct nf_conntrack_tuple *tuple)
{
	union nf_inet_addr first;
	unsigned int i;
	bool tried;
	int err;

	put_address(c, orig, 0, tuple);
	first = tuple->src.u3;
	/* may_keep() asked for this one already. */
	tried = c->probes && ct_tuple_equal(tuple, orig);
	err = ct_nat_choose_port(c, tuple, tried);
	if (!may_try_others(c))
		return err;
	for (i = 1; err == -EADDRINUSE && i < ADDRESSES &&
	     c->probes < CT_NAT_PROBES; i++) {
		put_address(c, orig, (u32)ct_nat_seed(c) + i, tuple);
		if (!nf_inet_addr_cmp(&tuple->src.u3, &first))
			err = ct_nat_choose_port(c, tuple, false);
	}
	return err;
}

/* The range with the one address that a network has for this one. */
static void narrow(struct nf_nat_range2 *range, enum nf_nat_manip_type manip,
		   const struct nf_conntrack_tuple *orig)
{
	union nf_inet_addr addr = manip == NF_NAT_MANIP_SRC ? orig->src.u3 :
							      orig->dst.u3;

	ct_nat_netmap(range, orig->src.l3num, &addr);
	range->min_addr = addr;
	range->max_addr = addr;
}

int ct_nat_choose(struct ct_nat_choice *c,
		  const struct nf_conntrack_tuple *orig,
		  struct nf_conntrack_tuple *tuple)
{
	const struct nf_nat_range2 *range = c->range;
	struct nf_nat_range2 narrowed;
	int err = 0;

	*tuple = *orig;
	if (!ct_nat_range_valid(range, orig->src.l3num))
		return -EINVAL;
	if (range->flags & NF_NAT_RANGE_NETMAP &&
	    range->flags & NF_NAT_RANGE_MAP_IPS) {
		narrowed = *range;
		narrow(&narrowed, c->manip, orig);
		c->range = &narrowed;
	}
	if (!may_keep(c, orig, tuple))
		err = choose_in_range(c, orig, tuple);
	c->range = range;
	return err;
}

// SPDX-License-Identifier: GPL-2.0
/* Ranges of addresses and ports, as the revisions of targets have them. */
#include <net/ct/entry.h>
#include <net/ct/log.h>
#include <net/ct/nat.h>
#include <net/ct/net.h>
#include "nat.h"

struct nf_nat_range2
ct_xt_nat_range_0(const struct nf_nat_ipv4_multi_range_compat *old)
{
	const struct nf_nat_ipv4_range *from = &old->range[0];

	return (struct nf_nat_range2){
		.flags = from->flags,
		.min_addr.ip = from->min_ip,
		.max_addr.ip = from->max_ip,
		.min_proto = from->min,
		.max_proto = from->max,
	};
}

struct nf_nat_range2 ct_xt_nat_range_1(const struct nf_nat_range *range)
{
	return (struct nf_nat_range2){
		.flags = range->flags,
		.min_addr = range->min_addr,
		.max_addr = range->max_addr,
		.min_proto = range->min_proto,
		.max_proto = range->max_proto,
	};
}

int ct_xt_nat_check_one(const struct xt_tgchk_param *par,
			const struct nf_nat_ipv4_multi_range_compat *old)
{
	if (old->rangesize == 1)
		return 0;
	ct_log_refuse(ct_net(par->net), "%s: %u ranges, where one is possible",
		      par->target->name, old->rangesize);
	return -EINVAL;
}

static int check_addresses(const struct xt_tgchk_param *par,
			   unsigned int flags, bool wanted)
{
	if (!!(flags & NF_NAT_RANGE_MAP_IPS) == wanted)
		return 0;
	ct_log_refuse(ct_net(par->net), "%s: %s addresses", par->target->name,
		      wanted ? "without" : "does not take");
	return -EINVAL;
}

int ct_xt_nat_begin(const struct xt_tgchk_param *par)
{
	int err = ct_nat_rule_begin(par->net, par->family);

	if (err)
		ct_log_refuse(ct_net(par->net),
			      "%s: connections of family %u cannot be tracked (%d)",
			      par->target->name, par->family, err);
	return err;
}

int ct_xt_nat_begin_0(const struct xt_tgchk_param *par, bool addresses)
{
	const struct nf_nat_ipv4_multi_range_compat *old = par->targinfo;

	return check_addresses(par, old->range[0].flags, addresses) ?:
	       ct_xt_nat_check_one(par, old) ?:
	       ct_xt_nat_begin(par);
}

int ct_xt_nat_begin_1(const struct xt_tgchk_param *par, bool addresses)
{
	const struct nf_nat_range *range = par->targinfo;

	return check_addresses(par, range->flags, addresses) ?:
	       ct_xt_nat_begin(par);
}

void ct_xt_nat_end(const struct xt_tgdtor_param *par)
{
	ct_nat_rule_end(par->net, par->family);
}

/* Without a connection no table nat is asked: but a chain may be called so. */
unsigned int ct_xt_nat_setup(struct sk_buff *skb, struct nf_nat_range2 range,
			     enum nf_nat_manip_type manip)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e = ct_entry_tracked(skb, &ctinfo);

	return e ? ct_nat_setup(e, &range, manip) : NF_ACCEPT;
}

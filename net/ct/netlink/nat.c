// SPDX-License-Identifier: GPL-2.0
/* What a connection that is made by request is translated to: CTA_NAT_*. */
#include <linux/jiffies.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/ct/nat.h>
#include <net/netlink.h>
#include "netlink.h"

static const struct nla_policy nat_policy[CTA_NAT_MAX + 1] = {
	[CTA_NAT_V4_MINIP] = { .type = NLA_U32 },
	[CTA_NAT_V4_MAXIP] = { .type = NLA_U32 },
	[CTA_NAT_V6_MINIP] = { .len = sizeof(struct in6_addr) },
	[CTA_NAT_V6_MAXIP] = { .len = sizeof(struct in6_addr) },
	[CTA_NAT_PROTO] = { .type = NLA_NESTED },
};

static const struct nla_policy ports_policy[CTA_PROTONAT_MAX + 1] = {
	[CTA_PROTONAT_PORT_MIN] = { .type = NLA_U16 },
	[CTA_PROTONAT_PORT_MAX] = { .type = NLA_U16 },
};

static void parse_ipv4(struct nlattr *tb[], struct nf_nat_range2 *range)
{
	if (tb[CTA_NAT_V4_MINIP]) {
		range->min_addr.ip = nla_get_be32(tb[CTA_NAT_V4_MINIP]);
		range->flags |= NF_NAT_RANGE_MAP_IPS;
	}
	range->max_addr.ip = tb[CTA_NAT_V4_MAXIP] ?
			     nla_get_be32(tb[CTA_NAT_V4_MAXIP]) :
			     range->min_addr.ip;
}

static void parse_ipv6(struct nlattr *tb[], struct nf_nat_range2 *range)
{
	range->max_addr = range->min_addr;
	if (tb[CTA_NAT_V6_MINIP]) {
		nla_memcpy(&range->min_addr, tb[CTA_NAT_V6_MINIP],
			   sizeof(struct in6_addr));
		range->max_addr = range->min_addr;
		range->flags |= NF_NAT_RANGE_MAP_IPS;
	}
	if (tb[CTA_NAT_V6_MAXIP])
		nla_memcpy(&range->max_addr, tb[CTA_NAT_V6_MAXIP],
			   sizeof(struct in6_addr));
}

static int parse_ports(const struct nlattr *attr, struct nf_nat_range2 *range,
		       struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTONAT_MAX + 1];
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_PROTONAT_MAX, attr,
					  ports_policy, extack);
	if (err)
		return err;
	if (tb[CTA_PROTONAT_PORT_MIN])
		range->min_proto.all = nla_get_be16(tb[CTA_PROTONAT_PORT_MIN]);
	range->max_proto.all = tb[CTA_PROTONAT_PORT_MAX] ?
			       nla_get_be16(tb[CTA_PROTONAT_PORT_MAX]) :
			       range->min_proto.all;
	if (tb[CTA_PROTONAT_PORT_MIN] || tb[CTA_PROTONAT_PORT_MAX])
		range->flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	return 0;
}

int ct_nl_parse_nat(const struct nlattr *attr, u8 family,
		    struct nf_nat_range2 *range,
		    struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_NAT_MAX + 1];
	int err;

	memset(range, 0, sizeof(*range));
	err = nla_parse_nested_deprecated(tb, CTA_NAT_MAX, attr, nat_policy,
					  extack);
	if (err)
		return err;
	if (family == NFPROTO_IPV4)
		parse_ipv4(tb, range);
	else
		parse_ipv6(tb, range);
	return tb[CTA_NAT_PROTO] ?
	       parse_ports(tb[CTA_NAT_PROTO], range, extack) : 0;
}

/* An end of which nothing was said keeps its address. */
static void keep_address(const struct ct_entry *e, enum nf_nat_manip_type manip,
			 struct nf_nat_range2 *range)
{
	const struct nf_conntrack_tuple *reply = &e->dir[IP_CT_DIR_REPLY].tuple;

	memset(range, 0, sizeof(*range));
	range->flags = NF_NAT_RANGE_MAP_IPS;
	range->min_addr = manip == NF_NAT_MANIP_SRC ? reply->dst.u3 :
						      reply->src.u3;
	range->max_addr = range->min_addr;
}

static int set_up(struct ct_entry *e, enum nf_nat_manip_type manip,
		  const struct nf_nat_range2 *range,
		  struct netlink_ext_ack *extack)
{
	struct nf_nat_range2 kept;
	int err;

	if (!range) {
		keep_address(e, manip, &kept);
		range = &kept;
	}
	rcu_read_lock();
	err = ct_nat_request(e, range, manip);
	rcu_read_unlock();
	if (err == -EOPNOTSUPP)
		NL_SET_ERR_MSG(extack, "ct_nat, which translates, is not there");
	else if (err)
		NL_SET_ERR_MSG(extack,
			       "nothing is free of what that may be translated to");
	return err;
}

/*
 * Have ct_nat loaded, which others are not to wait for; not more often than each
 * second, for those who ask where there is none. Return: -EAGAIN: the request is to
 * be begun anew
 */
int ct_nl_want_nat(const struct ct_nl_change *c)
{
	static unsigned long next;

	if ((!c->has_nat[NF_NAT_MANIP_SRC] && !c->has_nat[NF_NAT_MANIP_DST]) ||
	    ct_nat_is_there() || (next && time_before(jiffies, next)))
		return 0;
	next = jiffies + HZ;
	/* Unlocked, nothing else keeps this module here. */
	if (!try_module_get(THIS_MODULE))
		return 0;
	nfnl_unlock(NFNL_SUBSYS_CTNETLINK);
	request_module("ct_nat");
	nfnl_lock(NFNL_SUBSYS_CTNETLINK);
	module_put(THIS_MODULE);
	return ct_nat_is_there() ? -EAGAIN : 0;
}

/* The destination first, as for a packet. */
int ct_nl_set_nat(struct ct_entry *e, const struct ct_nl_change *c,
		  struct netlink_ext_ack *extack)
{
	if (!c->has_nat[NF_NAT_MANIP_SRC] && !c->has_nat[NF_NAT_MANIP_DST])
		return 0;
	return set_up(e, NF_NAT_MANIP_DST, c->has_nat[NF_NAT_MANIP_DST] ?
		      &c->nat[NF_NAT_MANIP_DST] : NULL, extack) ?:
	       set_up(e, NF_NAT_MANIP_SRC, c->has_nat[NF_NAT_MANIP_SRC] ?
		      &c->nat[NF_NAT_MANIP_SRC] : NULL, extack);
}

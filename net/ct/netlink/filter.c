// SPDX-License-Identifier: GPL-2.0
/* Which entries a dump or a flush is about. */
#include <net/ct/tuple.h>
#include <net/ipv6.h>
#include <net/netlink.h>
#include "netlink.h"

static const struct nla_policy filter_policy[CTA_FILTER_MAX + 1] = {
	[CTA_FILTER_ORIG_FLAGS]		= NLA_POLICY_MASK(NLA_U32, CT_F_ALL),
	[CTA_FILTER_REPLY_FLAGS]	= NLA_POLICY_MASK(NLA_U32, CT_F_ALL),
};

bool ct_nl_filter_wanted(const struct nlattr * const cda[], u8 family)
{
	return family || cda[CTA_MARK] || cda[CTA_MARK_MASK] ||
	       cda[CTA_STATUS] || cda[CTA_STATUS_MASK] || cda[CTA_ZONE] ||
	       cda[CTA_FILTER];
}

/* A value in network order, and its mask, by default @all or the value. */
static int parse_masked(const struct nlattr *value, const struct nlattr *mask,
			bool whole, u32 *v, u32 *m,
			struct netlink_ext_ack *extack)
{
	if (!value) {
		if (!mask)
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, mask,
				    "a mask needs the value to compare with");
		return -EINVAL;
	}
	*v = ntohl(nla_get_be32(value));
	*m = mask ? ntohl(nla_get_be32(mask)) : whole ? U32_MAX : *v;
	return 0;
}

static int parse_status(const struct nlattr * const cda[],
			struct ct_nl_filter *f, struct netlink_ext_ack *extack)
{
	int err;

	err = parse_masked(cda[CTA_STATUS], cda[CTA_STATUS_MASK], false,
			   &f->status, &f->status_mask, extack);
	if (!err && cda[CTA_STATUS] && !f->status_mask) {
		NL_SET_ERR_MSG_ATTR(extack, cda[CTA_STATUS],
				    "no bit of the status would be compared");
		err = -EINVAL;
	}
	return err;
}

static int parse_mark(const struct nlattr * const cda[],
		      struct ct_nl_filter *f, struct netlink_ext_ack *extack)
{
	if (!IS_ENABLED(CONFIG_NF_CONNTRACK_MARK) &&
	    (cda[CTA_MARK] || cda[CTA_MARK_MASK])) {
		NL_SET_ERR_MSG(extack, "this kernel was built without marks");
		return -EOPNOTSUPP;
	}
	return parse_masked(cda[CTA_MARK], cda[CTA_MARK_MASK], true, &f->mark,
			    &f->mark_mask, extack);
}

static int parse_direction(const struct nlattr * const cda[],
			   unsigned int dir, const struct nlattr *flags,
			   struct ct_nl_filter *f,
			   struct nf_conntrack_zone *zone,
			   struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = cda[CTA_TUPLE_ORIG + dir];
	int err;

	if (!flags || !nla_get_u32(flags))
		return 0;
	if (!attr) {
		NL_SET_ERR_MSG_ATTR(extack, flags,
				    "the tuple to compare with is missing");
		NL_SET_ERR_ATTR_MISS(extack, NULL, CTA_TUPLE_ORIG + dir);
		return -EINVAL;
	}
	f->flags[dir] = nla_get_u32(flags);
	err = ct_nl_parse_tuple(attr, f->family, dir, f->flags[dir],
				&f->tuple[dir], zone, extack);
	if (zone->dir == BIT(dir)) {
		f->dir_zone_set[dir] = true;
		f->dir_zone[dir] = zone->id;
	}
	return err;
}

static int parse_tuples(const struct nlattr * const cda[],
			struct ct_nl_filter *f, struct netlink_ext_ack *extack)
{
	struct nf_conntrack_zone zone = {
		.id = f->zone,
		.dir = NF_CT_DEFAULT_ZONE_DIR,
	};
	struct nlattr *tb[CTA_FILTER_MAX + 1];
	int err;

	if (!cda[CTA_FILTER])
		return 0;
	err = nla_parse_nested(tb, CTA_FILTER_MAX, cda[CTA_FILTER],
			       filter_policy, extack);
	if (!err)
		err = parse_direction(cda, IP_CT_DIR_ORIGINAL,
				      tb[CTA_FILTER_ORIG_FLAGS], f, &zone,
				      extack);
	if (!err)
		err = parse_direction(cda, IP_CT_DIR_REPLY,
				      tb[CTA_FILTER_REPLY_FLAGS], f, &zone,
				      extack);
	return err;
}

int ct_nl_filter_parse(const struct nlattr * const cda[], u8 family,
		       struct ct_nl_filter *filter,
		       struct netlink_ext_ack *extack)
{
	struct nf_conntrack_zone zone;
	int err;

	memset(filter, 0, sizeof(*filter));
	filter->family = family;
	err = ct_nl_parse_zone(cda[CTA_ZONE], &zone, extack);
	if (err)
		return err;
	filter->zone_set = cda[CTA_ZONE];
	filter->zone = zone.id;
	err = parse_mark(cda, filter, extack);
	if (!err)
		err = parse_status(cda, filter, extack);
	if (!err)
		err = parse_tuples(cda, filter, extack);
	return err;
}

static bool match_addresses(const struct nf_conntrack_tuple *want,
			    const struct nf_conntrack_tuple *t, u32 flags)
{
	if ((flags & CT_F_IP_SRC) &&
	    !nf_inet_addr_cmp(&want->src.u3, &t->src.u3))
		return false;
	return !(flags & CT_F_IP_DST) ||
	       nf_inet_addr_cmp(&want->dst.u3, &t->dst.u3);
}

static bool match_icmp(const struct nf_conntrack_tuple *want,
		       const struct nf_conntrack_tuple *t, bool type,
		       bool code, bool id)
{
	return (!type || want->dst.u.icmp.type == t->dst.u.icmp.type) &&
	       (!code || want->dst.u.icmp.code == t->dst.u.icmp.code) &&
	       (!id || want->src.u.icmp.id == t->src.u.icmp.id);
}

static bool match_l4(const struct nf_conntrack_tuple *want,
		     const struct nf_conntrack_tuple *t, u32 flags)
{
	if (!(flags & CT_F_PROTO))
		return true;
	if (want->dst.protonum != t->dst.protonum)
		return false;
	if (t->dst.protonum == IPPROTO_ICMP)
		return match_icmp(want, t, flags & CT_F_ICMP_TYPE,
				  flags & CT_F_ICMP_CODE, flags & CT_F_ICMP_ID);
	if (t->dst.protonum == IPPROTO_ICMPV6)
		return match_icmp(want, t, flags & CT_F_ICMPV6_TYPE,
				  flags & CT_F_ICMPV6_CODE,
				  flags & CT_F_ICMPV6_ID);
	return (!(flags & CT_F_SPORT) || want->src.u.all == t->src.u.all) &&
	       (!(flags & CT_F_DPORT) || want->dst.u.all == t->dst.u.all);
}

static bool match_direction(const struct ct_nl_filter *f,
			    const struct ct_entry *e, unsigned int dir)
{
	const struct nf_conntrack_tuple *t = &e->dir[dir].tuple;

	if (f->dir_zone_set[dir] && e->zone_id[dir] != f->dir_zone[dir])
		return false;
	return match_addresses(&f->tuple[dir], t, f->flags[dir]) &&
	       match_l4(&f->tuple[dir], t, f->flags[dir]);
}

/* The zone, of one direction or of both: an entry has one. */
static bool match_zone(const struct ct_entry *e, u16 zone)
{
	return (e->zone_id[IP_CT_DIR_ORIGINAL] |
		e->zone_id[IP_CT_DIR_REPLY]) == zone;
}

/* @filter: NULL matches all. */
bool ct_nl_filter_match(const struct ct_nl_filter *filter,
			const struct ct_entry *e)
{
	const struct ct_nl_filter *f = filter;

	if (!f)
		return true;
	if (f->family &&
	    f->family != e->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num)
		return false;
	if (f->zone_set && !match_zone(e, f->zone))
		return false;
	if ((ct_entry_mark(e) & f->mark_mask) != f->mark ||
	    ((u32)READ_ONCE(e->status) & f->status_mask) != f->status)
		return false;
	return match_direction(f, e, IP_CT_DIR_ORIGINAL) &&
	       match_direction(f, e, IP_CT_DIR_REPLY);
}

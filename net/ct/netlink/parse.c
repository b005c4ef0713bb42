// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of nfnetlink_conntrack.h to what they mean. Whatever is wrong is
 * named in the extended ack: the attribute, or the one that is missing.
 */
#include <net/ct/proto.h>
#include <net/ct/tuple.h>
#include <net/netlink.h>
#include "compat.h"
#include "netlink.h"

/* As long as helper names may be, the final zero included. */
#define HELPER_NAME_LEN	16
/* Bits of the status that come and go with what they stand for only. */
#define STATUS_FIXED	(IPS_EXPECTED | IPS_CONFIRMED | IPS_DYING)
/* Bits that can be set and not cleared. */
#define STATUS_STICKY	(IPS_SEEN_REPLY | IPS_ASSURED)
/* Bytes of connection labels. */
#define LABELS_LEN	(CT_LABELS_WORDS * sizeof(u32))

const struct nla_policy ct_nl_policy[CTA_MAX + 1] = {
	[CTA_TUPLE_ORIG]	= { .type = NLA_NESTED },
	[CTA_TUPLE_REPLY]	= { .type = NLA_NESTED },
	[CTA_TUPLE_MASTER]	= { .type = NLA_NESTED },
	[CTA_PROTOINFO]		= { .type = NLA_NESTED },
	[CTA_HELP]		= { .type = NLA_NESTED },
	[CTA_NAT_SRC]		= { .type = NLA_NESTED },
	[CTA_NAT_DST]		= { .type = NLA_NESTED },
	[CTA_SEQ_ADJ_ORIG]	= { .type = NLA_NESTED },
	[CTA_SEQ_ADJ_REPLY]	= { .type = NLA_NESTED },
	[CTA_FILTER]		= { .type = NLA_NESTED },
	[CTA_STATUS]		= { .type = NLA_U32 },
	[CTA_STATUS_MASK]	= { .type = NLA_U32 },
	[CTA_MARK]		= { .type = NLA_U32 },
	[CTA_MARK_MASK]		= { .type = NLA_U32 },
	[CTA_TIMEOUT]		= { .type = NLA_U32 },
	[CTA_ID]		= { .type = NLA_U32 },
	[CTA_ZONE]		= { .type = NLA_U16 },
	[CTA_LABELS]		= { .type = NLA_BINARY, .len = LABELS_LEN },
	[CTA_LABELS_MASK]	= { .type = NLA_BINARY, .len = LABELS_LEN },
};

static const struct nla_policy tuple_policy[CTA_TUPLE_MAX + 1] = {
	[CTA_TUPLE_IP]		= { .type = NLA_NESTED },
	[CTA_TUPLE_PROTO]	= { .type = NLA_NESTED },
	[CTA_TUPLE_ZONE]	= { .type = NLA_U16 },
};

static const struct nla_policy ip_policy[CTA_IP_MAX + 1] = {
	[CTA_IP_V4_SRC]	= { .type = NLA_U32 },
	[CTA_IP_V4_DST]	= { .type = NLA_U32 },
	[CTA_IP_V6_SRC]	= NLA_POLICY_MIN_LEN(sizeof(struct in6_addr)),
	[CTA_IP_V6_DST]	= NLA_POLICY_MIN_LEN(sizeof(struct in6_addr)),
};

/* Whose number it is decides which of the others are looked at. */
static const struct nla_policy number_policy[CTA_PROTO_MAX + 1] = {
	[CTA_PROTO_NUM]		= { .type = NLA_U8 },
};

static const struct nla_policy ports_policy[CTA_PROTO_MAX + 1] = {
	[CTA_PROTO_SRC_PORT]	= { .type = NLA_U16 },
	[CTA_PROTO_DST_PORT]	= { .type = NLA_U16 },
};

static const struct nla_policy icmp_policy[CTA_PROTO_MAX + 1] = {
	[CTA_PROTO_ICMP_ID]	= { .type = NLA_U16 },
	[CTA_PROTO_ICMP_TYPE]	= { .type = NLA_U8 },
	[CTA_PROTO_ICMP_CODE]	= { .type = NLA_U8 },
};

static const struct nla_policy icmpv6_policy[CTA_PROTO_MAX + 1] = {
	[CTA_PROTO_ICMPV6_ID]	= { .type = NLA_U16 },
	[CTA_PROTO_ICMPV6_TYPE]	= { .type = NLA_U8 },
	[CTA_PROTO_ICMPV6_CODE]	= { .type = NLA_U8 },
};

static const struct nla_policy seqadj_policy[CTA_SEQADJ_MAX + 1] = {
	[CTA_SEQADJ_CORRECTION_POS]	= { .type = NLA_U32 },
	[CTA_SEQADJ_OFFSET_BEFORE]	= { .type = NLA_U32 },
	[CTA_SEQADJ_OFFSET_AFTER]	= { .type = NLA_U32 },
};

static const struct nla_policy help_policy[CTA_HELP_MAX + 1] = {
	[CTA_HELP_NAME] = {
		.type = NLA_NUL_STRING,
		.len = HELPER_NAME_LEN - 1,
	},
};

/* The attribute @type, or an error that says that @nest lacks it. */
static const struct nlattr *need(struct nlattr **tb, int type,
				 const struct nlattr *nest,
				 struct netlink_ext_ack *extack)
{
	if (!tb[type]) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "a required attribute is missing in here");
		NL_SET_ERR_ATTR_MISS(extack, nest, type);
	}
	return tb[type];
}

static int parse_v4(struct nlattr **tb, int type, const struct nlattr *nest,
		    union nf_inet_addr *addr, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = need(tb, type, nest, extack);

	if (!attr)
		return -EINVAL;
	addr->ip = nla_get_in_addr(attr);
	return 0;
}

static int parse_v6(struct nlattr **tb, int type, const struct nlattr *nest,
		    union nf_inet_addr *addr, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = need(tb, type, nest, extack);

	if (!attr)
		return -EINVAL;
	addr->in6 = nla_get_in6_addr(attr);
	return 0;
}

static int parse_addresses(const struct nlattr *nest, u32 flags,
			   struct nf_conntrack_tuple *t,
			   struct netlink_ext_ack *extack)
{
	const bool v4 = t->src.l3num == NFPROTO_IPV4;
	struct nlattr *tb[CTA_IP_MAX + 1];
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_IP_MAX, nest, ip_policy,
					  extack);
	if (!err && (flags & CT_F_IP_SRC))
		err = v4 ? parse_v4(tb, CTA_IP_V4_SRC, nest, &t->src.u3,
				    extack) :
			   parse_v6(tb, CTA_IP_V6_SRC, nest, &t->src.u3,
				    extack);
	if (!err && (flags & CT_F_IP_DST))
		err = v4 ? parse_v4(tb, CTA_IP_V4_DST, nest, &t->dst.u3,
				    extack) :
			   parse_v6(tb, CTA_IP_V6_DST, nest, &t->dst.u3,
				    extack);
	return err;
}

static int check(const struct nlattr *nest, const struct nla_policy *policy,
		 struct netlink_ext_ack *extack)
{
	return nla_validate_nested_deprecated(nest, CTA_PROTO_MAX, policy,
					      extack);
}

static int parse_ports(struct nlattr **tb, const struct nlattr *nest, u32 flags,
		       struct nf_conntrack_tuple *t,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	int err;

	err = check(nest, ports_policy, extack);
	if (err)
		return err;
	if (flags & CT_F_SPORT) {
		attr = need(tb, CTA_PROTO_SRC_PORT, nest, extack);
		if (!attr)
			return -EINVAL;
		t->src.u.all = nla_get_be16(attr);
	}
	if (flags & CT_F_DPORT) {
		attr = need(tb, CTA_PROTO_DST_PORT, nest, extack);
		if (!attr)
			return -EINVAL;
		t->dst.u.all = nla_get_be16(attr);
	}
	return 0;
}

struct icmp_attrs {
	const struct nla_policy *policy;
	u32 id_flag, type_flag, code_flag;
	int id, type, code;
};

static const struct icmp_attrs icmp4 = {
	.policy = icmp_policy,
	.id_flag = CT_F_ICMP_ID,
	.type_flag = CT_F_ICMP_TYPE,
	.code_flag = CT_F_ICMP_CODE,
	.id = CTA_PROTO_ICMP_ID,
	.type = CTA_PROTO_ICMP_TYPE,
	.code = CTA_PROTO_ICMP_CODE,
};

static const struct icmp_attrs icmp6 = {
	.policy = icmpv6_policy,
	.id_flag = CT_F_ICMPV6_ID,
	.type_flag = CT_F_ICMPV6_TYPE,
	.code_flag = CT_F_ICMPV6_CODE,
	.id = CTA_PROTO_ICMPV6_ID,
	.type = CTA_PROTO_ICMPV6_TYPE,
	.code = CTA_PROTO_ICMPV6_CODE,
};

static int parse_icmp(struct nlattr **tb, const struct nlattr *nest, u32 flags,
		      const struct icmp_attrs *a, struct nf_conntrack_tuple *t,
		      struct netlink_ext_ack *extack)
{
	struct nf_conntrack_tuple inverse;
	const struct nlattr *attr;
	int err;

	err = check(nest, a->policy, extack);
	if (err)
		return err;
	if (flags & a->type_flag) {
		attr = need(tb, a->type, nest, extack);
		if (!attr)
			return -EINVAL;
		t->dst.u.icmp.type = nla_get_u8(attr);
		if (!ct_tuple_invert(&inverse, t)) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "no ICMP query or reply has this type");
			return -EINVAL;
		}
	}
	if (flags & a->code_flag) {
		attr = need(tb, a->code, nest, extack);
		if (!attr)
			return -EINVAL;
		t->dst.u.icmp.code = nla_get_u8(attr);
	}
	if (flags & a->id_flag) {
		attr = need(tb, a->id, nest, extack);
		if (!attr)
			return -EINVAL;
		t->src.u.icmp.id = nla_get_be16(attr);
	}
	return 0;
}

static int parse_protocol(const struct nlattr *nest, u32 flags,
			  struct nf_conntrack_tuple *t,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTO_MAX + 1];
	const struct ct_proto *p;
	const struct nlattr *num;
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_PROTO_MAX, nest,
					  number_policy, extack);
	if (err)
		return err;
	num = need(tb, CTA_PROTO_NUM, nest, extack);
	if (!num)
		return -EINVAL;
	t->dst.protonum = nla_get_u8(num);

	p = ct_proto_find(t->src.l3num, t->dst.protonum);
	if (p == &ct_proto_generic)
		return 0;
	if (p == &ct_proto_icmp)
		return parse_icmp(tb, nest, flags, &icmp4, t, extack);
	if (p == &ct_proto_icmpv6)
		return parse_icmp(tb, nest, flags, &icmp6, t, extack);
	return parse_ports(tb, nest, flags, t, extack);
}

/* @attr may be NULL: the default zone. */
int ct_nl_parse_zone(const struct nlattr *attr, struct nf_conntrack_zone *zone,
		     struct netlink_ext_ack *extack)
{
	zone->id = NF_CT_DEFAULT_ZONE_ID;
	zone->flags = 0;
	zone->dir = NF_CT_DEFAULT_ZONE_DIR;
	if (!attr)
		return 0;
	if (!IS_ENABLED(CONFIG_NF_CONNTRACK_ZONES)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "this kernel was built without zones");
		return -EOPNOTSUPP;
	}
	zone->id = ntohs(nla_get_be16(attr));
	return 0;
}

static int parse_tuple_zone(const struct nlattr *attr, unsigned int dir,
			    struct nf_conntrack_zone *zone,
			    struct netlink_ext_ack *extack)
{
	int err;

	if (!zone || zone->id != NF_CT_DEFAULT_ZONE_ID) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "no zone of its own may be in this tuple");
		return -EINVAL;
	}
	err = ct_nl_parse_zone(attr, zone, extack);
	zone->dir = BIT(dir);
	return err;
}

/* @family, or, where a program left it out, that of the addresses. */
u8 ct_nl_family(const struct nlattr *tuple, u8 family)
{
	const struct nlattr *ip, *v4, *v6;

	if (family != NFPROTO_UNSPEC || !tuple)
		return family;
	ip = nla_find_nested(tuple, CTA_TUPLE_IP);
	if (!ip)
		return family;
	v4 = nla_find_nested(ip, CTA_IP_V4_SRC);
	v6 = nla_find_nested(ip, CTA_IP_V6_SRC);
	if (!v4 == !v6)
		return family;
	return v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

/* @flags: which members must be there and are looked at. @zone: changed to a
 * zone of one direction when one is in the tuple; NULL: none may be.
 */
int ct_nl_parse_tuple(const struct nlattr *attr, u8 family, unsigned int dir,
		      u32 flags, struct nf_conntrack_tuple *tuple,
		      struct nf_conntrack_zone *zone,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_TUPLE_MAX + 1];
	const struct nlattr *nest;
	int err;

	memset(tuple, 0, sizeof(*tuple));
	err = nla_parse_nested_deprecated(tb, CTA_TUPLE_MAX, attr, tuple_policy,
					  extack);
	if (err)
		return err;
	if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a tuple needs family IPv4 or IPv6");
		return -EOPNOTSUPP;
	}
	tuple->src.l3num = family;
	tuple->dst.dir = dir;

	if (flags & (CT_F_IP_SRC | CT_F_IP_DST)) {
		nest = need(tb, CTA_TUPLE_IP, attr, extack);
		if (!nest)
			return -EINVAL;
		err = parse_addresses(nest, flags, tuple, extack);
		if (err)
			return err;
	}
	if (flags & CT_F_PROTO) {
		nest = need(tb, CTA_TUPLE_PROTO, attr, extack);
		if (!nest)
			return -EINVAL;
		err = parse_protocol(nest, flags, tuple, extack);
		if (err)
			return err;
	} else if (flags & CT_F_L4) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "ports and ICMP fields need the protocol's number");
		return -EINVAL;
	}
	if ((flags & CT_F_ZONE) && tb[CTA_TUPLE_ZONE])
		return parse_tuple_zone(tb[CTA_TUPLE_ZONE], dir, zone, extack);
	return 0;
}

static int parse_timeout(const struct nlattr * const cda[],
			 const struct ct_nl_target *target,
			 struct ct_nl_change *change,
			 struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = cda[CTA_TIMEOUT];
	u64 seconds;

	if (!attr) {
		if (target->request != CT_NL_CREATE)
			return 0;
		NL_SET_ERR_MSG(extack, "a new connection needs a timeout");
		NL_SET_ERR_ATTR_MISS(extack, NULL, CTA_TIMEOUT);
		return -EINVAL;
	}
	if (target->status & IPS_FIXED_TIMEOUT) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "the timeout of this connection is fixed");
		return -EPERM;
	}
	seconds = ntohl(nla_get_be32(attr));
	change->has_timeout = true;
	change->timeout = min_t(u64, seconds * HZ, CT_LONGEST);
	return 0;
}

/* The empty name takes a helper away: no entry has one. */
static int parse_help(const struct nlattr * const cda[],
		      const struct ct_nl_target *target,
		      struct ct_nl_change *change,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_HELP_MAX + 1];
	const struct nlattr *name;
	int err;

	if (!cda[CTA_HELP])
		return 0;
	err = nla_parse_nested_deprecated(tb, CTA_HELP_MAX, cda[CTA_HELP],
					  help_policy, extack);
	if (err)
		return err;
	name = need(tb, CTA_HELP_NAME, cda[CTA_HELP], extack);
	if (!name)
		return -EINVAL;
	if (target->status & IPS_EXPECTED) {
		NL_SET_ERR_MSG_ATTR(extack, cda[CTA_HELP],
				    "an expected connection has its master's helper");
		return -EBUSY;
	}
	if (target->request != CT_NL_CREATE && !*(const char *)nla_data(name))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, name, "there is no such helper");
	return -EOPNOTSUPP;
}

static int check_status(u32 now, const struct nlattr *attr, u32 then,
			struct netlink_ext_ack *extack)
{
	if (now & ~then & STATUS_STICKY) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "SEEN_REPLY and ASSURED cannot be taken back");
		return -EBUSY;
	}
	if ((now ^ then) & STATUS_FIXED) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "EXPECTED, CONFIRMED and DYING cannot be changed");
		return -EBUSY;
	}
	return 0;
}

static int parse_status(const struct nlattr * const cda[],
			const struct ct_nl_target *target,
			struct ct_nl_change *change,
			struct netlink_ext_ack *extack)
{
	u32 status;

	if (!cda[CTA_STATUS])
		return 0;
	status = ntohl(nla_get_be32(cda[CTA_STATUS]));
	/* Programs send back what they were given with the packet. */
	if (target->request == CT_NL_VERDICT)
		status = (status & ~STATUS_FIXED) |
			 (target->status & STATUS_FIXED);
	change->has_status = true;
	change->status = status;
	return check_status(target->status, cda[CTA_STATUS], status, extack);
}

static int parse_protoinfo(const struct nlattr * const cda[],
			   const struct ct_nl_target *target,
			   struct ct_nl_change *change,
			   struct netlink_ext_ack *extack)
{
	if (!cda[CTA_PROTOINFO])
		return 0;
	return ct_nl_parse_protoinfo(cda[CTA_PROTOINFO], target->l4, change,
				     extack);
}

static int parse_mark(const struct nlattr * const cda[],
		      const struct ct_nl_target *target,
		      struct ct_nl_change *change,
		      struct netlink_ext_ack *extack)
{
	if (!cda[CTA_MARK])
		return 0;
	if (!IS_ENABLED(CONFIG_NF_CONNTRACK_MARK)) {
		NL_SET_ERR_MSG_ATTR(extack, cda[CTA_MARK],
				    "this kernel was built without marks");
		return -EOPNOTSUPP;
	}
	change->has_mark = true;
	change->mark = ntohl(nla_get_be32(cda[CTA_MARK]));
	if (cda[CTA_MARK_MASK])
		change->mark_mask = ~ntohl(nla_get_be32(cda[CTA_MARK_MASK]));
	return 0;
}

/*
 * Whole words, and a mask of as many. What is behind the last word is cleared,
 * mask or no mask.
 */
int ct_nl_parse_labels(const struct nlattr * const cda[],
		       struct ct_nl_change *change,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *labels = cda[CTA_LABELS];
	const struct nlattr *mask = cda[CTA_LABELS_MASK];

	if (!labels)
		return 0;
	if (nla_len(labels) % sizeof(u32)) {
		NL_SET_ERR_MSG_ATTR(extack, labels,
				    "labels come in words of 4 bytes");
		return -EINVAL;
	}
	if (mask && (!nla_len(mask) || nla_len(mask) != nla_len(labels))) {
		NL_SET_ERR_MSG_ATTR(extack, mask,
				    "the mask must be as long as the labels");
		return -EINVAL;
	}
	change->has_labels = true;
	memcpy(change->labels, nla_data(labels), nla_len(labels));
	memset(change->labels_mask, 0xff, sizeof(change->labels_mask));
	if (mask)
		memcpy(change->labels_mask, nla_data(mask), nla_len(mask));
	return 0;
}

static int parse_labels(const struct nlattr * const cda[],
			const struct ct_nl_target *target,
			struct ct_nl_change *change,
			struct netlink_ext_ack *extack)
{
	return ct_nl_parse_labels(cda, change, extack);
}

static int refuse(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "this cannot be set in a connection yet");
	return -EOPNOTSUPP;
}

static int parse_nat(const struct nlattr * const cda[],
		     const struct ct_nl_target *target,
		     struct ct_nl_change *change,
		     struct netlink_ext_ack *extack)
{
	static const int attrs[] = {
		[NF_NAT_MANIP_SRC] = CTA_NAT_SRC,
		[NF_NAT_MANIP_DST] = CTA_NAT_DST,
	};
	enum nf_nat_manip_type manip;
	int err;

	for (manip = NF_NAT_MANIP_SRC; manip <= NF_NAT_MANIP_DST; manip++) {
		if (!cda[attrs[manip]])
			continue;
		err = ct_nl_parse_nat(cda[attrs[manip]], target->l3,
				      &change->nat[manip], extack);
		if (err)
			return err;
		change->has_nat[manip] = true;
	}
	return 0;
}

/* What is decided stays. */
static int refuse_nat(const struct nlattr * const cda[],
		      const struct ct_nl_target *target,
		      struct ct_nl_change *change,
		      struct netlink_ext_ack *extack)
{
	return refuse(cda[CTA_NAT_SRC], extack) ?:
	       refuse(cda[CTA_NAT_DST], extack);
}

static int parse_number(struct nlattr **tb, int type, const struct nlattr *nest,
			u32 *number, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = need(tb, type, nest, extack);

	if (!attr)
		return -EINVAL;
	*number = ntohl(nla_get_be32(attr));
	return 0;
}

static int parse_way(const struct nlattr *nest, struct ct_seqadj_way *way,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_SEQADJ_MAX + 1];
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_SEQADJ_MAX, nest,
					  seqadj_policy, extack);
	return err ?:
	       parse_number(tb, CTA_SEQADJ_CORRECTION_POS, nest, &way->pos,
			    extack) ?:
	       parse_number(tb, CTA_SEQADJ_OFFSET_BEFORE, nest, &way->before,
			    extack) ?:
	       parse_number(tb, CTA_SEQADJ_OFFSET_AFTER, nest, &way->after,
			    extack);
}

static int parse_adjustment(const struct nlattr * const cda[],
			    const struct ct_nl_target *target,
			    struct ct_nl_change *change,
			    struct netlink_ext_ack *extack)
{
	unsigned int dir;
	int err;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		if (!cda[CTA_SEQ_ADJ_ORIG + dir])
			continue;
		err = parse_way(cda[CTA_SEQ_ADJ_ORIG + dir],
				&change->seqadj.way[dir], extack);
		if (err)
			return err;
		change->has_seqadj[dir] = true;
	}
	return 0;
}

static int refuse_synproxy(const struct nlattr * const cda[],
			   const struct ct_nl_target *target,
			   struct ct_nl_change *change,
			   struct netlink_ext_ack *extack)
{
	return refuse(cda[CTA_SYNPROXY], extack);
}

static int refuse_master(const struct nlattr * const cda[],
			 const struct ct_nl_target *target,
			 struct ct_nl_change *change,
			 struct netlink_ext_ack *extack)
{
	if (!cda[CTA_TUPLE_MASTER])
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, cda[CTA_TUPLE_MASTER],
			    "the master of a connection cannot change");
	return -EOPNOTSUPP;
}

typedef int parse_step(const struct nlattr * const cda[],
		       const struct ct_nl_target *target,
		       struct ct_nl_change *change,
		       struct netlink_ext_ack *extack);

/* Of several things that are wrong, programs know the first by its error. */
static parse_step * const steps[][11] = {
	[CT_NL_CREATE] = {
		parse_timeout, parse_help, parse_nat, parse_status,
		parse_adjustment, parse_protoinfo, refuse_synproxy,
		parse_mark,
	},
	[CT_NL_UPDATE] = {
		refuse_nat, refuse_master, parse_help, parse_timeout,
		parse_status, parse_protoinfo, parse_mark, parse_adjustment,
		refuse_synproxy, parse_labels,
	},
	[CT_NL_VERDICT] = {
		parse_timeout, parse_status, parse_help, parse_labels,
		parse_mark,
	},
};

/* Everything but the tuples and the zone; labels of what is new, too. */
int ct_nl_parse_change(const struct nlattr * const cda[],
		       const struct ct_nl_target *target,
		       struct ct_nl_change *change,
		       struct netlink_ext_ack *extack)
{
	parse_step * const *step;
	int err = 0;

	memset(change, 0, sizeof(*change));
	for (step = steps[target->request]; *step && !err; step++)
		err = (*step)(cda, target, change, extack);
	return err;
}

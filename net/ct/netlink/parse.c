// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of nfnetlink_conntrack.h to what they mean. Whatever is wrong is
 * named in the extended ack: the attribute, or the one that is missing.
 */
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <net/ct/proto.h>
#include <net/ct/tuple.h>
#include <net/netlink.h>
#include <net/tcp.h>
#include "compat.h"
#include "netlink.h"

/* As long as helper names may be, the final zero included. */
#define HELPER_NAME_LEN	16
/* Bytes of connection labels. */
#define LABELS_LEN	(CT_LABELS_WORDS * sizeof(u32))

/* Flags of a TCP connection that user space may set. */
#define TCP_FLAGS	(IP_CT_TCP_FLAG_WINDOW_SCALE | \
			 IP_CT_TCP_FLAG_SACK_PERM | \
			 IP_CT_TCP_FLAG_CLOSE_INIT | IP_CT_TCP_FLAG_BE_LIBERAL)

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
	[CTA_SYNPROXY]		= { .type = NLA_NESTED },
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

static const struct nla_policy proto_policy[CTA_PROTO_MAX + 1] = {
	[CTA_PROTO_NUM]		= { .type = NLA_U8 },
	[CTA_PROTO_SRC_PORT]	= { .type = NLA_U16 },
	[CTA_PROTO_DST_PORT]	= { .type = NLA_U16 },
	[CTA_PROTO_ICMP_ID]	= { .type = NLA_U16 },
	[CTA_PROTO_ICMP_TYPE]	= { .type = NLA_U8 },
	[CTA_PROTO_ICMP_CODE]	= { .type = NLA_U8 },
	[CTA_PROTO_ICMPV6_ID]	= { .type = NLA_U16 },
	[CTA_PROTO_ICMPV6_TYPE]	= { .type = NLA_U8 },
	[CTA_PROTO_ICMPV6_CODE]	= { .type = NLA_U8 },
};

static const struct nla_policy protoinfo_policy[CTA_PROTOINFO_MAX + 1] = {
	[CTA_PROTOINFO_TCP]	= { .type = NLA_NESTED },
	[CTA_PROTOINFO_DCCP]	= { .type = NLA_NESTED },
	[CTA_PROTOINFO_SCTP]	= { .type = NLA_NESTED },
};

static const struct nla_policy tcp_policy[CTA_PROTOINFO_TCP_MAX + 1] = {
	[CTA_PROTOINFO_TCP_STATE] =
		NLA_POLICY_MAX(NLA_U8, TCP_CONNTRACK_SYN_SENT2),
	[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL] =
		NLA_POLICY_MAX(NLA_U8, TCP_MAX_WSCALE),
	[CTA_PROTOINFO_TCP_WSCALE_REPLY] =
		NLA_POLICY_MAX(NLA_U8, TCP_MAX_WSCALE),
	[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL] =
		NLA_POLICY_MIN_LEN(sizeof(struct nf_ct_tcp_flags)),
	[CTA_PROTOINFO_TCP_FLAGS_REPLY] =
		NLA_POLICY_MIN_LEN(sizeof(struct nf_ct_tcp_flags)),
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

static int parse_ports(struct nlattr **tb, const struct nlattr *nest, u32 flags,
		       struct nf_conntrack_tuple *t,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;

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
	u32 id_flag, type_flag, code_flag;
	int id, type, code;
};

static const struct icmp_attrs icmp4 = {
	.id_flag = CT_F_ICMP_ID,
	.type_flag = CT_F_ICMP_TYPE,
	.code_flag = CT_F_ICMP_CODE,
	.id = CTA_PROTO_ICMP_ID,
	.type = CTA_PROTO_ICMP_TYPE,
	.code = CTA_PROTO_ICMP_CODE,
};

static const struct icmp_attrs icmp6 = {
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

	err = nla_parse_nested_deprecated(tb, CTA_PROTO_MAX, nest, proto_policy,
					  extack);
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

static void parse_tcp_flags(const struct nlattr *attr, unsigned int dir,
			    struct ct_nl_change *change)
{
	const struct nf_ct_tcp_flags *f;

	if (!attr)
		return;
	f = nla_data(attr);
	change->tcp_mask[dir] = f->mask & TCP_FLAGS;
	change->tcp_flags[dir] = f->flags & change->tcp_mask[dir];
}

static const struct nla_policy sctp_policy[CTA_PROTOINFO_SCTP_MAX + 1] = {
	[CTA_PROTOINFO_SCTP_STATE] =
		NLA_POLICY_MAX(NLA_U8, SCTP_CONNTRACK_HEARTBEAT_SENT),
	[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL] = { .type = NLA_U32 },
	[CTA_PROTOINFO_SCTP_VTAG_REPLY] = { .type = NLA_U32 },
};

/* Of a connection of another protocol it does not matter if it is complete. */
static int parse_sctp(const struct nlattr *nest, struct ct_nl_change *change,
		      struct netlink_ext_ack *extack)
{
	static const u8 together[] = {
		CTA_PROTOINFO_SCTP_STATE, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL,
		CTA_PROTOINFO_SCTP_VTAG_REPLY,
	};
	struct nlattr *tb[CTA_PROTOINFO_SCTP_MAX + 1];
	unsigned int i;
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_PROTOINFO_SCTP_MAX, nest,
					  sctp_policy, extack);
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(together); i++) {
		if (!tb[together[i]]) {
			change->sctp_missing = together[i];
			change->sctp_nest = nest;
			return 0;
		}
	}
	change->has_sctp = true;
	change->sctp_state = nla_get_u8(tb[CTA_PROTOINFO_SCTP_STATE]);
	change->sctp_vtag[IP_CT_DIR_ORIGINAL] =
		nla_get_be32(tb[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL]);
	change->sctp_vtag[IP_CT_DIR_REPLY] =
		nla_get_be32(tb[CTA_PROTOINFO_SCTP_VTAG_REPLY]);
	return 0;
}

#ifdef CONFIG_NF_CT_PROTO_DCCP
static const struct nla_policy dccp_policy[CTA_PROTOINFO_DCCP_MAX + 1] = {
	[CTA_PROTOINFO_DCCP_STATE] = { .type = NLA_U8 },
	[CTA_PROTOINFO_DCCP_ROLE] = { .type = NLA_U8 },
	[CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ] = { .type = NLA_U64 },
};

/* The role is that of the end that sends in the original direction. */
static int parse_dccp(const struct nlattr *nest, struct ct_nl_change *change,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTOINFO_DCCP_MAX + 1];
	const struct nlattr *state, *role, *number;
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_PROTOINFO_DCCP_MAX, nest,
					  dccp_policy, extack);
	if (err)
		return err;
	state = tb[CTA_PROTOINFO_DCCP_STATE];
	role = tb[CTA_PROTOINFO_DCCP_ROLE];
	number = tb[CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ];
	if (!state || !role) {
		change->partial_dccp = nest;
		return 0;
	}
	change->has_dccp = true;
	change->dccp_state = nla_get_u8(state);
	change->dccp_servers = BIT(nla_get_u8(role) == CT_DCCP_ROLE_CLIENT ?
				   IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL);
	if (number) {
		change->has_dccp_number = true;
		change->dccp_number = be64_to_cpu(nla_get_be64(number));
	}
	if (change->dccp_state > CT_DCCP_TIMEWAIT)
		change->wrong_dccp = state;
	else if (nla_get_u8(role) > CT_DCCP_ROLE_MAX)
		change->wrong_dccp = role;
	else if (change->dccp_number >= BIT_ULL(48))
		change->wrong_dccp = number;
	return 0;
}
#else
static int parse_dccp(const struct nlattr *nest, struct ct_nl_change *change,
		      struct netlink_ext_ack *extack)
{
	return 0;
}
#endif

static int parse_protoinfo(const struct nlattr *attr,
			   struct ct_nl_change *change,
			   struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTOINFO_MAX + 1];
	struct nlattr *tcp[CTA_PROTOINFO_TCP_MAX + 1];
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_PROTOINFO_MAX, attr,
					  protoinfo_policy, extack);
	if (!err && tb[CTA_PROTOINFO_SCTP])
		err = parse_sctp(tb[CTA_PROTOINFO_SCTP], change, extack);
	if (!err && tb[CTA_PROTOINFO_DCCP])
		err = parse_dccp(tb[CTA_PROTOINFO_DCCP], change, extack);
	if (err || !tb[CTA_PROTOINFO_TCP])
		return err;
	err = nla_parse_nested_deprecated(tcp, CTA_PROTOINFO_TCP_MAX,
					  tb[CTA_PROTOINFO_TCP], tcp_policy,
					  extack);
	if (err)
		return err;
	if (tcp[CTA_PROTOINFO_TCP_STATE]) {
		change->has_tcp_state = true;
		change->tcp_state = nla_get_u8(tcp[CTA_PROTOINFO_TCP_STATE]);
	}
	parse_tcp_flags(tcp[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL],
			IP_CT_DIR_ORIGINAL, change);
	parse_tcp_flags(tcp[CTA_PROTOINFO_TCP_FLAGS_REPLY],
			IP_CT_DIR_REPLY, change);
	if (tcp[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL] &&
	    tcp[CTA_PROTOINFO_TCP_WSCALE_REPLY]) {
		change->has_tcp_scale = true;
		change->tcp_scale[IP_CT_DIR_ORIGINAL] =
			nla_get_u8(tcp[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL]);
		change->tcp_scale[IP_CT_DIR_REPLY] =
			nla_get_u8(tcp[CTA_PROTOINFO_TCP_WSCALE_REPLY]);
	}
	return 0;
}

/* The empty name takes a helper away: no entry has one. */
static int parse_help(const struct nlattr *attr, bool create,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_HELP_MAX + 1];
	const struct nlattr *name;
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_HELP_MAX, attr, help_policy,
					  extack);
	if (err)
		return err;
	name = need(tb, CTA_HELP_NAME, attr, extack);
	if (!name)
		return -EINVAL;
	if (!create && !*(const char *)nla_data(name))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, name, "there is no such helper");
	return -EOPNOTSUPP;
}

static int parse_mark(const struct nlattr * const cda[],
		      struct ct_nl_change *change,
		      struct netlink_ext_ack *extack)
{
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
static int parse_labels(const struct nlattr * const cda[],
			struct ct_nl_change *change,
			struct netlink_ext_ack *extack)
{
	const struct nlattr *labels = cda[CTA_LABELS];
	const struct nlattr *mask = cda[CTA_LABELS_MASK];

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

static int refuse_unsupported(const struct nlattr * const cda[], bool create,
			      struct netlink_ext_ack *extack)
{
	static const u8 unsupported[] = {
		CTA_NAT_SRC, CTA_NAT_DST, CTA_SEQ_ADJ_ORIG, CTA_SEQ_ADJ_REPLY,
		CTA_SYNPROXY,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unsupported); i++) {
		const struct nlattr *attr = cda[unsupported[i]];

		if (attr) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "this cannot be set in a connection yet");
			return -EOPNOTSUPP;
		}
	}
	if (!create && cda[CTA_TUPLE_MASTER]) {
		NL_SET_ERR_MSG_ATTR(extack, cda[CTA_TUPLE_MASTER],
				    "the master of a connection cannot change");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Everything but the tuples and the zone. */
int ct_nl_parse_change(const struct nlattr * const cda[], bool create,
		       struct ct_nl_change *change,
		       struct netlink_ext_ack *extack)
{
	int err;

	memset(change, 0, sizeof(*change));
	err = refuse_unsupported(cda, create, extack);
	if (!err && cda[CTA_HELP])
		err = parse_help(cda[CTA_HELP], create, extack);
	if (!err && cda[CTA_PROTOINFO])
		err = parse_protoinfo(cda[CTA_PROTOINFO], change, extack);
	if (!err && cda[CTA_MARK])
		err = parse_mark(cda, change, extack);
	if (!err && cda[CTA_LABELS])
		err = parse_labels(cda, change, extack);
	if (err)
		return err;
	if (cda[CTA_STATUS]) {
		change->has_status = true;
		change->status = ntohl(nla_get_be32(cda[CTA_STATUS]));
	}
	if (cda[CTA_TIMEOUT]) {
		u64 seconds = ntohl(nla_get_be32(cda[CTA_TIMEOUT]));

		change->has_timeout = true;
		change->timeout = min_t(u64, seconds * HZ, S32_MAX);
	} else if (create) {
		NL_SET_ERR_MSG(extack, "a new connection needs a timeout");
		NL_SET_ERR_ATTR_MISS(extack, NULL, CTA_TIMEOUT);
		return -EINVAL;
	}
	return 0;
}

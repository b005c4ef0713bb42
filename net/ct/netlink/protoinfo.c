// SPDX-License-Identifier: GPL-2.0
/*
 * The state of a connection's protocol, from a request. Only that of its own
 * protocol is looked at: what a program sends of another is of no matter.
 */
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <net/netlink.h>
#include <net/tcp.h>
#include "compat.h"
#include "netlink.h"

/* Flags of a TCP connection that user space may set. */
#define TCP_FLAGS	(IP_CT_TCP_FLAG_WINDOW_SCALE | \
			 IP_CT_TCP_FLAG_SACK_PERM | \
			 IP_CT_TCP_FLAG_CLOSE_INIT | IP_CT_TCP_FLAG_BE_LIBERAL)

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

static int parse_tcp(const struct nlattr *nest, struct ct_nl_change *change,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTOINFO_TCP_MAX + 1];
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_PROTOINFO_TCP_MAX, nest,
					  tcp_policy, extack);
	if (err)
		return err;
	change->has_tcp = true;
	if (tb[CTA_PROTOINFO_TCP_STATE]) {
		change->has_tcp_state = true;
		change->tcp_state = nla_get_u8(tb[CTA_PROTOINFO_TCP_STATE]);
	}
	parse_tcp_flags(tb[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL],
			IP_CT_DIR_ORIGINAL, change);
	parse_tcp_flags(tb[CTA_PROTOINFO_TCP_FLAGS_REPLY], IP_CT_DIR_REPLY,
			change);
	if (tb[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL] &&
	    tb[CTA_PROTOINFO_TCP_WSCALE_REPLY]) {
		change->has_tcp_scale = true;
		change->tcp_scale[IP_CT_DIR_ORIGINAL] =
			nla_get_u8(tb[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL]);
		change->tcp_scale[IP_CT_DIR_REPLY] =
			nla_get_u8(tb[CTA_PROTOINFO_TCP_WSCALE_REPLY]);
	}
	return 0;
}

static void set_tcp(struct ct_tcp *tcp, const struct ct_nl_change *c)
{
	unsigned int dir;

	if (c->has_tcp_state) {
		tcp->state = c->tcp_state;
		/* See struct ct_window: it has another meaning there. */
		if (tcp->state == TCP_CONNTRACK_SYN_SENT)
			tcp->flags[IP_CT_DIR_ORIGINAL] &=
				~IP_CT_TCP_FLAG_MAXACK_SET;
	}
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		tcp->flags[dir] = (tcp->flags[dir] & ~c->tcp_mask[dir]) |
				  c->tcp_flags[dir];
	/* Scaled only if both ends said so (RFC 7323 2.2). */
	if (c->has_tcp_scale && tcp->flags[IP_CT_DIR_ORIGINAL] &
	    tcp->flags[IP_CT_DIR_REPLY] & IP_CT_TCP_FLAG_WINDOW_SCALE)
		memcpy(tcp->scale, c->tcp_scale, sizeof(tcp->scale));
}

static const struct nla_policy sctp_policy[CTA_PROTOINFO_SCTP_MAX + 1] = {
	[CTA_PROTOINFO_SCTP_STATE] =
		NLA_POLICY_MAX(NLA_U8, SCTP_CONNTRACK_HEARTBEAT_SENT),
	[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL] = { .type = NLA_U32 },
	[CTA_PROTOINFO_SCTP_VTAG_REPLY] = { .type = NLA_U32 },
};

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
			NL_SET_ERR_MSG_ATTR(extack, nest,
					    "SCTP's state and both verification tags come together");
			NL_SET_ERR_ATTR_MISS(extack, nest, together[i]);
			return -EINVAL;
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

static int refuse_dccp(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "DCCP has states up to 7, roles up to 1, and numbers of 48 bits");
	return -EINVAL;
}

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
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "DCCP's state and role come together");
		return -EINVAL;
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
		return refuse_dccp(state, extack);
	if (nla_get_u8(role) > CT_DCCP_ROLE_MAX)
		return refuse_dccp(role, extack);
	if (change->dccp_number >= BIT_ULL(48))
		return refuse_dccp(number, extack);
	return 0;
}
#else
static int parse_dccp(const struct nlattr *nest, struct ct_nl_change *change,
		      struct netlink_ext_ack *extack)
{
	return 0;
}
#endif

static void set_dccp(struct ct_dccp *dccp, const struct ct_nl_change *c)
{
	dccp->state = c->dccp_state;
	dccp->servers = c->dccp_servers;
	if (c->has_dccp_number)
		dccp->handshake = c->dccp_number;
}

/* @l4: the protocol of the connection. */
int ct_nl_parse_protoinfo(const struct nlattr *attr, u8 l4,
			  struct ct_nl_change *change,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTOINFO_MAX + 1];
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_PROTOINFO_MAX, attr,
					  protoinfo_policy, extack);
	if (err)
		return err;
	if (l4 == IPPROTO_TCP && tb[CTA_PROTOINFO_TCP])
		return parse_tcp(tb[CTA_PROTOINFO_TCP], change, extack);
	if (l4 == IPPROTO_SCTP && tb[CTA_PROTOINFO_SCTP])
		return parse_sctp(tb[CTA_PROTOINFO_SCTP], change, extack);
	if (l4 == IPPROTO_DCCP && tb[CTA_PROTOINFO_DCCP])
		return parse_dccp(tb[CTA_PROTOINFO_DCCP], change, extack);
	return 0;
}

/* @c: parsed for the protocol of @e. */
void ct_nl_set_protoinfo(struct ct_entry *e, const struct ct_nl_change *c)
{
	if (!c->has_tcp && !c->has_sctp && !c->has_dccp)
		return;
	spin_lock_bh(&e->lock);
	if (c->has_tcp)
		set_tcp(&e->proto.tcp, c);
	if (c->has_dccp)
		set_dccp(&e->proto.dccp, c);
	if (c->has_sctp) {
		e->proto.sctp = (struct ct_sctp){ .state = c->sctp_state };
		memcpy(e->vtag, c->sctp_vtag, sizeof(e->vtag));
	}
	spin_unlock_bh(&e->lock);
}

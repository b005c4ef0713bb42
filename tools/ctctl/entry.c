// SPDX-License-Identifier: GPL-2.0
/* From a netlink message to a struct entry. */
#include <arpa/inet.h>
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "ctctl.h"
#include "entry.h"
#include "names.h"

/* What an attribute must look like to be read. */
struct spec {
	uint8_t type;		/* enum mnl_attr_data_type */
	uint8_t len;		/* exact length of MNL_TYPE_BINARY, 0: any */
};

static const struct spec entry_spec[CTA_MAX + 1] = {
	[CTA_TUPLE_ORIG]	= { MNL_TYPE_NESTED, 0 },
	[CTA_TUPLE_REPLY]	= { MNL_TYPE_NESTED, 0 },
	[CTA_STATUS]		= { MNL_TYPE_U32, 0 },
	[CTA_PROTOINFO]		= { MNL_TYPE_NESTED, 0 },
	[CTA_HELP]		= { MNL_TYPE_NESTED, 0 },
	[CTA_TIMEOUT]		= { MNL_TYPE_U32, 0 },
	[CTA_MARK]		= { MNL_TYPE_U32, 0 },
	[CTA_COUNTERS_ORIG]	= { MNL_TYPE_NESTED, 0 },
	[CTA_COUNTERS_REPLY]	= { MNL_TYPE_NESTED, 0 },
	[CTA_USE]		= { MNL_TYPE_U32, 0 },
	[CTA_ID]		= { MNL_TYPE_U32, 0 },
	[CTA_SECMARK]		= { MNL_TYPE_U32, 0 },
	[CTA_ZONE]		= { MNL_TYPE_U16, 0 },
	[CTA_SECCTX]		= { MNL_TYPE_NESTED, 0 },
	[CTA_TIMESTAMP]		= { MNL_TYPE_NESTED, 0 },
	[CTA_LABELS]		= { MNL_TYPE_BINARY, 0 },
};

static const struct spec tuple_spec[CTA_TUPLE_MAX + 1] = {
	[CTA_TUPLE_IP]		= { MNL_TYPE_NESTED, 0 },
	[CTA_TUPLE_PROTO]	= { MNL_TYPE_NESTED, 0 },
	[CTA_TUPLE_ZONE]	= { MNL_TYPE_U16, 0 },
};

static const struct spec ip_spec[CTA_IP_MAX + 1] = {
	[CTA_IP_V4_SRC]		= { MNL_TYPE_U32, 0 },
	[CTA_IP_V4_DST]		= { MNL_TYPE_U32, 0 },
	[CTA_IP_V6_SRC]		= { MNL_TYPE_BINARY, 16 },
	[CTA_IP_V6_DST]		= { MNL_TYPE_BINARY, 16 },
};

static const struct spec proto_spec[CTA_PROTO_MAX + 1] = {
	[CTA_PROTO_NUM]		= { MNL_TYPE_U8, 0 },
	[CTA_PROTO_SRC_PORT]	= { MNL_TYPE_U16, 0 },
	[CTA_PROTO_DST_PORT]	= { MNL_TYPE_U16, 0 },
	[CTA_PROTO_ICMP_ID]	= { MNL_TYPE_U16, 0 },
	[CTA_PROTO_ICMP_TYPE]	= { MNL_TYPE_U8, 0 },
	[CTA_PROTO_ICMP_CODE]	= { MNL_TYPE_U8, 0 },
	[CTA_PROTO_ICMPV6_ID]	= { MNL_TYPE_U16, 0 },
	[CTA_PROTO_ICMPV6_TYPE]	= { MNL_TYPE_U8, 0 },
	[CTA_PROTO_ICMPV6_CODE]	= { MNL_TYPE_U8, 0 },
};

static const struct spec protoinfo_spec[CTA_PROTOINFO_MAX + 1] = {
	[CTA_PROTOINFO_TCP]	= { MNL_TYPE_NESTED, 0 },
	[CTA_PROTOINFO_DCCP]	= { MNL_TYPE_NESTED, 0 },
	[CTA_PROTOINFO_SCTP]	= { MNL_TYPE_NESTED, 0 },
};

static const struct spec tcp_spec[CTA_PROTOINFO_TCP_MAX + 1] = {
	[CTA_PROTOINFO_TCP_STATE]		= { MNL_TYPE_U8, 0 },
	[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL]	= { MNL_TYPE_U8, 0 },
	[CTA_PROTOINFO_TCP_WSCALE_REPLY]	= { MNL_TYPE_U8, 0 },
	[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL]	= { MNL_TYPE_BINARY, 2 },
	[CTA_PROTOINFO_TCP_FLAGS_REPLY]		= { MNL_TYPE_BINARY, 2 },
};

static const struct spec dccp_spec[CTA_PROTOINFO_DCCP_MAX + 1] = {
	[CTA_PROTOINFO_DCCP_STATE]	= { MNL_TYPE_U8, 0 },
};

static const struct spec sctp_spec[CTA_PROTOINFO_SCTP_MAX + 1] = {
	[CTA_PROTOINFO_SCTP_STATE]	= { MNL_TYPE_U8, 0 },
};

static const struct spec counters_spec[CTA_COUNTERS_MAX + 1] = {
	[CTA_COUNTERS_PACKETS]	= { MNL_TYPE_U64, 0 },
	[CTA_COUNTERS_BYTES]	= { MNL_TYPE_U64, 0 },
};

static const struct spec timestamp_spec[CTA_TIMESTAMP_MAX + 1] = {
	[CTA_TIMESTAMP_START]	= { MNL_TYPE_U64, 0 },
	[CTA_TIMESTAMP_STOP]	= { MNL_TYPE_U64, 0 },
};

static const struct spec help_spec[CTA_HELP_MAX + 1] = {
	[CTA_HELP_NAME]		= { MNL_TYPE_NUL_STRING, 0 },
};

static const struct spec secctx_spec[CTA_SECCTX_MAX + 1] = {
	[CTA_SECCTX_NAME]	= { MNL_TYPE_NUL_STRING, 0 },
};

struct parse {
	const struct spec *spec;
	const struct nlattr **tb;
	uint16_t max;
};

static int check_attr(const struct nlattr *attr, void *data)
{
	const struct parse *p = data;
	uint16_t type = mnl_attr_get_type(attr);
	const struct spec *spec;
	int ok;

	if (type > p->max || p->spec[type].type == MNL_TYPE_UNSPEC)
		return MNL_CB_OK;

	spec = &p->spec[type];
	if (spec->type == MNL_TYPE_BINARY && spec->len)
		ok = mnl_attr_get_payload_len(attr) == spec->len ? 0 : -1;
	else
		ok = mnl_attr_validate(attr, spec->type);
	if (ok < 0) {
		complain("the kernel sent a malformed attribute (type %u, %u bytes)",
			 type, mnl_attr_get_payload_len(attr));
		return MNL_CB_ERROR;
	}

	p->tb[type] = attr;
	return MNL_CB_OK;
}

static int parse_nested(const struct nlattr *attr, const struct nlattr **tb,
			const struct spec *spec, uint16_t max)
{
	struct parse p = { .spec = spec, .tb = tb, .max = max };

	if (mnl_attr_parse_nested(attr, check_attr, &p) == MNL_CB_ERROR)
		return -EBADMSG;
	return 0;
}

static uint16_t be16(const struct nlattr *attr)
{
	return ntohs(mnl_attr_get_u16(attr));
}

static uint32_t be32(const struct nlattr *attr)
{
	return ntohl(mnl_attr_get_u32(attr));
}

static uint64_t be64(const struct nlattr *attr)
{
	return be64toh(mnl_attr_get_u64(attr));
}

/* Names come from modules: none may drive the terminal or break a line. */
static void copy_name(char *to, size_t size, const struct nlattr *attr)
{
	char *c;

	snprintf(to, size, "%s", mnl_attr_get_str(attr));
	for (c = to; *c; c++)
		if (!isgraph((unsigned char)*c))
			*c = '?';
}

static void copy_address(union address *to, const struct nlattr *v4,
			 const struct nlattr *v6)
{
	if (v4)
		memcpy(&to->v4, mnl_attr_get_payload(v4), sizeof(to->v4));
	else if (v6)
		memcpy(&to->v6, mnl_attr_get_payload(v6), sizeof(to->v6));
}

static int parse_ip(const struct nlattr *attr, struct half *h)
{
	const struct nlattr *tb[CTA_IP_MAX + 1] = { NULL };

	if (parse_nested(attr, tb, ip_spec, CTA_IP_MAX))
		return -EBADMSG;

	copy_address(&h->src, tb[CTA_IP_V4_SRC], tb[CTA_IP_V6_SRC]);
	copy_address(&h->dst, tb[CTA_IP_V4_DST], tb[CTA_IP_V6_DST]);
	return 0;
}

static void parse_icmp(struct half *h, const struct nlattr *id,
		       const struct nlattr *type, const struct nlattr *code)
{
	if (!id || !type || !code)
		return;
	h->icmp_id = be16(id);
	h->icmp_type = mnl_attr_get_u8(type);
	h->icmp_code = mnl_attr_get_u8(code);
	h->has_icmp = true;
}

static int parse_proto(const struct nlattr *attr, struct half *h)
{
	const struct nlattr *tb[CTA_PROTO_MAX + 1] = { NULL };

	if (parse_nested(attr, tb, proto_spec, CTA_PROTO_MAX))
		return -EBADMSG;

	if (tb[CTA_PROTO_NUM])
		h->proto = mnl_attr_get_u8(tb[CTA_PROTO_NUM]);
	if (tb[CTA_PROTO_SRC_PORT] && tb[CTA_PROTO_DST_PORT]) {
		h->sport = be16(tb[CTA_PROTO_SRC_PORT]);
		h->dport = be16(tb[CTA_PROTO_DST_PORT]);
		h->has_ports = true;
	}
	parse_icmp(h, tb[CTA_PROTO_ICMP_ID], tb[CTA_PROTO_ICMP_TYPE],
		   tb[CTA_PROTO_ICMP_CODE]);
	parse_icmp(h, tb[CTA_PROTO_ICMPV6_ID], tb[CTA_PROTO_ICMPV6_TYPE],
		   tb[CTA_PROTO_ICMPV6_CODE]);
	return 0;
}

static int parse_tuple(const struct nlattr *attr, struct half *h)
{
	const struct nlattr *tb[CTA_TUPLE_MAX + 1] = { NULL };

	if (!attr)
		return 0;
	if (parse_nested(attr, tb, tuple_spec, CTA_TUPLE_MAX))
		return -EBADMSG;
	if (tb[CTA_TUPLE_IP] && parse_ip(tb[CTA_TUPLE_IP], h))
		return -EBADMSG;
	if (tb[CTA_TUPLE_PROTO] && parse_proto(tb[CTA_TUPLE_PROTO], h))
		return -EBADMSG;
	if (tb[CTA_TUPLE_ZONE]) {
		h->zone = be16(tb[CTA_TUPLE_ZONE]);
		h->has_zone = true;
	}
	return 0;
}

static void take_state(struct entry *e, const struct nlattr *attr)
{
	if (!attr)
		return;
	e->state = mnl_attr_get_u8(attr);
	e->has |= HAS_STATE;
}

static uint8_t tcp_flags(const struct nlattr *attr)
{
	const uint8_t *value_and_mask = mnl_attr_get_payload(attr);

	return value_and_mask[0];
}

static int parse_tcp(const struct nlattr *attr, struct entry *e)
{
	const struct nlattr *tb[CTA_PROTOINFO_TCP_MAX + 1] = { NULL };

	if (parse_nested(attr, tb, tcp_spec, CTA_PROTOINFO_TCP_MAX))
		return -EBADMSG;

	take_state(e, tb[CTA_PROTOINFO_TCP_STATE]);
	if (tb[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL] &&
	    tb[CTA_PROTOINFO_TCP_WSCALE_REPLY] &&
	    tb[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL] &&
	    tb[CTA_PROTOINFO_TCP_FLAGS_REPLY]) {
		e->tcp_wscale[ORIG] =
			mnl_attr_get_u8(tb[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL]);
		e->tcp_wscale[REPLY] =
			mnl_attr_get_u8(tb[CTA_PROTOINFO_TCP_WSCALE_REPLY]);
		e->tcp_flags[ORIG] =
			tcp_flags(tb[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL]);
		e->tcp_flags[REPLY] =
			tcp_flags(tb[CTA_PROTOINFO_TCP_FLAGS_REPLY]);
		e->has |= HAS_TCP;
	}
	return 0;
}

static int parse_dccp(const struct nlattr *attr, struct entry *e)
{
	const struct nlattr *tb[CTA_PROTOINFO_DCCP_MAX + 1] = { NULL };

	if (parse_nested(attr, tb, dccp_spec, CTA_PROTOINFO_DCCP_MAX))
		return -EBADMSG;
	take_state(e, tb[CTA_PROTOINFO_DCCP_STATE]);
	return 0;
}

static int parse_sctp(const struct nlattr *attr, struct entry *e)
{
	const struct nlattr *tb[CTA_PROTOINFO_SCTP_MAX + 1] = { NULL };

	if (parse_nested(attr, tb, sctp_spec, CTA_PROTOINFO_SCTP_MAX))
		return -EBADMSG;
	take_state(e, tb[CTA_PROTOINFO_SCTP_STATE]);
	return 0;
}

static int parse_protoinfo(const struct nlattr *attr, struct entry *e)
{
	const struct nlattr *tb[CTA_PROTOINFO_MAX + 1] = { NULL };

	if (!attr)
		return 0;
	if (parse_nested(attr, tb, protoinfo_spec, CTA_PROTOINFO_MAX))
		return -EBADMSG;
	if (tb[CTA_PROTOINFO_TCP])
		return parse_tcp(tb[CTA_PROTOINFO_TCP], e);
	if (tb[CTA_PROTOINFO_DCCP])
		return parse_dccp(tb[CTA_PROTOINFO_DCCP], e);
	if (tb[CTA_PROTOINFO_SCTP])
		return parse_sctp(tb[CTA_PROTOINFO_SCTP], e);
	return 0;
}

static int parse_counters(const struct nlattr *attr, struct entry *e,
			  enum direction dir)
{
	const struct nlattr *tb[CTA_COUNTERS_MAX + 1] = { NULL };
	struct half *h = &e->half[dir];

	if (!attr)
		return 0;
	if (parse_nested(attr, tb, counters_spec, CTA_COUNTERS_MAX))
		return -EBADMSG;
	if (tb[CTA_COUNTERS_PACKETS] && tb[CTA_COUNTERS_BYTES]) {
		h->packets = be64(tb[CTA_COUNTERS_PACKETS]);
		h->bytes = be64(tb[CTA_COUNTERS_BYTES]);
		h->has_counters = true;
		e->has |= HAS_COUNTERS;
	}
	return 0;
}

static int parse_timestamp(const struct nlattr *attr, struct entry *e)
{
	const struct nlattr *tb[CTA_TIMESTAMP_MAX + 1] = { NULL };

	if (!attr)
		return 0;
	if (parse_nested(attr, tb, timestamp_spec, CTA_TIMESTAMP_MAX))
		return -EBADMSG;
	if (tb[CTA_TIMESTAMP_START]) {
		e->start = be64(tb[CTA_TIMESTAMP_START]);
		e->has |= HAS_START;
	}
	if (tb[CTA_TIMESTAMP_STOP]) {
		e->stop = be64(tb[CTA_TIMESTAMP_STOP]);
		e->has |= HAS_STOP;
	}
	return 0;
}

static int parse_names(const struct nlattr *help, const struct nlattr *secctx,
		       struct entry *e)
{
	const struct nlattr *help_tb[CTA_HELP_MAX + 1] = { NULL };
	const struct nlattr *secctx_tb[CTA_SECCTX_MAX + 1] = { NULL };

	if (help && parse_nested(help, help_tb, help_spec, CTA_HELP_MAX))
		return -EBADMSG;
	if (secctx && parse_nested(secctx, secctx_tb, secctx_spec, CTA_SECCTX_MAX))
		return -EBADMSG;
	if (help_tb[CTA_HELP_NAME])
		copy_name(e->helper, sizeof(e->helper),
			  help_tb[CTA_HELP_NAME]);
	if (secctx_tb[CTA_SECCTX_NAME])
		copy_name(e->secctx, sizeof(e->secctx),
			  secctx_tb[CTA_SECCTX_NAME]);
	return 0;
}

static void take_u32(struct entry *e, const struct nlattr *attr,
		     uint32_t *to, enum entry_has has)
{
	if (!attr)
		return;
	*to = be32(attr);
	e->has |= has;
}

static void take_labels(struct entry *e, const struct nlattr *attr)
{
	uint16_t len;

	if (!attr)
		return;
	len = mnl_attr_get_payload_len(attr);
	if (len > sizeof(e->labels))
		len = sizeof(e->labels);
	memcpy(e->labels, mnl_attr_get_payload(attr), len);
	e->labels_len = len;
}

static void take_plain(struct entry *e, const struct nlattr **tb)
{
	take_u32(e, tb[CTA_STATUS], &e->status, HAS_STATUS);
	take_u32(e, tb[CTA_TIMEOUT], &e->timeout, HAS_TIMEOUT);
	take_u32(e, tb[CTA_MARK], &e->mark, HAS_MARK);
	take_u32(e, tb[CTA_SECMARK], &e->secmark, HAS_SECMARK);
	take_u32(e, tb[CTA_ID], &e->id, HAS_ID);
	take_u32(e, tb[CTA_USE], &e->use, HAS_USE);
	if (tb[CTA_ZONE]) {
		e->zone = be16(tb[CTA_ZONE]);
		e->has |= HAS_ZONE;
	}
	take_labels(e, tb[CTA_LABELS]);
	e->tuple = tb[CTA_TUPLE_ORIG];
	e->id_attr = tb[CTA_ID];
	e->zone_attr = tb[CTA_ZONE];
}

int entry_parse(const struct nlmsghdr *nlh, struct entry *e)
{
	const struct nlattr *tb[CTA_MAX + 1] = { NULL };
	struct parse p = { .spec = entry_spec, .tb = tb, .max = CTA_MAX };
	const struct nfgenmsg *nfg;

	memset(e, 0, sizeof(*e));
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg)) {
		complain("the kernel sent a truncated message");
		return -EBADMSG;
	}

	nfg = mnl_nlmsg_get_payload(nlh);
	e->family = nfg->nfgen_family;
	if (mnl_attr_parse(nlh, sizeof(*nfg), check_attr, &p) == MNL_CB_ERROR)
		return -EBADMSG;

	take_plain(e, tb);
	if (parse_tuple(tb[CTA_TUPLE_ORIG], &e->half[ORIG]) ||
	    parse_tuple(tb[CTA_TUPLE_REPLY], &e->half[REPLY]) ||
	    parse_protoinfo(tb[CTA_PROTOINFO], e) ||
	    parse_counters(tb[CTA_COUNTERS_ORIG], e, ORIG) ||
	    parse_counters(tb[CTA_COUNTERS_REPLY], e, REPLY) ||
	    parse_timestamp(tb[CTA_TIMESTAMP], e) ||
	    parse_names(tb[CTA_HELP], tb[CTA_SECCTX], e))
		return -EBADMSG;
	return 0;
}

uint16_t entry_zone(const struct entry *e)
{
	if (e->has & HAS_ZONE)
		return e->zone;
	if (e->half[ORIG].has_zone)
		return e->half[ORIG].zone;
	return e->half[REPLY].zone;
}

const char *entry_state(const struct entry *e)
{
	const struct name *names = state_names(e->half[ORIG].proto);

	if (!names || !(e->has & HAS_STATE))
		return NULL;
	return name_of(names, e->state);
}

bool entry_is_symmetric(const struct entry *e)
{
	const struct half *o = &e->half[ORIG];
	const struct half *r = &e->half[REPLY];

	return !memcmp(&o->src, &r->dst, sizeof(o->src)) &&
	       !memcmp(&o->dst, &r->src, sizeof(o->dst)) &&
	       (!o->has_ports ||
		(o->sport == r->dport && o->dport == r->sport)) &&
	       o->icmp_id == r->icmp_id;
}

const char *entry_address(const struct entry *e, const union address *a,
			  char buf[static ADDRESS_MAX])
{
	if (!inet_ntop(e->family, a, buf, ADDRESS_MAX))
		snprintf(buf, ADDRESS_MAX, "?");
	return buf;
}

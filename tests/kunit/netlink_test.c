// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink requests, well-formed and malformed in each nest: what is said of
 * them, and that the extended ack names what is wrong. Then what an entry
 * looks like in a message, and that no message is ever half there.
 */
#include <kunit/test.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <net/ct/labels.h>
#include <net/ct/proto.h>
#include <net/ct/tuple.h>
#include <net/netlink.h>
#include "netlink/netlink.h"
#include "wheels.h"

/* A request as a list of attributes. One that is a nest holds those that
 * follow with a greater depth; another has @len bytes of @value, repeated.
 * @len of a nest: bytes cut off its end, as a broken program would leave them.
 */
struct piece {
	u8 depth;
	u16 type;
	u8 len;
	u32 value;
	bool nest;
	bool plain;			/* without NLA_F_NESTED */
	const struct piece *list;	/* these, in its place */
};

#define NEST(d, t)		{ (d), (t), .nest = true }
#define PLAIN_NEST(d, t)	{ (d), (t), .nest = true, .plain = true }
#define CUT_NEST(d, t, n)	{ (d), (t), (n), .nest = true }
#define U8(d, t, v)		{ (d), (t), 1, (v) }
#define U16(d, t, v)		{ (d), (t), 2, (v) }
#define U32(d, t, v)		{ (d), (t), 4, (v) }
#define BYTES(d, t, n, v)	{ (d), (t), (n), (v) }

#define LIST(l)			{ .list = (l) }

/* Parts of a tuple. */
#define PROTOCOL		NEST(1, CTA_TUPLE_PROTO)
#define NUMBER(n)		U8(2, CTA_PROTO_NUM, n)
#define ICMP_ID			U16(2, CTA_PROTO_ICMP_ID, 7)
#define ICMP_TYPE(ty)		U8(2, CTA_PROTO_ICMP_TYPE, ty)
#define ICMP_CODE		U8(2, CTA_PROTO_ICMP_CODE, 0)
#define ORIG			NEST(0, CTA_TUPLE_ORIG)
#define REPLY			NEST(0, CTA_TUPLE_REPLY)
#define ADDRESSES		LIST(addresses)
#define ADDRESSES6		LIST(addresses6)
#define PORTS			LIST(ports)
#define TCP_TUPLE		LIST(tcp_tuple)

static const struct piece addresses[] = {
	NEST(1, CTA_TUPLE_IP), U32(2, CTA_IP_V4_SRC, 0x0a000001),
	U32(2, CTA_IP_V4_DST, 0x0a000002), { }
};

static const struct piece addresses6[] = {
	NEST(1, CTA_TUPLE_IP), BYTES(2, CTA_IP_V6_SRC, 16, 0xfd),
	BYTES(2, CTA_IP_V6_DST, 16, 0xfe), { }
};

static const struct piece ports[] = {
	U16(2, CTA_PROTO_SRC_PORT, 1000), U16(2, CTA_PROTO_DST_PORT, 80), { }
};

static const struct piece tcp_tuple[] = {
	ADDRESSES, PROTOCOL, NUMBER(IPPROTO_TCP), PORTS, { }
};

/* In CTA_PROTOINFO_TCP. */
#define BAD_TCP_STATE	U8(2, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_MAX)

/* Parts of a filter. */
#define FILTERED		NEST(0, CTA_FILTER)
#define BY_ORIG(f)		U32(1, CTA_FILTER_ORIG_FLAGS, f)
#define BY_REPLY(f)		U32(1, CTA_FILTER_REPLY_FLAGS, f)

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

/* What of the request is looked at. */
enum target { POLICY, TUPLE, ZONE, FILTER, CREATE, CHANGE };

struct request_case {
	const char *name;
	enum target target;
	u8 family;
	int expect;
	struct piece pieces[14];
	u8 l4;				/* of what is made or changed; TCP */
	u32 status;
};

static const struct request_case request_cases[] = {
	{ "TCP tuple", TUPLE, V4, 0, { ORIG, TCP_TUPLE } },
	{ "ICMP tuple", TUPLE, V4, 0,
	  { ORIG, ADDRESSES, PROTOCOL, NUMBER(IPPROTO_ICMP),
	    ICMP_ID, ICMP_TYPE(8), ICMP_CODE } },
	{ "tuple of a protocol without ports", TUPLE, V4, 0,
	  { ORIG, ADDRESSES, PROTOCOL, NUMBER(89) } },
	{ "IPv6 tuple", TUPLE, V6, 0,
	  { ORIG, ADDRESSES6, PROTOCOL, NUMBER(IPPROTO_UDP), PORTS } },
	{ "nests without their flag, as old programs send", TUPLE, V4, 0,
	  { PLAIN_NEST(0, CTA_TUPLE_ORIG), PLAIN_NEST(1, CTA_TUPLE_IP),
	    U32(2, CTA_IP_V4_SRC, 1), U32(2, CTA_IP_V4_DST, 2),
	    PROTOCOL, NUMBER(IPPROTO_UDP), PORTS } },
	{ "tuple with its own zone", TUPLE, V4, 0,
	  { ORIG, TCP_TUPLE, U16(1, CTA_TUPLE_ZONE, 5) } },

	{ "tuple too short for an attribute", POLICY, V4, -ERANGE,
	  { BYTES(0, CTA_TUPLE_ORIG, 3, 0) } },
	{ "status of 2 bytes", POLICY, V4, -ERANGE,
	  { U16(0, CTA_STATUS, 1) } },
	{ "mark of 3 bytes", POLICY, V4, -ERANGE,
	  { BYTES(0, CTA_MARK, 3, 0) } },
	{ "timeout of 1 byte", POLICY, V4, -ERANGE,
	  { U8(0, CTA_TIMEOUT, 1) } },
	{ "zone of 1 byte", POLICY, V4, -ERANGE, { U8(0, CTA_ZONE, 1) } },
	{ "empty id", POLICY, V4, -ERANGE, { BYTES(0, CTA_ID, 0, 0) } },
	{ "labels of 17 bytes", POLICY, V4, -ERANGE,
	  { BYTES(0, CTA_LABELS, 17, 0) } },

	{ "no family", TUPLE, NFPROTO_UNSPEC, -EOPNOTSUPP,
	  { ORIG, TCP_TUPLE } },
	{ "family of bridges", TUPLE, NFPROTO_BRIDGE, -EOPNOTSUPP,
	  { ORIG, TCP_TUPLE } },
	{ "empty tuple", TUPLE, V4, -EINVAL, { ORIG } },
	{ "tuple without addresses", TUPLE, V4, -EINVAL,
	  { ORIG, PROTOCOL, NUMBER(IPPROTO_TCP), PORTS } },
	{ "tuple without a protocol", TUPLE, V4, -EINVAL,
	  { ORIG, ADDRESSES } },
	{ "no source address", TUPLE, V4, -EINVAL,
	  { ORIG, NEST(1, CTA_TUPLE_IP),
	    U32(2, CTA_IP_V4_DST, 1), PROTOCOL, NUMBER(IPPROTO_TCP), PORTS } },
	{ "no destination address", TUPLE, V4, -EINVAL,
	  { ORIG, NEST(1, CTA_TUPLE_IP),
	    U32(2, CTA_IP_V4_SRC, 1), PROTOCOL, NUMBER(IPPROTO_TCP), PORTS } },
	{ "addresses of the other family", TUPLE, V6, -EINVAL,
	  { ORIG, TCP_TUPLE } },
	{ "IPv4 address of 2 bytes", TUPLE, V4, -ERANGE,
	  { ORIG, NEST(1, CTA_TUPLE_IP),
	    U16(2, CTA_IP_V4_SRC, 1), U32(2, CTA_IP_V4_DST, 1),
	    PROTOCOL, NUMBER(IPPROTO_TCP), PORTS } },
	{ "IPv6 address of 15 bytes", TUPLE, V6, -ERANGE,
	  { ORIG, NEST(1, CTA_TUPLE_IP),
	    BYTES(2, CTA_IP_V6_SRC, 16, 1), BYTES(2, CTA_IP_V6_DST, 15, 1),
	    PROTOCOL, NUMBER(IPPROTO_TCP), PORTS } },
	{ "addresses too short for an attribute", TUPLE, V4, -ERANGE,
	  { ORIG, BYTES(1, CTA_TUPLE_IP, 2, 0),
	    PROTOCOL, NUMBER(IPPROTO_TCP), PORTS } },
	{ "addresses cut short inside", TUPLE, V4, -EINVAL,
	  { ORIG, CUT_NEST(1, CTA_TUPLE_IP, 4),
	    U32(2, CTA_IP_V4_SRC, 1), U32(2, CTA_IP_V4_DST, 1),
	    PROTOCOL, NUMBER(IPPROTO_TCP), PORTS } },
	{ "no protocol number", TUPLE, V4, -EINVAL,
	  { ORIG, ADDRESSES, NEST(1, CTA_TUPLE_PROTO), PORTS } },
	{ "empty protocol number", TUPLE, V4, -ERANGE,
	  { ORIG, ADDRESSES, NEST(1, CTA_TUPLE_PROTO),
	    BYTES(2, CTA_PROTO_NUM, 0, 0), PORTS } },
	{ "no source port", TUPLE, V4, -EINVAL,
	  { ORIG, ADDRESSES, PROTOCOL, NUMBER(IPPROTO_TCP),
	    U16(2, CTA_PROTO_DST_PORT, 80) } },
	{ "no destination port", TUPLE, V4, -EINVAL,
	  { ORIG, ADDRESSES, PROTOCOL, NUMBER(IPPROTO_UDP),
	    U16(2, CTA_PROTO_SRC_PORT, 80) } },
	{ "port of 1 byte", TUPLE, V4, -ERANGE,
	  { ORIG, ADDRESSES, PROTOCOL, NUMBER(IPPROTO_TCP),
	    U16(2, CTA_PROTO_SRC_PORT, 80), U8(2, CTA_PROTO_DST_PORT, 1) } },
	{ "ICMP's id of 1 byte, with ports", TUPLE, V4, 0,
	  { ORIG, ADDRESSES, PROTOCOL, NUMBER(IPPROTO_TCP), PORTS,
	    U8(2, CTA_PROTO_ICMP_ID, 1) } },
	{ "port of 1 byte, but no number", TUPLE, V4, -EINVAL,
	  { ORIG, ADDRESSES, PROTOCOL, U8(2, CTA_PROTO_DST_PORT, 1) } },
	{ "ICMP without type", TUPLE, V4, -EINVAL,
	  { ORIG, ADDRESSES, PROTOCOL, NUMBER(IPPROTO_ICMP),
	    ICMP_ID, ICMP_CODE } },
	{ "ICMP without code", TUPLE, V4, -EINVAL,
	  { ORIG, ADDRESSES, PROTOCOL, NUMBER(IPPROTO_ICMP),
	    ICMP_ID, ICMP_TYPE(8) } },
	{ "ICMP without id", TUPLE, V4, -EINVAL,
	  { ORIG, ADDRESSES, PROTOCOL, NUMBER(IPPROTO_ICMP),
	    ICMP_TYPE(8), ICMP_CODE } },
	{ "ICMP error, which is no connection", TUPLE, V4, -EINVAL,
	  { ORIG, ADDRESSES, PROTOCOL, NUMBER(IPPROTO_ICMP),
	    ICMP_ID, ICMP_TYPE(3), ICMP_CODE } },
	{ "ICMPv6 with ICMP's attributes", TUPLE, V6, -EINVAL,
	  { ORIG, ADDRESSES6, PROTOCOL, NUMBER(IPPROTO_ICMPV6),
	    ICMP_ID, ICMP_TYPE(128), ICMP_CODE } },
	{ "zone of 1 byte in the tuple", TUPLE, V4, -ERANGE,
	  { ORIG, TCP_TUPLE, U8(1, CTA_TUPLE_ZONE, 5) } },
	{ "zone in the tuple and outside", TUPLE, V4, -EINVAL,
	  { U16(0, CTA_ZONE, 1), ORIG, TCP_TUPLE,
	    U16(1, CTA_TUPLE_ZONE, 5) } },

	{ "filter by mark and mask", FILTER, 0, 0,
	  { U32(0, CTA_MARK, 1), U32(0, CTA_MARK_MASK, 0xff) } },
	{ "mask without a mark", FILTER, 0, -EINVAL,
	  { U32(0, CTA_MARK_MASK, 0xff) } },
	{ "mask without a status", FILTER, 0, -EINVAL,
	  { U32(0, CTA_STATUS_MASK, IPS_ASSURED) } },
	{ "status that compares nothing", FILTER, 0, -EINVAL,
	  { U32(0, CTA_STATUS, 0) } },
	{ "status must be without a bit", FILTER, 0, 0,
	  { U32(0, CTA_STATUS, 0), U32(0, CTA_STATUS_MASK, IPS_ASSURED) } },
	{ "empty filter", FILTER, 0, 0, { FILTERED } },
	{ "filter nest without its flag", FILTER, V4, -EINVAL,
	  { PLAIN_NEST(0, CTA_FILTER),
	    BY_ORIG(CT_F_PROTO),
	    ORIG, TCP_TUPLE } },
	{ "filter flags of 2 bytes", FILTER, V4, -EINVAL,
	  { FILTERED, U16(1, CTA_FILTER_ORIG_FLAGS, 1) } },
	{ "filter flags that do not exist", FILTER, V4, -EINVAL,
	  { FILTERED,
	    BY_ORIG(CT_F_ALL + 1) } },
	{ "filter without the tuple", FILTER, V4, -EINVAL,
	  { FILTERED,
	    BY_ORIG(CT_F_IP_SRC) } },
	{ "filter with the other direction's tuple", FILTER, V4, -EINVAL,
	  { FILTERED, BY_REPLY(CT_F_IP_SRC),
	    ORIG, ADDRESSES } },
	{ "filter by port without protocol", FILTER, V4, -EINVAL,
	  { FILTERED, BY_ORIG(CT_F_DPORT),
	    ORIG, TCP_TUPLE } },
	{ "filter by a port that is missing", FILTER, V4, -EINVAL,
	  { FILTERED,
	    BY_ORIG(CT_F_PROTO | CT_F_DPORT),
	    ORIG, ADDRESSES, PROTOCOL, NUMBER(IPPROTO_TCP) } },
	{ "filter by addresses without family", FILTER, 0, -EOPNOTSUPP,
	  { FILTERED, BY_ORIG(CT_F_IP_SRC),
	    ORIG, ADDRESSES } },
	{ "filter by a zone of each direction", FILTER, V4, -EINVAL,
	  { FILTERED, BY_ORIG(CT_F_ZONE), BY_REPLY(CT_F_ZONE),
	    ORIG, U16(1, CTA_TUPLE_ZONE, 7), REPLY, U16(1, CTA_TUPLE_ZONE, 7) } },
	{ "filter by source alone", FILTER, V4, 0,
	  { FILTERED, BY_ORIG(CT_F_IP_SRC),
	    ORIG, NEST(1, CTA_TUPLE_IP),
	    U32(2, CTA_IP_V4_SRC, 1) } },

	{ "create", CREATE, V4, 0, { U32(0, CTA_TIMEOUT, 10) } },
	{ "create without a timeout", CREATE, V4, -EINVAL,
	  { U32(0, CTA_MARK, 1) } },
	{ "create with address translation", CREATE, V4, 0,
	  { U32(0, CTA_TIMEOUT, 10), NEST(0, CTA_NAT_SRC),
	    U32(1, CTA_NAT_V4_MINIP, 1), NEST(1, CTA_NAT_PROTO),
	    U16(2, CTA_PROTONAT_PORT_MIN, 80) } },
	{ "translation to an address of 2 bytes", CREATE, V4, -ERANGE,
	  { U32(0, CTA_TIMEOUT, 10), NEST(0, CTA_NAT_SRC),
	    U16(1, CTA_NAT_V4_MINIP, 1) } },
	{ "translation to a port of 1 byte", CREATE, V4, -ERANGE,
	  { U32(0, CTA_TIMEOUT, 10), NEST(0, CTA_NAT_DST),
	    NEST(1, CTA_NAT_PROTO), U8(2, CTA_PROTONAT_PORT_MAX, 1) } },
	{ "create with labels", CREATE, V4, 0,
	  { U32(0, CTA_TIMEOUT, 10), U32(0, CTA_LABELS, 1) } },
	{ "labels of 16 bytes, half of them masked", CHANGE, V4, 0,
	  { BYTES(0, CTA_LABELS, 16, 0xff), BYTES(0, CTA_LABELS_MASK, 16, 0x55) } },
	{ "labels of no byte", CHANGE, V4, 0, { BYTES(0, CTA_LABELS, 0, 0) } },
	{ "labels of 6 bytes", CHANGE, V4, -EINVAL,
	  { BYTES(0, CTA_LABELS, 6, 1) } },
	{ "a mask shorter than the labels", CHANGE, V4, -EINVAL,
	  { BYTES(0, CTA_LABELS, 8, 1), BYTES(0, CTA_LABELS_MASK, 4, 1) } },
	{ "a mask longer than the labels", CHANGE, V4, -EINVAL,
	  { BYTES(0, CTA_LABELS, 4, 1), BYTES(0, CTA_LABELS_MASK, 8, 1) } },
	{ "a mask of no byte", CHANGE, V4, -EINVAL,
	  { BYTES(0, CTA_LABELS, 0, 0), BYTES(0, CTA_LABELS_MASK, 0, 0) } },
	{ "a mask without labels", CHANGE, V4, 0,
	  { BYTES(0, CTA_LABELS_MASK, 4, 1) } },
	{ "create with a helper", CREATE, V4, -EOPNOTSUPP,
	  { U32(0, CTA_TIMEOUT, 10), NEST(0, CTA_HELP),
	    U16(1, CTA_HELP_NAME, 0x6600) } },
	{ "change nothing", CHANGE, V4, 0, { } },
	{ "take the helper away", CHANGE, V4, 0,
	  { NEST(0, CTA_HELP), U8(1, CTA_HELP_NAME, 0) } },
	{ "helper without a name", CHANGE, V4, -EINVAL,
	  { NEST(0, CTA_HELP) } },
	{ "helper name without its end", CHANGE, V4, -EINVAL,
	  { NEST(0, CTA_HELP), BYTES(1, CTA_HELP_NAME, 5, 'f') } },
	{ "helper name of 17 bytes", CHANGE, V4, -EINVAL,
	  { NEST(0, CTA_HELP), BYTES(1, CTA_HELP_NAME, 17, 'f') } },
	{ "change the master", CHANGE, V4, -EOPNOTSUPP,
	  { NEST(0, CTA_TUPLE_MASTER), TCP_TUPLE } },
	{ "TCP state", CHANGE, V4, 0,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_TCP),
	    U8(2, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED) } },
	{ "TCP state that does not exist", CHANGE, V4, -ERANGE,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_TCP),
	    U8(2, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_MAX) } },
	{ "window scale of 15", CHANGE, V4, -ERANGE,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_TCP),
	    U8(2, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, 15) } },
	{ "TCP flags without a mask", CHANGE, V4, -ERANGE,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_TCP),
	    U8(2, CTA_PROTOINFO_TCP_FLAGS_REPLY, 1) } },
	{ "protoinfo too short for an attribute", CHANGE, V4, -ERANGE,
	  { NEST(0, CTA_PROTOINFO), BYTES(1, CTA_PROTOINFO_TCP, 3, 0) } },
#if IS_ENABLED(CONFIG_NF_CT_PROTO_DCCP)
	{ "DCCP number of 4 bytes", CHANGE, V4, -ERANGE,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_DCCP),
	    U32(2, CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, 1) }, IPPROTO_DCCP },
	{ "DCCP state of no byte", CHANGE, V4, -ERANGE,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_DCCP),
	    BYTES(2, CTA_PROTOINFO_DCCP_STATE, 0, 0) }, IPPROTO_DCCP },
#endif
	{ "protoinfo of another protocol", CHANGE, V4, 0,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_SCTP) } },
	{ "SCTP state that does not exist", CHANGE, V4, -ERANGE,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_SCTP),
	    U8(2, CTA_PROTOINFO_SCTP_STATE, SCTP_CONNTRACK_MAX) },
	  IPPROTO_SCTP },
	{ "SCTP tag of 2 bytes", CHANGE, V4, -ERANGE,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_SCTP),
	    U16(2, CTA_PROTOINFO_SCTP_VTAG_REPLY, 1) }, IPPROTO_SCTP },
	{ "wrong state of another protocol", CHANGE, V4, 0,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_TCP), BAD_TCP_STATE },
	  IPPROTO_UDP },
	{ "wrong state of another protocol, of what is new", CREATE, V4, 0,
	  { U32(0, CTA_TIMEOUT, 10), NEST(0, CTA_PROTOINFO),
	    NEST(1, CTA_PROTOINFO_SCTP) } },

	{ "bits of address translation are left alone", CHANGE, V4, 0,
	  { U32(0, CTA_STATUS, IPS_CONFIRMED | IPS_SRC_NAT) } },
	{ "not assured any more", CHANGE, V4, -EBUSY,
	  { U32(0, CTA_STATUS, IPS_CONFIRMED) }, .status = IPS_ASSURED },
	{ "not confirmed", CHANGE, V4, -EBUSY, { U32(0, CTA_STATUS, 0) } },
	{ "dying", CHANGE, V4, -EBUSY,
	  { U32(0, CTA_STATUS, IPS_CONFIRMED | IPS_DYING) } },
	{ "expected, by its status", CREATE, V4, -EBUSY,
	  { U32(0, CTA_TIMEOUT, 10),
	    U32(0, CTA_STATUS, IPS_CONFIRMED | IPS_EXPECTED) } },
	{ "timeout, but fixed", CHANGE, V4, -EPERM,
	  { U32(0, CTA_TIMEOUT, 1) }, .status = IPS_FIXED_TIMEOUT },
	{ "helper of what was expected", CHANGE, V4, -EBUSY,
	  { NEST(0, CTA_HELP), U8(1, CTA_HELP_NAME, 0) },
	  .status = IPS_EXPECTED },

	/* The first of two things that are wrong. */
	{ "helper before a fixed timeout", CHANGE, V4, -EOPNOTSUPP,
	  { U32(0, CTA_TIMEOUT, 1), NEST(0, CTA_HELP),
	    U16(1, CTA_HELP_NAME, 0x6600) }, .status = IPS_FIXED_TIMEOUT },
	{ "fixed timeout before the status", CHANGE, V4, -EPERM,
	  { U32(0, CTA_STATUS, 0), U32(0, CTA_TIMEOUT, 1) },
	  .status = IPS_FIXED_TIMEOUT },
	{ "status before the protocol's state", CHANGE, V4, -EBUSY,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_TCP), BAD_TCP_STATE,
	    U32(0, CTA_STATUS, 0) } },
	{ "the protocol's state before labels", CHANGE, V4, -ERANGE,
	  { NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_TCP), BAD_TCP_STATE,
	    BYTES(0, CTA_LABELS, 6, 1) } },
	{ "address translation before all", CHANGE, V4, -EOPNOTSUPP,
	  { U32(0, CTA_STATUS, 0), U32(0, CTA_TIMEOUT, 1),
	    NEST(0, CTA_NAT_DST) }, .status = IPS_FIXED_TIMEOUT },
	{ "no timeout before the helper", CREATE, V4, -EINVAL,
	  { NEST(0, CTA_HELP), U16(1, CTA_HELP_NAME, 0x6600) } },
	{ "address translation before the status", CREATE, V4, -ERANGE,
	  { U32(0, CTA_TIMEOUT, 1), U32(0, CTA_STATUS, 0),
	    NEST(0, CTA_NAT_DST), U16(1, CTA_NAT_V4_MINIP, 1) } },
	{ "status before adjustment of numbers", CREATE, V4, -EBUSY,
	  { U32(0, CTA_TIMEOUT, 1), U32(0, CTA_STATUS, 0),
	    NEST(0, CTA_SEQ_ADJ_ORIG) } },
};

static void request_desc(const struct request_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(request, request_cases, request_desc);

static void free_skb(struct kunit_resource *res)
{
	kfree_skb(res->data);
}

static struct sk_buff *new_message(struct kunit *test, unsigned int size)
{
	struct sk_buff *skb = alloc_skb(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
	kunit_alloc_resource(test, NULL, free_skb, GFP_KERNEL, skb);
	return skb;
}

/* Numbers are in network order; filter flags, alone, in the host's. */
static void put_value(struct kunit *test, struct sk_buff *skb,
		      const struct piece *p, bool host)
{
	u8 bytes[32];

	memset(bytes, p->value, sizeof(bytes));
	if (p->len == 2)
		*(__be16 *)bytes = htons(p->value);
	if (p->len == 4)
		*(__be32 *)bytes = host ? (__force __be32)p->value :
					  htonl(p->value);
	KUNIT_ASSERT_EQ(test, 0, nla_put(skb, p->type, p->len, bytes));
}

/* All pieces, those of lists in their place, and an empty one. */
static struct piece *unfold(const struct piece *p, const struct piece *end,
			    struct piece *to)
{
	for (; p != end && (p->type || p->list); p++) {
		if (p->list)
			to = unfold(p->list, NULL, to);
		else
			*to++ = *p;
	}
	*to = (struct piece){ };
	return to;
}

static void build(struct kunit *test, struct sk_buff *skb,
		  const struct piece *pieces, unsigned int n)
{
	struct piece *p = kunit_kcalloc(test, 40, sizeof(*p), GFP_KERNEL);
	const struct piece *open[4];
	struct nlattr *nest[4];
	unsigned int depth = 0;

	KUNIT_ASSERT_NOT_NULL(test, p);
	unfold(pieces, pieces + n, p);
	for (;; p++) {
		bool end = !p->type;

		while (depth > (end ? 0 : p->depth)) {
			depth--;
			nla_nest_end(skb, nest[depth]);
			nest[depth]->nla_len -= open[depth]->len;
			skb_trim(skb, skb->len - open[depth]->len);
		}
		if (end)
			return;
		KUNIT_ASSERT_EQ(test, depth, p->depth);
		if (!p->nest) {
			put_value(test, skb, p, depth == 1 &&
				  open[0]->type == CTA_FILTER);
			continue;
		}
		open[depth] = p;
		nest[depth] = p->plain ? nla_nest_start_noflag(skb, p->type) :
					 nla_nest_start(skb, p->type);
		KUNIT_ASSERT_NOT_NULL(test, nest[depth]);
		depth++;
	}
}

static int parse_tuple(const struct nlattr * const cda[], u8 family,
		       struct netlink_ext_ack *extack)
{
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;

	return ct_nl_parse_zone(cda[CTA_ZONE], &zone, extack) ?:
	       ct_nl_parse_tuple(cda[CTA_TUPLE_ORIG], family,
				 IP_CT_DIR_ORIGINAL, CT_F_ALL, &tuple, &zone,
				 extack);
}

static int parse_request(const struct request_case *c,
			 const struct nlattr * const cda[],
			 struct netlink_ext_ack *extack)
{
	const struct ct_nl_target target = {
		.request = c->target == CREATE ? CT_NL_CREATE : CT_NL_UPDATE,
		.l3 = c->family,
		.l4 = c->l4 ?: IPPROTO_TCP,
		.status = c->status | IPS_CONFIRMED,
	};
	struct ct_nl_change change;
	struct ct_nl_filter filter;

	switch (c->target) {
	case TUPLE:
		return parse_tuple(cda, c->family, extack);
	case FILTER:
		return ct_nl_filter_parse(cda, c->family, &filter, extack);
	case CREATE:
	case CHANGE:
		return ct_nl_parse_change(cda, &target, &change, extack);
	default:
		return 0;
	}
}

static void test_request(struct kunit *test)
{
	const struct request_case *c = test->param_value;
	struct netlink_ext_ack extack = {};
	struct nlattr *cda[CTA_MAX + 1];
	struct sk_buff *skb = new_message(test, 1024);
	const u8 *bad;
	int err;

	build(test, skb, c->pieces, ARRAY_SIZE(c->pieces));
	err = nla_parse_deprecated(cda, CTA_MAX, (struct nlattr *)skb->data,
				   skb->len, ct_nl_policy, &extack);
	if (c->target != POLICY) {
		KUNIT_ASSERT_EQ(test, 0, err);
		err = parse_request(c, (const struct nlattr * const *)cda,
				    &extack);
	}
	KUNIT_EXPECT_EQ(test, c->expect, err);
	KUNIT_EXPECT_EQ(test, !!err, !!extack._msg);
	if (!err)
		return;
	/* It names an attribute of the request, or one that is not there. */
	bad = (const u8 *)extack.bad_attr;
	KUNIT_EXPECT_TRUE(test, bad || extack.miss_type);
	if (bad) {
		KUNIT_EXPECT_TRUE(test, bad >= skb->data &&
				  bad < skb_tail_pointer(skb));
	}
}

/* An entry that is in no table. */
static struct ct_entry *test_entry(struct kunit *test, u8 l3, u8 l4)
{
	struct ct_net *cn = kunit_kzalloc(test, sizeof(*cn), GFP_KERNEL);
	struct ct_entry *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);
	struct nf_conntrack_tuple *t;

	KUNIT_ASSERT_NOT_NULL(test, cn);
	KUNIT_ASSERT_NOT_NULL(test, e);
	e->cn = cn;
	spin_lock_init(&e->lock);
	refcount_set(&e->ct_general.use, 1);
	e->status = IPS_CONFIRMED;
	atomic_set(&e->hot, IPS_CONFIRMED);
	e->expires = (u32)jiffies + 100 * HZ + HZ / 2;
#ifdef CONFIG_NF_CONNTRACK_ZONES
	e->zone.dir = NF_CT_DEFAULT_ZONE_DIR;
#endif
	t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	t->src.l3num = l3;
	t->dst.protonum = l4;
	memset(&t->src.u3, 0xa, l3 == V4 ? 4 : 16);
	memset(&t->dst.u3, 0xb, l3 == V4 ? 4 : 16);
	t->src.u.all = htons(1000);
	t->dst.u.all = htons(80);
	if (l4 == IPPROTO_ICMP || l4 == IPPROTO_ICMPV6) {
		t->dst.u.icmp.type = l4 == IPPROTO_ICMP ? 8 : 128;
		t->dst.u.icmp.code = 0;
	} else if (l4 != IPPROTO_TCP && l4 != IPPROTO_UDP) {
		t->src.u.all = 0;
		t->dst.u.all = 0;
	}
	KUNIT_ASSERT_TRUE(test,
			  ct_tuple_invert(&e->dir[IP_CT_DIR_REPLY].tuple, t));
	return e;
}

/* Which entries a filter lets through: one of TCP over IPv4, and others. */
struct match_case {
	const char *name;
	u8 family;
	bool expect;
	u32 status;
	u32 mark;
	u16 zone[IP_CT_DIR_MAX];
	u8 l4;
	struct piece pieces[14];
};

static const struct match_case match_cases[] = {
	{ "family", V4, true },
	{ "other family", V6, false },
	{ "mark", .mark = 0x12, .expect = true,
	  .pieces = { U32(0, CTA_MARK, 0x12) } },
	{ "other mark", .mark = 0x13, .pieces = { U32(0, CTA_MARK, 0x12) } },
	{ "mark 0 is a mark", .mark = 1, .pieces = { U32(0, CTA_MARK, 0) } },
	{ "masked mark", .mark = 0xf2, .expect = true,
	  .pieces = { U32(0, CTA_MARK, 2), U32(0, CTA_MARK_MASK, 0xf) } },
	{ "status", .status = IPS_ASSURED, .expect = true,
	  .pieces = { U32(0, CTA_STATUS, IPS_ASSURED) } },
	{ "status lacks a bit", .status = IPS_SEEN_REPLY,
	  .pieces = { U32(0, CTA_STATUS, IPS_ASSURED | IPS_SEEN_REPLY) } },
	{ "status without a bit", .status = IPS_SEEN_REPLY, .expect = true,
	  .pieces = { U32(0, CTA_STATUS, 0),
		      U32(0, CTA_STATUS_MASK, IPS_ASSURED) } },
	{ "zone of one direction", .zone = { 0, 7 }, .expect = true,
	  .pieces = { U16(0, CTA_ZONE, 7) } },
	{ "other zone", .zone = { 8, 8 }, .pieces = { U16(0, CTA_ZONE, 7) } },
	{ "zone of one direction is not zone 0", .zone = { 7, 0 },
	  .pieces = { U16(0, CTA_ZONE, 0) } },
	{ "no zone is zone 0", .expect = true,
	  .pieces = { U16(0, CTA_ZONE, 0) } },
	{ "zone 0 is a zone", .zone = { 8, 8 },
	  .pieces = { U16(0, CTA_ZONE, 0) } },
	{ "source", V4, true,
	  .pieces = { FILTERED, BY_ORIG(CT_F_IP_SRC), ORIG,
		      NEST(1, CTA_TUPLE_IP),
		      U32(2, CTA_IP_V4_SRC, 0x0a0a0a0a) } },
	{ "other source", V4, false,
	  .pieces = { FILTERED, BY_ORIG(CT_F_IP_SRC), ORIG,
		      NEST(1, CTA_TUPLE_IP),
		      U32(2, CTA_IP_V4_SRC, 0x0a0a0a0b) } },
	{ "destination", V4, true,
	  .pieces = { FILTERED, BY_ORIG(CT_F_IP_DST), ORIG,
		      NEST(1, CTA_TUPLE_IP),
		      U32(2, CTA_IP_V4_DST, 0x0b0b0b0b) } },
	{ "source of the reply", V4, true,
	  .pieces = { FILTERED, BY_REPLY(CT_F_IP_SRC), REPLY,
		      NEST(1, CTA_TUPLE_IP),
		      U32(2, CTA_IP_V4_SRC, 0x0b0b0b0b) } },
	{ "protocol", V4, true,
	  .pieces = { FILTERED, BY_ORIG(CT_F_PROTO), ORIG,
		      PROTOCOL, NUMBER(IPPROTO_TCP) } },
	{ "other protocol", V4, false,
	  .pieces = { FILTERED, BY_ORIG(CT_F_PROTO), ORIG,
		      PROTOCOL, NUMBER(IPPROTO_UDP) } },
	{ "port", V4, true,
	  .pieces = { FILTERED, BY_ORIG(CT_F_PROTO | CT_F_DPORT), ORIG,
		      PROTOCOL, NUMBER(IPPROTO_TCP),
		      U16(2, CTA_PROTO_DST_PORT, 80) } },
	{ "other port", V4, false,
	  .pieces = { FILTERED, BY_ORIG(CT_F_PROTO | CT_F_DPORT), ORIG,
		      PROTOCOL, NUMBER(IPPROTO_TCP),
		      U16(2, CTA_PROTO_DST_PORT, 81) } },
	{ "ICMP type", V4, true, .l4 = IPPROTO_ICMP,
	  .pieces = { FILTERED, BY_ORIG(CT_F_PROTO | CT_F_ICMP_TYPE), ORIG,
		      PROTOCOL, NUMBER(IPPROTO_ICMP),
		      ICMP_TYPE(8) } },
	{ "other ICMP type", V4, false, .l4 = IPPROTO_ICMP,
	  .pieces = { FILTERED, BY_ORIG(CT_F_PROTO | CT_F_ICMP_TYPE), ORIG,
		      PROTOCOL, NUMBER(IPPROTO_ICMP),
		      ICMP_TYPE(13) } },
	{ "other ICMP id", V4, false, .l4 = IPPROTO_ICMP,
	  .pieces = { FILTERED, BY_ORIG(CT_F_PROTO | CT_F_ICMP_ID), ORIG,
		      PROTOCOL, NUMBER(IPPROTO_ICMP),
		      U16(2, CTA_PROTO_ICMP_ID, 1) } },
	{ "zone in the tuple", V4, true, .zone = { 7, 0 },
	  .pieces = { FILTERED, BY_ORIG(CT_F_ZONE), ORIG,
		      U16(1, CTA_TUPLE_ZONE, 7) } },
	{ "zone in the tuple, of the other direction", V4, false,
	  .zone = { 0, 7 },
	  .pieces = { FILTERED, BY_ORIG(CT_F_ZONE), ORIG,
		      U16(1, CTA_TUPLE_ZONE, 7) } },
};

static void match_desc(const struct match_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(match, match_cases, match_desc);

static void test_match(struct kunit *test)
{
	const struct match_case *c = test->param_value;
	struct ct_entry *e = test_entry(test, V4, c->l4 ?: IPPROTO_TCP);
	struct sk_buff *skb = new_message(test, 1024);
	const struct nlattr * const *attrs;
	struct nlattr *cda[CTA_MAX + 1];
	struct ct_nl_filter filter;

	attrs = (const struct nlattr * const *)cda;
	e->status |= c->status;
	ct_entry_mark_set(e, c->mark);
	memcpy(e->zone_id, c->zone, sizeof(c->zone));
	build(test, skb, c->pieces, ARRAY_SIZE(c->pieces));
	KUNIT_ASSERT_EQ(test, 0,
			nla_parse_deprecated(cda, CTA_MAX,
					     (struct nlattr *)skb->data,
					     skb->len, ct_nl_policy, NULL));
	KUNIT_EXPECT_TRUE(test, ct_nl_filter_wanted(attrs, c->family));
	KUNIT_ASSERT_EQ(test, 0, ct_nl_filter_parse(attrs, c->family, &filter,
						    NULL));
	KUNIT_EXPECT_EQ(test, c->expect, ct_nl_filter_match(&filter, e));
}

/* The attributes of a message, in the order that user space has seen ever
 * since: the types of its first level.
 */
struct fill_case {
	const char *name;
	u8 l3;
	u8 l4;
	u32 events;	/* 0: as in a dump */
	const u8 *head;
	u8 tail[6];
	bool acct;
	bool start;
	bool labels;
	u16 zone[IP_CT_DIR_MAX];
};

static const u8 dump_head[] = {
	CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_MARK, CTA_ID, CTA_USE,
	CTA_TIMEOUT, 0
};

static const u8 zone_head[] = {
	CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_ZONE, CTA_STATUS, CTA_MARK, CTA_ID,
	CTA_USE, CTA_TIMEOUT, 0
};

static const u8 event_head[] = {
	CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_ID, CTA_STATUS, CTA_TIMEOUT, 0
};

static const struct fill_case fill_cases[] = {
	{ "dump, TCP", V4, IPPROTO_TCP, 0, dump_head, { CTA_PROTOINFO } },
	{ "dump, UDP over IPv6", V6, IPPROTO_UDP, 0, dump_head },
	{ "dump, ICMP", V4, IPPROTO_ICMP, 0, dump_head },
	{ "dump, ICMPv6", V6, IPPROTO_ICMPV6, 0, dump_head },
	{ "dump, OSPF", V4, 89, 0, dump_head },
	{ "dump, all there is", V6, IPPROTO_TCP, 0, dump_head,
	  { CTA_PROTOINFO, CTA_COUNTERS_ORIG, CTA_COUNTERS_REPLY,
	    CTA_TIMESTAMP, CTA_LABELS },
	  .acct = true, .start = true, .labels = true },
	{ "dump, zone", V4, IPPROTO_UDP, 0, zone_head, .zone = { 3, 3 } },
	{ "NEW, TCP", V4, IPPROTO_TCP, BIT(IPCT_NEW), event_head,
	  { CTA_PROTOINFO }, .acct = true },
	{ "NEW, UDP", V4, IPPROTO_UDP, BIT(IPCT_NEW), event_head,
	  .start = true },
	{ "UPDATE of the state", V4, IPPROTO_TCP, BIT(IPCT_PROTOINFO),
	  event_head, { CTA_PROTOINFO } },
	{ "UPDATE of anything else", V4, IPPROTO_TCP, BIT(IPCT_REPLY),
	  event_head },
	{ "UPDATE of the mark to 0", V4, IPPROTO_TCP, BIT(IPCT_MARK),
	  event_head, { CTA_MARK } },
	{ "NEW with labels", V4, IPPROTO_TCP, BIT(IPCT_NEW), event_head,
	  { CTA_PROTOINFO, CTA_LABELS }, .labels = true },
	{ "UPDATE of the labels", V4, IPPROTO_UDP, BIT(IPCT_LABEL), event_head,
	  { CTA_LABELS }, .labels = true },
	{ "UPDATE of labels that are all gone", V4, IPPROTO_UDP,
	  BIT(IPCT_LABEL), event_head },
	{ "UPDATE of the mark, with labels", V4, IPPROTO_UDP, BIT(IPCT_MARK),
	  event_head, { CTA_MARK }, .labels = true },
	{ "DESTROY before its time", V4, IPPROTO_TCP, BIT(IPCT_DESTROY),
	  event_head,
	  { CTA_COUNTERS_ORIG, CTA_COUNTERS_REPLY, CTA_TIMESTAMP,
	    CTA_PROTOINFO },
	  .acct = true, .start = true, .labels = true },
};

static void fill_desc(const struct fill_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(fill, fill_cases, fill_desc);

/* What the entry of fill_entry() was given. */
static void netlink_exit(struct kunit *test)
{
	struct ct_entry *e = test->priv;

	if (e)
		kfree(e->ext);
}

static struct ct_entry *fill_entry(struct kunit *test,
				   const struct fill_case *c)
{
	struct ct_entry *e = test_entry(test, c->l3, c->l4);

	test->priv = e;
	e->cn->acct = c->acct;
	if (c->start)
		ct_entry_rare_add(e, GFP_KERNEL)->start = 1;
	if (c->labels)
		ct_entry_rare_add(e, GFP_KERNEL)->labels[3] = 1;
	memcpy(e->zone_id, c->zone, sizeof(c->zone));
	e->proto.tcp.state = TCP_CONNTRACK_ESTABLISHED;
	atomic64_set(&e->dir[IP_CT_DIR_ORIGINAL].packets, 3);
	atomic64_set(&e->dir[IP_CT_DIR_ORIGINAL].bytes, 300);
	return e;
}

static int fill(const struct fill_case *c, struct sk_buff *skb,
		struct ct_entry *e, bool zero)
{
	const struct ct_nl_reply reply = {
		.portid = 1,
		.flags = NLM_F_MULTI,
		.zero_counters = zero,
	};

	if (c->events)
		return ct_nl_fill_event(skb, e, c->events, 0);
	return ct_nl_fill_entry(skb, e, &reply);
}

static void test_fill(struct kunit *test)
{
	const struct fill_case *c = test->param_value;
	struct ct_entry *e = fill_entry(test, c);
	struct sk_buff *skb = new_message(test, 2048);
	const u8 *want = c->head;
	struct nlmsghdr *nlh;
	struct nlattr *attr;
	bool in_tail = false;
	int left;

	KUNIT_ASSERT_EQ(test, 0, fill(c, skb, e, false));
	nlh = (struct nlmsghdr *)skb->data;
	KUNIT_EXPECT_EQ(test, nlh->nlmsg_len, skb->len);
	KUNIT_EXPECT_EQ(test, nlh->nlmsg_type,
			ct_nl_type(c->events & BIT(IPCT_DESTROY) ?
				   IPCTNL_MSG_CT_DELETE : IPCTNL_MSG_CT_NEW));
	nlmsg_for_each_attr(attr, nlh, sizeof(struct nfgenmsg), left) {
		KUNIT_EXPECT_EQ(test, *want, nla_type(attr));
		if (*want)
			want++;
		if (!*want && !in_tail) {
			want = c->tail;
			in_tail = true;
		}
	}
	KUNIT_EXPECT_EQ(test, 0, left);
	KUNIT_EXPECT_EQ(test, 0, *want);
}

/* In every size of message that is too small nothing is left behind, and no
 * counter is lost.
 */
static void test_fill_short(struct kunit *test)
{
	const struct fill_case *c = test->param_value;
	struct ct_entry *e = fill_entry(test, c);
	struct sk_buff *skb = new_message(test, 2048);
	unsigned int need, room;

	KUNIT_ASSERT_EQ(test, 0, fill(c, skb, e, false));
	need = skb->len;
	/* By 8 bytes: where 64-bit attributes are aligned, all stay where
	 * they were.
	 */
	for (room = round_down(need - 1, 8); room; room -= 8) {
		unsigned int len;

		skb_trim(skb, 0);
		len = skb_tailroom(skb) - room;
		skb_put(skb, len);
		KUNIT_EXPECT_EQ(test, -EMSGSIZE, fill(c, skb, e, true));
		KUNIT_ASSERT_EQ(test, len, skb->len);
	}
	KUNIT_EXPECT_EQ(test, 3,
			atomic64_read(&e->dir[IP_CT_DIR_ORIGINAL].packets));
}

/* What is written is read back as the same tuple, whatever the protocol. */
static void test_round_trip(struct kunit *test)
{
	const struct fill_case *c = test->param_value;
	struct ct_entry *e = fill_entry(test, c);
	struct sk_buff *skb = new_message(test, 2048);
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
	struct nlattr *cda[CTA_MAX + 1];
	unsigned int dir;

	KUNIT_ASSERT_EQ(test, 0, fill(c, skb, e, false));
	KUNIT_ASSERT_EQ(test, 0,
			nlmsg_parse_deprecated((struct nlmsghdr *)skb->data,
					       sizeof(struct nfgenmsg), cda,
					       CTA_MAX, ct_nl_policy, NULL));
	KUNIT_ASSERT_EQ(test, 0,
			ct_nl_parse_zone(cda[CTA_ZONE], &zone, NULL));
	KUNIT_EXPECT_EQ(test, c->zone[0], zone.id);
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		KUNIT_ASSERT_EQ(test, 0,
				ct_nl_parse_tuple(cda[CTA_TUPLE_ORIG + dir],
						  c->l3, dir, CT_F_ALL, &tuple,
						  &zone, NULL));
		KUNIT_EXPECT_TRUE(test, ct_tuple_equal(&tuple,
						       &e->dir[dir].tuple));
		KUNIT_EXPECT_EQ(test, dir, tuple.dst.dir);
	}
}

/* Counters that are told and zeroed: what came meanwhile stays. */
static void test_zero_counters(struct kunit *test)
{
	const struct fill_case c = { "", V4, IPPROTO_UDP, .acct = true };
	struct ct_entry *e = fill_entry(test, &c);
	struct ct_dir *d = &e->dir[IP_CT_DIR_ORIGINAL];
	struct sk_buff *skb = new_message(test, 2048);

	KUNIT_ASSERT_EQ(test, 0, fill(&c, skb, e, true));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&d->packets));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&d->bytes));
}

/* What becomes of an entry that is changed. */
struct change_case {
	const char *name;
	u32 before;
	struct ct_nl_change change;
	u32 after;
	u32 mark;
	u8 tcp_state;
};

#define SAME	.tcp_state = TCP_CONNTRACK_SYN_SENT

static const struct change_case change_cases[] = {
	{ "nothing", 0, { }, 0, 0xf0, SAME },
	{ "assured", IPS_SEEN_REPLY,
	  { .has_status = true,
	    .status = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED },
	  IPS_SEEN_REPLY | IPS_ASSURED, 0xf0, SAME },
	{ "bits of address translation", 0,
	  { .has_status = true, .status = IPS_CONFIRMED | IPS_SRC_NAT },
	  0, 0xf0, SAME },
	{ "mark", 0, { .has_mark = true, .mark = 5 }, 0, 5, SAME },
	{ "part of the mark", 0,
	  { .has_mark = true, .mark = 5, .mark_mask = ~0xfU },
	  0, 0xf5, SAME },
	{ "TCP state", 0,
	  { .has_tcp = true, .has_tcp_state = true,
	    .tcp_state = TCP_CONNTRACK_ESTABLISHED },
	  0, 0xf0, TCP_CONNTRACK_ESTABLISHED },
};

static void change_desc(const struct change_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(change, change_cases, change_desc);

static void test_change(struct kunit *test)
{
	const struct change_case *c = test->param_value;
	struct ct_entry *e = test_entry(test, V4, IPPROTO_TCP);
	struct netlink_ext_ack extack = {};

	e->status |= c->before;
	atomic_or(c->before, &e->hot);
	ct_entry_mark_set(e, 0xf0);
	e->proto.tcp.state = TCP_CONNTRACK_SYN_SENT;
	KUNIT_EXPECT_EQ(test, 0, ct_nl_change(e, &c->change, &extack));
	KUNIT_EXPECT_EQ(test, c->after | IPS_CONFIRMED, e->status);
	KUNIT_EXPECT_EQ(test, c->mark, ct_entry_mark(e));
	KUNIT_EXPECT_EQ(test, c->tcp_state, e->proto.tcp.state);
}

/*
 * Labels to a connection that has 0xf0 in each of the first two words: bytes of
 * them and of a mask, and what the words are afterwards.
 */
struct labels_case {
	const char *name;
	struct piece pieces[3];
	u32 after[CT_LABELS_WORDS];
};

static const struct labels_case labels_cases[] = {
	{ "all words", { BYTES(0, CTA_LABELS, 16, 1) },
	  { 0x01010101, 0x01010101, 0x01010101, 0x01010101 } },
	{ "one word, the others are cleared",
	  { U32(0, CTA_LABELS, 0x01010101) },
	  { 0x01010101 } },
	{ "none", { BYTES(0, CTA_LABELS, 0, 0) } },
	{ "some are added",
	  { BYTES(0, CTA_LABELS, 16, 1), BYTES(0, CTA_LABELS_MASK, 16, 1) },
	  { 0x010101f1, 0x010101f1, 0x01010101, 0x01010101 } },
	{ "some are taken away",
	  { BYTES(0, CTA_LABELS, 16, 0), BYTES(0, CTA_LABELS_MASK, 16, 0x30) },
	  { 0xc0, 0xc0 } },
	{ "some are turned, for they are not masked",
	  { BYTES(0, CTA_LABELS, 16, 0x18), BYTES(0, CTA_LABELS_MASK, 16, 0) },
	  { 0x181818e8, 0x181818e8, 0x18181818, 0x18181818 } },
	{ "one word is masked, the others are cleared all the same",
	  { U32(0, CTA_LABELS, 0x01010101),
	    U32(0, CTA_LABELS_MASK, 0x01010101) },
	  { 0x010101f1 } },
};

static void labels_desc(const struct labels_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(labels, labels_cases, labels_desc);

static void test_labels(struct kunit *test)
{
	static const u32 before[CT_LABELS_WORDS] = { 0xf0, 0xf0 };
	const struct labels_case *c = test->param_value;
	struct ct_entry *e = test_entry(test, V4, IPPROTO_UDP);
	struct sk_buff *skb = new_message(test, 1024);
	struct nlattr *cda[CTA_MAX + 1];
	struct ct_nl_change change = {};
	u32 labels[CT_LABELS_WORDS];
	unsigned int i;

	build(test, skb, c->pieces, ARRAY_SIZE(c->pieces));
	KUNIT_ASSERT_EQ(test, 0,
			nla_parse_deprecated(cda, CTA_MAX,
					     (struct nlattr *)skb->data,
					     skb->len, ct_nl_policy, NULL));
	KUNIT_ASSERT_EQ(test, 0,
			ct_nl_parse_labels((const struct nlattr * const *)cda,
					   &change, NULL));
	KUNIT_ASSERT_EQ(test, 1, ct_labels_change(e, before, before));
	KUNIT_EXPECT_EQ(test, 0, ct_nl_change(e, &change, NULL));
	ct_labels_get(e, labels);
	for (i = 0; i < CT_LABELS_WORDS; i++)
		KUNIT_EXPECT_EQ(test, labels[i], c->after[i]);
	kfree(e->ext);
}

/* SCTP's state and tags, all or not all of them, to a connection. */
struct sctp_case {
	const char *name;
	u8 l4;
	u8 missing;
	int expect;
	struct piece pieces[5];
};

#define SCTP_STATE	U8(2, CTA_PROTOINFO_SCTP_STATE, SCTP_CONNTRACK_ESTABLISHED)
#define SCTP_TO_SERVER	U32(2, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, 0x11)
#define SCTP_TO_CLIENT	U32(2, CTA_PROTOINFO_SCTP_VTAG_REPLY, 0x22)
#define SCTP_INFO	LIST(sctp_info)

static const struct piece sctp_info[] = {
	NEST(0, CTA_PROTOINFO), NEST(1, CTA_PROTOINFO_SCTP), { }
};

static const struct sctp_case sctp_cases[] = {
	{ "all", IPPROTO_SCTP, .pieces = {
		SCTP_INFO, SCTP_STATE, SCTP_TO_SERVER, SCTP_TO_CLIENT } },
	{ "no state", IPPROTO_SCTP, CTA_PROTOINFO_SCTP_STATE, -EINVAL, {
		SCTP_INFO, SCTP_TO_SERVER, SCTP_TO_CLIENT } },
	{ "no tag to the server", IPPROTO_SCTP,
	  CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, -EINVAL, {
		SCTP_INFO, SCTP_STATE, SCTP_TO_CLIENT } },
	{ "no tag to the client", IPPROTO_SCTP,
	  CTA_PROTOINFO_SCTP_VTAG_REPLY, -EINVAL, {
		SCTP_INFO, SCTP_STATE, SCTP_TO_SERVER } },
	{ "nothing", IPPROTO_SCTP, CTA_PROTOINFO_SCTP_STATE, -EINVAL, {
		SCTP_INFO } },
	{ "all, to UDP", IPPROTO_UDP, .pieces = {
		SCTP_INFO, SCTP_STATE, SCTP_TO_SERVER, SCTP_TO_CLIENT } },
	{ "not all, to UDP", IPPROTO_UDP, .pieces = {
		SCTP_INFO, SCTP_STATE } },
};

static void sctp_desc(const struct sctp_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(sctp, sctp_cases, sctp_desc);

static void test_sctp(struct kunit *test)
{
	const struct sctp_case *c = test->param_value;
	const bool set = c->l4 == IPPROTO_SCTP && !c->expect;
	struct ct_entry *e = test_entry(test, V4, c->l4);
	struct sk_buff *skb = new_message(test, 1024);
	struct netlink_ext_ack extack = {};
	const struct ct_nl_target target = {
		.request = CT_NL_UPDATE,
		.l4 = c->l4,
		.status = IPS_CONFIRMED,
	};
	struct ct_nl_change change;
	struct nlattr *cda[CTA_MAX + 1];
	const struct nlattr *nest;

	e->proto.sctp = (struct ct_sctp){
		.state = SCTP_CONNTRACK_COOKIE_WAIT,
		.init = BIT(IP_CT_DIR_ORIGINAL),
		.offered = BIT(IP_CT_DIR_REPLY),
	};
	build(test, skb, c->pieces, ARRAY_SIZE(c->pieces));
	KUNIT_ASSERT_EQ(test, 0,
			nla_parse_deprecated(cda, CTA_MAX,
					     (struct nlattr *)skb->data,
					     skb->len, ct_nl_policy, NULL));
	KUNIT_ASSERT_EQ(test, c->expect,
			ct_nl_parse_change((const struct nlattr * const *)cda,
					   &target, &change, &extack));
	if (!c->expect)
		KUNIT_EXPECT_EQ(test, 0, ct_nl_change(e, &change, &extack));

	nest = c->expect ? nla_data(cda[CTA_PROTOINFO]) : NULL;
	KUNIT_EXPECT_EQ(test, !!c->expect, !!extack._msg);
	KUNIT_EXPECT_PTR_EQ(test, nest, extack.bad_attr);
	KUNIT_EXPECT_PTR_EQ(test, nest, extack.miss_nest);
	KUNIT_EXPECT_EQ(test, (u32)c->missing, extack.miss_type);

	KUNIT_EXPECT_EQ(test, (int)e->proto.sctp.state,
			set ? SCTP_CONNTRACK_ESTABLISHED :
			      SCTP_CONNTRACK_COOKIE_WAIT);
	KUNIT_EXPECT_EQ(test, (int)!e->proto.sctp.init, set);
	KUNIT_EXPECT_EQ(test, (int)!e->proto.sctp.offered, set);
	KUNIT_EXPECT_EQ(test, ntohl(e->vtag[IP_CT_DIR_ORIGINAL]),
			set ? 0x11U : 0U);
	KUNIT_EXPECT_EQ(test, ntohl(e->vtag[IP_CT_DIR_REPLY]),
			set ? 0x22U : 0U);
}

/* Seconds that are asked for, and what becomes of them. */
static void test_timeout(struct kunit *test)
{
	static const struct {
		u32 seconds, jiffies;
	} cases[] = {
		{ 0, 0 }, { 1, HZ }, { CT_LONGEST / HZ, CT_LONGEST / HZ * HZ },
		{ CT_LONGEST / HZ + 1, CT_LONGEST }, { U32_MAX, CT_LONGEST },
	};
	static const enum ct_nl_request requests[] = {
		CT_NL_CREATE, CT_NL_UPDATE, CT_NL_VERDICT,
	};
	struct nlattr *cda[CTA_MAX + 1] = {};
	struct ct_nl_target target = {};
	struct ct_nl_change change;
	struct sk_buff *skb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(requests); i++) {
		const u32 seconds = cases[i % ARRAY_SIZE(cases)].seconds;

		target.request = requests[i / ARRAY_SIZE(cases)];
		skb = new_message(test, 64);
		nla_put_be32(skb, CTA_TIMEOUT, htonl(seconds));
		cda[CTA_TIMEOUT] = (struct nlattr *)skb->data;
		KUNIT_EXPECT_EQ(test, 0,
				ct_nl_parse_change((const struct nlattr * const *)cda,
						   &target, &change, NULL));
		KUNIT_EXPECT_EQ(test, change.timeout,
				cases[i % ARRAY_SIZE(cases)].jiffies);
	}
}

/* The family that a program has left out, by the addresses. */
struct family_case {
	const char *name;
	u8 given, expect;
	struct piece pieces[6];
};

static const struct family_case family_cases[] = {
	{ "given", V6, V6, { ORIG, ADDRESSES } },
	{ "IPv4", 0, V4, { ORIG, ADDRESSES } },
	{ "IPv6", 0, V6, { ORIG, ADDRESSES6 } },
	{ "both", 0, 0, { ORIG, ADDRESSES, BYTES(2, CTA_IP_V6_SRC, 16, 1) } },
	{ "no addresses", 0, 0, { ORIG, PROTOCOL, NUMBER(IPPROTO_TCP) } },
	{ "no source", 0, 0, { ORIG, NEST(1, CTA_TUPLE_IP),
			       U32(2, CTA_IP_V4_DST, 1) } },
	{ "addresses cut short", 0, 0, { ORIG, BYTES(1, CTA_TUPLE_IP, 3, 1) } },
	{ "nothing", 0, 0, { ORIG } },
};

static void family_desc(const struct family_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(family, family_cases, family_desc);

static void test_family(struct kunit *test)
{
	const struct family_case *c = test->param_value;
	struct sk_buff *skb = new_message(test, 256);

	build(test, skb, c->pieces, ARRAY_SIZE(c->pieces));
	KUNIT_EXPECT_EQ(test, c->expect,
			ct_nl_family((struct nlattr *)skb->data, c->given));
	KUNIT_EXPECT_EQ(test, c->given, ct_nl_family(NULL, c->given));
}

static struct kunit_case netlink_cases[] = {
	KUNIT_CASE_PARAM(test_request, request_gen_params),
	KUNIT_CASE_PARAM(test_match, match_gen_params),
	KUNIT_CASE_PARAM(test_fill, fill_gen_params),
	KUNIT_CASE_PARAM(test_fill_short, fill_gen_params),
	KUNIT_CASE_PARAM(test_round_trip, fill_gen_params),
	KUNIT_CASE_PARAM(test_change, change_gen_params),
	KUNIT_CASE_PARAM(test_labels, labels_gen_params),
	KUNIT_CASE_PARAM(test_sctp, sctp_gen_params),
	KUNIT_CASE_PARAM(test_family, family_gen_params),
	KUNIT_CASE(test_timeout),
	KUNIT_CASE(test_zero_counters),
	{}
};

static struct kunit_suite ct_netlink_suite = {
	.name = "ct_netlink",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.exit = netlink_exit,
	.test_cases = netlink_cases,
};

kunit_test_suites(&ct_netlink_suite);

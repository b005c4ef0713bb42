// SPDX-License-Identifier: GPL-2.0
/* What the tracepoints of trace.h show. */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/string.h>
#include <net/ct/stats.h>
#include "core.h"

static void put_address(u8 *to, const union nf_inet_addr *addr, __be16 port,
			u8 l3)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };

	memset(to, 0, sizeof(six));
	if (l3 == NFPROTO_IPV4) {
		four.sin_addr = addr->in;
		four.sin_port = port;
		memcpy(to, &four, sizeof(four));
	} else {
		six.sin6_addr = addr->in6;
		six.sin6_port = port;
		memcpy(to, &six, sizeof(six));
	}
}

/* As socket addresses, which "%pISpc" prints. */
static void __maybe_unused
ct_trace_tuple(const struct nf_conntrack_tuple *tuple, u8 *src, u8 *dst)
{
	put_address(src, &tuple->src.u3, tuple->src.u.all, tuple->src.l3num);
	put_address(dst, &tuple->dst.u3, tuple->dst.u.all, tuple->src.l3num);
}

/* Of what has states, the protocol's own number. */
static u8 __maybe_unused ct_trace_state(const struct ct_entry *e)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const struct ct_proto *proto;

	proto = ct_proto_find(t->src.l3num, t->dst.protonum);
	return proto->state ? proto->state(e) : 0;
}

/* Nobody uses the two where the kernel has no tracepoints. */
#define CREATE_TRACE_POINTS
#include "trace.h"

void ct_trace_invalid(const struct ct_packet *p, enum ct_invalid reason,
		      const struct nf_conntrack_tuple *tuple,
		      struct ct_entry *e, unsigned int dir)
{
	const struct ct_proto *proto = ct_proto_find(p->l3, p->l4);
	struct nf_conntrack_tuple whole = *tuple;
	struct ct_why why = { };

	/* Who judged the header may not have come as far as its ports. */
	proto->parse(p, &whole);
	if (e && proto->why)
		proto->why(e, p, dir, &why);
	trace_invalid(p, reason, &whole, e, &why);
}

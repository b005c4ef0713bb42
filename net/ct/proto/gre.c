// SPDX-License-Identifier: GPL-2.0
/*
 * GRE (RFC 2784, RFC 2890): a tunnel is two addresses. The enhanced GRE of
 * PPTP (RFC 2637 4.1) has a call in its key, and each end numbers the calls
 * that it receives.
 */
#include <linux/if_tunnel.h>
#include <net/gre.h>
#include <net/pptp.h>
#include "common.h"

/* What there is of the header in either version, and the call. */
#define HEADER	offsetofend(struct pptp_gre_header, call_id)

/*
 * Only the number of the receiver's call is in the packet. The sender's own is
 * known to who followed the control connection; without that it is 0, and the
 * two ways of a call are two connections.
 */
static enum ct_invalid gre_parse(const struct ct_packet *p,
				 struct nf_conntrack_tuple *tuple)
{
	const struct pptp_gre_header *h = (const void *)p->h.raw;

	BUILD_BUG_ON(sizeof(*h) > sizeof(p->h));
	if (p->hlen < sizeof(h->gre_hd))
		return CT_INVALID_L4_SHORT;
	if ((h->gre_hd.flags & GRE_VERSION) != GRE_VERSION_1)
		return CT_OK;
	if (p->hlen < HEADER)
		return CT_INVALID_L4_SHORT;
	if (h->gre_hd.protocol != GRE_PROTO_PPP)
		return CT_INVALID_GRE_PROTOCOL;
	tuple->dst.u.gre.key = h->call_id;
	return CT_OK;
}

static enum ct_invalid gre_new(struct ct_entry *e, const struct ct_packet *p)
{
	e->proto.raw = 0;
	ct_refresh(e, ct_timeout(e, CT_TIMEOUT_GRE));
	return CT_OK;
}

static enum ct_verdict gre_packet(struct ct_entry *e, const struct ct_packet *p,
				  enum ip_conntrack_info ctinfo,
				  enum ct_invalid *reason)
{
	return ct_two_way(e, p, CT_TIMEOUT_GRE, CT_TIMEOUT_GRE_STREAM);
}

const struct ct_proto ct_proto_gre = {
	.num = IPPROTO_GRE,
	.header = HEADER,
	.timeout = CT_TIMEOUT_GRE,
	.parse = gre_parse,
	.invert = ct_invert_ports,
	.new = gre_new,
	.packet = gre_packet,
};

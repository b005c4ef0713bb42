// SPDX-License-Identifier: GPL-2.0
/*
 * UDP-Lite (RFC 3828): UDP whose checksum covers a part of the datagram. Used
 * for voice and video, so what is answered is a stream at once.
 */
#include <linux/udp.h>
#include "common.h"

static enum ct_invalid udplite_check(struct ct_packet *p)
{
	const struct udphdr *uh = &p->h.udp;
	unsigned int coverage;

	if (p->hlen < sizeof(*uh))
		return CT_INVALID_L4_SHORT;

	/* Where UDP has its length; 0 is all of it (3.1). */
	coverage = ntohs(uh->len) ?: p->l4len;
	if (coverage < sizeof(*uh) || coverage > p->l4len)
		return CT_INVALID_UDPLITE_COVERAGE;
	/* There must be a checksum (3.1). */
	if (!uh->check)
		return CT_INVALID_UDPLITE_CHECKSUM;
	if (ct_checksum_due(p) &&
	    nf_checksum_partial(p->skb, p->hook, p->l4off, coverage,
				IPPROTO_UDPLITE, p->l3))
		return CT_INVALID_UDPLITE_CHECKSUM;
	return CT_OK;
}

static enum ct_invalid udplite_new(struct ct_entry *e,
				   const struct ct_packet *p)
{
	e->proto.raw = 0;
	ct_refresh(e, ct_timeout(e, CT_TIMEOUT_UDP));
	return CT_OK;
}

static enum ct_verdict udplite_packet(struct ct_entry *e,
				      const struct ct_packet *p,
				      enum ip_conntrack_info ctinfo,
				      enum ct_invalid *reason)
{
	return ct_two_way(e, p, CT_TIMEOUT_UDP, CT_TIMEOUT_UDP_STREAM);
}

const struct ct_proto ct_proto_udplite = {
	.num = IPPROTO_UDPLITE,
	.header = sizeof(struct udphdr),
	.timeout = CT_TIMEOUT_UDP,
	.parse = ct_parse_ports,
	.invert = ct_invert_ports,
	.check = udplite_check,
	.new = udplite_new,
	.packet = udplite_packet,
};

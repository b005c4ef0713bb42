// SPDX-License-Identifier: GPL-2.0
/*
 * Protocols without a tracker of their own: two addresses and a protocol
 * number make a connection.
 */
#include "common.h"

static enum ct_invalid generic_parse(const struct ct_packet *p,
				     struct nf_conntrack_tuple *tuple)
{
	return CT_OK;
}

static enum ct_invalid generic_new(struct ct_entry *e,
				   const struct ct_packet *p)
{
	e->proto.raw = 0;
	ct_refresh(e, ct_timeout(e, CT_TIMEOUT_GENERIC));
	return CT_OK;
}

static enum ct_verdict generic_packet(struct ct_entry *e,
				      const struct ct_packet *p,
				      enum ip_conntrack_info ctinfo,
				      enum ct_invalid *reason)
{
	u32 timeout = ct_timeout(e, CT_TIMEOUT_GENERIC);

	if (!ct_is_fresh(e, timeout))
		ct_refresh(e, timeout);
	return CT_ACCEPT;
}

const struct ct_proto ct_proto_generic = {
	.num = 0,
	.timeout = CT_TIMEOUT_GENERIC,
	.parse = generic_parse,
	.invert = ct_invert_ports,
	.new = generic_new,
	.packet = generic_packet,
};

// SPDX-License-Identifier: GPL-2.0
/*
 * UDP (RFC 768): no states, only whether there was an answer, and whether
 * the two are still talking some time after they began.
 */
#include <linux/jiffies.h>
#include <linux/udp.h>
#include "common.h"
#include "fast.h"

/*
 * A question and its answer are over within this, with retries. Who talks
 * longer holds a conversation, which may pause for longer, too.
 */
#define STREAM_AFTER	(2 * HZ)

static enum ct_invalid udp_check(struct ct_packet *p)
{
	return ct_udp_check(p);
}

static enum ct_invalid udp_new(struct ct_entry *e, const struct ct_packet *p)
{
	e->proto.raw = 0;
	e->proto.udp.stream = jiffies + STREAM_AFTER;
	ct_refresh(e, ct_timeout(e, CT_TIMEOUT_UDP));
	return CT_OK;
}

static enum ct_verdict udp_packet(struct ct_entry *e,
				  const struct ct_packet *p,
				  enum ip_conntrack_info ctinfo,
				  enum ct_invalid *reason)
{
	u32 timeout;
	bool assure;

	timeout = ct_udp_timeout(e, &assure);
	if (!ct_is_fresh(e, timeout))
		ct_refresh(e, timeout);
	if (unlikely(assure) && !ct_status_set(e, IPS_ASSURED_BIT))
		ct_note(e, p, BIT(IPCT_ASSURED));
	return CT_ACCEPT;
}

const struct ct_proto ct_proto_udp = {
	.num = IPPROTO_UDP,
	.header = sizeof(struct udphdr),
	.timeout = CT_TIMEOUT_UDP,
	.parse = ct_parse_ports,
	.invert = ct_invert_ports,
	.check = udp_check,
	.new = udp_new,
	.packet = udp_packet,
};

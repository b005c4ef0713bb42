// SPDX-License-Identifier: GPL-2.0
/*
 * UDP (RFC 768): no states, only whether there was an answer, and whether
 * the two are still talking some time after they began.
 */
#include <linux/jiffies.h>
#include <linux/udp.h>
#include "common.h"

/*
 * A question and its answer are over within this, with retries. Who talks
 * longer holds a conversation, which may pause for longer, too.
 */
#define STREAM_AFTER	(2 * HZ)

static enum ct_invalid udp_check(const struct ct_packet *p)
{
	const struct udphdr *uh;
	struct udphdr buf;
	unsigned int len;

	if (unlikely(p->l4len < sizeof(buf)))
		return CT_INVALID_L4_SHORT;
	uh = skb_header_pointer(p->skb, p->l4off, sizeof(buf), &buf);
	if (unlikely(!uh))
		return CT_INVALID_L4_SHORT;

	len = ntohs(uh->len);
	if (unlikely(len < sizeof(buf) || len > p->l4len))
		return CT_INVALID_UDP_LENGTH;

	/* None computed (RFC 768); over IPv6 for tunnels only (RFC 6935). */
	if (!uh->check)
		return CT_OK;
	if (ct_checksum_due(p) &&
	    nf_checksum(p->skb, p->hook, p->l4off, IPPROTO_UDP, p->l3))
		return CT_INVALID_UDP_CHECKSUM;
	return CT_OK;
}

static enum ct_invalid udp_new(struct ct_entry *e, const struct ct_packet *p)
{
	e->proto.raw = 0;
	e->proto.udp.stream = jiffies + STREAM_AFTER;
	return CT_OK;
}

static enum ct_verdict udp_packet(struct ct_entry *e,
				  const struct ct_packet *p,
				  enum ip_conntrack_info ctinfo,
				  enum ct_invalid *reason)
{
	unsigned int which = CT_TIMEOUT_UDP;
	u32 hot = ct_entry_hot(e);
	bool assure = false;
	u32 timeout;

	if (hot & IPS_ASSURED) {
		which = CT_TIMEOUT_UDP_STREAM;
	} else if (hot & IPS_SEEN_REPLY &&
		   time_after(jiffies, e->proto.udp.stream)) {
		which = CT_TIMEOUT_UDP_STREAM;
		assure = true;
	}

	timeout = ct_timeout(e, which);
	if (!ct_is_fresh(e, timeout))
		ct_refresh(e, timeout);
	if (unlikely(assure) && !ct_status_set(e, IPS_ASSURED_BIT))
		ct_note(e, p, BIT(IPCT_ASSURED));
	return CT_ACCEPT;
}

const struct ct_proto ct_proto_udp = {
	.num = IPPROTO_UDP,
	.share_on_clash = true,
	.parse = ct_parse_ports,
	.invert = ct_invert_ports,
	.check = udp_check,
	.new = udp_new,
	.packet = udp_packet,
};

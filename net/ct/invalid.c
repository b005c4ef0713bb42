// SPDX-License-Identifier: GPL-2.0
/* Why a packet was invalid: the words, the count, the trace and the log. */
#include <linux/in.h>
#include <net/ct/log.h>
#include <net/ct/stats.h>
#include <net/netfilter/nf_log.h>
#include "core.h"
#include "trace.h"

static const char * const reasons[__CT_INVALID_MAX] = {
	[CT_OK] = "valid",
	[CT_INVALID_IP_SHORT] = "truncated network header",
	[CT_INVALID_IP_HEADER] = "malformed network header",
	[CT_INVALID_IP_FRAGMENT] = "fragment that was not reassembled",
	[CT_INVALID_EXTHDR] = "malformed IPv6 extension header",
	[CT_INVALID_L4_SHORT] = "truncated transport header",
	[CT_INVALID_TCP_HEADER] = "TCP data offset outside of the segment",
	[CT_INVALID_TCP_CHECKSUM] = "wrong TCP checksum",
	[CT_INVALID_TCP_FLAGS] = "impossible combination of TCP flags",
	[CT_INVALID_TCP_STATE] = "TCP segment impossible in this state",
	[CT_INVALID_TCP_NOT_SYN] =
		"TCP segment of no connection that cannot open one",
	[CT_INVALID_UDP_LENGTH] = "UDP length contradicts the packet",
	[CT_INVALID_UDP_CHECKSUM] = "wrong UDP checksum",
	[CT_INVALID_ICMP_CHECKSUM] = "wrong ICMP checksum",
	[CT_INVALID_ICMP_TYPE] = "ICMP type that does not exist",
	[CT_INVALID_ICMP_REPLY] = "ICMP reply to no request",
	[CT_INVALID_ICMP_INNER] = "malformed packet inside an ICMP error",
	[CT_INVALID_ICMP_UNKNOWN] = "ICMP error about no connection",
	[CT_INVALID_ICMP_MISMATCH] =
		"ICMP error sent to another than who caused it",
	[CT_INVALID_CLASH] = "another connection took the tuple first",
	[CT_INVALID_FULL] = "limit of connections reached",
	[CT_INVALID_NOMEM] = "no memory for an entry",
	[CT_INVALID_TCP_SEQ] = "data past the receiver's window",
	[CT_INVALID_TCP_ACK] = "acknowledges data that was not seen",
	[CT_INVALID_TCP_RST] = "reset with a sequence number from the past",
	[CT_INVALID_UDPLITE_COVERAGE] = "impossible UDP-Lite checksum coverage",
	[CT_INVALID_UDPLITE_CHECKSUM] = "missing or wrong UDP-Lite checksum",
	[CT_INVALID_GRE_PROTOCOL] = "enhanced GRE without PPP",
	[CT_INVALID_SCTP_CHECKSUM] = "wrong SCTP checksum",
	[CT_INVALID_SCTP_CHUNK] = "malformed row of SCTP chunks",
	[CT_INVALID_SCTP_TAG] = "wrong SCTP verification tag",
	[CT_INVALID_SCTP_STATE] = "SCTP chunk impossible in this state",
	[CT_INVALID_SCTP_NEW] = "SCTP chunks of no association that cannot open one",
	[CT_INVALID_DCCP_HEADER] = "DCCP data offset outside of the packet",
	[CT_INVALID_DCCP_COVERAGE] = "impossible DCCP checksum coverage",
	[CT_INVALID_DCCP_CHECKSUM] = "wrong DCCP checksum",
	[CT_INVALID_DCCP_TYPE] = "DCCP packet type that does not exist",
	[CT_INVALID_DCCP_SHORT] = "short sequence number in this type of DCCP packet",
	[CT_INVALID_DCCP_STATE] = "DCCP packet impossible in this state",
	[CT_INVALID_DCCP_NEW] = "DCCP packet of no connection that cannot open one",
	[CT_INVALID_NAT_FULL] = "nothing is free of what the source may be translated to",
};

const char *ct_invalid_text(enum ct_invalid reason)
{
	if ((unsigned int)reason >= __CT_INVALID_MAX || !reasons[reason])
		return "unknown reason";
	return reasons[reason];
}

/*
 * To whom nf_log_packet() gives it, and if to anybody, is for the user to say
 * (net.netfilter.nf_log.*). The words before the reason are nf_conntrack's.
 */
static noinline void log_packet(const struct ct_packet *p,
				enum ct_invalid reason, u8 wanted)
{
	struct ct_log_tail tail;

	if (wanted != IPPROTO_RAW && wanted != p->l4)
		return;
	if (!ct_log_may(p->cn, CT_LOG_INVALID, &tail))
		return;
	nf_log_packet(p->cn->net, p->l3, p->hook, p->skb, NULL, NULL, NULL,
		      "nf_ct_proto_%u: %s%s ", p->l4, ct_invalid_text(reason),
		      tail.text);
}

void ct_invalid(const struct ct_packet *p, enum ct_invalid reason,
		const struct nf_conntrack_tuple *tuple,
		struct ct_entry *e, unsigned int dir)
{
	u8 wanted = READ_ONCE(p->cn->log_invalid);

	ct_stat_inc(p->cn, base.invalid);
	ct_stat_inc(p->cn, invalid[reason]);
	if (trace_invalid_enabled())
		ct_trace_invalid(p, reason, tuple, e, dir);
	if (unlikely(wanted))
		log_packet(p, reason, wanted);
}

// SPDX-License-Identifier: GPL-2.0
/* Why a packet was invalid: the words, and the count. */
#include <net/ct/stats.h>
#include "core.h"

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
};

const char *ct_invalid_text(enum ct_invalid reason)
{
	if ((unsigned int)reason >= __CT_INVALID_MAX || !reasons[reason])
		return "unknown reason";
	return reasons[reason];
}

void ct_invalid(struct ct_net *cn, enum ct_invalid reason)
{
	ct_stat_inc(cn, base.invalid);
	ct_stat_inc(cn, invalid[reason]);
}

// SPDX-License-Identifier: GPL-2.0
/* Words for the numbers of nf_conntrack_common.h and its companions. */
#include <ctype.h>
#include <stddef.h>
#include <netinet/in.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "names.h"

const struct name protocol_names[] = {
	{ "tcp",	IPPROTO_TCP },
	{ "udp",	IPPROTO_UDP },
	{ "icmp",	IPPROTO_ICMP },
	{ "icmpv6",	IPPROTO_ICMPV6 },
	{ "udplite",	IPPROTO_UDPLITE },
	{ "sctp",	IPPROTO_SCTP },
	{ "dccp",	IPPROTO_DCCP },
	{ "gre",	IPPROTO_GRE },
	{ NULL,		0 }
};

const struct name status_names[] = {
	{ "expected",		IPS_EXPECTED },
	{ "seen_reply",		IPS_SEEN_REPLY },
	{ "assured",		IPS_ASSURED },
	{ "confirmed",		IPS_CONFIRMED },
	{ "src_nat",		IPS_SRC_NAT },
	{ "dst_nat",		IPS_DST_NAT },
	{ "seq_adjust",		IPS_SEQ_ADJUST },
	{ "src_nat_done",	IPS_SRC_NAT_DONE },
	{ "dst_nat_done",	IPS_DST_NAT_DONE },
	{ "dying",		IPS_DYING },
	{ "fixed_timeout",	IPS_FIXED_TIMEOUT },
	{ "template",		IPS_TEMPLATE },
	{ "helper",		IPS_HELPER },
	{ "offload",		IPS_OFFLOAD },
	{ "hw_offload",		IPS_HW_OFFLOAD },
	{ NULL,			0 }
};

const struct name tcp_state_names[] = {
	{ "none",	TCP_CONNTRACK_NONE },
	{ "syn_sent",	TCP_CONNTRACK_SYN_SENT },
	{ "syn_recv",	TCP_CONNTRACK_SYN_RECV },
	{ "established", TCP_CONNTRACK_ESTABLISHED },
	{ "fin_wait",	TCP_CONNTRACK_FIN_WAIT },
	{ "close_wait",	TCP_CONNTRACK_CLOSE_WAIT },
	{ "last_ack",	TCP_CONNTRACK_LAST_ACK },
	{ "time_wait",	TCP_CONNTRACK_TIME_WAIT },
	{ "close",	TCP_CONNTRACK_CLOSE },
	{ "syn_sent2",	TCP_CONNTRACK_SYN_SENT2 },
	{ NULL,		0 }
};

/* The UAPI headers have no enum for these: RFC 4340, 8.4 in its order. */
const struct name dccp_state_names[] = {
	{ "none",	0 },
	{ "request",	1 },
	{ "respond",	2 },
	{ "partopen",	3 },
	{ "open",	4 },
	{ "closereq",	5 },
	{ "closing",	6 },
	{ "timewait",	7 },
	{ NULL,		0 }
};

const struct name sctp_state_names[] = {
	{ "none",		SCTP_CONNTRACK_NONE },
	{ "closed",		SCTP_CONNTRACK_CLOSED },
	{ "cookie_wait",	SCTP_CONNTRACK_COOKIE_WAIT },
	{ "cookie_echoed",	SCTP_CONNTRACK_COOKIE_ECHOED },
	{ "established",	SCTP_CONNTRACK_ESTABLISHED },
	{ "shutdown_sent",	SCTP_CONNTRACK_SHUTDOWN_SENT },
	{ "shutdown_recd",	SCTP_CONNTRACK_SHUTDOWN_RECD },
	{ "shutdown_ack_sent",	SCTP_CONNTRACK_SHUTDOWN_ACK_SENT },
	{ "heartbeat_sent",	SCTP_CONNTRACK_HEARTBEAT_SENT },
	{ "heartbeat_acked",	SCTP_CONNTRACK_HEARTBEAT_ACKED },
	{ NULL,			0 }
};

const char *name_of(const struct name *names, uint32_t value)
{
	for (; names->word; names++)
		if (names->value == value)
			return names->word;
	return NULL;
}

static bool same_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		int c = *b == '-' ? '_' : tolower((unsigned char)*b);

		if (*a != c)
			return false;
	}
	return *a == *b;
}

const struct name *name_find(const struct name *names, const char *word)
{
	for (; names->word; names++)
		if (same_word(names->word, word))
			return names;
	return NULL;
}

const struct name *state_names(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return tcp_state_names;
	case IPPROTO_DCCP:
		return dccp_state_names;
	case IPPROTO_SCTP:
		return sctp_state_names;
	default:
		return NULL;
	}
}

bool proto_has_ports(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
		return true;
	default:
		return false;
	}
}

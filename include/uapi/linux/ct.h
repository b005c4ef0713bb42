/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What ct tells user space beyond nfnetlink_conntrack.h: why packets were
 * invalid, and how the table of a namespace is doing. Generic netlink.
 */
#ifndef _UAPI_LINUX_CT_H
#define _UAPI_LINUX_CT_H

#include <linux/types.h>

#define CT_GENL_NAME	"ct"
#define CT_GENL_VERSION	1

/**
 * enum ct_invalid - why a packet could not be tracked
 *
 * A packet with one of these passes untracked (ctinfo of no entry, "invalid"
 * to rulesets) and is counted in its namespace under the code. Codes are
 * append-only.
 *
 * @CT_OK: not invalid
 * @CT_INVALID_IP_SHORT: the network header is truncated
 * @CT_INVALID_IP_HEADER: a field of the network header contradicts the packet
 * @CT_INVALID_IP_FRAGMENT: a fragment that was not reassembled
 * @CT_INVALID_EXTHDR: IPv6 extension headers are malformed or truncated
 * @CT_INVALID_L4_SHORT: the transport header is truncated
 * @CT_INVALID_TCP_HEADER: TCP data offset below 5 words or past the packet
 * @CT_INVALID_TCP_CHECKSUM: the TCP checksum is wrong
 * @CT_INVALID_TCP_FLAGS: a combination of TCP flags that no peer may send
 * @CT_INVALID_TCP_STATE: the segment is impossible in the connection's state
 * @CT_INVALID_TCP_NOT_SYN: no connection, and the segment may not open one
 * @CT_INVALID_UDP_LENGTH: the UDP length field contradicts the packet
 * @CT_INVALID_UDP_CHECKSUM: the UDP checksum is wrong
 * @CT_INVALID_ICMP_CHECKSUM: the ICMP checksum is wrong
 * @CT_INVALID_ICMP_TYPE: an ICMP type that does not exist, or that is neither
 *	query, reply nor error
 * @CT_INVALID_ICMP_REPLY: an ICMP reply to a request that was not seen
 * @CT_INVALID_ICMP_INNER: the packet inside an ICMP error is malformed
 * @CT_INVALID_ICMP_UNKNOWN: the packet inside an ICMP error belongs to no
 *	connection
 * @CT_INVALID_ICMP_MISMATCH: an ICMP error sent to somebody who did not send
 *	the packet inside it
 * @CT_INVALID_CLASH: another connection took the tuple first
 * @CT_INVALID_FULL: the limit is reached and nothing may be evicted
 * @CT_INVALID_NOMEM: no memory for an entry
 * @CT_INVALID_TCP_SEQ: data past what the receiver's window allows
 * @CT_INVALID_TCP_ACK: data is acknowledged that was not seen
 * @CT_INVALID_TCP_RST: a reset with a sequence number from before what its
 *	receiver acknowledged
 * @CT_INVALID_UDPLITE_COVERAGE: the checksum of a UDP-Lite datagram covers
 *	less than its header, or more than there is
 * @CT_INVALID_UDPLITE_CHECKSUM: the UDP-Lite checksum is missing or wrong
 * @CT_INVALID_GRE_PROTOCOL: enhanced GRE (RFC 2637) that carries no PPP
 * @CT_INVALID_SCTP_CHECKSUM: the CRC32c of the SCTP packet is wrong
 * @CT_INVALID_SCTP_CHUNK: chunks without a length, none at all, or two that
 *	must not be in one packet
 * @CT_INVALID_SCTP_TAG: a verification tag that is not the association's
 * @CT_INVALID_SCTP_STATE: the chunk is impossible in the association's state
 * @CT_INVALID_SCTP_NEW: no association, and the chunks may not open one
 * @CT_INVALID_DCCP_HEADER: DCCP data offset below 3 words or past the packet
 * @CT_INVALID_DCCP_COVERAGE: the DCCP checksum covers more than there is
 * @CT_INVALID_DCCP_CHECKSUM: the DCCP checksum is wrong
 * @CT_INVALID_DCCP_TYPE: a DCCP packet type that does not exist
 * @CT_INVALID_DCCP_SHORT: sequence numbers of 24 bits in a DCCP packet whose
 *	type needs 48
 * @CT_INVALID_DCCP_STATE: the DCCP packet is impossible in the connection's
 *	state
 * @CT_INVALID_DCCP_NEW: no connection, and the DCCP packet may not open one
 * @CT_INVALID_NAT_FULL: nothing is free of what the source may be translated to
 * @__CT_INVALID_MAX: number of codes
 */
enum ct_invalid {
	CT_OK,
	CT_INVALID_IP_SHORT,
	CT_INVALID_IP_HEADER,
	CT_INVALID_IP_FRAGMENT,
	CT_INVALID_EXTHDR,
	CT_INVALID_L4_SHORT,
	CT_INVALID_TCP_HEADER,
	CT_INVALID_TCP_CHECKSUM,
	CT_INVALID_TCP_FLAGS,
	CT_INVALID_TCP_STATE,
	CT_INVALID_TCP_NOT_SYN,
	CT_INVALID_UDP_LENGTH,
	CT_INVALID_UDP_CHECKSUM,
	CT_INVALID_ICMP_CHECKSUM,
	CT_INVALID_ICMP_TYPE,
	CT_INVALID_ICMP_REPLY,
	CT_INVALID_ICMP_INNER,
	CT_INVALID_ICMP_UNKNOWN,
	CT_INVALID_ICMP_MISMATCH,
	CT_INVALID_CLASH,
	CT_INVALID_FULL,
	CT_INVALID_NOMEM,
	CT_INVALID_TCP_SEQ,
	CT_INVALID_TCP_ACK,
	CT_INVALID_TCP_RST,
	CT_INVALID_UDPLITE_COVERAGE,
	CT_INVALID_UDPLITE_CHECKSUM,
	CT_INVALID_GRE_PROTOCOL,
	CT_INVALID_SCTP_CHECKSUM,
	CT_INVALID_SCTP_CHUNK,
	CT_INVALID_SCTP_TAG,
	CT_INVALID_SCTP_STATE,
	CT_INVALID_SCTP_NEW,
	CT_INVALID_DCCP_HEADER,
	CT_INVALID_DCCP_COVERAGE,
	CT_INVALID_DCCP_CHECKSUM,
	CT_INVALID_DCCP_TYPE,
	CT_INVALID_DCCP_SHORT,
	CT_INVALID_DCCP_STATE,
	CT_INVALID_DCCP_NEW,
	CT_INVALID_NAT_FULL,
	__CT_INVALID_MAX
};

/**
 * enum ct_genl_cmd - commands of the generic netlink family "ct"
 * @CT_CMD_UNSPEC: unused
 * @CT_CMD_GET_STATS: no attributes; answered by one message with all of
 *	enum ct_genl_attr but @CT_A_PAD, about the caller's network namespace
 */
enum ct_genl_cmd {
	CT_CMD_UNSPEC,
	CT_CMD_GET_STATS,
	__CT_CMD_MAX
};

/**
 * enum ct_genl_attr - attributes of CT_CMD_GET_STATS, host byte order
 * @CT_A_UNSPEC: unused
 * @CT_A_PAD: padding
 * @CT_A_ENTRIES: u32, connections in the table
 * @CT_A_LIMIT: u32, the namespace's limit, 0 for none
 * @CT_A_BUCKETS: u32, buckets of the newest table
 * @CT_A_OVERFLOW: u32, overflow buckets in use
 * @CT_A_RESIZES: u64, how often the table grew or shrank
 * @CT_A_EVICTED: u64, unreplied entries that made room for new ones
 * @CT_A_INVALID: nested, one CT_A_REASON for each code that was counted
 * @CT_A_REASON: nested, members of enum ct_genl_reason_attr
 * @CT_A_EVENTS_LOST: u64, events that a listener did not get; each counts for
 *	every listener that missed it
 * @CT_A_EVENTS_WAITING: u32, events held for listeners that have no room; each
 *	counts for every listener that is to get it
 */
enum ct_genl_attr {
	CT_A_UNSPEC,
	CT_A_PAD,
	CT_A_ENTRIES,
	CT_A_LIMIT,
	CT_A_BUCKETS,
	CT_A_OVERFLOW,
	CT_A_RESIZES,
	CT_A_EVICTED,
	CT_A_INVALID,
	CT_A_REASON,
	CT_A_EVENTS_LOST,
	CT_A_EVENTS_WAITING,
	__CT_A_MAX
};

#define CT_A_MAX	(__CT_A_MAX - 1)

/**
 * enum ct_genl_reason_attr - inside CT_A_REASON
 * @CT_REASON_A_UNSPEC: unused
 * @CT_REASON_A_PAD: padding
 * @CT_REASON_A_CODE: u32, enum ct_invalid
 * @CT_REASON_A_COUNT: u64, packets
 * @CT_REASON_A_TEXT: string, the reason in words
 */
enum ct_genl_reason_attr {
	CT_REASON_A_UNSPEC,
	CT_REASON_A_PAD,
	CT_REASON_A_CODE,
	CT_REASON_A_COUNT,
	CT_REASON_A_TEXT,
	__CT_REASON_A_MAX
};

#define CT_REASON_A_MAX	(__CT_REASON_A_MAX - 1)

#endif /* _UAPI_LINUX_CT_H */

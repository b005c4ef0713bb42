/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CTCTL_ENTRY_H
#define CTCTL_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>
#include <linux/netlink.h>

/* What a message held beyond the two tuples. */
enum entry_has {
	HAS_STATUS	= 1 << 0,
	HAS_TIMEOUT	= 1 << 1,
	HAS_MARK	= 1 << 2,
	HAS_ID		= 1 << 3,
	HAS_USE		= 1 << 4,
	HAS_ZONE	= 1 << 5,
	HAS_STATE	= 1 << 6,
	HAS_COUNTERS	= 1 << 7,
	HAS_START	= 1 << 8,
	HAS_STOP	= 1 << 9,
	HAS_SECMARK	= 1 << 10,
	HAS_TCP		= 1 << 11,
};

enum direction {
	ORIG,
	REPLY,
	DIRECTIONS
};

union address {
	struct in_addr v4;
	struct in6_addr v6;
	uint8_t bytes[16];
};

/**
 * struct half - what an entry holds for one direction, in host byte order
 * @src: source address of packets in this direction
 * @dst: their destination
 * @proto: transport protocol
 * @has_ports: @sport and @dport are there; keys for GRE
 * @has_icmp: @icmp_id, @icmp_type and @icmp_code are there
 * @has_counters: @packets and @bytes are there
 * @has_zone: @zone is there: it applies to this direction only
 */
struct half {
	union address src;
	union address dst;
	unsigned long long packets;
	unsigned long long bytes;
	uint16_t sport;
	uint16_t dport;
	uint16_t icmp_id;
	uint16_t zone;
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint8_t proto;
	bool has_ports;
	bool has_icmp;
	bool has_counters;
	bool has_zone;
};

#define ENTRY_HELPER_MAX	32
#define ENTRY_SECCTX_MAX	256
#define ENTRY_LABELS_MAX	16

struct entry {
	uint32_t has;			/* enum entry_has */
	uint8_t family;
	uint8_t state;			/* of the protocol in half[ORIG] */
	struct half half[DIRECTIONS];
	uint32_t status;
	uint32_t timeout;		/* seconds */
	uint32_t mark;
	uint32_t secmark;
	uint32_t id;
	uint32_t use;
	uint16_t zone;
	unsigned long long start;			/* ns since 1970 */
	unsigned long long stop;
	uint8_t tcp_wscale[DIRECTIONS];
	uint8_t tcp_flags[DIRECTIONS];
	uint8_t labels[ENTRY_LABELS_MAX];
	uint8_t labels_len;
	char helper[ENTRY_HELPER_MAX];
	char secctx[ENTRY_SECCTX_MAX];

	/* into the message, for requests about the same entry */
	const struct nlattr *tuple;
	const struct nlattr *id_attr;
	const struct nlattr *zone_attr;
};

/**
 * entry_parse() - take a message of IPCTNL_MSG_CT_NEW or _DELETE apart
 * @nlh: the message; must outlive @e
 * @e: filled
 *
 * Every attribute is checked before it is read; unknown ones are skipped.
 *
 * Return: 0, or -EBADMSG with a complaint printed.
 */
int entry_parse(const struct nlmsghdr *nlh, struct entry *e);

/* The zone that the entry is in, of either kind; 0 is the default zone. */
uint16_t entry_zone(const struct entry *e);

/* The state's word, NULL if the protocol has no states or it is unknown. */
const char *entry_state(const struct entry *e);

/* Whether the reply tuple is the original one turned round: no NAT. */
bool entry_is_symmetric(const struct entry *e);

/* Write an address of the entry's family; returns @buf. */
#define ADDRESS_MAX	INET6_ADDRSTRLEN
const char *entry_address(const struct entry *e, const union address *a,
			  char buf[static ADDRESS_MAX]);

#endif /* CTCTL_ENTRY_H */

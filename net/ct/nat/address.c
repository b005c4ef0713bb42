// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of a range: which one a connection is translated to.
 *
 * Nothing random goes into that: a client has the same address whenever it
 * comes back, after a reboot or by way of a second router with the same rules.
 */
#include <asm/byteorder.h>
#include <linux/bitops.h>
#include <linux/jhash.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "choose.h"

/* An address as a number; IPv4's has a high half of 0. */
struct number {
	u64 high;
	u64 low;
};

static struct number number_of(u8 l3, const union nf_inet_addr *addr)
{
	struct number n = {};

	if (l3 == NFPROTO_IPV4) {
		n.low = ntohl(addr->ip);
	} else {
		n.high = (u64)ntohl(addr->ip6[0]) << 32 | ntohl(addr->ip6[1]);
		n.low = (u64)ntohl(addr->ip6[2]) << 32 | ntohl(addr->ip6[3]);
	}
	return n;
}

static void put_number(u8 l3, struct number n, union nf_inet_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (l3 == NFPROTO_IPV4) {
		addr->ip = htonl(n.low);
	} else {
		addr->ip6[0] = htonl(n.high >> 32);
		addr->ip6[1] = htonl(n.high);
		addr->ip6[2] = htonl(n.low >> 32);
		addr->ip6[3] = htonl(n.low);
	}
}

static bool is_less(struct number a, struct number b)
{
	return a.high < b.high || (a.high == b.high && a.low < b.low);
}

static struct number sum(struct number a, struct number b)
{
	struct number n = { a.high + b.high, a.low + b.low };

	n.high += n.low < a.low;
	return n;
}

static struct number difference(struct number a, struct number b)
{
	return (struct number){ a.high - b.high - (a.low < b.low),
				a.low - b.low };
}

static bool upside_down(u8 l3, const union nf_inet_addr *min,
			const union nf_inet_addr *max)
{
	return is_less(number_of(l3, max), number_of(l3, min));
}

bool ct_nat_range_valid(const struct nf_nat_range2 *range, u8 l3)
{
	return !(range->flags & NF_NAT_RANGE_MAP_IPS) ||
	       !upside_down(l3, &range->min_addr, &range->max_addr);
}

bool ct_nat_address_in_range(const struct nf_nat_range2 *range, u8 l3,
			     const union nf_inet_addr *addr)
{
	if (!(range->flags & NF_NAT_RANGE_MAP_IPS))
		return true;
	return !upside_down(l3, &range->min_addr, addr) &&
	       !upside_down(l3, addr, &range->max_addr);
}

/* In which bits all addresses of a network agree, its two ends do. */
void ct_nat_netmap(const struct nf_nat_range2 *range, u8 l3,
		   union nf_inet_addr *addr)
{
	const unsigned int words = l3 == NFPROTO_IPV4 ? 1 : 4;
	unsigned int i;
	u32 host;

	for (i = 0; i < words; i++) {
		host = range->min_addr.all[i] ^ range->max_addr.all[i];
		addr->all[i] = (addr->all[i] & host) |
			       (range->min_addr.all[i] & ~host);
	}
}

/*
 * A number from 0 to @span, that included. In a span of more than 2^32 some are
 * twice as likely as others.
 */
static struct number scale(struct number span, const u32 *src, u32 seed)
{
	struct number n = { .low = jhash2(src, 4, seed) };
	unsigned int bits;

	if (!span.high && span.low < U32_MAX) {
		n.low = reciprocal_scale(n.low, span.low + 1);
		return n;
	}
	n.low |= (u64)jhash2(src, 4, seed + 1) << 32;
	n.high = jhash2(src, 4, seed + 2);
	n.high |= (u64)jhash2(src, 4, seed + 3) << 32;

	bits = span.high ? 64 + fls64(span.high) : fls64(span.low);
	n.high = bits > 64 ? n.high & GENMASK_ULL(bits - 65, 0) : 0;
	if (bits < 64)
		n.low &= GENMASK_ULL(bits - 1, 0);
	return is_less(span, n) ? difference(n, span) : n;
}

/* The one that is @skip behind @at, counted from the beginning after the end. */
static struct number go_on(struct number min, struct number max,
			   struct number at, u32 skip)
{
	const struct number one = { .low = 1 };
	struct number span = difference(max, min);
	struct number to;

	if (!span.high && span.low < U32_MAX)
		skip %= (u32)span.low + 1;
	to = sum(at, (struct number){ .low = skip });
	if (is_less(to, at) || is_less(max, to))
		to = sum(min, difference(difference(to, max), one));
	return to;
}

void ct_nat_choose_address(const struct ct_nat_choice *c,
			   const struct nf_conntrack_tuple *orig, u32 skip,
			   union nf_inet_addr *addr)
{
	const u8 l3 = orig->src.l3num;
	const struct number min = number_of(l3, &c->range->min_addr);
	const struct number max = number_of(l3, &c->range->max_addr);
	struct number at;
	u32 seed = 0;

	if (likely(!is_less(min, max))) {
		put_number(l3, min, addr);
		return;
	}

	if (!(c->range->flags & NF_NAT_RANGE_PERSISTENT))
		seed = orig->dst.u3.all[l3 == NFPROTO_IPV4 ? 0 : 3] ^ c->zone;
	at = sum(min, scale(difference(max, min), orig->src.u3.all, seed));
	put_number(l3, go_on(min, max, at, skip), addr);
}

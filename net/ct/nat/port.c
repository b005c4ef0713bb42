// SPDX-License-Identifier: GPL-2.0
/*
 * Which port (of ICMP the identifier, of a call of PPTP its number) a
 * connection is translated to.
 *
 * A few ports all over the range are tried, each independent of the others: a
 * walk from one to the next gets stuck where many in a row are taken. If these
 * are all taken, much of the range is, and soon there is a bitmap of what is in
 * use (struct ct_nat_table), which finds the last free one as easily as the
 * first. A range of a few ports is tried from end to end.
 */
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/random.h>
#include "choose.h"

/* So many are tried before the bitmap is asked for, and so many without it. */
#define EARLY	4
#define SPREAD	CT_NAT_SOME

/* The last of them may be of a connection that only waits for late packets. */
#define GENTLE	12

/* A search, and the numbers that it may end with. */
struct search {
	struct ct_nat_choice *c;
	struct nf_conntrack_tuple *tuple;
	__be16 *port;
	const unsigned long *reserved;
	unsigned int min;
	unsigned int size;
	unsigned int first;	/* offset from @min of the one to try first */
	u16 was;
	bool parity;		/* odd stays odd, if possible */
	u64 state;
};

u64 ct_nat_seed(struct ct_nat_choice *c)
{
	if (!c->seed)
		c->seed = get_random_u64();
	return c->seed;
}

/* Sebastiano Vigna's splitmix64, which is in the public domain. */
static u32 next_random(struct search *s, u32 below)
{
	u64 z = s->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return reciprocal_scale(z >> 32, below);
}

static bool is_udp(u8 l4)
{
	return l4 == IPPROTO_UDP || l4 == IPPROTO_UDPLITE;
}

static bool has_ports(u8 l4)
{
	return is_udp(l4) || l4 == IPPROTO_TCP || l4 == IPPROTO_SCTP ||
	       (l4 == IPPROTO_DCCP && IS_ENABLED(CONFIG_NF_CT_PROTO_DCCP));
}

/*
 * An ICMP query's identifier. What stands there in a query for node information
 * is something else.
 */
static bool has_identifier(const struct nf_conntrack_tuple *tuple)
{
	const u8 type = tuple->dst.u.icmp.type;

	if (tuple->src.l3num == NFPROTO_IPV4)
		return tuple->dst.protonum == IPPROTO_ICMP;
	return tuple->dst.protonum == IPPROTO_ICMPV6 &&
	       (type == ICMPV6_ECHO_REQUEST || type == ICMPV6_ECHO_REPLY);
}

static bool is_call(const struct ct_nat_choice *c,
		    const struct nf_conntrack_tuple *tuple)
{
	return tuple->dst.protonum == IPPROTO_GRE && c->call;
}

/* Where a tuple has what may be chosen, NULL: nowhere. */
static __be16 *port_of(const struct ct_nat_choice *c,
		       struct nf_conntrack_tuple *tuple)
{
	if (has_identifier(tuple))
		return &tuple->src.u.icmp.id;
	if (!has_ports(tuple->dst.protonum) && !is_call(c, tuple))
		return NULL;
	return c->manip == NF_NAT_MANIP_SRC ? &tuple->src.u.all :
					      &tuple->dst.u.all;
}

static bool is_named(const struct ct_nat_choice *c)
{
	return c->range->flags & NF_NAT_RANGE_PROTO_SPECIFIED;
}

static bool is_random(const struct ct_nat_choice *c)
{
	return c->range->flags & NF_NAT_RANGE_PROTO_RANDOM_ALL;
}

static bool in_named_range(const struct ct_nat_choice *c, __be16 port)
{
	return ntohs(port) >= ntohs(c->range->min_proto.all) &&
	       ntohs(port) <= ntohs(c->range->max_proto.all);
}

bool ct_nat_port_in_range(const struct ct_nat_choice *c,
			  const struct nf_conntrack_tuple *tuple)
{
	struct nf_conntrack_tuple t = *tuple;
	const __be16 *port = port_of(c, &t);

	return !port || !is_named(c) || in_named_range(c, *port);
}

static void set_range(struct search *s, unsigned int min, unsigned int max)
{
	s->min = min;
	s->size = max - min + 1;
}

/*
 * Where the rule names none. Who trusts a port below 1024, or below 512 (rsh),
 * trusts it behind a translation, too (RFC 4787 4.2.1). False: it stays.
 */
static bool default_range(struct search *s)
{
	const struct nf_conntrack_tuple *t = s->tuple;

	if (has_identifier(t)) {
		set_range(s, 0, U16_MAX);
		return true;
	}
	if (is_call(s->c, t)) {
		set_range(s, 1, U16_MAX);
		return true;
	}
	if (s->c->manip == NF_NAT_MANIP_DST)
		return false;
	s->reserved = s->c->reserved;
	if (s->was < 512)
		set_range(s, 1, 511);
	else if (s->was < 1024)
		set_range(s, 600, 1023);
	else
		set_range(s, 1024, U16_MAX);
	return true;
}

static bool find_range(struct search *s)
{
	const struct nf_nat_range2 *range = s->c->range;

	if (!is_named(s->c))
		return default_range(s);
	/* The wrong way round it is a range, too. */
	set_range(s, min(ntohs(range->min_proto.all),
			 ntohs(range->max_proto.all)),
		  max(ntohs(range->min_proto.all),
		      ntohs(range->max_proto.all)));
	return true;
}

static void find_first(struct search *s)
{
	const struct nf_nat_range2 *range = s->c->range;
	const bool source = s->c->manip == NF_NAT_MANIP_SRC;

	if (is_named(s->c) && range->flags & NF_NAT_RANGE_PROTO_OFFSET) {
		s->first = (u16)(s->was - ntohs(range->base_proto.all)) %
			   s->size;
	} else if (source || is_random(s->c)) {
		s->first = next_random(s, s->size);
		/* RFC 4787 4.2.2: RTP and RTCP have an even and an odd one. */
		s->parity = !is_random(s->c) && is_udp(s->tuple->dst.protonum);
	}
}

static bool is_taken(struct search *s, unsigned int port, bool reuse)
{
	*s->port = htons(port);
	s->c->probes++;
	return s->c->table->taken(s->c->ctx, s->tuple, reuse);
}

/* May the port stay what it is? */
static bool may_stay(const struct search *s)
{
	const u32 flags = s->c->range->flags;

	if (is_random(s->c))
		return false;
	if (!is_named(s->c))
		return true;
	return !(flags & NF_NAT_RANGE_PROTO_OFFSET) &&
	       in_named_range(s->c, *s->port);
}

static unsigned long taken_word(const struct search *s,
				const unsigned long *used, unsigned int word)
{
	return (used ? READ_ONCE(used[word]) : 0) |
	       (s->reserved ? READ_ONCE(s->reserved[word]) : 0);
}

/* The first one from @from on, below @end, that seems free, or @end. */
static unsigned int next_free(const struct search *s, const unsigned long *used,
			      unsigned int from, unsigned int end)
{
	unsigned int word = BIT_WORD(from);
	unsigned long taken;

	if (from >= end)
		return end;
	taken = taken_word(s, used, word) | (BIT_MASK(from) - 1);
	while (!~taken) {
		word++;
		if (word * BITS_PER_LONG >= end)
			return end;
		taken = taken_word(s, used, word);
	}
	return min_t(unsigned int, word * BITS_PER_LONG + ffz(taken), end);
}

/* The same, going on at the beginning. False: there is none. */
static bool find_free(const struct search *s, const unsigned long *used,
		      unsigned int *port)
{
	const unsigned int end = s->min + s->size;
	unsigned int at = next_free(s, used, *port, end);

	if (at == end) {
		at = next_free(s, used, s->min, *port);
		if (at == *port)
			return false;
	}
	*port = at;
	return true;
}

/* The neighbour, if it is in range and that makes it even, or odd. */
static unsigned int keep_parity(const struct search *s, unsigned int port)
{
	unsigned int other = port ^ 1;

	if (!((port ^ s->was) & 1) || other - s->min >= s->size)
		return port;
	return other;
}

/*
 * One that seems free by the bitmap: the first one, or any, as likely as any
 * other, or if such are rare the one behind it.
 */
static bool pick(struct search *s, const unsigned long *used,
		 unsigned int *port)
{
	unsigned int at = s->min + s->first, i;

	for (i = 0; i < SPREAD; i++) {
		if (s->parity && i < SPREAD / 2)
			at = keep_parity(s, at);
		if (next_free(s, used, at, at + 1) == at)
			break;
		at = s->min + next_random(s, s->size);
	}
	*port = at;
	return find_free(s, used, port);
}

static bool may_probe(const struct search *s)
{
	return s->c->probes < CT_NAT_PROBES;
}

static int search_bitmap(struct search *s, unsigned long *used)
{
	unsigned int port;

	while (may_probe(s)) {
		if (!pick(s, used, &port))
			return -EADDRINUSE;
		/* The bit first: who ends meanwhile clears it. */
		set_bit(port, used);
		if (!is_taken(s, port, true))
			return 0;
	}
	return -EAGAIN;
}

/*
 * The first one, and then one from each sixteenth of the range that begins there:
 * never the same twice.
 */
static unsigned int candidate(struct search *s, unsigned int i)
{
	const unsigned int from = i * s->size / SPREAD;
	const unsigned int end = (i + 1) * s->size / SPREAD;
	unsigned int at = s->first + from;

	if (i)
		at += next_random(s, end - from);
	at = s->min + at % s->size;
	return s->parity && i < SPREAD / 2 ? keep_parity(s, at) : at;
}

/*
 * If it is reserved, any other: behind a long row of such there would be one that
 * many connections have, and everybody can guess.
 */
static unsigned int unreserved(struct search *s, unsigned int port, bool parity)
{
	unsigned int i;

	for (i = 0; i < SPREAD && next_free(s, NULL, port, port + 1) != port;
	     i++) {
		port = s->min + next_random(s, s->size);
		if (parity)
			port = keep_parity(s, port);
	}
	return port;
}

static int search_spread(struct search *s)
{
	const struct ct_nat_table *table = s->c->table;
	unsigned long *used;
	unsigned int i, port;

	for (i = 0; i < SPREAD && may_probe(s); i++) {
		if (table->used && (!i || i == EARLY)) {
			used = table->used(s->c->ctx, s->tuple, i);
			if (used)
				return search_bitmap(s, used);
		}
		port = unreserved(s, candidate(s, i),
				  s->parity && i < SPREAD / 2);
		if (!find_free(s, NULL, &port))
			return -EADDRINUSE;
		if (!is_taken(s, port, i >= GENTLE))
			return 0;
	}
	return -EAGAIN;
}

/* All of a small range, those of the right parity first. */
static int search_all(struct search *s)
{
	unsigned int i, round, port;

	for (round = 0; round <= s->parity; round++) {
		for (i = 0; i < s->size; i++) {
			port = s->min + (s->first + i) % s->size;
			if (s->parity && ((port ^ s->was) & 1) != round)
				continue;
			if (!may_probe(s))
				return -EAGAIN;
			if (!is_taken(s, port, true))
				return 0;
		}
	}
	return -EADDRINUSE;
}

bool ct_nat_some_port(struct ct_nat_choice *c,
		      const struct nf_conntrack_tuple *orig, unsigned int i,
		      struct nf_conntrack_tuple *tuple)
{
	struct nf_conntrack_tuple was = *orig;
	struct search s = {
		.c = c,
		.tuple = tuple,
		.port = port_of(c, tuple),
	};
	unsigned int port;

	if (!s.port)
		return false;
	s.was = ntohs(*port_of(c, &was));
	if (!find_range(&s))
		return false;
	if (s.size <= SPREAD) {
		*s.port = htons(s.min + i);
		return i < s.size;
	}
	s.state = ct_nat_seed(c);
	s.first = next_random(&s, s.size);
	port = candidate(&s, i);
	/* Each goes on from where it is: they would all meet in one port. */
	s.state += (u64)(i + 1) << 32;
	port = unreserved(&s, port, false);
	if (!find_free(&s, NULL, &port))
		return false;
	*s.port = htons(port);
	return true;
}

bool ct_nat_may_stay(struct ct_nat_choice *c,
		     const struct nf_conntrack_tuple *tuple)
{
	const unsigned int port = ntohs(tuple->src.u.all);
	unsigned long *used = NULL;

	if (c->table->used)
		used = c->table->used(c->ctx, tuple, false);
	if (used && test_bit(port, used))
		return false;
	if (!c->hope) {
		c->probes++;
		if (c->table->taken(c->ctx, tuple, false))
			return false;
	}
	if (used)
		set_bit(port, used);
	return true;
}

int ct_nat_choose_port(struct ct_nat_choice *c,
		       struct nf_conntrack_tuple *tuple, bool tried)
{
	struct search s = {
		.c = c,
		.tuple = tuple,
		.port = port_of(c, tuple),
	};

	if (!s.port) {
		c->probes++;
		return c->table->taken(c->ctx, tuple, false) ? -EADDRINUSE : 0;
	}
	s.was = ntohs(*s.port);
	if (!find_range(&s))
		return is_taken(&s, s.was, false) ? -EADDRINUSE : 0;
	if (!tried && may_stay(&s) && ct_nat_may_stay(c, tuple))
		return 0;
	s.state = ct_nat_seed(c);
	find_first(&s);
	return s.size <= SPREAD ? search_all(&s) : search_spread(&s);
}

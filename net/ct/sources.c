// SPDX-License-Identifier: GPL-2.0
/*
 * Who holds most? A summary of constant size, fed with a part of what is there.
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include "overload.h"

/* Fewer say nothing. */
#define ENOUGH	16

/* With so many, all are halved: what was long ago is forgotten. */
#define HALVE	512

/* What no IPv6 source begins with: it would be a multicast group. */
#define IPV4	0xffffffff00000000ULL

u64 ct_source_key(const struct nf_conntrack_tuple *orig)
{
	const union nf_inet_addr *src = &orig->src.u3;

	if (orig->src.l3num == NFPROTO_IPV4)
		return IPV4 | (ntohl(src->ip) & ~0xffU);
	/* 0 stands for nobody. */
	return (((u64)ntohl(src->ip6[0]) << 32) | ntohl(src->ip6[1])) ?: 1;
}

static void halve(struct ct_sources *s)
{
	unsigned int i;

	s->noted /= 2;
	for (i = 0; i < CT_SOURCES; i++)
		s->top[i].hits /= 2;
}

void ct_sources_note(struct ct_sources *s, u64 key)
{
	unsigned int i, free = CT_SOURCES;

	if (++s->noted >= HALVE)
		halve(s);
	for (i = 0; i < CT_SOURCES; i++) {
		if (!s->top[i].hits) {
			free = i;
		} else if (s->top[i].key == key) {
			s->top[i].hits++;
			return;
		}
	}
	if (free < CT_SOURCES) {
		s->top[free].key = key;
		s->top[free].hits = 1;
		return;
	}
	for (i = 0; i < CT_SOURCES; i++)
		s->top[i].hits--;
}

u64 ct_sources_heavy(const struct ct_sources *s)
{
	unsigned int i, most = 0;

	for (i = 1; i < CT_SOURCES; i++)
		if (s->top[i].hits > s->top[most].hits)
			most = i;
	if (s->noted < ENOUGH || s->top[most].hits <= s->noted / 4)
		return 0;
	return s->top[most].key;
}

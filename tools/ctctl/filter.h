/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CTCTL_FILTER_H
#define CTCTL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "ctctl.h"
#include "entry.h"

struct nlmsghdr;

enum event {
	EVENT_NONE	= 0,
	EVENT_NEW	= 1 << 0,
	EVENT_UPDATE	= 1 << 1,
	EVENT_DESTROY	= 1 << 2,
	EVENT_ALL	= EVENT_NEW | EVENT_UPDATE | EVENT_DESTROY,
};

struct address_match {
	bool set;
	uint8_t family;
	uint8_t prefix;			/* bits */
	union address address;
};

struct port_match {
	bool set;
	uint16_t low;
	uint16_t high;
};

struct half_match {
	struct address_match src;
	struct address_match dst;
	struct port_match sport;
	struct port_match dport;
};

/**
 * struct filter - the words of a command line
 *
 * Everything given must hold. Protocols are alternatives of each other, and
 * so are states.
 *
 * @family: AF_INET, AF_INET6, or AF_UNSPEC for both
 * @any_proto: no protocol was named
 * @proto: bitmap of the protocols that were
 * @by_state: a state was named; @tcp, @dccp, @sctp are bitmaps of states
 * @status: the bits that @status_mask covers must have these values
 * @half: by direction
 * @mark: under @mark_mask, if @by_mark
 * @events: which to show; EVENT_ALL unless some were named
 */
struct filter {
	uint8_t family;
	bool any_proto;
	uint32_t proto[8];
	bool by_state;
	uint16_t tcp;
	uint16_t dccp;
	uint16_t sctp;
	uint32_t status;
	uint32_t status_mask;
	struct half_match half[DIRECTIONS];
	bool by_mark;
	uint32_t mark;
	uint32_t mark_mask;
	bool by_zone;
	uint16_t zone;
	bool by_id;
	uint32_t id;
	unsigned int events;
	bool empty;
};

/**
 * filter_parse() - make a filter of words
 * @f: filled
 * @opts: -4 and -6 count as words
 * @with_events: whether the names of events are words, too
 * @argc: number of words
 * @argv: the words
 *
 * Return: 0, or MISUSED with a complaint printed.
 */
int filter_parse(struct filter *f, const struct options *opts,
		 bool with_events, int argc, char **argv);

/* Whether an entry passes. */
bool filter_match(const struct filter *f, const struct entry *e);

/*
 * Whether the kernel could do more with a family than without: it takes
 * tuples in a filter only along with one.
 */
bool filter_wants_family(const struct filter *f);

/* Whether filter_put() would add anything for @family. */
bool filter_has_kernel_part(const struct filter *f, uint8_t family);

/*
 * Add to a dump request for @family what the kernel can sort out by itself.
 * Older kernels ignore parts of it: filter_match() has the last word.
 */
void filter_put(const struct filter *f, struct nlmsghdr *nlh, uint8_t family);

#endif /* CTCTL_FILTER_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * A table for people. Columns are as wide as the first entries need; later
 * ones widen them. So a table of any size takes little memory and starts to
 * appear at once.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "names.h"
#include "print.h"

enum column {
	COLUMN_EVENT,
	COLUMN_PROTO,
	COLUMN_STATE,
	COLUMN_EXPIRES,
	COLUMN_SOURCE,
	COLUMN_DESTINATION,
	COLUMN_PACKETS,
	COLUMN_BYTES,
	COLUMN_DETAILS,
	COLUMNS
};

static const char *const titles[COLUMNS] = {
	[COLUMN_EVENT]		= "EVENT",
	[COLUMN_PROTO]		= "PROTO",
	[COLUMN_STATE]		= "STATE",
	[COLUMN_EXPIRES]	= "EXPIRES",
	[COLUMN_SOURCE]		= "SOURCE",
	[COLUMN_DESTINATION]	= "DESTINATION",
	[COLUMN_PACKETS]	= "PACKETS",
	[COLUMN_BYTES]		= "BYTES",
	[COLUMN_DETAILS]	= "DETAILS",
};

/* What a stream, which cannot look ahead, starts with. */
static const unsigned char stream_width[COLUMNS] = {
	[COLUMN_EVENT]		= 7,
	[COLUMN_PROTO]		= 6,
	[COLUMN_STATE]		= 11,
	[COLUMN_EXPIRES]	= 7,
	[COLUMN_SOURCE]		= 21,
	[COLUMN_DESTINATION]	= 21,
	[COLUMN_DETAILS]	= 7,
};

#define CELL_MAX	64	/* an IPv6 address and a port need 54 */
#define DETAILS_MAX	640
#define BATCH		256

struct row {
	char cell[COLUMN_DETAILS][CELL_MAX];
	char details[DETAILS_MAX];
};

static struct row rows[BATCH];
static unsigned int pending;
static size_t width[COLUMNS];
static bool streaming, headed;

static const char *cell_text(const struct row *row, enum column c)
{
	return c == COLUMN_DETAILS ? row->details : row->cell[c];
}

/* A column that nothing is in is left out. */
static void print_row(const struct row *row)
{
	const char *separator = "";
	enum column c, last = 0;

	for (c = 0; c < COLUMNS; c++)
		if (width[c] && (!row || cell_text(row, c)[0]))
			last = c;

	for (c = 0; c <= last; c++) {
		const char *text = row ? cell_text(row, c) : titles[c];

		if (!width[c])
			continue;
		printf("%s%-*s", separator, c == last ? 0 : (int)width[c],
		       text);
		separator = "  ";
	}
	putchar('\n');
}

static void widen(const struct row *row)
{
	enum column c;

	for (c = 0; c < COLUMNS; c++) {
		size_t len = strlen(cell_text(row, c));

		if (len > width[c])
			width[c] = len;
	}
}

static void print_rows(void)
{
	unsigned int i;
	enum column c;

	for (i = 0; i < pending; i++)
		widen(&rows[i]);
	for (c = 0; c < COLUMNS; c++)
		if (width[c] && width[c] < strlen(titles[c]))
			width[c] = strlen(titles[c]);
	if (!headed)
		print_row(NULL);
	headed = true;
	for (i = 0; i < pending; i++)
		print_row(&rows[i]);
	pending = 0;
}

__printf(2, 3)
static void add(char details[static DETAILS_MAX], const char *fmt, ...)
{
	size_t used = strlen(details);
	va_list ap;

	if (used && used < DETAILS_MAX - 1) {
		details[used++] = ' ';
		details[used] = '\0';
	}
	va_start(ap, fmt);
	vsnprintf(details + used, DETAILS_MAX - used, fmt, ap);
	va_end(ap);
}

static void put_state(char cell[static CELL_MAX], const struct entry *e)
{
	const char *state = entry_state(e);
	size_t i;

	snprintf(cell, CELL_MAX, "%s", state ? state : "-");
	for (i = 0; cell[i]; i++)
		cell[i] = toupper((unsigned char)cell[i]);
}

static void put_expires(char cell[static CELL_MAX], const struct entry *e)
{
	uint32_t s = e->timeout;

	if (!(e->has & HAS_TIMEOUT))
		snprintf(cell, CELL_MAX, "-");
	else if (s < 60)
		snprintf(cell, CELL_MAX, "%us", s);
	else if (s < 3600)
		snprintf(cell, CELL_MAX, "%um%02us",
			 s / 60, s % 60);
	else if (s < 86400)
		snprintf(cell, CELL_MAX, "%uh%02um",
			 s / 3600, s / 60 % 60);
	else
		snprintf(cell, CELL_MAX, "%ud%02uh",
			 s / 86400, s / 3600 % 24);
}

static void put_end(char cell[static CELL_MAX], const struct entry *e,
		    const struct half *h, bool source)
{
	const union address *a = source ? &h->src : &h->dst;
	unsigned int port = source ? h->sport : h->dport;
	char address[ADDRESS_MAX];

	entry_address(e, a, address);
	if (!h->has_ports)
		snprintf(cell, CELL_MAX, "%s", address);
	else if (h->proto == IPPROTO_GRE)
		snprintf(cell, CELL_MAX, "%s key 0x%x", address, port);
	else if (e->family == AF_INET6)
		snprintf(cell, CELL_MAX, "[%s]:%u", address, port);
	else
		snprintf(cell, CELL_MAX, "%s:%u", address, port);
}

static void put_counters(struct row *row, const struct entry *e)
{
	const struct half *o = &e->half[ORIG], *r = &e->half[REPLY];

	if (!(e->has & HAS_COUNTERS))
		return;
	/* Only the last event has them: no columns for that. */
	if (streaming) {
		add(row->details, "packets %llu/%llu bytes %llu/%llu",
		    o->packets, r->packets, o->bytes, r->bytes);
		return;
	}
	snprintf(row->cell[COLUMN_PACKETS], CELL_MAX,
		 "%llu/%llu", o->packets, r->packets);
	snprintf(row->cell[COLUMN_BYTES], CELL_MAX,
		 "%llu/%llu", o->bytes, r->bytes);
}

static void put_details(char details[static DETAILS_MAX],
			const struct entry *e)
{
	const struct half *o = &e->half[ORIG], *r = &e->half[REPLY];
	char src[CELL_MAX], dst[CELL_MAX];

	if (o->has_icmp)
		add(details, "type %u code %u id %u",
		    o->icmp_type, o->icmp_code, o->icmp_id);
	if (e->has & HAS_STATUS && !(e->status & IPS_SEEN_REPLY))
		add(details, "unreplied");
	if (e->status & IPS_ASSURED)
		add(details, "assured");
	if (e->status & IPS_HW_OFFLOAD)
		add(details, "hw_offload");
	else if (e->status & IPS_OFFLOAD)
		add(details, "offload");
	if (!entry_is_symmetric(e)) {
		put_end(src, e, r, true);
		put_end(dst, e, r, false);
		add(details, "reply %s > %s", src, dst);
	}
	if (e->mark)
		add(details, "mark 0x%x", e->mark);
	if (e->has & HAS_ZONE)
		add(details, "zone %u", e->zone);
	if (o->has_zone)
		add(details, "orig-zone %u", o->zone);
	if (r->has_zone)
		add(details, "reply-zone %u", r->zone);
	if (e->helper[0])
		add(details, "helper %s", e->helper);
	if (e->secctx[0])
		add(details, "secctx %s", e->secctx);
}

static void table_begin(bool stream)
{
	enum column c;

	streaming = stream;
	if (!stream)
		return;
	for (c = 0; c < COLUMNS; c++)
		width[c] = stream_width[c];
}

static void table_entry(const struct entry *e, enum event event)
{
	struct row *row = &rows[pending++];
	const char *proto = name_of(protocol_names, e->half[ORIG].proto);
	char *cell = row->cell[COLUMN_PROTO];

	memset(row, 0, sizeof(*row));
	snprintf(row->cell[COLUMN_EVENT], CELL_MAX, "%s", event_word(event));
	if (proto)
		snprintf(cell, CELL_MAX, "%s", proto);
	else
		snprintf(cell, CELL_MAX, "%u", e->half[ORIG].proto);
	put_state(row->cell[COLUMN_STATE], e);
	put_expires(row->cell[COLUMN_EXPIRES], e);
	put_end(row->cell[COLUMN_SOURCE], e, &e->half[ORIG], true);
	put_end(row->cell[COLUMN_DESTINATION], e, &e->half[ORIG], false);
	put_details(row->details, e);
	put_counters(row, e);

	if (streaming || pending == BATCH)
		print_rows();
}

static void table_end(void)
{
	if (pending)
		print_rows();
}

const struct printer print_table = {
	.begin	= table_begin,
	.entry	= table_entry,
	.end	= table_end,
};

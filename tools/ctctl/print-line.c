// SPDX-License-Identifier: GPL-2.0
/*
 * One line an entry, every field as key=value: for grep, awk and scripts. The
 * keys that a filter knows are its words.
 */
#include <stdio.h>

#include "names.h"
#include "print.h"

static void line_half(const struct entry *e, enum direction dir)
{
	const char *prefix = dir == ORIG ? "" : "reply-";
	const struct half *h = &e->half[dir];
	char address[ADDRESS_MAX];

	printf(" %ssrc=%s", prefix, entry_address(e, &h->src, address));
	printf(" %sdst=%s", prefix, entry_address(e, &h->dst, address));
	if (h->has_ports && h->proto == IPPROTO_GRE)
		printf(" %ssrckey=0x%x %sdstkey=0x%x",
		       prefix, h->sport, prefix, h->dport);
	else if (h->has_ports)
		printf(" %ssport=%u %sdport=%u",
		       prefix, h->sport, prefix, h->dport);
	if (h->has_icmp)
		printf(" %stype=%u %scode=%u %sicmp-id=%u",
		       prefix, h->icmp_type, prefix, h->icmp_code,
		       prefix, h->icmp_id);
	if (h->has_zone)
		printf(" %szone=%u", dir == ORIG ? "orig-" : prefix, h->zone);
	if (h->has_counters)
		printf(" %spackets=%llu %sbytes=%llu",
		       prefix, h->packets, prefix, h->bytes);
}

static void line_status(const struct entry *e)
{
	const struct name *n;
	char separator = '=';

	printf(" status");
	for (n = status_names; n->word; n++) {
		if (!(e->status & n->value))
			continue;
		printf("%c%s", separator, n->word);
		separator = ',';
	}
	if (separator == '=')
		putchar('=');
}

static void line_begin(bool stream)
{
	(void)stream;
}

static void line_entry(const struct entry *e, enum event event)
{
	const char *proto = name_of(protocol_names, e->half[ORIG].proto);
	const char *state = entry_state(e);
	int i;

	if (event)
		printf("event=%s ", event_word(event));
	printf("family=%s", e->family == AF_INET ? "ipv4" : "ipv6");
	if (proto)
		printf(" proto=%s", proto);
	else
		printf(" proto=%u", e->half[ORIG].proto);
	if (state)
		printf(" state=%s", state);
	if (e->has & HAS_TIMEOUT)
		printf(" timeout=%u", e->timeout);
	line_half(e, ORIG);
	line_half(e, REPLY);
	if (e->has & HAS_STATUS)
		line_status(e);
	if (e->has & HAS_MARK)
		printf(" mark=0x%x", e->mark);
	if (e->has & HAS_ZONE)
		printf(" zone=%u", e->zone);
	if (e->secctx[0])
		printf(" secctx=%s", e->secctx);
	if (e->helper[0])
		printf(" helper=%s", e->helper);
	if (e->labels_len) {
		printf(" labels=0x");
		for (i = e->labels_len - 1; i >= 0; i--)
			printf("%02x", e->labels[i]);
	}
	if (e->has & HAS_START)
		printf(" start=%llu", e->start);
	if (e->has & HAS_STOP)
		printf(" stop=%llu", e->stop);
	if (e->has & HAS_USE)
		printf(" use=%u", e->use);
	if (e->has & HAS_ID)
		printf(" id=%u", e->id);
	putchar('\n');
}

static void line_end(void)
{
}

const struct printer print_line = {
	.begin	= line_begin,
	.entry	= line_entry,
	.end	= line_end,
};

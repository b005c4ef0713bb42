// SPDX-License-Identifier: GPL-2.0
/*
 * The lines of "conntrack -L" 1.4.7, byte for byte, for scripts that read
 * them; events with "conntrack -E"'s word in front. Observed, not documented:
 * when in doubt, compare.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "names.h"
#include "print.h"

#define NSEC_PER_SEC	1000000000

/* Every field is followed by a blank; the last one's is not printed. */
static char line[2048];
static size_t used;

__printf(1, 2)
static void add(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line + used, sizeof(line) - used, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	used += n;
	if (used >= sizeof(line))
		used = sizeof(line) - 1;
}

static const char *upper(const char *word)
{
	static char buf[32];
	size_t i;

	for (i = 0; i < sizeof(buf) - 1 && word[i]; i++)
		buf[i] = toupper((unsigned char)word[i]);
	buf[i] = '\0';
	return buf;
}

static void add_half(const struct entry *e, enum direction dir)
{
	const struct half *h = &e->half[dir];
	char address[ADDRESS_MAX];

	add("src=%s ", entry_address(e, &h->src, address));
	add("dst=%s ", entry_address(e, &h->dst, address));
	if (h->proto == IPPROTO_GRE)
		add("srckey=0x%x dstkey=0x%x ", h->sport, h->dport);
	else if (proto_has_ports(h->proto))
		add("sport=%u dport=%u ", h->sport, h->dport);
	else if (h->has_icmp)
		add("type=%u code=%u id=%u ",
		    h->icmp_type, h->icmp_code, h->icmp_id);
	if (h->has_zone)
		add("zone-%s=%u ", dir == ORIG ? "orig" : "reply", h->zone);
	if (h->has_counters)
		add("packets=%llu bytes=%llu ",
		    h->packets, h->bytes);
}

static void add_start(const struct entry *e, enum event event)
{
	const char *proto = name_of(protocol_names, e->half[ORIG].proto);
	const char *state = entry_state(e);
	const char *word;

	if (event) {
		word = upper(event_word(event));
		add("%*s[%s] ", (int)(strlen("DESTROY") - strlen(word)), "",
		    word);
	}
	add("%-8s %u ", proto ? proto : "unknown", e->half[ORIG].proto);
	if (e->has & HAS_TIMEOUT)
		add("%u ", e->timeout);
	if (state)
		add("%s ", upper(state));
}

static const char *flag(uint32_t status)
{
	if (status & IPS_HW_OFFLOAD)
		return "[HW_OFFLOAD] ";
	if (status & IPS_OFFLOAD)
		return "[OFFLOAD] ";
	if (status & IPS_ASSURED)
		return "[ASSURED] ";
	return "";
}

static void add_age(const struct entry *e)
{
	unsigned long long stop = e->has & HAS_STOP ? e->stop / NSEC_PER_SEC :
					    (unsigned long long)time(NULL);
	unsigned long long start = e->start / NSEC_PER_SEC;

	add("delta-time=%llu ", stop > start ? stop - start : 0);
}

static void add_rest(const struct entry *e)
{
	if (e->has & HAS_MARK)
		add("mark=%u ", e->mark);
	if (e->has & HAS_SECMARK)
		add("secmark=%u ", e->secmark);
	if (e->secctx[0])
		add("secctx=%s ", e->secctx);
	if (e->has & HAS_ZONE)
		add("zone=%u ", e->zone);
	if (e->has & HAS_START)
		add_age(e);
	if (e->helper[0])
		add("helper=%s ", e->helper);
	if (e->has & HAS_USE)
		add("use=%u ", e->use);
}

static void conntrack_begin(bool stream)
{
	(void)stream;
}

static void conntrack_entry(const struct entry *e, enum event event)
{
	used = 0;
	add_start(e, event);
	add_half(e, ORIG);
	if (e->has & HAS_STATUS && !(e->status & IPS_SEEN_REPLY))
		add("[UNREPLIED] ");
	add_half(e, REPLY);
	add("%s", flag(e->status));
	add_rest(e);
	if (used && line[used - 1] == ' ')
		used--;
	fwrite(line, 1, used, stdout);
	putchar('\n');
}

static void conntrack_end(void)
{
}

const struct printer print_conntrack = {
	.begin	= conntrack_begin,
	.entry	= conntrack_entry,
	.end	= conntrack_end,
};

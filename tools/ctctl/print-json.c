// SPDX-License-Identifier: GPL-2.0
/* JSON: an array of objects for a list, an object a line for events. */
#include <jansson.h>
#include <stdio.h>

#include "names.h"
#include "print.h"

static bool streaming;
static unsigned long printed;

static void put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *json_half(const struct entry *e, enum direction dir)
{
	const struct half *h = &e->half[dir];
	json_t *object = json_object();
	char address[ADDRESS_MAX];

	put(object, "src", json_string(entry_address(e, &h->src, address)));
	put(object, "dst", json_string(entry_address(e, &h->dst, address)));
	if (h->has_ports) {
		bool gre = h->proto == IPPROTO_GRE;

		put(object, gre ? "srckey" : "sport", json_integer(h->sport));
		put(object, gre ? "dstkey" : "dport", json_integer(h->dport));
	}
	if (h->has_icmp) {
		put(object, "type", json_integer(h->icmp_type));
		put(object, "code", json_integer(h->icmp_code));
		put(object, "id", json_integer(h->icmp_id));
	}
	if (h->has_zone)
		put(object, "zone", json_integer(h->zone));
	if (h->has_counters) {
		put(object, "packets", json_integer(h->packets));
		put(object, "bytes", json_integer(h->bytes));
	}
	return object;
}

static json_t *json_status(const struct entry *e)
{
	json_t *array = json_array();
	const struct name *n;

	for (n = status_names; n->word; n++)
		if (e->status & n->value)
			json_array_append_new(array, json_string(n->word));
	return array;
}

static json_t *json_tcp(const struct entry *e, enum direction dir)
{
	return json_pack("{s:i,s:i}", "wscale", e->tcp_wscale[dir],
			 "flags", e->tcp_flags[dir]);
}

static json_t *json_labels(const struct entry *e)
{
	char hex[2 + 2 * ENTRY_LABELS_MAX + 1] = "0x";
	int i, at = 2;

	for (i = e->labels_len - 1; i >= 0; i--, at += 2)
		snprintf(hex + at, sizeof(hex) - at, "%02x", e->labels[i]);
	return json_string(hex);
}

static void json_rest(json_t *object, const struct entry *e)
{
	if (e->has & HAS_TCP)
		put(object, "tcp", json_pack("{s:o,s:o}",
					     "orig", json_tcp(e, ORIG),
					     "reply", json_tcp(e, REPLY)));
	if (e->has & HAS_MARK)
		put(object, "mark", json_integer(e->mark));
	if (e->has & HAS_ZONE)
		put(object, "zone", json_integer(e->zone));
	if (e->secctx[0])
		put(object, "secctx", json_string(e->secctx));
	if (e->helper[0])
		put(object, "helper", json_string(e->helper));
	if (e->labels_len)
		put(object, "labels", json_labels(e));
	if (e->has & HAS_START)
		put(object, "start", json_integer(e->start));
	if (e->has & HAS_STOP)
		put(object, "stop", json_integer(e->stop));
	if (e->has & HAS_USE)
		put(object, "use", json_integer(e->use));
	if (e->has & HAS_ID)
		put(object, "id", json_integer(e->id));
}

static json_t *json_entry(const struct entry *e, enum event event)
{
	const char *proto = name_of(protocol_names, e->half[ORIG].proto);
	const char *state = entry_state(e);
	json_t *object = json_object();

	if (event)
		put(object, "event", json_string(event_word(event)));
	put(object, "family",
	    json_string(e->family == AF_INET ? "ipv4" : "ipv6"));
	put(object, "proto", proto ? json_string(proto) :
		    json_sprintf("%u", e->half[ORIG].proto));
	put(object, "protonum", json_integer(e->half[ORIG].proto));
	if (state)
		put(object, "state", json_string(state));
	if (e->has & HAS_TIMEOUT)
		put(object, "timeout", json_integer(e->timeout));
	put(object, "orig", json_half(e, ORIG));
	put(object, "reply", json_half(e, REPLY));
	if (e->has & HAS_STATUS)
		put(object, "status", json_status(e));
	json_rest(object, e);
	return object;
}

static void print_begin(bool stream)
{
	streaming = stream;
}

static void print_entry(const struct entry *e, enum event event)
{
	json_t *object = json_entry(e, event);

	if (!streaming)
		fputs(printed++ ? ",\n" : "[\n", stdout);
	json_dumpf(object, stdout, JSON_COMPACT);
	if (streaming)
		putchar('\n');
	json_decref(object);
}

static void print_end(void)
{
	if (!streaming)
		puts(printed ? "\n]" : "[]");
}

const struct printer print_json = {
	.begin	= print_begin,
	.entry	= print_entry,
	.end	= print_end,
};

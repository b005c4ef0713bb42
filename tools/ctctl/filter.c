// SPDX-License-Identifier: GPL-2.0
/* Filters: parsed from words, matched here, and offered to the kernel. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "filter.h"
#include "names.h"

/* The words still to be read. */
struct words {
	int left;
	char **next;
};

static const char *take(struct words *w)
{
	if (!w->left)
		return NULL;
	w->left--;
	return *w->next++;
}

static int given_again(const char *word)
{
	complain("'%s' is there twice; an entry cannot be both", word);
	return MISUSED;
}

/*
 * A number up to @max that ends at @end, or at the end of the word. Decimal,
 * or hexadecimal after 0x; no sign, no blank, no octal.
 */
static bool get_number(const char *s, const char **end, uint32_t max,
		       uint32_t *value)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
	unsigned long long n;
	char *stop;

	if (hex)
		s += 2;
	if (!*s || !strchr(digits, *s))
		return false;
	errno = 0;
	n = strtoull(s, &stop, hex ? 16 : 10);
	if (errno || n > max)
		return false;
	*value = n;
	*end = stop;
	return true;
}

static bool whole_number(const char *s, uint32_t max, uint32_t *value)
{
	const char *end;

	return s && get_number(s, &end, max, value) && !*end;
}

static int parse_family(struct filter *f, uint8_t family, const char *word)
{
	if (f->family != AF_UNSPEC && f->family != family) {
		complain("'%s' contradicts an earlier word: that leaves only %s",
			 word, f->family == AF_INET ? "ipv4" : "ipv6");
		return MISUSED;
	}
	f->family = family;
	return 0;
}

static int parse_ipv4(struct filter *f, const char *word, struct words *w)
{
	(void)w;
	return parse_family(f, AF_INET, word);
}

static int parse_ipv6(struct filter *f, const char *word, struct words *w)
{
	(void)w;
	return parse_family(f, AF_INET6, word);
}

static void add_proto(struct filter *f, uint8_t num)
{
	f->any_proto = false;
	f->proto[num / 32] |= UINT32_C(1) << num % 32;
}

static bool has_proto(const struct filter *f, uint8_t num)
{
	return f->any_proto || f->proto[num / 32] >> num % 32 & 1;
}

/* Words of a table as choices; the callers' tables are all short. */
#define CHOICES_MAX	64
static void add_choices(const char **choices, const struct name *names)
{
	size_t n = 0, i;

	while (choices[n])
		n++;
	for (; names->word && n < CHOICES_MAX - 1; names++) {
		for (i = 0; i < n; i++)
			if (!strcmp(choices[i], names->word))
				break;
		if (i == n)
			choices[n++] = names->word;
	}
	choices[n] = NULL;
}

static int parse_proto(struct filter *f, const char *word, struct words *w)
{
	const char *choices[CHOICES_MAX] = { NULL };
	const char *value = take(w);
	const struct name *name;
	uint32_t num;

	(void)word;
	name = value ? name_find(protocol_names, value) : NULL;
	if (name) {
		add_proto(f, name->value);
		return 0;
	}
	if (!whole_number(value, 255, &num)) {
		add_choices(choices, protocol_names);
		return wrong_word(value, "a protocol", choices,
				  "or a number up to 255");
	}
	add_proto(f, num);
	return 0;
}

static bool add_state(uint16_t *states, const struct name *names,
		      const char *word)
{
	const struct name *name = name_find(names, word);

	if (name)
		*states |= 1U << name->value;
	return name;
}

static int parse_state(struct filter *f, const char *word, struct words *w)
{
	const char *choices[CHOICES_MAX] = { NULL };
	const char *value = take(w);
	bool known = false;

	(void)word;
	if (value) {
		known |= add_state(&f->tcp, tcp_state_names, value);
		known |= add_state(&f->dccp, dccp_state_names, value);
		known |= add_state(&f->sctp, sctp_state_names, value);
	}
	if (!known) {
		add_choices(choices, tcp_state_names);
		add_choices(choices, sctp_state_names);
		add_choices(choices, dccp_state_names);
		return wrong_word(value, "a state", choices, NULL);
	}
	f->by_state = true;
	return 0;
}

/* What is asked for more often than a bit that is set. */
static const struct name absence_names[] = {
	{ "unreplied",	IPS_SEEN_REPLY },
	{ "unassured",	IPS_ASSURED },
	{ NULL,		0 }
};

static int parse_status(struct filter *f, const char *word, struct words *w)
{
	const char *choices[CHOICES_MAX] = { NULL };
	const char *value = take(w);
	const struct name *set, *clear;
	uint32_t bit;

	(void)word;
	set = value ? name_find(status_names, value) : NULL;
	clear = value ? name_find(absence_names, value) : NULL;
	if (!set && !clear) {
		add_choices(choices, status_names);
		add_choices(choices, absence_names);
		return wrong_word(value, "a status", choices, NULL);
	}

	bit = set ? set->value : clear->value;
	if (f->status_mask & bit && (f->status & bit) != (set ? bit : 0)) {
		complain("'status %s' contradicts an earlier status", value);
		return MISUSED;
	}
	f->status_mask |= bit;
	if (set)
		f->status |= bit;
	return 0;
}

static int parse_address(struct filter *f, struct address_match *m,
			 const char *word, struct words *w)
{
	static const char syntax[] = "ADDRESS[/BITS], 10.0.0.0/8 or 2001:db8::1";
	const char *value = take(w);
	char address[ADDRESS_MAX];
	const char *slash;
	uint32_t bits;
	size_t len;

	if (m->set)
		return given_again(word);
	if (!value)
		return wrong_word(NULL, "an address", NULL, syntax);

	slash = strchrnul(value, '/');
	len = slash - value;
	if (len >= sizeof(address))
		return wrong_word(value, "an address", NULL, syntax);
	memcpy(address, value, len);
	address[len] = '\0';

	if (inet_pton(AF_INET, address, &m->address) == 1)
		m->family = AF_INET;
	else if (inet_pton(AF_INET6, address, &m->address) == 1)
		m->family = AF_INET6;
	else
		return wrong_word(value, "an address", NULL, syntax);

	bits = m->family == AF_INET ? 32 : 128;
	if (*slash && !whole_number(slash + 1, bits, &bits))
		return wrong_word(value, "an address with a prefix", NULL,
				  m->family == AF_INET ? "ADDRESS/0 to /32" :
							 "ADDRESS/0 to /128");
	m->prefix = bits;
	m->set = true;
	return parse_family(f, m->family, value);
}

static int parse_port(struct port_match *m, const char *word, struct words *w)
{
	const char *value = take(w), *end;
	uint32_t low, high;

	if (m->set)
		return given_again(word);
	if (!value || !get_number(value, &end, UINT16_MAX, &low))
		goto wrong;
	high = low;
	if (*end == '-' && !get_number(end + 1, &end, UINT16_MAX, &high))
		goto wrong;
	if (*end)
		goto wrong;
	if (low > high) {
		complain("'%s' is an empty range: %u comes after %u",
			 value, low, high);
		return MISUSED;
	}
	m->low = low;
	m->high = high;
	m->set = true;
	return 0;
wrong:
	return wrong_word(value, "a port", NULL, "PORT or PORT-PORT, 0 to 65535");
}

static int parse_src(struct filter *f, const char *word, struct words *w)
{
	return parse_address(f, &f->half[ORIG].src, word, w);
}

static int parse_dst(struct filter *f, const char *word, struct words *w)
{
	return parse_address(f, &f->half[ORIG].dst, word, w);
}

static int parse_reply_src(struct filter *f, const char *word, struct words *w)
{
	return parse_address(f, &f->half[REPLY].src, word, w);
}

static int parse_reply_dst(struct filter *f, const char *word, struct words *w)
{
	return parse_address(f, &f->half[REPLY].dst, word, w);
}

static int parse_sport(struct filter *f, const char *word, struct words *w)
{
	return parse_port(&f->half[ORIG].sport, word, w);
}

static int parse_dport(struct filter *f, const char *word, struct words *w)
{
	return parse_port(&f->half[ORIG].dport, word, w);
}

static int parse_reply_sport(struct filter *f, const char *word,
			     struct words *w)
{
	return parse_port(&f->half[REPLY].sport, word, w);
}

static int parse_reply_dport(struct filter *f, const char *word,
			     struct words *w)
{
	return parse_port(&f->half[REPLY].dport, word, w);
}

static int parse_mark(struct filter *f, const char *word, struct words *w)
{
	const char *value = take(w), *end;

	if (f->by_mark)
		return given_again(word);
	f->mark_mask = UINT32_MAX;
	if (!value || !get_number(value, &end, UINT32_MAX, &f->mark) ||
	    (*end == '/' &&
	     !get_number(end + 1, &end, UINT32_MAX, &f->mark_mask)) || *end)
		return wrong_word(value, "a mark", NULL,
				  "MARK[/MASK], 0x10/0xff or 16");
	if (f->mark & ~f->mark_mask) {
		complain("mark '%s' matches nothing: it has bits outside its mask",
			 value);
		return MISUSED;
	}
	f->by_mark = true;
	return 0;
}

static int parse_zone(struct filter *f, const char *word, struct words *w)
{
	const char *value = take(w);
	uint32_t zone;

	if (f->by_zone)
		return given_again(word);
	if (!whole_number(value, UINT16_MAX, &zone))
		return wrong_word(value, "a zone", NULL, "0 to 65535");
	f->zone = zone;
	f->by_zone = true;
	return 0;
}

static int parse_id(struct filter *f, const char *word, struct words *w)
{
	const char *value = take(w);

	if (f->by_id)
		return given_again(word);
	if (!whole_number(value, UINT32_MAX, &f->id))
		return wrong_word(value, "an id", NULL,
				  "the number that 'ctctl list' shows");
	f->by_id = true;
	return 0;
}

static const struct name event_names[] = {
	{ "new",	EVENT_NEW },
	{ "update",	EVENT_UPDATE },
	{ "destroy",	EVENT_DESTROY },
	{ NULL,		0 }
};

static const struct word {
	const char *word;
	int (*parse)(struct filter *f, const char *word, struct words *w);
} filter_words[] = {
	{ "ipv4",		parse_ipv4 },
	{ "ipv6",		parse_ipv6 },
	{ "proto",		parse_proto },
	{ "state",		parse_state },
	{ "status",		parse_status },
	{ "src",		parse_src },
	{ "dst",		parse_dst },
	{ "sport",		parse_sport },
	{ "dport",		parse_dport },
	{ "reply-src",		parse_reply_src },
	{ "reply-dst",		parse_reply_dst },
	{ "reply-sport",	parse_reply_sport },
	{ "reply-dport",	parse_reply_dport },
	{ "mark",		parse_mark },
	{ "zone",		parse_zone },
	{ "id",			parse_id },
};

static int unknown_word(const char *word, bool with_events)
{
	const char *choices[CHOICES_MAX] = { NULL };
	size_t i;

	if (with_events)
		add_choices(choices, event_names);
	add_choices(choices, protocol_names);
	for (i = 0; i < ARRAY_SIZE(filter_words); i++) {
		struct name one[] = {
			{ filter_words[i].word, 0 }, { NULL, 0 }
		};

		add_choices(choices, one);
	}
	return wrong_word(word, "a filter word", choices, NULL);
}

static int parse_word(struct filter *f, unsigned int *events,
		      const char *word, struct words *w)
{
	const struct name *name = name_find(protocol_names, word);
	size_t i;

	if (name) {
		add_proto(f, name->value);
		return 0;
	}
	name = events ? name_find(event_names, word) : NULL;
	if (name) {
		*events |= name->value;
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(filter_words); i++)
		if (!strcmp(word, filter_words[i].word))
			return filter_words[i].parse(f, word, w);
	return unknown_word(word, events);
}

int filter_parse(struct filter *f, const struct options *opts,
		 bool with_events, int argc, char **argv)
{
	struct words w = { .left = argc, .next = argv };
	unsigned int events = EVENT_NONE;
	const char *word;
	int ret;

	memset(f, 0, sizeof(*f));
	f->family = opts->family;
	f->any_proto = true;
	f->empty = !argc && opts->family == AF_UNSPEC;

	while ((word = take(&w))) {
		ret = parse_word(f, with_events ? &events : NULL, word, &w);
		if (ret)
			return ret;
	}
	f->events = events ? events : EVENT_ALL;
	return 0;
}

static bool match_address(const struct address_match *m,
			  const union address *a)
{
	unsigned int whole = m->prefix / 8, rest = m->prefix % 8;
	uint8_t differ;

	if (!m->set)
		return true;
	if (memcmp(m->address.bytes, a->bytes, whole))
		return false;
	if (!rest)
		return true;
	differ = m->address.bytes[whole] ^ a->bytes[whole];
	return !(differ >> (8 - rest));
}

static bool match_port(const struct port_match *m, const struct half *h,
		       uint16_t port)
{
	if (!m->set)
		return true;
	return h->has_ports && proto_has_ports(h->proto) &&
	       m->low <= port && port <= m->high;
}

static bool match_half(const struct half_match *m, const struct half *h)
{
	return match_address(&m->src, &h->src) &&
	       match_address(&m->dst, &h->dst) &&
	       match_port(&m->sport, h, h->sport) &&
	       match_port(&m->dport, h, h->dport);
}

static bool match_state(const struct filter *f, const struct entry *e)
{
	uint16_t states;

	if (!f->by_state)
		return true;

	switch (e->half[ORIG].proto) {
	case IPPROTO_TCP:
		states = f->tcp;
		break;
	case IPPROTO_DCCP:
		states = f->dccp;
		break;
	case IPPROTO_SCTP:
		states = f->sctp;
		break;
	default:
		return false;
	}
	return e->has & HAS_STATE && e->state < 16 && states >> e->state & 1;
}

bool filter_match(const struct filter *f, const struct entry *e)
{
	if (f->family != AF_UNSPEC && f->family != e->family)
		return false;
	if (!has_proto(f, e->half[ORIG].proto) || !match_state(f, e))
		return false;
	if ((e->status & f->status_mask) != f->status)
		return false;
	if (f->by_mark && (e->mark & f->mark_mask) != f->mark)
		return false;
	if (f->by_zone && entry_zone(e) != f->zone)
		return false;
	if (f->by_id && (!(e->has & HAS_ID) || e->id != f->id))
		return false;
	return match_half(&f->half[ORIG], &e->half[ORIG]) &&
	       match_half(&f->half[REPLY], &e->half[REPLY]);
}

/*
 * What CTA_FILTER_ORIG_FLAGS and _REPLY_FLAGS select from the tuples beside
 * them. No UAPI header names the bits: they are those that kernels since 5.8
 * accept and libnetfilter_conntrack sends.
 */
enum {
	MATCH_SRC	= 1 << 0,
	MATCH_DST	= 1 << 1,
	MATCH_PROTO	= 1 << 3,
	MATCH_SPORT	= 1 << 4,
	MATCH_DPORT	= 1 << 5,
};

/* The protocol, if there is exactly one. */
static int single_proto(const struct filter *f)
{
	int num, found = -1;

	if (f->any_proto)
		return -1;
	for (num = 0; num < 256; num++) {
		if (!has_proto(f, num))
			continue;
		if (found >= 0)
			return -1;
		found = num;
	}
	return found;
}

/*
 * IPv6 addresses are left to filter_match(): nf_conntrack of 6.1 takes a
 * filter with one to mean all others, and would keep back just what matches.
 */
static bool is_host(const struct address_match *m)
{
	return m->set && m->family == AF_INET && m->prefix == 32;
}

static bool is_port(const struct port_match *m)
{
	return m->set && m->low == m->high;
}

static uint32_t tuple_flags(const struct half_match *m, int proto)
{
	uint32_t flags = 0;

	if (is_host(&m->src))
		flags |= MATCH_SRC;
	if (is_host(&m->dst))
		flags |= MATCH_DST;
	if (proto < 0)
		return flags;
	flags |= MATCH_PROTO;
	if (proto_has_ports(proto) && is_port(&m->sport))
		flags |= MATCH_SPORT;
	if (proto_has_ports(proto) && is_port(&m->dport))
		flags |= MATCH_DPORT;
	return flags;
}

bool filter_wants_family(const struct filter *f)
{
	int proto = single_proto(f);

	return tuple_flags(&f->half[ORIG], proto) ||
	       tuple_flags(&f->half[REPLY], proto);
}

bool filter_has_kernel_part(const struct filter *f, uint8_t family)
{
	return f->by_mark || f->by_zone || f->status_mask ||
	       (family != AF_UNSPEC && filter_wants_family(f));
}

static void put_tuple(struct nlmsghdr *nlh, uint16_t type,
		      const struct half_match *m, int proto, uint32_t flags)
{
	struct nlattr *tuple, *nest;

	if (!flags)
		return;

	tuple = mnl_attr_nest_start(nlh, type);
	if (flags & (MATCH_SRC | MATCH_DST)) {
		nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
		if (flags & MATCH_SRC)
			mnl_attr_put(nlh, CTA_IP_V4_SRC,
				     sizeof(m->src.address.v4),
				     &m->src.address.v4);
		if (flags & MATCH_DST)
			mnl_attr_put(nlh, CTA_IP_V4_DST,
				     sizeof(m->dst.address.v4),
				     &m->dst.address.v4);
		mnl_attr_nest_end(nlh, nest);
	}
	if (flags & MATCH_PROTO) {
		nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
		mnl_attr_put_u8(nlh, CTA_PROTO_NUM, proto);
		if (flags & MATCH_SPORT)
			mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT,
					 htons(m->sport.low));
		if (flags & MATCH_DPORT)
			mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT,
					 htons(m->dport.low));
		mnl_attr_nest_end(nlh, nest);
	}
	mnl_attr_nest_end(nlh, tuple);
}

static void put_tuples(const struct filter *f, struct nlmsghdr *nlh)
{
	int proto = single_proto(f);
	uint32_t orig = tuple_flags(&f->half[ORIG], proto);
	uint32_t reply = tuple_flags(&f->half[REPLY], proto);
	struct nlattr *nest;

	put_tuple(nlh, CTA_TUPLE_ORIG, &f->half[ORIG], proto, orig);
	put_tuple(nlh, CTA_TUPLE_REPLY, &f->half[REPLY], proto, reply);

	nest = mnl_attr_nest_start(nlh, CTA_FILTER);
	mnl_attr_put_u32(nlh, CTA_FILTER_ORIG_FLAGS, orig);
	mnl_attr_put_u32(nlh, CTA_FILTER_REPLY_FLAGS, reply);
	mnl_attr_nest_end(nlh, nest);
}

void filter_put(const struct filter *f, struct nlmsghdr *nlh, uint8_t family)
{
	if (f->by_mark) {
		mnl_attr_put_u32(nlh, CTA_MARK, htonl(f->mark));
		mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(f->mark_mask));
	}
	if (f->status_mask) {
		mnl_attr_put_u32(nlh, CTA_STATUS, htonl(f->status));
		mnl_attr_put_u32(nlh, CTA_STATUS_MASK, htonl(f->status_mask));
	}
	if (f->by_zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(f->zone));
	if (family != AF_UNSPEC && filter_wants_family(f))
		put_tuples(f, nlh);
}

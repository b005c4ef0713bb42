// SPDX-License-Identifier: GPL-2.0
/* What the other end of a conversation sees of it, see view.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "view.h"

#define DCCP	33
#define UDPLITE	136

/* What is known of a conversation. */
struct view {
	struct view *next;
	struct view_tuple sent;
	struct view_tuple out;
	int side;
};

#define BUCKETS	65536

static struct view *views[BUCKETS];

static unsigned int get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

/* Checksums */

static uint32_t add(uint32_t sum, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get16(data + i);
	if (len & 1)
		sum += data[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* One that is as wrong, if what it covers changes from @was to @is. */
static void adjust(uint8_t *check, uint32_t was, uint32_t is)
{
	uint32_t sum = (get16(check) ^ 0xffff) + (was ^ 0xffff) + is;

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(check, sum ^ 0xffff);
}

/* SCTP's (RFC 9260, appendix A) */
static uint32_t crc32c(const uint8_t *data, size_t len)
{
	uint32_t crc = ~0u;
	int bit;

	while (len--) {
		crc ^= *data++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* Packets */

static bool look4(uint8_t *data, size_t len, struct view_packet *p)
{
	size_t head = (data[0] & 15) * 4, total;
	unsigned int field;

	if (len < 20 || head < 20 || head > len)
		return false;
	total = get16(data + 2);
	if (total < head || total > len)
		total = len;
	field = get16(data + 6);
	p->offset = (field & 0x1fff) * 8;
	p->fragment = field & 0x3fff;
	p->ident = get16(data + 4);
	p->hops = data[8];
	p->proto = data[9];
	p->l4 = data + head;
	p->l4len = total - head;
	return true;
}

static bool look6(uint8_t *data, size_t len, struct view_packet *p)
{
	uint8_t *at = data + 40, *end = data + len;
	size_t size;

	if (len < 40)
		return false;
	p->proto = data[6];
	p->hops = data[7];
	while ((p->proto == IPPROTO_HOPOPTS || p->proto == IPPROTO_ROUTING ||
		p->proto == IPPROTO_FRAGMENT || p->proto == IPPROTO_AH ||
		p->proto == IPPROTO_DSTOPTS) && !p->offset && end - at >= 8) {
		size = 8 * at[1] + 8;
		if (p->proto == IPPROTO_AH)
			size = 4 * at[1] + 8;
		if (p->proto == IPPROTO_FRAGMENT) {
			size = 8;
			p->offset = get16(at + 2) & 0xfff8;
			p->fragment = get16(at + 2) & 0xfff9;
			memcpy(&p->ident, at + 4, 4);
		}
		if (size > (size_t)(end - at))
			return false;
		p->proto = at[0];
		at += size;
	}
	p->l4 = at;
	p->l4len = end - at;
	return true;
}

bool view_look(uint8_t *data, size_t len, struct view_packet *p)
{
	memset(p, 0, sizeof(*p));
	p->net = data;
	if (!len)
		return false;
	p->six = data[0] >> 4 == 6;
	if (p->six)
		return look6(data, len, p);
	return data[0] >> 4 == 4 && look4(data, len, p);
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == UDPLITE || proto == IPPROTO_SCTP || proto == DCCP;
}

static bool is_query(const struct view_packet *p)
{
	if (p->proto != (p->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || p->offset ||
	    p->l4len < 8)
		return false;
	switch (p->l4[0]) {
	case 128:
	case 129:
		return p->six;
	case 0:
	case 8:
	case 13 ... 18:
		return !p->six;
	}
	return false;
}

bool view_is_error(const struct view_packet *p, struct view_packet *inner)
{
	static const uint8_t errors4[] = { 3, 4, 5, 11, 12 };
	uint8_t type;

	if (p->proto != (p->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP) ||
	    p->fragment || p->l4len < 8 + 20)
		return false;
	type = p->l4[0];
	if (p->six ? !(type < 128 || type == 137) :
	    !memchr(errors4, type, sizeof(errors4)))
		return false;
	return view_look(p->l4 + 8, p->l4len - 8, inner) &&
	       inner->six == p->six;
}

static uint8_t *address(const struct view_packet *p, int end)
{
	return p->net + (p->six ? 8 + 16 * end : 12 + 4 * end);
}

bool view_tuple(const struct view_packet *p, struct view_tuple *t)
{
	int i;

	memset(t, 0, sizeof(*t));
	t->proto = p->proto;
	t->len = p->six ? 16 : 4;
	for (i = 0; i < 2; i++)
		memcpy(t->addr[i], address(p, i), t->len);
	if (p->offset)
		return false;
	if (has_ports(p->proto)) {
		if (p->l4len < 4)
			return false;
		for (i = 0; i < 2; i++)
			t->id[i] = get16(p->l4 + 2 * i);
	} else if (is_query(p)) {
		t->id[0] = get16(p->l4 + 4);
		t->id[1] = t->id[0];
	}
	return true;
}

/* What is known */

static struct view_tuple invert(const struct view_tuple *t)
{
	struct view_tuple inv = *t;
	int i;

	for (i = 0; i < 2; i++) {
		memcpy(inv.addr[i], t->addr[!i], sizeof(t->addr[i]));
		inv.id[i] = t->id[!i];
	}
	return inv;
}

static bool same(const struct view_tuple *a, const struct view_tuple *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* The same for both directions. */
static struct view **bucket(const struct view_tuple *t)
{
	const uint8_t *a = t->addr[0], *b = t->addr[1];
	unsigned int hash = t->proto + t->id[0] + t->id[1];
	int i;

	for (i = 0; i < 16; i++)
		hash = hash * 31 + a[i] + b[i];
	return &views[(hash ^ hash >> 16) % BUCKETS];
}

/* Who began is known by who was seen last to do so. */
static struct view *find(const struct view_tuple *t, bool *inverse)
{
	struct view_tuple inv = invert(t);
	struct view *v;

	for (v = *bucket(t); v; v = v->next) {
		*inverse = !same(&v->sent, t);
		if (!*inverse || same(&v->sent, &inv))
			return v;
	}
	return NULL;
}

void view_note(const struct view_tuple *sent, const struct view_tuple *out,
	       int side)
{
	bool inverse;
	struct view *v = find(sent, &inverse);

	if (!v) {
		struct view **head = bucket(sent);

		v = calloc(1, sizeof(*v));
		if (!v)
			abort();
		v->next = *head;
		*head = v;
	}
	v->sent = *sent;
	v->out = *out;
	v->side = side;
}

/* Changes */

static unsigned int check_at(const struct view_packet *p)
{
	switch (p->proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
	case UDPLITE:
	case DCCP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	}
	return 0;
}

static uint32_t sum_of(const struct view_tuple *t, bool addresses, bool query)
{
	uint32_t sum = query ? t->id[0] : t->id[0] + t->id[1];

	if (addresses)
		sum = add(add(sum, t->addr[0], t->len), t->addr[1], t->len);
	return add(sum, NULL, 0);
}

static void put_ids(struct view_packet *p, const struct view_tuple *to)
{
	int i;

	if (p->offset)
		return;
	if (is_query(p))
		put16(p->l4 + 4, to->id[0]);
	else if (has_ports(p->proto) && p->l4len >= 4)
		for (i = 0; i < 2; i++)
			put16(p->l4 + 2 * i, to->id[i]);
}

/* Of SCTP: as wrong as it was. A quoted one, cut off, stays as it is. */
static void put_crc(struct view_packet *p, const struct view_tuple *to)
{
	uint32_t was, is, crc;

	was = crc32c(p->l4, p->l4len);
	put_ids(p, to);
	is = crc32c(p->l4, p->l4len);
	/* What is 0 while that is computed is the same in both. */
	memcpy(&crc, p->l4 + 8, 4);
	crc ^= was ^ is;
	memcpy(p->l4 + 8, &crc, 4);
}

static void change(struct view_packet *p, const struct view_tuple *from,
		   const struct view_tuple *to, bool quoted)
{
	unsigned int check = check_at(p);
	bool pseudo = p->proto != IPPROTO_ICMP, query = is_query(p);
	uint32_t was;
	int i;

	was = add(add(0, address(p, 0), to->len), address(p, 1), to->len);
	for (i = 0; i < 2; i++)
		memcpy(address(p, i), to->addr[i], to->len);
	if (!p->six)
		adjust(p->net + 10, was,
		       add(add(0, address(p, 0), 4), address(p, 1), 4));
	if (p->proto == IPPROTO_SCTP && !quoted && !p->fragment &&
	    p->l4len >= 12)
		put_crc(p, to);
	else
		put_ids(p, to);
	if (!check || check < p->offset ||
	    check - p->offset + 2 > p->l4len)
		return;
	check -= p->offset;
	if (p->proto == IPPROTO_UDP && !get16(p->l4 + check))
		return;
	adjust(p->l4 + check, sum_of(from, pseudo, query),
	       sum_of(to, pseudo, query));
	if (p->proto == IPPROTO_UDP && !get16(p->l4 + check))
		put16(p->l4 + check, 0xffff);
}

int view_change(struct view_packet *p, const struct view_tuple *t)
{
	struct view_tuple to;
	struct view *v;
	bool inverse;

	v = find(t, &inverse);
	if (!v || !inverse)
		return -1;
	to = invert(&v->out);
	change(p, t, &to, false);
	return v->side;
}

static void replace(uint8_t *at, const uint8_t *from, const uint8_t *to,
		    size_t len)
{
	if (!memcmp(at, from, len))
		memcpy(at, to, len);
}

int view_change_error(struct view_packet *p, struct view_packet *inner)
{
	uint32_t was = add(0, p->l4, p->l4len), was_ip, is_ip, is;
	struct view_tuple t;
	struct view *v;
	bool inverse;

	if (!view_tuple(inner, &t))
		return -1;
	v = find(&t, &inverse);
	if (!v || inverse)
		return -1;
	change(inner, &t, &v->out, true);
	was_ip = add(add(0, address(p, 0), t.len), address(p, 1), t.len);
	/* From where it went, or a router; to who sent it, or somebody else. */
	replace(address(p, 0), t.addr[1], v->out.addr[1], t.len);
	replace(address(p, 1), t.addr[0], v->out.addr[0], t.len);
	is_ip = add(add(0, address(p, 0), t.len), address(p, 1), t.len);
	is = add(0, p->l4, p->l4len);
	if (p->six)
		adjust(p->l4 + 2, add(was + was_ip, NULL, 0),
		       add(is + is_ip, NULL, 0));
	else
		adjust(p->l4 + 2, was, is);
	if (!p->six)
		adjust(p->net + 10, was_ip, is_ip);
	return v->side;
}

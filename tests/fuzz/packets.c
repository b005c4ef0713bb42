// SPDX-License-Identifier: GPL-2.0
/*
 * usage: packets SEED COUNT TUN VETH
 *
 * Make COUNT packets of every protocol, sound ones and others, and send them in
 * two ways in turn: written to the device TUN, and through a packet socket's
 * ring out of VETH. What is behind the IP header lies in the ring's pages then,
 * while the other end of the pair receives it, and another thread rewrites it
 * all the time: lengths and types first of all.
 *
 * The packets depend on SEED alone; what the thread hits does not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM		1400	/* octets of a packet at most, less than an MTU */
#define FLOWS		96
#define FRAME		2048
#define FRAMES		32	/* of the ring */
#define DATA_AT		(TPACKET2_HDRLEN - sizeof(struct sockaddr_ll))
#define ARRAY(a)	(sizeof(a) / sizeof((a)[0]))

static void die(const char *what)
{
	fprintf(stderr, "packets: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t state;

/* Less than @n. */
static unsigned int any(unsigned int n)
{
	return (next_random(&state) >> 32) % n;
}

static bool chance(unsigned int percent)
{
	return any(100) < percent;
}

struct packet {
	unsigned int len;
	unsigned int l4, at;	/* the first header behind IP's; the transport's */
	uint8_t family, protocol;
	uint8_t data[ROOM + 300];
};

static uint8_t *put(struct packet *p, unsigned int len)
{
	uint8_t *at = p->data + p->len;

	if (p->len + len > sizeof(p->data))
		abort();
	memset(at, 0, len);
	p->len += len;
	return at;
}

static void put8(struct packet *p, uint8_t value)
{
	*put(p, 1) = value;
}

static void put16(struct packet *p, uint16_t value)
{
	put8(p, value >> 8);
	put8(p, value);
}

static void put32(struct packet *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p, value);
}

static void put_noise(struct packet *p, unsigned int len)
{
	while (len--)
		put8(p, any(256));
}

static void set16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

/* A conversation, and what its ends know of it. */
struct flow {
	uint8_t family, protocol;
	uint8_t host[2];
	uint16_t port[2];
	uint32_t seq[2];	/* TCP, DCCP; SCTP's tags */
	uint8_t window_scale;
	struct packet last;	/* for errors to quote */
};

static struct flow flows[FLOWS];

static const uint8_t protocols[] = {
	IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE,
	IPPROTO_SCTP, IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_DCCP, IPPROTO_GRE,
	IPPROTO_ICMP, 0
};

static void new_flow(struct flow *f)
{
	static const uint16_t ports[] = { 22, 53, 80, 443, 4789, 9 };
	unsigned int i;

	f->family = chance(40) ? 6 : 4;
	f->protocol = protocols[any(ARRAY(protocols))];
	if (!f->protocol)
		f->protocol = any(256);
	if (f->protocol == IPPROTO_ICMP && f->family == 6)
		f->protocol = IPPROTO_ICMPV6;
	f->host[0] = any(4) + 1;
	f->host[1] = any(4) + 1;
	f->port[0] = any(65536);
	f->port[1] = ports[any(ARRAY(ports))];
	for (i = 0; i < 2; i++)
		f->seq[i] = chance(10) ? -any(2000) : any(1 << 30) * 4;
	f->window_scale = any(16);
	f->last.len = 0;
}

/* 10.1.0.x and 10.2.0.x, or fd00:1::x and fd00:2::x; 5 is the host itself. */
static void put_address(struct packet *p, unsigned int end, uint8_t host)
{
	if (p->family == 4) {
		put8(p, 10);
		put8(p, end + 1);
		put8(p, 0);
		put8(p, host);
	} else {
		put16(p, 0xfd00);
		put16(p, end + 1);
		put(p, 11);
		put8(p, host);
	}
}

static void put_ipv4(struct packet *p, const struct flow *f, unsigned int dir)
{
	unsigned int words = chance(8) ? any(11) : 0;

	put8(p, 0x40 | (5 + words));
	put8(p, any(256));
	put16(p, 0);
	put16(p, any(65536));
	put16(p, chance(50) ? 0x4000 : 0);
	put8(p, 64);
	put8(p, f->protocol);
	put16(p, 0);
	put_address(p, dir, f->host[dir]);
	put_address(p, !dir, f->host[!dir]);
	while (words--)
		put32(p, 0x01010101);
}

/* With extension headers now and then, of which each names the next. */
static void put_ipv6(struct packet *p, const struct flow *f, unsigned int dir)
{
	static const uint8_t types[] = { 0, 43, 44, 51, 60, 60, 60 };
	unsigned int i, n = chance(40) ? any(5) : 0;
	uint8_t *next;

	put32(p, 0x60000000 | any(1 << 20));
	put16(p, 0);
	next = put(p, 1);
	put8(p, 64);
	put_address(p, dir, f->host[dir]);
	put_address(p, !dir, f->host[!dir]);
	p->l4 = p->len;
	for (i = 0; i < n; i++) {
		uint8_t type = types[any(ARRAY(types))];
		unsigned int more = chance(30) ? any(4) : 0;

		*next = type;
		next = put(p, 1);
		switch (type) {
		case 44:
			put8(p, 0);
			put16(p, chance(80) ? 0 : any(65536));
			put_noise(p, 4);
			break;
		case 51:
			more |= 1;	/* an even number of words */
			put8(p, more);
			put_noise(p, (more + 2) * 4 - 2);
			break;
		default:
			put8(p, more);
			put8(p, 1);	/* PadN */
			put8(p, more * 8 + 4);
			put(p, more * 8 + 4);
		}
	}
	*next = f->protocol;
}

static void put_ports(struct packet *p, const struct flow *f, unsigned int dir)
{
	put16(p, f->port[dir]);
	put16(p, f->port[!dir]);
}

static void put_tcp_options(struct packet *p, const struct flow *f, bool syn)
{
	unsigned int start = p->len, i;

	if (syn && chance(70)) {
		put32(p, 0x020405b4);
		put16(p, 0x0402);
		put8(p, 3);
		put8(p, 3);
		put8(p, f->window_scale);
	}
	if (chance(50)) {
		put32(p, 0x0101080a);
		put_noise(p, 8);
	}
	if (!syn && chance(20) && p->len - start <= 12) {
		unsigned int blocks = any(3) + 1;

		put8(p, 5);
		put8(p, 2 + 8 * blocks);
		for (i = 0; i < 2 * blocks; i++)
			put32(p, f->seq[any(2)] + any(3000));
	}
	if (chance(10) && p->len - start < 38) {
		put8(p, any(256));
		put8(p, any(8));
	}
	while ((p->len - start) % 4)
		put8(p, chance(50));
}

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define PSH	0x08
#define ACK	0x10

static void put_tcp(struct packet *p, struct flow *f, unsigned int dir)
{
	static const uint8_t flags[] = {
		SYN, SYN, SYN | ACK, SYN | ACK, ACK, ACK, ACK, ACK | PSH,
		ACK | PSH, ACK | PSH, FIN | ACK, RST, RST | ACK
	};
	uint8_t flag = dir && chance(30) ? SYN | ACK :
					   flags[any(ARRAY(flags))];
	unsigned int data = flag & PSH ? any(600) : 0;
	unsigned int off, start = p->len;

	if (chance(3))
		flag = any(256);
	put_ports(p, f, dir);
	put32(p, f->seq[dir] + (chance(10) ? any(100000) - 50000 : 0));
	put32(p, f->seq[!dir] + (chance(10) ? any(100000) - 50000 : 0));
	off = p->len;
	put8(p, 0);
	put8(p, flag);
	put16(p, chance(10) ? 0 : any(65536));
	put32(p, 0);
	put_tcp_options(p, f, flag & SYN);
	p->data[off] = (p->len - start) / 4 << 4;
	if (p->len - start > 60)
		p->data[off] = 0xf0;
	put_noise(p, data);
	f->seq[dir] += data + !!(flag & (SYN | FIN));
}

static void put_udp(struct packet *p, const struct flow *f, unsigned int dir)
{
	unsigned int data = any(200);

	put_ports(p, f, dir);
	if (f->protocol == IPPROTO_UDP)
		put16(p, 8 + data);
	else
		put16(p, chance(50) ? 8 : 0);
	put16(p, f->protocol == IPPROTO_UDP && chance(20) ? 0 : 1);
	put_noise(p, data);
}

/* A row of chunks. The tags are the sequence numbers that the ends have. */
static void put_sctp(struct packet *p, struct flow *f, unsigned int dir)
{
	static const uint8_t types[] = {
		0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 64
	};
	unsigned int n = chance(5) ? any(100) : any(4) + 1, i;
	uint8_t first = types[any(ARRAY(types))];

	put_ports(p, f, dir);
	put32(p, first == 1 ? 0 : f->seq[!dir]);
	put32(p, 0);
	if (first == 1 || first == 2)
		n = chance(90) ? 1 : n;
	for (i = 0; i < n && p->len < ROOM - 100; i++) {
		uint8_t type = i ? types[any(ARRAY(types))] : first;
		unsigned int data = chance(50) ? any(30) : 0;

		put8(p, type);
		put8(p, any(4));
		if (type == 1 || type == 2) {
			put16(p, 20 + data);
			put32(p, f->seq[dir]);
			put_noise(p, 12);
		} else {
			put16(p, chance(97) ? 4 + data : any(65536));
		}
		put_noise(p, (data + 3) / 4 * 4);
	}
}

static void put_dccp(struct packet *p, struct flow *f, unsigned int dir)
{
	unsigned int type = chance(95) ? any(10) : any(16), start = p->len;
	bool extended = type < 2 || type > 4 || chance(50);

	put_ports(p, f, dir);
	put8(p, 0);
	put8(p, any(16) ? 0 : any(256));
	put16(p, 0);
	put8(p, type << 1 | extended);
	if (extended) {
		put8(p, 0);
		put16(p, 0);
		put32(p, f->seq[dir]);
	} else {
		put8(p, 0);
		put16(p, f->seq[dir]);
	}
	if (type && type != 2) {
		put32(p, extended ? 0 : f->seq[!dir]);
		if (extended)
			put32(p, f->seq[!dir] - 1);
	}
	if (type == 0 || type == 1 || type == 7)
		put32(p, 42);
	put(p, any(4) * 4);
	p->data[start + 4] = (p->len - start) / 4;
	put_noise(p, any(40));
	f->seq[dir]++;
}

static void put_gre(struct packet *p, const struct flow *f, unsigned int dir)
{
	bool enhanced = chance(50);

	put16(p, enhanced ? 0x2001 | any(2) << 12 : any(4) << 12);
	put16(p, enhanced ? 0x880b : 0x0800);
	if (enhanced)
		put16(p, any(100));
	put16(p, f->port[!dir]);
	put_noise(p, any(64));
}

/* An error about what the other end sent last, or a query, or a redirect. */
static void put_icmp(struct packet *p, const struct flow *f)
{
	static const uint8_t types4[] = { 8, 0, 13, 14, 15, 16, 17, 18, 9 };
	static const uint8_t types6[] = { 128, 129, 139, 140, 133, 135, 143 };
	static const uint8_t errors4[] = { 3, 3, 4, 5, 11, 12 };
	static const uint8_t errors6[] = { 1, 2, 3, 4, 137, 100 };
	bool v6 = f->protocol == IPPROTO_ICMPV6, error = f->last.len;
	uint8_t type;

	if (error)
		type = v6 ? errors6[any(ARRAY(errors6))] :
			    errors4[any(ARRAY(errors4))];
	else
		type = v6 ? types6[any(ARRAY(types6))] :
			    types4[any(ARRAY(types4))];
	put8(p, chance(97) ? type : any(256));
	put8(p, any(4));
	put16(p, 0);
	put16(p, f->port[0]);
	put16(p, any(10));
	if (error) {
		unsigned int len = f->last.len;

		if (type == 137) {	/* Redirected Header (RFC 4861 4.6.3) */
			put(p, 32);
			put8(p, 4);
			put8(p, (len + 8) / 8);
			put(p, 6);
		}
		if (len > 500)
			len = 500;
		if (chance(40))
			len = any(len);
		memcpy(put(p, len), f->last.data, len);
	} else {
		put_noise(p, any(56));
	}
}

static uint32_t add_up(const uint8_t *data, unsigned int len, uint32_t sum)
{
	unsigned int i;

	for (i = 0; i + 1 < len; i += 2)
		sum += data[i] << 8 | data[i + 1];
	if (len & 1)
		sum += data[len - 1] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void set_ip_sum(struct packet *p)
{
	unsigned int len = (p->data[0] & 15) * 4;

	set16(p->data + 10, 0);
	if (len <= p->len)
		set16(p->data + 10, fold(add_up(p->data, len, 0)));
}

static uint32_t crc32c(const uint8_t *data, unsigned int len)
{
	uint32_t crc = ~0;
	unsigned int i, bit;

	for (i = 0; i < len; i++) {
		crc ^= data[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* The lengths and sums. */
static void finish(struct packet *p)
{
	unsigned int len = p->len - p->at, where;
	uint32_t sum = len + p->protocol, crc;
	uint8_t *ip = p->data, *l4 = p->data + p->at;

	if (p->family == 4) {
		set16(ip + 2, p->len);
		set_ip_sum(p);
		sum = add_up(ip + 12, 8, sum);
	} else {
		set16(ip + 4, p->len - 40);
		sum = add_up(ip + 8, 32, sum);
	}
	switch (p->protocol) {
	case IPPROTO_TCP:
		where = 16;
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		where = 6;
		break;
	case IPPROTO_ICMP:
		sum = 0;
		where = 2;
		break;
	case IPPROTO_ICMPV6:
		where = 2;
		break;
	case IPPROTO_SCTP:
		crc = crc32c(l4, len);
		memcpy(l4 + 8, &crc, 4);
		return;
	default:
		return;
	}
	if (p->protocol == IPPROTO_UDPLITE && l4[5] == 8)
		len = 8;
	if (p->protocol == IPPROTO_UDP && !l4[6] && !l4[7])
		return;
	set16(l4 + where, 0);
	set16(l4 + where, fold(add_up(l4, len, sum)) ?: 0xffff);
}

static void make(struct packet *p, struct flow *f, unsigned int dir)
{
	p->len = 0;
	p->family = f->family;
	p->protocol = f->protocol;
	if (f->family == 4) {
		put_ipv4(p, f, dir);
		p->l4 = p->len;
	} else {
		put_ipv6(p, f, dir);
	}
	p->at = p->len;
	switch (f->protocol) {
	case IPPROTO_TCP:
		put_tcp(p, f, dir);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		put_udp(p, f, dir);
		break;
	case IPPROTO_SCTP:
		put_sctp(p, f, dir);
		break;
	case IPPROTO_DCCP:
		put_dccp(p, f, dir);
		break;
	case IPPROTO_GRE:
		put_gre(p, f, dir);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		put_icmp(p, f);
		break;
	default:
		put_noise(p, any(64));
	}
	finish(p);
}

/* An ICMP error about the last packet of a flow, to who sent it. */
static void make_error(struct packet *p, const struct flow *f)
{
	struct flow error = *f;

	error.protocol = f->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	/* Of 10.1.0.0/16 or fd00:1::/32 are those of direction 0. */
	make(p, &error, f->last.data[f->family == 4 ? 13 : 11] == 1);
}

/* Some octets are others, or there are fewer of them, or more. */
static void damage(struct packet *p)
{
	unsigned int n = any(4) + 1, ip = p->family == 4 ? 20 : 40;

	while (n--) {
		unsigned int at = p->l4 + any(chance(70) ? 24 : 80);

		if (chance(15))
			at = any(ip);
		if (at >= p->len)
			continue;
		if (chance(50))
			p->data[at] = any(256);
		else
			p->data[at] ^= 1 << any(8);
	}
	if (chance(20) && p->len > ip)
		p->len = ip + any(p->len - ip + 1);
	if (chance(5))
		put_noise(p, any(100));
	/* Otherwise it does not come far. */
	if (chance(80) && p->family == 4) {
		if (chance(80)) {
			p->data[0] = 0x40 | (p->data[0] & 15);
			set16(p->data + 2, p->len);
		}
		set_ip_sum(p);
	} else if (chance(80)) {
		p->data[0] = 0x60;
		set16(p->data + 4, p->len - 40);
	}
}

/* The part of @p from @from on, @len octets (but for the last) of 8 each. */
static void cut_out(const struct packet *p, struct packet *part,
		    unsigned int from, unsigned int len, bool more, uint16_t id)
{
	unsigned int ip = p->family == 4 ? (p->data[0] & 15) * 4 : 40;

	part->family = p->family;
	part->protocol = p->protocol;
	part->len = 0;
	memcpy(put(part, ip), p->data, ip);
	if (p->family == 6) {
		part->data[6] = 44;
		put8(part, p->data[6]);
		put8(part, 0);
		put16(part, from | more);
		put32(part, id);
	} else {
		set16(part->data + 4, id);
		set16(part->data + 6, from / 8 | more << 13);
	}
	part->l4 = part->len;
	part->at = part->len;
	memcpy(put(part, len), p->data + ip + from, len);
	if (p->family == 6) {
		set16(part->data + 4, part->len - 40);
		return;
	}
	set16(part->data + 2, part->len);
	set_ip_sum(part);
}

/* Where packets go: into the device, or into the ring. */
static int tun, ring_socket;
static uint8_t *ring;
static uint64_t sent;

/* What the other thread makes of an octet, for moments. */
static uint8_t *target, target_value;
static bool over;

#define LOOK(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define CHANGE(x, to)	__atomic_store_n(&(x), to, __ATOMIC_RELAXED)

/* Where a type or a length is, of each protocol, behind its ports. */
static unsigned int spot(const struct packet *p)
{
	static const uint8_t tcp[] = { 12, 12, 12, 13, 20, 21, 22, 23, 24 };
	static const uint8_t sctp[] = { 4, 12, 14, 15, 16, 19, 24, 26, 27 };
	static const uint8_t dccp[] = { 4, 5, 8, 9, 15 };
	/* The header's, and those of IP and what is behind it, quoted. */
	static const uint8_t icmp[] = { 0, 8, 8, 10, 11, 14, 15, 17, 28, 40 };
	static const uint8_t icmpv6[] = { 0, 8, 12, 14, 14, 40, 41, 48, 49 };
	/* An extension header's. */
	static const uint8_t exthdr[] = { 0, 1, 1, 2, 3, 8, 9 };

	if (chance(15))
		return p->l4 + any(80);
	if (p->l4 != p->at && chance(50))
		return p->l4 + exthdr[any(ARRAY(exthdr))];
	switch (p->protocol) {
	case IPPROTO_TCP:
		return p->at + tcp[any(ARRAY(tcp))];
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return p->at + 4 + any(2);
	case IPPROTO_SCTP:
		return p->at + sctp[any(ARRAY(sctp))];
	case IPPROTO_DCCP:
		return p->at + dccp[any(ARRAY(dccp))];
	case IPPROTO_ICMP:
		return p->at + icmp[any(ARRAY(icmp))];
	case IPPROTO_ICMPV6:
		return p->at + icmpv6[any(ARRAY(icmpv6))];
	default:
		return p->at + any(4);
	}
}

static void emit_ring(const struct packet *p)
{
	static const uint8_t values[] = {
		0, 1, 4, 0x10, 0x10, 0x20, 0x40, 0x45, 0xf0, 0xff
	};
	static unsigned int next;
	struct tpacket2_hdr *frame = (void *)(ring + next++ % FRAMES * FRAME);
	uint8_t *data = (uint8_t *)frame + DATA_AT;
	unsigned int at = spot(p);

	CHANGE(target, NULL);
	memset(data, 0xff, 6);
	memset(data + 6, 2, 6);
	set16(data + 12, p->family == 4 ? ETH_P_IP : ETH_P_IPV6);
	memcpy(data + ETH_HLEN, p->data, p->len);
	frame->tp_len = ETH_HLEN + p->len;
	CHANGE(target_value, chance(75) ? values[any(ARRAY(values))] :
					  any(256));
	if (at < p->len)
		CHANGE(target, data + ETH_HLEN + at);
	__atomic_store_n(&frame->tp_status, TP_STATUS_SEND_REQUEST,
			 __ATOMIC_RELEASE);
	/* It is received before this returns. */
	if (send(ring_socket, NULL, 0, 0) < 0 && errno != ENOBUFS)
		die("ring");
}

static void emit(const struct packet *p)
{
	sent++;
	if (p->len >= 20 && sent / 256 % 2)
		emit_ring(p);
	else if (write(tun, p->data, p->len) < 0 && errno != EINVAL)
		die("tun");
}

/* In two or three parts, in any order, that may overlap. */
static void emit_parts(const struct packet *p)
{
	unsigned int ip = p->family == 4 ? (p->data[0] & 15) * 4 : 40;
	unsigned int len = p->len - ip, cut = (any(len / 8) + 1) * 8;
	bool last_first = chance(50);
	uint16_t id = any(65536);
	struct packet first, last;

	if (cut >= len) {
		emit(p);
		return;
	}
	cut_out(p, &first, 0, cut, true, id);
	if (chance(5))
		cut -= 8;
	cut_out(p, &last, cut, len - cut, false, id);
	if (chance(10))
		damage(&first);
	emit(last_first ? &last : &first);
	if (chance(95))
		emit(last_first ? &first : &last);
}

static void one(void)
{
	struct flow *f = &flows[any(FLOWS)];
	unsigned int dir = any(2);
	struct packet p;

	if (chance(2))
		new_flow(f);
	if (chance(10) && f->last.len) {
		make_error(&p, f);
	} else {
		bool quotes = f->protocol == IPPROTO_ICMP ||
			      f->protocol == IPPROTO_ICMPV6;

		if (quotes && chance(70))
			f->last.len = 0;
		make(&p, f, dir);
		f->last = p;
	}
	if (chance(25))
		damage(&p);
	if (p.len > 100 && chance(8) &&
	    (p.family == 6 || (p.data[0] & 15) >= 5))
		emit_parts(&p);
	else
		emit(&p);
}

static void pause_some(unsigned int n)
{
	while (n--)
		__asm__ volatile("" ::: "memory");
}

/* Good and bad in turn, for as long as a check takes, more or less. */
static void *rewrite(void *seed)
{
	uint64_t x = (uintptr_t)seed;

	while (!LOOK(over)) {
		uint64_t r = next_random(&x);
		uint8_t *octet = LOOK(target), was;

		if (!octet)
			continue;
		was = LOOK(*octet);
		CHANGE(*octet, LOOK(target_value));
		pause_some(r & 127);
		CHANGE(*octet, was);
		pause_some(r >> 32 & 127);
	}
	return NULL;
}

static void open_tun(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	tun = open("/dev/net/tun", O_RDWR);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &ifr))
		die(name);
}

static void open_ring(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	struct tpacket_req req = {
		.tp_block_size = FRAME * FRAMES,
		.tp_block_nr = 1,
		.tp_frame_size = FRAME,
		.tp_frame_nr = FRAMES,
	};
	int version = TPACKET_V2;

	ring_socket = socket(AF_PACKET, SOCK_RAW, 0);
	to.sll_ifindex = if_nametoindex(name);
	if (ring_socket < 0 ||
	    setsockopt(ring_socket, SOL_PACKET, PACKET_VERSION, &version,
		       sizeof(version)) ||
	    setsockopt(ring_socket, SOL_PACKET, PACKET_TX_RING, &req,
		       sizeof(req)) ||
	    bind(ring_socket, (struct sockaddr *)&to, sizeof(to)))
		die(name);
	ring = mmap(NULL, FRAME * FRAMES, PROT_READ | PROT_WRITE, MAP_SHARED,
		    ring_socket, 0);
	if (ring == MAP_FAILED)
		die("mmap");
}

int main(int argc, char **argv)
{
	pthread_t thread;
	uint64_t count;
	unsigned int i;

	if (argc != 5) {
		fprintf(stderr, "usage: packets SEED COUNT TUN VETH\n");
		return 2;
	}
	state = strtoull(argv[1], NULL, 0);
	count = strtoull(argv[2], NULL, 0);
	open_tun(argv[3]);
	open_ring(argv[4]);
	for (i = 0; i < FLOWS; i++)
		new_flow(&flows[i]);
	if (pthread_create(&thread, NULL, rewrite,
			   (void *)(uintptr_t)(state + 1)))
		die("thread");
	while (sent < count)
		one();
	CHANGE(over, true);
	pthread_join(thread, NULL);
	printf("# %llu packets sent\n", (unsigned long long)sent);
	return 0;
}

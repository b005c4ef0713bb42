// SPDX-License-Identifier: GPL-2.0
/* DCCP: each cell of the two tables, conversations, malformed packets. */
#include <linux/dccp.h>
#include <linux/netfilter/nf_conntrack_dccp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/netlink.h>
#include "packet.h"
#include "wheels.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6
#define O	IP_CT_DIR_ORIGINAL
#define R	IP_CT_DIR_REPLY
#define S(s)	CT_DCCP_##s

#define REQUEST		DCCP_PKT_REQUEST
#define RESPONSE	DCCP_PKT_RESPONSE
#define DATA		DCCP_PKT_DATA
#define ACK		DCCP_PKT_ACK
#define DATAACK		DCCP_PKT_DATAACK
#define CLOSEREQ	DCCP_PKT_CLOSEREQ
#define CLOSE		DCCP_PKT_CLOSE
#define RESET		DCCP_PKT_RESET
#define SYNC		DCCP_PKT_SYNC
#define SYNCACK		DCCP_PKT_SYNCACK

#define PAYLOAD		12

/* What is to become of a packet: accepted, a reason, or the end of its entry. */
#define DROPPED		__CT_INVALID_MAX
#define BAD_STATE	CT_INVALID_DCCP_STATE
#define BAD_NEW		CT_INVALID_DCCP_NEW

struct packet {
	u8 dir;
	u8 type;
	u64 seq;
	u64 ack;
	u8 state;	/* after it */
	u8 expect;
	bool short_numbers;
};

/* The parts of a header that come and go; returns how long it is. */
static unsigned int put_header(struct test_packet *t, const struct packet *k)
{
	const unsigned int start = t->len;
	struct dccp_hdr *dh = test_put(t, sizeof(*dh));

	dh->dccph_sport = TEST_SPORT;
	dh->dccph_dport = TEST_DPORT;
	dh->dccph_type = k->type;
	if (k->short_numbers) {
		dh->dccph_seq2 = k->seq >> 16;
		dh->dccph_seq = htons(k->seq);
		if (k->type == ACK || k->type == DATAACK)
			*(__be32 *)test_put(t, 4) = htonl(k->ack & 0xffffff);
		return t->len - start;
	}
	dh->dccph_x = 1;
	dh->dccph_seq = htons(k->seq >> 32);
	*(__be32 *)test_put(t, 4) = htonl(k->seq);
	if (k->type != REQUEST && k->type != DATA) {
		struct dccp_hdr_ack_bits *ack = test_put(t, sizeof(*ack));

		ack->dccph_ack_nr_high = htons(k->ack >> 32);
		ack->dccph_ack_nr_low = htonl(k->ack);
	}
	/* A service code, or the code of a reset. */
	if (k->type == REQUEST || k->type == RESPONSE || k->type == RESET)
		test_put(t, 4);
	return t->len - start;
}

static __sum16 sum(struct test_packet *t, unsigned int covered)
{
	const unsigned int len = t->len - t->l4off;
	__wsum csum;

	covered = min(covered, len);
	csum = csum_partial(t->data + t->l4off, covered, 0);
	if (t->l3 == V4)
		return csum_tcpudp_magic(TEST_SRC, TEST_DST, len,
					 IPPROTO_DCCP, csum);
	return csum_ipv6_magic(&((struct ipv6hdr *)t->data)->saddr,
			       &((struct ipv6hdr *)t->data)->daddr, len,
			       IPPROTO_DCCP, csum);
}

/* @doff, in words, and @cscov as they are to be; no @doff: the right one. */
static struct dccp_hdr *put_packet(struct test_packet *t, u8 l3,
				   const struct packet *k, u8 doff, u8 cscov)
{
	struct dccp_hdr *dh;
	unsigned int len;

	test_start(t, l3, IPPROTO_DCCP);
	len = put_header(t, k);
	dh = (struct dccp_hdr *)(t->data + t->l4off);
	dh->dccph_doff = doff ?: len / 4;
	dh->dccph_cscov = cscov;
	memset(test_put(t, PAYLOAD), 'd', PAYLOAD);
	test_finish(t);
	len += PAYLOAD;
	if (cscov)
		len = (dh->dccph_doff + cscov - 1) * 4;
	dh->dccph_checksum = sum(t, len);
	return dh;
}

/* As the packet path does: it notes the first answer. */
static unsigned int play(struct kunit *test, struct ct_entry *e,
			 const struct packet *k, u32 *events)
{
	enum ip_conntrack_info ctinfo = k->dir == R ? IP_CT_ESTABLISHED_REPLY :
						      IP_CT_ESTABLISHED;
	enum ct_verdict verdict = CT_ACCEPT;
	enum ct_invalid reason = CT_OK;
	struct test_packet t;
	struct ct_packet p;

	put_packet(&t, V4, k, 0, 0);
	p = test_located(test, e->cn, test_skb(test, &t, t.len), t.l3);
	p.events = events;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_dccp.check(&p), CT_OK);
	if (!e->proto.raw)
		reason = ct_proto_dccp.new(e, &p);
	else
		verdict = ct_proto_dccp.packet(e, &p, ctinfo, &reason);
	kfree_skb(p.skb);
	if (verdict == CT_DROP_ENTRY)
		return DROPPED;
	if (verdict == CT_ACCEPT && !reason && k->dir == R)
		ct_status_set(e, IPS_SEEN_REPLY_BIT);
	KUNIT_EXPECT_EQ(test, verdict == CT_INVALID, verdict && reason);
	return reason;
}

/*
 * By sender and type, a letter for each state in the order of the enum: where
 * it leads, = for a packet that is ignored, - for one that is invalid.
 */
static const char states[] = "NQSPORCT";
static const char * const cells[][DCCP_NR_PKT_TYPES] = {
	[CT_DCCP_ROLE_CLIENT] = {
		[REQUEST]  = "QQS====Q",
		[RESPONSE] = "-======-",
		[DATA]     = "----ORC-",
		[ACK]      = "--PPORC-",
		[DATAACK]  = "--PPORC-",
		[CLOSEREQ] = "--------",
		[CLOSE]    = "---CCCC-",
		[RESET]    = "-TTTTTT=",
		[SYNC]     = "-=======",
		[SYNCACK]  = "-=======",
	},
	[CT_DCCP_ROLE_SERVER] = {
		[REQUEST]  = "-======Q",
		[RESPONSE] = "-SS====-",
		[DATA]     = "---OO-C-",
		[ACK]      = "---OO-C-",
		[DATAACK]  = "---OO-C-",
		[CLOSEREQ] = "---RRRR-",
		[CLOSE]    = "---CC-C-",
		[RESET]    = "-TTTTTTT",
		[SYNC]     = "-=======",
		[SYNCACK]  = "-=======",
	},
};

/* A parameter is a pointer to here, its index the cell. */
static const char all_cells[2 * DCCP_NR_PKT_TYPES * 8];

static const void *cell_gen_params(const void *prev, char *desc)
{
	static const char * const types[] = {
		"Request", "Response", "Data", "Ack", "DataAck", "CloseReq",
		"Close", "Reset", "Sync", "SyncAck",
	};
	const char *cell = prev ? prev + 1 : all_cells;
	const unsigned int n = cell - all_cells;

	if (n == sizeof(all_cells))
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s's %s in state %c",
		 n / 80 ? "server" : "client", types[n / 8 % 10],
		 states[n % 8]);
	return cell;
}

/* Two entries: of one, the client sends in the reply direction. */
static void test_cell(struct kunit *test)
{
	const unsigned int n = (const char *)test->param_value - all_cells;
	const bool server = n / 80;
	const u8 was = n % 8;
	const char want = cells[server][n / 8 % 10][was];
	const bool moves = want != '-' && want != '=';
	unsigned int client;

	for (client = O; client <= R; client++) {
		struct packet k = { server ? !client : client, n / 8 % 10, 5 };
		struct ct_entry *e = test_entry(test, test_net(test));
		struct ct_dccp *d = &e->proto.dccp;
		u8 next = moves ? strchr(states, want) - states : was;
		bool reopened = server && next == S(REQUEST) && next != was;
		u32 events = 0;

		ct_status_set(e, IPS_SEEN_REPLY_BIT);
		e->expires = 7;
		d->state = was;
		d->servers = BIT(!client);
		/* An ignored Request is another case. */
		d->last_type = k.type == DATA ? ACK : DATA;
		d->last_dir = !k.dir;
		d->handshake = 77;

		KUNIT_EXPECT_EQ(test, play(test, e, &k, &events),
				want == '-' ? BAD_STATE : CT_OK);
		KUNIT_EXPECT_EQ(test, (u8)d->state, next);
		KUNIT_EXPECT_EQ(test, e->expires, moves ?
				e->cn->timeout[CT_TIMEOUT_DCCP + next] : 7);
		KUNIT_EXPECT_EQ(test, (u8)d->servers,
				(u8)BIT(reopened ? client : !client));
		KUNIT_EXPECT_EQ(test, (u64)d->handshake, next == S(RESPOND) &&
				was == S(REQUEST) ? 5ULL : 77ULL);
		KUNIT_EXPECT_EQ(test, d->last_type == k.type, want != '-');
		KUNIT_EXPECT_EQ(test, d->last_dir == k.dir, want != '-');
		KUNIT_EXPECT_EQ(test, events,
				next != was ? (u32)BIT(IPCT_PROTOINFO) : 0);
	}
}

/* How a connection is opened and, from the fifth on, closed. */
#define CS	0x123456789abcULL
#define SS	0xfedcba987654ULL

static const struct packet prologue[] = {
	{ O, REQUEST, CS, 0, S(REQUEST) },
	{ R, RESPONSE, SS, CS, S(RESPOND) },
	{ O, ACK, CS + 1, SS, S(PARTOPEN) },
	{ R, DATAACK, SS + 1, CS + 1, S(OPEN) },
	{ O, CLOSE, CS + 2, SS + 1, S(CLOSING) },
	{ R, RESET, SS + 2, CS + 2, S(TIMEWAIT) },
};

#define ASKED		1
#define ANSWERED	2
#define OPEN		4
#define CLOSED		6

struct script_case {
	const char *name;
	u8 prologue;
	struct packet step[6];
	bool assured;
	u8 timeout;	/* as the state's, at the end */
	u8 servers;	/* at the end, if not BIT(R) */
};

static const struct script_case script_cases[] = {
	{ "a connection", OPEN, { }, true, S(OPEN) },
	{ "closed by the client", CLOSED, { }, true, S(TIMEWAIT) },
	{ "closed by the server, the client lingers", OPEN, {
		{ R, CLOSEREQ, SS + 2, CS, S(CLOSEREQ) },
		{ O, DATA, CS + 2, 0, S(CLOSEREQ) },
		{ O, CLOSE, CS + 3, SS, S(CLOSING) },
		{ O, CLOSE, CS + 4, SS, S(CLOSING) },
		{ R, RESET, SS + 3, CS, S(TIMEWAIT) },
	  }, true, S(TIMEWAIT) },
	{ "closed by the server", OPEN, {
		{ R, CLOSE, SS + 2, CS, S(CLOSING) },
		{ R, CLOSE, SS + 3, CS, S(CLOSING) },
		{ O, RESET, CS + 3, SS, S(TIMEWAIT) },
	  }, true, S(TIMEWAIT) },
	{ "CloseReq and Close cross", OPEN, {
		{ O, CLOSE, CS + 2, SS, S(CLOSING) },
		{ R, CLOSEREQ, SS + 2, CS, S(CLOSEREQ) },
		{ O, CLOSE, CS + 3, SS, S(CLOSING) },
	  }, true, S(CLOSING) },
	{ "data before it is open", ANSWERED, {
		{ O, DATA, CS + 1, 0, S(RESPOND), BAD_STATE },
		{ O, ACK, CS + 1, SS, S(PARTOPEN) },
		{ O, DATA, CS + 2, 0, S(PARTOPEN), BAD_STATE },
		{ O, DATAACK, CS + 2, SS, S(PARTOPEN) },
		{ R, DATA, SS + 1, 0, S(OPEN) },
		{ O, DATA, CS + 3, 0, S(OPEN) },
	  }, true, S(OPEN) },
	{ "the Response's number is not acknowledged", ANSWERED, {
		{ O, ACK, CS + 1, SS + 1, S(PARTOPEN) },
		{ O, ACK, CS + 2, SS, S(PARTOPEN) },
		{ R, ACK, SS + 1, CS, S(OPEN) },
	  }, false, S(OPEN) },
	{ "all 48 bits of it count", ANSWERED, {
		{ O, ACK, CS + 1, SS ^ BIT_ULL(47), S(PARTOPEN) },
	  }, false, S(PARTOPEN) },
	{ "24 bits of it are no proof", ANSWERED, {
		{ O, ACK, CS + 1, SS, S(PARTOPEN), .short_numbers = true },
	  }, false, S(PARTOPEN) },
	{ "acknowledged with data", ANSWERED, {
		{ O, DATAACK, CS + 1, SS, S(PARTOPEN) },
		{ O, ACK, CS + 2, SS, S(PARTOPEN) },
	  }, false, S(PARTOPEN) },
	{ "acknowledged by the server itself", ANSWERED, {
		{ R, ACK, SS + 1, SS, S(RESPOND), BAD_STATE },
	  }, false, S(RESPOND) },
	{ "another Response, another number", ANSWERED, {
		{ O, REQUEST, CS + 1, 0, S(RESPOND) },
		{ R, RESPONSE, SS + 1, CS, S(RESPOND) },
		{ O, ACK, CS + 2, SS + 1, S(PARTOPEN) },
	  }, false, S(PARTOPEN) },
	{ "another Response, the first number", ANSWERED, {
		{ R, RESPONSE, SS + 1, CS, S(RESPOND) },
		{ O, ACK, CS + 2, SS, S(PARTOPEN) },
	  }, true, S(PARTOPEN) },
	{ "24 bits, once it is open", OPEN, {
		{ O, DATA, 5, 0, S(OPEN), .short_numbers = true },
		{ R, ACK, 6, 5, S(OPEN), .short_numbers = true },
		{ R, DATAACK, 7, 5, S(OPEN), .short_numbers = true },
	  }, true, S(OPEN) },
	{ "refused", ASKED, {
		{ R, RESET, 1, CS, S(REQUEST), DROPPED },
	  }, false, S(REQUEST) },
	{ "given up", ASKED, {
		{ O, REQUEST, CS + 1, 0, S(REQUEST) },
		{ O, RESET, CS + 2, 0, S(REQUEST), DROPPED },
	  }, false, S(REQUEST) },
	{ "given up after an answer", ASKED, {
		{ R, SYNC, SS, CS, S(REQUEST) },
		{ O, RESET, CS + 1, SS, S(TIMEWAIT) },
	  }, false, S(TIMEWAIT) },
	{ "reset", OPEN, {
		{ O, RESET, CS + 2, SS, S(TIMEWAIT) },
		{ O, DATA, CS + 3, 0, S(TIMEWAIT), BAD_STATE },
		{ R, DATA, SS + 3, 0, S(TIMEWAIT), BAD_STATE },
	  }, true, S(TIMEWAIT) },
	{ "the client forgot it, and asks again", OPEN, {
		{ O, REQUEST, 9, 0, S(OPEN) },
		{ R, RESPONSE, 8, 9, S(RESPOND) },
		{ O, ACK, 10, 8, S(PARTOPEN) },
	  }, true, S(PARTOPEN) },
	{ "the number is that of the new Response", ANSWERED, {
		{ R, REQUEST, 9, 0, S(RESPOND) },
		{ O, RESPONSE, 8, 9, S(RESPOND) },
		{ R, ACK, 10, 8, S(PARTOPEN) },
	  }, true, S(PARTOPEN), BIT(O) },
	{ "the server forgot it, and asks", OPEN, {
		{ R, REQUEST, 9, 0, S(OPEN) },
		{ O, RESPONSE, 8, 9, S(RESPOND) },
		{ R, ACK, 10, 8, S(PARTOPEN) },
		{ R, DATA, 11, 0, S(PARTOPEN), BAD_STATE },
		{ O, DATA, 9, 0, S(OPEN) },
	  }, true, S(OPEN), BIT(O) },
	{ "both ask at once", ASKED, {
		{ R, REQUEST, 9, 0, S(REQUEST) },
		{ O, RESPONSE, 8, 9, S(RESPOND) },
	  }, false, S(RESPOND), BIT(O) },
	{ "it answers itself", OPEN, {
		{ O, REQUEST, 9, 0, S(OPEN) },
		{ O, RESPONSE, 8, 9, S(OPEN) },
	  }, true, S(OPEN) },
	{ "the answer to something else", OPEN, {
		{ O, REQUEST, 9, 0, S(OPEN) },
		{ R, SYNC, SS + 2, CS, S(OPEN) },
		{ R, RESPONSE, 8, 9, S(OPEN) },
	  }, true, S(OPEN) },
	{ "an invalid packet between is nothing", OPEN, {
		{ O, REQUEST, 9, 0, S(OPEN) },
		{ O, CLOSEREQ, 10, 8, S(OPEN), BAD_STATE },
		{ R, RESPONSE, 8, 9, S(RESPOND) },
	  }, true, S(RESPOND) },
	{ "opened again", CLOSED, {
		{ O, REQUEST, 9, 0, S(REQUEST) },
		{ R, RESPONSE, 8, 9, S(RESPOND) },
		{ O, ACK, 10, 8, S(PARTOPEN) },
	  }, true, S(PARTOPEN) },
	{ "opened again by the other end", CLOSED, {
		{ R, REQUEST, 9, 0, S(REQUEST) },
		{ R, RESPONSE, 8, 9, S(REQUEST) },
		{ O, RESPONSE, 8, 9, S(RESPOND) },
		{ R, ACK, 10, 8, S(PARTOPEN) },
		{ O, CLOSEREQ, 9, 10, S(CLOSEREQ) },
	  }, true, S(CLOSEREQ), BIT(O) },
	{ "late packets", CLOSED, {
		{ O, RESET, CS + 3, SS, S(TIMEWAIT) },
		{ O, ACK, CS + 3, SS, S(TIMEWAIT), BAD_STATE },
		{ R, RESPONSE, SS, CS, S(TIMEWAIT), BAD_STATE },
		{ O, CLOSE, CS + 3, SS, S(TIMEWAIT), BAD_STATE },
		{ R, SYNCACK, SS + 3, CS, S(TIMEWAIT) },
	  }, true, S(TIMEWAIT) },
};

static void script_desc(const struct script_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(script, script_cases, script_desc);

static void follow(struct kunit *test, struct ct_entry *e,
		   const struct packet *k, unsigned int n)
{
	unsigned int i, was;
	u32 events, want;

	for (i = 0; i < n && k[i].state; i++) {
		events = 0;
		was = e->proto.dccp.state;
		/* What opens a connection is told by NEW. */
		want = e->proto.raw && was != k[i].state ?
		       BIT(IPCT_PROTOINFO) : 0;
		if (!(ct_entry_hot(e) & IPS_ASSURED))
			want |= BIT(IPCT_ASSURED);
		KUNIT_EXPECT_EQ_MSG(test, play(test, e, &k[i], &events),
				    k[i].expect, "packet %u", i + 1);
		KUNIT_EXPECT_EQ_MSG(test, (u8)e->proto.dccp.state, k[i].state,
				    "packet %u", i + 1);
		if (!(ct_entry_hot(e) & IPS_ASSURED))
			want &= ~BIT(IPCT_ASSURED);
		KUNIT_EXPECT_EQ_MSG(test, events, want, "packet %u", i + 1);
	}
}

static void test_script(struct kunit *test)
{
	const struct script_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);

	follow(test, e, prologue, c->prologue);
	follow(test, e, c->step, ARRAY_SIZE(c->step));
	KUNIT_EXPECT_EQ(test, !!(ct_entry_hot(e) & IPS_ASSURED), c->assured);
	KUNIT_EXPECT_EQ(test, e->expires,
			cn->timeout[CT_TIMEOUT_DCCP + c->timeout]);
	KUNIT_EXPECT_EQ(test, (u8)e->proto.dccp.servers,
			c->servers ?: (u8)BIT(R));
}

/* Only a Request opens, whatever dccp_loose says. */
static void test_open(struct kunit *test)
{
	struct ct_net *cn = test_net(test);
	unsigned int i;

	for (i = 0; i < 2 * DCCP_NR_PKT_TYPES; i++) {
		struct packet k = { O, i / 2, CS, SS };
		struct ct_entry *e = test_entry(test, cn);

		cn->dccp_loose = i % 2;
		KUNIT_EXPECT_EQ_MSG(test, play(test, e, &k, NULL),
				    k.type == REQUEST ? CT_OK : BAD_NEW,
				    "type %u, loose %u", i / 2, i % 2);
	}
}

/*
 * One that was made by request, and of which nothing is known: each end may be
 * the client until there is an answer.
 */
static void test_unknown(struct kunit *test)
{
	const struct packet k[] = {
		{ R, REQUEST, 1, 0, S(REQUEST) },
		{ O, RESPONSE, 2, 1, S(RESPOND) },
		{ R, ACK, 2, 2, S(PARTOPEN) },
	};
	struct ct_entry *e = test_entry(test, test_net(test));

	/* Or the first packet would open it. */
	e->proto.dccp.last_type = RESET;
	follow(test, e, k, ARRAY_SIZE(k));
	KUNIT_EXPECT_EQ(test, (u8)e->proto.dccp.servers, (u8)BIT(O));
}

/* A packet, changed, and what becomes of it. */
struct damage_case {
	const char *name;
	u8 l3;
	struct packet k;
	u8 doff;	/* words, if not 0 */
	u8 cscov;
	u8 touch;	/* octet of DCCP that is changed, if not 0 */
	u8 cut;		/* to so many octets of DCCP */
	u8 linear;
	bool unchecked;
	u8 hook;
	u8 summed;
	enum ct_invalid check, open;
};

#define NOT_SEEN	CT_INVALID_L4_SHORT
#define BAD_SUM		CT_INVALID_DCCP_CHECKSUM
#define BAD_OFFSET	CT_INVALID_DCCP_HEADER
#define BAD_COVERAGE	CT_INVALID_DCCP_COVERAGE
#define SHORT		.short_numbers = true

static const struct damage_case damage_cases[] = {
	{ "good", V4 },
	{ "good, IPv6", V6 },
	{ "good, in a page", V4, .linear = 20 },
	{ "good, in a page from the middle of its number", V6, .linear = 53 },
	{ "a header of 11 octets", V4, .cut = 11, .check = NOT_SEEN,
	  .open = NOT_SEEN },
	{ "data offset of 2", V4, .doff = 2, .check = BAD_OFFSET },
	{ "data offset of 3", V4, .doff = 3 },
	{ "data offset to the end", V4, .doff = (20 + PAYLOAD) / 4 },
	{ "data offset past the end", V4, .doff = (20 + PAYLOAD) / 4 + 1,
	  .check = BAD_OFFSET },
	{ "data offset of 255", V6, .doff = 255, .check = BAD_OFFSET },
	{ "a flipped bit", V4, .touch = 30, .check = BAD_SUM },
	{ "a flipped bit, IPv6, in a page", V6, .touch = 30, .linear = 52,
	  .check = BAD_SUM },
	{ "a flipped bit of the checksum", V4, .touch = 6, .check = BAD_SUM },
	{ "a flipped bit, switched off", V4, .touch = 30, .unchecked = true },
	{ "a flipped bit, on the way out", V4, .touch = 30,
	  .hook = NF_INET_LOCAL_OUT },
	{ "a flipped bit, the card says good", V4, .touch = 30,
	  .summed = CHECKSUM_UNNECESSARY },
	{ "the header covered", V4, .cscov = 1 },
	{ "the header covered, IPv6", V6, .cscov = 1 },
	{ "damaged behind that", V4, .cscov = 1, .touch = 20 },
	{ "damaged in that", V4, .cscov = 1, .touch = 19, .check = BAD_SUM },
	{ "a word more covered", V4, .cscov = 2, .linear = 45 },
	{ "damaged behind a word more", V6, .cscov = 2, .touch = 24 },
	{ "damaged in a word more", V4, .cscov = 2, .touch = 23,
	  .check = BAD_SUM },
	{ "all covered, said in words", V4, .cscov = 1 + PAYLOAD / 4 },
	{ "more than all covered", V4, .cscov = 2 + PAYLOAD / 4,
	  .check = BAD_COVERAGE },
	{ "much more than all, switched off", V6, .cscov = 15,
	  .unchecked = true, .check = BAD_COVERAGE },
	{ "type 10", V4, { .type = 10 }, .check = CT_INVALID_DCCP_TYPE,
	  .open = NOT_SEEN },
	{ "type 15", V6, { .type = 15 }, .check = CT_INVALID_DCCP_TYPE,
	  .open = NOT_SEEN },
	{ "a short Request", V4, { SHORT }, .check = CT_INVALID_DCCP_SHORT,
	  .open = NOT_SEEN },
	{ "a short Response", V4, { .type = RESPONSE, SHORT },
	  .check = CT_INVALID_DCCP_SHORT, .open = NOT_SEEN },
	{ "a short Data", V4, { .type = DATA, SHORT }, .open = BAD_NEW },
	{ "a short Ack", V4, { .type = ACK, SHORT }, .open = BAD_NEW },
	{ "a short DataAck", V4, { .type = DATAACK, SHORT }, .open = BAD_NEW },
	{ "a short CloseReq", V4, { .type = CLOSEREQ, SHORT },
	  .check = CT_INVALID_DCCP_SHORT, .open = NOT_SEEN },
	{ "a short Close", V4, { .type = CLOSE, SHORT },
	  .check = CT_INVALID_DCCP_SHORT, .open = NOT_SEEN },
	{ "a short Reset", V4, { .type = RESET, SHORT },
	  .check = CT_INVALID_DCCP_SHORT, .open = NOT_SEEN },
	{ "a short Sync", V4, { .type = SYNC, SHORT },
	  .check = CT_INVALID_DCCP_SHORT, .open = NOT_SEEN },
	{ "a short SyncAck", V4, { .type = SYNCACK, SHORT },
	  .check = CT_INVALID_DCCP_SHORT, .open = NOT_SEEN },
	{ "a Request, cut off", V4, .doff = 3, .cut = 19, .unchecked = true,
	  .check = NOT_SEEN, .open = NOT_SEEN },
	{ "a Request alone", V4, .doff = 3, .cut = 20, .unchecked = true },
	{ "a Response, cut off", V4, { .type = RESPONSE }, .doff = 3,
	  .cut = 27, .unchecked = true, .check = NOT_SEEN, .open = BAD_NEW },
	{ "a Response alone", V4, { .type = RESPONSE }, .doff = 3,
	  .cut = 28, .unchecked = true, .open = BAD_NEW },
	{ "Data, cut off", V4, { .type = DATA }, .doff = 3, .cut = 15,
	  .unchecked = true, .check = NOT_SEEN, .open = NOT_SEEN },
	{ "Data alone", V4, { .type = DATA }, .doff = 3, .cut = 16,
	  .unchecked = true, .open = BAD_NEW },
	{ "an Ack, cut off", V4, { .type = ACK }, .doff = 3, .cut = 23,
	  .unchecked = true, .check = NOT_SEEN, .open = NOT_SEEN },
	{ "an Ack alone", V4, { .type = ACK }, .doff = 3, .cut = 24,
	  .unchecked = true, .open = BAD_NEW },
	{ "a Reset, cut off", V4, { .type = RESET }, .doff = 3, .cut = 27,
	  .unchecked = true, .check = NOT_SEEN, .open = BAD_NEW },
	{ "a short Data alone", V4, { .type = DATA, SHORT }, .cut = 12,
	  .unchecked = true, .open = BAD_NEW },
	{ "a short Ack, cut off", V4, { .type = ACK, SHORT }, .doff = 3,
	  .cut = 15, .unchecked = true, .check = NOT_SEEN, .open = BAD_NEW },
	{ "a short Ack alone", V4, { .type = ACK, SHORT }, .cut = 16,
	  .unchecked = true, .open = BAD_NEW },
};

static void damage_desc(const struct damage_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(damage, damage_cases, damage_desc);

static void test_damage(struct kunit *test)
{
	const struct damage_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	struct test_packet t;
	struct ct_packet p;

	put_packet(&t, c->l3, &c->k, c->doff, c->cscov);
	if (c->cut) {
		t.len = t.l4off + c->cut;
		test_finish(&t);
	}
	if (c->touch)
		t.data[t.l4off + c->touch] ^= 0x20;
	cn->checksum = !c->unchecked;
	p = test_located(test, cn, test_skb(test, &t, c->linear ?: t.len),
			 t.l3);
	p.hook = c->hook;
	p.skb->ip_summed = c->summed;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_dccp.check(&p), (int)c->check);
	KUNIT_EXPECT_EQ(test, (int)ct_proto_dccp.new(e, &p), (int)c->open);
	kfree_skb(p.skb);
}

static void test_tuple(struct kunit *test)
{
	const struct ct_proto *proto = ct_proto_find(V6, IPPROTO_DCCP);
	const struct packet k = { .type = REQUEST };
	struct nf_conntrack_tuple tuple, inverse;
	struct test_packet t;
	struct ct_packet p;

	KUNIT_ASSERT_PTR_EQ(test, proto, &ct_proto_dccp);
	put_packet(&t, V6, &k, 0, 0);
	p = test_located(test, test_net(test), test_skb(test, &t, t.len), V6);
	KUNIT_EXPECT_EQ(test, (int)ct_packet_read(&p, 0, &tuple), CT_OK);
	KUNIT_EXPECT_TRUE(test, ct_tuple_invert(&inverse, &tuple));
	KUNIT_EXPECT_EQ(test, ntohs(tuple.src.u.all), ntohs(TEST_SPORT));
	KUNIT_EXPECT_EQ(test, ntohs(tuple.dst.u.all), ntohs(TEST_DPORT));
	KUNIT_EXPECT_EQ(test, ntohs(inverse.src.u.all), ntohs(TEST_DPORT));
	kfree_skb(p.skb);
}

static void expect_info(struct kunit *test, struct ct_entry *e, bool destroy,
			u8 role)
{
	struct sk_buff *skb = nlmsg_new(256, GFP_KERNEL);
	struct nlattr *info[CTA_PROTOINFO_MAX + 1];
	struct nlattr *tb[CTA_PROTOINFO_DCCP_MAX + 1], *nest;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
	KUNIT_ASSERT_EQ(test, ct_proto_dccp.fill(skb, e, destroy), 0);
	nest = (struct nlattr *)skb->data;
	KUNIT_ASSERT_EQ(test, nla_parse_nested(info, CTA_PROTOINFO_MAX, nest,
					       NULL, NULL), 0);
	nest = info[CTA_PROTOINFO_DCCP];
	KUNIT_ASSERT_NOT_NULL(test, nest);
	KUNIT_ASSERT_EQ(test, nla_parse_nested(tb, CTA_PROTOINFO_DCCP_MAX,
					       nest, NULL, NULL), 0);
	nest = tb[CTA_PROTOINFO_DCCP_STATE];
	KUNIT_ASSERT_NOT_NULL(test, nest);
	KUNIT_EXPECT_EQ(test, (int)nla_get_u8(nest), S(OPEN));
	KUNIT_EXPECT_EQ(test, !tb[CTA_PROTOINFO_DCCP_ROLE], destroy);
	KUNIT_EXPECT_EQ(test, !tb[CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ], destroy);
	nest = tb[CTA_PROTOINFO_DCCP_ROLE];
	if (nest)
		KUNIT_EXPECT_EQ(test, nla_get_u8(nest), role);
	nest = tb[CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ];
	if (nest)
		KUNIT_EXPECT_EQ(test, be64_to_cpu(nla_get_be64(nest)), SS);
	kfree_skb(skb);
}

static void test_fill(struct kunit *test)
{
	struct ct_entry *e = test_entry(test, test_net(test));

	follow(test, e, prologue, OPEN);
	expect_info(test, e, false, CT_DCCP_ROLE_CLIENT);
	expect_info(test, e, true, 0);
	e->proto.dccp.servers = BIT(O);
	expect_info(test, e, false, CT_DCCP_ROLE_SERVER);
}

/* Each state's timeout is that of the policy, while there is one. */
static void test_by_policy(struct kunit *test)
{
	const unsigned int *timeouts;
	enum test_policy mode;
	unsigned int i;
	u32 events;

	for (mode = 0; mode < TEST_POLICIES; mode++) {
		struct ct_entry *e = test_entry(test, test_net(test));

		play(test, e, &prologue[0], &events);
		KUNIT_EXPECT_EQ(test, e->expires,
				e->cn->timeout[CT_TIMEOUT_DCCP + S(REQUEST)]);
		timeouts = test_policy(test, e, IPPROTO_DCCP, mode);
		for (i = 1; i < CLOSED; i++) {
			play(test, e, &prologue[i], &events);
			KUNIT_EXPECT_EQ_MSG(test, e->expires,
					    timeouts[CT_TIMEOUT_DCCP +
						     prologue[i].state],
					    "mode %u, packet %u", mode, i + 1);
		}
		test_free_rare(e);
	}
}

static struct kunit_case ct_dccp_cases[] = {
	KUNIT_CASE_PARAM(test_cell, cell_gen_params),
	KUNIT_CASE_PARAM(test_script, script_gen_params),
	KUNIT_CASE(test_open),
	KUNIT_CASE(test_unknown),
	KUNIT_CASE(test_by_policy),
	KUNIT_CASE_PARAM(test_damage, damage_gen_params),
	KUNIT_CASE(test_tuple),
	KUNIT_CASE(test_fill),
	{}
};

static struct kunit_suite ct_dccp_suite = {
	.name = "ct_dccp",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.test_cases = ct_dccp_cases,
};

kunit_test_suites(&ct_dccp_suite);

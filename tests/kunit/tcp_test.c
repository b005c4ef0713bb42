// SPDX-License-Identifier: GPL-2.0
/* TCP: what each segment does in each state, and whole conversations. */
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/netlink.h>
#include <net/tcp.h>
#include "segments.h"
#include "wheels.h"

/*
 * Each segment in each state of a connection that has seen a reply: the
 * state to come, or
 */
#define BAD	-1	/* invalid */
#define SAME	-2	/* let through, state kept */
#define ANEW	-3	/* opens another connection */

struct cell_case {
	u8 state;
	u8 dir;
	int syn, synack, ack, fin, rst;
};

static const struct cell_case cell_cases[] = {
	{ S(SYN_SENT), O, SAME, BAD, BAD, BAD, S(CLOSE) },
	{ S(SYN_SENT), R, S(SYN_SENT2), S(SYN_RECV), SAME, BAD, S(CLOSE) },
	{ S(SYN_SENT2), O, SAME, S(SYN_RECV), BAD, BAD, S(CLOSE) },
	{ S(SYN_SENT2), R, SAME, S(SYN_RECV), SAME, BAD, S(CLOSE) },
	{ S(SYN_RECV), O, SAME, SAME, S(ESTABLISHED), S(FIN_WAIT),
	  S(CLOSE) },
	{ S(SYN_RECV), R, BAD, SAME, SAME, S(FIN_WAIT), S(CLOSE) },
	{ S(ESTABLISHED), O, SAME, BAD, SAME, S(FIN_WAIT), S(CLOSE) },
	{ S(ESTABLISHED), R, BAD, SAME, SAME, S(FIN_WAIT), S(CLOSE) },
	{ S(FIN_WAIT), O, SAME, BAD, S(CLOSE_WAIT), S(LAST_ACK), S(CLOSE) },
	{ S(FIN_WAIT), R, BAD, SAME, S(CLOSE_WAIT), S(LAST_ACK), S(CLOSE) },
	{ S(CLOSE_WAIT), O, SAME, BAD, SAME, S(LAST_ACK), S(CLOSE) },
	{ S(CLOSE_WAIT), R, BAD, SAME, SAME, S(LAST_ACK), S(CLOSE) },
	{ S(LAST_ACK), O, SAME, BAD, S(TIME_WAIT), SAME, S(CLOSE) },
	{ S(LAST_ACK), R, BAD, SAME, S(TIME_WAIT), SAME, S(CLOSE) },
	{ S(TIME_WAIT), O, ANEW, BAD, SAME, SAME, S(CLOSE) },
	{ S(TIME_WAIT), R, ANEW, SAME, SAME, SAME, S(CLOSE) },
	{ S(CLOSE), O, ANEW, BAD, SAME, SAME, SAME },
	{ S(CLOSE), R, BAD, SAME, SAME, SAME, SAME },
};

static const char *state_name(u8 state)
{
	static const char * const names[] = {
		[S(NONE)] = "NONE",
		[S(SYN_SENT)] = "SYN_SENT",
		[S(SYN_RECV)] = "SYN_RECV",
		[S(ESTABLISHED)] = "ESTABLISHED",
		[S(FIN_WAIT)] = "FIN_WAIT",
		[S(CLOSE_WAIT)] = "CLOSE_WAIT",
		[S(LAST_ACK)] = "LAST_ACK",
		[S(TIME_WAIT)] = "TIME_WAIT",
		[S(CLOSE)] = "CLOSE",
		[S(SYN_SENT2)] = "SYN_SENT2",
	};

	return names[state];
}

static void cell_desc(const struct cell_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s", state_name(c->state),
		 c->dir == O ? "original" : "reply");
}

KUNIT_ARRAY_PARAM(cell, cell_cases, cell_desc);

static void expect_cell(struct kunit *test, const struct cell_case *c,
			u8 flags, int want)
{
	struct ct_entry *e = test_entry(test, test_net(test));
	const struct segment seg = { .flags = flags, .ack = 77 };
	int before = c->state, after;
	enum ct_invalid reason;
	enum ct_verdict verdict;

	/* By the state alone: windows have tests of their own. */
	e->cn->tcp_be_liberal = 1;
	e->proto.tcp.state = c->state;
	ct_status_set(e, IPS_SEEN_REPLY_BIT);
	e->proto.tcp.replied = 1;
	verdict = play(test, e, c->dir, &seg, &reason);
	after = e->proto.tcp.state;
	switch (want) {
	case BAD:
		KUNIT_EXPECT_EQ_MSG(test, (int)verdict, CT_INVALID,
				    "flags %#x", flags);
		KUNIT_EXPECT_EQ(test, (int)reason, CT_INVALID_TCP_STATE);
		KUNIT_EXPECT_EQ(test, after, before);
		break;
	case ANEW:
		KUNIT_EXPECT_EQ_MSG(test, (int)verdict, CT_RESTART,
				    "flags %#x", flags);
		break;
	default:
		KUNIT_EXPECT_EQ_MSG(test, (int)verdict, CT_ACCEPT,
				    "flags %#x", flags);
		KUNIT_EXPECT_EQ_MSG(test, after,
				    want == SAME ? before : want,
				    "flags %#x", flags);
	}
}

static void test_cell(struct kunit *test)
{
	const struct cell_case *c = test->param_value;

	expect_cell(test, c, SYN, c->syn);
	expect_cell(test, c, SYNACK, c->synack);
	expect_cell(test, c, ACK, c->ack);
	expect_cell(test, c, DATA | TCPHDR_URG, c->ack);
	expect_cell(test, c, FIN, c->fin);
	expect_cell(test, c, RST, c->rst);
	expect_cell(test, c, RSTACK, c->rst);
}

/*
 * A conversation after so many segments of the prologue, what state each
 * segment leaves behind, and at its end whether it is assured and by which
 * state's timeout it lives.
 */
struct script_case {
	const char *name;
	u8 prologue;
	struct script_step step[8];
	bool assured;
	u8 timeout;
};

static const struct script_case script_cases[] = {
	{ "SYN only", 0, { { O, { SYN }, S(SYN_SENT) } },
	  .timeout = S(SYN_SENT) },
	{ "SYN and SYN,ACK", 0, {
		{ O, { SYN }, S(SYN_SENT) },
		{ R, { SYNACK, 0, 1 }, S(SYN_RECV) },
	  }, .timeout = S(SYN_RECV) },
	{ "handshake", OPEN, { }, true, S(ESTABLISHED) },
	{ "data both ways", OPEN, {
		{ O, { DATA, 101, 501, 10 }, S(ESTABLISHED) },
		{ R, { DATA, 501, 111, 10 }, S(ESTABLISHED) },
		{ O, { ACK, 111, 511 }, S(ESTABLISHED) },
	  }, true, S(ESTABLISHED) },
	{ "handshake completed by data", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
		{ O, { DATA, 101, 501, 10 }, S(ESTABLISHED) },
	  }, true, UNACK },
	{ "SYN repeated", 0, {
		{ O, { SYN }, S(SYN_SENT) },
		{ O, { SYN }, S(SYN_SENT) },
		{ R, { SYNACK, 0, 1 }, S(SYN_RECV) },
	  }, .timeout = S(SYN_RECV) },
	{ "SYN and SYN,ACK repeated", 0, {
		{ O, { SYN }, S(SYN_SENT) },
		{ R, { SYNACK, 0, 1 }, S(SYN_RECV) },
		{ O, { SYN }, S(SYN_RECV) },
		{ R, { SYNACK, 0, 1 }, S(SYN_RECV) },
		{ O, { ACK, 1, 1 }, S(ESTABLISHED) },
	  }, true, S(ESTABLISHED) },
	{ "the client closes first", OPEN, {
		{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
		{ R, { ACK, 501, 102 }, S(CLOSE_WAIT) },
		{ R, { FIN, 501, 102 }, S(LAST_ACK) },
		{ O, { ACK, 102, 502 }, S(TIME_WAIT) },
	  }, true, S(TIME_WAIT) },
	{ "the server closes first", OPEN, {
		{ R, { FIN, 501, 101 }, S(FIN_WAIT) },
		{ O, { ACK, 101, 502 }, S(CLOSE_WAIT) },
		{ O, { FIN, 101, 502 }, S(LAST_ACK) },
		{ R, { ACK, 502, 102 }, S(TIME_WAIT) },
	  }, true, S(TIME_WAIT) },
	{ "closed in three segments", CLOSED, { }, true, S(TIME_WAIT) },
	{ "both close at once", OPEN, {
		{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
		{ R, { FIN, 501, 101 }, S(LAST_ACK) },
		{ O, { ACK, 102, 502 }, S(TIME_WAIT) },
		{ R, { ACK, 502, 102 }, S(TIME_WAIT) },
	  }, true, S(TIME_WAIT) },
	{ "half closed, the server goes on", OPEN, {
		{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
		{ R, { ACK, 501, 102 }, S(CLOSE_WAIT) },
		{ R, { DATA, 501, 102, 50 }, S(CLOSE_WAIT) },
		{ O, { ACK, 102, 551 }, S(CLOSE_WAIT) },
		{ R, { FIN, 551, 102 }, S(LAST_ACK) },
	  }, true, S(LAST_ACK) },
	{ "FIN before the handshake ends", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
		{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
	  }, false, S(FIN_WAIT) },
	{ "simultaneous open", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { SYN, 500 }, S(SYN_SENT2) },
		{ O, { SYNACK, 100, 501 }, S(SYN_RECV) },
		{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, S(ESTABLISHED) },
	  }, true, S(ESTABLISHED) },
	{ "simultaneous open, the reply's ACK first", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { SYN, 500 }, S(SYN_SENT2) },
		{ O, { SYNACK, 100, 501 }, S(SYN_RECV) },
		{ R, { ACK, 501, 101 }, S(ESTABLISHED) },
	  }, true, S(ESTABLISHED) },
	{ "the server's ACK does not complete a handshake", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
		{ R, { ACK, 501, 101 }, S(SYN_RECV) },
	  }, false, S(SYN_RECV) },
	{ "refused", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { RSTACK, 0, 101 }, S(CLOSE), CT_DROP_ENTRY },
	  }, false, S(SYN_SENT) },
	{ "given up", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ O, { RST, 101 }, S(CLOSE), CT_DROP_ENTRY },
	  }, false, S(SYN_SENT) },
	{ "answers on another way", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ O, { ACK, 101, 501 }, S(SYN_SENT) },
		{ O, { DATA, 101, 501, 10 }, S(SYN_SENT) },
		{ O, { DATA, 900000, 501, 10 }, S(SYN_SENT) },
		{ O, { DATA, 101, 501, 10 }, S(SYN_SENT) },
		{ O, { FIN, 900010, 777501 }, S(SYN_SENT) },
		{ O, { RSTACK, 900011, 777501 }, S(CLOSE), CT_DROP_ENTRY },
	  }, false, S(SYN_SENT) },
	{ "answers on another way, FIN", 0, {
		{ O, { SYN }, S(SYN_SENT) },
		{ O, { FIN, 1 }, S(SYN_SENT) },
	  }, false, S(SYN_SENT) },
	{ "answers on another way, far from the SYN", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ O, { ACK, 102 + CT_UNSEEN_WINDOW, 1 }, S(SYN_SENT),
		  CT_INVALID, CT_INVALID_TCP_STATE },
		{ O, { ACK, 100 - CT_UNSEEN_WINDOW, 1 }, S(SYN_SENT),
		  CT_INVALID, CT_INVALID_TCP_STATE },
		{ O, { ACK, 101 + CT_UNSEEN_WINDOW, 1 }, S(SYN_SENT) },
	  }, false, S(SYN_SENT) },
	{ "answers on another way, somebody's reset", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ O, { ACK, 101, 501 }, S(SYN_SENT) },
		{ O, { RST, 102 + CT_UNSEEN_WINDOW }, S(SYN_SENT), CT_INVALID,
		  CT_INVALID_TCP_SEQ },
	  }, false, S(SYN_SENT) },
	{ "an answer after all, checked by the window", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ O, { DATA, 101, 501, 10 }, S(SYN_SENT) },
		{ O, { DATA, 9000000, 501, 10 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, S(ESTABLISHED) },
		{ O, { DATA, 9000000, 501, 10 }, S(ESTABLISHED), CT_INVALID,
		  CT_INVALID_TCP_SEQ },
		{ R, { DATA, 9000000, 101, 10 }, S(ESTABLISHED), CT_INVALID,
		  CT_INVALID_TCP_SEQ },
	  }, true, S(ESTABLISHED) },
	{ "refused after all", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ O, { ACK, 101, 501 }, S(SYN_SENT) },
		{ R, { RSTACK, 0, 101 }, S(CLOSE), CT_DROP_ENTRY },
	  }, false, S(SYN_SENT) },
	{ "reset by the server, opened again", OPEN, {
		{ R, { RST, 501 }, S(CLOSE) },
		{ O, { SYN, 9000 }, S(CLOSE), CT_RESTART },
	  }, true, S(CLOSE) },
	{ "reset by the client, opened again", OPEN, {
		{ O, { RSTACK, 101, 501 }, S(CLOSE) },
		{ O, { SYN, 9000 }, S(CLOSE), CT_RESTART },
	  }, true, S(CLOSE) },
	{ "reset, late data and FIN", OPEN, {
		{ O, { RST, 101 }, S(CLOSE) },
		{ R, { DATA, 501, 101, 50 }, S(CLOSE) },
		{ R, { FIN, 551, 101 }, S(CLOSE) },
	  }, true, S(CLOSE) },
	{ "reset while closing", OPEN, {
		{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
		{ R, { RST, 501 }, S(CLOSE) },
	  }, true, S(CLOSE) },
	{ "opened again from TIME_WAIT", CLOSED, {
		{ O, { SYN, 9000 }, S(TIME_WAIT), CT_RESTART },
	  }, true, S(TIME_WAIT) },
	{ "opened again from TIME_WAIT by the server", CLOSED, {
		{ R, { SYN, 9000 }, S(TIME_WAIT), CT_RESTART },
	  }, true, S(TIME_WAIT) },
	{ "the last ACK repeated", CLOSED, {
		{ R, { FIN, 501, 102 }, S(TIME_WAIT) },
		{ O, { ACK, 102, 502 }, S(TIME_WAIT) },
	  }, true, S(TIME_WAIT) },
	{ "another SYN, challenged and reset", OPEN, {
		{ O, { SYN, 9000 }, S(ESTABLISHED) },
		{ R, { ACK, 501, 101 }, S(ESTABLISHED) },
		{ O, { RST, 101 }, S(CLOSE) },
		{ O, { SYN, 9000 }, S(CLOSE), CT_RESTART },
	  }, true, S(CLOSE) },
	{ "another SYN, answered", OPEN, {
		{ O, { SYN, 9000 }, S(ESTABLISHED) },
		{ R, { SYNACK, 7000, 9001 }, S(SYN_RECV) },
		{ O, { ACK, 9001, 7001 }, S(ESTABLISHED) },
	  }, true, S(ESTABLISHED) },
	{ "another SYN with data, answered", OPEN, {
		{ O, { SYN, 0xfffffff0, 0, 32 }, S(ESTABLISHED) },
		{ R, { SYNACK, 7000, 17 }, S(SYN_RECV) },
	  }, true, S(SYN_RECV) },
	{ "another SYN, an old SYN,ACK", OPEN, {
		{ O, { SYN, 9000 }, S(ESTABLISHED) },
		{ R, { SYNACK, 500, 101 }, S(ESTABLISHED) },
	  }, true, S(ESTABLISHED) },
	{ "another SYN, an ACK, a SYN,ACK too late", OPEN, {
		{ O, { SYN, 9000 }, S(ESTABLISHED) },
		{ O, { ACK, 101, 501 }, S(ESTABLISHED) },
		{ R, { SYNACK, 7000, 9001 }, S(ESTABLISHED) },
	  }, true, S(ESTABLISHED) },
	{ "SYN in LAST_ACK, challenged", OPEN, {
		{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
		{ R, { FIN, 501, 102 }, S(LAST_ACK) },
		{ O, { SYN, 9000 }, S(LAST_ACK) },
		{ R, { ACK, 502, 102 }, S(LAST_ACK) },
		{ O, { ACK, 102, 502 }, S(TIME_WAIT) },
	  }, true, S(TIME_WAIT) },
	{ "SYN in LAST_ACK, answered", OPEN, {
		{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
		{ R, { FIN, 501, 102 }, S(LAST_ACK) },
		{ O, { SYN, 9000 }, S(LAST_ACK) },
		{ R, { SYNACK, 7000, 9001 }, S(SYN_RECV) },
		{ O, { ACK, 9001, 7001 }, S(ESTABLISHED) },
	  }, true, S(ESTABLISHED) },
	{ "SYN to a half-open connection", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { ACK, 7000, 3000 }, S(SYN_SENT) },
		{ O, { RST, 3000 }, S(CLOSE) },
		{ O, { SYN, 100 }, S(CLOSE), CT_RESTART },
	  }, false, S(CLOSE) },
	{ "SYN to a half-open connection, answered late", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { ACK, 7000, 3000 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, S(ESTABLISHED) },
	  }, true, S(ESTABLISHED) },
	{ "picked up, not answered", 0, {
		{ O, { DATA, 101, 501, 5 }, S(ESTABLISHED) },
		{ O, { DATA, 101, 501, 5 }, S(ESTABLISHED) },
	  }, false, RETRANS },
	{ "picked up and answered", 0, {
		{ O, { DATA, 101, 501, 5 }, S(ESTABLISHED) },
		{ R, { ACK, 501, 106 }, S(ESTABLISHED) },
		{ O, { ACK, 106, 501 }, S(ESTABLISHED) },
	  }, true, S(ESTABLISHED) },
	{ "picked up, reset instead of an answer", 0, {
		{ O, { DATA, 101, 501, 5 }, S(ESTABLISHED) },
		{ R, { RST, 501 }, S(CLOSE), CT_DROP_ENTRY },
	  }, false, RETRANS },
	{ "picked up, answered, reset", 0, {
		{ O, { ACK, 101, 501 }, S(ESTABLISHED) },
		{ R, { ACK, 501, 101 }, S(ESTABLISHED) },
		{ R, { RST, 501 }, S(CLOSE) },
	  }, false, S(CLOSE) },
	{ "the server's SYN", OPEN, {
		{ R, { SYN, 9000 }, S(ESTABLISHED), CT_INVALID },
	  }, true, S(ESTABLISHED) },
	{ "the client's SYN,ACK", OPEN, {
		{ O, { SYNACK, 100, 501 }, S(ESTABLISHED), CT_INVALID },
	  }, true, S(ESTABLISHED) },
};

static void script_desc(const struct script_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(script, script_cases, script_desc);

static void test_script(struct kunit *test)
{
	const struct script_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);

	follow(test, e, prologue, c->prologue);
	follow(test, e, c->step, ARRAY_SIZE(c->step));
	KUNIT_EXPECT_EQ(test, !!(ct_entry_hot(e) & IPS_ASSURED), c->assured);
	KUNIT_EXPECT_EQ(test, e->expires,
			cn->timeout[CT_TIMEOUT_TCP + c->timeout]);
}

struct open_case {
	const char *name;
	u8 flags;
	bool loose;
	enum ct_invalid expect;
};

static const struct open_case open_cases[] = {
	{ "SYN", SYN, true, CT_OK },
	{ "SYN, strict", SYN, false, CT_OK },
	{ "ACK", ACK, true, CT_OK },
	{ "ACK, strict", ACK, false, CT_INVALID_TCP_NOT_SYN },
	{ "data, strict", DATA, false, CT_INVALID_TCP_NOT_SYN },
	{ "SYN,ACK", SYNACK, true, CT_INVALID_TCP_NOT_SYN },
	{ "FIN", FIN, true, CT_INVALID_TCP_NOT_SYN },
	{ "RST", RST, true, CT_INVALID_TCP_NOT_SYN },
	{ "RST,ACK", RSTACK, true, CT_INVALID_TCP_NOT_SYN },
};

static void open_desc(const struct open_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(open, open_cases, open_desc);

static void test_open(struct kunit *test)
{
	const struct open_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	const struct segment seg = { .flags = c->flags };
	struct ct_packet p;

	cn->tcp_loose = c->loose;
	p = make(test, cn, &seg);
	KUNIT_EXPECT_EQ(test, (int)ct_proto_tcp.new(e, &p), (int)c->expect);
	kfree_skb(p.skb);
}

/* A header of a TCP segment, changed, and what check() says of it. */
struct check_case {
	const char *name;
	u8 l3;
	u8 doff;
	u8 cut;
	bool corrupt;
	bool unchecked;
	u8 summed;
	u8 hook;
	u8 linear;
	enum ct_invalid expect;
};

static const struct check_case check_cases[] = {
	{ "IPv4, good", 4 },
	{ "IPv6, good", 6 },
	{ "header in a page", 4, .linear = 24 },
	{ "19 bytes", 4, .cut = 19, .expect = CT_INVALID_L4_SHORT },
	{ "data offset 4", 4, .doff = 4, .expect = CT_INVALID_TCP_HEADER },
	{ "data offset 0", 6, .doff = 0x10, .expect = CT_INVALID_TCP_HEADER },
	{ "data offset past the end", 4, .doff = 8,
	  .expect = CT_INVALID_TCP_HEADER },
	{ "data offset 15", 6, .doff = 15, .expect = CT_INVALID_TCP_HEADER },
	{ "IPv4, bad checksum", 4, .corrupt = true,
	  .expect = CT_INVALID_TCP_CHECKSUM },
	{ "IPv6, bad checksum", 6, .corrupt = true,
	  .expect = CT_INVALID_TCP_CHECKSUM },
	{ "bad checksum in a page", 4, .corrupt = true, .linear = 40,
	  .expect = CT_INVALID_TCP_CHECKSUM },
	{ "bad checksum, switched off", 4, .corrupt = true,
	  .unchecked = true },
	{ "bad checksum, on the way out", 4, .corrupt = true,
	  .hook = NF_INET_LOCAL_OUT },
	{ "bad checksum, the card says good", 6, .corrupt = true,
	  .summed = CHECKSUM_UNNECESSARY },
	{ "checksum not made yet", 4, .corrupt = true,
	  .summed = CHECKSUM_PARTIAL },
};

static void check_desc(const struct check_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(check, check_cases, check_desc);

static void test_check(struct kunit *test)
{
	const struct check_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct test_packet t;
	struct ct_packet p;
	struct tcphdr *th;

	test_start(&t, c->l3 == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6, IPPROTO_TCP);
	th = test_put_tcp(&t);
	th->ack = 1;
	if (c->doff)
		th->doff = c->doff & 0xf;
	test_put(&t, 8);
	if (c->cut)
		t.len = t.l4off + c->cut;
	test_finish(&t);
	if (c->corrupt)
		t.data[t.len - 1] ^= 0x40;

	cn->checksum = !c->unchecked;
	p = test_located(test, cn, test_skb(test, &t, c->linear ?: t.len),
			 t.l3);
	p.skb->ip_summed = c->summed;
	p.hook = c->hook;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_tcp.check(&p), (int)c->expect);
	kfree_skb(p.skb);
}

/* Made by netlink without a state: its first segment gives it one. */
static void test_no_state(struct kunit *test)
{
	static const struct {
		u8 dir, flags, state;
		enum ct_verdict verdict;
	} rows[] = {
		{ O, SYN, S(SYN_SENT), CT_ACCEPT },
		{ O, ACK, S(ESTABLISHED), CT_ACCEPT },
		{ O, SYNACK, S(NONE), CT_INVALID },
		{ O, FIN, S(NONE), CT_INVALID },
		{ R, SYNACK, S(NONE), CT_INVALID },
		{ R, ACK, S(NONE), CT_INVALID },
	};
	struct ct_net *cn = test_net(test);
	enum ct_invalid reason;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct segment seg = { .flags = rows[i].flags };
		struct ct_packet p = make(test, cn, &seg);
		struct ct_entry *e = test_entry(test, cn);

		e->proto.raw = 0;
		ct_status_set(e, IPS_CONFIRMED_BIT);
		e->expires = jiffies + HZ;
		KUNIT_EXPECT_EQ(test,
				(int)ct_proto_tcp.packet(e, &p,
				rows[i].dir == R ? IP_CT_ESTABLISHED_REPLY :
						   IP_CT_NEW, &reason),
				(int)rows[i].verdict);
		KUNIT_EXPECT_EQ(test, e->proto.tcp.state, rows[i].state);
		kfree_skb(p.skb);
	}
}

/* RFC 9293 3.10.7.4, for each of the 256 combinations. */
static bool may_be_sent(u8 flags)
{
	flags &= ~(TCPHDR_PSH | TCPHDR_ECE | TCPHDR_CWR);
	switch (flags & (TCPHDR_SYN | TCPHDR_RST | TCPHDR_FIN)) {
	case 0:
		return flags & TCPHDR_ACK;
	case TCPHDR_SYN:
		return !(flags & TCPHDR_ACK && flags & TCPHDR_URG);
	case TCPHDR_RST:
		return !(flags & TCPHDR_URG);
	case TCPHDR_FIN:
		return flags & TCPHDR_ACK;
	default:
		return false;
	}
}

static void test_flags(struct kunit *test)
{
	struct ct_net *cn = test_net(test);
	unsigned int flags;

	for (flags = 0; flags < 256; flags++) {
		const struct segment seg = { .flags = flags };
		struct ct_packet p = make(test, cn, &seg);
		enum ct_invalid want = may_be_sent(flags) ?
				       CT_OK : CT_INVALID_TCP_FLAGS;

		KUNIT_EXPECT_EQ_MSG(test, (int)ct_proto_tcp.check(&p),
				    (int)want, "flags %#x", flags);
		kfree_skb(p.skb);
	}
}

#define WS	IP_CT_TCP_FLAG_WINDOW_SCALE
#define SACK	IP_CT_TCP_FLAG_SACK_PERM

/* Options of SYN and SYN,ACK, and what is shown of them. */
struct option_case {
	const char *name;
	u8 syn[8];
	u8 synack[8];
	u8 flags[2];
	u8 wscale[2];
};

static const struct option_case option_cases[] = {
	{ "none", { 0 }, { 0 } },
	{ "both scale", { 1, 3, 3, 7 }, { 3, 3, 2 }, { WS, WS }, { 7, 2 } },
	{ "only the client scales", { 3, 3, 7 }, { 1 }, { WS, 0 } },
	{ "only the server scales", { 1 }, { 3, 3, 7 }, { 0, WS } },
	{ "scale above 14", { 3, 3, 15 }, { 3, 3, 255 }, { WS, WS },
	  { 14, 14 } },
	{ "SACK and scale", { 4, 2, 3, 3, 1 }, { 3, 3, 9, 4, 2 },
	  { WS | SACK, WS | SACK }, { 1, 9 } },
	{ "after the end", { 4, 2, 0, 3, 3, 7 }, { 4, 2 }, { SACK, SACK } },
	{ "length zero", { 4, 0, 3, 3, 7 }, { 4, 2 }, { 0, SACK } },
	{ "length one", { 1, 3, 1, 3, 3, 7 }, { 0 } },
	{ "longer than the header", { 1, 1, 1, 1, 1, 3, 9, 7 }, { 0 } },
	{ "cut in the length", { 1, 1, 1, 1, 1, 1, 1, 3 }, { 0 } },
	{ "cut in the value", { 1, 1, 1, 1, 1, 1, 3, 3 }, { 0 } },
	{ "wrong length for its kind", { 3, 4, 7, 7, 4, 3, 0 }, { 0 } },
};

static void option_desc(const struct option_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(option, option_cases, option_desc);

static void send_options(struct kunit *test, struct ct_entry *e,
			 unsigned int dir, const u8 *options)
{
	enum ct_invalid reason;
	struct test_packet t;
	struct ct_packet p;
	struct tcphdr *th;

	test_start(&t, NFPROTO_IPV6, IPPROTO_TCP);
	th = test_put_tcp(&t);
	th->syn = 1;
	th->ack = dir == R;
	th->doff = 7;
	memcpy(test_put(&t, 8), options, 8);
	test_finish(&t);
	p = test_located(test, e->cn, test_skb(test, &t, t.l4off + 23), t.l3);
	KUNIT_EXPECT_EQ(test, (int)ct_proto_tcp.check(&p), CT_OK);
	if (dir == O)
		KUNIT_EXPECT_EQ(test, (int)ct_proto_tcp.new(e, &p), CT_OK);
	KUNIT_EXPECT_EQ(test,
			(int)ct_proto_tcp.packet(e, &p, dir == R ?
						 IP_CT_ESTABLISHED_REPLY :
						 IP_CT_NEW, &reason),
			CT_ACCEPT);
	kfree_skb(p.skb);
}

/* CTA_PROTOINFO of an entry: a copy of the attributes of TCP's nest. */
static void read_back(struct kunit *test, struct ct_entry *e, bool destroy,
		      struct sk_buff *skb, struct nlattr **tb)
{
	struct nlattr *info[CTA_PROTOINFO_MAX + 1];

	KUNIT_ASSERT_EQ(test, ct_proto_tcp.fill(skb, e, destroy), 0);
	KUNIT_ASSERT_EQ(test, nla_type((struct nlattr *)skb->data),
			CTA_PROTOINFO);
	KUNIT_ASSERT_EQ(test, nla_parse_nested(info, CTA_PROTOINFO_MAX,
					       (struct nlattr *)skb->data,
					       NULL, NULL), 0);
	KUNIT_ASSERT_NOT_NULL(test, info[CTA_PROTOINFO_TCP]);
	KUNIT_ASSERT_EQ(test, nla_parse_nested(tb, CTA_PROTOINFO_TCP_MAX,
					       info[CTA_PROTOINFO_TCP], NULL,
					       NULL), 0);
}

static void test_options(struct kunit *test)
{
	const struct option_case *c = test->param_value;
	struct ct_entry *e = test_entry(test, test_net(test));
	struct nlattr *tb[CTA_PROTOINFO_TCP_MAX + 1];
	struct sk_buff *skb = nlmsg_new(256, GFP_KERNEL);
	const struct nf_ct_tcp_flags *flags;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
	send_options(test, e, O, c->syn);
	send_options(test, e, R, c->synack);

	read_back(test, e, false, skb, tb);
	KUNIT_EXPECT_EQ(test, (int)nla_get_u8(tb[CTA_PROTOINFO_TCP_STATE]),
			TCP_CONNTRACK_SYN_RECV);
	KUNIT_EXPECT_EQ(test, nla_get_u8(tb[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL]),
			c->wscale[O]);
	KUNIT_EXPECT_EQ(test, nla_get_u8(tb[CTA_PROTOINFO_TCP_WSCALE_REPLY]),
			c->wscale[R]);
	flags = nla_data(tb[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL]);
	KUNIT_EXPECT_EQ(test, flags->flags & (WS | SACK), c->flags[O]);
	flags = nla_data(tb[CTA_PROTOINFO_TCP_FLAGS_REPLY]);
	KUNIT_EXPECT_EQ(test, flags->flags & (WS | SACK), c->flags[R]);
	kfree_skb(skb);
}

/* A message about the end carries the state alone. */
static void test_fill_destroy(struct kunit *test)
{
	struct ct_entry *e = test_entry(test, test_net(test));
	struct nlattr *tb[CTA_PROTOINFO_TCP_MAX + 1];
	struct sk_buff *skb = nlmsg_new(256, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
	e->proto.tcp.state = TCP_CONNTRACK_CLOSE;
	read_back(test, e, true, skb, tb);
	for (i = 0; i <= CTA_PROTOINFO_TCP_MAX; i++)
		KUNIT_EXPECT_EQ(test, !!tb[i], i == CTA_PROTOINFO_TCP_STATE);
	KUNIT_EXPECT_EQ(test, (int)nla_get_u8(tb[CTA_PROTOINFO_TCP_STATE]),
			TCP_CONNTRACK_CLOSE);
	kfree_skb(skb);
}

/* No room at all, or not for the last attribute: an error, and no remains. */
static void test_fill_full(struct kunit *test)
{
	struct ct_entry *e = test_entry(test, test_net(test));
	unsigned int room;

	for (room = 0; room <= 44; room += 4) {
		struct sk_buff *skb = nlmsg_new(256, GFP_KERNEL);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
		skb_reserve(skb, skb_tailroom(skb) - room);
		KUNIT_EXPECT_EQ(test, ct_proto_tcp.fill(skb, e, false),
				-EMSGSIZE);
		KUNIT_EXPECT_EQ(test, skb->len, 0u);
		kfree_skb(skb);
	}
}

/* Repeating an unanswered SYN keeps no confirmed entry alive. */
static void test_syn_no_refresh(struct kunit *test)
{
	struct ct_entry *e = test_entry(test, test_net(test));
	const struct segment syn = { .flags = SYN };
	enum ct_invalid reason;
	u32 expires;

	play(test, e, O, &syn, &reason);
	ct_status_set(e, IPS_CONFIRMED_BIT);
	expires = jiffies + HZ;
	e->expires = expires;
	KUNIT_EXPECT_EQ(test, (int)play(test, e, O, &syn, &reason), CT_ACCEPT);
	KUNIT_EXPECT_EQ(test, e->expires, expires);

	ct_status_set(e, IPS_SEEN_REPLY_BIT);
	KUNIT_EXPECT_EQ(test, (int)play(test, e, O, &syn, &reason), CT_ACCEPT);
	KUNIT_EXPECT_GT(test, ct_entry_left(e), 900u * HZ);
}

/* Who wants handshakes, or has seen an answer, sees nothing go on without. */
static void test_one_way(struct kunit *test)
{
	static const struct {
		bool loose;
		bool replied;
		enum ct_verdict verdict;
	} rows[] = {
		{ true, false, CT_ACCEPT },
		{ false, false, CT_INVALID },
		{ true, true, CT_INVALID },
	};
	static const struct segment ack = { ACK, 101, 501 };
	enum ct_invalid reason;
	unsigned int i;
	u32 left;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ct_entry *e = test_entry(test, test_net(test));

		follow(test, e, prologue, 1);
		e->cn->tcp_loose = rows[i].loose;
		ct_status_set(e, IPS_CONFIRMED_BIT);
		if (rows[i].replied)
			ct_status_set(e, IPS_SEEN_REPLY_BIT);
		e->proto.tcp.replied = rows[i].replied;
		e->expires = (u32)jiffies + HZ;
		KUNIT_EXPECT_EQ(test, (int)play(test, e, O, &ack, &reason),
				(int)rows[i].verdict);
		/* As long as a SYN, and no longer. */
		left = ct_entry_left(e);
		if (rows[i].verdict == CT_ACCEPT) {
			KUNIT_EXPECT_GT(test, left, 1990u * HZ);
			KUNIT_EXPECT_LE(test, left, 2000u * HZ);
		} else {
			KUNIT_EXPECT_LE(test, left, (u32)HZ);
		}
	}
}

/* Somebody who cannot know any number says something in the server's name. */
static void test_one_way_blind(struct kunit *test)
{
	static const struct script_step steps[] = {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ O, { ACK, 101, 501 }, S(SYN_SENT) },
		{ R, { ACK, 777777777, 888888888 }, S(SYN_SENT) },
		{ O, { DATA, 101, 501, 100 }, S(SYN_SENT) },
		{ O, { ACK, 201, 601 }, S(SYN_SENT) },
	};
	struct ct_entry *e = test_entry(test, test_net(test));

	follow(test, e, steps, ARRAY_SIZE(steps));
	KUNIT_EXPECT_FALSE(test, ct_entry_hot(e) & IPS_ASSURED);
}

/* A socket connected to itself: what it says, it hears. */
static void test_loop(struct kunit *test)
{
	static const struct script_step steps[] = {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		/* Unreplied, it is what answers: track.c says so. */
		{ R, { SYNACK, 100, 101 }, S(SYN_RECV) },
		{ O, { ACK, 101, 101 }, S(ESTABLISHED) },
		{ O, { DATA, 101, 101, 100 }, S(ESTABLISHED) },
		{ O, { ACK, 201, 201 }, S(ESTABLISHED) },
		{ O, { DATA, 201, 201, 100 }, S(ESTABLISHED) },
		{ O, { ACK, 301, 301 }, S(ESTABLISHED) },
		{ O, { ACK, 301, 9101 }, S(ESTABLISHED), CT_INVALID,
		  CT_INVALID_TCP_ACK },
		{ O, { DATA, 92101, 301, 1 }, S(ESTABLISHED), CT_INVALID,
		  CT_INVALID_TCP_SEQ },
	};
	static const struct script_step end[] = {
		{ O, { FIN, 301, 301 }, S(LAST_ACK) },
		{ O, { ACK, 302, 302 }, S(TIME_WAIT) },
		{ O, { SYN, 9000 }, S(TIME_WAIT), CT_RESTART },
	};
	static const struct script_step reset[] = {
		{ O, { RST, 301 }, S(CLOSE) },
		{ O, { SYN, 9000 }, S(CLOSE), CT_RESTART },
	};
	struct ct_net *cn = test_net(test);
	struct ct_entry *e;
	int i;

	for (i = 0; i < 2; i++) {
		e = test_entry(test, cn);
		test_ends(&e->dir[O].tuple, TEST_SRC, TEST_SRC);
		test_ends(&e->dir[R].tuple, TEST_SRC, TEST_SRC);
		follow(test, e, steps, ARRAY_SIZE(steps));
		KUNIT_EXPECT_TRUE(test, ct_entry_hot(e) & IPS_ASSURED);
		KUNIT_EXPECT_EQ(test, e->expires, cn->timeout[CT_TIMEOUT_TCP +
							S(ESTABLISHED)]);
		if (i)
			follow(test, e, reset, ARRAY_SIZE(reset));
		else
			follow(test, e, end, ARRAY_SIZE(end));
	}
}

/* Each state's timeout is that of the policy, while there is one. */
static void test_by_policy(struct kunit *test)
{
	const unsigned int *timeouts;
	enum test_policy mode;
	unsigned int i;

	for (mode = 0; mode < TEST_POLICIES; mode++) {
		struct ct_entry *e = test_entry(test, test_net(test));

		follow(test, e, prologue, 1);
		KUNIT_EXPECT_EQ(test, e->expires,
				e->cn->timeout[CT_TIMEOUT_TCP + S(SYN_SENT)]);
		timeouts = test_policy(test, e, IPPROTO_TCP, mode);
		for (i = 1; i < CLOSED; i++) {
			follow(test, e, &prologue[i], 1);
			KUNIT_EXPECT_EQ_MSG(test, e->expires,
					    timeouts[CT_TIMEOUT_TCP +
						     prologue[i].state],
					    "mode %u, segment %u", mode, i + 1);
		}
		test_free_rare(e);
	}
}

/* What shortens it in an established connection: that of the policy, too. */
static const struct {
	struct script_step step;
	u8 timeout;
} steady[] = {
	{ { R, { DATA, 501, 101, 10 }, S(ESTABLISHED) }, UNACK },
	{ { O, { ACK, 101, 511 }, S(ESTABLISHED) }, S(ESTABLISHED) },
	{ { O, { DATA, 101, 511, 10 }, S(ESTABLISHED) }, UNACK },
	{ { R, { ACK, 511, 111 }, S(ESTABLISHED) }, S(ESTABLISHED) },
	{ { R, { ACK, 511, 111, .win = CLOSED_WINDOW }, S(ESTABLISHED) },
	  RETRANS },
};

/* The same when it is confirmed, which track.c does without the tracker. */
static void test_steady_by_policy(struct kunit *test)
{
	const unsigned int *timeouts;
	enum test_policy mode;
	unsigned int i;

	for (mode = 0; mode < TEST_POLICIES; mode++) {
		struct ct_entry *e = test_entry(test, test_net(test));

		follow(test, e, prologue, 1);
		timeouts = test_policy(test, e, IPPROTO_TCP, mode);
		follow(test, e, prologue + 1, OPEN - 1);
		e->expires += (u32)jiffies;
		ct_status_set(e, IPS_CONFIRMED_BIT);
		atomic_or(CT_HOT_REVISIT, &e->hot);
		for (i = 0; i < ARRAY_SIZE(steady); i++) {
			u32 left, want = timeouts[CT_TIMEOUT_TCP +
						  steady[i].timeout];

			follow(test, e, &steady[i].step, 1);
			left = ct_entry_left(e);
			KUNIT_EXPECT_LE_MSG(test, left, want,
					    "mode %u, segment %u", mode, i + 1);
			KUNIT_EXPECT_GT_MSG(test, left, want - 2 * HZ,
					    "mode %u, segment %u", mode, i + 1);
		}
		test_free_rare(e);
	}
}

static struct kunit_case ct_tcp_cases[] = {
	KUNIT_CASE_PARAM(test_cell, cell_gen_params),
	KUNIT_CASE_PARAM(test_script, script_gen_params),
	KUNIT_CASE_PARAM(test_open, open_gen_params),
	KUNIT_CASE_PARAM(test_check, check_gen_params),
	KUNIT_CASE_PARAM(test_options, option_gen_params),
	KUNIT_CASE(test_no_state),
	KUNIT_CASE(test_by_policy),
	KUNIT_CASE(test_steady_by_policy),
	KUNIT_CASE(test_flags),
	KUNIT_CASE(test_fill_destroy),
	KUNIT_CASE(test_fill_full),
	KUNIT_CASE(test_syn_no_refresh),
	KUNIT_CASE(test_one_way),
	KUNIT_CASE(test_one_way_blind),
	KUNIT_CASE(test_loop),
	{}
};

static struct kunit_suite ct_tcp_suite = {
	.name = "ct_tcp",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.test_cases = ct_tcp_cases,
};

kunit_test_suites(&ct_tcp_suite);

// SPDX-License-Identifier: GPL-2.0
/* TCP: what sequence numbers and windows allow. */
#include <linux/prandom.h>
#include "segments.h"
#include "wheels.h"

#define BAD_SEQ	.reason = CT_INVALID_TCP_SEQ
#define BAD_ACK	.reason = CT_INVALID_TCP_ACK
#define BAD_RST	.reason = CT_INVALID_TCP_RST
#define EST	S(ESTABLISHED)

/* Options of a SYN. */
#define SCALE(n)	.opt = { TCPOPT_NOP, TCPOPT_WINDOW, TCPOLEN_WINDOW, n }, \
			.optlen = 4
#define SACK_OK		.opt = { TCPOPT_SACK_PERM, TCPOLEN_SACK_PERM }, \
			.optlen = 2
#define SACKED(l, r)	.opt = { TCPOPT_NOP, TCPOPT_NOP, TCPOPT_SACK, 10, \
				 0, 0, (l) >> 8, (l) & 0xff, \
				 0, 0, (r) >> 8, (r) & 0xff }, .optlen = 12

/*
 * After so many segments of the prologue (the client is at 101, the server at
 * 501, each with a window of 1024): what each segment leaves behind, and by
 * which timeout the connection lives at the end.
 *
 * Whether a segment was taken for part of the connection is seen by its FIN:
 * one that is only let through changes no state.
 */
struct window_case {
	const char *name;
	u8 prologue;
	struct script_step step[10];
	u8 timeout;
	bool liberal;
	bool ignore_rst;
};

static const struct window_case window_cases[] = {
	/* I. Data up to what the receiver allowed. */
	{ "data fills the window", OPEN, {
		{ O, { DATA, 101, 501, 300 }, EST },
		{ O, { DATA, 1125 - 300, 501, 300 }, EST },
	  }, UNACK },
	{ "FIN at the right edge", OPEN, {
		{ O, { FIN, 1125, 501 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "FIN behind the right edge is let through, not believed", OPEN, {
		{ O, { FIN, 1126, 501 }, EST },
	  }, EST },
	{ "what it overshot may be acknowledged", OPEN, {
		{ O, { DATA, 1126, 501, 10 }, EST },
		{ R, { ACK, 501, 1136 }, EST },
	  }, EST },
	{ "data far behind the right edge", OPEN, {
		{ O, { DATA, 1126 + 1024, 501, 10 }, EST, BAD_SEQ },
	  }, EST },
	{ "data half the numbers ahead", OPEN, {
		{ O, { DATA, 101 + 0x7fffff00, 501, 10 }, EST, BAD_SEQ },
	  }, EST },
	{ "the reply's data far behind the right edge", OPEN, {
		{ R, { DATA, 9000, 101, 10 }, EST, BAD_SEQ },
	  }, EST },
	{ "the window slides with the acknowledgment", OPEN, {
		{ O, { DATA, 101, 501, 300 }, EST },
		{ R, { ACK, 501, 401 }, EST },
		{ O, { FIN, 401 + 1024, 501 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "a larger window opens", OPEN, {
		{ R, { ACK, 501, 101, .win = 5000 }, EST },
		{ O, { FIN, 101 + 5000, 501 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "a window that shrinks is held against nobody", OPEN, {
		{ R, { ACK, 501, 101, .win = 10 }, EST },
		{ O, { FIN, 101 + 1024, 501 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "a probe of a closed window", OPEN, {
		{ O, { DATA, 101, 501, 256 }, EST },
		{ O, { DATA, 357, 501, 256 }, EST },
		{ O, { DATA, 613, 501, 256 }, EST },
		{ O, { DATA, 869, 501, 256 }, EST },
		{ R, { ACK, 501, 1125, .win = CLOSED_WINDOW }, EST },
		{ O, { DATA, 1125, 501, 1 }, EST },
		{ O, { FIN, 1126, 501 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	/* II. Not all of it long received. */
	{ "repeated data", OPEN, {
		{ O, { DATA, 101, 501, 100 }, EST },
		{ R, { ACK, 501, 201 }, EST },
		{ O, { FIN, 101, 501, 99 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "a FIN from the past is let through, not believed", OPEN, {
		{ O, { DATA, 101, 501, 300 }, EST },
		{ R, { ACK, 501, 401, .win = 800 }, EST },
		{ O, { DATA, 401, 501, 300 }, EST },
		{ R, { ACK, 501, 701, .win = 800 }, EST },
		{ O, { DATA, 701, 501, 300 }, EST },
		{ R, { ACK, 501, 1001, .win = 800 }, EST },
		{ O, { DATA, 1001, 501, 300 }, EST },
		{ O, { FIN, 200, 501 }, EST },
	  }, UNACK },
	{ "old data within the largest window there was", OPEN, {
		{ R, { ACK, 501, 101, .win = 5000 }, EST },
		{ O, { DATA, 1101, 501, 200 }, EST },
		{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "data across the right edge: the window must be larger", OPEN, {
		{ O, { DATA, 1125, 501, 300 }, EST },
		{ O, { FIN, 100, 501 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "a keepalive", OPEN, {
		{ O, { ACK, 100, 501 }, EST },
		{ O, { ACK, 100, 501, 1 }, EST },
		{ R, { ACK, 501, 101 }, EST },
	  }, EST },
	/* III. Only what was sent is acknowledged. */
	{ "an acknowledgment of what was not sent", OPEN, {
		{ R, { ACK, 501, 102 }, EST, BAD_ACK },
		{ O, { ACK, 101, 502 }, EST, BAD_ACK },
		{ O, { FIN, 101, 0x80000000 }, EST, BAD_ACK },
	  }, EST },
	{ "a SACK of what was not sent", 0, {
		{ O, { SYN, 100, SACK_OK }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101, SACK_OK }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, EST },
		{ O, { DATA, 101, 501, 50 }, EST },
		{ R, { ACK, 501, 101, SACKED(110, 151) }, EST },
		{ R, { ACK, 501, 101, SACKED(110, 152) }, EST, BAD_ACK },
	  }, UNACK },
	{ "a SACK opens the window as far as its edge", 0, {
		{ O, { SYN, 100, SACK_OK }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101, SACK_OK }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, EST },
		{ O, { DATA, 101, 501, 50 }, EST },
		{ R, { ACK, 501, 101, SACKED(110, 151) }, EST },
		{ O, { FIN, 151 + 1024, 501 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "a SACK far beyond its own acknowledgment", 0, {
		{ O, { SYN, 100, SACK_OK }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101, SACK_OK }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, EST },
		{ R, { ACK, 501, 0x80000100, SACKED(90, 101) }, EST },
		{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "a SACK that was not agreed upon says nothing", OPEN, {
		{ R, { ACK, 501, 101, SACKED(5000, 6000) }, EST },
	  }, EST },
	{ "SACK options that end too early", 0, {
		{ O, { SYN, 100, SACK_OK }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101, SACK_OK }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, EST },
		{ R, { ACK, 501, 101, .opt = { TCPOPT_SACK, 10, 1, 1 },
		       .optlen = 4 }, EST },
		{ R, { ACK, 501, 101, .win = 1025,
		       .opt = { TCPOPT_SACK, 9, 1, 1, 1, 1, 1, 1, 1 },
		       .optlen = 9 }, EST },
		{ R, { ACK, 501, 101, .opt = { TCPOPT_SACK, 2, TCPOPT_SACK, 0 },
		       .optlen = 4 }, EST },
		{ R, { ACK, 501, 101, .win = 1025,
		       .opt = { 1, 1, 1, TCPOPT_SACK }, .optlen = 4 }, EST },
	  }, EST },
	/* IV. Nor from ages ago. */
	{ "a late acknowledgment", OPEN, {
		{ O, { DATA, 101, 501, 300 }, EST },
		{ R, { ACK, 501, 401 }, EST },
		{ R, { FIN, 501, 101 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "one from ages ago is let through, not believed", OPEN, {
		{ R, { FIN, 501, 101 - 66001 }, EST },
		{ R, { FIN, 501, 101 - 66000 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	/* Numbers that turn over. */
	{ "across the end of the numbers", 0, {
		{ O, { SYN, 0xffffff00 }, S(SYN_SENT) },
		{ R, { SYNACK, 0xffffffff, 0xffffff01 }, S(SYN_RECV) },
		{ O, { ACK, 0xffffff01, 0 }, EST },
		{ O, { DATA, 0xffffff01, 0, 300 }, EST },
		{ R, { ACK, 0, 45 }, EST },
		{ O, { DATA, 45 + 3000, 0, 1 }, EST, BAD_SEQ },
		{ R, { ACK, 0, 46 }, EST, BAD_ACK },
		{ O, { FIN, 45, 0 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	/* RFC 7323. */
	{ "scaled windows", 0, {
		{ O, { SYN, 100, SCALE(0) }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101, SCALE(3) }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, EST },
		{ R, { ACK, 501, 101 }, EST },
		{ O, { FIN, 101 + 8192, 501 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "the window of a SYN,ACK is not scaled", 0, {
		{ O, { SYN, 100, SCALE(0) }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101, SCALE(3) }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, EST },
		{ O, { FIN, 101 + 1025, 501 }, EST },
	  }, EST },
	{ "scaled by one end only: by none", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101, SCALE(3) }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, EST },
		{ R, { ACK, 501, 101 }, EST },
		{ O, { FIN, 101 + 1025, 501 }, EST },
	  }, EST },
	/* Opening. */
	{ "a SYN,ACK of another SYN, then the right one", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { SYNACK, 90000, 5000 }, S(SYN_SENT), BAD_ACK },
		{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, EST },
	  }, EST },
	{ "another SYN with a higher number", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ O, { SYN, 7000 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 7001 }, S(SYN_RECV) },
		{ O, { ACK, 7001, 501 }, EST },
	  }, EST },
	{ "another SYN with a lower number, let through", 0, {
		{ O, { SYN, 7000 }, S(SYN_SENT) },
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 7001 }, S(SYN_RECV) },
	  }, S(SYN_RECV) },
	{ "data with the SYN (RFC 7413)", 0, {
		{ O, { SYN, 100, 0, 200 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 301 }, S(SYN_RECV) },
		{ O, { ACK, 301, 501 }, EST },
	  }, EST },
	{ "data with the SYN, not accepted", 0, {
		{ O, { SYN, 100, 0, 200 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
		{ O, { DATA, 101, 501, 200 }, EST },
	  }, EST },
	{ "simultaneous open, with wrong numbers", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { SYN, 500 }, S(SYN_SENT2) },
		{ O, { SYNACK, 100, 502 }, S(SYN_SENT2), BAD_ACK },
		{ O, { SYNACK, 100, 501 }, S(SYN_RECV) },
		{ R, { ACK, 501, 102 }, S(SYN_RECV), BAD_ACK },
		{ R, { ACK, 501, 101 }, EST },
	  }, EST },
	{ "the new numbers hold after another SYN", OPEN, {
		{ O, { SYN, 90000 }, EST },
		{ R, { SYNACK, 70000, 90001 }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, S(SYN_RECV), },
		{ O, { ACK, 90001, 70001 }, EST },
		{ R, { DATA, 501, 101, 5 }, EST },
		{ O, { FIN, 90001 + 1024, 70001 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "the new numbers are lower", 0, {
		{ O, { SYN, 0x20000000 }, S(SYN_SENT) },
		{ R, { SYNACK, 0x20000000, 0x20000001 }, S(SYN_RECV) },
		{ O, { ACK, 0x20000001, 0x20000001 }, EST },
		{ O, { SYN, 100 }, EST },
		{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
		{ O, { ACK, 101, 501 }, EST },
		{ R, { FIN, 501, 101 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	{ "the window of that SYN holds", OPEN, {
		{ O, { SYN, 90000, .win = 5000 }, EST },
		{ R, { SYNACK, 70000, 90001 }, S(SYN_RECV) },
		{ O, { ACK, 90001, 70001 }, EST },
		{ R, { DATA, 70001, 90001, 300 }, EST },
		{ O, { ACK, 90001, 70301 }, EST },
		{ R, { DATA, 71000, 90001, 300 }, EST },
		{ R, { FIN, 70001, 90001 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
	/* RFC 5961 3.2. */
	{ "a RST with exactly the number", OPEN, {
		{ R, { RST, 501 }, S(CLOSE) },
	  }, S(CLOSE) },
	{ "a RST within the window awaits a challenge ACK", OPEN, {
		{ R, { RST, 502 }, EST },
	  }, UNACK },
	{ "such a RST from both, one of which has closed its window", OPEN, {
		{ R, { DATA, 501, 101, 10, .win = CLOSED_WINDOW }, EST },
		{ O, { RST, 102 }, EST },
		{ R, { RST, 505 }, EST },
	  }, UNACK },
	{ "such a RST after data that was repeated in vain", OPEN, {
		{ O, { DATA, 101, 501, 10 }, EST },
		{ O, { DATA, 101, 501, 10 }, EST },
		{ O, { DATA, 101, 501, 10 }, EST },
		{ O, { DATA, 101, 501, 10 }, EST },
		{ R, { RST, 502 }, EST },
	  }, RETRANS },
	{ "it is answered, and all goes on", OPEN, {
		{ R, { RST, 502 }, EST },
		{ O, { ACK, 101, 501 }, EST },
		{ R, { DATA, 501, 101, 10 }, EST },
		{ O, { ACK, 101, 511 }, EST },
	  }, EST },
	{ "a RST from before", OPEN, {
		{ R, { RST, 500 }, EST, BAD_RST },
		{ O, { RST, 100 }, EST, BAD_RST },
	  }, EST },
	{ "a RST from before, ignored", OPEN, {
		{ R, { RST, 500 }, EST },
	  }, UNACK, .ignore_rst = true },
	{ "a RST far behind the window", OPEN, {
		{ R, { RST, 90000 }, EST, BAD_SEQ },
	  }, EST },
	{ "a RST right behind the data of its sender", OPEN, {
		{ R, { DATA, 501, 101, 40 }, EST },
		{ R, { RST, 541 }, S(CLOSE) },
	  }, S(CLOSE) },
	{ "a RST that acknowledges a SYN that was let through", OPEN, {
		{ O, { SYN, 9000 }, EST },
		{ R, { RSTACK, 0, 9001 }, S(CLOSE) },
	  }, S(CLOSE) },
	{ "a RST with an acknowledgment number of zero", 0, {
		{ O, { SYN, 0x10000000 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 0x10000001 }, S(SYN_RECV) },
		{ O, { ACK, 0x10000001, 501 }, EST },
		{ R, { RSTACK, 501, 0 }, S(CLOSE) },
	  }, S(CLOSE) },
	{ "a RST with a number of zero, of one who gives up", 0, {
		{ O, { SYN, 0xf0000000 }, S(SYN_SENT) },
		{ O, { RST, 0 }, S(CLOSE), CT_DROP_ENTRY },
	  }, S(SYN_SENT) },
	{ "a RST with a number of zero, of a connection picked up", 0, {
		{ O, { DATA, 5000, 8000, 5 }, EST },
		{ R, { ACK, 8000, 5005 }, EST },
		{ O, { RST, 0 }, S(CLOSE) },
	  }, S(CLOSE) },
	{ "a RST while closing needs no number", OPEN, {
		{ O, { FIN, 101, 501 }, S(FIN_WAIT) },
		{ R, { RST, 12345 }, S(CLOSE) },
	  }, S(CLOSE) },
	{ "a RST of the handshake out of the window", 0, {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { SYNACK, 500, 101 }, S(SYN_RECV) },
		{ O, { RST, 90000 }, S(SYN_RECV), BAD_SEQ },
		{ O, { RST, 101 }, S(CLOSE) },
	  }, S(CLOSE) },
	/* The timeouts of a connection that is in trouble. */
	{ "data, repeated in vain", OPEN, {
		{ O, { DATA, 101, 501, 10 }, EST },
		{ O, { DATA, 101, 501, 10 }, EST },
		{ O, { DATA, 101, 501, 10 }, EST },
		{ O, { DATA, 101, 501, 10 }, EST },
	  }, RETRANS },
	{ "data, repeated, then acknowledged", OPEN, {
		{ O, { DATA, 101, 501, 10 }, EST },
		{ O, { DATA, 101, 501, 10 }, EST },
		{ O, { DATA, 101, 501, 10 }, EST },
		{ O, { DATA, 101, 501, 10 }, EST },
		{ R, { ACK, 501, 111 }, EST },
	  }, EST },
	{ "data, a part of it acknowledged", OPEN, {
		{ O, { DATA, 101, 501, 10 }, EST },
		{ R, { ACK, 501, 105 }, EST },
	  }, UNACK },
	{ "acknowledgments that differ are not repeated", OPEN, {
		{ R, { DATA, 501, 101, 4 }, EST },
		{ O, { ACK, 101, 502 }, EST },
		{ O, { ACK, 101, 503 }, EST },
		{ O, { ACK, 101, 504 }, EST },
		{ O, { ACK, 101, 505 }, EST },
	  }, EST },
	{ "a closed window", OPEN, {
		{ R, { ACK, 501, 101, .win = CLOSED_WINDOW }, EST },
	  }, RETRANS },
	{ "a window that was closed and opened", OPEN, {
		{ R, { ACK, 501, 101, .win = CLOSED_WINDOW }, EST },
		{ R, { ACK, 501, 101 }, EST },
	  }, EST },
	{ "both ends send a FIN out of the window", OPEN, {
		{ O, { FIN, 90000, 501 }, EST, BAD_SEQ },
		{ R, { FIN, 90000, 101 }, EST, BAD_SEQ },
	  }, UNACK },
	{ "both ends send data out of the window", OPEN, {
		{ O, { DATA, 90000, 501 }, EST, BAD_SEQ },
		{ R, { DATA, 90000, 101 }, EST, BAD_SEQ },
	  }, EST },
	{ "one end sends a FIN out of the window, the other data", OPEN, {
		{ O, { FIN, 90000, 501 }, EST, BAD_SEQ },
		{ R, { DATA, 90000, 101 }, EST, BAD_SEQ },
	  }, EST },
	{ "one end sends two FINs out of it", OPEN, {
		{ O, { FIN, 90000, 501 }, EST, BAD_SEQ },
		{ O, { FIN, 90000, 501 }, EST, BAD_SEQ },
	  }, EST },
	/* nf_conntrack_tcp_be_liberal, and what was picked up in the middle. */
	{ "liberal: nothing is out of the window", OPEN, {
		{ O, { DATA, 90000, 501, 10 }, EST },
		{ R, { DATA, 501, 90000, 10 }, EST },
		{ R, { FIN, 90000, 101 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT), .liberal = true },
	{ "liberal: a RST from before is one all the same", OPEN, {
		{ R, { RST, 500 }, EST, BAD_RST },
	  }, EST, .liberal = true },
	{ "picked up by a keepalive, whose answer tells where it is", 0, {
		{ O, { ACK, 99, 501 }, EST },
		{ R, { ACK, 501, 100 }, EST },
		{ O, { RST, 50 }, EST, BAD_RST },
	  }, UNACK },
	{ "picked up: its window scale is unknown", 0, {
		{ O, { DATA, 5000, 8000, 10 }, EST },
		{ R, { ACK, 8000, 5010 }, EST },
		{ O, { DATA, 5010 + 60000, 8000, 10 }, EST },
		{ R, { FIN, 8000, 65020 }, S(FIN_WAIT) },
	  }, S(FIN_WAIT) },
};

static void window_desc(const struct window_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(window, window_cases, window_desc);

static void test_window(struct kunit *test)
{
	const struct window_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);

	cn->tcp_be_liberal = c->liberal;
	cn->tcp_ignore_invalid_rst = c->ignore_rst;
	follow(test, e, prologue, c->prologue);
	follow(test, e, c->step, ARRAY_SIZE(c->step));
	KUNIT_EXPECT_EQ(test, e->expires,
			cn->timeout[CT_TIMEOUT_TCP + c->timeout]);
}

/*
 * Until there is a reply, its window is where the candidates' link is: neither
 * read nor written, not even if somebody says that there was a reply.
 */
static void test_no_reply(struct kunit *test)
{
	static const struct script_step opened[] = {
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ O, { SYN, 100 }, S(SYN_SENT) },
		{ R, { ACK, 500, 3000 }, S(SYN_SENT) },
		{ O, { RST, 5000 }, S(SYN_SENT), BAD_SEQ },
	}, picked_up[] = {
		{ O, { DATA, 101, 501, 5 }, EST },
		{ O, { DATA, 106, 501, 5 }, EST },
		{ O, { SYN, 9000 }, EST },
		{ R, { SYNACK, 700, 800 }, EST },
	};
	const struct ct_window link = { 501, 501, 100000, 7 };
	struct ct_net *cn = test_net(test);
	struct ct_entry *e;

	e = test_entry(test, cn);
	e->seen.window[R] = link;
	follow(test, e, opened, ARRAY_SIZE(opened));
	KUNIT_EXPECT_EQ(test, memcmp(&e->seen.window[R], &link, sizeof(link)),
			0);

	e = test_entry(test, cn);
	e->seen.window[R] = link;
	ct_status_set(e, IPS_SEEN_REPLY_BIT);
	ct_status_set(e, IPS_ASSURED_BIT);
	follow(test, e, picked_up, ARRAY_SIZE(picked_up));
	KUNIT_EXPECT_EQ(test, memcmp(&e->seen.window[R], &link, sizeof(link)),
			0);
	KUNIT_EXPECT_FALSE(test, (bool)e->proto.tcp.replied);
}

/* Made by netlink, of numbers nothing is known; and nobody is liberal. */
static void test_made(struct kunit *test)
{
	static const struct script_step steps[] = {
		{ O, { DATA, 101, 7000, 5 }, EST },
		{ O, { DATA, 106, 7000, 5 }, EST },
		{ O, { DATA, 111, 7100, 5 }, EST },
		{ R, { DATA, 7100, 116, 5 }, EST },
		{ O, { ACK, 116, 7105 }, EST },
		{ O, { ACK, 116, 7106 }, EST, BAD_ACK },
		{ R, { FIN, 7105, 116 }, S(FIN_WAIT) },
	};
	struct ct_net *cn = test_net(test);
	struct ct_entry *e;
	unsigned int had;

	/* Without a reply, and with one. */
	for (had = 0; had < 2; had++) {
		e = test_entry(test, cn);
		e->proto.tcp.state = EST;
		if (had) {
			ct_status_set(e, IPS_SEEN_REPLY_BIT);
			ct_status_set(e, IPS_ASSURED_BIT);
		}
		follow(test, e, steps, ARRAY_SIZE(steps));
	}
}

/*
 * The short way gives what the long one does: a random walk with small windows,
 * where each segment is tried on copies of the entry by both.
 */
#define WALK	20000

struct walk {
	struct ct_entry *e[3];
	u32 next[2];
	unsigned int steady;
};

static u32 near(struct rnd_state *rnd, u32 at, u32 by)
{
	u32 r = prandom_u32_state(rnd);

	/* Mostly right, at times next to an edge, at times anywhere. */
	switch (r % 32) {
	case 0:
	case 1:
		return at + r / 32 % (2 * by) - by;
	case 2:
		return at + 1024 + r / 32 % 3 - 1;
	case 3:
		return r % 128 == 3 ? r : at;
	default:
		return at;
	}
}

static void walk_step(struct kunit *test, struct walk *w, struct rnd_state *rnd)
{
	const u32 r = prandom_u32_state(rnd);
	const unsigned int dir = r & 1;
	struct segment seg = {
		.flags = r & 2 ? ACK : DATA,
		.payload = r & 4 ? r >> 8 & 0x7f : 0,
		.win = (r >> 16) % 6 ? 1024 : r >> 20,
	};
	enum ct_invalid reason;
	struct ct_packet p;
	bool steady;
	unsigned int i;

	seg.seq = near(rnd, w->next[dir], 300);
	seg.ack = near(rnd, w->next[!dir], 300);
	p = make(test, w->e[0]->cn, &seg);
	for (i = 1; i < ARRAY_SIZE(w->e); i++)
		memcpy(w->e[i], w->e[0], sizeof(*w->e[0]));
	steady = ct_tcp_steady(w->e[1], &p, dir);
	ct_proto_tcp.packet(w->e[2], &p, dir == R ? IP_CT_ESTABLISHED_REPLY :
						    IP_CT_ESTABLISHED, &reason);
	w->steady += steady;
	/* Nothing done, or the same done. */
	i = steady ? 2 : 0;
	KUNIT_EXPECT_EQ(test, memcmp(&w->e[1]->proto, &w->e[i]->proto,
				     sizeof(w->e[i]->proto)), 0);
	KUNIT_EXPECT_EQ(test, memcmp(&w->e[1]->seen, &w->e[i]->seen,
				     sizeof(w->e[i]->seen)), 0);
	KUNIT_EXPECT_EQ(test, memcmp(&w->e[1]->last, &w->e[i]->last,
				     sizeof(w->e[i]->last)), 0);
	KUNIT_EXPECT_EQ(test, w->e[1]->expires, w->e[i]->expires);
	swap(w->e[0], w->e[2]);
	w->next[dir] = w->e[0]->seen.window[dir].end;
	kfree_skb(p.skb);
}

static void test_walk(struct kunit *test)
{
	struct ct_net *cn = test_net(test);
	struct walk w = { .next = { 101, 501 } };
	struct rnd_state rnd;
	unsigned int i;

	/* No two timeouts are alike, nor near. */
	cn->timeout[CT_TIMEOUT_TCP_UNACK] = 50000 * HZ;
	for (i = 0; i < ARRAY_SIZE(w.e); i++)
		w.e[i] = test_entry(test, cn);
	follow(test, w.e[0], prologue, OPEN);
	w.e[0]->proto.tcp.scale[R] = 2;
	prandom_seed_state(&rnd, 20);
	for (i = 0; i < WALK; i++)
		walk_step(test, &w, &rnd);
	KUNIT_EXPECT_GT(test, w.steady, WALK / 2u);
	KUNIT_EXPECT_LT(test, w.steady, WALK - WALK / 20u);
}

/* What the short way is not for, it leaves alone. */
static void test_not_steady(struct kunit *test)
{
	static const struct {
		const char *name;
		struct segment seg;
		bool steady;
	} rows[] = {
		{ "ACK", { ACK, 101, 501 }, true },
		{ "data", { DATA, 101, 501, 20 }, true },
		{ "timestamp", { ACK, 101, 501, .opt = { 1, 1, 8, 10 },
				 .optlen = 12 }, true },
		{ "SACK", { ACK, 101, 501, SACKED(1, 2) } },
		{ "another option", { ACK, 101, 501, .opt = { 1, 1, 9, 10 },
				      .optlen = 12 } },
		{ "FIN", { FIN, 101, 501 } },
		{ "RST", { RSTACK, 101, 501 } },
		{ "SYN", { SYN, 101 } },
		{ "out of window", { ACK, 9000, 501 } },
	};
	struct ct_entry *e = test_entry(test, test_net(test));
	unsigned int i;

	follow(test, e, prologue, OPEN);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ct_packet p = make(test, e->cn, &rows[i].seg);

		KUNIT_EXPECT_EQ_MSG(test, ct_tcp_steady(e, &p, O),
				    rows[i].steady, "%s", rows[i].name);
		kfree_skb(p.skb);
	}
}

/* Each ACK refreshes, without a look at the wheel where that is not needed. */
static void test_refresh(struct kunit *test)
{
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	const struct segment ack = { ACK, 501, 101 };
	u32 *timeout = &cn->timeout[CT_TIMEOUT_TCP + S(ESTABLISHED)];
	enum ct_invalid reason;
	unsigned int way;
	u32 before;

	follow(test, e, prologue, OPEN);
	ct_status_set(e, IPS_CONFIRMED_BIT);
	for (way = 0; way < 2; way++) {
		*timeout = 5000 * HZ;
		before = jiffies;
		e->expires = before + 100 * HZ;
		e->proto.tcp.retrans = 0;
		play(test, e, R, &ack, &reason);
		KUNIT_EXPECT_GE(test, e->expires - before, 5000u * HZ);
		KUNIT_EXPECT_LT(test, e->expires - before, 5010u * HZ);

		/* An administrator made it shorter: that holds from now on. */
		*timeout = 1000 * HZ;
		e->proto.tcp.retrans = 0;
		play(test, e, R, &ack, &reason);
		KUNIT_EXPECT_GE(test, e->expires - before, 1000u * HZ);
		KUNIT_EXPECT_LT(test, e->expires - before, 1010u * HZ);

		/* Not below where the wheel might be late: by ct_refresh(). */
		*timeout = HZ;
		e->proto.tcp.retrans = 0;
		play(test, e, R, &ack, &reason);
		KUNIT_EXPECT_LT(test, e->expires - before, 11u * HZ);

		/* As long as can be, and not longer. */
		*timeout = U32_MAX;
		cn->timeout[CT_TIMEOUT_TCP_RETRANS] = U32_MAX;
		e->proto.tcp.retrans = 0;
		play(test, e, R, &ack, &reason);
		KUNIT_EXPECT_GE(test, e->expires - before, CT_LONGEST);
		KUNIT_EXPECT_LT(test, e->expires - before,
				CT_LONGEST + 10 * HZ);

		/* Once more, with the wheel looking now and again. */
		atomic_or(CT_HOT_REVISIT, &e->hot);
	}

	*timeout = 5000 * HZ;
	ct_status_set(e, IPS_FIXED_TIMEOUT_BIT);
	e->expires = before + 900 * HZ;
	play(test, e, R, &ack, &reason);
	KUNIT_EXPECT_EQ(test, e->expires, before + 900 * HZ);
}

static void test_counted(struct kunit *test)
{
	struct ct_net *cn = test_net(test);
	struct ct_entry *e = test_entry(test, cn);
	const struct segment data = { DATA, 101, 501, 60 };
	enum ct_invalid reason;
	struct ct_packet p;

	cn->acct = 1;
	follow(test, e, prologue, OPEN);
	p = make(test, cn, &data);
	play(test, e, O, &data, &reason);
	KUNIT_EXPECT_EQ(test, atomic64_read(&e->dir[O].packets), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&e->dir[O].bytes),
			(s64)p.skb->len);
	KUNIT_EXPECT_EQ(test, atomic64_read(&e->dir[R].packets), 0);
	kfree_skb(p.skb);
}

static struct kunit_case ct_window_cases[] = {
	KUNIT_CASE_PARAM(test_window, window_gen_params),
	KUNIT_CASE(test_no_reply),
	KUNIT_CASE(test_made),
	KUNIT_CASE(test_walk),
	KUNIT_CASE(test_not_steady),
	KUNIT_CASE(test_refresh),
	KUNIT_CASE(test_counted),
	{}
};

static struct kunit_suite ct_window_suite = {
	.name = "ct_window",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.test_cases = ct_window_cases,
};

kunit_test_suites(&ct_window_suite);

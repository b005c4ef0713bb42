// SPDX-License-Identifier: GPL-2.0
/* SCTP: associations chunk by chunk, verification tags, malformed packets. */
#include <linux/crc32c.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sctp.h>
#include <net/netlink.h>
#include "packet.h"
#include "wheels.h"

#define O	IP_CT_DIR_ORIGINAL
#define R	IP_CT_DIR_REPLY
#define S(s)	SCTP_CONNTRACK_##s
#define T	SCTP_CHUNK_FLAG_T

/* The client wants to be addressed by 0xc, the server by 0x5. */
#define CT	0xc
#define ST	0x5

/* Shorter than enum sctp_cid says it; all but 0, which is DATA, as it is. */
#define DATA	0xff
#define INIT	SCTP_CID_INIT
#define INITACK	SCTP_CID_INIT_ACK
#define HB	SCTP_CID_HEARTBEAT
#define HBACK	SCTP_CID_HEARTBEAT_ACK
#define ABORT	SCTP_CID_ABORT
#define SHUT	SCTP_CID_SHUTDOWN
#define SHUTACK	SCTP_CID_SHUTDOWN_ACK
#define ERROR	SCTP_CID_ERROR
#define ECHO	SCTP_CID_COOKIE_ECHO
#define COOKACK	SCTP_CID_COOKIE_ACK
#define DONE	SCTP_CID_SHUTDOWN_COMPLETE
#define SACK	SCTP_CID_SACK
#define AUTH	SCTP_CID_AUTH

struct packet {
	u8 dir;
	u32 tag;
	u8 chunk[3];	/* up to the first zero */
	u8 state;	/* after it */
	enum ct_invalid reason;
	u32 init_tag;	/* in INIT and INIT ACK */
	u8 flags;	/* of all chunks */
};

static void put_packet(struct test_packet *t, u8 l3, const struct packet *k)
{
	struct sctphdr *sh;
	unsigned int i;

	test_start(t, l3, IPPROTO_SCTP);
	sh = test_put(t, sizeof(*sh));
	sh->source = TEST_SPORT;
	sh->dest = TEST_DPORT;
	sh->vtag = htonl(k->tag);
	for (i = 0; i < ARRAY_SIZE(k->chunk) && k->chunk[i]; i++) {
		struct sctp_chunkhdr *ch = test_put(t, sizeof(*ch));
		unsigned int len = sizeof(*ch);

		ch->type = k->chunk[i] == DATA ? SCTP_CID_DATA : k->chunk[i];
		ch->flags = k->flags;
		if (ch->type == INIT || ch->type == INITACK) {
			struct sctp_inithdr *ih = test_put(t, sizeof(*ih));

			ih->init_tag = htonl(k->init_tag);
			len += sizeof(*ih);
		} else if (ch->type == SCTP_CID_DATA ||
			   ch->type == SCTP_CID_I_DATA) {
			/* Padded to a multiple of four. */
			test_put(t, 16);
			len += 13;
		}
		ch->length = htons(len);
	}
	test_finish(t);
	sh->checksum = 0;
	sh->checksum = cpu_to_le32(~crc32c(~0, sh, t->len - t->l4off));
}

static enum ct_invalid play(struct kunit *test, struct ct_entry *e,
			    const struct packet *k)
{
	struct test_packet t;
	enum ct_invalid reason;
	struct ct_packet p;

	put_packet(&t, NFPROTO_IPV4, k);
	p = test_located(test, e->cn, test_skb(test, &t, t.len), t.l3);
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(&p), CT_OK);
	if (!e->proto.sctp.state && k->dir == O)
		reason = ct_proto_sctp.new(e, &p);
	else if (ct_proto_sctp.packet(e, &p, k->dir == R ?
				      IP_CT_ESTABLISHED_REPLY :
				      IP_CT_ESTABLISHED, &reason) == CT_ACCEPT)
		KUNIT_EXPECT_EQ(test, (int)reason, CT_OK);
	kfree_skb(p.skb);
	return reason;
}

/* How an association is opened and, from the fifth on, shut down. */
static const struct packet prologue[] = {
	{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
	{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
	{ O, ST, { ECHO, DATA }, S(COOKIE_ECHOED) },
	{ R, CT, { COOKACK }, S(ESTABLISHED) },
	{ O, ST, { SHUT }, S(SHUTDOWN_SENT) },
	{ R, CT, { SHUTACK }, S(SHUTDOWN_ACK_SENT) },
	{ O, ST, { DONE }, S(CLOSED) },
};

#define OPEN	4
#define CLOSED	7

#define BAD_TAG		CT_INVALID_SCTP_TAG
#define BAD_STATE	CT_INVALID_SCTP_STATE
#define BAD_NEW		CT_INVALID_SCTP_NEW
#define BAD_ROW		CT_INVALID_SCTP_CHUNK
#define EST		S(ESTABLISHED)

struct script_case {
	const char *name;
	u8 prologue;
	struct packet step[12];
	bool assured;
	u8 timeout;	/* as the state's, at the end */
};

static const struct script_case script_cases[] = {
	{ "an association", OPEN, { }, true, EST },
	{ "shut down", CLOSED, { }, true, S(CLOSED) },
	{ "shut down by the server", OPEN, {
		{ R, CT, { SHUT }, S(SHUTDOWN_RECD) },
		{ O, ST, { SHUTACK }, S(SHUTDOWN_ACK_SENT) },
		{ R, CT, { DONE }, S(CLOSED) },
	  }, true, S(CLOSED) },
	{ "shut down by both at once", OPEN, {
		{ O, ST, { SHUT }, S(SHUTDOWN_SENT) },
		{ R, CT, { SHUT }, S(SHUTDOWN_SENT) },
		{ O, ST, { SHUTACK }, S(SHUTDOWN_ACK_SENT) },
		{ R, CT, { SHUTACK }, S(SHUTDOWN_ACK_SENT) },
		{ R, CT, { DONE }, S(CLOSED) },
	  }, true, S(CLOSED) },
	{ "data both ways", OPEN, {
		{ O, ST, { DATA, DATA }, EST },
		{ R, CT, { SACK, DATA }, EST },
	  }, true, EST },
	{ "data with another tag", OPEN, {
		{ O, CT, { DATA }, EST, BAD_TAG },
		{ R, ST, { DATA }, EST, BAD_TAG },
		{ R, 0, { DATA }, EST, BAD_TAG },
	  }, true, EST },
	{ "INIT repeated", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
	  }, .timeout = S(COOKIE_WAIT) },
	{ "INIT with a tag", 0, {
		{ O, 1, { INIT }, S(NONE), BAD_TAG, CT },
	  }, .timeout = S(NONE) },
	{ "INIT ACK with another tag", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, 7, { INITACK }, S(CLOSED), BAD_TAG, ST },
	  }, .timeout = S(CLOSED) },
	{ "INIT ACK repeated", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, ST, { ECHO }, S(COOKIE_ECHOED) },
	  }, .timeout = S(COOKIE_ECHOED) },
	{ "INIT ACK to who asked nothing", OPEN, {
		{ O, ST, { INITACK }, EST, BAD_TAG, 0x99 },
		{ R, CT, { INITACK }, EST, BAD_TAG, 0x99 },
	  }, true, EST },
	{ "COOKIE ECHO with another tag", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, CT, { ECHO }, S(COOKIE_WAIT), BAD_TAG },
	  }, .timeout = S(COOKIE_WAIT) },
	{ "both send INIT", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, 0, { INIT }, S(CLOSED), .init_tag = ST },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, ST, { INITACK }, S(COOKIE_WAIT), .init_tag = CT },
		{ R, CT, { ECHO }, S(COOKIE_ECHOED) },
		{ O, ST, { COOKACK }, EST },
	  }, true, EST },
	{ "both send INIT, the answer has another tag", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, 0, { INIT }, S(CLOSED), .init_tag = ST },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = 0x99 },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), BAD_TAG, 0x98 },
	  }, .timeout = S(COOKIE_WAIT) },
	{ "a stale cookie", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, ST, { ECHO }, S(COOKIE_ECHOED) },
		{ R, CT, { ERROR }, S(CLOSED) },
	  }, .timeout = S(CLOSED) },
	{ "aborted", OPEN, {
		{ R, CT, { ABORT }, S(CLOSED) },
	  }, true, S(CLOSED) },
	{ "aborted by who has no association", OPEN, {
		{ R, ST, { ABORT }, S(CLOSED), .flags = T },
	  }, true, S(CLOSED) },
	{ "aborted with another tag", OPEN, {
		{ R, ST, { ABORT }, EST, BAD_TAG },
		{ R, CT, { ABORT }, EST, BAD_TAG, .flags = T },
		{ R, 0, { ABORT }, EST, BAD_TAG },
	  }, true, EST },
	{ "SHUTDOWN COMPLETE with another tag", OPEN, {
		{ O, ST, { SHUT }, S(SHUTDOWN_SENT) },
		{ R, CT, { SHUTACK }, S(SHUTDOWN_ACK_SENT) },
		{ O, 9, { DONE }, S(SHUTDOWN_ACK_SENT), BAD_TAG },
		{ O, CT, { DONE }, S(CLOSED), .flags = T },
	  }, true, S(CLOSED) },
	{ "opened again", CLOSED, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = 0x77 },
		{ R, 0x77, { INITACK }, S(COOKIE_WAIT), .init_tag = 0x88 },
		{ O, 0x88, { ECHO }, S(COOKIE_ECHOED) },
		{ R, 0x77, { COOKACK }, EST },
	  }, true, EST },
	{ "opened again by the server", CLOSED, {
		{ R, 0, { INIT }, S(CLOSED), .init_tag = 0x88 },
		{ O, 0x88, { INITACK }, S(COOKIE_WAIT), .init_tag = 0x77 },
		{ R, 0x77, { ECHO }, S(COOKIE_ECHOED) },
		{ O, 0x88, { COOKACK }, EST },
	  }, true, EST },
	{ "given up by the client, opened by the server", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, 0, { INIT }, S(CLOSED), .init_tag = 0x88 },
		{ O, 0x99, { INITACK }, S(CLOSED), BAD_TAG, .init_tag = 0x77 },
		{ O, 0x88, { INITACK }, S(COOKIE_WAIT), .init_tag = 0x77 },
		{ R, 0x77, { ECHO }, S(COOKIE_ECHOED) },
		{ O, 0x88, { COOKACK }, EST },
		{ R, 0x77, { DATA }, EST },
	  }, true, EST },
	{ "opened again while it shuts down", OPEN, {
		{ O, ST, { SHUT }, S(SHUTDOWN_SENT) },
		{ O, 0, { INIT }, S(SHUTDOWN_SENT), .init_tag = 0x77 },
		{ R, 0x77, { INITACK }, S(SHUTDOWN_SENT), .init_tag = 0x88 },
		{ O, 0x88, { ECHO, DATA }, S(COOKIE_ECHOED) },
		{ R, 0x77, { COOKACK }, EST },
		{ R, CT, { SHUTACK }, EST, BAD_TAG },
	  }, true, EST },
	{ "opened again, but it shuts down first", OPEN, {
		{ R, CT, { SHUT }, S(SHUTDOWN_RECD) },
		{ O, ST, { SHUTACK }, S(SHUTDOWN_ACK_SENT) },
		{ R, 0, { INIT }, S(SHUTDOWN_ACK_SENT), .init_tag = 0x88 },
		{ O, ST, { SHUTACK }, S(SHUTDOWN_ACK_SENT) },
		{ R, ST, { DONE }, S(CLOSED), .flags = T },
		{ R, 0, { INIT }, S(CLOSED), .init_tag = 0x88 },
		{ O, 0x88, { INITACK }, S(COOKIE_WAIT), .init_tag = 0x77 },
	  }, true, S(COOKIE_WAIT) },
	{ "opened again, it is aborted meanwhile", OPEN, {
		{ O, 0, { INIT }, EST, .init_tag = 0x77 },
		{ R, CT, { DATA }, EST },
		{ O, CT, { ABORT }, S(CLOSED), .flags = T },
		{ R, 0x77, { INITACK }, S(COOKIE_WAIT), .init_tag = 0x88 },
		{ O, 0x88, { ECHO }, S(COOKIE_ECHOED) },
		{ R, 0x77, { COOKACK }, EST },
	  }, true, EST },
	{ "the client restarts", OPEN, {
		{ O, 0, { INIT }, EST, .init_tag = 0x77 },
		{ R, CT, { DATA }, EST },
		{ O, 0, { INIT }, EST, .init_tag = 0x77 },
		{ R, 0x77, { INITACK }, EST, .init_tag = 0x88 },
		{ R, 0x77, { INITACK }, EST, .init_tag = 0x89 },
		{ R, CT, { DATA }, EST },
		{ O, 0x88, { AUTH, ECHO, DATA }, EST, BAD_TAG },
		{ O, 0x89, { AUTH, ECHO, DATA }, EST },
		{ R, CT, { DATA }, EST, BAD_TAG },
		{ R, 0x77, { COOKACK, DATA }, EST },
		{ O, 0x89, { DATA }, EST },
		{ O, ST, { DATA }, EST, BAD_TAG },
	  }, true, EST },
	{ "the server restarts", OPEN, {
		{ R, 0, { INIT }, EST, .init_tag = 0x88 },
		{ O, 0x88, { INITACK }, EST, .init_tag = 0x77 },
		{ R, 0x77, { ECHO }, EST },
		{ O, 0x88, { COOKACK }, EST },
		{ O, 0x88, { DATA }, EST },
		{ R, 0x77, { DATA }, EST },
	  }, true, EST },
	{ "both restart at once", OPEN, {
		{ O, 0, { INIT }, EST, .init_tag = 0x77 },
		{ R, 0, { INIT }, EST, .init_tag = 0x88 },
		{ R, 0x77, { INITACK }, EST, BAD_TAG, 0x99 },
		{ O, 0x88, { INITACK }, EST, .init_tag = 0x77 },
		{ R, 0x77, { ECHO }, EST },
		{ O, 0x88, { COOKACK }, EST },
		{ O, 0x88, { DATA }, EST },
	  }, true, EST },
	{ "both restart, and once more", OPEN, {
		{ O, 0, { INIT }, EST, .init_tag = 0x77 },
		{ R, 0, { INIT }, EST, .init_tag = 0x88 },
		{ O, 0, { INIT }, EST, .init_tag = 0x79 },
		{ R, 0x79, { INITACK }, EST, .init_tag = 0x99 },
		{ O, 0x88, { ECHO }, EST, BAD_TAG },
		{ O, 0x99, { ECHO }, EST },
		{ R, 0x79, { COOKACK }, EST },
	  }, true, EST },
	{ "a restart that is refused", OPEN, {
		{ O, 0, { INIT }, EST, .init_tag = 0x77 },
		{ R, 0x77, { ABORT }, EST, BAD_TAG, .flags = T },
		{ R, 0x77, { ABORT }, EST },
		{ R, 0x77, { ABORT }, EST, BAD_TAG },
		{ R, 0x77, { INITACK }, EST, BAD_TAG, 0x88 },
		{ R, CT, { DATA }, EST },
	  }, true, EST },
	{ "INIT in somebody else's name", OPEN, {
		{ O, 0, { INIT }, EST, .init_tag = 0x66 },
		{ O, ST, { DATA }, EST },
		{ R, CT, { DATA }, EST },
		{ R, 0x66, { DATA }, EST, BAD_TAG },
		{ O, 0x66, { ECHO }, EST, BAD_TAG },
		{ R, 0x66, { COOKACK }, EST, BAD_TAG },
		{ R, CT, { SHUT }, S(SHUTDOWN_RECD) },
		{ O, 0, { INIT }, S(SHUTDOWN_RECD), .init_tag = 0x66 },
		{ O, ST, { SHUTACK }, S(SHUTDOWN_ACK_SENT) },
		{ R, 0, { INIT }, S(SHUTDOWN_ACK_SENT), .init_tag = 0x66 },
		{ R, CT, { DONE }, S(CLOSED) },
	  }, true, S(CLOSED) },
	{ "the same while it is opened", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, 0, { INIT }, S(COOKIE_WAIT), .init_tag = 0x66 },
		{ R, 0, { INIT }, S(COOKIE_WAIT), .init_tag = 0x66 },
		{ O, ST, { ECHO }, S(COOKIE_ECHOED) },
		{ O, 0, { INIT }, S(COOKIE_ECHOED), .init_tag = 0x67 },
		{ R, CT, { COOKACK }, EST },
		{ O, ST, { DATA }, EST },
	  }, true, EST },
	{ "the client gives up and begins anew", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, 0, { INIT }, S(COOKIE_WAIT), .init_tag = 0x77 },
		{ R, 0x77, { INITACK }, S(COOKIE_WAIT), .init_tag = 0x88 },
		{ O, 0x88, { ECHO }, S(COOKIE_ECHOED) },
		{ R, 0x77, { COOKACK }, EST },
	  }, true, EST },
	{ "both send INIT, one answer is late", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, 0, { INIT }, S(CLOSED), .init_tag = ST },
		{ O, ST, { INITACK }, S(COOKIE_WAIT), .init_tag = CT },
		{ R, CT, { ECHO }, S(COOKIE_ECHOED) },
		{ R, CT, { INITACK }, S(COOKIE_ECHOED), BAD_TAG, 0x99 },
		{ O, ST, { COOKACK }, EST },
		{ R, CT, { INITACK }, EST, BAD_TAG, 0x99 },
	  }, true, EST },
	{ "the server's INIT comes after its answer", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = 0x99 },
		{ R, 0, { INIT }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, 0x99, { ECHO }, S(COOKIE_ECHOED) },
		{ O, ST, { INITACK }, S(COOKIE_ECHOED), .init_tag = CT },
		{ R, CT, { ECHO }, S(COOKIE_ECHOED) },
		{ O, ST, { COOKACK }, EST },
		{ O, ST, { DATA }, EST },
	  }, true, EST },
	{ "two answers to one INIT", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = 0x99 },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, ST, { ECHO }, S(COOKIE_ECHOED) },
		{ R, CT, { INITACK }, S(COOKIE_ECHOED), BAD_TAG, 0x98 },
		{ R, CT, { COOKACK }, EST },
		{ O, ST, { DATA }, EST },
	  }, true, EST },
	{ "a stale cookie, and another one", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = 0x99 },
		{ O, 0x99, { ECHO }, S(COOKIE_ECHOED) },
		{ R, CT, { ERROR }, S(CLOSED) },
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, ST, { ECHO }, S(COOKIE_ECHOED) },
		{ R, CT, { COOKACK }, EST },
	  }, true, EST },
	{ "a second path", 0, {
		{ O, ST, { HB }, S(HEARTBEAT_SENT) },
		{ R, CT, { HBACK }, EST },
		{ O, ST, { DATA }, EST },
		{ R, CT, { DATA }, EST },
	  }, true, EST },
	{ "a second path, with another tag", 0, {
		{ O, ST, { HB }, S(HEARTBEAT_SENT) },
		{ R, CT, { HBACK }, EST },
		{ R, 9, { DATA }, EST, BAD_TAG },
	  }, true, EST },
	{ "a second path, answered by something else", 0, {
		{ O, ST, { HB }, S(HEARTBEAT_SENT) },
		{ R, 0, { INIT }, S(HEARTBEAT_SENT), BAD_STATE, 1 },
		{ R, CT, { SHUTACK }, S(HEARTBEAT_SENT), BAD_STATE },
	  }, .timeout = S(HEARTBEAT_SENT) },
	{ "the path's association was replaced", OPEN, {
		{ O, 0x66, { HB }, EST },
		{ O, 0x66, { DATA }, EST, BAD_TAG },
		{ R, 0x44, { HBACK }, EST },
		{ O, 0x66, { HB }, EST },
		{ O, 0x66, { DATA }, EST },
		{ R, 0x44, { DATA }, EST },
	  }, true, EST },
	{ "a strange HEARTBEAT, answered by its own side", OPEN, {
		{ O, 0x66, { HB }, EST },
		{ O, 0x66, { HBACK }, EST, BAD_TAG },
	  }, true, EST },
	{ "a strange HEARTBEAT with data", OPEN, {
		{ O, 0x66, { HB, DATA }, EST, BAD_TAG },
		{ O, 0x66, { HB, SCTP_CID_I_DATA }, EST, BAD_TAG },
		{ O, 0x66, { SCTP_CID_I_DATA, HB }, EST, BAD_TAG },
	  }, true, EST },
	{ "a strange HEARTBEAT with what says nothing", OPEN, {
		{ O, 0x66, { SACK, HB }, EST },
		{ R, 0x44, { HBACK, SACK }, EST },
		{ O, 0x66, { HB, SCTP_CID_FWD_TSN }, EST },
	  }, true, EST },
	{ "a strange HEARTBEAT with what does", OPEN, {
		{ O, 0x66, { SHUT, HB }, EST, BAD_TAG },
		{ O, 0x66, { HB, SHUT }, EST, BAD_TAG },
		{ O, 0x66, { HB, HB }, EST, BAD_TAG },
		{ R, CT, { SHUT }, S(SHUTDOWN_RECD) },
		{ O, 0x66, { HB, SHUTACK }, S(SHUTDOWN_RECD), BAD_TAG },
	  }, true, S(SHUTDOWN_RECD) },
	{ "a strange HEARTBEAT ACK", OPEN, {
		{ R, 0x66, { HBACK }, EST, BAD_TAG },
	  }, true, EST },
	{ "a right HEARTBEAT takes the doubt away", OPEN, {
		{ O, 0x66, { HB }, EST },
		{ O, ST, { HB }, EST },
		{ R, 0x44, { HBACK }, EST, BAD_TAG },
	  }, true, EST },
	{ "no tag is none, known or not", OPEN, {
		{ O, 0x66, { HB }, EST },
		{ R, 0x44, { HBACK }, EST },
		{ O, 0, { DATA }, EST, BAD_TAG },
		{ O, 0, { HB }, EST, BAD_TAG },
		{ O, 0, { SHUTACK }, EST, BAD_TAG },
	  }, true, EST },
	{ "SHUTDOWN ACK with another tag", OPEN, {
		{ R, 9, { SHUTACK }, EST, BAD_TAG },
		{ R, 9, { SHUTACK, DATA }, EST, BAD_TAG },
		{ O, ST, { SHUT }, S(SHUTDOWN_SENT) },
		{ R, 9, { SHUTACK }, S(SHUTDOWN_SENT), BAD_TAG },
		{ R, CT, { SACK, SHUTACK }, S(SHUTDOWN_ACK_SENT) },
	  }, true, S(SHUTDOWN_ACK_SENT) },
	{ "SHUTDOWN ACK of the association before", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, 9, { SHUTACK }, S(CLOSED) },
		{ R, 9, { SHUTACK, DATA }, S(CLOSED), BAD_TAG },
		{ R, 0, { SHUTACK }, S(CLOSED), BAD_TAG },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, ST, { ECHO }, S(COOKIE_ECHOED) },
		{ R, 9, { SHUTACK, ERROR }, S(COOKIE_ECHOED) },
		{ R, 9, { ERROR }, S(COOKIE_ECHOED), BAD_TAG },
		{ R, CT, { COOKACK }, EST },
	  }, true, EST },
	{ "its answer", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ O, 9, { DONE }, S(CLOSED), BAD_TAG, .flags = T },
		{ R, 9, { SHUTACK }, S(CLOSED) },
		{ O, 9, { DONE }, S(CLOSED), .flags = T },
		{ O, 8, { DONE }, S(CLOSED), BAD_TAG, .flags = T },
		{ R, 9, { DONE }, S(CLOSED), BAD_TAG, .flags = T },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ R, 9, { SHUTACK, ERROR }, S(COOKIE_WAIT) },
		{ O, 9, { DONE }, S(COOKIE_WAIT), .flags = T },
	  }, .timeout = S(COOKIE_WAIT) },
	{ "SHUTDOWN ACK out of the blue", 0, {
		{ O, 0x33, { SHUTACK }, S(SHUTDOWN_ACK_SENT) },
		{ R, 0x34, { DONE }, S(SHUTDOWN_ACK_SENT), BAD_TAG,
		  .flags = T },
		{ R, 0x33, { DONE }, S(CLOSED), .flags = T },
	  }, .timeout = S(CLOSED) },
	{ "data out of the blue", 0, {
		{ O, 0, { DATA }, S(NONE), BAD_NEW },
	  } },
	{ "ABORT out of the blue", 0, {
		{ O, 0, { ABORT }, S(NONE), BAD_NEW },
	  } },
	{ "COOKIE ACK out of the blue", 0, {
		{ O, 0, { COOKACK }, S(NONE), BAD_NEW },
	  } },
	{ "SHUTDOWN COMPLETE out of the blue", 0, {
		{ O, 0, { DONE }, S(NONE), BAD_NEW },
	  } },
	{ "COOKIE ECHO and data out of the blue", 0, {
		{ O, 0, { ECHO, DATA }, S(NONE), BAD_NEW },
	  } },
	{ "an association that we did not see begin", 0, {
		{ O, 1, { INITACK }, S(NONE), BAD_NEW, 1 },
		{ O, 0, { INITACK }, S(NONE), BAD_TAG, 1 },
		{ O, 1, { SHUT }, S(NONE), BAD_NEW },
		{ O, 0, { SHUT }, S(NONE), BAD_TAG },
		{ O, 1, { ERROR }, S(NONE), BAD_NEW },
		{ O, 0, { ERROR }, S(NONE), BAD_TAG },
		{ O, 1, { ECHO }, S(NONE), BAD_NEW },
		{ O, 0, { ECHO }, S(NONE), BAD_TAG },
		{ O, 0, { SHUTACK }, S(NONE), BAD_TAG },
		{ O, 0, { HB }, S(NONE), BAD_TAG },
	  } },
	{ "the answer of a path, before its question", 0, {
		{ O, ST, { HBACK }, S(CLOSED) },
		{ O, ST, { DATA }, S(CLOSED) },
		{ R, CT, { DATA }, S(CLOSED), BAD_TAG },
		{ R, CT, { HB }, S(CLOSED) },
		{ R, CT, { DATA }, S(CLOSED) },
	  }, .timeout = S(CLOSED) },
	{ "what must be alone is not", OPEN, {
		{ O, 0, { INIT, DATA }, EST, BAD_ROW, 1 },
		{ O, ST, { DATA, DONE }, EST, BAD_ROW },
		{ O, ST, { INITACK, HB }, EST, BAD_ROW, 1 },
		{ O, ST, { HB, INIT }, EST, BAD_ROW, 1 },
	  }, true, EST },
	{ "what must be first is not", OPEN, {
		{ O, ST, { DATA, ECHO }, EST, BAD_ROW },
		{ R, CT, { HB, COOKACK }, EST, BAD_ROW },
	  }, true, EST },
	{ "behind AUTH", 0, {
		{ O, 0, { INIT }, S(CLOSED), .init_tag = CT },
		{ R, CT, { INITACK }, S(COOKIE_WAIT), .init_tag = ST },
		{ O, ST, { AUTH, DATA, ECHO }, S(COOKIE_WAIT), BAD_ROW },
		{ O, ST, { AUTH, ECHO, DATA }, S(COOKIE_ECHOED) },
		{ R, CT, { AUTH, COOKACK }, EST },
	  }, true, EST },
	{ "no chunk at all", OPEN, {
		{ O, ST, { 0 }, EST, BAD_ROW },
	  }, true, EST },
	{ "of a bad row, nothing is taken", OPEN, {
		{ O, ST, { SHUT, HB }, S(SHUTDOWN_SENT) },
		{ R, 0x99, { SHUTACK, ABORT }, S(SHUTDOWN_SENT), BAD_TAG },
		{ R, CT, { SHUTACK }, S(SHUTDOWN_ACK_SENT) },
	  }, true, S(SHUTDOWN_ACK_SENT) },
};

static void script_desc(const struct script_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(script, script_cases, script_desc);

static void follow(struct kunit *test, struct ct_entry *e,
		   const struct packet *k, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && (k[i].state || k[i].reason); i++) {
		KUNIT_EXPECT_EQ_MSG(test, (int)play(test, e, &k[i]),
				    (int)k[i].reason, "packet %u", i + 1);
		KUNIT_EXPECT_EQ_MSG(test, (int)e->proto.sctp.state,
				    (int)k[i].state, "packet %u", i + 1);
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
	KUNIT_EXPECT_EQ(test, e->expires, c->timeout ?
			cn->timeout[CT_TIMEOUT_SCTP + c->timeout] : 0);
}

/*
 * What keeps nothing alive, for anybody can send it: INIT repeated or in an
 * association, its refusal, HEARTBEAT and SHUTDOWN ACK of who knows where.
 */
static void test_quiet(struct kunit *test)
{
	static const struct packet strange[] = {
		{ O, 0x66, { HB }, EST },
		{ O, 0, { INIT }, EST, .init_tag = 0x66 },
		{ R, 0, { INIT }, EST, .init_tag = 0x66 },
		{ R, 0x66, { ABORT }, EST },
	};
	const struct packet old = { R, 9, { SHUTACK }, S(CLOSED) };
	struct ct_entry *e = test_entry(test, test_net(test));

	follow(test, e, prologue, 1);
	e->expires = 7 * HZ;
	follow(test, e, prologue, 1);
	follow(test, e, &old, 1);
	KUNIT_EXPECT_EQ(test, e->expires, 7u * HZ);

	e = test_entry(test, test_net(test));
	follow(test, e, prologue, OPEN);
	e->expires = 7 * HZ;
	follow(test, e, strange, ARRAY_SIZE(strange));
	KUNIT_EXPECT_EQ(test, e->expires, 7u * HZ);
}

/* A packet, changed, and what becomes of it. */
struct damage_case {
	const char *name;
	u8 l3;
	u8 cut;		/* to so many octets of SCTP */
	u8 at, value;	/* octet of SCTP, if not 0 */
	u8 linear;
	bool unchecked;
	u8 summed;
	enum ct_invalid check, open;
};

static const struct damage_case damage_cases[] = {
	{ "good", NFPROTO_IPV4 },
	{ "good, IPv6", NFPROTO_IPV6 },
	{ "good, in a page", NFPROTO_IPV4, .linear = 20 },
	{ "good, in a page from the middle of a chunk", NFPROTO_IPV4,
	  .linear = 39 },
	{ "a header of 11 octets", NFPROTO_IPV4, .cut = 11,
	  .check = CT_INVALID_L4_SHORT, .open = CT_INVALID_L4_SHORT },
	{ "a flipped bit", NFPROTO_IPV4, .at = 21, .value = 0x40,
	  .check = CT_INVALID_SCTP_CHECKSUM },
	{ "a flipped bit, IPv6, in a page", NFPROTO_IPV6, .at = 21,
	  .value = 0x40, .linear = 52, .check = CT_INVALID_SCTP_CHECKSUM },
	{ "a flipped bit of the checksum", NFPROTO_IPV4, .at = 8, .value = 1,
	  .check = CT_INVALID_SCTP_CHECKSUM },
	{ "a flipped bit, switched off", NFPROTO_IPV4, .at = 21, .value = 0x40,
	  .unchecked = true },
	{ "a flipped bit, the card says good", NFPROTO_IPV4, .at = 21,
	  .value = 0x40, .summed = CHECKSUM_UNNECESSARY },
	{ "a sum of another kind", NFPROTO_IPV4, .at = 21,
	  .value = 0x40, .summed = CHECKSUM_COMPLETE },
	{ "a chunk without a length", NFPROTO_IPV4, .at = 15, .value = 20,
	  .unchecked = true, .open = CT_INVALID_SCTP_CHUNK },
	{ "a chunk shorter than its header", NFPROTO_IPV4, .at = 15,
	  .value = 20 ^ 3, .unchecked = true, .open = CT_INVALID_SCTP_CHUNK },
	{ "a tag of zero", NFPROTO_IPV4, .at = 19, .value = CT,
	  .unchecked = true, .open = CT_INVALID_SCTP_TAG },
	{ "no chunk", NFPROTO_IPV4, .cut = 12, .unchecked = true,
	  .open = CT_INVALID_SCTP_CHUNK },
	{ "a chunk of three octets", NFPROTO_IPV4, .cut = 15,
	  .unchecked = true, .open = CT_INVALID_SCTP_CHUNK },
	{ "INIT, cut off", NFPROTO_IPV4, .cut = 31, .unchecked = true,
	  .open = CT_INVALID_SCTP_CHUNK },
	{ "a length past the packet", NFPROTO_IPV6, .at = 14, .value = 0xff,
	  .unchecked = true },
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

	put_packet(&t, c->l3, &prologue[0]);
	if (c->cut) {
		t.len = t.l4off + c->cut;
		test_finish(&t);
	}
	/* The length of INIT is 20: what is flipped out of it leaves 0. */
	if (c->at)
		t.data[t.l4off + c->at] ^= c->value;
	cn->checksum = !c->unchecked;
	p = test_located(test, cn, test_skb(test, &t, c->linear ?: t.len),
			 t.l3);
	p.skb->ip_summed = c->summed;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(&p), (int)c->check);
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.new(e, &p), (int)c->open);
	kfree_skb(p.skb);
}

/* A packet of 280 octets in pieces: head, pages, and a list of others. */
struct pieces_case {
	const char *name;
	u16 linear;
	u16 page[3];
	u16 list[4];
	u16 list_linear;	/* of each in the list; the rest is in a page */
};

static const struct pieces_case pieces_cases[] = {
	{ "one piece", 280 },
	{ "a page", 20, { 260 } },
	{ "pages", 33, { 1, 101, 145 } },
	{ "pages from within the checksum", 30, { 3, 7, 240 } },
	{ "a list", 64, .list = { 216 }, .list_linear = 216 },
	{ "a list of odd lengths", 41, .list = { 3, 77, 100, 59 },
	  .list_linear = 100 },
	{ "a list from within the checksum", 29, .list = { 2, 1, 248 },
	  .list_linear = 248 },
	{ "a page and a list", 40, { 55 }, { 101, 84 }, 101 },
	{ "a page and a list of pages", 52, { 27, 9 }, { 33, 159 }, 5 },
};

static void pieces_desc(const struct pieces_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pieces, pieces_cases, pieces_desc);

/* At an odd place of the page. */
static void add_page(struct kunit *test, struct sk_buff *skb, const u8 *data,
		     unsigned int len)
{
	const unsigned int at = 5;
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	memcpy(page_address(page) + at, data, len);
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, at, len,
			PAGE_SIZE);
}

static void add_to_list(struct kunit *test, struct sk_buff *skb,
			struct sk_buff **last, const u8 *data,
			unsigned int len, unsigned int linear)
{
	struct sk_buff *next = alloc_skb(512, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, next);
	linear = min(linear, len);
	skb_put_data(next, data, linear);
	if (linear < len)
		add_page(test, next, data + linear, len - linear);
	if (*last)
		(*last)->next = next;
	else
		skb_shinfo(skb)->frag_list = next;
	*last = next;
	skb->len += len;
	skb->data_len += len;
	skb->truesize += next->truesize;
}

static struct sk_buff *take_apart(struct kunit *test, const u8 *data,
				  const struct pieces_case *c)
{
	struct sk_buff *skb = alloc_skb(512, GFP_KERNEL), *last = NULL;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put_data(skb, data, c->linear);
	data += c->linear;
	skb_reset_network_header(skb);
	skb->ip_summed = CHECKSUM_NONE;
	for (i = 0; i < ARRAY_SIZE(c->page) && c->page[i]; i++) {
		add_page(test, skb, data, c->page[i]);
		data += c->page[i];
	}
	for (i = 0; i < ARRAY_SIZE(c->list) && c->list[i]; i++) {
		add_to_list(test, skb, &last, data, c->list[i],
			    c->list_linear);
		data += c->list[i];
	}
	return skb;
}

/* Right, and then with one bit flipped in each octet of SCTP in turn. */
static void test_pieces(struct kunit *test)
{
	const struct pieces_case *c = test->param_value;
	struct ct_net *cn = test_net(test);
	struct test_packet t;
	struct sctphdr *sh;
	struct ct_packet p;
	unsigned int at;

	test_start(&t, NFPROTO_IPV4, IPPROTO_SCTP);
	sh = test_put(&t, sizeof(*sh));
	for (at = 0; t.len < 280; at++)
		*(u8 *)test_put(&t, 1) = at * 7;
	test_finish(&t);
	sh->checksum = cpu_to_le32(~crc32c(~0, sh, t.len - t.l4off));

	for (at = t.l4off - 1; at < t.len; at++) {
		const bool good = at < t.l4off;

		t.data[at] ^= good ? 0 : 0x10;
		p = test_located(test, cn, take_apart(test, t.data, c), t.l3);
		KUNIT_EXPECT_EQ(test, p.skb->len, t.len);
		KUNIT_EXPECT_EQ_MSG(test, (int)ct_proto_sctp.check(&p),
				    good ? CT_OK : CT_INVALID_SCTP_CHECKSUM,
				    "octet %u", at);
		kfree_skb(p.skb);
		t.data[at] ^= good ? 0 : 0x10;
	}
}

static void test_fill(struct kunit *test)
{
	struct nlattr *info[CTA_PROTOINFO_MAX + 1];
	struct nlattr *tb[CTA_PROTOINFO_SCTP_MAX + 1], *nest;
	struct ct_entry *e = test_entry(test, test_net(test));
	struct sk_buff *skb;
	unsigned int end;
	__be32 tag;

	follow(test, e, prologue, OPEN);
	for (end = 0; end < 2; end++) {
		skb = nlmsg_new(256, GFP_KERNEL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
		KUNIT_ASSERT_EQ(test, ct_proto_sctp.fill(skb, e, end), 0);
		nest = (struct nlattr *)skb->data;
		KUNIT_ASSERT_EQ(test, nla_parse_nested(info, CTA_PROTOINFO_MAX,
						       nest, NULL, NULL), 0);
		nest = info[CTA_PROTOINFO_SCTP];
		KUNIT_ASSERT_NOT_NULL(test, nest);
		KUNIT_ASSERT_EQ(test, nla_parse_nested(tb,
						       CTA_PROTOINFO_SCTP_MAX,
						       nest, NULL, NULL), 0);
		nest = tb[CTA_PROTOINFO_SCTP_STATE];
		KUNIT_EXPECT_EQ(test, (int)nla_get_u8(nest), S(ESTABLISHED));
		KUNIT_EXPECT_EQ(test, !tb[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL],
				!!end);
		KUNIT_EXPECT_EQ(test, !tb[CTA_PROTOINFO_SCTP_VTAG_REPLY],
				!!end);
		if (!end) {
			tag = nla_get_be32(tb[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL]);
			KUNIT_EXPECT_EQ(test, ntohl(tag), (u32)ST);
			tag = nla_get_be32(tb[CTA_PROTOINFO_SCTP_VTAG_REPLY]);
			KUNIT_EXPECT_EQ(test, ntohl(tag), (u32)CT);
		}
		kfree_skb(skb);
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

		play(test, e, &prologue[0]);
		KUNIT_EXPECT_EQ(test, e->expires,
				e->cn->timeout[CT_TIMEOUT_SCTP + S(CLOSED)]);
		timeouts = test_policy(test, e, IPPROTO_SCTP, mode);
		for (i = 1; i < CLOSED; i++) {
			play(test, e, &prologue[i]);
			KUNIT_EXPECT_EQ_MSG(test, e->expires,
					    timeouts[CT_TIMEOUT_SCTP +
						     prologue[i].state],
					    "mode %u, packet %u", mode, i + 1);
		}
		test_free_rare(e);
	}
}

static struct kunit_case ct_sctp_cases[] = {
	KUNIT_CASE_PARAM(test_script, script_gen_params),
	KUNIT_CASE_PARAM(test_damage, damage_gen_params),
	KUNIT_CASE_PARAM(test_pieces, pieces_gen_params),
	KUNIT_CASE(test_quiet),
	KUNIT_CASE(test_by_policy),
	KUNIT_CASE(test_fill),
	{}
};

static struct kunit_suite ct_sctp_suite = {
	.name = "ct_sctp",
	.suite_init = wheels_init,
	.suite_exit = wheels_exit,
	.test_cases = ct_sctp_cases,
};

kunit_test_suites(&ct_sctp_suite);

// SPDX-License-Identifier: GPL-2.0
/*
 * SCTP (RFC 9260), seen by somebody between the two ends: a packet is a row of
 * chunks, and each may change the state. Who knows its verification tag is part
 * of the association.
 *
 * An INIT has no tag, so anybody can send one in the name of an end. The other
 * end goes on as before, answers, and gives in only to who returns the cookie of
 * that answer (5.2.2, 5.2.4). So do we: tags that an association has stay until
 * somebody echoes a cookie with the ones that were offered instead.
 */
#include <linux/crc32.h>
#include <linux/crc32c.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sctp.h>
#include <net/netlink.h>
#include "common.h"

/* Chunks that say something of the association; DATA and others do not. */
enum chunk {
	CHUNK_OTHER,
	CHUNK_INIT,
	CHUNK_INIT_ACK,
	CHUNK_ABORT,
	CHUNK_SHUTDOWN,
	CHUNK_SHUTDOWN_ACK,
	CHUNK_SHUTDOWN_COMPLETE,
	CHUNK_ERROR,
	CHUNK_COOKIE_ECHO,
	CHUNK_COOKIE_ACK,
	CHUNK_HEARTBEAT,
	CHUNK_HEARTBEAT_ACK,
	__CHUNK_MAX
};

static enum chunk chunk_of(u8 type)
{
	switch (type) {
	case SCTP_CID_INIT:
		return CHUNK_INIT;
	case SCTP_CID_INIT_ACK:
		return CHUNK_INIT_ACK;
	case SCTP_CID_ABORT:
		return CHUNK_ABORT;
	case SCTP_CID_SHUTDOWN:
		return CHUNK_SHUTDOWN;
	case SCTP_CID_SHUTDOWN_ACK:
		return CHUNK_SHUTDOWN_ACK;
	case SCTP_CID_SHUTDOWN_COMPLETE:
		return CHUNK_SHUTDOWN_COMPLETE;
	case SCTP_CID_ERROR:
		return CHUNK_ERROR;
	case SCTP_CID_COOKIE_ECHO:
		return CHUNK_COOKIE_ECHO;
	case SCTP_CID_COOKIE_ACK:
		return CHUNK_COOKIE_ACK;
	case SCTP_CID_HEARTBEAT:
		return CHUNK_HEARTBEAT;
	case SCTP_CID_HEARTBEAT_ACK:
		return CHUNK_HEARTBEAT_ACK;
	default:
		return CHUNK_OTHER;
	}
}

#define TO(s)	SCTP_CONNTRACK_##s
#define REJECT	SCTP_CONNTRACK_MAX

/* By state, direction and chunk. What a row leaves out changes nothing. */
static const u8 steps[SCTP_CONNTRACK_MAX][IP_CT_DIR_MAX][__CHUNK_MAX] = {
	/*
	 * The first packet. INIT opens (5.1); a HEARTBEAT is of a second path
	 * of an association (5.4). What else there is belongs to something that
	 * we did not see begin, so that nobody could tell if its tag is right.
	 */
	[TO(NONE)] = {
		[IP_CT_DIR_ORIGINAL] = {
			[CHUNK_OTHER] = REJECT,
			[CHUNK_INIT] = TO(CLOSED),
			[CHUNK_INIT_ACK ... CHUNK_SHUTDOWN] = REJECT,
			/* Out of the blue, but it gets an answer (8.4). */
			[CHUNK_SHUTDOWN_ACK] = TO(SHUTDOWN_ACK_SENT),
			[CHUNK_SHUTDOWN_COMPLETE ... CHUNK_COOKIE_ACK] = REJECT,
			[CHUNK_HEARTBEAT] = TO(HEARTBEAT_SENT),
			/*
			 * The HEARTBEAT came before us, or another way. Lost,
			 * it would count against the path (8.3); it opens
			 * nothing, and the next HEARTBEAT finds it gone.
			 */
			[CHUNK_HEARTBEAT_ACK] = TO(CLOSED),
		},
		[IP_CT_DIR_REPLY] = {
			[CHUNK_INIT ... CHUNK_HEARTBEAT_ACK] = REJECT,
		},
	},
	/* INIT was sent, or all is over. */
	[TO(CLOSED)] = {
		/* Who sends INIT in the reply direction is answered here. */
		[IP_CT_DIR_ORIGINAL] = {
			[CHUNK_INIT_ACK] = TO(COOKIE_WAIT),
		},
		[IP_CT_DIR_REPLY] = {
			[CHUNK_INIT_ACK] = TO(COOKIE_WAIT),
		},
	},
	[TO(COOKIE_WAIT)] = {
		[IP_CT_DIR_ORIGINAL] = {
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_COOKIE_ECHO] = TO(COOKIE_ECHOED),
		},
		/* Both ends sent INIT: either cookie comes back (5.2.1). */
		[IP_CT_DIR_REPLY] = {
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_COOKIE_ECHO] = TO(COOKIE_ECHOED),
		},
	},
	[TO(COOKIE_ECHOED)] = {
		[IP_CT_DIR_ORIGINAL] = {
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_COOKIE_ACK] = TO(ESTABLISHED),
		},
		[IP_CT_DIR_REPLY] = {
			[CHUNK_ABORT] = TO(CLOSED),
			/* A stale cookie (5.2.6). */
			[CHUNK_ERROR] = TO(CLOSED),
			[CHUNK_COOKIE_ACK] = TO(ESTABLISHED),
		},
	},
	[TO(ESTABLISHED)] = {
		[IP_CT_DIR_ORIGINAL] = {
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_SHUTDOWN] = TO(SHUTDOWN_SENT),
		},
		[IP_CT_DIR_REPLY] = {
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_SHUTDOWN] = TO(SHUTDOWN_RECD),
		},
	},
	[TO(SHUTDOWN_SENT)] = {
		[IP_CT_DIR_ORIGINAL] = {
			[CHUNK_ABORT] = TO(CLOSED),
			/* Both shut down at once (9.2). */
			[CHUNK_SHUTDOWN_ACK] = TO(SHUTDOWN_ACK_SENT),
		},
		[IP_CT_DIR_REPLY] = {
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_SHUTDOWN_ACK] = TO(SHUTDOWN_ACK_SENT),
		},
	},
	[TO(SHUTDOWN_RECD)] = {
		[IP_CT_DIR_ORIGINAL] = {
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_SHUTDOWN_ACK] = TO(SHUTDOWN_ACK_SENT),
		},
		[IP_CT_DIR_REPLY] = {
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_SHUTDOWN_ACK] = TO(SHUTDOWN_ACK_SENT),
		},
	},
	[TO(SHUTDOWN_ACK_SENT)] = {
		[IP_CT_DIR_ORIGINAL] = {
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_SHUTDOWN_COMPLETE] = TO(CLOSED),
		},
		[IP_CT_DIR_REPLY] = {
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_SHUTDOWN_COMPLETE] = TO(CLOSED),
		},
	},
	/*
	 * A path is probed, its answer confirms it (5.4). Until then its tag is
	 * hearsay: another chunk of the sender does not leave a path behind, and
	 * of who has not confirmed it nothing is believed.
	 */
	[TO(HEARTBEAT_SENT)] = {
		[IP_CT_DIR_ORIGINAL] = {
			/* Its association is gone: a new one begins. */
			[CHUNK_INIT] = TO(COOKIE_WAIT),
			[CHUNK_INIT_ACK] = TO(CLOSED),
			[CHUNK_ABORT] = TO(CLOSED),
			[CHUNK_SHUTDOWN] = TO(CLOSED),
			[CHUNK_SHUTDOWN_ACK] = TO(SHUTDOWN_ACK_SENT),
			[CHUNK_SHUTDOWN_COMPLETE] = TO(CLOSED),
			[CHUNK_ERROR] = TO(CLOSED),
			[CHUNK_COOKIE_ECHO] = TO(CLOSED),
			[CHUNK_COOKIE_ACK] = TO(CLOSED),
		},
		[IP_CT_DIR_REPLY] = {
			[CHUNK_INIT ... CHUNK_COOKIE_ACK] = REJECT,
			[CHUNK_HEARTBEAT_ACK] = TO(ESTABLISHED),
		},
	},
};

/* What a chunk is, and its T bit: the tag is the other end's (8.4). */
struct chunk_read {
	u8 chunk;
	bool reflected;
};

/*
 * Chunks in a packet: 64 KB, on loopback or to be segmented, have room for 3276
 * with something in them; and of those that say something, where a row of others
 * counts as one.
 */
#define CHUNKS_MOST	4096
#define CHUNKS_KEPT	64

/*
 * A packet on its way through its chunks, as they were read, and copies of what
 * it may change: nothing bad is learned from.
 */
struct walk {
	const struct ct_packet *p;
	__be32 tag;
	__be32 init_tag;	/* of INIT or INIT ACK, if @init_whole */
	unsigned int dir;
	unsigned int chunks;
	struct chunk_read chunk[CHUNKS_KEPT];
	bool init_whole;
	u32 present;		/* BIT() of enum chunk */
	bool data;		/* there is user data */
	bool strange;		/* a HEARTBEAT had another tag */
	bool quiet;		/* accepted, but keeps nothing alive */
	bool established;
	enum ct_invalid reason;
	struct ct_sctp sctp;
	__be32 vtag[IP_CT_DIR_MAX];
	__be32 offer[IP_CT_DIR_MAX];
};

/* Keep what is to be known of a chunk. Return: false: there are too many */
static bool keep_chunk(struct walk *w, enum chunk c,
		       const struct sctp_chunkhdr *ch)
{
	w->present |= BIT(c);
	w->data |= ch->type == SCTP_CID_DATA || ch->type == SCTP_CID_I_DATA;
	if (c == CHUNK_OTHER && w->chunks &&
	    w->chunk[w->chunks - 1].chunk == CHUNK_OTHER)
		return true;
	if (w->chunks == ARRAY_SIZE(w->chunk))
		return false;
	w->chunk[w->chunks++] = (struct chunk_read){
		.chunk = c,
		.reflected = ch->flags & SCTP_CHUNK_FLAG_T,
	};
	return true;
}

/* The tag that the sender of INIT or INIT ACK wants to be addressed by. */
static void read_init_tag(struct walk *w, unsigned int off, unsigned int end)
{
	off += sizeof(struct sctp_chunkhdr);
	w->init_whole = off + sizeof(struct sctp_inithdr) <= end &&
			ct_fetch(w->p->skb, off +
				 offsetof(struct sctp_inithdr, init_tag),
				 &w->init_tag);
}

/*
 * Read the chunks. INIT, INIT ACK and SHUTDOWN COMPLETE stand alone (RFC 9260
 * 3), COOKIE ECHO and COOKIE ACK come first, but for AUTH (RFC 4895 6.3). There
 * is a chunk.
 */
static bool survey(struct walk *w)
{
	unsigned int off = w->p->l4off + sizeof(struct sctphdr), n;
	const unsigned int end = w->p->l4off + w->p->l4len;
	bool alone = false, auth = false;
	struct sctp_chunkhdr ch;
	enum chunk c;

	for (n = 0; off + sizeof(ch) <= end; n++) {
		if (n == CHUNKS_MOST || !ct_fetch(w->p->skb, off, &ch) ||
		    ntohs(ch.length) < sizeof(ch))
			return false;
		c = chunk_of(ch.type);
		alone |= c == CHUNK_INIT || c == CHUNK_INIT_ACK ||
			 c == CHUNK_SHUTDOWN_COMPLETE;
		if (n && alone)
			return false;
		if (n > auth && (c == CHUNK_COOKIE_ECHO ||
				 c == CHUNK_COOKIE_ACK))
			return false;
		if (!n)
			auth = ch.type == SCTP_CID_AUTH;
		if (!keep_chunk(w, c, &ch))
			return false;
		if (c == CHUNK_INIT || c == CHUNK_INIT_ACK)
			read_init_tag(w, off, end);
		off += round_up(ntohs(ch.length), 4);
	}
	return n;
}

/* The T bit: the tag is the other end's, for the sender has none (8.4). */
static bool tag_is_right(const struct walk *w, bool reflected)
{
	/* Of what came out of the blue, one tag is known for both ways. */
	if (reflected && w->sctp.state == TO(SHUTDOWN_ACK_SENT) &&
	    !w->vtag[!w->dir])
		reflected = false;
	return w->tag == w->vtag[reflected ? !w->dir : w->dir];
}

/* What was learned of a path by HEARTBEATs. */
enum beat {
	BEAT_FITS,
	BEAT_STRANGE,	/* let through, for the answer to tell */
	BEAT_INVALID
};

/*
 * A path may come to belong to another association of the same two ends: its
 * HEARTBEAT has a tag that we do not know. If the other end answers, they know.
 */
static enum beat heartbeat(struct walk *w, bool ack)
{
	struct ct_sctp *s = &w->sctp;

	if (!w->vtag[w->dir]) {
		w->vtag[w->dir] = w->tag;
		return BEAT_FITS;
	}
	if (w->tag == w->vtag[w->dir]) {
		s->strange = 0;
		return BEAT_FITS;
	}
	if (w->data || w->strange)
		return BEAT_INVALID;
	if (!ack) {
		s->strange = 1;
		s->strange_dir = w->dir;
		return BEAT_STRANGE;
	}
	if (!s->strange || s->strange_dir == w->dir)
		return BEAT_INVALID;
	s->strange = 0;
	w->vtag[w->dir] = w->tag;
	w->vtag[!w->dir] = 0;
	return BEAT_FITS;
}

/* In these states nobody relies on tags that we know, if there are any. */
static bool tags_are_free(u8 state)
{
	return state == TO(NONE) || state == TO(CLOSED) ||
	       state == TO(HEARTBEAT_SENT);
}

/* The tags that were offered are the association's from now on. */
static void adopt(struct walk *w)
{
	memcpy(w->vtag, w->offer, sizeof(w->vtag));
	w->sctp.init = w->sctp.offered;
	w->sctp.offered = 0;
}

/* INIT names the sender's tag, for packets in the other direction. */
static void take_init(struct walk *w, __be32 tag)
{
	struct ct_sctp *s = &w->sctp;
	const u8 mine = BIT(w->dir), other = BIT(!w->dir);
	const bool known = w->vtag[!w->dir] == tag;

	if (tags_are_free(s->state)) {
		/* Both sent one, and this is another: it begins anew. */
		if (!known && s->init == (mine | other))
			s->init = 0;
		s->init |= mine;
		s->offered = 0;
		w->vtag[!w->dir] = tag;
		return;
	}
	if (known)
		return;
	w->quiet = true;
	if ((s->offered & mine) && w->offer[!w->dir] == tag)
		return;
	/* Only an INIT of the other end outlives this one (5.2.1). */
	if (s->offered != other) {
		s->offered = 0;
		w->offer[w->dir] = 0;
	}
	s->offered |= mine;
	w->offer[!w->dir] = tag;
}

/*
 * INIT ACK is addressed to the tag that an INIT named, and names the sender's
 * own. Who sent an INIT as well has to name the same tag again (5.2.1); but for
 * one whose INIT got no answer, and who has given up since.
 */
static enum ct_invalid take_init_ack(struct walk *w, __be32 tag)
{
	struct ct_sctp *s = &w->sctp;
	const u8 mine = BIT(w->dir), other = BIT(!w->dir);
	const bool offer = (s->offered & other) && w->tag == w->offer[w->dir];
	const u8 init = offer ? s->offered : s->init;
	const bool same = (init & mine) && (offer || !tags_are_free(s->state));
	__be32 *named = offer ? &w->offer[!w->dir] : &w->vtag[!w->dir];

	if (!offer && w->tag != w->vtag[w->dir])
		return CT_INVALID_SCTP_TAG;
	if (*named && *named != tag && (!(init & other) || same))
		return CT_INVALID_SCTP_TAG;
	*named = tag;
	if (offer && tags_are_free(s->state))
		adopt(w);
	return CT_OK;
}

static enum ct_invalid learn_tag(struct walk *w, enum chunk c)
{
	if (!w->init_whole)
		return CT_INVALID_SCTP_CHUNK;
	/* 0 is none (3.3.2). */
	if (!w->init_tag)
		return CT_INVALID_SCTP_TAG;
	if (c == CHUNK_INIT_ACK)
		return take_init_ack(w, w->init_tag);
	take_init(w, w->init_tag);
	return CT_OK;
}

/*
 * The cookie comes back, with the tag that came with it: no INIT awaits an
 * answer any more, and which tags are right is settled.
 */
static bool take_cookie(struct walk *w, u8 *next)
{
	struct ct_sctp *s = &w->sctp;

	if ((s->offered & BIT(w->dir)) && w->tag == w->offer[w->dir]) {
		adopt(w);
		if (s->state != TO(ESTABLISHED))
			*next = TO(COOKIE_ECHOED);
	}
	s->init = 0;
	return w->tag == w->vtag[w->dir];
}

/*
 * An INIT is refused (5.2.2, 5.1): the tag is the one it named. What there is
 * besides goes on.
 */
static bool refuses_offer(struct walk *w, bool reflected)
{
	if (reflected || w->tag == w->vtag[w->dir] ||
	    !(w->sctp.offered & BIT(!w->dir)) || w->tag != w->offer[w->dir])
		return false;
	w->sctp.offered = 0;
	w->quiet = true;
	return true;
}

static bool beat_fits(struct walk *w, bool ack, u8 *next)
{
	const enum beat beat = heartbeat(w, ack);

	if (beat == BEAT_STRANGE) {
		w->strange = true;
		w->quiet = true;
		*next = w->sctp.state;
	}
	return beat != BEAT_INVALID;
}

/*
 * Is the tag right for this chunk (8.5, 8.5.1)? Of chunks that say nothing of
 * the association, when all others have had their say. Changes @next where
 * tags decide what the chunk means.
 */
static bool tag_fits(struct walk *w, const struct chunk_read *ch, u8 *next)
{
	const enum chunk c = ch->chunk;

	switch (c) {
	case CHUNK_OTHER:
	case CHUNK_INIT_ACK:	/* See learn_tag(). */
		return true;
	case CHUNK_INIT:
		return !w->tag;
	case CHUNK_ABORT:
		if (refuses_offer(w, ch->reflected)) {
			*next = w->sctp.state;
			return true;
		}
		return tag_is_right(w, ch->reflected);
	case CHUNK_SHUTDOWN_COMPLETE:
		return tag_is_right(w, ch->reflected);
	case CHUNK_COOKIE_ECHO:
		return take_cookie(w, next);
	case CHUNK_HEARTBEAT:
	case CHUNK_HEARTBEAT_ACK:
		return beat_fits(w, c == CHUNK_HEARTBEAT_ACK, next);
	case CHUNK_SHUTDOWN_ACK:
		/* Of a tag that is not known (a path) nothing can be said. */
		return !w->vtag[w->dir] || w->tag == w->vtag[w->dir];
	default:
		return w->tag == w->vtag[w->dir];
	}
}

/* Return: the state after a chunk, REJECT with w->reason set */
static u8 take_chunk(struct walk *w, const struct chunk_read *ch)
{
	struct ct_sctp *s = &w->sctp;
	const enum chunk c = ch->chunk;
	u8 next = steps[s->state][w->dir][c] ?: s->state;

	if (next == REJECT) {
		w->reason = s->state == TO(NONE) ? CT_INVALID_SCTP_NEW :
						   CT_INVALID_SCTP_STATE;
		return REJECT;
	}
	w->reason = CT_INVALID_SCTP_TAG;
	if (!tag_fits(w, ch, &next))
		return REJECT;
	if (c == CHUNK_INIT || c == CHUNK_INIT_ACK) {
		w->reason = learn_tag(w, c);
		if (w->reason)
			return REJECT;
	}
	/*
	 * An INIT repeated without an answer does not hold the entry, or the
	 * ports would never be free for somebody else.
	 */
	if (c == CHUNK_INIT && next == TO(CLOSED) && s->state == next)
		w->quiet = true;
	return next;
}

/*
 * An end that was shutting down does not know yet that the other one begins
 * anew, and asks with the old tag; it gets its answer as if out of the blue
 * (8.5.1 E, 8.4): with the same tag. It may add that it cannot take the cookie
 * now (5.2.4, A).
 */
static bool old_shutdown(struct walk *w)
{
	const u32 may = BIT(CHUNK_SHUTDOWN_ACK) | BIT(CHUNK_ERROR);
	const u8 state = w->sctp.state;

	if (state != TO(CLOSED) && state != TO(COOKIE_WAIT) &&
	    state != TO(COOKIE_ECHOED))
		return false;
	if (w->present == BIT(CHUNK_SHUTDOWN_COMPLETE))
		return w->tag == w->sctp.old_tag && w->dir != w->sctp.old_dir;
	if (!(w->present & BIT(CHUNK_SHUTDOWN_ACK)) || w->present & ~may ||
	    w->tag == w->vtag[w->dir])
		return false;
	w->sctp.old_tag = w->tag;
	w->sctp.old_dir = w->dir;
	return true;
}

static enum ct_invalid take_chunks(struct walk *w)
{
	unsigned int i;
	u8 next;

	/* INIT has no tag (8.5.1 A), and nothing else has none. */
	if (!w->tag && !(w->present & BIT(CHUNK_INIT)))
		return CT_INVALID_SCTP_TAG;
	if (old_shutdown(w)) {
		w->quiet = true;
		return CT_OK;
	}
	for (i = 0; i < w->chunks; i++) {
		next = take_chunk(w, &w->chunk[i]);
		if (next == REJECT)
			return w->reason;
		if (next != w->sctp.state && next == TO(ESTABLISHED))
			w->established = true;
		w->sctp.state = next;
	}
	if ((w->present & BIT(CHUNK_OTHER)) && !w->strange &&
	    w->tag != w->vtag[w->dir])
		return CT_INVALID_SCTP_TAG;
	return CT_OK;
}

/* The entry is locked, or nobody else's. Return: why the packet is invalid */
static enum ct_invalid take_packet(struct walk *w, struct ct_entry *e,
				   u32 *events)
{
	enum ct_invalid reason;

	w->sctp = e->proto.sctp;
	memcpy(w->vtag, e->vtag, sizeof(w->vtag));
	memcpy(w->offer, e->seen.offer, sizeof(w->offer));
	reason = take_chunks(w);
	if (reason)
		return reason;

	if (w->sctp.state != e->proto.sctp.state ||
	    memcmp(w->vtag, e->vtag, sizeof(w->vtag)))
		*events |= BIT(IPCT_PROTOINFO);
	e->proto.sctp = w->sctp;
	memcpy(e->vtag, w->vtag, sizeof(e->vtag));
	memcpy(e->seen.offer, w->offer, sizeof(w->offer));
	if (w->established && !ct_status_set(e, IPS_ASSURED_BIT))
		*events |= BIT(IPCT_ASSURED);
	if (!w->quiet)
		ct_refresh(e, ct_timeout(e, CT_TIMEOUT_SCTP + w->sctp.state));
	return CT_OK;
}

static enum ct_invalid begin(struct walk *w, const struct ct_packet *p,
			     unsigned int dir)
{
	memset(w, 0, sizeof(*w));
	w->p = p;
	w->dir = dir;
	if (p->hlen < sizeof(p->h.sctp))
		return CT_INVALID_L4_SHORT;
	w->tag = p->h.sctp.vtag;
	return survey(w) ? CT_OK : CT_INVALID_SCTP_CHUNK;
}

static __wsum crc_update(const void *data, int len, __wsum sum)
{
	return (__force __wsum)crc32c((__force u32)sum, data, len);
}

static __wsum crc_combine(__wsum sum, __wsum more, int offset, int len)
{
	return (__force __wsum)__crc32c_le_combine((__force u32)sum,
						   (__force u32)more, len);
}

static const struct skb_checksum_ops crc_ops = {
	.update = crc_update,
	.combine = crc_combine,
};

/* CRC32c of the packet with zeros for the checksum (RFC 9260 6.8, appendix A). */
static bool checksum_is_right(const struct ct_packet *p, __le32 checksum)
{
	const unsigned int at = offsetof(struct sctphdr, checksum);
	const unsigned int rest = p->l4off + at + sizeof(checksum);
	const __le32 zero = 0;
	__wsum sum;

	sum = __skb_checksum(p->skb, p->l4off, at, ~(__wsum)0, &crc_ops);
	sum = crc_update(&zero, sizeof(zero), sum);
	sum = __skb_checksum(p->skb, rest, p->l4off + p->l4len - rest, sum,
			     &crc_ops);
	return checksum == cpu_to_le32((__force u32)~sum);
}

static enum ct_invalid sctp_check(struct ct_packet *p)
{
	if (p->hlen < sizeof(p->h.sctp))
		return CT_INVALID_L4_SHORT;
	/* A sum that the card made of it is none of this kind. */
	if (ct_checksum_due(p) && p->skb->ip_summed == CHECKSUM_NONE &&
	    !checksum_is_right(p, p->h.sctp.checksum))
		return CT_INVALID_SCTP_CHECKSUM;
	return CT_OK;
}

/* Chunks that no connection begins with. */
#define NEVER_FIRST	(BIT(CHUNK_OTHER) | BIT(CHUNK_ABORT) | \
			 BIT(CHUNK_SHUTDOWN_COMPLETE) | BIT(CHUNK_COOKIE_ACK))

static enum ct_invalid sctp_new(struct ct_entry *e, const struct ct_packet *p)
{
	enum ct_invalid reason;
	struct walk w;
	u32 events = 0;

	e->proto.raw = 0;
	memset(e->vtag, 0, sizeof(e->vtag));
	reason = begin(&w, p, IP_CT_DIR_ORIGINAL);
	if (reason)
		return reason;
	if (w.present & NEVER_FIRST)
		return CT_INVALID_SCTP_NEW;
	/* Out of the blue: SHUTDOWN COMPLETE answers with the same tag (8.4). */
	if (w.present & BIT(CHUNK_SHUTDOWN_ACK))
		e->vtag[IP_CT_DIR_REPLY] = w.tag;
	return take_packet(&w, e, &events);
}

static enum ct_verdict sctp_packet(struct ct_entry *e,
				   const struct ct_packet *p,
				   enum ip_conntrack_info ctinfo,
				   enum ct_invalid *reason)
{
	struct walk w;
	u32 events = 0;

	*reason = begin(&w, p, CTINFO2DIR(ctinfo));
	if (*reason)
		return CT_INVALID;
	spin_lock_bh(&e->lock);
	*reason = take_packet(&w, e, &events);
	spin_unlock_bh(&e->lock);
	if (events)
		ct_note(e, p, events);
	return *reason ? CT_INVALID : CT_ACCEPT;
}

static int put_state(struct sk_buff *skb, struct ct_entry *e, bool destroy)
{
	__be32 vtag[IP_CT_DIR_MAX];
	u8 state;

	spin_lock_bh(&e->lock);
	state = e->proto.sctp.state;
	memcpy(vtag, e->vtag, sizeof(vtag));
	spin_unlock_bh(&e->lock);

	if (nla_put_u8(skb, CTA_PROTOINFO_SCTP_STATE, state))
		return -EMSGSIZE;
	if (destroy)
		return 0;
	if (nla_put_be32(skb, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL,
			 vtag[IP_CT_DIR_ORIGINAL]) ||
	    nla_put_be32(skb, CTA_PROTOINFO_SCTP_VTAG_REPLY,
			 vtag[IP_CT_DIR_REPLY]))
		return -EMSGSIZE;
	return 0;
}

static int sctp_fill(struct sk_buff *skb, struct ct_entry *e, bool destroy)
{
	return ct_put_protoinfo(skb, e, destroy, CTA_PROTOINFO_SCTP,
				put_state);
}

static u8 sctp_state(const struct ct_entry *e)
{
	return READ_ONCE(e->proto.sctp.state);
}

static void sctp_why(struct ct_entry *e, const struct ct_packet *p,
		     unsigned int dir, struct ct_why *why)
{
	if (p->hlen < sizeof(p->h.sctp))
		return;
	why->tag = ntohl(p->h.sctp.vtag);
	spin_lock_bh(&e->lock);
	why->tag_wanted = ntohl(e->vtag[dir]);
	spin_unlock_bh(&e->lock);
}

const struct ct_proto ct_proto_sctp = {
	.num = IPPROTO_SCTP,
	.header = sizeof(struct sctphdr),
	.timeout = CT_TIMEOUT_SCTP,
	.ending = BIT(SCTP_CONNTRACK_CLOSED) |
		  BIT(SCTP_CONNTRACK_SHUTDOWN_SENT) |
		  BIT(SCTP_CONNTRACK_SHUTDOWN_RECD) |
		  BIT(SCTP_CONNTRACK_SHUTDOWN_ACK_SENT),
	.parse = ct_parse_ports,
	.invert = ct_invert_ports,
	.check = sctp_check,
	.new = sctp_new,
	.packet = sctp_packet,
	.fill = sctp_fill,
	.state = sctp_state,
	.why = sctp_why,
};

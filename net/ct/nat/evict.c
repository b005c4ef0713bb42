// SPDX-License-Identifier: GPL-2.0
/*
 * When every port is in use, whose connection goes for a new one. Some ports all
 * over the range are looked up, and of who has them goes, if there is any,
 *
 *  - who has ended and waits for late packets, if that does no harm;
 *  - who was never answered, if that is longer ago than an answer takes, or if such
 *    are many, for then they are a flood: the oldest;
 *  - who was answered, but is not assured, if he was silent for as long, or if such
 *    are many: the one that was silent for longest;
 *
 * and nobody else. Whose source has more than a quarter of what may go goes first
 * among his like, so that who takes all ports takes his own from then on. Sources
 * are told apart better than at the limit of entries: here all are neighbours.
 */
#include <linux/bitops.h>
#include <net/ct/entry.h>
#include <net/ct/expire.h>
#include <net/ct/tuple.h>
#include "choose.h"
#include "nat.h"

/* Longer than this an answer hardly takes. */
#define YOUNG		(2 * HZ)

/* So many of a kind, of as many as can be looked up, are a flood. */
#define MANY		(CT_NAT_SOME / 4)

/* The rank of who has a port: 0 stays. The class, then the source, then the age. */
#define RANK_ENDED	BIT(31)
#define RANK_FIRST	BIT(30)
#define RANK_SECOND	BIT(29)
#define RANK_HEAVY	BIT(28)
#define RANK_AGE	(BIT(28) - 1)

/* So many of them are tried: another CPU may take one first. */
#define TRIES		3

/**
 * struct holders - who has the ports that were looked up
 * @looked: how many of those
 * @n: how many entries were found
 * @silent: how many of them saw no answer
 * @half: how many saw one, and are not assured
 * @e: they, with references
 * @rank: of each
 */
struct holders {
	unsigned int looked;
	unsigned int n;
	unsigned int silent;
	unsigned int half;
	struct ct_entry *e[CT_NAT_SOME];
	u32 rank[CT_NAT_SOME];
};

static bool was_answered(const struct ct_entry *e)
{
	return ct_entry_hot(e) & (IPS_SEEN_REPLY | IPS_ASSURED);
}

static bool is_same_source(const struct ct_entry *a, const struct ct_entry *b)
{
	const struct nf_conntrack_man *x = &a->dir[IP_CT_DIR_ORIGINAL].tuple.src;
	const struct nf_conntrack_man *y = &b->dir[IP_CT_DIR_ORIGINAL].tuple.src;

	if (x->l3num == NFPROTO_IPV4)
		return x->u3.ip == y->u3.ip;
	return x->u3.ip6[0] == y->u3.ip6[0] && x->u3.ip6[1] == y->u3.ip6[1];
}

static u32 rank_of(const struct holders *h, struct ct_entry *old,
		   const struct ct_entry *e)
{
	const u32 stays = IPS_ASSURED | IPS_FIXED_TIMEOUT | CT_HOT_KEPT;
	bool answered;
	u32 age;

	if (ct_nat_may_go(old, e))
		return RANK_ENDED;
	if ((ct_entry_hot(old) & (stays | IPS_SRC_NAT)) != IPS_SRC_NAT)
		return 0;
	answered = was_answered(old);
	age = answered ? ct_entry_silent(old) : ct_entry_age(old);
	if (age <= YOUNG && ((answered ? h->half : h->silent) < MANY ||
			     h->looked < CT_NAT_SOME))
		return 0;
	return (answered ? RANK_SECOND : RANK_FIRST) |
	       min_t(u32, age, RANK_AGE);
}

/* Has one several, and more than a quarter, of those that may go? */
static bool is_heavy(const struct holders *h, unsigned int one)
{
	unsigned int i, may = 0, same = 0;

	for (i = 0; i < h->n; i++) {
		may += !!h->rank[i];
		same += h->rank[i] && is_same_source(h->e[i], h->e[one]);
	}
	return same > 1 && same > may / 4;
}

static bool find_best(struct holders *h, const struct ct_entry *e,
		      unsigned int *best)
{
	unsigned int i;
	u32 most = 0;

	for (i = 0; i < h->n; i++)
		h->rank[i] = rank_of(h, h->e[i], e);
	for (i = 0; i < h->n; i++) {
		if (h->rank[i] && is_heavy(h, i))
			h->rank[i] |= RANK_HEAVY;
		if (h->rank[i] > most) {
			most = h->rank[i];
			*best = i;
		}
	}
	return most;
}

static bool is_known(const struct holders *h, const struct ct_entry *e)
{
	unsigned int i;

	for (i = 0; i < h->n; i++)
		if (h->e[i] == e)
			return true;
	return false;
}

/* Return: a port was found that is nobody's */
static bool look(struct holders *h, struct ct_nat_choice *c,
		 const struct ct_entry *e,
		 const struct nf_conntrack_tuple *orig,
		 struct nf_conntrack_tuple *tuple)
{
	struct nf_conntrack_tuple reply;
	struct ct_entry *old;
	unsigned int i, dir;

	for (i = 0; i < CT_NAT_SOME; i++) {
		if (!ct_nat_some_port(c, orig, i, tuple) ||
		    !ct_tuple_invert(&reply, tuple))
			break;
		old = ct_entry_taken(e, &reply, &dir);
		if (!old)
			return true;
		h->looked++;
		if (dir != IP_CT_DIR_REPLY || is_known(h, old)) {
			ct_entry_put(old);
			continue;
		}
		h->silent += !was_answered(old);
		h->half += was_answered(old) &&
			   !(ct_entry_hot(old) & IPS_ASSURED);
		h->e[h->n++] = old;
	}
	return false;
}

/* Who was answered, or assured, since he was chosen is of another class now. */
static bool take(const struct holders *h, unsigned int best,
		 const struct ct_entry *e, struct nf_conntrack_tuple *tuple)
{
	const u32 class = RANK_ENDED | RANK_FIRST | RANK_SECOND;
	struct ct_entry *old = h->e[best];

	return !((rank_of(h, old, e) ^ h->rank[best]) & class) &&
	       ct_tuple_invert(tuple, &old->dir[IP_CT_DIR_REPLY].tuple) &&
	       ct_evict_this(old);
}

static bool take_best(struct holders *h, const struct ct_entry *e,
		      struct nf_conntrack_tuple *tuple)
{
	unsigned int best, tries = TRIES;

	while (tries-- && find_best(h, e, &best)) {
		if (take(h, best, e, tuple))
			return true;
		ct_entry_put(h->e[best]);
		h->e[best] = h->e[--h->n];
	}
	return false;
}

bool ct_nat_evict(struct ct_nat_choice *c, const struct ct_entry *e,
		  const struct nf_conntrack_tuple *orig,
		  struct nf_conntrack_tuple *tuple)
{
	struct holders h __ct_uninit;
	unsigned long *used;
	bool done;

	h.looked = 0;
	h.n = 0;
	h.silent = 0;
	h.half = 0;
	done = look(&h, c, e, orig, tuple) || take_best(&h, e, tuple);
	while (h.n)
		ct_entry_put(h.e[--h.n]);
	if (!done)
		return false;
	/* The end of who had it said that it is free. */
	used = c->table->used(c->ctx, tuple, false);
	if (used)
		set_bit(ntohs(tuple->src.u.all), used);
	return true;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Whom to evict (ARCHITECTURE §9): first who saw no reply, then who is not
 * assured, or closing, or closed; never an established connection. A reply is
 * for the asking, so it protects nobody for long.
 *
 * Who saw no reply is in a list a CPU and namespace, oldest first: a flood in one
 * container finds nothing of another's to evict, and a CPU's new connections
 * contend for no lock but that of its wheel, which they take anyway. From the
 * reply on an entry has no room for a link, TCP's second window is there; so the
 * others are found by looking at a few entries of the table, the next ones each
 * time, and of these the best goes. That it is about the oldest of all is as
 * good: with 16 to choose from, one that is younger than half of all survives
 * 65,535 times in 65,536.
 *
 * Two things are added to that order:
 *  - Who saw no reply *yet* is no worse than others. In a flood that is answered
 *    at once (SYNs to an open port, pings) few are without a reply, the flood's
 *    and the honest ones alike: evicting those first would give each less time
 *    than its answer takes. So for some seconds they are treated like those that
 *    were answered, unless they are many: then they are the flood.
 *  - Whose source holds more than a quarter goes first, in its class.
 */
#include <linux/export.h>
#include <linux/bitops.h>
#include <linux/jiffies.h>
#include <linux/random.h>
#include <net/ct/expire.h>
#include <net/ct/net.h>
#include <net/ct/policy.h>
#include <net/ct/proto.h>
#include <net/ct/table.h>
#include "overload.h"
#include "trace.h"
#include "wheel.h"

/*
 * The oldest without a reply is sought among the heads of all CPUs' lists, this
 * time in so many. Younger by a second is as good: the list that was found, for
 * the next ones, and a CPU's own, else all in a flood would want the lock of one.
 */
#define LIST_EVERY	16
#define AS_OLD		(HZ / CT_BORN_UNIT)

/* Victims that another CPU is about to kill, passed over in one go. */
#define TRIES		8

/* Longer than this an answer hardly takes. */
#define YOUNG		(2 * HZ)

/*
 * Choose among so many; of those in the list, the oldest is known, and the
 * others are looked at for their sources. But look at no more than so many
 * entries and buckets, eight times as many once a jiffy.
 */
#define WANTED		16
#define WANTED_BESIDE	4
#define LOOKS		64U
#define BUCKETS		256U
#define DEEPER		8

/* Of those that were found, how many are noted with their source. */
#define NOTES		4U

/* What was seen counts half from then on. */
#define SEEN_MAX	1024

/* That nobody may go is known for so long. */
#define NOBODY		(HZ / 100 ?: 1)

/* As how many entries come from a bucket, nearly always. */
#define PEEK		8

/*
 * The rank of an entry: 0 stays. The class comes first, then the source, then
 * the age in jiffies.
 */
#define RANK_FIRST	BIT(31)
#define RANK_SECOND	BIT(30)
#define RANK_HEAVY	BIT(29)
#define RANK_AGE	(BIT(29) - 1)

/**
 * struct choice - looking for a victim
 * @cn: the namespace
 * @c: what this CPU knows of it
 * @heavy: key of the source that holds too much, or 0
 * @own: for the host itself
 * @found: entries that may go
 * @best: of these; may be freed at any moment
 * @rank: of who was chosen, 0 if nobody was found
 * @replied: that one had seen a reply, or was assured
 * @sure: it was looked for long
 * @room: what who was killed leaves
 */
struct choice {
	struct ct_net *cn;
	struct ct_candidates *c;
	u64 heavy;
	bool own;
	unsigned int found;
	struct ct_entry *best;
	u32 rank;
	bool replied;
	bool sure;
	enum ct_room room;
};

int ct_candidates_init(struct ct_net *cn)
{
	struct ct_candidates *c;
	unsigned int cpu;

	cn->candidates = alloc_percpu_gfp(struct ct_candidates,
					  GFP_KERNEL | cn->payer.account);
	if (!cn->candidates)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(cn->candidates, cpu);
		INIT_LIST_HEAD(&c->list);
		INIT_HLIST_HEAD(&c->late);
		INIT_LIST_HEAD(&c->late_node);
		c->cursor = get_random_u32();
		c->deep[false] = jiffies - 1;
		c->deep[true] = jiffies - 1;
		c->until[false] = jiffies;
		c->until[true] = jiffies;
	}
	return 0;
}

void ct_candidates_exit(struct ct_net *cn)
{
	if (!cn->candidates)
		return;
	ct_refused_exit(cn);
	free_percpu(cn->candidates);
	cn->candidates = NULL;
}

u16 ct_born_now(void)
{
	/* Of all 64 bits: what is left of 32 would jump when they turn over. */
	return jiffies / CT_BORN_UNIT;
}

u32 ct_entry_age(const struct ct_entry *e)
{
	return (u16)(ct_born_now() - READ_ONCE(e->born)) * CT_BORN_UNIT;
}
EXPORT_SYMBOL_GPL(ct_entry_age);

void ct_candidates_aged(struct ct_entry *e)
{
	u16 now = ct_born_now();

	if (e->candidate && (u16)(now - e->born) > CT_BORN_OLDEST)
		WRITE_ONCE(e->born, now - CT_BORN_OLDEST);
}

void ct_candidates_add(struct ct_entry *e)
{
	struct ct_candidates *c = per_cpu_ptr(e->cn->candidates, e->wheel_cpu);

	WRITE_ONCE(e->born, ct_born_now());
	e->candidate = 1;
	list_add_tail(&e->seen.unreplied, &c->list);
}

void ct_candidates_del(struct ct_entry *e)
{
	if (!e->candidate)
		return;
	e->candidate = 0;
	list_del(&e->seen.unreplied);
}

void ct_expire_replied(struct ct_entry *e)
{
	struct ct_wheel *w = ct_wheel_of(e);

	spin_lock_bh(&w->lock);
	ct_candidates_del(e);
	spin_unlock_bh(&w->lock);
}

/*
 * The first in a list, NULL if that is empty. Nothing is locked: the entry may be
 * freed and used again; its memory stays memory of entries on the RCU read side.
 */
static struct ct_entry *list_head_of(const struct ct_candidates *c)
{
	const struct list_head *head = READ_ONCE(c->list.next);

	if (head == &c->list)
		return NULL;
	return list_entry(head, struct ct_entry, seen.unreplied);
}

/* The age of the oldest in a list, -1 if that is empty. */
static int oldest_age(const struct ct_candidates *c)
{
	const struct ct_entry *e = list_head_of(c);

	return e ? (u16)(ct_born_now() - READ_ONCE(e->born)) : -1;
}

/* The list to evict from. Return: its CPU, or nr_cpu_ids if all are empty */
static unsigned int list_pick(struct ct_net *cn, unsigned int own)
{
	unsigned int cpu, best = nr_cpu_ids;
	int age, own_age, best_age = -1;

	own_age = oldest_age(per_cpu_ptr(cn->candidates, own));
	for_each_possible_cpu(cpu) {
		age = oldest_age(per_cpu_ptr(cn->candidates, cpu));
		if (age > best_age) {
			best_age = age;
			best = cpu;
		}
	}
	if (own_age >= 0 && best_age - own_age <= AS_OLD)
		return own;
	return best;
}

unsigned int ct_candidates_from(struct ct_net *cn, unsigned int own)
{
	struct ct_candidates *c = per_cpu_ptr(cn->candidates, own);
	unsigned int from = c->from;
	const struct ct_entry *e;

	if (c->left) {
		c->left--;
		e = list_head_of(per_cpu_ptr(cn->candidates, from));
		if (!e && c->empty)
			return nr_cpu_ids;
		if (e && (c->empty ||
			  (s16)(READ_ONCE(e->born) - c->like) <= AS_OLD))
			return from;
	}
	from = list_pick(cn, own);
	c->empty = from >= nr_cpu_ids;
	c->from = c->empty ? own : from;
	c->left = LIST_EVERY - 1;
	e = list_head_of(per_cpu_ptr(cn->candidates, c->from));
	c->like = e ? READ_ONCE(e->born) : ct_born_now();
	return from;
}

struct ct_entry *ct_candidates_take(struct ct_net *cn, unsigned int cpu)
{
	struct ct_candidates *c = per_cpu_ptr(cn->candidates, cpu);
	struct ct_wheel *w = per_cpu_ptr(ct_wheels, cpu);
	struct ct_entry *e;

	spin_lock_bh(&w->lock);
	e = list_first_entry_or_null(&c->list, struct ct_entry,
				     seen.unreplied);
	if (e) {
		ct_candidates_del(e);
		/* In the list it has the table's reference. */
		ct_entry_get(e);
	}
	spin_unlock_bh(&w->lock);
	return e;
}

/* What an entry that saw a reply, or is assured, goes by; 0: it stays. */
static u32 timeout_of(const struct ct_entry *e, u32 hot,
		      const unsigned int *timeouts)
{
	const struct nf_conntrack_tuple *tuple =
		&e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const struct ct_proto *proto = ct_proto_find(tuple->src.l3num,
						     tuple->dst.protonum);
	unsigned int state = proto->state ? proto->state(e) : 0;

	if (hot & IPS_ASSURED && !(proto->ending & BIT(state % 32)))
		return 0;
	state = min(proto->timeout + state, __CT_TIMEOUT_MAX - 1U);
	return READ_ONCE(timeouts[state]) ?: 1;
}

u32 ct_entry_silent(const struct ct_entry *e)
{
	const u32 left = ct_entry_left(e);
	u32 timeout = timeout_of(e, ct_entry_hot(e), ct_timeouts(e));

	return timeout > left ? timeout - left : 0;
}
EXPORT_SYMBOL_GPL(ct_entry_silent);

/* By its last packet: a connection that is half closed may be in use. */
static u32 rank_replied(const struct choice *ch, struct ct_entry *e, u32 hot)
{
	const u32 left = ct_entry_left(e);
	u32 timeout = 0;

	if (likely(!(hot & CT_HOT_POLICY))) {
		timeout = timeout_of(e, hot, ch->cn->timeout);
	} else if (ct_entry_tryget(e)) {
		/* The policy is there as long as the entry. */
		if (READ_ONCE(e->cn) == ch->cn)
			timeout = timeout_of(e, hot, ct_timeouts(e));
		ct_entry_put(e);
	}
	if (!timeout)
		return 0;
	return RANK_SECOND | (timeout > left ? min(timeout - left, RANK_AGE) : 0);
}

static u32 rank_unreplied(const struct choice *ch, const struct ct_entry *e)
{
	u16 units = ct_born_now() - READ_ONCE(e->born);
	u32 age = (units + 1U) * CT_BORN_UNIT;
	bool many = ch->c->seen >= WANTED &&
		    ch->c->unreplied >= ch->c->seen / 4;

	return (many || age > YOUNG ? RANK_FIRST : RANK_SECOND) | age;
}

/*
 * Of an entry without a reference, it may be another connection already, so what
 * comes out may be wrong; once more with a reference, before it is killed.
 */
static u32 rank_of(const struct choice *ch, struct ct_entry *e)
{
	const struct nf_conntrack_tuple *orig =
		&e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const u32 hot = ct_entry_hot(e);
	u32 rank;

	if ((hot & (IPS_CONFIRMED | IPS_DYING)) != IPS_CONFIRMED ||
	    hot & IPS_TEMPLATE || READ_ONCE(e->cn) != ch->cn)
		return 0;
	if (unlikely(hot & CT_HOT_KEPT && !ch->own))
		return 0;
	if (!ct_entry_left(e))
		return RANK_FIRST | RANK_HEAVY | RANK_AGE;
	if (hot & (IPS_SEEN_REPLY | IPS_ASSURED))
		rank = rank_replied(ch, e, hot);
	else
		rank = rank_unreplied(ch, e);
	if (rank && ch->heavy && ct_source_key(orig) == ch->heavy)
		rank |= RANK_HEAVY;
	return rank;
}

/* Is it the best so far? And remember what is there. */
static void consider(struct choice *ch, struct ct_entry *e)
{
	const struct nf_conntrack_tuple *orig =
		&e->dir[IP_CT_DIR_ORIGINAL].tuple;
	struct ct_candidates *c = ch->c;
	u32 rank = rank_of(ch, e);
	bool replied;

	if (!rank)
		return;
	if (++c->seen >= SEEN_MAX) {
		c->seen /= 2;
		c->unreplied /= 2;
	}
	replied = ct_entry_hot(e) & (IPS_SEEN_REPLY | IPS_ASSURED);
	c->unreplied += !replied;
	if (ch->found++ < NOTES)
		ct_sources_note(&c->sources, ct_source_key(orig));
	if (rank > ch->rank) {
		ch->rank = rank;
		ch->best = e;
		ch->replied = replied;
	}
}

static void look(struct choice *ch, unsigned int wanted, unsigned int looks,
		 unsigned int buckets)
{
	struct ct_entry *e[PEEK];
	unsigned int n, i;

	while (ch->found < wanted && looks && buckets--) {
		n = ct_table_peek(&ch->cn->table, ch->c->cursor++, e,
				  min_t(unsigned int, looks, PEEK));
		looks -= n;
		for (i = 0; i < n; i++)
			consider(ch, e[i]);
	}
}

/* Nobody in the list is old, and there was none beside: look further. */
static void look_deeper(struct choice *ch)
{
	unsigned long *deep = &ch->c->deep[ch->own];

	if (!time_after(jiffies, *deep))
		return;
	*deep = jiffies;
	ch->sure = true;
	look(ch, 1, DEEPER * LOOKS, DEEPER * BUCKETS);
}

/* The rank of the first in a CPU's list, 0 if there is none. */
static u32 rank_list(const struct choice *ch, unsigned int cpu)
{
	struct ct_entry *e;

	if (cpu >= nr_cpu_ids)
		return 0;
	e = list_head_of(per_cpu_ptr(ch->cn->candidates, cpu));
	return e ? rank_of(ch, e) : 0;
}

/* Return: who is to go, with a reference; NULL: nobody is there, or any more */
static struct ct_entry *choose(struct choice *ch)
{
	unsigned int self = smp_processor_id();
	unsigned int from = ct_candidates_from(ch->cn, self);
	u32 list = rank_list(ch, from);

	look(ch, list >= RANK_FIRST ? WANTED_BESIDE : WANTED, LOOKS, BUCKETS);
	/* Now it is known whether those without an answer are many. */
	list = rank_list(ch, from);
	if (list < RANK_FIRST && !ch->rank) {
		look_deeper(ch);
		if (!list && !ch->rank) {
			from = list_pick(ch->cn, self);
			list = rank_list(ch, from);
		}
	}
	if (list && list >= ch->rank) {
		ch->rank = list;
		ch->replied = false;
		return ct_candidates_take(ch->cn, from);
	}
	if (ch->best && ct_entry_tryget(ch->best))
		return ch->best;
	return NULL;
}

/* A reply saves who was chosen because there was none. */
static bool still(const struct choice *ch, struct ct_entry *e)
{
	bool replied = ct_entry_hot(e) & (IPS_SEEN_REPLY | IPS_ASSURED);

	return replied == ch->replied && rank_of(ch, e);
}

/*
 * Its place in the host's own share is for who asked, at once: a packet may hold
 * the entry for long, and it would have been evicted for nothing.
 */
static enum ct_room hand_over(struct ct_entry *e)
{
	if (likely(!(ct_entry_hot(e) & CT_HOT_KEPT)))
		return CT_ROOM_FREE;
	atomic_andnot(CT_HOT_KEPT, &e->hot);
	ct_room_part_give(e->cn, &e->dir[IP_CT_DIR_ORIGINAL].tuple);
	return CT_ROOM_KEPT;
}

bool ct_evict_this(struct ct_entry *e)
{
	if (!ct_entry_kill(e, 0, 0))
		return false;
	trace_evict(e, BIT(IPCT_DESTROY));
	ct_stat_inc(e->cn, base.early_drop);
	ct_stat_inc(e->cn, evicted);
	return true;
}
EXPORT_SYMBOL_GPL(ct_evict_this);

/*
 * By those it expected, beside us and the table: they keep it in memory, so there is
 * no room to be had from it.
 */
static bool is_held(const struct ct_entry *e)
{
	return unlikely(ct_entry_hot(e) & CT_HOT_EXPECTS) &&
	       refcount_read(&e->ct_general.use) > 2;
}

static void evict_one(struct choice *ch)
{
	struct ct_entry *e;

	ch->found = 0;
	ch->best = NULL;
	ch->rank = 0;
	ch->heavy = ct_sources_heavy(&ch->c->sources);
	rcu_read_lock();
	e = choose(ch);
	if (e && still(ch, e) && !is_held(e) && ct_evict_this(e))
		ch->room = hand_over(e);
	ct_entry_put(e);
	rcu_read_unlock();
}

enum ct_room ct_evict(struct ct_net *cn, bool own)
{
	struct choice ch = { .cn = cn, .own = own, .room = CT_ROOM_NONE };
	unsigned int tries = TRIES;

	/* For what this CPU knows; a process may come here. */
	local_bh_disable();
	ch.c = this_cpu_ptr(cn->candidates);
	if (time_before(jiffies, ch.c->until[own]))
		tries = 0;
	while (tries-- && ch.room == CT_ROOM_NONE) {
		evict_one(&ch);
		if (!ch.rank)
			break;
	}
	if (ch.room == CT_ROOM_NONE && ch.sure && !ch.rank)
		ch.c->until[own] = jiffies + NOBODY;
	local_bh_enable();
	return ch.room;
}

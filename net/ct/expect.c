// SPDX-License-Identifier: GPL-2.0
/*
 * Expectations: who was announced by another connection, and is RELATED to it.
 *
 * Two indexes, by target and by master, have 8,192 buckets each, of which those
 * exist that something was once in, 32 at a time: so they need no resizing, and
 * little memory where little is expected. New ones go to the front of a chain, and
 * none ever moves. A queue of all, by time, has work to be done when the first is due.
 *
 * A packet that opens a connection looks, if anything is expected at all, under RCU
 * first, which is enough for nearly all of them. Who finds something takes the lock,
 * and looks again: only one may have it.
 *
 * An expectation holds no reference to its master, which would keep that alive: it
 * ends with the master, whoever ends that. So under the lock, and nowhere else, a
 * master is there as long as what it expects.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/expect.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include <net/ct/tuple.h>
#include "core.h"

#define CHUNK		32
#define CHUNKS		256

/* So many are looked at, at most, for one that may go. */
#define LOOK		8

struct chunk {
	struct hlist_head head[CHUNK];
};

struct ct_expect_index {
	struct chunk *chunk[CHUNKS];
};

enum { BY_TARGET, BY_MASTER };

unsigned int ct_expect_max __read_mostly;

static LIST_HEAD(functions);
static DEFINE_MUTEX(functions_mutex);

static u32 hash_of_target(const struct ct_net *cn,
			  const struct nf_conntrack_tuple *tuple, u16 zone)
{
	const struct nf_conntrack_tuple target = {
		.src.l3num = tuple->src.l3num,
		.dst.u3 = tuple->dst.u3,
		.dst.u = tuple->dst.u,
		.dst.protonum = tuple->dst.protonum,
	};

	return ct_tuple_hash(cn, &target, zone);
}

/* Of the original tuple, keyed, and constant from before it could expect. */
static u32 hash_of_master(const struct ct_entry *e)
{
	return e->hash[IP_CT_DIR_ORIGINAL];
}

static struct chunk *chunk_at(const struct ct_expects *x, unsigned int by,
			      unsigned int bucket)
{
	const struct ct_expect_index *index;

	/* Pairs with make_bucket(), as does the next one. */
	index = smp_load_acquire(&x->index[by]);
	if (!index)
		return NULL;
	/* See above. */
	return smp_load_acquire(&index->chunk[bucket / CHUNK]);
}

/* NULL: nothing was ever in there. */
static struct hlist_head *bucket_of(const struct ct_expects *x, unsigned int by,
				    u32 hash)
{
	const unsigned int bucket = hash % (CHUNK * CHUNKS);
	struct chunk *chunk = chunk_at(x, by, bucket);

	return chunk ? &chunk->head[bucket % CHUNK] : NULL;
}

static void *alloc(struct ct_net *cn, size_t size, gfp_t gfp)
{
	/* What is urgent is charged above every limit: this is not. */
	if (cn->payer.account)
		gfp &= ~__GFP_HIGH;
	return ct_payer_zalloc(&cn->payer, size, gfp | __GFP_NOWARN);
}

static struct hlist_head *make_bucket(struct ct_net *cn, unsigned int by,
				      u32 hash)
	__must_hold(&cn->expects.lock)
{
	const unsigned int bucket = hash % (CHUNK * CHUNKS);
	struct ct_expects *x = &cn->expects;
	struct ct_expect_index *index = x->index[by];
	struct chunk *chunk;

	if (!index) {
		index = alloc(cn, sizeof(*index), GFP_ATOMIC);
		if (!index)
			return NULL;
		/* Pairs with chunk_at(). */
		smp_store_release(&x->index[by], index);
	}
	chunk = index->chunk[bucket / CHUNK];
	if (!chunk) {
		chunk = alloc(cn, sizeof(*chunk), GFP_ATOMIC);
		if (!chunk)
			return NULL;
		/* Pairs with chunk_at(). */
		smp_store_release(&index->chunk[bucket / CHUNK], chunk);
	}
	return &chunk->head[bucket % CHUNK];
}

u32 ct_expect_left(const struct ct_expect *exp)
{
	const u64 due = READ_ONCE(exp->due.expires);
	const u64 now = get_jiffies_64();

	return due > now ? min_t(u64, due - now, CT_LONGEST) : 0;
}

/* Would a packet meet it? */
static bool fits(const struct ct_expect *exp,
		 const struct nf_conntrack_tuple *tuple, u16 zone)
{
	return exp->zone == zone &&
	       nf_ct_tuple_mask_cmp(tuple, &exp->tuple, &exp->mask) &&
	       ct_expect_left(exp);
}

/* Could one packet meet both? */
static bool clashes(const struct ct_expect *a, const struct ct_expect *b)
{
	struct nf_conntrack_tuple_mask both = a->mask;
	unsigned int i;

	both.src.u.all &= b->mask.src.u.all;
	for (i = 0; i < ARRAY_SIZE(both.src.u3.all); i++)
		both.src.u3.all[i] &= b->mask.src.u3.all[i];
	return a->zone == b->zone &&
	       nf_ct_tuple_mask_cmp(&a->tuple, &b->tuple, &both);
}

static bool is_same(const struct ct_expect *a, const struct ct_expect *b)
{
	return a->zone == b->zone && ct_tuple_equal(&a->tuple, &b->tuple) &&
	       nf_inet_addr_cmp(&a->mask.src.u3, &b->mask.src.u3) &&
	       a->mask.src.u.all == b->mask.src.u.all;
}

static bool has_same_target(const struct ct_expect *a,
			    const struct ct_expect *b)
{
	return a->zone == b->zone &&
	       a->tuple.src.l3num == b->tuple.src.l3num &&
	       __nf_ct_tuple_dst_equal(&a->tuple, &b->tuple);
}

/* When the first one is due, if there is one. */
static void start_work(struct ct_expects *x)
	__must_hold(&x->lock)
{
	struct timerqueue_node *first = timerqueue_getnext(&x->due);
	const u64 now = get_jiffies_64();

	if (first && !x->dead)
		mod_delayed_work(system_unbound_wq, &x->work,
				 first->expires > now ? first->expires - now : 0);
}

static void set_due(struct ct_expects *x, struct ct_expect *exp, u32 timeout)
	__must_hold(&x->lock)
{
	WRITE_ONCE(exp->due.expires,
		   get_jiffies_64() + min(timeout, CT_LONGEST));
	/* True: it is the first. */
	if (timerqueue_add(&x->due, &exp->due))
		start_work(x);
}

void ct_expect_remove_locked(struct ct_expect *exp, u32 portid, int report)
{
	struct ct_net *cn = exp->cn;
	struct ct_expects *x = &cn->expects;

	lockdep_assert_held(&x->lock);
	exp->added = false;
	hlist_del_rcu(&exp->by_target);
	hlist_del(&exp->by_master);
	timerqueue_del(&x->due, &exp->due);
	x->count--;
	if (!x->count)
		WRITE_ONCE(cn->expecting, false);
	ct_stat_inc(cn, base.expect_delete);
	ct_event_expect(exp, IPEXP_DESTROY, portid, report);
	kfree_rcu(exp, rcu);
}
EXPORT_SYMBOL_GPL(ct_expect_remove_locked);

void ct_expect_refresh_locked(struct ct_expect *exp, u32 timeout)
{
	struct ct_expects *x = &exp->cn->expects;

	lockdep_assert_held(&x->lock);
	timerqueue_del(&x->due, &exp->due);
	set_due(x, exp, timeout);
}

/* Return: false: nothing is due */
static bool end_one(struct ct_expects *x)
{
	const u64 now = get_jiffies_64();
	struct timerqueue_node *first;
	bool due;

	spin_lock_bh(&x->lock);
	first = timerqueue_getnext(&x->due);
	due = first && first->expires <= now;
	if (due)
		ct_expect_remove_locked(container_of(first, struct ct_expect,
						     due), 0, 0);
	else
		start_work(x);
	spin_unlock_bh(&x->lock);
	return due;
}

/* In a process, as there may be many, of many namespaces at once. */
static void end_due(struct work_struct *work)
{
	struct ct_expects *x = container_of(to_delayed_work(work),
					    struct ct_expects, work);

	while (end_one(x))
		cond_resched();
}

struct ct_expect *ct_expect_new(struct ct_entry *master,
				const struct ct_expect_helper *helper,
				unsigned int class, gfp_t gfp)
{
	struct ct_expect *exp;

	if (WARN_ON_ONCE(class >= (helper ? helper->n : 1)))
		return NULL;
	exp = alloc(master->cn, sizeof(*exp), gfp);
	if (!exp)
		return NULL;
	exp->cn = master->cn;
	exp->master = master;
	exp->zone = ct_entry_zone_id(master);
	exp->helper = helper;
	exp->class = class;
	if (helper)
		exp->timeout = helper->class[class].timeout;
	timerqueue_init(&exp->due);
	return exp;
}
EXPORT_SYMBOL_GPL(ct_expect_new);

void ct_expect_free(struct ct_expect *exp)
{
	kfree(exp);
}
EXPORT_SYMBOL_GPL(ct_expect_free);

bool ct_expect_is_long_row(const struct ct_entry *master)
{
	unsigned int i;

	for (i = 0; master && i < CT_EXPECT_ROW; i++)
		master = ct_entry_master(master);
	return master;
}
EXPORT_SYMBOL_GPL(ct_expect_is_long_row);

/* Who goes first of two, if one has to: a reply is easily had, more is not. */
enum { UNANSWERED, ANSWERED, ASSURED, RANKS };

static unsigned int rank_of(const struct ct_expect *exp)
{
	const u32 hot = ct_entry_hot(exp->master);

	if (hot & IPS_ASSURED)
		return ASSURED;
	return hot & IPS_SEEN_REPLY ? ANSWERED : UNANSWERED;
}

/* Whose place one takes, each may be NULL: the same one's; another's, of the target. */
struct places {
	struct ct_expect *same;
	struct ct_expect *other;
};

/* Of those it might be confused with. */
static int check_target(struct hlist_head *head, const struct ct_expect *exp,
			unsigned int flags, struct places *p)
{
	struct ct_expect *other, *oldest[RANKS] = {};
	struct hlist_node *next;
	unsigned int n = 0, i;

	hlist_for_each_entry_safe(other, next, head, by_target) {
		if (!ct_expect_left(other)) {
			ct_expect_remove_locked(other, 0, 0);
			continue;
		}
		if (is_same(other, exp) && (other->master == exp->master ||
					    flags & CT_EXPECT_ANY_MASTER)) {
			if (other->master != exp->master ||
			    other->class != exp->class)
				return -EALREADY;
			p->same = other;
			return 0;
		}
		if (clashes(other, exp))
			return -EBUSY;
		if (!has_same_target(other, exp))
			continue;
		n++;
		oldest[rank_of(other)] = other;
	}
	for (i = 0; n >= CT_EXPECT_SAME && i < RANKS && !p->other; i++)
		p->other = oldest[i];
	return 0;
}

/* How many of its class there are, and which is the oldest; NULL for none. */
static unsigned int count_class(struct hlist_head *head,
				const struct ct_entry *master,
				unsigned int class, struct ct_expect **oldest)
{
	struct ct_expect *other;
	unsigned int n = 0;

	*oldest = NULL;
	hlist_for_each_entry(other, head, by_master) {
		if (other->master != master || other->class != class ||
		    !ct_expect_left(other))
			continue;
		*oldest = other;
		n++;
	}
	return n;
}

static unsigned int max_of_class(const struct ct_expect *exp)
{
	const struct ct_expect_helper *helper = exp->helper;

	return (helper ? helper->class[exp->class].max : 0) ?: CT_EXPECT_MOST;
}

/* The oldest of its class, if there are as many as may be. */
static struct ct_expect *place_in_class(struct hlist_head *head,
					const struct ct_expect *exp)
{
	struct ct_expect *oldest;

	return count_class(head, exp->master, exp->class, &oldest) >=
	       max_of_class(exp) ? oldest : NULL;
}

/* Of those that end soon one whose master nobody answered. */
static struct ct_expect *place_of_any(struct ct_expects *x)
	__must_hold(&x->lock)
{
	struct timerqueue_node *node = timerqueue_getnext(&x->due);
	struct ct_expect *exp;
	unsigned int i;

	for (i = 0; node && i < LOOK; i++) {
		exp = container_of(node, struct ct_expect, due);
		if (rank_of(exp) == UNANSWERED || !ct_expect_left(exp))
			return exp;
		node = timerqueue_iterate_next(node);
	}
	return NULL;
}

/* Nobody goes in vain: if there is no place at all, all stay. */
static int take_place(struct ct_expects *x, struct hlist_head *head,
		      const struct ct_expect *exp, struct places *p)
	__must_hold(&x->lock)
{
	struct ct_expect *of_class;

	if (p->same) {
		ct_expect_remove_locked(p->same, 0, 0);
		return 0;
	}
	of_class = place_in_class(head, exp);
	if (!p->other && !of_class && x->count >= READ_ONCE(ct_expect_max)) {
		p->other = place_of_any(x);
		if (!p->other)
			return -EMFILE;
	}
	if (p->other)
		ct_expect_remove_locked(p->other, 0, 0);
	if (of_class && of_class != p->other)
		ct_expect_remove_locked(of_class, 0, 0);
	return 0;
}

static void tell_full(struct ct_net *cn)
{
	struct ct_log_tail tail;

	if (ct_log_may(cn, CT_LOG_EXPECT, &tail))
		pr_info("namespace %u expects as many connections as it may: see nf_conntrack_expect_max%s\n",
			cn->inum, tail.text);
}

static int add(struct ct_net *cn, struct ct_expect *exp, unsigned int flags)
	__must_hold(&cn->expects.lock)
{
	struct ct_expects *x = &cn->expects;
	struct hlist_head *target, *master;
	struct places places = {};
	int err;

	atomic_or(CT_HOT_EXPECTS, &exp->master->hot);
	/*
	 * Who kills it sets DYING first, and looks at that bit then: it is seen
	 * here, or we are seen there.
	 */
	smp_mb__after_atomic();
	if (x->dead || test_bit(IPS_DYING_BIT, &exp->master->status))
		return -ESHUTDOWN;
	target = make_bucket(cn, BY_TARGET,
			     hash_of_target(cn, &exp->tuple, exp->zone));
	master = make_bucket(cn, BY_MASTER, hash_of_master(exp->master));
	if (!target || !master)
		return -ENOMEM;
	err = check_target(target, exp, flags, &places) ?:
	      take_place(x, master, exp, &places);
	if (err)
		return err;

	exp->serial = ++x->serial;
	exp->use_event = READ_ONCE(exp->master->use_event);
	exp->added = true;
	/* Or who confirms it sees what is set above, and sets this then. */
	exp->ready = ct_entry_hot(exp->master) & IPS_CONFIRMED;
	set_due(x, exp, exp->timeout);
	hlist_add_head_rcu(&exp->by_target, target);
	hlist_add_head(&exp->by_master, master);
	x->count++;
	WRITE_ONCE(cn->expecting, true);
	ct_stat_inc(cn, base.expect_create);
	return 0;
}

int ct_expect_add(struct ct_expect *exp, unsigned int flags, u32 portid,
		  int report)
{
	struct ct_net *cn = exp->cn;
	struct ct_expects *x = &cn->expects;
	int err;

	if (ct_expect_is_long_row(exp->master))
		return -ELOOP;
	spin_lock_bh(&x->lock);
	err = add(cn, exp, flags);
	if (!err)
		ct_event_expect(exp, IPEXP_NEW, portid, report);
	spin_unlock_bh(&x->lock);
	if (err == -EMFILE)
		tell_full(cn);
	return err;
}
EXPORT_SYMBOL_GPL(ct_expect_add);

void ct_expect_remove(struct ct_expect *exp)
{
	struct ct_expects *x = &exp->cn->expects;

	spin_lock_bh(&x->lock);
	if (exp->added)
		ct_expect_remove_locked(exp, 0, 0);
	spin_unlock_bh(&x->lock);
}
EXPORT_SYMBOL_GPL(ct_expect_remove);

unsigned int ct_expect_count(const struct ct_entry *master, unsigned int class)
{
	struct ct_expects *x = &master->cn->expects;
	struct ct_expect *oldest;
	struct hlist_head *head;
	unsigned int n = 0;

	if (!(ct_entry_hot(master) & CT_HOT_EXPECTS))
		return 0;
	spin_lock_bh(&x->lock);
	head = bucket_of(x, BY_MASTER, hash_of_master(master));
	if (head)
		n = count_class(head, master, class, &oldest);
	spin_unlock_bh(&x->lock);
	return n;
}
EXPORT_SYMBOL_GPL(ct_expect_count);

/* Would anything take it, as far as is seen without the lock? */
static bool may_fit(struct hlist_head *head,
		    const struct nf_conntrack_tuple *tuple, u16 zone)
{
	const struct ct_expect *exp;

	hlist_for_each_entry_rcu(exp, head, by_target)
		if (!(exp->flags & NF_CT_EXPECT_INACTIVE) &&
		    READ_ONCE(exp->ready) && fits(exp, tuple, zone))
			return true;
	return false;
}

/*
 * A master that is not confirmed has not been answered: whoever comes does not come
 * for its sake.
 */
static bool is_ready(const struct ct_entry *master)
{
	return ct_entry_hot(master) & IPS_CONFIRMED && !ct_entry_dead(master);
}

/*
 * The expectation is the caller's until the end of the RCU read side, its master is
 * the entry's. Without memory it stays for another packet.
 */
static struct ct_expect *take(struct ct_entry *e, struct hlist_head *head,
			      const struct nf_conntrack_tuple *tuple, u16 zone)
{
	struct ct_expects *x = &e->cn->expects;
	struct ct_rare *rare = NULL;
	struct ct_expect *exp;

	spin_lock_bh(&x->lock);
	hlist_for_each_entry(exp, head, by_target) {
		if (exp->flags & NF_CT_EXPECT_INACTIVE ||
		    !fits(exp, tuple, zone) || !is_ready(exp->master))
			continue;
		rare = ct_entry_rare_add(e, GFP_ATOMIC);
		if (!rare) {
			exp = NULL;
			break;
		}
		if (!ct_entry_tryget(exp->master))
			continue;
		rare->master = exp->master;
		if (!(exp->flags & NF_CT_EXPECT_PERMANENT))
			ct_expect_remove_locked(exp, 0, 0);
		break;
	}
	spin_unlock_bh(&x->lock);
	return exp;
}

bool ct_expect_meet(struct ct_entry *e)
{
	const struct nf_conntrack_tuple *tuple =
		&e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const u16 zone = ct_entry_zone_id(e);
	struct ct_net *cn = e->cn;
	struct hlist_head *head;
	struct ct_expect *exp;

	head = bucket_of(&cn->expects, BY_TARGET,
			 hash_of_target(cn, tuple, zone));
	if (!head || likely(!may_fit(head, tuple, zone)))
		return false;
	exp = take(e, head, tuple, zone);
	if (!exp)
		return false;
	ct_status_set(e, IPS_EXPECTED_BIT);
	ct_entry_mark_set(e, ct_entry_mark(exp->master));
	ct_entry_secmark_set(e, ct_entry_secmark(exp->master));
	ct_stat_inc(cn, base.expect_new);
	if (exp->fn)
		exp->fn->fn(e, exp);
	return true;
}

void ct_expect_master_ready(struct ct_entry *e)
{
	struct ct_expects *x = &e->cn->expects;
	struct hlist_head *head;
	struct ct_expect *exp;

	spin_lock_bh(&x->lock);
	head = bucket_of(x, BY_MASTER, hash_of_master(e));
	if (head)
		hlist_for_each_entry(exp, head, by_master)
			if (exp->master == e)
				WRITE_ONCE(exp->ready, true);
	spin_unlock_bh(&x->lock);
}

void ct_expect_master_gone(struct ct_entry *e)
{
	struct ct_expects *x = &e->cn->expects;
	struct hlist_node *next;
	struct hlist_head *head;
	struct ct_expect *exp;

	spin_lock_bh(&x->lock);
	head = bucket_of(x, BY_MASTER, hash_of_master(e));
	if (head)
		hlist_for_each_entry_safe(exp, next, head, by_master)
			if (exp->master == e)
				ct_expect_remove_locked(exp, 0, 0);
	spin_unlock_bh(&x->lock);
}

int ct_expect_visit(struct ct_net *cn, const struct nf_conntrack_tuple *tuple,
		    u16 zone, int (*fn)(struct ct_expect *exp, void *data),
		    void *data)
{
	struct ct_expects *x = &cn->expects;
	struct hlist_head *head;
	struct ct_expect *exp;
	int err = -ENOENT;

	head = bucket_of(x, BY_TARGET, hash_of_target(cn, tuple, zone));
	if (!head)
		return err;
	spin_lock_bh(&x->lock);
	hlist_for_each_entry(exp, head, by_target) {
		if (fits(exp, tuple, zone)) {
			err = fn(exp, data);
			break;
		}
	}
	spin_unlock_bh(&x->lock);
	return err;
}

/* Newest first: what comes meanwhile is before those that were shown. */
static int walk_bucket(struct ct_expects *x, struct hlist_head *head,
		       struct ct_expect_cursor *c,
		       int (*fn)(struct ct_expect *exp, void *data), void *data)
{
	struct hlist_node *next;
	struct ct_expect *exp;
	u64 serial;
	int err = 0;

	spin_lock_bh(&x->lock);
	hlist_for_each_entry_safe(exp, next, head, by_target) {
		serial = exp->serial;
		if (c->serial && serial >= c->serial)
			continue;
		err = fn(exp, data);
		if (err)
			break;
		c->serial = serial;
	}
	spin_unlock_bh(&x->lock);
	return err;
}

int ct_expect_walk(struct ct_net *cn, struct ct_expect_cursor *c,
		   int (*fn)(struct ct_expect *exp, void *data), void *data)
{
	struct ct_expects *x = &cn->expects;
	struct hlist_head *head;
	struct chunk *chunk;
	int err;

	for (; c->bucket < CHUNK * CHUNKS; c->bucket++, c->serial = 0) {
		chunk = chunk_at(x, BY_TARGET, c->bucket);
		if (!chunk) {
			c->bucket |= CHUNK - 1;
			continue;
		}
		head = &chunk->head[c->bucket % CHUNK];
		if (!READ_ONCE(head->first))
			continue;
		err = walk_bucket(x, head, c, fn, data);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

__be32 ct_expect_id(const struct ct_expect *exp)
{
	const u64 hash = siphash_2u64((unsigned long)exp, exp->serial,
				      &exp->cn->key);

	return (__force __be32)(u32)hash;
}

/* What is to be removed: that has this function, or this helper. */
struct removal {
	const struct ct_expect_fn *fn;
	const struct ct_expect_helper *helper;
};

static int remove_if(struct ct_expect *exp, void *data)
{
	const struct removal *r = data;

	if ((r->fn && exp->fn == r->fn) ||
	    (r->helper && exp->helper == r->helper))
		ct_expect_remove_locked(exp, 0, 0);
	return 0;
}

/* Namespaces that are not in the list expect nothing. */
static void remove_everywhere(struct removal *r)
{
	struct ct_net *cn;

	mutex_lock(&ct_nets_mutex);
	list_for_each_entry(cn, &ct_nets, list) {
		struct ct_expect_cursor c = {};

		ct_expect_walk(cn, &c, remove_if, r);
	}
	mutex_unlock(&ct_nets_mutex);
	/* Who met one just before. */
	synchronize_rcu();
}

void ct_expect_fn_register(struct ct_expect_fn *fn)
{
	mutex_lock(&functions_mutex);
	list_add_tail_rcu(&fn->list, &functions);
	mutex_unlock(&functions_mutex);
}
EXPORT_SYMBOL_GPL(ct_expect_fn_register);

void ct_expect_fn_unregister(struct ct_expect_fn *fn)
{
	struct removal r = { .fn = fn };

	mutex_lock(&functions_mutex);
	list_del_rcu(&fn->list);
	mutex_unlock(&functions_mutex);
	/* Who has found it has added what he wanted it for. */
	synchronize_rcu();
	remove_everywhere(&r);
}
EXPORT_SYMBOL_GPL(ct_expect_fn_unregister);

const struct ct_expect_fn *ct_expect_fn_find(const char *name)
{
	const struct ct_expect_fn *fn;

	list_for_each_entry_rcu(fn, &functions, list)
		if (!strcmp(fn->name, name))
			return fn;
	return NULL;
}

void ct_expect_helper_gone(const struct ct_expect_helper *helper)
{
	struct removal r = { .helper = helper };

	remove_everywhere(&r);
}
EXPORT_SYMBOL_GPL(ct_expect_helper_gone);

void ct_expect_net_init(struct ct_net *cn)
{
	struct ct_expects *x = &cn->expects;

	spin_lock_init(&x->lock);
	timerqueue_init_head(&x->due);
	INIT_DELAYED_WORK(&x->work, end_due);
}

static int remove_one(struct ct_expect *exp, void *data)
{
	ct_expect_remove_locked(exp, 0, 0);
	return 0;
}

void ct_expect_net_exit(struct ct_net *cn)
{
	struct ct_expect_cursor c = {};
	struct ct_expects *x = &cn->expects;

	spin_lock_bh(&x->lock);
	x->dead = true;
	spin_unlock_bh(&x->lock);
	ct_expect_walk(cn, &c, remove_one, NULL);
	cancel_delayed_work_sync(&x->work);
}

void ct_expect_net_free(struct ct_net *cn)
{
	unsigned int by, i;

	for (by = 0; by < ARRAY_SIZE(cn->expects.index); by++) {
		struct ct_expect_index *index = cn->expects.index[by];

		for (i = 0; index && i < CHUNKS; i++)
			kfree(index->chunk[i]);
		kfree(index);
	}
}

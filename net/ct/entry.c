// SPDX-License-Identifier: GPL-2.0
/*
 * An entry's life: allocated for the first packet, confirmed when that packet
 * leaves the stack, killed once, freed with its last reference.
 */
#include <linux/export.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <net/ct/entry.h>
#include <net/ct/expect.h>
#include <net/ct/expire.h>
#include <net/ct/nat.h>
#include <net/ct/net.h>
#include <net/ct/policy.h>
#include <net/ct/table.h>
#include <net/ct/tuple.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_extend.h>
#include "core.h"
#include "overload.h"
#include "trace.h"

/*
 * The rest of the kernel reads skb->_nfct as struct nf_conn: every member it
 * reads must stand where it expects it (ARCHITECTURE C2).
 */
#define VIEW(member) \
	(offsetof(struct ct_entry, member) - \
	 offsetof(struct ct_entry, ct_general))
#define AGREES(ours, theirs) \
	static_assert(VIEW(ours) == offsetof(struct nf_conn, theirs) && \
		      sizeof_field(struct ct_entry, ours) == \
		      sizeof_field(struct nf_conn, theirs))

AGREES(ct_general, ct_general);
AGREES(lock, lock);
#ifdef CONFIG_NF_CONNTRACK_ZONES
AGREES(zone, zone);
#endif
AGREES(dir[IP_CT_DIR_ORIGINAL].tuple, tuplehash[IP_CT_DIR_ORIGINAL].tuple);
AGREES(dir[IP_CT_DIR_REPLY].tuple, tuplehash[IP_CT_DIR_REPLY].tuple);
AGREES(status, status);
#ifdef CONFIG_NF_CONNTRACK_MARK
AGREES(mark, mark);
#endif
#ifdef CONFIG_NF_CONNTRACK_SECMARK
AGREES(secmark, secmark);
#endif
AGREES(ext, ext);
static_assert(!(offsetof(struct ct_entry, ct_general) & NFCT_INFOMASK));
static_assert(!(CT_HOT_BITS & CT_HOT_EXPECTS));

/* No more than it is given by the allocator. */
static_assert(sizeof(struct nf_ct_ext) + sizeof(struct ct_rare) <= 64);

struct kmem_cache *ct_entry_cache;
static siphash_key_t id_key __read_mostly;

/* Made here less freed here, by CPU: only the sum means something. */
static DEFINE_PER_CPU(int, entries);

/* One that is freed while we count may be counted still, on another CPU. */
int ct_entries(void)
{
	unsigned int cpu;
	int sum = 0;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(entries, cpu));
	return sum;
}

static __always_inline void set_zone(struct ct_entry *e,
				     const struct nf_conntrack_zone *zone)
{
#ifdef CONFIG_NF_CONNTRACK_ZONES
	e->zone = *zone;
#endif
	e->zone_id[IP_CT_DIR_ORIGINAL] = ct_zone_id(zone, IP_CT_DIR_ORIGINAL);
	e->zone_id[IP_CT_DIR_REPLY] = ct_zone_id(zone, IP_CT_DIR_REPLY);
}

/* All but the reference count; @cn is NULL in a template. */
static __always_inline void fill(struct ct_entry *e, struct ct_net *cn,
				 const struct nf_conntrack_tuple *orig,
				 const struct nf_conntrack_tuple *repl,
				 const struct nf_conntrack_zone *zone)
{
	/*
	 * A reader that found the entry which was here before may look at
	 * this one now. It cannot take a reference until the count is set,
	 * and will then see one that is not confirmed, or a template, which is
	 * of no namespace.
	 */
	e->cn = cn;
	e->hash[IP_CT_DIR_ORIGINAL] = 0;
	e->hash[IP_CT_DIR_REPLY] = 0;
	e->expires = 0;
	/* Unacknowledged data shortens TCP's timeout, and that ends soon. */
	atomic_set(&e->hot, orig->dst.protonum == IPPROTO_TCP ?
			    CT_HOT_REVISIT : 0);
	e->wheel_cpu = 0;
	e->wheel_slot = CT_WHEEL_NONE;
	e->candidate = 0;
	INIT_HLIST_NODE(&e->wheel_node);
	e->proto.raw = 0;
	spin_lock_init(&e->lock);
	e->use_event = U16_MAX;
	e->born = 0;
	set_zone(e, zone);
	atomic64_set(&e->dir[IP_CT_DIR_ORIGINAL].packets, 0);
	atomic64_set(&e->dir[IP_CT_DIR_ORIGINAL].bytes, 0);
	atomic64_set(&e->dir[IP_CT_DIR_REPLY].packets, 0);
	atomic64_set(&e->dir[IP_CT_DIR_REPLY].bytes, 0);
	e->dir[IP_CT_DIR_ORIGINAL].tuple = *orig;
	e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.dir = IP_CT_DIR_ORIGINAL;
	e->dir[IP_CT_DIR_REPLY].tuple = *repl;
	e->dir[IP_CT_DIR_REPLY].tuple.dst.dir = IP_CT_DIR_REPLY;
	e->status = 0;
	memset(&e->seen.original, 0, sizeof(e->seen.original));
	memset(&e->last, 0, sizeof(e->last));
#ifdef CONFIG_NF_CONNTRACK_MARK
	e->mark = 0;
#endif
#ifdef CONFIG_NF_CONNTRACK_SECMARK
	e->secmark = 0;
#endif
	e->ext = NULL;
}

/* Out of the way of the first namespace's packets, which pay for nothing. */
static noinline struct ct_entry *alloc_charged(struct ct_payer *p, gfp_t gfp)
{
	struct mem_cgroup *outer;
	struct ct_entry *e;

	ct_payer_ask(p);
	outer = ct_payer_enter(p);
	/* What is urgent is charged above every limit: this is not. */
	gfp &= ~__GFP_HIGH;
	e = kmem_cache_alloc(ct_entry_cache, gfp | __GFP_NOWARN | p->account);
	ct_payer_leave(outer);
	return e;
}

/* There is room for it, which is counted. */
static __always_inline struct ct_entry *
entry_alloc(struct ct_net *cn, const struct nf_conntrack_tuple *orig,
	    const struct nf_conntrack_tuple *repl,
	    const struct nf_conntrack_zone *zone, gfp_t gfp)
{
	struct ct_entry *e;

	if (likely(!cn->payer.account))
		e = kmem_cache_alloc(ct_entry_cache, gfp);
	else
		e = alloc_charged(&cn->payer, gfp);
	if (!e) {
		ct_net_drop(cn);
		return ERR_PTR(-ENOMEM);
	}
	this_cpu_inc(entries);
	fill(e, cn, orig, repl, zone);
	if (unlikely(READ_ONCE(cn->timestamp)))
		ct_entry_rare_add(e, gfp);
	/* Pairs with the acquire in ct_entry_tryget(). */
	smp_wmb();
	refcount_set(&e->ct_general.use, 1);
	return e;
}

struct ct_entry *ct_entry_try(struct ct_net *cn,
			      const struct nf_conntrack_tuple *orig,
			      const struct nf_conntrack_tuple *repl,
			      const struct nf_conntrack_zone *zone, gfp_t gfp)
{
	unsigned int max = READ_ONCE(cn->max);

	if (unlikely(ct_net_hold(cn) > ct_room_soft(max)) && max) {
		ct_net_drop(cn);
		return ERR_PTR(-ENOSPC);
	}
	return entry_alloc(cn, orig, repl, zone, gfp);
}

struct ct_entry *ct_entry_new(struct ct_net *cn,
			      const struct nf_conntrack_tuple *orig,
			      const struct nf_conntrack_tuple *repl,
			      const struct nf_conntrack_zone *zone, gfp_t gfp)
{
	enum ct_room room = ct_room_take(cn, orig);
	struct ct_entry *e;

	if (room == CT_ROOM_NONE)
		return ERR_PTR(-ENOSPC);
	e = entry_alloc(cn, orig, repl, zone, gfp);
	if (likely(room == CT_ROOM_FREE))
		return e;
	if (IS_ERR(e)) {
		ct_room_give(cn, orig);
		return e;
	}
	atomic_or(CT_HOT_KEPT, &e->hot);
	e->born = ct_born_now();
	return e;
}
EXPORT_SYMBOL_GPL(ct_entry_new);

void ct_entry_probe(struct ct_entry *e, struct ct_net *cn,
		    const struct nf_conntrack_tuple *orig,
		    const struct nf_conntrack_tuple *repl,
		    const struct nf_conntrack_zone *zone)
{
	fill(e, cn, orig, repl, zone);
	refcount_set(&e->ct_general.use, 1);
}

struct ct_entry *ct_template_new(const struct nf_conntrack_zone *zone,
				 gfp_t gfp)
{
	static const struct nf_conntrack_tuple none;
	struct ct_entry *e = kmem_cache_alloc(ct_entry_cache, gfp);

	if (!e)
		return NULL;
	this_cpu_inc(entries);
	fill(e, NULL, &none, &none, zone);
	e->status = IPS_TEMPLATE | IPS_CONFIRMED;
	atomic_set(&e->hot, IPS_TEMPLATE | IPS_CONFIRMED | CT_HOT_CLAIMED |
			    CT_HOT_SETTLED);
	/* Pairs with the acquire in ct_entry_tryget(). */
	smp_wmb();
	refcount_set(&e->ct_general.use, 1);
	return e;
}
EXPORT_SYMBOL_GPL(ct_template_new);

bool ct_template_take(struct ct_entry *t, const struct nf_conntrack_zone *zone)
{
	int alone = 1;

	/* Who had it before has dropped it: the zone is nobody's else. */
	if (!atomic_try_cmpxchg_acquire(&t->ct_general.use.refs, &alone, 2))
		return false;
	set_zone(t, zone);
	return true;
}
EXPORT_SYMBOL_GPL(ct_template_take);

struct ct_rare *ct_entry_rare(const struct ct_entry *e)
{
	struct nf_ct_ext *ext = READ_ONCE(e->ext);

	return ext ? (struct ct_rare *)ext->data : NULL;
}
EXPORT_SYMBOL_GPL(ct_entry_rare);

struct ct_rare *ct_entry_rare_add(struct ct_entry *e, gfp_t gfp)
{
	struct nf_ct_ext *ext;

	if (!READ_ONCE(e->ext)) {
		/* All offsets are 0: it has nothing that others know of. */
		ext = ct_payer_zalloc(e->cn ? &e->cn->payer : NULL,
				      sizeof(*ext) + sizeof(struct ct_rare),
				      gfp);
		/* Whoever sees the block sees it zeroed. */
		if (ext && cmpxchg(&e->ext, NULL, ext))
			kfree(ext);
	}
	return ct_entry_rare(e);
}

static void free_rare(struct ct_entry *e)
{
	struct ct_rare *rare = ct_entry_rare(e);

	ct_policy_put(rare->policy);
	kfree(rare->seqadj);
	kfree(e->ext);
}

static noinline void free_marked(struct ct_entry *e, u32 hot)
{
	/* Of one that was never confirmed, so never killed. */
	if ((hot & (CT_HOT_EXPECTS | IPS_DYING)) == CT_HOT_EXPECTS)
		ct_expect_master_gone(e);
	if (hot & CT_HOT_CONE)
		ct_nat_freed(e);
	if (hot & CT_HOT_KEPT)
		ct_room_give(e->cn, &e->dir[IP_CT_DIR_ORIGINAL].tuple);
}

static void free_one(struct ct_entry *e)
{
	const u32 hot = ct_entry_hot(e);
	struct ct_net *cn = e->cn;

	if (unlikely(hot & (CT_HOT_EXPECTS | CT_HOT_CONE | CT_HOT_KEPT)))
		free_marked(e, hot);
	if (unlikely(e->ext))
		free_rare(e);
	kmem_cache_free(ct_entry_cache, e);
	if (likely(cn))
		ct_net_drop(cn);
	/* Last: unloading waits for this to be 0, then for a grace period. */
	this_cpu_dec(entries);
}

/* A master may have a master, and so on: a loop, for the stack is short. */
void ct_entry_free(struct ct_entry *e)
{
	struct ct_entry *master;

	do {
		master = ct_entry_master(e);
		free_one(e);
		e = master;
	} while (unlikely(e) && refcount_dec_and_test(&e->ct_general.use));
}
EXPORT_SYMBOL_GPL(ct_entry_free);

/*
 * Is that the id of the zone in the direction that was found? A tuple that is
 * the same both ways is found by either, and is of the other one as well.
 */
static bool in_zone(const struct ct_entry *e,
		    const struct nf_conntrack_tuple *tuple,
		    const struct nf_conntrack_zone *zone, u16 id,
		    unsigned int *dir)
{
	if (likely(id == ct_zone_id(zone, *dir)))
		return true;
	*dir = !*dir;
	return ct_tuple_equal(&e->dir[*dir].tuple, tuple) &&
	       READ_ONCE(e->zone_id[*dir]) == id;
}

struct ct_entry *ct_entry_find(struct ct_net *cn,
			       const struct nf_conntrack_tuple *tuple,
			       const struct nf_conntrack_zone *zone,
			       unsigned int *dir)
{
	struct ct_entry *e;
	unsigned int way;
	u16 id;

	for (way = 0; way < IP_CT_DIR_MAX; way++) {
		id = ct_zone_id(zone, way);
		if (way && id == ct_zone_id(zone, IP_CT_DIR_ORIGINAL))
			break;
		e = ct_table_lookup(&cn->table, cn, tuple, id,
				    ct_tuple_hash(cn, tuple, id), dir);
		if (e && in_zone(e, tuple, zone, id, dir))
			return e;
		ct_entry_put(e);
	}
	return NULL;
}
EXPORT_SYMBOL_GPL(ct_entry_find);

#ifdef CONFIG_DEBUG_LOCK_ALLOC
static struct lock_class_key claim_key;
struct lockdep_map ct_claim_map =
	STATIC_LOCKDEP_MAP_INIT("ct_claim", &claim_key);
EXPORT_SYMBOL_GPL(ct_claim_map);
#endif

void ct_entry_set_reply(struct ct_entry *e,
			const struct nf_conntrack_tuple *tuple)
{
	/* The table has it by what it was. */
	if (WARN_ON_ONCE(ct_entry_hot(e) & IPS_CONFIRMED))
		return;
	e->dir[IP_CT_DIR_REPLY].tuple = *tuple;
	e->dir[IP_CT_DIR_REPLY].tuple.dst.dir = IP_CT_DIR_REPLY;
	e->hash[IP_CT_DIR_REPLY] = ct_tuple_hash(e->cn, tuple,
						 e->zone_id[IP_CT_DIR_REPLY]);
}
EXPORT_SYMBOL_GPL(ct_entry_set_reply);

struct ct_entry *ct_entry_taken(const struct ct_entry *e,
				const struct nf_conntrack_tuple *reply,
				unsigned int *dir)
{
	const u16 zone = e->zone_id[IP_CT_DIR_REPLY];
	struct ct_entry *other;

	other = ct_table_lookup(&e->cn->table, e->cn, reply, zone,
				ct_tuple_hash(e->cn, reply, zone), dir);
	if (!other)
		return NULL;
	if (ct_tuple_equal(&other->dir[IP_CT_DIR_ORIGINAL].tuple,
			   &e->dir[IP_CT_DIR_ORIGINAL].tuple) &&
	    other->zone_id[IP_CT_DIR_ORIGINAL] ==
	    e->zone_id[IP_CT_DIR_ORIGINAL]) {
		ct_entry_put(other);
		return NULL;
	}
	return other;
}
EXPORT_SYMBOL_GPL(ct_entry_taken);

/*
 * A dead connection with a tuple of one that was just inserted. Its DESTROY
 * comes before the other's NEW, whoever reports it: the queue takes only one.
 */
static void settle(struct ct_entry *dead)
{
	if (likely(!dead))
		return;
	if (!ct_entry_kill(dead, 0, 0))
		ct_event(dead, BIT(IPCT_DESTROY));
	ct_entry_put(dead);
}

int ct_entry_publish(struct ct_entry *e, struct ct_entry **clash)
{
	struct ct_entry *met[IP_CT_DIR_MAX];
	const u32 timeout = e->expires;
	struct ct_net *cn = e->cn;
	int err;

	if (unlikely(READ_ONCE(cn->dying)))
		return -ENOENT;
	/*
	 * Absolute from here on. As soon as it is in the table somebody may
	 * kill it: the wheel that ct_expire_del() will lock is named before.
	 */
	e->expires = timeout + (u32)jiffies;
	e->wheel_cpu = raw_smp_processor_id();
	if (unlikely(READ_ONCE(e->ext)) && READ_ONCE(cn->timestamp))
		ct_entry_rare(e)->start = ktime_get_real_ns();

	ct_entry_get(e);
	err = ct_table_insert(&cn->table, e, met);
	if (likely(!err)) {
		ct_expire_add(e);
		settle(met[IP_CT_DIR_ORIGINAL]);
		settle(met[IP_CT_DIR_REPLY]);
		trace_new(e, 0);
		return 0;
	}
	ct_entry_put(e);
	/* A clone of its packet may have better luck. */
	WRITE_ONCE(e->expires, timeout);
	if (err == -EEXIST) {
		struct ct_entry *live = met[IP_CT_DIR_ORIGINAL] ?:
					met[IP_CT_DIR_REPLY];

		if (clash)
			*clash = live;
		else
			ct_entry_put(live);
	}
	return err;
}

int ct_entry_insert(struct ct_entry *e)
{
	unsigned int dir;
	int err;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		e->hash[dir] = ct_tuple_hash(e->cn, &e->dir[dir].tuple,
					     e->zone_id[dir]);
	local_bh_disable();
	rcu_read_lock();
	/* Nobody else has it; whoever finds it has to find it claimed. */
	ct_entry_claim(e);
	/* Who was to translate its packets may be gone, or on his way. */
	err = ct_entry_hot(e) & IPS_NAT_MASK && !ct_nat_is_there() ?
	      -EOPNOTSUPP : ct_entry_publish(e, NULL);
	if (err)
		ct_entry_unclaim(e);
	else
		ct_entry_claim_end(e);
	if (!err)
		ct_stat_inc(e->cn, base.insert);
	rcu_read_unlock();
	local_bh_enable();
	return err;
}
EXPORT_SYMBOL_GPL(ct_entry_insert);

bool ct_entry_kill(struct ct_entry *e, u32 portid, int report)
{
	/* The table has no reference to it yet, so there is none to drop. */
	if (WARN_ON_ONCE(!(ct_entry_hot(e) & IPS_CONFIRMED)))
		return false;
	if (ct_status_set(e, IPS_DYING_BIT))
		return false;
	trace_destroy(e, BIT(IPCT_DESTROY));
	ct_expire_del(e);
	/*
	 * Reported while it is in the table: who takes the tuple next finds it
	 * there, or comes after its DESTROY.
	 */
	ct_event_report(e, BIT(IPCT_DESTROY), portid, report);
	if (unlikely(ct_entry_hot(e) & CT_HOT_EXPECTS))
		ct_expect_master_gone(e);
	rcu_read_lock();
	ct_table_remove(&e->cn->table, e);
	if (ct_entry_hot(e) & IPS_SRC_NAT_DONE)
		ct_nat_ended(e);
	rcu_read_unlock();
	ct_entry_put(e);
	return true;
}
EXPORT_SYMBOL_GPL(ct_entry_kill);

__be32 ct_entry_id(const struct ct_entry *e)
{
	u64 hash = siphash_3u64((unsigned long)e, (unsigned long)e->cn,
				((u64)e->hash[IP_CT_DIR_ORIGINAL] << 32) |
				e->hash[IP_CT_DIR_REPLY], &id_key);

	return (__force __be32)(u32)hash;
}
EXPORT_SYMBOL_GPL(ct_entry_id);

int __init ct_entry_init(void)
{
	BUILD_BUG_ON(sizeof_field(struct ct_entry, proto) >
		     sizeof_field(struct ct_entry, proto.raw));
	BUILD_BUG_ON(sizeof(struct ct_entry) > 256 - sizeof(void *) &&
		     sizeof(spinlock_t) == 4);
	get_random_bytes(&id_key, sizeof(id_key));
	ct_entry_cache = kmem_cache_create("ct_entry", sizeof(struct ct_entry),
					   64, SLAB_TYPESAFE_BY_RCU |
					   SLAB_HWCACHE_ALIGN, NULL);
	return ct_entry_cache ? 0 : -ENOMEM;
}

void ct_entry_exit(void)
{
	kmem_cache_destroy(ct_entry_cache);
}

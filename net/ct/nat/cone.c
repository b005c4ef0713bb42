// SPDX-License-Identifier: GPL-2.0
/*
 * Sources that keep their address and port whoever they talk to. Each is in two
 * tables, by what it is inside and by what it is outside; the connections that came
 * from there hold it.
 */
#include <linux/in.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/ct/entry.h>
#include <net/ct/nat.h>
#include <net/ct/net.h>
#include <net/ct/payer.h>
#include <net/ct/tuple.h>
#include "cone.h"

/* One side of it. No gaps: it is hashed and compared as it is. */
struct side {
	const struct ct_net *cn;
	union nf_inet_addr addr;
	__be16 port;
	u16 zone;
	u32 l3;
};

/**
 * struct cone - a source
 * @by_inside: in the table
 * @by_outside: in the other one
 * @inside: what it is
 * @outside: what it is translated to
 * @users: its connections
 * @rcu: frees it
 */
struct cone {
	struct rhash_head by_inside;
	struct rhash_head by_outside;
	struct side inside;
	struct side outside;
	refcount_t users;
	struct rcu_head rcu;
};

static const struct rhashtable_params inside_params = {
	.key_len = sizeof(struct side),
	.key_offset = offsetof(struct cone, inside),
	.head_offset = offsetof(struct cone, by_inside),
	.automatic_shrinking = true,
};

static const struct rhashtable_params outside_params = {
	.key_len = sizeof(struct side),
	.key_offset = offsetof(struct cone, outside),
	.head_offset = offsetof(struct cone, by_outside),
	.automatic_shrinking = true,
};

static struct rhashtable by_inside, by_outside;

/* Of others each connection has a port of its own, mostly. */
static bool has_cone(const struct ct_entry *e)
{
	return e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum == IPPROTO_UDP;
}

static bool is_empty(const struct rhashtable *table)
{
	return !atomic_read(&table->nelems);
}

static struct side make_side(const struct ct_entry *e, u16 zone,
			     const union nf_inet_addr *addr, __be16 port)
{
	struct side s = {
		.cn = e->cn,
		.addr = *addr,
		.port = port,
		.zone = zone,
		.l3 = e->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num,
	};

	return s;
}

static struct side inside_of(const struct ct_entry *e)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;

	return make_side(e, e->zone_id[IP_CT_DIR_ORIGINAL], &t->src.u3,
			 t->src.u.all);
}

static struct side outside_of(const struct ct_entry *e)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_REPLY].tuple;

	return make_side(e, e->zone_id[IP_CT_DIR_REPLY], &t->dst.u3,
			 t->dst.u.all);
}

static void put_man(struct nf_conntrack_man *man, const struct side *s)
{
	man->u3 = s->addr;
	man->u.all = s->port;
	man->l3num = s->l3;
}

bool ct_nat_cone_find(const struct ct_entry *e, struct nf_conntrack_man *mapped)
{
	const struct side key = inside_of(e);
	const struct cone *c;

	if (is_empty(&by_inside) || !has_cone(e))
		return false;
	c = rhashtable_lookup(&by_inside, &key, inside_params);
	if (c)
		put_man(mapped, &c->outside);
	return c;
}

bool ct_nat_cone_taken(const struct ct_entry *e,
		       const struct nf_conntrack_tuple *tuple)
{
	const struct side key = make_side(e, e->zone_id[IP_CT_DIR_REPLY],
					  &tuple->src.u3, tuple->src.u.all);
	const struct side own = inside_of(e);
	const struct cone *c;

	c = rhashtable_lookup(&by_outside, &key, outside_params);
	return c && memcmp(&c->inside, &own, sizeof(own));
}

/* One that is there, or a new one, with a user more; NULL: neither. */
static struct cone *get_cone(const struct ct_entry *e)
{
	const struct side inside = inside_of(e), outside = outside_of(e);
	struct cone *c;

	c = rhashtable_lookup(&by_inside, &inside, inside_params);
	if (c) {
		if (memcmp(&c->outside, &outside, sizeof(outside)) ||
		    !refcount_inc_not_zero(&c->users))
			return NULL;
		return c;
	}
	c = ct_payer_zalloc(&e->cn->payer, sizeof(*c), GFP_ATOMIC);
	if (!c)
		return NULL;
	c->inside = inside;
	c->outside = outside;
	refcount_set(&c->users, 1);
	if (rhashtable_lookup_insert_fast(&by_outside, &c->by_outside,
					  outside_params)) {
		kfree(c);
		return NULL;
	}
	if (rhashtable_lookup_insert_fast(&by_inside, &c->by_inside,
					  inside_params)) {
		rhashtable_remove_fast(&by_outside, &c->by_outside,
				       outside_params);
		kfree_rcu(c, rcu);
		return NULL;
	}
	return c;
}

bool ct_nat_cone_join(struct ct_entry *e)
{
	if (ct_nat_is_held(e))
		return true;
	if (!has_cone(e) || !get_cone(e))
		return false;
	ct_nat_hold(e);
	return true;
}

void ct_nat_cone_leave(const struct ct_entry *e)
{
	const struct side inside = inside_of(e);
	struct cone *c;

	c = rhashtable_lookup(&by_inside, &inside, inside_params);
	if (!c || !refcount_dec_and_test(&c->users))
		return;
	rhashtable_remove_fast(&by_inside, &c->by_inside, inside_params);
	rhashtable_remove_fast(&by_outside, &c->by_outside, outside_params);
	kfree_rcu(c, rcu);
}

bool ct_nat_cone_inside(const struct ct_entry *e,
			struct nf_conntrack_man *inside)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const struct side key = make_side(e, e->zone_id[IP_CT_DIR_ORIGINAL],
					  &t->dst.u3, t->dst.u.all);
	const struct cone *c;

	if (!has_cone(e))
		return false;
	c = rhashtable_lookup(&by_outside, &key, outside_params);
	if (c)
		put_man(inside, &c->inside);
	return c;
}

int __init ct_nat_cone_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(struct side) != sizeof(void *) + 16 + 8);
	err = rhashtable_init(&by_inside, &inside_params);
	if (err)
		return err;
	err = rhashtable_init(&by_outside, &outside_params);
	if (err)
		rhashtable_destroy(&by_inside);
	return err;
}

static void free_one(void *cone, void *data)
{
	kfree(cone);
}

void ct_nat_cone_exit(void)
{
	rhashtable_destroy(&by_outside);
	rhashtable_free_and_destroy(&by_inside, free_one, NULL);
}

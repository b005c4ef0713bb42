// SPDX-License-Identifier: GPL-2.0
/*
 * At the limit (ARCHITECTURE §9): who gets in. Somebody else goes for it if
 * there is anybody who may (evict.c); if not, what is left of the limit is for
 * the host itself, and some for each source, so that nobody takes it all.
 */
#include <linux/inetdevice.h>
#include <linux/siphash.h>
#include <net/addrconf.h>
#include <net/ct/expire.h>
#include <net/ct/net.h>
#include <net/ct/tuple.h>
#include <net/route.h>
#include "overload.h"

/* Of the host's own share, a source may have one in so many, of a protocol. */
#define KEPT_EACH	8

static bool is_local(struct net *net, const union nf_inet_addr *addr, u8 l3)
{
	if (l3 == NFPROTO_IPV4)
		return inet_addr_type(net, addr->ip) == RTN_LOCAL;
#if IS_ENABLED(CONFIG_IPV6)
	/* With ipv6.disable=1 there is nothing to look in. */
	return ipv6_mod_enabled() && ipv6_chk_addr(net, &addr->in6, NULL, 0);
#else
	return false;
#endif
}

/* To or from the host itself: one must be able to log in, and it to ask. */
static bool is_own(const struct ct_net *cn,
		   const struct nf_conntrack_tuple *orig)
{
	u8 l3 = orig->src.l3num;

	return is_local(cn->net, &orig->dst.u3, l3) ||
	       is_local(cn->net, &orig->src.u3, l3);
}

/* Whose and of which protocol; who does not know the key cannot choose it. */
static atomic_t *kept_by(struct ct_net *cn,
			 const struct nf_conntrack_tuple *orig)
{
	u64 hash = siphash_2u64(ct_source_key(orig), orig->dst.protonum,
				&cn->key);

	return &cn->kept.by[hash % CT_KEPT_SLOTS];
}

static bool take_below(atomic_t *count, int limit)
{
	int old = atomic_read(count);

	do {
		if (old >= limit)
			return false;
	} while (!atomic_try_cmpxchg(count, &old, old + 1));
	return true;
}

void ct_room_part_give(struct ct_net *cn,
		       const struct nf_conntrack_tuple *orig)
{
	atomic_dec(kept_by(cn, orig));
}

void ct_room_give(struct ct_net *cn, const struct nf_conntrack_tuple *orig)
{
	ct_room_part_give(cn, orig);
	atomic_dec(&cn->kept.total);
}

/*
 * Room in the host's own share. What is in it goes for the host's own
 * connections only, and when there is no other way: who has as many as one may
 * have there is refused, and makes nobody go. Nor does anybody go in vain: who
 * is evicted leaves room for this one, there or, if it was not in it, outside.
 */
static enum ct_room room_for_own(struct ct_net *cn,
				 const struct nf_conntrack_tuple *orig,
				 unsigned int count, unsigned int max)
{
	const int size = max - ct_room_soft(max);
	const int each = max(size / KEPT_EACH, 1);
	enum ct_room room;
	atomic_t *by;

	if (!size)
		return CT_ROOM_NONE;
	by = kept_by(cn, orig);
	if (atomic_read(by) >= each || !is_own(cn, orig) ||
	    !take_below(by, each))
		return CT_ROOM_NONE;
	if (count <= max && take_below(&cn->kept.total, size))
		return CT_ROOM_KEPT;
	room = ct_evict(cn, true);
	if (room != CT_ROOM_KEPT)
		atomic_dec(by);
	return room;
}

/* Eviction comes first: whose traffic it is matters only after that. */
static noinline enum ct_room make_room(struct ct_net *cn,
				       const struct nf_conntrack_tuple *orig,
				       unsigned int count, unsigned int max)
{
	enum ct_room room = ct_evict(cn, false);

	if (room == CT_ROOM_NONE)
		room = room_for_own(cn, orig, count, max);
	if (room == CT_ROOM_NONE) {
		ct_net_drop(cn);
		ct_refused(cn, orig);
	}
	return room;
}

enum ct_room ct_room_take(struct ct_net *cn,
			  const struct nf_conntrack_tuple *orig)
{
	unsigned int max = READ_ONCE(cn->max);
	unsigned int count = ct_net_hold(cn);

	if (likely(!max || count <= ct_room_soft(max)))
		return CT_ROOM_FREE;
	return make_room(cn, orig, count, max);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * What a connection is translated to is decided for its first packet, once for
 * each end; and once more if another one is confirmed first that looks the same.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <net/ct/entry.h>
#include <net/ct/log.h>
#include <net/ct/nat.h>
#include <net/ct/net.h>
#include <net/ct/tuple.h>
#include "choose.h"
#include "cone.h"
#include "mangle.h"
#include "nat.h"
#include "used.h"

/* By a SYN with a later number than any that the old one had. */
bool ct_nat_may_go(struct ct_entry *old, const struct ct_entry *e)
{
	bool may;

	if (e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum != IPPROTO_TCP ||
	    e->proto.tcp.state != TCP_CONNTRACK_SYN_SENT ||
	    (ct_entry_hot(old) & (IPS_SRC_NAT | IPS_FIXED_TIMEOUT)) !=
	    IPS_SRC_NAT)
		return false;
	spin_lock_bh(&old->lock);
	may = (old->proto.tcp.state == TCP_CONNTRACK_TIME_WAIT ||
	       old->proto.tcp.state == TCP_CONNTRACK_CLOSE) &&
	      (s32)(e->seen.original.end - old->seen.original.end) > 0;
	spin_unlock_bh(&old->lock);
	return may;
}

/*
 * Both ends spoke at once, and neither is translated: the two are one connection,
 * and will be, when the second is confirmed.
 */
static bool is_the_other_way(const struct ct_entry *other,
			     const struct ct_entry *e,
			     const struct nf_conntrack_tuple *tuple)
{
	return !((ct_entry_hot(other) | ct_entry_hot(e)) & IPS_NAT_MASK) &&
	       ct_tuple_equal(tuple, &e->dir[IP_CT_DIR_ORIGINAL].tuple);
}

/* For whom something is chosen. */
struct chooser {
	struct ct_entry *e;
	enum nf_nat_manip_type manip;
	bool cone;		/* it has to be the same towards all */
};

/* See struct ct_nat_table. */
static bool is_taken(void *ctx, const struct nf_conntrack_tuple *tuple,
		     bool reuse)
{
	const struct chooser *c = ctx;
	struct ct_entry *e = c->e, *other;
	struct nf_conntrack_tuple reply;
	unsigned int dir;
	bool taken;

	if (!ct_tuple_invert(&reply, tuple))
		return false;
	other = ct_entry_taken(e, &reply, &dir);
	if (!other)
		return c->cone && ct_nat_cone_taken(e, tuple);
	if (dir == IP_CT_DIR_ORIGINAL)
		taken = !is_the_other_way(other, e, tuple);
	else
		taken = !(reuse && ct_nat_may_go(other, e) &&
			  ct_entry_kill(other, 0, 0));
	ct_entry_put(other);
	return taken;
}

static unsigned long *used_ports(void *ctx,
				 const struct nf_conntrack_tuple *tuple,
				 bool want)
{
	const struct chooser *c = ctx;

	return c->manip == NF_NAT_MANIP_SRC ? ct_nat_used(c->e, tuple, want) :
					      NULL;
}

static const struct ct_nat_table table = {
	.taken = is_taken,
	.used = used_ports,
};

static const unsigned long *reserved_ports(const struct ct_net *cn)
{
#ifdef CONFIG_SYSCTL
	return cn->net->ipv4.sysctl_local_reserved_ports;
#else
	return NULL;
#endif
}

/* Nothing is left of what the rule allows. */
static int used_up(const struct ct_entry *e,
		   const struct nf_conntrack_tuple *tuple)
{
	const struct nf_conntrack_tuple *orig =
		&e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const bool v4 = tuple->src.l3num == NFPROTO_IPV4;
	struct ct_net *cn = e->cn;
	struct ct_log_tail tail;

	ct_stat_inc(cn, invalid[CT_INVALID_NAT_FULL]);
	if (!ct_log_may(cn, CT_LOG_NAT, &tail))
		return -EADDRINUSE;
	if (v4)
		pr_info("%pI4 has nothing free towards %pI4 port %u, protocol %u, for %pI4 in namespace %u%s\n",
			&tuple->src.u3.ip, &tuple->dst.u3.ip,
			ntohs(tuple->dst.u.all), tuple->dst.protonum,
			&orig->src.u3.ip, cn->inum, tail.text);
	else
		pr_info("%pI6c has nothing free towards %pI6c port %u, protocol %u, for %pI6c in namespace %u%s\n",
			&tuple->src.u3.in6, &tuple->dst.u3.in6,
			ntohs(tuple->dst.u.all), tuple->dst.protonum,
			&orig->src.u3.in6, cn->inum, tail.text);
	return -EADDRINUSE;
}

static bool wants_cone(const struct ct_entry *e)
{
	return e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum == IPPROTO_UDP &&
	       READ_ONCE(ct_nat_net(e->cn->net)->mapping);
}

/*
 * Would the same source become the same towards another peer? Else that has to be
 * remembered: those behind a translation find each other by what a third one saw.
 */
static bool is_predictable(const struct nf_nat_range2 *range,
			   const struct nf_conntrack_tuple *now,
			   const struct nf_conntrack_tuple *then)
{
	return now->src.u.all == then->src.u.all &&
	       (range->flags & (NF_NAT_RANGE_NETMAP |
				NF_NAT_RANGE_PERSISTENT) ||
		nf_inet_addr_cmp(&range->min_addr, &range->max_addr));
}

/*
 * Before there is a bitmap of what is used (see used.c), and it is much, a few looks
 * may find nothing. It happens while that is made: then so many more.
 */
#define MORE_ROUNDS	8

/* So many connections do not hope after one that hoped in vain. */
#define DOUBT		4

/*
 * The entry is claimed. @hope: a port that may stay is not looked up; as it is
 * confirmed that is done, and if it is another's there is ct_nat_choose_again().
 */
static int decide(struct ct_entry *e, const struct nf_nat_range2 *range,
		  enum nf_nat_manip_type manip, bool hope)
{
	struct chooser chooser = {
		.e = e,
		.manip = manip,
		.cone = manip == NF_NAT_MANIP_SRC && wants_cone(e),
	};
	struct nf_conntrack_man mapped __ct_uninit;
	struct ct_nat_choice choice = {
		.range = range,
		.manip = manip,
		.zone = e->zone_id[IP_CT_DIR_ORIGINAL],
		.call = ct_entry_master(e),
		.hope = hope,
		.stick = chooser.cone,
		.reserved = reserved_ports(e->cn),
		.table = &table,
		.ctx = &chooser,
	};
	struct nf_conntrack_tuple now __ct_uninit, then __ct_uninit;
	struct nf_conntrack_tuple reply __ct_uninit;
	unsigned int rounds = manip == NF_NAT_MANIP_SRC ? MORE_ROUNDS : 0;
	int err;

	if (manip == NF_NAT_MANIP_SRC && ct_nat_cone_find(e, &mapped))
		choice.mapped = &mapped;
	if (!ct_tuple_invert(&now, &e->dir[IP_CT_DIR_REPLY].tuple))
		return -EINVAL;
again:
	do {
		choice.probes = 0;
		err = ct_nat_choose(&choice, &now, &then);
		choice.seed = 0;
	} while (err == -EAGAIN && rounds && rounds--);
	if (err == -EINVAL)
		return err;
	if (err && manip == NF_NAT_MANIP_SRC) {
		ct_nat_used_renew(e, &then);
		/* The port of a cone is its own towards all others, too. */
		if (chooser.cone || !ct_nat_evict(&choice, e, &now, &then))
			return used_up(e, &then);
	}
	/* More than its own was looked at. */
	if (choice.probes > 1 && manip == NF_NAT_MANIP_SRC)
		WRITE_ONCE(ct_nat_net(e->cn->net)->doubt, DOUBT);
	if (ct_tuple_equal(&now, &then))
		return 0;
	if (!ct_tuple_invert(&reply, &then))
		return -EINVAL;
	ct_entry_set_reply(e, &reply);
	/* Another source may have been faster to become that. */
	if (manip == NF_NAT_MANIP_SRC &&
	    (chooser.cone || !is_predictable(range, &now, &then)) &&
	    !ct_nat_cone_join(e) && chooser.cone && rounds) {
		rounds--;
		/* What is chosen next may be what it was. */
		if (!ct_tuple_invert(&reply, &now))
			return -EINVAL;
		ct_entry_set_reply(e, &reply);
		goto again;
	}
	ct_status_set(e, manip == NF_NAT_MANIP_SRC ? IPS_SRC_NAT_BIT :
						     IPS_DST_NAT_BIT);
	return 0;
}

static void set_done(struct ct_entry *e, enum nf_nat_manip_type manip)
{
	ct_status_set(e, manip == NF_NAT_MANIP_SRC ? IPS_SRC_NAT_DONE_BIT :
						     IPS_DST_NAT_DONE_BIT);
}

/* Which ports may be chosen if they have to be once more. */
static void keep_ports(struct ct_entry *e, const struct nf_nat_range2 *range)
{
	e->ports.min = range->min_proto.all;
	e->ports.max = range->max_proto.all;
	e->ports.base = range->base_proto.all;
	e->ports.flags = range->flags & (NF_NAT_RANGE_PROTO_SPECIFIED |
					 NF_NAT_RANGE_PROTO_RANDOM_ALL |
					 NF_NAT_RANGE_PROTO_OFFSET);
}

static unsigned int set_up(struct ct_entry *e, const struct nf_nat_range2 *range,
			   enum nf_nat_manip_type manip, int out, bool hope)
{
	int err = 0;

	local_bh_disable();
	if (ct_entry_claim(e)) {
		if (!(ct_entry_hot(e) & ct_nat_done(manip))) {
			err = decide(e, range, manip, hope);
			if (!err && manip == NF_NAT_MANIP_SRC)
				keep_ports(e, range);
			if (!err && out)
				ct_entry_out_set(e, out);
			if (!err)
				set_done(e, manip);
		}
		ct_entry_unclaim(e);
	}
	local_bh_enable();
	if (likely(!err))
		return NF_ACCEPT;
	ct_stat_inc(e->cn, base.drop);
	return NF_DROP;
}

/*
 * Is it likely that a port is free? Not for a while after one was not: to choose
 * again costs five times what a look does.
 */
static bool may_hope(const struct ct_entry *e, enum nf_nat_manip_type manip)
{
	struct ct_nat_net *nn = ct_nat_net(e->cn->net);
	const u8 doubt = READ_ONCE(nn->doubt);

	if (manip != NF_NAT_MANIP_SRC || wants_cone(e))
		return false;
	if (likely(!doubt))
		return true;
	WRITE_ONCE(nn->doubt, doubt - 1);
	return false;
}

unsigned int ct_nat_setup_out(struct ct_entry *e,
			      const struct nf_nat_range2 *range, int out)
{
	return set_up(e, range, NF_NAT_MANIP_SRC, out,
		      may_hope(e, NF_NAT_MANIP_SRC));
}

unsigned int ct_nat_setup(struct ct_entry *e, const struct nf_nat_range2 *range,
			  enum nf_nat_manip_type manip)
{
	return set_up(e, range, manip, 0, may_hope(e, manip));
}
EXPORT_SYMBOL_GPL(ct_nat_setup);

/* No packet comes with it, so nobody would choose once more. */
unsigned int ct_nat_setup_request(struct ct_entry *e,
				  const struct nf_nat_range2 *range,
				  enum nf_nat_manip_type manip)
{
	return set_up(e, range, manip, 0, false);
}

/* Of what is confirmed nothing is decided any more: chains are asked again. */
static void leave(struct ct_entry *e, enum nf_nat_manip_type manip)
{
	if (!(ct_entry_hot(e) & IPS_CONFIRMED))
		set_done(e, manip);
}

/*
 * Whether it can be told from others is found out when it is confirmed, which
 * looks anyway, and has another source chosen if not.
 */
unsigned int ct_nat_leave_source(struct ct_entry *e)
{
	leave(e, NF_NAT_MANIP_SRC);
	return NF_ACCEPT;
}

/*
 * Is it for somebody behind an address that is open to all? Not what a socket of
 * this machine would get: who sends from its port must not take its place.
 */
unsigned int ct_nat_leave_target(const struct ct_nat_net *nn,
				 struct ct_entry *e,
				 const struct nf_hook_state *state)
{
	struct nf_nat_range2 range = {
		.flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED,
	};
	struct nf_conntrack_man inside;

	if (likely(READ_ONCE(nn->mapping) != CT_NAT_MAPPING_OPEN) ||
	    state->hook != NF_INET_PRE_ROUTING ||
	    !ct_nat_cone_inside(e, &inside) || ct_nat_is_own(e, state)) {
		leave(e, NF_NAT_MANIP_DST);
		return NF_ACCEPT;
	}
	range.min_addr = inside.u3;
	range.max_addr = inside.u3;
	range.min_proto = inside.u;
	range.max_proto = inside.u;
	return ct_nat_setup(e, &range, NF_NAT_MANIP_DST);
}

/* From the ports that the rule allowed, with the address that it has. */
static int decide_again(struct ct_entry *e)
{
	const struct nf_conntrack_tuple *reply = &e->dir[IP_CT_DIR_REPLY].tuple;
	const struct nf_nat_range2 range = {
		.flags = NF_NAT_RANGE_MAP_IPS | e->ports.flags,
		.min_addr = reply->dst.u3,
		.max_addr = reply->dst.u3,
		.min_proto.all = e->ports.min,
		.max_proto.all = e->ports.max,
		.base_proto.all = e->ports.base,
	};

	return decide(e, &range, NF_NAT_MANIP_SRC, false);
}

int ct_nat_choose_again(struct ct_entry *e, struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	struct nf_conntrack_tuple was, is;
	bool claimed;
	int err = 0;

	if (!(ct_entry_hot(e) & IPS_SRC_NAT_DONE))
		return -EOPNOTSUPP;
	local_bh_disable();
	claimed = ct_entry_claim(e);
	if (claimed) {
		was = e->dir[IP_CT_DIR_REPLY].tuple;
		err = decide_again(e);
		is = e->dir[IP_CT_DIR_REPLY].tuple;
		/* A clone of the packet has been here, or is. */
		if (refcount_read(&e->ct_general.use) > 1)
			atomic_or(CT_HOT_MOVED, &e->hot);
		ct_entry_unclaim(e);
	}
	local_bh_enable();
	/* A clone of the packet was faster: it is confirmed. */
	if (!claimed)
		return 0;
	if (err)
		return err;
	return !ct_tuple_equal(&was, &is) &&
	       ct_nat_rewrite_packet(skb, &was, &is, state) ? 0 : -EBUSY;
}

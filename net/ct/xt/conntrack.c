// SPDX-License-Identifier: GPL-2.0
/*
 * -m conntrack: state, addresses, ports and more of a packet's connection. The
 * three revisions differ in how they give ports, and in the width of two masks.
 */
#include <linux/module.h>
#include <linux/netfilter/xt_conntrack.h>
#include <net/ct/entry.h>
#include <net/ipv6.h>
#include "xt.h"

/* They begin alike; what follows is read by its own revision only. */
static_assert(offsetof(struct xt_conntrack_mtinfo1, invert_flags) ==
	      offsetof(struct xt_conntrack_mtinfo2, invert_flags));
static_assert(offsetof(struct xt_conntrack_mtinfo1, invert_flags) ==
	      offsetof(struct xt_conntrack_mtinfo3, invert_flags));

typedef bool ports_fn(const struct xt_conntrack_mtinfo1 *info,
		      const struct ct_entry *e);

/* Is it asked for, and not as it has to be? */
static bool fails(const struct xt_conntrack_mtinfo1 *info, u16 flag, bool is)
{
	return info->match_flags & flag && is == !!(info->invert_flags & flag);
}

#define NAT_STATES	(XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT)

/* XT_CONNTRACK_STATE_BIT(), without a division. */
static __always_inline u16 state_bit(enum ip_conntrack_info ctinfo)
{
	BUILD_BUG_ON(XT_CONNTRACK_STATE_BIT(IP_CT_RELATED_REPLY) !=
		     2 << (IP_CT_RELATED_REPLY - IP_CT_IS_REPLY));
	return 2 << (ctinfo < IP_CT_IS_REPLY ? ctinfo :
					       ctinfo - IP_CT_IS_REPLY);
}

/* Without an entry it is one that has none, or is not to have one. */
static __always_inline bool has_state(const struct ct_entry *e,
				      enum ip_conntrack_info ctinfo, u16 mask)
{
	u32 hot;

	if (unlikely(!e))
		return mask & (ctinfo == IP_CT_UNTRACKED ?
			       XT_CONNTRACK_STATE_UNTRACKED :
			       XT_CONNTRACK_STATE_INVALID);
	if (mask & state_bit(ctinfo))
		return true;
	if (likely(!(mask & NAT_STATES)))
		return false;
	hot = ct_entry_hot(e);
	return (mask & XT_CONNTRACK_STATE_SNAT && hot & IPS_SRC_NAT) ||
	       (mask & XT_CONNTRACK_STATE_DNAT && hot & IPS_DST_NAT);
}

static bool is_address(u8 pf, const union nf_inet_addr *addr,
		       const union nf_inet_addr *wanted,
		       const union nf_inet_addr *mask)
{
	switch (pf) {
	case NFPROTO_IPV4:
		return !((addr->ip ^ wanted->ip) & mask->ip);
	case NFPROTO_IPV6:
		return !ipv6_masked_addr_cmp(&addr->in6, &mask->in6,
					     &wanted->in6);
	}
	return false;
}

static bool has_addresses(const struct xt_conntrack_mtinfo1 *info,
			  const struct ct_entry *e, u8 pf)
{
	const struct nf_conntrack_tuple *o = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const struct nf_conntrack_tuple *r = &e->dir[IP_CT_DIR_REPLY].tuple;

	return !fails(info, XT_CONNTRACK_ORIGSRC,
		      is_address(pf, &o->src.u3, &info->origsrc_addr,
				 &info->origsrc_mask)) &&
	       !fails(info, XT_CONNTRACK_ORIGDST,
		      is_address(pf, &o->dst.u3, &info->origdst_addr,
				 &info->origdst_mask)) &&
	       !fails(info, XT_CONNTRACK_REPLSRC,
		      is_address(pf, &r->src.u3, &info->replsrc_addr,
				 &info->replsrc_mask)) &&
	       !fails(info, XT_CONNTRACK_REPLDST,
		      is_address(pf, &r->dst.u3, &info->repldst_addr,
				 &info->repldst_mask));
}

static bool has_ports(const struct xt_conntrack_mtinfo1 *info,
		      const struct ct_entry *e)
{
	const struct nf_conntrack_tuple *o = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const struct nf_conntrack_tuple *r = &e->dir[IP_CT_DIR_REPLY].tuple;

	return !fails(info, XT_CONNTRACK_ORIGSRC_PORT,
		      o->src.u.all == info->origsrc_port) &&
	       !fails(info, XT_CONNTRACK_ORIGDST_PORT,
		      o->dst.u.all == info->origdst_port) &&
	       !fails(info, XT_CONNTRACK_REPLSRC_PORT,
		      r->src.u.all == info->replsrc_port) &&
	       !fails(info, XT_CONNTRACK_REPLDST_PORT,
		      r->dst.u.all == info->repldst_port);
}

static bool within(__be16 port, u16 low, u16 high)
{
	return ntohs(port) >= low && ntohs(port) <= high;
}

/* Revision 3 has ranges, in host byte order. */
static bool has_ports_of_ranges(const struct xt_conntrack_mtinfo1 *info,
				const struct ct_entry *e)
{
	const struct xt_conntrack_mtinfo3 *info3 = (const void *)info;
	const struct nf_conntrack_tuple *o = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const struct nf_conntrack_tuple *r = &e->dir[IP_CT_DIR_REPLY].tuple;

	return !fails(info, XT_CONNTRACK_ORIGSRC_PORT,
		      within(o->src.u.all, info3->origsrc_port,
			     info3->origsrc_port_high)) &&
	       !fails(info, XT_CONNTRACK_ORIGDST_PORT,
		      within(o->dst.u.all, info3->origdst_port,
			     info3->origdst_port_high)) &&
	       !fails(info, XT_CONNTRACK_REPLSRC_PORT,
		      within(r->src.u.all, info3->replsrc_port,
			     info3->replsrc_port_high)) &&
	       !fails(info, XT_CONNTRACK_REPLDST_PORT,
		      within(r->dst.u.all, info3->repldst_port,
			     info3->repldst_port_high));
}

/* Seconds. A template has no end. */
static bool expires_in(const struct xt_conntrack_mtinfo1 *info,
		       const struct ct_entry *e)
{
	u32 left = ct_entry_hot(e) & IPS_TEMPLATE ? 0 : ct_entry_left(e) / HZ;

	return left >= info->expires_min && left <= info->expires_max;
}

static noinline bool has_the_rest(const struct xt_conntrack_mtinfo1 *info,
				  const struct ct_entry *e,
				  enum ip_conntrack_info ctinfo, u8 pf,
				  u16 status, ports_fn *ports)
{
	const struct nf_conntrack_tuple *o = &e->dir[IP_CT_DIR_ORIGINAL].tuple;

	return !fails(info, XT_CONNTRACK_DIRECTION,
		      CTINFO2DIR(ctinfo) == IP_CT_DIR_ORIGINAL) &&
	       has_addresses(info, e, pf) &&
	       !fails(info, XT_CONNTRACK_PROTO,
		      o->dst.protonum == info->l4proto) &&
	       ports(info, e) &&
	       !fails(info, XT_CONNTRACK_STATUS,
		      READ_ONCE(e->status) & status) &&
	       !fails(info, XT_CONNTRACK_EXPIRES, expires_in(info, e));
}

/*
 * Most rules ask for the state alone. A template counts as a connection that is
 * new, without addresses. Of a packet without either nothing is known but that:
 * what else a rule asks for together with the state does not matter.
 */
static __always_inline bool matches(const struct sk_buff *skb,
				    const struct xt_action_param *par,
				    u16 states, u16 status, ports_fn *ports)
{
	const struct xt_conntrack_mtinfo1 *info = par->matchinfo;
	enum ip_conntrack_info ctinfo;
	const struct ct_entry *e = ct_entry_get_skb(skb, &ctinfo);

	if (fails(info, XT_CONNTRACK_STATE, has_state(e, ctinfo, states)))
		return false;
	if (!e)
		return info->match_flags & XT_CONNTRACK_STATE;
	if (likely(!(info->match_flags &
		     ~(XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS))))
		return true;
	return has_the_rest(info, e, ctinfo, xt_family(par), status, ports);
}

static bool match_1(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_conntrack_mtinfo1 *info = par->matchinfo;

	return matches(skb, par, info->state_mask, info->status_mask,
		       has_ports);
}

static bool match_2(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_conntrack_mtinfo2 *info = par->matchinfo;

	return matches(skb, par, info->state_mask, info->status_mask,
		       has_ports);
}

static bool match_3(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_conntrack_mtinfo3 *info = par->matchinfo;

	return matches(skb, par, info->state_mask, info->status_mask,
		       has_ports_of_ranges);
}

#define CONNTRACK(number) {						\
	.name		= "conntrack",					\
	.revision	= number,					\
	.family		= NFPROTO_UNSPEC,				\
	.match		= match_ ## number,				\
	.checkentry	= ct_xt_match_begin,				\
	.destroy	= ct_xt_match_end,				\
	.matchsize	= sizeof(struct xt_conntrack_mtinfo ## number),	\
	.me		= THIS_MODULE,					\
}

struct xt_match ct_xt_conntrack[3] __read_mostly = {
	CONNTRACK(1),
	CONNTRACK(2),
	CONNTRACK(3),
};

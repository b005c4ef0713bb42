// SPDX-License-Identifier: GPL-2.0
/*
 * Policies of IPsec are about what the ends of a connection call each other: of a
 * packet that was translated that is in its connection's tuple (nf_nat_hook).
 */
#include <linux/in.h>
#include <net/ct/entry.h>
#include <net/flow.h>
#include "nat.h"

static bool has_ports(u8 l4)
{
	return l4 == IPPROTO_TCP || l4 == IPPROTO_UDP ||
	       l4 == IPPROTO_UDPLITE || l4 == IPPROTO_SCTP ||
	       l4 == IPPROTO_DCCP;
}

static void put_source(struct flowi *fl, const struct nf_conntrack_tuple *t)
{
	const bool ports = has_ports(t->dst.protonum);

	if (t->src.l3num == NFPROTO_IPV4) {
		fl->u.ip4.saddr = t->src.u3.ip;
		if (ports)
			fl->u.ip4.fl4_sport = t->src.u.all;
	} else {
		fl->u.ip6.saddr = t->src.u3.in6;
		if (ports)
			fl->u.ip6.fl6_sport = t->src.u.all;
	}
}

static void put_target(struct flowi *fl, const struct nf_conntrack_tuple *t)
{
	const bool ports = has_ports(t->dst.protonum);

	if (t->src.l3num == NFPROTO_IPV4) {
		fl->u.ip4.daddr = t->dst.u3.ip;
		if (ports)
			fl->u.ip4.fl4_dport = t->dst.u.all;
	} else {
		fl->u.ip6.daddr = t->dst.u3.in6;
		if (ports)
			fl->u.ip6.fl6_dport = t->dst.u.all;
	}
}

/* @fl: as it was read from the packet, which may have been translated */
void ct_nat_decode_session(struct sk_buff *skb, struct flowi *fl)
{
	enum ip_conntrack_info ctinfo;
	const struct ct_entry *e;
	unsigned int dir;
	u32 hot;

	e = ct_entry_tracked(skb, &ctinfo);
	if (!e)
		return;
	hot = ct_entry_hot(e);
	dir = CTINFO2DIR(ctinfo);
	if (hot & ct_nat_bit(NF_NAT_MANIP_DST, dir))
		put_target(fl, &e->dir[dir].tuple);
	if (hot & ct_nat_bit(NF_NAT_MANIP_SRC, dir))
		put_source(fl, &e->dir[dir].tuple);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Does a datagram belong to a socket of this machine? What comes in by a mapping
 * that is open to all must not be taken from who has that port himself.
 */
#include <linux/in.h>
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/ct/entry.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include "compat.h"
#include "nat.h"

static bool is_own_address(const struct nf_conntrack_tuple *t,
			   const struct nf_hook_state *state)
{
	if (t->src.l3num == NFPROTO_IPV4)
		return inet_addr_type_dev_table(state->net, state->in,
						t->dst.u3.ip) == RTN_LOCAL;
	/* As ipv6_chk_addr(), but with the addresses of that device's VRF. */
	return ipv6_chk_addr_and_flags(state->net, &t->dst.u3.in6, state->in,
				       true, 0, IFA_F_TENTATIVE);
}

bool ct_nat_is_own(const struct ct_entry *e, const struct nf_hook_state *state)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	const int dev = state->in->ifindex;
	const int master = l3mdev_master_ifindex_rcu(state->in);

	if (t->dst.protonum != IPPROTO_UDP || !is_own_address(t, state))
		return false;
	/* Sockets see a VRF as the device, and what is below it second. */
	return ct_udp_lookup(state->net, t, master ?: dev,
			     master && master != dev ? dev : 0);
}

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_SYSCTL_H
#define _NET_CT_SYSCTL_H

struct ct_net;

/**
 * ct_sysctl_claim() - register net.nf_conntrack_max
 *
 * nf_conntrack registers the same name before it takes the hook and fails on
 * a duplicate: who has the name may take the hook (ARCHITECTURE C1).
 * Context: process. Return: 0, or -EBUSY when nf_conntrack has it
 */
int ct_sysctl_claim(void);
void ct_sysctl_release(void);

/**
 * ct_sysctl_net_init() - set the defaults, register net.netfilter.nf_conntrack_*
 * @cn: a namespace with @cn->net set
 * Context: process. Return: 0 or -ENOMEM
 */
int ct_sysctl_net_init(struct ct_net *cn);
void ct_sysctl_net_exit(struct ct_net *cn);

#endif /* _NET_CT_SYSCTL_H */

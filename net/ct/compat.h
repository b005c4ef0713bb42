/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_COMPAT_H
#define _CT_COMPAT_H

/* What differs between kernels, and nothing else. CT_HAVE_* is probed from
 * the kernel's headers by net/ct/Kbuild: backports make versions no proof.
 */

#include <linux/sysctl.h>
#include <net/net_namespace.h>

/*
 * A bucket's lock is a bit, held with bottom halves off. On PREEMPT_RT these do
 * not keep the holder on its CPU: who preempts it there and wants the bucket
 * spins for ever. Nor may memory be allocated there with preemption off, which
 * an overflow bucket is under that lock.
 */
#ifdef CONFIG_PREEMPT_RT
#error "ct does not work on PREEMPT_RT kernels: use nf_conntrack there"
#endif

/* Newer kernels do not track DCCP: neither do we there. */
#ifdef CONFIG_NF_CT_PROTO_DCCP
#include <linux/netfilter/nf_conntrack_dccp.h>
#endif

/* What a proc_handler is given. */
#ifdef CT_HAVE_CONST_CTL
#define CT_CTL_TABLE	const struct ctl_table
#else
#define CT_CTL_TABLE	struct ctl_table
#endif

/* @table has @size entries and an empty one behind them. */
static inline struct ctl_table_header *
ct_register_net_sysctl(struct net *net, const char *path,
		       struct ctl_table *table, size_t size)
{
#ifdef CT_HAVE_NET_SYSCTL_SZ
	return register_net_sysctl_sz(net, path, table, size);
#else
	return register_net_sysctl(net, path, table);
#endif
}

/* Exported by nf_queue, declared in a header that is not installed. */
void nf_queue_nf_hook_drop(struct net *net);

/* Exported by netlink, declared in a header that is not installed. */
extern rwlock_t nl_table_lock;
extern struct netlink_table *nl_table;

#endif /* _CT_COMPAT_H */

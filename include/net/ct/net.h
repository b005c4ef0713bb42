/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_NET_H
#define _NET_CT_NET_H

#include <linux/cache.h>
#include <linux/ct.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/refcount.h>
#include <linux/siphash.h>
#include <linux/sysctl.h>
#include <linux/workqueue.h>
#include <net/ct/event.h>
#include <net/ct/expect.h>
#include <net/ct/log.h>
#include <net/ct/payer.h>
#include <net/ct/proto.h>
#include <net/ct/table.h>
#include <net/net_namespace.h>

struct ct_candidates;

/**
 * struct ct_stats - counters of a namespace on one CPU
 * @base: what nfnetlink_conntrack.h's CTA_STATS_* reports
 * @evicted: entries that made room
 * @invalid: packets by reason
 */
struct ct_stats {
	struct ip_conntrack_stat base;
	u64 evicted;
	u64 invalid[__CT_INVALID_MAX];
};

/* Sources remembered of those whose packets were dropped at the limit. */
#define CT_DROPS_TOP	4

/**
 * struct ct_drops - packets dropped at the limit since that was last logged
 * @busy: bit 0 is set by who looks at the rest; nobody waits for that
 * @next: jiffies before which nothing more is logged
 * @told: of all that were dropped ever, how many were logged
 * @noted: packets whose source was noted: nearly all that were not
 * @top: who sent more than a fifth of them is here, with a lower bound of how
 *	many (Misra and Gries, "Finding repeated elements", 1982); @hits 0: free
 */
struct ct_drops {
	unsigned long busy;
	unsigned long next;
	u64 told;
	u64 noted;
	struct ct_drops_source {
		union nf_inet_addr addr;
		u32 hits;
		u8 l3;
	} top[CT_DROPS_TOP];
};

/* Sources that are told apart in the host's own share of the limit. */
#define CT_KEPT_SLOTS	64

/**
 * struct ct_kept - the part of the limit that is for the host itself
 * @total: entries in it
 * @by: the same, by a hash of source and protocol
 */
struct ct_kept {
	atomic_t total;
	atomic_t by[CT_KEPT_SLOTS];
};

/**
 * struct ct_net - connection tracking in one network namespace
 *
 * Held by the namespace, by each of its entries and by who needs its hooks;
 * @net may be dereferenced only while the namespace lives (hooks, netlink,
 * sysctl).
 *
 * @key: of ct_tuple_hash(), secret
 * @stats: per CPU
 * @net: the namespace
 * @checksum: check transport checksums in PREROUTING
 * @acct: count packets and bytes
 * @timestamp: record the start of each connection
 * @events: what is reported: 0 nothing, 1 all, 2 when somebody listens
 * @log_invalid: IPPROTO_* whose invalid packets are logged, 255 all, 0 none
 * @tcp_loose: pick up connections in the middle
 * @tcp_be_liberal: do not mark out-of-window packets invalid
 * @tcp_ignore_invalid_rst: judge RST with a number from the past by the window
 * @tcp_max_retrans: retransmissions before the timeout is shortened
 * @dccp_loose: read by nobody: no DCCP connection is picked up in the middle
 * @dying: the namespace exits: no new entries
 * @expecting: there are expectations, in @expects
 * @max: the limit, 0 for none: @max_wanted, at most that of the first namespace
 * @table: confirmed connections
 * @held: entries, unconfirmed ones included, and one more while there are @refs;
 *	see ct_net_count()
 * @refs: the namespace, each ct_hooks_get(), and ct_net_get()
 * @queue: undelivered events
 * @expects: what its connections expect
 * @kept: what the host itself has of the limit
 * @drops: at the limit
 * @log: what may be written into the kernel's log
 * @timeout: by enum ct_timeout, jiffies
 * @payer: who is charged for it
 * @candidates: per CPU, for eviction (§9)
 * @inum: its number, as /proc/PID/ns/net shows it; outlives @net
 * @sysctl: registered tables
 * @hook_users: by IPv4 and IPv6, who needs the hooks; under a mutex of hooks.c
 * @users: how many they are, those included that need none; under the same mutex
 * @hooks_off: they are off for good; under the same mutex
 * @forgotten: bits of families (0 is IPv4, 1 IPv6) whose TCP windows are
 *	forgotten since their hooks were turned off; under the same mutex
 * @hook_ops: the hooks, whose private pointer is to this
 * @adjusts: bits of families (as above) that have the next ones; under the same
 *	mutex
 * @adjust_ops: hooks that are there for few connections, see ct_hooks_adjust()
 * @free: frees it after the last reference
 * @list: of all namespaces, under a mutex of net.c
 * @max_wanted: the limit that somebody set, 0 for none; under the same mutex
 * @unasked: it holds its hooks for the sake of hooks=; under the same mutex
 */
struct ct_net {
	/* What every packet reads, and nobody writes but when it is set. */
	siphash_key_t key;
	struct ct_stats __percpu *stats;
	struct net *net;
	u8 checksum;
	u8 acct;
	u8 timestamp;
	u8 events;
	u8 log_invalid;
	u8 tcp_loose;
	u8 tcp_be_liberal;
	u8 tcp_ignore_invalid_rst;
	u8 tcp_max_retrans;
	u8 dccp_loose;
	bool dying;
	bool expecting;
	unsigned int max;
	/* From its beginning, which a packet reads, to what a birth writes. */
	struct ct_table table;

	/* Each birth and death, each event, what is out of the ordinary. */
	atomic_t held;
	refcount_t refs;
	struct ct_event_queue queue;
	struct ct_expects expects;
	struct ct_kept kept;
	struct ct_drops drops;
	struct ct_log log;

	/* What many packets read; then what none does. */
	unsigned int timeout[__CT_TIMEOUT_MAX] ____cacheline_aligned;
	struct ct_payer payer;
	struct ct_candidates __percpu *candidates;
	unsigned int inum;
	struct ctl_table_header *sysctl;
	unsigned int hook_users[2];
	unsigned int users;
	bool hooks_off;
	u8 forgotten;
	struct nf_hook_ops hook_ops[2][4];
	u8 adjusts;
	struct nf_hook_ops adjust_ops[2][2];
	struct rcu_work free;
	struct list_head list;
	unsigned int max_wanted;
	bool unasked;
};

#define CT_NET_LINE(member)						\
	(offsetof(struct ct_net, member) / L1_CACHE_BYTES)

/* A packet finds the table on the line where the key is, and no writer there. */
static_assert(CT_NET_LINE(table.cur) == CT_NET_LINE(key));
static_assert(CT_NET_LINE(table.nodes) != CT_NET_LINE(table.cur));
static_assert((offsetofend(struct ct_net, log) - 1) / L1_CACHE_BYTES <
	      CT_NET_LINE(timeout));

/**
 * ct_net() - connection tracking of a namespace
 * @net: a live namespace
 * Return: its state. Only while ct's hooks, netlink subsystems or sysctls can
 * be called: before and after, namespaces have none. Of a namespace that
 * exits: while a ct_hooks_get() of its was not undone
 */
struct ct_net *ct_net(const struct net *net);

void ct_net_free(struct ct_net *cn);

/**
 * ct_net_count() - how many entries there are
 * @cn: of which the caller holds a reference, or whose namespace lives
 * Context: any. Return: entries of the namespace, unconfirmed ones included
 */
static inline unsigned int ct_net_count(const struct ct_net *cn)
{
	return atomic_read(&cn->held) - 1;
}

/**
 * ct_net_hold() - count an entry that is to be made
 * @cn: whose namespace lives; held until ct_net_drop()
 * Context: any. Return: ct_net_count() with it
 */
static inline unsigned int ct_net_hold(struct ct_net *cn)
{
	return atomic_fetch_inc(&cn->held);
}

/**
 * ct_net_drop() - undo one ct_net_hold()
 * @cn: freed, after a grace period, when nothing holds it any more
 * Context: any but hard interrupt
 */
static inline void ct_net_drop(struct ct_net *cn)
{
	if (atomic_dec_and_test(&cn->held))
		ct_net_free(cn);
}

/**
 * ct_net_get() - take another reference
 * @cn: of which the caller holds one, or whose namespace lives
 *
 * With it the table may be looked into, though the namespace is gone and the
 * table empty.
 * Context: any
 */
static inline void ct_net_get(struct ct_net *cn)
{
	refcount_inc(&cn->refs);
}

/**
 * ct_net_put() - drop a reference
 * @cn: freed with the last one, after a grace period
 * Context: any but hard interrupt
 */
static inline void ct_net_put(struct ct_net *cn)
{
	if (refcount_dec_and_test(&cn->refs))
		ct_net_drop(cn);
}

/**
 * ct_stat_inc() - count something
 * @cn: struct ct_net
 * @member: of struct ct_stats
 * Context: any; per CPU without a lock
 */
#define ct_stat_inc(cn, member)	this_cpu_inc((cn)->stats->member)

/**
 * ct_refresh() - move the time at which an entry dies
 * @e: entry; confirmed or not
 * @timeout: from now, jiffies
 *
 * Later: one store. Earlier by a second or more: linked again in its wheel,
 * if that would come to it too late.
 * Nothing happens with IPS_FIXED_TIMEOUT.
 * Context: softirq or process; @e->lock may be held
 */
void ct_refresh(struct ct_entry *e, u32 timeout);

#endif /* _NET_CT_NET_H */

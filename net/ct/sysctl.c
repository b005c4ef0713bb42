// SPDX-License-Identifier: GPL-2.0
/*
 * net.netfilter.nf_conntrack_* of each namespace and net.nf_conntrack_max,
 * with nf_conntrack's names, units and defaults
 * (Documentation/networking/nf_conntrack-sysctl.rst). Values are checked.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/slab.h>
#include <net/ct/expect.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include <net/ct/sysctl.h>
#include "compat.h"
#include "core.h"

static unsigned int int_max = INT_MAX;
static unsigned int seconds_max = INT_MAX / HZ;

/* A copy of @ctl that reads and writes @value, at least 0, at most @max. */
static int handle_value(CT_CTL_TABLE *ctl, int write, void *buffer,
			size_t *lenp, loff_t *ppos, unsigned int *value,
			unsigned int *max)
{
	struct ctl_table local = *ctl;

	local.data = value;
	local.maxlen = sizeof(*value);
	local.extra1 = SYSCTL_ZERO;
	local.extra2 = max;
	return proc_douintvec_minmax(&local, write, buffer, lenp, ppos);
}

/* .data is in jiffies, user space sees seconds. */
static int do_seconds(CT_CTL_TABLE *ctl, int write, void *buffer,
		      size_t *lenp, loff_t *ppos)
{
	unsigned int *jiffies_value = ctl->data;
	unsigned int value = READ_ONCE(*jiffies_value) / HZ;
	int err;

	err = handle_value(ctl, write, buffer, lenp, ppos, &value,
			   &seconds_max);
	if (!err && write)
		WRITE_ONCE(*jiffies_value, value * HZ);
	return err;
}

static int do_count(CT_CTL_TABLE *ctl, int write, void *buffer,
		    size_t *lenp, loff_t *ppos)
{
	const struct ct_net *cn = ctl->data;
	unsigned int value = ct_net_count(cn);

	return handle_value(ctl, write, buffer, lenp, ppos, &value, &int_max);
}

/* The table sizes itself: what is written is checked and has no effect. */
static int do_buckets(CT_CTL_TABLE *ctl, int write, void *buffer,
		      size_t *lenp, loff_t *ppos)
{
	struct ct_net *cn = ctl->data;
	unsigned int value = ct_table_buckets(&cn->table);
	struct ct_log_tail tail;
	int err;

	err = handle_value(ctl, write, buffer, lenp, ppos, &value, &int_max);
	if (!err && write && ct_log_may(cn, CT_LOG_SYSCTL, &tail))
		pr_info("nf_conntrack_buckets has no effect in namespace %u: the table sizes itself%s\n",
			cn->inum, tail.text);
	return err;
}

static int do_max(CT_CTL_TABLE *ctl, int write, void *buffer,
		  size_t *lenp, loff_t *ppos)
{
	struct ct_net *cn = ctl->data;
	unsigned int value = READ_ONCE(cn->max);
	int err;

	err = handle_value(ctl, write, buffer, lenp, ppos, &value, &int_max);
	if (!err && write)
		ct_net_limit(cn, value);
	return err;
}

/* The same for all namespaces. */
static int do_expect_max(CT_CTL_TABLE *ctl, int write, void *buffer,
			 size_t *lenp, loff_t *ppos)
{
	struct ctl_table local = *ctl;

	local.data = &ct_expect_max;
	local.extra1 = SYSCTL_ONE;
	local.extra2 = SYSCTL_INT_MAX;
	return proc_douintvec_minmax(&local, write, buffer, lenp, ppos);
}

/* net.nf_conntrack_max is there before and after the first namespace's state. */
static DEFINE_MUTEX(init_mutex);
static struct ct_net *init_cn;

static int do_init_max(CT_CTL_TABLE *ctl, int write, void *buffer,
		       size_t *lenp, loff_t *ppos)
{
	struct ctl_table local = *ctl;
	int err = -ENODEV;

	mutex_lock(&init_mutex);
	local.data = init_cn;
	if (init_cn)
		err = do_max(&local, write, buffer, lenp, ppos);
	mutex_unlock(&init_mutex);
	return err;
}

static void set_init(const struct ct_net *cn, struct ct_net *value)
{
	if (!net_eq(cn->net, &init_net))
		return;
	mutex_lock(&init_mutex);
	init_cn = value;
	mutex_unlock(&init_mutex);
}

#define CN(member)	((void *)offsetof(struct ct_net, member))
#define SECONDS(name, slot) {						\
	.procname = "nf_conntrack_" name, .data = CN(timeout[slot]),	\
	.maxlen = sizeof(unsigned int), .mode = 0644,			\
	.proc_handler = do_seconds }
#define BYTE(name, member, limit) {					\
	.procname = "nf_conntrack_" name, .data = CN(member),		\
	.maxlen = sizeof(u8), .mode = 0644,				\
	.proc_handler = proc_dou8vec_minmax,				\
	.extra1 = SYSCTL_ZERO, .extra2 = limit }
#define TCP(state)	(CT_TIMEOUT_TCP + TCP_CONNTRACK_ ## state)
#define SCTP(state)	(CT_TIMEOUT_SCTP + SCTP_CONNTRACK_ ## state)
#define DCCP(state)	(CT_TIMEOUT_DCCP + CT_DCCP_ ## state)

/* .data holds an offset into struct ct_net until it is registered. */
static const struct ctl_table template[] = {
	{
		.procname = "nf_conntrack_max",
		.maxlen = sizeof(unsigned int),
		.mode = 0644,
		.proc_handler = do_max,
	}, {
		.procname = "nf_conntrack_count",
		.maxlen = sizeof(unsigned int),
		.mode = 0444,
		.proc_handler = do_count,
	}, {
		.procname = "nf_conntrack_buckets",
		.maxlen = sizeof(unsigned int),
		.mode = 0644,
		.proc_handler = do_buckets,
	}, {
		.procname = "nf_conntrack_expect_max",
		.maxlen = sizeof(unsigned int),
		.mode = 0644,
		.proc_handler = do_expect_max,
	},
	BYTE("checksum", checksum, SYSCTL_ONE),
	BYTE("acct", acct, SYSCTL_ONE),
	BYTE("timestamp", timestamp, SYSCTL_ONE),
	BYTE("events", events, SYSCTL_TWO),
	BYTE("log_invalid", log_invalid, NULL),
	BYTE("tcp_loose", tcp_loose, SYSCTL_ONE),
	BYTE("tcp_be_liberal", tcp_be_liberal, SYSCTL_ONE),
	BYTE("tcp_ignore_invalid_rst", tcp_ignore_invalid_rst, SYSCTL_ONE),
	BYTE("tcp_max_retrans", tcp_max_retrans, NULL),
	SECONDS("tcp_timeout_syn_sent", TCP(SYN_SENT)),
	SECONDS("tcp_timeout_syn_recv", TCP(SYN_RECV)),
	SECONDS("tcp_timeout_established", TCP(ESTABLISHED)),
	SECONDS("tcp_timeout_fin_wait", TCP(FIN_WAIT)),
	SECONDS("tcp_timeout_close_wait", TCP(CLOSE_WAIT)),
	SECONDS("tcp_timeout_last_ack", TCP(LAST_ACK)),
	SECONDS("tcp_timeout_time_wait", TCP(TIME_WAIT)),
	SECONDS("tcp_timeout_close", TCP(CLOSE)),
	SECONDS("tcp_timeout_max_retrans", CT_TIMEOUT_TCP_RETRANS),
	SECONDS("tcp_timeout_unacknowledged", CT_TIMEOUT_TCP_UNACK),
	SECONDS("udp_timeout", CT_TIMEOUT_UDP),
	SECONDS("udp_timeout_stream", CT_TIMEOUT_UDP_STREAM),
	SECONDS("icmp_timeout", CT_TIMEOUT_ICMP),
	SECONDS("icmpv6_timeout", CT_TIMEOUT_ICMPV6),
	SECONDS("generic_timeout", CT_TIMEOUT_GENERIC),
	SECONDS("gre_timeout", CT_TIMEOUT_GRE),
	SECONDS("gre_timeout_stream", CT_TIMEOUT_GRE_STREAM),
	SECONDS("sctp_timeout_closed", SCTP(CLOSED)),
	SECONDS("sctp_timeout_cookie_wait", SCTP(COOKIE_WAIT)),
	SECONDS("sctp_timeout_cookie_echoed", SCTP(COOKIE_ECHOED)),
	SECONDS("sctp_timeout_established", SCTP(ESTABLISHED)),
	SECONDS("sctp_timeout_shutdown_sent", SCTP(SHUTDOWN_SENT)),
	SECONDS("sctp_timeout_shutdown_recd", SCTP(SHUTDOWN_RECD)),
	SECONDS("sctp_timeout_shutdown_ack_sent", SCTP(SHUTDOWN_ACK_SENT)),
	SECONDS("sctp_timeout_heartbeat_sent", SCTP(HEARTBEAT_SENT)),
#ifdef CONFIG_NF_CT_PROTO_DCCP
	SECONDS("dccp_timeout_request", DCCP(REQUEST)),
	SECONDS("dccp_timeout_respond", DCCP(RESPOND)),
	SECONDS("dccp_timeout_partopen", DCCP(PARTOPEN)),
	SECONDS("dccp_timeout_open", DCCP(OPEN)),
	SECONDS("dccp_timeout_closereq", DCCP(CLOSEREQ)),
	SECONDS("dccp_timeout_closing", DCCP(CLOSING)),
	SECONDS("dccp_timeout_timewait", DCCP(TIMEWAIT)),
	BYTE("dccp_loose", dccp_loose, SYSCTL_ONE),
#endif
};

static const unsigned int default_seconds[__CT_TIMEOUT_MAX] = {
	[TCP(SYN_SENT)] = 2 * 60,
	[TCP(SYN_RECV)] = 60,
	[TCP(ESTABLISHED)] = 5 * 24 * 60 * 60,
	[TCP(FIN_WAIT)] = 2 * 60,
	[TCP(CLOSE_WAIT)] = 60,
	[TCP(LAST_ACK)] = 30,
	[TCP(TIME_WAIT)] = 2 * 60,
	[TCP(CLOSE)] = 10,
	[TCP(SYN_SENT2)] = 2 * 60,
	[CT_TIMEOUT_TCP_RETRANS] = 5 * 60,
	[CT_TIMEOUT_TCP_UNACK] = 5 * 60,
	[CT_TIMEOUT_UDP] = 30,
	[CT_TIMEOUT_UDP_STREAM] = 2 * 60,
	[CT_TIMEOUT_ICMP] = 30,
	[CT_TIMEOUT_ICMPV6] = 30,
	[CT_TIMEOUT_GENERIC] = 10 * 60,
	[CT_TIMEOUT_GRE] = 30,
	[CT_TIMEOUT_GRE_STREAM] = 3 * 60,
	[SCTP(NONE)] = 10,
	[SCTP(CLOSED)] = 10,
	[SCTP(COOKIE_WAIT)] = 3,
	[SCTP(COOKIE_ECHOED)] = 3,
	[SCTP(ESTABLISHED)] = 210,
	[SCTP(SHUTDOWN_SENT)] = 3,
	[SCTP(SHUTDOWN_RECD)] = 3,
	[SCTP(SHUTDOWN_ACK_SENT)] = 3,
	[SCTP(HEARTBEAT_SENT)] = 30,
#ifdef CONFIG_NF_CT_PROTO_DCCP
	[DCCP(REQUEST)] = 4 * 60,
	[DCCP(RESPOND)] = 8 * 60,
	[DCCP(PARTOPEN)] = 8 * 60,
	[DCCP(OPEN)] = 12 * 60 * 60,
	[DCCP(CLOSEREQ)] = 64,
	[DCCP(CLOSING)] = 64,
	[DCCP(TIMEWAIT)] = 4 * 60,
#endif
};

/* nf_conntrack's limit: one for each of its buckets, by the memory there is. */
static unsigned int default_max(void)
{
	unsigned long megabytes = totalram_pages() >> (20 - PAGE_SHIFT);

	if (megabytes > 4096)
		return 262144;
	if (megabytes > 1024)
		return 65536;
	return max(megabytes * 8, 1024UL);
}

static void set_defaults(struct ct_net *cn)
{
	int i;

	for (i = 0; i < __CT_TIMEOUT_MAX; i++)
		cn->timeout[i] = default_seconds[i] * HZ;
	cn->max_wanted = net_eq(cn->net, &init_net) ? default_max() : 0;
	cn->checksum = 1;
	cn->events = 2;
	cn->tcp_loose = 1;
	cn->tcp_max_retrans = 3;
	cn->dccp_loose = 1;
}

int ct_sysctl_net_init(struct ct_net *cn)
{
	struct ctl_table *table;
	int i;

	BUILD_BUG_ON(TCP(SYN_SENT2) >= CT_TIMEOUT_TCP_RETRANS);
	BUILD_BUG_ON(SCTP(MAX) > CT_TIMEOUT_SCTP_MAX);
	set_defaults(cn);
	table = kcalloc(ARRAY_SIZE(template) + 1, sizeof(*table),
			GFP_KERNEL | cn->payer.account);
	if (!table)
		return -ENOMEM;
	memcpy(table, template, sizeof(template));
	for (i = 0; i < ARRAY_SIZE(template); i++) {
		table[i].data = (char *)cn + (unsigned long)table[i].data;
		/* A user's own namespace does not raise its own limit. */
		if (table[i].proc_handler == do_max &&
		    cn->net->user_ns != &init_user_ns)
			table[i].mode = 0444;
		if (table[i].proc_handler == do_expect_max &&
		    !net_eq(cn->net, &init_net))
			table[i].mode = 0444;
	}
	cn->sysctl = ct_register_net_sysctl(cn->net, "net/netfilter", table,
					    ARRAY_SIZE(template));
	if (!cn->sysctl) {
		kfree(table);
		return -ENOMEM;
	}
	set_init(cn, cn);
	return 0;
}

void ct_sysctl_net_exit(struct ct_net *cn)
{
	const struct ctl_table *table = cn->sysctl->ctl_table_arg;

	set_init(cn, NULL);
	unregister_net_sysctl_table(cn->sysctl);
	kfree(table);
}

static struct ctl_table claim_table[] = {
	{
		.procname = "nf_conntrack_max",
		.maxlen = sizeof(unsigned int),
		.mode = 0644,
		.proc_handler = do_init_max,
	},
	{ }
};

static struct ctl_table_header *claim;

int __init ct_sysctl_claim(void)
{
	/* nf_conntrack's: four for each 256 of its buckets. */
	ct_expect_max = 4 * max(default_max() / 256, 1U);
	claim = ct_register_net_sysctl(&init_net, "net", claim_table, 1);
	return claim ? 0 : -EBUSY;
}

void ct_sysctl_release(void)
{
	unregister_net_sysctl_table(claim);
}

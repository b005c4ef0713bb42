// SPDX-License-Identifier: GPL-2.0
/*
 * What programs read in /proc/net of each namespace: nf_conntrack, a line for each
 * connection, nf_conntrack_expect, one for each that is expected, and
 * stat/nf_conntrack, one for each CPU's counters. The lines are nf_conntrack's, to the
 * letter, and each that lives throughout comes exactly once.
 *
 * Nothing is held while nobody reads: between two reads only the cursor is kept, from
 * before the line that is to come.
 */
#include <linux/ktime.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/proc_fs.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <net/ct/entry.h>
#include <net/ct/expect.h>
#include <net/ct/net.h>
#include <net/ct/policy.h>
#include <net/ct/proto.h>
#include <net/ct/table.h>
#include "compat.h"
#include "core.h"

#ifdef CONFIG_NF_CONNTRACK_PROCFS

/* Entries. */

struct entries {
	struct seq_net_private p;	/* seq_file's, the first */
	struct ct_cursor before;	/* the one that is shown */
	struct ct_cursor next;
	struct ct_entry *e;		/* that, or NULL; while somebody reads */
	loff_t pos;			/* of that */
	u64 now;
};

/* The first one, with a reference, and no more. */
static int take_one(struct ct_entry *e, void *data)
{
	struct entries *w = data;

	if (w->e)
		return -EAGAIN;
	if (!ct_entry_dead(e)) {
		ct_entry_get(e);
		w->e = e;
	}
	return 0;
}

static struct ct_entry *take_next(struct seq_file *s, struct entries *w)
{
	struct ct_net *cn = ct_net(seq_file_net(s));

	ct_entry_put(w->e);
	w->e = NULL;
	w->before = w->next;
	if (!w->next.done)
		ct_table_walk(&cn->table, &w->next, take_one, w);
	return w->e;
}

static void *entries_start(struct seq_file *s, loff_t *pos)
{
	struct entries *w = s->private;

	w->now = ktime_get_real_ns();
	if (*pos && *pos == w->pos) {
		w->next = w->before;
		return take_next(s, w);
	}
	/* From the beginning, or to where somebody has sought. */
	memset(&w->next, 0, sizeof(w->next));
	for (w->pos = 0; take_next(s, w) && w->pos < *pos; w->pos++)
		;
	return w->e;
}

static void *entries_next(struct seq_file *s, void *v, loff_t *pos)
{
	struct entries *w = s->private;

	w->pos = ++*pos;
	return take_next(s, w);
}

static void entries_stop(struct seq_file *s, void *v)
{
	struct entries *w = s->private;

	ct_entry_put(w->e);
	w->e = NULL;
}

static const char *family_name(u8 family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ipv4";
	case NFPROTO_IPV6:
		return "ipv6";
	}
	return "unknown";
}

static const char *protocol_name(u8 protocol)
{
	static const struct {
		u8 number;
		const char *name;
	} known[] = {
		{ IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" },
		{ IPPROTO_ICMP, "icmp" }, { IPPROTO_ICMPV6, "icmpv6" },
		{ IPPROTO_SCTP, "sctp" }, { IPPROTO_DCCP, "dccp" },
		{ IPPROTO_UDPLITE, "udplite" }, { IPPROTO_GRE, "gre" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].number == protocol)
			return known[i].name;
	return "unknown";
}

/* In the order of enum tcp_conntrack, sctp_conntrack and ct_dccp_states. */
static const char * const tcp_states[] = {
	"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT",
	"CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
};

static const char * const sctp_states[] = {
	"NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED",
	"SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT",
	"HEARTBEAT_SENT",
};

static_assert(ARRAY_SIZE(tcp_states) == TCP_CONNTRACK_SYN_SENT2 + 1);
static_assert(ARRAY_SIZE(sctp_states) == SCTP_CONNTRACK_HEARTBEAT_SENT + 1);

#ifdef CONFIG_NF_CT_PROTO_DCCP
static const char * const dccp_states[] = {
	"NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ",
	"CLOSING", "TIMEWAIT",
};

static_assert(ARRAY_SIZE(dccp_states) == CT_DCCP_TIMEWAIT + 1);
#endif

static void show_state(struct seq_file *s, const char * const *names,
		       unsigned int n, unsigned int state)
{
	seq_printf(s, "%s ", state < n ? names[state] : names[0]);
}

static void show_timeouts(struct seq_file *s, const struct ct_entry *e)
{
	const unsigned int *timeouts = ct_timeouts(e);

	seq_printf(s, "timeout=%u, stream_timeout=%u ",
		   READ_ONCE(timeouts[CT_TIMEOUT_GRE]) / HZ,
		   READ_ONCE(timeouts[CT_TIMEOUT_GRE_STREAM]) / HZ);
}

static void show_protocol(struct seq_file *s, struct ct_entry *e)
{
	const bool offloaded = test_bit(IPS_OFFLOAD_BIT, &e->status);

	switch (e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum) {
	case IPPROTO_TCP:
		if (!offloaded)
			show_state(s, tcp_states, ARRAY_SIZE(tcp_states),
				   READ_ONCE(e->proto.tcp.state));
		break;
	case IPPROTO_SCTP:
		show_state(s, sctp_states, ARRAY_SIZE(sctp_states),
			   READ_ONCE(e->proto.sctp.state));
		break;
#ifdef CONFIG_NF_CT_PROTO_DCCP
	case IPPROTO_DCCP:
		show_state(s, dccp_states, ARRAY_SIZE(dccp_states),
			   e->proto.dccp.state);
		break;
#endif
	case IPPROTO_GRE:
		show_timeouts(s, e);
		break;
	}
}

static void show_tuple(struct seq_file *s, const struct nf_conntrack_tuple *t)
{
	if (t->src.l3num == NFPROTO_IPV4)
		seq_printf(s, "src=%pI4 dst=%pI4 ", &t->src.u3.ip,
			   &t->dst.u3.ip);
	else if (t->src.l3num == NFPROTO_IPV6)
		seq_printf(s, "src=%pI6 dst=%pI6 ", &t->src.u3.in6,
			   &t->dst.u3.in6);

	switch (t->dst.protonum) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		seq_printf(s, "type=%u code=%u id=%u ", t->dst.u.icmp.type,
			   t->dst.u.icmp.code, ntohs(t->src.u.icmp.id));
		break;
	case IPPROTO_GRE:
		seq_printf(s, "srckey=0x%x dstkey=0x%x ", ntohs(t->src.u.all),
			   ntohs(t->dst.u.all));
		break;
	default:
		if (ct_proto_find(t->src.l3num, t->dst.protonum) !=
		    &ct_proto_generic)
			seq_printf(s, "sport=%hu dport=%hu ",
				   ntohs(t->src.u.all), ntohs(t->dst.u.all));
	}
}

static void show_zone(struct seq_file *s, const struct ct_entry *e, u8 dir)
{
#ifdef CONFIG_NF_CONNTRACK_ZONES
	static const char * const names[] = {
		[NF_CT_ZONE_DIR_ORIG] = "zone-orig",
		[NF_CT_ZONE_DIR_REPL] = "zone-reply",
		[NF_CT_DEFAULT_ZONE_DIR] = "zone",
	};

	if (e->zone.dir == dir)
		seq_printf(s, "%s=%u ", names[dir], e->zone.id);
#endif
}

static void show_counters(struct seq_file *s, const struct ct_entry *e,
			  unsigned int dir)
{
	if (READ_ONCE(e->cn->acct))
		seq_printf(s, "packets=%llu bytes=%llu ",
			   (u64)atomic64_read(&e->dir[dir].packets),
			   (u64)atomic64_read(&e->dir[dir].bytes));
}

static void show_flag(struct seq_file *s, const struct ct_entry *e)
{
	const unsigned long status = READ_ONCE(e->status);

	if (status & BIT(IPS_HW_OFFLOAD_BIT))
		seq_puts(s, "[HW_OFFLOAD] ");
	else if (status & IPS_OFFLOAD)
		seq_puts(s, "[OFFLOAD] ");
	else if (status & IPS_ASSURED)
		seq_puts(s, "[ASSURED] ");
}

static void show_marks(struct seq_file *s, const struct ct_entry *e)
{
	char *name;
	u32 len;

	if (IS_ENABLED(CONFIG_NF_CONNTRACK_MARK))
		seq_printf(s, "mark=%u ", ct_entry_mark(e));
	if (!IS_ENABLED(CONFIG_NF_CONNTRACK_SECMARK))
		return;
	/* AppArmor lends its names. */
	rcu_read_lock();
	if (!security_secid_to_secctx(ct_entry_secmark(e), &name, &len)) {
		seq_printf(s, "secctx=%s ", name);
		security_release_secctx(name, len);
	}
	rcu_read_unlock();
}

static void show_age(struct seq_file *s, const struct ct_entry *e)
{
	const struct entries *w = s->private;
	const struct ct_rare *rare = ct_entry_rare(e);
	s64 age;

	if (!rare || !rare->start)
		return;
	age = w->now - rare->start;
	seq_printf(s, "delta-time=%llu ",
		   age > 0 ? div_u64(age, NSEC_PER_SEC) : 0ULL);
}

static void show_way(struct seq_file *s, const struct ct_entry *e,
		     unsigned int dir)
{
	show_tuple(s, &e->dir[dir].tuple);
	show_zone(s, e, BIT(dir));
	show_counters(s, e, dir);
}

static int entries_show(struct seq_file *s, void *v)
{
	struct ct_entry *e = v;
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;

	seq_printf(s, "%-8s %u %-8s %u ", family_name(t->src.l3num),
		   t->src.l3num, protocol_name(t->dst.protonum),
		   t->dst.protonum);
	if (!test_bit(IPS_OFFLOAD_BIT, &e->status))
		seq_printf(s, "%u ", ct_entry_left(e) / HZ);
	show_protocol(s, e);
	show_tuple(s, t);
	show_zone(s, e, NF_CT_ZONE_DIR_ORIG);
	show_counters(s, e, IP_CT_DIR_ORIGINAL);
	if (!test_bit(IPS_SEEN_REPLY_BIT, &e->status))
		seq_puts(s, "[UNREPLIED] ");
	show_way(s, e, IP_CT_DIR_REPLY);
	show_flag(s, e);
	show_marks(s, e);
	show_zone(s, e, NF_CT_DEFAULT_ZONE_DIR);
	show_age(s, e);
	seq_printf(s, "use=%u\n", refcount_read(&e->ct_general.use));
	return 0;
}

static const struct seq_operations entries_ops = {
	.start = entries_start,
	.next = entries_next,
	.stop = entries_stop,
	.show = entries_show,
};

/* Expectations. */

struct expects {
	struct seq_net_private p;	/* seq_file's, the first */
	struct ct_expect_cursor before;
	struct ct_expect_cursor next;
	loff_t pos;
	bool found;
	/* Of the one that is shown: its lock is not held then. */
	struct nf_conntrack_tuple tuple;
	u32 left;
	u32 flags;
	char helper[40];
};

static int copy_one(struct ct_expect *exp, void *data)
{
	const struct ct_expect_helper *helper = exp->helper;
	struct expects *w = data;
	const char *class;

	if (w->found)
		return -EAGAIN;
	w->left = ct_expect_left(exp);
	if (!w->left)
		return 0;
	w->found = true;
	w->tuple = exp->tuple;
	w->flags = exp->flags;
	w->helper[0] = '\0';
	if (helper) {
		class = helper->class[exp->class].name;
		scnprintf(w->helper, sizeof(w->helper), "%s%s%s", helper->name,
			  class[0] ? "/" : "", class);
	}
	return 0;
}

static struct expects *copy_next(struct seq_file *s, struct expects *w)
{
	w->found = false;
	w->before = w->next;
	ct_expect_walk(ct_net(seq_file_net(s)), &w->next, copy_one, w);
	return w->found ? w : NULL;
}

static void *expects_start(struct seq_file *s, loff_t *pos)
{
	struct expects *w = s->private;

	if (*pos && *pos == w->pos) {
		w->next = w->before;
		return copy_next(s, w);
	}
	memset(&w->next, 0, sizeof(w->next));
	for (w->pos = 0; copy_next(s, w) && w->pos < *pos; w->pos++)
		;
	return w->found ? w : NULL;
}

static void *expects_next(struct seq_file *s, void *v, loff_t *pos)
{
	struct expects *w = s->private;

	w->pos = ++*pos;
	return copy_next(s, w);
}

static void expects_stop(struct seq_file *s, void *v)
{
}

static void show_flags(struct seq_file *s, u32 flags)
{
	static const char * const names[] = {
		"PERMANENT", "INACTIVE", "USERSPACE",
	};
	const char *between = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(flags & BIT(i)))
			continue;
		seq_printf(s, "%s%s", between, names[i]);
		between = ",";
	}
}

static int expects_show(struct seq_file *s, void *v)
{
	const struct expects *w = v;

	seq_printf(s, "%u l3proto = %u proto=%u ", w->left / HZ,
		   w->tuple.src.l3num, w->tuple.dst.protonum);
	show_tuple(s, &w->tuple);
	show_flags(s, w->flags);
	if (w->helper[0])
		seq_printf(s, "%s%s", w->flags ? " " : "", w->helper);
	seq_putc(s, '\n');
	return 0;
}

static const struct seq_operations expects_ops = {
	.start = expects_start,
	.next = expects_next,
	.stop = expects_stop,
	.show = expects_show,
};

/* Counters: a line of names, then one for each CPU. */

static void *stats_at(struct seq_file *s, loff_t *pos)
{
	struct ct_net *cn = ct_net(seq_file_net(s));
	loff_t cpu;

	for (cpu = *pos - 1; cpu < nr_cpu_ids; cpu++) {
		if (!cpu_possible(cpu))
			continue;
		*pos = cpu + 1;
		return &per_cpu_ptr(cn->stats, cpu)->base;
	}
	return NULL;
}

static void *stats_start(struct seq_file *s, loff_t *pos)
{
	return *pos ? stats_at(s, pos) : SEQ_START_TOKEN;
}

static void *stats_next(struct seq_file *s, void *v, loff_t *pos)
{
	++*pos;
	return stats_at(s, pos);
}

static void stats_stop(struct seq_file *s, void *v)
{
}

/* Columns as programs know them; those of nothing that is counted are 0. */
static void show_columns(struct seq_file *s, const struct ct_net *cn,
			 const struct ip_conntrack_stat *st)
{
	const struct {
		unsigned int value;
		const char *end;
	} columns[] = {
		{ ct_net_count(cn), "  " },
		{ st->clash_resolve, " " },
		{ st->found, " " },
		{ 0, " " },
		{ st->invalid, " " },
		{ 0, " " },
		{ 0, " " },
		{ st->chaintoolong, " " },
		{ st->insert, " " },
		{ st->insert_failed, " " },
		{ st->drop, " " },
		{ st->early_drop, " " },
		{ st->error, "  " },
		{ st->expect_new, " " },
		{ st->expect_create, " " },
		{ st->expect_delete, " " },
		{ st->search_restart, "\n" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(columns); i++)
		seq_printf(s, "%08x%s", columns[i].value, columns[i].end);
}

static int stats_show(struct seq_file *s, void *v)
{
	if (v == SEQ_START_TOKEN)
		seq_puts(s, "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n");
	else
		show_columns(s, ct_net(seq_file_net(s)), v);
	return 0;
}

static const struct seq_operations stats_ops = {
	.start = stats_start,
	.next = stats_next,
	.stop = stats_stop,
	.show = stats_show,
};

/* Of who is root in the namespace, and nobody else's to read. */
static int create(struct net *net, const char *name,
		  const struct seq_operations *ops, unsigned int size)
{
	const kuid_t uid = make_kuid(net->user_ns, 0);
	const kgid_t gid = make_kgid(net->user_ns, 0);
	struct proc_dir_entry *file;

	file = proc_create_net(name, 0440, net->proc_net, ops, size);
	if (!file)
		return -ENOMEM;
	if (uid_valid(uid) && gid_valid(gid))
		proc_set_user(file, uid, gid);
	return 0;
}

int ct_proc_net_init(struct ct_net *cn)
{
	struct net *net = cn->net;
	int err;

	err = create(net, "nf_conntrack", &entries_ops,
		     sizeof(struct entries));
	if (err)
		return err;
	err = create(net, "nf_conntrack_expect", &expects_ops,
		     sizeof(struct expects));
	if (err)
		goto entries;
	if (proc_create_net("nf_conntrack", 0444, net->proc_net_stat,
			    &stats_ops, sizeof(struct seq_net_private)))
		return 0;
	err = -ENOMEM;
	remove_proc_entry("nf_conntrack_expect", net->proc_net);
entries:
	remove_proc_entry("nf_conntrack", net->proc_net);
	return err;
}

void ct_proc_net_exit(struct ct_net *cn)
{
	struct net *net = cn->net;

	remove_proc_entry("nf_conntrack", net->proc_net_stat);
	remove_proc_entry("nf_conntrack_expect", net->proc_net);
	remove_proc_entry("nf_conntrack", net->proc_net);
}

#else

int ct_proc_net_init(struct ct_net *cn)
{
	return 0;
}

void ct_proc_net_exit(struct ct_net *cn)
{
}

#endif

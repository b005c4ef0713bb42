// SPDX-License-Identifier: GPL-2.0
/*
 * Connections of the first namespace that have their source chosen, from the first
 * packet to the end: ports, bitmaps of them, and cones.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/udp.h>
#include <net/ct/entry.h>
#include <net/ct/hooks.h>
#include <net/ct/nat.h>
#include <net/ct/net.h>
#include <net/ct/tuple.h>
#include <net/net_namespace.h>
#include "cone.h"
#include "nat.h"
#include "used.h"

#define CLIENT	0x0a000001
#define OUTSIDE	0xc0000201
#define PEER	0xc6336401

#define SRC	NF_NAT_MANIP_SRC

/* More than the longest test has. */
#define MOST	1100

struct made {
	struct ct_entry *e[MOST];
	unsigned int n;
};

static struct ct_net *first(void)
{
	return ct_net(&init_net);
}

/* A datagram's, from @client's @sport to @peer's @dport. */
static struct ct_entry *make(struct kunit *test, u32 client, u16 sport,
			     u32 peer, u16 dport)
{
	static const struct nf_conntrack_zone zone = {
		.dir = NF_CT_DEFAULT_ZONE_DIR,
	};
	struct nf_conntrack_tuple orig = {
		.src.u3.ip = htonl(client),
		.src.u.udp.port = htons(sport),
		.src.l3num = NFPROTO_IPV4,
		.dst.u3.ip = htonl(peer),
		.dst.u.udp.port = htons(dport),
		.dst.protonum = IPPROTO_UDP,
	}, repl;
	struct made *m = test->priv;
	struct ct_entry *e;

	KUNIT_ASSERT_TRUE(test, ct_tuple_invert(&repl, &orig));
	e = ct_entry_new(first(), &orig, &repl, &zone, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(e));
	KUNIT_ASSERT_LT(test, m->n, (unsigned int)MOST);
	m->e[m->n++] = e;
	e->expires = 100 * HZ;
	ct_entry_set_reply(e, &repl);
	return e;
}

static unsigned int snat(struct ct_entry *e, u16 low, u16 high)
{
	struct nf_nat_range2 range = {
		.flags = NF_NAT_RANGE_MAP_IPS |
			 (low ? NF_NAT_RANGE_PROTO_SPECIFIED : 0),
		.min_addr.ip = htonl(OUTSIDE),
		.max_addr.ip = htonl(OUTSIDE),
		.min_proto.udp.port = htons(low),
		.max_proto.udp.port = htons(high),
	};
	unsigned int verdict;

	rcu_read_lock();
	verdict = ct_nat_setup(e, &range, SRC);
	rcu_read_unlock();
	return verdict;
}

static u16 port_of(const struct ct_entry *e)
{
	return ntohs(e->dir[IP_CT_DIR_REPLY].tuple.dst.u.udp.port);
}

static void expect_outside(struct kunit *test, const struct ct_entry *e)
{
	KUNIT_EXPECT_EQ(test, (__force u32)htonl(OUTSIDE),
			(__force u32)e->dir[IP_CT_DIR_REPLY].tuple.dst.u3.ip);
}

/* What it would become on the wire. */
static struct sk_buff *packet_of(struct kunit *test, const struct ct_entry *e)
{
	struct nf_conntrack_tuple t;
	struct sk_buff *skb;
	struct iphdr *iph;
	struct udphdr *uh;

	KUNIT_ASSERT_TRUE(test, ct_tuple_invert(&t, &e->dir[IP_CT_DIR_REPLY].tuple));
	skb = alloc_skb(128, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	iph = skb_put_zero(skb, sizeof(*iph) + sizeof(*uh));
	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IP);
	iph->version = 4;
	iph->ihl = 5;
	iph->ttl = 64;
	iph->protocol = IPPROTO_UDP;
	iph->tot_len = htons(skb->len);
	iph->saddr = t.src.u3.ip;
	iph->daddr = t.dst.u3.ip;
	uh = (void *)(iph + 1);
	uh->source = t.src.u.udp.port;
	uh->dest = t.dst.u.udp.port;
	uh->len = htons(sizeof(*uh));
	return skb;
}

static int setup_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct made), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void end(struct ct_entry *e)
{
	if (ct_entry_hot(e) & IPS_CONFIRMED)
		ct_entry_kill(e, 0, 0);
	ct_entry_put(e);
}

static void setup_exit(struct kunit *test)
{
	struct made *m = test->priv;

	while (m->n)
		end(m->e[--m->n]);
	WRITE_ONCE(ct_nat_net(&init_net)->mapping, CT_NAT_MAPPING_PEER);
}

static void test_kept(struct kunit *test)
{
	struct ct_entry *e = make(test, CLIENT, 5000, PEER, 53);

	KUNIT_EXPECT_EQ(test, snat(e, 0, 0), (unsigned int)NF_ACCEPT);
	expect_outside(test, e);
	KUNIT_EXPECT_EQ(test, port_of(e), (u16)5000);
	KUNIT_EXPECT_EQ(test, ct_entry_hot(e) & (IPS_NAT_MASK |
						 IPS_NAT_DONE_MASK),
			(u32)(IPS_SRC_NAT | IPS_SRC_NAT_DONE));
	/* Once, and then no more. */
	KUNIT_EXPECT_EQ(test, snat(e, 70, 70), (unsigned int)NF_ACCEPT);
	KUNIT_EXPECT_EQ(test, port_of(e), (u16)5000);
	KUNIT_EXPECT_EQ(test, ct_entry_insert(e), 0);
}

/* The table has it by what it is. */
static void test_confirmed(struct kunit *test)
{
	struct ct_entry *e = make(test, CLIENT, 5000, PEER, 53);

	KUNIT_EXPECT_EQ(test, ct_entry_insert(e), 0);
	KUNIT_EXPECT_EQ(test, snat(e, 70, 70), (unsigned int)NF_ACCEPT);
	KUNIT_EXPECT_EQ(test, port_of(e), (u16)5000);
	KUNIT_EXPECT_EQ(test, ct_entry_hot(e) & (IPS_NAT_MASK |
						 IPS_NAT_DONE_MASK), 0U);
}

/* Two hoped for one port: the second gets another, in its packet, too. */
static void test_again(struct kunit *test)
{
	static const struct nf_hook_state state = {
		.hook = NF_INET_LOCAL_IN,
		.pf = NFPROTO_IPV4,
	};
	struct ct_entry *a = make(test, CLIENT, 5000, PEER, 53);
	struct ct_entry *b = make(test, CLIENT + 1, 5000, PEER, 53);
	struct sk_buff *skb;

	snat(a, 0, 0);
	snat(b, 0, 0);
	KUNIT_EXPECT_EQ(test, port_of(b), (u16)5000);
	skb = packet_of(test, b);
	KUNIT_EXPECT_EQ(test, ct_entry_insert(a), 0);
	KUNIT_EXPECT_EQ(test, ct_entry_insert(b), -EEXIST);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, ct_nat_choose_again(b, skb, &state), 0);
	rcu_read_unlock();
	KUNIT_EXPECT_NE(test, port_of(b), (u16)5000);
	KUNIT_EXPECT_GE(test, port_of(b), (u16)1024);
	KUNIT_EXPECT_EQ(test, ntohs(((struct udphdr *)
				     (ip_hdr(skb) + 1))->source), port_of(b));
	KUNIT_EXPECT_EQ(test, ct_entry_insert(b), 0);
	kfree_skb(skb);
}

/* The same, where the rule allows two ports, and then none. */
static void test_again_in_range(struct kunit *test)
{
	static const struct nf_hook_state state = {
		.hook = NF_INET_LOCAL_IN,
		.pf = NFPROTO_IPV4,
	};
	struct ct_entry *e[3];
	struct sk_buff *skb;
	unsigned int i;
	int err;

	for (i = 0; i < 3; i++) {
		e[i] = make(test, CLIENT + i, 7000, PEER, 53);
		KUNIT_EXPECT_EQ(test, snat(e[i], 7000, 7001),
				(unsigned int)NF_ACCEPT);
	}
	KUNIT_EXPECT_EQ(test, ct_entry_insert(e[0]), 0);
	for (i = 1; i < 3; i++) {
		skb = packet_of(test, e[i]);
		rcu_read_lock();
		err = ct_nat_choose_again(e[i], skb, &state);
		rcu_read_unlock();
		kfree_skb(skb);
		KUNIT_EXPECT_EQ(test, err, i == 1 ? 0 : -EADDRINUSE);
		if (!err) {
			KUNIT_EXPECT_EQ(test, port_of(e[i]), (u16)7001);
			KUNIT_EXPECT_EQ(test, ct_entry_insert(e[i]), 0);
		}
	}
}

static u16 source_of(const struct sk_buff *skb)
{
	return ntohs(((struct udphdr *)(ip_hdr(skb) + 1))->source);
}

/* The packets of a bridge that floods, say, at the end of their way. */
static bool passes(struct sk_buff *skb)
{
	int ret;

	local_bh_disable();
	ret = nf_hook(NFPROTO_IPV4, NF_INET_LOCAL_IN, &init_net, NULL, skb,
		      init_net.loopback_dev, NULL, NULL);
	local_bh_enable();
	return ret == 1;
}

/* What was chosen again holds for all packets that were translated before. */
static void test_again_for_clones(struct kunit *test)
{
	struct ct_entry *a = make(test, CLIENT, 5000, PEER, 53);
	struct ct_entry *b = make(test, CLIENT + 1, 5000, PEER, 53);
	struct sk_buff *skb[3];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, ct_hooks_get(first(), NFPROTO_IPV4), 0);
	snat(a, 0, 0);
	snat(b, 0, 0);
	for (i = 0; i < 3; i++) {
		skb[i] = packet_of(test, b);
		ct_entry_get(b);
		skb_set_nfct(skb[i], (unsigned long)&b->ct_general |
				     IP_CT_NEW);
	}
	KUNIT_EXPECT_EQ(test, ct_entry_insert(a), 0);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, source_of(skb[i]), (u16)5000);
		KUNIT_EXPECT_TRUE(test, passes(skb[i]));
		KUNIT_EXPECT_NE(test, port_of(b), (u16)5000);
		KUNIT_EXPECT_EQ(test, source_of(skb[i]), port_of(b));
		kfree_skb(skb[i]);
	}
	KUNIT_EXPECT_EQ(test, ct_entry_hot(b) & (IPS_CONFIRMED | CT_HOT_SETTLED),
			(u32)IPS_CONFIRMED);
	KUNIT_EXPECT_EQ(test, ct_entry_hot(a) & (IPS_CONFIRMED | CT_HOT_SETTLED),
			(u32)(IPS_CONFIRMED | CT_HOT_SETTLED));
	ct_hooks_put(first(), NFPROTO_IPV4);
}

/*
 * A range up to its last port, with a bitmap as soon as there is one; and a port
 * that is free again is found.
 */
static void test_last_port(struct kunit *test)
{
	const u16 low = 20000, high = 20999;
	struct made *m = test->priv;
	struct ct_entry *e;
	unsigned int i, failed = 0;
	u16 port;

	for (i = 0; i <= high - low; i++) {
		e = make(test, CLIENT + i, 999, PEER, 54);
		if (snat(e, low, high) != NF_ACCEPT || ct_entry_insert(e))
			failed++;
		/* Nobody goes for another. */
		ct_status_set(e, IPS_ASSURED_BIT);
		/* The worker's turn. */
		if (i % 50 == 0)
			msleep(20);
	}
	KUNIT_EXPECT_EQ(test, failed, 0U);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(ct_nat_net(&init_net)->used.count));
	e = make(test, CLIENT + i, 999, PEER, 54);
	KUNIT_EXPECT_EQ(test, snat(e, low, high), (unsigned int)NF_DROP);

	port = port_of(m->e[500]);
	ct_entry_kill(m->e[500], 0, 0);
	e = make(test, CLIENT + i + 1, 999, PEER, 54);
	KUNIT_EXPECT_EQ(test, snat(e, low, high), (unsigned int)NF_ACCEPT);
	KUNIT_EXPECT_EQ(test, port_of(e), port);
	KUNIT_EXPECT_EQ(test, ct_entry_insert(e), 0);
}

/* How old a connection is, or for how long it was silent. */
static void make_old(struct ct_entry *e, unsigned int seconds)
{
	e->born -= seconds * HZ / CT_BORN_UNIT;
	e->expires -= seconds * HZ;
}

/* Whom it hits, of all that have a port of a range. */
enum holder { ASSURED, FIXED, YOUNG, OLD, OLDER, ANSWERED, SILENT, HEAVY };

struct evict_case {
	const char *name;
	enum holder most;	/* all but these: */
	enum holder one;	/* of five, */
	enum holder other;	/* and of one */
	int goes;		/* one of these, or -1: nobody */
	u16 ports;
};

static const struct evict_case evict_cases[] = {
	{ "all are assured", ASSURED, ASSURED, ASSURED, -1, 16 },
	{ "all are lasting", FIXED, FIXED, ASSURED, -1, 16 },
	{ "all of a few wait for an answer", YOUNG, YOUNG, YOUNG, -1, 15 },
	{ "all of many", YOUNG, YOUNG, YOUNG, YOUNG, 16 },
	{ "few wait for an answer", ASSURED, ASSURED, YOUNG, -1, 16 },
	{ "a flood of those", ASSURED, YOUNG, ASSURED, YOUNG, 16 },
	{ "one waits in vain", ASSURED, YOUNG, OLD, OLD, 16 },
	{ "one longer than others", OLD, OLD, OLDER, OLDER, 16 },
	{ "before those who got one", ANSWERED, ASSURED, OLD, OLD, 16 },
	{ "who got one just now is not done", ASSURED, ASSURED, ANSWERED, -1, 16 },
	{ "but many are", ANSWERED, ANSWERED, ANSWERED, ANSWERED, 16 },
	{ "as all of a few are not", ANSWERED, ANSWERED, ANSWERED, -1, 15 },
	{ "who got one is done", ASSURED, ASSURED, SILENT, SILENT, 16 },
	{ "who was silent longer", ANSWERED, ANSWERED, SILENT, SILENT, 16 },
	{ "who has more than others", OLD, HEAVY, OLDER, HEAVY, 16 },
	{ "but is not of his kind", ANSWERED, HEAVY, OLD, HEAVY, 16 },
};

static void evict_desc(const struct evict_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(evict, evict_cases, evict_desc);

static enum holder kind_of(const struct evict_case *c, unsigned int i)
{
	if (i == 2)
		return c->other;
	return i > 2 && i < 8 ? c->one : c->most;
}

static void hold(struct kunit *test, unsigned int i, enum holder kind,
		 u16 ports)
{
	struct ct_entry *e = make(test, kind == HEAVY ? CLIENT : CLIENT + 1 + i,
				  2000 + i, PEER, 55);

	KUNIT_ASSERT_EQ(test, snat(e, 22000, 22000 + ports - 1),
			(unsigned int)NF_ACCEPT);
	KUNIT_ASSERT_EQ(test, ct_entry_insert(e), 0);
	if (kind == ASSURED)
		ct_status_set(e, IPS_ASSURED_BIT);
	if (kind == FIXED)
		ct_status_set(e, IPS_FIXED_TIMEOUT_BIT);
	if (kind == ANSWERED || kind == SILENT) {
		ct_status_set(e, IPS_SEEN_REPLY_BIT);
		e->expires = (u32)jiffies + first()->timeout[CT_TIMEOUT_UDP];
	}
	if (kind == OLD || kind == HEAVY || kind == SILENT)
		make_old(e, 10);
	if (kind == OLDER)
		make_old(e, 12);
}

static u64 evicted_so_far(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(first()->stats, cpu)->evicted;
	return sum;
}

/* A port for one more. */
static void test_evict(struct kunit *test)
{
	const struct evict_case *c = test->param_value;
	struct made *m = test->priv;
	struct ct_entry *e;
	unsigned int i, gone = 0;
	const u64 evicted = evicted_so_far();

	for (i = 0; i < c->ports; i++)
		hold(test, i, kind_of(c, i), c->ports);
	e = make(test, CLIENT - 1, 999, PEER, 55);
	KUNIT_EXPECT_EQ(test, snat(e, 22000, 22000 + c->ports - 1),
			(unsigned int)(c->goes < 0 ? NF_DROP : NF_ACCEPT));
	for (i = 0; i < c->ports; i++) {
		if (!(ct_entry_hot(m->e[i]) & IPS_DYING))
			continue;
		gone++;
		KUNIT_EXPECT_EQ(test, (int)kind_of(c, i), c->goes);
		KUNIT_EXPECT_EQ(test, port_of(e), port_of(m->e[i]));
	}
	KUNIT_EXPECT_EQ(test, gone, c->goes < 0 ? 0U : 1U);
	KUNIT_EXPECT_EQ(test, evicted_so_far() - evicted, (u64)gone);
	if (c->goes >= 0)
		KUNIT_EXPECT_EQ(test, ct_entry_insert(e), 0);
}

static void test_cone(struct kunit *test)
{
	struct nf_conntrack_man inside;
	struct ct_entry *e[4], *in;
	unsigned int i;

	WRITE_ONCE(ct_nat_net(&init_net)->mapping, CT_NAT_MAPPING_OPEN);
	for (i = 0; i < 4; i++) {
		/* Two sources with the same port, two peers each. */
		e[i] = make(test, CLIENT + i % 2, 6000, PEER + i / 2, 53);
		KUNIT_EXPECT_EQ(test, snat(e[i], 0, 0),
				(unsigned int)NF_ACCEPT);
		KUNIT_EXPECT_EQ(test, ct_entry_insert(e[i]), 0);
		KUNIT_EXPECT_TRUE(test, ct_entry_hot(e[i]) & CT_HOT_CONE);
	}
	KUNIT_EXPECT_EQ(test, port_of(e[0]), (u16)6000);
	KUNIT_EXPECT_EQ(test, port_of(e[2]), port_of(e[0]));
	KUNIT_EXPECT_NE(test, port_of(e[1]), port_of(e[0]));
	KUNIT_EXPECT_EQ(test, port_of(e[3]), port_of(e[1]));

	in = make(test, PEER + 9, 77, OUTSIDE, port_of(e[1]));
	rcu_read_lock();
	KUNIT_EXPECT_TRUE(test, ct_nat_cone_inside(in, &inside));
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, ntohl(inside.u3.ip), CLIENT + 1U);
	KUNIT_EXPECT_EQ(test, ntohs(inside.u.all), (u16)6000);
}

static bool is_held(const struct ct_entry *e)
{
	bool held;

	rcu_read_lock();
	held = ct_nat_is_held(e);
	rcu_read_unlock();
	return held;
}

/* Is the source of that connection translated to something already? */
static bool is_mapped(const struct ct_entry *e)
{
	struct nf_conntrack_man mapped;
	bool found;

	rcu_read_lock();
	found = ct_nat_cone_find(e, &mapped);
	rcu_read_unlock();
	return found;
}

/* The reference is the last one but the table's. */
static void forget(struct kunit *test, struct ct_entry *e)
{
	struct made *m = test->priv;
	unsigned int i;

	for (i = 0; i < m->n && m->e[i] != e; i++)
		;
	KUNIT_ASSERT_LT(test, i, m->n);
	m->e[i] = m->e[--m->n];
	end(e);
}

/* It ends with the last connection of its source. */
static void test_cone_ends(struct kunit *test)
{
	struct ct_entry *e, *other;

	WRITE_ONCE(ct_nat_net(&init_net)->mapping, CT_NAT_MAPPING_CONE);
	e = make(test, CLIENT, 6000, PEER, 53);
	snat(e, 0, 0);
	KUNIT_EXPECT_EQ(test, ct_entry_insert(e), 0);
	other = make(test, CLIENT, 6000, PEER + 1, 53);
	KUNIT_EXPECT_TRUE(test, is_mapped(other));
	forget(test, e);
	KUNIT_EXPECT_FALSE(test, is_mapped(other));
}

/*
 * Who translated one that is not confirmed went, and came again. That one's end is
 * not the end of what its source is translated to now; and if it goes on, it holds
 * that, too.
 */
static void test_cone_of_another_era(struct kunit *test)
{
	struct ct_entry *old[2], *e;
	unsigned int i;

	WRITE_ONCE(ct_nat_net(&init_net)->mapping, CT_NAT_MAPPING_CONE);
	for (i = 0; i < 2; i++) {
		old[i] = make(test, CLIENT, 6000, PEER + i, 53);
		snat(old[i], 0, 0);
	}
	KUNIT_EXPECT_TRUE(test, is_held(old[0]));

	ct_nat_ops_set(NULL);
	synchronize_net();
	ct_nat_cone_exit();
	KUNIT_ASSERT_EQ(test, ct_nat_cone_init(), 0);
	ct_nat_ops_set(&ct_nat_ops);

	e = make(test, CLIENT, 6000, PEER + 2, 53);
	snat(e, 0, 0);
	KUNIT_EXPECT_EQ(test, ct_entry_insert(e), 0);
	KUNIT_EXPECT_FALSE(test, is_held(old[0]));
	forget(test, old[0]);
	KUNIT_EXPECT_TRUE(test, is_mapped(e));
	rcu_read_lock();
	KUNIT_EXPECT_TRUE(test, ct_nat_cone_join(old[1]));
	rcu_read_unlock();
	KUNIT_EXPECT_TRUE(test, is_held(old[1]));
	forget(test, e);
	KUNIT_EXPECT_TRUE(test, is_mapped(old[1]));
	e = make(test, CLIENT, 6000, PEER + 3, 53);
	forget(test, old[1]);
	KUNIT_EXPECT_FALSE(test, is_mapped(e));
}

/* The module is not initialized yet: it is the tests' turn first. */
static int setup_suite_init(struct kunit_suite *suite)
{
	int err = ct_nat_state_init();

	if (!err)
		ct_nat_ops_set(&ct_nat_ops);
	return err;
}

static void setup_suite_exit(struct kunit_suite *suite)
{
	ct_nat_ops_set(NULL);
	synchronize_net();
	ct_nat_state_exit();
}

static struct kunit_case ct_nat_setup_cases[] = {
	KUNIT_CASE(test_kept),
	KUNIT_CASE(test_confirmed),
	KUNIT_CASE(test_again),
	KUNIT_CASE(test_again_in_range),
	KUNIT_CASE(test_again_for_clones),
	KUNIT_CASE(test_last_port),
	KUNIT_CASE_PARAM(test_evict, evict_gen_params),
	KUNIT_CASE(test_cone),
	KUNIT_CASE(test_cone_ends),
	KUNIT_CASE(test_cone_of_another_era),
	{}
};

static struct kunit_suite ct_nat_setup_suite = {
	.name = "ct_nat_setup",
	.suite_init = setup_suite_init,
	.suite_exit = setup_suite_exit,
	.init = setup_init,
	.exit = setup_exit,
	.test_cases = ct_nat_setup_cases,
};

kunit_test_suites(&ct_nat_setup_suite);

// SPDX-License-Identifier: GPL-2.0
/*
 * What a packet costs in connection tracking, whoever does it: packets are
 * pushed through the hooks of PREROUTING and POSTROUTING of the first
 * namespace, as if received and forwarded. Loading it runs one measurement:
 *
 *	insmod ct_bench.ko mode=tcp flows=1000 rounds=100
 *
 * and prints "bench: MODE NS", nanoseconds a packet. The modes:
 *
 *	empty	the packet is made, no hook is called
 *	newtcp	one SYN for each flow, none of which is known yet
 *	newudp	one datagram for each
 *	tcp	after a handshake for each flow (not timed), data one way and
 *		its acknowledgment the other way, in turn
 *	udp	after a datagram either way (not timed), one each way in turn
 *	occupy	a SYN for each flow, all to one port, each from another port of
 *		1024 to 65535; not timed
 *	chosen	a SYN to that from a port that is occupied, so that who translates
 *		all of them to one address has to choose another one
 *	kept	the same from a port that is not
 *
 * With snat= and dnat= answers are to and from other addresses, as they are where
 * rules translate that way: by so much they are higher.
 *
 * Written to, the parameter "again" runs it once more, after the connections
 * were flushed. Flows are timed in segments, and the best time of each segment
 * so far counts: so a busy host disturbs little.
 *
 * Of what is chosen no time is like another: "chosen" and "kept" print the mean of
 * a few connections, without the loop's cost, how many of how many were dropped,
 * which counts for nothing; what is to be counted is the median of many such runs.
 * In between, the connections have to end: by their timeout, those of "occupy"
 * have another one. "flows" has to be that of "occupy". Ports that are kept are
 * others each time, as long as there are: some trackers remove what has ended when
 * the next one wants its place.
 */
#include <linux/gcd.h>
#include <linux/ip.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_ipv4.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/route.h>

static unsigned int flows = 1000;
module_param(flows, uint, 0444);
MODULE_PARM_DESC(flows, "connections");

static unsigned int rounds = 10;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "packets for each connection, at least 2");

static char *mode = "empty";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "empty, newtcp, newudp, tcp, udp, occupy, chosen or kept");

static unsigned int snat;
module_param(snat, uint, 0444);
MODULE_PARM_DESC(snat, "what is added to the client's address in answers");

static unsigned int dnat;
module_param(dnat, uint, 0444);
MODULE_PARM_DESC(dnat, "what is added to the server's address in answers");

#define PAYLOAD	100
#define ISN	1000U

/* A chunk runs with bottom halves off, as in a poll of a network device. */
#define CHUNK	64
/* What is timed at once: short against the time slice of a busy host. */
#define SEGMENT	(16 * CHUNK)

/* Flows come in an order that neither slabs nor prefetchers can foresee. */
#define STRIDE	2654435761U

enum segment { SYN, SYNACK, ACK, DATA, DATA_ACK, DATAGRAM };

/**
 * struct push - one packet for each flow
 * @segment: what to send
 * @step: data segments sent before
 * @reply: from the server to the client
 * @hooks: call them
 * @want: what the tracker is to make of it, enum ip_conntrack_info
 * @best: the least time that each segment of flows took so far, or NULL
 */
struct push {
	enum segment segment;
	u32 step;
	bool reply;
	bool hooks;
	u8 want;
	u64 *best;
};

static struct sk_buff *skb;
static struct rtable *route;
static u16 *ports;
static unsigned int wrong;
static unsigned int segments;
static u64 *best;

static void fill_tcp(struct tcphdr *th, const struct push *p)
{
	u32 sent = ISN + 1 + p->step * PAYLOAD;

	th->syn = p->segment == SYN || p->segment == SYNACK;
	th->ack = p->segment != SYN;
	switch (p->segment) {
	case SYN:
		th->seq = htonl(ISN);
		th->ack_seq = 0;
		break;
	case SYNACK:
		th->seq = htonl(ISN);
		th->ack_seq = htonl(ISN + 1);
		break;
	case DATA_ACK:
		th->seq = htonl(ISN + 1);
		th->ack_seq = htonl(sent + PAYLOAD);
		break;
	default:
		th->seq = htonl(sent);
		th->ack_seq = htonl(ISN + 1);
	}
}

/* The addresses and ports are all in which the packets of flows differ. */
static void fill_ends(const struct push *p, u32 from, u16 from_port)
{
	__be32 client = htonl(from + (p->reply ? snat : 0));
	__be16 port = htons(from_port);
	struct iphdr *iph = ip_hdr(skb);
	/* TCP and UDP agree on where the ports are. */
	struct udphdr *uh = udp_hdr(skb);
	__be32 server = htonl(0xc0a80001 + (p->reply ? dnat : 0));

	iph->saddr = p->reply ? server : client;
	iph->daddr = p->reply ? client : server;
	uh->source = p->reply ? htons(80) : port;
	uh->dest = p->reply ? port : htons(80);
}

static void fill_flow(unsigned int flow, const struct push *p)
{
	fill_ends(p, 0x0a000000 + (flow >> 14), 1024 + (flow & 0x3fff));
}

static struct sk_buff *bench_skb(void)
{
	struct sk_buff *new = alloc_skb(512, GFP_KERNEL);

	if (!new)
		return NULL;
	new->dev = init_net.loopback_dev;
	new->protocol = htons(ETH_P_IP);
	new->pkt_type = PACKET_HOST;
	/* Checksums cost the same whoever checks them: none here. */
	new->ip_summed = CHECKSUM_UNNECESSARY;
	return new;
}

static void fill_packet(const struct push *p)
{
	bool udp = p->segment == DATAGRAM;
	unsigned int len = udp ? sizeof(struct udphdr) : sizeof(struct tcphdr);
	struct iphdr *iph;

	if (udp || p->segment == DATA)
		len += PAYLOAD;
	skb_trim(skb, 0);
	skb_put_zero(skb, sizeof(*iph) + len);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(*iph));

	iph = ip_hdr(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->ttl = 64;
	iph->tot_len = htons(skb->len);
	iph->protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
	if (udp) {
		udp_hdr(skb)->len = htons(len);
		return;
	}
	tcp_hdr(skb)->doff = sizeof(struct tcphdr) / 4;
	tcp_hdr(skb)->window = htons(60000);
	fill_tcp(tcp_hdr(skb), p);
}

static void push_hooks(const struct push *p)
{
	struct net_device *dev = init_net.loopback_dev;

	/* 1 means accepted; anything else has taken the packet from us. */
	if (nf_hook(NFPROTO_IPV4, NF_INET_PRE_ROUTING, &init_net, NULL, skb,
		    dev, NULL, NULL) != 1) {
		skb = NULL;
		return;
	}
	wrong += skb->_nfct <= NFCT_INFOMASK ||
		 (skb->_nfct & NFCT_INFOMASK) != p->want;
	/* As if it was looked up now; who translates may want to look again. */
	skb_dst_set_noref(skb, &route->dst);
	if (nf_hook(NFPROTO_IPV4, NF_INET_POST_ROUTING, &init_net, NULL, skb,
		    NULL, dev, NULL) != 1) {
		skb = NULL;
		return;
	}
	skb_dst_drop(skb);
	nf_reset_ct(skb);
}

static int push(const struct push *p)
{
	unsigned int i, flow = 0, stride = STRIDE % flows;
	u64 start = ktime_get_ns(), now;

	/* Every flow comes once, as the stride has no divisor of flows. */
	while (flows > 1 && gcd(stride, flows) != 1)
		stride++;

	fill_packet(p);
	for (i = 0; i < flows; i++) {
		if (i % CHUNK == 0)
			local_bh_disable();
		fill_flow(flow, p);
		if (p->hooks)
			push_hooks(p);
		if (i % CHUNK == CHUNK - 1 || i == flows - 1 || !skb) {
			local_bh_enable();
			cond_resched();
		}
		if (!skb) {
			pr_err("bench: error: a packet was dropped\n");
			return -EIO;
		}
		if (p->best && (i % SEGMENT == SEGMENT - 1 || i == flows - 1)) {
			now = ktime_get_ns();
			p->best[i / SEGMENT] = min(p->best[i / SEGMENT],
						   now - start);
			start = ktime_get_ns();
		}
		flow += stride;
		if (flow >= flows)
			flow -= flows;
	}
	return 0;
}

static int push_all(const struct push *p, unsigned int n)
{
	int err = 0;

	while (n-- && !err)
		err = push(p++);
	return err;
}

/* The packets of round @r: one way, or back. */
static struct push tcp_round(unsigned int r)
{
	if (r % 2)
		return (struct push) {
			.segment = DATA_ACK, .step = r / 2, .reply = true,
			.hooks = true, .want = IP_CT_ESTABLISHED_REPLY,
		};
	return (struct push) {
		.segment = DATA, .step = r / 2, .hooks = true,
		.want = IP_CT_ESTABLISHED,
	};
}

static struct push udp_round(unsigned int r)
{
	return (struct push) {
		.segment = DATAGRAM, .reply = r % 2, .hooks = true,
		.want = r % 2 ? IP_CT_ESTABLISHED_REPLY : IP_CT_ESTABLISHED,
	};
}

static struct push empty_round(unsigned int r)
{
	return (struct push) { .segment = DATA, .reply = r % 2 };
}

/* Results of @kinds kinds of packets, each with best times of its own. */
static void print_best(unsigned int kinds)
{
	u64 sum = 0, rest;
	unsigned int i;

	for (i = 0; i < kinds * segments; i++)
		sum += best[i];
	sum = div64_u64_rem(sum * 100, (u64)kinds * flows, &rest);
	rest = do_div(sum, 100);
	pr_info("bench: %s %llu.%02llu\n", mode, sum, rest);
}

static int bench_rounds(struct push (*round)(unsigned int r))
{
	struct push p;
	unsigned int i;
	int err = 0;

	for (i = 0; i < rounds && !err; i++) {
		p = round(i);
		p.best = best + i % 2 * segments;
		err = push(&p);
	}
	if (!err)
		print_best(2);
	return err;
}

static int bench_new(enum segment segment)
{
	struct push p = {
		.segment = segment, .hooks = true, .want = IP_CT_NEW,
		.best = best,
	};
	int err = push(&p);

	if (!err && !wrong)
		print_best(1);
	return err;
}

static int bench_tcp(void)
{
	static const struct push handshake[] = {
		{ .segment = SYN, .hooks = true, .want = IP_CT_NEW },
		{ .segment = SYNACK, .hooks = true, .reply = true,
		  .want = IP_CT_ESTABLISHED_REPLY },
		{ .segment = ACK, .hooks = true, .want = IP_CT_ESTABLISHED },
	};
	int err = push_all(handshake, ARRAY_SIZE(handshake));

	return err ?: bench_rounds(tcp_round);
}

static int bench_udp(void)
{
	static const struct push opening[] = {
		{ .segment = DATAGRAM, .hooks = true, .want = IP_CT_NEW },
		{ .segment = DATAGRAM, .hooks = true, .reply = true,
		  .want = IP_CT_ESTABLISHED_REPLY },
	};
	int err = push_all(opening, ARRAY_SIZE(opening));

	return err ?: bench_rounds(udp_round);
}

/*
 * Ports. A few at a time, so that what they occupy themselves says little; and from
 * each address once, as its connections may be remembered.
 */
#define FIRST_PORT	1024
#define PORTS		(65536 - FIRST_PORT)
#define BATCH		64

static u32 next_client = 0x0a010000;
static struct rnd_state rnd;

/* All ports in an order that is the same each time; the first ones are occupied. */
static int shuffle_ports(void)
{
	unsigned int i, j;

	ports = kvmalloc_array(PORTS, sizeof(*ports), GFP_KERNEL);
	if (!ports)
		return -ENOMEM;
	prandom_seed_state(&rnd, 1);
	for (i = 0; i < PORTS; i++) {
		j = prandom_u32_state(&rnd) % (i + 1);
		ports[i] = ports[j];
		ports[j] = FIRST_PORT + i;
	}
	return 0;
}

/* Return: how long it took, or 0: it was dropped */
static u64 time_syn(u32 client, u16 port)
{
	const struct push p = {
		.segment = SYN, .hooks = true, .want = IP_CT_NEW,
	};
	u64 start;

	if (!skb)
		skb = bench_skb();
	if (!skb)
		return 0;
	fill_packet(&p);
	fill_ends(&p, client, port);
	local_bh_disable();
	start = ktime_get_ns();
	push_hooks(&p);
	start = ktime_get_ns() - start;
	local_bh_enable();
	cond_resched();
	return skb ? max(start, 1ULL) : 0;
}

static int bench_occupy(void)
{
	unsigned int i;

	for (i = 0; i < flows; i++) {
		if (!time_syn(0x0a000000 + i, ports[i])) {
			pr_err("bench: error: port %u is not free\n", ports[i]);
			return -EIO;
		}
	}
	return 0;
}

/* What it takes to ask for the time. */
static u64 time_nothing(void)
{
	u64 start, sum = 0;
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		start = ktime_get_ns();
		sum += ktime_get_ns() - start;
	}
	return sum / BATCH;
}

static int bench_port(bool kept)
{
	static unsigned int next_port;
	const u64 nothing = time_nothing();
	unsigned int i, port, done = 0;
	u64 took, sum = 0;

	if (kept && PORTS - flows < BATCH)
		return -EINVAL;
	for (i = 0; i < BATCH; i++) {
		port = kept ? flows + next_port++ % (PORTS - flows) :
			      prandom_u32_state(&rnd) % flows;
		took = time_syn(next_client++, ports[port]);
		done += !!took;
		sum += took ? took - min(nothing, took) : 0;
	}
	pr_info("bench: %s %llu %u %u\n", mode, done ? div_u64(sum, done) : 0,
		BATCH - done, BATCH);
	return 0;
}

static int bench_mode(void)
{
	if (!strcmp(mode, "empty"))
		return bench_rounds(empty_round);
	if (!strcmp(mode, "newtcp"))
		return bench_new(SYN);
	if (!strcmp(mode, "newudp"))
		return bench_new(DATAGRAM);
	if (!strcmp(mode, "tcp"))
		return bench_tcp();
	if (!strcmp(mode, "udp"))
		return bench_udp();
	if (ports && !strcmp(mode, "occupy"))
		return bench_occupy();
	if (ports && !strcmp(mode, "chosen"))
		return bench_port(false);
	if (ports && !strcmp(mode, "kept"))
		return bench_port(true);
	pr_err("bench: error: there is no mode %s with %u flows\n", mode, flows);
	return -EINVAL;
}

static int bench_run(void)
{
	int err;

	if (!skb)
		skb = bench_skb();
	if (!skb)
		return -ENOMEM;
	wrong = 0;
	err = bench_mode();
	if (!err && wrong) {
		pr_err("bench: error: %u packets not tracked as they should be\n",
		       wrong);
		err = -EIO;
	}
	return err;
}

/* Parameters are written to under the module's own lock: one at a time. */
static int again_set(const char *value, const struct kernel_param *kp)
{
	return bench_run();
}

static const struct kernel_param_ops again_ops = {
	.set = again_set,
};
module_param_cb(again, &again_ops, NULL, 0200);
MODULE_PARM_DESC(again, "write anything to measure once more");

static void ct_bench_free(void)
{
	if (!IS_ERR_OR_NULL(route))
		ip_rt_put(route);
	kfree_skb(skb);
	kvfree(best);
	kvfree(ports);
}

static int __init ct_bench_init(void)
{
	struct flowi4 to_self = { .daddr = htonl(INADDR_LOOPBACK) };
	int err = -ENOMEM;

	if (!flows || rounds < 2 || flows > 1 << 30)
		return -EINVAL;
	segments = DIV_ROUND_UP(flows, SEGMENT);
	best = kvmalloc_array(segments, 2 * sizeof(*best), GFP_KERNEL);
	route = ip_route_output_key(&init_net, &to_self);
	if (IS_ERR(route)) {
		pr_err("bench: error: no route: is lo up?\n");
	} else if (best && (flows > PORTS || !shuffle_ports())) {
		memset(best, 0xff, array3_size(segments, 2, sizeof(*best)));
		err = bench_run();
	}
	if (err)
		ct_bench_free();
	return err;
}

static void __exit ct_bench_exit(void)
{
	ct_bench_free();
}

module_init(ct_bench_init);
module_exit(ct_bench_exit);
MODULE_DESCRIPTION("what a packet costs in connection tracking");
MODULE_LICENSE("GPL");

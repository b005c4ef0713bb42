// SPDX-License-Identifier: GPL-2.0
/* What waits for listeners: in order, once, and within bounds. */
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/ct/event.h>
#include <net/sock.h>
#include "netlink/listeners.h"
#include "packet.h"

#define MESSAGES	10
#define ENDLESS		100000
#define SOCKETS		3

/* Sockets that have no room: what these are offered is lost. */
static struct socket *backlog_sockets[SOCKETS];

static int backlog_init(struct kunit *test)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = BIT(NFNLGRP_CONNTRACK_NEW - 1),
	};
	struct socket *sock;
	unsigned int i;

	/* These run before the module's own start. */
	ct_backlog_init();
	for (i = 0; i < SOCKETS; i++) {
		KUNIT_ASSERT_EQ(test, 0,
				sock_create_kern(&init_net, PF_NETLINK,
						 SOCK_RAW, NETLINK_NETFILTER,
						 &sock));
		backlog_sockets[i] = sock;
		KUNIT_ASSERT_EQ(test, 0,
				kernel_bind(sock, (struct sockaddr *)&addr,
					    sizeof(addr)));
		atomic_set(&sock->sk->sk_rmem_alloc, INT_MAX);
	}
	return 0;
}

static void backlog_exit(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < SOCKETS && backlog_sockets[i]; i++) {
		atomic_set(&backlog_sockets[i]->sk->sk_rmem_alloc, 0);
		sock_release(backlog_sockets[i]);
		backlog_sockets[i] = NULL;
	}
}

static struct ct_event_queue *backlog_queue(struct kunit *test)
{
	struct ct_net *cn = test_net(test);
	struct ct_event_queue *q = &cn->queue;

	cn->net = &init_net;
	__skb_queue_head_init(&q->held);
	q->listeners = kunit_kcalloc(test, CT_LISTENERS, sizeof(*q->listeners),
				     GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, q->listeners);
	return q;
}

static void backlog_end(struct ct_event_queue *q)
{
	unsigned int i;

	ct_backlog_purge(q);
	for (i = 0; i < SOCKETS; i++)
		if (q->listeners[i].sk)
			ct_listener_forget(q, &q->listeners[i]);
}

static void listen(struct ct_event_queue *q, unsigned int i)
{
	struct ct_listener *l = &q->listeners[i];

	if (l->sk)
		return;
	l->sk = backlog_sockets[i]->sk;
	sock_hold(l->sk);
	q->behind++;
}

static void hold(struct kunit *test, struct ct_event_queue *q, u32 number,
		 unsigned int size, u32 mask)
{
	struct sk_buff *skb = ct_backlog_alloc(q);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	*(u32 *)skb_put_zero(skb, size) = number;
	ct_batch(skb)->messages = MESSAGES;
	ct_batch(skb)->group = NFNLGRP_CONNTRACK_NEW;
	for (i = 0; i < SOCKETS; i++)
		if (mask & BIT(i))
			listen(q, i);
	ct_backlog_hold(q, skb, mask);
}

/* Hold full batches until one is lost; how many there were before. */
static unsigned int fill(struct kunit *test, struct ct_event_queue *q,
			 u32 mask)
{
	const s64 lost = atomic64_read(&q->lost);
	unsigned int n = 0;

	while (atomic64_read(&q->lost) == lost && n < ENDLESS)
		hold(test, q, n++, CT_BATCH_SIZE, mask);
	return n - 1;
}

static u32 number_of(const struct sk_buff *skb)
{
	return *(u32 *)skb->data;
}

static void backlog_bounded(struct kunit *test)
{
	struct ct_event_queue *q = backlog_queue(test);
	unsigned int n = fill(test, q, 3), i;

	KUNIT_EXPECT_LT(test, n, ENDLESS - 1);
	KUNIT_EXPECT_LE(test, q->held_bytes, 43L << 20);
	/* One more makes the oldest go, for both. */
	for (i = 1; i < 4; i++)
		hold(test, q, n + i, CT_BATCH_SIZE, 3);
	KUNIT_EXPECT_EQ(test, number_of(skb_peek(&q->held)), 4);
	KUNIT_EXPECT_EQ(test, atomic64_read(&q->lost), 4 * 2 * MESSAGES);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&q->held), n);
	KUNIT_EXPECT_EQ(test, q->waiting, n * 2 * MESSAGES);
	KUNIT_EXPECT_EQ(test, q->listeners[0].waiting, n);
	backlog_end(q);
}

/* Who is behind pays, not who is not. */
static void backlog_furthest(struct kunit *test)
{
	struct ct_event_queue *q = backlog_queue(test);
	struct ct_listener *l = q->listeners;
	unsigned int n = fill(test, q, 3), i;

	while (!ct_backlog_drop(q, &l[1], false))
		;
	KUNIT_EXPECT_EQ(test, skb_queue_len(&q->held), n);
	for (i = 1; i <= 100; i++)
		hold(test, q, n + i, CT_BATCH_SIZE, 3);
	KUNIT_EXPECT_EQ(test, atomic64_read(&q->lost), (2 + 100) * MESSAGES);
	KUNIT_EXPECT_EQ(test, l[1].waiting, 100);
	KUNIT_EXPECT_EQ(test, number_of(l[1].next), n + 1);
	KUNIT_EXPECT_EQ(test, number_of(l[0].next), 101);
	backlog_end(q);
}

/* However much one namespace holds, there is room for another. */
static void backlog_fair(struct kunit *test)
{
	struct ct_event_queue *a = backlog_queue(test);
	struct ct_event_queue *b = backlog_queue(test);
	struct ct_event_queue *c = backlog_queue(test);
	unsigned int n = fill(test, a, 1), m = fill(test, b, 1);

	KUNIT_EXPECT_GE(test, m, n / 4);
	KUNIT_EXPECT_LE(test, m, n / 2);
	backlog_end(a);
	KUNIT_EXPECT_EQ(test, fill(test, b, 1) + m, n);
	backlog_end(b);
	KUNIT_EXPECT_EQ(test, fill(test, c, 1), n);
	backlog_end(c);
}

/* Small ones share a buffer if the same listeners want them. */
static void backlog_merge(struct kunit *test)
{
	struct ct_event_queue *q = backlog_queue(test);
	struct ct_listener *l = q->listeners;
	unsigned int i;

	for (i = 0; i < 10; i++)
		hold(test, q, i, 100, 3);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&q->held), 1);
	KUNIT_EXPECT_EQ(test, skb_peek(&q->held)->len, 1000);
	KUNIT_EXPECT_PTR_EQ(test, l[0].next, skb_peek(&q->held));
	KUNIT_EXPECT_PTR_EQ(test, l[1].next, skb_peek(&q->held));
	hold(test, q, 10, 100, 7);
	hold(test, q, 11, 100, 7);
	hold(test, q, 12, 100, 1);
	KUNIT_EXPECT_EQ(test, skb_queue_len(&q->held), 3);
	KUNIT_EXPECT_EQ(test, number_of(l[2].next), 10);
	KUNIT_EXPECT_EQ(test, q->waiting, (10 * 2 + 2 * 3 + 1) * MESSAGES);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_TRUE(test, ct_backlog_drop(q, &l[i], true));
	KUNIT_EXPECT_EQ(test, atomic64_read(&q->lost),
			(10 * 2 + 2 * 3 + 1) * MESSAGES);
	KUNIT_EXPECT_EQ(test, q->waiting, 0);
	KUNIT_EXPECT_EQ(test, q->held_bytes, 0);
	backlog_end(q);
}

/* One that wants only some of what others have waiting, and what it wants. */
static void backlog_sparse(struct kunit *test)
{
	struct ct_event_queue *q = backlog_queue(test);
	struct ct_listener *l = q->listeners;
	unsigned int i;

	hold(test, q, 0, CT_BATCH_SIZE, 3);
	for (i = 1; i <= 1000; i++)
		hold(test, q, i, CT_BATCH_SIZE, 1);
	hold(test, q, 1001, CT_BATCH_SIZE, 3);
	KUNIT_EXPECT_EQ(test, l[1].waiting, 2);
	/* The work is bounded: some for each call. */
	KUNIT_EXPECT_FALSE(test, ct_backlog_drop(q, &l[1], true));
	KUNIT_EXPECT_EQ(test, atomic64_read(&q->lost), MESSAGES);
	/* Where it is goes away under it. */
	KUNIT_EXPECT_EQ(test, l[1].waiting, 1);
	while (!ct_backlog_drop(q, &l[0], true))
		;
	KUNIT_EXPECT_EQ(test, skb_queue_len(&q->held), 1);
	KUNIT_EXPECT_EQ(test, number_of(l[1].next), 1001);
	/* What is next for it is offered to it, and stays. */
	KUNIT_EXPECT_EQ(test, ct_backlog_push(q, &l[1], 10), 0);
	KUNIT_EXPECT_TRUE(test, ct_backlog_drop(q, &l[1], true));
	KUNIT_EXPECT_EQ(test, atomic64_read(&q->lost), 1004 * MESSAGES);
	KUNIT_EXPECT_EQ(test, q->held_bytes, 0);
	backlog_end(q);
}

static struct kunit_case ct_backlog_cases[] = {
	KUNIT_CASE(backlog_bounded),
	KUNIT_CASE(backlog_furthest),
	KUNIT_CASE(backlog_fair),
	KUNIT_CASE(backlog_merge),
	KUNIT_CASE(backlog_sparse),
	{}
};

static struct kunit_suite ct_backlog_suite = {
	.name = "ct_backlog",
	.init = backlog_init,
	.exit = backlog_exit,
	.test_cases = ct_backlog_cases,
};

kunit_test_suites(&ct_backlog_suite);

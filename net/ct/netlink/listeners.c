// SPDX-License-Identifier: GPL-2.0
/*
 * Who listens. A plain broadcast tells that somebody refused, but not who, and
 * tells that one at once that it lost something. So each socket is looked at
 * before it is sent anything: who has room gets it, for the others it is held.
 *
 * Kernels that export netlink_broadcast_filtered() show each socket to a
 * filter, which has it sent to that one or not.
 *
 * On older kernels the list of sockets is walked, under netlink's lock: its head
 * is what a socket that has just subscribed points back to. If all have room,
 * there is a broadcast. If not, each of those that have is sent it by itself,
 * which those in other namespaces (NETLINK_LISTEN_ALL_NSID) cannot be: they miss
 * it, as does one that is connected to another than the kernel.
 *
 * A socket is remembered, and a reference to it held, from when it had no room
 * until it has got everything, or is closed. Netlink announces the end of those
 * whose bind() succeeded; as others can subscribe too, the worker looks for
 * closed ones now and then.
 */
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <net/ct/net.h>
#include <net/netlink.h>
#include <net/sock.h>
#include "../compat.h"
#include "listeners.h"
#include "netlink.h"

struct search {
	struct ct_event_queue *q;
	struct sk_buff *skb;
	u32 mask;		/* who it is to be held for */
	unsigned int missed;	/* how many lose it */
	struct sock *sent;	/* the one that it was last sent */
	int drops;		/* what that had refused before */
};

/* What becomes of a batch. */
enum verdict { SEND, HOLD };

static bool has_room(struct sock *sk, const struct sk_buff *skb)
{
	unsigned int used = atomic_read(&sk->sk_rmem_alloc);

	return !used || used + skb->truesize <= READ_ONCE(sk->sk_rcvbuf);
}

bool ct_listener_has_room(const struct ct_listener *l,
			  const struct sk_buff *skb)
{
	if (l->congested)
		return !atomic_read(&l->sk->sk_rmem_alloc);
	return has_room(l->sk, skb);
}

/* A copy that is netlink's alone. */
static struct sk_buff *clone_of(struct sk_buff *skb)
{
	const unsigned int group = ct_batch(skb)->group;

	skb = skb_clone(skb, GFP_ATOMIC);
	if (!skb)
		return NULL;
	memset(skb->cb, 0, sizeof(skb->cb));
	NETLINK_CB(skb).dst_group = group;
	return skb;
}

/* That something was lost, and nobody knows who wanted it. */
static void tell_all(struct ct_event_queue *q, unsigned int group)
{
	nfnetlink_set_err(ct_queue_net(q), 0, group, -ENOBUFS);
}

static struct ct_listener *find(struct ct_event_queue *q, const struct sock *sk)
{
	struct ct_listener *l;

	for (l = q->listeners; q->behind && l < q->listeners + CT_LISTENERS; l++)
		if (l->sk == sk)
			return l;
	return NULL;
}

static struct ct_listener *remember(struct ct_event_queue *q, struct sock *sk)
{
	struct ct_listener *l;

	for (l = q->listeners; l < q->listeners + CT_LISTENERS; l++) {
		if (l->sk)
			continue;
		sock_hold(sk);
		l->sk = sk;
		l->since = jiffies;
		q->behind++;
		return l;
	}
	return NULL;
}

void ct_listener_forget(struct ct_event_queue *q, struct ct_listener *l)
{
	sock_put(l->sk);
	memset(l, 0, sizeof(*l));
	q->behind--;
}

/* The port of a socket that is not being closed, and the first groups that it
 * is subscribed to.
 */
static u32 port_of(struct socket *sock, u32 *groups)
{
	struct sockaddr_nl addr = {};

	sock->ops->getname(sock, (struct sockaddr *)&addr, 0);
	*groups = addr.nl_groups;
	return addr.nl_pid;
}

/* Of this namespace. Who cannot be remembered, or took nothing for too long, is
 * sent it all the same: if it has no room, netlink tells it that it lost something.
 */
static enum verdict judge(struct search *s, struct sock *sk)
{
	struct ct_listener *l = find(s->q, sk);

	if (!l) {
		if (has_room(sk, s->skb))
			return SEND;
		l = remember(s->q, sk);
		if (!l)
			return SEND;
	} else if (l->given_up ||
		   (!l->waiting && ct_listener_has_room(l, s->skb))) {
		return SEND;
	}
	s->mask |= BIT(l - s->q->listeners);
	return HOLD;
}

static void before(struct search *s, struct sock *sk)
{
	s->sent = sk;
	s->drops = atomic_read(&sk->sk_drops);
}

/* A refusal may have been another sender's: it is not sent again. */
static void after(struct search *s)
{
	struct ct_listener *l;

	if (!s->sent)
		return;
	l = find(s->q, s->sent);
	if (atomic_read(&s->sent->sk_drops) != s->drops) {
		s->missed++;
		if (!l && net_eq(sock_net(s->sent), ct_queue_net(s->q)))
			l = remember(s->q, s->sent);
		if (l)
			l->congested = true;
	} else if (l && !l->waiting) {
		ct_listener_forget(s->q, l);
	}
	s->sent = NULL;
}

#ifdef CT_HAVE_BROADCAST_FILTERED

static int filter(struct sock *sk, struct sk_buff *skb, void *data)
{
	struct search *s = data;

	after(s);
	if (net_eq(sock_net(sk), ct_queue_net(s->q)) && judge(s, sk) == HOLD)
		return 1;
	before(s, sk);
	return 0;
}

static void send_all(struct search *s, struct sk_buff *clone)
{
	const struct ct_batch *batch = ct_batch(s->skb);

	/* The last one may be closed, but its memory stays. */
	rcu_read_lock();
	netlink_broadcast_filtered(s->q->sock->sk, clone, batch->except,
				   batch->group, GFP_ATOMIC, filter, s);
	after(s);
	rcu_read_unlock();
}

struct pick {
	struct sock *sk;
	bool seen;
	int drops;		/* what it had refused before */
};

static int pick(struct sock *sk, struct sk_buff *skb, void *data)
{
	struct pick *p = data;

	if (sk != p->sk)
		return 1;
	p->seen = true;
	p->drops = atomic_read(&sk->sk_drops);
	return 0;
}

static enum ct_took send_one(struct ct_event_queue *q, struct sock *sk,
			     struct sk_buff *clone)
{
	struct pick p = { .sk = sk };

	if (!netlink_broadcast_filtered(q->sock->sk, clone, 0,
					NETLINK_CB(clone).dst_group,
					GFP_ATOMIC, pick, &p))
		return CT_TOOK;
	if (!p.seen)
		return CT_GONE;
	/* Else a filter of its own did not let it through. */
	return atomic_read(&sk->sk_drops) != p.drops ? CT_FULL : CT_TOOK;
}

static int open_queue(struct ct_event_queue *q)
{
	return sock_create_kern(ct_queue_net(q), PF_NETLINK, SOCK_RAW,
				NETLINK_NETFILTER, &q->sock);
}

static void close_queue(struct ct_event_queue *q)
{
	sock_release(q->sock);
}

static void __init find_list(void)
{
}

#else

static struct hlist_head *list __read_mostly;

struct found {
	struct sock *sk[CT_LISTENERS];
	unsigned int n;
	bool more;
};

/* If it wants the batch, its port, else 0: netlink passes over those that have no
 * port yet, too.
 */
static u32 wants(struct socket *sock, const struct sk_buff *skb)
{
	u32 groups, portid = port_of(sock, &groups);

	return groups & BIT(ct_batch(skb)->group - 1) ? portid : 0;
}

/* Those of the namespace. */
static void search(struct search *s, struct found *found)
{
	const struct net *net = ct_queue_net(s->q);
	unsigned long flags;
	struct sock *sk;
	u32 portid;

	/* While it is in the list, a socket has its sk_socket. */
	read_lock_irqsave(&nl_table_lock, flags);
	sk_for_each_bound(sk, list) {
		if (!net_eq(sock_net(sk), net))
			continue;
		portid = wants(sk->sk_socket, s->skb);
		if (!portid || portid == ct_batch(s->skb)->except)
			continue;
		if (found->n == CT_LISTENERS) {
			found->more = true;
			break;
		}
		sock_hold(sk);
		found->sk[found->n++] = sk;
	}
	read_unlock_irqrestore(&nl_table_lock, flags);
}

static enum ct_took send_one(struct ct_event_queue *q, struct sock *sk,
			     struct sk_buff *clone)
{
	struct ct_batch batch = { .group = NETLINK_CB(clone).dst_group };
	u32 portid = 0;
	int err;

	*ct_batch(clone) = batch;
	read_lock(&sk->sk_callback_lock);
	if (sk->sk_socket)
		portid = wants(sk->sk_socket, clone);
	read_unlock(&sk->sk_callback_lock);
	memset(clone->cb, 0, sizeof(clone->cb));
	NETLINK_CB(clone).dst_group = batch.group;
	if (!portid) {
		kfree_skb(clone);
		return CT_GONE;
	}
	err = nfnetlink_unicast(clone, ct_queue_net(q), portid);
	if (err == -ENOBUFS)
		return CT_FULL;
	return err ? CT_GONE : CT_TOOK;
}

/* To everybody at once. */
static void send_crowd(struct search *s, struct sk_buff *clone,
		       const struct found *found)
{
	const struct ct_batch *batch = ct_batch(s->skb);
	int drops[CT_LISTENERS];
	unsigned int i;

	for (i = 0; i < found->n; i++)
		drops[i] = atomic_read(&found->sk[i]->sk_drops);
	nfnetlink_broadcast(ct_queue_net(s->q), clone, batch->except,
			    batch->group, GFP_ATOMIC);
	for (i = 0; i < found->n; i++) {
		s->sent = found->sk[i];
		s->drops = drops[i];
		after(s);
	}
}

static void send_each(struct search *s, const struct found *found,
		      const enum verdict *verdict)
{
	struct sk_buff *clone;
	unsigned int i;

	for (i = 0; i < found->n; i++) {
		if (verdict[i] == HOLD)
			continue;
		clone = clone_of(s->skb);
		if (!clone) {
			tell_all(s->q, ct_batch(s->skb)->group);
			s->missed++;
			continue;
		}
		before(s, found->sk[i]);
		if (send_one(s->q, found->sk[i], clone) == CT_GONE)
			s->sent = NULL;
		after(s);
	}
}

/* More than can be told from each other: nobody is waited for. */
static void give_up_all(struct ct_event_queue *q)
{
	struct ct_listener *l;
	bool told = true;

	for (l = q->listeners; l < q->listeners + CT_LISTENERS; l++) {
		told &= l->given_up || !l->waiting;
		if (l->waiting)
			l->given_up = true;
	}
	if (told)
		return;
	tell_all(q, NFNLGRP_CONNTRACK_NEW);
	tell_all(q, NFNLGRP_CONNTRACK_UPDATE);
	tell_all(q, NFNLGRP_CONNTRACK_DESTROY);
	tell_all(q, NFNLGRP_CONNTRACK_EXP_NEW);
	tell_all(q, NFNLGRP_CONNTRACK_EXP_DESTROY);
}

static void send_all(struct search *s, struct sk_buff *clone)
{
	enum verdict verdict[CT_LISTENERS] = {};
	struct found found = {};
	bool crowd = true;
	unsigned int i;

	if (list)
		search(s, &found);
	if (found.more)
		give_up_all(s->q);
	for (i = 0; i < found.n && !found.more; i++) {
		verdict[i] = judge(s, found.sk[i]);
		crowd &= verdict[i] == SEND;
	}
	if (crowd) {
		send_crowd(s, clone, &found);
	} else {
		kfree_skb(clone);
		send_each(s, &found, verdict);
	}
	for (i = 0; i < found.n; i++)
		sock_put(found.sk[i]);
}

static int open_queue(struct ct_event_queue *q)
{
	return 0;
}

static void close_queue(struct ct_event_queue *q)
{
}

/* A group of nobody's: subscribing to it has no other effect. */
#define NO_GROUP	32

/* What a socket that has just subscribed points back to, or NULL. */
static struct hlist_node ** __init front(void)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = BIT(NO_GROUP - 1),
	};
	struct hlist_node **pprev = NULL;
	struct socket *sock;

	if (sock_create_kern(&init_net, PF_NETLINK, SOCK_RAW,
			     NETLINK_NETFILTER, &sock))
		return NULL;
	if (!kernel_bind(sock, (struct sockaddr *)&addr, sizeof(addr))) {
		read_lock_irq(&nl_table_lock);
		pprev = sock->sk->sk_bind_node.pprev;
		read_unlock_irq(&nl_table_lock);
	}
	sock_release(sock);
	return pprev;
}

/* Another one that subscribed meanwhile is before it, and not in the table. */
static void __init find_list(void)
{
	struct hlist_node **pprev;
	unsigned int i;

	BUILD_BUG_ON(NFNLGRP_MAX >= NO_GROUP);
	for (i = 0; i < 10; i++) {
		pprev = front();
		if (pprev && (void *)pprev - (void *)nl_table < ksize(nl_table)) {
			list = container_of(pprev, struct hlist_head, first);
			return;
		}
	}
	pr_warn("listeners were not found: a full one loses events at once\n");
}

#endif

enum ct_took ct_listener_offer(struct ct_event_queue *q, struct ct_listener *l,
			       struct sk_buff *skb)
{
	struct sk_buff *clone = clone_of(skb);
	enum ct_took took;

	if (!clone)
		return CT_LOST;
	took = send_one(q, l->sk, clone);
	l->congested = took == CT_FULL;
	if (!l->congested)
		l->since = jiffies;
	return took;
}

struct ct_listener *ct_listener_of(struct ct_event_queue *q, u32 portid)
{
	struct ct_listener *l;
	u32 groups, other;

	for (l = q->listeners; q->behind && l < q->listeners + CT_LISTENERS; l++) {
		if (!l->waiting)
			continue;
		other = 0;
		read_lock(&l->sk->sk_callback_lock);
		if (l->sk->sk_socket)
			other = port_of(l->sk->sk_socket, &groups);
		read_unlock(&l->sk->sk_callback_lock);
		if (other == portid)
			return l;
	}
	return NULL;
}

u32 ct_listeners_send(struct ct_event_queue *q, struct sk_buff *skb)
{
	struct search s = { .q = q, .skb = skb };
	struct sk_buff *clone = clone_of(skb);

	if (clone) {
		send_all(&s, clone);
	} else {
		tell_all(q, ct_batch(skb)->group);
		s.missed++;
	}
	if (s.missed)
		atomic64_add((u64)s.missed * ct_batch(skb)->messages, &q->lost);
	return s.mask;
}

bool ct_listeners_reap(struct ct_event_queue *q)
{
	struct ct_listener *l;

	for (l = q->listeners; l < q->listeners + CT_LISTENERS; l++) {
		if (!l->sk || !sock_flag(l->sk, SOCK_DEAD))
			continue;
		l->given_up = true;
		/* The next one another time, too. */
		if (!ct_backlog_drop(q, l, false))
			return false;
		ct_listener_forget(q, l);
	}
	return true;
}

static int released(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *n = data;
	struct ct_event_queue *q;
	bool done;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_NETFILTER)
		return NOTIFY_DONE;
	q = &ct_net(n->net)->queue;
	do {
		spin_lock_bh(&q->lock);
		done = ct_listeners_reap(q);
		spin_unlock_bh(&q->lock);
		cond_resched();
	} while (!done);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = released };

int __init ct_listeners_init(void)
{
	find_list();
	return netlink_register_notifier(&notifier);
}

void ct_listeners_exit(void)
{
	netlink_unregister_notifier(&notifier);
}

int ct_listeners_net_init(struct ct_event_queue *q)
{
	int err;

	q->listeners = kcalloc(CT_LISTENERS, sizeof(*q->listeners),
			       GFP_KERNEL_ACCOUNT);
	if (!q->listeners)
		return -ENOMEM;
	err = open_queue(q);
	if (err)
		kfree(q->listeners);
	return err;
}

void ct_listeners_net_exit(struct ct_event_queue *q)
{
	struct ct_listener *l;

	for (l = q->listeners; l < q->listeners + CT_LISTENERS; l++)
		if (l->sk)
			sock_put(l->sk);
	kfree(q->listeners);
	close_queue(q);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Sequence numbers of TCP that are changed on their way: few connections have that,
 * so how is with what is rare, and who changes packets is a hook which is there as
 * soon as a namespace has had one of them.
 */
#include <linux/bitops.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/ct/hooks.h>
#include <net/ct/net.h>
#include <net/ct/packet.h>
#include <net/ct/payer.h>
#include <net/ct/seqadj.h>
#include <net/l3mdev.h>
#include <net/tcp.h>

const struct ct_seqadj *ct_seqadj_locked(const struct ct_entry *e)
{
	const struct ct_rare *rare = ct_entry_rare(e);

	return rare ? READ_ONCE(rare->seqadj) : NULL;
}

bool ct_seqadj_get(struct ct_entry *e, struct ct_seqadj *adj)
{
	const struct ct_seqadj *found;

	if (!(ct_entry_hot(e) & IPS_SEQ_ADJUST))
		return false;
	spin_lock_bh(&e->lock);
	found = ct_seqadj_locked(e);
	if (found)
		*adj = *found;
	spin_unlock_bh(&e->lock);
	return found;
}

/* From NULL to one once, which stays. */
static struct ct_seqadj *add(struct ct_entry *e)
{
	struct ct_rare *rare = ct_entry_rare_add(e, GFP_KERNEL);
	struct ct_seqadj *adj;

	if (!rare)
		return NULL;
	if (!READ_ONCE(rare->seqadj)) {
		adj = ct_payer_zalloc(&e->cn->payer, sizeof(*adj), GFP_KERNEL);
		/* Whoever sees it sees it zeroed. */
		if (adj && cmpxchg(&rare->seqadj, NULL, adj))
			kfree(adj);
	}
	return READ_ONCE(rare->seqadj);
}

int ct_seqadj_set(struct ct_entry *e, unsigned int dir,
		  const struct ct_seqadj_way *way)
{
	const u8 family = e->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num;
	struct ct_seqadj *adj;
	int err;

	adj = add(e);
	if (!adj)
		return -ENOMEM;
	err = ct_hooks_adjust(e->cn, family);
	if (err)
		return err;
	spin_lock_bh(&e->lock);
	adj->way[dir] = *way;
	spin_unlock_bh(&e->lock);
	ct_status_set(e, IPS_SEQ_ADJUST_BIT);
	return 0;
}

void ct_seqadj_shift(struct ct_entry *e, unsigned int dir, u32 seq, s32 by)
{
	struct ct_rare *rare = ct_entry_rare(e);
	struct ct_seqadj_way *way;

	if (!by || !(ct_entry_hot(e) & IPS_SEQ_ADJUST) || !rare ||
	    !READ_ONCE(rare->seqadj))
		return;
	way = &rare->seqadj->way[dir];
	spin_lock_bh(&e->lock);
	if (way->before == way->after || ct_seqadj_is_behind(way, seq)) {
		way->pos = seq;
		way->before = way->after;
		way->after += by;
	}
	spin_unlock_bh(&e->lock);
}

/*
 * Write a number, and what the checksum is because of it, which is of words: of what
 * begins at an odd place, as options may, the bytes are where others would be.
 */
static void put_number(struct sk_buff *skb, struct tcphdr *th, void *at,
		       u32 number)
{
	const unsigned int turn = (at - (void *)th) & 1 ? 8 : 0;
	u32 was, is = (__force u32)htonl(number);

	memcpy(&was, at, sizeof(was));
	inet_proto_csum_replace4(&th->check, skb,
				 (__force __be32)rol32(was, turn),
				 (__force __be32)rol32(is, turn), false);
	memcpy(at, &is, sizeof(is));
}

/* Blocks of what is acknowledged though something before is missing (RFC 2018). */
static void put_sack(struct sk_buff *skb, struct tcphdr *th,
		     const struct ct_seqadj_way *way)
{
	u8 *opt = (u8 *)(th + 1), *end = (u8 *)th + th->doff * 4, *at;

	while (end - opt >= 2 && *opt != TCPOPT_EOL) {
		if (*opt == TCPOPT_NOP) {
			opt++;
			continue;
		}
		if (opt[1] < 2 || opt[1] > end - opt)
			return;
		if (opt[0] == TCPOPT_SACK &&
		    !((opt[1] - TCPOLEN_SACK_BASE) % TCPOLEN_SACK_PERBLOCK))
			for (at = opt + TCPOLEN_SACK_BASE; at < opt + opt[1];
			     at += 4)
				put_number(skb, th, at,
					   ct_seqadj_ack(way,
							 get_unaligned_be32(at)));
		opt += opt[1];
	}
}

/*
 * The header of a packet, made our own. Those before it may lie in pages, which
 * others write: they are looked at once more when they do not. NULL: there is none,
 * or no memory
 */
static struct tcphdr *own_header(struct sk_buff *skb, u8 l3)
{
	struct ct_packet p = { .skb = skb, .l3 = l3 }, q = p;
	struct nf_conntrack_tuple tuple;
	struct tcphdr *th;
	unsigned int len;

	if (ct_packet_begin(&p, skb_network_offset(skb), &tuple) != CT_OK ||
	    skb_ensure_writable(skb, p.l4off + sizeof(*th)) ||
	    ct_packet_begin(&q, skb_network_offset(skb), &tuple) != CT_OK ||
	    q.l4 != IPPROTO_TCP || q.l4off != p.l4off)
		return NULL;
	len = ((struct tcphdr *)(skb->data + q.l4off))->doff * 4;
	if (len < sizeof(*th) || len > q.l4len ||
	    skb_ensure_writable(skb, q.l4off + len))
		return NULL;
	return (void *)skb->data + q.l4off;
}

static unsigned int adjust(struct sk_buff *skb, u8 l3,
			   const struct ct_seqadj *adj, unsigned int dir)
{
	struct tcphdr *th = own_header(skb, l3);

	if (!th)
		return NF_DROP;
	put_number(skb, th, &th->seq,
		   ct_seqadj_seq(&adj->way[dir], ntohl(th->seq)));
	if (!th->ack)
		return NF_ACCEPT;
	put_number(skb, th, &th->ack_seq,
		   ct_seqadj_ack(&adj->way[!dir], ntohl(th->ack_seq)));
	put_sack(skb, th, &adj->way[!dir]);
	return NF_ACCEPT;
}

/* It was here before: on its way to this machine itself, or into a VRF. */
static bool was_adjusted(const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_LOCAL_IN)
		return state->in->flags & IFF_LOOPBACK;
	return netif_is_l3_master(state->out);
}

unsigned int ct_seqadj_packet(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct ct_seqadj adj;
	struct ct_entry *e;
	unsigned int verdict;

	e = ct_entry_tracked(skb, &ctinfo);
	if (likely(!e || !(ct_entry_hot(e) & IPS_SEQ_ADJUST)))
		return NF_ACCEPT;
	/* What is only about it has no numbers. */
	if (e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum != IPPROTO_TCP ||
	    ctinfo == IP_CT_RELATED || ctinfo == IP_CT_RELATED_REPLY ||
	    was_adjusted(state) || !ct_seqadj_get(e, &adj))
		return NF_ACCEPT;
	verdict = adjust(skb, state->pf, &adj, CTINFO2DIR(ctinfo));
	if (verdict != NF_ACCEPT)
		ct_stat_inc(e->cn, base.drop);
	return verdict;
}

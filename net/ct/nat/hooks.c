// SPDX-License-Identifier: GPL-2.0
/*
 * The hooks of a namespace: they ask the chains about a connection's first packet,
 * and translate all of them.
 */
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/mutex.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/hooks.h>
#include <net/ct/net.h>
#include <net/ct/packet.h>
#include <net/inet_sock.h>
#include <net/l3mdev.h>
#include <net/ndisc.h>
#include "compat.h"
#include "mangle.h"
#include "nat.h"

static DEFINE_MUTEX(nat_mutex);

/* Until one has decided. Return: a verdict */
static unsigned int ask_chains(const struct ct_nat_family *f, struct ct_entry *e,
			       struct sk_buff *skb,
			       const struct nf_hook_state *state, u32 done)
{
	const struct nf_hook_entries *chains;
	unsigned int verdict;
	unsigned int i;

	chains = rcu_dereference(f->chains[state->hook]);
	for (i = 0; chains && i < chains->num_hook_entries; i++) {
		verdict = nf_hook_entry_hookfn(&chains->hooks[i], skb,
					       (void *)state);
		if (verdict != NF_ACCEPT)
			return verdict;
		if (ct_entry_hot(e) & done)
			break;
	}
	return NF_ACCEPT;
}

static noinline unsigned int set_up(const struct ct_nat_family *f,
				    struct ct_entry *e, struct sk_buff *skb,
				    const struct nf_hook_state *state,
				    enum nf_nat_manip_type manip)
{
	const u32 done = ct_nat_done(manip);
	unsigned int verdict;

	verdict = ask_chains(f, e, skb, state, done);
	if (verdict != NF_ACCEPT || ct_entry_hot(e) & done)
		return verdict;
	return manip == NF_NAT_MANIP_SRC ? ct_nat_leave_source(e) :
					   ct_nat_leave_target(f->nn, e, state);
}

static bool has_zone(const struct ct_entry *e)
{
#ifdef CONFIG_NF_CONNTRACK_ZONES
	return e->zone.id;
#else
	return false;
#endif
}

/*
 * Forget the connection of a packet, which saw no answer, and track it as if it was
 * the first one: other rules are there now. Those of raw were asked before.
 */
static noinline unsigned int begin_anew(struct sk_buff *skb, struct ct_entry *e,
					const struct nf_hook_state *state)
{
	u16 events = READ_ONCE(e->use_event);
	struct ct_net *cn = e->cn;
	struct ct_entry *tmpl = NULL;

	/* Of one that has just ended there is nothing to be known. */
	if (!(events & CT_EVENT_LIVES))
		events = U16_MAX;
	if (has_zone(e) || events != U16_MAX) {
		tmpl = ct_template_new(&e->zone, GFP_ATOMIC);
		if (!tmpl)
			return NF_DROP;
		ct_event_choose(tmpl, U16_MAX, events);
	}
	ct_entry_kill(e, 0, 0);
	ct_entry_put(e);
	skb_set_nfct(skb, tmpl ? (unsigned long)&tmpl->ct_general : 0);
	return ct_track(cn, skb, state);
}

/*
 * A masqueraded connection that goes out elsewhere since the routes have changed
 * would show an address that is not ours there.
 */
static bool goes_astray(const struct ct_entry *e,
			const struct nf_hook_state *state)
{
	return state->hook == NF_INET_POST_ROUTING &&
	       ct_entry_out(e) != state->out->ifindex;
}

/* A packet goes through this hook twice, with a VRF and with what is below. */
static bool is_vrf(const struct nf_hook_state *state)
{
	return state->hook == NF_INET_POST_ROUTING &&
	       netif_is_l3_master(state->out);
}

/* Is it about a connection, and not of one? Its type, then, or -1. */
static int error_type(struct sk_buff *skb, const struct nf_hook_state *state)
{
	const bool v4 = state->pf == NFPROTO_IPV4;
	struct ct_packet p = { .skb = skb, .l3 = state->pf };
	struct nf_conntrack_tuple tuple;
	u8 type;

	if (ct_packet_begin(&p, skb_network_offset(skb), &tuple) != CT_OK ||
	    p.l4 != (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) ||
	    !ct_fetch(skb, p.l4off, &type))
		return -1;
	return type;
}

static bool has_one_id(const struct nf_conntrack_tuple *tuple)
{
	return tuple->dst.protonum == IPPROTO_ICMP ||
	       tuple->dst.protonum == IPPROTO_ICMPV6;
}

/* The type of its own queries: those are never of an error's. */
static bool is_query_of(const struct ct_entry *e, int type)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;

	return has_one_id(t) && t->dst.u.icmp.type == type;
}

/* A redirect tells of a network that is hidden, or soon will be. */
static bool may_pass(u32 hot, int type, u8 pf)
{
	return type != (pf == NFPROTO_IPV4 ? ICMP_REDIRECT : NDISC_REDIRECT) ||
	       (hot & (IPS_NAT_DONE_MASK | IPS_NAT_MASK)) == IPS_NAT_DONE_MASK;
}

static unsigned int translate_error(struct sk_buff *skb,
				    const struct ct_entry *e, unsigned int dir,
				    enum nf_nat_manip_type manip)
{
	if (!(ct_entry_hot(e) & ct_nat_bit(manip, dir)))
		return NF_ACCEPT;
	return ct_nat_mangle_error(skb, skb_network_offset(skb),
				   &e->dir[!dir].tuple, manip) ?
	       NF_DROP : NF_ACCEPT;
}

/* Of a packet that is related. Return: false: it is the first one of a connection */
static noinline bool is_error(struct sk_buff *skb, const struct ct_entry *e,
			      unsigned int dir,
			      const struct nf_hook_state *state,
			      enum nf_nat_manip_type manip, bool *changed,
			      unsigned int *verdict)
{
	int type = error_type(skb, state);

	if (type < 0 || is_query_of(e, type))
		return false;
	*changed = ct_entry_hot(e) & ct_nat_bit(manip, dir);
	if (may_pass(ct_entry_hot(e), type, state->pf))
		*verdict = translate_error(skb, e, dir, manip);
	else
		*verdict = NF_DROP;
	return true;
}

/* What a noted packet is when its destination was translated, and its source not. */
static bool half_way(const struct ct_stray *s, struct nf_conntrack_tuple *t)
{
	if (!ct_tuple_invert(t, &s->tuple[!s->dir]))
		return false;
	t->src.u3 = s->tuple[s->dir].src.u3;
	/* What has but one place was put there with the target. */
	if (!(s->hot & ct_nat_bit(NF_NAT_MANIP_DST, s->dir)) || !has_one_id(t))
		t->src.u = s->tuple[s->dir].src.u;
	return true;
}

/* Is an error about a packet of that tuple? */
static bool quotes(struct sk_buff *skb, u8 pf,
		   const struct nf_conntrack_tuple *tuple)
{
	struct ct_packet p = { .skb = skb, .l3 = pf };
	struct nf_conntrack_tuple now;

	return ct_packet_begin(&p, skb_network_offset(skb), &now) == CT_OK &&
	       ct_packet_read_quoted(&p, p.l4off + sizeof(struct icmphdr),
				     &now) == CT_OK &&
	       ct_tuple_equal(&now, tuple);
}

/* Is it a reset that answers a packet of that tuple? */
static bool resets(struct sk_buff *skb, u8 pf,
		   const struct nf_conntrack_tuple *tuple)
{
	struct ct_packet p = { .skb = skb, .l3 = pf };
	struct nf_conntrack_tuple now, want;

	return tuple->dst.protonum == IPPROTO_TCP &&
	       ct_tuple_invert(&want, tuple) &&
	       ct_packet_read(&p, skb_network_offset(skb), &now) == CT_OK &&
	       ct_tuple_equal(&now, &want) && p.h.tcp.rst;
}

/*
 * Is it this machine's answer to the packet that was noted last, as that was when
 * it had come so far: an error, or a reset? Who sent that is to be told of what he
 * sent, by whom he sent it to.
 */
static noinline unsigned int
translate_complaint(struct sk_buff *skb, const struct nf_hook_state *state,
		    const struct ct_stray *s, enum nf_nat_manip_type manip,
		    bool *changed)
{
	const struct nf_conntrack_tuple *sent = &s->tuple[s->dir];
	struct nf_conntrack_tuple then;

	if (!(s->hot & ct_nat_bit(manip, !s->dir)) || !half_way(s, &then))
		return NF_ACCEPT;
	if (error_type(skb, state) >= 0) {
		if (!quotes(skb, state->pf, &then))
			return NF_ACCEPT;
		*changed = true;
		return ct_nat_mangle_error(skb, skb_network_offset(skb), sent,
					   manip) ? NF_DROP : NF_ACCEPT;
	}
	/* It goes to where that came from, whose address was not changed yet. */
	if (manip != NF_NAT_MANIP_SRC || !resets(skb, state->pf, &then))
		return NF_ACCEPT;
	*changed = true;
	return ct_nat_translate(skb, sent, manip);
}

/*
 * An invalid packet of a connection that is translated. To rules it is without
 * one; what they let through looks like its others. Is it as this hook has to see
 * it, and so the one that was noted?
 */
static noinline unsigned int
translate_stray(struct sk_buff *skb, const struct nf_hook_state *state,
		enum nf_nat_manip_type manip, bool *changed)
{
	struct ct_packet p = { .skb = skb, .l3 = state->pf };
	struct nf_conntrack_tuple now, want;
	struct ct_stray s;

	local_bh_disable();
	s = *this_cpu_ptr(&ct_stray);
	local_bh_enable();
	if (!s.skb || s.cn != ct_net(state->net))
		return NF_ACCEPT;
	if (s.skb != skb)
		return state->hook == NF_INET_LOCAL_OUT ||
		       state->hook == NF_INET_POST_ROUTING ?
		       translate_complaint(skb, state, &s, manip, changed) :
		       NF_ACCEPT;
	if (!(s.hot & ct_nat_bit(manip, s.dir)))
		return NF_ACCEPT;
	/* This end is as it came, the other as it is to be, or to become. */
	if (manip == NF_NAT_MANIP_DST)
		want = s.tuple[s.dir];
	else if (!half_way(&s, &want))
		return NF_ACCEPT;
	if (ct_packet_read(&p, skb_network_offset(skb), &now) != CT_OK ||
	    !ct_tuple_equal(&now, &want))
		return NF_ACCEPT;
	*changed = true;
	return ct_nat_translate(skb, &s.tuple[!s.dir], manip);
}

/* @fresh: it was looked for in this hook which connection the packet is of */
static __always_inline unsigned int
translate(const struct ct_nat_family *f, struct sk_buff *skb,
	  const struct nf_hook_state *state, enum nf_nat_manip_type manip,
	  bool fresh, bool *changed)
{
	enum ip_conntrack_info ctinfo;
	struct ct_entry *e;
	unsigned int verdict = NF_ACCEPT;
	unsigned int dir;
	u32 hot;

	*changed = false;
	e = ct_entry_tracked(skb, &ctinfo);
	if (unlikely(!e))
		return ctinfo == IP_CT_UNTRACKED ? NF_ACCEPT :
		       translate_stray(skb, state, manip, changed);
	if (manip == NF_NAT_MANIP_SRC && unlikely(is_vrf(state)))
		return NF_ACCEPT;
	dir = CTINFO2DIR(ctinfo);
	hot = ct_entry_hot(e);

	if (manip == NF_NAT_MANIP_DST && fresh && ctinfo == IP_CT_NEW &&
	    unlikely(READ_ONCE(f->nn->revalidate)) && hot & IPS_CONFIRMED &&
	    ct_nat_is_outdated(f->nn, e)) {
		verdict = begin_anew(skb, e, state);
		e = ct_entry_tracked(skb, &ctinfo);
		if (verdict != NF_ACCEPT || !e)
			return verdict;
		dir = CTINFO2DIR(ctinfo);
		hot = ct_entry_hot(e);
	}
	if (unlikely(ctinfo == IP_CT_RELATED ||
		     ctinfo == IP_CT_RELATED_REPLY) &&
	    is_error(skb, e, dir, state, manip, changed, &verdict))
		return verdict;
	if (unlikely(!(hot & ct_nat_done(manip))) && ctinfo != IP_CT_ESTABLISHED &&
	    ctinfo != IP_CT_ESTABLISHED_REPLY) {
		verdict = set_up(f, e, skb, state, manip);
		if (verdict != NF_ACCEPT)
			return verdict;
		hot = ct_entry_hot(e);
	} else if (manip == NF_NAT_MANIP_SRC && hot & CT_HOT_OUT &&
		   dir == IP_CT_DIR_ORIGINAL && unlikely(goes_astray(e, state))) {
		if (hot & IPS_CONFIRMED)
			ct_entry_kill(e, 0, 0);
		return NF_DROP;
	}
	if (!(hot & ct_nat_bit(manip, dir)))
		return NF_ACCEPT;
	*changed = true;
	return ct_nat_translate(skb, &e->dir[!dir].tuple, manip);
}

/* An address of a packet: 0 if it has none, which no hook would see. */
static union nf_inet_addr address_of(const struct sk_buff *skb, u8 pf,
				     unsigned int v4_off, unsigned int v6_off)
{
	const unsigned int nhoff = skb_network_offset(skb);
	union nf_inet_addr addr = {};

	if (pf == NFPROTO_IPV4)
		ct_fetch(skb, nhoff + v4_off, &addr.ip);
	else
		ct_fetch(skb, nhoff + v6_off, &addr.in6);
	return addr;
}

static union nf_inet_addr source_of(const struct sk_buff *skb, u8 pf)
{
	return address_of(skb, pf, offsetof(struct iphdr, saddr),
			  offsetof(struct ipv6hdr, saddr));
}

static union nf_inet_addr target_of(const struct sk_buff *skb, u8 pf)
{
	return address_of(skb, pf, offsetof(struct iphdr, daddr),
			  offsetof(struct ipv6hdr, daddr));
}

/*
 * Where a packet goes may be known already: by early demux, or since it was sent
 * by this machine to itself. Those were translated in OUTPUT, and what is known of
 * them has to stay, since nobody would route them again.
 */
static noinline unsigned int
pre_routing_known(void *priv, struct sk_buff *skb,
		  const struct nf_hook_state *state)
{
	union nf_inet_addr was = target_of(skb, state->pf), is;
	unsigned int verdict;
	bool changed;

	verdict = translate(priv, skb, state, NF_NAT_MANIP_DST, false,
			    &changed);
	if (!changed || verdict != NF_ACCEPT)
		return verdict;
	is = target_of(skb, state->pf);
	if (!nf_inet_addr_cmp(&was, &is))
		skb_dst_drop(skb);
	return NF_ACCEPT;
}

static unsigned int nat_pre_routing(void *priv, struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	bool changed;

	if (unlikely(skb_dst(skb)))
		return pre_routing_known(priv, skb, state);
	return translate(priv, skb, state, NF_NAT_MANIP_DST, true, &changed);
}

/* Does the destination's address change, of a packet in this direction? */
static bool moves(const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	const struct ct_entry *e = ct_entry_tracked(skb, &ctinfo);
	unsigned int dir = CTINFO2DIR(ctinfo);

	return !e || !nf_inet_addr_cmp(&e->dir[dir].tuple.dst.u3,
				       &e->dir[!dir].tuple.src.u3);
}

static unsigned int nat_local_out(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	unsigned int verdict;
	bool changed;
	int err;

	verdict = translate(priv, skb, state, NF_NAT_MANIP_DST, true, &changed);
	if (likely(!changed) || verdict != NF_ACCEPT)
		return verdict;
	err = moves(skb) ? ct_nat_reroute(skb, state) :
			   ct_nat_policy(skb, state);
	return err < 0 ? NF_DROP_ERR(err) : NF_ACCEPT;
}

static unsigned int nat_post_routing(void *priv, struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	unsigned int verdict;
	bool changed;
	int err;

	verdict = translate(priv, skb, state, NF_NAT_MANIP_SRC, true, &changed);
	if (!changed || verdict != NF_ACCEPT)
		return verdict;
	err = ct_nat_policy(skb, state);
	return err < 0 ? NF_DROP_ERR(err) : NF_ACCEPT;
}

/* Is it the port of the peer of its socket no more? */
static bool is_other_port(const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	const struct ct_entry *e = ct_entry_tracked(skb, &ctinfo);
	const struct nf_conntrack_tuple *t;

	if (!e || CTINFO2DIR(ctinfo) != IP_CT_DIR_ORIGINAL)
		return false;
	t = &e->dir[IP_CT_DIR_REPLY].tuple;
	return (t->dst.protonum == IPPROTO_TCP ||
		t->dst.protonum == IPPROTO_UDP) &&
	       t->dst.u.all != skb->sk->sk_dport;
}

/* Its socket was found by the source that it had before. */
static noinline unsigned int local_in_known(void *priv, struct sk_buff *skb,
					    const struct nf_hook_state *state)
{
	union nf_inet_addr was = source_of(skb, state->pf), is;
	unsigned int verdict;
	bool changed;

	verdict = translate(priv, skb, state, NF_NAT_MANIP_SRC, true, &changed);
	if (!changed || verdict != NF_ACCEPT || inet_sk_transparent(skb->sk))
		return verdict;
	is = source_of(skb, state->pf);
	if (!nf_inet_addr_cmp(&was, &is) || is_other_port(skb))
		skb_orphan(skb);
	return NF_ACCEPT;
}

static unsigned int nat_local_in(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	bool changed;

	if (unlikely(skb->sk))
		return local_in_known(priv, skb, state);
	return translate(priv, skb, state, NF_NAT_MANIP_SRC, true, &changed);
}

#define HOOK(family, number, function, prio) {				\
	.hook = function, .pf = family, .hooknum = number, .priority = prio }

#define HOOKS(family, prefix) {						\
	HOOK(family, NF_INET_PRE_ROUTING, nat_pre_routing,		\
	     prefix ## _NAT_DST),					\
	HOOK(family, NF_INET_LOCAL_OUT, nat_local_out,			\
	     prefix ## _NAT_DST),					\
	HOOK(family, NF_INET_POST_ROUTING, nat_post_routing,		\
	     prefix ## _NAT_SRC),					\
	HOOK(family, NF_INET_LOCAL_IN, nat_local_in,			\
	     prefix ## _NAT_SRC),					\
}

static const struct nf_hook_ops hooks[2][4] = {
	HOOKS(NFPROTO_IPV4, NF_IP_PRI),
	HOOKS(NFPROTO_IPV6, NF_IP6_PRI),
};

static int turn_on(struct net *net, struct ct_nat_family *f, bool v6)
{
	unsigned int i;

	memcpy(f->ops, hooks[v6], sizeof(hooks[v6]));
	for (i = 0; i < ARRAY_SIZE(f->ops); i++)
		f->ops[i].priv = f;
	return nf_register_net_hooks(net, f->ops, ARRAY_SIZE(f->ops));
}

static int add(struct net *net, bool v6, const struct nf_hook_ops *ops)
{
	struct ct_nat_family *f = &ct_nat_net(net)->family[v6];
	int err;

	err = nf_hook_entries_insert_raw(&f->chains[ops->hooknum], ops);
	if (err)
		return err;
	if (!f->users++) {
		err = turn_on(net, f, v6);
		if (err) {
			nf_hook_entries_delete_raw(&f->chains[ops->hooknum],
						   ops);
			f->users--;
		}
	}
	return err;
}

static void del(struct net *net, bool v6, const struct nf_hook_ops *ops)
{
	struct ct_nat_family *f = &ct_nat_net(net)->family[v6];

	if (!--f->users)
		nf_unregister_net_hooks(net, f->ops, ARRAY_SIZE(f->ops));
	nf_hook_entries_delete_raw(&f->chains[ops->hooknum], ops);
}

int ct_nat_chain_add(struct net *net, u8 family, const struct nf_hook_ops *ops)
{
	int err = -EOPNOTSUPP;

	mutex_lock(&nat_mutex);
	if (family == NFPROTO_IPV4 || family == NFPROTO_INET)
		err = add(net, false, ops);
	if (family == NFPROTO_IPV6 || (family == NFPROTO_INET && !err)) {
		err = add(net, true, ops);
		if (err && family == NFPROTO_INET)
			del(net, false, ops);
	}
	mutex_unlock(&nat_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(ct_nat_chain_add);

void ct_nat_chain_del(struct net *net, u8 family,
		      const struct nf_hook_ops *ops)
{
	mutex_lock(&nat_mutex);
	if (family == NFPROTO_IPV4 || family == NFPROTO_INET)
		del(net, false, ops);
	if (family == NFPROTO_IPV6 || family == NFPROTO_INET)
		del(net, true, ops);
	mutex_unlock(&nat_mutex);
}
EXPORT_SYMBOL_GPL(ct_nat_chain_del);

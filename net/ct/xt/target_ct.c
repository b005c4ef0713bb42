// SPDX-License-Identifier: GPL-2.0
/*
 * -j CT: how a packet is to be tracked, or that it is not. A rule has a template,
 * which its packets carry until they are.
 */
#include <linux/module.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "xt.h"

/* The first that says something counts, and who was tracked (lo) stays so. */
static void give(struct sk_buff *skb, struct nf_conn *ct)
{
	struct nf_conntrack *tmpl = (struct nf_conntrack *)ct;

	if (skb_get_nfct(skb))
		return;
	if (!tmpl) {
		skb_set_nfct(skb, IP_CT_UNTRACKED);
		return;
	}
	nf_conntrack_get(tmpl);
	skb_set_nfct(skb, (unsigned long)tmpl | IP_CT_NEW);
}

static unsigned int target_0(struct sk_buff *skb,
			     const struct xt_action_param *par)
{
	const struct xt_ct_target_info *info = par->targinfo;

	give(skb, info->ct);
	return XT_CONTINUE;
}

static unsigned int target_1(struct sk_buff *skb,
			     const struct xt_action_param *par)
{
	const struct xt_ct_target_info_v1 *info = par->targinfo;

	give(skb, info->ct);
	return XT_CONTINUE;
}

/* The protocol that a rule is about, 0 if it is about several. */
static u8 protocol_of(const struct xt_tgchk_param *par)
{
	const struct ip6t_entry *v6 = par->entryinfo;
	const struct ipt_entry *v4 = par->entryinfo;

	if (par->family == NFPROTO_IPV4)
		return v4->ip.invflags & IPT_INV_PROTO ? 0 : v4->ip.proto;
	return v6->ipv6.invflags & IP6T_INV_PROTO ? 0 : v6->ipv6.proto;
}

/* What is refused of a name is said by @err, which depends on what it is of. */
static int check_name(const struct xt_tgchk_param *par, const char *what,
		      const char *name, size_t size, int no_protocol, int err)
{
	struct ct_net *cn = ct_net(par->net);

	if (!name[0])
		return 0;
	if (strnlen(name, size) == size) {
		ct_log_refuse(cn, "CT: the name of a %s is too long", what);
		return -ENAMETOOLONG;
	}
	if (!protocol_of(par)) {
		ct_log_refuse(cn, "CT: a %s is for one protocol, -p", what);
		return no_protocol;
	}
	ct_log_refuse(cn, "CT: %s \"%*pE\": ct does not have it", what,
		      (int)strlen(name), name);
	return err;
}

static u8 directions(u16 flags)
{
	switch (flags & (XT_CT_ZONE_DIR_ORIG | XT_CT_ZONE_DIR_REPL)) {
	case XT_CT_ZONE_DIR_ORIG:
		return BIT(IP_CT_DIR_ORIGINAL);
	case XT_CT_ZONE_DIR_REPL:
		return BIT(IP_CT_DIR_REPLY);
	}
	return BIT(IP_CT_DIR_ORIGINAL) | BIT(IP_CT_DIR_REPLY);
}

/* Who names events of one kind wants none of the other but those named. */
static u16 events_of(const struct xt_ct_target_info_v1 *info)
{
	u16 events = info->ct_events & CT_EVENT_CONN;

	if (info->exp_events & BIT(IPEXP_NEW))
		events |= CT_EVENT_EXPECT(IPEXP_NEW);
	if (info->exp_events & BIT(IPEXP_DESTROY))
		events |= CT_EVENT_EXPECT(IPEXP_DESTROY);
	return events;
}

static struct ct_entry *new_template(const struct xt_ct_target_info_v1 *info)
{
	const struct nf_conntrack_zone zone = {
		.id = info->zone,
		.flags = info->flags & XT_CT_ZONE_MARK ? NF_CT_FLAG_MARK : 0,
		.dir = directions(info->flags),
	};
	struct ct_entry *tmpl = ct_template_new(&zone, GFP_KERNEL_ACCOUNT);

	if (tmpl && (info->ct_events || info->exp_events))
		ct_event_choose(tmpl, U16_MAX, events_of(info));
	return tmpl;
}

/* Nothing of @info is changed but @info->ct. */
static int check(const struct xt_tgchk_param *par, u16 flags,
		 struct xt_ct_target_info_v1 *info)
{
	struct ct_entry *tmpl;
	int err;

	if (info->flags & ~flags) {
		ct_log_refuse(ct_net(par->net), "CT: unknown flags in 0x%x",
			      info->flags);
		return -EINVAL;
	}
	info->ct = NULL;
	if (info->flags & XT_CT_NOTRACK)
		return ct_xt_begin(par->net, NFPROTO_UNSPEC, "CT");
	err = ct_xt_target_begin(par);
	if (err)
		return err;
	err = check_name(par, "helper", info->helper, sizeof(info->helper),
			 -ENOENT, -EOPNOTSUPP) ?:
	      check_name(par, "timeout policy", info->timeout,
			 sizeof(info->timeout), -EINVAL, -ENOENT);
	if (err)
		goto end;
	tmpl = new_template(info);
	if (tmpl) {
		info->ct = ct_entry_conn(tmpl);
		return 0;
	}
	err = -ENOMEM;
end:
	ct_xt_end(par->net, par->family);
	return err;
}

static int check_0(const struct xt_tgchk_param *par)
{
	struct xt_ct_target_info *info = par->targinfo;
	struct xt_ct_target_info_v1 info1 = {
		.flags = info->flags,
		.zone = info->zone,
		.ct_events = info->ct_events,
		.exp_events = info->exp_events,
	};
	int err;

	memcpy(info1.helper, info->helper, sizeof(info1.helper));
	err = check(par, XT_CT_NOTRACK, &info1);
	info->ct = info1.ct;
	return err;
}

static int check_1(const struct xt_tgchk_param *par)
{
	return check(par, XT_CT_NOTRACK, par->targinfo);
}

static int check_2(const struct xt_tgchk_param *par)
{
	return check(par, XT_CT_MASK, par->targinfo);
}

/* A packet may have the template still, which is then freed with that. */
static void end(const struct xt_tgdtor_param *par, struct nf_conn *ct)
{
	if (!ct) {
		ct_xt_end(par->net, NFPROTO_UNSPEC);
		return;
	}
	ct_entry_put(ct_entry_of((struct nf_conntrack *)ct));
	ct_xt_end(par->net, par->family);
}

static void destroy_0(const struct xt_tgdtor_param *par)
{
	const struct xt_ct_target_info *info = par->targinfo;

	end(par, info->ct);
}

static void destroy_1(const struct xt_tgdtor_param *par)
{
	const struct xt_ct_target_info_v1 *info = par->targinfo;

	end(par, info->ct);
}

#define CT(pf, number, layout, like) {					\
	.name		= "CT",						\
	.revision	= number,					\
	.family		= pf,						\
	.target		= target_ ## like,				\
	.checkentry	= check_ ## number,				\
	.destroy	= destroy_ ## like,				\
	.targetsize	= sizeof(struct layout),			\
	.usersize	= offsetof(struct layout, ct),			\
	.table		= "raw",					\
	.me		= THIS_MODULE,					\
}

struct xt_target ct_xt_target_ct[6] __read_mostly = {
	CT(NFPROTO_IPV4, 0, xt_ct_target_info, 0),
	CT(NFPROTO_IPV4, 1, xt_ct_target_info_v1, 1),
	CT(NFPROTO_IPV4, 2, xt_ct_target_info_v1, 1),
	CT(NFPROTO_IPV6, 0, xt_ct_target_info, 0),
	CT(NFPROTO_IPV6, 1, xt_ct_target_info_v1, 1),
	CT(NFPROTO_IPV6, 2, xt_ct_target_info_v1, 1),
};

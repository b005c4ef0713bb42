// SPDX-License-Identifier: GPL-2.0
/* What happened to whom: from the core to whoever delivers it. */
#include <linux/export.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rcupdate.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/expect.h>
#include <net/ct/labels.h>
#include <net/ct/net.h>
#include <net/ct/proto.h>
#include "trace.h"

static const struct ct_event_sink __rcu *sink;

void ct_event_sink_set(const struct ct_event_sink *new)
{
	rcu_assign_pointer(sink, new);
	if (!new)
		synchronize_net();
}

static unsigned int event_group(u32 events)
{
	if (events & BIT(IPCT_DESTROY))
		return NFNLGRP_CONNTRACK_DESTROY;
	if (events & (BIT(IPCT_NEW) | BIT(IPCT_RELATED)))
		return NFNLGRP_CONNTRACK_NEW;
	return NFNLGRP_CONNTRACK_UPDATE;
}

/* What has happened to a connection that nobody was told of yet. */
static u32 first_events(const struct ct_entry *e)
{
	const struct nf_conntrack_tuple *t = &e->dir[IP_CT_DIR_ORIGINAL].tuple;
	u32 labels[CT_LABELS_WORDS];
	u32 events = 0;

	if (ct_proto_find(t->src.l3num, t->dst.protonum)->fill)
		events |= BIT(IPCT_PROTOINFO);
	if (ct_entry_mark(e))
		events |= BIT(IPCT_MARK);
	if (ct_entry_secmark(e))
		events |= BIT(IPCT_SECMARK);
	if (ct_labels_get(e, labels))
		events |= BIT(IPCT_LABEL);
	return events;
}

/* Is one of the events wanted? Then all of them are told. */
static bool chosen(const struct ct_entry *e, u32 *events)
{
	const u16 wanted = READ_ONCE(e->use_event);

	if (likely(*events & wanted))
		return true;
	if (*events & (BIT(IPCT_NEW) | BIT(IPCT_RELATED)))
		*events |= first_events(e);
	return *events & wanted;
}

void ct_event_choose(struct ct_entry *e, u16 which, u16 events)
{
	which &= CT_EVENT_CONN | CT_EVENT_EXPECTS;
	spin_lock_bh(&e->lock);
	if (e->use_event & CT_EVENT_LIVES)
		WRITE_ONCE(e->use_event, (e->use_event & ~which) |
					 (events & which));
	spin_unlock_bh(&e->lock);
}
EXPORT_SYMBOL_GPL(ct_event_choose);

void ct_event_end(struct ct_entry *e)
{
	spin_lock_bh(&e->lock);
	WRITE_ONCE(e->use_event, 0);
	spin_unlock_bh(&e->lock);
}

void ct_event_report(struct ct_entry *e, u32 events, u32 portid, int report)
{
	const struct ct_event_sink *s;

	if (!events || !(ct_entry_hot(e) & IPS_CONFIRMED))
		return;
	/* Others have tracepoints of their own. */
	if (trace_update_enabled() &&
	    event_group(events) == NFNLGRP_CONNTRACK_UPDATE)
		trace_update(e, events);
	if (!READ_ONCE(e->cn->events))
		return;
	if (!chosen(e, &events)) {
		if (events & BIT(IPCT_DESTROY))
			ct_event_end(e);
		return;
	}
	rcu_read_lock();
	s = rcu_dereference(sink);
	if (s && (report || s->wanted(e->cn, event_group(events))))
		s->report(e, events, portid, report);
	rcu_read_unlock();
}

void ct_event(struct ct_entry *e, u32 events)
{
	ct_event_report(e, events, 0, 0);
}
EXPORT_SYMBOL_GPL(ct_event);

void ct_event_expect(const struct ct_expect *exp,
		     enum ip_conntrack_expect_events event, u32 portid,
		     int report)
{
	const unsigned int group = event == IPEXP_NEW ?
				   NFNLGRP_CONNTRACK_EXP_NEW :
				   NFNLGRP_CONNTRACK_EXP_DESTROY;
	const struct ct_event_sink *s;

	if (!(exp->use_event & CT_EVENT_EXPECT(event)) ||
	    !READ_ONCE(exp->cn->events))
		return;
	rcu_read_lock();
	s = rcu_dereference(sink);
	if (s && (report || s->wanted(exp->cn, group)))
		s->expect(exp, group, portid, report);
	rcu_read_unlock();
}

// SPDX-License-Identifier: GPL-2.0
/* What happened to whom: from the core to whoever delivers it. */
#include <linux/export.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rcupdate.h>
#include <net/ct/entry.h>
#include <net/ct/event.h>
#include <net/ct/net.h>
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
	events &= READ_ONCE(e->use_event);
	if (!events)
		return;
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

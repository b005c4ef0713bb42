/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: ct:new, ct:update, ct:destroy, ct:evict and ct:invalid. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ct

#if !defined(_CT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _CT_TRACE_H

#include <linux/tracepoint.h>
#include <net/ct/entry.h>
#include <net/ct/net.h>
#include <net/ct/proto.h>
#include <net/ct/tuple.h>

#define CT_TRACE_ADDRESS	sizeof(struct sockaddr_in6)
#define CT_TRACE_WHY		64

DECLARE_EVENT_CLASS(ct_entry,
	TP_PROTO(const struct ct_entry *e, u32 events),

	TP_ARGS(e, events),

	TP_STRUCT__entry(
		__field(const void *, entry)
		__field(unsigned int, netns)
		__field(u32, events)
		__field(u32, status)
		__field(u32, mark)
		__field(u32, seconds)
		__field(u16, zone)
		__field(u8, l3)
		__field(u8, protocol)
		__field(u8, state)
		__array(u8, src, CT_TRACE_ADDRESS)
		__array(u8, dst, CT_TRACE_ADDRESS)
		__array(u8, reply_src, CT_TRACE_ADDRESS)
		__array(u8, reply_dst, CT_TRACE_ADDRESS)
	),

	TP_fast_assign(
		__entry->entry = e;
		__entry->netns = e->cn->inum;
		__entry->events = events;
		__entry->status = READ_ONCE(e->status);
		__entry->mark = ct_entry_mark(e);
		__entry->seconds = ct_entry_left(e) / HZ;
		__entry->zone = e->zone_id[IP_CT_DIR_ORIGINAL];
		__entry->l3 = e->dir[IP_CT_DIR_ORIGINAL].tuple.src.l3num;
		__entry->protocol =
			e->dir[IP_CT_DIR_ORIGINAL].tuple.dst.protonum;
		__entry->state = ct_trace_state(e);
		ct_trace_tuple(&e->dir[IP_CT_DIR_ORIGINAL].tuple,
			       __entry->src, __entry->dst);
		ct_trace_tuple(&e->dir[IP_CT_DIR_REPLY].tuple,
			       __entry->reply_src, __entry->reply_dst);
	),

	TP_printk("entry=%p netns=%u protocol=%u src=%pISpc dst=%pISpc reply_src=%pISpc reply_dst=%pISpc zone=%u state=%u status=0x%x mark=0x%x events=0x%x seconds=%u",
		  __entry->entry, __entry->netns, __entry->protocol,
		  __entry->src, __entry->dst, __entry->reply_src,
		  __entry->reply_dst, __entry->zone, __entry->state,
		  __entry->status, __entry->mark, __entry->events,
		  __entry->seconds)
);

/*
 * Somebody's first packet came through, or netlink made the entry. It is in the
 * table already: what another CPU does with it at once may be seen before.
 */
DEFINE_EVENT(ct_entry, new,
	TP_PROTO(const struct ct_entry *e, u32 events),
	TP_ARGS(e, events));

/* @events, bits 1 << IPCT_*, happened to an entry in the table. */
DEFINE_EVENT(ct_entry, update,
	TP_PROTO(const struct ct_entry *e, u32 events),
	TP_ARGS(e, events));

/* It leaves the table: time is up, it ended, or somebody deleted it. */
DEFINE_EVENT(ct_entry, destroy,
	TP_PROTO(const struct ct_entry *e, u32 events),
	TP_ARGS(e, events));

/* It has to make room for a new one. */
DEFINE_EVENT(ct_entry, evict,
	TP_PROTO(const struct ct_entry *e, u32 events),
	TP_ARGS(e, events));

/*
 * The tuple is of the packet, as far as it could be read. The numbers are of
 * struct ct_why: TCP's sequence numbers and the bounds that they had to keep,
 * SCTP's verification tag.
 */
TRACE_EVENT(invalid,
	TP_PROTO(const struct ct_packet *p, enum ct_invalid reason,
		 const struct nf_conntrack_tuple *tuple,
		 const struct ct_entry *e, const struct ct_why *why),

	TP_ARGS(p, reason, tuple, e, why),

	TP_STRUCT__entry(
		__field(const void *, skbaddr)
		__field(const void *, entry)
		__field(unsigned int, netns)
		__field(u32, mark)
		__field(u32, seq)
		__field(u32, end)
		__field(u32, ack)
		__field(u32, seq_low)
		__field(u32, seq_high)
		__field(u32, ack_low)
		__field(u32, ack_high)
		__field(u32, tag)
		__field(u32, tag_wanted)
		__field(u8, hook)
		__field(u8, protocol)
		__field(u8, reason)
		__field(u8, state)
		__array(u8, src, CT_TRACE_ADDRESS)
		__array(u8, dst, CT_TRACE_ADDRESS)
		__array(char, why, CT_TRACE_WHY)
	),

	TP_fast_assign(
		__entry->skbaddr = p->skb;
		__entry->entry = e;
		__entry->netns = p->cn->inum;
		__entry->mark = p->skb->mark;
		__entry->seq = why->seq;
		__entry->end = why->end;
		__entry->ack = why->ack;
		__entry->seq_low = why->seq_low;
		__entry->seq_high = why->seq_high;
		__entry->ack_low = why->ack_low;
		__entry->ack_high = why->ack_high;
		__entry->tag = why->tag;
		__entry->tag_wanted = why->tag_wanted;
		__entry->hook = p->hook;
		__entry->protocol = tuple->dst.protonum;
		__entry->reason = reason;
		__entry->state = e ? ct_trace_state(e) : 0;
		ct_trace_tuple(tuple, __entry->src, __entry->dst);
		strscpy(__entry->why, ct_invalid_text(reason), CT_TRACE_WHY);
	),

	TP_printk("skbaddr=%p entry=%p netns=%u hook=%u protocol=%u src=%pISpc dst=%pISpc mark=0x%x state=%u reason=%u (%s) seq=%u end=%u ack=%u seq_low=%u seq_high=%u ack_low=%u ack_high=%u tag=0x%x tag_wanted=0x%x",
		  __entry->skbaddr, __entry->entry, __entry->netns,
		  __entry->hook, __entry->protocol, __entry->src, __entry->dst,
		  __entry->mark, __entry->state, __entry->reason, __entry->why,
		  __entry->seq, __entry->end, __entry->ack, __entry->seq_low,
		  __entry->seq_high, __entry->ack_low, __entry->ack_high,
		  __entry->tag, __entry->tag_wanted)
);

#endif /* _CT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

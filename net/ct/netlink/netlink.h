/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NETLINK_H
#define _CT_NETLINK_H

/* What the files of the netlink layer know of each other. */

#include <linux/bits.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/ct/entry.h>
#include <net/ct/expect.h>
#include <net/ct/net.h>
#include <net/ct/seqadj.h>
#include <net/netfilter/nf_nat.h>

/* Members of a tuple that a filter looks at: bits in CTA_FILTER_ORIG_FLAGS and
 * CTA_FILTER_REPLY_FLAGS. User space knows them as numbers only.
 */
enum {
	CT_F_IP_SRC = BIT(0),
	CT_F_IP_DST = BIT(1),
	CT_F_ZONE = BIT(2),
	CT_F_PROTO = BIT(3),
	CT_F_SPORT = BIT(4),
	CT_F_DPORT = BIT(5),
	CT_F_ICMP_TYPE = BIT(6),
	CT_F_ICMP_CODE = BIT(7),
	CT_F_ICMP_ID = BIT(8),
	CT_F_ICMPV6_TYPE = BIT(9),
	CT_F_ICMPV6_CODE = BIT(10),
	CT_F_ICMPV6_ID = BIT(11),
	CT_F_ALL = BIT(12) - 1,
};

/* What CT_F_PROTO must go with. */
#define CT_F_L4		(CT_F_ALL & ~(CT_F_IP_SRC | CT_F_IP_DST | \
				      CT_F_ZONE | CT_F_PROTO))

/* Which entries a dump or a flush is about. By direction: which members of
 * tuple[] count, and the zone. value == (field & mask) for mark and status.
 */
struct ct_nl_filter {
	u8 family;
	bool zone_set;
	u16 zone;
	u32 flags[IP_CT_DIR_MAX];
	struct nf_conntrack_tuple tuple[IP_CT_DIR_MAX];
	bool dir_zone_set[IP_CT_DIR_MAX];
	u16 dir_zone[IP_CT_DIR_MAX];
	u32 mark, mark_mask;
	u32 status, status_mask;
};

/* The message that an entry goes into, when it is not an event. */
struct ct_nl_reply {
	u32 portid;
	u32 seq;
	unsigned int flags;
	unsigned int held;	/* references that are not to be told of */
	bool zero_counters;
};

enum ct_nl_request { CT_NL_CREATE, CT_NL_UPDATE, CT_NL_VERDICT };

/* For whom a request is parsed: what is looked at, and what is refused. */
struct ct_nl_target {
	enum ct_nl_request request;
	u8 l3;			/* of who is created */
	u8 l4;
	u32 status;		/* IPS_*; CONFIRMED of what is new */
};

/* What a request wants changed in an entry, parsed and valid. */
struct ct_nl_change {
	bool has_timeout, has_status, has_mark;
	u32 timeout;			/* jiffies, at most CT_LONGEST */
	u32 status;			/* IPS_* to be there afterwards */
	u32 mark, mark_mask;		/* bits to set; bits to keep */
	bool has_tcp, has_tcp_state, has_tcp_scale;
	u8 tcp_state;
	u8 tcp_scale[IP_CT_DIR_MAX];
	u8 tcp_flags[IP_CT_DIR_MAX];
	u8 tcp_mask[IP_CT_DIR_MAX];	/* which of tcp_flags count */
	bool has_sctp;
	u8 sctp_state;
	__be32 sctp_vtag[IP_CT_DIR_MAX];
	bool has_dccp, has_dccp_number;
	u8 dccp_state;
	u8 dccp_servers;		/* as in struct ct_dccp */
	u64 dccp_number;		/* of the Response to acknowledge */
	bool has_labels;		/* as for ct_labels_change(): */
	u32 labels[CT_LABELS_WORDS];
	u32 labels_mask[CT_LABELS_WORDS];
	bool has_seqadj[IP_CT_DIR_MAX];
	struct ct_seqadj seqadj;
	bool has_nat[2];		/* by enum nf_nat_manip_type */
	struct nf_nat_range2 nat[2];
};

static inline u8 ct_nl_zone_dir(const struct ct_entry *e)
{
#ifdef CONFIG_NF_CONNTRACK_ZONES
	return e->zone.dir;
#else
	return NF_CT_DEFAULT_ZONE_DIR;
#endif
}

static inline u16 ct_nl_type(u8 msg)
{
	return nfnl_msg_type(NFNL_SUBSYS_CTNETLINK, msg);
}

/* netlink.c: a reference to the entry with @tuple, or NULL */
struct ct_entry *ct_nl_find(struct ct_net *cn,
			    const struct nf_conntrack_tuple *tuple,
			    const struct nf_conntrack_zone *zone);

/* parse.c: each error comes with an extended ack */
extern const struct nla_policy ct_nl_policy[CTA_MAX + 1];
int ct_nl_parse_zone(const struct nlattr *attr, struct nf_conntrack_zone *zone,
		     struct netlink_ext_ack *extack);
int ct_nl_parse_tuple(const struct nlattr *attr, u8 family, unsigned int dir,
		      u32 flags, struct nf_conntrack_tuple *tuple,
		      struct nf_conntrack_zone *zone,
		      struct netlink_ext_ack *extack);
u8 ct_nl_family(const struct nlattr *tuple, u8 family);
int ct_nl_parse_change(const struct nlattr * const cda[],
		       const struct ct_nl_target *target,
		       struct ct_nl_change *change,
		       struct netlink_ext_ack *extack);
int ct_nl_parse_labels(const struct nlattr * const cda[],
		       struct ct_nl_change *change,
		       struct netlink_ext_ack *extack);

/* protoinfo.c */
int ct_nl_parse_protoinfo(const struct nlattr *attr, u8 l4,
			  struct ct_nl_change *change,
			  struct netlink_ext_ack *extack);
void ct_nl_set_protoinfo(struct ct_entry *e, const struct ct_nl_change *c);

/* nat.c */
int ct_nl_parse_nat(const struct nlattr *attr, u8 family,
		    struct nf_nat_range2 *range,
		    struct netlink_ext_ack *extack);
int ct_nl_want_nat(const struct ct_nl_change *c);
int ct_nl_set_nat(struct ct_entry *e, const struct ct_nl_change *c,
		  struct netlink_ext_ack *extack);

/* filter.c */
bool ct_nl_filter_wanted(const struct nlattr * const cda[], u8 family);
int ct_nl_filter_parse(const struct nlattr * const cda[], u8 family,
		       struct ct_nl_filter *filter,
		       struct netlink_ext_ack *extack);
bool ct_nl_filter_match(const struct ct_nl_filter *filter,
			const struct ct_entry *e);

/* fill.c: 0 or -EMSGSIZE, with nothing added to the message */
int ct_nl_fill_entry(struct sk_buff *skb, struct ct_entry *e,
		     const struct ct_nl_reply *reply);
int ct_nl_fill_event(struct sk_buff *skb, struct ct_entry *e, u32 events,
		     u32 portid);
int ct_nl_fill_nested(struct sk_buff *skb, struct ct_entry *e,
		      enum ip_conntrack_info ctinfo, u16 attr, u16 info_attr);

bool ct_nl_put_tuple(struct sk_buff *skb, int type,
		     const struct nf_conntrack_tuple *tuple);

/* dump.c */
int ct_nl_dump(struct sk_buff *skb, const struct nfnl_info *info,
	       const struct nlattr * const cda[]);
int ct_nl_dump_nothing(struct sk_buff *skb, const struct nfnl_info *info);
int ct_nl_dump_stats(struct sk_buff *skb, const struct nfnl_info *info);
int ct_nl_dump_expect_stats(struct sk_buff *skb, const struct nfnl_info *info);
int ct_nl_get_stats(struct sk_buff *skb, const struct nfnl_info *info);

/* What the event of a request shows, whether it changed or not. */
#define CT_NL_CHANGED	(BIT(IPCT_REPLY) | BIT(IPCT_ASSURED) | \
			 BIT(IPCT_PROTOINFO) | BIT(IPCT_HELPER) | \
			 BIT(IPCT_MARK) | BIT(IPCT_SEQADJ) | \
			 BIT(IPCT_LABEL) | BIT(IPCT_SYNPROXY))

/* change.c */
int ct_nl_change(struct ct_entry *e, const struct ct_nl_change *change,
		 struct netlink_ext_ack *extack);
int ct_nl_create(struct ct_net *cn, const struct nf_conntrack_tuple *tuple,
		 const struct nf_conntrack_zone *zone,
		 const struct ct_nl_change *change, struct ct_entry *master,
		 const struct nfnl_info *info, u32 portid);

/* expect.c: the subsystem; what is said of an expectation, as for an entry, with its
 * lock held; one that comes with a packet, on behalf of the packet's connection
 */
extern const struct nfnetlink_subsystem ct_nl_expect;
int ct_nl_fill_expect_event(struct sk_buff *skb, const struct ct_expect *exp,
			    unsigned int group, u32 portid);
int ct_nl_attach_expect(const struct nlattr *attr, struct ct_entry *master);

/* events.c, genl.c, queue.c */
extern const struct ct_event_sink ct_nl_sink;
int ct_nl_genl_init(void);
void ct_nl_genl_exit(void);
void ct_nl_queue_init(void);
void ct_nl_queue_exit(void);

#endif /* _CT_NETLINK_H */

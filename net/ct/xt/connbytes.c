// SPDX-License-Identifier: GPL-2.0
/* -m connbytes: what a connection has transferred so far. */
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/netfilter/xt_connbytes.h>
#include <net/ct/entry.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include "xt.h"

/* Those of a rule are directions, or both. */
static_assert((int)XT_CONNBYTES_DIR_ORIGINAL == (int)IP_CT_DIR_ORIGINAL &&
	      (int)XT_CONNBYTES_DIR_REPLY == (int)IP_CT_DIR_REPLY);

static u64 count(const struct ct_entry *e, const struct xt_connbytes_info *info)
{
	u64 packets = 0, bytes = 0;
	unsigned int dir;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		if (info->direction != XT_CONNBYTES_DIR_BOTH &&
		    info->direction != dir)
			continue;
		packets += atomic64_read(&e->dir[dir].packets);
		bytes += atomic64_read(&e->dir[dir].bytes);
	}
	switch (info->what) {
	case XT_CONNBYTES_PKTS:
		return packets;
	case XT_CONNBYTES_BYTES:
		return bytes;
	}
	return packets ? div64_u64(bytes, packets) : 0;
}

/* A range that is upside down is what is not wanted. */
static bool match(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_connbytes_info *info = par->matchinfo;
	const u64 from = info->count.from, to = info->count.to;
	enum ip_conntrack_info ctinfo;
	const struct ct_entry *e = ct_entry_tracked(skb, &ctinfo);
	u64 n;

	if (!e)
		return false;
	n = count(e, info);
	return from <= to ? from <= n && n <= to : n < to || n > from;
}

static int check(const struct xt_mtchk_param *par)
{
	const struct xt_connbytes_info *info = par->matchinfo;
	struct ct_net *cn = ct_net(par->net);
	int err;

	if (info->what > XT_CONNBYTES_AVGPKT) {
		ct_log_refuse(cn, "connbytes: %u is not packets, bytes or avgpkt",
			      info->what);
		return -EINVAL;
	}
	if (info->direction > XT_CONNBYTES_DIR_BOTH) {
		ct_log_refuse(cn, "connbytes: %u is not original, reply or both",
			      info->direction);
		return -EINVAL;
	}
	err = ct_xt_match_begin(par);
	if (!err)
		WRITE_ONCE(cn->acct, 1);
	return err;
}

struct xt_match ct_xt_connbytes[1] __read_mostly = { {
	.name		= "connbytes",
	.family		= NFPROTO_UNSPEC,
	.match		= match,
	.checkentry	= check,
	.destroy	= ct_xt_match_end,
	.matchsize	= sizeof(struct xt_connbytes_info),
	.me		= THIS_MODULE,
} };

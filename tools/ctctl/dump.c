// SPDX-License-Identifier: GPL-2.0
/* The table, entry by entry, filtered in the kernel as far as it can. */
#include <errno.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "ctctl.h"
#include "dump.h"
#include "netlink.h"

struct dump {
	const struct filter *filter;
	entry_cb cb;
	void *data;
	bool started;
	bool interrupted;
};

static int dump_message(const struct nlmsghdr *nlh, void *data)
{
	struct dump *d = data;
	struct entry e;

	d->started = true;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		d->interrupted = true;
	if (entry_parse(nlh, &e))
		return -1;
	return filter_match(d->filter, &e) ? d->cb(&e, d->data) : 0;
}

static int dump_family(struct nl *nl, struct dump *d, uint8_t family)
{
	char buf[NL_REQUEST_MAX];
	struct nlmsghdr *req;
	struct nl_error err;
	int ret;

	req = nl_conntrack(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);
	filter_put(d->filter, req, family);
	ret = nl_ask(nl, req, dump_message, d, &err);

	/* A kernel that cannot filter like this can still list. */
	if (ret == 1 && !d->started &&
	    filter_has_kernel_part(d->filter, family) &&
	    (err.code == EINVAL || err.code == EOPNOTSUPP)) {
		req = nl_conntrack(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);
		ret = nl_ask(nl, req, dump_message, d, &err);
	}
	if (ret == 1)
		nl_complain(&err, "read the table of connections");
	return ret ? FAILED : DONE;
}

int dump_entries(const struct filter *f, entry_cb cb, void *data)
{
	struct dump d = { .filter = f, .cb = cb, .data = data };
	struct nl nl;
	int ret;

	if (nl_open(&nl, NETLINK_NETFILTER))
		return FAILED;

	if (f->family == AF_UNSPEC && filter_wants_family(f)) {
		ret = dump_family(&nl, &d, AF_INET);
		if (ret == DONE)
			ret = dump_family(&nl, &d, AF_INET6);
	} else {
		ret = dump_family(&nl, &d, f->family);
	}
	nl_close(&nl);

	if (ret == DONE && d.interrupted)
		complain("the table changed meanwhile: entries may be missing or doubled");
	return ret;
}

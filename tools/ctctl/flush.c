// SPDX-License-Identifier: GPL-2.0
/* ctctl flush [FILTER] */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "count.h"
#include "ctctl.h"
#include "dump.h"
#include "netlink.h"
#include "print.h"

/*
 * Requests that go to the kernel together: few enough that their answers,
 * one each, fit into the socket's buffer.
 */
#define BATCH		32
#define BATCH_BYTES	(BATCH * 512)
#define REQUEST_BYTES	512	/* two tuples' worth is 200 */

struct flush {
	struct nl nl;
	char buf[BATCH_BYTES];
	size_t used;
	unsigned int pending;
	unsigned long long deleted;
};

/* Gone by itself, or taken by another process: what we wanted. */
static bool is_gone(int code)
{
	return code == ENOENT;
}

static int take_answers(struct flush *f, uint32_t first)
{
	char buf[16384];
	struct nl_error err;
	unsigned int left = f->pending;

	while (left) {
		ssize_t got = mnl_socket_recvfrom(f->nl.sock, buf, sizeof(buf));
		const struct nlmsghdr *nlh = (void *)buf;
		int len = got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			complain("cannot receive from the kernel: %s",
				 strerror(errno));
			return -1;
		}
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_type != NLMSG_ERROR ||
			    nlh->nlmsg_seq - first >= f->pending)
				continue;
			left--;
			nl_error_parse(nlh, &err);
			if (!err.code) {
				f->deleted++;
			} else if (!is_gone(err.code)) {
				nl_complain(&err, "delete a connection");
				return -1;
			}
			if (!left)
				break;
		}
	}
	return 0;
}

static int send_batch(struct flush *f)
{
	uint32_t first = f->nl.seq - f->pending + 1;
	int ret;

	if (!f->pending)
		return 0;
	if (mnl_socket_sendto(f->nl.sock, f->buf, f->used) < 0) {
		complain("cannot send to the kernel: %s", strerror(errno));
		return -1;
	}
	ret = take_answers(f, first);
	f->used = 0;
	f->pending = 0;
	return ret;
}

static void copy_attr(struct nlmsghdr *nlh, const struct nlattr *attr)
{
	/* With its flags: the tuple is nested. */
	if (attr)
		mnl_attr_put(nlh, attr->nla_type, mnl_attr_get_payload_len(attr),
			     mnl_attr_get_payload(attr));
}

static int delete_entry(const struct entry *e, void *data)
{
	struct flush *f = data;
	struct nlmsghdr *nlh;

	if (!e->tuple || !e->id_attr ||
	    mnl_attr_get_len(e->tuple) > REQUEST_BYTES / 2) {
		complain("the kernel sent an entry that cannot be identified");
		return -1;
	}

	nlh = nl_conntrack(f->buf + f->used, IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
			   e->family);
	nlh->nlmsg_seq = ++f->nl.seq;
	copy_attr(nlh, e->tuple);
	/* Not another connection that has taken the same tuple meanwhile. */
	copy_attr(nlh, e->id_attr);
	copy_attr(nlh, e->zone_attr);
	f->used += MNL_ALIGN(nlh->nlmsg_len);
	f->pending++;
	return f->pending == BATCH ? send_batch(f) : 0;
}

static void report(const struct options *opts, unsigned long long deleted)
{
	if (wants_json(opts))
		printf("{\"deleted\":%llu}\n", deleted);
	else
		printf("%llu connection%s deleted\n", deleted,
		       deleted == 1 ? "" : "s");
}

static int flush_some(const struct options *opts, const struct filter *filter)
{
	static struct flush f;
	int ret;

	if (nl_open(&f.nl, NETLINK_NETFILTER))
		return FAILED;
	ret = dump_entries(filter, delete_entry, &f);
	if (send_batch(&f))
		ret = FAILED;
	nl_close(&f.nl);
	report(opts, f.deleted);
	return ret;
}

/* A closed or empty standard input is a no. */
static bool confirmed(const struct count *count)
{
	char answer[16];

	fprintf(stderr, "Delete all %u connections? [y/N] ",
		count->entries);
	fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin)) {
		putc('\n', stderr);
		return false;
	}
	answer[strcspn(answer, "\n")] = '\0';
	return !strcasecmp(answer, "y") || !strcasecmp(answer, "yes");
}

static int flush_table(const struct options *opts, struct nl *nl)
{
	char buf[NL_REQUEST_MAX];
	struct count before;
	struct nlmsghdr *req;
	struct nl_error err;
	int ret;

	if (count_get(nl, &before))
		return FAILED;
	if (!opts->yes && isatty(STDIN_FILENO) && !confirmed(&before)) {
		complain("nothing deleted");
		return FAILED;
	}

	/* Counted again: the question may have been open for long. */
	if (count_get(nl, &before))
		return FAILED;
	req = nl_conntrack(buf, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, AF_UNSPEC);
	ret = nl_ask(nl, req, NULL, NULL, &err);
	if (ret == 1)
		nl_complain(&err, "flush the table of connections");
	if (ret)
		return FAILED;
	report(opts, before.entries);
	return DONE;
}

int cmd_flush(const struct options *opts, int argc, char **argv)
{
	struct filter filter;
	struct nl nl;
	int ret;

	ret = filter_parse(&filter, opts, false, argc, argv);
	if (ret)
		return ret;
	if (!filter.empty)
		return flush_some(opts, &filter);

	if (nl_open(&nl, NETLINK_NETFILTER))
		return FAILED;
	ret = flush_table(opts, &nl);
	nl_close(&nl);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0
/* ctctl count */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "count.h"
#include "ctctl.h"
#include "netlink.h"
#include "print.h"

static int take_attr(const struct nlattr *attr, void *data)
{
	struct count *count = data;

	switch (mnl_attr_get_type(attr)) {
	case CTA_STATS_GLOBAL_ENTRIES:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return MNL_CB_ERROR;
		count->entries = ntohl(mnl_attr_get_u32(attr));
		break;
	case CTA_STATS_GLOBAL_MAX_ENTRIES:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return MNL_CB_ERROR;
		count->limit = ntohl(mnl_attr_get_u32(attr));
		count->has_limit = true;
		break;
	}
	return MNL_CB_OK;
}

static int take_message(const struct nlmsghdr *nlh, void *data)
{
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg) ||
	    mnl_attr_parse(nlh, sizeof(struct nfgenmsg), take_attr,
			   data) == MNL_CB_ERROR) {
		complain("the kernel sent a malformed answer");
		return -1;
	}
	return 0;
}

int count_get(struct nl *nl, struct count *count)
{
	char buf[NL_REQUEST_MAX];
	struct nlmsghdr *req;
	struct nl_error err;
	int ret;

	*count = (struct count){ 0 };
	req = nl_conntrack(buf, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, AF_UNSPEC);
	ret = nl_ask(nl, req, take_message, count, &err);
	if (ret == 1)
		nl_complain(&err, "count the connections");
	return ret ? FAILED : DONE;
}

static void print_count(const struct count *count, const struct options *opts)
{
	json_t *object;

	if (wants_json(opts)) {
		object = json_pack("{s:I}", "entries",
				   (json_int_t)count->entries);
		if (count->has_limit)
			json_object_set_new(object, "limit",
					    json_integer(count->limit));
		json_dumpf(object, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(object);
	} else if (count->has_limit && count->limit && isatty(STDOUT_FILENO)) {
		printf("%u of %u\n", count->entries,
		       count->limit);
	} else {
		printf("%u\n", count->entries);
	}
}

int cmd_count(const struct options *opts, int argc, char **argv)
{
	struct count count;
	struct nl nl;
	int ret;

	ret = no_words("count", argc, argv);
	if (ret)
		return ret;
	if (nl_open(&nl, NETLINK_NETFILTER))
		return FAILED;
	ret = count_get(&nl, &count);
	nl_close(&nl);
	if (ret == DONE)
		print_count(&count, opts);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0
/* Requests, answers, and errors in the kernel's own words. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "ctctl.h"
#include "netlink.h"

/* A dump fills what the reader offers, up to 32 KiB. */
#define ANSWER_MAX	(64 * 1024)

int nl_open(struct nl *nl, int bus)
{
	int on = 1;

	nl->seq = 0;
	nl->sock = mnl_socket_open(bus);
	if (!nl->sock) {
		if (errno == EPROTONOSUPPORT)
			complain("no connection tracker is loaded: try 'modprobe ct hooks=init'");
		else
			complain("cannot open a netlink socket: %s",
				 strerror(errno));
		return -1;
	}
	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		complain("cannot bind a netlink socket: %s", strerror(errno));
		mnl_socket_close(nl->sock);
		return -1;
	}
	nl->portid = mnl_socket_get_portid(nl->sock);

	/* Without these, errors are just plainer. */
	mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

void nl_close(struct nl *nl)
{
	mnl_socket_close(nl->sock);
}

struct nlmsghdr *nl_conntrack(void *buf, uint8_t msg, uint16_t flags,
			      uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | msg;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = 0;
	return nlh;
}

static int take_text(const struct nlattr *attr, void *data)
{
	struct nl_error *err = data;

	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
		snprintf(err->text, sizeof(err->text), "%s",
			 mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

void nl_error_parse(const struct nlmsghdr *nlh, struct nl_error *err)
{
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	size_t skip = sizeof(int);
	int code = 0;

	memset(err, 0, sizeof(*err));
	if (len >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof(code));
	err->code = -code;

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

		skip = sizeof(*e);
		/* Uncapped, the request's payload comes before the words. */
		if (len >= skip && !(nlh->nlmsg_flags & NLM_F_CAPPED) && code &&
		    e->msg.nlmsg_len >= sizeof(e->msg))
			skip += NLMSG_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	}
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && len > skip)
		mnl_attr_parse(nlh, skip, take_text, err);
}

int nl_ask(struct nl *nl, struct nlmsghdr *req, nl_cb cb, void *data,
	   struct nl_error *err)
{
	static char buf[ANSWER_MAX];

	req->nlmsg_seq = ++nl->seq;
	memset(err, 0, sizeof(*err));
	if (mnl_socket_sendto(nl->sock, req, req->nlmsg_len) < 0) {
		complain("cannot send to the kernel: %s", strerror(errno));
		return -1;
	}

	for (;;) {
		ssize_t got = mnl_socket_recvfrom(nl->sock, buf, sizeof(buf));
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
			if (nlh->nlmsg_seq != req->nlmsg_seq)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR ||
			    nlh->nlmsg_type == NLMSG_DONE) {
				nl_error_parse(nlh, err);
				return err->code != 0;
			}
			if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && cb &&
			    cb(nlh, data) < 0)
				return -1;
		}
	}
}

int nl_complain(const struct nl_error *err, const char *what)
{
	const char *hint = "";

	if (err->code == EPERM)
		hint = "; it takes CAP_NET_ADMIN in this network namespace";
	else if (!err->text[0] &&
		 (err->code == EINVAL || err->code == EOPNOTSUPP))
		hint = "; is a connection tracker loaded ('modprobe ct hooks=init')?";

	if (err->text[0])
		complain("cannot %s: %s (%s)%s", what, err->text,
			 strerror(err->code), hint);
	else
		complain("cannot %s: %s%s", what, strerror(err->code), hint);
	return FAILED;
}

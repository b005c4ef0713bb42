// SPDX-License-Identifier: GPL-2.0
/* ctctl events [FILTER] */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "count.h"
#include "ctctl.h"
#include "filter.h"
#include "netlink.h"
#include "print.h"

/* Room for a burst while the terminal is slow. */
#define RECEIVE_BYTES	(8 * 1024 * 1024)

static atomic_int stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static int join(struct nl *nl, const struct filter *f)
{
	static const struct {
		enum event event;
		int group;
	} groups[] = {
		{ EVENT_NEW,		NFNLGRP_CONNTRACK_NEW },
		{ EVENT_UPDATE,		NFNLGRP_CONNTRACK_UPDATE },
		{ EVENT_DESTROY,	NFNLGRP_CONNTRACK_DESTROY },
	};
	int fd = mnl_socket_get_fd(nl->sock), bytes = RECEIVE_BYTES;
	size_t i;

	/* Past the system's limit if we may, else up to it. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		int group = groups[i].group;

		if (!(f->events & groups[i].event))
			continue;
		if (mnl_socket_setsockopt(nl->sock, NETLINK_ADD_MEMBERSHIP,
					  &group, sizeof(group)) < 0) {
			complain("cannot listen to events: %s%s",
				 strerror(errno), errno == EPERM ?
				 "; it takes CAP_NET_ADMIN in this network namespace" :
				 "");
			return -1;
		}
	}
	return 0;
}

static enum event event_of(const struct nlmsghdr *nlh)
{
	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_CTNETLINK)
		return EVENT_NONE;
	switch (NFNL_MSG_TYPE(nlh->nlmsg_type)) {
	case IPCTNL_MSG_CT_NEW:
		return nlh->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL) ?
		       EVENT_NEW : EVENT_UPDATE;
	case IPCTNL_MSG_CT_DELETE:
		return EVENT_DESTROY;
	default:
		return EVENT_NONE;
	}
}

static int show(const struct nlmsghdr *nlh, const struct filter *f,
		const struct printer *printer)
{
	enum event event = event_of(nlh);
	struct entry e;

	if (!(event & f->events))
		return 0;
	if (entry_parse(nlh, &e))
		return -1;
	if (!filter_match(f, &e))
		return 0;

	printer->entry(&e, event);
	if (fflush(stdout) == 0)
		return 0;
	/* Told to stop while the reader did not read: no error of ours. */
	if (stopped)
		clearerr(stdout);
	return -1;
}

/* One datagram; nothing is lost that the kernel did not say was. */
static int read_events(struct nl *nl, const struct filter *f,
		       const struct printer *printer)
{
	static char buf[64 * 1024];
	const struct nlmsghdr *nlh = (void *)buf;
	ssize_t got;
	int len;

	got = mnl_socket_recvfrom(nl->sock, buf, sizeof(buf));
	if (got < 0 && errno == ENOBUFS) {
		complain("events were lost: they came faster than they were read");
		return 0;
	}
	if (got < 0 && errno != EINTR && errno != EAGAIN) {
		complain("cannot receive from the kernel: %s", strerror(errno));
		return -1;
	}
	if (got < 0)
		return 0;

	for (len = got; mnl_nlmsg_ok(nlh, len);
	     nlh = mnl_nlmsg_next(nlh, &len))
		if (show(nlh, f, printer))
			return -1;
	return 0;
}

/* A signal between the test and the wait must end the wait: blocked there. */
static int wait_readable(struct pollfd *fd, const sigset_t *signals)
{
	sigset_t usual;
	int ret = 0;

	sigprocmask(SIG_BLOCK, signals, &usual);
	if (!stopped)
		ret = ppoll(fd, 1, NULL, &usual);
	sigprocmask(SIG_SETMASK, &usual, NULL);
	if (ret >= 0 || errno == EINTR)
		return 0;
	complain("cannot wait for events: %s", strerror(errno));
	return -1;
}

static int follow(struct nl *nl, const struct filter *f,
		  const struct printer *printer)
{
	struct pollfd fd = {
		.fd = mnl_socket_get_fd(nl->sock), .events = POLLIN
	};
	struct sigaction action = { .sa_handler = stop };
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	while (!stopped) {
		if (wait_readable(&fd, &signals))
			return FAILED;
		if (!stopped && read_events(nl, f, printer) && !stopped)
			return FAILED;
	}
	return DONE;
}

int cmd_events(const struct options *opts, int argc, char **argv)
{
	const struct printer *printer = printer_for(opts);
	struct filter filter;
	struct count count;
	struct nl nl;
	int ret;

	ret = filter_parse(&filter, opts, true, argc, argv);
	if (ret)
		return ret;
	if (nl_open(&nl, NETLINK_NETFILTER))
		return FAILED;

	/* Without a tracker one could listen for ever: find out first. */
	ret = count_get(&nl, &count);
	if (ret == DONE && join(&nl, &filter))
		ret = FAILED;
	if (ret == DONE) {
		printer->begin(true);
		ret = follow(&nl, &filter, printer);
		printer->end();
	}
	nl_close(&nl);
	return ret;
}

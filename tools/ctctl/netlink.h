/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CTCTL_NETLINK_H
#define CTCTL_NETLINK_H

#include <stdbool.h>
#include <stdint.h>
#include <libmnl/libmnl.h>

#define NL_REQUEST_MAX	4096	/* no request of ours comes near */

struct nl {
	struct mnl_socket *sock;
	unsigned int portid;
	uint32_t seq;
};

/**
 * struct nl_error - why the kernel said no
 * @code: an errno, 0 if there was no error
 * @text: the kernel's own words (extended ack), or empty
 */
struct nl_error {
	int code;
	char text[256];
};

/* Called for each message of an answer; a negative result ends it. */
typedef int (*nl_cb)(const struct nlmsghdr *nlh, void *data);

/**
 * nl_open() - open a netlink socket with errors in words
 * @nl: filled
 * @bus: NETLINK_NETFILTER or NETLINK_GENERIC
 *
 * Return: 0, or -1 with a complaint printed.
 */
int nl_open(struct nl *nl, int bus);
void nl_close(struct nl *nl);

/* Start a request about connections in @buf, NL_REQUEST_MAX bytes. */
struct nlmsghdr *nl_conntrack(void *buf, uint8_t msg, uint16_t flags,
			      uint8_t family);

/**
 * nl_ask() - send a request and hand its whole answer to @cb
 * @nl: the socket
 * @req: NLM_F_REQUEST | NLM_F_ACK, or with NLM_F_DUMP
 * @cb: may be NULL
 * @data: for @cb
 * @err: what the kernel objected to
 *
 * Return: 0; 1 if the kernel refused, with @err filled and nothing printed;
 * -1 if the socket failed or @cb did, with a complaint printed.
 */
int nl_ask(struct nl *nl, struct nlmsghdr *req, nl_cb cb, void *data,
	   struct nl_error *err);

/* Take an NLMSG_ERROR, or an NLMSG_DONE, apart. */
void nl_error_parse(const struct nlmsghdr *nlh, struct nl_error *err);

/**
 * nl_complain() - explain a refusal
 * @err: as nl_ask() left it
 * @what: what was tried, "list the connections"
 *
 * Return: FAILED
 */
int nl_complain(const struct nl_error *err, const char *what);

#endif /* CTCTL_NETLINK_H */

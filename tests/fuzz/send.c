// SPDX-License-Identifier: GPL-2.0
/*
 * usage: send CASES [ANSWERS]
 *
 * The datagrams of CASES (netlink.py) to the kernel, one after the other. With
 * ANSWERS, what it says of each goes there, in two lines: each message's error
 * and what it answered, and the table afterwards, or "=" if it is as before.
 * What differs from run to run (ids, use counts, seconds) is left out. Without,
 * a packet follows on each datagram, for rules that it may have made; at the end
 * it says how many messages were not refused, and fails if hardly any.
 *
 * All of nfnetlink answers before send() returns, or while recv() asks for more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef NLM_F_CAPPED
#define NLM_F_CAPPED	0x100
#define NLM_F_ACK_TLVS	0x200
#endif

/* Of the messages that the table is asked for by. */
#define OWN_SEQ		0xffffffff
/* In the place of a CTA_ID: that of the table's first entry. */
#define ID_HERE		0xfeedf00d
/* Timeouts are told apart by this many seconds (netlink.py). */
#define QUANTUM		10000
/* In the place of the number of the generic netlink family "ct". */
#define FAMILY_HERE	0x7f7f

#define MAX_ROWS	4096
#define MAX_DATAGRAM	65536

struct rows {
	char *row[MAX_ROWS];
	unsigned int count;
};

static int netfilter, generic, udp;
/* nf_conntrack tells of no entry that was made while nobody listened, not even
 * him who asked for it by NLM_F_ECHO.
 */
static int listener;
static unsigned short family;
/* The CTA_ID of the first entry, by its text. */
static unsigned int first_id;
static char buffer[1 << 20];

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int open_socket(int protocol)
{
	const int size = 1 << 22, one = 1;
	int s = socket(AF_NETLINK, SOCK_RAW, protocol);

	if (s < 0)
		die("socket");
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return s;
}

static void listen_to_events(void)
{
	int group;

	listener = open_socket(NETLINK_NETFILTER);
	for (group = NFNLGRP_CONNTRACK_NEW; group <= NFNLGRP_CONNTRACK_DESTROY;
	     group++)
		if (setsockopt(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			       &group, sizeof(group)))
			die("NETLINK_ADD_MEMBERSHIP");
}

static void add(struct rows *rows, char *row)
{
	if (rows->count == MAX_ROWS) {
		fprintf(stderr, "more than %d messages\n", MAX_ROWS);
		exit(2);
	}
	rows->row[rows->count++] = row;
}

static void forget(struct rows *rows)
{
	while (rows->count)
		free(rows->row[--rows->count]);
}

static char *put_hex(char *to, const void *data, unsigned int len)
{
	const unsigned char *from = data;

	while (len--)
		to += sprintf(to, "%02x", *from++);
	return to;
}

static unsigned int be32(const void *data)
{
	const unsigned char *p = data;

	return (unsigned int)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Of an entry, all but what no two trackers agree on; and what nf_conntrack,
 * of all entries that netlink has made, says of SYNPROXY.
 */
static char *entry_attr(char *to, const struct nlattr *nla)
{
	const int type = nla->nla_type & NLA_TYPE_MASK;

	if (type == CTA_ID || type == CTA_USE || type == CTA_SYNPROXY)
		return to;
	if (type == CTA_TIMEOUT)
		return to + sprintf(to, "t%u ", be32(nla + 1) / QUANTUM);
	to = put_hex(to, nla, nla->nla_len);
	*to++ = ' ';
	return to;
}

static char *other_attr(char *to, const struct nlattr *nla)
{
	return to + sprintf(to, "%d:%d ", nla->nla_type, nla->nla_len);
}

static char *describe(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *msg = NLMSG_DATA(nlh);
	const unsigned int head = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(*msg)));
	const bool entry = nlh->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8);
	const char *end = (const char *)nlh + nlh->nlmsg_len;
	const struct nlattr *nla = (const void *)((const char *)nlh + head);
	char *row = malloc(3 * nlh->nlmsg_len + 100), *to = row;

	to += sprintf(to, "%04x/%x/%d ", nlh->nlmsg_type,
		      nlh->nlmsg_seq == OWN_SEQ ? 0 : nlh->nlmsg_flags,
		      msg->nfgen_family);
	while ((const char *)nla < end) {
		to = entry ? entry_attr(to, nla) : other_attr(to, nla);
		nla = (const void *)((const char *)nla +
				     NLA_ALIGN(nla->nla_len));
	}
	to[-1] = '\0';
	return row;
}

static unsigned int id_of(const struct nlmsghdr *nlh)
{
	const char *end = (const char *)nlh + nlh->nlmsg_len;
	const struct nlattr *nla = (const void *)((const char *)nlh + 20);

	for (; (const char *)nla < end;
	     nla = (const void *)((const char *)nla + NLA_ALIGN(nla->nla_len)))
		if ((nla->nla_type & NLA_TYPE_MASK) == CTA_ID)
			return *(const unsigned int *)(nla + 1);
	return 0;
}

/* SEQ=ERRNO, and "?" behind it if the kernel does not say what is wrong. */
static char *describe_error(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = NLMSG_DATA(nlh);
	char *row = malloc(64);

	sprintf(row, "%u=%d%s", nlh->nlmsg_seq, -e->error,
		e->error && !(nlh->nlmsg_flags & NLM_F_ACK_TLVS) ? "?" : "");
	return row;
}

/* Everything that is there to be read. */
static void receive(int s, struct rows *errors, struct rows *messages)
{
	const char *first = NULL;
	ssize_t len;

	while ((len = recv(s, buffer, sizeof(buffer), MSG_DONTWAIT)) != -1) {
		struct nlmsghdr *nlh = (struct nlmsghdr *)buffer;

		for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			if (!errors)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				add(errors, describe_error(nlh));
			} else if (nlh->nlmsg_type == NLMSG_DONE) {
				char *row = malloc(32);

				sprintf(row, "%u=done", nlh->nlmsg_seq);
				add(errors, row);
			} else {
				char *row = describe(nlh);

				add(messages, row);
				if (nlh->nlmsg_seq == OWN_SEQ &&
				    (!first || strcmp(row, first) < 0)) {
					first = row;
					first_id = id_of(nlh);
				}
			}
		}
	}
	if (errno != EAGAIN && errno != ENOBUFS)
		die("recv");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_rows(FILE *f, const struct rows *rows)
{
	unsigned int i;

	for (i = 0; i < rows->count; i++)
		fprintf(f, "%s%s", i ? "|" : "", rows->row[i]);
}

static bool same(const struct rows *a, const struct rows *b)
{
	unsigned int i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (strcmp(a->row[i], b->row[i]))
			return false;
	return true;
}

static void ask(int s, unsigned short type, unsigned short flags)
{
	struct {
		struct nlmsghdr nlh;
		struct nfgenmsg msg;
	} rq = {
		.nlh = {
			.nlmsg_len = sizeof(rq),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | flags,
			.nlmsg_seq = OWN_SEQ,
		},
	};

	if (send(s, &rq, sizeof(rq), 0) < 0)
		die("send");
}

static void table_of(struct rows *table)
{
	struct rows errors = {};

	first_id = 0;
	ask(netfilter, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
	    NLM_F_DUMP);
	receive(netfilter, &errors, table);
	forget(&errors);
	qsort(table->row, table->count, sizeof(*table->row), by_text);
}

static void flush(void)
{
	struct rows errors = {}, messages = {};

	ask(netfilter, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
	    NLM_F_ACK);
	receive(netfilter, &errors, &messages);
	forget(&errors);
	forget(&messages);
}

/* What only the machine knows, put into a datagram. */
static void fill_in(char *data, unsigned int len)
{
	const unsigned int want = ID_HERE;
	unsigned int i;

	for (i = 0; i + 4 <= len; i += 4)
		if (!memcmp(data + i, &want, 4))
			memcpy(data + i, &first_id, 4);
	if (len >= NLMSG_HDRLEN &&
	    ((struct nlmsghdr *)data)->nlmsg_type == FAMILY_HERE)
		((struct nlmsghdr *)data)->nlmsg_type = family;
}

static bool is_generic(const char *data, unsigned int len)
{
	const struct nlmsghdr *nlh = (const void *)data;

	return len >= NLMSG_HDRLEN && nlh->nlmsg_type == FAMILY_HERE;
}

static void find_family(void)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr nla;
		char name[4];
	} rq = {
		.nlh = { sizeof(rq), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0 },
		.genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
		.nla = { sizeof(rq.nla) + 3, CTRL_ATTR_FAMILY_NAME },
		.name = "ct",
	};
	const struct nlattr *nla;
	ssize_t len;

	if (send(generic, &rq, sizeof(rq), 0) < 0)
		die("send");
	len = recv(generic, buffer, sizeof(buffer), 0);
	for (nla = (const void *)(buffer + NLMSG_LENGTH(GENL_HDRLEN));
	     (const char *)nla < buffer + len && nla->nla_len >= 4;
	     nla = (const void *)((const char *)nla + NLA_ALIGN(nla->nla_len)))
		if (nla->nla_type == CTRL_ATTR_FAMILY_ID)
			family = *(const unsigned short *)(nla + 1);
	receive(generic, NULL, NULL);
}

/* A packet that meets the rules of the namespace. */
static void send_packet(void)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	/* A rule may refuse it. */
	(void)!sendto(udp, "", 1, MSG_DONTWAIT, (const struct sockaddr *)&to,
		      sizeof(to));
}

/* What was said of a datagram, and the table afterwards. */
static void write_answers(FILE *out, struct rows *before)
{
	struct rows errors = {}, messages = {}, after = {};

	receive(netfilter, &errors, &messages);
	qsort(messages.row, messages.count, sizeof(char *), by_text);
	print_rows(out, &errors);
	fputs(" : ", out);
	print_rows(out, &messages);
	fputc('\n', out);
	table_of(&after);
	if (same(before, &after))
		fputc('=', out);
	else
		print_rows(out, &after);
	fputc('\n', out);
	forget(before);
	*before = after;
	forget(&errors);
	forget(&messages);
}

/* How many of the datagram's messages were not refused. */
static unsigned int count_taken(int s)
{
	struct rows errors = {}, messages = {};
	unsigned int i, taken = 0;

	receive(s, &errors, &messages);
	for (i = 0; i < errors.count; i++)
		taken += !strcmp(strchr(errors.row[i], '='), "=0");
	forget(&errors);
	forget(&messages);
	return taken;
}

/* The next datagram, or false at the end. */
static bool next_datagram(FILE *in, char *data, unsigned int *len)
{
	if (fread(len, sizeof(*len), 1, in) != 1)
		return false;
	if (*len > MAX_DATAGRAM || (*len && fread(data, *len, 1, in) != 1))
		die("cases");
	return true;
}

/* An empty datagram begins a new case, with an empty table. */
int main(int argc, char **argv)
{
	static unsigned int words[MAX_DATAGRAM / 4];
	unsigned int len, count = 0, taken = 0;
	char *const data = (char *)words;
	struct rows before = {};
	FILE *in, *out = NULL;

	in = fopen(argc > 1 ? argv[1] : "", "r");
	if (!in)
		die("usage: send CASES [ANSWERS]");
	if (argc > 2) {
		out = fopen(argv[2], "w");
		if (!out)
			die(argv[2]);
	}
	netfilter = open_socket(NETLINK_NETFILTER);
	generic = open_socket(NETLINK_GENERIC);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	if (udp < 0)
		die("socket");
	listen_to_events();
	find_family();
	while (next_datagram(in, data, &len)) {
		int s = is_generic(data, len) ? generic : netfilter;

		if (!len) {
			flush();
			forget(&before);
			first_id = 0;
			if (out)
				fprintf(out, "case\n");
			continue;
		}
		fill_in(data, len);
		/* Refused as a whole, it is as good as not sent. */
		(void)!send(s, data, len, MSG_DONTWAIT);
		count++;
		if (out) {
			write_answers(out, &before);
		} else {
			taken += count_taken(s);
			send_packet();
		}
		receive(listener, NULL, NULL);
	}
	flush();
	if (out && fclose(out))
		die(argv[2]);
	if (!out)
		printf("# %u datagrams, %u messages taken\n", count, taken);
	/* What the kernel refuses unseen tests nothing. */
	return !out && taken < count / 4;
}

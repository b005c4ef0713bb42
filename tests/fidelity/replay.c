// SPDX-License-Identifier: GPL-2.0
/*
 * usage: replay FILE.pcap ANSWERS FD-A FD-B QUEUE [WIRE.pcap]
 *
 * Feed the packets of FILE (raw IP) into TUN devices, and write down what the
 * tracker says of each, a line a packet. Rules in the forward hook put into the
 * packet's mark how it relates to its connection (replay.py), a queue behind
 * them tells the rest: "2 1{...}", or "-" for an invalid packet, "u" for one that
 * is not tracked. Nothing at all on a line: the packet did not get that far.
 *
 * With WIRE.pcap, addresses are translated: FILE has a conversation as who began it
 * sees it, and what the other end says is sent as it has to be after what came out
 * there (view.h). What was sent and what came out is written to WIRE, the number of
 * the packet in FILE in the place of seconds, and in that of microseconds 0 or 1
 * for what was sent from A or B, 2 or 3 for what came out there.
 *
 * Time passes as the time stamps say. Before more than a second of it passes,
 * and at the end, a line "T ..." has the whole table, sorted.
 *
 * Writing to a TUN device does all the work before it returns: no packet is
 * under way when the queue is read. A virtual machine that counts instructions
 * jumps over time in which nobody runs; so the files are in memory before the
 * first packet, and after the last.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "view.h"

/* The guest's timeouts are this far apart: what is left tells which it was. */
#define TIMEOUT_STEP	7

static char buf[1 << 16];

static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("replay: ", stderr);
	vfprintf(stderr, format, args);
	if (errno)
		fprintf(stderr, ": %s", strerror(errno));
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* Text that grows. */
struct text {
	char *data;
	size_t len, room;
};

static char *text_room(struct text *t, size_t more)
{
	if (t->len + more > t->room) {
		t->room = 2 * (t->len + more);
		t->data = realloc(t->data, t->room);
		if (!t->data)
			die("no memory");
	}
	return t->data + t->len;
}

static void put(struct text *t, const char *format, ...)
{
	va_list args;

	text_room(t, 64);
	va_start(args, format);
	t->len += vsnprintf(t->data + t->len, 64, format, args);
	va_end(args);
}

static void put_hex(struct text *t, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *to = text_room(t, 2 * len);
	size_t i;

	for (i = 0; i < len; i++) {
		*to++ = digits[data[i] >> 4];
		*to++ = digits[data[i] & 15];
	}
	t->len += 2 * len;
}

/*
 * Attributes in the order of their numbers, whatever order they come in. What
 * is the same by chance only is left out.
 */
static void put_nest(struct text *t, const void *data, size_t len, bool top);

static bool is_left_out(uint16_t type, bool confirmed)
{
	switch (type) {
	case CTA_USE:
	case CTA_ID:
	case CTA_TIMESTAMP:
		return true;
	case CTA_TIMEOUT:
		return !confirmed;
	default:
		return false;
	}
}

static void put_attribute(struct text *t, const struct nlattr *a, bool top)
{
	uint16_t type = mnl_attr_get_type(a);

	put(t, "%u", type);
	if (a->nla_type & NLA_F_NESTED) {
		put(t, "{");
		put_nest(t, mnl_attr_get_payload(a),
			 mnl_attr_get_payload_len(a), false);
		put(t, "}");
		return;
	}
	put(t, "=");
	if (top && type == CTA_TIMEOUT)
		put(t, "%u", ntohl(mnl_attr_get_u32(a)) / TIMEOUT_STEP);
	else
		put_hex(t, mnl_attr_get_payload(a),
			mnl_attr_get_payload_len(a));
}

#define MOST_ATTRIBUTES	32

static void put_nest(struct text *t, const void *data, size_t len, bool top)
{
	const struct nlattr *attr, *sorted[MOST_ATTRIBUTES] = { };
	bool confirmed = false, first = true;
	unsigned int type;

	mnl_attr_for_each_payload(data, len) {
		type = mnl_attr_get_type(attr);
		if (type >= MOST_ATTRIBUTES)
			die("attribute %u is not known", type);
		sorted[type] = attr;
		if (type == CTA_STATUS && top)
			confirmed = ntohl(mnl_attr_get_u32(attr)) &
				    IPS_CONFIRMED;
	}
	for (type = 0; type < MOST_ATTRIBUTES; type++) {
		attr = sorted[type];
		if (!attr || (top && is_left_out(type, confirmed)))
			continue;
		if (!first)
			put(t, ",");
		first = false;
		put_attribute(t, attr, top);
	}
}

/* The queue */

static struct mnl_socket *open_socket(void)
{
	struct mnl_socket *s = mnl_socket_open(NETLINK_NETFILTER);

	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID))
		die("netlink");
	return s;
}

static struct nlmsghdr *queue_message(uint16_t type, uint16_t flags,
				      uint16_t queue)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(queue);
	return h;
}

/* Send @h, wait for its acknowledgment. */
static void transact(struct mnl_socket *s, const struct nlmsghdr *h)
{
	ssize_t n;

	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		die("netlink");
	n = mnl_socket_recvfrom(s, buf, sizeof(buf));
	if (n < 0 || mnl_cb_run(buf, n, 0, mnl_socket_get_portid(s), NULL,
				NULL) < 0)
		die("netlink");
}

static struct mnl_socket *open_queue(uint16_t queue)
{
	struct nfqnl_msg_config_cmd bind = {
		.command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_INET),
	};
	/* No copies of packets, they are known. */
	struct nfqnl_msg_config_params meta = { .copy_mode = NFQNL_COPY_META };
	struct mnl_socket *s = open_socket();
	struct nlmsghdr *h;
	int size = 1 << 22;

	h = queue_message(NFQNL_MSG_CONFIG, NLM_F_ACK, queue);
	mnl_attr_put(h, NFQA_CFG_CMD, sizeof(bind), &bind);
	transact(s, h);
	h = queue_message(NFQNL_MSG_CONFIG, NLM_F_ACK, queue);
	mnl_attr_put(h, NFQA_CFG_PARAMS, sizeof(meta), &meta);
	mnl_attr_put_u32(h, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_CONNTRACK));
	mnl_attr_put_u32(h, NFQA_CFG_MASK, htonl(NFQA_CFG_F_CONNTRACK));
	transact(s, h);
	setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		   sizeof(size));
	if (fcntl(mnl_socket_get_fd(s), F_SETFL, O_NONBLOCK))
		die("netlink");
	return s;
}

static void accept_packet(struct mnl_socket *s, uint16_t queue, uint32_t id)
{
	struct nfqnl_msg_verdict_hdr verdict = {
		.verdict = htonl(1 /* NF_ACCEPT */), .id = id,
	};
	struct nlmsghdr *h = queue_message(NFQNL_MSG_VERDICT, 0, queue);

	mnl_attr_put(h, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		die("the verdict");
}

/* What a rule sees, by bits of the mark (replay.py). */
#define SEEN_INVALID	0x01
#define SEEN_ESTABLISHED	0x02
#define SEEN_RELATED	0x04
#define SEEN_NEW	0x08
#define SEEN_UNTRACKED	0x40
#define SEEN_STATE	0x7f
#define SEEN_REPLY	0x80
#define SEEN_STATUS(mark)	((mark) >> 8)
/* Those that nft has a name for. */
#define STATUS_SEEN	(IPS_EXPECTED | IPS_SEEN_REPLY | IPS_ASSURED | \
			 IPS_CONFIRMED | IPS_SRC_NAT | IPS_DST_NAT | IPS_DYING)

/* As the kernel numbers it, enum ip_conntrack_info. */
static uint32_t relation(uint32_t mark)
{
	bool reply = mark & SEEN_REPLY;

	switch (mark & SEEN_STATE) {
	case SEEN_ESTABLISHED:
		return reply ? IP_CT_ESTABLISHED_REPLY : IP_CT_ESTABLISHED;
	case SEEN_RELATED:
		return reply ? IP_CT_RELATED_REPLY : IP_CT_RELATED;
	case SEEN_NEW:
		if (!reply)
			return IP_CT_NEW;
	}
	die("to the rules, a packet is %#x", mark);
	return 0;
}

static uint32_t attr_u32(const struct nlattr *a)
{
	return a ? ntohl(mnl_attr_get_u32(a)) : 0;
}

/* The rules and the queue tell of one packet. */
static void put_seen(struct text *t, uint32_t mark, const struct nlattr *ct,
		     const struct nlattr *info)
{
	const struct nlattr *a, *status = NULL;

	errno = 0;
	if (mark == SEEN_INVALID || mark == SEEN_UNTRACKED) {
		if (ct || info)
			die("a packet without a connection has one");
		put(t, mark == SEEN_INVALID ? "-" : "u");
		return;
	}
	if (!ct || relation(mark) != attr_u32(info))
		die("rules say %#x, the queue %u", mark, attr_u32(info));
	mnl_attr_for_each_nested(a, ct)
		if (mnl_attr_get_type(a) == CTA_STATUS)
			status = a;
	if (SEEN_STATUS(mark) != (attr_u32(status) & STATUS_SEEN))
		die("rules say %#x, the status is %#x", mark, attr_u32(status));
	put(t, "%u ", relation(mark));
	put_nest(t, mnl_attr_get_payload(ct), mnl_attr_get_payload_len(ct),
		 true);
}

/* What is known of the next packet, which goes on. Return: false for none */
static bool answer(struct mnl_socket *s, uint16_t queue, struct text *t)
{
	const struct nlattr *a, *attr[NFQA_MAX + 1] = { };
	const struct nfqnl_msg_packet_hdr *head;
	const struct nlmsghdr *h = (void *)buf;
	ssize_t n = mnl_socket_recvfrom(s, buf, sizeof(buf));
	int left = n;

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (n < 0)
		die("the queue");
	if (!mnl_nlmsg_ok(h, left) ||
	    h->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		die("the queue says something else than a packet");
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(a) <= NFQA_MAX)
			attr[mnl_attr_get_type(a)] = a;
	if (!attr[NFQA_PACKET_HDR])
		die("the queue gives a packet without a head");
	head = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
	put_seen(t, attr_u32(attr[NFQA_MARK]), attr[NFQA_CT],
		 attr[NFQA_CT_INFO]);
	accept_packet(s, queue, head->packet_id);
	return true;
}

/* The table */

struct table {
	struct text text;
	size_t *at;		/* where each entry's text begins */
	size_t count, room;
};

static int take_entry(const struct nlmsghdr *h, void *data)
{
	struct table *table = data;
	const char *payload = mnl_nlmsg_get_payload(h);
	const size_t skip = MNL_ALIGN(sizeof(struct nfgenmsg));

	if (table->count == table->room) {
		table->room = 2 * table->room + 64;
		table->at = realloc(table->at, table->room *
				    sizeof(*table->at));
		if (!table->at)
			die("no memory");
	}
	table->at[table->count++] = table->text.len;
	put_nest(&table->text, payload + skip,
		 mnl_nlmsg_get_payload_len(h) - skip, true);
	*text_room(&table->text, 1) = '\0';
	table->text.len++;
	return MNL_CB_OK;
}

static const char *sort_base;

static int compare(const void *a, const void *b)
{
	return strcmp(sort_base + *(const size_t *)a,
		      sort_base + *(const size_t *)b);
}

static void put_table(struct mnl_socket *s, struct text *t)
{
	static struct table table;
	struct nlmsghdr *h;
	struct nfgenmsg *g;
	size_t i;
	int more;

	table.count = 0;
	table.text.len = 0;
	h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = 1;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		die("the dump");
	do {
		ssize_t n = mnl_socket_recvfrom(s, buf, sizeof(buf));

		if (n < 0)
			die("the dump");
		more = mnl_cb_run(buf, n, 1, mnl_socket_get_portid(s),
				  take_entry, &table);
		if (more < 0)
			die("the dump");
	} while (more > 0);

	sort_base = table.text.data;
	qsort(table.at, table.count, sizeof(*table.at), compare);
	put(t, "T");
	for (i = 0; i < table.count; i++) {
		const char *entry = table.text.data + table.at[i];
		size_t len = strlen(entry);

		put(t, " ");
		memcpy(text_room(t, len), entry, len);
		t->len += len;
	}
	put(t, "\n");
}

/* The packets */

struct pcap {
	uint8_t *data;
	size_t len, at;
	bool swapped;
};

static uint32_t number(const struct pcap *f, size_t at)
{
	uint32_t value;

	memcpy(&value, f->data + at, sizeof(value));
	return f->swapped ? __builtin_bswap32(value) : value;
}

static void pcap_open(struct pcap *f, const char *name)
{
	int fd = open(name, O_RDONLY);
	struct stat st;
	uint32_t link;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		die("%s", name);
	f->len = st.st_size;
	f->data = malloc(f->len + 1);
	if (!f->data)
		die("no memory");
	for (f->at = 0; f->at < f->len; f->at += n) {
		n = read(fd, f->data + f->at, f->len - f->at);
		if (n <= 0)
			die("%s", name);
	}
	close(fd);
	errno = 0;
	if (f->len < 24)
		die("%s: not a pcap file", name);
	f->swapped = false;
	f->swapped = number(f, 0) == 0xd4c3b2a1;
	link = number(f, 20);
	if (number(f, 0) != 0xa1b2c3d4 ||
	    (link != 12 && link != 101 && link != 228))
		die("%s: not a pcap file of raw IP (LINKTYPE_RAW)", name);
	f->at = 24;
}

/* Return: the packet, NULL at the end; @stamp in nanoseconds */
static const uint8_t *pcap_next(struct pcap *f, uint32_t *len, int64_t *stamp)
{
	const uint8_t *packet;

	if (f->at + 16 > f->len)
		return NULL;
	*stamp = number(f, f->at) * 1000000000LL +
		 number(f, f->at + 4) * 1000LL;
	*len = number(f, f->at + 8);
	f->at += 16;
	if (*len > f->len - f->at)
		return NULL;
	packet = f->data + f->at;
	f->at += *len;
	return packet;
}

/* The network of the source tells the side. */
static int side(const uint8_t *packet, uint32_t len)
{
	uint8_t net = 0;

	if (len >= 20 && packet[0] >> 4 == 4)
		net = packet[13];
	else if (len >= 40)
		net = packet[11];
	return net == 8 ? 0 : net == 9 ? 1 : -1;
}

/* Translation */

/* Of fragments, the first one is so far away at most. */
#define NEAR	64

/* The last packets, to find the first fragment of what a later one is of. */
static struct {
	const uint8_t *packet;
	uint32_t len;
} before[NEAR];

static unsigned int before_at;

static bool is_first_of(const uint8_t *packet, uint32_t len,
			const struct view_packet *p, struct view_tuple *t)
{
	struct view_packet first;

	return packet && view_look((uint8_t *)packet, len, &first) &&
	       first.fragment && !first.offset && first.six == p->six &&
	       first.ident == p->ident && first.proto == p->proto &&
	       !memcmp(first.net + (p->six ? 8 : 12),
		       p->net + (p->six ? 8 : 12), p->six ? 32 : 8) &&
	       view_tuple(&first, t);
}

/* Who talks to whom in a fragment that has no ports. */
static bool find_tuple(const struct pcap *f, const struct view_packet *p,
		       struct view_tuple *t)
{
	struct pcap ahead = *f;
	const uint8_t *packet;
	unsigned int i;
	int64_t stamp;
	uint32_t len;

	for (i = 1; i <= NEAR; i++)
		if (is_first_of(before[(before_at - i) % NEAR].packet,
				before[(before_at - i) % NEAR].len, p, t))
			return true;
	for (i = 0; i < NEAR; i++) {
		packet = pcap_next(&ahead, &len, &stamp);
		if (!packet)
			break;
		if (is_first_of(packet, len, p, t))
			return true;
	}
	return false;
}

/* What is sent of a packet of the file, and from where. */
struct sent {
	uint8_t data[1 << 16];
	uint32_t len;
	int side;
	bool first_end;		/* as who began it says it; may be noted */
	struct view_tuple tuple;
};

static void translate(const struct pcap *f, struct sent *s)
{
	struct view_packet p, inner;
	int there = -1;
	bool error;

	s->first_end = false;
	if (!view_look(s->data, s->len, &p))
		return;
	error = view_is_error(&p, &inner);
	if (error) {
		there = view_change_error(&p, &inner);
	} else if (view_tuple(&p, &s->tuple) ||
		   (p.offset && find_tuple(f, &p, &s->tuple))) {
		there = view_change(&p, &s->tuple);
		s->first_end = there < 0 && !p.fragment;
	}
	if (there >= 0)
		s->side = there;
}

static void put_record(struct text *wire, uint32_t count, uint32_t kind,
		       const uint8_t *packet, uint32_t len)
{
	const uint32_t head[4] = { count, kind, len, len };

	memcpy(text_room(wire, sizeof(head)), head, sizeof(head));
	wire->len += sizeof(head);
	memcpy(text_room(wire, len), packet, len);
	wire->len += len;
}

static void begin_wire(struct text *wire)
{
	static const uint32_t head[6] = {
		0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 101,
	};

	memcpy(text_room(wire, sizeof(head)), head, sizeof(head));
	wire->len += sizeof(head);
}

static bool is_multicast(const struct view_packet *p)
{
	return p->six ? p->net[24] == 255 : p->net[16] >= 224;
}

/*
 * What came out. @known: the packet is of a connection, so that what it became is
 * how the other end sees it; what comes from this machine itself is not that.
 */
static void take_out(const int *fd, struct text *wire, uint32_t count,
		     const struct sent *s, bool known)
{
	struct view_packet p;
	struct view_tuple t;
	int where;
	ssize_t n;

	for (where = 0; where < 2; where++) {
		while ((n = read(fd[where], buf, sizeof(buf))) > 0) {
			if (!view_look((uint8_t *)buf, n, &p) ||
			    is_multicast(&p))
				continue;
			put_record(wire, count, 2 + where, (uint8_t *)buf, n);
			if (known && s->first_end && p.hops == 63 &&
			    p.proto == s->tuple.proto && view_tuple(&p, &t))
				view_note(&s->tuple, &t, where);
		}
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			die("what came out");
	}
	errno = 0;
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void sleep_until(int64_t then)
{
	struct timespec ts = {
		.tv_sec = then / 1000000000, .tv_nsec = then % 1000000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

static void write_file(const char *name, const struct text *t)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	size_t at = 0;
	ssize_t n;

	if (fd < 0)
		die("%s", name);
	for (; at < t->len; at += n) {
		n = write(fd, t->data + at, t->len - at);
		if (n <= 0)
			die("%s", name);
	}
	close(fd);
}

#define SECOND	1000000000LL

/* What is known of the packets that wait. Return: one is of a connection */
static bool put_answers(struct mnl_socket *s, uint16_t queue, struct text *t)
{
	bool more = false, known = false;
	size_t was;

	while (true) {
		was = t->len;
		if (more)
			put(t, "|");
		if (!answer(s, queue, t)) {
			t->len = was;
			break;
		}
		if (t->data[was + more] != '-')
			known = true;
		more = true;
	}
	put(t, "\n");
	return known;
}

int main(int argc, char **argv)
{
	struct mnl_socket *queue, *dump;
	int64_t start, first = -1, last = 0, stamp;
	struct text t = { }, wire = { };
	static struct sent sent;
	const uint8_t *packet;
	uint32_t count = 0;
	struct pcap file;
	uint16_t number;
	bool nat, known;
	int fd[2];

	if (argc != 6 && argc != 7)
		die("usage: replay FILE.pcap ANSWERS FD-A FD-B QUEUE [WIRE.pcap]");
	nat = argc == 7;
	pcap_open(&file, argv[1]);
	fd[0] = atoi(argv[3]);
	fd[1] = atoi(argv[4]);
	number = atoi(argv[5]);
	queue = open_queue(number);
	dump = open_socket();
	text_room(&t, 8 * file.len + (64 << 20));
	if (nat) {
		text_room(&wire, 3 * file.len + (1 << 20));
		begin_wire(&wire);
	}
	if (mlockall(MCL_CURRENT))
		die("mlockall");

	start = now();
	while ((packet = pcap_next(&file, &sent.len, &stamp))) {
		count++;
		if (first < 0) {
			first = stamp;
			last = stamp;
		}
		if (stamp - last > SECOND)
			put_table(dump, &t);
		/* Those that are late need not be on time. */
		if (stamp - last > SECOND / 100) {
			last = stamp;
			sleep_until(start + stamp - first);
		}
		if (sent.len > sizeof(sent.data))
			die("a packet of %u octets", sent.len);
		memcpy(sent.data, packet, sent.len);
		sent.side = side(packet, sent.len);
		if (nat) {
			translate(&file, &sent);
			before[before_at % NEAR].packet = packet;
			before[before_at++ % NEAR].len = sent.len;
			put_record(&wire, count, sent.side > 0, sent.data,
				   sent.len);
		}
		/* Not even the beginning of a packet: an error, and no more. */
		if (sent.side >= 0 &&
		    write(fd[sent.side], sent.data, sent.len) < 0 &&
		    errno != EINVAL)
			die("a packet of %u octets", sent.len);
		known = put_answers(queue, number, &t);
		if (nat)
			take_out(fd, &wire, count, &sent, known);
	}
	put_table(dump, &t);
	write_file(argv[2], &t);
	if (nat)
		write_file(argv[6], &wire);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/* ctctl stats: counters a CPU, and what only ct knows */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/ct.h>
#include <linux/genetlink.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "count.h"
#include "ctctl.h"
#include "names.h"
#include "netlink.h"
#include "print.h"

/* In the order in which they are printed; the words are conntrack -S's. */
static const struct name counter_names[] = {
	{ "found",		CTA_STATS_FOUND },
	{ "invalid",		CTA_STATS_INVALID },
	{ "insert",		CTA_STATS_INSERT },
	{ "insert_failed",	CTA_STATS_INSERT_FAILED },
	{ "drop",		CTA_STATS_DROP },
	{ "early_drop",		CTA_STATS_EARLY_DROP },
	{ "error",		CTA_STATS_ERROR },
	{ "search_restart",	CTA_STATS_SEARCH_RESTART },
	{ "clash_resolve",	CTA_STATS_CLASH_RESOLVE },
	{ "chaintoolong",	CTA_STATS_CHAIN_TOOLONG },
	{ NULL,			0 }
};

struct cpu {
	unsigned int num;
	uint32_t counter[CTA_STATS_MAX + 1];
};

#define TEXT_MAX	96
#define REASONS_MAX	256

struct reason {
	uint32_t code;
	unsigned long long count;
	char text[TEXT_MAX];
};

struct stats {
	struct count count;
	struct cpu *cpus;
	size_t nr_cpus;

	bool has_ct;		/* the family was there: the rest is valid */
	uint32_t buckets;
	uint32_t overflow;
	unsigned long long resizes;
	unsigned long long evicted;
	unsigned long long events_lost;
	uint32_t events_waiting;
	struct reason reasons[REASONS_MAX];
	size_t nr_reasons;
};

static int bad_answer(void)
{
	complain("the kernel sent a malformed answer");
	return -1;
}

static int take_counter(const struct nlattr *attr, void *data)
{
	uint16_t type = mnl_attr_get_type(attr);
	struct cpu *cpu = data;

	if (type > CTA_STATS_MAX)
		return MNL_CB_OK;
	if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
		return MNL_CB_ERROR;
	cpu->counter[type] = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

static int take_cpu(const struct nlmsghdr *nlh, void *data)
{
	struct stats *stats = data;
	const struct nfgenmsg *nfg;
	struct cpu *cpus;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg))
		return bad_answer();
	cpus = reallocarray(stats->cpus, stats->nr_cpus + 1, sizeof(*cpus));
	if (!cpus) {
		complain("out of memory");
		return -1;
	}
	stats->cpus = cpus;
	cpus += stats->nr_cpus++;
	memset(cpus, 0, sizeof(*cpus));

	nfg = mnl_nlmsg_get_payload(nlh);
	cpus->num = ntohs(nfg->res_id);
	if (mnl_attr_parse(nlh, sizeof(*nfg), take_counter,
			   cpus) == MNL_CB_ERROR)
		return bad_answer();
	return 0;
}

static int get_conntrack(struct stats *stats)
{
	char buf[NL_REQUEST_MAX];
	struct nlmsghdr *req;
	struct nl_error err;
	struct nl nl;
	int ret;

	if (nl_open(&nl, NETLINK_NETFILTER))
		return FAILED;
	ret = count_get(&nl, &stats->count);
	if (ret == DONE) {
		req = nl_conntrack(buf, IPCTNL_MSG_CT_GET_STATS_CPU,
				   NLM_F_DUMP, AF_UNSPEC);
		ret = nl_ask(&nl, req, take_cpu, stats, &err);
		if (ret == 1)
			nl_complain(&err, "read the counters");
		ret = ret ? FAILED : DONE;
	}
	nl_close(&nl);
	return ret;
}

static struct nlmsghdr *start_generic(void *buf, uint16_t type, uint8_t cmd,
				      uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

static int take_family_attr(const struct nlattr *attr, void *data)
{
	uint16_t *id = data;

	if (mnl_attr_get_type(attr) != CTRL_ATTR_FAMILY_ID)
		return MNL_CB_OK;
	if (mnl_attr_validate(attr, MNL_TYPE_U16) < 0)
		return MNL_CB_ERROR;
	*id = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static int parse_generic(const struct nlmsghdr *nlh, mnl_attr_cb_t cb,
			 void *data)
{
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr) ||
	    mnl_attr_parse(nlh, sizeof(struct genlmsghdr), cb,
			   data) == MNL_CB_ERROR)
		return bad_answer();
	return 0;
}

static int take_family(const struct nlmsghdr *nlh, void *data)
{
	return parse_generic(nlh, take_family_attr, data);
}

static int take_reason_attr(const struct nlattr *attr, void *data)
{
	struct reason *reason = data;
	char *c;

	switch (mnl_attr_get_type(attr)) {
	case CT_REASON_A_CODE:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return MNL_CB_ERROR;
		reason->code = mnl_attr_get_u32(attr);
		break;
	case CT_REASON_A_COUNT:
		if (mnl_attr_validate(attr, MNL_TYPE_U64) < 0)
			return MNL_CB_ERROR;
		reason->count = mnl_attr_get_u64(attr);
		break;
	case CT_REASON_A_TEXT:
		if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
			return MNL_CB_ERROR;
		snprintf(reason->text, sizeof(reason->text), "%s",
			 mnl_attr_get_str(attr));
		for (c = reason->text; *c; c++)
			if (!isprint((unsigned char)*c))
				*c = '?';
		break;
	}
	return MNL_CB_OK;
}

static int take_reason(const struct nlattr *attr, void *data)
{
	struct stats *stats = data;

	if (mnl_attr_get_type(attr) != CT_A_REASON ||
	    stats->nr_reasons == REASONS_MAX)
		return MNL_CB_OK;
	if (mnl_attr_validate(attr, MNL_TYPE_NESTED) < 0)
		return MNL_CB_ERROR;
	return mnl_attr_parse_nested(attr, take_reason_attr,
				     &stats->reasons[stats->nr_reasons++]);
}

static int take_u32(const struct nlattr *attr, uint32_t *to)
{
	if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
		return MNL_CB_ERROR;
	*to = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int take_u64(const struct nlattr *attr, unsigned long long *to)
{
	if (mnl_attr_validate(attr, MNL_TYPE_U64) < 0)
		return MNL_CB_ERROR;
	*to = mnl_attr_get_u64(attr);
	return MNL_CB_OK;
}

static int take_ct_attr(const struct nlattr *attr, void *data)
{
	struct stats *stats = data;

	switch (mnl_attr_get_type(attr)) {
	case CT_A_ENTRIES:
		return take_u32(attr, &stats->count.entries);
	case CT_A_LIMIT:
		stats->count.has_limit = true;
		return take_u32(attr, &stats->count.limit);
	case CT_A_BUCKETS:
		return take_u32(attr, &stats->buckets);
	case CT_A_OVERFLOW:
		return take_u32(attr, &stats->overflow);
	case CT_A_RESIZES:
		return take_u64(attr, &stats->resizes);
	case CT_A_EVICTED:
		return take_u64(attr, &stats->evicted);
	case CT_A_EVENTS_LOST:
		return take_u64(attr, &stats->events_lost);
	case CT_A_EVENTS_WAITING:
		return take_u32(attr, &stats->events_waiting);
	case CT_A_INVALID:
		if (mnl_attr_validate(attr, MNL_TYPE_NESTED) < 0)
			return MNL_CB_ERROR;
		return mnl_attr_parse_nested(attr, take_reason, stats);
	default:
		return MNL_CB_OK;
	}
}

static int take_ct(const struct nlmsghdr *nlh, void *data)
{
	return parse_generic(nlh, take_ct_attr, data);
}

/* Return: DONE also without the family: then has_ct stays false. */
static int ask_ct(struct nl *nl, struct stats *stats)
{
	char buf[NL_REQUEST_MAX];
	struct nlmsghdr *req;
	struct nl_error err;
	uint16_t family = 0;
	int ret;

	req = start_generic(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(req, CTRL_ATTR_FAMILY_NAME, CT_GENL_NAME);
	ret = nl_ask(nl, req, take_family, &family, &err);
	if (ret == 1 && err.code == ENOENT)
		return DONE;
	if (ret == 1)
		nl_complain(&err, "look for the netlink family of ct");
	if (ret)
		return FAILED;

	req = start_generic(buf, family, CT_CMD_GET_STATS, CT_GENL_VERSION);
	ret = nl_ask(nl, req, take_ct, stats, &err);
	if (ret == 1)
		nl_complain(&err, "read the statistics of ct");
	if (ret)
		return FAILED;
	stats->has_ct = true;
	return DONE;
}

static int get_ct(struct stats *stats)
{
	struct nl nl;
	int ret;

	if (nl_open(&nl, NETLINK_GENERIC))
		return FAILED;
	ret = ask_ct(&nl, stats);
	nl_close(&nl);
	return ret;
}

static unsigned long long total(const struct stats *stats, uint32_t counter)
{
	unsigned long long sum = 0;
	size_t i;

	for (i = 0; i < stats->nr_cpus; i++)
		sum += stats->cpus[i].counter[counter];
	return sum;
}

static void put_integer(json_t *object, const char *key, unsigned long long value)
{
	json_object_set_new(object, key, json_integer(value));
}

static json_t *json_cpus(const struct stats *stats)
{
	json_t *array = json_array();
	const struct name *n;
	size_t i;

	for (i = 0; i < stats->nr_cpus; i++) {
		json_t *object = json_object();

		put_integer(object, "cpu", stats->cpus[i].num);
		for (n = counter_names; n->word; n++)
			put_integer(object, n->word,
				    stats->cpus[i].counter[n->value]);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *json_reasons(const struct stats *stats)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < stats->nr_reasons; i++) {
		const struct reason *r = &stats->reasons[i];
		json_t *object = json_object();

		put_integer(object, "code", r->code);
		put_integer(object, "count", r->count);
		json_object_set_new(object, "text", json_string(r->text));
		json_array_append_new(array, object);
	}
	return array;
}

static void print_stats_json(const struct stats *stats)
{
	json_t *object = json_object();
	const struct name *n;
	json_t *sums = json_object();

	put_integer(object, "entries", stats->count.entries);
	if (stats->count.has_limit)
		put_integer(object, "limit", stats->count.limit);
	if (stats->has_ct) {
		put_integer(object, "buckets", stats->buckets);
		put_integer(object, "overflow", stats->overflow);
		put_integer(object, "resizes", stats->resizes);
		put_integer(object, "evicted", stats->evicted);
		put_integer(object, "events_lost", stats->events_lost);
		put_integer(object, "events_waiting", stats->events_waiting);
		json_object_set_new(object, "invalid", json_reasons(stats));
	}
	for (n = counter_names; n->word; n++)
		put_integer(sums, n->word, total(stats, n->value));
	json_object_set_new(object, "total", sums);
	json_object_set_new(object, "cpus", json_cpus(stats));
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static void print_table_health(const struct stats *stats)
{
	printf("%-16s %u", "entries", stats->count.entries);
	if (stats->count.has_limit && stats->count.limit)
		printf(" of %u", stats->count.limit);
	putchar('\n');
	if (!stats->has_ct)
		return;
	printf("%-16s %u\n", "buckets", stats->buckets);
	printf("%-16s %u\n", "overflow", stats->overflow);
	printf("%-16s %llu\n", "resizes", stats->resizes);
	printf("%-16s %llu\n", "evicted", stats->evicted);
	printf("%-16s %llu\n", "events lost", stats->events_lost);
	printf("%-16s %u\n", "events waiting", stats->events_waiting);
}

static void print_counters(const struct stats *stats)
{
	const struct name *n;
	char title[16];
	size_t i;

	printf("\n%-16s %12s", "", "total");
	for (i = 0; i < stats->nr_cpus; i++) {
		snprintf(title, sizeof(title), "cpu%u", stats->cpus[i].num);
		printf("  %10s", title);
	}
	putchar('\n');
	for (n = counter_names; n->word; n++) {
		printf("%-16s %12llu", n->word, total(stats, n->value));
		for (i = 0; i < stats->nr_cpus; i++)
			printf("  %10u",
			       stats->cpus[i].counter[n->value]);
		putchar('\n');
	}
}

static void print_reasons(const struct stats *stats)
{
	size_t i;

	if (!stats->has_ct)
		return;
	if (!stats->nr_reasons) {
		puts("\nNo invalid packets.");
		return;
	}
	puts("\nInvalid packets:");
	for (i = 0; i < stats->nr_reasons; i++) {
		const struct reason *r = &stats->reasons[i];

		if (r->text[0])
			printf("%12llu  %s\n", r->count, r->text);
		else
			printf("%12llu  reason %u\n",
			       r->count, r->code);
	}
}

int cmd_stats(const struct options *opts, int argc, char **argv)
{
	static struct stats all;
	int ret;

	ret = no_words("stats", argc, argv);
	if (ret)
		return ret;

	ret = get_conntrack(&all);
	if (ret == DONE)
		ret = get_ct(&all);
	if (ret == DONE && !all.has_ct)
		complain("note: the tracker is not ct: reasons of invalid packets are not known");
	if (ret == DONE && wants_json(opts)) {
		print_stats_json(&all);
	} else if (ret == DONE) {
		print_table_health(&all);
		print_counters(&all);
		print_reasons(&all);
	}
	free(all.cpus);
	return ret;
}

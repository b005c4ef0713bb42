// SPDX-License-Identifier: GPL-2.0
/* ctctl help [COMMAND] */
#include <stdio.h>
#include <string.h>

#include "ctctl.h"

static const char filter_text[] =
	"FILTER, all of which must hold (protocols, and states, are alternatives):\n"
	"  ipv4 | ipv6                  also as -4, -6\n"
	"  tcp | udp | icmp | icmpv6 | udplite | sctp | dccp | gre | proto N\n"
	"  state NAME                   established, syn_sent, time_wait, ...\n"
	"  status WORD                  assured, unreplied, seen_reply, dying, ...\n"
	"  src ADDR[/LEN]  dst ADDR[/LEN]  reply-src ...  reply-dst ...\n"
	"  sport N[-M]     dport N[-M]     reply-sport ... reply-dport ...\n"
	"  mark N[/MASK]   zone N   id N\n";

static const char options_text[] =
	"Options:\n"
	"  -4, -6                       one address family only\n"
	"  -j                           JSON, as -o json\n"
	"  -o table|line|json|conntrack how to print connections\n"
	"  -y                           flush everything without asking\n"
	"  -h                           this text\n";

static void help_all(void)
{
	const struct command *c;

	puts("Usage: ctctl [OPTIONS] COMMAND [WORDS]\n");
	puts("Commands:");
	for (c = commands; c->name; c++)
		printf("  %-6s %-10s %s\n", c->name, c->args, c->summary);
	putchar('\n');
	fputs(options_text, stdout);
	putchar('\n');
	fputs(filter_text, stdout);
	puts("\nExample: ctctl list tcp state established src 10.0.0.0/8 dport 443");
	puts("More in ctctl(8).");
}

static void help_one(const struct command *c)
{
	printf("Usage: ctctl [OPTIONS] %s %s\n", c->name, c->args);
	printf("%s: %s\n", c->name, c->summary);
	if (!strcmp(c->args, "[FILTER]")) {
		putchar('\n');
		fputs(filter_text, stdout);
	}
	if (!strcmp(c->name, "events"))
		puts("  new | update | destroy       only these events");
}

int cmd_help(const struct options *opts, int argc, char **argv)
{
	const struct command *c;

	(void)opts;
	if (!argc) {
		help_all();
		return DONE;
	}
	if (argc > 1)
		return no_words("help COMMAND", argc - 1, argv + 1);
	for (c = commands; c->name; c++) {
		if (!strcmp(argv[0], c->name)) {
			help_one(c);
			return DONE;
		}
	}
	return wrong_command(argv[0]);
}

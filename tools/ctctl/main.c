// SPDX-License-Identifier: GPL-2.0
/* ctctl: options, and off to the subcommand. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ctctl.h"

const struct command commands[] = {
	{ "list", "[FILTER]", "print the connections", cmd_list },
	{ "flush", "[FILTER]", "delete connections", cmd_flush },
	{ "events", "[FILTER]", "print what happens to connections, as it does",
	  cmd_events },
	{ "count", "", "print how many connections there are", cmd_count },
	{ "stats", "", "print counters, and why packets were invalid",
	  cmd_stats },
	{ "help", "[COMMAND]", "print how to use ctctl", cmd_help },
	{ NULL, NULL, NULL, NULL }
};

static const char *const output_words[] = {
	"table", "line", "json", "conntrack", NULL
};

static const enum output outputs[] = {
	OUTPUT_TABLE, OUTPUT_LINE, OUTPUT_JSON, OUTPUT_CONNTRACK
};

static const struct option long_options[] = {
	{ "ipv4",	no_argument,		NULL, '4' },
	{ "ipv6",	no_argument,		NULL, '6' },
	{ "json",	no_argument,		NULL, 'j' },
	{ "output",	required_argument,	NULL, 'o' },
	{ "yes",	no_argument,		NULL, 'y' },
	{ "help",	no_argument,		NULL, 'h' },
	{ NULL,		0,			NULL, 0 }
};

/* With the dashes, for wrong_word(). */
static const char *const option_words[] = {
	"-4", "-6", "-j", "-o", "-y", "-h", "--ipv4", "--ipv6", "--json",
	"--output", "--yes", "--help", NULL
};

void complain(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("ctctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	putc('\n', stderr);
}

int no_words(const char *name, int argc, char **argv)
{
	if (!argc)
		return 0;
	complain("'%s' is one word too many: '%s' takes no words",
		 argv[0], name);
	return MISUSED;
}

int finish_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	complain("cannot write the output: %s", strerror(errno));
	return FAILED;
}

static int set_family(struct options *opts, uint8_t family)
{
	if (opts->family != AF_UNSPEC && opts->family != family) {
		complain("'-4' and '-6' contradict each other; without either you get both");
		return MISUSED;
	}
	opts->family = family;
	return 0;
}

static int set_output(struct options *opts, const char *word)
{
	int i;

	for (i = 0; output_words[i]; i++) {
		if (strcmp(output_words[i], word))
			continue;
		opts->output = outputs[i];
		return 0;
	}
	return wrong_word(word, "an output format", output_words, NULL);
}

static int wrong_option(char **argv)
{
	char word[] = { '-', optopt, '\0' };

	/* getopt leaves no letter behind where a long option is wrong. */
	if (!optopt || optopt > 126)
		return wrong_word(argv[optind - 1], "an option", option_words,
				  NULL);
	/* Nor does it say more than the letter for a needless argument. */
	if (!strncmp(argv[optind - 1], "--", 2))
		return wrong_word(argv[optind - 1], "an option", option_words,
				  NULL);
	return wrong_word(word, "an option", option_words, NULL);
}

static int parse_option(struct options *opts, int c, bool *help, char **argv)
{
	switch (c) {
	case '4':
		return set_family(opts, AF_INET);
	case '6':
		return set_family(opts, AF_INET6);
	case 'j':
		opts->output = OUTPUT_JSON;
		return 0;
	case 'o':
		return set_output(opts, optarg);
	case 'y':
		opts->yes = true;
		return 0;
	case 'h':
		*help = true;
		return 0;
	case ':':
		return wrong_word(NULL, "an output format after '-o'",
				  output_words, NULL);
	default:
		return wrong_option(argv);
	}
}

static const struct command *find_command(const char *word)
{
	const struct command *c;

	for (c = commands; c->name; c++)
		if (word && !strcmp(c->name, word))
			return c;
	return NULL;
}

int wrong_command(const char *word)
{
	const char *names[ARRAY_SIZE(commands)] = { NULL };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i].name;
	return wrong_word(word, "a command", names, NULL);
}

int main(int argc, char **argv)
{
	struct options opts = { .output = OUTPUT_AUTO, .family = AF_UNSPEC };
	const struct command *command;
	bool help = false;
	int c, ret;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":46jo:yh", long_options,
				NULL)) != -1) {
		ret = parse_option(&opts, c, &help, argv);
		if (ret)
			return ret;
	}
	argc -= optind;
	argv += optind;

	if (help)
		return finish_output(cmd_help(&opts, argc ? 1 : 0, argv));
	command = find_command(argc ? argv[0] : NULL);
	if (!command)
		return wrong_command(argc ? argv[0] : NULL);
	return finish_output(command->run(&opts, argc - 1, argv + 1));
}

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CTCTL_H
#define CTCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#ifndef __printf
#define __printf(a, b)	__attribute__((__format__(printf, a, b)))
#endif

/* Exit statuses: documented in ctctl(8), scripts depend on them. */
enum {
	DONE	= 0,
	FAILED	= 1,
	MISUSED	= 2,
};

enum output {
	OUTPUT_AUTO,	/* table on a terminal, lines elsewhere */
	OUTPUT_TABLE,
	OUTPUT_LINE,
	OUTPUT_JSON,
	OUTPUT_CONNTRACK,
};

struct options {
	enum output output;
	uint8_t family;		/* from -4 or -6, else AF_UNSPEC */
	bool yes;
};

/**
 * struct command - a subcommand
 * @name: the word on the command line
 * @args: what may follow it, for the usage line
 * @summary: one line for the list of commands
 * @run: does it with the words that follow @name; returns an exit status
 */
struct command {
	const char *name;
	const char *args;
	const char *summary;
	int (*run)(const struct options *opts, int argc, char **argv);
};

/* Ends with an entry without a name. */
extern const struct command commands[];

int cmd_list(const struct options *opts, int argc, char **argv);
int cmd_flush(const struct options *opts, int argc, char **argv);
int cmd_events(const struct options *opts, int argc, char **argv);
int cmd_count(const struct options *opts, int argc, char **argv);
int cmd_stats(const struct options *opts, int argc, char **argv);
int cmd_help(const struct options *opts, int argc, char **argv);

/* The one place for messages: "ctctl: " in front, to standard error. */
void complain(const char *fmt, ...) __printf(1, 2);

/**
 * wrong_word() - say that a word is wrong and what was possible instead
 * @word: the word as given, NULL if one is missing at the end of the line
 * @what: what it should have been, "a command"
 * @choices: NULL-terminated, or NULL if they cannot be listed
 * @syntax: how the word is written, in place of @choices, or NULL
 *
 * Return: MISUSED
 */
int wrong_word(const char *word, const char *what,
	       const char *const *choices, const char *syntax);

/* wrong_word() for a command; @word is NULL if there is none. */
int wrong_command(const char *word);

/**
 * no_words() - refuse what follows a command that takes nothing
 * @name: the command
 * @argc: number of words after it
 * @argv: these words
 *
 * Return: 0 if there is none, else MISUSED
 */
int no_words(const char *name, int argc, char **argv);

/* Flush standard output; return @status, or FAILED if writing failed. */
int finish_output(int status);

#endif /* CTCTL_H */

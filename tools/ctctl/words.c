// SPDX-License-Identifier: GPL-2.0
/* "Unknown word", and what it may have been meant to be. */
#include <stdio.h>
#include <string.h>

#include "ctctl.h"

#define WORD_MAX	32	/* longer than any word we know */
#define LINE_WIDTH	76

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* How many letters to insert, drop or replace, or neighbours to swap. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), i, j;
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;

	for (i = 0; i <= la; i++)
		d[i][0] = i;
	for (j = 0; j <= lb; j++)
		d[0][j] = j;
	for (i = 1; i <= la; i++) {
		for (j = 1; j <= lb; j++) {
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i - 2][j - 2] < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[la][lb];
}

/* The choice that @word begins, or the one with the fewest changes. */
static const char *nearest(const char *word, const char *const *choices)
{
	size_t len = strlen(word), best = len / 3 + 1, d;
	const char *found = NULL;

	/* Dashes are no likeness. */
	if (!strncmp(word, "--", 2)) {
		best = (len - 2) / 3 + 1;
		if (len < 5)
			return NULL;
	}

	for (; *choices; choices++) {
		if (len < 2)
			continue;
		if (!strncmp(*choices, word, len))
			return *choices;
		if (len < 3)
			continue;
		d = distance(word, *choices);
		if (d <= best && d < strlen(*choices)) {
			best = d - 1;
			found = *choices;
		}
		if (!best)
			break;
	}
	return found;
}

static void print_choices(const char *const *choices, const char *syntax)
{
	size_t column = 0;

	for (; *choices; choices++) {
		if (column && column + 1 + strlen(*choices) > LINE_WIDTH) {
			putc('\n', stderr);
			column = 0;
		}
		column += fprintf(stderr, "%s%s", column ? " " : "  ",
				  *choices);
	}
	if (syntax)
		fprintf(stderr, " %s", syntax);
	putc('\n', stderr);
}

int wrong_word(const char *word, const char *what,
	       const char *const *choices, const char *syntax)
{
	const char *guess = word && choices ? nearest(word, choices) : NULL;

	if (!word)
		complain("a word is missing at the end: %s", what);
	else if (guess)
		complain("'%s' is not %s; did you mean '%s'?",
			 word, what, guess);
	else
		complain("'%s' is not %s", word, what);

	fputs("Possible here:", stderr);
	if (choices) {
		putc('\n', stderr);
		print_choices(choices, syntax);
	} else {
		fprintf(stderr, " %s\n", syntax);
	}
	return MISUSED;
}

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CTCTL_PRINT_H
#define CTCTL_PRINT_H

#include <stdbool.h>

#include "ctctl.h"
#include "entry.h"
#include "filter.h"

/**
 * struct printer - one output format
 * @begin: what comes first; @stream: events, which must not wait for others
 * @entry: print one; @event is EVENT_NONE in a list
 * @end: what comes last; must leave valid output after an error, too
 */
struct printer {
	void (*begin)(bool stream);
	void (*entry)(const struct entry *e, enum event event);
	void (*end)(void);
};

extern const struct printer print_table;
extern const struct printer print_line;
extern const struct printer print_json;
extern const struct printer print_conntrack;

/* The printer that the options ask for. */
const struct printer *printer_for(const struct options *opts);

/* Whether a command that prints no entries should print JSON; -o conntrack
 * and the others mean nothing to it.
 */
bool wants_json(const struct options *opts);

/* "new", "update", "destroy". */
const char *event_word(enum event event);

#endif /* CTCTL_PRINT_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CTCTL_DUMP_H
#define CTCTL_DUMP_H

#include "entry.h"
#include "filter.h"

/* Called for each entry that passes; a negative result ends the dump. */
typedef int (*entry_cb)(const struct entry *e, void *data);

/**
 * dump_entries() - go through the connections that pass a filter
 * @f: the filter
 * @cb: called for each
 * @data: for @cb
 *
 * Return: DONE, or FAILED with a complaint printed.
 */
int dump_entries(const struct filter *f, entry_cb cb, void *data);

#endif /* CTCTL_DUMP_H */

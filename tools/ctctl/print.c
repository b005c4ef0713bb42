// SPDX-License-Identifier: GPL-2.0
/* Which format, and what the formats share. */
#include <unistd.h>

#include "print.h"

const struct printer *printer_for(const struct options *opts)
{
	switch (opts->output) {
	case OUTPUT_TABLE:
		return &print_table;
	case OUTPUT_LINE:
		return &print_line;
	case OUTPUT_JSON:
		return &print_json;
	case OUTPUT_CONNTRACK:
		return &print_conntrack;
	case OUTPUT_AUTO:
		break;
	}
	return isatty(STDOUT_FILENO) ? &print_table : &print_line;
}

bool wants_json(const struct options *opts)
{
	return opts->output == OUTPUT_JSON;
}

const char *event_word(enum event event)
{
	switch (event) {
	case EVENT_NEW:
		return "new";
	case EVENT_UPDATE:
		return "update";
	case EVENT_DESTROY:
		return "destroy";
	default:
		return "";
	}
}

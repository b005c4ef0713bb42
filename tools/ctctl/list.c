// SPDX-License-Identifier: GPL-2.0
/* ctctl list [FILTER] */
#include "ctctl.h"
#include "dump.h"
#include "print.h"

static int list_entry(const struct entry *e, void *data)
{
	const struct printer *printer = data;

	printer->entry(e, EVENT_NONE);
	return 0;
}

int cmd_list(const struct options *opts, int argc, char **argv)
{
	const struct printer *printer = printer_for(opts);
	struct filter filter;
	int ret;

	ret = filter_parse(&filter, opts, false, argc, argv);
	if (ret)
		return ret;

	printer->begin(false);
	ret = dump_entries(&filter, list_entry, (void *)printer);
	/* What is not whole is not to look as if it were. */
	if (ret == DONE)
		printer->end();
	return ret;
}

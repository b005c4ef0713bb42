/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CTCTL_COUNT_H
#define CTCTL_COUNT_H

#include <stdbool.h>
#include <stdint.h>

struct nl;

struct count {
	uint32_t entries;
	uint32_t limit;
	bool has_limit;		/* kernels before 5.14 do not tell */
};

/**
 * count_get() - ask how many connections there are
 * @nl: socket on NETLINK_NETFILTER
 * @count: filled
 *
 * Return: DONE, or FAILED with a complaint printed.
 */
int count_get(struct nl *nl, struct count *count);

#endif /* CTCTL_COUNT_H */

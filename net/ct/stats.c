// SPDX-License-Identifier: GPL-2.0
/* Sums of the per-CPU counters. */
#include <linux/percpu.h>
#include <net/ct/stats.h>

u64 ct_stats_invalid(const struct ct_net *cn, enum ct_invalid reason)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(cn->stats, cpu)->invalid[reason]);
	return sum;
}

u64 ct_stats_evicted(const struct ct_net *cn)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(cn->stats, cpu)->evicted);
	return sum;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading. By which names x_tables and nf_tables ask for it is in
 * modprobe.d/ct.conf, as with ct_xt.
 */
#include <linux/module.h>
#include "nat.h"

#define ALL(array)	{ array, ARRAY_SIZE(array) }

static const struct {
	struct xt_target *first;
	unsigned int n;
} targets[] = {
	ALL(ct_xt_nat_snat_dnat), ALL(ct_xt_nat_masquerade),
	ALL(ct_xt_nat_redirect), ALL(ct_xt_nat_netmap),
};

/* The first so many, which are registered. */
static void unregister(unsigned int n)
{
	while (n--)
		xt_unregister_targets(targets[n].first, targets[n].n);
}

static int __init ct_xt_nat_init(void)
{
	unsigned int n;
	int err;

	for (n = 0; n < ARRAY_SIZE(targets); n++) {
		err = xt_register_targets(targets[n].first, targets[n].n);
		if (err) {
			unregister(n);
			return err;
		}
	}
	return 0;
}

static void __exit ct_xt_nat_exit(void)
{
	unregister(ARRAY_SIZE(targets));
}

module_init(ct_xt_nat_init);
module_exit(ct_xt_nat_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("iptables targets that translate addresses");

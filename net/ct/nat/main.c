// SPDX-License-Identifier: GPL-2.0
/*
 * ct_nat.ko: what address translation is made of. No hook uses it yet.
 */
#include <linux/module.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Address translation of connections that ct tracks");

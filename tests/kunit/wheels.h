/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_KUNIT_WHEELS_H
#define _CT_KUNIT_WHEELS_H

/* For suites of entries that may end: they may run before the module's own start. */

#include <kunit/test.h>
#include <net/ct/expire.h>
#include "wheel.h"

static bool own_wheels;

static int wheels_init(struct kunit_suite *suite)
{
	if (ct_wheels)
		return 0;
	own_wheels = true;
	return ct_expire_init();
}

static void wheels_exit(struct kunit_suite *suite)
{
	if (own_wheels)
		ct_expire_exit();
	own_wheels = false;
}

#endif /* _CT_KUNIT_WHEELS_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/module/nf_conntrack/parameters/hashsize, which programs read and write (one
 * does not start without it): the size of the first namespace's table, as
 * nf_conntrack would count it. What is written is the least that it shrinks to.
 *
 * It is there while ct is, which refuses to be there beside nf_conntrack.
 */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/sysfs.h>
#include <net/ct/net.h>
#include <net/ct/table.h>
#include "core.h"

/*
 * A bucket of ct has the memory, and about the room, of so many of nf_conntrack's,
 * which are a pointer each: what is asked for costs what it would there.
 */
#define SCALE	8

static ssize_t hashsize_show(struct kobject *kobj, struct kobj_attribute *attr,
			     char *text)
{
	return sysfs_emit(text, "%u\n",
			  SCALE * ct_table_buckets(&ct_net(&init_net)->table));
}

static ssize_t hashsize_store(struct kobject *kobj, struct kobj_attribute *attr,
			      const char *text, size_t len)
{
	unsigned int size;
	int err;

	/* Who sees no other table but another namespace's means that. */
	if (!net_eq(current->nsproxy->net_ns, &init_net))
		return -EOPNOTSUPP;
	err = kstrtouint(text, 0, &size);
	if (!err)
		err = ct_table_at_least(&ct_net(&init_net)->table,
					size / SCALE + !!(size % SCALE));
	return err ?: len;
}

static struct kobj_attribute hashsize = __ATTR_RW_MODE(hashsize, 0600);

static struct attribute *attrs[] = { &hashsize.attr, NULL };

static const struct attribute_group parameters = {
	.name = "parameters",
	.attrs = attrs,
};

static struct kobject *dir;

/*
 * Nothing depends on it. A directory of that name would be that of a module that
 * is on its way in or out, which other_tracker() saw to.
 */
void __init ct_hashsize_init(void)
{
	dir = kobject_create_and_add("nf_conntrack",
				     &THIS_MODULE->mkobj.kobj.kset->kobj);
	if (dir && sysfs_create_group(dir, &parameters))
		ct_hashsize_exit();
}

/* When it returns nobody reads or writes it any more, and the name is free. */
void ct_hashsize_exit(void)
{
	kobject_del(dir);
	kobject_put(dir);
	dir = NULL;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Which namespaces are tracked though no rule asks, those that hooks= names; and
 * whose rules ask.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/net.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/user_namespace.h>
#include <net/ct/hooks.h>
#include <net/ct/net.h>
#include "core.h"

enum hooks_mode { HOOKS_INIT, HOOKS_DEMAND, HOOKS_ALWAYS };

static const char * const mode_names[] = {
	[HOOKS_INIT] = "init",
	[HOOKS_DEMAND] = "demand",
	[HOOKS_ALWAYS] = "always",
};

/* Under ct_nets_mutex. */
static enum hooks_mode hooks_mode = HOOKS_INIT;

static bool unasked(const struct ct_net *cn)
{
	return hooks_mode == HOOKS_ALWAYS ||
	       (hooks_mode == HOOKS_INIT && net_eq(cn->net, &init_net));
}

static int track_unasked(struct ct_net *cn)
{
	int err = 0;

	if (!cn->unasked) {
		err = ct_hooks_hold(cn, NFPROTO_INET);
		cn->unasked = !err;
	}
	return err;
}

static void untrack_unasked(struct ct_net *cn)
{
	if (cn->unasked)
		ct_hooks_put(cn, NFPROTO_INET);
	cn->unasked = false;
}

/*
 * First those that come to it: if one fails, it is as it was before. Who waits
 * for the mutex meanwhile waits for an administrator, and for nobody else.
 */
static int change_mode(enum hooks_mode mode)
{
	enum hooks_mode old = hooks_mode;
	struct ct_net *cn;
	int err = 0;

	hooks_mode = mode;
	list_for_each_entry(cn, &ct_nets, list) {
		if (unasked(cn))
			err = track_unasked(cn);
		if (err) {
			hooks_mode = old;
			break;
		}
	}
	list_for_each_entry(cn, &ct_nets, list)
		if (!unasked(cn))
			untrack_unasked(cn);
	return err;
}

/* When the module is loaded, before there are any namespaces, or later. */
static int hooks_set(const char *value, const struct kernel_param *kp)
{
	int mode = sysfs_match_string(mode_names, value);

	if (mode < 0) {
		net_err_ratelimited("hooks= must be init, demand or always\n");
		return mode;
	}
	mutex_lock(&ct_nets_mutex);
	mode = change_mode(mode);
	mutex_unlock(&ct_nets_mutex);
	return mode;
}

static int hooks_show(char *text, const struct kernel_param *kp)
{
	return sysfs_emit(text, "%s\n", mode_names[READ_ONCE(hooks_mode)]);
}

static const struct kernel_param_ops hooks_ops = {
	.set = hooks_set,
	.get = hooks_show,
};

module_param_cb(hooks, &hooks_ops, NULL, 0644);
MODULE_PARM_DESC(hooks, "which namespaces are tracked: init (the first one, others on demand), demand (by rules), always");

/* What is shown is a page at most. */
#define USERS_LINE	64

/* Whose rules keep the modules from being unloaded. */
static int users_show(char *text, const struct kernel_param *kp)
{
	const struct ct_net *cn;
	unsigned int more = 0;
	int users, len = 0;

	mutex_lock(&ct_nets_mutex);
	list_for_each_entry(cn, &ct_nets, list) {
		users = READ_ONCE(cn->users) - cn->unasked;
		if (users <= 0)
			continue;
		if (len > PAGE_SIZE - 2 * USERS_LINE)
			more++;
		else
			len += sysfs_emit_at(text, len, "namespace %u of user %u: %d\n",
					     cn->inum,
					     from_kuid(&init_user_ns,
						       cn->net->user_ns->owner),
					     users);
	}
	mutex_unlock(&ct_nets_mutex);
	if (more)
		len += sysfs_emit_at(text, len, "and %u more namespaces\n",
				     more);
	return len;
}

static int users_set(const char *value, const struct kernel_param *kp)
{
	return -EPERM;
}

static const struct kernel_param_ops users_ops = {
	.set = users_set,
	.get = users_show,
};

module_param_cb(users, &users_ops, NULL, 0400);
MODULE_PARM_DESC(users, "read only: the namespaces whose rules use ct, their owners, and how many expressions and objects these are");

int ct_tracked_join(struct ct_net *cn)
{
	return unasked(cn) ? track_unasked(cn) : 0;
}

void ct_tracked_leave(struct ct_net *cn)
{
	untrack_unasked(cn);
}

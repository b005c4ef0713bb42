// SPDX-License-Identifier: GPL-2.0
/*
 * What rules have in common; loading and unloading. The names by which x_tables
 * and nf_tables ask for it are in modprobe.d/ct.conf, not here: depmod would
 * write them beside those of the kernel's own modules.
 */
#include <linux/module.h>
#include <net/ct/hooks.h>
#include <net/ct/log.h>
#include <net/ct/net.h>
#include "xt.h"

int ct_xt_begin(struct net *net, u8 family, const char *what)
{
	struct ct_net *cn = ct_net(net);
	int err = ct_hooks_get(cn, family);

	if (err)
		ct_log_refuse(cn, "%s: connections of family %u cannot be tracked (%d)",
			      what, family, err);
	return err;
}

void ct_xt_end(struct net *net, u8 family)
{
	ct_hooks_put(ct_net(net), family);
}

int ct_xt_match_begin(const struct xt_mtchk_param *par)
{
	return ct_xt_begin(par->net, par->family, par->match->name);
}

void ct_xt_match_end(const struct xt_mtdtor_param *par)
{
	ct_xt_end(par->net, par->family);
}

int ct_xt_target_begin(const struct xt_tgchk_param *par)
{
	return ct_xt_begin(par->net, par->family, par->target->name);
}

void ct_xt_target_end(const struct xt_tgdtor_param *par)
{
	ct_xt_end(par->net, par->family);
}

#define ALL(array)	{ array, ARRAY_SIZE(array) }

static const struct {
	struct xt_match *first;
	unsigned int n;
} matches[] = {
	ALL(ct_xt_conntrack), ALL(ct_xt_state), ALL(ct_xt_connmark),
	ALL(ct_xt_connbytes), ALL(ct_xt_connlabel), ALL(ct_xt_connlimit),
	ALL(ct_xt_helper), ALL(ct_xt_cluster), ALL(ct_xt_refused_match),
};

static const struct {
	struct xt_target *first;
	unsigned int n;
} targets[] = {
	ALL(ct_xt_target_ct), ALL(ct_xt_target_notrack),
	ALL(ct_xt_target_connmark), ALL(ct_xt_target_connsecmark),
	ALL(ct_xt_refused_target),
};

/* The first so many, which are registered. */
static void unregister(unsigned int n_matches, unsigned int n_targets)
{
	while (n_targets--)
		xt_unregister_targets(targets[n_targets].first,
				      targets[n_targets].n);
	while (n_matches--)
		xt_unregister_matches(matches[n_matches].first,
				      matches[n_matches].n);
}

static int __init ct_xt_init(void)
{
	unsigned int m, t = 0;
	int err = 0;

	for (m = 0; m < ARRAY_SIZE(matches); m++) {
		err = xt_register_matches(matches[m].first, matches[m].n);
		if (err)
			goto fail;
	}
	for (t = 0; t < ARRAY_SIZE(targets); t++) {
		err = xt_register_targets(targets[t].first, targets[t].n);
		if (err)
			goto fail;
	}
	return 0;
fail:
	unregister(m, t);
	return err;
}

static void __exit ct_xt_exit(void)
{
	unregister(ARRAY_SIZE(matches), ARRAY_SIZE(targets));
}

module_init(ct_xt_init);
module_exit(ct_xt_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("iptables matches and targets about connections that ct tracks");

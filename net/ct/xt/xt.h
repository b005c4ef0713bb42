/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_XT_H
#define _CT_XT_H

/* What the files of ct_xt.ko know of each other. */

#include <linux/netfilter/x_tables.h>

struct net;

/*
 * main.c: a rule needs connections of a family, or no longer does. @what: the
 * extension, for who is told that there are none. Return: as ct_hooks_get()
 */
int ct_xt_begin(struct net *net, u8 family, const char *what);
void ct_xt_end(struct net *net, u8 family);

/* Both for matches that need nothing else. */
int ct_xt_match_begin(const struct xt_mtchk_param *par);
void ct_xt_match_end(const struct xt_mtdtor_param *par);

/* The same of targets. */
int ct_xt_target_begin(const struct xt_tgchk_param *par);
void ct_xt_target_end(const struct xt_tgdtor_param *par);

/* A file each */
extern struct xt_match ct_xt_conntrack[3];
extern struct xt_match ct_xt_state[1];
extern struct xt_match ct_xt_connmark[1];
extern struct xt_match ct_xt_connbytes[1];
extern struct xt_match ct_xt_connlabel[1];
extern struct xt_match ct_xt_connlimit[2];
extern struct xt_match ct_xt_helper[1];
extern struct xt_match ct_xt_cluster[2];
extern struct xt_target ct_xt_target_ct[6];
extern struct xt_target ct_xt_target_notrack[2];
extern struct xt_target ct_xt_target_connmark[4];
extern struct xt_target ct_xt_target_connsecmark[2];

/* refuse.c: what is not there yet, and says so */
extern struct xt_match ct_xt_refused_match[1];
extern struct xt_target ct_xt_refused_target[2];

#endif /* _CT_XT_H */

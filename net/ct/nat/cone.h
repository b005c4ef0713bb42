/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NAT_CONE_H
#define _CT_NAT_CONE_H

/*
 * What a source of UDP was translated to is remembered where it cannot be foretold,
 * so that the same is tried for its other flows. It may be more than a try:
 * endpoint-independent mapping, and filtering (RFC 4787 4.1 and 5), that is one
 * address and port outside for each inside, whoever the peer is (enum
 * ct_nat_mapping).
 */

#include <linux/types.h>
#include <net/netfilter/nf_conntrack_tuple.h>

struct ct_entry;
struct ct_net;

/**
 * enum ct_nat_mapping - what a namespace does with the source of UDP
 * @CT_NAT_MAPPING_PEER: a port that is free towards the peer
 * @CT_NAT_MAPPING_CONE: the same one towards all of them
 * @CT_NAT_MAPPING_OPEN: and what anybody sends there comes in
 */
enum ct_nat_mapping {
	CT_NAT_MAPPING_PEER,
	CT_NAT_MAPPING_CONE,
	CT_NAT_MAPPING_OPEN,
};

int ct_nat_cone_init(void);

/* Nobody asks any more, and nobody will. Process */
void ct_nat_cone_exit(void);

/**
 * ct_nat_cone_find() - what is a source translated to already?
 * @e: the connection
 * @mapped: that
 * Context: softirq, RCU read side. Return: false: to nothing yet
 */
bool ct_nat_cone_find(const struct ct_entry *e, struct nf_conntrack_man *mapped);

/**
 * ct_nat_cone_taken() - is it what another source is translated to?
 * @e: the connection
 * @tuple: what it may become
 * Context: softirq, RCU read side. Return: true if so
 */
bool ct_nat_cone_taken(const struct ct_entry *e,
		       const struct nf_conntrack_tuple *tuple);

/**
 * ct_nat_cone_join() - remember what a source is translated to
 * @e: the connection, claimed, whose source was chosen
 *
 * For as long as there are connections of that source. Without memory, or if
 * somebody else was faster, it is not remembered.
 * Context: softirq, RCU read side. Return: true if it is remembered
 */
bool ct_nat_cone_join(struct ct_entry *e);

/**
 * ct_nat_cone_leave() - undo that, when the connection is freed
 * @e: the connection
 * Context: any but hard interrupt; RCU read side
 */
void ct_nat_cone_leave(const struct ct_entry *e);

/**
 * ct_nat_cone_inside() - who is behind an address and port?
 * @e: a connection to there
 * @inside: that
 * Context: softirq, RCU read side. Return: false: nobody
 */
bool ct_nat_cone_inside(const struct ct_entry *e,
			struct nf_conntrack_man *inside);

#endif /* _CT_NAT_CONE_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_CT_NETLINK_H
#define _NET_CT_NETLINK_H

struct ct_net;

/**
 * ct_netlink_init() - answer requests and deliver events
 *
 * Registers both conntrack subsystems of nfnetlink, the generic netlink
 * family "ct" and the event sink, and gives nfnetlink_queue and nfnetlink_log
 * access to the entries of their packets.
 * Context: process; entries may exist already.
 * Return: 0, -EBUSY if another tracker has registered, or what
 * genl_register_family() returned
 */
int ct_netlink_init(void);

/**
 * ct_netlink_exit() - undo ct_netlink_init()
 *
 * No request is being handled and no event is written when it returns;
 * batches that were written may still wait in the namespaces' queues.
 * Context: process, may sleep
 */
void ct_netlink_exit(void);

/**
 * ct_netlink_net_init() - prepare a namespace's queue of events
 * @cn: the namespace, before its first entry
 * Context: process. Return: 0
 */
int ct_netlink_net_init(struct ct_net *cn);

/**
 * ct_netlink_net_exit() - drop what is queued, and send nothing any more
 * @cn: the namespace, without a confirmed entry
 * Context: process, may sleep
 */
void ct_netlink_net_exit(struct ct_net *cn);

#endif /* _NET_CT_NETLINK_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CT_NAT_CHOOSE_H
#define _CT_NAT_CHOOSE_H

/*
 * What a connection is translated to. Nothing here knows a table: what is in use
 * is asked for, see struct ct_nat_table.
 */

#include <linux/types.h>
#include <net/ct/tuple.h>
#include <net/netfilter/nf_nat.h>

/* So many tuples are looked up for a port, at most. */
#define CT_NAT_PROBES	20

/**
 * struct ct_nat_table - what choosing asks of who knows all connections
 * @taken: is this tuple, as it is after translation, or its answer, that of
 *	another connection? @reuse: one that has ended and only waits for late
 *	packets (TIME_WAIT) may have to make room, if that is safe, and is gone
 *	when the answer is no. Nothing is reserved: of two that choose at once one
 *	finds out when it is confirmed, and chooses again
 * @used: the ports that are in use towards the same remote end, or NULL if
 *	nobody wrote them down. @want: four ports were taken, so have a worker do
 *	that, if nobody did; soon it will be needed. NULL: there is none
 *
 * What @used returns has a bit for each of 65,536 ports in host byte order, of
 * one protocol, zone, translated address and remote address and port. Of @tuple
 * everything counts but what the port is looked for in. It belongs to who
 * returned it and stays until the RCU read side section ends in which it was
 * asked for.
 *
 * Bits are only hints. One that is 0 is looked up before it is believed, and
 * set, atomically, as the port is taken now, or was found to be. One that is 1 is
 * believed: who keeps the bitmap clears it when a connection is gone (from the
 * table first, so that no port is lost), or makes a new one now and then. It may
 * set those of connections that kept their port. A port whose connection may
 * have to make room, see @taken, is to be 0.
 *
 * It takes 8 KB, so the keeper needs a bound of how many there are. It may
 * forget any of them at any time, in the manner of RCU.
 */
struct ct_nat_table {
	bool (*taken)(void *ctx, const struct nf_conntrack_tuple *tuple,
		      bool reuse);
	unsigned long *(*used)(void *ctx,
			       const struct nf_conntrack_tuple *tuple,
			       bool want);
};

/**
 * struct ct_nat_choice - how to choose
 * @range: what the rule says, NF_NAT_RANGE_* in its flags
 * @manip: which end is translated
 * @zone: zone id of the original direction
 * @call: GRE: the connection is a call of PPTP, of which the key is known
 * @seed: random, another one for each choice; 0: to be made when it is needed
 * @hope: a source that may stay as it is, or keep its port, is not looked up, if no
 *	bitmap says that it is taken: who asks finds out anyway, and then chooses
 *	once more
 * @mapped: what the same source is translated to already in another
 *	connection, or NULL: to be tried before others, if in @range
 * @stick: even before the source as it is, and if the rule wants it to be
 *	random, since it was, once
 * @reserved: ip_local_reserved_ports of the address's namespace, or NULL. Where
 *	the rule names no ports these are not chosen. Where it does, it knows
 *	best: such ports are often reserved so that sockets leave them to NAT
 * @table: whom to ask
 * @ctx: for @table
 * @probes: how often ->taken() was asked; to be 0 at first
 */
struct ct_nat_choice {
	const struct nf_nat_range2 *range;
	enum nf_nat_manip_type manip;
	u16 zone;
	bool call;
	bool hope;
	bool stick;
	u64 seed;
	const struct nf_conntrack_man *mapped;
	const unsigned long *reserved;
	const struct ct_nat_table *table;
	void *ctx;
	unsigned int probes;
};

/**
 * ct_nat_choose() - find what a tuple is translated to
 * @c: how
 * @orig: the tuple as it is
 * @tuple: what it becomes; differs from @orig in the end that @c->manip says.
 *	(The identifier of an ICMP query has but one place, and may change with
 *	either.)
 *
 * A source is left alone if the rule allows it, and its port is kept if it is
 * free. All else is as the flags of the range say.
 * Context: softirq, RCU read side.
 * Return: 0; -EINVAL: the range is upside down, and @tuple is @orig;
 * -EADDRINUSE: it is used up; -EAGAIN: it seems so, and when ->used() has an
 * answer more is known. With these two @tuple is in range, but another's: of
 * use for a destination, when afterwards a source port is chosen that makes a
 * difference, and of none for a source
 */
int ct_nat_choose(struct ct_nat_choice *c,
		  const struct nf_conntrack_tuple *orig,
		  struct nf_conntrack_tuple *tuple);

/**
 * ct_nat_choose_port() - the part of it that is about ports
 * @c: how. The order of the range's ports was checked
 * @tuple: addresses as they will be, ports as they were; gets the new one
 * @tried: as it is, it was found to be taken
 * Return: as ct_nat_choose(), but for -EINVAL
 */
int ct_nat_choose_port(struct ct_nat_choice *c,
		       struct nf_conntrack_tuple *tuple, bool tried);

/* So many ports are looked at, to see who has them. */
#define CT_NAT_SOME	16

/**
 * ct_nat_some_port() - ports of a range, whoever has them
 * @c: how, as ct_nat_choose() has left it
 * @orig: the tuple as it is
 * @i: the first, the second one, ... below %CT_NAT_SOME: each is another one
 * @tuple: addresses as they will be; gets the port
 * Return: false: there are no more, for the range is that small, or there are none
 */
bool ct_nat_some_port(struct ct_nat_choice *c,
		      const struct nf_conntrack_tuple *orig, unsigned int i,
		      struct nf_conntrack_tuple *tuple);

/**
 * ct_nat_may_stay() - may a tuple be what it is?
 * @c: how, but for the range
 * @tuple: a tuple that the range allows
 * Return: true if it is nobody's, and then it is noted that its port is taken
 */
bool ct_nat_may_stay(struct ct_nat_choice *c,
		     const struct nf_conntrack_tuple *tuple);

/**
 * ct_nat_seed() - the seed of a choice, made if there is none
 * @c: the choice
 * Return: @c->seed
 */
u64 ct_nat_seed(struct ct_nat_choice *c);

/**
 * ct_nat_port_in_range() - has a tuple a port that the rule allows?
 * @c: how
 * @tuple: the tuple
 * Return: true also if the rule names none, or the protocol has none
 */
bool ct_nat_port_in_range(const struct ct_nat_choice *c,
			  const struct nf_conntrack_tuple *tuple);

/**
 * ct_nat_range_valid() - is a range one?
 * @range: of addresses, if its flags say that they are of use. One of ports is a
 *	range whichever comes first
 * @l3: NFPROTO_IPV4 or NFPROTO_IPV6
 * Return: false if it is upside down
 */
bool ct_nat_range_valid(const struct nf_nat_range2 *range, u8 l3);

/**
 * ct_nat_netmap() - the address of the same number in another network
 * @range: the first and the last address of the network
 * @l3: NFPROTO_IPV4 or NFPROTO_IPV6
 * @addr: what is translated
 */
void ct_nat_netmap(const struct nf_nat_range2 *range, u8 l3,
		   union nf_inet_addr *addr);

/**
 * ct_nat_address_in_range() - is an address one that the rule allows?
 * @range: see struct nf_nat_range2
 * @l3: NFPROTO_IPV4 or NFPROTO_IPV6
 * @addr: the address
 * Return: true also if the rule names none
 */
bool ct_nat_address_in_range(const struct nf_nat_range2 *range, u8 l3,
			     const union nf_inet_addr *addr);

/**
 * ct_nat_choose_address() - which address of a range?
 * @c: how; a range that was checked, and with %NF_NAT_RANGE_MAP_IPS
 * @orig: who talks to whom. The same two have the same one each time, on any
 *	machine; with %NF_NAT_RANGE_PERSISTENT a source has, whoever it talks to
 * @skip: 0, or for another one so many behind that, from the end on to the
 *	beginning
 * @addr: the address
 */
void ct_nat_choose_address(const struct ct_nat_choice *c,
			   const struct nf_conntrack_tuple *orig, u32 skip,
			   union nf_inet_addr *addr);

#endif /* _CT_NAT_CHOOSE_H */

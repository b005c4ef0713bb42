/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _FIDELITY_VIEW_H
#define _FIDELITY_VIEW_H

/*
 * A conversation as its two ends see it. What is written in a file is as who began
 * it sees all of it. What came out on the other side of the translation tells how
 * it looks there, and so what has to be answered from there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct view_tuple - who talks to whom
 * @addr: source, destination
 * @id: their ports, or twice the identifier of an ICMP query, or 0
 * @proto: the protocol
 * @len: of an address, 4 or 16
 */
struct view_tuple {
	uint8_t addr[2][16];
	uint16_t id[2];
	uint8_t proto;
	uint8_t len;
};

/**
 * struct view_packet - where things are in a packet
 * @net: the packet
 * @l4: the transport header, or what a fragment has
 * @l4len: octets from there on
 * @offset: of a fragment
 * @fragment: it is one
 * @ident: of what it is one
 * @proto: the protocol
 * @six: IPv6
 * @hops: TTL, or hop limit
 */
struct view_packet {
	uint8_t *net;
	uint8_t *l4;
	size_t l4len;
	unsigned int offset;
	bool fragment;
	uint32_t ident;
	uint8_t proto;
	bool six;
	uint8_t hops;
};

/* Return: false: it is not even IP */
bool view_look(uint8_t *data, size_t len, struct view_packet *p);

/* Return: false: there are no ports where some have to be */
bool view_tuple(const struct view_packet *p, struct view_tuple *t);

/* Is it an ICMP error? The packet that it is about is looked at, too. */
bool view_is_error(const struct view_packet *p, struct view_packet *inner);

/**
 * view_note() - so it looks on the other side
 * @sent: the first end's packet
 * @out: what came out
 * @side: where
 */
void view_note(const struct view_tuple *sent, const struct view_tuple *out,
	       int side);

/**
 * view_change() - make a packet of the other end what it has to be there
 * @p: the packet, which is changed
 * @t: who talks to whom
 * Return: the side where it has to be sent, -1: nothing is known, it stays
 */
int view_change(struct view_packet *p, const struct view_tuple *t);

/* The same for an error about @inner, which is of the first end. */
int view_change_error(struct view_packet *p, struct view_packet *inner);

#endif /* _FIDELITY_VIEW_H */

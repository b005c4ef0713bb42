/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CTCTL_NAMES_H
#define CTCTL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* A number and the word for it. */
struct name {
	const char *word;
	uint32_t value;
};

/* Each table ends with an entry without a word. */
extern const struct name protocol_names[];
extern const struct name status_names[];
extern const struct name tcp_state_names[];
extern const struct name dccp_state_names[];
extern const struct name sctp_state_names[];

/* The word for @value, NULL if there is none. */
const char *name_of(const struct name *names, uint32_t value);

/* The entry for @word, whatever its case, '-' as good as '_', or NULL. */
const struct name *name_find(const struct name *names, const char *word);

/* The table of states of a protocol, NULL if it has no states. */
const struct name *state_names(uint8_t proto);

/* Whether @proto's tuples hold ports. */
bool proto_has_ports(uint8_t proto);

#endif /* CTCTL_NAMES_H */

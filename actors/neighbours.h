/* neighbours.h: what a session thread knows of other nodes that live: under which index an address of theirs is written here.
 *
 * Threads: the session thread's.
 */
#ifndef CHATTERBOX_ACTORS_NEIGHBOURS_H
#define CHATTERBOX_ACTORS_NEIGHBOURS_H

#include "actors/session_state.h"

/* PEER_NODE_ALIVE. node: as in an address. */
void neighbours_add(struct neighbours *neighbours, uint64_t incarnation, unsigned node);

/* PEER_NODE_DIED. Nothing happens if there is none of that index. */
void neighbours_remove(struct neighbours *neighbours, unsigned node);

/* The index; 0: it is not known. */
unsigned neighbours_find(const struct neighbours *neighbours, uint64_t incarnation);

void neighbours_fini(struct neighbours *neighbours);

#endif

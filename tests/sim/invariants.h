/* invariants.h: what must hold at every step, and what in a world in which nothing moves and the store is up. */
#ifndef CHATTERBOX_TESTS_SIM_INVARIANTS_H
#define CHATTERBOX_TESTS_SIM_INVARIANTS_H

#include "sim/world.h"

/* At any time: no more calls that state users again are in flight than may be, and the matcher knows how many they are. */
void check_window(struct world *world);

/* Clients, both sides of every chat and the store agree, and nobody waits for an answer. */
void check_agreement(const struct world *world);

/* Everybody has left: neither users, blocks, reminders nor payloads remain, and the gauges are 0. */
void check_nothing_remains(const struct world *world);

#endif

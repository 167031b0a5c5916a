/* emptying.h: the server lets its last chats end (actors/farewell.h), as src/threads/departures.c does it.
 *
 * Threads: none of its own (world.h).
 */
#ifndef CHATTERBOX_TESTS_SIM_EMPTYING_H
#define CHATTERBOX_TESTS_SIM_EMPTYING_H

#include "sim/world.h"

/* Nobody is matched any more, chats go on. */
void emptying_last_call(struct world *world);

/* After that an actor that chance names has its turn to leave; or each of them. */
void emptying_send_away(struct world *world);
void emptying_send_all_away(struct world *world);

#endif

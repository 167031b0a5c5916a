/* client.h: clients who write what a user might, and check each event against what they asked and what their partners wrote.
 *
 * A client believes what its socket shows it. Only for the partner of a match it asks the world, since no event names him, and who
 * has been blocked must not come back.
 *
 * Ownership: the list of the blocked is the client's. It goes when the client connects again, or with the world.
 */
#ifndef CHATTERBOX_TESTS_SIM_CLIENT_H
#define CHATTERBOX_TESTS_SIM_CLIENT_H

#include "runtime/payload.h"
#include "sim/world.h"

/* Connect, leave, or write a request: what chance says, as far as its credits go. */
void client_acts(struct world *world, struct client *client);

/* Judge an event. Fails if the client had no reason to expect it. */
void client_hears(struct world *world, struct client *client, const struct payload *event);

#endif

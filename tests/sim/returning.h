/* returning.h: clients that come back: cut off at any time, with or without the server knowing, they connect again, show their token and say again what
 * was not taken.
 *
 * What was asked over a connection that is no more is answered in order up to some request, and then not at all. So whoever is back asks one thing that
 * nobody else asks, and when that is answered whatever is still open is lost.
 */
#ifndef CHATTERBOX_TESTS_SIM_RETURNING_H
#define CHATTERBOX_TESTS_SIM_RETURNING_H

#include <jansson.h>
#include <stdbool.h>

#include "sim/world.h"

/* Every third; in some worlds all of them; none where there are several nodes. */
bool returning_is(const struct world *world, const struct client *client);

/* Connect for the first time. */
void returning_connects(struct world *world, struct client *client);

/* Have its connection break, come back, or acknowledge, as chance will. Returns whether that was all that it can do now. */
bool returning_acts(struct world *world, struct client *client);

/* A text that can be said again. json: the whole request. */
void returning_writes(struct world *world, struct client *client, char json[TEXT_MAX], const char *message);

/* CONN_ACCEPTED. */
void returning_is_accepted(struct world *world, struct client *client, const struct message *accepted);

/* CONN_CLOSE for any of its connections but for a ban of the one that there is. */
void returning_is_closed(struct world *world, struct client *client, const struct message *close);

/* Judge the number of an event, and the event if nobody else need. Returns whether somebody else must. */
bool returning_hears(struct world *world, struct client *client, const json_t *event);

/* All its connections end. */
void returning_ends(struct world *world, struct client *client);

/* That chat is over, but not since one of the two has left it: what they wrote may be lost. */
void returning_notes_loss(struct world *world, uint64_t match);

#endif

/* blocklist.h: whom a user has blocked, so that it can be told to a store that has forgotten.
 *
 * A payload of user ids (USER_IDS in payload.h); NULL: nobody. The rule itself holds in the store (lua/start_matching.lua).
 *
 * Threads: the session thread. Ownership: the payload is the session's.
 */
#ifndef CHATTERBOX_ACTORS_BLOCKLIST_H
#define CHATTERBOX_ACTORS_BLOCKLIST_H

#include <stdbool.h>

#include "runtime/message.h"

/* So many at most: each takes a chat, and as many bytes of memory as an id has. */
enum { BLOCKLIST_MAX = 1000 };

bool blocklist_has(const struct payload *list, const uint8_t id[USER_ID_BYTES]);

/* Returns false if the list is full. Adding twice is adding once. */
bool blocklist_add(struct payload **list, const uint8_t id[USER_ID_BYTES]) __attribute__((warn_unused_result));

#endif

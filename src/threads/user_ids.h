/* user_ids.h: ids of users, which nobody can guess.
 *
 * Threads: one. Source: getrandom(2), asked for many at once.
 */
#ifndef CHATTERBOX_THREADS_USER_IDS_H
#define CHATTERBOX_THREADS_USER_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/log.h"
#include "runtime/message.h"

enum { USER_IDS_FETCHED = 64 };

/* All zero: none is left. */
struct user_ids {
    size_t left;
    uint8_t bytes[USER_IDS_FETCHED * USER_ID_BYTES];
};

/* USER_ID_BYTES of them, until the next call. Ends the process if the system has none. */
const uint8_t *user_ids_take(struct user_ids *ids, const struct log *log);

#endif

/* backlog.h: messages that cannot be taken or handed over yet, oldest first.
 *
 * Threads: one. Ownership: a message put in is the backlog's, payload included, until it is taken out.
 */
#ifndef CHATTERBOX_RUNTIME_BACKLOG_H
#define CHATTERBOX_RUNTIME_BACKLOG_H

#include <stdbool.h>

#include "runtime/message.h"

struct backlog_entry;

/* All zero is empty. */
struct backlog {
    struct backlog_entry *first;
    struct backlog_entry *last;
};

void backlog_put(struct backlog *backlog, const struct message *message);

/* Make it the oldest again. */
void backlog_put_back(struct backlog *backlog, const struct message *message);

/* The oldest, which stays; NULL if there is none. */
const struct message *backlog_first(const struct backlog *backlog);

/* Returns false, and leaves *message alone, if there is none. */
bool backlog_take(struct backlog *backlog, struct message *message);

#endif

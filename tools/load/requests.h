/* requests.h: what a user asks of the server. Queued, as by user_send(). */
#ifndef CHATTERBOX_TOOLS_LOAD_REQUESTS_H
#define CHATTERBOX_TOOLS_LOAD_REQUESTS_H

#include <stdint.h>

#include "load/load.h"

/* Queue submit_interests. The format gives what stands in the JSON list, quotes included: 95 bytes at most. */
void user_submit(struct user *user, const char *interests, ...) __attribute__((format(printf, 2, 3)));

/* Queue start_matching, forget the last chat's count, and begin to time. */
void user_search(struct user *user);

/* How a chat message is spelled: stringify, python, readme, shuffled or escaped. Returns -1 for any other name. */
int spelling_find(const char *name);

/* Queue a chat message that is said to be written at that time: "<writer> <number> <when>", filled up to the size asked for. */
void user_write_chat(struct user *user, uint64_t when_ns);

#endif

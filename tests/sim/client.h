/* client.h: clients who write what a user might, and check each event against what they asked and what their partners wrote.
 *
 * A client believes what its socket shows it. Only for the partner of a match it asks the world, since no event names him, and who
 * has been blocked must not come back.
 *
 * Ownership: the list of the blocked is the client's. It goes when the client connects again, or with the world.
 */
#ifndef CHATTERBOX_TESTS_SIM_CLIENT_H
#define CHATTERBOX_TESTS_SIM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/message.h"
#include "runtime/payload.h"
#include "wire/event.h"
#include "wire/request.h"

struct sim;

enum { CREDITS = 16, REQUESTS_MAX = 64 };

enum view { VIEW_GONE, VIEW_CONNECTING, VIEW_NEW, VIEW_IDLE, VIEW_SEARCHING, VIEW_CHATTING };

struct client {
    enum view view;        /* what the client may believe from the events it has seen */
    uint32_t generation;   /* of its connection */
    struct address actor;
    int credits;
    char match[MATCH_ID_TEXT];
    long written;          /* number of the last message, over all chats */
    long heard;            /* number of the partner's last message in this chat; 0: none yet */
    unsigned side;         /* of the pair: which of the two of the last match it is */
    enum request_type asked[REQUESTS_MAX]; /* requests that await a direct answer, oldest first */
    size_t asked_count;
    bool has_asked_next;   /* its chats may end unannounced */
    bool takes_anyone;     /* it has said so in this connection */
    uint8_t partner_id[USER_ID_BYTES]; /* of the last match that it has heard of */
    struct payload *blocked;           /* ids, as far as it was told that the block holds */
};

/* Connect, leave, or write a request: what chance says, as far as its credits go. */
void client_acts(struct sim *sim, struct client *client);

/* Judge an event. Fails if the client had no reason to expect it. */
void client_hears(struct sim *sim, struct client *client, const struct payload *event);

#endif

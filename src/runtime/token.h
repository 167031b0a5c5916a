/* token.h: what a client shows in order to come back to its session: where its actor is, and a secret that only the two of them know.
 *
 *   u64 home: the incarnation of its process | u8 thread | u24 slot | u24 generation | secret        in the order of the network
 *
 * So no table is shared: whoever gets a token finds the node and the thread in it, and that thread finds the actor in its slab, or nobody, in the same few
 * steps whatever the token is. Only then is the secret compared, by the actor, in constant time (actors/resume.c). Where an actor is tells its own client
 * nothing that it could use: an address without the secret opens nothing.
 *
 * Never logged, and never in Redis.
 *
 * Threads: pure; any. Source: RFC 4648, section 5.
 */
#ifndef CHATTERBOX_RUNTIME_TOKEN_H
#define CHATTERBOX_RUNTIME_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/message.h"

enum { TOKEN_BYTES = 32, TOKEN_SECRET_BYTES = 17, TOKEN_DIGITS = 43 };

struct token {
    uint64_t home;        /* of the actor's process: threads/cluster.h */
    struct address actor; /* there; its node is 0 */
    uint8_t secret[TOKEN_SECRET_BYTES]; /* random */
};

/* What a client that wants to be able to come back asks for when it connects; RESUME in message.def. */
struct resume_ask {
    struct token token; /* is_back. All zero, if what it showed is no token */
    uint32_t seq;       /* is_back: of the last event that it has got */
    bool is_back;       /* else it asks for a new session */
    uint8_t put_off;    /* is_back: so many times, by the session thread */
};

/* Base64url without padding, and a NUL. */
void token_print(char text[TOKEN_DIGITS + 1], const struct token *token);

/* Returns false, and leaves *token alone, if that is no token. */
bool token_read(struct token *token, const char *text, size_t length) __attribute__((warn_unused_result));

#endif

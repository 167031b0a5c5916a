/* replies.h: what the scripts answer, checked element by element.
 *
 * Threads: pure; any.
 */
#ifndef CHATTERBOX_REDIS_REPLIES_H
#define CHATTERBOX_REDIS_REPLIES_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "actors/store.h"
#include "redis/reachable.h"
#include "redis/scripts.h"
#include "wire/interests.h"

enum reply_kind {
    REPLY_OK,
    REPLY_STALE,     /* the fence has moved on, or Redis has forgotten us */
    REPLY_HELD,      /* FENCE: a server from before there were leases is here */
    REPLY_ALIVE,     /* REAP: that node has a lease */
    REPLY_WAIT,      /* START_MATCHING */
    REPLY_ALREADY,   /* START_MATCHING, END_MATCHING (there: MATCHED) */
    REPLY_BANNED,    /* SUBMIT_INTERESTS, START_MATCHING, REPORT */
    REPLY_MATCH,     /* START_MATCHING */
    REPLY_BEHIND,    /* START_MATCHING: the match must have a higher number */
    REPLY_ERROR,     /* an error of Redis: text */
    REPLY_MALFORMED, /* none of what this script may answer */
};

enum { CHANNEL_ID_BYTES = 64 };

/* As many expired nodes does one heartbeat name. */
enum { EXPIRED_MAX = 16 };

struct script_reply {
    enum reply_kind kind;
    const char *text;      /* ERROR: Redis' words, NUL-terminated. The reply's */
    uint64_t left;         /* REAP's OK: how many users are still there */
    uint64_t match;        /* BEHIND: that it must be above */
    unsigned expired_count;
    char expired[EXPIRED_MAX][NODE_BYTES]; /* HEARTBEAT's OK: nodes to be reaped */
    /* MATCH: */
    struct peer peer;
    struct address partner; /* nobody: of a node that is not reachable any more */
    uint32_t partner_search;
    struct interests common;
};

/* Where actors are. */
struct places {
    const char *node;                               /* this node's id */
    unsigned first_session_thread, session_threads; /* its own */
    const struct reachable *others;
};

void script_reply_decode(struct script_reply *decoded, enum script script, const redisReply *reply, const struct places *places);

/* "<node>:<thread>.<slot>.<generation>": where a user's session actor is. */
void channel_id_print(char text[CHANNEL_ID_BYTES], const char *node, struct address actor);
bool channel_id_parse(const char *text, const char *node, struct address *actor) __attribute__((warn_unused_result));

/* 32 hexadecimal digits in lower case. */
bool user_id_parse(const char *text, size_t length, uint8_t id[USER_ID_BYTES]) __attribute__((warn_unused_result));

#endif

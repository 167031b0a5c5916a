/* client.h: one connection to Redis that comes back by itself.
 *
 * This is the one place that knows in how many ways a connection can be lost, be too slow or talk nonsense. Outside: open, replies in
 * order, lost, open again.
 *
 * A loss is announced once (on_lost), then every command without a reply is answered with NULL, then after a backoff
 * with jitter the next connection is tried.
 *
 * Where that goes is asked each time, if Sentinels know it; and again while it is open, more often if it does not answer: a master that has been
 * replaced is given up. Whether what was reached is one (role.h) is the owner's to ask, since that may need a password first. Nodes of a cluster are
 * tried in turn; the one that an error MOVED names is the next.
 *
 * Threads:   the loop's.
 * Ownership: the struct is the caller's and must outlive redis_client_stop()'s on_stopped.
 */
#ifndef CHATTERBOX_REDIS_CLIENT_H
#define CHATTERBOX_REDIS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "redis/address.h"
#include "redis/command.h"
#include "redis/dial.h"
#include "redis/sentinel.h"
#include "redis/stream.h"

/* reply is hiredis' and good during the call; NULL: the connection was lost, the outcome is unknown. */
typedef void redis_reply_fn(void *owner, void *request, const redisReply *reply);

struct redis_client_handler {
    void (*on_open)(void *owner);                       /* connected; nothing has been sent */
    void (*on_lost)(void *owner, const char *reason);   /* also when a connection attempt fails */
    void (*on_tick)(void *owner, uint64_t now_ms);      /* several times a second */
    void (*on_stopped)(void *owner);                    /* after redis_client_stop() */
    bool (*on_push)(void *owner, const redisReply *reply); /* false: it is no push, but the reply to a command. NULL: nothing is ever pushed */
};

enum redis_client_state {
    REDIS_CLIENT_WAITING, /* for the next attempt */
    REDIS_CLIENT_ASKING, /* Sentinels */
    REDIS_CLIENT_RESOLVING,
    REDIS_CLIENT_CONNECTING,
    REDIS_CLIENT_OPEN,
    REDIS_CLIENT_LOSING, /* on_lost was called; the stream is closed on the next turn of the loop */
    REDIS_CLIENT_STOPPED
};

struct redis_command_sent; /* waits for its reply */

struct redis_client {
    uv_loop_t *loop;
    const struct redis_address *address;
    const struct redis_client_handler *handler;
    void *owner;
    uint64_t timeout_ms; /* to connect, and for the oldest reply */

    enum redis_client_state state;
    struct redis_stream *stream;
    struct redis_command_sent *oldest, *newest;
    uint64_t since_ms;   /* when the state began */
    uint64_t backoff_ms; /* before the next attempt */
    uint64_t random;     /* for jitter */
    uv_timer_t attempt;  /* one shot: the next attempt, or the end of a loss */
    uv_timer_t tick;
    struct redis_endpoint target; /* where this connection, or the next one, goes; "" as long as nobody knows */
    bool is_moved;  /* the target is what MOVED has named: the next connection goes there */
    unsigned seed;  /* of a cluster's nodes: the next one to try */
    struct redis_dial *dial;
    struct sentinel sentinel;
    uint64_t asked_ms;
    bool defers_replies; /* of this connection */
    unsigned failed_attempts; /* that did not get as far as a connection: of a name's addresses, each time the next one is tried */
    unsigned handles_open;
};

/* Begin with the first attempt at once. */
void redis_client_start(struct redis_client *client, uv_loop_t *loop, const struct redis_address *address,
                        uint64_t timeout_ms, const struct redis_client_handler *handler, void *owner);

/* Whoever waits for the next attempt has it at once. */
void redis_client_hurry(struct redis_client *client);

/* Send a command, arguments copied: it goes with the next flush. on_reply is called exactly once. Only while OPEN. */
void redis_client_send(struct redis_client *client, const struct command *command, redis_reply_fn *on_reply, void *request);

/* For on_open: replies of this connection are looked for at each tick alone, twenty times a second, or when redis_client_receive() is called. For one
 * whose replies nobody waits for, each of which would wake the thread. */
void redis_client_defer_replies(struct redis_client *client);

/* Take those replies now. In any state. */
void redis_client_receive(struct redis_client *client);

/* Write what was sent: by whoever owns the loop, at the end of each of its turns, and before it sleeps. In any state. */
void redis_client_flush(struct redis_client *client);

/* Give this connection up, from anywhere: replies that still come are not passed on. */
void redis_client_fail(struct redis_client *client, const char *reason);

/* The same for an error that Redis has answered. The reason is its code (trouble.h): the rest can quote a command. */
void redis_client_fail_on_error(struct redis_client *client, const char *error);

/* For log lines: which Redis it is about. */
void redis_client_place(const struct redis_client *client, char place[REDIS_PLACE_BYTES]);

/* For good. on_stopped follows when all handles are closed. */
void redis_client_stop(struct redis_client *client);

#endif

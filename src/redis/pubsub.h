/* pubsub.h: one Redis as a carrier of messages between nodes: one connection that publishes, and one that is subscribed.
 *
 * Redis' pub/sub keeps nothing: what is published while nobody is subscribed, or a connection is lost, is lost. What comes is handed on as it
 * is; whoever can reach that Redis may have sent it.
 *
 * In a Redis Cluster either may go to any node. One that is cut off from most of the others is left within a second of knowing it.
 *
 * Both connections come back by themselves (client.h), each in its own time. The subscribed one is pinged, so a Redis that says nothing is found out.
 *
 * Threads:   the loop's.
 * Ownership: the struct is the caller's and must outlive on_stopped.
 */
#ifndef CHATTERBOX_REDIS_PUBSUB_H
#define CHATTERBOX_REDIS_PUBSUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "redis/address.h"
#include "redis/client.h"
#include "redis/trouble.h"
#include "runtime/log.h"

enum { PUBSUB_CHANNELS_MAX = 2 };

struct pubsub_handler {
    /* channel: its place in the configuration. bytes are good during the call. */
    void (*on_message)(void *owner, unsigned channel, const void *bytes, size_t length);
    void (*on_lost)(void *owner);                     /* either connection, also when an attempt fails; it is logged */
    void (*on_stopped)(void *owner);                  /* answers pubsub_stop() */
};

struct pubsub_config {
    const struct redis_address *address;
    uint64_t timeout_ms;  /* to connect, and for the oldest reply */
    size_t unsent_max;    /* bytes published whose arrival Redis has not confirmed */
    const char *prefix;   /* of a key that the publisher may ask for (it is never there) */
    const char *channels[PUBSUB_CHANNELS_MAX]; /* to subscribe to; the caller's */
    unsigned channel_count;
    const struct log *log; /* hears of losses: bus_lost */
    const struct pubsub_handler *handler;
    void *owner;
};

struct pubsub {
    struct pubsub_config config;
    struct redis_client publisher, subscriber;
    size_t unsent_bytes;
    unsigned subscribed;  /* channels that Redis has confirmed */
    unsigned stopped;     /* clients */
    uint64_t last_ping_ms, looked_up_ms;
    char key[REDIS_PREFIX_BYTES + 8];
    struct troubles troubles;
    enum trouble trouble; /* why it is not open; NONE while it is */
    bool is_whole;        /* the publisher's node is one of a cluster that is whole, or of none */
    bool was_open;        /* when it was looked at last, and not lost since */
    bool is_stopping;
};

/* Begins to connect. */
void pubsub_start(struct pubsub *pubsub, uv_loop_t *loop, const struct pubsub_config *config);

/* Whether messages of all channels come in. */
bool pubsub_hears(const struct pubsub *pubsub);

/* Whether some can be published; though maybe not that many bytes. */
bool pubsub_speaks(const struct pubsub *pubsub);

/* Both. */
bool pubsub_is_open(const struct pubsub *pubsub);

/* Goes with the next flush. Returns false if it cannot be sent now, or too much waits already. Bytes are copied. */
bool pubsub_publish(struct pubsub *pubsub, const char *channel, const void *bytes, size_t length) __attribute__((warn_unused_result));

/* At the end of each turn of the loop, and before it sleeps. */
void pubsub_flush(struct pubsub *pubsub);

/* Give both connections up, and make new ones. */
void pubsub_reconnect(struct pubsub *pubsub, const char *reason);

void pubsub_stop(struct pubsub *pubsub);

#endif

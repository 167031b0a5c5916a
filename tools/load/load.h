/* load.h: what the parts of the load generator share: its users, what it was asked for, and what it counts.
 *
 * Users cost it as little as possible, so that the server is what is measured. A user is a WebSocket client (user.h); what it does
 * next (requests.h) is decided by the mode's callback for each event that it gets (run.h).
 *
 * Threads: one, with one libuv loop.
 */
#ifndef CHATTERBOX_TOOLS_LOAD_LOAD_H
#define CHATTERBOX_TOOLS_LOAD_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>
#include <wslay/wslay.h>

#include "load/histogram.h"
#include "load/process.h"

enum event_kind {
    EVENT_CONNECTED, /* connection_established */
    EVENT_SUCCESS,
    EVENT_NO_MATCH,
    EVENT_MATCHED,
    EVENT_CHAT,
    EVENT_PARTNER_LEFT,
    EVENT_ERROR,
    EVENT_CLOSED /* not from the server: the connection has ended */
};

/* How far a user has come. */
enum step { STEP_CONNECTING, STEP_SUBMITTED, STEP_SEARCHING, STEP_CHATTING, STEP_DONE };

struct user {
    uv_tcp_t tcp;
    struct load *load;
    unsigned index;
    wslay_event_context_ptr context;
    uv_connect_t connect;
    const uint8_t *input;
    size_t input_length;
    char *output; /* collects until the end of the turn */
    size_t output_length, output_capacity;
    size_t writing;  /* bytes handed to libuv and not yet written */
    bool is_upgraded, is_dirty, is_closing;
    struct user *next_dirty;
    char head[512];  /* the answer to the upgrade request, as far as it has come */
    size_t head_length;
    uint64_t began_ns; /* of what is being timed */
    enum step step;    /* the mode's */
    uint64_t sent, received; /* chat messages in this chat */
    unsigned partner;  /* who the partner's first message said it was, plus 1; 0: not known yet */
    unsigned in_flight;
};

/* What the server under test speaks. */
enum protocol {
    PROTOCOL_CHATTERBOX,
    PROTOCOL_WEBSOCKET, /* pairs users as they come and forwards every message */
    PROTOCOL_RAW        /* the same with bytes: what comes is masked as it was sent */
};

struct options {
    const struct mode *mode; /* run.h */
    enum protocol protocol;
    const char *host;
    int port;
    int other_port; /* where the second of each two connects, to another server; 0: all to one */
    unsigned users;
    double seconds;
    unsigned window;
    double rate;      /* messages a second in all; 0: closed loop */
    unsigned size;    /* bytes of text */
    int spelling;     /* of chat messages: spelling_find() */
    struct processes servers; /* whose cost it is; none: unknown */
    unsigned sources; /* loopback addresses to connect from; 0: from wherever the kernel likes */
};

struct load {
    uv_loop_t *loop;
    const struct options *options;
    struct user *users;
    void (*on_event)(struct user *user, enum event_kind kind, const char *text, size_t length);
    struct user *dirty;
    wslay_frame_context_ptr encoder;
    struct user *encoding;
    unsigned connecting, connected, next;
    unsigned ready; /* relay: users who have a partner */
    bool is_measuring, is_over;
    uint64_t sent, received, lost, doubled, misdelivered, sessions, errors, closed;
    struct histogram latency; /* ns */
    struct histogram connect_latency;
    struct histogram match_latency;
};

#endif

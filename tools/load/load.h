/* load.h: users that cost the load generator as little as possible, so that the server is what is measured.
 *
 * One thread, one libuv loop. A user is a WebSocket client (wslay's client side); what it does next is decided by the
 * mode's callback for each event that it gets.
 */
#ifndef CHATTERBOX_TOOLS_LOAD_LOAD_H
#define CHATTERBOX_TOOLS_LOAD_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>
#include <wslay/wslay.h>

#include "load/histogram.h"

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
    unsigned users;
    double seconds;
    unsigned window;
    double rate;      /* messages a second in all; 0: closed loop */
    unsigned size;    /* bytes of text */
    int pid;          /* the server's; 0: unknown */
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

/* Say why in one line on stderr, and exit with status 2. */
_Noreturn void load_fail(const char *why);

uint64_t now_ns(void);

/* Begin to connect a user; EVENT_CONNECTED or EVENT_CLOSED follows. */
void user_connect(struct user *user);

/* Queue a text; it leaves at the end of the turn. */
void user_send(struct user *user, const char *text, size_t length);

/* Queue submit_interests. The format gives what stands in the JSON list, quotes included: 95 bytes at most. */
void user_submit(struct user *user, const char *interests, ...) __attribute__((format(printf, 2, 3)));

/* Queue start_matching, forget the last chat's count, and begin to time. */
void user_search(struct user *user);

/* Queue a chat message that is said to be written at that time: "<writer> <number> <when>", filled up to the size asked for. */
void user_write_chat(struct user *user, uint64_t when_ns);

void user_close(struct user *user);

/* Write what has been queued, for all. Once a turn. */
void load_flush(struct load *load);

/* The value of a string member, by name; NULL if it is not there. Good enough for what our own messages hold. */
const char *find_member(const char *text, size_t length, const char *name, size_t *value_length);

#endif

/* net.h: a connection, and what all connections of one I/O thread share: data alone.
 *
 * The way of bytes: threads/io_thread.c accepts → connection.c reads → opening.c (the request), then ws/reader.h (frames to texts) →
 * CLIENT_TEXT to the session actor; back: EVENT_TEXT → io_thread.c → connection.c → ws/writer.h (events to frames) → sending.c.
 *
 * connection.c alone moves a connection from state to state. What it uses (listener, address_gate, opening, sending, liveness, ending) does
 * one thing to a connection and returns what came of it.
 *
 * Nothing in net/ knows what a chat is: any actor that speaks message.def's IO messages will do.
 *
 * Threads: one I/O thread owns all of this.
 */
#ifndef CHATTERBOX_NET_NET_H
#define CHATTERBOX_NET_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "admission/client_address.h"
#include "http/refusal.h"
#include "net/entrances.h"
#include "options.h"
#include "runtime/executor.h"
#include "runtime/log.h"
#include "runtime/message.h"
#include "runtime/metrics.h"
#include "runtime/rate.h"
#include "runtime/slab.h"
#include "runtime/wheel.h"
#include "tls/context.h"
#include "ws/reader.h"
#include "ws/writer.h"

/* Texts of a client that may be on their way: to its actor, or on to the partner's socket. */
enum { CREDITS = 16 };

/* Read from a socket in a turn. As much UTF-8 takes 0.1 ms to unmask and check, and 50 may send so much at the same time. */
enum { READ_BYTES = 32768 };

enum connection_state {
    CONNECTION_SECURING,  /* where the port speaks TLS: until hands are shaken */
    CONNECTION_REQUEST,   /* reads the head of the request */
    CONNECTION_ACCEPTING, /* CONN_OPENED is on its way; what comes is held */
    CONNECTION_OPEN,
    CONNECTION_ENDING,    /* the client has closed or broken the protocol; the actor's last answers come first, then our close frame */
    CONNECTION_CLOSING,   /* our close frame is out; waits for the client's */
    CONNECTION_LINGERING, /* our half is shut; what still comes is thrown away until the client's half is */
    CONNECTION_DEAD       /* the socket is being closed */
};

struct tls_wire;       /* filter.h's */
struct address_limits; /* counters for each address: address_limits.h */
struct identity_key;
struct networks;
struct acceptance; /* opening.c's */
struct sealing;    /* sealing.c's */

/* The head of a request that has not come whole. */
struct request_head {
    uint32_t length;
    char bytes[8192];
};

struct connection {
    uv_tcp_t tcp; /* .data: its TLS, sealing_of() */
    struct net *net;
    struct wheel_entry deadline;
    struct address self;
    union {
        uint8_t peer_address[ADDRESS_BYTES]; /* SECURING, REQUEST: of the socket, which is asked for it once */
        struct {
            struct address actor;           /* OPEN, after CONN_ACCEPTED */
            struct rate_bucket free_bucket; /* of frames that take no credit */
        };
    };
    struct request_head *head;     /* REQUEST */
    struct payload *held;          /* read, but not yet fed to the reader, since credits or room ran out; from held_from on. SECURING: as it came */
    struct reader *reader;         /* borrowed while a message is on its way in */
    struct writer writer;          /* what goes out collects in it until the end of the turn */
    struct connection *next_dirty;
    struct connection *next_stalled; /* SECURING: of those that wait for their turn to shake hands */
    uint32_t held_from;
    uint32_t last_read_ms;         /* low bits of the loop's time */
    uint32_t pinged_ms;            /* has_pinged */
    uint32_t write_since_ms;       /* is_writing: when it began */
    uint32_t last_bytes;           /* ENDING, CLOSING, LINGERING: that came since */
    int16_t credits;
    uint8_t state;                 /* enum connection_state */
    uint8_t session_thread;
    uint16_t ends_with;            /* ENDING: enum close_code */
    bool has_pinged : 1;
    bool has_bad_id : 1;           /* ACCEPTING: 4001 is all that it will hear */
    bool has_actor : 1;            /* CONN_ACCEPTED came and CONN_GONE was not sent */
    bool awaits_actor : 1;         /* CONN_OPENED was sent and CONN_ACCEPTED has not come: the slot must stay */
    bool is_websocket : 1;         /* counted as such */
    bool begins : 1;               /* what is held is read when the 101 is written, with what goes out beside it */
    bool is_reading : 1;
    bool is_dirty : 1;
    bool is_stalled : 1;
    bool is_writing : 1;           /* a uv_write is under way */
    bool shuts_down : 1;           /* shut our half when all output is written */
    bool is_closed : 1;            /* the close callback of tcp has come */
    bool is_local : 1;             /* by a Unix socket: a proxy of this machine */
    bool is_redirected : 1;        /* whatever it asks, it is sent to https */
    bool awaits_hands : 1;         /* SECURING: is among those that wait */
    bool is_half_open : 1;         /* counted as such, under address_key */
    bool is_counted : 1;           /* a WebSocket that the address's home has counted */
    bool awaits_gate : 1;          /* ADDRESS_ASK was sent and no answer has come: the slot must stay */
    struct acceptance *acceptance; /* ACCEPTING: what the request has asked for, malloc'ed */
    uint64_t address_key;          /* is_half_open, is_counted: address_gate.h */
};

/* A socket that is listened at. */
struct door {
    uv_tcp_t listener;
    int fd;
    bool does_accept_wait; /* libuv has a socket that was not taken in this turn, and asks for no other until it is */
    bool redirects;
    bool is_local; /* a Unix socket: entrances.h */
};

/* What connections with TLS share. */
struct secure_side {
    struct tls_context context; /* ssl NULL: there is no TLS. Of connections from here on; others may have a former one */
    struct tls_wire *wire;
    unsigned char *plain; /* what the last read was, unsealed; SEALING_PLAIN_BYTES */
    unsigned handshakes;  /* in this turn */
    struct connection *first, *last; /* that wait for their turn to shake hands */
};

struct net {
    struct executor executor;
    const struct options *options;
    const struct log *log;
    const struct identity_key *identity_key;
    const struct networks *trusted_proxies;
    struct address_limits *limits; /* of the addresses that are at home here, and of what is half open; NULL: no limits */
    unsigned first_io_thread, io_threads;
    uint64_t incarnation; /* of this node, as tokens have it */
    struct metrics *metrics;      /* this thread's set */
    struct metrics *metrics_sets; /* all sets, to sum up */
    unsigned metrics_count;
    unsigned first_session_thread, session_threads;
    unsigned next_session_thread;
    uint32_t max_connections;
    const char *config; /* what GET /config answers; of the process */
    bool is_leaving;    /* LEAVING or LAST_CALL came: as in http/reply.h */
    bool is_last_call;  /* LAST_CALL came: nobody new is let in */
    const char *(*redis_trouble)(int64_t number); /* as in http/reply.h */
    struct door doors[ENTRANCES_MAX + 1];
    unsigned doors_count;
    uint16_t port;                 /* of the first one that does not redirect */
    unsigned accepts;              /* in this turn */
    struct secure_side secure;
    uv_timer_t tick;
    uv_timer_t unstall;
    struct slab connections;
    struct wheel wheel;
    struct connection *dirty;
    const struct connection *last_to_fill; /* that has filled read_buffer, and reads on in the next turn; only compared */
    uint32_t unserved_bytes;       /* read since the guest, if there is one, was served */
    struct connection *stalled;
    struct reader_pool readers;
    struct writer_pool writers;
    struct log_limit accept_limit, tls_limit;
    struct log_limit refusal_limits[REFUSALS], slow_reader_limit, ping_timeout_limit, unnamed_limit; /* complaint.h */
    unsigned char read_buffer[READ_BYTES];
};

static inline uint32_t net_now_ms(struct net *net)
{
    return (uint32_t)uv_now(net->executor.loop);
}

/* Call connection_on_deadline() in so long, instead of whenever it would have been. */
static inline void net_set_deadline(struct connection *connection, uint64_t in_ms)
{
    struct net *net = connection->net;
    wheel_set(&net->wheel, &connection->deadline, uv_now(net->executor.loop) + in_ms);
}

#endif

/* sealing.h: TLS between a connection's socket and what is read and written there; where the server has a certificate. Plain connections have none of this.
 *
 * It is made at the first byte of a ClientHello, not at accept. To shake hands takes the time of a hundred messages, so only so many do in a turn; others
 * wait, first in first out, with what they have sent. Whatever has come is unsealed at once, so that what is held back for want of credits is plain.
 * What is to be sent collects until the end of the turn, as everything does.
 *
 * Threads: the I/O thread. Source: RFC 8446; RFC 5246.
 */
#ifndef CHATTERBOX_NET_SEALING_H
#define CHATTERBOX_NET_SEALING_H

#include <sys/uio.h>

#include "net/net.h"

/* Handshakes in a turn: 0.6 to 0.8 ms. */
enum { HANDSHAKES_PER_TURN = 4 };

/* A connection's; NULL: it is plain, or has not begun. */
static inline struct sealing *sealing_of(const struct connection *connection)
{
    return connection->tcp.data;
}

/* Whether what comes is for libssl to understand. */
static inline bool sealing_is_due(const struct connection *connection)
{
    return sealing_of(connection) != NULL || connection->state == CONNECTION_SECURING;
}

/* context: NULL: there is no TLS. */
void sealing_init(struct net *net, const struct tls_context *context);
void sealing_fini(struct net *net);

/* A new certificate, for connections from here on. Takes the reference over. */
void sealing_renew(struct net *net, struct ssl_ctx_st *ssl);

enum sealing_result {
    SEALING_ON,     /* *plain: what has come of it, perhaps nothing */
    SEALING_CLOSED, /* the same, and the client says that nothing follows */
    SEALING_WAITS,  /* enough hands are shaken in this turn; nothing was taken */
    SEALING_NONE,   /* this begins no TLS */
    SEALING_FAILED
};

/* What was read. *plain is good until the next call, for any connection. */
enum sealing_result sealing_take(struct connection *connection, const unsigned char *bytes, size_t length, struct iovec *plain)
    __attribute__((warn_unused_result));

bool sealing_is_open(const struct connection *connection);

/* It waits for its turn. */
void sealing_wait(struct connection *connection);

/* A turn is over. */
void sealing_next_turn(struct net *net);

/* The next that has waited long enough; NULL: there is none in this turn. */
struct connection *sealing_next(struct net *net);

/* Seal so much of these parts as makes a good write. Returns how many of their bytes that is; 0: it failed. */
size_t sealing_seal(struct connection *connection, const struct iovec parts[], unsigned count);

/* Nothing follows; once. */
void sealing_say_good_bye(struct connection *connection);

/* Whether there is something to be sent besides what the writer has: what libssl has to say, or the good-bye of a connection whose half is to be shut. */
bool sealing_has_output(const struct connection *connection);

/* What is to be sent: the caller's from here on. NULL: nothing. */
struct payload *sealing_take_output(struct connection *connection);

/* The connection ends. What libssl has to say to that is sent if the socket takes it. */
void sealing_drop(struct connection *connection);

#endif

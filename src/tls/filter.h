/* filter.h: one TLS connection, between the bytes of the network and plain bytes. It has no socket: what it wants to send waits in it until
 * it is taken out.
 *
 * After each step there may be something to send, also after a read, and after a failure: what tells the other end why.
 *
 * What waits is kept in the filter's own ends of the wire, or in ends that filters of one thread share, since an idle connection has nothing there: then
 * whoever goes on to another filter has read all that had come for this one, and taken out all that is to be sent.
 *
 * Threads:   a value of its owner.
 * Ownership: all bytes are copied in and out. It has a reference to its context of its own; shared ends must outlive it.
 */
#ifndef CHATTERBOX_TLS_FILTER_H
#define CHATTERBOX_TLS_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "tls/context.h"

struct tls_filter;

enum tls_verdict {
    TLS_GOES_ON,
    TLS_CLOSED, /* by the other end, in order: what it has written before has been read */
    TLS_FAILED  /* tls_filter_error() says why; nothing comes any more */
};

/* host: a client's: whom the certificate must name, a name or a numeric address. NULL for a server. Returns NULL if the host can be none. */
struct tls_filter *tls_filter_new(const struct tls_context *context, const char *host) __attribute__((warn_unused_result));

/* Ends that filters of one thread share. */
struct tls_wire;
struct tls_wire *tls_wire_new(void);
void tls_wire_free(struct tls_wire **wire);

/* A server's, with such. */
struct tls_filter *tls_filter_new_on(const struct tls_context *context, struct tls_wire *wire);

/* Nulls the pointer; NULL inside is fine. */
void tls_filter_free(struct tls_filter **filter);

/* Go on with the handshake: a client's first step, and one after whatever comes until it is open. That it stays, whatever comes then. */
enum tls_verdict tls_filter_shake_hands(struct tls_filter *filter) __attribute__((warn_unused_result));
bool tls_filter_is_open(const struct tls_filter *filter);

/* What the network has brought. */
void tls_filter_receive(struct tls_filter *filter, const void *bytes, size_t length);

/* Plain bytes that have come, at most capacity. *length 0: no more for now. Only while open. */
enum tls_verdict tls_filter_read(struct tls_filter *filter, void *plain, size_t capacity, size_t *length) __attribute__((warn_unused_result));

/* Say that nothing follows (close_notify), once and not waiting for an answer. Only while open. */
void tls_filter_say_good_bye(struct tls_filter *filter);

/* Plain bytes to the other end, all of them. Only while open. */
enum tls_verdict tls_filter_write(struct tls_filter *filter, const void *plain, size_t length) __attribute__((warn_unused_result));

/* What waits to be sent, good until the next step; returns its length. Then say how much of it was. */
size_t tls_filter_unsent(const struct tls_filter *filter, const char **bytes);
void tls_filter_sent(struct tls_filter *filter, size_t length);

/* One line, without what was said: "TLS: …", or "TLS certificate: …" if that is what is wrong. */
const char *tls_filter_error(const struct tls_filter *filter);

#endif

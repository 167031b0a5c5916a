/* writer.h: frames in, bytes out: what is to be written to one client collects in one buffer and leaves in one write.
 *
 * A writer is given frames and yields bytes to send and, when told how many went, whose credits come back: a text has been written
 * when all that was taken along with it is sent. It knows no connection and no socket.
 *
 *   put … put … ─► writer_take() ─► writer_sent() … until nothing is left ─► writer_settle()
 *
 * Threads: one for each pool, which its writers share. Source: RFC 6455, section 5.
 */
#ifndef CHATTERBOX_WS_WRITER_H
#define CHATTERBOX_WS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "runtime/message.h"
#include "runtime/payload.h"
#include "ws/close_code.h"

/* Credits are given back to a connection of another thread in such lots, so that not every text costs a message. */
enum { CREDIT_LOT = 8 };

struct output; /* bytes on their way out */

/* All zero is empty. */
struct writer_pool {
    struct output *free;
    unsigned free_count;
};

/* All zero is empty. */
struct writer {
    struct output *output;  /* collects until it is taken */
    struct output *leaving; /* taken, and not all sent */
    struct address owed_to; /* whose texts have been put last */
    uint32_t sent;          /* of leaving */
    uint16_t owed_queued;   /* texts of owed_to: in output */
    uint16_t owed_leaving;  /* … in leaving */
    uint16_t owed_written;  /* … written, credit not yet given back */
    uint16_t own_queued;    /* answers to the client's own requests, in output */
    uint16_t own_leaving;
    bool settles : 1;       /* give all credits back after this output, however few */
    bool is_awaited : 1;    /* owed_to is an actor that awaits them */
};

/* So many credits go back to that connection; 0: none. */
struct writer_credit {
    struct address to;
    uint32_t texts;
    bool is_awaited; /* as in the event */
};

void writer_pool_fini(struct writer_pool *pool);

void writer_put_bytes(struct writer_pool *pool, struct writer *writer, const void *bytes, size_t length);

/* Bytes that live as long as the process, and are not copied; nothing may be put after them, and something before. */
void writer_put_constant(struct writer *writer, const void *bytes, size_t length);

/* An EVENT_TEXT, which stays the caller's: each payload is a whole text or binary frame. Once they are written, their writer gets so many credits
 * back: nobody, the client itself (self), or somebody else. Returns what the one before is owed, if this is another one. */
struct writer_credit writer_put_events(struct writer_pool *pool, struct writer *writer, const struct message *events, struct address self)
    __attribute__((warn_unused_result));

void writer_put_ping(struct writer_pool *pool, struct writer *writer);
void writer_put_pong(struct writer_pool *pool, struct writer *writer, const void *bytes, size_t length);

/* A close frame; with CLOSE_NO_STATUS an empty one. */
void writer_put_close(struct writer_pool *pool, struct writer *writer, enum close_code code);

/* Whether there is something to be taken. */
static inline bool writer_has_output(const struct writer *writer)
{
    return writer->output != NULL;
}

/* All bytes that have been put and are not sent. */
size_t writer_bytes(const struct writer *writer);

/* Take what has been put: there must be something, and all that was taken before be sent. Returns how many parts it has; they are the writer's, and
 * good until writer_sent() or writer_discard(). */
unsigned writer_take(struct writer *writer, struct iovec parts[2]);

/* So many bytes more of what was taken are sent. Returns the number of parts that are left, and puts them into parts; with 0 they are done with. */
unsigned writer_sent(struct writer_pool *pool, struct writer *writer, size_t bytes, struct iovec parts[2]);

/* Nothing that was taken is left. Returns what goes back to whoever wrote it, and in *own how many credits the client itself has back. */
struct writer_credit writer_settle(struct writer *writer, struct address self, uint32_t *own) __attribute__((warn_unused_result));

/* The connection is no more: texts count as written, and what was not taken is thrown away. What was taken stays, since the kernel may still
 * read it, until writer_sent() has heard of all its bytes or writer_discard() of its end. */
struct writer_credit writer_abandon(struct writer_pool *pool, struct writer *writer) __attribute__((warn_unused_result));

/* What was taken will not be sent. */
void writer_discard(struct writer_pool *pool, struct writer *writer);

#endif

/* reader.h: bytes in, messages out: wslay, borrowed for as long as a message is on its way.
 *
 * A reader is fed bytes and yields one thing at a time, in the order in which they came. It knows no connection, no socket and no clock:
 * whose the bytes are, whether more of them may be taken and what becomes of what it finds is its caller's.
 *
 * A wslay context holds more than four kilobytes, most connections are idle, and at the boundary between two messages a context
 * knows nothing that matters. So contexts live in a pool of the thread. One goes back only if every byte that it was fed belonged to
 * a whole frame, no fragmented message is open and no close was seen; else it is its borrower's until it is dropped.
 *
 * wslay takes frames apart; what makes messages of them is here, since wslay 1.1.1's own way has two faults: it skips two bytes of every
 * piece of a close frame, not of the frame, when it checks the reason; and it keeps 8 KiB for each context and copies each message twice.
 *
 * Threads: one for each pool. Source: RFC 6455, section 5.
 */
#ifndef CHATTERBOX_WS_READER_H
#define CHATTERBOX_WS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/payload.h"
#include "ws/close_code.h"

struct reader; /* somebody's who is in the middle of a message */

/* All zero but for its limits is empty. */
struct reader_pool {
    size_t longest; /* bytes of a message; who sends more is told 1009 */
    bool accepts_binary; /* else a binary message is answered with 1003 */
    struct reader *free;
    unsigned free_count;
};

struct reader_input {
    const unsigned char *bytes; /* what has not been taken yet: each step moves on in it */
    size_t length;
    uint32_t now_ms;  /* any clock */
    bool is_paused;   /* take no more of it, and finish what was taken */
    bool is_for_close; /* our own close frame is out: nothing but the client's matters, and all data is thrown away */
};

enum reader_step {
    READER_MORE,    /* nothing is left of the input, or it is paused */
    READER_MESSAGE, /* text, is_binary */
    READER_PING,    /* bytes, length: to be said back in a pong */
    READER_VOID,    /* a frame that means nothing: a pong, or data when is_for_close */
    READER_CLOSED,  /* the client's close frame: code is what to answer */
    READER_FAILED   /* the client broke the protocol: code says how */
};

struct reader_found {
    struct payload *text; /* the caller's from here on */
    bool is_binary;
    const uint8_t *bytes; /* good until the next step */
    size_t length;
    enum close_code code;
};

/* The next thing in the input. *reader is where the borrower keeps its reader, NULL between two messages. To be called again until
 * it says MORE; not after CLOSED or FAILED. What was found is written as far as the step has it. */
enum reader_step reader_next(struct reader_pool *pool, struct reader **reader, struct reader_input *input, struct reader_found *found)
    __attribute__((warn_unused_result));

/* Whether a message has begun and is not complete. After READER_MORE. */
bool reader_is_amid_message(const struct reader *reader);

/* When it began, by the clock of the inputs. reader_is_amid_message() only. */
uint32_t reader_since_ms(const struct reader *reader);

/* Free what has been borrowed, if anything. */
void reader_drop(struct reader **reader);

void reader_pool_fini(struct reader_pool *pool);

#endif

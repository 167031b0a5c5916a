/* pool.h: small blocks of memory, taken and given back without malloc.
 *
 * A relayed text passes three threads and needs a few blocks that live for microseconds. malloc would take each in one thread and free it in
 * another, for which it needs locks and atomics. Here a thread keeps what is given back to it, whoever took it, and takes from that;
 * what a thread frees and what it takes balance, since every text that comes in goes out again.
 *
 * Threads:   any. What a thread keeps is its own (thread-local: payload_free() and backlog_take() are called from everywhere, and
 *            which thread that is makes no other difference).
 * Ownership: a block is the taker's until it is given back, by any thread.
 * Under AddressSanitizer every block comes from malloc and goes there, so that a use after the end is still found.
 */
#ifndef CHATTERBOX_RUNTIME_POOL_H
#define CHATTERBOX_RUNTIME_POOL_H

#include <stddef.h>

enum pool_size {
    POOL_NODE,   /* a message and a pointer */
    POOL_TEXT,   /* a request or event of the usual length */
    POOL_SIZES
};

enum { POOL_NODE_BYTES = 80, POOL_TEXT_BYTES = 512 };

/* A block of the size that the name says, aligned for anything. Never NULL: the process ends when memory does. */
void *pool_take(enum pool_size size);

/* The block came from pool_take() with the same size. */
void pool_give_back(enum pool_size size, void *block);

/* Free what the calling thread keeps: at its end. */
void pool_empty(void);

#endif

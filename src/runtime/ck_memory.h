/* ck_memory.h: where ck's tables have their memory from.
 *
 * Threads: any. For tables of one thread: what is freed need not be kept for readers on others.
 */
#ifndef CHATTERBOX_RUNTIME_CK_MEMORY_H
#define CHATTERBOX_RUNTIME_CK_MEMORY_H

#include <ck_malloc.h>

/* ck wants it without const, and does not write to it. */
extern struct ck_malloc ck_memory;

#endif

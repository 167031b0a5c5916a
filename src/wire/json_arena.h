/* json_arena.h: jansson's memory for one request, taken from a block and given back all at once: with its last piece.
 *
 * jansson allocates some twenty small pieces for a chat message and frees them a microsecond later. With an arena an allocation is an
 * addition and a free is a subtraction. What does not fit comes from malloc, so a large request merely costs more.
 *
 * Threads:   install: main, before other threads use jansson. An arena serves the one thread that has adopted it.
 * Ownership: a json_t may live for as long as it likes; but while any does, the block fills. Threads without an arena use malloc.
 */
#ifndef CHATTERBOX_WIRE_JSON_ARENA_H
#define CHATTERBOX_WIRE_JSON_ARENA_H

#include <stddef.h>

/* Enough for a message of the usual kind; a webrtc offer has a few dozen kilobytes more. */
enum { JSON_ARENA_BYTES = 65536 };

struct json_arena {
    size_t used;
    size_t pieces; /* that have not been freed */
    _Alignas(16) unsigned char bytes[JSON_ARENA_BYTES];
};

/* Have jansson use the arenas of the threads that have one. */
void json_arena_install(void);

/* The calling thread allocates from this arena from now on; NULL: from malloc again. */
void json_arena_adopt(struct json_arena *arena);

#endif

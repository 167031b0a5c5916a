/* reachable.h: which nodes can be told of a match, this one aside: their ids in Redis, and the index that an address has for each.
 *
 * Threads: pure; the matcher's.
 */
#ifndef CHATTERBOX_REDIS_REACHABLE_H
#define CHATTERBOX_REDIS_REACHABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NODE_BYTES = 17 };

/* Most nodes that this one may tell of a match, itself included: every search names them all. */
enum { REACHABLE_MAX = 64 };

struct reachable {
    unsigned count;
    struct {
        char id[NODE_BYTES]; /* 16 hexadecimal digits */
        uint16_t index;      /* as in an address; not 0 */
    } nodes[REACHABLE_MAX - 1];
};

/* A node's incarnation as it is written. */
void node_id_print(char id[NODE_BYTES], uint64_t incarnation);

/* Returns false if there is no room: nobody who waits there is claimed then. */
bool reachable_add(struct reachable *reachable, uint64_t incarnation, unsigned index) __attribute__((warn_unused_result));

/* Of one that was not added, nothing. */
void reachable_remove(struct reachable *reachable, unsigned index);

/* id: so many bytes. Returns its index; 0: it is not there. */
unsigned reachable_find(const struct reachable *reachable, const char *id, size_t length);

#endif

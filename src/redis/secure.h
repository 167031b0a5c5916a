/* secure.h: TLS for a Redis, as --redis-ca, --redis-certificate and --redis-key say.
 *
 * Threads: main, before other threads start.
 */
#ifndef CHATTERBOX_REDIS_SECURE_H
#define CHATTERBOX_REDIS_SECURE_H

#include <stdbool.h>

#include "options.h"
#include "redis/address.h"

/* Complete an address that was parsed: one of rediss://, rediss+sentinel:// or rediss+cluster:// gets what its connections have in common, for the
 * life of the process. Returns false if a file will not do, or one of --redis-certificate and --redis-key is there alone: error holds one line. */
bool redis_secure_complete(struct redis_address *address, const struct options *options, char error[REDIS_ADDRESS_ERROR_BYTES])
    __attribute__((warn_unused_result));

#endif

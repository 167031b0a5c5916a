/* choice.h: the Redis that flags and environment name, with all that is needed to reach it.
 *
 * Threads: main, before other threads start.
 */
#ifndef CHATTERBOX_REDIS_CHOICE_H
#define CHATTERBOX_REDIS_CHOICE_H

#include "options.h"
#include "redis/address.h"
#include "redis/data_dir.h"
#include "runtime/log.h"

_Static_assert((int)REDIS_ADDRESS_ERROR_BYTES == (int)DATA_DIR_ERROR_BYTES, "one line of either");

enum redis_choice {
    REDIS_CHOSEN,
    REDIS_CHOICE_BAD,   /* what the flags say will not do */
    REDIS_CHOICE_IN_USE /* it would, if another server did not use the data directory */
};

enum redis_purpose {
    REDIS_TO_USE,
    REDIS_TO_LOOK_AT /* nothing is made or locked */
};

/* The address with its password and TLS; and the directory of --data-dir, opened or looked at, if there is one: then the address has_file. A password in
 * argv is overwritten, and warned about. Unless CHOSEN, error holds one line. */
enum redis_choice redis_choose(struct redis_address *address, struct data_dir *data, const struct options *options, enum redis_purpose purpose,
                               const struct log *log, char error[REDIS_ADDRESS_ERROR_BYTES]) __attribute__((warn_unused_result));

#endif

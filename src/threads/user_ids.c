#include "threads/user_ids.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static void fetch(struct user_ids *ids, const struct log *log)
{
    size_t filled = 0;
    while (filled < sizeof ids->bytes) {
        ssize_t got = getrandom(ids->bytes + filled, sizeof ids->bytes - filled, 0);
        if (got < 0 && errno != EINTR) {
            log_event(log, LOG_ERROR, "no_random_bytes", "errno=%d", errno);
            abort(); /* without them user ids would be guessable */
        }
        filled += got > 0 ? (size_t)got : 0;
    }
    ids->left = USER_IDS_FETCHED;
}

const uint8_t *user_ids_take(struct user_ids *ids, const struct log *log)
{
    if (ids->left == 0)
        fetch(ids, log);
    return ids->bytes + --ids->left * USER_ID_BYTES;
}

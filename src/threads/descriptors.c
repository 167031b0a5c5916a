#include "threads/descriptors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Descriptors that are not for users: loops, rings' wake-ups, Redis, standard streams; and plain HTTP requests. */
enum { DESCRIPTORS_PER_THREAD = 8, DESCRIPTORS_SPARE = 128 };

/* As many as --max-connections may ask for; an address has room for some more (message.h). */
enum { CONNECTIONS_MAX = 1000000 };

bool descriptors_plan(int64_t wanted, unsigned threads, unsigned more_places, uint32_t *connections, char error[DESCRIPTORS_ERROR_BYTES])
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        snprintf(error, DESCRIPTORS_ERROR_BYTES, "the descriptor limit: %s", strerror(errno));
        return false;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    const int64_t reserved = DESCRIPTORS_SPARE + (int64_t)threads * DESCRIPTORS_PER_THREAD + more_places;
    int64_t possible = limit.rlim_cur > CONNECTIONS_MAX + (uint64_t)reserved ? CONNECTIONS_MAX : (int64_t)limit.rlim_cur - reserved;
    if (possible < 1 || wanted > possible) {
        snprintf(error, DESCRIPTORS_ERROR_BYTES, "--max-connections %" PRId64 ": the descriptor limit of %llu allows %" PRId64 "; raise it (ulimit -n)",
                 wanted, (unsigned long long)limit.rlim_cur, possible > 0 ? possible : 0);
        return false;
    }
    *connections = (uint32_t)(wanted > 0 ? wanted : possible);
    return true;
}

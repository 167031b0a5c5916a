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

bool descriptors_plan(unsigned threads, int64_t wanted, uint32_t *max_connections, char error[DESCRIPTORS_ERROR_BYTES])
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        snprintf(error, DESCRIPTORS_ERROR_BYTES, "the descriptor limit: %s", strerror(errno));
        return false;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* a sandbox may forbid it: what counts is what is there then */
    getrlimit(RLIMIT_NOFILE, &limit);
    const int64_t reserved = DESCRIPTORS_SPARE + (int64_t)threads * DESCRIPTORS_PER_THREAD;
    const int64_t possible = limit.rlim_cur > CONNECTIONS_MAX + (uint64_t)reserved ? CONNECTIONS_MAX : (int64_t)limit.rlim_cur - reserved;
    if (possible < 1 || wanted > possible) {
        char flag[48] = "";
        if (wanted > 0)
            snprintf(flag, sizeof flag, "--max-connections %" PRId64 ": ", wanted);
        snprintf(error, DESCRIPTORS_ERROR_BYTES, "%sthe descriptor limit of %llu allows %" PRId64 " users; raise it (ulimit -n)", flag,
                 (unsigned long long)limit.rlim_cur, possible > 0 ? possible : 0);
        return false;
    }
    *max_connections = (uint32_t)(wanted > 0 ? wanted : possible);
    return true;
}

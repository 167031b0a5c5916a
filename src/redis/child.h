/* child.h: the embedded Redis: a private redis-server, or valkey-server where there is none, on a Unix socket. It keeps nothing on disk; but with a data directory reports and bans, in an
 * append-only file: whatever else scripts write leaves no trace there (scripts.h). The file is written anew whenever that Redis is started, before there
 * are users in it, and if it grows large it is started for that.
 *
 * It is stopped with the server. It also ends when the server is killed: the kernel sends it SIGKILL when the thread that started it
 * (main) ends (prctl(2), PR_SET_PDEATHSIG, set by setpriv(1)). It has a process group of its own, so that a terminal's Ctrl-C
 * reaches the server alone, which then says good-bye in order. If it dies it is started again, and if its directory
 * or socket vanishes, it is replaced.
 *
 * Threads: main.
 */
#ifndef CHATTERBOX_REDIS_CHILD_H
#define CHATTERBOX_REDIS_CHILD_H

#include <stdbool.h>
#include <uv.h>

#include "redis/data_dir.h"
#include "redis/private_directory.h"
#include "runtime/log.h"

enum { REDIS_CHILD_ERROR_BYTES = PRIVATE_DIRECTORY_ERROR_BYTES };

struct redis_child {
    uv_loop_t *loop;
    const struct log *log;
    const struct data_dir *data; /* NULL: nothing is kept */
    char server[512];    /* path of redis-server or valkey-server */
    const char *repair;  /* the name of its program that mends files */
    char setpriv[512];   /* path of setpriv */
    struct private_directory directory;
    uv_process_t process;
    uv_timer_t timer;    /* start again, or lose patience with one that should stop */
    uv_timer_t look;     /* whether the socket is there */
    uv_timer_t watch;    /* how large the file is */
    bool is_running;     /* there is a process */
    bool is_stopping;
    bool has_vanished;   /* its socket has, and it was told to end */
    bool is_renewing;    /* it ends, so that the next one writes the file anew */
    uint64_t least_bytes; /* that the file had since the start */
    uint64_t backoff_ms;
    uint64_t started_ms;
};

/* Find the programs, make the directory, start. data: one that is open, or NULL. Returns false with one line that says why not, and what would help. */
bool redis_child_start(struct redis_child *child, uv_loop_t *loop, const struct log *log, const struct data_dir *data,
                       char error[REDIS_CHILD_ERROR_BYTES]) __attribute__((warn_unused_result));

/* Ask it to end, kill it a second later if it has not, and close all handles: the loop can then end. */
void redis_child_stop(struct redis_child *child);

/* For a process that is about to end without its loop: kill and clean up at once. */
void redis_child_kill_now(struct redis_child *child);

#endif

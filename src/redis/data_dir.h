/* data_dir.h: the directory of --data-dir, in which the embedded Redis keeps reports and bans, and nothing else.
 *
 *   secret     32 random bytes, made once: devices and addresses are hashed with it if there is no --secret-file
 *   reports/   Redis' append-only file
 *   lock       held by the server that uses it, and by its Redis: whoever of the two lives longer (flock(2); a PID would say nothing in a
 *              container)
 *
 * Threads: main.
 */
#ifndef CHATTERBOX_REDIS_DATA_DIR_H
#define CHATTERBOX_REDIS_DATA_DIR_H

#include <stdint.h>

enum { DATA_DIR_PATH_BYTES = 512, DATA_DIR_ERROR_BYTES = 256 };

/* Below it, as Redis gets them. */
#define DATA_DIR_REPORTS "reports"
#define DATA_DIR_FILE "reports.aof"

struct data_dir {
    char path[DATA_DIR_PATH_BYTES];        /* absolute */
    char secret[DATA_DIR_PATH_BYTES + 16]; /* the file's path */
    int lock_fd;                           /* for the life of the process */
};

enum data_dir_result {
    DATA_DIR_OPEN,
    DATA_DIR_BAD,   /* no directory, or none that can be written to */
    DATA_DIR_IN_USE /* by another server */
};

/* Make it if it is missing, lock it (waiting up to five seconds for a Redis that is about to end), and make the secret. From now on nothing that this
 * process makes is for other users: umask(2). Unless OPEN, error holds one line. */
enum data_dir_result data_dir_open(struct data_dir *dir, const char *path, char error[DATA_DIR_ERROR_BYTES]) __attribute__((warn_unused_result));

/* Whether that would do, but for another server that uses it: nothing is made or locked. It may be missing, if it could be made. secret is "" if it is
 * not there yet, and lock_fd is -1. OPEN, or BAD and error holds one line. */
enum data_dir_result data_dir_look(struct data_dir *dir, const char *path, char error[DATA_DIR_ERROR_BYTES]) __attribute__((warn_unused_result));

/* Bytes of the append-only file. */
uint64_t data_dir_size(const struct data_dir *dir);

/* What a Redis that was killed while it wrote its file anew has left: before another one starts. */
void data_dir_tidy(const struct data_dir *dir);

#endif

/* socket_file.h: a Unix socket in the file system, that is listened at.
 *
 * What a process that was killed has left there is replaced, but only if nobody answers; a file that is no socket is left alone. Two that start at the
 * same time are kept apart by a lock on the directory (flock(2)), which leaves nothing behind.
 *
 * Threads: main. Never blocks for longer than SOCKET_FILE_PATIENCE_MS, and that only while somebody else holds the lock.
 */
#ifndef CHATTERBOX_NET_SOCKET_FILE_H
#define CHATTERBOX_NET_SOCKET_FILE_H

#include <stdbool.h>

/* unix(7): sun_path, with its NUL. Its owner and its group may connect. */
enum { SOCKET_FILE_PATH_BYTES = 108, SOCKET_FILE_MODE = 0660, SOCKET_FILE_PATIENCE_MS = 1000 };

struct socket_file {
    char path[SOCKET_FILE_PATH_BYTES];
    int pin; /* keeps the number of its inode from becoming another one's; -1: there is no file of ours */
};

/* Listen at a path, which must fit. *fd is the caller's. Returns 0, or an errno: EADDRINUSE if somebody listens there, EEXIST if what is there is no
 * socket. */
int socket_file_listen(struct socket_file *file, const char *path, int *fd) __attribute__((warn_unused_result));

/* Remove it, unless it has become somebody else's. */
void socket_file_remove(struct socket_file *file);

#endif

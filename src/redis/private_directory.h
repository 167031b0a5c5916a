/* private_directory.h: a directory of this server alone, in $TMPDIR or /tmp, for a socket of 107 bytes at most.
 *
 * Who lives holds an exclusive flock(2) on the directory, for as long as the process does, however it ends. That holds whoever looks, from whatever
 * container: a PID says nothing there. systemd-tmpfiles leaves locked directories alone, too (tmpfiles.d(5)). Others may not: a directory may
 * vanish at any time, and can be made again.
 *
 * Threads: main.
 */
#ifndef CHATTERBOX_REDIS_PRIVATE_DIRECTORY_H
#define CHATTERBOX_REDIS_PRIVATE_DIRECTORY_H

#include <stdbool.h>

enum { PRIVATE_DIRECTORY_ERROR_BYTES = 200 };

struct private_directory {
    char path[80];
    char socket[100]; /* in it */
    int lock;         /* the directory, open and locked; -1: there is none */
};

/* Remove those that killed servers have left, and make one. Returns false with one line that says why not. */
bool private_directory_make(struct private_directory *directory, char error[PRIVATE_DIRECTORY_ERROR_BYTES]) __attribute__((warn_unused_result));

/* Whether it is still where it was. */
bool private_directory_is_there(const struct private_directory *directory);

/* It has vanished: make it again, at the same path. Returns false with errno. */
bool private_directory_make_again(struct private_directory *directory) __attribute__((warn_unused_result));

/* With the socket in it. */
void private_directory_remove(struct private_directory *directory);

#endif

#include "net/socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "net/listener.h"

enum { LOCK_AGAIN_MS = 20 };

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

/* Returns the directory of a path, open and locked, or -1 with errno. */
static int lock_directory(const char *path)
{
    char directory[SOCKET_FILE_PATH_BYTES];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash == NULL)
        snprintf(directory, sizeof directory, ".");
    else
        slash[slash == directory ? 1 : 0] = '\0';
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    const struct timespec pause = { .tv_nsec = LOCK_AGAIN_MS * 1000000L };
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += LOCK_AGAIN_MS) {
        const int saved = errno;
        if ((saved != EWOULDBLOCK && saved != EINTR) || waited_ms >= SOCKET_FILE_PATIENCE_MS) {
            close(fd);
            errno = saved;
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return fd;
}

/* Returns 0 if there is nothing any more that would be in the way, or an errno. */
static int clear(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(status.st_mode))
        return EEXIST; /* connect() would say that it is refused */
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    const struct sockaddr_un address = address_of(path);
    const int error = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? EADDRINUSE : errno;
    close(fd);
    if (error == ECONNREFUSED)
        return unlink(path) == 0 ? 0 : errno;
    return error == EAGAIN ? EADDRINUSE : error; /* whose backlog is full */
}

static int listen_at(struct socket_file *file, int fd)
{
    const struct sockaddr_un address = address_of(file->path);
    int error = clear(file->path);
    if (error != 0)
        return error;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return errno;
    file->pin = open(file->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    /* Nobody comes in before it is listened at; so the mode is there first. */
    if (file->pin >= 0 && chmod(file->path, SOCKET_FILE_MODE) == 0 && listen(fd, LISTENER_BACKLOG) == 0)
        return 0;
    error = errno;
    unlink(file->path);
    return error;
}

int socket_file_listen(struct socket_file *file, const char *path, int *fd)
{
    struct socket_file made = { .pin = -1 };
    snprintf(made.path, sizeof made.path, "%s", path);
    const int lock = lock_directory(path);
    if (lock < 0)
        return errno;
    const int made_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int error = made_fd < 0 ? errno : listen_at(&made, made_fd);
    close(lock);
    if (error == 0) {
        *file = made;
        *fd = made_fd;
        return 0;
    }
    if (made_fd >= 0)
        close(made_fd);
    if (made.pin >= 0)
        close(made.pin);
    return error;
}

void socket_file_remove(struct socket_file *file)
{
    struct stat ours, found;
    if (file->pin < 0)
        return;
    const int lock = lock_directory(file->path); /* between a look and the removal another server could put its own there */
    if (lock >= 0 && fstat(file->pin, &ours) == 0 && lstat(file->path, &found) == 0 && ours.st_ino == found.st_ino && ours.st_dev == found.st_dev)
        unlink(file->path);
    if (lock >= 0)
        close(lock);
    close(file->pin);
    file->pin = -1;
}

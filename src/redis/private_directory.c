#include "redis/private_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* So many others may take a directory that was just made for a leftover, before it is locked. */
enum { ATTEMPTS = 16 };

static const char prefix[] = "chatterbox-";

static const char *temporary_directory(void)
{
    const char *directory = getenv("TMPDIR");
    /* A Unix socket's path has at most 107 bytes. */
    return directory != NULL && directory[0] == '/' && strlen(directory) < 40 ? directory : "/tmp";
}

/* Returns the directory, open and locked, or -1 with errno. */
static int lock(const char *path)
{
    struct stat open_one, named;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    /* Somebody may have held the lock, and removed the directory, just before. */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &open_one) == 0 && lstat(path, &named) == 0 && open_one.st_ino == named.st_ino &&
        open_one.st_dev == named.st_dev)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static void name_socket(struct private_directory *directory)
{
    snprintf(directory->socket, sizeof directory->socket, "%s/redis.sock", directory->path);
}

static void remove_path(const struct private_directory *directory)
{
    unlink(directory->socket);
    rmdir(directory->path);
}

/* Whether somebody may listen there: a server from before there were locks, or a Redis that has not yet ended. */
static bool is_listened_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const bool is_refused = connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 && (errno == ECONNREFUSED || errno == ENOENT);
    close(fd);
    return !is_refused;
}

/* Ours by owner and name, and nobody lives there. What cannot be told is left alone. */
static void remove_leftover(const char *name)
{
    struct private_directory found = { .lock = -1 };
    struct stat status;
    snprintf(found.path, sizeof found.path, "%s/%.32s", temporary_directory(), name);
    name_socket(&found);
    if (lstat(found.path, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != getuid())
        return;
    int fd = lock(found.path);
    if (fd < 0)
        return;
    if (!is_listened_at(found.socket))
        remove_path(&found);
    close(fd);
}

static void remove_leftovers(void)
{
    DIR *list = opendir(temporary_directory());
    if (list == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(list)) != NULL) {
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0 && strlen(entry->d_name) <= 32)
            remove_leftover(entry->d_name);
    }
    closedir(list);
}

bool private_directory_make(struct private_directory *directory, char error[PRIVATE_DIRECTORY_ERROR_BYTES])
{
    *directory = (struct private_directory){ .lock = -1 };
    remove_leftovers();
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        snprintf(directory->path, sizeof directory->path, "%s/%sXXXXXX", temporary_directory(), prefix);
        if (mkdtemp(directory->path) == NULL)
            break;
        name_socket(directory);
        directory->lock = lock(directory->path);
        if (directory->lock >= 0)
            return true;
        rmdir(directory->path);
    }
    snprintf(error, PRIVATE_DIRECTORY_ERROR_BYTES, "cannot make a directory for the embedded Redis in %s: %s", temporary_directory(), strerror(errno));
    return false;
}

bool private_directory_is_there(const struct private_directory *directory)
{
    struct stat locked, named;
    return directory->lock >= 0 && fstat(directory->lock, &locked) == 0 && lstat(directory->path, &named) == 0 && locked.st_ino == named.st_ino &&
           locked.st_dev == named.st_dev;
}

bool private_directory_make_again(struct private_directory *directory)
{
    if (directory->lock >= 0)
        close(directory->lock);
    directory->lock = -1;
    /* The one that it was in may be gone as well. Who has made ours meanwhile is not us. */
    if (mkdir(directory->path, S_IRWXU) != 0 && (errno != ENOENT || mkdir(temporary_directory(), S_IRWXU) != 0 || mkdir(directory->path, S_IRWXU) != 0))
        return false;
    directory->lock = lock(directory->path);
    if (directory->lock >= 0)
        return true;
    int saved = errno;
    rmdir(directory->path);
    errno = saved;
    return false;
}

void private_directory_remove(struct private_directory *directory)
{
    if (directory->lock < 0)
        return;
    remove_path(directory);
    close(directory->lock);
    directory->lock = -1;
}

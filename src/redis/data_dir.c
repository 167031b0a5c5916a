#include "redis/data_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FOLDER_BYTES = DATA_DIR_PATH_BYTES + 16, SECRET_BYTES = 32, LOCK_WAIT_MS = 5000, LOCK_PAUSE_MS = 20 };

/* How Redis names what becomes the file when it is whole. */
static const char unfinished[] = "temp-rewriteaof-";

static enum data_dir_result fail(char error[DATA_DIR_ERROR_BYTES], const char *path, const char *why)
{
    snprintf(error, DATA_DIR_ERROR_BYTES, "--data-dir %.150s: %s", path, why);
    return DATA_DIR_BAD;
}

static bool find_directory(struct data_dir *dir, const char *path)
{
    char real[PATH_MAX];
    if (realpath(path, real) == NULL)
        return false;
    if (strlen(real) >= sizeof dir->path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(dir->path, real, strlen(real) + 1);
    return true;
}

static bool make_directory(struct data_dir *dir, const char *path)
{
    return (mkdir(path, 0700) == 0 || errno == EEXIST) && find_directory(dir, path);
}

static int open_lock(const struct data_dir *dir)
{
    char path[DATA_DIR_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/lock", dir->path);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* The Redis of a server that was killed ends a moment after it. */
static bool take_lock(const struct data_dir *dir)
{
    const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
    for (unsigned waited_ms = 0; waited_ms < LOCK_WAIT_MS; waited_ms += LOCK_PAUSE_MS) {
        if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        nanosleep(&pause, NULL);
    }
    errno = EWOULDBLOCK;
    return false;
}

static bool write_secret(const char *path)
{
    uint8_t secret[SECRET_BYTES];
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    const bool is_written = getrandom(secret, sizeof secret, 0) == (ssize_t)sizeof secret &&
                            write(fd, secret, sizeof secret) == (ssize_t)sizeof secret && fsync(fd) == 0;
    const int error = errno;
    close(fd);
    errno = error;
    return is_written;
}

static bool sync_directory(const struct data_dir *dir)
{
    const int fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool is_synced = fsync(fd) == 0;
    close(fd);
    return is_synced;
}

/* It is there as a whole, or not at all. */
static bool make_secret(const struct data_dir *dir)
{
    char fresh[DATA_DIR_PATH_BYTES + 16];
    if (access(dir->secret, F_OK) == 0)
        return true;
    snprintf(fresh, sizeof fresh, "%s/secret.new", dir->path);
    return write_secret(fresh) && rename(fresh, dir->secret) == 0 && sync_directory(dir);
}

enum data_dir_result data_dir_open(struct data_dir *dir, const char *path, char error[DATA_DIR_ERROR_BYTES])
{
    umask(077);
    *dir = (struct data_dir){ .lock_fd = -1 };
    if (!make_directory(dir, path) || (dir->lock_fd = open_lock(dir)) < 0)
        return fail(error, path, strerror(errno));
    if (!take_lock(dir)) {
        const bool is_in_use = errno == EWOULDBLOCK;
        fail(error, path, is_in_use ? "in use by another server; each needs one of its own" : strerror(errno));
        close(dir->lock_fd);
        return is_in_use ? DATA_DIR_IN_USE : DATA_DIR_BAD;
    }
    snprintf(dir->secret, sizeof dir->secret, "%s/secret", dir->path);
    if (!make_secret(dir))
        return fail(error, path, strerror(errno));
    return DATA_DIR_OPEN;
}

/* errno says why not. */
static bool could_make_file(const char *directory)
{
    return faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0;
}

static bool could_make_directory(const char *path)
{
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof copy) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(copy, path, strlen(path) + 1);
    return could_make_file(dirname(copy));
}

/* With what a server has left there. */
static bool could_use_directory(const struct data_dir *dir)
{
    char lock[DATA_DIR_PATH_BYTES + 16];
    struct stat status;
    if (stat(dir->path, &status) != 0)
        return false;
    if (!S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        return false;
    }
    snprintf(lock, sizeof lock, "%s/lock", dir->path);
    return could_make_file(dir->path) && (faccessat(AT_FDCWD, lock, R_OK | W_OK, AT_EACCESS) == 0 || errno == ENOENT);
}

enum data_dir_result data_dir_look(struct data_dir *dir, const char *path, char error[DATA_DIR_ERROR_BYTES])
{
    *dir = (struct data_dir){ .lock_fd = -1 };
    if (!find_directory(dir, path)) {
        /* A link that leads nowhere is there, and could not be made. */
        struct stat status;
        const bool is_missing = errno == ENOENT && lstat(path, &status) != 0;
        return is_missing && could_make_directory(path) ? DATA_DIR_OPEN : fail(error, path, strerror(errno));
    }
    if (!could_use_directory(dir))
        return fail(error, path, strerror(errno));
    snprintf(dir->secret, sizeof dir->secret, "%s/secret", dir->path);
    if (access(dir->secret, F_OK) != 0)
        dir->secret[0] = '\0';
    return DATA_DIR_OPEN;
}

static void print_reports(const struct data_dir *dir, char folder[FOLDER_BYTES])
{
    snprintf(folder, FOLDER_BYTES, "%s/" DATA_DIR_REPORTS, dir->path);
}

/* Every file of a folder, if there is one. */
static void for_each_file(const char *folder, void (*visit)(const char *path, const char *name, void *owner), void *owner)
{
    struct dirent **entries;
    const int count = scandir(folder, &entries, NULL, NULL);
    for (int i = 0; i < count; i++) {
        char path[FOLDER_BYTES + sizeof entries[i]->d_name + 1];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        visit(path, entries[i]->d_name, owner);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void add_size(const char *path, const char *name, void *bytes)
{
    struct stat status;
    (void)name;
    if (lstat(path, &status) == 0 && S_ISREG(status.st_mode))
        *(uint64_t *)bytes += (uint64_t)status.st_size;
}

static void remove_unfinished(const char *path, const char *name, void *owner)
{
    (void)owner;
    if (strncmp(name, unfinished, sizeof unfinished - 1) == 0)
        unlink(path);
}

uint64_t data_dir_size(const struct data_dir *dir)
{
    char folder[FOLDER_BYTES];
    uint64_t bytes = 0;
    print_reports(dir, folder);
    for_each_file(folder, add_size, &bytes);
    return bytes;
}

void data_dir_tidy(const struct data_dir *dir)
{
    char folder[FOLDER_BYTES];
    print_reports(dir, folder);
    for_each_file(dir->path, remove_unfinished, NULL);
    for_each_file(folder, remove_unfinished, NULL);
}

#include "runtime/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_BYTES = 256 };

bool notify_init(struct notify *notify, const char *where)
{
    *notify = (struct notify){ .fd = -1, .to = { .sun_family = AF_UNIX } };
    if (where == NULL || where[0] == '\0')
        return true;
    const size_t length = strlen(where);
    if ((where[0] != '/' && where[0] != '@') || length >= sizeof notify->to.sun_path)
        return false;
    memcpy(notify->to.sun_path, where, length);
    if (where[0] == '@')
        notify->to.sun_path[0] = '\0'; /* its length ends an abstract name, not a NUL: unix(7) */
    notify->to_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return notify->fd >= 0;
}

static void say(const struct notify *notify, const char *text)
{
    if (notify->fd >= 0)
        (void)!sendto(notify->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&notify->to, notify->to_bytes);
}

void notify_ready(const struct notify *notify, const char *status)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "READY=1\nSTATUS=%s", status);
    say(notify, text);
}

void notify_reloading(const struct notify *notify)
{
    char text[TEXT_BYTES];
    struct timespec now = { 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    /* The time tells an answer to this reload from one to a former one. */
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    say(notify, text);
}

void notify_stopping(const struct notify *notify, const char *status, int64_t within_ms)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "STOPPING=1\nSTATUS=%s\nEXTEND_TIMEOUT_USEC=%" PRId64, status, within_ms * 1000);
    say(notify, text);
}

void notify_alive(const struct notify *notify)
{
    say(notify, "WATCHDOG=1");
}

void notify_fini(struct notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
}

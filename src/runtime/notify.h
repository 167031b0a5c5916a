/* notify.h: what systemd is told of this service's life (Type=notify): it is ready, it loads something anew, it stops.
 *
 * A datagram to the Unix socket that the variable NOTIFY_SOCKET names, a path or, with `@`, an abstract one. Without the variable nothing is sent;
 * nor does anything depend on what becomes of a datagram.
 *
 * Threads: main. Source: sd_notify(3).
 */
#ifndef CHATTERBOX_RUNTIME_NOTIFY_H
#define CHATTERBOX_RUNTIME_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* All zero but fd, which is -1: nobody listens. */
struct notify {
    int fd;
    struct sockaddr_un to;
    socklen_t to_bytes;
};

/* where: the variable's value, or NULL. Returns false, and then nothing will be sent, if it is none that a datagram can be sent to. */
bool notify_init(struct notify *notify, const char *where) __attribute__((warn_unused_result));

/* It serves; or does again, after notify_reloading(). status: one line for people. */
void notify_ready(const struct notify *notify, const char *status);

/* It loads something anew, until notify_ready(). */
void notify_reloading(const struct notify *notify);

/* It has begun to stop, or come to the next step of that. status: as above. within_ms: the next step, or the end, comes within so long, and until then
 * TimeoutStopSec= does not end it (EXTEND_TIMEOUT_USEC). */
void notify_stopping(const struct notify *notify, const char *status, int64_t within_ms);

/* No thread of it hangs (WATCHDOG_USEC). */
void notify_alive(const struct notify *notify);

void notify_fini(struct notify *notify);

#endif

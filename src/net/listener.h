/* listener.h: sockets that listen at a TCP address, one for each I/O thread.
 *
 * Threads: main, before any other thread starts.
 */
#ifndef CHATTERBOX_NET_LISTENER_H
#define CHATTERBOX_NET_LISTENER_H

#include <stdint.h>

/* The kernel cuts the backlog to net.core.somaxconn. */
enum { LISTENER_BACKLOG = 4096 };

/* The address that stands for all: :: with IPv4 as well, or 0.0.0.0 where there is no IPv6. */
const char *listener_all(void);

/* Bind `count` sockets with SO_REUSEPORT to one address, so that the kernel spreads connections over the threads, and
 * listen. *port 0 takes a free one and is set to it. The sockets are the caller's. Returns 0; or an errno, and nothing is left open. */
int listener_open(const char *address, uint16_t *port, unsigned count, int fds[]) __attribute__((warn_unused_result));

#endif

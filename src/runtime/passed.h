/* passed.h: sockets that systemd, or whoever does as it does, has opened for this process.
 *
 * Threads: main, before any other. Source: sd_listen_fds(3). LISTEN_FDS says how many there are, from descriptor 3 on; LISTEN_PID for whom: a process
 * that was started by that one must not take them for its own.
 */
#ifndef CHATTERBOX_RUNTIME_PASSED_H
#define CHATTERBOX_RUNTIME_PASSED_H

enum { PASSED_FIRST = 3 };

/* How many there are; 0 if none are for us. From here on the variables are gone, and the descriptors are closed when another program is started. */
unsigned passed_take(void);

#endif

/* entrances.h: where the server listens: at TCP addresses, at Unix sockets, and at sockets that systemd has opened and passed on.
 *
 * A Unix socket speaks plain HTTP whether there is a certificate or not, and whoever connects there is a trusted proxy on this machine: the socket's mode says
 * who may.
 *
 * At a TCP address each I/O thread has a socket of its own, over which the kernel spreads connections. Of any other there is one, and each I/O
 * thread has a descriptor of it; whichever thread is awake first takes a connection.
 *
 * Threads: main; planned and opened before any other thread starts, read-only while others run.
 */
#ifndef CHATTERBOX_NET_ENTRANCES_H
#define CHATTERBOX_NET_ENTRANCES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/socket_file.h"
#include "options.h"

/* One more is for --redirect-port. */
enum { ENTRANCES_MAX = 16, ENTRANCES_THREADS_MAX = 64, ENTRANCES_ERROR_BYTES = 256 };

/* In place of how many sockets were passed, where that is told only at the start. */
#define ENTRANCES_NOT_KNOWN UINT_MAX

enum entrance_kind { ENTRANCE_TCP, ENTRANCE_UNIX, ENTRANCE_PASSED };

struct entrance {
    enum entrance_kind kind;
    bool is_local;                        /* a Unix socket, also one that was passed */
    bool redirects;                       /* --redirect-port */
    char address[SOCKET_FILE_PATH_BYTES]; /* an IP address, or the path of a Unix socket */
    uint16_t port;                        /* 0: a Unix socket */
    int fds[ENTRANCES_THREADS_MAX];       /* by I/O thread, which owns it once it runs; -1: it has none. PASSED: the first is there from the plan on */
    struct socket_file file;              /* UNIX: whose it is to remove */
};

struct entrances {
    unsigned count;
    bool wants_passed; /* those that were passed are among them, or will be: at --check it is not known how many */
    struct entrance of[ENTRANCES_MAX + 1];
};

/* Find out where, by --listen, or by --bind and --port, and --redirect-port; passed: as many sockets were (passed.h). What is passed is looked at. On false
 * error holds one line. */
bool entrances_plan(struct entrances *entrances, const struct options *options, unsigned passed, char error[ENTRANCES_ERROR_BYTES])
    __attribute__((warn_unused_result));

/* Listen at all of them. On false error holds one line, and the process has to end; entrances_remove_files() still applies. */
bool entrances_open(struct entrances *entrances, const struct options *options, unsigned io_threads, char error[ENTRANCES_ERROR_BYTES])
    __attribute__((warn_unused_result));

/* The port that people come to: the first one that does not redirect; 0 if there are only Unix sockets. */
uint16_t entrances_port(const struct entrances *entrances);

/* Whether any of them were passed. */
bool entrances_has_passed(const struct entrances *entrances);

/* Nobody listens any more, or never will. */
void entrances_remove_files(struct entrances *entrances);

#endif

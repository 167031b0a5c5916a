/* server.h: all threads of the server: started in order, stopped in reverse.
 *
 *     main ── embedded Redis (child process), signals, the order of start and stop
 *      ├── io-0 … io-N          sockets
 *      ├── session-0 … session-M actors
 *      ├── matcher              Redis
 *      └── bus                   other nodes; with --cluster-secret-file
 *
 * Stopping (threads/stopping.h): with --drain-delay `/readyz` says 503 first, and nothing else changes for so long; with --drain-time
 * nobody new is let in then, chats go on, and everybody else is sent away. Then the I/O threads say 1001 to everyone; when the last connection has gone the session threads run empty, then the
 * matcher leaves Redis clean, then the bus thread takes leave of other nodes, then the embedded Redis is stopped. Each step ends with DRAINED or with --drain-timeout.
 *
 * Threads: main.
 */
#ifndef CHATTERBOX_SERVER_H
#define CHATTERBOX_SERVER_H

#include "options.h"

/* Serve until SIGTERM or SIGINT. Returns the exit status of the process: 0, or 1 after one line on stderr that says why.
 * A second signal ends the process at once; with --drain-delay or --drain-time the second one ends these, and the third one the process. */
int server_run(const struct options *options);

/* Whether server_run() would come as far as to listen: files that are named are opened, lists and addresses read. Nothing is made, bound or
 * locked, and nobody is spoken to, so that it may be done beside a server with the same settings. Returns the exit status of the process: 0, or 2 after
 * one line on stderr that says why. */
int server_check(const struct options *options);

#endif

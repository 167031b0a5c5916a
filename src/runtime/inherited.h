/* inherited.h: what a process has from whoever started it, made what the rest of the program takes for granted.
 *
 * - Descriptors 0 to 2 are open. Else a socket would become descriptor 2, and its client would get the log.
 * - All others that are open are closed when another program is started: the embedded Redis must not keep a port or a pipe of somebody else's.
 * - No signal is blocked: the end of a child, and a request to stop, must be heard.
 * - What is created is the user's alone, and the user's at all: a umask of 0777 would make a directory that Redis cannot enter.
 *
 * The working directory may be gone: nobody needs it but for paths in flags that are relative. Signals: signals.h. The limit of descriptors is
 * raised where they are counted (server.c).
 *
 * Threads: main, before any other.
 */
#ifndef CHATTERBOX_RUNTIME_INHERITED_H
#define CHATTERBOX_RUNTIME_INHERITED_H

#include <stdbool.h>

/* Before anything is opened. Returns false with errno if a standard descriptor is closed and cannot be opened. */
bool inherited_mend(void) __attribute__((warn_unused_result));

#endif

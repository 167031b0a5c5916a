/* socket.h: what libuv does not offer about a TCP socket, or not as cheaply.
 *
 * Threads: the one of the socket's loop.
 */
#ifndef CHATTERBOX_NET_SOCKET_H
#define CHATTERBOX_NET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include <uv.h>

#include "admission/client_address.h"

/* The address of the other end, in the form of client_address.h; all zero if the socket does not know it any more. */
void socket_peer_address(const uv_tcp_t *tcp, uint8_t address[ADDRESS_BYTES]);

/* As uv_try_write(), which is for any stream and calls write(): on a socket send() has less to go through. Returns the bytes taken, or a libuv
 * error: UV_EAGAIN if there is no room. */
ssize_t socket_send(const uv_tcp_t *tcp, struct iovec parts[], unsigned count);

/* As uv_shutdown(), which waits until epoll says that the socket can be written to, for a socket with nothing left to write: two system calls less and a turn.
 * Returns false if the socket is of no use any more. */
bool socket_shut_half(const uv_tcp_t *tcp) __attribute__((warn_unused_result));

#endif

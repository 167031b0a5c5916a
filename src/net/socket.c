#include "net/socket.h"

#include <errno.h>
#include <sys/socket.h>

void socket_peer_address(const uv_tcp_t *tcp, uint8_t address[ADDRESS_BYTES])
{
    struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
    int length = sizeof peer;
    uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &length);
    client_address_of_socket(address, (const struct sockaddr *)&peer);
}

ssize_t socket_send(const uv_tcp_t *tcp, struct iovec parts[], unsigned count)
{
    uv_os_fd_t fd;
    int error = uv_fileno((const uv_handle_t *)tcp, &fd);
    if (error != 0)
        return error;
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
    ssize_t sent;
    do {
        sent = count == 1 ? send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
                          : sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? uv_translate_sys_error(errno) : sent;
}

bool socket_shut_half(const uv_tcp_t *tcp)
{
    uv_os_fd_t fd;
    return uv_fileno((const uv_handle_t *)tcp, &fd) == 0 && shutdown(fd, SHUT_WR) == 0;
}

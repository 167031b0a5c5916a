#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union endpoint {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool parse_address(const char *address, uint16_t port, union endpoint *endpoint, socklen_t *length)
{
    memset(endpoint, 0, sizeof *endpoint);
    if (inet_pton(AF_INET, address, &endpoint->v4.sin_addr) == 1) {
        endpoint->v4.sin_family = AF_INET;
        endpoint->v4.sin_port = htons(port);
        *length = sizeof endpoint->v4;
        return true;
    }
    if (inet_pton(AF_INET6, address, &endpoint->v6.sin6_addr) == 1) {
        endpoint->v6.sin6_family = AF_INET6;
        endpoint->v6.sin6_port = htons(port);
        *length = sizeof endpoint->v6;
        return true;
    }
    return false;
}

/* Returns a bound socket, or -1 with errno. */
static int bind_socket(const union endpoint *endpoint, socklen_t length, bool has_reuse_port)
{
    int fd = socket(endpoint->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    const int on = 1, off = 0;
    if (endpoint->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&endpoint->v6.sin6_addr))
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); /* whatever the system's default is */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (has_reuse_port)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, &endpoint->any, length) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

const char *listener_all(void)
{
    union endpoint endpoint;
    socklen_t length;
    const int fd = parse_address("::", 0, &endpoint, &length) ? bind_socket(&endpoint, length, false) : -1;
    if (fd < 0)
        return "0.0.0.0";
    close(fd);
    return "::";
}

/* With SO_REUSEPORT a second server of the same user would get its share of our connections, unnoticed. So first without,
 * and listening, which is what another socket is refused for; this also finds a free port. */
static int probe(union endpoint *endpoint, socklen_t length)
{
    const int fd = bind_socket(endpoint, length, false);
    if (fd < 0)
        return errno;
    const int error = listen(fd, 1) != 0 || getsockname(fd, &endpoint->any, &length) != 0 ? errno : 0;
    close(fd);
    return error;
}

int listener_open(const char *address, uint16_t *port, unsigned count, int fds[])
{
    union endpoint endpoint;
    socklen_t length;
    if (!parse_address(address, *port, &endpoint, &length))
        return EINVAL;
    int error = probe(&endpoint, length);
    for (unsigned i = 0; i < count && error == 0; i++) {
        fds[i] = bind_socket(&endpoint, length, true);
        /* Connections wait from here on until the I/O threads accept them. */
        if (fds[i] >= 0 && listen(fds[i], LISTENER_BACKLOG) == 0)
            continue;
        error = errno;
        for (unsigned opened = 0; opened <= i && fds[opened] >= 0; opened++)
            close(fds[opened]);
    }
    if (error == 0)
        *port = ntohs(endpoint.any.sa_family == AF_INET ? endpoint.v4.sin_port : endpoint.v6.sin6_port);
    return error;
}

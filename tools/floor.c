/* floor: the least that a relay can do, to compare with.
 *
 * One epoll loop: read what is there from one socket and write it to the partner's. No frames, no parsing, no threads, no Redis.
 * Connections are paired as they come. The answer to the upgrade request is a constant: `load --protocol raw` always sends
 * the key of RFC 6455's example.
 *
 *   floor PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FDS_MAX = 65536, EVENTS = 256, BUFFER_BYTES = 65536 };

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static int partner_of[FDS_MAX]; /* 0: none yet */
static bool is_upgraded[FDS_MAX];

static void write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = send(fd, bytes, length, MSG_NOSIGNAL);
        if (written < 0 && errno != EAGAIN && errno != EINTR)
            return;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
}

static void on_readable(int fd, int *single)
{
    static char buffer[BUFFER_BYTES];
    ssize_t length = read(fd, buffer, sizeof buffer);
    if (length <= 0) {
        if (length < 0 && errno == EAGAIN)
            return;
        int partner = partner_of[fd];
        if (partner != 0)
            partner_of[partner] = 0;
        if (*single == fd)
            *single = 0;
        partner_of[fd] = 0;
        is_upgraded[fd] = false;
        close(fd);
    } else if (is_upgraded[fd]) {
        if (partner_of[fd] != 0)
            write_all(partner_of[fd], buffer, (size_t)length);
    } else if (memmem(buffer, (size_t)length, "\r\n\r\n", 4) != NULL) { /* the load generator sends its head in one piece */
        is_upgraded[fd] = true;
        if (*single != 0) {
            partner_of[fd] = *single;
            partner_of[*single] = fd;
            *single = 0;
        } else {
            *single = fd;
        }
        write_all(fd, answer, sizeof answer - 1);
    }
}

int main(int argc, char **argv)
{
    const int on = 1;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    address.sin_port = htons((uint16_t)(argc == 2 ? atoi(argv[1]) : 0));
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (argc != 2 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) {
        fprintf(stderr, "floor: expected a free port as the only argument\n");
        return 2;
    }
    int poll = epoll_create1(0), single = 0;
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, events[EVENTS];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != listener) {
                on_readable(events[i].data.fd, &single);
                continue;
            }
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd < 0 || fd >= FDS_MAX)
                continue;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            event = (struct epoll_event){ .events = EPOLLIN, .data.fd = fd };
            epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        }
    }
}

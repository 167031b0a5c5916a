#include "net/entrances.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net/listener.h"
#include "runtime/passed.h"

static const char unix_prefix[] = "unix:";

static struct entrance *add(struct entrances *entrances, enum entrance_kind kind, const char *address)
{
    struct entrance *entrance = &entrances->of[entrances->count++];
    *entrance = (struct entrance){ .kind = kind, .file = { .pin = -1 } };
    snprintf(entrance->address, sizeof entrance->address, "%s", address);
    for (unsigned i = 0; i < ENTRANCES_THREADS_MAX; i++)
        entrance->fds[i] = -1;
    return entrance;
}

static bool parse_port(const char *text, uint16_t *port)
{
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return false;
    const long number = strtol(text, NULL, 10);
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

/* address:port, or [address]:port for IPv6; cut in two. */
static bool plan_tcp(struct entrances *entrances, char *text)
{
    struct in6_addr parsed;
    uint16_t port;
    char *colon = strrchr(text, ':');
    if (colon == NULL || !parse_port(colon + 1, &port))
        return false;
    *colon = '\0';
    const bool is_bracketed = text[0] == '[' && colon[-1] == ']';
    if (is_bracketed) {
        colon[-1] = '\0';
        text++;
    }
    if (inet_pton(is_bracketed ? AF_INET6 : AF_INET, text, &parsed) != 1)
        return false;
    add(entrances, ENTRANCE_TCP, text)->port = port;
    return true;
}

static bool is_listening_stream(int fd)
{
    int type = 0, is_listening = 0;
    socklen_t length = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM)
        return false;
    length = sizeof is_listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length) == 0 && is_listening;
}

static bool plan_passed_one(struct entrances *entrances, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
        struct sockaddr_storage room;
    } name = { .room = { .ss_family = AF_UNSPEC } };
    socklen_t length = sizeof name;
    char address[SOCKET_FILE_PATH_BYTES] = "";
    if (!is_listening_stream(fd) || getsockname(fd, &name.any, &length) != 0)
        return false;
    uint16_t port = 0;
    switch (name.any.sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &name.v4.sin_addr, address, sizeof address);
        port = ntohs(name.v4.sin_port);
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &name.v6.sin6_addr, address, sizeof address);
        port = ntohs(name.v6.sin6_port);
        break;
    case AF_UNIX:
        if (name.local.sun_path[0] == '\0') /* abstract: it has no mode that says who may connect, and so be believed what it writes */
            return false;
        snprintf(address, sizeof address, "%.*s", (int)sizeof name.local.sun_path, name.local.sun_path); /* which need not end with a NUL: unix(7) */
        break;
    default:
        return false;
    }
    struct entrance *entrance = add(entrances, ENTRANCE_PASSED, address);
    entrance->is_local = name.any.sa_family == AF_UNIX;
    entrance->port = port;
    entrance->fds[0] = fd;
    return true;
}

static bool plan_passed(struct entrances *entrances, unsigned passed, char error[ENTRANCES_ERROR_BYTES])
{
    if (entrances->wants_passed) {
        snprintf(error, ENTRANCES_ERROR_BYTES, "--listen systemd: expected once, for all sockets that were passed");
        return false;
    }
    entrances->wants_passed = true;
    if (passed == ENTRANCES_NOT_KNOWN)
        return true;
    if (passed == 0) {
        snprintf(error, ENTRANCES_ERROR_BYTES, "--listen systemd: expected sockets that were passed (LISTEN_FDS); a .socket unit does it");
        return false;
    }
    if (passed > ENTRANCES_MAX - entrances->count) {
        snprintf(error, ENTRANCES_ERROR_BYTES, "--listen systemd: %u sockets were passed; expected at most %d in all", passed, ENTRANCES_MAX);
        return false;
    }
    for (unsigned i = 0; i < passed; i++) {
        if (!plan_passed_one(entrances, PASSED_FIRST + (int)i)) {
            snprintf(error, ENTRANCES_ERROR_BYTES, "--listen systemd: descriptor %u: expected a stream socket that listens (ListenStream=, Accept=no), at an address, a port or a path",
                     PASSED_FIRST + i);
            return false;
        }
    }
    return true;
}

static bool has_unix(const struct entrances *entrances, const char *path)
{
    for (unsigned i = 0; i < entrances->count; i++) {
        if (entrances->of[i].kind == ENTRANCE_UNIX && strcmp(entrances->of[i].address, path) == 0)
            return true;
    }
    return false;
}

/* One place. The kernel finds two TCP addresses that are the same; of two paths the second would replace the first. */
static bool plan_one(struct entrances *entrances, char *text, unsigned passed, char error[ENTRANCES_ERROR_BYTES])
{
    if (entrances->count == ENTRANCES_MAX) {
        snprintf(error, ENTRANCES_ERROR_BYTES, "--listen: expected at most %d places", ENTRANCES_MAX);
        return false;
    }
    if (strcmp(text, "systemd") == 0)
        return plan_passed(entrances, passed, error);
    char whole[ENTRANCES_ERROR_BYTES];
    snprintf(whole, sizeof whole, "%s", text);
    if (strncmp(text, unix_prefix, strlen(unix_prefix)) != 0) {
        if (plan_tcp(entrances, text))
            return true;
        snprintf(error, ENTRANCES_ERROR_BYTES, "--listen %.80s: expected address:port, [IPv6 address]:port, unix:PATH or systemd", whole);
        return false;
    }
    const char *path = text + strlen(unix_prefix);
    if (path[0] == '\0' || path[0] == '@' || strlen(path) >= SOCKET_FILE_PATH_BYTES) { /* a name without a file has no mode that says who may connect */
        snprintf(error, ENTRANCES_ERROR_BYTES, "--listen %.120s: expected a path of 1 to %d bytes, such as unix:/run/chatterbox/socket", whole,
                 SOCKET_FILE_PATH_BYTES - 1);
        return false;
    }
    if (has_unix(entrances, path)) {
        snprintf(error, ENTRANCES_ERROR_BYTES, "--listen %.120s: expected once", whole);
        return false;
    }
    add(entrances, ENTRANCE_UNIX, path)->is_local = true;
    return true;
}

/* Places with commas between them. */
static bool plan_list(struct entrances *entrances, const char *list, unsigned passed, char error[ENTRANCES_ERROR_BYTES])
{
    for (;;) {
        char one[ENTRANCES_ERROR_BYTES];
        const size_t length = strcspn(list, ",");
        const size_t before = strspn(list, " ");
        size_t end = length;
        while (end > before && list[end - 1] == ' ')
            end--;
        snprintf(one, sizeof one, "%.*s", (int)(end > before ? end - before : 0), list + before);
        if (!plan_one(entrances, one, passed, error))
            return false;
        if (list[length] == '\0')
            return true;
        list += length + 1;
    }
}

/* NULL: there are only Unix sockets. */
static const struct entrance *first_tcp(const struct entrances *entrances)
{
    for (unsigned i = 0; i < entrances->count; i++) {
        if (!entrances->of[i].is_local && !entrances->of[i].redirects)
            return &entrances->of[i];
    }
    return NULL;
}

bool entrances_plan(struct entrances *entrances, const struct options *options, unsigned passed, char error[ENTRANCES_ERROR_BYTES])
{
    entrances->count = 0;
    entrances->wants_passed = false;
    for (unsigned i = 0; i < options->listens; i++) {
        if (!plan_list(entrances, options->listen_at[i], passed, error))
            return false;
    }
    const char *bind = options->bind[0] != '\0' ? options->bind : listener_all();
    if (options->listens == 0)
        add(entrances, ENTRANCE_TCP, bind)->port = (uint16_t)options->port;
    if (options->redirect_port < 0)
        return true;
    if (first_tcp(entrances) == NULL && passed != ENTRANCES_NOT_KNOWN) {
        snprintf(error, ENTRANCES_ERROR_BYTES, "--redirect-port: expected a TCP address with a port in --listen; there is none to send anybody to");
        return false;
    }
    struct entrance *entrance = add(entrances, ENTRANCE_TCP, bind);
    entrance->redirects = true;
    entrance->port = (uint16_t)options->redirect_port;
    return true;
}

/* As somebody has asked for it: what an error begins with. is_port: it is about the port more than about the address. */
static void name(const struct entrance *entrance, const struct options *options, bool is_port, char text[ENTRANCES_ERROR_BYTES])
{
    if (entrance->kind == ENTRANCE_UNIX)
        snprintf(text, ENTRANCES_ERROR_BYTES, "--listen unix:%s", entrance->address);
    else if (entrance->kind == ENTRANCE_PASSED)
        snprintf(text, ENTRANCES_ERROR_BYTES, "--listen systemd");
    else if (entrance->redirects)
        snprintf(text, ENTRANCES_ERROR_BYTES, "--redirect-port %u", entrance->port);
    else if (options->listens > 0)
        snprintf(text, ENTRANCES_ERROR_BYTES, strchr(entrance->address, ':') != NULL ? "--listen [%s]:%u" : "--listen %s:%u", entrance->address,
                 entrance->port);
    else if (is_port)
        snprintf(text, ENTRANCES_ERROR_BYTES, "--port %u", entrance->port);
    else
        snprintf(text, ENTRANCES_ERROR_BYTES, "--bind %s", entrance->address);
}

static bool fail(const struct entrance *entrance, const struct options *options, int number, char error[ENTRANCES_ERROR_BYTES])
{
    char what[ENTRANCES_ERROR_BYTES];
    name(entrance, options, number == EADDRINUSE || number == EACCES, what);
    if (number == EADDRINUSE)
        snprintf(error, ENTRANCES_ERROR_BYTES, "%.140s: in use by another program; choose another one", what);
    else if (number == EEXIST)
        snprintf(error, ENTRANCES_ERROR_BYTES, "%.140s: what is there is no socket; choose another one", what);
    else if (number == EWOULDBLOCK && entrance->kind == ENTRANCE_UNIX)
        snprintf(error, ENTRANCES_ERROR_BYTES, "%.140s: somebody holds a lock on its directory; expected one of the server's own", what);
    else if (number == EACCES && entrance->kind == ENTRANCE_UNIX)
        snprintf(error, ENTRANCES_ERROR_BYTES, "%.140s: not permitted; expected a directory that the server may read and write to", what);
    else if (number == EACCES)
        snprintf(error, ENTRANCES_ERROR_BYTES, "%.140s: not permitted; ports below 1024 need a privilege", what);
    else
        snprintf(error, ENTRANCES_ERROR_BYTES, "%.140s: %s", what, strerror(number));
    return false;
}

/* A descriptor of the first one for each further thread. Returns 0 or an errno. */
static int share(int fds[], unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        fds[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
        if (fds[i] < 0)
            return errno;
    }
    return 0;
}

static int open_one(struct entrance *entrance, unsigned io_threads)
{
    int error = 0;
    switch (entrance->kind) {
    case ENTRANCE_TCP:
        return listener_open(entrance->address, &entrance->port, entrance->redirects ? 1 : io_threads, entrance->fds);
    case ENTRANCE_UNIX:
        error = socket_file_listen(&entrance->file, entrance->address, &entrance->fds[0]);
        break;
    case ENTRANCE_PASSED:
        break;
    }
    return error != 0 ? error : share(entrance->fds, io_threads);
}

bool entrances_open(struct entrances *entrances, const struct options *options, unsigned io_threads, char error[ENTRANCES_ERROR_BYTES])
{
    for (unsigned i = 0; i < entrances->count; i++) {
        const int number = open_one(&entrances->of[i], io_threads);
        if (number != 0)
            return fail(&entrances->of[i], options, number, error);
    }
    return true;
}

uint16_t entrances_port(const struct entrances *entrances)
{
    const struct entrance *entrance = first_tcp(entrances);
    return entrance != NULL ? entrance->port : 0;
}

bool entrances_has_passed(const struct entrances *entrances)
{
    for (unsigned i = 0; i < entrances->count; i++) {
        if (entrances->of[i].kind == ENTRANCE_PASSED)
            return true;
    }
    return false;
}

void entrances_remove_files(struct entrances *entrances)
{
    for (unsigned i = 0; i < entrances->count; i++)
        socket_file_remove(&entrances->of[i].file);
}

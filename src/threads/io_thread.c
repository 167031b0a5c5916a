#include "threads/io_thread.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/address_gate.h"
#include "net/connection.h"
#include "net/delivering.h"
#include "net/listener.h"
#include "net/net.h"
#include "net/sealing.h"
#include "redis/trouble.h"
#include "runtime/check.h"

/* How often it looks whether there is room again on the way to a session thread that is overloaded. */
enum { UNSTALL_MS = 1 };

/* Connections taken in a turn: those who dial in all at once shall not keep the others waiting. */
enum { ACCEPTS_PER_TURN = 64 };

/* At shutdown a client gets so long to answer our close frame. */
enum { DRAIN_PATIENCE_MS = 1000 };

static void for_each_connection(struct net *net, void (*visit)(struct connection *connection))
{
    for (uint32_t slot = 0; slot < net->connections.slots; slot++) {
        uint32_t generation;
        struct connection *connection = slab_at(&net->connections, slot, &generation);
        if (connection != NULL)
            visit(connection);
    }
}

static void say_good_bye(struct connection *connection)
{
    connection_close(connection, CLOSE_GOING_AWAY);
}

static void on_patience_over(uv_timer_t *timer)
{
    for_each_connection(timer->data, connection_kill);
}

static void close_doors(struct net *net)
{
    for (unsigned i = 0; i < net->doors_count; i++) {
        struct door *door = &net->doors[i];
        if (!uv_is_closing((uv_handle_t *)&door->listener))
            uv_close((uv_handle_t *)&door->listener, NULL);
    }
}

static void drain(struct net *net)
{
    net->executor.is_draining = true;
    close_doors(net);
    for_each_connection(net, say_good_bye);
    uv_timer_start(&net->unstall, on_patience_over, DRAIN_PATIENCE_MS, 0);
}

static void on_thread_message(struct net *net, struct message *message)
{
    switch ((enum message_type)message->type) {
    case LEAVING:
        net->is_leaving = true;
        break;
    case LAST_CALL:
        net->is_leaving = net->is_last_call = true;
        break;
    case DRAIN:
        drain(net);
        break;
    case EXIT:
    case PROBE:
        executor_obey(&net->executor, (enum message_type)message->type);
        break;
    case ADDRESS_ASK:
    case ADDRESS_RETURN:
    case ADDRESS_GONE:
    case ADDRESS_AWAY:
    case ADDRESS_BACK:
        address_gate_on_message(net, message);
        break;
    case TLS_CONTEXT:
        sealing_renew(net, message->tls_context.ssl);
        break;
    default: /* message.def has no other type for the thread */
        message_discard(message);
        break;
    }
}

static void on_message(void *owner, struct message *message)
{
    struct net *net = owner;
    if (address_is_thread(message->to)) {
        on_thread_message(net, message);
        return;
    }
    struct connection *connection = slab_find(&net->connections, message->to.slot, message->to.generation);
    switch ((enum message_type)message->type) {
    case EVENT_TEXT:
        delivering_on_events(net, connection, message);
        break;
    case CONN_ACCEPTED:
        CHECK(connection != NULL); /* the slot waits for this */
        connection_on_accepted(connection, message->from);
        break;
    case ADDRESS_GRANTED:
    case ADDRESS_WAIVED:
    case ADDRESS_DENIED:
        CHECK(connection != NULL); /* the slot waits for this */
        connection_on_gate(connection, (enum message_type)message->type, &message->address.client);
        break;
    case CONN_CLOSE:
        if (connection != NULL && message->conn_close.code == CONN_CLOSE_CUT)
            connection_kill(connection);
        else if (connection != NULL)
            connection_close(connection, (enum close_code)message->conn_close.code);
        break;
    case TEXT_DONE:
    case TEXT_WRITTEN:
        if (connection != NULL)
            connection_on_credit(connection, message->credit.texts);
        break;
    default: /* message.def has no other type for a connection */
        message_discard(message);
        break;
    }
}

/* Those that had to stop because a session thread had no room. */
static void unstall(struct net *net)
{
    struct connection **link = &net->stalled;
    while (*link != NULL) {
        struct connection *connection = *link;
        if (mailbox_is_congested(net->executor.mailbox, connection->actor.thread)) {
            link = &connection->next_stalled;
        } else {
            *link = connection->next_stalled;
            connection_unstall(connection);
        }
    }
}

static void on_unstall(uv_timer_t *timer)
{
    (void)timer; /* the turn that follows does it */
}

static void accept_again(struct net *net)
{
    net->accepts = 0;
    for (unsigned i = 0; i < net->doors_count && !net->executor.is_draining; i++) {
        struct door *door = &net->doors[i];
        if (!door->does_accept_wait)
            continue;
        door->does_accept_wait = false;
        net->accepts++;
        connection_accept(net, door); /* has libuv ask for more */
    }
}

static void on_turn_end(void *owner)
{
    struct net *net = owner;
    accept_again(net);
    connection_shake_hands(net);
    if (net->stalled != NULL) {
        mailbox_flush(net->executor.mailbox);
        unstall(net);
        if (net->stalled != NULL && !net->executor.is_draining && !uv_is_active((uv_handle_t *)&net->unstall))
            uv_timer_start(&net->unstall, on_unstall, UNSTALL_MS, 0);
    }
    delivering_flush_all(net);
    executor_drain(&net->executor, net->connections.used > 0);
}

static void on_due(struct wheel_entry *entry, void *owner)
{
    (void)owner;
    connection_on_deadline((struct connection *)((char *)entry - offsetof(struct connection, deadline)));
}

static void on_tick(uv_timer_t *timer)
{
    struct net *net = timer->data;
    wheel_advance(&net->wheel, uv_now(net->executor.loop), on_due, net);
    address_gate_tick(net);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct net *net = listener->data;
    struct door *door = (struct door *)listener;
    if (status == 0 && !net->executor.is_draining) {
        door->does_accept_wait = net->accepts >= ACCEPTS_PER_TURN;
        if (!door->does_accept_wait) {
            net->accepts++;
            connection_accept(net, door);
        }
        return;
    }
    uint64_t suppressed;
    metrics_add(net->metrics, METRIC_ACCEPT_ERRORS_TOTAL, 1);
    if (log_limit_pass(&net->accept_limit, uv_now(net->executor.loop), &suppressed))
        log_event(net->log, LOG_WARN, "accept_failed", "error=\"%s\" suppressed=%llu", uv_strerror(status),
                  (unsigned long long)suppressed);
}

/* Accepted sockets have what the listening one has (Linux), which saves two system calls for each. */
static void set_socket_options(const struct net *net, int fd)
{
    const int on = 1;
    /* A peer whose network is gone acknowledges nothing; the kernel would go on sending for a quarter of an hour (tcp(7)). */
    unsigned timeout_ms = (unsigned)(net->options->ping_interval_ms + net->options->ping_timeout_ms);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    /* Frames are collected by us; Nagle would only delay them. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int open_door(struct net *net, struct door *door)
{
    if (!door->is_local)
        set_socket_options(net, door->fd);
    /* libuv's TCP handles are content with any stream socket (uv_tcp_open()'s documentation), so a connection is of one kind wherever it comes from. */
    uv_tcp_init(net->executor.loop, &door->listener);
    door->listener.data = net;
    const int error = uv_tcp_open(&door->listener, door->fd);
    return error != 0 ? error : uv_listen((uv_stream_t *)&door->listener, LISTENER_BACKLOG, on_connection);
}

static void on_start(void *owner)
{
    struct net *net = owner;
    uv_loop_t *loop = net->executor.loop;
    wheel_init(&net->wheel, uv_now(loop));
    uv_timer_init(loop, &net->tick);
    uv_timer_init(loop, &net->unstall);
    net->tick.data = net->unstall.data = net;
    uv_timer_start(&net->tick, on_tick, WHEEL_TICK_MS, WHEEL_TICK_MS);
    int error = 0;
    for (unsigned i = 0; i < net->doors_count && error == 0; i++)
        error = open_door(net, &net->doors[i]);
    if (error != 0) {
        const char *why = uv_strerror(error);
        executor_send(&net->executor, &(struct message){ .type = FATAL,
                                                         .to = address_of_thread(THREAD_MAIN),
                                                         .payload = payload_copy(why, strlen(why)) });
    }
}

static void on_exit_loop(void *owner)
{
    struct net *net = owner;
    close_doors(net);
    uv_close((uv_handle_t *)&net->tick, NULL);
    uv_close((uv_handle_t *)&net->unstall, NULL);
    for_each_connection(net, connection_kill);
}

/* Those who wait to shake hands. */
static bool has_work(void *owner)
{
    const struct net *net = owner;
    return net->secure.first != NULL;
}

static const struct executor_handler handler = {
    .on_start = on_start,
    .on_message = on_message,
    .on_turn_end = on_turn_end,
    .has_work = has_work,
    .on_exit = on_exit_loop,
};

/* own: which of the I/O threads this is. */
static void take_doors(struct net *net, const struct entrances *entrances, unsigned own)
{
    net->port = entrances_port(entrances);
    for (unsigned i = 0; i < entrances->count; i++) {
        const struct entrance *entrance = &entrances->of[i];
        if (entrance->fds[own] >= 0)
            net->doors[net->doors_count++] =
                (struct door){ .fd = entrance->fds[own], .redirects = entrance->redirects, .is_local = entrance->is_local };
    }
}

struct net *io_thread_new(const struct io_thread_config *config, struct mailbox *mailbox)
{
    struct net *net = calloc(1, sizeof *net);
    CHECK_MEMORY(net);
    net->options = config->options;
    net->log = config->log;
    net->incarnation = config->incarnation;
    net->identity_key = config->identity_key;
    net->trusted_proxies = config->trusted_proxies;
    net->first_io_thread = config->first_io_thread;
    net->io_threads = config->io_threads;
    net->metrics_sets = config->metrics_sets;
    net->metrics_count = config->metrics_count;
    net->metrics = &config->metrics_sets[config->thread];
    if (config->thread == config->first_io_thread)
        metrics_set(net->metrics, METRIC_MAX_CONNECTIONS, config->max_connections); /* of the process, so one says it */
    net->first_session_thread = config->first_session_thread;
    net->session_threads = config->session_threads;
    take_doors(net, config->entrances, config->thread - config->first_io_thread);
    net->max_connections = config->max_connections;
    net->readers = (struct reader_pool){ .longest = (size_t)config->options->max_message, .accepts_binary = config->accepts_binary };
    net->config = config->config;
    net->redis_trouble = trouble_text;
    slab_init(&net->connections, sizeof(struct connection), ADDRESS_SLOTS);
    address_gate_init(net);
    sealing_init(net, config->tls);
    if (!executor_init_or_log(&net->executor, mailbox, &handler, net, config->log, NULL)) {
        address_gate_fini(net);
        sealing_fini(net);
        writer_pool_fini(&net->writers);
        free(net);
        return NULL;
    }
    return net;
}

struct executor *io_thread_executor(struct net *net)
{
    return &net->executor;
}

void io_thread_free(struct net **pointer)
{
    struct net *net = *pointer;
    if (net == NULL)
        return;
    executor_fini(&net->executor);
    reader_pool_fini(&net->readers);
    writer_pool_fini(&net->writers);
    address_gate_fini(net);
    sealing_fini(net);
    slab_fini(&net->connections);
    free(net);
    *pointer = NULL;
}

#include "load/user.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char read_buffer[65536];

static const struct {
    const char *type;
    enum event_kind kind;
} kinds[] = {
    { "chat_message", EVENT_CHAT },          { "success_matched", EVENT_MATCHED },
    { "success", EVENT_SUCCESS },            { "no_match", EVENT_NO_MATCH },
    { "partner_left_chat", EVENT_PARTNER_LEFT }, { "error", EVENT_ERROR },
    { "connection_established", EVENT_CONNECTED },
};

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const char *find_member(const char *text, size_t length, const char *name, size_t *value_length)
{
    char quoted[64];
    size_t quoted_length = (size_t)snprintf(quoted, sizeof quoted, "\"%s\":\"", name);
    const char *found = memmem(text, length, quoted, quoted_length);
    if (found == NULL)
        return NULL;
    found += quoted_length;
    const char *end = memchr(found, '"', length - (size_t)(found - text));
    if (end == NULL)
        return NULL;
    *value_length = (size_t)(end - found);
    return found;
}

static void on_text(struct user *user, const char *text, size_t length)
{
    size_t type_length;
    const char *type = find_member(text, length, "type", &type_length);
    for (size_t i = 0; type != NULL && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].type) == type_length && memcmp(kinds[i].type, type, type_length) == 0) {
            user->load->on_event(user, kinds[i].kind, text, length);
            return;
        }
    }
    user->load->errors++;
}

/* wslay, client side. */

static ssize_t give_bytes(wslay_event_context_ptr context, uint8_t *buffer, size_t room, int flags, void *data)
{
    struct user *user = data;
    (void)flags;
    if (user->input_length == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t given = user->input_length < room ? user->input_length : room;
    memcpy(buffer, user->input, given);
    user->input += given;
    user->input_length -= given;
    return (ssize_t)given;
}

static void queue_bytes(struct user *user, const void *bytes, size_t length)
{
    if (user->output_length + length > user->output_capacity) {
        user->output_capacity = (user->output_length + length) * 2;
        user->output = realloc(user->output, user->output_capacity);
        if (user->output == NULL)
            abort();
    }
    memcpy(user->output + user->output_length, bytes, length);
    user->output_length += length;
    if (!user->is_dirty) {
        user->is_dirty = true;
        user->next_dirty = user->load->dirty;
        user->load->dirty = user;
    }
}

static ssize_t take_bytes(wslay_event_context_ptr context, const uint8_t *bytes, size_t length, int flags, void *data)
{
    (void)context;
    (void)flags;
    queue_bytes(data, bytes, length);
    return (ssize_t)length;
}

static int make_mask(wslay_event_context_ptr context, uint8_t *buffer, size_t length, void *data)
{
    (void)context;
    (void)data;
    memset(buffer, 0x5a, length);
    return 0;
}

static void on_message(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message, void *data)
{
    (void)context;
    if (message->opcode == WSLAY_TEXT_FRAME)
        on_text(data, (const char *)message->msg, message->msg_length);
}

static ssize_t take_encoded(const uint8_t *bytes, size_t length, int flags, void *data)
{
    struct load *load = data;
    (void)flags;
    queue_bytes(load->encoding, bytes, length);
    return (ssize_t)length;
}

static int make_frame_mask(uint8_t *buffer, size_t length, void *data)
{
    (void)data;
    memset(buffer, 0x5a, length);
    return 0;
}

void user_send(struct user *user, const char *text, size_t length)
{
    static const struct wslay_frame_callbacks callbacks = { .send_callback = take_encoded,
                                                            .genmask_callback = make_frame_mask };
    struct load *load = user->load;
    if (load->encoder == NULL && wslay_frame_context_init(&load->encoder, &callbacks, load) != 0)
        abort();
    struct wslay_frame_iocb frame = { .fin = 1,
                                      .opcode = WSLAY_TEXT_FRAME,
                                      .mask = 1,
                                      .payload_length = length,
                                      .data = (const uint8_t *)text,
                                      .data_length = length };
    load->encoding = user;
    if (wslay_frame_send(load->encoder, &frame) != (ssize_t)length)
        abort();
}

/* The socket. */

struct write {
    uv_write_t request;
    struct user *user;
    char *bytes;
    size_t length;
};

static void on_written(uv_write_t *request, int status)
{
    struct write *write = (struct write *)request;
    (void)status; /* the read tells of a lost connection */
    write->user->writing -= write->length;
    free(write->bytes);
    free(write);
}

static void flush(struct user *user)
{
    uv_buf_t buffer = uv_buf_init(user->output, (unsigned)user->output_length);
    int written = user->writing == 0 ? uv_try_write((uv_stream_t *)&user->tcp, &buffer, 1) : 0;
    if (written < 0)
        written = 0;
    if ((size_t)written < user->output_length) {
        struct write *write = malloc(sizeof *write);
        if (write == NULL)
            abort();
        *write = (struct write){ .user = user, .bytes = user->output, .length = user->output_length - (size_t)written };
        buffer = uv_buf_init(user->output + written, (unsigned)write->length);
        user->writing += write->length;
        user->output = NULL;
        user->output_capacity = 0;
        if (uv_write(&write->request, (uv_stream_t *)&user->tcp, &buffer, 1, on_written) != 0)
            abort();
    }
    user->output_length = 0;
}

void load_flush(struct load *load)
{
    while (load->dirty != NULL) {
        struct user *user = load->dirty;
        load->dirty = user->next_dirty;
        user->is_dirty = false;
        if (!user->is_closing && user->output_length > 0)
            flush(user);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct user *user = (struct user *)handle;
    if (user->context != NULL)
        wslay_event_context_free(user->context);
    user->context = NULL;
    user->output_length = 0;
    user->is_upgraded = false;
    user->load->on_event(user, EVENT_CLOSED, "", 0);
}

void user_close(struct user *user)
{
    if (user->is_closing)
        return;
    user->is_closing = true;
    uv_close((uv_handle_t *)&user->tcp, on_closed);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void feed(struct user *user, const char *bytes, size_t length)
{
    user->input = (const uint8_t *)bytes;
    user->input_length = length;
    if (length > 0 && wslay_event_recv(user->context) != 0)
        user_close(user);
    else if (wslay_event_want_write(user->context))
        wslay_event_send(user->context);
}

static void on_head(struct user *user, const char *bytes, size_t length)
{
    static const struct wslay_event_callbacks callbacks = { .recv_callback = give_bytes,
                                                            .send_callback = take_bytes,
                                                            .genmask_callback = make_mask,
                                                            .on_msg_recv_callback = on_message };
    size_t room = sizeof user->head - user->head_length;
    size_t taken = length < room ? length : room;
    memcpy(user->head + user->head_length, bytes, taken);
    size_t before = user->head_length;
    user->head_length += taken;
    const char *end = memmem(user->head, user->head_length, "\r\n\r\n", 4);
    if (end == NULL) {
        if (user->head_length == sizeof user->head)
            user_close(user);
        return;
    }
    if (memcmp(user->head, "HTTP/1.1 101", 12) != 0) {
        user_close(user);
        return;
    }
    user->is_upgraded = true;
    enum protocol protocol = user->load->options->protocol;
    if ((protocol == PROTOCOL_RAW ? wslay_event_context_server_init : wslay_event_context_client_init)(
            &user->context, &callbacks, user) != 0)
        abort();
    if (protocol != PROTOCOL_CHATTERBOX)
        user->load->on_event(user, EVENT_MATCHED, "", 0);
    size_t head_length = (size_t)(end - user->head) + 4 - before;
    feed(user, bytes + head_length, length - head_length);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct user *user = (struct user *)stream;
    if (length < 0)
        user_close(user);
    else if (user->is_upgraded)
        feed(user, buffer->base, (size_t)length);
    else if (length > 0)
        on_head(user, buffer->base, (size_t)length);
}

static void on_connect(uv_connect_t *connect, int status)
{
    static const char request[] = "GET /ws/textchat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Version: 13\r\n\r\n";
    struct user *user = connect->data;
    if (status != 0) {
        user_close(user);
        return;
    }
    uv_tcp_nodelay(&user->tcp, 1);
    uv_read_start((uv_stream_t *)&user->tcp, on_allocate, on_read);
    queue_bytes(user, request, sizeof request - 1);
}

void user_connect(struct user *user)
{
    const struct options *options = user->load->options;
    struct sockaddr_in server, source;
    char address[32];
    user->is_closing = false;
    user->head_length = 0;
    user->began_ns = now_ns();
    uv_tcp_init_ex(user->load->loop, &user->tcp, AF_INET);
    if (options->sources > 1) { /* one address has too few ports for very many users */
        /* The port is chosen by connect(), which may take one that another connection has to another server; bind() may not, and looks for a
         * long time where most are in use or in TIME_WAIT (ip(7)). */
        uv_os_fd_t fd;
        const int on = 1;
        if (uv_fileno((uv_handle_t *)&user->tcp, &fd) == 0)
            setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        snprintf(address, sizeof address, "127.0.0.%u", 1 + user->index % options->sources);
        uv_ip4_addr(address, 0, &source);
        uv_tcp_bind(&user->tcp, (const struct sockaddr *)&source, 0);
    }
    /* Those who write to each other come two in a row (relay.c). */
    uv_ip4_addr(options->host, options->other_port != 0 && user->index % 2 == 1 ? options->other_port : options->port, &server);
    user->connect.data = user;
    if (uv_tcp_connect(&user->connect, &user->tcp, (const struct sockaddr *)&server, on_connect) != 0)
        user_close(user);
}

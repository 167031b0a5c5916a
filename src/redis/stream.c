#include "redis/stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/check.h"

/* The type of a number of elements in hiredis' interface. */
#if HIREDIS_MAJOR >= 1
#define ELEMENTS size_t
#else
#define ELEMENTS int
#endif

/* What is read at a time; when there is as much there may be more, which plain bytes are taken of in the same turn, as far as is fair to others. */
enum { READ_BYTES = 16 * 1024, READS_MAX = 16 };

/* hiredis keeps so much of a buffer that has been emptied; by itself it frees more than 16 KiB, which batches between nodes need again at once. */
enum { READER_KEPT_BYTES = 256 * 1024 };

struct redis_stream {
    redisContext *context; /* NULL once closed */
    struct tls_filter *tls; /* NULL: plain bytes */
    const struct redis_stream_handler *handler;
    void *owner;
    uv_poll_t poll;
    redisReplyObjectFunctions functions; /* hiredis' own, but for an array's bound */
    void *(*create_array)(const redisReadTask *task, ELEMENTS elements);
    size_t unfinished_bytes; /* read since the last complete reply */
    bool is_connected;
    bool is_open; /* on_connected was called: hands are shaken, too */
    bool is_broken;
    bool is_deferring; /* replies are looked for when the owner says so */
    bool is_writing; /* what the socket has not taken */
    bool has_news;   /* since the last flush */
    bool has_write_failed; /* of the filter; told when it is written next */
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct redis_stream *stream)
{
    const int reading = stream->is_deferring ? UV_DISCONNECT : UV_READABLE;
    uv_poll_start(&stream->poll, reading | (stream->is_writing || !stream->is_connected ? UV_WRITABLE : 0), on_poll);
}

static void break_off(struct redis_stream *stream, const char *reason)
{
    if (stream->is_broken)
        return;
    stream->is_broken = true;
    uv_poll_stop(&stream->poll);
    stream->handler->on_broken(stream->owner, reason);
}

/* Whether callbacks have left anything to go on with. */
static bool is_usable(const struct redis_stream *stream)
{
    return stream->context != NULL && !stream->is_broken;
}

static void *create_bounded_array(const redisReadTask *task, ELEMENTS elements)
{
    struct redis_stream *stream = task->privdata;
    /* To hiredis it is memory that ran out, and that ends the connection. */
    return elements <= REDIS_REPLY_ELEMENTS_MAX ? stream->create_array(task, elements) : NULL;
}

static void take_replies(struct redis_stream *stream)
{
    while (is_usable(stream)) {
        redisReader *reader = stream->context->reader;
        void *reply = NULL;
        if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
            break_off(stream, reader->errstr);
            return;
        }
        if (reply == NULL) {
            if (stream->unfinished_bytes > REDIS_REPLY_BYTES_MAX)
                break_off(stream, "a reply is too long");
            return;
        }
        stream->unfinished_bytes = reader->len - reader->pos;
        stream->handler->on_reply(stream->owner, reply);
        freeReplyObject(reply);
    }
}

/* Plain. */

static void receive_plain(struct redis_stream *stream)
{
    size_t got = READ_BYTES;
    for (unsigned reads = 0; got == READ_BYTES && reads < READS_MAX && is_usable(stream); reads++) {
        redisContext *context = stream->context;
        size_t before = context->reader->len;
        if (redisBufferRead(context) != REDIS_OK) {
            break_off(stream, context->errstr);
            return;
        }
        got = context->reader->len - before;
        stream->unfinished_bytes += got;
        take_replies(stream);
    }
}

static void transmit_plain(struct redis_stream *stream)
{
    int is_done = 0;
    stream->has_news = false;
    if (redisBufferWrite(stream->context, &is_done) != REDIS_OK) {
        break_off(stream, stream->context->errstr);
    } else if (stream->is_writing != (is_done == 0)) { /* to watch anything else costs two system calls, so what is taken at once is not watched for */
        stream->is_writing = is_done == 0;
        watch(stream);
    }
}

/* When the socket takes it. */
static void write_on(struct redis_stream *stream)
{
    if (stream->is_writing || stream->is_broken)
        return;
    stream->is_writing = true;
    watch(stream);
}

/* Through TLS. */

static void transmit_sealed(struct redis_stream *stream)
{
    const char *bytes;
    size_t length;
    if (stream->has_write_failed) {
        break_off(stream, tls_filter_error(stream->tls));
        return;
    }
    while ((length = tls_filter_unsent(stream->tls, &bytes)) > 0) {
        const ssize_t sent = send(stream->context->fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            break_off(stream, uv_strerror(-errno));
        if (sent < 0)
            return;
        tls_filter_sent(stream->tls, (size_t)sent);
    }
    stream->is_writing = false;
    watch(stream);
}

/* What a step of the filter has to say goes out, and whether there can be another step. */
static bool can_go_on(struct redis_stream *stream, enum tls_verdict verdict)
{
    const char *bytes;
    if (tls_filter_unsent(stream->tls, &bytes) > 0) {
        write_on(stream);
        if (verdict != TLS_GOES_ON && is_usable(stream))
            transmit_sealed(stream); /* why it fails: there is no later */
    }
    if (!is_usable(stream))
        return false;
    switch (verdict) {
    case TLS_GOES_ON:
        return true;
    case TLS_CLOSED:
        break_off(stream, "Server closed the connection");
        return false;
    case TLS_FAILED:
        break_off(stream, tls_filter_error(stream->tls));
        return false;
    }
    return false;
}

static void shake_hands(struct redis_stream *stream)
{
    if (!can_go_on(stream, tls_filter_shake_hands(stream->tls)) || !tls_filter_is_open(stream->tls))
        return;
    stream->is_open = true;
    stream->handler->on_connected(stream->owner);
}

static void read_sealed(struct redis_stream *stream)
{
    char plain[READ_BYTES];
    size_t length;
    while (is_usable(stream)) {
        if (!can_go_on(stream, tls_filter_read(stream->tls, plain, sizeof plain, &length)) || length == 0)
            return;
        if (redisReaderFeed(stream->context->reader, plain, length) != REDIS_OK) {
            break_off(stream, stream->context->reader->errstr);
            return;
        }
        stream->unfinished_bytes += length;
        take_replies(stream);
    }
}

static void receive_sealed(struct redis_stream *stream)
{
    char sealed[READ_BYTES];
    const ssize_t received = recv(stream->context->fd, sealed, sizeof sealed, 0);
    if (received == 0)
        break_off(stream, stream->is_open ? "Server closed the connection" : "TLS: the connection was closed in the middle of the handshake");
    else if (received < 0 && errno != EAGAIN && errno != EINTR)
        break_off(stream, uv_strerror(-errno));
    if (received <= 0)
        return;
    tls_filter_receive(stream->tls, sealed, (size_t)received);
    if (!stream->is_open)
        shake_hands(stream);
    if (is_usable(stream) && stream->is_open)
        read_sealed(stream);
}

/* Either way. */

static void finish_connecting(struct redis_stream *stream)
{
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(stream->context->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) {
        break_off(stream, error != 0 ? uv_strerror(-error) : "no socket");
        return;
    }
    stream->is_connected = true;
    watch(stream);
    if (stream->tls != NULL) {
        shake_hands(stream);
        return;
    }
    stream->is_open = true;
    stream->handler->on_connected(stream->owner);
}

void redis_stream_receive(struct redis_stream *stream)
{
    if (is_usable(stream) && stream->is_connected)
        (stream->tls != NULL ? receive_sealed : receive_plain)(stream);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct redis_stream *stream = poll->data;
    if (status < 0) /* refused or reset: whichever of the two is asked first finds it */
        events = UV_READABLE | UV_WRITABLE;
    if (!stream->is_connected)
        finish_connecting(stream);
    if ((events & (UV_READABLE | UV_DISCONNECT)) != 0)
        redis_stream_receive(stream);
    if (is_usable(stream) && (events & UV_WRITABLE) != 0 && stream->is_writing)
        (stream->tls != NULL ? transmit_sealed : transmit_plain)(stream);
}

struct redis_stream *redis_stream_open(redisContext *context, struct tls_filter *tls, uv_loop_t *loop, const struct redis_stream_handler *handler,
                                       void *owner, int *error)
{
    struct redis_stream *stream = calloc(1, sizeof *stream);
    CHECK_MEMORY(stream);
    *error = uv_poll_init(loop, &stream->poll, context->fd);
    if (*error != 0) {
        redisFree(context);
        tls_filter_free(&tls);
        free(stream);
        return NULL;
    }
    stream->context = context;
    stream->tls = tls;
    stream->handler = handler;
    stream->owner = owner;
    stream->poll.data = stream;
    redisReader *reader = context->reader;
    stream->functions = *reader->fn;
    stream->create_array = stream->functions.createArray;
    stream->functions.createArray = create_bounded_array;
    reader->fn = &stream->functions;
    reader->privdata = stream;
    reader->maxbuf = READER_KEPT_BYTES;
    watch(stream);
    return stream;
}

bool redis_stream_is_connected(const struct redis_stream *stream)
{
    return stream->is_connected;
}

void redis_stream_send(struct redis_stream *stream, int argc, const char *const *argv, const size_t *lengths)
{
    CHECK(stream->is_open && stream->context != NULL);
    /* hiredis does not say that it only reads argv. */
    if (stream->tls == NULL) {
        CHECK_MEMORY(redisAppendCommandArgv(stream->context, argc, (const char **)argv, lengths) == REDIS_OK ? stream : NULL);
    } else {
        char *plain = NULL;
        const int length = redisFormatCommandArgv(&plain, argc, (const char **)argv, lengths);
        CHECK_MEMORY(length >= 0 ? plain : NULL);
        /* Whoever sends is not told in the middle of it. */
        if (!stream->is_broken && !stream->has_write_failed)
            stream->has_write_failed = tls_filter_write(stream->tls, plain, (size_t)length) != TLS_GOES_ON;
        redisFreeCommand(plain);
    }
    stream->has_news = true;
}

void redis_stream_defer_replies(struct redis_stream *stream)
{
    CHECK(stream->is_open);
    stream->is_deferring = true;
    watch(stream);
}

void redis_stream_flush(struct redis_stream *stream)
{
    if (!stream->has_news || stream->is_writing || !is_usable(stream))
        return;
    if (stream->tls == NULL)
        transmit_plain(stream);
    else
        redis_stream_flush_later(stream);
}

void redis_stream_flush_later(struct redis_stream *stream)
{
    stream->has_news = false;
    write_on(stream);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void redis_stream_close(struct redis_stream **pointer)
{
    struct redis_stream *stream = *pointer;
    if (stream == NULL)
        return;
    *pointer = NULL;
    uv_close((uv_handle_t *)&stream->poll, on_closed); /* before its descriptor */
    redisFree(stream->context);
    stream->context = NULL;
    tls_filter_free(&stream->tls);
}

#include "adapter.h"

#include <stdlib.h>

#include "check.h"

struct adapter {
    redisAsyncContext *context; /* NULL once it is being freed */
    uv_poll_t poll;
    int events;
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct adapter *adapter = poll->data;
    if (status < 0) /* refused or reset: whichever of the two is asked first finds it */
        events = UV_READABLE | UV_WRITABLE;
    if (adapter->context != NULL && (events & UV_READABLE) != 0)
        redisAsyncHandleRead(adapter->context);
    if (adapter->context != NULL && (events & UV_WRITABLE) != 0) /* the read may have freed it */
        redisAsyncHandleWrite(adapter->context);
}

static void watch(struct adapter *adapter, int events)
{
    if (events == adapter->events)
        return;
    adapter->events = events;
    if (events != 0)
        uv_poll_start(&adapter->poll, events, on_poll);
    else
        uv_poll_stop(&adapter->poll);
}

static void add_read(void *data)
{
    struct adapter *adapter = data;
    watch(adapter, adapter->events | UV_READABLE);
}

static void del_read(void *data)
{
    struct adapter *adapter = data;
    watch(adapter, adapter->events & ~UV_READABLE);
}

static void add_write(void *data)
{
    struct adapter *adapter = data;
    watch(adapter, adapter->events | UV_WRITABLE);
}

static void del_write(void *data)
{
    struct adapter *adapter = data;
    watch(adapter, adapter->events & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void cleanup(void *data)
{
    struct adapter *adapter = data;
    adapter->context = NULL;
    uv_poll_stop(&adapter->poll);
    uv_close((uv_handle_t *)&adapter->poll, on_closed);
}

int redis_adapter_attach(redisAsyncContext *context, uv_loop_t *loop)
{
    struct adapter *adapter = calloc(1, sizeof *adapter);
    CHECK_MEMORY(adapter);
    int error = uv_poll_init(loop, &adapter->poll, context->c.fd);
    if (error != 0) {
        free(adapter);
        return error;
    }
    adapter->context = context;
    adapter->poll.data = adapter;
    context->ev.data = adapter;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    context->ev.cleanup = cleanup;
    return 0;
}

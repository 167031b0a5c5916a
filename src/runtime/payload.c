#include "runtime/payload.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/pool.h"

enum { POOLED_CAPACITY = POOL_TEXT_BYTES - sizeof(struct payload) };

static struct payload *allocate(size_t capacity)
{
    CHECK(capacity <= INT32_MAX);
    struct payload *payload = malloc(sizeof *payload + capacity);
    CHECK_MEMORY(payload);
    payload->capacity = (uint32_t)capacity & INT32_MAX;
    payload->is_pooled = false;
    payload->next = NULL;
    return payload;
}

struct payload *payload_new(size_t capacity)
{
    struct payload *payload;
    if (capacity <= POOLED_CAPACITY) {
        payload = pool_take(POOL_TEXT);
        payload->capacity = POOLED_CAPACITY;
        payload->is_pooled = true;
        payload->next = NULL;
    } else {
        payload = allocate(capacity);
    }
    payload->length = 0;
    return payload;
}

struct payload *payload_copy(const void *bytes, size_t length)
{
    struct payload *payload = allocate(length);
    if (length > 0)
        memcpy(payload->bytes, bytes, length);
    payload->length = (uint32_t)length;
    return payload;
}

void payload_free(struct payload **pointer)
{
    struct payload *payload = *pointer;
    *pointer = NULL;
    if (payload != NULL && payload->is_pooled)
        pool_give_back(POOL_TEXT, payload);
    else
        free(payload);
}

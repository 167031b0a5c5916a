#include "payload.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

struct payload *payload_new(size_t capacity)
{
    CHECK(capacity <= UINT32_MAX);
    struct payload *payload = malloc(sizeof *payload + capacity);
    CHECK_MEMORY(payload);
    payload->length = 0;
    payload->capacity = (uint32_t)capacity;
    return payload;
}

struct payload *payload_copy(const void *bytes, size_t length)
{
    struct payload *payload = payload_new(length);
    if (length > 0)
        memcpy(payload->bytes, bytes, length);
    payload->length = (uint32_t)length;
    return payload;
}

void payload_free(struct payload **payload)
{
    free(*payload);
    *payload = NULL;
}

#include "sim/counted_payload.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/payload.h"

static long payloads;

struct payload *payload_new(size_t capacity)
{
    struct payload *payload = malloc(sizeof *payload + capacity);
    if (payload == NULL)
        abort();
    *payload = (struct payload){ .capacity = (uint32_t)capacity };
    payloads++;
    return payload;
}

struct payload *payload_copy(const void *bytes, size_t length)
{
    struct payload *payload = payload_new(length);
    memcpy(payload->bytes, bytes, length);
    payload->length = (uint32_t)length;
    return payload;
}

void payload_free(struct payload **payload)
{
    if (*payload != NULL)
        payloads--;
    free(*payload);
    *payload = NULL;
}

long counted_payloads(void)
{
    return payloads;
}

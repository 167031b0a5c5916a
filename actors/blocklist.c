#include "actors/blocklist.h"

#include <string.h>

bool blocklist_has(const struct payload *list, const uint8_t id[USER_ID_BYTES])
{
    for (size_t at = 0; list != NULL && at < list->length; at += USER_ID_BYTES) {
        if (memcmp(list->bytes + at, id, USER_ID_BYTES) == 0)
            return true;
    }
    return false;
}

bool blocklist_add(struct payload **list, const uint8_t id[USER_ID_BYTES])
{
    if (blocklist_has(*list, id))
        return true;
    if (*list == NULL) {
        *list = payload_copy(id, USER_ID_BYTES);
        return true;
    }
    if ((*list)->length >= BLOCKLIST_MAX * USER_ID_BYTES)
        return false;
    payload_append(list, id, USER_ID_BYTES);
    return true;
}

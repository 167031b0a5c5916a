#include "sim/ledger.h"

#include <stdlib.h>
#include <string.h>

static bool is_user(const uint8_t one[USER_ID_BYTES], const uint8_t other[USER_ID_BYTES])
{
    return memcmp(one, other, USER_ID_BYTES) == 0;
}

static struct chat *find_pair(const struct ledger *ledger, uint64_t match, const uint8_t one[USER_ID_BYTES], const uint8_t other[USER_ID_BYTES],
                              unsigned *side)
{
    for (struct chat *chat = ledger->buckets[match % LEDGER_BUCKETS]; chat != NULL; chat = chat->next) {
        for (*side = 0; *side < 2; ++*side) {
            if (chat->match == match && is_user(chat->ids[*side], one) && is_user(chat->ids[1 - *side], other))
                return chat;
        }
    }
    return NULL;
}

void ledger_add(struct ledger *ledger, uint64_t match, const uint8_t one[USER_ID_BYTES], const uint8_t other[USER_ID_BYTES])
{
    unsigned side;
    if (find_pair(ledger, match, one, other, &side) != NULL)
        return; /* a store that did not know that another had made it */
    struct chat *chat = calloc(1, sizeof *chat);
    if (chat == NULL)
        abort();
    struct chat **bucket = &ledger->buckets[match % LEDGER_BUCKETS];
    chat->match = match;
    memcpy(chat->ids[0], one, USER_ID_BYTES);
    memcpy(chat->ids[1], other, USER_ID_BYTES);
    chat->next = *bucket;
    *bucket = chat;
}

bool ledger_meet(struct ledger *ledger, uint64_t match, const uint8_t user[USER_ID_BYTES], const uint8_t partner[USER_ID_BYTES])
{
    unsigned side;
    struct chat *chat = find_pair(ledger, match, user, partner, &side);
    if (chat != NULL)
        chat->has_met[side] = true;
    return chat != NULL;
}

bool ledger_have_met(const struct ledger *ledger, uint64_t match, const uint8_t one[USER_ID_BYTES], const uint8_t other[USER_ID_BYTES])
{
    unsigned side;
    const struct chat *chat = find_pair(ledger, match, one, other, &side);
    return chat != NULL && chat->has_met[0] && chat->has_met[1];
}

struct chat *ledger_find(const struct ledger *ledger, uint64_t match, const uint8_t user[USER_ID_BYTES], unsigned *side)
{
    for (struct chat *chat = ledger->buckets[match % LEDGER_BUCKETS]; chat != NULL; chat = chat->next) {
        for (*side = 0; *side < 2; ++*side) {
            if (chat->match == match && chat->has_met[*side] && is_user(chat->ids[*side], user))
                return chat;
        }
    }
    return NULL;
}

void ledger_break(struct ledger *ledger, uint64_t match)
{
    for (struct chat *chat = ledger->buckets[match % LEDGER_BUCKETS]; chat != NULL; chat = chat->next)
        chat->is_broken |= chat->match == match;
}

const struct chat *ledger_find_loss(const struct ledger *ledger)
{
    for (size_t i = 0; i < LEDGER_BUCKETS; i++) {
        for (const struct chat *chat = ledger->buckets[i]; chat != NULL; chat = chat->next) {
            for (unsigned side = 0; side < 2; side++) {
                const struct said *said = &chat->said[side];
                if (said->is_over && !said->is_banned && !chat->is_broken && said->heard < said->written)
                    return chat;
            }
        }
    }
    return NULL;
}

void ledger_free(struct ledger *ledger)
{
    for (size_t i = 0; i < LEDGER_BUCKETS; i++) {
        while (ledger->buckets[i] != NULL) {
            struct chat *chat = ledger->buckets[i];
            ledger->buckets[i] = chat->next;
            free(chat);
        }
    }
}

#include "bus/record.h"

#include "bus/bytes.h"
#include "runtime/check.h"

enum { MATCH_BYTES = 8 };

static void put_address(uint8_t bytes[RECORD_ADDRESS_BYTES], struct address address)
{
    bytes[0] = address.thread;
    bytes_put(bytes + 1, address.slot, 3);
    bytes_put(bytes + 4, address.generation, 3);
}

static bool get_address(struct address *address, const uint8_t bytes[RECORD_ADDRESS_BYTES], unsigned node)
{
    uint64_t slot = bytes_get(bytes + 1, 3);
    uint64_t generation = bytes_get(bytes + 4, 3);
    if (slot >= ADDRESS_SLOTS || generation == 0)
        return false;
    *address = (struct address){ .generation = (uint32_t)generation & ADDRESS_GENERATION_MAX,
                                 .thread = bytes[0],
                                 .slot = (uint32_t)slot & (ADDRESS_SLOTS - 1),
                                 .node = node & ADDRESS_NODE_MAX };
    return true;
}

/* A record with its addresses; returns where the rest of it goes, or NULL. */
static uint8_t *begin(struct batch *batch, enum record_type type, const struct message *message, size_t rest)
{
    CHECK(message->to.node != 0 && message->from.node == 0);
    uint8_t *body = batch_reserve(batch, (uint8_t)type, RECORD_HEAD_BYTES + rest);
    if (body == NULL)
        return NULL;
    put_address(body, message->to);
    put_address(body + RECORD_ADDRESS_BYTES, message->from);
    return body + RECORD_HEAD_BYTES;
}

bool record_write(struct batch *batch, const struct message *message)
{
    CHECK(message->type == PEER_LEFT); /* message.def lets nothing else come here from an actor */
    uint8_t *rest = begin(batch, RECORD_PEER_LEFT, message, MATCH_BYTES);
    if (rest != NULL)
        bytes_put_64(rest, message->peer_left.match);
    return rest != NULL;
}

enum record_verdict record_read(struct message *message, const struct batch_record *record, unsigned node)
{
    if (record->type != RECORD_PEER_LEFT)
        return RECORD_UNKNOWN;
    struct message read = { .type = PEER_LEFT };
    if (record->length != RECORD_HEAD_BYTES + MATCH_BYTES || !get_address(&read.to, record->body, 0) ||
        !get_address(&read.from, record->body + RECORD_ADDRESS_BYTES, node))
        return RECORD_MALFORMED;
    read.peer_left.match = bytes_get_64(record->body + RECORD_HEAD_BYTES);
    *message = read;
    return RECORD_OK;
}

#include "bus/record.h"

#include "bus/bytes.h"
#include "runtime/check.h"

enum { MATCH_BYTES = 8, NUMBER_BYTES = 4, NUMBERS_MAX = 4 };

_Static_assert(NUMBERS_MAX * NUMBER_BYTES <= RECORD_LONGEST_FIXED && MATCH_BYTES + NUMBER_BYTES <= RECORD_LONGEST_FIXED,
               "what stands before a payload that may be long");

/* Before each text of a run: u16 what it has in common with the one before it, at their beginnings; u24 length of the rest. */
enum { TEXT_SHARED_BYTES = 2, TEXT_HEAD_BYTES = 5 };

static void put_address(uint8_t bytes[RECORD_ADDRESS_BYTES], struct address address)
{
    bytes[0] = address.thread;
    bytes_put(bytes + 1, address.slot, 3);
    bytes_put(bytes + 4, address.generation, 3);
}

static bool get_address(struct address *address, const uint8_t bytes[RECORD_ADDRESS_BYTES], unsigned node)
{
    uint64_t slot = bytes_get(bytes + 1, 3);
    if (slot >= ADDRESS_SLOTS)
        return false;
    *address = (struct address){ .generation = (uint32_t)bytes_get(bytes + 4, 3) & ADDRESS_GENERATION_MAX,
                                 .thread = bytes[0],
                                 .slot = (uint32_t)slot & (ADDRESS_SLOTS - 1),
                                 .node = node & ADDRESS_NODE_MAX };
    return true;
}

/* What a message says besides whom it is for and from. */
struct content {
    enum record_type type;
    uint64_t match;
    uint32_t numbers[NUMBERS_MAX];
    unsigned number_count;
    struct address partner;
    bool has_match, has_partner, has_payload;
};

static size_t fixed_bytes(const struct content *content)
{
    return RECORD_HEAD_BYTES + (content->has_match ? MATCH_BYTES : 0) + content->number_count * (size_t)NUMBER_BYTES +
           (content->has_partner ? RECORD_ADDRESS_BYTES : 0);
}

/* Without what comes from a message or a record. Returns false if this type does not go over the bus. */
static bool shape_of(struct content *content, enum record_type type)
{
    *content = (struct content){ .type = type, .has_match = true };
    switch (type) {
    case RECORD_PEER_TEXT:
    case RECORD_PEER_TEXTS:
        content->has_payload = true;
        content->number_count = 1;
        return true;
    case RECORD_PEER_LEFT:
        content->number_count = 1;
        return true;
    case RECORD_PEER_WRITTEN:
    case RECORD_PEER_GAP:
        content->number_count = 2;
        return true;
    case RECORD_PEER_ASK:
    case RECORD_PEER_LEFT_HEARD:
    case RECORD_MATCH_TAKEN:
    case RECORD_PEER_AWAY:
    case RECORD_PEER_BACK:
        return true;
    case RECORD_USER_BANNED:
        content->has_match = false;
        return true;
    case RECORD_MATCH_FOUND:
        content->has_partner = content->has_payload = true;
        content->number_count = 2;
        return true;
    case RECORD_CONN_RESUME:
        content->has_match = false;
        content->has_payload = true;
        content->number_count = 1;
        return true;
    case RECORD_LINE_ITEM:
        content->has_match = false;
        content->has_payload = true;
        content->number_count = 4;
        return true;
    case RECORD_LINE_TAKEN:
        content->has_match = false;
        content->number_count = 2;
        return true;
    case RECORD_LINE_DEAD:
        content->has_match = false;
        return true;
    case RECORD_BEAT:
    case RECORD_LEAVE:
    case RECORD_BURIED:
        break;
    }
    return false;
}

static enum record_type type_of(const struct message *message)
{
    if (message->more > 0) {
        CHECK(message->type == PEER_TEXT);
        return RECORD_PEER_TEXTS;
    }
    switch ((enum message_type)message->type) {
#define RECORD(name, number)
#define MESSAGE(name, number) \
    case name:                \
        return RECORD_##name;
#include "bus/record.def"
#undef RECORD
#undef MESSAGE
    default: /* message.def lets nothing else come here */
        CHECK(false);
        return RECORD_BEAT;
    }
}

static void take_from_message(struct content *content, const struct message *message)
{
    switch (content->type) {
    case RECORD_PEER_TEXT:
    case RECORD_PEER_TEXTS:
        content->match = message->peer_text.match;
        content->numbers[0] = message->peer_text.number;
        break;
    case RECORD_PEER_WRITTEN:
    case RECORD_PEER_GAP:
        content->match = message->peer_count.match;
        content->numbers[0] = message->peer_count.taken;
        content->numbers[1] = message->peer_count.written;
        break;
    case RECORD_MATCH_FOUND:
        CHECK(message->match_found.partner.node == 0);
        content->match = message->match_found.match;
        content->numbers[0] = message->match_found.search;
        content->numbers[1] = message->match_found.role;
        content->partner = message->match_found.partner;
        break;
    case RECORD_CONN_RESUME:
        content->numbers[0] = message->conn_resume.seq;
        break;
    case RECORD_LINE_ITEM:
        content->numbers[0] = message->line_item.number;
        content->numbers[1] = message->line_item.taken;
        content->numbers[2] = message->line_item.kind;
        content->numbers[3] = message->line_item.value;
        break;
    case RECORD_LINE_TAKEN:
        content->numbers[0] = message->line_taken.taken;
        content->numbers[1] = message->line_taken.wants_repeat;
        break;
    case RECORD_LINE_DEAD:
    case RECORD_USER_BANNED:
        break;
    default: /* as many of them as it has */
        content->match = message->peer_left.match;
        content->numbers[0] = message->peer_left.number;
        break;
    }
}

static enum message_type type_with_match_alone(enum record_type type)
{
    switch (type) {
    case RECORD_PEER_LEFT:
        return PEER_LEFT;
    case RECORD_PEER_ASK:
        return PEER_ASK;
    case RECORD_PEER_LEFT_HEARD:
        return PEER_LEFT_HEARD;
    case RECORD_PEER_AWAY:
        return PEER_AWAY;
    case RECORD_PEER_BACK:
        return PEER_BACK;
    default:
        return MATCH_TAKEN;
    }
}

static void put_into_message(struct message *message, const struct content *content)
{
    switch (content->type) {
    case RECORD_PEER_TEXT:
    case RECORD_PEER_TEXTS:
        message->type = PEER_TEXT;
        message->peer_text.match = content->match;
        message->peer_text.number = content->numbers[0];
        break;
    case RECORD_PEER_WRITTEN:
    case RECORD_PEER_GAP:
        message->type = content->type == RECORD_PEER_WRITTEN ? PEER_WRITTEN : PEER_GAP;
        message->peer_count.match = content->match;
        message->peer_count.taken = content->numbers[0];
        message->peer_count.written = content->numbers[1];
        break;
    case RECORD_USER_BANNED:
        message->type = USER_BANNED;
        break;
    case RECORD_MATCH_FOUND:
        message->type = MATCH_FOUND;
        message->match_found.match = content->match;
        message->match_found.search = content->numbers[0];
        message->match_found.role = (uint8_t)content->numbers[1];
        message->match_found.partner = content->partner;
        break;
    case RECORD_CONN_RESUME:
        message->type = CONN_RESUME;
        message->conn_resume.seq = content->numbers[0];
        break;
    case RECORD_LINE_ITEM:
        message->type = LINE_ITEM;
        message->line_item.number = content->numbers[0];
        message->line_item.taken = content->numbers[1];
        message->line_item.kind = content->numbers[2];
        message->line_item.value = content->numbers[3];
        break;
    case RECORD_LINE_TAKEN:
        message->type = LINE_TAKEN;
        message->line_taken.taken = content->numbers[0];
        message->line_taken.wants_repeat = content->numbers[1];
        break;
    case RECORD_LINE_DEAD:
        message->type = LINE_DEAD;
        break;
    default:
        message->type = (uint16_t)type_with_match_alone(content->type);
        message->peer_left.match = content->match;
        message->peer_left.number = content->numbers[0];
        break;
    }
}

/* Events of one turn differ in what was written, which comes last. */
static size_t shared_bytes(const struct payload *one, const struct payload *other)
{
    const size_t shared = payload_shared(one->bytes, one->length, other->bytes, other->length);
    return shared < UINT16_MAX ? shared : UINT16_MAX;
}

struct run {
    unsigned texts;
    size_t bytes;
    uint16_t shared[RUN_MAX];
};

/* As many texts as there is room for, from the first one on. */
static void measure_run(struct run *run, const struct message *message, size_t room)
{
    const struct payload *before = NULL;
    run->texts = 0;
    run->bytes = 0;
    for (const struct payload *text = message->payload; text != NULL && run->texts < RUN_MAX; text = text->next) {
        const size_t shared = before != NULL ? shared_bytes(before, text) : 0;
        const size_t bytes = TEXT_HEAD_BYTES + text->length - shared;
        if (run->bytes + bytes > room)
            break;
        run->bytes += bytes;
        run->shared[run->texts++] = (uint16_t)shared;
        before = text;
    }
}

static void put_run(uint8_t *next, const struct run *run, const struct payload *text)
{
    for (unsigned i = 0; i < run->texts; i++, text = text->next) {
        const size_t shared = run->shared[i], rest = text->length - shared;
        bytes_put(next, shared, TEXT_SHARED_BYTES);
        bytes_put(next + TEXT_SHARED_BYTES, rest, TEXT_HEAD_BYTES - TEXT_SHARED_BYTES);
        memcpy(next + TEXT_HEAD_BYTES, text->bytes + shared, rest);
        next += TEXT_HEAD_BYTES + rest;
    }
}

/* All but the payload. Returns where that belongs; NULL if the batch is full. */
static uint8_t *put_fixed(struct batch *batch, const struct message *message, const struct content *content, size_t payload)
{
    uint8_t *body = batch_reserve(batch, (uint8_t)content->type, fixed_bytes(content) + payload);
    if (body == NULL)
        return NULL;
    put_address(body, message->to);
    put_address(body + RECORD_ADDRESS_BYTES, message->from);
    uint8_t *next = body + RECORD_HEAD_BYTES;
    if (content->has_match) {
        bytes_put_64(next, content->match);
        next += MATCH_BYTES;
    }
    for (unsigned i = 0; i < content->number_count; i++, next += NUMBER_BYTES)
        bytes_put(next, content->numbers[i], NUMBER_BYTES);
    if (content->has_partner) {
        put_address(next, content->partner);
        next += RECORD_ADDRESS_BYTES;
    }
    return next;
}

static unsigned write_one(struct batch *batch, const struct message *message, struct content *content)
{
    const size_t payload = content->has_payload && message->payload != NULL ? message->payload->length : 0;
    uint8_t *next = put_fixed(batch, message, content, payload);
    if (next == NULL)
        return 0;
    if (payload > 0)
        memcpy(next, message->payload->bytes, payload);
    return 1;
}

unsigned record_write(struct batch *batch, const struct message *message)
{
    struct content content;
    struct run run = { 0 };
    CHECK(message->to.node != 0 && message->from.node == 0);
    CHECK(shape_of(&content, type_of(message)));
    take_from_message(&content, message);
    if (content.type == RECORD_PEER_TEXTS) {
        const size_t room = batch_room(batch), fixed = fixed_bytes(&content);
        measure_run(&run, message, room > fixed ? room - fixed : 0);
        if (run.texts < 2) /* there is hardly any room left, or the text is a long one */
            content.type = RECORD_PEER_TEXT;
    }
    if (content.type != RECORD_PEER_TEXTS)
        return write_one(batch, message, &content);
    uint8_t *next = put_fixed(batch, message, &content, run.bytes);
    CHECK(next != NULL);
    put_run(next, &run, message->payload);
    return run.texts;
}

/* Returns false if these are no texts: what was made of them is discarded. */
static bool read_run(struct message *message, const uint8_t *next, size_t left)
{
    struct payload **link = &message->payload;
    const struct payload *before = NULL;
    unsigned texts = 0;
    while (left >= TEXT_HEAD_BYTES && texts < RUN_MAX) {
        const size_t shared = (size_t)bytes_get(next, TEXT_SHARED_BYTES);
        const size_t rest = (size_t)bytes_get(next + TEXT_SHARED_BYTES, TEXT_HEAD_BYTES - TEXT_SHARED_BYTES);
        if (shared > (before != NULL ? before->length : 0) || rest > left - TEXT_HEAD_BYTES)
            break;
        struct payload *text = payload_new(shared + rest);
        if (shared > 0)
            memcpy(text->bytes, before->bytes, shared);
        memcpy(text->bytes + shared, next + TEXT_HEAD_BYTES, rest);
        text->length = (uint32_t)(shared + rest);
        *link = text;
        link = &text->next;
        before = text;
        texts++;
        next += TEXT_HEAD_BYTES + rest;
        left -= TEXT_HEAD_BYTES + rest;
    }
    message->more = texts > 0 ? (uint16_t)(texts - 1) : 0;
    if (left == 0 && texts >= 2)
        return true;
    message_discard(message);
    return false;
}

enum record_verdict record_read(struct message *message, const struct batch_record *record, unsigned node)
{
    struct content content;
    struct message read = { .type = MESSAGE_NONE };
    if (!shape_of(&content, (enum record_type)record->type))
        return RECORD_UNKNOWN;
    size_t fixed = fixed_bytes(&content);
    if (record->length < fixed || (record->length > fixed && !content.has_payload))
        return RECORD_MALFORMED;
    if (!get_address(&read.to, record->body, 0) || address_is_thread(read.to) ||
        !get_address(&read.from, record->body + RECORD_ADDRESS_BYTES, node))
        return RECORD_MALFORMED;
    const uint8_t *next = record->body + RECORD_HEAD_BYTES;
    if (content.has_match) {
        content.match = bytes_get_64(next);
        next += MATCH_BYTES;
    }
    for (unsigned i = 0; i < content.number_count; i++, next += NUMBER_BYTES)
        content.numbers[i] = (uint32_t)bytes_get(next, NUMBER_BYTES);
    if (content.has_partner) {
        if (!get_address(&content.partner, next, node) || address_is_thread(content.partner) || content.numbers[1] > MATCH_CALLEE ||
            record->length < fixed + sizeof(struct peer))
            return RECORD_MALFORMED;
        next += RECORD_ADDRESS_BYTES;
    }
    if (content.type == RECORD_LINE_ITEM && (content.numbers[2] < LINE_ACCEPTED || content.numbers[2] >= LINE_KINDS))
        return RECORD_MALFORMED;
    put_into_message(&read, &content);
    if (content.type == RECORD_PEER_TEXTS) {
        if (!read_run(&read, next, record->length - fixed))
            return RECORD_MALFORMED;
    } else if (content.has_payload) {
        read.payload = payload_new(record->length - fixed);
        payload_append(&read.payload, next, record->length - fixed);
    }
    *message = read;
    return RECORD_OK;
}

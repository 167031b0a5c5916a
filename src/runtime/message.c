#include "runtime/message.h"

enum { MAIN = ROLE_MAIN, IO = ROLE_IO, SESSION = ROLE_SESSION, MATCHER = ROLE_MATCHER };
enum when_full { STAGE, THROTTLE };

static const struct {
    const char *name;
    uint8_t from; /* enum thread_role bits */
    uint8_t to;
    uint8_t when_full; /* enum when_full */
} catalogue[MESSAGE_TYPES] = {
    [MESSAGE_NONE] = { "MESSAGE_NONE", 0, 0, STAGE },
#define MSG(message, body, payload, from_roles, to_roles, full) [message] = { #message, from_roles, to_roles, full },
#include "actors/message.def"
#undef MSG
};

const char *message_name(unsigned type)
{
    return type < MESSAGE_TYPES ? catalogue[type].name : "unknown";
}

bool message_may_travel(unsigned type, enum thread_role from, enum thread_role to)
{
    return type < MESSAGE_TYPES && (catalogue[type].from & from) != 0 && (catalogue[type].to & to) != 0;
}

bool message_throttles(unsigned type)
{
    return type < MESSAGE_TYPES && catalogue[type].when_full == THROTTLE;
}

bool roles_talk(enum thread_role from, enum thread_role to)
{
    for (unsigned type = 0; type < MESSAGE_TYPES; type++) {
        if (message_may_travel(type, from, to))
            return true;
    }
    return false;
}

bool message_continues(const struct message *message, const struct message *next)
{
    if (next->type != message->type || !address_equals(next->to, message->to) || !address_equals(next->from, message->from))
        return false;
    if (message->type == CLIENT_TEXT)
        return next->client_text.is_binary == message->client_text.is_binary;
    return message->type == EVENT_TEXT && next->event.is_binary == message->event.is_binary &&
           address_equals(next->event.writer, message->event.writer);
}

void message_discard(struct message *message)
{
    while (message->payload != NULL) {
        struct payload *first = message->payload;
        message->payload = first->next;
        payload_free(&first);
    }
}

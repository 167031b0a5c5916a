#include "runtime/message.h"

enum { MAIN = ROLE_MAIN, IO = ROLE_IO, SESSION = ROLE_SESSION, MATCHER = ROLE_MATCHER, BUS = ROLE_BUS };
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
    if (next->type != message->type || !address_equals(next->to, message->to) || !address_equals(next->from, message->from) ||
        message_texts(message) + message_texts(next) > RUN_MAX)
        return false;
    switch ((enum message_type)message->type) {
    case CLIENT_TEXT:
        return next->client_text.is_binary == message->client_text.is_binary;
    case PEER_TEXT:
        return next->peer_text.match == message->peer_text.match &&
               next->peer_text.number == (message->peer_text.number == 0 ? 0 : message->peer_text.number + message_texts(message)) &&
               address_equals(next->peer_text.writer, message->peer_text.writer);
    case EVENT_TEXT:
        return next->event.is_binary == message->event.is_binary && address_equals(next->event.writer, message->event.writer);
    default: /* no others are runs */
        return false;
    }
}

void message_discard(struct message *message)
{
    struct payload *payload;
    while ((payload = message_take_payload(message)) != NULL)
        payload_free(&payload);
}

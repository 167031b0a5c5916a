#include "wire/event.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runtime/hex.h"
#include "wire/interests.h"

/* A type that is longer than this is not worth sending back. */
enum { REQUEST_NAME_MAX = 64 };

static const struct {
    const char *wire;
    const char *description;
} errors[ERROR_CODES] = {
#define ERROR(name, wire_name, text) [ERROR_##name] = { wire_name, text },
#include "wire/errors.def"
#undef ERROR
};

void event_time_set(struct event_time *time, uint64_t wall_ms)
{
    uint64_t second = wall_ms / 1000;
    if (second != time->second || time->text[0] == '\0') {
        time_t clock = (time_t)second;
        struct tm utc;
        gmtime_r(&clock, &utc);
        strftime(time->text, sizeof time->text, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
        time->second = second;
    }
    unsigned millisecond = (unsigned)(wall_ms % 1000);
    char *digits = time->text + sizeof "2025-10-01T12:00:00." - 1;
    digits[0] = (char)('0' + millisecond / 100);
    digits[1] = (char)('0' + millisecond / 10 % 10);
    digits[2] = (char)('0' + millisecond % 10);
}

void user_id_print(char text[USER_ID_TEXT], const uint8_t id[USER_ID_BYTES])
{
    hex_print(text, id, USER_ID_BYTES);
}

void match_id_print(char text[MATCH_ID_TEXT], uint64_t match)
{
    snprintf(text, MATCH_ID_TEXT, "%016llx", (unsigned long long)match);
}

static inline void append_text(struct payload **text, const char *string)
{
    payload_append(text, string, strlen(string));
}

/* Print a value into the payload; expected: a size that it most probably fits into. */
static void append_json(struct payload **text, const json_t *value, size_t expected)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    payload_reserve(text, expected);
    size_t room = (*text)->capacity - (*text)->length;
    size_t needed = json_dumpb(value, (char *)(*text)->bytes + (*text)->length, room, flags);
    if (needed > room) {
        payload_reserve(text, needed);
        json_dumpb(value, (char *)(*text)->bytes + (*text)->length, needed, flags);
    }
    (*text)->length += (uint32_t)needed;
}

static void append_json_string(struct payload **text, const char *string)
{
    json_t *value = json_string(string);
    append_json(text, value, strlen(string) + 2);
    json_decref(value);
}

/* Everything up to the data. type and description are ours and need no escapes. */
static inline struct payload *begin(const struct event_time *time, const char *type, const char *description, size_t data_bytes)
{
    struct payload *text = payload_new(96 + strlen(type) + strlen(description) + data_bytes);
    append_text(&text, "{\"type\":\"");
    append_text(&text, type);
    append_text(&text, "\",\"description\":\"");
    append_text(&text, description);
    append_text(&text, "\",\"timestamp\":\"");
    payload_append(&text, time->text, sizeof time->text - 1);
    append_text(&text, "\"");
    return text;
}

static inline struct payload *end(struct payload *text)
{
    append_text(&text, "}");
    return text;
}

static void append_number(struct payload **text, const char *name, uint32_t number)
{
    char digits[sizeof "4294967295"];
    append_text(text, name);
    payload_append(text, digits, (size_t)snprintf(digits, sizeof digits, "%u", number));
}

struct payload *event_connection_established_anew(const struct event_time *time, const uint8_t user_id[USER_ID_BYTES], const char *token,
                                                  uint32_t for_ms, bool is_refused)
{
    char id[USER_ID_TEXT];
    user_id_print(id, user_id);
    struct payload *text = begin(time, "connection_established", "Welcome.", token != NULL || is_refused ? 192 : 64);
    append_text(&text, ",\"data\":{\"user_id\":\"");
    append_text(&text, id);
    append_text(&text, "\"");
    if (is_refused)
        append_text(&text, ",\"resumed\":false");
    if (token != NULL) {
        append_text(&text, ",\"resume\":{\"token\":\"");
        append_text(&text, token);
        append_number(&text, "\",\"for_ms\":", for_ms);
        append_text(&text, "}");
    }
    append_text(&text, "}");
    return end(text);
}

struct payload *event_connection_established(const struct event_time *time, const uint8_t user_id[USER_ID_BYTES])
{
    return event_connection_established_anew(time, user_id, NULL, 0, false);
}

struct payload *event_resumed(const struct event_time *time, const char *state, uint64_t match, uint32_t n, const char *token)
{
    struct payload *text = begin(time, "resumed", "Welcome back.", 160);
    append_text(&text, ",\"data\":{\"state\":\"");
    append_text(&text, state);
    append_text(&text, "\"");
    if (match != 0) {
        char id[MATCH_ID_TEXT];
        match_id_print(id, match);
        append_text(&text, ",\"match_id\":\"");
        append_text(&text, id);
        append_text(&text, "\"");
    }
    append_number(&text, ",\"n\":", n);
    append_text(&text, ",\"token\":\"");
    append_text(&text, token);
    append_text(&text, "\"}");
    return end(text);
}

struct payload *event_ack(const struct event_time *time, uint32_t n)
{
    struct payload *text = begin(time, "ack", "So far your messages were delivered.", 48);
    append_number(&text, ",\"data\":{\"n\":", n);
    append_text(&text, "}");
    return end(text);
}

void event_number(struct payload **event, uint32_t seq)
{
    struct payload *next = (*event)->next;
    (*event)->length--; /* the brace that closes the object */
    append_number(event, ",\"seq\":", seq);
    append_text(event, "}");
    (*event)->next = next;
}

struct payload *event_success(const struct event_time *time, const char *description)
{
    return end(begin(time, "success", description, 0));
}

struct payload *event_no_match(const struct event_time *time)
{
    return end(begin(time, "no_match", "Nobody yet; the search goes on.", 0));
}

struct payload *event_success_matched(const struct event_time *time, enum match_role role, uint64_t match,
                                      const uint8_t *topics, size_t topics_length)
{
    char id[MATCH_ID_TEXT];
    match_id_print(id, match);
    struct payload *text = begin(time, "success_matched", "You have a partner.", 128 + 2 * topics_length);
    append_text(&text, role == MATCH_CALLER ? ",\"data\":{\"role\":\"caller\",\"match_id\":\""
                                            : ",\"data\":{\"role\":\"callee\",\"match_id\":\"");
    append_text(&text, id);
    append_text(&text, "\",\"common_interests\":[");
    size_t cursor = 0;
    const char *separator = "";
    const char *topic;
    while ((topic = interests_next(topics, topics_length, &cursor)) != NULL) {
        append_text(&text, separator);
        append_json_string(&text, topic);
        separator = ",";
    }
    append_text(&text, "]}");
    return end(text);
}

struct payload *event_chat_message(const struct event_time *time, const json_t *message)
{
    size_t expected = json_string_length(message) + json_string_length(message) / 8 + 2;
    struct payload *text = begin(time, "chat_message", "Your partner wrote.", 32 + expected);
    append_text(&text, ",\"data\":{\"message\":");
    append_json(&text, message, expected);
    append_text(&text, "}");
    return end(text);
}

static unsigned char *put(unsigned char *to, const void *bytes, size_t length)
{
    memcpy(to, bytes, length);
    return to + length;
}

struct payload *event_chat_text(const struct event_time *time, const struct chat_text *message)
{
    static const char head[] = "{\"type\":\"chat_message\",\"description\":\"Your partner wrote.\",\"timestamp\":\"";
    static const char middle[] = "\",\"data\":{\"message\":\"";
    static const char tail[] = "\"}}";
    const size_t length = sizeof head + sizeof time->text + sizeof middle + message->length + sizeof tail - 4; /* without the NULs */
    struct payload *text = payload_new(length);
    unsigned char *at = put(text->bytes, head, sizeof head - 1);
    at = put(at, time->text, sizeof time->text - 1);
    at = put(at, middle, sizeof middle - 1);
    at = put(at, message->bytes, message->length);
    put(at, tail, sizeof tail - 1);
    text->length = (uint32_t)length;
    return text;
}

struct bounded_text {
    struct payload *text;
    size_t bytes_max;
};

/* json_dump_callback_t. */
static int append_bounded(const char *bytes, size_t length, void *user_data)
{
    struct bounded_text *bounded = user_data;
    if (bounded->text->length + length > bounded->bytes_max)
        return -1;
    payload_append(&bounded->text, bytes, length);
    return 0;
}

struct payload *event_webrtc_signal(const struct event_time *time, const json_t *data, size_t bytes_max)
{
    struct bounded_text bounded = { .text = begin(time, "webrtc_signal", "Your partner signals.", 512), .bytes_max = bytes_max - 1 };
    append_text(&bounded.text, ",\"data\":");
    if (json_dump_callback(data, append_bounded, &bounded, JSON_COMPACT) != 0) {
        payload_free(&bounded.text);
        return NULL;
    }
    return end(bounded.text);
}

struct payload *event_typing(const struct event_time *time, bool is_active)
{
    struct payload *text = begin(time, "typing", "Your partner is typing, or has stopped.", 32);
    append_text(&text, is_active ? ",\"data\":{\"active\":true}" : ",\"data\":{\"active\":false}");
    return end(text);
}

static struct payload *event_of_match(const struct event_time *time, const char *type, const char *description, uint64_t match, const char *more)
{
    char id[MATCH_ID_TEXT];
    match_id_print(id, match);
    struct payload *text = begin(time, type, description, 80);
    append_text(&text, ",\"data\":{\"match_id\":\"");
    append_text(&text, id);
    append_text(&text, "\"");
    append_text(&text, more);
    append_text(&text, "}");
    return end(text);
}

struct payload *event_partner_left_chat(const struct event_time *time, uint64_t match)
{
    return event_of_match(time, "partner_left_chat", "Your partner has left.", match, "");
}

struct payload *event_partner_no_show(const struct event_time *time, uint64_t match)
{
    return event_of_match(time, "partner_left_chat", "Your partner did not come; the search goes on.", match, ",\"no_show\":true");
}

struct payload *event_partner_away(const struct event_time *time, uint64_t match)
{
    return event_of_match(time, "partner_away", "Your partner's connection is gone; it may come back.", match, "");
}

struct payload *event_partner_back(const struct event_time *time, uint64_t match)
{
    return event_of_match(time, "partner_back", "Your partner is back.", match, "");
}

struct payload *event_error(const struct event_time *time, enum error_code code, const char *request)
{
    struct payload *text = begin(time, "error", errors[code].description, 160);
    append_text(&text, ",\"data\":{\"code\":\"");
    append_text(&text, errors[code].wire);
    append_text(&text, "\"");
    if (request != NULL && strlen(request) <= REQUEST_NAME_MAX) {
        append_text(&text, ",\"request\":");
        append_json_string(&text, request);
    }
    append_text(&text, "}");
    return end(text);
}

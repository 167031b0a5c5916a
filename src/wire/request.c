#include "wire/request.h"

#include <string.h>

#include "wire/visible.h"

enum request_data { NO_DATA, INTERESTS, MESSAGE, OBJECT, FALLBACK, ACTIVE, REASON };

static const struct {
    const char *wire;
    enum request_data data;
} catalogue[REQUEST_TYPES] = {
#define REQUEST(name, wire_name, data_kind) [REQUEST_##name] = { wire_name, data_kind },
#include "wire/request.def"
#undef REQUEST
};

static enum request_type find_type(const char *name)
{
    for (enum request_type type = REQUEST_UNKNOWN + 1; type < REQUEST_TYPES; type++) {
        if (strcmp(catalogue[type].wire, name) == 0)
            return type;
    }
    return REQUEST_UNKNOWN;
}

static enum error_code parse_interests(struct request *request, const json_t *list)
{
    if (!json_is_array(list))
        return ERROR_INVALID_REQUEST;
    size_t index;
    json_t *topic;
    json_array_foreach(list, index, topic) {
        if (!json_is_string(topic))
            return ERROR_INVALID_REQUEST;
    }
    /* Ten is the limit on what is sent, not on what is left of it: the work done for one request stays bounded. */
    if (json_array_size(list) > INTERESTS_MAX)
        return ERROR_INVALID_INTERESTS;
    json_array_foreach(list, index, topic) {
        if (interests_add(&request->interests, json_string_value(topic), json_string_length(topic)) != INTERESTS_OK)
            return ERROR_INVALID_INTERESTS;
    }
    return request->interests.count > 0 ? ERROR_NONE : ERROR_INVALID_INTERESTS;
}

/* The text is valid UTF-8, since jansson accepts nothing else: count what is not a continuation byte. */
static size_t count_codepoints(const char *utf8, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)utf8[i] & 0xC0) != 0x80;
    return count;
}

/* A missing wish is the wish for nobody but who shares an interest. */
static enum error_code parse_fallback(struct request *request, const json_t *wish)
{
    if (wish == NULL || json_is_null(wish))
        return ERROR_NONE;
    json_int_t milliseconds = json_integer_value(wish);
    if (!json_is_integer(wish) || milliseconds < FALLBACK_NEVER || milliseconds > FALLBACK_MS_MAX)
        return ERROR_INVALID_REQUEST;
    request->fallback_ms = (int32_t)milliseconds;
    return ERROR_NONE;
}

static enum report_reason find_reason(const char *name)
{
    static const char *const reasons[REPORT_REASONS] = {
#define REPORT_REASON(name, wire_name) [REPORT_REASON_##name] = wire_name,
#include "wire/report_reason.def"
#undef REPORT_REASON
    };
    for (enum report_reason reason = REPORT_REASON_NONE + 1; name != NULL && reason < REPORT_REASONS; reason++) {
        if (strcmp(reasons[reason], name) == 0)
            return reason;
    }
    return REPORT_REASON_NONE;
}

static enum error_code parse_data(struct request *request, json_t *data)
{
    /* `"data": null` is what some clients write for "none". */
    if (json_is_null(data))
        data = NULL;
    if (data != NULL && !json_is_object(data))
        return ERROR_INVALID_REQUEST;

    switch (catalogue[request->type].data) {
    case NO_DATA:
        return ERROR_NONE;
    case INTERESTS:
        return parse_interests(request, json_object_get(data, "interests"));
    case MESSAGE:
        request->data = json_object_get(data, "message");
        if (!json_is_string(request->data))
            return ERROR_INVALID_REQUEST;
        request->codepoints = count_codepoints(json_string_value(request->data), json_string_length(request->data));
        return ERROR_NONE;
    case OBJECT:
        request->data = data;
        return data != NULL ? ERROR_NONE : ERROR_INVALID_REQUEST;
    case FALLBACK:
        return parse_fallback(request, json_object_get(data, "fallback_after_ms"));
    case ACTIVE:
        request->is_active = json_is_true(json_object_get(data, "active"));
        return json_is_boolean(json_object_get(data, "active")) ? ERROR_NONE : ERROR_INVALID_REQUEST;
    case REASON:
        request->reason = find_reason(json_string_value(json_object_get(data, "reason")));
        return request->reason != REPORT_REASON_NONE ? ERROR_NONE : ERROR_INVALID_REQUEST;
    }
    return ERROR_INVALID_REQUEST;
}

/* Returns false if it is there and no whole number of at least so much. */
static bool parse_count(uint32_t *count, const json_t *number, uint32_t least)
{
    if (number == NULL)
        return true;
    const json_int_t value = json_integer_value(number);
    if (!json_is_integer(number) || value < (json_int_t)least || value > UINT32_MAX)
        return false;
    *count = (uint32_t)value;
    return true;
}

/* What stands beside type and data, in any request. */
static void parse_numbers(struct request *request)
{
    const bool has_good_n = parse_count(&request->n, json_object_get(request->root, "n"), 1);
    const bool has_good_ack = parse_count(&request->ack, json_object_get(request->root, "ack"), 0);
    request->has_bad_count = !has_good_n || !has_good_ack;
    request->is_echo = json_is_true(json_object_get(request->root, "echo"));
}

enum error_code request_parse(struct request *request, const void *utf8, size_t length)
{
    request->type = REQUEST_UNKNOWN;
    request->type_name = NULL;
    request->data = NULL;
    request->text = (struct chat_text){ 0 };
    request->root = NULL;
    request->codepoints = 0;
    request->fallback_ms = FALLBACK_NEVER;
    request->reason = REPORT_REASON_NONE;
    request->is_active = request->is_echo = request->has_bad_count = false;
    request->n = request->ack = 0;
    interests_init(&request->interests);

    const enum chat_text_verdict verdict = chat_text_find(&request->text, utf8, length);
    if (verdict != CHAT_TEXT_NONE) {
        request->type = REQUEST_CHAT_MESSAGE;
        request->type_name = catalogue[REQUEST_CHAT_MESSAGE].wire;
        request->codepoints = request->text.codepoints;
        request->n = request->text.n;
        request->ack = request->text.ack;
        request->has_bad_count = request->text.has_bad_count;
        return verdict == CHAT_TEXT_FOUND ? ERROR_NONE : ERROR_INVALID_JSON;
    }

    /* DECODE_ANY: `5` is valid JSON, and only then not a request. */
    json_error_t error;
    request->root = json_loadb(utf8, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (request->root == NULL)
        return ERROR_INVALID_JSON;
    if (!json_is_object(request->root))
        return ERROR_INVALID_REQUEST;
    parse_numbers(request);
    request->type_name = json_string_value(json_object_get(request->root, "type"));
    if (request->type_name == NULL)
        return ERROR_INVALID_REQUEST;
    request->type = find_type(request->type_name);
    if (request->type == REQUEST_UNKNOWN)
        return ERROR_UNKNOWN_TYPE;
    return parse_data(request, json_object_get(request->root, "data"));
}

bool request_has_visible_text(const struct request *request)
{
    if (request->text.bytes != NULL)
        return json_text_is_visible(request->text.bytes, request->text.length);
    return text_is_visible(json_string_value(request->data), json_string_length(request->data));
}

void request_fini(struct request *request)
{
    json_decref(request->root);
    request->root = NULL;
    request->data = NULL;
    request->type_name = NULL;
}

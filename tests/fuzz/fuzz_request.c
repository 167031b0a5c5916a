/* The JSON of a request: parsed or refused; and the text that chat_text.h finds is what jansson finds. */
#include <jansson.h>
#include <utf8proc.h>

#include "fuzz/fuzz.h"
#include "runtime/payload.h"
#include "wire/request.h"

static size_t count_codepoints(const uint8_t *utf8, size_t length)
{
    size_t count = 0;
    for (size_t at = 0; at < length; count++) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t step = utf8proc_iterate(utf8 + at, (utf8proc_ssize_t)(length - at), &codepoint);
        if (step <= 0)
            return SIZE_MAX;
        at += (size_t)step;
    }
    return count;
}

/* The string that stands in the JSON as these bytes. */
static json_t *unescape(const struct chat_text *text)
{
    struct payload *quoted = payload_new(text->length + 2);
    payload_append(&quoted, "\"", 1);
    payload_append(&quoted, text->bytes, text->length);
    payload_append(&quoted, "\"", 1);
    json_t *string = json_loadb((const char *)quoted->bytes, quoted->length, JSON_DECODE_ANY, NULL);
    payload_free(&quoted);
    CHECK(json_is_string(string));
    return string;
}

/* jansson's word is what counts. */
static void check_chat_text(const uint8_t *data, size_t size)
{
    struct chat_text text;
    const enum chat_text_verdict verdict = chat_text_find(&text, data, size);
    if (verdict == CHAT_TEXT_NONE)
        return;
    json_t *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (verdict == CHAT_TEXT_INVALID) {
        CHECK(root == NULL);
        return;
    }
    CHECK(strcmp(json_string_value(json_object_get(root, "type")), "chat_message") == 0);
    json_t *found = unescape(&text);
    CHECK(json_equal(found, json_object_get(json_object_get(root, "data"), "message")));
    CHECK(count_codepoints((const uint8_t *)json_string_value(found), json_string_length(found)) == text.codepoints);
    const json_t *n = json_object_get(root, "n"), *ack = json_object_get(root, "ack");
    const bool has_n = json_is_integer(n) && json_integer_value(n) >= 1 && json_integer_value(n) <= UINT32_MAX;
    const bool has_ack = json_is_integer(ack) && json_integer_value(ack) >= 0 && json_integer_value(ack) <= UINT32_MAX;
    CHECK(text.n == (has_n ? json_integer_value(n) : 0) && text.ack == (has_ack ? json_integer_value(ack) : 0));
    CHECK(text.has_bad_count == ((n != NULL && !has_n) || (ack != NULL && !has_ack)));
    json_decref(found);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (count_codepoints(data, size) == SIZE_MAX) /* reader.c lets none through */
        return 0;
    check_chat_text(data, size);

    struct request request;
    enum error_code error = request_parse(&request, data, size);
    CHECK(error != ERROR_NONE || (request.type != REQUEST_UNKNOWN && request.type < REQUEST_TYPES));
    if (error == ERROR_NONE && request.type == REQUEST_SUBMIT_INTERESTS)
        CHECK(request.interests.count >= 1 && request.interests.count <= INTERESTS_MAX);
    if (error == ERROR_NONE && request.type == REQUEST_CHAT_MESSAGE)
        CHECK(request.text.bytes != NULL || json_is_string(request.data));
    request_fini(&request);
    return 0;
}

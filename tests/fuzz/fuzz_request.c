/* The JSON of a request: parsed or refused; and what plain_text.h recognises is what jansson parses. */
#include <jansson.h>
#include <utf8proc.h>

#include "fuzz/fuzz.h"
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

static void check_plain(const struct plain_text *plain, const uint8_t *data, size_t size)
{
    json_t *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    CHECK(json_object_size(root) == 2);
    CHECK(strcmp(json_string_value(json_object_get(root, "type")), "chat_message") == 0);
    const json_t *message = json_object_get(json_object_get(root, "data"), "message");
    CHECK(json_string_length(message) == plain->length);
    CHECK(memcmp(json_string_value(message), plain->bytes, plain->length) == 0);
    CHECK(count_codepoints((const uint8_t *)plain->bytes, plain->length) == plain->codepoints);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (count_codepoints(data, size) == SIZE_MAX) /* reader.c lets none through */
        return 0;
    struct plain_text plain;
    if (plain_text_find(&plain, data, size))
        check_plain(&plain, data, size);

    struct request request;
    enum error_code error = request_parse(&request, data, size);
    CHECK(error != ERROR_NONE || (request.type != REQUEST_UNKNOWN && request.type < REQUEST_TYPES));
    if (error == ERROR_NONE && request.type == REQUEST_SUBMIT_INTERESTS)
        CHECK(request.interests.count >= 1 && request.interests.count <= INTERESTS_MAX);
    if (error == ERROR_NONE && request.type == REQUEST_CHAT_MESSAGE)
        CHECK(request.plain.bytes != NULL || json_is_string(request.data));
    request_fini(&request);
    return 0;
}

/* Interests, one a line: what comes out is short, holds no NUL, is there once, and stays as it is when it is normalised again, which
 * replies.c does with what comes back from Redis. */
#include "fuzz/fuzz.h"
#include "wire/interests.h"

static void check_stable(const struct interests *interests)
{
    struct interests again;
    interests_init(&again);
    size_t cursor = 0, count = 0;
    const char *topic;
    while ((topic = interests_next((const uint8_t *)interests->bytes, interests->length, &cursor)) != NULL) {
        size_t length = strlen(topic);
        CHECK(length > 0 && length <= TOPIC_BYTES_MAX);
        CHECK(interests_add(&again, topic, length) == INTERESTS_OK);
        CHECK(again.count == ++count);
    }
    CHECK(count == interests->count && cursor == interests->length);
    CHECK(again.length == interests->length && memcmp(again.bytes, interests->bytes, again.length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct interests interests;
    interests_init(&interests);
    size_t length;
    char *line;
    while ((line = take_line(&data, &size, &length)) != NULL) {
        struct interests before = interests;
        enum interests_error error = interests_add(&interests, line, length);
        CHECK(error == INTERESTS_OK || (before.count == interests.count && before.length == interests.length));
        CHECK(interests.count <= INTERESTS_MAX && interests.length <= sizeof interests.bytes);
        free(line);
    }
    check_stable(&interests);
    return 0;
}

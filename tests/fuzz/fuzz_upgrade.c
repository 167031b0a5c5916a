/* The upgrade request: where its head ends does not depend on how it was cut, what is parsed lies within it, and only a good one is
 * accepted. */
#include "fuzz/fuzz.h"
#include "http/handshake.h"
#include "http/reply.h"
#include "http/request.h"

static void check_inside(struct http_text text, const char *head, size_t length)
{
    CHECK(text.length == 0 || (text.bytes >= head && text.bytes + text.length <= head + length));
}

static void check_cuts(const char *bytes, size_t size, size_t head_length)
{
    uint32_t random = (uint32_t)size;
    for (size_t before = 0, at = 0; at < size; before = at) {
        at += 1 + next_random(&random) % 7;
        at = at < size ? at : size;
        size_t found = http_head_length(bytes, at, before);
        CHECK(found == 0 || found == head_length);
        if (found != 0)
            return;
    }
    CHECK(head_length == 0);
}

static bool is_same(const struct token *a, const struct token *b)
{
    return a->home == b->home && address_equals(a->actor, b->actor) && memcmp(a->secret, b->secret, sizeof a->secret) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    size_t length = http_head_length(bytes, size, 0);
    CHECK(length <= size);
    check_cuts(bytes, size, length);
    if (length == 0)
        return 0;

    char *head = malloc(length); /* not a byte more */
    CHECK_MEMORY(head);
    memcpy(head, bytes, length);
    struct http_request request;
    struct handshake handshake;
    int status = http_request_parse(&request, head, length);
    CHECK(status == 0 || status == 400 || status == 431);
    if (status == 0) {
        check_inside(request.path, head, length);
        check_inside(request.query, head, length);
        check_inside(request.host, head, length);
        check_inside(request.key, head, length);
        check_inside(request.version, head, length);
        check_inside(request.origin, head, length);
        for (unsigned i = 0; i < request.forwarded_fors; i++)
            check_inside(request.forwarded_for[i], head, length);
        (void)http_route_find(request.path);
        bool is_own_page = handshake_check(&request, "", &handshake) == REFUSAL_NONE;
        const enum refusal refusal = handshake_check(&request, "*", &handshake);
        CHECK(!is_own_page || refusal == REFUSAL_NONE);
        if (refusal == REFUSAL_NONE) {
            CHECK(strlen(handshake.accept) == 28 && request.is_get && request.key.length == 24);
            CHECK(!handshake.has_bad_id || request.query.length > 0);
            check_inside(handshake.device, head, length);
            const struct token nobody = { .home = 0 };
            char text[TOKEN_DIGITS + 1];
            struct token again;
            token_print(text, &handshake.resume.token);
            CHECK(token_read(&again, text, TOKEN_DIGITS) && is_same(&again, &handshake.resume.token));
            CHECK(handshake.resume.is_back || is_same(&handshake.resume.token, &nobody));
            CHECK(handshake.has_resume || !handshake.resume.is_back);
        }
    }
    free(head);
    return 0;
}

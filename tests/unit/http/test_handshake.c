/* RFC 6455, section 4.2: which requests are upgraded, and the proof. */
#include "unit/unit.h"

#include <stdio.h>

#include "http/handshake.h"

static const struct http_request good = {
    .is_get = true,
    .is_http_1_1 = true,
    .hosts = 1,
    .host = { "chat.example:8000", 17 },
    .has_upgrade_websocket = true,
    .has_connection_upgrade = true,
    .keys = 1,
    .versions = 1,
    .key = { "dGhlIHNhbXBsZSBub25jZQ==", 24 },
    .version = { "13", 2 },
};

static struct handshake handshake;

static int check(struct http_request request)
{
    const enum refusal refusal = handshake_check(&request, "https://friend.example", &handshake);
    return refusal == REFUSAL_NONE ? 101 : refusal_row(refusal)->status;
}

static void the_example_of_the_rfc(void **state)
{
    (void)state;
    assert_int_equal(check(good), 101);
    assert_string_equal(handshake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_false(handshake.has_bad_id);
}

static void each_condition_counts(void **state)
{
    (void)state;
#define EXPECT(status, change)              \
    do {                                    \
        struct http_request request = good; \
        request.change;                     \
        assert_int_equal(check(request), status); \
    } while (0)
    EXPECT(405, is_get = false);
    EXPECT(426, has_upgrade_websocket = false);
    EXPECT(400, is_http_1_1 = false);
    EXPECT(400, hosts = 0);
    EXPECT(400, hosts = 2);
    EXPECT(400, host.length = 0);
    EXPECT(400, has_connection_upgrade = false);
    EXPECT(400, has_body = true);
    EXPECT(400, keys = 0);
    EXPECT(400, keys = 2);
    EXPECT(400, versions = 0);
    EXPECT(426, version = ((struct http_text){ "8", 1 }));
    EXPECT(426, version = ((struct http_text){ "013", 3 }));
    EXPECT(403, origins = 2);
}

static void a_key_is_sixteen_bytes(void **state)
{
    (void)state;
    static const char *const keys[] = { "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25jZQAA",
                                        "dGhlIHNhbXBsZSBub2*jZQ==", "", "dGhlIHNhbXBsZSBub25jZQ==x" };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        EXPECT(400, key = ((struct http_text){ keys[i], strlen(keys[i]) }));
}

static void pages_of_other_origins_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *origin;
        int status;
    } examples[] = { { "http://chat.example:8000", 101 }, { "https://friend.example", 101 }, { "http://evil.example:8000", 403 },
                     { "null", 403 },                     { "", 403 } };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct http_request request = good;
        request.origins = 1;
        request.origin = (struct http_text){ examples[i].origin, strlen(examples[i].origin) };
        assert_int_equal(check(request), examples[i].status);
        request.origins = 2;
        assert_int_equal(check(request), 403);
    }
}

static void a_device_id_is_64_hexadecimal_digits(void **state)
{
    (void)state;
    char query[80] = "id=";
    memset(query + 3, 'a', 64);
    struct http_request request = good;
    for (size_t length = 0; length <= 66; length++) {
        query[3 + 64] = query[3 + 65] = 'b';
        request.query = (struct http_text){ query, 3 + length };
        assert_int_equal(check(request), 101);
        assert_int_equal(handshake.has_bad_id, length != 64);
    }
    query[40] = 'g';
    request.query = (struct http_text){ query, 3 + 64 };
    assert_int_equal(check(request), 101);
    assert_true(handshake.has_bad_id);
}

static void who_wants_to_come_back_says_so(void **state)
{
    (void)state;
    char token[TOKEN_DIGITS + 1];
    struct token shown = { .home = 6, .actor = { .generation = 3, .thread = 4, .slot = 5 }, .secret = { 9, 8, 7 } };
    token_print(token, &shown);
    static const struct {
        const char *before, *after; /* the token */
        bool has_resume, is_back, is_good;
        uint32_t seq;
    } examples[] = {
        { "id=x", NULL, false, false, false, 0 },
        { "resume=new", NULL, true, false, false, 0 },
        { "x=1&resume=new&seq=7", NULL, true, false, false, 0 },
        { "resume=", "&seq=12", true, true, true, 12 },
        { "seq=4294967295&resume=", "", true, true, true, UINT32_MAX },
        { "resume=", "", true, true, true, 0 },
        { "resume=", "&seq=", true, true, true, 0 },
        { "resume=", "&seq=4294967296", true, true, false, 0 },
        { "resume=", "&seq=99999999999999999999999", true, true, false, 0 },
        { "resume=", "&seq=-1", true, true, false, 0 },
        { "resume=", "&seq=0x1", true, true, false, 0 },
        { "resume=", "A&seq=1", true, true, false, 0 },
        { "resume=x&seq=1", NULL, true, true, false, 0 },
        { "resume", NULL, true, true, false, 0 },
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char query[200];
        snprintf(query, sizeof query, "%s%s%s", examples[i].before, examples[i].after != NULL ? token : "",
                 examples[i].after != NULL ? examples[i].after : "");
        struct http_request request = good;
        request.query = (struct http_text){ query, strlen(query) };
        assert_int_equal(check(request), 101);
        assert_int_equal(handshake.has_resume, examples[i].has_resume);
        assert_int_equal(handshake.resume.is_back, examples[i].is_back);
        assert_int_equal(handshake.resume.seq, examples[i].seq);
        const struct token nobody = { .home = 0 }, *expected = examples[i].is_good ? &shown : &nobody;
        assert_int_equal(handshake.resume.token.home, expected->home);
        assert_true(address_equals(handshake.resume.token.actor, expected->actor));
        assert_memory_equal(handshake.resume.token.secret, expected->secret, TOKEN_SECRET_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc),
        cmocka_unit_test(each_condition_counts),
        cmocka_unit_test(a_key_is_sixteen_bytes),
        cmocka_unit_test(pages_of_other_origins_are_refused),
        cmocka_unit_test(a_device_id_is_64_hexadecimal_digits),
        cmocka_unit_test(who_wants_to_come_back_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

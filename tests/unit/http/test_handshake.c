/* RFC 6455, section 4.2: which requests are upgraded, and the proof. */
#include "unit/unit.h"

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
    return handshake_check(&request, "https://friend.example", &handshake);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc),
        cmocka_unit_test(each_condition_counts),
        cmocka_unit_test(a_key_is_sixteen_bytes),
        cmocka_unit_test(pages_of_other_origins_are_refused),
        cmocka_unit_test(a_device_id_is_64_hexadecimal_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

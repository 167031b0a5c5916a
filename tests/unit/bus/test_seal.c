/* Secrets from files, keys from secrets, and what a seal does not let through. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/seal.h"

enum { SOURCE = 77, LIFE = 3, NUMBER = 12 };

static char folder[] = "/tmp/test_seal_XXXXXX";

static const char *file_of(const char *name, const char *content, size_t length)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const char one[] = "0123456789abcdef0123456789abcdef", other[] = "another 32 bytes that nobody knows";

static void one_file_or_two(void **state)
{
    (void)state;
    struct seal_secrets secrets, both;
    char error[SEAL_ERROR_BYTES], paths[160];
    assert_true(seal_secrets_load(&secrets, file_of("one", one, 32), error));
    assert_int_equal(secrets.count, 1);
    file_of("other", other, sizeof other);
    snprintf(paths, sizeof paths, "%s/other,%s/one", folder, folder);
    assert_true(seal_secrets_load(&both, paths, error));
    assert_int_equal(both.count, 2);
    assert_memory_equal(both.secret[1], secrets.secret[0], SEAL_SECRET_BYTES);
    assert_memory_not_equal(both.secret[0], both.secret[1], SEAL_SECRET_BYTES);
    seal_secrets_wipe(&both);
    assert_int_equal(both.count, 0);
}

static void what_is_no_secret_is_refused_in_one_line(void **state)
{
    (void)state;
    struct seal_secrets secrets = { .count = 9 };
    char error[SEAL_ERROR_BYTES], paths[160];
    assert_false(seal_secrets_load(&secrets, file_of("short", one, 31), error));
    assert_non_null(strstr(error, "--cluster-secret-file"));
    assert_non_null(strstr(error, "expected a file of 32 to 4096 random bytes"));
    assert_null(strchr(error, '\n'));
    assert_null(strstr(error, "0123456789abcdef"));
    assert_false(seal_secrets_load(&secrets, "/nowhere", error));
    assert_non_null(strstr(error, "/nowhere: No such file"));
    snprintf(paths, sizeof paths, "%s/one,", folder);
    assert_false(seal_secrets_load(&secrets, paths, error));
    assert_false(seal_secrets_load(&secrets, ",", error));
    assert_int_equal(secrets.count, 9); /* left alone */
}

static struct seal *key(const char *secret, uint64_t source, uint64_t life)
{
    uint8_t bytes[SEAL_SECRET_BYTES];
    memcpy(bytes, secret, sizeof bytes);
    return seal_new(bytes, source, life);
}

static bool opens(const char *secret, uint64_t source, uint64_t life, uint64_t number, const char *clear, const uint8_t *sealed, size_t length,
                  const uint8_t *tag)
{
    uint8_t bytes[64];
    memcpy(bytes, sealed, length);
    struct seal *seal = key(secret, source, life);
    bool is_open = seal_open(seal, number, clear, strlen(clear), bytes, length, tag);
    seal_free(&seal);
    assert_null(seal);
    return is_open && memcmp(bytes, "a canary", length) == 0;
}

static void only_the_same_of_everything_opens(void **state)
{
    (void)state;
    uint8_t bytes[8], tag[SEAL_TAG_BYTES];
    memcpy(bytes, "a canary", sizeof bytes);
    struct seal *seal = key(one, SOURCE, LIFE);
    seal_close(seal, NUMBER, "head", 4, bytes, sizeof bytes, tag);
    assert_memory_not_equal(bytes, "a canary", sizeof bytes);
    assert_true(opens(one, SOURCE, LIFE, NUMBER, "head", bytes, sizeof bytes, tag));
    assert_false(opens(other, SOURCE, LIFE, NUMBER, "head", bytes, sizeof bytes, tag));
    assert_false(opens(one, SOURCE + 1, LIFE, NUMBER, "head", bytes, sizeof bytes, tag));
    assert_false(opens(one, SOURCE, LIFE + 1, NUMBER, "head", bytes, sizeof bytes, tag));
    assert_false(opens(one, SOURCE, LIFE, NUMBER + 1, "head", bytes, sizeof bytes, tag));
    assert_false(opens(one, SOURCE, LIFE, NUMBER, "Head", bytes, sizeof bytes, tag));
    assert_false(opens(one, SOURCE, LIFE, NUMBER, "head", bytes, sizeof bytes - 1, tag));
    tag[15] ^= 1;
    assert_false(opens(one, SOURCE, LIFE, NUMBER, "head", bytes, sizeof bytes, tag));
    seal_free(&seal);
}

static void a_number_makes_another_text_of_it(void **state)
{
    (void)state;
    uint8_t first[8] = "the same", second[8] = "the same", tag[SEAL_TAG_BYTES];
    struct seal *seal = key(one, SOURCE, LIFE);
    seal_close(seal, 1, "", 0, first, sizeof first, tag);
    seal_close(seal, 2, "", 0, second, sizeof second, tag);
    assert_memory_not_equal(first, second, sizeof first);
    assert_true(seal_open(seal, 1, "", 0, first, sizeof first, tag) == false); /* the tag of the second */
    assert_true(seal_open(seal, 2, "", 0, second, sizeof second, tag));
    assert_memory_equal(second, "the same", sizeof second);
    seal_free(&seal);
}

/* The derivation is a contract between nodes of different versions: this is what Python's cryptography makes of it. */
static void keys_are_what_they_always_were(void **state)
{
    (void)state;
    static const uint8_t expected[] = { 0xda, 0x79, 0x8e, 0x99, 0x1f, 0x12, 0x98, 0x08, 0xeb, 0x2c, 0x04, 0x91,
                                        0x76, 0x95, 0xe9, 0x95, 0xb7, 0xac, 0x6a, 0x0b, 0xb6, 0xf2, 0x85, 0xe9 };
    uint8_t bytes[8] = "canaries", tag[SEAL_TAG_BYTES];
    struct seal *seal = key(one, 0x0123456789abcdef, 1);
    seal_close(seal, 1, "clear", 5, bytes, sizeof bytes, tag);
    assert_memory_equal(bytes, expected, sizeof bytes);
    assert_memory_equal(tag, expected + sizeof bytes, sizeof tag);
    seal_free(&seal);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = { "one", "other", "short" };
    char path[64];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file_or_two),
        cmocka_unit_test(what_is_no_secret_is_refused_in_one_line),
        cmocka_unit_test(only_the_same_of_everything_opens),
        cmocka_unit_test(a_number_makes_another_text_of_it),
        cmocka_unit_test(keys_are_what_they_always_were),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* Whom a connection belongs to: alike for alike, and nothing that leads back. */
#include "unit/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admission/identity.h"

static const char device[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static struct identity_key key;

static int set_up(void **state)
{
    (void)state;
    char error[IDENTITY_ERROR_BYTES];
    assert_true(identity_key_load(&key, "", error));
    return 0;
}

static struct identity of(const char *address, const char *id)
{
    struct in6_addr parsed;
    assert_int_equal(inet_pton(AF_INET6, address, &parsed), 1);
    struct identity identity;
    identity_make(&identity, &key, parsed.s6_addr, (struct http_text){ id, strlen(id) });
    return identity;
}

static bool is_unknown(const uint8_t hash[HASH_BYTES])
{
    static const uint8_t none[HASH_BYTES];
    return memcmp(hash, none, HASH_BYTES) == 0;
}

static bool is_same_address(const char *a, const char *b)
{
    struct identity one = of(a, ""), other = of(b, "");
    return memcmp(one.address, other.address, HASH_BYTES) == 0;
}

static void loopback_and_no_device_are_unknown(void **state)
{
    (void)state;
    assert_true(is_unknown(of("::ffff:127.0.0.1", "").address));
    assert_true(is_unknown(of("::ffff:127.9.9.9", "").address));
    assert_true(is_unknown(of("::1", "").address));
    assert_true(is_unknown(of("::1", "").device));
    assert_false(is_unknown(of("::ffff:203.0.113.5", "").address));
    assert_false(is_unknown(of("::1", device).device));
}

static void ipv4_counts_whole_and_ipv6_by_its_network(void **state)
{
    (void)state;
    assert_true(is_same_address("::ffff:203.0.113.5", "::ffff:203.0.113.5"));
    assert_false(is_same_address("::ffff:203.0.113.5", "::ffff:203.0.113.6"));
    assert_true(is_same_address("2001:db8:1:2::3", "2001:db8:1:2:ffff::9"));
    assert_false(is_same_address("2001:db8:1:2::3", "2001:db8:1:3::3"));
}

static void a_device_id_is_the_same_in_upper_case(void **state)
{
    (void)state;
    char upper[sizeof device];
    for (size_t i = 0; i < sizeof device; i++)
        upper[i] = device[i] >= 'a' && device[i] <= 'f' ? (char)(device[i] - 'a' + 'A') : device[i];
    struct identity one = of("::1", device), other = of("::1", upper);
    assert_memory_equal(&one, &other, sizeof one);
}

static void another_key_makes_other_hashes(void **state)
{
    (void)state;
    struct identity before = of("::ffff:203.0.113.5", device);
    set_up(NULL);
    struct identity after = of("::ffff:203.0.113.5", device);
    assert_memory_not_equal(before.device, after.device, HASH_BYTES);
    assert_memory_not_equal(before.address, after.address, HASH_BYTES);
}

static void a_secret_file_makes_the_same_key_again(void **state)
{
    (void)state;
    char path[] = "/tmp/chatterbox-secret-XXXXXX", error[IDENTITY_ERROR_BYTES] = "";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "fifteen bytes !", 15), 15);
    assert_false(identity_key_load(&key, path, error));
    assert_non_null(strstr(error, "expected a file of 16 to 4096 random bytes"));
    assert_int_equal(write(fd, "and more", 8), 8);
    assert_true(identity_key_load(&key, path, error));
    struct identity before = of("::ffff:203.0.113.5", device);
    assert_true(identity_key_load(&key, path, error));
    struct identity after = of("::ffff:203.0.113.5", device);
    assert_memory_equal(&before, &after, sizeof before);
    close(fd);
    unlink(path);
    assert_false(identity_key_load(&key, path, error));
    assert_non_null(strstr(error, "--secret-file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(loopback_and_no_device_are_unknown, set_up),
        cmocka_unit_test_setup(ipv4_counts_whole_and_ipv6_by_its_network, set_up),
        cmocka_unit_test_setup(a_device_id_is_the_same_in_upper_case, set_up),
        cmocka_unit_test_setup(another_key_makes_other_hashes, set_up),
        cmocka_unit_test_setup(a_secret_file_makes_the_same_key_again, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

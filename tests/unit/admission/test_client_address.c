/* Where a client is: addresses, networks, and what proxies say. */
#include "unit/unit.h"

#include <arpa/inet.h>

#include "admission/client_address.h"

static struct http_text text_of(const char *text)
{
    return (struct http_text){ text, strlen(text) };
}

static void assert_address(const uint8_t address[ADDRESS_BYTES], const char *expected)
{
    char text[INET6_ADDRSTRLEN];
    assert_string_equal(inet_ntop(AF_INET6, address, text, sizeof text), expected);
}

static void addresses_in_each_form(void **state)
{
    (void)state;
    static const char *const forms[][2] = {
        { "203.0.113.7", "::ffff:203.0.113.7" },
        { "203.0.113.7:4711", "::ffff:203.0.113.7" },
        { "::ffff:203.0.113.7", "::ffff:203.0.113.7" },
        { "[::ffff:203.0.113.7]:1", "::ffff:203.0.113.7" },
        { "2001:DB8::1", "2001:db8::1" },
        { "[2001:db8::1]", "2001:db8::1" },
        { "[2001:db8::1]:65535", "2001:db8::1" },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6" },
        { "\"[2001:db8::1]:4711\"", "2001:db8::1" },
        { "\"203.0.113.7\"", "::ffff:203.0.113.7" },
        { "fe80::1%eth0", "fe80::1" },
        { "[fe80::1%25eth0]:80", "fe80::1" },
        { "unix:", "::ffff:127.0.0.1" },
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint8_t address[ADDRESS_BYTES];
        assert_true(client_address_parse(address, text_of(forms[i][0])));
        assert_address(address, forms[i][1]);
    }
}

static void what_is_no_address(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "", "unknown", "_hidden", "localhost", "203.0.113", "203.0.113.256", "203.0.113.7 ", "203.0.113.7:", "203.0.113.7:x",
        "203.0.113.7:123456", "0x7f.1", "1", "[203.0.113.7]", "[2001:db8::1", "[2001:db8::1]x", "[2001:db8::1]:", "2001:db8::1::2",
        "203.0.113.7%eth0", "%", "[]", ":", "203.0.113.7/32", "\"", "\"\"", "\"203.0.113.7", "unix:/run/x",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint8_t address[ADDRESS_BYTES];
        if (client_address_parse(address, text_of(forms[i])))
            fail_msg("%s", forms[i]);
    }
    uint8_t address[ADDRESS_BYTES];
    assert_false(client_address_parse(address, (struct http_text){ "203.0.113.7\0x", 13 }));
}

static void addresses_of_sockets(void **state)
{
    (void)state;
    uint8_t address[ADDRESS_BYTES];
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    inet_pton(AF_INET, "203.0.113.7", &v4.sin_addr);
    inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr);
    client_address_of_socket(address, (const struct sockaddr *)&v4);
    assert_address(address, "::ffff:203.0.113.7");
    client_address_of_socket(address, (const struct sockaddr *)&v6);
    assert_address(address, "2001:db8::7");
    client_address_of_socket(address, &(struct sockaddr){ .sa_family = AF_UNIX });
    assert_address(address, "::");
}

static void loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_loopback;
    } examples[] = { { "127.0.0.1", true }, { "127.255.0.9", true }, { "::1", true },   { "::ffff:127.0.0.1", true },
                     { "128.0.0.1", false }, { "::2", false },       { "::", false },   { "7f00::1", false } };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        uint8_t address[ADDRESS_BYTES];
        assert_true(client_address_parse(address, text_of(examples[i].text)));
        assert_int_equal(client_address_is_loopback(address), examples[i].is_loopback);
    }
}

static bool contains(const char *networks_text, const char *address_text)
{
    struct networks networks;
    char error[NETWORKS_ERROR_BYTES];
    uint8_t address[ADDRESS_BYTES];
    assert_true(networks_parse(&networks, networks_text, error));
    assert_true(client_address_parse(address, text_of(address_text)));
    return networks_contain(&networks, address);
}

static void networks(void **state)
{
    (void)state;
    assert_false(contains("", "10.0.0.1"));
    assert_true(contains("10.0.0.0/8", "10.255.255.255"));
    assert_true(contains("10.1.2.3/8", "10.255.255.255")); /* bits beyond the prefix do not count */
    assert_false(contains("10.0.0.0/8", "11.0.0.0"));
    assert_false(contains("10.0.0.0/8", "a00::1"));
    assert_true(contains("192.0.2.128/25", "192.0.2.255"));
    assert_false(contains("192.0.2.128/25", "192.0.2.127"));
    assert_true(contains("192.0.2.1", "192.0.2.1"));
    assert_false(contains("192.0.2.1", "192.0.2.0"));
    assert_true(contains("0.0.0.0/0", "203.0.113.7"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1")); /* all of IPv4, and no more */
    assert_true(contains("::/0", "203.0.113.7"));
    assert_true(contains("::ffff:10.0.0.0/104", "10.9.9.9"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::"));
    assert_false(contains("2001:db8::/33", "2001:db8:8000::"));
    assert_true(contains(" 10.0.0.0/8 , ::1", "::1"));
}

static void networks_that_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = { "localhost", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1", "10.0.0.0/8/8",
                                         "10.0.0.0/0008", ",", "10.0.0.0/8,", ",10.0.0.0/8", "10.0.0.0/8 ::1", "10/8", " " };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct networks networks = { .count = 77 };
        char error[NETWORKS_ERROR_BYTES] = "";
        if (networks_parse(&networks, texts[i], error))
            fail_msg("%s", texts[i]);
        assert_int_equal(networks.count, 77);
        assert_memory_equal(error, "--trusted-proxies ", 18);
        assert_null(strchr(error, '\n'));
    }
    char many[600] = "::1";
    for (int i = 0; i < NETWORKS_MAX; i++)
        strcat(many, ",::1");
    struct networks networks;
    char error[NETWORKS_ERROR_BYTES];
    assert_false(networks_parse(&networks, many, error));
    assert_string_equal(error, "--trusted-proxies: expected at most 32 networks");
    many[strlen(many) - 4] = '\0';
    assert_true(networks_parse(&networks, many, error));
}

/* The client of a connection from 10.0.0.1, with 10.0.0.0/8 and 2001:db8:10::/48 trusted; headers ends with NULL. "-" if it is nobody. peer_text NULL: who
 * comes by a Unix socket. */
static void assert_client(const char *const headers[], const char *peer_text, const char *expected)
{
    struct networks proxies;
    char error[NETWORKS_ERROR_BYTES];
    assert_true(networks_parse(&proxies, "10.0.0.0/8,2001:db8:10::/48", error));
    uint8_t peer[ADDRESS_BYTES], client[ADDRESS_BYTES];
    memset(client, 0xAA, sizeof client);
    client_address_of_this_machine(peer);
    if (peer_text != NULL)
        assert_true(client_address_parse(peer, text_of(peer_text)));
    struct http_text list[8];
    unsigned count = 0;
    for (; headers[count] != NULL; count++)
        list[count] = text_of(headers[count]);
    bool is_found = client_address_find(client, peer, peer_text == NULL || networks_contain(&proxies, peer), &proxies, list, count);
    assert_int_equal(is_found, expected[0] != '-');
    if (is_found)
        assert_address(client, expected);
    else
        assert_address(client, "::");
}

#define HEADERS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void private_networks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_private;
    } examples[] = { { "10.1.2.3", true },   { "172.16.0.1", true },   { "172.32.0.1", false }, { "192.168.9.9", true },    { "192.169.0.1", false }, { "169.254.1.1", true },
                     { "100.64.0.1", true }, { "100.128.0.1", false }, { "8.8.8.8", false },    { "fd00::1", true },        { "fe80::1", true },      { "fec0::1", false },
                     { "2001:db8::1", false }, { "127.0.0.1", false }, { "::ffff:10.0.0.1", true } };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        uint8_t address[ADDRESS_BYTES];
        assert_true(client_address_parse(address, text_of(examples[i].text)));
        assert_int_equal(client_address_is_private(address), examples[i].is_private);
    }
}

static void the_last_untrusted_hop_is_the_client(void **state)
{
    (void)state;
    assert_client(HEADERS("203.0.113.7"), "10.0.0.1", "::ffff:203.0.113.7");
    /* Whatever a client claims stands before what our proxies add. */
    assert_client(HEADERS("198.51.100.1, 203.0.113.7"), "10.0.0.1", "::ffff:203.0.113.7");
    assert_client(HEADERS("198.51.100.1, 203.0.113.7, 10.9.9.9"), "10.0.0.1", "::ffff:203.0.113.7");
    assert_client(HEADERS("nonsense, 10.0.0.5, 203.0.113.7 ,\t2001:db8:10::5"), "10.0.0.1", "::ffff:203.0.113.7");
    assert_client(HEADERS("2001:db8::7, 10.0.0.2"), "2001:db8:10::1", "2001:db8::7");
    assert_client(HEADERS("127.0.0.1"), "10.0.0.1", "::ffff:127.0.0.1");
}

static void several_headers_are_one_list(void **state)
{
    (void)state;
    assert_client(HEADERS("198.51.100.1", "203.0.113.7"), "10.0.0.1", "::ffff:203.0.113.7");
    assert_client(HEADERS("198.51.100.1, 203.0.113.7", "10.0.0.2,10.0.0.3"), "10.0.0.1", "::ffff:203.0.113.7");
    assert_client(HEADERS("203.0.113.7", "", " , "), "10.0.0.1", "::ffff:203.0.113.7");
}

static void nobody_else_is_believed(void **state)
{
    (void)state;
    assert_client(HEADERS("203.0.113.7"), "198.51.100.9", "::ffff:198.51.100.9");
    assert_client(HEADERS("unknown"), "198.51.100.9", "::ffff:198.51.100.9");
}

static void without_entries_the_proxy_is_the_client(void **state)
{
    (void)state;
    assert_client((const char *const[]){ NULL }, "10.0.0.1", "::ffff:10.0.0.1");
    assert_client(HEADERS(" ,, "), "10.0.0.1", "::ffff:10.0.0.1");
    assert_client(HEADERS("10.0.0.3, 10.0.0.2"), "10.0.0.1", "::ffff:10.0.0.3");
}

static void whom_a_proxy_of_ours_does_not_name_is_nobody(void **state)
{
    (void)state;
    assert_client(HEADERS("unknown"), "10.0.0.1", "-");
    assert_client(HEADERS("203.0.113.7, unknown"), "10.0.0.1", "-");
    assert_client(HEADERS("203.0.113.7, unknown, 10.0.0.2"), "10.0.0.1", "-");
    assert_client(HEADERS("203.0.113.7", "unknown"), "10.0.0.1", "-");
    assert_client(HEADERS("203.0.113.7, \"_hidden\""), "10.0.0.1", "-");
}

static void who_comes_by_a_unix_socket_is_a_proxy(void **state)
{
    (void)state;
    assert_client(HEADERS("198.51.100.1, 203.0.113.7"), NULL, "::ffff:203.0.113.7");
    assert_client(HEADERS("203.0.113.7, 10.0.0.2"), NULL, "::ffff:203.0.113.7");
    /* What has the same address is not for that a proxy, too. */
    assert_client(HEADERS("203.0.113.7, 127.0.0.1"), NULL, "::ffff:127.0.0.1");
    assert_client(HEADERS("203.0.113.7"), "127.0.0.1", "::ffff:127.0.0.1");
    assert_client((const char *const[]){ NULL }, NULL, "::ffff:127.0.0.1");
    assert_client(HEADERS("203.0.113.7, unknown"), NULL, "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_in_each_form),
        cmocka_unit_test(what_is_no_address),
        cmocka_unit_test(addresses_of_sockets),
        cmocka_unit_test(loopback),
        cmocka_unit_test(private_networks),
        cmocka_unit_test(who_comes_by_a_unix_socket_is_a_proxy),
        cmocka_unit_test(networks),
        cmocka_unit_test(networks_that_are_none),
        cmocka_unit_test(the_last_untrusted_hop_is_the_client),
        cmocka_unit_test(several_headers_are_one_list),
        cmocka_unit_test(nobody_else_is_believed),
        cmocka_unit_test(without_entries_the_proxy_is_the_client),
        cmocka_unit_test(whom_a_proxy_of_ours_does_not_name_is_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

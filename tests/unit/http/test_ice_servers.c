/* --ice-servers into what the page reads. */
#include "unit/unit.h"

#include <jansson.h>
#include <stdlib.h>

#include "http/ice_servers.h"

static char error[ICE_SERVERS_ERROR_BYTES];

static void expect(const char *list, const char *json)
{
    char *text = ice_servers_to_json(list, error);
    assert_non_null(text);
    json_t *got = json_loads(text, 0, NULL), *wanted = json_loads(json, 0, NULL);
    assert_non_null(got);
    assert_non_null(wanted);
    assert_true(json_equal(got, wanted));
    json_decref(got);
    json_decref(wanted);
    free(text);
}

static void lists(void **state)
{
    (void)state;
    expect("", "{\"ice_servers\": []}");
    expect("stun:a.example", "{\"ice_servers\": [{\"urls\": \"stun:a.example\"}]}");
    expect(" stun:a.example:3478 ,turns:me:se%2Ccr%40t@[::1]:5349?transport=tcp",
           "{\"ice_servers\": [{\"urls\": \"stun:a.example:3478\"},"
           " {\"urls\": \"turns:[::1]:5349?transport=tcp\", \"username\": \"me\", \"credential\": \"se,cr@t\"}]}");
    expect("stuns:a,turn:1700000000:user%3A:p:q@b?transport=udp",
           "{\"ice_servers\": [{\"urls\": \"stuns:a\"},"
           " {\"urls\": \"turn:b?transport=udp\", \"username\": \"1700000000\", \"credential\": \"user::p:q\"}]}");
    expect("turn:u:p@ss/w|rd^@b", "{\"ice_servers\": [{\"urls\": \"turn:b\", \"username\": \"u\", \"credential\": \"p@ss/w|rd^\"}]}");
}

static void nonsense_is_told_without_the_password(void **state)
{
    (void)state;
    static const struct {
        const char *list, *says;
    } examples[] = {
        { "stun.example", "server 1 of the list: expected stun:host[:port] or turn:user:password@host[:port]" },
        { "https://a", "server 1 of the list: expected stun:" },
        { "stun:a,,stun:b", "server 2 of the list: it is empty" },
        { "stun:a,", "server 2 of the list: it is empty" },
        { " ", "server 1 of the list: it is empty" },
        { "stun:", "server 1 of the list: the host or the port" },
        { "stun:a b", "server 1 of the list: the host or the port" },
        { "stun:a:0", "server 1 of the list: the host or the port" },
        { "stun:a:99999", "server 1 of the list: the host or the port" },
        { "stun:a/b", "server 1 of the list: the host or the port" },
        { "stun:a:", "server 1 of the list: the host or the port" },
        { "stun::3478", "server 1 of the list: the host or the port" },
        { "stun:a#b", "server 1 of the list: the host or the port" },
        { "stun:%61", "server 1 of the list: the host or the port" },
        { "stun:[::1", "server 1 of the list: the host or the port" },
        { "turn:u:secret@", "server 1 of the list: the host or the port" },
        { "stun:a?transport=udp", "server 1 of the list: only ?transport" },
        { "stun:u:secret@a", "server 1 of the list: a stun server takes no password" },
        { "stun:a,turn:b", "server 2 of the list: a turn server wants user:password@" },
        { "turn:secret@b", "server 1 of the list: user:password is not there" },
        { "turn::secret@b", "server 1 of the list: user:password is not there" },
        { "turn:u:secret%zz@b", "server 1 of the list: user:password is not there" },
        { "turn:u:secret%00@b", "server 1 of the list: user:password is not there" },
        { "turn:u:secret%ff@b", "server 1 of the list: it is not UTF-8" },
        { "turn:u:secret@b?transport=sctp", "server 1 of the list: only ?transport" },
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        assert_null(ice_servers_to_json(examples[i].list, error));
        assert_non_null(strstr(error, examples[i].says));
        assert_memory_equal(error, "--ice-servers: ", 15);
        assert_null(strstr(error, "secret"));
        assert_null(strchr(error, '\n'));
    }
    char longest[700] = "stun:";
    memset(longest + 5, 'a', sizeof longest - 6);
    assert_null(ice_servers_to_json(longest, error));
    assert_non_null(strstr(error, "server 1 of the list: it is too long"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(nonsense_is_told_without_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

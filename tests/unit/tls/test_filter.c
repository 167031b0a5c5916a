/* Two filters, a client's and a server's, that talk to each other through a wire of memory. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tls/filter.h"
#include "unit/tls/pem.h"

static char directory[] = "/tmp/test_tls_filter.XXXXXX";
static char certificate_path[64], key_path[64], stranger_path[64], changing_path[64], changing_key_path[64];
static struct tls_context client_context, server_context;
static struct tls_filter *client, *server;

static int make_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(certificate_path, sizeof certificate_path, "%s/certificate", directory);
    snprintf(key_path, sizeof key_path, "%s/key", directory);
    snprintf(stranger_path, sizeof stranger_path, "%s/stranger", directory);
    snprintf(changing_path, sizeof changing_path, "%s/changing", directory);
    snprintf(changing_key_path, sizeof changing_key_path, "%s/changing_key", directory);
    pem_make(certificate_path, key_path, -60, 3600);
    pem_make(stranger_path, NULL, -60, 3600);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    return unlink(certificate_path) | unlink(key_path) | unlink(stranger_path) | unlink(changing_path) | unlink(changing_key_path) | rmdir(directory);
}

static void begin(const char *authorities, const char *host)
{
    char error[TLS_ERROR_BYTES];
    assert_true(tls_context_init(&client_context, TLS_CLIENT, &(struct tls_files){ authorities, "", "" }, error));
    assert_true(tls_context_init(&server_context, TLS_SERVER, &(struct tls_files){ "", certificate_path, key_path }, error));
    client = tls_filter_new(&client_context, host);
    server = tls_filter_new(&server_context, NULL);
    assert_non_null(client);
    assert_non_null(server);
}

static void end(void)
{
    tls_filter_free(&client);
    tls_filter_free(&server);
    assert_null(client);
    tls_context_fini(&client_context);
    tls_context_fini(&server_context);
}

/* What one has to send, in pieces of at most `piece` bytes, and a step of the other after each. */
static enum tls_verdict carry(struct tls_filter *from, struct tls_filter *to, size_t piece)
{
    const char *bytes;
    size_t length;
    while ((length = tls_filter_unsent(from, &bytes)) > 0) {
        if (length > piece)
            length = piece;
        tls_filter_receive(to, bytes, length);
        tls_filter_sent(from, length);
        if (!tls_filter_is_open(to)) {
            enum tls_verdict verdict = tls_filter_shake_hands(to);
            if (verdict != TLS_GOES_ON)
                return verdict;
        }
    }
    return TLS_GOES_ON;
}

/* Until both are open or one fails. */
static enum tls_verdict shake_hands(size_t piece)
{
    enum tls_verdict verdict = tls_filter_shake_hands(client);
    for (unsigned rounds = 0; verdict == TLS_GOES_ON && rounds < 10; rounds++) {
        verdict = carry(client, server, piece);
        if (verdict == TLS_GOES_ON)
            verdict = carry(server, client, piece);
    }
    return verdict;
}

static void read_all(struct tls_filter *to, char *text, size_t capacity)
{
    size_t used = 0, length;
    do {
        assert_int_equal(tls_filter_read(to, text + used, capacity - 1 - used, &length), TLS_GOES_ON);
        used += length;
    } while (length > 0);
    text[used] = '\0';
}

static void what_goes_in_comes_out(void **state)
{
    static const size_t pieces[] = { 1, 7, 1000, 100000 };
    static char long_text[100001], heard[100010];
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        begin(certificate_path, i % 2 == 0 ? "localhost" : "127.0.0.1");
        assert_false(tls_filter_is_open(client));
        assert_int_equal(shake_hands(pieces[i]), TLS_GOES_ON);
        assert_true(tls_filter_is_open(client) && tls_filter_is_open(server));
        read_all(client, heard, sizeof heard); /* tickets, and no byte of text */
        assert_string_equal(heard, "");
        assert_int_equal(tls_filter_write(client, "PING", 4), TLS_GOES_ON);
        const char *sealed;
        const size_t length = tls_filter_unsent(client, &sealed);
        assert_true(length > 4 && memmem(sealed, length, "PING", 4) == NULL);
        assert_int_equal(carry(client, server, pieces[i]), TLS_GOES_ON);
        read_all(server, heard, sizeof heard);
        assert_string_equal(heard, "PING");
        assert_int_equal(tls_filter_write(server, long_text, sizeof long_text - 1), TLS_GOES_ON);
        assert_int_equal(carry(server, client, pieces[i]), TLS_GOES_ON);
        read_all(client, heard, sizeof heard);
        assert_string_equal(heard, long_text);
        end();
    }
}

static void refused(const char *authorities, const char *host, const char *why)
{
    begin(authorities, host);
    assert_int_equal(shake_hands(1000), TLS_FAILED);
    assert_false(tls_filter_is_open(client));
    assert_string_equal(tls_filter_error(client), why);
    /* And says so. */
    assert_int_equal(carry(client, server, 1000), TLS_FAILED);
    assert_non_null(strstr(tls_filter_error(server), "TLS: "));
    end();
}

static void who_is_not_believed(void **state)
{
    (void)state;
    refused(certificate_path, "example.org", "TLS certificate: hostname mismatch");
    refused(certificate_path, "127.0.0.2", "TLS certificate: IP address mismatch");
    refused(stranger_path, "localhost", "TLS certificate: self-signed certificate");
    refused("", "localhost", "TLS certificate: self-signed certificate");
}

static void nonsense_and_changed_bytes(void **state)
{
    static const char nonsense[] = "-ERR Protocol error: this is no TLS at all\r\n";
    char heard[16];
    size_t length;
    (void)state;
    begin(certificate_path, "localhost");
    assert_int_equal(tls_filter_shake_hands(client), TLS_GOES_ON);
    tls_filter_receive(client, nonsense, sizeof nonsense - 1);
    assert_int_equal(tls_filter_shake_hands(client), TLS_FAILED);
    assert_string_equal(tls_filter_error(client), "TLS: wrong version number");
    end();
    begin(certificate_path, "localhost");
    assert_int_equal(shake_hands(1000), TLS_GOES_ON);
    assert_int_equal(tls_filter_write(client, "PING", 4), TLS_GOES_ON);
    const char *sealed;
    length = tls_filter_unsent(client, &sealed);
    char *changed = malloc(length);
    assert_non_null(changed);
    memcpy(changed, sealed, length);
    changed[length - 1] ^= 1;
    tls_filter_receive(server, changed, length);
    free(changed);
    assert_int_equal(tls_filter_read(server, heard, sizeof heard, &length), TLS_FAILED);
    assert_int_equal(length, 0);
    assert_non_null(strstr(tls_filter_error(server), "TLS: "));
    end();
}

static void files_that_will_not_do(void **state)
{
    struct tls_context context;
    char error[TLS_ERROR_BYTES];
    (void)state;
    assert_false(tls_context_init(&context, TLS_CLIENT, &(struct tls_files){ "/nowhere", "", "" }, error));
    assert_non_null(strstr(error, "/nowhere: expected certificates of authorities in PEM"));
    assert_false(tls_context_init(&context, TLS_CLIENT, &(struct tls_files){ "", key_path, key_path }, error));
    assert_non_null(strstr(error, "expected a certificate in PEM"));
    assert_false(tls_context_init(&context, TLS_SERVER, &(struct tls_files){ "", stranger_path, key_path }, error));
    assert_non_null(strstr(error, "expected the certificate's key in PEM"));
}

static void is_no_server(long begins, long ends, const char *why)
{
    struct tls_context context;
    char error[TLS_ERROR_BYTES];
    pem_make(changing_path, changing_key_path, begins, ends);
    assert_false(tls_context_init(&context, TLS_SERVER, &(struct tls_files){ "", changing_path, changing_key_path }, error));
    assert_non_null(strstr(error, why));
    /* A client shows what it has: who wants to know it says what is wrong with it. */
    assert_true(tls_context_init(&context, TLS_CLIENT, &(struct tls_files){ "", changing_path, changing_key_path }, error));
    tls_context_fini(&context);
}

static void a_server_has_a_certificate_that_is_good_now(void **state)
{
    struct tls_context context;
    char error[TLS_ERROR_BYTES];
    (void)state;
    is_no_server(-3600, -1, "has ended");
    is_no_server(3600, 7200, "begins later");
    const int64_t now = (int64_t)time(NULL);
    pem_make(changing_path, changing_key_path, -60, 7200);
    pem_append(changing_path, certificate_path);
    assert_true(tls_context_init(&context, TLS_SERVER, &(struct tls_files){ "", changing_path, changing_key_path }, error));
    assert_in_range(tls_context_ends(&context), now + 3600 - 60, now + 3600); /* the second one ends first */
    tls_context_fini(&context);
    pem_make(stranger_path, NULL, -3600, -1);
    pem_make(changing_path, changing_key_path, -60, 7200);
    pem_append(changing_path, stranger_path);
    assert_false(tls_context_init(&context, TLS_SERVER, &(struct tls_files){ "", changing_path, changing_key_path }, error));
    assert_non_null(strstr(error, "has ended"));
    pem_make(stranger_path, NULL, -60, 3600);
}

static void a_good_bye_is_heard_and_what_was_written_before_it(void **state)
{
    char heard[16];
    size_t length;
    const char *sealed;
    (void)state;
    begin(certificate_path, "localhost");
    assert_int_equal(shake_hands(1000), TLS_GOES_ON);
    assert_int_equal(tls_filter_write(server, "BYE", 3), TLS_GOES_ON);
    tls_filter_say_good_bye(server);
    const size_t once = tls_filter_unsent(server, &sealed);
    tls_filter_say_good_bye(server);
    assert_int_equal(tls_filter_unsent(server, &sealed), once); /* and no second one */
    assert_int_equal(carry(server, client, 1000), TLS_GOES_ON);
    assert_int_equal(tls_filter_read(client, heard, sizeof heard, &length), TLS_GOES_ON);
    assert_int_equal(length, 3);
    assert_int_equal(tls_filter_read(client, heard, sizeof heard, &length), TLS_CLOSED);
    /* The other way it is still open. */
    assert_int_equal(tls_filter_write(client, "YES", 3), TLS_GOES_ON);
    assert_int_equal(carry(client, server, 1000), TLS_GOES_ON);
    assert_int_equal(tls_filter_read(server, heard, sizeof heard, &length), TLS_GOES_ON);
    assert_int_equal(length, 3);
    end();
}

/* Two connections whose server's ends are the same. What one breaks must not reach the other. */
static void filters_share_a_wire(void **state)
{
    enum { CONNECTIONS = 2 };
    struct tls_filter *clients[CONNECTIONS], *servers[CONNECTIONS];
    struct tls_wire *wire = tls_wire_new();
    char heard[16];
    size_t length;
    const char *bytes;
    (void)state;
    begin(certificate_path, "localhost");
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        clients[i] = tls_filter_new(&client_context, "localhost");
        servers[i] = tls_filter_new_on(&server_context, wire);
        assert_int_equal(tls_filter_shake_hands(clients[i]), TLS_GOES_ON);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            assert_int_equal(carry(clients[i], servers[i], 100000), TLS_GOES_ON);
            assert_int_equal(carry(servers[i], clients[i], 100000), TLS_GOES_ON);
        }
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        assert_true(tls_filter_is_open(clients[i]) && tls_filter_is_open(servers[i]));
        assert_int_equal(tls_filter_write(clients[i], i == 0 ? "a" : "b", 1), TLS_GOES_ON);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        assert_int_equal(carry(clients[i], servers[i], 100000), TLS_GOES_ON);
        assert_int_equal(tls_filter_read(servers[i], heard, sizeof heard, &length), TLS_GOES_ON);
        assert_true(length == 1 && heard[0] == (i == 0 ? 'a' : 'b'));
        assert_int_equal(tls_filter_read(servers[i], heard, sizeof heard, &length), TLS_GOES_ON);
        assert_int_equal(length, 0);
    }
    /* Nonsense, and more of it behind what is found to be nonsense. */
    tls_filter_receive(servers[0], "\x17\x03\x03\0\x20 this is no record that anybody has sealed", 48);
    assert_int_equal(tls_filter_read(servers[0], heard, sizeof heard, &length), TLS_FAILED);
    length = tls_filter_unsent(servers[0], &bytes);
    assert_true(length > 0); /* why */
    tls_filter_sent(servers[0], length);
    assert_int_equal(tls_filter_write(clients[1], "c", 1), TLS_GOES_ON);
    assert_int_equal(carry(clients[1], servers[1], 100000), TLS_GOES_ON);
    assert_int_equal(tls_filter_read(servers[1], heard, sizeof heard, &length), TLS_GOES_ON);
    assert_true(length == 1 && heard[0] == 'c');
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        tls_filter_free(&clients[i]);
        tls_filter_free(&servers[i]);
    }
    tls_wire_free(&wire);
    assert_null(wire);
    end();
}

static void a_context_lives_as_long_as_somebody_has_it(void **state)
{
    (void)state;
    begin(certificate_path, "localhost");
    struct tls_context shared = tls_context_share(&server_context);
    tls_context_fini(&server_context); /* the filter has it, too */
    assert_int_equal(shake_hands(1000), TLS_GOES_ON);
    assert_true(tls_filter_is_open(server));
    server_context = shared;
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(who_is_not_believed),
        cmocka_unit_test(nonsense_and_changed_bytes),
        cmocka_unit_test(files_that_will_not_do),
        cmocka_unit_test(a_server_has_a_certificate_that_is_good_now),
        cmocka_unit_test(a_good_bye_is_heard_and_what_was_written_before_it),
        cmocka_unit_test(filters_share_a_wire),
        cmocka_unit_test(a_context_lives_as_long_as_somebody_has_it),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}

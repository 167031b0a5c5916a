/* Two filters, a client's and a server's, that talk to each other through a wire of memory. */
#include "unit/unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tls/filter.h"

static char directory[] = "/tmp/test_tls_filter.XXXXXX";
static char certificate_path[64], key_path[64], stranger_path[64];
static struct tls_context client_context, server_context;
static struct tls_filter *client, *server;

/* A certificate that vouches for itself, of localhost and 127.0.0.1. */
static void make_certificate(const char *path, const char *key_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    assert_non_null(key);
    assert_non_null(certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    assert_int_equal(X509_add_ext(certificate, names, -1), 1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
    if (key_file != NULL) {
        file = fopen(key_file, "w");
        assert_non_null(file);
        assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
        fclose(file);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static int make_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(certificate_path, sizeof certificate_path, "%s/certificate", directory);
    snprintf(key_path, sizeof key_path, "%s/key", directory);
    snprintf(stranger_path, sizeof stranger_path, "%s/stranger", directory);
    make_certificate(certificate_path, key_path);
    make_certificate(stranger_path, NULL);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    return unlink(certificate_path) | unlink(key_path) | unlink(stranger_path) | rmdir(directory);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(who_is_not_believed),
        cmocka_unit_test(nonsense_and_changed_bytes),
        cmocka_unit_test(files_that_will_not_do),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}

/* What comes to a port that speaks TLS: whatever it is and however it is cut, it ends in an order that the server knows, and leaves nothing on the wire that
 * connections share. The first byte says whether hands are shaken before. */
#include <stdio.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "tls/filter.h"
#include "unit/tls/pem.h"

struct world {
    struct tls_context server, client;
    struct tls_wire *wire;
};

/* Once for all inputs. */
static struct world *the_world(void)
{
    static struct world world;
    char directory[] = "/tmp/fuzz_tls.XXXXXX", certificate[64], key[64], error[TLS_ERROR_BYTES];
    if (world.wire != NULL)
        return &world;
    CHECK(mkdtemp(directory) != NULL);
    snprintf(certificate, sizeof certificate, "%s/certificate", directory);
    snprintf(key, sizeof key, "%s/key", directory);
    pem_make(certificate, key, -60, 30 * 24 * 3600);
    CHECK(tls_context_init(&world.server, TLS_SERVER, &(struct tls_files){ "", certificate, key }, error));
    CHECK(tls_context_init(&world.client, TLS_CLIENT, &(struct tls_files){ certificate, "", "" }, error));
    world.wire = tls_wire_new();
    CHECK(unlink(certificate) == 0 && unlink(key) == 0 && rmdir(directory) == 0);
    return &world;
}

static void take_out(struct tls_filter *from, struct tls_filter *to)
{
    const char *bytes;
    const size_t length = tls_filter_unsent(from, &bytes);
    if (to != NULL)
        tls_filter_receive(to, bytes, length);
    tls_filter_sent(from, length);
}

/* A step of the server's, as net/sealing.c makes it. */
static enum tls_verdict step(struct tls_filter *server, const uint8_t *bytes, size_t size)
{
    static char plain[65536];
    enum tls_verdict verdict = TLS_GOES_ON;
    size_t length = 0;
    tls_filter_receive(server, bytes, size);
    if (!tls_filter_is_open(server))
        verdict = tls_filter_shake_hands(server);
    if (verdict == TLS_GOES_ON && tls_filter_is_open(server))
        verdict = tls_filter_read(server, plain, sizeof plain, &length);
    CHECK(length == 0); /* nobody has sealed it */
    if (verdict == TLS_CLOSED)
        tls_filter_say_good_bye(server);
    CHECK(verdict != TLS_FAILED || strncmp(tls_filter_error(server), "TLS", 3) == 0);
    return verdict;
}

static void shake_hands(struct world *world, struct tls_filter *server)
{
    struct tls_filter *client = tls_filter_new(&world->client, "localhost");
    CHECK_MEMORY(client);
    for (unsigned round = 0; round < 3; round++) {
        CHECK(tls_filter_shake_hands(client) == TLS_GOES_ON);
        take_out(client, server);
        CHECK(tls_filter_shake_hands(server) == TLS_GOES_ON);
        take_out(server, client);
    }
    CHECK(tls_filter_is_open(client) && tls_filter_is_open(server));
    tls_filter_free(&client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *world = the_world();
    uint32_t random = (uint32_t)size;
    const char *bytes;
    if (size == 0)
        return 0;
    struct tls_filter *server = tls_filter_new_on(&world->server, world->wire);
    if ((data[0] & 1) != 0)
        shake_hands(world, server);
    for (size_t at = 1, piece; at < size; at += piece) {
        piece = 1 + next_random(&random) % ((data[0] & 2) != 0 ? 3 : 2000);
        piece = piece < size - at ? piece : size - at;
        if (step(server, data + at, piece) != TLS_GOES_ON)
            break;
        take_out(server, NULL);
    }
    take_out(server, NULL);
    tls_filter_free(&server);
    /* The next connection hears nothing of it. */
    server = tls_filter_new_on(&world->server, world->wire);
    CHECK(tls_filter_shake_hands(server) == TLS_GOES_ON && tls_filter_unsent(server, &bytes) == 0);
    tls_filter_free(&server);
    return 0;
}

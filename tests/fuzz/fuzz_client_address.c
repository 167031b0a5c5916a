/* Lines: trusted networks, the peer, then X-Forwarded-For headers. Whatever they say, a peer that is not trusted is the client, a client that
 * is trusted has nobody behind it, and what stands before the client changes nothing. */
#include "admission/client_address.h"
#include "fuzz/fuzz.h"

enum { HEADERS_MAX = 16 };

static void check_client(const struct networks *proxies, const uint8_t peer[ADDRESS_BYTES], const struct http_text headers[], unsigned count)
{
    uint8_t client[ADDRESS_BYTES], again[ADDRESS_BYTES];
    /* The first header is for what a client claims. */
    if (!client_address_find(client, peer, networks_contain(proxies, peer), proxies, headers + 1, count - 1)) {
        const uint8_t nobody[ADDRESS_BYTES] = { 0 };
        CHECK(networks_contain(proxies, peer) && memcmp(client, nobody, ADDRESS_BYTES) == 0);
        return;
    }
    CHECK(networks_contain(proxies, peer) || memcmp(client, peer, ADDRESS_BYTES) == 0);
    if (networks_contain(proxies, client))
        return;
    CHECK(client_address_find(again, peer, networks_contain(proxies, peer), proxies, headers, count));
    CHECK(memcmp(client, again, ADDRESS_BYTES) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t networks_length, peer_length;
    char *networks_text = take_line(&data, &size, &networks_length), *peer_text = take_line(&data, &size, &peer_length);
    if (peer_text == NULL) {
        free(networks_text);
        return 0;
    }
    char *lines[HEADERS_MAX] = { NULL };
    struct http_text headers[HEADERS_MAX + 1] = { { "nonsense, 10.0.0.1, ::1", 23 } };
    unsigned count = 0;
    while (size > 0 && count < HEADERS_MAX) {
        lines[count] = take_line(&data, &size, &headers[count + 1].length);
        headers[count + 1].bytes = lines[count];
        count++;
    }
    char error[NETWORKS_ERROR_BYTES] = "";
    struct networks proxies;
    uint8_t peer[ADDRESS_BYTES];
    if (!networks_parse(&proxies, networks_text, error))
        CHECK(error[0] != '\0' && strlen(error) < sizeof error);
    else if (client_address_parse(peer, (struct http_text){ peer_text, peer_length }))
        check_client(&proxies, peer, headers, count + 1);
    for (unsigned i = 0; i < count; i++)
        free(lines[i]);
    free(networks_text);
    free(peer_text);
    return 0;
}

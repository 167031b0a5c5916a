#include "http/handshake.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "http/origin.h"

/* Base64 of 16 bytes. */
enum { KEY_LENGTH = 24, DEVICE_ID_LENGTH = 64 };

static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* Whether the key is 16 bytes in Base64: 22 digits and two '='. */
static bool is_key(struct http_text key)
{
    unsigned char decoded[KEY_LENGTH];
    if (key.length != KEY_LENGTH || memcmp(key.bytes + KEY_LENGTH - 2, "==", 2) != 0 || key.bytes[KEY_LENGTH - 3] == '=')
        return false;
    return EVP_DecodeBlock(decoded, (const unsigned char *)key.bytes, KEY_LENGTH) == 18;
}

static bool is_device_id(struct http_text id)
{
    size_t digits = 0;
    while (digits < id.length && isxdigit((unsigned char)id.bytes[digits]))
        digits++;
    return digits == id.length && digits == DEVICE_ID_LENGTH;
}

/* A whole number; 0 if there is none. Returns false if it is something else. */
static bool parse_seq(uint32_t *seq, struct http_text digits)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.length; i++) {
        if (!isdigit((unsigned char)digits.bytes[i]) || value > UINT32_MAX)
            return false;
        value = value * 10 + (uint64_t)(digits.bytes[i] - '0');
    }
    if (value > UINT32_MAX)
        return false;
    *seq = (uint32_t)value;
    return true;
}

static void find_resume(const struct http_request *request, struct handshake *handshake)
{
    struct http_text wish, seq = { 0 };
    struct resume_ask ask = { .is_back = true };
    handshake->resume = (struct resume_ask){ 0 };
    handshake->has_resume = http_query_find(request->query, "resume", &wish);
    if (!handshake->has_resume || http_text_is(wish, "new"))
        return;
    handshake->resume.is_back = true;
    http_query_find(request->query, "seq", &seq);
    if (token_read(&ask.token, wish.bytes, wish.length) && parse_seq(&ask.seq, seq))
        handshake->resume = ask;
}

/* What is wrong with a request for the version 13 that says so. */
static enum refusal find_fault(const struct http_request *request)
{
    if (!request->is_get)
        return REFUSAL_METHOD;
    if (!request->has_upgrade_websocket)
        return REFUSAL_NO_UPGRADE;
    if (!request->is_http_1_1)
        return REFUSAL_OLD_HTTP;
    if (request->hosts != 1 || request->host.length == 0)
        return REFUSAL_HOST;
    if (!request->has_connection_upgrade)
        return REFUSAL_CONNECTION;
    if (request->has_body)
        return REFUSAL_BODY;
    if (request->keys != 1 || !is_key(request->key))
        return REFUSAL_KEY;
    return request->versions != 1 ? REFUSAL_VERSIONS : REFUSAL_NONE;
}

enum refusal handshake_check(const struct http_request *request, const char *allowed_origins, struct handshake *handshake)
{
    const enum refusal fault = find_fault(request);
    if (fault != REFUSAL_NONE)
        return fault;
    if (!http_text_is(request->version, "13"))
        return REFUSAL_OTHER_VERSION;
    if (request->origins > 1 ||
        (request->origins == 1 && !origin_is_allowed(allowed_origins, request->origin, request->host, request->is_secure)))
        return REFUSAL_ORIGIN;

    unsigned char text[KEY_LENGTH + sizeof magic - 1], digest[SHA_DIGEST_LENGTH];
    memcpy(text, request->key.bytes, KEY_LENGTH);
    memcpy(text + KEY_LENGTH, magic, sizeof magic - 1);
    SHA1(text, sizeof text, digest);
    EVP_EncodeBlock((unsigned char *)handshake->accept, digest, sizeof digest);

    handshake->device = (struct http_text){ 0 };
    find_resume(request, handshake);
    handshake->has_bad_id = http_query_find(request->query, "id", &handshake->device) && !is_device_id(handshake->device);
    return REFUSAL_NONE;
}

#include "http/percent.h"

#include <openssl/crypto.h>
#include <string.h>
#include <uriparser/Uri.h>

#include "runtime/hex.h"

/* uriparser leaves as it is what is malformed. */
static bool is_well_formed(const char *in, size_t length)
{
    const char *percent = in, *const end = in + length;
    while ((percent = memchr(percent, '%', (size_t)(end - percent))) != NULL) {
        if (end - percent < 3 || hex_digit(percent[1]) < 0 || hex_digit(percent[2]) < 0)
            return false;
        percent += 3;
    }
    return true;
}

bool percent_decode(const char *in, size_t length, char *out, size_t capacity)
{
    char text[PERCENT_BYTES_MAX + 1];
    if (length > PERCENT_BYTES_MAX || memchr(in, '\0', length) != NULL || !is_well_formed(in, length))
        return false;
    memcpy(text, in, length);
    text[length] = '\0';
    const size_t decoded = (size_t)(uriUnescapeInPlaceExA(text, URI_FALSE, URI_BR_DONT_TOUCH) - text);
    const bool is_good = decoded < capacity && strlen(text) == decoded;
    if (is_good)
        memcpy(out, text, decoded + 1);
    OPENSSL_cleanse(text, sizeof text); /* passwords come by */
    return is_good;
}

/* client_address.h: where a client is, also when a proxy stands between.
 *
 * An address is ADDRESS_BYTES in network order, IPv4 mapped into IPv6 (RFC 4291, section 2.5.5.2), so that 10.0.0.1 and ::ffff:10.0.0.1
 * are one.
 *
 * Threads: pure; any. Source: X-Forwarded-For is no standard; each proxy appends the address that it was connected from, so only the
 * entries that our own proxies wrote, the last ones, can be believed.
 */
#ifndef CHATTERBOX_ADMISSION_CLIENT_ADDRESS_H
#define CHATTERBOX_ADMISSION_CLIENT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/request.h"

enum { ADDRESS_BYTES = 16, NETWORKS_MAX = 32, NETWORKS_ERROR_BYTES = 256 };

/* Networks in CIDR notation (RFC 4632, section 3.1). */
struct networks {
    unsigned count;
    struct {
        uint8_t address[ADDRESS_BYTES];
        uint8_t bits; /* 0 to 128 */
    } of[NETWORKS_MAX];
};

/* Comma-separated: 10.0.0.0/8, 2001:db8::/32, or an address for itself alone; "" for none. Bits beyond the prefix do not count. On false
 * error holds one line, which begins with the flag. */
bool networks_parse(struct networks *networks, const char *text, char error[NETWORKS_ERROR_BYTES])
    __attribute__((warn_unused_result));

bool networks_contain(const struct networks *networks, const uint8_t address[ADDRESS_BYTES]);

/* What proxies write for an address: 1.2.3.4, ::1, [::1], fe80::1%eth0, the two kinds that can have one with a port behind it, any of these in
 * quotation marks, and unix: for the proxy's own machine. */
bool client_address_parse(uint8_t address[ADDRESS_BYTES], struct http_text text) __attribute__((warn_unused_result));

/* All zero if it is neither IPv4 nor IPv6. */
void client_address_of_socket(uint8_t address[ADDRESS_BYTES], const struct sockaddr *from);

/* Who comes by a Unix socket: 127.0.0.1. */
void client_address_of_this_machine(uint8_t address[ADDRESS_BYTES]);

bool client_address_is_loopback(const uint8_t address[ADDRESS_BYTES]);

/* Of a network that is not the Internet, such as Docker's or an office's, or of a provider that puts many behind one address: RFC 1918, 3927, 4193, 4291,
 * 6598. If everybody comes from such a one, a proxy or a gateway stands between. */
bool client_address_is_private(const uint8_t address[ADDRESS_BYTES]);

/* The client of a connection that comes from peer: peer itself, unless that is one of our proxies (is_proxy; of what it has written proxies says so). Then the last entry of the
 * X-Forwarded-For headers (one list, in the order of the headers) that is none; the first if all are; peer if there are no entries.
 * Returns false with an address of zeros, that is: of nobody (identity.h), if an entry on the way there is no address, such as "unknown": our own proxy
 * wrote it, so there is nobody to be held to a limit, and to count everybody as the proxy would hold all for what one does. */
bool client_address_find(uint8_t client[ADDRESS_BYTES], const uint8_t peer[ADDRESS_BYTES], bool is_proxy, const struct networks *proxies,
                         const struct http_text forwarded_for[], unsigned count) __attribute__((warn_unused_result));

#endif

/* bytes.h: whole numbers in the order of the network, for what goes over the bus.
 *
 * Threads: pure; any.
 */
#ifndef CHATTERBOX_BUS_BYTES_H
#define CHATTERBOX_BUS_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void bytes_put(uint8_t *bytes, uint64_t number, size_t count)
{
    for (size_t i = count; i-- > 0; number >>= 8)
        bytes[i] = (uint8_t)number;
}

static inline uint64_t bytes_get(const uint8_t *bytes, size_t count)
{
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

static inline void bytes_put_64(uint8_t bytes[8], uint64_t number)
{
    bytes_put(bytes, number, 8);
}

static inline uint64_t bytes_get_64(const uint8_t bytes[8])
{
    return bytes_get(bytes, 8);
}

#endif

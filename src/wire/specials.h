/* specials.h: where in 64 bytes of JSON a run of plain bytes in a string ends: quotation marks, backslashes, control characters.
 *
 * A message of 175 bytes is three blocks; looking for the end of each of its strings by words of eight bytes made the whole pass a fifth longer.
 *
 * Threads: pure; any. Source: RFC 8259, section 7; simdjson (Langdale, Lemire: "Parsing Gigabytes of JSON per Second") for the idea of one bit a byte.
 */
#ifndef CHATTERBOX_WIRE_SPECIALS_H
#define CHATTERBOX_WIRE_SPECIALS_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { SPECIALS_BYTES = 64 };

struct specials {
    uint64_t bits; /* bit i: byte i is special */
    bool has_other_than_ascii;
};

/* On any machine. */
static inline struct specials specials_by_words(const unsigned char bytes[SPECIALS_BYTES])
{
    const uint64_t ones = 0x0101010101010101, lows = 0x7F7F7F7F7F7F7F7F, gather = 0x0002040810204081;
    uint64_t specials = 0, any = 0;
    for (unsigned i = 0; i < SPECIALS_BYTES / sizeof(uint64_t); i++) {
        uint64_t word;
        memcpy(&word, bytes + i * sizeof word, sizeof word);
        word = le64toh(word);
        any |= word;
        /* Three words, each with a byte that is zero where the special byte is; and then a bit that is set where none of the three is. */
        const uint64_t control = word & ones * 0xE0, quote = word ^ ones * '"', backslash = word ^ ones * '\\';
        const uint64_t plain = (((control & lows) + lows) | control) & (((quote & lows) + lows) | quote) &
                               (((backslash & lows) + lows) | backslash);
        /* The highest bits of all bytes, next to each other. */
        specials |= ((((~plain >> 7) & ones) * (gather << 7)) >> 56) << i * sizeof word;
    }
    return (struct specials){ .bits = specials, .has_other_than_ascii = (any & ~lows) != 0 };
}

static inline struct specials specials_of(const unsigned char bytes[SPECIALS_BYTES])
{
#ifdef __SSE2__
    uint64_t specials = 0;
    __m128i any = _mm_setzero_si128();
    for (int i = 0; i < 4; i++) {
        const __m128i part = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i));
        any = _mm_or_si128(any, part);
        const __m128i quote = _mm_cmpeq_epi8(part, _mm_set1_epi8('"')), backslash = _mm_cmpeq_epi8(part, _mm_set1_epi8('\\'));
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(part, _mm_set1_epi8(0x1F)), part);
        specials |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)) << 16 * i;
    }
    return (struct specials){ .bits = specials, .has_other_than_ascii = _mm_movemask_epi8(any) != 0 };
#else
    return specials_by_words(bytes);
#endif
}

#endif

/* visible.h: which code points a reader sees, by Unicode's properties. src/web/clean.js says the same of the same ones.
 *
 * Threads: pure; any. Source: Unicode's properties White_Space and Default_Ignorable_Code_Point (UAX #44), by utf8proc.
 */
#ifndef CHATTERBOX_WIRE_VISIBLE_H
#define CHATTERBOX_WIRE_VISIBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool codepoint_is_white_space(int32_t codepoint);

/* Default_Ignorable_Code_Point: zero-width spaces and joiners, variation selectors, soft hyphens, fillers. */
bool codepoint_is_ignorable(int32_t codepoint);

/* Neither white space, nor ignorable, nor one of the few that are blank though no property says so. Other control characters are seen: CSS Text level 3,
 * section 4.1, has them drawn. */
bool codepoint_is_visible(int32_t codepoint);

/* Whether there is something to be seen in valid UTF-8. */
bool text_is_visible(const char *utf8, size_t length);

/* The same of a string as it stands in JSON, without its quotation marks; its escapes all mean something. */
bool json_text_is_visible(const char *utf8, size_t length);

#endif

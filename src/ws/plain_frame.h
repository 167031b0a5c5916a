/* plain_frame.h: the frame that nearly every chat message comes in, recognised without wslay.
 *
 * That is a whole text message in one frame, all of which has been read, in ASCII. It is no parser of frames: everything else (a frame that
 * is not complete, fragments, control frames, other characters, and whatever is wrong) is wslay's, and tests hold both against each other.
 * wslay looks at every byte twice, once to remove the mask and once to check UTF-8, one byte at a time; here both are one loop over many.
 *
 * Threads: pure; any. Source: RFC 6455, section 5.2 (the frame) and 5.3 (the mask).
 */
#ifndef CHATTERBOX_WS_PLAIN_FRAME_H
#define CHATTERBOX_WS_PLAIN_FRAME_H

#include <stddef.h>

#include "runtime/payload.h"

/* If the bytes begin with such a frame of at most longest bytes of text, *text becomes its text, the caller's from then on, and the length of
 * the frame is returned. Otherwise returns 0. */
size_t plain_frame_take(const unsigned char *bytes, size_t length, size_t longest, struct payload **text)
    __attribute__((warn_unused_result));

#endif

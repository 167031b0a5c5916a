/* plain_frame.h: the frame that nearly every chat message comes in, recognised without wslay.
 *
 * That is a whole text message in one frame, all of which has been read. It is no parser of frames: everything else (a frame that is not complete,
 * fragments, control frames, and whatever is wrong) is wslay's, and tests hold both against each other. wslay removes the mask byte by
 * byte, and copies twice; here that is one loop over many bytes, which also sees whether they are ASCII. Only if not, UTF-8 is checked.
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

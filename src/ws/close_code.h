/* close_code.h: why a WebSocket ends.
 *
 * Source: RFC 6455, section 7.4; close_code.def has them.
 */
#ifndef CHATTERBOX_WS_CLOSE_CODE_H
#define CHATTERBOX_WS_CLOSE_CODE_H

enum close_code {
#define CLOSE_CODE(name, code) CLOSE_##name = code,
#include "ws/close_code.def"
#undef CLOSE_CODE
};

#endif

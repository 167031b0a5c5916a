/* close_code.h: why a WebSocket ends.
 *
 * Source: RFC 6455, section 7.4; those from 4000 on are the protocol's (src/wire/README.md).
 */
#ifndef CHATTERBOX_WS_CLOSE_CODE_H
#define CHATTERBOX_WS_CLOSE_CODE_H

enum close_code {
    CLOSE_NORMAL = 1000,
    CLOSE_GOING_AWAY = 1001,
    CLOSE_PROTOCOL_ERROR = 1002,
    CLOSE_UNSUPPORTED_DATA = 1003,
    CLOSE_NO_STATUS = 1005, /* never sent: stands for a close frame without a code */
    CLOSE_INVALID_DATA = 1007,
    CLOSE_POLICY_VIOLATION = 1008,
    CLOSE_TOO_BIG = 1009,
    CLOSE_BAD_ID = 4001,
};

#endif

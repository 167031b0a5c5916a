/* ice_servers.h: the value of --ice-servers into what the page is told, so that two behind routers find a way for video.
 *
 * Threads: pure; any. Source: RFC 7064 and 7065 (stun: and turn: URIs); RTCIceServer of WebRTC 1.0, section 4.2.4.
 */
#ifndef CHATTERBOX_HTTP_ICE_SERVERS_H
#define CHATTERBOX_HTTP_ICE_SERVERS_H

enum { ICE_SERVERS_ERROR_BYTES = 200 };

/* list: separated by commas, stun:host[:port], stuns:…, turn:user:password@host[:port][?transport=udp|tcp], turns:…; user and password
 * may be percent-encoded. May be empty. Returns the JSON object {"ice_servers": [RTCIceServer…]}, to be freed; or NULL, and then error
 * holds one line, which never contains a password. */
char *ice_servers_to_json(const char *list, char error[ICE_SERVERS_ERROR_BYTES]) __attribute__((warn_unused_result));

#endif

/* counted_payload.h: payload.h with a count, linked instead of src/runtime/payload.c, so that one that is lost is
 * seen in every build. */
#ifndef CHATTERBOX_TESTS_SIM_COUNTED_PAYLOAD_H
#define CHATTERBOX_TESTS_SIM_COUNTED_PAYLOAD_H

/* How many there are, over all worlds: payload.h's functions are handed no world. */
long counted_payloads(void);

#endif

/* relay.h: load relay, pairs who write to each other. */
#ifndef CHATTERBOX_TOOLS_LOAD_RELAY_H
#define CHATTERBOX_TOOLS_LOAD_RELAY_H

#include "load/run.h"

extern const struct mode relay_mode;

#endif

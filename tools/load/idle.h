/* idle.h: load idle and load wait, users who are there and do nothing. */
#ifndef CHATTERBOX_TOOLS_LOAD_IDLE_H
#define CHATTERBOX_TOOLS_LOAD_IDLE_H

#include "load/run.h"

extern const struct mode idle_mode, wait_mode;

#endif

/* churn.h: load churn, whole sessions one after the other. */
#ifndef CHATTERBOX_TOOLS_LOAD_CHURN_H
#define CHATTERBOX_TOOLS_LOAD_CHURN_H

#include "load/run.h"

extern const struct mode churn_mode;

#endif

/* fail.h: the end of a run that cannot be. */
#ifndef CHATTERBOX_TOOLS_LOAD_FAIL_H
#define CHATTERBOX_TOOLS_LOAD_FAIL_H

/* Say why in one line on stderr, and exit with status 2. */
_Noreturn void load_fail(const char *why);

#endif

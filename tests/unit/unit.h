/* unit.h: what cmocka wants to be included before it. */
#ifndef CHATTERBOX_TESTS_UNIT_UNIT_H
#define CHATTERBOX_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif

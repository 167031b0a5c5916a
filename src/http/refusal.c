#include "http/refusal.h"

#include "runtime/check.h"

static const struct refusal_row rows[REFUSALS] = {
#define REFUSAL(name, of, status, reason, text, level, advice) [REFUSAL_##name] = { status, reason, text, level, advice },
#include "http/refusal.def"
#undef REFUSAL
};

const struct refusal_row *refusal_row(enum refusal refusal)
{
    CHECK(refusal > REFUSAL_NONE && refusal < REFUSALS);
    return &rows[refusal];
}

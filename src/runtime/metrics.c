#include "runtime/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

static const struct {
    const char *name;
    const char *kind;
    const char *help;
} catalogue[METRICS] = {
#define METRIC(name, kind, text) [METRIC_##name] = { #name, #kind, text },
#include "actors/metrics.def"
#undef METRIC
};

int64_t metrics_sum(const struct metrics *sets, size_t count, enum metric metric)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += atomic_load_explicit(&sets[i].value[metric], memory_order_relaxed);
    return sum;
}

size_t metrics_print(const struct metrics *sets, size_t count, char *text, size_t capacity)
{
    size_t length = 0;
    for (enum metric metric = 0; metric < METRICS; metric++) {
        char name[64] = "";
        for (size_t i = 0; i < sizeof name - 1 && catalogue[metric].name[i] != '\0'; i++)
            name[i] = (char)tolower((unsigned char)catalogue[metric].name[i]);
        int printed = snprintf(text + length, capacity - length,
                               "# HELP chatterbox_%s %s\n# TYPE chatterbox_%s %s\nchatterbox_%s %" PRId64 "\n", name,
                               catalogue[metric].help, name, catalogue[metric].kind, name,
                               metrics_sum(sets, count, metric));
        if (printed < 0 || (size_t)printed >= capacity - length)
            return 0;
        length += (size_t)printed;
    }
    return length;
}

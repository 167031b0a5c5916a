#include "runtime/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

/* What is printed, line by line. */
static const struct {
    const char *name;
    const char *kind; /* NULL: a SAMPLE, whose FAMILY has been told of */
    const char *help;
    const char *labels; /* NULL: a FAMILY, whose numbers follow; "": none */
    enum metric metric; /* labels */
} catalogue[] = {
#define METRIC(name, kind, text) { #name, #kind, text, "", METRIC_##name },
#define FAMILY(name, kind, text) { #name, #kind, text, NULL, METRICS },
#define SAMPLE(name, id, labels) { #name, NULL, NULL, labels, METRIC_##name##_##id },
#include "actors/metrics.def"
#undef SAMPLE
#undef FAMILY
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
    for (size_t row = 0; row < sizeof catalogue / sizeof catalogue[0]; row++) {
        const char *labels = catalogue[row].labels;
        char name[64] = "";
        int printed = 0;
        for (size_t i = 0; i < sizeof name - 1 && catalogue[row].name[i] != '\0'; i++)
            name[i] = (char)tolower((unsigned char)catalogue[row].name[i]);
        if (catalogue[row].kind != NULL)
            printed = snprintf(text + length, capacity - length, "# HELP chatterbox_%s %s\n# TYPE chatterbox_%s %s\n", name, catalogue[row].help, name,
                               catalogue[row].kind);
        if (printed < 0 || (size_t)printed >= capacity - length)
            return 0;
        length += (size_t)printed;
        if (labels == NULL)
            continue;
        printed = snprintf(text + length, capacity - length, "chatterbox_%s%s%s%s %" PRId64 "\n", name, labels[0] != '\0' ? "{" : "", labels,
                           labels[0] != '\0' ? "}" : "", metrics_sum(sets, count, catalogue[row].metric));
        if (printed < 0 || (size_t)printed >= capacity - length)
            return 0;
        length += (size_t)printed;
    }
    return length;
}

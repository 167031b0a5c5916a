#include "runtime/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum scale {
#define METRIC(name, kind, text)
#define FAMILY(name, kind, text)
#define SAMPLE(name, id, labels)
#define HISTOGRAM(name, scale, text)
#define SERIES(name, id, labels)
#define SCALE(name, ...) SCALE_##name,
#include "actors/metrics.def"
#undef SCALE
#undef HISTOGRAM
    SCALES
};

static const int64_t bounds[SCALES][METRICS_BOUNDS] = {
#define HISTOGRAM(name, scale, text)
#define SCALE(name, ...) [SCALE_##name] = { __VA_ARGS__ },
#include "actors/metrics.def"
#undef SCALE
#undef HISTOGRAM
};

enum {
#define SCALE(name, ...)
#define HISTOGRAM(name, scale, text) SCALE_OF_##name = SCALE_##scale,
#include "actors/metrics.def"
#undef HISTOGRAM
#undef SERIES
};

static const uint8_t scales[METRICS] = {
#define HISTOGRAM(name, scale, text)
#define SERIES(name, id, labels) [METRIC_##name##_##id] = SCALE_OF_##name,
#include "actors/metrics.def"
#undef SERIES
#undef HISTOGRAM
#undef SAMPLE
#undef FAMILY
#undef METRIC
};

/* What is printed, one after the other. */
static const struct row {
    const char *name;
    const char *kind; /* NULL: it has been told of above */
    const char *help;
    const char *labels; /* NULL: numbers follow; "": none */
    enum metric metric; /* labels */
    bool is_series;
} catalogue[] = {
#define METRIC(name, kind, text) { #name, #kind, text, "", METRIC_##name, false },
#define FAMILY(name, kind, text) { #name, #kind, text, NULL, METRICS, false },
#define SAMPLE(name, id, labels) { #name, NULL, NULL, labels, METRIC_##name##_##id, false },
#define HISTOGRAM(name, scale, text) { #name, "histogram", text, NULL, METRICS, false },
#define SERIES(name, id, labels) { #name, NULL, NULL, labels, METRIC_##name##_##id, true },
#include "actors/metrics.def"
#undef SERIES
#undef HISTOGRAM
#undef SCALE
#undef SAMPLE
#undef FAMILY
#undef METRIC
};

static const int64_t MICROSECONDS = 1000000;

int64_t metrics_sum(const struct metrics *sets, size_t count, enum metric metric)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += atomic_load_explicit(&sets[i].value[metric], memory_order_relaxed);
    return sum;
}

void metrics_observe(struct metrics *metrics, enum metric series, int64_t microseconds)
{
    const int64_t *bound = bounds[scales[series]];
    unsigned bucket = 0;
    while (bucket < METRICS_BOUNDS && microseconds > bound[bucket])
        bucket++;
    metrics_add(metrics, series + bucket, 1);
    metrics_add(metrics, series + SERIES_SUM, microseconds);
}

/* What is being printed. */
struct page {
    char *text;
    size_t capacity, length;
    bool is_full;
};

__attribute__((format(printf, 2, 3))) static void put(struct page *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int printed = vsnprintf(page->text + page->length, page->capacity - page->length, format, arguments);
    va_end(arguments);
    if (printed < 0 || (size_t)printed >= page->capacity - page->length)
        page->is_full = true;
    else
        page->length += (size_t)printed;
}

/* Each bucket holds all that is in those below, too; the last one, all there is. */
static void put_series(struct page *page, const struct metrics *sets, size_t count, const char *name, const struct row *row)
{
    const char *comma = row->labels[0] != '\0' ? "," : "";
    const char *open = row->labels[0] != '\0' ? "{" : "", *close = row->labels[0] != '\0' ? "}" : "";
    const int64_t sum = metrics_sum(sets, count, row->metric + SERIES_SUM);
    int64_t all = 0;
    for (unsigned bucket = 0; bucket < METRICS_BOUNDS; bucket++) {
        all += metrics_sum(sets, count, row->metric + bucket);
        put(page, "chatterbox_%s_bucket{%s%sle=\"%g\"} %" PRId64 "\n", name, row->labels, comma,
            (double)bounds[scales[row->metric]][bucket] / (double)MICROSECONDS, all);
    }
    all += metrics_sum(sets, count, row->metric + SERIES_BEYOND);
    put(page, "chatterbox_%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", name, row->labels, comma, all);
    put(page, "chatterbox_%s_sum%s%s%s %" PRId64 ".%06" PRId64 "\n", name, open, row->labels, close, sum / MICROSECONDS, sum % MICROSECONDS);
    put(page, "chatterbox_%s_count%s%s%s %" PRId64 "\n", name, open, row->labels, close, all);
}

size_t metrics_print(const struct metrics *sets, size_t count, char *text, size_t capacity)
{
    struct page page = { .text = text, .capacity = capacity };
    for (const struct row *row = catalogue; row < catalogue + sizeof catalogue / sizeof catalogue[0]; row++) {
        char name[64] = "";
        for (size_t i = 0; i < sizeof name - 1 && row->name[i] != '\0'; i++)
            name[i] = (char)tolower((unsigned char)row->name[i]);
        if (row->kind != NULL)
            put(&page, "# HELP chatterbox_%s %s\n# TYPE chatterbox_%s %s\n", name, row->help, name, row->kind);
        if (row->is_series)
            put_series(&page, sets, count, name, row);
        else if (row->labels != NULL)
            put(&page, row->labels[0] != '\0' ? "chatterbox_%s{%s} %" PRId64 "\n" : "chatterbox_%s%s %" PRId64 "\n", name, row->labels,
                metrics_sum(sets, count, row->metric));
    }
    return page.is_full ? 0 : page.length;
}

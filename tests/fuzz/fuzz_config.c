/* The file of --config: what is accepted is in range, and points into the file; what is not is explained, with its place. */
#include "fuzz/fuzz.h"
#include "net/entrances.h"
#include "options.h"

static const uint8_t *bytes;
static size_t count;

static char *read_bytes(const char *path, size_t *length, const char **why)
{
    (void)path, (void)why;
    char *text = malloc(count + 1);
    CHECK_MEMORY(text);
    memcpy(text, bytes, count);
    text[count] = '\0';
    *length = count;
    return text;
}

static void check_options(const struct options *options)
{
    size_t index = 0;
#define GROUP(title)
#define NUMBER(member, flag, default_value, min, max, unit, help)                                               \
    CHECK(options->member == (default_value) || (options->member >= (min) && options->member <= (max)));        \
    CHECK(options->line[index++] > 0 || options->member == (default_value));
#define DURATION(member, flag, default_value, min_ms, max_ms, help) \
    CHECK(options->member >= (min_ms) && options->member <= (max_ms)); \
    index++;
#define TEXT(member, flag, default_value, value, help)                                                          \
    CHECK(options->member != NULL);                                                                             \
    CHECK(options->line[index++] == 0 || (options->member >= options->file && options->member <= options->file + count));
#include "options.def"
#undef GROUP
#undef NUMBER
#undef DURATION
#undef TEXT
    CHECK(index == OPTIONS_COUNT && options->line[0] == 0);
}

static bool is_located(const char *error)
{
    return strncmp(error, "file:", strlen("file:")) == 0 && strchr(error, '\n') == NULL;
}

/* What is wrong with a place to listen at is noticed later, and told as any other wrong value. */
static void check_places(const struct options *options)
{
    static struct entrances entrances;
    char error[OPTIONS_ERROR_BYTES] = "";
    if (entrances_plan(&entrances, options, ENTRANCES_NOT_KNOWN, error))
        return;
    options_locate(options, error);
    CHECK(is_located(error));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *arguments[] = { (char[]){ "chatterbox" }, (char[]){ "--config=file" }, NULL }, *no_variables[] = { NULL };
    struct options options;
    char error[OPTIONS_ERROR_BYTES] = "";
    bytes = data;
    count = size < OPTIONS_FILE_BYTES_MAX ? size : OPTIONS_FILE_BYTES_MAX;
    const enum options_result result = options_parse(&options, 2, arguments, no_variables, read_bytes, error);
    CHECK(result == OPTIONS_RUN || result == OPTIONS_BAD);
    CHECK((result == OPTIONS_BAD) == (error[0] != '\0'));
    if (result == OPTIONS_RUN) {
        check_options(&options);
        check_places(&options);
    } else {
        CHECK(is_located(error)); /* the defaults are in order by themselves */
    }
    options_fini(&options);
    return 0;
}

/* Flags, then after an empty line the environment, one a line: what is accepted is in range, what is not is explained. */
#include "fuzz/fuzz.h"
#include "net/entrances.h"
#include "options.h"
#include "redis/address.h"

enum { WORDS_MAX = 100 };

static void check_ranges(const struct options *options)
{
#define GROUP(title)
#define NUMBER(member, flag, default_value, min, max, unit, help) \
    CHECK(options->member == (default_value) || (options->member >= (min) && options->member <= (max)));
#define DURATION(member, flag, default_value, min_ms, max_ms, help) \
    CHECK(options->member >= (min_ms) && options->member <= (max_ms));
#define TEXT(member, flag, default_value, value, help) CHECK(options->member != NULL);
#include "options.def"
#undef GROUP
#undef NUMBER
#undef DURATION
#undef TEXT
}

static void check_address(const char *text)
{
    struct redis_address address;
    char error[REDIS_ADDRESS_ERROR_BYTES] = "";
    if (!redis_address_parse(&address, text, error)) {
        CHECK(error[0] != '\0' && strlen(error) < sizeof error - 1);
        return;
    }
    CHECK(address.kind != REDIS_UNIX || address.path[0] != '\0');
    CHECK(address.kind != REDIS_TCP || address.endpoint_count == 1);
    CHECK(address.kind != REDIS_SENTINEL || (address.endpoint_count >= 1 && address.master[0] != '\0'));
    CHECK(address.kind != REDIS_CLUSTER || (address.endpoint_count >= 1 && address.db == 0));
    for (unsigned i = 0; i < address.endpoint_count; i++)
        CHECK(address.endpoints[i].host[0] != '\0' && address.endpoints[i].port != 0);
}

/* Where to listen is read by whoever listens. */
static void check_places(const struct options *options)
{
    static struct entrances entrances;
    char error[ENTRANCES_ERROR_BYTES] = "";
    if (entrances_plan(&entrances, options, ENTRANCES_NOT_KNOWN, error))
        CHECK(entrances.count <= ENTRANCES_MAX + 1);
    else
        CHECK(strncmp(error, "--listen", strlen("--listen")) == 0 && strchr(error, '\n') == NULL);
}

/* No file is opened here; fuzz_config.c is about what is in one. */
static char *read_nothing(const char *path, size_t *length, const char **why)
{
    (void)path, (void)length;
    *why = "not here";
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *words[WORDS_MAX + 2] = { NULL }; /* the flags and the environment, a NULL behind each */
    char name[] = "chatterbox";
    size_t count = 1, environment = 0, length;
    words[0] = name;
    while (count < WORDS_MAX && (words[count] = take_line(&data, &size, &length)) != NULL) {
        if (length == 0 && environment == 0) {
            free(words[count]);
            words[count] = NULL;
            environment = count + 1;
        }
        count++;
    }
    int argc = (int)(environment > 0 ? environment - 1 : count);

    struct options options;
    char error[OPTIONS_ERROR_BYTES] = "";
    enum options_result result =
        options_parse(&options, argc, words, environment > 0 ? words + environment : words + count, read_nothing, error);
    CHECK((result == OPTIONS_BAD) == (error[0] != '\0'));
    if (result == OPTIONS_RUN) {
        check_ranges(&options);
        check_address(options.redis);
        check_places(&options);
    }
    for (size_t i = 1; i < count; i++) {
        if (words[i] != NULL)
            check_address(words[i]);
        free(words[i]);
    }
    return 0;
}

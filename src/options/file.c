#include "options/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options/catalogue.h"
#include "runtime/check.h"

enum { PLACE_BYTES = 128, SOURCE_BYTES = PLACE_BYTES + OPTION_NAME_BYTES };

static const char blanks[] = " \t\r";
static const char name_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

char *options_read_file(const char *path, size_t *length, const char **why)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        *why = strerror(errno);
        return NULL;
    }
    char *text = malloc(OPTIONS_FILE_BYTES_MAX + 1);
    CHECK_MEMORY(text);
    *length = fread(text, 1, OPTIONS_FILE_BYTES_MAX + 1, file);
    const int error = ferror(file) != 0 ? errno : *length > OPTIONS_FILE_BYTES_MAX ? EFBIG : 0;
    fclose(file);
    if (error != 0) {
        free(text);
        *why = strerror(error);
        return NULL;
    }
    text[*length] = '\0';
    return text;
}

static void print_place(char place[PLACE_BYTES], const struct options *options, unsigned line)
{
    snprintf(place, PLACE_BYTES, "%.100s:%u: ", options->config, line);
}

__attribute__((format(printf, 4, 5))) static bool fail(const struct options *options, unsigned line, char error[OPTIONS_ERROR_BYTES], const char *format, ...)
{
    va_list arguments;
    print_place(error, options, line);
    const size_t length = strlen(error);
    va_start(arguments, format);
    vsnprintf(error + length, OPTIONS_ERROR_BYTES - length, format, arguments);
    va_end(arguments);
    return false;
}

/* What is between blanks, with a NUL where they begin. */
static char *trim(char *begin, char *end)
{
    begin += strspn(begin, blanks);
    while (end > begin && strchr(blanks, end[-1]) != NULL)
        end--;
    *end = '\0';
    return begin;
}

static bool fail_unknown(const struct options *options, unsigned line, const char *name, char error[OPTIONS_ERROR_BYTES])
{
    static const char prefix[] = "CHATTERBOX_"; /* lines of a file for the environment */
    const size_t skipped = strncmp(name, prefix, sizeof prefix - 1) == 0 ? sizeof prefix - 1 : 0;
    bool is_near;
    const struct option *nearest = option_nearest(name + skipped, strlen(name + skipped), &is_near);
    return fail(options, line, error, "%.80s: unknown name; did you mean %s? (see --help)", name, nearest->flag);
}

/* A line, with a NUL at its end. first: the line in which each name was before; 0: in none. */
static bool parse_line(struct options *options, const bool given[OPTIONS_COUNT], unsigned first[OPTIONS_COUNT], unsigned line, char *begin, char *end,
                       char error[OPTIONS_ERROR_BYTES])
{
    char *name = trim(begin, end);
    if (name[0] == '\0' || name[0] == '#')
        return true;
    const size_t length = strspn(name, name_letters);
    char *equals = name + length + strspn(name + length, blanks);
    /* Nothing is quoted: it may be a password that has lost its name. */
    if (length == 0 || equals[0] != '=')
        return fail(options, line, error, "expected name = value, such as port = 8000, or # and a comment");
    char *value = trim(equals + 1, equals + strlen(equals));
    name[length] = '\0';
    const struct option *option = option_find(name, length);
    if (option == NULL)
        return fail_unknown(options, line, name, error);
    const size_t index = (size_t)(option - option_catalogue);
    if (option->offset == offsetof(struct options, config))
        return fail(options, line, error, "%s: a file names no other one; expected --config or CHATTERBOX_CONFIG", name);
    if (first[index] != 0)
        return fail(options, line, error, "%s: is in line %u as well; expected it once", name, first[index]);
    first[index] = line;
    if (given[index])
        return true;
    char source[SOURCE_BYTES];
    print_place(source, options, line);
    memcpy(source + strlen(source), name, length + 1);
    if (!option_set(options, option, value, source, error))
        return false;
    options->line[index] = line;
    return true;
}

bool file_parse(struct options *options, const bool given[OPTIONS_COUNT], size_t length, char error[OPTIONS_ERROR_BYTES])
{
    unsigned first[OPTIONS_COUNT] = { 0 }, line = 1;
    char *begin = options->file, *const end = options->file + length;
    for (char *newline; begin < end; begin = newline + 1, line++) {
        newline = memchr(begin, '\n', (size_t)(end - begin));
        if (newline == NULL)
            newline = end;
        if (memchr(begin, '\0', (size_t)(newline - begin)) != NULL)
            return fail(options, line, error, "has a byte that is 0; expected text");
        *newline = '\0';
        if (!parse_line(options, given, first, line, begin, newline, error))
            return false;
    }
    return true;
}

void options_locate(const struct options *options, char error[OPTIONS_ERROR_BYTES])
{
    char place[PLACE_BYTES];
    for (const char *flag = error; (flag = strstr(flag, "--")) != NULL;) {
        const char *name = flag + 2;
        const size_t length = strspn(name, name_letters);
        const struct option *option = option_find(name, length);
        const unsigned line = option != NULL ? options->line[option - option_catalogue] : 0;
        if (line > 0) {
            const char *said = flag == error ? name : error; /* lines have names without dashes */
            print_place(place, options, line);
            const size_t before = strlen(place), said_length = strlen(said), room = OPTIONS_ERROR_BYTES - 1 - before;
            const size_t kept = said_length < room ? said_length : room;
            memmove(error + before, said, kept);
            memcpy(error, place, before);
            error[before + kept] = '\0';
            return;
        }
        flag = name + length;
    }
}

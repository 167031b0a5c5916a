/* help.c: the text of --help, from the catalogue: groups, flags, and under each flag what it does. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

enum { COLUMNS = 80, INDENT = 8, HELP_TEXT_BYTES = 512 };

/* A group has a title alone. A flag's default is a text, or a number if there is none. */
struct row {
    const char *title, *flag, *value, *default_text, *help;
    int64_t default_number;
};

static const struct row rows[] = {
#define GROUP(name) { name, NULL, NULL, NULL, NULL, 0 },
#define NUMBER(member, flag, default_value, min, max, unit, help) { NULL, flag, unit, NULL, help, default_value },
#define DURATION(member, flag, default_value, min_ms, max_ms, help) { NULL, flag, "time", default_value, help, 0 },
#define TEXT(member, flag, default_value, value, help) { NULL, flag, value, default_value, help, 0 },
#include "options.def"
#undef GROUP
#undef NUMBER
#undef DURATION
#undef TEXT
};

struct page {
    char *text;
    size_t capacity, length;
};

__attribute__((format(printf, 2, 3))) static void print(struct page *page, const char *format, ...)
{
    const size_t room = page->capacity - page->length;
    va_list arguments;
    va_start(arguments, format);
    const int printed = vsnprintf(page->text + page->length, room, format, arguments);
    va_end(arguments);
    page->length += printed < 0 ? 0 : (size_t)printed < room ? (size_t)printed : room - 1;
}

/* Words, as many in a line as there are columns for. A longer one has a line of its own. */
static void print_wrapped(struct page *page, const char *words)
{
    size_t column = 0;
    while (*words != '\0') {
        const size_t length = strcspn(words, " ");
        if (column == 0 || column + 1 + length > COLUMNS) {
            print(page, "%s%*s", column == 0 ? "" : "\n", INDENT, "");
            column = INDENT;
        } else {
            print(page, " ");
            column++;
        }
        print(page, "%.*s", (int)length, words);
        column += length;
        words += length + strspn(words + length, " ");
    }
    print(page, "\n");
}

static void print_row(struct page *page, const struct row *row)
{
    char text[HELP_TEXT_BYTES];
    if (row->title != NULL) {
        print(page, "\n%s\n", row->title);
        return;
    }
    print(page, "  --%s <%s>\n", row->flag, row->value);
    if (row->default_text == NULL && row->default_number >= 0)
        snprintf(text, sizeof text, "%s (default: %" PRId64 ")", row->help, row->default_number);
    else if (row->default_text != NULL && row->default_text[0] != '\0')
        snprintf(text, sizeof text, "%s (default: %s)", row->help, row->default_text);
    else
        snprintf(text, sizeof text, "%s", row->help);
    print_wrapped(page, text);
}

size_t options_help(char *text, size_t capacity)
{
    struct page page = { text, capacity, 0 };
    print(&page, "usage: chatterbox [--flag value]...\n\n"
                 "Each flag is also an environment variable: --io-threads is\n"
                 "CHATTERBOX_IO_THREADS; and a line of the file of --config:\n"
                 "io-threads = 2. Times are written as 500ms, 10s, 2m or 1h.\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        print_row(&page, &rows[i]);
    print(&page, "\n  --check\n");
    print_wrapped(&page, "say whether these settings will do, by no line and exit status 0, or by one line and 2; what is named is opened, nothing is made, "
                         "and neither port nor Redis is touched");
    print(&page, "  --help\n        print this and exit\n  --version\n        print the version and exit\n");
    return page.length;
}

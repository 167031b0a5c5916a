/* flags: the catalogue of flags (src/options.def) for readers.
 *   flags table   the table of tools/OPERATING.md, in Markdown; a test compares the two
 *   flags man     the manual page chatterbox(8), which the build makes by it
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A group has a title alone. */
struct row {
    enum { GROUP_ROW, NUMBER_ROW, DURATION_ROW, TEXT_ROW } kind;
    const char *title, *flag, *value, *default_text, *help;
    int64_t default_number, min, max;
};

static const struct row rows[] = {
#define GROUP(name) { GROUP_ROW, name, NULL, NULL, NULL, NULL, 0, 0, 0 },
#define NUMBER(member, flag, default_value, min, max, unit, help) { NUMBER_ROW, NULL, flag, unit, NULL, help, default_value, min, max },
#define DURATION(member, flag, default_value, min_ms, max_ms, help) { DURATION_ROW, NULL, flag, "time", default_value, help, 0, min_ms, max_ms },
#define TEXT(member, flag, default_value, value, help) { TEXT_ROW, NULL, flag, value, default_value, help, 0, 0, 0 },
#include "options.def"
#undef GROUP
#undef NUMBER
#undef DURATION
#undef TEXT
};

enum { ROWS = sizeof rows / sizeof rows[0], TEXT_BYTES = 64 };

/* 4194304: 4,194,304. */
static void print_number(char text[TEXT_BYTES], int64_t number)
{
    char digits[TEXT_BYTES / 2];
    const int count = snprintf(digits, sizeof digits, "%" PRId64, number);
    size_t length = 0;
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            text[length++] = ',';
        text[length++] = digits[i];
    }
    text[length] = '\0';
}

/* In the largest unit in which it is a whole number. */
static void print_duration(char text[TEXT_BYTES], int64_t milliseconds)
{
    static const struct {
        const char *unit;
        int64_t milliseconds;
    } units[] = { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };
    size_t i = 0;
    while (milliseconds % units[i].milliseconds != 0)
        i++;
    snprintf(text, TEXT_BYTES, "%" PRId64 "%s", milliseconds / units[i].milliseconds, milliseconds == 0 ? "" : units[i].unit);
}

/* "": there is none, or the help says how it is worked out. */
static void print_default(char text[TEXT_BYTES], const struct row *row)
{
    if (row->kind != NUMBER_ROW)
        snprintf(text, TEXT_BYTES, "%s", row->default_text);
    else if (row->default_number < 0)
        text[0] = '\0';
    else if (strcmp(row->value, "port") == 0) /* a name more than a number */
        snprintf(text, TEXT_BYTES, "%" PRId64, row->default_number);
    else
        print_number(text, row->default_number);
}

static void print_range(char text[2 * TEXT_BYTES], const struct row *row)
{
    char low[TEXT_BYTES] = "", high[TEXT_BYTES] = "";
    if (row->kind == NUMBER_ROW) {
        print_number(low, row->min);
        print_number(high, row->max);
    } else if (row->kind == DURATION_ROW) {
        print_duration(low, row->min);
        print_duration(high, row->max);
    }
    snprintf(text, 2 * TEXT_BYTES, "%.60s%s%.60s", low, low[0] != '\0' ? " to " : "", high);
}

static void print_table(void)
{
    puts("| flag | default | range | what it does |\n|---|---|---|---|");
    for (size_t i = 0; i < ROWS; i++) {
        char default_text[TEXT_BYTES], range[2 * TEXT_BYTES];
        if (rows[i].kind == GROUP_ROW) {
            printf("| **%s** |  |  |  |\n", rows[i].title);
            continue;
        }
        print_default(default_text, &rows[i]);
        print_range(range, &rows[i]);
        const char *quote = default_text[0] != '\0' ? "`" : "";
        printf("| `--%s` | %s%s%s | %s | %s |\n", rows[i].flag, quote, default_text, quote, range, rows[i].help);
    }
}

/* roff's own characters as such (groff_char(7)). */
static void print_roff(const char *text)
{
    if (text[0] == '.' || text[0] == '\'')
        fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        if (*text == ',')
            fputs("\\:", stdout); /* a long value may be broken there */
    }
}

static void print_man_row(const struct row *row)
{
    char default_text[TEXT_BYTES], range[2 * TEXT_BYTES];
    if (row->kind == GROUP_ROW) {
        printf(".SS %s\n", row->title);
        return;
    }
    print_default(default_text, row);
    print_range(range, row);
    fputs(".TP\n.BI \\-\\-", stdout);
    print_roff(row->flag);
    printf(" \" %s\"\n", row->value);
    print_roff(row->help);
    putchar('\n');
    if (default_text[0] != '\0' || range[0] != '\0') {
        putchar('(');
        print_roff(range);
        if (default_text[0] != '\0') {
            printf("%sdefault: ", range[0] != '\0' ? "; " : "");
            print_roff(default_text);
        }
        puts(")");
    }
}

static void print_man(void)
{
    puts(".\\\" Made from src/options.def by tools/flags.c.\n"
         ".ds AD l\n" /* no line is stretched: some names are too long for that, which groff warns of */
         ".TH CHATTERBOX 8 \"\" \"chatterbox " CHATTERBOX_VERSION "\" \"System Administration\"\n"
         ".nh\n.ad l\n" /* values are not to be cut, nor spaced out */
         ".SH NAME\n"
         "chatterbox \\- anonymous chat with strangers who share an interest\n"
         ".SH SYNOPSIS\n"
         ".B chatterbox\n"
         ".RI [ \\-\\-flag \" \" value ]...\n"
         ".SH DESCRIPTION\n"
         "Serves the WebSocket API and the page, and matches people in Redis: an embedded one, unless\n"
         ".B \\-\\-redis\n"
         "names another.\n"
         "It stays in the foreground, and logs to standard error.\n"
         ".PP\n"
         "Each flag is also an environment variable, and a line of the file of\n"
         ".BR \\-\\-config :\n"
         ".B \\-\\-io\\-threads 2\n"
         "is\n"
         ".B CHATTERBOX_IO_THREADS=2\n"
         "or\n"
         ".BR \"io\\-threads = 2\" .\n"
         "A flag wins over a variable, and a variable over the file.\n"
         "Times are written as 500ms, 10s, 2m or 1h.\n"
         ".SH OPTIONS");
    for (size_t i = 0; i < ROWS; i++)
        print_man_row(&rows[i]);
    puts(".SS Others\n"
         ".TP\n.B \\-\\-check\nSay whether the server would start with these settings: nothing and status 0, or one line and status 2.\n"
         "What is named is opened, nothing is made, and neither port nor Redis is touched.\n"
         ".TP\n.B \\-\\-help\nPrint a summary and exit.\n"
         ".TP\n.B \\-\\-version\nPrint the version and exit.\n"
         ".SH ENVIRONMENT\n"
         "That of each flag, as said above; and two that have none, since others on the machine can read a command line:\n"
         ".TP\n.B CHATTERBOX_REDIS_PASSWORD\nThe password for Redis.\n"
         ".TP\n.B CHATTERBOX_SENTINEL_PASSWORD\nThe password for the Sentinels.\n"
         ".SH SIGNALS\n"
         ".TP\n.BR SIGTERM \", \" SIGINT \", \" SIGQUIT\nStop: after \\-\\-drain\\-delay and \\-\\-drain\\-time, which a second one ends; the next one stops at once.\n"
         ".TP\n.B SIGHUP\nLoad certificates anew, if there are any. If its terminal is gone, stop.\n"
         ".SH \"EXIT STATUS\"\n"
         ".TP\n.B 0\nStopped in order.\n"
         ".TP\n.B 1\nThe start has failed: a port is in use, say.\n"
         ".TP\n.B 2\nA flag, a variable, a line of the file or a file that is named will not do; one line says what would.\n"
         ".SH \"SEE ALSO\"\n"
         ".BR redis\\-server (1),\n"
         ".BR systemd.exec (5)");
}

int main(int argc, char *argv[])
{
    if (argc == 2 && strcmp(argv[1], "table") == 0) {
        print_table();
    } else if (argc == 2 && strcmp(argv[1], "man") == 0) {
        print_man();
    } else {
        fputs("flags: expected table or man\n", stderr);
        return 2;
    }
    return ferror(stdout) != 0 || fflush(stdout) != 0;
}

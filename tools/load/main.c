/* load: what does the server cost, and how late is it?
 *
 *   load idle   users who submitted interests: connect latency, server memory for each (PSS)
 *   load relay  users in pairs who write to each other: closed loop with a window, or open loop at a rate, with the latency
 *               from the time a message should have been sent, so that a stall is not hidden
 *   load churn  whole sessions: connect, interests, match, three messages each way, end, close
 *   load wait   users who search, each under an interest that nobody shares, for --seconds
 *
 * With --other-port the second user of each two connects there: pairs across two servers. --pid names the server, or all of several, for what they cost.
 *
 * Prints a progress line each second to stderr and one JSON line to stdout at the end. Loopback only, unless --host says otherwise.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "load/churn.h"
#include "load/fail.h"
#include "load/idle.h"
#include "load/relay.h"
#include "load/report.h"
#include "load/requests.h"
#include "load/run.h"

static const struct mode *const modes[] = { &idle_mode, &relay_mode, &churn_mode, &wait_mode };

static double number(const char *flag, const char *text, double min, double max)
{
    char *end, line[128];
    double value = text != NULL ? strtod(text, &end) : 0;
    if (text == NULL || *end != '\0' || value < min || value > max) {
        snprintf(line, sizeof line, "%s: expected a number from %g to %g", flag, min, max);
        load_fail(line);
    }
    return value;
}

static enum protocol protocol(const char *name)
{
    static const char *const names[] = { "chatterbox", "websocket", "raw" };
    for (int i = PROTOCOL_CHATTERBOX; i <= PROTOCOL_RAW; i++) {
        if (name != NULL && strcmp(names[i], name) == 0)
            return (enum protocol)i;
    }
    load_fail("--protocol: expected chatterbox, websocket or raw");
}

static const char *host(const char *address)
{
    struct sockaddr_in parsed;
    if (address == NULL || uv_ip4_addr(address, 0, &parsed) != 0)
        load_fail("--host: expected an IPv4 address");
    return address;
}

static int spelling(const char *name)
{
    int found = spelling_find(name);
    if (found < 0)
        load_fail("--spelling: expected stringify, python, readme, shuffled or escaped");
    return found;
}

/* One, or several with commas. */
static struct processes processes(const char *list)
{
    struct processes found = { 0 };
    for (const char *next = list; next != NULL && found.count < PROCESSES_MAX;) {
        char *end;
        long pid = strtol(next, &end, 10);
        if (end == next || pid < 1 || pid > INT_MAX)
            break;
        found.pid[found.count++] = (int)pid;
        if (*end == '\0')
            return found;
        next = *end == ',' ? end + 1 : NULL;
    }
    load_fail("--pid: expected up to 16 process ids with commas");
}

#define FLAGS "--host, --port, --other-port, --protocol, --users, --seconds, --window, --rate, --size, --spelling or --pid"

static void parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){ .host = "127.0.0.1", .port = 8000, .users = 200, .seconds = 5, .window = 1, .size = 64 };
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(argv[1], modes[i]->name) == 0)
            options->mode = modes[i];
    }
    if (options->mode == NULL)
        load_fail("expected idle, relay, churn or wait; then " FLAGS);
    for (int i = 2; i < argc; i += 2) {
        const char *flag = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(flag, "--host") == 0)
            options->host = host(value);
        else if (strcmp(flag, "--port") == 0)
            options->port = (int)number(flag, value, 1, 65535);
        else if (strcmp(flag, "--other-port") == 0)
            options->other_port = (int)number(flag, value, 1, 65535);
        else if (strcmp(flag, "--protocol") == 0)
            options->protocol = protocol(value);
        else if (strcmp(flag, "--users") == 0)
            options->users = (unsigned)number(flag, value, 2, 100000) & ~1u;
        else if (strcmp(flag, "--seconds") == 0)
            options->seconds = number(flag, value, 0.1, 3600);
        else if (strcmp(flag, "--window") == 0)
            options->window = (unsigned)number(flag, value, 1, 16);
        else if (strcmp(flag, "--rate") == 0)
            options->rate = number(flag, value, 0, 1e8);
        else if (strcmp(flag, "--size") == 0)
            options->size = (unsigned)number(flag, value, 40, 2000);
        else if (strcmp(flag, "--spelling") == 0)
            options->spelling = spelling(value);
        else if (strcmp(flag, "--pid") == 0)
            options->servers = processes(value);
        else
            load_fail("unknown flag; expected " FLAGS);
    }
    /* An address has 28,000 ports, and one is found at once as long as few are taken. */
    options->sources = strncmp(options->host, "127.", 4) == 0 ? 1 + options->users / 2500 : 0;
}

int main(int argc, char **argv)
{
    static struct run run;
    struct rlimit limit;
    parse(&run.options, argc, argv);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    run_go(&run);
    return report(&run);
}

#include "runtime/process.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STAT_BYTES = 1024, FIELDS_TO_START = 19 };

static const double NANOSECONDS = 1e9;

static double seconds(struct timespec time)
{
    return (double)time.tv_sec + (double)time.tv_nsec / NANOSECONDS;
}

/* The first bytes of a file, as a text. */
static bool read_text(const char *path, char *text, size_t capacity)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    const size_t length = fread(text, 1, capacity - 1, file);
    fclose(file);
    text[length] = '\0';
    return length > 0;
}

/* proc_pid_stat(5): starttime is the 22nd field, the 20th behind the name, which may hold anything but ends with the last bracket. In ticks since the machine's start. */
static double start_seconds(void)
{
    char text[STAT_BYTES];
    unsigned long long ticks;
    if (!read_text("/proc/self/stat", text, sizeof text))
        return 0;
    const char *at = strrchr(text, ')');
    for (int field = 0; at != NULL && field <= FIELDS_TO_START; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL || sscanf(at, "%llu", &ticks) != 1)
        return 0;
    struct timespec now, since_boot;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    return seconds(now) - seconds(since_boot) + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double resident_bytes(void)
{
    char text[STAT_BYTES];
    unsigned long long pages;
    if (!read_text("/proc/self/statm", text, sizeof text) || sscanf(text, "%*u %llu", &pages) != 1)
        return 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(void)
{
    struct timespec spent;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent) == 0 ? seconds(spent) : 0;
}

static double max_descriptors(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : 0;
}

/* Linux says how many there are since 6.2. To go through them all would hold up whoever asks for as long as there are connections. */
static double open_descriptors(void)
{
    struct stat directory;
    return stat("/proc/self/fd", &directory) == 0 ? (double)directory.st_size : 0;
}

size_t process_print(char *text, size_t capacity)
{
    const struct {
        const char *name;
        const char *kind;
        const char *help;
        double value;
    } rows[] = {
        { "process_start_time_seconds", "gauge", "Unix time at which the process began", start_seconds() },
        { "process_cpu_seconds_total", "counter", "CPU time of all threads", cpu_seconds() },
        { "process_resident_memory_bytes", "gauge", "Memory that is resident", resident_bytes() },
        { "process_max_fds", "gauge", "Descriptors that may be open", max_descriptors() },
        { "process_open_fds", "gauge", "Descriptors that are open; not told by a Linux before 6.2", open_descriptors() },
    };
    size_t length = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].value == 0)
            continue; /* the system does not say, and 0 would be a lie */
        const int printed = snprintf(text + length, capacity - length, "# HELP %s %s\n# TYPE %s %s\n%s %.3f\n", rows[i].name, rows[i].help, rows[i].name,
                                     rows[i].kind, rows[i].name, rows[i].value);
        if (printed < 0 || (size_t)printed >= capacity - length)
            return 0;
        length += (size_t)printed;
    }
    return length;
}

#include "load/process.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static double cpu_seconds(int pid)
{
    char path[64], line[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fgets(line, sizeof line, file) != NULL) {
        const char *after_name = strrchr(line, ')');
        if (after_name != NULL)
            sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    }
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double processes_cpu_seconds(const struct processes *processes)
{
    double seconds = 0;
    for (unsigned i = 0; i < processes->count; i++)
        seconds += cpu_seconds(processes->pid[i]);
    return seconds;
}

double process_own_cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static long pss_kib(int pid)
{
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Pss: %ld kB", &kib) == 1)
            break;
    }
    if (file != NULL)
        fclose(file);
    return kib;
}

long processes_pss_kib(const struct processes *processes)
{
    long kib = 0;
    for (unsigned i = 0; i < processes->count; i++)
        kib += pss_kib(processes->pid[i]);
    return kib;
}

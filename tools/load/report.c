#include "load/report.h"

#include <inttypes.h>
#include <stdio.h>

void report_histogram(const char *name, const struct histogram *histogram)
{
    printf(",\"%s_us\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f}", name,
           (double)histogram_quantile(histogram, 0.5) / 1e3, (double)histogram_quantile(histogram, 0.9) / 1e3,
           (double)histogram_quantile(histogram, 0.99) / 1e3, (double)histogram_quantile(histogram, 0.999) / 1e3,
           (double)histogram->max / 1e3);
}

int report(const struct run *run)
{
    const struct load *load = &run->load;
    double seconds = (double)(run->end_ns - run->begin_ns) / 1e9;
    double own_share = run->own_cpu / seconds;
    uint64_t wrong = load->lost + load->doubled + load->misdelivered + load->errors + load->closed;
    printf("{\"mode\":\"%s\",\"users\":%u,\"seconds\":%.2f,\"server_cpu_seconds\":%.2f,\"load_cpu_share\":%.2f",
           run->options.mode->name, run->options.users, seconds, run->server_cpu, own_share);
    run->options.mode->print(run, seconds);
    printf(",\"lost\":%" PRIu64 ",\"doubled_or_reordered\":%" PRIu64 ",\"misdelivered\":%" PRIu64 ",\"errors\":%" PRIu64
           ",\"closed\":%" PRIu64 ",\"load_is_bottleneck\":%s}\n",
           load->lost, load->doubled, load->misdelivered, load->errors, load->closed, own_share > 0.9 ? "true" : "false");
    if (own_share > 0.9 && run->options.mode->is_rate)
        fprintf(stderr, "load: this generator used a whole core: the rate is its own limit, not the server's\n");
    return wrong == 0 ? 0 : 1;
}

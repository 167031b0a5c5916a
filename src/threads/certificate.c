#include "threads/certificate.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { LOOK_EVERY_MS = 24 * 3600 * 1000, WARN_DAYS = 14, DAY_SECONDS = 24 * 3600 };

static bool has_one(const struct certificate *certificate)
{
    return certificate->context.ssl != NULL;
}

static bool load(struct tls_context *context, const struct options *options, char error[CERTIFICATE_ERROR_BYTES])
{
    const struct tls_files files = { .authorities = "", .certificate = options->tls_certificate, .key = options->tls_key };
    char why[TLS_ERROR_BYTES];
    if (tls_context_init(context, TLS_SERVER, &files, why))
        return true;
    snprintf(error, CERTIFICATE_ERROR_BYTES, "--tls-certificate: %s", why);
    return false;
}

/* Says when it ends: as a warning if that is soon; else only if it is a new one. */
static void tell(const struct certificate *certificate, bool is_new)
{
    const time_t ends = (time_t)tls_context_ends(&certificate->context);
    const long long days = ((long long)ends - (long long)time(NULL)) / DAY_SECONDS;
    struct tm broken_down;
    char text[40] = "";
    if (gmtime_r(&ends, &broken_down) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &broken_down);
    if (days < WARN_DAYS)
        log_event(certificate->log, LOG_WARN, "certificate_ends", "at=%s days=%lld advice=\"renew it, then send SIGHUP\"", text, days);
    else if (is_new)
        log_event(certificate->log, LOG_INFO, "certificate", "ends=%s days=%lld", text, days);
    metrics_set(certificate->metrics, METRIC_TLS_CERTIFICATE_EXPIRY_SECONDS, (int64_t)ends);
}

bool certificate_load(struct certificate *certificate, const struct options *options, const struct log *log, char error[CERTIFICATE_ERROR_BYTES])
{
    *certificate = (struct certificate){ .options = options, .log = log };
    return options->tls_certificate[0] == '\0' || load(&certificate->context, options, error);
}

const struct tls_context *certificate_context(const struct certificate *certificate)
{
    return has_one(certificate) ? &certificate->context : NULL;
}

static void on_reload(uv_signal_t *signal, int number)
{
    struct certificate *certificate = signal->data;
    struct tls_context context;
    char error[CERTIFICATE_ERROR_BYTES];
    (void)number;
    if (certificate->is_closed)
        return;
    notify_reloading(certificate->notify);
    if (!load(&context, certificate->options, error)) {
        log_event(certificate->log, LOG_ERROR, "certificate_refused", "error=\"%s\" so=\"the former one stays\"", error);
        notify_ready(certificate->notify, "Serves, with the former certificate");
        return;
    }
    tls_context_fini(&certificate->context);
    certificate->context = context;
    for (unsigned i = 0; i < certificate->io_threads; i++)
        executor_send(certificate->executor, &(struct message){ .type = TLS_CONTEXT,
                                                                .to = address_of_thread(certificate->first_io_thread + i),
                                                                .tls_context = { .ssl = tls_context_share(&context).ssl } });
    tell(certificate, true);
    notify_ready(certificate->notify, "Serves, with a new certificate");
}

static void on_look(uv_timer_t *timer)
{
    tell(timer->data, false);
}

void certificate_watch(struct certificate *certificate, struct executor *executor, const struct notify *notify, struct metrics *metrics, unsigned first_io_thread,
                       unsigned io_threads)
{
    if (!has_one(certificate))
        return;
    certificate->executor = executor;
    certificate->notify = notify;
    certificate->metrics = metrics;
    certificate->first_io_thread = first_io_thread;
    certificate->io_threads = io_threads;
    uv_signal_init(executor->loop, &certificate->reload);
    uv_timer_init(executor->loop, &certificate->look);
    certificate->reload.data = certificate->look.data = certificate;
    uv_signal_start(&certificate->reload, on_reload, SIGHUP);
    uv_timer_start(&certificate->look, on_look, LOOK_EVERY_MS, LOOK_EVERY_MS);
    tell(certificate, true);
}

void certificate_close(struct certificate *certificate)
{
    certificate->is_closed = true;
}

void certificate_leave(struct certificate *certificate)
{
    if (!has_one(certificate))
        return;
    uv_close((uv_handle_t *)&certificate->reload, NULL);
    uv_close((uv_handle_t *)&certificate->look, NULL);
}

void certificate_fini(struct certificate *certificate)
{
    tls_context_fini(&certificate->context);
}

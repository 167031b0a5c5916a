/* certificate.h: what the server shows to who connects by TLS: loaded at the start, and again whenever SIGHUP asks for it.
 *
 * Each I/O thread is sent a reference of its own to what was loaded (TLS_CONTEXT). Connections keep what they began with. A file that will not do is one line
 * in the log, and the former certificate stays.
 *
 * Threads: main.
 */
#ifndef CHATTERBOX_THREADS_CERTIFICATE_H
#define CHATTERBOX_THREADS_CERTIFICATE_H

#include <stdbool.h>
#include <uv.h>

#include "options.h"
#include "runtime/executor.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/notify.h"
#include "tls/context.h"

enum { CERTIFICATE_ERROR_BYTES = 256 };

/* All zero: there is none. */
struct certificate {
    const struct options *options;
    const struct log *log;
    const struct notify *notify;
    struct metrics *metrics;   /* main's set */
    struct executor *executor; /* main's */
    unsigned first_io_thread, io_threads;
    struct tls_context context;
    uv_signal_t reload;
    uv_timer_t look;
    bool is_closed; /* the server stops */
};

/* As --tls-certificate and --tls-key say. On false error holds one line. */
bool certificate_load(struct certificate *certificate, const struct options *options, const struct log *log, char error[CERTIFICATE_ERROR_BYTES])
    __attribute__((warn_unused_result));

/* What io_thread_config wants. NULL: there is no TLS. */
const struct tls_context *certificate_context(const struct certificate *certificate);

/* From here on SIGHUP is heeded, and the end of the certificate is looked out for. */
void certificate_watch(struct certificate *certificate, struct executor *executor, const struct notify *notify, struct metrics *metrics, unsigned first_io_thread,
                       unsigned io_threads);

/* SIGHUP does nothing any more: a thread that has been told to end takes no reference. */
void certificate_close(struct certificate *certificate);

/* Close the handles of certificate_watch(). */
void certificate_leave(struct certificate *certificate);

void certificate_fini(struct certificate *certificate);

#endif

#include "threads/matcher_thread.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/matcher.h"
#include "redis/redis_store.h"
#include "runtime/check.h"

/* Match ids begin with the milliseconds since 1970 at start, so that no later process uses one again. */
enum { MATCH_TIME_SHIFT = 20 };

struct matcher_thread {
    struct executor executor;
    struct matcher_thread_config config;
    struct matcher matcher;
    struct redis_store store;
    struct reachable reachable;
    char prefix[REDIS_PREFIX_BYTES];
    unsigned messages_this_turn;
};

static void send_message(void *self, const struct message *message)
{
    struct matcher_thread *thread = self;
    executor_send(&thread->executor, message);
}

/* Who waits on a node that cannot be told of a match is not claimed from now on. */
static void on_peer_node(struct matcher_thread *thread, const struct message *message)
{
    if (message->type == PEER_NODE_DIED)
        reachable_remove(&thread->reachable, message->peer_node.node);
    else if (!reachable_add(&thread->reachable, message->peer_node.incarnation, message->peer_node.node))
        log_event(thread->config.log, LOG_WARN, "peers_too_many", "node=%016" PRIx64, message->peer_node.incarnation);
    redis_store_set_reachable(&thread->store, &thread->reachable);
}

static void on_message(void *owner, struct message *message)
{
    struct matcher_thread *thread = owner;
    thread->messages_this_turn++;
    switch ((enum message_type)message->type) {
    case DRAIN:
    case EXIT:
    case PROBE:
        executor_obey(&thread->executor, (enum message_type)message->type);
        break;
    case PEER_NODE_ALIVE:
    case PEER_NODE_DIED:
        on_peer_node(thread, message);
        break;
    default:
        matcher_on_message(&thread->matcher, message);
        break;
    }
}

static void on_turn_end(void *owner)
{
    struct matcher_thread *thread = owner;
    /* DRAIN may overtake what session threads have sent before it; a turn without messages has found all rings empty. */
    if (thread->executor.is_draining && thread->messages_this_turn == 0)
        redis_store_drain(&thread->store);
    thread->messages_this_turn = 0;
    redis_store_flush(&thread->store);
}

static void on_drained(void *owner)
{
    struct matcher_thread *thread = owner;
    executor_tell_drained(&thread->executor);
}

static void on_fatal(void *owner, const char *line)
{
    struct matcher_thread *thread = owner;
    executor_send(&thread->executor, &(struct message){ .type = FATAL,
                                                        .to = address_of_thread(THREAD_MAIN),
                                                        .payload = payload_copy(line, strlen(line)) });
}

static void on_stopped(void *owner)
{
    (void)owner; /* the loop ends by itself when the store's handles are closed */
}

static uint64_t first_match(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) << MATCH_TIME_SHIFT;
}

static void on_start(void *owner)
{
    struct matcher_thread *thread = owner;
    struct matcher_host host = {
        .self = thread,
        .send = send_message,
        .metrics = thread->config.metrics,
        .first_session_thread = thread->config.first_session_thread,
        .session_threads = thread->config.session_threads,
        .first_match = first_match(),
    };
    matcher_init(&thread->matcher, host, redis_store_interface(&thread->store),
                 (size_t)thread->config.options->redis_queue);
    redis_prefix_print(thread->prefix, thread->config.address, thread->config.options->redis_prefix);
    struct redis_store_config store = {
        .incarnation = thread->config.incarnation,
        .address = thread->config.address,
        .prefix = thread->prefix,
        .timeout_ms = (uint64_t)thread->config.options->redis_timeout_ms,
        .report_limit = (uint64_t)thread->config.options->report_limit,
        .report_time_ms = (uint64_t)thread->config.options->report_time_ms,
        .ban_time_ms = (uint64_t)thread->config.options->ban_time_ms,
        .log = thread->config.log,
        .metrics = thread->config.metrics,
        .first_session_thread = thread->config.first_session_thread,
        .session_threads = thread->config.session_threads,
        .matcher = &thread->matcher,
        .owner = thread,
        .on_fatal = on_fatal,
        .on_drained = on_drained,
        .on_stopped = on_stopped,
    };
    redis_store_start(&thread->store, thread->executor.loop, &store);
}

static void on_exit_loop(void *owner)
{
    struct matcher_thread *thread = owner;
    redis_store_stop(&thread->store);
}

static const struct executor_handler handler = {
    .on_start = on_start,
    .on_message = on_message,
    .on_turn_end = on_turn_end,
    .on_exit = on_exit_loop,
};

struct matcher_thread *matcher_thread_new(const struct matcher_thread_config *config, struct mailbox *mailbox)
{
    struct matcher_thread *thread = calloc(1, sizeof *thread);
    CHECK_MEMORY(thread);
    thread->config = *config;
    if (!executor_init_or_log(&thread->executor, mailbox, &handler, thread, config->log, NULL)) {
        free(thread);
        return NULL;
    }
    return thread;
}

struct executor *matcher_thread_executor(struct matcher_thread *thread)
{
    return &thread->executor;
}

void matcher_thread_free(struct matcher_thread **pointer)
{
    struct matcher_thread *thread = *pointer;
    if (thread == NULL)
        return;
    executor_fini(&thread->executor);
    free(thread);
    *pointer = NULL;
}

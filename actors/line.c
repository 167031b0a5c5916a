#include "actors/line.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"

static uint64_t id_of(struct address other)
{
    return (uint64_t)other.generation << 40 | (uint64_t)other.slot << 20 | (uint64_t)other.thread << 12 | other.node;
}

struct line *line_new(struct session_host *host, struct address self, struct address other)
{
    struct line *line = calloc(1, sizeof *line);
    CHECK_MEMORY(line);
    line->key = (struct end_key){ id_of(other), self };
    line->other = other;
    ends_put(&host->lines.ends, &line->key);
    line->next = host->lines.first;
    if (line->next != NULL)
        line->next->previous = line;
    host->lines.first = line;
    return line;
}

struct line *line_find(const struct session_host *host, struct address self, struct address other)
{
    return ends_find(&host->lines.ends, id_of(other), self);
}

/* Saying. */

static void send(struct session_host *host, const struct line *line, struct message *message)
{
    message->to = line->other;
    message->from = line->key.self;
    host->send(host->self, message);
}

static void send_item(struct session_host *host, struct line *line, const struct message *copy)
{
    struct message item = *copy;
    if (copy->payload != NULL)
        item.payload = payload_copy(copy->payload->bytes, copy->payload->length);
    item.line_item.taken = line->told_taken = line->taken_here;
    send(host, line, &item);
}

static void say_taken(struct session_host *host, struct line *line, bool wants_repeat)
{
    line->told_taken = line->taken_here;
    send(host, line, &(struct message){ .type = LINE_TAKEN, .line_taken = { .taken = line->taken_here, .wants_repeat = wants_repeat } });
}

static void tell_itself(struct session_host *host, const struct line *line)
{
    host->send(host->self, &(struct message){ .type = LINE_DEAD, .to = line->key.self, .from = line->key.self });
}

void line_say(struct session_host *host, struct line *line, enum line_kind kind, uint32_t value, struct payload *payload)
{
    if (line->is_dead) {
        payload_free(&payload);
        return;
    }
    if (line->said == line->taken_there)
        line->waits_since_ms = (uint32_t)host->now_ms;
    const struct message item = { .type = LINE_ITEM, .payload = payload, .line_item = { .number = ++line->said, .kind = kind, .value = value } };
    backlog_put(&line->copies, &item);
    send_item(host, line, &item);
    if (line->said - line->taken_there == LINE_COPIES_MAX) {
        line_kill(line);
        tell_itself(host, line);
    }
}

static void ask(struct session_host *host, struct line *line)
{
    line->asked_ms = (uint32_t)host->now_ms;
    send(host, line, &(struct message){ .type = CONN_RESUME,
                                        .payload = payload_copy(line->secret->bytes, line->secret->length),
                                        .conn_resume = { .seq = line->seq } });
}

void line_ask(struct session_host *host, struct line *line, const uint8_t secret[TOKEN_SECRET_BYTES], uint32_t seq)
{
    line->secret = payload_copy(secret, TOKEN_SECRET_BYTES);
    line->seq = seq;
    line->asked_since_ms = (uint32_t)host->now_ms;
    ask(host, line);
}

void line_answer_dead(struct session_host *host, const struct message *message)
{
    host->send(host->self, &(struct message){ .type = LINE_DEAD, .to = message->from, .from = message->to });
}

/* Forgetting. */

static void drop_copies(struct line *line, uint32_t count)
{
    struct message copy;
    for (; count > 0; count--) {
        CHECK(backlog_take(&line->copies, &copy));
        message_discard(&copy);
    }
}

void line_kill(struct line *line)
{
    drop_copies(line, line->said - line->taken_there);
    line->taken_there = line->said;
    line->is_dead = true;
}

void line_drop(struct session_host *host, struct line *line)
{
    struct message owed;
    line_kill(line);
    while (backlog_take(&line->owed, &owed)) {
    }
    payload_free(&line->secret);
    ends_remove(&host->lines.ends, &line->key);
    if (line->previous != NULL)
        line->previous->next = line->next;
    else
        host->lines.first = line->next;
    if (line->next != NULL)
        line->next->previous = line->previous;
    free(line);
}

void line_end(struct session_host *host, struct line *line)
{
    line->is_ended = true;
    if (!line->is_dead && line->told_taken != line->taken_here)
        say_taken(host, line, false);
    if (line->said == line->taken_there)
        line_drop(host, line);
}

void lines_on_node_died(struct session_host *host, unsigned node)
{
    struct line *next;
    for (struct line *line = host->lines.first; line != NULL; line = next) {
        next = line->next;
        if (line->other.node != node)
            continue;
        if (line->is_ended)
            line_drop(host, line);
        else
            line_kill(line);
    }
}

void lines_fini(struct session_host *host)
{
    while (host->lines.first != NULL)
        line_drop(host, host->lines.first);
    ends_fini(&host->lines.ends);
}

/* Repeating. */

static void repeat_copies(struct session_host *host, struct line *line)
{
    struct message copy;
    const uint32_t count = line->said - line->taken_there;
    for (uint32_t i = 0; i < count; i++) {
        CHECK(backlog_take(&line->copies, &copy));
        send_item(host, line, &copy);
        backlog_put(&line->copies, &copy);
    }
    metrics_add(host->metrics, METRIC_LINE_ITEMS_REPEATED_TOTAL, count);
    line->waits_since_ms = (uint32_t)host->now_ms;
}

static void ask_again(struct session_host *host, struct line *line)
{
    const uint32_t now_ms = (uint32_t)host->now_ms;
    if (now_ms - line->asked_since_ms >= LINE_PATIENCE_MS) {
        line_kill(line);
        tell_itself(host, line);
    } else if (now_ms - line->asked_ms >= LINE_ASK_MS) {
        ask(host, line);
    }
}

void lines_tick(struct session_host *host)
{
    for (struct line *line = host->lines.first; line != NULL; line = line->next) {
        if (line->is_dead)
            continue;
        if (line->secret != NULL)
            ask_again(host, line);
        else if (line->said != line->taken_there && (uint32_t)host->now_ms - line->waits_since_ms >= LINE_REPEAT_MS)
            repeat_copies(host, line);
        else if (line->told_taken != line->taken_here)
            say_taken(host, line, false);
    }
}

/* Hearing. */

/* Returns whether the line is still there. */
static bool on_taken(struct session_host *host, struct line *line, uint32_t taken, bool wants_repeat)
{
    if (taken > line->said)
        return true; /* nonsense */
    if (taken > line->taken_there) {
        drop_copies(line, taken - line->taken_there);
        line->taken_there = taken;
        line->waits_since_ms = (uint32_t)host->now_ms;
    }
    if (wants_repeat && taken == line->taken_there)
        repeat_copies(host, line);
    if (!line->is_ended || line->said != line->taken_there)
        return true;
    line_drop(host, line);
    return false;
}

/* Of what is not the next. */
static void ask_for_next(struct session_host *host, struct line *line, uint32_t number)
{
    if (number <= line->taken_here) {
        say_taken(host, line, false);
    } else if (line->asked_for != line->taken_here + 1) { /* once; what is repeated may get lost, too, and is repeated again then */
        line->asked_for = line->taken_here + 1;
        say_taken(host, line, true);
    }
}

struct line *line_hears(struct session_host *host, struct message *message)
{
    struct line *line = line_find(host, message->to, message->from);
    if (line == NULL || line->is_dead) {
        line_answer_dead(host, message);
        message_discard(message);
        return NULL;
    }
    payload_free(&line->secret);
    const uint32_t number = message->line_item.number;
    if (!on_taken(host, line, message->line_item.taken, false)) {
        message_discard(message);
        return NULL;
    }
    if (number == line->taken_here + 1) {
        line->taken_here = number;
        if (!line->is_ended)
            return line;
    } else {
        ask_for_next(host, line, number);
    }
    message_discard(message);
    return NULL;
}

void line_on_message(struct session_host *host, struct message *message)
{
    struct line *line;
    switch ((enum message_type)message->type) {
    case LINE_ITEM:
        line = line_hears(host, message);
        if (line == NULL)
            return; /* it has been taken over */
        line_end(host, line); /* nobody is at this end */
        break;
    case LINE_TAKEN:
        line = line_find(host, message->to, message->from);
        if (line == NULL || line->is_dead)
            line_answer_dead(host, message);
        else
            on_taken(host, line, message->line_taken.taken, message->line_taken.wants_repeat == 1);
        break;
    case LINE_DEAD:
        line = line_find(host, message->to, message->from);
        if (line != NULL)
            line_drop(host, line);
        break;
    default: /* CONN_RESUME */
        metrics_add(host->metrics, METRIC_RESUMES_REFUSED_TOTAL, 1);
        line_answer_dead(host, message);
        break;
    }
    message_discard(message);
}

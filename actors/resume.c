#include "actors/resume.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "wire/event.h"

struct resume *resume_new(void)
{
    struct resume *resume = calloc(1, sizeof *resume);
    CHECK_MEMORY(resume);
    return resume;
}

static void drop_oldest(struct resume *resume)
{
    struct payload *copy = resume->oldest_copy;
    resume->oldest_copy = copy->next;
    resume->copies--;
    resume->copied_bytes -= copy->length;
    payload_free(&copy);
}

void resume_free(struct resume **pointer)
{
    struct resume *resume = *pointer;
    if (resume == NULL)
        return;
    while (resume->copies > 0)
        drop_oldest(resume);
    OPENSSL_cleanse(resume->secret, sizeof resume->secret);
    OPENSSL_cleanse(resume->former, sizeof resume->former);
    free(resume);
    *pointer = NULL;
}

/* Tokens. */

void resume_set_secret(struct resume *resume, const uint8_t secret[TOKEN_SECRET_BYTES], const uint8_t shown[TOKEN_SECRET_BYTES])
{
    resume->has_former = shown != NULL;
    if (shown != NULL)
        memcpy(resume->former, shown, sizeof resume->former);
    memcpy(resume->secret, secret, sizeof resume->secret);
}

void resume_hear(struct resume *resume)
{
    resume->has_former = false;
}

bool resume_serves(const struct resume *resume, const uint8_t secret[TOKEN_SECRET_BYTES], bool may_be_gone)
{
    /* Both, whatever the first says. */
    const bool is_good = resume_is_good(resume, secret), is_former = resume_is_former(resume, secret);
    return is_good || (is_former && may_be_gone);
}

bool resume_is_good(const struct resume *resume, const uint8_t secret[TOKEN_SECRET_BYTES])
{
    return CRYPTO_memcmp(resume->secret, secret, TOKEN_SECRET_BYTES) == 0;
}

/* Whether there is one is no secret: its client knows what it has said. */
bool resume_is_former(const struct resume *resume, const uint8_t secret[TOKEN_SECRET_BYTES])
{
    const bool is_same = CRYPTO_memcmp(resume->former, secret, TOKEN_SECRET_BYTES) == 0;
    return is_same && resume->has_former;
}

/* Events. */

void resume_keep(struct resume *resume, struct payload **event)
{
    event_number(event, ++resume->seq);
    struct payload *copy = payload_copy((*event)->bytes, (*event)->length);
    if (resume->copies == 0)
        resume->oldest_copy = copy;
    else
        resume->newest_copy->next = copy;
    resume->newest_copy = copy;
    resume->copies++;
    resume->copied_bytes += copy->length;
    while (resume->copies > RESUME_EVENTS_MAX || resume->copied_bytes > RESUME_BYTES_MAX)
        drop_oldest(resume);
    if (resume->is_away && resume->seq - resume->copies > resume->gone_at_seq)
        resume->is_lost = true;
}

void resume_acknowledge(struct resume *resume, uint32_t seq)
{
    if (seq > resume->seq)
        return; /* nonsense */
    while (resume->copies > 0 && resume->seq - resume->copies < seq)
        drop_oldest(resume);
    if (seq >= resume->match_seq)
        resume->match_seq = 0;
}

bool resume_can_follow(const struct resume *resume, uint32_t seq)
{
    return seq <= resume->seq && seq >= resume->seq - resume->copies;
}

struct payload *resume_replay(const struct resume *resume)
{
    struct payload *first = NULL;
    struct payload **end = &first;
    const struct payload *copy = resume->oldest_copy;
    for (uint32_t i = 0; i < resume->copies; i++, copy = copy->next) {
        *end = payload_copy(copy->bytes, copy->length);
        end = &(*end)->next;
    }
    return first;
}

/* Texts. */

void resume_send(struct resume *resume, uint32_t n)
{
    resume->on_their_way++;
    resume->of_connection++;
    if (n != 0)
        resume->taken_n = n;
    if (resume->flight_count < RESUME_FLIGHTS_MAX) {
        resume->flights[(resume->first_flight + resume->flight_count++) % RESUME_FLIGHTS_MAX] = n;
        return;
    }
    resume->newest_more++;
    if (n != 0)
        resume->flights[(resume->first_flight + resume->flight_count - 1) % RESUME_FLIGHTS_MAX] = n;
}

static uint32_t flying(const struct resume *resume)
{
    return resume->flight_count + resume->newest_more;
}

/* The oldest flight, or one of the texts that it stands for, has arrived. */
static void land(struct resume *resume, bool is_lost)
{
    if (resume->flight_count == 1 && resume->newest_more > 0) {
        resume->newest_more--;
        return;
    }
    const uint32_t n = resume->flights[resume->first_flight];
    resume->first_flight = (uint8_t)((resume->first_flight + 1) % RESUME_FLIGHTS_MAX);
    resume->flight_count--;
    if (n == 0 || is_lost)
        return;
    resume->acknowledged_n = n;
    resume->owes_ack = true;
}

uint32_t resume_on_credits(struct resume *resume, uint32_t texts, bool is_lost, bool is_partner_here)
{
    CHECK(texts <= resume->on_their_way);
    const uint32_t credits = texts < resume->of_connection ? texts : resume->of_connection;
    resume->on_their_way -= texts;
    resume->of_connection -= credits;
    const uint32_t earlier = texts < resume->of_earlier ? texts : resume->of_earlier;
    resume->of_earlier -= earlier;
    for (uint32_t i = earlier; is_partner_here && i < texts && resume->flight_count > 0; i++)
        land(resume, is_lost);
    return credits;
}

void resume_on_taken(struct resume *resume, uint32_t left)
{
    while (resume->flight_count > 0 && flying(resume) > left)
        land(resume, false);
}

bool resume_is_on_its_way(const struct resume *resume, uint32_t n)
{
    return n > resume->earlier_n && n > resume->acknowledged_n && n <= resume->taken_n;
}

void resume_end_chat(struct resume *resume)
{
    resume->of_earlier = resume->on_their_way;
    resume->earlier_n = resume->taken_n;
    resume->flight_count = 0;
    resume->newest_more = 0;
    resume->match_seq = 0;
}

void resume_change_connection(struct resume *resume)
{
    resume->of_connection = 0;
}

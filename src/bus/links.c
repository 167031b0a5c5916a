#include "bus/links.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"

/* Of a turn; beyond it is flushed. */
enum { TOLD_MAX = 1024 };

struct link {
    uint64_t incarnation, life;
    struct seal *seals[SEAL_SECRETS_MAX]; /* of what it says; each made when it is needed first */
    struct batch batch;
};

struct links {
    struct links_host host;
    const struct seal_secrets *secrets;
    uint64_t self, life;
    unsigned ways;
    struct seal *seal;  /* of what we say */
    uint64_t number;    /* of the last batch; it grows through all lives */
    struct link *link[PEERS_MAX + 1];
    uint16_t told[TOLD_MAX]; /* whose batches are not empty; or were, of a link that has closed */
    unsigned told_count;
    struct batch aside; /* what is published at once */
    uint8_t *scratch;   /* batches are opened in it */
    size_t scratch_bytes;
};

struct links *links_new(const struct links_host *host, const struct seal_secrets *secrets, uint64_t self, unsigned ways)
{
    struct links *links = calloc(1, sizeof *links);
    CHECK_MEMORY(links);
    links->host = *host;
    links->secrets = secrets;
    links->self = self;
    links->ways = ways;
    links_set_life(links, 1);
    return links;
}

static void free_link(struct link **pointer)
{
    struct link *link = *pointer;
    if (link == NULL)
        return;
    *pointer = NULL;
    for (unsigned i = 0; i < SEAL_SECRETS_MAX; i++)
        seal_free(&link->seals[i]);
    batch_fini(&link->batch);
    free(link);
}

void links_free(struct links **pointer)
{
    struct links *links = *pointer;
    if (links == NULL)
        return;
    *pointer = NULL;
    for (unsigned index = 0; index <= PEERS_MAX; index++)
        free_link(&links->link[index]);
    seal_free(&links->seal);
    batch_fini(&links->aside);
    free(links->scratch);
    free(links);
}

unsigned links_way_of(const struct links *links, uint64_t incarnation)
{
    return (unsigned)(incarnation % links->ways);
}

void links_set_life(struct links *links, uint64_t life)
{
    links->life = life;
    seal_free(&links->seal);
    links->seal = seal_new(links->secrets->secret[0], links->self, life);
}

void links_open(struct links *links, unsigned index, uint64_t incarnation, uint64_t life)
{
    CHECK(index >= 1 && index <= PEERS_MAX && links->link[index] == NULL);
    struct link *link = calloc(1, sizeof *link);
    CHECK_MEMORY(link);
    link->incarnation = incarnation;
    link->life = life;
    links->link[index] = link;
}

void links_close(struct links *links, unsigned index)
{
    struct link *link = links->link[index];
    if (link->batch.records > 0)
        links->host.lost(links->host.self, link->batch.records);
    free_link(&links->link[index]);
}

static void publish(struct links *links, struct batch *batch, unsigned way, uint64_t target)
{
    unsigned records = batch->records;
    size_t length = batch_close(batch, links->seal, links->self, links->life, ++links->number, target);
    links->host.publish(links->host.self, way, target, batch->bytes, length, records);
}

static void publish_link(struct links *links, struct link *link)
{
    publish(links, &link->batch, links_way_of(links, link->incarnation), link->incarnation);
}

/* One that closed and was opened again is there twice. */
static void list_told(struct links *links, unsigned index)
{
    if (links->told_count == TOLD_MAX)
        links_flush(links);
    links->told[links->told_count++] = (uint16_t)index;
}

/* What an actor repeats until it is answered, if it has not heard of its partner before, or has left (actors/relay.h); or by a line (actors/line.h). */
static bool awaits_answer(const struct message *message)
{
    return !address_is_thread(message->from) &&
           (message->type == MATCH_FOUND || message->type == MATCH_TAKEN || message->type == PEER_LEFT || message->type == CONN_RESUME ||
            message->type == LINE_ITEM);
}

/* Of a run: its texts have numbers in a row. */
static void drop_first(struct message *run, unsigned texts)
{
    run->more = (uint16_t)(run->more - texts);
    run->peer_text.number += texts;
    for (; texts > 0; texts--)
        run->payload = run->payload->next;
}

bool links_write(struct links *links, const struct message *message)
{
    struct link *link = links->link[message->to.node];
    if (link == NULL) {
        links->host.lost(links->host.self, message_texts(message));
        return !awaits_answer(message);
    }
    if (link->batch.records == 0)
        list_told(links, message->to.node);
    struct message rest = *message;
    for (;;) {
        unsigned written = record_write(&link->batch, &rest);
        if (written == 0) {
            publish_link(links, link);
            written = record_write(&link->batch, &rest);
            CHECK(written > 0);
        }
        if (written == message_texts(&rest))
            return true;
        drop_first(&rest, written);
    }
}

void links_flush(struct links *links)
{
    for (unsigned i = 0; i < links->told_count; i++) {
        struct link *link = links->link[links->told[i]];
        if (link != NULL && link->batch.records > 0)
            publish_link(links, link);
    }
    links->told_count = 0;
}

void links_publish(struct links *links, unsigned way, uint64_t target, enum record_type type, const void *body, size_t length)
{
    CHECK(batch_add(&links->aside, (uint8_t)type, body, length));
    publish(links, &links->aside, way, target);
}

/* One secret after the other. */
enum batch_verdict links_read(struct links *links, struct batch_reader *reader, const struct batch_header *header, unsigned index,
                              uint64_t target, const uint8_t *bytes, size_t length)
{
    struct link *link = links->link[index];
    enum batch_verdict verdict = BATCH_NOT_OURS;
    if (links->scratch_bytes < length) {
        links->scratch = realloc(links->scratch, length);
        CHECK_MEMORY(links->scratch);
        links->scratch_bytes = length;
    }
    for (unsigned i = 0; i < links->secrets->count && verdict == BATCH_NOT_OURS; i++) {
        struct seal *made = NULL;
        struct seal **seal = link != NULL ? &link->seals[i] : &made;
        if (*seal == NULL)
            *seal = seal_new(links->secrets->secret[i], header->source, header->life);
        memcpy(links->scratch, bytes, length);
        verdict = batch_open(reader, *seal, target, links->scratch, length);
        seal_free(&made);
    }
    return verdict;
}

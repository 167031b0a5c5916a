/* Two nodes, each with the links of its own, and between them what a bus may do: what one publishes the other reads, or not. */
#include "unit/unit.h"

#include "bus/links.h"

enum { ANN = 2000, BOB = 3001, ANNS_INDEX = 7, BOBS_INDEX = 9, WAYS = 2 };

struct side {
    struct links *links;
    unsigned published, records, lost, way;
    uint64_t target;
    uint8_t bytes[BATCH_BYTES];
    size_t length;
};

static struct side ann, bob;

static void on_publish(void *self, unsigned way, uint64_t target, const uint8_t *bytes, size_t length, unsigned records)
{
    struct side *side = self;
    side->published++;
    side->records += records;
    side->way = way;
    side->target = target;
    side->length = length;
    assert_in_range(length, 1, sizeof side->bytes);
    memcpy(side->bytes, bytes, length);
}

static void on_lost(void *self, unsigned records)
{
    ((struct side *)self)->lost += records;
}

static const struct seal_secrets one = { .count = 1, .secret = { "first" } }, another = { .count = 1, .secret = { "second" } },
                                 both = { .count = 2, .secret = { "second", "first" } };

static void set_up(const struct seal_secrets *anns, const struct seal_secrets *bobs)
{
    ann = bob = (struct side){ 0 };
    ann.links = links_new(&(struct links_host){ .self = &ann, .publish = on_publish, .lost = on_lost }, anns, ANN, WAYS);
    bob.links = links_new(&(struct links_host){ .self = &bob, .publish = on_publish, .lost = on_lost }, bobs, BOB, WAYS);
    links_open(ann.links, BOBS_INDEX, BOB, 1);
    links_open(bob.links, ANNS_INDEX, ANN, 1);
}

static void tear_down(void)
{
    links_free(&ann.links);
    links_free(&bob.links);
}

static struct message left(unsigned node, uint64_t match)
{
    return (struct message){ .type = PEER_LEFT,
                             .to = { .generation = 1, .thread = 3, .node = node & ADDRESS_NODE_MAX },
                             .from = { .generation = 2, .thread = 2 },
                             .peer_left = { .match = match } };
}

static enum batch_verdict read_by(struct side *reader_side, const struct side *from, unsigned index, uint64_t target, struct batch_reader *reader)
{
    struct batch_header header;
    assert_int_equal(batch_peek(&header, from->bytes, from->length), BATCH_OK);
    return links_read(reader_side->links, reader, &header, index, target, from->bytes, from->length);
}

static void one_batch_a_turn(void **state)
{
    (void)state;
    struct batch_reader reader;
    struct batch_record record;
    struct message message;
    set_up(&one, &one);
    for (uint64_t match = 1; match <= 3; match++) {
        message = left(BOBS_INDEX, match);
        assert_true(links_write(ann.links, &message));
    }
    assert_int_equal(ann.published, 0);
    links_flush(ann.links);
    links_flush(ann.links);
    assert_int_equal(ann.published, 1);
    assert_int_equal(ann.records, 3);
    assert_int_equal(ann.target, BOB);
    assert_int_equal(ann.way, BOB % WAYS);
    assert_int_equal(read_by(&bob, &ann, ANNS_INDEX, BOB, &reader), BATCH_OK);
    for (uint64_t match = 1; match <= 3; match++) {
        assert_true(batch_next(&reader, &record));
        assert_int_equal(record_read(&message, &record, ANNS_INDEX), RECORD_OK);
        assert_int_equal(message.peer_left.match, match);
    }
    assert_false(batch_next(&reader, &record));
    tear_down();
}

/* A run is one record, whose texts are numbered on; two where the batch ends in the middle. */
static void a_run_goes_on_in_the_next_batch(void **state)
{
    (void)state;
    enum { TEXTS = 200, LONG = 400 };
    uint8_t text[LONG];
    struct batch_reader reader;
    struct batch_record record;
    uint32_t last = 0;
    set_up(&one, &one);
    struct message message = left(BOBS_INDEX, 1);
    message.type = PEER_TEXT;
    message.peer_text.number = 1;
    message.more = TEXTS - 1;
    struct payload **link = &message.payload;
    for (unsigned i = 0; i < TEXTS; i++, link = &(*link)->next) {
        memset(text, (int)i + 1, LONG); /* they have nothing in common: 80 KB */
        *link = payload_copy(text, LONG);
    }
    assert_true(links_write(ann.links, &message));
    message_discard(&message); /* it has stayed the caller's */
    for (unsigned batch = 1; batch <= 2; batch++) {
        assert_int_equal(ann.published, batch);
        assert_int_equal(ann.records, batch);
        assert_int_equal(read_by(&bob, &ann, ANNS_INDEX, BOB, &reader), BATCH_OK);
        assert_true(batch_next(&reader, &record));
        assert_int_equal(record_read(&message, &record, ANNS_INDEX), RECORD_OK);
        assert_false(batch_next(&reader, &record));
        assert_int_equal(message.peer_text.number, last + 1);
        assert_int_equal(message.payload->bytes[LONG - 1], (uint8_t)(last + 1));
        last += message_texts(&message);
        message_discard(&message);
        links_flush(ann.links);
    }
    assert_int_equal(last, TEXTS);
    tear_down();
}

static void what_is_more_than_a_batch_is_several(void **state)
{
    (void)state;
    enum { MESSAGES = 6000 };
    set_up(&one, &one);
    struct message message = left(BOBS_INDEX, 1);
    for (unsigned i = 0; i < MESSAGES; i++)
        assert_true(links_write(ann.links, &message));
    links_flush(ann.links);
    assert_int_equal(ann.records, MESSAGES);
    assert_in_range(ann.published, 2, 3);
    tear_down();
}

static void every_batch_has_a_number_of_its_own_through_all_lives(void **state)
{
    (void)state;
    struct batch_header header;
    struct batch_reader reader;
    uint64_t last = 0;
    set_up(&one, &one);
    for (uint64_t life = 1; life <= 4; life++) {
        links_set_life(ann.links, life);
        links_publish(ann.links, 0, BATCH_FOR_ALL, RECORD_LEAVE, NULL, 0);
        assert_int_equal(batch_peek(&header, ann.bytes, ann.length), BATCH_OK);
        assert_int_equal(header.life, life);
        assert_true(header.number > last);
        last = header.number;
        /* The keys of a life that is not the link's are made for the occasion. */
        assert_int_equal(read_by(&bob, &ann, life == 1 ? ANNS_INDEX : 0, BATCH_FOR_ALL, &reader), BATCH_OK);
    }
    tear_down();
}

static void what_is_for_somebody_else_does_not_open(void **state)
{
    (void)state;
    struct batch_reader reader;
    set_up(&one, &one);
    links_publish(ann.links, 0, BATCH_FOR_ALL, RECORD_LEAVE, NULL, 0);
    assert_int_equal(read_by(&bob, &ann, ANNS_INDEX, BOB, &reader), BATCH_NOT_OURS);
    links_publish(ann.links, 0, BOB, RECORD_LEAVE, NULL, 0);
    assert_int_equal(read_by(&bob, &ann, ANNS_INDEX, BATCH_FOR_ALL, &reader), BATCH_NOT_OURS);
    assert_int_equal(read_by(&bob, &ann, ANNS_INDEX, BOB, &reader), BATCH_OK);
    tear_down();
}

static void while_the_secret_changes_both_are_read_and_the_first_is_written(void **state)
{
    (void)state;
    struct batch_reader reader;
    set_up(&one, &both);
    links_publish(ann.links, 0, BOB, RECORD_LEAVE, NULL, 0);
    assert_int_equal(read_by(&bob, &ann, ANNS_INDEX, BOB, &reader), BATCH_OK);
    links_publish(bob.links, 0, ANN, RECORD_LEAVE, NULL, 0);
    assert_int_equal(read_by(&ann, &bob, BOBS_INDEX, ANN, &reader), BATCH_NOT_OURS); /* it does not know the new one yet */
    tear_down();
    set_up(&another, &both);
    links_publish(ann.links, 0, BOB, RECORD_LEAVE, NULL, 0);
    assert_int_equal(read_by(&bob, &ann, ANNS_INDEX, BOB, &reader), BATCH_OK);
    links_publish(bob.links, 0, ANN, RECORD_LEAVE, NULL, 0);
    assert_int_equal(read_by(&ann, &bob, BOBS_INDEX, ANN, &reader), BATCH_OK);
    tear_down();
}

static void what_is_for_a_peer_that_is_gone_is_lost_and_told(void **state)
{
    (void)state;
    set_up(&one, &one);
    struct message message = left(BOBS_INDEX, 1);
    assert_true(links_write(ann.links, &message));
    assert_true(links_write(ann.links, &message));
    links_close(ann.links, BOBS_INDEX);
    assert_int_equal(ann.lost, 2);
    assert_false(links_write(ann.links, &message));
    assert_int_equal(ann.lost, 3);
    links_flush(ann.links);
    assert_int_equal(ann.published, 0);
    /* The index is taken again in the same turn. */
    links_open(ann.links, BOBS_INDEX, BOB, 2);
    assert_true(links_write(ann.links, &message));
    links_flush(ann.links);
    assert_int_equal(ann.published, 1);
    assert_int_equal(ann.records, 1);
    tear_down();
}

/* Who would repeat it for ever; not who goes on by himself, and no matcher, which says a thing once. */
static void only_who_waits_for_an_answer_is_to_be_told_that_the_peer_is_gone(void **state)
{
    static const enum message_type repeated[] = { MATCH_FOUND, MATCH_TAKEN, PEER_LEFT };
    static const enum message_type others[] = { PEER_TEXT, PEER_WRITTEN, PEER_GAP, PEER_ASK, PEER_LEFT_HEARD };
    (void)state;
    set_up(&one, &one);
    struct message message = left(BOBS_INDEX + 1, 1);
    for (size_t i = 0; i < sizeof repeated / sizeof repeated[0]; i++) {
        message.type = (uint16_t)repeated[i];
        assert_false(links_write(ann.links, &message));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        message.type = (uint16_t)others[i];
        assert_true(links_write(ann.links, &message));
    }
    message.type = PEER_LEFT;
    message.from = address_of_thread(5);
    assert_true(links_write(ann.links, &message));
    tear_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_batch_a_turn),
        cmocka_unit_test(a_run_goes_on_in_the_next_batch),
        cmocka_unit_test(what_is_more_than_a_batch_is_several),
        cmocka_unit_test(every_batch_has_a_number_of_its_own_through_all_lives),
        cmocka_unit_test(what_is_for_somebody_else_does_not_open),
        cmocka_unit_test(while_the_secret_changes_both_are_read_and_the_first_is_written),
        cmocka_unit_test(what_is_for_a_peer_that_is_gone_is_lost_and_told),
        cmocka_unit_test(only_who_waits_for_an_answer_is_to_be_told_that_the_peer_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Sockets, and the client at one of them. */
#include "unit/actors/three_nodes.h"

#include <jansson.h>
#include <stdio.h>

#include "actors/neighbours.h"
#include "actors/stand_in.h"

struct user user;

static struct socket sockets[CONNECTIONS];
static uint32_t sockets_made;

static struct socket *socket_of(unsigned node, struct address address)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (sockets[i].is_used && sockets[i].node == node && address_equals(sockets[i].self, address))
            return &sockets[i];
    }
    return NULL;
}

static void give_slot_back(struct socket *socket)
{
    while (socket->unwritten_count > 0) {
        message_discard(&socket->unwritten[socket->unwritten_first]);
        socket->unwritten_first = (socket->unwritten_first + 1) % UNWRITTEN_MAX;
        socket->unwritten_count--;
    }
    socket->is_used = false;
}

static void leave_actor(struct socket *socket, unsigned code)
{
    if (socket->has_actor)
        carry(socket->node, socket->node,
            &(struct message){ .type = CONN_GONE, .to = socket->actor, .from = socket->self, .conn_close = { .code = (uint16_t)code } }, 0);
    socket->has_actor = false;
}

static void give_credit(struct socket *socket, const struct message *event)
{
    const struct address writer = event->event.writer;
    if (address_equals(writer, socket->self))
        socket->credits++;
    else if (!address_is_nobody(writer))
        carry(socket->node, socket->node,
            &(struct message){ .type = TEXT_WRITTEN, .to = writer, .from = socket->self, .credit = { .texts = 1, .is_receipt = event->event.is_awaited } }, 0);
}

/* The socket is gone: whoever waits for it to take something has that back. */
static void abandon(struct socket *socket)
{
    leave_actor(socket, 0);
    for (unsigned i = 0; i < socket->unwritten_count; i++)
        give_credit(socket, &socket->unwritten[(socket->unwritten_first + i) % UNWRITTEN_MAX]);
    socket->is_broken = true;
    if (user.socket == socket)
        user.socket = NULL;
    if (socket->is_accepted)
        give_slot_back(socket);
}

void to_socket(unsigned node, struct message *message)
{
    struct socket *socket = socket_of(node, message->to);
    switch ((enum message_type)message->type) {
    case CONN_ACCEPTED:
        assert_non_null(socket);
        assert_false(socket->is_accepted);
        socket->is_accepted = socket->has_actor = true;
        socket->actor = message->from;
        if (socket->is_broken) {
            leave_actor(socket, 0);
            give_slot_back(socket);
        }
        return;
    case EVENT_TEXT:
        for (struct payload *event; (event = message_take_payload(message)) != NULL;) {
            struct message one = *message;
            one.more = 0;
            one.payload = event;
            if (socket == NULL || socket->is_broken) {
                if (!address_is_nobody(one.event.writer) && one.event.writer.thread == SESSION_THREAD)
                    carry(node, node, &(struct message){ .type = TEXT_WRITTEN, .to = one.event.writer, .credit = { .texts = 1, .is_receipt = one.event.is_awaited } }, 0);
                message_discard(&one);
                continue;
            }
            assert_true(socket->unwritten_count < UNWRITTEN_MAX);
            socket->unwritten[(socket->unwritten_first + socket->unwritten_count++) % UNWRITTEN_MAX] = one;
        }
        return;
    case TEXT_DONE:
        if (socket != NULL)
            socket->credits += (int)message->credit.texts;
        return;
    case CONN_CLOSE:
        if (socket == NULL)
            return;
        socket->close_code = message->conn_close.code;
        leave_actor(socket, 0);
        while (socket->is_accepted && socket->unwritten_count > 0)
            socket_takes_one(socket);
        abandon(socket);
        return;
    default:
        fail_msg("%s is for no socket", message_name(message->type));
    }
}

/* The client. */

static void hears(struct socket *socket, const struct payload *event)
{
    json_t *root = json_loadb((const char *)event->bytes, event->length, 0, NULL);
    const json_t *data = json_object_get(root, "data");
    const char *type = json_string_value(json_object_get(root, "type"));
    const uint32_t seq = (uint32_t)json_integer_value(json_object_get(root, "seq"));
    unsigned number;
    (void)socket;
    if (strcmp(type, "connection_established") == 0) {
        const char *token = json_string_value(json_object_get(json_object_get(data, "resume"), "token"));
        user.anew += json_is_false(json_object_get(data, "resumed"));
        user.seq = 1;
        user.is_ready = true;
        assert_int_equal(seq, 1);
        assert_true(token_read(&user.token, token, TOKEN_DIGITS));
    } else if (strcmp(type, "resumed") == 0) {
        assert_int_equal(seq, user.seq);
        assert_true(token_read(&user.token, json_string_value(json_object_get(data, "token")), TOKEN_DIGITS));
        user.resumed_n = (uint32_t)json_integer_value(json_object_get(data, "n"));
        if (user.resumed_n < user.acked_n || user.resumed_n > user.n)
            fail_msg("%u were taken, of %u, and %u acknowledged", user.resumed_n, user.n, user.acked_n);
        user.n = user.resumed_n; /* what was not taken is said again */
        user.resumed++;
        user.is_ready = true;
    } else {
        assert_int_equal(seq, ++user.seq);
        if (strcmp(type, "chat_message") == 0) {
            assert_int_equal(sscanf(json_string_value(json_object_get(data, "message")), "mate %u", &number), 1);
            assert_int_equal(number, ++user.heard);
        } else if (strcmp(type, "ack") == 0) {
            user.acked_n = (uint32_t)json_integer_value(json_object_get(data, "n"));
        }
    }
    json_decref(root);
}

void socket_takes_one(struct socket *socket)
{
    if (!socket->is_accepted || socket->unwritten_count == 0)
        return;
    struct message event = socket->unwritten[socket->unwritten_first];
    socket->unwritten_first = (socket->unwritten_first + 1) % UNWRITTEN_MAX;
    socket->unwritten_count--;
    if (user.socket == socket)
        hears(socket, event.payload);
    give_credit(socket, &event);
    message_discard(&event);
}

/* As session_thread.c does it. */
void connects(unsigned at)
{
    struct node *node = &nodes[at];
    const uint8_t id[USER_ID_BYTES] = { 1 };
    struct resume_ask ask = { .token = user.token, .seq = user.seq, .is_back = user.token.home != 0 };
    if (user.socket != NULL)
        breaks();
    ring_runs_empty(at); /* the I/O thread has said what it had to say before */
    struct socket *socket = &sockets[sockets_made % CONNECTIONS];
    assert_false(socket->is_used);
    *socket = (struct socket){ .node = at, .is_used = true, .credits = CREDITS,
                               .self = { .generation = ++sockets_made & ADDRESS_GENERATION_MAX, .slot = 1, .thread = IO_THREAD } };
    user.socket = socket;
    user.is_ready = false;
    struct address actor = ask.token.actor;
    if (ask.is_back && ask.token.home == node->host.incarnation) {
        struct session *session = find_actor(node, actor);
        const bool is_back = session != NULL && !session->is_stand_in && session_come_back(session, &node->host, socket->self, &ask);
        if (session != NULL)
            after_actor(node, session);
        if (is_back)
            return;
    }
    actor.node = neighbours_find(&node->host.neighbours, ask.token.home) & ADDRESS_NODE_MAX;
    unsigned slot = 0;
    while (node->is_alive[slot])
        assert_true(++slot < SLOTS);
    node->is_alive[slot] = true;
    const struct address self = { .generation = ++node->generation & ADDRESS_GENERATION_MAX, .slot = slot & (ADDRESS_SLOTS - 1), .thread = SESSION_THREAD };
    if (ask.is_back && actor.node != 0)
        stand_in_init(&node->slots[slot], &node->host, self, socket->self, &(struct identity){ 0 }, id, &ask, actor);
    else
        session_init(&node->slots[slot], &node->host, self, socket->self, &(struct identity){ 0 }, id, &ask);
}

void says(const char *json)
{
    struct socket *socket = user.socket;
    socket->credits--;
    carry(socket->node, socket->node,
        &(struct message){ .type = CLIENT_TEXT, .to = socket->actor, .from = socket->self, .payload = payload_copy(json, strlen(json)) }, 0);
}

void writes(void)
{
    char json[128];
    if (user.socket == NULL || !user.is_ready || !user.socket->has_actor || user.socket->credits <= 0 || user.socket->close_code != 0)
        return;
    user.n++;
    snprintf(json, sizeof json, "{\"type\":\"chat_message\",\"n\":%u,\"ack\":%u,\"data\":{\"message\":\"user %u\"}}", user.n, user.seq, user.n);
    says(json);
}

void breaks(void)
{
    if (user.socket != NULL)
        abandon(user.socket);
}

void closes(unsigned code)
{
    leave_actor(user.socket, code);
}

void sockets_take_all(void)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        while (sockets[i].is_used && sockets[i].is_accepted && sockets[i].unwritten_count > 0)
            socket_takes_one(&sockets[i]);
    }
}

void sockets_begin(void)
{
    memset(sockets, 0, sizeof sockets);
    sockets_made = 0;
    user = (struct user){ 0 };
}

void sockets_finish(void)
{
    for (unsigned i = 0; i < CONNECTIONS; i++)
        give_slot_back(&sockets[i]);
}

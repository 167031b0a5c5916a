#include "net/opening.h"

#include <stdlib.h>
#include <string.h>

#include "admission/identity.h"
#include "http/handshake.h"
#include "http/reply.h"
#include "http/request.h"
#include "net/address_gate.h"
#include "net/complaint.h"
#include "net/sealing.h"
#include "net/socket.h"
#include "runtime/check.h"

enum { MAX_HANDSHAKE_REPLY_BYTES = 512 };

/* Connections beyond --max-connections that are still let in, so that health checks and refusals get through. */
enum { CONNECTIONS_SPARE = 64 };

/* What is answered later than it was asked. */
struct acceptance {
    char accept[HANDSHAKE_ACCEPT_BYTES]; /* Sec-WebSocket-Accept */
    bool is_private;                     /* the client's address */
    bool has_resume;
    struct resume_ask resume; /* has_resume */
};

/* Sessions without a connection, or with one elsewhere, hold a place; who shows a token, right or wrong, may come for one of them. */
static bool is_full(const struct net *net, bool is_back)
{
    const int64_t open = metrics_sum(net->metrics_sets, net->metrics_count, METRIC_WEBSOCKETS);
    const int64_t away = is_back ? 0
                                 : metrics_sum(net->metrics_sets, net->metrics_count, METRIC_AWAY) +
                                       metrics_sum(net->metrics_sets, net->metrics_count, METRIC_AFAR);
    return open + away >= net->max_connections;
}

/* While the server empties only who has a session here comes in. The sockets go on being listened at for these, and for who looks after the server: a
 * closed port would tell a balancer no more than /readyz does, would fail /healthz, and would reset the connections that wait in its queue. */
static bool is_shut(const struct net *net, const struct handshake *handshake)
{
    const bool is_of_here = handshake->has_resume && handshake->resume.is_back && handshake->resume.token.home == net->incarnation;
    return net->is_last_call && !is_of_here;
}

static void put(struct connection *connection, const char *text, size_t length)
{
    writer_put_bytes(&connection->net->writers, &connection->writer, text, length);
}

static void note_refusal(struct connection *connection, enum refusal refusal, const struct http_request *request, bool is_private)
{
    if (refusal == REFUSAL_FULL)
        metrics_add(connection->net->metrics, METRIC_SERVER_FULL_TOTAL, 1);
    complaint_refused(connection->net, refusal, request, is_private);
}

/* request: NULL if it is not known any more. */
static enum opening_result refuse_and_count(struct connection *connection, enum refusal refusal, const struct http_request *request, bool is_private,
                                            enum metric metric)
{
    char text[1024];
    metrics_add(connection->net->metrics, metric, 1);
    note_refusal(connection, refusal, request, is_private);
    put(connection, text, http_reply_refusal(text, sizeof text, refusal, request != NULL && request->is_head));
    return OPENING_ANSWERED;
}

/* Whatever was asked for: it was not the WebSocket, as far as one can see. */
static enum opening_result refuse_other(struct connection *connection, enum refusal refusal, const struct http_request *request)
{
    return refuse_and_count(connection, refusal, request, false, METRIC_HTTP_ERRORS_TOTAL);
}

static enum opening_result refuse(struct connection *connection, enum refusal refusal, const struct http_request *request, bool is_private)
{
    static const enum metric counted_as[REFUSALS] = {
#define METRIC_OF_HANDSHAKE(name) METRIC_HANDSHAKES_REFUSED_TOTAL_##name
#define METRIC_OF_REQUEST(name) METRIC_HTTP_ERRORS_TOTAL
#define REFUSAL(name, of, status, reason, text, level, advice) [REFUSAL_##name] = METRIC_OF_##of(name),
#include "http/refusal.def"
#undef REFUSAL
#undef METRIC_OF_REQUEST
#undef METRIC_OF_HANDSHAKE
    };
    return refuse_and_count(connection, refusal, request, is_private, counted_as[refusal]);
}

/* Far too many: a word if the socket takes it at once, before anything is read. */
static bool turn_away(struct connection *connection, enum refusal refusal)
{
    char text[1024];
    uv_buf_t buffer = uv_buf_init(text, (unsigned)http_reply_refusal(text, sizeof text, refusal, false));
    note_refusal(connection, refusal, NULL, client_address_is_private(connection->peer_address));
    if (connection->state != CONNECTION_SECURING)
        uv_try_write((uv_stream_t *)&connection->tcp, &buffer, 1);
    return false;
}

bool opening_accept(struct net *net, struct door *door, struct connection **accepted)
{
    uint32_t slot, generation;
    struct connection *connection = slab_take(&net->connections, &slot, &generation);
    CHECK(connection != NULL); /* the slab is larger than the descriptor limit */
    *accepted = connection;
    connection->net = net;
    connection->self = (struct address){ .generation = generation & ADDRESS_GENERATION_MAX,
                                         .slot = slot & (ADDRESS_SLOTS - 1),
                                         .thread = (uint8_t)mailbox_thread(net->executor.mailbox) };
    connection->state = net->secure.context.ssl != NULL && !door->redirects && !door->is_local ? CONNECTION_SECURING : CONNECTION_REQUEST;
    connection->is_redirected = door->redirects;
    connection->is_local = door->is_local;
    connection->credits = CREDITS;
    uv_tcp_init(net->executor.loop, &connection->tcp);
    metrics_add(net->metrics, METRIC_CONNECTIONS, 1);
    if (uv_accept((uv_stream_t *)&door->listener, (uv_stream_t *)&connection->tcp) != 0) {
        metrics_add(net->metrics, METRIC_ACCEPT_ERRORS_TOTAL, 1);
        return false;
    }
    metrics_add(net->metrics, METRIC_CONNECTIONS_TOTAL, 1);
    if (door->is_local)
        client_address_of_this_machine(connection->peer_address);
    else
        socket_peer_address(&connection->tcp, connection->peer_address);
    connection->last_read_ms = net_now_ms(net);
    net_set_deadline(connection, (uint64_t)net->options->handshake_timeout_ms);
    if (metrics_sum(net->metrics_sets, net->metrics_count, METRIC_CONNECTIONS) > net->max_connections + CONNECTIONS_SPARE)
        return turn_away(connection, REFUSAL_FULL);
    return address_gate_arrive(connection) || turn_away(connection, REFUSAL_HALF_OPEN);
}

enum opening_result opening_refuse_plain(struct connection *connection)
{
    char text[1024];
    metrics_add(connection->net->metrics, METRIC_HTTP_ERRORS_TOTAL, 1);
    put(connection, text, http_reply_insecure(text, sizeof text));
    return OPENING_ANSWERED;
}

void opening_switch(struct connection *connection)
{
    char text[MAX_HANDSHAKE_REPLY_BYTES];
    put(connection, text, http_reply_switch(text, sizeof text, connection->acceptance->accept));
    metrics_add(connection->net->metrics, METRIC_HANDSHAKES_TOTAL, 1);
    free(connection->acceptance);
    connection->acceptance = NULL;
}

/* An actor belongs on a session thread that its I/O thread talks to anyway: that makes fewer hops and wake-ups, and larger batches. Only where there
 * are more session threads than I/O threads has each of these several of them, in turn. */
static unsigned pick_session_thread(struct net *net)
{
    const unsigned own = mailbox_thread(net->executor.mailbox) - net->first_io_thread;
    unsigned picked = own + net->next_session_thread * net->io_threads;
    if (picked >= net->session_threads) {
        net->next_session_thread = 0;
        picked = own % net->session_threads;
    }
    net->next_session_thread++;
    return net->first_session_thread + picked;
}

/* Where a token says that its actor is, if that can be. One of another node is found by any session thread. */
static bool is_session_thread(const struct net *net, const struct token *token)
{
    const struct address actor = token->actor;
    return token->home == net->incarnation && actor.thread >= net->first_session_thread && actor.thread < net->first_session_thread + net->session_threads;
}

/* Ask a session thread for an actor, unless the client is to be told at once what is wrong. */
static enum opening_result ask_for_actor(struct connection *connection, const struct identity *client)
{
    struct net *net = connection->net;
    address_gate_pass(connection);
    if (connection->has_bad_id)
        return OPENING_BAD_ID;
    const struct resume_ask *resume = connection->acceptance->has_resume ? &connection->acceptance->resume : NULL;
    connection->awaits_actor = true;
    connection->session_thread = resume != NULL && resume->is_back && is_session_thread(net, &resume->token)
                                     ? (uint8_t)resume->token.actor.thread
                                     : (uint8_t)pick_session_thread(net);
    executor_send(&net->executor, &(struct message){ .type = CONN_OPENED,
                                                     .to = address_of_thread(connection->session_thread),
                                                     .from = connection->self,
                                                     .payload = resume != NULL ? payload_copy(resume, sizeof *resume) : NULL,
                                                     .conn_opened = { .identity = *client } });
    return OPENING_WAITS;
}

/* Too many come from the client's address, or too fast. */
static enum opening_result refuse_address(struct connection *connection)
{
    connection->is_websocket = false;
    metrics_add(connection->net->metrics, METRIC_WEBSOCKETS, -1);
    return refuse(connection, REFUSAL_ADDRESS, NULL, connection->acceptance->is_private);
}

enum opening_result opening_on_gate(struct connection *connection, enum message_type answer, const struct identity *client)
{
    return answer == ADDRESS_DENIED ? refuse_address(connection) : ask_for_actor(connection, client);
}

/* The request is a good one. */
static void become_websocket(struct connection *connection, const struct handshake *handshake, bool is_private)
{
    memset(connection->peer_address, 0, sizeof connection->peer_address); /* what shares its place begins with nothing */
    connection->has_bad_id = handshake->has_bad_id;
    connection->acceptance = malloc(sizeof *connection->acceptance);
    CHECK_MEMORY(connection->acceptance);
    *connection->acceptance = (struct acceptance){ .is_private = is_private, .has_resume = handshake->has_resume, .resume = handshake->resume };
    memcpy(connection->acceptance->accept, handshake->accept, sizeof handshake->accept);
    connection->is_websocket = true;
    metrics_add(connection->net->metrics, METRIC_WEBSOCKETS, 1);
}

static enum opening_result on_upgrade(struct connection *connection, const struct http_request *request)
{
    struct net *net = connection->net;
    struct handshake handshake;
    struct identity client;
    uint8_t address[ADDRESS_BYTES];
    memcpy(address, connection->peer_address, sizeof address);
    enum refusal refusal = handshake_check(request, net->options->allowed_origins, &handshake);
    if (refusal == REFUSAL_NONE && is_shut(net, &handshake))
        refusal = REFUSAL_LEAVING;
    if (refusal == REFUSAL_NONE && is_full(net, handshake.has_resume && handshake.resume.is_back))
        refusal = REFUSAL_FULL;
    if (refusal != REFUSAL_NONE)
        return refuse(connection, refusal, request, client_address_is_private(address));
    if (!client_address_find(address, address, connection->is_local || networks_contain(net->trusted_proxies, address), net->trusted_proxies,
                             request->forwarded_for, request->forwarded_fors))
        complaint_unnamed(net);
    identity_make(&client, net->identity_key, address, handshake.device);
    become_websocket(connection, &handshake, client_address_is_private(address));
    switch (address_gate_ask(connection, &client, handshake.has_resume && handshake.resume.is_back)) {
    case GATE_OPEN:
        return ask_for_actor(connection, &client);
    case GATE_SHUT:
        return refuse_address(connection);
    case GATE_ASKED:
        break;
    }
    return OPENING_WAITS;
}

static enum opening_result answer(struct connection *connection, enum http_route route, const struct http_request *request)
{
    const struct net *net = connection->net;
    const struct http_sources sources = {
        .sets = net->metrics_sets, .count = net->metrics_count, .config = net->config, .is_leaving = net->is_leaving,
        .redis_trouble = net->redis_trouble
    };
    char text[HTTP_REPLY_BYTES];
    struct http_body body = { 0 };
    put(connection, text, http_reply(text, sizeof text, route, request, &sources, &body));
    writer_put_constant(&connection->writer, body.bytes, body.length);
    return OPENING_ANSWERED;
}

static enum opening_result answer_options(struct connection *connection)
{
    char text[256];
    put(connection, text, http_reply_options(text, sizeof text));
    return OPENING_ANSWERED;
}

static enum opening_result redirect(struct connection *connection, const struct http_request *request)
{
    char text[HTTP_REPLY_BYTES];
    put(connection, text, http_reply_redirect(text, sizeof text, request, connection->net->port));
    return OPENING_ANSWERED;
}

static enum opening_result on_request(struct connection *connection, const char *head, size_t length)
{
    struct http_request request;
    int status = http_request_parse(&request, head, length);
    if (status != 0)
        return refuse_other(connection, status == 431 ? REFUSAL_HEAD : REFUSAL_MALFORMED, NULL);
    if (connection->is_redirected)
        return redirect(connection, &request);
    request.is_secure = sealing_of(connection) != NULL;
    enum http_route route = http_route_find(request.path);
    if (route == ROUTE_WEBSOCKET)
        return on_upgrade(connection, &request);
    if (request.is_options && (route != ROUTE_NONE || http_text_is(request.path, "*")))
        return answer_options(connection);
    if (route == ROUTE_NONE)
        return refuse_other(connection, REFUSAL_NOT_FOUND, &request);
    if (!request.is_get && !request.is_head)
        return refuse_other(connection, REFUSAL_METHOD, &request);
    return answer(connection, route, &request);
}

/* Put the bytes to those that have come before. */
static enum opening_result collect(struct connection *connection, const unsigned char *bytes, size_t length, size_t *taken)
{
    struct request_head *head = connection->head;
    if (head == NULL) {
        head = connection->head = malloc(sizeof *head);
        CHECK_MEMORY(head);
        head->length = 0;
    }
    const uint32_t before = head->length;
    const size_t room = sizeof head->bytes - before;
    const size_t copied = length < room ? length : room;
    memcpy(head->bytes + before, bytes, copied);
    head->length += (uint32_t)copied;
    *taken = length;
    const size_t head_length = http_head_length(head->bytes, head->length, before);
    if (head_length == 0)
        return head->length == sizeof head->bytes ? refuse_other(connection, REFUSAL_HEAD, NULL) : OPENING_MORE;
    *taken = head_length - before;
    connection->head = NULL;
    enum opening_result result = on_request(connection, head->bytes, head_length);
    free(head);
    return result;
}

enum opening_result opening_on_bytes(struct connection *connection, const unsigned char *bytes, size_t length, size_t *taken)
{
    /* Nearly every head comes whole, and is parsed where it was read. */
    const size_t head_length = connection->head == NULL ? http_head_length((const char *)bytes, length, 0) : 0;
    if (head_length == 0 || head_length > HTTP_HEAD_BYTES_MAX)
        return collect(connection, bytes, length, taken);
    *taken = head_length;
    return on_request(connection, (const char *)bytes, head_length);
}

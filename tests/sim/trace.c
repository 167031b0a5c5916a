#include "sim/trace.h"

#include <inttypes.h>
#include <stdio.h>

static void print_address(const char *what, struct address address)
{
    fprintf(stderr, " %s=%u/%u.%u.%u", what, address.node, address.thread, address.slot, address.generation);
}

static void print_numbers(const struct message *message)
{
    switch ((enum message_type)message->type) {
    case PEER_TEXT:
        fprintf(stderr, " match=%" PRIu64 " number=%u %.*s", message->peer_text.match, message->peer_text.number, (int)message->payload->length,
                (const char *)message->payload->bytes);
        break;
    case PEER_WRITTEN:
    case PEER_GAP:
        fprintf(stderr, " match=%" PRIu64 " taken=%u written=%u", message->peer_count.match, message->peer_count.taken, message->peer_count.written);
        break;
    case PEER_LEFT:
    case PEER_LEFT_HEARD:
    case PEER_ASK:
    case MATCH_TAKEN:
        fprintf(stderr, " match=%" PRIu64 " number=%u", message->peer_left.match, message->peer_left.number);
        break;
    case MATCH_FOUND:
        fprintf(stderr, " match=%" PRIu64 " search=%u", message->match_found.match, message->match_found.search);
        print_address("partner", message->match_found.partner);
        break;
    case MATCH_REFUSED:
        fprintf(stderr, " match=%" PRIu64, message->match_refused.match);
        break;
    case CHAT_ENDED:
    case CHAT_STORE:
    case USER_STORE:
        fprintf(stderr, " match=%" PRIu64, message->user.match);
        break;
    case SEARCH_START:
    case SEARCH_CANCEL:
        fprintf(stderr, " search=%u ended=%" PRIu64, message->search.search, message->search.ended_match);
        break;
    case SEARCH_WAITING:
    case SEARCH_UNAVAILABLE:
    case SEARCH_BUSY:
    case SEARCH_CANCELLED:
    case SEARCH_TOO_LATE:
        fprintf(stderr, " search=%u", message->search_reply.search);
        break;
    case PEER_NODE_ALIVE:
    case PEER_NODE_DIED:
        fprintf(stderr, " node=%u incarnation=%" PRIu64, message->peer_node.node, message->peer_node.incarnation);
        break;
    case CLIENT_TEXT:
    case EVENT_TEXT:
        fprintf(stderr, " %.*s", message->payload->length < 400 ? (int)message->payload->length : 0, (const char *)message->payload->bytes);
        break;
    case TEXT_DONE:
    case TEXT_WRITTEN:
        fprintf(stderr, " texts=%u", message->credit.texts);
        break;
    default:
        break;
    }
}

void trace_message(const struct world *world, unsigned to_thread, const struct message *message)
{
    fprintf(stderr, "%ld %" PRIu64 " node=%" PRIu64 " thread=%u %s", world->step, world->now_ms, world->number, to_thread,
            message_name(message->type));
    print_address("to", message->to);
    print_address("from", message->from);
    print_numbers(message);
    fputc('\n', stderr);
}

void trace_client(const struct world *world, const struct client *client)
{
    const struct session *actor = &world->actors[client->actor.slot];
    fprintf(stderr, "%ld %" PRIu64 " node=%" PRIu64 " client=%zu view=%d credits=%d asked=%zu heard=%ld state=%d match=%" PRIu64, world->step, world->now_ms,
            world->number, (size_t)(client - world->clients), client->view, client->credits, client->asked_count, client->heard, actor->state,
            actor->match);
    print_address("actor", client->actor);
    print_address("partner", actor->partner);
    fputc('\n', stderr);
}

void trace_user(const struct world *world, const struct fake_user *user)
{
    fprintf(stderr, "%ld %" PRIu64 " node=%" PRIu64 " user waiting=%d chatting=%d match=%" PRIu64, world->step, world->now_ms, world->number,
            user->is_waiting, user->partner != NULL, user->match);
    print_address("actor", user->actor);
    fputc('\n', stderr);
}

#include "redis/dial.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/check.h"

struct redis_dial {
    uv_getaddrinfo_t lookup;
    struct redis_dial **place; /* the owner's pointer to this; NULL: given up */
    redis_dialled_fn *on_done;
    void *owner;
    uint16_t port;
    unsigned which;
};

static const struct addrinfo *address_in_place(const struct addrinfo *all, unsigned which)
{
    unsigned count = 1;
    for (const struct addrinfo *one = all->ai_next; one != NULL; one = one->ai_next)
        count++;
    const struct addrinfo *chosen = all;
    for (unsigned skipped = which % count; skipped > 0; skipped--)
        chosen = chosen->ai_next;
    return chosen;
}

static void connect_to(const struct redis_dial *dial, const struct addrinfo *all)
{
    char ip[64] = "", reason[160];
    uv_ip_name(address_in_place(all, dial->which)->ai_addr, ip, sizeof ip);
    redisContext *context = redisConnectNonBlock(ip, dial->port);
    if (context != NULL && context->err == 0) {
        dial->on_done(dial->owner, context, NULL);
        return;
    }
    snprintf(reason, sizeof reason, "%s", context != NULL ? context->errstr : "out of memory");
    if (context != NULL)
        redisFree(context);
    dial->on_done(dial->owner, NULL, reason);
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *result)
{
    struct redis_dial *dial = lookup->data;
    if (dial->place != NULL) {
        *dial->place = NULL;
        if (status == 0)
            connect_to(dial, result);
        else
            dial->on_done(dial->owner, NULL, uv_strerror(status));
    }
    uv_freeaddrinfo(result);
    free(dial);
}

int redis_dial(struct redis_dial **place, uv_loop_t *loop, const struct redis_endpoint *endpoint, unsigned which, redis_dialled_fn *on_done, void *owner)
{
    struct redis_dial *dial = calloc(1, sizeof *dial);
    char port[8];
    CHECK_MEMORY(dial);
    *dial = (struct redis_dial){ .place = place, .on_done = on_done, .owner = owner, .port = endpoint->port, .which = which };
    dial->lookup.data = dial;
    snprintf(port, sizeof port, "%u", endpoint->port);
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    const int error = uv_getaddrinfo(loop, &dial->lookup, on_looked_up, endpoint->host, port, &hints);
    if (error == 0)
        *place = dial;
    else
        free(dial);
    return error;
}

void redis_dial_give_up(struct redis_dial **place)
{
    struct redis_dial *dial = *place;
    if (dial == NULL)
        return;
    *place = NULL;
    dial->place = NULL;
    uv_cancel((uv_req_t *)&dial->lookup); /* if it waits for its turn; else the answer is awaited */
}

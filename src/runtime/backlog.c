#include "runtime/backlog.h"

#include "runtime/pool.h"

struct backlog_entry {
    struct message message;
    struct backlog_entry *next;
};

_Static_assert(sizeof(struct backlog_entry) <= POOL_NODE_BYTES, "an entry fits a block of the pool");

static struct backlog_entry *entry_new(const struct message *message, struct backlog_entry *next)
{
    struct backlog_entry *entry = pool_take(POOL_NODE);
    entry->message = *message;
    entry->next = next;
    return entry;
}

void backlog_put(struct backlog *backlog, const struct message *message)
{
    struct backlog_entry *entry = entry_new(message, NULL);
    if (backlog->last != NULL)
        backlog->last->next = entry;
    else
        backlog->first = entry;
    backlog->last = entry;
}

void backlog_put_back(struct backlog *backlog, const struct message *message)
{
    backlog->first = entry_new(message, backlog->first);
    if (backlog->last == NULL)
        backlog->last = backlog->first;
}

const struct message *backlog_first(const struct backlog *backlog)
{
    return backlog->first != NULL ? &backlog->first->message : NULL;
}

bool backlog_take(struct backlog *backlog, struct message *message)
{
    struct backlog_entry *entry = backlog->first;
    if (entry == NULL)
        return false;
    *message = entry->message;
    backlog->first = entry->next;
    if (backlog->first == NULL)
        backlog->last = NULL;
    pool_give_back(POOL_NODE, entry);
    return true;
}

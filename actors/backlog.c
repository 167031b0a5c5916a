#include "backlog.h"

#include <stdlib.h>

#include "check.h"

struct backlog_entry {
    struct message message;
    struct backlog_entry *next;
};

static struct backlog_entry *entry_new(const struct message *message, struct backlog_entry *next)
{
    struct backlog_entry *entry = malloc(sizeof *entry);
    CHECK_MEMORY(entry);
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

bool backlog_take(struct backlog *backlog, struct message *message)
{
    struct backlog_entry *entry = backlog->first;
    if (entry == NULL)
        return false;
    *message = entry->message;
    backlog->first = entry->next;
    if (backlog->first == NULL)
        backlog->last = NULL;
    free(entry);
    return true;
}

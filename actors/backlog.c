#include "backlog.h"

#include <stdio.h>
#include <stdlib.h>

struct backlog_entry {
    struct message message;
    struct backlog_entry *next;
};

void backlog_put(struct backlog *backlog, const struct message *message)
{
    struct backlog_entry *entry = malloc(sizeof *entry);
    if (entry == NULL) {
        fputs("chatterbox: out of memory\n", stderr);
        abort();
    }
    entry->message = *message;
    entry->next = NULL;
    if (backlog->last != NULL)
        backlog->last->next = entry;
    else
        backlog->first = entry;
    backlog->last = entry;
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

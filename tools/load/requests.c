#include "load/requests.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "load/user.h"

void user_submit(struct user *user, const char *interests, ...)
{
    char list[96], text[160];
    va_list arguments;
    va_start(arguments, interests);
    vsnprintf(list, sizeof list, interests, arguments);
    va_end(arguments);
    int length = snprintf(text, sizeof text, "{\"type\":\"submit_interests\",\"data\":{\"interests\":[%s]}}", list);
    user_send(user, text, (size_t)length);
    user->step = STEP_SUBMITTED;
}

void user_search(struct user *user)
{
    static const char text[] = "{\"type\":\"start_matching\"}";
    user->began_ns = now_ns();
    user->step = STEP_SEARCHING;
    user->sent = user->received = 0;
    user_send(user, text, sizeof text - 1);
}

/* What stands around the text, and what the text has behind its numbers. */
static const struct {
    const char *name, *before, *inside, *after;
} spellings[] = {
    { "stringify", "{\"type\":\"chat_message\",\"data\":{\"message\":\"", "", "\"}}" },
    { "python", "{\"type\": \"chat_message\", \"data\": {\"message\": \"", "", "\"}}" },
    { "readme",
      "{\"type\":\"chat_message\",\"description\":\"A chat message.\",\"timestamp\":\"2025-10-01T12:00:00\",\"data\":{\"message\":\"", "",
      "\"}}" },
    { "shuffled", "{\"timestamp\":\"2025-10-01T12:00:00\",\"n\":17,\"data\":{\"id\":null,\"message\":\"", "",
      "\"},\"description\":\"A chat message.\",\"type\":\"chat_message\"}" },
    { "escaped", "{\"type\":\"chat_message\",\"data\":{\"message\":\"", " \\u00e9\\n\\ud83d\\ude00", "\"}}" },
};

int spelling_find(const char *name)
{
    for (int i = 0; name != NULL && i < (int)(sizeof spellings / sizeof spellings[0]); i++) {
        if (strcmp(spellings[i].name, name) == 0)
            return i;
    }
    return -1;
}

void user_write_chat(struct user *user, uint64_t when_ns)
{
    char text[2600];
    const struct options *options = user->load->options;
    const int spelling = options->spelling;
    const int before = (int)strlen(spellings[spelling].before), after = (int)strlen(spellings[spelling].after);
    int length = snprintf(text, sizeof text, "%s%u %" PRIu64 " %" PRIu64 "%s", spellings[spelling].before, user->index, ++user->sent, when_ns,
                          spellings[spelling].inside);
    while (length - before < (int)options->size)
        text[length++] = 'x';
    memcpy(text + length, spellings[spelling].after, (size_t)after);
    user->in_flight++;
    user->load->sent++;
    user_send(user, text, (size_t)(length + after));
}

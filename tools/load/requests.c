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

void user_write_chat(struct user *user, uint64_t when_ns)
{
    char text[2400];
    const struct options *options = user->load->options;
    int length = snprintf(text, sizeof text, "{\"type\":\"chat_message\",\"data\":{\"message\":\"%u %" PRIu64 " %" PRIu64,
                          user->index, ++user->sent, when_ns);
    const int before = (int)strlen("{\"type\":\"chat_message\",\"data\":{\"message\":\"");
    while (length - before < (int)options->size)
        text[length++] = 'x';
    memcpy(text + length, "\"}}", 3);
    user->in_flight++;
    user->load->sent++;
    user_send(user, text, (size_t)length + 3);
}

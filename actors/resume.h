/* resume.h: what a session has more if its client wants to be able to come back: numbers, copies and accounts.
 *
 *   events   each has a number, and a copy of it is kept until the client has said that it came, RESUME_EVENTS_MAX or RESUME_BYTES_MAX at most.
 *            Beyond, the oldest goes, and whoever did not get it cannot come back without a gap
 *   texts    what the client writes to its partner has a number n, and is acknowledged when the partner's socket has it, or the partner's actor keeps it.
 *            Credits come back by way of the actor, so that it knows
 *   tokens   the one that is good; and the one that has been shown last, as long as its successor may not have arrived
 *
 * Only sessions that ask for it have one of these: all others are not a byte larger.
 *
 * Two accounts are kept of texts on their way, since a text may outlive the connection that it came from, and the chat that it is of, and what comes
 * back does not say of which it is. Credits are given to the connection that there is now as long as any of its own are missing, since
 * it must not starve; a text is acknowledged only when all older ones of earlier chats have come back too, so that nothing is acknowledged too early.
 *
 * Threads:   the session thread's.
 * Ownership: copies are its own, and so is the reminder's pointer; what that points to is the host's.
 * Pure:      it sends nothing. tell.c numbers and keeps; away.h goes and comes back.
 */
#ifndef CHATTERBOX_ACTORS_RESUME_H
#define CHATTERBOX_ACTORS_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/payload.h"
#include "runtime/rate.h"
#include "runtime/token.h"

struct reminder;

/* The protocol's. */
enum { RESUME_EVENTS_MAX = 64, RESUME_BYTES_MAX = 65536 };

/* As many as a connection has credits. Beyond, which takes several connections, the youngest are acknowledged together. */
enum { RESUME_FLIGHTS_MAX = 16 };

struct resume {
    struct reminder *reminder; /* SEARCHING: again.h's; else away.h's */
    uint8_t secret[TOKEN_SECRET_BYTES]; /* of the token that is good */
    uint8_t former[TOKEN_SECRET_BYTES]; /* of the one that brought the connection, has_former */

    struct payload *oldest_copy, *newest_copy; /* of the last `copies` events, linked by payload.next */
    uint32_t copies, copied_bytes;
    uint32_t seq;         /* of the last event */
    uint32_t gone_at_seq; /* is_away: of the last one that was sent */

    uint32_t taken_n; /* of the last text that was taken */
    uint32_t acknowledged_n;
    uint32_t earlier_n; /* the last that was taken in earlier chats */
    uint32_t on_their_way;  /* texts whose credits have not come back */
    uint32_t of_connection; /* of them, those that the connection there is now has paid for */
    uint32_t of_earlier;    /* of them, those of earlier chats */
    uint32_t flights[RESUME_FLIGHTS_MAX]; /* a ring: the numbers of those of this chat; 0: it has none */
    uint8_t first_flight, flight_count;
    uint16_t newest_more; /* texts that the newest flight stands for, less one */

    uint32_t match_seq;     /* CHATTING: of success_matched, until it is acknowledged; then 0 */
    uint32_t show_until_ms; /* match_seq: low bits of the monotonic time */
    uint32_t away_until_ms; /* is_away */
    uint32_t echoed_ms;     /* has_echoed */
    int32_t fallback_ms;    /* as the client wished last */
    struct rate_bucket ack_bucket;

    bool is_away : 1;
    bool is_counted : 1;   /* is_away: for its address */
    bool is_lost : 1;      /* is_away: an event that nobody got is kept no more */
    bool is_paused : 1;    /* is_away, IDLE: it was searching */
    bool is_unasked : 1;   /* the last search was begun for the client, which did not ask */
    bool has_former : 1;   /* nothing was heard from the connection that it brought */
    bool has_echoed : 1;
    bool owes_ack : 1;     /* at the end of this call, if somebody is there to hear it */
};

_Static_assert(sizeof(struct resume) <= 280, "with malloc's header a user who may come back costs less than 300 bytes more");

struct resume *resume_new(void);

void resume_free(struct resume **resume);

/* Tokens. */

/* From here on this is the good one. What was shown, the one before, is good once more if the connection that it has brought ends before anything is
 * heard from it: then nobody may have got the new one. */
void resume_set_secret(struct resume *resume, const uint8_t secret[TOKEN_SECRET_BYTES], const uint8_t shown[TOKEN_SECRET_BYTES]);

/* Something was heard from the connection. */
void resume_hear(struct resume *resume);

/* Whether that token may come back. In constant time, as the next two. may_be_gone: there may be no connection any more, for all that is known here. */
bool resume_serves(const struct resume *resume, const uint8_t secret[TOKEN_SECRET_BYTES], bool may_be_gone);

/* Whether it is the good one; whether it is the one before, and serves once the connection that it has brought is known to be gone. */
bool resume_is_good(const struct resume *resume, const uint8_t secret[TOKEN_SECRET_BYTES]);
bool resume_is_former(const struct resume *resume, const uint8_t secret[TOKEN_SECRET_BYTES]);

/* Events. */

/* Give an event its number, and keep a copy. The payload may move. */
void resume_keep(struct resume *resume, struct payload **event);

/* Everything up to seq has come. */
void resume_acknowledge(struct resume *resume, uint32_t seq);

/* Whether a client that has got everything up to seq can be given all that follows. */
bool resume_can_follow(const struct resume *resume, uint32_t seq);

/* Copies of what is kept, oldest first, linked; the caller's. NULL: nothing is. */
struct payload *resume_replay(const struct resume *resume);

/* Texts. */

/* One goes to the partner. n: 0 if it has none. */
void resume_send(struct resume *resume, uint32_t n);

/* Of the texts that went to a partner of this node, so many are done with; is_lost: nobody got them. Returns how many credits the connection has back. */
uint32_t resume_on_credits(struct resume *resume, uint32_t texts, bool is_lost, bool is_partner_here) __attribute__((warn_unused_result));

/* The partner is on another node, whose actor has all texts of this chat but so many. */
void resume_on_taken(struct resume *resume, uint32_t left);

/* Whether it is on its way in this chat. */
bool resume_is_on_its_way(const struct resume *resume, uint32_t n);

/* The chat is over: whatever was not acknowledged will not be. */
void resume_end_chat(struct resume *resume);

/* There is another connection, or none, which has paid for nothing yet. */
void resume_change_connection(struct resume *resume);

#endif

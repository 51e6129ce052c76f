/* Commands in Redis' protocol (RESP2: an array of bulk strings), appended to a buffer that a round trip sends as a
 * whole. */
#pragma once

#include "event/event_id.h"

/* `words` more follow: the command's name and its arguments. */
void redis_command_begin(struct buf *out, size_t words);
void redis_command_word(struct buf *out, struct slice word);
void redis_command_number(struct buf *out, int64_t number);

/* A command of words without arguments that vary, NULL-terminated. */
void redis_command(struct buf *out, const char *const *words);

struct redis_address;

/* Tells the server who we are (`password`: beside that of the address, or NULL) and which database is ours. How many
 * commands that is. */
size_t redis_command_login(struct buf *out, const struct redis_address *address, const char *password);

/* An id as a word: its 16 raw bytes. Once or thrice for each event, hence here. */
static inline void redis_command_id(struct buf *out, const struct event_id *id)
{
    enum { HEAD = 5, TAIL = 2, WHOLE = HEAD + sizeof *id + TAIL };
    if (buf_reserve(out, WHOLE)) {
        char *at = out->data + out->len;
        memcpy(at, "$16\r\n", HEAD);
        memcpy(at + HEAD, id, sizeof *id);
        memcpy(at + HEAD + sizeof *id, "\r\n", TAIL);
        out->len += WHOLE;
    }
}

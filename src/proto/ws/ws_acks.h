/* The acknowledgements that a WebSocket owes: one item a message, in the order of the messages, until all before it are
 * decided. Grows with what a client has under way. Pure but for its memory. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct submission;
struct ticket;

/* Messages of one connection that may be owed; a power of two. */
#define WS_OWED_MAX 1024

/* Bytes of errors that wait for their acknowledgement. A message of which an error has no room there, or has more than
 * SUBMISSION_MAX_ERRORS, is told by `refused` as well: in little room, but whole. */
#define WS_ERRORS_MAX ((size_t)64 << 10)

/* Bytes of `refused` that wait; beyond them, by what one message adds, there is no room for another message. */
#define WS_REFUSED_MAX ((size_t)64 << 10)

struct ws_owed {
    int64_t received_ns; /* when the message was whole */
    uint64_t errors_end; /* where the message's errors end, counted from the first byte of the connection's */
    uint64_t refused_end;
    uint32_t accepted;
    uint32_t duplicate;
    uint32_t rejected;
    uint32_t events; /* on their way */
    bool decided;
    enum error error; /* its group failed: it is never acknowledged */
};

/* Messages [first, next) are owed, numbered from 1; message n stands at items[n & (size - 1)]. `errors` holds their
 * JSON objects, each behind a comma, from byte `errors_from` of all on, and `refused` likewise. Invariants: next - first
 * <= size <= WS_OWED_MAX; errors.len <= WS_ERRORS_MAX; events is the sum of those of the items. */
struct ws_acks {
    struct ws_owed *items;
    uint32_t size;
    uint64_t first;
    uint64_t next;
    uint64_t events;
    struct buf errors;
    uint64_t errors_from;
    struct buf refused;
    uint64_t refused_from;
};

void ws_acks_init(struct ws_acks *acks);
void ws_acks_release(struct ws_acks *acks);

static inline bool ws_acks_is_empty(const struct ws_acks *acks)
{
    return acks->first == acks->next;
}

/* Makes room for one more message if it can: false at WS_OWED_MAX or WS_REFUSED_MAX, or if memory is short. */
bool ws_acks_make_room(struct ws_acks *acks);

/* The next message, as far as it is known at once; it was whole at received_ns. ws_acks_make_room was true. True: it is decided. */
bool ws_acks_push(struct ws_acks *acks, const struct submission *submission, int64_t received_ns);

/* A completion; of a message that is not owed (any more): nothing. */
void ws_acks_complete(struct ws_acks *acks, const struct ticket *ticket);

/* Is told of messages that are acknowledged, and were whole at the same time. */
struct ws_acks_clock {
    void (*taken)(void *context, int64_t received_ns, uint32_t messages);
    void *context;
};

/* Takes off all messages at the front that are decided, and writes their acknowledgement to `text` (cleared). False if
 * there are none. *failed: why the message that is now the first can never be acknowledged, or OK. */
bool ws_acks_take(struct ws_acks *acks, struct buf *text, const struct ws_acks_clock *clock, enum error *failed);

/* Owes nothing any more; late completions find nothing. */
void ws_acks_forget(struct ws_acks *acks);

/* Gives back memory; nothing is owed. */
void ws_acks_shed(struct ws_acks *acks);

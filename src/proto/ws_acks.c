/* Turns submissions and completions of messages into acknowledgements, in the order of the messages. */
#include "proto/ws_acks.h"

#include <inttypes.h>
#include <stdlib.h>

#define SIZE_AT_FIRST 8
#define FRAME_MEMBER_MAX 32 /* bytes of ,"frame":18446744073709551615, */

_Static_assert((WS_OWED_MAX & (WS_OWED_MAX - 1)) == 0, "the ring is indexed by a mask");

void ws_acks_init(struct ws_acks *acks)
{
    *acks = (struct ws_acks){ .first = 1, .next = 1 };
}

void ws_acks_release(struct ws_acks *acks)
{
    free(acks->items);
    buf_release(&acks->errors);
    ws_acks_init(acks);
}

static struct ws_owed *owed_at(const struct ws_acks *acks, uint64_t number)
{
    return &acks->items[number & (acks->size - 1)];
}

/* It is full: every slot is owed, and moves to where the wider mask looks for it. */
static bool grow(struct ws_acks *acks)
{
    uint32_t size = acks->size == 0 ? SIZE_AT_FIRST : acks->size * 2;
    struct ws_owed *items = calloc(size, sizeof *items);
    if (items == NULL) {
        return false;
    }
    for (uint64_t number = acks->first; number != acks->next; number++) {
        items[number & (size - 1)] = *owed_at(acks, number);
    }
    free(acks->items);
    acks->items = items;
    acks->size = size;
    return true;
}

bool ws_acks_make_room(struct ws_acks *acks)
{
    return acks->next - acks->first < acks->size || (acks->size < WS_OWED_MAX && grow(acks));
}

/* Errors. */

/* The first JSON object of *rest, cut off it; braces in strings are none. */
static bool next_object(struct slice *rest, struct slice *object)
{
    const char *from = rest->len == 0 ? NULL : memchr(rest->data, '{', rest->len);
    if (from == NULL) {
        return false;
    }
    *rest = slice_after(*rest, (size_t)(from - rest->data));
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->data[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
            continue;
        }
        quoted = c == '"';
        depth += c == '{';
        if (c == '}' && --depth == 0) {
            *object = slice_make(rest->data, i + 1);
            *rest = slice_after(*rest, i + 1);
            return true;
        }
    }
    return false;
}

static bool has_room_for_error(struct ws_acks *acks, size_t len)
{
    size_t needed = len + FRAME_MEMBER_MAX;
    if (acks->errors.len + needed > WS_ERRORS_MAX) {
        return false;
    }
    if (!buf_reserve(&acks->errors, needed)) {
        acks->errors.failed = false; /* what it holds stays good */
        return false;
    }
    return true;
}

static void add_errors(struct ws_acks *acks, struct slice errors)
{
    struct slice object;
    while (next_object(&errors, &object) && has_room_for_error(acks, object.len)) {
        struct slice members = slice_after(object, 1);
        buf_printf(&acks->errors, ",{\"frame\":%" PRIu64 "%s", acks->next, members.len > 1 ? "," : "");
        buf_append_slice(&acks->errors, members);
    }
}

/* A payload that was refused whole. */
static void add_refusal(struct ws_acks *acks, enum error error, struct slice detail)
{
    struct buf object = { 0 };
    const struct error_info *info = error_info(error);
    buf_printf(&object, "{\"index\":null,\"field\":\"\",\"code\":\"%s\",\"message\":", info->code);
    buf_append_json_string(&object, detail.len != 0 ? detail : slice_from_string(info->text));
    buf_append_byte(&object, '}');
    if (!object.failed) {
        add_errors(acks, buf_slice(&object));
    }
    buf_release(&object);
}

bool ws_acks_push(struct ws_acks *acks, const struct submission *submission)
{
    bool refused = submission->error != OK;
    bool pending = !refused && submission->pending;
    if (refused) {
        add_refusal(acks, submission->error, buf_slice(&submission->detail));
    } else if (submission->rejected != 0) {
        add_errors(acks, buf_slice(&submission->errors));
    }
    struct ws_owed *owed = owed_at(acks, acks->next++);
    *owed = (struct ws_owed){
        .errors_end = acks->errors_from + acks->errors.len,
        .rejected = refused ? 1 : submission->rejected,
        .events = pending ? submission->events - submission->rejected : 0,
        .decided = !pending,
    };
    acks->events += owed->events;
    return owed->decided;
}

/* Fates. */

void ws_acks_complete(struct ws_acks *acks, const struct ticket *ticket)
{
    uint64_t number = ticket->token.sequence;
    if (number < acks->first || number >= acks->next) {
        return;
    }
    struct ws_owed *owed = owed_at(acks, number);
    owed->accepted = ticket->accepted;
    owed->duplicate = ticket->duplicate;
    owed->error = ticket->error;
    owed->decided = true;
}

bool ws_acks_take(struct ws_acks *acks, struct buf *text, enum error *failed)
{
    uint64_t accepted = 0, duplicate = 0, rejected = 0, first = acks->first, errors_end = acks->errors_from;
    *failed = OK;
    while (!ws_acks_is_empty(acks) && *failed == OK) {
        const struct ws_owed *owed = owed_at(acks, acks->first);
        if (!owed->decided) {
            break;
        }
        *failed = owed->error;
        if (owed->error == OK) {
            accepted += owed->accepted;
            duplicate += owed->duplicate;
            rejected += owed->rejected;
            acks->events -= owed->events;
            errors_end = owed->errors_end;
            acks->first++;
        }
    }
    if (acks->first == first) {
        return false;
    }
    size_t errors = (size_t)(errors_end - acks->errors_from);
    buf_clear(text);
    buf_printf(text, "{\"ack\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"duplicate\":%" PRIu64 ",\"rejected\":%" PRIu64,
               acks->first - 1, accepted, duplicate, rejected);
    buf_append_slice(text, SLICE(",\"errors\":["));
    if (errors != 0) {
        buf_append(text, acks->errors.data + 1, errors - 1); /* without the comma before the first */
        buf_consume(&acks->errors, errors);
    }
    buf_append_slice(text, SLICE("]}"));
    acks->errors_from = errors_end;
    return true;
}

void ws_acks_forget(struct ws_acks *acks)
{
    acks->first = acks->next;
    acks->events = 0;
    acks->errors_from += acks->errors.len;
    buf_clear(&acks->errors);
}

void ws_acks_shed(struct ws_acks *acks)
{
    free(acks->items);
    acks->items = NULL;
    acks->size = 0;
    buf_release(&acks->errors);
}

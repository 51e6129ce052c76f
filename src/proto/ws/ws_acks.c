/* Turns submissions and completions of messages into acknowledgements, in the order of the messages. */
#include "proto/ws/ws_acks.h"

#include "event/ticket.h"
#include "pipeline/pipeline.h"
#include "pipeline/refused_runs.h"

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
    buf_release(&acks->refused);
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
    if (acks->refused.len > WS_REFUSED_MAX) {
        return false;
    }
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

/* How many it had room for. */
static uint32_t add_errors(struct ws_acks *acks, struct slice errors)
{
    struct slice object;
    uint32_t added = 0;
    for (; next_object(&errors, &object) && has_room_for_error(acks, object.len); added++) {
        struct slice members = slice_after(object, 1);
        buf_printf(&acks->errors, ",{\"frame\":%" PRIu64 "%s", acks->next, members.len > 1 ? "," : "");
        buf_append_slice(&acks->errors, members);
    }
    return added;
}

/* Tells all that is refused of the message, whatever the list of errors had room for. */
static bool add_refused(struct ws_acks *acks, const struct submission *submission)
{
    struct buf *out = &acks->refused;
    size_t before = out->len;
    buf_printf(out, ",{\"frame\":%" PRIu64 ",\"codes\":", acks->next);
    if (submission->error != OK) {
        buf_printf(out, "{\"%s\":null}", error_info(submission->error)->code);
    } else {
        refused_runs_write(&submission->refused, out);
    }
    buf_append_byte(out, '}');
    if (out->failed || submission->refused.failed) {
        out->len = before;
        out->failed = false; /* what it holds stays good */
        return false;
    }
    return true;
}

/* A payload that was refused whole. */
static bool add_refusal(struct ws_acks *acks, enum error error, struct slice detail)
{
    struct buf object = { 0 };
    const struct error_info *info = error_info(error);
    buf_printf(&object, "{\"index\":null,\"field\":\"\",\"code\":\"%s\",\"message\":", info->code);
    buf_append_json_string(&object, detail.len != 0 ? detail : slice_from_string(info->text));
    buf_append_byte(&object, '}');
    bool added = !object.failed && add_errors(acks, buf_slice(&object)) == 1;
    buf_release(&object);
    return added;
}

/* False if memory is too short to say which events are refused. */
static bool tell_refused(struct ws_acks *acks, const struct submission *submission)
{
    bool whole = submission->error != OK;
    if (!whole && submission->rejected == 0) {
        return true;
    }
    bool listed = whole ? add_refusal(acks, submission->error, buf_slice(&submission->detail))
                        : add_errors(acks, buf_slice(&submission->errors)) == submission->rejected;
    return listed || add_refused(acks, submission);
}

bool ws_acks_push(struct ws_acks *acks, const struct submission *submission, int64_t received_ns)
{
    bool refused = submission->error != OK;
    bool pending = !refused && submission->pending;
    bool told = tell_refused(acks, submission);
    struct ws_owed *owed = owed_at(acks, acks->next++);
    *owed = (struct ws_owed){
        .received_ns = received_ns,
        .errors_end = acks->errors_from + acks->errors.len,
        .refused_end = acks->refused_from + acks->refused.len,
        .rejected = refused ? 1 : submission->rejected,
        .events = pending ? submission->events - submission->rejected : 0,
        .decided = !pending,
        .error = told ? OK : ERROR_OUT_OF_MEMORY,
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
    owed->error = owed->error != OK ? owed->error : ticket->error;
    owed->decided = true;
}

/* What stands in `list` before byte `end` of all, as a JSON array; it goes. */
static void take_list(struct buf *list, uint64_t *from, uint64_t end, struct buf *text)
{
    size_t len = (size_t)(end - *from);
    buf_append_byte(text, '[');
    if (len != 0) {
        buf_append(text, list->data + 1, len - 1); /* without the comma before the first */
        buf_consume(list, len);
    }
    buf_append_byte(text, ']');
    *from = end;
}

/* Of the messages that one acknowledgement decides. */
struct sums {
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t rejected;
    uint64_t errors_end;
    uint64_t refused_end;
};

static void write_ack(struct ws_acks *acks, const struct sums *sums, struct buf *text)
{
    buf_clear(text);
    buf_printf(text, "{\"ack\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"duplicate\":%" PRIu64 ",\"rejected\":%" PRIu64,
               acks->first - 1, sums->accepted, sums->duplicate, sums->rejected);
    buf_append_slice(text, SLICE(",\"errors\":"));
    take_list(&acks->errors, &acks->errors_from, sums->errors_end, text);
    if (sums->refused_end != acks->refused_from) {
        buf_append_slice(text, SLICE(",\"refused\":"));
        take_list(&acks->refused, &acks->refused_from, sums->refused_end, text);
    }
    buf_append_byte(text, '}');
}

/* Messages that came in one turn are told of at once. */
struct run {
    int64_t received_ns;
    uint32_t messages;
};

static void tell_run(struct run *run, const struct ws_acks_clock *clock, int64_t next_ns)
{
    if (run->messages != 0 && run->received_ns != next_ns) {
        clock->taken(clock->context, run->received_ns, run->messages);
        run->messages = 0;
    }
    run->received_ns = next_ns;
}

bool ws_acks_take(struct ws_acks *acks, struct buf *text, const struct ws_acks_clock *clock, enum error *failed)
{
    struct run run = { 0 };
    struct sums sums = { .errors_end = acks->errors_from, .refused_end = acks->refused_from };
    uint64_t first = acks->first;
    *failed = OK;
    while (!ws_acks_is_empty(acks) && *failed == OK) {
        const struct ws_owed *owed = owed_at(acks, acks->first);
        if (!owed->decided) {
            break;
        }
        *failed = owed->error;
        if (owed->error == OK) {
            sums.accepted += owed->accepted;
            sums.duplicate += owed->duplicate;
            sums.rejected += owed->rejected;
            sums.errors_end = owed->errors_end;
            sums.refused_end = owed->refused_end;
            acks->events -= owed->events;
            acks->first++;
            tell_run(&run, clock, owed->received_ns);
            run.messages++;
        }
    }
    tell_run(&run, clock, INT64_MIN);
    if (acks->first == first) {
        return false;
    }
    write_ack(acks, &sums, text);
    return true;
}

void ws_acks_forget(struct ws_acks *acks)
{
    acks->first = acks->next;
    acks->events = 0;
    acks->errors_from += acks->errors.len;
    buf_clear(&acks->errors);
    acks->refused_from += acks->refused.len;
    buf_clear(&acks->refused);
}

void ws_acks_shed(struct ws_acks *acks)
{
    free(acks->items);
    acks->items = NULL;
    acks->size = 0;
    buf_release(&acks->errors);
    buf_release(&acks->refused);
}

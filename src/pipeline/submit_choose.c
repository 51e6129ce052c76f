/* Turns the value of a member into the stream that a route has for it. */
#include "event/value.h"
#include "pipeline/payload/request_values.h"
#include "pipeline/payload/stream_choice.h"
#include "pipeline/pipeline_io.h"
#include "pipeline/submit_private.h"

#define VALUES_SHOWN 8

/* What the request says of the member, if it says it, and the event does not or loses. */
static struct slice chosen_value(const struct request_values *values, struct slice member, struct slice own)
{
    struct slice found = own;
    for (size_t i = 0; values != NULL && i < values->count; i++) {
        const struct request_value *value = &values->items[i];
        bool counts = value->source == PATH_OF_NONE && (value->wins || own.len == 0);
        found = counts && slice_equal(value->key, member) ? value->text : found;
    }
    return found;
}

static bool refuse_choice(struct entry *entry, const struct stream_choice *choice, struct slice value)
{
    char quoted[80];
    value_quote(value, 64, quoted, sizeof quoted);
    submit_refuse(entry, ERROR_NOT_ALLOWED);
    struct buf *detail = &entry->submission->detail;
    buf_printf(detail, "%.*s: %s%s%s chooses no stream; expected one of: ", (int)choice->member.len,
               choice->member.data, value.len == 0 ? "an absent value" : "\"", quoted, value.len == 0 ? "" : "\"");
    for (size_t i = 0; i < choice->count && i < VALUES_SHOWN; i++) {
        buf_append_slice(detail, i == 0 ? SLICE("") : SLICE(", "));
        buf_append_slice(detail, choice->values[i]);
    }
    return false;
}

bool submit_choose(struct entry *entry, const struct stream_choice *choice, struct slice own)
{
    struct slice value = chosen_value(entry->payload->values, choice->member, own);
    const struct stream *stream = choice->otherwise;
    for (size_t i = 0; i < choice->count; i++) {
        stream = slice_equal(choice->values[i], value) ? choice->streams[i] : stream;
    }
    if (stream == NULL) {
        return refuse_choice(entry, choice, value);
    }
    entry->stream = pipeline_present(entry->io->pipeline, stream);
    return true;
}

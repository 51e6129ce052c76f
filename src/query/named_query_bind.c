/* Turns a request into the values of a query's parameters, and values into a key. */
#include "query/named_query.h"

#include "proto/front/page.h"

#define TEXTS_MAX ((size_t)10001) /* of one Array: one more than max_items allows, so that too many are seen to be */

/* What was sent for one parameter: `bytes` holds what had to be decoded. */
struct sent {
    struct buf bytes;
    struct buf ends;  /* size_t */
    struct buf texts; /* struct slice */
    bool malformed;
};

static void sent_release(struct sent *sent)
{
    buf_release(&sent->bytes);
    buf_release(&sent->ends);
    buf_release(&sent->texts);
}

static void add(struct sent *sent, struct slice text)
{
    buf_append_slice(&sent->bytes, text);
    buf_append(&sent->ends, &sent->bytes.len, sizeof sent->bytes.len);
}

/* Each argument of this name; of a scalar the first. */
static void collect_arguments(const struct parameter *parameter, struct slice query, struct sent *sent)
{
    const char *name = parameter->options->name;
    bool array = !parameter_is_choice(parameter) && parameter->spec.type.shape == SHAPE_ARRAY;
    struct buf value = { 0 };
    struct slice pair;
    for (size_t count = 0; count < (array ? TEXTS_MAX : 1) && slice_split(&query, '&', &pair);) {
        bool malformed = false;
        if (slice_starts_with(pair, slice_from_string(name)) && page_argument(pair, name, &value, &malformed)) {
            sent->malformed = sent->malformed || malformed;
            add(sent, buf_slice(&value));
            count++;
        }
    }
    sent->bytes.failed |= value.failed;
    buf_release(&value);
}

static void collect(const struct parameter *parameter, const struct page_request *request, struct sent *sent)
{
    enum parameter_from from = parameter->options->from;
    struct slice text = { NULL, 0 };
    if (from == PARAMETER_FROM_HEADER) {
        text = page_field(request, parameter->header);
    } else if (from != PARAMETER_FROM_QUERY) {
        text = page_capture(request, slice_from_string(parameter->options->name));
    }
    if (text.data != NULL) {
        add(sent, text);
    } else if (from == PARAMETER_FROM_QUERY || from == PARAMETER_FROM_ADDRESS) {
        collect_arguments(parameter, request->query, sent);
    }
    size_t begin = 0;
    size_t count = sent->ends.len / sizeof(size_t);
    for (size_t i = 0; i < count; i++) {
        size_t end;
        memcpy(&end, sent->ends.data + i * sizeof end, sizeof end);
        const struct slice piece = end == begin ? SLICE("") : slice_make(sent->bytes.data + begin, end - begin);
        buf_append(&sent->texts, &piece, sizeof piece);
        begin = end;
    }
}

static enum error bind_one(const struct parameter *parameter, const struct page_request *request, int64_t now_wall_ns,
                           struct bound_value *value, struct buf *problem)
{
    struct sent sent = { 0 };
    collect(parameter, request, &sent);
    enum error error = OK;
    if (sent.bytes.failed || sent.ends.failed || sent.texts.failed) {
        error = ERROR_OUT_OF_MEMORY;
    } else if (sent.malformed) {
        buf_printf(problem, "%s: its percent escapes are malformed; write %%XX with two hex digits",
                   parameter->options->name);
        error = ERROR_BAD_ARGUMENT;
    } else {
        error = parameter_read(parameter, (const struct slice *)(const void *)sent.texts.data,
                               sent.texts.len / sizeof(struct slice), now_wall_ns, value, problem);
    }
    sent_release(&sent);
    return error;
}

static enum error check_orders(const struct named_query *query, const struct bound_value *values,
                               const struct parameter **at_fault, struct buf *problem)
{
    for (size_t i = 0; i < query->parameter_count; i++) {
        const struct parameter *parameter = &query->parameters[i];
        int other = parameter->not_before;
        if (other >= 0 && values[i].present && values[other].present && values[i].order < values[other].order) {
            buf_printf(problem, "%s: it lies before %s", parameter->options->name,
                       query->parameters[other].options->name);
            *at_fault = parameter;
            return ERROR_OUT_OF_RANGE;
        }
    }
    return OK;
}

enum error named_query_bind(const struct named_query *query, const struct page_request *request, int64_t now_wall_ns,
                            struct bound_value *values, const struct parameter **at_fault, struct buf *problem)
{
    *at_fault = NULL;
    enum error first = OK;
    for (size_t i = 0; i < query->parameter_count; i++) { /* all of them, for a reply may show what was sent */
        struct buf why = { 0 };
        enum error error = bind_one(&query->parameters[i], request, now_wall_ns, &values[i], &why);
        if (error != OK && first == OK) {
            first = error;
            *at_fault = &query->parameters[i];
            buf_append_slice(problem, buf_slice(&why));
        }
        buf_release(&why);
    }
    return first == OK ? check_orders(query, values, at_fault, problem) : first;
}

static bool is_of_the_clock(const struct parameter *parameter, const struct bound_value *value)
{
    const char *usual = parameter->options->default_text;
    return !value->sent && usual != NULL && slice_equal_nocase(slice_from_string(usual), SLICE("now"));
}

bool named_query_key(const struct named_query *query, const struct bound_value *values, struct hash128 *key)
{
    struct buf all = { 0 };
    buf_append(&all, &query->identity, sizeof query->identity);
    for (size_t i = 0; i < query->parameter_count; i++) {
        const struct bound_value *value = &values[i];
        bool clock = is_of_the_clock(&query->parameters[i], value);
        struct slice parts[] = { buf_slice(&value->text), buf_slice(&value->ends), slice_from_string(value->chosen),
                                 buf_slice(&value->shown) };
        buf_append_byte(&all, (uint8_t)(value->present ? 1 : 0) | (clock ? 2 : 0));
        for (size_t k = 0; !clock && k < ARRAY_LENGTH(parts); k++) {
            buf_append_u64(&all, parts[k].len);
            buf_append_slice(&all, parts[k]);
        }
    }
    bool whole = !all.failed;
    *key = whole ? hash_xxh3_128(all.data, all.len) : (struct hash128){ 0 };
    buf_release(&all);
    return whole;
}

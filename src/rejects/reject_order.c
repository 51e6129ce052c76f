/* Turns orders and reports into text, and back. */
#include "rejects/reject_order.h"

#include "event/event_id.h"
#include "rejects/reject.h"

static const char *const verbs[] = { [VERB_RETRY] = "retry", [VERB_DROP] = "drop" };

static bool agrees(struct slice wanted, struct slice given)
{
    return wanted.data == NULL || slice_equal(wanted, given);
}

bool reject_filter_takes(const struct reject_filter *filter, const struct reject *reject)
{
    bool named = filter->id_count == 0;
    for (size_t i = 0; i < filter->id_count && !named; i++) {
        named = memcmp(&filter->ids[i], &reject->id, sizeof reject->id) == 0;
    }
    return named && agrees(filter->stream, reject->stream) && agrees(filter->code, reject->code) &&
           agrees(filter->field, reject->field);
}

static bool read_verb(struct reject_order *order, struct slice value)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (slice_equal(value, slice_from_string(verbs[i]))) {
            order->verb = (enum reject_verb)i;
            return true;
        }
    }
    return false;
}

static bool read_line(struct reject_order *order, struct slice name, struct slice value)
{
    struct event_id id;
    struct {
        struct slice name, *place;
    } const places[] = { { SLICE("stream"), &order->filter.stream },
                         { SLICE("code"), &order->filter.code },
                         { SLICE("field"), &order->filter.field } };
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        if (slice_equal(name, places[i].name)) {
            *places[i].place = value;
            return true;
        }
    }
    if (slice_equal(name, SLICE("id")) && event_id_parse(&id, value)) {
        buf_append(&order->ids, &id, sizeof id);
        return true;
    }
    if (slice_equal(name, SLICE("cut"))) {
        order->cut = true;
        return true;
    }
    return slice_equal(name, SLICE("verb")) && read_verb(order, value);
}

bool reject_order_read(struct reject_order *order, struct slice text)
{
    *order = (struct reject_order){ 0 };
    bool fine = slice_starts_with(text, SLICE("verb="));
    for (struct slice line; fine && slice_split(&text, '\n', &line);) {
        struct slice value = line, name;
        bool pair = line.len != 0 && slice_split(&value, '=', &name) && value.data != NULL;
        fine = line.len == 0 || (pair && read_line(order, name, value));
    }
    order->filter.ids = (const struct event_id *)(const void *)order->ids.data;
    order->filter.id_count = order->ids.len / sizeof(struct event_id);
    return fine && !order->ids.failed;
}

void reject_order_release(struct reject_order *order)
{
    buf_release(&order->ids);
}

static void write_line(struct buf *out, const char *name, struct slice value)
{
    if (value.data != NULL) {
        buf_printf(out, "%s=%.*s\n", name, (int)value.len, value.data);
    }
}

void reject_order_write(const struct reject_order *order, struct buf *out)
{
    buf_printf(out, "verb=%s\n", verbs[order->verb]);
    write_line(out, "stream", order->filter.stream);
    write_line(out, "code", order->filter.code);
    write_line(out, "field", order->filter.field);
    for (size_t i = 0; i < order->filter.id_count; i++) {
        char id[EVENT_ID_TEXT];
        event_id_format(&order->filter.ids[i], id);
        write_line(out, "id", slice_make(id, sizeof id));
    }
    buf_append_string(out, order->cut ? "cut=1\n" : "");
}

static const struct {
    const char *name;
    size_t offset;
} counts[] = {
    { "taken", offsetof(struct reject_report, taken) },
    { "accepted", offsetof(struct reject_report, accepted) },
    { "duplicate", offsetof(struct reject_report, duplicate) },
    { "refused", offsetof(struct reject_report, refused) },
    { "failed", offsetof(struct reject_report, failed) },
    { "cut", offsetof(struct reject_report, cut) },
    { "unsendable", offsetof(struct reject_report, unsendable) },
    { "strayed", offsetof(struct reject_report, strayed) },
};

void reject_report_write(const struct reject_report *report, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        uint64_t count;
        memcpy(&count, (const char *)report + counts[i].offset, sizeof count);
        buf_printf(out, "%s=%llu\n", counts[i].name, (unsigned long long)count);
    }
}

static bool read_count(struct reject_report *report, struct slice name, struct slice value)
{
    uint64_t count;
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        if (slice_equal(name, slice_from_string(counts[i].name)) && slice_to_u64(value, &count)) {
            memcpy((char *)report + counts[i].offset, &count, sizeof count);
            return true;
        }
    }
    return false;
}

bool reject_report_read(struct reject_report *report, struct slice text)
{
    *report = (struct reject_report){ 0 };
    bool fine = text.len != 0;
    for (struct slice line; fine && slice_split(&text, '\n', &line);) {
        struct slice value = line, name;
        bool pair = line.len != 0 && slice_split(&value, '=', &name);
        fine = line.len == 0 || (pair && read_count(report, name, value));
    }
    return fine;
}

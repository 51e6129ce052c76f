/* Turns the TTL of a table into a warning if it deletes events as soon as they are stored. */
#include "store/table/table_judge.h"

#include "base/clock.h"
#include "config/yaml/scalar.h"
#include "event/column.h"
#include "event/stream.h"
#include "event/type.h"
#include "store/table/expression.h"

#include <inttypes.h>

#define DAY_NS (86400 * NS_PER_SECOND)

static const struct {
    struct slice function;
    int64_t ns; /* a month as short as most are */
} units[] = {
    { { "toIntervalSecond", 16 }, NS_PER_SECOND },      { { "toIntervalMinute", 16 }, 60 * NS_PER_SECOND },
    { { "toIntervalHour", 14 }, 3600 * NS_PER_SECOND }, { { "toIntervalDay", 13 }, DAY_NS },
    { { "toIntervalWeek", 14 }, 7 * DAY_NS },           { { "toIntervalMonth", 15 }, 30 * DAY_NS },
    { { "toIntervalQuarter", 17 }, 90 * DAY_NS },       { { "toIntervalYear", 14 }, 365 * DAY_NS },
};

static int64_t unit_ns(struct slice function)
{
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (slice_equal(units[i].function, function)) {
            return units[i].ns;
        }
    }
    return 0;
}

/* The number in the parentheses at the front of `rest`; 0: none that we can read. */
static int64_t number_behind(struct slice rest)
{
    int64_t number = 0;
    const char *end = rest.len == 0 ? NULL : memchr(rest.data, ')', rest.len);
    bool read = end != NULL && slice_to_i64(slice_make(rest.data + 1, (size_t)(end - rest.data) - 1), &number);
    return read && number > 0 && number < 1000000 ? number : 0;
}

/* One element of the TTL: the time field of the stream that it counts from, and how long. */
struct deletion {
    const struct column_spec *from;
    int64_t after_ns;
};

static struct deletion read_deletion(const struct stream *stream, struct slice element)
{
    struct deletion deletion = { NULL, 0 };
    struct expression_name found;
    element = expression_before(element, SLICE("WHERE"));
    while (expression_next_name(&element, &found)) {
        size_t column = found.is_function ? SIZE_MAX : table_stream_column(stream, found.name);
        if (column != SIZE_MAX && deletion.from == NULL && stream->columns[column].fill == FILL_NONE &&
            kind_is_time(stream->columns[column].type.kind)) {
            deletion.from = &stream->columns[column];
        }
        deletion.after_ns += found.is_function ? unit_ns(found.name) * number_behind(element) : 0;
    }
    return deletion;
}

static bool deletes_rows(struct slice element)
{
    static const struct slice moves[] = { { "TO DISK", 7 }, { "TO VOLUME", 9 }, { "RECOMPRESS", 10 } };
    for (size_t i = 0; i < ARRAY_LENGTH(moves); i++) {
        if (expression_behind(element, moves[i]).data != NULL) {
            return false;
        }
    }
    return true;
}

static void warn(const struct stream *stream, const struct deletion *deletion, struct buf *warnings)
{
    const char *field = deletion->from->name;
    char after[SCALAR_DURATION_SIZE], taken[SCALAR_DURATION_SIZE];
    scalar_write_duration(deletion->after_ns, after);
    bool bounded = deletion->from->max_past_ns >= 0;
    buf_printf(
        warnings,
        "table %s: its TTL deletes rows that are %s old by `%s`, and the stream takes events of %s%s: such an event "
        "is acknowledged and deleted at once; give the field %s max_past: %s, or ALTER TABLE %s MODIFY TTL\n",
        stream->table, after, field, bounded ? "up to " : "any age",
        bounded ? scalar_write_duration(deletion->from->max_past_ns, taken) : "", field, after, stream->table);
}

void table_judge_ttl(const struct stream *stream, const struct table_definition *definition, struct buf *warnings)
{
    struct slice ttl = expression_behind(definition->engine_full, SLICE("TTL"));
    struct slice element;
    ttl = expression_before(ttl, SLICE("SETTINGS"));
    while (expression_next_item(&ttl, &element)) {
        struct deletion deletion = read_deletion(stream, element);
        if (deletion.from != NULL && deletion.after_ns != 0 && deletes_rows(element) &&
            (deletion.from->max_past_ns < 0 || deletion.from->max_past_ns > deletion.after_ns)) {
            warn(stream, &deletion, warnings);
        }
    }
}

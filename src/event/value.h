/* Turns one scalar, as a client wrote it, into the wire bytes of a column, or into the reason why not.
 *
 * Whatever a server could refuse in a row is refused here: ranges, enums, UUIDs, addresses, decimals, lengths. Pure but
 * for the buf appended to. */
#pragma once

#include "base/error.h"
#include "config/options/field_rules.h"
#include "event/type.h"

struct column_spec;

enum value_type { VALUE_TEXT, VALUE_INT, VALUE_UINT /* above INT64_MAX */, VALUE_DOUBLE, VALUE_BOOL };

struct value {
    enum value_type type;
    struct slice text;
    union {
        int64_t integer; /* also of VALUE_BOOL */
        uint64_t unsigned_integer;
        double number;
    };
};

/* How far a client's clock is off: what is to be added to its times, up to the last that may be of that clock. */
struct client_clock {
    int64_t shift_ns; /* 0: it goes well enough, or nothing is known of it */
    int64_t until_ns;
};

/* What became of an event's own time. Its wire bytes are those of the time that was sent in any case, for they may be part
 * of its identity; whoever appends the row replaces them by time_ns once that is known. */
enum time_fate { TIME_AS_SENT, TIME_MOVED, TIME_CLAMPED };

struct value_context {
    int64_t received_wall_ns; /* for max_past and max_future */
    struct client_clock clock;
    int64_t time_ns;          /* set when a time was appended: wall, cut to what int64_t holds, as time_fate has it */
    enum time_fate time_fate; /* set when the event's own time was moved or clamped */
    char message[192];        /* set on error: what was found and what is allowed; valid UTF-8 if the text is */
};

/* Appends one scalar of spec's type to `out`. On error `out` may hold a part of it: the caller cuts it back. Numbers
 * for String and fractions for Decimal come as text. Not for JSON columns. */
MUST_CHECK enum error value_append(const struct column_spec *spec, const struct value *value,
                                   struct value_context *context, struct buf *out);

/* A time as clients write it (docs/protocol.md, "Times"), cut to what int64_t holds. False: it is none. */
MUST_CHECK bool value_read_time(const struct value *value, int64_t *wall_ns);

/* The moment nearest to wall_ns that a Date, DateTime or DateTime64 holds: a clock may be wrong, or the time too late. */
int64_t value_nearest_time(const struct type *type, int64_t wall_ns);

/* Appends the time of receipt, or the one nearest to it, as a Date, DateTime, DateTime64 (not checked against max_past). */
void value_append_time(const struct type *type, int64_t wall_ns, struct buf *out);

/* A value of a Date, DateTime, DateTime64 as it stands in a Native block: its ticks since 1970. */
int64_t value_load_ticks(const struct type *type, const char *wire);
int64_t value_tick_ns(const struct type *type);

/* A literal of the configuration that bounds times: a number of the unit, or any time that a client may write. */
MUST_CHECK bool value_read_bound(enum time_unit unit, const char *literal, int64_t *wall_ns);

/* A literal of the configuration (default, min, max) as a value: "5" is a number for number types, "true" a boolean. */
MUST_CHECK bool value_from_literal(const struct type *type, const char *literal, struct value *value);

/* The integers that a type holds, in int64_t; false for UInt64 and all that are no integers. */
bool value_integer_range(const struct type *type, int64_t *low, int64_t *high);

/* vsnprintf that does not cut a character. */
void value_format(char *out, size_t size, const char *format, va_list arguments);

/* Copies at most `max` bytes of text without cutting a character, "…" behind what was cut; NUL-terminated. */
void value_quote(struct slice text, size_t max, char *out, size_t size);

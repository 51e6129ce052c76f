/* A parameter of a named query: compiled from its options, then read from each request.
 *
 * What a client sends is checked against the declared type here, by event/value.c, before a server sees it: ClickHouse wraps numbers that do
 * not fit, so that {user_id:UInt32} of 2^32 would be the rows of user 0. Then it is written anew (an integer from its 64 bits, a time as
 * ticks) and bound in a form that no server's time zone or version reads in another way; parameter_append_sql casts that to
 * the declared type. Compiled ones are read by any thread. */
#pragma once

#include "base/error.h"
#include "config/options/named_query_options.h"
#include "config/options/stream_options.h"
#include "event/column.h"

struct parameter_limit {
    bool given;
    bool now;
    int64_t order; /* else: as in struct bound_value */
};

struct parameter {
    const struct parameter_options *options;
    struct field_options field; /* the rules that a field has, too */
    struct column_spec spec;    /* not of choices */
    struct buf bound_type;      /* what the server is told: "UInt32", "Nullable(Decimal(18, 3))", "Array(String)" */
    struct parameter_limit min, max;
    char *header;   /* in lower case */
    int not_before; /* index of the other one; -1: none */
    bool from_path; /* of a path whose pattern has it */
    bool needed;    /* a request without it is refused */
};

/* What a request gives a parameter. A zeroed one is empty. */
struct bound_value {
    bool sent;    /* by the client: `raw` is the first that was */
    bool present; /* it has a value; else it is absent, or null */
    struct buf raw;
    struct buf text;    /* a scalar as it is bound; items of an array one behind the other */
    struct buf ends;    /* size_t: where each item ends in `text` */
    struct buf shown;   /* JSON, for replies */
    const char *chosen; /* of choices: SQL of the configuration */
    int64_t order;      /* of integers, and of times in ns: what min, max and not_before compare */
};

void bound_value_release(struct bound_value *value);

/* One line in *problem (without a line end) and false if the options make no sense. Release it either way. */
MUST_CHECK bool parameter_compile(struct parameter *parameter, const struct parameter_options *options,
                                  struct buf *problem);
void parameter_release(struct parameter *parameter);

/* The expression that stands for it in a statement: {name:Type}, in casts. Not of choices. */
void parameter_append_sql(const struct parameter *parameter, struct buf *out);

static inline bool parameter_is_choice(const struct parameter *parameter)
{
    return parameter->options->choices.count != 0;
}

/* Has it an order that not_before can compare? */
static inline bool parameter_is_ordered(const struct parameter *parameter)
{
    enum kind kind = parameter->spec.type.kind;
    return !parameter_is_choice(parameter) && parameter->spec.type.shape != SHAPE_ARRAY &&
           (kind_is_integer(kind) || kind_is_time(kind));
}

/* Reads the texts that were sent (count 0: none) into the empty *value. Not OK: *problem names the parameter, what was found and what is
 * allowed. */
MUST_CHECK enum error parameter_read(const struct parameter *parameter, const struct slice *texts, size_t count,
                                     int64_t now_wall_ns, struct bound_value *value, struct buf *problem);

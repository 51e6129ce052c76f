/* Options: a stream and its fields (event/stream.h). See options.h. */
#pragma once

#include "config/options/batch_options.h"
#include "config/options/field_rules.h"
#include "config/options/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unknown_fields { UNKNOWN_IGNORE, UNKNOWN_REJECT, UNKNOWN_COLLECT };

enum invalid_text { INVALID_TEXT_REPAIR, INVALID_TEXT_REJECT };

enum late_clock { LATE_CLOCK_REJECT, LATE_CLOCK_CLAMP };

/* Whose an event is, as far as its id is concerned. */
enum tenant { TENANT_NONE, TENANT_KEY };

/* One entry of streams[].fields. Numbers stay text here: their meaning depends on the type. NULL: not given. */
struct field_options {
    int line; /* in `file`, for messages */
    const char *file;
    const char *name;        /* the column */
    const char *type;        /* ClickHouse's name of it */
    struct string_list from; /* paths in the event, first found wins; empty: the name itself */
    bool required;
    const char *default_value; /* "now" for a time; else a literal of the type */
    enum fill fill;
    struct string_list one_of;
    bool not_blank;      /* of a text, or of each item */
    uint64_t min_length; /* bytes of a string; 0: the empty one, too */
    uint64_t max_length; /* bytes of a string; 0: no bound but the body's */
    uint64_t max_items;  /* of an array or map; 0: no bound but the body's */
    const char *min;
    const char *max;
    enum time_unit unit;
    enum json_text json;
    bool trim;
    unsigned url; /* enum url_rule */
    bool lenient;
    bool lower;
    bool upper;
    int64_t max_past_ns; /* event times; -1: not given */
    int64_t max_future_ns;
    bool anonymize; /* client_ip: last octet of IPv4, last 80 bits of IPv6 become zero */
    const char *comment;
};

/* streams[].upsert: an event is the newest state of a thing, not something that happened. */
struct upsert_options {
    struct string_list key; /* fields; empty: the stream keeps events */
    const char *version;    /* the field that orders the states of one key */
};

/* What it says of rejects for itself. */
enum stream_rejects { STREAM_REJECTS_AS_CONFIGURED, STREAM_REJECTS_OFF, STREAM_REJECTS_CUT, STREAM_REJECTS_KEEP };

struct stream_options {
    int line;
    const char *file;
    const char *scope; /* what its name and its table begin with, as an included file's do; "" */
    const char *name;
    const char *table;
    struct string_list dedup_key; /* field names; empty: no dedup */
    enum tenant tenant;           /* part of the id */
    struct string_list order_by;  /* columns of the created table's ORDER BY, before event_id; empty: the dedup key */
    struct upsert_options upsert;
    const char *partition_by; /* expression over key columns; NULL: by month of the first time in the key */
    bool create_table;        /* and the store's: create the table if it is missing */
    bool allow_lossy_table;   /* serve a table that does not keep every row */
    enum unknown_fields unknown_fields;
    const char *collect_into;       /* UNKNOWN_COLLECT: the column */
    enum invalid_text invalid_text; /* bytes that are not UTF-8, halves of surrogate pairs */
    bool lenient;                   /* all its fields are */
    enum late_clock late_clock;     /* a time beyond max_future by less than a day */
    uint64_t max_event_bytes;       /* of an event's JSON; 0: no bound but the body's, as for the next two */
    uint64_t max_keys;              /* of a JSON value */
    uint64_t max_paths;
    struct batch_options batch;
    enum stream_rejects rejects;
    uint64_t max_journal_bytes; /* of this stream's segments; 0 in the file: by the number of streams */
    struct field_options *fields;
    size_t field_count;
};

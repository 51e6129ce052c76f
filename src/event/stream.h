/* A stream: a declared kind of event, compiled once from its options and then read by every thread.
 *
 * Fields become columns in the order of declaration. Paths become a tree of keys, so that one walk over a JSON object
 * finds the column of each value. Immutable after stream_compile; shared by all threads without locks. */
#pragma once

#include "base/bytes.h"

struct column_spec;
struct field_options;
struct path_node;
struct stream_options;

struct stream {
    const char *name;
    const char *table;
    size_t index; /* in the gateway's list; the `stream` label of metrics */
    const struct stream_options *options;
    struct column_spec *columns;
    size_t column_count;
    size_t *key_columns; /* the dedup key: what an event must have to be known again, then what is optional ("x?") */
    size_t key_count;
    size_t key_required;
    /* Where a client's own UUID may stand, which then is the event's id; the first that holds one counts. */
    struct id_source {
        size_t column; /* that is read from there: event_id_column, or a field of its own */
        int rank;      /* of its path */
    } * id_sources;
    size_t id_source_count;
    bool has_tenant;         /* the name of the key that a request shows is part of the id (tenant: key) */
    int event_id_column;     /* -1: the table has none, the stream is served at-least-once */
    int time_column;         /* the first time of the key that is not optional, else the first time field; -1: none */
    int collect_column;      /* unknown_fields: collect; -1: none */
    struct path_node *paths; /* root of the tree, see path.h */
    /* The same for other events. named: "stream" may be a member, as the event has named this stream.
     * sent: the event is a whole payload. Its member "sent_at" leads to the place behind the last column, unless it is data.
     * named_sent: both. */
    struct path_node *named_paths, *sent_paths, *named_sent_paths;
    bool reads_request;  /* some fields are read from the request (path_reads_request) */
    bool reads_envelope; /* and some from what stands around several events */
    size_t *
        order_columns; /* ORDER BY of a table that Sluice creates: event_id last, or (upsert) the key and nothing else */
    size_t order_count;
    const char *partition_by;          /* an expression, "": no partitions; NULL: the month of partition_column */
    int partition_column;              /* the first time of order_columns; -1: none, and no partitions */
    struct field_options *own_version; /* of a column of versions that no field is; NULL: there is none */
    int version_column; /* upsert: of the rows with equal order_columns the one with the greatest counts; -1: every
                                 row counts */
};

/* Compiles one stream. On failure NULL, with one line per problem in *problems, each beginning with the line in
 * the file, "66: field: ": the caller puts the file in front.
 * A stream without a field that fills event_id gets a column `event_id UUID` of its own, last; one with upsert gets
 * the column of versions that no field is, before it. */
struct stream *stream_compile(const struct stream_options *options, size_t index, struct buf *problems);
void stream_free(struct stream *stream);

/* The stream at a place of a list in which a reload may put another one meanwhile. Any thread; what it was stays valid. */
static inline const struct stream *stream_at(const struct stream *const *list, size_t index)
{
    return __atomic_load_n(&list[index], __ATOMIC_ACQUIRE);
}

static inline void stream_put(struct stream **list, size_t index, struct stream *stream)
{
    __atomic_store_n(&list[index], stream, __ATOMIC_RELEASE);
}

/* Appends to a message that no stream has the name that a client gave: "there is no stream "x"; there are: a, b". Long
 * names are cut, and of many streams the first are named. */
void stream_describe_unknown(struct stream *const *streams, size_t count, struct slice name, struct buf *out);

/* The read API's arguments and the SELECT they become. Pure: no clock, no store. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice;

/* Most groups in an answer. */
#define QUERY_MAX_GROUPS 1000

enum query_group {
    GROUP_NONE,
    GROUP_DAILY,  /* keys are days since 1970 */
    GROUP_HOURLY, /* keys are hours since 1970 */
    GROUP_COLUMN  /* keys are the column's values */
};

/* What is asked. A zeroed one is empty. */
struct query_request {
    const struct stream *stream;
    bool has_event_name;
    struct buf event_name;
    int64_t from_ns; /* wall, inclusive */
    int64_t to_ns;   /* exclusive */
    enum query_group group;
    size_t group_column; /* GROUP_COLUMN */
};

void query_request_release(struct query_request *request);

/* Reads the arguments behind '?' of the request. `request` is empty or was released. Not OK: *problem names the
 * argument, what was found and what is allowed; ERROR_UNKNOWN_STREAM, ERROR_BAD_ARGUMENT or ERROR_OUT_OF_MEMORY. */
MUST_CHECK enum error query_request_read(struct query_request *request, struct slice arguments,
                                         struct stream *const *streams, size_t stream_count, int64_t now_wall_ns,
                                         struct buf *problem);

/* The SELECT, without FORMAT: columns key (only with a group), total, unique users; with a group WITH TOTALS. The event
 * name is the parameter {event_name:String}. */
void query_request_sql(const struct query_request *request, const char *database, struct buf *out);

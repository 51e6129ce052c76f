/* The settings that requests ask a server for, and those of them that its profile pins. A request that names a pinned one is
 * refused as a whole (code 452, or 115 of a server that lacks it). So that setting is left out from then on, and the log says
 * what that costs. */
#pragma once

#include "base/bytes.h"

/* Each once; the cost ends the sentence "<name> is pinned: ...". */
#define SETTING_LIST(X)                                                                                                \
    X(wait_end_of_query, "an answer may begin before its query has ended")                                             \
    X(max_execution_time, "a query ends when the profile says so, not at our time-out")                                \
    X(max_query_size, "counts and statements longer than the profile's limit fail")                                    \
    X(readonly, "a statement of `queries:` may do what the user may")                                                  \
    X(max_result_rows, "a query's rows are bounded by its bytes alone")                                                \
    X(max_memory_usage, "a query may take as much memory as the profile allows")                                       \
    X(max_rows_to_read, "a query may read as many rows as the profile allows")                                         \
    X(result_overflow_mode, "an answer with too many rows may be cut")                                                 \
    X(output_format_json_quote_64bit_integers, "large numbers in the answers of `queries:` may be texts")              \
    X(output_format_json_quote_denormals, "nan and inf in the answers of `queries:` may be texts")                     \
    X(insert_deduplicate, "the server may drop a batch whose rows are those of an earlier one")                        \
    X(insert_deduplication_token, "an INSERT that is sent again is known by its ids alone")                            \
    X(deduplicate_blocks_in_dependent_materialized_views, "views may take a batch that is sent again twice")           \
    X(min_insert_block_size_rows, "replicas may cut the same batch differently")                                       \
    X(min_insert_block_size_bytes, "replicas may cut the same batch differently")                                      \
    X(async_insert, "INSERTs wait in the server's buffer, and cost their time")                                        \
    X(wait_for_async_insert, "the server may say \"done\" before it has stored anything: events can be lost")          \
    X(optimize_on_insert, "batches are collapsed as they come, and counts may miss what was collapsed")                \
    X(input_format_try_infer_integers,                                                                                 \
      "large whole numbers of JSON columns may be rounded beside fractions, or refused")                               \
    X(input_format_try_infer_dates, "texts of JSON columns may become dates")                                          \
    X(input_format_try_infer_datetimes, "texts of JSON columns may become times")                                      \
    X(input_format_json_read_bools_as_numbers, "booleans of JSON arrays may become numbers")                           \
    X(input_format_json_read_bools_as_strings, "booleans of JSON arrays may become texts")                             \
    X(input_format_skip_unknown_fields, "batches with a column that the table lacks are refused")

enum setting {
#define X(name, cost) SETTING_##name,
    SETTING_LIST(X)
#undef X
        SETTING_COUNT
};

/* SETTING_COUNT: not one of ours. */
enum setting setting_find(struct slice name);
const char *setting_name(enum setting setting);
const char *setting_cost(enum setting setting);

/* Which of ours an answer with this code and message refuses; SETTING_COUNT: none. */
enum setting setting_refused(int code, const char *message);

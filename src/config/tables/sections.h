/* One table for each section of a file. Private to tables/. */
#pragma once

#include "config/tables/option_table.h"

extern const struct option_table log_table;
extern const struct option_table http_table;
extern const struct option_table websocket_table;
extern const struct option_table udp_table;
extern const struct option_table admin_table;
extern const struct option_table journal_table;
extern const struct option_table commit_table;
extern const struct option_table dedup_table;
extern const struct option_table lookup_table;
extern const struct option_table setup_table;
extern const struct option_table store_table;
extern const struct option_table writer_table;
extern const struct option_table query_table;
extern const struct option_table rejects_table;
extern const struct option_table drain_table;
extern const struct option_table live_table;
extern const struct option_table key_table;
extern const struct option_table stream_table;
extern const struct option_table route_table;
extern const struct option_table reply_table;
extern const struct option_table query_reply_table;
extern const struct option_table include_table;
extern const struct option_table files_table;
extern const struct option_table page_table;
extern const struct option_table openapi_table;
extern const struct option_table named_query_table;
extern const struct option_table limits_table;
extern const struct option_table rate_table; /* of a key */

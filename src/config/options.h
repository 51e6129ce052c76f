/* Every option of the program: a header for each section, named by the module that it configures. Whoever needs one
 * section includes that header alone; this one is for config/ and its tests. Plain data.
 *
 * config/ fills them from YAML and checks each value alone (type, range, unit); the module that an option struct is
 * named after checks what only it can know (a ClickHouse type, a path). Strings are owned by the struct config that
 * holds them and live until config_free. Sizes are bytes, times nanoseconds. */
#pragma once

#include "config/batch_options.h"
#include "config/commit_options.h"
#include "config/dedup_options.h"
#include "config/drain_options.h"
#include "config/http_options.h"
#include "config/journal_options.h"
#include "config/log_options.h"
#include "config/query_options.h"
#include "config/store_options.h"
#include "config/stream_options.h"
#include "config/string_list.h"
#include "config/udp_options.h"
#include "config/websocket_options.h"
#include "config/writer_options.h"

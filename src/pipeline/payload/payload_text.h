/* The one place where a payload_reader parses: `document` and `parsed` change together. Private to this room. */
#pragma once

#include "pipeline/payload/payload_reader.h"

/* Parses what is JSON, or is but for what json_repair.h mends, whether the stream has that repaired or not. */
MUST_CHECK enum error payload_parse(struct payload_reader *reader, struct slice text);

/* Does the stream take `document`, of which something may have been repaired? */
static inline bool payload_takes_text(const struct payload_reader *reader)
{
    return reader->parsed_repaired == 0 || reader->rules.repairs;
}

/* Both of these: ERROR_INVALID_JSON for what the stream does not have repaired. Costs nothing for the text parsed last. */
MUST_CHECK enum error payload_parse_piece(struct payload_reader *reader, struct slice piece);

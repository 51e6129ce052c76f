/* Sends a reject again: a line that was read becomes a payload as it came. */
#pragma once

#include "base/bytes.h"
#include "event/ticket.h"

#include <stdbool.h>
#include <stdint.h>

struct pipeline;
struct pipeline_io;
struct reject_line;
struct submission;

/* Memory that is kept from line to line; a zeroed one is valid. */
struct reject_payload {
    struct buf text;
    struct buf values; /* texts, */
    struct buf items;  /* and the struct request_value of each */
};
void reject_payload_release(struct reject_payload *memory);

enum reject_sent {
    SENT,           /* *submission says what is known at once */
    SENT_NO_STREAM, /* there is none of its name any more */
    SENT_NO_MEMORY
};

/* OK, or why nothing is taken for the line's stream now. */
enum error reject_submit_admits(const struct pipeline *pipeline, const struct reject_line *line);

MUST_CHECK enum reject_sent reject_submit(const struct pipeline *pipeline, struct pipeline_io *io,
                                          const struct reject_line *line, struct token token,
                                          struct reject_payload *memory, struct submission *submission);

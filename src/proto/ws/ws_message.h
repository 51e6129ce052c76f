/* Whole WebSocket messages: checks, decompression, submission. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>

struct io_context;
struct large_payload;
struct slice;
struct submission;
struct token;
struct ws_terms;

/* Do the limits, of which there are some, take another message of this client? OK or ERROR_RATE_LIMITED, which is counted
 * unless it is asked `again`. Nothing is taken. */
MUST_CHECK enum error ws_message_ask(const struct io_context *context, const struct ws_terms *terms, bool again);

/* A whole message that the gatekeeper has admitted, its bytes followed by JSON_PADDING readable bytes. Counts it.
 * OK: it has its place in the order of acknowledgements. context->intake.submission says what is known at once (its
 * `error`: refused whole). If it was *handed_on as it is large, session_ops.submitted brings that.
 * Else the message is counted as refused, and the connection ends with this error:
 *   ERROR_INVALID_UTF8             text that is not
 *   ERROR_UNSUPPORTED_DATA         a binary message that looks like JSON, or is too short to hold LZ4
 *   ERROR_DECOMPRESSED_TOO_LARGE   by what it claims, if so many bytes can hold that, or by what comes out
 *   what pipeline_submit says of a gateway that is full or failing, ERROR_OUT_OF_MEMORY */
MUST_CHECK enum error ws_message_submit(struct io_context *context, const struct ws_terms *terms, bool is_text,
                                        struct slice bytes, struct token token, bool *handed_on);

/* A message that was handed on came back: as above, but for its own submission, *known. */
MUST_CHECK enum error ws_message_submitted(struct large_payload *large, const struct submission **known);

/* Rewrites a text that json_parse refuses into one that it takes, if nothing is wrong with it but
 *
 * - its characters: what is no UTF-8 in a string, and a surrogate (\uD83C) without its other half, become U+FFFD;
 * - its numbers: one that neither 64 bits nor a double hold is kept as its text (JSON_LARGE_NUMBER on the tape).
 *
 * Only for a text that was refused: one that is fine costs nothing. Whatever else is wrong stays, and is refused again. */
#pragma once

#include "base/bytes.h"

#include <stdint.h>

struct json_document;
struct json_parser;
struct slice;

/* A zeroed one is empty and valid. One per thread, kept from text to text. */
struct json_repair {
    struct buf text;    /* the rewritten one, and JSON_PADDING bytes */
    struct buf numbers; /* uint32_t each, ascending: which strings of it, counted from 0, stand for numbers */
    uint64_t repaired;  /* strings, keys among them, in which something became U+FFFD */
};

void json_repair_release(struct json_repair *repair);

/* The same as json_parse for a text that it refused. `repair->repaired` says of how many strings the text was changed.
 * ERROR_INVALID_JSON also for a text that would grow by more than a quarter and 3 MiB: that is no text. */
MUST_CHECK enum error json_repair_parse(struct json_parser *parser, struct json_repair *repair, struct slice text,
                                        struct json_document *document);

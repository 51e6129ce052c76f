/* An event of /live/events (docs/live.md) as one line for people. Pure, but for the parser. */
#pragma once

#include "base/bytes.h"

struct json_parser;

enum live_line_result {
    LIVE_LINE,    /* appended, without an end */
    LIVE_NOTHING, /* of a kind that has no line: numbers, or one that is not known yet */
    LIVE_BROKEN   /* this is no such event, or memory is short */
};

/* `name` is the kind of the event, `data` its JSON, of which a copy is made. */
enum live_line_result live_line(struct json_parser *parser, const char *name, struct slice data, struct buf *out);

/* The JSON itself, fit for a terminal: the characters of live_line alone, on one line. */
enum live_line_result live_line_json(struct json_parser *parser, const char *name, struct slice data, struct buf *out);

/* What the text of a value becomes, by the field that reads it. Private to this room. */
#pragma once

#include "pipeline/json/json_repair.h"
#include "pipeline/json/json_tape.h"

struct path_node;
struct stream;

/* Writes values; zeroed but for its parser. */
struct value_writer {
    struct json_parser *parser;
    struct json_repair repair;
    struct buf padded; /* the text that is parsed */
    struct json_tape *out;
};

/* One of those that a leaf has. */
struct value_text {
    struct slice text;
    uint32_t next; /* its index and 1; 0: none */
};

/* Is an empty text a value where `place` leads to? Elsewhere it is as if it were not there: `?price=`. */
bool value_takes_empty(const struct stream *stream, const struct path_node *place);

/* Parses a text that may be JSON. Not OK: it is none, or memory is short. */
MUST_CHECK enum error value_parse(struct value_writer *writer, struct slice text, struct json_document *document);

/* Writes the texts from `first` (an index and 1) on as one value. */
void value_write(struct value_writer *writer, const struct stream *stream, const struct path_node *place,
                 const struct value_text *texts, uint32_t first);

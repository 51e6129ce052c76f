/* What submit.c (rows, tickets, counters and answers) and submit_payload.c (which finds the events of a payload) share. */
#pragma once

#include "pipeline/pipeline_io.h"

/* One call of pipeline_submit. */
struct submit {
    struct pipeline_io *io;
    const struct payload *payload;
    struct submission *submission;
    const struct stream *stream; /* the payload's, or the one that it named */
    struct chunk *chunk;
    struct ticket *ticket; /* NULL until the payload is known to hold events, and their stream */
    uint32_t first_row;
    uint32_t events; /* that the payload holds: 1 until they are counted */
    struct event_context context;
    struct json_document document; /* of the payload, or of the piece parsed last */
    uint64_t text_bytes;           /* of the document's text */
    uint64_t max_event;            /* bytes; of the stream that the ticket is of */
    uint64_t repaired;             /* its strings in which something became U+FFFD */
    const char *parsed_line;       /* which line that was */
};

/* Finds the payload's events and submits each, or refuses the payload. False: memory ran short; the payload fails as a
 * whole, whatever was taken of it. */
MUST_CHECK bool submit_payload(struct submit *submit);

/* Refuses the payload as a whole, and counts it as one event; more may be said in submission->detail. */
void submit_refuse(struct submit *submit, enum error error);

/* A ticket for the rows to come. False: memory is short, the payload was refused. */
MUST_CHECK bool submit_open_ticket(struct submit *submit);

/* The next event: a row, or an error of its own. False: memory ran short; the payload fails as a whole. */
MUST_CHECK bool submit_event(struct submit *submit, const struct json_document *document, json_at at);

/* The payload is for one event, and holds what looks like several: says so, and where they go. */
void submit_hint_at_many(struct submit *submit);

/* The next event is none. */
void submit_bad_event(struct submit *submit, const struct event_error *error);

/* Parses into submit->document what is JSON, or is but for bad characters and large numbers. */
MUST_CHECK enum error submit_parse(struct submit *submit, struct slice text);

/* Does the stream take the document, of which some characters may have been repaired? */
MUST_CHECK bool submit_takes_text(const struct submit *submit);

/* Both of these: ERROR_INVALID_JSON for what the stream does not have repaired. */
MUST_CHECK enum error submit_parse_piece(struct submit *submit, struct slice piece);

/* The document is taken: counts what was repaired of it. */
void submit_count_repaired(struct submit *submit);

/* Where, counted from the payload's first byte, and why a text of it is no JSON. */
void submit_describe_fault(const struct submit *submit, struct slice text, char *out, size_t size);

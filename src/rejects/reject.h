/* A reject: input that was refused, as it is kept. One line of JSON each, whatever it held:
 *
 *   {"id":"0192…","received_at":"2026-11-30T16:47:20.123456789Z","stream":"events","protocol":"http","code":"wrong_type",
 *    "field":"amount","message":"amount: …","key":"shop","retry":"yes","event":{…}}
 *
 * `event` is an object, or a text where what came is no JSON object, or null where nothing of it was kept. What is left out means
 * nothing: key, events (1), client_ip and its like, request, form (item), picks, sent_at_ns, cut, invalid_bytes, bytes. */
#pragma once

#include "base/bytes.h"
#include "event/event_id.h"
#include "pipeline/json/json.h"

#include <stdbool.h>
#include <stdint.h>

/* How the event stood in its payload, which is how it is sent again. */
enum reject_form {
    REJECT_ITEM,  /* one of several */
    REJECT_ONE,   /* the payload, of PAYLOAD_ONE, */
    REJECT_MANY,  /* of PAYLOAD_MANY, */
    REJECT_LINES, /* or of PAYLOAD_LINES */
    REJECT_FORMS
};

enum reject_terms {
    RETRY_YES, /* as it came */
    RETRY_CUT, /* parts of it were cut out: it would be stored without them */
    RETRY_NO,  /* it is there to be looked at: not all of it is kept, or who sent it was the reason */
    RETRY_VALUES
};

/* Slices are UTF-8, but for those of a reject that is about to be written. */
struct reject {
    struct event_id id;
    int64_t received_ns;
    struct slice stream; /* empty: none */
    struct slice protocol;
    struct slice code;
    struct slice field;
    struct slice message;
    struct slice key;
    uint64_t events; /* a payload that was refused whole holds; 0: it is one event */
    struct slice client_ip;
    struct slice user_agent;
    struct slice host;
    struct slice referer;
    struct slice accept_language;
    enum reject_form form;
    bool picks;      /* a member of it may name its stream */
    int64_t sent_ns; /* what the client said beside it; 0: nothing */
    enum reject_terms retry;
    struct slice cut;       /* a JSON array of the paths that were cut; empty: none */
    uint64_t invalid_bytes; /* became U+FFFD in a text */
    uint64_t bytes;         /* of all that came, if the text is only its beginning; 0: it is whole */
    struct slice request;   /* a JSON object of what its request said beside it, by source; empty: nothing */
    struct slice event;     /* JSON */
};

/* Appends the line with its end. */
void reject_write(const struct reject *reject, struct buf *out);

/* One per thread that reads lines. NULL: memory is short. */
struct reject_reader;
struct reject_reader *reject_reader_new(void);
void reject_reader_free(struct reject_reader *reader);

/* A line that was read, and where its event is: valid until the next one is read by the same reader. */
struct reject_line {
    struct reject reject; /* cut, request and event are empty: */
    struct json_document document;
    json_at cut, request, event; /* 0: there is none */
};

/* False: it is no line of a reject (torn, or somebody else's), or memory is short. */
MUST_CHECK bool reject_read(struct reject_reader *reader, struct slice line, struct reject_line *out);

/* Writes a line that was read with what became of it meanwhile: another code, field and message of `reject`. False: memory is
 * short. */
MUST_CHECK bool reject_rewrite(const struct reject_line *line, struct buf *out);

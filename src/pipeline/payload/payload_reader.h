/* Finds the events of a payload, one at each call, whatever its layout (payload_layout.c). Pure but for the parser and the
 * repair, which are its memory: it copies nothing and counts nothing.
 *
 *   payload_open → named stream → payload_settle → count → payload_next … PAYLOAD_EVENT | PAYLOAD_BAD … PAYLOAD_END
 *
 * The stream stands between the two halves of opening, for it says what may be repaired, and what is data. Nobody else uses
 * the parser and the repair from payload_open to the last payload_next. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "pipeline/json/json.h"
#include "pipeline/payload/payload_form.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct payload_source {
    struct slice bytes; /* followed by JSON_PADDING readable bytes */
    enum payload_form form;
    bool picks_stream; /* it may name the stream of its events */
    const struct envelope_names *names;
    uint64_t max_events; /* more are refused, most of them unparsed */
    bool allow_empty;    /* none is no error */
    struct json_parser *parser;
    struct json_repair *repair;
};

/* What the stream of the events says of them. */
struct payload_rules {
    bool repairs; /* what json_repair.h mends of a text is no fault */
    bool
        items_are_data; /* an array that has the name of the envelope's is a field of an event; asked of enveloped ones */
};

enum payload_layout {
    LAYOUT_NONE,
    LAYOUT_RECORDS,  /* a sequence (RFC 7464): a text that is cut off ends where the next begins */
    LAYOUT_LINES,    /* NDJSON */
    LAYOUT_DOCUMENT, /* one text: an event, an array of them, or an envelope around one */
    LAYOUT_ITEMS,    /* the same array, of which some items are no JSON */
    LAYOUT_VALUES    /* objects one behind the other */
};

/* Cuts the first piece off *rest, without the blanks around it; false: none is left. */
typedef bool payload_take(struct slice *rest, struct slice *piece);

struct payload_reader {
    const struct payload_source *source;
    struct payload_rules rules;
    struct slice text; /* of the source, without what only frames it */
    enum payload_layout layout;

    /* From payload_open on. */
    struct slice named; /* a stream; empty: none. Whether the member is data is its asker's to say */
    bool enveloped;     /* its events stand in the array of an envelope */
    /* From payload_settle on. */
    bool alone;        /* the text is the one event: what names its stream, and when it was sent, are members of it */
    json_at sent_at;   /* in `document` until the first payload_next: of all events; 0: it is not said */
    uint64_t count;    /* of events, bad ones too; grows by those that a line holds more than one of */
    uint64_t repaired; /* texts repaired in what was given so far, and in what stands around it */
    /* From payload_next on, until the next one. */
    struct json_document document; /* that the event is in */
    json_at at;                    /* where in it */
    struct slice parsed;           /* the text that `document` is of; NULL: of none of the payload's */
    struct slice piece;            /* the bad one; NULL: the whole payload is refused */
    enum error error;              /* of the bad piece, or of the payload */

    /* Its own. */
    uint64_t parsed_repaired; /* texts in `document` */
    uint64_t outer_repaired;  /* in what stands around the events: added to `repaired` once it is taken */
    size_t tried;             /* rows of the table of layouts */
    payload_take *take;       /* cuts pieces; NULL: there are none */
    json_at items;            /* the array in `document`; 0: none */
    json_at next, end;        /* events that `document` still holds */
    struct slice rest;        /* the pieces that are left */
    struct slice line;        /* of a line of several objects those that are left; NULL: none is being read */
    uint64_t line_events;     /* of the line that has too many */
};

/* The source stays until the last call. Not OK: the payload is refused, ERROR_EMPTY_PAYLOAD, ERROR_OUT_OF_MEMORY,
 * ERROR_MISSING_FIELD (of PAYLOAD_MEMBER: there is no such array) or what json_parse has. `repairs`: as in the rules of the stream that the events are of unless they name one. */
MUST_CHECK enum error payload_open(struct payload_reader *reader, const struct payload_source *source, bool repairs);

/* To be called once behind payload_open, with the rules of the stream that is now known. Not OK: the same, or
 * ERROR_TOO_MANY_EVENTS; `repaired` counts nevertheless. */
MUST_CHECK enum error payload_settle(struct payload_reader *reader, struct payload_rules rules);

enum payload_found {
    PAYLOAD_EVENT, /* the value at `at` of `document`: whether it is an object is not looked at */
    PAYLOAD_BAD,   /* an event that is none: `piece`, `error` */
    PAYLOAD_END,   /* there were `count` of both */
    PAYLOAD_FAILED /* memory ran short; the reader is at its end */
};

/* For payload_next. */
enum payload_found payload_next_piece(struct payload_reader *reader);

static inline enum payload_found payload_next(struct payload_reader *reader)
{
    if (reader->next == reader->end) {
        return reader->take == NULL ? PAYLOAD_END : payload_next_piece(reader);
    }
    reader->at = reader->next;
    reader->next = json_skip(&reader->document, reader->at);
    return PAYLOAD_EVENT;
}

/* Why the payload, or the bad piece, is refused; bytes count from the source's first. Empty for what its code says all of.
 * Slow. */
void payload_explain(const struct payload_reader *reader, char *out, size_t size);

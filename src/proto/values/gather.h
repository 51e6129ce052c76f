/* Gathers the values that a route, and the fields of its stream, take from a request (routes[].event; "@query.x" of fields). A
 * request of which neither takes any does not come here. Costs no more than the request is long, and refuses what is beyond the
 * bounds of value_set.h. */
#pragma once

#include "base/error.h"
#include "proto/values/value_set.h"

struct captures;
struct event_sources;
struct http_request;
struct stream_choice;
struct stream;

struct gather_request {
    const struct http_request *http;
    const struct captures *captures;     /* NULL: none */
    const struct event_sources *sources; /* NULL: the body as it is */
    const struct stream *stream;         /* its "@" names are answered, too, */
    const struct stream_choice *choice;  /* and those of streams that may be chosen instead; NULL: none */
    bool is_form;                        /* the body is a form, whatever else its type may stand for */
    bool is_large;                       /* the body is not looked at here: it may hold events, and nothing else */
    int64_t wall_ns;
};

/* *bytes comes in as the body and goes out as what holds the events: the same, or an empty object for the values alone.
 * set->values are borrowed from the request and the set. Not OK: set->detail says why. */
MUST_CHECK enum error gather_values(struct value_set *set, const struct gather_request *request, struct slice *bytes);

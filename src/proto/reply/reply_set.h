/* Replies: what is answered instead of the usual, as an entry of `replies` says. Compiled once, for each route or query that
 * uses it, as these know which placeholders there are; read-only, for all threads. It borrows the options. */
#pragma once

#include "base/error.h"
#include "config/options/reply_options.h"
#include "proto/reply/template.h"

struct reply;
struct reply_set;

/* NULL, with a line for each problem: "file:line: replies.one.accepted.json: found …, expected …". `knows`: the placeholders of
 * the one who asks. The value of a lookup, {value} of `found`, may redirect anywhere. */
struct reply_set *reply_set_compile(const struct reply_options *options, template_knows *knows, const void *context,
                                    struct buf *problems);
void reply_set_free(struct reply_set *set);

/* NULL: the usual answer. */
const struct reply *reply_set_find(const struct reply_set *set, enum reply_outcome outcome);

/* The names of all its placeholders, each once, at most REPLY_NAMES_MAX. */
#define REPLY_NAMES_MAX 32
const struct slice *reply_set_names(const struct reply_set *set, size_t *count);

/* Its client is not told that events were refused: the status is that of success, or of some events refused nothing names
 * them. */
bool reply_hides_refusal(const struct reply *reply, enum reply_outcome outcome, int status);

/* What is known of the request. */
struct reply_request {
    struct slice host; /* with or without port */
    bool secure;       /* it came over HTTPS */
};

struct reply_answer {
    int status;               /* in: the usual one, for replies that say none */
    const char *content_type; /* NULL: there is no body */
    bool no_store;            /* Cache-Control: no-store goes with it */
    bool caches;              /* its headers say how it is cached */
    struct buf headers;       /* whole lines; appended to */
    struct buf body;          /* likewise */
};

/* ERROR_NOT_ALLOWED: the target of the redirect is none that is allowed. ERROR_OUT_OF_MEMORY. */
MUST_CHECK enum error reply_write(const struct reply *reply, template_value *value, void *context,
                                  const struct reply_request *request, struct reply_answer *answer);

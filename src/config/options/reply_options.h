/* Options: replies, what routes and queries answer instead of the usual (proto/reply). See options.h. */
#pragma once

#include "config/options/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What became of a request. */
enum reply_outcome {
    REPLY_ANY, /* of all that have none of their own */
    /* of events */
    REPLY_ACCEPTED,
    REPLY_STORED,
    REPLY_DUPLICATE, /* all of them */
    REPLY_PARTIAL,   /* some were taken, some rejected */
    REPLY_REJECTED,  /* all of them, for what they are */
    REPLY_REFUSED,   /* the request as a whole: no JSON, too large, unknown stream */
    REPLY_FULL,      /* no room, or the gateway starts or stops: worth another try */
    /* of lookups */
    REPLY_FOUND,
    REPLY_MISSING,
    /* of queries, which can be rejected, refused and full as well */
    REPLY_OK,
    REPLY_FAILED,
    REPLY_OUTCOMES
};

enum reply_same_site { SAME_SITE_NONE_SAID, SAME_SITE_LAX, SAME_SITE_STRICT, SAME_SITE_NONE };

enum reply_secure { SECURE_AUTO, SECURE_ALWAYS, SECURE_NEVER };

struct reply_cookie_options {
    int line;
    const char *file;
    const char *name;
    const char *value;  /* a template */
    int64_t max_age_ns; /* 0: it ends with the browser's session */
    const char *domain; /* "host", "registrable", or a name */
    const char *path;
    enum reply_same_site same_site;
    enum reply_secure secure;
    bool http_only;
};

/* At most one of json, text, empty, gif, redirect, problem; all zero: it was not given. */
struct reply_outcome_options {
    int64_t status;   /* 0: the usual one of what happened */
    const char *json; /* templates, as proto/reply/template.h has them; NULL: not given */
    const char *text;
    bool empty;
    bool gif;
    bool problem;         /* the usual answer */
    const char *redirect; /* a template */
    struct string_list allow_hosts;
    const char *otherwise;       /* where to, if the host is not allowed; NULL: it is refused */
    const char *content_type;    /* NULL: that of the body */
    struct string_pairs headers; /* templates */
    struct reply_cookie_options *cookies;
    size_t cookie_count;
};

struct reply_options {
    int line;
    const char *file;
    const char *scope; /* as struct stream_options has it */
    const char *name;
    struct reply_outcome_options outcomes[REPLY_OUTCOMES];
};

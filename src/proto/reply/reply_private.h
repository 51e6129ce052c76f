/* What a compiled reply is made of: the inner part of reply_set, not for others. */
#pragma once

#include "proto/reply/reply_set.h"

struct reply_field {
    const char *name;
    struct template *value;
};

struct reply_cookie {
    const struct reply_cookie_options *options;
    struct template *value;
};

struct reply {
    const struct reply_outcome_options *options;
    const char *content_type;     /* NULL: there is no body */
    struct template *body;        /* NULL: none, or the image */
    struct template *target;      /* of a redirect; NULL: there is none */
    bool any_host;                /* the target is the operator's own, or a lookup's */
    struct reply_field *fields;   /* options->headers.count of them */
    struct reply_cookie *cookies; /* options->cookie_count */
    bool caches;                  /* the fields say how it is cached */
    bool tells;                   /* the body names what was refused */
};

struct reply_set {
    struct reply *outcomes[REPLY_OUTCOMES]; /* NULL: not given */
    struct slice names[REPLY_NAMES_MAX];    /* in the templates */
    size_t name_count;
};

/* The options that make one reply; NULL and a problem. `path`: "replies.one.accepted". */
struct reply_compiler {
    const struct reply_options *set;
    char path[160];
    template_knows *knows;
    const void *context;
    struct buf *problems;
};

struct reply *reply_compile(const struct reply_compiler *compiler, const struct reply_outcome_options *options);
void reply_free(struct reply *reply);

void reply_problem(const struct reply_compiler *compiler, int line, const char *option, const char *format, ...)
    PRINTF_LIKE(4, 5);

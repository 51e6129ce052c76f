/* The streams that a reload changes, compiled: for gateway_reload.c. */
#pragma once

#include "base/bytes.h"

struct lookup_options;
struct pipeline;
struct pipeline_change;
struct stream;
struct stream_options;

struct streams_options {
    struct stream_options *items;
    size_t count;
    const struct lookup_options *lookups;
    size_t lookup_count;
};

struct streams_change {
    struct stream **streams; /* all, as they are to be: those served, or others of the same index */
    struct stream **fresh;   /* by index: compiled anew; NULL: it stays as it is */
    size_t count;            /* how many those are */
    size_t stream_count;
    struct pipeline_change *pipeline; /* NULL: nothing of it changes */
};

/* Gives the options that are served back to each stream that cannot be changed while it runs, with a line in
 * *restarts that says why; `changed` streams have been changed since the start. Blocks for some queries of the store. */
void streams_change_settle(const struct streams_options *next, struct stream *const *served, struct pipeline *pipeline,
                           size_t changed, struct buf *restarts);

/* Compiles those that differ. False with *problems; streams_change_release follows either way. */
MUST_CHECK bool streams_change_compile(struct streams_change *change, const struct stream_options *next, size_t count,
                                       struct stream *const *served, struct pipeline *pipeline, struct buf *problems);

/* Frees what is compiled and not served, if it was not made; else what is not needed any more. */
void streams_change_release(struct streams_change *change, bool made);

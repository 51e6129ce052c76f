/* What flows now, for people: the page /live, and /live/events, which it reads. Nothing is done while nobody watches.
 *
 *   I/O thread   /live/events seats a viewer, and takes what waits for it (page_stream.h)
 *   live (0, 1)  started by the first viewer: numbers once a second, events each tenth of a second; blocks on nothing
 *   I/O, commit  offer what was refused, and what was accepted: one load each while nobody watches
 *
 *   GET /live/events?stream=NAME&only=numbers|refused|accepted   text/event-stream
 *   GET /live/events?once=1                                      the numbers as JSON, and nothing more
 *
 * docs/live.md tells clients of them. */
#pragma once

#include "proto/front/page.h"
#include "proto/live/live_numbers.h"

struct access;
struct chunk;
struct live;
struct live_options;
struct refusal_sink;

struct live_config {
    const struct live_options *options; /* outlives it */
    struct live_numbers_source numbers;
    const struct access *access; /* NULL: there are no keys */
    /* page_post, but for tests. */
    void (*post)(struct page_later later, struct page_reply *reply);
};

/* NULL: memory is short. */
struct live *live_new(const struct live_config *config);

#define LIVE_PAGES 2

/* Into `pages`, which has room for LIVE_PAGES; returns how many: none if it is not enabled. */
size_t live_pages(struct live *live, struct page *pages);

/* What tells it of each refusal. */
const struct refusal_sink *live_refusal_sink(const struct live *live);

/* Commit thread: as pipeline_config.committed says. */
void live_note_committed(struct live *live, const struct chunk *chunk, const uint64_t *keep);

/* While no I/O thread runs: the keys are others now. Viewers whose key is no more are ended. */
void live_refresh(struct live *live, const struct access *access);

/* Before the server and the pipeline stop: all streams end, and so does the thread. */
void live_stop(struct live *live);

/* Once the server has ended. Takes NULL. */
void live_free(struct live *live);

/* Those who watch: each with what it wants to see, and what waits for it. What does not fit is skipped whole, and counted:
 * nothing grows, and nobody waits for a viewer. Any thread may call any of these, but for what is said otherwise. */
#pragma once

#include "base/error.h"
#include "base/thread.h"
#include "proto/front/page_reply.h"
#include "proto/live/live_interest.h"

#include <stdatomic.h>

struct access;
struct access_key;
struct live_viewer;
struct metrics;
struct page_stream;

#define LIVE_WAITING_BYTES ((size_t)256 << 10) /* of one viewer */

struct live_viewers {
    struct wakeup wakeup; /* guards what follows; woken by whoever comes, and by live_viewers_close */
    struct live_viewer *items;
    size_t max;
    size_t count;
    uint64_t serial; /* of the viewer that came last */
    bool closed;
    void (*post)(struct page_later later, struct page_reply *reply);
    struct metrics *metrics;               /* of the gauge; NULL: nobody will come */
    const struct access *access;           /* NULL: there are no keys */
    _Atomic unsigned watching[LIVE_KINDS]; /* how many want it; relaxed */
};

struct live_viewers_config {
    size_t max;
    const struct access *access;
    struct metrics *metrics;
    void (*post)(struct page_later later, struct page_reply *reply);
};

/* False: memory is short; live_viewers_release follows either way. */
MUST_CHECK bool live_viewers_init(struct live_viewers *viewers, const struct live_viewers_config *config);

/* Once no stream of its is with the server any more. */
void live_viewers_release(struct live_viewers *viewers);

static inline bool live_viewers_want(const struct live_viewers *viewers, enum live_kind kind)
{
    return atomic_load_explicit(&viewers->watching[kind], memory_order_relaxed) != 0;
}

/* The stream of a newcomer; `key` is NULL: it showed none. ERROR_TOO_MANY_VIEWERS, ERROR_DRAINING. */
MUST_CHECK enum error live_viewers_add(struct live_viewers *viewers, const struct live_interest *interest,
                                       const struct access_key *key, struct page_later later,
                                       struct page_stream **stream);

/* Nobody comes any more, and all streams end. */
void live_viewers_close(struct live_viewers *viewers);

/* The interest of the viewer in a place below `max`. False: there is none. */
bool live_viewers_interest(struct live_viewers *viewers, size_t place, struct live_interest *interest,
                           uint64_t *serial);

/* Bytes for the viewer in a place, if it is still the same. False: it had no room for them. */
bool live_viewers_give_one(struct live_viewers *viewers, size_t place, uint64_t serial, struct slice bytes);

/* Bytes for all who want this kind of this stream; how many had no room. */
size_t live_viewers_give(struct live_viewers *viewers, enum live_kind kind, size_t stream, struct slice bytes);

/* Has the I/O threads take what waits, unless they were told. `again`: even so, for a word may be lost if memory is short. */
void live_viewers_nudge(struct live_viewers *viewers, bool again);

/* Ends those whose key may not see this any more, or is for other streams now. */
void live_viewers_judge(struct live_viewers *viewers, int64_t wall_ns);

/* The same by other keys, which hold from now on; where there were none before, all end. */
void live_viewers_ask(struct live_viewers *viewers, const struct access *access, int64_t wall_ns);

/* Turns what there is to see into bytes that wait for each viewer. */
#include "proto/live/live_viewers.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "proto/access/access.h"
#include "proto/front/page_stream.h"

#include <stdlib.h>

#define WAITING_KEPT ((size_t)16 << 10)

/* Guarded by viewers->wakeup. */
struct live_viewer {
    struct page_stream stream; /* first: what the server has of it */
    struct live_viewers *viewers;
    bool here;
    bool ending;
    bool nudged; /* and has not taken since */
    uint64_t serial;
    struct page_later later;
    struct live_interest interest;
    bool with_key;
    uint8_t hash[ACCESS_HASH_SIZE]; /* of the key that it showed */
    bool all_streams;               /* that the key was for; else `streams` */
    struct stream_set streams;
    struct buf waiting;
};

static void count(struct live_viewers *viewers, const struct live_interest *interest, int change)
{
    for (size_t kind = 0; kind < LIVE_KINDS; kind++) {
        if (interest->kinds[kind]) {
            atomic_fetch_add_explicit(&viewers->watching[kind], (unsigned)change, memory_order_relaxed);
        }
    }
    metric_set(viewers->metrics, METRIC_LIVE_VIEWERS, 0, (double)viewers->count);
}

static bool take(struct page_stream *stream, struct buf *out)
{
    struct live_viewer *viewer = (struct live_viewer *)(void *)stream;
    wakeup_lock(&viewer->viewers->wakeup);
    ASSERT(viewer->here);
    viewer->nudged = false;
    buf_append_slice(out, buf_slice(&viewer->waiting));
    buf_clear(&viewer->waiting);
    buf_shed(&viewer->waiting, WAITING_KEPT);
    bool goes_on = !viewer->ending;
    wakeup_unlock(&viewer->viewers->wakeup);
    return goes_on;
}

static void ended(struct page_stream *stream)
{
    struct live_viewer *viewer = (struct live_viewer *)(void *)stream;
    struct live_viewers *viewers = viewer->viewers;
    wakeup_lock(&viewers->wakeup);
    ASSERT(viewer->here && viewers->count != 0);
    viewer->here = false;
    viewers->count--;
    buf_release(&viewer->waiting);
    count(viewers, &viewer->interest, -1);
    wakeup_unlock(&viewers->wakeup);
}

static const struct page_stream_ops ops = { .take = take, .ended = ended };

bool live_viewers_init(struct live_viewers *viewers, const struct live_viewers_config *config)
{
    ASSERT(config->max != 0);
    *viewers = (struct live_viewers){ .max = config->max,
                                      .access = config->access,
                                      .metrics = config->metrics,
                                      .post = config->post,
                                      .items = calloc(config->max, sizeof *viewers->items) };
    wakeup_init(&viewers->wakeup);
    return viewers->items != NULL;
}

void live_viewers_release(struct live_viewers *viewers)
{
    ASSERT_EQUAL(viewers->count, 0);
    free(viewers->items);
    wakeup_release(&viewers->wakeup);
}

static struct live_viewer *find_place(struct live_viewers *viewers)
{
    ASSERT_BELOW(viewers->count, viewers->max);
    size_t place = 0;
    while (viewers->items[place].here) {
        place++;
    }
    ASSERT_BELOW(place, viewers->max);
    return &viewers->items[place];
}

static void seat(struct live_viewers *viewers, const struct live_interest *interest, const struct access_key *key,
                 struct page_later later, struct page_stream **stream)
{
    struct live_viewer *viewer = find_place(viewers);
    *viewer = (struct live_viewer){ .stream = { &ops }, .viewers = viewers, .here = true, .later = later };
    viewer->serial = ++viewers->serial;
    viewer->interest = *interest;
    viewer->with_key = key != NULL;
    if (key != NULL) {
        memcpy(viewer->hash, key->hash, sizeof viewer->hash);
        viewer->all_streams = key->all_streams;
        viewer->streams = key->streams;
    }
    viewers->count++;
    count(viewers, interest, 1);
    wakeup_one(&viewers->wakeup);
    *stream = &viewer->stream;
}

enum error live_viewers_add(struct live_viewers *viewers, const struct live_interest *interest,
                            const struct access_key *key, struct page_later later, struct page_stream **stream)
{
    enum error error = OK;
    wakeup_lock(&viewers->wakeup);
    if (viewers->closed) {
        error = ERROR_DRAINING;
    } else if (viewers->count == viewers->max) {
        error = ERROR_TOO_MANY_VIEWERS;
    } else {
        seat(viewers, interest, key, later, stream);
    }
    wakeup_unlock(&viewers->wakeup);
    return error;
}

bool live_viewers_interest(struct live_viewers *viewers, size_t place, struct live_interest *interest, uint64_t *serial)
{
    ASSERT_BELOW(place, viewers->max);
    wakeup_lock(&viewers->wakeup);
    const struct live_viewer *viewer = &viewers->items[place];
    bool here = viewer->here && !viewer->ending;
    if (here) {
        *interest = viewer->interest;
        *serial = viewer->serial;
    }
    wakeup_unlock(&viewers->wakeup);
    return here;
}

/* What fails for lack of memory leaves what waited before it. */
static bool append(struct live_viewer *viewer, struct slice bytes)
{
    size_t before = viewer->waiting.len;
    if (before + bytes.len > LIVE_WAITING_BYTES) {
        return false;
    }
    buf_append_slice(&viewer->waiting, bytes);
    bool whole = !viewer->waiting.failed;
    if (!whole) {
        viewer->waiting.len = before;
        viewer->waiting.failed = false;
    }
    return whole;
}

bool live_viewers_give_one(struct live_viewers *viewers, size_t place, uint64_t serial, struct slice bytes)
{
    ASSERT_BELOW(place, viewers->max);
    wakeup_lock(&viewers->wakeup);
    struct live_viewer *viewer = &viewers->items[place];
    bool same = viewer->here && !viewer->ending && viewer->serial == serial;
    bool fits = !same || append(viewer, bytes);
    wakeup_unlock(&viewers->wakeup);
    return fits;
}

size_t live_viewers_give(struct live_viewers *viewers, enum live_kind kind, size_t stream, struct slice bytes)
{
    ASSERT_BELOW(kind, LIVE_KINDS);
    size_t skipped = 0;
    wakeup_lock(&viewers->wakeup);
    for (size_t i = 0; i < viewers->max; i++) {
        struct live_viewer *viewer = &viewers->items[i];
        bool wants = viewer->here && !viewer->ending && viewer->interest.kinds[kind] &&
                     live_interest_holds(&viewer->interest, stream);
        skipped += wants && !append(viewer, bytes);
    }
    wakeup_unlock(&viewers->wakeup);
    return skipped;
}

/* One word is enough until something is taken. */
static void nudge(struct live_viewers *viewers, struct live_viewer *viewer, bool again)
{
    if (viewer->here && (again || !viewer->nudged) && (viewer->waiting.len != 0 || viewer->ending)) {
        struct page_reply word = { .status = 200 };
        viewer->nudged = true;
        viewers->post(viewer->later, &word);
    }
}

void live_viewers_nudge(struct live_viewers *viewers, bool again)
{
    wakeup_lock(&viewers->wakeup);
    for (size_t i = 0; i < viewers->max; i++) {
        nudge(viewers, &viewers->items[i], again);
    }
    wakeup_unlock(&viewers->wakeup);
}

void live_viewers_close(struct live_viewers *viewers)
{
    wakeup_lock(&viewers->wakeup);
    viewers->closed = true;
    for (size_t i = 0; i < viewers->max; i++) {
        viewers->items[i].ending = true;
        nudge(viewers, &viewers->items[i], true);
    }
    wakeup_all(&viewers->wakeup);
    wakeup_unlock(&viewers->wakeup);
}

static bool may_see(const struct live_viewer *viewer, const struct access *access, int64_t wall_ns)
{
    const struct access_key *key = NULL;
    if (access == NULL || !viewer->with_key) {
        return true;
    }
    return access_recall(access, viewer->hash, wall_ns, &key) == OK &&
           access_allows(access, key, ACCESS_ADMIN, NULL) == OK && key->all_streams == viewer->all_streams &&
           memcmp(&key->streams, &viewer->streams, sizeof key->streams) == 0;
}

static void judge(struct live_viewers *viewers, int64_t wall_ns)
{
    for (size_t i = 0; i < viewers->max; i++) {
        struct live_viewer *viewer = &viewers->items[i];
        viewer->ending = viewer->ending || (viewer->here && !may_see(viewer, viewers->access, wall_ns));
    }
}

void live_viewers_judge(struct live_viewers *viewers, int64_t wall_ns)
{
    wakeup_lock(&viewers->wakeup);
    judge(viewers, wall_ns);
    wakeup_unlock(&viewers->wakeup);
}

void live_viewers_ask(struct live_viewers *viewers, const struct access *access, int64_t wall_ns)
{
    wakeup_lock(&viewers->wakeup);
    bool begins = viewers->access == NULL && access != NULL;
    viewers->access = access;
    judge(viewers, wall_ns);
    for (size_t i = 0; begins && i < viewers->max; i++) {
        viewers->items[i].ending = true;
    }
    wakeup_unlock(&viewers->wakeup);
    live_viewers_nudge(viewers, true);
}

/* Turns the state of the gateway into what viewers see, once a second. */
#include "proto/live/live.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/options/live_options.h"
#include "event/chunk.h"
#include "event/stream.h"
#include "pipeline/pipeline.h"
#include "proto/live/live_page.h"
#include "proto/live/live_private.h"
#include "proto/live/live_text.h"

#include <stdlib.h>

#define NUMBERS_EVERY 10 /* turns */
#define TURN_NS (NS_PER_SECOND / NUMBERS_EVERY)
#define QUIET_LONGEST_S 10 /* a proxy closes what says nothing for long */

/* What others offer. */

static void note_refused(void *context, const struct refusal *refusal, const struct refused_input *input,
                         struct slice message)
{
    struct live *live = context;
    struct live_tail *tail = &live->tails[LIVE_REFUSED];
    if (!live_viewers_want(&live->viewers, LIVE_REFUSED) || !live_tail_admits(tail)) {
        return;
    }
    struct slice name = slice_from_string(refusal->stream);
    const struct stream *stream = name.len == 0 ? NULL : pipeline_stream(live->config.numbers.pipeline, name);
    struct buf *out = live_tail_begin(tail, stream == NULL ? LIVE_NO_STREAM : stream->index);
    if (out != NULL) {
        live_append_refused(live->config.options, refusal, input, message, clock_wall_ns(), out);
        live_tail_end(tail);
    }
}

const struct refusal_sink *live_refusal_sink(const struct live *live)
{
    return &live->sink;
}

/* Of a chunk the first that are new, as many as may pass. */
static void offer_rows(struct live *live, const struct chunk *chunk, const uint64_t *keep)
{
    struct live_tail *tail = &live->tails[LIVE_ACCEPTED];
    struct live_rows *rows = live_rows_new(chunk);
    for (uint32_t row = 0; rows != NULL && row < chunk->rows && live_tail_admits(tail); row++) {
        bool kept = keep == NULL || (keep[row / 64] >> (row % 64) & 1) != 0;
        struct buf *out = kept ? live_tail_begin(tail, chunk->stream->index) : NULL;
        if (out != NULL) {
            live_append_row(live->config.options, rows, row, clock_wall_ns(), out);
            live_tail_end(tail);
        } else if (kept) {
            break;
        }
    }
    live_rows_free(rows);
}

void live_note_committed(struct live *live, const struct chunk *chunk, const uint64_t *keep)
{
    if (live_viewers_want(&live->viewers, LIVE_ACCEPTED) && live_tail_admits(&live->tails[LIVE_ACCEPTED])) {
        offer_rows(live, chunk, keep);
    }
}

struct live *live_new(const struct live_config *config)
{
    struct live *live = calloc(1, sizeof *live);
    if (live == NULL) {
        return NULL;
    }
    live->config = *config;
    pthread_mutex_init(&live->starting, NULL);
    const struct live_viewers_config viewers = {
        .max = (size_t)config->options->viewers,
        .access = config->access,
        .post = config->post,
        .metrics = config->numbers.metrics,
    };
    for (size_t i = 0; i < LIVE_KINDS; i++) {
        live_tail_init(&live->tails[i], config->options->tail_per_second);
    }
    live->sink = (struct refusal_sink){ live, note_refused };
    bool whole = live_viewers_init(&live->viewers, &viewers);
    if (!live_page_init(live) || !whole) {
        live_free(live);
        return NULL;
    }
    return live;
}

/* Telling. */

static void count_skipped(struct live *live, size_t skipped)
{
    if (skipped != 0) {
        metric_add(live->cells, METRIC_LIVE_SKIPPED, (int64_t)skipped);
    }
}

static void give_numbers(struct live *live, size_t place, const struct live_interest *interest, uint64_t serial)
{
    struct buf event = { 0 };
    live_append_numbers(live, interest, &event);
    bool fits = !event.failed && live_viewers_give_one(&live->viewers, place, serial, buf_slice(&event));
    count_skipped(live, !fits);
    buf_release(&event);
}

/* To each its own: what it may see differs. Who wants none hears now and then that the connection is alive. */
static void tell_numbers(struct live *live, uint64_t second)
{
    static const struct slice alive = { ":\n\n", 3 };
    for (size_t i = 0; i < live->viewers.max; i++) {
        struct live_interest interest;
        uint64_t serial;
        if (!live_viewers_interest(&live->viewers, i, &interest, &serial)) {
            continue;
        }
        if (interest.kinds[LIVE_NUMBERS]) {
            give_numbers(live, i, &interest, serial);
        } else if (second % QUIET_LONGEST_S == 0) {
            live_viewers_give_one(&live->viewers, i, serial, alive);
        }
    }
}

static void tell_items(struct live *live, enum live_kind kind, const char *name)
{
    struct live_item items[LIVE_TAIL_ITEMS];
    size_t count = live_tail_take(&live->tails[kind], items);
    for (size_t i = 0; i < count; i++) {
        struct buf event = { 0 };
        buf_printf(&event, "event: %s\ndata: ", name);
        buf_append_slice(&event, buf_slice(&items[i].text));
        buf_append_string(&event, "\n\n");
        size_t skipped = event.failed ? 1 : live_viewers_give(&live->viewers, kind, items[i].stream, buf_slice(&event));
        count_skipped(live, skipped);
        buf_release(&event);
        buf_release(&items[i].text);
    }
}

static void tell(struct live *live, uint64_t turn, int64_t elapsed_ns)
{
    live_viewers_judge(&live->viewers, clock_wall_ns());
    tell_items(live, LIVE_REFUSED, "refused");
    tell_items(live, LIVE_ACCEPTED, "accepted");
    live_tail_refill(&live->tails[LIVE_REFUSED], elapsed_ns);
    live_tail_refill(&live->tails[LIVE_ACCEPTED], elapsed_ns);
    if (turn % NUMBERS_EVERY == 0) {
        tell_numbers(live, turn / NUMBERS_EVERY);
    }
    live_viewers_nudge(&live->viewers, turn % NUMBERS_EVERY == 0);
}

/* Until the next turn, and until somebody watches. False: the end has come. */
static bool await(struct live *live, int64_t *next_ns)
{
    struct live_viewers *viewers = &live->viewers;
    wakeup_lock(&viewers->wakeup);
    while (!viewers->closed && (viewers->count == 0 || clock_monotonic_ns() < *next_ns)) {
        bool idle = viewers->count == 0;
        wakeup_wait(&viewers->wakeup, idle ? INT64_MAX : *next_ns);
        *next_ns = idle ? clock_monotonic_ns() + TURN_NS : *next_ns;
    }
    bool goes_on = !viewers->closed;
    wakeup_unlock(&viewers->wakeup);
    return goes_on;
}

static void run(void *argument)
{
    struct live *live = argument;
    int64_t last_ns = clock_monotonic_ns(), next_ns = last_ns + TURN_NS;
    for (uint64_t turn = 1; await(live, &next_ns); turn++) {
        int64_t now_ns = clock_monotonic_ns();
        tell(live, turn, now_ns - last_ns);
        last_ns = now_ns;
        next_ns = now_ns - next_ns > TURN_NS ? now_ns + TURN_NS : next_ns + TURN_NS;
    }
}

/* The first viewer starts it. */
static enum error start(struct live *live)
{
    if (live->stopped) {
        return ERROR_DRAINING;
    }
    if (live->thread.started) {
        return OK;
    }
    live->cells = live->cells != NULL ? live->cells : metrics_thread(live->config.numbers.metrics);
    return live->cells == NULL ? ERROR_OUT_OF_MEMORY : thread_start_background(&live->thread, "live", run, live);
}

enum error live_watch(struct live *live, const struct live_interest *interest, const struct access_key *key,
                      struct page_later later, struct page_stream **stream)
{
    pthread_mutex_lock(&live->starting);
    enum error error = start(live);
    pthread_mutex_unlock(&live->starting);
    return error != OK ? error : live_viewers_add(&live->viewers, interest, key, later, stream);
}

void live_refresh(struct live *live, const struct access *access)
{
    live_viewers_ask(&live->viewers, access, clock_wall_ns());
}

void live_stop(struct live *live)
{
    if (live == NULL) {
        return;
    }
    pthread_mutex_lock(&live->starting);
    live->stopped = true;
    pthread_mutex_unlock(&live->starting);
    live_viewers_close(&live->viewers);
    thread_join(&live->thread);
}

void live_free(struct live *live)
{
    if (live == NULL) {
        return;
    }
    live_viewers_release(&live->viewers);
    live_page_release(live);
    for (size_t i = 0; i < LIVE_KINDS; i++) {
        live_tail_release(&live->tails[i]);
    }
    pthread_mutex_destroy(&live->starting);
    free(live);
}

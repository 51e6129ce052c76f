/* Turns the state of the gateway into what viewers see, once a second. */
#include "proto/live/live.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/options/live_options.h"
#include "proto/live/live_page.h"
#include "proto/live/live_private.h"

#include <stdlib.h>

#define NUMBERS_EVERY_NS NS_PER_SECOND
#define QUIET_LONGEST_S 10 /* a proxy closes what says nothing for long */

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

/* Once a second. */
static void tell(struct live *live, uint64_t second)
{
    live_viewers_judge(&live->viewers, clock_wall_ns());
    tell_numbers(live, second);
    live_viewers_nudge(&live->viewers, true);
}

/* Until the next second, and until somebody watches. False: the end has come. */
static bool await(struct live *live, int64_t *next_ns)
{
    struct live_viewers *viewers = &live->viewers;
    wakeup_lock(&viewers->wakeup);
    while (!viewers->closed && (viewers->count == 0 || clock_monotonic_ns() < *next_ns)) {
        bool idle = viewers->count == 0;
        wakeup_wait(&viewers->wakeup, idle ? INT64_MAX : *next_ns);
        *next_ns = idle ? clock_monotonic_ns() + NUMBERS_EVERY_NS : *next_ns;
    }
    bool goes_on = !viewers->closed;
    wakeup_unlock(&viewers->wakeup);
    return goes_on;
}

static void run(void *argument)
{
    struct live *live = argument;
    int64_t next_ns = clock_monotonic_ns() + NUMBERS_EVERY_NS;
    for (uint64_t second = 1; await(live, &next_ns); second++) {
        int64_t now_ns = clock_monotonic_ns();
        tell(live, second);
        next_ns = now_ns - next_ns > NUMBERS_EVERY_NS ? now_ns + NUMBERS_EVERY_NS : next_ns + NUMBERS_EVERY_NS;
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
    pthread_mutex_destroy(&live->starting);
    free(live);
}

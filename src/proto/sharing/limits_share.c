/* Turns what clients use here into what they have used everywhere. */
#include "proto/sharing/limits_share.h"

#include "base/assert.h"
#include "base/breaker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/thread.h"
#include "config/options/dedup_options.h"
#include "pipeline/dedup/redis_command.h"
#include "pipeline/dedup/redis_connection.h"
#include "proto/limits/limit_batch.h"
#include "proto/limits/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define SLOT_NS (100 * NS_PER_MS)
#define SLOTS_LATE 3      /* a slot is read when it has been over for two others */
#define SLOTS_AT_ONCE 8   /* that are read in one round trip */
#define SLOTS_TOO_LATE 50 /* what is older is not made up for: buckets have filled since */
#define EXPIRES_MS 30000
#define COMMANDS (3 + SLOTS_AT_ONCE)

static const struct backoff backoff = { 500 * NS_PER_MS, 10 * NS_PER_SECOND };

struct limits_share {
    const struct dedup_options *options;
    struct limits *limits;
    struct metrics *metrics;
    struct redis_address address;
    struct redis_connection *connection; /* NULL: there is none now */
    struct breaker breaker;
    uint64_t random;
    uint64_t gateway;  /* whose batches are ours */
    int64_t offset_ns; /* of Redis' clock to the monotonic one */
    int64_t next_slot; /* to be read */
    struct limit_use uses[LIMIT_BATCH_MOST];
    struct buf commands, batch, texts[SLOTS_AT_ONCE];
    struct thread thread;
    struct wakeup wakeup;
    bool stopping; /* guarded by it */
};

/* Connecting. */

static void close_connection(struct limits_share *share)
{
    redis_connection_close(share->connection);
    share->connection = NULL;
    metric_set(share->metrics, METRIC_LIMITS_SHARED, 0, 0);
}

static void fail(struct limits_share *share, struct buf *problem)
{
    if (share->breaker.failures == 0) {
        const char *reason = buf_c_string(problem);
        LOG(LOG_WARN, "limits are not shared",
            "server=%s reason=\"%s\"; until it answers this gateway lets in as much as all together should",
            share->address.name, reason == NULL ? "out of memory" : reason);
    }
    close_connection(share);
    breaker_failure(&share->breaker, 1, &backoff, clock_monotonic_ns(), &share->random);
}

static bool go(struct limits_share *share, struct redis_answer *answers, size_t count, struct buf *problem)
{
    if (share->commands.failed) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    return redis_connection_round_trip(share->connection, buf_slice(&share->commands), answers, count,
                                       clock_monotonic_ns() + share->options->redis_timeout_ns, problem);
}

static const char *const ask_time[] = { "TIME", NULL };

static void set_time(struct limits_share *share, const struct redis_answer *answer)
{
    share->offset_ns = answer->time_ns - clock_monotonic_ns();
}

static int64_t slot_now(const struct limits_share *share)
{
    return (clock_monotonic_ns() + share->offset_ns) / SLOT_NS;
}

/* Logs in, and asks for the time: what others told before is over. */
static bool greet(struct limits_share *share, struct buf *problem)
{
    struct redis_answer answers[3] = { { .want = REDIS_WANT_DONE }, { .want = REDIS_WANT_DONE } };
    buf_clear(&share->commands);
    size_t count = redis_command_login(&share->commands, &share->address, share->options->redis_password);
    ASSERT_BELOW(count, ARRAY_LENGTH(answers));
    redis_command(&share->commands, ask_time);
    answers[count] = (struct redis_answer){ .want = REDIS_WANT_TIME };
    if (!go(share, answers, count + 1, problem)) {
        return false;
    }
    set_time(share, &answers[count]);
    share->next_slot = slot_now(share);
    return true;
}

static bool connect_to(struct limits_share *share, struct buf *problem)
{
    if (share->connection != NULL) {
        return true;
    }
    share->connection = redis_connection_open(&share->address, share->options->redis_timeout_ns, problem);
    return share->connection != NULL && greet(share, problem);
}

/* Telling and hearing. */

static struct slice slot_key(const struct limits_share *share, int64_t slot, char text[128])
{
    int length = snprintf(text, 128, "%.80s:l:%lld", share->options->redis_prefix, (long long)slot);
    return slice_make(text, (size_t)length);
}

/* How many commands that is. */
static size_t tell(struct limits_share *share)
{
    size_t count = limits_collect(share->limits, share->uses, LIMIT_BATCH_MOST);
    if (count == 0) {
        return 0;
    }
    char key[128];
    struct slice slot = slot_key(share, slot_now(share), key);
    buf_clear(&share->batch);
    limit_batch_write(&share->batch, share->gateway, share->uses, count);
    redis_command_begin(&share->commands, 3);
    redis_command_word(&share->commands, SLICE("APPEND"));
    redis_command_word(&share->commands, slot);
    redis_command_word(&share->commands, buf_slice(&share->batch));
    redis_command_begin(&share->commands, 3);
    redis_command_word(&share->commands, SLICE("PEXPIRE"));
    redis_command_word(&share->commands, slot);
    redis_command_number(&share->commands, EXPIRES_MS);
    share->commands.failed |= share->batch.failed;
    return 2;
}

/* Asks for the slots that are over; how many. */
static size_t ask(struct limits_share *share)
{
    int64_t now = slot_now(share);
    if (now - share->next_slot > SLOTS_TOO_LATE) {
        share->next_slot = now - SLOTS_LATE;
    }
    size_t count = 0;
    for (; count < SLOTS_AT_ONCE && share->next_slot <= now - SLOTS_LATE; count++) {
        char key[128];
        redis_command_begin(&share->commands, 2);
        redis_command_word(&share->commands, SLICE("GET"));
        redis_command_word(&share->commands, slot_key(share, share->next_slot++, key));
    }
    return count;
}

static void apply(struct limits_share *share, struct slice batches)
{
    uint64_t gateway;
    struct slice records;
    struct limit_use use;
    int64_t now_ns = clock_monotonic_ns(), wall_ns = clock_wall_ns();
    while (limit_batch_next(&batches, &gateway, &records)) {
        while (gateway != share->gateway && limit_batch_use(&records, &use)) {
            limits_apply(share->limits, &use, now_ns, wall_ns);
        }
    }
}

static bool exchange(struct limits_share *share, struct buf *problem)
{
    struct redis_answer answers[COMMANDS];
    buf_clear(&share->commands);
    size_t told = tell(share);
    redis_command(&share->commands, ask_time);
    size_t asked = ask(share);
    for (size_t i = 0; i < told; i++) {
        answers[i] = (struct redis_answer){ .want = REDIS_WANT_DONE };
    }
    answers[told] = (struct redis_answer){ .want = REDIS_WANT_TIME };
    for (size_t i = 0; i < asked; i++) {
        buf_clear(&share->texts[i]);
        answers[told + 1 + i] = (struct redis_answer){ .want = REDIS_WANT_TEXT, .text = &share->texts[i] };
    }
    ASSERT_AT_MOST(told + 1 + asked, COMMANDS);
    if (!go(share, answers, told + 1 + asked, problem)) {
        return false;
    }
    set_time(share, &answers[told]);
    for (size_t i = 0; i < asked; i++) {
        if (answers[told + 1 + i].found && !share->texts[i].failed) {
            apply(share, buf_slice(&share->texts[i]));
        }
    }
    return true;
}

static void round_of(struct limits_share *share)
{
    struct buf problem = { 0 };
    if (share->breaker.open && clock_monotonic_ns() < share->breaker.next_ns) {
        return;
    }
    if (!connect_to(share, &problem) || !exchange(share, &problem)) {
        fail(share, &problem);
    } else {
        if (share->breaker.failures != 0) {
            LOG(LOG_INFO, "limits are shared again", "server=%s", share->address.name);
        }
        breaker_success(&share->breaker);
        metric_set(share->metrics, METRIC_LIMITS_SHARED, 0, 1);
    }
    buf_release(&problem);
}

/* Living. */

static void run(void *opaque)
{
    struct limits_share *share = opaque;
    wakeup_lock(&share->wakeup);
    while (!share->stopping) {
        wakeup_unlock(&share->wakeup);
        round_of(share);
        int64_t next_ns = clock_monotonic_ns() + SLOT_NS;
        wakeup_lock(&share->wakeup);
        while (!share->stopping && clock_monotonic_ns() < next_ns) {
            wakeup_wait(&share->wakeup, next_ns);
        }
    }
    wakeup_unlock(&share->wakeup);
}

static void free_share(struct limits_share *share)
{
    close_connection(share);
    redis_address_release(&share->address);
    buf_release(&share->commands);
    buf_release(&share->batch);
    for (size_t i = 0; i < SLOTS_AT_ONCE; i++) {
        buf_release(&share->texts[i]);
    }
    wakeup_release(&share->wakeup);
    free(share);
}

struct limits_share *limits_share_start(const struct dedup_options *options, struct limits *limits,
                                        struct metrics *metrics, struct buf *problem)
{
    struct limits_share *share = calloc(1, sizeof *share);
    if (share == NULL) {
        buf_append_string(problem, "limits.shared: out of memory");
        return NULL;
    }
    share->options = options;
    share->limits = limits;
    share->metrics = metrics;
    wakeup_init(&share->wakeup);
    if (getrandom(&share->gateway, sizeof share->gateway, GRND_NONBLOCK) != (ssize_t)sizeof share->gateway) {
        share->gateway = (uint64_t)clock_wall_ns() ^ (uint64_t)(uintptr_t)share;
    }
    share->random = share->gateway;
    if (!redis_address_of_options(&share->address, options, problem)) {
        free_share(share);
        return NULL;
    }
    if (thread_start_background(&share->thread, "limits", run, share) != OK) {
        buf_append_string(problem, "limits.shared: the system refuses more threads");
        free_share(share);
        return NULL;
    }
    return share;
}

void limits_share_stop(struct limits_share *share)
{
    if (share == NULL) {
        return;
    }
    wakeup_lock(&share->wakeup);
    share->stopping = true;
    wakeup_one(&share->wakeup);
    wakeup_unlock(&share->wakeup);
    thread_join(&share->thread);
    free_share(share);
}

/* Turns ids into the commands that look them up and mark them. */
#include "pipeline/dedup/redis_sets.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/options/dedup_options.h"
#include "pipeline/dedup/redis_command.h"

#include <stdio.h>

#define KEY_MAX 512

static unsigned shard_of(const struct dedup_options *options, const struct event_id *id)
{
    return id->bytes[sizeof id->bytes - 1] % (unsigned)options->redis_shards;
}

static void end_run(struct redis_run *run, struct buf *runs)
{
    if (run->count != 0) {
        buf_append(runs, run, sizeof *run);
        run->first += run->count;
        run->count = 0;
    }
}

static void add_shard(const struct dedup_options *options, struct redis_run *run, const struct event_id *ids,
                      size_t count, uint8_t *seen, struct buf *questions, struct buf *runs)
{
    for (size_t i = 0; i < count; i++) {
        if ((seen != NULL && seen[i] != 0) || (options->redis_shards > 1 && shard_of(options, &ids[i]) != run->shard)) {
            continue;
        }
        struct redis_question question = { &ids[i], seen == NULL ? NULL : &seen[i] };
        buf_append(questions, &question, sizeof question);
        if (++run->count == REDIS_RUN_MAX) {
            end_run(run, runs);
        }
    }
    end_run(run, runs);
    ASSERT_EQUAL(run->count, 0u);
}

void redis_runs_add(const struct dedup_options *options, size_t stream_index, const struct event_id *ids, size_t count,
                    uint8_t *seen, struct buf *questions, struct buf *runs)
{
    for (unsigned shard = 0; shard < (unsigned)options->redis_shards; shard++) {
        struct redis_run run = { .stream_index = stream_index,
                                 .shard = shard,
                                 .first = questions->len / sizeof(struct redis_question) };
        add_shard(options, &run, ids, count, seen, questions, runs);
    }
}

int64_t redis_epoch(const struct dedup_options *options, int64_t redis_time_ns)
{
    return redis_time_ns / options->window_ns;
}

static struct slice key_of(char out[KEY_MAX], const struct dedup_options *options, const char *stream, unsigned shard,
                           int64_t epoch)
{
    char tail[16] = "";
    if (options->redis_shards > 1) {
        snprintf(tail, sizeof tail, ":%u", shard);
    }
    int len = snprintf(out, KEY_MAX, "%s:%s:%lld%s", options->redis_prefix, stream, (long long)epoch, tail);
    return slice_make(out, len < KEY_MAX ? (size_t)len : KEY_MAX - 1);
}

/* The command's name, the key, and the ids. */
static void put_set_command(struct buf *out, struct slice name, struct slice key, const struct redis_run *run,
                            const struct redis_question *questions)
{
    ASSERT(run->count != 0);
    ASSERT_AT_MOST(run->count, REDIS_RUN_MAX);
    redis_command_begin(out, 2 + run->count);
    redis_command_word(out, name);
    redis_command_word(out, key);
    for (size_t i = run->first; i < run->first + run->count; i++) {
        redis_command_id(out, questions[i].id);
    }
}

void redis_put_look_up(struct buf *out, const struct dedup_options *options, const char *stream,
                       const struct redis_run *run, const struct redis_question *questions, int64_t epoch)
{
    char text[KEY_MAX];
    struct slice key = key_of(text, options, stream, run->shard, epoch);
    put_set_command(out, SLICE("SMISMEMBER"), key, run, questions);
}

void redis_put_mark(struct buf *out, const struct dedup_options *options, const char *stream,
                    const struct redis_run *run, const struct redis_question *questions, int64_t epoch)
{
    char text[KEY_MAX];
    struct slice key = key_of(text, options, stream, run->shard, epoch);
    int64_t last_ns = (epoch + 2) * options->window_ns; /* then the epoch after the next begins */
    redis_command(out, (const char *const[]){ "MULTI", NULL });
    put_set_command(out, SLICE("SADD"), key, run, questions);
    redis_command_begin(out, 3);
    redis_command_word(out, SLICE("EXPIREAT"));
    redis_command_word(out, key);
    redis_command_number(out, last_ns / NS_PER_SECOND + 1);
    redis_command(out, (const char *const[]){ "EXEC", NULL });
}

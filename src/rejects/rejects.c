/* Turns refusals into what waits for the thread of the rejects, and options into what it does. */
#include "rejects/rejects_private.h"

#include "base/assert.h"
#include "base/status.h"
#include "event/stream.h"
#include "pipeline/pipeline.h"
#include "rejects/reject_compose.h"
#include "rejects/reject_take.h"

#include <stdio.h>
#include <stdlib.h>

#define SAMPLE_WHOLE UINT64_C(1000000)

/* Evenly spread: of each million refusals so many as `sample` says. */
static bool is_sampled(struct rejects *rejects)
{
    uint64_t sample = (uint64_t)atomic_load_explicit(&rejects->sample, memory_order_relaxed);
    if (sample >= SAMPLE_WHOLE) {
        return true;
    }
    uint64_t turn = atomic_fetch_add_explicit(&rejects->seen, 1, memory_order_relaxed) % SAMPLE_WHOLE;
    return (turn + 1) * sample / SAMPLE_WHOLE != turn * sample / SAMPLE_WHOLE;
}

static void put(struct rejects *rejects, struct taken_reject *taken)
{
    taken->next = NULL;
    atomic_fetch_add_explicit(&rejects->queued, taken->size, memory_order_relaxed);
    wakeup_lock(&rejects->wakeup);
    bool idle = rejects->first == NULL;
    *rejects->end = taken;
    rejects->end = &taken->next;
    if (idle) {
        wakeup_one(&rejects->wakeup);
    }
    wakeup_unlock(&rejects->wakeup);
}

static void RARE keep(struct rejects *rejects, const struct refusal *refusal, const struct refused_input *input,
                      struct slice message)
{
    if (!reject_rules_keep(input->stream)) {
        return;
    }
    if (!is_sampled(rejects)) {
        rejects_miss(rejects, NOT_KEPT_SAMPLE, input->events);
        return;
    }
    if (atomic_load_explicit(&rejects->queued, memory_order_relaxed) >= REJECTS_QUEUE) {
        rejects_miss(rejects, NOT_KEPT_QUEUE, input->events);
        return;
    }
    struct taken_reject *taken = reject_take(refusal, input, message);
    if (taken == NULL) {
        rejects_miss(rejects, NOT_KEPT_MEMORY, input->events);
        return;
    }
    put(rejects, taken);
}

/* The sink. What the gateway has no room for is no reject: its client sends it again. */
static void refused(void *context, const struct refusal *refusal, const struct refused_input *input,
                    struct slice message)
{
    struct rejects *rejects = context;
    bool again = input->payload != NULL && input->payload->again != NULL;
    if (again && reject_retry_takes(rejects->retry, refusal, input, message)) {
        return;
    }
    if (atomic_load_explicit(&rejects->enabled, memory_order_relaxed) &&
        error_info(refusal->error)->fate == FATE_REJECTED) {
        keep(rejects, refusal, input, message);
    }
}

static bool make_streams(struct rejects *rejects)
{
    size_t count = rejects->config.stream_count;
    rejects->streams = calloc(count + 1, sizeof *rejects->streams);
    for (size_t i = 0; rejects->streams != NULL && i <= count; i++) {
        rejects->streams[i].name = i < count ? rejects->config.streams[i]->name : "";
    }
    return rejects->streams != NULL;
}

static bool make_parts(struct rejects *rejects)
{
    event_id_generator_init(&rejects->generator);
    rejects->composer = reject_composer_new();
    rejects->cells = metrics_thread(rejects->config.metrics);
    rejects->retry = reject_retry_new(rejects);
    return make_streams(rejects) && rejects->composer != NULL && rejects->cells != NULL && rejects->retry != NULL;
}

struct rejects *rejects_new(const struct rejects_config *config, struct buf *problem)
{
    struct rejects *rejects = calloc(1, sizeof *rejects);
    if (rejects == NULL) {
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    rejects->config = *config;
    rejects->end = &rejects->first;
    rejects->sink = (struct refusal_sink){ rejects, refused };
    wakeup_init(&rejects->wakeup);
    pthread_mutex_init(&rejects->mutex, NULL);
    if (!reject_files_open(&rejects->files, config->data_folder, true, problem)) {
        rejects_free(rejects);
        return NULL;
    }
    if (!make_parts(rejects) || !rejects_apply(rejects, config->options)) {
        buf_append_string(problem, "rejects: out of memory");
        rejects_stop(rejects);
        rejects_free(rejects);
        return NULL;
    }
    pipeline_add_refusal_sink(config->pipeline, &rejects->sink);
    return rejects;
}

/* The first time that something is to be kept. */
static bool start(struct rejects *rejects)
{
    if (!rejects->thread.started) {
        rejects->status = rejects->status != NULL ? rejects->status : status_add(rejects->config.board, "rejects");
        return thread_start_background(&rejects->thread, "rejects", rejects_run, rejects) == OK;
    }
    return true;
}

bool rejects_apply(struct rejects *rejects, const struct rejects_options *options)
{
    struct reject_rules rules;
    if (!reject_rules_init(&rules, options) || (options->keep_bytes != 0 && !start(rejects))) {
        reject_rules_release(&rules);
        return false;
    }
    atomic_store(&rejects->sample, options->sample);
    atomic_store(&rejects->enabled, options->keep_bytes != 0);
    pthread_mutex_lock(&rejects->mutex);
    reject_rules_release(&rejects->rules);
    rejects->rules = rules;
    rejects->keep = options->keep_bytes;
    metric_set(rejects->config.metrics, METRIC_REJECT_BYTES_MAX, 0, (double)rejects->keep);
    rejects_tell(rejects);
    pthread_mutex_unlock(&rejects->mutex);
    wakeup_lock(&rejects->wakeup);
    wakeup_one(&rejects->wakeup);
    wakeup_unlock(&rejects->wakeup);
    return true;
}

void rejects_tick(struct rejects *rejects)
{
    reject_retry_tick(rejects->retry);
}

void rejects_stop(struct rejects *rejects)
{
    atomic_store(&rejects->enabled, false);
    wakeup_lock(&rejects->wakeup);
    rejects->stopping = true;
    wakeup_one(&rejects->wakeup);
    wakeup_unlock(&rejects->wakeup);
    thread_join(&rejects->thread);
    rejects->thread.started = false;
}

void rejects_free(struct rejects *rejects)
{
    if (rejects == NULL) {
        return;
    }
    ASSERT(!rejects->thread.started);
    while (rejects->first != NULL) {
        struct taken_reject *taken = rejects->first;
        rejects->first = taken->next;
        free(taken);
    }
    for (size_t i = 0; rejects->streams != NULL && i <= rejects->config.stream_count; i++) {
        buf_release(&rejects->streams[i].lines);
    }
    free(rejects->streams);
    reject_retry_free(rejects->retry);
    reject_composer_free(rejects->composer);
    reject_rules_release(&rejects->rules);
    reject_files_close(&rejects->files);
    pthread_mutex_destroy(&rejects->mutex);
    wakeup_release(&rejects->wakeup);
    free(rejects);
}

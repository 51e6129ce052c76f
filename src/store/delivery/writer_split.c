/* Turns a batch that cannot be stored as it is into halves, and a row that cannot be stored into a dead letter. */
#include "store/delivery/writer_private.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct family *join_family(struct lane *lane, struct pending_batch *whole)
{
    if (whole->family == NULL) {
        whole->family = calloc(1, sizeof *whole->family);
        if (whole->family != NULL) {
            *whole->family = (struct family){ .members = 1, .rows = whole->rows, .started_ns = clock_monotonic_ns() };
            snprintf(whole->family->name, sizeof whole->family->name, "%s", whole->segment->name);
            lane->families++;
            LOG(LOG_WARN, "batch is taken apart", "segment=%s rows=%" PRIu64 " %s", whole->segment->name, whole->rows,
                whole->delivery.reason);
        }
    }
    return whole->family;
}

void family_leave(struct lane *lane, struct family *family, bool stopping)
{
    ASSERT(family->members != 0);
    if (--family->members != 0) {
        return;
    }
    ASSERT(lane->families != 0);
    ASSERT_AT_MOST(family->refused, family->rows);
    if (!stopping) {
        LOG(LOG_INFO, "batch was taken apart",
            "segment=%s rows=%" PRIu64 " dead_letters=%" PRIu64 " halvings=%" PRIu64 " seconds=%.1f %s", family->name,
            family->rows, family->refused, family->halved,
            (double)(clock_monotonic_ns() - family->started_ns) / (double)NS_PER_SECOND, family->reason);
    }
    lane->families--;
    free(family);
}

/* The halves take the place of the whole, so that the rows at fault are found before the next batch is taken apart. */
static void replace_by_halves(const struct attempt *attempt, struct pending_batch *const halves[2])
{
    struct writer *writer = attempt->writer;
    const struct pending_batch *whole = attempt->batch;
    ASSERT_EQUAL(halves[0]->rows + halves[1]->rows, whole->rows);
    wakeup_lock(&writer->wakeup);
    for (int i = 0; i < 2; i++) {
        delivery_inherit(&halves[i]->delivery, &whole->delivery);
        placement_inherit(halves[i], whole);
        halves[i]->family = whole->family;
        halves[i]->first_ns = whole->first_ns;
        halves[i]->pinned = whole->pinned;
        halves[i]->server = whole->server;
        if (whole->family != NULL) {
            whole->family->members++;
            whole->family->halved += i == 0 ? 1 : 0;
        }
        queue_insert(writer, attempt->job->lane, halves[i], attempt->batch);
    }
    queue_remove(writer, attempt->job->lane, attempt->batch);
    wakeup_unlock(&writer->wakeup);
}

static enum error halve_file(const struct attempt *attempt, struct pending_batch *const halves[2])
{
    const struct segment_owner *owner = &attempt->writer->config.owner;
    struct segment *whole = attempt->batch->segment;
    struct segment *segments[2] = { NULL, NULL };
    wakeup_lock(&attempt->writer->wakeup);
    bool ready = join_family(attempt->job->lane, attempt->batch) != NULL;
    wakeup_unlock(&attempt->writer->wakeup);
    enum error error =
        ready ? owner->split(owner->context, whole, whole->rows / 2, &segments[0], &segments[1]) : ERROR_OUT_OF_MEMORY;
    for (int i = 0; error == OK && i < 2; i++) {
        segments[i]->next = NULL;
        (void)!pending_batch_init(halves[i], segments[i], false); /* of one segment: needs no memory */
    }
    return error;
}

enum delivery_move split_batch(const struct attempt *attempt)
{
    struct pending_batch *halves[2] = { calloc(1, sizeof *halves[0]), calloc(1, sizeof *halves[1]) };
    bool group = attempt->batch->segments > 1;
    enum error error = ERROR_OUT_OF_MEMORY;
    if (halves[0] != NULL && halves[1] != NULL) {
        error = !group ? halve_file(attempt, halves) : group_halve(attempt->batch, halves) ? OK : ERROR_OUT_OF_MEMORY;
    }
    if (error != OK) {
        pending_batch_free(halves[0]);
        pending_batch_free(halves[1]);
        delivery_explain(attempt->delivery, "the batch could not be split: %s", error_info(error)->text);
        return DELIVERY_HOLD_BATCH;
    }
    metric_add_stream(attempt->worker->cells, METRIC_SPLITS, attempt->job->lane->label, 1);
    replace_by_halves(attempt, halves);
    return DELIVERY_PARTED;
}

/* Counts the batch's rows as refused before they are buried, as other threads bury rows of the same batch; false if
 * that would be too many. */
static bool reserve_refusal(const struct attempt *attempt, uint64_t rows, uint64_t allowed)
{
    struct family *family = attempt->batch->family;
    wakeup_lock(&attempt->writer->wakeup);
    bool granted = family == NULL || family->refused + rows <= allowed;
    if (family != NULL && granted) {
        family->refused += rows;
        snprintf(family->reason, sizeof family->reason, "%.255s", attempt->delivery->reason);
    }
    wakeup_unlock(&attempt->writer->wakeup);
    return granted;
}

static void return_refusal(const struct attempt *attempt, uint64_t rows)
{
    wakeup_lock(&attempt->writer->wakeup);
    if (attempt->batch->family != NULL) {
        ASSERT_AT_MOST(rows, attempt->batch->family->refused);
        attempt->batch->family->refused -= rows;
    }
    wakeup_unlock(&attempt->writer->wakeup);
}

enum delivery_move split_bury(const struct attempt *attempt)
{
    const struct segment_owner *owner = &attempt->writer->config.owner;
    uint64_t rows = attempt->batch->rows;
    uint64_t allowed = attempt_facts(attempt).refusals_allowed;
    if (!reserve_refusal(attempt, rows, allowed)) {
        return delivery_blame_schema(attempt->delivery, allowed);
    }
    enum error error =
        owner->bury(owner->context, attempt->batch->segment, attempt->delivery->code, attempt->delivery->answer);
    if (error == OK) {
        attempt_forget(attempt);
        return DELIVERY_FINISHED;
    }
    return_refusal(attempt, rows);
    attempt->delivery->step = DELIVERY_SEND;
    delivery_explain(attempt->delivery, "a refused row could not be put into the dead letters: %s",
                     error == ERROR_JOURNAL_FULL
                         ? "they are full (journal.max_dead_letters): raise it, or make room with sluice dead-letters"
                         : error_info(error)->text);
    return DELIVERY_HOLD_BATCH;
}

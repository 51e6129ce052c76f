/* Turns orders into rejects that are submitted again, or dropped.
 *
 * One file after the other: each of its lines that is meant is submitted, and when the fate of all is known the file is written anew
 * with what stays. A process that dies before that begins the file again: every event of it has the id that it had
 * (payload->again), so that what was stored already is a duplicate. Files that begin after the order are not looked at, so that
 * what is refused again does not come again by the same order. */
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "pipeline/pipeline.h"
#include "rejects/reject.h"
#include "rejects/reject_order.h"
#include "rejects/reject_order_files.h"
#include "rejects/reject_submit.h"
#include "rejects/rejects_private.h"

#include <errno.h>
#include <stdlib.h>

#define TURN_NS (100 * NS_PER_MS)  /* of the thread, which has other things to do each second */
#define AWAIT_NS (200 * NS_PER_MS) /* for completions, before the next turn is left to the next second */
#define MOST_PENDING 10000         /* lines of which the fate is not known */

enum line_fate { FATE_UNSEEN, FATE_STAYS, FATE_PENDING, FATE_GOES, FATE_CHANGED };

struct line_state {
    size_t from, len; /* in the file, or of FATE_CHANGED in `changed` */
    enum line_fate fate;
};

struct reject_retry {
    struct rejects *rejects;
    struct pipeline_io *io;
    struct metrics_cells *cells;
    struct reject_reader *reader;
    struct submission submission;
    struct reject_payload payload;
    struct wakeup wakeup; /* guards `woken` */
    bool woken;
    /* The order that is being done; an empty name: none. */
    char name[ORDER_NAME_MAX];
    struct buf text;
    struct reject_order order;
    struct reject_report report;
    uint64_t last; /* number of the last file that it means */
    uint64_t done; /* number of the last file that was done */
    /* The file. */
    uint64_t number; /* 0: none is read */
    struct buf file;
    struct buf changed; /* lines that were refused again */
    struct line_state *lines;
    size_t count, next, pending;
    /* The line that is being submitted. */
    struct reject_line *line;
    bool refused; /* itself, for what is in its reject now: */
    struct buf message;
};

/* Completions: of the thread that ticks, but for the waking. */

static void complete(void *context, const struct ticket *ticket)
{
    struct reject_retry *retry = context;
    if (retry->number == 0 || ticket->token.sequence >= retry->count) {
        return;
    }
    struct line_state *line = &retry->lines[ticket->token.sequence];
    ASSERT_EQUAL(line->fate, FATE_PENDING);
    bool taken = ticket->error == OK;
    line->fate = taken ? FATE_GOES : FATE_STAYS;
    retry->report.accepted += ticket->accepted;
    retry->report.duplicate += ticket->duplicate;
    retry->report.failed += taken ? 0 : 1;
    retry->pending--;
}

static void stored(void *context, struct token token)
{
    (void)context, (void)token;
}

static void wake(void *context)
{
    struct reject_retry *retry = context;
    wakeup_lock(&retry->wakeup);
    retry->woken = true;
    wakeup_one(&retry->wakeup);
    wakeup_unlock(&retry->wakeup);
}

struct reject_retry *reject_retry_new(struct rejects *rejects)
{
    struct reject_retry *retry = calloc(1, sizeof *retry);
    if (retry == NULL) {
        return NULL;
    }
    const struct pipeline_io_callbacks callbacks = { retry, complete, stored, wake };
    retry->rejects = rejects;
    wakeup_init(&retry->wakeup);
    retry->io = pipeline_io_new(rejects->config.pipeline, &callbacks);
    retry->cells = metrics_thread(rejects->config.metrics);
    retry->reader = reject_reader_new();
    if (retry->io == NULL || retry->cells == NULL || retry->reader == NULL) {
        reject_retry_free(retry);
        return NULL;
    }
    return retry;
}

void reject_retry_free(struct reject_retry *retry)
{
    if (retry == NULL) {
        return;
    }
    reject_reader_free(retry->reader);
    reject_payload_release(&retry->payload);
    reject_order_release(&retry->order);
    submission_release(&retry->submission);
    wakeup_release(&retry->wakeup);
    buf_release(&retry->text);
    buf_release(&retry->file);
    buf_release(&retry->changed);
    buf_release(&retry->message);
    free(retry->lines);
    free(retry);
}

bool reject_retry_takes(struct reject_retry *retry, const struct refusal *refusal, const struct refused_input *input,
                        struct slice message)
{
    bool itself = input->whole || input->alone || (retry->line != NULL && retry->line->reject.form == REJECT_ITEM);
    if (retry->line == NULL || !itself) {
        return retry->line == NULL;
    }
    struct reject *reject = &retry->line->reject;
    struct slice text = message.len == 0 ? slice_from_string(error_info(refusal->error)->text) : message;
    retry->refused = true;
    buf_clear(&retry->message);
    buf_append_slice(&retry->message, text);
    reject->code = slice_from_string(error_info(refusal->error)->code);
    reject->field = slice_from_string(refusal->field);
    reject->message = buf_slice(&retry->message);
    return true;
}

/* One line. */

static void change_line(struct reject_retry *retry, struct line_state *state)
{
    size_t from = retry->changed.len;
    state->fate = FATE_STAYS;
    retry->report.refused++;
    if (retry->line->reject.retry == RETRY_YES && reject_rewrite(retry->line, &retry->changed)) {
        *state = (struct line_state){ from, retry->changed.len - from, FATE_CHANGED };
    }
}

static size_t place_of(const struct reject_retry *retry, struct slice stream)
{
    size_t place = 0, count = retry->rejects->config.stream_count;
    while (place < count && !slice_equal(stream, slice_from_string(retry->rejects->streams[place].name))) {
        place++;
    }
    return place;
}

/* False: the line is not taken now. */
static bool settle_sent(struct reject_retry *retry, struct line_state *state)
{
    const struct submission *submission = &retry->submission;
    size_t place = place_of(retry, retry->line->reject.stream);
    metric_add_index(retry->cells, METRIC_REJECTS_RETRIED, place, 1);
    if (submission->error != OK && error_info(submission->error)->fate == FATE_DROPPED) {
        return false;
    }
    retry->report.taken++;
    if (retry->refused) {
        metric_add_index(retry->cells, METRIC_REJECTS_KEPT, place, 1);
        change_line(retry, state);
    } else {
        retry->report.refused += submission->rejected; /* they are rejects of their own now */
        state->fate = submission->pending ? FATE_PENDING : FATE_GOES;
        retry->pending += submission->pending;
    }
    return true;
}

/* Is it one that stays, whatever the gateway has room for? */
static bool stays(struct reject_retry *retry, const struct reject *reject)
{
    if (!reject_filter_takes(&retry->order.filter, reject)) {
        return true;
    }
    if (retry->order.verb == VERB_DROP) {
        return false;
    }
    bool cut = reject->retry == RETRY_CUT && !retry->order.cut;
    retry->report.unsendable += reject->retry == RETRY_NO;
    retry->report.cut += cut;
    return cut || reject->retry == RETRY_NO;
}

/* False: nothing is taken now. */
static bool send(struct reject_retry *retry, struct reject_line *line, struct line_state *state, size_t index)
{
    const struct pipeline *pipeline = retry->rejects->config.pipeline;
    const struct token token = { .sequence = index };
    if (reject_submit_admits(pipeline, line) != OK) {
        return false;
    }
    retry->line = line;
    retry->refused = false;
    enum reject_sent sent = reject_submit(pipeline, retry->io, line, token, &retry->payload, &retry->submission);
    bool settled = sent == SENT ? settle_sent(retry, state) : sent == SENT_NO_STREAM;
    if (sent == SENT_NO_STREAM) {
        retry->report.strayed++;
        state->fate = FATE_STAYS;
    }
    retry->line = NULL;
    return settled;
}

/* The next line of the file. False: nothing is taken now. */
static bool do_line(struct reject_retry *retry)
{
    struct line_state *state = &retry->lines[retry->next];
    struct reject_line line;
    struct slice text = slice_make(retry->file.data + state->from, state->len);
    if (!reject_read(retry->reader, text, &line) || stays(retry, &line.reject)) {
        state->fate = FATE_STAYS;
    } else if (retry->order.verb == VERB_DROP) {
        state->fate = FATE_GOES;
        retry->report.taken++;
    } else if (!send(retry, &line, state, retry->next)) {
        return false;
    }
    retry->next++;
    return true;
}

/* One file. */

/* False: memory is short. */
static bool split_lines(struct reject_retry *retry)
{
    struct slice rest = buf_slice(&retry->file), line;
    size_t count = 0;
    for (struct slice left = rest; slice_split(&left, '\n', &line);) {
        count++;
    }
    struct line_state *lines = calloc(count + 1, sizeof *lines);
    if (lines == NULL) {
        return false;
    }
    free(retry->lines);
    retry->lines = lines;
    retry->count = retry->next = retry->pending = 0;
    while (slice_split(&rest, '\n', &line)) {
        if (line.len != 0) {
            size_t from = (size_t)(line.data - retry->file.data);
            lines[retry->count++] = (struct line_state){ .from = from, .len = line.len };
        }
    }
    return true;
}

/* The oldest file that is not done. False: there is none. */
static bool open_file(struct reject_retry *retry)
{
    struct rejects *rejects = retry->rejects;
    bool opened = false;
    pthread_mutex_lock(&rejects->mutex);
    for (size_t i = 0; i < rejects->files.count && !opened; i++) {
        uint64_t number = rejects->files.items[i].number;
        if (number <= retry->done || number > retry->last) {
            continue;
        }
        buf_clear(&retry->file);
        buf_clear(&retry->changed);
        retry->done = number;
        opened = reject_files_read(&rejects->files, i, &retry->file);
        retry->number = opened ? number : 0;
    }
    pthread_mutex_unlock(&rejects->mutex);
    if (opened && !split_lines(retry)) {
        retry->number = 0;
        return false;
    }
    return opened;
}

static bool gather_rest(const struct reject_retry *retry, struct buf *rest)
{
    bool changed = false;
    for (size_t i = 0; i < retry->count; i++) {
        const struct line_state *line = &retry->lines[i];
        ASSERT(line->fate != FATE_PENDING && line->fate != FATE_UNSEEN);
        changed = changed || line->fate != FATE_STAYS;
        if (line->fate == FATE_STAYS) {
            buf_append(rest, retry->file.data + line->from, line->len);
            buf_append_byte(rest, '\n');
        } else if (line->fate == FATE_CHANGED) {
            buf_append(rest, retry->changed.data + line->from, line->len);
        }
    }
    return changed;
}

/* All of its lines have met their fate. It may have been removed to make room meanwhile. */
static void close_file(struct reject_retry *retry)
{
    struct rejects *rejects = retry->rejects;
    struct buf rest = { 0 };
    bool changed = gather_rest(retry, &rest);
    pthread_mutex_lock(&rejects->mutex);
    size_t at = reject_files_find(&rejects->files, retry->number);
    if (changed && !rest.failed && at != rejects->files.count &&
        !reject_files_replace(&rejects->files, at, buf_slice(&rest))) {
        LOG(LOG_WARN, "rejects not removed", "file=%s error=\"%s\" what was sent again stays, and is a duplicate then",
            rejects->files.items[at].name, strerror(errno));
    }
    rejects_tell(rejects);
    pthread_mutex_unlock(&rejects->mutex);
    buf_release(&rest);
    buf_shed(&retry->file, 0);
    buf_shed(&retry->changed, 0);
    retry->number = 0;
}

/* The order. */

/* Lines that come from now on go into new files, which are not meant. */
static void mark_files(struct reject_retry *retry)
{
    struct rejects *rejects = retry->rejects;
    pthread_mutex_lock(&rejects->mutex);
    retry->last = rejects->files.last;
    for (size_t i = 0; i <= rejects->config.stream_count; i++) {
        rejects->streams[i].number = 0;
    }
    pthread_mutex_unlock(&rejects->mutex);
}

static bool begin_order(struct reject_retry *retry)
{
    char name[ORDER_NAME_MAX];
    if (!reject_order_take(retry->rejects->config.data_folder, name, &retry->text)) {
        return false;
    }
    retry->report = (struct reject_report){ 0 };
    reject_order_release(&retry->order);
    if (!reject_order_read(&retry->order, buf_slice(&retry->text))) {
        LOG(LOG_WARN, "order not understood", "order=%s", name);
        reject_order_done(retry->rejects->config.data_folder, name, &retry->report);
        return false;
    }
    memcpy(retry->name, name, sizeof name);
    retry->done = retry->number = 0;
    mark_files(retry);
    return true;
}

static void end_order(struct reject_retry *retry)
{
    const struct reject_report *report = &retry->report;
    LOG(LOG_INFO, retry->order.verb == VERB_DROP ? "rejects dropped" : "rejects retried",
        "rejects=%llu accepted=%llu duplicate=%llu refused=%llu failed=%llu", (unsigned long long)report->taken,
        (unsigned long long)report->accepted, (unsigned long long)report->duplicate,
        (unsigned long long)report->refused, (unsigned long long)report->failed);
    reject_order_done(retry->rejects->config.data_folder, retry->name, report);
    retry->name[0] = '\0';
}

static void await(struct reject_retry *retry, int64_t deadline_ns)
{
    while (retry->pending != 0 && clock_monotonic_ns() < deadline_ns) {
        wakeup_lock(&retry->wakeup);
        if (!retry->woken) {
            wakeup_wait(&retry->wakeup, deadline_ns);
        }
        retry->woken = false;
        wakeup_unlock(&retry->wakeup);
        pipeline_io_drain(retry->io);
    }
}

/* As far as time and room go. True: there is more that can be done now. */
static bool go_on(struct reject_retry *retry, int64_t until_ns)
{
    if (retry->number == 0 && !open_file(retry)) {
        end_order(retry);
        return false;
    }
    bool taken = true;
    while (taken && retry->next < retry->count && retry->pending < MOST_PENDING && clock_monotonic_ns() < until_ns) {
        taken = do_line(retry);
    }
    pipeline_io_flush(retry->io);
    await(retry, until_ns + AWAIT_NS);
    if (retry->next == retry->count && retry->pending == 0) {
        close_file(retry);
    }
    return taken && clock_monotonic_ns() < until_ns;
}

void reject_retry_tick(struct reject_retry *retry)
{
    int64_t until_ns = clock_monotonic_ns() + TURN_NS;
    pipeline_io_drain(retry->io);
    while ((retry->name[0] != '\0' || begin_order(retry)) && go_on(retry, until_ns)) {
    }
}

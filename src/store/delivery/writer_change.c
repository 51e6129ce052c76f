/* Turns a stream that is compiled anew into the one that batches are sent for. */
#include "store/delivery/writer_private.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/thread.h"
#include "config/options/writer_options.h"
#include "event/stream.h"

#define PATIENCE_NS (2 * NS_PER_SECOND) /* for each question */

struct question {
    struct writer *writer;
    const struct stream *stream;
    struct buf *problem;
    bool fits;
};

/* In the background, as all that asks the engine. */
static void ask(void *argument)
{
    struct question *question = argument;
    const struct writer_config *config = &question->writer->config;
    struct store_session *session = config->store->ops->session_new(config->store);
    bool fits = session != NULL, any = false;
    for (size_t server = 0; fits && server < question->writer->server_count; server++) {
        struct table_info info = { 0 };
        enum table_verdict verdict = table_prepare(config->store, session, server, question->stream, TABLE_TELL,
                                                   config->fsync, PATIENCE_NS, &info, question->problem);
        fits = verdict != TABLE_UNFIT;
        any = any || verdict == TABLE_READY;
    }
    if (session != NULL) {
        config->store->ops->session_free(session);
    }
    if (fits && !any) {
        buf_clear(question->problem);
        buf_append_string(question->problem, "the store does not say whether its table has them");
    }
    question->fits = fits && any;
}

bool writer_takes_stream(struct writer *writer, const struct stream *stream, struct buf *problem)
{
    struct question question = { writer, stream, problem, false };
    if (thread_run_background("reload-check", ask, &question) != OK) {
        buf_append_string(problem, "the system refuses more threads");
    }
    return question.fits;
}

void writer_change_stream(struct writer *writer, const struct stream *stream)
{
    ASSERT_BELOW(stream->index + 1, writer->lane_count);
    wakeup_lock(&writer->wakeup);
    atomic_store(&writer->lanes[stream->index].stream, stream);
    wakeup_unlock(&writer->wakeup);
}

void writer_change_waits(struct writer *writer, const struct writer_options *options)
{
    ASSERT_AT_MOST(1, options->breaker_failures);
    wakeup_lock(&writer->wakeup);
    writer->backoff = (struct backoff){ options->backoff_min_ns, options->backoff_max_ns };
    writer->breaker_failures = (unsigned)options->breaker_failures;
    wakeup_unlock(&writer->wakeup);
}

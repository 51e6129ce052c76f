/* Turns options into what the connections of one I/O thread share. */
#include "proto/http_front.h"

#define SCRATCH_KEPT ((size_t)4 << 20)

bool http_front_init(struct http_front *front, const struct http_options *options, const struct address_ranges *trusted,
                     const struct pipeline *pipeline, struct metrics *metrics)
{
    *front = (struct http_front){
        .options = options,
        .trusted = trusted,
        .pipeline = pipeline,
        .cells = metrics_thread(metrics),
        .decoder = decoder_new(),
    };
    return front->cells != NULL && front->decoder != NULL;
}

static void shed(struct buf *scratch)
{
    if (scratch->cap > SCRATCH_KEPT) {
        buf_release(scratch);
    }
}

void http_front_begin_second(struct http_front *front, int64_t wall_ns)
{
    front->date_length = http_reply_date(front->date, wall_ns);
    shed(&front->decoded);
    shed(&front->text);
    shed(&front->submission.ids);
    shed(&front->submission.errors);
}

void http_front_release(struct http_front *front)
{
    if (front->decoder != NULL) {
        decoder_free(front->decoder);
    }
    submission_release(&front->submission);
    buf_release(&front->decoded);
    buf_release(&front->text);
}

/* Turns options into what the connections of one I/O thread share. */
#include "proto/http_front.h"

#include "proto/origins.h"

#define TEXT_KEPT ((size_t)1 << 20)

bool http_front_init(struct http_front *front, const struct http_options *options, const struct address_ranges *trusted,
                     const struct pipeline *pipeline, struct metrics *metrics)
{
    *front = (struct http_front){
        .options = options,
        .trusted = trusted,
        .vary_origin = origins_vary(&options->cors_origins),
    };
    front->keep_alive_length = http_reply_keep_alive(front->keep_alive, options->idle_timeout_ns);
    if (!intake_init(&front->intake, pipeline, metrics)) {
        return false;
    }
    front->intake.max_ratio = options->max_ratio;
    return true;
}

void http_front_begin_second(struct http_front *front, int64_t wall_ns)
{
    front->date_length = http_reply_date(front->date, wall_ns);
    intake_shed(&front->intake);
    if (front->text.cap > TEXT_KEPT) {
        buf_release(&front->text);
    }
}

void http_front_release(struct http_front *front)
{
    intake_release(&front->intake);
    buf_release(&front->text);
}

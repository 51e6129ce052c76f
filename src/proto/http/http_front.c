/* Turns options into what the connections of one I/O thread share. */
#include "proto/http/http_front.h"

#include "proto/front/origins.h"

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

enum error http_front_unpack_any(struct http_front *front, enum encoding encoding, uint64_t max, struct slice *bytes,
                                 bool *large)
{
    bool bounded = front->take_large != NULL && max > LARGE_PAYLOAD;
    *large = bounded && bytes->len > LARGE_PAYLOAD;
    if (*large) {
        return OK;
    }
    enum error error = intake_unpack(&front->intake, encoding, bounded ? LARGE_PAYLOAD : max, bytes);
    *large = bounded && error == ERROR_DECOMPRESSED_TOO_LARGE;
    return *large ? OK : error;
}

enum error http_front_hand_on(const struct http_front *front, const struct large_payload *as)
{
    struct large_payload *large = large_payload_copy(as);
    if (large == NULL) {
        return ERROR_OUT_OF_MEMORY;
    }
    if (!front->take_large(front->thread, large)) {
        large_payload_free(large);
        return ERROR_QUEUE_FULL;
    }
    return OK;
}

void http_front_release(struct http_front *front)
{
    intake_release(&front->intake);
    buf_release(&front->text);
}

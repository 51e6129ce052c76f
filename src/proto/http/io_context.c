/* Turns options into what the connections of one I/O thread share. */
#include "proto/http/io_context.h"

#include "config/options/http_options.h"
#include "proto/access/access.h"
#include "proto/front/large_payload.h"
#include "proto/front/origins.h"
#include "proto/limits/limits.h"
#include "proto/values/value_set.h"

#define TEXT_KEPT ((size_t)1 << 20)

bool io_context_init(struct io_context *context, const struct http_options *options,
                     const struct address_ranges *trusted, const struct pipeline *pipeline, struct metrics *metrics)
{
    *context = (struct io_context){ .options = options, .trusted = trusted };
    if (!intake_init(&context->intake, pipeline, metrics)) {
        return false;
    }
    io_context_refresh(context);
    return true;
}

void io_context_refresh(struct io_context *context)
{
    const struct http_options *options = context->options;
    context->vary_origin = origins_vary(&options->cors_origins);
    context->keep_alive_length = http_reply_keep_alive(context->keep_alive, options->idle_timeout_ns);
    context->intake.max_ratio = options->max_ratio;
}

void io_context_begin_second(struct io_context *context, int64_t wall_ns)
{
    context->date_length = http_reply_date(context->date, wall_ns);
    intake_shed(&context->intake);
    buf_shed(&context->text, TEXT_KEPT);
    buf_shed(&context->path, TEXT_KEPT);
    buf_shed(&context->shown, TEXT_KEPT);
    buf_shed(&context->query, TEXT_KEPT);
}

enum error io_context_unpack_any(struct io_context *context, enum encoding encoding, uint64_t max, struct slice *bytes,
                                 bool *large)
{
    bool bounded = context->take_large != NULL && max > LARGE_PAYLOAD;
    *large = bounded && bytes->len > LARGE_PAYLOAD;
    if (*large) {
        return OK;
    }
    enum error error = intake_unpack(&context->intake, encoding, bounded ? LARGE_PAYLOAD : max, bytes);
    *large = bounded && error == ERROR_DECOMPRESSED_TOO_LARGE;
    return *large ? OK : error;
}

enum error io_context_hand_on(const struct io_context *context, const struct large_payload *as)
{
    struct large_payload *large = large_payload_copy(as);
    if (large == NULL) {
        return ERROR_OUT_OF_MEMORY;
    }
    if (context->visitor != NULL) {
        large->charged = true;
        large->client = context->visitor->address;
        large->has_key = context->visitor->key != NULL;
        if (large->has_key) {
            memcpy(large->key_hash, context->visitor->key->hash, sizeof large->key_hash);
        }
    }
    if (!context->take_large(context->thread, large)) {
        large_payload_free(large);
        return ERROR_QUEUE_FULL;
    }
    return OK;
}

void io_context_release(struct io_context *context)
{
    intake_release(&context->intake);
    buf_release(&context->text);
    buf_release(&context->path);
    buf_release(&context->shown);
    buf_release(&context->query);
    value_set_free(context->values);
}

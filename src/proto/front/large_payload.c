/* Turns a borrowed payload into one that outlives its connection. */
#include "proto/front/large_payload.h"

#include "pipeline/json/json.h"

#include <stdlib.h>

static struct slice copy(struct buf *text, struct slice from)
{
    size_t at = text->len;
    buf_append_slice(text, from); /* has room: what was copied before does not move */
    return slice_make(text->data + at, from.len);
}

static size_t bytes_of(const struct request_values *values)
{
    size_t bytes = 0;
    for (size_t i = 0; values != NULL && i < values->count; i++) {
        bytes += values->items[i].key.len + values->items[i].text.len;
    }
    return bytes;
}

static bool copy_values(struct large_payload *large, const struct request_values *values)
{
    struct request_value *items = malloc((values->count + 1) * sizeof *items);
    if (items == NULL) {
        return false;
    }
    for (size_t i = 0; i < values->count; i++) {
        items[i] = values->items[i];
        items[i].key = copy(&large->text, items[i].key);
        items[i].text = copy(&large->text, items[i].text);
    }
    large->values = (struct request_values){ items, values->count };
    large->payload.values = &large->values;
    return true;
}

static size_t request_bytes(const struct request_fields *request)
{
    return request == NULL
               ? 0
               : request->host.len + request->referer.len + request->accept_language.len + request->key_name.len;
}

static void copy_request(struct large_payload *large, const struct request_fields *from)
{
    large->request = (struct request_fields){ .host = copy(&large->text, from->host),
                                              .referer = copy(&large->text, from->referer),
                                              .accept_language = copy(&large->text, from->accept_language),
                                              .key_name = copy(&large->text, from->key_name) };
    large->payload.request = &large->request;
}

static bool copy_all(struct large_payload *large)
{
    struct payload *payload = &large->payload;
    size_t text = payload->client_ip.len + payload->user_agent.len + bytes_of(payload->values) +
                  request_bytes(payload->request) + 1;
    if (!buf_reserve(&large->bytes, payload->bytes.len + JSON_PADDING) || !buf_reserve(&large->text, text)) {
        return false;
    }
    payload->bytes = copy(&large->bytes, payload->bytes);
    payload->client_ip = copy(&large->text, payload->client_ip);
    payload->user_agent = copy(&large->text, payload->user_agent);
    if (payload->streams != NULL) {
        large->streams = *payload->streams;
        payload->streams = &large->streams;
    }
    if (payload->request != NULL) {
        copy_request(large, payload->request);
    }
    return payload->values == NULL || copy_values(large, payload->values);
}

struct large_payload *large_payload_copy(const struct large_payload *as)
{
    struct large_payload *large = malloc(sizeof *large);
    if (large == NULL) {
        return NULL;
    }
    *large = *as;
    large->values = (struct request_values){ 0 };
    if (!copy_all(large)) {
        large_payload_free(large);
        return NULL;
    }
    return large;
}

void large_payload_free(struct large_payload *large)
{
    if (large != NULL) {
        submission_release(&large->submission);
        buf_release(&large->bytes);
        buf_release(&large->text);
        free((void *)(uintptr_t)large->values.items);
        free(large);
    }
}

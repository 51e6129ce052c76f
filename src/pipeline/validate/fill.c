/* Turns the circumstances of an event into values of its columns. */
#include "pipeline/validate/fill.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/type.h"
#include "event/value.h"
#include "pipeline/json/json.h"
#include "pipeline/validate/event_context.h"

#include <arpa/inet.h>
#include <stdio.h>

/* A site's network; of addresses that say somebody's IPv4 address in their first bytes, only what kind they are. Others that
 * hold one (NAT64, ISATAP, IPv4-compatible) hold it further back. */
static size_t kept_bytes(const struct in6_addr *address)
{
    static const struct {
        uint8_t prefix[4];
        size_t bytes;
    } kinds[] = { { { 0x20, 0x02 }, 2 } /* 6to4 */, { { 0x20, 0x01, 0, 0 }, 4 } /* Teredo: of its server */ };
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (memcmp(address->s6_addr, kinds[i].prefix, kinds[i].bytes) == 0) {
            return kinds[i].bytes;
        }
    }
    return 6;
}

size_t fill_anonymize(struct slice address, char out[64])
{
    char text[64];
    struct in_addr v4;
    struct in6_addr v6;
    out[0] = '\0';
    if (address.len >= sizeof text) {
        return 0;
    }
    snprintf(text, sizeof text, "%.*s", (int)address.len, address.data);
    if (inet_pton(AF_INET, text, &v4) == 1) {
        v4.s_addr &= htonl(0xFFFFFF00u);
        return inet_ntop(AF_INET, &v4, out, 64) == NULL ? 0 : strlen(out);
    }
    if (inet_pton(AF_INET6, text, &v6) != 1) {
        return 0;
    }
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
        v6.s6_addr[15] = 0;
    } else {
        size_t kept = kept_bytes(&v6);
        memset(v6.s6_addr + kept, 0, sizeof v6.s6_addr - kept);
    }
    return inet_ntop(AF_INET6, &v6, out, 64) == NULL ? 0 : strlen(out);
}

static struct slice client_ip(const struct column_spec *spec, struct slice address, struct fill_cache *cache)
{
    if (!spec->options->anonymize || address.len == 0 || address.len > sizeof cache->address) {
        return spec->options->anonymize ? slice_make("", 0) : address;
    }
    if (!slice_equal(address, slice_make(cache->address, cache->address_len))) {
        memcpy(cache->address, address.data, address.len);
        cache->address_len = address.len;
        cache->anonymized_len = fill_anonymize(address, cache->anonymized);
    }
    return slice_make(cache->anonymized, cache->anonymized_len);
}

/* HTTP lets any bytes be in a field's value. */
static struct slice field_text(struct slice text, struct fill_cache *cache)
{
    if (json_is_utf8(text)) {
        return text;
    }
    buf_clear(&cache->text);
    utf8_append_repaired(&cache->text, text);
    return buf_slice(&cache->text);
}

void fill_cache_release(struct fill_cache *cache)
{
    buf_release(&cache->text);
}

/* A long text is cut rather than refused: the client cannot mend it. */
static struct slice cut(struct slice text, uint64_t max)
{
    if (text.len <= max) {
        return text;
    }
    text.len = (size_t)max;
    while (text.len != 0 && ((unsigned char)text.data[text.len] & 0xC0) == 0x80) {
        text.len--;
    }
    return text;
}

static void append_text(struct column *column, struct slice text)
{
    const struct column_spec *spec = column->spec;
    struct value_context context = { 0 };
    struct value value = { .type = VALUE_TEXT, .text = cut(text, spec->max_length) };
    size_t len = column->data.len, nulls = column->nulls.len;
    if (spec->type.shape == SHAPE_NULLABLE) {
        buf_append_byte(&column->nulls, 0);
    }
    if (text.len != 0 && value_append(spec, &value, &context, &column->data) == OK) {
        return;
    }
    column->data.len = len;
    column->nulls.len = nulls;
    if (spec->type.shape == SHAPE_NULLABLE) {
        buf_append_byte(&column->nulls, !spec->has_default);
    }
    buf_append_slice(&column->data, column_default(spec));
}

static void append_made(struct column *column, const struct event_context *context, struct fill_cache *cache)
{
    char text[EVENT_ID_TEXT];
    struct event_id id = event_id_generate(cache->generator, context->received_wall_ns);
    event_id_format(&id, text);
    append_text(column, slice_make(text, sizeof text));
}

/* What a request says of itself; of none, nothing. */
static struct slice request_text(const struct event_context *context, enum fill fill)
{
    const struct request_fields *request = context->request;
    if (fill == FILL_USER_AGENT || request == NULL) {
        return fill == FILL_USER_AGENT ? context->user_agent : SLICE("");
    }
    switch (fill) {
    case FILL_HOST: return request->host;
    case FILL_REFERER: return request->referer;
    case FILL_KEY_NAME: return request->key_name;
    default: return request->accept_language;
    }
}

void fill_append(struct column *column, const struct event_context *context, struct fill_cache *cache)
{
    enum fill fill = column->spec->fill;
    switch (fill) {
    case FILL_CLIENT_IP: append_text(column, client_ip(column->spec, context->client_ip, cache)); return;
    case FILL_USER_AGENT:
    case FILL_HOST:
    case FILL_REFERER:
    case FILL_ACCEPT_LANGUAGE: append_text(column, field_text(request_text(context, fill), cache)); return;
    case FILL_KEY_NAME: append_text(column, request_text(context, fill)); return;
    case FILL_UUID: append_made(column, context, cache); return;
    default: break; /* received_at, and a time whose default is "now" */
    }
    if (column->spec->type.shape == SHAPE_NULLABLE) {
        buf_append_byte(&column->nulls, 0);
    }
    if (column->spec->type.kind == KIND_UINT64) {
        buf_append_u64(&column->data, (uint64_t)(context->received_wall_ns / NS_PER_US));
    } else {
        value_append_time(&column->spec->type, context->received_wall_ns, &column->data);
    }
}

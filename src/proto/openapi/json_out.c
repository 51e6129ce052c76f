/* Turns members and items into JSON. */
#include "proto/openapi/json_out.h"

#include "base/assert.h"

/* A string ends in '"', so that these bytes are never part of one. */
static void separate(struct buf *out)
{
    char last = out->len == 0 ? '{' : out->data[out->len - 1];
    if (last != '{' && last != '[' && last != ':') {
        buf_append_byte(out, ',');
    }
}

void json_out_key(struct buf *out, struct slice key)
{
    ASSERT(key.data != NULL);
    separate(out);
    buf_append_json_string(out, key);
    buf_append_byte(out, ':');
}

static void begin(struct buf *out, const char *key)
{
    if (key != NULL) {
        json_out_key(out, slice_from_string(key));
    } else {
        separate(out);
    }
}

void json_out_open(struct buf *out, const char *key, char bracket)
{
    ASSERT(bracket == '{' || bracket == '[');
    begin(out, key);
    buf_append_byte(out, (uint8_t)bracket);
}

void json_out_close(struct buf *out, char bracket)
{
    ASSERT(bracket == '}' || bracket == ']');
    buf_append_byte(out, (uint8_t)bracket);
}

void json_out_text(struct buf *out, const char *key, struct slice text)
{
    begin(out, key);
    buf_append_json_string(out, text);
}

void json_out_string(struct buf *out, const char *key, const char *text)
{
    json_out_text(out, key, slice_from_string(text));
}

void json_out_integer(struct buf *out, const char *key, int64_t number)
{
    begin(out, key);
    buf_printf(out, "%lld", (long long)number);
}

void json_out_unsigned(struct buf *out, const char *key, uint64_t number)
{
    begin(out, key);
    buf_printf(out, "%llu", (unsigned long long)number);
}

void json_out_bool(struct buf *out, const char *key, bool value)
{
    begin(out, key);
    buf_append_string(out, value ? "true" : "false");
}

void json_out_raw(struct buf *out, const char *key, struct slice json)
{
    begin(out, key);
    buf_append_slice(out, json);
}

void json_out_component(struct buf *out, struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool fits = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
                    c == '_' || c == '-';
        buf_append_byte(out, fits ? (uint8_t)c : '_');
    }
}

void json_out_reference(struct buf *out, const char *key, const char *kind, struct slice name)
{
    json_out_open(out, key, '{');
    json_out_key(out, SLICE("$ref"));
    buf_printf(out, "\"#/components/%s/", kind);
    json_out_component(out, name);
    buf_append_string(out, "\"}");
}

bool json_out_is_referred_to(const struct buf *out, const char *kind, struct slice name)
{
    struct buf text = { 0 };
    buf_printf(&text, "\"#/components/%s/", kind);
    json_out_component(&text, name);
    buf_append_byte(&text, '"');
    bool found = out->len != 0 && !text.failed && memmem(out->data, out->len, text.data, text.len) != NULL;
    buf_release(&text);
    return found;
}

/* Turns a value into the number of its bytes. */
#include "pipeline/json/json_measure.h"

/* What a word of the tape stands for at most, but for a string's bytes: half a number, which has 25 with its comma. */
#define WORD_BYTES 16

static uint64_t offset_of(const struct json_document *document, json_at string)
{
    return (uint64_t)(json_string(document, string).data - document->strings);
}

static bool is_object_with_key(const struct json_document *document, json_at at)
{
    return json_type(document, at) == '{' && json_type(document, at + 1) == '"';
}

static size_t count_digits(uint64_t value)
{
    size_t digits = 1;
    for (; value >= 10; value /= 10) {
        digits++;
    }
    return digits;
}

static size_t number_length(const struct json_document *document, json_at at)
{
    char text[32];
    int64_t integer = json_int64(document, at);
    switch (json_type(document, at)) {
    case 'l': return (integer < 0) + count_digits(integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer);
    case 'u': return count_digits(json_uint64(document, at));
    default: return json_format_double(json_double(document, at), text);
    }
}

/* Bytes of what begins at `at` (of a container both brackets), with the comma or colon behind it. */
static uint64_t measure_one(const struct json_document *document, json_at at)
{
    switch (json_type(document, at)) {
    case '"': return json_string(document, at).len + 3;
    case JSON_LARGE_NUMBER: return json_string(document, at).len + 1;
    case 'l':
    case 'u':
    case 'd': return number_length(document, at) + 1;
    case '{':
    case '[': return json_at_end(document, at + 1) ? 3 : 2; /* the last within has no comma */
    case '}':
    case ']': return 0;
    case 'f': return 6;
    default: return 5;
    }
}

bool json_is_larger(const struct json_document *document, json_at at, uint64_t limit)
{
    json_at end = json_skip(document, at);
    if (is_object_with_key(document, at) && is_object_with_key(document, end)) {
        uint64_t strings = offset_of(document, end + 1) - offset_of(document, at + 1);
        if (strings + (uint64_t)(end - at) * WORD_BYTES <= limit) {
            return false;
        }
    }
    uint64_t size = 0;
    while (at < end && size <= limit + 1) {
        char type = json_type(document, at);
        size += measure_one(document, at);
        at += type == 'l' || type == 'u' || type == 'd' ? 2 : 1;
    }
    return size > limit + 1; /* behind the value itself stands no comma */
}

/* Recursion is bounded by JSON_MAX_DEPTH. */
static uint64_t path_bytes(const struct json_document *document, json_at at, uint64_t above)
{
    uint64_t bytes = 0;
    bool object = json_type(document, at) == '{';
    for (json_at m = json_first(at); !json_at_end(document, m); m = json_skip(document, m)) {
        size_t key = 0;
        if (object) {
            key = json_string(document, m).len + 1;
            m++;
        }
        char type = json_type(document, m);
        bytes += object && type != '{' ? above : 0;
        if (type == '{' || type == '[') {
            bytes += path_bytes(document, m, object && type == '{' ? above + key : 0);
        }
    }
    return bytes;
}

uint64_t json_path_bytes(const struct json_document *document, json_at at)
{
    char type = json_type(document, at);
    return type == '{' || type == '[' ? path_bytes(document, at, 0) : 0;
}

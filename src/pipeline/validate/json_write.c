/* Turns a parsed JSON value back into compact text that a ClickHouse JSON column takes. */
#include "pipeline/validate/json_write.h"

#include "event/path.h"
#include "pipeline/json/json_members.h"
#include "pipeline/json/json_number.h"
#include "pipeline/validate/json_paths.h"

#include <math.h>

/* Beyond it a double is not the only one of its integer. */
#define MOST_EXACT 0x1p53

struct writer {
    const struct json_document *document;
    bool for_json_column;
    struct buf *out;
    struct buf *path;
    struct json_extent extent;
    bool in_array;
    bool in_items; /* of an array itself, not of an object in it */
    bool floats;   /* the whole numbers among them are written as Float64 */
    bool dots;     /* a key with a dot was written since the outermost object began */
    enum error error;
};

static void write_value(struct writer *writer, json_at at, bool outermost);
static bool write_object(struct writer *writer, json_at at, bool outermost, const struct path_node *known);

static void write_natural(struct buf *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    buf_append(out, digits + at, sizeof digits - at);
}

static void write_integer(struct buf *out, int64_t value)
{
    if (value < 0) {
        buf_append_byte(out, '-');
    }
    write_natural(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* What no path leads to in each item of an array, one object an item. False: there is nothing. */
static bool write_items(struct writer *writer, json_at at, const struct path_node *item)
{
    const struct json_document *document = writer->document;
    bool any = false, in_array = writer->in_array, in_items = writer->in_items, floats = writer->floats;
    writer->in_array = true;
    writer->in_items = writer->floats = false;
    buf_append_byte(writer->out, '[');
    for (json_at m = json_first(at); !json_at_end(document, m); m = json_skip(document, m)) {
        if (m != json_first(at)) {
            buf_append_byte(writer->out, ',');
        }
        if (json_type(document, m) == '{') {
            any = write_object(writer, m, true, item) || any;
        } else {
            buf_append(writer->out, "{}", 2);
        }
    }
    buf_append_byte(writer->out, ']');
    writer->in_array = in_array;
    writer->in_items = in_items;
    writer->floats = floats;
    return any;
}

/* What no path from the node leads to. False: there is nothing. */
static bool write_rest(struct writer *writer, json_at at, const struct path_node *node)
{
    return json_type(writer->document, at) == '[' ? write_items(writer, at, node->array)
                                                  : write_object(writer, at, false, node);
}

/* False: nothing was written, as nothing of the value was left. */
static bool write_member(struct writer *writer, json_at key, const struct path_node *below, bool first)
{
    struct slice name = json_string(writer->document, key);
    size_t before = writer->out->len;
    struct json_extent extent = writer->extent;
    if (!first) {
        buf_append_byte(writer->out, ',');
    }
    buf_append_json_string(writer->out, name);
    buf_append_byte(writer->out, ':');
    if (below == NULL) {
        write_value(writer, key + 1, false);
    } else if (!write_rest(writer, key + 1, below)) {
        writer->out->len = before;
        writer->extent = extent;
        return false;
    }
    writer->dots = writer->dots || memchr(name.data, '.', name.len) != NULL;
    return true;
}

/* How many were written. */
static size_t write_members(struct writer *writer, json_at object, const struct path_node *known,
                            const struct json_members *members)
{
    const struct json_document *document = writer->document;
    const struct path_node *below;
    size_t count = 0;
    buf_append_byte(writer->out, '{');
    for (json_at m = json_first(object); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        bool left_out = (members != NULL && !json_members_has(members, document, m)) ||
                        json_is_left_out(document, m, known, &below);
        if (!left_out) {
            count += write_member(writer, m, below, count == 0);
        }
    }
    buf_append_byte(writer->out, '}');
    return count;
}

/* `outermost`: paths begin here (the value itself, or an object in an array). False: no member was written. */
static bool write_object(struct writer *writer, json_at at, bool outermost, const struct path_node *known)
{
    struct json_members members;
    bool dots = writer->dots;
    if (!writer->for_json_column) {
        return write_members(writer, at, known, NULL) != 0;
    }
    if (!json_members_init(&members, writer->document, at)) {
        writer->error = ERROR_OUT_OF_MEMORY;
        return false;
    }
    if (outermost) {
        writer->dots = false;
    }
    size_t count = write_members(writer, at, known, &members);
    writer->extent.keys += count;
    writer->extent.paths += writer->in_array ? 0 : count - !outermost; /* an object in an object is no path's end */
    json_members_release(&members);
    if (outermost) {
        if (writer->dots && writer->error == OK) {
            writer->error = json_check_paths(writer->document, at, known, writer->path);
        }
        writer->dots = dots;
    }
    return count != 0;
}

/* Does an array, those in it included, hold a number that is a Float64, and no integer that a double would change? Then they
 * are all written so, and it is an Array(Float64): ClickHouse would else make an Array(Dynamic) of [1,2.5]. */
static bool fits_floats(const struct json_document *document, json_at array)
{
    bool any = false;
    json_at end = json_skip(document, array);
    for (json_at m = json_first(array); m < end;) {
        char type = json_type(document, m);
        double value = type == 'd'   ? json_double(document, m)
                       : type == 'l' ? (double)json_int64(document, m)
                       : type == 'u' ? (double)json_uint64(document, m)
                                     : 0;
        bool large = fabs(value) >= MOST_EXACT;
        if (large && type != 'd') {
            return false;
        }
        any = any || type == JSON_LARGE_NUMBER ||
              (type == 'd' && (large || rint(value) != value || (value == 0 && signbit(value))));
        m = type == '[' || type == ']' ? m + 1 : json_skip(document, m);
    }
    return any;
}

static void write_array(struct writer *writer, json_at at)
{
    bool first = true, in_array = writer->in_array, in_items = writer->in_items, floats = writer->floats;
    writer->in_array = true;
    if (!in_items) {
        writer->floats = writer->for_json_column && fits_floats(writer->document, at);
        writer->in_items = true;
    }
    buf_append_byte(writer->out, '[');
    for (json_at m = json_first(at); !json_at_end(writer->document, m); m = json_skip(writer->document, m)) {
        if (!first) {
            buf_append_byte(writer->out, ',');
        }
        first = false;
        write_value(writer, m, true);
    }
    buf_append_byte(writer->out, ']');
    writer->in_array = in_array;
    writer->in_items = in_items;
    writer->floats = floats;
}

/* The double whose text stands at the end becomes one that a JSON column reads as a Float64 again: digits alone would be
 * an integer there, which ends at 64 bits and has no -0. */
static void RARE keep_double(struct buf *out, size_t len)
{
    const char *text = out->data + out->len - len;
    if (memchr(text, '.', len) == NULL && memchr(text, 'e', len) == NULL) {
        buf_append(out, ".0", 2);
    }
}

/* Whole numbers that every integer holds exactly stay integers: that is how JavaScript writes 100.0. */
static void write_double(const struct writer *writer, double value)
{
    struct buf *out = writer->out;
    if (!buf_reserve(out, 32)) {
        return;
    }
    size_t len = json_format_double(value, out->data + out->len);
    out->len += len;
    if ((fabs(value) >= MOST_EXACT || (value == 0 && signbit(value)) || writer->floats) && writer->for_json_column) {
        keep_double(out, len);
    }
}

/* A JSON column holds it as a double; as text it is what was sent. */
static void write_large(struct writer *writer, struct slice digits)
{
    double value = json_number_double(digits);
    if (!writer->for_json_column) {
        buf_append_slice(writer->out, digits);
    } else if (isfinite(value)) {
        write_double(writer, value);
    } else if (writer->error == OK) {
        writer->error = ERROR_OUT_OF_RANGE;
        buf_append_slice(writer->path, digits);
    }
}

static void write_inner_object(struct writer *writer, json_at at, bool outermost)
{
    bool in_items = writer->in_items, floats = writer->floats;
    writer->in_items = writer->floats = false;
    (void)write_object(writer, at, outermost, NULL);
    writer->in_items = in_items;
    writer->floats = floats;
}

/* Recursion is bounded by JSON_MAX_DEPTH. */
static void write_value(struct writer *writer, json_at at, bool outermost)
{
    const struct json_document *document = writer->document;
    switch (json_type(document, at)) {
    case '{': write_inner_object(writer, at, outermost); break;
    case '[': write_array(writer, at); break;
    case '"': buf_append_json_string(writer->out, json_string(document, at)); break;
    case 'l':
        write_integer(writer->out, json_int64(document, at));
        if (writer->floats) {
            buf_append(writer->out, ".0", 2);
        }
        break;
    case 'u': write_natural(writer->out, json_uint64(document, at)); break;
    case 'd': write_double(writer, json_double(document, at)); break;
    case JSON_LARGE_NUMBER: write_large(writer, json_string(document, at)); break;
    case 't': buf_append_string(writer->out, "true"); break;
    case 'f': buf_append_string(writer->out, "false"); break;
    default: buf_append_string(writer->out, "null"); break;
    }
}

enum error json_write(const struct json_document *document, json_at at, bool for_json_column, struct buf *out,
                      struct buf *path, struct json_extent *extent)
{
    struct writer writer = {
        .document = document, .for_json_column = for_json_column, .out = out, .path = path, .error = OK
    };
    write_value(&writer, at, true);
    *extent = writer.extent;
    return out->failed ? ERROR_OUT_OF_MEMORY : writer.error;
}

enum error json_write_unknown(const struct json_document *document, json_at object, const struct path_node *known,
                              bool for_json_column, struct buf *out, struct buf *path, struct json_extent *extent)
{
    struct writer writer = {
        .document = document, .for_json_column = for_json_column, .out = out, .path = path, .error = OK
    };
    (void)write_object(&writer, object, true, known);
    *extent = writer.extent;
    return out->failed ? ERROR_OUT_OF_MEMORY : writer.error;
}

/* Turns a parsed JSON value back into compact text that a ClickHouse JSON column takes. */
#include "pipeline/json_write.h"

#include <stdlib.h>

/* Objects of more members use a table to find equal keys. */
#define FEW_MEMBERS 24

struct writer {
    const struct json_document *document;
    const struct path_node *known; /* members of the root that are left out; NULL: none */
    json_at root;
    bool for_json_column;
    struct buf *out;
    struct buf *path;
    bool dots; /* a key with a dot was written since the outermost object began */
    enum error error;
};

static void write_value(struct writer *writer, json_at at, bool outermost);

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

static bool same_key(const struct json_document *document, json_at a, json_at b)
{
    return slice_equal(json_string(document, a), json_string(document, b));
}

/* Which members of an object count: of equal keys the last. */
struct members {
    json_at few[FEW_MEMBERS];
    json_at *many; /* a table by hash, 0: free; NULL: `few` is used */
    size_t slots;
    size_t count;
    bool has_twins;
};

static size_t hash_key(struct slice key)
{
    size_t hash = 1469598103934665603u;
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ (uint8_t)key.data[i]) * 1099511628211u;
    }
    return hash ^ hash >> 32;
}

static void note_in_table(struct members *members, const struct json_document *document, json_at key)
{
    size_t slot = hash_key(json_string(document, key)) & (members->slots - 1);
    while (members->many[slot] != 0 && !same_key(document, members->many[slot], key)) {
        slot = (slot + 1) & (members->slots - 1);
    }
    members->has_twins = members->has_twins || members->many[slot] != 0;
    members->many[slot] = key;
}

static void note_in_list(struct members *members, const struct json_document *document, json_at key)
{
    for (size_t i = 0; i < members->count; i++) {
        if (same_key(document, members->few[i], key)) {
            members->few[i] = key;
            members->has_twins = true;
            return;
        }
    }
    members->few[members->count++] = key;
}

static bool members_init(struct members *members, const struct json_document *document, json_at object)
{
    size_t count = json_count(document, object);
    members->many = NULL;
    members->count = 0;
    members->has_twins = false;
    if (count > FEW_MEMBERS) {
        members->slots = 64;
        while (members->slots < count * 2) {
            members->slots *= 2;
        }
        members->many = calloc(members->slots, sizeof *members->many);
        if (members->many == NULL) {
            return false;
        }
    }
    for (json_at m = json_first(object); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        if (members->many != NULL) {
            note_in_table(members, document, m);
        } else {
            note_in_list(members, document, m);
        }
    }
    return true;
}

static bool counts(const struct members *members, const struct json_document *document, json_at key)
{
    if (!members->has_twins) {
        return true;
    }
    if (members->many == NULL) {
        for (size_t i = 0; i < members->count; i++) {
            if (members->few[i] == key) {
                return true;
            }
        }
        return false;
    }
    size_t slot = hash_key(json_string(document, key)) & (members->slots - 1);
    while (!same_key(document, members->many[slot], key)) {
        slot = (slot + 1) & (members->slots - 1);
    }
    return members->many[slot] == key;
}

static bool is_left_out(const struct writer *writer, json_at object, struct slice key)
{
    return writer->known != NULL && object == writer->root && path_child(writer->known, key.data, key.len) != NULL;
}

/* The paths of an object's leaves, for the rare object with a dot in a key. */
struct paths {
    const struct writer *writer;
    struct buf prefix; /* of the object being walked, with its last dot */
    struct buf texts;  /* all paths, one behind the other */
    struct buf ends;   /* size_t each: where a path ends in `texts` */
    bool failed;
};

static void gather(struct paths *paths, json_at object)
{
    struct members members;
    if (!members_init(&members, paths->writer->document, object)) {
        paths->failed = true;
        return;
    }
    for (json_at m = json_first(object); !json_at_end(paths->writer->document, m);
         m = json_skip(paths->writer->document, m + 1)) {
        size_t before = paths->prefix.len;
        struct slice key = json_string(paths->writer->document, m);
        if (!counts(&members, paths->writer->document, m) || is_left_out(paths->writer, object, key)) {
            continue;
        }
        buf_append_slice(&paths->prefix, key);
        if (json_type(paths->writer->document, m + 1) == '{') {
            buf_append_byte(&paths->prefix, '.');
            gather(paths, m + 1);
        } else {
            buf_append_slice(&paths->texts, buf_slice(&paths->prefix));
            buf_append(&paths->ends, &paths->texts.len, sizeof paths->texts.len);
        }
        paths->prefix.len = before;
    }
    free(members.many);
}

static int compare_slices(const void *a, const void *b)
{
    const struct slice *left = a, *right = b;
    size_t least = left->len < right->len ? left->len : right->len;
    int order = least == 0 ? 0 : memcmp(left->data, right->data, least);
    return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

/* Sorts the paths; equal neighbours are a conflict. */
static enum error find_twins(const struct paths *paths, struct buf *path)
{
    size_t count = paths->ends.len / sizeof(size_t), from = 0;
    struct slice *sorted = calloc(count + 1, sizeof *sorted);
    enum error error = OK;
    if (sorted == NULL) {
        return ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        size_t end;
        memcpy(&end, paths->ends.data + i * sizeof end, sizeof end);
        sorted[i] = slice_make(paths->texts.data + from, end - from);
        from = end;
    }
    qsort(sorted, count, sizeof *sorted, compare_slices);
    for (size_t i = 1; i < count && error == OK; i++) {
        if (slice_equal(sorted[i - 1], sorted[i])) {
            buf_append_slice(path, sorted[i]);
            error = ERROR_CONFLICTING_KEYS;
        }
    }
    free(sorted);
    return error;
}

static enum error check_paths(const struct writer *writer, json_at object)
{
    struct paths paths = { .writer = writer };
    gather(&paths, object);
    bool failed = paths.failed || paths.prefix.failed || paths.texts.failed || paths.ends.failed;
    enum error error = failed ? ERROR_OUT_OF_MEMORY : find_twins(&paths, writer->path);
    buf_release(&paths.prefix);
    buf_release(&paths.texts);
    buf_release(&paths.ends);
    return error;
}

static void write_members(struct writer *writer, json_at object, const struct members *members)
{
    const struct json_document *document = writer->document;
    bool first = true;
    buf_append_byte(writer->out, '{');
    for (json_at m = json_first(object); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        struct slice key = json_string(document, m);
        if ((members != NULL && !counts(members, document, m)) || is_left_out(writer, object, key)) {
            continue;
        }
        if (!first) {
            buf_append_byte(writer->out, ',');
        }
        first = false;
        writer->dots = writer->dots || memchr(key.data, '.', key.len) != NULL;
        buf_append_json_string(writer->out, key);
        buf_append_byte(writer->out, ':');
        write_value(writer, m + 1, false);
    }
    buf_append_byte(writer->out, '}');
}

/* `outermost`: paths begin here (the value itself, or an object in an array). */
static void write_object(struct writer *writer, json_at at, bool outermost)
{
    struct members members;
    bool dots = writer->dots;
    if (!writer->for_json_column) {
        write_members(writer, at, NULL);
        return;
    }
    if (!members_init(&members, writer->document, at)) {
        writer->error = ERROR_OUT_OF_MEMORY;
        return;
    }
    if (outermost) {
        writer->dots = false;
    }
    write_members(writer, at, &members);
    free(members.many);
    if (outermost) {
        if (writer->dots && writer->error == OK) {
            writer->error = check_paths(writer, at);
        }
        writer->dots = dots;
    }
}

static void write_array(struct writer *writer, json_at at)
{
    bool first = true;
    buf_append_byte(writer->out, '[');
    for (json_at m = json_first(at); !json_at_end(writer->document, m); m = json_skip(writer->document, m)) {
        if (!first) {
            buf_append_byte(writer->out, ',');
        }
        first = false;
        write_value(writer, m, true);
    }
    buf_append_byte(writer->out, ']');
}

static void write_double(struct buf *out, double value)
{
    char text[32];
    buf_append(out, text, json_format_double(value, text));
}

/* Recursion is bounded by JSON_MAX_DEPTH. */
static void write_value(struct writer *writer, json_at at, bool outermost)
{
    const struct json_document *document = writer->document;
    switch (json_type(document, at)) {
    case '{': write_object(writer, at, outermost); break;
    case '[': write_array(writer, at); break;
    case '"': buf_append_json_string(writer->out, json_string(document, at)); break;
    case 'l': write_integer(writer->out, json_int64(document, at)); break;
    case 'u': write_natural(writer->out, json_uint64(document, at)); break;
    case 'd': write_double(writer->out, json_double(document, at)); break;
    case 't': buf_append_string(writer->out, "true"); break;
    case 'f': buf_append_string(writer->out, "false"); break;
    default: buf_append_string(writer->out, "null"); break;
    }
}

static enum error write_root(struct writer *writer)
{
    write_value(writer, writer->root, true);
    return writer->out->failed ? ERROR_OUT_OF_MEMORY : writer->error;
}

enum error json_write(const struct json_document *document, json_at at, bool for_json_column, struct buf *out,
                      struct buf *path)
{
    return json_write_unknown(document, at, NULL, for_json_column, out, path);
}

enum error json_write_unknown(const struct json_document *document, json_at at, const struct path_node *known,
                              bool for_json_column, struct buf *out, struct buf *path)
{
    struct writer writer = {
        .document = document,
        .known = known,
        .root = at,
        .for_json_column = for_json_column,
        .out = out,
        .path = path,
        .error = OK,
    };
    return write_root(&writer);
}

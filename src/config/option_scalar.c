/* Turns the text of one scalar into one member of an option struct. */
#include "config/option_scalar.h"

#include "config/option_problem.h"
#include "config/tables/option_table.h"
#include "config/yaml/document.h"
#include "config/yaml/expand.h"
#include "config/yaml/memory.h"
#include "config/yaml/scalar.h"

enum { QUOTE_LIMIT = 60 };

void option_quote(struct buf *out, struct slice text)
{
    if (text.len == 0) {
        buf_append_string(out, "nothing");
        return;
    }
    buf_append_byte(out, '"');
    size_t len = text.len;
    if (len > QUOTE_LIMIT) {
        len = QUOTE_LIMIT;
        while (len > 0 && ((uint8_t)text.data[len] & 0xC0) == 0x80) {
            len--; /* never half of a UTF-8 character */
        }
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        buf_append_byte(out, byte < 0x20 || byte == 0x7F ? '?' : byte);
    }
    buf_append_string(out, len < text.len ? "…\"" : "\"");
}

static void refuse(struct option_reader *reader, int line, const char *path, struct slice text, const char *expected)
{
    struct buf found = { 0 };
    option_quote(&found, text);
    option_problem(reader, line, path, "found %.*s, expected %s", (int)found.len, found.data, expected);
    buf_release(&found);
}

static const struct number_type {
    bool (*parse)(struct slice text, int64_t *value);
    const char *expected;
} number_types[] = {
    [OPTION_INTEGER] = { scalar_integer, "a whole number" },
    [OPTION_SIZE] = { scalar_size, "a size such as 512KiB or 64MiB" },
    [OPTION_DURATION] = { scalar_duration, "a duration such as 500ms, 10s or 1h" },
    [OPTION_SHARE] = { scalar_share, "a share such as 1.0 or 0.05" },
};

/* A bound of the table; its text is ours, so that only "not given" can fail. */
static int64_t bound(const struct number_type *type, const char *text, int64_t otherwise)
{
    int64_t value;
    return text != NULL && type->parse(slice_from_string(text), &value) ? value : otherwise;
}

static void read_number(struct option_reader *reader, const struct option *option, int line, const char *path,
                        struct slice text, void *place)
{
    const struct number_type *type = &number_types[option->type];
    int64_t value;
    if (type->parse(text, &value) && value >= bound(type, option->min, 0) &&
        value <= bound(type, option->max, INT64_MAX)) {
        memcpy(place, &value, sizeof value);
        return;
    }
    struct buf expected = { 0 };
    buf_append_string(&expected, type->expected);
    if (option->max != NULL) {
        buf_printf(&expected, " (range %s to %s)", option->min != NULL ? option->min : "0", option->max);
    }
    const char *message = buf_c_string(&expected);
    refuse(reader, line, path, text, message != NULL ? message : type->expected);
    buf_release(&expected);
}

/* Which of the option's names the text is; -1: none, which is reported. */
static int read_word(struct option_reader *reader, const struct option *option, int line, const char *path,
                     struct slice text)
{
    struct buf expected = { 0 };
    buf_append_string(&expected, "one of ");
    for (int i = 0; option->names[i] != NULL; i++) {
        if (slice_equal_nocase(text, slice_from_string(option->names[i]))) {
            buf_release(&expected);
            return i;
        }
        buf_printf(&expected, "%s%s", i == 0 ? "" : ", ", option->names[i]);
    }
    const char *message = buf_c_string(&expected);
    refuse(reader, line, path, text, message != NULL ? message : "another word");
    buf_release(&expected);
    return -1;
}

static void read_enum(struct option_reader *reader, const struct option *option, int line, const char *path,
                      struct slice text, void *place)
{
    int word = read_word(reader, option, line, path, text);
    if (word >= 0) {
        memcpy(place, &word, sizeof word);
    }
}

/* One more of the set. */
static void read_member(struct option_reader *reader, const struct option *option, int line, const char *path,
                        struct slice text, unsigned *set)
{
    int word = read_word(reader, option, line, path, text);
    if (word >= 0) {
        *set |= 1u << word;
    }
}

/* The value is not repeated: it may be a password. */
static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.data[i] < ' ' || text.data[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

static void read_string(struct option_reader *reader, const struct option *option, int line, const char *path,
                        struct slice text, void *place)
{
    if (text.len != 0 && memchr(text.data, '\0', text.len) != NULL) {
        refuse(reader, line, path, text, "text without NUL characters");
    } else if (option->type == OPTION_STRING && !option->any_text && has_control(text)) {
        option_problem(reader, line, path, "found a line end or another control character, expected none");
    } else if (option->type == OPTION_NAME && !scalar_is_name(text)) {
        refuse(reader, line, path, text, "a name of 1 to 64 letters, digits and _");
    } else if (option->min != NULL && text.len == 0) {
        refuse(reader, line, path, text, "text that is not empty");
    } else {
        const char *copy = memory_copy(reader->memory, text);
        memcpy(place, &copy, sizeof copy);
    }
}

static void read_bool(struct option_reader *reader, int line, const char *path, struct slice text, bool *place)
{
    if (!scalar_bool(text, place)) {
        refuse(reader, line, path, text, "true or false");
    }
}

void option_read_scalar(struct option_reader *reader, const struct option *option, int line, const char *path,
                        struct slice text, void *place)
{
    switch (option->type) {
    case OPTION_STRING:
    case OPTION_NAME: read_string(reader, option, line, path, text, place); break;
    case OPTION_BOOL: read_bool(reader, line, path, text, place); break;
    case OPTION_ENUM: read_enum(reader, option, line, path, text, place); break;
    case OPTION_SET: read_member(reader, option, line, path, text, place); break;
    case OPTION_INTEGER:
    case OPTION_SIZE:
    case OPTION_DURATION:
    case OPTION_SHARE: read_number(reader, option, line, path, text, place); break;
    case OPTION_STRINGS:
    case OPTION_PAIRS:
    case OPTION_GROUP:
    case OPTION_LIST: break; /* never one scalar: option_read.c takes them apart */
    }
}

/* A scalar with the environment in it; false if that cannot be. */
bool option_expand(struct option_reader *reader, const struct node *node, const char *path, struct buf *out)
{
    struct buf problem = { 0 };
    bool done = expand(node->text, reader->lookup, out, &problem);
    if (!done) {
        option_problem(reader, node->line, path, "%.*s", (int)problem.len, problem.data);
    } else if (out->failed) {
        option_problem(reader, node->line, path, "out of memory");
        done = false;
    }
    buf_release(&problem);
    return done;
}

void option_read_single(struct option_reader *reader, const struct option *option, const struct node *node,
                        const char *path, void *place)
{
    if (node->kind != NODE_SCALAR) {
        option_problem(reader, node->line, path, "found %s, expected a single value", node_description(node));
        return;
    }
    struct buf text = { 0 };
    if (option_expand(reader, node, path, &text)) {
        option_read_scalar(reader, option, node->line, path, buf_slice(&text), place);
    }
    buf_release(&text);
}

/* Turns ClickHouse's names of types into how their values are checked and travel. */
#include "event/type_private.h"

#include "base/assert.h"

#include <stdlib.h>

const struct kind_info kind_infos[] = {
#define TYPE(KIND, form, family, width, wire, absent, arguments, low_cardinality, appender, json, since)               \
    [KIND_##KIND] = { form, FAMILY_##family, width, wire, absent, low_cardinality, since },
#include "event/types.def"
};

/* By kind. */
static type_arguments *const argument_readers[] = {
#define TYPE(KIND, form, family, width, wire, absent, arguments, ...) [KIND_##KIND] = type_arguments_##arguments,
#include "event/types.def"
};

static const struct {
    enum kind kind;
    const char *form;
} names[] = {
#define TYPE(KIND, form, ...) { KIND_##KIND, form },
#define TYPE_ALIAS(KIND, form) { KIND_##KIND, form },
#include "event/types.def"
};

static const char allowed[] =
#define TYPE(KIND, form, ...) form ", "
#define TYPE_ALIAS(KIND, form) form ", "
#include "event/types.def"
    "LowCardinality(T), Nullable(T), Array(T), Map(String, String)";

/* How much of a name a message shows. */
static int shown(struct slice name)
{
    return (int)(name.len < 200 ? name.len : 200);
}

/* Notes the first reason why a name is refused. */
static bool refuse(struct buf *problem, struct slice name, const char *why)
{
    buf_printf(problem, "the type \"%.*s\" %s", shown(name), name.data, why);
    return false;
}

struct slice type_trim(struct slice s)
{
    while (s.len != 0 && memchr(" \t\r\n", s.data[0], 4) != NULL) {
        s = slice_after(s, 1);
    }
    while (s.len != 0 && memchr(" \t\r\n", s.data[s.len - 1], 4) != NULL) {
        s.len--;
    }
    return s;
}

/* Splits "Head(arguments)"; without brackets arguments.data is NULL. False if the brackets do not close at the end. */
static bool split_call(struct slice text, struct slice *head, struct slice *arguments)
{
    text = type_trim(text);
    const char *open = text.len == 0 ? NULL : memchr(text.data, '(', text.len);
    if (open == NULL) {
        *head = text;
        *arguments = (struct slice){ NULL, 0 };
        return text.len != 0;
    }
    if (text.data[text.len - 1] != ')') {
        return false;
    }
    *head = type_trim(slice_make(text.data, (size_t)(open - text.data)));
    *arguments = type_trim(slice_make(open + 1, (size_t)(text.data + text.len - 1 - (open + 1))));
    return true;
}

static bool unwrap(struct slice *text, const char *wrapper)
{
    struct slice head, inner;
    if (!split_call(*text, &head, &inner) || inner.data == NULL || !slice_equal(head, slice_from_string(wrapper))) {
        return false;
    }
    *text = inner;
    return true;
}

static bool find_kind(struct slice head, enum kind *kind)
{
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (slice_equal(head, slice_make(names[i].form, strcspn(names[i].form, "(")))) {
            *kind = names[i].kind;
            return true;
        }
    }
    return false;
}

/* Unless it followed from the arguments. */
static void set_default_wire(struct type *type)
{
    const char *text = kind_infos[type->kind].absent;
    if (type->default_wire.len != 0) {
        return;
    }
    if (type->width != 0) {
        buf_append_fill(&type->default_wire, 0, type->width);
        return;
    }
    buf_append_varint(&type->default_wire, strlen(text));
    buf_append_string(&type->default_wire, text);
}

/* The name of the scalar that was read from `text`, as ClickHouse spells it. */
static void append_name(const struct type *type, struct slice text, struct slice arguments, struct buf *name)
{
    if (type->kind == KIND_DECIMAL) {
        buf_printf(name, "Decimal(%u, %u)", type->precision, type->scale);
    } else if (type->kind == KIND_DATETIME64 && arguments.data == NULL) {
        buf_append_string(name, "DateTime64(3)");
    } else {
        buf_append_slice(name, type_trim(text));
    }
}

static void append_wire_name(const struct type *type, struct buf *wire)
{
    const struct kind_info *info = &kind_infos[type->kind];
    if (type->kind == KIND_DATETIME64) {
        buf_printf(wire, "DateTime64(%u)", type->scale);
    } else {
        buf_append_slice(wire, info->wire != NULL ? slice_from_string(info->wire) : kind_name(type->kind));
    }
}

/* Appends the canonical name of the scalar to `name` and its wire name to `wire`. */
static bool parse_scalar(struct type *type, struct slice text, struct buf *name, struct buf *wire, struct buf *problem)
{
    struct slice head, arguments;
    if (!split_call(text, &head, &arguments)) {
        return refuse(problem, text, "has brackets that do not match");
    }
    if (!find_kind(head, &type->kind)) {
        buf_printf(problem, "the type \"%.*s\" is not known here; allowed are %s", shown(text), text.data, allowed);
        return false;
    }
    type->width = kind_infos[type->kind].width;
    const char *wrong = argument_readers[type->kind](type, head, arguments);
    if (wrong != NULL) {
        return refuse(problem, text, wrong);
    }
    set_default_wire(type);
    ASSERT(type->width == 0 || type->width == type->default_wire.len || type->default_wire.failed);
    append_name(type, text, arguments, name);
    append_wire_name(type, wire);
    return true;
}

/* LowCardinality(T), Nullable(T), LowCardinality(Nullable(T)) or T, for scalars T. *nullable says whether it is. */
static bool parse_item(struct type *type, struct slice text, bool *nullable, struct buf *name, struct buf *wire,
                       struct buf *problem)
{
    struct slice whole = text;
    type->low_cardinality = unwrap(&text, "LowCardinality");
    *nullable = unwrap(&text, "Nullable");
    buf_append_string(name, type->low_cardinality ? "LowCardinality(" : "");
    buf_append_string(name, *nullable ? "Nullable(" : "");
    buf_append_string(wire, *nullable ? "Nullable(" : "");
    if (!parse_scalar(type, text, name, wire, problem)) {
        return false;
    }
    buf_append_string(name, *nullable ? ")" : "");
    buf_append_string(wire, *nullable ? ")" : "");
    buf_append_string(name, type->low_cardinality ? ")" : "");
    if (type->low_cardinality && !kind_infos[type->kind].low_cardinality) {
        return refuse(problem, whole, "cannot be a LowCardinality in ClickHouse");
    }
    return true;
}

/* Only Map(String, String), either of them LowCardinality. */
static bool parse_map(struct type *type, struct slice inner, struct buf *name, struct buf *wire)
{
    struct slice key = { NULL, 0 };
    struct slice value = inner;
    (void)slice_split(&value, ',', &key);
    if (value.data == NULL) {
        return false;
    }
    bool low_key = unwrap(&key, "LowCardinality");
    type->low_cardinality = unwrap(&value, "LowCardinality");
    if (!slice_equal(type_trim(key), SLICE("String")) || !slice_equal(type_trim(value), SLICE("String"))) {
        return false;
    }
    type->kind = KIND_STRING;
    set_default_wire(type);
    buf_printf(name, "Map(%s, %s)", low_key ? "LowCardinality(String)" : "String",
               type->low_cardinality ? "LowCardinality(String)" : "String");
    buf_append_string(wire, "Map(String, String)");
    return true;
}

static bool parse_shape(struct type *type, struct slice text, struct buf *name, struct buf *wire, struct buf *problem)
{
    struct slice inner = text;
    bool nullable;
    if (unwrap(&inner, "Map")) {
        type->shape = SHAPE_MAP;
        return parse_map(type, inner, name, wire) ||
               refuse(problem, text, "is not a map that is known here; allowed is Map(String, String)");
    }
    if (unwrap(&inner, "Array")) {
        type->shape = SHAPE_ARRAY;
        buf_append_string(name, "Array(");
        buf_append_string(wire, "Array(");
        if (!parse_item(type, inner, &type->nullable_items, name, wire, problem)) {
            return false;
        }
        buf_append_string(name, ")");
        buf_append_string(wire, ")");
        return true;
    }
    if (!parse_item(type, text, &nullable, name, wire, problem)) {
        return false;
    }
    type->shape = nullable ? SHAPE_NULLABLE : SHAPE_SCALAR;
    return true;
}

/* The text as a string of its own; NULL: memory was short. */
static char *take_text(struct buf *text)
{
    char *taken = (char *)(uintptr_t)buf_c_string(text);
    if (taken == NULL) {
        buf_release(text);
    }
    return taken;
}

static bool parse(struct type *type, struct slice name, struct buf *problem, bool *out_of_memory)
{
    struct buf canonical = { 0 }, wire = { 0 };
    *type = (struct type){ 0 };
    bool fine = parse_shape(type, type_trim(name), &canonical, &wire, problem);
    type->name = take_text(&canonical);
    type->wire_name = take_text(&wire);
    *out_of_memory = fine && (type->name == NULL || type->wire_name == NULL || type->default_wire.failed);
    if (*out_of_memory) {
        fine = refuse(problem, name, TYPE_OUT_OF_MEMORY);
    }
    if (!fine) {
        type_release(type);
    }
    return fine;
}

bool type_parse(struct type *type, struct slice name, struct buf *problem)
{
    bool out_of_memory;
    return parse(type, name, problem, &out_of_memory);
}

void type_release(struct type *type)
{
    for (size_t i = 0; i < type->enum_count; i++) {
        free(type->enum_names[i]);
    }
    free(type->enum_names);
    free(type->name);
    free(type->wire_name);
    buf_release(&type->default_wire);
    *type = (struct type){ 0 };
}

bool type_parse_wire(struct type *type, struct slice wire_name, bool *out_of_memory)
{
    struct buf problem = { 0 };
    bool fine = parse(type, wire_name, &problem, out_of_memory);
    buf_release(&problem);
    if (fine && !slice_equal(wire_name, slice_from_string(type->wire_name))) {
        type_release(type);
        return false;
    }
    return fine;
}

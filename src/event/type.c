/* Turns ClickHouse's names of types into how their values are checked and travel. */
#include "event/type.h"

#include <stdlib.h>

struct scalar_name {
    const char *name;
    enum kind kind;
    uint8_t width;
    const char *wire; /* NULL: the name itself */
};

static const struct scalar_name scalar_names[] = {
    { "String", KIND_STRING, 0, NULL },
    { "FixedString", KIND_FIXED_STRING, 0, "String" },
    { "Bool", KIND_BOOL, 1, "UInt8" },
    { "Int8", KIND_INT8, 1, NULL },
    { "Int16", KIND_INT16, 2, NULL },
    { "Int32", KIND_INT32, 4, NULL },
    { "Int64", KIND_INT64, 8, NULL },
    { "UInt8", KIND_UINT8, 1, NULL },
    { "UInt16", KIND_UINT16, 2, NULL },
    { "UInt32", KIND_UINT32, 4, NULL },
    { "UInt64", KIND_UINT64, 8, NULL },
    { "Float32", KIND_FLOAT32, 4, NULL },
    { "Float64", KIND_FLOAT64, 8, NULL },
    { "Date", KIND_DATE, 2, NULL },
    { "DateTime", KIND_DATETIME, 4, NULL },
    { "DateTime64", KIND_DATETIME64, 8, NULL },
    { "UUID", KIND_UUID, 16, NULL },
    { "Enum8", KIND_ENUM, 0, "String" },
    { "Enum16", KIND_ENUM, 0, "String" },
    { "Decimal", KIND_DECIMAL, 0, "String" },
    { "Decimal32", KIND_DECIMAL, 0, "String" },
    { "Decimal64", KIND_DECIMAL, 0, "String" },
    { "Decimal128", KIND_DECIMAL, 0, "String" },
    { "IPv4", KIND_IPV4, 0, "String" },
    { "IPv6", KIND_IPV6, 0, "String" },
    { "JSON", KIND_JSON, 0, "String" },
};

#define SUPPORTED                                                                                                      \
    "String, FixedString(N), Bool, Int8 to Int64, UInt8 to UInt64, Float32, Float64, Date, DateTime, DateTime64(S), "  \
    "UUID, Enum8(…), Enum16(…), Decimal(P, S), IPv4, IPv6, JSON, LowCardinality(T), Nullable(T), Array(T), "       \
    "Map(String, String)"

#define ENUM_FORM "needs names, as in Enum8('a' = 1, 'b' = 2)"
#define OUT_OF_MEMORY "could not be kept: out of memory"

/* Notes the first reason why a name is refused. */
static bool refuse(struct buf *problem, struct slice name, const char *why)
{
    buf_printf(problem, "the type \"%.*s\" %s", (int)(name.len < 200 ? name.len : 200), name.data, why);
    return false;
}

static struct slice trim(struct slice s)
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
    text = trim(text);
    const char *open = text.len == 0 ? NULL : memchr(text.data, '(', text.len);
    if (open == NULL) {
        *head = text;
        *arguments = (struct slice){ NULL, 0 };
        return text.len != 0;
    }
    if (text.data[text.len - 1] != ')') {
        return false;
    }
    *head = trim(slice_make(text.data, (size_t)(open - text.data)));
    *arguments = trim(slice_make(open + 1, (size_t)(text.data + text.len - 1 - (open + 1))));
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

static bool small_number(struct slice text, uint64_t low, uint64_t high, uint64_t *value)
{
    return slice_to_u64(trim(text), value) && *value >= low && *value <= high;
}

/* Reads 'text' with ClickHouse's escapes from the front of *rest into a new string. */
static char *quoted(struct slice *rest)
{
    size_t len = 0;
    char *text = rest->len > 1 && rest->data[0] == '\'' ? malloc(rest->len) : NULL;
    for (size_t i = 1; text != NULL && i < rest->len; i++) {
        bool doubled = rest->data[i] == '\'' && i + 1 < rest->len && rest->data[i + 1] == '\'';
        if (rest->data[i] == '\'' && !doubled) {
            text[len] = '\0';
            *rest = trim(slice_after(*rest, i + 1));
            return text;
        }
        if ((rest->data[i] == '\\' || doubled) && i + 1 < rest->len) {
            i++;
        }
        text[len++] = rest->data[i];
    }
    free(text);
    return NULL;
}

static bool add_enum_name(struct type *type, char *name)
{
    char **names = realloc(type->enum_names, (type->enum_count + 1) * sizeof *names);
    if (names == NULL) {
        free(name);
        return false;
    }
    type->enum_names = names;
    type->enum_names[type->enum_count++] = name;
    return true;
}

/* Reads " = number" if it is there. */
static bool enum_number(struct slice *rest, int64_t *number)
{
    if (rest->len == 0 || rest->data[0] != '=') {
        return true;
    }
    size_t len = 1;
    while (len < rest->len && rest->data[len] != ',') {
        len++;
    }
    bool fine = slice_to_i64(trim(slice_make(rest->data + 1, len - 1)), number);
    *rest = slice_after(*rest, len);
    return fine;
}

/* An Enum as far as it is read. */
struct enum_reading {
    struct type *type;
    int64_t limit;      /* numbers go from -limit - 1 to limit */
    int64_t number;     /* of the name read last */
    int64_t lowest;     /* what is the default */
    struct buf numbers; /* int64_t, of all names */
};

static bool has_number(const struct enum_reading *reading, int64_t number)
{
    for (size_t at = 0; at < reading->numbers.len; at += sizeof number) {
        if (memcmp(reading->numbers.data + at, &number, sizeof number) == 0) {
            return true;
        }
    }
    return false;
}

/* What ClickHouse refuses when the table is made. NULL if it is fine, else why not. */
static const char *check_enum_number(struct enum_reading *reading)
{
    int64_t number = reading->number;
    if (number > reading->limit || number < -reading->limit - 1) {
        return reading->limit == INT8_MAX ? "needs numbers from -128 to 127; for others there is Enum16"
                                          : "needs numbers from -32768 to 32767";
    }
    if (has_number(reading, number)) {
        return "gives one number to two names; each needs its own";
    }
    buf_append(&reading->numbers, &number, sizeof number);
    return reading->numbers.failed ? OUT_OF_MEMORY : NULL;
}

/* Reads 'name' or 'name' = number from the front of *rest. NULL if it is fine, else why not. */
static const char *read_enum_name(struct enum_reading *reading, struct slice *rest)
{
    struct type *type = reading->type;
    char *name = quoted(rest);
    bool twice = name != NULL && type_has_enum_name(type, name);
    reading->number++;
    if (name == NULL || !add_enum_name(type, name) || !enum_number(rest, &reading->number)) {
        return ENUM_FORM;
    }
    const char *wrong = twice ? "has one name twice; each may stand there once" : check_enum_number(reading);
    if (wrong == NULL && reading->number < reading->lowest) {
        reading->lowest = reading->number;
        buf_clear(&type->default_wire);
        buf_append_varint(&type->default_wire, strlen(name));
        buf_append_string(&type->default_wire, name);
    }
    return wrong;
}

static const char *parse_enum(struct type *type, struct slice head, struct slice arguments)
{
    struct enum_reading reading = {
        .type = type,
        .limit = slice_equal(head, SLICE("Enum8")) ? INT8_MAX : INT16_MAX,
        .lowest = INT64_MAX,
    };
    const char *wrong = read_enum_name(&reading, &arguments);
    while (wrong == NULL && arguments.len != 0) {
        bool goes_on = arguments.data[0] == ',';
        arguments = trim(slice_after(arguments, 1));
        wrong = goes_on ? read_enum_name(&reading, &arguments) : ENUM_FORM;
    }
    buf_release(&reading.numbers);
    return wrong;
}

static bool parse_decimal(struct type *type, struct slice head, struct slice arguments)
{
    static const struct {
        const char *name;
        uint8_t precision;
    } fixed[] = { { "Decimal32", 9 }, { "Decimal64", 18 }, { "Decimal128", 38 } };
    uint64_t precision = 0, scale = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++) {
        if (slice_equal(head, slice_from_string(fixed[i].name))) {
            precision = fixed[i].precision;
        }
    }
    struct slice piece;
    if (precision == 0 && (!slice_split(&arguments, ',', &piece) || !small_number(piece, 1, 76, &precision))) {
        return false;
    }
    bool scaled = slice_split(&arguments, ',', &piece);
    if ((scaled && !small_number(piece, 0, precision, &scale)) || arguments.data != NULL) {
        return false;
    }
    type->precision = (uint8_t)precision;
    type->scale = (uint8_t)scale;
    return true;
}

/* DateTime64(S), DateTime64(S, 'zone'). */
static bool parse_datetime64(struct type *type, struct slice arguments)
{
    uint64_t scale = 3;
    struct slice piece;
    if (slice_split(&arguments, ',', &piece) && !small_number(piece, 0, 9, &scale)) {
        return false;
    }
    type->scale = (uint8_t)scale;
    struct slice zone = arguments.data == NULL ? SLICE("''") : trim(arguments);
    return zone.len >= 2 && zone.data[0] == '\'' && zone.data[zone.len - 1] == '\'';
}

/* What stands in the brackets of a scalar; NULL if it is fine, else why not. */
static const char *parse_arguments(struct type *type, struct slice head, struct slice arguments)
{
    uint64_t length;
    switch (type->kind) {
    case KIND_FIXED_STRING:
        if (!small_number(arguments, 1, 1 << 24, &length)) {
            return "needs a length from 1 to 16777216, as in FixedString(16)";
        }
        type->length = (uint32_t)length;
        return NULL;
    case KIND_ENUM: return parse_enum(type, head, arguments);
    case KIND_DECIMAL:
        return parse_decimal(type, head, arguments) ? NULL
                                                    : "needs a precision up to 76 and a scale, as in Decimal(18, 4)";
    case KIND_DATETIME64:
        return parse_datetime64(type, arguments) ? NULL : "needs a scale from 0 to 9, as in DateTime64(3)";
    case KIND_DATETIME:
        return arguments.data == NULL || arguments.data[0] == '\'' ? NULL : "takes only a time zone in quotes";
    case KIND_JSON: return NULL;
    default: return arguments.data == NULL ? NULL : "takes no arguments";
    }
}

static void set_default_wire(struct type *type)
{
    const char *text = type->kind == KIND_DECIMAL ? "0"
                       : type->kind == KIND_IPV4  ? "0.0.0.0"
                       : type->kind == KIND_IPV6  ? "::"
                       : type->kind == KIND_JSON  ? "{}"
                                                  : "";
    if (type->kind == KIND_ENUM) {
        return;
    }
    if (type->width != 0) {
        buf_append_fill(&type->default_wire, 0, type->width);
        return;
    }
    buf_append_varint(&type->default_wire, strlen(text));
    buf_append_string(&type->default_wire, text);
}

/* Appends the canonical name of the scalar to `name` and its wire name to `wire`. */
static bool parse_scalar(struct type *type, struct slice text, struct buf *name, struct buf *wire, struct buf *problem)
{
    struct slice head, arguments;
    const struct scalar_name *found = NULL;
    if (!split_call(text, &head, &arguments)) {
        return refuse(problem, text, "has brackets that do not match");
    }
    for (size_t i = 0; i < ARRAY_LENGTH(scalar_names) && found == NULL; i++) {
        if (slice_equal(head, slice_from_string(scalar_names[i].name))) {
            found = &scalar_names[i];
        }
    }
    if (found == NULL) {
        return refuse(problem, text, "is not known here; allowed are " SUPPORTED);
    }
    type->kind = found->kind;
    type->width = found->width;
    const char *wrong = parse_arguments(type, head, arguments);
    if (wrong != NULL) {
        return refuse(problem, text, wrong);
    }
    set_default_wire(type);
    if (type->kind == KIND_DECIMAL) {
        buf_printf(name, "Decimal(%u, %u)", type->precision, type->scale);
    } else if (type->kind == KIND_DATETIME64 && arguments.data == NULL) {
        buf_append_string(name, "DateTime64(3)");
    } else {
        buf_append_slice(name, trim(text));
    }
    if (type->kind == KIND_DATETIME64) {
        buf_printf(wire, "DateTime64(%u)", type->scale);
    } else {
        buf_append_string(wire, found->wire != NULL ? found->wire : found->name);
    }
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
    if (type->low_cardinality && (type->kind == KIND_JSON || type->kind == KIND_ENUM || type->kind == KIND_DECIMAL ||
                                  type->kind == KIND_DATETIME64)) {
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
    if (!slice_equal(trim(key), SLICE("String")) || !slice_equal(trim(value), SLICE("String"))) {
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
    bool fine = parse_shape(type, trim(name), &canonical, &wire, problem);
    type->name = take_text(&canonical);
    type->wire_name = take_text(&wire);
    *out_of_memory = fine && (type->name == NULL || type->wire_name == NULL || type->default_wire.failed);
    if (*out_of_memory) {
        fine = refuse(problem, name, OUT_OF_MEMORY);
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

bool type_has_enum_name(const struct type *type, const char *name)
{
    for (size_t i = 0; i < type->enum_count; i++) {
        if (strcmp(type->enum_names[i], name) == 0) {
            return true;
        }
    }
    return false;
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

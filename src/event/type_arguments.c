/* Turns what stands in the brackets of a scalar's name into what its values may be: lengths, precisions, names. */
#include "event/type_private.h"

#include <stdlib.h>

#define ENUM_FORM "needs names, as in Enum8('a' = 1, 'b' = 2)"

static bool small_number(struct slice text, uint64_t low, uint64_t high, uint64_t *value)
{
    return slice_to_u64(type_trim(text), value) && *value >= low && *value <= high;
}

const char *type_arguments_none(struct type *type, struct slice head, struct slice arguments)
{
    (void)type, (void)head;
    return arguments.data == NULL ? NULL : "takes no arguments";
}

const char *type_arguments_any(struct type *type, struct slice head, struct slice arguments)
{
    (void)type, (void)head, (void)arguments;
    return NULL;
}

const char *type_arguments_zone(struct type *type, struct slice head, struct slice arguments)
{
    (void)type, (void)head;
    return arguments.data == NULL || arguments.data[0] == '\'' ? NULL : "takes only a time zone in quotes";
}

const char *type_arguments_length(struct type *type, struct slice head, struct slice arguments)
{
    uint64_t length;
    (void)head;
    if (!small_number(arguments, 1, 1 << 24, &length)) {
        return "needs a length from 1 to 16777216, as in FixedString(16)";
    }
    type->length = (uint32_t)length;
    return NULL;
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

/* Reads 'text' with ClickHouse's escapes from the front of *rest into a new string. */
static char *quoted(struct slice *rest)
{
    size_t len = 0;
    char *text = rest->len > 1 && rest->data[0] == '\'' ? malloc(rest->len) : NULL;
    for (size_t i = 1; text != NULL && i < rest->len; i++) {
        bool doubled = rest->data[i] == '\'' && i + 1 < rest->len && rest->data[i + 1] == '\'';
        if (rest->data[i] == '\'' && !doubled) {
            text[len] = '\0';
            *rest = type_trim(slice_after(*rest, i + 1));
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
    bool fine = slice_to_i64(type_trim(slice_make(rest->data + 1, len - 1)), number);
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
    return reading->numbers.failed ? TYPE_OUT_OF_MEMORY : NULL;
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

const char *type_arguments_names(struct type *type, struct slice head, struct slice arguments)
{
    struct enum_reading reading = {
        .type = type,
        .limit = slice_equal(head, SLICE("Enum8")) ? INT8_MAX : INT16_MAX,
        .lowest = INT64_MAX,
    };
    const char *wrong = read_enum_name(&reading, &arguments);
    while (wrong == NULL && arguments.len != 0) {
        bool goes_on = arguments.data[0] == ',';
        arguments = type_trim(slice_after(arguments, 1));
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

const char *type_arguments_precision(struct type *type, struct slice head, struct slice arguments)
{
    return parse_decimal(type, head, arguments) ? NULL : "needs a precision up to 76 and a scale, as in Decimal(18, 4)";
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
    struct slice zone = arguments.data == NULL ? SLICE("''") : type_trim(arguments);
    return zone.len >= 2 && zone.data[0] == '\'' && zone.data[zone.len - 1] == '\'';
}

const char *type_arguments_scale(struct type *type, struct slice head, struct slice arguments)
{
    (void)head;
    return parse_datetime64(type, arguments) ? NULL : "needs a scale from 0 to 9, as in DateTime64(3)";
}

/* ClickHouse column types: from their names to how a value is checked and how it travels.
 *
 * A type has a shape (scalar, Nullable, Array, Map) around one scalar kind, a row of types.def. On the wire to the store only a dozen
 * scalars are written; the rest travel as String and the server converts them on INSERT (LowCardinality, Enum, JSON,
 * Decimal, IPv4, IPv6, FixedString; measured with ClickHouse 26.7). What the server could then refuse is refused by
 * validate.c instead. */
#pragma once

#include "base/bytes.h"

enum kind {
#define TYPE(KIND, ...) KIND_##KIND,
#include "event/types.def"
};

/* What a kind is to the rules of fields: which take lengths, bounds, ages. */
enum kind_family {
    FAMILY_TEXT,
    FAMILY_BOOL,
    FAMILY_SIGNED,
    FAMILY_UNSIGNED,
    FAMILY_FLOAT,
    FAMILY_DECIMAL, /* a number that travels as text: digits are kept */
    FAMILY_TIME,
    FAMILY_OTHER,
};

/* The columns of types.def that others than type.c ask for. */
struct kind_info {
    const char *form;
    enum kind_family family;
    uint8_t width;
    const char *wire;
    const char *absent;
    bool low_cardinality;
    int since;
};

extern const struct kind_info kind_infos[]; /* by kind */

enum shape { SHAPE_SCALAR, SHAPE_NULLABLE, SHAPE_ARRAY, SHAPE_MAP /* Map(String, String) */ };

struct type {
    enum kind kind;
    enum shape shape;
    bool low_cardinality;
    bool nullable_items;     /* Array(Nullable(T)) */
    uint32_t length;         /* FixedString(N) */
    uint8_t precision;       /* Decimal(P, S) */
    uint8_t scale;           /* Decimal(P, S), DateTime64(S) */
    uint8_t width;           /* bytes of one scalar on the wire; 0: a varint-prefixed string */
    struct buf default_wire; /* one scalar: what ClickHouse takes an absent value for; owned */
    char **enum_names;       /* owned, unescaped */
    size_t enum_count;
    char *name;      /* as ClickHouse spells it in DDL; owned */
    char *wire_name; /* of the column in a Native block; owned */
};

/* Parses a type's name, spaces allowed as ClickHouse allows them. On failure *problem (a buf to append to) says what is
 * wrong and what is allowed. */
MUST_CHECK bool type_parse(struct type *type, struct slice name, struct buf *problem);

void type_release(struct type *type);

/* Of an Enum. */
bool type_has_enum_name(const struct type *type, const char *name);

static inline enum kind_family kind_family(enum kind kind)
{
    return kind_infos[kind].family;
}

/* Without brackets. */
static inline struct slice kind_name(enum kind kind)
{
    return slice_make(kind_infos[kind].form, strcspn(kind_infos[kind].form, "("));
}

static inline bool kind_is_integer(enum kind kind)
{
    return kind_family(kind) == FAMILY_SIGNED || kind_family(kind) == FAMILY_UNSIGNED;
}

/* Date, DateTime, DateTime64. */
static inline bool kind_is_time(enum kind kind)
{
    return kind_family(kind) == FAMILY_TIME;
}

/* The type of a Native column, for reading blocks back: only what wire_name can be. *out_of_memory says whether it failed
 * for want of memory alone. */
MUST_CHECK bool type_parse_wire(struct type *type, struct slice wire_name, bool *out_of_memory);

/* May a column of the table declared `table_type` (as system.columns says) take this type's wire form? With `converts` false
 * (ClickHouse 18.16 does not convert Native columns) only the same type, LowCardinality aside. */
bool type_fits(const struct type *type, struct slice table_type, bool converts);

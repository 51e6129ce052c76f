/* ClickHouse column types: from their names to how a value is checked and how it travels.
 *
 * A type has a shape (scalar, Nullable, Array, Map) around one scalar kind. On the wire to the store only a dozen
 * scalars are written; the rest travel as String and the server converts them on INSERT (LowCardinality, Enum, JSON,
 * Decimal, IPv4, IPv6, FixedString; measured with ClickHouse 26.7). What the server could then refuse is refused by
 * validate.c instead. */
#pragma once

#include "base/bytes.h"

enum kind {
    KIND_STRING,
    KIND_FIXED_STRING, /* length bytes at most; String on the wire */
    KIND_BOOL,         /* UInt8 on the wire */
    KIND_INT8,
    KIND_INT16,
    KIND_INT32,
    KIND_INT64,
    KIND_UINT8,
    KIND_UINT16,
    KIND_UINT32,
    KIND_UINT64,
    KIND_FLOAT32,
    KIND_FLOAT64,
    KIND_DATE,       /* UInt16 days since 1970 */
    KIND_DATETIME,   /* UInt32 seconds */
    KIND_DATETIME64, /* Int64 ticks of 10^-scale seconds */
    KIND_UUID,       /* two little-endian UInt64, the high one first */
    KIND_ENUM,       /* String on the wire */
    KIND_DECIMAL,    /* String on the wire */
    KIND_IPV4,       /* String on the wire */
    KIND_IPV6,       /* String on the wire */
    KIND_JSON,       /* String on the wire */
};

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

/* Date, DateTime, DateTime64. */
static inline bool kind_is_time(enum kind kind)
{
    return kind == KIND_DATE || kind == KIND_DATETIME || kind == KIND_DATETIME64;
}

/* The type of a Native column, for reading blocks back: only what wire_name can be. *out_of_memory says whether it failed
 * for want of memory alone. */
MUST_CHECK bool type_parse_wire(struct type *type, struct slice wire_name, bool *out_of_memory);

/* May a column of the table declared `table_type` (as system.columns says) take this type's wire form? With `converts` false
 * (ClickHouse 18.16 does not convert Native columns) only the same type, LowCardinality aside. */
bool type_fits(const struct type *type, struct slice table_type, bool converts);

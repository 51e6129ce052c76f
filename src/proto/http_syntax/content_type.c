/* Turns a media type into what a body of it may be. */
#include "proto/http_syntax/content_type.h"

struct known {
    struct slice name;
    enum http_content content;
};

#define ROW(text, kind)                                                                                                \
    {                                                                                                                  \
        { text, sizeof(text) - 1 }, CONTENT_##kind                                                                     \
    }

/* Whole types; the commonest first. */
static const struct known types[] = {
    ROW("application/json", OTHER),
    ROW("application/x-ndjson", NDJSON),
    ROW("application/ndjson", NDJSON),
    ROW("application/jsonl", NDJSON),
    ROW("application/x-jsonlines", NDJSON),
    ROW("application/x-www-form-urlencoded", FORM),
    ROW("multipart/form-data", MULTIPART),
    ROW("application/xml", FOREIGN),
    ROW("application/pdf", FOREIGN),
    ROW("application/zip", FOREIGN),
    ROW("application/gzip", FOREIGN),
    ROW("application/x-gzip", FOREIGN),
    ROW("application/zstd", FOREIGN),
    ROW("application/x-tar", FOREIGN),
    ROW("application/yaml", FOREIGN),
    ROW("application/x-yaml", FOREIGN),
    ROW("application/cbor", FOREIGN),
    ROW("application/msgpack", FOREIGN),
    ROW("application/x-msgpack", FOREIGN),
    ROW("application/vnd.msgpack", FOREIGN),
    ROW("application/protobuf", FOREIGN),
    ROW("application/x-protobuf", FOREIGN),
    ROW("application/vnd.google.protobuf", FOREIGN),
    ROW("application/grpc", FOREIGN),
    ROW("application/avro", FOREIGN),
    ROW("application/x-thrift", FOREIGN),
    ROW("application/vnd.apache.parquet", FOREIGN),
    ROW("application/vnd.apache.arrow.stream", FOREIGN),
    ROW("text/html", FOREIGN),
    ROW("text/xml", FOREIGN),
    ROW("text/csv", FOREIGN),
    ROW("text/css", FOREIGN),
    ROW("text/yaml", FOREIGN),
    ROW("text/markdown", FOREIGN),
};

/* What a type begins with, and the suffixes of RFC 6838, 4.2.8. */
static const struct slice foreign_kinds[] = {
    { "multipart/", 10 }, { "image/", 6 }, { "audio/", 6 },   { "video/", 6 },
    { "font/", 5 },       { "model/", 6 }, { "message/", 8 },
};
static const struct slice foreign_suffixes[] = {
    { "+xml", 4 }, { "+cbor", 5 }, { "+zip", 4 }, { "+gzip", 5 }, { "+zstd", 5 }, { "+protobuf", 9 }, { "+yaml", 5 },
};

static bool is_of_kind(struct slice type, struct slice kind)
{
    return type.len >= kind.len && slice_equal_nocase(slice_make(type.data, kind.len), kind);
}

static bool has_suffix(struct slice type, struct slice suffix)
{
    return type.len >= suffix.len && slice_equal_nocase(slice_after(type, type.len - suffix.len), suffix);
}

enum http_content http_content_of(struct slice type)
{
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        if (slice_equal_nocase(type, types[i].name)) {
            return types[i].content;
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(foreign_kinds); i++) {
        if (is_of_kind(type, foreign_kinds[i])) {
            return CONTENT_FOREIGN;
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(foreign_suffixes); i++) {
        if (has_suffix(type, foreign_suffixes[i])) {
            return CONTENT_FOREIGN;
        }
    }
    return CONTENT_OTHER;
}

/* A stream that has every type, for fuzzers, with what turns JSON into its rows. */
#pragma once

#include "config/config.h"
#include "event/chunk.h"
#include "event/stream.h"
#include "pipeline/validate/validate.h"
#include "pipeline/validate/validate_plan.h"

#include <stdio.h>
#include <stdlib.h>

#define RECEIVED_NS INT64_C(1732233600000000000)

static const char every_type_yaml[] =
    "streams:\n"
    "  - name: s\n"
    "    dedup_key: [k, t, kn]\n"
    "    unknown_fields: collect\n"
    "    collect_into: rest\n"
    "    max_keys: 20\n"
    "    max_paths: 10\n"
    "    max_event: 600\n"
    "    fields:\n"
    "      - { name: k, type: String, required: true, max_length: 16 }\n"
    "      - { name: t, type: DateTime64(3), default: now, max_future: 5m }\n"
    "      - { name: c, type: LowCardinality(String), one_of: [a, b] }\n"
    "      - { name: u8, type: UInt8 }\n"
    "      - { name: u64, type: UInt64 }\n"
    "      - { name: i32, type: Int32, min: -5, max: 5 }\n"
    "      - { name: i64, type: Nullable(Int64) }\n"
    "      - { name: f, type: Float32 }\n"
    "      - { name: d, type: 'Decimal(18, 4)' }\n"
    "      - { name: day, type: Date }\n"
    "      - { name: dt, type: DateTime }\n"
    "      - { name: id, type: UUID }\n"
    "      - { name: ip, type: IPv4 }\n"
    "      - { name: ip6, type: IPv6 }\n"
    "      - { name: b, type: Bool }\n"
    "      - { name: m, type: 'Map(String, String)' }\n"
    "      - { name: a, type: Array(String), from: 'items[].id' }\n"
    "      - { name: p, type: Array(Float64), from: 'items[].price' }\n"
    "      - { name: n, type: Array(Nullable(Int32)) }\n"
    "      - { name: e, type: \"Enum8('x' = 1, 'y' = 2)\" }\n"
    "      - { name: fs, type: FixedString(4) }\n"
    "      - { name: j, type: JSON }\n"
    "      - { name: rest, type: String }\n"
    "      - { name: nb, type: Array(String), not_blank: true, trim: true }\n"
    "      - { name: un, type: DateTime, unit: s, min: 1, max: now }\n"
    "      - { name: um, type: Array(DateTime64(3)), unit: ms, min: 2000-01-01 }\n"
    "      - { name: jo, type: String, json: object, max_length: 100 }\n"
    "      - { name: ja, type: Array(String), json: any }\n"
    "      - { name: lo, type: String, trim: true, lower: true, max_length: 8 }\n"
    "      - { name: up, type: FixedString(4), trim: true, upper: true }\n"
    "      - { name: us, type: String, trim: true, url: [strip_query, strip_scheme] }\n"
    "      - { name: uh, type: String, url: [host_path, absolute], lower: true }\n"
    "      - { name: le, type: UInt8, lenient: true }\n"
    "      - { name: lb, type: Bool, lenient: true }\n"
    "      - { name: lf, type: Nullable(Float64), lenient: true }\n"
    "      - { name: la, type: Array(UInt8), lenient: true, max_items: 3, from: 'items[].n' }\n"
    "      - { name: lm, type: 'Map(String, String)', lenient: true, max_items: 2 }\n"
    "      - { name: lt, type: DateTime, lenient: true, default: now }\n"
    "      - { name: row, type: UUID, fill: event_id, from: [eid, k] }\n"
    "      - { name: mk, type: String, fill: uuid }\n"
    "      - { name: kn, type: LowCardinality(String), fill: key_name }\n"
    "      - { name: hr, type: String, fill: referer, url: [host_path] }\n";

static struct {
    struct stream *stream;
    struct validator *validator;
    struct chunk *chunk;
    struct json_parser *parser;
} every_type;

static inline void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static const char *every_type_nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

static inline void every_type_set_up(void)
{
    static struct config config; /* the stream borrows from it */
    struct buf problems = { 0 };
    if (config_parse(&config, "fuzz", SLICE(every_type_yaml), every_type_nothing_set, &problems)) {
        every_type.stream = stream_compile(&config.streams[0], 0, &problems);
    }
    if (every_type.stream == NULL) {
        fprintf(stderr, "%s\n", buf_c_string(&problems));
        abort();
    }
    struct validate_plans *plans = validate_plans_new(&every_type.stream, 1);
    must(plans != NULL);
    every_type.validator = validator_new(plans);
    every_type.chunk = chunk_new(every_type.stream);
    every_type.parser = json_parser_new();
    must(every_type.validator != NULL && every_type.chunk != NULL && every_type.parser != NULL);
}
